"""Holders: whose an address was over the time it was seen, cut where it changed hands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.attribution.chain import Subject
from davylamp.attribution.holders import find_holders
from davylamp.attribution.lookup import Index
from davylamp.attribution.registry import Registry
from davylamp.attribution.registry_records import Organisation

from attribution.ledgers import COMPANY, DAY, HOSPITAL, UNIVERSITY, at, net, ranges, say, unlike

NOON = at("2024-06-01T12:00:00")
HOUR = 3_600 * 10**9


@pytest.fixture
def registry(tmp_path):
    with Registry(tmp_path / "reg.sqlite", create=True) as store:
        yield store


def held(registry, *subjects):
    return find_holders([subjects], Index(registry).claims)[0]


def seen(first_ns, last_ns, ip="10.1.0.9", port=4000):
    return Subject(ip, port, first_ns, last_ns)


def test_an_address_of_one_organisation_has_one_holder_with_its_region(registry):
    body = Organisation(UNIVERSITY, "浙江大学", "330106", "教育", True)
    say(registry, [body, net(UNIVERSITY, "10.1.0.0", "10.1.0.255")], NOON - 9 * DAY)
    (holder,) = held(registry, seen(NOON, NOON + HOUR), seen(NOON + 5 * HOUR, NOON + 6 * HOUR))
    assert (holder.state, holder.share) == ("attributed", 1.0)
    assert holder.claims[0].name == "浙江大学"
    assert holder.region_name == "浙江省杭州市西湖区"
    assert (holder.first_ns, holder.last_ns) == (NOON, NOON + 6 * HOUR)


def test_a_conversation_over_a_hand_over_is_cut_at_the_hand_over(registry):
    facts = [
        net(UNIVERSITY, "10.1.0.0", "10.1.0.255", until=NOON),
        net(COMPANY, "10.1.0.0", "10.1.0.255", since=NOON),
    ]
    say(registry, facts, NOON - 9 * DAY)
    first, second = held(registry, seen(NOON - HOUR, NOON + 3 * HOUR))
    assert [h.claims[0].organisation for h in (first, second)] == [COMPANY, UNIVERSITY]
    assert (first.first_ns, first.last_ns, first.share) == (NOON, NOON + 3 * HOUR, 0.75)
    assert (second.first_ns, second.last_ns, second.share) == (NOON - HOUR, NOON, 0.25)


def test_a_time_of_which_nobody_knows_is_a_holder_of_its_own(registry):
    say(registry, [net(UNIVERSITY, "10.1.0.0", "10.1.0.255", since=NOON)], NOON - 9 * DAY)
    holders = held(registry, seen(NOON - HOUR, NOON + 3 * HOUR))
    assert [(h.state, h.share) for h in holders] == [("attributed", 0.75), ("unattributed", 0.25)]
    assert holders[1].claims == ()


def test_two_organisations_on_one_address_are_told_apart_by_the_port(registry):
    blocks = [
        net(UNIVERSITY, "10.1.0.9", ports=(0, 29999)),
        net(HOSPITAL, "10.1.0.9", ports=(30000, 65535)),
    ]
    say(registry, blocks, NOON - 9 * DAY)
    holders = held(registry, seen(NOON, NOON + HOUR, port=20000), seen(NOON, NOON + 3 * HOUR, port=40000))
    assert [(h.claims[0].organisation, h.share) for h in holders] == [(HOSPITAL, 0.75), (UNIVERSITY, 0.25)]


def test_equal_claims_of_two_organisations_are_contested_and_both_shown(registry):
    say(registry, [net(UNIVERSITY, "10.1.0.0", "10.1.0.255")], NOON - 9 * DAY, source="a")
    say(registry, [net(COMPANY, "10.1.0.0", "10.1.0.255")], NOON - 8 * DAY, source="b")
    (holder,) = held(registry, seen(NOON, NOON + HOUR))
    assert holder.state == "contested"
    assert {c.organisation for c in holder.claims} == {UNIVERSITY, COMPANY}


spans = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
subjects = st.builds(
    lambda low, port, span: Subject(f"10.0.0.{low}", port, span[0] * DAY, span[1] * DAY),
    st.integers(0, 3), st.sampled_from([None, 0, 2]), spans,
)  # fmt: skip


@given(st.lists(ranges(), max_size=6).map(unlike), st.lists(subjects, min_size=1, max_size=4))
def test_shares_sum_to_one_and_each_holder_held_the_address_when_it_began(tmp_path_factory, facts, asked):
    folder: Path = tmp_path_factory.mktemp("holders")
    with Registry(folder / "r.sqlite", create=True) as store:
        say(store, facts, 20 * DAY)
        index = Index(store)
        holders = find_holders([asked], index.claims)[0]
        assert sum(h.share for h in holders) == pytest.approx(1.0)
        bodies = [h.claims[0].organisation if h.claims else "" for h in holders]
        assert len(set(bodies)) == len(bodies)
        for subject in asked:
            (begun,) = index.claims([(subject.ip, subject.port, subject.first_ns)])
            (ended,) = index.claims([(subject.ip, subject.port, subject.last_ns)])
            assert {c[0].organisation if c else "" for c in (begun, ended)} <= set(bodies)
