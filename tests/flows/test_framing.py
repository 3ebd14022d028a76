"""Both directions together: order, roles, opaque streams, and bytes that mean harm."""

import gzip
import random
import tracemalloc
import zlib

import pytest

from davylamp.flows.framing import TORN_TRIES, Conversation
from davylamp.flows.reassembly import ACK_GRACE_NS
from davylamp.records import ACK, FIN, PSH
from flows.wire_talk import ISN_CLIENT, ISN_SERVER, Talk, segment

ASK = b'{"id":1,"method":"mining.subscribe","params":[]}'
TELL = b'{"id":1,"result":[null,"00"],"error":null}'


def test_messages_carry_side_and_time_and_come_in_time_order() -> None:
    talk = Talk()
    talk.client(ASK + b"\n")
    talk.server(TELL + b"\n")
    assert [(m.ts_ns, m.from_client, m.data) for m in talk.messages] == [
        (1_000_000, True, ASK),
        (2_000_000, False, TELL),
    ]


def test_what_is_released_at_the_end_comes_in_time_order() -> None:
    conversation = Conversation(isn_client=ISN_CLIENT, isn_server=ISN_SERVER)
    for n in range(4):
        from_client = n % 2 == 0
        base = ISN_CLIENT if from_client else ISN_SERVER
        held = segment(b"[%d]\n" % n, seq=base + 1 + 100 * (n + 1), ts=n, flags=PSH)
        assert conversation.push(from_client, held) == []
    assert [m.data for m in conversation.flush()] == [b"[0]", b"[1]", b"[2]", b"[3]"]


def test_a_gap_is_declared_while_the_conversation_goes_on() -> None:
    talk = Talk()
    talk.lose(False, TELL + b"\n")
    talk.server(TELL + b"\n")
    assert talk.messages == []
    talk.ns += ACK_GRACE_NS
    talk.client(ASK + b"\n")
    talk.ns += ACK_GRACE_NS
    talk.client(ASK + b"\n")
    assert [(m.from_client, m.lost_before) for m in talk.messages if not m.from_client] == [
        (False, len(TELL) + 1)
    ]
    assert talk.conversation.lost_bytes_server == len(TELL) + 1
    assert talk.conversation.lost_bytes_client == 0


def test_the_fin_releases_what_needs_no_further_byte() -> None:
    talk = Talk()
    talk.client(ASK, flags=FIN | ACK | PSH)
    assert talk.texts() == [ASK]
    assert talk.flush() == []


def test_flushing_twice_gives_nothing_new() -> None:
    talk = Talk()
    talk.client(ASK)
    assert len(talk.flush()) == 1
    assert talk.flush() == []


@pytest.mark.parametrize(
    "hello",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),  # TLS
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x8f" * 64,  # a Noise handshake as of Stratum V2, or anything else without text
        b"caf\xe9 latin-1 and nothing like UTF-8, long enough to look at whole....",
        b"\x13BitTorrent protocol" + bytes(48),
    ],
)
def test_bytes_of_other_protocols_turn_the_conversation_opaque(hello: bytes) -> None:
    talk = Talk()
    talk.client(hello)
    assert talk.conversation.state == "opaque"
    assert talk.server(TELL + b"\n") == []
    assert talk.flush() == []


def test_a_torn_start_is_looked_at_again_before_the_conversation_is_given_up() -> None:
    talk = Talk(midway=True)
    for _ in range(TORN_TRIES):
        talk.client(b"\xff\xfe\xfd")
    assert talk.conversation.state == "open"
    talk.client(ASK + b"\n")
    talk.flush()
    assert talk.texts() == [ASK]
    talk = Talk(midway=True)
    for _ in range(TORN_TRIES + 2):
        talk.client(b"\xff\xfe\xfd")
    assert talk.conversation.state == "opaque"


def test_an_opaque_conversation_keeps_no_bytes() -> None:
    talk = Talk()
    talk.server(b"\x16\x03\x03\x00\x50")
    talk.client(b"\x16\x03\x01" + bytes(1000))
    held = [side.stream for side in (talk.conversation._client, talk.conversation._server)]
    assert all(not stream._held and not stream._recent for stream in held)


def test_one_unreadable_direction_does_not_silence_the_other_once_it_has_spoken() -> None:
    talk = Talk()
    talk.client(ASK + b"\n")
    talk.server(b"\x16\x03\x01\x02")
    talk.client(ASK + b"\n")
    assert talk.texts() == [ASK, ASK]
    assert talk.conversation.state == "open"


