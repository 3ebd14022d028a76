"""The steps of a case, of a determination and of a rectification, with what must hold for each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access.models import User
from davylamp.desk.access.policy import Holder
from davylamp.desk.cases import worksheet
from davylamp.desk.cases.base import belongs_to
from davylamp.desk.cases.models import Case, CaseState, Determination, Label, Rectification
from davylamp.desk.cases.models.case import OPEN_CASE
from davylamp.desk.core.workflow import WORKFLOWS, Refused, Step, define, perform
from davylamp.desk.leads.models import Lead, State

Data = Mapping[str, Any]
NOTHING_TO_RECHECK: Final = frozenset({Label.FALSE_ALARM.value, Label.RESEARCH.value})


def unsettled(case: Case) -> QuerySet[Rectification]:
    """What is still asked of the organisation."""
    states = (Rectification.State.DRAFT, Rectification.State.ISSUED, Rectification.State.REPORTED)
    return case.rectifications.filter(state__in=states)


# --- the case ------------------------------------------------------------------------------------------------


def stamp(case: Case, _holder: Holder, _data: Data) -> None:
    """A new state begins now."""
    case.state_since = timezone.now()


def leads_follow(step: str) -> Any:
    """An effect: the case's leads take the same step, save those that have arrived already or are closed."""

    def effect(case: Case, holder: Holder, data: Data) -> None:
        rule = WORKFLOWS[Lead][step]
        for link in case.links.filter(released_at=None).select_related("lead"):
            lead = link.lead
            if lead.state in (rule.target, State.CLOSED, State.MERGED):
                continue
            if lead.state not in rule.sources:
                told = _("lead %(number)s is %(state)s and cannot follow")
                told %= {"number": lead.number, "state": lead.get_state_display()}
                raise Refused("E-CAS-010", told, _("release it from the case, or finish its own step first"))
            reason = str(data.get("reason") or case.number)
            perform(lead, step, holder, {"reason": reason}, follows=True)

    return effect


def has_effective(case: Case, _holder: Holder, _data: Data) -> str:
    """A determination is in effect."""
    return "" if worksheet.effective(case) else _("no determination is in effect")


def take_label(case: Case, _holder: Holder, data: Data) -> None:
    """The case carries the label in effect."""
    case.label = data["label"]


def none_open(case: Case, _holder: Holder, data: Data) -> str:
    """Everything that was asked for is accepted."""
    open_ones = unsettled(case).exclude(pk=data.get("accepted"))
    waiting = ", ".join(open_ones.values_list("number", flat=True))
    return _("still open: %(numbers)s") % {"numbers": waiting} if waiting else ""


def may_close(case: Case, _holder: Holder, _data: Data) -> str:
    """The last recheck was clean and younger than what was rectified (invariant 15)."""
    if case.label in NOTHING_TO_RECHECK:
        return ""
    last = case.rechecks.order_by("-checked_at", "-id").first()
    if last is None:
        return _("nobody rechecked: a visit by someone else, or quiet days with proven coverage")
    if not last.is_clean:
        return _("the last recheck was not clean")
    done = case.rectifications.filter(state=Rectification.State.ACCEPTED).order_by("-done_at").first()
    if done is not None and done.done_at is not None and last.checked_at < done.done_at:
        return _("the last recheck is older than the rectification %(number)s") % {"number": done.number}
    return ""


def close(case: Case, _holder: Holder, data: Data) -> None:
    """The case ends, and says why."""
    last = case.rechecks.order_by("-checked_at", "-id").first()
    ground = f"{last.get_kind_display()}: {last.text}" if last is not None else ""
    case.closing_ground = (ground or str(data.get("reason", "")))[:300]
    case.closed_at, case.due_at = timezone.now(), None


def somebody(data: Data) -> User | None:
    """The colleague that a step names, by account or key; None when there is none who works."""
    to = data["to"]
    try:
        return User.objects.filter(pk=getattr(to, "pk", to), is_active=True).first()
    except (ValidationError, ValueError):
        return None


def knows_somebody(_case: Case, _holder: Holder, data: Data) -> str:
    """Whoever is named has an open account."""
    return "" if somebody(data) else _("there is no such colleague")


def hand_to(case: Case, _holder: Holder, data: Data) -> None:
    """Somebody answers for it."""
    case.assigned_to = somebody(data)


