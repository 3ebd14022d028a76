"""Do the tables say what the audit told? Unwind every row along its audit rows, back to the moment it was made.

The chain shows that nobody touched the audit; it does not show who wrote to a table behind the audit's back. So each
row is held against the newest audit row of its own, stepped back to the values before, held against the next, and so
on to the first. Rows that were written many at once have one audit row between them, with a digest of all that they
said: the batch is found by the key that its rows point to, and its digest computed anew.

What the audit keeps as digests (personal fields) is compared as digests; what it does not tell (silent fields) is not
compared.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from django.apps import apps
from django.db import models

from davylamp.desk.audit.models import AuditedModel, AuditEvent, settled, states_digest
from davylamp.desk.audit.verify import MOST_FINDINGS, Breach

State: TypeAlias = dict[str, Any] | None
"""A row's first snapshot; None when it never changed and can be read again."""
CHUNK: Final = 400  # rows; below SQLite's limit of parameters


@dataclass(slots=True)
class Replay:
    """What a replay found; ``unproven`` counts rows whose batch could not be told apart."""

    rows: int = 0
    events: int = 0
    unproven: int = 0
    breaches: list[Breach] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return not self.breaches

    @property
    def is_full(self) -> bool:
        """More than anyone reads."""
        return len(self.breaches) >= MOST_FINDINGS


def replay(progress: Callable[[int], None] | None = None) -> Replay:
    """Hold all audited tables against the audit.

    Args:
        progress: told of rows done since the last call.
    """
    found = Replay()
    for model in audited_models():
        _Table(model, found, progress).run()
        if found.is_full:
            break
    return found


def audited_models() -> list[type[AuditedModel]]:
    """Every model with audit, in a fixed order."""
    return sorted(
        (m for m in apps.get_models() if issubclass(m, AuditedModel) and not m._meta.proxy),
        key=lambda m: m._meta.label_lower,
    )


def _told(events: Sequence[AuditEvent]) -> int:
    """Rows that batches told of."""
    return sum(json.loads(e.changes)["count"] for e in events)


