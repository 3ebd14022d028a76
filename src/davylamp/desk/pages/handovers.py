"""Hand-overs: the list, and new ones from leads that were chosen in the queue."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import django_filters
import django_tables2 as tables
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, region_prefix
from davylamp.desk.core import calendar
from davylamp.desk.core.templatetags import desk as words
from davylamp.desk.handover import deadlines, services
from davylamp.desk.handover.models import Ground, HandOver, HandOverItem, State
from davylamp.desk.leads.models import Lead, Severity
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.handover_forms import DraftForm
from davylamp.desk.pages.lead_table import DEADLINES, region_choices
from davylamp.desk.pages.leads import MOST_AT_ONCE, is_uuid
from davylamp.desk.pages.lists import DeskTable, listing, number_column
from davylamp.errors import DavylampError

OVER: Final = (State.CLOSED, State.WITHDRAWN, State.RETURNED)
STAGES: Final = {
    "receipt": gettext_lazy("receipt"),
    "feedback": gettext_lazy("report"),
    "review": gettext_lazy("review"),
}
LIGHTS: Final = {
    "overdue": ("late", gettext_lazy("overdue")),
    "due_soon": ("soon", gettext_lazy("due soon")),
    "on_time": ("fine", gettext_lazy("on time")),
}
INNER: Final = frozenset({"paused", "drafted_by"})
"""Columns that an organisation's contact does not see."""


def hidden_columns(holder: Holder) -> frozenset[str]:
    """Columns that this holder may not see."""
    return INNER if holder.duties <= {Duty.CONTACT} else frozenset()


def shown_clock(clock: deadlines.Clock, stage: str = "") -> str:
    """A deadline on the working calendar: what is due, the time, its word, how long still."""
    if clock.light == "paused" and clock.paused_since is not None:
        since = words.when(clock.paused_since)
        return format_html('<span class="soon">{}</span> {} {}', _("paused"), _("since"), since)
    if clock.due_at is None:
        return format_html('<span class="quiet">{}</span>', _("no deadline"))
    kind, word = LIGHTS[clock.light]
    text = '<time datetime="{}">{}</time> <span class="{}">{}</span> <span class="quiet small">{} {}</span>'
    at = clock.due_at
    return format_html(text, at.isoformat(), words.when(at), kind, word, STAGES.get(stage, ""), words.age(at))


class HandOverTable(DeskTable):
    """Hand-overs, one row each."""

    standard: ClassVar[tuple[str, ...]] = (
        "state", "organisation_name", "severity", "due_at", "leads", "paused", "region_code", "state_since",
    )  # fmt: skip

    code = tables.Column(verbose_name=gettext_lazy("Number"), order_by="number")
    state = tables.Column(verbose_name=gettext_lazy("State"))
    organisation_name = tables.Column(verbose_name=gettext_lazy("Recipient"), attrs={"td": {"class": "clip"}})
    severity = tables.Column(verbose_name=gettext_lazy("Urgency"))
    due_at = tables.Column(verbose_name=gettext_lazy("Due"), empty_values=())
    leads = number_column(gettext_lazy("Leads"))
    paused = tables.Column(verbose_name=gettext_lazy("Clock paused"), empty_values=())
    region_code = tables.Column(verbose_name=gettext_lazy("Region"), attrs={"td": {"class": "nowrap"}})
    round = number_column(gettext_lazy("Round"))
    drafted_by = tables.Column(
        verbose_name=gettext_lazy("Drafted by"), default="—", order_by="drafted_by__name"
    )
    state_since = tables.Column(verbose_name=gettext_lazy("State since"), attrs={"td": {"class": "nowrap"}})

    class Meta(DeskTable.Meta):
        order_by = ("due_at", "-state_since", "code")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.days, self.now = calendar.load(), timezone.now()

    def render_code(self, record: HandOver) -> str:
        """The link to its page."""
        return format_html('<a href="{}">{}</a>', reverse("handover", args=[record.code]), record)

    def render_state(self, record: HandOver) -> str:
        """As a badge."""
        return words.state(record)

    def render_due_at(self, record: HandOver) -> str:
        """On the working calendar."""
        return shown_clock(services.clock_of(record, self.days, self.now), record.stage)

    def render_paused(self, record: HandOver) -> str:
        """How many of its leads are on their way back to be attributed anew."""
        count = getattr(record, "paused", 0)
        if not count:
            return "—"
        told = ngettext("paused for %(n)d lead", "paused for %(n)d leads", count) % {"n": count}
        return format_html('<span class="soon">{}</span>', told)

    def render_region_code(self, value: str) -> str:
        """By name."""
        return words.region(value)

    def render_state_since(self, value: Any) -> str:
        """To the minute."""
        return words.when(value)


