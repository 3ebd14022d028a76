"""Retention: what ended before a day goes, except what open cases reference.

A reference is a key: a sighting's ``source_ref``, a session's ``session_ref``, a flow's ``flow_ref``. What it
names stays, and so does what lies beneath: a sighting's sessions, and the flows of either. A plan is made and
shown before anything is removed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from davylamp.errors import BadUse, InputError
from davylamp.lake.merge import live_batches, rewrite
from davylamp.lake.schemas import KINDS, REF, Kind
from davylamp.lake.store import Folder, Lake, Writer

if TYPE_CHECKING:
    import pyarrow as pa

GOES: Final = 0
YOUNG: Final = 1
REFERENCED: Final = 2
MOST_REF: Final = 200  # judged: keys are 32 characters; other programs' may be longer
_REF: Final = re.compile(r"[^\s#]+")

Ends = tuple[str, str, str, int]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What retention does to one folder, in rows. ``goes`` counts those that are removed."""

    kind: Kind
    day: date
    sensor: str
    rows: int
    goes: int
    young: int  # ended within the days that are kept
    referenced: int  # old, but an open case stands on them


@dataclass(slots=True)
class Retention:
    """The plan for a lake. ``unknown`` are references that no record answers to."""

    from_day: date
    folders: list[Plan]
    unknown: list[str]
    is_applied: bool = False
    waiting_files: int = 0  # replaced files that a reader still holds


@dataclass(slots=True)
class Kept:
    """Keys that stay, and where flows stay: per sensor and ends, the spans of what is kept."""

    refs: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})
    spans: dict[Ends, list[Span]] = field(default_factory=dict)

    def cover(self, sensor: str, row: dict[str, Any]) -> None:
        """Keep the flows beneath a row."""
        ends = (sensor, row["client_ip"], row["server_ip"], row["server_port"])
        self.spans.setdefault(ends, []).append((row["first_ns"], row["last_ns"]))

    def covers(self, sensor: str, row: dict[str, Any]) -> bool:
        """Whether a flow lies beneath something kept."""
        ends = (sensor, row["client_ip"], row["server_ip"], row["server_port"])
        return any(
            row["first_ns"] <= last and first <= row["last_ns"] for first, last in self.spans.get(ends, ())
        )


def read_refs(path: Path) -> set[str]:
    """References, one per line; ``#`` begins a comment.

    Raises:
        InputError: E-LAK-030, the file cannot be read, or lines that are no reference, all at once.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("E-LAK-030", f"{path}: {error}", "write one reference per line") from error
    refs, wrong = set(), []
    for number, line in enumerate(lines, 1):
        text = line.split("#", 1)[0].strip()
        if text and (not _REF.fullmatch(text) or len(text) > MOST_REF):
            wrong.append(f"line {number}: {text[:60]!r}")
        elif text:
            refs.add(text)
    if wrong:
        raise InputError(
            "E-LAK-030", f"{path}: {'; '.join(wrong)}", "write one reference per line, without spaces"
        )
    return refs


def retain(
    root: Path,
    days: int,
    refs: Iterable[str] = (),
    *,
    as_of: date,
    apply: bool = False,
    allow_unknown: bool = False,
) -> Retention:
    """Plan, and with ``apply`` carry out, the removal of what ended more than ``days`` days before ``as_of``.

    Interrupted anywhere, the lake reads well, and the same call completes the removal. Afterwards records that
    ended before are not taken in again.

    Raises:
        BadUse: E-LAK-031, days out of range; E-LAK-032, ``apply`` with references that no record answers to.
        InputError: E-LAK-001, 002, 005.
        OutputError: E-LAK-003, 004.
    """
    if not 1 <= days <= 36_500:
        raise BadUse("E-LAK-031", f"--days {days} is out of range", "1 to 36500")
    from_day = as_of - timedelta(days=days)
    lake = Lake(root)
    wanted = set(refs)
    if not apply:
        with lake.reading():
            return _plan(lake, from_day, wanted)[0]
    with lake.writing() as writer:
        plan, kept = _plan(lake, from_day, wanted)
        if plan.unknown and not allow_unknown:
            some = ", ".join(plan.unknown[:5]) + (", ..." if len(plan.unknown) > 5 else "")
            raise BadUse(
                "E-LAK-032",
                f"{len(plan.unknown)} references are no record of this lake: {some}",
                "mend the list, or give --allow-unknown if these records are kept elsewhere",
            )
        _carry_out(writer, plan, kept)
    return plan


def _plan(lake: Lake, from_day: date, wanted: set[str]) -> tuple[Retention, Kept]:
    """What goes and what stays; writes nothing."""
    kept, known = _keep(lake, wanted)
    until = _start_ns(from_day)
    plans = []
    for folder in lake.folders():
        counts = np.zeros(3, dtype=np.int64)
        for table in _tables(folder) if folder.day < from_day else []:
            counts += np.bincount(_judge(folder, table, until, kept), minlength=3)
        if folder.day < from_day:
            goes, young, referenced = counts.tolist()
            plans.append(
                Plan(folder.kind, folder.day, folder.sensor, int(counts.sum()), goes, young, referenced)
            )
    return Retention(from_day, plans, sorted(wanted - known)), kept


def _keep(lake: Lake, wanted: set[str]) -> tuple[Kept, set[str]]:
    """The references' records and what lies beneath, and which references the lake knows."""
    kept = Kept()
    known: set[str] = set()
    for kind in ("sightings", "sessions", "flows") if wanted else ():
        kept.refs[kind] |= wanted
        more = ["session_refs"] if kind == "sightings" else []
        for folder in lake.folders((kind,)):
            for table in _tables(folder, more):
                for row in table.filter(_is_in(table, REF[kind], kept.refs[kind])).to_pylist():
                    known |= {row[REF[kind]]} & wanted
                    if kind != "flows":
                        kept.refs["sessions"].update(row.get("session_refs") or ())
                        kept.cover(folder.sensor, row)
    return kept, known