class _Table:
    """The replay of one table."""

    def __init__(
        self, model: type[AuditedModel], found: Replay, progress: Callable[[int], None] | None
    ) -> None:
        self.model, self.found, self.progress = model, found, progress
        self.label = model._meta.label_lower
        self.fields = {f.attname: f for f in model._meta.concrete_fields}
        self.batches = self._told_batches()
        self.batched: dict[str, list[tuple[str, State]]] = defaultdict(
            list
        )  # rows without a beginning of their own

    def run(self) -> None:
        """Rows first, then what the audit told of rows that are not there."""
        keys: set[str] = set()
        chunk: list[AuditedModel] = []
        for row in models.QuerySet(self.model).order_by("pk").iterator(chunk_size=CHUNK):
            keys.add(str(row.pk))
            chunk.append(row)
            if len(chunk) == CHUNK:
                self._rows(chunk)
                chunk = []
        self._rows(chunk)
        self._gone(keys)
        self._unclaimed(self.batched.pop("", []))
        for batch, claimed in self.batched.items():
            self._batch(self.batches[batch], claimed)

    def _rows(self, rows: Sequence[AuditedModel]) -> None:
        if not rows or self.found.is_full:
            return
        told: dict[str, list[AuditEvent]] = defaultdict(list)
        ids = [str(row.pk) for row in rows]
        for event in AuditEvent.objects.filter(object_type=self.label, object_id__in=ids).order_by("-seq"):
            told[event.object_id].append(event)
        for row in rows:
            self._row(row, told[str(row.pk)])
        if self.progress is not None:
            self.progress(len(rows))

    def _row(self, row: AuditedModel, events: Sequence[AuditEvent]) -> None:
        self.found.rows += 1
        state = row.snapshot()
        unwound = row.version
        for event in events:
            changes = self._changes(event)
            if changes is None:
                continue
            self.found.events += 1
            unwound -= 1
            after = settled(self.model, {name: pair[1] for name, pair in changes.items()})
            there = settled(self.model, {name: state.get(name) for name in changes})
            for name in changes:
                if after[name] != there[name]:
                    self._breach("E-AUD-201", event.seq, row, f"{name} is not what row {event.seq} told")
            state.update({name: pair[0] for name, pair in changes.items()})
        if unwound == 0:
            self._silent_rest(row, state)
        elif unwound == 1:
            batch = next((v for v in state.values() if isinstance(v, str) and v in self.batches), "")
            self.batched[batch].append((str(row.pk), state if row.version > 1 else None))
        else:
            self._breach(
                "E-AUD-202", 0, row, f"version {row.version}, but {row.version - unwound} changes were told"
            )

    def _silent_rest(self, row: AuditedModel, state: dict[str, Any]) -> None:
        """Unwound to the beginning, nothing may be left that the first row did not tell."""
        left = [n for n, v in state.items() if v is not None and n not in self.model.silent]
        if left:
            self._breach("E-AUD-201", 0, row, f"{', '.join(left)} was never told")

    def _changes(self, event: AuditEvent) -> dict[str, Any] | None:
        """Field to [before, after]; None for an act that changed no field."""
        told = json.loads(event.changes)
        if told and all(n in self.fields and isinstance(v, list) and len(v) == 2 for n, v in told.items()):
            return dict(told)
        return None

    def _told_batches(self) -> dict[str, list[AuditEvent]]:
        """The batches that the audit told of, by their key."""
        found: dict[str, list[AuditEvent]] = defaultdict(list)
        for event in AuditEvent.objects.filter(
            object_type=self.label, changes__startswith='{"count":'
        ).order_by("seq"):
            found[event.object_id].append(event)
        return dict(found)

    def _gone(self, keys: set[str]) -> None:
        """Rows that the audit told of and the table does not hold."""
        missing: dict[str, int] = {}
        events = AuditEvent.objects.filter(object_type=self.label).order_by("seq").iterator(chunk_size=5000)
        for event in events:
            if event.object_id not in keys and self._changes(event) is not None:
                missing.setdefault(event.object_id, event.seq)
        for key, seq in missing.items():
            self._breach("E-AUD-203", seq, key, f"row {seq} told of it, the table does not hold it")

    def _batch(self, events: Sequence[AuditEvent], rows: Sequence[tuple[str, State]]) -> None:
        """The rows of one batch give its digest again; of several under one key only the number can be held to."""
        expected = _told(events)
        if len(rows) != expected:
            words = f"{len(rows)} rows instead of {expected}"
        elif len(events) > 1:
            self.found.unproven += len(rows)
            return
        elif states_digest(self._settled(rows)) != json.loads(events[0].changes)["digest"]:
            words = "other values"
        else:
            return
        first = events[0]
        self._breach("E-AUD-204", first.seq, first.object_id, f"the batch of row {first.seq} has {words}")

    def _settled(self, rows: Sequence[tuple[str, State]]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Keys and first snapshots; those of rows that never changed are read again, not held in memory."""
        for at in range(0, len(rows), CHUNK):
            part = dict(rows[at : at + CHUNK])
            unchanged = [key for key, state in part.items() if state is None]
            for row in models.QuerySet(self.model).filter(pk__in=unchanged):
                part[str(row.pk)] = row.snapshot()
            for key, state in part.items():
                yield key, settled(self.model, state or {})

    def _unclaimed(self, rows: Sequence[tuple[str, State]]) -> None:
        """Rows that point to no batch: of a single batch they can still be proven."""
        events = [e for key, told in self.batches.items() if key not in self.batched for e in told]
        if len(events) == 1 and rows:
            self._batch(events, rows)
        elif len(rows) != _told(events):
            words = f"{len(rows)} rows were not told one by one, batches told of {_told(events)}"
            self._breach("E-AUD-205", 0, "", words)
        else:
            self.found.unproven += len(rows)

    def _breach(self, code: str, seq: int, row: AuditedModel | str, words: str) -> None:
        key = row if isinstance(row, str) else str(row.pk)
        if not self.found.is_full:
            self.found.breaches.append(Breach(code, seq, f"{self.label} {key}: {words}".replace(" :", ":")))
