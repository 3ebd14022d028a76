"""Cases: where they stand, what they rest on in figures, and the steps of the case itself.

Worksheets, evidence and people stay on the desk's pages: they need a person who looks.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Schema
from pydantic import Field

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder
from davylamp.desk.api.auth import holder
from davylamp.desk.api.contract import (
    ABSENT,
    STALE,
    Body,
    Code,
    IfMatch,
    Paging,
    Region,
    StepRow,
    Text,
    Version,
    colleague,
    op,
    same,
    steps_of,
    version_of,
)
from davylamp.desk.api.cursors import page
from davylamp.desk.cases.models import Case, CaseLead, CaseState, Label
from davylamp.desk.core import workflow
from davylamp.desk.leads.models import Lead

router = Router(tags=["cases"])
BY: Final = ("number",)
StateName = Literal[tuple(CaseState.values)]  # type: ignore[valid-type]
LabelName = Literal[tuple(Label.values)]  # type: ignore[valid-type]
Number = Annotated[str, Path(max_length=16, pattern=r"^[^/\x00]+$", description="The case's number.")]


class CaseRow(Schema):
    """A case of one organisation (案件)."""

    number: str
    version: Version
    title: str
    state: str
    state_since: datetime
    label: str = Field(description="Of the determination in effect; empty before there is one.")
    severity: int
    due_at: datetime | None
    organisation_code: str
    organisation_name: str
    region_code: str
    sector: str
    opened_at: datetime
    closed_at: datetime | None
    closing_ground: str


class CasePage(Schema):
    """Some cases, by number."""

    items: list[CaseRow]
    next: str | None


class CaseDetail(CaseRow):
    """A case with its leads and the steps that the caller may take."""

    leads: list[str] = Field(description="Numbers of those that the caller may know of.")
    assigned_to: str | None
    steps: list[StepRow]


class CaseFilter(Paging):
    """Which cases."""

    state: list[StateName] = Query([], max_length=len(CaseState.values))
    label: list[LabelName] = Query([], max_length=len(Label.values))
    region: Region | None = None
    organisation: Code | None = None


class CaseStep(Body):
    """What a step of a case needs; `needs` names it."""

    reason: Text = Field("", description="Your own words; they go into the audit.")
    to: Code | None = Field(None, description="Of `assign`: login name of a colleague.")


def _detail(case: Case, who: Holder) -> dict[str, Any]:
    links = policy.visible(who, CaseLead).filter(case=case, released_at=None)
    leads = policy.visible(who, Lead).filter(pk__in=links.values("lead_id")).order_by("number")
    return {
        **same(case, CaseRow, who),
        "leads": list(leads.values_list("number", flat=True)),
        "assigned_to": str(case.assigned_to) if case.assigned_to else None,
        "steps": steps_of(case, who),
    }


@router.get("/cases", operation_id="list_cases", **op("read", gives=CasePage))
def list_cases(request: HttpRequest, asked: Query[CaseFilter]) -> dict[str, Any]:
    """The cases that the account may know of, by number."""
    who = holder(request)
    rows = policy.visible(who, Case)
    if asked.state:
        rows = rows.filter(state__in=asked.state)
    if asked.label:
        rows = rows.filter(label__in=asked.label)
    if asked.region:
        rows = rows.filter(region_code__startswith=policy.region_prefix(asked.region))
    if asked.organisation:
        rows = rows.filter(organisation_code=asked.organisation)
    question = asked.model_dump(exclude={"cursor", "limit"}, mode="json")
    found = page(rows, BY, question, asked.cursor, asked.limit)
    return {"items": [same(one, CaseRow, who) for one in found.rows], "next": found.next}


@router.get("/cases/{number}", operation_id="read_case", **op("read", gives=CaseDetail, also=ABSENT))
def read_case(request: HttpRequest, response: HttpResponse, number: Number) -> dict[str, Any]:
    """One case; its version stands in ETag too."""
    who = holder(request)
    case = policy.find(who, Case, number=number)
    response.headers["ETag"] = f'"{case.version}"'
    return _detail(case, who)


@router.post(
    "/cases/{number}/steps/{step}",
    operation_id="take_case_step",
    **op("read", "write", gives=CaseDetail, also={**ABSENT, **STALE}),
)
def take_step(
    request: HttpRequest,
    response: HttpResponse,
    number: Number,
    step: Annotated[str, Path(max_length=32)],
    body: CaseStep,
    if_match: IfMatch = "",
) -> dict[str, Any]:
    """Take a step of the case itself. If-Match carries the version that you saw."""
    who = holder(request)
    case = policy.find(who, Case, number=number)
    version = version_of(if_match)
    data: dict[str, Any] = {"reason": body.reason}
    if body.to is not None:
        duties = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER)
        data["to"] = colleague(who, duties, case.region_code, body.to)
    done = workflow.perform(case, step, who, data, version=version)
    response.headers["ETag"] = f'"{done.version}"'
    return _detail(done, who)
