"""What a lead says of itself: a function of the set of its observations, whatever the order in which they came.

Spans are minima and maxima, shares are a sum over distinct observations, words (coin, wallet, pool) are those of the
strongest observation that has them, and ties are broken by the observations' own references.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from davylamp.desk.leads.models import TIER_ORDER, Observation, Severity
from davylamp.sizing.energy_rows import bounded_row
from davylamp.sizing.power import PowerEstimate, by_default, from_hashrate
from davylamp.sizing.quantities import Hashrate
from davylamp.sizing.quantities_bounds import Bounded, bounded

READ: Final = (
    "id", "lead_id", "source", "source_ref", "port", "first_seen", "last_seen", "tier", "probability", "coin",
    "algorithm", "pool", "wallet", "worker", "accepted_shares", "hashrate_low", "hashrate_hps",
    "hashrate_high", "bounds",
)  # fmt: skip
WRITTEN: Final = (
    "tier", "probability", "coin", "algorithm", "pool", "wallet", "worker", "first_seen", "last_seen",
    "observations_count", "accepted_shares", "hashrate_low", "hashrate_hps", "hashrate_high",
    "kwh_per_day_low", "kwh_per_day", "kwh_per_day_high", "energy_grade", "machines_low", "machines",
    "machines_high", "bounds",
)  # fmt: skip
CHUNK: Final = 500  # judged: keys in one query
MANY_MACHINES: Final = 10  # judged: a room, not a desk
MANY_SHARES: Final = 10_000  # judged: weeks of one machine, or many machines

Row = Mapping[str, Any]


def observations_of(leads: Iterable[UUID]) -> dict[UUID, list[Row]]:
    """All observations of leads, as plain values."""
    wanted = list(leads)
    found: dict[UUID, list[Row]] = defaultdict(list)
    for start in range(0, len(wanted), CHUNK):
        for row in Observation.objects.filter(lead__in=wanted[start : start + CHUNK]).values(*READ):
            found[row["lead_id"]].append(row)
    return found


def witness(rows: Sequence[Row]) -> Row:
    """The first observation: a lead is attributed at its time."""
    return min(rows, key=lambda r: (r["first_seen"], r["source"], r["source_ref"]))


def strength(row: Row) -> tuple[Any, ...]:
    """The order in which observations speak for their lead."""
    return (
        TIER_ORDER[row["tier"]],
        row["probability"],
        row["accepted_shares"],
        row["last_seen"],
        row["source"],
        row["source_ref"],
    )


def aggregate(rows: Sequence[Row]) -> dict[str, Any]:
    """The fields of a lead named in `WRITTEN`.

    Args:
        rows: its observations, at least one.
    """
    ranked = sorted(rows, key=strength, reverse=True)
    last = max(r["last_seen"] for r in rows)
    shares = _sum([_amount(r, "shares") or bounded(r["accepted_shares"]) for r in rows])
    machines = [a for r in rows if (a := _amount(r, "machines")) is not None]
    told: dict[str, Any] = {
        "tier": ranked[0]["tier"],
        "probability": max(r["probability"] for r in rows),
        "coin": _first(ranked, "coin"),
        "algorithm": _first(ranked, "algorithm"),
        "pool": _first(ranked, "pool"),
        "wallet": _first(ranked, "wallet"),
        "first_seen": min(r["first_seen"] for r in rows),
        "last_seen": last,
        "observations_count": len(rows),
        "accepted_shares": int(shares.estimate),
        "bounds": {} if shares.is_exact else {"shares": bounded_row(shares)},
    }
    told["worker"] = _first([r for r in ranked if r["wallet"] == told["wallet"]], "worker")
    told |= _hashrate(ranked, told["algorithm"])
    told |= _energy(told, last)
    told |= _machines(machines, told["bounds"])
    return told


def _first(ranked: Sequence[Row], name: str) -> str:
    return next((r[name] for r in ranked if r[name]), "")


def _amount(row: Row, name: str) -> Bounded | None:
    told = row["bounds"].get(name)
    if told is None:
        return None
    low, high = told["low"], told["high"]
    return Bounded(
        -float("inf") if low is None else low,
        told["estimate"],
        float("inf") if high is None else high,
        told["about"],
    )


def _sum(amounts: Sequence[Bounded]) -> Bounded:
    """Exact, since sums of whole numbers do not depend on their order."""
    total = bounded(0)
    for amount in amounts:
        total = total + amount
    return total


def _hashrate(ranked: Sequence[Row], algorithm: str) -> dict[str, Any]:
    """Of the observation with the most shares: hashrates of several spells are no sum."""
    sized = [r for r in ranked if r["hashrate_hps"] is not None and r["algorithm"] == algorithm]
    best = max(sized, key=lambda r: (r["accepted_shares"], *strength(r)), default=None)
    names = ("hashrate_low", "hashrate_hps", "hashrate_high")
    return {name: None if best is None else best[name] for name in names}


def _energy(told: Mapping[str, Any], last: datetime) -> dict[str, Any]:
    """Grade C from the hashrate, else grade D for the address."""
    ends = (told["hashrate_low"], told["hashrate_hps"], told["hashrate_high"])
    found = _power(told["algorithm"], *ends, last.year) if None not in ends and told["algorithm"] else None
    power = found if isinstance(found, PowerEstimate) else _default()
    day = power.power.to("kWh/d")
    return {
        "kwh_per_day_low": day.low,
        "kwh_per_day": day.estimate,
        "kwh_per_day_high": day.high,
        "energy_grade": power.grade,
    }


@lru_cache(maxsize=4096)
def _power(algorithm: str, low: float, mid: float, high: float, year: int) -> PowerEstimate | str:
    if not low <= mid <= high:
        return "a hashrate out of order"
    return from_hashrate(Hashrate.of(Bounded(low, mid, high), "H/s", algorithm), year=year)


@lru_cache(maxsize=1)
def _default() -> PowerEstimate:
    return by_default()


def _machines(amounts: Sequence[Bounded], bounds: dict[str, Any]) -> dict[str, Any]:
    """The most that was stated at once: lists of several days name the same machines."""
    if not amounts:
        return dict.fromkeys(("machines_low", "machines", "machines_high"))
    most = Bounded(
        max(a.low for a in amounts),
        max(a.estimate for a in amounts),
        max(a.high for a in amounts),
        any(a.about for a in amounts),
    )
    if not most.is_exact:
        bounds["machines"] = bounded_row(most)
    whole = [int(v) if abs(v) < 2**31 else None for v in (max(most.low, 0.0), most.estimate, most.high)]
    return dict(zip(("machines_low", "machines", "machines_high"), whole, strict=True))


def severity(told: Mapping[str, Any], is_public: bool | None, is_relapse: bool) -> Severity:
    """How soon it must be acted on; judged, one step for each of these.

    Jobs and shares were read; many machines or shares; the organisation is a public body; it is back after a closing.
    """
    many = (told["machines_low"] or 0) >= MANY_MACHINES or told["accepted_shares"] >= MANY_SHARES
    steps = (told["tier"] == "confirmed") + many + (is_public is True) + is_relapse
    return Severity(min(Severity.LOW + steps, Severity.URGENT))
