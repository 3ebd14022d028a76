"""The formats that programs read: JSON, JSON Lines, CSV and Parquet.

JSON keeps every string as it was sent. CSV is opened by spreadsheets and read in terminals, so control
characters are escaped and a cell that a spreadsheet would run as a formula gets an apostrophe in front.
Times are RFC 3339 in UTC with nine decimals; in Parquet they are ``timestamp[ns, UTC]``. No number is NaN
or infinite: what cannot be computed is null.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal

import orjson

from davylamp import __version__
from davylamp.errors import OutputError
from davylamp.records import Client, Scan, Session, Sighting
from davylamp.report.plain import plain
from davylamp.report.rows import input_row, scan_row, session_row, sighting_row
from davylamp.report.rows_base import Row, Value
from davylamp.report.rows_clients import FLAT, attribution_row, client_row, energy_row, flat_client_row
from davylamp.report.words import say

if TYPE_CHECKING:
    import pyarrow as pa

What = Literal["sessions", "sightings", "clients"]

JOINER: Final = " | "
_FORMULA: Final = re.compile(r"(^|;)(\s*)([=+\-@＝＋－＠])")  # OWASP "CSV Injection", full-width signs too


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `to_json`."""
    text = resources.files("davylamp.report").joinpath("scan.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def to_json(scan: Scan) -> bytes:
    """One object as ``scan.schema.json`` describes it, with a line end."""
    return orjson.dumps(scan_row(scan), option=orjson.OPT_APPEND_NEWLINE)


def to_jsonl(scan: Scan) -> bytes:
    """One object per line: ``record`` names its kind, ``index`` its place in the scan.

    Kinds are ``input``, ``session``, ``sighting``, ``client``, ``attribution`` and ``energy``, which comes once at the
    end where anything mines; ``sessions`` of a sighting name session lines by index, and so on.
    """
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _lines(scan))


def _lines(scan: Scan) -> Iterator[Row]:
    for index, source in enumerate(scan.inputs):
        yield {"record": "input", "index": index, **input_row(source)}
    for index, session in enumerate(scan.sessions):
        yield {"record": "session", "index": index, **session_row(session)}
    for index, sighting in enumerate(scan.sightings):
        yield {"record": "sighting", "index": index, **sighting_row(sighting)}
    for index, client in enumerate(scan.clients):
        yield {"record": "client", "index": index, **client_row(client)}
    for index, attribution in enumerate(scan.attributions):
        yield {"record": "attribution", "index": index, **attribution_row(attribution)}
    if energy := energy_row(scan.energy):
        yield {"record": "energy", "index": 0, **energy}


# --- CSV ---------------------------------------------------------------------------------------------------


