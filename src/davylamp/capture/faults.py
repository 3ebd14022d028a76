"""Every code of the capture room, and the log that adds faults up per code.

Errors (the input cannot be read at all): E-CAP-001 to 009. Faults of the container: 010 to 019. Faults of single
frames: 020 to 029.
"""

from dataclasses import replace
from typing import Final

from davylamp.records import Fault, InputReport

TRUNCATED: Final = "E-CAP-010"
LYING_RECORD: Final = "E-CAP-011"
DAMAGED_COMPRESSION: Final = "E-CAP-012"
LYING_BLOCK: Final = "E-CAP-013"
UNKNOWN_INTERFACE: Final = "E-CAP-014"
UNREAD_LINK: Final = "E-CAP-015"
BAD_DESCRIPTION: Final = "E-CAP-016"
BAD_TIME: Final = "E-CAP-017"
TRAILING: Final = "E-CAP-018"
SNAPPED_FRAME: Final = "E-CAP-020"
RUNT_FRAME: Final = "E-CAP-021"
LYING_IP: Final = "E-CAP-022"
LYING_TRANSPORT: Final = "E-CAP-023"
LOST_FRAGMENT: Final = "E-CAP-024"
LYING_FRAGMENT: Final = "E-CAP-025"
DEEP_TUNNEL: Final = "E-CAP-026"

MESSAGES: Final = {
    TRUNCATED: "the file ends within a record; everything before it was read",
    LYING_RECORD: "a record whose length cannot be true; reading went on at the next sound records",
    DAMAGED_COMPRESSION: "the compressed stream is damaged or ends early; what could be unpacked was read",
    LYING_BLOCK: "a pcapng block whose lengths contradict each other",
    UNKNOWN_INTERFACE: "a packet of an interface that its section does not describe",
    UNREAD_LINK: "a link type that is not read",
    BAD_DESCRIPTION: "a section or interface description that is damaged or one too many",
    BAD_TIME: "a time stamp beyond the year 2262",
    TRAILING: "bytes behind the compressed stream that are not compressed; they were not read",
    SNAPPED_FRAME: "frames of which the capture kept only the beginning",
    RUNT_FRAME: "frames that end within a header",
    LYING_IP: "IP headers whose lengths contradict themselves or their frame",
    LYING_TRANSPORT: "TCP or UDP headers whose lengths contradict themselves or their datagram",
    LOST_FRAGMENT: "IP fragments whose datagram never became whole",
    LYING_FRAGMENT: "IP fragments that overlap or reach beyond a datagram's largest size",
    DEEP_TUNNEL: "frames with more layers inside each other than are followed",
}


class FaultLog:
    """Adds faults up per code, straight into the report of one input."""

    def __init__(self, report: InputReport) -> None:
        self._report = report
        self._row: dict[str, int] = {}

    def add(self, code: str, offset: int, count: int = 1, detail: str = "") -> None:
        """Count ``count`` faults; the first one's offset and detail stay."""
        faults = self._report.faults
        row = self._row.get(code)
        if row is not None:
            faults[row] = replace(faults[row], count=faults[row].count + count)
            return
        self._row[code] = len(faults)
        message = MESSAGES[code] + (f": {detail}" if detail else "")
        faults.append(Fault(code, message, self._report.path, offset, count))
