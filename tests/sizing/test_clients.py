"""Clients: machines and energy of one address, and sums that agree with each other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.errors import BadUse
from davylamp.records import Claim, Client, ClientEnergy, Holder, Interval, PeriodEnergy
from davylamp.sizing.clients import NOTHING_ABOVE, UNKNOWN, size_client, sum_clients
from davylamp.sizing.energy_account import Choice
from report.samples import demo, session, sighting

CHOICE = Choice()
HOUR = 3_600 * 10**9


# --- one client --------------------------------------------------------------------------------------------


def test_a_client_with_a_hashrate_has_grade_c_and_both_periods_with_their_sentences():
    found = demo()
    sized = size_client([found.sightings[1]], found.sessions, CHOICE)
    energy = sized.energy
    assert energy.grade == "C"
    hours = energy.observed.hours.estimate
    assert energy.observed.energy_kwh.estimate == pytest.approx(energy.power_w.estimate * hours / 1000)
    assert energy.kwh_per_day.estimate == pytest.approx(energy.power_w.estimate * 24 / 1000)
    assert energy.inferred.span_h >= energy.observed.hours.estimate
    assert "spans of records cover" in energy.observed.because
    assert "judged usual" in energy.inferred.because
    assert sized.machines.low >= 1
    assert not [n for n in sized.not_known if n.what == "energy"]


def test_masses_come_official_first_and_can_be_computed_again():
    found = demo()
    energy = size_client([found.sightings[1]], found.sessions, CHOICE).energy
    kinds = [m.is_official for m in energy.masses]
    assert kinds == sorted(kinds, reverse=True)
    assert {(m.factor_set, m.substance) for m in energy.masses} >= {
        ("MEE-2021-national", "CO2"), ("article-2021", "CO2"),
    }  # fmt: skip
    for mass in energy.masses:
        assert mass.kg_per_day.estimate == pytest.approx(energy.kwh_per_day.estimate * mass.kg_per_kwh)


def test_mining_that_cannot_be_read_has_the_default_and_says_why_and_no_upper_number_of_machines():
    sized = size_client([demo().sightings[5]], demo().sessions, CHOICE)
    assert sized.energy.grade == "D"
    assert sized.energy.kwh_per_day.estimate == pytest.approx(31.6)
    assert (sized.machines.low, sized.machines.high) == (1, None)
    told = {(n.what, n.because) for n in sized.not_known}
    assert told == {("machines", NOTHING_ABOVE), ("energy", "the conversation is encrypted")}


def test_a_part_that_was_not_read_leaves_the_number_of_machines_open_above():
    found = demo()
    unread = sighting((), client_ip=found.sightings[1].client_ip, server_port=443, hashrate_hps=None)
    alone = size_client([found.sightings[1]], found.sessions, CHOICE).machines
    both = size_client([found.sightings[1], unread], found.sessions, CHOICE).machines
    assert alone.high is not None
    assert both.high is None
    assert both.low == alone.low


def test_a_time_that_no_calendar_holds_is_sized_as_of_any_year():
    odd = session(0, first_ns=2**62, last_ns=2**62 + HOUR)
    sized = size_client([sighting((0,), first_ns=2**62, last_ns=2**62 + HOUR)], [odd], CHOICE)
    assert sized.energy.power_w.estimate > 0


def test_a_factor_set_that_does_not_exist_is_an_error_with_a_code():
    with pytest.raises(BadUse) as error:
        size_client([demo().sightings[5]], [], Choice("none"))
    assert error.value.code == "E-FAC-001"


# --- all clients -------------------------------------------------------------------------------------------

amounts = st.lists(st.floats(0, 1e9), min_size=3, max_size=3).map(lambda v: Interval(*sorted(v)))


def energy_of(kwh, grade):
    period = PeriodEnergy(Interval(1, 1, 1), 1.0, kwh, "")
    return ClientEnergy(kwh, grade, kwh, period, period, (), (), "")


def claim(organisation, region, sector):
    return Claim(
        organisation, organisation.lower(), region, sector, None, "10.0.0.0/8", 0, 65535, "imported",
        None, None, 0, "list", "", 0.7,
    )  # fmt: skip


claims = st.none() | st.builds(
    claim, st.sampled_from("ABC"), st.sampled_from(["330106", "330102", "330200", "", "x"]),
    st.sampled_from(["教育", "医疗", ""]),
)  # fmt: skip


@st.composite
def clients(draw):
    parts = draw(
        st.lists(
            st.tuples(claims, st.integers(1, 9)), max_size=3, unique_by=lambda p: p[0] and p[0].organisation
        )
    )
    whole = sum(n for _, n in parts)
    holders = [
        Holder("attributed" if c else "unattributed", (c,) if c else (), "", 0, 1, n / whole)
        for c, n in parts
    ]
    holders.sort(key=lambda h: -h.share)
    energy = draw(st.none() | st.builds(energy_of, amounts, st.sampled_from("ABCD")))
    return Client("10.0.0.1", (0,), 0, 1, tuple(holders), energy=energy)


@given(st.lists(clients(), max_size=8))
def test_totals_by_region_sector_and_organisation_agree_with_the_total_for_any_mixture(found):
    total = sum_clients(found, CHOICE)
    mining = [c for c in found if c.energy]
    if not mining:
        assert total is None
        return
    assert total.clients == len(mining)
    for end in ("low", "estimate", "high"):
        whole = getattr(total.kwh_per_day, end)
        assert whole == pytest.approx(math.fsum(getattr(c.energy.kwh_per_day, end) for c in mining))
        for rows in (total.by_region, total.by_sector, total.by_organisation, total.by_grade):
            assert math.fsum(getattr(r.kwh_per_day, end) for r in rows) == pytest.approx(whole)
    for rows in (total.by_region, total.by_sector, total.by_organisation):
        assert sum(r.clients for r in rows) == len(mining)
        assert len({r.key for r in rows}) == len(rows)
        for row in rows:
            assert sum(p.clients for p in row.by_grade) == row.clients
            split = math.fsum(p.kwh_per_day.estimate for p in row.by_grade)
            assert split == pytest.approx(row.kwh_per_day.estimate)


def test_what_has_no_holder_region_or_sector_stands_last_as_unknown():
    day = Interval(1.0, 2.0, 3.0)
    known = Holder("attributed", (claim("A", "330106", "教育"),), "", 0, 1, 1.0)
    total = sum_clients(
        [Client("10.0.0.1", (0,), 0, 1, (known,), energy=energy_of(day, "C")),
         Client("10.0.0.2", (1,), 0, 1, (), energy=energy_of(Interval(9, 9, 9), "D"))], CHOICE)  # fmt: skip
    for rows, first in ((total.by_region, "330100"), (total.by_sector, "教育"), (total.by_organisation, "A")):
        assert [r.key for r in rows] == [first, UNKNOWN]
    assert total.by_region[0].name == "浙江省杭州市"


def test_an_address_that_changed_hands_divides_its_energy_by_the_time_of_each_holder():
    parts = [(claim("A", "", ""), 0.75), (claim("B", "", ""), 0.25)]
    holders = tuple(Holder("attributed", (c,), "", 0, 1, share) for c, share in parts)
    client = Client("10.0.0.1", (0,), 0, 1, holders, energy=energy_of(Interval(4, 8, 12), "C"))
    first, second = sum_clients([client], CHOICE).by_organisation
    assert (first.key, first.clients, first.kwh_per_day) == ("A", 1, Interval(3, 6, 9))
    assert (second.key, second.clients, second.kwh_per_day) == ("B", 0, Interval(1, 2, 3))
