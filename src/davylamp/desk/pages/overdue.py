"""What is late: by organisation, and each lead, the oldest deadline first."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from davylamp.desk.access import policy
from davylamp.desk.leads.models import OPEN_STATES, Lead
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.lead_table import LeadFilter, LeadTable, hidden_columns
from davylamp.desk.pages.lists import listing
from davylamp.desk.statistics import figures


class OverdueTable(LeadTable):
    """The queue's columns, the oldest deadline first."""

    standard = ("due_at", "state", "severity", "organisation_name", "region_code", "ip", "assigned_to")

    class Meta(LeadTable.Meta):
        order_by = ("due_at", "number")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The list."""
    holder = holder_in(request)
    late = policy.visible(holder, Lead).filter(state__in=sorted(OPEN_STATES), due_at__lt=timezone.now())
    filters = LeadFilter(request.GET, late.select_related("assigned_to"), holder, settings.PROVINCE)
    context = listing(request, OverdueTable, filters, hidden_columns(holder))
    context |= {
        "title": _("Overdue"),
        "nothing_yet": _("Nothing is late."),
        "late_organisations": figures.overdue_by_organisation(holder) if not hidden_columns(holder) else [],
    }
    return render(request, "pages/overdue.html", context)
