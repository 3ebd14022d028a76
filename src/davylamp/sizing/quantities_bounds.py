"""Numbers that know how far they can be trusted: ``≥ 500``, ``≤ 68``, ``≈ 60``, ``432 (400 to 460)``.

A release says "500余" and means at least 500; a sum in which that becomes 500 lies. A `Bounded` keeps both ends
through + - * /, so that ``≥`` stays ``≥`` and a difference of two lower bounds says that it is bounded nowhere.
Bounds are added as they are, without any hope that errors cancel: sums of many are wider than they need be.

Source   publications of the campaign for the forms; Moore, Interval Analysis (1966) for the arithmetic
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, TypeAlias

from davylamp.errors import BadUse
from davylamp.records import Interval

LONGEST_TEXT: Final = 80  # judged: a number with its unit, not a sentence
SAME: Final = 1e-9  # judged: relative difference below which two ends are one number
INTERVAL_DIGITS: Final = 3  # judged: no interval here is known to a thousandth
MAGNITUDES: Final = {"": 1.0, "千": 1e3, "万": 1e4, "百万": 1e6, "千万": 1e7, "亿": 1e8, "万亿": 1e12}


class QuantityError(BadUse):
    """Quantities that cannot be combined, or a text that is no quantity (E-QTY-nnn)."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number between ``low`` and ``high``, either of which may be infinite; ``about`` marks an "about".

    Raises:
        QuantityError: E-QTY-001 when the three are out of order or the estimate is not finite.
    """

    low: float
    estimate: float
    high: float
    about: bool = False

    def __post_init__(self) -> None:
        ordered = self.low <= self.estimate <= self.high
        if not ordered or not math.isfinite(self.estimate):
            said = f"{self.low} to {self.high} around {self.estimate}"
            raise QuantityError("E-QTY-001", f"bounds out of order: {said}", "low <= estimate <= high")

    def __add__(self, other: "Number") -> "Bounded":
        o = bounded(other)
        about = self.about or o.about
        return Bounded(self.low + o.low, self.estimate + o.estimate, self.high + o.high, about)

    __radd__ = __add__

    def __neg__(self) -> "Bounded":
        return Bounded(-self.high, -self.estimate, -self.low, self.about)

    def __sub__(self, other: "Number") -> "Bounded":
        return self + -bounded(other)

    def __rsub__(self, other: "Number") -> "Bounded":
        return bounded(other) - self

    def __mul__(self, other: "Number") -> "Bounded":
        o = bounded(other)
        ends = [_times(a, b) for a in (self.low, self.high) for b in (o.low, o.high)]
        return _ordered(min(ends), self.estimate * o.estimate, max(ends), self.about or o.about)

    __rmul__ = __mul__

    def __truediv__(self, other: "Number") -> "Bounded":
        o = bounded(other)
        if o.low < 0 < o.high or o.estimate == 0:
            hint = "give the divisor a bound away from 0"
            raise QuantityError("E-QTY-002", f"division by {o}, which may be 0", hint)
        low = -math.inf if o.high == 0 else 1 / o.high
        high = math.inf if o.low == 0 else 1 / o.low
        return self * _ordered(low, 1 / o.estimate, high, o.about)

    def __rtruediv__(self, other: "Number") -> "Bounded":
        return bounded(other) / self

    @property
    def is_exact(self) -> bool:
        """Whether it is one number and no "about"."""
        return self.low == self.high and not self.about

    @property
    def interval(self) -> Interval:
        """The same as a plain record; ends may be infinite."""
        return Interval(self.low, self.estimate, self.high)

    def text(self, digits: int = 4) -> str:
        """As a reader writes it: with so many significant digits and whole numbers in full, intervals with three.

        Seven digits of a guess would claim a knowledge that its interval denies.
        """
        ends = (self.low, self.estimate, self.high)
        spread = [v for v in ends if math.isfinite(v) and not math.isclose(v, self.estimate, rel_tol=SAME)]
        if spread and spread != [0.0]:
            ends = (_coarse(self.low), _coarse(self.estimate), _coarse(self.high))
        low, mid, high = (figure(v, digits) for v in ends)
        mark = "≈ " if self.about else ""
        if math.isinf(self.high) and (math.isinf(self.low) or self.low <= 0 < self.estimate):
            return f"unknown (nominally {mid})"
        if math.isinf(self.high):
            return f"{mark}≥ {low}" if low == mid else f"{mark}{mid} (≥ {low})"
        at_low, at_high = (math.isclose(self.estimate, end, rel_tol=SAME) for end in (self.low, self.high))
        if math.isinf(self.low) or (self.low == 0 and (at_low or at_high) and self.high > 0):
            return f"{mark}≤ {high}"
        if at_low and at_high:
            return mark + mid
        if at_low or at_high:
            return f"{mark}≥ {low} (≤ {high})" if at_low else f"{mark}≤ {high} (≥ {low})"
        return f"{mark}{mid} ({low} to {high})"

    def __str__(self) -> str:
        return self.text()


Number: TypeAlias = "Bounded | Interval | float | int"


def bounded(value: Number) -> Bounded:
    """A number, interval or bounded number as a bounded number."""
    if isinstance(value, Bounded):
        return value
    if isinstance(value, Interval):
        return Bounded(value.low, value.estimate, value.high)
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "only plain numbers multiply and divide a quantity"
        raise QuantityError("E-QTY-003", f"{type(value).__name__} is not a plain number", hint)
    return Bounded(float(value), float(value), float(value))


def at_least(value: float) -> Bounded:
    """``≥ value``."""
    return Bounded(value, value, math.inf)


def at_most(value: float) -> Bounded:
    """``≤ value`` for what cannot be negative."""
    return Bounded(min(0.0, value), value, value)


def about(value: float) -> Bounded:
    """``≈ value``: nobody said how near."""
    return Bounded(value, value, value, about=True)


def figure(value: float, digits: int = 4) -> str:
    """A number for readers: so many significant digits, thousands separated, no digit of a whole part dropped."""
    if math.isinf(value) or value == 0:
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places < 0:
        return f"{value:,.0f}"
    fixed = f"{value:,.{min(places, 12)}f}"
    return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed


def _coarse(value: float) -> float:
    """To three significant digits."""
    return float(f"{value:.{INTERVAL_DIGITS}g}")


def _times(a: float, b: float) -> float:
    """A product in which 0 times an unbounded end is 0."""
    return 0.0 if a == 0 or b == 0 else a * b


def _ordered(low: float, estimate: float, high: float, is_about: bool) -> Bounded:
    """A result whose estimate rounding may have carried a hair outside."""
    return Bounded(min(low, estimate), estimate, max(high, estimate), is_about)


# --- texts -------------------------------------------------------------------------------------------------

_LEAST: Final = r"≥|>=|>|不少于|不低于|至少|超过|超|逾|at least|more than|over"
_MOST: Final = r"≤|<=|<|不超过|不多于|至多|最多|at most|up to|less than|under"
_NEAR: Final = r"近|不足|nearly|almost"
_ABOUT: Final = r"≈|~|大约|约为|约|about|approximately|approx\.?|circa|ca\."
_FIGURE: Final = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?"
_MAGNITUDE: Final = "万亿|千万|百万|亿|万|千(?![瓦克])"
_TEXT: Final = re.compile(
    rf"(?P<mark>{_LEAST}|{_MOST}|{_NEAR}|{_ABOUT})?\s*(?P<figure>{_FIGURE})\s*"
    rf"(?:(?:-|–|—|~|至|到|to)\s*(?P<second>{_FIGURE})\s*)?"
    rf"(?P<more>余|多|\+)?\s*(?P<magnitude>{_MAGNITUDE})?(?P<after>余|多|\+)?\s*(?P<unit>[^\d≥≤≈<>+]*?)\s*"
    r"(?P<tail>以上|以下|以内|左右|上下)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A number out of a text, and the unit that followed it as it was written."""

    amount: Bounded
    unit: str