_DETERMINED: Final = frozenset({CaseState.DETERMINED.value})
CASE_STEPS: Final = (
    # consequences of a determination or a rectification, never buttons of their own
    Step(
        "determine",
        frozenset({CaseState.VERIFYING.value}),
        CaseState.DETERMINED,
        needs=("label",),
        effects=(take_label, leads_follow("determine"), stamp),
    ),
    Step("relabel", frozenset(CaseState.values), "", needs=("label",), effects=(take_label,)),
    Step(
        "rectify",
        _DETERMINED | {CaseState.RECHECK.value},
        CaseState.RECTIFYING,
        effects=(leads_follow("rectify"), stamp),
    ),
    Step(
        "verify_again",
        _DETERMINED,
        CaseState.VERIFYING,
        needs=("reason",),
        effects=(leads_follow("verify"), stamp),
    ),
    Step(
        "await_recheck",
        _DETERMINED | {CaseState.RECTIFYING.value},
        CaseState.RECHECK,
        guards=(none_open,),
        effects=(leads_follow("await_recheck"), stamp),
    ),
    Step(
        "close",
        _DETERMINED | {CaseState.RECHECK.value},
        CaseState.CLOSED,
        needs=("reason",),
        guards=(has_effective, none_open, may_close),
        effects=(leads_follow("close"), stamp, close),
    ),
    Step("assign", OPEN_CASE, "", needs=("to",), guards=(knows_somebody,), effects=(hand_to,)),
)

# --- the determination -----------------------------------------------------------------------------------------


def is_another(found: Determination, holder: Holder, _data: Data) -> str:
    """Who drafts does not review (invariant 6)."""
    return "" if holder.user_id not in (None, found.drafted_by_id) else _("who drafted it does not review it")


def is_drafter(found: Determination, holder: Holder, _data: Data) -> str:
    """Only the drafter hands it in."""
    return "" if holder.user_id == found.drafted_by_id else _("only who drafted it hands it in")


def holds_up(found: Determination, _holder: Holder, _data: Data) -> str:
    """The label rests on enough evidence (invariant 9), none of it damaged (10)."""
    return "; ".join(worksheet.objections_to(found))


def is_graded(found: Determination, _holder: Holder, _data: Data) -> str:
    """A passive finding may be an incident with a legal clock: the question must have been answered."""
    if found.label == Label.PASSIVE and not found.case.incident_grade:
        return _("grade the incident first: a legal clock may run")
    return ""


def keep_score(found: Determination, _holder: Holder, _data: Data) -> None:
    """The points stand as they were shown."""
    found.score = {label: points for label, points in worksheet.score(found).points.items() if points}


def take_effect(found: Determination, holder: Holder, data: Data) -> None:
    """It supersedes the edition before it, and the case takes its label."""
    found.reviewed_by_id, found.reviewed_at = holder.user_id, timezone.now()
    found.review_note = str(data.get("note", "")).replace("\x00", "")[:2000]
    before = worksheet.effective(found.case)
    if before is not None:
        perform(before, "supersede", holder, {"reason": str(found)}, follows=True)
        found.replaces, found.is_relabel = before, before.label != found.label
    step = "determine" if found.case.state == CaseState.VERIFYING else "relabel"
    perform(found.case, step, holder, {"label": found.label, "reason": str(found)}, follows=True)


def note_return(found: Determination, holder: Holder, data: Data) -> None:
    """Why it went back."""
    found.reviewed_by_id, found.reviewed_at = holder.user_id, timezone.now()
    found.review_note = str(data["reason"]).replace("\x00", "")[:2000]


D: Final = Determination.State
DETERMINATION_STEPS: Final = (
    Step(
        "submit",
        frozenset({D.DRAFT.value, D.RETURNED.value}),
        D.SUBMITTED,
        guards=(is_drafter, is_graded, holds_up),
        effects=(keep_score,),
    ),
    Step(
        "review",
        frozenset({D.SUBMITTED.value}),
        D.EFFECTIVE,
        guards=(is_another, is_graded, holds_up),
        effects=(take_effect,),
    ),
    Step(
        "send_back",
        frozenset({D.SUBMITTED.value}),
        D.RETURNED,
        needs=("reason",),
        guards=(is_another,),
        effects=(note_return,),
    ),
    Step("supersede", frozenset({D.EFFECTIVE.value}), D.SUPERSEDED, needs=("reason",)),
)

