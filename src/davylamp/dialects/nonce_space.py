"""How a session's nonce space is parted: prefixes that the server assigns, and the byte that relays part it by.

A share's `Submit.part` is that byte. A relay gives each miner behind it a value of its own; one miner counts up
from some value, and its threads begin at values that are spread evenly. What that means is sizing's to say.
"""

from dataclasses import dataclass
from typing import Final

from davylamp.records_traces import MOST_EXTRANONCES, NonceSpan, Traces

JOBS: Final = 16  # judged: shares come for the last few jobs


@dataclass(slots=True)
class _Span:
    shares: int
    first_ns: int
    last_ns: int


class NonceSpace:
    """Prefixes, shares per value of the byte, and how its values follow each other within a job."""

    def __init__(self) -> None:
        self._prefixes: list[str] = []
        self._spans: dict[int, _Span] = {}
        self._latest: dict[str, int] = {}
        self._moves = self._descents = 0

    def assign(self, prefix: str) -> None:
        """The server assigns a prefix, hex with or without 0x."""
        prefix = prefix.lower().removeprefix("0x")
        if prefix and prefix not in self._prefixes and len(self._prefixes) < MOST_EXTRANONCES:
            self._prefixes.append(prefix)

    def take(self, part: int | None, job_id: str | None, ts_ns: int) -> None:
        """Count one share; a dialect without such a byte gives None, a value that is no byte is passed by."""
        if part is None or not 0 <= part <= 255:
            return
        span = self._spans.get(part)
        if span is None:
            self._spans[part] = _Span(1, ts_ns, ts_ns)
        else:
            span.shares += 1
            if ts_ns > span.last_ns:
                span.last_ns = ts_ns
            elif ts_ns < span.first_ns:
                span.first_ns = ts_ns
        job, latest = job_id or "", self._latest
        before = latest.get(job)
        if before != part:
            latest[job] = part
            if before is not None:
                self._moves += 1
                self._descents += part < before
            elif len(latest) > JOBS:
                del latest[next(iter(latest))]

    def traces(self) -> Traces:
        """What a session keeps of it."""
        spans = (NonceSpan(byte, s.shares, s.first_ns, s.last_ns) for byte, s in sorted(self._spans.items()))
        return Traces((), tuple(self._prefixes), tuple(spans), self._moves, self._descents)
