"""Bodies of HTTP/1 messages: of stated length, in chunks, until the connection closes; their content coding.

A body reader takes bytes until it is whole. Longer bodies than the limit are read to their end and dropped.
"""

import zlib
from typing import Final, Protocol

from davylamp.flows.carriers.lane import HTTP_BODY_BAD, HTTP_BODY_TOO_BIG

SIZE_LINE_BYTES: Final = 1024  # judged: a chunk size with extensions
TRAILER_BYTES: Final = 8192  # judged: trailers are rare and short
_SIZE_DIGITS: Final = 8  # 4 GiB; a chunk of that size is no JSON


class Body(Protocol):
    """A body that is being read.

    Attributes:
        whole: the last byte has been taken.
        astray: its end was lost; what follows is no start line for certain.
        fault: code of what was wrong with it, "" when nothing.
        kept: its bytes, empty when too long.
    """

    whole: bool
    astray: bool
    fault: str
    kept: bytearray

    def feed(self, data: bytes) -> bytes:
        """Take bytes; those behind the end come back. A body that loses its step is whole with a fault."""
        ...

    def skip(self, lost: int) -> bool:
        """Take note that bytes are missing; False when the end can no longer be told."""
        ...


class _Kept:
    """What all bodies share: bytes kept up to a limit."""

    def __init__(self, most: int) -> None:
        self.whole = False
        self.astray = False
        self.fault = ""
        self.kept = bytearray()
        self._most = most

    def _keep(self, data: bytes) -> None:
        if self.fault:
            return
        self.kept += data
        if len(self.kept) > self._most:
            self._drop(HTTP_BODY_TOO_BIG)

    def _drop(self, fault: str) -> None:
        self.fault = fault
        self.kept = bytearray()


class FixedBody(_Kept):
    """A body of stated length."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(most)
        self._left = length
        self.whole = length == 0
        if length > most:
            self._drop(HTTP_BODY_TOO_BIG)

    def feed(self, data: bytes) -> bytes:
        """Take at most what is left."""
        taken = min(self._left, len(data))
        self._keep(data[:taken])
        self._left -= taken
        self.whole = self._left == 0
        return data[taken:]

    def skip(self, lost: int) -> bool:
        """A gap inside the body costs the body, not the step."""
        if lost > self._left:
            return False
        self._drop(HTTP_BODY_BAD)
        self._left -= lost
        self.whole = self._left == 0
        return True


class OpenBody(_Kept):
    """A body that ends with the connection; the reader of the lane sets ``whole``."""

    def feed(self, data: bytes) -> bytes:
        """Take everything."""
        self._keep(data)
        return b""

    def skip(self, lost: int) -> bool:
        """The end is the connection's own."""
        self._drop(HTTP_BODY_BAD)
        return True


class ChunkedBody(_Kept):
    """A body in chunks (RFC 9112 section 7.1)."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._line = b""  # a size line, or the line end after a chunk, as far as it has come
        self._left = 0
        self._after = False  # between a chunk's data and its line end
        self._trailer = -1  # bytes of trailers so far, -1 before them

    def feed(self, data: bytes) -> bytes:
        """Take chunks, trailers and the closing blank line."""
        while data and not self.whole:
            if self._left:
                taken = min(self._left, len(data))
                self._keep(data[:taken])
                self._left -= taken
                self._after = self._left == 0
                data = data[taken:]
                continue
            line, end, rest = data.partition(b"\n")
            self._line += line
            if len(self._line) > SIZE_LINE_BYTES:
                return self._lose(data)
            if not end:
                return b""
            if not self._take_line(self._line.strip(b" \t\r")):
                return self._lose(data)
            self._line = b""
            data = rest
        return data

    def skip(self, lost: int) -> bool:
        """A gap inside one chunk's data costs the body, not the step."""
        if lost > self._left:
            return False
        self._drop(HTTP_BODY_BAD)
        self._left -= lost
        self._after = self._left == 0
        return True

    def _take_line(self, line: bytes) -> bool:
        """Take a line between chunks' data; False when it cannot stand there."""
        if self._trailer >= 0:
            self._trailer += len(line) + 2
            self.whole = not line
            return self._trailer <= TRAILER_BYTES
        if self._after:
            self._after = False
            return not line
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > _SIZE_DIGITS or digits.strip(b"0123456789abcdefABCDEF"):
            return False
        self._left = int(digits, 16)
        if not self._left:
            self._trailer = 0
        return True

    def _lose(self, data: bytes) -> bytes:
        self._drop(HTTP_BODY_BAD)
        self.whole = self.astray = True
        return data


def decode(data: bytes, coding: str, most: int) -> bytes:
    """Undo a content coding.

    Args:
        data: the body as sent.
        coding: value of the header.
        most: bytes that the result may have.

    Raises:
        ValueError: a coding that is not known, damaged data, or a result that is too long.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity") or not data:
        return data
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError("unknown coding")
    windows = (47,) if coding != "deflate" else (47, -15)  # deflate is sent with and without the zlib header
    for window in windows:
        inflater = zlib.decompressobj(window)
        try:
            text = inflater.decompress(data, most + 1)
        except zlib.error:
            continue
        if len(text) > most or not inflater.eof:
            break
        return text
    raise ValueError("damaged or too long")
