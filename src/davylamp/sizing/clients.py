"""Clients: machines, power and energy of each address that mines, and the sum over all of them.

Reads     sightings of mining of one client and the sessions behind them; afterwards all clients with their holders
Yields    `MachineCount`, `ClientEnergy` and what cannot be known; `ScanEnergy`, whose breakdowns sum to its total
Misses    machines and power of conversations that cannot be read, which have the default of an address
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from davylamp.records import (
    Client,
    ClientEnergy,
    Endpoint,
    GradePart,
    Interval,
    MachineCount,
    MassFigure,
    NotKnown,
    PeriodEnergy,
    ScanEnergy,
    Session,
    Sighting,
    TotalRow,
)
from davylamp.records_clients import Holder
from davylamp.sizing.client_power import Seen, power_of
from davylamp.sizing.energy import METHOD, Period, a_day, inferred
from davylamp.sizing.energy_books import Choice
from davylamp.sizing.factors import Footprint, footprint
from davylamp.sizing.machines import ASSUMPTION, count_machines
from davylamp.sizing.machines import METHOD as MACHINES_METHOD
from davylamp.sizing.power import GRADES, PowerEstimate
from davylamp.sizing.quantities import Energy
from davylamp.tables.regions import full_name, roll_up

UNKNOWN: Final = "unknown"  # the row of a breakdown for what has no region, sector or organisation
NO_SESSION: Final = "names and connections: no session was read"
UNREAD: Final = "connections: some conversations were not read, and their number is not known"
NOTHING_ABOVE: Final = "nothing bounds the number of machines from above"


@dataclass(frozen=True, slots=True)
class Sized:
    """How many and how much of one client, and what of it cannot be known."""

    machines: MachineCount
    energy: ClientEnergy
    not_known: tuple[NotKnown, ...]


def size_client(mining: Sequence[Sighting], sessions: Sequence[Session], choice: Choice) -> Sized:
    """Machines, power and energy behind one address.

    Args:
        mining: its sightings of mining, at least one.
        sessions: all sessions of the scan, sized where possible.
        choice: factor sets and the operator's folder.

    Raises:
        BadUse: E-FAC-nnn for a factor set that cannot be used.
    """
    machines = machines_of(mining, sessions, choice)
    power = power_of([seen_of(s, sessions) for s in mining], choice.site)
    mean = power.mean()
    day = a_day(mean.power)
    masses = footprint(day, choice.factors, coal=choice.coal, site=choice.site)
    energy = ClientEnergy(
        power_w=mean.power.to("W").interval,
        grade=mean.grade,
        kwh_per_day=day.to("kWh").interval,
        observed=_over(mean, power.seen),
        inferred=_over(mean, inferred(power.seen)),
        masses=figures_of(masses),
        inputs=(*mean.inputs, *mean.notes),
        method=f"{mean.method}, {METHOD}",
    )
    not_known = [NotKnown("machines", NOTHING_ABOVE)] if machines.high is None else []
    not_known += [NotKnown("energy", because) for because in power.unsized]
    return Sized(machines, energy, tuple(not_known))


def machines_of(mining: Sequence[Sighting], sessions: Sequence[Session], choice: Choice) -> MachineCount:
    """Machines by the sessions that were read; what was not read leaves the number open above."""
    own = [sessions[i] for i in sorted({i for s in mining for i in s.sessions})]
    if not own:
        return MachineCount(1, 1, None, (), (NO_SESSION,), "", ASSUMPTION, MACHINES_METHOD)
    counted = count_machines(own, site=choice.site)
    if all(s.sessions for s in mining):
        return counted
    return replace(counted, high=None, not_available=(*counted.not_available, UNREAD))


def seen_of(sighting: Sighting, sessions: Sequence[Session]) -> Seen:
    """What a sighting's power needs."""
    own = [sessions[i] for i in sighting.sessions]
    spans = [_ordered(s.first_ns, s.last_ns) for s in own] or [_ordered(sighting.first_ns, sighting.last_ns)]
    return Seen(
        sighting.client_ip,
        str(Endpoint(sighting.server_ip, sighting.server_port)),
        sighting.algorithm,
        sighting.hashrate_hps,
        sighting.hashrate_note,
        tuple(spans),
        sighting.last_ns,
    )


