"""WebSocket frames after an upgrade, and where the upgrade was not captured."""

import os
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.flows.carriers.lane import FRAME_BAD, FRAME_TOO_BIG, INFLATE_BAD, TORN_MESSAGE
from davylamp.flows.carriers.websocket import read_header
from davylamp.flows.framing import Limits
from flows.wire_talk import Talk

AUTH = b'{"type":"auth","params":{"site_key":"k","type":"anonymous"}}'
JOB = b'{"type":"job","params":{"job_id":"1","blob":"07","target":"ffffff00"}}'
UPGRADE = (
    b"GET /proxy HTTP/1.1\r\nHost: WS001.Pool.Example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MASK = b"\x12\x34\x56\x78"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate%s\r\n"


def accept(extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" + extra + b"\r\n"


def frame(payload: bytes, *, mask: bytes = b"", first: int = 0x81) -> bytes:
    size = len(payload)
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 1 << 16:
        head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
    body = bytes(b ^ mask[n % 4] for n, b in enumerate(payload)) if mask else payload
    return head + mask + body


def upgraded(extra: bytes = b"", **more: Limits) -> Talk:
    talk = Talk(**more)
    talk.client(UPGRADE)
    talk.server(accept(extra))
    return talk


def deflated(packer: "zlib._Compress", text: bytes) -> bytes:
    packed = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert packed.endswith(b"\x00\x00\xff\xff")
    return packed[:-4]


def test_the_example_frames_of_rfc_6455_are_read() -> None:
    # RFC 6455 section 5.7: an unmasked "Hello", a masked one, and one in two fragments.
    talk = upgraded()
    talk.server(bytes.fromhex("810548656c6c6f"))
    talk.client(bytes.fromhex("818537fa213d7f9f4d5158"))
    talk.server(bytes.fromhex("010348656c") + bytes.fromhex("80026c6f"))
    assert talk.said() == [(False, b"Hello"), (True, b"Hello"), (False, b"Hello")]


def test_the_example_messages_of_rfc_7692_are_inflated() -> None:
    # RFC 7692 section 7.2.3: "Hello" compressed, again with the context taken over, in a stored block, with BFINAL.
    talk = upgraded(DEFLATE % b"")
    talk.server(bytes.fromhex("c107f248cdc9c90700") + bytes.fromhex("c105f200110000"))
    talk.client(bytes.fromhex("c10b000500faff48656c6c6f00"))
    talk.client(bytes.fromhex("c108f348cdc9c9070000") + bytes.fromhex("c107f248cdc9c90700"))
    assert talk.texts() == [b"Hello"] * 5


def test_an_upgrade_makes_no_message_but_a_name_and_frames_do() -> None:
    talk = upgraded()
    assert talk.messages == []
    assert talk.conversation.names == ["ws001.pool.example"]
    talk.client(frame(AUTH, mask=MASK))
    talk.server(frame(JOB))
    assert talk.said() == [(True, AUTH), (False, JOB)]
    assert {m.carrier for m in talk.messages} == {"websocket"}


def test_frames_behind_the_answers_head_in_the_same_segment_are_read() -> None:
    talk = Talk()
    talk.client(UPGRADE)
    talk.server(accept() + frame(JOB) + frame(b"", first=0x89) + frame(JOB))
    assert talk.texts() == [JOB, JOB]


def test_frames_that_the_client_sends_before_the_answer_is_captured_wait_for_it() -> None:
    talk = Talk()
    talk.client(UPGRADE)
    assert talk.client(frame(AUTH, mask=MASK)) == []
    (message,) = talk.server(accept())
    assert (message.data, message.ts_ns) == (AUTH, 2_000_000)


def test_without_any_answer_in_the_capture_evident_frames_are_read_at_the_end() -> None:
    talk = Talk()
    talk.client(UPGRADE)
    talk.client(frame(AUTH, mask=MASK))
    assert [m.data for m in talk.flush()] == [AUTH]


def test_a_refused_upgrade_goes_on_as_http() -> None:
    talk = Talk()
    talk.client(UPGRADE)
    talk.server(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    talk.client(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    assert [(m.carrier, m.data) for m in talk.messages] == [("http", b"{}"), ("http", b"[]")]


def test_control_frames_between_fragments_are_skipped() -> None:
    talk = upgraded()
    talk.client(
        frame(AUTH[:9], mask=MASK, first=0x01)
        + frame(b"ping", mask=MASK, first=0x89)
        + frame(AUTH[9:30], mask=os.urandom(4), first=0x00)
        + frame(b"", mask=MASK, first=0x8A)
        + frame(AUTH[30:], mask=MASK, first=0x80)
    )
    assert talk.texts() == [AUTH]


def test_lines_in_one_message_are_separate_and_binary_stays_whole() -> None:
    talk = upgraded()
    talk.server(frame(JOB + b"\n" + AUTH + b"\r\n\n"))
    talk.server(frame(JOB + b"\n", first=0x82))
    talk.server(frame(b"\x00\n\x01", first=0x82))
    assert talk.texts() == [JOB, AUTH, JOB, b"\x00\n\x01"]


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536])
def test_every_form_of_length_is_read(size: int) -> None:
    talk = upgraded()
    talk.client(frame(b"a" * size, mask=MASK))
    assert talk.texts() == [b"a" * size]


@pytest.mark.parametrize("takeover", [True, False])
def test_compressed_messages_are_inflated_with_and_without_context_takeover(takeover: bool) -> None:
    talk = upgraded(
        DEFLATE % (b"" if takeover else b"; client_no_context_takeover; server_no_context_takeover")
    )
    for from_client in (True, False):
        packer = zlib.compressobj(wbits=-12)
        for text in (AUTH, JOB, AUTH):
            if not takeover:
                packer = zlib.compressobj(wbits=-12)
            payload = deflated(packer, text)
            talk.say(from_client, frame(payload, mask=MASK if from_client else b"", first=0xC1))
        talk.say(from_client, frame(b"plain", mask=MASK if from_client else b""))
    assert talk.texts() == [AUTH, JOB, AUTH, b"plain"] * 2


def test_a_bomb_is_dropped_without_being_unpacked() -> None:
    talk = upgraded(DEFLATE % b"; server_no_context_takeover")
    bomb = deflated(zlib.compressobj(wbits=-15), bytes(50_000_000))
    talk.server(frame(bomb, first=0xC1) + frame(JOB))
    assert talk.texts() == [JOB]
    assert talk.conversation.damage == {INFLATE_BAD: 1}


def test_damaged_compression_with_context_takeover_ends_its_direction_only() -> None:
    talk = upgraded(DEFLATE % b"")
    talk.client(frame(deflated(zlib.compressobj(wbits=-15), AUTH), mask=MASK, first=0xC1))
    talk.server(frame(b"\xff\xff\xff", first=0xC1) + frame(JOB))
    talk.client(frame(AUTH, mask=MASK))
    assert talk.said() == [(True, AUTH), (True, AUTH)]
    assert talk.conversation.state == "open"


@pytest.mark.parametrize(
    "bad",
    [
        b"\xf1\x01a",  # reserved bits
        b"\x83\x01a",  # reserved opcode
        b"\xc1\x01a",  # compressed without agreement
        b"\x80\x01a",  # continues nothing
        b"\x89\x7e\x00\x80",  # control frame with a long payload
        b"\x81\x7e\x00\x05abcde",  # length not in its shortest form
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",  # length above 2^63
    ],
)
def test_an_impossible_header_is_damage_and_reading_goes_on_at_the_next_evident_frame(bad: bytes) -> None:
    talk = upgraded()
    talk.server(frame(JOB))
    talk.server(bad)
    talk.server(frame(JOB))
    assert talk.texts() == [JOB, JOB]
    assert talk.conversation.damage == {FRAME_BAD: 1}


def test_a_message_above_the_limit_is_dropped_in_one_frame_or_in_fragments() -> None:
    talk = upgraded(limits=Limits(message_bytes=1000))
    talk.server(frame(b"a" * 1001) + frame(b"b" * 1000))
    talk.server(frame(b"c" * 600, first=0x01) + frame(b"c" * 600, first=0x80) + frame(JOB))
    assert talk.texts() == [b"b" * 1000, JOB]
    assert talk.conversation.damage == {FRAME_TOO_BIG: 2}


def test_a_gap_inside_a_payload_costs_that_message_only() -> None:
    talk = upgraded()
    whole = frame(JOB)
    talk.server(whole[:10])
    talk.lose(False, whole[10:20])
    talk.server(whole[20:] + frame(AUTH))
    talk.wait()
    assert [(m.data, m.lost_before) for m in talk.messages] == [(AUTH, 10)]
    assert talk.conversation.damage == {TORN_MESSAGE: 1}


def test_a_gap_inside_a_ping_between_fragments_spoils_nothing() -> None:
    talk = upgraded()
    talk.server(frame(JOB[:9], first=0x01) + frame(b"ping", first=0x89)[:4])
    talk.lose(False, b"ng")
    talk.server(frame(JOB[9:], first=0x80))
    talk.wait()
    assert talk.texts() == [JOB]


def test_an_upgrade_request_lost_in_a_gap_leaves_evident_frames_readable_unless_compressed() -> None:
    for extra, said in ((b"", [(True, AUTH), (False, JOB)]), (DEFLATE % b"", [(False, JOB)])):
        talk = Talk()
        talk.client(b"HEAD / HTTP/1.1\r\n\r\n")
        talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
        talk.lose(True, UPGRADE)
        talk.client(b"\r\n")
        talk.wait()
        talk.server(accept(extra))
        talk.client(frame(AUTH, mask=MASK))
        talk.server(frame(JOB))
        assert [(m.from_client, m.data) for m in talk.messages if m.carrier == "websocket"] == said


def test_after_a_gap_over_a_header_reading_goes_on_at_the_next_evident_frame() -> None:
    talk = upgraded()
    both = frame(JOB, mask=MASK) + frame(JOB, mask=MASK)
    talk.client(both[:10])
    talk.lose(True, both[10:90])
    talk.client(both[90:])
    talk.client(frame(AUTH, mask=MASK))
    talk.client(frame(b"not json", mask=MASK))
    talk.flush()
    assert talk.texts() == [AUTH, b"not json"]


def test_after_a_gap_compression_with_context_takeover_is_not_guessed_at() -> None:
    talk = upgraded(DEFLATE % b"; server_no_context_takeover")
    packer = zlib.compressobj(wbits=-15)
    talk.client(frame(deflated(packer, AUTH), mask=MASK, first=0xC1))
    talk.lose(True, frame(deflated(packer, JOB), mask=MASK, first=0xC1))
    talk.client(frame(deflated(packer, AUTH), mask=MASK, first=0xC1))
    talk.lose(False, b"\x81")
    talk.server(frame(JOB))
    talk.flush()
    assert talk.said() == [(True, AUTH), (False, JOB)]


def test_evident_frames_of_a_stream_joined_midway_are_read_from_both_sides() -> None:
    talk = Talk(midway=True)
    talk.client(frame(AUTH, mask=MASK)[9:])
    talk.client(frame(AUTH, mask=MASK))
    talk.server(frame(JOB) + frame(JOB))
    talk.flush()
    assert talk.said() == [(True, AUTH), (False, JOB), (False, JOB)]
    assert not talk.conversation.swapped


def test_masks_tell_the_roles_of_a_stream_joined_midway() -> None:
    talk = Talk(midway=True)
    talk.server(frame(AUTH, mask=MASK))
    talk.client(frame(JOB))
    talk.flush()
    assert talk.conversation.swapped
    assert talk.said() == [(True, AUTH), (False, JOB)]


def test_a_close_frame_ends_its_direction() -> None:
    talk = upgraded()
    talk.server(frame(JOB) + frame(b"\x03\xe8", first=0x88) + frame(JOB))
    assert talk.texts() == [JOB]


def test_an_upgrade_to_something_else_is_opaque() -> None:
    talk = Talk()
    talk.client(b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n")
    talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\x00\x00")
    assert talk.server(b"\x81\x02{}") == []


@given(st.lists(st.integers(1, 40), min_size=1, max_size=10), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_split_into_segments_gives_the_same_messages(sizes: list[int], compressed: bool) -> None:
    packer = zlib.compressobj(wbits=-15)
    client = UPGRADE + (frame(deflated(packer, AUTH), mask=MASK, first=0xC1) if compressed else b"")
    client += (
        frame(AUTH, mask=MASK)
        + frame(AUTH[:5], mask=MASK, first=0x01)
        + frame(AUTH[5:], mask=MASK, first=0x80)
    )
    server = (
        accept(DEFLATE % b"" if compressed else b"")
        + frame(JOB + b"\n" + JOB)
        + frame(b"", first=0x8A)
        + frame(JOB)
    )
    talk = Talk()
    for from_client, stream in ((True, client), (False, server)):
        at = n = 0
        while at < len(stream):
            size = sizes[n % len(sizes)]
            talk.say(from_client, stream[at : at + size])
            at, n = at + size, n + 1
    said = sorted(talk.said())
    assert said == sorted([(True, AUTH)] * (3 if compressed else 2) + [(False, JOB)] * 3)
    assert not talk.conversation.damage


def test_a_header_never_reads_past_the_bytes_it_was_given() -> None:
    rng = random.Random(3)
    for _ in range(20_000):
        data = rng.randbytes(rng.randrange(16))
        try:
            header = read_header(data)
        except ValueError:
            continue
        assert header is None or (header.size <= len(data) and header.length < 1 << 63)
