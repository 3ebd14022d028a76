"""The queue: its columns, its filters, and how they leave as a workbook."""

from typing import Any, ClassVar, Final

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, region_prefix
from davylamp.desk.core.templatetags import desk as words
from davylamp.desk.leads.models import OPEN_STATES, Lead, Severity, State, Tier
from davylamp.desk.pages.lists import DeskTable, number_column
from davylamp.tables.regions import regions

DEADLINES: Final = (("overdue", _("overdue")), ("soon", _("due soon")), ("none", _("no deadline")))
HOLDERS: Final = (("me", _("me")), ("nobody", _("nobody")))
INNER: Final = frozenset({"weakest_link", "assigned_to", "wallet", "pool", "sector"})
"""Columns that an organisation's contact does not see (invariant 8)."""


def hidden_columns(holder: Holder) -> frozenset[str]:
    """Columns that this holder may not see."""
    return INNER if holder.duties <= {Duty.CONTACT} else frozenset()


class LeadTable(DeskTable):
    """Leads, one row each."""

    standard: ClassVar[tuple[str, ...]] = (
        "state", "severity", "due_at", "tier", "ip", "organisation_name", "region_code", "coin", "hashrate_hps",
        "kwh_per_day", "last_seen", "assigned_to",
    )  # fmt: skip

    number = tables.Column(verbose_name=_("Number"))
    state = tables.Column(verbose_name=_("State"))
    severity = tables.Column(verbose_name=_("Urgency"))
    due_at = tables.Column(verbose_name=_("Due"), empty_values=())
    tier = tables.Column(verbose_name=_("Verdict"), order_by="probability")
    ip = tables.Column(verbose_name=_("Address"), order_by="ip_sort", attrs={"td": {"class": "nowrap mono"}})
    organisation_name = tables.Column(
        verbose_name=_("Organisation"), attrs={"td": {"class": "clip"}}, empty_values=()
    )
    region_code = tables.Column(verbose_name=_("Region"), attrs={"td": {"class": "nowrap"}})
    sector = tables.Column(verbose_name=_("Sector"), default="—")
    coin = tables.Column(verbose_name=_("Coin"), empty_values=())
    hashrate_hps = number_column(_("Hashrate"), empty_values=())
    kwh_per_day = number_column(_("Electricity"), "kWh/d", empty_values=())
    machines = number_column(_("Machines"), empty_values=())
    accepted_shares = number_column(_("Shares"))
    observations_count = number_column(_("Observations"))
    episode = number_column(_("Episode"))
    pool = tables.Column(verbose_name=_("Pool"), default="—", attrs={"td": {"class": "clip"}})
    first_seen = tables.Column(verbose_name=_("First seen"), attrs={"td": {"class": "nowrap"}})
    last_seen = tables.Column(verbose_name=_("Last seen"), attrs={"td": {"class": "nowrap"}})
    weakest_link = tables.Column(
        verbose_name=_("Weakest link"), orderable=False, default="—", attrs={"td": {"class": "clip"}}
    )
    assigned_to = tables.Column(verbose_name=_("Assigned to"), default="—", order_by="assigned_to__name")

    class Meta(DeskTable.Meta):
        order_by = ("-severity", "due_at", "number")

    def render_number(self, record: Lead) -> str:
        """The link to its page; its check box when rows can be chosen."""
        href = reverse("lead", args=[record.number])
        return format_html('<a class="mono" href="{}">{}</a>', href, record.number)

    def render_state(self, record: Lead) -> str:
        """As a badge."""
        return words.state(record)

    def render_due_at(self, record: Lead) -> str:
        """Time, word, age."""
        return words.deadline(record.due_at, record.state not in OPEN_STATES)

    def render_tier(self, record: Lead) -> str:
        """Word and steps."""
        return words.tier(record)

    def render_organisation_name(self, record: Lead) -> str:
        """Name with its page; unknown with why."""
        if not record.organisation_code:
            return words.unknown(gettext("no registry row covers the address at that time"))
        name = record.organisation_name or record.organisation_code
        href = reverse("organisation", args=[record.organisation_code])
        return format_html('<a href="{}" title="{}">{}</a>', href, name, name)

    def render_region_code(self, value: str) -> str:
        """By name."""
        return words.region(value)

    def render_coin(self, record: Lead) -> str:
        """Ticker; the algorithm where no coin is known."""
        return (
            record.coin or record.algorithm or words.unknown(gettext("several coins use this proof of work"))
        )

    def render_hashrate_hps(self, record: Lead) -> str:
        """With its interval."""
        return words.hashrate(record)

    def render_kwh_per_day(self, record: Lead) -> str:
        """With its interval and grade; the unit stands in the head."""
        return words.figure(
            record.kwh_per_day_low, record.kwh_per_day, record.kwh_per_day_high, "", record.energy_grade
        )

    def render_machines(self, record: Lead) -> str:
        """With its interval."""
        return words.figure(record.machines_low, record.machines, record.machines_high)

    def render_accepted_shares(self, value: int) -> str:
        """An exact count."""
        return words.thousands(value)

    def render_first_seen(self, value: Any) -> str:
        """To the minute."""
        return words.when(value)

    def render_last_seen(self, value: Any) -> str:
        """To the minute."""
        return words.when(value)


