"""Audit rows, and the base of every model whose changes they tell.

`AuditedModel.save` writes the change and its audit row in one transaction. What would go round it
(``update``, ``bulk_create``, ``delete``) is refused; the database refuses DELETE on the tables, and UPDATE on
those that never change (`davylamp.desk.audit.triggers`).
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, Final, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction

from davylamp.desk.audit.record import plain_value, record, record_many, take_turn
from davylamp.errors import BadUse, DavylampError

M = TypeVar("M", bound="AuditedModel")


class Stale(DavylampError):
    """Someone else changed the row since it was read."""


class AuditEvent(models.Model):
    """One row of the audit; rows are appended by `davylamp.desk.audit.record` and never change."""

    WORDS: ClassVar[tuple[str, ...]] = (
        "actor_kind",
        "actor_id",
        "actor_label",
        "channel",
        "request_id",
        "action",
        "object_type",
        "object_id",
        "region_code",
        "reason",
        "changes",
    )

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.CharField(max_length=64, db_index=True)
    actor_label = models.CharField(max_length=200)
    channel = models.CharField(max_length=16)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64, db_index=True)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    region_code = models.CharField(max_length=6, blank=True)
    reason = models.TextField(blank=True)
    changes = models.TextField()  # canonical JSON, hashed as it stands
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        """Newest last; found by object."""

        ordering: ClassVar = ["seq"]
        indexes: ClassVar = [models.Index(fields=["object_type", "object_id", "seq"], name="audit_of_object")]

    def __str__(self) -> str:
        return f"{self.seq} {self.action} {self.object_type} {self.object_id}"

    def words(self) -> tuple[str, ...]:
        """What the hash covers besides place and time."""
        return tuple(getattr(self, name) for name in self.WORDS)


class AuditedQuerySet(models.QuerySet[M]):
    """A queryset that reads; what changes rows without audit is refused."""

    def _refuse(self, what: str) -> Any:
        name = self.model.__name__
        raise BadUse(
            "E-AUD-002", f"{what} on {name} would leave no audit row", "save one by one, or audit.bulk_create"
        )

    def update(self, **kwargs: Any) -> int:
        """Refused."""
        return int(self._refuse("update"))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: nothing is deleted."""
        return (int(self._refuse("delete")), {})

    def bulk_create(self, *args: Any, **kwargs: Any) -> list[M]:
        """Refused; see `bulk_create` of this module."""
        return list(self._refuse("bulk_create"))

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        """Refused."""
        return int(self._refuse("bulk_update"))


