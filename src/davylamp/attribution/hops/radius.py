"""RADIUS accounting: FreeRADIUS ``detail`` files, and accounting tables as CSV.

Reads     packets of ``Attribute = value`` lines below a date; CSV with user, framed address, start and stop
Yields    Lease (framed address to MAC), Logon (user to address and MAC), PortEntry (MAC to NAS and port)
Misses    sessions whose Calling-Station-Id is a telephone number or empty; a user name that is a MAC (MAB, IPoE) is
          taken as the MAC and as nobody's name
Source    RFC 2866; FreeRADIUS rlm_detail; radacct schema of FreeRADIUS's SQL module; detail files of a provider and
          of a Cisco BNG in public repositories
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import (
    NS,
    About,
    Damage,
    Lease,
    Line,
    Logon,
    Outcome,
    Phase,
    PortEntry,
    Record,
    Row,
    Seen,
)
from davylamp.attribution.hops.times import duration_ns, to_ns

NAME: Final = "radius"
PACKET_LINES: Final = 300  # judged: an accounting packet has some thirty attributes
_DATE: Final = re.compile(r"^[A-Z][a-z]{2} [A-Z][a-z]{2}\s+\d{1,2} \d\d:\d\d:\d\d \d{4}\s*$")
_ATTRIBUTE: Final = re.compile(r"^\s+([A-Za-z][\w\-.]*(?::\d+)?) = (.*)$")
ALIASES: Final[text.Aliases] = {
    "user": ("username",),
    "ip": ("framedipaddress",),
    "mac": ("callingstationid",),
    "from": ("acctstarttime",),
    "to": ("acctstoptime",),
    "nas": ("nasipaddress", "nasidentifier"),
    "port": ("nasportid", "nasport"),
}
NEEDED: Final = (("user",), ("ip",), ("from",))


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines are an accounting packet or the head line of a table."""
    detail = any(_DATE.match(s) for s in head) and any("Acct-Status-Type" in s for s in head)
    return detail or text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every packet's or row's outcome."""
    rest = iter(lines)
    first = next(rest, None)
    if first is None:
        return iter(())
    everything = _chain(first, rest)
    if text.find_head([first.text], ALIASES, NEEDED) is not None:
        return text.read_table(everything, about, ALIASES, NEEDED, parse_row)
    return _packets(everything, about)


def _chain(first: Line, rest: Iterable[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _packets(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """A packet begins at its date and ends at the next one."""
    packet: list[Line] = []
    for line in lines:
        if _DATE.match(line.text):
            if packet:
                yield _guarded(packet, about)
            packet = [line]
        elif packet and len(packet) <= PACKET_LINES:
            packet.append(line)
        elif not packet:
            yield None
    if packet:
        yield _guarded(packet, about)


def _guarded(packet: Sequence[Line], about: About) -> Outcome:
    try:
        return parse_packet(packet, about)
    except ValueError as error:
        return Damage(packet[0].number, str(error))


def parse_packet(packet: Sequence[Line], about: About) -> Outcome:
    """One accounting packet, its first line the date.

    The time is the server's, less the delay that the device names: a device's own Event-Timestamp is written with a
    zone's abbreviation.

    Raises:
        ValueError: when an address or a time is none.
    """
    cells: dict[str, str] = {}
    for line in packet[1:]:
        match = _ATTRIBUTE.match(line.text)
        if match is not None:
            name, value = match[1], match[2].strip().strip('"')
            if name == "Cisco-AVPair":
                name, _, value = value.partition("=")
            cells.setdefault(name, value)
    status = cells.get("Acct-Status-Type", "")
    if status not in ("Start", "Stop", "Interim-Update", "Alive"):
        return None
    at_ns = to_ns(cells.get("Timestamp") or packet[0].text, about)
    at_ns -= text.count(cells.get("Acct-Delay-Time", "0")) * NS
    lasted = cells.get("Acct-Session-Time")
    from_ns = at_ns - duration_ns(lasted) if lasted else (None if status == "Stop" else at_ns)
    until_ns = at_ns if status == "Stop" else None
    row = {
        "user": cells.get("User-Name", ""),
        "ip": cells.get("Framed-IP-Address", ""),
        "mac": cells.get("Calling-Station-Id") or cells.get("client-mac-address", ""),
        "nas": cells.get("NAS-Identifier") or cells.get("NAS-IP-Address", ""),
        "port": cells.get("NAS-Port-Id") or cells.get("NAS-Port", ""),
    }
    seen = Seen(about.source, packet[0].number, from_ns, until_ns)
    return _records(row, seen, "close" if status == "Stop" else "open")


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One session of an accounting table; an empty stop is a session that still runs."""
    from_ns = to_ns(row["from"], about)
    until = row.get("to", "")
    running = not until or until.upper() == "NULL" or until.startswith("0000")
    seen = Seen(about.source, number, from_ns, None if running else to_ns(until, about))
    return _records(row, seen, "open" if running else "span")


def _records(row: Mapping[str, str], seen: Seen, phase: Phase) -> Outcome:
    """What one session says; a calling station that is no MAC leaves the address and the user."""
    ip = text.ip(row["ip"]) if row["ip"] else ""
    called = _mac(row["user"])
    mac = _mac(row.get("mac", "")) or called
    user = "" if called else text.name(row["user"])
    records: list[Record] = []
    if ip and mac:
        records.append(Lease(seen, ip, mac, phase=phase))
    if user and (ip or mac):
        records.append(Logon(seen, user=user, ip=ip, mac=mac))
    if mac and row.get("nas") and row.get("port"):
        records.append(PortEntry(seen, mac, text.name(row["nas"]), text.name(row["port"])))
    return tuple(records) or None


def _mac(cell: str) -> str:
    """The MAC of a Calling-Station-Id, or nothing: it may be any identity."""
    try:
        return text.mac(cell.partition(";")[0][:17])
    except ValueError:
        return ""
