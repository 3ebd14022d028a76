"""Document numbers (文号): an authority's word, 〔year〕, a running number; each given once, none left out.

The next number is taken inside the transaction of the approval that needs it. If that fails, the number was never
taken; if the approved item is withdrawn later, its number stays with it, void.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from davylamp.attribution.imports_cells import CHINA
from davylamp.desk.audit.record import take_turn
from davylamp.desk.documents.models import NumberSeries
from davylamp.errors import BadUse


@dataclass(frozen=True, slots=True)
class Number:
    """A document number."""

    word: str
    year: int
    serial: int

    def __str__(self) -> str:
        return f"{self.word}〔{self.year}〕{self.serial}号"


def take_number(word: str, at: datetime) -> Number:
    """The next number of a word in the year of a moment (China Standard Time).

    Raises:
        BadUse: E-DOC-001 outside a transaction, E-DOC-002 without a word.
    """
    if not connection.in_atomic_block:
        raise BadUse(
            "E-DOC-001", "a number taken outside a transaction could be lost", "use transaction.atomic"
        )
    if not word.strip():
        raise BadUse("E-DOC-002", "a document number needs the authority's word", "set DAVYLAMP_WORD")
    year = at.astimezone(CHINA).year
    with transaction.atomic():
        take_turn()  # before the row: whoever holds the audit's turn may be waiting for this row
        series = NumberSeries.objects.select_for_update().filter(word=word, year=year).first()
        if series is None:
            series = NumberSeries(word=word, year=year)
        series.last += 1
        series.save(action="series.take")
    return Number(word, year, series.last)
