"""Power in four grades, never in one sum without the split beside it.

A  measured    sub-meter, PDU, BMC
B  inventory   device list: nameplate x load / efficiency of the supply
C  hashrate    hashes per second x joules per hash: best, usual and worst hardware of the algorithm
D  default     so much per address, because nothing better is known
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from davylamp.counted import counted
from davylamp.errors import InputError
from davylamp.records import Interval
from davylamp.sizing.devices import efficiency, find_devices, to_the_socket
from davylamp.sizing.quantities import Hashrate, Power, total
from davylamp.sizing.quantities_bounds import Bounded, Number, bounded

Grade = Literal["A", "B", "C", "D"]
GRADES: Final[tuple[Grade, ...]] = get_args(Grade)
MEANING: Final = {"A": "measured", "B": "inventory", "C": "from hashrate", "D": "default per address"}
METHOD: Final = "power-1"

METER_CLASS: Final = 0.01  # judged: class 1 meters; a PDU is no better, a BMC often worse
LOAD: Final = Interval(0.5, 0.8, 1.0)  # judged: how much of its nameplate a mining computer draws
SUPPLY: Final = Interval(0.8, 0.9, 0.95)  # judged: 80 PLUS supplies at load, the plain to the titanium kind
DEFAULT_KWH_A_DAY: Final = Interval(1.0, 31.6, 84.0)
# measured: 148,500 kWh a day over 4,699 addresses in the release of 2021 (ENERGY.md).
# judged ends: one laptop chip of 40 W, and one ASIC of 3.5 kW


@dataclass(frozen=True, slots=True)
class PowerEstimate:
    """A mean power with its grade, what it was computed from and by which method."""

    grade: Grade
    power: Power
    method: str
    inputs: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.power.text('kW')} (grade {self.grade}, {MEANING[self.grade]})"


@dataclass(frozen=True, slots=True)
class PowerSplit:
    """A sum of powers and what each grade has in it; the one is never shown without the other."""

    total: Power
    by_grade: dict[Grade, Power]
    count: dict[Grade, int]

    @property
    def is_mixed(self) -> bool:
        """Whether grades of different worth are in the sum."""
        return len(self.by_grade) > 1

    def __str__(self) -> str:
        parts = [
            f"{p.text('kW')} {MEANING[g]} ({g}, {counted(self.count[g], 'item')})"
            for g, p in self.by_grade.items()
        ]
        return f"{self.total.text('kW')}: {' + '.join(parts)}"


def split(estimates: Iterable[PowerEstimate]) -> PowerSplit:
    """The sum of estimates with its split by grade; bounds add up, as if all errors went the same way.

    Raises:
        QuantityError: E-QTY-013 for nothing to add.
    """
    items = list(estimates)
    grades = [g for g in GRADES if any(e.grade == g for e in items)]
    by_grade = {g: total(e.power for e in items if e.grade == g) for g in grades}
    return PowerSplit(
        total(by_grade.values()), by_grade, {g: sum(e.grade == g for e in items) for g in grades}
    )


def measured(power: Power, meter: str, accuracy: float = METER_CLASS) -> PowerEstimate:
    """Grade A: what a meter says, widened by its class of accuracy."""
    spread = Bounded(1 - accuracy, 1.0, 1 + accuracy)
    return PowerEstimate(
        "A", power * spread, METHOD, (f"meter: {meter}", f"accuracy {accuracy:.1%} of the reading")
    )


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an inventory: so many of a model. ``watts`` None means that the device table is asked.

    ``is_wall`` says that ``watts`` are at the socket, so that no loss of a supply comes on top.
    """

    model: str
    count: Bounded
    watts: Bounded | None = None
    is_wall: bool = False
    load: Number = LOAD
    algorithm: str = ""


def inventory(item: Item, site: Path | None = None) -> PowerEstimate:
    """Grade B: nameplate x load / efficiency, or the device table's watts under mining load.

    Raises:
        InputError: E-PWR-001 when neither the line nor the table knows the model's watts, E-PWR-002 for a load
            outside 0..1.
    """
    load = bounded(item.load)
    if not 0 <= load.low <= load.high <= 1:
        said = f"load {load} of {item.model!r} is not between 0 and 1"
        raise InputError("E-PWR-002", said, "1 is the nameplate's full power")
    if item.watts is not None:
        each = item.watts * load
        inputs = [f"{item.watts} W nameplate each", f"load {load}"]
        if not item.is_wall:
            each = each / bounded(SUPPLY)
            inputs.append(f"supply's efficiency {bounded(SUPPLY)}")
    else:
        each, inputs = _by_table(item, site)
    return PowerEstimate(
        "B", Power.of(each * item.count, "W"), METHOD, (f"{item.count} x {item.model}", *inputs)
    )


def _by_table(item: Item, site: Path | None) -> tuple[Bounded, list[str]]:
    """Watts of one device at the socket under mining load, from the table."""
    rows = find_devices(item.model, item.algorithm, site)
    if not rows:
        hint = "give its watts, or add it to devices.csv of the site folder"
        raise InputError("E-PWR-001", f"no watts are known of {item.model!r}", hint)
    ends = [
        (r.watts_low * s.low, r.watts_mid * s.estimate, r.watts_high * s.high)
        for r in rows
        for s in (to_the_socket(r),)
    ]
    mid = sum(e[1] for e in ends) / len(ends)
    each = Bounded(min(e[0] for e in ends), mid, max(e[2] for e in ends))
    named = sorted({f"{r.model} on {r.algorithm}" for r in rows})
    return each, [f"device table: {', '.join(named)}; {each} W each at the socket"]


def from_hashrate(
    rate: Hashrate, *, year: int | None = None, site: Path | None = None
) -> PowerEstimate | str:
    """Grade C: hashrate x joules per hash, from the best hardware at the least rate to the worst at the most.

    Returns:
        The estimate, or why there is none.
    """
    if not 0 <= rate.amount.low <= rate.amount.high < math.inf:
        return f"a hashrate of {rate} has no bounds to size with"
    worth = efficiency(rate.algorithm, year=year, at_most_hps=rate.amount.high, site=site)
    if isinstance(worth, str):
        return worth
    power = Power.of(rate.amount * bounded(worth.joules_per_hash), "W")
    joules = worth.joules_per_hash
    inputs = (
        f"{rate.algorithm} at {rate}",
        f"{joules.estimate:.3g} J/hash ({joules.low:.3g} on {worth.best} to {joules.high:.3g} on {worth.worst}, "
        f"{worth.rows} devices)",
    )
    return PowerEstimate("C", power, METHOD, inputs, worth.notes)


def by_default(addresses: Number = 1, because: str = "nothing better is known") -> PowerEstimate:
    """Grade D: the release's mean per address, with judged ends."""
    each = bounded(DEFAULT_KWH_A_DAY)
    power = Power.of(each * addresses, "kWh/d")
    return PowerEstimate(
        "D", power, METHOD, (f"addresses: {bounded(addresses)}", f"{each} kWh a day each"), (because,)
    )
