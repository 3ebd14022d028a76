"""Carrier-grade NAT: port blocks given to inside addresses.

Reads     Cisco IOS XR/CGSE bulk allocation "[UserbasedA - inside vrf - outside - first last]" (D or W withdraws), the
          carriers' forms of it that H3C, HP and Huawei write ("NAT444:userbasedA [17 inside - outside - first last]",
          "NAT444: SessionA[...]"); A10 CEF "CGN 106/107" (blocks) and "CGN 100/101" (ports), A10 NAT-TCP-C and
          NAT-UDP-C, FIXED-NAT-PORTS; a CSV of blocks (inside, outside, first and last port, with or without times),
          which is also how a deterministic mapping (RFC 7422) is handed in
Yields    Nat with a range of ports
Misses    deterministic mappings that are only in a device's configuration: hand them in as CSV; session lines of a
          template that the operator composed (damage: their columns cannot be told)
Source    Cisco CGv6 configuration guide, syslog format; HP VPN Firewall guide, china-telecom and
          china-unicom-nat444 formats; Huawei NE40E guide, NAT flexible template; A10 Thunder lines that a carrier's
          public consumer of them tests against; RFC 6888, 7422
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Damage, Line, Nat, Outcome, Phase, Row, Seen
from davylamp.attribution.hops.syslog import read_head
from davylamp.attribution.hops.text import PROTOCOLS
from davylamp.attribution.hops.times import to_ns
from davylamp.records import Endpoint

NAME: Final = "cgn"
_USER: Final = re.compile(
    r"(?:\[\s*(?P<in>(?:User|Session)based[ADW])\b|\b(?P<before>(?:(?:User|Session)based|Session)[ADW])\s?\[)"
    r"(?P<words>[^\]]{0,400})\]",
    re.IGNORECASE,
)
_MAPPING: Final = re.compile(
    r"\bNAT-(?P<proto>TCP|UDP)-(?P<what>[CD]): (?P<in>[\d.]+):\s?(?P<inp>\d+)\s?(?:->|<-->)\s?"
    r"(?P<out>[\d.]+):\s?(?P<outp>\d+)"
)
_CEF: Final = re.compile(r"CEF:\d\|A10\|[^|]*\|[^|]*\|CGN (100|101|106|107)\|[^|]*\|[^|]*\|(.*)")
_CEF_PAIR: Final = re.compile(r"\b(\w+)=(\S+)")
_FIXED: Final = re.compile(r"FIXED-NAT-PORTS:?\s+([\d.]+)\s*->\s*([\d.]+):(\d+)-(\d+)")
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
ALIASES: Final[text.Aliases] = {
    "in": ("inside", "insideip", "internal", "internalip", "privateip", "subscriber", "内网ip", "内网地址", "私网ip",
           "私网地址"),
    "out": ("outside", "outsideip", "external", "externalip", "publicip", "公网ip", "公网地址", "外网ip", "外网地址"),
    "first": ("firstport", "startport", "portstart", "起始端口", "端口起始"),
    "last": ("lastport", "endport", "portend", "终止端口", "结束端口", "端口结束"),
    "from": ("from", "start", "starttime", "begin", "allocated", "开始时间", "起始时间", "分配时间"),
    "to": ("to", "end", "endtime", "released", "结束时间", "终止时间", "释放时间"),
}  # fmt: skip
NEEDED: Final = (("in",), ("out",), ("first",), ("last",))


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines are block allocations of any of the shapes."""
    if any(p.search(s) for s in head for p in (_USER, _CEF, _FIXED, _MAPPING)):
        return True
    return text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's or row's outcome."""
    buffered, rest = [], iter(lines)
    for line in rest:
        buffered.append(line)
        if len(buffered) >= text.HEAD_LINES:
            break
    everything = _chain(buffered, rest)
    if text.find_head([line.text for line in buffered], ALIASES, NEEDED) is not None:
        return text.read_table(everything, about, ALIASES, NEEDED, parse_row)
    return text.read_lines(everything, about, parse_line)


def _chain(first: Iterable[Line], rest: Iterable[Line]) -> Iterator[Line]:
    yield from first
    yield from rest


def parse_line(line: Line, about: About) -> Outcome:
    """One allocation or withdrawal.

    Raises:
        ValueError: when an address, port or time is none.
    """
    if (user := _USER.search(line.text)) is not None:
        return _userbased(user, line, about)
    if (cef := _CEF.search(line.text)) is not None:
        return _cef(cef, line, about)
    if (mapping := _MAPPING.search(line.text)) is not None:
        return _mapping(mapping, line, about)
    if (fixed := _FIXED.search(line.text)) is not None:
        head = read_head(line.text[: fixed.start()], about)
        seen = Seen(about.recorder(head.host), line.number, head.at_ns, None)
        return _block(seen, (fixed[1], fixed[2]), (fixed[3], fixed[4]), "open")
    return None


def _userbased(match: re.Match[str], line: Line, about: About) -> Outcome:
    """The first two addresses are inside and outside; behind them an empty original port and the block.

    An original port that is there makes it a session, whose columns differ from maker to maker.
    """
    name, words = match["in"] or match["before"], match["words"].split()
    places = [i for i, w in enumerate(words) if _ADDRESS.fullmatch(w)]
    if len(places) < 2:
        return Damage(line.number, "an allocation without two addresses")
    ports = words[places[1] + 1 : places[1] + 4]
    if len(ports) < 3 or ports[0] != "-" or name.lower().startswith("sessionbased"):
        return Damage(
            line.number, "a line about a session or of an unknown template, not about a block of ports"
        )
    head = read_head(line.text[: match.start()], about)
    phase: Phase = "open" if name[-1] in "Aa" else "close"
    ends = (head.at_ns, None) if phase == "open" else (None, head.at_ns)
    seen = Seen(about.recorder(head.host), line.number, *ends)
    proto = words[0] if places[0] > 0 and words[0] in PROTOCOLS else ""
    return _block(seen, (words[places[0]], words[places[1]]), (ports[1], ports[2]), phase, proto)


def _mapping(match: re.Match[str], line: Line, about: About) -> Outcome:
    """A10's line of one port."""
    head = read_head(line.text[: match.start()], about)
    phase: Phase = "open" if match["what"] == "C" else "close"
    ends = (head.at_ns, None) if phase == "open" else (None, head.at_ns)
    seen = Seen(about.recorder(head.host), line.number, *ends)
    ports = (match["outp"], match["outp"])
    return _block(seen, (match["in"], match["out"]), ports, phase, match["proto"], match["inp"])


