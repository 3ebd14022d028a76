"""Address and MAC tables of switches and hosts, as their commands print them.

Reads     ARP and neighbor tables of Cisco IOS, NX-OS and IOS XR, Huawei VRP, H3C Comware, Ruijie, ``ip neigh``,
          ``arp`` of Linux and Windows; MAC tables of the same switches. The prompt before a command names the
          device; ``show clock``, ``display clock`` and ``*10:02:03.123 UTC Tue Jun 4 2024`` lines its time
Yields    Binding and PortEntry, at the time the device told last, else at the file's
Misses    tables that were pasted without prompt have no device's name; entries of several ports. A static entry is
          taken as seen then: port security and 802.1X write theirs so, but so does a hand
Source    Cisco IOS command references; ip-neighbour(8); outputs of devices in networktocode/ntc-templates tests
          (cisco_ios, cisco_nxos, huawei_vrp, hp_comware), Ruijie's in public notes
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from itertools import pairwise
from typing import Final, NamedTuple

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Binding, Line, Outcome, PortEntry, Seen
from davylamp.attribution.hops.times import duration_ns, to_ns, tzinfo_of

NAME: Final = "arp_mac"
_MAC: Final = r"(?P<mac>(?:[0-9A-Fa-f]{4}[.\-]){2}[0-9A-Fa-f]{4}|(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2})"
_IP4: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
_IP: Final = rf"(?P<ip>{_IP4}|[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:.]{{1,38}})"
_AGED: Final = re.compile(
    rf"^\s*(?:Internet\s+)?{_IP}\s+(?P<age>\d+|-|\d+:\d\d:\d\d|(?:\d+[ywdhm]){{1,3}})\s+{_MAC}\s+(?:[*+#DCR]{{1,4}}\s+)?\S",
    re.IGNORECASE,
)
_OTHER_ARP: Final = re.compile(rf"^\s*{_IP}\s+{_MAC}\s+\S")
_NEIGH: Final = re.compile(
    rf"^\s*(?P<ip>[0-9A-Fa-f.:]+)\s+dev\s+\S+\s+lladdr\s+{_MAC}\s+(?:router\s+)?(?P<state>[A-Z]+)"
)
_UNIX_ARP: Final = re.compile(
    rf"^(?:\S+\s+\((?P<a>{_IP4})\)\s+at|(?P<b>{_IP4})\s+(?:ether|0x1\s+0x[1-9a-f]))\s+{_MAC}\s"
)
_V6_HEAD: Final = re.compile(r"^\s*IPv6 Address\s*:\s*(?P<ip>[0-9A-Fa-f:.]{2,39})\s*$", re.IGNORECASE)
_V6_REST: Final = re.compile(rf"^\s*Link[\- ]layer\s*:\s*{_MAC}\s", re.IGNORECASE)
_CISCO_MAC: Final = re.compile(
    rf"^[\s*+]*(?:[A-Z#~]\s+)?(?P<vlan>\d+|All|N/A)\s+{_MAC}\s+(?P<kind>\w+)\s+(?P<rest>\S.*)$"
)
_OTHER_MAC: Final = re.compile(rf"^\s*{_MAC}\s+(?P<vlan>\d+(?:/\S*)?)\s+(?P<rest>\S.*)$")
_PORT: Final = re.compile(
    r"^(?:Gi|Te|Fa|Eth|Et|Po|Twe|Hu|Fo|Ag|(?:\d{1,3}|[XFHTWM]|Multi)?GE|M-GE|Eth-Trunk|BAGG|RAGG|Bridge|Route-Agg|Ten"
    r"|AggregatePort|[0-9A-Za-z\-]*Ethernet)[\w\-]*\d[\d/.:]*$",
    re.IGNORECASE,
)
_PORT_KIND: Final = re.compile(
    r"^(?:[0-9A-Za-z\-]*Ethernet|AggregatePort|Port-channel|Mg|Gi|Te)$", re.IGNORECASE
)
_PORT_PLACE: Final = re.compile(r"^\d[\d/.:]*$")
_SINCE: Final = re.compile(r"\s(\d{4}-\d{1,2}-\d{1,2} \d\d:\d\d:\d\d)\s*$")
_PROMPT: Final = re.compile(
    r"^\s*[<\[]?(?P<host>[^\W\d_][\w.\-]{0,62})[>#\]]\s*(?P<what>(?:sh|show|dis|display)\b.*)$"
)
_CLOCK: Final = re.compile(
    r"^[*.]?(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)\s+(?P<zone>\S{1,32})\s+\w{3}\s+"
    r"(?:(?P<day>[A-Z][a-z]{2}\s+\d{1,2}\s+\d{4})|(?P<date>\d\d/\d\d/\d{4}))\s*$"
)
_STAMP: Final = re.compile(r"^\s*(\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(?:[+-]\d\d:\d\d)?)\s*$")
_ZONE: Final = re.compile(
    r"^\s*Time Zone\b.{0,40}?(?:(?P<word>add|minus)\s+|UTC\s?(?P<sign>[+-]))(?P<h>\d\d?):(?P<mi>\d\d)",
    re.IGNORECASE,
)
_UNITS_S: Final = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60}
STATIC: Final = "static"
STATIC_NOTE: Final = "a static entry: bound by port security, 802.1X or by hand"
ROW_CHARACTERS: Final = (
    400  # judged: rows of such tables fit a terminal; longer lines cost the patterns too much
)
DEAD: Final = frozenset({"FAILED", "INCOMPLETE", "NOARP"})
DYNAMIC: Final = frozenset({"dynamic", "learned", "learn", "sticky", "security", "authen", "secure"})


class Told(NamedTuple):
    """What the lines before said of the device and the time."""

    switch: str
    at_ns: int
    is_guessed: bool
    clock: str = ""  # the time as it was written, where no zone that says anything stood with it
    ip6: str = ""  # the address whose MAC the next lines name


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines hold such a table."""
    head = [s for s in head if len(s) <= ROW_CHARACTERS]
    rows = (_AGED, _NEIGH, _OTHER_MAC, _OTHER_ARP, _UNIX_ARP, _V6_REST)
    return any(p.match(s) for s in head for p in rows) or any(_is_port_row(_CISCO_MAC.match(s)) for s in head)


