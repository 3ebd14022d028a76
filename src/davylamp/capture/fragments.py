"""IP fragments put together again, with bounded memory.

At most `MAX_HELD` datagrams and `MAX_HELD_BYTES` of their bytes wait at a time; the oldest give way. A datagram
whose parts overlap other than as exact copies is thrown away whole, as RFC 5722 demands for IPv6: honest senders
do not make them, and which part a victim believes cannot be known.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from davylamp.capture import faults
from davylamp.capture.decode import Pieces
from davylamp.capture.wire import Frames

MAX_HELD: Final = 1024  # judged: a busy NFS link has tens in flight
MAX_HELD_BYTES: Final = 16 << 20  # judged: MAX_HELD datagrams of 16 KiB
MAX_AGE_NS: Final = 30_000_000_000  # judged: Linux' own net.ipv4.ipfrag_time
_MAX_DATAGRAM: Final = 65_535


class Datagram(NamedTuple):
    """A whole datagram, as an IP packet without fragmentation."""

    frame: int  # row of the frame that completed it
    ts_ns: int
    frame_len: int  # summed over the frames that carried it
    data: bytes


class _Piece(NamedTuple):
    """One row of `Pieces` with what its frame knows."""

    frame: int
    header: int
    start: int
    end: int
    at: int
    cut: int
    proto: int
    more: bool
    is_v6: bool


class _Partial:
    """A datagram that is not whole yet; ``have`` has one bit per 8 bytes of it."""

    __slots__ = ("data", "first_ns", "frame_len", "have", "offset", "parts", "units")

    def __init__(self, first_ns: int, offset: int) -> None:
        self.first_ns = first_ns
        self.offset = offset  # in the file, of its first part
        self.data = bytearray()
        self.have = 0
        self.units = 0  # of 8 bytes, once the last part is known
        self.frame_len = 0
        self.parts = 0


class Reassembler:
    """Fragments in, whole datagrams out.

    Args:
        log: told of fragments that lead to nothing.
    """

    def __init__(self, log: faults.FaultLog) -> None:
        self._log = log
        self._held: OrderedDict[bytes, _Partial] = OrderedDict()
        self._held_bytes = 0

    def feed(self, data: memoryview, pieces: Pieces, count: int, frames: Frames, base: int) -> list[Datagram]:
        """Take ``count`` fragments; the datagrams that they complete, in order.

        Args:
            data: the chunk that the fragments lie in.
            pieces: the fragments.
            count: how many.
            frames: of the chunk, for times and lengths.
            base: offset in the file of ``data[0]``.
        """
        whole = []
        rows = pieces.frame[:count]
        times = frames.ts_ns[rows].tolist()
        lengths = frames.original[rows].tolist()
        offsets = frames.offset[rows].tolist()
        columns = [column[:count].tolist() for column in pieces]
        for row, ts_ns, length, offset in zip(
            zip(*columns, strict=True), times, lengths, offsets, strict=True
        ):
            piece = _Piece(*row)
            key = _key(data, piece)
            partial = self._place(key, data, piece, ts_ns, base + offset)
            if partial is None:
                continue
            partial.frame_len += length
            if partial.units and partial.have == (1 << partial.units) - 1:
                self._forget(key)
                packet = _rebuild(data, piece, partial)
                whole.append(Datagram(piece.frame, ts_ns, min(partial.frame_len, 0x7FFF_FFFF), packet))
        return whole

    def close(self) -> None:
        """End of the capture: what is not whole never will be."""
        for key in list(self._held):
            self._give_up(key, faults.LOST_FRAGMENT)

    def _place(self, key: bytes, data: memoryview, piece: _Piece, ts_ns: int, offset: int) -> _Partial | None:
        """Put a fragment's bytes where they belong; None when nothing came of it."""
        length = piece.end - piece.start
        if piece.cut > 0:
            self._log.add(faults.LOST_FRAGMENT, offset)
            return None
        header = 0 if piece.is_v6 else 20
        if length <= 0 or piece.at + length + header > _MAX_DATAGRAM or (piece.more and length & 7):
            self._log.add(faults.LYING_FRAGMENT, offset)
            return None
        partial = self._held.get(key)
        if partial is not None and abs(ts_ns - partial.first_ns) > MAX_AGE_NS:
            self._give_up(key, faults.LOST_FRAGMENT)
            partial = None
        if partial is None:
            partial = self._held[key] = _Partial(ts_ns, offset)
        partial.parts += 1
        first, units = piece.at >> 3, (length + 7) >> 3
        mask = ((1 << units) - 1) << first
        if partial.have & mask == mask:
            return partial  # a copy
        known_end = partial.units or first + units
        if (
            partial.have & mask
            or first + units > known_end
            or (not piece.more and partial.have >> (first + units))
        ):
            self._give_up(key, faults.LYING_FRAGMENT)
            return None
        partial.have |= mask
        if not piece.more:
            partial.units = first + units
        self._write(partial, piece, data)
        return partial

    def _write(self, partial: _Partial, piece: _Piece, data: memoryview) -> None:
        end = piece.at + piece.end - piece.start
        grown = end - len(partial.data)
        if grown > 0:
            partial.data.extend(bytes(grown))
            self._held_bytes += grown
        partial.data[piece.at : end] = data[piece.start : piece.end]
        while len(self._held) > MAX_HELD or self._held_bytes > MAX_HELD_BYTES:
            oldest = next(iter(self._held))
            if self._held[oldest] is partial:
                break
            self._give_up(oldest, faults.LOST_FRAGMENT)

    def _give_up(self, key: bytes, code: str) -> None:
        partial = self._forget(key)
        self._log.add(code, partial.offset, partial.parts)

    def _forget(self, key: bytes) -> _Partial:
        partial = self._held.pop(key)
        self._held_bytes -= len(partial.data)
        return partial


def _key(data: memoryview, piece: _Piece) -> bytes:
    """What fragments of one datagram share: addresses, identification, for IPv4 the protocol."""
    at = piece.header
    if piece.is_v6:  # the fragment header stands right before the payload
        return bytes(data[at + 8 : at + 40]) + bytes(data[piece.start - 4 : piece.start])
    head = bytes(data[at : at + 20])
    return head[12:] + head[4:6] + head[9:10]


def _rebuild(data: memoryview, piece: _Piece, partial: _Partial) -> bytes:
    """The datagram behind a plain header: no options, no extension headers, no fragmentation."""
    at = piece.header
    payload = bytes(partial.data)
    if piece.is_v6:
        head = bytes(data[at : at + 40])
        return head[:4] + len(payload).to_bytes(2, "big") + bytes([piece.proto]) + head[7:] + payload
    head = bytes(data[at : at + 20])
    total = (20 + len(payload)).to_bytes(2, "big")
    return b"\x45" + head[1:2] + total + head[4:6] + b"\0\0" + head[8:20] + payload
