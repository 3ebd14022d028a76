"""Flow tables in Parquet to rows of the lake: read in slices, bad rows counted and named, the rest kept."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from davylamp.errors import BadUse, InputError
from davylamp.flows.export import ip_text
from davylamp.lake.merge import aligned
from davylamp.lake.scans import FaultList
from davylamp.lake.schemas import VERSION_KEY, check_sensor, conversation_ref, schema_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SLICE_ROWS: Final = 1 << 18  # judged: with keys and hashes some 300 MiB
SLICE_BYTES: Final = 256 << 20  # judged: the same for flows with many beats
_BATCH_ROWS: Final = 1 << 13
_MAPPED: Final = bytes(10) + b"\xff\xff"
_NEEDED: Final = ("client_ip", "server_ip", "client_port", "server_port", "proto", "first_ns", "last_ns")


@dataclass(frozen=True, slots=True)
class FlowSlice:
    """Some rows of one sensor, under the lake's schema."""

    sensor: str
    table: "pa.Table"


def read_flows(path: Path, sensor: str, faults: FaultList) -> Iterator[FlowSlice]:
    """The good rows of a flow table, slice by slice.

    Args:
        path: Parquet with the meter's columns; those that are missing are null, others are passed by.
        sensor: who saw the rows that do not say it themselves.
        faults: takes what is wrong, with file and row.

    Raises:
        InputError: E-LAK-011, no Parquet, or columns that make up the key are missing or of another type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as source:
            _check_columns(path, source.schema_arrow)
            first = 0
            for table in _slices(source):
                yield from _by_sensor(_Slice(path, first, table), sensor, faults)
                first += table.num_rows
    except (OSError, pa.ArrowException) as error:
        what = str(error).splitlines()[0][:200]
        hint = "the lake takes what `davylamp flows` writes"
        raise InputError("E-LAK-011", f"{path}: no flow table ({what})", hint) from error


def _check_columns(path: Path, schema: "pa.Schema") -> None:
    """Every column that is missing or cannot be read as what it must be, at once."""
    import pyarrow as pa

    wanted = schema_of("flows")
    wrong = [f"{name} is missing" for name in _NEEDED if name not in schema.names]
    for field in schema:
        if field.name in ("client_ip", "server_ip"):
            good = field.type == pa.binary(16) or pa.types.is_string(field.type)
        elif field.name not in wanted.names:
            continue
        else:
            good = _is_castable(field.type, wanted.field(field.name).type)
        if not good:
            wrong.append(f"{field.name} is {field.type}")
    if wrong:
        raise InputError(
            "E-LAK-011",
            f"{path}: no flow table: {'; '.join(wrong)}",
            "the lake takes what `davylamp flows` writes",
        )


def _is_castable(given: "pa.DataType", wanted: "pa.DataType") -> bool:
    """Whether values of one type can be read as another: any width of the same sort of number, and null."""
    import pyarrow as pa

    if given == wanted or pa.types.is_null(given):
        return True
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(given))
    if pa.types.is_string(wanted):
        return bool(pa.types.is_large_string(given) or pa.types.is_dictionary(given))
    return False


def _slices(source: "pq.ParquetFile") -> Iterator["pa.Table"]:
    import pyarrow as pa

    known = {*schema_of("flows").names, "sensor"}
    columns = [name for name in source.schema_arrow.names if name in known]
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in source.iter_batches(_BATCH_ROWS, columns=columns):
        batches.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= SLICE_ROWS or size >= SLICE_BYTES:
            yield pa.Table.from_batches(batches)
            batches, rows, size = [], 0, 0
    if batches:
        yield pa.Table.from_batches(batches)


@dataclass(frozen=True, slots=True)
class _Slice:
    """A slice as it was read, and where it stands."""

    path: Path
    first: int
    table: "pa.Table"


def _by_sensor(piece: _Slice, sensor: str, faults: FaultList) -> Iterator[FlowSlice]:
    """The good rows of a slice, by who saw them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = piece.table
    for side in ("client_ip", "server_ip"):
        place = table.schema.get_field_index(side)
        table = table.set_column(place, side, _addresses(table.column(side)))
    good = _judge(piece, table, faults)
    table = table.filter(pa.array(good))
    sensors = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    if "sensor" in table.column_names:
        sensors = table.column("sensor").cast(pa.string())
    sensors = pc.fill_null(sensors, sensor)
    for name in sorted(pc.unique(sensors).to_pylist()):
        rows = table.filter(pc.equal(sensors, name))
        try:
            checked = check_sensor(name)
        except BadUse as error:
            faults.add([f"{piece.path}: {rows.num_rows} rows: {error.message}"])
            faults.refused += rows.num_rows
            continue
        yield FlowSlice(checked, _keyed(rows, checked))


