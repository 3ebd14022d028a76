"""TCP timestamp lines on synthetic hosts: as many clocks as there are, whatever their rate, skew and wrap."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.sizing.machines_clock import Host, Point, find_clocks, hosts_of, lines_of

WRAP = 2**32


def host(seed, rate_hz=1000.0, minutes=30.0, offset=None, server="p", connections=2, ppm=0.0, jitter_s=0.05):
    """Points of one host: a timestamp every few seconds, late by some jitter, on a clock that is a little fast."""
    draw = random.Random(seed)
    start = draw.randrange(WRAP) if offset is None else offset
    time, points = draw.uniform(0, 5), []
    while time < minutes * 60:
        ticks = start + rate_hz * (1 + ppm * 1e-6) * time
        seen = time + abs(draw.gauss(0, jitter_s))
        points.append(Point(1.7e9 + seen, int(ticks) % WRAP, seed * 10 + draw.randrange(connections), server))
        time += draw.expovariate(1 / 6)
    return points


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(st.integers(0, 10**6), st.sampled_from([1000.0, 250.0, 100.0]), min_size=1, max_size=8),
    st.integers(0, 2**32),
)
def test_as_many_clocks_are_found_as_there_are_hosts(hosts, order):
    points = [point for seed, rate in hosts.items() for point in host(seed, rate)]
    random.Random(order).shuffle(points)
    found = find_clocks(points)
    assert found.at_least == len(hosts)
    assert found.unplaced <= 0.02 * len(points)


@pytest.mark.parametrize("rate", [1000.0, 250.0, 100.0])
def test_the_rate_of_a_clock_is_told(rate):
    (line,) = lines_of(host(1, rate))
    assert line.rate_hz == rate


def test_a_clock_that_wraps_is_one_clock():
    (line,) = lines_of(host(1, offset=WRAP - 500_000))  # wraps after 500 s of 1,800
    assert line.points > 200


@pytest.mark.parametrize("ppm", [-50.0, 50.0])
def test_a_day_of_a_skewed_clock_is_one_clock(ppm):
    found = find_clocks(host(1, minutes=1440.0, ppm=ppm))
    assert found.at_least == 1
    assert found.unplaced == 0


def test_hosts_are_not_counted_twice_at_two_servers():
    """Linux offsets the clock per pair of addresses: three hosts at two servers draw six lines."""
    points = [p for s in "ab" for i in range(3) for p in host(100 + i + 10 * ord(s), server=s)]
    found = find_clocks(points)
    assert len(found.lines) == 6
    assert found.at_least == 3


def test_lines_of_single_connections_are_no_hosts():
    points = [p for i in range(4) for p in host(i, connections=1)]
    found = find_clocks(points)
    assert len(found.lines) == 4
    assert found.at_least is None
    assert "each connection" in found.note


def test_a_clock_that_loses_ticks_is_one_host_though_it_draws_several_lines():
    """macOS under load: 2 % of the ticks are lost for ten minutes, then 4 %, then none (cj-sniffer has up to 10 %)."""
    value, points = 5e8, []
    for n in range(600):
        value += 3 * 1000 * (0.98 if n < 200 else 0.96 if n < 400 else 1.0)
        points.append(Point(1.7e9 + 3 * n, int(value), n // 400))
    found = find_clocks(points)
    assert len(found.lines) > 3
    assert found.at_least == 1


def test_a_host_that_reboots_is_one_host():
    """After the reboot the clock begins anew; both lines have two connections."""
    points = host(1, minutes=30.0) + [
        Point(p.time_s + 2000, p.value, p.connection + 5, p.server) for p in host(2, minutes=30.0)
    ]
    found = find_clocks(points)
    assert len(found.lines) == 2
    assert found.at_least == 1


def test_connections_that_each_keep_to_themselves_are_one_host_more_at_most():
    """Two hosts of two connections, and one whose kernel offsets each of its three connections."""
    points = [p for i in (1, 2) for p in host(i)]
    points += [p for i in (3, 4, 5) for p in host(i, connections=1)]
    found = find_clocks(points)
    assert len(found.lines) == 5
    assert found.at_least == 3


def test_hosts_are_counted_while_they_are_on():
    tied = [Host({2 * n, 2 * n + 1}, 100.0 * n, 100.0 * n + 150) for n in range(5)]
    assert hosts_of(tied) == 2
    assert hosts_of([*tied, Host({99}, 0, 50)]) == 2  # beside the first only
    assert hosts_of([*tied, Host({99}, 0, 500)]) == 3
    assert hosts_of([Host({1}, 0, 9), Host({2}, 0, 9)]) is None


def test_random_values_lie_on_no_line():
    draw = random.Random(7)
    points = [Point(1.7e9 + 5 * i, draw.randrange(WRAP), i) for i in range(200)]
    found = find_clocks(points)
    assert (found.lines, found.at_least, found.unplaced) == ((), None, 200)


def test_a_short_burst_is_no_line():
    assert find_clocks([Point(1.7e9 + i * 0.01, 1000 + i * 10, 1) for i in range(50)]).lines == ()


def test_hostile_points_are_dropped_and_counted():
    bad = [Point(float("nan"), 5), Point(1.0, -1), Point(1.0, WRAP), Point(float("inf"), 7)]
    found = find_clocks(host(1) + bad)
    assert found.at_least == 1
    assert found.unplaced == len(bad)
    assert find_clocks([]).at_least is None
