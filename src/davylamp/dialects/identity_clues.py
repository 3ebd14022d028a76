"""Clues: how each kind of evidence speaks for and against a coin, as decimal log likelihood ratios.

A clue weighs a prospect against "some coin that the tables do not know", for which every clue is worth 0. Clues
are clipped, because the tables and the peers may err: no single clue is worth more than `MOST` or less than
`LEAST`. Three kinds of reasoning differ in strength on purpose: physics (a hash above the target cannot be a
block) and dated anchors are strong, wallets and names are middling, habits of software are weak.
"""

import math
import re
from collections.abc import Callable
from typing import Final

from davylamp import tables
from davylamp.dialects import identity_chain as chain
from davylamp.dialects.identity_evidence import Scene
from davylamp.dialects.wallets import WalletReading, split_login

MOST, LEAST = 2.5, -3.0  # judged: a table row or a peer is wrong once in some hundreds
HEIGHTS: Final = 1e7  # judged: an unknown chain's height may be anywhere below
DECADES: Final = 16.0  # judged: an unknown chain's difficulty may be anywhere in as many decades
ZERO_BITS: Final = 24  # judged: a random hash has so many leading zeros once in five million
TEST_RATIO: Final = 1e-4  # judged: main networks do not lose four decades, test networks lie below
WALLET_GAIN: Final = {"verified": 1.5, "not checkable": 0.8, "failed": 0.3}  # judged
NO_WITNESS: Final = frozenset({"BCH", "BSV", "XEC", "DASH", "DOGE"})  # source: chains without BIP 141
NAMES: Final = {"zcash": "ZEC", "monero": "XMR", "bcc": "BCH", "ethereum": "ETH", "raven": "RVN"}
SOLUTIONS: Final = {  # Equihash n,k: 2^k indices of n/(k+1)+1 bits, with and without their length in front
    "equihash/200,9": (1344, 1347),
    "equihash/144,5": (100, 101),
    "equihash/192,7": (400, 403),
    "equihash/125,4": (52, 53),
}


def clip(gain: float) -> float:
    """A gain within what one clue may be worth."""
    return max(LEAST, min(MOST, gain))


def log10(value: float) -> float:
    """Decimal logarithm that ends far below zero instead of failing."""
    return math.log10(max(value, 1e-300))


def weigh_height(scene: Scene) -> None:
    """Block height against the day, per main chain."""
    heights = scene.seen.heights or first_height(scene)
    if heights is None or scene.day is None or scene.test_network:
        return
    for prospect in scene.prospects:
        expected = chain.expected_height(prospect.coin, scene.day)
        if expected is not None:
            gain = clip(log10(expected.density(sum(heights) / 2) * HEIGHTS))
            fits = "fits" if gain > 0 else "is far from"
            prospect.weigh(gain, f"height {heights[0]} {fits} {prospect.coin} on {scene.day}")


def first_height(scene: Scene) -> tuple[int, int] | None:
    """The height inside a coinbase, where the dialect did not name it."""
    found = [h for coinbase in scene.seen.coinbases if (h := chain.height_in(coinbase)) is not None]
    return (min(found), max(found)) if found else None


def weigh_difficulty(scene: Scene) -> None:
    """Network difficulty against the day, per main chain."""
    found = [d for bits in scene.seen.nbits if (d := chain.difficulty_of(bits)) is not None]
    if not found or scene.day is None or scene.test_network:
        return
    for prospect in scene.prospects:
        expected = chain.expected_difficulty(prospect.coin, scene.day)
        if expected is not None:
            gain = clip(log10(expected.density(math.log10(found[-1])) * DECADES))
            fits = "fits" if gain > 0 else "is far from"
            prospect.weigh(gain, f"network difficulty {found[-1]:.3g} {fits} {prospect.coin} on {scene.day}")


def weigh_block_form(scene: Scene) -> None:
    """Compact targets stand in Bitcoin's kind of blocks, major versions of blobs in Monero's."""
    for prospect in scene.prospects:
        monero = "monero" in prospect.algorithm.dialects
        if scene.seen.nbits and monero and prospect.algorithm.limit_bits is None:
            prospect.weigh(LEAST, f"{prospect.coin} blocks have no compact target")
        elif scene.seen.blob_versions and not monero:
            prospect.weigh(LEAST, f"{prospect.coin} blocks are no CryptoNote blobs")


def weigh_easiest_target(scene: Scene) -> None:
    """No chain allows a target easier than its proof-of-work limit."""
    targets = [t for bits in scene.seen.nbits if (t := chain.target_of(bits)) is not None]
    for prospect in scene.prospects if targets else ():
        bits = prospect.algorithm.limit_bits
        if bits is not None and max(targets) > 1 << bits:
            prospect.weigh(
                LEAST, f"its target is easier than any {prospect.algorithm.algorithm} chain allows"
            )


