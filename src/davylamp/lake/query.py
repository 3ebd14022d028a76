"""SQL over a lake: read-only, with nothing in reach but its three views.

DuckDB is given the rows, not the files: it runs without access to file system, network and extensions, its
settings are locked, and of table functions only those that make numbers are let through. Results are bounded in
rows, in time and in memory.
"""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from davylamp.errors import BadUse
from davylamp.lake.merge import unreadable
from davylamp.lake.schemas import KINDS, Kind, partition_schema, schema_of
from davylamp.lake.store import Lake

if TYPE_CHECKING:
    import duckdb
    import pyarrow.dataset

LIMIT: Final = 1000  # judged: more than a person reads; a program says how many it wants
SECONDS: Final = 60.0  # judged: a month of a province's sightings is read in less
MEMORY_MIB: Final = 2048  # judged: leaves room on a desk computer
_STREAM: Final = "reading the stream registered as"  # DuckDB 2.0, when Arrow cannot read a file
_EXACT: Final = 2**63
_TABLE_FUNCTIONS: Final = {"range", "generate_series", "unnest"}
_SETTINGS: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "preserve_insertion_order": "true",
    "temp_directory": "",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a query; ``is_cut`` when there were more than ``limit``."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    limit: int
    is_cut: bool


def ask(
    root: Path, sql: str, *, limit: int = LIMIT, seconds: float = SECONDS, memory_mib: int = MEMORY_MIB
) -> Answer:
    """Run one SELECT over the views ``sightings``, ``sessions`` and ``flows``.

    Each view has the columns of its kind, ``day`` and ``sensor``, and ``first_seen`` and ``last_seen`` as
    timestamps in UTC. A condition on ``day`` or ``sensor`` leaves the files of others unread.

    Args:
        root: folder of the lake.
        sql: one SELECT statement.
        limit: rows at most.
        seconds: time at most.
        memory_mib: DuckDB's memory at most, in MiB.

    Raises:
        BadUse: E-LAK-020 anything but one SELECT, or a function that reads elsewhere; E-LAK-021 wrong SQL;
            E-LAK-022 out of time or memory; E-LAK-023 two columns of one name.
        InputError: E-LAK-001, 002, 005.
    """
    import duckdb

    lake = Lake(root)
    with lake.reading(seconds), _session(lake, memory_mib) as session:
        _check(session, sql)
        timer = threading.Timer(seconds, session.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return _fetch(session, sql, limit)
        except duckdb.InterruptException as error:
            hint = "ask for fewer days, or give --seconds"
            raise BadUse("E-LAK-022", f"no answer within {seconds:g} s", hint) from error
        except duckdb.OutOfMemoryException as error:
            hint = "ask for fewer days or columns, or give --memory-mib"
            raise BadUse("E-LAK-022", f"the query needs more than {memory_mib} MiB", hint) from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.InvalidInputException) and _STREAM in str(error):
                raise unreadable(root, error) from error
            raise BadUse("E-LAK-021", _first_lines(error), _columns_hint()) from error
        finally:
            timer.cancel()


@contextmanager
def _session(lake: Lake, memory_mib: int) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A DuckDB in memory that sees the views and nothing else."""
    import duckdb

    session = duckdb.connect(":memory:", config={**_SETTINGS, "memory_limit": f"{memory_mib}MiB"})
    try:
        for kind in KINDS:
            session.register(f"_{kind}", _dataset(lake, kind))
            session.execute(
                f"CREATE VIEW {kind} AS SELECT *, make_timestamp(first_ns // 1000) AS first_seen, "  # noqa: S608
                f"make_timestamp(last_ns // 1000) AS last_seen FROM _{kind}"
            )
        session.execute("SET lock_configuration = true")
        yield session
    finally:
        session.close()


def _dataset(lake: Lake, kind: Kind) -> "pyarrow.dataset.Dataset":
    """All live rows of a kind, with their folder's day and sensor; a column that a file lacks is null."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyarrow.fs import LocalFileSystem

    schema = pa.schema([*schema_of(kind), *partition_schema()])
    paths, where = [], []
    for folder in lake.folders((kind,)):
        said = (ds.field("day") == folder.day) & (ds.field("sensor") == folder.sensor)
        for file in folder.live():
            paths.append(str(file.path))
            where.append(said)
    return ds.FileSystemDataset.from_paths(
        paths, schema=schema, format=ds.ParquetFileFormat(), filesystem=LocalFileSystem(), partitions=where
    )


def _check(session: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Refuse what is not one SELECT, and table functions that could read anything but the views."""
    row = session.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        if tree.get("error_type") == "parser":
            raise BadUse("E-LAK-021", str(tree.get("error_message")), _columns_hint())
        raise _refusal("the statement is no SELECT")
    if len(tree["statements"]) != 1:
        raise _refusal(f"{len(tree['statements'])} statements")
    for name in sorted(set(_table_functions(tree)) - _TABLE_FUNCTIONS):
        raise _refusal(f"the function {name}() reads something else")


def _refusal(what: str) -> BadUse:
    return BadUse("E-LAK-020", f"refused: {what}", "ask one SELECT over sightings, sessions and flows")


def _table_functions(node: Any) -> Iterator[str]:
    """Names of the table functions in a statement's tree."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, list):
            waiting += at
        elif isinstance(at, dict):
            if at.get("type") == "TABLE_FUNCTION":
                yield str((at.get("function") or {}).get("function_name", "")).lower()
            waiting += at.values()


def _fetch(session: "duckdb.DuckDBPyConnection", sql: str, limit: int) -> Answer:
    result = session.execute(sql)
    told = result.description or []
    columns = [str(column[0]) for column in told]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BadUse("E-LAK-023", f"two columns named {', '.join(twice)}", "give one an alias: ... AS name")
    rows = result.fetchmany(limit + 1)
    return Answer(columns, [str(column[1]) for column in told], rows[:limit], limit, len(rows) > limit)


def _first_lines(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:2] if line.strip())


def _columns_hint() -> str:
    return (
        "views: "
        + "; ".join(f"{kind} ({', '.join(schema_of(kind).names[:6])}, ...)" for kind in KINDS)
        + ("; `DESCRIBE sessions` lists all columns")
    )


def as_json(value: Any) -> Any:
    """A value as JSON holds it: times in RFC 3339, bytes in hex, what JSON has no number for as null or text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value < _EXACT else str(value)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat() + "Z"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return str(value)


def as_text(value: Any) -> str:
    """A value for a cell: nothing for null, JSON for what is nested."""
    plain = as_json(value)
    if plain is None:
        return ""
    if isinstance(plain, list | dict | bool):
        return json.dumps(plain, ensure_ascii=False)
    return str(plain)
