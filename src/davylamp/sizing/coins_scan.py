"""Coins of the clients of a scan, over the observed and over the inferred period; unknown with the reason, never 0.

Per client and coin: over the observed period, each sighting's hashrate in the hours it was seen; over the inferred
one, their mean over the time between the first and the last record. Both by the UTC day, since a network's
series is by the day. A sighting whose coin, hashrate or series is missing leaves its coins unknown; where another
sighting of the same client and coin is known, the sum of the two is a lower bound.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from davylamp.errors import BadUse
from davylamp.sizing.coins import CoinEstimate, Series, earned
from davylamp.sizing.coins_market import Market
from davylamp.sizing.energy import Period, by_day, inferred, inferred_by_day, observed
from davylamp.sizing.quantities import Coins, Hashrate, Money, total
from davylamp.sizing.quantities_bounds import Bounded, bounded

MOST_REASONS: Final = 3  # judged: more is a list, which the clients are


@dataclass(frozen=True, slots=True)
class Stretch:
    """One sighting as far as coins go: what it mined when, and how fast or ``why`` that is unknown."""

    coin: str | None
    rate: Hashrate | None
    spans: tuple[tuple[int, int], ...]
    why: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Earning:
    """Coins over one period, and what they are worth where a rule was given; ``why`` where there is no value."""

    found: CoinEstimate
    period: Period
    worth: Money | None = None
    why: str = ""

    @property
    def coins(self) -> Coins:
        """The coins."""
        return self.found.coins


@dataclass(frozen=True, slots=True)
class ClientCoins:
    """One client's coins of one kind; both periods are None, with ``why``, where they are unknown."""

    coin: str | None
    observed: Earning | None
    inferred: Earning | None
    why: str = ""
    notes: tuple[str, ...] = ()


def coins_of(stretches: Sequence[Stretch], market: Market) -> tuple[ClientCoins, ...]:
    """The coins of one client, kind by kind; sightings of an unknown coin last."""
    kinds: dict[str | None, list[Stretch]] = {}
    for stretch in stretches:
        kinds.setdefault(stretch.coin, []).append(stretch)
    order = sorted(kinds, key=lambda coin: (coin is None, coin or ""))
    return tuple(_of_one_coin(coin, kinds[coin], market) for coin in order)


def _of_one_coin(coin: str | None, stretches: Sequence[Stretch], market: Market) -> ClientCoins:
    """Coins of one kind, or why they are unknown."""
    notes = tuple(dict.fromkeys(s.note for s in stretches if s.note))
    if coin is None:
        return ClientCoins(None, None, None, "; ".join(dict.fromkeys(s.why for s in stretches)), notes)
    series = market.of(coin)
    if series is None:
        return ClientCoins(coin, None, None, f"no series of {coin} was given", notes)
    reasons = dict.fromkeys(why for s in stretches if (why := _unusable(s, series)))
    usable = [s for s in stretches if not _unusable(s, series)]
    if not any(end > begin for s in usable for begin, end in s.spans):
        why = "; ".join(reasons) or "it was seen at one moment only"
        return ClientCoins(coin, None, None, why, notes)
    try:
        seen, guess = _both(usable, series, market)
    except BadUse as error:
        return ClientCoins(coin, None, None, error.message, notes)
    if reasons:
        seen, guess = _at_least(seen), _at_least(guess)
        notes += (f"a lower bound, since of some sightings the coins are unknown: {'; '.join(reasons)}",)
    return ClientCoins(coin, _valued(seen, market), _valued(guess, market), "", notes)


def _unusable(stretch: Stretch, series: Series) -> str:
    """Why a sighting's coins are unknown; empty when they are not."""
    if stretch.rate is None:
        return stretch.why
    if stretch.rate.algorithm == series.algorithm:
        return ""
    return f"it was mined with {stretch.rate.algorithm}, the series is of {series.algorithm}"


