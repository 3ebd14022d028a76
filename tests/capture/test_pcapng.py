"""pcapng: sections, interfaces, clocks, the kinds of packet block, damage."""

import struct
from pathlib import Path

import pytest

from capture.craft import (
    HELLO,
    START_NS,
    START_S,
    block,
    enhanced,
    interface,
    ipv4,
    option,
    plain_frame,
    read_bytes,
    section,
    tcp,
    tcp_row,
)

FRAME = plain_frame()
MICROS = START_S * 1_000_000


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_column_of_a_packet_is_read(tmp_path: Path, order: str) -> None:
    content = section(order) + interface(order=order) + enhanced(FRAME, MICROS, order=order)
    reading = read_bytes(tmp_path, content)
    assert reading.rows == [tcp_row(len(FRAME))]
    assert (reading.report.packets, reading.report.bytes, reading.report.faults) == (1, len(content), [])


@pytest.mark.parametrize(
    ("resolution", "ticks", "expected_ns"),
    [
        (6, MICROS + 1, START_NS + 1000),
        (9, START_NS + 1, START_NS + 1),
        (3, START_S * 1000 + 1, START_NS + 1_000_000),
        (0, START_S, START_NS),
        (10, (START_NS + 7) * 10 + 9, START_NS + 7),  # cut, not rounded
        (19, 5 * 10**18, 500_000_000),
        (0x80 | 10, (START_S << 10) + 512, START_NS + 500_000_000),
        (0x80 | 32, (START_S << 32) + (1 << 31), START_NS + 500_000_000),
        (0x80 | 0, START_S, START_NS),
        (0x80 | 60, (3 << 60) + (1 << 58), 3_250_000_000),
        (0x80 | 63, 3 << 62, 1_500_000_000),
        (0x80 | 127, 2**64 - 1, 0),
        (60, 2**64 - 1, 18),  # nothing finer than 10**-27 s is told apart
    ],
)
def test_ticks_mean_what_the_interface_says(
    tmp_path: Path, resolution: int, ticks: int, expected_ns: int
) -> None:
    described = interface(options=option(9, bytes([resolution])) + option(0, b""))
    (row,) = read_bytes(tmp_path, section() + described + enhanced(FRAME, ticks)).rows
    assert row.ts_ns == expected_ns


def test_the_time_offset_of_an_interface_is_added(tmp_path: Path) -> None:
    described = interface(options=option(14, struct.pack("<q", START_S - 5)))
    (row,) = read_bytes(tmp_path, section() + described + enhanced(FRAME, 6_000_000)).rows
    assert row.ts_ns == START_NS + 1_000_000_000


def test_times_beyond_64_bits_are_a_fault_and_leave_the_span_alone(tmp_path: Path) -> None:
    content = (
        section()
        + interface()
        + enhanced(FRAME, MICROS)
        + enhanced(FRAME, 2**63 - 1)
        + enhanced(FRAME, 2**64 - 1)
    )
    reading = read_bytes(tmp_path, content)
    assert reading.faults == {"E-CAP-017": 2}
    assert len(reading.rows) == 3
    assert (reading.report.first_ns, reading.report.last_ns) == (START_NS, START_NS)


def test_each_interface_has_its_own_link_type_and_clock(tmp_path: Path) -> None:
    content = (
        section()
        + interface()
        + interface(101, option(9, b"\x09"))
        + enhanced(ipv4(tcp(b"raw")), START_NS, 1)
        + enhanced(FRAME, MICROS, 0)
    )
    rows = read_bytes(tmp_path, content).rows
    assert [(row.payload, row.ts_ns) for row in rows] == [(b"raw", START_NS), (HELLO, START_NS)]


def test_sections_of_different_byte_order_follow_each_other(tmp_path: Path) -> None:
    content = b"".join(
        section(order) + interface(order=order) + enhanced(plain_frame(order.encode()), MICROS, order=order)
        for order in "<>><"
    )
    assert read_bytes(tmp_path, content).payloads == [b"<", b">", b">", b"<"]


def test_interfaces_end_with_their_section(tmp_path: Path) -> None:
    content = section() + interface() + section() + enhanced(FRAME, MICROS)
    reading = read_bytes(tmp_path, content)
    assert reading.rows == []
    assert reading.faults == {"E-CAP-014": 1}


