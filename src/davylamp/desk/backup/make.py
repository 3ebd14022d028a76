"""Make a backup."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from davylamp import __version__
from davylamp.desk.audit.checkpoints import public_hex, read_checkpoints, signing_key, write_checkpoint
from davylamp.desk.audit.record import record
from davylamp.desk.backup import sealed
from davylamp.desk.backup.database import FILES, dump, sync
from davylamp.desk.backup.manifest import CHUNK, FORMAT, NAME, PLACES, Entry, Manifest
from davylamp.errors import BadUse, OutputError

Told = Callable[[str], None]


def backup(to: Path, passphrase: str | None = None, tell: Told = lambda _: None) -> Manifest:
    """Copy the whole desk, which may go on working, into a new folder.

    The database is copied first, as it is at one moment. Files never change and are written before the row that
    names them, so every file that the copy names is there.

    Args:
        to: the folder; it must not be there, or be empty.
        passphrase: seals the keys into the backup; without one they stay out.
        tell: given the name of each step.

    Returns:
        The manifest. ``damaged`` names files that were not what their hash says before they were copied.

    Raises:
        OutputError: E-BAK-004 for a folder that cannot be used, E-BAK-010, E-BAK-011.
        BadUse: E-BAK-007 where there is no desk, E-BAK-020.
    """
    place = _place(to)
    if "audit_auditevent" not in connection.introspection.table_names():
        raise BadUse("E-BAK-007", "there is no desk yet", "davylamp desk init makes it")
    box = sealed.seal(settings.HOME / "keys", passphrase) if passphrase is not None else None
    growing = place.with_name(f".{place.name}.{secrets.token_hex(4)}.unfinished")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        growing.mkdir(mode=0o700)
        key = signing_key(settings.HOME / "keys")
        with transaction.atomic():
            record("desk.backup", ("desk", "home"), {"keys": box is not None})
        write_checkpoint(key, settings.HOME / "checkpoints")
        made = _fill(growing, key, box, tell)
        if place.exists():
            place.rmdir()
        growing.rename(place)
        sync(place.parent)
    except OSError as error:
        raise OutputError(
            "E-BAK-004", f"{growing}: {error.strerror or error}", "is the disk full?"
        ) from error
    finally:
        shutil.rmtree(growing, ignore_errors=True)
    return made


def _place(to: Path) -> Path:
    place = to.absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise OutputError("E-BAK-004", f"{to} is not empty", "a backup gets a folder of its own")
    if place.resolve().is_relative_to(settings.HOME):
        raise OutputError(
            "E-BAK-004", f"{to} lies in the desk's own folder", "a backup belongs on another disk"
        )
    return place


def _fill(folder: Path, key: Ed25519PrivateKey, box: bytes | None, tell: Told) -> Manifest:
    tell("database")
    name = FILES[connection.vendor]
    held = dump(folder / name)
    made = Manifest(
        format=FORMAT,
        made_at=timezone.now().isoformat(),
        version=__version__,
        engine=connection.vendor,
        migrations=held.migrations,
        seq=held.seq,
        hash=held.hash,
        key=public_hex(key),
    )
    (folder / name).chmod(0o600)
    sync(folder / name)
    made.files[name] = _hashed(folder / name)
    for part in ("files", "checkpoints", "templates"):
        tell(part)
        _copy_part(folder, part, made)
    if box is not None:
        made.files[sealed.NAME] = _write(folder / sealed.NAME, [box])
    made.sign(key)
    _write(folder / NAME, [json.dumps(asdict(made), ensure_ascii=False, indent=1).encode()])
    sync(folder)
    return made


def _copy_part(folder: Path, part: str, made: Manifest) -> None:
    """One folder of the desk. Checkpoints of rows that the copy does not hold yet stay out: they would accuse it."""
    home: Path = settings.HOME
    later: set[str] = set()
    if part == "checkpoints":
        read_checkpoints(home / part)  # all can be read
        later = {p.name for p in (home / part).iterdir() if p.is_file() and _seq_of(p) > made.seq}
    for path in sorted((home / part).rglob("*")):
        name = path.relative_to(home).as_posix()
        if path.is_symlink() or not path.is_file() or path.name in later or not PLACES.fullmatch(name):
            continue
        target = folder / name
        _make_folders(target.parent)
        with path.open("rb") as file:
            made.files[name] = _write(target, iter(lambda f=file: f.read(CHUNK), b""))
        if part == "files" and made.files[name].sha256 != path.name:
            made.damaged.append(name)


def _make_folders(folder: Path) -> None:
    """The folder and those above it, closed to others: ``parents=True`` would leave those open."""
    if not folder.exists():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700)


def _seq_of(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["seq"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0


def _hashed(path: Path) -> Entry:
    from davylamp.desk.backup.manifest import hash_file

    return hash_file(path)


def _write(path: Path, chunks: Any) -> Entry:
    """Write a file and hash what was written."""
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Entry(digest.hexdigest(), size)
