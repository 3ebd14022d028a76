"""Figures: every breakdown sums to the total, a past time renders as it was, what is published is frozen."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.desk.access.models import Clearance, Duty, Recusal
from davylamp.desk.access.policy import Forbidden
from davylamp.desk.core.workflow import Refused
from davylamp.desk.leads.models import Lead, State
from davylamp.desk.statistics import figures, publish
from davylamp.desk.statistics.figures import Cell
from davylamp.desk.statistics.models import Statistic
from desk.people import HANGZHOU, NINGBO, PROVINCE, XIHU, holder, person
from desk.test_pages import browser
from desk.test_policy import lead

WORDS = st.sampled_from(["", "a", "b"])
CELLS = st.lists(
    st.builds(
        Cell, st.sampled_from(State.values), st.sampled_from([XIHU, NINGBO, PROVINCE]), WORDS, st.integers(0, 9),
        st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.floats(0, 9), st.floats(0, 9), st.floats(0, 9),
    )
)  # fmt: skip


@given(CELLS)
@settings(max_examples=100)
def test_invariant_04_sums_by_state_by_region_and_by_sector_are_the_total(cells):
    whole = figures.total(cells)
    for split in (figures.by_state, figures.by_region, figures.by_sector):
        parts = split(cells).values()
        for name in ("leads", "overdue", "relapses", "sized"):
            assert sum(getattr(p, name) for p in parts) == getattr(whole, name)
        assert sum(p.kwh for p in parts) == pytest.approx(whole.kwh)
    assert figures.read(figures.plain(cells)) == cells


def counted(user, at=None):
    return {k: c.leads for k, c in figures.by_state(figures.cells(holder(user), at)).items()}


def test_a_past_time_renders_as_it_was_whatever_has_changed_since():
    user = person(Duty.LEADER)
    first = lead(1, XIHU)
    first.due_at, first.kwh_per_day = timezone.now() - timedelta(days=1), 12.0
    first.save()
    then = timezone.now()
    before = figures.cells(holder(user), then)
    assert before == figures.cells(holder(user))
    first.state, first.region_code, first.due_at, first.kwh_per_day = State.VERIFYING, NINGBO, None, 90.0
    first.save()
    lead(2, NINGBO)
    assert figures.cells(holder(user), then) == before
    assert figures.total(before).overdue == 1
    assert figures.total(figures.cells(holder(user))).leads == 2
    assert figures.total(figures.cells(holder(user), then - timedelta(days=1))).leads == 0


def test_invariant_19_a_published_figure_is_frozen_and_a_correction_is_a_revision_with_a_reason():
    leader = holder(person(Duty.LEADER))
    lead(1)
    at = timezone.now()
    made = publish.publish(leader, PROVINCE, at)
    changed = Lead.objects.get()
    changed.state = State.ATTRIBUTING
    changed.save()
    assert figures.by_state(figures.read(Statistic.objects.get(pk=made.pk).cells)).keys() == {"new"}
    with pytest.raises(Refused, match="E-STA-002"):
        publish.publish(leader, PROVINCE, at)
    second = publish.publish(leader, PROVINCE, at, "two were counted twice")
    assert (second.revision, second.reason) == (2, "two were counted twice")
    for statement in ("UPDATE statistics_statistic SET revision = 9", "DELETE FROM statistics_statistic"):
        with (
            pytest.raises(DatabaseError, match="E-AUD-007"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_only_who_sees_all_of_a_region_publishes_its_figures():
    tied = person(Duty.LEADER)
    Recusal(user=tied, organisation_code="ORG1", reason="former employer").save()
    for user, region in (
        (tied, PROVINCE),
        (person(Duty.LEADER, HANGZHOU), NINGBO),
        (person(Duty.ANALYST), PROVINCE),
    ):
        with pytest.raises(Forbidden):
            publish.publish(holder(user), region, timezone.now())
    with pytest.raises(Refused, match="E-STA-001"):
        publish.publish(holder(person(Duty.LEADER)), PROVINCE, timezone.now() + timedelta(days=1))


def test_figures_of_a_region_do_not_count_what_lies_elsewhere_or_is_classified_higher():
    lead(1, XIHU)
    lead(2, NINGBO)
    lead(3, XIHU, classification=Clearance.SECRET)
    assert counted(person(Duty.OFFICER, HANGZHOU, clearance=Clearance.SECRET)) == {"new": 1}
    assert sum(c.leads for c in figures.cells(holder(person()), None, HANGZHOU)) == 1


def test_now_is_one_query_for_any_number_of_leads(django_assert_num_queries):
    user = holder(person())
    for n in range(1, 9):
        lead(n)
    with django_assert_num_queries(1):
        figures.cells(user)


def test_the_leaders_page_publishes_and_shows_frozen_figures():
    lead(1)
    client = browser(person(Duty.LEADER))
    response = client.post("/figures/publish/", {"region": PROVINCE, "at": ""}, follow=True)
    assert "Published figures" in response.content.decode()
    assert client.get("/figures/?at=2021-09-08").status_code == 200
    assert client.get("/figures/?at=never").status_code == 400
    assert browser(person(Duty.LEADER, NINGBO)).get(response.request["PATH_INFO"]).status_code == 404
