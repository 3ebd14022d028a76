"""An account as a table for readers and as an object for programs; official figures come first in both."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from davylamp.sizing.client_power import Line
from davylamp.sizing.energy_account import Account
from davylamp.sizing.factors import MassEstimate, overstatement
from davylamp.sizing.power import MEANING
from davylamp.sizing.quantities import Energy, Mass
from davylamp.sizing.quantities_bounds import Bounded
from davylamp.tables.energy import FactorRow, factors

SCHEMA_VERSION: Final = 1
MOST_LINES: Final = 40  # judged: a screen; the rest is in the JSON
DIGITS: Final = 5


def account_row(account: Account) -> dict[str, Any]:
    """The account as one object; an unbounded end is null, every mass is in tonnes, every energy in kWh."""
    return {
        "schema_version": SCHEMA_VERSION,
        "basis": account.basis,
        "method": account.method,
        "days": account.days,
        "kwh_per_day": bounded_row(account.per_day.to("kWh")),
        "kwh": bounded_row(account.over_days.to("kWh")),
        "observed_kwh": None if account.observed is None else bounded_row(account.observed.to("kWh")),
        "official": [mass_row(d, t) for d, t in _pairs(account) if d.is_official],
        "comparable": [mass_row(d, t) for d, t in _pairs(account) if not d.is_official],
        "comparable_over_official": _overstated(account),
        "grades": _grade_rows(account),
        "lines": [_line_row(line) for line in account.lines],
        "notes": list(account.notes),
    }


def bounded_row(amount: Bounded) -> dict[str, Any]:
    """Low, estimate and high; an unbounded end is null; ``about`` where somebody said "about"."""
    ends = {"low": amount.low, "estimate": amount.estimate, "high": amount.high}
    row: dict[str, Any] = {name: value if math.isfinite(value) else None for name, value in ends.items()}
    return {**row, "about": amount.about, "text": amount.text(DIGITS)}


def mass_row(day: MassEstimate, over: MassEstimate) -> dict[str, Any]:
    """One factor's figures, with all it takes to compute them again."""
    return {
        **factor_row(day.row),
        "per_day_t": bounded_row(day.mass.to("t")),
        "total_t": bounded_row(over.mass.to("t")),
        "kwh": bounded_row(over.energy.to("kWh")),
        "rounding": str(over.rounding),
        "order": over.rounding.order,
        "method": over.method,
    }


def factor_row(row: FactorRow) -> dict[str, Any]:
    """One factor of one set."""
    return {
        "set": row.set,
        "yields": row.yields,
        "factor": row.value,
        "unit": row.unit,
        "year": row.year,
        "region": row.region,
        "status": row.status,
        "title": row.title,
        "source": row.source,
        "reviewed": row.reviewed,
    }


def _pairs(account: Account) -> Iterator[tuple[MassEstimate, MassEstimate]]:
    """A day's and the whole time's figure of each factor, in the order in which they are shown."""
    return zip(account.day.all, account.total.all, strict=True)


def _overstated(account: Account) -> float | None:
    """How many times the official CO2 of its year the comparable one is; None where there are not both."""
    official = [m for m in account.total.official if m.row.yields == "CO2"]
    beside = [m for m in account.total.beside if m.row.yields == "CO2"]
    if not official or not beside or not official[0].mass.amount.estimate > 0:
        return None
    return overstatement(beside[0], official[0])


def _grade_rows(account: Account) -> list[dict[str, Any]]:
    if account.power is None:
        return []
    return [
        {
            "grade": grade,
            "meaning": MEANING[grade],
            "items": account.power.count[grade],
            "mean_kw": bounded_row(power.to("kW")),
            "kwh_per_day": bounded_row(power.to("kWh/d")),
        }
        for grade, power in account.power.by_grade.items()
    ]


