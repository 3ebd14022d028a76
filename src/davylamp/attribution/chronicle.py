"""Records put in order: corrected for their clocks, ended where the next one begins, found by key and time.

A *hold* says that a key had a value during a span: an address a MAC, a MAC a switch port. What was observed at a
moment only holds around that moment, as far as its reach and as no other record of the key contradicts it.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from davylamp.attribution.hops.clocks import Offset
from davylamp.attribution.hops.record import NS, Holder, Lease, Logon, Nat, Records, Seen
from davylamp.attribution.hops.text import host_key

BEGIN: Final = 0
FOREVER: Final = 1 << 62
UNCHECKED_S: Final = 60.0  # judged: a recorder that nobody compared with another clock is within a minute
CHECKED_S: Final = 2.0  # judged: rounding and delay of a recorder whose offset is known
NAT_REACH_S: Final = (
    7 * 86400.0
)  # judged: a translation whose end was not logged; a miner stays connected for days
LEASE_REACH_S: Final = 86400.0  # judged: a usual lease; servers log no lengths
BINDING_REACH_S: Final = 4 * 3600.0  # judged: how long Cisco devices keep an ARP entry
PORT_REACH_S: Final = 12 * 3600.0  # judged: a machine that moves does so from one day to the next
LOGON_REACH_S: Final = 10 * 3600.0  # judged: a working day and its overtime
MOMENT_S: Final = 600.0  # judged: an observation is still first-hand ten minutes before or after

Kind: TypeAlias = Literal["lease", "binding", "port", "logon"]


@dataclass(frozen=True, slots=True)
class Span:
    """From..to, both ends included, Unix ns."""

    from_ns: int
    to_ns: int

    def meet(self, other: "Span") -> "Span | None":
        """What both cover, or None."""
        low, high = max(self.from_ns, other.from_ns), min(self.to_ns, other.to_ns)
        return Span(low, high) if low <= high else None

    def wider(self, seconds: float) -> "Span":
        """Widened at both ends; an open end stays open. May shrink to nothing (from after to)."""
        low = self.from_ns if self.from_ns <= BEGIN else self.from_ns - int(seconds * NS)
        high = self.to_ns if self.to_ns >= FOREVER else self.to_ns + int(seconds * NS)
        return Span(low, high)

    def covers(self, other: "Span") -> bool:
        """Whether the other lies inside."""
        return self.from_ns <= other.from_ns and other.to_ns <= self.to_ns

    @property
    def seconds(self) -> float:
        """Length."""
        return (self.to_ns - self.from_ns) / NS


@dataclass(frozen=True, slots=True)
class Clock:
    """What is applied to one source's times."""

    offset_s: float
    tolerance_s: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A key had ``value`` during ``span`` (corrected). ``heard`` is the moment of an observation."""

    kind: Kind
    value: str
    span: Span
    seen: Seen
    clock: Clock
    heard: Span | None = None
    name: str = ""  # host name that came with it

    @property
    def core(self) -> Span:
        """Where it holds although the clock may be off by the tolerance."""
        if self.heard is not None:
            return self.heard.wider(MOMENT_S).meet(self.span) or self.heard
        return self.span.wider(-self.clock.tolerance_s)

    @property
    def reach(self) -> Span:
        """Where it may hold if the clock is off by the tolerance."""
        return self.span.wider(self.clock.tolerance_s)


@dataclass(frozen=True, slots=True)
class Passage:
    """A translation with its corrected life."""

    nat: Nat
    span: Span
    clock: Clock


def offset_for(source: str, offsets: Mapping[str, Offset]) -> Offset | None:
    """The offset of a source by its full name, its file, or its recorder."""
    file, _, recorder = source.rpartition("/")
    for name in (source, file, recorder):
        if name and name in offsets:
            return offsets[name]
    return None


def clock_of(source: str, offsets: Mapping[str, Offset]) -> Clock:
    """What to apply to a source's times."""
    offset = offset_for(source, offsets)
    if offset is None:
        return Clock(0.0, UNCHECKED_S, "clock not compared")
    return Clock(offset.seconds, max(CHECKED_S, offset.spread_s), offset.because)


def corrected(seen: Seen, clock: Clock) -> Span:
    """A statement's life in true time; an unknown end reaches to the limit."""
    shift = int(clock.offset_s * NS)
    low = BEGIN if seen.from_ns is None else seen.from_ns - shift
    high = FOREVER if seen.to_ns is None else seen.to_ns - shift
    return Span(low, max(low, high))


