"""Open a case from leads, keep its hypotheses and its tasks."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import User
from davylamp.desk.access.policy import Forbidden, Holder
from davylamp.desk.cases import recurrence
from davylamp.desk.cases.base import choice, fresh, hold, moment, words
from davylamp.desk.cases.models import (
    Case,
    CaseLead,
    CaseMember,
    CaseState,
    EvidenceItem,
    Hypothesis,
    HypothesisReason,
    Label,
    Task,
    TaskTemplate,
)
from davylamp.desk.cases.tables import shipped_tasks
from davylamp.desk.core.numbers import draw
from davylamp.desk.core.workflow import WORKFLOWS, Refused, perform
from davylamp.desk.leads.models import Lead, State

# --- the case ------------------------------------------------------------------------------------------------


def open_case(holder: Holder, leads: Sequence[Lead], title: str = "", reason: str = "") -> Case:
    """Open a case from leads of one organisation; they are being verified from here on.

    Raises:
        Hidden: a lead that the holder may not know of.
        Forbidden: E-ACC-403 outside the holder's duty or region.
        Refused: E-CAS-011 without leads or with leads of several organisations or none, E-CAS-012 for one that is in a
            case already or cannot be verified from its state.
    """
    given = [policy.find(holder, Lead, pk=lead.pk) for lead in leads]
    codes = {lead.organisation_code for lead in given}
    if len(codes) != 1 or codes == {""}:
        told = _("a case is about leads of one organisation")
        raise Refused("E-CAS-011", told, _("attribute them first; open one case per organisation"))
    first = min(given, key=lambda lead: lead.first_seen)
    if not policy.can_create(
        holder, Case, region_code=first.region_code, organisation_code=first.organisation_code
    ):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    now = timezone.now()
    case = Case(
        title=words(title, _("title"), 200, needed=False) or first.organisation_name or first.number,
        state_since=now,
        opened_at=now,
        opened_by_id=holder.user_id,
        organisation_code=first.organisation_code,
        organisation_name=first.organisation_name,
        region_code=first.region_code,
        sector=first.sector,
        severity=max(lead.severity for lead in given),
        classification=max(lead.classification for lead in given),
        due_at=min((lead.due_at for lead in given if lead.due_at), default=None),
    )
    case.number = draw("C", case.pk)
    with transaction.atomic():
        case.save(action="case.open", reason=reason)
        for lead in given:
            _link(holder, case, lead)
        add_tasks(case, "always")
        recurrence.note_all(case)
    return case


def add_lead(holder: Holder, case: Case, lead: Lead) -> CaseLead:
    """One more lead of the same organisation."""
    found = policy.find(holder, Lead, pk=lead.pk)
    with transaction.atomic():
        held = hold(holder, "work", case)
        if found.organisation_code != held.organisation_code:
            raise Refused("E-CAS-011", _("a case is about leads of one organisation"), _("open another case"))
        made = _link(holder, held, found)
        recurrence.note_all(held)
    return made


def _link(holder: Holder, case: Case, lead: Lead) -> CaseLead:
    there = CaseLead.objects.filter(lead=lead, released_at=None).first()
    if there is not None:
        told = _("lead %(number)s is in a case already") % {"number": lead.number}
        raise Refused("E-CAS-012", told, _("release it there first"))
    if lead.state != State.VERIFYING:
        if lead.state not in WORKFLOWS[Lead]["verify"].sources:
            told = _("lead %(number)s is %(state)s and cannot be verified now")
            told %= {"number": lead.number, "state": lead.get_state_display()}
            raise Refused("E-CAS-012", told, _("attribute it first"))
        perform(lead, "verify", holder, {"reason": case.number}, follows=True)
    made = CaseLead(case=case, lead=lead)
    made.save(action="case.add_lead")
    return made


def release_lead(holder: Holder, case: Case, lead: Lead, reason: str) -> CaseLead:
    """A lead that was not this organisation's goes back to be attributed."""
    with transaction.atomic():
        held = hold(holder, "work", case)
        found = CaseLead.objects.filter(case=held, lead=lead, released_at=None).first()
        if found is None:
            raise Refused("E-CAS-013", _("this lead is not in the case"), "")
        found.released_at = timezone.now()
        found.save(action="case.release_lead", reason=words(reason, _("reason"), 300))
        now = Lead.objects.get(pk=lead.pk)
        if now.state in WORKFLOWS[Lead]["come_back"].sources:
            perform(now, "come_back", holder, {"reason": reason}, follows=True)
    return found


