"""Walking pcapng: blocks within sections, packets from several interfaces.

Packets are walked by a kernel; the rare blocks that describe sections and interfaces are read in Python.

Source    draft-ietf-opsawg-pcapng
"""

import struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.capture import faults
from davylamp.capture.interfaces import (
    MAX_INTERFACES,
    MIN_BLOCK_BYTES,
    Interfaces,
    blank_interfaces,
    nanoseconds,
    read_interface,
)
from davylamp.capture.wire import (
    STOP_BLOCK,
    STOP_DAMAGED,
    STOP_FULL,
    STOP_NEED_MORE,
    UNREADABLE_LINK,
    Bytes,
    Frames,
    Walked,
    le32,
    u32,
)
from davylamp.kernel import inline, kernel, prepared

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET_OLD: Final = 2
_PACKET_SIMPLE: Final = 3
_PACKET: Final = 6


class Section(NamedTuple):
    """What the walker knows of the section it is in."""

    big: bool
    interfaces: int
    limit: int  # a longer block cannot be read
    last_ns: int  # time of the packet before, for simple packets, which carry none


def parse_section(block: bytes) -> bool | None:
    """Byte order of a section header block's first 12 bytes: True for big-endian, None when it is no section."""
    if block[:4] != MAGIC or len(block) < 12:
        return None
    if struct.unpack("<I", block[8:12])[0] == _BYTE_ORDER_MAGIC:
        return False
    return True if struct.unpack(">I", block[8:12])[0] == _BYTE_ORDER_MAGIC else None


@kernel
def walk_pcapng(
    data: Bytes,
    start: int,
    stop: int,
    section: Section,
    interfaces: Interfaces,
    frames: Frames,
    damage: NDArray[np.int64],
) -> Walked:
    """List the packets in the blocks that lie whole within ``data[start:stop]``.

    Args:
        data: the chunk.
        start: a block's first byte.
        stop: end of the bytes.
        section: of the blocks.
        interfaces: of the section.
        frames: filled.
        damage: [count, position of the first] of packet blocks that lie about their packet.
    """
    at, count = start, 0
    big, last_ns = section.big, section.last_ns
    while at + 12 <= stop:
        if count == frames.offset.size:
            return Walked(count, at, STOP_FULL)
        kind = u32(data, at, big)
        if kind in (_SECTION, _INTERFACE):
            return Walked(count, at, STOP_BLOCK)
        length = u32(data, at + 4, big)
        if length < 12 or length & 3 or length > section.limit:
            return Walked(count, at, STOP_DAMAGED)
        if at + length > stop:
            break
        if u32(data, at + length - 4, big) != length:
            return Walked(count, at, STOP_DAMAGED)
        block = at
        at += length
        if kind not in (_PACKET, _PACKET_SIMPLE, _PACKET_OLD):
            continue
        captured = _captured_of(data, block, kind, big, interfaces.snaplen[0])
        if captured < 0:
            damage[1] = block if damage[0] == 0 else damage[1]
            damage[0] += 1
            continue
        number = _interface_of(data, block, kind, big)
        is_known = number < section.interfaces
        if kind != _PACKET_SIMPLE:  # which carries no time
            row = number if is_known else 0
            ticks = (u32(data, block + 12, big) << 32) | u32(data, block + 16, big)
            last_ns = nanoseconds(
                ticks, interfaces.scale[row], interfaces.binary[row], interfaces.offset_ns[row]
            )
        body = block + (12 if kind == _PACKET_SIMPLE else 28)
        frames.offset[count] = body
        frames.captured[count] = captured
        frames.original[count] = min(max(u32(data, body - 4, big), captured), 0x7FFF_FFFF)
        frames.ts_ns[count] = last_ns
        frames.link[count] = interfaces.link[number] if is_known else UNREADABLE_LINK
        count += 1
    return Walked(count, at, STOP_NEED_MORE)


# The helpers take numbers, not tables: numba passes a tuple of arrays by copying dozens of words.


@inline
def _interface_of(data: Bytes, at: int, kind: int, big: bool) -> int:
    """Which interface the packet block at ``at`` came in on."""
    if kind == _PACKET_SIMPLE:
        return 0
    number = u32(data, at + 8, big)
    if kind == _PACKET_OLD:  # 16 bits of interface, then a count of drops
        return number >> 16 if big else number & 0xFFFF
    return number


