"""One hand-over: what was sent to whom, until when, what came back; for the desk and for the organisation's contact."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.record import record
from davylamp.desk.core import calendar, vault
from davylamp.desk.documents.models import Document
from davylamp.desk.documents.services import open_document
from davylamp.desk.handover import services
from davylamp.desk.handover.models import Feedback, HandOver, HandOverItem, State, Supervision
from davylamp.desk.leads.models import Lead
from davylamp.desk.pages import history, steps
from davylamp.desk.pages.frames import holder_in, tabs
from davylamp.desk.pages.handover_forms import SHAPES
from davylamp.desk.pages.handovers import OVER, shown_clock
from davylamp.desk.pages.lead import EXTRAS

TABS: Final = (
    ("summary", gettext_lazy("Summary")),
    ("items", gettext_lazy("Leads")),
    ("documents", gettext_lazy("Documents")),
    ("feedback", gettext_lazy("Reports")),
    ("timeline", gettext_lazy("Timeline")),
)
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WITH_ITEMS: Final = ("send_back", "report")
WAY: Final = (
    ("sign", gettext_lazy("Sign for it"), gettext_lazy("It says that the letter has arrived, nothing more.")),
    (
        "act",
        gettext_lazy("Find the host"),
        gettext_lazy("From the address to translation or lease records, to switch port, room and computer."),
    ),
    (
        "secure",
        gettext_lazy("Secure before cleaning"),
        gettext_lazy(
            "Photograph screen and cables; keep processes, start entries, settings and logs. Do not switch it off and "
            "do not reinstall it before: what is wiped proves nothing, for you neither."
        ),
    ),
    (
        "report",
        gettext_lazy("Report back"),
        gettext_lazy("For each lead: what was found, on which host, since when, what was done."),
    ),
)
"""What an organisation's contact does, in order."""
REACHED: Final = {
    State.ISSUED: 0,
    State.DELIVERED: 0,
    State.RECEIVED: 1,
    State.ACTING: 2,
}


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, code: str, tab: str = "summary") -> HttpResponse:
    """The page, or one of its tabs; a step that was sent is taken first."""
    holder = holder_in(request)
    item = policy.find(holder, HandOver, code=code)
    if tab not in dict(TABS):
        raise policy.nothing()
    offers, waiting = offered(holder, item)
    outcome: steps.Lost | bool | None = None
    if request.method == "POST":
        outcome = steps.take(request, offers)
        if outcome is True:
            messages.success(request, _("Done and recorded."))
            return redirect("handover", code)
        item = policy.find(holder, HandOver, code=code)
    is_contact = holder.duties <= {Duty.CONTACT}
    days = calendar.load()
    context: dict[str, Any] = {
        "item": item,
        "tab": tab,
        "tabs": tabs("handover", code, tab, [t for t in TABS if not (is_contact and t[0] == "timeline")]),
        "crumbs": [(_("Hand-overs"), reverse("handovers")), (str(item), "")],
        "clock": shown_clock(services.clock_of(item, days), item.stage),
        "is_over": item.state in OVER,
        "is_contact": is_contact,
        "hidden": policy.fields_hidden(holder, HandOver, item),
        "address": reverse("handover", args=[code]),
        "way": _way(item) if is_contact else [],
    }
    context |= steps.frame(offers, waiting, outcome if isinstance(outcome, steps.Lost) else None)
    context |= _of_tab(holder, item, tab, days)
    return render(request, "pages/handover.html", context, status=steps.status_of(outcome))


def offered(holder: Holder, item: HandOver) -> tuple[list[steps.Offer], list[tuple[Any, str]]]:
    """The steps in the order of work; forms that ask by lead know the leads."""
    found, waiting = steps.offers_of(holder, item, SHAPES)
    order = list(SHAPES)
    found.sort(key=lambda offer: order.index(offer.name))
    rows = policy.visible(holder, HandOverItem).filter(hand_over=item, status="open").select_related("lead")
    items = list(rows.order_by("position")) if any(o.name in WITH_ITEMS for o in found) else []
    for offer in found:
        if offer.name in WITH_ITEMS:
            offer.given = {"items": items}
    return found, waiting


def _way(item: HandOver) -> list[dict[str, Any]]:
    """The contact's steps: done, now, or still to come."""
    at = REACHED.get(item.state, len(WAY))  # type: ignore[call-overload]
    return [
        {"label": label, "text": text, "is_done": n < at, "is_now": n == at or (at == 2 and n == 3)}
        for n, (_name, label, text) in enumerate(WAY)
    ]


def _of_tab(holder: Holder, item: HandOver, tab: str, days: Any) -> dict[str, Any]:
    """What a tab alone needs."""
    if tab in ("items", "summary"):
        rows = policy.visible(holder, HandOverItem).filter(hand_over=item).order_by("position")
        found = list(rows.select_related("lead", "new_lead", "new_hand_over"))
        may_open = set(
            policy.visible(holder, Lead)
            .filter(pk__in=[i.lead_id for i in found])
            .values_list("pk", flat=True)
        )
        return {
            "items": found,
            "may_open": may_open,
            "item_hidden": policy.fields_hidden(holder, HandOverItem),
        }
    if tab == "documents":
        keys = [k for k in (item.letter_id, item.form_id) if k]
        urged = policy.visible(holder, Supervision).filter(hand_over=item).select_related("letter")
        letters = [s.letter_id for s in urged if s.letter_id]
        rows = policy.visible(holder, Document).filter(pk__in=[*keys, *letters]).select_related("made_by")
        return {"documents": list(rows.order_by("made_at")), "supervisions": list(urged)}
    if tab == "feedback":
        rows = policy.visible(holder, Feedback).filter(hand_over=item).select_related("item__lead", "made_by")
        return {"reports": list(rows.order_by("-round", "item__position"))}
    return {"events": history.of(item, holder)} if tab == "timeline" else {}


@login_required
@require_GET
def document(request: HttpRequest, code: str, key: UUID) -> HttpResponse:
    """A letter or form of the hand-over, as it was written."""
    holder = holder_in(request)
    item = policy.find(holder, HandOver, code=code)
    urged = policy.visible(holder, Supervision).filter(hand_over=item).values_list("letter_id", flat=True)
    if key not in {item.letter_id, item.form_id, *urged}:
        raise policy.nothing()
    found = policy.find(holder, Document, pk=key)
    return steps.download(open_document(holder, found), found.file_name, DOCX)


@login_required
@require_GET
def attachment(request: HttpRequest, code: str, key: UUID, sha256: str) -> HttpResponse:
    """A file that came with a report; who took it stands in the audit."""
    holder = holder_in(request)
    item = policy.find(holder, HandOver, code=code)
    found = policy.find(holder, Feedback, pk=key, hand_over=item)
    row = next((a for a in found.attachments if a.get("sha256") == sha256), None)
    if row is None:
        raise policy.nothing()
    data = b"".join(vault.read(sha256))
    with transaction.atomic():
        record("feedback.open", found, {"sha256": sha256}, region_code=item.region_code)
    return steps.download(data, str(row.get("name") or sha256))


def of_lead(holder: Holder, lead: Lead) -> dict[str, Any]:
    """The hand-over tab of a lead: where it lay and lies, and its clock over all of them."""
    rows = policy.visible(holder, HandOverItem).filter(lead=lead).select_related("hand_over")
    shown = list(rows.order_by("hand_over__state_since"))
    clock = services.lead_clock(lead, calendar.load()) if shown else None
    return {"placed": shown, "lead_clock": shown_clock(clock) if clock is not None else ""}


EXTRAS["handover"].append(of_lead)