def weigh_previous_block(scene: Scene) -> None:
    """Where the id of a block is the mined hash it lies below the target; elsewhere it is random."""
    hashes = [v for text in scene.seen.prev_hashes if (v := chain.smallest_reading(text)) is not None]
    targets = [t for bits in scene.seen.nbits if (t := chain.target_of(bits)) is not None]
    if not hashes or not targets:
        return
    zeros = 256 - max(hashes).bit_length()
    below = max(hashes) <= max(targets) << 4  # the previous block's own target may have been easier
    for prospect in scene.prospects:
        if prospect.algorithm.block_hash_is_pow is True and not below:
            gain = (
                -0.5 if zeros >= 32 else LEAST
            )  # test networks allow a block of least difficulty now and then
            prospect.weigh(gain, "the previous block's id is above the target")
        elif prospect.algorithm.block_hash_is_pow is False and zeros >= ZERO_BITS:
            prospect.weigh(LEAST, f"the previous block's id begins with {zeros} zero bits")


def weigh_share_size(scene: Scene) -> None:
    """A pool asks for shares that are easier than blocks."""
    difficulty = scene.seen.share_difficulty
    networks = [2.0**256 / t for bits in scene.seen.nbits if (t := chain.target_of(bits)) is not None]
    if difficulty is None or not networks:
        return
    for prospect in scene.prospects:
        unit = prospect.algorithm.stratum_low
        if unit is not None and difficulty * unit > 16 * max(networks):
            name = prospect.algorithm.algorithm
            prospect.weigh(-2.0, f"shares of difficulty {difficulty:g} in {name} are harder than blocks")


def weigh_coinbase(scene: Scene) -> None:
    """The block reward and the witness commitment inside the coinbase."""
    rewards = [r for tail in scene.seen.coinbase_tails if (r := chain.reward_of(tail)) is not None]
    heights = scene.seen.heights or first_height(scene)
    if not rewards:
        return
    commits = any(reward.commits for reward in rewards)
    for prospect in scene.prospects:
        if commits and prospect.coin in NO_WITNESS:
            prospect.weigh(LEAST, f"its coinbase commits to witnesses, which {prospect.coin} does not have")
        subsidy = chain.subsidy_of(prospect.row, heights[1]) if heights else None
        if subsidy is not None and not scene.test_network:
            fits = 0.98 * subsidy <= rewards[-1].coins <= 1.5 * subsidy + 0.5
            words = f"pays {rewards[-1].coins:.4g} where {prospect.coin} blocks pay {subsidy:g} and fees"
            prospect.weigh(0.7 if fits else -1.0, f"its coinbase {words}")


def weigh_seed(scene: Scene) -> None:
    """The Ethash seed gives the epoch, and that the height, against the day."""
    for prospect in scene.prospects if scene.seen.seeds and scene.day else ():
        if prospect.algorithm.algorithm not in ("ethash", "etchash") or scene.day is None:
            continue
        expected = chain.expected_height(prospect.coin, scene.day)
        clues = []
        for low, high in chain.heights_of_seed(scene.seen.seeds[-1], prospect.coin, scene.day):
            if expected is not None:
                gain = clip(log10(expected.between(low, high) * HEIGHTS / (high - low)))
                fits = "fits" if gain > 0 else "is far from"
                words = f"epoch of heights {low} to {high - 1} {fits} {prospect.coin} on {scene.day}"
                clues.append((gain, words))
        prospect.weigh(*max(clues, default=(0.0, "")))


def weigh_blob_version(scene: Scene) -> None:
    """The major version of a Monero-family block against the fork in force."""
    for prospect in scene.prospects if scene.seen.blob_versions and scene.day else ():
        allowed = chain.versions_on(prospect.coin, scene.day) if scene.day else frozenset()
        if allowed and not scene.test_network:
            version = scene.seen.blob_versions[-1]
            fits = "is" if version in allowed else "is not"
            because = f"block version {version} {fits} that of {prospect.coin} on {scene.day}"
            prospect.weigh(1.0 if version in allowed else -1.5, because)


def weigh_wallet(scene: Scene) -> None:
    """The address that is paid, where the pool pays in what is mined.

    A form that n coins share is worth 1/n of the gain; coins of other forms lose all of it.
    """
    pool = next((p for host in scene.seen.pools if (p := tables.pool_of(host)) is not None), None)
    if pool is not None and pool.kind in ("market", "switching"):
        return
    reading = best_reading(scene)
    if reading is None or not {p.coin for p in scene.prospects} & {*reading.coins}:
        return
    words = {"verified": "with a checksum that holds", "failed": "with a checksum that fails"}
    kind = words.get(reading.checksum, "of a form without checksum")
    gain = WALLET_GAIN[reading.checksum]
    for prospect in scene.prospects:
        if prospect.coin in reading.coins:
            said = f"the login is an address of {' or '.join(reading.coins)}, {kind}"
            prospect.weigh(gain / len(reading.coins), said)
        else:
            prospect.weigh(-gain, f"the login is an address of {reading.coins[0]}, not of {prospect.coin}")


