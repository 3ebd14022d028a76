"""``davylamp energy extrapolate``: from a sample of addresses to all of them, if it was drawn for that."""

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from davylamp.cli.energy import (
    CoalFactors,
    Days,
    Factors,
    Format,
    OutputFormat,
    Site,
    width,
    write_account,
    write_json,
)


class SelectionName(StrEnum):
    """How a sample was selected."""

    random = "random"
    census = "census"
    risk_ranked = "risk-ranked"
    self_reported = "self-reported"
    convenience = "convenience"
    unknown = "unknown"


class Way(StrEnum):
    """Kinds of intervals."""

    exact = "exact"
    wilson = "wilson"
    student = "student"
    bootstrap = "bootstrap"


def command(
    sample: Annotated[
        Path,
        typer.Option(help="CSV, one row per unit looked at: address, and kwh_per_day or active (yes or no)."),
    ],
    population: Annotated[int, typer.Option(min=1, help="How many units there are in all.")],
    selected: Annotated[SelectionName, typer.Option(help="How the sample was selected.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Take a sample that does not speak for the others; marked for good."),
    ] = False,
    column: Annotated[str, typer.Option(help="Another column of yes and no than active.")] = "",
    interval: Annotated[
        Way | None,
        typer.Option(help="exact (usual) or wilson for yes and no; student (usual) or bootstrap for kWh."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap, so that it can be computed again.")] = 1,
    factors: Factors = "article-2021",
    coal_factors: CoalFactors = "",
    days: Days = 365.0,
    site: Site = None,
    output_format: OutputFormat = Format.table,
) -> None:
    """Say with an interval what a sample says of all, with coal and CO2; refuse one that was not drawn for it."""
    from davylamp.sizing.energy_account import Account, Choice
    from davylamp.sizing.energy_rows import sample_row
    from davylamp.sizing.energy_text import extrapolation_text
    from davylamp.sizing.sample import Draw, extrapolate

    draw = Draw(population, selected.value, force, column, None, seed)
    if interval is not None:
        draw = replace(draw, way=interval.value)
    found = extrapolate(sample, draw, Choice(factors, coal_factors, days, site))
    if isinstance(found, Account):
        write_account(found, output_format)
    elif output_format is Format.json:
        write_json({"schema_version": 1, "extrapolation": sample_row(found), "mark": found.mark})
    else:
        sys.stdout.write(extrapolation_text(found, width()))
