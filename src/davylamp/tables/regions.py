"""Administrative divisions (行政区划) by their six-digit codes, GB/T 2260, with the days on which they changed.

The first two digits name the province, the first four the city, all six the county. All provinces and the cities and
counties of Zhejiang are shipped; an operator adds others in ``regions.csv`` of a ``site/`` folder.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Literal

from davylamp.errors import TableError
from davylamp.tables import FOLDER, read_table

Level = Literal["province", "city", "county"]
DIGITS: Final[dict[Level, int]] = {"province": 2, "city": 4, "county": 6}


@dataclass(frozen=True, slots=True)
class RegionRow:
    """One division; ``since`` and ``until`` (exclusive) are empty where the code held before or still holds.

    ``successor`` is where most of an abolished division went.
    """

    code: str
    name: str
    since: date | None
    until: date | None
    successor: str
    source: str
    reviewed: str

    def holds(self, day: date) -> bool:
        """Whether the code was in force on that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class RegionNameRow:
    """What English texts call a division."""

    code: str
    english: str
    source: str
    reviewed: str


@cache
def regions(site: Path | None = None) -> tuple[RegionRow, ...]:
    """All known divisions by code: the site's own rows replace shipped ones of the same code.

    Args:
        site: the operator's folder; its ``regions.csv`` has the same columns and may be missing.

    Raises:
        TableError: E-TAB-002 for faults of a cell, E-TAB-004 for a code that is none.
    """
    rows = {row.code: row for row in read_table(FOLDER / "regions.csv", RegionRow, ("code",))}
    if site is not None and (site / "regions.csv").exists():
        rows |= {row.code: row for row in read_table(site / "regions.csv", RegionRow, ("code",))}
    odd = [code for code in rows if not is_shaped(code)]
    if odd:
        raise TableError(
            "E-TAB-004", f"region codes {', '.join(odd)}", "a code is six digits, as in GB/T 2260"
        )
    return tuple(rows[code] for code in sorted(rows))


def is_shaped(code: str) -> bool:
    """Whether the text has the form of a code: six ASCII digits that do not begin with 0."""
    return len(code) == 6 and code.isascii() and code.isdigit() and code[0] != "0"


def region_of(code: str, site: Path | None = None) -> RegionRow | None:
    """The division with that code, in force or not."""
    return _by_code(site).get(code)


def covers(province: str, site: Path | None = None) -> bool:
    """Whether the table lists the cities and counties of a province, by its two digits."""
    return any(code[:2] == province and code[2:] != "0000" for code in _by_code(site))


def roll_up(code: str, level: Level) -> str:
    """The code of the division of that level that a division lies in, or its own where it is larger already.

    >>> roll_up("330106", "city"), roll_up("330000", "county")
    ('330100', '330000')
    """
    return code[: DIGITS[level]].ljust(6, "0") if is_shaped(code) else ""


def full_name(code: str, site: Path | None = None) -> str:
    """Province, city and county, as far as the table knows them; the code itself where it knows none."""
    steps = dict.fromkeys(roll_up(code, level) for level in DIGITS)
    names = [row.name for row in map(_by_code(site).get, steps) if row is not None]
    return "".join(names) or code


@cache
def region_names() -> tuple[RegionNameRow, ...]:
    """English names: all provinces and the cities of Zhejiang; counties keep their Chinese names.

    Raises:
        TableError: E-TAB-002 for faults of a cell.
    """
    return read_table(FOLDER / "region_names.csv", RegionNameRow, ("code",))


def english_name(code: str) -> str | None:
    """What English texts call a division, or None where the table does not know."""
    return _english().get(code)


@cache
def _english() -> dict[str, str]:
    return {row.code: row.english for row in region_names()}


@cache
def _by_code(site: Path | None) -> dict[str, RegionRow]:
    return {row.code: row for row in regions(site)}
