"""The Chinese working calendar: weekends, holidays, and the weekend days that are worked instead (调休).

Years come from the `chinesecalendar` package; the province's administrator adds a new one when the State Council
has announced it, and single days (a longer Spring Festival) at any time. A year that nobody entered is refused: a
deadline is never guessed.

Deadlines are counted in China Standard Time, a fixed offset of eight hours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from davylamp.attribution.imports_cells import CHINA
from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, Scope, govern
from davylamp.desk.core.models import CalendarDay, CalendarYear
from davylamp.errors import DavylampError

OPENS: Final = time(9)  # judged: the office hours of most public bodies, without the noon break
CLOSES: Final = time(17)
DAY_HOURS: Final = 8.0  # from OPENS to CLOSES
SATURDAY: Final = 5
ALWAYS_FREE: Final = (
    (1, 1),
    (5, 1),
    (10, 1),
    (10, 2),
    (10, 3),
)  # 全国年节及纪念日放假办法: fixed in the solar year


class CalendarError(DavylampError):
    """A day that no calendar covers, or an announcement that cannot be meant."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is announced, as plain values; `load` takes it from the database once for many questions.

    ``announced`` maps days to whether they are worked, ``years`` are those entered whole.
    """

    announced: Mapping[date, bool] = field(default_factory=dict)
    years: frozenset[int] = frozenset()

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on that day.

        Raises:
            CalendarError: E-CAL-001 in a year that nobody entered.
        """
        if day in self.announced:
            return self.announced[day]
        if day.year in self.years:
            return day.weekday() < SATURDAY
        first, last = packaged_years()
        if not first <= day.year <= last:
            raise CalendarError(
                "E-CAL-001",
                _("the holidays of %(year)s are not known, so no deadline can run into it")
                % {"year": day.year},
                _("an administrator enters the State Council's notice for that year under Calendar"),
            )
        import chinese_calendar

        return bool(chinese_calendar.is_workday(day))

    def add_working_days(self, day: date, count: int) -> date:
        """The ``count``-th working day after a day; the day itself never counts.

        Raises:
            CalendarError: E-CAL-001; E-CAL-003 for a negative count.
        """
        if count < 0:
            raise CalendarError("E-CAL-003", f"{count} working days", "a deadline lies ahead")
        while count:
            day += timedelta(days=1)
            count -= self.is_working_day(day)
        return day

    def end_of_working_day(self, at: datetime, count: int) -> datetime:
        """Closing time of the ``count``-th working day after a moment's day: when a deadline in days ends."""
        day = self.add_working_days(at.astimezone(CHINA).date(), count)
        return datetime.combine(day, CLOSES, CHINA)

    def add_working_hours(self, at: datetime, hours: float) -> datetime:
        """The moment when so many office hours have passed.

        Raises:
            CalendarError: E-CAL-001; E-CAL-003 for negative hours.
        """
        if hours < 0:
            raise CalendarError("E-CAL-003", f"{hours} working hours", "a deadline lies ahead")
        left = timedelta(hours=hours)
        now = at.astimezone(CHINA)
        while True:
            opens, closes = (datetime.combine(now.date(), t, CHINA) for t in (OPENS, CLOSES))
            now = max(now, opens)
            if now < closes and self.is_working_day(now.date()):
                if left <= closes - now:
                    return now + left
                left -= closes - now
            now = opens + timedelta(days=1)

    def working_hours_between(self, start: datetime, end: datetime) -> float:
        """Office hours from start to end; 0 when the end is not later."""
        total = timedelta()
        day, last = start.astimezone(CHINA).date(), end.astimezone(CHINA).date()
        while day <= last:
            opens, closes = (datetime.combine(day, t, CHINA) for t in (OPENS, CLOSES))
            inside = min(closes, end) - max(opens, start)
            if inside > timedelta() and self.is_working_day(day):
                total += inside
            day += timedelta(days=1)
        return total / timedelta(hours=1)


@cache
def packaged_years() -> tuple[int, int]:
    """First and last year that the package knows."""
    from chinese_calendar.constants import holidays

    return min(holidays).year, max(holidays).year


