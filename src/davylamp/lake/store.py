"""The folders and files of a lake: what counts, how it is written, who may touch it when.

::

    LAKE/lake.json                                     format, schema, up to where retention has gone
    LAKE/sessions/day=2024-05-01/sensor=core-1/        one folder per kind, day and sensor
        g000000-d-<SHA-256>.parquet                    rows added at generation 0
        g000003-b-<SHA-256>.parquet                    everything, at generation 3: what is older is dead
    LAKE/tmp/                                          files that are being written

A file appears under its name by one rename, whole and on disk, and never changes. A rewrite of a folder is one
file of the next generation: from its rename on, every file of an older generation is dead, whether or not it is
gone yet. So a process killed anywhere leaves a lake that reads well.

Writers take turns (``.write`` is locked for as long as one works). Readers share ``.read``; only who removes
files needs it alone. Locks are advisory (flock) and go with the process that holds them.
"""

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

from davylamp.errors import InputError, OutputError
from davylamp.lake.schemas import KINDS, SCHEMA, Kind

FORMAT: Final = 1
MOST_FILES: Final = 64  # judged: more files of one folder than this are merged into one
WAIT_S: Final = 600.0  # judged: an import of a day's flows takes minutes
_HEAD: Final = "lake.json"
_WRITE: Final = ".write"
_READ: Final = ".read"
_TMP: Final = "tmp"
_NAME: Final = re.compile(r"g(\d{6,12})-([bd])-([0-9a-f]{64})\.parquet")

FileKind = Literal["b", "d"]


