"""Hostile input: no index leaves its array, whatever the bytes."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.craft import header, ipv4, pcap, read_bytes, record, section
from capture.mutating import mutate, seeds
from davylamp.errors import CaptureError

TESTS = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_mutants_stay_within_bounds_and_kernels_within_whole_numbers() -> None:
    environment = os.environ | {"DAVYLAMP_BOUNDSCHECK": "1", "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "capture.mutating", "1500", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TESTS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("1500 mutants, ")
    assert done.stdout.endswith("no kernel computes with floats\n")


def test_mutants_are_read_or_refused(tmp_path: Path) -> None:
    rng = random.Random(7)
    read = 0
    for number in range(600):
        try:
            read_bytes(tmp_path, mutate(seeds()[number % 3], rng))
            read += 1
        except CaptureError:
            pass
    assert read > 500


@settings(deadline=None, max_examples=150)
@given(
    link=st.sampled_from([0, 1, 9, 10, 50, 51, 101, 104, 108, 113, 192, 204, 276]),
    frame=st.binary(max_size=120),
)
def test_random_frames_of_every_link_type_are_counted(
    tmp_path_factory: pytest.TempPathFactory, link: int, frame: bytes
) -> None:
    reading = read_bytes(tmp_path_factory.mktemp("random"), header(link=link) + record(frame) + record(frame))
    assert reading.report.packets == 2
    assert all(row.payload in frame for row in reading.rows)


@settings(deadline=None, max_examples=150)
@given(payload=st.binary(max_size=120), proto=st.sampled_from([4, 6, 17, 41, 47, 51, 97, 137]))
def test_random_bytes_behind_an_ip_header_are_counted(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes, proto: int
) -> None:
    reading = read_bytes(tmp_path_factory.mktemp("random"), pcap([ipv4(payload, proto)], link=101))
    assert reading.report.packets == 1
    assert all(row.payload in payload for row in reading.rows)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=400))
def test_random_bytes_behind_a_section_header_end_in_faults(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    reading = read_bytes(tmp_path_factory.mktemp("random"), section() + noise)
    assert reading.report.bytes == len(section()) + len(noise)
