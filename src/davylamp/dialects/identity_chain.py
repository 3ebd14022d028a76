"""What a chain says of itself in a job: height, difficulty, epoch, reward; and what it should be on that day.

Expectations come from the dated anchors of ``tables/chains.csv``: interpolated between two, continued by the
coin's block interval outside of them, and less certain the farther the next anchor is.

Source   Bitcoin's compact targets and BIP 34, BIP 141 (witness commitment); Ethash epochs: yellow paper and
         ECIP-1099 (seeds keep the epoch of 30,000 blocks)
"""

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

from davylamp import tables
from davylamp.dialects.wallet_codes import keccak

DIFFICULTY_1: Final = 0xFFFF << 208  # target of difficulty 1 in Bitcoin's header
DAY_NS: Final = 86_400 * 1_000_000_000
EPOCH_BLOCKS: Final = 30_000
ETCHASH_DAY: Final = date(2020, 11, 28)  # ECIP-1099 at block 11,700,000: epochs of 60,000 blocks
MOST_EPOCHS: Final = 2048  # judged: 61 million blocks of 30,000 each, decades ahead
HEIGHT_SPREAD: Final = 0.06  # judged: block intervals drift by a few percent between anchors
HEIGHT_FLOOR: Final = 150.0  # judged: an anchor's day is a day long
DECADES_FLOOR: Final = 0.12  # judged: difficulty moves by a third within weeks
DECADES_A_YEAR: Final = 0.35  # judged: growth in a quiet year; booms are covered by denser anchors
MOST_DECADES: Final = 1.0  # judged: beyond this the expectation says nothing
WITNESS_COMMITMENT: Final = bytes.fromhex("6a24aa21a9ed")
MOST_OUTPUTS: Final = 4096  # judged: pools that pay miners in the coinbase use hundreds
COIN_UNIT: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Expected:
    """A normal expectation: mean and standard deviation."""

    mean: float
    spread: float

    def density(self, value: float) -> float:
        """Probability per unit at ``value``."""
        z = (value - self.mean) / self.spread
        return math.exp(-0.5 * min(z * z, 1400.0)) / (self.spread * math.sqrt(2 * math.pi))

    def between(self, low: float, high: float) -> float:
        """Probability of falling between two values."""
        ends = [math.erf((value - self.mean) / (self.spread * math.sqrt(2))) for value in (low, high)]
        return (ends[1] - ends[0]) / 2


def day_of(ns: int) -> date | None:
    """The UTC day of a capture time; None when it cannot be one of mining (before 2009 or far ahead)."""
    if not 0 < ns < 2**62:
        return None
    day = datetime.fromtimestamp(ns / 1e9, UTC).date()
    return day if date(2009, 1, 3) <= day <= date(2100, 1, 1) else None


# --- compact targets ---------------------------------------------------------------------------------------


def target_of(nbits: int) -> int | None:
    """The 256-bit target of a compact one; None when it is no valid one."""
    size, mantissa = nbits >> 24, nbits & 0x7FFFFF
    if not 0 < size <= 32 or not mantissa or nbits & 0x800000:
        return None
    target = mantissa << 8 * (size - 3) if size >= 3 else mantissa >> 8 * (3 - size)
    return target if 0 < target < 1 << 256 else None


def difficulty_of(nbits: int) -> float | None:
    """Difficulty as Bitcoin counts it."""
    target = target_of(nbits)
    return DIFFICULTY_1 / target if target else None


def smallest_reading(prev_hash: str) -> int | None:
    """A previous block's hash as the smallest number it may be: as sent, words reversed, bytes reversed.

    Protocols differ in the order; for a random hash the smallest of three is still random within a factor 3.
    """
    digits = prev_hash.lower().removeprefix("0x")
    if len(digits) != 64 or digits.strip("0123456789abcdef"):
        return None
    words = "".join(digits[i : i + 8] for i in range(56, -1, -8))
    swapped = bytes.fromhex(digits)[::-1].hex()
    return min(int(text, 16) for text in (digits, words, swapped))


# --- coinbase ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reward:
    """What a coinbase pays, in coins of 10^8 units, and whether it commits to witnesses."""

    coins: float
    commits: bool


def reward_of(tail: bytes) -> Reward | None:
    """Outputs of the coinbase part after the extranonce.

    The rest of the input's script has no length of its own, so the first place is taken from which sequence,
    outputs and lock time end exactly at the end.
    """
    for start in range(min(len(tail), 256)):
        found = _outputs_at(tail, start + 4)
        if found is not None:
            return found
    return None


def _outputs_at(data: bytes, place: int) -> Reward | None:
    if place >= len(data) or data[place] in (0, 0xFE, 0xFF):
        return None
    count, place = data[place], place + 1
    if count == 0xFD:
        count, place = int.from_bytes(data[place : place + 2], "little"), place + 2
    if count > MOST_OUTPUTS:
        return None
    total, commits = 0, False
    for _ in range(count):
        if place + 9 > len(data) or data[place + 8] >= 0xFD:
            return None
        total += int.from_bytes(data[place : place + 8], "little")
        script = data[place + 9 : place + 9 + data[place + 8]]
        commits |= script.startswith(WITNESS_COMMITMENT)
        place += 9 + data[place + 8]
    return Reward(total / COIN_UNIT, commits) if place + 4 == len(data) and total < 2**63 else None


