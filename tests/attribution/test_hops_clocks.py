"""Clock offsets: found where recorders saw the same events, refused where chance would do."""

import random

import pytest

from davylamp.attribution.hops.clocks import CAPTURE, NoOffset, Offset, estimate_offset, estimate_offsets

NS = 1_000_000_000
T0 = 1_717_236_000


def events(seed, count, shift_s=0.0, noise_s=0.0):
    rng, jitter = random.Random(seed), random.Random(seed + 1)
    return {
        ("nat", "203.0.113.5", str(n)): [
            int((T0 + rng.uniform(0, 7200) + shift_s + jitter.uniform(0, noise_s)) * NS) for _ in range(2)
        ]
        for n in range(count)
    }


@pytest.mark.parametrize("shift_s", [90.0, -90.0, 0.0, 3599.0, 28_800.0])
def test_an_offset_is_found_within_the_noise(shift_s):
    found = estimate_offset(events(1, 30, shift_s, noise_s=1.0), events(1, 30))
    assert isinstance(found, Offset)
    assert found.seconds == pytest.approx(shift_s + 0.5, abs=0.5)
    assert found.pairs == 30


def test_outliers_do_not_move_it():
    recorder = events(1, 30, 90.0)
    for key in list(recorder)[:10]:
        recorder[key] = [t + 777 * NS for t in recorder[key]]
    assert estimate_offset(recorder, events(1, 30)).seconds == pytest.approx(90.0, abs=0.1)


def test_too_few_common_events_are_refused():
    assert isinstance(estimate_offset(events(1, 4, 90.0), events(1, 4)), NoOffset)


def test_events_that_have_nothing_in_common_but_their_keys_are_refused():
    found = estimate_offset(events(5, 40), events(9, 40))
    assert isinstance(found, NoOffset)
    assert "agree" in found.because


def test_two_offsets_that_fit_alike_are_refused():
    """A clock that was set in the middle has two offsets; neither may be applied to the whole log."""
    early, late = events(1, 40, 90.0), events(1, 40, -300.0)
    recorder = {key: (early if i % 2 else late)[key] for i, key in enumerate(early)}
    assert isinstance(estimate_offset(recorder, events(1, 40)), NoOffset)


def test_a_whole_zone_is_pointed_out():
    assert "zone" in estimate_offset(events(1, 20, 28_800.0), events(1, 20)).because
    assert "zone" not in estimate_offset(events(1, 20, 90.0), events(1, 20)).because


def test_offsets_go_over_recorders_in_between_and_given_ones_stand():
    ups = {("up", f"aa{n}"): [int((T0 + 300 * n) * NS)] for n in range(20)}
    late_ups = {key: [t - 40 * NS for t in times] for key, times in ups.items()}
    sources = {CAPTURE: events(1, 20), "fw": {**events(1, 20, 90.0), **ups}, "dhcp": late_ups, "lone": {}}
    found = estimate_offsets(sources, {})
    assert found["fw"].seconds == pytest.approx(90.0, abs=0.1)
    assert found["dhcp"].seconds == pytest.approx(50.0, abs=0.1)  # 40 s behind a clock that is 90 s ahead
    assert isinstance(found["lone"], NoOffset)
    given = estimate_offsets(sources, {"fw": Offset(10.0, 1.0, "given")})
    assert (given["fw"].seconds, given["dhcp"].seconds) == (10.0, pytest.approx(-30.0, abs=0.1))
