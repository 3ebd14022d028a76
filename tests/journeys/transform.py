"""Captures taken apart into packets, changed in ways that must not change what is read, and written again.

A `Packet` is one TCP segment; transforms are functions from packets to packets, wrappers from frame to frame.
"""

import gzip
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from davylamp.capture import read_batches
from davylamp.records import FIN, SYN, TCP, Endpoint, InputReport
from davylamp.simulate.wire import Said, checksum, ip_frame, pseudo

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Packet:
    ts_ns: int
    src: Endpoint
    dst: Endpoint
    flags: int
    seq: int  # of the header: a SYN's payload starts behind it
    ack: int
    data: bytes
    wire_len: int

    @property
    def way(self) -> tuple[Endpoint, Endpoint]:
        return self.src, self.dst


def address(hi: int, lo: int) -> str:
    if hi == 0 and lo >> 32 == 0xFFFF:
        return ".".join(str(lo >> s & 255) for s in (24, 16, 8, 0))
    whole = hi << 64 | lo
    return ":".join(f"{whole >> s & 0xFFFF:x}" for s in range(112, -1, -16))


def read(path: str | Path) -> list[Packet]:
    """The TCP packets of a capture, in capture order."""
    found = []
    for b in read_batches(str(path), InputReport(str(path))):
        for i in range(len(b.ts_ns)):
            if b.proto[i] != TCP:
                continue
            at, size = int(b.payload_off[i]), int(b.payload_len[i])
            found.append(
                Packet(
                    int(b.ts_ns[i]),
                    Endpoint(address(int(b.src_hi[i]), int(b.src_lo[i])), int(b.sport[i])),
                    Endpoint(address(int(b.dst_hi[i]), int(b.dst_lo[i])), int(b.dport[i])),
                    int(b.flags[i]),
                    int(b.seq[i]),
                    int(b.ack[i]),
                    b.buffer[at : at + size].tobytes(),
                    int(b.wire_len[i]),
                )
            )
    return found


def frame(p: Packet) -> bytes:
    """The Ethernet frame of a packet as the wire carried it, lost payload as zeros."""
    data = p.data + bytes(p.wire_len - len(p.data))
    head = struct.pack("!HHIIBBHHH", p.src.port, p.dst.port, p.seq, p.ack, 5 << 4, p.flags, 64240, 0, 0)
    total = checksum(pseudo(p.src, p.dst, TCP, len(head) + len(data)) + head + data)
    return ip_frame(p.src, p.dst, TCP, head[:16] + struct.pack("!H", total) + head[18:] + data)


# --- containers --------------------------------------------------------------------------------------------

Wrap = Callable[[bytes], bytes]


def plain(data: bytes) -> bytes:
    return data


