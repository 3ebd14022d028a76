"""``davylamp registry``: who held which address when.

Exit status: 0 done, 2 the call cannot be meant, 3 a file has faults or cannot be read, 4 nothing could be written.
"""

import json
import sys
import time
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from davylamp.attribution.imports import Ledger
    from davylamp.attribution.registry import Registry
    from davylamp.attribution.registry_diff import Plan
    from davylamp.records import Claim

app = typer.Typer(
    help="Keep and ask the registry of networks: who held which address when.", no_args_is_help=True
)


class Format(StrEnum):
    """What stdout carries."""

    table = "table"
    json = "json"


class LayerName(StrEnum):
    """Who says so."""

    imported = "imported"
    declared = "declared"
    verified = "verified"


class FileFormat(StrEnum):
    """What an export is written as."""

    csv = "csv"
    xlsx = "xlsx"
    json = "json"


Store = Annotated[Path, typer.Option(envvar="DAVYLAMP_REGISTRY", help="The registry, one SQLite file.")]
LedgerFile = Annotated[Path, typer.Argument(help="A ledger as CSV or XLSX.")]
Source = Annotated[
    str, typer.Option(help="Whose ledger it is; it replaces only what the same source said before.")
]
Layer = Annotated[
    LayerName, typer.Option(help="Told by a file, by the organisation, or checked by a person.")
]
By = Annotated[str, typer.Option(help="Who answers for it; needed for declared and verified.")]
Effective = Annotated[
    str | None,
    typer.Option(help="The time that the file describes, 2021-09-08 or with a clock time; now if absent."),
]
Partial = Annotated[bool, typer.Option("--partial", help="What the file lacks goes on as it was.")]
Correction = Annotated[
    bool, typer.Option("--correction", help="What the source said before and not now was never so.")
]
Output = Annotated[Format, typer.Option("--format", "-f", help="What to print.")]
Site = Annotated[Path | None, typer.Option(help="Folder with your own regions.csv.")]
AsOf = Annotated[str | None, typer.Option(help="Only what the registry knew by this time.")]
DEFAULT_STORE = Path("registry.sqlite")


@app.command("import")
def import_ledger(
    file: LedgerFile,
    source: Source,
    store: Store = DEFAULT_STORE,
    layer: Layer = LayerName.imported,
    by: By = "",
    effective: Effective = None,
    partial: Partial = False,
    correction: Correction = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, write nothing.")] = False,
    output_format: Output = Format.table,
    site: Site = None,
) -> None:
    """Take a ledger in: all of it, or nothing when it has a fault; twice is as once."""
    from davylamp.attribution.registry import Registry

    now_ns = time.time_ns()
    described = effective or now_ns // 10**9 * 10**9
    ledger = read(file, site, output_format)
    if dry_run and not store.exists():
        with Registry(Path(":memory:"), create=True) as registry:
            plan = plan_of(registry, ledger, (source, layer, by), described, partial, correction)
            show_plan(ledger, plan, None, output_format)
        return
    with Registry(store, create=not dry_run) as registry:
        plan = plan_of(registry, ledger, (source, layer, by), described, partial, correction)
        batch = None if dry_run else registry.commit(plan, now_ns)
        show_plan(ledger, plan, batch.number if batch else None, output_format)


@app.command("diff")
def diff(
    file: LedgerFile,
    source: Source,
    store: Store = DEFAULT_STORE,
    layer: Layer = LayerName.imported,
    effective: Effective = None,
    partial: Partial = False,
    correction: Correction = False,
    output_format: Output = Format.table,
    site: Site = None,
) -> None:
    """Show what an import of this ledger would change: added, changed, removed, unchanged."""
    import_ledger(
        file, source, store, layer, "diff", effective, partial, correction, True, output_format, site
    )


@app.command("lookup")
def look_up(
    addresses: Annotated[list[str], typer.Argument(help="Addresses, each with :port or [v6]:port if known.")],
    at: Annotated[
        str | None, typer.Option(help="When they were seen, in China's time if no zone is given; now.")
    ] = None,
    as_of: AsOf = None,
    store: Store = DEFAULT_STORE,
    output_format: Output = Format.table,
) -> None:
    """Whose address was it at that time? Every claim, best first, with its method and confidence."""
    from davylamp.attribution.lookup import Index, ends_of, lookup
    from davylamp.attribution.registry import Registry

    time_ns = moment(at) if at else time.time_ns()
    known_ns = moment(as_of) if as_of else None
    asked = [(*end, time_ns) for end in ends_of(addresses)]
    with Registry(store) as registry:
        if len(asked) > 50:  # judged: from there on the index is quicker than one query each
            found = Index(registry, known_ns).claims(asked)
        else:
            found = [lookup(registry, *question, known_ns) for question in asked]
        show_claims(registry, addresses, found, time_ns, known_ns, output_format)


