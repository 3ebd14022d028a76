"""Grade A: readings of a sub-meter, a PDU or a BMC, as a mean power over the time they cover.

Two kinds of CSV, both with a column ``time``: ``kW`` is the power at that moment, ``kWh`` what the meter's register
stood at. Power between two readings is taken to run in a straight line; over a hole, which is a step of more than
`LONGEST_STEP` times the usual one, nothing is taken, and it is not part of the observed period. A register counts
through holes, so there the whole time is observed.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from davylamp.errors import BadUse, InputError
from davylamp.sizing.client_power import Line
from davylamp.sizing.energy import HOUR_NS, Period, inferred, observed
from davylamp.sizing.energy_books import Account, Choice, draw_up
from davylamp.sizing.power import METER_CLASS, measured, split
from davylamp.sizing.quantities import Energy
from davylamp.sizing.sheets import read_sheet, told

LONGEST_STEP: Final = 4.0  # judged: a reading or two may be lost; more is a hole
WORST_ACCURACY: Final = 0.5  # judged: what is off by more than half is no meter

Kind = Literal["kw", "kwh"]


@dataclass(frozen=True, slots=True)
class Meter:
    """What a meter's readings come to: energy over the time that they cover, and from first to last."""

    energy: Energy
    seen: Period
    guess: Period
    readings: int
    kind: Kind


def read_meter(path: Path) -> Meter:
    """A meter's readings out of a CSV with ``time`` and either ``kW`` or ``kWh``.

    Raises:
        InputError: E-ENE-004 when it cannot be read, E-ENE-008 with every faulty line.
    """
    sheet = read_sheet(path, "E-ENE-004")
    kinds = [kind for kind in ("kw", "kwh") if kind in sheet.columns]
    hint = "columns: time (2021-09-08 13:45), and either kW (power) or kWh (the register's reading)"
    if "time" not in sheet.columns or len(kinds) != 1:
        raise InputError("E-ENE-008", f"meter {path} has columns {', '.join(sheet.columns)}"[:300], hint)
    kind: Kind = "kw" if kinds == ["kw"] else "kwh"
    points: list[tuple[int, float]] = []
    faults: list[str] = []
    for number, cells in sheet.rows:
        point = _point(cells, kind)
        fault = point if isinstance(point, str) else _step(points, point, kind)
        if fault:
            faults.append(f"line {number}: {fault}")
        elif not isinstance(point, str):
            points.append(point)
    if faults or len(points) < 2:
        said = told(faults, "fewer than two readings cover no time")
        raise InputError("E-ENE-008", f"meter {path}: {said}", hint)
    return _of_power(points) if kind == "kw" else _of_register(points)


def _point(cells: Mapping[str, str], kind: Kind) -> tuple[int, float] | str:
    """One reading, Unix nanoseconds and kW or kWh, or what is wrong with it."""
    try:
        time = datetime.fromisoformat(cells["time"].replace("/", "-"))
        value = float(cells[kind])
        when = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError) as error:
        return str(error)
    return (when, value) if 0 <= value < math.inf else f"{value:g} is no reading of a meter"


def _step(points: Sequence[tuple[int, float]], point: tuple[int, float], kind: Kind) -> str:
    """What is wrong with the step from the reading before; empty when nothing is."""
    if points and point[0] <= points[-1][0]:
        return "the time does not go on"
    if points and kind == "kwh" and point[1] < points[-1][1]:
        return "the register runs backwards: a meter was changed, give each its own file"
    return ""


def _of_power(points: Sequence[tuple[int, float]]) -> Meter:
    """From readings of power: the area below the straight lines between them, holes left out."""
    steps = list(pairwise(points))
    usual = statistics.median(after[0] - before[0] for before, after in steps)
    kept = [(a, b) for a, b in steps if b[0] - a[0] <= LONGEST_STEP * usual]
    hours = math.fsum((a[1] + b[1]) / 2 * ((b[0] - a[0]) / HOUR_NS) for a, b in kept)
    covered = observed((a[0], b[0]) for a, b in kept)
    span_h = (points[-1][0] - points[0][0]) / HOUR_NS
    holes = len(steps) - len(kept)
    without = "without a hole" if not holes else f"{holes} hole{'s' if holes > 1 else ''}"
    said = f"{len(points)} readings cover {covered.hours.estimate:.4g} of {span_h:.4g} h, {without}"
    seen = replace(covered, span_h=span_h, because=said)
    return Meter(Energy.of(hours, "kWh"), seen, inferred(seen), len(points), "kw")


def _of_register(points: Sequence[tuple[int, float]]) -> Meter:
    """From a register: the last reading less the first."""
    covered = observed([(points[0][0], points[-1][0])])
    said = f"{len(points)} readings of the register, {covered.span_h:.4g} h from first to last"
    seen = replace(covered, because=said)
    return Meter(Energy.of(points[-1][1] - points[0][1], "kWh"), seen, inferred(seen), len(points), "kwh")


def account_of_meter(path: Path, choice: Choice, accuracy: float = METER_CLASS) -> Account:
    """From a meter's readings (grade A), widened by the meter's class of accuracy.

    Raises:
        InputError: E-ENE-004 and E-ENE-008, as `read_meter`.
        BadUse: E-ENE-008 for an accuracy that no meter has.
    """
    if not 0 <= accuracy <= WORST_ACCURACY:
        raise BadUse("E-ENE-008", f"an accuracy of {accuracy:g}", "class 1 is 0.01")
    meter = read_meter(path)
    power = measured(meter.energy.average(meter.seen.time), path.name, accuracy)
    what = "power readings" if meter.kind == "kw" else "register readings"
    line = Line(path.name, f"{meter.readings} {what}", power, meter.seen)
    notes = (
        "a day is 24 hours at the mean power of the readings",
        "a meter measures all that hangs on it, mining or not",
        f"observed: {meter.seen.because}",
        f"inferred: {meter.guess.because}",
    )
    return replace(
        draw_up("meter", split([power]), (line,), choice, notes),
        observed=line.observed,
        inferred=power.power.over(meter.guess.time),
    )
