"""Kernels that put IP fragments together, in the memory of `davylamp.capture.holding`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.capture.decode import Pieces
from davylamp.capture.holding import (
    BLOCK,
    BLOCK_BYTES,
    BUCKETS,
    EVENTS,
    FREE,
    HELD,
    LOST,
    LYING,
    MAX_AGE_NS,
    MAX_DATAGRAM,
    NEWEST,
    NONE,
    OLDEST,
    SEED,
    V6,
    Held,
    Memory,
    Number,
)
from davylamp.capture.wire import Bytes, Frames, be16, be32, be64
from davylamp.kernel import fused, kernel


class Gathered(NamedTuple):
    """How far `gather` came."""

    pieces: int
    wholes: int


@fused
def complain(memory: Memory, kind: int, offset: int, count: int) -> None:
    """Count fragments that led to nothing."""
    held, faulty = memory.held, memory.faulty
    if faulty.met[kind] == 0:
        faulty.first[kind] = offset
        faulty.order[kind] = held.state[EVENTS]
    faulty.met[kind] += count
    held.state[EVENTS] += 1


@fused
def bucket_of(held: Held, key: NDArray[np.int64]) -> int:
    """Where a key's rows are chained."""
    h = np.uint64(held.state[SEED])
    for k in range(5):
        h = (h ^ np.uint64(key[k])) * np.uint64(0x9E3779B97F4A7C15)
        h ^= h >> np.uint64(29)
    return int(h & np.uint64(BUCKETS - 1))


@fused
def read_key(data: Bytes, pieces: Pieces, i: int, key: NDArray[np.int64]) -> None:
    """What fragments of one datagram share: addresses, identification, for IPv4 the protocol."""
    at = pieces.header[i]
    if pieces.is_v6[i]:  # the fragment header stands right before the payload
        for k in range(4):
            key[k] = be64(data, at + 8 + 8 * k)
        key[4] = V6 | be32(data, pieces.start[i] - 4)
    else:
        key[0] = key[2] = 0
        key[1], key[3] = be32(data, at + 12), be32(data, at + 16)
        key[4] = be16(data, at + 4) << 8 | np.int64(data[at + 9])


@fused
def find(held: Held, key: NDArray[np.int64], bucket: int) -> int:
    """The row with this key, or -1."""
    row = np.int64(held.bucket[bucket])
    while row != NONE:
        same = True
        for k in range(5):
            same = same and held.key[row, k] == key[k]
        if same:
            break
        row = np.int64(held.chain[row])
    return int(row)


@fused
def take(held: Held, key: NDArray[np.int64], bucket: int, ts_ns: int, offset: int) -> int:
    """Begin a datagram in a free row; there is one."""
    state = held.state
    row = state[FREE]
    state[FREE] = held.newer[row]
    state[HELD] += 1
    for k in range(5):
        held.key[row, k] = key[k]
    held.first_ns[row], held.offset[row] = ts_ns, offset
    held.frame_len[row] = held.parts[row] = held.units[row] = 0
    held.size[row] = held.reach[row] = held.came[row] = 0
    held.chain[row] = held.bucket[bucket]
    held.bucket[bucket] = row
    held.older[row] = state[NEWEST]
    held.newer[row] = NONE
    if state[NEWEST] != NONE:
        held.newer[state[NEWEST]] = row
    else:
        state[OLDEST] = row
    state[NEWEST] = row
    return int(row)


@fused
def unlink_age(held: Held, row: int) -> None:
    """Take a row out of the order of age."""
    older, newer = np.int64(held.older[row]), np.int64(held.newer[row])
    if older != NONE:
        held.newer[older] = newer
    else:
        held.state[OLDEST] = newer
    if newer != NONE:
        held.older[newer] = older
    else:
        held.state[NEWEST] = older


