"""Take rows into a lake so that only the set of records ever added decides what it holds.

Of several versions of one record (same key, other content) the lake keeps the one that reaches furthest: the
latest ``last_ns``, then the newest Davylamp, then the largest content hash. This choice depends on no order, so a
batch may be repeated, shuffled, split or overlapped with others.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from davylamp.errors import InputError
from davylamp.lake.rowhash import hash_rows
from davylamp.lake.schemas import REF, SCHEMA, Kind, schema_of
from davylamp.lake.store import MOST_FILES, Folder, LakeFile, Writer

if TYPE_CHECKING:
    import pyarrow as pa

DAY_NS: Final = 86_400_000_000_000
GROUP_ROWS: Final = 1 << 16  # judged: a row group of a few MiB
LOOK_UP_ROWS: Final = 1 << 20  # judged: 60 MiB of keys and ranks
_EPOCH: Final = date(1970, 1, 1).toordinal()
_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Merged:
    """What became of rows: ``added`` and ``replaced`` changed the lake, the others did not."""

    added: int = 0
    replaced: int = 0  # a version that reaches further than the one kept
    known: int = 0  # the same row is there, or was twice in the batch
    outdone: int = 0  # a version that reaches less far
    expired: int = 0  # ended before what retention keeps

    def __iadd__(self, other: "Merged") -> "Merged":
        for name in ("added", "replaced", "known", "outdone", "expired"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which version of a record reaches further: compared field by field, each (n,)."""

    last_ns: Ints
    version: Ints
    content: NDArray[np.uint64]

    def take(self, rows: Any) -> "Ranks":
        """The ranks of some rows."""
        return Ranks(self.last_ns[rows], self.version[rows], self.content[rows])

    def above(self, other: "Ranks") -> Mask:
        """Where this outdoes ``other``."""
        newer = (self.version == other.version) & (self.content > other.content)
        tied = (self.last_ns == other.last_ns) & ((self.version > other.version) | newer)
        mask: Mask = (self.last_ns > other.last_ns) | tied
        return mask

    def equal(self, other: "Ranks") -> Mask:
        """Where both are the same row."""
        same = (self.version == other.version) & (self.content == other.content)
        mask: Mask = (self.last_ns == other.last_ns) & same
        return mask


def ranks_of(table: "pa.Table") -> Ranks:
    """Ranks of rows that have ``last_ns``, ``lamp_version`` and ``content_hash``."""
    import pyarrow as pa

    versions = table.column("lamp_version").combine_chunks().cast(pa.string()).dictionary_encode()
    numbers = np.array([version_number(v) for v in versions.dictionary.to_pylist()] + [0], dtype=np.int64)
    places = versions.indices.fill_null(len(numbers) - 1).to_numpy(zero_copy_only=False)
    return Ranks(
        table.column("last_ns").to_numpy().astype(np.int64),
        numbers[places],
        table.column("content_hash").to_numpy().astype(np.uint64),
    )


@cache
def version_number(version: str) -> int:
    """``1.2.3`` as a number that grows with it; 0 for what is no version."""
    match = _VERSION.match(version)
    if match is None:
        return 0
    major, minor, patch = (int(part or 0) for part in match.groups())
    return (major * 10**6 + minor) * 10**6 + patch


def with_hash(table: "pa.Table") -> "pa.Table":
    """The rows with their content hash, over every column but the hash itself."""
    import pyarrow as pa

    names = [name for name in table.column_names if name != "content_hash"]
    place = table.schema.get_field_index("content_hash")
    return table.set_column(place, table.schema.field(place), pa.array(hash_rows(table, names)))


def add_rows(
    writer: Writer, kind: Kind, sensor: str, table: "pa.Table", *, past_retention: bool = False
) -> Merged:
    """Merge rows of one kind and sensor into their days.

    Args:
        writer: holds the lake's write lock.
        kind: what the rows are.
        sensor: who saw them.
        table: rows under `schema_of(kind)`; ``content_hash`` is filled here.
        past_retention: take in also what ended before the days that retention keeps.
    """
    merged = Merged()
    until = writer.lake.head.retained_from_ns
    if until is not None and not past_retention:
        expired = table.column("last_ns").to_numpy() < until
        merged.expired = int(expired.sum())
        table = table.filter(~expired)
    table = with_hash(table)
    days = np.floor_divide(table.column("first_ns").to_numpy(), DAY_NS)
    for number in np.unique(days).tolist():
        folder = Folder(writer.lake.root, kind, date.fromordinal(number + _EPOCH), sensor)
        merged += merge_folder(writer, folder, table.filter(days == number))
    return merged


NEW: Final = 0
REPLACES: Final = 1
SAME: Final = 2
OUTDONE: Final = 3


