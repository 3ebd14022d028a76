"""dnsmasq: its leases file and its log.

Reads     ``expiry mac address name client-id`` lines; dnsmasq-dhcp DHCPACK and DHCPRELEASE lines
Yields    Lease; the file names only the end of a lease, so its beginning is unknown
Misses    DHCPv6 lines of the file (they begin with a number that is no MAC)
Source    dnsmasq(8) --dhcp-leasefile; src/lease.c and src/rfc2131.c of dnsmasq 2.90
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
_MESSAGE: Final = re.compile(r"\bdnsmasq-dhcp(?:\[\d+\])?:\s+(?:\d+\s+)?(DHCPACK|DHCPRELEASE)\(\S+?\)\s+(.*)")
_GIVEN: Final = re.compile(r"([\d.]+)\s+((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})(?:\s+(\S+))?")
NO_NAME: Final = "*"


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines are of the file or of the log."""
    return any(_FILE.match(s) or _MESSAGE.search(s) for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One line of either.

    Raises:
        ValueError: when an address or a time is none.
    """
    row = _FILE.match(line.text)
    if row is not None:
        until_ns = None if row[1] == "0" else to_ns(row[1], about)
        seen = Seen(about.source, line.number, None, until_ns, "the leases file names no beginning")
        host = "" if row[4] == NO_NAME else text.name(row[4])
        return text.one(Lease(seen, text.ip(row[3]), text.mac(row[2]), host))
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
