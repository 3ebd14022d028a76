"""H3C (Comware 7) NAT and session flow logs, and the older userlog in text.

Reads     NAT/6/NAT_FLOW, NAT_IPV4_MATCH, SESSION/6/SESSION_IPV4_FLOW: name(number)=value pairs separated by
          semicolons; USERLOG/7/NAT: inside--->outside; remote; [begin-end]
Yields    Nat with BeginTime and EndTime where the line has them, else the time of its head
Misses    the binary flow log; port block logs in Comware's own words (their carrier formats are read by cgn)
Source    H3C Comware 7 System Log Messages Reference; 3Com Switch 8800 configuration guide (USERLOG); lines of F1050,
          F1000 and F5020 devices that public repositories quote. In all of them that have a stamp of the device's local
          time too (UTC+8), BeginTime_e and EndTime_e are eight hours behind it: they are in UTC whatever the zone
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Damage, Line, Nat, Outcome, Phase, Seen
from davylamp.attribution.hops.syslog import read_head, recorder_of
from davylamp.attribution.hops.times import to_ns

NAME: Final = "h3c"
_MARK: Final = re.compile(r"(?:NAT|SESSION)/\d/(?:NAT|SESSION)\w*\s*:", re.IGNORECASE)
_PAIR: Final = re.compile(r"\b\w+\((\d{4})\)=([^;]*)")
_USERLOG: Final = re.compile(
    r"USERLOG/\d/NAT:\s*(?P<proto>\w+)\s*;\s*(?P<in>[\d.]+):(?P<inp>\d+)--->(?P<out>[\d.]+):(?P<outp>\d+)\s*;"
    r"\s*(?P<dst>[\d.]+):(?P<dstp>\d+)\s*;\s*\[(?P<from>[^\]\-]+)-(?P<to>[^\]]+)\]"
)
CREATED: Final = "(8)"
NEVER: Final = "0000/00/00 00:00:00"


def looks(head: Sequence[str]) -> bool:
    """Whether any of the first lines is one of these messages."""
    return any((_MARK.search(s) and "(1003)=" in s) or _USERLOG.search(s) for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One flow; untranslated ones and other protocols are not ours.

    Raises:
        ValueError: when a field is not what it should be.
    """
    old = _USERLOG.search(line.text)
    if old is not None:
        cells = {
            "1001": old["proto"], "1003": old["in"], "1004": old["inp"], "1005": old["out"], "1006": old["outp"],
            "1007": old["dst"], "1008": old["dstp"], "1013": old["from"], "1014": old["to"],
        }  # fmt: skip
        start, timing = old.start(), about
    else:
        mark = _MARK.search(line.text)
        if mark is None:
            return None
        cells, start = dict(_PAIR.findall(line.text[mark.end() :])), mark.start()
        timing = replace(about, zone=UTC)
    proto = text.PROTOCOLS.get(cells.get("1001", "").lower())
    if proto is None or proto == 1 or not cells.get("1005"):
        return None
    if missing := [k for k in ("1003", "1004", "1006", "1007", "1008") if not cells.get(k)]:
        return Damage(line.number, f"a flow without field {', '.join(missing)}")
    return _flow(cells, proto, Line(line.number, line.text[:start]), about, timing)


def _flow(cells: dict[str, str], proto: int, head: Line, about: About, timing: About) -> Outcome:
    """A translated flow; ``head`` is the part of the line before its fields, ``timing`` how their times are read."""
    inside = text.endpoint(cells["1003"], cells["1004"])
    outside = text.endpoint(cells["1005"], cells["1006"])
    if inside == outside:
        return None
    remote = text.endpoint(cells["1007"], cells["1008"])
    from_ns = to_ns(cells["1013"], timing) if cells.get("1013", "").strip() else None
    ended = cells.get("1014", "").strip()
    until_ns = to_ns(ended, timing) if ended and ended != NEVER else None
    if from_ns is None and until_ns is None:
        from_ns = read_head(head.text, about).at_ns
    created = cells.get("1048", "").startswith(CREATED) or (until_ns is None and from_ns is not None)
    phase: Phase = "open" if created else "close"
    if phase == "close" and until_ns is None:
        from_ns, until_ns = None, from_ns
    key = f"{proto} {inside} {outside} {remote}"
    seen = Seen(recorder_of(head.text, about), head.number, from_ns, until_ns)
    return text.one(Nat(seen, inside, outside.ip, outside.port, outside.port, proto, remote, phase, key))
