"""WebSocket frames (RFC 6455), with permessage-deflate (RFC 7692), after an HTTP upgrade.

A text message is split at line ends, one message per line; a binary one that is no text stays whole.
Control frames are skipped. A gap inside the payload of one frame costs that message only. After any other
gap, and where the upgrade was not captured, reading goes on at a segment that starts with an evident frame:
final, text or binary, masked as its side must, its length in the shortest form, its payload beginning as
JSON, and, when the segment holds more than the frame, followed by another frame header. Without the upgrade a
stream is read as uncompressed. Compressed messages that refer to earlier ones cannot be read after any gap.
"""

import zlib
from typing import Final, NamedTuple

from davylamp.flows.carriers.lane import FRAME_BAD, FRAME_TOO_BIG, INFLATE_BAD, TORN_MESSAGE, Lane, Turn
from davylamp.flows.carriers.lines import is_text

_TEXT: Final = 1
_BINARY: Final = 2
_CLOSE: Final = 8
_DATA_OPCODES: Final = (0, _TEXT, _BINARY)
_CONTROL_OPCODES: Final = (_CLOSE, 9, 10)
_FLUSH_TAIL: Final = b"\x00\x00\xff\xff"  # RFC 7692 7.2.2: removed by the sender


class Header(NamedTuple):
    """The header of one frame; ``mask`` is empty when the payload is not masked."""

    final: bool
    compressed: bool
    opcode: int
    length: int
    mask: bytes
    size: int  # of the header itself


def read_header(data: bytes | bytearray) -> Header | None:
    """Read a frame header.

    Args:
        data: bytes from the first of the frame.

    Returns:
        The header, or None when more bytes are needed.

    Raises:
        ValueError: no frame starts like this.
    """
    if len(data) < 2:
        return None
    opcode = data[0] & 0x0F
    if data[0] & 0x30 or opcode not in _DATA_OPCODES + _CONTROL_OPCODES:
        raise ValueError("reserved bit or opcode")
    length = data[1] & 0x7F
    wide = {126: 2, 127: 8}.get(length, 0)
    size = 2 + wide + (4 if data[1] & 0x80 else 0)
    if opcode in _CONTROL_OPCODES and (wide or not data[0] & 0x80 or data[0] & 0x40):
        raise ValueError("control frame with a long payload, in fragments or compressed")
    if len(data) < size:
        return None
    if wide:
        length = int.from_bytes(data[2 : 2 + wide], "big")
        if length < (126 if wide == 2 else 1 << 16) or length >> 63:
            raise ValueError("length not in its shortest form")
    mask = bytes(data[2 + wide : size])
    return Header(bool(data[0] & 0x80), bool(data[0] & 0x40), opcode, length, mask, size)


def is_evident(data: bytes, *, masked: bool) -> bool:
    """Whether the bytes start with a frame of this side that carries JSON (rule in the module's text)."""
    try:
        header = read_header(data)
        if header is None or header.compressed or not header.final or header.opcode not in (_TEXT, _BINARY):
            return False
        if bool(header.mask) != masked:
            return False
        body = data[header.size : header.size + header.length]
        if unmask(body[:1], header.mask) not in (b"{", b"["):
            return False
        read_header(data[header.size + header.length :])
    except ValueError:
        return False
    return True


def unmask(payload: bytes | bytearray, mask: bytes) -> bytes:
    """Undo the masking of a payload that starts at the frame's first payload byte."""
    if not mask or not payload:
        return bytes(payload)
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class Deflate:
    """The inflating end of one direction.

    Args:
        takeover: messages may refer to earlier ones.
        most: bytes that one message may have.
    """

    def __init__(self, *, takeover: bool, most: int) -> None:
        self.takeover = takeover
        self._most = most
        self._stream = zlib.decompressobj(-15)

    def inflate(self, data: bytes) -> bytes:
        """Inflate one message.

        Raises:
            ValueError: no valid data, or more than ``most`` bytes; with takeover nothing later can be read.
        """
        try:
            text = self._stream.decompress(data + _FLUSH_TAIL, self._most + 1)
        except zlib.error as error:
            raise ValueError("damaged deflate data") from error
        if len(text) > self._most:
            raise ValueError("longer than the limit")
        if not self.takeover or self._stream.eof:
            self._stream = zlib.decompressobj(-15)
        return text


