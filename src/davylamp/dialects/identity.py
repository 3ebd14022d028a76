"""Identity: which algorithm, which coin, whose wallet, which pool, and what a unit of difficulty is worth.

Every coin that the dialect can carry on that day is a prospect. It begins with its judged share of the dialect's
miners; clues (`identity_clues`) add decimal log likelihood ratios; a coin that the tables do not know competes with
a share of `UNKNOWN`. The coin is named when its weight reaches `LEAD`, that is three times all others together,
and something beyond its share speaks for it; otherwise it stays unknown and the candidates tell why. An algorithm
needs `SURE`, because a wrong one makes hashes wrong by up to 65,536-fold.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from davylamp import tables
from davylamp.dialects import identity_chain as chain
from davylamp.dialects.identity_clues import CLUES, best_reading, family_of, is_test_network
from davylamp.dialects.identity_evidence import Evidence, Prospect, Scene
from davylamp.dialects.wallets import LoginParts, WalletReading, split_login
from davylamp.records import Candidate

__all__ = ["Candidate", "Evidence", "Factor", "Identity", "identify"]

LEAD: Final = 0.75  # judged: three times as likely as all others together
SURE: Final = 0.95  # judged: work multiplies whatever the algorithm is
UNKNOWN: Final = 0.05  # judged: part of the miners whose coin is in no table
SLACK_DAYS: Final = 3  # judged: forks take hours, capture clocks lie by time zones
LEAST_WEIGHT: Final = 0.01  # judged: candidates below are not worth a line
MOST_CANDIDATES: Final = 6  # judged: a reader looks at a handful
MOST_RATIO: Final = 16.0  # judged: a wider range of conventions says nothing about a hashrate
OFFER_PENALTY: Final = 2.0  # judged: miners offer what they can hash, lists may be cut
TINY: Final = 1e-6  # judged: rounding of sums, no clue weighs so little
LONG_NAME: Final = 32  # judged: algorithm names are short
USER_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Factor:
    """Hashes per unit of pool difficulty."""

    low: float
    estimate: float
    high: float
    convention: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a session is, as far as its evidence goes; everything may be unknown.

    ``coin`` is what is mined, ``payout_coin`` what is paid; they differ at markets and multi-coin pools.
    """

    algorithm: str | None = None
    coin: str | None = None
    candidates: tuple[Candidate, ...] = ()
    login: str | None = None
    wallet: str | None = None
    worker: str | None = None
    rig_id: str | None = None
    agent: str | None = None
    pool: str | None = None
    payout_coin: str | None = None
    donation: bool = False
    factor: Factor | None = None
    factor_note: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """Who the client says it is."""

    login: str | None
    parts: LoginParts
    wallet: str | None
    worker: str | None


def identify(evidence: Evidence) -> Identity:
    """Name everything that the evidence allows to name."""
    day = chain.day_of(evidence.first_ns)
    named = resolve(evidence.algorithms)
    prospects = open_prospects(evidence, named, day)
    scene = Scene(evidence, day, test_network=False, prospects=prospects)
    reading = best_reading(scene)
    expected = [
        e.mean for p in prospects if day and (e := chain.expected_difficulty(p.coin, day)) is not None
    ]
    test = is_test_network(reading, evidence.nbits, [10.0**mean for mean in expected])
    scene = Scene(evidence, day, test_network=test, prospects=prospects)
    weigh_all(scene)
    weights = weigh_up(prospects)
    coin = leading_coin(prospects, weights)
    sure = leading_algorithm(evidence, named, prospects, weights)
    factor, factor_note = factor_of(evidence, prospects, weights, sure)
    names = names_of(evidence, reading, coin, {p.coin for p in prospects})
    pool = next((p for host in evidence.pools if (p := tables.pool_of(host)) is not None), None)
    return Identity(
        algorithm=sure or likely_algorithm(prospects, coin, switching=len(named) > 1),
        coin=coin,
        candidates=candidates_of(prospects, weights),
        login=names.login,
        wallet=names.wallet,
        worker=names.worker,
        rig_id=first(evidence.rig_ids) or names.parts.rig,
        agent=first(evidence.agents),
        pool=first(evidence.pools) or pool_by_tag(evidence),
        payout_coin=payout_of(names.parts, reading, coin, pool),
        donation=bool(donation_reason(evidence, names, pool)),
        factor=factor,
        factor_note=factor_note,
        notes=notes_of(evidence, names, test, pool),
    )


