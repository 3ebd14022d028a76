"""Accounts of what somebody states and of device lists; those of scans come from `energy_scan`."""

from collections.abc import Mapping
from pathlib import Path

from davylamp.errors import BadUse, InputError
from davylamp.sizing.client_power import Line
from davylamp.sizing.energy_books import Account, Choice, draw_up
from davylamp.sizing.energy_scan import account_of_scan
from davylamp.sizing.power import LOAD, Item, inventory, split
from davylamp.sizing.quantities import Power
from davylamp.sizing.quantities_bounds import Bounded, QuantityError, read_amount
from davylamp.sizing.sheets import read_sheet, told

__all__ = ["Account", "Choice", "Line", "account_of_inventory", "account_of_scan", "account_of_statement"]


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
