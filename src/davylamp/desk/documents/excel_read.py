"""Workbooks and CSV in: every fault with its sheet, row and column, the good rows kept; nothing is repaired silently.

What a spreadsheet does to data is a fault with words: a code that became a number and lost its zeros, a day that
became a serial number, a formula, merged cells.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from openpyxl.utils import get_column_letter

from davylamp.attribution import codes
from davylamp.attribution.imports import HEADER_ROWS, ImportFault
from davylamp.attribution.imports_cells import (
    CHINA,
    Cell,
    exact_text,
    read_name,
    read_start,
    read_truth,
    text_of,
)
from davylamp.attribution.imports_sheets import Sheet, read_sheets
from davylamp.desk.documents.containers import check_container
from davylamp.errors import InputError, TableError
from davylamp.sizing.quantities_bounds import QuantityError, read_amount


class Reads(StrEnum):
    """What a column's cells are read as."""

    name = "name"  # words on one line
    text = "text"  # words, line ends kept
    code = "code"  # every digit counts
    credit_code = "credit_code"  # 统一社会信用代码, its check digit too
    integer = "integer"
    amount = "amount"  # `sizing.quantities_bounds.Bounded`: 余 and 约 stay
    day = "day"  # date
    moment = "moment"  # datetime, aware
    truth = "truth"  # True, False or None


@dataclass(frozen=True, slots=True)
class Heading:
    """One field: its name in the result, the headings that mean it, and how its cells are read."""

    name: str
    headers: tuple[str, ...]
    reads: Reads = Reads.name
    is_required: bool = False
    most: int = 200  # characters of text


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that could be read; ``cells`` are its values as the file shows them, for a diff or a copy."""

    sheet: str
    row: int
    values: Mapping[str, Any]
    cells: Mapping[str, str]
    columns: Mapping[str, str] = field(
        default_factory=dict
    )  # field to the column's letter, for faults found later


@dataclass(slots=True)
class Reading:
    """What a file states; rows with a fault are not among ``rows``."""

    name: str
    rows: list[SheetRow] = field(default_factory=list)
    faults: list[ImportFault] = field(default_factory=list)
    notes: list[ImportFault] = field(default_factory=list)  # stop nothing: columns that are not read


def read_table(path: Path, headings: Sequence[Heading], shown: str = "") -> Reading:
    """Read all sheets of a workbook, or a CSV file, that have the required headings.

    Args:
        path: the file.
        headings: the fields; a heading is compared without spaces, brackets, case and width.
        shown: the file's name as the person knows it; that of the path when empty.

    Raises:
        InputError: E-DOC-020 to 022 for an archive that is no good one, E-DOC-023 for a file that is too large or
            cannot be read, E-DOC-024 when no sheet has the required headings.
    """
    name = shown or path.name
    reading = Reading(name)
    found = False
    for sheet in _open(path, name):
        place = _find_head(sheet, headings)
        if place is not None:
            found = True
            _SheetReader(reading, sheet, place, headings).read()
    if not found:
        wanted = ", ".join(h.headers[0] for h in headings if h.is_required)
        told = _("%(file)s has no table with the headings %(wanted)s") % {"file": name, "wanted": wanted}
        raise InputError("E-DOC-024", told, _("export the table first and fill that file in"))
    return reading


def _open(path: Path, name: str) -> tuple[Sheet, ...]:
    try:
        size = path.stat().st_size
        if size > settings.DESK_MOST_UPLOAD_BYTES:
            told = _("%(file)s has %(mb)s MB") % {"file": name, "mb": size >> 20}
            raise InputError("E-DOC-023", told, _("split it"))
        with path.open("rb") as file:
            is_archive = file.read(2) == b"PK"
        if is_archive:
            check_container(path.read_bytes(), name, allow_external=True)
        return read_sheets(path)
    except OSError as error:
        raise InputError("E-DOC-023", f"{name}: {error.strerror}", "") from error
    except TableError as error:
        raise InputError("E-DOC-023", error.message.replace(str(path), name), error.hint) from error


def plain_header(cell: Cell) -> str:
    """A heading as it is compared."""
    return re.sub(r"[\s*:：]|[（(].*?[)）]", "", codes.half_width(str(cell or "")).lower())


def _find_head(sheet: Sheet, headings: Sequence[Heading]) -> int | None:
    wanted = [{plain_header(h) for h in one.headers} for one in headings if one.is_required]
    for place, row in enumerate(sheet.rows[:HEADER_ROWS]):
        there = {plain_header(cell) for cell in row}
        if all(names & there for names in wanted):
            return place
    return None


class _SheetReader:
    """Reads the rows of one sheet below its head."""

    def __init__(self, reading: Reading, sheet: Sheet, head: int, headings: Sequence[Heading]) -> None:
        self.reading, self.sheet, self.head = reading, sheet, head
        self.columns: dict[int, Heading] = {}
        by_header = {plain_header(h): one for one in headings for h in one.headers}
        for at, cell in enumerate(sheet.rows[head]):
            known = by_header.get(plain_header(cell))
            if known is not None and known not in self.columns.values():
                self.columns[at] = known
            elif cell is not None and str(cell).strip():
                words = _("this column is not read") if known is None else _("this heading stands twice")
                reading.notes.append(self._fault(head + 1, at, words, ""))

    def read(self) -> None:
        """Every row that holds anything."""
        for place in range(self.head + 1, len(self.sheet.rows)):
            cells = self.sheet.rows[place]
            if any(
                cell is not None and str(cell).strip() for at, cell in enumerate(cells) if at in self.columns
            ):
                self._read_row(place + 1, cells)

    def _read_row(self, row: int, cells: Sequence[Cell]) -> None:
        values: dict[str, Any] = {}
        shown: dict[str, str] = {}
        faults = []
        for at, heading in self.columns.items():
            cell = cells[at] if at < len(cells) else None
            shown[heading.name] = "" if cell is None else str(cell)
            oddity = self.sheet.oddities.get((row, at + 1))
            if oddity is not None:
                faults.append(self._fault(row, at, oddity.message, oddity.hint))
                continue
            try:
                values[heading.name] = read_cell(cell, heading)
            except (ValueError, QuantityError) as error:
                words = error.message if isinstance(error, QuantityError) else str(error)
                faults.append(self._fault(row, at, words, HINTS.get(heading.reads, "")))
        self.reading.faults += faults
        if not faults:
            letters = {heading.name: get_column_letter(at + 1) for at, heading in self.columns.items()}
            self.reading.rows.append(SheetRow(self.sheet.name, row, values, shown, letters))

    def _fault(self, row: int, at: int, words: str, hint: str) -> ImportFault:
        header = str(self.sheet.rows[self.head][at])[:40]
        return ImportFault(self.sheet.name, row, get_column_letter(at + 1), header, words, hint)


def read_cell(cell: Cell, heading: Heading) -> Any:
    """The value of one cell; None where it is empty.

    Raises:
        ValueError: it is not what the heading says, or is missing and required.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        if heading.is_required:
            raise ValueError(_("empty"))
        return None
    value = _READERS[heading.reads](cell)
    if isinstance(value, str) and len(value) > heading.most:
        raise ValueError(_("longer than %(n)s characters") % {"n": heading.most})
    return value


