"""Who may see and do what in a case.

An organisation's contact reads of its case only the rectifications that were issued to it: no hypothesis, no evidence,
no complaint, no person (invariant 8). An inspector reads the cases that it was made a member of. Analysts see no
persons.
"""

from django.db.models import Q

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, Relation, Scope, Seat, govern
from davylamp.desk.cases import models as m

WORKERS = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER)
TEAM = (*WORKERS, Duty.INSPECTOR)
READERS = (*TEAM, Duty.LEADER, Duty.AUDITOR)
PERSONAL = (Duty.OFFICER, Duty.APPROVER, Duty.INSPECTOR)
DECIDERS = (Duty.OFFICER, Duty.APPROVER)

CASE_ACTIONS = {
    "read": READERS,
    "history": READERS,
    "export": (*WORKERS, Duty.LEADER, Duty.AUDITOR),
    "create": WORKERS,
    "work": TEAM,
    "collect": TEAM,
    "draft": WORKERS,
    "person": PERSONAL,
    "dispose": DECIDERS,
    "recheck": TEAM,
    "grade": WORKERS,
    "assign": WORKERS,
    "verify_again": WORKERS,
    "await_recheck": WORKERS,
    "close": DECIDERS,
    "import": (Duty.ANALYST,),
}


def install() -> None:
    """Called when Django is ready."""
    own = Scope(relations={Duty.INSPECTOR: _member("")})
    govern(m.Case, own, CASE_ACTIONS)
    inside = _inside("case__")
    for model in (m.CaseLead, m.CaseMember, m.Hypothesis, m.Task, m.EvidenceItem, m.Recheck, m.Figure):
        govern(model, inside, {"read": READERS})
    for model in (m.Recurrence, m.SeizedItem, m.OldCase):
        govern(model, inside, {"read": READERS})
    for model in (m.Gain, m.Referral):
        govern(model, inside, {"read": (*DECIDERS, Duty.ANALYST, Duty.LEADER, Duty.AUDITOR)})
    govern(m.Sanction, inside, {"read": (*DECIDERS, Duty.LEADER, Duty.AUDITOR)})
    govern(m.HypothesisReason, _inside("hypothesis__case__"), {"read": READERS})
    for model in (m.CustodyEvent, m.IntegrityCheck, m.IntegrityAlert, m.SeizedEvent):
        govern(model, _inside("item__case__"), {"read": READERS})
    _findings(inside)
    _people(inside)
    govern(
        m.Rectification,
        Scope(relations={Duty.CONTACT: _issued, Duty.INSPECTOR: _member("case__")}),
        {
            "read": (*READERS, Duty.CONTACT),
            "history": READERS,
            "report": (Duty.CONTACT, Duty.OFFICER),
            **dict.fromkeys(("issue", "accept", "send_back", "withdraw"), WORKERS),
        },
    )
    nowhere = Scope("", "", "")
    govern(m.TaskTemplate, nowhere, {"read": (*READERS, Duty.ADMIN), "create": (Duty.ADMIN, Duty.APPROVER)})
    watched = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.AUDITOR)
    govern(m.CoverageInterval, nowhere, {"read": watched, "create": (Duty.ANALYST,)})


def _findings(inside: Scope) -> None:
    govern(
        m.Determination,
        inside,
        {
            "read": READERS,
            "history": READERS,
            "revise": WORKERS,
            "submit": WORKERS,
            "review": (Duty.ANALYST, Duty.APPROVER),
            "send_back": (Duty.ANALYST, Duty.APPROVER),
        },
    )
    govern(m.Objection, _inside("determination__case__"), {"read": READERS})
    govern(m.Mark, _inside("determination__case__"), {"read": READERS})


def _people(inside: Scope) -> None:
    govern(
        m.CasePerson,
        inside,
        {"read": (*PERSONAL, Duty.AUDITOR), "unmask": PERSONAL, "erase": (Duty.APPROVER,)},
    )
    govern(m.PersonKey, _inside("person__case__"), {"read": ()})


def _inside(path: str) -> Scope:
    """Where a part of a case has what the policy asks for."""
    return Scope(
        f"{path}region_code",
        f"{path}organisation_code",
        f"{path}classification",
        relations={Duty.INSPECTOR: _member(path)},
    )


def _member(path: str) -> Relation:
    """An inspector's cases are those that it is a member of now."""

    def relation(holder: Holder, _seat: Seat) -> Q:
        mine = m.CaseMember.objects.filter(user_id=holder.user_id, ended_at=None).values("case")
        return Q(**{f"{path}pk__in": mine})

    return relation


def _issued(_holder: Holder, _seat: Seat) -> Q:
    """A contact sees what was issued, and nothing where the contact may be the one who mines."""
    return ~Q(issued_at=None) & ~Q(case__may_contact_be_involved=True)
