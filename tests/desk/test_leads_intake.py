"""Intake: every observation once, into the lead it belongs to, whose it was at its own time."""

import random
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.desk.leads.intake import intake
from davylamp.desk.leads.models import OPEN_STATES, Attribution, Lead, Observation, State
from davylamp.errors import BadUse
from desk.sightings import (
    ELSEWHERE,
    HOSPITAL,
    T0,
    UNIVERSITY,
    close,
    net,
    register,
    sighting,
    state,
    when,
)


@contextmanager
def nothing_stays():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def refusals(made):
    return {(r["row"], r["code"]) for r in made.refused}


def test_a_sighting_becomes_an_observation_in_a_lead_of_who_held_the_address():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    made = intake([sighting("a")], "core-1")
    lead = Lead.objects.get()
    assert (made.new, made.known, made.refused) == (1, 0, [])
    assert (lead.organisation_code, lead.organisation_name, lead.region_code) == (
        UNIVERSITY,
        "某大学",
        "330106",
    )
    assert (lead.sector, lead.is_public, lead.state) == ("教育", True, State.ATTRIBUTED)
    assert lead.number.startswith("XS-")
    assert lead.energy_grade == "C"
    assert lead.kwh_per_day_low < lead.kwh_per_day < lead.kwh_per_day_high
    assert lead.weakest_link == "lease: no lease or ARP record of 10.1.0.7 at that time"
    assert Observation.objects.get().payload == sighting("a")


def test_without_a_row_of_the_registry_a_lead_stays_to_be_attributed_in_the_province():
    intake([sighting("a", ip="203.0.113.7")], "core-1")
    lead = Lead.objects.get()
    assert (lead.state, lead.organisation_code, lead.region_code) == (State.ATTRIBUTING, "", "330000")
    assert lead.weakest_link.startswith("organisation: no row")


def test_weak_evidence_is_new_and_becomes_attributed_by_strong_evidence():
    register(net(UNIVERSITY, "10.1.0.7"))
    intake([sighting("a", tier="suspected")], "s")
    assert Lead.objects.get().state == State.NEW
    intake([sighting("b", first=3)], "s")
    assert Lead.objects.get().state == State.ATTRIBUTED


def test_equal_claims_of_two_organisations_settle_nothing():
    register(net(UNIVERSITY, "10.1.0.7"), net(HOSPITAL, "10.1.0.7"))
    intake([sighting("a")], "s")
    lead = Lead.objects.get()
    assert lead.state == State.ATTRIBUTING
    assert lead.weakest_link.startswith("organisation: claimed by ")
    assert len(Attribution.objects.get().claims) == 2


def test_an_address_of_another_province_is_elsewhere_and_still_seen_here():
    register(net(ELSEWHERE, "10.1.0.7"))
    intake([sighting("a")], "s")
    lead = Lead.objects.get()
    assert (lead.state, lead.region_code, lead.organisation_code) == (State.ELSEWHERE, "330000", ELSEWHERE)


def test_broken_rows_are_returned_with_every_reason_and_the_good_rest_is_kept():
    rows = [
        sighting("a"),
        sighting("b", client_ip="10.1.0", first_seen="yesterday", tier="sure"),
        "no object",
        {"what": 1},
        sighting("", probability=float("nan")),
        sighting("c", first=5, last=4),
        sighting("d", kind="node"),
        sighting("e", first=9999),
        sighting("f", probability=7, server_port=-1),
        sighting("g"),
    ]
    made = intake(rows, "s")
    assert (made.rows, made.new) == (10, 2)
    assert refusals(made) == {
        (2, "E-INT-002"), (2, "E-INT-003"), (2, "E-INT-006"), (3, "E-INT-001"), (4, "E-INT-001"),
        (5, "E-INT-004"), (5, "E-INT-005"), (6, "E-INT-003"), (7, "E-INT-009"), (8, "E-INT-003"),
        (9, "E-INT-002"), (9, "E-INT-004"),
    }  # fmt: skip
    assert all(r["message"] and r["hint"] for r in made.refused)
    assert next(r for r in made.refused if r["row"] == 2)["data"]["client_ip"] == "10.1.0"


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(sighting("x"))), hostile), min_size=1, max_size=4), hostile)
def test_whatever_a_row_holds_it_is_taken_or_refused_and_the_next_one_is_taken(changes, junk):
    with nothing_stays():
        made = intake([{**sighting("x"), **dict(changes)}, junk, sighting("good")], "s")
        assert made.new >= 1
        assert Observation.objects.filter(source_ref="good").exists()