def _both(stretches: Sequence[Stretch], series: Series, market: Market) -> tuple[Earning, Earning]:
    """What was earned while it was seen, and in the time between first and last record."""
    spans = [span for s in stretches for span in s.spans]
    period = observed(spans)
    guess = inferred(period)
    rates = [f"{s.rate} of {series.algorithm}" for s in stretches]
    work: dict[date, Bounded] = {}
    for stretch in stretches:
        assert stretch.rate is not None
        for day, hours in by_day(stretch.spans).items():
            work[day] = work.get(day, bounded(0.0)) + stretch.rate.amount * (hours / 24)
    days = by_day(spans)
    mean = sum(work.values(), bounded(0.0)) / (sum(days.values()) / 24)
    between = {day: mean * (hours / 24) for day, hours in inferred_by_day(spans, guess).items()}
    earnings = []
    for kind, each in ((period, work), (guess, between)):
        inputs = (*dict.fromkeys(rates), f"{kind.kind}: {kind.because}")
        found = earned(
            _rates(each, series), series, fee=market.fee, allow_gaps=market.allow_gaps, inputs=inputs
        )
        earnings.append(Earning(found, kind))
    return earnings[0], earnings[1]


def _rates(work: Mapping[date, Bounded], series: Series) -> list[tuple[date, Hashrate]]:
    return [(day, Hashrate(work[day], series.algorithm)) for day in sorted(work)]


def _at_least(earning: Earning) -> Earning:
    """The same as a lower bound."""
    coins = earning.coins
    amount = replace(coins.amount, high=math.inf)
    return replace(earning, found=replace(earning.found, coins=replace(coins, amount=amount)))


def _valued(earning: Earning, market: Market) -> Earning:
    """With its value, or why it has none."""
    if market.pricing is None:
        return replace(earning, why="no rule for a value was given")
    try:
        worth = market.pricing.worth(earning.found)
    except BadUse as error:
        return replace(earning, why=error.message)
    if math.isinf(earning.coins.amount.high):
        worth = replace(worth, amount=replace(worth.amount, high=math.inf))
    return replace(earning, worth=worth)


# --- sums --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CoinSum:
    """All clients' coins of one kind; a lower bound when ``unknown`` clients mined it that could not be reckoned."""

    coin: str
    observed: Coins | None
    inferred: Coins | None
    observed_worth: Money | None
    inferred_worth: Money | None
    clients: int
    unknown: int
    why: str = ""
    worth_why: str = ""


@dataclass(frozen=True, slots=True)
class CoinSums:
    """Sums by coin, and how many clients' coins are of an unknown kind, reason by reason."""

    by_coin: tuple[CoinSum, ...]
    unknown_kind: tuple[tuple[str, int], ...]


def sum_coins(clients: Iterable[Sequence[ClientCoins]]) -> CoinSums:
    """The sums over clients, coin by coin."""
    items = [each for client in clients for each in client]
    names = sorted({each.coin for each in items if each.coin is not None})
    unknown: dict[str, int] = {}
    for each in items:
        if each.coin is None:
            unknown[each.why] = unknown.get(each.why, 0) + 1
    sums = tuple(_sum(name, [each for each in items if each.coin == name]) for name in names)
    return CoinSums(sums, tuple(unknown.items()))


def _sum(coin: str, items: Sequence[ClientCoins]) -> CoinSum:
    """One coin's sum."""
    known = [(e.observed, e.inferred) for e in items if e.observed is not None and e.inferred is not None]
    missing = len(items) - len(known)
    why = _reasons(e.why for e in items)
    if not known:
        return CoinSum(coin, None, None, None, None, 0, missing, why)
    seen, guessed = [pair[0] for pair in known], [pair[1] for pair in known]
    worth_why = _reasons(e.why for pair in known for e in pair)
    return CoinSum(
        coin,
        _coins(seen, missing),
        _coins(guessed, missing),
        _worth(seen, missing),
        _worth(guessed, missing),
        len(known),
        missing,
        why,
        worth_why,
    )


def _reasons(texts: Iterable[str]) -> str:
    """The commonest reasons; all of them stand with their clients."""
    found = Counter(text for text in texts if text).most_common()
    more = [f"and {len(found) - MOST_REASONS} more"] if len(found) > MOST_REASONS else []
    return "; ".join([text for text, _ in found[:MOST_REASONS]] + more)


def _coins(earnings: Sequence[Earning], missing: int) -> Coins:
    found = total(e.coins for e in earnings)
    return replace(found, amount=replace(found.amount, high=math.inf)) if missing else found


def _worth(earnings: Sequence[Earning], missing: int) -> Money | None:
    """The sum of values; None where one of them has none, since a part would pass for the whole."""
    values = [e.worth for e in earnings if e.worth is not None]
    if len(values) != len(earnings):
        return None
    found = total(values)
    return replace(found, amount=replace(found.amount, high=math.inf)) if missing else found
