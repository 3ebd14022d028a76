"""Coal and CO2: named, versioned, sourced factor sets applied to kilowatt-hours.

A folk factor (0.997 kg CO2 per kWh) reproduces the release of 2021 and overstates the official grid average of
the same year 1.79 times. So both are shown, the official one first, and neither silently corrects the other.
CO2 always comes from kilowatt-hours, never from coal; the two sets may differ, and both are named. A factor is
exact by convention: the interval of a result is the energy's.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from davylamp.errors import BadUse
from davylamp.records import Interval
from davylamp.sizing.quantities import Energy, Mass, Quantity
from davylamp.sizing.quantities_bounds import Bounded, QuantityError
from davylamp.tables.energy import FactorRow, factors

Order = Literal["multiply, then round", "round the day, then multiply"]
Substance = Literal["CO2", "standard coal"]

METHOD: Final = "factors-1"
COMPARABLE: Final = "article-2021"
OFFICIAL_YEAR: Final = 2021  # judged: the year of the release that figures are compared with
MULTIPLY_THEN_ROUND: Final[Order] = "multiply, then round"
DAY_FIRST: Final[Order] = "round the day, then multiply"


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a mass was rounded: to multiples of ``step_kg`` (0: not at all), in which ``order``."""

    step_kg: float = 0.0
    order: Order = MULTIPLY_THEN_ROUND

    def __str__(self) -> str:
        return f"{self.order}; to {self.step_kg / 1000:g} t" if self.step_kg else "not rounded"


@dataclass(frozen=True, slots=True)
class MassEstimate:
    """Coal or CO2 of an energy, with all that a reader needs to compute it again."""

    mass: Mass
    energy: Energy
    row: FactorRow
    rounding: Rounding
    method: str = METHOD

    @property
    def is_official(self) -> bool:
        """Whether the set was published by an authority."""
        return self.row.status == "official"

    def __str__(self) -> str:
        return (
            f"{self.mass.text('t', 5)} {self.row.yields} by {self.row.set} ({self.row.value} {self.row.unit})"
        )


def factor_of(name: str, substance: Substance, site: Path | None = None) -> FactorRow:
    """One factor of a set.

    Raises:
        BadUse: E-FAC-001 for a set that does not exist, E-FAC-002 for one that is still to be entered,
            E-FAC-003 when the set has no factor of that substance.
    """
    rows = [row for row in factors(site) if row.set.lower() == name.lower()]
    if not rows:
        known = ", ".join(sorted({row.set for row in factors(site)}))
        raise BadUse("E-FAC-001", f"no factor set {name!r}", f"sets are {known}")
    found = next((row for row in rows if row.yields == substance), None)
    if found is None:
        hint = "coal and CO2 sets may differ: name another set for it"
        raise BadUse("E-FAC-003", f"set {rows[0].set} has no factor of {substance}", hint)
    if found.value is None:
        hint = f"enter its value in factors.csv of the site folder; its source: {found.source}"
        raise BadUse("E-FAC-002", f"factor set {found.set} ({found.title}) is still to be entered", hint)
    return found


def has(name: str, substance: Substance, site: Path | None = None) -> bool:
    """Whether a set has a factor of a substance, entered or not."""
    return any(row.set.lower() == name.lower() and row.yields == substance for row in factors(site))


def apply(
    energy: Quantity, row: FactorRow, rounding: Rounding = Rounding(), days: float = 1.0
) -> MassEstimate:
    """The mass of coal or CO2 that an energy stands for.

    Args:
        energy: electrical energy; never a mass of coal.
        row: a factor with a value.
        rounding: its rule and its order.
        days: over how many days the energy was drawn, for the rounding of one day.

    Raises:
        BadUse: E-FAC-004 for anything but an energy.
    """
    if not isinstance(energy, Energy):
        hint = "give the kilowatt-hours: CO2 from coal that itself came from kilowatt-hours counts its error twice"
        raise BadUse(
            "E-FAC-004", f"{row.yields} comes from an energy, not from {type(energy).__name__}", hint
        )
    if row.value is None:
        raise BadUse("E-FAC-002", f"factor set {row.set} is still to be entered", f"source: {row.source}")
    mass = energy.to("kWh") * row.value
    if rounding.step_kg:
        each = days if rounding.order == DAY_FIRST else 1.0
        low, mid, high = (
            _rounded(v / each, rounding.step_kg) * each for v in (mass.low, mass.estimate, mass.high)
        )
        mass = Bounded(low, mid, high, mass.about)
    return MassEstimate(Mass.of(mass, "kg", row.yields), energy, row, rounding)


