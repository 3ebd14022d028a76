"""Where the labels of a map stand: inside their own region where they fit, else nearby with a line to it.

A region's best place is where the largest box of the label's shape fits between its borders. Regions that have room
never collide; the others take, in order of their room, the nearest free place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]
"""Shape (n, 2): x and y."""

STEP: Final = 9.0  # judged: finer places look the same
CELL: Final = 240  # places tried at once; bounds memory


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a label's middle stands; ``lead`` is the point in the region that a line leads to, if one is needed."""

    x: float
    y: float
    lead: tuple[float, float] | None


def place(
    regions: Sequence[Sequence[Points]], boxes: Sequence[tuple[float, float]], canvas: tuple[float, float]
) -> list[Spot]:
    """One spot per region so that no two labels overlap and none leaves the canvas.

    Args:
        regions: rings of each region.
        boxes: width and height of each label.
        canvas: width and height.

    When the canvas is too full, a label stands where it covers the least of others.
    """
    homes = [_home(rings, box, canvas) for rings, box in zip(regions, boxes, strict=True)]
    spots: dict[int, Spot] = {}
    taken: list[tuple[float, float, float, float]] = []
    for index in sorted(range(len(regions)), key=lambda i: -homes[i][1]):
        (x, y), room = homes[index]
        width, height = boxes[index]
        free = (x, y) if room >= 1 else _free((x, y), boxes[index], taken, canvas)
        is_near = abs(free[0] - x) < width / 2 and abs(free[1] - y) < height / 2
        spots[index] = Spot(*free, None if is_near else (x, y))
        taken.append((*free, width, height))
    return [spots[i] for i in range(len(regions))]


def _home(
    rings: Sequence[Points], box: tuple[float, float], canvas: tuple[float, float]
) -> tuple[tuple[float, float], float]:
    """The place in the largest part with the most room, and that room in label boxes (1: it fits exactly)."""
    outer = max(rings, key=_area)
    low, high = outer.min(axis=0), outer.max(axis=0)
    xs = np.arange(low[0] + STEP / 2, high[0], STEP)
    ys = np.arange(low[1] + STEP / 2, high[1], STEP)
    places = np.array(np.meshgrid(xs, ys)).reshape(2, -1).T
    inside = places[_within(places, outer)] if len(places) else places
    if not len(inside):
        x, y = outer.mean(axis=0)
        return _clamp((float(x), float(y)), box, canvas), 0.0
    edge = np.vstack([_dense(ring) for ring in rings])
    half = np.array(box) / 2
    room = np.concatenate(
        [
            (np.abs(inside[i : i + CELL, None, :] - edge[None]) / half).max(axis=2).min(axis=1)
            for i in range(0, len(inside), CELL)
        ]
    )
    best = int(room.argmax())
    return _clamp((float(inside[best, 0]), float(inside[best, 1])), box, canvas), float(room[best])


def _free(
    home: tuple[float, float],
    box: tuple[float, float],
    taken: Sequence[tuple[float, float, float, float]],
    canvas: tuple[float, float],
) -> tuple[float, float]:
    """The nearest place to ``home`` that covers no label, or the one that covers least."""
    width, height = box
    xs = np.append(np.arange(width / 2, max(canvas[0] - width / 2, width / 2 + 1), STEP), home[0])
    ys = np.append(np.arange(height / 2, max(canvas[1] - height / 2, height / 2 + 1), STEP), home[1])
    places = np.array(np.meshgrid(xs, ys)).reshape(2, -1).T
    covered = np.zeros(len(places))
    for x, y, w, h in taken:
        across = np.minimum(places[:, 0] + width / 2, x + w / 2) - np.maximum(
            places[:, 0] - width / 2, x - w / 2
        )
        down = np.minimum(places[:, 1] + height / 2, y + h / 2) - np.maximum(
            places[:, 1] - height / 2, y - h / 2
        )
        covered += np.clip(across, 0, None) * np.clip(down, 0, None)
    away = np.hypot(*(places - np.array(home)).T)
    best = np.lexsort((away, covered))[0]
    return float(places[best, 0]), float(places[best, 1])


def _clamp(
    point: tuple[float, float], box: tuple[float, float], canvas: tuple[float, float]
) -> tuple[float, float]:
    """The point, moved so that the box around it stays on the canvas."""
    x, y = (
        max(size / 2, min(edge - size / 2, at)) for at, size, edge in zip(point, box, canvas, strict=True)
    )
    return x, y


def _area(ring: Points) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _dense(ring: Points) -> Points:
    """The ring's corners and points between them, to half a step, none farther than a step from the next."""
    ends = np.roll(ring, -1, axis=0)
    pieces = int(np.clip(np.abs(ends - ring).max() / STEP, 1, 200)) + 1
    parts = np.arange(pieces)[:, None, None] / pieces
    exact = (ring + (ends - ring) * parts).reshape(-1, 2)
    return np.unique(np.round(exact / (STEP / 2)) * (STEP / 2), axis=0)


def _within(places: Points, ring: Points) -> NDArray[np.bool_]:
    """Which places lie inside one ring, by rays to the right."""
    odd = np.zeros(len(places), dtype=bool)
    px, py = places[:, 0], places[:, 1]
    for (x0, y0), (x1, y1) in zip(np.roll(ring, 1, axis=0), ring, strict=True):
        if y0 != y1:
            odd ^= ((y0 > py) != (y1 > py)) & (px < (x1 - x0) * (py - y0) / (y1 - y0) + x0)
    return odd
