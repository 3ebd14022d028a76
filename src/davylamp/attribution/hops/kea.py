"""Kea's memfile of leases (``kea-leases4.csv``): an appended log of what the server believed.

Reads     rows of address, hwaddr, valid_lifetime, expire, state; the last row of an address at a time is the truth
Yields    Lease from expire minus valid_lifetime to expire
Misses    DHCPv6 (no hardware address in every row); leases that a database holds
Source    Kea Administrator Reference Manual, "Memfile"; states 0 default, 1 declined, 2 expired-reclaimed, 3 released
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
}
NEEDED: Final = (("ip",), ("mac",), ("life",), ("expire",))
DECLINED: Final = "1"
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
    if state == DECLINED or not row["mac"]:
        return None
    life_s = int(row["life"])
    if not 0 <= life_s <= 0xFFFFFFFF:
        raise ValueError(f"no lifetime: {life_s}")
    until_ns = to_ns(row["expire"], about)
    ip, mac = text.ip(row["ip"]), text.mac(row["mac"])
    host = text.name(row.get("host", "").replace("&#x2c", ",")).rstrip(".")
    if life_s == 0 or state in ENDED:
        return text.one(Lease(Seen(about.source, number, None, until_ns), ip, mac, host, "close"))
    endless = life_s == 0xFFFFFFFF
    seen = Seen(about.source, number, until_ns - life_s * NS, None if endless else until_ns)
    return text.one(Lease(seen, ip, mac, host))