def best_reading(scene: Scene) -> WalletReading | None:
    """The surest reading of a wallet among the names the client gave; a mined coin's before another's."""
    coins = {prospect.coin for prospect in scene.prospects}
    found = [r for name in (*scene.seen.logins, *scene.seen.workers)[:8] for r in split_login(name).readings]
    return max(found, key=lambda r: (WALLET_GAIN[r.checksum], bool(coins & {*r.coins})), default=None)


def weigh_pool(scene: Scene) -> None:
    """The pool's host name: what the table says of the pool, and the ticker among the name's own labels."""
    best: dict[str, tuple[float, str]] = {}
    for host in scene.seen.pools[:4]:
        pool = tables.pool_of(host)
        named = tickers_in(host)
        for coin in {prospect.coin for prospect in scene.prospects}:
            clue = (0.0, "")
            if coin in named:
                clue = (1.5 if pool is not None else 0.7, f"the host {host} names {coin}")
            elif pool is not None and coin in pool.coins:
                clue = (1.5 if len(pool.coins) == 1 else 0.3, f"{pool.pool} is a pool for {coin}")
            best[coin] = max(best.get(coin, clue), clue)
    for prospect in scene.prospects:
        prospect.weigh(*best.get(prospect.coin, (0.0, "")))


def tickers_in(host: str) -> set[str]:
    """Tickers among the words of a host name; ``xmr-eu1.example.org`` gives XMR and more that is none."""
    words = re.split(r"[^a-z0-9]+", host.lower()[:256])
    bare = {word.rstrip("0123456789") for word in words} | set(words)
    return {NAMES.get(word, word.upper()) for word in bare if word}


def weigh_software(scene: Scene) -> None:
    """What the miner's software is made for: weak, since names are kept by forks and firmware."""
    families = [f for agent in scene.seen.agents[:4] if (f := family_of(agent)) is not None]
    for family in families:
        for prospect in scene.prospects if family.algorithms else ():
            if prospect.algorithm.algorithm not in family.algorithms:
                prospect.weigh(-0.7, f"{family.family} is not made for {prospect.algorithm.algorithm}")


def family_of(agent: str) -> tables.AgentRow | None:
    """The software family that an agent text begins with."""
    text = agent.strip().lower()
    return next((row for row in tables.agents() if text.startswith(row.agent)), None)


def weigh_traits(scene: Scene) -> None:
    """Protocol facts: version rolling is Bitcoin's ASICs, solution and graph sizes name their algorithm."""
    rolling = scene.seen.traits.get("version_rolling")
    edges = scene.seen.traits.get("edge_bits")
    size = scene.seen.solution_bytes
    for prospect in scene.prospects:
        name = prospect.algorithm.algorithm
        if rolling:
            prospect.weigh(1.0 if name == "sha256d" else -2.0, "version rolling is for SHA-256d machines")
        if edges and name.startswith("cuck"):
            prospect.weigh(0.3 if name.endswith(edges) else LEAST, f"its graphs have {edges} edge bits")
        if size and name in SOLUTIONS:
            fits = "is" if size in SOLUTIONS[name] else "is not"
            gain = 2.0 if size in SOLUTIONS[name] else LEAST
            prospect.weigh(gain, f"a solution of {size} bytes {fits} {name}'s")


CLUES: Final[tuple[Callable[[Scene], None], ...]] = (
    weigh_height,
    weigh_difficulty,
    weigh_block_form,
    weigh_easiest_target,
    weigh_previous_block,
    weigh_share_size,
    weigh_coinbase,
    weigh_seed,
    weigh_blob_version,
    weigh_wallet,
    weigh_pool,
    weigh_software,
    weigh_traits,
)


def is_test_network(seen_wallet: WalletReading | None, nbits: list[int], expected: list[float]) -> bool:
    """Whether the login is a test address, or the difficulty lies far below every chain that is known.

    Args:
        seen_wallet: the surest reading of the login.
        nbits: compact targets of the jobs.
        expected: difficulties that main chains of the possible algorithms should have on that day.
    """
    if seen_wallet is not None and seen_wallet.network == "test" and seen_wallet.checksum == "verified":
        return True
    found = [d for bits in nbits if (d := chain.difficulty_of(bits)) is not None]
    return bool(found and expected) and max(found) < TEST_RATIO * min(expected)
