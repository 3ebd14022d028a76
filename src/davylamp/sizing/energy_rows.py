"""An account as an object for programs: stable names with units, nothing rounded, unbounded ends as null."""

import math
from collections.abc import Iterator
from typing import Any, Final

from davylamp.sizing.client_power import Line
from davylamp.sizing.coins import CoinEstimate
from davylamp.sizing.coins_scan import ClientCoins, CoinSums, Earning
from davylamp.sizing.energy import Period
from davylamp.sizing.energy_books import Account
from davylamp.sizing.energy_groups import KEYS, Group
from davylamp.sizing.energy_scan import Client
from davylamp.sizing.extrapolate import Extrapolation
from davylamp.sizing.factors import MassEstimate, overstatement
from davylamp.sizing.power import MEANING
from davylamp.sizing.quantities import Coins, Energy, Money
from davylamp.sizing.quantities_bounds import Bounded, bounded
from davylamp.tables.energy import FactorRow

SCHEMA_VERSION: Final = 1
DIGITS: Final = 5


def account_row(account: Account) -> dict[str, Any]:
    """The account as one object; an unbounded end is null, every mass is in tonnes, every energy in kWh."""
    return {
        "schema_version": SCHEMA_VERSION,
        "basis": account.basis,
        "method": account.method,
        "days": account.days,
        "kwh_per_day": bounded_row(account.per_day.to("kWh")),
        "kwh": bounded_row(account.over_days.to("kWh")),
        "observed_kwh": energy_or_none(account.observed),
        "inferred_kwh": energy_or_none(account.inferred),
        "official": [mass_row(d, t, account.mark) for d, t in pairs(account) if d.is_official],
        "comparable": [mass_row(d, t, account.mark) for d, t in pairs(account) if not d.is_official],
        "comparable_over_official": overstated(account),
        "grades": grade_rows(account),
        "lines": [line_row(line) for line in account.lines],
        "clients": [client_row(client) for client in account.clients],
        **{f"by_{key}": _group_rows(account, key) for key in KEYS},
        "coins": None if account.coins is None else sums_row(account.coins),
        "extrapolation": None if account.sample is None else sample_row(account.sample),
        "mark": account.mark,
        "notes": list(account.notes),
    }


def bounded_row(amount: Bounded) -> dict[str, Any]:
    """Low, estimate and high; an unbounded end is null; ``about`` where somebody said "about"."""
    ends = {"low": amount.low, "estimate": amount.estimate, "high": amount.high}
    row: dict[str, Any] = {name: value if math.isfinite(value) else None for name, value in ends.items()}
    return {**row, "about": amount.about, "text": amount.text(DIGITS)}


def mass_row(day: MassEstimate, over: MassEstimate, mark: str = "") -> dict[str, Any]:
    """One factor's figures, with all it takes to compute them again."""
    return {
        **factor_row(day.row),
        "per_day_t": bounded_row(day.mass.to("t")),
        "total_t": bounded_row(over.mass.to("t")),
        "kwh": bounded_row(over.energy.to("kWh")),
        "rounding": str(over.rounding),
        "order": over.rounding.order,
        "method": over.method,
        "mark": mark,
    }


def factor_row(row: FactorRow) -> dict[str, Any]:
    """One factor of one set."""
    return {
        "set": row.set,
        "yields": row.yields,
        "factor": row.value,
        "unit": row.unit,
        "year": row.year,
        "region": row.region,
        "status": row.status,
        "title": row.title,
        "source": row.source,
        "reviewed": row.reviewed,
    }


def pairs(account: Account) -> Iterator[tuple[MassEstimate, MassEstimate]]:
    """A day's and the whole time's figure of each factor, in the order in which they are shown."""
    return zip(account.day.all, account.total.all, strict=True)


def overstated(account: Account) -> float | None:
    """How many times the official CO2 of its year the comparable one is; None where there are not both."""
    official = [m for m in account.total.official if m.row.yields == "CO2"]
    beside = [m for m in account.total.beside if m.row.yields == "CO2"]
    if not official or not beside or not official[0].mass.amount.estimate > 0:
        return None
    return overstatement(beside[0], official[0])


def grade_rows(account: Account) -> list[dict[str, Any]]:
    """The split by grade; empty where kilowatt-hours were stated."""
    if account.power is None:
        return []
    return [
        {
            "grade": grade,
            "meaning": MEANING[grade],
            "items": account.power.count[grade],
            "mean_kw": bounded_row(power.to("kW")),
            "kwh_per_day": bounded_row(power.to("kWh/d")),
        }
        for grade, power in account.power.by_grade.items()
    ]


def line_row(line: Line) -> dict[str, Any]:
    """One sighting, device or meter."""
    return {
        "name": line.name,
        "what": line.what,
        "grade": line.power.grade,
        "kw": bounded_row(line.power.power.to("kW")),
        "observed_h": None if line.seen is None else line.seen.hours.estimate,
        "observed_kwh": energy_or_none(line.observed),
        "method": line.power.method,
        "inputs": list(line.power.inputs),
        "notes": list(line.power.notes),
    }


