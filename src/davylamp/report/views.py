"""A scan as people read it: sightings by weight, each with what stands behind it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from davylamp import tables
from davylamp.records import Candidate, Endpoint, Fault, InputReport, Scan, Session, Sighting
from davylamp.report.numbers import count, is_number, size
from davylamp.report.phrases import Phrases, summed_as
from davylamp.report.plain import plain, shorten
from davylamp.report.words import Lang, say

_KIND_ORDER: Final = {"mining": 0, "visit": 1, "node": 2}
_TIER_ORDER: Final = {"confirmed": 0, "probable": 1, "suspected": 2}
FIRST_CLOCK_NS: Final = (
    631_152_000 * 10**9
)  # 1990; judged: no capture is older, so a clock that says so was never set
CLOCK_SLACK_NS: Final = 86_400 * 10**9  # judged: how far the clocks of probe and reader may differ
DOT: Final = " · "
MOST_UNSEEN: Final = 20  # judged: a list that is still read; the JSON holds all


@dataclass(frozen=True, slots=True)
class View:
    """One row: a sighting with its sessions; ``index`` is its place in ``scan.sightings``.

    ``folded`` are the sightings that stand in this one row, where they are more than one (`contacts.fold`); ``name``
    is the network that a node belongs to or the host that a visit asked for.
    """

    index: int  # -1 when the sighting is made up for a session that no sighting names
    sighting: Sighting
    sessions: tuple[Session, ...]
    numbers: tuple[int, ...]  # of the sessions, in scan.sessions
    folded: tuple[Sighting, ...] = ()
    name: str = ""

    @property
    def accepted(self) -> int:
        """Accepted shares of all its sessions."""
        return sum(s.accepted for s in self.sessions)

    @property
    def rejected(self) -> int:
        """Rejected shares of all its sessions."""
        return sum(s.rejected for s in self.sessions)

    @property
    def server(self) -> str:
        """Server address and port."""
        return str(Endpoint(self.sighting.server_ip, self.sighting.server_port))

    @property
    def pool(self) -> str | None:
        """The pool's name when one session tells it and it says more than the server's address."""
        s = self.sighting
        known = {s.server_ip, f"{s.server_ip}:{s.server_port}", self.server}
        return next((x.pool for x in self.sessions if x.pool and x.pool not in known), None)

    @property
    def size(self) -> int:
        """How many sightings stand in this row."""
        return max(1, len(self.folded))

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects spoken, most sessions first."""
        return ranked(s.dialect for s in self.sessions)


def ranked(values: Iterable[str | None]) -> tuple[str, ...]:
    """The distinct values that are no None, most frequent first, first come first among equals."""
    counts: dict[str, int] = {}
    for value in values:
        if value:
            counts[value] = counts.get(value, 0) + 1
    return tuple(sorted(counts, key=lambda v: -counts[v]))


def by_weight(scan: Scan) -> list[View]:
    """All sightings, the ones to look at first in front.

    Mining stands before visits before nodes; then confirmed before probable before suspected; then more accepted
    shares before fewer; then longer before shorter. Hashes do not rank: they mean different work per algorithm.
    """
    return sorted((_view(scan, at, s) for at, s in enumerate(scan.sightings)), key=weight)


def _view(scan: Scan, index: int, sighting: Sighting) -> View:
    numbers = tuple(i for i in sighting.sessions if 0 <= i < len(scan.sessions))
    return View(index, sighting, tuple(scan.sessions[i] for i in numbers), numbers)


def lone_view(scan: Scan, number: int) -> View:
    """A session that no sighting names, in the shape of a view; it has no verdict."""
    s = scan.sessions[number]
    stand_in = Sighting(
        client_ip=s.client.ip,
        server_ip=s.server.ip,
        server_port=s.server.port,
        first_ns=s.first_ns,
        last_ns=s.last_ns,
        kind="mining",
        tier="suspected",
        probability=math.nan,
        because=(),
        coin=s.coin,
        algorithm=s.algorithm,
        hashrate_hps=s.hashrate_hps,
    )
    return View(-1, stand_in, (s,), (number,))


def weight(view: View) -> tuple[int, ...]:
    """Sort key of `by_weight`; rows of folded sightings stand by how many they hold."""
    s = view.sighting
    return (
        _KIND_ORDER[s.kind],
        _TIER_ORDER[s.tier],
        -view.accepted,
        -view.size,
        s.first_ns - s.last_ns,
        view.index,
    )


def without_sighting(scan: Scan) -> list[int]:
    """Indexes of sessions that no sighting names."""
    named = {i for s in scan.sightings for i in s.sessions}
    return [i for i in range(len(scan.sessions)) if i not in named]


def candidates_of(sessions: Sequence[Session], algorithm: str | None) -> list[Candidate]:
    """One candidate per coin, the heaviest first, without those of another algorithm where ``algorithm`` is known."""
    heaviest: dict[str, Candidate] = {}
    for s in sessions:
        if algorithm and s.algorithm not in (None, algorithm):
            continue
        for c in s.coin_candidates:
            held = heaviest.get(c.coin)
            if _mines(c.coin, algorithm) and (held is None or c.weight > held.weight):
                heaviest[c.coin] = c
    return sorted(heaviest.values(), key=lambda c: -c.weight)


