"""Rows of the HTML report's tables: one sighting, one session, as finished strings for the template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from davylamp.records import Client, Scan, Session
from davylamp.report import numbers
from davylamp.report.contacts import client_text, server_text
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain, shorten
from davylamp.report.rates import RateBins
from davylamp.report.views import DOT, View, algorithm_of, coin_of, rate_note, who_of
from davylamp.report.words import Lang, say


@dataclass(frozen=True, slots=True)
class Book:
    """What every line of a report needs: the scan, its language and phrases, the zone, and rates over time.

    ``now_ns`` is when the scan ended: a clock beyond it cannot be right. ``clients`` are the scan's by address.
    """

    scan: Scan
    lang: Lang
    zone: tzinfo
    rate_bins: RateBins
    phrases: Phrases
    now_ns: int
    clients: Mapping[str, Client] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SightingLine:
    """One row of the table of sightings."""

    anchor: str
    client: str
    who: str
    kind: str
    what: str
    dialect: str
    server: str
    pool: str
    shares: str
    rejected: str
    rate: tuple[str, str]
    note: str
    since: str
    until: str
    tier: str
    probability: str

    @classmethod
    def of(cls, view: View, book: Book) -> "SightingLine":
        """The row of ``view``."""
        s, lang = view.sighting, book.lang
        mining = s.kind == "mining"
        since, until = numbers.span(s.first_ns, s.last_ns, book.zone)
        unknown = say("unknown", lang) if mining else numbers.DASH
        rate = numbers.rate_parts(s.hashrate_hps, algorithm_of(view), lang)
        login = next((x.login for x in view.sessions if x.login), None)
        names = [coin_of(view.sessions, s.coin, algorithm_of(view), lang), plain(algorithm_of(view) or "")]
        if not mining:
            names = [say(f"kind_{s.kind}", lang), view.name or plain(s.coin or "")]
        return cls(
            anchor=anchor(s.client_ip) if mining or view.sessions else "",
            client=client_text(view, lang),
            who=who_of(login, s.wallet, s.worker, 30),
            kind=s.kind,
            what=shorten(DOT.join(n for n in names if n), 60),
            dialect=shorten(", ".join(view.dialects[:3]), 36),
            server=server_text(view, lang),
            pool=shorten(view.pool or "", 36),
            shares=numbers.count(view.accepted) if view.sessions else unknown,
            rejected=numbers.count(view.rejected) if view.sessions else "",
            rate=rate if mining or s.hashrate_hps else (numbers.DASH, ""),
            note=shorten(_note(view, book.phrases), 140),
            since=since,
            until=until,
            tier=s.tier,
            probability=numbers.probability(s.probability, lang),
        )


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One row of a table of sessions."""

    number: int
    client: str
    server: str
    what: str
    who: str
    accepted: str
    rejected: str
    rate: str
    note: str
    since: str
    until: str

    @classmethod
    def of(cls, index: int, s: Session, book: Book) -> "SessionLine":
        """The row of one session; ``index`` is its place in the scan."""
        since, until = numbers.span(s.first_ns, s.last_ns, book.zone)
        what = DOT.join(
            p
            for p in (
                coin_of([s], s.coin, s.algorithm, book.lang),
                plain(s.algorithm or ""),
                plain(s.dialect),
            )
            if p
        )
        known = numbers.is_number(s.hashrate_hps)
        return cls(
            number=index,
            client=plain(str(s.client)),
            server=plain(str(s.server)),
            what=shorten(what, 40),
            who=who_of(s.login, s.wallet, s.worker, 24),
            accepted=numbers.count(s.accepted),
            rejected=numbers.count(s.rejected),
            rate=numbers.rate(s.hashrate_hps, s.algorithm, book.lang),
            note="" if known else shorten(book.phrases.tell(s.hashrate_note or s.work_note), 60),
            since=since,
            until=until,
        )


def _note(view: View, phrases: Phrases) -> str:
    """Why there is no hashrate; of what does not mine, why it stands in the table."""
    if view.sighting.kind == "mining":
        return rate_note(view, phrases)
    return phrases.tell(next(iter(view.sighting.because), ""))


def anchor(ip: str) -> str:
    """A name for the section of an address that is safe in a link."""
    return "m-" + "".join(c if c.isascii() and c.isalnum() else "-" for c in ip)
