"""How long was the pool there to take shares?

A connection can be dead for hours before either side says so: a laptop sleeps, a link fails, and the miner's last
shares go unanswered. The clock runs from the first job of known work to the last message of the server, less
outages: silences of the server that are far longer than its usual ones.

A silence that is cut out holds no accepted share, so cutting must not be triggered by a miner's bad luck. Server
messages come at least as often as jobs do; where they come at random, one silence in 2^OUTAGE_FACTOR is as long as
`OUTAGE_FACTOR` medians by chance.
"""

from collections import deque
from typing import Final

OUTAGE_FACTOR: Final = 20  # judged: one in a million silences by chance
OUTAGE_LEAST_NS: Final = 300 * 1_000_000_000  # judged: slow chains push a job every few minutes
REMEMBERED: Final = 256  # judged: enough silences for a median, and the pool's habits change
FEWEST: Final = 8  # judged: below it there is no usual silence yet
SECOND_NS: Final = 1_000_000_000


class Clock:
    """Seconds in which a session's difficulty was known and its server answered."""

    def __init__(self) -> None:
        self._from_ns: int | None = None
        self._until_ns = 0
        self._out_ns = 0
        self._silences: deque[int] = deque(maxlen=REMEMBERED)

    @property
    def is_running(self) -> bool:
        """A job of known work was seen."""
        return self._from_ns is not None

    def hear(self, ts_ns: int) -> None:
        """A message of the server, in order of time."""
        if self._until_ns:
            silence = max(0, ts_ns - self._until_ns)
            if self._is_outage(silence):
                self._out_ns += silence if self.is_running else 0
            else:
                self._silences.append(silence)
        self._until_ns = max(self._until_ns, ts_ns)

    def start(self, ts_ns: int) -> None:
        """A job of known work; only the first one counts."""
        if self._from_ns is None:
            self._from_ns = ts_ns

    def _is_outage(self, silence_ns: int) -> bool:
        if silence_ns < OUTAGE_LEAST_NS or len(self._silences) < FEWEST:
            return False
        usual = sorted(self._silences)[len(self._silences) // 2]
        return silence_ns > OUTAGE_FACTOR * usual

    @property
    def outage_s(self) -> float:
        """Seconds of outages since the start."""
        return self._out_ns / SECOND_NS

    def seconds(self) -> float:
        """Seconds on the clock so far; 0 before the start."""
        if self._from_ns is None:
            return 0.0
        return max(0, self._until_ns - self._from_ns - self._out_ns) / SECOND_NS
