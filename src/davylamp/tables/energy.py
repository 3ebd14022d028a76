"""Tables that sizing turns hashes into watts with, and watts into coal and CO2.

An operator adds or replaces factor sets in ``factors.csv`` and devices in ``devices.csv`` of a ``site/`` folder.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from davylamp.errors import TableError
from davylamp.tables import FOLDER, read_table

KINDS: Final = ("asic", "gpu", "cpu")
BASES: Final = ("wall", "device-only")
STATUSES: Final = ("official", "comparable", "to be entered")
YIELDS: Final = ("CO2", "standard coal")


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device with one algorithm and one tune; public figures that disagree are kept as a range.

    ``hps_*`` are hashes (or solutions) per second, ``watts_*`` what it draws meanwhile: at the socket (``wall``)
    or the card or chip alone (``device-only``). ``since`` is the year it came on sale [memory]. ``basket`` says
    whether miners of its algorithm commonly use it: only such rows form a middle, all form the bounds.
    """

    model: str
    kind: str
    algorithm: str
    tune: str
    hps_low: float
    hps_mid: float
    hps_high: float
    watts_low: float
    watts_mid: float
    watts_high: float
    basis: str
    since: int
    basket: bool
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class FactorRow:
    """What one kilowatt-hour stands for in one named set; ``value`` is None where it is still to be entered."""

    set: str
    yields: str
    value: float | None
    unit: str
    year: int
    region: str
    status: str
    title: str
    source: str
    reviewed: str


@cache
def devices(site: Path | None = None) -> tuple[DeviceRow, ...]:
    """Devices: the site's own rows replace shipped ones of the same model, algorithm and tune.

    Raises:
        TableError: E-TAB-001 and E-TAB-002 as every table, E-TAB-004 for figures out of order or unknown words.
    """
    key = ("model", "algorithm", "tune")
    shipped = read_table(FOLDER / "devices.csv", DeviceRow, key)
    own: tuple[DeviceRow, ...] = ()
    if site is not None and (site / "devices.csv").exists():
        own = read_table(site / "devices.csv", DeviceRow, key)
    replaced = {(row.model, row.algorithm, row.tune) for row in own}
    rows = own + tuple(row for row in shipped if (row.model, row.algorithm, row.tune) not in replaced)
    odd = [f"{row.model} on {row.algorithm}: {fault}" for row in rows if (fault := device_fault(row))]
    if odd:
        raise TableError("E-TAB-004", "; ".join(odd), f"kinds: {', '.join(KINDS)}; bases: {', '.join(BASES)}")
    return rows


def device_fault(row: DeviceRow) -> str:
    """What is wrong with a device's row; empty when nothing is."""
    if row.kind not in KINDS:
        return f"kind {row.kind!r} is none"
    if row.basis not in BASES:
        return f"basis {row.basis!r} is none"
    if not 0 < row.hps_low <= row.hps_mid <= row.hps_high:
        return "hashrates are not in order"
    if not 0 < row.watts_low <= row.watts_mid <= row.watts_high:
        return "watts are not in order"
    return ""


@cache
def factors(site: Path | None = None) -> tuple[FactorRow, ...]:
    """Factor sets, official ones first as the table has them; the site's rows replace shipped ones.

    Raises:
        TableError: E-TAB-001 and E-TAB-002 as every table, E-TAB-005 for a unit, status or value that is none.
    """
    key = ("set", "yields")
    shipped = read_table(FOLDER / "factors.csv", FactorRow, key)
    own: tuple[FactorRow, ...] = ()
    if site is not None and (site / "factors.csv").exists():
        own = read_table(site / "factors.csv", FactorRow, key)
    replaced = {(row.set, row.yields) for row in own}
    rows = own + tuple(row for row in shipped if (row.set, row.yields) not in replaced)
    odd = [f"{row.set}, {row.yields}: {fault}" for row in rows if (fault := factor_fault(row))]
    if odd:
        raise TableError("E-TAB-005", "; ".join(odd), f"statuses: {', '.join(STATUSES)}; unit: kg/kWh")
    return rows


def factor_fault(row: FactorRow) -> str:
    """What is wrong with a factor's row; empty when nothing is."""
    if row.unit != "kg/kWh":
        return f"unit {row.unit!r}: factors are per kilowatt-hour, never per tonne of coal"
    if row.yields not in YIELDS:
        return f"yields {row.yields!r}, which is neither {' nor '.join(YIELDS)}"
    if row.status not in STATUSES:
        return f"status {row.status!r} is none"
    if (row.value is None) != (row.status == "to be entered"):
        return "a value is missing, or a set to be entered has one"
    if row.value is not None and not row.value > 0:
        return "a factor is more than 0"
    return ""