def merge_folder(writer: Writer, folder: Folder, table: "pa.Table") -> Merged:
    """Merge rows of one kind, day and sensor into their folder."""
    import pyarrow as pa

    ref = REF[folder.kind]
    unique, repeated = best_versions(table, ref)
    verdicts = compare(folder, unique)
    counts = np.bincount(verdicts, minlength=4)
    merged = Merged(
        added=int(counts[NEW]),
        replaced=int(counts[REPLACES]),
        known=int(counts[SAME]) + repeated,
        outdone=int(counts[OUTDONE]) + table.num_rows - unique.num_rows - repeated,
    )
    fresh = unique.filter(pa.array(verdicts <= REPLACES)).sort_by(
        [("first_ns", "ascending"), (ref, "ascending")]
    )
    if merged.replaced or (merged.added and len(folder.live()) >= MOST_FILES):
        rewrite(writer, folder, unique.filter(pa.array(verdicts == REPLACES)).column(ref), fresh)
    elif merged.added:
        path = writer.temporary()
        write_parquet(path, folder.kind, iter([fresh]))
        writer.commit(folder, path, "d")
    writer.remove_dead(folder)
    return merged


def best_versions(table: "pa.Table", ref: str) -> tuple["pa.Table", int]:
    """The version of each record that reaches furthest, and how many rows were exact repetitions of it."""
    codes = table.column(ref).combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    ranks = ranks_of(table)
    order = np.lexsort((ranks.content, ranks.version, ranks.last_ns, codes))
    ordered = codes[order]
    is_best = np.append(ordered[1:] != ordered[:-1], np.ones(min(1, ordered.size), dtype=np.bool_))
    best_of = order[is_best][ordered]  # the codes are 0..k-1 and all occur, so the k-th best is code k's
    repeated = int(ranks.take(order).equal(ranks.take(best_of)).sum()) - int(is_best.sum())
    return table.take(order[is_best]), repeated


def compare(folder: Folder, unique: "pa.Table") -> NDArray[np.int8]:
    """For each row, whose keys differ: NEW, REPLACES, SAME or OUTDONE against what the folder holds."""
    import pyarrow.compute as pc

    ref = REF[folder.kind]
    verdicts = np.full(unique.num_rows, NEW, dtype=np.int8)
    refs, ranks = unique.column(ref).combine_chunks(), ranks_of(unique)
    for table in _gathered(live_batches(folder, [ref, "last_ns", "lamp_version", "content_hash"])):
        places = pc.index_in(table.column(ref), value_set=refs)
        met = table.filter(places.is_valid())
        if met.num_rows == 0:
            continue
        rows = places.drop_null().to_numpy()
        held, mine = ranks_of(met), ranks.take(rows)
        verdicts[rows] = np.where(mine.above(held), REPLACES, np.where(mine.equal(held), SAME, OUTDONE))
    return verdicts


def _gathered(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.Table]":
    """Batches as tables of some `LOOK_UP_ROWS` rows: each look-up builds its own index of what it looks for."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(b.num_rows for b in waiting) >= LOOK_UP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def rewrite(
    writer: Writer, folder: Folder, gone: "pa.ChunkedArray | pa.Array", fresh: "pa.Table | None" = None
) -> LakeFile:
    """One file of the next generation for the whole folder: its rows without ``gone``'s keys, and ``fresh``."""
    import pyarrow.compute as pc

    ref = REF[folder.kind]

    def pieces() -> Iterator["pa.Table"]:
        import pyarrow as pa

        for batch in live_batches(folder, None):
            table = pa.Table.from_batches([batch])
            yield table.filter(pc.invert(pc.is_in(table.column(ref), value_set=_flat(gone))))
        if fresh is not None:
            yield fresh

    path = writer.temporary()
    write_parquet(path, folder.kind, pieces())
    return writer.commit(folder, path, "b")


def _flat(array: "pa.ChunkedArray | pa.Array") -> "pa.Array":
    import pyarrow as pa

    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def write_parquet(path: Path, kind: Kind, pieces: Iterator["pa.Table"]) -> None:
    """Write rows as one Parquet file; the same rows give the same bytes."""
    import pyarrow.parquet as pq

    schema = schema_of(kind).with_metadata({b"davylamp.schema": str(SCHEMA).encode()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for piece in pieces:
            if piece.num_rows:
                writer.write_table(aligned(piece, schema), row_group_size=GROUP_ROWS)


def aligned(table: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    """The rows under ``schema``: columns that an older file has not are null."""
    import pyarrow as pa

    columns = [
        table.column(f.name).cast(f.type)
        if f.name in table.column_names
        else pa.nulls(table.num_rows, f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def live_batches(folder: Folder, columns: list[str] | None) -> Iterator["pa.RecordBatch"]:
    """The folder's rows, file by file, under its schema.

    Args:
        folder: where.
        columns: which columns; None for all of the schema's.

    Raises:
        InputError: E-LAK-005, a file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = schema_of(folder.kind)
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    for file in folder.live():
        try:
            with pq.ParquetFile(file.path) as source:
                there = [name for name in schema.names if name in source.schema_arrow.names]
                for batch in source.iter_batches(GROUP_ROWS, columns=there):
                    yield from aligned(pa.Table.from_batches([batch]), schema).to_batches()
        except (OSError, pa.ArrowException) as error:
            raise unreadable(file.path, error) from error


def unreadable(path: Path, error: Exception) -> InputError:
    """E-LAK-005 for a file of the lake."""
    what = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(
        "E-LAK-005",
        f"{path}: {what[:200]}",
        "`davylamp lake info --verify` lists damaged files; remove them and add their records again",
    )


def today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()
