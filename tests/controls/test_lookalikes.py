"""What looks like mining and is none: whole conversations over TCP, HTTP and WebSocket, which must stay quiet."""

import random

import orjson
import pytest

from controls import lookalikes
from davylamp.pipeline import scan
from davylamp.records import Endpoint
from davylamp.simulate.wire import Line, Said, tcp_frames, write_pcap

from journeys.transform import through_websocket

BEGIN_NS = 1_717_200_000_000_000_000
ENDS = Endpoint("10.0.0.9", 40123), Endpoint("198.51.100.7", 8080)


def raw(value):
    return value if isinstance(value, bytes) else orjson.dumps(value)


def lines(talk):
    return [
        Said(i * 0.4, side, raw(v) if isinstance(v, bytes) else raw(v) + b"\n")
        for i, (side, v) in enumerate(talk)
    ]


def posts(talk):
    said = []
    for i, (side, value) in enumerate(talk):
        body = raw(value)
        first = "POST / HTTP/1.1\r\nHost: node.example:8080" if side else "HTTP/1.1 200 OK"
        agent = "User-Agent: node-fetch/1.0\r\n" if side else ""
        head = f"{first}\r\n{agent}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        said.append(Said(i * 0.4, side, head.encode() + body))
    return said


def with_lengths(talk):
    """The framing of language servers: a Content-Length before each message, no line ends."""
    return [
        Said(i * 0.4, side, f"Content-Length: {len(raw(v))}\r\n\r\n".encode() + raw(v))
        for i, (side, v) in enumerate(talk)
    ]


def mining_in(said, tmp_path):
    path = tmp_path / "a.pcap"
    write_pcap(path, tcp_frames(said, Line(*ENDS, BEGIN_NS), random.Random(2)))
    return [(s.tier, s.because) for s in scan([str(path)]).sightings if s.kind == "mining"]


@pytest.mark.parametrize("name", lookalikes.LINES)
def test_json_and_text_by_line_is_not_mining(tmp_path, name):
    assert mining_in(lines(lookalikes.LINES[name]), tmp_path) == []


@pytest.mark.parametrize("name", lookalikes.HTTP)
def test_json_by_http_is_not_mining(tmp_path, name):
    assert mining_in(posts(lookalikes.HTTP[name]), tmp_path) == []


@pytest.mark.parametrize("name", lookalikes.HTTP)
def test_the_same_bodies_by_line_are_not_mining(tmp_path, name):
    assert mining_in(lines(lookalikes.HTTP[name]), tmp_path) == []


@pytest.mark.parametrize("name", lookalikes.WEBSOCKET)
def test_json_by_websocket_is_not_mining(tmp_path, name):
    assert mining_in(through_websocket(lines(lookalikes.WEBSOCKET[name])), tmp_path) == []


def test_an_editor_and_its_language_server_are_not_mining(tmp_path):
    assert mining_in(with_lengths(lookalikes.EDITOR), tmp_path) == []


@pytest.mark.parametrize("name", lookalikes.LINES)
def test_a_lookalike_heard_many_times_over_is_not_mining(tmp_path, name):
    assert mining_in(lines(lookalikes.LINES[name] * 12), tmp_path) == []
