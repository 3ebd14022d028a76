"""Append one row to the chain, inside the transaction of the change that it tells."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from davylamp.desk.audit.chain import GENESIS, canonical, link
from davylamp.desk.audit.context import actor
from davylamp.errors import BadUse

if TYPE_CHECKING:
    from davylamp.desk.audit.models import AuditedModel, AuditEvent

LOCK: Final = 0x6461767931  # any number of our own: writers of the chain take turns on PostgreSQL


def record(
    action: str,
    subject: "AuditedModel | tuple[str, str]",
    changes: dict[str, Any] | None = None,
    *,
    reason: str = "",
    region_code: str = "",
) -> "AuditEvent":
    """Write one audit row.

    Args:
        action: ``object.verb``.
        subject: the changed row, or (type, id) for what is no row.
        changes: field to [before, after], or facts of an act.
        reason: the person's own words.
        region_code: of the subject, where it cannot tell itself.

    Raises:
        BadUse: E-AUD-001 without an actor, E-AUD-006 outside a transaction.
    """
    kind, key = subject if isinstance(subject, tuple) else (subject._meta.label_lower, str(subject.pk))
    region = region_code or ("" if isinstance(subject, tuple) else subject.audit_region())
    return _append(action, [(kind, key, region, changes or {})], reason)[0]


def record_many(
    action: str, told: "Sequence[tuple[AuditedModel, dict[str, Any]]]", *, reason: str = ""
) -> None:
    """One audit row for each of many changed rows; see `record`."""
    rows = [(row._meta.label_lower, str(row.pk), row.audit_region(), changes) for row, changes in told]
    _append(action, rows, reason)


def _append(
    action: str, rows: Sequence[tuple[str, str, str, dict[str, Any]]], reason: str
) -> "list[AuditEvent]":
    """Append rows (type, id, region, changes) to the chain."""
    from davylamp.desk.audit.models import AuditEvent

    if not connection.in_atomic_block:
        raise BadUse("E-AUD-006", f"{action} outside a transaction", "use transaction.atomic")
    who = actor()
    take_turn()
    last = AuditEvent.objects.order_by("-seq").values_list("seq", "hash").first()
    seq, before = last or (0, GENESIS)
    events = []
    for kind, key, region, changes in rows:
        seq += 1
        event = AuditEvent(
            seq=seq,
            at=timezone.now(),
            actor_kind=who.kind,
            actor_id=who.id,
            actor_label=who.label[:200],
            channel=who.channel,
            request_id=who.request_id,
            action=action,
            object_type=kind,
            object_id=key,
            region_code=region,
            reason=reason.replace("\x00", ""),
            changes=canonical(changes),
            prev_hash=before,
        )
        event.hash = before = link(before, seq, event.at, event.words())
        events.append(event)
    AuditEvent.objects.bulk_create(events, batch_size=500)
    return events


def take_turn() -> None:
    """Wait for the end of every other writer's transaction; SQLite's BEGIN IMMEDIATE has done so already."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def plain_value(value: Any, is_personal: bool = False) -> Any:
    """A field's value as JSON holds it; personal ones as a keyed digest."""
    if value is None or value == "":
        return value
    if is_personal:
        key = settings.SECRET_KEY.encode()
        return "digest:" + hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()[:24]
    if isinstance(value, bool | int | str):
        return value.replace("\x00", "") if isinstance(value, str) else value
    if isinstance(value, float | Decimal | UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(timezone.get_default_timezone()).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): plain_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return str(value)
