"""Quantities as people read them: estimate, interval and unit together, three significant digits.

Unknown is a word, never a blank and never 0.
"""

import math
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from davylamp.records import Interval
from davylamp.report.words import Lang, say

PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
DASH: Final = "–"
SMALLEST: Final = 1e-3  # judged: outside these no prefix helps, and plain digits would have no end
LARGEST: Final = 1e27
_UNITS: Final = (  # judged: proofs that count solutions or graphs, by how their algorithms are named
    ("equihash", "Sol/s"),
    ("zhash", "Sol/s"),
    ("beamhash", "Sol/s"),
    ("beam", "Sol/s"),
    ("cuck", "gps"),
)


def rate_unit(algorithm: str | None) -> str:
    """The unit that miners of ``algorithm`` count in: ``H/s``, ``Sol/s`` or ``gps`` (graphs per second)."""
    name = (algorithm or "").lower()
    return next((unit for start, unit in _UNITS if name.startswith(start)), "H/s")


def is_number(interval: Interval | None) -> bool:
    """An interval whose three numbers are finite and in order."""
    if interval is None:
        return False
    low, estimate, high = interval.low, interval.estimate, interval.high
    return all(map(math.isfinite, (low, estimate, high))) and 0 <= low <= estimate <= high


def decimals(value: float, digits: int = 3) -> int:
    """Decimal places that give ``value`` (>= 0) ``digits`` significant digits, at least 0."""
    if value <= 0:
        return 0
    return max(0, digits - 1 - math.floor(math.log10(value)))


def scale(value: float, base: float = 1000.0) -> tuple[float, str]:
    """The divisor and prefix that bring ``value`` (>= 0) to 1..999 after rounding to three digits."""
    divisor = 1.0
    for prefix in PREFIXES[:-1]:
        if value / divisor < base - 0.5:
            return divisor, prefix
        divisor *= base
    return divisor, PREFIXES[-1]


def _bound(value: float, places: int) -> str:
    """A bound with the estimate's places; more when it would vanish, fewer when it is far larger."""
    if value <= 0:
        return "0"
    if not SMALLEST <= value < LARGEST:
        return f"{value:.2e}"
    return f"{value:,.{max(min(places, decimals(value)), decimals(value, 2) if value < 1 else 0)}f}"


def rate(interval: Interval | None, algorithm: str | None, lang: Lang = "en") -> str:
    """``1.96 kH/s (1.90–2.01)``; ``≤ 2.30 kH/s`` when no share was seen; the word for unknown otherwise."""
    estimate, spread = rate_parts(interval, algorithm, lang)
    return f"{estimate} ({spread})" if spread else estimate


def rate_parts(interval: Interval | None, algorithm: str | None, lang: Lang = "en") -> tuple[str, str]:
    """Estimate with unit, and the interval (empty when there is only an upper bound or nothing)."""
    if interval is None or not is_number(interval):
        return say("unknown", lang), ""
    unit = rate_unit(algorithm)
    if interval.estimate == 0:
        return f"≤ {significant(interval.high, unit)}", ""
    if not SMALLEST <= interval.estimate < LARGEST:
        return f"{interval.estimate:.2e} {unit}", f"{interval.low:.2e}{DASH}{interval.high:.2e}"
    divisor, prefix = scale(interval.estimate)
    value = interval.estimate / divisor
    places = decimals(float(f"{value:.3g}"))
    low, high = (_bound(b / divisor, places) for b in (interval.low, interval.high))
    return f"{value:,.{places}f} {prefix}{unit}", f"{low}{DASH}{high}"


def amount_parts(interval: Interval | None, lang: Lang = "en") -> tuple[str, str]:
    """Estimate and interval without a unit, which stands in the column's head: ``12.4`` and ``9.8–16.1``.

    An estimate of 0 means that only the upper bound is known: ``≤ 2.30``. An exact number has no interval.
    """
    if interval is None or not is_number(interval):
        return say("unknown", lang), ""
    low, estimate, high = interval.low, interval.estimate, interval.high
    if estimate == 0:
        return (f"≤ {_alone(high)}" if high else "0"), ""
    if not SMALLEST <= estimate < LARGEST:
        return f"{estimate:.2e}", f"{low:.2e}{DASH}{high:.2e}" if low < high else ""
    places = decimals(float(f"{estimate:.3g}"))
    shown = f"{estimate:,.{places}f}"
    return shown, f"{_bound(low, places)}{DASH}{_bound(high, places)}" if low < high else ""


