"""What the HTML report says of each miner: who, where, how much, why, and what could not be seen."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from markupsafe import Markup

from davylamp.records import Interval, Scan, Session
from davylamp.report import numbers
from davylamp.report.charts import Axis, rate_svg, shares_svg
from davylamp.report.how_much import HowMuch
from davylamp.report.lines import Book, SessionLine, anchor
from davylamp.report.phrases import Phrases, summed_as
from davylamp.report.plain import plain, shorten
from davylamp.report.rates import MOST_COLUMNS, RateBin, ShareColumn, share_columns, step_minutes
from davylamp.report.views import (
    DOT,
    View,
    algorithm_of,
    candidates_of,
    coin_of,
    lone_view,
    ranked,
    rate_note,
    without_sighting,
)
from davylamp.report.whose import Whose, organisation_of
from davylamp.report.words import Lang, say

MOST_LINES: Final = 6  # judged: step lines that one chart bears
MOST_TOLD: Final = 12  # judged: reasons, candidates and notes per sighting; the JSON holds all
MOST_NAMES: Final = 6  # judged: distinct workers, agents and so on named in one fact
MOST_SESSIONS: Final = 200  # judged: rows of one miner; a scan with more lists its sessions in one table
_SENTENCE: Final = 400  # characters

Group: TypeAlias = tuple[str, list[View]]
"""Client address and its sightings by weight."""


def miners_of(scan: Scan, views: Iterable[View]) -> list[Group]:
    """Clients that mine or spoke a mining dialect, heaviest first; sessions without sighting come last."""
    groups: dict[str, list[View]] = {}
    for view in views:
        if view.sighting.kind == "mining" or view.sessions:
            groups.setdefault(view.sighting.client_ip, []).append(view)
    for index in without_sighting(scan):
        ip = scan.sessions[index].client.ip
        groups.setdefault(ip, []).append(lone_view(scan, index))
    return list(groups.items())


@dataclass(frozen=True, slots=True)
class Charts:
    """The two charts of one server, their captions, and the figures behind them."""

    shares: Markup
    shares_label: str
    rate: Markup
    rate_label: str
    columns: tuple[tuple[str, str, str, str], ...]  # time, accepted, rejected, and both together
    figures: tuple[tuple[str, str], ...]  # time and rate of the heaviest session


@dataclass(frozen=True, slots=True)
class Part:
    """One sighting of a miner with all that is known; ``tier`` is empty for a session without a sighting."""

    server: str
    tier: str
    probability: str
    rate: tuple[str, str]
    note: str
    facts: tuple[tuple[str, str], ...]
    because: tuple[str, ...]
    candidates: tuple[tuple[str, str, str], ...]
    reported: str
    remarks: tuple[str, ...]
    charts: Charts | None
    chartless: str
    sessions: tuple[SessionLine, ...]


@dataclass(frozen=True, slots=True)
class Miner:
    """One client address and its parts."""

    anchor: str
    client: str
    organisation: str  # empty where none is known
    summary: str
    parts: tuple[Part, ...]
    more: int  # parts beyond MOST_TOLD, not shown
    whose: Whose | None
    how_much: HowMuch | None

    @classmethod
    def of(cls, group: Group, book: Book, *, charts: bool) -> "Miner":
        """The section of one client, with or without its charts."""
        ip, views = group
        parts = tuple(_part(v, book, charts=charts) for v in views[:MOST_TOLD])
        first, client = parts[0], book.clients.get(ip)
        verdict = say(first.tier, book.lang) if first.tier else say("no_sighting", book.lang)
        named = (organisation_of(client, book.lang),) if client and client.claim else ()
        return cls(
            anchor(ip),
            plain(ip),
            "".join(named),
            DOT.join((verdict, *named, first.server, first.rate[0])),
            parts,
            len(views) - len(parts),
            Whose.of(client, book) if client else None,
            HowMuch.of(client, book) if client else None,
        )


def _part(view: View, book: Book, *, charts: bool) -> Part:
    s, lang, algorithm = view.sighting, book.lang, algorithm_of(view)
    drawn = _charts(view.sessions, algorithm, book) if charts else None
    rows = [SessionLine.of(i, book.scan.sessions[i], book) for i in view.numbers[:MOST_SESSIONS]]
    return Part(
        server=DOT.join(p for p in (plain(view.server), shorten(view.pool or "", 60)) if p),
        tier=s.tier if view.index >= 0 else "",
        probability=numbers.probability(s.probability, lang),
        rate=numbers.rate_parts(s.hashrate_hps, algorithm, lang),
        note=rate_note(view, book.phrases)[:_SENTENCE],
        facts=_facts(view, book),
        because=_told((*s.because, *(b for x in view.sessions for b in x.because)), book.phrases),
        candidates=_candidates(view.sessions, algorithm, book.phrases),
        reported=_reported(view.sessions, algorithm),
        remarks=_remarks(view, book.phrases),
        charts=drawn,
        chartless=say("chart_none" if charts else "cut_charts", lang) if view.sessions and not drawn else "",
        sessions=tuple(rows),
    )


def _told(sentences: Iterable[str], phrases: Phrases) -> tuple[str, ...]:
    """Distinct sentences in their order, as many as are read."""
    return tuple(phrases.tell(s)[:_SENTENCE] for s in list(dict.fromkeys(sentences))[:MOST_TOLD])


def _facts(view: View, book: Book) -> tuple[tuple[str, str], ...]:
    """Label and value of what is known; a fact that nothing tells is left out, identity is said to be unknown."""
    s, all_, lang = view.sighting, view.sessions, book.lang
    since, until = (numbers.moment(t, book.zone, lang) for t in (s.first_ns, s.last_ns))
    heights = [h for x in all_ if x.heights for h in x.heights]
    facts = [
        ("coin", coin_of(all_, s.coin, algorithm_of(view), lang)),
        ("algorithm", plain(algorithm_of(view) or say("unknown", lang))),
        ("dialect", _names([*(x.dialect for x in all_)])),
        ("carrier", _names([x.carrier for x in all_ if x.carrier != "tcp"])),
        ("wallet", _names([s.wallet, *(x.wallet for x in all_)])),
        ("worker", _names([s.worker, *(x.worker for x in all_)])),
        ("rig_id", _names([x.rig_id for x in all_])),
        ("login", _names([x.login for x in all_])),
        ("agent", _names([s.agent, *(x.agent for x in all_)])),
        ("payout_coin", _names([x.payout_coin for x in all_])),
        ("shares", _shares(all_, lang) if all_ else say("unknown", lang)),
        ("jobs", numbers.count(sum(x.jobs for x in all_)) if all_ else ""),
        ("active", numbers.duration(sum(x.active_s for x in all_), lang) if all_ else ""),
        ("heights", f"{min(heights)}{numbers.DASH}{max(heights)}"[:60] if heights else ""),
        ("since", since),
        ("until", until),
    ]
    return tuple((say(key, lang), value) for key, value in facts if value)


def _names(values: Sequence[str | None]) -> str:
    """The distinct names, most frequent first, as many as one fact bears."""
    names = ranked(values)
    more = f" +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else ""
    return ", ".join(shorten(n, 110) for n in names[:MOST_NAMES]) + more


def _shares(sessions: Sequence[Session], lang: Lang) -> str:
    """Accepted first, then what else became of shares."""
    kinds = ("accepted", "rejected", "stale", "unanswered", "duplicates")
    sums = [(kind, sum(getattr(s, kind) for s in sessions)) for kind in kinds]
    told = [
        f"{say(kind, lang)} {numbers.count(n)}" for kind, n in sums if n or kind in ("accepted", "rejected")
    ]
    return say("list_comma", lang).join(told)


def _candidates(
    sessions: Sequence[Session], algorithm: str | None, phrases: Phrases
) -> tuple[tuple[str, str, str], ...]:
    """Coin, weight and reason, one row per coin, heaviest first."""
    heaviest = candidates_of(sessions, algorithm)[:MOST_TOLD]
    return tuple(
        (plain(c.coin)[:40], numbers.probability(c.weight), phrases.tell(c.because)[:_SENTENCE])
        for c in heaviest
    )


def _reported(sessions: Sequence[Session], algorithm: str | None) -> str:
    """The range of the miner's own claims."""
    claims = [r for s in sessions for r in s.reported_hps if 0 <= r < math.inf]
    if not claims:
        return ""
    unit = numbers.rate_unit(algorithm)
    ends = dict.fromkeys(numbers.significant(r, unit) for r in (min(claims), max(claims)))
    return f" {numbers.DASH} ".join(ends)


