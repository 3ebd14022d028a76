"""What can be done to a case, by tab: each step with its form and the service that takes it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty, User
from davylamp.desk.access.policy import Holder
from davylamp.desk.access.services import colleagues
from davylamp.desk.cases import evidence, work
from davylamp.desk.cases.models import (
    Case,
    CaseLead,
    CaseMember,
    CaseState,
    EvidenceItem,
    Hypothesis,
    IntegrityAlert,
    Task,
)
from davylamp.desk.core import workflow
from davylamp.desk.handover import clocks
from davylamp.desk.handover.models import LegalClock
from davylamp.desk.leads.models import Lead
from davylamp.desk.pages import case_forms as f
from davylamp.desk.pages.steps import Data, Offer, ReasonForm, Shape, offers_of

ACTIONS: Final = ("work", "collect", "draft", "person", "dispose", "recheck", "grade", "assign")
WORKERS: Final = frozenset({Duty.ANALYST, Duty.OFFICER, Duty.APPROVER})
CASE_SHAPES: Final[dict[str, Shape]] = {
    "await_recheck": (_("Await the recheck"), None),
    "close": (_("Close the case"), ReasonForm),
    "verify_again": (_("Verify again"), ReasonForm),
}


@dataclass
class At:
    """A holder before a case, and what it may do to it; asked once per page."""

    holder: Holder
    case: Case

    @cached_property
    def may(self) -> frozenset[str]:
        """The actions of the policy that are open here."""
        return frozenset(a for a in ACTIONS if policy.may(self.holder, a, self.case))

    @property
    def is_open(self) -> bool:
        """Whether work goes on."""
        return self.case.state != CaseState.CLOSED

    def rows(self, model: type[Any], path: str = "case") -> Any:
        """The rows of the case that the holder may know of."""
        return policy.visible(self.holder, model).filter(**{path: self.case})

    @cached_property
    def evidence(self) -> list[EvidenceItem]:
        """Its evidence, in order of collection."""
        return list(self.rows(EvidenceItem).select_related("derived_from"))

    def item(self, key: Any) -> EvidenceItem | None:
        """One of its items by key."""
        return next((one for one in self.evidence if str(one.pk) == str(key)), None)

    @property
    def evidence_choices(self) -> list[tuple[str, str]]:
        """For a list."""
        return [(str(one.pk), f"{one.number} · {one.kind}") for one in self.evidence]


def offer(
    name: str,
    label: Any,
    item: Any,
    run: Callable[[Data], Any],
    form: type[Any] | None = None,
    **given: Any,
) -> Offer:
    """A step whose service does not ask for the version: the page compares it."""
    return Offer(name, label, item, lambda data, _version: run(data), form, given)


# --- the case itself ----------------------------------------------------------------------------------------


def summary(at: At) -> tuple[list[Offer], list[tuple[Any, str]]]:
    """State, contact, incident, leads, members."""
    holder, case = at.holder, at.case
    found, waiting = offers_of(holder, case, CASE_SHAPES)
    found += [*_own(at), *_clocks(at), *_people(at)]
    return found, waiting


def _own(at: At) -> Iterable[Offer]:
    holder, case = at.holder, at.case
    if not at.is_open:
        return
    if "work" in at.may:
        yield offer(
            "answer_contact",
            _("Answer about the contact"),
            case,
            lambda d: work.answer_contact(holder, case, d["answer"] == "yes", d["reason"]),
            f.ContactForm,
        )
        yield offer("add_lead", _("Add a lead"), case, lambda d: _add_lead(at, d["number"]), f.LeadForm)
        for link in at.rows(CaseLead).filter(released_at=None).select_related("lead"):
            yield offer(
                "release_lead",
                _("Release"),
                link,
                lambda d, lead=link.lead: work.release_lead(holder, case, lead, d["reason"]),
                ReasonForm,
            )
    if "grade" in at.may:
        yield offer(
            "grade",
            _("Grade the incident"),
            case,
            lambda d: work.grade_incident(holder, case, d["grade"], d["operator"], d["found_at"]),
            f.IncidentForm,
        )


def _add_lead(at: At, number: str) -> Any:
    return work.add_lead(at.holder, at.case, policy.find(at.holder, Lead, number=number.strip()))


def legal_clocks(at: At) -> list[LegalClock]:
    """The reports that the law wants of this case."""
    rows = policy.visible(at.holder, LegalClock)
    return list(rows.filter(subject_type=Case._meta.label_lower, subject_id=str(at.case.pk)))


def _clocks(at: At) -> Iterable[Offer]:
    for clock in legal_clocks(at):
        if clock.met_at is None and clock.started_at is not None and policy.may(at.holder, "meet", clock):
            yield offer(
                "meet",
                _("Note the report"),
                clock,
                lambda d, one=clock: clocks.meet(at.holder, one, d["at"], d["reference"]),
                f.MeetForm,
            )


def _people(at: At) -> Iterable[Offer]:
    holder, case = at.holder, at.case
    if "assign" not in at.may or not at.is_open:
        return
    workers = [(str(u.pk), str(u)) for u in colleagues(holder, WORKERS, case.region_code)]
    inspectors = {str(u.pk): u for u in colleagues(holder, frozenset({Duty.INSPECTOR}), case.region_code)}

    def join(data: Data) -> Any:
        user: User = inspectors[data["user"]]
        return work.add_member(holder, case, user)

    yield offer(
        "assign",
        _("Assign"),
        case,
        lambda d: workflow.perform(case, "assign", holder, {"to": d["to"]}),
        f.AssignForm,
        lists={"to": workers},
    )
    if inspectors:
        choices = [(key, str(u)) for key, u in inspectors.items()]
        yield offer("add_member", _("Add an inspector"), case, join, f.MemberForm, lists={"user": choices})
    for member in at.rows(CaseMember).filter(ended_at=None):
        yield offer(
            "end_member",
            _("End"),
            member,
            lambda d, one=member: work.end_member(holder, one, d["reason"]),
            ReasonForm,
        )


# --- hypotheses and tasks -----------------------------------------------------------------------------------


def hypotheses(at: At) -> Iterable[Offer]:
    """Write down, argue, weigh."""
    holder, case = at.holder, at.case
    if "work" not in at.may or not at.is_open:
        return
    yield offer(
        "suppose",
        _("Write down an explanation"),
        case,
        lambda d: work.suppose(holder, case, d["kind"], d["text"]),
        f.HypothesisForm,
    )
    for one in at.rows(Hypothesis):
        yield offer(
            "argue",
            _("Add a reason"),
            one,
            lambda d, h=one: work.argue(holder, h, d["is_for"] == "yes", d["text"], at.item(d["evidence"])),
            f.ArgueForm,
            lists={"evidence": at.evidence_choices},
        )
        yield offer(
            "weigh",
            _("Decide"),
            one,
            lambda d, h=one: work.weigh(holder, h, d["state"], d["reason"]),
            f.WeighForm,
        )


def tasks(at: At) -> Iterable[Offer]:
    """Done or set aside."""
    if "work" not in at.may or not at.is_open:
        return
    for task in at.rows(Task).filter(done_at=None):
        yield offer(
            "finish",
            _("Finish"),
            task,
            lambda d, t=task: work.finish_task(at.holder, t, d["note"], set_aside=d["set_aside"]),
            f.TaskForm,
        )


# --- evidence -----------------------------------------------------------------------------------------------


def evidence_steps(at: At) -> Iterable[Offer]:
    """Take in, move, check, look into an alert."""
    holder = at.holder
    if "collect" not in at.may:
        return
    if at.is_open:
        lists = {"derived_from": at.evidence_choices}
        yield offer(
            "take", _("Take evidence in"), at.case, lambda d: _take(at, d), f.EvidenceForm, lists=lists
        )
    for item in at.evidence:
        yield offer(
            "move", _("Note a step of custody"), item, lambda d, i=item: _move(holder, i, d), f.MoveForm
        )
        yield offer("check", _("Check the hash"), item, lambda d, i=item: _check(holder, i, d), f.CheckForm)
    for alert in at.rows(IntegrityAlert, "item__case").filter(looked_into_at=None):
        yield offer(
            "look_into",
            _("Say what became of the alert"),
            alert,
            lambda d, a=alert: evidence.look_into(holder, a, d["outcome"]),
            f.OutcomeForm,
        )


def _take(at: At, data: Data) -> EvidenceItem:
    given = {k: v for k, v in data.items() if k not in ("file", "derived_from", "collectors")}
    taken = evidence.Taken(
        **given, collectors=data["collectors"].splitlines(), derived_from=at.item(data["derived_from"])
    )
    file = data["file"]
    return evidence.take(
        at.holder, at.case, taken, file.chunks() if file is not None else None, file.name if file else ""
    )


def _move(holder: Holder, item: EvidenceItem, data: Data) -> Any:
    more = {k: data[k] for k in ("place", "seal_no", "authority_no", "note")}
    return evidence.move(holder, item, data["kind"], data["to_holder"], data["at"], **more)


def _check(holder: Holder, item: EvidenceItem, data: Data) -> Any:
    file = data["file"]
    return evidence.check(holder, item, data["occasion"], file.chunks() if file is not None else None)
