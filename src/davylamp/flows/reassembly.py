"""One direction of a TCP conversation: segments in, bytes in their order out.

What is decided here, and why:

* **Which copy wins.** The first captured copy of a byte stays. A later copy that differs is counted in
  ``overlap_conflicts``; the last few delivered segments are kept to see that. The one exception is a
  single zero byte that waits behind a hole: keep-alives carry such a filler, so a longer copy replaces it.
* **When a gap is declared.** A hole is lost once the other side acknowledges past it (after ``ACK_GRACE_NS``,
  because a capture may show the acknowledgment before the data), once more than ``HELD_BYTES`` or
  ``HELD_SEGMENTS`` wait behind it, or at `Stream.flush`. The cut tail of a snapped segment is lost at once.
* **Joined in the middle.** Without an initial sequence number the first segment with payload sets the base,
  and it waits until the other side acknowledges it, a second segment comes, or the flow ends. An earlier
  segment that arrives meanwhile moves the base back by up to ``LATE_BYTES``; one that arrives later is only
  counted, in ``late_bytes``.
* **Out of the window.** A segment that starts more than ``WINDOW_BYTES`` ahead, or lies that far behind, is
  ignored and counted; ``RESYNC_SEGMENTS`` of them that follow each other are the stream itself after a long
  hole in the capture, and it goes on there.

Memory of one stream: at most ``HELD_BYTES`` waiting, one segment, and ``RECENT_SEGMENTS`` delivered ones.
Segments are at most 64 KiB, so it stays below 600 KiB, and at a few KiB in ordinary traffic.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from davylamp.records import FIN, RST, SYN

HELD_BYTES: Final = 256 * 1024  # judged: a window that a miner or a pool has open at most
HELD_SEGMENTS: Final = 256  # judged: bounds the work per segment and the memory of tiny segments
WINDOW_BYTES: Final = 1 << 20  # judged: four times what may be held
LATE_BYTES: Final = 64 * 1024  # judged: one unscaled TCP window
ACK_GRACE_NS: Final = 200_000_000  # judged: more than the skew between the two taps of one link
RESYNC_SEGMENTS: Final = 3  # judged: one forged segment must not move the stream
RECENT_SEGMENTS: Final = 4  # judged: retransmissions repeat what was sent last

_MASK: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000
_FILLER: Final = b"\0"


@dataclass(frozen=True, slots=True)
class Segment:
    """One captured TCP segment.

    ``seq`` is the header's field as it is: on a SYN the payload starts at ``seq + 1``. ``wire_len`` is
    the payload the wire carried; ``data`` is shorter where the capture snapped it.
    """

    ts_ns: int
    seq: int
    flags: int
    ack: int
    data: bytes
    wire_len: int


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes that follow the previous run without a break, but for ``lost_before`` bytes that are missing.

    ``ts_ns`` is when the bytes became readable: the capture time of their segment, or of the one that filled
    the hole before them. ``data`` is empty only for a loss at the end.
    """

    ts_ns: int
    data: bytes
    lost_before: int


class _Held(NamedTuple):
    """A segment behind a hole; ``start`` and ``end`` count from the base, ``end`` includes a cut tail."""

    start: int
    end: int
    data: bytes
    ts_ns: int


