"""Tunnels: the innermost segment is the row, and a port alone proves no tunnel."""

import struct
from pathlib import Path

import pytest

from capture.craft import (
    HELLO,
    ethernet,
    header,
    ipv4,
    ipv6,
    read_bytes,
    read_frames,
    record,
    tcp,
    tcp_row,
    udp,
)

IP = ipv4(tcp())
INNER = ethernet(IP)
ERSPAN_2 = bytes([0x10, 5, 0, 0, 0, 0, 0, 0])


def gre(bits: int, kind: int, extra: int, payload: bytes) -> bytes:
    return ethernet(ipv4(struct.pack("!HH", bits, kind) + bytes(extra) + payload, 47))


def erspan_3(frame_type: int, has_subheader: bool, payload: bytes) -> bytes:
    head = bytes([0x20, 5]) + bytes(8) + bytes([frame_type << 2, int(has_subheader)])
    return gre(0x1000, 0x22EB, 4, head + bytes(8 if has_subheader else 0) + payload)


def over_udp(port: int, payload: bytes) -> bytes:
    return ethernet(ipv4(udp(payload, dport=port), 17))


def vxlan(inner: bytes, port: int = 4789) -> bytes:
    return over_udp(port, bytes([8, 0, 0, 0, 0, 0, 77, 0]) + inner)


def gtp(bits: int, extra: bytes, inner: bytes) -> bytes:
    return over_udp(2152, struct.pack("!BBHI", 0x30 | bits, 255, len(extra + inner), 1) + extra + inner)


TUNNELS = {
    "IP in IP": ethernet(ipv4(IP, 4)),
    "IPv4 in IPv6": ethernet(ipv6(IP, 4), 0x86DD),
    "GRE": gre(0, 0x0800, 0, IP),
    "GRE with everything": gre(0xB000, 0x0800, 12, IP),
    "GRE with Ethernet": gre(0x2000, 0x6558, 4, INNER),
    "GRE with a tag": gre(0, 0x8100, 0, b"\0\5\x08\0" + IP),
    "PPTP": gre(0x3081, 0x880B, 12, b"\xff\x03\x00\x21" + IP),
    "PPTP without acknowledgment": gre(0x3001, 0x880B, 8, b"\x21" + IP),
    "ERSPAN I": gre(0, 0x88BE, 0, INNER),
    "ERSPAN II": gre(0x1000, 0x88BE, 4, ERSPAN_2 + INNER),
    "ERSPAN III": erspan_3(0, False, INNER),
    "ERSPAN III with subheader": erspan_3(0, True, INNER),
    "ERSPAN III with IP": erspan_3(2, False, IP),
    "EtherIP": ethernet(ipv4(b"\x30\0" + INNER, 97)),
    "MPLS in IP": ethernet(ipv4(b"\0\x01\x01\x40" + IP, 137)),
    "VXLAN": vxlan(INNER),
    "VXLAN on the old port": vxlan(INNER, 8472),
    "Geneve": over_udp(6081, b"\0\0\x65\x58\0\0\x01\0" + INNER),
    "Geneve with options": over_udp(6081, b"\x02\0\x65\x58\0\0\x01\0" + bytes(8) + INNER),
    "GTP-U": gtp(0, b"", IP),
    "GTP-U with sequence number": gtp(2, bytes(4), IP),
    "GTP-U with extension headers": gtp(4, b"\0\0\0\x85\x01\0\0\xc0\x02" + bytes(6) + b"\0", IP),
    "VXLAN in VXLAN": vxlan(ethernet(ipv4(udp(bytes([8, 0, 0, 0, 0, 0, 1, 0]) + INNER, dport=4789), 17))),
    "GTP-U in GRE": gre(0, 0x0800, 0, gtp(0, b"", IP)[14:]),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_the_innermost_segment_is_the_row(tmp_path: Path, name: str) -> None:
    frame = TUNNELS[name]
    reading = read_frames(tmp_path, frame)
    assert (reading.rows, reading.faults) == ([tcp_row(len(frame))], {})


def test_ipv6_in_ipv4_gives_the_inner_addresses(tmp_path: Path) -> None:
    frame = ethernet(ipv4(ipv6(tcp()), 41))
    assert read_frames(tmp_path, frame).rows == [tcp_row(len(frame), v6=True)]


@pytest.mark.parametrize("name", TUNNELS)
def test_a_tunnel_cut_anywhere_never_reads_beyond_its_end(tmp_path: Path, name: str) -> None:
    frame = TUNNELS[name]
    content = header() + b"".join(record(frame[:cut], original=len(frame)) for cut in range(len(frame)))
    reading = read_bytes(tmp_path, content)
    inner = [row for row in reading.rows if row.proto == 6]
    assert [row.payload for row in inner] == [HELLO[:n] for n in range(len(HELLO))]
    assert reading.report.packets == len(frame)


LOOKALIKES = {
    "VXLAN port, other bits": (4789, b"\0" * 8 + INNER),
    "VXLAN port, no frame inside": (8472, b"\x08\0\0\0\0\0\x01\0" + b"not an ethernet frame"),
    "VXLAN with ARP": (4789, b"\x08\0\0\0\0\0\x01\0" + ethernet(bytes(28), 0x0806)),
    "GTP-U port, a DNS answer": (2152, b"\x12\x34\x81\x80" + bytes(30)),
    "GTP-U echo": (2152, b"\x32\x01\0\4\0\0\0\0" + bytes(4)),
    "GTP-U with an extension of no length": (2152, b"\x34\xff\0\x20\0\0\0\1\0\0\0\x85\0\0\0\0" + IP),
    "Geneve port, version 3": (6081, b"\xc0" + bytes(20)),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_holds_no_segment_is_plain_udp(tmp_path: Path, name: str) -> None:
    port, payload = LOOKALIKES[name]
    reading = read_frames(tmp_path, over_udp(port, payload))
    assert [(row.proto, row.dport, row.payload) for row in reading.rows] == [(17, port, payload)]
    assert reading.faults == {}


def test_endless_tunnels_are_given_up(tmp_path: Path) -> None:
    packet = IP
    for _ in range(40):
        packet = ipv4(packet, 4)
    reading = read_frames(tmp_path, ethernet(packet))
    assert (reading.rows, reading.faults) == ([], {"E-CAP-026": 1})
