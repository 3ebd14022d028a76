"""``davylamp energy``: kilowatt-hours into coal and CO2, the official figure first, and what mining earned.

Without a sub-command it draws up an account from one source. ``energy coins`` and ``energy extrapolate`` stand
beneath it, not beside it, because they share its series, factor sets and words; the bare command stays as it was,
so that what scripts call keeps its meaning. Options of an account stand behind no sub-command, and one before a
sub-command is refused rather than dropped.

Exit status: 0 done, 2 the call cannot be meant, 3 an input cannot be read.
"""

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from davylamp.sizing.coins_market import Asked
    from davylamp.sizing.energy_account import Account, Choice

WIDEST: Final = 100  # judged: longer lines are hard to read

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


class RuleName(StrEnum):
    """At which time a coin's price counts."""

    mining_day = "mining-day"
    payout = "payout"
    sale = "sale"
    seizure = "seizure"


Factors = Annotated[str, typer.Option(help="Factor set; --list-factors shows all.")]
CoalFactors = Annotated[str, typer.Option(help="Another set for coal.")]
Days = Annotated[float, typer.Option(min=0.001, max=36600, help="Over how many days.")]
Site = Annotated[
    Path | None, typer.Option(help="The operator's folder with its own factors.csv and devices.csv.")
]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="What to write.")]
Networks = Annotated[
    list[Path] | None,
    typer.Option(
        help="A coin's daily series: CSV with date, network_hps, emission and perhaps price. Repeat with --coin."
    ),
]
CoinNames = Annotated[list[str] | None, typer.Option("--coin", help="Ticker of each --network, in order.")]
Algorithms = Annotated[
    list[str] | None,
    typer.Option("--algorithm", help="Algorithm of each --network; the coin's own where it has one only."),
]
Currency = Annotated[str, typer.Option(help="Currency of the prices, for instance CNY; a value needs it.")]
Fee = Annotated[str, typer.Option(help="What the pool keeps: 0.01, or 0-0.02.")]
AllowGaps = Annotated[
    bool, typer.Option("--allow-gaps", help="Days that a series lacks make a lower bound instead of unknown.")
]
Rule = Annotated[RuleName | None, typer.Option(help="Value the coins, by the price of this time.")]
PriceDates = Annotated[
    list[str] | None,
    typer.Option(
        "--price-date", help="Day of payout, sale or seizure; 2021-05-01=0.5 for a part. Repeat for more."
    ),
]
Price = Annotated[float | None, typer.Option(help="Price of one coin on that day, instead of the series'.")]


