"""The terminal's second table, by address: whose, how many machines, power, energy a day, CO2 a year.

Like the table of sightings it stands as columns from 76 cells on and as short lines below. Units stand in the heads;
an estimate has its interval beneath it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from davylamp.records import Client, Scan
from davylamp.report.clients import (
    ClientNote,
    co2_of,
    common_unknowns,
    mining_clients,
    notes_of,
    tonnes_a_year,
    whose,
)
from davylamp.report.numbers import amount, amount_parts, count, count_parts, scaled
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain, shorten
from davylamp.report.views import DOT
from davylamp.report.words import Lang, say

TABLE_FROM: Final = 76  # judged: below, five columns no longer stand side by side
WIDE_FROM: Final = 96  # judged: from here on the comparable figure has a column beside the official one
MOST_CLIENTS: Final = 200  # judged: the rest is in --what clients
MOST_NOTED: Final = 20  # judged: clients that bear lines of their own without hiding one another
MOST_NOTE_LINES: Final = 3
GAP: Final = 2
NARROWEST: Final = 15  # an IPv4 address; what is longer is folded
_WATTS_A_KILOWATT: Final = 1000.0
_QUIET: Final = "dim"


@dataclass(frozen=True, slots=True)
class _Head:
    """The words of the columns: factor sets stand in them once for all rows."""

    official: str
    comparable: str


def client_parts(scan: Scan, phrases: Phrases, zone: tzinfo, width: int) -> list[RenderableType]:
    """The table of clients that mine and its notes; nothing where nobody mines.

    Args:
        scan: with its clients.
        phrases: the reader's language.
        zone: of all times.
        width: cells of the terminal.
    """
    clients = mining_clients(scan)
    if not clients:
        return []
    lang, common = phrases.lang, common_unknowns(clients)
    shown = clients[:MOST_CLIENTS]
    noted = len(clients) <= MOST_NOTED
    notes = [notes_of(c, scan, phrases, zone, common) if noted else [] for c in shown]
    rows = _rows(shown, notes, lang, width) if width >= TABLE_FROM else _cards(shown, notes, lang, width)
    parts = [*rows, Text()]
    if len(clients) > len(shown):
        parts.append(Text(say("cut_clients", lang, n=count(len(clients) - len(shown)))))
    for unknown in common:
        note = ClientNote(f"nk_{unknown.what}", phrases.tell(unknown.because))
        parts.append(Text(_line(note, lang), style=_QUIET))
    return parts


def _line(note: ClientNote, lang: Lang) -> str:
    return f"{say(note.label, lang)}{say('colon', lang)}{note.text}"


def _note_lines(notes: Sequence[ClientNote], lang: Lang, width: int) -> list[RenderableType]:
    room = MOST_NOTE_LINES * max(20, width - 10)
    texts = [Text(shorten(_line(n, lang), room), style=_QUIET, overflow="fold") for n in notes]
    return [Padding(text, (0, 0, 0, 2)) for text in texts]


# --- columns -----------------------------------------------------------------------------------------------


def _rows(
    clients: Sequence[Client], notes: Sequence[Sequence[ClientNote]], lang: Lang, width: int
) -> list[RenderableType]:
    heads = _heads(clients, lang, width)
    cells = [_numbers(c, lang, len(heads) - 1) for c in clients]
    widths = [max(map(_longest, column)) for column in zip(heads[1:], *cells, strict=True)]
    first = max(NARROWEST, width - sum(widths) - GAP * len(widths))
    made: list[RenderableType] = []
    for row, client in enumerate(clients):
        table = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            show_header=row == 0,
            pad_edge=False,
            padding=(0, GAP - 1, 0, 0),
            width=width,
        )
        for column, (head, cell) in enumerate(zip(heads, [first, *widths], strict=True)):
            justify: Literal["left", "right"] = "right" if column else "left"
            table.add_column(head, width=cell, justify=justify, overflow="fold", header_style="bold")
        table.add_row(_who(client, lang, first), *cells[row])
        made += [table, *_note_lines(notes[row], lang, width)]
    return made


def _heads(clients: Sequence[Client], lang: Lang, width: int) -> list[Text]:
    """Heads with the names of the factor sets, which are the same in all rows."""
    masses = next((c.energy.masses for c in clients if c.energy), ())
    heads = [
        _two(say("address", lang), say("whose", lang)),
        _two(say("machines", lang), say("bounds", lang)),
        _two(say("power_kw", lang), DOT.join((say("interval", lang), say("grade", lang)))),
        _two(say("kwh_per_day", lang), say("interval", lang)),
    ]
    for official in (True, False)[: 2 if width >= WIDE_FROM else 1]:
        mass = co2_of(masses, is_official=official)
        if mass is not None:
            heads.append(_two(say("co2_per_year", lang), plain(mass.factor_set)))
    return heads


def _numbers(client: Client, lang: Lang, columns: int) -> list[Text]:
    """Machines, power with its grade, energy, CO2: estimate above, interval below."""
    energy, machines = client.energy, client.machines
    assert energy is not None
    bounds = (
        count_parts(machines.low, machines.estimate, machines.high)
        if machines
        else (say("unknown", lang), "")
    )
    power, spread = amount_parts(scaled(energy.power_w, 1 / _WATTS_A_KILOWATT), lang)
    cells = [
        _two(*bounds),
        _two(power, DOT.join(p for p in (spread, energy.grade) if p)),
        _two(*amount_parts(energy.kwh_per_day, lang)),
    ]
    for official in (True, False):
        mass = co2_of(energy.masses, is_official=official)
        if mass is not None and len(cells) < columns:
            cells.append(_two(*amount_parts(tonnes_a_year(mass), lang)))
    return cells


def _who(client: Client, lang: Lang, cells: int) -> Text:
    """Address, organisation and region; these two in one line where they fit. What is known is not quiet."""
    name, *rest = whose(client, lang)
    told = Text(name, style="" if client.claim else _QUIET)
    if rest:
        joint = DOT if cell_len(DOT.join((name, *rest))) <= cells else "\n"
        told = Text.assemble(told, (joint + DOT.join(rest), _QUIET))
    return Text.assemble(plain(client.client_ip), "\n", told)


def _two(top: str, below: str) -> Text:
    """Two lines, the second quiet."""
    text = Text(top)
    if below:
        text.append(f"\n{below}", style=_QUIET)
    return text


def _longest(text: Text) -> int:
    return max((cell_len(str(line)) for line in text.split("\n")), default=0)


# --- lines -------------------------------------------------------------------------------------------------


def _cards(
    clients: Sequence[Client], notes: Sequence[Sequence[ClientNote]], lang: Lang, width: int
) -> list[RenderableType]:
    """Each client as a few lines, each fact under its own words."""
    made: list[RenderableType] = []
    for client, below in zip(clients, notes, strict=True):
        facts = [ClientNote("whose", DOT.join(whose(client, lang))), *_facts(client, lang)]
        lines = [Text(_line(f, lang), overflow="fold") for f in facts]
        body = Padding(Group(*lines), (0, 0, 0, 2))
        title = Text(plain(client.client_ip), style="bold", overflow="fold")
        made += [title, body, *_note_lines(below, lang, width)]
    return made


def _facts(client: Client, lang: Lang) -> list[ClientNote]:
    energy, machines = client.energy, client.machines
    assert energy is not None
    facts = []
    if machines is not None:
        estimate, spread = count_parts(machines.low, machines.estimate, machines.high)
        facts.append(ClientNote("machines", f"{estimate} ({spread})" if spread else estimate))
    power = amount(scaled(energy.power_w, 1 / _WATTS_A_KILOWATT), "kW", lang)
    facts.append(ClientNote("power", f"{power}{DOT}{energy.grade}"))
    facts.append(ClientNote("energy", amount(energy.kwh_per_day, say("kwh_per_day", lang), lang)))
    unit = say("co2_per_year", lang).removeprefix("CO2 ")
    masses = [co2_of(energy.masses, is_official=official) for official in (True, False)]
    told = [f"{amount(tonnes_a_year(m), unit, lang)}{DOT}{plain(m.factor_set)}" for m in masses if m]
    return [*facts, *(ClientNote("co2", text) for text in told)]