def subsidy_of(row: tables.CoinRow, height: int) -> float | None:
    """New coins of a block at a height, for coins that halve."""
    if row.first_reward is None or not row.halving_blocks:
        return None
    return row.first_reward / 2.0 ** min(64, height // row.halving_blocks)


def height_in(coinbase: bytes) -> int | None:
    """The block height that a coinbase begins its input with (BIP 34)."""
    script = coinbase[42:]  # version, count of inputs, empty outpoint, length of the script
    if len(coinbase) < 47 or coinbase[4] != 1 or not 1 <= script[0] <= 4 or len(script) <= script[0]:
        return None
    height = int.from_bytes(script[1 : 1 + script[0]], "little")
    return height if 0 < height < 2**31 else None


# --- epochs ------------------------------------------------------------------------------------------------

_seeds: list[str] = ["00" * 32]


def epoch_of(seed: str) -> int | None:
    """Which seed of the Keccak chain this is: height // 30,000."""
    digits = seed.lower().removeprefix("0x")
    if len(digits) != 64 or digits.strip("0123456789abcdef"):
        return None
    while digits not in _seeds and len(_seeds) < MOST_EPOCHS:
        _seeds.append(keccak(bytes.fromhex(_seeds[-1])).hex())
    return _seeds.index(digits) if digits in _seeds else None


def heights_of_seed(seed: str, coin: str, day: date) -> list[tuple[int, int]]:
    """Spans of heights, first and one after the last, that a seed hash or an epoch number as hex allows.

    Pools count Etchash epochs by 60,000 blocks or by the 30,000 of their seeds: a bare number may mean either.
    """
    lengths = [EPOCH_BLOCKS] + [2 * EPOCH_BLOCKS] * (coin == "ETC" and day >= ETCHASH_DAY)
    digits = seed.lower().removeprefix("0x")
    if 0 < len(digits) <= 4 and not digits.strip("0123456789abcdef"):
        return [(int(digits, 16) * blocks, (int(digits, 16) + 1) * blocks) for blocks in lengths]
    epoch = epoch_of(seed)
    return [] if epoch is None else [(epoch * EPOCH_BLOCKS, epoch * EPOCH_BLOCKS + lengths[-1])]


# --- what should be ----------------------------------------------------------------------------------------


@cache
def anchors(coin: str) -> tuple[tables.ChainRow, ...]:
    """A coin's dated anchors, in order."""
    return tuple(row for row in tables.chains() if row.coin == coin)


@cache
def blocks_a_day(coin: str) -> float | None:
    """Blocks a day by the interval of the coin's latest row."""
    rows = [row for row in tables.coins() if row.coin == coin and row.block_s]
    return 86_400 / rows[-1].block_s if rows and rows[-1].block_s else None


def _along(points: Sequence[tuple[date, float]], day: date, slope: float) -> tuple[float, float]:
    """The value on a day by straight lines, and the distance in days to the nearest point."""
    place = bisect([point[0] for point in points], day)
    near = min(abs((day - point[0]) / timedelta(days=1)) for point in points)
    if place == 0:
        first, value = points[0]
        return value - slope * ((first - day) / timedelta(days=1)), near
    before, value = points[place - 1]
    if place < len(points):
        after, following = points[place]
        slope = (following - value) / ((after - before) / timedelta(days=1))
    return value + slope * ((day - before) / timedelta(days=1)), near


def expected_height(coin: str, day: date) -> Expected | None:
    """The main chain's height on a day."""
    points = [(row.day, float(row.height)) for row in anchors(coin) if row.height is not None]
    pace = blocks_a_day(coin)
    if not points or day < points[0][0]:
        return None
    if pace is None:
        pace = (points[-1][1] - points[-2][1]) / ((points[-1][0] - points[-2][0]) / timedelta(days=1))
    mean, near = _along(points, day, pace)
    return Expected(mean, HEIGHT_FLOOR + pace * (1.0 + HEIGHT_SPREAD * near))


def expected_difficulty(coin: str, day: date) -> Expected | None:
    """The decimal logarithm of the main chain's difficulty on a day."""
    points = [(row.day, math.log10(row.difficulty)) for row in anchors(coin) if row.difficulty]
    if not points or day < points[0][0]:
        return None
    mean, near = _along(points, day, 0.0)
    return Expected(mean, min(MOST_DECADES, DECADES_FLOOR + DECADES_A_YEAR * near / 365.25))


def versions_on(coin: str, day: date) -> frozenset[int]:
    """Major block versions that the main chain may have had within two days of a day; empty when unknown."""
    rows = [row for row in anchors(coin) if row.version is not None]
    around = [[r.version for r in rows if r.day <= day + timedelta(days=d)] for d in (-2, 2)]
    if not rows or not around[1]:
        return frozenset()
    latest = around[0][-1:] + around[1][len(around[0]) :]
    return frozenset(version for version in latest if version is not None)
