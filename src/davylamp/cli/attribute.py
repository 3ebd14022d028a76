"""``davylamp attribute``: whose address it was, and the computer behind it as far as logs allow.

Exit status: 0 done, 2 the call cannot be meant, 3 an input cannot be read, 4 nothing could be written.
"""

import sys
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from davylamp.attribution.scans import Attributed, Claims, LogChoice, Seeing
    from davylamp.records import Attribution, Link


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


def command(
    scan: Annotated[Path, typer.Argument(help="Result of davylamp scan --format json.")],
    logs: Annotated[
        list[str] | None,
        typer.Option(
            help="A log file or a folder of them: NAT, DHCP, RADIUS, ARP and MAC tables, NAC, AD logons, lists of "
            "devices. Told apart by content. Repeat for more."
        ),
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Registry of networks, for the organisation behind the address.")
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(
            help="SOURCE=SECONDS: how far the clock of a log file or recorder is ahead. Estimated where logs allow."
        ),
    ] = None,
    zone: Annotated[
        str,
        typer.Option(help="Zone of log times that name none: Asia/Shanghai, +08:00."),
    ] = "UTC",
    reference: Annotated[
        str | None,
        typer.Option(
            help="A time shortly after the last log line; gives stamps their year. The files' own time if absent."
        ),
    ] = None,
    output_format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.table,
) -> None:
    """Trace each sighting to its organisation, computer and holder; every reading that fits, best first."""
    from davylamp.attribution import scans

    given = scans.parse_offsets(offset or [])
    where = zone_of(zone)
    stamp = None if reference is None else reference_of(reference, where)
    choice = scans.LogChoice(tuple(logs or ()), where, stamp, given)
    result = run(scans.load_scan(scan), choice, registry)
    tell_logs(result)
    if output_format is Format.json:
        write_json(result)
    else:
        show_table(result)


def zone_of(text: str) -> tzinfo:
    """A zone by name or offset.

    Raises:
        BadUse: E-HOP-012 when there is none of that name.
    """
    import re
    from zoneinfo import ZoneInfo

    from davylamp.attribution.hops.times import tzinfo_of
    from davylamp.errors import BadUse

    fixed = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
    try:
        if fixed is not None:
            minutes = int(fixed[2]) * 60 + int(fixed[3])
            return tzinfo_of(-minutes if fixed[1] == "-" else minutes)
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:
        raise BadUse("E-HOP-012", f"no time zone: {text}", "Asia/Shanghai, UTC or +08:00") from error


def reference_of(text: str, zone: tzinfo) -> int:
    """The reference time, Unix ns.

    Raises:
        BadUse: E-HOP-013 when it is none.
    """
    from davylamp.attribution.hops.record import About
    from davylamp.attribution.hops.times import to_ns
    from davylamp.errors import BadUse

    try:
        whole = text if ":" in text else f"{text} 00:00:00"
        return to_ns(whole, About("--reference", 0, zone))
    except (ValueError, OverflowError) as error:
        raise BadUse(
            "E-HOP-013", f"--reference {text}: {error}", "2024-06-01 or 2024-06-01 10:00:00"
        ) from error


def run(seen: "list[Seeing]", choice: "LogChoice", registry: Path | None) -> "Attributed":
    """Attribute with or without a registry."""
    from davylamp.attribution.scans import attribute_scan

    if registry is None:
        return attribute_scan(seen, choice)
    from davylamp.attribution.lookup import Index
    from davylamp.attribution.registry import Registry

    with Registry(registry) as store:
        claims: Claims = Index(store).claims
        return attribute_scan(seen, choice, claims)


def write_json(result: "Attributed") -> None:
    """One object to stdout."""
    import orjson

    from davylamp import __version__
    from davylamp.attribution.scans import result_row

    sys.stdout.buffer.write(orjson.dumps(result_row(result, __version__), option=orjson.OPT_APPEND_NEWLINE))


