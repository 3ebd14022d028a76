"""The terminal's table of sightings: a table from 76 columns on, cards below, the same words in both."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from davylamp.records import Scan
from davylamp.report.clients import energy_totals
from davylamp.report.clients_table import client_parts
from davylamp.report.contacts import client_text, fold, server_text
from davylamp.report.faults import fault_sentence
from davylamp.report.numbers import DASH, at, count, local_zone, probability, rate_parts, span, zone_name
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain, shorten
from davylamp.report.sums import blind_sentence, nothing_sentences, opening, totals
from davylamp.report.views import (
    DOT,
    View,
    algorithm_of,
    all_faults,
    by_weight,
    coin_of,
    extent,
    rate_note,
    who_of,
)
from davylamp.report.words import Lang, say

WIDE_FROM: Final = 96  # judged: two lines a row; from here on a server's address is never folded
WHAT_CELLS: Final = 16  # the column's own head
CLIENT_CELLS: Final = 15  # an IPv4 address
TABLE_FROM: Final = 76  # judged: below, the facts of a sighting no longer stand side by side
MOST_ROWS: Final = 1000  # judged: nobody scrolls further, and laying out 10,000 takes 14 s
MOST_FAULTS: Final = 20  # judged: what still fits a screen; the JSON holds all
MOST_REASONED: Final = 20  # judged: rows that bear a reason each without hiding one another
MOST_REASON_LINES: Final = 3
MOST_REFUSALS: Final = 5  # judged: the common reasons; each session's own stands in JSON and report
GAP: Final = 2  # cells between columns
_ACCENT: Final = "bold yellow"
_QUIET: Final = "dim"


@dataclass(frozen=True, slots=True)
class _Setting:
    """How the rows are written: language, zone, and whether the year stands in the rows."""

    lang: Lang
    zone: tzinfo
    year: bool


def render_table(scan: Scan, console: Console, lang: Lang = "en", zone: tzinfo | None = None) -> None:
    """Print the headline, the sightings in the order of `by_weight`, and one line of totals.

    Args:
        scan: what was found.
        console: where to; its width decides between table and cards.
        lang: language of the labels.
        zone: zone of all times; the machine's own when None.
    """
    views, phrases, now_ns = fold(by_weight(scan)), Phrases(lang), time.time_ns()
    setting = _setting(views, extent(scan, now_ns), lang, zone)
    if not views:
        for sentence in nothing_sentences(scan, phrases, setting.zone, now_ns):
            _print(console, Text(sentence))
        _print_untold(console, phrases)
        return
    _print(console, Text(opening(scan, lang) + "\n", style="bold"))
    shown = views[:MOST_ROWS]
    reasons = [_reason(v, phrases, console.width) for v in shown] if len(views) <= MOST_REASONED else []
    for part in _rows(shown, reasons, setting, console.width):
        console.print(part, overflow="fold", crop=False, highlight=False)
    if left := sum(v.size for v in views[MOST_ROWS:]):
        _print(console, Text(say("cut_rows", lang, n=count(left))))
    for line in _refusals(views, phrases):
        _print(console, Text(line, style=_QUIET))
    if not reasons:
        _print(console, Text(say("all_reasons", lang), style=_QUIET))
    if all(v.sighting.kind != "mining" for v in views):
        _print(console, Text(blind_sentence(scan, phrases), style=_QUIET))
    for part in client_parts(scan, phrases, setting.zone, console.width):
        console.print(part, overflow="fold", crop=False, highlight=False)
    for line in (totals(scan, lang), *energy_totals(scan, lang)):
        _print(console, Text(line))
    _print_untold(console, phrases)


def _reason(view: View, phrases: Phrases, width: int) -> str:
    """The heaviest reason; empty when the sighting gives none."""
    because = next(iter(view.sighting.because), "")
    return shorten(phrases.tell(because), MOST_REASON_LINES * max(20, width - 10))


def _refusals(views: Sequence[View], phrases: Phrases) -> list[str]:
    """Why a hashrate is unknown, once per reason."""
    lang = phrases.lang
    clients: dict[str, list[str]] = {}
    for view in views:
        if view.sighting.kind == "mining" and (note := rate_note(view, phrases)):
            clients.setdefault(note, []).append(plain(view.sighting.client_ip))
    lines = []
    for note, ips in list(clients.items())[:MOST_REFUSALS]:
        distinct = list(dict.fromkeys(ips))
        whose = say("list_comma", lang).join(distinct[:3]) + (" …" if len(distinct) > 3 else "")
        lines.append(say("refusal", lang, who=whose, why=note))
    return lines


def render_faults(scan: Scan, console: Console, lang: Lang = "en") -> None:
    """Print the damage met in the inputs, one code and file per line, most frequent first."""
    faults = sorted(all_faults(scan), key=lambda f: -f.count)
    phrases = Phrases(lang)
    for fault in faults[:MOST_FAULTS]:
        _print(console, Text(fault_sentence(fault, phrases)))
    if len(faults) > MOST_FAULTS:
        _print(console, Text(say("fault_more", lang, n=count(len(faults) - MOST_FAULTS))))
    _print_untold(console, phrases)


def _setting(
    views: Sequence[View], reach: tuple[int, int] | None, lang: Lang, zone: tzinfo | None
) -> _Setting:
    last = max((v.sighting.last_ns for v in views), default=None)
    chosen = zone or local_zone(last if last is not None else reach[1] if reach else None)
    times = [at(t, chosen) for v in views for t in (v.sighting.first_ns, v.sighting.last_ns)]
    return _Setting(lang, chosen, len({t.year for t in times if t}) > 1)


def _print_untold(console: Console, phrases: Phrases) -> None:
    """How many sentences stand in another language than the rest."""
    if phrases.untold:
        _print(console, Text(say("untold", phrases.lang, n=count(len(phrases.untold))), style=_QUIET))


def _print(console: Console, text: Text) -> None:
    """Text wrapped at the console's width, a long word folded; never read as markup."""
    console.print(text, overflow="fold", highlight=False, crop=False)


