"""The flow meter: packets in, marked packets and ended flows out.

Reads     records.PacketBatch, TCP and UDP packets in capture order
Yields    Metered: rows of packets to read for mining, rows to check, flows that ended
Misses    what the capture missed; names in a TLS hello beyond its first packet
Bounds    memory as `davylamp.flows.layout` says, plus 256 bytes per flow that ends within one batch

Rules: a flow is one 5-tuple without a silence longer than its idle time, forward or back, and without a new
connection's SYN. See `davylamp.flows.table` (time, eviction), `davylamp.flows.account` (roles, sequence,
beats) and `davylamp.flows.triage` (what is worth reading).
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.errors import BadUse
from davylamp.flows import layout as at
from davylamp.flows.export import FlowBatch, FlowStart, empty, join, read_start
from davylamp.flows.layout import Ints, MeterSettings, Out, Rows, make_out, make_table
from davylamp.flows.step import run
from davylamp.flows.words import MINER_AGENTS, MINING_WORDS, hash_pools, make_vocabulary, rank_ports
from davylamp.kernel import prepared
from davylamp.records import PacketBatch

__all__ = ["Checks", "FlowBatch", "FlowStart", "Marked", "Meter", "MeterSettings", "Metered"]

OUT_FLOWS: Final = 8192  # judged: 3 MB of rows between two drains

_DTYPES: Final = {
    "buffer": np.uint8,
    "ts_ns": np.int64,
    **dict.fromkeys(("src_hi", "src_lo", "dst_hi", "dst_lo"), np.uint64),
    **dict.fromkeys(("sport", "dport"), np.uint16),
    **dict.fromkeys(("proto", "flags"), np.uint8),
    **dict.fromkeys(("seq", "ack"), np.uint32),
    "payload_off": np.int64,
    **dict.fromkeys(("payload_len", "wire_len", "frame_len"), np.int32),
}


class Marked(NamedTuple):
    """Packets of candidate flows in capture order: with payload, SYN, FIN or RST."""

    row: NDArray[np.int64]  # index into the batch
    flow_id: NDArray[np.int64]
    from_client: NDArray[np.bool_]
    new: NDArray[np.bool_]  # the first marked packet of its flow


class Checks(NamedTuple):
    """UDP packets with the shape of Ethereum's node discovery, whose hash is still to be checked."""

    row: NDArray[np.int64]
    flow_id: NDArray[np.int64]


class Metered(NamedTuple):
    """What one batch brought."""

    marked: Marked
    checks: Checks
    ended: FlowBatch