def read_amount(text: str) -> Reading:
    """Read ``≥500``, ``约500``, ``500余人``, ``14.85万千瓦时``, ``≈ 60 t/d``, ``200-300 W``, ``over 10 PH/s``.

    "Over 500" is kept as ``≥ 500``, "nearly 500" as ``≈ ≤ 500``. Full-width characters count as their narrow ones.

    Raises:
        QuantityError: E-QTY-004 when it is no number with at most one mark and one unit.
    """
    plain = unicodedata.normalize("NFKC", text[: LONGEST_TEXT + 1]).strip()
    found = _TEXT.fullmatch(plain) if len(plain) <= LONGEST_TEXT else None
    if found is None:
        hint = "for instance ≥ 500, 约500, 500余, 14.85万千瓦时, 200-300 W"
        raise QuantityError("E-QTY-004", f"{plain[:40]!r} is no quantity", hint)
    part = {name: value or "" for name, value in found.groupdict().items()}
    scale = MAGNITUDES[part["magnitude"]]
    value = _number(part["figure"]) * scale
    marks = (part["mark"].lower(), part["more"] or part["after"], part["tail"])
    if part["second"]:
        end = _number(part["second"]) * scale
        if end < value:
            raise QuantityError("E-QTY-004", f"{plain[:40]!r} runs backwards", "write the smaller first")
        return Reading(Bounded(value, (value + end) / 2, end, bool(_is(_ABOUT, marks[0]))), part["unit"])
    return Reading(_marked(value, marks, plain), part["unit"])


def _marked(value: float, marks: tuple[str, str, str], plain: str) -> Bounded:
    """The number under its marks: before it, right behind it, at the end."""
    before, behind, tail = marks
    least = _is(_LEAST, before) or bool(behind) or tail == "以上"
    most = _is(_MOST, before) or _is(_NEAR, before) or tail in ("以下", "以内")
    nearly = _is(_ABOUT, before) or _is(_NEAR, before) or tail in ("左右", "上下")
    if least and most:
        raise QuantityError("E-QTY-004", f"{plain[:40]!r} is bounded both ways at one number", "drop a mark")
    base = at_least(value) if least else at_most(value) if most else bounded(value)
    return Bounded(base.low, base.estimate, base.high, nearly)


def _is(pattern: str, mark: str) -> bool:
    return bool(mark) and re.fullmatch(pattern, mark) is not None


def _number(text: str) -> float:
    value = float(text.replace(",", ""))
    if not math.isfinite(value):
        raise QuantityError("E-QTY-004", f"{text[:40]!r} is out of all measure", "write a finite number")
    return value
