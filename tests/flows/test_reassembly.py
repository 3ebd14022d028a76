"""One direction of TCP: what goes in as segments comes out as the same bytes, and what is lost is declared."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.flows import reassembly
from davylamp.flows.reassembly import Run, Segment, Stream
from davylamp.records import ACK, FIN, RST, SYN
from flows.wire_talk import segment

ISNS = st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 300, 2**32 - 1))


def read(runs: list[Run]) -> bytes:
    return b"".join(run.data for run in runs)


def place(runs: list[Run], total: int) -> list[int | None]:
    """Put runs on a line of ``total`` bytes: None where a byte is declared lost."""
    line: list[int | None] = []
    for run in runs:
        line += [None] * run.lost_before + list(run.data)
    assert len(line) <= total
    return line


@st.composite
def torn_streams(draw: st.DrawFn, *, lossy: bool) -> tuple[bytes, int, list[Segment]]:
    """A byte string, an initial sequence number, and its segments: cut, repeated, overlapped and shuffled."""
    data = draw(st.binary(min_size=1, max_size=400))
    isn = draw(ISNS)
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=20)) | {0, len(data)})
    spans = [(a, b) for a, b in pairwise(cuts) if b > a]
    if lossy:
        spans = [span for span in spans if draw(st.integers(0, 3))]
    else:
        extra = draw(st.lists(st.tuples(st.integers(0, len(data)), st.integers(1, 60)), max_size=8))
        spans += [(a, min(a + size, len(data))) for a, size in extra if a < len(data)]
    order = draw(st.permutations(range(len(spans))))
    window = draw(st.integers(0, 30))
    ordered = sorted(range(len(spans)), key=lambda i: (i + min(order[i], window), i))
    segments = [
        segment(data[a:b], seq=isn + 1 + a, ts=n) for n, (a, b) in enumerate(spans[i] for i in ordered)
    ]
    return data, isn, segments


@given(torn_streams(lossy=False))
@settings(max_examples=300, deadline=None)
def test_any_cut_order_repetition_and_overlap_gives_the_same_bytes(
    case: tuple[bytes, int, list[Segment]],
) -> None:
    data, isn, segments = case
    stream = Stream(isn)
    runs = [run for each in segments for run in stream.push(each)]
    assert read(runs) == data
    assert [run.lost_before for run in runs] == [0] * len(runs)
    assert stream.flush() == []
    assert stream.delivered_bytes == len(data)
    assert stream.lost_bytes == stream.overlap_conflicts == 0
    assert stream.duplicate_bytes + stream.keepalives == sum(len(each.data) for each in segments) - len(data)


@given(torn_streams(lossy=True), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_delivered_and_lost_bytes_add_up_and_no_byte_is_out_of_place(
    case: tuple[bytes, int, list[Segment]], acked: int
) -> None:
    data, isn, segments = case
    stream = Stream(isn)
    runs = []
    for each in segments:
        runs += stream.push(each)
        runs += stream.acked(isn + 1 + min(acked, len(data)))
    # The FIN tells how many bytes there were.
    runs += stream.push(segment(seq=isn + 1 + len(data), flags=FIN | ACK))
    runs += stream.flush()
    line = place(runs, len(data))
    assert len(line) == len(data)
    assert all(got is None or got == sent for got, sent in zip(line, data, strict=True))
    assert stream.delivered_bytes + stream.lost_bytes == len(data)
    assert stream.lost_bytes == line.count(None)
    captured = {
        (each.seq - isn - 1) % 2**32 + offset for each in segments for offset in range(len(each.data))
    }
    if not acked:
        assert stream.delivered_bytes == len(captured)


@given(torn_streams(lossy=True), torn_streams(lossy=True), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_of_two_copies_that_differ_the_first_captured_byte_stays(
    one: tuple[bytes, int, list[Segment]], other: tuple[bytes, int, list[Segment]], rng: random.Random
) -> None:
    _, isn, segments = one
    shifted = [segment(s.data, seq=isn + 1 + (s.seq - other[1] - 1) % 2**32) for s in other[2]]
    both = [s for s in segments + shifted if s.data != b"\0"]
    rng.shuffle(both)
    first: dict[int, int] = {}
    for each in both:
        for offset, byte in enumerate(each.data):
            first.setdefault((each.seq - isn - 1) % 2**32 + offset, byte)
    stream = Stream(isn)
    runs = [run for each in both for run in stream.push(each)] + stream.flush()
    line = place(runs, 1000)
    assert {at: byte for at, byte in enumerate(line) if byte is not None} == first


def test_a_conflicting_overlap_is_counted_whether_it_waits_or_was_delivered() -> None:
    stream = Stream(0)
    stream.push(segment(b"abcd", seq=1))
    stream.push(segment(b"bXd", seq=2))
    assert stream.overlap_conflicts == 1
    stream.push(segment(b"klm", seq=11))
    stream.push(segment(b"kYm", seq=11))
    assert stream.overlap_conflicts == 2
    assert read(stream.push(segment(b"efghij", seq=5))) == b"efghijklm"


def test_a_hole_is_declared_when_the_other_side_acknowledges_past_it() -> None:
    stream = Stream(99)
    assert read(stream.push(segment(b"one", seq=100))) == b"one"
    assert stream.push(segment(b"three", seq=106, ts=7)) == []
    assert stream.acked(106 - 1) == []  # the hole is not acknowledged to its end
    assert stream.acked(111) == [Run(7, b"three", 3)]
    assert stream.lost_bytes == 3
    assert stream.push(segment(b"two", seq=103)) == []
    assert stream.duplicate_bytes == 3


def test_an_acknowledgment_that_overtakes_its_data_in_the_capture_costs_nothing() -> None:
    stream = Stream(99)
    assert stream.push(segment(b"three", seq=106, ts=0)) == []
    assert stream.acked(111, ts_ns=1_000) == []
    assert stream.acked(111, ts_ns=1_500) == []
    assert read(stream.push(segment(b"onetwo", seq=100, ts=2_000))) == b"onetwothree"
    assert stream.lost_bytes == 0


def test_an_acknowledged_hole_is_declared_after_the_grace() -> None:
    stream = Stream(99)
    stream.push(segment(b"three", seq=106, ts=0))
    assert stream.acked(111, ts_ns=1_000) == []
    assert stream.acked(111, ts_ns=1_000 + reassembly.ACK_GRACE_NS) == [Run(0, b"three", 6)]


def test_a_filled_hole_gives_everything_the_time_of_the_filling_segment() -> None:
    stream = Stream(0)
    stream.push(segment(b"bb", seq=3, ts=10))
    assert stream.push(segment(b"aa", seq=1, ts=25)) == [Run(25, b"aa", 0), Run(25, b"bb", 0)]


def test_bytes_behind_a_lost_hole_keep_the_time_they_were_captured_at() -> None:
    stream = Stream(0)
    stream.push(segment(b"bb", seq=3, ts=10))
    stream.push(segment(b"cc", seq=7, ts=20))
    assert stream.flush() == [Run(10, b"bb", 2), Run(20, b"cc", 2)]


def test_more_waiting_bytes_than_the_limit_declare_the_hole() -> None:
    stream = Stream(0)
    size = 60_000
    held = 0
    for n in range(5):
        runs = stream.push(segment(bytes(size), seq=1 + 10 + n * size))
        held += size
        if held > reassembly.HELD_BYTES:
            assert runs[0].lost_before == 10
            break
        assert runs == []
    assert held == 300_000
    assert stream.delivered_bytes == 300_000


def test_more_waiting_segments_than_the_limit_declare_the_hole() -> None:
    stream = Stream(0)
    runs: list[Run] = []
    for n in range(reassembly.HELD_SEGMENTS + 1):
        assert runs == []
        runs = stream.push(segment(b"x", seq=1 + 10 + 2 * n))
    assert [(run.data, run.lost_before) for run in runs] == [(b"x", 10)]


def test_memory_stays_bounded_whatever_is_pushed() -> None:
    rng = random.Random(5)
    stream = Stream(0)
    for _ in range(3000):
        size = rng.choice([1, 100, 1460, 65_000])
        stream.push(segment(bytes(size), seq=rng.randrange(2**21)))
        assert len(stream._held) <= reassembly.HELD_SEGMENTS
        held = sum(len(part.data) for part in stream._held)
        assert held == stream._held_bytes <= reassembly.HELD_BYTES
        assert sum(len(part.data) for part in stream._recent) <= reassembly.RECENT_SEGMENTS * 65_000


@pytest.mark.parametrize("filler", [b"", b"\0", b"x"])
def test_keep_alives_are_counted_and_leave_the_stream_alone(filler: bytes) -> None:
    stream = Stream(0)
    stream.push(segment(b"abc", seq=1))
    assert stream.push(segment(filler, seq=3, flags=ACK)) == []
    assert stream.keepalives == 1
    assert read(stream.push(segment(b"def", seq=4))) == b"def"
    assert stream.lost_bytes == 0


def test_a_keep_alive_filler_behind_a_hole_does_not_displace_the_byte_it_stands_for() -> None:
    stream = Stream(0)
    assert (
        stream.push(segment(b"\0", seq=6, flags=ACK)) == []
    )  # next to send is 7, and 1 to 6 are not captured yet
    assert read(stream.push(segment(b"abcdef", seq=1))) == b"abcdef"


def test_a_zero_window_probe_is_the_next_byte_once() -> None:
    stream = Stream(0)
    stream.push(segment(b"abc", seq=1))
    runs = stream.push(segment(b"d", seq=4))
    runs += stream.push(segment(b"d", seq=4))
    runs += stream.push(segment(b"def", seq=4))
    assert read(runs) == b"def"


def test_data_on_a_syn_starts_one_past_its_sequence_number() -> None:
    stream = Stream(41)
    assert read(stream.push(segment(b"fast", seq=41, flags=SYN))) == b"fast"
    assert read(stream.push(segment(b"open", seq=46))) == b"open"


def test_a_syn_sets_the_base_of_a_stream_without_one() -> None:
    stream = Stream()
    assert stream.push(segment(seq=2**32 - 1, flags=SYN)) == []
    assert stream.push(segment(b"two", seq=3)) == []
    assert read(stream.push(segment(b"one", seq=0))) == b"onetwo"


def test_data_on_a_fin_is_delivered_and_the_stream_is_finished() -> None:
    stream = Stream(0)
    assert not stream.finished
    assert stream.push(segment(b"end", seq=4, flags=FIN | ACK)) == []
    assert not stream.finished
    assert read(stream.push(segment(b"the", seq=1))) == b"theend"
    assert stream.finished


def test_a_reset_carries_no_stream_data() -> None:
    stream = Stream(0)
    assert stream.push(segment(b"go away", seq=1, flags=RST)) == []
    assert read(stream.push(segment(b"ok", seq=1))) == b"ok"


def test_the_cut_tail_of_a_snapped_segment_is_lost_at_once() -> None:
    stream = Stream(0)
    assert stream.push(segment(b"abc", seq=1, ts=1, wire_len=10)) == [Run(1, b"abc", 0)]
    assert stream.push(segment(b"xyz", seq=11, ts=2)) == [Run(2, b"xyz", 7)]
    assert (stream.delivered_bytes, stream.lost_bytes) == (6, 7)


def test_a_snapped_segment_that_waits_keeps_its_lost_tail() -> None:
    stream = Stream(0)
    stream.push(segment(b"bb", seq=3, wire_len=5))
    assert [r.lost_before for r in stream.push(segment(b"aa", seq=1))] == [0, 0]
    assert stream.push(segment(b"cc", seq=8))[0].lost_before == 3


def test_a_captured_length_above_the_wire_length_is_taken_as_captured() -> None:
    stream = Stream(0)
    assert read(stream.push(segment(b"abc", seq=1, wire_len=1))) == b"abc"


def test_a_loss_at_the_end_is_declared_by_a_run_without_data() -> None:
    stream = Stream(0)
    stream.push(segment(b"abc", seq=1, ts=5))
    stream.acked(14)
    assert stream.flush() == [Run(5, b"", 10)]
    assert stream.lost_bytes == 10


def test_the_acknowledgment_of_a_fin_that_was_not_captured_is_no_loss() -> None:
    stream = Stream(0)
    stream.push(segment(b"abc", seq=1))
    stream.acked(5)
    assert stream.flush() == []


def test_an_earlier_segment_moves_the_base_of_a_stream_joined_midway_back_once() -> None:
    stream = Stream()
    assert stream.push(segment(b"second", seq=1000)) == []
    assert read(stream.push(segment(b"first-", seq=994))) == b"first-second"
    assert stream.push(segment(b"zeroth", seq=988)) == []
    assert stream.late_bytes == 6


def test_the_first_segment_of_a_stream_joined_midway_comes_out_once_it_is_acknowledged() -> None:
    stream = Stream()
    assert stream.push(segment(b"first", seq=1000)) == []
    assert stream.acked(1000, ts_ns=5) == []
    assert read(stream.acked(1005, ts_ns=6)) == b"first"


def test_an_earlier_segment_from_beyond_the_late_limit_does_not_move_the_base() -> None:
    stream = Stream()
    stream.push(segment(b"now", seq=200_000))
    runs = stream.push(segment(b"old", seq=200_000 - reassembly.LATE_BYTES - 1))
    assert read(runs + stream.flush()) == b"now"


def test_one_forged_segment_far_ahead_is_ignored_and_counted() -> None:
    stream = Stream(0)
    stream.push(segment(b"abc", seq=1))
    assert stream.push(segment(b"evil", seq=500_000_000)) == []
    assert stream.push(segment(b"evil", seq=-500_000_000)) == []
    assert stream.acked(400_000_000) == []
    assert stream.ignored_segments == 3
    assert read(stream.push(segment(b"def", seq=4))) == b"def"
    assert stream.flush() == []


def test_an_acknowledgment_just_outside_the_window_declares_nothing() -> None:
    stream = Stream(0)
    stream.push(segment(b"later", seq=11))
    assert stream.acked(1 + reassembly.WINDOW_BYTES + 1) == []
    assert stream.ignored_segments == 1
    assert read(stream.acked(1 + reassembly.WINDOW_BYTES)) == b"later"


def test_forged_segments_that_do_not_follow_each_other_never_move_the_stream() -> None:
    stream = Stream(0)
    for n in range(20):
        assert stream.push(segment(b"evil", seq=50_000_000 + 1_000_000 * (n % 5))) == []
    assert stream.ignored_segments == 20
    assert read(stream.push(segment(b"abc", seq=1))) == b"abc"


def test_three_segments_in_a_row_far_ahead_are_the_stream_after_a_long_loss() -> None:
    stream = Stream(0)
    stream.push(segment(b"abc", seq=1))
    far = 50_000_000
    assert stream.push(segment(b"11", seq=far)) == []
    assert stream.push(segment(b"22", seq=far + 2)) == []
    assert stream.push(segment(b"33", seq=far + 4, ts=3)) == [Run(3, b"33", far)]
    assert stream.delivered_bytes + stream.lost_bytes == far + 5


def test_acknowledgments_of_a_direction_that_was_never_captured_do_nothing() -> None:
    stream = Stream()
    assert stream.acked(12345, ts_ns=1) == []
    assert stream.flush() == []


def test_two_gigabytes_pass_the_sequence_wrap_without_a_break() -> None:
    stream = Stream(2**32 - 50_000)
    seq = 2**32 - 50_000 + 1
    chunk = bytes(60_000)
    for n in range(100_000):
        stream.push(segment(chunk, seq=seq + n * 60_000))
    assert stream.delivered_bytes == 6_000_000_000
    assert stream.lost_bytes == stream.ignored_segments == 0