def pcap_bytes(packets: Sequence[Packet], *, wrap: Wrap = plain, snap: int = 262144) -> bytes:
    """A nanosecond pcap in the order given; a packet whose capture lost its tail is written cut."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, 1)]
    for p in packets:
        data = wrap(frame(p))
        held = min(snap, len(data) - (p.wire_len - len(p.data)))
        seconds, rest = divmod(p.ts_ns, SECOND_NS)
        out.append(struct.pack("<IIII", seconds, rest, held, len(data)) + data[:held])
    return b"".join(out)


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def pcapng_bytes(packets: Sequence[Packet]) -> bytes:
    """pcapng with one interface whose clock ticks nanoseconds."""
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
    out.append(block(1, struct.pack("<HHI", 1, 0, 262144) + resolution))
    for p in packets:
        data = frame(p)
        high, low = p.ts_ns >> 32, p.ts_ns & 0xFFFFFFFF
        out.append(block(6, struct.pack("<IIIII", 0, high, low, len(data), len(data)) + data))
    return b"".join(out)


def zstd_bytes(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


PACKERS = {".gz": gzip.compress, ".zst": zstd_bytes}


# --- encapsulation -----------------------------------------------------------------------------------------

OUTER = (Endpoint("192.0.2.1", 49152), Endpoint("192.0.2.2", 4789))


def tag(ethertype: int, number: int) -> Wrap:
    return lambda f: f[:12] + struct.pack("!HH", ethertype, number) + f[12:]


def udp(port: int, payload: bytes) -> bytes:
    head = struct.pack("!HHHH", 49152, port, 8 + len(payload), 0)
    return ip_frame(*OUTER, 17, head + payload)


def mpls(f: bytes) -> bytes:
    return f[:12] + b"\x88\x47" + struct.pack("!II", 16 << 12 | 255, 17 << 12 | 1 << 8 | 255) + f[14:]


def gtp(f: bytes) -> bytes:
    return udp(2152, struct.pack("!BBHI", 0x30, 0xFF, len(f) - 14, 77) + f[14:])


ENCAPSULATIONS: dict[str, Wrap] = {
    "vlan": tag(0x8100, 42),
    "qinq": lambda f: tag(0x88A8, 7)(tag(0x8100, 42)(f)),
    "mpls": mpls,
    "vxlan": lambda f: udp(4789, b"\x08\0\0\0\0\x12\x34\0" + f),
    "gre": lambda f: ip_frame(*OUTER, 47, b"\0\0" + f[12:14] + f[14:]),
    "gre of ethernet": lambda f: ip_frame(*OUTER, 47, b"\0\0\x65\x58" + f),
    "erspan": lambda f: ip_frame(*OUTER, 47, b"\x10\0\x88\xbe\0\0\0\x01" + b"\x10\x2a\0\x07\0\0\0\0" + f),
    "gtp-u": gtp,
    "ip in ip": lambda f: ip_frame(*OUTER, 4 if f[12:14] == b"\x08\0" else 41, f[14:]),
    "vlan in vxlan": lambda f: udp(4789, b"\x08\0\0\0\0\x12\x34\0" + tag(0x8100, 42)(f)),
}


# --- segments ----------------------------------------------------------------------------------------------


def cut(packets: Sequence[Packet], size: int) -> list[Packet]:
    """Every payload in pieces of at most ``size`` bytes."""
    out = []
    for p in packets:
        if len(p.data) <= size or p.wire_len != len(p.data) or p.flags & SYN:
            out.append(p)
            continue
        for at in range(0, len(p.data), size):
            piece = p.data[at : at + size]
            last = at + size >= len(p.data)
            flags = p.flags if last else p.flags & ~FIN
            seq = (p.seq + at) % 2**32
            out.append(replace(p, data=piece, wire_len=len(piece), seq=seq, flags=flags))
    return out


def merge(packets: Sequence[Packet]) -> list[Packet]:
    """Payload of one direction that nothing of the other interrupts, in one segment."""
    out: list[Packet] = []
    for p in packets:
        last = out[-1] if out else None
        joins = (
            last is not None
            and last.way == p.way
            and last.data
            and p.data
            and last.wire_len == len(last.data)
            and p.wire_len == len(p.data)
            and not (last.flags | p.flags) & (SYN | FIN)
            and (last.seq + len(last.data)) % 2**32 == p.seq
            and len(last.data) + len(p.data) < 60_000
        )
        if joins:
            data = last.data + p.data
            out[-1] = replace(p, seq=last.seq, data=data, wire_len=len(data))
        else:
            out.append(p)
    return out


def shuffle(packets: Sequence[Packet], window_ns: int, seed: int) -> list[Packet]:
    """Packets of one direction that follow each other within a window, in any order; handshakes stay."""
    rng = random.Random(seed)
    out: list[Packet] = []
    for _, run in groupby(packets, key=lambda p: (p.way, bool(p.flags & SYN))):
        group: list[Packet] = []
        for p in [*run, None]:
            if p is not None and (not group or p.ts_ns - group[0].ts_ns <= window_ns):
                group.append(p)
                continue
            times = [g.ts_ns for g in group]
            if not group[0].flags & SYN:
                rng.shuffle(group)
            out += [replace(g, ts_ns=t) for g, t in zip(group, times, strict=True)]
            group = [p] if p is not None else []
    return out


def double(packets: Sequence[Packet], delay_ns: int = 0) -> list[Packet]:
    """Each packet twice, as from a mirror port that copies both ways in and out."""
    copies = [replace(p, ts_ns=p.ts_ns + delay_ns) for p in packets]
    both = [p for pair in zip(packets, copies, strict=True) for p in pair]
    return sorted(both, key=lambda p: p.ts_ns)


def renumber(packets: Sequence[Packet], before_wrap: int) -> list[Packet]:
    """Sequence numbers moved so that each direction of each flow wraps ``before_wrap`` bytes after its start."""
    shift: dict[tuple[Endpoint, Endpoint], int] = {}
    for p in packets:
        shift.setdefault(p.way, 2**32 - before_wrap - p.seq)
    return [
        replace(
            p,
            seq=(p.seq + shift[p.way]) % 2**32,
            ack=(p.ack + shift.get((p.dst, p.src), 0)) % 2**32 if p.ack else 0,
        )
        for p in packets
    ]


def readdress(packets: Sequence[Packet], change: Callable[[str], str]) -> list[Packet]:
    def moved(end: Endpoint) -> Endpoint:
        return Endpoint(change(end.ip), end.port)

    return [replace(p, src=moved(p.src), dst=moved(p.dst)) for p in packets]


def as_ipv6(ip: str) -> str:
    a, b, c, d = (int(part) for part in ip.split("."))
    return f"2001:db8:0:0:0:0:{a << 8 | b:x}:{c << 8 | d:x}"


def later(packets: Sequence[Packet], seconds: float) -> list[Packet]:
    return [replace(p, ts_ns=p.ts_ns + int(seconds * SECOND_NS)) for p in packets]


# --- what the ends say, and other ways to carry it ---------------------------------------------------------


def words_of(packets: Sequence[Packet]) -> list[Said]:
    """The payload of one flow whose capture is whole: each side's new bytes with their times."""
    client = packets[0].src
    begin_ns = packets[0].ts_ns
    upto: dict[bool, int] = {}
    said = []
    for p in packets:
        side = p.src == client
        start = (p.seq + 1) % 2**32 if p.flags & SYN else p.seq
        if side not in upto or p.flags & SYN:
            upto[side] = start
        known = (upto[side] - start) % 2**32
        if p.data and known < len(p.data):
            said.append(Said((p.ts_ns - begin_ns) / SECOND_NS, side, p.data[known:]))
            upto[side] = (start + len(p.data)) % 2**32
    return said


