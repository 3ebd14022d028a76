"""Bring a backup back."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from davylamp.desk.audit.checkpoints import KEY_FILE, read_checkpoints
from davylamp.desk.audit.record import record
from davylamp.desk.audit.verify import Verdict, verify
from davylamp.desk.backup import sealed
from davylamp.desk.backup.database import FILES, is_occupied, load, sync
from davylamp.desk.backup.manifest import Manifest, check_folder, hash_file, read_manifest
from davylamp.errors import BadUse, InputError, OutputError

MARK: Final = "restore-unfinished.json"
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back. What was there before lies in the folder, and on PostgreSQL the schema, ``aside``."""

    manifest: Manifest
    verdict: Verdict
    has_keys: bool
    aside: Path


def restore(
    source: Path,
    *,
    force: bool = False,
    passphrase: str | None = None,
    key: str | None = None,
    tell: Told = lambda _: None,
) -> Restored:
    """Bring a backup back into the desk's folder and database; nothing else may use them meanwhile.

    Everything is checked before anything is touched. The database comes last and in one step. A restore that was
    cut off goes on when it is called again with the same backup. What stood there before is set aside.

    Args:
        source: the backup's folder.
        force: also over a desk that was used.
        passphrase: opens the sealed keys; without one the desk keeps the keys it has, or draws new ones.
        key: the desk's public key in hex, as noted elsewhere.
        tell: given the name of each step.

    Raises:
        InputError: E-BAK-001, 002, 003 for a backup that is none, damaged or not the desk's; E-BAK-005 of another
            engine or a newer version; E-BAK-021.
        BadUse: E-BAK-006 over a desk that was used.
        OutputError: E-BAK-010, 011, 014.
    """
    tell("checking")
    made = read_manifest(source, key)
    _check_fit(made)
    check_folder(source, made)
    keys = _keys(source, made, passphrase)
    aside = _begin(made, force)
    try:
        tell("files")
        _bring_files(source, made, aside)
        _bring_keys(keys, aside)
        tell("database")
        load(source / FILES[made.engine], aside)
    except OSError as error:
        raise OutputError(
            "E-BAK-011", f"{error.filename or settings.HOME}: {error.strerror}", "then restore again"
        ) from error
    tell("audit")
    found = verify(read_checkpoints(settings.HOME / "checkpoints"), key or made.key)
    if found.is_sound and (found.rows, found.last_hash) != (made.seq, made.hash):
        raise OutputError("E-BAK-015", "the database is not the one of the backup", "restore again")
    call_command("migrate", interactive=False, verbosity=0)
    with transaction.atomic():
        facts = {"backup": made.digest(), "made_at": made.made_at, "seq": made.seq, "hash": made.hash}
        record("desk.restore", ("desk", "home"), facts)
    (settings.HOME / MARK).unlink()
    return Restored(made, found, bool(keys), aside)


def _check_fit(made: Manifest) -> None:
    if made.engine != connection.vendor:
        raise InputError(
            "E-BAK-005",
            f"this is a backup of {made.engine}, the desk's database is {connection.vendor}",
            "set DATABASE_URL to a database of that kind",
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    strange = sorted(set(made.migrations) - known)
    if strange:
        raise InputError(
            "E-BAK-005",
            f"the backup is of Davylamp {made.version}, which knows {strange[0]}",
            "install that version or a newer one",
        )


def _keys(source: Path, made: Manifest, passphrase: str | None) -> dict[str, bytes]:
    if passphrase is None:
        return {}
    if sealed.NAME not in made.files:
        raise BadUse("E-BAK-022", "there are no keys in this backup", "call it without a passphrase")
    return sealed.unseal((source / sealed.NAME).read_bytes(), passphrase)


def _begin(made: Manifest, force: bool) -> Path:
    """Note what is under way, and where to set aside what is there; the same note again after a cut."""
    home: Path = settings.HOME
    mark = home / MARK
    note: dict[str, str] = {}
    if mark.exists():
        try:
            note = json.loads(mark.read_text(encoding="utf-8"))
        except ValueError:
            note = {}
    if note.get("backup") == made.digest():
        return home / Path(note["aside"]).name
    if not force and (is_occupied() or _holds_files(home)):
        raise BadUse(
            "E-BAK-006", f"{home} holds a desk that was used", "--force sets it aside and restores over it"
        )
    aside = home / f"replaced-{timezone.now().strftime('%Y%m%dt%H%M%S%f')}"
    fresh = mark.with_suffix(".new")
    fresh.write_text(json.dumps({"backup": made.digest(), "aside": aside.name}), encoding="utf-8")
    sync(fresh)
    fresh.replace(mark)
    sync(home)
    return aside


def _holds_files(home: Path) -> bool:
    parts = [p for part in ("files", "checkpoints", "templates") for p in (home / part).rglob("*")]
    return any(p.is_file() for p in parts)


def _bring_files(source: Path, made: Manifest, aside: Path) -> None:
    """Files, checkpoints and templates. Of files by hash all stay; checkpoints and templates of later days go aside."""
    home: Path = settings.HOME
    for part in ("checkpoints", "templates"):
        for path in sorted((home / part).rglob("*")):
            name = path.relative_to(home).as_posix()
            if path.is_file() and (name not in made.files or hash_file(path) != made.files[name]):
                _set_aside(path, aside / name)
    for name, entry in made.files.items():
        if not name.startswith(("files/", "checkpoints/", "templates/")):
            continue
        target = home / name
        if target.exists():
            if hash_file(target) == entry:
                continue
            _set_aside(target, aside / name)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.restoring")
        shutil.copyfile(source / name, fresh)
        fresh.chmod(0o400 if name.startswith("files/") else 0o600)
        if hash_file(fresh) != entry:
            raise InputError(
                "E-BAK-002", f"the backup is damaged: {name} is not what it was", "read it again"
            )
        sync(fresh)
        fresh.replace(target)


def _bring_keys(keys: dict[str, bytes], aside: Path) -> None:
    folder: Path = settings.HOME / "keys"
    for name, data in keys.items():
        target = folder / name
        if target.exists():
            if target.read_bytes() == data:
                continue
            _set_aside(target, aside / "keys" / name)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _set_aside(path: Path, to: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.replace(to)


def has_own_key(made: Manifest) -> bool:
    """Whether the desk can sign on as before: its audit key is the backup's."""
    from davylamp.desk.audit.checkpoints import public_hex, signing_key

    folder: Path = settings.HOME / "keys"
    return (folder / KEY_FILE).exists() and public_hex(signing_key(folder)) == made.key
