"""Stratum V2 frames in plain text."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.flows.carriers.lane import FRAME_TOO_BIG, TORN_MESSAGE
from davylamp.flows.framing import Limits
from flows.wire_talk import Talk


def frame(kind: int, payload: bytes, extension: int = 0) -> bytes:
    return struct.pack("<HB", extension, kind) + len(payload).to_bytes(3, "little") + payload


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


# SetupConnection: protocol 0, versions 2 to 2, flags, host, port, vendor, hardware, firmware, device.
SETUP = frame(
    0x00, struct.pack("<BHHI", 0, 2, 2, 0) + text("pool.lan") + struct.pack("<H", 3336) + text("v") * 4
)
SETUP_OK = frame(0x01, struct.pack("<HI", 2, 0))
SUBMIT = frame(0x1A, struct.pack("<IIIIII", 1, 7, 3, 0xDEAD, 1_700_000_000, 0x20000000), 0x8000)
SUBMIT_OK = frame(0x1C, struct.pack("<IIIQ", 1, 7, 1, 1000), 0x8000)
TARGET = frame(0x21, struct.pack("<I", 1) + b"\xff" * 32, 0x8000)


def test_frames_of_both_sides_are_messages_with_their_header() -> None:
    talk = Talk()
    talk.client(SETUP)
    talk.server(SETUP_OK + TARGET)
    talk.client(SUBMIT[:11])
    talk.client(SUBMIT[11:])
    talk.server(SUBMIT_OK)
    assert talk.said() == [
        (True, SETUP),
        (False, SETUP_OK),
        (False, TARGET),
        (True, SUBMIT),
        (False, SUBMIT_OK),
    ]
    assert {m.carrier for m in talk.messages} == {"sv2"}


def test_a_frame_at_the_limit_is_kept_and_a_longer_one_ends_the_conversation() -> None:
    talk = Talk(limits=Limits(frame_bytes=500))
    talk.client(SETUP)
    talk.client(frame(0x57, bytes(500)))
    talk.client(frame(0x57, bytes(501))[:6])
    assert [len(t) for t in talk.texts()] == [len(SETUP), 506]
    assert talk.client(SUBMIT) == []
    assert talk.conversation.damage == {FRAME_TOO_BIG: 1}
    assert talk.conversation.state == "opaque"


@pytest.mark.parametrize(
    "opening",
    [
        b"\x00\x00\x00\x00\x00\x00",
        frame(0x00, bytes(2000)),
        frame(0x1F, bytes(30)),
        b"\x00\x01\x00\x20\x00\x00",
    ],
)
def test_other_binary_that_starts_with_zeros_is_opaque(opening: bytes) -> None:
    talk = Talk()
    talk.client(opening + bytes(50))
    assert talk.conversation.state == "opaque"


def test_a_gap_inside_a_frame_costs_that_frame_only() -> None:
    talk = Talk()
    talk.client(SETUP + SUBMIT[:8])
    talk.lose(True, SUBMIT[8:20])
    talk.client(SUBMIT[20:] + SUBMIT)
    talk.wait()
    assert [(m.data, m.lost_before) for m in talk.messages] == [(SETUP, 0), (SUBMIT, 12)]
    assert talk.conversation.damage == {TORN_MESSAGE: 1}


def test_after_a_gap_over_a_header_reading_goes_on_at_an_evident_frame() -> None:
    talk = Talk()
    talk.client(SETUP)
    talk.lose(True, SUBMIT + SUBMIT[:9])
    talk.client(SUBMIT[9:])
    talk.client(SUBMIT)
    talk.flush()
    assert talk.texts() == [SETUP, SUBMIT]


def test_a_stream_joined_midway_is_taken_at_an_evident_frame() -> None:
    talk = Talk(midway=True)
    talk.client(SUBMIT[7:])
    talk.client(SUBMIT)
    talk.server(SUBMIT_OK + TARGET)
    talk.flush()
    assert talk.said() == [(True, SUBMIT), (False, SUBMIT_OK), (False, TARGET)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=10))
@settings(max_examples=100, deadline=None)
def test_any_split_into_segments_gives_the_same_messages(sizes: list[int]) -> None:
    stream = SETUP + SUBMIT * 3 + frame(0x18, b"")
    talk = Talk()
    at = n = 0
    while at < len(stream):
        size = sizes[n % len(sizes)]
        talk.client(stream[at : at + size])
        at, n = at + size, n + 1
    assert talk.texts() == [SETUP, SUBMIT, SUBMIT, SUBMIT, frame(0x18, b"")]
