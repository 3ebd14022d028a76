"""The registry: only added to, two times per answer, sources and layers that leave each other alone."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.attribution.lookup import Index, lookup
from davylamp.attribution.registry import Registry
from davylamp.attribution.registry_claims import Names
from davylamp.attribution.registry_diff import withdraw
from davylamp.attribution.registry_records import KINDS, Contact, NetRange, Organisation, Origin, Succession
from davylamp.attribution.registry_totals import count
from davylamp.errors import BadUse, InputError

from attribution.ledgers import (
    DAY,
    HOLDERS,
    at,
    net,
    questions,
    range_lists,
    say,
    successions,
    unlike,
)
from attribution.stores import STORES


@pytest.fixture(params=STORES)
def registry(request):
    with request.param() as made:
        yield made


@pytest.fixture
def file(tmp_path):
    with Registry(tmp_path / "registry.sqlite", create=True) as made:
        yield made


on_every_store = pytest.mark.parametrize("fresh", STORES)


def holders(registry, address, when, port=None, as_of=None):
    return [claim.organisation for claim in lookup(registry, address, port, when, as_of)]


def answer(registry, question, as_of=None):
    """What matters of an answer: who, where from, when, in order; not when it was written down."""
    place, port, day = question
    claims = lookup(registry, f"10.0.0.{place}", port, day * DAY, as_of)
    return [essence(claim) for claim in claims]


def essence(claim):
    return (
        claim.organisation,
        claim.network,
        claim.layer,
        claim.source,
        claim.valid_from_ns,
        claim.valid_to_ns,
    )


@pytest.mark.parametrize("kind", ["batch", "heard", *KINDS])
@pytest.mark.parametrize("verb", ["update", "delete", "replace"])
def test_no_row_is_ever_changed_removed_or_replaced(file, kind, verb):
    registry = file
    facts = [net("A", "10.0.0.1"), Organisation("A", "甲"), Succession("A", "B", "merged", "", 5)]
    say(registry, facts, 1000)
    say(registry, [Contact("A", "张")], 2000, kinds=frozenset({Contact}))
    from davylamp.attribution.registry_records import Relation

    say(registry, [Relation("A", "B")], 3000, kinds=frozenset({Relation}))
    with sqlite3.connect(registry.path) as raw:
        column = "source" if kind in ("batch", "heard") else "thread"
        before = raw.execute(f"SELECT * FROM {kind}").fetchall()
        assert before
        statement = {
            "update": f"UPDATE {kind} SET {column} = 'x'",
            "delete": f"DELETE FROM {kind}",
            "replace": f"INSERT OR REPLACE INTO {kind} SELECT * FROM {kind}",
        }[verb]
        with pytest.raises(sqlite3.Error, match=r"only added to|must rise"):
            raw.execute(statement)
        assert raw.execute(f"SELECT * FROM {kind}").fetchall() == before


def test_an_address_belongs_to_who_held_it_when_it_was_seen(registry):
    """University until the end of 2020, hospital from then on: stated in one file, in any order."""
    turn = at("2021-01-01")
    say(
        registry,
        [net("H", "10.1.0.0", "10.1.0.255", since=turn), net("U", "10.1.0.0", "10.1.0.255", until=turn)],
        1,
    )
    assert holders(registry, "10.1.0.7", turn - 1) == ["U"]
    assert holders(registry, "10.1.0.7", turn) == ["H"]


def test_a_new_owner_in_an_undated_file_does_not_move_yesterdays_answers(registry):
    say(registry, [net("U", "10.1.0.0", "10.1.0.255")], at("2021-07-01"))
    say(registry, [net("H", "10.1.0.0", "10.1.0.255")], at("2021-10-01"))
    assert holders(registry, "10.1.0.7", at("2021-09-08")) == ["U"]
    assert holders(registry, "10.1.0.7", at("2021-10-01")) == ["H"]
    assert holders(registry, "10.1.0.7", at("2022-01-01"), as_of=at("2021-09-08")) == ["U"]


def test_a_holder_that_returns_has_two_spells_with_the_gap_kept(registry):
    for month, facts in ((1, [net("U", "10.1.0.1")]), (3, []), (6, [net("U", "10.1.0.1")])):
        say(registry, facts, at(f"2021-0{month}-01"))
    found = [bool(holders(registry, "10.1.0.1", at(f"2021-0{month}-15"))) for month in (1, 2, 3, 5, 6, 7)]
    assert found == [True, True, False, False, True, True]


def test_what_has_ended_stays_ended_at_its_day_however_often_files_lack_it(registry):
    for month, facts in ((1, [net("U", "10.1.0.1")]), (3, []), (6, [net("H", "10.1.0.2")]), (9, [])):
        say(registry, facts, at(f"2021-0{month}-01"))
    assert [holders(registry, "10.1.0.1", at(f"2021-0{month}-15")) for month in (2, 3, 7)] == [["U"], [], []]


def test_a_range_that_begins_after_its_holder_was_succeeded_is_the_successors_from_the_start(registry):
    facts = [
        net("A", "10.1.0.1", since=50),
        Succession("A", "B", "merged", "", 10),
        Succession("B", "C", "merged", "", 5),
    ]
    say(registry, facts, 1000)
    assert [holders(registry, "10.1.0.1", t) for t in (20, 49, 50)] == [[], [], ["C"]]


def test_a_correction_says_that_it_was_never_so(registry):
    say(registry, [net("U", "10.1.0.1"), net("X", "10.1.0.2")], 1000)
    say(registry, [net("U", "10.1.0.1")], 2000, is_correction=True)
    assert holders(registry, "10.1.0.2", 1500) == []
    assert holders(registry, "10.1.0.2", 1500, as_of=1999) == ["X"]


def test_an_organisation_has_the_name_of_its_time(registry):
    say(registry, [Organisation("U", "某学院"), net("U", "10.1.0.1")], at("2020-01-01"))
    say(registry, [Organisation("U", "某大学"), net("U", "10.1.0.1")], at("2021-09-01"))
    names = [lookup(registry, "10.1.0.1", None, at(day))[0].name for day in ("2021-08-31", "2021-09-01")]
    assert names == ["某学院", "某大学"]
    assert lookup(registry, "10.1.0.1", None, at("2022-01-01"), at("2021-01-01"))[0].name == "某学院"


def test_a_merger_hands_over_on_its_day_and_says_so(registry):
    say(registry, [net("OLD", "10.1.0.1"), Organisation("NEW", "合并后")], 1000)
    say(
        registry,
        [Succession("OLD", "NEW", "merged", "浙编〔2021〕1号", 5000)],
        2000,
        source="编办",
        is_complete=False,
    )
    assert holders(registry, "10.1.0.1", 4999) == ["OLD"]
    after = lookup(registry, "10.1.0.1", None, 5000)[0]
    assert (after.organisation, after.name) == ("NEW", "合并后")
    assert "in the place of OLD" in after.method
    assert holders(registry, "10.1.0.1", 5000, as_of=1999) == ["OLD"]


def test_successions_chain_and_a_ring_of_them_ends(registry):
    chain = [
        Succession("A", "B", "recoded", "", 10),
        Succession("B", "C", "merged", "", 20),
        Succession("C", "A", "merged", "", 30),
    ]
    say(registry, [net("A", "10.1.0.1"), *chain], 1000)
    assert [holders(registry, "10.1.0.1", t) for t in (9, 10, 20, 30, 99)] == [
        ["A"],
        ["B"],
        ["C"],
        ["C"],
        ["C"],
    ]


@pytest.mark.parametrize("layer", ["declared", "verified"])
def test_an_import_leaves_what_people_said_in_its_place(registry, layer):
    say(registry, [net("U", "10.1.0.0", "10.1.0.255")], 1000)
    say(registry, [net("H", "10.1.0.0", "10.1.0.255")], 2000, layer=layer, source="王检查", effective=0)
    say(registry, [net("U", "10.1.0.0", "10.1.0.255"), net("U", "10.1.0.7")], 3000)
    say(registry, [], 4000)
    claims = lookup(registry, "10.1.0.7", None, 3500)
    assert (claims[0].organisation, claims[0].layer) == ("H", layer)
    assert len(claims) == 3
    assert [c.organisation for c in lookup(registry, "10.1.0.7", None, 4500)] == ["H"]


def test_a_verified_name_leaves_region_and_sector_as_the_ledger_has_them(registry):
    """Three layers, attribute by attribute: what a better layer leaves empty is not taken away."""
    say(registry, [Organisation("H", "某医", "330102", "卫生", True), net("H", "10.1.0.1")], 1000)
    say(registry, [Organisation("H", "某医院")], 2000, layer="verified", source="核查", effective=0)
    (claim,) = lookup(registry, "10.1.0.1", None, 5000)
    assert (claim.name, claim.region, claim.sector, claim.is_public) == ("某医院", "330102", "卫生", True)
    assert count([(claim,)], "city").by_region == {"330100": 1}


def test_a_file_speaks_only_of_the_kinds_it_has_columns_for(registry):
    say(registry, [Organisation("U", "某大学"), net("U", "10.1.0.1")], 1000)
    plan = say(registry, [Organisation("U", "某大学")], 2000, kinds=frozenset({Organisation}))
    assert plan.count("removed") == 0
    assert holders(registry, "10.1.0.1", 3000) == ["U"]


def test_a_supplement_ends_nothing(registry):
    say(registry, [net("U", "10.1.0.1")], 1000)
    plan = say(registry, [net("H", "10.1.0.2")], 2000, is_complete=False)
    assert (plan.count("added"), plan.count("removed")) == (1, 0)
    assert holders(registry, "10.1.0.1", 3000) == ["U"]


def test_a_source_takes_back_only_its_own_words(registry):
    say(registry, [net("H", "10.1.0.1")], 1000, layer="verified", source="王检查")
    known = registry.facts(NetRange)
    with pytest.raises(BadUse, match="E-REG-008"):
        withdraw(Origin("imported", "台账"), known, 2000, registry.last_batch())
    registry.commit(
        withdraw(Origin("verified", "王检查", "王检查"), known, 2000, registry.last_batch()), 2000
    )
    assert holders(registry, "10.1.0.1", 500) == []
    assert holders(registry, "10.1.0.1", 500, as_of=1999) == ["H"]


def test_an_older_state_of_a_source_is_refused_and_a_replay_is_nothing(registry):
    say(registry, [net("U", "10.1.0.1")], 1000, effective=100)
    say(registry, [net("H", "10.1.0.1")], 2000, effective=200)
    replay = say(registry, [net("U", "10.1.0.1")], 3000, effective=100)
    assert (replay.count("unchanged"), replay.versions) == (1, ())
    assert holders(registry, "10.1.0.1", 250) == ["H"]
    with pytest.raises(InputError, match="E-REG-007"):
        say(registry, [net("X", "10.1.0.1")], 3000, effective=150)


def test_the_clock_may_not_step_back_nor_a_plan_grow_old(registry):
    plan = registry.plan
    say(registry, [net("U", "10.1.0.1")], 1000)
    with pytest.raises(InputError, match="E-REG-004"):
        say(registry, [net("H", "10.1.0.1")], 1000, effective=1001)
    from davylamp.attribution.registry_diff import Statement

    old = plan(Statement(Origin("imported", "b"), (net("H", "10.1.0.2"),), frozenset({NetRange}), 1))
    say(registry, [net("H", "10.1.0.1")], 2000)
    with pytest.raises(InputError, match="E-REG-005"):
        registry.commit(old, 3000)


def test_a_failed_commit_leaves_nothing_behind(registry):
    say(registry, [net("U", "10.1.0.1")], 1000)
    before = registry.batches()
    with pytest.raises(Exception, match=r".*"):
        say(registry, [net("H", "10.1.0.2", note=object())], 2000)
    assert registry.batches() == before


def test_other_files_are_no_registry(tmp_path):
    with pytest.raises(InputError, match="E-REG-001"):
        Registry(tmp_path / "none.sqlite")
    (tmp_path / "text").write_text("no database, only a text of some length\n" * 99)
    with pytest.raises(InputError, match="E-REG-002"):
        Registry(tmp_path / "text")
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE batch (number INTEGER)")
    with pytest.raises(InputError, match="E-REG-002"):
        Registry(tmp_path / "other.sqlite", create=True)


def test_contacts_are_stale_after_180_days_or_when_never_confirmed(registry):
    contacts = [
        Contact("A", "甲", confirmed_ns=0),
        Contact("B", "乙"),
        Contact("C", "丙", confirmed_ns=100 * DAY),
    ]
    say(registry, contacts, 1000, kinds=frozenset({Contact}))
    assert [c.organisation for c in Names(registry).stale_contacts(180 * DAY)] == ["B"]
    assert [c.organisation for c in Names(registry).stale_contacts(180 * DAY + 1)] == ["A", "B"]


@on_every_store
@settings(max_examples=60, deadline=None)
@given(range_lists, st.randoms(use_true_random=False))
def test_imports_are_idempotent_in_any_order_of_rows(fresh, facts, random):
    with fresh() as registry:
        say(registry, facts, 20 * DAY)
        shuffled = random.sample(facts, len(facts))
        again = say(registry, shuffled, 21 * DAY)
        assert {change.kind for change in again.changes} <= {"unchanged"}
        assert len(registry.batches()) == bool(facts)


@on_every_store
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), range_lists), max_size=6), st.data())
def test_sources_commute_and_replays_are_nothing(fresh, files, data):
    """Any interleaving that keeps each source's files in order, with any replays, gives the same answers."""
    numbered = [(source, 20 + n, facts) for n, (source, facts) in enumerate(files)]
    shuffled = []
    queues = {source: [f for f in numbered if f[0] == source] for source, _, _ in numbered}
    while any(queues.values()):
        source = data.draw(st.sampled_from(sorted(s for s, q in queues.items() if q)))
        shuffled.append(queues[source].pop(0))
        replayed = data.draw(st.lists(st.sampled_from(shuffled), max_size=2))
        shuffled += replayed
    with fresh() as one, fresh() as other:
        for registry, order in ((one, numbered), (other, shuffled)):
            for n, (source, day, facts) in enumerate(order):
                seen = [f for f in order[:n] if f == (source, day, facts)]
                plan = say(registry, facts, (100 + n) * DAY, source=source, effective=day * DAY)
                assert not (seen and plan.versions)
        asked = [(f"10.0.0.{p}", None, w * DAY) for p in range(16) for w in (0, 5, 19, *range(20, 27))]
        assert unordered(one, asked) == unordered(other, asked)