@dataclass(frozen=True, slots=True)
class Head:
    """What ``lake.json`` says. ``retained_from_ns``: records that ended before were dropped by retention."""

    format: int = FORMAT
    schema: int = SCHEMA
    retained_from_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One file of a folder by its name."""

    path: Path
    generation: int
    kind: FileKind
    sha256: str


@dataclass(frozen=True, slots=True)
class Folder:
    """One kind, day and sensor."""

    root: Path
    kind: Kind
    day: date
    sensor: str

    @property
    def path(self) -> Path:
        """Where its files are."""
        return self.root / self.kind / f"day={self.day.isoformat()}" / f"sensor={self.sensor}"

    def files(self) -> list[LakeFile]:
        """All files that a writer of lakes named, by generation; others are passed by."""
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            match = _NAME.fullmatch(name)
            if match is not None:
                kind: FileKind = "b" if match[2] == "b" else "d"
                found.append(LakeFile(self.path / name, int(match[1]), kind, match[3]))
        return sorted(found, key=lambda f: (f.generation, f.path.name))

    def live(self) -> list[LakeFile]:
        """The files whose rows count."""
        files = self.files()
        base = generation(files)
        return [f for f in files if f.generation >= base]

    def dead(self) -> list[LakeFile]:
        """Files that a rewrite has replaced."""
        files = self.files()
        base = generation(files)
        return [f for f in files if f.generation < base]


def generation(files: list[LakeFile]) -> int:
    """The newest rewrite among files, 0 without any."""
    return max((f.generation for f in files if f.kind == "b"), default=0)


class Lake:
    """A lake on disk.

    Args:
        root: its folder.

    Raises:
        InputError: E-LAK-001 no lake, E-LAK-002 a lake of a newer format.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.head = self._read_head()

    @classmethod
    def create(cls, root: Path, wait_s: float = WAIT_S) -> "Lake":
        """The lake at ``root``, made when the folder is absent or empty.

        Raises:
            InputError: E-LAK-001, the folder holds something else.
            OutputError: E-LAK-004, it cannot be made.
        """
        if not (root / _HEAD).exists():
            with _refusals(root):
                root.mkdir(parents=True, exist_ok=True)
                strangers = set(os.listdir(root)) - {_HEAD, _WRITE, _READ, _TMP}
                if strangers:
                    raise _no_lake(root)
                with _locked(root / _WRITE, fcntl.LOCK_EX, wait_s):
                    if not (root / _HEAD).exists():
                        (root / _READ).touch()
                        (root / _TMP).mkdir(exist_ok=True)
                        write_head(root, Head())
                        _sync_folder(root.parent)
        return cls(root)

    def _read_head(self) -> Head:
        path = self.root / _HEAD
        try:
            told = json.loads(path.read_bytes())
            head = Head(int(told["format"]), int(told["schema"]), told["retained_from_ns"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _no_lake(self.root) from error
        if head.format > FORMAT:
            raise InputError(
                "E-LAK-002", f"{self.root}: format {head.format} of a newer Davylamp", "update Davylamp"
            )
        return head

    def folders(self, kinds: tuple[Kind, ...] = KINDS) -> list[Folder]:
        """Every folder of these kinds, by kind, day and sensor."""
        found = []
        for kind in kinds:
            for path in sorted((self.root / kind).glob("day=*/sensor=*")):
                try:
                    day = date.fromisoformat(path.parent.name.removeprefix("day="))
                except ValueError:
                    continue
                found.append(Folder(self.root, kind, day, path.name.removeprefix("sensor=")))
        return found

    @contextmanager
    def reading(self, wait_s: float = WAIT_S) -> Iterator[None]:
        """No file goes away while this holds.

        Raises:
            OutputError: E-LAK-003 when a writer does not finish removing files in time.
        """
        with _locked(self.root / _READ, fcntl.LOCK_SH, wait_s):
            yield

    @contextmanager
    def writing(self, wait_s: float = WAIT_S) -> Iterator["Writer"]:
        """The lake is this process's to write; what a killed one left half done is swept first.

        Raises:
            OutputError: E-LAK-003 another process writes for longer than ``wait_s``; E-LAK-004 disk full, read-only.
            InputError: E-LAK-002, the lake has columns that this version does not know.
        """
        with _refusals(self.root), _locked(self.root / _WRITE, fcntl.LOCK_EX, wait_s):
            self.head = self._read_head()
            if self.head.schema > SCHEMA:
                raise InputError(
                    "E-LAK-002",
                    f"{self.root}: schema {self.head.schema} of a newer Davylamp; it can be read, not written",
                    "update Davylamp",
                )
            writer = Writer(self)
            writer.sweep_temporary()
            if self.head.schema < SCHEMA:
                writer.set_head(Head(FORMAT, SCHEMA, self.head.retained_from_ns))
            yield writer


class Writer:
    """What may be done to a lake while its write lock is held; `Lake.writing` makes one."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._count = 0

    def temporary(self) -> Path:
        """A path to write a file at, before `commit`."""
        self._count += 1
        folder = self.lake.root / _TMP
        folder.mkdir(exist_ok=True)
        return folder / f"{self._count}.parquet"

    def commit(self, folder: Folder, written: Path, kind: FileKind) -> LakeFile:
        """Put a written file on disk and under its name: ``d`` adds its rows, ``b`` replaces the folder by them."""
        with written.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        number = generation(folder.files()) + (1 if kind == "b" else 0)
        target = folder.path / f"g{number:06d}-{kind}-{digest}.parquet"
        _make_folder(folder.path, self.lake.root)
        os.replace(written, target)
        _sync_folder(folder.path)
        return LakeFile(target, number, kind, digest)

    def remove_dead(self, folder: Folder, wait_s: float = 0.0) -> int:
        """Remove replaced files unless a reader is at work; how many are left for the next time."""
        dead = folder.dead()
        if not dead:
            return 0
        try:
            with _locked(self.lake.root / _READ, fcntl.LOCK_EX, wait_s):
                for file in dead:
                    os.unlink(file.path)
        except OutputError:
            return len(dead)
        return 0

    def remove_folder(self, folder: Folder, wait_s: float = WAIT_S) -> None:
        """Remove all rows of a folder, oldest generation first so that no dead row comes back.

        Raises:
            OutputError: E-LAK-003, readers do not let go in time.
        """
        with _locked(self.lake.root / _READ, fcntl.LOCK_EX, wait_s):
            for file in folder.files():
                os.unlink(file.path)
        for path in (folder.path, folder.path.parent):
            try:
                os.rmdir(path)
            except OSError:
                break  # other sensors of the day, or a stranger's file: the folder stays

    def set_head(self, head: Head) -> None:
        """Replace ``lake.json``."""
        write_head(self.lake.root, head)
        self.lake.head = head

    def sweep_temporary(self) -> None:
        """Remove what a killed writer left; with the write lock held, all of it is that."""
        for path in (self.lake.root / _TMP).glob("*"):
            os.unlink(path)


def write_head(root: Path, head: Head) -> None:
    """``lake.json``, by rename."""
    path = root / _TMP / _HEAD
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(json.dumps(asdict(head), indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(path, root / _HEAD)
    _sync_folder(root)


def _make_folder(path: Path, root: Path) -> None:
    """Make a folder and put its name on disk in each of its parents below ``root``."""
    if path == root or path.is_dir():
        return
    _make_folder(path.parent, root)
    path.mkdir(exist_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path, mode: int, wait_s: float) -> Iterator[None]:
    """Hold a lock on ``path``, waiting for it at most ``wait_s``."""
    flags = os.O_RDONLY if path.exists() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        _take(handle, mode, path, time.monotonic() + wait_s)
        yield
    finally:
        os.close(handle)  # the lock goes with it


def _take(handle: int, mode: int, path: Path, until_s: float) -> None:
    while True:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until_s:
                who = "another process writes to it" if path.name == _WRITE else "it is being read or cleaned"
                raise OutputError(
                    "E-LAK-003", f"{path.parent}: {who}", "try again when that has ended"
                ) from error
            time.sleep(0.02)
        else:
            return


@contextmanager
def _refusals(root: Path) -> Iterator[None]:
    """What the system refuses while writing, as E-LAK-004."""
    try:
        yield
    except OSError as error:
        where = error.filename or root
        raise OutputError(
            "E-LAK-004",
            f"cannot write {where}: {error.strerror or error}",
            "free space or choose another place; adding the same again completes the lake",
        ) from error


def _no_lake(root: Path) -> InputError:
    return InputError(
        "E-LAK-001",
        f"{root} is no lake",
        "name a lake, or for `lake add` a folder that is empty or does not exist yet",
    )
