"""Kernel helpers on the flow table: find, take, evict, sweep, end.

Meter time. Captures lie about time: merged files jump by months, two taps differ by hours. A sweep that
trusted the packet's own clock would expire every live flow at the first jump. So the sweep runs on meter
time, which advances with the newest capture time only while steps stay within the TCP idle time; a larger
step, forward or back, begins a new era and advances nothing. A flow's own silence is judged on its own
packets: more than its idle time between two of them, forward or back, and the second begins a new flow.

All work is driven by packets, never by batches, so that cutting the input elsewhere changes no row.
"""

from typing import Any, Final

import numpy as np

from davylamp.flows import layout as at
from davylamp.flows.layout import Out, Table
from davylamp.kernel import fused, prefetch
from davylamp.records import TCP, PacketBatch

SWEEP_EVERY: Final = 4  # judged: packets per swept row; a full default table takes 2 M packets
EVICT_LOOK: Final = 8  # judged: rows compared for a victim; the best of eight is near the oldest eighth
EVICT_LOOK_HELD: Final = 128  # judged: rows looked at before a held flow is evicted
LONGEST_RUN_PACKETS: Final = 1 << 31  # a part ends before 32-bit counts can wrap

_M1: Final = np.uint64(0x9E3779B97F4A7C15)
_M2: Final = np.uint64(0xD6E8FEB86659FD93)
_S29: Final = np.uint64(29)
_S32: Final = np.uint64(32)
_S16: Final = np.uint64(16)
_LOW32: Final = np.uint64(0xFFFFFFFF)
_ONE: Final = np.uint64(1)
_ZERO: Final = np.uint64(0)


@fused
def load_key(table: Table, batch: PacketBatch, i: int) -> None:
    """Put packet ``i``'s key, its ends in order of address, into ``table.keys`` and call its index entry near.

    Which end sends is as good as random, so nothing here branches on it.
    """
    key = table.keys[i & (at.KEYS_AHEAD - 1)]
    s_hi, s_lo = batch.src_hi[i], batch.src_lo[i]
    d_hi, d_lo = batch.dst_hi[i], batch.dst_lo[i]
    s_port, d_port = np.uint64(batch.sport[i]), np.uint64(batch.dport[i])
    side = (s_hi > d_hi) | ((s_hi == d_hi) & ((s_lo > d_lo) | ((s_lo == d_lo) & (s_port > d_port))))
    swap = _ZERO - np.uint64(side)  # all bits or none
    high, low, port = (s_hi ^ d_hi) & swap, (s_lo ^ d_lo) & swap, (s_port ^ d_port) & swap
    s_hi, s_lo, s_port = s_hi ^ high, s_lo ^ low, s_port ^ port
    d_hi, d_lo, d_port = d_hi ^ high, d_lo ^ low, d_port ^ port
    ports = (s_port << _S32) | (d_port << _S16) | np.uint64(batch.proto[i])
    key[at.KEY_A_HI], key[at.KEY_A_LO] = s_hi, s_lo
    key[at.KEY_B_HI], key[at.KEY_B_LO] = d_hi, d_lo
    key[at.KEY_PORTS] = ports
    h = (table.seed[0] ^ s_lo) * _M1
    h = ((h ^ (h >> _S29)) ^ d_lo) * _M2
    h = ((h ^ (h >> _S32)) ^ ports) * _M1
    h = ((h ^ (h >> _S29)) ^ s_hi) * _M2
    h = ((h ^ (h >> _S32)) ^ d_hi) * _M1
    key[at.KEY_HASH] = h >> _S32
    key[at.KEY_SIDE] = np.uint64(side)
    prefetch(table.lookup, (h >> _S32) & np.uint64(table.lookup.size - 1), 0)


@fused
def side_of(table: Table, i: int) -> int:
    """Which end sends packet ``i``: 0 for a, 1 for b."""
    return int(np.int64(table.keys[i & (at.KEYS_AHEAD - 1), at.KEY_SIDE]))


@fused
def call_flow(table: Table, i: int) -> None:
    """Call near the row that the index names first for packet ``i``'s key; a guess that `find` does not rely on."""
    key = table.keys[i & (at.KEYS_AHEAD - 1)]
    guess = table.lookup[key[at.KEY_HASH] & np.uint64(table.lookup.size - 1)] & _LOW32
    key[at.KEY_GUESS] = guess
    slot = np.int64(guess) - 1  # a row before the first, where there is none, does no harm
    prefetch(table.flows, slot, 0)
    prefetch(table.flows, slot, 64)
    prefetch(table.sides, slot, 64 * np.int64(key[at.KEY_SIDE]))


