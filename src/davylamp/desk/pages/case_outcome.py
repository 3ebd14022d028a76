"""What can be done about a case's outcome: the determination, the rectification, the recheck."""

from collections.abc import Iterable
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.policy import Holder
from davylamp.desk.cases import determination, remedy
from davylamp.desk.cases.models import CaseState, Determination, Objection, Rectification
from davylamp.desk.core import workflow
from davylamp.desk.pages import case_forms as f
from davylamp.desk.pages.case_offers import At, offer
from davylamp.desk.pages.steps import Data, Offer, ReasonForm, Shape, offers_of

FINDING_SHAPES: Final[dict[str, Shape]] = {
    "submit": (_("Hand in for review"), None),
    "review": (_("Put into effect"), f.NoteForm),
    "send_back": (_("Send back"), ReasonForm),
}
REMEDY_SHAPES: Final[dict[str, Shape]] = {
    "issue": (_("Issue"), None),
    "accept": (_("Accept"), None),
    "send_back": (_("Send back"), ReasonForm),
    "withdraw": (_("Withdraw"), ReasonForm),
}


# --- the determination --------------------------------------------------------------------------------------


def findings(at: At) -> tuple[list[Offer], list[tuple[Any, str]]]:
    """Draft, mark, hand in, review, object."""
    holder, case, found, waiting = at.holder, at.case, [], []
    kinds = Determination.State
    editions = list(at.rows(Determination).select_related("case"))
    is_waiting = any(e.state in (kinds.DRAFT, kinds.SUBMITTED, kinds.RETURNED) for e in editions)
    for one in editions:
        steps, wait = offers_of(holder, one, FINDING_SHAPES)
        if (
            one.state in (kinds.DRAFT, kinds.RETURNED)
            and one.drafted_by_id == holder.user_id
            and "draft" in at.may
        ):
            found += _drafting(at, one)
        found += steps
        waiting += wait
        if one.state == kinds.EFFECTIVE and "draft" in at.may:
            found.append(
                offer(
                    "object",
                    _("Note an objection"),
                    one,
                    lambda d, e=one: determination.object_to(
                        holder, e, d["raised_by"], d["received_at"], d["text"]
                    ),
                    f.ObjectionForm,
                )
            )
    if "draft" in at.may and not is_waiting:
        raised = {str(o.pk): o for o in at.rows(Objection, "determination__case")}
        lists = {"because_of": [(key, f"{o.raised_by}: {o.text[:60]}") for key, o in raised.items()]}
        found.append(
            offer(
                "draft",
                _("Draft a determination"),
                case,
                lambda d: determination.draft(
                    holder, case, d["label"], d["reasoning"], because_of=raised.get(d["because_of"])
                ),
                f.DraftForm,
                lists=lists,
            )
        )
    return found, waiting


def _drafting(at: At, one: Determination) -> Iterable[Offer]:
    holder = at.holder
    names = ("label", "reasoning", "is_equipment", "equipment_exception")

    def save(data: Data) -> None:
        with transaction.atomic():
            for indicator, key in data["new"]:
                item = at.item(key)
                if item is not None:
                    determination.mark(holder, one, indicator, item)
            for mark in data["gone"]:
                determination.take_back(holder, mark, data["reason"])

    yield offer("marks", _("Save the worksheet"), one, save, f.WorksheetForm, found=one, evidence=at.evidence)
    yield offer(
        "revise",
        _("Change label and reasoning"),
        one,
        lambda d: determination.revise(holder, one, **{n: d[n] for n in names}),
        f.ReviseForm,
        initial={n: getattr(one, n) for n in names},
    )


# --- rectification and recheck ------------------------------------------------------------------------------


def remedies(at: At) -> tuple[list[Offer], list[tuple[Any, str]]]:
    """Ask, issue, hear, accept, recheck."""
    holder, case, found, waiting = at.holder, at.case, [], []
    for one in at.rows(Rectification):
        steps, wait = rectification(holder, one)
        found += steps
        waiting += wait
    if not at.is_open:
        return found, waiting
    if "draft" in at.may:
        found.append(
            offer(
                "ask",
                _("Draft a rectification"),
                case,
                lambda d: remedy.draft(holder, case, d["finding"], d["measures"].splitlines(), d["due_at"]),
                f.RectificationForm,
            )
        )
    if "recheck" in at.may and case.state == CaseState.RECHECK:
        found.append(
            offer(
                "visit",
                _("Recheck by a visit"),
                case,
                lambda d: remedy.recheck_by_visit(
                    holder, case, d["is_clean"] == "yes", d["checked_at"], d["text"], at.item(d["evidence"])
                ),
                f.VisitForm,
                lists={"evidence": at.evidence_choices},
            )
        )
        found.append(
            offer(
                "silence",
                _("Recheck by quiet days"),
                case,
                lambda _d: remedy.recheck_by_silence(holder, case),
            )
        )
    return found, waiting


def rectification(holder: Holder, one: Rectification) -> tuple[list[Offer], list[tuple[Any, str]]]:
    """The steps of one rectification, for the desk and for the contact."""
    found, waiting = offers_of(holder, one, REMEDY_SHAPES)
    if any(step.name == "report" for step in workflow.available(one, holder)):
        found.insert(
            0, offer("report", _("Report as done"), one, lambda d: _report(holder, one, d), f.DoneForm)
        )
    return found, waiting


def _report(holder: Holder, one: Rectification, data: Data) -> Rectification:
    proof = data["proof"]
    done = remedy.Done(
        data["done_by"],
        data["done_at"],
        data["report"],
        data["no_snapshot_because"],
        proof.name if proof is not None else "",
    )
    return remedy.report(holder, one, done, proof.chunks() if proof is not None else None)
