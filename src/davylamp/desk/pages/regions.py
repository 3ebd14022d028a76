"""Regions at a glance: leads by city and county, by state, by sector; a map where the outlines are known."""

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from davylamp.desk.core.templatetags import desk as words
from davylamp.desk.leads.models import State
from davylamp.desk.pages.as_of import as_of_in
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.navigation import region_name
from davylamp.desk.statistics import figures
from davylamp.desk.statistics.figures import Cell


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The overview, now or at a time that is past."""
    at = as_of_in(request)
    found = figures.cells(holder_in(request), at)
    counties = figures.grouped_regions(found)
    cities = [
        {"code": code, "name": place_name(code), "cell": cell, "open": figures.total_open(_of(found, code)).leads,
         "counties": counties.get(code, [])}
        for code, cell in figures.by_region(found).items()
    ]  # fmt: skip
    context = {
        "at": at,
        "cities": cities,
        "states": states(found),
        "sectors": sorted(figures.by_sector(found).items(), key=lambda pair: (-pair[1].leads, pair[0])),
        "total": figures.total(found),
        "open": figures.total_open(found),
        "map": picture({code: float(c.leads) for code, c in figures.by_region(found).items()}),
        "leads_url": reverse("leads"),
        "definition": figures.DEFINITIONS["leads-1"],
    }
    return render(request, "pages/regions.html", context)


def place_name(code: str) -> str:
    """A city's name; what lies in no city, because nobody holds the address yet, is said in words."""
    return _("in no city yet") if code[2:] == "0000" else region_name(code)


def _of(found: list[Cell], city: str) -> list[Cell]:
    return [c for c in found if c.region_code.startswith(city[:4])]


def states(found: list[Cell]) -> list[tuple[str, str, Cell]]:
    """Sums by state in the order of work: code, words, sums."""
    sums = figures.by_state(found)
    return [(code, str(label), sums[code]) for code, label in State.choices if code in sums]


def picture(by_city: dict[str, float]) -> Any:
    """The map of the province as SVG; empty where its outlines are not shipped or nothing lies in them."""
    if find_spec("davylamp.report.region_map") is None:
        return ""
    from davylamp.report.region_map import MapWords, draw_map
    from davylamp.tables.outlines import outlines

    shapes = outlines(settings.PROVINCE[:2])
    placed = {
        code: value
        for code, value in by_city.items()
        if code[:2] == settings.PROVINCE[:2] and code[2:4] != "00"
    }
    if not shapes or not placed:
        return ""
    said = MapWords(
        key="leads",
        title=_("Leads by city"),
        unit=_("leads"),
        none="0",
        number=lambda value: words.thousands(int(value)),
        name=_city,
    )
    drawn = draw_map(placed, shapes, said)
    return drawn.svg if drawn is not None else ""


def _city(code: str) -> str:
    """A city's name without the word for city, which a map needs no more."""
    name = region_name(code)
    return name.removesuffix("市") if (get_language() or "").startswith("zh") else name
