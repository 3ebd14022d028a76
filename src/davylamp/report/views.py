"""A scan as people read it: sightings by weight, each with what stands behind it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from davylamp.records import Endpoint, Fault, Scan, Session, Sighting
from davylamp.report.numbers import count, is_number, size
from davylamp.report.phrases import Phrases, summed_as
from davylamp.report.plain import plain, shorten
from davylamp.report.words import Lang, say

_KIND_ORDER: Final = {"mining": 0, "visit": 1, "node": 2}
DOT: Final = " · "
MOST_UNSEEN: Final = 20  # judged: a list that is still read; the JSON holds all


@dataclass(frozen=True, slots=True)
class View:
    """One sighting with its sessions; ``index`` is its place in ``scan.sightings``."""

    index: int  # -1 when the sighting is made up for a session that no sighting names
    sighting: Sighting
    sessions: tuple[Session, ...]
    numbers: tuple[int, ...]  # of the sessions, in scan.sessions

    @property
    def accepted(self) -> int:
        """Accepted shares of all its sessions."""
        return sum(s.accepted for s in self.sessions)

    @property
    def rejected(self) -> int:
        """Rejected shares of all its sessions."""
        return sum(s.rejected for s in self.sessions)

    @property
    def work_hashes(self) -> float:
        """Accepted work of the sessions whose convention is known; ranks, and is not shown."""
        return sum(s.work.hashes for s in self.sessions if s.work)

    @property
    def server(self) -> str:
        """Server address and port."""
        return str(Endpoint(self.sighting.server_ip, self.sighting.server_port))

    @property
    def pool(self) -> str | None:
        """The pool's name when one session tells it."""
        return next((s.pool for s in self.sessions if s.pool), None)

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
    """All sightings: mining before visits before nodes, then by probability, then by work and shares."""
    return sorted((_view(scan, at, s) for at, s in enumerate(scan.sightings)), key=_weight)


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


def _weight(view: View) -> tuple[float, ...]:
    sighting = view.sighting
    probability = sighting.probability if 0 <= sighting.probability <= 1 else 0.0
    # A difference that is not shown does not decide: otherwise a loud miner stands below a quiet one.
    return (_KIND_ORDER[sighting.kind], -round(probability, 3), -view.work_hashes, -view.accepted, view.index)


def without_sighting(scan: Scan) -> list[int]:
    """Indexes of sessions that no sighting names."""
    named = {i for s in scan.sightings for i in s.sessions}
    return [i for i in range(len(scan.sessions)) if i not in named]


def coin_of(sessions: Sequence[Session], coin: str | None, lang: Lang) -> str:
    """The coin, or the candidates with a question mark each (``XMR? ZEPH?``), or the word for unknown."""
    if coin:
        return plain(coin)
    candidates = ranked(c.coin for s in sessions for c in s.coin_candidates)
    return " ".join(f"{plain(c)}?" for c in candidates[:3]) or say("unknown", lang)


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


def extent(scan: Scan) -> tuple[int, int] | None:
    """First and last time of all inputs in Unix ns; None when no packet was read."""
    firsts = [i.first_ns for i in scan.inputs if i.first_ns is not None]
    lasts = [i.last_ns for i in scan.inputs if i.last_ns is not None]
    return (min(firsts), max(lasts)) if firsts and lasts else None
