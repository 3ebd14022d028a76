"""Join the lines that open and close one translation or lease into its life.

One `Joiner` per file, fed in the order of its lines; memory is bounded by the translations that are open at once.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from davylamp.attribution.hops.record import Nat, Seen

MOST_OPEN: Final = 2_000_000  # judged: about 1 GB; a large carrier box has a few million translations


class Joiner:
    """Open translations of one file by (source, key)."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Nat] = {}
        self.dropped = 0

    def push(self, nat: Nat) -> Iterator[Nat]:
        """Take one line's record; gives the lives that it completes."""
        place = (nat.seen.source, nat.key)
        if nat.phase == "span":
            yield nat
        elif nat.phase == "open":
            earlier = self._open.get(place)
            if earlier is not None and earlier.seen.from_ns == nat.seen.from_ns:
                return  # the same life told of again, as in periodic records
            if earlier is not None:
                del self._open[place]
                yield closed(earlier, nat.seen.from_ns, "no closing line; its key opens anew")
            if len(self._open) >= MOST_OPEN:
                oldest = next(iter(self._open))
                self.dropped += 1
                yield self._left(self._open.pop(oldest))
            self._open[place] = nat
        else:
            opened = self._open.pop(place, None)
            if opened is not None:
                yield closed(opened, nat.seen.to_ns, opened.seen.note)
            elif nat.outside_ip:
                yield replace(nat, phase="span")

    def finish(self) -> Iterator[Nat]:
        """What is still open at the end of the file."""
        for nat in self._open.values():
            yield self._left(nat)
        self._open.clear()

    @staticmethod
    def _left(nat: Nat) -> Nat:
        return replace(nat, phase="span")


def closed(nat: Nat, to_ns: int | None, note: str) -> Nat:
    """The record with its end; an end before its beginning (the clock was set back) stays open."""
    seen = nat.seen
    begun = seen.from_ns
    if to_ns is not None and begun is not None and to_ns < begun:
        to_ns, note = None, "its closing line is earlier than its opening: the clock was set back"
    return replace(nat, seen=Seen(seen.source, seen.line, begun, to_ns, note), phase="span")