class Chronicle:
    """All records by the keys they are asked for.

    Args:
        records: what was read.
        offsets: per source, see `offset_for`; sources without one are taken as right within `UNCHECKED_S`.
    """

    def __init__(self, records: Records, offsets: Mapping[str, Offset]) -> None:
        self.offsets = offsets
        self._clocks: dict[str, Clock] = {}
        self.passages = self._passages(records.nats)
        self.macs = self._macs(records)
        self.places = self._places(records)
        self.place_macs = self._place_macs(records)
        self.logons: dict[str, list[tuple[Logon, Hold]]] = defaultdict(list)
        for logon in records.logons:
            hold = self._logon(logon)
            for key in (logon.ip, logon.mac, host_key(logon.host) and f"host {host_key(logon.host)}"):
                if key:
                    self.logons[key].append((logon, hold))
        self.holders: dict[str, list[Holder]] = defaultdict(list)
        for row in records.holders:
            for key in holder_keys(row):
                self.holders[key].append(row)

    def clock(self, source: str) -> Clock:
        """What to apply to a source's times."""
        if source not in self._clocks:
            self._clocks[source] = clock_of(source, self.offsets)
        return self._clocks[source]

    def knows_inside(self, ip: str) -> bool:
        """Whether the address stands itself in a lease, ARP table, logon or list of devices."""
        return ip in self.macs or ip in self.logons or f"ip {ip}" in self.holders

    def _passages(self, nats: Iterable[Nat]) -> dict[str, list[Passage]]:
        """Translations by outer address, settled among themselves."""
        by_ip: dict[str, list[Passage]] = defaultdict(list)
        for nat in nats:
            clock = self.clock(nat.seen.source)
            by_ip[nat.outside_ip].append(Passage(nat, corrected(nat.seen, clock), clock))
        return {ip: settle_passages(passages) for ip, passages in by_ip.items()}

    def _macs(self, records: Records) -> dict[str, list[Hold]]:
        """Which MAC held an address: leases settled among themselves, observations around them."""
        leases: dict[str, list[Lease]] = defaultdict(list)
        for lease in records.leases:
            leases[lease.ip].append(lease)
        points: dict[str, list[Hold]] = defaultdict(list)
        for row in records.bindings:
            points[row.ip].append(self._point("binding", row.mac, row.seen, BINDING_REACH_S))
        result = {}
        for ip in leases.keys() | points.keys():
            settled = settle_leases(leases.get(ip, []), self)
            result[ip] = settled + settle_points(points.get(ip, []), settled)
        return result

    def _point(self, kind: Kind, value: str, seen: Seen, reach_s: float) -> Hold:
        clock = self.clock(seen.source)
        heard = corrected(seen, clock)
        return Hold(kind, value, heard.wider(reach_s), seen, clock, heard)

    def _places(self, records: Records) -> dict[str, list[Hold]]:
        """Which switch ports saw a MAC. Uplinks are among them, so they are not settled against each other here."""
        points: dict[str, list[Hold]] = defaultdict(list)
        for row in records.ports:
            place = f"{row.switch} {row.port}".strip()
            points[row.mac].append(self._point("port", place, row.seen, PORT_REACH_S))
        return dict(points)

    @staticmethod
    def _place_macs(records: Records) -> dict[str, int]:
        """How many MACs were ever seen behind each port."""
        seen: dict[str, set[str]] = defaultdict(set)
        for row in records.ports:
            seen[f"{row.switch} {row.port}".strip()].add(row.mac)
        return {place: len(macs) for place, macs in seen.items()}

    def _logon(self, logon: Logon) -> Hold:
        clock = self.clock(logon.seen.source)
        heard = corrected(logon.seen, clock)
        ended = logon.seen.to_ns is not None and logon.seen.to_ns != logon.seen.from_ns
        last = heard.to_ns if ended else min(heard.to_ns, heard.from_ns) + int(LOGON_REACH_S * NS)
        return Hold("logon", logon.user, Span(heard.from_ns, last), logon.seen, clock, heard, logon.host)


def holder_keys(row: Holder) -> tuple[str, ...]:
    """The keys that a row of a list of devices is found by."""
    keys = []
    if row.mac:
        keys.append(f"mac {row.mac}")
    if row.host:
        keys.append(f"host {host_key(row.host)}")
    if row.ip:
        keys.append(f"ip {row.ip}")
    if row.port:
        keys.append(f"port {row.switch} {row.port}".strip())
    return tuple(keys)


def settle_passages(passages: Iterable[Passage]) -> list[Passage]:
    """Translations of one outer address; where the log lacks an end, the same ports' neighbors bound it."""
    places: dict[tuple[object, ...], list[Passage]] = defaultdict(list)
    for passage in passages:
        nat = passage.nat
        place = (nat.seen.source, nat.proto, nat.first_port, nat.last_port, nat.remote)
        places[place].append(passage)
    reach = int(NAT_REACH_S * NS)
    settled: list[Passage] = []
    for same in places.values():
        same.sort(
            key=lambda p: (p.span.to_ns if p.span.from_ns <= BEGIN else p.span.from_ns, p.nat.seen.line)
        )
        for index, passage in enumerate(same):
            low, high = passage.span.from_ns, passage.span.to_ns
            if low <= BEGIN and high < FOREVER:
                before = same[index - 1].span.to_ns if index else BEGIN
                low = max(high - reach, before if before < high else BEGIN)
            elif high >= FOREVER and low > BEGIN:
                after = same[index + 1].span.from_ns if index + 1 < len(same) else FOREVER
                high = min(low + reach, after if after > low else FOREVER)
            settled.append(replace(passage, span=Span(low, high)))
    return settled


