"""Totals by organisation, region and sector: each client counts once in each, in a row "unknown" where none is known.

So the sums by organisation, by region and by sector are one and the same total. Who owns a client comes from the
list ``clients`` of a scan that was attributed; one whose rows contradict each other is of an unknown owner. A client
is not divided: an address that changed hands within the scan counts as a whole with the holder that its row names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from davylamp.sizing.coins_scan import CoinSums, sum_coins
from davylamp.sizing.quantities import Energy, total

if TYPE_CHECKING:
    from davylamp.sizing.energy_scan import Client

KEYS: Final = ("organisation", "region", "sector")
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a client is, key by key (organisation, region, sector), with names; a key that is unknown is absent."""

    keys: Mapping[str, str]
    names: Mapping[str, str]


NOBODY: Final = Owner({}, {})


@dataclass(frozen=True, slots=True)
class Group:
    """What the clients of one organisation, region or sector come to; ``key`` None is unknown."""

    key: str | None
    name: str
    clients: int
    per_day: Energy
    observed: Energy
    inferred: Energy
    coins: CoinSums


@dataclass(frozen=True, slots=True)
class Grouping:
    """All groups by one key, the heaviest first and unknown last."""

    by: str
    groups: tuple[Group, ...]


def owners(rows: Sequence[Any]) -> dict[str, Owner]:
    """Owners by client address out of a scan's ``clients``.

    Raises:
        ValueError: when a row is not what a scan writes; KeyError when it names no client.
    """
    found: dict[str, Owner] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            raise ValueError("a row of clients is no object")
        address = str(row["client_ip"])
        own = _owner(row)
        found[address] = _agreed(found[address], own) if address in found else own
    return found


def _owner(row: Mapping[str, Any]) -> Owner:
    """The owner that one row names."""
    keys: dict[str, str] = {}
    names: dict[str, str] = {}
    for key in KEYS:
        value, name = row.get(key), row.get(f"{key}_name")
        if not all(text is None or isinstance(text, str) for text in (value, name)):
            raise ValueError(f"{key} of a client is no text")
        if value and value.strip() and value.strip().lower() != UNKNOWN:
            keys[key] = value.strip()
            names[key] = (name or "").strip()
    return Owner(keys, names)


def _agreed(one: Owner, other: Owner) -> Owner:
    """What two rows of one client agree on."""
    keys = {k: v for k, v in one.keys.items() if other.keys.get(k) == v}
    return Owner(keys, {k: one.names[k] or other.names[k] for k in keys})


def group(clients: "Sequence[Client]") -> tuple[Grouping, ...]:
    """The clients grouped by each key."""
    return tuple(Grouping(key, _groups(clients, key)) for key in KEYS)


def _groups(clients: "Sequence[Client]", key: str) -> tuple[Group, ...]:
    """The groups by one key."""
    members: dict[str | None, list[Client]] = {}
    for client in clients:
        members.setdefault(client.owner.keys.get(key), []).append(client)
    found = [
        Group(
            value,
            next((n for c in each if (n := c.owner.names.get(key))), "") if value else UNKNOWN,
            len(each),
            total(c.per_day for c in each),
            total(c.observed for c in each),
            total(c.inferred for c in each),
            sum_coins(c.coins for c in each),
        )
        for value, each in members.items()
    ]
    return tuple(sorted(found, key=lambda g: (g.key is None, -g.per_day.amount.estimate, g.key or "")))