def _is_port_row(match: re.Match[str] | None) -> bool:
    return match is not None and match["kind"].lower() in DYNAMIC | {STATIC}


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome, under the device and time told before it."""
    told = Told("", about.reference_ns, about.timed_by_file)
    for line in lines:
        if len(line.text) > ROW_CHARACTERS:
            yield None
            continue
        told = listen(line.text, told, about)
        yield from text.read_lines([line], about, lambda one, a, t=told: parse_line(one, a, t))  # type: ignore[misc]


def listen(line: str, told: Told, about: About) -> Told:
    """Take in a prompt, a clock, a zone or an address; a clock that cannot be read leaves the time as it was."""
    if (prompt := _PROMPT.match(line)) is not None:
        return told._replace(switch=prompt["host"], clock="")
    if (address := _V6_HEAD.match(line)) is not None:
        return told._replace(ip6=address["ip"])
    try:
        if (clock := _CLOCK.match(line)) is not None:
            day = clock["date"] or clock["day"]
            known = clock["zone"] in ("UTC", "GMT")
            return _set_clock(told, f"{day} {clock['clock']}", about, UTC if known else None)
        if (stamp := _STAMP.match(line)) is not None:
            return _set_clock(told, stamp[1], about, None)
        if told.clock and (zone := _ZONE.match(line)) is not None:
            minutes = int(zone["h"]) * 60 + int(zone["mi"])
            west = zone["word"] == "minus" or zone["sign"] == "-"
            return _set_clock(told, told.clock, about, tzinfo_of(-minutes if west else minutes))
    except ValueError:
        return told
    return told


def _set_clock(told: Told, clock: str, about: About, zone: tzinfo | None) -> Told:
    at_ns = to_ns(clock, about if zone is None else replace(about, zone=zone))
    return told._replace(at_ns=at_ns, is_guessed=False, clock=clock)


def parse_line(line: Line, about: About, told: Told) -> Outcome:
    """One row of a table; the device's own and dead entries are not ours.

    Raises:
        ValueError: when an address or MAC is none.
    """
    note = "the table bears no time, the file's was taken" if told.is_guessed else ""
    source = about.recorder(told.switch)
    seen = Seen(source, line.number, told.at_ns, told.at_ns, note)
    if (row := _AGED.match(line.text)) is not None:
        if row["age"] == "-":
            return None
        # An entry's age counts from when the address was last heard.
        heard = Seen(source, line.number, told.at_ns - age_ns(row["age"]), told.at_ns, note)
        return _binding(heard, row["ip"], row["mac"])
    if (row := _NEIGH.match(line.text)) is not None:
        return None if row["state"] in DEAD else _binding(seen, row["ip"], row["mac"])
    if (row := _OTHER_ARP.match(line.text)) is not None:
        if set(line.text.split()[2:]) & {"I", "I-", "-"}:  # the device's own address
            return None
        return _binding(seen, row["ip"], row["mac"])
    if (row := _UNIX_ARP.match(line.text)) is not None:
        return _binding(seen, row["a"] or row["b"], row["mac"])
    if told.ip6 and (row := _V6_REST.match(line.text)) is not None:
        return _binding(seen, told.ip6, row["mac"])
    return _port_row(line, seen, told, about)


def age_ns(text_: str) -> int:
    """An entry's age: minutes, ``H:MM:SS``, or units as in ``1d02h``."""
    if text_.isdigit():
        return text.count(text_) * 60 * NS
    if ":" in text_:
        return duration_ns(text_)
    return sum(int(n) * _UNITS_S[unit] for n, unit in re.findall(r"(\d{1,4})([ywdhm])", text_.lower())) * NS


def _binding(seen: Seen, ip: str, mac: str) -> Outcome:
    """An address with its MAC; groups have no device."""
    return None if text.is_group(mac) else text.one(Binding(seen, text.ip(ip), text.mac(mac)))


def _port_row(line: Line, seen: Seen, told: Told, about: About) -> Outcome:
    """A row of a MAC table: Cisco and Ruijie begin with the VLAN, the others with the MAC."""
    row = _CISCO_MAC.match(line.text) or _OTHER_MAC.match(line.text)
    if row is None or text.is_group(row["mac"]):
        return None
    rest = row["rest"]
    kinds = {str(row.groupdict().get("kind") or "").lower(), *(w.lower() for w in rest.split())}
    port = port_of(rest.split())
    if not port or not kinds & (DYNAMIC | {STATIC}):
        return None
    if not kinds & DYNAMIC:
        seen = replace(seen, note="; ".join(filter(None, (seen.note, STATIC_NOTE))))
    elif (since := _SINCE.search(rest)) is not None and (at_ns := to_ns(since[1], about)) <= told.at_ns:
        seen = replace(seen, from_ns=at_ns)
    return text.one(PortEntry(seen, text.mac(row["mac"]), told.switch, port))


def port_of(words: Sequence[str]) -> str:
    """The one port among a row's words, with or without a blank inside its name; nothing where there are several."""
    ports = [w for w in words if _PORT.match(w)]
    ports += [
        f"{kind} {place}"
        for kind, place in pairwise(words)
        if _PORT_KIND.match(kind) and _PORT_PLACE.match(place)
    ]
    return ports[0] if len(ports) == 1 else ""
