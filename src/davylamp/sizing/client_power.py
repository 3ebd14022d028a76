"""The power of one client: what its sightings drew over the time that at least one of them ran.

Sightings are sized one by one: by hashrate (grade C) where there is one, else the client by the default of an
address (grade D). A client that changes its pool, or mines at two at once, counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from davylamp.records import Interval
from davylamp.sizing.energy import Period, observed
from davylamp.sizing.hashrate import year_of
from davylamp.sizing.power import PowerEstimate, by_default, from_hashrate
from davylamp.sizing.quantities import Energy, Hashrate, total

MOST_HPS: Final = 1e30  # judged: a billion times the largest network of any coin; a peer made it up


@dataclass(frozen=True, slots=True)
class Seen:
    """One sighting of mining, as far as its power needs it; ``note`` says why there is no hashrate."""

    client_ip: str
    server: str
    algorithm: str | None
    hashrate_hps: Interval | None
    note: str
    spans_ns: tuple[tuple[int, int], ...]  # of its sessions, or from first to last
    last_ns: int


@dataclass(frozen=True, slots=True)
class Line:
    """One client or device of an account: its power while it runs, with its grade, and what was seen of it."""

    name: str
    what: str
    power: PowerEstimate
    seen: Period | None = None

    @property
    def observed(self) -> Energy | None:
        """What it drew while it was seen."""
        return self.power.power.over(self.seen.time) if self.seen is not None else None


@dataclass(frozen=True, slots=True)
class ClientPower:
    """One client of a scan: its lines, all of one grade, when it was seen mining, and why lines are missing."""

    lines: tuple[Line, ...]
    seen: Period
    unsized: tuple[str, ...]

    def mean(self) -> PowerEstimate:
        """Its mean power while mining: what its sightings drew over the time that at least one of them ran."""
        hours = self.seen.hours.estimate
        drawn = [energy for line in self.lines if (energy := line.observed) is not None]
        if len(self.lines) == 1 or not hours > 0:
            return max((line.power for line in self.lines), key=lambda p: p.power.amount.estimate)
        first = self.lines[0].power
        inputs = tuple(text for line in self.lines for text in line.power.inputs)
        return PowerEstimate(first.grade, total(drawn).average(self.seen.time), first.method, inputs)


def power_of(sightings: Sequence[Seen], site: Path | None = None) -> ClientPower:
    """The power of one client: a line per sighting with a hashrate; without any, one line by default.

    Args:
        sightings: all sightings of mining of one client address, at least one.
        site: the operator's folder with its own devices.

    Raises:
        BadUse: E-ENE-001 when a span ends before it begins.
    """
    lines: list[Line] = []
    spans: list[tuple[int, int]] = []
    unsized: list[str] = []
    name = sightings[0].client_ip
    for sighting in sightings:
        sized = _sized(sighting, site)
        if isinstance(sized, str):
            unsized.append(sized)
            continue
        spans += sighting.spans_ns
        what = f"{sighting.algorithm} at {sighting.server}"
        lines.append(Line(name, what, sized, observed(sighting.spans_ns)))
    reasons = tuple(dict.fromkeys(unsized))
    if lines:
        return ClientPower(tuple(lines), observed(spans), reasons)
    seen = observed(span for sighting in sightings for span in sighting.spans_ns)
    because = "; ".join(reasons)
    return ClientPower((Line(name, because, by_default(1, because), seen),), seen, reasons)


def _sized(sighting: Seen, site: Path | None) -> PowerEstimate | str:
    """Grade C of one sighting, or why there is none."""
    if sighting.hashrate_hps is None:
        return sighting.note or "no hashrate was seen"
    if not sighting.algorithm:
        return "a hashrate was seen, but not of which algorithm"
    low, estimate, high = (getattr(sighting.hashrate_hps, end) for end in ("low", "estimate", "high"))
    if not 0 <= low <= estimate <= high <= MOST_HPS:
        return "the hashrate is out of all measure"
    rate = Hashrate.seen(sighting.hashrate_hps, sighting.algorithm)
    return from_hashrate(rate, year=year_of(sighting.last_ns), site=site)
