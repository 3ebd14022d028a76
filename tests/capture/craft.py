"""Captures built byte by byte, so that every expected column is known by construction."""

import struct
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

from davylamp.capture import read_batches
from davylamp.records import InputReport, PacketBatch

CLIENT, SERVER = "192.0.2.7", "198.51.100.9"
CLIENT6, SERVER6 = "2001:db8::7", "2001:db8:ffff::9"
SPORT, DPORT = 51000, 3333
SEQ, ACKED = 0xFFFF_FFF0, 0x0102_0304
PUSH_ACK = 0x18
HELLO = b'{"id":1,"method":"login"}\n'
START_S = 1_600_000_000
START_NS = START_S * 1_000_000_000


def tcp(
    payload: bytes = HELLO, *, sport: int = SPORT, flags: int = PUSH_ACK, options: bytes = b"", words: int = 0
) -> bytes:
    """A TCP segment; ``words`` overrides the data offset."""
    size = words or 5 + len(options) // 4
    return (
        struct.pack("!HHIIBBHHH", sport, DPORT, SEQ, ACKED, size << 4, flags, 1024, 0, 0) + options + payload
    )


def udp(payload: bytes = HELLO, *, dport: int = DPORT, length: int | None = None) -> bytes:
    """A UDP datagram; ``length`` overrides its length field."""
    return struct.pack("!HHHH", SPORT, dport, 8 + len(payload) if length is None else length, 0) + payload


def ipv4(
    payload: bytes,
    proto: int = 6,
    *,
    total: int | None = None,
    ident: int = 1,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet; ``total`` overrides its total length, ``fragment`` is the field of flags and offset."""
    header = 20 + len(options)
    total = header + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH", 0x40 | header // 4, 0, total, ident, fragment, 64, proto, 0)
    return head + ip_address(CLIENT).packed + ip_address(SERVER).packed + options + payload


def ipv6(payload: bytes, kind: int = 6, *, length: int | None = None) -> bytes:
    """An IPv6 packet."""
    head = struct.pack("!IHBB", 0x6000_0000, len(payload) if length is None else length, kind, 64)
    return head + ip_address(CLIENT6).packed + ip_address(SERVER6).packed + payload


def ethernet(payload: bytes, kind: int = 0x0800) -> bytes:
    """An Ethernet frame."""
    return bytes(6) + b"\x02\0\0\0\0\x01" + struct.pack("!H", kind) + payload


def plain_frame(payload: bytes = HELLO) -> bytes:
    """Ethernet, IPv4, TCP."""
    return ethernet(ipv4(tcp(payload)))


def record(
    frame: bytes, *, at: int = 0, original: int | None = None, captured: int | None = None, order: str = "<"
) -> bytes:
    """A pcap record ``at`` seconds after `START_S`."""
    size = len(frame) if captured is None else captured
    return struct.pack(order + "IIII", START_S + at, at, size, original or len(frame)) + frame


def header(*, magic: int = 0xA1B2C3D4, link: int = 1, snaplen: int = 262_144, order: str = "<") -> bytes:
    """A pcap file header."""
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)


def pcap(frames: Sequence[bytes], *, link: int = 1) -> bytes:
    """A pcap file of whole frames, one second apart."""
    return header(link=link) + b"".join(record(frame, at=index) for index, frame in enumerate(frames))


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, options: bytes = b"", order: str = "<", snaplen: int = 0) -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """A pcapng option."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(
    frame: bytes, ticks: int, number: int = 0, order: str = "<", original: int | None = None
) -> bytes:
    """An enhanced packet block."""
    fixed = (number, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame), original or len(frame))
    return block(6, struct.pack(order + "IIIII", *fixed) + frame, order)


class Row(NamedTuple):
    """One row of a batch, with its payload."""

    ts_ns: int
    src: str
    dst: str
    sport: int
    dport: int
    proto: int
    flags: int
    seq: int
    ack: int
    payload: bytes
    wire_len: int
    frame_len: int


def rows_of(batch: PacketBatch) -> list[Row]:
    """A batch as rows."""
    rows = []
    for i in range(batch.ts_ns.size):
        src = IPv6Address(int(batch.src_hi[i]) << 64 | int(batch.src_lo[i]))
        dst = IPv6Address(int(batch.dst_hi[i]) << 64 | int(batch.dst_lo[i]))
        off, size = int(batch.payload_off[i]), int(batch.payload_len[i])
        assert 0 <= off <= off + size <= batch.buffer.size
        numbers = (batch.sport, batch.dport, batch.proto, batch.flags, batch.seq, batch.ack)
        rows.append(
            Row(
                int(batch.ts_ns[i]),
                str(src.ipv4_mapped or src),
                str(dst.ipv4_mapped or dst),
                *(int(column[i]) for column in numbers),
                batch.buffer[off : off + size].tobytes(),
                int(batch.wire_len[i]),
                int(batch.frame_len[i]),
            )
        )
    return rows


class Reading(NamedTuple):
    """What reading a capture gave."""

    report: InputReport
    rows: list[Row]

    @property
    def faults(self) -> dict[str, int]:
        """Count per fault code."""
        return {fault.code: fault.count for fault in self.report.faults}

    @property
    def payloads(self) -> list[bytes]:
        """Payload of each row."""
        return [row.payload for row in self.rows]


def read_file(path: Path | str, chunk_bytes: int = 1 << 20) -> Reading:
    """Read a capture to its end."""
    report = InputReport(str(path))
    return Reading(
        report, [row for b in read_batches(str(path), report, chunk_bytes=chunk_bytes) for row in rows_of(b)]
    )


def read_bytes(folder: Path, content: bytes) -> Reading:
    """Read a capture that is given as bytes."""
    path = folder / "crafted"
    path.write_bytes(content)
    return read_file(path)


def read_frames(folder: Path, *frames: bytes, link: int = 1) -> Reading:
    """Read frames out of a pcap file."""
    return read_bytes(folder, pcap(frames, link=link))


def tcp_row(frame_len: int, payload: bytes = HELLO, *, at: int = 0, v6: bool = False) -> Row:
    """The row that `tcp` makes in the frame that lies ``at`` seconds into a `pcap`."""
    ends = (CLIENT6, SERVER6) if v6 else (CLIENT, SERVER)
    ts_ns = START_NS + at * 1_000_001_000
    return Row(ts_ns, *ends, SPORT, DPORT, 6, PUSH_ACK, SEQ, ACKED, payload, len(payload), frame_len)