def tell_logs(result: "Attributed") -> None:
    """What was read, what was damaged, and how clocks stand, to stderr."""
    from davylamp.attribution.chronicle import UNCHECKED_S
    from davylamp.attribution.hops.clocks import CAPTURE, Offset
    from davylamp.counted import counted
    from davylamp.report.plain import plain

    for report in result.logs:
        kind = report.parser or "unknown"
        line = f"{report.path}: {kind}, {counted(report.lines, 'line')}, {counted(report.records, 'record')} kept"
        typer.echo(plain(line), err=True)
        for fault in report.faults:
            times = f" ({fault.count} times)" if fault.count > 1 else ""
            typer.echo(plain(f"  {fault.code}: {fault.message}{times}"), err=True)
    for source, clock in sorted(result.clocks.items()):
        if source == CAPTURE:
            continue
        if isinstance(clock, Offset):
            side = "ahead" if clock.seconds > 0 else "behind" if clock.seconds < 0 else "off"
            words = f"{clock.seconds:+.1f} s {side}, {clock.because}"
        else:
            words = f"not known, taken as right to {UNCHECKED_S:.0f} s: {clock.because}"
        typer.echo(plain(f"clock of {source}: {words}"), err=True)


def show_table(result: "Attributed") -> None:
    """One row per subject and reading, and in the end how many were traced.

    An address, a MAC or the place of a record is folded where it does not fit, never cut.
    """
    from rich.console import Console
    from rich.table import Table

    claimed = any(a.claims for a in result.attributions)
    table = Table()
    for title in ("seen (UTC)", "computer", "organisation, holder" if claimed else "holder", "weakest link"):
        table.add_column(title, overflow="fold", min_width=17 if title == "computer" else None)
    for found in result.attributions:
        for index, chain in enumerate(found.chains):
            cells = cells_of(found, chain, index, claimed=claimed)
            table.add_row(*cells, end_section=index == len(found.chains) - 1)
    Console().print(table)
    typer.echo(summary(result.attributions), err=True)


def summary(attributions: "Sequence[Attribution]") -> str:
    """How many led to one computer, how many to several, and how many to none."""
    ambiguous = sum(a.is_ambiguous for a in attributions)
    traced = sum(
        not a.is_ambiguous and any(k.value for k in a.chains[0] if k.hop in ("mac", "host"))
        for a in attributions
    )
    lost = len(attributions) - ambiguous - traced
    return (
        f"{len(attributions)} seen: {traced} traced to a computer, {ambiguous} ambiguous, {lost} not traced"
    )


def cells_of(found: "Attribution", chain: "tuple[Link, ...]", index: int, *, claimed: bool) -> "list[Text]":
    """The cells of one reading; log text is shown, never obeyed."""
    from rich.text import Text

    from davylamp.attribution.scans import time_text
    from davylamp.report.plain import plain

    def value(hop: str) -> str:
        known = [k.value for k in chain if k.hop == hop]
        return known[-1] if known and known[-1] else "unknown"

    seen = (time_text(chain[0].from_ns) or "")[:19].replace("T", " ")
    places = (value("nat"), value("mac"), value("port"))
    computer = "\n".join((value("host"), *(p for p in places if p != "unknown")))
    claims = (f"{c.name or c.organisation} ({c.confidence:.2f})" for c in found.claims)
    organisations = ("\n".join(claims) or "unknown") + "\n" if claimed else ""
    cells = (
        f"{chain[0].value}\n{seen}",
        computer,
        organisations + value("holder"),
        doubt_of(found, chain, index),
    )
    return [Text("\n".join(plain(line) for line in cell.split("\n"))) for cell in cells]


def doubt_of(found: "Attribution", chain: "tuple[Link, ...]", index: int) -> str:
    """What a reading hangs on: where it ends or parts from others, else its least trusted link and where that stands.

    The sentence of every link is in the JSON.
    """
    from davylamp.attribution.chain import least_trusted

    count = f"reading {index + 1} of {len(found.chains)}\n" if len(found.chains) > 1 else ""
    if found.is_ambiguous:
        parting = (
            found.weakest.partition(" (")[0] if index == 0 else ""
        )  # the values stand in their own columns
        return f"AMBIGUOUS, {count}{parting}".rstrip()
    ends = [k for i, k in enumerate(chain) if not k.value and not any(n.value for n in chain[i:])]
    if ends:
        return f"{count}{ends[0].hop}: {ends[0].because}"
    if len(chain) == 1:  # no logs were given
        return found.weakest
    least = least_trusted(chain)
    return f"{count}{least.hop}, {least.confidence:.2f}\n{least.source or 'no record'}"
