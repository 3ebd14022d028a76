"""One lead: what was seen, whose it is, how sure, until when, what can be done."""

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.services import colleagues
from davylamp.desk.core import workflow
from davylamp.desk.leads.models import OPEN_STATES, Attribution, Lead, Observation
from davylamp.desk.pages import history
from davylamp.desk.pages.chain import links_of
from davylamp.desk.pages.frames import holder_in, tabs
from davylamp.desk.pages.lead_table import hidden_columns
from davylamp.desk.pages.leads import WORKERS, is_uuid

MOST_SIGHTINGS: Final = 100  # judged: the newest tell enough; all of them leave in the workbook
TABS: Final = (
    ("summary", gettext_lazy("Summary")),
    ("evidence", gettext_lazy("Evidence")),
    ("timeline", gettext_lazy("Timeline")),
    ("handover", gettext_lazy("Hand-over")),
    ("determination", gettext_lazy("Determination")),
)
STEP_WORDS: Final = {
    "attribute": gettext_lazy("Begin attribution"),
    "confirm": gettext_lazy("Confirm attribution"),
    "give_up": gettext_lazy("Cannot be attributed"),
    "match_project": gettext_lazy("Matches an approved project"),
    "send_away": gettext_lazy("Send to another province"),
}
"""Steps that a button of the lead's own page takes; hand-over, case and merging have pages of their own."""
Extra = Any
EXTRAS: Final[dict[str, list[Extra]]] = {name: [] for name, _label in TABS}
"""Functions from (holder, lead) to more context, by tab: rooms above add theirs when they are ready."""


@login_required
@require_GET
def show(request: HttpRequest, number: str, tab: str = "summary") -> HttpResponse:
    """The lead's page, or one of its tabs."""
    holder = holder_in(request)
    lead = policy.find(holder, Lead, number=number)
    if tab not in EXTRAS:
        raise policy.nothing()
    seen = policy.visible(holder, Attribution).filter(lead=lead).order_by("-made_at", "-id")
    latest = seen.first()
    context: dict[str, Any] = {
        "lead": lead,
        "tab": tab,
        "tabs": tabs("lead", number, tab, TABS),
        "crumbs": [(_("Leads"), reverse("leads")), (number, "")],
        "is_done": lead.state not in OPEN_STATES,
        "is_outside": bool(hidden_columns(holder)),
        "attribution": latest,
        "chain": [] if hidden_columns(holder) else links_of(lead, latest),
        "related": _related(holder, lead),
        "steps": steps_of(holder, lead),
        "people": _people(holder, lead),
    }
    context |= _more(holder, lead, tab, latest)
    for extra in EXTRAS[tab]:
        context |= extra(holder, lead)
    return render(request, "pages/lead.html", context)


def _more(holder: policy.Holder, lead: Lead, tab: str, latest: Attribution | None) -> dict[str, Any]:
    """What a tab alone needs."""
    if tab == "evidence":
        rows = policy.visible(holder, Observation).filter(lead=lead).order_by("-last_seen", "id")
        return {"sightings": list(rows[:MOST_SIGHTINGS]), "most": MOST_SIGHTINGS}
    if tab == "timeline":
        return {"events": history.of(lead, holder)}
    if tab == "summary":
        newest = (
            policy.visible(holder, Observation)
            .filter(lead=lead)
            .order_by("-probability", "-last_seen")
            .first()
        )
        return {"strongest": newest, "claims": list(latest.claims) if latest is not None else []}
    return {}


def _related(holder: policy.Holder, lead: Lead) -> list[tuple[str, Lead]]:
    """Earlier and later episodes and merged leads, as far as the holder may know of them."""
    near = policy.visible(holder, Lead).filter(key=lead.key).exclude(pk=lead.pk).order_by("episode")
    found = [(_("other episode"), one) for one in near[:10]]
    for words, key in ((_("relapse of"), lead.relapse_of_id), (_("merged into"), lead.merged_into_id)):
        one = policy.visible(holder, Lead).filter(pk=key).first() if key else None
        if one is not None and one.key != lead.key:
            found.append((words, one))
    found += [(_("merged here"), one) for one in policy.visible(holder, Lead).filter(merged_into=lead)[:10]]
    return found


def steps_of(holder: policy.Holder, lead: Lead) -> list[dict[str, Any]]:
    """The steps that the workflow offers here, each with its words and whether it asks for a reason."""
    return [
        {"name": s.name, "label": STEP_WORDS[s.name], "needs_reason": "reason" in s.needs}
        for s in workflow.available(lead, holder)
        if s.name in STEP_WORDS
    ]


def _people(holder: policy.Holder, lead: Lead) -> Any:
    """Who could have it, where this holder may assign it."""
    return colleagues(holder, WORKERS, lead.region_code) if policy.may(holder, "assign", lead) else None


@login_required
@require_POST
def step(request: HttpRequest, number: str) -> HttpResponse:
    """Take a step, from the version that the person saw."""
    holder = holder_in(request)
    lead = policy.find(holder, Lead, number=number)
    name = request.POST.get("step", "")
    if name not in {*STEP_WORDS, "assign"}:
        raise workflow.Refused("E-WFL-004", _("there is no such step"), _("reload the page"))
    seen = request.POST.get("version", "")
    data = {"reason": request.POST.get("reason", "").strip()[:2000]}
    if name == "assign":
        to = request.POST.get("to", "")
        people = colleagues(holder, WORKERS, lead.region_code)
        data["to"] = people.filter(pk=to).first() if is_uuid(to) else None
    with transaction.atomic():
        workflow.perform(lead, name, holder, data, version=int(seen) if seen.isdigit() else -1)
    messages.success(request, _("Done and recorded."))
    return redirect("lead", number)
