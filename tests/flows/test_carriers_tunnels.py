"""SOCKS and CONNECT preambles: peeled off, their target noted, their secrets forgotten."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.flows.framing import HOPS, Limits
from flows.wire_talk import ISN_CLIENT, Talk, segment

LOGIN = b'{"id":1,"method":"login","params":{}}'
ANSWER = b'{"id":1,"result":{"status":"OK"}}'
NAME = b"\x03\x10Pool.Example.Org"
REPLY_5 = bytes.fromhex("05000001000000000000")
REQUEST_5 = b"\x05\x01\x00" + NAME + b"\x0d\x05"


def finish(talk: Talk) -> list[tuple[bool, bytes]]:
    talk.client(LOGIN + b"\n")
    talk.server(ANSWER + b"\n")
    return talk.said()


INNER = [(True, LOGIN), (False, ANSWER)]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (NAME + b"\x0d\x05", "pool.example.org:3333"),
        (b"\x01\xc0\x00\x02\x07\x01\xbb", "192.0.2.7:443"),
        (b"\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x0d\x05", "[2001:db8::1]:3333"),
    ],
)
def test_socks_5_without_authentication_gives_the_target_and_the_inner_lines(
    address: bytes, name: str
) -> None:
    talk = Talk()
    talk.client(b"\x05\x01\x00")
    talk.server(b"\x05\x00")
    talk.client(b"\x05\x01\x00" + address)
    talk.server(REPLY_5)
    assert finish(talk) == INNER
    assert talk.conversation.names == [name]


def test_socks_5_with_user_and_password_keeps_neither() -> None:
    talk = Talk()
    talk.client(b"\x05\x02\x00\x02")
    talk.server(b"\x05\x02")
    talk.client(b"\x01\x09sock-user\x0ahunter2-pw")
    talk.server(b"\x01\x00")
    talk.client(REQUEST_5)
    talk.server(REPLY_5)
    assert finish(talk) == INNER
    assert talk.conversation.names == ["pool.example.org:3333"]
    sides = (talk.conversation._client, talk.conversation._server)
    kept = [vars(side.carrier) for side in sides] + [talk.messages, talk.conversation.names]
    assert "hunter2" not in repr(kept)
    assert "sock-user" not in repr(kept)


def test_socks_4_and_4a_give_the_target_and_the_inner_lines() -> None:
    for request, name in (
        (b"\x04\x01\x0d\x05\xc0\x00\x02\x07me\x00", "192.0.2.7:3333"),
        (b"\x04\x01\x0d\x05\x00\x00\x00\x01me\x00Pool.Example\x00", "pool.example:3333"),
    ):
        talk = Talk()
        talk.client(request)
        talk.server(b"\x00\x5a" + bytes(6))
        assert finish(talk) == INNER
        assert talk.conversation.names == [name]


@pytest.mark.parametrize("status", [b"200 Connection established", b"200 OK", b"299 fine"])
def test_connect_gives_the_target_and_the_inner_lines(status: bytes) -> None:
    talk = Talk()
    talk.client(
        b"CONNECT Pool.Example:3333 HTTP/1.1\r\nHost: proxy\r\nProxy-Authorization: Basic aHVudGVyMg==\r\n\r\n"
    )
    talk.server(b"HTTP/1.1 " + status + b"\r\nProxy-Agent: x\r\n\r\n")
    assert finish(talk) == INNER
    assert talk.conversation.names == ["pool.example:3333"]


def test_a_tunnel_whose_request_was_not_captured_is_known_by_the_proxys_words() -> None:
    talk = Talk(midway=True)
    talk.server(b"HTTP/1.0 200 Connection established\r\n\r\n")
    talk.client(LOGIN + b"\n")
    talk.server(ANSWER + b"\n")
    talk.flush()
    assert talk.said() == INNER


def test_inner_bytes_sent_before_the_proxy_answered_keep_their_time() -> None:
    talk = Talk()
    talk.client(b"CONNECT pool:1 HTTP/1.1\r\n\r\n" + LOGIN + b"\n")
    assert talk.messages == []
    (message,) = talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    assert (message.data, message.ts_ns, message.carrier) == (LOGIN, 1_000_000, "tcp")


def test_a_refused_connect_that_is_repeated_with_credentials_gets_through() -> None:
    talk = Talk()
    connect = b"CONNECT pool:1 HTTP/1.1\r\n\r\n"
    talk.client(connect)
    talk.server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nnope")
    talk.client(connect)
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    assert finish(talk) == INNER


def test_http_inside_connect_inside_socks_is_read() -> None:
    talk = Talk()
    talk.client(b"\x05\x01\x00" + REQUEST_5)
    talk.server(b"\x05\x00" + REPLY_5)
    talk.client(b"CONNECT inner:8332 HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.client(b"POST / HTTP/1.1\r\nHost: Deep\r\nContent-Length: 2\r\n\r\n{}")
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    assert [(m.carrier, m.data) for m in talk.messages] == [("http", b"{}"), ("http", b"[]")]
    assert talk.conversation.names == ["pool.example.org:3333", "inner:8332", "deep"]


def test_tls_inside_connect_is_opaque_and_yields_nothing() -> None:
    talk = Talk()
    talk.client(b"CONNECT pool:443 HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.client(b"\x16\x03\x01\x02\x00\x01\x00" + bytes(500))
    assert talk.conversation.state == "opaque"
    assert finish(talk) == []
    assert talk.conversation.names == ["pool:443"]


def test_more_nested_preambles_than_the_limit_are_opaque() -> None:
    talk = Talk()
    talk.client((b"\x05\x01\x00" + REQUEST_5) * (HOPS + 1) + LOGIN + b"\n")
    assert talk.messages == []
    assert talk.conversation.state == "opaque"


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (b"\x05\x01\x00\x05\x02\x00" + NAME + b"\x0d\x05", b""),  # BIND, not CONNECT
        (b"\x05\x01\x00\x05\x01\x00\x09\x00", b""),  # no such address type
        (b"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50", b""),  # empty name
        (b"\x05\x00", b""),  # no methods
        (b"\x04\x02\x0d\x05\xc0\x00\x02\x07\x00", b""),  # BIND in version 4
        (b"\x04\x01\x0d\x05\xc0\x00\x02\x07" + b"u" * 300, b""),  # a user name without an end
        (b"\x04\x01\x0d\x05\x00\x00\x00\x01\x00" + b"h" * 300, b""),  # a host name without an end
        (b"\x05\x01\x00" + REQUEST_5, b"\x05\xff"),  # no method accepted
        (b"\x05\x01\x00" + REQUEST_5, b"\x05\x00\x05\x05\x00\x01" + bytes(6)),  # refused by the proxy
        (b"\x05\x02\x00\x02", b"\x05\x02\x01\x01\x05\x00\x00\x01" + bytes(6)),  # wrong password
        (b"\x04\x01\x0d\x05\xc0\x00\x02\x07\x00", b"\x00\x5b" + bytes(6)),  # refused in version 4
    ],
)
def test_a_preamble_that_leads_nowhere_is_opaque(client: bytes, server: bytes) -> None:
    talk = Talk()
    talk.client(client)
    talk.server(server)
    assert talk.conversation.state == "opaque"
    assert finish(talk) == []


def test_after_a_gap_in_a_preamble_the_inner_lines_are_still_found() -> None:
    talk = Talk()
    talk.client(b"\x05\x01\x00")
    talk.server(b"\x05\x00")
    talk.lose(True, REQUEST_5)
    talk.server(REPLY_5)
    talk.client(LOGIN + b"\n")
    talk.server(ANSWER + b"\n")
    talk.flush()
    assert sorted(talk.said()) == sorted(INNER)


def test_a_proxy_that_never_answers_holds_only_so_much() -> None:
    talk = Talk(limits=Limits(held_bytes=1000))
    talk.client(b"CONNECT pool:1 HTTP/1.1\r\n\r\n")
    for _ in range(100):
        talk.client(LOGIN + b"\n")
    # Beyond the limit what is held is read without an answer, from the first whole object on.
    assert talk.texts() == [LOGIN] * 100


def test_names_are_bounded_and_clean() -> None:
    talk = Talk()
    for n in range(40):
        talk.client(b"GET / HTTP/1.1\r\nHost: h%d\r\n\r\n" % n)
    talk.client(b"GET / HTTP/1.1\r\nHost: " + b"x" * 300 + b"\r\n\r\n")
    assert talk.conversation.names == [f"h{n}" for n in range(16)]
    talk = Talk()
    for bad in (b"a b", b"\xff\xfe", b"x\x07y", b""):
        talk.client(b"GET / HTTP/1.1\r\nHost: " + bad + b"\r\n\r\n")
    assert talk.conversation.names == []


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=10),
    st.sampled_from(["5", "5auth", "4", "4a", "connect"]),
)
@settings(max_examples=150, deadline=None)
def test_any_split_of_a_preamble_into_segments_gives_the_same_messages(sizes: list[int], kind: str) -> None:
    client, server = {
        "5": (b"\x05\x01\x00" + REQUEST_5, b"\x05\x00" + REPLY_5),
        "5auth": (b"\x05\x02\x00\x02\x01\x02ab\x02cd" + REQUEST_5, b"\x05\x02\x01\x00" + REPLY_5),
        "4": (b"\x04\x01\x0d\x05\xc0\x00\x02\x07me\x00", b"\x00\x5a" + bytes(6)),
        "4a": (b"\x04\x01\x0d\x05\x00\x00\x00\x01\x00pool\x00", b"\x00\x5a" + bytes(6)),
        "connect": (b"CONNECT pool:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    }[kind]
    talk = Talk()
    for from_client, stream in ((True, client + LOGIN + b"\n"), (False, server + ANSWER + b"\n")):
        at = n = 0
        while at < len(stream):
            size = sizes[n % len(sizes)]
            talk.say(from_client, stream[at : at + size])
            at, n = at + size, n + 1
    assert sorted(talk.said()) == sorted(INNER)
    assert len(talk.conversation.names) == 1


def test_a_preamble_cut_short_by_the_capture_leaves_nothing() -> None:
    for size in range(len(REQUEST_5) + 3):
        talk = Talk()
        talk.conversation.push(True, segment((b"\x05\x01\x00" + REQUEST_5)[:size], seq=ISN_CLIENT + 1))
        assert talk.flush() == []
        assert talk.conversation.names == []
