"""A map of regions as one static picture: figures by region code in, SVG text out.

Each city is filled on one scale of amber and carries its name and its number, so that nothing hangs on color. What lies
outside the outlines is given back, to be said in words. The picture has no script, no link and no style of its own;
its classes are in ``report.css``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup, escape
from rich.cells import cell_len

from davylamp.errors import BadUse
from davylamp.report.charts import nice_top
from davylamp.report.map_labels import Points, Spot, place
from davylamp.report.numbers import LARGEST
from davylamp.report.plain import plain, shorten
from davylamp.tables.outlines import Outline, Ring
from davylamp.tables.regions import roll_up

WIDTH: Final = 880  # units of the drawing; shown at about half as many pixels
MARGIN: Final = 10
FONT: Final = 27  # units; as .map text in report.css
LINE: Final = 31
LEGEND: Final = 84
STEPS: Final = 5  # judged: shades that the eye tells apart on paper
GRID: Final = 2.0  # units, about one pixel: neighbors are rounded alike, so their border stays one line
SMALLEST_PART: Final = 2  # units; judged: an island below it is no more than dirt on the page
_CELL: Final = 0.56 * FONT  # judged: a digit's width in the fonts of report.css; a Chinese character has two
_NAME: Final = 20  # cells


@dataclass(frozen=True, slots=True)
class MapWords:
    """What a map says.

    Args:
        key: makes the names of its parts unique on the page.
        title: what it shows.
        unit: of the numbers, for the legend.
        none: what stands in place of a number where there is none.
        number: writes a number.
        name: names a region by its code.
    """

    key: str
    title: str
    unit: str
    none: str
    number: Callable[[float], str]
    name: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class RegionMap:
    """The picture, the sums it shows by city in order of size, and the sums that lie outside of it by code."""

    svg: Markup
    shown: dict[str, float]
    beside: dict[str, float]


def draw_map(figures: Mapping[str, float], outlines: Sequence[Outline], words: MapWords) -> RegionMap | None:
    """The map of ``figures``, or None when none of them lies in an outlined city.

    Args:
        figures: by code of any level; those of a county are added to its city. What has no code or another city's
            is left to ``beside``: the sums of ``shown`` and ``beside`` are the sum of the figures.
        outlines: of the cities.
        words: title, unit and names.

    Raises:
        BadUse: E-MAP-001 for figures that are no numbers from 0 to 1e27.
    """
    odd = [code for code, value in figures.items() if not 0 <= value <= LARGEST]
    if odd:
        raise BadUse(
            "E-MAP-001", f"figures of {', '.join(odd)[:200]}", "a figure is at least 0 and at most 1e27"
        )
    drawn = {outline.code for outline in outlines}
    shown: dict[str, float] = {}
    beside: dict[str, float] = {}
    for code, value in figures.items():
        city = roll_up(code, "city")
        into, key = (shown, city) if city in drawn else (beside, code)
        into[key] = into.get(key, 0) + value
    if not shown:
        return None
    shown = dict(sorted(shown.items(), key=lambda item: (-item[1], item[0])))
    return RegionMap(_svg(shown, outlines, words), shown, beside)


def _svg(shown: Mapping[str, float], outlines: Sequence[Outline], words: MapWords) -> Markup:
    parts, height = _project(outlines)
    top = nice_top(max(shown.values())) or 1.0
    texts = [_texts(o.code, shown, words) for o in outlines]
    boxes = [(max(map(_width, pair)) + 8, 2.0 * LINE) for pair in texts]
    spots = place(parts, boxes, (WIDTH, height))
    told = "; ".join(f"{name} {number}" for name, number in texts)
    names = "".join(c if c.isascii() and c.isalnum() else "-" for c in words.key)
    head = (
        f'<svg class="map" viewBox="0 0 {WIDTH} {height + LEGEND}" role="img" aria-labelledby="{names}-t {names}-d">'
        f'<title id="{names}-t">{_text(words.title)}</title>'
        f'<desc id="{names}-d">{_text(words.unit)}: {escape(told)}</desc>'
    )
    land = [
        f'<path class="land s{_shade(shown.get(o.code), top)}" d="{"".join(map(_path, rings))}"/>'
        for o, rings in zip(outlines, parts, strict=True)
    ]
    labels = [_label(spot, pair) for spot, pair in zip(spots, texts, strict=True)]
    body = "".join(land + labels) + _legend(height, top, words)
    return Markup(head + body + "</svg>")  # noqa: S704  (built of numbers and escaped text)


def _texts(code: str, shown: Mapping[str, float], words: MapWords) -> tuple[str, str]:
    number = words.number(shown[code]) if code in shown else words.none
    return shorten(words.name(code), _NAME), shorten(number, _NAME)


def _text(text: str) -> Markup:
    return escape(plain(text))


def _width(text: str) -> float:
    return cell_len(text) * _CELL


def _shade(value: float | None, top: float) -> int:
    """The step of the scale from 1 to ``STEPS``; 0 where there is nothing."""
    if not value:
        return 0
    return max(1, min(STEPS, math.ceil(value / top * STEPS)))


def _project(outlines: Sequence[Outline]) -> tuple[list[list[Points]], int]:
    """Rings in whole units of the drawing, and its height.

    Equirectangular, true at the middle latitude. Of a region too small to draw a dot remains.
    """
    everything = np.array([point for outline in outlines for ring in outline.rings for point in ring])
    (west, south), (east, north) = everything.min(axis=0), everything.max(axis=0)
    narrow = math.cos(math.radians((south + north) / 2))
    across, down = max((east - west) * narrow, 1e-9), max(north - south, 1e-9)
    unit = (WIDTH - 2 * MARGIN) / max(across, down)
    corner = np.array([(WIDTH - across * unit) / 2, MARGIN])

    def at(places: Points) -> Points:
        exact: Points = (places - (west, north)) * (narrow * unit, -unit) + corner
        whole: Points = np.round(exact / GRID) * GRID
        return whole

    def drawn(ring: Ring) -> Points:
        line = at(np.array(ring))
        return line[np.any(line != np.roll(line, 1, axis=0), axis=1)]

    made = []
    for outline in outlines:
        rings = sorted(map(drawn, outline.rings), key=len, reverse=True)
        large = [r for r in rings if len(r) > 2 and np.ptp(r, axis=0).max() > SMALLEST_PART]
        made.append(large or [at(np.array(outline.seat)) + np.array([(-2, -2), (2, -2), (2, 2), (-2, 2)])])
    return made, math.ceil(down * unit) + 2 * MARGIN


def _path(ring: Points) -> str:
    """A closed path in whole relative steps: outlines are the bulk of the picture."""
    whole = ring.astype(np.int64)
    steps = np.diff(whole, axis=0)
    return f"M{whole[0, 0]} {whole[0, 1]}l" + " ".join(f"{x} {y}" for x, y in steps.tolist()) + "z"


def _label(spot: Spot, texts: tuple[str, str]) -> str:
    """Name above number, each with a rim in the color of the page, and a line where it stands outside."""
    x, y = round(spot.x), round(spot.y)
    line = f'<path class="lead-to" d="M{x} {y}L{spot.lead[0]:.0f} {spot.lead[1]:.0f}"/>' if spot.lead else ""
    name, number = map(escape, texts)
    return (
        f'{line}<text x="{x}" y="{y - 6}">{name}</text>'
        f'<text class="figure" x="{x}" y="{y + LINE - 8}">{number}</text>'
    )


def _legend(height: float, top: float, words: MapWords) -> str:
    """Shades from nothing to the end of the scale, with the numbers at both ends and the unit."""
    side, y = 44, height + 26
    boxes = [
        f'<path class="land s{shade}" d="M{MARGIN + (shade - 1) * side} {y}h{side}v22h-{side}z"/>'
        for shade in range(1, STEPS + 1)
    ]
    end = MARGIN + STEPS * side
    ends = (
        f'<text class="low" x="{MARGIN}" y="{y + 50}">{_text(words.number(0))}</text>'
        f'<text class="high" x="{end}" y="{y + 50}">{_text(words.number(top))}</text>'
        f'<text class="low" x="{end + 16}" y="{y + 20}">{_text(words.unit)}</text>'
    )
    return "".join(boxes) + ends
