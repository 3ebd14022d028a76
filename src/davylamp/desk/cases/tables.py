"""The tables of casework: indicators of the worksheet, shipped tasks, measures. Rows are data, each with its source."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from davylamp.tables import read_table

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Indicator:
    """One sign toward a label. ``weight`` is judged: nobody has measured how often it misleads."""

    key: str
    toward: str  # active, passive, research, false_alarm
    weight: float
    side: tuple[str, ...]  # sides whose evidence can show it
    title: str
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class ShippedTask:
    """One task of a case; ``when`` is always or the label it belongs to, ``after`` are keys that come first."""

    key: str
    phase: str
    position: int
    when: str
    after: tuple[str, ...]
    title: str
    detail: str
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: its stream, whom it may meet, and the duties that may enter it."""

    key: str
    stream: str
    against: tuple[str, ...]  # person, organisation
    duties: tuple[str, ...]
    title: str
    source: str
    reviewed: str


@cache
def indicators() -> dict[str, Indicator]:
    """By key, in the order of the worksheet."""
    return {row.key: row for row in read_table(FOLDER / "indicators.csv", Indicator, ("key",))}


@cache
def shipped_tasks() -> dict[str, ShippedTask]:
    """By key, in the order of work."""
    return {row.key: row for row in read_table(FOLDER / "tasks.csv", ShippedTask, ("key",))}


@cache
def measures() -> dict[str, Measure]:
    """By key."""
    return {row.key: row for row in read_table(FOLDER / "measures.csv", Measure, ("key",))}
