"""Mutates small crafted captures and reads them; run in a process of its own with bounds checking on."""

import random
import struct
import sys
import tempfile
from pathlib import Path

from capture.craft import (
    block,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    option,
    pcap,
    read_bytes,
    section,
    tcp,
    udp,
)
from davylamp.capture import decode, pcapng
from davylamp.capture import pcap as pcap_walker
from davylamp.capture.faults import MESSAGES
from davylamp.errors import CaptureError


def seeds() -> list[bytes]:
    """Captures that together hold every layer."""
    inner = ethernet(ipv4(tcp()))
    vxlan = ethernet(ipv4(udp(bytes([8, 0, 0, 0, 0, 0, 1, 0]) + inner, dport=4789), 17))
    gtp = ethernet(ipv4(udp(b"\x32\xff\0\x50\0\0\0\1\0\0\0\0" + ipv4(tcp()), dport=2152), 17))
    erspan = ethernet(ipv4(b"\x10\0\x88\xbe\0\0\0\0\x10\5" + bytes(6) + inner, 47))
    tagged = ethernet(b"\0\5\x88\x47\0\1\1\x40" + ipv6(bytes([6, 0]) + bytes(6) + tcp(), 0), 0x8100)
    parts = [ethernet(ipv4(tcp()[:24], fragment=0x2000)), ethernet(ipv4(tcp()[24:], fragment=3))]
    frames = [inner, vxlan, gtp, erspan, tagged, *parts]
    sections = [
        section(order)
        + interface(options=option(9, b"\x89", order) + option(14, bytes(8), order), order=order)
        + b"".join(enhanced(frame, 1 << 40, order=order) for frame in frames)
        + block(3, struct.pack(order + "I", len(inner)) + inner, order)
        + block(2, struct.pack(order + "HHIIII", 0, 0, 0, 0, len(inner), len(inner)) + inner, order)
        for order in "<>"
    ]
    return [pcap(frames), b"".join(sections), pcap([b"\xff\x03\0\x21" + ipv4(tcp())], link=9)]


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Change, insert, repeat or cut a few bytes behind the magic."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(4, len(data))
        what = rng.random()
        if what < 0.6:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif what < 0.8:
            data[at : at + 2] = rng.choice((b"\0\0", b"\xff\xff", b"\xff\xff\xff\xff"))
        elif what < 0.9:
            data[at:at] = data[rng.randrange(len(data)) :][: rng.randint(1, 64)]
        else:
            del data[at : at + rng.randint(1, 64)]
    return bytes(data)


def main(rounds: int, seed: int) -> None:
    """Read ``rounds`` mutants."""
    rng = random.Random(seed)
    contents = seeds()
    packets = faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            mutant = mutate(contents[number % len(contents)], rng)
            try:
                reading = read_bytes(Path(folder), mutant)
            except CaptureError:
                continue
            packets += reading.report.packets
            faults += sum(reading.faults.values())
            assert reading.report.bytes == len(mutant)
            assert set(reading.faults) <= set(MESSAGES)
            assert all(0 <= fault.offset <= len(mutant) for fault in reading.report.faults)
            assert all(len(row.payload) <= row.wire_len for row in reading.rows)
    print(f"{rounds} mutants, {packets} packets, {faults} faults")
    for kernel in (decode.decode, pcap_walker.walk_pcap, pcapng.walk_pcapng):
        for text in kernel.inspect_llvm().values():  # type: ignore[attr-defined]
            assert "double" not in text, kernel
    print("no kernel computes with floats")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
