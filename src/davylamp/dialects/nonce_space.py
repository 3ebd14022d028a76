"""How a session's nonce space is parted: prefixes that the server assigns, and the byte that relays part it by.

A share's `Submit.part` is that byte. A relay gives each miner behind it a value of its own; one miner counts up
from some value, and its threads begin at values that are spread evenly. What that means is sizing's to say.
"""

from collections import OrderedDict
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
        self._latest: OrderedDict[str, int] = OrderedDict()
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
        span = self._spans.setdefault(part, _Span(0, ts_ns, ts_ns))
        span.shares += 1
        span.first_ns, span.last_ns = min(span.first_ns, ts_ns), max(span.last_ns, ts_ns)
        before = self._latest.pop(job_id or "", part)
        self._moves += before != part
        self._descents += part < before
        self._latest[job_id or ""] = part
        if len(self._latest) > JOBS:
            self._latest.popitem(last=False)

    def traces(self) -> Traces:
        """What a session keeps of it."""
        spans = (NonceSpan(byte, s.shares, s.first_ns, s.last_ns) for byte, s in sorted(self._spans.items()))
        return Traces((), tuple(self._prefixes), tuple(spans), self._moves, self._descents)
