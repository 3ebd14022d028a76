"""How far off is a recorder's clock, seen from another one that recorded the same events?

Two recorders both see that a translation began (outside address and port), or that a MAC came up. The difference
of their times is the difference of their clocks plus a small delay. Of all pairs of equal keys the true ones pile up
at one value and the chance ones are spread: the densest window is taken, and its median.

Source    the mode of pairwise differences is a common remedy where events cannot be matched one to one; the limits
          here are judged
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from davylamp.attribution.hops.record import NS, Records

CAPTURE: Final = "capture"
MOST_OFFSET_S: Final = 54_000.0  # judged: 15 hours, so that a wrong time zone shows too
WINDOW_S: Final = 4.0  # judged: delay and rounding to seconds of two recorders of one event
FEWEST: Final = 5  # judged: fewer agreeing events may be chance
LEAD: Final = 2.0  # judged: the densest window must hold twice the next one
SHARE: Final = 0.3  # judged: of the keys that both know, so many must agree
KEY_TIMES: Final = 50  # judged: a key seen more often by one recorder says little by its times
PAIRS: Final = 500_000
MAD_TO_SIGMA: Final = 1.4826  # for a normal distribution
UP_DELAY_S: Final = 5.0  # judged: an address follows an authentication within seconds
ZONE_S: Final = 900.0  # zones differ by whole quarters of an hour
ZONE_SLACK_S: Final = 30.0

Key: TypeAlias = tuple[str, ...]
Events: TypeAlias = Mapping[Key, list[int]]


@dataclass(frozen=True, slots=True)
class Offset:
    """A recorder's clock minus the true time, as far as known.

    ``spread_s`` bounds what is still uncertain; ``pairs`` is how many events agreed, 0 where it was given.
    """

    seconds: float
    spread_s: float
    because: str
    pairs: int = 0


@dataclass(frozen=True, slots=True)
class NoOffset:
    """Two recorders whose clocks cannot be compared, and why."""

    because: str


def events_of(records: Records) -> dict[str, dict[Key, list[int]]]:
    """The events of each source that another recorder may have seen too."""
    found: dict[str, dict[Key, list[int]]] = defaultdict(lambda: defaultdict(list))
    for nat in records.nats:
        if nat.seen.from_ns is not None and nat.first_port == nat.last_port:
            key = ("nat", nat.outside_ip, str(nat.first_port))
            found[nat.seen.source][key].append(nat.seen.from_ns)
    ups: Iterable[tuple[str, str, int | None]] = [
        *((r.seen.source, r.mac, r.seen.from_ns) for r in records.leases),
        *((r.seen.source, r.mac, r.seen.from_ns) for r in records.logons if r.mac),
    ]
    for source, mac, at_ns in ups:
        if at_ns is not None:
            found[source][("up", mac)].append(at_ns)
    return {s: dict(keys) for s, keys in found.items()}


def estimate_offset(recorder: Events, reference: Events) -> Offset | NoOffset:
    """The recorder's clock minus the reference's.

    Args:
        recorder: Unix ns by key.
        reference: the same of the clock that is taken as right.
    """
    shared = [k for k in recorder if k in reference and max(len(recorder[k]), len(reference[k])) <= KEY_TIMES]
    if len(shared) < FEWEST:
        return NoOffset(f"{len(shared)} events in common, {FEWEST} needed")
    apart: list[tuple[float, int]] = []
    for index, key in enumerate(shared):
        apart += [
            ((a - b) / NS, index)
            for a in recorder[key]
            for b in reference[key]
            if abs(a - b) <= MOST_OFFSET_S * NS
        ]
        if len(apart) > PAIRS:
            break
    apart.sort()
    best = _densest(apart)
    if best is None or best.keys < FEWEST or best.keys < SHARE * len(shared):
        agreeing = best.keys if best is not None else 0
        return NoOffset(f"only {agreeing} of {len(shared)} common events agree on one offset")
    away = [p for p in apart if not best.low - WINDOW_S <= p[0] <= best.low + 2 * WINDOW_S]
    second = _densest(away)
    if second is not None and second.keys * LEAD > best.keys:
        return NoOffset(
            f"two offsets fit: {best.low:+.0f} s ({best.keys}) and {second.low:+.0f} s ({second.keys})"
        )
    inside = [d for d, _ in apart if best.low <= d <= best.low + WINDOW_S]
    middle = median(inside)
    spread = MAD_TO_SIGMA * median(abs(d - middle) for d in inside)
    slack = UP_DELAY_S if all(k[0] == "up" for k in shared) else 0.0
    words = f"{best.keys} of {len(shared)} common events agree within {WINDOW_S:g} s" + _zone_words(middle)
    return Offset(middle, 3 * spread + slack, words, best.keys)


@dataclass(frozen=True, slots=True)
class _Window:
    low: float
    keys: int


def _densest(apart: list[tuple[float, int]]) -> _Window | None:
    """The window of differences that the most distinct keys fall into."""
    values = [d for d, _ in apart]
    counts: dict[int, int] = defaultdict(int)
    best: _Window | None = None
    end = 0
    for start, low in enumerate(values):
        stop = bisect_right(values, low + WINDOW_S)
        for index in range(end, stop):
            counts[apart[index][1]] += 1
        end = max(end, stop)
        if best is None or len(counts) > best.keys:
            best = _Window(low, len(counts))
        key = apart[start][1]
        counts[key] -= 1
        if not counts[key]:
            del counts[key]
    return best


def _zone_words(seconds: float) -> str:
    """A hint where the offset looks like a wrong time zone."""
    steps = round(seconds / ZONE_S)
    if steps and abs(seconds - steps * ZONE_S) <= ZONE_SLACK_S:
        return "; a whole number of quarter hours: the time zone given for its stamps may be wrong"
    return ""


def estimate_offsets(
    events: Mapping[str, Events], known: Mapping[str, Offset], reference: str = CAPTURE
) -> dict[str, Offset | NoOffset]:
    """Offsets of all recorders against the reference, over others where they share no event with it directly.

    Args:
        events: by source, the reference's own among them.
        known: offsets that were given; they stand, and others are measured against them.
        reference: the source whose clock is taken as right.
    """
    result: dict[str, Offset | NoOffset] = {s: o for s, o in known.items() if s in events}
    rooted = dict(result)
    rooted[reference] = Offset(0.0, 0.0, "the reference")
    waiting = deque(s for s in (reference, *known) if s in events)
    while waiting:
        base = waiting.popleft()
        root = rooted[base]
        if not isinstance(root, Offset):
            continue
        for source in events:
            if source in rooted:
                continue
            against = estimate_offset(events[source], events[base])
            if isinstance(against, NoOffset):
                continue
            words = f"against {base}: {against.because}"
            offset = Offset(
                against.seconds + root.seconds, against.spread_s + root.spread_s, words, against.pairs
            )
            result[source] = rooted[source] = offset
            waiting.append(source)
    for source in events:
        if source != reference and source not in result:
            result[source] = NoOffset("it shares too few events with a recorder whose clock is known")
    return result
