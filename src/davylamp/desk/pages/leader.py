"""The leader's one page: totals at a time, by region, who is late, who is back, what it burns. Prints on one A4."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder
from davylamp.desk.core.workflow import Refused
from davylamp.desk.leads.models import State
from davylamp.desk.pages.as_of import as_of_in, end_of_day
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.navigation import region_name
from davylamp.desk.pages.regions import place_name, states
from davylamp.desk.statistics import figures, publish
from davylamp.desk.statistics.figures import Cell
from davylamp.desk.statistics.models import Statistic
from davylamp.sizing.factors import footprint
from davylamp.sizing.quantities import Energy
from davylamp.sizing.quantities_bounds import Bounded

MOST_PUBLISHED = 12


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The figures as they are now, or as they were."""
    holder = holder_in(request)
    at = as_of_in(request)
    context = page_of(figures.cells(holder, at)) | {
        "at": at,
        "shown_at": at or timezone.now(),
        "repeats": figures.repeats(holder, 8),
        "late": figures.overdue_by_organisation(holder, 8),
        "published": list(publish.published(holder)[:MOST_PUBLISHED]),
        "places": places_of(holder),
    }
    return render(request, "pages/leader.html", context)


@login_required
@require_GET
def frozen(request: HttpRequest, key: str) -> HttpResponse:
    """Figures as they were published, whatever has changed since."""
    found = policy.find(holder_in(request), Statistic, pk=key)
    others = publish.published(holder_in(request)).filter(
        definition=found.definition, region_code=found.region_code, as_of=found.as_of
    )
    context = page_of(figures.read(found.cells)) | {
        "statistic": found,
        "shown_at": found.as_of,
        "may_revise": policy.can_create(holder_in(request), Statistic, region_code=found.region_code),
        "revisions": list(others.order_by("revision")),
        "crumbs": [(_("Figures"), reverse("leader")), (str(found), "")],
    }
    return render(request, "pages/leader.html", context)


@login_required
@require_POST
def freeze(request: HttpRequest) -> HttpResponse:
    """Publish: the figures of a region at a time, frozen; once more with a reason is a revision."""
    text = request.POST.get("at", "").strip()
    at = _moment(text)
    made = publish.publish(
        holder_in(request), request.POST.get("region", ""), at, request.POST.get("reason", "")
    )
    messages.success(request, _("Published and frozen."))
    return redirect("figures-frozen", made.pk)


def _moment(text: str) -> datetime:
    try:
        exact = parse_datetime(text) if "T" in text else None
    except ValueError as error:
        raise Refused("E-STA-003", _("this is no day"), _("write it as 2021-09-08")) from error
    if exact is not None and timezone.is_aware(exact):
        return exact
    return end_of_day(text) or timezone.now()


def page_of(found: list[Cell]) -> dict[str, Any]:
    """What both pages show of some cells."""
    every, still = figures.total(found), figures.total_open(found)
    cities = figures.by_region(found)
    largest = max((c.leads for c in cities.values()), default=1)
    rows = [
        {
            "code": code,
            "name": place_name(code),
            "cell": cell,
            "open": figures.total_open(c for c in found if c.region_code.startswith(code[:4])).leads,
            "width": round(100 * cell.leads / max(1, largest), 1),
        }
        for code, cell in sorted(cities.items(), key=lambda pair: (-pair[1].leads, pair[0]))
    ]
    closed = sum(c.leads for c in found if c.state == State.CLOSED)
    return {
        "every": every,
        "open": still,
        "closed": closed,
        "states": states(found),
        "cities": rows,
        "weights": weights(still),
        "definition": figures.DEFINITIONS["leads-1"],
    }


def weights(still: Cell) -> list[dict[str, Any]]:
    """Coal and CO2 of a day's electricity, the official figures first; none without an estimate."""
    if not still.sized:
        return []
    ends = sorted((still.kwh_low, still.kwh, still.kwh_high))
    energy = Energy.of(Bounded(*ends), "kWh")
    made = []
    for one in footprint(energy).all:
        mass = one.mass.to("t")
        made.append(
            {"what": one.row.yields, "low": mass.low, "value": mass.estimate, "high": mass.high, "set": one.row.set,
             "is_official": one.is_official}
        )  # fmt: skip
    return made


def places_of(holder: Holder) -> list[tuple[str, str]]:
    """Regions whose figures the holder may publish."""
    seats = {s.region_code for s in holder.seats if s.duty in (Duty.LEADER, Duty.APPROVER)}
    known = sorted(code for code in seats if code[:2] == settings.PROVINCE[:2])
    return [(code, region_name(code)) for code in known]
