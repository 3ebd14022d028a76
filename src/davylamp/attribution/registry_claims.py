"""From rows of the registry to claims: successions applied, organisations named, best first.

**The order of claims**, each rule deciding only where those before it tie:

1. layer: verified, then declared, then imported, so that no import ever stands before a person's correction;
2. fewer addresses (the longer prefix);
3. fewer ports; where the port is not known, more ports;
4. the later start; an open start is the earliest;
5. the later first record (ending a claim does not make it younger), then source and organisation as text, so
   that the order is total.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from davylamp.attribution.imports_cells import CHINA
from davylamp.attribution.registry_records import (
    LAYERS,
    PORTS,
    Contact,
    NetRange,
    Organisation,
    Stored,
    Succession,
    network_text,
)
from davylamp.attribution.registry_store import FOREVER, Store
from davylamp.records import Claim, Layer

_ABOUT: Final = ("name", "region", "sector", "is_public", "department")
NEVER: Final = -(2**63)
_RANK: Final = {layer: rank for rank, layer in enumerate(LAYERS)}
LAYER_CONFIDENCE: Final[dict[Layer, float]] = {"verified": 0.95, "declared": 0.85, "imported": 0.75}
# judged: a person looked; the holder said so; a file said so
YEARLY_DECAY: Final = 0.9  # judged: of a statement without an end, per year after it was recorded
CONTESTED: Final = 0.5  # judged: two organisations with equally good claims are a coin toss
OVERRULED: Final = 0.3  # judged: a worse claim beside a better one is the operator above or an old row
UNNAMED: Final = 0.9  # judged: a code without an organisation behind it may be mistyped
_YEAR_NS: Final = 31_556_952 * 10**9


@dataclass(frozen=True, slots=True)
class Holding:
    """A range as one organisation holds it over one stretch of time, after mergers and new codes."""

    stored: Stored
    organisation: str
    valid_from_ns: int
    valid_to_ns: int
    path: tuple[str, ...]  # the codes that stood in its place before, oldest first

    @property
    def range(self) -> NetRange:
        """The range as it is stored."""
        assert isinstance(self.stored.fact, NetRange)
        return self.stored.fact

    def order(self, *, is_port_known: bool = True) -> tuple[Any, ...]:
        """The sort key of the order of claims."""
        held = self.range
        ports = held.last_port - held.first_port
        return (
            _RANK[self.stored.origin.layer],
            held.high - held.low,
            ports if is_port_known else -ports,
            -self.valid_from_ns,
            -self.stored.opened,
            self.stored.origin.source,
            self.organisation,
            self.stored.thread,
            self.stored.spell,
        )

    def ties_with(self, other: "Holding") -> bool:
        """Whether nothing but time of start and of record tells two claims apart."""
        one, two = self.range, other.range
        return (
            self.stored.origin.layer == other.stored.origin.layer
            and one.high - one.low == two.high - two.low
            and one.last_port - one.first_port == two.last_port - two.first_port
        )

    def shares_with(self, other: "Holding") -> bool:
        """Whether two claims of one layer divide the ports of the same addresses."""
        one, two = self.range, other.range
        is_layer = self.stored.origin.layer == other.stored.origin.layer
        return is_layer and one.high - one.low == two.high - two.low

    def holds(self, address: int, port: int | None, time_ns: int) -> bool:
        """Whether it speaks of this address and port (any, where unknown) at that time."""
        held = self.range
        return (
            held.low <= address <= held.high
            and (port is None or held.first_port <= port <= held.last_port)
            and self.valid_from_ns <= time_ns < self.valid_to_ns
        )


class Names:
    """Organisations, successions and contacts as the registry knew them by a record time."""

    def __init__(self, registry: Store, as_of_ns: int | None = None) -> None:
        self._organisations: dict[str, list[Stored]] = defaultdict(list)
        for stored in registry.facts(Organisation, as_of_ns):
            self._organisations[stored.fact.identity[0]].append(stored)
        for known in self._organisations.values():
            known.sort(key=_precedence)
        self._successors: dict[str, list[Stored]] = defaultdict(list)
        for stored in registry.facts(Succession, as_of_ns):
            self._successors[stored.fact.identity[0]].append(stored)
        for known in self._successors.values():
            known.sort(key=_precedence)
        self._contacts: dict[str, list[Contact]] = defaultdict(list)
        for stored in registry.facts(Contact, as_of_ns):
            if isinstance(stored.fact, Contact):
                self._contacts[stored.fact.organisation].append(stored.fact)

    def organisation(self, code: str, time_ns: int) -> Organisation | None:
        """The organisation as it was at a time; where no row covers that, as the nearest row has it.

        Of several rows the first of the best layer counts, and the next ones for what it leaves empty: a person who
        verifies a name does not take region and sector away.
        """
        found = [s.fact for s in self._organisations.get(code, ()) if isinstance(s.fact, Organisation)]
        covering = [fact for fact in found if _distance(fact, time_ns) == 0]
        if not covering:
            return min(found, key=lambda fact: _distance(fact, time_ns), default=None)
        told: dict[str, Any] = {}
        for fact in covering:
            for name in _ABOUT:
                value = getattr(fact, name)
                if value not in ("", None):
                    told.setdefault(name, value)
        return replace(covering[0], **told)

    def contacts(self, code: str, time_ns: int) -> tuple[Contact, ...]:
        """Whom to reach at a time, the most recently confirmed first."""
        held = [c for c in self._contacts.get(code, ()) if _distance(c, time_ns) == 0]
        return tuple(sorted(held, key=lambda c: (-(c.confirmed_ns or NEVER), c.name)))

    def stale_contacts(self, time_ns: int) -> tuple[Contact, ...]:
        """Contacts in force that nobody confirmed within 180 days."""
        held = [c for code in sorted(self._contacts) for c in self.contacts(code, time_ns)]
        return tuple(c for c in held if c.is_stale(time_ns))

    def spells(self, stored: Stored) -> list[Holding]:
        """A stored range cut at the times when another organisation took its holder's place."""
        assert isinstance(stored.fact, NetRange)
        begin = NEVER if stored.fact.valid_from_ns is None else stored.fact.valid_from_ns
        end = FOREVER if stored.fact.valid_to_ns is None else stored.fact.valid_to_ns
        holder = stored.fact.organisation
        path: tuple[str, ...] = ()
        made: list[Holding] = []
        since: int = NEVER
        while True:
            succession = self._succession(holder, {*path, holder})
            # A code that was succeeded before its holder's own term began hands over at once.
            turn = FOREVER if succession is None else max(since, succession.valid_from_ns or NEVER)
            if max(begin, since) < min(end, turn):
                made.append(Holding(stored, holder, max(begin, since), min(end, turn), path))
            if succession is None or turn >= end:
                return made
            path, holder, since = (*path, holder), succession.new, turn

    def _succession(self, code: str, passed: set[str]) -> Succession | None:
        """Who took the place of a code; a ring of successions ends where it would close."""
        for stored in self._successors.get(code, ()):
            if isinstance(stored.fact, Succession) and stored.fact.new not in passed:
                return stored.fact
        return None

    def claims(
        self, holdings: Iterable[Holding], address: int, port: int | None, time_ns: int
    ) -> tuple[Claim, ...]:
        """The claims of holdings that all speak of an address, port and time, best first."""
        ranked = sorted(holdings, key=lambda h: h.order(is_port_known=port is not None))
        return tuple(self._claim(place, ranked, port, time_ns) for place in range(len(ranked)))

    def _claim(self, place: int, ranked: Sequence[Holding], port: int | None, time_ns: int) -> Claim:
        held = ranked[place]
        span, stored = held.range, held.stored
        body = self.organisation(held.organisation, time_ns)
        others = {h.organisation for h in ranked} - {held.organisation}
        rivals = {h.organisation for h in ranked if h.ties_with(held)} - {held.organisation}
        is_best = held.organisation == ranked[0].organisation
        share = (
            1.0
            if is_best and not rivals
            else CONTESTED
            if held.ties_with(ranked[0]) or is_best
            else OVERRULED
        )
        is_block = port is None and _width(held) < PORTS
        part = _width(held) / sum(_width(h) for h in ranked if held.shares_with(h)) if is_block else 1.0
        confidence = LAYER_CONFIDENCE[stored.origin.layer] * share * _age_factor(held, time_ns)
        confidence *= (1.0 if body else UNNAMED) * part
        return Claim(
            organisation=held.organisation,
            name=body.name if body else "",
            region=body.region if body else "",
            sector=body.sector if body else "",
            is_public=body.is_public if body else None,
            network=network_text(span.low, span.high),
            first_port=span.first_port,
            last_port=span.last_port,
            layer=stored.origin.layer,
            valid_from_ns=None if held.valid_from_ns == NEVER else held.valid_from_ns,
            valid_to_ns=None if held.valid_to_ns == FOREVER else held.valid_to_ns,
            recorded_at_ns=stored.recorded_at_ns,
            source=stored.origin.source,
            method=_method(held, body, len(others), bool(rivals), port, time_ns),
            confidence=round(min(confidence, 0.99), 3),
        )


