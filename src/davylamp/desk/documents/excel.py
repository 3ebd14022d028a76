"""Workbooks out: a text stays a text, a code keeps its digits, a day is a day, and each sheet says whose it is.

A cell that begins with ``=``, ``+``, ``-`` or ``@`` would be run as a formula by whoever opens it. In XLSX a cell has a
type: all texts are written as texts, with the sign that tells a spreadsheet to keep them so when they are edited.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.attribution.registry_export import FORMULA_STARTS
from davylamp.errors import BadUse

CELL_CHARACTERS: Final = 32_767  # Excel's own limit
TITLE_CHARACTERS: Final = 31  # of a sheet's name, Excel's own limit
MOST_ROWS: Final = 1_048_000  # Excel holds 1,048,576
WIDEST: Final = 48  # characters; judged: wider columns push the rest off the screen
SAFE_INTEGER: Final = 10**15  # beyond it Excel rounds
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NO_TITLE: Final = re.compile(r"[\[\]:*?/\\]")


class Kind(StrEnum):
    """How a column's cells are written."""

    text = "text"
    code = "code"  # text whose every digit counts
    integer = "integer"
    number = "number"
    day = "day"
    moment = "moment"  # in the desk's zone, to the minute


FORMATS: Final = {
    Kind.text: "@",
    Kind.code: "@",
    Kind.integer: "#,##0",
    Kind.number: "#,##0.###",
    Kind.day: "yyyy-mm-dd",
    Kind.moment: "yyyy-mm-dd hh:mm",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, how its cells are written, and its width in characters (by its heading when 0)."""

    header: str
    kind: Kind = Kind.text
    width: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    notes: Sequence[str] = ()  # lines below the table: definitions, sources, as-of time


def write_workbook(tables: Sequence[Table], export_id: str, who: str) -> bytes:
    """A workbook as bytes.

    Args:
        tables: the sheets in order.
        export_id: watermark: stands in every sheet's page footer, in its last line and in the file's properties.
        who: the exporter's name, for the same places.

    Raises:
        BadUse: E-DOC-030 without a sheet or with one that has too many rows.
    """
    import openpyxl

    if not tables:
        raise BadUse("E-DOC-030", "a workbook without a sheet", "give it a table")
    book = openpyxl.Workbook()
    book.remove(book.active)
    mark = watermark(export_id, who)
    book.properties.creator = who[:200]
    book.properties.identifier = export_id
    book.properties.description = mark
    for table in tables:
        _write_sheet(book.create_sheet(_title(table.title, book.sheetnames)), table, mark)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def watermark(export_id: str, who: str = "") -> str:
    """One line that ties a copy to its export; without a name where its readers may not know who made it."""
    at = f"{timezone.localtime(timezone.now()):%Y-%m-%d %H:%M}"
    if not who:
        return _("Export %(id)s · %(at)s") % {"id": export_id, "at": at}
    return _("Export %(id)s · %(who)s · %(at)s") % {"id": export_id, "who": who, "at": at}


def _write_sheet(sheet: Any, table: Table, mark: str) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    for at, column in enumerate(table.columns, 1):
        cell = sheet.cell(1, at)
        _put_text(cell, column.header)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="FFEFE3CB")
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        width = column.width or min(WIDEST, max(8, 2 * len(column.header) + 2))
        sheet.column_dimensions[get_column_letter(at)].width = width
    last = 1
    for last, row in enumerate(table.rows, 2):
        if last > MOST_ROWS:
            raise BadUse("E-DOC-030", f"more than {MOST_ROWS} rows", "narrow the filter")
        for at, (value, column) in enumerate(zip(row, table.columns, strict=True), 1):
            put(sheet.cell(last, at), value, column.kind)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{max(last, 1)}"
    for below, line in enumerate((*table.notes, mark), last + 2):
        _put_text(sheet.cell(below, 1), line)
        sheet.cell(below, 1).font = Font(italic=True, color="FF666666")
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddFooter.left.text = mark.replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"


def put(cell: Any, value: Any, kind: Kind = Kind.text) -> None:
    """Write one value; what does not fit its column's kind is written as text, never guessed and never a formula."""
    if value is None or value == "":
        return
    if kind in (Kind.integer, Kind.number) and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) < SAFE_INTEGER:
            cell.value = value
            cell.number_format = FORMATS[kind]
            return
    elif kind is Kind.moment and isinstance(value, datetime):
        local = timezone.localtime(value) if timezone.is_aware(value) else value
        cell.value = local.replace(tzinfo=None, second=0, microsecond=0)
        cell.number_format = FORMATS[kind]
        return
    elif kind is Kind.day and isinstance(value, date):
        if isinstance(value, datetime):
            value = timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
        cell.value = value
        cell.number_format = FORMATS[kind]
        return
    _put_text(cell, str(value))


def _put_text(cell: Any, text: str) -> None:
    clean = CONTROLS.sub("�", text)[:CELL_CHARACTERS]
    cell.value = clean
    cell.data_type = "s"  # openpyxl would take a leading = for a formula
    cell.number_format = "@"
    if clean.startswith(FORMULA_STARTS):
        cell.quotePrefix = True


def _title(title: str, taken: Sequence[str]) -> str:
    """A sheet's name that Excel takes, and that stands once."""
    plain = _NO_TITLE.sub(" ", CONTROLS.sub("", title)).strip("' ")[:TITLE_CHARACTERS] or "Sheet"
    known = {name.lower() for name in taken}
    made, n = plain, 2
    while made.lower() in known:
        made, n = f"{plain[: TITLE_CHARACTERS - 4]} ({n})", n + 1
    return made
