"""Stratum V2 frames in plain text, as used on a local network.

A frame is a header of six bytes (extension type u16, message type u8, payload length u24, little endian)
and its payload; one message is one frame with its header. Source: stratum-mining/sv2-spec
03-Protocol-Overview.md (frame), 05-Mining-Protocol.md and 08-Message-Types.md (types and lengths).

A stream opens with SetupConnection or its answer. Where the opening is missing, or after a gap that does not
fall inside one frame, reading goes on at a segment that starts with a header whose length fits its type; a
type of variable length is not taken as evidence.
"""

from typing import Final

from davylamp.flows.carriers.lane import FRAME_TOO_BIG, TORN_MESSAGE, Lane, Turn

HEADER_BYTES: Final = 6
_CORE: Final = (0x0000, 0x8000)  # the extension type of the base protocol, without and with the channel bit
_SETUP: Final = 0x00
_SETUP_ANSWERS: Final = (0x01, 0x02)
_SETUP_BYTES: Final = range(16, 1200)  # fixed fields are 10 bytes, five strings of at most 255 follow
_ANSWER_BYTES: Final = range(5, 262)

# Payload lengths of the messages that have one or two: sums over the field tables of 05-Mining-Protocol.md.
_FIXED: Final[dict[int, tuple[int, ...]]] = {
    0x15: (45, 49),  # NewMiningJob, without and with min_ntime
    0x1A: (24,),  # SubmitSharesStandard
    0x1C: (20,),  # SubmitShares.Success
    0x20: (48,),  # SetNewPrevHash
    0x21: (36,),  # SetTarget
}
_EXTENDED_SHARE: Final = 0x1B  # SubmitSharesExtended: fixed fields, then the extranonce behind its length
_EXTENDED_BYTES: Final = 25
_EXTRANONCE_AT: Final = 30  # of the frame


def is_opening(data: bytes, *, from_client: bool) -> bool:
    """Whether the first six bytes open a Stratum V2 connection."""
    length = int.from_bytes(data[3:6], "little")
    if data[:2] != b"\0\0":
        return False
    if from_client:
        return data[2] == _SETUP and length in _SETUP_BYTES
    return data[2] in _SETUP_ANSWERS and length in _ANSWER_BYTES


def is_evident(data: bytes) -> bool:
    """Whether the bytes start with a header that hardly anything else starts with."""
    if len(data) < HEADER_BYTES or int.from_bytes(data[:2], "little") not in _CORE:
        return False
    length = int.from_bytes(data[3:6], "little")
    if data[2] == _EXTENDED_SHARE and len(data) > _EXTRANONCE_AT:
        return length == _EXTENDED_BYTES + data[_EXTRANONCE_AT]
    return length in _FIXED.get(data[2], ())


class StratumV2:
    """The frames of one direction.

    Args:
        lane: where messages go.
        torn: the stream starts in the middle of something.
    """

    def __init__(self, lane: Lane, *, torn: bool = False) -> None:
        self._lane = lane
        self._torn = torn
        self._buffer = bytearray()
        self._skip = 0  # bytes of a torn frame that are still to come

    def feed(self, ts_ns: int, data: bytes) -> Turn | None:
        """Take the next bytes and emit the frames that they complete."""
        if self._torn and not self._buffer:
            if not is_evident(data):
                return None
            self._torn = False
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= HEADER_BYTES:
            length = int.from_bytes(self._buffer[at + 3 : at + 6], "little")
            if length > self._lane.limits.frame_bytes:
                self._lane.note(FRAME_TOO_BIG)
                return Turn("opaque")
            end = at + HEADER_BYTES + length
            if end > len(self._buffer):
                break
            self._lane.emit(ts_ns, bytes(self._buffer[at:end]), "sv2")
            at = end
        del self._buffer[:at]
        return None

    def gap(self, lost: int) -> Turn | None:
        """Stay in step when the gap lies inside one frame, else wait for the next evident one."""
        missing = self._skip
        if len(self._buffer) >= HEADER_BYTES:
            length = int.from_bytes(self._buffer[3:6], "little")
            missing = HEADER_BYTES + length - len(self._buffer)
        if self._buffer or self._skip:
            self._lane.note(TORN_MESSAGE)
        self._skip = max(0, missing - lost)
        self._torn = missing < lost
        self._buffer.clear()
        return None

    def settle(self) -> Turn | None:
        """Frames carry their lengths: nothing to settle."""
        return None

    def close(self) -> None:
        """A frame without its end is no message."""
