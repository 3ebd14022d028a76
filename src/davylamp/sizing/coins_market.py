"""The market of a coin as a user names it: its daily series, the pool's fee, and by which rule coins become money.

Several coins are named by repeating ``--coin`` and ``--network`` together. An algorithm that is not named is that
of the coin's row in ``tables/coins.csv`` while the series runs; a coin with several at that time has to name one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from davylamp import tables
from davylamp.errors import BadUse
from davylamp.sizing.coins import RULES, CoinEstimate, Rule, Series, read_series, share_of, value
from davylamp.sizing.quantities import Money
from davylamp.sizing.quantities_bounds import Number, read_amount

NO_CURRENCY: Final = "unnamed currency"


@dataclass(frozen=True, slots=True)
class Pricing:
    """By which rule coins become money, on which days (with the share of the coins), at which price of a receipt."""

    rule: Rule
    days: tuple[tuple[date, float], ...] = ()
    price: float | None = None

    def worth(self, found: CoinEstimate) -> Money:
        """What coins are worth by it.

        Raises:
            BadUse: E-COI-006 for a day without a price.
        """
        return value(found, self.rule, days=self.days, price=self.price)


@dataclass(frozen=True, slots=True)
class Market:
    """Series of some coins, each once; ``pricing`` None leaves coins without a value."""

    series: tuple[Series, ...]
    fee: Number = 0.0
    allow_gaps: bool = False
    pricing: Pricing | None = None

    def of(self, coin: str) -> Series | None:
        """The series of a coin."""
        return next((s for s in self.series if s.coin == coin.upper()), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user named: texts as they came."""

    networks: tuple[Path, ...] = ()
    coins: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    currency: str = ""
    fee: str = "0"
    allow_gaps: bool = False
    rule: str = ""
    price_dates: tuple[str, ...] = ()
    price: float | None = None


def read_market(asked: Asked) -> Market:
    """The market that a user named.

    Raises:
        BadUse: E-COI-006 for a rule, a date or a price that cannot be meant, E-COI-007 for a fee outside 0..1,
            E-COI-008 for series without their coin, algorithm or currency.
        InputError: E-COI-001 and E-COI-002 for a series that cannot be read.
    """
    named = [coin.upper() for coin in asked.coins]
    if len(named) != len(asked.networks) or len(asked.algorithms) not in (0, len(named)):
        said = f"{len(asked.networks)} --network, {len(named)} --coin, {len(asked.algorithms)} --algorithm"
        raise BadUse(
            "E-COI-008", said, "name --coin once for each --network, and --algorithm for each or none"
        )
    if len(set(named)) != len(named) or not all(named):
        raise BadUse("E-COI-008", "a coin without a name, or with two series", "each coin has one series")
    pricing = read_pricing(asked)
    if pricing is not None and pricing.price is not None and len(named) > 1:
        raise BadUse(
            "E-COI-006", "one --price for several coins", "price them one at a time, or by the series"
        )
    currency = asked.currency or NO_CURRENCY
    wanted = asked.algorithms or ("",) * len(named)
    found = [_series(*each, currency) for each in zip(asked.networks, named, wanted, strict=True)]
    fee = share_of(read_amount(asked.fee).amount, "fee")
    return Market(tuple(found), fee, asked.allow_gaps, pricing)


def _series(path: Path, coin: str, algorithm: str, currency: str) -> Series:
    """One series with the algorithm that was named or that the table knows."""
    if algorithm:
        return read_series(path, coin, algorithm_named(algorithm), currency)
    series = read_series(path, coin, "unknown", currency)
    return Series(coin, algorithm_of(series), currency, series.source, series.days)


def algorithm_named(name: str) -> str:
    """An algorithm by its name or by one that miners use for it: ``randomx`` is ``rx/0``.

    Raises:
        BadUse: E-COI-008 for a name that no algorithm has.
    """
    wanted = name.strip().lower()
    rows = tables.algorithms()
    exact = [row.algorithm for row in rows if row.algorithm == wanted]
    known = exact or [row.algorithm for row in rows if wanted in (alias.lower() for alias in row.aliases)]
    if not known:
        hint = "for instance sha256d, ethash, etchash, kawpow, rx/0 (randomx), scrypt"
        raise BadUse("E-COI-008", f"no algorithm {name!r}", hint)
    return known[0]


def algorithm_of(series: Series) -> str:
    """The algorithm that a coin was mined with on all days of a series.

    Raises:
        BadUse: E-COI-008 when the table knows none or several.
    """
    first, last = series.days[0].day, series.days[-1].day
    rows = [row for row in tables.coins() if row.coin == series.coin]
    names = {r.algorithm for r in rows if r.since <= last and (r.until is None or r.until > first)}
    if len(names) != 1:
        known = ", ".join(sorted(names)) or "none that is known"
        said = f"{series.coin} from {first} to {last} is mined with: {known}"
        raise BadUse("E-COI-008", said, "name it with --algorithm")
    return names.pop()


def read_pricing(asked: Asked) -> Pricing | None:
    """The rule of a value with its days; None where no value is asked for.

    Raises:
        BadUse: E-COI-006 for a rule that is none or dates that cannot be meant, E-COI-008 without a currency.
    """
    if not asked.rule:
        if asked.price_dates or asked.price is not None:
            raise BadUse("E-COI-006", "a price without a rule", f"name --rule: {', '.join(RULES)}")
        return None
    rule = next((r for r in RULES if r == asked.rule.replace("-", " ")), None)
    if rule is None:
        raise BadUse("E-COI-006", f"no rule {asked.rule!r} for a value", f"rules are {', '.join(RULES)}")
    if not asked.currency:
        raise BadUse("E-COI-008", "a value in no currency", "name the currency of the prices: --currency CNY")
    if asked.price is not None and not 0 < asked.price < math.inf:
        raise BadUse("E-COI-006", f"a price of {asked.price:g}", "it is more than 0")
    days = _days(asked.price_dates)
    if rule == "mining day" and (days or asked.price is not None):
        said = "at the mining day the series alone gives days and prices"
        raise BadUse("E-COI-006", said, "leave --price-date and --price out")
    if rule != "mining day" and not days:
        said = f"a value at {rule} needs its day"
        raise BadUse("E-COI-006", said, "--price-date 2021-05-01, or 2021-05-01=0.5 and the others' shares")
    if asked.price is not None and len(days) != 1:
        raise BadUse("E-COI-006", "one --price for several days", "give one --price-date")
    return Pricing(rule, days, asked.price)


def _days(texts: Sequence[str]) -> tuple[tuple[date, float], ...]:
    """Days with the share of the coins that fell on each: ``2021-05-01`` alone, or ``2021-05-01=0.5`` and so on."""
    days: list[tuple[date, float]] = []
    for text in texts:
        day, _, share = text.partition("=")
        try:
            days.append((date.fromisoformat(day.strip()), float(share) if share else 1.0))
        except ValueError as error:
            raise BadUse(
                "E-COI-006", f"--price-date {text}: {error}", "2021-05-01 or 2021-05-01=0.5"
            ) from error
    shares = [share for _, share in days]
    if days and not (all(0 < s <= 1 for s in shares) and math.isclose(sum(shares), 1.0, abs_tol=1e-6)):
        said = f"shares of the coins sum to {sum(shares):g}"
        raise BadUse("E-COI-006", said, "give each day its share, together 1")
    return tuple(days)


def read_day(text: str, option: str) -> date:
    """A day of an option.

    Raises:
        BadUse: E-COI-003 when it is none.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadUse("E-COI-003", f"{option} {text}: {error}", "write it as 2021-05-01") from error
