"""HTTP/1.1: one message per body, answers with their requests, within the limits."""

import base64
import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.flows.carriers.lane import (
    HTTP_BODY_BAD,
    HTTP_BODY_TOO_BIG,
    HTTP_CODING_BAD,
    HTTP_HEAD_BAD,
    TORN_MESSAGE,
)
from davylamp.flows.framing import Limits
from davylamp.records import ACK, FIN, PSH, Message
from flows.wire_talk import Talk

GETWORK = b'{"method":"getwork","params":[],"id":1}'
RESULT = b'{"result":{"data":"00"},"error":null,"id":1}'


def post(body: bytes, *, extra: bytes = b"", target: bytes = b"/") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: Pool.Example:8332\r\n%sContent-Length: %d\r\n\r\n%s" % (
        target, extra, len(body), body,
    )  # fmt: skip


def ok(body: bytes, *, extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (extra, len(body), body)


def heads(messages: list[Message]) -> list[tuple[bool, str, str, int, bytes]]:
    return [(m.from_client, m.http.method, m.http.target, m.http.status, m.data) for m in messages if m.http]


def test_a_request_and_its_answer_are_two_messages_with_the_requests_method_and_target() -> None:
    talk = Talk()
    talk.client(post(GETWORK, target=b"/rpc?x=1", extra=b"X-Mining-Extensions: longpoll\r\n"))
    talk.server(ok(RESULT, extra=b"X-Stratum: stratum+tcp://a\r\n"))
    assert heads(talk.messages) == [
        (True, "POST", "/rpc?x=1", 0, GETWORK),
        (False, "POST", "/rpc?x=1", 200, RESULT),
    ]
    assert [m.carrier for m in talk.messages] == ["http", "http"]
    assert talk.messages[0].http is not None
    assert talk.messages[0].http.headers["x-mining-extensions"] == "longpoll"
    assert talk.messages[1].http is not None
    assert talk.messages[1].http.headers["x-stratum"] == "stratum+tcp://a"
    assert talk.conversation.names == ["pool.example:8332"]


def test_a_get_gives_a_message_without_data() -> None:
    talk = Talk()
    talk.client(b"GET /pool_info HTTP/1.1\r\nHost: p\r\n\r\n")
    assert heads(talk.messages) == [(True, "GET", "/pool_info", 0, b"")]


def test_answers_without_a_body_end_with_their_head() -> None:
    talk = Talk()
    talk.client(b"HEAD / HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    talk.server(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n")
    assert [(h[1], h[3]) for h in heads(talk.messages) if not h[0]] == [
        ("HEAD", 200),
        ("GET", 204),
        ("GET", 304),
    ]


def test_pipelined_requests_and_their_answers_stay_paired() -> None:
    talk = Talk()
    talk.client(b"".join(post(b"%d" % n, target=b"/%d" % n) for n in range(5)))
    talk.server(b"".join(ok(b"r%d" % n) for n in range(5)))
    assert [(h[2], h[4]) for h in heads(talk.messages)] == [
        *((f"/{n}", b"%d" % n) for n in range(5)),
        *((f"/{n}", b"r%d" % n) for n in range(5)),
    ]


def test_interim_answers_make_no_message() -> None:
    talk = Talk()
    talk.client(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    talk.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    talk.client(b"{}")
    talk.server(ok(RESULT))
    assert [h[4] for h in heads(talk.messages)] == [b"{}", RESULT]


def test_chunks_with_extensions_and_trailers_are_joined() -> None:
    talk = Talk()
    talk.client(post(GETWORK))
    talk.server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    talk.server(b'5;ext=1\r\n{"res\r\nA \r\nult":null}\r\n0\r\nX-Trailer: y\r\n\r\n' + ok(b"next"))
    assert [h[4] for h in heads(talk.messages)] == [GETWORK, b'{"result":null}', b"next"]


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    talk = Talk()
    talk.client(post(GETWORK))
    talk.server(b"HTTP/1.0 200 OK\r\n\r\n" + RESULT[:9])
    assert len(talk.messages) == 1
    talk.server(RESULT[9:], flags=FIN | ACK | PSH)
    assert heads(talk.messages)[1][4] == RESULT


def test_a_long_poll_answer_carries_the_time_it_came() -> None:
    talk = Talk()
    talk.client(b"GET /LP HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    talk.ns += 60_000_000_000
    (message,) = talk.server(b"2\r\n{}\r\n0\r\n\r\n")
    assert message.ts_ns == talk.ns


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"gzip", gzip.compress(RESULT)),
        (b"deflate", zlib.compress(RESULT)),
        (b"deflate", zlib.compress(RESULT)[2:-4]),  # raw deflate, as some servers send it
        (b"identity", RESULT),
    ],
)
def test_content_codings_are_undone(coding: bytes, packed: bytes) -> None:
    talk = Talk()
    talk.server(ok(packed, extra=b"Content-Encoding: %s\r\n" % coding))
    assert talk.texts() == [RESULT]