def _line_row(line: Line) -> dict[str, Any]:
    drawn = line.observed
    return {
        "name": line.name,
        "what": line.what,
        "grade": line.power.grade,
        "kw": bounded_row(line.power.power.to("kW")),
        "observed_h": None if line.seen is None else line.seen.hours.estimate,
        "observed_kwh": None if drawn is None else bounded_row(drawn.to("kWh")),
        "method": line.power.method,
        "inputs": list(line.power.inputs),
        "notes": list(line.power.notes),
    }


# --- for readers -------------------------------------------------------------------------------------------


def account_text(account: Account) -> str:
    """The account in lines: official figures first, those comparable with the release of 2021 beside them."""
    days = f"{account.days:g} days"
    mean = account.per_day.to("kWh") / 24
    text = [
        f"{_kwh(account.per_day)} a day (mean {mean.text(DIGITS)} kW), {_kwh(account.over_days)} in {days}",
        "",
        *_block("Official", [p for p in _pairs(account) if p[0].is_official], days),
        *_block(
            "Comparable with the release of 2021", [p for p in _pairs(account) if not p[0].is_official], days
        ),
    ]
    ratio = _overstated(account)
    if ratio is not None:
        official = next(m.row.set for m in account.total.official if m.row.yields == "CO2")
        text.append(f"The comparable CO2 is {ratio:.2f} times that by {official}.")
    text += _grades_text(account)
    text += [f"Note: {note}." for note in account.notes]
    text.append(
        f"Method {account.method}; masses from kWh, multiplied exactly and rounded for this table only."
    )
    return "\n".join(text) + "\n"


def _kwh(energy: Energy) -> str:
    return f"{energy.to('kWh').text(DIGITS)} kWh"


def _block(title: str, pairs: Sequence[tuple[MassEstimate, MassEstimate]], days: str) -> list[str]:
    """One block of figures, aligned."""
    if not pairs:
        return []
    rows = [("", "a day", days, "factor set")]
    for day, over in pairs:
        factor = f"{day.row.set}: {day.row.value} {day.row.unit}, {day.row.title}"
        rows.append((day.row.yields, _weight(day.mass), _weight(over.mass), factor))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    body = [
        f"  {row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}" for row in rows
    ]
    return [title, *body, ""]


def _weight(mass: Mass) -> str:
    """In tonnes, below one of them in kilograms."""
    return mass.text("t" if mass.to("t").estimate >= 1 else "kg", DIGITS)


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("s" if count != 1 else "")


def _grades_text(account: Account) -> list[str]:
    """The split by grade and the lines behind it."""
    if account.power is None:
        return []
    text = ["", "By grade"]
    for grade, power in account.power.by_grade.items():
        count = account.power.count[grade]
        text.append(f"  {grade} {MEANING[grade]}: {power.to('kWh/d').text()} kWh a day, {_of(count, 'item')}")
    if account.observed is not None:
        text.append(f"Observed only: {_kwh(account.observed)}")
    text += ["", "Lines"]
    for line in account.lines[:MOST_LINES]:
        seen = "" if line.seen is None else f", seen {line.seen.hours.text()} h"
        text.append(f"  {_plain(line.name)}: {line.power.power.text('kW')} ({line.power.grade}){seen}")
        text += [
            f"      {_plain(part)}" for part in (line.what, *line.power.inputs, *line.power.notes) if part
        ]
    if len(account.lines) > MOST_LINES:
        text.append(f"  and {len(account.lines) - MOST_LINES} more; --format json has them all")
    return [*text, ""]


def _plain(text: str) -> str:
    """What a terminal must not obey, escaped."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def factor_list(site: Path | None = None) -> str:
    """All factor sets with their sources, in lines."""
    rows = [("set", "yields", "kg/kWh", "status", "what, and from where")]
    rows += [
        (r.set, r.yields, "-" if r.value is None else f"{r.value:g}", r.status, f"{r.title}; {r.source}")
        for r in factors(site)
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "".join("  ".join([*(row[i].ljust(widths[i]) for i in range(4)), row[4]]) + "\n" for row in rows)