def first(values: Sequence[str]) -> str | None:
    """The first value that says anything."""
    return next((value for value in values if value.strip()), None)


# --- prospects ---------------------------------------------------------------------------------------------


def resolve(names: Sequence[str]) -> set[str]:
    """Algorithms of the table that these names may mean; one name may mean several (blake3)."""
    wanted = {name.strip().lower() for name in names}
    return {
        row.algorithm
        for row in tables.algorithms()
        if row.algorithm in wanted or wanted & {alias.lower() for alias in row.aliases}
    }


def open_prospects(evidence: Evidence, named: set[str], day: date | None) -> list[Prospect]:
    """Coins that this dialect can carry on that day, weighted by their judged share."""
    offered = resolve(evidence.traits.get("algorithms", "").split(","))
    algorithms = {row.algorithm: row for row in tables.algorithms()}
    of_dialect = {name for name, row in algorithms.items() if evidence.dialect in row.dialects}
    possible = (named & of_dialect or named) if named else of_dialect | offered
    found = []
    for row in tables.coins():
        if row.algorithm not in possible or row.share <= 0 or (day and not was_mined(row, day)):
            continue
        prospect = Prospect(row, algorithms[row.algorithm], math.log10(row.share))
        if named:
            prospect.weigh(0.3, f"the pool names the algorithm {row.algorithm}")
            prospect.supported = True
        elif offered and row.algorithm not in offered:
            prospect.weigh(-OFFER_PENALTY, f"the session's own list of algorithms lacks {row.algorithm}")
        found.append(prospect)
    if len({prospect.coin for prospect in found}) == 1:
        for prospect in found:
            prospect.weigh(0.3, f"no other coin is known in this dialect and algorithm than {prospect.coin}")
            prospect.supported = True
    return found


def weigh_all(scene: Scene) -> None:
    """Let every clue speak, and mark the coins that it supports.

    A clue supports a coin over another of the same algorithm, or over another algorithm's where it is alone.
    """
    for weigh in CLUES:
        before = [prospect.score for prospect in scene.prospects]
        weigh(scene)
        gains = [p.score - score for p, score in zip(scene.prospects, before, strict=True)]
        for prospect, gain in zip(scene.prospects, gains, strict=True):
            rivals = [
                other
                for p, other in zip(scene.prospects, gains, strict=True)
                if p.coin != prospect.coin and p.row.algorithm == prospect.row.algorithm
            ]
            prospect.supported |= gain > max(0.0, min(rivals or gains)) + TINY


def was_mined(row: tables.CoinRow, day: date) -> bool:
    """Whether a coin had this algorithm on a day, give or take a few."""
    slack = timedelta(days=SLACK_DAYS)
    return row.since - slack <= day and (row.until is None or day <= row.until + slack)


def weigh_up(prospects: Sequence[Prospect]) -> list[float]:
    """The weight of each prospect; with that of an unknown coin they sum to 1."""
    begun = sum(prospect.row.share for prospect in prospects)
    unknown = UNKNOWN * begun
    odds = [10.0 ** min(30.0, max(-30.0, prospect.score)) for prospect in prospects]
    total = sum(odds) + unknown
    return [odd / total for odd in odds] if total > 0 else []


def by_coin(prospects: Sequence[Prospect], weights: Sequence[float]) -> dict[str, float]:
    """Weights summed per coin."""
    sums: dict[str, float] = defaultdict(float)
    for prospect, weight in zip(prospects, weights, strict=True):
        sums[prospect.coin] += weight
    return sums


def leading_coin(prospects: Sequence[Prospect], weights: Sequence[float]) -> str | None:
    """The coin that clearly leads and has support beyond its share."""
    sums = by_coin(prospects, weights)
    coin = max(sums, key=lambda name: sums[name], default=None)
    if coin is None or sums[coin] < LEAD:
        return None
    return coin if any(p.supported for p in prospects if p.coin == coin) else None


