"""Leads, what they rest on, and the steps that they take."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Schema
from pydantic import Field, StringConstraints

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
    Quantity,
    Region,
    StepRow,
    Text,
    Version,
    When,
    colleague,
    op,
    same,
    steps_of,
    version_of,
)
from davylamp.desk.api.cursors import page
from davylamp.desk.core import workflow
from davylamp.desk.leads.models import Attribution, Lead, Observation, State, Tier

router = Router(tags=["leads"])
BY: Final = ("number",)
Number = Annotated[str, Path(max_length=16, pattern=r"^[^/\x00]+$", description="The lead's number.")]
StateName = Literal[tuple(State.values)]  # type: ignore[valid-type]
TierName = Literal[tuple(Tier.values)]  # type: ignore[valid-type]


class LeadRow(Schema):
    """One address under one holder over one episode (线索). Addresses are not machines, and machines not people."""

    number: str
    version: Version
    state: str
    state_since: datetime
    severity: int = Field(description="1 low, 2 medium, 3 high, 4 urgent.")
    due_at: datetime | None
    ip: str
    first_port: int
    last_port: int
    episode: int
    region_code: str
    organisation_code: str
    organisation_name: str = Field(description="As it was at the observation's time.")
    sector: str
    weakest_link: str = Field(description="The weakest link of the chain from address to holder.")
    tier: str
    probability: float
    coin: str
    algorithm: str
    pool: str
    wallet: str
    worker: str
    first_seen: datetime
    last_seen: datetime
    observations: int
    accepted_shares: int
    hashrate: Quantity
    energy: Quantity
    machines: Quantity
    closed_at: datetime | None


class LeadPage(Schema):
    """Some leads, by number. How many there are is not told."""

    items: list[LeadRow]
    next: str | None


class LeadDetail(LeadRow):
    """A lead with its ties and the steps that the caller may take."""

    relapse_of: str | None
    relapse_key: str
    merged_into: str | None
    assigned_to: str | None
    steps: list[StepRow]


class LeadFilter(Paging):
    """Which leads; several states mean any of them."""

    state: list[StateName] = Query([], max_length=len(State.values))
    tier: list[TierName] = Query([], max_length=len(Tier.values))
    severity: int | None = Query(None, ge=1, le=4, description="At least.")
    region: Region | None = Query(None, description="This region and what lies below.")
    organisation: Code | None = None
    ip: Annotated[str, StringConstraints(max_length=45, pattern=r"^[0-9a-fA-F:.]*$")] | None = None
    seen_since: When | None = None
    seen_until: When | None = None

    def where(self) -> Q:
        """As the database asks it."""
        asked = {
            "state__in": self.state,
            "tier__in": self.tier,
            "severity__gte": self.severity,
            "region_code__startswith": policy.region_prefix(self.region) if self.region else None,
            "organisation_code": self.organisation,
            "ip": self.ip,
            "last_seen__gte": self.seen_since,
            "first_seen__lte": self.seen_until,
        }
        return Q(**{name: value for name, value in asked.items() if value not in (None, [], "")})

    def question(self) -> dict[str, Any]:
        """The filters alone."""
        return self.model_dump(exclude={"cursor", "limit"}, mode="json")


class ObservationRow(Schema):
    """One sighting as a sensor reported it (监测记录). It never changes."""

    id: str
    source: str
    source_ref: str
    sensor: str
    ip: str
    port: int | None
    server_ip: str
    server_port: int | None
    first_seen: datetime
    last_seen: datetime
    kind: str
    tier: str
    probability: float
    coin: str
    algorithm: str
    pool: str
    wallet: str
    worker: str
    accepted_shares: int
    hashrate: Quantity
    because: list[Any]
    not_seen: list[Any]


class ObservationPage(Schema):
    """Some observations, oldest first."""

    items: list[ObservationRow]
    next: str | None


class AttributionRow(Schema):
    """Who held the address at the observation's time, as known when this was written (归属认定)."""

    made_at: datetime
    at: datetime
    organisation_code: str
    organisation_name: str
    region_code: str
    confidence: float
    method: str
    chain: list[Any]
    claims: list[Any]
    weakest: str
    reason: str


class AttributionPage(Schema):
    """Attributions of a lead, oldest first; the newest stands."""

    items: list[AttributionRow]
    next: str | None


class LeadStep(Body):
    """What a step of a lead needs; `needs` names it."""

    reason: Text = Field("", description="Your own words; they go into the audit.")
    to: Code | None = Field(None, description="Of `assign`: login name of a colleague.")
    into: Code | None = Field(None, description="Of `merge`: number of the other lead.")


def _hashrate(item: Lead | Observation) -> dict[str, Any]:
    return {
        "estimate": item.hashrate_hps,
        "low": item.hashrate_low,
        "high": item.hashrate_high,
        "unit": "H/s",
    }