def test_simple_packets_end_where_the_snapshot_does_and_take_the_time_before(tmp_path: Path) -> None:
    simple = block(3, struct.pack("<I", len(FRAME)) + FRAME)
    reading = read_bytes(tmp_path, section() + interface() + enhanced(FRAME, MICROS) + simple)
    assert reading.rows == [tcp_row(len(FRAME))] * 2
    snapped = block(3, struct.pack("<I", len(FRAME)) + FRAME[:60])
    (row,) = read_bytes(tmp_path, section() + interface(snaplen=60) + snapped).rows
    assert (row.payload, row.wire_len) == (HELLO[:6], len(HELLO))


@pytest.mark.parametrize("order", ["<", ">"])
def test_obsolete_packet_blocks_are_read(tmp_path: Path, order: str) -> None:
    fixed = struct.pack(order + "HHIIII", 0, 7, MICROS >> 32, MICROS & 0xFFFF_FFFF, len(FRAME), len(FRAME))
    content = section(order) + interface(order=order) + block(2, fixed + FRAME, order)
    assert read_bytes(tmp_path, content).rows == [tcp_row(len(FRAME))]


def test_unknown_blocks_are_skipped(tmp_path: Path) -> None:
    unknown = block(0x0BAD, bytes(5000)) + block(5, bytes(16)) + block(0x8000_0001, b"")
    content = section() + unknown + interface() + unknown + enhanced(FRAME, MICROS) + unknown
    reading = read_bytes(tmp_path, content)
    assert (reading.payloads, reading.report.faults) == ([HELLO], [])


def test_truncation_anywhere_keeps_the_whole_blocks(tmp_path: Path) -> None:
    start = section() + interface(options=option(9, b"\x06"))
    one = enhanced(FRAME, MICROS)
    content = start + one * 3
    ends = {len(section()), len(start), *(len(start) + i * len(one) for i in (1, 2, 3))}
    for cut in range(12, len(content)):
        reading = read_bytes(tmp_path, content[:cut])
        assert len(reading.rows) == max(0, cut - len(start)) // len(one)
        assert reading.faults == ({} if cut in ends else {"E-CAP-010": 1})


def test_a_block_with_lying_length_costs_only_itself(tmp_path: Path) -> None:
    one = enhanced(FRAME, MICROS)
    for lie in (0, 8, 0x7FFF_FFFC, len(one) + 1, len(one) - 4):
        liar = one[:4] + struct.pack("<I", lie) + one[8:]
        reading = read_bytes(tmp_path, section() + interface() + one + liar + one)
        assert reading.payloads == [HELLO, HELLO]
        assert reading.faults == {"E-CAP-013": 1}


def test_a_packet_longer_than_its_block_is_a_fault(tmp_path: Path) -> None:
    one = enhanced(FRAME, MICROS)
    liar = one[:20] + struct.pack("<I", len(FRAME) + 5000) + one[24:]
    reading = read_bytes(tmp_path, section() + interface() + liar + one)
    assert (reading.payloads, reading.faults) == ([HELLO], {"E-CAP-013": 1})


def test_packets_of_undescribed_interfaces_are_faults(tmp_path: Path) -> None:
    reading = read_bytes(
        tmp_path, section() + interface() + enhanced(FRAME, MICROS, 3) + enhanced(FRAME, MICROS)
    )
    assert (reading.report.packets, reading.payloads, reading.faults) == (2, [HELLO], {"E-CAP-014": 1})


def test_a_damaged_description_keeps_the_numbers_of_the_others(tmp_path: Path) -> None:
    stub = block(1, b"")
    long_option = interface(options=struct.pack("<HH", 9, 500) + bytes(4))
    content = section() + stub + long_option + interface(101) + enhanced(ipv4(tcp()), MICROS, 2)
    reading = read_bytes(tmp_path, content)
    assert (reading.payloads, reading.faults) == ([HELLO], {"E-CAP-016": 2})


def test_interfaces_beyond_the_bound_are_counted_not_kept(tmp_path: Path) -> None:
    content = section() + interface() * 5000 + enhanced(FRAME, MICROS, 4095) + enhanced(FRAME, MICROS, 4096)
    reading = read_bytes(tmp_path, content)
    assert len(reading.rows) == 1
    assert reading.faults == {"E-CAP-016": 904, "E-CAP-014": 1}
