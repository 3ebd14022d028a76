"""What a session keeps of the machines behind it: traces to count them by, never to find coins or work by.

Bounded, whatever a hostile peer sends: `MOST_POINTS` clock points, `MOST_EXTRANONCES` prefixes, and one span for
each value of a byte.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

MOST_POINTS: Final = 64  # judged: a line needs four; 64 show a clock that steps
MOST_EXTRANONCES: Final = 64  # judged: a pool gives one per subscription, a few more when it moves a client


class ClockPoint(NamedTuple):
    """A TCP timestamp of the client: capture time, and the sender's clock in ticks modulo 2^32 (RFC 7323)."""

    ts_ns: int
    value: int


class NonceSpan(NamedTuple):
    """Shares whose nonce space has one value in the byte by which relays part it; Unix ns of first and last."""

    byte: int
    shares: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces of machines in one session.

    ``extranonces`` are the prefixes that the server assigned, in order, lower-case hex. ``nonces`` has a span for each
    value of the partition byte, ascending. ``moves`` counts shares that followed one with another byte
    in the same job, ``descents`` those of them with a lower byte: a miner that counts up has next to none.
    """

    tcp_clock: tuple[ClockPoint, ...] = ()
    extranonces: tuple[str, ...] = ()
    nonces: tuple[NonceSpan, ...] = ()
    moves: int = 0
    descents: int = 0