# --- the table ---------------------------------------------------------------------------------------------


def _rows(
    views: Sequence[View], reasons: Sequence[str], setting: _Setting, width: int
) -> list[RenderableType]:
    """All sightings ready to print: as a table where their addresses fit, as cards otherwise."""
    fits = (_fit(views, setting, width, shape) for shape in _SHAPES)
    layout = next((fit for fit in fits if fit is not None), None)
    if layout is None:
        return [_card(v, setting, width, reasons[i] if reasons else "") for i, v in enumerate(views)]
    if not reasons:
        return [_table(views, layout, setting, width, head=True), Text()]
    parts: list[RenderableType] = []
    for row, (view, reason) in enumerate(zip(views, reasons, strict=True)):
        parts.append(_table([view], layout, setting, width, head=row == 0))
        if reason:
            told = f"{say('why', setting.lang)}{say('colon', setting.lang)}{reason}"
            parts.append(Padding(Text(told, style=_QUIET, overflow="fold"), (0, 0, 0, 2)))
    return [*parts, Text()]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which facts have a column of their own, from which width on."""

    least: int
    server: bool  # else it stands below the coin
    shares: bool  # else they stand below the hashrate

    @property
    def names(self) -> int:
        """How many columns hold names."""
        return 3 if self.server else 2


_SHAPES: Final = (
    _Shape(WIDE_FROM, server=True, shares=True),
    _Shape(WIDE_FROM, server=False, shares=True),
    _Shape(TABLE_FROM, server=False, shares=False),
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A shape with its heads and the widths of its columns in cells."""

    shape: _Shape
    heads: list[Text]
    widths: list[int]