def _text(cell: Cell) -> str:
    given = cell if isinstance(cell, str) else text_of(cell)
    plain = "\n".join(line.strip() for line in given.replace("\r\n", "\n").split("\n")).strip()
    if not all(c.isprintable() or c == "\n" for c in plain):
        raise ValueError(_("not printable"))
    return plain


def _integer(cell: Cell) -> int:
    if isinstance(cell, float) and not cell.is_integer():
        raise ValueError(_("no whole number"))
    text = text_of(cell).replace(",", "")
    if isinstance(cell, bool) or not re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        raise ValueError(_("no whole number"))
    return int(text)


def _moment(cell: Cell) -> datetime:
    at_ns = read_start(cell)
    if at_ns is None:
        raise ValueError(_("no time"))
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)


def _day(cell: Cell) -> date:
    return _moment(cell).astimezone(CHINA).date()


_READERS: Final[dict[Reads, Callable[[Cell], Any]]] = {
    Reads.name: read_name,
    Reads.text: _text,
    Reads.code: exact_text,
    Reads.credit_code: lambda cell: codes.read_credit_code(exact_text(cell)),
    Reads.integer: _integer,
    Reads.amount: lambda cell: read_amount(text_of(cell)).amount,
    Reads.day: _day,
    Reads.moment: _moment,
    Reads.truth: read_truth,
}
HINTS: Final = {
    Reads.code: "format the column as text, then enter the value again",
    Reads.credit_code: "format the column as text, then enter the code again from its document",
    Reads.integer: "digits only",
    Reads.amount: "for instance ≥ 500, 约500, 500余, 14.85万千瓦时",
    Reads.day: "2021-09-08 or 2021年9月8日",
    Reads.moment: "2021-09-08 14:30",
}
