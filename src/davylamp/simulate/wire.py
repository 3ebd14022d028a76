"""From application bytes of two sides to the packets that a sensor near the client sees.

Handshake, segmentation, acknowledgements, retransmissions and reordering of one TCP connection; UDP datagrams;
pcap files. Frames are Ethernet II over IPv4 or IPv6 with valid checksums.
"""

import ipaddress
import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from davylamp.records import ACK, FIN, PSH, SYN, TCP, UDP, Endpoint

MSS: Final = 1460
LAG_S: Final = 0.0004  # judged: sensor and client stand in the same building
DELAYED_ACK_S: Final = 0.04
NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Said:
    """Application bytes that one side sends at a time (seconds since the connection began)."""

    at_s: float
    from_client: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet as the capture holds it."""

    ts_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class HostClock:
    """What a host writes into its TCP timestamps: ticks of ``rate_hz`` since it stood at 0, ``zero_s`` Unix s."""

    rate_hz: float
    zero_s: float

    def at(self, ts_ns: int) -> int:
        """The timestamp at a time, modulo 2^32."""
        return int((ts_ns / NS - self.zero_s) * self.rate_hz) % 2**32


@dataclass(frozen=True, slots=True)
class Line:
    """The way between the two ends and how it behaves; the fractions are of packets.

    ``lost`` packets are missing from the capture only, as behind an overloaded mirror port: the ends got them.
    ``clock`` is the client's; without one neither side writes TCP timestamps.
    """

    client: Endpoint
    server: Endpoint
    begin_ns: int
    rtt_s: float = 0.03
    lost: float = 0.0
    repeated: float = 0.0
    swapped: float = 0.0
    handshake: bool = True
    close: bool = True
    clock: HostClock | None = None


@dataclass(slots=True)
class Stub:
    """A TCP packet before its sequence numbers are known."""

    at_s: float
    from_client: bool
    flags: int
    data: bytes = b""


def tcp_frames(said: Sequence[Said], line: Line, rng: random.Random) -> list[Frame]:
    """All packets of one connection in the order in which the sensor sees them."""
    stubs = list(stub_packets(said, line))
    stubs.sort(key=lambda s: s.at_s)
    numbers = {True: rng.randrange(2**32), False: rng.randrange(2**32)}
    ends = {True: (line.client, line.server), False: (line.server, line.client)}
    frames: list[Frame] = []
    for stub in stubs:
        seq, ack = numbers[stub.from_client], numbers[not stub.from_client]
        size = len(stub.data) + bool(stub.flags & (SYN | FIN))
        numbers[stub.from_client] = (seq + size) % 2**32
        if not stub.flags & ACK:
            ack = 0
        ts_ns = line.begin_ns + int(stub.at_s * NS)
        options = timestamps(line.clock, ts_ns, stub.from_client) if line.clock is not None else b""
        head = Head(seq, ack, stub.flags, options)
        frame = Frame(ts_ns, tcp_segment(ends[stub.from_client], head, stub.data))
        frames.append(frame)
        if stub.data and rng.random() < line.repeated:
            frames.append(Frame(frame.ts_ns + int(0.21 * NS), frame.data))
    frames.sort(key=lambda f: f.ts_ns)
    return weather(frames, line, rng)


def stub_packets(said: Sequence[Said], line: Line) -> Iterable[Stub]:
    """Handshake, data cut at the MSS with acknowledgements, and the close."""
    shift = line.rtt_s + 2 * LAG_S if line.handshake else 0.0
    if line.handshake:
        yield Stub(0.0, True, SYN)
        yield Stub(line.rtt_s, False, SYN | ACK)
        yield Stub(line.rtt_s + LAG_S, True, ACK)
    last = shift
    for words in said:
        at_s = shift + words.at_s
        for start in range(0, len(words.data), MSS):
            at_s += 0.00001
            final = start + MSS >= len(words.data)
            yield Stub(at_s, words.from_client, ACK | (PSH if final else 0), words.data[start : start + MSS])
        yield Stub(
            at_s + (line.rtt_s if words.from_client else LAG_S) + DELAYED_ACK_S, not words.from_client, ACK
        )
        last = max(last, at_s)
    if line.close:
        yield Stub(last + 0.5, True, FIN | ACK)
        yield Stub(last + 0.5 + line.rtt_s, False, FIN | ACK)
        yield Stub(last + 0.5 + line.rtt_s + LAG_S, True, ACK)


def weather(frames: list[Frame], line: Line, rng: random.Random) -> list[Frame]:
    """Drop and swap packets as the line says."""
    kept = [f for f in frames if rng.random() >= line.lost]
    for i in range(len(kept) - 1):
        if rng.random() < line.swapped:
            first, second = kept[i], kept[i + 1]
            kept[i], kept[i + 1] = Frame(first.ts_ns, second.data), Frame(second.ts_ns, first.data)
    return kept


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def timestamps(clock: HostClock, ts_ns: int, from_client: bool) -> bytes:
    """The option of a segment (RFC 7323): its sender's clock, and the other's; the server's ticks in Unix ms."""
    both = clock.at(ts_ns), ts_ns // 1_000_000 % 2**32
    return struct.pack("!BBBBII", 1, 1, 8, 10, *(both if from_client else both[::-1]))