def candidates_of(prospects: Sequence[Prospect], weights: Sequence[float]) -> tuple[Candidate, ...]:
    """The coins worth showing, the likeliest first, each with what weighs most for or against it."""
    sums = by_coin(prospects, weights)
    ranked = sorted(sums, key=lambda name: -sums[name])[:MOST_CANDIDATES]
    shown = []
    for coin in (name for name in ranked if sums[name] >= LEAST_WEIGHT):
        best = max((p for p in prospects if p.coin == coin), key=lambda p: p.score)
        heaviest = sorted(best.gains, key=lambda gain: -abs(gain[0]))[:3]
        because = "; ".join(words for _, words in heaviest) or f"{best.row.name} is common in this dialect"
        shown.append(Candidate(coin, round(sums[coin], 4), because))
    return tuple(shown)


# --- algorithm and factor ----------------------------------------------------------------------------------


def by_algorithm(prospects: Sequence[Prospect], weights: Sequence[float]) -> dict[str, float]:
    """Weights summed per algorithm, over all prospects 1."""
    sums: dict[str, float] = defaultdict(float)
    for prospect, weight in zip(prospects, weights, strict=True):
        sums[prospect.algorithm.algorithm] += weight
    total = sum(sums.values())
    return {name: weight / total for name, weight in sums.items()} if total > 0 else {}


def leading_algorithm(
    evidence: Evidence, named: set[str], prospects: Sequence[Prospect], weights: Sequence[float]
) -> str | None:
    """The algorithm: as the pool names it, as the dialect leaves no other, or by the prospects' weights."""
    said = sorted({name.strip().lower()[:LONG_NAME] for name in evidence.algorithms if name.strip()})
    if len(said) > 1 and len(named) > 1:
        return None
    if said and not named:
        return said[0]
    possible = named or {r.algorithm for r in tables.algorithms() if evidence.dialect in r.dialects}
    if len(possible) == 1:
        return next(iter(possible))
    shares = by_algorithm(prospects, weights)
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best is not None and shares[best] * sum(weights) >= SURE else None


def likely_algorithm(prospects: Sequence[Prospect], coin: str | None, *, switching: bool) -> str | None:
    """The algorithm of the coin that was named, good enough to be shown and not to be reckoned with."""
    if coin is None or switching:
        return None
    return max((p for p in prospects if p.coin == coin), key=lambda p: p.score).algorithm.algorithm


def is_known(weights: Sequence[float]) -> bool:
    """Whether the prospects together outweigh a coin that the tables do not know."""
    return sum(weights) >= 0.5


def factor_of(
    evidence: Evidence, prospects: Sequence[Prospect], weights: Sequence[float], algorithm: str | None
) -> tuple[Factor | None, str]:
    """Hashes per unit of pool difficulty, or None and why."""
    if evidence.dialect == "chia":
        return None, "Chia farms plots on disks: its difficulty counts proofs, not hashes"
    rows = {row.algorithm: row for row in tables.algorithms()}
    if algorithm is not None:
        shares = {algorithm: 1.0}
    else:
        shares = by_algorithm(prospects, weights) if is_known(weights) else {}
    likely = sorted((n for n in shares if shares[n] > 1 - SURE and n in rows), key=lambda n: -shares[n])
    worth = [row for name in likely if (row := rows[name]).stratum_estimate]
    if not worth or len(worth) < len(likely):
        which = algorithm or "an algorithm that the evidence leaves open"
        return None, f"what one unit of pool difficulty is worth is not known for {which}"
    low = min(row.stratum_low or math.inf for row in worth)
    high = max(row.stratum_high or 0.0 for row in worth)
    if high > MOST_RATIO * low:
        names = " or ".join(f"{r.algorithm} ({r.convention})" for r in worth)
        return None, f"the algorithm is not certain, and difficulty is worth unlike much in {names}"
    convention = "; ".join(dict.fromkeys(row.convention for row in worth))
    return Factor(low, worth[0].stratum_estimate or low, high, convention), ""


