"""Kernel helpers on one flow: roles, counts, sequence numbers, beats, and when a flow is over.

Sequence rule, per direction: bytes ahead of the highest byte seen are a gap; late bytes inside the newest
gap fill it and count as out of order; other old bytes are retransmissions. A jump of more than 1 GiB is
no gap but a new start. One byte right before the next is a keep-alive and counts as a retransmission.

Beat rule: a payload packet that carries bytes not seen before is one beat, (ms since the part's first packet,
wire payload length). After a grace of one window of beats (256) a flow that fills another window faster
than 300 a minute is bulk: its beats are dropped for the rest of its life. When the pool is down to its last eighth,
flows without beats get none; when it is empty a flow that needs more loses what it has.
"""

from typing import Any, Final

import numpy as np

from davylamp.flows import layout as at
from davylamp.flows.layout import Table, Whole
from davylamp.flows.table import LONGEST_RUN_PACKETS, give_back_beats, idle_ns, is_closed, link
from davylamp.kernel import fused
from davylamp.records import ACK, FIN, RST, SYN, TCP, PacketBatch

WIDEST_GAP_BYTES: Final = 1 << 30  # judged: the widest TCP window
PORT_REGISTERED: Final = 32768  # Linux hands out client ports from here; Windows from 49152

_S16: Final = np.uint64(16)
_S32: Final = np.uint64(32)
_PORT: Final = np.uint64(0xFFFF)


