"""dnsmasq: its leases file and its log.

Reads     ``expiry mac address name client-id`` lines, and below the server's ``duid`` line those of DHCPv6,
          ``expiry iaid address name client-duid``; dnsmasq-dhcp DHCPACK and DHCPRELEASE lines
Yields    Lease; the file names only the end of a lease, so its beginning is unknown
Misses    DHCPv6 clients whose DUID holds no MAC, and DHCPv6 in the log
Source    dnsmasq(8) --dhcp-leasefile; src/lease.c and src/rfc2131.c of dnsmasq 2.90; leases that
          plume-design/opensync and canonical/multipass read, log lines of OpenWrt, ASUS and libvirt hosts in public
          repositories
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Damage, Lease, Line, Outcome, Seen
from davylamp.attribution.hops.syslog import read_head
from davylamp.attribution.hops.times import to_ns

NAME: Final = "dnsmasq"
_FILE: Final = re.compile(
    r"^(\d{1,10})\s+((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\s+([\d.]+)\s+(\S+)\s+(\S+)\s*$"
)
_FILE6: Final = re.compile(
    r"^(\d{1,10})\s+T?\d{1,10}\s+([0-9A-Fa-f:]{2,39})\s+(\S+)\s+(?:\S+\s+){0,2}([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){4,130})\s*$"
)
_MESSAGE: Final = re.compile(r"\bdnsmasq-dhcp(?:\[\d+\])?:\s+(?:\d+\s+)?(DHCPACK|DHCPRELEASE)\(\S+?\)\s+(.*)")
_GIVEN: Final = re.compile(r"([\d.]+)\s+((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})(?:\s+(\S+))?")
NO_NAME: Final = "*"
NO_BEGINNING: Final = "the leases file names no beginning"


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines are of the file or of the log."""
    return any(_FILE.match(s) or _FILE6.match(s) or _MESSAGE.search(s) for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One line of either.

    Raises:
        ValueError: when an address or a time is none.
    """
    if (row := _FILE.match(line.text)) is not None:
        return _row(line, (row[1], row[3], row[4], row[2]), NO_BEGINNING, about)
    if (row := _FILE6.match(line.text)) is not None:
        owner = text.mac_of_duid(row[4])
        note = f"{NO_BEGINNING}; {text.DUID_NOTE}"
        return _row(line, (row[1], row[2], row[3], owner), note, about) if owner else None
    message = _MESSAGE.search(line.text)
    if message is None:
        return None
    given = _GIVEN.match(message[2])
    if given is None:
        return Damage(line.number, f"a {message[1]} of an unknown shape")
    head = read_head(line.text[: message.start()], about)
    opens = message[1] == "DHCPACK"
    ends = (head.at_ns, None) if opens else (None, head.at_ns)
    seen = Seen(about.recorder(head.host), line.number, *ends)
    return text.one(
        Lease(
            seen,
            text.ip(given[1]),
            text.mac(given[2]),
            text.name(given[3] or ""),
            "open" if opens else "close",
        )
    )


def _row(line: Line, cells: tuple[str, str, str, str], note: str, about: About) -> Outcome:
    """A line of the file: expiry, address, name, MAC."""
    expiry, ip, host, mac = cells
    until_ns = None if expiry == "0" else to_ns(expiry, about)
    seen = Seen(about.source, line.number, None, until_ns, note)
    return text.one(Lease(seen, text.ip(ip), text.mac(mac), "" if host == NO_NAME else text.name(host)))