@inline
def _captured_of(data: Bytes, at: int, kind: int, big: bool, snaplen: int) -> int:
    """How many bytes of its packet the block at ``at`` holds; -1 when it contradicts itself."""
    length = u32(data, at + 4, big)
    if kind == _PACKET_SIMPLE:
        if length < 16:
            return -1
        captured = min(u32(data, at + 8, big), length - 16)
        return snaplen if 0 < snaplen < captured else captured
    if length < 32:
        return -1
    captured = u32(data, at + 20, big)
    return captured if captured <= length - 32 else -1


@kernel
def find_block(data: Bytes, start: int, stop: int, limit: int, big: bool) -> int:
    """The first position from ``start`` on of a block whose two lengths agree; -1 when there is none.

    A section header is taken in either byte order; of other blocks only packets and interfaces are taken, since
    their types are rare among random bytes.
    """
    for at in range(start, stop - 12):
        kind = u32(data, at, big)
        if kind == _SECTION:
            if _has_magic(data, at):
                return at
            continue
        if kind not in (_PACKET, _INTERFACE, _PACKET_SIMPLE, _PACKET_OLD):
            continue
        length = u32(data, at + 4, big)
        if (
            12 <= length <= limit
            and not length & 3
            and at + length <= stop
            and u32(data, at + length - 4, big) == length
        ):
            return at
    return -1


@inline
def _has_magic(data: Bytes, at: int) -> bool:
    """Whether a section header's byte-order magic stands at ``at + 8``."""
    return at + 12 <= data.size and le32(data, at + 8) in (_BYTE_ORDER_MAGIC, 0x4D3C2B1A)


class PcapngWalker:
    """Finds the packets among the blocks of a pcapng stream.

    Args:
        limit: a longer block cannot be read, bytes.
        log: told of damaged blocks.
    """

    damage_code = faults.LYING_BLOCK

    def __init__(self, limit: int, log: faults.FaultLog) -> None:
        self._section = Section(False, 0, limit, 0)
        self._interfaces = blank_interfaces()
        self._damage = np.zeros(2, np.int64)
        self._log = log
        self._walk = prepared(walk_pcapng)

    def walk(self, data: Bytes, start: int, stop: int, frames: Frames, base: int) -> Walked:
        """List the frames whose blocks lie whole within ``data[start:stop]``."""
        described = self._take_descriptions(data, start, stop, base)
        if described.stopped != STOP_BLOCK:
            return described
        walked = self._walk(
            data, described.position, stop, self._section, self._interfaces, frames, self._damage
        )
        if walked.frames:
            self._section = self._section._replace(last_ns=int(frames.ts_ns[walked.frames - 1]))
        if self._damage[0]:
            self._log.add(faults.LYING_BLOCK, base + int(self._damage[1]), int(self._damage[0]))
            self._damage[0] = 0
        return walked

    def resume(self, data: Bytes, start: int, stop: int) -> int:
        """The next sound block from ``start`` on; -1 when there is none."""
        return find_block(data, start, stop, self._section.limit, self._section.big)

    def _take_descriptions(self, data: Bytes, start: int, stop: int, base: int) -> Walked:
        """Read the section and interface blocks that stand in a row at ``start``."""
        at = start
        while at + 12 <= stop:
            head = data[at : at + 12].tobytes()
            is_section = head[:4] == MAGIC
            big = parse_section(head) if is_section else self._section.big
            if big is None:
                return Walked(0, at, STOP_DAMAGED)
            kind, length = struct.unpack_from(">II" if big else "<II", head)
            if not is_section and kind != _INTERFACE:
                break
            if length < 12 or length & 3 or length > self._section.limit:
                return Walked(0, at, STOP_DAMAGED)
            if at + length > stop:
                return Walked(0, at, STOP_NEED_MORE)
            block = data[at : at + length].tobytes()
            if block[-4:] != block[4:8]:
                return Walked(0, at, STOP_DAMAGED)
            if is_section:
                self._section = self._section._replace(big=big, interfaces=0)
            elif not self._describe(block):
                self._log.add(faults.BAD_DESCRIPTION, base + at)
            at += length
        return Walked(0, at, STOP_BLOCK)

    def _describe(self, block: bytes) -> bool:
        """Enter an interface; a damaged one keeps its place so that the numbers of the others stay right."""
        row = self._section.interfaces
        if row == MAX_INTERFACES:
            return False
        self._section = self._section._replace(interfaces=row + 1)
        if len(block) < MIN_BLOCK_BYTES:
            self._interfaces.link[row] = UNREADABLE_LINK
            return False
        return read_interface(block, self._section.big, self._interfaces, row)
