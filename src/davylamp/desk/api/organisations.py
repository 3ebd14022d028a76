"""Organisations as they are today."""

from typing import Annotated, Any, Final

from django.http import HttpRequest
from ninja import Path, Query, Router, Schema
from pydantic import Field

from davylamp.desk.access import policy
from davylamp.desk.api.auth import holder
from davylamp.desk.api.contract import ABSENT, Code, Paging, Region, op
from davylamp.desk.api.cursors import page
from davylamp.desk.registry.models import Organisation

router = Router(tags=["organisations"])
BY: Final = ("code",)


class OrganisationRow(Schema):
    """An organisation (单位). Its contacts are people, and not given here."""

    code: str = Field(description="Unified social credit code, or the office's own key.")
    name: str
    region_code: str
    sector: str
    is_public: bool | None
    department: str = Field(description="Competent department (主管部门).")
    parent_code: str
    successor_code: str


class OrganisationPage(Schema):
    """Some organisations, by code."""

    items: list[OrganisationRow]
    next: str | None


class OrganisationFilter(Paging):
    """Which organisations."""

    region: Region | None = Query(None, description="This region and what lies below.")
    name: Code = Query("", description="A part of the name.")


def _row(one: Organisation) -> dict[str, Any]:
    return {name: getattr(one, name) for name in OrganisationRow.model_fields}


@router.get("/organisations", operation_id="list_organisations", **op("read", gives=OrganisationPage))
def list_organisations(request: HttpRequest, asked: Query[OrganisationFilter]) -> dict[str, Any]:
    """The organisations that the account may know of, by code."""
    rows = policy.visible(holder(request), Organisation)
    if asked.region:
        rows = rows.filter(region_code__startswith=policy.region_prefix(asked.region))
    if asked.name:
        rows = rows.filter(name__icontains=asked.name)
    found = page(rows, BY, [asked.region, asked.name], asked.cursor, asked.limit)
    return {"items": [_row(one) for one in found.rows], "next": found.next}


@router.get(
    "/organisations/{code}",
    operation_id="read_organisation",
    **op("read", gives=OrganisationRow, also=ABSENT),
)
def read_organisation(
    request: HttpRequest, code: Annotated[str, Path(max_length=64, pattern=r"^[^/\x00]+$")]
) -> dict[str, Any]:
    """One organisation."""
    return _row(policy.find(holder(request), Organisation, code=code))
