"""HTTP/1.1 conversations: requests on one lane, responses on the other, one message per body.

Messages are made for every request (an empty body for a GET) and every final response, which carries the
method and target of its request; a body that cannot be kept is left empty, so that answers stay with their
requests. Interim responses (100) make none. CONNECT and WebSocket upgrades and their answers make none
either: they are the carrier of what follows.

Responses are matched to requests in order. After a gap on the client's side no earlier request is trusted,
after a gap on the server's side only the newest. After a gap outside a body, and in a stream joined in the
middle, reading goes on at the next start line; before it everything is dropped.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from davylamp.flows.carriers.http_body import Body, ChunkedBody, FixedBody, OpenBody, decode
from davylamp.flows.carriers.http_head import Head, find_end, find_start, is_start, read_head
from davylamp.flows.carriers.lane import (
    HTTP_CODING_BAD,
    HTTP_HEAD_BAD,
    TORN_MESSAGE,
    Lane,
    Turn,
)
from davylamp.records import HttpHead

PIPELINED: Final = 64  # judged: requests that wait for their answers; the oldest are forgotten first
SLICE_BYTES: Final = 4096  # judged: bounds the copying that many tiny messages in one segment cause
_NO_BODY: Final = (204, 304)
_INTERIM: Final = (100, 102, 103)
_LINE_START: Final = 9000  # a start line with its longest target, kept while searching for one

Asked = Literal["plain", "connect", "upgrade"]


class Request(NamedTuple):
    """A request that waits for its answer."""

    method: str
    target: str
    asked: Asked


@dataclass(slots=True)
class Exchange:
    """What the two directions of an HTTP conversation know of each other.

    ``verdict`` is the server's word on a CONNECT or upgrade that the client's lane has not heard yet.
    ``takeover`` tells whether compressed WebSocket messages of the (client, server) refer to earlier ones,
    None when no compression was agreed on.
    """

    waiting: deque[Request] = field(default_factory=lambda: deque(maxlen=PIPELINED))
    verdict: Literal["", "fresh", "websocket", "http"] = ""
    takeover: tuple[bool, bool] | None = None


class Http:
    """One direction of an HTTP conversation; which one, its lane says.

    Args:
        lane: where messages go.
        exchange: shared with the other direction.
        torn: the stream starts in the middle of something.
    """

    def __init__(self, lane: Lane, exchange: Exchange, *, torn: bool = False) -> None:
        self._lane = lane
        self._exchange = exchange
        self._torn = torn
        self._heard = bytearray()
        self._head: Head | None = None
        self._request: Request | None = None  # that the response answers
        self._body: Body | None = None
        self._last_ns = 0
        if torn:
            self._doubt_waiting()

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take the next bytes and emit the bodies that they complete."""
        self._last_ns = ts_ns
        for at in range(0, len(data), SLICE_BYTES):
            turn = self._feed_slice(ts_ns, data[at : at + SLICE_BYTES])
            if turn is not None:
                return Turn(turn.kind, turn.rest + data[at + SLICE_BYTES :])
        return None

    def _feed_slice(self, ts_ns: int, data: bytes) -> Turn | None:
        while data:
            if self._body is None:
                rest = self._read_head(data)
                if rest is None:
                    return None
                turn = self._begin_body(rest)
                if turn is not None:
                    return turn
                data = rest
            data = self._feed_body(ts_ns, data)
        return None

    def _feed_body(self, ts_ns: int, data: bytes) -> bytes:
        body = self._body
        if body is None:
            return data
        rest = body.feed(data)
        if body.whole:
            self._end_body(ts_ns)
        return rest

    def gap(self, lost: int) -> Turn | None:
        """Stay in step when the gap lies inside a body, else wait for the next start line."""
        if self._body is not None and self._body.skip(lost):
            if self._body.whole:
                self._end_body(self._last_ns)
            return None
        if self._head is not None or self._heard:
            self._lane.note(TORN_MESSAGE)
        self._doubt_waiting()
        self._lose_step()
        return None

    @property
    def is_torn(self) -> bool:
        """Whether the step is lost: what comes next is not known to be a start line."""
        return self._torn

    def settle(self) -> Turn | None:
        """Bodies carry their lengths: nothing to settle."""
        return None

    def close(self) -> None:
        """The end of the connection is the end of a body without a stated length."""
        if isinstance(self._body, OpenBody):
            self._end_body(self._last_ns)

    def _doubt_waiting(self) -> None:
        """Forget the requests that a gap may have unpaired from their answers."""
        waiting = self._exchange.waiting
        while len(waiting) > (0 if self._lane.from_client else 1):
            waiting.popleft()

    def _lose_step(self) -> None:
        self._torn = True
        self._heard.clear()
        self._head = self._body = self._request = None

    def _read_head(self, data: bytes) -> bytes | None:
        """Read a head; the bytes behind it, or None when more are needed."""
        if not self._heard:
            data = data.lstrip(b"\r\n")  # RFC 9112 2.2: blank lines before a start line
        searched = max(0, len(self._heard) - 3)
        if self._torn:
            if not self._find_start(data):
                return None
            searched = 0
        else:
            self._heard += data
        request = self._lane.from_client
        line_end = self._heard.find(b"\n")
        if line_end >= 0 and not is_start(bytes(self._heard[:line_end]), request=request):
            return self._refuse_head(line_end)
        span = find_end(self._heard, searched)
        if span is None and len(self._heard) <= self._lane.limits.head_bytes:
            return None
        if span is None or span[0] > self._lane.limits.head_bytes:
            return self._refuse_head(len(self._heard) if span is None else span[1])
        self._head = read_head(bytes(self._heard[: span[0]]), request=request)
        rest = bytes(self._heard[span[1] :])
        self._heard.clear()
        return rest

    def _find_start(self, data: bytes) -> bool:
        """Look for a start line in the next bytes, and across the last ones and these; keep from there on."""
        request = self._lane.from_client
        start = find_start(data, request=request)
        if start is not None:
            self._heard[:] = data[start:]
            self._torn = False
            return True
        self._heard += data
        start = find_start(self._heard, request=request)
        if start is not None:
            del self._heard[:start]
            self._torn = False
            return True
        at = self._heard.rfind(b"\n")
        if at > 0:
            del self._heard[:at]  # the line end stays: a start line may follow it
        if len(self._heard) > _LINE_START:
            self._heard[:] = b"-"  # inside a line that is no start line
        return False

    def _refuse_head(self, end: int) -> bytes:
        """Go on at the next start line behind what was wrong."""
        self._lane.note(HTTP_HEAD_BAD)
        rest = bytes(self._heard[end:])
        self._lose_step()
        return rest

    def _begin_body(self, rest: bytes) -> Turn | None:
        """Decide from the head how the body ends, or what comes instead of one."""
        head = self._head
        if head is None or head.status in _INTERIM:
            self._head = None
            return None
        turn = self._ask(head) if self._lane.from_client else self._answer(head)
        if turn is not None:
            self._head = None
            return Turn(turn.kind, rest)
        try:
            self._body = self._make_body(head)
        except ValueError:
            self._lane.note(HTTP_HEAD_BAD)
            self._lose_step()
        return None

    def _ask(self, head: Head) -> Turn | None:
        """Take in a request's head."""
        asked: Asked = "connect" if head.method == "CONNECT" else "upgrade" if head.upgrades else "plain"
        self._exchange.waiting.append(Request(head.method, head.target, asked))
        if asked == "connect":
            self._lane.name(head.target)
        elif "host" in head.headers:
            self._lane.name(head.headers["host"])
        return None if asked == "plain" else Turn("hold")

    def _answer(self, head: Head) -> Turn | None:
        """Take in a response's head."""
        waiting = self._exchange.waiting
        request = waiting.popleft() if waiting else None
        self._request = request
        if head.status == 101:
            return self._agree_on_websocket(head)
        asked = request.asked if request is not None else "plain"
        untold = request is None and "established" in head.reason.lower()
        if head.status < 300 and (asked == "connect" or untold):
            self._exchange.verdict = "fresh"
            return Turn("fresh")
        if asked != "plain":
            self._exchange.verdict = "http"
        return None

    def _agree_on_websocket(self, head: Head) -> Turn:
        if "websocket" not in head.headers.get("upgrade", "").lower():
            return Turn("opaque")
        agreed = head.headers.get("sec-websocket-extensions", "").lower()
        if "permessage-deflate" in agreed:
            self._exchange.takeover = (
                "client_no_context_takeover" not in agreed,
                "server_no_context_takeover" not in agreed,
            )
        self._exchange.verdict = "websocket"
        return Turn("websocket")

    def _make_body(self, head: Head) -> Body:
        most = self._lane.limits.body_bytes
        request = self._request
        if head.status in _NO_BODY or (request is not None and request.method == "HEAD"):
            return FixedBody(0, most)
        if head.is_chunked:
            return ChunkedBody(most)
        length = head.length
        if length is None and head.status:
            return OpenBody(most)
        return FixedBody(length or 0, most)

    def _end_body(self, ts_ns: int) -> None:
        """Emit a whole body with its head, unless it answered a CONNECT or an upgrade."""
        head, body, request = self._head, self._body, self._request
        assert head is not None
        assert body is not None
        self._head = self._body = self._request = None
        if body.fault:
            self._lane.note(body.fault)
        data = bytes(body.kept)
        try:
            data = decode(data, head.headers.get("content-encoding", ""), self._lane.limits.body_bytes)
        except ValueError:
            self._lane.note(HTTP_CODING_BAD)
            data = b""
        if body.astray:
            self._lose_step()
        if request is not None and request.asked != "plain":
            return
        method = request.method if request is not None else head.method
        target = request.target if request is not None else head.target
        self._lane.emit(ts_ns, data, "http", HttpHead(method, target, head.status, head.headers))
