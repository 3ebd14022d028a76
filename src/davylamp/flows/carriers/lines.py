r"""Text lines over TCP: one JSON object or one plain text command per line.

A line ends with ``\n``, ``\r\n`` or a NUL byte. Two refinements for senders that leave the line end out:

* Objects glued to each other (``}{``, blanks between them allowed) are separate messages, when the line
  starts with an object or array and the first one is closed.
* A tail that is a closed object or array without a line end is a message once the stream goes on with
  another opening bracket, once the other side speaks, at a gap, and at the end. Its time is that of its own
  last byte.
* A short tail that starts with no bracket is a message once the other side speaks, and at the end: Duino-Coin
  clients send their commands without a line end.

After a gap, and at the start of a stream joined in the middle, everything up to the next line end is dropped,
unless it is a whole JSON object or array. An HTTP start line among the lines hands over to HTTP.
"""

import re
from typing import Final

import orjson

from davylamp.flows.carriers.lane import LINE_NOT_TEXT, LINE_TOO_LONG, TORN_MESSAGE, Lane, Turn

BAD_LINES: Final = 4  # judged: so many lines in a row with control characters are no text
COMMAND_BYTES: Final = 512  # judged: four times a Duino-Coin result with all its optional fields
CHECKS_PER_LINE: Final = 16  # judged: bounds the work on a tail that closes brackets again and again

CONTROLS: Final = bytes([*range(9), *range(14, 27), *range(28, 32), 127])  # escape colors a pool's greeting
_GLUE: Final = re.compile(rb"[}\]][ \t\r]*[{\[]")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)
_BLANKS: Final = b" \t\r"
_OPENERS: Final = (b"{", b"[")
_REQUEST: Final = re.compile(rb"(?:[A-Z]{3,7}) \S+ HTTP/1\.[01]")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] \d{3}(?: |$)")


def split_objects(text: bytes) -> tuple[list[bytes], bool]:
    """Cut text that starts with a bracket where a closed object or array is followed by another.

    Args:
        text: one line without its end; the work is linear in its length.

    Returns:
        The pieces, which joined give ``text`` but for blanks, and whether the last one is closed.
    """
    pieces: list[bytes] = []
    start = depth = 0
    closed = 0  # end of the last bracket that closed everything
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in _OPENERS:
            if depth == 0 and closed and not text[closed : token.start()].strip(_BLANKS):
                pieces.append(text[start:closed])
                start = token.start()
            depth += 1
        elif mark in (b"}", b"]"):
            depth = max(0, depth - 1)
            closed = token.end() if depth == 0 else 0
    pieces.append(text[start:])
    return pieces, depth == 0 and closed > start and not text[closed:].strip(_BLANKS)


def is_text(data: bytes) -> bool:
    """Whether the bytes hold no control characters but blanks, line ends and escape."""
    return len(data.translate(None, CONTROLS)) == len(data)


def is_json(data: bytes) -> bool:
    """Whether the bytes are one whole JSON object or array."""
    if not data.startswith(_OPENERS):
        return False
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


