"""What all rows of ``scan.schema.json`` share: their type, and numbers and times that JSON can hold."""

import math
from typing import TypeAlias

from davylamp.records import Interval
from davylamp.report.numbers import is_number, rfc3339

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Row: TypeAlias = dict[str, Value]


def interval_row(interval: Interval | None) -> Row | None:
    """Low, estimate and high; None unless all three are finite and in order."""
    if interval is None or not is_number(interval):
        return None
    return {"low": interval.low, "estimate": interval.estimate, "high": interval.high}


def finite(value: float) -> float | None:
    """The number, or None where JSON has none for it."""
    return float(value) if math.isfinite(value) else None


def optional_time(ns: int | None) -> str | None:
    """RFC 3339 in UTC, or None."""
    return None if ns is None else rfc3339(ns)
