"""``davylamp flows``: the flow table of captures as Parquet, for the lake or any reader of Parquet.

Exit status: 0 written, 2 the call cannot be meant, 3 an input could not be read (the flows of the others are
written), 4 the file cannot be written.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from davylamp.counted import counted

if TYPE_CHECKING:
    from davylamp.lake.flowexport import Exported
    from davylamp.settings import Settings

INPUT_ERROR: Final = 3


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


def command(
    captures: Annotated[
        list[str], typer.Argument(help="Capture files, folders, FIFOs; - for standard input.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Parquet file to write.")],
    sensor: Annotated[
        str | None, typer.Option(help="Who saw the flows; fills the column of that name.")
    ] = None,
    joined: Annotated[
        bool, typer.Option("--joined", help="The captures continue one another, as a rotated series does.")
    ] = False,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting as name=value; an unknown name lists them all."),
    ] = None,
    output_format: Annotated[
        Format, typer.Option("--format", "-f", help="What stdout says of it.")
    ] = Format.table,
    progress: Annotated[bool, typer.Option(help="Show progress on a terminal.")] = True,
) -> None:
    """Write every flow of packet captures: ends, times, sizes and names; no payload."""
    from davylamp.lake.schemas import check_sensor
    from davylamp.settings import parse_settings

    settings = parse_settings(options or [])
    name = None if sensor is None else check_sensor(sensor)
    show = progress and sys.stderr.isatty()
    done = run(captures, output, settings, sensor=name, joined=joined, show=show)
    tell(done, output, output_format)
    unreadable = any(report.packets == 0 and report.faults for report in done.inputs)
    raise typer.Exit(INPUT_ERROR if unreadable else 0)


def run(
    captures: list[str], output: Path, settings: "Settings", *, sensor: str | None, joined: bool, show: bool
) -> "Exported":
    """Export with or without a progress bar on stderr."""
    from davylamp.cli.scan import progress_bar, total_bytes
    from davylamp.lake.flowexport import export_flows

    if not show:
        return export_flows(captures, output, settings, sensor=sensor, joined=joined)
    with progress_bar() as bar:
        task = bar.add_task("reading", total=total_bytes(captures))

        def advance(path: str, count: int) -> None:
            bar.update(task, advance=count, description=Path(path).name)

        return export_flows(captures, output, settings, sensor=sensor, joined=joined, progress=advance)


def tell(done: "Exported", output: Path, output_format: Format) -> None:
    """What was written to stdout, faults to stderr."""
    import orjson
    from rich.console import Console

    from davylamp.records import Scan
    from davylamp.report.rows import input_row
    from davylamp.report.table import render_faults

    if output_format is Format.json:
        said = {"path": str(output), "flows": done.rows, "inputs": [input_row(i) for i in done.inputs]}
        sys.stdout.buffer.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    else:
        typer.echo(f"{output}: {counted(done.rows, 'flow')} of {counted(len(done.inputs), 'capture')}")
    render_faults(Scan(done.inputs, [], []), Console(stderr=True))
