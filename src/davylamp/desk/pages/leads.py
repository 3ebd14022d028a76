"""The queue of leads, its workbook, and many assigned at once with a preview."""

from functools import reduce
from operator import or_
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty, User
from davylamp.desk.access.services import colleagues
from davylamp.desk.core import workflow
from davylamp.desk.handover.models import HandOver
from davylamp.desk.leads.models import Lead
from davylamp.desk.pages.frames import holder_in, workbook
from davylamp.desk.pages.lead_table import LeadFilter, LeadTable, hidden_columns
from davylamp.desk.pages.lists import columns_of, listing, order_of
from davylamp.errors import DavylampError

MOST_AT_ONCE: Final = 200  # as many as one page shows
WORKERS: Final = (Duty.ANALYST, Duty.APPROVER)


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The queue."""
    holder = holder_in(request)
    rows = policy.visible(holder, Lead).select_related("assigned_to")
    filters = LeadFilter(request.GET, rows, holder, settings.PROVINCE)
    context = listing(request, LeadTable, filters, hidden_columns(holder))
    may_assign = bool(holder.duties & policy.MATRIX[Lead]["assign"])
    may_export = bool(holder.duties & policy.MATRIX[Lead]["export"])
    context |= {
        "title": _("Leads"),
        "can_choose": may_assign,
        "may_hand_over": bool(holder.duties & policy.MATRIX[HandOver]["create"]),
        "export_url": reverse("leads-export") if may_export else "",
        "nothing_yet": _("Leads appear here when sightings come in for your region."),
    }
    return render(request, "pages/leads.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The rows and columns of the queue as they stand on the screen, as a workbook."""
    from davylamp.desk.documents.excel import Column, Table
    from davylamp.desk.pages.lead_export import cells_of, kind_of, value_of

    holder = holder_in(request)
    rows = policy.actionable(holder, "export", Lead).select_related("assigned_to")
    hidden = hidden_columns(holder)
    filters = LeadFilter(request.GET, rows, holder, settings.PROVINCE)
    found = filters.qs if filters.is_valid() else rows.none()
    order = [_order_field(o) for o in order_of(LeadTable, request.GET, hidden)]
    names = columns_of(LeadTable, request.GET, hidden)
    columns = [
        Column(head, kind_of(part))
        for name in names
        for part, head in cells_of(name, LeadTable.base_columns[name])
    ]
    parts = [part for name in names for part, _head in cells_of(name, LeadTable.base_columns[name])]
    body = [[value_of(lead, part) for part in parts] for lead in found.order_by(*order)]
    facts = {"rows": len(body), "query": request.GET.urlencode()[:2000], "columns": names}
    return workbook(request, "lead", [Table(_("Leads"), columns, body)], facts)


def _order_field(order: str) -> str:
    """A column's order as the database knows it."""
    sign, name = ("-", order[1:]) if order.startswith("-") else ("", order)
    by = LeadTable.base_columns[name].order_by
    return sign + (by[0] if by else name)


@login_required
@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    """Preview, then assign: each lead by itself, so that one that changed meanwhile stops no other."""
    holder = holder_in(request)
    keys = [k for k in request.POST.getlist("item")[:MOST_AT_ONCE] if is_uuid(k)]
    found = list(
        policy.visible(holder, Lead).filter(pk__in=keys).select_related("assigned_to").order_by("number")
    )
    if not found:
        messages.warning(request, _("No lead was chosen."))
        return redirect("leads")
    reach = {code: colleagues(holder, WORKERS, code) for code in {lead.region_code for lead in found}}
    people = reduce(or_, reach.values()).distinct()
    to = request.POST.get("to", "")
    chosen = people.filter(pk=to).first() if is_uuid(to) else None
    whys = _why_nots(
        holder, found, chosen, {code for code, ones in reach.items() if chosen and chosen in ones}
    )
    rows = [{"lead": lead, "why_not": whys[lead.pk]} for lead in found]
    if request.POST.get("step") == "do" and chosen is not None:
        _assign_all(request, [r["lead"] for r in rows if not r["why_not"]], chosen)
        return redirect("leads")
    context = {
        "rows": rows,
        "people": people,
        "chosen": chosen,
        "count": sum(not r["why_not"] for r in rows),
        "reason": request.POST.get("reason", "")[:200],
        "crumbs": [(_("Leads"), reverse("leads")), (_("Assign leads"), "")],
    }
    return render(request, "pages/lead_assign.html", context)


def _why_nots(
    holder: policy.Holder, leads: list[Lead], chosen: User | None, reached: set[str]
) -> dict[Any, str]:
    """Why each lead would stay as it is; empty where it would change. `perform` decides again."""
    own = set(
        policy.actionable(holder, "assign", Lead)
        .filter(pk__in=[x.pk for x in leads])
        .values_list("pk", flat=True)
    )
    sources = workflow.WORKFLOWS[Lead]["assign"].sources

    def why(lead: Lead) -> str:
        if lead.pk not in own:
            return _("not yours to assign")
        if lead.state not in sources:
            return _("not possible in this state")
        if chosen is not None and lead.assigned_to_id == chosen.pk:
            return _("has it already")
        return (
            _("this account does not work in that region")
            if chosen and lead.region_code not in reached
            else ""
        )

    return {lead.pk: why(lead) for lead in leads}


def _assign_all(request: HttpRequest, leads: list[Lead], chosen: User) -> None:
    done, faults = 0, []
    for lead in leads:
        seen = request.POST.get(f"version-{lead.pk}", "")
        data = {"to": chosen, "reason": request.POST.get("reason", "")[:200]}
        try:
            with transaction.atomic():
                workflow.perform(
                    lead, "assign", holder_in(request), data, version=int(seen) if seen.isdigit() else -1
                )
            done += 1
        except DavylampError as error:
            faults.append(f"{lead.number}: {error.message} ({error.code})")
    words = ngettext("%(count)d lead assigned to %(name)s.", "%(count)d leads assigned to %(name)s.", done)
    messages.success(request, words % {"count": done, "name": chosen})
    for fault in faults[:20]:
        messages.error(request, fault)


def is_uuid(text: str) -> bool:
    """Whether a text has the form of a key."""
    from uuid import UUID

    try:
        UUID(text)
    except ValueError:
        return False
    return True
