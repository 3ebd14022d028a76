"""IP, TCP and UDP headers: what they claim, what is there, and what the columns say of both."""

import struct
from pathlib import Path

import pytest

from capture.craft import (
    CLIENT,
    DPORT,
    HELLO,
    SERVER,
    SPORT,
    START_NS,
    Row,
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


def test_udp_has_neither_flags_nor_numbers(tmp_path: Path) -> None:
    frame = ethernet(ipv4(udp(), 17))
    expected = Row(START_NS, CLIENT, SERVER, SPORT, DPORT, 17, 0, 0, 0, HELLO, len(HELLO), len(frame))
    assert read_frames(tmp_path, frame).rows == [expected]


def test_ethernet_padding_is_no_payload(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp(b""))) + bytes(6)
    (row,) = read_frames(tmp_path, frame).rows
    assert (row.payload, row.wire_len, row.frame_len) == (b"", 0, 60)


def test_bytes_behind_a_udp_datagram_are_no_payload(tmp_path: Path) -> None:
    frame = ethernet(ipv4(udp(b"abc") + b"trailer", 17))
    (row,) = read_frames(tmp_path, frame).rows
    assert (row.payload, row.wire_len) == (b"abc", 3)


def test_options_of_both_headers_are_passed(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp(options=bytes(40)), options=bytes(40)))
    assert read_frames(tmp_path, frame).rows == [tcp_row(len(frame))]


def test_a_syn_shifts_no_sequence_number(tmp_path: Path) -> None:
    (row,) = read_frames(tmp_path, ethernet(ipv4(tcp(b"x", flags=0x02)))).rows
    assert (row.flags, row.seq, row.payload) == (0x02, 0xFFFF_FFF0, b"x")


def test_a_total_length_of_zero_means_the_frames_own(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp(), total=0))
    snapped = record(frame[:-10], original=len(frame) + 5000)
    reading = read_bytes(tmp_path, header() + record(frame) + snapped)
    assert [(row.payload, row.wire_len) for row in reading.rows] == [
        (HELLO, len(HELLO)),
        (HELLO[:-10], len(HELLO) + 5000),
    ]
    frame6 = ethernet(ipv6(tcp(), length=0), 0x86DD)
    assert read_frames(tmp_path, frame6).rows == [tcp_row(len(frame6), v6=True)]


def test_udp_lengths_of_zero_mean_the_datagrams_own(tmp_path: Path) -> None:
    reading = read_frames(tmp_path, ethernet(ipv4(udp(length=0), 17)))
    assert (reading.payloads, reading.faults) == ([HELLO], {})


def test_a_total_length_beyond_the_frame_is_a_fault_and_claimed_on_the_wire(tmp_path: Path) -> None:
    reading = read_frames(tmp_path, ethernet(ipv4(tcp(), total=40 + len(HELLO) + 700)))
    assert [(row.payload, row.wire_len) for row in reading.rows] == [(HELLO, len(HELLO) + 700)]
    assert reading.faults == {"E-CAP-022": 1}


def test_a_total_length_beyond_a_snapped_frame_is_no_lie(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp()))
    reading = read_bytes(tmp_path, header() + record(frame[:-4], original=len(frame)))
    assert [(row.payload, row.wire_len) for row in reading.rows] == [(HELLO[:-4], len(HELLO))]
    assert reading.faults == {"E-CAP-020": 1}


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(tcp(), total=19),
        b"\x44" + ipv4(tcp())[1:],
        b"\x55" + ipv4(tcp())[1:],
    ],
    ids=["shorter than its header", "header of 16 bytes", "version 5"],
)
def test_ip_headers_that_cannot_be_true_are_faults(tmp_path: Path, packet: bytes) -> None:
    reading = read_frames(tmp_path, ethernet(packet), ethernet(ipv4(tcp())))
    assert (reading.payloads, reading.faults) == ([HELLO], {"E-CAP-022": 1})


