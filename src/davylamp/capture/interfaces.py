"""Interfaces of a pcapng section: link type, snapshot length, and what their time stamps mean.

Source    draft-ietf-opsawg-pcapng section 4.2
"""

import struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.kernel import inline

MAX_INTERFACES: Final = 4096  # judged: a hostile section may describe millions
MIN_BLOCK_BYTES: Final = 20
MAX_NS: Final = 2**63 - 1
_OPTION_TSRESOL: Final = 9
_OPTION_TSOFFSET: Final = 14


class Interfaces(NamedTuple):
    """The interfaces of the current section, one row each."""

    link: NDArray[np.int32]
    snaplen: NDArray[np.int64]
    scale: NDArray[np.int64]  # > 0: nanoseconds per tick; < 0: ticks per nanosecond; 0: binary fractions
    binary: NDArray[np.int64]  # with scale 0, a tick is 2**-binary s
    offset_ns: NDArray[np.int64]


def blank_interfaces() -> Interfaces:
    """Room for `MAX_INTERFACES`."""
    return Interfaces(
        np.zeros(MAX_INTERFACES, np.int32),
        np.zeros(MAX_INTERFACES, np.int64),
        np.zeros(MAX_INTERFACES, np.int64),
        np.zeros(MAX_INTERFACES, np.int64),
        np.zeros(MAX_INTERFACES, np.int64),
    )


def read_interface(block: bytes, big: bool, table: Interfaces, row: int) -> bool:
    """Enter the interface that ``block`` describes; False when its options are damaged.

    The block is whole and at least `MIN_BLOCK_BYTES` long.
    """
    order = ">" if big else "<"
    link, _, snaplen = struct.unpack_from(order + "HHI", block, 8)
    table.link[row], table.snaplen[row] = link, snaplen
    table.scale[row], table.binary[row], table.offset_ns[row] = 1000, 0, 0
    at, end = 16, len(block) - 4
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", block, at)
        at += 4
        if code == 0:
            return True
        if at + length > end:
            return False
        if code == _OPTION_TSRESOL and length == 1:
            table.scale[row], table.binary[row] = tick_of(block[at])
        elif code == _OPTION_TSOFFSET and length == 8:
            seconds = struct.unpack_from(order + "q", block, at)[0]
            table.offset_ns[row] = max(-(2**62), min(2**62, seconds * 1_000_000_000))
        at += (length + 3) & ~3
    return True


def tick_of(resolution: int) -> tuple[int, int]:
    """Columns ``scale`` and ``binary`` for an ``if_tsresol`` byte.

    Finer decimal ticks than 10**-27 s would divide by more than 64 bits hold; such time stamps are all zero.
    """
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return 0, exponent
    if exponent <= 9:
        return int(10 ** (9 - exponent)), 0
    return -int(10 ** min(exponent - 9, 18)), 0


@inline
def nanoseconds(ticks: int, scale: int, binary: int, offset_ns: int) -> int:
    """Ticks of an interface as Unix nanoseconds, held at the end of what 63 bits express.

    Ticks are 64 unsigned bits on the wire; here a top bit shows as a negative number.
    """
    if scale > 0:
        if ticks < 0 or ticks > MAX_NS // scale:
            return MAX_NS
        value = ticks * scale
    elif scale < 0:
        value = ((ticks >> 1) & MAX_NS) // (-scale >> 1)  # powers of ten are even, so halving both is exact
    else:
        value = _binary_nanoseconds(ticks, binary)
    if offset_ns > 0 and value > MAX_NS - offset_ns:
        return MAX_NS
    return value + offset_ns


@inline
def _binary_nanoseconds(ticks: int, bits: int) -> int:
    """Ticks of 2**-bits s; fractions are cut to 30 bits so that the product fits, an error below 1 ns."""
    if ticks < 0:
        if bits == 0:
            return MAX_NS
        ticks = (ticks >> 1) & MAX_NS
        bits -= 1
    if bits > 62:
        ticks >>= min(bits - 62, 63)
        bits = 62
    seconds = ticks >> bits
    if seconds > MAX_NS // 1_000_000_000 - 1:
        return MAX_NS
    fraction = ticks - (seconds << bits)
    if bits > 30:
        fraction >>= bits - 30
        bits = 30
    return seconds * 1_000_000_000 + ((fraction * 1_000_000_000) >> bits)
