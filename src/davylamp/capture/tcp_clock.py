"""TCP timestamps out of a batch: the header stands right before the payload, so no column is needed for it.

Reads     `PacketBatch.buffer` before ``payload_off``; option kind 8 (RFC 7323)
Yields    the sender's clock in ticks, and few points of it over the life of a conversation
Misses    headers that the capture cut; senders without the option (Windows by default)
Misfires  none: ports, sequence number and the header's own length must agree with the batch's columns
"""

from typing import Final

from davylamp.records import TCP, PacketBatch
from davylamp.records_traces import MOST_POINTS, ClockPoint

FIRST_GAP_NS: Final = 1_000_000_000  # judged: closer points tell no rate
_FIXED: Final = 20
_LENGTHS: Final = (32, *(4 * words for words in range(15, 4, -1)))  # the one with timestamps alone first
_TIMESTAMPS: Final = 8
_TIMESTAMPS_BYTES: Final = 10


def timestamp_of(batch: PacketBatch, row: int) -> int | None:
    """The timestamp (0..2^32-1) that a packet's sender put on it; None where there is none to be read."""
    end = int(batch.payload_off[row])
    if batch.proto[row] != TCP or not 0 < end <= batch.buffer.size:
        return None
    before = batch.buffer[max(0, end - max(_LENGTHS)) : end].tobytes()
    opening = (
        int(batch.sport[row]).to_bytes(2, "big")
        + int(batch.dport[row]).to_bytes(2, "big")
        + int(batch.seq[row]).to_bytes(4, "big")
    )
    for length in _LENGTHS:
        start = len(before) - length
        if start >= 0 and before[start + 12] >> 4 == length >> 2 and before.startswith(opening, start):
            return timestamp_in(before[start + _FIXED :])
    return None


def timestamp_in(options: bytes) -> int | None:
    """The timestamp among TCP options; None when it is absent or an option's length cannot be."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return None
        if options[at] == _TIMESTAMPS:
            return int.from_bytes(options[at + 2 : at + 6], "big") if length == _TIMESTAMPS_BYTES else None
        at += length
    return None


class Ticks:
    """Points of one sender's clock, at most `MOST_POINTS`, spread over its life: the gap doubles as room runs out.

    ``due_ns`` is from when on a packet is worth taking: asking before costs most packets one comparison.
    """

    __slots__ = ("_gap_ns", "_points", "due_ns")

    def __init__(self) -> None:
        self._points: list[ClockPoint] = []
        self._gap_ns = FIRST_GAP_NS
        self.due_ns = -(2**63)

    def take(self, batch: PacketBatch, row: int) -> None:
        """Keep a packet's timestamp if one is due; where there is none, the next look is as far away."""
        ts_ns = int(batch.ts_ns[row])
        if ts_ns < self.due_ns:
            return
        self.due_ns = ts_ns + self._gap_ns
        value = timestamp_of(batch, row)
        if value is None:
            return
        self._points.append(ClockPoint(ts_ns, value))
        if len(self._points) > MOST_POINTS:
            self._points = self._points[::2]
            self._gap_ns *= 2
            self.due_ns = self._points[-1].ts_ns + self._gap_ns

    def points(self) -> tuple[ClockPoint, ...]:
        """What was kept, in order of capture."""
        return tuple(self._points)
