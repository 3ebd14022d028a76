"""Figures as of a time, and those that were published."""

from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from davylamp.desk.access import policy
from davylamp.desk.api.answers import ApiError
from davylamp.desk.api.auth import holder
from davylamp.desk.api.contract import Paging, Region, When, op
from davylamp.desk.api.cursors import page
from davylamp.desk.statistics import figures
from davylamp.desk.statistics.models import Statistic

router = Router(tags=["statistics"])
BY: Final = ("-as_of", "-published_at", "id")


class CellRow(Schema):
    """Leads of one state, region and sector. Every total is a sum of cells."""

    state: str
    region_code: str
    sector: str
    leads: int
    overdue: int
    relapses: int = Field(description="Leads that are another episode of an earlier one.")
    sized: int = Field(description="Open leads with an estimate of electricity.")
    kwh_low: float = Field(description="kWh a day of those, lower end.")
    kwh: float
    kwh_high: float


class Figures(Schema):
    """Figures at a time, of what the caller may see."""

    definition: str
    as_of: datetime
    region_code: str | None
    cells: list[CellRow]
    total: CellRow


class Published(Schema):
    """Figures that were published; they never change, a correction is a new revision with its reason."""

    definition: str
    region_code: str
    as_of: datetime
    revision: int
    reason: str
    published_at: datetime
    cells: list[CellRow]


class PublishedPage(Schema):
    """Some published figures, newest first."""

    items: list[Published]
    next: str | None


class Asked(Schema):
    """Which figures."""

    as_of: When | None = Query(None, description="Now when absent.")
    region: Region | None = Query(None, description="This region and what lies below.")


@router.get("/statistics", operation_id="read_statistics", **op("read", gives=Figures))
def read_statistics(request: HttpRequest, asked: Query[Asked]) -> dict[str, Any]:
    """Figures of the leads that the account may know of, now or as they were at a time that is past."""
    now = timezone.now()
    if asked.as_of is not None and asked.as_of > now:
        raise ApiError(422, "E-API-422", _("the time has not come yet"), _("choose a time that is past"))
    cells = figures.cells(holder(request), asked.as_of, asked.region or "")
    return {
        "definition": "leads-1",
        "as_of": asked.as_of or now,
        "region_code": asked.region,
        "cells": figures.plain(cells),
        "total": figures.plain([figures.total(cells)])[0],
    }


@router.get("/statistics/published", operation_id="list_published", **op("read", gives=PublishedPage))
def list_published(request: HttpRequest, asked: Query[Paging]) -> dict[str, Any]:
    """What was published, newest first."""
    rows = policy.visible(holder(request), Statistic)
    found = page(rows, BY, "published", asked.cursor, asked.limit)
    items = [{name: getattr(one, name) for name in Published.model_fields} for one in found.rows]
    return {"items": items, "next": found.next}
