"""What one delivery holds: rows to become observations, traces behind addresses, and what cannot be read.

A delivery is a file of the lamp (``scan`` as JSON or JSON lines, ``attribute`` as JSON), a list, or rows that a
machine sent. Each row is read on its own: one that is broken never stops the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from davylamp.desk.leads.lists import list_rows
from davylamp.desk.leads.seen import Refusal, Seen, read_list_row, read_sighting, storable
from davylamp.errors import InputError

FILE_BYTES: Final = 1 << 30  # judged: a scan of a province's month is below it
MOST_REFUSED: Final = 1000  # judged: whoever has more is mistaken about the file; the number is kept


@dataclass(slots=True)
class Delivery:
    """Rows read. ``traces`` are attributions of ``davylamp attribute`` by the sighting's reference."""

    seen: list[Seen] = field(default_factory=list)
    traces: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    refused: list[Refusal] = field(default_factory=list)
    rows: int = 0


def rows_of(path: Path) -> list[Any]:
    """The rows of a file, as they stand in it.

    Raises:
        InputError: E-INT-011 when it cannot be read.
        TableError: E-REG-011 and E-INT-010 for a list, see `davylamp.desk.leads.lists`.
    """
    try:
        if path.stat().st_size > FILE_BYTES:
            raise InputError("E-INT-011", f"{path} is larger than {FILE_BYTES >> 20} MB", "split it")
        with path.open("rb") as file:
            start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        if not start.startswith((b"{", b"[")):
            return [row for _, row in _numbered(path)]
        data = path.read_bytes()
    except OSError as error:
        raise InputError("E-INT-011", f"{path}: {error.strerror or error}", "is the path right?") from error
    try:
        whole = orjson.loads(data.lstrip(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return [_line(n, line) for n, line in enumerate(data.splitlines(), 1) if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _numbered(path: Path) -> Iterable[tuple[int, Any]]:
    for number, row in list_rows(path):
        yield number, row if isinstance(row, Refusal) else {**row, "row": number}


def _line(number: int, line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Refusal(number, "E-INT-001", f"no JSON: {error}", line[:500].decode("utf-8", "replace"))


def read_rows(rows: Iterable[Any], now: datetime) -> Delivery:
    """Read every row.

    Args:
        rows: scans, results of ``attribute``, JSON lines of a scan, sightings, rows of a list, or `Refusal`.
        now: no observation can be later.
    """
    made = Delivery()
    lines: dict[int, Mapping[str, Any]] = {}
    waiting: list[tuple[int, Mapping[str, Any]]] = []
    for row in rows:
        if isinstance(row, Mapping) and isinstance(row.get("sightings"), list):
            listed = row.get("sessions")
            sessions = (
                dict(enumerate(s for s in listed if isinstance(s, Mapping)))
                if isinstance(listed, list)
                else {}
            )
            for sighting in row["sightings"]:
                made.rows += 1
                _take(made, made.rows, sighting, sessions, now)
        elif isinstance(row, Mapping) and row.get("record") == "session":
            if isinstance(row.get("index"), int):
                lines[row["index"]] = row
        elif isinstance(row, Mapping) and row.get("record") == "sighting":
            made.rows += 1
            waiting.append((made.rows, row))
        elif not isinstance(row, Mapping) or not ({"attributions", "record"} & row.keys()):
            made.rows += 1
            _take(made, made.rows, row, {}, now)
        if isinstance(row, Mapping) and isinstance(row.get("attributions"), list):
            _trace(made, row["attributions"])
    for number, row in waiting:
        _take(made, number, row, lines, now)
    return made


def _take(
    made: Delivery, number: int, row: Any, sessions: Mapping[int, Mapping[str, Any]], now: datetime
) -> None:
    """One row into the delivery."""
    if isinstance(row, Refusal):
        made.refused.append(row)
        return
    if not isinstance(row, Mapping):
        made.refused.append(Refusal(number, "E-INT-001", "no object", storable(row)))
        return
    if "client_ip" in row and "source_ref" in row:
        read = read_sighting(number, row, sessions, now)
    elif "ip" in row:
        stated = row.get("row")
        number = stated if isinstance(stated, int) and not isinstance(stated, bool) else number
        read = read_list_row(number, {k: v for k, v in row.items() if k != "row"}, now)
    else:
        made.refused.append(
            Refusal(number, "E-INT-001", "neither a sighting nor a row of a list", storable(row))
        )
        return
    if isinstance(read, Seen):
        made.seen.append(read)
    else:
        made.refused += read


def _trace(made: Delivery, rows: list[Any]) -> None:
    """Keep the attributions that name a sighting and have a chain."""
    for row in rows:
        if isinstance(row, Mapping) and isinstance(row.get("source_ref"), str) and row.get("chains"):
            kept = storable(row)
            chains = kept.get("chains")
            good = isinstance(chains, list) and all(
                isinstance(c, list) and all(isinstance(k, dict) for k in c) for c in chains
            )
            if good:
                made.traces[row["source_ref"]].append(kept)
                continue
        made.refused.append(
            Refusal(0, "E-INT-001", "an attribution without sighting or chain", storable(row))
        )
