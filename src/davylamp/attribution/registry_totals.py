"""Counts of attributed addresses by region, sector, kind of body and state; every breakdown sums to the total.

An address counts once, by its best claim. What is not known has a row of its own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from davylamp.records import Claim
from davylamp.tables.regions import Level, roll_up

State = Literal["attributed", "contested", "unattributed"]
UNKNOWN: Final = "unknown"
NOBODY: Final = "nobody"  # the breakdown's row for addresses that no one claims


@dataclass(frozen=True, slots=True)
class Totals:
    """How many addresses, and how they divide; each breakdown is sorted by its key."""

    total: int
    by_region: Mapping[str, int]  # GB/T 2260 code of the level asked for
    by_sector: Mapping[str, int]
    by_public: Mapping[str, int]  # public, private, unknown, nobody
    by_state: Mapping[str, int]
    by_organisation: Mapping[str, int]

    def breakdowns(self) -> dict[str, Mapping[str, int]]:
        """All of them by name."""
        return {
            "region": self.by_region,
            "sector": self.by_sector,
            "public": self.by_public,
            "state": self.by_state,
            "organisation": self.by_organisation,
        }


def count(attributed: Iterable[tuple[Claim, ...]], level: Level = "city") -> Totals:
    """Count addresses.

    Args:
        attributed: the claims to each address, best first; none where nobody claims it.
        level: of the regions.
    """
    regions: Counter[str] = Counter()
    sectors: Counter[str] = Counter()
    publics: Counter[str] = Counter()
    states: Counter[str] = Counter()
    bodies: Counter[str] = Counter()
    total = 0
    for claims in attributed:
        total += 1
        best = claims[0] if claims else None
        states[state_of(claims)] += 1
        bodies[best.organisation if best else NOBODY] += 1
        sectors[(best.sector or UNKNOWN) if best else NOBODY] += 1
        regions[(roll_up(best.region, level) or UNKNOWN) if best else NOBODY] += 1
        publics[_PUBLIC[best.is_public] if best else NOBODY] += 1
    tables = (dict(sorted(table.items())) for table in (regions, sectors, publics, states, bodies))
    return Totals(total, *tables)


_PUBLIC: Final = {True: "public", False: "private", None: UNKNOWN}


def state_of(claims: tuple[Claim, ...]) -> State:
    """Whether one organisation stands out.

    Contested means that another organisation's claim is of the same layer, as narrow in addresses and in ports.
    """
    if not claims:
        return "unattributed"
    best = claims[0]
    rivals = [c for c in claims[1:] if c.organisation != best.organisation and _weight(c) == _weight(best)]
    return "contested" if rivals else "attributed"


def _weight(claim: Claim) -> tuple[str, int, int]:
    return (claim.layer, _addresses(claim.network), claim.last_port - claim.first_port)


def _addresses(network: str) -> int:
    """The number of addresses in CIDR text or first-last."""
    import ipaddress

    first, dash, last = network.partition("-")
    if dash:
        return int(ipaddress.ip_address(last)) - int(ipaddress.ip_address(first)) + 1
    return ipaddress.ip_network(first).num_addresses
