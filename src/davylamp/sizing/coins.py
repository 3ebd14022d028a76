"""Coins: what a hashrate earned, day by day, and what that is worth by a stated rule.

    coins = sum over days of  H / H_net x emission x part of the day x (1 - fee)

A daily series, never one average: networks doubled and a price rose 17.9 times within 51 days of 2021. A missing
day is an error, unless gaps are allowed, and then the result is a lower bound; where all days are missing there is
no result, which is not zero. Value without a rule and a date is noise: at the mining day, at payout, at sale, or
at seizure. Coins are expected ones: what a pool paid in a lucky or unlucky week is another matter.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal, get_args

from davylamp.errors import BadUse, InputError
from davylamp.sizing.quantities import Coins, Hashrate, Money
from davylamp.sizing.quantities_bounds import Bounded, Number, bounded
from davylamp.sizing.sheets import read_sheet, told

Rule = Literal["mining day", "payout", "sale", "seizure"]
RULES: Final[tuple[Rule, ...]] = get_args(Rule)

METHOD: Final = "coins-1"
COLUMNS: Final = ("date", "network_hps", "emission")  # and price, for a value
MOST_DAYS: Final = 40_000  # judged: a century


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a network: its hashrate, coins issued (with fees, if its source says so), price of a coin."""

    day: date
    network_hps: float
    emission: float
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Days of one coin in order, each once; ``source`` names where they come from."""

    coin: str
    algorithm: str
    currency: str
    source: str
    days: tuple[Day, ...]

    def on(self, day: date) -> Day | None:
        """The row of a day."""
        place = bisect_left(self.days, day, key=lambda row: row.day)
        found = self.days[place : place + 1]
        return found[0] if found and found[0].day == day else None


def read_series(path: Path, coin: str, algorithm: str, currency: str = "USD") -> Series:
    """A daily series out of a CSV with the columns date, network_hps, emission and perhaps price.

    Raises:
        InputError: E-COI-001 when it cannot be read, E-COI-002 with every faulty line.
    """
    sheet = read_sheet(path, "E-COI-001")
    missing = sheet.missing(*COLUMNS)
    if missing:
        hint = f"columns are {', '.join(COLUMNS)}, price"
        raise InputError("E-COI-002", f"series {path} has no column {', '.join(missing)}", hint)
    rows: dict[date, Day] = {}
    faults: list[str] = []
    for number, cells in sheet.rows:
        row = _day(cells)
        fault = row if isinstance(row, str) else f"{row.day} twice" if row.day in rows else ""
        if fault:
            faults.append(f"line {number}: {fault}")
        elif isinstance(row, Day):
            rows[row.day] = row
    if faults or not rows or len(rows) > MOST_DAYS:
        said = told(faults, "no days, or more than a century")
        raise InputError("E-COI-002", f"series {path}: {said}", "one line per day, numbers above 0")
    return Series(coin, algorithm, currency, path.name, tuple(rows[day] for day in sorted(rows)))


def _day(cells: Mapping[str, str]) -> Day | str:
    """One line, or what is wrong with it."""
    try:
        price = cells.get("price", "")
        row = Day(
            date.fromisoformat(cells["date"]),
            float(cells["network_hps"]),
            float(cells["emission"]),
            float(price) if price else None,
        )
    except ValueError as error:
        return str(error)
    numbers = (row.network_hps, row.emission, 1.0 if row.price is None else row.price)
    if not all(0 < n < math.inf for n in numbers):
        return "a number is not above 0"
    return row


@dataclass(frozen=True, slots=True)
class Spell:
    """A time of mining: from the begin of the first day to the end of the last, running ``duty`` of it."""

    first: date
    last: date
    duty: Number = 1.0

    def days(self) -> list[date]:
        """Its days.

        Raises:
            BadUse: E-COI-003 when it ends before it begins or lasts a century.
        """
        count = (self.last - self.first).days + 1
        if not 0 < count <= MOST_DAYS:
            raise BadUse("E-COI-003", f"{self.first} to {self.last} is no time of mining", "first, then last")
        return [self.first + timedelta(days=i) for i in range(count)]


@dataclass(frozen=True, slots=True)
class CoinEstimate:
    """Coins earned, day by day, with what they were computed from."""

    coins: Coins
    by_day: tuple[tuple[date, Bounded], ...]
    series: Series
    inputs: tuple[str, ...]
    missing: tuple[date, ...] = ()
    method: str = METHOD


def mined(
    rate: Hashrate, series: Series, spell: Spell, *, fee: Number = 0.0, allow_gaps: bool = False
) -> CoinEstimate:
    """Coins that a hashrate earns over a time.

    Raises:
        BadUse: E-COI-004 for another algorithm than the series', E-COI-005 for days that it lacks, E-COI-003,
            E-COI-007 for a fee or a duty outside 0..1.
    """
    duty = share_of(spell.duty, "duty")
    work = [(day, rate * duty) for day in spell.days()]
    inputs = (
        f"{rate} of {rate.algorithm}, {spell.first} to {spell.last}",
        f"running {bounded(spell.duty) * 100} % of the time",
    )
    return earned(work, series, fee=fee, allow_gaps=allow_gaps, inputs=inputs)


def earned(
    work: Sequence[tuple[date, Hashrate]],
    series: Series,
    *,
    fee: Number = 0.0,
    allow_gaps: bool = False,
    inputs: tuple[str, ...] = (),
) -> CoinEstimate:
    """Coins of mean hashrates, one for each day: a rate of 1 GH/s over six hours is a mean of 250 MH/s.

    Args:
        work: days (UTC) in order, each with its mean hashrate.
        series: the network's days.
        fee: what the pool keeps, 0..1.
        allow_gaps: a day that the series lacks makes a lower bound instead of an error.
        inputs: where the hashrates come from, for the reader.

    Raises:
        BadUse: E-COI-004 for another algorithm than the series', E-COI-005 for days that it lacks (for all days
            even where gaps are allowed), E-COI-007 for a fee outside 0..1, E-COI-010 for more hashes than the
            whole network has.
    """
    odd = next((rate.algorithm for _, rate in work if rate.algorithm != series.algorithm), None)
    if odd is not None:
        said = f"hashes of {odd} earn no {series.coin}, which is mined with {series.algorithm}"
        raise BadUse("E-COI-004", said, "name the series of the right coin")
    table = {row.day: row for row in series.days}
    missing = tuple(day for day, _ in work if day not in table)
    if missing and (not allow_gaps or len(missing) == len(work)):
        days = "all days" if len(missing) == len(work) else f"{len(missing)} of {len(work)} days"
        said = f"series {series.source} lacks {days}, the first {missing[0]}"
        raise BadUse("E-COI-005", said, "complete it, or allow gaps and get a lower bound")
    beyond = next(
        (day for day, rate in work if day in table and rate.amount.low > table[day].network_hps), None
    )
    if beyond is not None:
        said = f"on {beyond} more hashes than the whole network of {series.coin} has"
        raise BadUse("E-COI-010", said, "check units (MH/s, GH/s), algorithm and network_hps")
    keeps = 1 - share_of(fee, "fee")
    by_day = tuple(
        (day, rate.amount * keeps * (table[day].emission / table[day].network_hps))
        for day, rate in work
        if day in table
    )
    amount = sum((coins for _, coins in by_day), bounded(0.0))
    if missing:
        amount = Bounded(amount.low, amount.estimate, math.inf, amount.about)
    basis = (*inputs, f"fee {bounded(fee) * 100} %", f"series {series.source}")
    return CoinEstimate(Coins.of(amount, series.coin), by_day, series, basis, missing)


def share_of(value: Number, name: str) -> Bounded:
    """A share between 0 and 1.

    Raises:
        BadUse: E-COI-007 when it is not.
    """
    share = bounded(value)
    if not 0 <= share.low <= share.high <= 1:
        raise BadUse("E-COI-007", f"a {name} of {share} is not between 0 and 1", "1 % is 0.01")
    return share


def value(
    found: CoinEstimate,
    rule: Rule,
    *,
    days: Sequence[tuple[date, float]] = (),
    price: float | None = None,
) -> Money:
    """What the coins are worth by a rule.

    Args:
        found: the coins and their series.
        rule: at which time the price counts.
        days: for every rule but the mining day, when which share of the coins was paid out, sold or seized;
            shares sum to 1.
        price: of one coin, where it is known from a receipt instead of the series (one day only).

    Raises:
        BadUse: E-COI-006 for a rule that is none, dates that do not go with it, or a day without a price.
    """
    if rule not in RULES:
        raise BadUse("E-COI-006", f"no rule {rule!r} for a value", f"rules are {', '.join(RULES)}")
    currency = found.series.currency
    if rule == "mining day":
        if days or price is not None:
            raise BadUse("E-COI-006", "at the mining day the series alone gives days and prices", "")
        worth = sum((coins * _price(found.series, day) for day, coins in found.by_day), bounded(0.0))
        if found.missing:
            worth = Bounded(worth.low, worth.estimate, math.inf, worth.about)
        return Money.of(worth, currency, f"each mining day, {found.series.source}")
    if not days or not math.isclose(sum(share for _, share in days), 1.0, abs_tol=1e-6):
        said = f"a value at {rule} needs its days and which share of the coins fell on each"
        raise BadUse("E-COI-006", said, "shares sum to 1")
    if price is not None and len(days) != 1:
        raise BadUse("E-COI-006", "one price for several days", "give one day, or take the series' prices")
    each = sum(share * (_price(found.series, day) if price is None else price) for day, share in days)
    when = ", ".join(str(day) for day, _ in days)
    source = found.series.source if price is None else "price as given"
    return Money.of(found.coins.amount * each, currency, f"{rule} {when}, {source}")


def _price(series: Series, day: date) -> float:
    row = series.on(day)
    if row is None or row.price is None:
        raise BadUse("E-COI-006", f"no price of {series.coin} on {day} in {series.source}", "give one")
    return row.price


def implied_hashrate(
    coins: Coins, series: Series, spell: Spell, extra: Number, fee: Number = 0.0
) -> Hashrate:
    """The hashrate that so many coins stand for, to hold a statement against devices.

    Args:
        coins: what was earned.
        series: the network's days; all of the spell's must be there.
        spell: when.
        extra: income beside the emission, as a share of it (transaction fees).
        fee: what the pool kept.

    Raises:
        BadUse: E-COI-004 for another coin, E-COI-005 for days that the series lacks, E-COI-003 and E-COI-007, as
            `mined`; E-COI-009 for no coins or a negative income.
    """
    beside = bounded(extra)
    if not coins.amount.low >= 0 or not coins.amount.estimate > 0 or not beside.low >= 0:
        raise BadUse(
            "E-COI-009", f"{coins} with {beside} beside the emission", "coins above 0, income at least 0"
        )
    if coins.coin != series.coin:
        raise BadUse("E-COI-004", f"{coins.coin} against a series of {series.coin}", "name the right series")
    one = Hashrate.of(1.0, "H/s", series.algorithm)
    each = mined(one, series, spell, fee=fee).coins.amount * (beside + 1)
    return Hashrate.of(coins.amount / each, "H/s", series.algorithm)
