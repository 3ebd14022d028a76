"""The auditor's search: who did what to what, when, with which reason; and whether the chain is sound."""

from typing import Any, ClassVar, Final

import django_filters
import django_tables2 as tables
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden
from davylamp.desk.audit.checkpoints import public_hex, read_checkpoints, signing_key
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.audit.record import record
from davylamp.desk.audit.verify import verify
from davylamp.desk.core.templatetags import desk as words
from davylamp.desk.pages import history
from davylamp.desk.pages.frames import holder_in, workbook
from davylamp.desk.pages.lists import DeskTable, listing

DAY: Final = forms.DateInput(attrs={"type": "date"})
MOST_EXPORTED: Final = 50_000  # judged: an extract; the whole chain is verified by the command


class AuditTable(DeskTable):
    """Audit rows."""

    standard: ClassVar[tuple[str, ...]] = (
        "at",
        "actor_label",
        "action",
        "object_type",
        "region_code",
        "reason",
    )

    seq = tables.Column(verbose_name=gettext_lazy("Row"))
    at = tables.Column(verbose_name=gettext_lazy("Time"), attrs={"td": {"class": "nowrap"}})
    actor_label = tables.Column(verbose_name=gettext_lazy("Who"), attrs={"td": {"class": "nowrap"}})
    channel = tables.Column(verbose_name=gettext_lazy("Way"))
    action = tables.Column(verbose_name=gettext_lazy("What"), attrs={"td": {"class": "nowrap"}})
    object_type = tables.Column(verbose_name=gettext_lazy("To what"), attrs={"td": {"class": "nowrap"}})
    object_id = tables.Column(verbose_name=gettext_lazy("Key"), attrs={"td": {"class": "mono nowrap"}})
    region_code = tables.Column(verbose_name=gettext_lazy("Region"), empty_values=())
    reason = tables.Column(verbose_name=gettext_lazy("Reason"), default="—", attrs={"td": {"class": "clip"}})
    hash = tables.Column(
        verbose_name=gettext_lazy("Hash"), orderable=False, attrs={"td": {"class": "mono clip"}}
    )

    class Meta(DeskTable.Meta):
        order_by = ("-seq",)

    def render_seq(self, value: int) -> str:
        """The link to the row alone."""
        return format_html('<a href="{}?seq={}">{}</a>', reverse("audit"), value, value)

    def render_at(self, value: Any) -> str:
        """To the minute."""
        return words.when(value)

    def render_action(self, value: str) -> str:
        """In words, and as it is written."""
        return format_html('{} <span class="quiet mono">{}</span>', history.action_words(value), value)

    def render_region_code(self, value: str) -> str:
        """By name; the province's own rows have none."""
        return words.region(value) if value else _("the province's own")


class AuditFilter(django_filters.FilterSet):
    """What the search can be narrowed to."""

    q = django_filters.CharFilter(label=gettext_lazy("Text"), method="filter_text")
    who = django_filters.CharFilter(
        label=gettext_lazy("Who"), field_name="actor_label", lookup_expr="icontains"
    )
    action = django_filters.CharFilter(
        label=gettext_lazy("What"), field_name="action", lookup_expr="icontains"
    )
    kind = django_filters.CharFilter(
        label=gettext_lazy("To what"), field_name="object_type", lookup_expr="icontains"
    )
    key = django_filters.CharFilter(label=gettext_lazy("Key"), field_name="object_id")
    seq = django_filters.NumberFilter(label=gettext_lazy("Row"), field_name="seq", max_value=2**62)
    since = django_filters.DateFilter(
        label=gettext_lazy("From"),
        field_name="at",
        lookup_expr="date__gte",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = django_filters.DateFilter(
        label=gettext_lazy("To"),
        field_name="at",
        lookup_expr="date__lte",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    personal = django_filters.BooleanFilter(
        label=gettext_lazy("Read or taken away"), method="filter_personal"
    )

    class Meta:
        model = AuditEvent
        fields: ClassVar = []

    def filter_text(self, rows: QuerySet[AuditEvent], _name: str, value: str) -> QuerySet[AuditEvent]:
        """Reason, changes, or who."""
        return rows.filter(
            Q(reason__icontains=value) | Q(changes__icontains=value) | Q(actor_label__icontains=value)
        )

    def filter_personal(self, rows: QuerySet[AuditEvent], _name: str, value: bool) -> QuerySet[AuditEvent]:
        """Reads of personal data, exports, pages of persons that were opened."""
        told = Q(action__endswith=".unmask") | Q(action__endswith=".export") | Q(action__endswith=".open")
        return rows.filter(told if value else ~told)


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The search, and one row in full when it is asked for."""
    holder = holder_in(request)
    if Duty.AUDITOR not in holder.duties:
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    return render(request, "pages/audit.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    holder = holder_in(request)
    filters = AuditFilter(request.GET, policy.visible(holder, AuditEvent))
    context = listing(request, AuditTable, filters)
    rows = list(context["page"].object_list.data)
    one = rows[0] if len(rows) == 1 else None
    context |= {
        "title": _("Audit"),
        "one": one,
        "one_told": history.told([one], holder)[0] if one is not None else None,
        "checkpoints": len(list((settings.HOME / "checkpoints").glob("*.checkpoint.json"))),
        "export_url": reverse("audit-export"),
    }
    return context


@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Recompute the whole chain and hold it against the checkpoints; that somebody did is a row too."""
    holder = holder_in(request)
    if Duty.AUDITOR not in holder.duties:
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    key = public_hex(signing_key(settings.HOME / "keys"))
    verdict = verify(read_checkpoints(settings.HOME / "checkpoints"), key)
    with transaction.atomic():
        record("audit.verify", ("audit", "chain"), {"rows": verdict.rows, "sound": verdict.is_sound})
    return render(request, "pages/audit.html", _context(request) | {"verdict": verdict})


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """An extract with the hashes, so that it can be held against the chain."""
    from davylamp.desk.documents.excel import Column, Kind, Table

    rows = policy.visible(holder_in(request), AuditEvent)
    filters = AuditFilter(request.GET, rows)
    found = (filters.qs if filters.is_valid() else rows.none()).order_by("seq")[:MOST_EXPORTED]
    heads = [Column(_("Row"), Kind.integer), Column(_("Time"), Kind.moment)]
    heads += [Column(name, Kind.code) for name in (*AuditEvent.WORDS, "prev_hash", "hash")]
    body = [[e.seq, e.at, *e.words(), e.prev_hash, e.hash] for e in found]
    return workbook(
        request,
        "audit",
        [Table(_("Audit"), heads, body)],
        {"rows": len(body), "query": request.GET.urlencode()},
    )
