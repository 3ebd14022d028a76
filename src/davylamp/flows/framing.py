"""Both directions of a TCP conversation: segments in, application messages out.

Each direction is a lane: a `reassembly.Stream` that puts bytes in order, and a carrier that finds messages in
them. The conversation joins the two where one side decides for the other: the answer to a CONNECT or a
WebSocket upgrade, the SOCKS version, and who is the client when the handshake was not captured. Where the start
of a direction is missing, what cannot be read is looked at again at the next `TORN_TRIES` segments.

Memory of one conversation: for each direction the stream's bound (600 KiB), plus what its carrier keeps of
one message (`Limits`: at most 256 KiB of a body or WebSocket message and its copy while it is inflated). A
conversation that turned opaque keeps no bytes.
"""

from collections import Counter
from typing import Final, Literal

from davylamp.flows.carriers.http import Exchange, Http
from davylamp.flows.carriers.lane import Carrier, Holding, Lane, Limits, Opaque, Turn
from davylamp.flows.carriers.lines import Lines
from davylamp.flows.carriers.sniff import Sniffing, sniff
from davylamp.flows.carriers.socks import Socks
from davylamp.flows.carriers.stratum_v2 import StratumV2
from davylamp.flows.carriers.websocket import WebSocket
from davylamp.flows.reassembly import Run, Segment, Stream
from davylamp.records import ACK, Message

__all__ = ["Conversation", "Limits", "Segment"]

TORN_TRIES: Final = 8  # judged: a torn frame and the next ones that happen to span segments
HOPS: Final = 4  # judged: SOCKS within CONNECT within SOCKS is rare already
DEFAULT_LIMITS: Final = Limits()


class _Side:
    """One direction: its stream, its lane and the carrier that reads it now."""

    def __init__(self, lane: Lane, isn: int | None) -> None:
        self.lane = lane
        self.stream = Stream(isn)
        self.carrier: Carrier = Sniffing(lane, torn=isn is None)
        self.last_ns = 0
        self.hops = 0
        self.tries = 0
        self.heard = False
        self.closed = False


