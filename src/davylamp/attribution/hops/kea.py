"""Kea's memfile of leases (``kea-leases4.csv``, ``kea-leases6.csv``): an appended log of what the server believed.

Reads     rows of address, hwaddr, valid_lifetime, expire, state; the last row of an address at a time is the truth.
          A row of DHCPv6 without hardware address has the MAC out of its DUID, where that holds one
Yields    Lease from expire minus valid_lifetime to expire
Misses    delegated prefixes; leases that a database holds
Source    Kea Administrator Reference Manual, "Memfile"; head lines of Kea 1.x to 3.0 in public repositories; states
          0 default, 1 declined, 2 expired-reclaimed, 3 released
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Lease, Line, Outcome, Row, Seen
from davylamp.attribution.hops.times import to_ns

NAME: Final = "kea"
ALIASES: Final[text.Aliases] = {
    "ip": ("address",),
    "mac": ("hwaddr",),
    "life": ("validlifetime",),
    "expire": ("expire",),
    "host": ("hostname",),
    "state": ("state",),
    "duid": ("duid",),
    "kind": ("leasetype",),
}
NEEDED: Final = (("ip",), ("mac",), ("life",), ("expire",))
DECLINED: Final = "1"
PREFIX: Final = "2"
ENDLESS: Final = "4294967295"
ENDED: Final = frozenset({"2", "3"})


def looks(head: Sequence[str]) -> bool:
    """Whether the head line is that of a memfile."""
    return text.find_head(head[:1], ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One row; declined addresses and rows without hardware address are not ours.

    A row with lifetime 0 deletes the lease: it ends at its expire time.
    """
    state = row.get("state", "0")
    owner = row["mac"] or text.mac_of_duid(row.get("duid", ""))
    if state == DECLINED or row.get("kind") == PREFIX or not owner:
        return None
    note = "" if row["mac"] else text.DUID_NOTE
    if row["life"] == ENDLESS:
        return _endless(number, row, owner, about, note)
    life_s = text.count(row["life"])
    until_ns = to_ns(row["expire"], about)
    ip, mac = text.ip(row["ip"]), text.mac(owner)
    host = text.name(row.get("host", "").replace("&#x2c", ",")).rstrip(".")
    if life_s == 0 or state in ENDED:
        return text.one(Lease(Seen(about.source, number, None, until_ns, note), ip, mac, host, "close"))
    seen = Seen(about.source, number, until_ns - life_s * NS, until_ns, note)
    return text.one(Lease(seen, ip, mac, host))


def _endless(number: int, row: Row, owner: str, about: About, note: str) -> Outcome:
    """A lease for ever: Kea writes its end as beginning plus 136 years."""
    begun_ns = to_ns(str(int(row["expire"]) - int(ENDLESS)), about)
    host = text.name(row.get("host", "")).rstrip(".")
    return text.one(
        Lease(Seen(about.source, number, begun_ns, None, note), text.ip(row["ip"]), text.mac(owner), host)
    )