def _ordered(first_ns: int, last_ns: int) -> tuple[int, int]:
    """Begin and end; a clock that was set back while it recorded ends a span before its begin."""
    return min(first_ns, last_ns), max(first_ns, last_ns)


def _over(mean: PowerEstimate, period: Period) -> PeriodEnergy:
    drawn = mean.power.over(period.time).to("kWh").interval
    return PeriodEnergy(period.hours.interval, period.span_h, drawn, period.because)


def figures_of(masses: Footprint) -> tuple[MassFigure, ...]:
    """Coal and CO2 of one day as plain records, official figures first."""
    return tuple(
        MassFigure(
            m.row.yields, m.mass.to("kg").interval, m.row.set, m.row.value or 0.0, m.is_official, m.row.year
        )
        for m in masses.all
    )


# --- all clients -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """The energy of one client that falls to one holder; the client counts with its main one."""

    holder: Holder | None
    energy: ClientEnergy
    share: float
    is_main: bool


def sum_clients(clients: Iterable[Client], choice: Choice) -> ScanEnergy | None:
    """The energy of all mining clients; None where nothing mines.

    Bounds are added as they are, as if all errors went the same way. Hashrates are not added: they may be of several
    algorithms.

    Raises:
        BadUse: E-FAC-nnn for a factor set that cannot be used.
    """
    mining = [(c, c.energy) for c in clients if c.energy is not None]
    if not mining:
        return None
    parts = [
        _Part(holder, energy, holder.share if holder else 1.0, at == 0)
        for client, energy in mining
        for at, holder in enumerate(client.holders or (None,))
    ]
    energies = [energy for _, energy in mining]
    day = _sum((e.kwh_per_day, 1.0) for e in energies)
    masses = footprint(Energy.of(day, "kWh"), choice.factors, coal=choice.coal, site=choice.site)

    def region(holder: Holder) -> tuple[str, str]:
        code = roll_up(holder.claims[0].region, "city")
        return code, full_name(code, choice.site) if code else ""

    return ScanEnergy(
        clients=len(mining),
        kwh_per_day=day,
        observed_kwh=_sum((e.observed.energy_kwh, 1.0) for e in energies),
        inferred_kwh=_sum((e.inferred.energy_kwh, 1.0) for e in energies),
        by_grade=_grades(parts),
        by_region=_rows(parts, region),
        by_sector=_rows(parts, lambda h: (h.claims[0].sector, h.claims[0].sector)),
        by_organisation=_rows(parts, lambda h: (h.claims[0].organisation, h.claims[0].name)),
        masses=figures_of(masses),
        factors=choice.factors,
    )


def _rows(parts: Sequence[_Part], key: Callable[[Holder], tuple[str, str]]) -> tuple[TotalRow, ...]:
    """One row per key, the largest first, what has none last."""
    groups: dict[str, list[_Part]] = {}
    names: dict[str, str] = {}
    for part in parts:
        code, name = key(part.holder) if part.holder is not None and part.holder.claims else ("", "")
        groups.setdefault(code or UNKNOWN, []).append(part)
        names.setdefault(code or UNKNOWN, name or code)
    rows = [
        TotalRow(code, names[code], _heads(group), _day(group), _grades(group))
        for code, group in groups.items()
    ]
    return tuple(sorted(rows, key=lambda r: (r.key == UNKNOWN, -r.kwh_per_day.estimate, r.key)))


def _grades(parts: Sequence[_Part]) -> tuple[GradePart, ...]:
    """The same energy split by grade."""
    by_grade: Mapping[str, list[_Part]] = {g: [p for p in parts if p.energy.grade == g] for g in GRADES}
    return tuple(GradePart(g, _heads(by_grade[g]), _day(by_grade[g])) for g in GRADES if by_grade[g])


def _heads(parts: Iterable[_Part]) -> int:
    return sum(p.is_main for p in parts)


def _day(parts: Iterable[_Part]) -> Interval:
    return _sum((p.energy.kwh_per_day, p.share) for p in parts)


def _sum(items: Iterable[tuple[Interval, float]]) -> Interval:
    """Intervals times their shares, summed without the error of adding one by one."""
    pairs = list(items)
    low, estimate, high = (
        math.fsum(getattr(interval, end) * share for interval, share in pairs)
        for end in ("low", "estimate", "high")
    )
    return Interval(min(low, estimate), estimate, max(high, estimate))
