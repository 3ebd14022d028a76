"""The audit rows of one item, and the names that stand for the keys in them, as far as a holder may know."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from davylamp.desk.access import policy
from davylamp.desk.access.models import User
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.models import AuditedModel, AuditEvent


def rows_of(holder: Holder, item: AuditedModel) -> QuerySet[AuditEvent]:
    """The item's audit rows, newest first; none where the holder's duty reads no history of it."""
    if not policy.may(holder, "history", item):
        return AuditEvent.objects.none()
    kind, key = item._meta.label_lower, str(item.pk)
    return AuditEvent.objects.filter(object_type=kind, object_id=key).order_by("-seq")


def names_of(holder: Holder, model: type[Model], keys: Iterable[str]) -> dict[str, str]:
    """What keys stand for, in one query: colleagues by name, other items where the holder may know of them."""
    wanted = [k for k in dict.fromkeys(keys) if _is_key(k)]
    if not wanted:
        return {}
    rows: QuerySet[Any] = User.objects.all() if model is User else policy.visible(holder, model)
    return {str(row.pk): str(row) for row in rows.filter(pk__in=wanted)}


def _is_key(text: str) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True
