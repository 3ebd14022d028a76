"""The command tree. Commands import what they need when they run, so that ``--help`` answers at once."""

from typing import Annotated

import typer

from davylamp import __version__
from davylamp.cli import (
    attribute,
    desk,
    desk_admin,
    desk_backup,
    desk_cases,
    energy,
    energy_coins,
    energy_extrapolate,
    flows,
    lake,
    registry,
    scan,
    simulate,
)

app = typer.Typer(
    name="davylamp",
    help="Find cryptocurrency mining in network captures, and say how sure that is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan")(scan.command)
app.command("serve")(desk.serve)
app.command("attribute")(attribute.command)
app.command("flows")(flows.command)
desk_admin.add_to(desk.app)
desk_backup.add_to(desk.app)
desk.app.command("import-cases")(desk_cases.import_cases)
app.add_typer(desk.app, name="desk")
app.add_typer(desk.audit, name="audit")
energy.app.command("coins")(energy_coins.command)
energy.app.command("extrapolate")(energy_extrapolate.command)
app.add_typer(energy.app, name="energy")
app.add_typer(lake.app, name="lake")
app.add_typer(registry.app, name="registry")
app.add_typer(simulate.app, name="simulate")


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"davylamp {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Options of every command."""
