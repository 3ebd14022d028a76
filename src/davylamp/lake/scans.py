"""Scan JSON to rows of the lake: good records are taken, bad ones are named one by one.

A record is held to ``scan.schema.json`` and to what a schema cannot say: times exist and are in order, addresses
are addresses, an interval's three numbers are in order, a sighting's sessions are in the scan.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from davylamp.errors import InputError
from davylamp.lake.schemas import conversation_ref
from davylamp.lake.shape import record_check
from davylamp.records import TCP
from davylamp.report.plain import plain
from davylamp.report.rows import SCHEMA_VERSION

MOST_BYTES: Final = 1 << 30  # judged: half a million sessions; parsed it takes some ten times that memory
MOST_FAULTS: Final = 1000  # judged: nobody reads more; the rest is counted
_RATE: Final = (("low", "hashrate_low_hps"), ("estimate", "hashrate_hps"), ("high", "hashrate_high_hps"))
ADDED: Final[dict[str, Any]] = {"extranonces": [], "nonce_partition": None, "tcp_clock_points": 0}
"""Fields that scans of schema 1 gained later, as a scan that lacks them means them."""
_PARTITION: Final = ("values", "shares", "moves", "descents")
_SHARES: Final = ("submitted", "accepted", "rejected", "stale", "unanswered", "duplicates")

Row = dict[str, Any]


@dataclass(slots=True)
class FaultList:
    """What was wrong, up to `MOST_FAULTS` sentences and counted beyond; ``refused`` records were not taken."""

    shown: list[str] = field(default_factory=list)
    count: int = 0
    refused: int = 0

    def add(self, sentences: Iterable[str]) -> None:
        """Take sentences in."""
        for sentence in sentences:
            self.count += 1
            if len(self.shown) < MOST_FAULTS:
                self.shown.append(plain(sentence))


@dataclass(slots=True)
class ScanRows:
    """Rows of one scan, under the lake's schemas except for ``content_hash``."""

    sightings: list[Row]
    sessions: list[Row]


def read_scan(path: Path, sensor: str, faults: FaultList) -> ScanRows:
    """The good records of a scan's JSON.

    Args:
        path: what ``davylamp scan --format json`` wrote.
        sensor: who saw it; part of a session's key.
        faults: takes every fault, with file, record and field.

    Raises:
        InputError: E-LAK-010, the file is no scan of a known version.
    """
    scan = _load(path)
    version = str(scan["version"])
    sessions: list[Row | None] = []
    for at, record in enumerate(scan["sessions"]):
        told = f"{path}: sessions[{at}]"
        sessions.append(_taken(record, told, "session", lambda r: session_row(r, sensor, version), faults))
    refs: list[str | None] = [None if row is None else row["session_ref"] for row in sessions]
    sightings = []
    for at, record in enumerate(scan["sightings"]):
        told = f"{path}: sightings[{at}]"
        row = _taken(record, told, "sighting", lambda r: sighting_row(r, version), faults)
        if row is not None:
            row["session_refs"] = list(_resolve(record["sessions"], refs, told, faults))
            sightings.append(row)
    return ScanRows(sightings, [row for row in sessions if row is not None])


def _load(path: Path) -> dict[str, Any]:
    """The file as an object with the three lists of a scan."""
    hint = "the lake takes what `davylamp scan --format json` writes"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                "E-LAK-010", f"{path}: larger than {MOST_BYTES >> 20} MiB", "scan fewer captures at a time"
            )
        scan = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError("E-LAK-010", f"{path}: {error.strerror or error}", hint) from error
    except orjson.JSONDecodeError as error:
        raise InputError("E-LAK-010", f"{path}: not JSON ({error})", hint) from error
    if not isinstance(scan, dict) or "schema_version" not in scan:
        raise InputError("E-LAK-010", f"{path}: no scan", hint)
    number = scan["schema_version"]
    if isinstance(number, bool) or number != SCHEMA_VERSION:
        message = f"{path}: schema version {plain(str(number))[:40]}, known is {SCHEMA_VERSION}"
        raise InputError("E-LAK-010", message, "use the Davylamp that wrote it, or a newer one")
    for name, kind in (("version", str), ("inputs", list), ("sessions", list), ("sightings", list)):
        if not isinstance(scan.get(name), kind):
            raise InputError("E-LAK-010", f"{path}: no scan: {name} is missing or of another type", hint)
    return scan


def _taken(
    record: Any, place: str, kind: str, convert: Callable[[Any], Row], faults: FaultList
) -> Row | None:
    """A record's row; None, with its faults told, when it is not good."""
    if kind == "session" and isinstance(record, dict):
        record = {**ADDED, **record}
    wrong = list(record_check(kind)(record, place))
    if not wrong:
        try:
            return convert(record)
        except ValueError as error:
            wrong = [f"{place}.{error}"]
    faults.add(wrong)
    faults.refused += 1
    return None


