"""A parted nonce space is told from one miner that counts, has threads or draws at random; never the other way."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.dialects.nonce_space import NonceSpace
from davylamp.records_traces import NonceSpan
from davylamp.sizing.machines_nonces import is_spread_evenly, log10_chance, parts_of, used_at_once

NS = 1_000_000_000


def played(shares):
    """Traces of (second, job, byte)."""
    space = NonceSpace()
    for second, job, byte in shares:
        space.take(byte, str(job), int(second * NS))
    return space.traces()


def relay(bytes_, shares=200, seed=1, per_job=5):
    draw = random.Random(seed)
    return [(10 * n, n // per_job, draw.choice(bytes_)) for n in range(shares)]


@settings(max_examples=60)
@given(st.integers(0, 255), st.integers(2, 40), st.integers(0, 10**6))
def test_miners_behind_a_relay_are_as_many_as_values(first, miners, seed):
    """From a random first value upwards, as xmrig-proxy hands them out; only a run from 0 may also be counting."""
    values = [(first + n) % 256 for n in range(miners)]
    found = parts_of(played(relay(values, 40 * miners, seed)))
    if 0 in values and 255 not in values:
        assert not found.is_parted
        return
    assert found.is_parted
    assert used_at_once([found.held]) == miners


def test_one_miner_that_counts_up_is_not_parted():
    """A fast miner: its top byte reaches 9 before the job is over."""
    draw = random.Random(3)
    shares = [
        (n, n // 20, b) for n in range(0, 600, 20) for b in sorted(draw.randrange(10) for _ in range(20))
    ]
    found = parts_of(played(shares))
    assert not found.is_parted
    assert "count up" in found.because


@pytest.mark.parametrize("threads", [2, 3, 4, 6, 8, 12, 16, 32])
def test_threads_of_one_miner_are_not_parted(threads):
    """XMRig 2 rounds the start of each thread down, xmr-stak does not; each counts on by a value or two."""
    for starts in (
        [256 * n // threads for n in range(threads)],
        [(0xFFFFFFFF // threads * n) >> 24 for n in range(threads)],
    ):
        for run in (1, 2):
            values = [s + k for s in starts for k in range(run)]
            found = parts_of(played(relay(values, 60 * threads)))
            assert not found.is_parted, (starts, run)
            assert "threads" in found.because


@given(st.integers(1, 3000), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_shares_drawn_over_the_whole_byte_are_not_parted(shares, seed):
    assert not parts_of(played(relay(range(256), shares, seed))).is_parted


def test_one_value_and_too_few_shares_are_not_parted():
    assert not parts_of(played(relay([77]))).is_parted
    few = parts_of(played([(n, n, 70 + n % 2) for n in range(60)]))
    assert not few.is_parted
    assert "too few shares per job" in few.because


def test_a_miner_that_gets_another_value_after_a_reconnect_is_not_two():
    """Of 40, 41 and 42 the first comes back as 43."""
    before = [(n, n // 5, 40 + n % 3) for n in range(100)]
    after = [(200 + n, 50 + n // 5, 41 + n % 3) for n in range(100)]
    found = parts_of(played(before + after))
    assert len(found.held) == 4
    assert used_at_once([found.held]) == 3


def test_values_that_follow_one_another_are_used_one_at_a_time():
    spans = [NonceSpan(b, 5, b * 100, b * 100 + 50) for b in range(1, 6)]
    assert used_at_once([spans]) == 1
    assert used_at_once([spans, spans]) == 2
    assert used_at_once([]) == 0


def test_the_chance_of_few_values_is_a_bound():
    """Two of 256 values in 40 draws: at most C(256, 2) (2/256)^40 = 10^(4.5 - 84.3)."""
    spans = [NonceSpan(b, 20, 0, 1) for b in (1, 2)]
    assert log10_chance(spans) == pytest.approx(4.5137 - 40 * 2.10721, abs=0.01)
    assert log10_chance([NonceSpan(b, 4, 0, 1) for b in range(256)]) == pytest.approx(0, abs=1e-9)


def test_no_shares_show_nothing():
    assert parts_of(played([])) is None


def test_adjacent_values_are_no_threads():
    assert not is_spread_evenly(range(154, 161))
    assert is_spread_evenly([0])
    assert is_spread_evenly([0, 128])
    assert not is_spread_evenly([154, 155])
