"""Who held one client's address over the time that it was seen: one holder, or several with their spans.

An address is not one organisation over all time, nor over all ports. Claims are looked up where each conversation
begins and where it ends; where the best claim differs, the conversation is cut at the times its claims name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from davylamp.attribution.chain import Subject
from davylamp.attribution.registry_totals import state_of
from davylamp.attribution.scans import Claims
from davylamp.records import Claim, Holder
from davylamp.tables.regions import full_name

MOST_TURNS: Final = (
    64  # judged: an address that changes hands more often within one conversation is in a broken list
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of one conversation with the claims that held over it."""

    claims: tuple[Claim, ...]
    first_ns: int
    last_ns: int

    @property
    def length_ns(self) -> int:
        """At least one, so that a single packet weighs something."""
        return max(1, self.last_ns - self.first_ns)


def find_holders(
    clients: Sequence[Sequence[Subject]], claims: Claims, site: Path | None = None
) -> list[tuple[Holder, ...]]:
    """The holders of each client, the one of most of the seen time first.

    Args:
        clients: what was seen of each client, a conversation at a time.
        claims: the registry's answers.
        site: the operator's folder, for names of regions.

    Raises:
        BadUse: E-REG-020 when an address or a port is none.
    """
    seen = [subject for subjects in clients for subject in subjects]
    begun = claims([(s.ip, s.port, s.first_ns) for s in seen])
    ended = claims([(s.ip, s.port, s.last_ns) for s in seen])
    pieces = iter([_cut(*known, claims) for known in zip(seen, begun, ended, strict=True)])
    return [_holders([p for _ in subjects for p in next(pieces)], site) for subjects in clients]


def _cut(
    subject: Subject, begun: tuple[Claim, ...], ended: tuple[Claim, ...], claims: Claims
) -> list[_Piece]:
    """One conversation, cut where its address changed hands."""
    start, here = subject.first_ns, begun
    made: list[_Piece] = []
    while _who(here) != _who(ended) and len(made) < MOST_TURNS:
        named = (t for c in (*here, *ended) for t in (c.valid_from_ns, c.valid_to_ns) if t is not None)
        turn = min((t for t in named if start < t <= subject.last_ns), default=None)
        if turn is None:  # claims that do not say from when to when
            break
        made.append(_Piece(here, start, turn))
        start, here = turn, claims([(subject.ip, subject.port, turn)])[0]
    return [*made, _Piece(here, start, subject.last_ns)]


def _who(claims: tuple[Claim, ...]) -> str:
    """The organisation of the best claim; empty where nobody claims the address."""
    return claims[0].organisation if claims else ""


def _holders(pieces: Iterable[_Piece], site: Path | None) -> tuple[Holder, ...]:
    """Pieces of one client by organisation, the one with most of the time first."""
    by_body: dict[str, list[_Piece]] = {}
    for piece in pieces:
        by_body.setdefault(_who(piece.claims), []).append(piece)
    whole = sum(p.length_ns for held in by_body.values() for p in held)
    found = [_holder(held, whole, site) for held in by_body.values()]
    return tuple(sorted(found, key=lambda h: (-h.share, h.first_ns, _who(h.claims))))


def _holder(pieces: Sequence[_Piece], whole_ns: int, site: Path | None) -> Holder:
    longest = max(pieces, key=lambda p: p.length_ns)
    region = longest.claims[0].region if longest.claims else ""
    return Holder(
        state=state_of(longest.claims),
        claims=longest.claims,
        region_name=full_name(region, site) if region else "",
        first_ns=min(p.first_ns for p in pieces),
        last_ns=max(p.last_ns for p in pieces),
        share=sum(p.length_ns for p in pieces) / whole_ns,
    )
