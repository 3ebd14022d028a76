"""What a lake holds, and whether its files are what they were when they were written."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from davylamp.lake.schemas import KINDS, SCHEMA, Kind
from davylamp.lake.store import Folder, Lake, LakeFile


@dataclass(slots=True)
class Holding:
    """What there is of one kind."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    folders: int = 0
    first_day: date | None = None
    last_day: date | None = None
    sensors: set[str] = field(default_factory=set)


@dataclass(slots=True)
class About:
    """A lake. ``dead_files`` were replaced and wait for removal; ``strangers`` are files no writer made."""

    format: int
    schema: int
    retained_from_ns: int | None
    holdings: dict[Kind, Holding]
    dead_files: int = 0
    strangers: list[Path] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def look_at(root: Path, *, verify: bool = False) -> About:
    """Count what a lake holds.

    Args:
        root: its folder.
        verify: also read every file and compare it with the hash in its name.

    Raises:
        InputError: E-LAK-001, 002.
    """
    lake = Lake(root)
    head = lake.head
    about = About(head.format, min(head.schema, SCHEMA), head.retained_from_ns, {k: Holding() for k in KINDS})
    about.schema = head.schema
    with lake.reading():
        for folder in lake.folders():
            _count(folder, about, verify=verify)
    return about


def _count(folder: Folder, about: About, *, verify: bool) -> None:
    holding = about.holdings[folder.kind]
    live = folder.live()
    known = {file.path for file in folder.files()}
    about.dead_files += len(known) - len(live)
    about.strangers += sorted(path for path in folder.path.iterdir() if path not in known)
    for file in live:
        _count_file(file, holding, about, verify=verify)
    if live:
        holding.folders += 1
        holding.sensors.add(folder.sensor)
        holding.first_day = min(holding.first_day or folder.day, folder.day)
        holding.last_day = max(holding.last_day or folder.day, folder.day)


def _count_file(file: LakeFile, holding: Holding, about: About, *, verify: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    holding.files += 1
    try:
        holding.bytes += file.path.stat().st_size
        holding.rows += pq.read_metadata(file.path).num_rows
        if verify:
            with file.path.open("rb") as data:
                if hashlib.file_digest(data, "sha256").hexdigest() != file.sha256:
                    about.damaged.append(f"{file.path}: its content is not what its name says")
    except (OSError, pa.ArrowException) as error:
        about.damaged.append(f"{file.path}: {str(error).splitlines()[0][:200]}")
