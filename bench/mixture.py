"""Build one large capture out of many small ones, with addresses that differ in every copy.

Every copy is one minute of traffic in which all source captures play at once, each stretched or squeezed to that
minute. In copy number k the IPv4 addresses have k mixed into their second and third octet (IPv6: into bytes 4
and 5), so that flows of different copies are different flows. Only Ethernet captures take part.

    python bench/mixture.py ../shared/data/controls out/mixture-1g.pcap --gib 1
"""

import argparse
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MINUTE_US = 60_000_000
BEGIN_S = 1_700_000_000
LITTLE = b"\xd4\xc3\xb2\xa1"


def packets_of(path: Path) -> Iterator[tuple[int, bytes, int]]:
    """(time in microseconds, captured bytes, wire length) of an Ethernet pcap or pcapng; stops at damage."""
    data = path.read_bytes()
    if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
        yield from pcap_packets(data)
    elif data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from pcapng_packets(data)


def pcap_packets(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    end = "<" if data[0] in (0xD4, 0x4D) else ">"
    nano = data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    if struct.unpack_from(end + "I", data, 20)[0] & 0xFFFF != 1:
        return
    at = 24
    while at + 16 <= len(data):
        sec, frac, size, wire = struct.unpack_from(end + "IIII", data, at)
        if at + 16 + size > len(data):
            return
        yield sec * 1_000_000 + (frac // 1000 if nano else frac), data[at + 16 : at + 16 + size], wire
        at += 16 + size


def pcapng_packets(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    end, links, at = "<", [], 0
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            end = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack_from(end + "II", data, at)
        if size < 12 or at + size > len(data):
            return
        if kind == 1:
            links.append(struct.unpack_from(end + "H", data, at + 8)[0])
        elif kind == 6:
            face, high, low, held, wire = struct.unpack_from(end + "IIIII", data, at + 8)
            if face < len(links) and links[face] == 1 and at + 28 + held <= len(data):
                yield (high << 32) | low, data[at + 28 : at + 28 + held], wire
        at += size


@dataclass
class Minute:
    """One copy: its bytes, where times stand in it, and which bytes to change per copy."""

    data: np.ndarray
    time_at: np.ndarray
    times_us: np.ndarray
    mix_low: np.ndarray
    mix_high: np.ndarray
    packets: int


def one_minute(folder: Path) -> Minute:
    """All captures below a folder as one minute, in order of time."""
    rows: list[tuple[int, bytes, int]] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".pcap", ".pcapng", ".cap")):
        own = list(packets_of(path))
        if not own:
            continue
        first, last = min(t for t, _, _ in own), max(t for t, _, _ in own)
        span = max(1, last - first)
        rows += [((t - first) * (MINUTE_US - 1) // span, data, wire) for t, data, wire in own]
    rows.sort(key=lambda row: row[0])
    out, time_at, times, low, high = bytearray(), [], [], [], []
    for at_us, data, wire in rows:
        time_at.append(len(out))
        times.append(at_us)
        out += struct.pack("<IIII", 0, 0, len(data), max(wire, len(data)))
        base = len(out)
        for offset in address_bytes(data):
            low.append(base + offset)
            high.append(base + offset - 1)
        out += data
    arrays = [np.array(v, dtype=np.int64) for v in (time_at, times, low, high)]
    return Minute(np.frombuffer(bytes(out), dtype=np.uint8), *arrays, packets=len(rows))


def address_bytes(frame: bytes) -> list[int]:
    """Offset of the third octet (IPv4) or sixth byte (IPv6) of both addresses; the byte before it changes as well."""
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind = frame[at : at + 2]
    if kind == b"\x08\x00" and len(frame) >= at + 22:
        return [at + 2 + 12 + 2, at + 2 + 16 + 2]
    if kind == b"\x86\xdd" and len(frame) >= at + 42:
        return [at + 2 + 8 + 5, at + 2 + 24 + 5]
    return []


def build(folder: Path, target: Path, size: int) -> tuple[int, int]:
    """Write ``target`` with at least ``size`` bytes; gives (packets, bytes)."""
    minute = one_minute(folder)
    copies = -(-size // minute.data.size)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(LITTLE + struct.pack("<HHiIII", 2, 4, 0, 0, 262144, 1))
        for k in range(copies):
            data = minute.data.copy()
            data[minute.mix_low] ^= np.uint8(k & 0xFF)
            data[minute.mix_high] ^= np.uint8(k >> 8)
            seconds = (BEGIN_S + 60 * k + minute.times_us // 1_000_000).astype("<u4")
            micros = (minute.times_us % 1_000_000).astype("<u4")
            for i in range(4):
                data[minute.time_at + i] = seconds.view(np.uint8).reshape(-1, 4)[:, i]
                data[minute.time_at + 4 + i] = micros.view(np.uint8).reshape(-1, 4)[:, i]
            file.write(data.tobytes())
    return copies * minute.packets, target.stat().st_size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--gib", type=float, default=1.0)
    given = parser.parse_args()
    count, length = build(given.folder, given.target, int(given.gib * 2**30))
    sys.stdout.write(f"{given.target}: {count:,} packets, {length:,} bytes\n")
