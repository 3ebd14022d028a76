"""``davylamp flows``: the flow table of captures, written as it comes so that memory stays bounded."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from davylamp import __version__
from davylamp.capture import find_captures, read_batches
from davylamp.detectors.peer_node import is_discovery
from davylamp.errors import InputError, OutputError
from davylamp.flows.export import FlowBatch, flow_schema
from davylamp.flows.meter import Meter, MeterSettings
from davylamp.lake.schemas import VERSION_KEY
from davylamp.records import Fault, InputReport, PacketBatch
from davylamp.settings import DEFAULTS, Settings
from davylamp.tables import pool_domains

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP_ROWS: Final = 1 << 16  # judged: a row group of a few MiB
GROUP_BYTES: Final = 64 << 20  # judged: the same for flows with many beats

Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Exported:
    """What was written."""

    rows: int = 0
    inputs: list[InputReport] = field(default_factory=list)


class FlowFile:
    """A Parquet file that flows are poured into; rows gather until they make a row group."""

    def __init__(self, writer: "pq.ParquetWriter", sensor: str | None) -> None:
        self.rows = 0
        self._writer = writer
        self._sensor = sensor
        self._waiting: list[pa.RecordBatch] = []

    def pour(self, ended: FlowBatch) -> None:
        """Take ended flows."""
        if len(ended) == 0:
            return
        self.rows += len(ended)
        self._waiting.append(self._named(ended.to_arrow()))
        if (
            sum(b.num_rows for b in self._waiting) >= GROUP_ROWS
            or sum(b.nbytes for b in self._waiting) >= GROUP_BYTES
        ):
            self.flush()

    def flush(self) -> None:
        """Write what waits as a row group."""
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting).cast(self._writer.schema))
            self._waiting = []

    def _named(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa

        if self._sensor is None:
            return batch
        place = batch.schema.get_field_index("sensor")
        names = pa.array([self._sensor], type=pa.string()).take(
            pa.array([0] * batch.num_rows, type=pa.int32())
        )
        return batch.set_column(place, batch.schema.field(place), names)


def export_flows(
    paths: Sequence[str],
    target: Path,
    settings: Settings = DEFAULTS,
    *,
    sensor: str | None = None,
    joined: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write the flow table of captures as Parquet under `FLOW_SCHEMA`; the file appears whole or not at all.

    Args:
        paths: capture files, folders, FIFOs, ``-`` for standard input.
        target: file to write.
        settings: of these the bounds and idle times count.
        sensor: filled into the column of that name.
        joined: the captures continue one another; otherwise each stands alone.
        progress: told of bytes consumed.

    Returns:
        How many rows, and each input with its faults.

    Raises:
        InputError: when no input at all can be read; nothing is written then.
        OutputError: E-OUT-001.
    """
    import pyarrow.parquet as pq

    captures = find_captures(paths)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        schema = flow_schema().with_metadata({VERSION_KEY: __version__.encode()})
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            file = FlowFile(writer, sensor)
            inputs = _pour(captures, file, settings, joined=joined, progress=progress)
            file.flush()
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part, target)
    except OSError as error:
        message = f"cannot write {target}: {error.strerror or error}"
        raise OutputError("E-OUT-001", message, "choose a place that can be written") from error
    finally:
        part.unlink(missing_ok=True)
    return Exported(file.rows, inputs)


def _pour(
    captures: Sequence[str], file: FlowFile, settings: Settings, *, joined: bool, progress: Progress | None
) -> list[InputReport]:
    """Every capture's flows into the file; a capture that cannot be read becomes a fault of its own report."""
    reports: list[InputReport] = []
    failures: list[InputError] = []
    meter: Meter | None = None
    for path in captures:
        report = InputReport(path)
        reports.append(report)
        meter = meter or _meter(settings)
        try:
            _read_into(meter, file, report, settings, progress)
        except InputError as error:
            failures.append(error)
            report.faults.append(Fault(error.code, error.message, path, 0))
        if not joined:
            file.pour(meter.close())
            meter = None
    if meter is not None:
        file.pour(meter.close())
    if failures and len(failures) == len(reports):
        raise failures[0]
    return reports


def _meter(settings: Settings) -> Meter:
    return Meter(
        MeterSettings(
            capacity=1 << (settings.flow_capacity - 1).bit_length(),
            idle_s=settings.idle_s,
            udp_idle_s=settings.udp_idle_s,
            held_idle_s=settings.mining_idle_s,
        ),
        pool_domains(),
    )


def _read_into(
    meter: Meter, file: FlowFile, report: InputReport, settings: Settings, progress: Progress | None
) -> None:
    path = report.path

    def tell(count: int) -> None:
        if progress is not None:
            progress(path, count)

    for batch in read_batches(path, report, chunk_bytes=settings.chunk_mib << 20, progress=tell):
        metered = meter.feed(batch)
        first = dict(
            zip(reversed(metered.checks.flow_id.tolist()), reversed(metered.checks.row.tolist()), strict=True)
        )
        nodes = [flow_id for flow_id, row in first.items() if is_discovery(_payload(batch, row))]
        if nodes:
            meter.confirm_discovery(nodes)
        file.pour(metered.ended)


def _payload(batch: PacketBatch, row: int) -> bytes:
    """One packet's payload, copied out of the reused buffer."""
    offset, length = int(batch.payload_off[row]), int(batch.payload_len[row])
    return batch.buffer[offset : offset + length].tobytes()
