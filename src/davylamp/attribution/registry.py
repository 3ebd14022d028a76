"""The registry of networks (网络资源登记): one SQLite file to which rows are only ever added.

A fact changes by a further row in the same thread, written by the same source; it ends by a row that says so. The file
refuses UPDATE and DELETE by triggers (whoever owns the file can drop them: its integrity is a matter of custody and
copies). A question names two times: when was it so, and as far as the registry knew by when (``as_of_ns``).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from davylamp.attribution.registry_diff import Plan
from davylamp.attribution.registry_records import KIND_OF, KINDS, Batch, Origin, Stored
from davylamp.attribution.registry_schema import (
    APPLICATION_ID,
    COLUMNS,
    VERSION,
    from_row,
    schema,
    to_row,
)
from davylamp.attribution.registry_store import FOREVER, Heard, Store
from davylamp.errors import InputError, OutputError


class Registry(Store):
    """An open registry file. One writer at a time; readers see whole batches only.

    Args:
        path: the SQLite file.
        create: make it where it does not exist.

    Raises:
        InputError: E-REG-001 when there is no such file, E-REG-002 when it is no registry.
        OutputError: E-REG-003 when it cannot be made.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not path.exists() and not create:
            raise InputError("E-REG-001", f"no registry at {path}", "davylamp registry import makes one")
        is_new = not path.exists() or path.stat().st_size == 0
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA recursive_triggers = ON")
            if is_new and create:
                self._db.executescript(schema())
            mark = self._db.execute("PRAGMA application_id").fetchone()[0]
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            kind = OutputError if is_new and create else InputError
            code = "E-REG-003" if is_new and create else "E-REG-002"
            raise kind(
                code, f"{path}: {error}", "is it a registry, on a disk that can be written?"
            ) from error
        if (mark, version) != (APPLICATION_ID, VERSION):
            self._db.close()
            raise InputError(
                "E-REG-002", f"{path} is no registry of this version", f"version {VERSION} expected"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def batches(self) -> tuple[Batch, ...]:
        """All changes, oldest first."""
        rows = self._db.execute(
            "SELECT number, recorded_at_ns, effective_ns, layer, source, author, basis, digest "
            "FROM batch ORDER BY number"
        )
        return tuple(Batch(n, at, eff, Origin(*origin), digest) for n, at, eff, *origin, digest in rows)

    def last_batch(self, as_of_ns: int | None = None) -> int:
        """Number of the last batch that was recorded by then; 0 where there is none."""
        known = FOREVER if as_of_ns is None else as_of_ns
        found = self._db.execute("SELECT MAX(number) FROM batch WHERE recorded_at_ns <= ?", (known,))
        return int(found.fetchone()[0] or 0)

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
        kind = KIND_OF[record]
        upto = self.last_batch(as_of_ns)
        where = ["r.batch <= ?", "r.is_withdrawn = 0", LATEST.format(kind=kind)]
        values: list[Any] = [upto, upto]
        if origin is not None:
            where.append("b.layer = ? AND b.source = ?")
            values += [origin.layer, origin.source]
        if covering is not None:
            where.append("r.low <= ? AND r.high >= ?")
            values += [covering[1].to_bytes(16, "big"), covering[0].to_bytes(16, "big")]
        columns = ", ".join(f"r.{name}" for name in COLUMNS[kind])
        opened = f"(SELECT MIN(o.batch) FROM {kind} o WHERE o.thread = r.thread AND o.spell = r.spell)"  # noqa: S608
        rows = self._db.execute(
            f"SELECT b.layer, b.source, b.author, b.basis, r.batch, b.recorded_at_ns, r.thread, r.spell, r.is_closed, "  # noqa: S608 - names come from the code
            f"{opened}, {columns} FROM {kind} r JOIN batch b ON b.number = r.batch WHERE {' AND '.join(where)} "
            "ORDER BY r.row",
            values,
        )
        origins: dict[int, Origin] = {}
        return [self._stored(record, row, origins) for row in rows]

    def _stored(self, record: type[Any], row: tuple[Any, ...], origins: dict[int, Origin]) -> Stored:
        batch, recorded_at_ns, thread, spell, is_closed, opened = row[4:10]
        origin = origins.setdefault(batch, Origin(*row[:4]))
        fact = from_row(record, row[10:])
        return Stored(fact, origin, batch, recorded_at_ns, thread, spell, bool(is_closed), opened)

    def heard(self, origin: Origin) -> list[Heard]:
        """Whatever a source has said."""
        rows = self._db.execute(
            "SELECT effective_ns, digest, kinds FROM heard WHERE layer = ? AND source = ?",
            (origin.layer, origin.source),
        )
        return [Heard(*row) for row in rows]

    def newest(self) -> tuple[int, int | None]:
        """Number and record time of the last batch."""
        number, at_ns = self._db.execute("SELECT MAX(number), MAX(recorded_at_ns) FROM batch").fetchone()
        return number or 0, at_ns

    def write(self, plan: Plan, batch: Batch) -> None:
        """Add a batch and its rows."""
        self._db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (batch.number, batch.recorded_at_ns, plan.effective_ns, *_texts(plan.origin), plan.digest),
        )
        for kind in KINDS:
            rows = [v for v in plan.versions if KIND_OF[type(v.fact)] == kind]
            places = ", ".join("?" * (5 + len(COLUMNS[kind])))
            self._db.executemany(
                f"INSERT INTO {kind} VALUES (NULL, {places})",  # noqa: S608 - names come from the code
                (
                    (batch.number, v.thread, v.spell, v.is_closed, v.is_withdrawn, *to_row(v.fact))
                    for v in rows
                ),
            )

    def hear(self, plan: Plan, recorded_at_ns: int) -> None:
        """Remember that a source has said this, whether or not it was news."""
        said = (plan.effective_ns, plan.origin.layer, plan.origin.source, plan.digest, " ".join(plan.kinds))
        self._db.execute("INSERT INTO heard VALUES (NULL, ?, ?, ?, ?, ?, ?)", (recorded_at_ns, *said))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all or nothing."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputError(
                "E-REG-003", f"{self.path}: {error}", "is the disk full or read-only?"
            ) from error


LATEST: Final = (
    "NOT EXISTS (SELECT 1 FROM {kind} n WHERE n.thread = r.thread AND n.spell = r.spell "
    "AND n.batch > r.batch AND n.batch <= ?)"
)


def _texts(origin: Origin) -> tuple[str, ...]:
    return (origin.layer, origin.source, origin.by, origin.basis)
