"""Machines: how many stand behind one address? An interval with its reasons, never a bare number.

What is counted are machines that mined within the time that was seen. Each kind of evidence bounds the number on
its own; the bounds are cut together, and where they contradict each other the result is widened and says so.
The one assumption behind names is stated: two names mining the same algorithm at the same time are two machines,
and so are two parts of a nonce space that a relay hands out.

Reads     sessions of one address with their traces (clocks, extranonces, nonces), unread flows of it to pools
Yields    `MachineCount`
Misses    machines behind a relay that does not part the nonce space, beyond what the hashrate bounds; machines off
          while the capture ran
Misfires  one machine that runs a miner per card, each under a name of its own
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from davylamp.counted import counted
from davylamp.errors import BadUse
from davylamp.records import Flow, Interval, MachineCount, Session
from davylamp.records import MachineReason as Reason
from davylamp.sizing.devices import devices_for
from davylamp.sizing.hashrate import SECOND_NS, sum_rates, year_of
from davylamp.sizing.machines_clock import Clocks, Point, find_clocks
from davylamp.sizing.machines_nonces import Parts, parts_of, used_at_once
from davylamp.tables.energy import DeviceRow

Evidence = Literal[
    "names", "rig ids", "connections", "agents", "hashrate", "tcp clocks", "extranonces", "nonces"
]

METHOD: Final = "machines-2"  # 2 weighs clocks, extranonces and nonces
MOST_DEVICES: Final = {"asic": 1, "gpu": 13, "cpu": 2}  # judged: the largest mining boards; two sockets
USUAL_DEVICES: Final = {"asic": 1, "gpu": 4, "cpu": 1}  # judged: what inspected computers held
RELAYS: Final = ("proxy", "relay")  # judged: words in agents that speak for many machines
LONG_PREFIX: Final = 8  # judged: hex digits; shorter extranonces are soon given to someone else
ASSUMPTION: Final = (
    "two names, or parts of a relay's nonce space, at the same time with one algorithm are two machines"
)
__all__ = ["MachineCount", "Reason", "count_machines"]


def count_machines(
    sessions: Sequence[Session],
    *,
    flows: Sequence[Flow] = (),
    clocks: Clocks | None = None,
    site: Path | None = None,
) -> MachineCount:
    """Machines behind one client address.

    Args:
        sessions: all its mining sessions, sized where possible; donation sessions count as their miner's own.
        flows: its flows to pools that could not be read, for instance encrypted ones.
        clocks: TCP timestamp lines of the address; those of the sessions' own traces when not given.
        site: the operator's folder.

    Raises:
        BadUse: E-MAC-001 for nothing to count, or several addresses at once.
    """
    addresses = {s.client.ip for s in sessions} | {f.client.ip for f in flows}
    if len(addresses) != 1:
        said = f"machines are counted behind one address, not {len(addresses)}"
        raise BadUse("E-MAC-001", said, "group sessions by their client address first")
    own = [s for s in sessions if not s.donation] or list(sessions)
    parts = {n: found for n, s in enumerate(own) if (found := parts_of(s.traces)) is not None}
    relayed = any(map(is_relay, own)) or any(p.is_parted for p in parts.values())
    reasons = [
        *_named(own),
        _connected(own, flows, relayed),
        *_agents(own),
        *_hashing(own, flows, site),
        *_clocked(clocks or clocks_of(sessions)),
        *_prefixed(own, flows, relayed),
        *_parted(own, parts),
    ]
    return _cut(reasons, tuple(_missing(reasons)), relayed)


def is_relay(session: Session) -> bool:
    """Whether the agent calls itself one that speaks for many machines."""
    return any(word in (session.agent or "").lower() for word in RELAYS)


def clocks_of(sessions: Sequence[Session]) -> Clocks | None:
    """TCP timestamp lines of one address's sessions; None where no session kept a timestamp."""
    numbers = {ends: n for n, ends in enumerate({(s.client, s.server) for s in sessions})}
    points = [
        Point(p.ts_ns / SECOND_NS, p.value, numbers[session.client, session.server], session.server.ip)
        for session in sessions
        for p in session.traces.tcp_clock
    ]
    return find_clocks(points) if points else None


def _missing(reasons: Sequence[Reason]) -> Iterable[str]:
    """What could have spoken and was not there."""
    given = {r.evidence for r in reasons}
    if "extranonces" not in given:
        yield "extranonces: no server was seen to assign one"
    if "nonces" not in given:
        yield "nonce partition: no share shows the byte by which relays part the nonce space"
    if "tcp clocks" not in given:
        yield "TCP timestamps: the packets carry none"
    if "hashrate" not in given:
        yield "hashrate against devices: no session has a hashrate of an algorithm in the device table"