def _rounded(value: float, step: float) -> float:
    """To the nearest multiple, halves upward as offices round."""
    return value if math.isinf(value) else math.floor(value / step + 0.5) * step


@dataclass(frozen=True, slots=True)
class Footprint:
    """Coal and CO2 of one energy: the official figures first, those comparable with the release beside them."""

    energy: Energy
    official: tuple[MassEstimate, ...]
    beside: tuple[MassEstimate, ...]

    @property
    def all(self) -> tuple[MassEstimate, ...]:
        """In the order in which they are shown."""
        return self.official + self.beside

    def of(self, name: str, substance: Substance) -> MassEstimate:
        """The figure of a set."""
        return next(m for m in self.all if m.row.set == name and m.row.yields == substance)


def footprint(
    energy: Energy, name: str = COMPARABLE, *, coal: str = "", days: float = 1.0, site: Path | None = None
) -> Footprint:
    """Coal and CO2 of an energy by a set, by the official set of the same year, and by the comparable one.

    Args:
        energy: electrical energy.
        name: the set asked for.
        coal: another set for the coal, when ``name`` has none or not the wanted one.
        days: over how many days, for the rounding of one day.
        site: the operator's folder.

    Raises:
        BadUse: E-FAC-001 to E-FAC-003, as `factor_of`.
    """
    asked = _asked(name, coal, site)
    year = next((row.year for row in asked if row.yields == "CO2"), OFFICIAL_YEAR)
    rows = [*asked, *_official(year, site), *_comparable(asked, site)]
    seen = {(row.set, row.yields): row for row in rows}
    shown = [apply(energy, row, days=days) for row in seen.values()]
    official = sorted((m for m in shown if m.is_official), key=lambda m: m.row.yields)
    beside = sorted((m for m in shown if not m.is_official), key=lambda m: m.row.yields)
    return Footprint(energy, tuple(official), tuple(beside))


def _asked(name: str, coal: str, site: Path | None) -> list[FactorRow]:
    """The rows that were asked for by name."""
    rows = []
    if has(name, "CO2", site) or not has(name, "standard coal", site):
        rows.append(factor_of(name, "CO2", site))
    if coal:
        rows.append(factor_of(coal, "standard coal", site))
    elif has(name, "standard coal", site):
        rows.append(factor_of(name, "standard coal", site))
    return rows


def _official(year: int, site: Path | None) -> Iterable[FactorRow]:
    """National averages of a year, or of the nearest one that has any."""
    for substance, name in (("CO2", "MEE-{}-national"), ("standard coal", "supply-{}")):
        rows = {r.year: r for r in factors(site) if r.yields == substance and r.set == name.format(r.year)}
        usable = [r for r in rows.values() if r.value is not None]
        if usable:
            yield min(usable, key=lambda r: (abs(r.year - year), r.year))


def _comparable(asked: list[FactorRow], site: Path | None) -> Iterable[FactorRow]:
    """The release's own factors, so that a figure can be held against it."""
    coal = any(r.yields == "standard coal" and r.status != "official" for r in asked)
    for substance in ("CO2", "standard coal") if not coal else ("CO2",):
        if has(COMPARABLE, substance, site):
            yield factor_of(COMPARABLE, substance, site)


def overstatement(figure: MassEstimate, official: MassEstimate) -> float:
    """How many times the official figure another one is."""
    return figure.mass.ratio(official.mass).estimate


def factors_that_round_to(published: Mass, step: Mass, energy: Energy) -> Interval:
    """Which factors, kilograms per kilowatt-hour, make an energy round to a published mass.

    Raises:
        QuantityError: E-QTY-012 when step and mass are of different substances.
    """
    half = published.matched(step).to("kg").estimate / 2
    kilograms, hours = published.to("kg").estimate, energy.to("kWh").estimate
    if not hours > 0:
        raise QuantityError("E-QTY-002", "no energy, no factor", "give more than 0 kWh")
    return Interval((kilograms - half) / hours, kilograms / hours, (kilograms + half) / hours)
