"""The parted nonce space: how many miners share one connection?

A relay (xmrig-proxy, a stratum proxy) gives each miner behind it one value of a byte, so the shares of one connection
show few values, each again and again, in any order. One miner draws no such picture: it counts up from the
lowest value in every job, its threads begin at values that are spread evenly over the byte, or, as ASICs do, it draws
over all of it. So a parted space is told by what none of these explains.

Reads     `Traces` of a session
Yields    `Parts`: is the space parted, and how many values are used at the same time
Misses    miners with fewer than three shares; relays that part by more or other bytes, or not at all
Misfires  one computer that runs two mining programs through one relay
Source    xmrig-proxy NonceStorage.cpp (a value per miner, from a random one upwards), JobResult.cpp (its place);
          XMRig 2 and xmr-stak for threads
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from davylamp.records_traces import NonceSpan, Traces

VALUES: Final = 256
LEAST_USES: Final = 3  # judged: a value seen once or twice may be a damaged or late share
FEW_LOG10: Final = -6.0  # judged: shares drawn over the whole byte look so sparse once in a million sessions
LEAST_MOVES: Final = 8  # judged: fewer do not tell a miner that counts from several that take turns
LEAST_DESCENTS: Final = (
    0.25  # judged: miners that take turns step down every second time, one that counts hardly ever
)
MOST_THREADS: Final = 128  # judged: two sockets of 64 cores


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session's shares say. ``is_parted`` says that a relay explains them and one miner does not."""

    values: int
    held: tuple[NonceSpan, ...]  # used `LEAST_USES` times and more
    is_parted: bool
    because: str


def parts_of(traces: Traces) -> Parts | None:
    """How the nonce space of a session is parted; None when its shares do not show it."""
    spans = traces.nonces
    if not spans:
        return None
    held = tuple(s for s in spans if s.shares >= LEAST_USES)
    if log10_chance(spans) > FEW_LOG10:
        return Parts(len(spans), held, False, "as many values as shares drawn over the whole range have")
    if len(held) < 2:
        return Parts(len(spans), held, False, "one value holds nearly all shares")
    if traces.moves < LEAST_MOVES:
        return Parts(len(spans), held, False, "too few shares per job to tell turns from counting")
    if traces.descents < LEAST_DESCENTS * traces.moves:
        return Parts(len(spans), held, False, "the values count up within a job, as one miner does")
    if is_spread_evenly([s.byte for s in held]):
        return Parts(len(spans), held, False, "the values are spread evenly, as the threads of one miner are")
    return Parts(len(spans), held, True, "few values, each again and again and in turn")


def log10_chance(spans: Sequence[NonceSpan]) -> float:
    """Bound on the log10 probability that shares drawn over all values hit no more than these many."""
    seen, shares = len(spans), sum(s.shares for s in spans)
    choices = math.lgamma(VALUES + 1) - math.lgamma(seen + 1) - math.lgamma(VALUES - seen + 1)
    return choices / math.log(10) + shares * math.log10(seen / VALUES)


def is_spread_evenly(values: Sequence[int]) -> bool:
    """Whether threads of one miner, which part the byte evenly and count up, may have begun at these values.

    The first thread begins at 0, and most threads find shares: at most three in four show no value. A run of values
    may be one thread that counted on. XMRig rounds a thread's start down, xmr-stak does not.
    """
    begun = [v for v in values if (v - 1) % VALUES not in values]
    for seen in (values, begun):
        if 0 not in seen:
            continue
        for threads in range(len(seen), min(4 * len(seen), MOST_THREADS) + 1):
            rounded = {0xFFFFFFFF // threads * i >> 24 for i in range(threads)}
            exact = {VALUES * i // threads for i in range(threads)}
            if rounded.issuperset(seen) or exact.issuperset(seen):
                return True
    return False


def used_at_once(sessions: Sequence[Sequence[NonceSpan]]) -> int:
    """Most values that are in use at one moment, summed over sessions; a value is in use from first to last share."""
    every = [span for spans in sessions for span in spans]
    events = sorted([(s.first_ns, 1) for s in every] + [(s.last_ns, -1) for s in every])
    alive = most = 0
    for _, step in events:
        alive += step
        most = max(most, alive)
    return most
