"""``davylamp scan``: who mines in these captures?

Exit status: 0 nothing is mining, 10 mining was found, 2 the call cannot be meant, 3 an input could not be read
(what the others hold is still printed; with mining found as well the status is 10), 4 the result could not be
written, 130 interrupted (what was read until then is printed).
"""

import errno
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from davylamp.pipeline_clients import Beside
    from davylamp.records import Scan
    from davylamp.settings import Settings

QUIET: Final = 0
MINING_FOUND: Final = 10
INPUT_ERROR: Final = 3
INTERRUPTED: Final = 130


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


class What(StrEnum):
    """What one row of CSV and Parquet is."""

    sessions = "sessions"
    sightings = "sightings"
    clients = "clients"


class Language(StrEnum):
    """Language of table and report."""

    en = "en"
    zh = "zh"


Captures = Annotated[list[str], typer.Argument(help="Capture files, folders, FIFOs; - for standard input.")]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="What to write.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of stdout.")]
ReportFile = Annotated[Path | None, typer.Option(help="Also write an HTML report: one file, no network.")]
Lang = Annotated[Language, typer.Option(help="Language of table and report.")]
Joined = Annotated[
    bool, typer.Option("--joined", help="The captures continue one another, as a rotated series does.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting as name=value; an unknown name lists them all."),
]
ShowProgress = Annotated[bool, typer.Option(help="Show progress on a terminal.")]
RegistryFile = Annotated[
    Path | None, typer.Option(help="Registry of networks, for the organisation behind each address.")
]
Logs = Annotated[
    list[str] | None,
    typer.Option(help="A log file or a folder of them, for the computer behind it; as in attribute."),
]
Offsets = Annotated[
    list[str] | None,
    typer.Option(help="SOURCE=SECONDS: how far the clock of a log file or recorder is ahead."),
]
Zone = Annotated[str, typer.Option(help="Zone of log times that name none: Asia/Shanghai, +08:00.")]
Factors = Annotated[str, typer.Option(help="Factor set for coal and CO2; energy --list-factors shows all.")]
Site = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="The operator's folder with its own factors.csv, devices.csv and regions.csv.",
    ),
]
Rows = Annotated[What, typer.Option(help="One row of CSV and Parquet is one of these.")]


def command(
    captures: Captures,
    output_format: OutputFormat = Format.table,
    output: Output = None,
    report: ReportFile = None,
    lang: Lang = Language.en,
    joined: Joined = False,
    options: Options = None,
    progress: ShowProgress = True,
    registry: RegistryFile = None,
    logs: Logs = None,
    offset: Offsets = None,
    zone: Zone = "UTC",
    factors: Factors = "article-2021",
    site: Site = None,
    what: Rows = What.sessions,
) -> None:
    """Say who mines in packet captures: whose address, how many machines, how fast, how much energy, and why."""
    from davylamp.settings import parse_settings

    settings = parse_settings(options or [])
    others = [str(path) for path in (registry, *map(Path, logs or ())) if path is not None and path.is_file()]
    check_output(output_format, [*captures, *others], output, report)
    beside = beside_of(registry, logs or [], offset or [], zone, factors, site)
    started = datetime.now(UTC)
    found = run(captures, settings, beside, joined=joined, show=progress and sys.stderr.isatty())
    write_result(found, output_format, output, lang, what)
    if report is not None:
        save_report(found, report, started, settings, lang)
        typer.echo(str(report), err=output is None and output_format is not Format.table)
    raise typer.Exit(status_of(found))


def beside_of(
    registry: Path | None, logs: list[str], offset: list[str], zone: str, factors: str, site: Path | None
) -> "Beside":
    """What clients are looked up in and sized with.

    Raises:
        BadUse: E-HOP-010 and E-HOP-012 for an offset or a zone that cannot be meant; E-USE-004 for clocks without logs.
    """
    from davylamp.attribution.scans import LogChoice, parse_offsets
    from davylamp.cli.attribute import tell_logs, zone_of
    from davylamp.errors import BadUse
    from davylamp.pipeline_clients import Beside
    from davylamp.sizing.energy_account import Choice

    given = parse_offsets(offset)
    if given and not logs:
        raise BadUse("E-USE-004", "--offset speaks of the clocks of logs, and there are none", "give --logs")
    read = LogChoice(tuple(logs), zone_of(zone), None, given) if logs else None
    return Beside(registry, read, Choice(factors, site=site), tell_logs if logs else None)


