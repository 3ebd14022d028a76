"""``davylamp energy``: kilowatt-hours into coal and CO2, the official figure first."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from davylamp.sizing.energy_account import Account, Choice


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


def command(
    kwh_per_day: Annotated[
        str | None, typer.Option(help="Energy a day as it is stated: 148500, '≥ 14.85万', '约6.2 MW'.")
    ] = None,
    from_scan: Annotated[
        Path | None, typer.Option(help="Size every sighting of this result of scan --format json.")
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(help="CSV of devices: model, count, and perhaps watts, wall, load, algorithm."),
    ] = None,
    factors: Annotated[str, typer.Option(help="Factor set; --list-factors shows all.")] = "article-2021",
    coal_factors: Annotated[str, typer.Option(help="Another set for coal.")] = "",
    days: Annotated[float, typer.Option(min=0.001, max=36600, help="Over how many days.")] = 365.0,
    site: Annotated[
        Path | None, typer.Option(help="The operator's folder with its own factors.csv and devices.csv.")
    ] = None,
    list_factors: Annotated[
        bool, typer.Option("--list-factors", help="Show the factor sets and leave.")
    ] = False,
    output_format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.table,
) -> None:
    """Account for electricity, coal and CO2 with named factor sets, graded and with intervals."""
    from davylamp.sizing.energy_account import Choice

    if list_factors:
        write_factors(site, output_format)
        raise typer.Exit
    choice = Choice(factors, coal_factors, days, site)
    write_account(draw_up(kwh_per_day, from_scan, inventory, choice), output_format)


def draw_up(
    kwh_per_day: str | None, from_scan: Path | None, inventory: Path | None, choice: "Choice"
) -> "Account":
    """The account out of the one source that was given.

    Raises:
        BadUse: E-ENE-007 for none or several.
    """
    from davylamp.errors import BadUse
    from davylamp.sizing import energy_account as accounts

    if sum(source is not None for source in (kwh_per_day, from_scan, inventory)) != 1:
        hint = (
            "give --kwh-per-day, --from-scan or --inventory; several are not added, for their grades differ"
        )
        raise BadUse("E-ENE-007", "an account has exactly one source", hint)
    if kwh_per_day is not None:
        return accounts.account_of_statement(kwh_per_day, choice)
    if from_scan is not None:
        return accounts.account_of_scan(from_scan, choice)
    assert inventory is not None
    return accounts.account_of_inventory(inventory, choice)


def write_account(account: "Account", output_format: Format) -> None:
    """The account to stdout."""
    from davylamp.sizing.energy_text import account_row, account_text

    if output_format is Format.json:
        write_json(account_row(account))
    else:
        sys.stdout.write(account_text(account))


def write_factors(site: Path | None, output_format: Format) -> None:
    """All factor sets to stdout."""
    from davylamp.sizing.energy_text import factor_list, factor_row
    from davylamp.tables.energy import factors

    if output_format is Format.json:
        write_json([factor_row(row) for row in factors(site)])
    else:
        sys.stdout.write(factor_list(site))


def write_json(value: object) -> None:
    """One JSON value and a line end to stdout, as UTF-8 whatever the locale says."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2))