class AuditedModel(models.Model):
    """A row with an unguessable key and a version; every save leaves its audit row in the same transaction.

    ``personal`` names fields of which the audit keeps a keyed digest only; ``silent`` those whose change is
    not worth a row.
    """

    personal: ClassVar[frozenset[str]] = frozenset()
    silent: ClassVar[frozenset[str]] = frozenset()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)

    objects = AuditedQuerySet.as_manager()

    _stored: dict[str, Any]

    class Meta:
        """No table of its own."""

        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any]) -> Self:
        """Keep what was read, to tell later what changed."""
        found = super().from_db(db, field_names, values)
        found._stored = found.snapshot()
        return found

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read it again; what changes is then told against what was read now."""
        super().refresh_from_db(*args, **kwargs)
        self._stored = self.snapshot()

    def snapshot(self) -> dict[str, Any]:
        """The loaded fields as plain values, personal ones as digests; the version is not one of them."""
        waiting = self.get_deferred_fields()
        return {
            f.attname: plain_value(f.value_from_object(self), f.attname in self.personal)
            for f in self._meta.concrete_fields
            if f.attname not in waiting and f.attname not in ("id", "version")
        }

    def audit_region(self) -> str:
        """The region whose auditors may read of this row; empty for the province's own."""
        return str(getattr(self, "region_code", "") or "")

    def save(self, *args: Any, action: str = "", reason: str = "", **kwargs: Any) -> None:
        """Write the row and its audit row, or neither.

        Args:
            args: as Django's.
            action: what was done, such as ``lead.assign``; the model and create or change when empty.
            reason: the person's own words.
            kwargs: as Django's.

        Raises:
            Stale: E-AUD-003 when the row was changed since it was read.
        """
        before: dict[str, Any] = {} if self._state.adding else getattr(self, "_stored", {})
        told = self._told(before)
        with transaction.atomic():
            take_turn()  # before any row: who holds the turn may be waiting for this row
            if not self._state.adding:
                self._check_version()
            if told or self._state.adding:
                self.version += 1
                if kwargs.get("update_fields") is not None:
                    kwargs["update_fields"] = {*kwargs["update_fields"], "version"}
                default = f"{self._meta.model_name}.{'create' if self._state.adding else 'change'}"
                super().save(*args, **kwargs)
                record(
                    action or default, self, self._told(before), reason=reason
                )  # with what saving itself set
            else:
                super().save(*args, **kwargs)
        self._stored = self.snapshot()

    def _told(self, before: dict[str, Any]) -> dict[str, Any]:
        """Field to [before, now] of what differs and is worth a row."""
        now = self.snapshot()
        return {n: [before.get(n), v] for n, v in now.items() if before.get(n) != v and n not in self.silent}

    def _check_version(self) -> None:
        held = (
            type(self)._base_manager.select_for_update().filter(pk=self.pk).values_list("version", flat=True)
        )
        if list(held) != [self.version]:
            raise Stale(
                "E-AUD-003", f"{self} was changed by someone else", "look at the difference and do it again"
            )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: nothing is deleted.

        Raises:
            BadUse: E-AUD-004.
        """
        raise BadUse("E-AUD-004", f"{self} cannot be deleted", "close, merge or supersede it")


class ImmutableModel(AuditedModel):
    """A row that is written once."""

    class Meta:
        """No table of its own."""

        abstract = True

    def save(self, *args: Any, action: str = "", reason: str = "", **kwargs: Any) -> None:
        """Write it once.

        Raises:
            BadUse: E-AUD-005 on the second time.
        """
        if not self._state.adding:
            raise BadUse("E-AUD-005", f"{self} never changes", "write a new row that supersedes it")
        super().save(*args, action=action, reason=reason, **kwargs)


EXACT: Final = 10**15  # whole numbers beyond it may have been floats
BATCH: Final = 500  # judged: SQLite takes 32,766 parameters a statement


def bulk_create(rows: Sequence[M], action: str, batch_id: str, *, reason: str = "") -> None:
    """Many new rows of one model with one audit row, which holds their number and a digest of all they say."""
    if not rows:
        return
    model = type(rows[0])
    for row in rows:
        row.version = 1
    with transaction.atomic():
        models.QuerySet(model).bulk_create(rows, batch_size=BATCH)
        told = {"count": len(rows), "digest": rows_digest(rows)}
        record(action, (model._meta.label_lower, batch_id), told, reason=reason)


def bulk_change(rows: Sequence[M], names: Sequence[str], action: str, *, reason: str = "") -> None:
    """Write some fields of many rows, each with its own audit row, in a few statements.

    Args:
        rows: as they were read, with their new values; rows that did not change are left alone.
        names: of the fields that may have changed.
        action: what was done.
        reason: the person's own words.

    Raises:
        Stale: E-AUD-003 when one of them was changed since it was read.
    """
    told = []
    for row in rows:
        before, after = row._stored, row.snapshot()
        changes = {n: [before.get(n), v] for n, v in after.items() if before.get(n) != v}
        if changes:
            told.append((row, changes))
    if not told:
        return
    changed = [row for row, _ in told]
    with transaction.atomic():
        _check_versions(changed)
        for row in changed:
            row.version += 1
        _update_each(changed, [changed[0]._meta.get_field(name) for name in (*names, "version")])
        record_many(action, told, reason=reason)
    for row in changed:
        row._stored = row.snapshot()


def _check_versions(rows: Sequence[AuditedModel]) -> None:
    model = type(rows[0])
    for start in range(0, len(rows), BATCH):
        part = {r.pk: r.version for r in rows[start : start + BATCH]}
        held = model._base_manager.select_for_update().filter(pk__in=part).values_list("pk", "version")
        if dict(held) != part:
            raise Stale("E-AUD-003", f"{model.__name__} rows were changed by someone else", "do it again")


def _update_each(rows: Sequence[AuditedModel], columns: Sequence[Any]) -> None:
    """One prepared UPDATE over all rows: Django's bulk_update compares every row with every other."""
    meta = rows[0]._meta
    quote = connection.ops.quote_name
    sets = ", ".join(f"{quote(f.column)} = %s" for f in columns)
    statement = f"UPDATE {quote(meta.db_table)} SET {sets} WHERE {quote(meta.pk.column)} = %s"  # noqa: S608 - names come from the models
    told = (*columns, meta.pk)
    values = [[f.get_db_prep_save(getattr(row, f.attname), connection) for f in told] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def rows_digest(rows: Iterable[AuditedModel]) -> str:
    """SHA-256 over the rows' snapshots in the order of their keys, values as the database gives them back."""
    return states_digest((str(row.pk), settled(type(row), row.snapshot())) for row in rows)


def states_digest(states: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """SHA-256 over keys and settled snapshots."""
    from davylamp.desk.audit.chain import canonical, digest

    return digest(canonical([[key, state] for key, state in sorted(states, key=lambda s: s[0])]))


def settled(model: type[AuditedModel], state: dict[str, Any]) -> dict[str, Any]:
    """A snapshot as it reads after a way through the database: 1 in a column of floats is 1.0, for instance."""
    known = {f.attname: f for f in model._meta.concrete_fields}
    return {name: _settle(known.get(name), value) for name, value in state.items()}


def _settle(column: Any, value: Any) -> Any:
    if value is None or column is None or (isinstance(value, str) and value.startswith("digest:")):
        return value
    if isinstance(column, models.JSONField):
        return _settle_json(value)
    try:
        return plain_value(column.to_python(value))
    except (ValidationError, ValueError, TypeError):
        return value


def _settle_json(value: Any) -> Any:
    """PostgreSQL gives 1e18 back as a whole number."""
    if isinstance(value, dict):
        return {k: _settle_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_settle_json(v) for v in value]
    is_huge = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= EXACT
    return str(float(value)) if is_huge else value
