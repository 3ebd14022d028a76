"""Link layers and shims: the same segment comes out of each."""

import struct
from pathlib import Path

import pytest

from capture.craft import HELLO, ethernet, header, ipv4, ipv6, read_bytes, read_frames, record, tcp, tcp_row

IP = ipv4(tcp())
IP6 = ipv6(tcp())
SNAP = b"\xaa\xaa\x03\0\0\0"


def sll(kind: int, payload: bytes) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, bytes(8), kind) + payload


def sll2(kind: int, payload: bytes) -> bytes:
    return struct.pack("!HHIHBB8s", kind, 0, 2, 1, 0, 6, bytes(8)) + payload


def ppi(link: int, payload: bytes, fields: int = 12) -> bytes:
    return struct.pack("<BBHI", 0, 0, 8 + fields, link) + bytes(fields) + payload


def pppoe(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!BBHHH", 0x11, 0, 7, len(payload) + 2, protocol) + payload


LINKS = {
    "BSD loopback, little-endian": (0, struct.pack("<I", 2) + IP),
    "BSD loopback, big-endian": (0, struct.pack(">I", 2) + IP),
    "OpenBSD loopback": (108, struct.pack(">I", 2) + IP),
    "raw 12": (12, IP),
    "raw 14": (14, IP),
    "raw 101": (101, IP),
    "raw IPv4": (228, IP),
    "cooked": (113, sll(0x0800, IP)),
    "cooked with a tag": (113, sll(0x8100, b"\0\5\x08\0" + IP)),
    "cooked with LLC": (113, sll(4, SNAP + b"\x08\0" + IP)),
    "cooked v2": (276, sll2(0x0800, IP)),
    "PPP": (9, b"\xff\x03\x00\x21" + IP),
    "PPP without address": (9, b"\x00\x21" + IP),
    "PPP with compressed protocol": (9, b"\x21" + IP),
    "PPP over HDLC": (50, b"\xff\x03\x00\x21" + IP),
    "Cisco HDLC inside PPP over HDLC": (50, b"\x0f\x00\x08\x00" + IP),
    "PPPoE": (51, pppoe(0x0021, IP)),
    "PPP with direction": (204, b"\x01\xff\x03\x00\x21" + IP),
    "Cisco HDLC": (104, b"\x0f\x00\x08\x00" + IP),
    "FDDI": (10, bytes(13) + SNAP + b"\x08\0" + IP),
    "PPI around Ethernet": (192, ppi(1, ethernet(IP))),
    "PPI around raw IP": (192, ppi(101, IP, 0)),
    "Ethernet": (1, ethernet(IP)),
    "802.3 with SNAP": (1, ethernet(SNAP + b"\x08\0" + IP, 8 + len(IP))),
    "802.1Q": (1, ethernet(b"\0\5\x08\0" + IP, 0x8100)),
    "QinQ": (1, ethernet(b"\0\5\x81\0\0\6\x08\0" + IP, 0x88A8)),
    "QinQ, old type": (1, ethernet(b"\0\5\x81\0\0\6\x08\0" + IP, 0x9100)),
    "tag around 802.3": (
        1,
        ethernet(b"\0\5" + struct.pack("!H", 8 + len(IP)) + SNAP + b"\x08\0" + IP, 0x8100),
    ),
    "VN-Tag": (1, ethernet(b"\0\1\0\2\x08\0" + IP, 0x8926)),
    "MAC in MAC": (1, ethernet(bytes(4) + ethernet(IP), 0x88E7)),
    "FabricPath": (1, ethernet(b"\0\x41" + ethernet(IP), 0x8903)),
    "MPLS": (1, ethernet(b"\0\x01\x01\x40" + IP, 0x8847)),
    "MPLS stack": (1, ethernet(b"\0\x01\x00\x40\0\x02\x00\x40\0\x03\x01\x40" + IP, 0x8848)),
    "MPLS pseudowire with control word": (1, ethernet(b"\0\x01\x01\x40" + bytes(4) + ethernet(IP), 0x8847)),
    "PPPoE in Ethernet": (1, ethernet(pppoe(0x0021, IP), 0x8864)),
    "MPLS in PPP": (9, b"\xff\x03\x02\x81\0\x01\x01\x40" + IP),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_segment_is_found_behind(tmp_path: Path, name: str) -> None:
    link, frame = LINKS[name]
    reading = read_frames(tmp_path, frame, link=link)
    assert reading.rows == [tcp_row(len(frame))]
    assert reading.report.faults == []


LINKS6 = {
    "raw": (101, IP6),
    "raw IPv6": (229, IP6),
    "Ethernet": (1, ethernet(IP6, 0x86DD)),
    "cooked": (113, sll(0x86DD, IP6)),
    "PPP": (9, b"\xff\x03\x00\x57" + IP6),
    "MPLS": (1, ethernet(b"\0\x01\x01\x40" + IP6, 0x8847)),
    **{f"BSD loopback, family {n}": (0, struct.pack("<I", n) + IP6) for n in (10, 24, 28, 30)},
}


@pytest.mark.parametrize("name", LINKS6)
def test_an_ipv6_segment_is_found_behind(tmp_path: Path, name: str) -> None:
    link, frame = LINKS6[name]
    assert read_frames(tmp_path, frame, link=link).rows == [tcp_row(len(frame), v6=True)]


@pytest.mark.parametrize("name", LINKS)
def test_a_frame_cut_anywhere_never_reads_beyond_its_end(tmp_path: Path, name: str) -> None:
    link, frame = LINKS[name]
    start = len(frame) - len(HELLO)
    content = header(link=link)
    for cut in range(len(frame)):
        content += record(frame[:cut], original=len(frame))
    reading = read_bytes(tmp_path, content)
    assert reading.report.packets == len(frame)
    assert reading.payloads == [HELLO[:n] for n in range(len(HELLO))]
    assert all(row.wire_len == len(HELLO) for row in reading.rows)
    assert reading.faults["E-CAP-020"] == len(frame)
    assert start + len(HELLO) == len(frame)


def test_what_is_no_ip_is_no_fault(tmp_path: Path) -> None:
    arp = ethernet(bytes(28), 0x0806)
    spanning_tree = ethernet(b"\x42\x42\x03" + bytes(35), 38)
    discovery = ethernet(b"\x11\x09" + bytes(20), 0x8863)
    reading = read_frames(tmp_path, arp, spanning_tree, discovery)
    assert (reading.report.packets, reading.rows, reading.report.faults) == (3, [], [])


def test_an_unread_link_type_is_a_fault_that_names_it(tmp_path: Path) -> None:
    reading = read_frames(tmp_path, bytes(40), bytes(40), link=105)
    (fault,) = reading.report.faults
    assert (fault.code, fault.count) == ("E-CAP-015", 2)
    assert fault.message.endswith("LINKTYPE 105")


def test_endless_tags_are_given_up(tmp_path: Path) -> None:
    reading = read_frames(tmp_path, ethernet(b"\0\5\x81\0" * 100, 0x8100))
    assert reading.faults == {"E-CAP-026": 1}