def region_choices(province: str) -> list[tuple[str, str]]:
    """The cities and counties of a province that are in force or were, by code."""
    rows = [r for r in regions() if r.code[:2] == province[:2]]
    return [(r.code, ("　" if r.code[4:] != "00" else "") + r.name) for r in rows]


class LeadFilter(django_filters.FilterSet):
    """What the queue can be narrowed to."""

    q = django_filters.CharFilter(label=_("Text"), method="filter_text")
    state = django_filters.MultipleChoiceFilter(
        label=_("State"), choices=State.choices, widget=forms.SelectMultiple(attrs={"size": 5})
    )
    is_open = django_filters.ChoiceFilter(
        label=_("Open"),
        choices=(("1", _("open")), ("0", _("closed or merged"))),
        method="filter_open",
        empty_label="—",
    )
    tier = django_filters.ChoiceFilter(label=_("Verdict"), choices=Tier.choices, empty_label="—")
    severity = django_filters.ChoiceFilter(label=_("Urgency"), choices=Severity.choices, empty_label="—")
    due = django_filters.ChoiceFilter(
        label=_("Deadline"), choices=DEADLINES, method="filter_due", empty_label="—"
    )
    region = django_filters.ChoiceFilter(label=_("Region"), method="filter_region", empty_label="—")
    organisation = django_filters.CharFilter(label=_("Organisation's code"), field_name="organisation_code")
    sector = django_filters.CharFilter(label=_("Sector"), field_name="sector")
    coin = django_filters.CharFilter(label=_("Coin"), field_name="coin", lookup_expr="iexact")
    assigned = django_filters.ChoiceFilter(
        label=_("Assigned to"), choices=HOLDERS, method="filter_assigned", empty_label="—"
    )
    since = django_filters.DateFilter(
        label=_("Seen since"),
        field_name="last_seen",
        lookup_expr="date__gte",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    relapse = django_filters.BooleanFilter(
        label=_("Relapse"), field_name="relapse_of", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = Lead
        fields: ClassVar = []

    def __init__(self, data: Any, queryset: QuerySet[Lead], holder: Holder, province: str) -> None:
        super().__init__(data, queryset=queryset)
        self.holder = holder
        self.form.fields["region"].choices = region_choices(province)
        for name in ("q", "organisation", "sector", "coin"):
            self.form.fields[name].max_length = 200
            self.form.fields[name].widget.attrs["maxlength"] = 200

    def filter_text(self, rows: QuerySet[Lead], _name: str, value: str) -> QuerySet[Lead]:
        """Number, address, organisation, host, wallet or worker."""
        return rows.filter(matches(value, is_inner=not self.holder.duties <= {Duty.CONTACT}))

    def filter_open(self, rows: QuerySet[Lead], _name: str, value: str) -> QuerySet[Lead]:
        """Open, or not any more."""
        is_open = Q(state__in=sorted(OPEN_STATES))
        return rows.filter(is_open if value == "1" else ~is_open)

    def filter_due(self, rows: QuerySet[Lead], _name: str, value: str) -> QuerySet[Lead]:
        """By deadline, among the open."""
        now = timezone.now()
        open_ = rows.filter(state__in=sorted(OPEN_STATES))
        if value == "none":
            return open_.filter(due_at=None)
        until = Q(due_at__lt=now) if value == "overdue" else Q(due_at__gte=now, due_at__lt=now + words.SOON)
        return open_.filter(until)

    def filter_region(self, rows: QuerySet[Lead], _name: str, value: str) -> QuerySet[Lead]:
        """The region and what lies below it."""
        return rows.filter(region_code__startswith=region_prefix(value))

    def filter_assigned(self, rows: QuerySet[Lead], _name: str, value: str) -> QuerySet[Lead]:
        """Mine, or nobody's."""
        return rows.filter(assigned_to=self.holder.user_id if value == "me" else None)


def matches(text: str, *, is_inner: bool) -> Q:
    """Leads that a text is part of; what an outsider may not see is not searched for it either."""
    found = (
        Q(number__istartswith=text)
        | Q(ip__startswith=text)
        | Q(organisation_name__icontains=text)
        | Q(organisation_code=text)
        | Q(host__icontains=text)
    )
    return found | Q(wallet__startswith=text) | Q(worker__icontains=text) if is_inner else found
