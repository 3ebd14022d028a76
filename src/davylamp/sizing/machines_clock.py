"""TCP timestamp lines: how many clocks stand behind one address?

A TCP timestamp option counts ticks of its sender's clock: 1000, 250 or 100 a second. Drawn over time, the values
of one host lie on one line, whatever port or worker they come from, and hosts behind one NAT lie on several.

Reads     points (time in Unix s, value 0..2^32-1, connection, server), in any order
Yields    lines with their tick rate, and how many clocks there are at least
Misses    systems that send no timestamps (Windows by default); hosts that booted within half a second of each other;
          hosts that were not on at the same time, for a line that follows another may be one host after a reboot
Misfires  a relay that rewrites the option. Some kernels offset each connection by itself, and clocks that lose ticks
          under load (macOS, measured: 0.1 to 10 % of them) draw several lines for one connection. So lines that share a
          connection are one host, and connections that share no line with another are one host more at most
Source    Bellovin, IMW 2002 (the idea, with IP ids); Kohno et al., Oakland 2005; tcp_timestamps of Linux, which since
          4.10 offsets the clock per pair of addresses, so lines are counted per server and the largest number holds
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from davylamp.counted import counted

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
    members: tuple[int, ...]  # its connections
    first_s: float
    last_s: float


@dataclass(slots=True)
class Host:
    """Connections that lines tie together, and when their clock was certainly seen."""

    members: set[int]
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """Lines of one address. ``at_least`` is None where they tie no connections together, and so count no hosts."""

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
    counts = [hosts_of(hosts_in([line for line in lines if line.server == s])) for s in servers_of(lines)]
    told = [count for count in counts if count is not None]
    where = "one server" if len(counts) == 1 else f"{len(counts)} servers"
    note = f"{counted(len(lines), 'line')} at {where}"
    if told:
        which = "" if len(counts) == 1 else " at one of them"
        return Clocks(
            tuple(lines), max(told), unplaced, f"{note}, of at least {counted(max(told), 'host')}{which}"
        )
    note += ", but each connection keeps to its own: the kernel may offset each by itself"
    return Clocks(tuple(lines), None, unplaced, note)


def servers_of(lines: Sequence[Line]) -> list[str]:
    """The servers that lines lead to."""
    return sorted({line.server for line in lines})


def hosts_in(lines: Sequence[Line]) -> list[Host]:
    """Lines at one server, put together where they share a connection."""
    hosts: list[Host] = []
    for line in lines:
        whole = Host(set(line.members), line.first_s, line.last_s)
        apart = []
        for host in hosts:
            if whole.members.isdisjoint(host.members):
                apart.append(host)
                continue
            whole.members |= host.members
            whole.first_s = min(whole.first_s, host.first_s)
            whole.last_s = max(whole.last_s, host.last_s)
        hosts = [*apart, whole]
    return hosts


def hosts_of(hosts: Sequence[Host]) -> int | None:
    """Least number of hosts that were on at the same time; None where no two connections are tied together.

    A host of one connection may be another connection of a host whose kernel offsets each: all of them are one more.
    """
    if len(hosts) == 1:
        return 1
    if all(len(host.members) == 1 for host in hosts):
        return None
    most = 1
    for moment in (host.first_s for host in hosts):
        on = [host for host in hosts if host.first_s <= moment <= host.last_s]
        tied = sum(len(host.members) > 1 for host in on)
        most = max(most, tied + (tied < len(on)))
    return most


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
                tuple(np.unique(connections[own]).tolist()),
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
