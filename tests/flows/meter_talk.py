"""Packets by hand for the meter's tests, and a plain meter to hold the fast one against."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import pairwise
from typing import Any

import numpy as np

from davylamp.flows.meter import Meter, MeterSettings
from davylamp.records import ACK, FIN, RST, SYN, TCP, PacketBatch

SECOND = 1_000_000_000
START = 1_600_000_000 * SECOND
MINER, POOL = "10.0.0.9", "192.0.2.7"
SMALL = MeterSettings(capacity=1 << 10, beat_blocks=1 << 12, names=1 << 8)


@dataclass(frozen=True)
class Packet:
    """One packet; ``wire`` is the payload length on the wire where the capture cut it."""

    ts_ns: int
    src: str
    sport: int
    dst: str
    dport: int
    payload: bytes = b""
    seq: int = 0
    flags: int = ACK
    proto: int = TCP
    wire: int | None = None

    @property
    def length(self) -> int:
        return len(self.payload) if self.wire is None else self.wire


def halves(address: str) -> tuple[int, int]:
    ip = ip_address(address)
    number = int(ip) | 0xFFFF << 32 if ip.version == 4 else int(ip)
    return number >> 64, number & (1 << 64) - 1


def batch_of(packets: Sequence[Packet]) -> PacketBatch:
    buffer = np.frombuffer(bytearray(b"".join(p.payload for p in packets) or b"\0"), dtype=np.uint8)
    sizes = [len(p.payload) for p in packets]
    ends = [(halves(p.src), halves(p.dst)) for p in packets]
    columns: dict[str, tuple[Any, Any]] = {
        "ts_ns": ([p.ts_ns for p in packets], np.int64),
        "src_hi": ([e[0][0] for e in ends], np.uint64),
        "src_lo": ([e[0][1] for e in ends], np.uint64),
        "dst_hi": ([e[1][0] for e in ends], np.uint64),
        "dst_lo": ([e[1][1] for e in ends], np.uint64),
        "sport": ([p.sport for p in packets], np.uint16),
        "dport": ([p.dport for p in packets], np.uint16),
        "proto": ([p.proto for p in packets], np.uint8),
        "flags": ([p.flags if p.proto == TCP else 0 for p in packets], np.uint8),
        "seq": ([p.seq & 0xFFFFFFFF for p in packets], np.uint32),
        "ack": ([0] * len(packets), np.uint32),
        "payload_off": (np.concatenate([[0], np.cumsum(sizes)[:-1]]) if packets else [], np.int64),
        "payload_len": (sizes, np.int32),
        "wire_len": ([p.length for p in packets], np.int32),
        "frame_len": ([p.length + 54 for p in packets], np.int32),
    }
    return PacketBatch(buffer, *(np.array(values, dtype=kind) for values, kind in columns.values()))


def rows_of(meter: Meter, packets: Sequence[Packet], cuts: Sequence[int] = ()) -> list[dict[str, Any]]:
    """All flow rows of the packets, fed in batches cut at ``cuts``, in the order in which their flows began."""
    edges = [0, *sorted(cuts), len(packets)]
    rows: list[dict[str, Any]] = []
    for low, high in pairwise(edges):
        rows += meter.feed(batch_of(packets[low:high])).ended.to_arrow().to_pylist()
    rows += meter.close().to_arrow().to_pylist()
    began = {row["flow_id"]: row["first_ns"] for row in rows if row["part"] == 0}
    return sorted(rows, key=lambda row: (began[row["flow_id"]], row["flow_id"], row["part"], row["last_ns"]))


class Talk:
    """Payloads of one TCP connection, with sequence numbers and times kept in step."""

    def __init__(
        self, sport: int = 50000, dport: int = 3333, ts_ns: int = START, src: str = MINER, dst: str = POOL
    ) -> None:
        self.ends = ((src, sport), (dst, dport))
        self.ts_ns = ts_ns
        self.seq = [1000, 2000]
        self.packets: list[Packet] = []

    def send(self, from_client: bool, payload: bytes = b"", flags: int = ACK, after_s: float = 0.1) -> "Talk":
        me, you = self.ends if from_client else self.ends[::-1]
        self.ts_ns += int(after_s * SECOND)
        side = 0 if from_client else 1
        self.packets.append(Packet(self.ts_ns, *me, *you, payload, self.seq[side], flags))
        self.seq[side] += len(payload) + bool(flags & (SYN | FIN))
        return self

    def client(self, payload: bytes, after_s: float = 0.1) -> "Talk":
        return self.send(True, payload, after_s=after_s)

    def server(self, payload: bytes, after_s: float = 0.1) -> "Talk":
        return self.send(False, payload, after_s=after_s)

    def shake(self) -> "Talk":
        return self.send(True, flags=SYN).send(False, flags=SYN | ACK).send(True)


# --- a plain meter, written from the rules in the docstrings ------------------------------------------------


@dataclass
class PlainSide:
    packets: int = 0
    payload: int = 0
    highest: int | None = None
    hole: tuple[int, int] = (0, 0)
    gap: int = 0
    retransmissions: int = 0
    late: int = 0
    isn: int | None = None
    fin: bool = False


@dataclass
class PlainFlow:
    first: int
    last: int
    sides: dict[tuple[str, int], PlainSide] = field(default_factory=dict)
    beats: list[tuple[int, tuple[str, int], int]] | None = field(default_factory=list)
    window: int = 0
    reset: bool = False
    payload: bool = False


class PlainMeter:
    """Flows of packets in order of time, without bounds; sequence numbers that do not wrap."""

    def __init__(self, settings: MeterSettings) -> None:
        self.settings = settings
        self.flows: dict[frozenset[Any], PlainFlow] = {}
        self.done: list[PlainFlow] = []

    def feed(self, packet: Packet) -> None:
        me, you = (packet.src, packet.sport), (packet.dst, packet.dport)
        key = frozenset([me, you, packet.proto])
        flow = self.flows.get(key)
        if flow and self.is_over(flow, packet, me):
            self.done.append(self.flows.pop(key))
            flow = None
        if flow is None:
            flow = self.flows[key] = PlainFlow(
                packet.ts_ns, packet.ts_ns, {me: PlainSide(), you: PlainSide()}
            )
        self.count(flow, packet, flow.sides[me], me)

    def is_over(self, flow: PlainFlow, packet: Packet, me: tuple[str, int]) -> bool:
        s = self.settings
        closed = flow.reset or all(side.fin for side in flow.sides.values())
        idle = (s.linger_s if closed else s.idle_s) if packet.proto == TCP else s.udp_idle_s
        if packet.ts_ns - flow.last > idle * SECOND:
            return True
        side = flow.sides[me]
        if packet.proto != TCP or not packet.flags & SYN or side.isn == packet.seq:
            return False
        if packet.flags & ACK or side.isn is None:
            return flow.payload or closed
        return True

    def count(self, flow: PlainFlow, packet: Packet, side: PlainSide, me: tuple[str, int]) -> None:
        side.packets += 1
        side.payload += packet.length
        flow.last = packet.ts_ns
        new = packet.length > 0 if packet.proto != TCP else self.follow(packet, side)
        if packet.proto == TCP:
            side.fin |= bool(packet.flags & FIN)
            flow.reset = bool(packet.flags & RST) or (flow.reset and not new)
        flow.payload |= packet.length > 0
        if not new or flow.beats is None:
            return
        n, grace = len(flow.beats), self.settings.bulk_grace
        if n % grace == 0:
            if (
                n >= 2 * grace
                and packet.ts_ns - flow.window < grace * 60 * SECOND / self.settings.bulk_per_minute
            ):
                flow.beats = None
                return
            flow.window = packet.ts_ns
        flow.beats.append(((packet.ts_ns - flow.first) // 1_000_000, me, packet.length))

    @staticmethod
    def follow(packet: Packet, side: PlainSide) -> bool:
        low = packet.seq
        if packet.flags & SYN:
            if side.isn != packet.seq:
                side.isn, side.highest = packet.seq, None
            low += 1
        high = low + packet.length + bool(packet.flags & FIN)
        if high == low and not packet.flags & SYN:
            return False
        if side.highest is None or low >= side.highest:
            if side.highest is not None and low > side.highest:
                side.hole = (side.highest, low)
                side.gap += low - side.highest
            side.highest = high
            return packet.length > 0
        if high > side.highest:
            side.highest = high
            side.retransmissions += packet.length > 0
            return packet.length > 0
        if packet.length == 0:
            return False
        end = low + packet.length
        if (
            side.hole[0] == side.hole[1]
            or low < side.hole[0]
            or end > side.hole[1]
            or side.gap < packet.length
        ):
            side.retransmissions += 1
            return False
        side.late += 1
        side.gap -= packet.length
        side.hole = (side.hole[0], low) if end == side.hole[1] and low > side.hole[0] else (end, side.hole[1])
        return True