class Conversation:
    """One TCP conversation.

    Args:
        isn_client: sequence number of the client's SYN, None when not captured.
        isn_server: sequence number of the server's SYN, None when not captured.
        limits: how much of one message is kept.

    Attributes:
        names: targets of tunnels and HTTP hosts, best first, in lower case.
        state: ``opaque`` once no message can come any more: nothing here reads the bytes. One direction is
            enough for that while the other has brought no message.
        damage: occurrences of each code of `carriers.lane.DAMAGE`.
        swapped: the client turned out to be the other side; messages say so already. Decided before the
            first message, and only where no handshake was captured.
    """

    def __init__(
        self, *, isn_client: int | None, isn_server: int | None, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.names: list[str] = []
        self.damage: Counter[str] = Counter()
        self.swapped = False
        self.state: Literal["open", "opaque"] = "open"
        self._may_swap = isn_client is None and isn_server is None
        self._out: list[Message] = []
        self._exchange = Exchange()
        self._client, self._server = (
            _Side(Lane(is_client, limits, self._out, self.names, self.damage), isn)
            for is_client, isn in ((True, isn_client), (False, isn_server))
        )

    @property
    def lost_bytes_client(self) -> int:
        """Bytes from the client that the capture misses."""
        return self._of_client.stream.lost_bytes

    @property
    def lost_bytes_server(self) -> int:
        """Bytes from the server that the capture misses."""
        return self._of_server.stream.lost_bytes

    @property
    def delivered_bytes_client(self) -> int:
        """Bytes from the client that were read."""
        return self._of_client.stream.delivered_bytes

    @property
    def delivered_bytes_server(self) -> int:
        """Bytes from the server that were read."""
        return self._of_server.stream.delivered_bytes

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """The client's and the server's stream, for their other counters."""
        return self._of_client.stream, self._of_server.stream

    def push(self, from_client: bool, segment: Segment) -> list[Message]:
        """Take one segment.

        Args:
            from_client: sent by the side that was taken for the client when the conversation was made; a
                later ``swapped`` changes nothing here.
            segment: as captured, in capture order.

        Returns:
            The messages that it completes, in time order.
        """
        own, other = (self._client, self._server) if from_client else (self._server, self._client)
        if self.state == "opaque":
            return []
        if segment.flags & ACK:
            runs = other.stream.acked(segment.ack, segment.ts_ns)
            if runs:
                self._take(other, own, runs)
        runs = own.stream.push(segment)
        if runs:
            self._take(own, other, runs)
        if own.stream.finished and not own.closed:
            self._close(own)
        if runs:
            self._judge()
        return self._drain()

    def flush(self) -> list[Message]:
        """End the conversation: everything that waits comes out, gaps are declared.

        Returns:
            The remaining messages, in time order.
        """
        both = ((self._client, self._server), (self._server, self._client))
        for own, other in both:
            for run in own.stream.flush():
                self._take(own, other, [run])
        for own, _ in both:
            if isinstance(own.carrier, Holding):
                self._turn(own, own.carrier.release())
            self._close(own)
        return self._drain()

    @property
    def _of_client(self) -> _Side:
        return self._server if self.swapped else self._client

    @property
    def _of_server(self) -> _Side:
        return self._client if self.swapped else self._server

    def _drain(self) -> list[Message]:
        if not self._out:
            return []
        messages = list(self._out)
        self._out.clear()
        if len(messages) > 1:
            messages.sort(key=_time_of)
        return messages

    def _take(self, own: _Side, other: _Side, runs: list[Run]) -> None:
        """Give a side's runs to its carrier."""
        self._settle(other)
        for run in runs:
            own.heard = True
            own.last_ns = run.ts_ns
            if run.lost_before:
                own.lane.lost += run.lost_before
                turn = own.carrier.gap(run.lost_before)
                if turn is not None:
                    self._turn(own, turn)
            if run.data:
                turn = own.carrier.feed(run.ts_ns, run.data)
                if turn is not None:
                    self._turn(own, turn)
            self._resolve()

    def _settle(self, side: _Side) -> None:
        turn = side.carrier.settle()
        if turn is not None:
            self._turn(side, turn)
            side.carrier.settle()  # what turned to lines just now settles as a line

    def _judge(self) -> None:
        """Give the conversation up when what one side says cannot be read and nothing else was."""
        sides = [side for side in (self._client, self._server) if side.heard]
        dead = [isinstance(side.carrier, Opaque) for side in sides]
        if any(dead) and (all(dead) or not any(side.lane.emitted for side in sides)):
            self.state = "opaque"
            for side in (self._client, self._server):
                side.carrier = Opaque()
                side.stream.forget()

    def _close(self, side: _Side) -> None:
        side.closed = True
        self._settle(side)
        side.carrier.close()

    def _turn(self, side: _Side, turn: Turn | None) -> None:
        """Replace a side's carrier, as often as it takes to use the bytes that are left."""
        while turn is not None:
            if turn.kind in ("fresh", "torn"):
                side.hops += 1
            kind = turn.kind if side.hops <= HOPS else "opaque"
            torn = kind == "torn" or (isinstance(side.carrier, Sniffing) and side.carrier.torn)
            if torn and kind in ("lines", "opaque"):
                kind = self._swap(side, turn.rest) or kind
            if torn and kind == "opaque" and side.tries < TORN_TRIES:
                side.tries += 1
                turn = Turn("torn")  # the middle of a frame says nothing: look again at the next segment
                kind = "torn"
            self._hear_preamble(side, kind)
            side.carrier = self._make(side, kind, torn)
            self._resolve()
            turn = side.carrier.feed(side.last_ns, turn.rest) if turn.rest else None

    def _make(self, side: _Side, kind: str, torn: bool) -> Carrier:
        lane = side.lane
        if kind == "lines":
            return Lines(lane, torn=torn)
        if kind == "http":
            return Http(lane, self._exchange, torn=torn)
        if kind == "websocket":
            takeover = self._exchange.takeover
            deflate = None if takeover is None else takeover[0 if lane.from_client else 1]
            return Opaque() if torn and deflate else WebSocket(lane, deflate=deflate, torn=torn)
        if kind == "sv2":
            return StratumV2(lane, torn=torn)
        if kind in ("socks4", "socks5"):
            return Socks(lane, 5 if kind == "socks5" else 4)
        if kind == "hold":
            return Holding(lane)
        if kind in ("fresh", "torn"):
            return Sniffing(lane, torn=torn)
        return Opaque()

    def _hear_preamble(self, side: _Side, kind: str) -> None:
        """Tell the server's side what the client's preamble is."""
        other = self._server if side is self._client else self._client
        if side.lane.from_client and isinstance(other.carrier, Sniffing):
            if kind == "socks4":
                other.carrier.preamble = "socks4"
            elif kind == "socks5":
                other.carrier.preamble = "socks5"

    def _resolve(self) -> None:
        """Carry the server's word on a CONNECT or an upgrade over to the client's side."""
        verdict = self._exchange.verdict
        if not verdict:
            return
        side = self._of_client
        held = side.carrier
        if isinstance(held, Http) and held.is_torn and verdict != "http":
            self._exchange.verdict = ""
            side.carrier = self._make(side, verdict, torn=True)
        if not isinstance(held, Holding):
            return
        self._exchange.verdict = ""
        if verdict == "fresh":
            self._exchange = Exchange()
            side.hops += 1
        side.carrier = self._make(side, verdict, torn=False)
        for ts_ns, data in held.chunks:
            side.last_ns = ts_ns
            turn = side.carrier.feed(ts_ns, data)
            if turn is not None:
                self._turn(side, turn)

    def _swap(self, side: _Side, data: bytes) -> Literal["http", "websocket"] | None:
        """Turn the roles round when a side speaks as only the other one can."""
        if not self._may_swap or self.swapped or self._client.lane.emitted or self._server.lane.emitted:
            return None
        kind = sniff(data, from_client=not side.lane.from_client, torn=True, preamble=None)
        if kind not in ("http", "websocket"):
            return None
        self.swapped = True
        for each in (self._client, self._server):
            each.lane.from_client = not each.lane.from_client
        return kind


def _time_of(message: Message) -> int:
    return message.ts_ns
