"""The metering kernel: one entry point that takes packets through key, flow, counts, beats and triage.

It runs until the batch or the room for ended flows is used up, and says where it stopped. A packet that finds
no room has changed nothing that its second attempt would change again.
"""

from typing import Final

import numpy as np

from davylamp.flows import layout as at
from davylamp.flows import triage
from davylamp.flows.account import assign_hint, beat, begin_part, count, create, why_over
from davylamp.flows.layout import Out, Table
from davylamp.flows.names import keep_name, read_hello, trim_host
from davylamp.flows.table import (
    advance,
    call_beats,
    call_flow,
    end,
    find,
    load_key,
    side_of,
    sweep,
    take_slot,
    write_row,
)
from davylamp.flows.web import is_request
from davylamp.kernel import fused, kernel
from davylamp.records import FIN, RST, SYN, TCP, PacketBatch

# How many packets ahead memory is called near, since nearly every packet's flow lies outside the caches: the index
# entry, then the row that it names, then the row's beats. FAR stays below `layout.KEYS_AHEAD`.
FAR: Final = 24  # measured: 1 GB of control captures, see docs/concepts/2-flows.md
NEAR: Final = 12
NEXT: Final = 4

UDP_LOOKS: Final = 4  # judged: node discovery begins with its first packets
TLS_RECORD_LOOKS: Final = 8  # judged: records without a hello exhaust a flow's looks six times faster
DISCOVERY_BYTES: Final = 98  # discv4: 32 hash, 65 signature, 1 type

_PORT: Final = np.uint64(0xFFFF)
_S16: Final = np.uint64(16)
_S32: Final = np.uint64(32)


@fused
def place(table: Table, batch: PacketBatch, out: Out, i: int, side: int) -> int:
    """The slot of packet ``i``'s flow, ending what it replaces; NOTHING when ``out`` is full.

    A flow that begins in the nanosecond in which the one it replaces began counts as begun one later.
    """
    after = at.NOTHING
    slot = find(table, i)
    if slot != at.NOTHING:
        reason = why_over(table, batch, i, slot, side)
        if reason == at.END_NONE:
            return slot
        if reason == at.END_ACTIVE:
            if not write_row(table, out, slot, reason):
                return at.NOTHING
            begin_part(table, batch, i, slot)
            return slot
        old = table.flows[slot]
        if old.part == 0 and old.first_ns == batch.ts_ns[i]:
            after = old.began_ns
        if not end(table, out, slot, reason):
            return at.NOTHING
    slot = take_slot(table, out)
    if slot != at.NOTHING:
        create(table, batch, i, slot, side)
        if after != at.NOTHING:
            table.flows[slot].began_ns = after + 1
    return slot


@fused
def emit(table: Table, out: Out, i: int, slot: int, side: int, is_new: bool) -> None:
    """Hand packet ``i`` of a candidate flow to the reader."""
    flow = table.flows[slot]
    k = out.fill[at.OUT_MARKS]
    out.mark_row[k] = i
    out.mark_flow[k] = flow.flow_id
    out.mark_bits[k] = (1 if flow.client == side else 0) | (2 if is_new else 0)
    out.fill[at.OUT_MARKS] = k + 1


@fused
def keep_target(table: Table, batch: PacketBatch, i: int, slot: int) -> None:
    """Keep the host that a CONNECT names."""
    low = batch.payload_off[i] + 8
    stop = min(batch.payload_off[i] + batch.payload_len[i], low + 300)
    high = low
    while high < stop and batch.buffer[high] > 0x20:
        high += 1
    table.scratch[at.NAME_AT], table.scratch[at.NAME_LENGTH] = low, high - low
    table.scratch[at.ALPN_LENGTH] = 0
    table.scratch[at.NAME_KIND] = at.NAMED_TARGET
    trim_host(batch.buffer, table.scratch)
    keep_name(table, batch.buffer, slot)


@fused
def keep_names(table: Table, batch: PacketBatch, i: int, slot: int, kind: int) -> None:
    """Keep the names that a packet of this kind carries."""
    buffer, low = batch.buffer, batch.payload_off[i]
    if kind == triage.KIND_HELLO:
        read_hello(buffer, low, low + batch.payload_len[i], table.scratch)
        table.scratch[at.NAME_KIND] = at.NAMED_SNI
        trim_host(buffer, table.scratch)
        keep_name(table, buffer, slot)
    elif kind in (triage.KIND_WEB, at.KIND_HTTP):
        table.scratch[at.NAME_KIND] = at.NAMED_HOST
        trim_host(buffer, table.scratch)
        keep_name(table, buffer, slot)
    elif kind == at.KIND_CONNECT:
        keep_target(table, batch, i, slot)


@fused
def is_devp2p_opening(table: Table, batch: PacketBatch, i: int, slot: int, is_first: bool) -> bool:
    """First payload on devp2p's port, with the size shape of its first message."""
    if not is_first or (batch.sport[i] != triage.DEVP2P_PORT and batch.dport[i] != triage.DEVP2P_PORT):
        return False
    low = batch.payload_off[i]
    return triage.is_devp2p(batch.buffer, low, low + batch.payload_len[i])


