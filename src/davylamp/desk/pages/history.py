"""What has happened to an item, from the audit rows that the holder may read, in words."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from davylamp.desk.access import trail
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.models import AuditedModel, AuditEvent
from davylamp.desk.core.templatetags.desk import when

MOST_EVENTS: Final = 200  # judged: an item with more is read in the audit itself
MOST_TEXT: Final = 200
QUIET: Final = frozenset({"state_since", "ip_sort", "key", "closed_at"})  # follow from others
ACTIONS: Final = {
    "create": gettext_lazy("created"),
    "change": gettext_lazy("changed"),
    "attribute": gettext_lazy("attribution begun"),
    "confirm": gettext_lazy("attribution confirmed"),
    "give_up": gettext_lazy("attribution given up"),
    "match_project": gettext_lazy("matched with an approved project"),
    "send_away": gettext_lazy("sent to another province"),
    "hand_over": gettext_lazy("handed over"),
    "come_back": gettext_lazy("came back"),
    "verify": gettext_lazy("verification begun"),
    "determine": gettext_lazy("determined"),
    "rectify": gettext_lazy("rectification begun"),
    "await_recheck": gettext_lazy("recheck awaited"),
    "close": gettext_lazy("closed"),
    "merge": gettext_lazy("merged"),
    "assign": gettext_lazy("assigned"),
    "export": gettext_lazy("exported"),
    "unmask": gettext_lazy("personal data read"),
    "open": gettext_lazy("opened"),
    "second_factor": gettext_lazy("second factor shown"),
    "second_factor_set_up": gettext_lazy("second factor set up"),
    "end": gettext_lazy("ended"),
    "issue": gettext_lazy("issued"),
    "revoke": gettext_lazy("revoked"),
    "language": gettext_lazy("language changed"),
    "password": gettext_lazy("password changed"),
    "keep": gettext_lazy("kept"),
    "remove": gettext_lazy("removed"),
    "publish": gettext_lazy("published"),
    "revise": gettext_lazy("revised"),
    "enter": gettext_lazy("entered"),
    "load": gettext_lazy("loaded"),
    "submit": gettext_lazy("handed in"),
    "approve": gettext_lazy("approved"),
    "refuse": gettext_lazy("refused"),
    "withdraw": gettext_lazy("withdrawn"),
    "deliver": gettext_lazy("delivered"),
    "sign": gettext_lazy("signed for"),
    "act": gettext_lazy("work on it begun"),
    "report": gettext_lazy("reported back"),
    "accept": gettext_lazy("accepted"),
    "ask_more": gettext_lazy("more asked for"),
    "send_back": gettext_lazy("sent back"),
    "tell": gettext_lazy("contacts told"),
    "draft": gettext_lazy("drafted"),
    "review": gettext_lazy("put into effect"),
    "supersede": gettext_lazy("superseded"),
    "relabel": gettext_lazy("label changed"),
    "verify_again": gettext_lazy("verified again"),
    "answer_contact": gettext_lazy("answered about the contact"),
    "grade": gettext_lazy("incident graded"),
    "case.open": gettext_lazy("case opened"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Event:
    """One audit row, in words."""

    seq: int
    at: datetime
    who: str
    action: str
    words: str
    reason: str
    changes: tuple[Change, ...]
    object_type: str
    object_id: str


def of(item: AuditedModel, holder: Holder) -> list[Event]:
    """The history of an item, newest first; empty for a duty that reads no history."""
    return told(list(trail.rows_of(holder, item)[:MOST_EVENTS]), holder)


def told(rows: list[AuditEvent], holder: Holder) -> list[Event]:
    """Audit rows in words; one query per kind of item that they name."""
    pairs = [(row, _pairs(row)) for row in rows]
    names = _names(pairs, holder)
    return [
        Event(
            row.seq, row.at, row.actor_label, row.action, action_words(row.action), row.reason,
            tuple(_change(_model(row), name, pair, names) for name, pair in changes), row.object_type, row.object_id,
        )
        for row, changes in pairs
    ]  # fmt: skip


Pairs = list[tuple[str, tuple[Any, Any]]]


def _pairs(row: AuditEvent) -> Pairs:
    """The fields of which the row tells before and after."""
    if row.action.endswith(".create"):
        return []
    held = json.loads(row.changes)
    state = held.get("state")
    if isinstance(state, list) and state and state[0] is None:
        return []  # it began here: the page itself says what it holds
    return [
        (n, (p[0], p[1])) for n, p in held.items() if n not in QUIET and isinstance(p, list) and len(p) == 2
    ]


def _names(rows: list[tuple[AuditEvent, Pairs]], holder: Holder) -> dict[str, str]:
    wanted: dict[Any, list[str]] = defaultdict(list)
    for row, pairs in rows:
        for name, pair in pairs:
            field = _field(_model(row), name)
            if field is not None and field.is_relation:
                wanted[field.related_model] += [str(v) for v in pair if v]
    found: dict[str, str] = {}
    for model, keys in wanted.items():
        found |= trail.names_of(holder, model, keys)
    return found


def _model(row: AuditEvent) -> Any:
    try:
        return apps.get_model(row.object_type)
    except (LookupError, ValueError):
        return None


def action_words(action: str) -> str:
    """``lead.assign`` in words; an unknown verb as it stands."""
    verb = action.partition(".")[2]
    return str(ACTIONS.get(action) or ACTIONS.get(verb, verb.replace("_", " ")))


def _change(model: Any, name: str, pair: tuple[Any, Any], names: dict[str, str]) -> Change:
    before, after = (_shown(model, name, value, names) for value in pair)
    return Change(_label(model, name), before, after)


def _field(model: Any, name: str) -> Any:
    try:
        return model._meta.get_field(name.removesuffix("_id")) if model is not None else None
    except FieldDoesNotExist:
        return None


def _label(model: Any, name: str) -> str:
    label = LABELS.get(name.removesuffix("_id"))
    field = _field(model, name)
    return str(label or (field.verbose_name if field is not None else name))


def _shown(model: Any, name: str, value: Any, names: dict[str, str]) -> str:
    if value in (None, ""):
        return ""
    if isinstance(value, str) and value.startswith("digest:"):
        return _("(personal, not shown)")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)[:MOST_TEXT] if value else ""
    field = _field(model, name)
    known = dict(field.flatchoices) if field is not None and field.choices else {}
    if value in known:
        return str(known[value])
    if field is not None and field.is_relation:
        return names.get(str(value), _("(not yours to see)"))
    moment = (
        parse_datetime(value) if isinstance(value, str) and len(value) >= 19 and value[10:11] == "T" else None
    )
    return when(moment) if moment is not None else str(value)[:MOST_TEXT]


LABELS: Final = {
    "state": gettext_lazy("State"),
    "due_at": gettext_lazy("Due"),
    "severity": gettext_lazy("Urgency"),
    "assigned_to": gettext_lazy("Assigned to"),
    "organisation_name": gettext_lazy("Organisation"),
    "organisation_code": gettext_lazy("Organisation's code"),
    "region_code": gettext_lazy("Region"),
    "merged_into": gettext_lazy("Merged into"),
    "classification": gettext_lazy("Classification"),
    "name": gettext_lazy("Name"),
    "duty": gettext_lazy("Duty"),
    "valid_to": gettext_lazy("Until"),
    "round": gettext_lazy("Round"),
    "received_by": gettext_lazy("Signed by"),
    "delivered_to": gettext_lazy("Delivered to"),
    "issued_at": gettext_lazy("Issued on"),
    "reported_at": gettext_lazy("Reported"),
    "approved_by": gettext_lazy("Approved"),
    "reviewed_by": gettext_lazy("Reviewed"),
    "stage": gettext_lazy("Waits for"),
    "number": gettext_lazy("Number"),
    "label": gettext_lazy("Determination"),
    "reasoning": gettext_lazy("Reasoning"),
    "closed_at": gettext_lazy("Closed"),
    "closing_ground": gettext_lazy("Reason"),
    "may_contact_be_involved": gettext_lazy("May the organisation's contact be involved?"),
    "incident_grade": gettext_lazy("Grade of the incident"),
    "incident_operator": gettext_lazy("Kind of operator"),
    "incident_found_at": gettext_lazy("When it was discovered"),
    "told_at": gettext_lazy("Contacts were told"),
    "letter": gettext_lazy("Letter"),
    "form": gettext_lazy("Form"),
    "approved_at": gettext_lazy("Approved on"),
    "delivered_at": gettext_lazy("Delivered on"),
    "received_at": gettext_lazy("Signed for on"),
    "reported_by": gettext_lazy("Reported by"),
    "reviewed_at": gettext_lazy("Reviewed on"),
    "issued_by": gettext_lazy("Issued by"),
    "accepted_by": gettext_lazy("Accepted by"),
    "done_by": gettext_lazy("Who did it"),
    "done_at": gettext_lazy("When it was done"),
    "report": gettext_lazy("Report"),
    "review_note": gettext_lazy("Reviewer's note"),
    "score": gettext_lazy("Score"),
    "replaces": gettext_lazy("Replaces"),
    "is_relabel": gettext_lazy("Label changed"),
    "is_equipment": gettext_lazy("Mining equipment was found"),
    "equipment_exception": gettext_lazy("Exception"),
    "proof_name": gettext_lazy("Proof"),
    "proof_sha256": gettext_lazy("Hash of the proof"),
    "snapshot_before": gettext_lazy("State of the host before cleaning"),
    "no_snapshot_because": gettext_lazy("State of the host not taken before because"),
    "returned_because": gettext_lazy("Sent back"),
}