@fused
def sequence_step(later: Whole, earlier: Whole) -> Whole:
    """Signed distance between two 32-bit sequence numbers."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000


@fused
def why_over(table: Table, batch: PacketBatch, i: int, slot: int, side: int) -> int:
    """END_... reason why packet ``i`` does not continue the flow with its key, END_NONE if it does."""
    flow = table.flows[slot]
    ts = batch.ts_ns[i]
    silent = ts - flow.last_ns
    if silent > table.limits[at.SHORTEST] and silent > idle_ns(table, slot):
        return at.END_CLOSED if is_closed(table, slot) else at.END_IDLE
    if silent < -max(table.limits[at.TCP_IDLE], idle_ns(table, slot)):
        return at.END_IDLE
    if batch.proto[i] == TCP and batch.flags[i] & SYN and is_new_connection(table, batch, i, slot, side):
        return at.END_REUSED
    if ts - flow.first_ns > table.limits[at.ACTIVE] or table.sides[slot, side].packets >= LONGEST_RUN_PACKETS:
        return at.END_ACTIVE
    return at.END_NONE


@fused
def is_new_connection(table: Table, batch: PacketBatch, i: int, slot: int, side: int) -> bool:
    """Whether a SYN opens another connection on the same key.

    The same initial sequence number again is a retransmission. A SYN with another one is a new connection,
    unless it is the other half of an opening without payload so far. A SYN+ACK with another one is a new
    connection only after payload or closing, for a server under SYN cookies may change its mind before.
    """
    flow, mine = table.flows[slot], table.sides[slot, side]
    if mine.bits & at.KNOWS_ISN and mine.isn == batch.seq[i]:
        return False
    settled = bool(flow.bits & at.SAW_PAYLOAD) or is_closed(table, slot)
    if batch.flags[i] & ACK or not mine.bits & at.KNOWS_ISN:
        return settled
    return True


@fused
def create(table: Table, batch: PacketBatch, i: int, slot: int, side: int) -> None:
    """Fill a fresh row for packet ``i``, sent by ``side``."""
    flow, key, clock = table.flows[slot], table.keys[i & (at.KEYS_AHEAD - 1)], table.clock
    flow.a_hi, flow.a_lo = key[at.KEY_A_HI], key[at.KEY_A_LO]
    flow.b_hi, flow.b_lo = key[at.KEY_B_HI], key[at.KEY_B_LO]
    flow.ports = key[at.KEY_PORTS]
    flow.hash = np.uint32(key[at.KEY_HASH])
    flow.flow_id = (clock[at.NEXT_FLOW] << table.limits[at.SLOT_BITS]) | slot
    clock[at.NEXT_FLOW] += 1
    flow.beat_head = at.NOTHING
    flow.beat_tail = at.NOTHING
    flow.beats = 0
    flow.name = at.NOTHING
    flow.part = -1
    flow.bits = 0
    flow.state = at.UNDECIDED
    flow.mark = at.KIND_NONE
    flow.node = 0
    flow.looks = 0
    flow.lost = at.LOST_NONE
    flow.end = at.END_NONE
    for each in range(2):
        mine = table.sides[slot, each]
        mine.bits = 0
        mine.next_seq = 0
        mine.isn = 0
        mine.hole_low = 0
        mine.hole_high = 0
    begin_part(table, batch, i, slot)
    flow.began_ns = flow.first_ns
    assign_roles(table, batch, i, slot, side)
    link(table, slot)


@fused
def begin_part(table: Table, batch: PacketBatch, i: int, slot: int) -> None:
    """Zero the counts of a flow and begin its next part with packet ``i``."""
    flow = table.flows[slot]
    flow.part += 1
    flow.first_ns = batch.ts_ns[i]
    flow.last_ns = batch.ts_ns[i]
    flow.bits &= 0xFF ^ at.SNAPPED
    give_back_beats(table, flow)
    for each in range(2):
        mine = table.sides[slot, each]
        mine.packets = 0
        mine.bytes = 0
        mine.payload_bytes = 0
        mine.gap_bytes = 0
        mine.payload_packets = 0
        mine.retransmissions = 0
        mine.out_of_order = 0


@fused
def assign_roles(table: Table, batch: PacketBatch, i: int, slot: int, side: int) -> None:
    """Say who is the client, by the first packet: SYN, SYN+ACK, then ports, then who spoke first.

    Ports rank: below 1024, then known services and mining ports, then below 32768, then the rest. The higher
    rank is the server's; TCP ports of the same rank below 32768 let the lower one be the server's.
    """
    flow = table.flows[slot]
    opening = batch.flags[i] & (SYN | ACK) if batch.proto[i] == TCP else 0
    if opening & SYN:
        flow.client = 1 - side if opening & ACK else side
        flow.role = at.ROLE_SYNACK if opening & ACK else at.ROLE_SYN
        return
    a, b = (flow.ports >> _S32) & _PORT, (flow.ports >> _S16) & _PORT
    rank_a, rank_b = table.port_rank[a], table.port_rank[b]
    flow.role = at.ROLE_PORT
    if rank_a != rank_b:
        flow.client = 0 if rank_b > rank_a else 1
    elif batch.proto[i] == TCP and a != b and rank_a > 0:
        flow.client = 0 if b < a else 1
    else:
        flow.client = side
        flow.role = at.ROLE_FIRST


@fused
def follow_sequence(batch: PacketBatch, i: int, mine: Any) -> bool:
    """Account packet ``i``'s sequence number to its sender; True if it carries bytes not seen before."""
    flags, length = batch.flags[i], np.int64(batch.wire_len[i])
    start = np.int64(batch.seq[i])
    if flags & SYN:
        if not mine.bits & at.KNOWS_ISN or mine.isn != batch.seq[i]:
            mine.isn = batch.seq[i]
            mine.bits = at.KNOWS_ISN  # whatever was known of its sequence belongs to a refused opening
        start += 1
    consumed = length + (1 if flags & FIN else 0)
    if consumed == 0 and not flags & SYN:
        return False
    after = (start + consumed) & 0xFFFFFFFF
    if not mine.bits & at.KNOWS_SEQ:
        mine.bits |= at.KNOWS_SEQ
        mine.next_seq = after
        return bool(length > 0)
    ahead = sequence_step(start, np.int64(mine.next_seq))
    if ahead >= 0:
        if ahead > WIDEST_GAP_BYTES:
            mine.out_of_order += 1
        elif ahead > 0:
            mine.gap_bytes += ahead
            mine.hole_low = mine.next_seq
            mine.hole_high = start & 0xFFFFFFFF
        mine.next_seq = after
        return bool(length > 0)
    if sequence_step(after, np.int64(mine.next_seq)) > 0:
        mine.next_seq = after
        mine.retransmissions += 1 if length > 0 else 0
        return bool(length > 0)
    return bool(length > 0) and fills_hole(start, length, mine)


