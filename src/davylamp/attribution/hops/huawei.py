"""Huawei firewall session log (SECLOG) in its default syslog content.

Reads     SESSION_BUILT, SESSION_TEARDOWN and SESSION_AGINGOUT with SourceNatIP and BeginTime in Unix seconds
Yields    Nat with the life that the line itself names
Misses    the "mtn" content format and the binary one; the port block logs of NAT444 (see cgn)
Source    Huawei HiSecEngine USG6000E administrator guide, "Meanings of Log Fields"; the shape of a line with
          SourceNatIP was seen in public log samples, not on a device: unverified for other releases
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Damage, Line, Nat, Outcome, Seen
from davylamp.attribution.hops.syslog import read_head
from davylamp.attribution.hops.times import to_ns

NAME: Final = "huawei"
_MARK: Final = re.compile(r"(?:%%\d\d)?SECLOG/\d+/SESSION_(BUILT|TEARDOWN|AGINGOUT)\S{0,40}?:")
_PAIR: Final = re.compile(r"\b(\w+)=([^,]*)")


def looks(head: Sequence[str]) -> bool:
    """Whether any of the first lines is a session log of this shape."""
    return any(_MARK.search(line) for line in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One session; untranslated ones and other protocols are not ours.

    Raises:
        ValueError: when a field is not what it should be.
    """
    mark = _MARK.search(line.text)
    if mark is None:
        return None
    cells = {k: v.strip(" .") for k, v in _PAIR.findall(line.text[mark.end() :])}
    proto = text.PROTOCOLS.get(cells.get("Protocol", "").lower())
    if proto is None or "SourceNatIP" not in cells:
        return None
    if missing := [k for k in ("SourceIP", "SourcePort", "SourceNatPort", "BeginTime") if k not in cells]:
        return Damage(line.number, f"a session without {', '.join(missing)}")
    inside = text.endpoint(cells["SourceIP"], cells["SourcePort"])
    outside = text.endpoint(cells["SourceNatIP"], cells["SourceNatPort"])
    if inside == outside:
        return None
    remote = text.endpoint(cells["DestinationIP"], cells["DestinationPort"])
    source = _recorder(line.text[: mark.start()], about)
    from_ns = to_ns(cells["BeginTime"], about)
    until_ns = to_ns(cells["EndTime"], about) if cells.get("EndTime") else None
    key = f"{proto} {inside} {outside} {remote}"
    seen = Seen(source, line.number, from_ns, until_ns)
    phase = "open" if mark.group(1) == "BUILT" else "close"
    ports = (outside.port, outside.port)
    return text.one(Nat(seen, inside, outside.ip, *ports, proto, remote, phase, key))  # type: ignore[arg-type]


def _recorder(head: str, about: About) -> str:
    """The device's name; the head may hold no stamp, since the fields carry the time."""
    try:
        return about.recorder(read_head(head, about).host)
    except ValueError:
        return about.source
