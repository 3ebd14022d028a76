"""The HTML report: one file without network, script or outer asset, made to be read on screen and on A4.

A big scan stays under ``MOST_BYTES``: each part of the file has its share, and what no longer fits is counted
in words and left to the JSON.
"""

import platform
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from davylamp import __version__
from davylamp.records import Scan
from davylamp.report import numbers
from davylamp.report.contacts import contact_sentences, fold, headline
from davylamp.report.faults import fault_message, fault_place, path_name
from davylamp.report.lines import Book, SessionLine, SightingLine
from davylamp.report.machine import unwritable
from davylamp.report.miners import Group, Miner, miners_of
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain
from davylamp.report.rates import RateBins, garwood_bins
from davylamp.report.sums import tiers_of
from davylamp.report.totals import Totals, client_lines
from davylamp.report.views import all_faults, by_weight, extent, odd_clocks, unseen
from davylamp.report.words import Lang, say

COMPACT_FROM: Final = 200  # sessions; judged: beyond, nobody reads section after section
COMPACT_CHARTS: Final = 40  # judged: the heaviest miners of a big scan
MOST_BYTES: Final = 5_000_000
_SECTION_BYTES: Final = {False: 2_850_000, True: 500_000}  # by compactness; parts sum to under MOST_BYTES
_SIGHTING_BYTES: Final = 600_000
_SESSION_BYTES: Final = 2_350_000
_CLIENT_BYTES: Final = 250_000  # the sums below it are bounded by their rows, the map by its outlines
_MOST_ROWS: Final = 300  # inputs and faults each; judged: 400 bytes a row at most
_OPEN_INPUTS: Final = 20  # judged: a table that is still read; the rest is folded
_PATH: Final = 160  # characters of a path that are shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """How the scan was made.

    Args:
        command: the command line as typed.
        started: when it began, with a zone.
        finished: when it ended, with a zone.
        settings: every setting that bears on the result.
        sha256: hex digest by input path, where computed.
        zone: zone of all times in the report; the machine's own when None.
    """

    command: str
    started: datetime
    finished: datetime
    settings: Mapping[str, object] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None


def write_report(
    scan: Scan, path: Path, run: Run, lang: Lang = "en", rate_bins: RateBins = garwood_bins
) -> None:
    """Write the report of ``scan`` to ``path``.

    Args:
        scan: what was found.
        path: the file to write; replaced when it exists.
        run: how the scan was made.
        lang: language of the labels.
        rate_bins: gives the hashrate of a session per step of time; simple Garwood intervals by default.

    Raises:
        OutputError: E-OUT-001 when ``path`` cannot be written.
    """
    page = render(scan, run, lang, rate_bins)
    try:
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise unwritable(path, error) from error


def render(scan: Scan, run: Run, lang: Lang = "en", rate_bins: RateBins = garwood_bins) -> str:
    """The report as text."""
    now_ns = int(run.finished.timestamp() * 1e9)
    reach = extent(scan, now_ns)
    zone = run.zone or numbers.local_zone(reach[1] if reach else None)
    book = Book(scan, lang, zone, rate_bins, Phrases(lang), now_ns, {c.client_ip: c for c in scan.clients})
    jinja = _environment(lang)
    page = jinja.get_template("report.html.j2")
    parts = jinja.get_template("report_parts.html.j2").module
    read, found = _read_part(scan, run, book), _found_part(scan, book, parts)
    leads = _leads_part(scan, book, parts, found["shown"])
    return page.render(
        css=Markup(resources.files("davylamp.report").joinpath("report.css").read_text("utf-8")),  # noqa: S704
        head=_head(scan, book),
        read=read,
        found=found,
        leads=leads,
        untold=numbers.count(len(book.phrases.untold)) if book.phrases.untold else "",
        about=_about_part(run, zone, lang),
    )


def _environment(lang: Lang) -> Environment:
    jinja = Environment(
        loader=PackageLoader("davylamp.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(say=partial(say, lang=lang), lang=lang)
    return jinja


def _head(scan: Scan, book: Book) -> dict[str, Any]:
    """The first minute: one sentence and four figures."""
    lang, reach = book.lang, extent(scan, book.now_ns)
    mining = [s for s in scan.sightings if s.kind == "mining"]
    odd = odd_clocks(scan, book.now_ns)
    stale = sum(s.stale for s in scan.sessions)
    end = say("sentence_end", lang)
    return {
        "headline": headline(scan, lang),
        "contacts": "".join(s + end for s in contact_sentences(scan, lang)).rstrip(),
        "period": [numbers.moment(t, book.zone, lang) for t in reach] if reach else None,
        "odd_clocks": say("odd_clocks", lang, n=numbers.count(len(odd))) if odd else "",
        "sightings": numbers.count(len(mining)),
        "tiers": [(t, numbers.count(n)) for t, n in tiers_of(scan)],
        "clients": numbers.count(len({s.client_ip for s in mining})),
        "sessions": numbers.count(len(scan.sessions)),
        "accepted": numbers.count(sum(s.accepted for s in scan.sessions)),
        "rejected": numbers.count(sum(s.rejected for s in scan.sessions)),
        "stale": numbers.count(stale),
        "bytes": numbers.size(sum(i.bytes for i in scan.inputs)),
        "packets": numbers.count(sum(i.packets for i in scan.inputs)),
        "inputs": numbers.count(len(scan.inputs)),
    }


def _read_part(scan: Scan, run: Run, book: Book) -> dict[str, Any]:
    lang = book.lang
    faults = sorted(all_faults(scan), key=lambda f: -f.count)
    zone = (
        f" {numbers.zone_name(book.zone, run.started)}"  # stands in the head; another one stays with its time
    )
    inputs = [
        {
            "path": path_name(i.path, lang)[:_PATH],
            "packets": numbers.count(i.packets),
            "bytes": numbers.size(i.bytes),
            "since": numbers.moment(i.first_ns, book.zone, lang).removesuffix(zone),
            "until": ""
            if i.last_ns is None
            else numbers.moment(i.last_ns, book.zone, lang).removesuffix(zone),
            "sha256": plain(run.sha256.get(i.path, ""))[:64],
            "faults": numbers.count(sum(f.count for f in i.faults)),
        }
        for i in scan.inputs[:_MOST_ROWS]
    ]
    return {
        "inputs": inputs[:_OPEN_INPUTS],
        "inputs_more": inputs[_OPEN_INPUTS:],
        "inputs_folded": numbers.count(max(0, len(scan.inputs) - _OPEN_INPUTS)),
        "inputs_cut": max(0, len(scan.inputs) - _MOST_ROWS),
        "unseen": unseen(scan, book.phrases),
        "faults": [
            {
                "code": plain(f.code)[:32],
                "message": fault_message(f, book.phrases)[:300],
                "place": fault_place(f, lang)[: _PATH + 40] or numbers.DASH,
                "count": numbers.count(f.count),
            }
            for f in faults[:_MOST_ROWS]
        ],
        "faults_cut": max(0, len(faults) - _MOST_ROWS),
    }


def _found_part(scan: Scan, book: Book, parts: Any) -> dict[str, Any]:
    """Sightings, miners and sessions as finished markup, each within its share of the file."""
    views = by_weight(scan)
    lines_of = (SightingLine.of(v, book) for v in fold(views))
    rows, rows_cut = _within(_SIGHTING_BYTES, lines_of, parts.sighting)
    miners = miners_of(scan, views)
    compact = max(len(scan.sessions), len(miners)) > COMPACT_FROM
    sections = _sections(miners, book, parts, compact=compact)
    if len(sections) < len(miners) and not compact:
        compact = True
        sections = _sections(miners, book, parts, compact=True)
    sessions = (SessionLine.of(i, s, book) for i, s in enumerate(scan.sessions) if compact)
    lines, lines_cut = _within(_SESSION_BYTES, sessions, parts.session_row)
    return {
        "rows": rows,
        "rows_cut": rows_cut,
        "compact": compact,
        "sections": sections,
        "shown": {ip for ip, _ in miners[: len(sections)]},
        "sessions": numbers.count(len(scan.sessions)),
        "lines": lines,
        "lines_cut": lines_cut,
    }


def _leads_part(scan: Scan, book: Book, parts: Any, shown: Set[str]) -> dict[str, Any] | None:
    """Whose, how many, how much: clients that mine as finished markup, and the sums; None where nothing is known.

    ``shown`` are the addresses that have a section of their own to link to.
    """
    if scan.energy is None or not scan.clients:
        return None
    rows, rows_cut = _within(_CLIENT_BYTES, client_lines(scan, book, shown), parts.client_row)
    return {"rows": rows, "rows_cut": rows_cut, "sums": Totals.of(scan, scan.energy, book.lang)}


def _sections(miners: list[Group], book: Book, parts: Any, *, compact: bool) -> list[Markup]:
    """One section per miner, heaviest first, until their share of the file is used up.

    A section that no longer fits is tried without its charts before the rest is left out.
    """
    left = _SECTION_BYTES[compact]
    made: list[Markup] = []
    for miner in miners[: COMPACT_CHARTS if compact else None]:
        section = parts.miner(Miner.of(miner, book, charts=True), compact)
        if len(section.encode()) > left:
            section = parts.miner(Miner.of(miner, book, charts=False), compact)
        left -= len(section.encode())
        if left < 0:
            break
        made.append(section)
    return made


def _within(budget: int, items: Iterable[T], draw: Callable[[T], Markup]) -> tuple[list[Markup], int]:
    """What of ``items`` fits into ``budget`` bytes when drawn, and how many do not."""
    drawn: list[Markup] = []
    cut = 0
    for item in items:
        if cut:
            cut += 1
            continue
        markup = draw(item)
        budget -= len(markup.encode())
        if budget < 0:
            cut = 1
        else:
            drawn.append(markup)
    return drawn, cut


def _about_part(run: Run, zone: tzinfo, lang: Lang) -> dict[str, Any]:
    shape = "%Y-%m-%d %H:%M:%S"
    started, finished = run.started.astimezone(zone), run.finished.astimezone(zone)
    return {
        "version": __version__,
        "zone": numbers.zone_name(zone, started),
        "python": platform.python_version(),
        "command": plain(run.command)[:2000],
        "started": f"{started:{shape}} {numbers.zone_name(zone, started)}",
        "finished": f"{finished:{shape}} {numbers.zone_name(zone, finished)}",
        "took": numbers.duration((finished - started).total_seconds(), lang),
        "settings": [(plain(str(k))[:100], plain(str(v))[:500]) for k, v in run.settings.items()],
    }