def lead_row(lead: Lead, who: Holder) -> dict[str, Any]:
    """A lead as the API gives it."""
    return {
        **same(lead, LeadRow, who),
        "observations": lead.observations_count,
        "hashrate": _hashrate(lead),
        "energy": {
            "estimate": lead.kwh_per_day,
            "low": lead.kwh_per_day_low,
            "high": lead.kwh_per_day_high,
            "unit": "kWh/d",
            "grade": lead.energy_grade,
        },
        "machines": {
            "estimate": lead.machines,
            "low": lead.machines_low,
            "high": lead.machines_high,
            "unit": "machines",
        },
    }


def lead_detail(lead: Lead, who: Holder) -> dict[str, Any]:
    """A lead with its ties, of which those are told that the caller may know of."""
    hidden = policy.fields_hidden(who, Lead)
    named = {"relapse_of": lead.relapse_of_id, "merged_into": lead.merged_into_id}
    ties = [key for name, key in named.items() if key and name not in hidden]
    known = dict(policy.visible(who, Lead).filter(pk__in=ties).values_list("pk", "number")) if ties else {}
    earlier = known.get(lead.relapse_of_id)
    is_told = lead.assigned_to is not None and "assigned_to" not in hidden
    return {
        **lead_row(lead, who),
        "relapse_of": earlier,
        "relapse_key": lead.relapse_key if earlier else "",
        "merged_into": known.get(lead.merged_into_id),
        "assigned_to": str(lead.assigned_to) if is_told else None,
        "steps": steps_of(lead, who),
    }


@router.get("/leads", operation_id="list_leads", **op("read", gives=LeadPage))
def list_leads(request: HttpRequest, asked: Query[LeadFilter]) -> dict[str, Any]:
    """The leads that the account may know of, by number."""
    who = holder(request)
    rows: QuerySet[Lead] = policy.visible(who, Lead).filter(asked.where())
    found = page(rows, BY, asked.question(), asked.cursor, asked.limit)
    return {"items": [lead_row(lead, who) for lead in found.rows], "next": found.next}


@router.get("/leads/{number}", operation_id="read_lead", **op("read", gives=LeadDetail, also=ABSENT))
def read_lead(request: HttpRequest, response: HttpResponse, number: Number) -> dict[str, Any]:
    """One lead; its version stands in ETag too."""
    who = holder(request)
    lead = policy.find(who, Lead, number=number)
    response.headers["ETag"] = f'"{lead.version}"'
    return lead_detail(lead, who)


@router.get(
    "/leads/{number}/observations",
    operation_id="list_observations",
    **op("read", gives=ObservationPage, also=ABSENT),
)
def list_observations(request: HttpRequest, number: Number, asked: Query[Paging]) -> dict[str, Any]:
    """What sensors saw, oldest first; empty for accounts that may know of the lead and not of its sources."""
    who = holder(request)
    lead = policy.find(who, Lead, number=number)
    rows = policy.visible(who, Observation).filter(lead=lead)
    found = page(rows, ("last_seen", "id"), number, asked.cursor, asked.limit)
    items = [{**same(o, ObservationRow, who), "id": str(o.pk), "hashrate": _hashrate(o)} for o in found.rows]
    return {"items": items, "next": found.next}


@router.get(
    "/leads/{number}/attributions",
    operation_id="list_attributions",
    **op("read", gives=AttributionPage, also=ABSENT),
)
def list_attributions(request: HttpRequest, number: Number, asked: Query[Paging]) -> dict[str, Any]:
    """Who held the address, with the chain and its weakest link; the newest stands."""
    who = holder(request)
    lead = policy.find(who, Lead, number=number)
    rows = policy.visible(who, Attribution).filter(lead=lead)
    found = page(rows, ("made_at", "id"), number, asked.cursor, asked.limit)
    return {"items": [same(a, AttributionRow, who) for a in found.rows], "next": found.next}


@router.post(
    "/leads/{number}/steps/{step}",
    operation_id="take_lead_step",
    **op("read", "write", gives=LeadDetail, also={**ABSENT, **STALE}),
)
def take_step(
    request: HttpRequest,
    response: HttpResponse,
    number: Number,
    step: Annotated[str, Path(max_length=32)],
    body: LeadStep,
    if_match: IfMatch = "",
) -> dict[str, Any]:
    """Take a step; `steps` of the lead names those that are possible. If-Match carries the version that you saw."""
    who = holder(request)
    lead = policy.find(who, Lead, number=number)
    version = version_of(if_match)
    data: dict[str, Any] = {"reason": body.reason}
    if body.to is not None:
        data["to"] = colleague(who, (Duty.ANALYST, Duty.APPROVER), lead.region_code, body.to)
    if body.into is not None:
        data["into"] = policy.find(who, Lead, number=body.into)
    done = workflow.perform(lead, step, who, data, version=version)
    response.headers["ETag"] = f'"{done.version}"'
    return lead_detail(done, who)
