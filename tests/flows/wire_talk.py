"""TCP conversations for the tests of reassembly and framing: made by hand, and read from recorded captures."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from davylamp.flows.framing import Conversation, Limits
from davylamp.flows.reassembly import Segment
from davylamp.records import ACK, PSH, SYN, Message

ISN_CLIENT = 0xFFFFFFF0  # wraps after 16 bytes
ISN_SERVER = 1000
MASK = 0xFFFFFFFF


def segment(
    data: bytes = b"",
    *,
    seq: int = 0,
    ts: int = 0,
    flags: int = ACK | PSH,
    ack: int = 0,
    wire_len: int | None = None,
) -> Segment:
    return Segment(ts, seq & MASK, flags, ack & MASK, data, len(data) if wire_len is None else wire_len)


class Talk:
    """A conversation whose two sides say bytes in turn; each call is one segment, one millisecond later."""

    def __init__(self, *, midway: bool = False, limits: Limits | None = None) -> None:
        self.conversation = Conversation(
            isn_client=None if midway else ISN_CLIENT,
            isn_server=None if midway else ISN_SERVER,
            limits=limits or Limits(),
        )
        self.next = {True: ISN_CLIENT + 1, False: ISN_SERVER + 1}
        self.ns = 0
        self.messages: list[Message] = []

    def say(
        self, from_client: bool, data: bytes, *, flags: int = ACK | PSH, lose: bool = False
    ) -> list[Message]:
        self.ns += 1_000_000
        seq, ack = self.next[from_client], self.next[not from_client]
        self.next[from_client] += len(data)
        if lose:
            return []
        found = self.conversation.push(from_client, segment(data, seq=seq, ts=self.ns, flags=flags, ack=ack))
        self.messages += found
        return found

    def client(self, data: bytes, **more: int) -> list[Message]:
        return self.say(True, data, **more)

    def server(self, data: bytes, **more: int) -> list[Message]:
        return self.say(False, data, **more)

    def lose(self, from_client: bool, data: bytes) -> None:
        """Bytes that were sent and acknowledged, but not captured."""
        self.say(from_client, data, lose=True)

    def wait(self) -> None:
        """Let more time pass than an acknowledgment is given to overtake its data."""
        for _ in range(2):
            self.ns += 1_000_000_000
            for side in (True, False):
                self.messages += self.conversation.push(
                    side, segment(seq=self.next[side], ts=self.ns, flags=ACK, ack=self.next[not side])
                )

    def flush(self) -> list[Message]:
        found = self.conversation.flush()
        self.messages += found
        return found

    def said(self) -> list[tuple[bool, bytes]]:
        return [(message.from_client, message.data) for message in self.messages]

    def texts(self) -> list[bytes]:
        return [message.data for message in self.messages]


class Recorded(NamedTuple):
    """One captured segment with its two ends."""

    source: tuple[str, int]
    target: tuple[str, int]
    segment: Segment


def read_capture(path: Path) -> Iterator[Recorded]:
    """TCP over IPv4 over Ethernet out of a little-endian pcap (microseconds) or pcapng file."""
    raw = path.read_bytes()
    frames = _pcapng(raw) if raw[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(raw)
    for ts_ns, frame in frames:
        recorded = _tcp(ts_ns, frame)
        if recorded is not None:
            yield recorded


def _pcap(raw: bytes) -> Iterator[tuple[int, bytes]]:
    assert raw[:4] == b"\xd4\xc3\xb2\xa1"
    at = 24
    while at + 16 <= len(raw):
        seconds, micros, size, _ = struct.unpack_from("<IIII", raw, at)
        yield seconds * 10**9 + micros * 1000, raw[at + 16 : at + 16 + size]
        at += 16 + size


def _pcapng(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 12 <= len(raw):
        kind, size = struct.unpack_from("<II", raw, at)
        if kind == 6:
            _, high, low, kept, _ = struct.unpack_from("<IIIII", raw, at + 8)
            yield ((high << 32) | low) * 1000, raw[at + 28 : at + 28 + kept]
        at += size


def _tcp(ts_ns: int, frame: bytes) -> Recorded | None:
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    ip = frame[14:]
    head = (ip[0] & 15) * 4
    total = struct.unpack_from("!H", ip, 2)[0]
    sport, dport, seq, ack = struct.unpack_from("!HHII", ip, head)
    start = head + (ip[head + 12] >> 4) * 4
    source = (".".join(map(str, ip[12:16])), sport)
    target = (".".join(map(str, ip[16:20])), dport)
    data = ip[start:total]
    return Recorded(source, target, Segment(ts_ns, seq, ip[head + 13], ack, data, total - start))


def converse(
    path: Path, client: tuple[str, int], server: tuple[str, int]
) -> tuple[Conversation, list[Message]]:
    """Push one recorded conversation through framing, initial sequence numbers taken from its SYNs."""
    mine = [r for r in read_capture(path) if {r.source, r.target} == {client, server}]
    isn = {r.source: r.segment.seq for r in mine if r.segment.flags & SYN}
    conversation = Conversation(isn_client=isn.get(client), isn_server=isn.get(server))
    messages: list[Message] = []
    for recorded in mine:
        messages += conversation.push(recorded.source == client, recorded.segment)
    return conversation, messages + conversation.flush()
