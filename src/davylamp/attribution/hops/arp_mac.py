"""Address and MAC tables of switches and hosts, as their commands print them.

Reads     Cisco ``show ip arp`` and ``show mac address-table``, Huawei and H3C ``display arp`` and
          ``display mac-address``, ``ip neigh``; the prompt before a command names the device, ``show clock``,
          ``display clock`` and ``*10:02:03.123 UTC Tue Jun 4 2024`` lines its time
Yields    Binding and PortEntry, at the time the device told last, else at the file's
Misses    tables that were pasted without prompt have no device's name; permanent entries are taken as seen then
Source    Cisco IOS command references; ip-neighbour(8); the column order of Huawei S-series and H3C
          Comware 7 was not checked on a device: unverified
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Binding, Line, Outcome, PortEntry, Seen
from davylamp.attribution.hops.times import to_ns

NAME: Final = "arp_mac"
_MAC: Final = r"(?P<mac>(?:[0-9A-Fa-f]{4}[.\-]){2}[0-9A-Fa-f]{4}|(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2})"
_IP: Final = r"(?P<ip>\d{1,3}(?:\.\d{1,3}){3})"
_CISCO_ARP: Final = re.compile(rf"^\s*Internet\s+{_IP}\s+(?P<age>\d+|-)\s+{_MAC}\s+ARPA\b")
_OTHER_ARP: Final = re.compile(rf"^\s*{_IP}\s+{_MAC}\s+\S")
_NEIGH: Final = re.compile(
    rf"^\s*(?P<ip>[0-9A-Fa-f.:]+)\s+dev\s+\S+\s+lladdr\s+{_MAC}\s+(?:router\s+)?(?P<state>[A-Z]+)"
)
_CISCO_MAC: Final = re.compile(
    rf"^[\s*]*(?P<vlan>\d+|All)\s+{_MAC}\s+(?P<kind>\w+)\s+(?:.*\s)?(?P<port>\S+)\s*$"
)
_OTHER_MAC: Final = re.compile(rf"^\s*{_MAC}\s+(?P<vlan>\d+(?:/\S*)?)\s+(?P<rest>\S.*)$")
_PORT: Final = re.compile(
    r"^(?:Gi|Te|Fa|Eth|Et|Po|Twe|Hu|Fo|GE|XGE|FGE|MGE|Eth-Trunk|BAGG|Bridge|Ten|[0-9A-Za-z\-]*Ethernet)[\w\-]*\d[\d/.:]*$",
    re.I,
)
_PROMPT: Final = re.compile(
    r"^\s*[<\[]?(?P<host>[A-Za-z][\w.\-]{0,62})[>#\]]\s*(?P<what>(?:sh|show|dis|display)\b.*)$"
)
_CLOCK: Final = re.compile(
    r"^[*.]?(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)\s+(?P<zone>[A-Z]{2,5})\s+\w{3}\s+(?P<day>[A-Z][a-z]{2}\s+\d{1,2}\s+\d{4})\s*$"
)
_STAMP: Final = re.compile(r"^\s*(\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(?:[+-]\d\d:\d\d)?)\s*$")
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


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines hold such a table."""
    head = [s for s in head if len(s) <= ROW_CHARACTERS]
    return any(p.match(s) for s in head for p in (_CISCO_ARP, _NEIGH, _OTHER_MAC, _OTHER_ARP)) or any(
        _is_port_row(_CISCO_MAC.match(s)) for s in head
    )


def _is_port_row(match: re.Match[str] | None) -> bool:
    return match is not None and match["kind"].lower() in DYNAMIC | {"static"}


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
    """Take in a prompt or a clock; a clock that cannot be read leaves the time as it was."""
    prompt = _PROMPT.match(line)
    if prompt is not None:
        return told._replace(switch=prompt["host"])
    clock, stamp = _CLOCK.match(line), _STAMP.match(line)
    try:
        if clock is not None:
            zone = " UTC" if clock["zone"] in ("UTC", "GMT") else ""
            month, day, year = clock["day"].split()
            return told._replace(
                at_ns=to_ns(f"{month} {day} {year} {clock['clock']}{zone}", about), is_guessed=False
            )
        if stamp is not None:
            return told._replace(at_ns=to_ns(stamp[1], about), is_guessed=False)
    except ValueError:
        return told
    return told


def parse_line(line: Line, about: About, told: Told) -> Outcome:
    """One row of a table; the device's own and dead entries are not ours.

    Raises:
        ValueError: when an address or MAC is none.
    """
    note = "the table bears no time, the file's was taken" if told.is_guessed else ""
    source = about.recorder(told.switch)
    if (row := _CISCO_ARP.match(line.text)) is not None:
        if row["age"] == "-":
            return None
        # An ARP entry's age counts from when the address was last heard.
        at_ns = told.at_ns - int(row["age"]) * 60 * NS
        seen = Seen(source, line.number, at_ns, told.at_ns, note)
        return text.one(Binding(seen, text.ip(row["ip"]), text.mac(row["mac"])))
    seen = Seen(source, line.number, told.at_ns, told.at_ns, note)
    if (row := _NEIGH.match(line.text)) is not None:
        if row["state"] in DEAD:
            return None
        return text.one(Binding(seen, text.ip(row["ip"]), text.mac(row["mac"])))
    if (row := _OTHER_ARP.match(line.text)) is not None:
        if set(line.text.split()[2:]) & {"I", "I-", "-"}:  # the device's own address
            return None
        return text.one(Binding(seen, text.ip(row["ip"]), text.mac(row["mac"])))
    return _port_row(line, seen, told)


def _port_row(line: Line, seen: Seen, told: Told) -> Outcome:
    """A row of a MAC table: Cisco begins with the VLAN, the others with the MAC."""
    row = _CISCO_MAC.match(line.text)
    if row is not None:
        if row["kind"].lower() not in DYNAMIC or not _PORT.match(row["port"]):
            return None
        return text.one(PortEntry(seen, text.mac(row["mac"]), told.switch, row["port"]))
    row = _OTHER_MAC.match(line.text)
    if row is None:
        return None
    words = row["rest"].split()
    port = next((w for w in words if _PORT.match(w)), "")
    if not port or not {w.lower() for w in words} & DYNAMIC:
        return None
    return text.one(PortEntry(seen, text.mac(row["mac"]), told.switch, port))
