"""Shipped tables: vocabulary as data, each row with its source and the day it was reviewed.

A table is a CSV file beside this module and a frozen dataclass here; the field's type says how its cell is read
(``tuple[str, ...]`` is separated by semicolons, an empty cell of an optional field is None). All faults of a
table are reported at once, each with its line.

An operator may add pools in ``pools.csv`` of a ``site/`` folder; upgrades never touch it.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from davylamp.errors import TableError

FOLDER: Final = Path(__file__).parent
CELL_CHARACTERS: Final = 4096  # judged: the longest cell of a shipped table has a few hundred
MOST_FAULTS: Final = 50  # judged: whoever has more is mistaken about the file, not about its rows

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DialectRow:
    """One mining dialect; the row is its registration."""

    dialect: str
    module: str
    title: str
    carriers: str  # separated by semicolons
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class DetectorRow:
    """One detector; the row is its registration."""

    detector: str
    module: str
    subject: str
    family: str
    title: str
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class CoinRow:
    """One coin in one span of time with one algorithm; a coin that changed its algorithm has several rows.

    ``share`` is the judged part of its algorithm's miners that mine this coin, the weight of a candidate
    before any evidence. ``first_reward`` and ``halving_blocks`` give the block subsidy where it halves.
    """

    coin: str
    name: str
    algorithm: str
    since: date
    until: date | None
    share: float
    block_s: float | None
    first_reward: float | None
    halving_blocks: int | None
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class AlgorithmRow:
    """One proof-of-work algorithm and what one unit of pool difficulty is worth in it.

    ``block_hash_is_pow`` says whether the id of a block is the hash that was mined (it then has the leading
    zeros), ``limit_bits`` the log2 of the easiest target any of its chains allows.
    """

    algorithm: str
    unit: str
    dialects: tuple[str, ...]
    aliases: tuple[str, ...]
    stratum_low: float | None
    stratum_estimate: float | None
    stratum_high: float | None
    convention: str
    block_hash_is_pow: bool | None
    limit_bits: int | None
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One pool domain. ``kind``: pool, market (hashpower is sold), switching (coin changes), donation.

    ``payout`` is the coin that a market or switching pool pays in, ``tags`` are texts it leaves in coinbases.
    """

    domain: str
    pool: str
    kind: str
    coins: tuple[str, ...]
    payout: str
    tags: tuple[str, ...]
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class ChainRow:
    """Height and difficulty of a coin's main chain on one day (UTC); either may be missing.

    ``difficulty`` is that of the compact target, 65535 * 2^208 / target, whatever the coin itself displays;
    ``version`` the major version of its blocks from this day on.
    """

    coin: str
    day: date
    height: int | None
    difficulty: float | None
    version: int | None
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One family of mining software, by the lower-case start of its agent text; ``algorithms`` it is made for."""

    agent: str
    family: str
    algorithms: tuple[str, ...]
    donation_wallets: tuple[str, ...]
    source: str
    reviewed: str


POOL_KINDS: Final = ("pool", "market", "switching", "donation")


def _flag(cell: str) -> bool:
    if cell not in ("yes", "no"):
        raise ValueError("neither yes nor no")
    return cell == "yes"


def _finite(cell: str) -> float:
    number = float(cell)
    if not 0 <= number < float("inf"):
        raise ValueError("no finite number of at least 0")
    return number


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


READERS: Final[dict[Any, Callable[[str], Any]]] = {
    str: str,
    int: int,
    float: _finite,
    bool: _flag,
    date: date.fromisoformat,
    tuple[str, ...]: _several,
    int | None: int,
    float | None: _finite,
    bool | None: _flag,
    date | None: date.fromisoformat,
}


def read_table(path: Path, kind: type[_T], key: tuple[str, ...]) -> tuple[_T, ...]:
    """All rows of a CSV table.

    Args:
        path: a UTF-8 file with a header line.
        kind: the row's dataclass; its fields are the columns.
        key: columns that together are unique.

    Raises:
        TableError: E-TAB-001 when the file cannot be read, E-TAB-002 with every fault and its line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError("E-TAB-001", f"table {path} cannot be read: {error}", "it is UTF-8 text") from error
    columns = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    lines = csv.reader(text.splitlines())
    rows: list[_T] = []
    faults: list[str] = []
    header = [cell.strip() for cell in next(lines, [])]
    if sorted(header) != sorted(columns):
        faults.append(f"line 1: columns are {','.join(header)}, expected {','.join(columns)}")
    seen: dict[tuple[Any, ...], int] = {}
    for cells in lines if not faults else ():
        if not cells:
            continue
        row, wrong = _read_row(dict(zip(header, cells, strict=False)), kind)
        if len(cells) != len(header):
            wrong = [f"{len(cells)} cells, expected {len(header)}"]
        elif row is not None:
            place = tuple(getattr(row, column) for column in key)
            first = seen.setdefault(place, lines.line_num)
            wrong = [f"repeats line {first}"] if first != lines.line_num else []
        faults += [f"line {lines.line_num}: {fault}" for fault in wrong]
        if row is not None:
            rows.append(row)
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise TableError(
            "E-TAB-002",
            f"table {path}: " + "; ".join(faults[:MOST_FAULTS]) + more,
            f"columns: {', '.join(columns)}; several values in a cell are separated by semicolons",
        )
    return tuple(rows)


