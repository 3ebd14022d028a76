"""Scans of several captures: copies count once, series keep their order, probers stay suspected."""

import gzip
import shutil
from dataclasses import replace

import pytest

from davylamp.pipeline import scan
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import Miner


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.pcap"
    simulate_capture(Scene((Miner(minutes=20),), seed=2), path)
    return path


def test_the_same_traffic_in_two_files_counts_once(capture, tmp_path):
    copy, packed = tmp_path / "b.pcap", tmp_path / "c.pcap.gz"
    shutil.copy(capture, copy)
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    once, thrice = scan([str(capture)]), scan([str(capture), str(copy), str(packed)])
    assert len(thrice.sessions) == 3
    assert [s.hashrate_hps for s in thrice.sightings] == [s.hashrate_hps for s in once.sightings]
    assert sum("counted there" in note for s in thrice.sessions for note in s.notes) == 2


def split(capture, tmp_path):
    """The capture as two files of whole records (24-byte head, 16-byte record heads, little endian)."""
    data, at, cuts = capture.read_bytes(), 24, [24]
    while at < len(data):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        cuts.append(at)
    half = cuts[len(cuts) // 2]
    first, second = tmp_path / "1.pcap", tmp_path / "2.pcap"
    first.write_bytes(data[:half])
    second.write_bytes(data[:24] + data[half:])
    return str(first), str(second)


def test_a_series_joined_in_order_is_the_whole(capture, tmp_path):
    first, second = split(capture, tmp_path)
    whole, joined = scan([str(capture)]), scan([first, second], joined=True)
    assert len(joined.sessions) == 1
    assert replace(joined.sessions[0], capture="") == replace(whole.sessions[0], capture="")
    assert joined.inputs[1].faults == []


def test_a_series_in_the_wrong_order_says_so(capture, tmp_path):
    first, second = split(capture, tmp_path)
    found = scan([second, first], joined=True)
    assert "E-CAP-091" in {fault.code for fault in found.inputs[1].faults}


def test_a_stop_keeps_what_was_read_and_says_so(capture):
    found = scan([str(capture)], stop=lambda: True)
    assert [fault.code for fault in found.inputs[0].faults] == ["E-CAP-090"]


def test_a_path_that_is_not_there_does_not_hide_the_others(capture):
    found = scan(["/nonexistent/a.pcap", str(capture)])
    assert found.inputs[0].faults[0].code == "E-CAP-001"
    assert len(found.sessions) == 1