def _resolve(places: list[int], refs: list[str | None], told: str, faults: FaultList) -> Iterator[str]:
    """Keys of a sighting's sessions; one that is absent or was refused is told and left out."""
    for place in places:
        ref = refs[int(place)] if place < len(refs) else None
        if ref is not None:
            yield ref
        elif place < len(refs):
            faults.add([f"{told}.sessions: session {place:.0f} was refused; the sighting is kept without it"])
        else:
            faults.add([f"{told}.sessions: there is no session {place:.0f}; the sighting is kept without it"])


def session_row(record: Row, sensor: str, version: str) -> Row:
    """One valid session as a row.

    Raises:
        ValueError: ``field: what is wrong`` for what the schema cannot say.
    """
    span = _span(record)
    client, server = _end(record, "client"), _end(record, "server")
    ends = (f"{client['ip']}|{client['port']}", f"{server['ip']}|{server['port']}")
    ref = conversation_ref("sessions", sensor, TCP, *ends, span["first_ns"])
    low, high = record["heights"] or (None, None)
    parts: Row = record["nonce_partition"] or dict.fromkeys(_PARTITION)
    same = (
        "capture", "joined_midway", "dialect", "carrier", "algorithm", "coin", "login", "wallet", "worker",
        "rig_id", "agent", "pool", "payout_coin", "donation", "work_convention", "work_note",
        "because", "extranonces", "notes",
    )  # fmt: skip
    return {
        "session_ref": ref,
        **{name: record[name] for name in same},
        "client_ip": client["ip"],
        "client_port": client["port"],
        "server_ip": server["ip"],
        "server_port": server["port"],
        **span,
        **_rate(record),
        **{name: int(record["shares"][name]) for name in _SHARES},
        **{name: int(record[name]) for name in ("jobs", "logins_refused", "lost_bytes", "tcp_clock_points")},
        **{f"nonce_{name}": None if parts[name] is None else int(parts[name]) for name in _PARTITION},
        **{name: _real(record[name]) for name in ("work_hashes", "active_s", "lost_share")},
        "coin_candidates": [{**c, "weight": _real(c["weight"])} for c in record["coin_candidates"]],
        "reported_hps": [float(r) for r in record["reported_hps"]],
        "height_low": None if low is None else int(low),
        "height_high": None if high is None else int(high),
        "lamp_version": version,
        "content_hash": 0,
    }


def sighting_row(record: Row, version: str) -> Row:
    """One valid sighting as a row, without its ``session_refs``.

    Raises:
        ValueError: ``field: what is wrong`` for what the schema cannot say.
    """
    if not record["source_ref"]:
        raise ValueError("source_ref: empty; without its key a sighting cannot be told from its repetition")
    same = (
        "source_ref", "kind", "tier", "because", "captures", "coin", "algorithm", "wallet", "worker", "agent",
        "not_seen",
    )  # fmt: skip
    return {
        **{name: record[name] for name in same},
        "client_ip": _address(record["client_ip"], "client_ip"),
        "server_ip": _address(record["server_ip"], "server_ip"),
        "server_port": int(record["server_port"]),
        **_span(record),
        **_rate(record),
        "probability": _real(record["probability"]),
        "lamp_version": version,
        "content_hash": 0,
    }


def _span(record: Row) -> Row:
    first, last = (_nanoseconds(record[name], name) for name in ("first_seen", "last_seen"))
    if last < first:
        raise ValueError("last_seen: before first_seen")
    return {"first_ns": first, "last_ns": last}


def _nanoseconds(text: str, name: str) -> int:
    """Unix ns of a time that has the schema's form."""
    try:
        seconds = int(datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp())
        number = seconds * 1_000_000_000 + int(text[20:29])
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} is no time") from error
    if not -(2**63) <= number < 2**63 or len(text) != 30:
        raise ValueError(f"{name}: {text!r} is outside 1677-2262")
    return number


def _end(record: Row, name: str) -> Row:
    return {"ip": _address(record[name]["ip"], f"{name}.ip"), "port": int(record[name]["port"])}


def _address(text: str, name: str) -> str:
    """The address in its one shortest form, IPv4 where it is mapped."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(f"{name}: {text[:60]!r} is no address") from error
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            raise ValueError(f"{name}: {text[:60]!r} has a zone, which means nothing elsewhere")
        return str(ip.ipv4_mapped or ip)
    return str(ip)


def _rate(record: Row) -> Row:
    interval = record["hashrate_hps"]
    row: Row = {name: None for _, name in _RATE}
    if interval is not None:
        if not interval["low"] <= interval["estimate"] <= interval["high"]:
            raise ValueError("hashrate_hps: low, estimate and high are not in order")
        row = {name: float(interval[part]) for part, name in _RATE}
    return {**row, "hashrate_note": record["hashrate_note"]}


def _real(value: float | None) -> float | None:
    return None if value is None else float(value)
