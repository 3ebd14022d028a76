"""What a stream speaks, from its first bytes.

The decision depends on the bytes alone, not on how they are cut into segments. Where the start of the
stream was not captured (``torn``), binary carriers are taken only when their frames are evident (`websocket`
and `stratum_v2` state how).
"""

import codecs
import re
from typing import Final

from davylamp.flows.carriers import stratum_v2, websocket
from davylamp.flows.carriers.lane import Lane, Turn, TurnKind
from davylamp.flows.carriers.lines import is_text

LOOK_BYTES: Final = 64  # judged: 64 random bytes without a control character are a 1 in 4000 event

_METHODS: Final = (
    b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"TRACE ", b"CONNECT "
)  # fmt: skip
_ANSWER: Final = (b"HTTP/1.",)
_NOT_READ: Final = (b"PRI * HTTP/2", b"\x16\x03", b"SSH-")
_BLANK_START: Final = re.compile(rb"[\r\n\t \0]*")


def sniff(data: bytes, *, from_client: bool, torn: bool, preamble: TurnKind | None) -> TurnKind | None:
    """Decide what the bytes are.

    Args:
        data: the first bytes of a lane, or of what a tunnel carries.
        from_client: which side sent them.
        torn: bytes before them are missing.
        preamble: the SOCKS version that the other side was heard to speak, if any.

    Returns:
        The carrier, ``opaque``, or None when more bytes are needed.
    """
    if torn:
        if websocket.is_evident(data, masked=from_client):
            return "websocket"
        if stratum_v2.is_evident(data):
            return "sv2"
    elif data[0] < 6:
        return _sniff_preamble(data, from_client=from_client, preamble=preamble)
    text = data[_BLANK_START.match(data).end() :]  # type: ignore[union-attr]  # matches the empty string too
    if not text:
        return None if len(data) < LOOK_BYTES else "opaque"
    if any(text.startswith(start) for start in _NOT_READ):
        return "opaque"
    known = _METHODS if from_client else _ANSWER
    if text.startswith(known):
        return "http"
    if any(start.startswith(text) for start in (*known, *_NOT_READ)):
        return None
    if text[:1] in (b"{", b"["):
        return "lines"
    look, line_end, _ = text[:LOOK_BYTES].partition(b"\n")
    if not _is_utf8(look.partition(b"\0")[0], final=bool(line_end)):
        return "opaque"
    return "lines" if line_end or b"\0" in look or len(text) >= LOOK_BYTES else None


def _is_utf8(data: bytes, *, final: bool) -> bool:
    """Whether the bytes are text in UTF-8, cut inside a character only where more is to come."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final)
    except UnicodeDecodeError:
        return False
    return is_text(data)


def _sniff_preamble(data: bytes, *, from_client: bool, preamble: TurnKind | None) -> TurnKind | None:
    """Tell SOCKS from Stratum V2, whose first frames start with bytes below 6."""
    if preamble is not None and not from_client:
        return preamble
    if from_client and data[0] == 5:
        return None if len(data) < 2 else "socks5" if 1 <= data[1] <= 16 else "opaque"
    if from_client and data[0] == 4:
        return None if len(data) < 2 else "socks4" if data[1] in (1, 2) else "opaque"
    if not from_client and data[0] == 5:
        return None if len(data) < 3 else "socks5" if data[1] in (0, 2) and data[2] in (1, 5) else "opaque"
    if len(data) < stratum_v2.HEADER_BYTES:
        return None
    return "sv2" if stratum_v2.is_opening(data, from_client=from_client) else "opaque"


class Sniffing:
    """The carrier of a lane that has not shown yet what it speaks.

    Args:
        lane: whose bytes these are.
        torn: bytes before the first one are missing.
        preamble: the SOCKS version that the other side was heard to speak, if any.
    """

    def __init__(self, lane: Lane, *, torn: bool, preamble: TurnKind | None = None) -> None:
        self._lane = lane
        self._torn = torn
        self._heard = b""
        self.preamble = preamble

    @property
    def torn(self) -> bool:
        """Whether the start of what is sniffed at is missing."""
        return self._torn

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take bytes until they tell what they are."""
        self._heard += data
        if not self._heard:
            return None
        kind = sniff(self._heard, from_client=self._lane.from_client, torn=self._torn, preamble=self.preamble)
        return None if kind is None else Turn(kind, self._heard)

    def gap(self, lost: int) -> Turn | None:
        """Start anew after the gap."""
        self._heard = b""
        self._torn = True
        return None

    def settle(self) -> Turn | None:
        """The other side answers: a short text without a line end is a line."""
        if not self._heard or not _is_utf8(self._heard, final=True):
            return None
        return Turn("lines", self._heard)

    def close(self) -> None:
        """What is no text by now leaves nothing behind."""
