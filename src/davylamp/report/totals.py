"""The HTML report's chapter by address: a row per client, then sums by grade, region, sector and organisation.

Sums come from the scan, never from the rows shown: what no longer fits the page is still in them.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from davylamp.records import Client, GradePart, Scan, ScanEnergy, TotalRow
from davylamp.report import numbers
from davylamp.report.clients import machines_total, mining_clients
from davylamp.report.how_much import MassLine, kilowatts, machines_text, masses_of, with_unit
from davylamp.report.lines import Book, anchor
from davylamp.report.places import city_name, place_name
from davylamp.report.plain import plain, shorten
from davylamp.report.region_map import MapWords, draw_map
from davylamp.report.views import DOT
from davylamp.report.whose import about_of, doubt_of, organisation_of
from davylamp.report.words import Lang, say
from davylamp.tables.outlines import outlines, provinces

MOST_ROWS: Final = 40  # judged: rows of one breakdown that are still read; the JSON holds all
UNKNOWN: Final = "unknown"  # the key of what has no region, sector or organisation
_NAME: Final = 60  # cells
_TITLES: Final = {"region": "by_region", "organisation": "by_organisation", "sector": "by_sector"}
_SENTENCE: Final = 200  # characters


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One row of the table of addresses that mine."""

    anchor: str  # empty where the client has no section
    client: str
    organisation: str
    is_known: bool
    about: str
    doubt: str
    machines: str
    power: tuple[str, str]
    grade: str
    per_day: tuple[str, str]
    weakest: str

    @classmethod
    def of(cls, client: Client, book: Book, *, linked: bool) -> "ClientLine":
        """The row of one client."""
        claim, energy, lang = client.claim, client.energy, book.lang
        return cls(
            anchor=anchor(client.client_ip) if linked else "",
            client=plain(client.client_ip),
            organisation=organisation_of(client, lang),
            is_known=claim is not None,
            about=about_of(client.holders[0], claim, lang) if claim else "",
            doubt=doubt_of(client, lang),
            machines=machines_text(client.machines, lang),
            power=kilowatts(energy, lang),
            grade=energy.grade if energy else "",
            per_day=numbers.amount_parts(energy.kwh_per_day if energy else None, lang),
            weakest=book.phrases.tell(client.weakest)[:_SENTENCE],
        )


@dataclass(frozen=True, slots=True)
class SumLine:
    """One row of a breakdown."""

    name: str
    under: str
    clients: str
    per_day: tuple[str, str]
    grades: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Sums by one thing, and how many rows are left out."""

    title: str
    head: str
    rows: tuple[SumLine, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a scan; ``map`` is empty, with the reason in ``mapless``, where no outlined city is among them."""

    addresses: str
    attributed: str
    organisations: str
    machines: str
    per_day: tuple[str, str]
    split: str
    year: MassLine | None
    year_beside: MassLine | None
    observed: tuple[str, str]
    inferred: tuple[str, str]
    masses: tuple[MassLine, ...]
    grades: tuple[SumLine, ...]
    regions: Breakdown
    others: tuple[Breakdown, ...]
    map: Markup
    beside: str
    mapless: str

    @classmethod
    def of(cls, scan: Scan, energy: ScanEnergy, lang: Lang) -> "Totals":
        """The sums of ``energy``."""
        mining = mining_clients(scan)
        masses = masses_of(energy.masses, lang)
        co2 = [m for m in masses if m.what == say("co2", lang)]
        drawn, beside, mapless = _map(energy.by_region, lang)
        named = {c.claim.organisation for c in mining if c.claim}
        return cls(
            addresses=numbers.count(energy.clients),
            attributed=numbers.count(sum(c.claim is not None for c in mining)),
            organisations=numbers.count(len(named)),
            machines=machines_total(scan),
            per_day=with_unit(energy.kwh_per_day, "kWh", lang),
            split=_split(energy.by_grade, lang),
            year=next((m for m in co2 if m.is_official), None),
            year_beside=next((m for m in co2 if not m.is_official), None),
            observed=with_unit(energy.observed_kwh, "kWh", lang),
            inferred=with_unit(energy.inferred_kwh, "kWh", lang),
            masses=masses,
            grades=tuple(_grade(g, lang) for g in energy.by_grade),
            regions=_breakdown("region", energy.by_region, lang),
            others=(
                _breakdown("organisation", energy.by_organisation, lang),
                _breakdown("sector", energy.by_sector, lang),
            ),
            map=drawn,
            beside=beside,
            mapless=mapless,
        )