class HandOverFilter(django_filters.FilterSet):
    """What the list can be narrowed to."""

    q = django_filters.CharFilter(label=gettext_lazy("Text"), method="filter_text", max_length=200)
    state = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("State"), choices=State.choices, widget=forms.SelectMultiple(attrs={"size": 5})
    )
    due = django_filters.ChoiceFilter(
        label=gettext_lazy("Deadline"), choices=DEADLINES, method="filter_due", empty_label="—"
    )
    stage = django_filters.ChoiceFilter(
        label=gettext_lazy("Waits for"), choices=list(STAGES.items()), empty_label="—"
    )
    severity = django_filters.ChoiceFilter(
        label=gettext_lazy("Urgency"), choices=Severity.choices, empty_label="—"
    )
    region = django_filters.ChoiceFilter(
        label=gettext_lazy("Region"), method="filter_region", empty_label="—"
    )
    organisation = django_filters.CharFilter(
        label=gettext_lazy("Organisation's code"), field_name="organisation_code", max_length=64
    )

    class Meta:
        model = HandOver
        fields: ClassVar = []

    def __init__(self, data: Any, queryset: QuerySet[HandOver]) -> None:
        super().__init__(data, queryset=queryset)
        self.form.fields["region"].choices = region_choices(settings.PROVINCE)

    def filter_text(self, rows: QuerySet[HandOver], _name: str, value: str) -> QuerySet[HandOver]:
        """Number, code or recipient."""
        return rows.filter(
            Q(number__icontains=value) | Q(code__istartswith=value) | Q(organisation_name__icontains=value)
        )

    def filter_due(self, rows: QuerySet[HandOver], _name: str, value: str) -> QuerySet[HandOver]:
        """By deadline, among those that run."""
        now = timezone.now()
        if value == "none":
            return rows.filter(due_at=None).exclude(state__in=OVER)
        until = Q(due_at__lt=now) if value == "overdue" else Q(due_at__gte=now, due_at__lt=now + words.SOON)
        return rows.filter(until)

    def filter_region(self, rows: QuerySet[HandOver], _name: str, value: str) -> QuerySet[HandOver]:
        """The region and what lies below it."""
        return rows.filter(region_code__startswith=region_prefix(value))


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    """The list."""
    holder = holder_in(request)
    stands = Q(items__status="returned", items__ground=Ground.NOT_OURS, items__resumed_at=None)
    rows = policy.visible(holder, HandOver).select_related("drafted_by")
    rows = rows.annotate(
        leads=Count("items", distinct=True), paused=Count("items", filter=stands, distinct=True)
    )
    context = listing(request, HandOverTable, HandOverFilter(request.GET, rows), hidden_columns(holder))
    context |= {
        "title": _("Hand-overs"),
        "nothing_yet": _("Choose attributed leads in the queue and hand them over."),
    }
    return render(request, "pages/listing.html", context)


@dataclass
class Batch:
    """What would go to one organisation: leads that can go, those that stay with the reason, and a refusal."""

    code: str
    name: str
    leads: list[Lead]
    stays: list[tuple[Lead, str]]
    fault: DavylampError | None = None


@login_required
@require_POST
def new(request: HttpRequest) -> HttpResponse:
    """Preview one hand-over per recipient, then draft them; one that is refused stops no other."""
    holder = holder_in(request)
    keys = [k for k in request.POST.getlist("item")[:MOST_AT_ONCE] if is_uuid(k)]
    found = list(policy.visible(holder, Lead).filter(pk__in=keys).order_by("organisation_code", "number"))
    if not found:
        messages.warning(request, _("No lead was chosen."))
        return redirect("leads")
    batches = _batches(holder, found)
    is_sent = request.POST.get("do") == "draft"
    form = DraftForm(request.POST if is_sent else None)
    if is_sent and form.is_valid():
        made = [one for batch in batches if (one := _draft(holder, batch, form.cleaned_data)) is not None]
        batches = [b for b in batches if b.fault is not None]
        if made:
            told = ngettext("%(n)d hand-over drafted.", "%(n)d hand-overs drafted.", len(made))
            messages.success(request, told % {"n": len(made)})
        if not batches:
            return redirect("handover", made[0].code) if len(made) == 1 else redirect("handovers")
    context = {
        "batches": batches,
        "form": form,
        "count": sum(bool(b.leads) for b in batches),
        "crumbs": [(_("Hand-overs"), reverse("handovers")), (_("New hand-overs"), "")],
    }
    failed = is_sent and (not form.is_valid() or any(b.fault for b in batches))
    return render(request, "pages/handover_new.html", context, status=400 if failed else 200)


def _batches(holder: Holder, leads: list[Lead]) -> list[Batch]:
    """Leads by the organisation that they are attributed to; `draft` decides again."""
    lying = policy.visible(holder, HandOverItem).filter(lead__in=leads, status="open")
    taken = set(lying.values_list("lead_id", flat=True))
    groups: dict[str, Batch] = {}
    counted: dict[str, bool] = defaultdict(bool)
    for lead in leads:
        code = lead.organisation_code
        batch = groups.setdefault(code, Batch(code, lead.organisation_name or code, [], []))
        if code not in counted:
            counted[code] = policy.can_create(
                holder, HandOver, region_code=lead.region_code, organisation_code=code
            )
        why = _why_not(lead, taken, is_own=counted[code])
        if why:
            batch.stays.append((lead, why))
        else:
            batch.leads.append(lead)
    return list(groups.values())


def _why_not(lead: Lead, taken: set[Any], *, is_own: bool) -> str:
    if lead.pk in taken:
        return _("lies in another hand-over")
    if not lead.organisation_code or lead.state != "attributed":
        return _("its attribution is not confirmed")
    return "" if is_own else _("not yours to hand over")


def _draft(holder: Holder, batch: Batch, data: dict[str, Any]) -> HandOver | None:
    """One hand-over; a refusal stands beside the batch."""
    if not batch.leads:
        return None
    try:
        return services.draft(holder, batch.code, batch.leads, **data)
    except DavylampError as error:
        batch.fault = error
        return None