def load() -> Calendar:
    """The calendar as it is announced now."""
    days = dict(CalendarDay.objects.values_list("day", "is_working"))
    return Calendar(days, frozenset(CalendarYear.objects.values_list("year", flat=True)))


def is_working_day(day: date) -> bool:
    """`Calendar.is_working_day` of the calendar as it is now."""
    return load().is_working_day(day)


def add_working_days(day: date, count: int) -> date:
    """`Calendar.add_working_days` of the calendar as it is now."""
    return load().add_working_days(day, count)


def add_working_hours(at: datetime, hours: float) -> datetime:
    """`Calendar.add_working_hours` of the calendar as it is now."""
    return load().add_working_hours(at, hours)


# --- announcing --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Announced:
    """One day of a notice."""

    day: date
    is_working: bool
    name: str = ""


def announce_year(holder: Holder, year: int, days: Iterable[Announced], basis: str) -> CalendarYear:
    """Enter a year whole, as its notice says; or enter it again, with a correction.

    Args:
        holder: an administrator of the province.
        year: which.
        days: every holiday and every weekend day that is worked.
        basis: number of the notice.

    Raises:
        Forbidden: E-ACC-403.
        CalendarError: E-CAL-002 with everything that is wrong.
    """
    listed = list(days)
    faults = _faults(year, listed, basis)
    if faults:
        raise CalendarError("E-CAL-002", "; ".join(faults), _("compare with the notice and enter it again"))
    _check(holder)
    with transaction.atomic():
        for one in listed:
            _write(one, basis)
        stated = {one.day for one in listed}
        for old in CalendarDay.objects.filter(day__year=year).exclude(day__in=stated):
            _write(Announced(old.day, old.day.weekday() < SATURDAY), basis)  # a correction takes it back
        found = CalendarYear.objects.filter(year=year).first() or CalendarYear(year=year)
        found.basis = basis[:200]
        found.save(action="calendar.announce_year")
    return found


def announce_day(holder: Holder, one: Announced, basis: str) -> CalendarDay:
    """Enter one day that differs, in a known year.

    Raises:
        Forbidden: E-ACC-403.
        CalendarError: E-CAL-001 in an unknown year, E-CAL-002 without a basis.
    """
    _check(holder)
    load().is_working_day(one.day)
    if not basis.strip():
        raise CalendarError("E-CAL-002", _("no notice is named"), _("name the notice that announces it"))
    with transaction.atomic():
        return _write(one, basis)


def _check(holder: Holder) -> None:
    """Only an administrator of the whole province: a day off is one for all."""
    if not policy.can_create(holder, CalendarDay, region_code=settings.PROVINCE):
        raise policy.Forbidden(
            "E-ACC-403", _("your duty does not include this"), _("ask whoever made your account")
        )


def _write(one: Announced, basis: str) -> CalendarDay:
    row = CalendarDay.objects.filter(day=one.day).first() or CalendarDay(day=one.day)
    row.is_working, row.name, row.basis = one.is_working, one.name[:60], basis[:200]
    row.save(action="calendar.announce_day")
    return row


def _faults(year: int, days: list[Announced], basis: str) -> list[str]:
    by_day = {one.day: one for one in days}
    faults = [] if basis.strip() else [_("no notice is named")]
    faults += [_("%(day)s is not in %(year)s") % {"day": d, "year": year} for d in by_day if d.year != year]
    if len(by_day) != len(days):
        faults.append(_("a day stands twice"))
    faults += [
        _("%(day)s is no holiday in it") % {"day": date(year, m, d)}
        for m, d in ALWAYS_FREE
        if (date(year, m, d) not in by_day and date(year, m, d).weekday() < SATURDAY)
        or (date(year, m, d) in by_day and by_day[date(year, m, d)].is_working)
    ]
    return faults


def install() -> None:
    """Called when Django is ready."""
    nowhere = Scope("", "", "")
    for model in (CalendarDay, CalendarYear):
        govern(model, nowhere, {"read": tuple(d for d in Duty if d != Duty.CONTACT), "create": (Duty.ADMIN,)})