# --- the rectification -----------------------------------------------------------------------------------------


def issuer_is_another(found: Rectification, holder: Holder, _data: Data) -> str:
    """Who drafts does not issue."""
    return "" if holder.user_id not in (None, found.drafted_by_id) else _("who drafted it does not issue it")


def is_determined(found: Rectification, holder: Holder, data: Data) -> str:
    """Nothing is asked of an organisation before a determination is in effect."""
    return has_effective(found.case, holder, data)


def has_time(_found: Rectification, _holder: Holder, data: Data) -> str:
    """The report says when it was done."""
    at = data["done_at"]
    is_time = isinstance(at, datetime) and timezone.is_aware(at) and at <= timezone.now()
    return "" if is_time else _("the report needs the time when it was done")


def snapshot_came_first(found: Rectification, _holder: Holder, data: Data) -> str:
    """The host's state was taken before it was cleaned, or there is a reason (pitfall 4)."""
    if str(data.get("no_snapshot_because") or "").strip():
        return ""
    item = worksheet.snapshot_before(found.case, data["done_at"])
    return "" if item else _("the host's state was not taken before it was cleaned: name it, or say why not")


def accepter_is_another(found: Rectification, holder: Holder, _data: Data) -> str:
    """Neither the organisation nor who reported it accepts it."""
    if holder.user_id in (None, found.reported_by_id) or belongs_to(holder, found.organisation_code):
        return _("neither the organisation nor who reported it decides on it")
    return ""


def note_issue(found: Rectification, holder: Holder, _data: Data) -> None:
    """Issued now; the case is being rectified from here on."""
    found.issued_by_id, found.issued_at = holder.user_id, timezone.now()
    if found.case.state in WORKFLOWS[Case]["rectify"].sources:
        perform(found.case, "rectify", holder, {"reason": found.number}, follows=True)


def note_report(found: Rectification, holder: Holder, data: Data) -> None:
    """What the organisation says it did."""
    found.reported_by_id, found.reported_at = holder.user_id, timezone.now()
    found.done_by, found.done_at = str(data["done_by"])[:200], data["done_at"]
    found.report = str(data["report"]).replace("\x00", "")
    found.proof_sha256, found.proof_name = data.get("proof_sha256", ""), data.get("proof_name", "")
    found.snapshot_before = worksheet.snapshot_before(found.case, data["done_at"])
    found.no_snapshot_because = str(data.get("no_snapshot_because") or "").strip()[:300]


def note_accept(found: Rectification, holder: Holder, _data: Data) -> None:
    """Accepted; after the last one the case awaits its recheck."""
    found.accepted_by_id, found.returned_because = holder.user_id, ""
    case = found.case
    if case.state == CaseState.RECTIFYING and not unsettled(case).exclude(pk=found.pk).exists():
        told = {"reason": found.number, "accepted": found.pk}
        perform(case, "await_recheck", holder, told, follows=True)


def note_refusal(found: Rectification, _holder: Holder, data: Data) -> None:
    """Why it is not enough."""
    found.returned_because = str(data["reason"])


R: Final = Rectification.State
RECTIFICATION_STEPS: Final = (
    Step(
        "issue",
        frozenset({R.DRAFT.value}),
        R.ISSUED,
        guards=(is_determined, issuer_is_another),
        effects=(note_issue,),
    ),
    Step(
        "report",
        frozenset({R.ISSUED.value}),
        R.REPORTED,
        needs=("done_by", "done_at", "report"),
        guards=(has_time, snapshot_came_first),
        effects=(note_report,),
    ),
    Step(
        "accept",
        frozenset({R.REPORTED.value}),
        R.ACCEPTED,
        guards=(accepter_is_another,),
        effects=(note_accept,),
    ),
    Step(
        "send_back",
        frozenset({R.REPORTED.value}),
        R.ISSUED,
        needs=("reason",),
        guards=(accepter_is_another,),
        effects=(note_refusal,),
    ),
    Step("withdraw", frozenset({R.DRAFT.value, R.ISSUED.value}), R.WITHDRAWN, needs=("reason",)),
)


def install() -> None:
    """Called when Django is ready."""
    define(Case, CASE_STEPS)
    define(Determination, DETERMINATION_STEPS)
    define(Rectification, RECTIFICATION_STEPS)
