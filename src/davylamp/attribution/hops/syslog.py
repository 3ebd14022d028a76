"""The head of a syslog line: when, and which recorder.

A relay puts its own stamp in front of the device's. The device's own counts, since it is the clock that the
offset is estimated for; of several the last with a year is taken. A zone's abbreviation behind the stamp (EDT, CST)
is no name and says too little to be reckoned with: the source's zone holds. OpenWrt and others put facility and
level there. Source: RFC 3164 section 4.1, RFC 5424 section 6.2; elastic/integrations test-asa-tz-mapping.log for
zones.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from davylamp.attribution.hops.record import About
from davylamp.attribution.hops.times import find_stamp

_ZONE: Final = (
    "UTC|GMT|Z|[ECMP][SD]T|AK[SD]T|HST|BRT|ART|WEST|WET|BST|IST|CEST|CET|EEST|EET|MSK|SAST|GST|PKT|ICT|WIB|HKT|SGT|"
    "JST|KST|A[CEW][SD]T|NZ[SD]T"
)
_LEVEL: Final = (
    r"(?:kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local[0-7])"
    r"\.(?:emerg|alert|crit|err|error|warn|warning|notice|info|debug)"
)
_HOST: Final = re.compile(
    rf"\s*(?:(?:{_ZONE})(?=[\s:]|$))?\s*:?\s*(?:{_LEVEL}(?=[\s:]|$)\s*)?(?P<host>[^\W_][\w.\-&]{{0,62}})?(?=[\s:]|$)"
)


class Head(NamedTuple):
    """What stands before the message."""

    at_ns: int
    host: str


@lru_cache(maxsize=8192)  # busy recorders write many lines a second under one head
def read_head(text: str, about: About) -> Head:
    """The time and recorder of the part of a line that precedes its message.

    Raises:
        ValueError: when there is no time stamp in it.
    """
    stamp = find_stamp(text, about, last=True)
    if stamp is None:
        raise ValueError("no time stamp that can be read")
    host = _host_behind(text, stamp.end)
    if not host:  # a device that writes no name of its own has the one that the relay gave it
        first = find_stamp(text, about)
        host = _host_behind(text, first.end) if first is not None else ""
    return Head(stamp.at_ns, host)


def recorder_of(text: str, about: About) -> str:
    """The source with the recorder's name, for lines whose fields carry the time; their head may hold no stamp."""
    try:
        return about.recorder(read_head(text, about).host)
    except ValueError:
        return about.source


def _host_behind(text: str, start: int) -> str:
    match = _HOST.match(text, start)
    return (match["host"] or "") if match is not None else ""