def _mines(coin: str, algorithm: str | None) -> bool:
    """Whether ``coin`` was ever mined with ``algorithm``; so unless the tables know the coin and say otherwise."""
    known = _algorithms().get(coin)
    return algorithm is None or known is None or algorithm in known


@cache
def _algorithms() -> dict[str, frozenset[str]]:
    """Every algorithm that each coin of the tables had."""
    rows = tables.coins()
    return {row.coin: frozenset(r.algorithm for r in rows if r.coin == row.coin) for row in rows}


def coin_of(sessions: Sequence[Session], coin: str | None, algorithm: str | None, lang: Lang) -> str:
    """The coin, or the candidates with a question mark each (``XMR? ZEPH?``), or the word for unknown."""
    if coin:
        return plain(coin)
    candidates = candidates_of(sessions, algorithm)
    return " ".join(f"{plain(c.coin)}?" for c in candidates[:3]) or say("unknown", lang)


def algorithm_of(view: View) -> str | None:
    """The sighting's algorithm, else the one that its sessions agree on."""
    told = ranked(s.algorithm for s in view.sessions)
    return view.sighting.algorithm or (told[0] if len(told) == 1 else None)


def who_of(login: str | None, wallet: str | None, worker: str | None, cells: int) -> str:
    """Worker and shortened wallet, or the login as sent; empty when the client never named itself."""
    if worker and wallet:
        name = shorten(worker, max(6, cells - 14))
        return f"{name}{DOT}{shorten(wallet, 11)}" if cells >= 22 else shorten(worker, cells)
    return shorten(worker or wallet or login or "", cells)


def rate_note(view: View, phrases: Phrases) -> str:
    """Why there is no hashrate; empty when there is one."""
    if is_number(view.sighting.hashrate_hps):
        return ""
    notes = [view.sighting.hashrate_note, *(s.hashrate_note or s.work_note for s in view.sessions)]
    return phrases.tell(next((n for n in notes if n), ""))


def all_faults(scan: Scan) -> list[Fault]:
    """Every fault of every input, in the order of the inputs."""
    return [fault for source in scan.inputs for fault in source.faults]


def unseen(scan: Scan, phrases: Phrases) -> list[str]:
    """What could not be seen: the sightings' own words first, then what is summed over the scan."""
    sums = unseen_sums(scan, phrases.lang)
    told = dict.fromkeys(n for s in scan.sightings for n in s.not_seen if summed_as(n) not in sums)
    blind = [say("blind_encrypted", phrases.lang), say("blind_elsewhere", phrases.lang)]
    return [*(phrases.tell(n) for n in list(told)[:MOST_UNSEEN]), *sums.values(), *blind]


def unseen_sums(scan: Scan, lang: Lang) -> dict[str, str]:
    """By label, what single sightings tell of their own sessions, told once for all sessions."""
    of = len(scan.sessions)
    midway = sum(s.joined_midway for s in scan.sessions)
    one_way = sum(is_one_way(s) for s in scan.sessions)
    lossy = [s.lost_bytes for s in scan.sessions if s.lost_bytes > 0]
    faults = sum(f.count for f in all_faults(scan))
    sums = {}
    if midway:
        sums["blind_midway"] = say("blind_midway", lang, n=count(midway), of=count(of))
    if one_way:
        sums["blind_one_way"] = say("blind_one_way", lang, n=count(one_way), of=count(of))
    if lossy:
        told = {"bytes": size(sum(lossy)), "n": count(len(lossy)), "of": count(of)}
        sums["blind_lost"] = say("blind_lost", lang, **told)
    if faults:
        sums["blind_faults"] = say("blind_faults", lang, n=count(faults))
    return sums


def is_one_way(session: Session) -> bool:
    """Shares went out and not one of their answers was seen."""
    return bool(session.unanswered and not session.accepted and not session.rejected)


def extent(scan: Scan, now_ns: int) -> tuple[int, int] | None:
    """First and last time of all inputs in Unix ns, odd clocks left out; None when no packet was read."""
    odd = {id(i) for i in odd_clocks(scan, now_ns)}
    sound = [i for i in scan.inputs if id(i) not in odd]
    firsts = [i.first_ns for i in sound if i.first_ns is not None]
    lasts = [i.last_ns for i in sound if i.last_ns is not None]
    return (min(firsts), max(lasts)) if firsts and lasts else None


def odd_clocks(scan: Scan, now_ns: int) -> list[InputReport]:
    """Inputs whose times lie before 1990 or after ``now_ns``: their clock was not set, or was set wrong."""
    latest = now_ns + CLOCK_SLACK_NS
    return [
        i
        for i in scan.inputs
        if any(t is not None and not FIRST_CLOCK_NS <= t <= latest for t in (i.first_ns, i.last_ns))
    ]
