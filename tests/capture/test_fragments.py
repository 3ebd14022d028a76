"""Fragments: put together in any order, bounded, and refused when they contradict each other."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.craft import (
    HELLO,
    ethernet,
    header,
    ipv4,
    ipv6,
    pcap,
    read_bytes,
    read_frames,
    record,
    tcp,
    tcp_row,
    udp,
)
from davylamp.capture import fragments, read_batches
from davylamp.capture.decode import blank_columns, blank_pieces, blank_tally, decode
from davylamp.capture.faults import FaultLog
from davylamp.capture.wire import blank_frames, blank_packet
from davylamp.records import InputReport

LONG = bytes(i * 7 % 251 for i in range(5000))


def split(datagram: bytes, size: int = 1480, ident: int = 1, proto: int = 6) -> list[bytes]:
    """Frames with the fragments of an IPv4 datagram's payload."""
    frames = []
    for at in range(0, len(datagram), size):
        more = 0x2000 if at + size < len(datagram) else 0
        frames.append(ethernet(ipv4(datagram[at : at + size], proto, ident=ident, fragment=more | at // 8)))
    return frames


def split6(datagram: bytes, size: int = 1448, kind: int = 6) -> list[bytes]:
    """The same for IPv6, behind a hop-by-hop header."""
    frames = []
    for at in range(0, len(datagram), size):
        more = int(at + size < len(datagram))
        head = bytes([44, 0]) + bytes(6) + struct.pack("!BBHI", kind, 0, at | more, 99)
        frames.append(ethernet(ipv6(head + datagram[at : at + size], 0), 0x86DD))
    return frames


def test_the_row_stands_where_the_last_fragment_stood(tmp_path: Path) -> None:
    parts = split(tcp(LONG))
    plain = ethernet(ipv4(tcp()))
    reading = read_frames(tmp_path, plain, *parts[:-1], plain, parts[-1], plain)
    at = len(parts) + 1
    total = sum(map(len, parts))
    expected = [tcp_row(len(plain)), tcp_row(len(plain), at=at - 1), tcp_row(total, LONG, at=at)]
    assert reading.rows == [*expected, tcp_row(len(plain), at=at + 1)]
    assert reading.faults == {}


def test_ipv6_fragments_are_put_together(tmp_path: Path) -> None:
    parts = split6(tcp(LONG))
    assert read_frames(tmp_path, *parts).rows == [
        tcp_row(sum(map(len, parts)), LONG, at=len(parts) - 1, v6=True)
    ]


@settings(deadline=None, max_examples=30)
@given(rng=st.randoms(use_true_random=False), count=st.integers(1, 12), is_doubled=st.booleans())
def test_order_and_copies_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random, count: int, is_doubled: bool
) -> None:
    payloads = [bytes([i]) * rng.randint(1, 4000) for i in range(count)]
    frames = []
    for ident, payload in enumerate(payloads):
        frames += split(udp(payload), 8 * rng.randint(1, 180), ident, 17)
    frames += frames[: len(frames) // 2] if is_doubled else []
    rng.shuffle(frames)
    content = header() + b"".join(record(frame) for frame in frames)
    reading = read_bytes(tmp_path_factory.mktemp("fragments"), content)
    assert sorted(set(reading.payloads)) == sorted(payloads)
    assert set(reading.faults) <= {"E-CAP-024"}  # a copy that comes late starts over and never gets whole


def test_identification_and_protocol_keep_datagrams_apart(tmp_path: Path) -> None:
    first, second = split(tcp(b"a" * 3000), ident=1), split(tcp(b"b" * 3000), ident=2)
    mixed = [frame for pair in zip(first, second, strict=True) for frame in pair]
    assert read_frames(tmp_path, *mixed).payloads == [b"a" * 3000, b"b" * 3000]


def test_a_missing_part_is_a_fault(tmp_path: Path) -> None:
    parts = split(tcp(LONG))
    reading = read_frames(tmp_path, parts[0], *parts[2:], ethernet(ipv4(tcp())))
    assert (reading.payloads, reading.faults) == ([HELLO], {"E-CAP-024": len(parts) - 1})


def test_parts_that_overlap_otherwise_than_as_copies_are_refused(tmp_path: Path) -> None:
    a = ethernet(ipv4(bytes(80), fragment=0x2000))
    b = ethernet(ipv4(bytes(80), fragment=0x2000 | 5))
    assert read_frames(tmp_path, a, b).faults == {"E-CAP-025": 2}


def test_parts_beyond_the_last_one_are_refused(tmp_path: Path) -> None:
    last = ethernet(ipv4(bytes(16), fragment=4))
    beyond = ethernet(ipv4(bytes(16), fragment=0x2000 | 50))
    assert read_frames(tmp_path, last, beyond).faults == {"E-CAP-025": 2}
    assert read_frames(tmp_path, beyond, last).faults == {"E-CAP-025": 2}


def test_a_part_beyond_the_largest_datagram_is_refused(tmp_path: Path) -> None:
    assert read_frames(tmp_path, ethernet(ipv4(bytes(1480), fragment=0x1FFF))).faults == {"E-CAP-025": 1}


def test_old_parts_do_not_meet_new_ones(tmp_path: Path) -> None:
    parts = split(tcp(LONG))
    late = header() + record(parts[0]) + b"".join(record(part, at=31) for part in parts[1:])
    reading = read_bytes(tmp_path, late)
    assert (reading.rows, reading.faults) == ([], {"E-CAP-024": len(parts)})


def test_a_snapped_first_part_gives_its_header(tmp_path: Path) -> None:
    first = split(udp(LONG), proto=17)[0]
    reading = read_bytes(tmp_path, header() + record(first[:96], original=len(first)))
    (row,) = reading.rows
    assert (row.proto, row.payload, row.wire_len) == (17, LONG[: 96 - 42], 1472)
    assert reading.faults == {"E-CAP-020": 1}


def test_a_tunnel_in_fragments_is_entered(tmp_path: Path) -> None:
    inner = ethernet(ipv4(tcp(LONG[:1400])))
    outer = udp(bytes([8, 0, 0, 0, 0, 0, 1, 0]) + inner, dport=4789)
    parts = split(outer, 1000, proto=17)
    assert read_frames(tmp_path, *parts).rows == [tcp_row(sum(map(len, parts)), LONG[:1400], at=1)]


def test_fragments_in_fragments_are_put_together(tmp_path: Path) -> None:
    frames = []
    for ident, inner in enumerate(split(tcp(LONG[:4420]))):
        frames += split(inner[14:], 800, 100 + ident, 4)
    reading = read_frames(tmp_path, *frames)
    assert reading.rows == [tcp_row(sum(map(len, frames)), LONG[:4420], at=5)]
    assert reading.faults == {}


def test_more_datagrams_than_the_tail_holds_come_in_several_batches(tmp_path: Path) -> None:
    payloads = [bytes([i]) * 60_000 for i in range(60)]
    frames = []
    for ident, payload in enumerate(payloads):
        frames += split(udp(payload), 20_000, ident, 17)
        frames.append(ethernet(ipv4(tcp(b"%d" % ident))))
    reading = read_bytes(tmp_path, pcap(frames))
    assert reading.payloads == [p for i, payload in enumerate(payloads) for p in (payload, b"%d" % i)]
    assert [row.ts_ns for row in reading.rows] == sorted(row.ts_ns for row in reading.rows)
    assert reading.faults == {}


def test_a_flood_of_fragments_holds_no_more_than_the_bound(tmp_path: Path) -> None:
    flood = b"".join(
        record(ethernet(ipv4(bytes(8), ident=i & 0xFFFF, fragment=0x2000 | 0x1F00, proto=i >> 16)))
        for i in range(70_000)
    )
    reading = read_bytes(tmp_path, header() + flood)
    assert (reading.rows, reading.faults) == ([], {"E-CAP-024": 70_000})


def test_what_is_held_stays_below_the_bounds() -> None:
    log = FaultLog(InputReport("flood"))
    reassembler = fragments.Reassembler(log)
    frames, pieces = blank_frames(1), blank_pieces(1)
    data = bytearray(ipv4(bytes(8), 17, fragment=0x2000 | 0x1FF0))
    pieces.start[0], pieces.end[0], pieces.at[0], pieces.more[0] = 20, 28, 0x1FF0 * 8 - 200, True
    for ident in range(3000):
        data[4:6] = ident.to_bytes(2, "big")
        reassembler.feed(np.frombuffer(data, np.uint8), pieces, 1, frames, 0)
        assert reassembler.held <= fragments.MAX_HELD
        assert reassembler.held_bytes <= fragments.MAX_HELD_BYTES
    assert reassembler.held > 100


class Waiting:
    """A datagram that waits, in the plainest form: which byte came, as what."""

    def __init__(self) -> None:
        self.came: dict[int, int] = {}
        self.size: int | None = None
        self.parts = 0


def plainly(parts: list[tuple[int, int, bytes, bool]]) -> tuple[list[bytes], int, int]:
    """Payloads put together from (identification, unit, bytes, more), lost and lying fragments."""
    held: dict[int, Waiting] = {}
    whole, lying = [], 0
    for ident, unit, payload, more in parts:
        places = range(8 * unit, 8 * unit + (len(payload) + 7) // 8 * 8)
        waiting = held.setdefault(ident, Waiting())
        waiting.parts += 1
        old = [at in waiting.came for at in places]
        beyond = max(waiting.came, default=-1) >= places.stop
        if all(old):
            continue
        ends_wrong = waiting.size is not None and places.stop > (waiting.size + 7) // 8 * 8
        if any(old) or ends_wrong or (not more and beyond):
            lying += held.pop(ident).parts
            continue
        waiting.came.update(zip(places, payload.ljust(len(places), b"\0"), strict=True))
        if not more:
            waiting.size = 8 * unit + len(payload)
        if waiting.size is not None and len(waiting.came) == (waiting.size + 7) // 8 * 8:
            done = held.pop(ident)
            whole.append(bytes(done.came[at] for at in range(waiting.size)))
    return whole, sum(waiting.parts for waiting in held.values()), lying


PART = st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(1, 3), st.booleans(), st.integers(0, 7))


@settings(deadline=None, max_examples=120)
@given(drawn=st.lists(PART, min_size=1, max_size=24))
def test_parts_in_any_disorder_lead_to_what_the_rules_say(
    drawn: list[tuple[int, int, int, bool, int]],
) -> None:
    parts, frames = [], []
    for number, (ident, unit, units, more, odd) in enumerate(drawn):
        payload = bytes([number]) * (8 * units - (0 if more else odd))
        fragment = unit | (0x2000 if more else 0)
        frames.append(ethernet(ipv4(payload, 253, ident=ident, fragment=fragment)))
        if fragment:  # else it is a whole datagram
            parts.append((ident, unit, payload, more))
    log = FaultLog(report := InputReport("parts"))
    whole, lost, lying = plainly(parts)
    assert put_together(frames, log) == whole
    counts = {fault.code: fault.count for fault in report.faults}
    assert counts == {c: n for c, n in (("E-CAP-024", lost), ("E-CAP-025", lying)) if n}


def put_together(frames: list[bytes], log: FaultLog) -> list[bytes]:
    """Payloads of the datagrams that a reassembler makes of the fragments among Ethernet frames."""
    reassembler = fragments.Reassembler(log)
    data = np.frombuffer(b"".join(frames), np.uint8)
    rows, pieces, tally = blank_frames(len(frames)), blank_pieces(len(frames)), blank_tally()
    ends = np.cumsum([len(frame) for frame in frames])
    rows.offset[:] = ends - [len(frame) for frame in frames]
    rows.captured[:] = rows.original[:] = [len(frame) for frame in frames]
    rows.link[:] = 1
    found = decode(data, rows, len(frames), blank_columns(len(frames)), pieces, tally, blank_packet())
    whole = reassembler.feed(data, pieces, found.pieces, rows, 0)
    reassembler.close()
    return [datagram.data[20:] for datagram in whole]


def test_when_bytes_run_out_the_oldest_datagrams_go(tmp_path: Path) -> None:
    count, size = 400, 60_000
    kept = fragments.MAX_HELD_BYTES // (size + 512)
    payloads = [struct.pack("!H", i) * (size // 2) for i in range(count)]
    halves = [split(udp(payload), size - 8, ident, 17) for ident, payload in enumerate(payloads)]
    frames = [first for first, _ in halves] + [last for _, last in halves[-kept + 1 :]]
    reading = read_bytes(tmp_path, header() + b"".join(record(frame) for frame in frames))
    assert reading.payloads == payloads[-kept + 1 :]
    assert reading.faults == {"E-CAP-024": count - kept + 1}


def test_no_batch_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "other.pcap"
    path.write_bytes(pcap([*split(bytes(3000), proto=89), ethernet(bytes(28), 0x0806)]))
    report = InputReport(str(path))
    assert list(read_batches(str(path), report)) == []
    assert (report.packets, report.faults) == (4, [])
