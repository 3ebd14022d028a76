"""What every store of the registry shares: how a statement is planned and committed, wherever its rows lie.

The lamp keeps them in one SQLite file (`davylamp.attribution.registry`), the desk in its own database. A store gives
the primitives; what a source may say, and what its words change, is decided here once.
"""

import json
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from davylamp.attribution.registry_diff import Background, Change, Plan, Statement, compare
from davylamp.attribution.registry_records import KIND_OF, KINDS, Batch, Fact, Origin, Stored
from davylamp.errors import InputError

FOREVER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Heard:
    """That a source once said something: for which time, its digest, and the kinds of facts it spoke of."""

    effective_ns: int
    digest: str
    kinds: str  # separated by spaces


class Store(ABC):
    """A registry to which rows are only ever added. One writer at a time; readers see whole batches only."""

    @abstractmethod
    def batches(self) -> tuple[Batch, ...]:
        """All changes, oldest first."""

    @abstractmethod
    def last_batch(self, as_of_ns: int | None = None) -> int:
        """Number of the last batch that was recorded by then; 0 where there is none."""

    @abstractmethod
    def facts(
        self,
        record: type[Any],
        as_of_ns: int | None = None,
        origin: Origin | None = None,
        covering: tuple[int, int] | None = None,
    ) -> list[Stored]:
        """Every fact of a kind that the registry believed by a record time, whatever valid time it has.

        Args:
            record: the dataclass of the kind.
            as_of_ns: record time; None for now.
            origin: only what this layer and source said.
            covering: only ranges that meet these two addresses or lie between them.
        """

    @abstractmethod
    def heard(self, origin: Origin) -> list[Heard]:
        """Whatever a source has said."""

    @abstractmethod
    def newest(self) -> tuple[int, int | None]:
        """Number and record time of the last batch; 0 and None where there is none."""

    @abstractmethod
    def write(self, plan: Plan, batch: Batch) -> None:
        """Add a batch and its rows; inside `writing`."""

    @abstractmethod
    def hear(self, plan: Plan, recorded_at_ns: int) -> None:
        """Remember that a source has said this, whether or not it was news; inside `writing`."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """One transaction, one writer: all or nothing."""

    def plan(self, statement: Statement) -> Plan:
        """What a statement would change: the dry run.

        A statement that is in the registry already, from the same source for the same effective time, changes nothing,
        whatever came after it.

        Raises:
            InputError: E-REG-007 when the source described a later state already.
        """
        origin = statement.origin
        rows = self.heard(origin)
        base, digest = self.last_batch(), statement.digest
        if (statement.effective_ns, digest) in {(row.effective_ns, row.digest) for row in rows}:
            same = tuple(Change("unchanged", fact, fact) for fact in statement.facts)
            return Plan(origin, statement.effective_ns, base, digest, (), same, ())
        newest = max((row.effective_ns for row in rows), default=statement.effective_ns)
        if statement.is_complete and statement.effective_ns < newest:
            raise InputError(
                "E-REG-007",
                f"source {origin.source!r} has described a later state than this one already",
                "take files in the order of the time they describe, or state the earlier file as another source",
            )
        known = [
            s for kind in KINDS.values() if kind in statement.kinds for s in self.facts(kind, None, origin)
        ]
        spoken = frozenset(kind for row in rows for kind in row.kinds.split())
        threads = [thread_of(origin, fact) for fact in statement.facts]
        return compare(statement, threads, Background(known, spoken, base, digest))

    def commit(self, plan: Plan, recorded_at_ns: int) -> Batch | None:
        """Write a plan as one batch; None where it changes nothing.

        Args:
            plan: made from the registry as it is now.
            recorded_at_ns: the time on the clock.

        Raises:
            InputError: E-REG-004 when the clock stands before the last batch, E-REG-005 when another batch came
                between plan and commit.
            OutputError: E-REG-003 when the file cannot be written.
        """
        with self.writing():
            number, latest = self.newest()
            if plan.versions and number != plan.base:
                raise InputError("E-REG-005", "the registry changed since the plan was made", "run it again")
            if plan.versions and latest is not None and recorded_at_ns <= latest:
                raise InputError(
                    "E-REG-004", "the clock stands before the registry's last change", "set the clock"
                )
            if plan.kinds:
                self.hear(plan, recorded_at_ns)
            if not plan.versions:
                return None
            batch = Batch(number + 1, recorded_at_ns, plan.effective_ns, plan.origin, plan.digest)
            self.write(plan, batch)
        return batch


def thread_of(origin: Origin, fact: Fact) -> str:
    """What all versions of one statement of one source share: its identity and the start that the source stated."""
    parts = [origin.layer, origin.source, KIND_OF[type(fact)], *fact.identity, fact.valid_from_ns]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
