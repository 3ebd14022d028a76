"""The books of an account: an energy a day and over so many days, with its coal and CO2, and all that it rests on.

Filled from a statement or a device list in `energy_account`, a scan in `energy_scan`, a meter in `meter`, a sample in
`sample`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from davylamp.errors import BadUse
from davylamp.sizing.client_power import Line
from davylamp.sizing.energy import METHOD, a_day, of_days
from davylamp.sizing.extrapolate import Extrapolation
from davylamp.sizing.factors import COMPARABLE, Footprint, footprint
from davylamp.sizing.power import PowerSplit
from davylamp.sizing.quantities import DAYS_A_YEAR, Energy, Power

if TYPE_CHECKING:
    from davylamp.sizing.coins_scan import CoinSums
    from davylamp.sizing.energy_groups import Grouping
    from davylamp.sizing.energy_scan import Client

MOST_DAYS: Final = 36_600.0  # judged: a century


@dataclass(frozen=True, slots=True)
class Account:
    """An energy with its coal and CO2, a day and over ``days``; ``power`` None where kilowatt-hours were stated.

    ``observed`` and ``inferred`` are energies of the periods of those names; the two are never merged. ``mark`` is
    not empty when the figures rest on a sample that was forced.
    """

    basis: str
    per_day: Energy
    days: float
    over_days: Energy
    day: Footprint
    total: Footprint
    power: PowerSplit | None
    lines: tuple[Line, ...]
    observed: Energy | None
    notes: tuple[str, ...]
    method: str = METHOD
    inferred: Energy | None = None
    clients: "tuple[Client, ...]" = ()
    groups: "tuple[Grouping, ...]" = ()
    coins: "CoinSums | None" = None
    sample: Extrapolation | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What an account is drawn up with."""

    factors: str = COMPARABLE
    coal: str = ""
    days: float = DAYS_A_YEAR
    site: Path | None = None


def draw_up(
    basis: str,
    power: Power | PowerSplit,
    lines: Sequence[Line],
    choice: Choice,
    notes: tuple[str, ...],
    mark: str = "",
) -> Account:
    """The account of a mean power; ``mark`` is shown wherever its figures are.

    Raises:
        BadUse: E-ENE-003 for a number of days that is none, E-FAC-nnn for a factor set that cannot be used.
    """
    parts = power if isinstance(power, PowerSplit) else None
    mean = power.total if isinstance(power, PowerSplit) else power
    if not 0 < choice.days <= MOST_DAYS:
        raise BadUse("E-ENE-003", f"{choice.days:g} days", "give more than 0 and at most a century")
    day, over = a_day(mean), of_days(mean, choice.days)
    name, coal, site = choice.factors, choice.coal, choice.site
    return Account(
        basis,
        day,
        choice.days,
        over,
        footprint(day, name, coal=coal, site=site),
        footprint(over, name, coal=coal, days=choice.days, site=site),
        parts,
        tuple(lines),
        None,
        notes,
        mark=mark,
    )