def _cut(reasons: Sequence[Reason], missing: tuple[str, ...], relayed: bool) -> MachineCount:
    """The bounds together; where they exclude each other, all of them as a hull."""
    lows = [1, *(r.low for r in reasons if r.low is not None)]
    highs = [r.high for r in reasons if r.high is not None]
    low, high = max(lows), min(highs, default=None)
    contradiction = ""
    if high is not None and low > high:
        least = next(r for r in reasons if r.low == low)
        most = next(r for r in reasons if r.high == high)
        said = f"{least.evidence} say at least {low}, {most.evidence} at most {high}"
        contradiction = f"evidence disagrees, both are kept: {said}"
        low, high = high, low
    guess = max((r.usual for r in reasons if r.evidence == "nonces" and r.usual is not None), default=0)
    if high is not None and guess > high and not contradiction:
        most = next(r for r in reasons if r.high == high)
        contradiction = (
            f"evidence disagrees, both are kept: nonces suggest {guess}, {most.evidence} say at most {high}"
        )
        high = guess
    by_hashrate = [r.usual for r in reasons if r.evidence == "hashrate" and r.usual is not None]
    others = [r.usual for r in reasons if r.evidence != "hashrate" and r.usual is not None]
    usual = max(by_hashrate or others if relayed and not guess else others, default=low)
    estimate = max(usual, low) if high is None else min(max(usual, low), high)
    return MachineCount(low, estimate, high, tuple(reasons), missing, contradiction, ASSUMPTION, METHOD)


def _named(sessions: Sequence[Session]) -> Iterable[Reason]:
    """Rig ids and worker names that mine the same algorithm at the same time."""
    kinds: tuple[tuple[Evidence, Callable[[Session], str | None]], ...] = (
        ("rig ids", lambda s: s.rig_id),
        ("names", lambda s: s.worker),
    )
    for evidence, name in kinds:
        names = {name(s) for s in sessions} - {None, ""}
        if not names:
            continue
        most = max(_peak([s for s in group if name(s)], name) for group in _by_algorithm(sessions))
        said = f"{counted(len(names), evidence[:-1])}, {most} of them at the same time with one algorithm"
        yield Reason(evidence, most, most, None, said)


def _connected(sessions: Sequence[Session], flows: Sequence[Flow], relayed: bool) -> Reason:
    """Connections: as many at once are usually as many machines; more machines than connections cannot be."""
    every = len(sessions) + len(flows)
    peaks = [_peak(group, id) for group in _by_algorithm(sessions)]
    most = max([*peaks, _peak(flows, id), 1])
    said = f"{counted(every, 'connection')}, {most} at the same time"
    if relayed:
        who = "a relay among them" if any(map(is_relay, sessions)) else "one seems to be a relay, which"
        return Reason("connections", None, None, None, f"{said}; {who} may stand for any number")
    return Reason("connections", None, most, max(every, 1), said)


def _agents(sessions: Sequence[Session]) -> Iterable[Reason]:
    """Agents at the same time: different software, perhaps on one machine, so they bound nothing."""
    agents = {s.agent for s in sessions} - {None, ""}
    if len(agents) > 1:
        most = max(_peak([s for s in g if s.agent], lambda s: s.agent) for g in _by_algorithm(sessions))
        yield Reason("agents", None, most, None, f"{len(agents)} agents, {most} at the same time")


def _hashing(sessions: Sequence[Session], flows: Sequence[Flow], site: Path | None) -> Iterable[Reason]:
    """The hashrates over what one machine does at most and at least; one machine may mine several algorithms.

    So the least number is that of the algorithm that needs most, the most is the sum, and there is no most
    while something at the address gives no hashrate.
    """
    groups = _by_algorithm(sessions)
    found = [reason for group in groups if (reason := _hashing_of(group, site)) is not None]
    if not found:
        return
    unsized = len(groups) - len(found) + len(flows)
    yield Reason(
        "hashrate",
        max(r.low or 1 for r in found),
        max(r.usual or 1 for r in found),
        sum(r.high or 1 for r in found) if not unsized else None,
        "; ".join(r.because for r in found) + ("; the rest gives no hashrate" if unsized else ""),
    )


def _hashing_of(sessions: Sequence[Session], site: Path | None) -> Reason | None:
    """The same for one algorithm; None where it has no hashrate or no devices."""
    algorithm = sessions[0].algorithm
    rate, _ = sum_rates(sessions)
    if algorithm is None or rate is None or rate.high <= 0:
        return None
    rows = devices_for(algorithm, year_of(max(s.last_ns for s in sessions)), site)
    return _against(rate, algorithm, rows) if rows else None