@app.command("export")
def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; CSV and JSON also to stdout.")
    ] = None,
    store: Store = DEFAULT_STORE,
    layer: Annotated[LayerName | None, typer.Option(help="Only this layer; with --source.")] = None,
    source: Annotated[str, typer.Option(help="Only this source; with --layer.")] = "",
    at: Annotated[str | None, typer.Option(help="Only what holds at this time.")] = None,
    as_of: AsOf = None,
    contacts: Annotated[
        bool, typer.Option("--contacts", help="Also the people to reach (personal data).")
    ] = False,
    output_format: Annotated[
        FileFormat, typer.Option("--format", "-f", help="What to write.")
    ] = FileFormat.csv,
) -> None:
    """Write the registry as a ledger that can be edited and imported again."""
    from davylamp.attribution import registry_export
    from davylamp.attribution.registry import Registry
    from davylamp.attribution.registry_records import Origin
    from davylamp.errors import BadUse, OutputError

    if (layer is None) != (not source):
        raise BadUse("E-USE-030", "--layer and --source belong together", "give both or none")
    if output_format is FileFormat.xlsx and output is None:
        raise BadUse("E-USE-031", "a workbook is binary", "give --output FILE")
    origin = Origin(layer.value, source) if layer else None
    with Registry(store) as registry:
        times = (moment(as_of) if as_of else None, moment(at) if at else None)
        rows = registry_export.ledger_rows(registry, origin, *times, with_contacts=contacts)
        try:
            if output_format is FileFormat.xlsx and output is not None:
                registry_export.to_xlsx(rows, output, with_contacts=contacts)
                return
            as_csv = output_format is FileFormat.csv
            data = (
                registry_export.to_csv(rows, with_contacts=contacts) if as_csv else dump(list(rows)).encode()
            )
            if output is None:
                sys.stdout.buffer.write(data)
            else:
                output.write_bytes(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError("E-OUT-001", f"{output}: {error.strerror}", "is there room?") from error


def read(file: Path, site: Path | None, output_format: Format) -> "Ledger":
    """The ledger; its faults go to stdout too where a program listens."""
    from dataclasses import asdict

    from davylamp.attribution.imports import read_ledger

    ledger = read_ledger(file, site)
    if ledger.faults and output_format is Format.json:
        typer.echo(dump({"faults": [asdict(fault) for fault in ledger.faults]}))
    for note in ledger.notes:
        typer.echo(f"note: {note}", err=True)
    ledger.check()
    return ledger


def plan_of(
    registry: "Registry",
    ledger: "Ledger",
    teller: tuple[str, LayerName, str],
    effective: str | int,
    partial: bool,
    correction: bool,
) -> "Plan":
    """What the ledger would change."""
    from davylamp.attribution.imports_statement import statement_of
    from davylamp.attribution.registry_records import Origin

    source, layer, by = teller
    origin = Origin(layer.value, source, by, ledger.path.name)
    effective_ns = moment(effective) if isinstance(effective, str) else effective
    statement = statement_of(ledger, origin, effective_ns, is_complete=not partial, is_correction=correction)
    return registry.plan(statement)


def moment(text: str) -> int:
    """A time on the command line as Unix ns; a day is its midnight in China."""
    from davylamp.attribution.imports_cells import read_start
    from davylamp.errors import BadUse

    try:
        time_ns = read_start(text)
    except ValueError as error:
        raise BadUse(
            "E-USE-034", str(error), "2021-09-08, 2021-09-08 13:45 or 2021-09-08T13:45:00+08:00"
        ) from error
    if time_ns is None:
        raise BadUse("E-USE-034", "no time given", "2021-09-08 or 2021-09-08 13:45")
    return time_ns


def dump(value: Any) -> str:
    """JSON that reads the same every time."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)


def ports_of(held: Any, before: str) -> str:
    """The ports of a range or a claim; nothing where it has all of them."""
    first, last = held.first_port, held.last_port
    return "" if (first, last) == (0, 65535) else f"{before}{first}-{last}"


def text_of(fact: Any) -> str:
    """One fact on a line."""
    from davylamp.attribution.registry_records import NetRange, Organisation, Succession

    if isinstance(fact, NetRange):
        return f"range {fact.network}{ports_of(fact, ' ports ')} {fact.organisation}"
    if isinstance(fact, Organisation):
        return f"organisation {fact.code} {fact.name} {fact.region} {fact.sector}".rstrip()
    if isinstance(fact, Succession):
        return f"succession {fact.old} -> {fact.new} ({fact.kind})"
    return f"{type(fact).__name__.lower()} {' '.join(map(str, fact.identity))}"


def span_of(fact: Any) -> str:
    """The time a fact or a claim holds, as days in China; nothing where it is open at both ends."""
    begin, end = day(fact.valid_from_ns), day(fact.valid_to_ns)
    if begin and end:
        return f"{begin} .. {end}"
    return f"since {begin}" if begin else f"until {end}" if end else ""


def day(time_ns: int | None) -> str:
    """A moment in China, short."""
    from datetime import datetime

    from davylamp.attribution.imports_cells import CHINA

    return "" if time_ns is None else datetime.fromtimestamp(time_ns / 1e9, CHINA).strftime("%Y-%m-%d %H:%M")


def show_plan(ledger: "Ledger", plan: "Plan", batch: int | None, output_format: Format) -> None:
    """The difference: numbers first, then every line that is not unchanged."""
    from dataclasses import asdict

    from davylamp.attribution.registry_diff import CHANGES

    counts = {kind: plan.count(kind) for kind in CHANGES}
    told = [change for change in plan.changes if change.kind != "unchanged"]
    if output_format is Format.json:
        lines = [
            {
                "kind": change.kind,
                "of": type(change.after or change.before).__name__,
                "before": asdict(change.before) if change.before else None,
                "after": asdict(change.after) if change.after else None,
            }
            for change in told
        ]
        typer.echo(dump({"rows": ledger.rows, "counts": counts, "changes": lines, "batch": batch}))
        return
    typer.echo(
        f"{ledger.rows} row{'s' * (ledger.rows != 1)}: "
        + ", ".join(f"{counts[kind]} {kind}" for kind in CHANGES)
    )
    marks = {"added": "+", "changed": "~", "removed": "-"}
    for change in told:
        fact = change.after or change.before
        typer.echo(f"{marks[change.kind]} {text_of(fact)}  {span_of(fact)}".rstrip())
    if batch is None and told:
        typer.echo("nothing was written", err=True)
    elif batch is not None:
        typer.echo(f"recorded as batch {batch}", err=True)


def show_claims(
    registry: "Registry",
    addresses: list[str],
    found: Iterable[tuple["Claim", ...]],
    time_ns: int,
    known_ns: int | None,
    output_format: Format,
) -> None:
    """Every claim, and whether somebody can be reached."""
    from dataclasses import asdict

    from davylamp.attribution.registry_claims import Names
    from davylamp.attribution.registry_totals import state_of

    answers = list(zip(addresses, found, strict=True))
    if output_format is Format.json:
        lines = [
            {
                "address": address,
                "time_ns": time_ns,
                "state": state_of(claims),
                "claims": [asdict(c) for c in claims],
            }
            for address, claims in answers
        ]
        typer.echo(dump(lines))
        return
    names = Names(registry, known_ns)
    for address, claims in answers:
        typer.echo(f"{address}  {state_of(claims)}  at {day(time_ns)}")
        for claim in claims:
            who = f"{claim.organisation} {claim.name}".rstrip()
            about = (
                f"{claim.confidence:.2f}",
                who,
                claim.region,
                f"{claim.network}{ports_of(claim, ':')}",
                span_of(claim),
            )
            typer.echo("  " + "  ".join(filter(None, about)))
            typer.echo(
                f"        {claim.method} (source {claim.source}, recorded {day(claim.recorded_at_ns)})"
            )
            typer.echo(f"        {reach(names, claim.organisation)}")


def reach(names: Any, organisation: str) -> str:
    """Whether the contact of an organisation was confirmed of late; names nobody."""
    now_ns = time.time_ns()
    contacts = names.contacts(organisation, now_ns)
    if not contacts:
        return "contact: none registered"
    best = contacts[0]
    if not best.confirmed_ns:
        return "contact: never confirmed: ask"
    stale = ", older than 180 days: ask again" if best.is_stale(now_ns) else ""
    return f"contact: last confirmed {day(best.confirmed_ns)}{stale}"