def check_output(
    output_format: Format, captures: list[str], output: Path | None, report: Path | None
) -> None:
    """Refuse to pour binary onto a terminal, to overwrite an input, or to write two results to one place."""
    from davylamp.capture import find_captures
    from davylamp.errors import BadUse

    if output_format is Format.parquet and output is None and sys.stdout.isatty():
        raise BadUse("E-USE-001", "parquet would go to the terminal", "give --output FILE or redirect stdout")
    targets = [path.resolve() for path in (output, report) if path is not None]
    if len(set(targets)) < len(targets):
        raise BadUse("E-USE-002", f"--output and --report both name {output}", "give each its own file")
    existing = {path for path in targets if path.is_file()}
    for capture in find_captures(captures) if existing else []:
        if Path(capture).resolve() in existing:
            raise BadUse(
                "E-USE-003", f"{capture} is an input and would be overwritten", "choose another name"
            )


def run(captures: list[str], settings: "Settings", beside: "Beside", *, joined: bool, show: bool) -> "Scan":
    """Scan with or without a progress bar on stderr; an interrupt ends it between two batches."""
    from davylamp.pipeline import scan

    with stopping_on_interrupt() as stop:
        if not show:
            return scan(captures, settings, joined=joined, stop=stop, beside=beside)
        with progress_bar() as bar:
            task = bar.add_task("reading", total=total_bytes(captures))

            def tell(path: str, count: int) -> None:
                bar.update(task, advance=count, description=Path(path).name)

            return scan(captures, settings, joined=joined, progress=tell, stop=stop, beside=beside)


def total_bytes(captures: list[str]) -> int | None:
    """Size of all inputs as they lie there; None when one of them has no size."""
    from davylamp.capture import find_captures

    paths = [Path(capture) for capture in find_captures(captures)]
    return sum(p.stat().st_size for p in paths) if all(p.is_file() for p in paths) else None


@contextmanager
def stopping_on_interrupt() -> Iterator[Callable[[], bool]]:
    """A question that turns true at the first interrupt; the second one stops at once.

    An interrupt that is raised while a kernel takes its arguments may end the process: hence the question.
    """
    import signal

    heard: list[int] = []

    def listen(number: int, _frame: object) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt
        sys.stderr.write("interrupting; once more stops at once\n")

    before = signal.signal(signal.SIGINT, listen)
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, before)


def progress_bar() -> "Bar":
    """Bytes, rate and remaining time."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def write_result(
    found: "Scan", output_format: Format, output: Path | None, lang: Language, what: What
) -> None:
    """The result to stdout or a file, faults to stderr."""
    from rich.console import Console

    from davylamp.errors import OutputError
    from davylamp.report import machine
    from davylamp.report.table import render_faults

    try:
        if output_format is Format.table:
            show_table(found, output, lang)
        elif output_format is Format.parquet:
            machine.to_parquet(found, output or sys.stdout.buffer, what.value)
        else:
            writers: dict[Format, Callable[[Scan], bytes]] = {
                Format.json: machine.to_json,
                Format.jsonl: machine.to_jsonl,
                Format.csv: partial(machine.to_csv, what=what.value),
            }
            data = writers[output_format](found)
            if output is None:
                sys.stdout.buffer.write(data)
            else:
                output.write_bytes(data)
        render_faults(found, Console(stderr=True), lang=lang.value)
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has left: nothing to report to it
            raise BrokenPipeError from error
        where = output or "standard output"
        hint = "choose a place that can be written"
        raise OutputError("E-OUT-001", f"cannot write {where}: {error.strerror or error}", hint) from error


def show_table(found: "Scan", output: Path | None, lang: Language) -> None:
    """The table to the terminal, or 100 columns wide to a file."""
    from rich.console import Console

    from davylamp.report.table import render_table

    if output is None:
        render_table(found, Console(), lang=lang.value)
    else:
        with output.open("w", encoding="utf-8") as file:
            render_table(found, Console(file=file, width=100), lang=lang.value)


def save_report(found: "Scan", path: Path, started: datetime, settings: "Settings", lang: Language) -> None:
    """The HTML report, with the call, the settings and the hashes of the inputs it can be checked against."""
    from dataclasses import asdict

    from davylamp.report.html import Run, write_report

    about = Run(
        command=shlex.join(["davylamp", *sys.argv[1:]]),
        started=started,
        finished=datetime.now(UTC),
        settings=asdict(settings),
        sha256={i.path: sha256_of(Path(i.path)) for i in found.inputs if Path(i.path).is_file()},
    )
    write_report(found, path, about, lang=lang.value)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, lower-case hex."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def status_of(found: "Scan") -> int:
    """Exit status for scripts."""
    codes = {fault.code for report in found.inputs for fault in report.faults}
    if "E-CAP-090" in codes:
        return INTERRUPTED
    if any(s.kind == "mining" for s in found.sightings):
        return MINING_FOUND
    unreadable = any(report.packets == 0 and report.faults for report in found.inputs)
    return INPUT_ERROR if unreadable else QUIET
