"""What a session leaves behind for naming its algorithm and coin, and one coin's case as it is made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from davylamp import tables


@dataclass(slots=True)
class Evidence:
    """Gathered by the tally; every field but the dialect may be missing.

    ``share_difficulty`` is the median pool difficulty in the dialect's own unit. ``pools`` are host names, as the
    client or the carrier names them, best first.
    """

    dialect: str
    first_ns: int = 0
    algorithms: list[str] = field(default_factory=list)
    traits: dict[str, str] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    rig_ids: list[str] = field(default_factory=list)
    pools: list[str] = field(default_factory=list)
    server_port: int = 0
    nbits: list[int] = field(default_factory=list)
    heights: tuple[int, int] | None = None
    blob_versions: list[int] = field(default_factory=list)
    seeds: list[str] = field(default_factory=list)
    coinbases: list[bytes] = field(default_factory=list)
    coinbase_tails: list[bytes] = field(default_factory=list)
    prev_hashes: list[str] = field(default_factory=list)
    network_works: list[float] = field(default_factory=list)
    solution_bytes: int | None = None
    share_difficulty: float | None = None


@dataclass(slots=True)
class Prospect:
    """One coin under one algorithm, with what speaks for and against it.

    ``score`` is a decimal log likelihood ratio against some coin that the tables do not know, begun at the
    logarithm of the coin's judged share. ``supported`` says that some clue speaks for this coin and not for all
    alike: what remains when others are ruled out is not yet found.
    """

    row: tables.CoinRow
    algorithm: tables.AlgorithmRow
    score: float
    gains: list[tuple[float, str]] = field(default_factory=list)
    supported: bool = False

    @property
    def coin(self) -> str:
        """The ticker."""
        return self.row.coin

    def weigh(self, gain: float, because: str) -> None:
        """Add one clue; clues of no weight are not kept."""
        if abs(gain) >= 0.05:
            self.score += gain
            self.gains.append((gain, because))


@dataclass(frozen=True, slots=True)
class Scene:
    """What several clues need: the evidence, the day, and whether this is a test network."""

    seen: Evidence
    day: date | None
    test_network: bool
    prospects: Sequence[Prospect]