def _against(rate: Interval, algorithm: str, rows: Sequence[DeviceRow]) -> Reason:
    """A hashrate against the fastest, the usual and the slowest machine of its algorithm."""
    fastest = max(rows, key=lambda r: r.hps_high * MOST_DEVICES[r.kind])
    slowest = min(rows, key=lambda r: r.hps_low)
    usual = sorted(r.hps_mid * USUAL_DEVICES[r.kind] for r in rows if r.basket) or [fastest.hps_mid]
    at_least = max(1, math.ceil(rate.low / (fastest.hps_high * MOST_DEVICES[fastest.kind])))
    at_most = max(1, math.floor(rate.high / slowest.hps_low))
    likely = max(1, round(rate.estimate / usual[len(usual) // 2]))
    kinds = "/".join(sorted({r.kind for r in rows if r.basket}))
    said = (
        f"{rate.estimate:.4g} H/s of {algorithm} ({kinds}): at least {at_least} as "
        f"{MOST_DEVICES[fastest.kind]} x {fastest.model} each, at most {at_most} as {slowest.model}"
    )
    return Reason("hashrate", at_least, likely, at_most, said)


def _clocked(clocks: Clocks | None) -> Iterable[Reason]:
    """TCP timestamp lines: one host has one clock."""
    if clocks is not None:
        least = clocks.at_least
        yield Reason("tcp clocks", least, least, None, f"TCP timestamps: {clocks.note}")


def _prefixed(sessions: Sequence[Session], flows: Sequence[Flow], relayed: bool) -> Iterable[Reason]:
    """Extranonces: who gets his old one back has resumed, so he is counted once; otherwise they count connections.

    A resumption needs the same server, prefix, login, worker and agent on connections that follow one another.
    """
    told = [s for s in sessions if s.traces.extranonces]
    if not told:
        return
    prefixes = {(s.server.ip, prefix) for s in told for prefix in s.traces.extranonces}
    said = f"{counted(len(prefixes), 'extranonce')} on {counted(len(told), 'connection')}"
    resumed: dict[tuple[str | None, ...], list[Session]] = {}
    for s in told:
        key = (s.server.ip, s.traces.extranonces[0], s.login, s.worker, s.agent)
        resumed.setdefault(key, []).append(s)
    shared = any(_peak(group, id) > 1 for group in resumed.values())
    short = any(len(s.traces.extranonces[0]) < LONG_PREFIX for s in told)
    if len(resumed) == len(told) or shared or short or relayed:
        why = "short ones come back to others" if short else "each connection has its own"
        why = "a relay takes one for all behind it" if relayed else why
        why = "connections at the same time share one" if shared else why
        yield Reason("extranonces", None, None, None, f"{said}, which bound nothing: {why}")
        return
    most = len(resumed) + len(sessions) - len(told) + len(flows)
    yield Reason(
        "extranonces", None, None, most, f"{said}: {len(told) - len(resumed)} of them resume another"
    )


def _parted(sessions: Sequence[Session], parts: Mapping[int, Parts]) -> Iterable[Reason]:
    """Parts of the nonce space: proof of several machines where an agent calls itself a relay, else a guess."""
    if not parts:
        return
    named = [n for n, p in parts.items() if p.is_parted and is_relay(sessions[n])]
    chosen = named or [n for n, p in parts.items() if p.is_parted]
    if not chosen:
        whys = dict.fromkeys(p.because for p in parts.values())
        yield Reason("nonces", None, None, None, f"nonces bound nothing: {'; '.join(whys)}")
        return
    most = max(
        used_at_once([parts[n].held for n in chosen if sessions[n].algorithm == algorithm])
        for algorithm in {sessions[n].algorithm for n in chosen}
    )
    values = sum(len(parts[n].held) for n in chosen)
    said = f"the nonce space is parted into {values}, {most} in use at the same time"
    if named:
        yield Reason("nonces", most, most, None, f"{said}, by a relay that names itself")
    else:
        yield Reason("nonces", None, most, None, f"{said}, as by a relay, though none names itself: no proof")


def _by_algorithm(sessions: Sequence[Session]) -> list[list[Session]]:
    """Sessions that could stand for one another: a machine may mine two algorithms at once."""
    names = dict.fromkeys(s.algorithm for s in sessions)
    return [[s for s in sessions if s.algorithm == name] for name in names]


def _peak(items: Sequence[Session | Flow], label: Callable[..., object]) -> int:
    """Most different labels that are alive at one moment; an end at a begin's moment comes first."""
    events = sorted(
        [(i.last_ns, 0, n) for n, i in enumerate(items)] + [(i.first_ns, 1, n) for n, i in enumerate(items)],
        key=lambda e: (e[0], e[1]),
    )
    alive: dict[object, int] = {}
    most = 0
    for _, begins, n in events:
        if items[n].first_ns == items[n].last_ns:
            continue
        name = label(items[n])
        alive[name] = alive.get(name, 0) + (1 if begins else -1)
        if not alive[name]:
            del alive[name]
        most = max(most, len(alive))
    return max(most, 1) if items else 0
