"""Rows of the audit, for auditors."""

import json
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder
from davylamp.desk.api.auth import holder
from davylamp.desk.api.contract import Code, Paging, When, op
from davylamp.desk.api.cursors import page
from davylamp.desk.audit.models import AuditEvent

router = Router(tags=["audit"])
BY: Final = ("-at", "hash")


class AuditRow(Schema):
    """One change or act. Personal fields stand as keyed digests."""

    at: datetime
    seq: int | None = Field(
        description="Place in the chain; null for auditors of a part, to whom gaps would tell of the rest."
    )
    hash: str
    actor_kind: str
    actor_id: str
    actor_label: str
    channel: str
    request_id: str
    action: str
    object_type: str
    object_id: str
    region_code: str
    reason: str
    changes: dict[str, Any]


class AuditPage(Schema):
    """Some rows, newest first."""

    items: list[AuditRow]
    next: str | None


class AuditFilter(Paging):
    """Which rows."""

    object_type: Code | None = None
    object_id: Code | None = None
    actor_id: Code | None = None
    action: Code | None = None
    since: When | None = None
    until: When | None = None

    def where(self) -> Q:
        """As the database asks it."""
        names = {"since": "at__gte", "until": "at__lt"}
        asked = self.model_dump(exclude={"cursor", "limit"}, exclude_none=True)
        return Q(**{names.get(name, name): value for name, value in asked.items()})


def is_whole(who: Holder) -> bool:
    """Whether the caller audits a whole province."""
    seats = [s for s in who.seats if s.duty == Duty.AUDITOR]
    return any(len(policy.region_prefix(s.region_code)) <= 2 for s in seats)


@router.get("/audit", operation_id="list_audit", **op("read", gives=AuditPage))
def list_audit(request: HttpRequest, asked: Query[AuditFilter]) -> dict[str, Any]:
    """What was changed and done in the auditor's region, newest first; empty for every other duty."""
    who = holder(request)
    question = asked.model_dump(exclude={"cursor", "limit"}, mode="json")
    found = page(
        policy.visible(who, AuditEvent).filter(asked.where()), BY, question, asked.cursor, asked.limit
    )
    whole = is_whole(who)
    items = [
        {
            **{name: getattr(e, name) for name in AuditRow.model_fields},
            "seq": e.seq if whole else None,
            "changes": json.loads(e.changes),
        }
        for e in found.rows
    ]
    return {"items": items, "next": found.next}
