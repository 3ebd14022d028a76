"""What follows from the steps of a hand-over: numbers, papers, deadlines, the states of its leads, mail."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access.policy import Holder
from davylamp.desk.core import calendar, vault
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.handover import deadlines, papers
from davylamp.desk.handover.models import Feedback, Found, Ground, HandOver, HandOverItem, State, Supervision
from davylamp.desk.handover.outbox import tell_contacts
from davylamp.desk.leads.models import Lead

Data = Mapping[str, Any]


def stamp(item: Any, _holder: Holder, _data: Data) -> None:
    """A new state begins now."""
    item.state_since = timezone.now()


def _at(data: Data) -> datetime:
    return data.get("at") or timezone.now()


def _run(item: HandOver, stage: deadlines.Stage | None, since: datetime) -> None:
    """Start the clock of a stage, or stop all clocks."""
    item.stage = stage or ""
    item.due_at = deadlines.due(calendar.load(), item.severity, stage, since) if stage else None


def _leads(item: HandOver, name: str, holder: Holder, data: Data, *, only: str = "") -> None:
    """Move the open leads with the hand-over; ``only`` those in a state."""
    for one in item.items.filter(status="open").select_related("lead"):
        if not only or one.lead.state == only:
            perform(one.lead, name, holder, data, follows=True)


def approve(item: HandOver, holder: Holder, data: Data) -> None:
    """Give the number and write the papers. Their deadlines count from now: issuing later moves them later."""
    at = _at(data)
    item.approved_by_id, item.approved_at = holder.user_id, at
    days = calendar.load()
    receipt = deadlines.due(days, item.severity, "receipt", at)
    papers.write_letter(
        holder,
        item,
        at,
        {"receipt": receipt, "feedback": deadlines.due(days, item.severity, "feedback", receipt)},
    )


def drop_items(item: HandOver, _holder: Holder, _data: Data) -> None:
    """A withdrawn hand-over lets its leads go; a number that it has stays with it, void."""
    for one in item.items.filter(status="open"):
        one.status = "dropped"
        one.save(action="handoveritem.drop")
    item.stage, item.due_at = "", None


def issue(item: HandOver, holder: Holder, data: Data) -> None:
    """It goes out: the receipt's clock runs, the leads are handed over, and what was returned before runs again."""
    at = _at(data)
    item.issued_at = at
    _run(item, "receipt", at)
    days = calendar.load()
    feedback = deadlines.due(days, item.severity, "feedback", item.due_at or at)
    _leads(item, "hand_over", holder, {"due_at": feedback})
    keys = list(item.items.filter(status="open").values_list("lead_id", flat=True))
    same = Q(lead_id__in=keys) | Q(new_lead_id__in=keys)
    for earlier in HandOverItem.objects.filter(same, status="returned", resumed_at=None):
        earlier.new_hand_over, earlier.resumed_at = item, at
        earlier.save(action="handoveritem.resume")
    if not item.delay_notice:
        tell(item, holder, data)


def tell(item: HandOver, _holder: Holder, data: Data) -> None:
    """From now on the organisation's contacts see it; mail without details says that something waits."""
    item.told_at = _at(data)
    tell_contacts(item, "issued")


def deliver(item: HandOver, _holder: Holder, data: Data) -> None:
    """To whom and when."""
    item.delivered_at, item.delivered_to = _at(data), str(data["to"])[:100]


def sign(item: HandOver, _holder: Holder, data: Data) -> None:
    """By whom and when; the feedback's clock runs."""
    at = _at(data)
    item.received_at, item.received_by = at, str(data["by"])[:100]
    if item.delivered_at is None:
        item.delivered_at, item.delivered_to = at, item.received_by
    _run(item, "feedback", at)


def act(item: HandOver, holder: Holder, _data: Data) -> None:
    """The organisation begins to look."""
    _leads(item, "verify", holder, {}, only="handed_over")


def send_back(item: HandOver, holder: Holder, data: Data) -> None:
    """Leads come back. What is not the recipient's is attributed anew at once; its clock stands still meanwhile."""
    ground, at = str(data["ground"]), _at(data)
    if ground not in Ground.values:
        raise Refused(
            "E-HND-001", _("there is no such ground to return a lead"), _("choose one from the list")
        )
    wanted = {str(one) for one in data["items"]}
    back = [i for i in item.items.filter(status="open").select_related("lead") if str(i.pk) in wanted]
    if len(back) != len(wanted):
        raise Refused(
            "E-HND-002", _("some of these leads do not lie in this hand-over"), _("reload the page")
        )
    for one in back:
        one.status, one.returned_at, one.returned_by_id = "returned", at, holder.user_id
        one.ground, one.reason = ground, str(data["reason"])
        perform(one.lead, "come_back", holder, {"reason": one.reason, "due_at": None}, follows=True)
        one.new_lead = _anew(item, one, holder) if ground == Ground.NOT_OURS else one.lead
        lies = HandOverItem.objects.filter(lead=one.new_lead, status="open").exclude(pk=one.pk).first()
        if lies is not None:  # it joined a lead that was handed over already
            one.new_hand_over, one.resumed_at = lies.hand_over, at
        one.save(action="handoveritem.return", reason=one.reason)
    if not item.items.filter(status="open").exists():
        item.state, item.state_since = State.RETURNED, timezone.now()
        _run(item, None, at)


