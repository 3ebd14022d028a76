"""Heads of HTTP/1.0 and HTTP/1.1 messages, and what they say of the body.

Header values that name or authenticate a person are not kept: cookies and proxy credentials are left out, and
of Basic credentials only the user stays, because getwork miners log in with it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

HEADERS_KEPT: Final = 128  # judged: more than servers send, fewer than a flood
LENGTH_DIGITS: Final = 15  # a petabyte; longer numbers are no lengths

_SECRET: Final = frozenset({"cookie", "set-cookie", "proxy-authorization"})
_REQUEST: Final = re.compile(rb"([A-Z]{3,7}) (\S{1,8192}) HTTP/1\.[01]")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: (.*))?")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_END: Final = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE: Final = re.compile(
    rb"(?:\A|\n)((?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|TRACE|CONNECT) \S{1,8192} HTTP/1\.[01]\r?\n)"
)
_STATUS_LINE: Final = re.compile(rb"(?:\A|\n)(HTTP/1\.[01] \d{3}[^\n]{0,256}\n)")


class Head(NamedTuple):
    """A parsed head. ``method`` and ``target`` are of a request, ``status`` and ``reason`` of a response."""

    method: str
    target: str
    status: int
    reason: str
    headers: Mapping[str, str]

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def length(self) -> int | None:
        """Length of the body in bytes as stated, None when it is not.

        Raises:
            ValueError: stated in a way that states nothing.
        """
        stated = self.headers.get("content-length")
        if stated is None:
            return None
        values = {value.strip() for value in stated.split(",")}
        value = values.pop()
        if values or not (value.isascii() and value.isdigit() and len(value) <= LENGTH_DIGITS):
            raise ValueError("content-length")
        return int(value)

    @property
    def upgrades(self) -> bool:
        """Whether a request asks to go on in WebSocket."""
        return "websocket" in self.headers.get("upgrade", "").lower()


def find_end(data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """Find the blank line after a head: where the head ends, where the body starts."""
    match = _END.search(data, start)
    return None if match is None else match.span()


def find_start(data: bytes | bytearray, *, request: bool) -> int | None:
    """Find the first start line that begins a line, in bytes whose own beginning counts as one."""
    match = (_REQUEST_LINE if request else _STATUS_LINE).search(data)
    return None if match is None else match.start(1)


def is_start(line: bytes, *, request: bool) -> bool:
    """Whether a line is the first one of a head."""
    return (_REQUEST if request else _STATUS).fullmatch(line.rstrip(b"\r ")) is not None


def read_head(data: bytes, *, request: bool) -> Head:
    """Parse a head without its blank line.

    Raises:
        ValueError: no HTTP/1 head.
    """
    first, *lines = data.split(b"\n")
    match = (_REQUEST if request else _STATUS).fullmatch(first.rstrip(b"\r "))
    if match is None:
        raise ValueError("start line")
    headers = _read_headers(lines)
    if request:
        return Head(_text(match[1]), _text(match[2]), 0, "", headers)
    return Head("", "", int(match[1]), _text(match[2] or b""), headers)


def _read_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        raw_name, colon, raw_value = line.partition(b":")
        name = _text(raw_name).lower()
        if not colon or not _NAME.fullmatch(raw_name) or name in _SECRET:
            continue  # a folded or malformed line says nothing about the body
        value = _text(raw_value.strip(b" \t\r"))
        if name == "authorization":
            value = _without_password(value)
        if name in headers:
            headers[name] += ", " + value
        elif len(headers) < HEADERS_KEPT:
            headers[name] = value
    return headers


def _without_password(value: str) -> str:
    """Basic credentials with an empty password; nothing of other schemes but their name."""
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "basic":
        return scheme
    try:
        user = base64.b64decode(token.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return scheme
    return f"{scheme} {base64.b64encode(user + b':').decode()}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
