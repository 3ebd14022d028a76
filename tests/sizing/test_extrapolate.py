"""Samples speak for populations only as they were drawn: exact bounds, coverage, refusals that can be forced."""

import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from davylamp.errors import BadUse
from davylamp.sizing.extrapolate import Sample, as_bounded, chance_of_draw, mean, proportion


def total(found):
    return found.total.low, found.total.estimate, found.total.high


def test_a_random_draw_would_rarely_give_what_the_spot_check_found():
    """CASEWORK.md: 34 of 78 active; 14 or more of 20 in 0.6 % of draws."""
    assert chance_of_draw(14, 20, 34, 78) == pytest.approx(0.006, abs=0.0005)


def test_the_risk_ranked_spot_check_is_refused_and_forced_only_with_a_mark():
    sample = Sample(20, 78, "risk-ranked")
    with pytest.raises(BadUse, match="E-EXT-002"):
        proportion(14, sample)
    forced = proportion(14, sample, force=True)
    assert forced.mark.startswith("FORCED")
    assert "FORCED" in str(forced)
    assert as_bounded(forced).about
    assert forced.total.low > 34  # the forced interval misses the truth, which is why it is marked


@pytest.mark.parametrize("selection", ["risk-ranked", "self-reported", "convenience", "unknown"])
def test_only_a_fair_draw_speaks_for_the_others(selection):
    with pytest.raises(BadUse, match="E-EXT-002"):
        mean([1.0, 2.0], Sample(2, 10, selection))


def test_exact_bounds_are_those_of_the_hypergeometric_tails():
    """By hand from the definition: every number of hits under which the sample is no surprise of 2.5 %."""
    found = proportion(3, Sample(10, 40, "random"))
    kept = [
        k for k in range(3, 34) if hypergeom.sf(2, 40, k, 10) > 0.025 and hypergeom.cdf(3, 40, k, 10) > 0.025
    ]
    assert total(found) == (min(kept), 12.0, max(kept))


@pytest.mark.parametrize("how", ["exact", "wilson"])
@pytest.mark.parametrize(
    ("hits", "size", "population"), [(0, 10, 50), (10, 10, 50), (1, 1, 5), (0, 1, 2), (49, 49, 50)]
)
def test_bounds_never_contradict_what_was_seen(how, hits, size, population):
    found = proportion(hits, Sample(size, population, "random"), how=how)
    low, estimate, high = total(found)
    assert hits - 1e-9 <= low <= estimate <= high <= population - (size - hits) + 1e-9


@pytest.mark.parametrize(("how", "at_least"), [("exact", 0.95), ("wilson", 0.90)])
def test_intervals_hold_the_truth_as_often_as_they_say(how, at_least):
    """All draws of 12 out of 60 with 18 hits, each with its chance."""
    held = sum(
        hypergeom.pmf(x, 60, 18, 12)
        for x in range(13)
        if (t := proportion(x, Sample(12, 60, "random"), how=how).total).low - 1e-9 <= 18 <= t.high + 1e-9
    )
    assert held >= at_least


def test_a_large_population_gives_the_textbook_wilson_interval():
    """10 of 100: 5.52 to 17.44 percent (Wilson 1927, as tabled)."""
    found = proportion(10, Sample(100, 10**9, "random"), how="wilson")
    assert found.each.low == pytest.approx(0.0552, abs=1e-4)
    assert found.each.high == pytest.approx(0.1744, abs=1e-4)


def test_a_large_population_gives_the_clopper_pearson_interval():
    """10 of 100: 4.90 to 17.62 percent (Clopper and Pearson)."""
    found = proportion(10, Sample(100, 10**6, "random"))
    assert found.each.low == pytest.approx(0.0490, abs=2e-4)
    assert found.each.high == pytest.approx(0.1762, abs=2e-4)


def test_wilsons_interval_shrinks_when_little_of_the_population_is_left():
    """30 of 60 in 100: z^2 x 40/99 in place of z^2 gives 42.1 to 57.9 percent, not 37.7 to 62.3."""
    found = proportion(30, Sample(60, 100, "random"), how="wilson")
    assert found.each.low == pytest.approx(0.4206, abs=1e-3)
    assert found.each.high == pytest.approx(0.5794, abs=1e-3)


def test_a_census_has_no_interval():
    assert total(proportion(34, Sample(78, 78, "census"))) == (34, 34, 34)
    assert total(mean([1.0, 2.0, 3.0], Sample(3, 3, "census"))) == (6, 6, 6)


def test_students_interval_has_the_finite_population_correction():
    """1..5: mean 3, s = 1.5811, t(0.975, 4) = 2.7764, half = 2.7764 x 0.7071 x sqrt(1 - 5/20) = 1.7002."""
    found = mean([1.0, 2.0, 3.0, 4.0, 5.0], Sample(5, 20, "random"))
    assert found.each.high - 3 == pytest.approx(1.7002, abs=2e-4)
    assert found.total.estimate == pytest.approx(60)
    assert "Student" in found.how


def test_a_bootstrap_is_recomputable_and_near_student_for_plain_values():
    values = [float(v) for v in range(1, 41)]
    sample = Sample(40, 4000, "random")
    once, again = (mean(values, sample, how="bootstrap", seed=5) for _ in range(2))
    assert once == again
    student = mean(values, sample)
    assert once.each.low == pytest.approx(student.each.low, rel=0.05)
    assert once.each.high == pytest.approx(student.each.high, rel=0.05)


def test_students_interval_holds_the_mean_19_times_in_20():
    draw = np.random.default_rng(3)
    population = draw.normal(30, 8, 500)
    held = 0
    for _ in range(400):
        values = draw.choice(population, 25, replace=False)
        each = mean(list(values), Sample(25, 500, "random")).each
        held += each.low <= population.mean() <= each.high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize(
    "call",
    [
        lambda: proportion(5, Sample(4, 10, "random")),
        lambda: proportion(-1, Sample(4, 10, "random")),
        lambda: proportion(1, Sample(11, 10, "random")),
        lambda: proportion(0, Sample(0, 10, "random")),
        lambda: proportion(1, Sample(4, 10, "census")),
        lambda: mean([1.0], Sample(1, 10, "random")),
        lambda: mean([1.0], Sample(2, 10, "random")),
        lambda: mean([1.0, math.nan], Sample(2, 10, "random")),
        lambda: chance_of_draw(1, 0, 1, 10),
    ],
)
def test_numbers_that_no_sample_has_are_refused(call):
    with pytest.raises(BadUse, match="E-EXT-001"):
        call()
