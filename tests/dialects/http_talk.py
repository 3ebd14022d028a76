"""HTTP conversations for the tests of dialects that travel in bodies: bytes of two sides in, messages out."""

from collections.abc import Sequence
from types import ModuleType

from davylamp.dialects.session import Event, Rpc, Spoken
from davylamp.flows.framing import Conversation, Segment
from davylamp.records import ACK, PSH

from dialects.talking import START_NS, pair, speak, translate_all

SECOND_NS = 1_000_000_000


def hear_http(spoken: Sequence[Spoken]) -> list[Rpc]:
    """Bytes of one connection as messages with their heads, answers joined to requests; one second apart."""
    conversation = Conversation(isn_client=0, isn_server=0)
    at = {True: 1, False: 1}
    messages = []
    for i, words in enumerate(spoken):
        ts_ns, seq = START_NS + i * SECOND_NS, at[words.from_client]
        at[words.from_client] += len(words.data)
        segment = Segment(ts_ns, seq, ACK | PSH, at[not words.from_client], words.data, len(words.data))
        messages += conversation.push(words.from_client, segment)
    return pair(messages + conversation.flush())


def request(body: bytes, head: str = "", target: str = "/") -> Spoken:
    """A POST with a JSON body; ``head`` holds further header lines, each with its line end."""
    text = f"POST {target} HTTP/1.1\r\nHost: pool.example:8332\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return Spoken(True, text.encode() + body)


def answer(body: bytes, head: str = "", status: str = "200 OK") -> Spoken:
    """A response with a body; ``head`` as in `request`."""
    text = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return Spoken(False, text.encode() + body)


def http_round_trip(module: ModuleType, events: Sequence[Event]) -> list[Event]:
    """Events spoken as HTTP, heard again and translated."""
    return translate_all(module, hear_http(speak(module, events)))
