"""The account of a scan: each client's energy over the observed and the inferred period, its coins, its owner.

A client's power comes from `client_power`. Observed is what records cover; inferred is from the client's first to
its last record, at least what was seen and at most all of it. The two stand side by side and are never merged.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from davylamp.errors import BadUse, InputError
from davylamp.records import Interval
from davylamp.sizing.client_power import Line, Seen, power_of
from davylamp.sizing.coins_market import Market
from davylamp.sizing.coins_scan import ClientCoins, Stretch, coins_of, sum_coins
from davylamp.sizing.energy import Period, a_day, inferred
from davylamp.sizing.energy_books import Account, Choice, draw_up
from davylamp.sizing.energy_groups import NOBODY, Owner, group, owners
from davylamp.sizing.hashrate import SECOND_NS
from davylamp.sizing.power import PowerEstimate, split
from davylamp.sizing.quantities import Energy, Hashrate, total
from davylamp.sizing.quantities_bounds import bounded
from davylamp.sizing.sheets import read_text

NOT_COUNTED: Final = "the scan carries no count of machines"
NO_COIN: Final = "the coin is unknown"


@dataclass(frozen=True, slots=True)
class Client:
    """One client of a scan: its lines (all of one grade), the two periods, and what it drew and earned in them."""

    name: str
    lines: tuple[Line, ...]
    power: PowerEstimate
    seen: Period
    guess: Period
    owner: Owner = NOBODY
    coins: tuple[ClientCoins, ...] = ()
    machines: Interval | None = None
    machines_note: str = NOT_COUNTED

    @property
    def per_day(self) -> Energy:
        """What its mean power draws in a day."""
        return a_day(self.power.power)

    @property
    def observed(self) -> Energy:
        """What it drew while it was seen."""
        return total(energy for line in self.lines if (energy := line.observed) is not None)

    @property
    def inferred(self) -> Energy:
        """What its mean power drew from its first to its last record."""
        return self.power.power.over(self.guess.time)


def account_of_scan(path: Path, choice: Choice, market: Market | None = None) -> Account:
    """From ``davylamp scan --format json``: every mining sighting sized by grade C, else its client by grade D.

    Args:
        path: the scan.
        choice: factors and days.
        market: series for coins; without one no coins are reckoned.

    Raises:
        InputError: E-ENE-004 when it is no such file, E-ENE-006 when nothing in it mines.
    """
    try:
        scan = json.loads(read_text(path, "E-ENE-004"), parse_constant=_no_constant)
        mining: dict[str, list[Mapping[str, Any]]] = {}
        for sighting in scan["sightings"]:
            if sighting["kind"] == "mining":
                mining.setdefault(str(sighting["client_ip"]), []).append(sighting)
        about = _about(scan.get("clients") or [])
        clients = [
            _client(sightings, scan["sessions"], about.get(name, {}), choice, market)
            for name, sightings in mining.items()
        ]
        whose = owners(scan.get("clients") or [])
    except BadUse as error:
        raise InputError("E-ENE-004", f"{path}: {error.message}", error.hint) from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        hint = "give the file that davylamp scan --format json writes"
        raise InputError("E-ENE-004", f"{path} is no result of a scan: {error!r}"[:300], hint) from error
    if not clients:
        raise InputError("E-ENE-006", f"no sighting of mining in {path}", "there is no energy to account for")
    clients = [replace(client, owner=whose.get(client.name, NOBODY)) for client in clients]
    notes = (
        f"clients: {len(clients)}; a day is 24 hours at the mean power seen while mining",
        "grade C runs from the best to the worst hardware of its algorithm",
    )
    parts = split(client.power for client in clients)
    lines = [line for client in clients for line in client.lines]
    return replace(
        draw_up("scan", parts, lines, choice, notes),
        observed=total(client.observed for client in clients),
        inferred=total(client.inferred for client in clients),
        clients=tuple(clients),
        groups=group(clients) if whose else (),
        coins=None if market is None else sum_coins(client.coins for client in clients),
    )


def _about(rows: Sequence[Any]) -> dict[str, Mapping[str, Any]]:
    """What a scan's ``clients`` say, by address; the first row of an address counts."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        found.setdefault(str(row["client_ip"]), row)
    return found


