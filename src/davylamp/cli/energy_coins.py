"""``davylamp energy coins``: what a hashrate earns over days, or which hashrate earned so many coins."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from davylamp.cli.energy import (
    Algorithms,
    AllowGaps,
    CoinNames,
    Currency,
    Fee,
    Format,
    Networks,
    OutputFormat,
    Price,
    PriceDates,
    Rule,
    asked_of,
    width,
    write_json,
)

if TYPE_CHECKING:
    from davylamp.sizing.coins import Spell
    from davylamp.sizing.coins_market import Market


def command(
    first: Annotated[str, typer.Option("--from", help="First day of mining, for instance 2021-01-05.")],
    last: Annotated[str, typer.Option("--to", help="Last day of mining; it counts.")],
    hashrate: Annotated[
        str | None, typer.Option(help="How fast: 96MH/s, '90-100 MH/s', '≥ 10 PH/s'. Gives the coins.")
    ] = None,
    earned: Annotated[
        str | None, typer.Option(help="How many coins, as somebody states it. Gives the hashrate.")
    ] = None,
    machines: Annotated[int, typer.Option(min=1, help="Cards or rigs that earned them together.")] = 1,
    extra: Annotated[
        str, typer.Option(help="With --earned: income beside the emission, as a share of it: 0-0.5.")
    ] = "0",
    duty: Annotated[str, typer.Option(help="Part of the time that it ran: 0.9, or 0.5-1.")] = "1",
    network: Networks = None,
    coin: CoinNames = None,
    algorithm: Algorithms = None,
    currency: Currency = "",
    rule: Rule = None,
    price_date: PriceDates = None,
    price: Price = None,
    fee: Fee = "0",
    allow_gaps: AllowGaps = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Reckon coins day by day from a hashrate, or the hashrate that a stated number of coins stands for."""
    from davylamp.errors import BadUse
    from davylamp.sizing.coins import Spell
    from davylamp.sizing.coins_market import read_day, read_market
    from davylamp.sizing.quantities_bounds import read_amount

    asked = asked_of(network, coin, algorithm, (currency, fee, allow_gaps), (rule, price_date, price))
    if len(asked.networks) != 1:
        raise BadUse("E-COI-008", "coins of one network at a time", "give one --network with its --coin")
    if (hashrate is None) == (earned is None):
        raise BadUse("E-COI-009", "either --hashrate or --earned", "the one is reckoned from the other")
    market = read_market(asked)
    spell = Spell(read_day(first, "--from"), read_day(last, "--to"), read_amount(duty).amount)
    if hashrate is not None:
        write_coins(hashrate, market, spell, output_format)
    else:
        write_implied((earned or "", extra, machines), market, spell, output_format)


def write_coins(hashrate: str, market: "Market", spell: "Spell", output_format: Format) -> None:
    """Coins of a hashrate to stdout."""
    from davylamp.sizing.coins import mined
    from davylamp.sizing.energy_rows import estimate_row, worth_row
    from davylamp.sizing.energy_text import coins_text
    from davylamp.sizing.quantities import Hashrate

    (series,) = market.series
    rate = Hashrate.read(hashrate, series.algorithm)
    found = mined(rate, series, spell, fee=market.fee, allow_gaps=market.allow_gaps)
    worth = None if market.pricing is None else market.pricing.worth(found)
    if output_format is Format.json:
        write_json({"schema_version": 1, **estimate_row(found), "worth": worth_row(worth)})
    else:
        sys.stdout.write(coins_text(found, worth, width()))


def write_implied(
    stated: tuple[str, str, int], market: "Market", spell: "Spell", output_format: Format
) -> None:
    """The hashrate behind stated coins to stdout; ``stated`` are coins, income beside the emission, machines."""
    from davylamp.errors import BadUse
    from davylamp.sizing.coins import implied_hashrate
    from davylamp.sizing.energy_rows import bounded_row
    from davylamp.sizing.energy_text import implied_text
    from davylamp.sizing.quantities import Coins
    from davylamp.sizing.quantities_bounds import read_amount

    (series,) = market.series
    coins, extra, machines = stated
    if market.pricing is not None or market.allow_gaps:
        hint = "leave --rule and --allow-gaps out"
        raise BadUse("E-COI-009", "a hashrate has no price, and needs every day of its series", hint)
    beside = read_amount(extra).amount
    amount = Coins.of(read_amount(coins).amount, series.coin)
    found = implied_hashrate(amount, series, spell, beside, market.fee)
    if output_format is Format.json:
        row: dict[str, Any] = {"schema_version": 1, "coin": series.coin, "algorithm": series.algorithm}
        row["earned"] = bounded_row(amount.amount)
        row["hashrate_hps"] = bounded_row(found.to("H/s"))
        row["machines"] = machines
        row["each_hps"] = bounded_row((found / machines).to("H/s"))
        write_json({**row, "series": series.source})
    else:
        sys.stdout.write(implied_text(found, machines, width()))
