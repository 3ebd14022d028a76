"""What nfdump prints of translations to a terminal: its nsel and nel lines.

Reads     ``time event [xevent] proto inside:port -> remote:port outside:port -> remote:port`` below its head line
Yields    Nat. CREATE and ADD open one. The time of a DELETE is the flow's beginning on some exporters and its end on
          others: it ends a translation that was seen to open earlier, and by itself shows only that it was there
Misses    IPv6 addresses that nfdump shortened to fit (damage); other output formats: its CSV is read by nsel
Source    nfdump(1), formats nsel and nel; an operator's output quoted in a public repository (lines of 2016), and lines
          without translation in others
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.nsel import UNSURE
from davylamp.attribution.hops.record import About, Line, Nat, Outcome, Seen
from davylamp.attribution.hops.times import to_ns
from davylamp.records import Endpoint

NAME: Final = "nfdump"
MOST_OPEN: Final = 1_000_000  # judged: some 200 MB; a carrier's box has about as many translations
_ROW: Final = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?)\s+(?P<event>[A-Za-z]+)\s+(?:(?P<more>[A-Za-z]+)\s+)?"
    r"(?P<proto>TCP|UDP|ICMP6?|\d{1,3})\s+(?P<in>\S+)\s*->\s*(?P<dst>\S+)\s+(?P<out>\S+)\s*->\s*\S+"
)
ROW_CHARACTERS: Final = 400  # judged: such rows fit a wide terminal
OPENS: Final = frozenset({"CREATE", "ADD"})
ENDS: Final = frozenset({"DELETE"})


def looks(head: Sequence[str]) -> bool:
    """Whether any of the first lines has both address pairs."""
    return any(len(s) <= ROW_CHARACTERS and _ROW.match(s) for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    begun: dict[str, int] = {}
    for outcome in text.read_lines(lines, about, parse_line):
        yield _settled(outcome, begun) if isinstance(outcome, tuple) else outcome


def _settled(outcome: Outcome, begun: dict[str, int]) -> Outcome:
    """A DELETE as an end where its opening was seen before it, else as an observation of one moment."""
    if not isinstance(outcome, tuple) or not isinstance(nat := outcome[0], Nat):
        return outcome
    at_ns = nat.seen.from_ns if nat.phase == "open" else nat.seen.to_ns
    if at_ns is None:
        return outcome
    if nat.phase == "open":
        if len(begun) < MOST_OPEN:
            begun[nat.key] = at_ns
        return outcome
    opened_ns = begun.pop(nat.key, None)
    if opened_ns is not None and at_ns > opened_ns:
        return outcome
    if opened_ns is not None:  # its own beginning told again: the end stays unknown
        return None
    moment = replace(nat.seen, from_ns=at_ns, note=UNSURE)
    return (replace(nat, seen=moment, phase="span"),)


def parse_line(line: Line, about: About) -> Outcome:
    """One row; other events, other protocols and untranslated flows are not ours.

    Raises:
        ValueError: when an address, a port or the time is none.
    """
    row = _ROW.match(line.text) if len(line.text) <= ROW_CHARACTERS else None
    if row is None:
        return None
    event = row["event"].upper()
    proto = text.PROTOCOLS.get(row["proto"].lower())
    if event not in OPENS | ENDS or proto in (None, 1):
        return None
    inside, outside, remote = (_end(row[name]) for name in ("in", "out", "dst"))
    if inside == outside or outside.ip in ("0.0.0.0", "::"):  # noqa: S104 - nfdump's empty
        return None
    at_ns = to_ns(row["at"], about)
    opens = event in OPENS
    seen = Seen(about.source, line.number, *((at_ns, None) if opens else (None, at_ns)))
    key = f"{proto} {inside} {outside} {remote}"
    ports = (outside.port, outside.port)
    return text.one(
        Nat(seen, inside, outside.ip, *ports, proto or 0, remote, "open" if opens else "close", key)
    )


def _end(cell: str) -> Endpoint:
    """``1.2.3.4:5``, and for IPv6 ``2001:db8::1.5``."""
    mark = "." if cell.count(":") > 1 else ":"
    address, _, number = cell.rpartition(mark)
    return text.endpoint(address, number)