def masked(payload: bytes) -> bytes:
    return (
        bytes([0x81, 0x80 | len(payload)])
        + b"\1\2\3\4"
        + bytes(b ^ (n % 4 + 1) for n, b in enumerate(payload))
    )


UPGRADE = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
PACKED = zlib.compress(TELL)[2:-4]
SETUP = b"\0\0\0\x20\0\0" + bytes(32)
SHARE = b"\0\x80\x1a\x18\0\0" + bytes(24)
SCRIPTS: list[list[tuple[bool, bytes]]] = [
    [(True, ASK + b"\n"), (False, TELL + TELL + b"\n"), (True, ASK), (False, TELL + b"\r\n")] * 3,
    [(True, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 48\r\n\r\n" + ASK),
     (False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n0\r\n\r\n"),
     (True, b"GET /lp HTTP/1.1\r\n\r\n"),
     (False, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 60\r\n\r\n" + gzip.compress(TELL))] * 2,
    [(True, UPGRADE), (False, SWITCH), (True, masked(ASK) * 2),
     (False, bytes([0xC1, len(PACKED)]) + PACKED), (False, b"\x89\0\x81\x02{}")],
    [(True, b"\5\2\0\2"), (False, b"\5\2"), (True, b"\1\1a\1b"), (False, b"\1\0"), (True, b"\5\1\0\3\1p\0\1"),
     (False, b"\5\0\0\1\0\0\0\0\0\0"), (True, b"CONNECT p:1 HTTP/1.1\r\n\r\n"), (False, b"HTTP/1.1 200 OK\r\n\r\n"),
     (True, ASK + b"\n"), (False, TELL + b"\n")],
    [(True, SETUP), (False, b"\0\0\1\6\0\0\2\0\0\0\0\0"), (True, SHARE * 3), (False, SHARE)],
]  # fmt: skip


@pytest.mark.parametrize("midway", [False, True])
@pytest.mark.parametrize("script", SCRIPTS, ids=["lines", "http", "websocket", "tunnels", "sv2"])
def test_mutated_cut_lost_and_shuffled_conversations_never_raise(
    script: list[tuple[bool, bytes]], midway: bool
) -> None:
    rng = random.Random(20)
    for _ in range(150):
        talk = Talk(midway=midway)
        for from_client, data in script:
            spoiled = bytearray(data)
            for _ in range(rng.choice([0, 0, 1, 3])):
                spoiled[rng.randrange(len(spoiled))] = rng.choice(
                    [0, 5, 10, 0x7D, 0x7B, 0x81, 0xFF, rng.randrange(256)]
                )
            if rng.random() < 0.1:
                spoiled[rng.randrange(len(spoiled)) :] = rng.randbytes(rng.randrange(40))
            at = 0
            while at < len(spoiled):
                size = rng.choice([1, 7, 60, 2000])
                piece = bytes(spoiled[at : at + size])
                talk.say(
                    from_client, piece, lose=rng.random() < 0.05, flags=rng.choice([ACK, ACK, ACK, PSH, 0xFF])
                )
                at += size
        talk.flush()
        times = [m.ts_ns for m in talk.messages]
        assert all(0 <= ts <= talk.ns for ts in times)
        assert all(m.lost_before >= 0 for m in talk.messages)


def test_random_segments_never_raise_and_memory_stays_bounded() -> None:
    rng = random.Random(8)
    tracemalloc.start()
    try:
        for seed in range(8):
            start = rng.choice(
                [b"{", b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", UPGRADE, SETUP, b"[" * 99]
            )
            talk = Talk(midway=bool(seed % 2))
            talk.client(start)
            for _ in range(300):
                side = rng.random() < 0.5
                data = rng.choice([bytes(60_000), b"{" * 60_000, b"a" * 60_000, rng.randbytes(50)])
                jump = rng.choice([0, 0, 10, 100_000, 2**31])
                base = ISN_CLIENT if side else ISN_SERVER
                talk.conversation.push(
                    side,
                    segment(data, seq=base + 1 + rng.randrange(400_000) + jump, ts=rng.randrange(2**40),
                            ack=rng.randrange(2**32)),
                )  # fmt: skip
            current, _ = tracemalloc.get_traced_memory()
            # Two streams of 600 KiB and two carriers of 256 KiB at most, with room for the interpreter's own.
            assert current < 3 * 2**20
            talk.flush()
    finally:
        tracemalloc.stop()