def energy_or_none(energy: Energy | None) -> dict[str, Any] | None:
    """Kilowatt-hours; None where there is no such energy."""
    return None if energy is None else bounded_row(energy.to("kWh"))


def period_row(period: Period) -> dict[str, Any]:
    """A period: hours of running, hours from begin to end, and its sentence."""
    return {
        "kind": period.kind,
        "hours": bounded_row(period.hours),
        "span_h": period.span_h,
        "because": period.because,
    }


def client_row(client: Client) -> dict[str, Any]:
    """One client of a scan: both energies with their periods, machines, owner and coins."""
    machines = client.machines
    return {
        "client_ip": client.name,
        "grade": client.power.grade,
        "kw": bounded_row(client.power.power.to("kW")),
        "kwh_per_day": bounded_row(client.per_day.to("kWh")),
        "observed_kwh": bounded_row(client.observed.to("kWh")),
        "inferred_kwh": bounded_row(client.inferred.to("kWh")),
        "observed_period": period_row(client.seen),
        "inferred_period": period_row(client.guess),
        "machines": None if machines is None else bounded_row(bounded(machines)),
        "machines_note": client.machines_note,
        **{key: client.owner.keys.get(key) for key in KEYS},
        **{f"{key}_name": client.owner.names.get(key) or None for key in KEYS},
        "coins": [client_coins_row(each) for each in client.coins],
    }


def client_coins_row(found: ClientCoins) -> dict[str, Any]:
    """One client's coins of one kind; null with the reason where they are unknown."""
    return {
        "coin": found.coin,
        "observed": None if found.observed is None else earning_row(found.observed),
        "inferred": None if found.inferred is None else earning_row(found.inferred),
        "unknown_because": found.why,
        "notes": list(found.notes),
    }


def earning_row(earning: Earning) -> dict[str, Any]:
    """Coins over one period."""
    return {
        **estimate_row(earning.found),
        "period": period_row(earning.period),
        "worth": worth_row(earning.worth),
        "worth_unknown_because": earning.why,
    }


def estimate_row(found: CoinEstimate) -> dict[str, Any]:
    """An amount of coins with what it was computed from."""
    return {
        "coin": found.coins.coin,
        "algorithm": found.series.algorithm,
        "amount": bounded_row(found.coins.amount),
        "by_day": [{"day": day.isoformat(), **bounded_row(amount)} for day, amount in found.by_day],
        "missing_days": [day.isoformat() for day in found.missing],
        "series": found.series.source,
        "inputs": list(found.inputs),
        "method": found.method,
    }


def worth_row(worth: Money | None) -> dict[str, Any] | None:
    """Money with its currency and the rule and day of its prices."""
    if worth is None:
        return None
    return {**bounded_row(worth.amount), "currency": worth.currency, "as_of": worth.as_of}


def _coins_row(coins: Coins | None) -> dict[str, Any] | None:
    return None if coins is None else bounded_row(coins.amount)


def sums_row(sums: CoinSums) -> dict[str, Any]:
    """Sums by coin, and clients whose coin is unknown with the reasons."""
    return {
        "by_coin": [
            {
                "coin": each.coin,
                "observed": _coins_row(each.observed),
                "inferred": _coins_row(each.inferred),
                "observed_worth": worth_row(each.observed_worth),
                "inferred_worth": worth_row(each.inferred_worth),
                "clients": each.clients,
                "clients_unknown": each.unknown,
                "unknown_because": each.why,
                "worth_unknown_because": each.worth_why,
            }
            for each in sums.by_coin
        ],
        "coin_unknown": [{"clients": count, "because": why} for why, count in sums.unknown_kind],
    }


def _group_rows(account: Account, key: str) -> list[dict[str, Any]]:
    return [group_row(g) for grouping in account.groups if grouping.by == key for g in grouping.groups]


def group_row(group: Group) -> dict[str, Any]:
    """One organisation, region or sector; key null is unknown."""
    return {
        "key": group.key,
        "name": group.name or None,
        "clients": group.clients,
        "kwh_per_day": bounded_row(group.per_day.to("kWh")),
        "observed_kwh": bounded_row(group.observed.to("kWh")),
        "inferred_kwh": bounded_row(group.inferred.to("kWh")),
        "coins": sums_row(group.coins),
    }


def sample_row(found: Extrapolation) -> dict[str, Any]:
    """What a sample says of its population, with how it was selected and the mark of a forced one."""
    return {
        "each": {**bounded_row(bounded(found.each)), "about": bool(found.mark)},
        "total": {**bounded_row(bounded(found.total)), "about": bool(found.mark)},
        "sample": found.sample.size,
        "population": found.sample.population,
        "selection": found.sample.selection,
        "how": found.how,
        "forced": bool(found.mark),
        "mark": found.mark,
        "method": found.method,
    }
