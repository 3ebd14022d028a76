"""Who is late is told first, then the level above: reminders before and at a deadline, supervision (督办) after it.

county ─▶ city ─▶ province: one proposal per deadline and level; an approver numbers and signs its letter
"""

from datetime import datetime
from typing import Final

from django.db import transaction

from davylamp.desk.audit.record import take_turn
from davylamp.desk.core import calendar
from davylamp.desk.core.calendar import Calendar
from davylamp.desk.core.drawn import drawn
from davylamp.desk.handover import deadlines
from davylamp.desk.handover.models import HandOver, State, Supervision
from davylamp.desk.handover.outbox import contacts_of, officers_of, queue_all
from davylamp.tables.regions import DIGITS, Level, is_shaped, roll_up

RUNNING: Final = (State.ISSUED, State.DELIVERED, State.RECEIVED, State.ACTING, State.REPORTED)
LEVELS: Final[tuple[Level, ...]] = ("county", "city", "province")


def parent_of(code: str) -> str:
    """The region above: county to city, city to province; empty above a province.

    A county that its province holds directly (330000 + 9xxx) has the province above it.

    >>> parent_of("330106"), parent_of("330100"), parent_of("330000")
    ('330100', '330000', '')
    """
    if not is_shaped(code):
        return ""
    ups = (roll_up(code, level) for level in reversed(LEVELS[1:]) if DIGITS[level] < 6)
    above = [up for up in ups if up != code and code.startswith(up.rstrip("0") or up)]
    if code[2:4] == "90":
        return roll_up(code, "province") if code != roll_up(code, "province") else ""
    return max(above, default="")


def remind(now: datetime, days: Calendar) -> int:
    """Messages for whoever is due soon or late; one per stage, round and light.

    Returns:
        how many were queued.
    """
    queued = 0
    for one in HandOver.objects.filter(state__in=RUNNING, due_at__isnull=False):
        light = deadlines.clock(days, one.due_at, now).light
        if light not in ("due_soon", "overdue"):
            continue
        if one.stage == "review":
            people = officers_of(one.region_code)
        else:
            people = contacts_of(one.organisation_code) if one.told_at else []
        queued += len(queue_all(f"handover:{one.pk}:{one.stage}:{one.round}:{light}", people))
    return queued


def escalate(now: datetime, days: Calendar) -> list[Supervision]:
    """A proposal to the level above for each deadline that passed; to the next one when its reply is late too.

    Returns:
        the new proposals.
    """
    made = []
    for late in HandOver.objects.filter(state__in=RUNNING, due_at__lt=now):
        made += _propose(late, parent_of(late.region_code) or late.region_code, late.due_at or now, now, days)
    for one in Supervision.objects.filter(state="issued", due_at__lt=now).select_related("hand_over"):
        held, above = one.hand_over, parent_of(one.region_code)
        if above and held.state in RUNNING and (held.stage, held.round) == (one.stage, one.round):
            made += _propose(held, above, one.missed_at, now, days)
    return made


def _propose(
    late: HandOver, region_code: str, missed_at: datetime, now: datetime, days: Calendar
) -> list[Supervision]:
    about = {"stage": late.stage, "round": late.round, "region_code": region_code}
    with transaction.atomic():
        take_turn()  # a second tick waits here, and then finds it there
        if Supervision.objects.filter(hand_over=late, **about).exists():
            return []
        one = Supervision(
            hand_over=late,
            **about,
            code=drawn("DB", f"{late.pk}:{late.stage}:{late.round}:{region_code}"),
            organisation_code=late.organisation_code,
            classification=late.classification,
            missed_at=missed_at,
            state_since=now,
            due_at=days.add_working_hours(now, deadlines.SUPERVISION_HOURS[late.severity]),
        )
        one.save(action="supervision.propose")
        queue_all(f"supervision:{one.pk}", officers_of(region_code))
    return [one]


def load_calendar() -> Calendar:
    """The calendar that a whole run goes by."""
    return calendar.load()
