"""``davylamp desk demo``: a province that does not exist, and who may log in to it."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.table import Table

ACCOUNTS: Final = "demonstration.json"
SHOWN: Final = 1  # accounts of each duty in the table; the file has all


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


def demo(
    seed: Annotated[int, typer.Option(help="Another seed, another province.")] = 1,
    scale: Annotated[
        int, typer.Option(help="Addresses that mine; 4699 is the campaign of 2021.", min=40, max=100_000)
    ] = 60,
    output_format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.table,
) -> None:
    """Fill an empty desk with a province that does not exist, and print who may log in. Twice is as once."""
    from davylamp.cli.desk import desk
    from davylamp.cli.desk_intake import show

    with desk():
        from django.conf import settings

        place = settings.HOME / ACCOUNTS
        told = read(place) if place.exists() else fill(place, seed, scale)
    if output_format is Format.json:
        show(told)
    else:
        print_accounts(told, place)


def fill(place: Path, seed: int, scale: int) -> dict[str, Any]:
    """Make the province; its accounts are kept in the desk's folder, for its owner's eyes."""
    import orjson
    from django.core.management import call_command

    from davylamp.desk.leads import demo as province

    call_command("migrate", interactive=False, verbosity=0)
    told: dict[str, Any] = province.fill(seed, scale, lambda words: typer.echo(words, err=True))
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    return told


def read(place: Path) -> dict[str, Any]:
    """What was told when the province was made."""
    import orjson

    told: dict[str, Any] = orjson.loads(place.read_bytes())
    return told


def print_accounts(told: dict[str, Any], place: Path) -> None:
    """The first account of each duty, and where the others stand."""
    from rich.console import Console

    console = Console(soft_wrap=False)
    console.print(
        f"{told['leads']} leads of {told['addresses']} addresses, {told['relapses']} of them relapses; "
        f"{told['public_organisations']} public organisations",
        highlight=False,
    )
    console.print(table_of(told))
    console.print(f"all accounts: {place}", highlight=False, soft_wrap=True)
    console.print("second factor of an account: davylamp desk code USER", highlight=False)


def table_of(told: dict[str, Any]) -> "Table":
    """One row per duty."""
    from rich import box
    from rich.table import Table

    from davylamp.desk.access.models import PRIVILEGED
    from davylamp.tables.regions import full_name

    table = Table(
        "duty", "account", "password", "region", "second factor", box=box.SIMPLE_HEAD, pad_edge=False
    )
    seen: dict[str, int] = {}
    for account in told["accounts"]:
        seen[account["duty"]] = seen.get(account["duty"], 0) + 1
        if seen[account["duty"]] <= SHOWN:
            needs = "yes" if account["duty"] in PRIVILEGED else "no"
            region = full_name(account["region"])
            table.add_row(account["duty"], account["user"], account["password"], region, needs)
    return table