def _tables(folder: Folder, more: Iterable[str] = ()) -> "Iterator[pa.Table]":
    """Keys, ends and times of a folder's rows."""
    import pyarrow as pa

    columns = [REF[folder.kind], "client_ip", "server_ip", "server_port", "first_ns", "last_ns", *more]
    for batch in live_batches(folder, columns):
        yield pa.Table.from_batches([batch])


def _is_in(table: "pa.Table", column: str, values: Iterable[str]) -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(table.column(column), value_set=pa.array(sorted(values), type=pa.string()))


def _judge(folder: Folder, table: "pa.Table", until_ns: int, kept: Kept) -> NDArray[np.int8]:
    """For each row (n,): GOES, YOUNG or REFERENCED."""
    verdicts = np.full(table.num_rows, GOES, dtype=np.int8)
    verdicts[_is_in(table, REF[folder.kind], kept.refs[folder.kind]).to_numpy()] = REFERENCED
    if folder.kind == "flows":
        near = _is_in(table, "client_ip", {ends[1] for ends in kept.spans}).to_numpy()
        for at in np.flatnonzero(near & (verdicts == GOES)).tolist():
            if kept.covers(folder.sensor, table.slice(at, 1).to_pylist()[0]):
                verdicts[at] = REFERENCED
    verdicts[table.column("last_ns").to_numpy() >= until_ns] = YOUNG
    return verdicts


def _carry_out(writer: Writer, plan: Retention, kept: Kept) -> None:
    """Note the day first, so that no record comes back in between; then folder by folder."""
    import pyarrow as pa

    until = _start_ns(plan.from_day)
    head = writer.lake.head
    writer.set_head(replace(head, retained_from_ns=max(until, head.retained_from_ns or until)))
    for part in plan.folders:
        folder = Folder(writer.lake.root, part.kind, part.day, part.sensor)
        if part.goes == part.rows:
            writer.remove_folder(folder)
        elif part.goes:
            gone = pa.concat_tables(
                table.filter(pa.array(_judge(folder, table, until, kept) == GOES)).select([REF[folder.kind]])
                for table in _tables(folder)
            )
            rewrite(writer, folder, gone.column(0))
        plan.waiting_files += writer.remove_dead(folder, wait_s=5.0)
    plan.is_applied = True


def _start_ns(day: date) -> int:
    """Unix ns of the beginning of a day in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