class Stream:
    """One direction of a TCP conversation.

    Args:
        isn: sequence number of the SYN, None when it was not seen.

    Attributes:
        delivered_bytes: payload handed out in runs.
        lost_bytes: payload that no run will contain.
        duplicate_bytes: payload seen again, without that of keep-alives.
        late_bytes: payload from before the base of a stream joined in the middle.
        overlap_conflicts: segments that repeat bytes with another content.
        out_of_order: segments that arrive before an earlier one.
        keepalives: keep-alive probes.
        ignored_segments: segments and acknowledgments outside the window.
        finished: all bytes up to the FIN are delivered or lost.
    """

    __slots__ = (
        "_acked", "_base", "_fin", "_first", "_held", "_held_bytes", "_last_ns", "_newest_ack",
        "_pending_lost", "_primed", "_recent", "_rel", "_stray_count", "_stray_end", "_young_ack",
        "_young_ns", "delivered_bytes", "duplicate_bytes", "ignored_segments", "keepalives",
        "late_bytes", "lost_bytes", "out_of_order", "overlap_conflicts",
    )  # fmt: skip

    def __init__(self, isn: int | None = None) -> None:
        self.delivered_bytes = 0
        self.lost_bytes = 0
        self.duplicate_bytes = 0
        self.late_bytes = 0
        self.overlap_conflicts = 0
        self.out_of_order = 0
        self.keepalives = 0
        self.ignored_segments = 0
        self._base: int | None = None if isn is None else (isn + 1) & _MASK
        self._primed = isn is not None
        self._first = 0  # where delivery began, relative to the base
        self._rel = 0  # next byte to deliver, relative to the base
        self._held: list[_Held] = []
        self._held_bytes = 0
        self._recent: deque[_Held] = deque(maxlen=RECENT_SEGMENTS)
        self._pending_lost = 0
        self._last_ns = 0
        self._fin: int | None = None
        self._acked = 0
        self._young_ack = 0
        self._young_ns = 0
        self._newest_ack = 0
        self._stray_end = 0
        self._stray_count = 0

    @property
    def finished(self) -> bool:
        """Whether everything up to the FIN is delivered or declared lost."""
        return self._fin is not None and self._rel >= self._fin and not self._held

    def push(self, segment: Segment) -> list[Run]:
        """Take one segment of this direction.

        Args:
            segment: as captured, in capture order.

        Returns:
            What has become readable, oldest first; empty while something before it is awaited.
        """
        flags, data = segment.flags, segment.data
        size = segment.wire_len if segment.wire_len > len(data) else len(data)
        if self._base is None or flags & (SYN | RST | FIN) or not size:
            if flags & RST:
                return []
            start = (segment.seq + 1) & _MASK if flags & SYN else segment.seq
            if self._base is None:
                if not (size or flags & SYN):
                    return []
                self._base = start
                self._primed = bool(flags & SYN)
            at = self._locate(start)
            if not size and not flags & (SYN | FIN) and at == self._rel - 1:
                self.keepalives += 1
            if flags & FIN and self._fin is None and abs(at - self._rel) <= WINDOW_BYTES:
                self._fin = at + size
            if not size:
                return []
        else:
            at = self._locate(segment.seq)
        if at == self._rel and not self._held and self._primed:
            return [self._deliver(segment.ts_ns, data, size)]
        return self._place(_Held(at, at + size, data, segment.ts_ns))

    def acked(self, ack: int, ts_ns: int | None = None) -> list[Run]:
        """Learn what the other side says it has received.

        Args:
            ack: acknowledgment field of a segment of the other direction.
            ts_ns: that segment's time; with it a hole stays open for `ACK_GRACE_NS`, without it none.

        Returns:
            What waited behind holes that are now known to be lost.
        """
        if self._base is None:
            return []
        at = self._locate(ack)
        if at > self._rel + WINDOW_BYTES:
            self.ignored_segments += 1
        elif at > self._newest_ack:
            if not self._primed and at > self._rel:
                self._primed = True
            self._newest_ack = at
        return self._weigh_acks(ts_ns) if self._held else []

    def flush(self) -> list[Run]:
        """Hand out everything that waits and declare every hole, at the end of the flow or capture.

        Returns:
            The remaining runs; a last one without data declares a loss at the end.
        """
        self._primed = True
        runs = self._drain(forced=True)
        end = max(self._newest_ack, self._rel)
        if self._fin is not None:
            end = max(self._rel, self._fin)
        elif end == self._rel + 1:
            end = self._rel  # one byte past the end is how an unseen FIN is acknowledged
        if end > self._rel and self._base is not None:
            self._lose(end - self._rel)
        if self._pending_lost:
            runs.append(Run(self._last_ns, b"", self._pending_lost))
            self._pending_lost = 0
        return runs

    def forget(self) -> None:
        """Let go of all bytes that are kept, when nobody will ask for them; the counters stay."""
        self._held.clear()
        self._recent.clear()
        self._held_bytes = 0

    def _locate(self, seq: int) -> int:
        """Position of a sequence number relative to the base, less than 2 GiB from what is next."""
        assert self._base is not None
        ahead = (seq - self._base - self._rel) & _MASK
        return self._rel + (ahead if ahead < _HALF else ahead - _MASK - 1)

    def _deliver(self, ts_ns: int, data: bytes, size: int) -> Run:
        self._last_ns = ts_ns
        run = Run(ts_ns, data, self._pending_lost)
        self._pending_lost = 0
        self._recent.append(_Held(self._rel, self._rel + len(data), data, ts_ns))
        self._rel += len(data)
        self.delivered_bytes += len(data)
        if size > len(data):
            self._lose(size - len(data))
        return run

    def _lose(self, count: int) -> None:
        self._rel += count
        self._pending_lost += count
        self.lost_bytes += count

    def _place(self, new: _Held) -> list[Run]:
        """Put a segment that is not simply the next one where it belongs."""
        if not self._primed:
            if self._rel - LATE_BYTES <= new.start < self._rel:
                self.out_of_order += 1
                self._rel = self._first = new.start
            self._primed = bool(self._held)
        if new.start > self._rel + WINDOW_BYTES:
            return self._stray(new)
        if new.start < self._rel:
            if new.end - new.start <= 1 and new.end == self._rel:
                self.keepalives += 1
                return []
            if new.end < self._rel - WINDOW_BYTES:
                self.ignored_segments += 1
                return []
            shorter = self._cut_delivered(new)
            if shorter is None:
                return []
            new = shorter
        elif new.start > self._rel:
            self.out_of_order += 1
        self._stray_count = 0
        self._hold(new)
        return self._weigh_acks(new.ts_ns) if self._primed else []

    def _cut_delivered(self, new: _Held) -> _Held | None:
        """Remove what was delivered or declared lost before; None when nothing is left."""
        if new.start < self._first:
            self.late_bytes += min(new.end, self._first) - new.start
        self.duplicate_bytes += max(0, min(new.end, self._rel) - max(new.start, self._first))
        if any(_differ(new, old) for old in self._recent):
            self.overlap_conflicts += 1
        if new.end <= self._rel:
            return None
        return _between(new, self._rel, new.end)

    def _stray(self, new: _Held) -> list[Run]:
        """Follow segments far ahead: several in a row mean that the capture missed a long stretch."""
        self.ignored_segments += 1
        follows = 0 <= new.start - self._stray_end <= LATE_BYTES
        self._stray_count = self._stray_count + 1 if follows else 1
        self._stray_end = new.end
        if self._stray_count < RESYNC_SEGMENTS:
            return []
        self._stray_count = 0
        runs = self._drain(forced=True)
        self._lose(new.start - self._rel)
        runs.append(self._deliver(new.ts_ns, new.data, new.end - new.start))
        return runs

    def _hold(self, new: _Held) -> None:
        """Keep the parts of a segment that no waiting one has yet."""
        first = bisect_right(self._held, new.start, key=_start_of)
        if first and self._held[first - 1].end > new.start:
            first -= 1
        last = bisect_left(self._held, new.end, lo=first, key=_start_of)
        neighbors = self._held[first:last]
        if any(_differ(new, old) for old in neighbors):
            self.overlap_conflicts += 1
        if len(new.data) > 1:
            kept = [old for old in neighbors if old.data != _FILLER or old.start < new.start]
            self.duplicate_bytes += len(neighbors) - len(kept)
            neighbors = kept
        pieces: list[_Held] = []
        at = new.start
        for old in neighbors:
            if old.start > at:
                pieces.append(_between(new, at, old.start))
            pieces.append(old)
            self.duplicate_bytes += max(0, min(old.end, new.end) - max(old.start, at))
            at = max(at, old.end)
        if at < new.end:
            pieces.append(_between(new, at, new.end))
        self._held_bytes += _data_bytes(pieces) - _data_bytes(self._held[first:last])
        self._held[first:last] = pieces

    def _weigh_acks(self, ts_ns: int | None) -> list[Run]:
        """Declare the holes that were acknowledged long enough ago, and hand out what follows."""
        if ts_ns is None:
            self._acked = self._newest_ack
        elif self._newest_ack > self._acked:
            if self._young_ack > self._acked and abs(ts_ns - self._young_ns) >= ACK_GRACE_NS:
                self._acked = self._young_ack
            if self._young_ack <= self._acked:
                self._young_ack, self._young_ns = self._newest_ack, ts_ns
        return self._drain(forced=False)

    def _drain(self, *, forced: bool) -> list[Run]:
        """Deliver what waits: what is contiguous, and beyond holes that are lost."""
        runs: list[Run] = []
        taken = 0
        ts_ns = self._held[0].ts_ns if self._held else 0
        for held in self._held if self._primed else ():
            if held.start > self._rel:
                full = self._held_bytes > HELD_BYTES or len(self._held) - taken > HELD_SEGMENTS
                if not (forced or full or self._acked >= held.start):
                    break
                self._lose(held.start - self._rel)
            self._held_bytes -= len(held.data)
            ts_ns = max(ts_ns, held.ts_ns)
            runs.append(self._deliver(ts_ns, held.data, held.end - held.start))
            taken += 1
        del self._held[:taken]
        return runs


def _start_of(held: _Held) -> int:
    return held.start


def _data_bytes(held: list[_Held]) -> int:
    return sum(len(part.data) for part in held)


def _between(held: _Held, start: int, end: int) -> _Held:
    """The part of a segment from ``start`` to ``end``."""
    return _Held(start, end, held.data[start - held.start : end - held.start], held.ts_ns)


def _differ(one: _Held, other: _Held) -> bool:
    """Whether two copies of the same bytes disagree where both were captured."""
    start = max(one.start, other.start)
    end = min(one.start + len(one.data), other.start + len(other.data))
    mine = one.data[start - one.start : max(start, end) - one.start]
    return mine != other.data[start - other.start : max(start, end) - other.start]
