"""Accounts: an energy a day and over so many days, with its coal and CO2.

Out of a statement or a device list here; out of a scan in `energy_scan`, a meter in `meter`, a sample in `sample`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from davylamp.errors import BadUse, InputError
from davylamp.sizing.energy import METHOD, Period, a_day, of_days
from davylamp.sizing.extrapolate import Extrapolation
from davylamp.sizing.factors import COMPARABLE, Footprint, footprint
from davylamp.sizing.power import LOAD, Item, PowerEstimate, PowerSplit, inventory, split
from davylamp.sizing.quantities import DAYS_A_YEAR, Energy, Power
from davylamp.sizing.quantities_bounds import Bounded, QuantityError, read_amount
from davylamp.sizing.sheets import read_sheet, told

if TYPE_CHECKING:
    from davylamp.sizing.coins_scan import CoinSums
    from davylamp.sizing.energy_groups import Grouping
    from davylamp.sizing.energy_scan import Client

MOST_DAYS: Final = 36_600.0  # judged: a century


@dataclass(frozen=True, slots=True)
class Line:
    """One client or device of an account: its power while it runs, with its grade, and what was seen of it."""

    name: str
    what: str
    power: PowerEstimate
    seen: Period | None = None

    @property
    def observed(self) -> Energy | None:
        """What it drew while it was seen."""
        return self.power.power.over(self.seen.time) if self.seen is not None else None


@dataclass(frozen=True, slots=True)
class Account:
    """An energy with its coal and CO2, a day and over ``days``; ``power`` None where kilowatt-hours were stated.

    ``observed`` and ``inferred`` are energies of the periods of those names; the two are never merged. ``mark`` is
    not empty when the figures rest on a sample that was forced.
    """

    basis: str
    per_day: Energy
    days: float
    over_days: Energy
    day: Footprint
    total: Footprint
    power: PowerSplit | None
    lines: tuple[Line, ...]
    observed: Energy | None
    notes: tuple[str, ...]
    method: str = METHOD
    inferred: Energy | None = None
    clients: "tuple[Client, ...]" = ()
    groups: "tuple[Grouping, ...]" = ()
    coins: "CoinSums | None" = None
    sample: Extrapolation | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What an account is drawn up with."""

    factors: str = COMPARABLE
    coal: str = ""
    days: float = DAYS_A_YEAR
    site: Path | None = None


def account_of_statement(text: str, choice: Choice) -> Account:
    """From kilowatt-hours a day as someone states them: ``148500``, ``≥ 14.85万``, ``约6.2 MW``."""
    reading = read_amount(text)
    unit = {"": "kWh/d", "kWh": "kWh/d", "千瓦时": "kWh/d", "度": "kWh/d"}.get(reading.unit, reading.unit)
    power = Power.of(reading.amount, unit)
    if power.amount.low < 0:
        raise QuantityError("E-QTY-001", f"{text!r} is negative", "energy drawn is at least 0")
    notes = (
        ("grade: as stated; no interval was stated with it",)
        if reading.amount.low == reading.amount.high
        else ()
    )
    return draw_up("stated", power, (), choice, notes)


def account_of_inventory(path: Path, choice: Choice) -> Account:
    """From a device list (grade B): CSV with model, count and perhaps watts, wall, load, algorithm.

    Raises:
        InputError: E-ENE-005 with every faulty line, E-ENE-004 when it cannot be read.
    """
    sheet = read_sheet(path, "E-ENE-004")
    missing = sheet.missing("model", "count")
    lines: list[Line] = []
    faults = [f"no column {name}" for name in missing]
    for number, cells in sheet.rows if not missing else ():
        try:
            item = _item(cells)
            lines.append(Line(item.model, f"{item.count} of them", inventory(item, choice.site)))
        except (BadUse, InputError) as error:
            faults.append(f"line {number}: {error.message}")
    if faults or not lines:
        said = told(faults, "no lines")
        hint = "columns: model, count, and perhaps watts, wall (yes or no), load (0.5-1), algorithm"
        raise InputError("E-ENE-005", f"inventory {path}: {said}", hint)
    parts = split(line.power for line in lines)
    return draw_up("inventory", parts, lines, choice, ("running 24 hours a day",))


def _item(cell: Mapping[str, str]) -> Item:
    """One line of an inventory."""
    count = read_amount(cell["count"])
    wall = cell.get("wall", "").lower()
    if not cell["model"] or count.amount.low < 0 or wall not in ("", "yes", "no"):
        raise InputError("E-ENE-005", "a line has a model, a count of at least 0, and wall yes or no", "")
    watts: Bounded | None = None
    if cell.get("watts"):
        said = read_amount(cell["watts"])
        watts = Power.of(said.amount, said.unit or "W").amount
    load = read_amount(cell["load"]).amount if cell.get("load") else LOAD
    return Item(cell["model"], count.amount, watts, wall == "yes", load, cell.get("algorithm", ""))


def draw_up(
    basis: str,
    power: Power | PowerSplit,
    lines: Sequence[Line],
    choice: Choice,
    notes: tuple[str, ...],
    mark: str = "",
) -> Account:
    """The account of a mean power; ``mark`` is shown wherever its figures are.

    Raises:
        BadUse: E-ENE-003 for a number of days that is none, E-FAC-nnn for a factor set that cannot be used.
    """
    parts = power if isinstance(power, PowerSplit) else None
    mean = power.total if isinstance(power, PowerSplit) else power
    if not 0 < choice.days <= MOST_DAYS:
        raise BadUse("E-ENE-003", f"{choice.days:g} days", "give more than 0 and at most a century")
    day, over = a_day(mean), of_days(mean, choice.days)
    name, coal, site = choice.factors, choice.coal, choice.site
    return Account(
        basis,
        day,
        choice.days,
        over,
        footprint(day, name, coal=coal, site=site),
        footprint(over, name, coal=coal, days=choice.days, site=site),
        parts,
        tuple(lines),
        None,
        notes,
        mark=mark,
    )
