"""What every service of a case begins with: may this person do it, is the case open, are the words usable."""

from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.models import AuditedModel
from davylamp.desk.cases.models import Case, CaseState
from davylamp.desk.core.workflow import Refused
from davylamp.desk.registry.tree import subtree

M = TypeVar("M", bound=AuditedModel)
CLOCKS_DIFFER: Final = timedelta(minutes=5)  # judged: the browser's clock against the desk's
MOST_TEXT: Final = 20_000  # characters; judged: ten pages


def hold(holder: Holder, action: str, case: Case, *, even_closed: bool = False) -> Case:
    """The case under lock, fresh, after the policy was asked; call it inside a transaction.

    Raises:
        Hidden, Forbidden: by the policy.
        Refused: E-CAS-001 when it is closed.
    """
    policy.check(holder, action, case)
    held = Case._base_manager.select_for_update().get(pk=case.pk)
    if held.state == CaseState.CLOSED and not even_closed:
        raise Refused(
            "E-CAS-001", _("the case is closed"), _("what came after belongs to a new case that names it")
        )
    return held


def fresh(row: M) -> M:
    """A row under lock, as it is now; call it inside a transaction."""
    found: M = type(row)._base_manager.select_for_update().get(pk=row.pk)
    return found


def words(given: Any, name: str, most: int = MOST_TEXT, *, needed: bool = True) -> str:
    """A person's words, cleaned.

    Raises:
        Refused: E-CAS-002 when they are missing or too long.
    """
    plain = str(given or "").replace("\x00", "").strip()
    if needed and not plain:
        raise Refused("E-CAS-002", _("%(field)s is missing") % {"field": name}, _("fill it in"))
    if len(plain) > most:
        told = _("%(field)s has more than %(n)s characters") % {"field": name, "n": most}
        raise Refused("E-CAS-002", told, _("shorten it"))
    return plain


def moment(given: datetime | None, name: str) -> datetime:
    """A time with its zone that is not yet to come.

    Raises:
        Refused: E-CAS-003.
    """
    if given is None or timezone.is_naive(given):
        raise Refused(
            "E-CAS-003", _("%(field)s needs a time with its zone") % {"field": name}, _("fill it in")
        )
    if given > timezone.now() + CLOCKS_DIFFER:
        raise Refused("E-CAS-003", _("%(field)s lies in the future") % {"field": name}, _("correct it"))
    return given


def choice(given: str, known: Any, name: str) -> str:
    """One of a list.

    Raises:
        Refused: E-CAS-004.
    """
    if given not in known:
        told = _("%(value)s is no %(field)s") % {"value": repr(str(given)[:40]), "field": name}
        raise Refused("E-CAS-004", told, _("choose one from the list"))
    return given


def belongs_to(holder: Holder, organisation_code: str) -> bool:
    """Whether the holder is a contact of the organisation or of one above it."""
    return any(
        s.duty == Duty.CONTACT and organisation_code in subtree(s.organisation_code) for s in holder.seats
    )