@dataclass(frozen=True, slots=True)
class Head:
    """What a TCP header says besides its ports; ``options`` fill whole words."""

    seq: int
    ack: int
    flags: int
    options: bytes = b""


def tcp_segment(ends: tuple[Endpoint, Endpoint], tcp: Head, data: bytes) -> bytes:
    """An Ethernet frame with one TCP segment."""
    source, target = ends
    words = 5 + len(tcp.options) // 4
    head = struct.pack(
        "!HHIIBBHHH", source.port, target.port, tcp.seq, tcp.ack, words << 4, tcp.flags, 64240, 0, 0
    )
    head += tcp.options
    total = checksum(pseudo(source, target, TCP, len(head) + len(data)) + head + data)
    head = head[:16] + struct.pack("!H", total) + head[18:]
    return ip_frame(source, target, TCP, head + data)


def udp_frame(ends: tuple[Endpoint, Endpoint], at_ns: int, data: bytes) -> Frame:
    """A UDP datagram as a frame; the checksum is left out as IPv4 allows."""
    source, target = ends
    head = struct.pack("!HHHH", source.port, target.port, 8 + len(data), 0)
    if ":" in source.ip:
        head = head[:6] + struct.pack(
            "!H", checksum(pseudo(source, target, UDP, 8 + len(data)) + head + data) or 0xFFFF
        )
    return Frame(at_ns, ip_frame(source, target, UDP, head + data))


def pseudo(source: Endpoint, target: Endpoint, proto: int, size: int) -> bytes:
    """The pseudo header that TCP and UDP checksums cover."""
    ends = ipaddress.ip_address(source.ip).packed + ipaddress.ip_address(target.ip).packed
    return ends + (
        struct.pack("!IxxxB", size, proto) if ":" in source.ip else struct.pack("!xBH", proto, size)
    )


def ip_frame(source: Endpoint, target: Endpoint, proto: int, payload: bytes) -> bytes:
    """Ethernet II and IP around a payload."""
    a, b = ipaddress.ip_address(source.ip).packed, ipaddress.ip_address(target.ip).packed
    ether = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
    if len(a) == 16:
        return ether + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + a + b + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, proto, 0) + a + b
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ether + b"\x08\0" + head + payload


def write_pcap(path: str | Path, frames: Iterable[Frame]) -> int:
    """Write frames, in order of time, as a nanosecond pcap; gives their number."""
    count = 0
    with Path(path).open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for frame in sorted(frames, key=lambda f: f.ts_ns):
            seconds, rest = divmod(frame.ts_ns, NS)
            file.write(struct.pack("<IIII", seconds, rest, len(frame.data), len(frame.data)) + frame.data)
            count += 1
    return count
