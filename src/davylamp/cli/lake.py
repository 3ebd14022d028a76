"""``davylamp lake``: keep sightings, sessions and flows as Parquet, and ask them.

Exit status: 0 done, 2 the call cannot be meant, 3 something could not be read (the good rest is kept),
4 the lake cannot be written.
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from davylamp.counted import counted

if TYPE_CHECKING:
    from davylamp.lake.intake import Added
    from davylamp.lake.query import Answer
    from davylamp.lake.retain import Retention

INPUT_ERROR: Final = 3
FAULTS_SHOWN: Final = 20  # judged: a screenful; --format json has up to 1000

app = typer.Typer(
    help="Keep sightings, sessions and flows as Parquet by day and sensor, and ask them in SQL.",
    no_args_is_help=True,
)

Root = Annotated[Path, typer.Argument(metavar="LAKE", help="Folder of the lake.")]


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


class QueryFormat(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"
    csv = "csv"


OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="What to write.")]


@app.command("add")
def add_command(
    root: Root,
    scans: Annotated[
        list[Path] | None, typer.Argument(metavar="[SCAN.json]...", help="What `scan --format json` wrote.")
    ] = None,
    flows: Annotated[
        list[Path] | None, typer.Option("--flows", help="What `davylamp flows` wrote. Repeat for more.")
    ] = None,
    sensor: Annotated[
        str, typer.Option(help="Who saw it; part of a session's and a flow's key.")
    ] = "unknown",
    past_retention: Annotated[
        bool, typer.Option("--past-retention", help="Take in also what `lake retain` has already let go.")
    ] = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Add scans and flow tables; adding the same again, in any order and any pieces, changes nothing."""
    from dataclasses import asdict

    from davylamp.lake.intake import add

    done = add(root, scans or [], flows or [], sensor=sensor, past_retention=past_retention)
    counts = {kind: asdict(merged) for kind, merged in done.merged.items()}
    if output_format is Format.json:
        failures = [{"code": e.code, "message": e.message, "hint": e.hint} for e in done.failures]
        faults = {"count": done.faults.count, "refused": done.faults.refused, "shown": done.faults.shown}
        write_json({**counts, "faults": faults, "failures": failures})
    else:
        show_table(["kind", *counts["sightings"]], [[kind, *c.values()] for kind, c in counts.items()])
    tell_faults(done)
    raise typer.Exit(0 if done.is_whole else INPUT_ERROR)


def tell_faults(done: "Added") -> None:
    """What was wrong, to stderr."""
    for error in done.failures:
        typer.echo(str(error), err=True)
    for sentence in done.faults.shown[:FAULTS_SHOWN]:
        typer.echo(f"E-LAK-012: {sentence}", err=True)
    rest = done.faults.count - FAULTS_SHOWN
    if rest > 0:
        typer.echo(f"and {rest} faults more", err=True)
    if done.faults.refused:
        typer.echo(f"{counted(done.faults.refused, 'record')} refused, the rest is kept", err=True)