def settle_leases(leases: Sequence[Lease], chronicle: Chronicle) -> list[Hold]:
    """The leases of one address as holds that follow each other.

    Openings of the same MAC run together, a closing line ends them, and a lease ends where the server gives the
    address to another MAC: it would not have done so before.
    """
    rows = []
    for lease in leases:
        clock = chronicle.clock(lease.seen.source)
        rows.append((_lease_span(lease, clock), clock, lease))
    rows.sort(key=_statement_order)
    holds: list[Hold] = []
    for span, clock, lease in rows:
        if lease.phase == "close":
            _end_lease(holds, lease, span)
            if lease.seen.from_ns is None:
                continue
        end = span.to_ns
        if end >= FOREVER and lease.phase == "open":
            end = span.from_ns + int(LEASE_REACH_S * NS)
        hold = Hold("lease", lease.mac, Span(span.from_ns, end), lease.seen, clock, None, lease.host)
        before = holds[-1] if holds else None
        if before is not None and before.value == hold.value and before.reach.to_ns >= span.from_ns:
            # The latest statement of an end counts: a release shortens what a renewal had promised.
            high = max(before.span.to_ns, end) if lease.phase == "open" else end
            low = before.span.from_ns
            holds[-1] = replace(before, span=Span(low, max(low, high)), name=hold.name or before.name)
            continue
        holds.append(hold)
    for index, hold in enumerate(holds[:-1]):
        following = holds[index + 1]
        if hold.value != following.value and hold.span.to_ns > following.span.from_ns > hold.span.from_ns:
            holds[index] = replace(hold, span=Span(hold.span.from_ns, following.span.from_ns))
    return holds


def _lease_span(lease: Lease, clock: Clock) -> Span:
    """A lease's life; one of which only the end is known began at most a usual lease before."""
    span = corrected(lease.seen, clock)
    if span.from_ns <= BEGIN and span.to_ns < FOREVER:
        return Span(span.to_ns - int(LEASE_REACH_S * NS), span.to_ns)
    return span


def _statement_order(row: tuple[Span, Clock, Lease]) -> tuple[int, bool, str, int, str, int]:
    """By time; at one time a guess of the end before a statement of it, then as the source wrote them."""
    span, _, lease = row
    at_ns = span.to_ns if lease.phase == "close" else span.from_ns
    return (at_ns, lease.phase != "open", lease.seen.source, lease.seen.line, lease.mac, span.to_ns)


def _end_lease(holds: list[Hold], lease: Lease, span: Span) -> None:
    """End the latest hold of the MAC that closed."""
    for index in range(len(holds) - 1, -1, -1):
        hold = holds[index]
        if hold.value == lease.mac:
            if hold.span.from_ns <= span.to_ns < hold.span.to_ns:
                holds[index] = replace(hold, span=Span(hold.span.from_ns, span.to_ns))
            return


def settle_points(points: Sequence[Hold], lasting: Sequence[Hold]) -> list[Hold]:
    """Observations, each reaching only as far as no other record says another value."""
    heard = [(h.heard or h.span, h) for h in points]
    edges = Edges(
        [(at_ns, h.value) for h in lasting for at_ns in (h.span.from_ns, h.span.to_ns)]
        + [(at_ns, h.value) for moment, h in heard for at_ns in (moment.from_ns, moment.to_ns)]
    )
    settled = []
    for moment, hold in sorted(heard, key=lambda pair: pair[0].from_ns):
        low = max(hold.span.from_ns, edges.before(moment.from_ns, hold.value))
        high = min(hold.span.to_ns, edges.after(moment.to_ns, hold.value))
        settled.append(replace(hold, span=Span(low, high)))
    return settled


class Edges:
    """Moments at which a value is known to begin or end, asked for the nearest of *another* value."""

    def __init__(self, edges: Iterable[tuple[int, str]]) -> None:
        ordered = sorted(edges)
        self._times = [at_ns for at_ns, _ in ordered]
        self._values = [value for _, value in ordered]
        self._left = self._runs(range(len(ordered)), -1)
        self._right = self._runs(range(len(ordered) - 1, -1, -1), 1)

    def _runs(self, order: range, step: int) -> list[int]:
        """For each edge the nearest edge of another value in one direction, an index outside at the end."""
        nearest = [0] * len(self._values)
        for index in order:
            neighbor = index + step
            inside = 0 <= neighbor < len(self._values)
            same = inside and self._values[neighbor] == self._values[index]
            nearest[index] = nearest[neighbor] if same else neighbor
        return nearest

    def before(self, at_ns: int, value: str) -> int:
        """The last edge of another value at or before a moment."""
        index = bisect_right(self._times, at_ns) - 1
        if index >= 0 and self._values[index] == value:
            index = self._left[index]
        return self._times[index] if index >= 0 else BEGIN

    def after(self, at_ns: int, value: str) -> int:
        """The first edge of another value at or after a moment."""
        index = bisect_left(self._times, at_ns)
        if index < len(self._times) and self._values[index] == value:
            index = self._right[index]
        return self._times[index] if index < len(self._times) else FOREVER
