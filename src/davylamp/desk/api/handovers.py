"""Hand-overs: what was sent to whom, and what came back."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Path, Query, Router, Schema
from pydantic import Field, StringConstraints

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.api.answers import ApiError
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
    When,
    op,
    same,
    steps_of,
    version_of,
)
from davylamp.desk.api.cursors import page
from davylamp.desk.core import workflow
from davylamp.desk.handover.models import Found, Ground, HandOver, HandOverItem, State

router = Router(tags=["hand-overs"])
BY: Final = ("code",)
StateName = Literal[tuple(State.values)]  # type: ignore[valid-type]
GroundName = Literal[tuple(Ground.values)]  # type: ignore[valid-type]
FoundName = Literal[tuple(Found.values)]  # type: ignore[valid-type]
Key = Annotated[str, Path(max_length=16, pattern=r"^[^/\x00]+$", description="The hand-over's code.")]


class HandOverRow(Schema):
    """Leads of one organisation in one batch, with one letter (移送)."""

    code: str = Field(description="Drawn, not counted; names a draft too.")
    version: Version
    number: str = Field(description="Document number (文号), from approval on.")
    state: str
    state_since: datetime
    organisation_code: str
    organisation_name: str
    region_code: str
    severity: int
    stage: str = Field(description="Whose deadline runs: receipt, feedback or review.")
    due_at: datetime | None
    round: int = Field(description="Of feedback; asking for more begins the next.")
    issued_at: datetime | None
    delivered_at: datetime | None
    received_at: datetime | None
    reported_at: datetime | None
    closed_at: datetime | None


class HandOverPage(Schema):
    """Some hand-overs, by code."""

    items: list[HandOverRow]
    next: str | None


class ItemRow(Schema):
    """One lead in a hand-over, and what became of it there."""

    lead: str | None = Field(description="Its number; null where the caller may not know of it.")
    position: int
    status: str = Field(description="open, returned, done or dropped.")
    ground: str
    reason: str
    returned_at: datetime | None


class HandOverDetail(HandOverRow):
    """A hand-over with its leads and the steps that the caller may take."""

    items: list[ItemRow]
    steps: list[StepRow]


class HandOverFilter(Paging):
    """Which hand-overs."""

    state: list[StateName] = Query([], max_length=len(State.values))
    region: Region | None = None
    organisation: Code | None = None


class Answer(Body):
    """What the organisation found about one lead."""

    found: FoundName
    description: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
    host: Code = ""
    since: date | None = None
    measure: Text = ""


class HandOverStep(Body):
    """What a step of a hand-over needs; `needs` names it."""

    reason: Text = Field("", description="Your own words; they go into the audit.")
    at: When | None = Field(None, description="When it happened, if not now.")
    to: Code | None = Field(None, description="Of `deliver`: who took it.")
    by: Code | None = Field(None, description="Of `sign`: who signed.")
    items: list[Code] | None = Field(None, description="Of `send_back`: numbers of leads.", max_length=1000)
    ground: GroundName | None = Field(None, description="Of `send_back`.")
    answers: dict[Code, Answer] | None = Field(
        None, description="Of `report`: number of a lead to what was found."
    )


def _detail(found: HandOver, who: Holder) -> dict[str, Any]:
    from davylamp.desk.leads.models import Lead

    rows = list(policy.visible(who, HandOverItem).filter(hand_over=found).order_by("position"))
    keys = [row.lead_id for row in rows]
    numbers = dict(policy.visible(who, Lead).filter(pk__in=keys).values_list("pk", "number"))
    items = [{**same(row, ItemRow, who), "lead": numbers.get(row.lead_id)} for row in rows]
    return {**same(found, HandOverRow, who), "items": items, "steps": steps_of(found, who)}


def _keys(found: HandOver, who: Holder, numbers: list[str]) -> dict[str, str]:
    """Numbers of leads to keys of the hand-over's items.

    Raises:
        ApiError: E-API-424 for a lead that does not lie in it.
    """
    rows = policy.visible(who, HandOverItem).filter(hand_over=found, lead__number__in=numbers)
    keys = {number: str(pk) for number, pk in rows.values_list("lead__number", "pk")}
    strange = sorted(set(numbers) - keys.keys())
    if strange:
        words = _("these leads do not lie in this hand-over: %(numbers)s")
        raise ApiError(422, "E-API-424", words % {"numbers": ", ".join(strange)}, "")
    return keys


@router.get("/hand-overs", operation_id="list_hand_overs", **op("read", gives=HandOverPage))
def list_hand_overs(request: HttpRequest, asked: Query[HandOverFilter]) -> dict[str, Any]:
    """The hand-overs that the account may know of, by code; contacts see those that were issued to them."""
    who = holder(request)
    rows = policy.visible(who, HandOver)
    if asked.state:
        rows = rows.filter(state__in=asked.state)
    if asked.region:
        rows = rows.filter(region_code__startswith=policy.region_prefix(asked.region))
    if asked.organisation:
        rows = rows.filter(organisation_code=asked.organisation)
    question = asked.model_dump(exclude={"cursor", "limit"}, mode="json")
    found = page(rows, BY, question, asked.cursor, asked.limit)
    return {"items": [same(one, HandOverRow, who) for one in found.rows], "next": found.next}


@router.get(
    "/hand-overs/{code}", operation_id="read_hand_over", **op("read", gives=HandOverDetail, also=ABSENT)
)
def read_hand_over(request: HttpRequest, response: HttpResponse, code: Key) -> dict[str, Any]:
    """One hand-over with its leads; its version stands in ETag too."""
    who = holder(request)
    found = policy.find(who, HandOver, code=code)
    response.headers["ETag"] = f'"{found.version}"'
    return _detail(found, who)


@router.post(
    "/hand-overs/{code}/steps/{step}",
    operation_id="take_hand_over_step",
    **op("read", "write", gives=HandOverDetail, also={**ABSENT, **STALE}),
)
def take_step(
    request: HttpRequest,
    response: HttpResponse,
    code: Key,
    step: Annotated[str, Path(max_length=32)],
    body: HandOverStep,
    if_match: IfMatch = "",
) -> dict[str, Any]:
    """Take a step, such as `sign`, `report` or `send_back`. If-Match carries the version that you saw."""
    who = holder(request)
    found = policy.find(who, HandOver, code=code)
    version = version_of(if_match)
    data = body.model_dump(exclude={"items", "answers"}, exclude_none=True)
    if body.items is not None:
        data["items"] = list(_keys(found, who, body.items).values())
    if body.answers is not None:
        keys = _keys(found, who, list(body.answers))
        data["answers"] = {keys[number]: one.model_dump() for number, one in body.answers.items()}
    done = workflow.perform(found, step, who, data, version=version)
    response.headers["ETag"] = f'"{done.version}"'
    return _detail(done, who)
