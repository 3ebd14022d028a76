"""``davylamp simulate``: labelled captures to try the lamp on."""

from pathlib import Path
from typing import Annotated

import typer

from davylamp.counted import counted

app = typer.Typer(
    help="Write labelled captures to try the lamp on; no hashing is done.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Keep ``capture`` a subcommand even while it is the only one."""


@app.command("capture")
def capture(
    path: Annotated[
        Path, typer.Argument(help="Capture to write; the truth goes beside it as NAME.truth.json.")
    ],
    miner: Annotated[
        list[str] | None,
        typer.Option(
            help="One miner as key=value,...: dialect (monero if not given; an unknown one lists them all), hashrate "
            "(k, M, G, T, P), minutes, start, share_s, vardiff, reconnect, rigs, refuse, midway, tls, worker, "
            "proxy (a relay before the rigs), address, pool (address:port), clock (Hz of its TCP timestamps). "
            "Repeat for more."
        ),
    ] = None,
    every_dialect: Annotated[
        bool, typer.Option("--every-dialect", help="One miner of every dialect.")
    ] = False,
    noise: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Benign connections beside the miners.")
    ] = 0,
    lost: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction of packets missing from the capture.")
    ] = 0.0,
    repeated: Annotated[float, typer.Option(min=0, max=1, help="Fraction of packets sent twice.")] = 0.0,
    swapped: Annotated[float, typer.Option(min=0, max=1, help="Fraction of packets out of order.")] = 0.0,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=1e5, help="Length of --every-dialect sessions.")
    ] = 20.0,
    seed: Annotated[int, typer.Option(help="The same seed writes the same capture.")] = 1,
) -> None:
    """Write a capture with miners of any dialect, noise, loss and late starts, and its truth."""
    from davylamp.simulate.capture import Scene, simulate_capture, truth_path
    from davylamp.simulate.miner import GROUNDS, Miner, parse_miner

    miners = [parse_miner(text) for text in miner or []]
    if every_dialect:
        miners += [Miner(dialect=name, minutes=minutes) for name in GROUNDS]
    scene = Scene(tuple(miners), noise, seed, lost, repeated, swapped)
    truth = simulate_capture(scene, path)
    typer.echo(
        f"{path}: {counted(truth['packets'], 'packet')}, {counted(len(truth['sessions']), 'mining connection')}",
        err=True,
    )
    typer.echo(str(truth_path(path)))


@app.command("campus")
def campus(
    folder: Annotated[Path, typer.Argument(help="Folder to write capture, logs and truth into.")],
    seed: Annotated[int, typer.Option(help="The same seed writes the same campus.")] = 1,
) -> None:
    """Write a campus: 40 miners behind 3 addresses, with firewall, DHCP, switch and logon records and a lying clock."""
    from davylamp.simulate.campus import simulate_campus

    simulate_campus(folder, seed)
    typer.echo(str(folder))


@app.command("ledger")
def ledger(
    path: Annotated[Path, typer.Argument(help="CSV to write, for davylamp registry import.")],
) -> None:
    """Write a sample ledger of made-up organisations that hold the networks of simulated captures."""
    from davylamp.simulate.ledger import write_ledger

    write_ledger(path)
    typer.echo(str(path))
