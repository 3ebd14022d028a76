"""Compressed captures, pipes and standard input; and files that are no captures."""

import gzip
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from capture.craft import header, pcap, plain_frame, read_bytes, read_file, record
from davylamp.capture import containers
from davylamp.errors import CaptureError

PAYLOADS = [b"%05d" % i * 20 for i in range(4000)]
CONTENT = pcap([plain_frame(payload) for payload in PAYLOADS])
HALF = 24 + (len(CONTENT) - 24) // 2
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("name", PACK)
def test_a_compressed_capture_reads_like_a_plain_one(tmp_path: Path, name: str) -> None:
    reading = read_bytes(tmp_path, PACK[name](CONTENT))
    assert reading.payloads == PAYLOADS
    assert (reading.report.bytes, reading.report.faults) == (len(CONTENT), [])


@pytest.mark.parametrize("name", PACK)
def test_several_members_are_one_stream(tmp_path: Path, name: str) -> None:
    parts = (CONTENT[:10], CONTENT[10:HALF], b"", CONTENT[HALF:])
    reading = read_bytes(tmp_path, b"".join(PACK[name](part) for part in parts))
    assert (reading.payloads, reading.faults) == (PAYLOADS, {})


@pytest.mark.parametrize("name", PACK)
def test_a_stream_that_ends_early_is_a_fault_after_the_good_part(tmp_path: Path, name: str) -> None:
    packed = PACK[name](CONTENT[:HALF]) + PACK[name](CONTENT[HALF:])
    reading = read_bytes(tmp_path, packed[:-7])
    assert reading.payloads == PAYLOADS[: len(reading.rows)]
    assert len(reading.rows) >= len(PAYLOADS) // 2
    assert reading.faults["E-CAP-012"] == 1


@pytest.mark.parametrize("name", PACK)
def test_a_damaged_member_is_a_fault_after_the_good_part(tmp_path: Path, name: str) -> None:
    second = bytearray(PACK[name](CONTENT[HALF:]))
    second[30:60] = b"\xff" * 30
    reading = read_bytes(tmp_path, PACK[name](CONTENT[:HALF]) + bytes(second))
    assert reading.payloads[: len(PAYLOADS) // 2] == PAYLOADS[: len(PAYLOADS) // 2]
    assert reading.faults["E-CAP-012"] == 1


def test_a_wrong_checksum_costs_no_packet(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(CONTENT))
    packed[-8] ^= 1
    reading = read_bytes(tmp_path, bytes(packed))
    assert (reading.payloads, reading.faults) == (PAYLOADS, {"E-CAP-012": 1})


def test_padding_behind_a_member_is_no_fault_and_other_bytes_are(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    assert read_bytes(tmp_path, packed + bytes(1000)).faults == {}
    reading = read_bytes(tmp_path, packed + b"something else")
    assert (reading.payloads, reading.faults) == (PAYLOADS, {"E-CAP-018": 1})


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_unpacks_piece_by_piece(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACK[name](bytes(200 << 20)))
    raw = containers.RawInput(str(path))
    unpacker = containers.COMPRESSIONS[name][1]()
    packed = raw.read(1 << 20)
    largest = 0
    for _ in range(20):
        largest = max(largest, len(unpacker.decompress(packed, 1 << 18)))
        packed = b""
    raw.close()
    assert 0 < largest <= 1 << 18


@pytest.mark.parametrize("name", PACK)
def test_compressed_text_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaptureError, match=r"E-CAP-003: .*compressed, and inside no packet capture but text"):
        read_bytes(tmp_path, PACK[name](b"no capture at all, only words and words"))


def test_a_compressed_file_without_content_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="E-CAP-006"):
        read_bytes(tmp_path, gzip.compress(b""))
    with pytest.raises(CaptureError, match="E-CAP-006"):
        read_bytes(tmp_path, b"\x1f\x8b" + bytes(50))


@pytest.mark.parametrize(
    ("content", "look"),
    [
        (b"#!/bin/sh\necho\n" + b" " * 60, "text"),
        (b"\x7fELF\x02\x01" + bytes(60), "a Linux program"),
        (b"PK\x03\x04" + bytes(60), "a zip archive"),
        (b"BZh91AY" + bytes(60), "a bzip2 file"),
        (b"snoop\0\0\0" + bytes(60), "a Solaris snoop file"),
        (bytes(100), "something unknown"),
        (b"\x0a\x0d\x0d\x0a" + bytes(100), "something unknown"),
    ],
)
def test_what_is_no_capture_is_named(tmp_path: Path, content: bytes, look: str) -> None:
    with pytest.raises(CaptureError) as caught:
        read_bytes(tmp_path, content)
    assert caught.value.code == "E-CAP-003"
    assert caught.value.message.endswith(look)
    assert caught.value.hint


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="E-CAP-004"):
        read_bytes(tmp_path, b"")


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="E-CAP-001"):
        read_file(tmp_path / "absent")
    with pytest.raises(CaptureError, match="E-CAP-005"):
        read_file(tmp_path)


@pytest.mark.parametrize("packed", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "gzip"])
def test_a_fifo_fed_in_small_pieces_is_read(tmp_path: Path, packed: bytes) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def feed() -> None:
        with fifo.open("wb", buffering=0) as out:
            for at in range(0, len(packed), 7001):
                out.write(packed[at : at + 7001])

    writer = threading.Thread(target=feed)
    writer.start()
    reading = read_file(fifo)
    writer.join()
    assert (reading.payloads, reading.faults) == (PAYLOADS, {})


def test_a_waiting_pipe_gives_what_it_has(tmp_path: Path) -> None:
    from davylamp.capture import read_batches
    from davylamp.records import InputReport

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDWR)  # both ends, so that neither open waits for the other
    os.write(end, header() + record(plain_frame(b"one")) + record(plain_frame(b"two")))
    first = next(read_batches(str(fifo), InputReport(str(fifo))))
    os.close(end)
    assert first.ts_ns.size == 2


def test_standard_input_is_read(tmp_path: Path) -> None:
    program = (
        "from davylamp.capture import find_captures, read_batches\n"
        "from davylamp.records import InputReport\n"
        "(path,) = find_captures(['-'])\n"
        "report = InputReport(path)\n"
        "print(sum(batch.ts_ns.size for batch in read_batches(path, report)), report.bytes)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=CONTENT, capture_output=True, check=True)
    assert done.stdout.split() == [b"4000", b"%d" % len(CONTENT)]