class Lines:
    """The lines of one direction.

    Args:
        lane: where messages go.
        torn: the stream starts in the middle of something.
    """

    def __init__(self, lane: Lane, *, torn: bool = False) -> None:
        self._lane = lane
        self._torn = torn
        self._tail = bytearray()
        self._tail_ns = 0
        self._checks = 0
        self._skipping = False  # inside a line that is too long
        self._bad = 0

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take the next bytes and emit the lines that they complete."""
        if b"\0" in data:
            data = data.replace(b"\0", b"\n")
        if self._tail and data.startswith(_OPENERS):
            self._settle_tail()
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(ts_ns, data)
            return None
        whole = data[:end]
        if self._tail:
            whole = bytes(self._tail) + whole
            self._tail.clear()
        lines = whole.split(b"\n")
        for number, line in enumerate(lines):
            if not self._line(ts_ns, line):
                continue
            if self._bad >= BAD_LINES:
                return Turn("opaque")
            return Turn("http", b"\n".join([*lines[number:], data[end + 1 :]]))
        self._checks = 0
        if end + 1 < len(data):
            self._keep(ts_ns, data[end + 1 :])
        return None

    def gap(self, lost: int) -> Turn | None:
        """Drop the line that the gap is in, before and after it."""
        self._settle_tail()
        if self._tail:
            self._lane.note(TORN_MESSAGE)
        self._tail.clear()
        self._skipping = False
        self._torn = True
        return None

    def settle(self) -> Turn | None:
        """The other side answers: a closed object or a command does not wait for its line end any longer."""
        self._settle_tail()
        if 0 < len(self._tail) <= COMMAND_BYTES and not self._torn and not self._tail.startswith(_OPENERS):
            text = bytes(self._tail)
            self._tail.clear()
            if self._line(self._tail_ns, text):
                return Turn("opaque" if self._bad >= BAD_LINES else "http", text)
        return None

    def close(self) -> None:
        """Emit the last line, which needs no end unless it is an object that is not closed."""
        self._settle_tail()
        if self._tail.startswith(_OPENERS):
            self._lane.note(TORN_MESSAGE)
        elif self._tail:
            self._line(self._tail_ns, bytes(self._tail))
        self._tail.clear()

    def _keep(self, ts_ns: int, data: bytes) -> None:
        """Keep the beginning of a line, within the limit."""
        if self._skipping:
            return
        if not data.isspace():
            self._tail_ns = ts_ns
        self._tail += data if self._tail else data.lstrip(_BLANKS)
        if len(self._tail) <= self._lane.limits.line_bytes:
            return
        pieces = [bytes(self._tail)]
        if self._tail.startswith(_OPENERS):
            pieces, _ = split_objects(pieces[0])
        for piece in pieces[:-1]:
            self._object(ts_ns, piece)
        self._tail[:] = pieces[-1]
        if len(self._tail) > self._lane.limits.line_bytes:
            self._lane.note(LINE_TOO_LONG)
            self._tail.clear()
            self._skipping = True

    def _settle_tail(self) -> None:
        """Emit the tail when it is closed objects only."""
        if not self._tail or self._checks >= CHECKS_PER_LINE:
            return
        text = bytes(self._tail).rstrip(_BLANKS)
        if not text.startswith(_OPENERS) or not text.endswith((b"}", b"]")):
            return
        pieces, closed = split_objects(text)
        if not closed:
            self._checks += 1
            return
        for piece in pieces:
            self._object(self._tail_ns, piece)
        self._tail.clear()
        self._checks = 0

    def _line(self, ts_ns: int, line: bytes) -> bool:
        """Emit one whole line; True when the lane must turn to something else."""
        if self._skipping:
            self._skipping = False
            return False
        text = line.lstrip(_BLANKS)
        if not text:
            self._torn = False  # the gap ended before a line end
            return False
        if text.startswith(_OPENERS):
            pieces = split_objects(text)[0] if _GLUE.search(text) else [text]
            for piece in pieces:
                if not self._object(ts_ns, piece):
                    break
            return self._bad >= BAD_LINES
        if len(text) > self._lane.limits.line_bytes:
            self._lane.note(LINE_TOO_LONG)
        elif self._torn and not self._is_http(text):
            self._lane.note(TORN_MESSAGE)
            self._torn = False
        elif not is_text(text):
            self._reject()
        elif self._is_http(text):
            return True
        else:
            self._bad = 0
            self._lane.emit(ts_ns, text.rstrip(_BLANKS))
        return self._bad >= BAD_LINES

    def _object(self, ts_ns: int, text: bytes) -> bool:
        """Emit one object of a line; False when the rest of the line goes with it."""
        if len(text) > self._lane.limits.line_bytes:
            self._lane.note(LINE_TOO_LONG)
            return False
        text = text.rstrip(_BLANKS)
        if self._torn:
            self._torn = False
            if not is_json(text):
                self._lane.note(TORN_MESSAGE)
                return True
        if is_text(text):
            self._bad = 0
            self._lane.emit(ts_ns, text)
        else:
            self._reject()
        return True

    def _reject(self) -> None:
        self._bad += 1
        self._lane.note(LINE_NOT_TEXT)

    def _is_http(self, text: bytes) -> bool:
        pattern = _REQUEST if self._lane.from_client else _STATUS
        return pattern.match(text) is not None
