"""Deadlines on the working calendar, the clock that is shown, and the legal clocks that run at night."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from davylamp.attribution.imports_cells import CHINA
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.core.calendar import Calendar, CalendarError
from davylamp.desk.core.workflow import Refused
from davylamp.desk.handover.clocks import Grade, Operator, due_of, meet, obligations, start
from davylamp.desk.handover.deadlines import HOURS, STAGES, Pause, clock, due, due_with_pauses
from davylamp.desk.leads.models import Severity
from desk.handovers import lead
from desk.people import NINGBO, XIHU, holder, person

PLAIN = Calendar()
SEVERITIES = [s.value for s in Severity]
MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2026, 3, 1)).map(lambda t: t.replace(tzinfo=UTC))


def at(*parts):
    return datetime(*parts, tzinfo=CHINA)


# --- deadlines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "stage", "since", "expected"),
    [
        (
            Severity.URGENT,
            "receipt",
            at(2021, 9, 30, 15),
            at(2021, 10, 8, 11),
        ),  # four hours, over National Day
        (Severity.HIGH, "receipt", at(2021, 10, 8, 9), at(2021, 10, 8, 17)),
        (Severity.MEDIUM, "receipt", at(2021, 10, 8, 12), at(2021, 10, 11, 12)),  # Saturday the 9th is worked
        (Severity.LOW, "feedback", at(2021, 12, 20, 9), at(2022, 1, 10, 17)),  # over the end of the year
        (Severity.HIGH, "feedback", at(2024, 2, 28, 9), at(2024, 3, 5, 17)),  # over leap day
    ],
)
def test_a_deadline_by_severity_counts_office_hours_only(severity, stage, since, expected):
    assert due(PLAIN, severity, stage, since) == expected


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(SEVERITIES), st.sampled_from(STAGES))
def test_no_deadline_is_before_its_start_outside_office_hours_or_on_a_day_off(since, severity, stage):
    ends = due(PLAIN, severity, stage, since).astimezone(CHINA)
    assert ends > since
    assert PLAIN.is_working_day(ends.date())
    assert 9 <= ends.hour + ends.minute / 60 <= 17
    assert PLAIN.working_hours_between(since, ends) == pytest.approx(HOURS[severity][stage])


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(STAGES))
def test_what_is_graver_is_due_no_later(since, stage):
    dues = [due(PLAIN, s, stage, since) for s in sorted(SEVERITIES)]
    assert dues == sorted(dues, reverse=True)


def test_a_deadline_that_runs_into_an_unknown_year_is_refused():
    with pytest.raises(CalendarError, match="E-CAL-001"):
        due(PLAIN, Severity.LOW, "feedback", at(2093, 12, 30, 9))


PAUSES = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 100)), max_size=4)


@settings(deadline=None)
@example(datetime(2019, 1, 1, tzinfo=UTC), 1, [(0.0, 33.0), (0.0, 34.0)])
@given(MOMENTS, st.sampled_from(SEVERITIES), PAUSES)
def test_pauses_are_not_counted_whatever_their_order_and_overlap(since, severity, spans):
    pauses = [
        Pause(since + timedelta(hours=begin), since + timedelta(hours=begin + length))
        for begin, length in spans
    ]
    ends = due_with_pauses(PLAIN, severity, "feedback", since, pauses)
    again = due_with_pauses(PLAIN, severity, "feedback", since, pauses[::-1])
    assert (
        PLAIN.working_hours_between(min(ends, again), max(ends, again)) < 1e-3
    )  # 17:00 and 9:00 are one moment
    counted = 0.0
    edges = sorted({since, ends, *(t for p in pauses for t in (p.since, p.until) if since <= t <= ends)})
    for begin, finish in itertools.pairwise(edges):
        middle = begin + (finish - begin) / 2
        if not any(p.since <= middle < p.until for p in pauses):
            counted += PLAIN.working_hours_between(begin, finish)
    assert counted == pytest.approx(HOURS[severity]["feedback"], abs=1e-3)


def test_nobody_can_say_when_a_paused_clock_ends():
    pause = Pause(at(2021, 9, 8, 10), None)
    assert due_with_pauses(PLAIN, Severity.HIGH, "feedback", at(2021, 9, 8, 9), [pause]) is None


@pytest.mark.parametrize(
    ("now", "light", "left"),
    [
        (at(2021, 9, 7, 9), "on_time", 16),
        (at(2021, 9, 8, 9), "on_time", 8),
        (at(2021, 9, 8, 9, 1), "due_soon", 8 - 1 / 60),
        (at(2021, 9, 8, 17), "due_soon", 0),
        (at(2021, 9, 9, 10), "overdue", -1),
    ],
)
def test_amber_is_less_than_one_working_day(now, light, left):
    shown = clock(PLAIN, at(2021, 9, 8, 17), now)
    assert (shown.light, shown.left_hours) == (light, pytest.approx(left))


def test_a_paused_and_an_absent_clock_say_so():
    assert clock(PLAIN, None, at(2021, 9, 8, 9)).light == "none"
    paused = clock(PLAIN, at(2021, 9, 8, 17), at(2021, 9, 9, 9), at(2021, 9, 8, 9))
    assert (paused.light, paused.paused_since) == ("paused", at(2021, 9, 8, 9))


# --- legal clocks ------------------------------------------------------------------------------------------

NIGHT = at(2025, 11, 8, 23, 30)  # a Saturday


@pytest.mark.parametrize(
    ("grade", "operator", "expected"),
    [
        ("larger", "critical", {"protection": 1, "police": 1}),
        ("major", "critical", {"protection": 1, "police": 1, "nation": 0.5, "nation_police": 0.5}),
        ("larger", "central", {"own_body": 2}),
        ("extreme", "central", {"own_body": 2, "nation": 1}),
        ("larger", "other", {"province": 4}),
        ("major", "other", {"province": 4, "nation": 1}),
        ("general", "critical", {}),
        ("none", "other", {}),
    ],
)
def test_grade_and_operator_give_the_hours_of_the_rule(grade, operator, expected):
    assert {o.receiver: o.hours for o in obligations(grade, operator, NIGHT)} == expected


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(Grade.values), st.sampled_from(Operator.values))
def test_legal_clocks_run_in_calendar_time_and_not_before_the_rule_was_in_force(found_at, grade, operator):
    owed = obligations(grade, operator, found_at)
    if found_at < at(2025, 11, 1):
        assert owed == ()
    for one in owed:
        assert due_of(one, found_at) - found_at == timedelta(hours=one.hours)
    assert all(one.after in {other.receiver for other in owed} for one in owed if one.after)


def test_a_clock_at_night_ends_at_night():
    assert due_of(obligations("larger", "critical", NIGHT)[0], NIGHT) == at(2025, 11, 9, 0, 30)


@pytest.mark.parametrize(("grade", "operator"), [("grave", "other"), ("major", "")])
def test_no_clock_without_grade_and_operator(grade, operator):
    with pytest.raises(Refused, match="E-CLK-001"):
        obligations(grade, operator, NIGHT)


def test_onward_reports_start_when_the_first_one_arrived():
    officer, subject = holder(person(Duty.OFFICER, XIHU)), lead("ORG1")
    found_at = timezone.now() - timedelta(hours=3)
    first, onward = start(officer, subject, "major", "other", found_at)
    assert (first.due_at, onward.due_at) == (found_at + timedelta(hours=4), None)
    with pytest.raises(Refused, match="E-CLK-003"):
        meet(officer, onward, timezone.now(), "电报1号")
    arrived = timezone.now() - timedelta(minutes=5)
    meet(officer, first, arrived, "浙网信报〔2025〕1号")
    onward.refresh_from_db()
    assert (onward.started_at, onward.due_at) == (arrived, arrived + timedelta(hours=1))


def test_a_higher_grade_adds_what_it_owes_and_restarts_nothing():
    officer, subject = holder(person(Duty.OFFICER, XIHU)), lead("ORG1")
    found_at = timezone.now() - timedelta(hours=1)
    (first,) = start(officer, subject, "larger", "central", found_at)
    both = start(officer, subject, "extreme", "central", timezone.now())
    assert [(c.receiver, c.due_at) for c in both] == [("own_body", first.due_at), ("nation", None)]


@pytest.mark.parametrize("wrong", ["early", "future", "blank", "twice"])
def test_a_report_is_written_down_as_it_was(wrong):
    officer = holder(person(Duty.OFFICER, XIHU))
    (one,) = start(officer, lead("ORG1"), "larger", "other", timezone.now() - timedelta(hours=1))
    when = timezone.now() + {"early": -timedelta(hours=2), "future": timedelta(hours=2)}.get(
        wrong, timedelta()
    )
    if wrong == "twice":
        meet(officer, one, when, "1号")
    with pytest.raises(Refused, match="E-CLK-003"):
        meet(officer, one, when, " " if wrong == "blank" else "1号")


def test_a_legal_clock_belongs_to_its_region_and_to_who_may_meet_it():
    (one,) = start(holder(person(Duty.OFFICER, XIHU)), lead("ORG1"), "larger", "other", timezone.now())
    with pytest.raises(Hidden):
        meet(holder(person(Duty.OFFICER, NINGBO)), one, timezone.now(), "1号")
    with pytest.raises(Forbidden):
        meet(holder(person(Duty.LEADER, XIHU)), one, timezone.now(), "1号")
