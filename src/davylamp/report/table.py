"""The terminal's table of sightings: a table from 76 columns on, cards below, the same words in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from davylamp.records import Fault, Scan
from davylamp.report.numbers import (
    DASH,
    at,
    count,
    local_zone,
    moment,
    probability,
    rate_parts,
    size,
    span,
    zone_name,
)
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain, shorten
from davylamp.report.views import (
    DOT,
    View,
    algorithm_of,
    all_faults,
    by_weight,
    coin_of,
    extent,
    rate_note,
    unseen,
    who_of,
)
from davylamp.report.words import Lang, say

WIDE_FROM: Final = 96  # judged: seven columns of two lines; below, five columns of three
TABLE_FROM: Final = 76  # judged: below, the facts of a sighting no longer stand side by side
MOST_ROWS: Final = 1000  # judged: nobody scrolls further, and laying out 10,000 takes 14 s
MOST_FAULTS: Final = 20  # judged: what still fits a screen; the JSON holds all
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
    """Print sightings by weight and one line of totals, or a sentence when there are none.

    Args:
        scan: what was found.
        console: where to; its width decides between table and cards.
        lang: language of the labels.
        zone: zone of all times; the machine's own when None.
    """
    views, phrases = by_weight(scan), Phrases(lang)
    setting = _setting(views, scan, lang, zone)
    if not views:
        _print(console, nothing_sentence(scan, phrases, setting.zone))
        _print_untold(console, phrases)
        return
    shown = views[:MOST_ROWS]
    if console.width >= TABLE_FROM:
        console.print(_table(shown, setting, console.width), crop=False, highlight=False)
    else:
        for view in shown:
            _print(console, _card(view, setting, console.width))
    if len(views) > len(shown):
        _print(console, Text(say("cut_rows", lang, n=count(len(views) - len(shown)))))
    for line in _refusals(views, phrases):
        _print(console, Text(line, style=_QUIET))
    _print(console, Text(totals(scan, lang)))
    _print_untold(console, phrases)


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


def fault_sentence(fault: Fault, phrases: Phrases) -> str:
    """``E-CAP-012: … (a.pcap, first at byte 24, 3 times)``."""
    lang = phrases.lang
    what = say("fault_line", lang, code=plain(fault.code), message=phrases.tell(fault.message))
    times = say("fault_times", lang, n=count(fault.count)) if fault.count > 1 else ""
    return what + say("fault_place", lang, path=plain(fault.path), offset=count(fault.offset), times=times)


def totals(scan: Scan, lang: Lang) -> str:
    """One line that sums up the scan."""
    tiers = [(t, sum(s.tier == t for s in scan.sightings)) for t in ("confirmed", "probable", "suspected")]
    told = say("list_comma", lang).join(f"{say(t, lang)} {count(n)}" for t, n in tiers if n)
    parts = [
        say("t_sightings", lang, n=count(len(scan.sightings)), tiers=told),
        say("t_clients", lang, n=count(len({s.client_ip for s in scan.sightings}))),
        say("t_sessions", lang, n=count(len(scan.sessions))),
        say("t_accepted", lang, n=count(sum(s.accepted for s in scan.sessions))),
        say("t_rejected", lang, n=count(sum(s.rejected for s in scan.sessions))),
        say("t_read", lang, **_amounts(scan)),
    ]
    return DOT.join(parts)


def nothing_sentence(scan: Scan, phrases: Phrases, zone: tzinfo) -> Text:
    """What was read, that nothing was found in it, and what could not be seen."""
    lang, amounts, reach = phrases.lang, _amounts(scan), extent(scan)
    if not any(i.packets for i in scan.inputs):
        return Text(say("nothing_read", lang))
    read = say("read_flat", lang, **amounts)
    if reach:
        since, until = (moment(t, zone, lang) for t in reach)
        read = say("read_span", lang, **amounts, since=since, until=until)
    blind = say("not_seen_lead", lang, what=say("list_stop", lang).join(unseen(scan, phrases)))
    return Text("\n".join((say("nothing_found", lang), read, blind)))


def _amounts(scan: Scan) -> dict[str, str]:
    return {
        "inputs": count(len(scan.inputs)),
        "packets": count(sum(i.packets for i in scan.inputs)),
        "bytes": size(sum(i.bytes for i in scan.inputs)),
    }


def _setting(views: Sequence[View], scan: Scan, lang: Lang, zone: tzinfo | None) -> _Setting:
    last = max((v.sighting.last_ns for v in views), default=None)
    reach = extent(scan)
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


def _table(views: Sequence[View], setting: _Setting, width: int) -> Table:
    """Numbers get the width they need; names and addresses share what is left."""
    wide = width >= WIDE_FROM
    numbers = [_number_cells(v, setting, wide=wide) for v in views]
    heads = _heads(views, setting, wide=wide)
    names = 3 if wide else 2
    fixed = [max(map(_longest, column)) for column in zip(heads[names:], *numbers, strict=True)]
    spare = width - GAP * (len(heads) - 1) - sum(fixed)
    client = min(max(len(v.sighting.client_ip) for v in views), max(15, spare * 34 // 100), 39)
    server = min(max(len(v.server) for v in views), max(15, spare * 38 // 100), 47) if wide else 0
    what = max(8, spare - client - server)
    widths = [client, what, *([server] if wide else []), *fixed]
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), width=width
    )
    for at_, (head, cells) in enumerate(zip(heads, widths, strict=True)):
        is_number = at_ in ((3, 4) if wide else (2,))
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(head, width=cells, justify=justify, overflow="fold", header_style="bold")
    for view, right in zip(views, numbers, strict=True):
        left = [_client_cell(view, client)]
        if wide:
            left += [_what_cell(view, setting, what), _server_cell(view, widths[2])]
        else:
            left.append(_stack(_what_cell(view, setting, what), Text(_server_line(view, what), style=_QUIET)))
        table.add_row(*left, *right)
    return table


def _heads(views: Sequence[View], setting: _Setting, *, wide: bool) -> list[Text]:
    lang = setting.lang
    when = at(views[0].sighting.first_ns, setting.zone)
    zone = zone_name(setting.zone, when)
    dated = zone if setting.year or when is None else f"{when.year} {zone[3:] or zone}"  # 2021 +08:00
    client = _lines(say("client", lang), say("worker", lang))
    what = _lines(say("what", lang), say("dialect", lang))
    server = _lines(say("server", lang), say("pool", lang))
    shares = _lines(say("shares", lang), say("rejected", lang))
    rate = _lines(say("hashrate", lang), say("interval", lang))
    last = [
        _lines(say("since_until", lang), dated),
        _lines(say("tier", lang), say("probability_short", lang)),
    ]
    if wide:
        return [client, what, server, shares, rate, *last]
    return [client, _stack(what, Text(say("server", lang))), _stack(rate, Text(say("shares", lang))), *last]


def _number_cells(view: View, setting: _Setting, *, wide: bool) -> tuple[Text, ...]:
    """Shares and hashrate (in one cell where it is narrow), time and verdict."""
    s, lang = view.sighting, setting.lang
    since, until = span(s.first_ns, s.last_ns, setting.zone, year=setting.year)
    estimate, spread = _rate(view, lang)
    verdict = Text(say(s.tier, lang), style=_ACCENT if s.tier == "confirmed" and s.kind == "mining" else "")
    chance = Text(probability(s.probability, lang), style=_QUIET)
    last = (_lines(since, f"– {until}"), _stack(verdict, chance))
    accepted = _accepted(view, lang)
    if wide:
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


def _client_cell(view: View, cells: int) -> Text:
    who = who_of(_login(view), view.sighting.wallet, view.sighting.worker, cells)
    return _lines(plain(view.sighting.client_ip), who)


def _what_cell(view: View, setting: _Setting, cells: int) -> Text:
    top = DOT.join(p for p in _what(view, setting.lang) if p)
    return _lines(shorten(top, cells * 2), shorten(_dialects(view), cells))


def _server_cell(view: View, cells: int) -> Text:
    return _lines(plain(view.server), shorten(view.pool or "", cells))


def _server_line(view: View, cells: int) -> str:
    """Address and pool name in one line; the name goes when there is no room for six cells of it."""
    server = plain(view.server)
    rest = cells - len(server) - len(DOT)
    return f"{server}{DOT}{shorten(view.pool, rest)}" if view.pool and rest >= 6 else server


def _what(view: View, lang: Lang) -> list[str]:
    """Coin and algorithm; the kind in front when it is not mining."""
    coin = coin_of(view.sessions, view.sighting.coin, lang)
    kind = "" if view.sighting.kind == "mining" else say(view.sighting.kind, lang)
    return [kind, coin, plain(algorithm_of(view) or "")]


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


def _card(view: View, setting: _Setting, width: int) -> Text:
    """One sighting as a few lines, each fact under its own words."""
    s, lang = view.sighting, setting.lang
    estimate, spread = _rate(view, lang)
    since, until = span(s.first_ns, s.last_ns, setting.zone)
    accepted = _accepted(view, lang)
    when = f"{since} – {until} {zone_name(setting.zone, at(s.first_ns, setting.zone))}"
    rows = [
        ("tier", f"{say(s.tier, lang)} ({probability(s.probability, lang)})"),
        ("what", DOT.join(p for p in (*_what(view, lang), _dialects(view)) if p)),
        ("server", DOT.join(p for p in (plain(view.server), plain(view.pool or "")) if p)),
        ("worker", who_of(_login(view), s.wallet, s.worker, max(10, width - 12))),
        ("shares", accepted),
        ("hashrate", f"{estimate} ({spread})" if spread else estimate),
        ("since_until", when),
    ]
    text = Text(plain(s.client_ip), style="bold")
    for key, value in rows:
        if value:
            text.append(f"\n  {say(key, lang)}{say('colon', lang)}", style="not bold dim")
            text.append(value, style="not bold")
    text.append("\n")
    return text