def add_member(holder: Holder, case: Case, user: User) -> CaseMember:
    """Let somebody work on the case who has no duty for its region."""
    with transaction.atomic():
        held = hold(holder, "assign", case)
        made, is_new = CaseMember.objects.filter(case=held, user=user, ended_at=None).first(), False
        if made is None:
            made, is_new = CaseMember(case=held, user=user), True
        if is_new:
            made.save(action="case.add_member")
    return made


def end_member(holder: Holder, member: CaseMember, reason: str) -> CaseMember:
    """No longer."""
    with transaction.atomic():
        hold(holder, "assign", member.case, even_closed=True)
        held = fresh(member)
        held.ended_at = timezone.now()
        held.save(action="case.end_member", reason=reason)
    return held


def grade_incident(
    holder: Holder, case: Case, grade: str, operator: str, found_at: datetime
) -> tuple[Case, list[Any]]:
    """Answer whether this is a network security incident, of which grade: the legal clocks start.

    Returns:
        the case and its running clocks.

    Raises:
        Refused: E-CLK-nnn for a grade, operator or time that cannot be.
    """
    from davylamp.desk.handover import clocks

    with transaction.atomic():
        held = hold(holder, "grade", case)
        held.incident_grade = choice(grade, clocks.Grade.values, _("grade"))
        held.incident_operator = choice(operator, clocks.Operator.values, _("kind of operator"))
        held.incident_found_at = moment(found_at, _("time of discovery"))
        held.save(action="case.grade")
        running = clocks.start(holder, held, grade, operator, found_at)
        add_tasks(held, Label.PASSIVE)
    return held, running


def answer_contact(holder: Holder, case: Case, may_be_involved: bool, reason: str) -> Case:
    """Whether the organisation's contact may be the one who mines: then the leadership is told on another channel."""
    with transaction.atomic():
        held = hold(holder, "work", case)
        held.may_contact_be_involved = bool(may_be_involved)
        held.save(action="case.answer_contact", reason=words(reason, _("reason"), 300))
    return held


# --- hypotheses ------------------------------------------------------------------------------------------------


def suppose(holder: Holder, case: Case, kind: str, text: str) -> Hypothesis:
    """Write down an explanation."""
    with transaction.atomic():
        made = Hypothesis(
            case=hold(holder, "work", case),
            kind=choice(kind, Hypothesis.Kind.values, _("kind")),
            text=words(text, _("text")),
            written_by_id=holder.user_id,
        )
        made.save(action="hypothesis.suppose")
    return made


def argue(
    holder: Holder, found: Hypothesis, is_for: bool, text: str, evidence: EvidenceItem | None = None
) -> HypothesisReason:
    """A reason for or against an explanation."""
    with transaction.atomic():
        case = hold(holder, "work", found.case)
        if evidence is not None and evidence.case_id != case.pk:
            raise Refused("E-CAS-022", _("this evidence belongs to another case"), "")
        made = HypothesisReason(
            hypothesis=found,
            is_for=bool(is_for),
            text=words(text, _("text")),
            evidence=evidence,
            written_by_id=holder.user_id,
        )
        made.save(action="hypothesis.argue")
    return made


def weigh(holder: Holder, found: Hypothesis, state: str, reason: str) -> Hypothesis:
    """Hold an explanation, drop it, or open it again; it needs a reason on each side that is decided."""
    with transaction.atomic():
        hold(holder, "work", found.case)
        held = fresh(found)
        held.state = choice(state, ("open", "held", "dropped"), _("state"))
        wanted = {"held": True, "dropped": False}.get(state)
        if wanted is not None and not held.reasons.filter(is_for=wanted).exists():
            told = (
                _("no reason for it is written down") if wanted else _("no reason against it is written down")
            )
            raise Refused("E-CAS-014", told, _("write one first"))
        held.save(action=f"hypothesis.{state}", reason=words(reason, _("reason"), 300))
    return held


