"""Draft a hand-over, read its clocks, and list what waits."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Clearance
from davylamp.desk.access.policy import Holder
from davylamp.desk.core.calendar import Calendar
from davylamp.desk.core.drawn import drawn
from davylamp.desk.core.workflow import Refused
from davylamp.desk.handover import deadlines
from davylamp.desk.handover.deadlines import Clock, Pause
from davylamp.desk.handover.models import Channel, HandOver, HandOverItem
from davylamp.desk.leads.models import Lead, Severity
from davylamp.desk.registry.models import Organisation
from davylamp.desk.registry.tree import subtree


def draft(
    holder: Holder,
    recipient_code: str,
    leads: Sequence[Lead],
    *,
    channel: str = Channel.LEADERSHIP,
    second_contact: str = "",
    delay_notice: bool = False,
    note: str = "",
) -> HandOver:
    """A new hand-over of leads to one organisation.

    Args:
        holder: who drafts it, and so neither approves it nor reviews what comes back.
        recipient_code: the organisation that the leads are attributed to, or one above it.
        leads: at least one; each attributed, and in no other open hand-over.
        channel: who is spoken to first.
        second_contact: whom to reach when the registered contact may be the miner.
        delay_notice: the organisation's contacts see nothing until the step ``tell``.
        note: the desk's own.

    Raises:
        Hidden: E-ACC-404 for a lead that the holder may not know of.
        Forbidden: E-ACC-403 where the holder may not draft.
        Refused: E-HND-010 with everything that is wrong.
    """
    found, seen = (
        _recipient(holder, recipient_code),
        [policy.find(holder, Lead, pk=lead.pk) for lead in leads],
    )
    faults = _faults(found, seen, channel, second_contact)
    if faults:
        raise Refused("E-HND-010", "; ".join(faults), _("take these leads out, or correct their attribution"))
    key = uuid.uuid4()
    made = HandOver(
        id=key,
        code=drawn("YS", str(key)),
        organisation_code=found.code,
        organisation_name=found.name,
        region_code=found.region_code,
        classification=max((lead.classification for lead in seen), default=Clearance.INTERNAL),
        severity=max((lead.severity for lead in seen), default=Severity.MEDIUM),
        state_since=timezone.now(),
        drafted_by_id=holder.user_id,
        channel=channel,
        second_contact=second_contact,
        delay_notice=delay_notice,
        note=note,
    )
    with transaction.atomic():
        made.save(action="handover.draft")
        for position, lead in enumerate(sorted(seen, key=lambda one: (one.ip_sort, one.number)), 1):
            HandOverItem(hand_over=made, lead=lead, position=position).save(action="handoveritem.add")
    return made


def _recipient(holder: Holder, code: str) -> Organisation:
    found = Organisation.objects.filter(code=code).first()
    if found is None:
        raise Refused(
            "E-HND-010", _("the recipient is not in the registry"), _("enter the organisation first")
        )
    if not policy.can_create(holder, HandOver, region_code=found.region_code, organisation_code=code):
        raise policy.Forbidden(
            "E-ACC-403", _("your duty does not include this"), _("ask whoever made your account")
        )
    return found


def _faults(found: Organisation, leads: list[Lead], channel: str, second_contact: str) -> list[str]:
    below = set(subtree(found.code))
    faults = [] if leads else [_("it holds no lead")]
    if len({lead.pk for lead in leads}) != len(leads):
        faults.append(_("a lead stands twice"))
    if channel not in Channel.values or (channel == Channel.SECOND and not second_contact.strip()):
        faults.append(_("say who is spoken to first"))
    open_items = HandOverItem.objects.filter(lead__in=[lead.pk for lead in leads], status="open")
    taken = set(open_items.values_list("lead_id", flat=True))
    for lead in leads:
        if lead.pk in taken:
            faults.append(_("%(lead)s lies in another hand-over") % {"lead": lead.number})
        elif lead.state != "attributed":
            faults.append(_("%(lead)s is not attributed") % {"lead": lead.number})
        elif lead.organisation_code not in below:
            faults.append(_("%(lead)s belongs to another organisation") % {"lead": lead.number})
    return faults


def clock_of(hand_over: HandOver, days: Calendar, now: datetime | None = None) -> Clock:
    """The clock of a hand-over as it stands."""
    return deadlines.clock(days, hand_over.due_at, now or timezone.now())


def lead_clock(lead: Lead, days: Calendar, now: datetime | None = None) -> Clock:
    """The clock of a lead over all its hand-overs: it stands still from a return as "not ours" until the next issue."""
    pauses = pauses_of(lead)
    since = next((one.since for one in pauses if one.until is None), None)
    return deadlines.clock(days, lead.due_at, now or timezone.now(), since)


def pauses_of(lead: Lead) -> list[Pause]:
    """The spans in which a lead was on its way back to be attributed anew, in order."""
    back = HandOverItem.objects.filter(lead=lead, status="returned", ground="not_ours").order_by(
        "returned_at"
    )
    return [Pause(one.returned_at, one.resumed_at) for one in back if one.returned_at is not None]
