"""Deadlines of a hand-over by severity, on the working calendar, and the clock that people see.

::

    issued ─receipt─▶ received ─feedback─▶ reported ─review─▶ closed
                         ╰── returned: not ours ──▶ attributed anew ──▶ issued to another: paused between

While a lead is on its way back to be attributed anew, its clock stands still and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from davylamp.desk.core.calendar import DAY_HOURS, Calendar
from davylamp.desk.leads.models import Severity

Stage = Literal["receipt", "feedback", "review"]
STAGES: Final[tuple[Stage, ...]] = ("receipt", "feedback", "review")
# judged, in working hours of an eight-hour day: a receipt costs a login; a host is found within days; an urgent one
# is still mining while one reads. Offices that know better change the table in one place.
HOURS: Final[dict[int, dict[Stage, float]]] = {
    Severity.URGENT: {"receipt": 4, "feedback": 2 * DAY_HOURS, "review": DAY_HOURS},
    Severity.HIGH: {"receipt": DAY_HOURS, "feedback": 5 * DAY_HOURS, "review": 2 * DAY_HOURS},
    Severity.MEDIUM: {"receipt": 2 * DAY_HOURS, "feedback": 10 * DAY_HOURS, "review": 3 * DAY_HOURS},
    Severity.LOW: {"receipt": 3 * DAY_HOURS, "feedback": 15 * DAY_HOURS, "review": 5 * DAY_HOURS},
}
AMBER_HOURS: Final = DAY_HOURS  # judged: less than one working day left can still be met, if seen
SUPERVISION_HOURS: Final[dict[int, float]] = {
    # judged: how long one level up has, before the next one is told
    Severity.URGENT: DAY_HOURS,
    Severity.HIGH: 2 * DAY_HOURS,
    Severity.MEDIUM: 3 * DAY_HOURS,
    Severity.LOW: 5 * DAY_HOURS,
}
Light = Literal["none", "paused", "on_time", "due_soon", "overdue"]


@dataclass(frozen=True, slots=True)
class Pause:
    """A span in which a clock stood still; ``until`` is None while it does."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Clock:
    """What a screen shows of a deadline: the light always comes with its word and the absolute time."""

    light: Light
    due_at: datetime | None
    left_hours: float  # working hours; negative when overdue
    paused_since: datetime | None = None


def due(calendar: Calendar, severity: int, stage: Stage, since: datetime) -> datetime:
    """When a stage ends at the latest.

    Raises:
        CalendarError: E-CAL-001 when it runs into a year that nobody entered.
    """
    return calendar.add_working_hours(since, HOURS[severity][stage])


def due_with_pauses(
    calendar: Calendar, severity: int, stage: Stage, since: datetime, pauses: Sequence[Pause]
) -> datetime | None:
    """When a stage ends, not counting the pauses; None while one lasts, for then nobody can say.

    Pauses that overlap count once.
    """
    if any(one.until is None for one in pauses):
        return None
    hours, reached = HOURS[severity][stage], since
    ends = calendar.add_working_hours(since, hours)
    for one in sorted(pauses, key=lambda p: (p.since, p.until or p.since)):
        begins, until = max(one.since, reached), one.until
        if until is None or until <= begins:
            continue
        if begins >= ends:
            break
        hours += calendar.working_hours_between(begins, until)
        ends, reached = calendar.add_working_hours(since, hours), until
    return ends


def clock(
    calendar: Calendar, due_at: datetime | None, now: datetime, paused_since: datetime | None = None
) -> Clock:
    """The clock as it stands: paused, overdue, due soon (less than a working day), on time, or none."""
    if paused_since is not None:
        return Clock("paused", due_at, 0.0, paused_since)
    if due_at is None:
        return Clock("none", None, 0.0)
    if now > due_at:
        return Clock("overdue", due_at, -calendar.working_hours_between(due_at, now))
    left = calendar.working_hours_between(now, due_at)
    return Clock("due_soon" if left < AMBER_HOURS else "on_time", due_at, left)