@fused
def release(held: Held, row: int, bucket: int) -> None:
    """Free a row and its blocks, and leave its bits zero."""
    state = held.state
    for word in range((held.reach[row] + 63) >> 6):
        held.have[row, word] = 0
    for k in range((held.size[row] + BLOCK_BYTES - 1) // BLOCK_BYTES):
        if held.place[row, k] != NONE:
            held.free[state[BLOCK]] = held.place[row, k]
            held.place[row, k] = NONE
            state[BLOCK] += 1
    if held.bucket[bucket] == row:
        held.bucket[bucket] = held.chain[row]
    else:
        before = np.int64(held.bucket[bucket])
        while held.chain[before] != row:
            before = np.int64(held.chain[before])
        held.chain[before] = held.chain[row]
    unlink_age(held, row)
    held.newer[row] = state[FREE]
    state[FREE] = row
    state[HELD] -= 1


@fused
def forget_oldest(memory: Memory, but: int) -> None:
    """Drop the oldest datagram that is not in row ``but``."""
    held = memory.held
    row = held.state[OLDEST]
    if row == but:
        row = np.int64(held.newer[row])
    complain(memory, LOST, held.offset[row], held.parts[row])
    release(held, row, bucket_of(held, held.key[row]))


@fused
def judge(held: Held, row: int, first: Number, units: Number, more: bool) -> int:
    """1 when a part is new, 0 when it is a copy, -1 when it contradicts what came before."""
    taken: Number = 0
    for unit in range(first, first + units):
        word = held.have[row, unit >> 6]
        taken += np.int64((word >> np.uint64(unit & 63)) & np.uint64(1))
    if taken == units:
        return 0
    end = first + units
    if taken or 0 < held.units[row] < end or (not more and held.reach[row] > end):
        return -1
    return 1


@fused
def store(memory: Memory, row: int, data: Bytes, start: Number, at: Number, length: Number) -> None:
    """Put a new part's bytes where they belong and note its units."""
    held = memory.held
    first, end = at >> 3, (at + length + 7) >> 3
    for unit in range(first, end):
        held.have[row, unit >> 6] |= np.uint64(1) << np.uint64(unit & 63)
    held.came[row] += end - first
    held.reach[row] = max(held.reach[row], end)
    held.size[row] = max(held.size[row], at + length)
    done: Number = 0
    while done < length:
        k, within = (at + done) // BLOCK_BYTES, (at + done) % BLOCK_BYTES
        if held.place[row, k] == NONE:
            while held.state[BLOCK] == 0:
                forget_oldest(memory, row)
            held.state[BLOCK] -= 1
            held.place[row, k] = held.free[held.state[BLOCK]]
        block = held.place[row, k]
        many = min(BLOCK_BYTES - within, length - done)
        for j in range(many):
            held.blocks[block, within + j] = data[start + done + j]
        done += many


@fused
def write_whole(memory: Memory, row: int, data: Bytes, pieces: Pieces, i: int, n: int) -> None:
    """The datagram behind a plain header: no options, no extension headers, no fragmentation."""
    held, out = memory.held, memory.whole
    at, size = pieces.header[i], held.size[row]
    begin = out.end[n - 1] if n else 0
    head = 40 if pieces.is_v6[i] else 20
    for k in range(head):
        out.data[begin + k] = data[at + k]
    if pieces.is_v6[i]:
        out.data[begin + 4], out.data[begin + 5] = size >> 8, size & 0xFF
        out.data[begin + 6] = pieces.proto[i]
    else:
        out.data[begin] = 0x45
        out.data[begin + 2], out.data[begin + 3] = (size + 20) >> 8, (size + 20) & 0xFF
        out.data[begin + 6] = out.data[begin + 7] = 0
    for k in range(size):
        block = held.place[row, k // BLOCK_BYTES]
        out.data[begin + head + k] = held.blocks[block, k % BLOCK_BYTES]
    out.frame[n] = pieces.frame[i]
    out.frame_len[n] = min(held.frame_len[row], 0x7FFF_FFFF)
    out.end[n] = begin + head + size


@fused
def add_piece(memory: Memory, data: Bytes, pieces: Pieces, i: int, ts_ns: int, offset: int) -> int:
    """Take fragment ``i``; the row of its datagram, -1 when nothing came of it."""
    held = memory.held
    at, length = pieces.at[i], np.int64(pieces.end[i] - pieces.start[i])
    more = bool(pieces.more[i])
    if pieces.cut[i] > 0:
        complain(memory, LOST, offset, 1)
        return NONE
    header = 0 if pieces.is_v6[i] else 20
    if length <= 0 or at + length + header > MAX_DATAGRAM or (more and length & 7):
        complain(memory, LYING, offset, 1)
        return NONE
    key = held.scratch
    read_key(data, pieces, i, key)
    bucket = bucket_of(held, key)
    row = find(held, key, bucket)
    if row != NONE and abs(ts_ns - held.first_ns[row]) > MAX_AGE_NS:
        complain(memory, LOST, held.offset[row], held.parts[row])
        release(held, row, bucket)
        row = NONE
    if row == NONE:
        if held.state[FREE] == NONE:
            forget_oldest(memory, NONE)
        row = take(held, key, bucket, ts_ns, offset)
    held.parts[row] += 1
    first, units = at >> 3, (length + 7) >> 3
    verdict = judge(held, row, first, units, more)
    if verdict < 0:
        complain(memory, LYING, held.offset[row], held.parts[row])
        release(held, row, bucket)
        return NONE
    if verdict > 0:
        if not more:
            held.units[row] = first + units
        store(memory, row, data, pieces.start[i], at, length)
    return int(row)


@kernel
def gather(
    memory: Memory, data: Bytes, pieces: Pieces, begin: int, count: int, frames: Frames, base: int
) -> Gathered:
    """Take fragments ``begin`` to ``count``, as long as there is room for what they complete.

    Args:
        memory: what waits; told of fragments that lead to nothing; ``whole`` is filled from its first row on.
        data: the chunk that the fragments lie in.
        pieces: the fragments.
        begin: the first to take.
        count: how many there are.
        frames: of the chunk, for times and lengths.
        base: offset in the file of ``data[0]``.
    """
    held, out, wholes = memory.held, memory.whole, 0
    for i in range(begin, count):
        filled = out.end[wholes - 1] if wholes else 0
        if wholes == out.frame.size or filled + MAX_DATAGRAM + 40 > out.data.size:
            return Gathered(i, wholes)
        frame = pieces.frame[i]
        row = add_piece(memory, data, pieces, i, frames.ts_ns[frame], base + frames.offset[frame])
        if row == NONE:
            continue
        held.frame_len[row] += frames.original[frame]
        if held.units[row] and held.came[row] == held.units[row]:
            write_whole(memory, row, data, pieces, i, wholes)
            release(held, row, bucket_of(held, held.key[row]))
            wholes += 1
    return Gathered(count, wholes)


@kernel
def give_up_all(memory: Memory) -> int:
    """Drop what is held; how many datagrams that were."""
    count = memory.held.state[HELD]
    while memory.held.state[HELD]:
        forget_oldest(memory, NONE)
    return int(count)
