"""Observations from sensors and other systems."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field

from davylamp.desk.api.answers import ApiError
from davylamp.desk.api.auth import account_name, holder
from davylamp.desk.api.contract import op
from davylamp.desk.api.reading import MOST_INTAKE_BYTES, take, value_of
from davylamp.desk.leads.intake import intake
from davylamp.desk.leads.seen import Refusal

router = Router(tags=["observations"])
MOST_ROWS: Final = 20_000  # judged: seconds of work; a sensor sends its day in parts
LINES: Final = ("application/x-ndjson", "application/jsonl", "application/json-lines")
BODY: Final = {
    "description": "A scan as `davylamp scan --format json` writes it, its JSON lines, or a list of sightings. "
    "A row that is none comes back in `refused`.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}
        },
        LINES[0]: {"schema": {"type": "string", "description": "One JSON object a line."}},
    },
}


class RefusedRow(Schema):
    """A row that was not taken, and why. The rest was."""

    row: int = Field(description="From 1, in the order of the delivery.")
    code: str
    message: str
    hint: str
    data: Any = None


class IntakeResult(Schema):
    """What became of a delivery. The same delivery again gives the same leads and no new rows."""

    intake: str = Field(description="Key of this delivery in the desk.")
    source: str
    rows: int
    new: int
    known: int
    refused: list[RefusedRow]


def _rows(request: HttpRequest) -> list[Any]:
    """The rows of a body; a line that is damaged becomes a refusal in its place.

    Raises:
        ApiError: E-API-415 for another type of content, E-API-414 for too many rows, and those of `value_of`.
    """
    body = take(request, MOST_INTAKE_BYTES)
    kind = (request.content_type or "application/json").lower()
    if kind == "application/json":
        whole = value_of(body, may_hold_nul=True)
        rows = whole if isinstance(whole, list) else [whole]
    elif kind in LINES:
        rows = [_line(n, text) for n, text in enumerate(body.splitlines(), 1) if text.strip()]
    else:
        hint = f"application/json, {LINES[0]}"
        raise ApiError(415, "E-API-415", _("this type of content is not taken"), hint)
    count = sum(len(r["sightings"]) if _is_scan(r) else 1 for r in rows)
    if count > MOST_ROWS:
        words = _("more than %(most)d rows") % {"most": MOST_ROWS}
        raise ApiError(413, "E-API-413", words, _("send it in parts"))
    return rows


def _is_scan(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("sightings"), list)


def _line(number: int, text: bytes) -> Any:
    try:
        return value_of(text, may_hold_nul=True)
    except ApiError as error:
        return Refusal(number, error.code, error.message, text[:500].decode("utf-8", "replace"))


@router.post(
    "/observations",
    operation_id="deliver_observations",
    **op("intake", gives=IntakeResult, also={415: "neither JSON nor JSON lines"}, requestBody=BODY),
)
def deliver(request: HttpRequest) -> dict[str, Any]:
    """Deliver what was seen. A row is known by the account's name and its own `source_ref`, and comes in once.

    The source of a delivery is the name of the token's account: no token can speak for another source. Rows
    that cannot be read come back in `refused`, and the good rest is kept.
    """
    made = intake(_rows(request), account_name(request), "api", "", holder(request))
    return {
        "intake": str(made.pk),
        "source": made.source,
        "rows": made.rows,
        "new": made.new,
        "known": made.known,
        "refused": made.refused,
    }
