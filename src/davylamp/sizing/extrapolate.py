"""From a sample to its population, with an interval, and only when the sample was drawn for that.

Fourteen of twenty inspected units were mining. They were inspected because they looked worst, so seventy percent
says nothing of the others: of the whole seventy-eight it was forty-four, and a random draw would have given
fourteen or more in 0.6 % of cases. Hence every result names how its sample was selected, and a sample that was
ranked by risk, reported by the units themselves, or taken where it was easy is refused unless forced, and then
marked wherever it goes.

Proportions of a finite population drawn without replacement: exact (hypergeometric) bounds, or Wilson's with the
finite population correction. Means: Student's t with the same correction, or a seeded bootstrap for skewed values.

Source   Clopper and Pearson 1934, Wilson 1927, Buonaccorsi 1987 (exact bounds of a finite population), Cochran,
         Sampling Techniques (1977), Efron 1979
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from davylamp.errors import BadUse
from davylamp.records import Interval
from davylamp.sizing.quantities_bounds import Bounded, bounded

Selection = Literal["random", "census", "risk-ranked", "self-reported", "convenience", "unknown"]
ProportionMethod = Literal["exact", "wilson"]
MeanMethod = Literal["student", "bootstrap"]

METHOD: Final = "extrapolate-1"
FAIR: Final = ("random", "census")
TAIL: Final = 0.025  # judged: 95 % two-sided, as everywhere
Z: Final = 1.959963984540054  # the normal quantile of 1 - TAIL
RESAMPLES: Final = 4000  # judged: the ends of a bootstrap move by less than a percent beyond it
FORCED: Final = "FORCED: the sample was {}, so the interval covers drawing error only, not its bias"


@dataclass(frozen=True, slots=True)
class Sample:
    """How a sample came to be: so many of so many, selected how; ``seed`` recomputes a random draw."""

    size: int
    population: int
    selection: Selection
    seed: str = ""


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """What a sample says of its population. ``mark`` is not empty when it was forced; show it with the number."""

    each: Interval
    total: Interval
    sample: Sample
    how: str
    mark: str = ""
    method: str = METHOD

    def __str__(self) -> str:
        said = f"{bounded(self.total)} of {self.sample.population}"
        drawn = f"from {self.sample.size} ({self.sample.selection}), {self.how}"
        return f"{said}, {drawn}" + (f"; {self.mark}" if self.mark else "")


def proportion(
    hits: int, sample: Sample, *, how: ProportionMethod = "exact", force: bool = False
) -> Extrapolation:
    """How many of the population have what ``hits`` of the sample have.

    Raises:
        BadUse: E-EXT-001 for numbers that no sample has, E-EXT-002 for a selection that speaks for itself only.
    """
    mark = permit(sample, force)
    if not 0 <= hits <= sample.size:
        raise BadUse("E-EXT-001", f"{hits} hits in a sample of {sample.size}", "0 <= hits <= size")
    n, size = sample.size, sample.population
    if n == size:
        total, said = Interval(hits, hits, hits), "all of them were looked at"
    elif how == "exact":
        total, said = _exact(hits, n, size), "exact hypergeometric 95 % interval"
    else:
        total, said = _wilson(hits, n, size), "Wilson 95 % interval, finite population"
    each = Interval(total.low / size, total.estimate / size, total.high / size)
    return Extrapolation(each, total, sample, said, mark)


def permit(sample: Sample, force: bool) -> str:
    """The mark that a result must carry; empty for a fair sample.

    Raises:
        BadUse: E-EXT-001 and E-EXT-002, as `proportion`.
    """
    if not 0 < sample.size <= sample.population:
        said = f"a sample of {sample.size} out of {sample.population}"
        raise BadUse("E-EXT-001", said, "a sample has at least one and at most all of them")
    if sample.selection == "census" and sample.size != sample.population:
        raise BadUse("E-EXT-001", "a census looks at all of them", "name how the sample was selected")
    if sample.selection in FAIR:
        return ""
    if not force:
        said = f"a {sample.selection} sample does not speak for the {sample.population - sample.size} others"
        raise BadUse("E-EXT-002", said, "draw a random arm, or force it and have the result marked")
    return FORCED.format(sample.selection)


def _exact(hits: int, n: int, size: int) -> Interval:
    """All numbers of hits in the population under which the sample is no surprise of 2.5 % either way."""
    from scipy.stats import hypergeom

    low = _first(hits, size - (n - hits), lambda k: float(hypergeom.sf(hits - 1, size, k, n)) > TAIL)
    high = -_first(-(size - (n - hits)), -hits, lambda k: float(hypergeom.cdf(hits, size, -k, n)) > TAIL)
    estimate = min(max(hits * size / n, low), high)
    return Interval(low, estimate, high)


def _first(begin: int, end: int, holds: Callable[[int], bool]) -> int:
    """The first number from begin to end for which a condition holds that, once true, stays true."""
    while begin < end:
        middle = (begin + end) // 2
        if holds(middle):
            end = middle
        else:
            begin = middle + 1
    return begin


def _wilson(hits: int, n: int, size: int) -> Interval:
    """Wilson's score bounds with the variance of drawing without replacement, never beyond what was seen."""
    p, z2 = hits / n, Z * Z * (size - n) / (size - 1)
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low = max(middle - half, hits / size)
    high = min(middle + half, (size - n + hits) / size)
    return Interval(min(low, p) * size, p * size, max(high, p) * size)


