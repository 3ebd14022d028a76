"""``davylamp desk``, ``davylamp serve`` and ``davylamp audit``: the casework console and its keeping."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from davylamp.cli import desk_intake, desk_tick

app = typer.Typer(help="Keep the desk: set it up, add accounts, back it up.", no_args_is_help=True)
desk_intake.add_to(app)
desk_tick.add_to(app)
audit = typer.Typer(help="Sign and verify the desk's audit.", no_args_is_help=True)


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


def start_django() -> None:
    """Load the desk.

    Raises:
        BadUse: E-DSK-001 where it was not installed with the lamp.
    """
    from davylamp.errors import BadUse

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "davylamp.desk.settings")
    try:
        import django
    except ImportError as error:
        raise BadUse("E-DSK-001", "the desk is not installed", "pip install 'davylamp[desk]'") from error
    django.setup()


@contextmanager
def desk() -> Iterator[None]:
    """Django, with the command line as actor."""
    import getpass

    start_django()
    from davylamp.desk.audit.context import Actor, acting

    with acting(Actor("system", "command", f"command line, {getpass.getuser()}", "command")):
        yield


@app.command()
def init() -> None:
    """Make the desk's folder and tables, or bring them up to this version."""
    with desk():
        from django.conf import settings
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        typer.echo(f"desk ready in {settings.HOME}", err=True)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    threads: Annotated[int, typer.Option(help="Requests served at a time.", min=1, max=256)] = 8,
    plain: Annotated[
        bool, typer.Option("--plain", help="HTTP without TLS; only on this machine's own address.")
    ] = False,
) -> None:
    """Serve the desk. Behind a TLS proxy, or with --plain on this machine alone."""
    from davylamp.errors import BadUse, OutputError

    if plain and host not in ("127.0.0.1", "localhost", "::1"):
        raise BadUse(
            "E-DSK-002", f"--plain on {host} would send passwords in clear", "put a TLS proxy in front"
        )
    if plain:
        os.environ["DAVYLAMP_HTTPS"] = "0"
    with desk():
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
    from waitress import create_server

    from davylamp.desk.wsgi import application

    try:
        server = create_server(application, host=host, port=port, threads=threads, ident="davylamp")
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise OutputError("E-DSK-003", message, "choose another --port") from error
    typer.echo(f"desk on http://{host}:{port}/  (Ctrl-C ends it)", err=True)
    server.run()


@audit.command("checkpoint")
def checkpoint(
    to: Annotated[
        Path | None, typer.Option(help="Folder outside the database; the desk's own when absent.")
    ] = None,
) -> None:
    """Sign the end of the audit as it is now."""
    with desk():
        from django.conf import settings

        from davylamp.desk.audit.checkpoints import signing_key, write_checkpoint

        made = write_checkpoint(signing_key(settings.HOME / "keys"), to or settings.HOME / "checkpoints")
        typer.echo(f"{made.seq} {made.hash}")


@audit.command("key")
def public_key() -> None:
    """Print the public key that checkpoints are verified with."""
    with desk():
        from django.conf import settings

        from davylamp.desk.audit.checkpoints import public_hex, signing_key

        typer.echo(public_hex(signing_key(settings.HOME / "keys")))


@audit.command("verify")
def verify(
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints; the desk's own when absent.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Public key in hex, as noted elsewhere.")] = None,
    states: Annotated[
        bool, typer.Option("--states", help="Also hold every table against what the audit told of it.")
    ] = False,
    output_format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.table,
) -> None:
    """Recompute the audit's chain and hold it against the checkpoints. Exit status 1 when anything was touched."""
    with desk():
        from django.conf import settings

        from davylamp.desk.audit.checkpoints import read_checkpoints
        from davylamp.desk.audit.replay import replay
        from davylamp.desk.audit.verify import verify as run

        verdict = run(read_checkpoints(checkpoints or settings.HOME / "checkpoints"), key)
        tables = replay() if states else None
    found = (*verdict.breaches, *(tables.breaches if tables else ()))
    if output_format is Format.json:
        import orjson

        row = {
            "sound": not found,
            "rows": verdict.rows,
            "last_hash": verdict.last_hash,
            "checkpoints": verdict.checkpoints,
            "breaches": [{"code": b.code, "seq": b.seq, "message": b.message} for b in found],
        }
        if tables is not None:
            row["states"] = {"rows": tables.rows, "changes": tables.events, "unproven": tables.unproven}
        sys.stdout.buffer.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    else:
        for breach in found:
            typer.echo(f"{breach.code}: {breach.message}")
        state = "NOT SOUND" if found else "sound"
        typer.echo(f"{state}: {verdict.rows} rows, {verdict.checkpoints} checkpoints")
        if tables is not None:
            typer.echo(f"{tables.rows} rows of the tables held against {tables.events} changes")
        if not verdict.checkpoints:
            typer.echo("no checkpoints: a cut tail or a rewritten chain would not show", err=True)
    raise typer.Exit(1 if found else 0)
