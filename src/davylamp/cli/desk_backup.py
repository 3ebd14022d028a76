"""``davylamp desk backup`` and ``restore``: the whole desk into a folder and back."""

import os
from pathlib import Path
from typing import Annotated

import typer

from davylamp.cli.desk import desk

Keys = Annotated[
    bool,
    typer.Option(
        "--keys", help="With the keys, under a passphrase: $DAVYLAMP_PASSPHRASE, or it is asked for."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Hang both commands under ``davylamp desk``."""
    app.command("backup")(make)
    app.command("restore")(bring_back)


def _passphrase(wanted: bool, is_new: bool) -> str | None:
    if not wanted:
        return None
    told = os.environ.get("DAVYLAMP_PASSPHRASE")
    return told or typer.prompt("passphrase of the keys", hide_input=True, confirmation_prompt=is_new)


def _tell(step: str) -> None:
    typer.echo(f"{step} ...", err=True)


def make(
    to: Annotated[Path, typer.Argument(help="A new folder, on another disk.")],
    keys: Keys = False,
) -> None:
    """Back the desk up while it works. Exit status 1 when a file of it was damaged already; it is told, and kept."""
    with desk():
        from davylamp.desk.backup.make import backup

        made = backup(to, _passphrase(keys, is_new=True), _tell)
    size = sum(one.bytes for one in made.files.values())
    typer.echo(f"{to}: {len(made.files)} files, {size} bytes, audit to row {made.seq}")
    if not keys:
        typer.echo("the desk's keys are not in it: --keys puts them in, sealed", err=True)
    for name in made.damaged:
        typer.echo(f"E-BAK-030: {name} is not what its hash says; it was copied as it is", err=True)
    raise typer.Exit(1 if made.damaged else 0)


def bring_back(
    source: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Over a desk that was used; it is set aside, not deleted.")
    ] = False,
    keys: Keys = False,
    key: Annotated[str | None, typer.Option(help="The desk's public key in hex, as noted elsewhere.")] = None,
) -> None:
    """Bring a backup back. Stop the desk first. Exit status 1 when the audit in it is not sound."""
    with desk():
        from davylamp.desk.backup.restore import has_own_key, restore

        done = restore(source, force=force, passphrase=_passphrase(keys, is_new=False), key=key, tell=_tell)
        made, verdict = done.manifest, done.verdict
        is_same = has_own_key(made)
    typer.echo(f"restored the desk of {made.made_at}: {len(made.files)} files, audit to row {made.seq}")
    typer.echo(f"audit {'sound' if verdict.is_sound else 'NOT SOUND'}: {verdict.checkpoints} checkpoints")
    for breach in verdict.breaches:
        typer.echo(f"{breach.code}: {breach.message}")
    for name in made.damaged:
        typer.echo(f"E-BAK-030: {name} was damaged before the backup was made", err=True)
    if not is_same:
        typer.echo("the desk signs with another key from now on: note davylamp audit key anew", err=True)
    raise typer.Exit(0 if verdict.is_sound else 1)