@fused
def call_beats(table: Table, i: int) -> None:
    """Call near where the flow guessed for packet ``i`` keeps its next beat."""
    slot = int(np.int64(table.keys[i & (at.KEYS_AHEAD - 1), at.KEY_GUESS])) - 1
    flow = table.flows[max(slot, 0)]
    prefetch(table.beats, flow.beat_tail, 8 * (flow.beats % at.BLOCK_BEATS))


@fused
def find(table: Table, i: int) -> int:
    """Slot of the flow under packet ``i``'s key, or NOTHING."""
    key, index = table.keys[i & (at.KEYS_AHEAD - 1)], table.lookup
    mask = np.uint64(index.size - 1)
    tag = key[at.KEY_HASH]
    place = tag & mask
    while index[place] != _ZERO:
        entry = index[place]
        if entry >> _S32 == tag:
            slot = np.int64(entry & _LOW32) - 1
            flow = table.flows[slot]
            if (
                flow.a_lo == key[at.KEY_A_LO]
                and flow.b_lo == key[at.KEY_B_LO]
                and flow.ports == key[at.KEY_PORTS]
                and flow.a_hi == key[at.KEY_A_HI]
                and flow.b_hi == key[at.KEY_B_HI]
            ):
                return int(slot)
        place = (place + _ONE) & mask
    return at.NOTHING


@fused
def link(table: Table, slot: int) -> None:
    """Enter ``slot``, whose row holds the key, into the index."""
    index = table.lookup
    mask = np.uint64(index.size - 1)
    tag = np.uint64(table.flows[slot].hash)
    place = tag & mask
    while index[place] != _ZERO:
        place = (place + _ONE) & mask
    index[place] = (tag << _S32) | np.uint64(slot + 1)


@fused
def unlink(table: Table, slot: int) -> None:
    """Take ``slot`` out of the index and close the gap, so that no tombstones pile up."""
    index = table.lookup
    mask = np.uint64(index.size - 1)
    tag = np.uint64(table.flows[slot].hash)
    sought = (tag << _S32) | np.uint64(slot + 1)
    hole = tag & mask
    while index[hole] != sought:
        hole = (hole + _ONE) & mask
    place = (hole + _ONE) & mask
    while index[place] != _ZERO:
        home = (index[place] >> _S32) & mask
        if ((place - home) & mask) >= ((place - hole) & mask):
            index[hole] = index[place]
            hole = place
        place = (place + _ONE) & mask
    index[hole] = _ZERO


@fused
def advance(table: Table, ts_ns: int) -> int:
    """Move meter time with a packet's capture time; returns meter time."""
    clock = table.clock
    step = ts_ns - clock[at.ERA_NS]
    if step > 0 and step <= table.limits[at.TCP_IDLE]:
        clock[at.METER_NS] += step
        clock[at.ERA_NS] = ts_ns
    elif step > 0 or step < -table.limits[at.TCP_IDLE]:
        clock[at.ERA_NS] = ts_ns
        if clock[at.SERIAL] > 0:
            table.counters[at.TIME_JUMPS] += 1
    return int(clock[at.METER_NS])


@fused
def is_closed(table: Table, slot: int) -> bool:
    """RST was seen and nothing new after it, or FIN both ways."""
    bits = table.flows[slot].bits
    return bool(bits & at.SAW_RST) or (bits & at.BOTH_SENT_FIN) == at.BOTH_SENT_FIN


@fused
def idle_ns(table: Table, slot: int) -> int:
    """Silence that ends this flow."""
    flow, limits = table.flows[slot], table.limits
    if (flow.ports & np.uint64(0xFF)) != np.uint64(TCP):
        return int(limits[at.UDP_IDLE])
    if is_closed(table, slot):
        return int(limits[at.LINGER])
    if flow.state in (at.CANDIDATE, at.HELD):
        return int(max(limits[at.HELD_IDLE], limits[at.TCP_IDLE]))
    return int(limits[at.TCP_IDLE])


@fused
def give_back_beats(table: Table, flow: Any) -> None:
    """Return a flow's blocks to the pool in one splice."""
    if flow.beat_head != at.NOTHING:
        table.block_next[flow.beat_tail] = table.clock[at.FREE_BLOCK]
        table.clock[at.FREE_BLOCK] = flow.beat_head
        table.clock[at.BLOCKS_FREE] += (flow.beats + at.BLOCK_BEATS - 1) // at.BLOCK_BEATS
    flow.beat_head = at.NOTHING
    flow.beat_tail = at.NOTHING
    flow.beats = 0