def to_csv(scan: Scan, what: What = "sessions") -> bytes:
    """One row per session (sighting, client) in UTF-8 with a head line; nested names become ``client_ip`` etc.

    Sightings without sessions (visits, nodes, encrypted mining) have a row each behind the sessions, which holds what
    the sighting tells and leaves the rest empty.
    """
    rows = [_flat(row) for row in _rows(scan, what)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(_columns(what))
    writer.writerows([_cell(row[name]) for name in _columns(what)] for row in rows)
    return out.getvalue().encode("utf-8")


def guard(text: str) -> str:
    """A cell's text that no spreadsheet runs as a formula and no terminal obeys."""
    return _FORMULA.sub(r"\1\2'\3", plain(text))


def _rows(scan: Scan, what: What) -> Iterator[Row]:
    if what == "sightings":
        yield from map(sighting_row, scan.sightings)
        return
    if what == "clients":
        yield from map(flat_client_row, scan.clients)
        return
    seen_in = {i: at for at, s in reversed(list(enumerate(scan.sightings))) for i in s.sessions}
    for index, session in enumerate(scan.sessions):
        yield {**_verdict(scan, seen_in.get(index)), **session_row(session)}
    unknown: Row = dict.fromkeys(schema()["$defs"]["session"]["properties"])
    for at in without_sessions(scan):
        row = sighting_row(scan.sightings[at])
        told = {name: value for name, value in row.items() if name in unknown}
        ends: Row = {
            "client": {"ip": row["client_ip"], "port": None},
            "server": {"ip": row["server_ip"], "port": row["server_port"]},
        }
        yield {**_verdict(scan, at), **unknown, **told, **ends}


def _verdict(scan: Scan, at: int | None) -> Row:
    """What the sighting at index ``at`` says; all None for a session that no sighting names."""
    row = {} if at is None else sighting_row(scan.sightings[at])
    return {"sighting": at, **{name: row.get(name) for name in ("kind", "tier", "probability")}}


def without_sessions(scan: Scan) -> list[int]:
    """Indexes of sightings that no session of the scan stands behind."""
    known = range(len(scan.sessions))
    return [at for at, s in enumerate(scan.sightings) if not any(i in known for i in s.sessions)]


def _flat(row: Row) -> Row:
    """Nested objects as ``outer_inner``; lists stay for `_cell` to join."""
    flat: Row = {}
    for name, value in row.items():
        if name in _NESTED:
            inner = value if isinstance(value, dict) else dict.fromkeys(_NESTED[name])
            flat.update({f"{name}_{part}": inner[part] for part in _NESTED[name]})
        else:
            flat[name] = value
    return flat


_NESTED: Final[dict[str, tuple[str, ...]]] = {
    "client": ("ip", "port"),
    "server": ("ip", "port"),
    "shares": ("submitted", "accepted", "rejected", "stale", "unanswered", "duplicates"),
    "hashrate_hps": ("low", "estimate", "high"),
    "nonce_partition": ("values", "shares", "moves", "descents"),
}


@cache
def _columns(what: What) -> tuple[str, ...]:
    """The head line of the CSV."""
    return tuple(f"{n}_{part}" if part else n for n in _names(what) for part in _NESTED.get(n, ("",)))


def _names(what: What) -> list[str]:
    """The fields of a row, read off the schema so that an empty scan has the same ones."""
    if what == "sightings":
        return list(schema()["$defs"]["sighting"]["properties"])
    if what == "clients":
        return list(FLAT)
    return ["sighting", "kind", "tier", "probability", *schema()["$defs"]["session"]["properties"]]


def _cell(value: Value) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return guard(JOINER.join(_piece(v) for v in value))
    return guard(str(value))


def _piece(value: Value) -> str:
    if isinstance(value, dict):  # a coin candidate
        return " ".join(str(v) for v in value.values() if v not in (None, ""))
    return str(value)


# --- Parquet -----------------------------------------------------------------------------------------------


def to_parquet(scan: Scan, target: Path | IO[bytes], what: What = "sessions") -> None:
    """Write what `to_csv` writes as Parquet; the file's metadata holds version and inputs as JSON.

    Raises:
        OutputError: E-OUT-001 when ``target`` cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    head = {
        b"davylamp.version": __version__.encode(),
        b"davylamp.inputs": orjson.dumps([input_row(i) for i in scan.inputs]),
    }
    shape = _arrow_schema(what).with_metadata(head)
    alone = [scan.sightings[at] for at in without_sessions(scan)]
    records: Sequence[Session | Sighting | Client] = [*scan.sessions, *alone]
    if what != "sessions":
        records = scan.sightings if what == "sightings" else scan.clients
    times = ({"first_seen": r.first_ns, "last_seen": r.last_ns} for r in records)
    rows = [{**row, **time} for row, time in zip(_rows(scan, what), times, strict=True)]
    table = pa.Table.from_pylist(rows, schema=shape)
    try:
        pq.write_table(table, target, compression="zstd")
    except OSError as error:
        raise unwritable(target, error) from error


def unwritable(target: object, error: OSError) -> OutputError:
    """E-OUT-001 for an output that the system refuses."""
    name = target if isinstance(target, Path) else getattr(target, "name", None)
    told = plain(str(name)) if isinstance(name, Path | str) and name != "<stdout>" else say("stdout")
    return OutputError(
        "E-OUT-001", f"cannot write {told}: {error.strerror or error}", "choose a place that can be written"
    )


def _arrow_schema(what: What) -> "pa.Schema":
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    if what == "clients":
        kinds = {
            "text": text,
            "whole": whole,
            "real": real,
            "flag": pa.bool_(),
            "time": pa.timestamp("ns", "UTC"),
            "texts": pa.list_(text),
            "wholes": pa.list_(whole),
        }
        return pa.schema([(name, kinds[kind]) for name, kind in FLAT.items()])
    end = pa.struct([("ip", text), ("port", pa.int32())])
    rate = pa.struct([("low", real), ("estimate", real), ("high", real)])
    shares = pa.struct([(n, whole) for n in _NESTED["shares"]])
    candidates = pa.list_(pa.struct([("coin", text), ("weight", real), ("because", text)]))
    special: dict[str, pa.DataType] = {
        "client": end,
        "server": end,
        "hashrate_hps": rate,
        "shares": shares,
        "nonce_partition": pa.struct([(n, whole) for n in _NESTED["nonce_partition"]]),
        "extranonces": pa.list_(text),
        "tcp_clock_points": whole,
        "coin_candidates": candidates,
        "first_seen": pa.timestamp("ns", "UTC"),
        "last_seen": pa.timestamp("ns", "UTC"),
        "heights": pa.list_(whole),
        "reported_hps": pa.list_(real),
        "server_port": pa.int32(),
        **dict.fromkeys(("sighting", "flow_id", "jobs", "logins_refused", "lost_bytes"), whole),
        **dict.fromkeys(("probability", "work_hashes", "active_s", "lost_share"), real),
        **dict.fromkeys(("donation", "joined_midway"), pa.bool_()),
        **dict.fromkeys(("because", "notes", "captures", "not_seen"), pa.list_(text)),
    }
    if what == "sightings":
        special["sessions"] = pa.list_(whole)
    return pa.schema([(n, special.get(n, text)) for n in _names(what)])