# --- tasks -----------------------------------------------------------------------------------------------------


def templates(when: str) -> list[TaskTemplate]:
    """Shipped tasks under the office's own ones, in the order of work; not saved where they are shipped."""
    own = {row.key: row for row in TaskTemplate.objects.all()}
    found = [
        own.pop(key, None) or TaskTemplate(
            key=key, phase=row.phase, position=row.position, title=row.title, detail=row.detail, after=list(row.after)
        )
        for key, row in shipped_tasks().items()
        if row.when == when
    ]  # fmt: skip
    if when == "always":
        found += [row for key, row in own.items() if key not in shipped_tasks()]
    return sorted((row for row in found if row.is_used), key=lambda row: (row.position, row.key))


def edit_template(holder: Holder, key: str, **fields: Any) -> TaskTemplate:
    """The office's own wording, order or use of a task; a new key adds one. Cases that are open keep theirs.

    Raises:
        Forbidden: E-ACC-403.
        Refused: E-CAS-002, E-CAS-004, E-CAS-015 for a key that is none.
    """
    if not policy.can_create(
        holder, TaskTemplate, region_code=holder.seats[0].region_code if holder.seats else "-"
    ):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    if (
        not key.replace("_", "").replace("-", "").isascii()
        or not key.replace("_", "").replace("-", "").isalnum()
    ):
        raise Refused("E-CAS-015", _("a task's key has letters, digits and _"), _("choose another one"))
    shipped = shipped_tasks().get(key)
    with transaction.atomic():
        row = TaskTemplate.objects.filter(key=key).first() or TaskTemplate(key=key[:40])
        if row._state.adding and shipped is not None:
            row.phase, row.position, row.title = shipped.phase, shipped.position, shipped.title
            row.detail, row.after = shipped.detail, list(shipped.after)
        for name in ("title", "detail", "position", "is_used"):
            if name in fields:
                setattr(row, name, fields[name])
        row.phase = choice(fields.get("phase", row.phase), CaseState.values, _("phase"))
        row.after = [str(k) for k in fields.get("after", row.after)]
        row.title = words(row.title, _("title"), 200)
        row.save(action="tasktemplate.edit")
    return row


def add_tasks(case: Case, when: str) -> None:
    """The tasks of a template that the case does not have yet."""
    there = set(case.tasks.values_list("key", flat=True))
    for row in templates(when):
        if row.key not in there:
            Task(
                case=case,
                key=row.key,
                phase=row.phase,
                position=row.position,
                title=row.title,
                detail=row.detail,
                after=row.after,
            ).save(action="task.add")


def finish_task(holder: Holder, task: Task, note: str = "", *, set_aside: str = "") -> Task:
    """Done, or set aside with a reason.

    Raises:
        Refused: E-CAS-016 when a task that must come first is neither: the miner's interface is read before power-off.
    """
    with transaction.atomic():
        case = hold(holder, "work", task.case)
        held = fresh(task)
        waiting = open_before(case, held)
        if waiting and not set_aside.strip():
            told = _("first: %(tasks)s") % {"tasks": "; ".join(_(t.title) for t in waiting)}
            raise Refused("E-CAS-016", told, _("do it, or set it aside with a reason"))
        held.note = words(note, _("note"), needed=False)
        held.set_aside = words(set_aside, _("reason"), 300, needed=False)
        held.done_at, held.done_by_id = timezone.now(), holder.user_id
        held.save(action="task.set_aside" if held.set_aside else "task.done", reason=held.set_aside)
    return held


def open_before(case: Case, task: Task) -> list[Task]:
    """The tasks that must come first and are open."""
    return [one for one in case.tasks.filter(key__in=task.after) if one.done_at is None]


def titles(tasks: Iterable[Task]) -> list[str]:
    """Titles in the reader's language; an office's own wording stands as it is."""
    return [_(task.title) for task in tasks]
