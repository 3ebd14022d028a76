"""What the HTML report says of a client's machines, power and energy, and of the coal and CO2 they stand for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from davylamp.records import Client, ClientEnergy, Interval, MachineCount, MassFigure, PeriodEnergy
from davylamp.report import numbers
from davylamp.report.lines import Book
from davylamp.report.plain import plain
from davylamp.report.words import Lang, say

MOST_TOLD: Final = 12  # judged: reasons and inputs of one client; the JSON holds all
DAYS_A_YEAR: Final = 365.0  # as the release of 2021 counts
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
            power=numbers.power_parts(energy.power_w if energy else None, lang),
            grade=energy.grade if energy else "",
            meaning=say(f"grade_{energy.grade}", lang) if energy else "",
            per_day=numbers.amount_parts(energy.kwh_per_day if energy else None, "kWh", lang),
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
    if machines.high is None:
        return f"≥ {numbers.count(machines.low)}"
    if machines.low == machines.high:
        return numbers.count(machines.low)
    low, high = numbers.count(machines.low), numbers.count(machines.high)
    return f"{numbers.count(machines.estimate)} ({low}{numbers.DASH}{high})"


def masses_of(masses: Iterable[MassFigure], lang: Lang) -> tuple[MassLine, ...]:
    """Coal and CO2 by factor: official figures first, comparable ones behind them."""
    ordered = sorted(masses, key=lambda m: not m.is_official)
    return tuple(
        MassLine(
            what=say(_SUBSTANCES[m.substance], lang) if m.substance in _SUBSTANCES else plain(m.substance),
            factors=plain(m.factor_set)[:60],
            status=say("official" if m.is_official else "comparable", lang, year=m.year),
            factor=f"{m.kg_per_kwh:.4g}",
            per_day=numbers.amount_parts(_times(m.kg_per_day, 1e-3), "t", lang),
            per_year=numbers.amount_parts(_times(m.kg_per_day, DAYS_A_YEAR * 1e-3), "t", lang),
            is_official=m.is_official,
        )
        for m in ordered
    )


def periods_of(energy: ClientEnergy, book: Book) -> tuple[PeriodLine, ...]:
    """Observed first, inferred below it."""
    pairs = ((say("observed", book.lang), energy.observed), (say("inferred", book.lang), energy.inferred))
    return tuple(_period(what, period, book) for what, period in pairs)


def _period(what: str, period: PeriodEnergy, book: Book) -> PeriodLine:
    hours = numbers.amount_parts(period.hours, "h", book.lang)
    if period.hours.low == period.hours.high:
        hours = hours[0], ""
    energy = numbers.amount_parts(period.energy_kwh, "kWh", book.lang)
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


def _times(interval: Interval, factor: float) -> Interval:
    return Interval(interval.low * factor, interval.estimate * factor, interval.high * factor)
