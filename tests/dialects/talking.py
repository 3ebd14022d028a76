"""Tools for dialect tests: hear wire lines as a conversation, and speak and hear events."""

import random
from collections.abc import Sequence
from types import ModuleType

import orjson
from hypothesis import strategies as st

from davylamp.dialects.reading import Pairing, parse
from davylamp.dialects.session import Event, Rpc, Spoken, Talk, Voice
from davylamp.records import Message

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)


def pair(messages: Sequence[Message]) -> list[Rpc]:
    """Messages parsed and answers joined to their requests, as the room does it."""
    pairing, heard = Pairing(), []
    for message in messages:
        for rpc in parse(message):
            pairing.see(rpc)
            heard.append(rpc)
    return heard


def hear(lines: Sequence[tuple[bool, bytes]]) -> list[Rpc]:
    """Lines ``(from_client, bytes)`` as a conversation, one second apart."""
    return pair(
        [Message(START_NS + i * SECOND_NS, side, data.strip(b"\r\n")) for i, (side, data) in enumerate(lines)]
    )


def translate_all(module: ModuleType, heard: Sequence[Rpc]) -> list[Event]:
    """All events of a conversation in one dialect."""
    talk = Talk()
    return [event for rpc in heard for event in module.translate(rpc, talk)]


def speak(module: ModuleType, events: Sequence[Event], voice: Voice | None = None) -> list[Spoken]:
    """All bytes of a script of events."""
    voice = voice or Voice(random.Random(7), wallet="wallet", worker="rig1")
    return [spoken for event in events for spoken in module.compose(event, voice)]


def round_trip(module: ModuleType, events: Sequence[Event], voice: Voice | None = None) -> list[Event]:
    """Events spoken as lines, heard again and translated (dialects on plain lines only)."""
    lines = [
        (spoken.from_client, line)
        for spoken in speak(module, events, voice)
        for line in spoken.data.split(b"\n")
        if line.strip()
    ]
    return translate_all(module, hear(lines))


def foreign_openings() -> dict[str, list[Rpc]]:
    """Openings of JSON conversations that are no mining at all."""

    def says(*bodies: object) -> list[Rpc]:
        return hear([(i % 2 == 0, orjson.dumps(body)) for i, body in enumerate(bodies)])

    return {
        "electrum": says(
            {"id": 0, "method": "server.version", "params": ["Electrum/4.5", "1.4"]},
            {"id": 0, "jsonrpc": "2.0", "result": ["ElectrumX 1.16.0", "1.4"]},
            {"id": 1, "method": "blockchain.scripthash.subscribe", "params": ["ab" * 32]},
            {"id": 1, "jsonrpc": "2.0", "result": None},
        ),
        "kodi": says(
            {"jsonrpc": "2.0", "method": "JSONRPC.Ping", "id": 1},
            {"jsonrpc": "2.0", "id": 1, "result": "pong"},
        ),
        "language server": says(
            {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"processId": 1, "rootUri": None}},
            {"jsonrpc": "2.0", "id": 0, "result": {"capabilities": {}}},
        ),
        "odoo": says(
            {"jsonrpc": "2.0", "method": "call", "params": {"service": "common", "method": "login"}, "id": 2},
            {"jsonrpc": "2.0", "id": 2, "result": 7},
        ),
        "ethereum node": says(
            {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
            {"jsonrpc": "2.0", "id": 1, "result": "0x4b7"},
        ),
        "web login": says(
            {"method": "login", "params": {"login": "alice", "password": "secret"}, "id": 1},
            {"id": 1, "result": {"token": "abc", "status": "OK"}},
            {"method": "submit", "params": {"form": 3, "answer": "yes"}, "id": 2},
            {"id": 2, "result": True},
        ),
    }