@app.callback()
def command(
    ctx: typer.Context,
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
    measured: Annotated[
        Path | None, typer.Option(help="CSV of a meter's readings: time, and kW or kWh (the register).")
    ] = None,
    accuracy: Annotated[float, typer.Option(help="Class of accuracy of that meter.")] = 0.01,
    network: Networks = None,
    coin: CoinNames = None,
    algorithm: Algorithms = None,
    currency: Currency = "",
    rule: Rule = None,
    price_date: PriceDates = None,
    price: Price = None,
    fee: Fee = "0",
    allow_gaps: AllowGaps = False,
    factors: Factors = "article-2021",
    coal_factors: CoalFactors = "",
    days: Days = 365.0,
    site: Site = None,
    list_factors: Annotated[
        bool, typer.Option("--list-factors", help="Show the factor sets and leave.")
    ] = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Account for electricity, coal, CO2 and coins with named factor sets, graded and with intervals."""
    from davylamp.sizing.energy_account import Choice

    if ctx.invoked_subcommand is not None:
        refuse_options(ctx)
        return
    if list_factors:
        write_factors(site, output_format)
        raise typer.Exit
    asked = asked_of(network, coin, algorithm, (currency, fee, allow_gaps), (rule, price_date, price))
    given = Given(kwh_per_day, from_scan, inventory, measured, accuracy)
    write_account(draw_up(given, Choice(factors, coal_factors, days, site), asked), output_format)


@dataclass(frozen=True, slots=True)
class Given:
    """The sources that an account may have; exactly one of them is given."""

    kwh_per_day: str | None = None
    from_scan: Path | None = None
    inventory: Path | None = None
    measured: Path | None = None
    accuracy: float = 0.01


def refuse_options(ctx: typer.Context) -> None:
    """Options of an account before a sub-command.

    Raises:
        BadUse: E-ENE-007 when there are any.
    """
    from davylamp.errors import BadUse

    flags = {p.name: p.opts[0] for p in ctx.command.params}
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    odd = [flags[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if odd:
        named = ", ".join(odd)
        said = f"{named} before {ctx.invoked_subcommand}"
        raise BadUse("E-ENE-007", said, f"put it behind: davylamp energy {ctx.invoked_subcommand} ...")


def asked_of(
    networks: list[Path] | None,
    coins: list[str] | None,
    algorithms: list[str] | None,
    terms: tuple[str, str, bool],
    pricing: tuple[RuleName | None, list[str] | None, float | None],
) -> "Asked":
    """What was named of coins; ``terms`` are currency, fee and gaps, ``pricing`` rule, days and price."""
    from davylamp.sizing.coins_market import Asked

    rule, dates, price = pricing
    return Asked(
        tuple(networks or ()),
        tuple(coins or ()),
        tuple(algorithms or ()),
        *terms,
        rule.value if rule is not None else "",
        tuple(dates or ()),
        price,
    )


def draw_up(given: Given, choice: "Choice", asked: "Asked") -> "Account":
    """The account out of the one source that was given.

    Raises:
        BadUse: E-ENE-007 for none or several, E-COI-008 for coins of anything but a scan.
    """
    from davylamp.errors import BadUse
    from davylamp.sizing import coins_market, energy_account, energy_scan, meter

    sources = (given.kwh_per_day, given.from_scan, given.inventory, given.measured)
    if sum(source is not None for source in sources) != 1:
        hint = (
            "give --kwh-per-day, --from-scan, --inventory or --measured; several are not added, for their "
            "grades differ"
        )
        raise BadUse("E-ENE-007", "an account has exactly one source", hint)
    named = asked.networks or asked.coins or asked.rule or asked.price_dates
    if given.from_scan is None and (named or asked.price is not None):
        hint = "give --from-scan, or use davylamp energy coins for a hashrate that you name"
        raise BadUse("E-COI-008", "coins come from hashrates, which only a scan has", hint)
    if given.kwh_per_day is not None:
        return energy_account.account_of_statement(given.kwh_per_day, choice)
    if given.inventory is not None:
        return energy_account.account_of_inventory(given.inventory, choice)
    if given.measured is not None:
        return meter.account_of_meter(given.measured, choice, given.accuracy)
    assert given.from_scan is not None
    market = coins_market.read_market(asked)
    return energy_scan.account_of_scan(given.from_scan, choice, market if named else None)


def width() -> int:
    """Columns of the terminal, at most `WIDEST`; 80 where stdout is none."""
    import shutil

    return min(shutil.get_terminal_size((80, 24)).columns, WIDEST)


def write_account(account: "Account", output_format: Format) -> None:
    """The account to stdout."""
    from davylamp.sizing.energy_rows import account_row
    from davylamp.sizing.energy_text import account_text

    if output_format is Format.json:
        write_json(account_row(account))
    else:
        sys.stdout.write(account_text(account, width()))


def write_factors(site: Path | None, output_format: Format) -> None:
    """All factor sets to stdout."""
    from davylamp.sizing.energy_rows import factor_row
    from davylamp.sizing.energy_text import factor_list
    from davylamp.tables.energy import factors

    if output_format is Format.json:
        write_json([factor_row(row) for row in factors(site)])
    else:
        sys.stdout.write(factor_list(site, width()))


def write_json(value: object) -> None:
    """One JSON value and a line end to stdout, as UTF-8 whatever the locale says."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2))
