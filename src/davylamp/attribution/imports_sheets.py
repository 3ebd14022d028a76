"""Opening a ledger file: CSV in the encodings that offices use, and XLSX; cells with what is odd about them."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from davylamp.attribution.imports_cells import CELL_CHARACTERS, Cell
from davylamp.errors import TableError
from davylamp.tables.offices import office_text

FILE_BYTES: Final = 64 << 20  # judged: 100,000 rows are about 15 MB
UNPACKED_BYTES: Final = 512 << 20  # judged: an XLSX that unpacks to more is a bomb or a photo album
CELLS: Final = 20_000_000  # judged: 100,000 rows of 200 columns
_OLE: Final = b"\xd0\xcf\x11\xe0"  # .xls, and XLSX under a password


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something about a cell that its value does not show. ``group`` is shared by cells that are odd together."""

    group: str
    message: str
    hint: str


@dataclass(slots=True)
class Sheet:
    """One table of cells; rows and columns count from 1, as a spreadsheet shows them."""

    name: str
    rows: list[list[Cell]]
    oddities: dict[tuple[int, int], Oddity] = field(default_factory=dict)


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """All sheets of a file that hold anything.

    Raises:
        TableError: E-REG-011 when the file cannot be read as CSV or XLSX.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= FILE_BYTES else b""
    except OSError as error:
        raise TableError(
            "E-REG-011", f"{path} cannot be read: {error.strerror}", "is the path right?"
        ) from error
    if size > FILE_BYTES:
        raise TableError(
            "E-REG-011", f"{path} has {size >> 20} MB", f"{FILE_BYTES >> 20} MB at most; split it"
        )
    if data.startswith(_OLE):
        hint = "save it as .xlsx without a password, or as CSV"
        raise TableError("E-REG-011", f"{path} is an old .xls workbook or has a password", hint)
    if data.startswith(b"PK"):
        return tuple(_read_workbook(path, data))
    return (_read_csv(path, data),)


def _read_csv(path: Path, data: bytes) -> Sheet:
    text = _decode(path, data)
    head = text[:4096].partition("\n")[0]
    delimiter = max(",\t;", key=head.count)
    csv.field_size_limit(1 << 20)
    rows: list[list[Cell]] = []
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for cells in lines:
            # A quoted cell may hold line ends: rows keep the number of the line that a text editor shows.
            rows += [[] for _ in range(lines.line_num - len(rows) - 1)]
            rows.append([*cells])
    except csv.Error as error:
        message = f"{path}: line {len(rows) + 1}: {error}"
        raise TableError("E-REG-011", message, "a quote is not closed, or it is no CSV") from error
    return Sheet(path.name, rows)


def _decode(path: Path, data: bytes) -> str:
    text = office_text(data)
    if text is not None:
        return text
    raise TableError(
        "E-REG-011", f"{path} is neither a workbook nor text", "save it as .xlsx or as CSV in UTF-8"
    )


def _read_workbook(path: Path, data: bytes) -> Iterator[Sheet]:
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > UNPACKED_BYTES:
            raise TableError(
                "E-REG-011", f"{path} unpacks to {unpacked >> 20} MB", "remove pictures, split it"
            )
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=False, keep_links=False)
    except TableError:
        raise
    except Exception as error:
        raise TableError(
            "E-REG-011", f"{path} is no workbook: {error}", "open it in Excel and save it again"
        ) from error
    for page in book.worksheets:
        if page.max_row * page.max_column > CELLS:
            size = f"{page.max_row} rows by {page.max_column} columns"
            raise TableError("E-REG-011", f"{path}: sheet {page.title} spans {size}", "delete its empty rows")
        sheet = _read_page(page)
        if sheet.rows:
            yield sheet


def _read_page(page: Any) -> Sheet:
    sheet = Sheet(page.title, [])
    for cells in page.iter_rows():
        row: list[Cell] = []
        for cell in cells:
            oddity = _odd_cell(cell)
            if oddity is not None:
                sheet.oddities[cell.row, cell.column] = oddity
            row.append(_value_of(cell.value))
        sheet.rows.append(row)
    while sheet.rows and not any(value is not None for value in sheet.rows[-1]):
        sheet.rows.pop()
    for merged in page.merged_cells.ranges:
        hint = "unmerge them and fill in every row"
        oddity = Oddity(str(merged.coord), f"the cells {merged.coord} are merged", hint)
        for row_number in range(merged.min_row, min(merged.max_row, len(sheet.rows)) + 1):
            for column in range(merged.min_col, merged.max_col + 1):
                sheet.oddities[row_number, column] = oddity
    return sheet


def _odd_cell(cell: Any) -> Oddity | None:
    if cell.data_type == "f":
        return Oddity(cell.coordinate, "a formula", "paste the column as values")
    if cell.data_type == "e":
        return Oddity(
            cell.coordinate, f"an error of the spreadsheet, {str(cell.value)[:20]}", "correct it there"
        )
    return None


def _value_of(value: Any) -> Cell:
    """A cell's value as one of the kinds that readers know."""
    if value is None or isinstance(value, str | int | float | bool):
        return value[: CELL_CHARACTERS + 1] if isinstance(value, str) else value
    return value if hasattr(value, "isoformat") else str(value)[:CELL_CHARACTERS]