@pytest.mark.parametrize(
    ("coding", "packed"),
    [(b"gzip", gzip.compress(bytes(10_000_000))), (b"gzip", b"no gzip"), (b"gzip", gzip.compress(RESULT)[:-9]),
     (b"br", b"\x0b\x02\x80")],
)  # fmt: skip
def test_a_body_whose_coding_cannot_be_undone_is_left_empty_and_counted(coding: bytes, packed: bytes) -> None:
    talk = Talk()
    talk.server(ok(packed, extra=b"Content-Encoding: %s\r\n" % coding) + ok(RESULT))
    assert talk.texts() == [b"", RESULT]
    assert talk.conversation.damage == {HTTP_CODING_BAD: 1}


def test_of_credentials_only_the_basic_user_is_kept() -> None:
    def seen(value: bytes) -> str:
        talk = Talk()
        talk.client(b"GET / HTTP/1.1\r\nAuthorization: %s\r\n\r\n" % value)
        assert talk.messages[0].http is not None
        return talk.messages[0].http.headers["authorization"]

    basic = base64.b64encode(b"worker.1:hunter2")
    assert base64.b64decode(seen(b"Basic " + basic).split()[1]) == b"worker.1:"
    assert seen(b"Bearer hunter2") == "Bearer"
    assert seen(b"Basic hunter2!") == "Basic"
    talk = Talk()
    talk.client(b"GET / HTTP/1.1\r\nCookie: a=b\r\nProxy-Authorization: Basic %s\r\nHost: h\r\n\r\n" % basic)
    assert talk.messages[0].http is not None
    assert set(talk.messages[0].http.headers) == {"host"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_left_empty_and_the_next_message_is_in_step(chunked: bool) -> None:
    talk = Talk(limits=Limits(body_bytes=1000))
    body = b"x" * 1001
    if chunked:
        talk.server(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e9\r\n" + body + b"\r\n0\r\n\r\n"
        )
    else:
        talk.server(ok(body))
    talk.server(ok(b"y" * 1000))
    assert talk.texts() == [b"", b"y" * 1000]
    assert talk.conversation.damage == {HTTP_BODY_TOO_BIG: 1}


def test_a_petabyte_announced_keeps_nothing() -> None:
    talk = Talk()
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n" + b"a" * 50_000)
    assert talk.flush() == []


def test_a_head_above_the_limit_is_dropped_and_reading_goes_on_at_the_next_start_line() -> None:
    talk = Talk(limits=Limits(head_bytes=300))
    talk.client(b"GET / HTTP/1.1\r\nX: " + b"a" * 400 + b"\r\n\r\n")
    talk.client(post(GETWORK))
    assert talk.texts() == [GETWORK]
    assert talk.conversation.damage == {HTTP_HEAD_BAD: 1}


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1, 2", b"9" * 16, b"", b"0x10", "²".encode()])
def test_a_length_that_is_none_is_damage_and_reading_goes_on(length: bytes) -> None:
    talk = Talk()
    talk.client(b"POST /bad HTTP/1.1\r\nContent-Length: %s\r\n\r\n{}\r\n" % length + post(GETWORK))
    assert [h[2:] for h in heads(talk.messages)] == [("/", 0, GETWORK)]
    assert talk.conversation.damage == {HTTP_HEAD_BAD: 1}


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n", b"fffffffff\r\n", b"-1\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"1" * 1100]
)
def test_damaged_chunks_leave_the_body_empty_and_reading_goes_on_at_the_next_start_line(
    chunks: bytes,
) -> None:
    talk = Talk()
    talk.server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"\r\n" + ok(RESULT))
    assert talk.texts()[-1] == RESULT
    assert all(not text for text in talk.texts()[:-1])
    assert talk.conversation.damage == {HTTP_BODY_BAD: 1}