def unordered(registry, asked):
    """What matters of many answers, whatever their order."""
    return [sorted(map(str, map(essence, claims))) for claims in Index(registry).claims(asked)]


@on_every_store
@settings(max_examples=60, deadline=None)
@given(
    range_lists, st.lists(range_lists, min_size=1, max_size=3), range_lists, st.lists(questions, min_size=1)
)
def test_three_layers_never_clobber_each_other_nor_other_sources(fresh, human, imports, other, asked):
    with fresh() as registry:
        say(registry, human, 20 * DAY, layer="verified", source="王检查")
        say(registry, other, 21 * DAY, source="another")
        for n, facts in enumerate(imports):
            before = [[line for line in answer(registry, q) if line[3] != "台账"] for q in asked]
            say(registry, facts, (22 + n) * DAY)
            after = [answer(registry, q) for q in asked]
            assert [[line for line in lines if line[3] != "台账"] for lines in after] == before
            for lines in after:
                layers = [line[2] for line in lines]
                assert layers == sorted(layers, key=["verified", "declared", "imported"].index)


@on_every_store
@settings(max_examples=60, deadline=None)
@given(
    range_lists,
    st.lists(range_lists, max_size=3),
    st.lists(successions, max_size=4).map(unlike),
    st.lists(questions, min_size=1),
)
def test_answers_as_of_an_earlier_record_time_never_move(fresh, first, later, mergers, asked):
    with fresh() as registry:
        say(registry, first, 20 * DAY)
        before = [answer(registry, q, 20 * DAY) for q in asked]
        for n, facts in enumerate(later):
            say(registry, facts, (21 + n) * DAY, is_correction=n == 1)
        say(
            registry,
            unlike({s.old: s for s in mergers}.values()),
            30 * DAY,
            source="编办",
            kinds=frozenset({Succession}),
        )
        assert [answer(registry, q, 20 * DAY) for q in asked] == before