class WebSocket:
    """The frames of one direction.

    Args:
        lane: where messages go.
        deflate: None when compression was not agreed on, else whether context is taken over.
        torn: the stream starts in the middle of something.
    """

    def __init__(self, lane: Lane, *, deflate: bool | None = None, torn: bool = False) -> None:
        most = lane.limits.message_bytes
        self._lane = lane
        self._deflate = None if deflate is None else Deflate(takeover=deflate, most=most)
        self._torn = torn
        self._head = bytearray()
        self._frame: Header | None = None
        self._left = 0  # payload bytes of the frame that are still to come
        self._payload = bytearray()
        self._message = bytearray()  # finished fragments
        self._compressed = False
        self._open = False  # a message has begun and not ended
        self._spoiled = False  # the message cannot be emitted

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take the next bytes and emit the messages that they complete."""
        if self._torn:
            if not is_evident(data, masked=self._lane.from_client):
                return None
            self._torn = False
        view = memoryview(data)
        while view:
            if self._frame is None:
                rest = self._read_head(view)
                if rest is None:
                    return None
                view = rest
            taken = min(self._left, len(view))
            self._left -= taken
            if not self._spoiled:
                self._payload += view[:taken]
            view = view[taken:]
            if self._left == 0 and self._end_frame(ts_ns):
                return Turn("opaque")
        return None

    def gap(self, lost: int) -> Turn | None:
        """Stay in step when the gap lies inside one frame's payload, else wait for an evident frame."""
        if self._deflate is not None and self._deflate.takeover:
            self._lane.note(TORN_MESSAGE)
            return Turn("opaque")
        if self._left >= lost:
            self._left -= lost
            self._lane.note(TORN_MESSAGE)
            if self._frame is not None and self._frame.opcode not in _CONTROL_OPCODES:
                self._spoiled = True
            self._payload.clear()
            if self._left == 0:
                self._end_frame(0)
            return None
        if self._head or self._frame or self._message:
            self._lane.note(TORN_MESSAGE)
        self._reset()
        self._torn = True
        return None

    def settle(self) -> Turn | None:
        """Frames carry their lengths: nothing to settle."""
        return None

    def close(self) -> None:
        """A frame without its end is no message."""

    def _reset(self) -> None:
        self._head.clear()
        self._frame = None
        self._left = 0
        self._payload.clear()
        self._message.clear()
        self._compressed = self._spoiled = self._open = False

    def _read_head(self, data: memoryview) -> memoryview | None:
        """Read a header; the bytes behind it, or None when more are needed or none can follow."""
        before = len(self._head)
        self._head += data[: 14 - before]
        try:
            header = read_header(self._head)
            if header is not None:
                self._begin_frame(header)
        except ValueError:
            self._lane.note(FRAME_BAD)
            self._reset()
            self._torn = True
            return None
        if header is None:
            return None
        self._head.clear()
        rest = data[header.size - before :]
        return None if self._left and not rest else rest

    def _begin_frame(self, header: Header) -> None:
        """Check a header against what was agreed and what came before."""
        continues = header.opcode == 0
        if header.compressed and (self._deflate is None or continues):
            raise ValueError("compressed without agreement")
        self._frame = header
        self._left = header.length
        if header.opcode in _CONTROL_OPCODES:
            return
        if continues != self._open:
            raise ValueError("fragment out of order")
        if not continues:
            self._spoiled = False
            self._compressed = header.compressed
        self._open = not header.final
        if header.length + len(self._message) > self._lane.limits.message_bytes and not self._spoiled:
            self._lane.note(FRAME_TOO_BIG)
            self._spoiled = True

    def _end_frame(self, ts_ns: int) -> bool:
        """Take in a whole frame; True when nothing readable can follow."""
        header = self._frame
        assert header is not None
        self._frame = None
        payload = unmask(self._payload, header.mask)
        self._payload.clear()
        if header.opcode in _CONTROL_OPCODES:
            return header.opcode == _CLOSE
        self._message += payload
        if not header.final:
            return False
        message = bytes(self._message)
        self._message.clear()
        return self._end_message(ts_ns, message)

    def _end_message(self, ts_ns: int, message: bytes) -> bool:
        """Emit a whole message; True when later ones cannot be read for want of this one."""
        takeover = self._compressed and self._deflate is not None and self._deflate.takeover
        if self._spoiled:
            self._spoiled = False
            return takeover
        if self._compressed and self._deflate is not None:
            try:
                message = self._deflate.inflate(message)
            except ValueError:
                self._lane.note(INFLATE_BAD)
                self._deflate = Deflate(takeover=takeover, most=self._lane.limits.message_bytes)
                return takeover
        pieces = message.split(b"\n") if is_text(message) else [message]
        for piece in pieces:
            line = piece.strip(b" \t\r")
            if line:
                self._lane.emit(ts_ns, line, "websocket")
        return False