def _fit(views: Sequence[View], setting: _Setting, width: int, shape: _Shape) -> _Layout | None:
    """Numbers get the width they need and servers theirs; names and clients share what is left.

    None when that leaves too little. Only below `WIDE_FROM` addresses are folded rather than the table given up.
    """
    if width < shape.least:
        return None
    heads = _heads(views, setting, shape)
    numbers = [_number_cells(v, setting, shape) for v in views]
    fixed = [max(map(_longest, column)) for column in zip(heads[shape.names :], *numbers, strict=True)]
    spare = width - GAP * (len(heads) - 1) - sum(fixed)
    longest = max(cell_len(client_text(v, setting.lang)) for v in views)
    server = max(cell_len(server_text(v, setting.lang)) for v in views)
    least = min(longest, CLIENT_CELLS)
    beside = server + WHAT_CELLS if shape.server else max(server, WHAT_CELLS)
    if spare < beside + least and width >= WIDE_FROM:
        return None
    client = max(least, min(longest, spare - beside))
    left = spare - client
    if not shape.server:
        return _Layout(shape, heads, [client, left, *fixed])
    pools = max(cell_len(plain(v.pool or "")) for v in views)
    room = max(server, min(pools, left - WHAT_CELLS))
    return _Layout(shape, heads, [client, left - room, room, *fixed])


def _table(views: Sequence[View], layout: _Layout, setting: _Setting, width: int, *, head: bool) -> Table:
    shape = layout.shape
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        show_header=head,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        width=width,
    )
    numbers = range(shape.names, shape.names + (2 if shape.shares else 1))
    for column, (title, cells) in enumerate(zip(layout.heads, layout.widths, strict=True)):
        justify: Literal["left", "right"] = "right" if column in numbers else "left"
        table.add_column(title, width=max(1, cells), justify=justify, overflow="fold", header_style="bold")
    for view in views:
        names = [_client_cell(view, setting, layout.widths[0]), _what_cell(view, setting, layout)]
        if shape.server:
            names.append(_server_cell(view, setting, layout.widths[2]))
        table.add_row(*names, *_number_cells(view, setting, shape))
    return table


def _heads(views: Sequence[View], setting: _Setting, shape: _Shape) -> list[Text]:
    lang = setting.lang
    when = at(views[0].sighting.first_ns, setting.zone)
    zone = zone_name(setting.zone, when)
    dated = zone if setting.year or when is None else f"{when.year} {zone[3:] or zone}"  # 2021 +08:00
    heads = [_lines(say("client", lang), say("worker", lang))]
    if shape.server:
        heads += [
            _lines(say("what", lang), say("dialect", lang)),
            _lines(say("server", lang), say("pool", lang)),
        ]
    elif shape.shares:
        heads.append(_lines(say("what", lang), DOT.join((say("server", lang), say("pool", lang)))))
    else:
        heads.append(_stack(_lines(say("what", lang), say("dialect", lang)), Text(say("server", lang))))
    rate = _lines(say("hashrate", lang), say("interval", lang))
    shares = _lines(say("shares", lang), say("rejected", lang))
    heads += [shares, rate] if shape.shares else [_stack(rate, Text(say("shares", lang)))]
    verdict = _lines(say("tier", lang), say("probability_short", lang))
    return [*heads, _lines(say("since_until", lang), dated), verdict]


def _number_cells(view: View, setting: _Setting, shape: _Shape) -> tuple[Text, ...]:
    """Shares and hashrate (in one cell where it is narrow), time and verdict."""
    s, lang = view.sighting, setting.lang
    since, until = span(s.first_ns, s.last_ns, setting.zone, year=setting.year)
    estimate, spread = _rate(view, lang)
    verdict = Text(say(s.tier, lang), style=_ACCENT if s.tier == "confirmed" and s.kind == "mining" else "")
    chance = Text(probability(s.probability, lang), style=_QUIET)
    last = (_lines(since, f"– {until}"), _stack(verdict, chance))
    accepted = _accepted(view, lang)
    if shape.shares:
        rejected = count(view.rejected) if view.sessions else ""
        return _lines(accepted, rejected), _lines(estimate, spread), *last
    told = say("n_accepted", lang, n=accepted) if view.sessions else ""
    return _stack(_lines(estimate, spread), Text(told, style=_QUIET)), *last


def _accepted(view: View, lang: Lang) -> str:
    """Accepted shares; unknown where they could not be read, a dash where there can be none."""
    if view.sessions:
        return count(view.accepted)
    return say("unknown", lang) if view.sighting.kind == "mining" else DASH