def _cef(match: re.Match[str], line: Line, about: About) -> Outcome:
    cells: dict[str, str] = dict(_CEF_PAIR.findall(match.group(2)))
    if not {"src", "sourceTranslatedAddress", "sourceTranslatedPort"} <= cells.keys():
        return Damage(line.number, "a message without source and translated source")
    first = cells["sourceTranslatedPort"]
    last = (cells.get("cn3") or first) if match.group(1) in ("106", "107") else first
    phase: Phase = "open" if match.group(1) in ("100", "106") else "close"
    head = read_head(line.text[: match.start()], about)
    ends = (head.at_ns, None) if phase == "open" else (None, head.at_ns)
    seen = Seen(about.recorder(head.host), line.number, *ends)
    ends_of = (cells["src"], cells["sourceTranslatedAddress"])
    own = cells.get("spt", "0") if match.group(1) in ("100", "101") else "0"
    return _block(seen, ends_of, (first, last), phase, cells.get("proto", ""), own)


def _block(
    seen: Seen,
    addresses: tuple[str, str],
    ports: tuple[str, str],
    phase: Phase,
    proto: str = "",
    own: str = "0",
) -> Outcome:
    """Inside and outside address, first and last outside port, and the inside port where there is but one."""
    inside, outside = text.ip(addresses[0]), text.ip(addresses[1])
    first, last = text.port(ports[0]), text.port(ports[1])
    if first > last:
        raise ValueError(f"ports {first}-{last} run backwards")
    number = PROTOCOLS.get(proto.lower(), 0)
    key = f"block {number} {inside} {outside} {first}"
    return text.one(
        Nat(seen, Endpoint(inside, text.port(own)), outside, first, last, number, None, phase, key)
    )


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One row of a list of blocks; without times it holds always."""
    from_ns = to_ns(row["from"], about) if row.get("from") else None
    until_ns = to_ns(row["to"], about) if row.get("to") else None
    seen = Seen(about.source, number, from_ns, until_ns)
    return _block(seen, (row["in"], row["out"]), (row["first"], row["last"]), "span")
