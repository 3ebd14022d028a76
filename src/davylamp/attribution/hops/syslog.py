"""The head of a syslog line: when, and which recorder.

A relay puts its own stamp in front of the device's. The device's own counts, since it is the clock that the
offset is estimated for; of several the last with a year is taken.
Source: RFC 3164 section 4.1, RFC 5424 section 6.2.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from davylamp.attribution.hops.record import About
from davylamp.attribution.hops.times import find_stamp

_HOST: Final = re.compile(r"\s*:?\s*([A-Za-z0-9][\w.\-]{0,62})(?=[\s:]|$)")
_NO_HOST: Final = frozenset({"utc", "gmt", "z"})


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
    match = _HOST.match(text, stamp.end)
    host = match.group(1) if match is not None else ""
    return Head(stamp.at_ns, "" if host.lower() in _NO_HOST else host)
