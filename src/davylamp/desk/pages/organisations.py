"""Organisations: the list, and one organisation with its networks, leads and contacts."""

from typing import Any, ClassVar, Final

import django_filters
import django_tables2 as tables
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder, region_prefix
from davylamp.desk.core.templatetags import desk as words
from davylamp.desk.leads.models import OPEN_STATES, Lead
from davylamp.desk.pages.frames import holder_in, tabs
from davylamp.desk.pages.lead_table import region_choices
from davylamp.desk.pages.lists import DeskTable, listing, number_column
from davylamp.desk.registry.models import ContactPoint, Organisation
from davylamp.desk.registry.networks import networks_of
from davylamp.desk.registry.services import unmask

MOST_LEADS: Final = 100
TABS: Final = (
    ("summary", gettext_lazy("Summary")),
    ("networks", gettext_lazy("Networks")),
    ("leads", gettext_lazy("Leads")),
    ("contacts", gettext_lazy("Contacts")),
)
LAYERS: Final = {
    "imported": gettext_lazy("imported"),
    "declared": gettext_lazy("declared"),
    "verified": gettext_lazy("verified"),
}


class OrganisationTable(DeskTable):
    """Organisations, one row each."""

    standard: ClassVar[tuple[str, ...]] = (
        "region_code",
        "sector",
        "is_public",
        "department",
        "open_leads",
        "all_leads",
    )

    name = tables.Column(verbose_name=gettext_lazy("Organisation"))
    code = tables.Column(verbose_name=gettext_lazy("Code"), attrs={"td": {"class": "mono nowrap"}})
    region_code = tables.Column(verbose_name=gettext_lazy("Region"), attrs={"td": {"class": "nowrap"}})
    sector = tables.Column(verbose_name=gettext_lazy("Sector"), default="—")
    is_public = tables.Column(verbose_name=gettext_lazy("Public body"), empty_values=())
    department = tables.Column(verbose_name=gettext_lazy("Competent department"), default="—")
    open_leads = number_column(gettext_lazy("Open leads"), orderable=False, empty_values=())
    all_leads = number_column(gettext_lazy("All leads"), orderable=False, empty_values=())

    class Meta(DeskTable.Meta):
        order_by = ("region_code", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counts: dict[str, tuple[int, int]] = {}

    def render_name(self, record: Organisation) -> str:
        """The link to its page."""
        return format_html('<a href="{}">{}</a>', reverse("organisation", args=[record.code]), record.name)

    def render_region_code(self, value: str) -> str:
        """By name."""
        return words.region(value)

    def render_is_public(self, value: bool | None) -> str:
        """Yes, no, unknown."""
        return words.unknown() if value is None else _("yes") if value else _("no")

    def render_open_leads(self, record: Organisation) -> str:
        """Of those that the reader sees."""
        return words.thousands(self.counts.get(record.code, (0, 0))[0])

    def render_all_leads(self, record: Organisation) -> str:
        """Of those that the reader sees."""
        return words.thousands(self.counts.get(record.code, (0, 0))[1])


class OrganisationFilter(django_filters.FilterSet):
    """What the list can be narrowed to."""

    q = django_filters.CharFilter(label=gettext_lazy("Text"), method="filter_text")
    region = django_filters.ChoiceFilter(
        label=gettext_lazy("Region"), method="filter_region", empty_label="—"
    )
    sector = django_filters.CharFilter(label=gettext_lazy("Sector"), field_name="sector")
    public = django_filters.BooleanFilter(label=gettext_lazy("Public body"), field_name="is_public")

    class Meta:
        model = Organisation
        fields: ClassVar = []

    def __init__(self, data: Any, queryset: QuerySet[Organisation]) -> None:
        super().__init__(data, queryset=queryset)
        self.form.fields["region"].choices = region_choices(settings.PROVINCE)

    def filter_text(self, rows: QuerySet[Organisation], _name: str, value: str) -> QuerySet[Organisation]:
        """Name or code."""
        return rows.filter(Q(name__icontains=value) | Q(code__istartswith=value))

    def filter_region(self, rows: QuerySet[Organisation], _name: str, value: str) -> QuerySet[Organisation]:
        """The region and what lies below it."""
        return rows.filter(region_code__startswith=region_prefix(value))


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    """The list."""
    holder = holder_in(request)
    filters = OrganisationFilter(request.GET, policy.visible(holder, Organisation))
    context = listing(request, OrganisationTable, filters)
    codes = [row.code for row in context["page"].object_list.data]
    context["table"].counts = lead_counts(holder, codes)
    context |= {
        "title": _("Organisations"),
        "nothing_yet": _("Organisations come in with the registry's ledger."),
    }
    return render(request, "pages/listing.html", context)


def lead_counts(holder: Holder, codes: list[str]) -> dict[str, tuple[int, int]]:
    """Open and all leads by organisation, of those that the holder sees."""
    rows = policy.visible(holder, Lead).filter(organisation_code__in=codes).order_by()
    counted = rows.values("organisation_code").annotate(
        every=Count("pk"), still=Count("pk", filter=Q(state__in=sorted(OPEN_STATES)))
    )
    return {row["organisation_code"]: (row["still"], row["every"]) for row in counted}


@login_required
@require_GET
def show(request: HttpRequest, code: str, tab: str = "summary") -> HttpResponse:
    """One organisation, or one of its tabs."""
    holder = holder_in(request)
    organisation = policy.find(holder, Organisation, code=code)
    if tab not in dict(TABS):
        raise policy.nothing()
    return render(request, "pages/organisation.html", _context(holder, organisation, tab))


def _context(holder: Holder, organisation: Organisation, tab: str) -> dict[str, Any]:
    code = organisation.code
    context: dict[str, Any] = {
        "organisation": organisation,
        "tab": tab,
        "tabs": tabs("organisation", code, tab, TABS),
        "crumbs": [(_("Organisations"), reverse("organisations")), (organisation.name, "")],
        "counts": lead_counts(holder, [code]).get(code, (0, 0)),
        "parent": policy.visible(holder, Organisation).filter(code=organisation.parent_code or "-").first(),
        "successor": policy.visible(holder, Organisation)
        .filter(code=organisation.successor_code or "-")
        .first(),
    }
    leads = policy.visible(holder, Lead).filter(organisation_code=code).order_by("-last_seen", "number")
    if tab == "summary":
        below = policy.visible(holder, Organisation).filter(parent_code=code).order_by("code")
        context |= {
            "below": list(below[:MOST_LEADS]),
            "leads": list(leads.filter(state__in=sorted(OPEN_STATES))[:10]),
        }
    elif tab == "networks":
        context |= {"networks": networks_of(organisation), "layers": LAYERS}
    elif tab == "leads":
        context["leads"] = list(leads[:MOST_LEADS])
    elif tab == "contacts":
        rows = policy.visible(holder, ContactPoint).filter(organisation_code=code)
        context["contacts"] = list(rows.order_by("ended_at", "pk"))
        context["may_unmask"] = bool(holder.duties & policy.MATRIX[ContactPoint]["unmask"])
    return context


@login_required
@require_POST
def reveal(request: HttpRequest, code: str, key: str) -> HttpResponse:
    """Personal data of one contact in clear, once, for a purpose that the audit keeps (invariant 22)."""
    holder = holder_in(request)
    organisation = policy.find(holder, Organisation, code=code)
    contact = policy.find(holder, ContactPoint, pk=key, organisation_code=code)
    clear = unmask(contact, holder, request.POST.get("purpose", "")[:500])
    context = _context(holder, organisation, "contacts") | {"clear": clear, "clear_of": contact.pk}
    return render(request, "pages/organisation.html", context)