def _rate(view: View, lang: Lang) -> tuple[str, str]:
    if view.sighting.kind != "mining" and view.sighting.hashrate_hps is None:
        return DASH, ""
    return rate_parts(view.sighting.hashrate_hps, algorithm_of(view), lang)


def _client_cell(view: View, setting: _Setting, cells: int) -> Text:
    who = who_of(_login(view), view.sighting.wallet, view.sighting.worker, cells)
    return _lines(client_text(view, setting.lang), who)


def _what_cell(view: View, setting: _Setting, layout: _Layout) -> Text:
    """Coin, algorithm and dialect; the server below where it has no column of its own."""
    cells, told = layout.widths[1], [p for p in _what(view, setting.lang) if p]
    what = _lines(shorten(DOT.join(told), cells * 2), shorten(_dialects(view), cells))
    if layout.shape.server:
        return what
    one_line = DOT.join(p for p in (*told, _dialects(view)) if p)
    if layout.shape.shares and cell_len(one_line) <= cells:
        what = Text(one_line)
    return _stack(what, Text(_server_line(view, setting, cells), style=_QUIET))


def _server_cell(view: View, setting: _Setting, cells: int) -> Text:
    return _lines(server_text(view, setting.lang), shorten(view.pool or "", cells))


def _server_line(view: View, setting: _Setting, cells: int) -> str:
    """Address and pool name in one line; the name goes when there is no room for six cells of it."""
    server = server_text(view, setting.lang)
    rest = cells - cell_len(server) - len(DOT)
    return f"{server}{DOT}{shorten(view.pool, rest)}" if view.pool and rest >= 6 else server


def _what(view: View, lang: Lang) -> list[str]:
    """Coin and algorithm of what mines; of the rest what it is, and its network or host."""
    algorithm = algorithm_of(view)
    if view.sighting.kind == "mining":
        return [coin_of(view.sessions, view.sighting.coin, algorithm, lang), plain(algorithm or "")]
    return [say(view.sighting.kind, lang), view.name or plain(view.sighting.coin or "")]


def _dialects(view: View) -> str:
    names = view.dialects
    return plain(names[0]) + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else ""


def _login(view: View) -> str | None:
    return next((s.login for s in view.sessions if s.login), None)


def _lines(top: str, below: str) -> Text:
    """Two lines, the second quiet; one when there is no second."""
    text = Text(top)
    if below:
        text.append(f"\n{below}", style=_QUIET)
    return text


def _stack(*parts: Text) -> Text:
    """Cells one below the other, empty ones left out."""
    return Text("\n").join(p for p in parts if p)


def _longest(text: Text) -> int:
    return max((line.cell_len for line in text.split("\n")), default=0)


# --- cards -------------------------------------------------------------------------------------------------


def _card(view: View, setting: _Setting, width: int, reason: str) -> RenderableType:
    """One sighting as a few lines, each fact under its own words."""
    s, lang = view.sighting, setting.lang
    estimate, spread = _rate(view, lang)
    since, until = span(s.first_ns, s.last_ns, setting.zone)
    what, mining = [p for p in (*_what(view, lang), _dialects(view)) if p], s.kind == "mining"
    rows = [
        ("tier", f"{say(s.tier, lang)} ({probability(s.probability, lang)})"),
        ("what", DOT.join(what)) if mining else (s.kind, DOT.join(what[1:]) or say("unknown", lang)),
        ("server", DOT.join(p for p in (server_text(view, lang), plain(view.pool or "")) if p)),
        ("worker", who_of(_login(view), s.wallet, s.worker, max(10, width - 12))),
        ("shares", _accepted(view, lang) if mining or view.sessions else ""),
        ("hashrate", "" if estimate == DASH else f"{estimate} ({spread})" if spread else estimate),
        ("since_until", f"{since} – {until} {zone_name(setting.zone, at(s.first_ns, setting.zone))}"),
        ("why", reason),
    ]
    told = [Text(say(k, lang) + say("colon", lang), style=_QUIET).append(v, "not dim") for k, v in rows if v]
    body = Text("\n", overflow="fold").join(told)
    title = Text(client_text(view, lang), style="bold", overflow="fold")
    return Group(title, Padding(body, (0, 0, 1, 2)))
