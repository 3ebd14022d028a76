"""What the decoding kernels share: reading numbers off the wire, the packet under the cursor, the outcomes.

A helper here never checks a length: whoever calls it has checked that the bytes are there.
"""

from typing import Final, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from davylamp.kernel import inline

Bytes = NDArray[np.uint8]

# --- outcomes of a layer -----------------------------------------------------------------------------------

GO: Final = 0  # the cursor stands on the next layer, `Packet.next` names it
ROW: Final = 1  # a TCP or UDP packet, all fields filled
OTHER: Final = 2  # something sound that is neither TCP nor UDP
FRAGMENT: Final = 3  # part of an IP datagram
CARRIED: Final = 4  # the cursor stands behind an IP header, `Packet.next` is an IP protocol
# From here on outcomes are faults; `faults.FRAME_FAULTS` gives each its code.
CUT: Final = 5  # the frame ends within a header
BAD_IP: Final = 6  # an IP header that contradicts itself or the frame
BAD_TRANSPORT: Final = 7  # a TCP or UDP header that contradicts itself or its datagram
DEEP: Final = 8  # more layers than MAX_LAYERS
BAD_LINK: Final = 9  # a link type that is not read
SNAPPED: Final = 10  # the capture kept only the beginning of the frame
NO_INTERFACE: Final = 11  # pcapng: the packet names an interface that the section does not describe
OUTCOMES: Final = 12

# --- names of layers ---------------------------------------------------------------------------------------

IPV4: Final = 0x0800  # EtherTypes, as IANA lists them
IPV6: Final = 0x86DD
ETHERNET: Final = 0x6558
LLC: Final = -1  # not EtherTypes, so that they can never come off the wire
PPP: Final = -2
RAW_IP: Final = -3
NOTHING: Final = -4

UNREADABLE_LINK: Final = -1  # stands in `Frames.link` for an interface that was never described


class Packet(Protocol):
    """The packet under the cursor; at run time a numpy record of `PACKET`.

    ``end`` and ``wire_end`` bound the current layer: where the captured bytes end, and where they would end had
    the capture kept all that the wire carried. Positions index the chunk's buffer.
    """

    off: int
    end: int
    wire_end: int
    next: int  # EtherType or one of the layer names above; after an IP header the IP protocol
    lies: int  # fault that did not keep the packet from being read, or 0
    ip_off: int
    is_v6: int
    outer_ip: int  # IP header around a tunnel in UDP, -1 without
    outer_next: int
    outer_end: int
    outer_wire_end: int
    fragment_at: int  # fragment: position of its payload within the datagram, bytes
    fragment_more: int
    proto: int
    sport: int
    dport: int
    flags: int
    seq: int
    ack: int
    payload_off: int
    payload_len: int
    wire_len: int


PACKET: Final = np.dtype([(name, np.int64) for name in Packet.__annotations__], align=True)


def blank_packet() -> Packet:
    """A packet record for kernels to work in."""
    return cast(Packet, np.zeros(1, PACKET)[0])


class Frames(NamedTuple):
    """Link-layer frames found in a chunk, one row each, in capture order."""

    offset: NDArray[np.int64]  # of the frame's first byte in the buffer
    captured: NDArray[np.int32]  # bytes in the buffer
    original: NDArray[np.int32]  # bytes on the wire, clamped to 31 bits
    ts_ns: NDArray[np.int64]
    link: NDArray[np.int32]  # LINKTYPE_ number


def blank_frames(count: int) -> Frames:
    """Room for ``count`` frames."""
    return Frames(
        np.zeros(count, np.int64),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int64),
        np.zeros(count, np.int32),
    )


class Walked(NamedTuple):
    """How far a walker came."""

    frames: int  # rows of `Frames` filled
    position: int  # first byte in the buffer that is not consumed
    stopped: int  # one of the STOP_ values


STOP_NEED_MORE: Final = 0  # the next record is not whole in the buffer
STOP_FULL: Final = 1  # `Frames` is full
STOP_DAMAGED: Final = 2  # the record at ``position`` cannot be true
STOP_BLOCK: Final = 3  # pcapng: a block that Python reads stands at ``position``


# Positions become unsigned because numba spends a test per access on negative ones. Values go through `u8`, which
# makes them signed: numba takes a signed and an unsigned 64-bit number together for a float.


@inline
def u8(data: Bytes, at: int) -> int:
    """Unsigned 8 bits."""
    value: int = data[np.uint64(at)] + 0
    return value


@inline
def be16(data: Bytes, at: int) -> int:
    """Unsigned 16 bits, most significant byte first."""
    return (u8(data, at) << 8) | u8(data, at + 1)


@inline
def be32(data: Bytes, at: int) -> int:
    """Unsigned 32 bits, most significant byte first."""
    return (be16(data, at) << 16) | be16(data, at + 2)


@inline
def le32(data: Bytes, at: int) -> int:
    """Unsigned 32 bits, least significant byte first."""
    high = (u8(data, at + 3) << 8) | u8(data, at + 2)
    low = (u8(data, at + 1) << 8) | u8(data, at)
    return (high << 16) | low


@inline
def u32(data: Bytes, at: int, big: bool) -> int:
    """Unsigned 32 bits in the byte order of the file's writer."""
    return be32(data, at) if big else le32(data, at)


@inline
def be64(data: Bytes, at: int) -> int:
    """64 bits, most significant byte first; the sign bit is the top bit."""
    return (be32(data, at) << 32) | be32(data, at + 4)
