"""``davylamp desk import-cases``: old cases out of a workbook, the difference first."""

from pathlib import Path
from typing import Annotated

import typer

from davylamp.cli.desk import desk

MOST_LINES = 200  # judged: a screen or five; --all shows the rest


def import_cases(
    file: Annotated[Path, typer.Argument(help="Workbook (.xlsx) or CSV file.", show_default=False)],
    source: Annotated[str, typer.Option(help="Whose list it is; numbers are unique within it.")],
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Write it, or only show what would change.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every line of the difference.")] = False,
) -> None:
    """Import old cases. Shows every fault and the difference; writes only with --apply and without faults."""
    with desk():
        from django.conf import settings

        from davylamp.desk.access.models import Clearance, Duty
        from davylamp.desk.access.policy import Holder, Seat
        from davylamp.desk.cases import old_cases

        seat = Seat(Duty.ANALYST, settings.PROVINCE, "", Clearance.SECRET)
        holder = Holder(None, "command line", (seat,))  # whoever has the machine has the province
        found = old_cases.plan(holder, file, source)
        lines = list(found.lines())
        for line in lines if every else lines[:MOST_LINES]:
            typer.echo(line)
        if len(lines) > MOST_LINES and not every:
            typer.echo(f"... {len(lines) - MOST_LINES} more lines; --all shows them")
        for fault in found.faults:
            typer.echo(f"{fault}" + (f" ({fault.hint})" if fault.hint else ""), err=True)
        counts = ", ".join(f"{found.count(kind)} {kind}" for kind in ("new", "changed", "kept", "same"))
        typer.echo(f"{len(found.rows)} rows: {counts}; {len(found.faults)} faults", err=True)
        if apply:
            old_cases.apply(holder, found)
            typer.echo("imported", err=True)
        elif not found.faults:
            typer.echo("nothing was written: --apply does it", err=True)
    raise typer.Exit(1 if found.faults else 0)
