"""From a chunk's frames to packet batches: decoding, faults, and the rows that fragments become.

Datagrams put together from fragments have no place in the chunk, so they are written into a tail behind it and
decoded there like frames of raw IP. Their rows stand where the fragment that completed them stood.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from davylamp.capture import faults
from davylamp.capture.decode import Columns, Decoded, Tally, blank_columns, blank_pieces, blank_tally, decode
from davylamp.capture.fragments import Datagram, Reassembler
from davylamp.capture.weaving import weave
from davylamp.capture.wire import (
    BAD_IP,
    BAD_LINK,
    BAD_TRANSPORT,
    CUT,
    DEEP,
    NO_INTERFACE,
    SNAPPED,
    Bytes,
    Frames,
    blank_frames,
    blank_packet,
)
from davylamp.kernel import prepared
from davylamp.records import PacketBatch

TAIL_BYTES: Final = 1 << 20  # judged: room for 16 datagrams of the largest size, hundreds of the usual
_TAIL_FRAMES: Final = 4096  # judged: datagrams of 256 bytes fill the tail
_RAW_IP_LINK: Final = 101

_CODES: Final = {
    CUT: faults.RUNT_FRAME,
    BAD_IP: faults.LYING_IP,
    BAD_TRANSPORT: faults.LYING_TRANSPORT,
    DEEP: faults.DEEP_TUNNEL,
    BAD_LINK: faults.UNREAD_LINK,
    SNAPPED: faults.SNAPPED_FRAME,
    NO_INTERFACE: faults.UNKNOWN_INTERFACE,
}


class Batcher:
    """Makes batches of the frames in one buffer.

    Args:
        data: the buffer; its last `TAIL_BYTES` are not the chunk's.
        frames: room for the frames that the walkers find; `batches` reads them from here.
        log: where faults go.
    """

    def __init__(self, data: Bytes, frames: Frames, log: faults.FaultLog) -> None:
        self._data = data
        self._frames = frames
        self._log = log
        self._columns = blank_columns(frames.offset.size)
        self._pieces = blank_pieces(frames.offset.size)
        self._tally = blank_tally()
        self._packet = blank_packet()
        self._reassembler = Reassembler(log)
        self._decode = prepared(decode)
        self._tail: _Tail | None = None

    def batches(self, count: int, base: int) -> Iterator[PacketBatch]:
        """Decode the first ``count`` frames; ``base`` is the file's offset of the buffer's first byte."""
        decoded = self._decode(
            self._data, self._frames, count, self._columns, self._pieces, self._tally, self._packet
        )
        log_tally(self._tally, self._frames, base, self._log)
        whole: list[Datagram] = []
        if decoded.pieces:
            whole = self._reassembler.feed(self._data, self._pieces, decoded.pieces, self._frames, base)
        if whole:
            yield from self._merge(decoded.rows, whole, base)
        else:
            yield from self._some(Columns._make(column[: decoded.rows] for column in self._columns))

    def close(self) -> None:
        """End of the capture."""
        self._reassembler.close()

    def _some(self, columns: Columns) -> Iterator[PacketBatch]:
        """The columns as the record that crosses the border, unless they are empty."""
        if columns.frame.size:
            yield PacketBatch(self._data, *columns[:-1])

    def _merge(self, rows: int, whole: list[Datagram], base: int) -> Iterator[PacketBatch]:
        """The decoded rows with those of datagrams in between; a batch ends where the tail is full."""
        waiting = deque(whole)
        tail = self._tail = self._tail or _Tail(self._data, self._log)
        frame_of_row = self._columns.frame[:rows]
        begin = 0
        while waiting:
            if not tail.fits(waiting[0]):
                end = int(np.searchsorted(frame_of_row, waiting[0].frame))
                yield from self._some(tail.merged(self._columns, begin, end))
                begin = end
                tail.clear()
            taken = [waiting.popleft()]
            tail.write(taken[0])
            while waiting and tail.fits(waiting[0]):
                taken.append(waiting.popleft())
                tail.write(taken[-1])
            carriers = self._frames.offset[[datagram.frame for datagram in taken]]
            found = tail.decode(taken, carriers, base)
            nested = self._reassembler.feed(self._data, tail.pieces, found.pieces, tail.carried, base)
            waiting.extendleft(d._replace(frame=taken[d.frame].frame) for d in reversed(nested))
        yield from self._some(tail.woven(self._columns, begin, rows))
        tail.clear()


class _Tail:
    """The reserved end of the buffer and the rows decoded out of it."""

    def __init__(self, data: Bytes, log: faults.FaultLog) -> None:
        self._data = data
        self._log = log
        self._columns = blank_columns(_TAIL_FRAMES)
        self._tally = blank_tally()
        self._packet = blank_packet()
        self._rows: list[Columns] = []
        self._at = data.size - TAIL_BYTES
        self._written = 0
        self._decode = prepared(decode)
        self._weave = prepared(weave)
        self.frames = blank_frames(_TAIL_FRAMES)
        self.carried = (
            self.frames
        )  # the same with places and lengths of the frames that carried the datagrams
        self.pieces = blank_pieces(_TAIL_FRAMES)

    def clear(self) -> None:
        """Give the room back; the batch that used it is done with."""
        self._at = self._data.size - TAIL_BYTES
        self._rows = []
        self._written = 0

    def fits(self, datagram: Datagram) -> bool:
        """Whether there is room for one more."""
        return self._at + len(datagram.data) <= self._data.size and self._written < _TAIL_FRAMES

    def write(self, datagram: Datagram) -> None:
        """Put a datagram into the buffer and enter it as a frame."""
        size = len(datagram.data)
        row = self._written
        self._data[self._at : self._at + size] = np.frombuffer(datagram.data, np.uint8)
        self.frames.offset[row] = self._at
        self.frames.captured[row] = self.frames.original[row] = size
        self.frames.ts_ns[row] = datagram.ts_ns
        self.frames.link[row] = _RAW_IP_LINK
        self._at += size
        self._written += 1

    def decode(self, taken: list[Datagram], carriers: NDArray[np.int64], base: int) -> Decoded:
        """Decode the datagrams just written; their rows are kept for `merged`.

        Args:
            taken: the datagrams.
            carriers: where the frames that completed them begin in the buffer.
            base: the file's offset of the buffer's first byte.
        """
        count = self._written
        found = self._decode(
            self._data, self.frames, count, self._columns, self.pieces, self._tally, self._packet
        )
        lengths = np.array([d.frame_len for d in taken], np.int32)
        origins = np.array([d.frame for d in taken], np.int32)
        self.carried = self.frames._replace(offset=carriers, original=lengths)
        log_tally(self._tally, self.carried, base, self._log)
        rows = Columns._make(column[: found.rows].copy() for column in self._columns)
        self._rows.append(rows._replace(frame_len=lengths[rows.frame], frame=origins[rows.frame]))
        self._written = 0
        return found

    def merged(self, columns: Columns, begin: int, end: int) -> Columns:
        """Rows ``begin`` to ``end`` of the chunk with the kept rows in between, in the order of their frames."""
        chunk = [column[begin:end] for column in columns]
        if not self._rows:
            return Columns._make(chunk)
        extra = self._kept()
        places = np.searchsorted(chunk[-1], extra.frame)
        pairs: list[tuple[Any, Any]] = list(zip(chunk, extra, strict=True))
        return Columns._make(np.insert(column, places, rows) for column, rows in pairs)

    def woven(self, columns: Columns, begin: int, end: int) -> Columns:
        """Like `merged`, in place: what stands behind ``end`` is lost. Several times as fast."""
        extra = self._kept() if self._rows else None
        if extra is not None and end + extra.frame.size <= columns.frame.size:
            places = np.searchsorted(columns.frame[begin:end], extra.frame)
            end = self._weave(columns, begin, end, extra, places)
        elif extra is not None:
            return self.merged(columns, begin, end)
        return Columns._make(column[begin:end] for column in columns)

    def _kept(self) -> Columns:
        """All rows kept since the tail was cleared."""
        return Columns._make(np.concatenate(parts) for parts in zip(*self._rows, strict=True))


def log_tally(tally: Tally, frames: Frames, base: int, log: faults.FaultLog) -> None:
    """Enter a tally's faults into the log and empty it."""
    for outcome, code in _CODES.items():
        count = int(tally.met[outcome])
        if count:
            first = int(tally.first[outcome])
            detail = f"LINKTYPE {int(frames.link[first])}" if outcome == BAD_LINK else ""
            log.add(code, base + int(frames.offset[first]), count, detail)
    tally.met[:] = 0
