"""What all carriers share: limits, the lane they emit on, the turn they hand over with, codes of damage."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from davylamp.records import Carrier as CarrierName
from davylamp.records import HttpHead, Message

NAMES_KEPT: Final = 16  # judged: a conversation has one or two; more is an attempt to fill memory
NAME_CHARS: Final = 262  # a host name of at most 255 characters, a colon, a port

LINE_TOO_LONG: Final = "E-CNV-001"
LINE_NOT_TEXT: Final = "E-CNV-002"
HTTP_HEAD_BAD: Final = "E-CNV-003"
HTTP_BODY_TOO_BIG: Final = "E-CNV-004"
HTTP_BODY_BAD: Final = "E-CNV-005"
HTTP_CODING_BAD: Final = "E-CNV-006"
FRAME_BAD: Final = "E-CNV-007"
FRAME_TOO_BIG: Final = "E-CNV-008"
INFLATE_BAD: Final = "E-CNV-009"
TORN_MESSAGE: Final = "E-CNV-010"

DAMAGE: Final[Mapping[str, str]] = {
    LINE_TOO_LONG: "a line longer than the limit is dropped",
    LINE_NOT_TEXT: "a line with control characters is dropped",
    HTTP_HEAD_BAD: "an HTTP head that is too long or malformed is dropped",
    HTTP_BODY_TOO_BIG: "an HTTP body longer than the limit is left empty",
    HTTP_BODY_BAD: "an HTTP body with damaged chunks is dropped",
    HTTP_CODING_BAD: "an HTTP body whose content coding cannot be undone is left empty",
    FRAME_BAD: "a WebSocket frame with an impossible header stops its direction until an evident one",
    FRAME_TOO_BIG: "a frame or fragmented message longer than the limit is dropped",
    INFLATE_BAD: "a compressed WebSocket message that cannot be inflated is dropped",
    TORN_MESSAGE: "a message with missing bytes is dropped",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one message is kept; longer ones are dropped and counted. All in bytes."""

    line_bytes: int = 64 * 1024  # judged: the longest known line, a notify with many branches, is below 8 KiB
    head_bytes: int = 32 * 1024  # judged: common HTTP servers refuse more than 8 to 16 KiB
    body_bytes: int = 256 * 1024  # judged: getblocktemplate of a busy chain is cut, the daemon calls fit
    frame_bytes: int = 64 * 1024  # judged: the largest Stratum V2 mining message is below 2 KiB
    message_bytes: int = 256 * 1024  # judged: one WebSocket message, inflated
    held_bytes: int = 64 * 1024  # judged: what a client may send before its proxy or server has agreed


TurnKind = Literal["fresh", "torn", "lines", "http", "websocket", "sv2", "socks4", "socks5", "hold", "opaque"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A carrier is done: what comes next on this lane, and the bytes that it has not used."""

    kind: TurnKind
    rest: bytes = b""


@dataclass(slots=True)
class Lane:
    """Where the carriers of one direction put what they find.

    ``out``, ``names`` and ``damage`` are shared by both lanes of a conversation. ``lost`` are missing bytes
    that no message has declared yet.
    """

    from_client: bool
    limits: Limits
    out: list[Message]
    names: list[str] = field(default_factory=list)
    damage: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    emitted: int = 0

    def emit(
        self, ts_ns: int, data: bytes, carrier: CarrierName = "tcp", http: HttpHead | None = None
    ) -> None:
        """Put out one message, with the loss before it."""
        self.out.append(Message(ts_ns, self.from_client, data, carrier, http, self.lost))
        self.lost = 0
        self.emitted += 1

    def note(self, code: str) -> None:
        """Count one piece of damage."""
        self.damage[code] += 1

    def name(self, name: str) -> None:
        """Remember a host name in lower case, once, if it can be one."""
        name = name.strip().lower()
        fits = 0 < len(name) <= NAME_CHARS and name.isascii() and name.isprintable() and " " not in name
        if fits and name not in self.names and len(self.names) < NAMES_KEPT:
            self.names.append(name)


class Carrier(Protocol):
    """One way to put messages into a byte stream."""

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take the next bytes; a turn when something else follows, and the carrier is not fed again."""
        ...

    def gap(self, lost: int) -> Turn | None:
        """Take note that ``lost`` bytes are missing here."""
        ...

    def settle(self) -> Turn | None:
        """Take note that the other side speaks now."""
        ...

    def close(self) -> None:
        """Emit what is complete without more bytes: the direction has ended."""
        ...


class Opaque:
    """Bytes that no carrier here can read; nothing of them is kept."""

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Drop the bytes."""
        return None

    def gap(self, lost: int) -> Turn | None:
        """Drop the fact."""
        return None

    def settle(self) -> Turn | None:
        """Nothing waits here."""
        return None

    def close(self) -> None:
        """Nothing waits here."""


class Holding:
    """The client's bytes after a CONNECT or an upgrade request, until the other side has answered."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._bytes = 0
        self.chunks: list[tuple[int, bytes]] = []

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Keep the bytes with their times; too many of them are read without an answer."""
        self.chunks.append((ts_ns, data))
        self._bytes += len(data)
        if self._bytes <= self._lane.limits.held_bytes:
            return None
        return self.release()

    def gap(self, lost: int) -> Turn | None:
        """Read what is held without an answer: with a hole in it, it will not get better."""
        return self.release() if self.chunks else None

    def release(self) -> Turn:
        """Give up waiting: what is held speaks for itself or not at all."""
        return Turn("torn", b"".join(data for _, data in self.chunks))

    def settle(self) -> Turn | None:
        """Nothing to settle: the conversation itself looks for the answer."""
        return None

    def close(self) -> None:
        """Nothing is complete here; the conversation releases what is held before it closes."""
