"""Classic pcap: its variants, its damage, its chunks."""

import struct
from pathlib import Path

import pytest

from capture.craft import (
    HELLO,
    START_NS,
    header,
    pcap,
    plain_frame,
    read_bytes,
    read_file,
    record,
    tcp_row,
)
from davylamp.capture import read_batches
from davylamp.errors import CaptureError
from davylamp.records import InputReport

FRAME = plain_frame()


def test_every_column_of_a_packet_is_read(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, pcap([FRAME, FRAME]))
    assert reading.rows == [tcp_row(len(FRAME)), tcp_row(len(FRAME), at=1)]
    report = reading.report
    assert (report.packets, report.bytes, report.faults) == (2, 24 + 2 * (16 + len(FRAME)), [])
    assert (report.first_ns, report.last_ns) == (START_NS, START_NS + 1_000_001_000)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "tick_ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_both_byte_orders_and_resolutions_give_the_same_time(
    tmp_path: Path, order: str, magic: int, tick_ns: int
) -> None:
    content = header(magic=magic, order=order) + record(FRAME, at=5, order=order)
    (row,) = read_bytes(tmp_path, content).rows
    assert row == tcp_row(len(FRAME))._replace(ts_ns=START_NS + 5_000_000_000 + 5 * tick_ns)


@pytest.mark.parametrize("order", ["<", ">"])
def test_records_of_the_modified_format_are_eight_bytes_longer(tmp_path: Path, order: str) -> None:
    one = record(FRAME, order=order)
    content = header(magic=0xA1B2CD34, order=order) + (one[:16] + bytes(8) + one[16:]) * 2
    assert read_bytes(tmp_path, content).payloads == [HELLO, HELLO]


def test_high_bits_of_the_link_type_are_not_part_of_it(tmp_path: Path) -> None:
    content = header(link=0x4400_0001) + record(FRAME + b"\1\2\3\4")
    assert read_bytes(tmp_path, content).payloads == [HELLO]


def test_truncation_anywhere_keeps_the_whole_records(tmp_path: Path) -> None:
    content = pcap([FRAME] * 3)
    size = 16 + len(FRAME)
    for cut in range(24, len(content)):
        reading = read_bytes(tmp_path, content[:cut])
        whole = (cut - 24) // size
        assert (reading.report.packets, len(reading.rows)) == (whole, whole)
        assert reading.faults == ({} if (cut - 24) % size == 0 else {"E-CAP-010": 1})
        if reading.report.faults:
            assert reading.report.faults[0].offset == 24 + whole * size


def test_a_file_shorter_than_its_header_is_an_error(tmp_path: Path) -> None:
    for cut in range(1, 24):
        with pytest.raises(CaptureError, match="E-CAP-003"):
            read_bytes(tmp_path, header()[:cut])


def test_a_lying_record_length_costs_only_its_record(tmp_path: Path) -> None:
    good = [record(plain_frame(b"%d" % i), at=i) for i in range(8)]
    liar = record(FRAME, at=4, captured=0x7FFF_0000)
    reading = read_bytes(tmp_path, header() + b"".join(good[:4]) + liar + b"".join(good[4:]))
    assert reading.payloads == [b"%d" % i for i in range(8)]
    assert reading.faults == {"E-CAP-011": 1}
    assert reading.report.faults[0].offset == 24 + sum(map(len, good[:4]))


def test_garbage_longer_than_a_chunk_is_passed(tmp_path: Path) -> None:
    good = b"".join(record(FRAME, at=i) for i in range(4))
    content = header() + good + b"\xff" * 3_000_001 + good
    reading = read_bytes(tmp_path, content)
    assert len(reading.rows) == 8
    assert reading.faults == {"E-CAP-011": 1}


def test_garbage_to_the_end_ends_the_reading(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, header() + record(FRAME) + b"\xff" * 2_500_000)
    assert len(reading.rows) == 1
    assert reading.faults == {"E-CAP-011": 1}


def test_records_across_chunk_borders_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    frames = [plain_frame(struct.pack("<I", i) * (1 + i % 350)) for i in range(6000)]
    path.write_bytes(pcap(frames))
    assert path.stat().st_size > 3 << 20
    for chunk_bytes in (1 << 20, (1 << 20) + 7919, 1 << 24):
        reading = read_file(path, chunk_bytes)
        assert reading.payloads == [struct.pack("<I", i) * (1 + i % 350) for i in range(6000)]
        assert reading.report.faults == []


def test_frames_larger_than_the_usual_limit_are_read_when_the_header_allows_them(tmp_path: Path) -> None:
    jumbo = record(plain_frame() + bytes(400_000))
    assert len(read_bytes(tmp_path, header(snaplen=500_000) + jumbo).rows) == 1
    assert len(read_bytes(tmp_path, header(snaplen=500_000_000) + jumbo).rows) == 1


def test_zero_length_frames_are_counted_and_passed(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, header() + record(b"") + record(FRAME))
    assert (reading.report.packets, len(reading.rows)) == (2, 1)
    assert reading.faults == {"E-CAP-021": 1}


def test_more_frames_than_a_batch_holds_are_all_read(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, header() + record(b"") * 200_000 + record(FRAME))
    assert reading.report.packets == 200_001
    assert reading.payloads == [HELLO]
    assert reading.faults == {"E-CAP-021": 200_000}


def test_faults_of_one_code_add_up_at_the_first_ones_place(tmp_path: Path) -> None:
    content = pcap([FRAME, FRAME[:20], FRAME, FRAME[:20]])
    (fault,) = read_bytes(tmp_path, content).report.faults
    assert (fault.code, fault.count, fault.offset) == ("E-CAP-021", 2, 24 + 16 + len(FRAME) + 16)


def test_progress_adds_up_to_the_files_size(tmp_path: Path) -> None:

    path = tmp_path / "some.pcap"
    path.write_bytes(pcap([plain_frame(bytes(1000))] * 3000))
    steps: list[int] = []
    for _ in read_batches(str(path), InputReport(str(path)), chunk_bytes=1 << 20, progress=steps.append):
        pass
    assert sum(steps) == path.stat().st_size
    assert len(steps) > 2
