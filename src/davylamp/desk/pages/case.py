"""One case: what it is about, what is believed, taken, determined, asked for and done; each tab with its steps."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from davylamp.desk.access import policy
from davylamp.desk.cases import coverage, evidence, people, remedy, work, worksheet
from davylamp.desk.cases.models import (
    Case,
    CaseLead,
    CaseMember,
    CasePerson,
    CaseState,
    Determination,
    EvidenceItem,
    Hypothesis,
    IntegrityAlert,
    Mark,
    Objection,
    Recheck,
    Rectification,
    Recurrence,
    Task,
)
from davylamp.desk.cases.tables import indicators
from davylamp.desk.handover.clocks import Grade
from davylamp.desk.pages import case_disposal, case_offers, case_outcome, history, steps
from davylamp.desk.pages.case_offers import At
from davylamp.desk.pages.frames import holder_in, tabs
from davylamp.errors import DavylampError

TABS: Final = (
    ("summary", gettext_lazy("Summary")),
    ("hypotheses", gettext_lazy("Explanations")),
    ("tasks", gettext_lazy("Tasks")),
    ("evidence", gettext_lazy("Evidence")),
    ("determination", gettext_lazy("Determination")),
    ("remedy", gettext_lazy("Rectification")),
    ("disposal", gettext_lazy("Disposal")),
    ("timeline", gettext_lazy("Timeline")),
)
MOST_GAPS: Final = 20  # judged: the first ones tell which sensor to ask about
Offered = tuple[list[steps.Offer], list[tuple[Any, str]]]


def offered(at: At, tab: str) -> Offered:
    """The steps of a tab."""
    if tab == "summary":
        return case_offers.summary(at)
    if tab == "determination":
        return case_outcome.findings(at)
    if tab == "remedy":
        return case_outcome.remedies(at)
    parts = {
        "hypotheses": case_offers.hypotheses,
        "tasks": case_offers.tasks,
        "evidence": case_offers.evidence_steps,
        "disposal": case_disposal.offers,
    }
    return (list(parts[tab](at)), []) if tab in parts else ([], [])


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, number: str, tab: str = "summary") -> HttpResponse:
    """The page, or one of its tabs; a step that was sent is taken first."""
    holder = holder_in(request)
    case = policy.find(holder, Case, number=number)
    if tab not in dict(TABS):
        raise policy.nothing()
    at = At(holder, case)
    offers, waiting = offered(at, tab)
    outcome: steps.Lost | bool | None = None
    if request.method == "POST":
        outcome = steps.take(request, offers)
        if outcome is True:
            messages.success(request, _("Done and recorded."))
            return redirect("case-tab", number, tab) if tab != "summary" else redirect("case", number)
        at = At(holder, policy.find(holder, Case, number=number))
    context = frame(at, tab, offers, waiting, outcome)
    return render(request, "pages/case.html", context, status=steps.status_of(outcome))


def frame(
    at: At,
    tab: str,
    offers: list[steps.Offer],
    waiting: list[tuple[Any, str]],
    outcome: steps.Lost | bool | None = None,
) -> dict[str, Any]:
    """The context of the page."""
    case = at.case
    own = [o for o in offers if o.item.pk == case.pk]
    context: dict[str, Any] = {
        "case": case,
        "tab": tab,
        "tabs": tabs("case", case.number, tab, TABS),
        "crumbs": [(_("Cases"), reverse("cases")), (case.number, "")],
        "is_over": not at.is_open,
        "address": reverse("case-tab", args=[case.number, tab]),
        "effective": at.rows(Determination).filter(state=Determination.State.EFFECTIVE).first(),
    }
    context |= steps.frame(offers, waiting, outcome if isinstance(outcome, steps.Lost) else None)
    context["own"] = own
    parts = {
        "summary": _summary,
        "hypotheses": _hypotheses,
        "tasks": _tasks,
        "evidence": _evidence,
        "determination": _determination,
        "remedy": _remedy,
        "disposal": _disposal,
        "timeline": _timeline,
    }
    return context | parts[tab](at, offers)


def beside(rows: Iterable[Any], offers: list[steps.Offer]) -> list[dict[str, Any]]:
    """Rows, each with its own steps."""
    return [{"row": row, "offers": [o for o in offers if o.item.pk == row.pk]} for row in rows]


def _summary(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    case = at.case
    links = at.rows(CaseLead).filter(released_at=None).select_related("lead")
    earlier = at.rows(Recurrence).select_related("earlier")
    known = set(
        policy.visible(at.holder, Case)
        .filter(pk__in=[r.earlier_id for r in earlier])
        .values_list("pk", flat=True)
    )
    recheck = at.rows(Recheck).order_by("-checked_at").first()
    return {
        "links": beside(links, offers),
        "members": beside(at.rows(CaseMember).filter(ended_at=None).select_related("user"), offers),
        "clocks": beside(case_offers.legal_clocks(at), offers),
        "recurrences": [r for r in earlier if r.earlier_id in known],
        "open_tasks": at.rows(Task).filter(done_at=None, phase=case.state).count(),
        "last_recheck": recheck,
        "incident_words": dict(Grade.choices).get(case.incident_grade, ""),
    }


def _hypotheses(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    rows = at.rows(Hypothesis).prefetch_related("reasons__evidence", "reasons__written_by")
    return {"rows": beside(rows, offers)}


def _tasks(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    rows = list(at.rows(Task).select_related("done_by", "assigned_to"))
    done = {t.key for t in rows if t.done_at}
    shown = beside(rows, offers)
    for one in shown:
        task = one["row"]
        one["title"], one["detail"] = _(task.title), _(task.detail) if task.detail else ""
        one["first"] = work.titles(t for t in rows if t.key in task.after and t.key not in done)
    phases = dict(CaseState.choices)
    groups = {phase: [one for one in shown if one["row"].phase == phase] for phase in phases}
    return {"groups": [(phases[phase], rows) for phase, rows in groups.items() if rows]}


def _evidence(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    shown = beside(at.evidence, offers)
    alerts = beside(at.rows(IntegrityAlert, "item__case").select_related("looked_into_by"), offers)
    for one in shown:
        item = one["row"]
        one["summary"] = evidence.summary(item)
        one["custody"] = evidence.custody(item)
        one["checks"] = list(item.checks.all())
        one["alerts"] = [a for a in alerts if a["row"].item_id == item.pk]
    return {"rows": shown, "may_read": True}


def _determination(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    editions = at.rows(Determination).select_related("drafted_by", "reviewed_by", "replaces", "because_of")
    shown = beside(editions.order_by("-edition"), offers)
    marks = list(at.rows(Mark, "determination__case").select_related("evidence"))
    objections = list(at.rows(Objection, "determination__case"))
    names = indicators()
    for one in shown:
        found = one["row"]
        one["score"] = worksheet.score(found)
        one["marks"] = [
            (m, _(names[m.indicator].title) if m.indicator in names else m.indicator)
            for m in marks
            if m.determination_id == found.pk
        ]
        one["objections"] = [o for o in objections if o.determination_id == found.pk]
        is_draft = found.state in (Determination.State.DRAFT, Determination.State.RETURNED)
        one["lacks"] = list(worksheet.objections_to(found)) if is_draft else []
    return {"editions": shown}


def _remedy(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    rows = at.rows(Rectification).select_related("drafted_by", "accepted_by", "snapshot_before")
    context: dict[str, Any] = {
        "rows": beside(rows, offers),
        "rechecks": list(at.rows(Recheck).select_related("checked_by", "evidence")),
    }
    if at.case.state == CaseState.RECHECK and "recheck" in at.may:
        context["quiet"] = _quiet(at)
    return context


def _quiet(at: At) -> dict[str, Any]:
    """Since when it is quiet, how many days are needed, and when nobody could have seen it."""
    addresses = sorted(set(at.rows(CaseLead).filter(released_at=None).values_list("lead__ip", flat=True)))
    since, now = remedy.quiet_since(at.case, addresses), timezone.now()
    gaps = [str(gap) for ip in addresses for gap in coverage.gaps(ip, since, now)] if addresses else []
    return {
        "since": since,
        "days": max((now - since).days, 0),
        "needed": remedy.QUIET_DAYS,
        "gaps": gaps[:MOST_GAPS],
        "more": max(len(gaps) - MOST_GAPS, 0),
        "is_named": bool(addresses),
    }


def _disposal(at: At, offers: list[steps.Offer]) -> dict[str, Any]:
    context = case_disposal.context(at)
    for name in ("seized", "persons", "referrals"):
        context[name] = beside(context[name], offers)
    return context


def _timeline(at: At, _offers: list[steps.Offer]) -> dict[str, Any]:
    items = [at.case, *at.rows(Determination), *at.rows(Rectification)]
    events = [event for item in items for event in history.of(item, at.holder)]
    return {"events": sorted(events, key=lambda e: -e.seq)[: history.MOST_EVENTS]}


@login_required
@require_POST
def unmask(request: HttpRequest, number: str, key: UUID) -> HttpResponse:
    """Who a person is, once, for a purpose; the audit keeps both."""
    holder = holder_in(request)
    at = At(holder, policy.find(holder, Case, number=number))
    person = policy.find(holder, CasePerson, pk=key, case=at.case)
    context = frame(at, "disposal", *offered(at, "disposal"))
    status = 200
    context["asked"] = key
    try:
        context["clear"] = people.unmask(holder, person, request.POST.get("purpose", ""))
    except (policy.Hidden, policy.Forbidden):
        raise
    except DavylampError as error:
        context["unmask_fault"], context["purpose"], status = (
            error,
            request.POST.get("purpose", "")[:300],
            400,
        )
    return render(request, "pages/case.html", context, status=status)


@login_required
@require_POST
def evidence_file(request: HttpRequest, number: str, key: UUID) -> HttpResponse:
    """The bytes of an item, checked, for a purpose; the audit keeps both."""
    holder = holder_in(request)
    case = policy.find(holder, Case, number=number)
    item = policy.find(holder, EvidenceItem, pk=key, case=case)
    data = b"".join(evidence.read(holder, item, request.POST.get("purpose", "")))
    return steps.download(data, item.file_name or item.number)
