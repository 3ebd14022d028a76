"""Cases: the list, opening one from a lead, and the determination tab of a lead."""

from typing import Any, ClassVar, Final

import django_filters
import django_tables2 as tables
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder, region_prefix
from davylamp.desk.cases import work
from davylamp.desk.cases.models import Case, CaseLead, CaseState, Determination, Label
from davylamp.desk.cases.models.case import OPEN_CASE
from davylamp.desk.core.templatetags import desk as words
from davylamp.desk.core.workflow import WORKFLOWS
from davylamp.desk.leads.models import Lead, Severity
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.lead import EXTRAS
from davylamp.desk.pages.lead_table import DEADLINES, HOLDERS, region_choices
from davylamp.desk.pages.leads import MOST_AT_ONCE, is_uuid
from davylamp.desk.pages.lists import DeskTable, listing

BACK: Final = (("1", gettext_lazy("came back")),)


class CaseTable(DeskTable):
    """Cases, one row each."""

    standard: ClassVar[tuple[str, ...]] = (
        "state", "label", "organisation_name", "severity", "due_at", "region_code", "opened_at", "assigned_to",
    )  # fmt: skip

    number = tables.Column(verbose_name=gettext_lazy("Number"))
    state = tables.Column(verbose_name=gettext_lazy("State"))
    label = tables.Column(verbose_name=gettext_lazy("Determination"), empty_values=())
    organisation_name = tables.Column(
        verbose_name=gettext_lazy("Organisation"), default="—", attrs={"td": {"class": "clip"}}
    )
    title = tables.Column(verbose_name=gettext_lazy("Title"), attrs={"td": {"class": "clip"}})
    severity = tables.Column(verbose_name=gettext_lazy("Urgency"))
    due_at = tables.Column(verbose_name=gettext_lazy("Due"), empty_values=())
    region_code = tables.Column(verbose_name=gettext_lazy("Region"), attrs={"td": {"class": "nowrap"}})
    opened_at = tables.Column(verbose_name=gettext_lazy("Opened"), attrs={"td": {"class": "nowrap"}})
    closed_at = tables.Column(
        verbose_name=gettext_lazy("Closed"), default="—", attrs={"td": {"class": "nowrap"}}
    )
    assigned_to = tables.Column(
        verbose_name=gettext_lazy("Assigned to"), default="—", order_by="assigned_to__name"
    )

    class Meta(DeskTable.Meta):
        order_by = ("-severity", "due_at", "number")

    def render_number(self, value: str) -> str:
        """The link to its page."""
        return format_html('<a class="mono" href="{}">{}</a>', reverse("case", args=[value]), value)

    def render_state(self, record: Case) -> str:
        """As a badge."""
        return words.state(record)

    def render_label(self, record: Case) -> str:
        """In effect; before that everything is suspected."""
        if record.label:
            return str(record.get_label_display())
        return format_html('<span class="quiet">{}</span>', _("not determined"))

    def render_due_at(self, record: Case) -> str:
        """Time, word, age."""
        return words.deadline(record.due_at, record.state == CaseState.CLOSED)

    def render_region_code(self, value: str) -> str:
        """By name."""
        return words.region(value)

    def render_opened_at(self, value: Any) -> str:
        """To the minute."""
        return words.when(value)

    def render_closed_at(self, value: Any) -> str:
        """To the minute."""
        return words.when(value)