def test_a_gap_inside_a_body_costs_that_body_only() -> None:
    talk = Talk()
    talk.client(post(GETWORK))
    whole = ok(RESULT)
    talk.server(whole[:-20])
    talk.lose(False, whole[-20:-5])
    talk.server(whole[-5:] + ok(b"next"))
    talk.wait()
    answers = [m for m in talk.messages if not m.from_client]
    assert [(m.data, m.lost_before) for m in answers] == [(b"", 15), (b"next", 0)]


def test_a_gap_inside_a_chunk_costs_that_body_only_and_one_over_its_end_costs_the_step() -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabcd"
    for lost, rest in ((b"ef", b"gh\r\n0\r\n\r\n"), (b"efgh\r\n", b"0\r\n\r\n")):
        talk = Talk()
        talk.server(start)
        talk.lose(False, lost)
        talk.server(rest)
        talk.server(ok(RESULT))
        talk.wait()
        in_step = lost == b"ef"
        assert talk.texts() == ([b"", RESULT] if in_step else [RESULT])


def test_after_a_gap_in_a_head_reading_goes_on_at_the_next_start_line() -> None:
    talk = Talk()
    whole = post(GETWORK)
    talk.client(whole[:20])
    talk.lose(True, whole[20:30])
    talk.client(whole[30:])
    talk.client(post(b"second", target=b"/2"))
    talk.client(post(b"third", target=b"/3"))
    talk.wait()
    assert [(h[2], h[4]) for h in heads(talk.messages)] == [("/2", b"second"), ("/3", b"third")]
    assert talk.conversation.damage == {TORN_MESSAGE: 1}


def test_after_a_lost_answer_the_next_answer_goes_to_the_newest_request() -> None:
    talk = Talk()
    talk.client(post(b"1", target=b"/1"))
    talk.lose(False, ok(b"answer 1"))
    talk.client(post(b"2", target=b"/2"))
    talk.server(ok(b"answer 2"))
    talk.flush()
    assert [(h[2], h[4]) for h in heads(talk.messages) if not h[0]] == [("/2", b"answer 2")]


def test_an_http_stream_joined_in_the_middle_of_a_body_is_found() -> None:
    talk = Talk(midway=True)
    talk.server(b'1,2,3],"error":null}\r\n')
    talk.client(post(GETWORK))
    talk.server(ok(RESULT))
    talk.flush()
    assert [h[4] for h in heads(talk.messages)] == [GETWORK, RESULT]


def test_roles_that_the_capture_had_wrong_are_turned_round() -> None:
    talk = Talk(midway=True)
    talk.server(post(GETWORK))
    talk.client(ok(RESULT))
    talk.flush()
    assert talk.conversation.swapped
    assert [(h[0], h[4]) for h in heads(talk.messages)] == [(True, GETWORK), (False, RESULT)]
    assert talk.conversation.delivered_bytes_client == len(post(GETWORK))


def test_roles_known_from_the_handshake_are_never_turned_round() -> None:
    talk = Talk()
    talk.lose(False, b"banner\r\n")
    talk.server(post(GETWORK))
    talk.flush()
    assert not talk.conversation.swapped
    assert not any(m.from_client for m in talk.messages)


def test_two_hundred_headers_keep_only_so_many() -> None:
    talk = Talk()
    talk.client(b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(200)) + b"\r\n")
    assert talk.messages[0].http is not None
    assert len(talk.messages[0].http.headers) == 128


def test_http_2_is_not_read() -> None:
    talk = Talk()
    talk.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert talk.conversation.state == "opaque"


@given(st.lists(st.integers(1, 90), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_split_into_segments_gives_the_same_messages(sizes: list[int]) -> None:
    requests = post(GETWORK) + b"GET /x HTTP/1.1\r\n\r\n" + post(b"") + post(b"{}", extra=b"A: b\r\n")
    answers = ok(RESULT) + b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"") + (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    ) + ok(gzip.compress(RESULT), extra=b"Content-Encoding: gzip\r\n")  # fmt: skip
    talk = Talk()
    for from_client, stream in ((True, requests), (False, answers)):
        at = n = 0
        while at < len(stream):
            size = sizes[n % len(sizes)]
            talk.say(from_client, stream[at : at + size])
            at, n = at + size, n + 1
    assert talk.said() == [
        (True, GETWORK), (True, b""), (True, b""), (True, b"{}"),
        (False, RESULT), (False, b""), (False, b"abcde"), (False, RESULT),
    ]  # fmt: skip
    assert not talk.conversation.damage
