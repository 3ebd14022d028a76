"""``davylamp desk tick`` and ``davylamp desk template``: what runs by the clock, and an office's own papers."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def tick(
    checkpoint: Annotated[bool, typer.Option(help="Sign the end of the audit if it moved.")] = True,
    to: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints; the desk's own when absent.")
    ] = None,
) -> None:
    """Remind, escalate, send mail, sign the audit. Run it every few minutes; two at once do no harm."""
    from davylamp.cli.desk import desk

    with desk():
        import orjson

        from davylamp.desk.handover.tick import tick as run

        told = run(checkpoint=checkpoint, folder=to)
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
    for fault in told["faults"]:
        typer.echo(fault, err=True)
    raise typer.Exit(1 if told["faults"] else 0)


def template(
    kind: Annotated[str, typer.Argument(help="letter, notice, feedback or supervision.")],
    check: Annotated[Path | None, typer.Option(help="A .docx to check; nothing is changed.")] = None,
    copy_to: Annotated[Path | None, typer.Option(help="Write the template in use to this file.")] = None,
) -> None:
    """Check an office's own template, or copy the one in use to start from."""
    from davylamp.cli.desk import desk
    from davylamp.errors import BadUse, InputError

    with desk():
        from davylamp.desk.documents.kinds import FORMS
        from davylamp.desk.documents.render import check_template, template_path

        if kind not in FORMS:
            raise BadUse("E-DOC-040", f"there is no kind {kind}", ", ".join(FORMS))
        if check is not None:
            try:
                data = check.read_bytes()
            except OSError as error:
                raise InputError("E-DOC-043", f"{check}: {error.strerror}", "is the path right?") from error
            check_template(kind, data, check.name)
            typer.echo(f"{check} can be used: put it into the desk's templates folder as {kind}.docx")
        if copy_to is not None:
            copy_to.write_bytes(template_path(kind).read_bytes())
            typer.echo(f"written to {copy_to}")
        if check is None and copy_to is None:
            typer.echo(f"{template_path(kind)}\nfields: {', '.join(FORMS[kind].example)}")


def add_to(app: typer.Typer) -> None:
    """Put the commands under ``davylamp desk``."""
    app.command()(tick)
    app.command()(template)