def _addresses(column: "pa.ChunkedArray") -> "pa.Array":
    """Addresses as text in their shortest form; null where they are none."""
    import pyarrow as pa

    coded = column.combine_chunks().dictionary_encode()
    texts = pa.array([_address(value) for value in coded.dictionary.to_pylist()], type=pa.string())
    return texts.take(coded.indices)


def _address(value: bytes | str) -> str | None:
    if isinstance(value, bytes):
        is_ipv4 = value.startswith(_MAPPED)  # spelled here because it is four times as fast
        return ".".join(map(str, value[12:])) if is_ipv4 else ip_text(value)
    try:
        return ip_text((_mapped(ipaddress.ip_address(value))).packed)
    except ValueError:
        return None


def _mapped(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    """An address on 128 bits."""
    if isinstance(ip, ipaddress.IPv6Address):
        return ip
    return ipaddress.IPv6Address(0xFFFF << 32 | int(ip))


def _judge(piece: _Slice, table: "pa.Table", faults: FaultList) -> Any:
    """Which rows (n,) are good; the others are told."""
    bad = np.zeros(table.num_rows, dtype=np.bool_)
    for name in _NEEDED:
        empty = table.column(name).is_null().to_numpy()
        _tell(piece, empty & ~bad, f"{name} is null or no address", faults)
        bad |= empty
    first, last = (table.column(n).fill_null(0).to_numpy() for n in ("first_ns", "last_ns"))
    backwards = ~bad & (last < first)
    _tell(piece, backwards, "last_ns is before first_ns", faults)
    bad |= backwards
    for name in ("client_port", "server_port", "proto"):
        values = table.column(name).fill_null(0).to_numpy()
        beyond = ~bad & ((values < 0) | (values > (255 if name == "proto" else 65535)))
        _tell(piece, beyond, f"{name} is out of range", faults)
        bad |= beyond
    faults.refused += int(bad.sum())
    return ~bad


def _tell(piece: _Slice, rows: Any, what: str, faults: FaultList) -> None:
    """Name the first rows of a fault and count all."""
    places = np.flatnonzero(rows) + piece.first
    if places.size:
        some = ", ".join(str(place) for place in places[:5].tolist()) + (", ..." if places.size > 5 else "")
        faults.add([f"{piece.path}: {places.size} rows, {what}: row {some}"])


def _keyed(table: "pa.Table", sensor: str) -> "pa.Table":
    """Rows with their key, under the lake's schema."""
    import pyarrow as pa

    columns = [table.column(name).to_pylist() for name in _NEEDED[:6]]
    refs = [
        conversation_ref("flows", sensor, proto, f"{client}|{cport}", f"{server}|{sport}", first)
        for client, server, cport, sport, proto, first in zip(*columns, strict=True)
    ]
    if "flow_ref" in table.column_names:
        table = table.drop_columns("flow_ref")
    keyed = table.append_column("flow_ref", pa.array(refs, type=pa.string()))
    if "content_hash" in keyed.column_names:
        keyed = keyed.drop_columns("content_hash")
    if "lamp_version" not in keyed.column_names:
        version = (table.schema.metadata or {}).get(VERSION_KEY)
        told = pa.array([version.decode("utf-8", "replace")] if version else [None], type=pa.string())
        keyed = keyed.append_column(
            "lamp_version", told.take(pa.array([0] * keyed.num_rows, type=pa.int32()))
        )
    keyed = keyed.append_column("content_hash", pa.array(np.zeros(keyed.num_rows, np.uint64)))
    return aligned(keyed, schema_of("flows"))
