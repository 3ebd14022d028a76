"""``lake add``: scans and flow tables into a lake, each file on its own, the good records of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from davylamp.errors import BadUse, InputError
from davylamp.lake.schemas import KINDS, UNKNOWN_SENSOR, Kind, check_sensor, schema_of

if TYPE_CHECKING:
    import pyarrow as pa

    from davylamp.lake.merge import Merged
    from davylamp.lake.scans import FaultList


@dataclass(slots=True)
class Added:
    """What an add did, per kind, and what was wrong."""

    merged: "dict[Kind, Merged]"
    faults: "FaultList"
    failures: list[InputError] = field(default_factory=list)  # files that could not be read at all

    @property
    def is_whole(self) -> bool:
        """Whether every record of every file was good."""
        return not self.failures and self.faults.count == 0


def add(
    root: Path,
    scans: Sequence[Path] = (),
    flows: Sequence[Path] = (),
    *,
    sensor: str = UNKNOWN_SENSOR,
    past_retention: bool = False,
) -> Added:
    """Add scans and flow tables to the lake at ``root``, which is made when there is none.

    Adding the same again, in any order and any pieces, changes nothing; after an interruption it completes.

    Args:
        root: folder of the lake.
        scans: files of ``davylamp scan --format json``.
        flows: files of ``davylamp flows``.
        sensor: who saw it; flows that name their own sensor keep it.
        past_retention: take in also what ended before the days that retention keeps.

    Raises:
        BadUse: E-LAK-006 a name that no sensor can have, E-LAK-007 nothing to add.
        InputError: E-LAK-001, 002, 005; E-LAK-010 or 011 when no file at all can be read.
        OutputError: E-LAK-003, 004.
    """
    from davylamp.lake.merge import Merged, add_rows
    from davylamp.lake.scans import FaultList
    from davylamp.lake.store import Lake

    if not scans and not flows:
        raise BadUse("E-LAK-007", "nothing to add", "name scans (JSON) or give --flows FILE")
    sensor = check_sensor(sensor)
    result = Added({kind: Merged() for kind in KINDS}, FaultList())
    with Lake.create(root).writing() as writer:
        for kind, who, table in _pieces(scans, flows, sensor, result):
            result.merged[kind] += add_rows(writer, kind, who, table, past_retention=past_retention)
    if len(result.failures) == len(scans) + len(flows):
        raise result.failures[0]
    return result


def _pieces(
    scans: Sequence[Path], flows: Sequence[Path], sensor: str, result: Added
) -> "Iterator[tuple[Kind, str, pa.Table]]":
    """Kind, sensor and rows of everything that can be read; a file that cannot becomes a failure."""
    from davylamp.lake.flowfiles import read_flows

    for path in scans:
        try:
            sessions, sightings = _scan_tables(path, sensor, result.faults)
        except InputError as error:
            result.failures.append(error)
            continue
        yield "sessions", sensor, sessions  # before sightings, which point at them
        yield "sightings", sensor, sightings
    for path in flows:
        try:
            for piece in read_flows(path, sensor, result.faults):
                yield "flows", piece.sensor, piece.table
        except InputError as error:
            result.failures.append(error)


def _scan_tables(path: Path, sensor: str, faults: "FaultList") -> "tuple[pa.Table, pa.Table]":
    import pyarrow as pa

    from davylamp.lake.scans import read_scan

    rows = read_scan(path, sensor, faults)
    return (
        pa.Table.from_pylist(rows.sessions, schema=schema_of("sessions")),
        pa.Table.from_pylist(rows.sightings, schema=schema_of("sightings")),
    )
