"""Draft a determination, mark its signs, hand it in, review it; an objection leads to a new edition."""

from collections import Counter
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.cases import worksheet
from davylamp.desk.cases.base import choice, fresh, hold, moment, words
from davylamp.desk.cases.models import Case, Determination, EvidenceItem, Label, Mark, Objection
from davylamp.desk.cases.tables import indicators
from davylamp.desk.core.workflow import Refused, perform

State = Determination.State


def draft(
    holder: Holder, case: Case, label: str, reasoning: str, *, because_of: Objection | None = None
) -> Determination:
    """A new edition; the marks of the edition in effect are taken over, to be confirmed or taken back.

    Args:
        holder: the drafter, who will not be the reviewer.
        case: closed ones too: an objection may come late.
        label: of `Label`.
        reasoning: why, in words.
        because_of: the objection that it answers.

    Raises:
        Refused: E-CAS-020 while another edition is being worked on.
    """
    with transaction.atomic():
        held = hold(holder, "draft", case, even_closed=True)
        waiting = held.determinations.filter(state__in=(State.DRAFT, State.SUBMITTED, State.RETURNED)).first()
        if waiting is not None:
            told = _("edition %(n)d is still being worked on") % {"n": waiting.edition}
            raise Refused("E-CAS-020", told, _("finish it first"))
        last = held.determinations.aggregate(last=Max("edition"))["last"] or 0
        made = Determination(
            case=held,
            edition=last + 1,
            label=choice(label, Label.values, _("label")),
            reasoning=words(reasoning, _("reasoning")),
            because_of=because_of,
            drafted_by_id=holder.user_id,
        )
        made.save(action="determination.draft")
        before = worksheet.effective(held)
        for one in worksheet.standing(before) if before is not None else ():
            if not worksheet.is_damaged(one.evidence):
                _mark(holder, made, one.indicator, one.evidence, one.note)
    return made


def revise(holder: Holder, found: Determination, **fields: Any) -> Determination:
    """Change a draft: label, reasoning, is_equipment, equipment_exception.

    Raises:
        Refused: E-CAS-021 once it was handed in; what is in effect is answered by a new edition.
    """
    with transaction.atomic():
        held = _draft(holder, found)
        if "label" in fields:
            held.label = choice(fields["label"], Label.values, _("label"))
        if "reasoning" in fields:
            held.reasoning = words(fields["reasoning"], _("reasoning"))
        if "is_equipment" in fields:
            held.is_equipment = bool(fields["is_equipment"])
        if "equipment_exception" in fields:
            held.equipment_exception = words(fields["equipment_exception"], _("exception"), needed=False)
        held.save(action="determination.revise")
    return held


def mark(
    holder: Holder, found: Determination, indicator: str, evidence: EvidenceItem, note: str = ""
) -> Mark:
    """Tick a sign with the evidence that shows it.

    Raises:
        Refused: E-CAS-022 for evidence of another case, of a side that cannot show it, or damaged; E-CAS-021.
    """
    with transaction.atomic():
        return _mark(holder, _draft(holder, found), indicator, evidence, note)


def _mark(holder: Holder, found: Determination, indicator: str, item: EvidenceItem, note: str) -> Mark:
    row = indicators()[choice(indicator, indicators(), _("sign"))]
    if item.case_id != found.case_id:
        raise Refused("E-CAS-022", _("this evidence belongs to another case"), "")
    if item.side not in row.side:
        told = _("evidence from the side %(side)s cannot show this sign") % {"side": item.get_side_display()}
        raise Refused("E-CAS-022", told, _("choose evidence from %(sides)s") % {"sides": ", ".join(row.side)})
    if worksheet.is_damaged(item):
        told = _("evidence %(number)s is damaged and cannot be used") % {"number": item.number}
        raise Refused("E-CAS-022", told, _("look into the alert"))
    there = worksheet.standing(found).filter(indicator=indicator, evidence=item).first()
    if there is not None:
        return there
    made = Mark(
        determination=found,
        indicator=indicator,
        toward=row.toward,
        weight=row.weight,
        evidence=item,
        note=words(note, _("note"), needed=False),
        marked_by_id=holder.user_id,
    )
    made.save(action="determination.mark")
    return made


def take_back(holder: Holder, found: Mark, reason: str) -> Mark:
    """Untick a sign; it stays visible with the reason."""
    with transaction.atomic():
        _draft(holder, found.determination)
        held = fresh(found)
        held.taken_back = words(reason, _("reason"), 300)
        held.save(action="determination.take_back", reason=reason)
    return held


def _draft(holder: Holder, found: Determination) -> Determination:
    policy.check(holder, "revise", found)
    held = fresh(found)
    if held.state not in (State.DRAFT, State.RETURNED) or held.drafted_by_id != holder.user_id:
        raise Refused(
            "E-CAS-021",
            _("only its drafter changes an edition, and only before it is handed in"),
            _("an edition in effect is answered by a new one"),
        )
    return held


def submit(holder: Holder, found: Determination) -> Determination:
    """Hand it in for review."""
    return perform(found, "submit", holder)


def review(holder: Holder, found: Determination, note: str = "") -> Determination:
    """Put it into effect; the case and its leads follow."""
    return perform(found, "review", holder, {"note": note})


def send_back(holder: Holder, found: Determination, reason: str) -> Determination:
    """Return it to its drafter."""
    return perform(found, "send_back", holder, {"reason": words(reason, _("reason"))})


def object_to(holder: Holder, found: Determination, raised_by: str, received_at: Any, text: str) -> Objection:
    """Write down what the organisation says against an edition in effect (申辩).

    Raises:
        Refused: E-CAS-023 for an edition that is not in effect.
    """
    with transaction.atomic():
        hold(holder, "draft", found.case, even_closed=True)
        if fresh(found).state != State.EFFECTIVE:
            raise Refused("E-CAS-023", _("this edition is not in effect"), _("object to the one that is"))
        made = Objection(
            determination=found,
            raised_by=words(raised_by, _("who objects"), 200),
            received_at=moment(received_at, _("time of receipt")),
            text=words(text, _("text")),
            recorded_by_id=holder.user_id,
        )
        made.save(action="determination.object")
    return made


def relabels(holder: Holder) -> dict[str, Counter[tuple[str, str]]]:
    """Per organisation, how often a label gave way to another: (from, to) to count, of what the holder may see.

    Many changes from active to passive in one place are a sign by themselves.
    """
    counts: dict[str, Counter[tuple[str, str]]] = {}
    seen = policy.visible(holder, Determination).filter(is_relabel=True)
    for code, before, after in seen.values_list("case__organisation_code", "replaces__label", "label"):
        counts.setdefault(code, Counter())[before, after] += 1
    return counts
