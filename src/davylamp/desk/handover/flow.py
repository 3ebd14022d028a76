"""The steps of a hand-over and of a supervision, and who may take them; what follows stands in `handover.effects`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import SCOPES, Holder, Relation, Scope, Seat, govern, hide
from davylamp.desk.core.workflow import Step, define
from davylamp.desk.documents.models import Document
from davylamp.desk.handover import effects
from davylamp.desk.handover.models import (
    Feedback,
    HandOver,
    HandOverItem,
    LegalClock,
    Mail,
    State,
    Supervision,
)
from davylamp.desk.leads.models import Lead, Observation
from davylamp.desk.registry.tree import subtree

READERS: Final = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR)
DESK: Final = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER)
OUT: Final = frozenset({State.ISSUED, State.DELIVERED, State.RECEIVED, State.ACTING})

# --- guards ------------------------------------------------------------------------------------------------


def not_the_drafter(item: HandOver, holder: Holder, _data: Mapping[str, Any]) -> str:
    """Who drafts neither approves nor reviews."""
    return _("who drafted it does not decide on it") if holder.user_id in (None, item.drafted_by_id) else ""


def not_the_reporter(item: HandOver, holder: Holder, _data: Mapping[str, Any]) -> str:
    """Who reported does not review the report."""
    return _("who reported does not review it") if holder.user_id == item.reported_by_id else ""


def has_leads(item: HandOver, _holder: Holder, _data: Mapping[str, Any]) -> str:
    """Every lead is still attributed to the recipient or to a body below it, and waits to be handed over."""
    leads = [i.lead for i in item.items.filter(status="open").select_related("lead")]
    if not leads:
        return _("it holds no lead")
    below = set(subtree(item.organisation_code))
    odd = [lead.number for lead in leads if lead.state != "attributed" or lead.organisation_code not in below]
    return _("no longer attributed to the recipient: %(leads)s") % {"leads": ", ".join(odd)} if odd else ""


def in_time(item: HandOver, _holder: Holder, data: Mapping[str, Any]) -> str:
    """What is written down happened, and after what came before it."""
    at = data.get("at")
    if at is None:
        return ""
    if not isinstance(at, datetime) or timezone.is_naive(at):
        return _("a time needs its zone")
    if at > timezone.now():
        return _("the time lies in the future")
    known = (
        item.approved_at,
        item.issued_at,
        item.delivered_at,
        item.received_at,
        item.reported_at,
        item.reviewed_at,
    )
    earlier = max((t for t in known if t is not None), default=None)
    return _("the time lies before the step that it follows") if earlier is not None and at < earlier else ""


def is_untold(item: HandOver, _holder: Holder, _data: Mapping[str, Any]) -> str:
    """Contacts are told once."""
    return _("the contacts know already") if item.told_at else ""


def is_still_late(one: Supervision, _holder: Holder, _data: Mapping[str, Any]) -> str:
    """What was done meanwhile needs no urging."""
    held = one.hand_over
    is_open = held.stage == one.stage and held.round == one.round and held.closed_at is None
    return "" if is_open else _("the deadline was met meanwhile")


# --- steps -------------------------------------------------------------------------------------------------

FOUR_EYES: Final = (not_the_drafter,)
STEPS: Final = (
    Step(
        "submit", frozenset({State.DRAFTED}), State.SUBMITTED, guards=(has_leads,), effects=(effects.stamp,)
    ),
    Step(
        "refuse",
        frozenset({State.SUBMITTED}),
        State.DRAFTED,
        needs=("reason",),
        guards=FOUR_EYES,
        effects=(effects.stamp,),
    ),
    Step(
        "approve",
        frozenset({State.SUBMITTED}),
        State.APPROVED,
        guards=(*FOUR_EYES, has_leads, in_time),
        effects=(effects.stamp, effects.approve),
    ),
    Step(
        "withdraw",
        frozenset({State.DRAFTED, State.SUBMITTED, State.APPROVED}),
        State.WITHDRAWN,
        needs=("reason",),
        effects=(effects.stamp, effects.drop_items),
    ),
    Step(
        "issue",
        frozenset({State.APPROVED}),
        State.ISSUED,
        guards=(has_leads, in_time),
        effects=(effects.stamp, effects.issue),
    ),
    Step("tell", OUT, "", guards=(is_untold,), effects=(effects.tell,)),
    Step(
        "deliver",
        frozenset({State.ISSUED}),
        State.DELIVERED,
        needs=("to",),
        guards=(in_time,),
        effects=(effects.stamp, effects.deliver),
    ),
    Step(
        "sign",
        frozenset({State.ISSUED, State.DELIVERED}),
        State.RECEIVED,
        needs=("by",),
        guards=(in_time,),
        effects=(effects.stamp, effects.sign),
    ),
    Step(
        "send_back",
        OUT,
        "",
        needs=("items", "ground", "reason"),
        guards=(in_time,),
        effects=(effects.send_back,),
    ),
    Step("act", frozenset({State.RECEIVED}), State.ACTING, effects=(effects.stamp, effects.act)),
    Step(
        "report",
        frozenset({State.RECEIVED, State.ACTING}),
        State.REPORTED,
        needs=("answers",),
        guards=(in_time,),
        effects=(effects.stamp, effects.report),
    ),
    Step(
        "accept",
        frozenset({State.REPORTED}),
        State.ACCEPTED,
        guards=(*FOUR_EYES, not_the_reporter, in_time),
        effects=(effects.stamp, effects.accept),
    ),
    Step(
        "ask_more",
        frozenset({State.REPORTED}),
        State.ACTING,
        needs=("reason",),
        guards=(*FOUR_EYES, not_the_reporter, in_time),
        effects=(effects.stamp, effects.ask_more),
    ),
    Step(
        "close",
        frozenset({State.ACCEPTED}),
        State.CLOSED,
        guards=(in_time,),
        effects=(effects.stamp, effects.close),
    ),
)
SUPERVISION_STEPS: Final = (
    Step(
        "approve",
        frozenset({"proposed"}),
        "issued",
        guards=(is_still_late,),
        effects=(effects.stamp, effects.approve_supervision),
    ),
    Step("drop", frozenset({"proposed"}), "dropped", needs=("reason",), effects=(effects.stamp,)),
    Step(
        "answer",
        frozenset({"issued"}),
        "answered",
        needs=("answer",),
        effects=(effects.stamp, effects.answer),
    ),
)


# --- policy ------------------------------------------------------------------------------------------------


def told(_holder: Holder, _seat: Seat) -> Q:
    """Contacts know of a hand-over once it was issued and they were told."""
    return Q(told_at__isnull=False)


def told_item(_holder: Holder, _seat: Seat) -> Q:
    """The same for what hangs on a hand-over."""
    return Q(hand_over__told_at__isnull=False)


def handed_over_to(_holder: Holder, seat: Seat) -> Q:
    """Contacts know of a lead that was handed over to their organisation or one below it."""
    own = HandOverItem.objects.filter(
        hand_over__told_at__isnull=False, hand_over__organisation_code__in=subtree(seat.organisation_code)
    )
    return Q(pk__in=own.values("lead_id"))


def both(one: Relation, other: Relation) -> Relation:
    """What two rooms ask of an item: both must hold."""
    return lambda holder, seat: one(holder, seat) & other(holder, seat)


def told_paper(_holder: Holder, _seat: Seat) -> Q:
    """Contacts read the letter and form of a hand-over that they know of, and no other document by this rule."""
    known = HandOver.objects.filter(told_at__isnull=False)
    return Q(pk__in=known.values("letter_id")) | Q(pk__in=known.filter(form__isnull=False).values("form_id"))


def install() -> None:
    """Called when Django is ready."""
    define(HandOver, STEPS)
    define(Supervision, SUPERVISION_STEPS)
    contact = Duty.CONTACT.value
    back = (Duty.CONTACT, Duty.ANALYST, Duty.OFFICER)  # an officer writes down what came on paper
    govern(
        HandOver,
        Scope(relations={contact: told}),
        {
            "read": (*READERS, Duty.CONTACT),
            "export": READERS,
            "history": READERS,
            "create": (Duty.ANALYST, Duty.OFFICER),
            **dict.fromkeys(("submit", "withdraw"), (Duty.ANALYST, Duty.OFFICER)),
            **dict.fromkeys(("approve", "refuse"), (Duty.APPROVER,)),
            **dict.fromkeys(("issue", "tell", "deliver", "accept", "ask_more", "close"), DESK),
            **dict.fromkeys(("sign", "send_back", "act", "report"), back),
        },
    )
    inside = Scope("hand_over__region_code", "hand_over__organisation_code", "hand_over__classification")
    for model in (HandOverItem, Feedback):
        govern(
            model,
            Scope(*_columns(inside), relations={contact: told_item}),
            {"read": (*READERS, Duty.CONTACT)},
        )
    govern(
        Supervision,
        Scope(),
        {"read": READERS, "approve": (Duty.APPROVER,), "drop": (Duty.APPROVER,), "answer": DESK},
    )
    govern(Mail, Scope("", "", ""), {"read": (Duty.ADMIN, Duty.AUDITOR)})
    govern(LegalClock, Scope(), {"read": READERS, "meet": DESK})
    earlier = SCOPES[Lead].relations.get(contact)
    SCOPES[Lead].relations[contact] = both(earlier, handed_over_to) if earlier else handed_over_to
    SCOPES[Document].relations[contact] = told_paper
    _hide()


def _columns(scope: Scope) -> tuple[str, str, str]:
    return scope.region, scope.organisation, scope.classification


def _hide() -> None:
    """What a contact never reads: the desk's own notes, who watches, what ties its lead to other organisations."""
    hide(
        HandOver,
        Duty.CONTACT,
        (
            "note",
            "channel",
            "second_contact",
            "delay_notice",
            "told_at",
            "drafted_by",
            "approved_by",
            "reviewed_by",
        ),
    )
    hide(HandOverItem, Duty.CONTACT, ("new_lead", "new_hand_over", "resumed_at"))
    hide(
        Lead,
        Duty.CONTACT,
        ("key", "assigned_to", "relapse_of", "relapse_key", "merged_into", "wallet", "relapses", "merged"),
    )
    hide(
        Observation,
        Duty.CONTACT,
        (
            "sensor",
            "source",
            "source_ref",
            "intake",
            "payload",
            "server_ip",
            "server_port",
            "wallet",
            "because",
        ),
    )
