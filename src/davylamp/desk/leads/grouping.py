"""Which lead an observation belongs to (docs/decisions/0007-leads-and-episodes.md).

The closings of a key's leads cut time into episodes: the first up to the first closing, the next up to the second, and
so on. An observation belongs to the episode in which its ``last_seen`` lies. That depends on closings and on the
observation alone, so the order in which deliveries come makes no difference.
"""

import base64
import hashlib
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from davylamp.desk.leads.models import Lead, State

CROCKFORD: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
DIGITS: Final = 10  # judged: 50 bits; among a million leads two meet with a chance of 1 in 2,000
LONGER: Final = 13  # where two meet
NEVER: Final = datetime.max.replace(tzinfo=UTC)
WHOLE: Final = (0, 65535)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an observation belongs, apart from time: address, block of ports, and who held them then."""

    ip: str
    ports: tuple[int, int]
    holder: str  # code; empty where nobody is registered

    @property
    def key(self) -> str:
        """Its digest."""
        text = f"{self.ip}|{self.ports[0]}-{self.ports[1]}|{self.holder}"
        return hashlib.sha256(text.encode()).hexdigest()


def number_of(key: str, episode: int, digits: int = DIGITS) -> str:
    """A lead's number: drawn from what it is, so that it tells of no other lead."""
    drawn = hashlib.sha256(f"{key}|{episode}".encode()).digest()
    return "XS-" + base64.b32encode(drawn).decode().translate(CROCKFORD)[:digits]


def sort_key(ip: str) -> str:
    """An address as 32 hex digits, IPv4 mapped."""
    address = ipaddress.ip_address(ip)
    value = int(address) + (0xFFFF << 32 if address.version == 4 else 0)
    return f"{value:032x}"


def followed(lead: Lead) -> Lead:
    """The lead that goes on, through whatever it was merged into."""
    passed = {lead.pk}
    while lead.state == State.MERGED and lead.merged_into is not None and lead.merged_into_id not in passed:
        lead = lead.merged_into
        passed.add(lead.pk)
    return lead


def end_of(lead: Lead) -> datetime:
    """Until when observations join a lead; a merged one goes on as long as what it was merged into."""
    goes_on = followed(lead)
    return (goes_on.closed_at or NEVER) if goes_on.state == State.CLOSED else NEVER


@dataclass(slots=True)
class Book:
    """The leads of the addresses in question, and those that are begun now."""

    by_ip: dict[str, list[Lead]] = field(default_factory=lambda: defaultdict(list))
    begun: list[Lead] = field(default_factory=list)

    def add(self, leads: Iterable[Lead]) -> None:
        """Leads that are in the database."""
        for lead in leads:
            self.by_ip[lead.ip].append(lead)

    def line(self, place: Place) -> list[Lead]:
        """The leads that an observation at a place can belong to.

        Those of its key, and those of the address and block that were attributed anew to this holder since.
        """
        key = place.key
        return [
            lead
            for lead in self.by_ip.get(place.ip, ())
            if lead.key == key
            or (
                place.holder
                and lead.organisation_code == place.holder
                and (lead.first_port, lead.last_port) == place.ports
            )
        ]

    def find(self, place: Place, last_seen: datetime) -> Lead:
        """The lead of the episode in which a moment lies; begun now where there is none yet."""
        line = self.line(place)
        fitting = [lead for lead in line if last_seen <= end_of(lead)]
        if fitting:
            return min(fitting, key=lambda lead: (end_of(lead), lead.key != place.key, lead.number))
        return self._begin(place, line)

    def _begin(self, place: Place, line: Sequence[Lead]) -> Lead:
        episode = 1 + max((lead.episode for lead in line), default=0)
        before = max(line, key=lambda lead: (end_of(lead), lead.episode), default=None)
        made = Lead(
            number=number_of(place.key, episode),
            key=place.key,
            ip=place.ip,
            ip_sort=sort_key(place.ip),
            first_port=place.ports[0],
            last_port=place.ports[1],
            episode=episode,
            relapse_of=None if before is None else followed(before),
        )
        # until it is attributed, it counts among the leads of the holder whose key it has
        made.organisation_code = place.holder
        self.by_ip[place.ip].append(made)
        self.begun.append(made)
        return made
