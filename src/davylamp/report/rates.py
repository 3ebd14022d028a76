"""Shares and hashrate per step of time, for the charts.

`garwood_bins` is the default of the report; a caller with better knowledge of a session passes its own.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from davylamp.records import Session, ShareBin, Work

STEPS_MIN: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 43200)
MOST_COLUMNS: Final = 120  # judged: 7 units each on the chart
MOST_STEPS: Final = 60  # judged: a step line that still reads as one
SHARES_PER_STEP: Final = 15  # judged: the Garwood interval is then about -44 % to +65 %
_LEFT_TAIL: Final = 0.025
_RIGHT_TAIL: Final = 0.975


@dataclass(frozen=True, slots=True)
class RateBin:
    """Hashrate within one step of time: Unix seconds, hashes per second, 95 % interval."""

    start_s: float
    end_s: float
    low: float
    estimate: float
    high: float


@dataclass(frozen=True, slots=True)
class ShareColumn:
    """Shares within one step of time that begins at ``start_s`` (Unix seconds)."""

    start_s: int
    accepted: int
    rejected: int


RateBins: TypeAlias = Callable[[Session], Sequence[RateBin]]


def step_minutes(span_min: float, most: int) -> int:
    """The smallest round step that cuts ``span_min`` minutes into at most ``most`` parts."""
    for step in STEPS_MIN:
        if span_min <= step * most:
            return step
    return max(STEPS_MIN[-1], -(-int(span_min) // most))


def share_columns(bins: Iterable[ShareBin], step_min: int) -> list[ShareColumn]:
    """Shares per step, ascending; steps without shares are left out."""
    sums: dict[int, list[int]] = {}
    for b in bins:
        total = sums.setdefault(b.minute // step_min, [0, 0])
        total[0] += b.accepted
        total[1] += b.rejected
    return [ShareColumn(k * step_min * 60, n, bad) for k, (n, bad) in sorted(sums.items())]


def garwood_bins(session: Session) -> list[RateBin]:
    """Exact Poisson intervals on the share count of each step, times the mean work of its shares.

    A step that the session fills to less than half is joined to its neighbor, so that the ends do not swing.
    Empty when the session has no known work, no bins or lasts under a minute.
    """
    work, span_s = session.work, (session.last_ns - session.first_ns) / 1e9
    if work is None or not session.bins or not work.shares or not 0 < work.hashes < math.inf or span_s < 60:
        return []
    per_share = work.hashes / work.shares
    wanted = max(1, min(MOST_STEPS, work.shares // SHARES_PER_STEP))
    step_s = step_minutes(span_s / 60, wanted) * 60
    first_s, last_s = session.first_ns / 1e9, session.last_ns / 1e9
    edges = _edges(first_s, last_s, step_s)
    starts = [start for start, _ in edges]
    counts, hashes = [0] * len(edges), [0.0] * len(edges)
    for b in session.bins:
        step = max(0, bisect_right(starts, b.minute * 60 + 30) - 1)
        counts[step] += b.accepted
        hashes[step] += b.work_hashes
    return [
        _rate_bin(edge, shares, known / shares if shares and 0 < known < math.inf else per_share, work)
        for edge, shares, known in zip(edges, counts, hashes, strict=True)
    ]


def _rate_bin(edge: tuple[float, float], shares: int, per_share: float, work: Work) -> RateBin:
    low, high = garwood(shares)
    scale = per_share / (edge[1] - edge[0])
    return RateBin(*edge, low * scale * work.low_factor, shares * scale, high * scale * work.high_factor)


def garwood(shares: int) -> tuple[float, float]:
    """The exact 95 % Poisson interval of a count (Garwood 1936): gamma quantiles at n and n + 1."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(shares, _LEFT_TAIL)) if shares else 0.0
    return low, float(gammaincinv(shares + 1, _RIGHT_TAIL))


def _edges(first_s: float, last_s: float, step_s: int) -> list[tuple[float, float]]:
    """Steps on round times within first..last, short ends joined to their neighbors."""
    cuts = [first_s]
    at = (int(first_s) // step_s + 1) * step_s
    while at < last_s:
        cuts.append(float(at))
        at += step_s
    cuts.append(last_s)
    if len(cuts) > 2 and cuts[1] - cuts[0] < step_s / 2:
        del cuts[1]
    if len(cuts) > 2 and cuts[-1] - cuts[-2] < step_s / 2:
        del cuts[-2]
    return list(pairwise(cuts))
