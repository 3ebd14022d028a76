"""How often a token may call: a bucket that holds a burst and fills at a steady rate."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

BURST: Final = 120  # calls; judged: a page of work of another system
RATE_HZ: Final = 10.0  # calls a second afterwards; judged: one desk on one machine


class Buckets:
    """One bucket per key, within this process; several processes each keep their own."""

    def __init__(
        self, burst: float = BURST, rate_hz: float = RATE_HZ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.burst, self.rate_hz, self.clock = burst, rate_hz, clock
        self._held: dict[Hashable, tuple[float, float]] = {}  # key: what it held, and when
        self._lock = threading.Lock()

    def wait_s(self, key: Hashable) -> float:
        """Take one call out; 0 lets it pass, else the seconds until one may."""
        with self._lock:
            now = self.clock()
            held, then = self._held.get(key, (self.burst, now))
            held = min(self.burst, held + (now - then) * self.rate_hz)
            if held < 1:
                self._held[key] = (held, now)
                return (1 - held) / self.rate_hz
            self._held[key] = (held - 1, now)
            return 0.0

    def forget(self) -> None:
        """All buckets are full again."""
        with self._lock:
            self._held.clear()


BUCKETS: Final = Buckets()
