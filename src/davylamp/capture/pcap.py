"""Walking classic pcap: a 24-byte file header, then records of header and frame.

Source    draft-ietf-opsawg-pcap; the modified format of Kuznetzov's libpcap (magic 0xa1b2cd34) from libpcap's reader
"""

import struct
from typing import Final, NamedTuple

from davylamp.capture import faults
from davylamp.capture.wire import STOP_DAMAGED, STOP_FULL, STOP_NEED_MORE, Bytes, Frames, Walked, u32
from davylamp.kernel import inline, kernel, prepared

HEADER_BYTES: Final = 24
MAX_FRAME: Final = 262_144  # judged: libpcap's own largest snapshot length
_FAR_S: Final = 31 * 86_400  # judged: records this far apart are no neighbors when searching in garbage

_MAGICS: Final = {
    b"\xa1\xb2\xc3\xd4": (True, 1000, 16),
    b"\xd4\xc3\xb2\xa1": (False, 1000, 16),
    b"\xa1\xb2\x3c\x4d": (True, 1, 16),
    b"\x4d\x3c\xb2\xa1": (False, 1, 16),
    b"\xa1\xb2\xcd\x34": (True, 1000, 24),
    b"\x34\xcd\xb2\xa1": (False, 1000, 24),
}
MAGICS: Final = tuple(_MAGICS)


class PcapForm(NamedTuple):
    """What a file header says about the records behind it."""

    big: bool
    tick_ns: int
    record_bytes: int  # of a record's header
    link: int
    limit: int  # a longer frame cannot be true


def parse_header(head: bytes, longest: int) -> PcapForm:
    """The form of the records behind a file header of `HEADER_BYTES` with one of `MAGICS`.

    The snapshot length is no promise: files with longer frames exist, so it only raises the limit, up to
    ``longest`` bytes.
    """
    big, tick_ns, record_bytes = _MAGICS[head[:4]]
    snaplen, link = struct.unpack((">" if big else "<") + "II", head[16:24])
    limit = min(max(MAX_FRAME, snaplen), longest)
    return PcapForm(
        big, tick_ns, record_bytes, link & 0x3FF_FFFF, limit
    )  # above: length of the frame check sequence


@kernel
def walk_pcap(data: Bytes, start: int, stop: int, form: PcapForm, frames: Frames) -> Walked:
    """List the records that lie whole within ``data[start:stop]``."""
    at = start
    count = 0
    room = frames.offset.size
    while at + form.record_bytes <= stop:
        if count == room:
            return Walked(count, at, STOP_FULL)
        captured = u32(data, at + 8, form.big)
        if captured > form.limit:
            return Walked(count, at, STOP_DAMAGED)
        body = at + form.record_bytes
        if body + captured > stop:
            break
        original = u32(data, at + 12, form.big)
        frames.offset[count] = body
        frames.captured[count] = captured
        frames.original[count] = min(max(original, captured), 0x7FFF_FFFF)
        frames.ts_ns[count] = (
            u32(data, at, form.big) * 1_000_000_000 + u32(data, at + 4, form.big) * form.tick_ns
        )
        frames.link[count] = form.link
        at = body + captured
        count += 1
    return Walked(count, at, STOP_NEED_MORE)


@kernel
def find_record(data: Bytes, start: int, stop: int, form: PcapForm, near_s: int) -> int:
    """The first position from ``start`` on where three records in a row look sound; -1 when there is none.

    Args:
        data: the chunk.
        start: where to begin.
        stop: end of the bytes.
        form: of the records.
        near_s: Unix seconds of the last sound record, -1 without one.
    """
    for at in range(start, stop - form.record_bytes):
        place = at
        sound = 0
        while sound < 3 and place + form.record_bytes <= stop and _is_sound(data, place, form, near_s):
            place += form.record_bytes + u32(data, place + 8, form.big)
            sound += 1
        if sound == 3 or (sound > 0 and place == stop):
            return at
    return -1


@inline
def _is_sound(data: Bytes, at: int, form: PcapForm, near_s: int) -> bool:
    captured = u32(data, at + 8, form.big)
    original = u32(data, at + 12, form.big)
    return (
        14 <= captured <= form.limit
        and captured <= original <= form.limit
        and u32(data, at + 4, form.big) * form.tick_ns < 1_000_000_000
        and (near_s < 0 or abs(u32(data, at, form.big) - near_s) < _FAR_S)
    )


class PcapWalker:
    """Finds the frames among the records of a pcap stream.

    Args:
        head: the file header.
        longest: no frame can be read that is longer, bytes.
    """

    damage_code = faults.LYING_RECORD

    def __init__(self, head: bytes, longest: int) -> None:
        self._form = parse_header(head, longest)
        self._last_s = -1
        self._walk = prepared(walk_pcap)

    def walk(self, data: Bytes, start: int, stop: int, frames: Frames, base: int) -> Walked:
        """List the frames whose records lie whole within ``data[start:stop]``; ``base`` is not needed."""
        walked = self._walk(data, start, stop, self._form, frames)
        if walked.frames:
            self._last_s = int(frames.ts_ns[walked.frames - 1]) // 1_000_000_000
        return walked

    def resume(self, data: Bytes, start: int, stop: int) -> int:
        """The next sound records from ``start`` on; -1 when there are none."""
        return find_record(data, start, stop, self._form, self._last_s)
