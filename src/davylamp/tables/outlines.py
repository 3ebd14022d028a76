"""Outlines of cities for the overview maps, from ECharts' compressed GeoJSON in ``tables/geo``.

A file holds one province: a ``FeatureCollection`` with ``UTF8Encoding: true``, one feature per city with its code of
GB/T 2260 as ``id``. A ring is a text of two characters per point and an offset. Each character minus 64 is a zig-zag
number; the numbers are steps from point to point, the offset is where the first step starts, all in 1/1024 degree.

The outlines are simplified and say nothing about where a boundary runs.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from davylamp.errors import TableError
from davylamp.tables import FOLDER, MOST_FAULTS
from davylamp.tables.regions import is_shaped

GEO: Final = FOLDER / "geo"
STEPS_PER_DEGREE: Final = 1024  # of the format
MOST_BYTES: Final = 4_000_000  # judged: a province has some 50,000
MOST_FEATURES: Final = 1000  # judged: a province has at most some twenty cities
MOST_POINTS: Final = 1_000_000  # judged: as many as MOST_BYTES can hold and a little more
_NAME: Final = 60  # characters, judged
_HINT: Final = "a FeatureCollection with UTF8Encoding: true, and one Polygon or MultiPolygon per code"

Point: TypeAlias = tuple[float, float]
"""Longitude and latitude in degrees."""
Ring: TypeAlias = tuple[Point, ...]
"""A closed line; the last point leads back to the first."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One city: its code, its Chinese name, the place of its government, and its rings.

    ``rings`` are the outer lines of all its parts (islands too) and the holes; a point is inside when an odd number of
    rings holds it.
    """

    code: str
    name: str
    seat: Point
    rings: tuple[Ring, ...]

    def holds(self, lon: float, lat: float) -> bool:
        """Whether a point in degrees lies inside."""
        return sum(_inside(ring, lon, lat) for ring in self.rings) % 2 == 1


@cache
def outlines(province: str) -> tuple[Outline, ...]:
    """Outlines of a province's cities by its two digits, in order of their codes; empty when none are shipped.

    Raises:
        TableError: E-TAB-001 and E-TAB-006 when the shipped file is damaged.
    """
    return next((read_outlines(path) for path in _files() if _province(path) == province), ())


@cache
def provinces() -> tuple[str, ...]:
    """Two digits of every province whose outlines are shipped."""
    return tuple(_province(path) for path in _files())


def read_outlines(path: Path) -> tuple[Outline, ...]:
    """The outlines of one file.

    Raises:
        TableError: E-TAB-001 when the file cannot be read, E-TAB-006 with all faults of what it holds.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TableError("E-TAB-006", f"outlines {path}: more than {MOST_BYTES} bytes", _HINT)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(
            "E-TAB-001", f"outlines {path} cannot be read: {error}", "they are UTF-8 text"
        ) from error
    return decode(text, str(path))


def decode(text: str, place: str = "text") -> tuple[Outline, ...]:
    """The outlines that a compressed GeoJSON text holds, in order of their codes.

    Args:
        text: at most ``MOST_BYTES`` characters.
        place: where it comes from, for messages.

    Raises:
        TableError: E-TAB-006 with all faults, each with its feature's number.
    """
    faults: list[str] = []
    found: dict[str, Outline] = {}
    for number, feature in enumerate(_features(text, faults)):
        try:
            outline = _outline(feature)
            if outline.code in found:
                raise ValueError(f"code {outline.code} again")
            found[outline.code] = outline
        except ValueError as error:
            faults.append(f"feature {number}: {error}")
    if not faults and sum(len(ring) for o in found.values() for ring in o.rings) > MOST_POINTS:
        faults.append(f"more than {MOST_POINTS} points")
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise TableError("E-TAB-006", f"outlines {place}: " + "; ".join(faults[:MOST_FAULTS]) + more, _HINT)
    return tuple(found[code] for code in sorted(found))


def _files() -> list[Path]:
    return sorted(GEO.glob("*.json"))


@cache
def _province(path: Path) -> str:
    """The two digits that all codes of a file share."""
    digits = {outline.code[:2] for outline in read_outlines(path)}
    if len(digits) != 1:
        raise TableError("E-TAB-006", f"outlines {path}: codes of {len(digits)} provinces", _HINT)
    return digits.pop()


