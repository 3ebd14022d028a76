"""Two small charts on one axis of time, inline SVG: shares as columns, hashrate as a step line in a band.

Everything is drawn with classes; colors come from the page, so that dark theme and paper
need no second drawing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Final

from markupsafe import Markup, escape

from davylamp.report.numbers import at, decimals, scale
from davylamp.report.rates import RateBin, ShareColumn

WIDTH: Final = 900
LEFT: Final = 58  # room for the numbers of the vertical axis
RIGHT: Final = 14
TOP: Final = 8
BOTTOM: Final = 20
SHARES_HEIGHT: Final = 92
RATE_HEIGHT: Final = 150
MOST_TICKS: Final = 9  # judged: labels of 70 units side by side
BAND_CAP: Final = 3.0  # judged: a band may reach this many times the highest estimate before it is cut off
_TICKS_S: Final = (
    60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
    86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from ``start_s`` to ``end_s`` (Unix seconds) along the width of a chart."""

    start_s: float
    end_s: float
    zone: tzinfo

    def x(self, time_s: float) -> float:
        """Where a time stands."""
        share = (time_s - self.start_s) / max(self.end_s - self.start_s, 1e-9)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[tuple[float, str]]:
        """Round local times and their labels; the date stands on the first and wherever it changes."""
        span = self.end_s - self.start_s
        step = next((s for s in _TICKS_S if span <= s * MOST_TICKS), _TICKS_S[-1])
        offset = at(int(self.start_s * 1e9), self.zone)
        shift = (offset.utcoffset() or timedelta(0)).total_seconds() if offset else 0.0
        found: list[tuple[float, str]] = []
        day = ""
        time_s = math.ceil((self.start_s + shift) / step) * step - shift
        while time_s <= self.end_s and len(found) <= MOST_TICKS:
            when = at(int(time_s * 1e9), self.zone)
            if when:
                date = f"{when:%m-%d}"
                clock = f"{when:%H:%M}" if step < 86400 else ""
                found.append((time_s, clock if date == day else f"{date} {clock}".strip()))
                day = date
            time_s += step
        return found


def shares_svg(columns: Sequence[ShareColumn], step_s: int, axis: Axis, label: str) -> Markup:
    """Columns of accepted shares with the rejected ones on top of them."""
    top = nice_top(max((c.accepted + c.rejected for c in columns), default=1))
    base = TOP + SHARES_HEIGHT

    def y(value: float) -> float:
        return base - value / top * SHARES_HEIGHT

    accepted, rejected = [], []
    for c in columns:
        x0, x1 = axis.x(c.start_s), axis.x(c.start_s + step_s)
        gap = min(1.0, (x1 - x0) / 4)
        if c.accepted:
            accepted.append(_box(x0 + gap / 2, y(c.accepted), x1 - gap / 2, base))
        if c.rejected:
            rejected.append(_box(x0 + gap / 2, y(c.accepted + c.rejected), x1 - gap / 2, y(c.accepted)))
    body = [
        _grid(top, y, "", 1.0, whole=True),
        _path("col", accepted),
        _path("rej", rejected),
        _times(axis, base),
    ]
    return _svg(base + BOTTOM, label, body)


def rate_svg(lines: Sequence[Sequence[RateBin]], unit: str, axis: Axis, label: str) -> Markup:
    """One step line per session inside the band of its interval."""
    bins = [b for line in lines for b in line]
    peak = max((b.estimate for b in bins), default=0.0)
    highest = max((b.high for b in bins), default=1.0)
    reach = min(highest, peak * BAND_CAP) if peak > 0 else highest
    divisor, prefix = scale(reach)
    top = nice_top(reach / divisor) * divisor
    base = TOP + RATE_HEIGHT

    def y(value: float) -> float:
        return base - min(value, top) / top * RATE_HEIGHT

    body = [_grid(top, y, f"{prefix}{unit}", divisor)]
    for line in lines:
        if line:
            edge = [(axis.x(b.start_s), axis.x(b.end_s), y(b.low), y(b.estimate), y(b.high)) for b in line]
            there = "L".join(f"{_n(x0)} {_n(h)}L{_n(x1)} {_n(h)}" for x0, x1, _, _, h in edge)
            back = "L".join(f"{_n(x1)} {_n(w)}L{_n(x0)} {_n(w)}" for x0, x1, w, _, _ in reversed(edge))
            body.append(_path("band", [f"M{there}L{back}Z"]))
            body.append(
                _path("step", ["M" + "L".join(f"{_n(a)} {_n(e)}L{_n(b)} {_n(e)}" for a, b, _, e, _ in edge)])
            )
    body.append(_times(axis, base))
    return _svg(base + BOTTOM, label, body)


def nice_top(value: float) -> float:
    """The end of an axis from 0: 1, 2, 4, 5, 6, 8 or 10 times a power of ten, at least ``value``."""
    if not (0 < value < math.inf):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in (1, 2, 4, 5, 6, 8) if value <= m * power), 10 * power)


def _grid(top: float, y: Callable[[float], float], unit: str, divisor: float, *, whole: bool = False) -> str:
    """Three lines across with their numbers; the unit stands with the highest."""
    parts = []
    for value in (0.0, top / 2, top):
        if whole and value != int(value):
            continue
        shown = value / divisor
        text = f"{shown:,.{0 if shown == int(shown) else min(2, decimals(shown, 2))}f}"
        text += f" {unit}" if unit and value == top else ""
        at_y = _n(y(value))
        parts.append(f'<path class="grid" d="M{LEFT} {at_y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="num" x="{LEFT - 6}" y="{at_y}">{escape(text)}</text>')
    return "".join(parts)


def _times(axis: Axis, base: float) -> str:
    parts = [f'<path class="axis" d="M{LEFT} {_n(base)}H{WIDTH - RIGHT}"/>']
    for time_s, text in axis.ticks():
        x = _n(axis.x(time_s))
        parts.append(f'<path class="axis" d="M{x} {_n(base)}v4"/>')
        parts.append(f'<text class="time" x="{x}" y="{_n(base + 15)}">{escape(text)}</text>')
    return "".join(parts)


def _svg(height: float, label: str, body: Sequence[str]) -> Markup:
    head = f'<svg viewBox="0 0 {WIDTH} {_n(height)}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(body) + "</svg>")  # noqa: S704  (built of numbers and escaped text)


def _path(name: str, pieces: Sequence[str]) -> str:
    return f'<path class="{name}" d="{"".join(pieces)}"/>' if pieces else ""


def _box(x0: float, y0: float, x1: float, y1: float) -> str:
    return f"M{_n(x0)} {_n(y0)}H{_n(x1)}V{_n(y1)}H{_n(x0)}z"


def _n(value: float) -> str:
    """A coordinate with one decimal at most: charts are the bulk of the file."""
    return f"{value:.1f}".removesuffix(".0")