@fused
def write_row(table: Table, out: Out, slot: int, reason: int) -> bool:
    """Copy a flow with its beats and name to ``out``; False, with nothing changed, when there is no room."""
    flow, fill = table.flows[slot], out.fill
    row, name, beat = fill[at.OUT_ROWS], fill[at.OUT_NAMES], fill[at.OUT_BEATS]
    if row >= out.flows.size or name >= out.names.size or beat + flow.beats > out.beats.shape[0]:
        return False
    for k in range(
        at.FLOW_WORDS
    ):  # as words: LLVM takes a row's assignment apart byte by byte, for every packet
        out.flow_words[row, k] = table.flow_words[slot, k]
    out.sides[row, 0] = table.sides[slot, 0]
    out.sides[row, 1] = table.sides[slot, 1]
    out.flows[row].end = reason
    if flow.name != at.NOTHING:
        out.names[name] = table.names[flow.name]
        out.flows[row].name = name
        fill[at.OUT_NAMES] = name + 1
    block = flow.beat_head
    for k in range(flow.beats):
        within = k % at.BLOCK_BEATS
        out.beats[beat + k, 0] = table.beats[block, within, 0]
        out.beats[beat + k, 1] = table.beats[block, within, 1]
        if within == at.BLOCK_BEATS - 1:
            block = table.block_next[block]
    fill[at.OUT_BEATS] = beat + flow.beats
    fill[at.OUT_ROWS] = row + 1
    table.counters[at.ENDED + reason] += 1
    return True


@fused
def end(table: Table, out: Out, slot: int, reason: int) -> bool:
    """Export a flow and free all it held; False, with nothing changed, when ``out`` is full."""
    if not write_row(table, out, slot, reason):
        return False
    flow, clock = table.flows[slot], table.clock
    unlink(table, slot)
    give_back_beats(table, flow)
    if flow.name != at.NOTHING:
        table.names[flow.name].link = clock[at.FREE_NAME]
        clock[at.FREE_NAME] = flow.name
    flow.flow_id = -1
    flow.link = clock[at.FREE_SLOT]
    clock[at.FREE_SLOT] = slot
    clock[at.LIVE] -= 1
    return True


@fused
def sweep(table: Table, out: Out) -> bool:
    """Every few packets look at the next row and end its flow if it has been silent for too long."""
    clock = table.clock
    if clock[at.SERIAL] % SWEEP_EVERY or clock[at.SERIAL] == clock[at.SWEPT] or clock[at.USED] == 0:
        return True
    slot = clock[at.SWEEP_HAND] if clock[at.SWEEP_HAND] < clock[at.USED] else 0
    flow = table.flows[slot]
    if flow.flow_id >= 0:
        silent = clock[at.METER_NS] - flow.seen_ns
        if silent > table.limits[at.SHORTEST] and silent > idle_ns(table, slot):
            reason = at.END_CLOSED if is_closed(table, slot) else at.END_IDLE
            if not end(table, out, slot, reason):
                return False
    clock[at.SWEEP_HAND] = slot + 1
    clock[at.SWEPT] = clock[at.SERIAL]
    return True


@fused
def choose_victim(table: Table) -> int:
    """The row to give up when all are taken: without payload or closed first, then silent, held last."""
    clock, flows = table.clock, table.flows
    hand = clock[at.EVICT_HAND]
    best, best_rank, best_seen = at.NOTHING, -1, np.int64(0)
    for looked in range(EVICT_LOOK_HELD):
        if looked >= EVICT_LOOK and best_rank > 0:
            break
        slot = hand
        hand = hand + 1 if hand + 1 < flows.size else 0
        flow = flows[slot]
        rank = 1
        if flow.state in (at.CANDIDATE, at.HELD):
            rank = 0
        elif not flow.bits & at.SAW_PAYLOAD or flow.bits & at.SAW_RST:
            rank = 2
        if rank > best_rank or (rank == best_rank and flow.seen_ns < best_seen):
            best, best_rank, best_seen = slot, rank, flow.seen_ns
    clock[at.EVICT_NEXT] = hand
    return int(best)


@fused
def take_slot(table: Table, out: Out) -> int:
    """A free row, evicting if there is none; NOTHING when ``out`` is full."""
    clock = table.clock
    if clock[at.FREE_SLOT] == at.NOTHING and clock[at.USED] == table.flows.size:
        victim = choose_victim(table)
        held = table.flows[victim].state in (at.CANDIDATE, at.HELD)
        if not end(table, out, victim, at.END_EVICTED):
            return at.NOTHING
        clock[at.EVICT_HAND] = clock[at.EVICT_NEXT]
        table.counters[at.HELD_EVICTED] += 1 if held else 0
    slot = clock[at.FREE_SLOT]
    if slot == at.NOTHING:
        slot = clock[at.USED]
        clock[at.USED] += 1
    else:
        clock[at.FREE_SLOT] = table.flows[slot].link
    clock[at.LIVE] += 1
    return int(slot)