def _remarks(view: View, phrases: Phrases) -> tuple[str, ...]:
    """What limits the reading of these sessions; what the sighting sums up is not told again per session."""
    sessions, lang = view.sessions, phrases.lang
    sums = {label for n in view.sighting.not_seen if (label := summed_as(n))}
    notes = [n for s in sessions for n in s.notes if summed_as(n) not in sums]
    sums.update(map(summed_as, notes))
    told = list(_told((*view.sighting.not_seen, *notes), phrases))
    lost = sum(s.lost_bytes for s in sessions)
    if any(s.joined_midway for s in sessions) and "blind_midway" not in sums:
        told.append(say("midway", lang))
    if lost and "blind_lost" not in sums:
        told.append(say("lost", lang, bytes=numbers.size(lost)))
    if any(s.donation for s in sessions):
        told.append(say("donation", lang))
    return tuple(told)


def _charts(sessions: Sequence[Session], algorithm: str | None, book: Book) -> Charts | None:
    """Shares of all sessions in one chart, below it the rate of the heaviest; None when no share has a time."""
    bins = [b for s in sessions for b in s.bins]
    if not any(b.accepted or b.rejected for b in bins):
        return None
    start_s = min(*(b.minute * 60.0 for b in bins), *(s.first_ns / 1e9 for s in sessions))
    end_s = max(*(b.minute * 60.0 + 60 for b in bins), *(s.last_ns / 1e9 for s in sessions))
    axis, lang = Axis(start_s, end_s, book.zone), book.lang
    step_min = step_minutes((end_s - start_s) / 60, MOST_COLUMNS)
    label = say("chart_shares", lang, width=numbers.duration(step_min * 60, lang))
    columns = share_columns(bins, step_min)
    shares = shares_svg(columns, step_min * 60, axis, label)
    counts = _counts(columns, book)
    heaviest = sorted(sessions, key=lambda s: -s.accepted)
    lines = [line for line in (_drawable(book.rate_bins(s)) for s in heaviest[:MOST_LINES]) if line]
    if not lines:
        return Charts(shares, label, Markup(), "", counts, ())
    rate_label = _rate_label(lines, len(sessions), lang)
    drawn = rate_svg(lines, numbers.rate_unit(algorithm), axis, rate_label)
    return Charts(shares, label, drawn, rate_label, counts, _figures(lines, algorithm, book))


