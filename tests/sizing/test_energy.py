"""Energy over what was seen and over what is inferred; enforcement reports as plausibility vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.errors import BadUse
from davylamp.records import Interval
from davylamp.sizing.energy import energy_of, inferred, observed, of_days, per_machine, stated
from davylamp.sizing.power import by_default, measured
from davylamp.sizing.quantities import Duration, Energy, Power
from davylamp.sizing.quantities_bounds import at_least, at_most, bounded

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def test_huizhou_is_527_watts_a_rig():
    """370,000 kWh over 540 rigs x 1,300 h: GPU rigs or part of the time."""
    each = per_machine(Energy.of(370_000, "kWh"), bounded(540), Duration.of(1300, "h"))
    assert each.to("W").estimate == pytest.approx(527, abs=0.5)


def test_huizhous_bounds_say_that_nothing_is_bounded():
    each = per_machine(Energy.read("37万余千瓦时"), at_least(540), Duration.of(1300, "h"))
    assert each.to("W").text(3) == "unknown (nominally 527)"


def test_jieyang_is_at_least_1500_watts_a_set():
    """280,000 kWh over 778 sets in less than ten days: ASICs."""
    each = per_machine(Energy.read("28万千瓦时"), bounded(778), Duration.of(at_most(240), "h"))
    assert each.to("W").low == pytest.approx(1500, abs=1)
    assert each.to("kW").text(2) == "≥ 1.5"


def test_overlapping_records_count_once():
    period = observed([(0, 2 * HOUR), (HOUR, 3 * HOUR), (10 * HOUR, 11 * HOUR)])
    assert period.hours.estimate == pytest.approx(4)
    assert period.span_h == pytest.approx(11)


def test_late_epochs_lose_no_seconds():
    begin = 1_718_000_000_000_000_000
    assert observed([(begin, begin + HOUR)]).hours.estimate == pytest.approx(1, abs=1e-9)


def test_the_inferred_period_lies_between_what_was_seen_and_all_of_it():
    seen = observed([(0, HOUR), (9 * HOUR, 10 * HOUR)])
    guess = inferred(seen)
    assert (guess.hours.low, guess.hours.high) == (pytest.approx(2), pytest.approx(10))
    assert guess.hours.estimate == pytest.approx(9)  # judged 90 %
    assert inferred(seen, duty=Interval(0.3, 0.5, 0.6)).hours.estimate == pytest.approx(5)
    assert inferred(seen, span_h=111 * 24).hours.high == pytest.approx(2664)


@given(
    st.lists(st.tuples(st.integers(0, 100 * HOUR), st.integers(0, 100 * HOUR)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_no_inferred_period_is_shorter_than_what_was_seen(spans, duty):
    seen = observed([(min(s), max(s)) for s in spans])
    for guess in (inferred(seen), inferred(seen, duty=Interval(0, duty, 1))):
        assert guess.hours.low >= min(seen.hours.estimate, seen.span_h) - 1e-9
        assert guess.hours.high <= max(seen.span_h, seen.hours.estimate) + 1e-9


def test_impossible_periods_are_refused():
    with pytest.raises(BadUse, match="E-ENE-001"):
        observed([(HOUR, 0)])
    with pytest.raises(BadUse, match="E-ENE-002"):
        inferred(observed([(0, 10 * HOUR)]), span_h=5)
    with pytest.raises(BadUse, match="E-ENE-002"):
        inferred(observed([(0, 10 * HOUR)]), duty=Interval(0, 0.5, 1.5))


def test_an_energy_keeps_grades_apart_and_names_inputs_method_and_factors():
    parts = [measured(Power.of(2, "kW"), "PDU 3", accuracy=0), by_default(10)]
    found = energy_of(parts, observed([(0, DAY)]))
    assert found.by_grade["A"].to("kWh").estimate == pytest.approx(48)
    assert found.by_grade["D"].to("kWh").estimate == pytest.approx(316)
    assert found.energy.to("kWh").estimate == pytest.approx(364)
    assert found.method == "energy-1"
    assert any("PDU 3" in line for line in found.inputs)
    assert found.footprint.all[0].row.set == "MEE-2021-national"
    assert found.footprint.all[0].mass.to("kg").estimate == pytest.approx(364 * 0.5568)
    assert "measured (A)" in str(found)
    assert "default per address (D)" in str(found)


def test_the_bounds_of_power_and_period_both_widen_the_energy():
    seen = observed([(0, HOUR), (9 * HOUR, 10 * HOUR)])
    found = energy_of([by_default(1)], inferred(seen)).energy.to("kWh")
    assert found.low == pytest.approx(1 / 24 * 2)
    assert found.high == pytest.approx(84 / 24 * 10)


def test_a_stated_year_of_the_provincial_list():
    power = Power.of(148_500, "kWh/d")
    assert of_days(power).to("kWh").estimate == pytest.approx(54_202_500)
    found = energy_of([measured(power, "release", accuracy=0)], stated(bounded(8760), "a year"))
    assert round(found.footprint.all[0].mass.to("t").estimate) == 30_180