@on_every_store
@settings(max_examples=60, deadline=None)
@given(range_lists, st.lists(questions, min_size=1))
def test_attribution_is_by_observation_time(fresh, facts, asked):
    """An answer depends on what held when the address was seen, and on nothing that held only before or after."""
    with fresh() as registry:
        say(registry, facts, 20 * DAY, effective=0)
        answers = {q: answer(registry, q) for q in asked}
    for question, told in answers.items():
        when = question[2] * DAY
        assert all(
            (begin is None or begin <= when) and (end is None or when < end) for *_, begin, end in told
        )
        holding = [f for f in facts if holds_at(f, when)]
        with fresh() as registry:
            say(registry, holding, 20 * DAY, effective=0)
            assert answer(registry, question) == told


def holds_at(fact, when):
    begin, end = fact.valid_from_ns, fact.valid_to_ns
    return (begin is None or begin <= when) and (end is None or when < end)


@on_every_store
def test_ending_a_claim_does_not_put_it_before_its_equal(fresh):
    ranges = [net(code, "10.0.0.0") for code in "AB"]
    with fresh() as registry:
        say(registry, ranges, 20 * DAY, effective=5 * DAY)
        before = [line[:2] for line in answer(registry, (0, None, 0))]
        say(registry, ranges[:1], 21 * DAY, effective=9 * DAY)
        assert [line[:2] for line in answer(registry, (0, None, 0))] == before


