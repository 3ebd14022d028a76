"""``davylamp desk intake``, ``watch-folder`` and ``import-registry``: what comes into the desk.

Exit status: 0 done, 2 the call cannot be meant, 3 a file has faults or cannot be read.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from davylamp.cli import desk_demo

if TYPE_CHECKING:
    from davylamp.desk.leads.models import Intake

Source = Annotated[str, typer.Option(help="Whose rows they are, such as the sensor or the office.")]
FAULTS = ".faults.json"
DONE = ".done.json"
FAULTY = 3


def row_of(made: "Intake") -> dict[str, Any]:
    """An intake as JSON."""
    names = ("source", "channel", "name", "rows", "new", "known", "refused")
    return {"id": str(made.pk), **{name: getattr(made, name) for name in names}}


def show(value: Any) -> None:
    """JSON on standard output."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def take(path: Path, source: str, channel: str) -> dict[str, Any]:
    """One file into the desk; what is wrong with the whole file stands under ``error``."""
    from davylamp.desk.leads.delivery import rows_of
    from davylamp.desk.leads.intake import intake
    from davylamp.errors import DavylampError, InputError

    try:
        told = row_of(intake(rows_of(path), source, channel, path.name))
    except InputError as error:
        told = {
            "name": path.name,
            "error": {"code": error.code, "message": error.message, "hint": error.hint},
        }
        typer.echo(f"{path}: {error.code}: {error.message}", err=True)
    except DavylampError:
        raise
    else:
        counts = (
            f"{told['rows']} rows: {told['new']} new, {told['known']} known, {len(told['refused'])} faults"
        )
        typer.echo(f"{path}: {counts}", err=True)
    return told


def intake_files(
    files: Annotated[
        list[Path], typer.Argument(help="Scans and attributions as JSON, JSON lines, lists as CSV or XLSX.")
    ],
    source: Source,
) -> None:
    """Take observations in. Twice is as once; broken rows are returned with their reasons, the rest is kept."""
    from davylamp.cli.desk import desk

    with desk():
        told = [take(path, source, "file") for path in files]
    show(told)
    raise typer.Exit(FAULTY if any("error" in t or t.get("refused") for t in told) else 0)


def watch_folder(
    folder: Annotated[Path, typer.Argument(help="Where files arrive.", exists=True, file_okay=False)],
    source: Source,
    once: Annotated[bool, typer.Option("--once", help="What is there now, then end.")] = False,
    every_s: Annotated[float, typer.Option(help="Seconds between looks.", min=0.2, max=3600)] = 5.0,
) -> None:
    """Take in each file that arrives in a folder.

    Files stay where they are. Beside each stands NAME.done.json, or NAME.faults.json with what was refused; a file
    that changes is read again.
    """
    from davylamp.cli.desk import desk

    with desk():
        waiting: dict[Path, tuple[int, int]] = {}
        while True:
            for path in arrived(folder):
                size = (path.stat().st_size, path.stat().st_mtime_ns)
                if once or waiting.get(path) == size:  # it has not grown since the last look
                    leave_note(path, take(path, source, "folder"))
                    waiting.pop(path, None)
                else:
                    waiting[path] = size
            if once:
                return
            time.sleep(every_s)


def arrived(folder: Path) -> list[Path]:
    """Files without a note, or younger than it, by name; hidden and half-written ones are left alone."""
    found = []
    for path in sorted(folder.iterdir()):
        notes = [path.with_name(path.name + end) for end in (DONE, FAULTS)]
        is_note = path.name.endswith((DONE, FAULTS))
        is_partial = path.name.startswith(".") or path.suffix in (".part", ".tmp")
        if is_note or is_partial or path.is_symlink() or not path.is_file():
            continue
        if not any(n.exists() and n.stat().st_mtime_ns >= path.stat().st_mtime_ns for n in notes):
            found.append(path)
    return found


def leave_note(path: Path, told: dict[str, Any]) -> None:
    """What became of a file, beside it."""
    import orjson

    is_bad = "error" in told or bool(told.get("refused"))
    note, other = (path.with_name(path.name + end) for end in ((FAULTS, DONE) if is_bad else (DONE, FAULTS)))
    draft = note.with_name("." + note.name)
    draft.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    draft.replace(note)
    other.unlink(missing_ok=True)


def import_registry(
    file: Annotated[Path, typer.Argument(help="A ledger (台账) as CSV or XLSX.")],
    source: Annotated[
        str, typer.Option(help="Whose ledger it is; it replaces only what the same source said before.")
    ],
    layer: Annotated[str, typer.Option(help="imported, declared or verified.")] = "imported",
    by: Annotated[str, typer.Option(help="Who answers for it; needed for declared and verified.")] = "",
    effective: Annotated[
        str | None, typer.Option(help="The time that the file describes; now if absent.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="What the file lacks goes on as it was.")
    ] = False,
    correction: Annotated[
        bool, typer.Option("--correction", help="What the source said before and not now was never so.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, write nothing.")] = False,
) -> None:
    """Take a ledger of organisations and networks in: all of it, or nothing when it has a fault."""
    from davylamp.attribution.registry_records import LAYERS, Origin
    from davylamp.cli.desk import desk
    from davylamp.cli.registry import Format, moment, show_plan
    from davylamp.errors import BadUse

    if layer not in LAYERS:
        raise BadUse("E-USE-036", f"{layer!r} is no layer", f"one of {', '.join(LAYERS)}")
    with desk():
        from davylamp.desk.registry.services import import_ledger

        told = import_ledger(
            file,
            Origin(layer, source, by),
            moment(effective) if effective else None,
            is_complete=not partial,
            is_correction=correction,
            is_dry_run=dry_run,
        )
    for note in told.ledger.notes:
        typer.echo(f"note: {note}", err=True)
    show_plan(told.ledger, told.plan, told.batch, Format.json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("intake")(intake_files)
    app.command("watch-folder")(watch_folder)
    app.command("import-registry")(import_registry)
    app.command("demo")(desk_demo.demo)
