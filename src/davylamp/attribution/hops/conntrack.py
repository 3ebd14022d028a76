"""Linux connection tracking: ``conntrack -E -o timestamp`` and ulogd's NFCT lines.

Reads     [NEW], [UPDATE] and [DESTROY] events with original and reply addresses
Yields    Nat, where the reply goes to another address than the original came from
Misses    events without a time (conntrack -E without -o timestamp) are damage; ``conntrack -L``, a list of what is now;
          iptables LOG lines: they are written before the translation and do not name the outer address
Source    conntrack(8), where nf_conntrack_timestamp adds delta-time to what is destroyed; outputs of conntrack -E that
          weaveworks/scope and others test against; ulogd2 output plugin LOGEMU/NFCT; kernel nf_conntrack
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Damage, Line, Nat, Outcome, Phase, Seen
from davylamp.attribution.hops.syslog import read_head
from davylamp.attribution.hops.times import to_ns

NAME: Final = "conntrack"
_EVENT: Final = re.compile(r"\[(NEW|UPDATE|DESTROY)\]")
_STAMP: Final = re.compile(r"^\s*\[\s*(\d{9,10}(?:\.\d{1,9})?)\s*\]")
_PAIR: Final = re.compile(r"\b(src|dst|sport|dport|SRC|DST|SPT|DPT)=([0-9A-Fa-f.:]+)")
_LASTED: Final = re.compile(r"\bdelta-time=(\d{1,9})\b")
_PROTO: Final = re.compile(r"(?:\]\s+(?:ipv[46]\s+\d+\s+)?|PROTO=)(tcp|udp|icmp|TCP|UDP|ICMP)\b")
_NAMES: Final = {"SRC": "src", "DST": "dst", "SPT": "sport", "DPT": "dport"}


def looks(head: Sequence[str]) -> bool:
    """Whether any of the first lines is a conntrack event."""
    return any(_EVENT.search(line) and len(_PAIR.findall(line)) >= 8 for line in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One event; updates, other protocols and untranslated connections are not ours.

    Raises:
        ValueError: when an address or a time is none.
    """
    event = _EVENT.search(line.text)
    if event is None or event.group(1) == "UPDATE":
        return None
    proto = _PROTO.search(line.text)
    if proto is None or proto.group(1).lower() == "icmp":
        return None
    ways: list[dict[str, str]] = [{}, {}]
    for key, value in _PAIR.findall(line.text):
        name = _NAMES.get(key, key)
        way = ways[0] if name not in ways[0] else ways[1]
        way.setdefault(name, value)
    if len(ways[0]) < 4 or len(ways[1]) < 4:
        return Damage(line.number, "an event without both directions")
    inside = text.endpoint(ways[0]["src"], ways[0]["sport"])
    remote = text.endpoint(ways[0]["dst"], ways[0]["dport"])
    outside = text.endpoint(ways[1]["dst"], ways[1]["dport"])
    if inside == outside:
        return None
    stamp = _STAMP.match(line.text)
    if stamp is not None:
        at_ns, source = to_ns(stamp.group(1), about), about.source
    else:
        head = read_head(line.text[: event.start()], about)
        at_ns, source = head.at_ns, about.recorder(head.host)
    number = text.protocol(proto.group(1))
    phase: Phase = "open" if event.group(1) == "NEW" else "close"
    lasted = _LASTED.search(line.text)
    began_ns = at_ns - int(lasted.group(1)) * NS if lasted is not None else None
    seen = Seen(source, line.number, *((at_ns, None) if phase == "open" else (began_ns, at_ns)))
    key = f"{number} {inside} {outside} {remote}"
    return text.one(Nat(seen, inside, outside.ip, outside.port, outside.port, number, remote, phase, key))