def _drawable(bins: Iterable[RateBin]) -> list[RateBin]:
    """Steps with numbers that an axis can carry."""
    return [b for b in bins if 0 <= b.low <= b.estimate <= b.high < numbers.LARGEST]


def _rate_label(lines: Sequence[Sequence[RateBin]], sessions: int, lang: Lang) -> str:
    width = numbers.duration(max(b.end_s - b.start_s for line in lines for b in line), lang)
    if sessions > len(lines):
        return say("chart_rate_some", lang, n=len(lines), of=sessions, width=width)
    return say("chart_rate", lang, width=width)


def _counts(columns: Sequence[ShareColumn], book: Book) -> tuple[tuple[str, str, str, str], ...]:
    """Time, accepted, rejected and the whole height of each column: the table behind the chart of shares."""
    return tuple(
        (
            numbers.span(c.start_s * 10**9, c.start_s * 10**9, book.zone)[0],
            numbers.count(c.accepted),
            numbers.count(c.rejected),
            numbers.count(c.accepted + c.rejected),
        )
        for c in columns
    )


def _figures(
    lines: Sequence[Sequence[RateBin]], algorithm: str | None, book: Book
) -> tuple[tuple[str, str], ...]:
    """Time and rate of each step of the first line: the table behind the chart."""
    return tuple(
        (
            numbers.moment(int(b.start_s * 1e9), book.zone, book.lang),
            numbers.rate(Interval(b.low, b.estimate, b.high), algorithm, book.lang),
        )
        for b in lines[0]
    )