def mean(
    values: Sequence[float],
    sample: Sample,
    *,
    how: MeanMethod = "student",
    force: bool = False,
    seed: int = 1,
) -> Extrapolation:
    """The total of the population from the values of a sample, for instance kilowatt-hours per address.

    Raises:
        BadUse: E-EXT-001 for fewer than two values or not as many as the sample has, E-EXT-002 as `proportion`.
    """
    mark = permit(sample, force)
    if len(values) != sample.size or not all(math.isfinite(v) for v in values):
        raise BadUse(
            "E-EXT-001", f"{len(values)} values for a sample of {sample.size}", "one finite value each"
        )
    average = math.fsum(values) / len(values)
    if sample.size == sample.population:
        each, said = Interval(average, average, average), "all of them were looked at"
    elif len(values) < 2:
        raise BadUse("E-EXT-001", "one value has no spread", "draw at least two")
    elif how == "student":
        half = _student(values, average) * math.sqrt(1 - sample.size / sample.population)
        each, said = (
            Interval(average - half, average, average + half),
            "Student 95 % interval, finite population",
        )
    else:
        each = _bootstrap(values, average, math.sqrt(1 - sample.size / sample.population), seed)
        said = f"bootstrap 95 % interval, {RESAMPLES} resamples, seed {seed}"
    size = sample.population
    total = Interval(each.low * size, each.estimate * size, each.high * size)
    return Extrapolation(each, total, sample, said, mark)


def _student(values: Sequence[float], average: float) -> float:
    """Half the width of Student's interval of a mean."""
    from scipy.stats import t

    n = len(values)
    spread = math.sqrt(math.fsum((v - average) ** 2 for v in values) / (n - 1) / n)
    return float(t.ppf(1 - TAIL, n - 1)) * spread


def _bootstrap(values: Sequence[float], average: float, shrink: float, seed: int) -> Interval:
    """Percentiles of the means of resamples, drawn together by the finite population correction."""
    import numpy as np

    drawn = np.random.default_rng(seed).choice(np.asarray(values), size=(RESAMPLES, len(values)))
    ends = np.quantile(drawn.mean(axis=1), [TAIL, 1 - TAIL])
    low, high = (average + (float(end) - average) * shrink for end in ends)
    return Interval(min(low, average), average, max(high, average))


def chance_of_draw(at_least: int, drawn: int, of_kind: int, population: int) -> float:
    """How likely a random draw holds at least so many of a kind: is a draw as random as is said?"""
    from scipy.stats import hypergeom

    if not (0 <= of_kind <= population and 0 < drawn <= population):
        raise BadUse("E-EXT-001", "no such draw", "at most all of them can be drawn or be of a kind")
    return float(hypergeom.sf(at_least - 1, population, of_kind, drawn))


def as_bounded(found: Extrapolation) -> Bounded:
    """The total, for further arithmetic; a forced one says "about" from here on."""
    total = found.total
    return Bounded(total.low, total.estimate, total.high, about=bool(found.mark))
