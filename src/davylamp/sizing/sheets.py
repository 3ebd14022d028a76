"""Files that sizing reads: text within bounds, and the rows of a CSV with their line numbers."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from davylamp.errors import InputError
from davylamp.tables.offices import office_text

MOST_BYTES: Final = 1 << 30  # judged: a scan of a province's month is below it
MOST_FAULTS: Final = 20  # judged: whoever has more is mistaken about the file


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV: names of its columns in lower case, and each row's line number and cells, blanks around them gone."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]

    def missing(self, *names: str) -> list[str]:
        """Which of the columns it lacks."""
        return [name for name in names if name not in self.columns]


def read_text(path: Path, code: str, most_bytes: int = MOST_BYTES) -> str:
    """A file's text.

    Raises:
        InputError: ``code`` when it cannot be read, is no text (see `office_text`) or is out of all measure.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise InputError(code, f"{path} is larger than {most_bytes >> 20} MiB", "split it")
        text = office_text(path.read_bytes())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(code, f"{path} cannot be read: {why}", "is the path right?") from error
    if text is None:
        raise InputError(code, f"{path} is no text", "save it in UTF-8 or GBK")
    return text


def read_sheet(path: Path, code: str) -> Sheet:
    """The rows of a CSV; empty lines are passed by, cells beyond the last column dropped.

    Raises:
        InputError: ``code`` when it cannot be read or is no CSV.
    """
    lines = csv.DictReader(read_text(path, code).splitlines())
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        columns = tuple((name or "").strip().lower() for name in lines.fieldnames or ())
        lines.fieldnames = columns
        for cells in lines:
            row = {name: (cells[name] or "").strip() for name in columns}
            rows.append((lines.line_num, row))
    except csv.Error as error:
        hint = "it is a CSV with one line of column names"
        raise InputError(code, f"{path} line {lines.line_num}: {error}", hint) from error
    return Sheet(path, columns, tuple(rows))


def told(faults: list[str], otherwise: str) -> str:
    """All faults of a file in one sentence, up to `MOST_FAULTS` of them."""
    more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
    return "; ".join(faults[:MOST_FAULTS]) + more if faults else otherwise
