"""The address ranges of one organisation, out of the registry's facts, for who may see the organisation."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef

from davylamp.attribution.registry_records import PORTS
from davylamp.attribution.registry_schema import COLUMNS
from davylamp.desk.registry.models import Organisation, RegistryFact
from davylamp.desk.registry.services import moment

MOST: Final = 500  # judged: whoever has more reads them in the ledger
_MAPPED: Final = 0xFFFF << 32
_PLACE: Final = {name: place for place, name in enumerate(COLUMNS["range"])}


@dataclass(frozen=True, slots=True)
class Network:
    """One range in words: addresses, ports, layer, source, from and until when."""

    addresses: str
    ports: str
    layer: str
    source: str
    note: str
    valid_from: datetime | None
    valid_to: datetime | None


def networks_of(organisation: Organisation) -> list[Network]:
    """The latest word of each source on the organisation's ranges, in order of address; at most `MOST`."""
    newer = RegistryFact.objects.filter(
        kind=OuterRef("kind"),
        thread_digest=OuterRef("thread_digest"),
        spell=OuterRef("spell"),
        number__gt=OuterRef("number"),
    )
    holds = {f"values__{_PLACE['organisation']}": organisation.code}
    rows = RegistryFact.objects.filter(~Exists(newer), kind="range", is_withdrawn=False, **holds)
    return [_network(row) for row in rows.select_related("batch").order_by("low", "high")[:MOST]]


def _network(row: RegistryFact) -> Network:
    held = {name: row.values[place] for name, place in _PLACE.items()}
    span = (held["first_port"], held["last_port"])
    return Network(
        spelled(int(row.low, 16), int(row.high, 16)),
        "" if span == (0, PORTS - 1) else f"{span[0]}–{span[1]}",
        row.batch.layer,
        row.batch.source,
        str(held.get("note") or ""),
        moment(held["valid_from_ns"]),
        moment(held["valid_to_ns"]),
    )


def spelled(low: int, high: int) -> str:
    """A range as one network where it is one, else from first to last.

    >>> spelled(0xFFFF_0A00_0000, 0xFFFF_0A00_00FF)
    '10.0.0.0/24'
    """
    is_four = low >> 32 == high >> 32 == 0xFFFF
    base = _MAPPED if is_four else 0
    kind = ipaddress.IPv4Address if is_four else ipaddress.IPv6Address
    ends = kind(low - base), kind(high - base)
    if ends[0] == ends[1]:
        return str(ends[0])
    nets: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network] = list(
        ipaddress.summarize_address_range(*ends)  # type: ignore[type-var]
    )
    return " ".join(map(str, nets)) if len(list(nets)) == 1 else f"{ends[0]} – {ends[1]}"
