"""Huawei firewall session log (SECLOG) in its default and in its "mtn" content.

Reads     SESSION_BUILT, SESSION_PERIODICALLY, SESSION_TEARDOWN and SESSION_AGINGOUT with SourceNatIP and BeginTime in
          Unix seconds; "Built a tcp session, inside:port[outside:port] (zone) to remote:port (zone)"
Yields    Nat with the life that the line itself names; the mtn sentence has the time of its head only
Misses    the binary log and templates that an operator composed; the port block logs of NAT444 (see cgn); SESSION_URL,
          whose begin and end are one moment
Source    Huawei HiSecEngine USG6000E administrator guide, "Meanings of Log Fields" and "Syslogs"; a device's lines with
          SourceNatIP behind a relay are quoted in a public repository's parser
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Damage, Line, Nat, Outcome, Phase, Seen
from davylamp.attribution.hops.syslog import Head, read_head, recorder_of
from davylamp.attribution.hops.times import to_ns

NAME: Final = "huawei"
_MARK: Final = re.compile(r"(?:%%\d\d)?SECLOG/\d+/SESSION_(BUILT|PERIODICALLY|TEARDOWN|AGINGOUT)\S{0,40}?:")
_MTN: Final = re.compile(
    r"\s*\w+ an? (?P<proto>tcp|udp) session, (?P<in>[\d.]+):(?P<inp>\d+)\[(?P<out>[\d.]+):(?P<outp>\d+)\]\s*"
    r"\([^)]*\) to (?P<dst>[\d.]+):(?P<dstp>\d+)",
    re.IGNORECASE,
)
OPENS: Final = frozenset({"BUILT", "PERIODICALLY"})
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
    phase: Phase = "open" if mark.group(1) in OPENS else "close"
    if (mtn := _MTN.match(line.text, mark.end())) is not None:
        return _sentence(mtn, phase, line, read_head(line.text[: mark.start()], about), about)
    cells = {k: v.strip(" .") for k, v in _PAIR.findall(line.text[mark.end() :])}
    proto = text.PROTOCOLS.get(cells.get("Protocol", "").lower())
    if proto is None or "SourceNatIP" not in cells:
        return None
    needed = ("SourceIP", "SourcePort", "SourceNatPort", "DestinationIP", "DestinationPort", "BeginTime")
    if missing := [k for k in needed if k not in cells]:
        return Damage(line.number, f"a session without {', '.join(missing)}")
    inside = text.endpoint(cells["SourceIP"], cells["SourcePort"])
    outside = text.endpoint(cells["SourceNatIP"], cells["SourceNatPort"])
    if inside == outside:
        return None
    remote = text.endpoint(cells["DestinationIP"], cells["DestinationPort"])
    source = recorder_of(line.text[: mark.start()], about)
    from_ns = to_ns(cells["BeginTime"], about)
    ended = cells.get("EndTime", "") if phase == "close" else ""
    until_ns = to_ns(ended, about) if ended.strip("0") else None
    key = f"{proto} {inside} {outside} {remote}"
    seen = Seen(source, line.number, from_ns, until_ns)
    ports = (outside.port, outside.port)
    return text.one(Nat(seen, inside, outside.ip, *ports, proto, remote, phase, key))


def _sentence(match: re.Match[str], phase: Phase, line: Line, head: Head, about: About) -> Outcome:
    """The mtn content: a sentence, timed by its head."""
    inside, outside = text.endpoint(match["in"], match["inp"]), text.endpoint(match["out"], match["outp"])
    if inside == outside:
        return None
    remote, proto = text.endpoint(match["dst"], match["dstp"]), text.protocol(match["proto"])
    ends = (head.at_ns, None) if phase == "open" else (None, head.at_ns)
    seen = Seen(about.recorder(head.host), line.number, *ends)
    key = f"{proto} {inside} {outside} {remote}"
    return text.one(Nat(seen, inside, outside.ip, outside.port, outside.port, proto, remote, phase, key))
