"""What waits in hand-overs and cases: whatever the holder could take the next step of."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder
from davylamp.desk.cases.models import Case, Determination, Rectification
from davylamp.desk.cases.models.case import OPEN_CASE
from davylamp.desk.handover.models import HandOver, State
from davylamp.desk.pages.waiting import MOST, SOURCES, Block, Item

DESK = frozenset({Duty.ANALYST, Duty.OFFICER, Duty.APPROVER})
WITH_CONTACT = (State.ISSUED, State.DELIVERED, State.RECEIVED, State.ACTING)


def _block(title: str, rows: Any, make: Any, href: str) -> Iterator[Block]:
    """The first rows, the earliest deadline first; none where there is none."""
    first = list(rows[: MOST + 1])
    if first:
        count = len(first) if len(first) <= MOST else rows.count()
        yield Block(title, count, tuple(map(make, first[:MOST])), href)


def _hand_over(one: HandOver) -> Item:
    return Item(reverse("handover", args=[one.code]), str(one), one.organisation_name, one, one.due_at)


def of_hand_overs(holder: Holder) -> Iterator[Block]:
    """To approve, to issue, to review; for a contact: to sign for and to report on."""
    if not holder.duties & policy.MATRIX[HandOver][policy.READ]:
        return
    rows = policy.visible(holder, HandOver).order_by(F("due_at").asc(nulls_last=True), "code")
    href = reverse("handovers")
    if Duty.APPROVER in holder.duties:
        own = rows.filter(state=State.SUBMITTED).exclude(drafted_by=holder.user_id)
        yield from _block(_("Hand-overs to approve"), own, _hand_over, f"{href}?state=submitted")
    if holder.duties & DESK:
        ready = rows.filter(state=State.APPROVED)
        yield from _block(_("Hand-overs to issue"), ready, _hand_over, f"{href}?state=approved")
        told = rows.filter(state=State.REPORTED).exclude(drafted_by=holder.user_id)
        told = told.exclude(reported_by=holder.user_id)
        yield from _block(_("Reports to review"), told, _hand_over, f"{href}?state=reported")
    if holder.duties == {Duty.CONTACT}:
        query = "&".join(f"state={state.value}" for state in WITH_CONTACT)
        mine = rows.filter(state__in=WITH_CONTACT)
        yield from _block(_("Handed over to your organisation"), mine, _hand_over, f"{href}?{query}")


def of_cases(holder: Holder) -> Iterator[Block]:
    """Cases of one's own, determinations to review, rectifications to do or to judge."""
    if holder.duties & (DESK | {Duty.INSPECTOR}):
        rows = policy.visible(holder, Case).filter(assigned_to=holder.user_id, state__in=sorted(OPEN_CASE))
        yield from _block(
            _("Your cases"),
            rows.order_by(F("due_at").asc(nulls_last=True), "number"),
            lambda c: Item(reverse("case", args=[c.number]), c.number, c.title, c, c.due_at),
            f"{reverse('cases')}?assigned=me",
        )
    if holder.duties & {Duty.ANALYST, Duty.APPROVER}:
        found = policy.visible(holder, Determination).filter(state=Determination.State.SUBMITTED)
        found = found.exclude(drafted_by=holder.user_id).select_related("case").order_by("drafted_at")
        yield from _block(
            _("Determinations to review"),
            found,
            lambda d: Item(
                reverse("case-tab", args=[d.case.number, "determination"]), d.case.number, d.case.title, d
            ),
            f"{reverse('cases')}?state=verifying",
        )
    if holder.duties & (DESK | {Duty.CONTACT}):
        is_contact = holder.duties == {Duty.CONTACT}
        state = Rectification.State.ISSUED if is_contact else Rectification.State.REPORTED
        asked = policy.visible(holder, Rectification).filter(state=state).order_by("due_at", "number")
        yield from _block(
            _("Asked of your organisation") if is_contact else _("Rectifications to judge"),
            asked,
            lambda r: Item(reverse("rectification", args=[r.number]), r.number, r.finding[:60], r, r.due_at),
            reverse("home") if is_contact else f"{reverse('cases')}?state=rectifying",
        )


SOURCES.extend((of_hand_overs, of_cases))
