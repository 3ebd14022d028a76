"""What is one share worth, where the share difficulty stands in a message of its own?

A share counts at the difficulty of its job. By the stratum protocol a new difficulty holds for the jobs after it,
but some pools enforce it at once, for the running job too (benjamin-wilson/public-pool issue 39; NOMP takes the
lower of the two). So a share of an older job that comes after a change is worth something between the old and the
new difficulty; and where the capture misses bytes of a server that changes the difficulty at all, it may have done so
unheard.
"""

from dataclasses import dataclass, field
from typing import Final

from davylamp.dialects.session import Difficulty, Unit

UNHEARD: Final = 4.0  # judged: the common limit of one retarget
LEAST_LOST: Final = 30  # judged: bytes of the shortest message that sets a difficulty


@dataclass(frozen=True, slots=True)
class Worth:
    """Work of one share, with what it is at least and at most."""

    low: float
    likely: float
    high: float

    @classmethod
    def exactly(cls, work: float) -> "Worth":
        """A share whose work is known."""
        return cls(work, work, work)


@dataclass(slots=True)
class KnownJob:
    """What a share needs of its job. ``told``: the job itself carried its target."""

    worth: Worth | None
    unit: Unit
    told: bool
    changes: int
    nonces: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Pile:
    """Accepted work in one unit: count, sums, sum of squares."""

    shares: int = 0
    low: float = 0.0
    total: float = 0.0
    high: float = 0.0
    squares: float = 0.0

    def add(self, worth: Worth) -> None:
        """Count one share."""
        self.shares += 1
        self.low += worth.low
        self.total += worth.likely
        self.high += worth.high
        self.squares += worth.likely * worth.likely


class Standing:
    """The difficulty in force."""

    def __init__(self) -> None:
        self._told: Difficulty | None = None
        self._doubtful = False
        self.changes = 0

    @property
    def unit(self) -> Unit:
        """The unit of the difficulty in force."""
        return self._told.unit if self._told is not None else "hashes"

    def set(self, told: Difficulty) -> bool:
        """The server names a difficulty; whether it is the session's first."""
        first = self._told is None
        self.changes += not first and self._told != told
        self._told, self._doubtful = told, False
        return first

    def miss(self, lost: int) -> None:
        """Bytes of the server are missing: the difficulty may have changed in them."""
        self._doubtful |= lost >= LEAST_LOST

    def worth(self) -> Worth | None:
        """What a share of a job is worth that comes now."""
        if self._told is None:
            return None
        value = self._told.value
        return Worth(value / UNHEARD, value, value * UNHEARD) if self._doubtful else Worth.exactly(value)

    def worth_of(self, job: KnownJob) -> Worth | None:
        """What a share of ``job`` is worth that is sent now."""
        now, then = self.worth(), job.worth
        if job.told or then is None or now is None or job.changes == self.changes or job.unit != self.unit:
            return then
        return Worth(min(now.low, then.low), then.likely, max(now.high, then.high))

    def bounds(self, pile: Pile) -> tuple[float, float]:
        """The least and the most that a sum may be, as factors; both 1 where the server never changed it."""
        if not self.changes or not pile.total:
            return 1.0, 1.0
        return pile.low / pile.total, pile.high / pile.total