def client_lines(scan: Scan, book: Book, shown: Set[str]) -> Iterator[ClientLine]:
    """A row per client that mines; those in ``shown`` have a section to link to."""
    return (ClientLine.of(c, book, linked=c.client_ip in shown) for c in mining_clients(scan))


def _split(grades: Sequence[GradePart], lang: Lang) -> str:
    """What each grade has in the sum: ``C 92.8 kWh/d, D 31.6 kWh/d``; one grade alone is named."""
    if len(grades) == 1:
        return say("grade_all", lang, grade=grades[0].grade)
    parts = (f"{g.grade} {with_unit(g.kwh_per_day, 'kWh', lang)[0]}" for g in grades)
    return say("list_comma", lang).join(parts)


def _grade(part: GradePart, lang: Lang) -> SumLine:
    return SumLine(
        part.grade,
        say(f"grade_{part.grade}", lang),
        numbers.count(part.clients),
        numbers.amount_parts(part.kwh_per_day, lang),
        "",
        True,
    )


def _breakdown(key: str, rows: Sequence[TotalRow], lang: Lang) -> Breakdown:
    """The largest rows, and what is unknown, which is never left out."""
    shown = [*(r for r in rows if r.key != UNKNOWN)][:MOST_ROWS]
    shown += [r for r in rows if r.key == UNKNOWN]
    made = tuple(_sum(row, key, lang) for row in shown)
    return Breakdown(say(_TITLES[key], lang), say(key, lang), made, len(rows) - len(shown))


def _sum(row: TotalRow, key: str, lang: Lang) -> SumLine:
    is_known = row.key != UNKNOWN
    name = row.name or row.key
    if key == "region":
        name = place_name(row.key, lang, row.name)
    return SumLine(
        name=shorten(name, _NAME) if is_known else say("unknown", lang),
        under=shorten(row.key, 30) if is_known and key == "organisation" and row.key != name else "",
        clients=numbers.count(row.clients),
        per_day=numbers.amount_parts(row.kwh_per_day, lang),
        grades=DOT.join(g.grade for g in row.by_grade),
        is_known=is_known,
    )


def _map(regions: Sequence[TotalRow], lang: Lang) -> tuple[Markup, str, str]:
    """Addresses on the map, what lies beside it in words, or why there is no map."""
    figures = {row.key: float(row.clients) for row in regions}
    names = {row.key: row.name for row in regions}
    own = {code[:2] for code in figures}
    cities = [city for province in provinces() if province in own for city in outlines(province)]
    words = MapWords(
        key="regions",
        title=say("map_title", lang),
        unit=say("map_unit", lang),
        none=numbers.DASH,
        number=lambda value: numbers.count(round(value)),
        name=lambda code: city_name(code, lang),
    )
    made = draw_map(figures, cities, words)
    if made is None:
        return Markup(), "", say("map_none", lang)
    nowhere = say("region_unknown", lang)
    outside = [
        f"{nowhere if code == UNKNOWN else place_name(code, lang, names[code])} {numbers.count(round(n))}"
        for code, n in made.beside.items()
    ]
    beside = say("list_comma", lang).join(outside[:MOST_ROWS])
    return made.svg, say("map_beside", lang, what=beside) if beside else "", ""
