"""The one policy: who may see and do what. Every page, count, search, export, document and API answer goes through it.

Four things are asked of every item, and any of them can deny:

==============  ====================================================================================
where           its region lies in the subtree of a posting, or its organisation in the contact's own
duty            the posting's duty may do this to that kind of item (`MATRIX`)
relation        no recusal from its organisation; for some duties: handed over to, assigned to, listed
classification  the posting's clearance reaches the item's
==============  ====================================================================================

A model becomes governed by a `Scope`, which names its columns. A model without one is seen by nobody.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access.models import Clearance, Duty, Posting, Recusal, User
from davylamp.errors import DavylampError
from davylamp.tables.regions import DIGITS, is_shaped

T = TypeVar("T", bound=Model)
NOBODY: Final = Q(pk__in=[])
READ: Final = "read"


class Forbidden(DavylampError):
    """The item may be seen, but not this be done to it."""


class Hidden(DavylampError):
    """The item does not exist, or may not be known of: both look the same."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One valid posting as plain values."""

    duty: str
    region_code: str
    organisation_code: str
    clearance: int


@dataclass(frozen=True, slots=True)
class Holder:
    """An account with its seats and recusals at one moment: what the policy decides on."""

    user_id: Any
    label: str
    seats: tuple[Seat, ...]
    recused: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None  # of a token; None is a person

    @property
    def duties(self) -> frozenset[str]:
        """All duties."""
        return frozenset(s.duty for s in self.seats)