@on_every_store
@settings(max_examples=60, deadline=None)
@given(range_lists, range_lists, st.lists(questions, min_size=1))
def test_an_undated_snapshot_never_moves_answers_before_its_effective_time(fresh, first, second, asked):
    undated = [[net_like(f) for f in facts] for facts in (first, second)]
    with fresh() as registry:
        say(registry, unlike(undated[0]), 20 * DAY, effective=5 * DAY)
        early = [q for q in asked if q[2] < 9]
        before = [[line[:4] for line in answer(registry, q)] for q in early]
        say(registry, unlike(undated[1]), 21 * DAY, effective=9 * DAY)
        assert [[line[:4] for line in answer(registry, q)] for q in early] == before


def net_like(fact):
    from dataclasses import replace

    return replace(fact, valid_from_ns=None, valid_to_ns=None)


@on_every_store
@settings(max_examples=60, deadline=None)
@given(range_lists, st.lists(questions), st.sampled_from(["province", "city", "county"]))
def test_totals_by_region_sector_and_state_agree(fresh, facts, asked, level):
    regions = {"A": "330106", "B": "330200", "C": ""}
    bodies = [
        Organisation(code, code, regions.get(code, ""), "教育" if code == "A" else "", code == "B" or None)
        for code in HOLDERS[:3]
    ]
    with fresh() as registry:
        say(registry, [*facts, *bodies], 20 * DAY)
        claims = [lookup(registry, f"10.0.0.{place}", port, day * DAY) for place, port, day in asked]
        totals = count(claims, level)
        assert totals.total == len(asked)
        assert {name: sum(part.values()) for name, part in totals.breakdowns().items()} == dict.fromkeys(
            totals.breakdowns(), len(asked)
        )
        assert (
            totals.by_state.get("unattributed", 0)
            == sum(not c for c in claims)
            == totals.by_region.get("nobody", 0)
        )
