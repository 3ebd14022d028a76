"""The working calendar: holidays with 调休, and no guess where nothing was announced."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.attribution.imports_cells import CHINA
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden
from davylamp.desk.core import calendar
from davylamp.desk.core.calendar import Announced, Calendar, CalendarError
from desk.people import holder, person

PLAIN = Calendar()
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2026, 6, 1)).map(lambda t: t.replace(tzinfo=UTC))


def at(*parts):
    return datetime(*parts, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2021-09-26", True),  # a Sunday, worked for National Day
        ("2021-09-30", True),
        ("2021-10-01", False),
        ("2021-10-07", False),
        ("2021-10-08", True),
        ("2021-10-09", True),  # a Saturday, worked
        ("2021-10-10", False),
        ("2021-02-07", True),  # a Sunday, worked for Spring Festival
        ("2021-02-11", False),
        ("2021-02-17", False),
        ("2021-02-20", True),  # a Saturday, worked
        ("2020-01-31", False),  # Spring Festival as it was lengthened in the epidemic
        ("2024-02-29", True),  # leap day, a Thursday
        ("2020-02-29", False),  # leap day, a Saturday
    ],
)
def test_holidays_and_the_weekend_days_worked_for_them(day, works):
    assert PLAIN.is_working_day(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("start", "count", "due"),
    [
        ("2021-09-30", 1, "2021-10-08"),  # over National Day
        ("2021-09-30", 2, "2021-10-09"),  # a Saturday counts
        ("2021-09-30", 3, "2021-10-11"),  # and its Sunday does not
        ("2021-02-10", 1, "2021-02-18"),  # over Spring Festival
        ("2021-02-10", 3, "2021-02-20"),
        ("2021-12-31", 1, "2022-01-04"),  # over the end of the year
        ("2021-01-29", 1, "2021-02-01"),  # over the end of a month
        ("2024-02-28", 1, "2024-02-29"),
        ("2023-02-28", 1, "2023-03-01"),
        ("2021-10-02", 0, "2021-10-02"),
    ],
)
def test_working_days_are_counted_from_the_day_after(start, count, due):
    assert PLAIN.add_working_days(date.fromisoformat(start), count) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (at(2021, 9, 8, 10), 4, at(2021, 9, 8, 14)),
        (at(2021, 9, 8, 16), 2, at(2021, 9, 9, 10)),
        (at(2021, 9, 8, 20), 1, at(2021, 9, 9, 10)),
        (at(2021, 9, 8, 9), 8, at(2021, 9, 8, 17)),
        (at(2021, 9, 30, 16), 2, at(2021, 10, 8, 10)),
        (at(2021, 10, 3, 3), 0, at(2021, 10, 8, 9)),
    ],
)
def test_working_hours_run_in_office_hours_only(start, hours, due):
    assert PLAIN.add_working_hours(start, hours) == due


@settings(deadline=None)
@given(MOMENTS, st.floats(0, 200))
def test_hours_added_are_hours_between(start, hours):
    due = PLAIN.add_working_hours(start, hours)
    assert PLAIN.working_hours_between(start, due) == pytest.approx(hours, abs=1e-6)


@settings(deadline=None)
@given(MOMENTS, st.integers(0, 60))
def test_a_deadline_in_days_ends_at_closing_time_of_a_working_day_with_exactly_so_many_after_the_start(
    start, count
):
    due = PLAIN.end_of_working_day(start, count)
    first, last = start.astimezone(CHINA).date(), due.date()
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(map(PLAIN.is_working_day, between)) == count
    assert (due.hour, due.utcoffset()) == (17, timedelta(hours=8))


@settings(deadline=None)
@given(MOMENTS, st.floats(0, 100), st.sampled_from([-11, -5, 0, 5.5, 9]))
def test_a_deadline_is_the_same_in_whatever_zone_its_start_is_written(start, hours, offset):
    from datetime import timezone

    elsewhere = start.astimezone(timezone(timedelta(hours=offset)))
    assert PLAIN.add_working_hours(elsewhere, hours) == PLAIN.add_working_hours(start, hours)


@pytest.mark.parametrize("year", [1999, 2003, 2094])
def test_a_year_that_nobody_entered_fails_loudly(year):
    with pytest.raises(CalendarError, match="E-CAL-001") as caught:
        PLAIN.is_working_day(date(year, 6, 1))
    assert caught.value.hint
    with pytest.raises(CalendarError, match="E-CAL-001"):
        PLAIN.add_working_days(date(calendar.packaged_years()[1], 12, 30), 30)


FREE = [date(2094, 1, 1), date(2094, 5, 1), *(date(2094, 10, d) for d in range(1, 8))]


def test_an_administrator_enters_a_year_whole_and_deadlines_run_into_it():
    admin = holder(person(Duty.ADMIN))
    days = [Announced(d, False) for d in FREE] + [Announced(date(2094, 10, 9), True, "国庆调休")]
    calendar.announce_year(admin, 2094, days, "国办发明电〔2093〕1号")
    assert calendar.add_working_days(date(2094, 9, 30), 1) == date(2094, 10, 8)
    assert calendar.is_working_day(date(2094, 10, 9))
    assert not calendar.is_working_day(date(2094, 10, 10))


def test_a_correction_of_a_year_takes_back_what_it_no_longer_says():
    admin = holder(person(Duty.ADMIN))
    days = [Announced(d, False) for d in FREE]
    calendar.announce_year(admin, 2094, [*days, Announced(date(2094, 10, 9), True)], "first")
    calendar.announce_year(admin, 2094, days, "second")
    assert not calendar.is_working_day(date(2094, 10, 9))


def test_an_announcement_that_cannot_be_meant_is_refused_with_everything_that_is_wrong():
    with pytest.raises(CalendarError, match="E-CAL-002") as caught:
        calendar.announce_year(holder(person(Duty.ADMIN)), 2094, [Announced(date(2093, 1, 1), False)], " ")
    for word in ("2093-01-01", "2094-10-01", "2094-01-01"):
        assert word in caught.value.message


def test_only_an_administrator_announces():
    with pytest.raises(Forbidden):
        calendar.announce_day(holder(person(Duty.ANALYST)), Announced(date(2021, 9, 8), False), "x")


def test_one_announced_day_stands_above_the_package():
    calendar.announce_day(
        holder(person(Duty.ADMIN)), Announced(date(2021, 9, 8), False, "台风"), "省府办〔2021〕9号"
    )
    assert not calendar.is_working_day(date(2021, 9, 8))
