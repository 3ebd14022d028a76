"""Keep a table's filters under a name, and let go of them. Everybody sees their own."""

from urllib.parse import parse_qsl, urlencode

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, Scope, Seat, govern
from davylamp.desk.core.models import SavedView
from davylamp.desk.core.workflow import Refused

NEVER_KEPT = frozenset({"page", "csrfmiddlewaretoken", "view"})


def install() -> None:
    """Called when Django is ready."""
    own = Scope("", "", "", relations={duty.value: _is_own for duty in Duty})
    govern(SavedView, own, {action: tuple(Duty) for action in ("read", "create", "remove")})


def _is_own(holder: Holder, _seat: Seat) -> Q:
    return Q(owner_id=holder.user_id)


def views_of(holder: Holder, screen: str) -> QuerySet[SavedView]:
    """The views of a screen that the holder keeps, by name."""
    return policy.visible(holder, SavedView).filter(screen=screen, removed_at=None)


def keep(holder: Holder, screen: str, name: str, query: str) -> SavedView:
    """Keep a query under a name; the same name again replaces it.

    Raises:
        Refused: E-VEW-001 without a name, E-VEW-002 for a query that is too long.
        Forbidden: E-ACC-403 for who has no posting.
    """
    if not holder.seats:
        raise policy.Forbidden("E-ACC-403", _("your duty does not include this"), "")
    label = " ".join(name.split())[:60]
    if not label:
        raise Refused("E-VEW-001", _("a view needs a name"), _("type one and save again"))
    pairs = [(k, v) for k, v in parse_qsl(query.lstrip("?")) if k not in NEVER_KEPT]
    plain = urlencode(pairs)
    if len(plain) > 2000:
        raise Refused("E-VEW-002", _("the filters are too long to be kept"), _("remove some of them"))
    found = views_of(holder, screen).filter(name=label).first()
    view = found or SavedView(owner_id=holder.user_id, screen=screen, name=label)
    view.query = plain
    view.save(action="savedview.keep")
    return view


def remove(holder: Holder, key: str) -> SavedView:
    """Let go of a view; its row stays.

    Raises:
        Hidden: E-ACC-404 when it is not the holder's own.
    """
    view = policy.find(holder, SavedView, pk=key, removed_at=None)
    policy.check(holder, "remove", view)
    view.removed_at = timezone.now()
    view.save(action="savedview.remove")
    return view