def _read_row(cells: dict[str, str], kind: type[_T]) -> tuple[_T | None, list[str]]:
    """One row, or None and what is wrong with its cells."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in fields(kind):  # type: ignore[arg-type]
        cell = cells.get(field.name, "").strip()
        try:
            values[field.name] = _read_cell(cell, field.name, field.type)
        except ValueError as error:
            faults.append(f"{field.name} {cell[:40]!r}: {error}")
    return (kind(**values) if not faults else None), faults


def _read_cell(cell: str, name: str, kind: Any) -> Any:
    """The value of one cell."""
    if len(cell) > CELL_CHARACTERS or not cell.isprintable():
        raise ValueError("too long or not printable")
    if name in ("source", "reviewed") and not cell:
        raise ValueError("missing")
    if name == "reviewed":
        date.fromisoformat(cell)
    if not cell and kind not in (str, tuple[str, ...]):
        if str(kind).endswith("| None"):
            return None
        raise ValueError("missing")
    return READERS[kind](cell)


@cache
def dialects() -> tuple[DialectRow, ...]:
    """Mining dialects, in the order in which their claims are compared."""
    return read_table(FOLDER / "dialects.csv", DialectRow, ("dialect",))


@cache
def detectors() -> tuple[DetectorRow, ...]:
    """Detectors."""
    return read_table(FOLDER / "detectors.csv", DetectorRow, ("detector",))


@cache
def coins() -> tuple[CoinRow, ...]:
    """Coins by spans of time with one algorithm."""
    return read_table(FOLDER / "coins.csv", CoinRow, ("coin", "algorithm", "since"))


@cache
def algorithms() -> tuple[AlgorithmRow, ...]:
    """Proof-of-work algorithms."""
    return read_table(FOLDER / "algorithms.csv", AlgorithmRow, ("algorithm",))


@cache
def chains() -> tuple[ChainRow, ...]:
    """Dated anchors of main chains, each coin's in order of time."""
    rows = read_table(FOLDER / "chains.csv", ChainRow, ("coin", "day"))
    return tuple(sorted(rows, key=lambda row: (row.coin, row.day)))


@cache
def agents() -> tuple[AgentRow, ...]:
    """Mining software, the longest beginnings first."""
    rows = read_table(FOLDER / "agents.csv", AgentRow, ("agent",))
    return tuple(sorted(rows, key=lambda row: -len(row.agent)))


@cache
def pools(site: Path | None = None) -> tuple[PoolRow, ...]:
    """Pool domains: the site's own rows first, then the shipped ones that they do not replace.

    Args:
        site: the operator's folder; its ``pools.csv`` has the same columns and may be missing.

    Raises:
        TableError: also E-TAB-003, a kind of pool that is none.
    """
    shipped = read_table(FOLDER / "pools.csv", PoolRow, ("domain",))
    own: tuple[PoolRow, ...] = ()
    if site is not None and (site / "pools.csv").exists():
        own = read_table(site / "pools.csv", PoolRow, ("domain",))
    known = {row.domain.lower() for row in own}
    rows = own + tuple(row for row in shipped if row.domain.lower() not in known)
    odd = [f"{row.domain}: kind {row.kind!r}" for row in rows if row.kind not in POOL_KINDS]
    if odd:
        raise TableError("E-TAB-003", "; ".join(odd), f"kinds are {', '.join(POOL_KINDS)}")
    return rows


def pool_domains(site: Path | None = None) -> tuple[str, ...]:
    """Domains of known pools, lower case; a host belongs to one by whole labels."""
    return tuple(row.domain.lower() for row in pools(site))


def pool_of(host: str, site: Path | None = None) -> PoolRow | None:
    """The pool that a host name (a port may follow) belongs to, compared by whole labels."""
    name = host.strip().lower().partition("://")[2] or host.strip().lower()
    labels = name.partition("/")[0].partition(":")[0].rstrip(".").split(".")
    index = _by_domain(site)
    for start in range(len(labels) - 1):
        row = index.get(".".join(labels[start:]))
        if row is not None:
            return row
    return None


@cache
def _by_domain(site: Path | None) -> dict[str, PoolRow]:
    return {row.domain.lower(): row for row in pools(site)}
