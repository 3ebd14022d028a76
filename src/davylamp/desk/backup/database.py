"""The database as one file, and back: SQLite by its own backup, PostgreSQL by its own programs."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.db import connection, connections, transaction

from davylamp.desk.audit.chain import GENESIS
from davylamp.errors import DavylampError, InputError, OutputError

FILES: Final = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
HEAD: Final = "SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1"
APPLIED: Final = "SELECT app, name FROM django_migrations ORDER BY app, name"
WAIT_S: Final = 20  # for a writer to finish


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the copy holds: the end of its audit and its migrations."""

    seq: int
    hash: str
    migrations: list[str]


def dump(to: Path) -> Snapshot:
    """Copy the database as it is at one moment, while others go on writing.

    Raises:
        OutputError: E-BAK-010 and E-BAK-011 when it cannot be done.
    """
    return _dump_sqlite(to) if connection.vendor == "sqlite" else _dump_postgresql(to)


def _snapshot(head: Any, applied: Iterable[Any]) -> Snapshot:
    seq, last = head or (0, GENESIS)
    return Snapshot(seq, last, [f"{app}.{name}" for app, name in applied])


def _dump_sqlite(to: Path) -> Snapshot:
    source = f"file:{quote(str(connection.settings_dict['NAME']))}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(source, uri=True, timeout=WAIT_S)) as here,
            closing(sqlite3.connect(to)) as copy,
        ):
            here.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            _check_sqlite(copy)
            return _snapshot(copy.execute(HEAD).fetchone(), copy.execute(APPLIED).fetchall())
    except sqlite3.Error as error:
        raise OutputError(
            "E-BAK-011", f"the database cannot be copied: {error}", "is the disk full?"
        ) from error


def _check_sqlite(copy: sqlite3.Connection) -> None:
    found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _dump_postgresql(to: Path) -> Snapshot:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        name = cursor.fetchone()[0]
        cursor.execute(HEAD)
        head = cursor.fetchone()
        cursor.execute(APPLIED)
        applied = cursor.fetchall()
        words = ["--format=custom", "--no-owner", "--no-privileges", "--exclude-schema=replaced_*"]
        _run("pg_dump", *words, f"--snapshot={name}", f"--file={to}")
    return _snapshot(head, applied)


def is_occupied() -> bool:
    """Whether the database holds a desk that anybody has used."""
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in tables & {"audit_auditevent", "access_user"}:
            cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 -- one of two names
            if cursor.fetchone():
                return True
    return False


def load(dumped: Path, aside: Path) -> None:
    """Put a dumped database in the place of the present one, which is set aside and not deleted.

    Args:
        dumped: the file of `dump`, checked already.
        aside: folder for the present SQLite file; on PostgreSQL its name becomes a schema's.

    Raises:
        InputError: E-BAK-012 for a file that is no database, E-BAK-013 when the database holds something else.
        OutputError: E-BAK-010, E-BAK-011; E-BAK-014 while others are connected.
    """
    if connection.vendor == "sqlite":
        _load_sqlite(dumped, aside)
    else:
        _load_postgresql(dumped, aside.name.replace("-", "_").lower())
    connections.close_all()


def _load_sqlite(dumped: Path, aside: Path) -> None:
    place = Path(connection.settings_dict["NAME"])
    fresh = place.with_name(f".{place.name}.restoring")
    try:
        shutil.copyfile(dumped, fresh)
        fresh.chmod(0o600)
        with closing(sqlite3.connect(fresh)) as copy:
            _check_sqlite(copy)
        sync(fresh)
    except sqlite3.Error as error:
        raise InputError("E-BAK-012", f"{dumped.name} is no sound database: {error}", "") from error
    except OSError as error:
        raise OutputError("E-BAK-011", f"{fresh} cannot be written: {error.strerror}", "") from error
    connections.close_all()
    was_moved = place.exists() and (aside / place.name).exists()  # a restore that was cut off went this far
    for suffix in ("", "-wal", "-shm"):
        old = place.with_name(place.name + suffix)
        if was_moved:
            old.unlink(missing_ok=True)
        elif old.exists():
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            old.replace(aside / old.name)
    fresh.replace(place)
    sync(place.parent)


def _load_postgresql(dumped: Path, schema: str) -> None:
    tables = set(connection.introspection.table_names())
    if tables and "django_migrations" not in tables:
        words = f"the database holds something else: {', '.join(sorted(tables)[:5])}"
        raise InputError("E-BAK-013", words, "give the desk a database of its own")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        others = cursor.fetchone()[0]
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        was_moved = cursor.fetchone() is not None  # a restore that was cut off went this far
    if others:
        raise OutputError(
            "E-BAK-014", f"{others} others are connected to the database", "stop the desk and try again"
        )
    connections.close_all()
    away = "DROP SCHEMA public CASCADE" if was_moved else f'ALTER SCHEMA public RENAME TO "{schema}"'
    first = f"{away}; CREATE SCHEMA public;\n" if tables else ""
    with _script(dumped, first) as script:
        _run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", f"--file={script}")


@contextmanager
def _script(dumped: Path, first: str) -> Any:
    """The dump as SQL, whole, so that a reader that fails cannot leave half of it in a finished transaction."""
    from django.conf import settings

    path = settings.HOME / ".restoring.sql"
    body = path.with_name(".restoring.body.sql")
    try:
        _run("pg_restore", "--no-owner", "--no-privileges", f"--file={body}", str(dumped))
        with path.open("wb") as script, body.open("rb") as rest:
            path.chmod(0o600)
            script.write(first.encode())
            shutil.copyfileobj(rest, script)
        yield path
    finally:
        for one in (path, body):
            one.unlink(missing_ok=True)


def _run(program: str, *words: str) -> None:
    """One of PostgreSQL's programs, with the desk's own database in its environment and no password in its words."""
    found = shutil.which(program)
    if found is None:
        raise OutputError(
            "E-BAK-010",
            f"{program} is not on the PATH",
            "install PostgreSQL's client programs, of the server's version or newer",
        )
    told = connection.settings_dict
    options = told.get("OPTIONS", {})
    names = {
        "PGHOST": told["HOST"],
        "PGPORT": told["PORT"],
        "PGUSER": told["USER"],
        "PGPASSWORD": told["PASSWORD"],
        "PGDATABASE": told["NAME"],
        **{f"PG{k.upper()}": options.get(k) for k in ("sslmode", "sslrootcert", "sslcert", "sslkey")},
    }
    env = {**os.environ, **{k: str(v) for k, v in names.items() if v}}
    try:
        subprocess.run([found, *words], check=True, capture_output=True, env=env)  # noqa: S603 -- no shell, our words
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _failed(program, said[:3]) from error


def _failed(program: str, said: list[str]) -> DavylampError:
    hint = (
        "install the client programs of the server's version or newer"
        if any("version mismatch" in line for line in said)
        else "the database's account must own its database"
    )
    return OutputError("E-BAK-011", f"{program}: {' / '.join(said)}", hint)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
