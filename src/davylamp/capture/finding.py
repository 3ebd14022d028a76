"""Which captures a user means by a list of files and folders."""

import os
from collections.abc import Iterator, Sequence
from typing import Final

from davylamp.capture.containers import RawInput, open_source
from davylamp.capture.faults import FaultLog
from davylamp.errors import CaptureError
from davylamp.records import InputReport

CAPTURE_MAGICS: Final = (
    *(b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1"),
    *(b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1", b"\x0a\x0d\x0d\x0a"),
)


CAPTURE_ENDINGS: Final = (".pcap", ".pcapng", ".cap", ".dmp")
PACKED_ENDINGS: Final = (".gz", ".zst", ".xz", ".lz4")


def find_captures(paths: Sequence[str]) -> list[str]:
    """The captures behind ``paths``, each once, in the order given; folders are searched and sorted.

    A path that is named is taken as it is, even where nothing is there, so that reading it says so and the
    others are read. Inside a folder counts what begins like a capture or is named like one, and what cannot be
    opened: an empty or damaged member of a series is reported, not passed over.

    Raises:
        CaptureError: E-CAP-002 when nothing is found.
    """
    found: dict[str, str] = {}
    for path in paths:
        for capture in _search(path) if path != "-" and os.path.isdir(path) else (path,):
            found.setdefault(capture if capture == "-" else os.path.realpath(capture), capture)
    if not found:
        raise CaptureError(
            "E-CAP-002",
            f"no captures found in {', '.join(paths) or 'nothing'}",
            "give pcap or pcapng files, folders that hold some, or - for standard input",
        )
    return list(found.values())


def _search(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            if os.path.isfile(path) and (is_named_like_capture(name) or begins_like_capture(path)):
                yield path


def is_named_like_capture(name: str) -> bool:
    """Whether a file's name ends like a capture's, compressed or not."""
    stem = name.lower()
    for packed in PACKED_ENDINGS:
        stem = stem.removesuffix(packed)
    return stem.endswith(CAPTURE_ENDINGS)


def begins_like_capture(path: str) -> bool:
    """Whether a file, unpacked if need be, begins with the magic of a capture, or cannot be opened."""
    try:
        raw = RawInput(path)
    except CaptureError:
        return True
    try:
        source = open_source(raw, FaultLog(InputReport(path)))
        head = bytearray(4)
        filled = 0
        while filled < 4 and (size := source.readinto(memoryview(head)[filled:])):
            filled += size
        return bytes(head[:filled]) in CAPTURE_MAGICS
    except CaptureError:
        return True
    finally:
        raw.close()
