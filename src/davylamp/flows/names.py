"""Kernel helpers that read host names: TLS ClientHello, HTTP Host; and match them against pool domains.

Parsing stays within the one packet: a hello that segmentation cut keeps the names that are whole in its first
part. Every length is checked against the packet before it is followed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from davylamp.flows import layout as at
from davylamp.flows.layout import Table, Whole
from davylamp.flows.words import lower, mix_name
from davylamp.kernel import fused

LONGEST_NAME: Final = 255  # RFC 1035
MOST_EXTENSIONS: Final = 64  # judged: browsers send about twenty

Bytes = NDArray[np.uint8]


@fused
def read16(buffer: Bytes, p: Whole) -> int:
    """Big-endian 16-bit number; the caller has checked that it lies within the packet."""
    return int(np.int64(buffer[p]) << 8 | np.int64(buffer[p + 1]))


@fused
def is_client_hello(buffer: Bytes, p: Whole, stop: Whole) -> bool:
    """A TLS record with version 3.0 to 3.4 that begins with a ClientHello."""
    return bool(
        stop - p >= 11
        and buffer[p] == 0x16
        and buffer[p + 1] == 3
        and buffer[p + 2] <= 4
        and buffer[p + 5] == 1
        and buffer[p + 6] == 0
        and buffer[p + 9] == 3
    )


@fused
def is_tls_record(buffer: Bytes, p: Whole, stop: Whole) -> bool:
    """A TLS record header: known type, version 3.0 to 3.4, length within the protocol's limit."""
    return bool(
        stop - p >= 5
        and 0x14 <= buffer[p] <= 0x17
        and buffer[p + 1] == 3
        and buffer[p + 2] <= 4
        and 0 < read16(buffer, p + 3) <= 16384 + 256
    )


@fused
def read_hello(buffer: Bytes, at_byte: Whole, stop: Whole, scratch: NDArray[np.int64]) -> None:
    """Leave where the server name and the first ALPN of a ClientHello stand in ``scratch``."""
    scratch[at.NAME_LENGTH] = 0
    scratch[at.ALPN_LENGTH] = 0
    p: Whole = at_byte + 9 + 2 + 32  # record and handshake headers, version, random
    if p >= stop:
        return
    p += 1 + np.int64(buffer[p])  # session
    if p + 2 > stop:
        return
    p += 2 + read16(buffer, p)  # cipher suites
    if p >= stop:
        return
    p += 1 + np.int64(buffer[p]) + 2  # compression methods, length of the extensions
    for _ in range(MOST_EXTENSIONS):
        if p + 4 > stop:
            return
        kind, size = read16(buffer, p), read16(buffer, p + 2)
        p += 4
        if kind == 0 and size >= 5 and p + 5 <= stop:
            length: Whole = read16(buffer, p + 3)
            if buffer[p + 2] == 0 and length <= size - 5 and p + 5 + length <= stop:
                scratch[at.NAME_AT], scratch[at.NAME_LENGTH] = p + 5, length
        elif kind == 16 and size >= 3 and p + 3 <= stop:
            length = np.int64(buffer[p + 2])
            if length <= size - 3 and p + 3 + length <= stop:
                scratch[at.ALPN_AT], scratch[at.ALPN_LENGTH] = p + 3, length
        p += size


@fused
def trim_host(buffer: Bytes, scratch: NDArray[np.int64]) -> None:
    """Take the port, a trailing dot and the brackets of an IPv6 literal off the name in ``scratch``."""
    low = scratch[at.NAME_AT]
    high = low + scratch[at.NAME_LENGTH]
    if high > low and buffer[low] == 0x5B:  # [
        low += 1
        p = low
        while p < high and buffer[p] != 0x5D:
            p += 1
        high = p
    else:
        p = high
        while p > low and 0x30 <= buffer[p - 1] <= 0x39:
            p -= 1
        if p > low and buffer[p - 1] == 0x3A:
            high = p - 1
    if high > low and buffer[high - 1] == 0x2E:
        high -= 1
    scratch[at.NAME_AT], scratch[at.NAME_LENGTH] = low, high - low


@fused
def is_name(buffer: Bytes, low: int, high: int) -> bool:
    """Bytes that may stand in a host name: visible ASCII without quotes, at most 255."""
    if high <= low or high - low > LONGEST_NAME:
        return False
    for p in range(low, high):
        byte = buffer[p]
        if byte <= 0x20 or byte >= 0x7F or byte in (0x22, 0x5C):
            return False
    return True


@fused
def is_pool(table: Table, buffer: Bytes, low: int, high: int) -> bool:
    """Whether the name or a suffix of it that begins at a label is a pool domain."""
    pools = table.pools
    if pools.size == 0:
        return False
    h = table.seed[0]
    for p in range(high - 1, low - 1, -1):
        h = mix_name(h, lower(np.int64(buffer[p])))
        if p == low or buffer[p - 1] == 0x2E:
            first, last = 0, pools.size
            while first < last:
                middle = (first + last) >> 1
                if pools[middle] < h:
                    first = middle + 1
                else:
                    last = middle
            if first < pools.size and pools[first] == h:
                return True
    return False


@fused
def keep_name(table: Table, buffer: Bytes, slot: int) -> None:
    """Store the name in ``table.scratch`` with the flow; the first stays unless a later one is a pool's."""
    scratch, flow = table.scratch, table.flows[slot]
    low = scratch[at.NAME_AT]
    high = low + scratch[at.NAME_LENGTH]
    has_name = is_name(buffer, low, high)
    pool = has_name and is_pool(table, buffer, low, high)
    if not has_name and scratch[at.ALPN_LENGTH] == 0:
        return
    if flow.name != at.NOTHING and not (pool and not flow.bits & at.POOL_NAMED):
        return
    if pool:
        flow.bits |= at.POOL_NAMED
    if flow.name == at.NOTHING:
        flow.name = take_name(table)
        if flow.name == at.NOTHING:
            table.counters[at.NAMES_FULL] += 1
            return
    name = table.names[flow.name]
    name.size = 0
    name.cut = 0
    name.kind = scratch[at.NAME_KIND] if has_name else 0
    if has_name:
        name.cut = 1 if high - low > at.NAME_BYTES else 0
        low = max(low, high - at.NAME_BYTES)
        name.size = high - low
        for k in range(high - low):
            name.text[k] = lower(np.int64(buffer[low + k]))
    low = scratch[at.ALPN_AT]
    size = scratch[at.ALPN_LENGTH]
    name.alpn_size = 0
    if 0 < size <= at.ALPN_BYTES and is_name(buffer, low, low + size):
        name.alpn_size = size
        for k in range(size):
            name.alpn[k] = buffer[low + k]


@fused
def take_name(table: Table) -> int:
    """A free row for a name, or NOTHING."""
    clock = table.clock
    place = clock[at.FREE_NAME]
    if place != at.NOTHING:
        clock[at.FREE_NAME] = table.names[place].link
    elif clock[at.NAMES_USED] < table.names.size:
        place = clock[at.NAMES_USED]
        clock[at.NAMES_USED] += 1
    return int(place)