@fused
def fills_hole(start: Whole, length: Whole, mine: Any) -> bool:
    """Whether late bytes fill the newest hole; counts them as out of order or as a retransmission."""
    low, high = np.int64(mine.hole_low), np.int64(mine.hole_high)
    from_low = sequence_step(start, low)
    to_high = sequence_step(high, start + length)
    if low == high or from_low < 0 or to_high < 0 or mine.gap_bytes < length:
        mine.retransmissions += 1
        return False
    mine.out_of_order += 1
    mine.gap_bytes -= length
    if to_high == 0 and from_low > 0:
        mine.hole_high = start & 0xFFFFFFFF
    else:
        mine.hole_low = (start + length) & 0xFFFFFFFF
    return True


@fused
def count(table: Table, batch: PacketBatch, i: int, slot: int, side: int) -> bool:
    """Account packet ``i`` to its flow; True if it carries payload bytes not seen before."""
    flow, mine = table.flows[slot], table.sides[slot, side]
    wire = np.int64(batch.wire_len[i])
    flow.last_ns = max(flow.last_ns, batch.ts_ns[i])
    flow.seen_ns = table.clock[at.METER_NS]
    mine.packets += 1
    mine.bytes += batch.frame_len[i]
    if wire > 0:
        mine.payload_packets += 1
        mine.payload_bytes += wire
        flow.bits |= at.SNAPPED if batch.payload_len[i] < wire else 0
    if batch.proto[i] != TCP:
        return bool(wire > 0)
    fresh = follow_sequence(batch, i, mine)
    flags = batch.flags[i]
    if flags & SYN:
        flow.bits |= at.SAW_SYNACK if flags & ACK else at.SAW_SYN
    if flags & FIN:
        flow.bits |= at.A_SENT_FIN << side
    if flags & RST:
        flow.bits |= at.SAW_RST
    elif fresh:
        flow.bits &= 0xFF ^ at.SAW_RST  # a connection that goes on carrying new bytes was not reset
    return fresh


@fused
def take_block(table: Table, flow: Any) -> bool:
    """Append a block to a flow's beats; False when the pool has none for it."""
    clock, first = table.clock, flow.beat_head == at.NOTHING
    if clock[at.BLOCKS_FREE] == 0 or (first and clock[at.BLOCKS_FREE] <= table.limits[at.RESERVE]):
        return False
    block = clock[at.FREE_BLOCK]
    if block == at.NOTHING:
        block = clock[at.BLOCKS_USED]
        clock[at.BLOCKS_USED] += 1
    else:
        clock[at.FREE_BLOCK] = table.block_next[block]
    clock[at.BLOCKS_FREE] -= 1
    if first:
        flow.beat_head = block
    else:
        table.block_next[flow.beat_tail] = block
    flow.beat_tail = block
    return True


@fused
def beat(table: Table, flow: Any, ts_ns: Whole, signed_length: Whole) -> None:
    """Keep one beat, or find that the flow is bulk or the pool empty and drop them all."""
    n = flow.beats
    window = table.limits[at.BULK_WINDOW]
    if n % window == 0:
        if n >= 2 * window and ts_ns - flow.window_ns < table.limits[at.BULK_NS]:
            flow.lost = at.LOST_BULK
            table.counters[at.BEATS_BULK] += 1
            give_back_beats(table, flow)
            return
        flow.window_ns = ts_ns
    if n >= at.MOST_BEATS or (n % at.BLOCK_BEATS == 0 and not take_block(table, flow)):
        flow.lost = at.LOST_FULL
        table.counters[at.BEATS_FULL] += 1
        give_back_beats(table, flow)
        return
    within = n % at.BLOCK_BEATS
    table.beats[flow.beat_tail, within, 0] = max(0, (ts_ns - flow.first_ns) // 1000000)
    table.beats[flow.beat_tail, within, 1] = signed_length
    flow.beats = n + 1


@fused
def assign_hint(flow: Any, side: int, hint: int) -> None:
    """Let what a packet says correct who is the client: hint 1, its sender is; 2, its receiver is.

    A handshake knows better, and once a candidate has been handed to the reader its roles stay.
    """
    if hint == 0 or flow.role in (at.ROLE_SYN, at.ROLE_SYNACK, at.ROLE_PAYLOAD):
        return
    flow.client = side if hint == 1 else 1 - side
    flow.role = at.ROLE_PAYLOAD
