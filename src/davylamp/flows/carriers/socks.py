"""SOCKS preambles: RFC 1928 (version 5), RFC 1929 (user and password), SOCKS 4 and 4a.

The client's lane and the server's lane are read apart, because each side's messages tell by themselves what
they are. Only the target is kept; user names and passwords are skipped over and forgotten with the buffer.
"""

import ipaddress
from typing import Final, Literal, NamedTuple

from davylamp.flows.carriers.lane import Lane, Turn

PREAMBLE_BYTES: Final = 1100  # the longest: 257 for methods, 513 for user and password, 262 for the request
_CONNECT: Final = 1
_USER_BYTES: Final = 255  # judged: SOCKS 4 states no limit


class Peeled(NamedTuple):
    """A whole preamble: its target ("" on the server's side) and its length in bytes."""

    target: str
    size: int


NotThis = Literal["not this"]
NOT_THIS: Final[NotThis] = "not this"


def read_client_5(data: bytes) -> Peeled | NotThis | None:
    """Read greeting, user and password where sent, and request; None when more bytes are needed."""
    if len(data) < 2:
        return None
    at = 2 + data[1]
    if len(data) <= at:
        return None
    if data[at] == 1:  # RFC 1929: version 1, user, password
        user_end = at + 2 + (data[at + 1] if len(data) > at + 1 else 0)
        if len(data) <= user_end:
            return None
        at = user_end + 1 + data[user_end]
    if len(data) < at + 5:
        return None
    if data[at] != 5 or data[at + 1] != _CONNECT or data[at + 2] != 0:
        return NOT_THIS
    return _read_target(data, at + 3)


def read_server_5(data: bytes) -> Peeled | NotThis | None:
    """Read method, verdict on the password where asked, and reply; None when more bytes are needed."""
    if len(data) < 2:
        return None
    if data[0] != 5 or data[1] not in (0, 2):
        return NOT_THIS
    at = 2 if data[1] == 0 else 4
    if len(data) < at + 5:
        return None
    if data[1] == 2 and data[2:4] != b"\x01\x00":
        return NOT_THIS
    if data[at : at + 3] != b"\x05\x00\x00":
        return NOT_THIS
    peeled = _read_target(data, at + 3)
    return Peeled("", peeled.size) if isinstance(peeled, Peeled) else peeled


def read_client_4(data: bytes) -> Peeled | NotThis | None:
    """Read a version 4 or 4a request; None when more bytes are needed."""
    if len(data) < 9:
        return None
    if data[0] != 4 or data[1] != _CONNECT:
        return NOT_THIS
    end = data.find(b"\0", 8, 8 + _USER_BYTES + 1)
    if end < 0:
        return None if len(data) < 8 + _USER_BYTES + 1 else NOT_THIS
    port = int.from_bytes(data[2:4], "big")
    host = str(ipaddress.IPv4Address(data[4:8]))
    if data[4:7] == b"\0\0\0" and data[7]:  # 4a: the name follows
        name_end = data.find(b"\0", end + 1, end + 257)
        if name_end < 0:
            return None if len(data) < end + 257 else NOT_THIS
        host, end = data[end + 1 : name_end].decode("ascii", "replace"), name_end
    return Peeled(f"{host}:{port}", end + 1)


def read_server_4(data: bytes) -> Peeled | NotThis | None:
    """Read a version 4 reply; None when more bytes are needed."""
    if len(data) < 8:
        return None
    return Peeled("", 8) if data[:2] == b"\x00\x5a" else NOT_THIS


def _read_target(data: bytes, at: int) -> Peeled | NotThis | None:
    """Read address type, address and port; at least two bytes are there."""
    kind = data[at]
    start = at + 1
    size = {1: 4, 4: 16}.get(kind, 0)
    if kind == 3:
        start, size = at + 2, data[at + 1]
    if not size:
        return NOT_THIS
    end = start + size
    if len(data) < end + 2:
        return None
    raw = data[start:end]
    port = int.from_bytes(data[end : end + 2], "big")
    if kind == 3:
        host = raw.decode("ascii", "replace")
    elif kind == 1:
        host = str(ipaddress.IPv4Address(raw))
    else:
        host = f"[{ipaddress.IPv6Address(raw)}]"
    return Peeled(f"{host}:{port}", end + 2)


class Socks:
    """The preamble of one direction.

    Args:
        lane: where the target's name goes.
        version: 4 or 5, as sniffed.
    """

    def __init__(self, lane: Lane, version: Literal[4, 5]) -> None:
        self._lane = lane
        self._version = version
        self._heard = b""

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take bytes until the preamble is whole."""
        self._heard += data
        heard = self._heard
        if self._version == 5:
            peeled = read_client_5(heard) if self._lane.from_client else read_server_5(heard)
        else:
            peeled = read_client_4(heard) if self._lane.from_client else read_server_4(heard)
        if isinstance(peeled, Peeled):
            if peeled.target:
                self._lane.name(peeled.target)
            return Turn("fresh", heard[peeled.size :])
        return Turn("opaque") if peeled == NOT_THIS or len(heard) > PREAMBLE_BYTES else None

    def gap(self, lost: int) -> Turn | None:
        """What comes after the gap is read afresh; the target may be lost."""
        return Turn("torn")

    def settle(self) -> Turn | None:
        """A preamble carries its lengths: nothing to settle."""
        return None

    def close(self) -> None:
        """Half a preamble carries nothing."""
