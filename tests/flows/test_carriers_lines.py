"""Text lines over TCP: one message per line or object, whatever the segments, within the limits."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.flows.carriers import lines
from davylamp.flows.carriers.lane import DAMAGE, LINE_NOT_TEXT, LINE_TOO_LONG, TORN_MESSAGE
from davylamp.flows.carriers.lines import split_objects
from davylamp.flows.framing import Conversation, Limits
from davylamp.flows.reassembly import ACK_GRACE_NS
from davylamp.records import ACK
from flows.wire_talk import ISN_SERVER, Talk, segment

LOGIN = b'{"id":1,"method":"login","params":{"login":"4A","pass":"x"}}'
SUBMIT = b'{"id": 2, "method": "submit", "params": ["a", "b"]}'


def test_one_message_per_line_with_the_time_of_the_segment_that_ends_it() -> None:
    talk = Talk()
    assert talk.client(LOGIN[:20]) == []
    assert talk.client(LOGIN[20:]) == []
    (message,) = talk.client(b"\n")
    assert (message.ts_ns, message.from_client, message.data) == (3_000_000, True, LOGIN)
    assert (message.carrier, message.http, message.lost_before) == ("tcp", None, 0)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0", b"\n\n", b" \r\n\r\n"])
def test_every_line_end_ends_a_line_and_is_not_part_of_it(end: bytes) -> None:
    talk = Talk()
    talk.client(LOGIN + end + SUBMIT + end)
    assert talk.texts() == [LOGIN, SUBMIT]


@pytest.mark.parametrize("glue", [b"", b" ", b"\t \r"])
def test_glued_objects_are_separate_messages(glue: bytes) -> None:
    talk = Talk()
    talk.client(LOGIN + glue + SUBMIT + glue + b"[1]\n")
    assert talk.texts() == [LOGIN, SUBMIT, b"[1]"]


def test_brackets_inside_strings_and_values_are_no_glue() -> None:
    tricky = b'{"a": "}{", "b": [[1], [{}, {}]], "c": "\\"}{\\\\"}'
    talk = Talk()
    talk.client(tricky + b"\n")
    assert talk.texts() == [tricky]


def test_an_object_without_a_line_end_comes_out_when_the_other_side_answers_with_its_own_time() -> None:
    talk = Talk()
    assert talk.client(LOGIN) == []
    found = talk.server(b'{"id":1,"result":true}\n')
    assert [(m.ts_ns, m.from_client, m.data) for m in found] == [
        (1_000_000, True, LOGIN),
        (2_000_000, False, b'{"id":1,"result":true}'),
    ]
    assert talk.client(b"\n" + SUBMIT + b"\n")[0].data == SUBMIT


def test_an_object_without_a_line_end_comes_out_when_the_next_one_starts() -> None:
    talk = Talk()
    talk.client(LOGIN)
    assert [m.data for m in talk.client(SUBMIT)] == [LOGIN]
    assert [m.data for m in talk.flush()] == [SUBMIT]


def test_an_answer_does_not_cut_an_object_that_is_not_closed() -> None:
    talk = Talk()
    talk.client(LOGIN[:-2])
    talk.server(b'{"x":1}\n')
    talk.client(LOGIN[-2:] + b"\n")
    assert talk.said() == [(False, b'{"x":1}'), (True, LOGIN)]


def test_plain_text_commands_are_lines_even_without_a_line_end() -> None:
    talk = Talk()
    talk.server(b"3.0\n")
    talk.client(b"JOB,user,LOW")
    talk.server(b"abc,def,75\n")
    talk.client(b"1234,201.5,Official PC Miner,rig")
    talk.server(b"GOOD\n")
    assert talk.texts() == [
        b"3.0", b"JOB,user,LOW", b"abc,def,75", b"1234,201.5,Official PC Miner,rig", b"GOOD",
    ]  # fmt: skip


def test_a_line_at_the_limit_is_kept_and_a_longer_one_dropped_whatever_the_segments() -> None:
    limits = Limits(line_bytes=200)
    at_limit = b'"' + b"a" * 198 + b'"'
    for size in (7, 100, 5000):
        talk = Talk(limits=limits)
        stream = SUBMIT + b"\n" + at_limit + b"\n" + at_limit + b"!\n{" + b"b" * 300 + b"\n" + LOGIN + b"\n"
        for at in range(0, len(stream), size):
            talk.client(stream[at : at + size])
        assert talk.texts() == [SUBMIT, at_limit, LOGIN]
        assert talk.conversation.damage == {LINE_TOO_LONG: 2}


def test_glued_objects_longer_than_the_limit_in_sum_all_come_out() -> None:
    talk = Talk(limits=Limits(line_bytes=100))
    stream = (b'{"n":1}' * 100) + b"\n"
    for at in range(0, len(stream), 13):
        talk.client(stream[at : at + 13])
    assert talk.texts() == [b'{"n":1}'] * 100
    assert not talk.conversation.damage


def test_a_line_with_control_characters_is_dropped_and_several_in_a_row_end_the_conversation() -> None:
    talk = Talk()
    talk.client(LOGIN + b"\n" + b'{"a\x01":1}\n' + b"x\x02y\n" + SUBMIT + b"\n")
    assert talk.texts() == [LOGIN, SUBMIT]
    assert talk.conversation.damage == {LINE_NOT_TEXT: 2}
    talk = Talk()
    talk.client(b"ab\n\x01\n\x02\n\x03\n\x04\n")
    talk.server(b"\x16\x03\x01rest")
    assert talk.conversation.state == "opaque"


def test_the_line_that_a_gap_is_in_is_dropped_and_the_next_message_declares_the_loss() -> None:
    talk = Talk()
    talk.client(LOGIN + b"\n" + SUBMIT[:10])
    talk.lose(True, SUBMIT[10:30])
    talk.client(SUBMIT[30:] + b"\n" + LOGIN + b"\n")
    assert talk.texts() == [LOGIN]
    talk.wait()
    assert talk.texts() == [LOGIN, LOGIN]
    assert [m.lost_before for m in talk.messages] == [0, 20]
    assert talk.conversation.lost_bytes_client == 20
    assert talk.conversation.damage == {TORN_MESSAGE: 2}


def test_a_whole_object_right_after_a_gap_is_kept() -> None:
    talk = Talk()
    talk.lose(True, SUBMIT + b"\n")
    talk.client(LOGIN + b"\n")
    talk.wait()
    assert [(m.data, m.lost_before) for m in talk.messages] == [(LOGIN, len(SUBMIT) + 1)]


def test_the_tail_of_an_object_that_looks_like_one_is_not_taken_for_it_after_a_gap() -> None:
    talk = Talk()
    talk.lose(True, b'{"id":1,"params":')
    talk.client(b'{"login":"4A"}}\n' + SUBMIT + b"\n")
    talk.flush()
    assert talk.texts() == [SUBMIT]


def test_a_gap_that_ends_before_a_line_end_costs_no_further_line() -> None:
    talk = Talk()
    talk.lose(False, b"hash,")
    talk.server(b"\nabc,def,75\n")
    talk.flush()
    assert talk.texts() == [b"abc,def,75"]


def test_the_rest_of_a_torn_command_is_no_message_though_the_other_side_answers() -> None:
    talk = Talk()
    talk.client(b"JOB,user,LOW\n")
    talk.lose(True, b"1234,20")
    talk.client(b"1.5,")
    talk.wait()
    talk.server(b"GOOD\n")
    talk.client(b"rig\n")
    talk.flush()
    assert talk.texts() == [b"JOB,user,LOW", b"GOOD"]


def test_a_stream_joined_midway_starts_at_a_line_end_or_a_whole_object() -> None:
    talk = Talk(midway=True)
    talk.client(b'0"]}\n' + SUBMIT + b"\n")
    talk.server(LOGIN + b"\n" + SUBMIT + b"\n")
    talk.flush()
    assert talk.said() == [(True, SUBMIT), (False, LOGIN), (False, SUBMIT)]
    assert [m.lost_before for m in talk.messages] == [0, 0, 0]


def test_an_object_cut_off_at_the_end_of_the_capture_is_dropped() -> None:
    talk = Talk()
    talk.client(LOGIN + b"\n" + SUBMIT[:-1])
    talk.flush()
    assert talk.texts() == [LOGIN]
    assert talk.conversation.damage == {TORN_MESSAGE: 1}


def test_one_direction_alone_is_read_though_it_acknowledges_what_was_never_captured() -> None:
    conversation = Conversation(isn_client=None, isn_server=ISN_SERVER)
    line = b'{"a":1}\n'
    found = []
    for n in range(20):
        found += conversation.push(
            False,
            segment(line, seq=ISN_SERVER + 1 + n * len(line), ts=n * ACK_GRACE_NS, flags=ACK, ack=n * 500),
        )
    assert len(found) == 20
    assert conversation.lost_bytes_client == conversation.lost_bytes_server == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)
objects = st.one_of(
    st.dictionaries(st.text(max_size=5), json_values, max_size=4), st.lists(json_values, max_size=3)
)


@given(st.lists(objects, min_size=1, max_size=6), st.booleans())
@settings(max_examples=200, deadline=None)
def test_glued_json_splits_into_exactly_the_values_that_were_glued(
    values: list[object], ascii_only: bool
) -> None:
    texts = [json.dumps(value, ensure_ascii=ascii_only).encode() for value in values]
    pieces, closed = split_objects(b"".join(texts))
    assert pieces == texts
    assert closed
    assert split_objects(b"".join(texts)[:-1])[1] is False


@given(
    st.lists(
        st.tuples(objects, st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\0", b"", b" "])),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.integers(1, 30), min_size=1, max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_any_split_into_segments_gives_the_same_messages(
    lines: list[tuple[object, bytes]], sizes: list[int]
) -> None:
    stream = b"".join(json.dumps(value).encode() + end for value, end in lines)
    talk = Talk()
    at = n = 0
    while at < len(stream):
        size = sizes[n % len(sizes)]
        talk.client(stream[at : at + size])
        at, n = at + size, n + 1
    talk.flush()
    assert talk.texts() == [json.dumps(value).encode() for value, _ in lines]


def test_every_code_of_damage_has_a_sentence() -> None:
    assert all(code.startswith("E-CNV-") and len(text) > 20 for code, text in DAMAGE.items())


def test_brackets_that_open_and_close_forever_are_scanned_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned: list[int] = []

    def counting(text: bytes) -> tuple[list[bytes], bool]:
        scanned.append(len(text))
        return split_objects(text)

    monkeypatch.setattr(lines, "split_objects", counting)
    talk = Talk()
    talk.client(b"[")
    for _ in range(4000):  # each segment and each answer asks whether the tail is closed
        talk.client(b"{}")
        talk.server(b"1\n")
    assert len(talk.messages) == 4000
    assert len(scanned) <= lines.CHECKS_PER_LINE
    assert talk.flush() == []
