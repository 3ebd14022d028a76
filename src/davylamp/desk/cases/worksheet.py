"""The worksheet of a determination: which signs were found, what they add up to, and what a label must rest on.

The points are advice. Their weights are judged, and signs that come from one source are counted as if they came from
several: so they are no probability and carry no interval, and the sentence beside them says so. A person chooses the
label; the rules below only say when a label may not stand.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from davylamp.desk.cases.models import (
    Case,
    Determination,
    EvidenceItem,
    IntegrityCheck,
    Label,
    Mark,
    Proves,
    Side,
)
from davylamp.desk.cases.tables import indicators

SCORED: Final = (Label.ACTIVE, Label.PASSIVE, Label.RESEARCH, Label.FALSE_ALARM)
CLOSE_POINTS: Final = 2.0  # judged: less than one strong sign apart
RIG: Final = (Proves.DEVICE, Proves.SOFTWARE, Proves.POOL)


@dataclass(frozen=True, slots=True)
class Score:
    """Points and number of signs toward each label, and the sentence that goes with them."""

    points: dict[str, float]
    signs: dict[str, int]
    sentence: str


def effective(case: Case) -> Determination | None:
    """The edition in effect."""
    return Determination.objects.filter(case=case, state=Determination.State.EFFECTIVE).first()


def standing(found: Determination) -> QuerySet[Mark]:
    """Its marks that were not taken back."""
    return found.marks.filter(taken_back="").select_related("evidence")


def is_damaged(item: EvidenceItem) -> bool:
    """Whether a check of it, or of what it was derived from, ever failed (invariant 10)."""
    chain = [one.pk for one in ancestry(item)]
    return IntegrityCheck.objects.filter(item__in=chain, is_match=False).exists()


def ancestry(item: EvidenceItem) -> list[EvidenceItem]:
    """The item, what it was derived from, and so on to the original."""
    found = [item]
    while found[-1].derived_from is not None and found[-1].derived_from not in found:
        found.append(found[-1].derived_from)
    return found


def score(found: Determination) -> Score:
    """What the signs add up to; a sign counts once, however many items show it, and damaged items show nothing."""
    signs: dict[str, dict[str, float]] = {label.value: {} for label in SCORED}
    for mark in standing(found):
        if not is_damaged(mark.evidence):
            signs[mark.toward][mark.indicator] = mark.weight
    points = {label: float(sum(each.values())) for label, each in signs.items()}
    counts = {label: len(each) for label, each in signs.items()}
    return Score(points, counts, _sentence(points, counts))


def _sentence(points: dict[str, float], counts: dict[str, int]) -> str:
    ranked = sorted(SCORED, key=lambda label: -points[label])
    first, second = ranked[:2]
    if not points[first]:
        return _("No sign is marked yet: the worksheet advises nothing.")
    parts = ", ".join(
        _("%(label)s %(points)g from %(n)d signs")
        % {"label": one.label, "points": points[one], "n": counts[one]}
        for one in ranked
        if counts[one]
    )
    lead = points[first] - points[second]
    if lead < CLOSE_POINTS:
        turn = _("they do not tell %(a)s from %(b)s") % {"a": first.label, "b": second.label}
    else:
        turn = _("they point to %(a)s, %(lead)g ahead of %(b)s") % {
            "a": first.label,
            "lead": lead,
            "b": second.label,
        }
    honest = _("Advice, not a probability: the weights are judged, nobody measured how often they mislead.")
    return _("%(signs)s; %(turn)s. %(honest)s") % {"signs": parts, "turn": turn, "honest": honest}


def objections_to(found: Determination) -> Iterator[str]:
    """Why its label may not stand; nothing when it may."""
    if not found.reasoning.strip():
        yield _("the reasoning is missing")
    marks = list(standing(found))
    for mark in marks:
        if is_damaged(mark.evidence):
            yield _("evidence %(number)s is damaged and cannot be used") % {"number": mark.evidence.number}
    sound = [m for m in marks if not is_damaged(m.evidence)]
    if found.label == Label.ACTIVE:
        yield from _active(m.evidence for m in sound if m.toward == Label.ACTIVE)
    elif found.label != Label.UNDETERMINED and not any(m.toward == found.label for m in sound):
        yield _("no sound sign toward %(label)s is marked") % {"label": found.get_label_display()}
    if found.is_equipment and not found.equipment_exception.strip():
        yield from _equipment(found)


def _active(items: Iterable[EvidenceItem]) -> Iterator[str]:
    """Two independent kinds, one from the host; copies of one original are one witness (invariant 9)."""
    given = list(items)
    roots_of: dict[str, set[object]] = {}
    for item in given:
        roots_of.setdefault(item.side, set()).add(ancestry(item)[-1].pk)
    host = roots_of.get(Side.HOST, set())
    if not host:
        yield _("active mining needs evidence from the host itself")
    others = [roots for side, roots in roots_of.items() if side != Side.HOST]
    is_independent = any(h != root for h in host for roots in others for root in roots)
    if host and not is_independent:
        yield _("active mining needs a second kind of evidence that does not stem from the same original")
    if len(roots_of) < 2 and not host:
        yield _("active mining needs two independent kinds of evidence")


def _equipment(found: Determination) -> Iterator[str]:
    """A rig is device, mining software and pool access record."""
    kinds = {item.proves for item in found.case.evidence.all() if not is_damaged(item)}
    missing = [one.label for one in RIG if one.value not in kinds]
    if missing:
        told = _("mining equipment needs %(missing)s as well, or a recorded exception")
        yield told % {"missing": ", ".join(str(m) for m in missing)}


def snapshot_before(case: Case, at: datetime) -> EvidenceItem | None:
    """The sound snapshot of the host that was taken last before a time."""
    taken = case.evidence.filter(side=Side.HOST, proves=Proves.SNAPSHOT, collected_at__lte=at)
    return next((item for item in taken.order_by("-collected_at") if not is_damaged(item)), None)


def sides_of(indicator: str) -> tuple[str, ...]:
    """The sides whose evidence can show a sign."""
    return indicators()[indicator].side
