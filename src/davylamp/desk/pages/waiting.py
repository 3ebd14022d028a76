"""What waits for an account, by duty; rooms that bring work of their own add a function to `SOURCES`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty, Token, User
from davylamp.desk.access.policy import Holder
from davylamp.desk.access.services import without_posting
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.leads.models import OPEN_STATES, Lead, State
from davylamp.desk.registry.models import ContactPoint

MOST: Final = 8  # judged: what fits one look; the rest is one click away


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits: its address, what it is called, what it is about, its badge and deadline."""

    href: str
    name: str
    about: str
    thing: Any = None  # for the badge of its state
    due: Any = None


@dataclass(frozen=True, slots=True)
class Block:
    """Things of one kind that wait: how many there are, the first of them, where all of them stand."""

    title: str
    count: int
    items: tuple[Item, ...]
    href: str


Source = Callable[[Holder], Iterator[Block]]


def leads_block(title: str, rows: Any, query: str) -> Iterator[Block]:
    """A block of leads, the most urgent first; none where there is none."""
    first = list(rows.order_by("-severity", F("due_at").asc(nulls_last=True), "number")[: MOST + 1])
    if first:
        count = len(first) if len(first) <= MOST else rows.count()
        yield Block(title, count, tuple(map(lead_item, first[:MOST])), f"{reverse('leads')}?{query}")


def lead_item(lead: Lead) -> Item:
    """A lead as one line."""
    about = lead.organisation_name or lead.ip
    return Item(reverse("lead", args=[lead.number]), lead.number, about, lead, lead.due_at)


def of_leads(holder: Holder) -> Iterator[Block]:
    """Late ones, own ones, new ones."""
    if not holder.duties & policy.MATRIX[Lead][policy.READ]:
        return
    now = timezone.now()
    rows = policy.visible(holder, Lead).filter(state__in=sorted(OPEN_STATES))
    if holder.duties & {Duty.ANALYST, Duty.APPROVER}:
        yield from leads_block(
            _("Assigned to you"), rows.filter(assigned_to=holder.user_id), "assigned=me&is_open=1"
        )
    yield from leads_block(_("Overdue"), rows.filter(due_at__lt=now), "due=overdue&sort=due_at")
    soon = rows.filter(due_at__gte=now, due_at__lt=now + timedelta(hours=24))
    yield from leads_block(_("Due within a day"), soon, "due=soon&sort=due_at")
    if holder.duties & {Duty.ANALYST, Duty.APPROVER}:
        fresh = rows.filter(state=State.NEW, assigned_to=None)
        yield from leads_block(_("New, nobody's yet"), fresh, "state=new&assigned=nobody")
    if holder.duties & {Duty.ANALYST, Duty.OFFICER}:
        back = rows.filter(relapse_of__isnull=False).exclude(state=State.NEW)
        yield from leads_block(_("Back again"), back, "relapse=true&is_open=1")
    if holder.duties == {Duty.CONTACT}:
        yield from leads_block(_("With your organisation"), rows, "is_open=1")


def of_contacts(holder: Holder) -> Iterator[Block]:
    """Contacts that nobody confirmed within 180 days."""
    if not holder.duties & {Duty.ANALYST, Duty.OFFICER}:
        return
    old = Q(confirmed_at=None) | Q(confirmed_at__lt=timezone.now() - timedelta(days=180))
    rows = policy.visible(holder, ContactPoint).filter(old, ended_at=None).order_by("organisation_code", "pk")
    first = list(rows[: MOST + 1])
    if first:
        items = tuple(
            Item(
                reverse("organisation-tab", args=[c.organisation_code, "contacts"]),
                c.organisation_code,
                str(c),
            )
            for c in first[:MOST]
        )
        count = len(first) if len(first) <= MOST else rows.count()
        yield Block(_("Contacts not confirmed for half a year"), count, items, reverse("organisations"))


def of_keepers(holder: Holder) -> Iterator[Block]:
    """What an administrator looks after: accounts without a duty, tokens about to end."""
    if Duty.ADMIN not in holder.duties:
        return
    now = timezone.now()

    idle = without_posting(policy.visible(holder, User).filter(is_active=True))
    first = list(idle.order_by("username")[: MOST + 1])
    if first:
        items = tuple(Item(reverse("admin-account", args=[u.pk]), u.username, str(u)) for u in first[:MOST])
        yield Block(_("Accounts without a posting"), idle.count(), items, reverse("admin"))
    ending = policy.visible(holder, Token).filter(
        revoked_at=None, expires_at__gt=now, expires_at__lt=now + timedelta(days=14)
    )
    last = list(ending.select_related("user").order_by("expires_at")[:MOST])
    if last:
        made = tuple(
            Item(reverse("admin-account", args=[t.user_id]), t.name, str(t.user), due=t.expires_at)
            for t in last
        )
        yield Block(_("Tokens that end within two weeks"), ending.count(), made, reverse("admin-tokens"))


def of_auditors(holder: Holder) -> Iterator[Block]:
    """The newest reads of personal data and exports, which are what an auditor asks about first."""
    if Duty.AUDITOR not in holder.duties:
        return
    told = Q(action__endswith=".unmask") | Q(action__endswith=".export")
    rows = policy.visible(holder, AuditEvent).filter(told, at__gt=timezone.now() - timedelta(days=7))
    first = list(rows.order_by("-seq")[:MOST])
    if first:
        items = tuple(
            Item(f"{reverse('audit')}?seq={e.seq}", f"{e.actor_label}", f"{e.action} {e.reason}".strip())
            for e in first
        )
        yield Block(
            _("Personal data read and lists taken away, last seven days"),
            rows.count(),
            items,
            reverse("audit"),
        )


SOURCES: Final[list[Source]] = [of_leads, of_contacts, of_keepers, of_auditors]


def blocks(holder: Holder) -> list[Block]:
    """Everything that waits."""
    return [block for source in SOURCES for block in source(holder)]