def shifted(opening: Sequence[tuple[bool, bytes]], said: Sequence[Said]) -> list[Said]:
    start = [Said(0.001 * i, side, data) for i, (side, data) in enumerate(opening)]
    return start + [Said(s.at_s + 0.5, s.from_client, s.data) for s in said]


def through_socks5(said: Sequence[Said]) -> list[Said]:
    ask = b"\x05\x01\x00\x03\x0cpool.example" + struct.pack("!H", 3333)
    granted = b"\x05\0\0\x01\0\0\0\0\0\0"
    return shifted([(True, b"\x05\x01\0"), (False, b"\x05\0"), (True, ask), (False, granted)], said)


def through_connect(said: Sequence[Said]) -> list[Said]:
    ask = b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"
    return shifted([(True, ask), (False, b"HTTP/1.1 200 Connection established\r\n\r\n")], said)


def websocket_frame(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    flag = 0x80 if mask else 0
    head = b"\x81" + (bytes([flag | size]) if size < 126 else bytes([flag | 126]) + struct.pack("!H", size))
    body = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if mask else data
    return head + mask + body


def through_websocket(said: Sequence[Said], seed: int = 3) -> list[Said]:
    """Each line as one WebSocket message, the client's masked."""
    rng = random.Random(seed)
    ask = (
        b"GET / HTTP/1.1\r\nHost: pool.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    grant = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    waiting = {True: b"", False: b""}
    framed = []
    for s in said:
        *lines, waiting[s.from_client] = (waiting[s.from_client] + s.data).split(b"\n")
        mask = rng.randbytes(4) if s.from_client else b""
        frames = b"".join(websocket_frame(line, mask) for line in lines if line)
        framed += [Said(s.at_s, s.from_client, frames)] if frames else []
    return shifted([(True, ask), (False, grant)], framed)
