"""What Kea writes to its log of leases: given, renewed and given back.

Reads     DHCP4_LEASE_ALLOC and DHCP4_LEASE_RENEW with "[hwtype=1 MAC] ...: lease ADDRESS has been allocated for N
          seconds", DHCP4_RELEASE with "address ADDRESS was released properly"; straight from Kea or through syslog
Yields    Lease; it ends after the seconds that the line names, else where the address is given to another
Misses    DHCPv6; leases that were only offered (ADVERT, OFFER)
Source    Kea Messages Manual; log lines of Kea 1.3 to 2.x in public repositories (Cray-HPE/docs-csm and others)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Damage, Lease, Line, Outcome, Phase, Seen
from davylamp.attribution.hops.syslog import read_head, recorder_of
from davylamp.attribution.hops.times import find_stamp

NAME: Final = "kea_log"
_MARK: Final = re.compile(r"\bDHCP4_(LEASE_ALLOC|LEASE_RENEW|RELEASE)\b")
_OWN: Final = re.compile(r"\s(?:INFO|DEBUG|WARN|ERROR)\s+\[kea-dhcp4[^\]]{0,80}\]\s*$")
_GIVEN: Final = re.compile(
    r"\s\[hwtype=\d+ (?P<mac>[0-9A-Fa-f:]{17})\].{0,400}?: (?:lease|address) (?P<ip>[\d.]+) "
    r"(?:has been (?:allocated|renewed)(?: for (?P<life>\d{1,9}) seconds)?|was released)"
)


def looks(head: Sequence[str]) -> bool:
    """Whether any of the first lines is such a message."""
    return any(_MARK.search(s) and "[hwtype=" in s for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One message; others are not ours.

    Raises:
        ValueError: when an address or the time is none.
    """
    mark = _MARK.search(line.text)
    if mark is None:
        return None
    given = _GIVEN.match(line.text, mark.end())
    if given is None:
        return Damage(line.number, f"a DHCP4_{mark[1]} of an unknown shape")
    head = line.text[: mark.start()]
    stamp = find_stamp(head, about, last=True)
    # Kea's own stamp is followed by its level, a syslog head by the host's name.
    source = about.source if stamp and _OWN.match(head, stamp.end) else recorder_of(head, about)
    at_ns = read_head(head, about).at_ns
    opens = mark[1] != "RELEASE"
    until_ns = at_ns + int(given["life"]) * NS if given["life"] else None
    seen = Seen(source, line.number, *((at_ns, until_ns) if opens else (None, at_ns)))
    phase: Phase = "close" if not opens else "span" if until_ns is not None else "open"
    return text.one(Lease(seen, text.ip(given["ip"]), text.mac(given["mac"]), phase=phase))
