"""Devices: how many joules does a hash cost, on the best, the usual and the worst hardware?

Public tables disagree (one card, one algorithm: 145 W and 280 W), so each row is a range, and so is the answer.
Figures of a card or chip alone are carried to the socket with judged factors for the rest of the machine.
The upper bound is the worst hardware there is, period: who does not pay for the power never switches it off.

Source   ``tables/devices.csv``, each row with its source; the bounds' shape after CBECI, without its profitability
"""

import math
import statistics
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from davylamp.counted import counted
from davylamp.records import Interval
from davylamp.tables.energy import DeviceRow, devices

TO_THE_SOCKET: Final = {
    "asic": Interval(1.0, 1.06, 1.15),  # judged: such rows are of the socket; this is for those that are not
    "gpu": Interval(1.05, 1.15, 1.6),  # judged: six cards on a good supply .. one card in a whole computer
    "cpu": Interval(1.1, 1.35, 2.0),  # judged: memory, board, fans and supply around the chip
}
SAME_WORK: Final = {"etchash": "ethash"}  # judged: one hash function; epochs change only the memory's size
THROTTLED: Final = 0.1  # judged: no ASIC hashes at a tenth of its rate; a tenth on the wire is not one


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Joules per hash at the socket over the devices of one algorithm, and which devices set the ends."""

    algorithm: str
    joules_per_hash: Interval
    best: str
    worst: str
    rows: int
    notes: tuple[str, ...]


@cache
def devices_for(algorithm: str, year: int | None = None, site: Path | None = None) -> tuple[DeviceRow, ...]:
    """Rows of an algorithm that were on sale in a year; all of them where no year is known."""
    name = SAME_WORK.get(algorithm, algorithm)
    rows = (row for row in devices(site) if row.algorithm == name)
    return tuple(row for row in rows if year is None or row.since <= year)


def to_the_socket(row: DeviceRow) -> Interval:
    """What the row's watts are multiplied with to be watts at the socket."""
    return Interval(1.0, 1.0, 1.0) if row.basis == "wall" else TO_THE_SOCKET[row.kind]


def joules_per_hash(row: DeviceRow) -> Interval:
    """Of one row, at the socket. Judged: a tune that hashes the most does not draw the least as well.

    So at an end either the watts or the hashrate is at its own end, the other in its middle.
    """
    socket = to_the_socket(row)
    return Interval(
        socket.low * min(row.watts_low / row.hps_mid, row.watts_mid / row.hps_high),
        socket.estimate * row.watts_mid / row.hps_mid,
        socket.high * max(row.watts_high / row.hps_mid, row.watts_mid / row.hps_low),
    )


@cache
def _rated(algorithm: str, year: int | None, site: Path | None) -> tuple[tuple[DeviceRow, Interval], ...]:
    """Rows of an algorithm with their joules per hash, which every client of a scan asks for."""
    return tuple((row, joules_per_hash(row)) for row in devices_for(algorithm, year, site))


def efficiency(
    algorithm: str, *, year: int | None = None, at_most_hps: float = math.inf, site: Path | None = None
) -> Efficiency | str:
    """Joules per hash of an algorithm: best hardware, median of the usual rows, worst hardware.

    Args:
        algorithm: a name of ``tables/algorithms.csv``.
        year: leaves out what was not yet on sale.
        at_most_hps: the most that was seen; ASICs that could not run so slowly are left out of the lower bound.
        site: the operator's folder.

    Returns:
        The range, or why there is none.
    """
    rows = _rated(algorithm, year, site)
    if not rows:
        return f"no device of {algorithm} is in the table"
    fitting = [(r, j) for r, j in rows if r.kind != "asic" or r.hps_low * THROTTLED <= at_most_hps] or list(
        rows
    )
    usual = [j for r, j in fitting if r.basket] or [j for _, j in fitting]
    best, least = min(fitting, key=lambda rated: rated[1].low)
    worst, most = max(rows, key=lambda rated: rated[1].high)
    middle = statistics.median(j.estimate for j in usual)
    notes = [f"figures of {SAME_WORK[algorithm]}"] if algorithm in SAME_WORK else []
    if len(fitting) < len(rows):
        left = counted(len(rows) - len(fitting), "ASIC")
        notes.append(f"{left} left out of the lower bound: too fast for what was seen")
    if year is not None:
        notes.append(f"devices on sale by {year}")
    interval = Interval(least.low, middle, most.high)
    return Efficiency(algorithm, interval, best.model, worst.model, len(rows), tuple(notes))


def find_devices(model: str, algorithm: str = "", site: Path | None = None) -> tuple[DeviceRow, ...]:
    """Rows of a model by its name, without regard to case, blanks and maker's words around it."""
    wanted = _folded(model)
    name = SAME_WORK.get(algorithm, algorithm)
    rows = [r for r in devices(site) if not name or r.algorithm == name]
    exact = tuple(r for r in rows if _folded(r.model) == wanted)
    return exact or tuple(r for r in rows if wanted.endswith(_folded(r.model)))


def _folded(model: str) -> str:
    return "".join(c for c in model.lower() if c.isalnum() or c == "+")