def _features(text: str, faults: list[str]) -> list[Any]:
    """The features of a collection that says it is compressed; else none, and why not in ``faults``."""
    if len(text) > MOST_BYTES:
        faults.append(f"more than {MOST_BYTES} characters")
        return []
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        faults.append(f"no JSON: {error}")
        return []
    if not isinstance(whole, dict) or whole.get("type") != "FeatureCollection":
        faults.append("no FeatureCollection")
    elif whole.get("UTF8Encoding") is not True:
        faults.append("UTF8Encoding is not true")
    elif not isinstance(features := whole.get("features"), list) or not 0 < len(features) <= MOST_FEATURES:
        faults.append(f"features are no list of 1 to {MOST_FEATURES}")
    else:
        return features
    return []


def _outline(feature: Any) -> Outline:
    """One feature read.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(feature, dict):
        raise ValueError("no object")
    code, told, geometry = feature.get("id"), feature.get("properties"), feature.get("geometry")
    if not isinstance(code, str) or not is_shaped(code):
        raise ValueError(f"id {str(code)[:20]!r} is no code of six digits")
    if not isinstance(told, dict) or not isinstance(geometry, dict):
        raise ValueError(f"{code} has no properties or no geometry")
    name = told.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME or not name.isprintable():
        raise ValueError(f"{code} has no printable name of 1 to {_NAME} characters")
    return Outline(code, name, _place(told.get("cp")), tuple(_rings(geometry)))


def _rings(geometry: dict[str, Any]) -> Iterator[Ring]:
    """All rings of a Polygon or MultiPolygon."""
    texts, offsets = geometry.get("coordinates"), geometry.get("encodeOffsets")
    if geometry.get("type") == "Polygon":
        texts, offsets = [texts], [offsets]
    elif geometry.get("type") != "MultiPolygon":
        raise ValueError(f"geometry {str(geometry.get('type'))[:20]!r} is neither Polygon nor MultiPolygon")
    for parts, starts in _pairs(texts, offsets):
        for ring, start in _pairs(parts, starts):
            yield _ring(ring, start)


def _pairs(texts: Any, offsets: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(texts, list) or not isinstance(offsets, list) or not 0 < len(texts) == len(offsets):
        raise ValueError("coordinates and encodeOffsets are no lists of one length")
    return zip(texts, offsets, strict=True)


def _ring(text: Any, start: Any) -> Ring:
    """The points of one ring; ``start`` is its offset in steps."""
    if not isinstance(text, str) or len(text) % 2 or len(text) < 6:
        raise ValueError("a ring is no text of at least three pairs of characters")
    if not isinstance(start, list) or len(start) != 2 or not all(type(n) is int for n in start):
        raise ValueError("an offset is no pair of integers")
    x, y = start
    points = []
    for first, second in zip(text[::2], text[1::2], strict=True):
        x += _step(first)
        y += _step(second)
        if abs(x) > 180 * STEPS_PER_DEGREE or abs(y) > 90 * STEPS_PER_DEGREE:
            raise ValueError("a place is not on Earth")
        points.append((x / STEPS_PER_DEGREE, y / STEPS_PER_DEGREE))
    return tuple(points)


def _step(character: str) -> int:
    """The signed step that a character stands for.

    >>> [_step(c) for c in "@ABCD"]
    [0, -1, 1, -2, 2]
    """
    number = ord(character) - 64
    if number < 0:
        raise ValueError(f"character {character!r} is below the format's zero")
    return (number >> 1) ^ -(number & 1)


def _place(point: Any) -> Point:
    """Longitude and latitude on Earth."""
    if not isinstance(point, Sequence) or len(point) != 2 or not all(type(n) in (int, float) for n in point):
        raise ValueError("a place is no pair of numbers")
    lon, lat = point
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise ValueError("a place is not on Earth")
    return float(lon), float(lat)


def _inside(ring: Ring, lon: float, lat: float) -> bool:
    """Whether a ray to the east crosses the ring an odd number of times."""
    odd = False
    x0, y0 = ring[-1]
    for x1, y1 in ring:
        if (y0 > lat) != (y1 > lat) and lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0:
            odd = not odd
        x0, y0 = x1, y1
    return odd