@app.command("query")
def query_command(
    root: Root,
    sql: Annotated[str, typer.Argument(help="One SELECT over sightings, sessions and flows.")],
    output_format: Annotated[
        QueryFormat, typer.Option("--format", "-f", help="What to write.")
    ] = QueryFormat.table,
    limit: Annotated[int, typer.Option(min=1, max=10_000_000, help="Rows at most.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, max=86_400, help="Seconds at most.")] = 60.0,
    memory_mib: Annotated[int, typer.Option(min=64, max=1 << 20, help="DuckDB's memory at most.")] = 2048,
) -> None:
    """Ask the lake in SQL; nothing can be changed and nothing else be read."""
    from davylamp.lake.query import ask

    answer = ask(root, sql, limit=limit, seconds=seconds, memory_mib=memory_mib)
    write_answer(answer, output_format)
    if answer.is_cut:
        typer.echo(f"cut after {counted(limit, 'row')}: there are more, see --limit", err=True)


def write_answer(answer: "Answer", output_format: QueryFormat) -> None:
    """Rows to stdout."""
    import csv

    from davylamp.lake.query import as_json, as_text
    from davylamp.report.machine import guard
    from davylamp.report.plain import plain

    if output_format is QueryFormat.json:
        columns = [{"name": n, "type": t} for n, t in zip(answer.columns, answer.types, strict=True)]
        rows = [dict(zip(answer.columns, map(as_json, row), strict=True)) for row in answer.rows]
        write_json({"columns": columns, "rows": rows, "limit": answer.limit, "is_cut": answer.is_cut})
    elif output_format is QueryFormat.csv:
        writer = csv.writer(sys.stdout, lineterminator="\r\n")
        writer.writerow(guard(name) for name in answer.columns)
        writer.writerows([cell(v, guard(as_text(v))) for v in row] for row in answer.rows)
    else:
        show_table(
            [plain(name) for name in answer.columns],
            [[cell(v, plain(as_text(v))) for v in row] for row in answer.rows],
        )


def cell(value: Any, text: str) -> str | int | float:
    """Numbers as they are: the minus of a negative one is no formula."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


@app.command("retain")
def retain_command(
    root: Root,
    days: Annotated[int, typer.Option(help="Keep what ended within so many days.")],
    keep: Annotated[
        Path | None,
        typer.Option(help="References of open cases, one per line: they and what is beneath stay."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Remove; without it the plan is shown.")] = False,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Go on though references are no record of this lake.")
    ] = False,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Count from this day in UTC, not today.")
    ] = None,
    output_format: OutputFormat = Format.table,
) -> None:
    """Show what is older than so many days, and with --apply remove it, except what open cases reference."""
    from davylamp.lake.merge import today
    from davylamp.lake.retain import read_refs, retain

    refs = read_refs(keep) if keep else set()
    day = as_of.date() if as_of else today()
    plan = retain(root, days, refs, as_of=day, apply=apply, allow_unknown=allow_unknown)
    show_plan(plan, output_format)


def show_plan(plan: "Retention", output_format: Format) -> None:
    """The plan to stdout, what to mind to stderr."""
    from dataclasses import asdict

    if output_format is Format.json:
        write_json(asdict(plan))
    else:
        rows = [list(asdict(part).values()) for part in plan.folders]
        show_table(["kind", "day", "sensor", "rows", "goes", "young", "referenced"], rows)
    goes = sum(part.goes for part in plan.folders)
    done = "removed" if plan.is_applied else "would be removed; --apply removes them"
    typer.echo(f"{counted(goes, 'row')} that ended before {plan.from_day} {done}", err=True)
    if plan.unknown:
        some = ", ".join(plan.unknown[:5]) + (", ..." if len(plan.unknown) > 5 else "")
        typer.echo(f"{len(plan.unknown)} references are no record of this lake: {some}", err=True)
    if plan.waiting_files:
        typer.echo(
            f"{plan.waiting_files} replaced files are being read; run this again to remove them", err=True
        )


@app.command("info")
def info_command(
    root: Root,
    verify: Annotated[
        bool, typer.Option("--verify", help="Also read every file and check its hash.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="List the columns and what they mean.")] = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Say what a lake holds, from when to when, and whether its files are sound."""
    from dataclasses import asdict

    from davylamp.lake.holdings import look_at
    from davylamp.lake.schemas import KINDS, schema_of

    about = look_at(root, verify=verify)
    if schema:
        rows = [
            [kind, field.name, str(field.type), field.metadata[b"doc"].decode()]
            for kind in KINDS
            for field in schema_of(kind)
        ]
        head = ["kind", "column", "type", "meaning"]
        if output_format is Format.json:
            write_json([dict(zip(head, row, strict=True)) for row in rows])
        else:
            show_table(head, rows)
    elif output_format is Format.json:
        told = asdict(about)
        for holding in told["holdings"].values():
            holding["sensors"] = sorted(holding["sensors"])
        write_json({**told, "strangers": [str(path) for path in about.strangers]})
    else:
        rows = [
            [
                kind,
                h.rows,
                h.files,
                h.bytes,
                h.first_day or "-",
                h.last_day or "-",
                ", ".join(sorted(h.sensors)),
            ]
            for kind, h in about.holdings.items()
        ]
        show_table(["kind", "rows", "files", "bytes", "first day", "last day", "sensors"], rows)
    for path in about.strangers:
        typer.echo(f"no file of the lake: {path}", err=True)
    for sentence in about.damaged:
        typer.echo(f"E-LAK-005: {sentence}", err=True)
    raise typer.Exit(INPUT_ERROR if about.damaged else 0)


def write_json(value: Any) -> None:
    """One JSON object and a line end to stdout."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def show_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows under a head; numbers to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for at, name in enumerate(head):
        is_number = bool(rows) and all(isinstance(row[at], int | float) for row in rows)
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