# --- names -------------------------------------------------------------------------------------------------


def names_of(evidence: Evidence, reading: WalletReading | None, coin: str | None, coins: set[str]) -> Names:
    """Login, wallet and worker. A share's user name is taken apart like a login.

    Hex without checksum is a wallet only where a coin of this dialect has such addresses.
    """
    login = first(evidence.logins)
    parts = split_login(login) if login else LoginParts()
    for user in evidence.workers[:4]:
        if login is None and (said := split_login(user)).wallet:
            login, parts = user, said
            break
    wallet = parts.wallet
    if wallet and reading is not None and reading.checksum == "not checkable":
        fits = bool({*reading.coins} & (coins | {coin or ""}))
        wallet = wallet if fits or not USER_ID.fullmatch(wallet) else None
    others = [split_login(user) for user in evidence.workers[:4] if user != login]
    worker = parts.worker or next((o.worker for o in others if o.worker), None)
    worker = worker or next((o.account for o in others if o.account and o.account != parts.account), None)
    return Names(login, parts, wallet, worker)


def payout_of(
    parts: LoginParts, reading: WalletReading | None, coin: str | None, pool: tables.PoolRow | None
) -> str | None:
    """The coin that is paid: by the market, by a ticker in the login, by the wallet."""
    if pool is not None and pool.payout:
        return pool.payout
    said = (parts.extra or "").split(" ")[0]
    if said.isupper() and said.isalpha():
        return said
    if reading is None or not reading.coins:
        return None
    if coin in reading.coins:
        return coin
    return reading.coins[0] if len(reading.coins) == 1 else None


def pool_by_tag(evidence: Evidence) -> str | None:
    """The pool that signs its coinbases with a text of the table."""
    scripts = b"\0".join([*evidence.coinbases, *evidence.coinbase_tails])
    for row in tables.pools():
        if any(tag.encode() in scripts for tag in row.tags):
            return row.pool
    return None


def donation_reason(evidence: Evidence, names: Names, pool: tables.PoolRow | None) -> str:
    """Why this session works for the author of the mining program; empty when nothing says so."""
    family = next((f for agent in evidence.agents if (f := family_of(agent)) is not None), None)
    wallets = {wallet for row in tables.agents() for wallet in row.donation_wallets}
    if pool is not None and pool.kind == "donation":
        return f"{pool.domain} takes the donations of a mining program"
    if names.parts.wallet in wallets:
        return "the wallet is that of a mining program's author"
    is_id = names.login is not None and USER_ID.fullmatch(names.login) is not None
    if evidence.dialect == "monero" and is_id and family is not None and family.donation_wallets:
        return f"{family.family} logs in with a 32-byte user id only where it donates"
    return ""


def notes_of(evidence: Evidence, names: Names, test: bool, pool: tables.PoolRow | None) -> tuple[str, ...]:
    """What a reader should know beside the fields."""
    notes = []
    if test:
        notes.append("test network: its coins are worth nothing")
    if len({name.lower() for name in evidence.algorithms}) > 1:
        notes.append(f"the pool changes the algorithm: {', '.join(sorted(evidence.algorithms)[:8])}")
    if donation := donation_reason(evidence, names, pool):
        notes.append(f"donation: {donation}")
    if pool is not None and pool.kind == "market":
        notes.append(f"{pool.pool} sells hashpower: what is mined is the buyer's choice")
    if evidence.traits.get("nicehash_buyer"):
        notes.append("the client is a hashpower market that delivers to a buyer's pool")
    if len(evidence.logins) > 1:
        notes.append(f"{len(evidence.logins)} different logins in one session")
    if len(evidence.workers) > 1:
        notes.append(f"{len(evidence.workers)} different workers in one session, as behind a proxy")
    if any(reading.checksum == "failed" for reading in names.parts.readings[:1]):
        notes.append("the wallet's checksum does not hold: mistyped, cut or made up")
    if names.parts.fixed_difficulty is not None:
        notes.append(f"the login asks for difficulty {names.parts.fixed_difficulty:g}")
    if names.parts.extra:
        notes.append(f"the login also says: {names.parts.extra[:80]}")
    return tuple(notes)
