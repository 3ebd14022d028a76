"""When sensors were listening: without it, silence proves nothing."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field

from davylamp.desk.api.answers import ApiError
from davylamp.desk.api.auth import account_name, holder
from davylamp.desk.api.contract import op
from davylamp.desk.api.reading import MOST_INTAKE_BYTES, take, value_of
from davylamp.desk.cases.coverage import take_in

router = Router(tags=["coverage"])
MOST_ROWS: Final = 20_000  # judged: as of observations
ROW: Final = {
    "type": "object",
    "required": ["source_ref", "sensor", "network", "starts_at", "ends_at", "seen_share", "dropped_share"],
    "properties": {
        "source_ref": {"type": "string", "description": "The sensor's own key of this interval."},
        "sensor": {"type": "string"},
        "network": {"type": "string", "description": "What it could see, as CIDR."},
        "starts_at": {"type": "string", "format": "date-time"},
        "ends_at": {"type": "string", "format": "date-time"},
        "seen_share": {"type": "number", "description": "Of the network's traffic, 0 to 1."},
        "dropped_share": {"type": "number", "description": "Of the packets seen, 0 to 1."},
        "sampling": {"type": "integer", "description": "One packet in so many; 1 when absent."},
        "region_code": {"type": "string"},
    },
}
BODY: Final = {
    "description": "A list of intervals. One that is not as it should be comes back in `refused`.",
    "required": True,
    "content": {"application/json": {"schema": {"type": "array", "items": ROW}}},
}


class RefusedInterval(Schema):
    """An interval that was not taken, and why."""

    row: int = Field(description="From 1.")
    code: str
    message: str


class CoverageResult(Schema):
    """What became of a delivery of intervals."""

    source: str
    new: int
    known: int
    refused: list[RefusedInterval]


@router.post(
    "/coverage", operation_id="deliver_coverage", **op("intake", gives=CoverageResult, requestBody=BODY)
)
def deliver(request: HttpRequest) -> dict[str, Any]:
    """Deliver when sensors were listening. An interval is known by the account's name and its `source_ref`."""
    rows = value_of(take(request, MOST_INTAKE_BYTES))
    if not isinstance(rows, list):
        raise ApiError(
            422, "E-API-422", _("the body is no list"), _("the body's shape stands in the reference")
        )
    if len(rows) > MOST_ROWS:
        words = _("more than %(most)d rows") % {"most": MOST_ROWS}
        raise ApiError(413, "E-API-413", words, _("send it in parts"))
    source = account_name(request)
    found = take_in(holder(request), source, [row if isinstance(row, dict) else {} for row in rows])
    return {"source": source, "new": found.new, "known": found.known, "refused": found.refused}
