"""The steps of a lead, and who may take them."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, Scope, govern
from davylamp.desk.access.services import colleagues
from davylamp.desk.core.workflow import Step, define
from davylamp.desk.leads import claims, projects
from davylamp.desk.leads.models import (
    OPEN_STATES,
    Attribution,
    Intake,
    Lead,
    LeadStanding,
    Observation,
    State,
    Suppression,
)

READERS: Final = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR)


def stamp(lead: Lead, _holder: Holder, data: Mapping[str, Any]) -> None:
    """A new state begins now, by a person's hand; a deadline that comes with the step replaces the old one."""
    lead.state_since = timezone.now()
    lead.is_automatic = False
    if "due_at" in data:
        lead.due_at = data["due_at"]


def has_organisation(lead: Lead, _holder: Holder, _data: Mapping[str, Any]) -> str:
    """An attributed lead names whom."""
    return "" if lead.organisation_code else _("no organisation is attributed")


def close(lead: Lead, _holder: Holder, _data: Mapping[str, Any]) -> None:
    """The episode ends."""
    lead.closed_at = timezone.now()
    lead.due_at = None


def can_join(lead: Lead, _holder: Holder, data: Mapping[str, Any]) -> str:
    """A lead joins another one that is not itself, not closed, and did not join it."""
    into = data["into"]
    if not isinstance(into, Lead) or into.pk == lead.pk:
        return "a lead joins another one"
    if into.state not in OPEN_STATES:
        return f"{into} is {into.get_state_display()}: join the lead that goes on"
    return ""


def join(lead: Lead, _holder: Holder, data: Mapping[str, Any]) -> None:
    """It keeps its number and all it has, and points to the one that goes on."""
    lead.merged_into = data["into"]
    lead.due_at = None


def assign(lead: Lead, _holder: Holder, data: Mapping[str, Any]) -> None:
    """It is somebody's to work on."""
    lead.assigned_to = data["to"]


def assignee_reaches(lead: Lead, holder: Holder, data: Mapping[str, Any]) -> str:
    """Only who may work on it can have it."""
    people = colleagues(holder, (Duty.ANALYST, Duty.APPROVER), lead.region_code)
    return "" if people.filter(pk=data["to"].pk).exists() else _("this account does not work in that region")


TOLD: Final = frozenset(
    {State.HANDED_OVER, State.VERIFYING, State.DETERMINED, State.RECTIFYING, State.RECHECK, State.CLOSED}
)
"""What an organisation's contact may know of: what was handed over, since the contact may be the miner."""
UNSENT: Final = frozenset(
    {State.NEW, State.ATTRIBUTING, State.UNATTRIBUTABLE, State.PROJECT, State.ELSEWHERE}
)
STEPS: Final = (
    Step(
        "attribute", (UNSENT | {State.ATTRIBUTED}) - {State.ATTRIBUTING}, State.ATTRIBUTING, effects=(stamp,)
    ),
    Step("confirm", UNSENT, State.ATTRIBUTED, guards=(has_organisation,), effects=(stamp,)),
    Step("give_up", UNSENT | {State.ATTRIBUTED}, State.UNATTRIBUTABLE, needs=("reason",), effects=(stamp,)),
    Step("match_project", UNSENT | {State.ATTRIBUTED}, State.PROJECT, needs=("reason",), effects=(stamp,)),
    Step("send_away", UNSENT | {State.ATTRIBUTED}, State.ELSEWHERE, needs=("reason",), effects=(stamp,)),
    # consequences of a hand-over or a case, never buttons of their own
    Step("hand_over", frozenset({State.ATTRIBUTED}), State.HANDED_OVER, effects=(stamp,)),
    Step(
        "come_back",
        frozenset({State.HANDED_OVER, State.VERIFYING}),
        State.ATTRIBUTING,
        needs=("reason",),
        effects=(stamp,),
    ),
    Step(
        "verify",
        frozenset({State.HANDED_OVER, State.ATTRIBUTED, State.DETERMINED}),
        State.VERIFYING,
        effects=(stamp,),
    ),
    Step("determine", frozenset({State.VERIFYING, State.DETERMINED}), State.DETERMINED, effects=(stamp,)),
    Step("rectify", frozenset({State.DETERMINED, State.RECHECK}), State.RECTIFYING, effects=(stamp,)),
    Step("await_recheck", frozenset({State.RECTIFYING, State.DETERMINED}), State.RECHECK, effects=(stamp,)),
    Step(
        "close",
        frozenset({State.RECHECK, State.DETERMINED, State.PROJECT, State.ELSEWHERE}),
        State.CLOSED,
        effects=(stamp, close),
    ),
    Step(
        "merge",
        OPEN_STATES,
        State.MERGED,
        needs=("into", "reason"),
        guards=(can_join,),
        effects=(stamp, join),
    ),
    Step("assign", OPEN_STATES, "", needs=("to",), guards=(assignee_reaches,), effects=(assign,)),
)


def install() -> None:
    """Called when Django is ready."""
    define(Lead, STEPS)
    projects.install()
    claims.install()
    desk = (Duty.ANALYST, Duty.APPROVER)
    actions = dict.fromkeys(
        ("attribute", "confirm", "give_up", "match_project", "send_away", "merge", "assign"), desk
    )
    govern(
        Lead,
        Scope(relations={Duty.CONTACT: lambda _holder, _seat: Q(state__in=sorted(TOLD))}),
        {
            "read": (*READERS, Duty.CONTACT, Duty.INSPECTOR),
            "export": READERS,
            "history": READERS,
            "create": desk,
            **actions,
        },
    )
    inside = Scope("lead__region_code", "lead__organisation_code", "lead__classification")
    govern(Observation, inside, {"read": READERS})
    govern(Attribution, inside, {"read": READERS})
    govern(LeadStanding, inside, {"read": READERS})
    govern(
        Suppression,
        Scope("region_code", "organisation_code", ""),
        {"read": READERS, "create": (Duty.ANALYST,), "lift": (Duty.ANALYST, Duty.APPROVER)},
    )
    govern(Intake, Scope("", "", ""), {"read": (Duty.ANALYST, Duty.AUDITOR), "create": (Duty.ANALYST,)})