def _anew(item: HandOver, one: HandOverItem, holder: Holder) -> Lead:
    """Attribute a lead anew, setting aside what the registry claims for the recipient; the lead that it is now."""
    from davylamp.desk.leads.services import re_attribute

    lead = Lead.objects.get(pk=one.lead_id)
    re_attribute(
        lead, holder, one.reason, not_of=lead.organisation_code or item.organisation_code, follows=True
    )
    lead.refresh_from_db()
    return lead.merged_into or lead


def report(item: HandOver, holder: Holder, data: Data) -> None:
    """One answer for each open lead; all faults at once. The review's clock runs."""
    answers = {str(key): value for key, value in dict(data["answers"]).items()}
    items = list(item.items.filter(status="open"))
    faults = [fault for one in items for fault in _faults(one, answers.get(str(one.pk)))]
    if answers.keys() - {str(one.pk) for one in items}:
        faults.append(_("an answer to a lead that does not lie in this hand-over"))
    if faults:
        raise Refused("E-HND-003", "; ".join(faults), _("complete the form"))
    for one in items:
        answer = answers[str(one.pk)]
        Feedback(
            hand_over=item,
            item=one,
            round=item.round,
            found=answer["found"],
            description=str(answer["description"]).strip(),
            host=str(answer.get("host", ""))[:200],
            since=answer.get("since"),
            measure=str(answer.get("measure", "")),
            attachments=list(answer.get("attachments", [])),
            made_by_id=holder.user_id,
        ).save(action="feedback.make")
    _leads(item, "verify", holder, {}, only="handed_over")
    at = _at(data)
    item.reported_at, item.reported_by_id = at, holder.user_id
    _run(item, "review", at)


def _faults(item: HandOverItem, answer: Any) -> list[str]:
    """What an answer lacks."""
    number = item.told.get("lead", "")
    if not isinstance(answer, Mapping):
        return [_("%(lead)s: no answer") % {"lead": number}]
    faults = []
    found = answer.get("found")
    if found not in Found.values:
        faults.append(_("%(lead)s: say what was found") % {"lead": number})
    if not str(answer.get("description", "")).strip():
        faults.append(_("%(lead)s: describe it") % {"lead": number})
    if found in (Found.MINING, Found.MALWARE):
        lacking = [name for name in ("host", "measure") if not str(answer.get(name, "")).strip()]
        faults += [_("%(lead)s: name the host and the measure") % {"lead": number}] if lacking else []
    since = answer.get("since")
    if since is not None and (not isinstance(since, date) or since > timezone.localdate()):
        faults.append(_("%(lead)s: since when is no day of the past") % {"lead": number})
    for one in answer.get("attachments", []):
        if vault.hash_of(str(one.get("sha256", ""))) != one.get("sha256"):
            faults.append(_("%(lead)s: an attachment is not there") % {"lead": number})
    return faults


def accept(item: HandOver, holder: Holder, data: Data) -> None:
    """The report holds; what is open is done here, and goes on as a case."""
    item.reviewed_by_id, item.reviewed_at = holder.user_id, _at(data)
    for one in item.items.filter(status="open"):
        one.status = "done"
        one.save(action="handoveritem.accept")
    _run(item, None, item.reviewed_at)


def ask_more(item: HandOver, holder: Holder, data: Data) -> None:
    """A new round of feedback with a clock of its own."""
    item.reviewed_by_id, item.reviewed_at = holder.user_id, _at(data)
    item.round += 1
    _run(item, "feedback", item.reviewed_at)
    if item.told_at:
        tell_contacts(item, f"more-{item.round}")


def close(item: HandOver, _holder: Holder, data: Data) -> None:
    """Done with."""
    item.closed_at = _at(data)
    _run(item, None, item.closed_at)


def approve_supervision(one: Supervision, holder: Holder, _data: Data) -> None:
    """Number it, write its letter, and let the reply's clock run."""
    now, days = timezone.now(), calendar.load()
    severity = one.hand_over.severity
    one.approved_by_id = holder.user_id
    one.due_at = days.add_working_hours(now, deadlines.SUPERVISION_HOURS[severity])
    late = days.working_hours_between(one.missed_at, now)
    one.number, one.letter = papers.write_supervision(holder, one, now, late)


def answer(one: Supervision, _holder: Holder, data: Data) -> None:
    """What the level above replied."""
    one.answer = str(data["answer"])