@pytest.mark.parametrize(
    ("segment", "proto"),
    [(tcp(words=4), 6), (tcp(words=15), 6), (tcp()[:19], 6), (udp()[:7], 17)],
    ids=["data offset of 16", "data offset beyond the datagram", "no room for TCP", "no room for UDP"],
)
def test_transport_headers_that_cannot_be_true_are_faults(tmp_path: Path, segment: bytes, proto: int) -> None:
    reading = read_frames(tmp_path, ethernet(ipv4(segment, proto)), ethernet(ipv4(tcp())))
    assert (reading.payloads, reading.faults) == ([HELLO], {"E-CAP-023": 1})


@pytest.mark.parametrize("length", [1, 7, 9000])
def test_a_lying_udp_length_is_a_fault_and_the_ip_length_counts(tmp_path: Path, length: int) -> None:
    reading = read_frames(tmp_path, ethernet(ipv4(udp(length=length), 17)))
    assert [(row.payload, row.wire_len) for row in reading.rows] == [(HELLO, len(HELLO))]
    assert reading.faults == {"E-CAP-023": 1}


def extension(following: int, size: int) -> bytes:
    return bytes([following, size // 8 - 1]) + bytes(size - 2)


EXTENDED = {
    "hop-by-hop": (0, extension(6, 8) + tcp()),
    "routing": (43, extension(6, 24) + tcp()),
    "destination options": (60, extension(6, 16) + tcp()),
    "authentication": (51, bytes([6, 4]) + bytes(22) + tcp()),
    "atomic fragment": (44, bytes([6, 0, 0, 0, 0, 0, 0, 9]) + tcp()),
    "four in a row": (
        0,
        extension(43, 8) + extension(60, 8) + extension(51, 8) + bytes([6, 1]) + bytes(10) + tcp(),
    ),
    "mobility": (135, extension(6, 8) + tcp()),
}


@pytest.mark.parametrize("name", EXTENDED)
def test_ipv6_extension_headers_are_passed(tmp_path: Path, name: str) -> None:
    kind, payload = EXTENDED[name]
    frame = ethernet(ipv6(payload, kind), 0x86DD)
    reading = read_frames(tmp_path, frame)
    assert (reading.rows, reading.faults) == ([tcp_row(len(frame), v6=True)], {})


def test_an_authentication_header_in_ipv4_is_passed(tmp_path: Path) -> None:
    frame = ethernet(ipv4(bytes([6, 4]) + bytes(22) + tcp(), 51))
    assert read_frames(tmp_path, frame).rows == [tcp_row(len(frame))]


@pytest.mark.parametrize("kind", [50, 58, 59, 89, 132, 253])
def test_what_is_neither_tcp_nor_udp_is_no_fault(tmp_path: Path, kind: int) -> None:
    reading = read_frames(
        tmp_path,
        ethernet(ipv6(bytes(40), kind), 0x86DD),
        ethernet(ipv4(bytes(40), kind if kind != 58 else 1)),
    )
    assert (reading.report.packets, reading.rows, reading.faults) == (2, [], {})


def test_extension_headers_that_run_off_the_packet_are_faults(tmp_path: Path) -> None:
    frame = ethernet(ipv6(bytes([6, 255]) + bytes(30), 0), 0x86DD)
    reading = read_frames(tmp_path, frame)
    assert (reading.rows, len(reading.faults)) == ([], 1)


def test_a_snapped_tcp_header_keeps_what_the_wire_carried(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp(options=bytes(12))))
    reading = read_bytes(tmp_path, header() + record(frame[: 14 + 20 + 20], original=len(frame)))
    assert [(row.payload, row.wire_len) for row in reading.rows] == [(b"", len(HELLO))]


def test_original_lengths_beyond_31_bits_are_held(tmp_path: Path) -> None:
    content = header() + struct.pack("<IIII", 0, 0, 60, 0xFFFF_FFFF) + ethernet(ipv4(tcp()))[:60]
    (row,) = read_bytes(tmp_path, content).rows
    assert row.frame_len == 0x7FFF_FFFF
