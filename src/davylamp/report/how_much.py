"""What the HTML report says of a client's machines, power and energy, and of the coal and CO2 they stand for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from davylamp.records import Client, ClientEnergy, Interval, MachineCount, MassFigure, PeriodEnergy
from davylamp.report import numbers
from davylamp.report.clients import DAYS_A_YEAR, KILOGRAMS_A_TONNE
from davylamp.report.lines import Book
from davylamp.report.plain import plain
from davylamp.report.views import DOT
from davylamp.report.words import Lang, say

MOST_TOLD: Final = 12  # judged: reasons and inputs of one client; the JSON holds all
_SENTENCE: Final = 300  # characters
_SUBSTANCES: Final = {"CO2": "co2", "standard coal": "coal"}


@dataclass(frozen=True, slots=True)
class MassLine:
    """What an energy stands for by one factor: of a day and of a year of such days."""

    what: str
    factors: str
    status: str
    factor: str
    per_day: tuple[str, str]
    per_year: tuple[str, str]
    is_official: bool


@dataclass(frozen=True, slots=True)
class PeriodLine:
    """Energy over what was seen, or over what is inferred."""

    what: str
    energy: tuple[str, str]
    hours: tuple[str, str]
    because: str


@dataclass(frozen=True, slots=True)
class HowMuch:
    """Machines, power and energy of one client; empty texts where it does not mine."""

    machines: str
    reasons: tuple[tuple[str, str, str, str, str], ...]  # evidence, least, usual, most, in words
    not_available: tuple[str, ...]
    contradiction: str
    assumption: str
    power: tuple[str, str]
    grade: str
    meaning: str
    per_day: tuple[str, str]
    periods: tuple[PeriodLine, ...]
    masses: tuple[MassLine, ...]
    inputs: tuple[str, ...]
    methods: str
    not_known: tuple[str, ...]

    @classmethod
    def of(cls, client: Client, book: Book) -> "HowMuch | None":
        """What is said of one client; None where neither machines nor energy are known of."""
        machines, energy, lang = client.machines, client.energy, book.lang
        if machines is None and energy is None:
            return None
        told = [n.because for n in client.not_known if n.what in ("machines", "energy")]
        methods = [m.method for m in (machines, energy) if m is not None and m.method]
        return cls(
            machines=machines_text(machines, lang),
            reasons=tuple(_reasons(machines, book)) if machines else (),
            not_available=_told(machines.not_available, book) if machines else (),
            contradiction=book.phrases.tell(machines.contradiction)[:_SENTENCE] if machines else "",
            assumption=book.phrases.tell(machines.assumption)[:_SENTENCE] if machines else "",
            power=kilowatts(energy, lang),
            grade=energy.grade if energy else "",
            meaning=say(f"grade_{energy.grade}", lang) if energy else "",
            per_day=with_unit(energy.kwh_per_day if energy else None, "kWh", lang),
            periods=periods_of(energy, book) if energy else (),
            masses=masses_of(energy.masses, lang) if energy else (),
            inputs=_told(energy.inputs, book) if energy else (),
            methods=plain(", ".join(methods))[:_SENTENCE],
            not_known=_told(told, book),
        )


def machines_text(machines: MachineCount | None, lang: Lang) -> str:
    """``12 (12–14)``, ``≥ 3`` where nothing bounds it from above, or the word for unknown."""
    if machines is None:
        return say("unknown", lang)
    return in_brackets(numbers.count_parts(machines.low, machines.estimate, machines.high))


def with_unit(interval: Interval | None, unit: str, lang: Lang) -> tuple[str, str]:
    """Estimate with its unit, and the interval."""
    estimate, spread = numbers.amount_parts(interval, lang)
    return (f"{estimate} {unit}" if numbers.is_number(interval) else estimate), spread


def kilowatts(energy: ClientEnergy | None, lang: Lang) -> tuple[str, str]:
    """Power with its unit, and the interval."""
    return with_unit(numbers.scaled(energy.power_w, 1e-3) if energy else None, "kW", lang)


def mass_parts(kg: Interval, lang: Lang) -> tuple[str, str]:
    """Tonnes with the interval; kilograms below a tenth of one."""
    if not kg.estimate >= KILOGRAMS_A_TONNE / 10:
        return with_unit(kg, "kg", lang)
    return with_unit(numbers.scaled(kg, 1 / KILOGRAMS_A_TONNE), "t", lang)


def in_brackets(parts: tuple[str, str]) -> str:
    """``12.4 kW (9.8–16.1)``."""
    return f"{parts[0]} ({parts[1]})" if parts[1] else parts[0]


def masses_of(masses: Iterable[MassFigure], lang: Lang) -> tuple[MassLine, ...]:
    """CO2, then coal: of each the official figure first, the comparable one behind it."""
    ordered = sorted(masses, key=lambda m: (m.substance != "CO2", m.substance, not m.is_official))
    return tuple(
        MassLine(
            what=say(_SUBSTANCES[m.substance], lang) if m.substance in _SUBSTANCES else plain(m.substance),
            factors=plain(m.factor_set)[:60],
            status=f"{say('official', lang)}{DOT}{m.year}" if m.is_official else say("comparable", lang),
            factor=f"{m.kg_per_kwh:.4g}",
            per_day=mass_parts(m.kg_per_day, lang),
            per_year=mass_parts(numbers.scaled(m.kg_per_day, DAYS_A_YEAR), lang),
            is_official=m.is_official,
        )
        for m in ordered
    )


def periods_of(energy: ClientEnergy, book: Book) -> tuple[PeriodLine, ...]:
    """Observed first, inferred below it."""
    pairs = ((say("observed", book.lang), energy.observed), (say("inferred", book.lang), energy.inferred))
    return tuple(_period(what, period, book) for what, period in pairs)


def _period(what: str, period: PeriodEnergy, book: Book) -> PeriodLine:
    hours = with_unit(period.hours, "h", book.lang)
    energy = with_unit(period.energy_kwh, "kWh", book.lang)
    return PeriodLine(what, energy, hours, book.phrases.tell(period.because)[:_SENTENCE])


def _reasons(machines: MachineCount, book: Book) -> Iterable[tuple[str, str, str, str, str]]:
    for reason in machines.reasons[:MOST_TOLD]:
        bounds = [
            numbers.DASH if n is None else numbers.count(n) for n in (reason.low, reason.usual, reason.high)
        ]
        least, usual, most = bounds
        said = book.phrases.tell(reason.because)[:_SENTENCE]
        yield book.phrases.tell(reason.evidence), least, usual, most, said


def _told(sentences: Iterable[str], book: Book) -> tuple[str, ...]:
    distinct = [s for s in dict.fromkeys(sentences) if s]
    return tuple(book.phrases.tell(s)[:_SENTENCE] for s in distinct[:MOST_TOLD])
