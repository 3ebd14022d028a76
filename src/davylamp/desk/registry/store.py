"""The registry of networks in the desk's database: the same questions and answers as the lamp's file gives.

Rows are immutable (the database refuses UPDATE and DELETE), a batch and its audit rows are one transaction, and
writers take turns with everybody else who writes an audit row.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Subquery

from davylamp.attribution.registry_diff import Plan
from davylamp.attribution.registry_records import KIND_OF, KINDS, Batch, NetRange, Origin, Stored
from davylamp.attribution.registry_schema import COLUMNS, from_row, to_row
from davylamp.attribution.registry_store import FOREVER, Heard, Store
from davylamp.desk.audit.models import bulk_create
from davylamp.desk.audit.record import take_turn
from davylamp.desk.registry.models import RegistryBatch, RegistryFact, RegistryHeard

_ADDRESSES: Final = tuple(COLUMNS["range"].index(name) for name in ("low", "high"))


def hex_of(address: int) -> str:
    """128 bits as 32 hex digits, which compare as the numbers do."""
    return f"{address:032x}"


class DeskStore(Store):
    """The desk's registry; it holds nothing itself and may be made anew wherever it is needed."""

    def batches(self) -> tuple[Batch, ...]:
        """All changes, oldest first."""
        return tuple(
            Batch(
                b.number,
                b.recorded_at_ns,
                b.effective_ns,
                Origin(b.layer, b.source, b.author, b.basis),  # type: ignore[arg-type]
                b.digest,
            )
            for b in RegistryBatch.objects.order_by("number")
        )

    def last_batch(self, as_of_ns: int | None = None) -> int:
        """Number of the last batch that was recorded by then; 0 where there is none."""
        known = FOREVER if as_of_ns is None else as_of_ns
        found = RegistryBatch.objects.filter(recorded_at_ns__lte=known).aggregate(last=Max("number"))
        return found["last"] or 0

    def facts(
        self,
        record: type[Any],
        as_of_ns: int | None = None,
        origin: Origin | None = None,
        covering: tuple[int, int] | None = None,
    ) -> list[Stored]:
        """See `davylamp.attribution.registry_store.Store.facts`."""
        upto = self.last_batch(as_of_ns)
        newer = RegistryFact.objects.filter(
            kind=OuterRef("kind"),
            thread_digest=OuterRef("thread_digest"),
            spell=OuterRef("spell"),
            number__gt=OuterRef("number"),
            number__lte=upto,
        )
        rows = RegistryFact.objects.filter(
            ~Exists(newer), kind=KIND_OF[record], number__lte=upto, is_withdrawn=False
        )
        if origin is not None:
            rows = rows.filter(batch__layer=origin.layer, batch__source=origin.source)
        if covering is not None:
            rows = rows.filter(low__lte=hex_of(covering[1]), high__gte=hex_of(covering[0]))
        opened = RegistryFact.objects.filter(
            kind=OuterRef("kind"), thread_digest=OuterRef("thread_digest"), spell=OuterRef("spell")
        ).order_by("number")
        told = rows.annotate(opened=Subquery(opened.values("number")[:1])).order_by("number", "place").values_list(
            "values", "number", "thread", "spell", "is_closed", "opened",
            "batch__recorded_at_ns", "batch__layer", "batch__source", "batch__author", "batch__basis",
        )  # fmt: skip
        return [_stored(record, row) for row in told]

    def heard(self, origin: Origin) -> list[Heard]:
        """Whatever a source has said."""
        rows = RegistryHeard.objects.filter(layer=origin.layer, source=origin.source)
        return [Heard(*row) for row in rows.values_list("effective_ns", "digest", "kinds")]

    def newest(self) -> tuple[int, int | None]:
        """Number and record time of the last batch; 0 and None where there is none."""
        found = RegistryBatch.objects.aggregate(number=Max("number"), at_ns=Max("recorded_at_ns"))
        return found["number"] or 0, found["at_ns"]

    def write(self, plan: Plan, batch: Batch) -> None:
        """Add a batch and its rows."""
        origin = plan.origin
        made = RegistryBatch(
            number=batch.number, recorded_at_ns=batch.recorded_at_ns, effective_ns=plan.effective_ns,
            layer=origin.layer, source=origin.source, author=origin.by, basis=origin.basis, digest=plan.digest,
        )  # fmt: skip
        made.save(action="registry.batch")
        rows = []
        for kind in KINDS:
            of_kind = [v for v in plan.versions if KIND_OF[type(v.fact)] == kind]
            rows += [_row(made, len(rows) + place, kind, v) for place, v in enumerate(of_kind)]
        bulk_create(rows, "registry.facts", str(made.pk))

    def hear(self, plan: Plan, recorded_at_ns: int) -> None:
        """Remember that a source has said this, whether or not it was news."""
        RegistryHeard(
            recorded_at_ns=recorded_at_ns, effective_ns=plan.effective_ns, layer=plan.origin.layer,
            source=plan.origin.source, digest=plan.digest, kinds=" ".join(plan.kinds),
        ).save(action="registry.heard")  # fmt: skip

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction, one writer: all or nothing."""
        with transaction.atomic():
            take_turn()
            yield


def _row(batch: RegistryBatch, place: int, kind: str, version: Any) -> RegistryFact:
    fact = version.fact
    is_range = isinstance(fact, NetRange)
    return RegistryFact(
        batch=batch,
        number=batch.number,
        place=place,
        kind=kind,
        thread=version.thread,
        thread_digest=hashlib.sha256(version.thread.encode()).hexdigest(),
        spell=version.spell,
        is_closed=version.is_closed,
        is_withdrawn=version.is_withdrawn,
        low=hex_of(fact.low) if is_range else "",
        high=hex_of(fact.high) if is_range else "",
        values=[v.hex() if isinstance(v, bytes) else v for v in to_row(fact)],
    )


def _stored(record: type[Any], row: tuple[Any, ...]) -> Stored:
    values, number, thread, spell, is_closed, opened, recorded, layer, source, author, basis = row
    if record is NetRange:
        values = [bytes.fromhex(v) if place in _ADDRESSES else v for place, v in enumerate(values)]
    origin = Origin(layer, source, author, basis)
    return Stored(from_row(record, tuple(values)), origin, number, recorded, thread, spell, is_closed, opened)
