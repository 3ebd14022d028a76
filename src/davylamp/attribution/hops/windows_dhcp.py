"""The audit log of Windows Server's DHCP service (``DhcpSrvLog-Mon.log``).

Reads     ID,Date,Time,Description,IP Address,Host Name,MAC Address rows below some thirty lines of explanation;
          10 new lease, 11 renewal, 12 release, 16 deleted, 17 and 18 expired
Yields    Lease
Misses    DHCPv6; the length of a lease, which the log does not hold; identifiers that are no MAC (RAS clients have
          16 bytes)
Source    Microsoft Learn, "DHCP server audit log file format"; logs of servers 2012 and later in
          awslabs/kinesis-agent-windows and others; dates are month/day/year in local time
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Lease, Line, Outcome, Row, Seen
from davylamp.attribution.hops.times import to_ns

NAME: Final = "windows_dhcp"
ALIASES: Final[text.Aliases] = {
    "id": ("id",),
    "date": ("date",),
    "time": ("time",),
    "ip": ("ipaddress",),
    "host": ("hostname",),
    "mac": ("macaddress",),
}
NEEDED: Final = (("id",), ("date",), ("time",), ("ip",), ("mac",))
OPENS: Final = frozenset({"10", "11"})
CLOSES: Final = frozenset({"12", "16", "17", "18"})
MAC_CHARACTERS: Final = 17


def looks(head: Sequence[str]) -> bool:
    """Whether the head line is there."""
    return text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One event; others than leases given and ended, and ends without a MAC, are not ours."""
    event = row["id"].lstrip("0")
    if event not in OPENS | CLOSES or not row["ip"] or not row["mac"] or len(row["mac"]) > MAC_CHARACTERS:
        return None
    at_ns = to_ns(f"{row['date']} {row['time']}", about)
    opens = event in OPENS
    seen = Seen(about.source, number, *((at_ns, None) if opens else (None, at_ns)))
    ip, mac, host = text.ip(row["ip"]), text.mac(row["mac"]), text.name(row.get("host", ""))
    return text.one(Lease(seen, ip, mac, host, "open" if opens else "close"))
