"""Clients as people read them: whose, which computer, how many machines, how much, and what is not known.

Facts only: a line names an address, the organisation that the registry holds for it, and numbers with their
intervals and grade. Nothing here says who acted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from davylamp.records import Client, Holder, Interval, MassFigure, NotKnown, Scan
from davylamp.records_clients import GradePart, TotalRow
from davylamp.report.numbers import amount, count, count_parts, scaled, span
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain, shorten
from davylamp.report.views import DOT
from davylamp.report.words import Lang, say

DAYS_A_YEAR: Final = 365.0  # judged: releases multiply a day by 365, leap years too
KILOGRAMS_A_TONNE: Final = 1000.0
MOST_NAMES: Final = 3  # judged: computers that one line bears
MOST_REGIONS: Final = 12  # judged: a province has about as many cities; the JSON holds all
_NAME_CELLS: Final = 24


@dataclass(frozen=True, slots=True)
class ClientNote:
    """One line below a client: a label of `words` and what it says."""

    label: str
    text: str


def mining_clients(scan: Scan) -> list[Client]:
    """Clients that mine, the largest power first."""
    mining = [c for c in scan.clients if c.energy is not None]
    return sorted(mining, key=lambda c: -(c.energy.power_w.estimate if c.energy else 0.0))


def whose(client: Client, lang: Lang) -> list[str]:
    """Organisation and region of the main holder; the word for unknown where there is none."""
    if not client.holders:
        return [say("unknown", lang)]
    name, *rest = holder_parts(client.holders[0], lang)
    others = len(client.holders) - 1
    return [f"{name} +{others}" if others else name, *rest]


def holder_parts(holder: Holder, lang: Lang) -> list[str]:
    """Name (the code where there is none), region, and a mark where others claim the address as well."""
    if not holder.claims:
        return [say("unknown", lang)]
    best = holder.claims[0]
    mark = say("contested", lang) if holder.state == "contested" else ""
    parts = (best.name or best.organisation, holder.region_name or best.region, mark)
    return [plain(p) for p in parts if p]


def co2_of(masses: Sequence[MassFigure], *, is_official: bool) -> MassFigure | None:
    """The first CO2 figure of its kind."""
    return next((m for m in masses if m.substance == "CO2" and m.is_official == is_official), None)


def tonnes_a_year(mass: MassFigure) -> Interval:
    """A figure of a day over a year, in tonnes."""
    return scaled(mass.kg_per_day, DAYS_A_YEAR / KILOGRAMS_A_TONNE)


def notes_of(
    client: Client, scan: Scan, phrases: Phrases, zone: tzinfo, common: Sequence[NotKnown] = ()
) -> list[ClientNote]:
    """What stands below a client: holders by time, computers, the weakest link, what is not known.

    Args:
        client: whose lines.
        scan: for its attributions.
        phrases: the reader's language.
        zone: of the times.
        common: what is not known of any client, and told once for all.
    """
    lang = phrases.lang
    notes = []
    if len(client.holders) > 1:
        notes.append(ClientNote("holders", _holders(client.holders, zone, lang)))
    if any(n.what == "computer" for n in client.not_known):
        return notes + _unknown(client, phrases, common)
    if computers := computers_of(client, scan, lang):
        notes.append(ClientNote("computers", computers))
    if client.weakest:
        notes.append(ClientNote("nk_weakest", phrases.tell(client.weakest)))
    return notes + _unknown(client, phrases, common)


def _unknown(client: Client, phrases: Phrases, common: Sequence[NotKnown]) -> list[ClientNote]:
    return [ClientNote(f"nk_{n.what}", phrases.tell(n.because)) for n in client.not_known if n not in common]


def _holders(holders: Sequence[Holder], zone: tzinfo, lang: Lang) -> str:
    """Each holder with its span, in order of time."""
    told = []
    for holder in sorted(holders, key=lambda h: (h.first_ns, h.last_ns)):
        since, until = span(holder.first_ns, holder.last_ns, zone)
        told.append(f"{DOT.join(holder_parts(holder, lang))} {since} – {until}")
    return say("list_stop", lang).join(told)


def computers_of(client: Client, scan: Scan, lang: Lang) -> str:
    """The computers that its conversations were traced to by the best reading; empty where there are none."""
    own = [scan.attributions[i] for i in client.attributions if i < len(scan.attributions)]
    hosts = [
        next((link.value for link in a.chains[0] if link.hop == "host" and link.value), "")
        for a in own
        if a.chains
    ]
    names = [name for name, _ in Counter(h for h in hosts if h).most_common()]
    if not names:
        return ""
    shown = say("list_comma", lang).join(shorten(n, _NAME_CELLS) for n in names[:MOST_NAMES])
    more = f" +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else ""
    traced, ambiguous = sum(bool(h) for h in hosts), sum(a.is_ambiguous for a in own)
    told = say("n_computers", lang, names=shown, more=more, n=count(traced), of=count(len(own)))
    return told + (say("n_ambiguous", lang, n=count(ambiguous)) if ambiguous else "")


def common_unknowns(clients: Sequence[Client]) -> list[NotKnown]:
    """What is not known of every one of several clients."""
    if not clients:
        return []
    return [n for n in clients[0].not_known if all(n in c.not_known for c in clients)]


# --- totals ------------------------------------------------------------------------------------------------


def energy_totals(scan: Scan, lang: Lang) -> list[str]:
    """Machines, energy with its grades, and CO2 in lines: the official figure first, the comparable one beside it."""
    energy = scan.energy
    if energy is None:
        return []
    grades = energy.by_grade
    total = amount(energy.kwh_per_day, say("kwh_per_day", lang), lang)
    if len(grades) == 1:
        total += f"{DOT}{grades[0].grade} {say(f'grade_{grades[0].grade}', lang)}"
    first = [say("t_machines", lang, n=machines_total(scan)), say("t_energy", lang, total=total)]
    if any(c.holders for c in mining_clients(scan)):
        first.insert(0, organisations_total(scan, lang))
    lines = [DOT.join(first)]
    if len(grades) > 1:
        stop = say("list_stop", lang)
        lines.append(say("t_grades", lang, parts=stop.join(_grade(p, lang) for p in grades)))
    figures = [co2_of(energy.masses, is_official=official) for official in (True, False)]
    told = [mass_text(m, lang) for m in figures if m is not None]
    if told:
        lines.append(say("t_co2", lang, official=say("list_stop", lang).join(told)))
    if any(r.name for r in energy.by_region):
        lines.append(say("t_regions", lang, rows=_regions(energy.by_region, lang)))
    return lines


def _regions(rows: Sequence[TotalRow], lang: Lang) -> str:
    """Regions with their energy, those of none as unknown, so that they sum up."""
    unit = say("kwh_per_day", lang)
    told = [
        f"{plain(r.name) or say('unknown', lang)} {amount(r.kwh_per_day, unit, lang)}"
        for r in rows[:MOST_REGIONS]
    ]
    rest = f" +{len(rows) - MOST_REGIONS}" if len(rows) > MOST_REGIONS else ""
    return say("list_stop", lang).join(told) + rest


def organisations_total(scan: Scan, lang: Lang) -> str:
    """How many organisations hold addresses that mine, and how many such addresses are nobody's."""
    claims = [h.claims[0] for c in mining_clients(scan) for h in c.holders if h.claims]
    nobody = sum(c.claim is None for c in mining_clients(scan))
    told = say("t_organisations", lang, n=count(len({c.organisation for c in claims})))
    return told + (say("t_nobody", lang, n=count(nobody)) if nobody else "")


def machines_total(scan: Scan) -> str:
    """Machines behind all addresses: bounds are added as they are."""
    counts = [c.machines for c in scan.clients if c.machines is not None]
    highs = [m.high for m in counts if m.high is not None]
    high = sum(highs) if len(highs) == len(counts) else None
    estimate, spread = count_parts(sum(m.low for m in counts), sum(m.estimate for m in counts), high)
    return f"{estimate} ({spread})" if spread else estimate


def _grade(part: GradePart, lang: Lang) -> str:
    meaning = say(f"grade_{part.grade}", lang)
    shown = amount(part.kwh_per_day, say("kwh_per_day", lang), lang)
    return say("t_grade", lang, grade=part.grade, meaning=meaning, amount=shown, n=count(part.clients))


def mass_text(mass: MassFigure, lang: Lang) -> str:
    """``26.0 t/yr (2.4–386) · MEE-2021-national (official)``."""
    kind = say("official" if mass.is_official else "comparable", lang)
    shown = amount(tonnes_a_year(mass), say("co2_per_year", lang).removeprefix("CO2 "), lang)
    return say("t_mass", lang, amount=shown, set=plain(mass.factor_set), kind=kind)
