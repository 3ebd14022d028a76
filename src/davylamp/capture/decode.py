"""Frames into columns: one pass over a chunk's frames, layer by layer, no allocation.

::

    frame ─▶ enter_link ─▶ cross_shim* ─▶ enter_ipv4/6 ─▶ enter_transport ─▶ row of columns
                 ▲                              │  │
                 └──────── a tunnel's inside ◀──┘  └─▶ fragment, for `davylamp.capture.fragments`
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.capture.link import cross_shim, enter_link
from davylamp.capture.network import enter_ipv4, enter_ipv6, enter_transport
from davylamp.capture.tunnels import enter_ip_tunnel, enter_udp_tunnel
from davylamp.capture.wire import (
    CARRIED,
    CUT,
    DEEP,
    FRAGMENT,
    GO,
    IPV4,
    IPV6,
    OUTCOMES,
    ROW,
    SNAPPED,
    Bytes,
    Frames,
    Packet,
    be32,
    be64,
)
from davylamp.kernel import inline, kernel
from davylamp.records import UDP

MAX_LAYERS: Final = 20  # judged: two tunnels with two VLAN tags each around them take 12
_MAPPED: Final = 0xFFFF << 32  # ::ffff:0:0/96


class Columns(NamedTuple):
    """What `decode` fills: the columns of a `davylamp.records.PacketBatch`, and which frame each row came from."""

    ts_ns: NDArray[np.int64]
    src_hi: NDArray[np.uint64]
    src_lo: NDArray[np.uint64]
    dst_hi: NDArray[np.uint64]
    dst_lo: NDArray[np.uint64]
    sport: NDArray[np.uint16]
    dport: NDArray[np.uint16]
    proto: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    seq: NDArray[np.uint32]
    ack: NDArray[np.uint32]
    payload_off: NDArray[np.int64]
    payload_len: NDArray[np.int32]
    wire_len: NDArray[np.int32]
    frame_len: NDArray[np.int32]
    frame: NDArray[np.int32]


COLUMN_TYPES: Final = (
    *(np.int64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint16, np.uint16, np.uint8, np.uint8),
    *(np.uint32, np.uint32, np.int64, np.int32, np.int32, np.int32, np.int32),
)


def blank_columns(count: int) -> Columns:
    """Room for ``count`` rows."""
    return Columns._make(np.zeros(count, kind) for kind in COLUMN_TYPES)


class Pieces(NamedTuple):
    """IP fragments met on the way, one row each, in capture order."""

    frame: NDArray[np.int32]
    header: NDArray[np.int64]  # IP header in the buffer
    start: NDArray[np.int64]  # fragment's payload in the buffer
    end: NDArray[np.int64]
    at: NDArray[np.int32]  # where in the datagram it belongs, bytes
    cut: NDArray[np.int32]  # bytes of it that the capture does not hold
    proto: NDArray[np.uint8]
    more: NDArray[np.bool_]
    is_v6: NDArray[np.bool_]


_PIECE_TYPES: Final = (
    *(np.int32, np.int64, np.int64, np.int64, np.int32, np.int32),
    *(np.uint8, np.bool_, np.bool_),
)


def blank_pieces(count: int) -> Pieces:
    """Room for ``count`` fragments."""
    return Pieces._make(np.zeros(count, kind) for kind in _PIECE_TYPES)


class Tally(NamedTuple):
    """How often each outcome was met, and the first frame that met it."""

    met: NDArray[np.int64]
    first: NDArray[np.int64]


def blank_tally() -> Tally:
    """A tally of nothing."""
    return Tally(np.zeros(OUTCOMES, np.int64), np.zeros(OUTCOMES, np.int64))


class Decoded(NamedTuple):
    """How much `decode` filled."""

    rows: int
    pieces: int


@kernel
def decode(
    data: Bytes, frames: Frames, count: int, columns: Columns, pieces: Pieces, tally: Tally, packet: Packet
) -> Decoded:
    """Decode the first ``count`` frames.

    Args:
        data: the chunk; every frame lies within it.
        frames: where the frames are.
        count: how many of them to read.
        columns: filled with TCP and UDP packets; at least ``count`` rows of room.
        pieces: filled with fragments; at least ``count`` rows of room.
        tally: outcomes are added to it.
        packet: scratch.
    """
    rows = 0
    found = 0
    for index in range(count):
        outcome = _decode_frame(data, frames, index, packet)
        if outcome == ROW:
            _write_row(data, frames, index, packet, columns, rows)
            rows += 1
        elif outcome == FRAGMENT:
            _write_piece(packet, pieces, found, index)
            found += 1
        snapped = frames.captured[index] < frames.original[index]
        if snapped:
            _count(tally, SNAPPED, index)
        if outcome >= CUT and not (snapped and outcome == CUT):
            _count(tally, outcome, index)
        elif packet.lies:
            _count(tally, packet.lies, index)
    return Decoded(rows, found)


@inline
def _count(tally: Tally, outcome: int, index: int) -> None:
    if tally.met[outcome] == 0:
        tally.first[outcome] = index
    tally.met[outcome] += 1


@inline
def _decode_frame(data: Bytes, frames: Frames, index: int, packet: Packet) -> int:
    """Bring one frame to its innermost TCP or UDP header; the outermost, where a UDP tunnel holds none."""
    packet.off = frames.offset[index]
    packet.end = packet.off + frames.captured[index]
    packet.wire_end = packet.off + frames.original[index]
    packet.lies = 0
    packet.outer_ip = -1
    packet.fragment_more = 0
    outcome = enter_link(data, packet, frames.link[index])
    if outcome == GO:
        outcome = _descend(data, packet, True)
    if outcome not in (ROW, FRAGMENT) and packet.outer_ip >= 0:
        packet.off = packet.outer_ip
        packet.end = packet.outer_end
        packet.wire_end = packet.outer_wire_end
        packet.next = packet.outer_next
        packet.lies = 0
        outcome = _descend(data, packet, False)
    return outcome


@inline
def _descend(data: Bytes, packet: Packet, into_udp: bool) -> int:
    """Read layers until one is the last; with ``into_udp`` also those in UDP tunnels."""
    for _ in range(MAX_LAYERS):
        kind, end, wire_end = packet.next, packet.end, packet.wire_end
        if kind == IPV4:
            outcome = enter_ipv4(data, packet)
        elif kind == IPV6:
            outcome = enter_ipv6(data, packet)
        else:
            outcome = cross_shim(data, packet)
        if outcome == FRAGMENT and packet.fragment_at == 0 and packet.end < packet.wire_end:
            outcome = CARRIED  # snapped, so it can never be put together: its header is worth having
        if outcome == CARRIED:
            outcome = enter_transport(data, packet)
            if outcome == GO:
                outcome = enter_ip_tunnel(data, packet)
            elif outcome == ROW and into_udp and packet.proto == UDP:
                outcome = enter_udp_tunnel(data, packet)
                if outcome == GO and packet.outer_ip < 0:
                    packet.outer_ip = packet.ip_off
                    packet.outer_next = kind
                    packet.outer_end = end
                    packet.outer_wire_end = wire_end
        if outcome != GO:
            return outcome
    return DEEP


@inline
def _write_row(data: Bytes, frames: Frames, index: int, packet: Packet, columns: Columns, row: int) -> None:
    at = packet.ip_off
    if packet.is_v6:
        columns.src_hi[row] = be64(data, at + 8)
        columns.src_lo[row] = be64(data, at + 16)
        columns.dst_hi[row] = be64(data, at + 24)
        columns.dst_lo[row] = be64(data, at + 32)
    else:
        columns.src_hi[row] = 0
        columns.src_lo[row] = _MAPPED | be32(data, at + 12)
        columns.dst_hi[row] = 0
        columns.dst_lo[row] = _MAPPED | be32(data, at + 16)
    columns.ts_ns[row] = frames.ts_ns[index]
    columns.sport[row] = packet.sport
    columns.dport[row] = packet.dport
    columns.proto[row] = packet.proto
    columns.flags[row] = packet.flags
    columns.seq[row] = packet.seq
    columns.ack[row] = packet.ack
    columns.payload_off[row] = packet.payload_off
    columns.payload_len[row] = packet.payload_len
    columns.wire_len[row] = packet.wire_len
    columns.frame_len[row] = frames.original[index]
    columns.frame[row] = index


@inline
def _write_piece(packet: Packet, pieces: Pieces, row: int, index: int) -> None:
    pieces.frame[row] = index
    pieces.header[row] = packet.ip_off
    pieces.start[row] = min(packet.off, packet.end)
    pieces.end[row] = packet.end
    pieces.at[row] = packet.fragment_at
    pieces.cut[row] = packet.wire_end - packet.end
    pieces.proto[row] = packet.next
    pieces.more[row] = packet.fragment_more
    pieces.is_v6[row] = packet.is_v6
