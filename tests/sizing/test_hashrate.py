"""Hashrate intervals against the exact Poisson table, simulated vardiff and public miner dumps."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.records import Endpoint, Interval, Session, Work
from davylamp.sizing.hashrate import Gaps, rate, size, sum_rates, union_s

NS = 1_000_000_000
SHA256D_DIFF1 = 2**48 / 65535  # hashes at difficulty 1: 2^256 / (0xffff * 2^208)


def equal(shares, each=1.0, seconds=1.0, low=1.0, high=1.0):
    """Work of shares that weigh the same."""
    return Work(
        shares=shares,
        hashes=shares * each,
        squares=shares * each**2,
        share_hashes=each,
        exposure_s=seconds,
        low_factor=low,
        high_factor=high,
        convention="test",
    )


def session(work, begin_s=0, end_s=None, algorithm="rx/0", **more):
    end_s = begin_s + (work.exposure_s if work else 0) if end_s is None else end_s
    ends = Endpoint("10.0.0.1", 50000), Endpoint("198.51.100.1", 3333)
    base = Session(1, "a.pcap", *ends, int(begin_s * NS), int(end_s * NS), False, "monero")
    return size(replace(base, work=work, algorithm=algorithm, accepted=work.shares if work else 0, **more))


# The published table of the design paper (exact Poisson, rounded): lower and upper in percent of the estimate.
GARWOOD = [(1, -97, 457), (10, -52, 84), (50, -26, 32), (100, -19, 22), (400, -10, 10)]


@pytest.mark.parametrize(("shares", "low", "high"), GARWOOD)
def test_equal_shares_have_the_exact_poisson_interval(shares, low, high):
    interval = rate(equal(shares))
    assert interval.estimate == pytest.approx(shares)
    assert round(100 * (interval.low / shares - 1)) == low
    assert round(100 * (interval.high / shares - 1)) == high


@pytest.mark.parametrize(("shares", "half"), [(2000, 4.4), (10000, 2.0)])
def test_many_shares_have_the_exact_poisson_interval(shares, half):
    interval = rate(equal(shares))
    assert 100 * (interval.high - interval.low) / (2 * shares) == pytest.approx(half, abs=0.06)


def test_no_share_gives_an_upper_bound_of_3_7_shares():
    interval = rate(equal(0, each=1000.0, seconds=10.0))
    assert (interval.low, interval.estimate) == (0.0, 0.0)
    assert interval.high == pytest.approx(-math.log(0.025) * 1000 / 10)  # Poisson: P(0 | m) = exp(-m) = 2.5 %


def test_no_share_of_unknown_work_gives_nothing():
    assert rate(replace(equal(0), share_hashes=0.0)) is None


def test_shares_of_unlike_work_count_for_less_than_their_number():
    """Nine shares of 1 and one of 991: the sum is near one share's size, and so is the interval."""
    unlike = Work(10, 1000.0, 9 + 991.0**2, 1.0, 1.0, 1.0, 1.0, "test")
    alike = rate(equal(10, each=100.0))
    interval = rate(unlike)
    assert interval.estimate == pytest.approx(alike.estimate)
    assert interval.low < 0.1 * alike.low
    assert interval.high > 2 * alike.high


def test_splitting_time_and_scaling_work_scale_the_interval():
    one, other = rate(equal(50, each=2.0, seconds=10.0)), rate(equal(50, each=1.0, seconds=5.0))
    assert one.low == pytest.approx(other.low)
    assert one.high == pytest.approx(other.high)


@pytest.mark.parametrize(
    ("elapsed_s", "accepted", "difficulty", "own_hps", "within"),
    [
        (66_007, 12_757, 6_436_438_016, 420.70e12, True),
        (276_851, 86_856, 679_190_287, 10.574e12, True),
        (239_910, 41_593, 10_980_124.87, 196.18e9, True),
        (175_284, 37_470, 2_689_148, 67.14e9, False),  # an Avalon whose own average is 1.5 % off by rejects
    ],
    ids=["BAA4zFE0", "BHB2bVSb", "Ep9tAG05", "8mKjmTSn"],
)
def test_public_miner_dumps_agree_with_the_miners_own_average(
    elapsed_s, accepted, difficulty, own_hps, within
):
    """ENERGY.md "Real test vectors": Elapsed, Accepted, Difficulty Accepted and MHS av of public dumps."""
    each = difficulty / accepted * SHA256D_DIFF1
    interval = rate(equal(accepted, each=each, seconds=float(elapsed_s)))
    assert interval.estimate == pytest.approx(difficulty * 2**32 / elapsed_s, rel=1e-4)
    assert interval.estimate == pytest.approx(own_hps, rel=0.02)
    assert (interval.low <= own_hps <= interval.high) is within


