"""Files that sizing reads: UTF-8 text within bounds, and the rows of a CSV with their line numbers."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from davylamp.errors import InputError

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
        InputError: ``code`` when it cannot be read as UTF-8 or is out of all measure.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise InputError(code, f"{path} is larger than {most_bytes >> 20} MiB", "split it")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(code, f"{path} cannot be read: {error}", "it is a UTF-8 text file") from error


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
