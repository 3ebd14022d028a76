"""From a sample of addresses to their population: how many mine, or how many kilowatt-hours they draw.

A CSV with one row per unit that was looked at, and either a column ``kwh_per_day`` (numbers) or a column of yes and
no (``active`` unless another is named). A unit that was looked at and drew nothing is a row with 0, not a row left
out; an empty cell is a fault, for unknown is not no.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from davylamp.errors import BadUse, InputError
from davylamp.sizing.energy_books import Account, Choice, draw_up
from davylamp.sizing.extrapolate import (
    Extrapolation,
    MeanMethod,
    ProportionMethod,
    Sample,
    Selection,
    as_bounded,
    mean,
    proportion,
)
from davylamp.sizing.quantities import Power
from davylamp.sizing.sheets import Sheet, read_sheet, told

SELECTIONS: Final[tuple[Selection, ...]] = get_args(Selection)
ENERGY_COLUMN: Final = "kwh_per_day"
HIT_COLUMN: Final = "active"
UNIT_COLUMNS: Final = ("address", "unit", "id")
YES: Final = frozenset({"yes", "y", "true", "是"})
NO: Final = frozenset({"no", "n", "false", "否"})

Way = Literal["exact", "wilson", "student", "bootstrap"]


@dataclass(frozen=True, slots=True)
class Draw:
    """How a sample is to be taken for its population.

    ``way`` is the kind of interval, None the usual one (exact for yes and no, Student for kilowatt-hours); ``seed``
    is of the bootstrap's resamples.
    """

    population: int
    selection: Selection
    force: bool = False
    column: str = ""
    way: Way | None = None
    seed: int = 1


def extrapolate(path: Path, draw: Draw, choice: Choice) -> Extrapolation | Account:
    """Yes and no: how many of the population have it. Kilowatt-hours: an account with coal and CO2.

    Raises:
        InputError: E-EXT-003 with every faulty line.
        BadUse: E-EXT-001 for numbers that no sample has, E-EXT-002 for a selection that speaks for itself only,
            E-EXT-004 for an interval that does not go with the column.
    """
    sheet = read_sheet(path, "E-EXT-003")
    column = draw.column.lower() or (ENERGY_COLUMN if ENERGY_COLUMN in sheet.columns else HIT_COLUMN)
    cells = _cells(sheet, column)
    sample = Sample(len(cells), draw.population, draw.selection)
    if column == ENERGY_COLUMN:
        return account_of_sample(_numbers(sheet, cells), sample, draw, choice)
    hits = _answers(sheet, cells, column)
    if draw.way not in (None, "exact", "wilson"):
        raise BadUse("E-EXT-004", f"no {draw.way} interval of yes and no", "exact or wilson")
    how: ProportionMethod = "wilson" if draw.way == "wilson" else "exact"
    return proportion(sum(hits), sample, how=how, force=draw.force)


def _cells(sheet: Sheet, column: str) -> list[tuple[int, str]]:
    """The cells of a column with their line numbers, each unit once."""
    if column not in sheet.columns:
        hint = f"one row per unit; columns: address, and {ENERGY_COLUMN} or {HIT_COLUMN} (yes or no)"
        raise InputError("E-EXT-003", f"sample {sheet.path} has no column {column}", hint)
    unit = next((name for name in UNIT_COLUMNS if name in sheet.columns), "")
    seen: set[str] = set()
    faults: list[str] = []
    for number, cells in sheet.rows:
        name = cells.get(unit, "")
        if name and name in seen:
            faults.append(f"line {number}: {name[:60]} twice")
        seen.add(name)
    if faults or not sheet.rows:
        raise InputError(
            "E-EXT-003", f"sample {sheet.path}: {told(faults, 'no rows')}", "each unit is one row"
        )
    return [(number, cells[column]) for number, cells in sheet.rows]


def _numbers(sheet: Sheet, cells: list[tuple[int, str]]) -> list[float]:
    """Kilowatt-hours a day."""
    values: list[float] = []
    faults: list[str] = []
    for number, text in cells:
        try:
            values.append(float(text))
            if not 0 <= values[-1] < math.inf:
                raise ValueError(f"{text} kWh a day cannot be")
        except ValueError as error:
            faults.append(f"line {number}: {str(error)[:100] if text else 'empty'}")
    if faults:
        hint = "kilowatt-hours a day, 0 for a unit that drew nothing"
        raise InputError("E-EXT-003", f"sample {sheet.path}: {told(faults, '')}", hint)
    return values


def _answers(sheet: Sheet, cells: list[tuple[int, str]], column: str) -> list[bool]:
    """Yes and no."""
    faults = [
        f"line {number}: {text[:40]!r} is neither yes nor no"
        for number, text in cells
        if text.lower() not in YES | NO
    ]
    if faults:
        hint = f"column {column}: yes or no; kilowatt-hours stand in a column {ENERGY_COLUMN}"
        raise InputError("E-EXT-003", f"sample {sheet.path}: {told(faults, '')}", hint)
    return [text.lower() in YES for _, text in cells]


def account_of_sample(values: list[float], sample: Sample, draw: Draw, choice: Choice) -> Account:
    """The account of a population out of its sample's kilowatt-hours a day; forced ones carry their mark.

    The lower end is never below what the sample itself draws, since no unit draws less than nothing.

    Raises:
        BadUse: E-EXT-001, E-EXT-002 and E-EXT-004, as `extrapolate`.
    """
    if draw.way not in (None, "student", "bootstrap"):
        raise BadUse("E-EXT-004", f"no {draw.way} interval of kilowatt-hours", "student or bootstrap")
    how: MeanMethod = "bootstrap" if draw.way == "bootstrap" else "student"
    found = mean(values, sample, how=how, force=draw.force, seed=draw.seed)
    least = math.fsum(values)
    notes: tuple[str, ...] = (
        f"{sample.size} of {sample.population} units were looked at, selection: {sample.selection}",
        "the interval is of the drawing alone; the units' own figures are taken as they stand",
    )
    if found.total.low < least:
        low = min(least, found.total.estimate)
        size = sample.population
        found = replace(
            found,
            total=replace(found.total, low=low),
            each=replace(found.each, low=min(low / size, found.each.estimate)),
        )
        notes += ("the lower end is what the sample itself draws",)
    power = Power.of(as_bounded(found), "kWh/d")
    return replace(draw_up("sample", power, (), choice, notes, found.mark), sample=found)