class Meter:
    """Turns packet batches into flows, and points at the packets that are worth reading for mining.

    Args:
        settings: timeouts and bounds.
        pool_domains: domains of mining pools; a flow whose host name equals one, or ends with one at a label,
            is ``pool_named``.
    """

    def __init__(self, settings: MeterSettings | None = None, pool_domains: Sequence[str] = ()) -> None:
        settings = settings or MeterSettings()
        seed = secrets.randbits(64)
        self._table = make_table(
            settings,
            seed,
            (
                hash_pools(pool_domains, seed),
                rank_ports(),
                make_vocabulary(MINING_WORDS),
                make_vocabulary(dict.fromkeys(MINER_AGENTS, 1)),
            ),
        )
        self._slot_mask = settings.capacity - 1
        self._out = make_out(OUT_FLOWS, 0)
        self._run = prepared(run)
        self._ended = empty()
        self._nothing = _as_kernel_reads(
            PacketBatch(*(np.zeros(0, dtype=_DTYPES[f]) for f in PacketBatch._fields))
        )

    def feed(self, batch: PacketBatch) -> Metered:
        """Meter one batch.

        Returns:
            Rows that stay valid as long as the batch does; ``ended`` holds flows that ended in this batch.
        """
        batch = _as_kernel_reads(batch)
        packets = batch.ts_ns.size
        out = self._roomy(packets)
        out.fill[[at.OUT_MARKS, at.OUT_CHECKS]] = 0
        pieces: list[FlowBatch] = []
        done = 0
        while done < packets:
            done = self._run(self._table, batch, out, done, False)
            if done < packets or out.fill[at.OUT_ROWS]:
                pieces.append(_drain(out))
        self._ended = join(pieces)
        marks, checks = out.fill[at.OUT_MARKS], out.fill[at.OUT_CHECKS]
        bits = out.mark_bits[:marks]
        return Metered(
            Marked(
                out.mark_row[:marks].copy(), out.mark_flow[:marks].copy(), (bits & 1) != 0, (bits & 2) != 0
            ),
            Checks(out.check_row[:checks].copy(), out.check_flow[:checks].copy()),
            self._ended,
        )

    def dismiss(self, flow_ids: Sequence[int]) -> None:
        """The reader found no mining in these flows: their packets are not marked again."""
        self._decide(flow_ids, at.DISMISSED)

    def hold(self, flow_ids: Sequence[int]) -> None:
        """The reader found mining in these flows: they stay marked, wait longer and are evicted last."""
        self._decide(flow_ids, at.HELD)

    def confirm_discovery(self, flow_ids: Sequence[int]) -> None:
        """The hash of a packet in `Checks` is right: its flow is a node's."""
        ended = self._ended.flows
        known = _rows_of(ended, flow_ids)
        ended["mark"][known] = at.KIND_NODE
        ended["node"][known] = at.NODE_ETHEREUM
        for slot in self._live(flow_ids):
            row = self._table.flows[slot : slot + 1]
            row["mark"], row["node"], row["state"] = at.KIND_NODE, at.NODE_ETHEREUM, at.GIVEN_UP

    def opening(self, flow_id: int) -> FlowStart:
        """How a flow that lives, or that ended in the latest batch, began.

        Raises:
            BadUse: E-FLW-002, the flow is known no more.
        """
        table = self._table
        for slot in self._live([flow_id]):
            place = int(table.flows["name"][slot])
            name = table.names[place] if place != at.NOTHING else None
            return read_start(table.flows[slot], table.sides[slot], name)
        start = self._ended.find(flow_id)
        if start is None:
            raise BadUse("E-FLW-002", f"flow {flow_id} is known no more", "ask while handling its batch")
        return start

    def close(self) -> FlowBatch:
        """End all flows that are left; the meter is empty afterwards and may be fed again."""
        pieces = []
        done, total = 0, int(self._table.clock[at.USED])
        while done < total:
            done = self._run(self._table, self._nothing, self._out, done, True)
            pieces.append(_drain(self._out))
        self._ended = join(pieces)
        return self._ended

    @property
    def live(self) -> int:
        """Flows in the table now."""
        return int(self._table.clock[at.LIVE])

    @property
    def counters(self) -> dict[str, int]:
        """What the meter did so far, and what its bounds cost: see docs/concepts."""
        table = self._table
        counts = {
            f"ended_{name}": int(table.counters[at.ENDED + k]) for k, name in enumerate(at.END_NAMES) if name
        }
        return {
            "packets": int(table.clock[at.SERIAL]),
            "flows": int(table.clock[at.NEXT_FLOW]),
            "live": self.live,
            **counts,
            "evicted_held": int(table.counters[at.HELD_EVICTED]),
            "time_jumps": int(table.counters[at.TIME_JUMPS]),
            "beats_dropped_bulk": int(table.counters[at.BEATS_BULK]),
            "beats_dropped_full": int(table.counters[at.BEATS_FULL]),
            "names_dropped_full": int(table.counters[at.NAMES_FULL]),
            "payload_outside_buffer": int(table.counters[at.BAD_PAYLOAD]),
        }

    def _live(self, flow_ids: Sequence[int]) -> list[int]:
        """Slots of those of the flows that still live."""
        flows = self._table.flows["flow_id"]
        return [slot for i in flow_ids if flows[slot := int(i) & self._slot_mask] == i]

    def _decide(self, flow_ids: Sequence[int], state: int) -> None:
        for slot in self._live(flow_ids):
            self._table.flows["state"][slot] = state
        self._ended.flows["state"][_rows_of(self._ended.flows, flow_ids)] = state

    def _roomy(self, packets: int) -> Out:
        """Result buffers with room for marks of that many packets."""
        if self._out.mark_row.size < packets:
            self._out = make_out(OUT_FLOWS, 1 << packets.bit_length())
        return self._out


def _rows_of(flows: Rows, flow_ids: Sequence[int]) -> Ints:
    """Rows that belong to any of the flows; a part of a flow that goes on is one of them."""
    return np.flatnonzero(np.isin(flows["flow_id"], flow_ids)) if flows.size else np.zeros(0, np.int64)


def _drain(out: Out) -> FlowBatch:
    """Copy the ended flows out of the buffers and empty them."""
    rows, names, beats = (int(out.fill[k]) for k in (at.OUT_ROWS, at.OUT_NAMES, at.OUT_BEATS))
    out.fill[[at.OUT_ROWS, at.OUT_NAMES, at.OUT_BEATS]] = 0
    return FlowBatch(
        out.flows[:rows].copy(), out.sides[:rows].copy(), out.names[:names].copy(), out.beats[:beats].copy()
    )


def _as_kernel_reads(batch: PacketBatch) -> PacketBatch:
    """The batch in the one memory layout that the kernel was compiled for; copies only what differs."""
    arrays: list[Any] = [
        np.require(array, dtype=_DTYPES[field], requirements=["C", "A", "W"])
        for field, array in zip(PacketBatch._fields, batch, strict=True)
    ]
    return PacketBatch(*arrays)
