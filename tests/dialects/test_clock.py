"""The session clock: dead time does not count, bad luck does."""

import random

from davylamp.dialects.clock import FEWEST, OUTAGE_FACTOR, Clock

NS = 1_000_000_000


def clock_after(times_s, start_s=0.0):
    clock = Clock()
    clock.hear(int(start_s * NS))
    clock.start(int(start_s * NS))
    for at_s in times_s:
        clock.hear(int(at_s * NS))
    return clock


def test_the_clock_runs_from_the_first_known_job_to_the_last_word_of_the_server():
    assert clock_after([30, 60, 90]).seconds() == 90


def test_nothing_is_on_the_clock_before_a_job_of_known_work():
    clock = Clock()
    clock.hear(5 * NS)
    clock.hear(50 * NS)
    assert clock.seconds() == 0
    assert not clock.is_running


def test_a_silence_far_beyond_the_usual_is_cut_out():
    pushes = [30.0 * i for i in range(1, 21)]
    clock = clock_after([*pushes, 600 + 3600, 600 + 3630])
    assert clock.outage_s == 3600
    assert clock.seconds() == 630


def test_short_silences_and_those_of_a_slow_pool_stay_on_the_clock():
    assert clock_after([1.0 * i for i in range(1, 60)] + [60 + 290]).outage_s == 0
    slow = [300.0 * i for i in range(1, 21)]
    assert clock_after([*slow, slow[-1] + 300 * (OUTAGE_FACTOR - 1)]).outage_s == 0


def test_too_few_silences_make_no_habit():
    assert clock_after([10.0 * i for i in range(1, FEWEST - 1)] + [9000]).outage_s == 0


def test_random_pushes_hardly_ever_look_like_an_outage():
    rng, at_s, times = random.Random(5), 0.0, []
    for _ in range(50_000):
        at_s += rng.expovariate(1 / 60)
        times.append(at_s)
    clock = clock_after(times)
    assert clock.outage_s < 0.001 * at_s


def test_time_that_steps_back_takes_nothing_away():
    clock = clock_after([30, 60, 20, 90])
    assert clock.seconds() == 90