def _client(
    sightings: Sequence[Mapping[str, Any]],
    sessions: Sequence[Any],
    about: Mapping[str, Any],
    choice: Choice,
    market: Market | None,
) -> Client:
    """One client: its power, both periods, and its coins where there is a market."""
    power = power_of([_seen(sighting, sessions) for sighting in sightings], choice.site)
    earned: tuple[ClientCoins, ...] = ()
    if market is not None:
        earned = coins_of([_stretch(sighting, sessions) for sighting in sightings], market)
    machines, note = _machines(about)
    return Client(
        str(sightings[0]["client_ip"]),
        power.lines,
        power.mean(),
        power.seen,
        inferred(power.seen),
        coins=earned,
        machines=machines,
        machines_note=note,
    )


def _machines(about: Mapping[str, Any]) -> tuple[Interval | None, str]:
    """How many machines the scan counted behind a client, or why that is unknown.

    Raises:
        ValueError: for a count that cannot be.
    """
    count = about.get("machines")
    if not isinstance(count, Mapping):
        return None, NOT_COUNTED
    low, estimate, high = count["low"], count["estimate"], count["high"]
    most = float("inf") if high is None else float(high)
    if not 0 < float(low) <= float(estimate) <= most:
        raise ValueError("a count of machines is out of order")
    said = [str(reason["because"]) for reason in count.get("reasons") or []]
    said += [str(text)] if (text := count.get("contradiction")) else []
    return Interval(float(low), float(estimate), most), "; ".join(said)


def _seen(sighting: Mapping[str, Any], sessions: Sequence[Any]) -> Seen:
    """One sighting as far as its power goes."""
    rate, algorithm = sighting["hashrate_hps"], sighting["algorithm"]
    parts = None
    if rate is not None:
        parts = bounded(Interval(*(float(rate[end]) for end in ("low", "estimate", "high")))).interval
    return Seen(
        str(sighting["client_ip"]),
        f"{sighting['server_ip']}:{sighting['server_port']}",
        None if algorithm is None else str(algorithm),
        parts,
        str(sighting["hashrate_note"]),
        tuple(_spans(sighting, sessions)),
        _ns(sighting["last_seen"]),
    )


def _stretch(sighting: Mapping[str, Any], sessions: Sequence[Any]) -> Stretch:
    """One sighting as far as coins go."""
    seen = _seen(sighting, sessions)
    coin = None if sighting.get("coin") is None else str(sighting["coin"]).upper()
    rows = [sessions[i] for i in sighting["sessions"] if i >= 0]
    if rows and all(row.get("donation") is True for row in rows):
        return Stretch(coin, None, seen.spans_ns, "it mines for the author of its program")
    if coin is None:
        known = dict.fromkeys(str(c["coin"]) for row in rows for c in row.get("coin_candidates") or [])
        why = f"{NO_COIN}; it may be {', '.join(known)}" if known else NO_COIN
        return Stretch(None, None, seen.spans_ns, why)
    pays = dict.fromkeys(str(p) for row in rows if (p := row.get("payout_coin")) and p != coin)
    note = f"the pool pays in {', '.join(pays)}" if pays else ""
    if seen.hashrate_hps is None:
        return Stretch(coin, None, seen.spans_ns, seen.note or "no hashrate was seen", note)
    if not seen.algorithm:
        return Stretch(coin, None, seen.spans_ns, "a hashrate was seen, but not of which algorithm", note)
    rate = Hashrate.seen(seen.hashrate_hps, seen.algorithm)
    return Stretch(coin, rate, seen.spans_ns, "", note)


def _spans(sighting: Mapping[str, Any], sessions: Sequence[Any]) -> list[tuple[int, int]]:
    """When a sighting was seen: its sessions where it names some, else from first to last."""
    rows = [sessions[i] for i in sighting["sessions"] if i >= 0] or [sighting]
    return [(_ns(row["first_seen"]), _ns(row["last_seen"])) for row in rows]


def _ns(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time in UTC."""
    whole, _, part = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * SECOND_NS + int(part.ljust(9, "0")[:9] or 0)


def _no_constant(text: str) -> float:
    """JSON has no NaN and no infinity, whatever Python reads."""
    raise ValueError(f"{text} is no number of JSON")