def test_a_reference_that_comes_back_with_other_content_is_told_and_changes_nothing():
    intake([sighting("a")], "s")
    before = state()
    made = intake([sighting("a", coin="BTC"), sighting("a")], "s")
    assert (made.new, made.known, refusals(made)) == (0, 1, {(1, "E-INT-007")})
    assert state() == before


def test_the_same_reference_of_another_source_is_another_observation():
    intake([sighting("a")], "one")
    intake([sighting("a")], "other")
    assert Observation.objects.count() == 2
    assert Lead.objects.get().observations_count == 2


@pytest.mark.parametrize("table", ["leads_observation", "leads_attribution", "leads_leadstanding"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET version = 9", "DELETE FROM {}"])
def test_invariant_01_the_database_refuses_to_change_what_was_observed(table, verb):
    intake([sighting("a")], "s")
    with pytest.raises(DatabaseError, match="E-AUD-007"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table))


def test_invariant_01_an_observation_never_changes_and_never_moves():
    intake([sighting("a")], "s")
    one = Observation.objects.get()
    one.coin = "BTC"
    with pytest.raises(BadUse, match="E-AUD-005"):
        one.save()


def test_invariant_02_a_new_owner_today_does_not_move_yesterdays_lead():
    register(net(UNIVERSITY, "10.1.0.7", until=30), net(HOSPITAL, "10.1.0.7", since=30))
    intake([sighting("old", first=10), sighting("new", first=40)], "s")
    holders = dict(Lead.objects.values_list("organisation_code", "observations_count"))
    assert holders == {UNIVERSITY: 1, HOSPITAL: 1}
    register(net(HOSPITAL, "10.1.0.7"), source="另一台账")
    intake([sighting("late", first=11)], "s")
    assert Lead.objects.get(organisation_code=UNIVERSITY).first_seen == T0 + timedelta(days=10)


ports = st.sampled_from([None, 10, 3000])
episodes = st.lists(
    st.tuples(st.sampled_from(["10.1.0.7", "10.1.0.8", "10.2.0.9", "203.0.113.5"]), st.integers(0, 60), ports,
              st.sampled_from(["confirmed", "probable", "suspected"]), st.integers(0, 5)),
    min_size=1, max_size=10,
)  # fmt: skip


def rows_of(drawn):
    return [
        {"ip": ip, "first": when(day), "last": when(day + n / 10), "tier": tier, "shares": n * 100, "coin": "XMR",
         "wallet": f"w{n}", "worker": "", "source_ref": f"r{i}", **({} if port is None else {"port": port})}
        for i, (ip, day, port, tier, n) in enumerate(drawn)
    ]  # fmt: skip


def registry():
    register(
        net(UNIVERSITY, "10.1.0.0", "10.1.0.255", until=30),
        net(HOSPITAL, "10.1.0.0", "10.1.0.255", since=30),
        net(UNIVERSITY, "10.2.0.9", ports=(0, 2047)),
        net(HOSPITAL, "10.2.0.9", ports=(2048, 4095)),
    )


@settings(max_examples=30, deadline=None)
@given(episodes, st.randoms(use_true_random=False))
def test_invariant_03_replayed_shuffled_and_overlapping_deliveries_leave_the_same_state(drawn, chance):
    rows = rows_of(drawn)
    states = []
    for order in range(4):
        with nothing_stays():
            registry()
            if order == 0:
                intake(rows, "s")
            else:
                mixed = chance.sample(rows * 3, len(rows) * 3)
                while mixed:
                    size = chance.randint(1, len(mixed))
                    intake(mixed[:size], "s")
                    mixed = mixed[size - 1 if size > 1 else size :]  # deliveries overlap by a row
            states.append(state())
    assert all(s == states[0] for s in states)


@settings(max_examples=30, deadline=None)
@given(episodes, episodes, st.integers(0, 60), st.randoms(use_true_random=False))
def test_invariant_03_there_is_one_open_lead_per_address_block_holder_and_episode(first, second, day, chance):
    later = [{**row, "source_ref": "z" + row["source_ref"]} for row in rows_of(second)]
    states = []
    for order in (later, chance.sample(later, len(later))):
        with nothing_stays():
            registry()
            intake(rows_of(first), "s")
            for lead in Lead.objects.order_by("number")[:2]:
                close(lead, day)
            for row in order:
                intake([row], "s")
            states.append(state())
            held = [
                (x.ip, x.first_port, x.last_port, x.organisation_code)
                for x in Lead.objects.filter(state__in=OPEN_STATES)
            ]
            assert len(set(held)) == len(held)
            for lead in Lead.objects.filter(state=State.CLOSED):
                late = lead.observations.filter(source_ref__startswith="z", last_seen__gt=lead.closed_at)
                assert not late.exists()
    assert states[0] == states[1]


def test_what_is_seen_after_the_closing_begins_a_new_episode_and_what_is_older_joins_the_closed_one():
    register(net(UNIVERSITY, "10.1.0.7"))
    intake([sighting("a", first=1)], "s")
    closed = close(Lead.objects.get(), 10)
    intake([sighting("b", first=20), sighting("c", first=5)], "s")
    again = Lead.objects.exclude(pk=closed.pk).get()
    closed.refresh_from_db()
    assert (closed.state, closed.observations_count) == (State.CLOSED, 2)
    assert (again.episode, again.relapse_of, again.state) == (2, closed, State.ATTRIBUTED)
    assert again.relapse_key.startswith("address 10.1.0.7")
    assert again.severity == closed.severity + 1


def test_behind_a_shared_address_the_port_tells_whose_it_is():
    registry()
    session = {"client": {"ip": "10.2.0.9", "port": 3000}, "pool": "pool.example", "shares": {"accepted": 7}}
    other = {**session, "client": {"ip": "10.2.0.9", "port": 5}}
    scan = {
        "sessions": [session, other],
        "sightings": [
            sighting("a", ip="10.2.0.9", sessions=[0]),
            sighting("b", ip="10.2.0.9", sessions=[1]),
            sighting("c", ip="10.2.0.9", sessions=[0, 1]),
        ],
    }
    intake([scan], "s")
    found = {x.source_ref: x for x in Observation.objects.select_related("lead")}
    assert (found["a"].lead.organisation_code, found["a"].port, found["a"].pool) == (
        HOSPITAL,
        3000,
        "pool.example",
    )
    assert (found["b"].lead.organisation_code, found["b"].lead.last_port) == (UNIVERSITY, 2047)
    assert (found["c"].port, found["c"].lead.first_port, found["c"].lead.last_port) == (None, 0, 65535)


def test_the_lines_of_a_scan_say_the_same_as_the_scan():
    session = {"client": {"ip": "10.1.0.7", "port": 5}, "pool": "p.example", "shares": {"accepted": 7}}
    seen = sighting("a", sessions=[0])
    whole = {"sessions": [session], "sightings": [seen]}
    lines = [{"record": "sighting", "index": 0, **seen}, {"record": "session", "index": 0, **session}]
    intake([whole], "whole")
    intake(lines, "lines")
    one, other = Observation.objects.order_by("-source")
    for name in ("ip", "port", "pool", "accepted_shares", "tier", "first_seen", "lead_id"):
        assert getattr(one, name) == getattr(other, name)


def test_a_trace_of_the_logs_names_the_computer_in_whatever_order_it_comes():
    register(net(UNIVERSITY, "10.1.0.7"))
    link = {"from": None, "to": None, "tolerance_s": 0.0, "offset_s": 0.0, "because": "b"}
    chain = [
        {"hop": "address", "value": "10.1.0.7", "source": "sighting", "confidence": 1.0, **link},
        {"hop": "mac", "value": "02:00:5e:00:53:07", "source": "arp.txt", "confidence": 0.9, **link},
    ]
    told = {"attributions": [{"source_ref": "a", "chains": [chain], "is_ambiguous": False, "weakest": "mac"}]}
    states = []
    for rows in ([sighting("a"), told], [told, sighting("a")]):
        for split in (False, True):
            with nothing_stays():
                for part in [[r] for r in rows] if split else [rows]:
                    intake(part, "s")
                if split and rows[0] is told:
                    intake([told], "s")
                states.append(state())
                assert Lead.objects.get().host == "02:00:5e:00:53:07"
    assert all(s == states[0] for s in states)


def test_invariant_20_bounds_stay_bounds_through_import_and_sum():
    rows = [
        {"ip": "10.1.0.7", "first": "2021-07-05", "shares": "500余", "machines": "约60台", "source_ref": "a"},
        {"ip": "10.1.0.7", "first": "2021-07-06", "shares": 20, "source_ref": "b"},
        {"ip": "10.1.0.7", "first": "2021-07-07", "shares": "≥ 100", "machines": 4, "source_ref": "c"},
    ]
    intake(rows, "s")
    lead = Lead.objects.get()
    assert (lead.accepted_shares, lead.shares_text) == (620, "≥ 620")
    assert lead.machines_text == "≈ 60"
    assert lead.bounds["shares"]["high"] is None
    assert {o.source_ref: o.bounds.get("shares", {}).get("text") for o in Observation.objects.all()} == {
        "a": "≥ 500", "b": None, "c": "≥ 100",
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.sampled_from(["{}", "{}余", "约{}", "≥{}", "近{}"])), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_invariant_20_a_sum_is_exact_only_if_all_of_it_is(parts, chance):
    from davylamp.desk.leads.aggregate import aggregate
    from davylamp.desk.leads.seen import read_list_row

    rows = []
    for i, (n, form) in enumerate(parts):
        row = {"ip": "10.1.0.7", "first": "2021-07-05", "shares": form.format(n), "source_ref": f"r{i}"}
        seen = read_list_row(i, row, timezone.now())
        names = (
            "tier",
            "probability",
            "coin",
            "algorithm",
            "pool",
            "wallet",
            "worker",
            "accepted_shares",
            "first_seen",
            "last_seen",
            "hashrate_low",
            "hashrate_hps",
            "hashrate_high",
            "bounds",
            "source_ref",
        )
        rows.append({**{name: getattr(seen, name) for name in names}, "source": "s"})  # fmt: skip
    told = aggregate(rows)
    assert told == aggregate(chance.sample(rows, len(rows)))
    is_exact = all(form == "{}" for _, form in parts)
    assert ("shares" in told["bounds"]) == (not is_exact)
    if any(form in ("{}余", "≥{}") for _, form in parts):
        assert told["bounds"]["shares"]["high"] is None


def test_a_worker_of_a_thousand_letters_is_cut_in_its_column_and_whole_in_the_row():
    intake([sighting("a", worker="x" * 1000, wallet="w\x00w")], "s")
    one = Observation.objects.get()
    assert (len(one.worker), one.payload["worker"], one.wallet) == (200, "x" * 1000, "w\\u0000w")


def test_ten_thousand_rows_take_well_under_a_minute():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    chance = random.Random(1)
    rows = [
        sighting(
            f"r{i}", ip=f"10.1.{chance.randrange(20)}.{chance.randrange(250)}", first=chance.randrange(60)
        )
        for i in range(10_000)
    ]
    begun = time.perf_counter()
    made = intake(rows, "s")
    seconds = time.perf_counter() - begun
    assert made.new == 10_000
    assert seconds < 40, f"{seconds:.1f} s"