def amount(interval: Interval | None, unit: str, lang: Lang = "en") -> str:
    """``12.4 kW (9.8–16.1)``; the word for unknown otherwise."""
    estimate, spread = amount_parts(interval, lang)
    if interval is None or not is_number(interval):
        return estimate
    return f"{estimate} {unit} ({spread})" if spread else f"{estimate} {unit}"


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval in another unit."""
    return Interval(interval.low * factor, interval.estimate * factor, interval.high * factor)


def count_parts(low: int, estimate: int, high: int | None) -> tuple[str, str]:
    """A number of things and its bounds: ``5`` and ``3–7``; ``≥ 5`` where nothing bounds it above."""
    if high is None:
        return (f"≥ {count(low)}", "") if low == estimate else (count(estimate), f"≥ {count(low)}")
    return count(estimate), "" if low == high else f"{count(low)}{DASH}{count(high)}"


def _alone(value: float) -> str:
    """A number (> 0) that stands by itself, with three significant digits."""
    if not SMALLEST <= value < LARGEST:
        return f"{value:.2e}"
    return f"{value:,.{decimals(float(f'{value:.3g}'))}f}"


def significant(value: float, unit: str) -> str:
    """``value`` (>= 0) with a decimal prefix and three significant digits: ``1.50 GB``, ``0 H/s``."""
    if value <= 0:
        return f"0 {unit}"
    if not SMALLEST <= value < LARGEST:
        return f"{value:.2e} {unit}"
    divisor, prefix = scale(value)
    scaled = value / divisor
    return f"{scaled:,.{decimals(float(f'{scaled:.3g}'))}f} {prefix}{unit}"


def count(value: int) -> str:
    """An exact count with its thousands separated."""
    return f"{value:,}"


def size(value: int) -> str:
    """Bytes: exact below 1000, then three significant digits."""
    return f"{value} B" if value < 1000 else significant(value, "B")


def duration(seconds: float, lang: Lang = "en") -> str:
    """The two largest units of a duration: ``12 min 30 s``, ``3 h 5 min``, ``2 d 4 h``."""
    if not math.isfinite(seconds) or seconds < 0:
        return say("unknown", lang)
    left = round(seconds)
    if left < 1:
        return say("under_a_second", lang)
    parts = []
    for key, step in (("day_unit", 86400), ("hour_unit", 3600), ("minute_unit", 60), ("second_unit", 1)):
        if left >= step:
            parts.append(f"{left // step} {say(key, lang)}")
        left %= step
    return " ".join(parts[:2])


def probability(value: float, lang: Lang = "en") -> str:
    """A probability that never rounds to certainty: ``0.87``, ``> 0.999``, ``< 0.001``."""
    if not 0 <= value <= 1:
        return say("unknown", lang)
    if value > 0.999:
        return "> 0.999"
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value > 0.99 else f"{value:.2f}"


# --- times -------------------------------------------------------------------------------------------------


def local_zone(at_ns: int | None) -> tzinfo:
    """The machine's zone as the fixed offset it had at ``at_ns``, so that one table has one zone."""
    when = at(at_ns, UTC) if at_ns is not None else None
    zone = (when or datetime.now(UTC)).astimezone().tzinfo
    return zone or UTC


def at(ns: int, zone: tzinfo) -> datetime | None:
    """Unix nanoseconds as a time in ``zone``; None when no calendar holds it."""
    try:
        return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=ns // 1000)).astimezone(zone)
    except (OverflowError, ValueError):
        return None


def zone_name(zone: tzinfo, when: datetime | None = None) -> str:
    """``UTC`` or ``UTC+08:00``."""
    offset = zone.utcoffset(when) or timedelta(0)
    return "UTC" if not offset else str(timezone(offset))


def moment(ns: int | None, zone: tzinfo, lang: Lang = "en") -> str:
    """``2021-03-11 14:02:03 UTC+08:00``."""
    when = at(ns, zone) if ns is not None else None
    if when is None:
        return say("unknown", lang)
    return f"{when:%Y-%m-%d %H:%M:%S} {zone_name(zone, when)}"


def span(first_ns: int, last_ns: int, zone: tzinfo, *, year: bool = True) -> tuple[str, str]:
    """Since and until, to the minute: ``2021-03-11 14:02`` and ``15:33``; day and year again when they differ."""
    first, last = at(first_ns, zone), at(last_ns, zone)
    if first is None or last is None:
        return "?", "?"
    shape = "%Y-%m-%d %H:%M" if year else "%m-%d %H:%M"
    if first.date() == last.date():
        return first.strftime(shape), last.strftime("%H:%M")
    return first.strftime(shape), last.strftime("%m-%d %H:%M" if first.year == last.year else shape)


def rfc3339(ns: int) -> str:
    """UTC with all nine decimals: ``2021-03-11T06:02:03.000000001Z``.

    A time before year 1 or after 9999, which no capture can hold, is moved to the nearer end of that range.
    """
    seconds, rest = divmod(max(-62_135_596_800 * 10**9, min(ns, 253_402_300_800 * 10**9 - 1)), 10**9)
    when = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{when.isoformat(timespec='seconds')}.{rest:09d}Z"
