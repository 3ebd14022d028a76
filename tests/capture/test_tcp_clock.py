"""TCP timestamps are read off the header before the payload, from any header that is whole, and from nothing else."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.craft import HELLO, InputReport, ethernet, ipv4, ipv6, pcap, record, tcp, udp
from capture.craft import header as file_header
from davylamp.capture import read_batches
from davylamp.capture.tcp_clock import Ticks, timestamp_in, timestamp_of
from davylamp.records import PacketBatch
from davylamp.records_traces import MOST_POINTS

NOP, SACK_OK = b"\x01", b"\x04\x02"


def stamp(value, echo=7):
    return b"\x08\x0a" + struct.pack("!II", value, echo)


def values(folder, *frames, content=None):
    """The timestamp of each row of a capture."""
    path = folder / "a.pcap"
    path.write_bytes(content or pcap(frames))
    return [
        timestamp_of(batch, row)
        for batch in read_batches(str(path), InputReport(str(path)))
        for row in range(batch.ts_ns.size)
    ]


def test_the_timestamp_is_read_in_every_header_that_linux_writes(tmp_path):
    plain = tcp(options=NOP * 2 + stamp(0xDEADBEEF))
    opening = tcp(b"", flags=2, options=b"\x02\x04\x05\xb4" + SACK_OK + stamp(5) + NOP + b"\x03\x03\x07")
    sacked = tcp(options=NOP * 2 + stamp(9) + NOP * 2 + b"\x05\x0a" + bytes(8))
    frames = [ethernet(ipv4(part)) for part in (plain, opening, sacked)]
    assert values(tmp_path, *frames, ethernet(ipv6(plain), 0x86DD)) == [0xDEADBEEF, 5, 9, 0xDEADBEEF]


def test_a_header_without_the_option_and_udp_give_none(tmp_path):
    frames = [ethernet(ipv4(tcp())), ethernet(ipv4(tcp(options=NOP * 4))), ethernet(ipv4(udp(), 17))]
    assert values(tmp_path, *frames) == [None, None, None]


def test_a_payload_that_looks_like_a_header_is_not_taken_for_one(tmp_path):
    """The copy of a header within the payload stands behind where payload begins, not before."""
    fake = tcp(b"", options=NOP * 2 + stamp(1))
    assert values(tmp_path, ethernet(ipv4(tcp(fake + HELLO)))) == [None]
    assert values(tmp_path, ethernet(ipv4(tcp(fake, options=NOP * 2 + stamp(2))))) == [2]


def test_a_frame_cut_within_the_header_gives_none(tmp_path):
    frame = ethernet(ipv4(tcp(options=NOP * 2 + stamp(3))))
    for size in range(14 + 20, 14 + 20 + 32):
        content = file_header() + record(frame[:size], original=len(frame))
        assert set(values(tmp_path, content=content)) <= {None}


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (b"", None),
        (stamp(4), 4),
        (b"\x00" + stamp(4), None),  # the end of options comes first
        (b"\x08\x0a\x00", None),  # cut
        (b"\x08\x09" + bytes(7), None),  # of another length
        (b"\x08", None),
        (b"\x05\x00" + stamp(4), None),  # a length of 0 would never end
        (b"\x05\x01" + stamp(4), None),
        (b"\xfd\x04ab" + stamp(4), 4),  # unknown kinds are passed by
    ],
)
def test_options_by_hand(options, value):
    assert timestamp_in(options) == value


@given(st.binary(max_size=44))
def test_hostile_options_never_raise_and_give_32_bits(options):
    found = timestamp_in(options)
    assert found is None or 0 <= found < 2**32


def batch(time_s, value, off=None, size=None):
    """One packet of which only the header is in the buffer."""
    head = tcp(b"", options=NOP * 2 + stamp(value))
    buffer = np.frombuffer(bytearray(head), dtype=np.uint8)
    one = dict.fromkeys(PacketBatch._fields, np.zeros(1, np.int64))
    one.update(
        buffer=buffer if size is None else buffer[:size],
        ts_ns=np.array([int(time_s * 1e9)]),
        sport=np.array([51000]),
        dport=np.array([3333]),
        proto=np.array([6]),
        seq=np.array([0xFFFFFFF0]),
        payload_off=np.array([len(head) if off is None else off]),
    )
    return PacketBatch(**one)


@pytest.mark.parametrize("off", [-5, 0, 1, 19, 31, 33, 10**9, 2**62])
def test_an_offset_that_points_elsewhere_gives_none(off):
    assert timestamp_of(batch(1, 5, off), 0) is None


def test_columns_of_another_packet_do_not_match():
    for field in ("sport", "dport", "seq", "proto"):
        other = batch(1, 5)._replace(**{field: np.array([17])})
        assert timestamp_of(other, 0) is None


@given(st.lists(st.floats(0, 30), min_size=1, max_size=400))
def test_few_points_are_kept_and_they_span_the_life(gaps):
    """Never more than the bound; the first is the first packet, no hole is wider than it must be."""
    times = np.cumsum(gaps)
    ticks = Ticks()
    for n, time_s in enumerate(times):
        ticks.take(batch(time_s, n), 0)
    points = ticks.points()
    assert 1 <= len(points) <= MOST_POINTS
    assert points[0].value == 0
    assert list(points) == sorted(points)
    span = times[-1] - times[0]
    widest = max(np.diff([p.ts_ns / 1e9 for p in points] + [times[-1]]), default=0)
    assert widest <= 4 * max(span / MOST_POINTS, 1) + max(gaps)
