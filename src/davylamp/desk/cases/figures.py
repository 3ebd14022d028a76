"""Energy, coal, CO2 and coins of a case: each with grade, method version, inputs, interval and factor set.

CO2 and coal come from kilowatt-hours, never from each other (invariants 17 and 18).
"""

import math
from collections.abc import Sequence
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from davylamp.desk.access.policy import Holder
from davylamp.desk.cases.base import hold, words
from davylamp.desk.cases.models import Case, Figure
from davylamp.desk.core.workflow import Refused
from davylamp.sizing.coins import CoinEstimate
from davylamp.sizing.energy import EnergyEstimate
from davylamp.sizing.factors import MassEstimate, apply, factor_of
from davylamp.sizing.power import GRADES
from davylamp.sizing.quantities import Energy
from davylamp.sizing.quantities_bounds import Bounded

NO_SET: Final = "none"  # an energy is computed with no factor
Quantity = Figure.Quantity


def ends(amount: Bounded) -> tuple[float | None, float, float | None]:
    """Low, estimate, high as a table holds them: None where there is no bound."""
    low = amount.low if math.isfinite(amount.low) else None
    return low, amount.estimate, amount.high if math.isfinite(amount.high) else None


def amount_of(figure: Figure) -> Bounded:
    """A figure as a bounded number again: ≥ stays ≥."""
    low = -math.inf if figure.low is None else figure.low
    high = math.inf if figure.high is None else figure.high
    return Bounded(low, figure.estimate, high, figure.is_about)


def note_energy(
    holder: Holder, case: Case, kwh: Bounded, grade: str, method: str, inputs: Sequence[str]
) -> Figure:
    """An energy in kWh.

    Args:
        holder: who notes it.
        case: its case.
        kwh: with its bounds.
        grade: A to D, the weakest that it rests on.
        method: name and version.
        inputs: what it was computed from, in sentences.

    Raises:
        Refused: E-CAS-070 when one of them is missing or the energy is negative.
    """
    if grade not in GRADES or not method.strip() or not [i for i in inputs if i.strip()] or kwh.estimate < 0:
        raise Refused(
            "E-CAS-070",
            _("a figure carries grade, method, inputs and interval"),
            _("complete it, or leave it out"),
        )
    low, estimate, high = ends(kwh)
    return _note(
        holder,
        Figure(
            case=case,
            quantity=Quantity.KWH,
            unit="kWh",
            low=low,
            estimate=estimate,
            high=high,
            is_about=kwh.about,
            grade=grade,
            method=words(method, _("method"), 64),
            inputs=[words(i, _("input"), 500) for i in inputs if i.strip()],
            factor_set=NO_SET,
        ),
    )


def note_estimate(holder: Holder, case: Case, found: EnergyEstimate) -> list[Figure]:
    """An energy as the lamp computed it, with coal and CO2 by the sets that it names."""
    grade = max(found.by_grade, key=GRADES.index)
    with transaction.atomic():
        energy = note_energy(holder, case, found.energy.to("kWh"), grade, found.method, found.inputs)
        return [energy, *(_note_mass(holder, energy, mass) for mass in found.footprint.all)]


def note_mass(holder: Holder, energy: Figure, substance: str, factor_set: str) -> Figure:
    """Coal or CO2 of an energy by a named set.

    Raises:
        Refused: E-CAS-071 for anything but an energy, or another substance than coal and CO2.
        BadUse: E-FAC-nnn for a set that cannot be used.
    """
    if energy.quantity != Quantity.KWH or substance not in ("coal", "CO2"):
        raise Refused(
            "E-CAS-071",
            _("coal and CO2 come from kilowatt-hours, never from each other"),
            _("choose the energy"),
        )
    row = factor_of(factor_set, substance)  # type: ignore[arg-type]
    return _note_mass(holder, energy, apply(Energy.of(amount_of(energy), "kWh"), row))


def _note_mass(holder: Holder, energy: Figure, mass: MassEstimate) -> Figure:
    low, estimate, high = ends(mass.mass.to("kg"))
    quantity = Quantity.CO2 if mass.row.yields == "CO2" else Quantity.COAL
    return _note(
        holder,
        Figure(
            case=energy.case,
            quantity=quantity,
            unit="kg",
            low=low,
            estimate=estimate,
            high=high,
            is_about=energy.is_about,
            grade=energy.grade,
            method=mass.method,
            inputs=[*energy.inputs, f"{mass.row.value} {mass.row.unit}, {mass.rounding}"],
            factor_set=mass.row.set,
            basis=energy,
        ),
    )


def note_coins(holder: Holder, case: Case, found: CoinEstimate, grade: str) -> Figure:
    """Coins mined, with the series as their set."""
    if grade not in GRADES:
        raise Refused("E-CAS-070", _("a figure carries grade, method, inputs and interval"), "")
    low, estimate, high = ends(found.coins.amount)
    return _note(
        holder,
        Figure(
            case=case,
            quantity=Quantity.COINS,
            unit=found.coins.coin[:16],
            low=low,
            estimate=estimate,
            high=high,
            is_about=found.coins.amount.about,
            grade=grade,
            method=found.method,
            inputs=list(found.inputs),
            factor_set=found.series.source[:64],
        ),
    )


def _note(holder: Holder, figure: Figure) -> Figure:
    with transaction.atomic():
        figure.case = hold(holder, "work", figure.case, even_closed=True)
        figure.made_by_id = holder.user_id
        figure.save(action="figure.note")
    return figure