# --- coverage under changing difficulty --------------------------------------------------------------------

RATE = 1000.0
SETTINGS = {
    "constant, 80 shares": (1200.0, 15.0, 0.0, 1.0),
    "vardiff every 90 s, few shares": (600.0, 60.0, 90.0, 4.0),
    "vardiff every 90 s, 80 shares": (1200.0, 15.0, 90.0, 4.0),
    "vardiff every 30 s, wild": (1800.0, 20.0, 30.0, 8.0),
    "vardiff every 300 s, many shares": (3600.0, 5.0, 300.0, 2.0),
    "start ten times too easy": (1200.0, 20.0, 60.0, -10.0),
}


def simulate(rng, runs, seconds, aim_s, retarget_s, step):
    """Share counts and works of many miners whose pool retargets on what it saw in the last period.

    Returns total, squares and count per run. A negative ``step`` starts that many times too easy.
    """
    work = np.full(runs, RATE * aim_s / (-step if step < 0 else 1.0))
    limit = abs(step) if step else 1.0
    total, squares, count = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    period = retarget_s or seconds
    for begin in np.arange(0.0, seconds, period):
        span = min(period, seconds - begin)
        found = rng.poisson(RATE * span / work)
        total += found * work
        squares += found * work**2
        count += found
        if retarget_s:
            wanted = work * np.maximum(found, 0.5) * aim_s / span
            work = np.clip(wanted, work / limit, work * limit)
    return total, squares, count


@pytest.mark.parametrize("name", SETTINGS)
def test_intervals_hold_the_truth_93_to_97_times_in_100(name):
    seconds, aim_s, retarget_s, step = SETTINGS[name]
    total, squares, count = simulate(np.random.default_rng(20261124), 4000, seconds, aim_s, retarget_s, step)
    held = 0
    for t, q, n in zip(total, squares, count, strict=True):
        interval = rate(Work(int(n), float(t), float(q), RATE * aim_s, seconds, 1.0, 1.0, "test"))
        held += interval.low <= RATE <= interval.high
    assert 0.93 <= held / total.size <= 0.97, held / total.size


@pytest.mark.parametrize("name", SETTINGS)
def test_a_pool_that_moves_the_difficulty_does_not_bias_the_estimate(name):
    seconds, aim_s, retarget_s, step = SETTINGS[name]
    total, _, _ = simulate(np.random.default_rng(7), 20_000, seconds, aim_s, retarget_s, step)
    rates = total / seconds
    assert rates.mean() == pytest.approx(RATE, abs=4 * rates.std() / math.sqrt(rates.size))


# --- gaps and conventions ----------------------------------------------------------------------------------


@given(st.integers(1, 10_000), st.floats(0.0, 0.9), st.integers(0, 50))
def test_what_was_missed_never_lowers_a_bound(shares, lost, unanswered):
    whole, holed = rate(equal(shares)), rate(equal(shares), Gaps(lost, unanswered))
    assert holed.low == whole.low
    assert holed.estimate >= whole.estimate
    assert holed.high >= whole.high


def test_a_fifth_of_the_bytes_lost_raises_estimate_and_upper_bound_by_a_quarter():
    whole, holed = rate(equal(100)), rate(equal(100), Gaps(lost_share=0.2))
    assert holed.estimate == pytest.approx(1.25 * whole.estimate)
    assert holed.high == pytest.approx(1.25 * whole.high)


def test_a_convention_between_two_values_widens_both_bounds_by_them():
    exact, vague = rate(equal(100)), rate(equal(100, low=0.5, high=2.0))
    assert vague.low == pytest.approx(0.5 * exact.low)
    assert vague.estimate == pytest.approx(exact.estimate)
    assert vague.high == pytest.approx(2.0 * exact.high)


@given(
    st.integers(-5, 10**7),
    st.floats(),
    st.floats(),
    st.floats(),
    st.floats(),
)
def test_no_numbers_a_pool_can_send_break_the_estimator(shares, hashes, squares, each, seconds):
    interval = rate(Work(shares, hashes, squares, each, seconds, 1.0, 1.0, ""))
    assert interval is None or 0 <= interval.low <= interval.high < math.inf