def _width(held: Holding) -> int:
    """Ports of a holding; where the port is not known, a block weighs by them."""
    return held.range.last_port - held.range.first_port + 1


def _method(
    held: Holding, body: Organisation | None, others: int, is_contested: bool, port: int | None, time_ns: int
) -> str:
    """How the claim comes about, in words."""
    span = held.range
    parts = [f"{held.stored.origin.layer} range"]
    if span.last_port - span.first_port + 1 < PORTS:
        doubt = ", the port is not known" if port is None else ""
        parts.append(f"ports {span.first_port}-{span.last_port}{doubt}")
    if held.path:
        parts.append(f"in the place of {', '.join(reversed(held.path))} since {_day(held.valid_from_ns)}")
    if body is None:
        parts.append("no organisation is registered under this code")
    elif _distance(body, time_ns):
        parts.append("the organisation's row covers another time")
    if others:
        parts.append(f"{others} other organisation{'s' * (others > 1)} claim{'s' * (others == 1)} it")
    if is_contested:
        parts.append("contested by an equal claim")
    return "; ".join(parts)


def _day(time_ns: int) -> str:
    return (
        "an unknown day"
        if time_ns in (NEVER, FOREVER)
        else str(datetime.fromtimestamp(time_ns / 1e9, CHINA).date())
    )


def _age_factor(held: Holding, time_ns: int) -> float:
    """What time has taken off a statement without an end."""
    if held.range.valid_to_ns is not None:
        return 1.0
    years = max(0, time_ns - held.stored.recorded_at_ns) / _YEAR_NS
    return float(YEARLY_DECAY**years)


def _precedence(stored: Stored) -> tuple[int, int, str, int]:
    return (_RANK[stored.origin.layer], -stored.recorded_at_ns, stored.thread, -stored.spell)


def _distance(fact: Organisation | Contact, time_ns: int) -> int:
    """How far a time lies outside a fact's validity; 0 inside."""
    if fact.valid_from_ns is not None and time_ns < fact.valid_from_ns:
        return fact.valid_from_ns - time_ns
    if fact.valid_to_ns is not None and time_ns >= fact.valid_to_ns:
        return time_ns - fact.valid_to_ns + 1
    return 0


def address_bits(address: str) -> int:
    """128 bits of an address as text, IPv4 mapped; a zone is dropped.

    Raises:
        ValueError: no address.
    """
    parsed = ipaddress.ip_address(address.strip().partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else parsed
    return (0xFFFF << 32) + int(mapped) if isinstance(mapped, ipaddress.IPv4Address) else int(parsed)