class CaseFilter(django_filters.FilterSet):
    """What the list can be narrowed to."""

    q = django_filters.CharFilter(label=gettext_lazy("Text"), method="filter_text", max_length=200)
    state = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("State"), choices=CaseState.choices, widget=forms.SelectMultiple(attrs={"size": 5})
    )
    label = django_filters.ChoiceFilter(
        label=gettext_lazy("Determination"), choices=Label.choices, empty_label="—"
    )
    severity = django_filters.ChoiceFilter(
        label=gettext_lazy("Urgency"), choices=Severity.choices, empty_label="—"
    )
    due = django_filters.ChoiceFilter(
        label=gettext_lazy("Deadline"), choices=DEADLINES, method="filter_due", empty_label="—"
    )
    region = django_filters.ChoiceFilter(
        label=gettext_lazy("Region"), method="filter_region", empty_label="—"
    )
    assigned = django_filters.ChoiceFilter(
        label=gettext_lazy("Assigned to"), choices=HOLDERS, method="filter_assigned", empty_label="—"
    )
    back = django_filters.ChoiceFilter(
        label=gettext_lazy("Relapse"), choices=BACK, method="filter_back", empty_label="—"
    )

    class Meta:
        model = Case
        fields: ClassVar = []

    def __init__(self, data: Any, queryset: QuerySet[Case], holder: Holder) -> None:
        super().__init__(data, queryset=queryset)
        self.holder = holder
        self.form.fields["region"].choices = region_choices(settings.PROVINCE)

    def filter_text(self, rows: QuerySet[Case], _name: str, value: str) -> QuerySet[Case]:
        """Number, title or organisation."""
        return rows.filter(
            Q(number__istartswith=value) | Q(title__icontains=value) | Q(organisation_name__icontains=value)
        )

    def filter_due(self, rows: QuerySet[Case], _name: str, value: str) -> QuerySet[Case]:
        """By deadline, among the open."""
        now, open_ = timezone.now(), rows.filter(state__in=sorted(OPEN_CASE))
        if value == "none":
            return open_.filter(due_at=None)
        until = Q(due_at__lt=now) if value == "overdue" else Q(due_at__gte=now, due_at__lt=now + words.SOON)
        return open_.filter(until)

    def filter_region(self, rows: QuerySet[Case], _name: str, value: str) -> QuerySet[Case]:
        """The region and what lies below it."""
        return rows.filter(region_code__startswith=region_prefix(value))

    def filter_assigned(self, rows: QuerySet[Case], _name: str, value: str) -> QuerySet[Case]:
        """Mine, or nobody's."""
        return rows.filter(assigned_to=self.holder.user_id if value == "me" else None)

    def filter_back(self, rows: QuerySet[Case], _name: str, _value: str) -> QuerySet[Case]:
        """Those that are the return of another."""
        return rows.filter(recurrences__isnull=False).distinct()


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    """The list."""
    holder = holder_in(request)
    rows = policy.visible(holder, Case).select_related("assigned_to")
    context = listing(request, CaseTable, CaseFilter(request.GET, rows, holder))
    context |= {
        "title": _("Cases"),
        "nothing_yet": _("A case is opened from a lead that was handed over."),
    }
    return render(request, "pages/listing.html", context)


@login_required
@require_POST
def new(request: HttpRequest) -> HttpResponse:
    """Open a case from leads of one organisation."""
    holder = holder_in(request)
    keys = [k for k in request.POST.getlist("item")[:MOST_AT_ONCE] if is_uuid(k)]
    leads = list(policy.visible(holder, Lead).filter(pk__in=keys))
    if not leads:
        raise policy.nothing()
    made = work.open_case(holder, leads, request.POST.get("title", ""), request.POST.get("reason", "")[:300])
    messages.success(request, _("Done and recorded."))
    return redirect("case", made.number)


def of_lead(holder: Holder, lead: Lead) -> dict[str, Any]:
    """The determination tab of a lead: its cases, what is in effect, and whether a case can be opened."""
    links = policy.visible(holder, CaseLead).filter(lead=lead).select_related("case")
    shown = [link.case for link in links.order_by("-case__opened_at")]
    kinds = Determination.State
    found = policy.visible(holder, Determination).filter(case__in=shown, state=kinds.EFFECTIVE)
    may_open = (
        not any(link.released_at is None for link in links)
        and lead.state in WORKFLOWS[Lead]["verify"].sources | {"verifying"}
        and policy.can_create(
            holder, Case, region_code=lead.region_code, organisation_code=lead.organisation_code
        )
    )
    return {
        "lead_cases": shown,
        "in_effect": list(found.select_related("case", "reviewed_by")),
        "may_open_case": may_open and bool(lead.organisation_code),
    }


EXTRAS["determination"].append(of_lead)