def test_a_difficulty_out_of_all_measure_is_refused_with_a_reason():
    found = session(Work(3, math.inf, math.inf, 1.0, 600.0, 1.0, 1.0, "test"))
    assert found.hashrate_hps is None
    assert "out of all measure" in found.hashrate_note


# --- sessions ----------------------------------------------------------------------------------------------


def test_a_session_without_known_work_says_why():
    found = session(None, work_note="the difficulty was set before the capture begins")
    assert found.hashrate_hps is None
    assert found.hashrate_note == "the difficulty was set before the capture begins"


def test_shares_without_any_answer_are_not_read_as_silence():
    """In a capture of one direction no share is known to be accepted: zero would be a lie."""
    found = session(equal(0, seconds=600.0), unanswered=40)
    assert found.hashrate_hps is None
    assert "40 shares" in found.hashrate_note


def test_a_silent_session_has_an_upper_bound_and_says_so():
    found = session(equal(0, each=1000.0, seconds=600.0))
    assert found.hashrate_hps.low == 0.0
    assert "upper bound" in found.hashrate_note


def test_a_session_without_duration_is_refused():
    found = session(equal(3, seconds=0.0))
    assert found.hashrate_hps is None
    assert "no time" in found.hashrate_note


def test_a_session_that_was_mostly_lost_is_refused():
    found = session(equal(30, seconds=600.0), lost_share=0.95)
    assert found.hashrate_hps is None
    assert "95%" in found.hashrate_note


def test_the_miners_own_claim_is_never_mixed_in():
    plain, boasting = session(equal(30)), session(equal(30), reported_hps=(1e9,))
    assert boasting.hashrate_hps == plain.hashrate_hps


# --- sums --------------------------------------------------------------------------------------------------


def test_sessions_at_the_same_time_add_up():
    total, note = sum_rates([session(equal(100, seconds=100.0)), session(equal(300, seconds=100.0))])
    assert total.estimate == pytest.approx(4.0)
    assert note == ""


def test_reconnects_average_out():
    parts = [session(equal(100, seconds=100.0), begin_s=b) for b in (0, 100, 250)]
    total, _ = sum_rates(parts)
    assert total.estimate == pytest.approx(1.0)


def test_the_sum_is_as_sure_as_all_its_shares_together():
    """Four sessions of 100 shares have the interval of 400 shares, not four times that of 100."""
    total, _ = sum_rates([session(equal(100, seconds=100.0)) for _ in range(4)])
    assert total == rate(equal(400, seconds=100.0))


def test_rates_of_different_algorithms_are_never_added():
    total, why = sum_rates([session(equal(10)), session(equal(10), algorithm="sha256d")])
    assert total is None
    assert "rx/0, sha256d" in why


def test_a_session_that_gives_no_rate_is_named_beside_the_sum():
    total, note = sum_rates([session(equal(100, seconds=100.0)), session(None, work_note="no job was seen")])
    assert total.estimate == pytest.approx(1.0)
    assert note.startswith("1 of 2 sessions")


def test_nothing_to_add_gives_the_reason():
    assert sum_rates([session(None, work_note="no job was seen")]) == (None, "no job was seen")
    assert sum_rates([])[0] is None


def test_one_session_keeps_its_own_interval():
    one = session(equal(100, seconds=100.0), lost_share=0.1)
    assert sum_rates([one]) == (one.hashrate_hps, one.hashrate_note)


def test_losses_carry_over_into_the_sum():
    total, _ = sum_rates([session(equal(100, seconds=100.0), lost_share=0.5) for _ in range(2)])
    assert total.estimate == pytest.approx(4.0)


def test_silent_sessions_together_keep_an_upper_bound():
    total, _ = sum_rates([session(equal(0, each=10.0, seconds=100.0), begin_s=b) for b in (0, 100)])
    assert (total.low, total.estimate) == (0.0, 0.0)
    assert total.high == pytest.approx(-math.log(0.025) * 10 / 200)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted), max_size=8))
def test_a_union_of_spans_covers_each_second_once(spans):
    covered = {second for begin, end in spans for second in range(begin, end)}
    assert union_s([(float(b), float(e)) for b, e in spans]) == len(covered)


def test_an_interval_is_a_plain_record():
    assert isinstance(rate(equal(5)), Interval)
