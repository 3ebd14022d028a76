"""Accounts: an energy a day and over so many days, with its coal and CO2, out of a statement, a scan or a list.

A scan's sightings are sized one by one: by hashrate (grade C) where there is one, else by the default of an
address (grade D). The mean power of a client is its observed energy over the time it was seen mining, so a client
that changes its pool counts once, not twice.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from davylamp.errors import BadUse, InputError
from davylamp.records import Interval
from davylamp.sizing.client_power import Line, Seen, power_of
from davylamp.sizing.energy import METHOD, a_day, of_days
from davylamp.sizing.factors import COMPARABLE, Footprint, footprint
from davylamp.sizing.hashrate import SECOND_NS
from davylamp.sizing.power import (
    LOAD,
    Item,
    PowerSplit,
    inventory,
    split,
)
from davylamp.sizing.quantities import DAYS_A_YEAR, Energy, Power, total
from davylamp.sizing.quantities_bounds import Bounded, QuantityError, bounded, read_amount

MOST_DAYS: Final = 36_600.0  # judged: a century
MOST_BYTES: Final = 1 << 30  # judged: a scan of a province's month is below it
MOST_FAULTS: Final = 20  # judged: whoever has more is mistaken about the file


@dataclass(frozen=True, slots=True)
class Account:
    """An energy with its coal and CO2, a day and over ``days``; ``power`` None where kilowatt-hours were stated."""

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
    return _account("stated", power, (), choice, notes)


def account_of_inventory(path: Path, choice: Choice) -> Account:
    """From a device list (grade B): CSV with model, count and perhaps watts, wall, load, algorithm.

    Raises:
        InputError: E-ENE-005 with every faulty line, E-ENE-004 when it cannot be read.
    """
    rows = csv.DictReader(_text(path).splitlines())
    missing = [name for name in ("model", "count") if name not in (rows.fieldnames or ())]
    lines: list[Line] = []
    faults = [f"no column {name}" for name in missing]
    for cells in rows if not missing else ():
        try:
            item = _item(cells)
            lines.append(Line(item.model, f"{item.count} of them", inventory(item, choice.site)))
        except (BadUse, InputError) as error:
            faults.append(f"line {rows.line_num}: {error.message}")
    if faults or not lines:
        said = "; ".join(faults[:MOST_FAULTS]) or "no lines"
        hint = "columns: model, count, and perhaps watts, wall (yes or no), load (0.5-1), algorithm"
        raise InputError("E-ENE-005", f"inventory {path}: {said}", hint)
    parts = split(line.power for line in lines)
    return _account("inventory", parts, lines, choice, ("running 24 hours a day",))


def _item(cells: Mapping[str, str | None]) -> Item:
    """One line of an inventory."""
    cell = {name: (value or "").strip() for name, value in cells.items() if isinstance(name, str)}
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


def account_of_scan(path: Path, choice: Choice) -> Account:
    """From ``davylamp scan --format json``: every mining sighting sized by grade C, else its client by grade D.

    Raises:
        InputError: E-ENE-004 when it is no such file, E-ENE-006 when nothing in it mines.
    """
    try:
        scan = json.loads(_text(path), parse_constant=_no_constant)
        clients: dict[str, list[Seen]] = {}
        for sighting in scan["sightings"]:
            if sighting["kind"] == "mining":
                one = _seen(sighting, scan["sessions"])
                clients.setdefault(one.client_ip, []).append(one)
        found = [power_of(sightings, choice.site) for sightings in clients.values()]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        hint = "give the file that davylamp scan --format json writes"
        raise InputError("E-ENE-004", f"{path} is no result of a scan: {error!r}"[:300], hint) from error
    lines = [line for client in found for line in client.lines]
    if not lines:
        raise InputError("E-ENE-006", f"no sighting of mining in {path}", "there is no energy to account for")
    parts = split(client.mean() for client in found)
    drawn = total(e for line in lines if (e := line.observed) is not None)
    notes = (
        f"clients: {len(clients)}; a day is 24 hours at the mean power seen while mining",
        "grade C runs from the best to the worst hardware of its algorithm",
    )
    return replace(_account("scan", parts, lines, choice, notes), observed=drawn)


def _seen(sighting: Mapping[str, Any], sessions: Sequence[Any]) -> Seen:
    """One sighting of a scan's JSON."""
    rate = sighting["hashrate_hps"]
    parts = None
    if rate is not None:
        parts = bounded(Interval(*(float(rate[k]) for k in ("low", "estimate", "high")))).interval
    return Seen(
        str(sighting["client_ip"]),
        f"{sighting['server_ip']}:{sighting['server_port']}",
        None if sighting["algorithm"] is None else str(sighting["algorithm"]),
        parts,
        str(sighting["hashrate_note"]),
        tuple(_spans(sighting, sessions)),
        _ns(sighting["last_seen"]),
    )


def _spans(sighting: Mapping[str, Any], sessions: Sequence[Any]) -> list[tuple[int, int]]:
    """When a sighting was seen: its sessions where it names some, else from first to last."""
    rows = [sessions[i] for i in sighting["sessions"] if i >= 0] or [sighting]
    return [(_ns(row["first_seen"]), _ns(row["last_seen"])) for row in rows]


def _ns(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time in UTC."""
    whole, _, part = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * SECOND_NS + int(part.ljust(9, "0")[:9] or 0)


def _no_constant(text: str) -> float:
    """JSON has no NaN and no infinity, whatever Python reads."""
    raise ValueError(f"{text} is no number of JSON")


def _text(path: Path) -> str:
    """A file's text.

    Raises:
        InputError: E-ENE-004 when it cannot be read as UTF-8 or is out of all measure.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("E-ENE-004", f"{path} is larger than a gibibyte", "split it")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("E-ENE-004", f"{path} cannot be read: {error}", "it is a UTF-8 text file") from error


def _account(
    basis: str, power: Power | PowerSplit, lines: Sequence[Line], choice: Choice, notes: tuple[str, ...]
) -> Account:
    """The account of a mean power."""
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
    )
