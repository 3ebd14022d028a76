"""TCP timestamp lines: how many clocks stand behind one address?

A TCP timestamp option counts ticks of its sender's clock: 1000, 250 or 100 a second. Drawn over time, the values
of one host lie on one line, whatever port or worker they come from, and hosts behind one NAT lie on several.

Reads     points (time in Unix s, value 0..2^32-1, connection, server), in any order
Yields    lines with their tick rate, and how many clocks there are at least
Misses    systems that send no timestamps (Windows by default); hosts that booted within half a second of each other
Misfires  a relay that rewrites the option; kernels that offset each connection by itself, where lines are as many
          as connections: then lines count connections, and say so
Source    Bellovin, IMW 2002 (the idea, with IP ids); Kohno et al., Oakland 2005; tcp_timestamps of Linux, which since
          4.10 offsets the clock per pair of addresses, so lines are counted per server and the largest number holds
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATES_HZ: Final = (1000.0, 250.0, 100.0)  # Linux HZ of today, of older builds, and ticks of 10 ms
WRAP: Final = 2.0**32  # the option has 32 bits (RFC 7323)
JITTER_S: Final = 0.5  # judged: queueing, and segments that wait for a window
SKEW: Final = 100e-6  # judged: quartz is within 50 ppm; NTP slews faster, but not for long
LEAST_POINTS: Final = 4  # judged: three points lie on a line of some rate too easily
LEAST_SPAN_S: Final = 10.0  # judged: below it 1000 Hz and 250 Hz differ by little more than jitter
MOST_POINTS: Final = 50_000  # judged: a day of an address needs a few per minute and connection
MOST_LINES: Final = 512  # judged: more hosts behind one address are beyond counting this way


@dataclass(frozen=True, slots=True)
class Point:
    """One timestamp as it was sent: when it was seen, its value, on which connection, to which server."""

    time_s: float
    value: int
    connection: int = 0
    server: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One clock: its rate, its value at time 0 (modulo 2^32), and how much lies on it."""

    server: str
    rate_hz: float
    offset: float
    points: int
    connections: int
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """Lines of one address. ``at_least`` is None where lines count connections, not hosts."""

    lines: tuple[Line, ...]
    at_least: int | None
    unplaced: int
    note: str


def find_clocks(points: Sequence[Point]) -> Clocks:
    """The clocks behind one address."""
    kept = [p for p in points if 0 <= p.value < WRAP and math.isfinite(p.time_s)]
    kept = kept[:: -(-len(kept) // MOST_POINTS) or 1]
    lines: list[Line] = []
    placed = 0
    for server in sorted({p.server for p in kept}):
        own = [p for p in kept if p.server == server]
        found = lines_of(own, server)
        lines += found
        placed += sum(line.points for line in found)
    unplaced = len(points) - placed
    if not lines:
        return Clocks((), None, unplaced, "no timestamps on a line")
    servers = {line.server for line in lines}
    most = max(sum(line.server == s for line in lines) for s in servers)
    if any(line.connections > 1 for line in lines) or len(lines) == 1:
        note = f"{len(lines)} lines at {len(servers)} servers; the most at one server count"
        return Clocks(tuple(lines), most, unplaced, note)
    note = "every line has one connection of its own: the kernel may offset each connection by itself"
    return Clocks(tuple(lines), None, unplaced, note)


def lines_of(points: Sequence[Point], server: str = "") -> list[Line]:
    """Lines among the points to one server: each time the one that holds most of what is left."""
    times = np.array([p.time_s for p in points], dtype=np.float64)
    values = np.array([p.value for p in points], dtype=np.float64)
    connections = np.array([p.connection for p in points], dtype=np.int64)
    left = np.arange(times.size)
    lines: list[Line] = []
    while left.size >= LEAST_POINTS and len(lines) < MOST_LINES:
        best: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        rate = 0.0
        for hz in RATES_HZ:
            group = largest_group(times[left], values[left], hz)
            if group.size > best.size:
                best, rate = group, hz
        if best.size < LEAST_POINTS:
            break
        own = left[best]
        lines.append(
            Line(
                server,
                rate,
                float((values[own[0]] - rate * times[own[0]]) % WRAP),
                int(own.size),
                int(np.unique(connections[own]).size),
                float(times[own].min()),
                float(times[own].max()),
            )
        )
        left = np.delete(left, best)
    return lines


def largest_group(times: NDArray[np.float64], values: NDArray[np.float64], hz: float) -> NDArray[np.int64]:
    """Indices of the most points that share one line of a rate; empty when none is long enough.

    The line's value at the first time is where points of one clock agree, up to jitter and skew. They are sorted
    around the circle of 2^32, cut at the widest gap, and a window of that tolerance is slid over them.
    """
    since = times - times.min()
    start = (values - hz * since) % WRAP
    order = np.argsort(start, kind="stable")
    ring = start[order]
    gaps = np.diff(ring, append=ring[0] + WRAP)
    cut = int(np.argmax(gaps)) + 1
    order, ring = np.roll(order, -cut), np.roll(ring, -cut)
    ring = np.where(ring < ring[0], ring + WRAP, ring)
    width = hz * (JITTER_S + SKEW * float(np.ptp(times)))
    ends = np.searchsorted(ring, ring + width, side="right")
    empty: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for at in np.argsort(-(ends - np.arange(ring.size)), kind="stable"):
        count = int(ends[at] - at)
        if count < LEAST_POINTS:
            return empty
        members: NDArray[np.int64] = order[at : ends[at]]
        if np.ptp(times[members]) >= LEAST_SPAN_S:
            return members
    return empty