Relation = Callable[[Holder, Seat], Q]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a model keeps what the policy asks for; empty where it has no such thing.

    ``relations`` add, by duty, what else must hold. ``is_blank_whole`` says that a row without a region
    belongs to the province, and is seen from a seat for a whole province; else nobody sees it.
    """

    region: str = "region_code"
    organisation: str = "organisation_code"
    classification: str = "classification"
    relations: dict[str, Relation] = field(default_factory=dict)
    is_blank_whole: bool = False


SCOPES: Final[dict[type[Model], Scope]] = {}
MATRIX: Final[dict[type[Model], dict[str, frozenset[str]]]] = {}
"""Model, then action, to the duties that may do it. ``read`` is an action."""


def govern(model: type[Model], scope: Scope, actions: dict[str, Iterable[Duty]]) -> None:
    """Put a model under the policy; called once by each app when it is ready."""
    SCOPES[model] = scope
    MATRIX[model] = {action: frozenset(d.value for d in duties) for action, duties in actions.items()}


def holder_of(user: Any, at: datetime | None = None) -> Holder:
    """What an account holds at a moment; nothing for who is not logged in or whose account is closed."""
    if not isinstance(user, User) or not user.is_active:
        return Holder(None, "", ())
    now = at or timezone.now()
    spell = Q(valid_from__lte=now) & (Q(valid_to=None) | Q(valid_to__gt=now))
    seats = tuple(
        Seat(p.duty, p.region_code, p.organisation_code, p.clearance)
        for p in Posting.objects.filter(spell, user=user)
    )
    recused = Recusal.objects.filter(spell, user=user).values_list("organisation_code", flat=True)
    return Holder(user.pk, str(user), seats, frozenset(recused))


def region_prefix(code: str) -> str:
    """The digits that all regions of a subtree begin with: 33, 3301 or 330106."""
    if not is_shaped(code):
        return code or "-"
    return code[:2] if code[2:] == "0000" else code[:4] if code[4:] == "00" else code[: DIGITS["county"]]


def _seat_sees(holder: Holder, seat: Seat, model: type[Model]) -> Q:
    scope = SCOPES[model]
    where = Q(pk__isnull=False)  # an empty Q would vanish from the OR over seats, and with it all rows
    if seat.duty == Duty.CONTACT:
        where &= _own(seat, scope) if scope.organisation else NOBODY
    elif scope.region:
        prefix = region_prefix(seat.region_code)
        place = Q(**{f"{scope.region}__startswith": prefix})
        where &= place | Q(**{scope.region: ""}) if scope.is_blank_whole and len(prefix) == 2 else place
    if scope.classification:
        where &= Q(**{f"{scope.classification}__lte": seat.clearance})
    relation = scope.relations.get(seat.duty)
    return where & relation(holder, seat) if relation is not None else where


def _own(seat: Seat, scope: Scope) -> Q:
    from davylamp.desk.registry.tree import subtree

    return Q(**{f"{scope.organisation}__in": subtree(seat.organisation_code)})


def allowed(holder: Holder, action: str, model: type[Model]) -> Q:
    """The rows on which a holder may do something."""
    if model not in SCOPES:
        return NOBODY
    duties = MATRIX[model].get(action, frozenset())
    if holder.scopes is not None and not ({"read"} if action == READ else {"write"}) & holder.scopes:
        return NOBODY
    seats = [s for s in holder.seats if s.duty in duties]
    if not seats:
        return NOBODY
    parts = [_seat_sees(holder, seat, model) for seat in dict.fromkeys(seats)]
    where = reduce(or_, parts) if all(parts) else Q()  # "or" would drop a seat that sees the whole
    scope = SCOPES[model]
    if holder.recused and scope.organisation:
        where &= ~Q(**{f"{scope.organisation}__in": sorted(holder.recused)})
    return where


def visible(holder: Holder, model: type[T]) -> QuerySet[T]:
    """The rows that a holder may know of."""
    return model._default_manager.filter(allowed(holder, READ, model))


def actionable(holder: Holder, action: str, model: type[T]) -> QuerySet[T]:
    """The rows on which a holder may do something; they are always ones that it may see."""
    return visible(holder, model).filter(allowed(holder, action, model))


def may(holder: Holder, action: str, item: Model) -> bool:
    """Whether a holder may do something to one item."""
    model = type(item)
    return actionable(holder, action, model).filter(pk=item.pk).exists()


def nothing() -> Hidden:
    """The one answer for what does not exist and for what may not be known of."""
    hint = _("it may have another number, or not be yours to see")
    return Hidden("E-ACC-404", _("there is no such item"), hint)


def find(holder: Holder, model: type[T], **key: Any) -> T:
    """One item.

    Raises:
        Hidden: E-ACC-404 when there is none that the holder may know of.
    """
    found = visible(holder, model).filter(**key).first()
    if found is None:
        raise nothing()
    return found


def check(holder: Holder, action: str, item: Model) -> None:
    """Let pass, or say why not.

    Raises:
        Hidden: E-ACC-404 when the holder may not know of it.
        Forbidden: E-ACC-403 when it may, but not do this.
    """
    if not visible(holder, type(item)).filter(pk=item.pk).exists():
        raise nothing()
    if not may(holder, action, item):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))


def can_create(holder: Holder, model: type[Model], *, region_code: str, organisation_code: str = "") -> bool:
    """Whether a holder may make a new item there."""
    duties = MATRIX.get(model, {}).get("create", frozenset())
    if organisation_code and organisation_code in holder.recused:
        return False
    if holder.scopes is not None and not {"write", "intake"} & holder.scopes:
        return False
    for seat in holder.seats:
        if seat.duty not in duties:
            continue
        if seat.duty == Duty.CONTACT:
            from davylamp.desk.registry.tree import subtree

            if organisation_code in subtree(seat.organisation_code):
                return True
        elif region_code.startswith(region_prefix(seat.region_code)):
            return True
    return False


# --- fields ------------------------------------------------------------------------------------------------


FIELDS: Final[dict[type[Model], dict[str, frozenset[str]]]] = {}
"""Model, then duty, to the fields that this duty never reads, whatever rows it sees."""


def hide(model: type[Model], duty: Duty, fields: Iterable[str]) -> None:
    """Keep fields of a model from a duty; called by apps when they are ready, and adds to what is hidden already."""
    known = FIELDS.setdefault(model, {})
    known[duty.value] = known.get(duty.value, frozenset()) | frozenset(fields)


def fields_hidden(holder: Holder, model: type[Model], item: Model | None = None) -> frozenset[str]:
    """The fields that a holder may not read.

    Args:
        holder: who reads.
        model: of the rows.
        item: one row; then only seats that see it count, so that a second posting elsewhere neither opens nor closes
            anything here. Without it deny wins: what any seat may not read is hidden in the whole list.
    """
    seats = [s for s in holder.seats if s.duty in MATRIX.get(model, {}).get(READ, frozenset())]
    rules = FIELDS.get(model, {})
    if item is None:
        return frozenset().union(*(rules.get(s.duty, frozenset()) for s in seats))
    rows = model._default_manager.filter(pk=item.pk)
    seeing = [s for s in seats if rows.filter(_seat_sees(holder, s, model)).exists()]
    if not seeing:
        return frozenset(f.name for f in model._meta.get_fields())
    return frozenset.intersection(*(rules.get(s.duty, frozenset()) for s in seeing))


def clearance_of(holder: Holder) -> int:
    """The highest clearance of all seats."""
    return max((s.clearance for s in holder.seats), default=Clearance.OPEN)
