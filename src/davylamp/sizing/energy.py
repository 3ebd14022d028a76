"""Energy: a power over the time that was seen, and over the time that is inferred.

Two figures, never one. The observed period is what the records cover. The inferred one runs from the first to the
last sighting (or from a date that a case has found), and how much of it the machine ran is a guess with bounds:
at least what was seen, at most all of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal

from davylamp.counted import counted
from davylamp.errors import BadUse
from davylamp.records import Interval
from davylamp.sizing.factors import COMPARABLE, Footprint, footprint
from davylamp.sizing.hashrate import union_s
from davylamp.sizing.power import GRADES, MEANING, Grade, PowerEstimate, PowerSplit, split
from davylamp.sizing.quantities import DAYS_A_YEAR, Duration, Energy, Power
from davylamp.sizing.quantities_bounds import Bounded

PeriodKind = Literal["observed", "inferred", "stated"]

METHOD: Final = "energy-1"
USUAL_DUTY: Final = 0.9  # judged: mining is a flat load of 24 hours (ENERGY.md), less outages and reboots
HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
MOST_DAYS: Final = 36_600  # judged: a century
EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """Hours of running, and why so many: ``hours`` are of running, ``span_h`` from begin to end."""

    kind: PeriodKind
    hours: Bounded
    span_h: float
    because: str

    @property
    def time(self) -> Duration:
        """The hours of running."""
        return Duration(self.hours)


def observed(spans_ns: Iterable[tuple[int, int]]) -> Period:
    """The time covered by at least one span of records, Unix nanoseconds; overlaps count once.

    Raises:
        BadUse: E-ENE-001 when a span ends before it begins.
    """
    spans = sorted(spans_ns)
    if any(end < begin for begin, end in spans):
        raise BadUse("E-ENE-001", "a span of records ends before it begins", "check the clock of its source")
    first = spans[0][0] if spans else 0
    relative = [((begin - first) / HOUR_NS, (end - first) / HOUR_NS) for begin, end in spans]
    hours = union_s(relative)
    span = max((end for _, end in relative), default=0.0)
    cover = "covers" if len(relative) == 1 else "cover"
    said = f"{counted(len(relative), 'span')} of records {cover} {hours:.4g} of {span:.4g} h"
    return Period("observed", Bounded(hours, hours, hours), span, said)


def inferred(seen: Period, *, span_h: float | None = None, duty: Interval | None = None) -> Period:
    """The time it likely ran: from begin to end, at least what was seen, at most all of it.

    Args:
        seen: the observed period.
        span_h: hours from begin to end where a case knows better than the records.
        duty: the share of them in which it ran, 0..1, where something speaks for one.

    Raises:
        BadUse: E-ENE-002 when the span is shorter than what was seen, or a duty is outside 0..1.
    """
    span = seen.span_h if span_h is None else span_h
    at_least = min(seen.hours.estimate, span)
    if span < seen.hours.estimate * (1 - 1e-9):
        said = f"{span:.4g} h from begin to end, but {seen.hours.estimate:.4g} h were seen"
        raise BadUse("E-ENE-002", said, "begin and end must hold all that was seen")
    if duty is None:
        usual, why = max(at_least, USUAL_DUTY * span), f"{USUAL_DUTY:.0%} of the time between is judged usual"
        return Period("inferred", Bounded(at_least, usual, span), span, f"{span:.4g} h; {why}")
    if not 0 <= duty.low <= duty.estimate <= duty.high <= 1:
        raise BadUse("E-ENE-002", "a duty is a share between 0 and 1, in order", "1 is day and night")
    low, mid, high = (max(at_least, share * span) for share in (duty.low, duty.estimate, duty.high))
    why = f"ran {duty.estimate:.0%} ({duty.low:.0%} to {duty.high:.0%}) of it"
    return Period("inferred", Bounded(low, mid, high), span, f"{span:.4g} h; {why}")


def by_day(spans_ns: Iterable[tuple[int, int]]) -> dict[date, float]:
    """Hours of each UTC day that at least one span covers, in order of the days.

    Raises:
        BadUse: E-ENE-009 when the spans lie more than a century apart.
    """
    spans = sorted(spans_ns)
    if spans and max(end for _, end in spans) - spans[0][0] > MOST_DAYS * DAY_NS:
        raise BadUse("E-ENE-009", "records lie more than a century apart", "check the clock of their source")
    found: dict[date, float] = {}
    reached = spans[0][0] if spans else 0
    for begin, end in spans:
        at = max(begin, reached)
        while at < end:
            number = at // DAY_NS
            until = min(end, (number + 1) * DAY_NS)
            day = EPOCH + timedelta(days=number)
            found[day] = found.get(day, 0.0) + (until - at) / HOUR_NS
            at = until
        reached = max(reached, end)
    return found


def inferred_by_day(spans_ns: Sequence[tuple[int, int]], guess: Period) -> dict[date, Bounded]:
    """The hours of an inferred period by the UTC day: what was seen, and the same part of all time between."""
    seen = by_day(spans_ns)
    ends = [(min(begin for begin, _ in spans_ns), max(end for _, end in spans_ns))] if spans_ns else []
    whole = by_day(ends)
    between = sum(whole.values()) - sum(seen.values())
    part = (guess.hours.estimate - sum(seen.values())) / between if between > 0 else 0.0
    part = min(max(part, 0.0), 1.0)
    found: dict[date, Bounded] = {}
    for day, hours in whole.items():
        least = min(seen.get(day, 0.0), hours)
        found[day] = Bounded(least, least + part * (hours - least), hours)
    return found


def stated(hours: Bounded, because: str) -> Period:
    """Hours that someone states, for instance a report or a plan of a year."""
    return Period("stated", hours, hours.estimate, because)


@dataclass(frozen=True, slots=True)
class EnergyEstimate:
    """An energy with its grades, period, inputs and method, and the coal and CO2 it stands for."""

    energy: Energy
    power: PowerSplit
    by_grade: dict[Grade, Energy]
    period: Period
    inputs: tuple[str, ...]
    footprint: Footprint
    method: str = METHOD

    def __str__(self) -> str:
        parts = " + ".join(f"{e.text('kWh')} {MEANING[g]} ({g})" for g, e in self.by_grade.items())
        return f"{self.energy.text('kWh')} in {self.period.because}: {parts}"


def energy_of(
    estimates: Sequence[PowerEstimate],
    period: Period,
    factor_set: str = COMPARABLE,
    *,
    coal: str = "",
    site: Path | None = None,
) -> EnergyEstimate:
    """The energy of powers that all ran over one period, split by grade, with coal and CO2.

    Raises:
        QuantityError: E-QTY-013 for no powers.
        BadUse: E-FAC-nnn for a factor set that cannot be used.
    """
    parts = split(estimates)
    by_grade = {g: parts.by_grade[g].over(period.time) for g in GRADES if g in parts.by_grade}
    energy = parts.total.over(period.time)
    inputs = tuple(f"{e.grade}: {line}" for e in estimates for line in (*e.inputs, *e.notes))
    days = period.hours.estimate / 24 or 1.0
    mass = footprint(energy, factor_set, coal=coal, days=days, site=site)
    return EnergyEstimate(energy, parts, by_grade, period, inputs, mass)


def a_day(power: Power) -> Energy:
    """What a mean power draws in a day."""
    return power.over(Duration.of(1, "d"))


def of_days(power: Power, days: float = DAYS_A_YEAR) -> Energy:
    """What a mean power draws in so many days."""
    return power.over(Duration.of(days, "d"))


def per_machine(energy: Energy, machines: Bounded, time: Duration) -> Power:
    """Mean power of one machine, out of a report's energy, count and hours; bounds are kept.

    540余 machines and 370,000余 kWh bound nothing: both ends are open, and the result says so.
    """
    return energy.average(time) / machines