@fused
def look(table: Table, batch: PacketBatch, out: Out, i: int, slot: int, side: int, is_first: bool) -> None:
    """Let triage judge packet ``i`` of an undecided flow."""
    flow = table.flows[slot]
    low = batch.payload_off[i]
    verdict = triage.classify(table, batch.buffer, low, low + batch.payload_len[i], is_first)
    kind = verdict & triage.KIND_MASK
    assign_hint(flow, side, (verdict & triage.HINT_MASK) >> 8)
    keep_names(table, batch, i, slot, kind)
    if 0 < kind <= at.KIND_TEXT:
        flow.mark = kind
        flow.state = at.CANDIDATE
        emit(table, out, i, slot, side, True)
        return
    if kind == at.KIND_NODE or (kind == at.KIND_NONE and is_devp2p_opening(table, batch, i, slot, is_first)):
        flow.mark = at.KIND_NODE
        flow.node = verdict >> triage.NODE_SHIFT if kind == at.KIND_NODE else at.NODE_DEVP2P
        flow.state = at.GIVEN_UP
        return
    if kind == triage.KIND_WEB:
        flow.state = at.WEB
    elif kind == triage.KIND_HELLO:
        flow.mark = at.KIND_TLS
        flow.state = at.GIVEN_UP
    elif kind == at.KIND_TLS:
        flow.mark = at.KIND_TLS
        flow.looks += TLS_RECORD_LOOKS - 1
    flow.looks += 1
    if flow.looks >= triage.LOOKS and flow.state == at.UNDECIDED:
        flow.state = at.GIVEN_UP


@fused
def look_again(table: Table, batch: PacketBatch, i: int) -> bool:
    """Whether a flow of plain HTTP sends another request, which may be one for work."""
    low = batch.payload_off[i]
    first = batch.buffer[low]
    return first in (0x50, 0x47) and is_request(batch.buffer, low, low + batch.payload_len[i])


@fused
def check_discovery(batch: PacketBatch, out: Out, i: int, flow_id: int) -> None:
    """Hand a UDP packet with the shape of Ethereum's node discovery out for a check of its hash."""
    low, buffer = batch.payload_off[i], batch.buffer
    if batch.payload_len[i] <= DISCOVERY_BYTES or not 1 <= buffer[low + 97] <= 6 or buffer[low + 98] < 0xC0:
        return
    k = out.fill[at.OUT_CHECKS]
    out.check_row[k] = i
    out.check_flow[k] = flow_id
    out.fill[at.OUT_CHECKS] = k + 1


@fused
def inspect(table: Table, batch: PacketBatch, out: Out, i: int, slot: int, side: int, is_first: bool) -> None:
    """Triage packet ``i``, or emit it when its flow is a candidate already."""
    flow = table.flows[slot]
    held = batch.payload_len[i]
    if batch.proto[i] != TCP:
        if flow.state == at.UNDECIDED and held > 0:
            check_discovery(batch, out, i, flow.flow_id)
            flow.looks += 1
            flow.state = at.GIVEN_UP if flow.looks >= UDP_LOOKS else at.UNDECIDED
        return
    if flow.state in (at.CANDIDATE, at.HELD):
        if batch.wire_len[i] > 0 or batch.flags[i] & (SYN | FIN | RST):
            emit(table, out, i, slot, side, False)
    elif held > 0 and (flow.state == at.UNDECIDED or (flow.state == at.WEB and look_again(table, batch, i))):
        look(table, batch, out, i, slot, side, is_first)


@fused
def step(table: Table, batch: PacketBatch, out: Out, i: int) -> bool:
    """Meter packet ``i``; False, to be tried again, when ``out`` is full."""
    advance(table, batch.ts_ns[i])
    if not sweep(table, out):
        return False
    side = side_of(table, i)
    slot = place(table, batch, out, i, side)
    if slot == at.NOTHING:
        return False
    flow = table.flows[slot]
    is_first = not flow.bits & at.SAW_PAYLOAD
    fresh = count(table, batch, i, slot, side)
    if batch.wire_len[i] > 0:
        flow.bits |= at.SAW_PAYLOAD
    if fresh and flow.lost == at.LOST_NONE:
        length = np.int64(batch.wire_len[i])
        beat(table, flow, batch.ts_ns[i], length if side == 0 else -length)
    off = batch.payload_off[i]
    if off < 0 or batch.payload_len[i] < 0 or off + batch.payload_len[i] > batch.buffer.size:
        table.counters[at.BAD_PAYLOAD] += 1
    else:
        inspect(table, batch, out, i, slot, side, is_first)
    table.clock[at.SERIAL] += 1
    return True


@kernel
def run(table: Table, batch: PacketBatch, out: Out, start: int, closing: bool) -> int:
    """Meter a batch from packet ``start``, or end the live flows when ``closing``.

    Returns:
        The packet (the row, when closing) to go on with; the count of them when all are done.
    """
    if closing:
        for slot in range(start, table.clock[at.USED]):
            if table.flows[slot].flow_id >= 0 and not end(table, out, slot, at.END_INPUT):
                return slot
        return int(table.clock[at.USED])
    n = batch.ts_ns.size
    for i in range(start, min(n, start + FAR)):
        load_key(table, batch, i)
    for i in range(start, n):
        if i + FAR < n:
            load_key(table, batch, i + FAR)
        if i + NEAR < n:
            call_flow(table, i + NEAR)
        if i + NEXT < n:
            call_beats(table, i + NEXT)
        if not step(table, batch, out, i):
            return i
    return n
