"""The stages' English sentences in the reader's language.

Stages write their reasons in English, which JSON keeps. ``phrases.csv`` gives each a Chinese sentence with the
same holes, filled with what the English one holds in them::

    {n:number} of {of:number} session(s) began ...   ->   {of} 个会话中有 {n} 个 ...

A sentence is looked up whole, then clause by clause at its semicolons. What has no phrase stays as it was
written, and is counted. ``(s)`` in the English matches with and without. What a hole takes:

=========  ======================================================================
none       one word
number     digits, with sign, decimals, exponent or percent sign
words      anything within a clause
any        anything at all
each       a list by commas or ``or``; items that have a phrase get it
phrase     a sentence of its own
=========  ======================================================================
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from davylamp.errors import TableError
from davylamp.report.plain import plain
from davylamp.report.words import Lang, say
from davylamp.tables import read_table

FILE: Final = Path(__file__).with_name("phrases.csv")
CLAUSE_STOP: Final = "; "
MOST_DEPTH: Final = 3  # judged: sentences within sentences; a peer's own words may look like more
REMEMBERED: Final = 8192  # judged: distinct sentences of a big scan; the rest is looked up again
KINDS: Final = {
    "": r"\S+?",
    "number": r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?%?",
    "words": r"[^;]+?",
    "any": r".+?",
    "each": r"[^;]+?",
    "phrase": r".+?",
}
_HOLE: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True, slots=True)
class PhraseRow:
    """One sentence in both languages.

    ``summed_as`` is the label in `words` under which a report says the same once for all sessions;
    ``source`` the file that writes the English.
    """

    english: str
    chinese: str
    summed_as: str
    source: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """One row, ready to be matched."""

    row: PhraseRow
    start: str  # what every such sentence begins with, to pass by the others cheaply
    pattern: re.Pattern[str]
    kinds: dict[str, str]  # by name of the hole

    @classmethod
    def of(cls, row: PhraseRow) -> "Phrase":
        """Read the holes of a row.

        Raises:
            TableError: E-TAB-004 for a kind of hole that is none, or holes that differ between the languages.
        """
        kinds = {hole[1]: hole[2] or "" for hole in _HOLE.finditer(row.english)}
        told = {hole[1] for hole in _HOLE.finditer(row.chinese)}
        if told != set(kinds) or not KINDS.keys() >= set(kinds.values()):
            hint = f"holes agree in both languages; kinds are {', '.join(k for k in KINDS if k)}"
            raise TableError("E-TAB-004", f"table {FILE}: holes of {row.english!r}", hint)
        literals = [
            re.escape(part).replace(r"\(s\)", "s?") for part in _HOLE.sub("\0", row.english).split("\0")
        ]
        holes = [f"(?P<{name}>{KINDS[kind]})" for name, kind in kinds.items()]
        pattern = "".join(a + b for a, b in zip(literals, [*holes, ""], strict=True))
        start = row.english.partition("{")[0].partition("(s)")[0]
        return cls(row, start, re.compile(pattern), kinds)


class Found(NamedTuple):
    """The phrase of a sentence and what its holes hold."""

    phrase: Phrase
    values: dict[str, str]


@cache
def phrases() -> tuple[Phrase, ...]:
    """All rows, the most literal first, so that a general one does not take a special one's sentence."""
    rows = [Phrase.of(row) for row in read_table(FILE, PhraseRow, ("english",))]
    return tuple(sorted(rows, key=lambda p: -len(_HOLE.sub("", p.row.english))))


@lru_cache(maxsize=REMEMBERED)
def find(sentence: str) -> Found | None:
    """The phrase that a whole sentence is an instance of."""
    for phrase in phrases():
        if sentence.startswith(phrase.start) and (match := phrase.pattern.fullmatch(sentence)):
            return Found(phrase, match.groupdict())
    return None


def summed_as(sentence: str) -> str:
    """The label under which a report tells this for all sessions together; empty when there is none."""
    found = find(plain(sentence))
    return found.phrase.row.summed_as if found is not None else ""


class Phrases:
    """Sentences of the stages in one language, safe to show.

    Args:
        lang: the reader's language.

    ``untold`` are the distinct sentences and clauses that had no phrase and were shown as written.
    """

    def __init__(self, lang: Lang) -> None:
        self.lang: Final = lang
        self.untold: set[str] = set()

    def tell(self, sentence: str) -> str:
        """``sentence`` in the reader's language, with what would not be seen as itself escaped."""
        shown = plain(sentence)
        if self.lang == "en" or not shown:
            return shown
        return self._told(shown)

    def _told(self, text: str, depth: int = 0) -> str:
        """A sentence as a whole, else clause by clause."""
        whole = find(text)
        if whole is not None:
            return self._fill(whole, depth)
        clauses = (self._clause(part, depth) for part in text.split(CLAUSE_STOP))
        return say("list_stop", self.lang).join(clauses)

    def _clause(self, text: str, depth: int = 0) -> str:
        found = find(text)
        if found is None:
            self.untold.add(text)
            return text
        return self._fill(found, depth)

    def _fill(self, found: Found, depth: int = 0) -> str:
        """The Chinese sentence with its holes filled; values are put in as they are, never read again."""
        kinds = found.phrase.kinds
        parts = {name: self._value(text, kinds[name], depth + 1) for name, text in found.values.items()}
        return _HOLE.sub(lambda hole: parts[hole[1]], found.phrase.row.chinese)

    def _value(self, text: str, kind: str, depth: int) -> str:
        if depth > MOST_DEPTH:
            return text
        if kind == "phrase":
            return self._told(text, depth)
        return self._list(text, depth) if kind == "each" else text

    def _list(self, text: str, depth: int) -> str:
        """Items joined as the language joins them; they are names, of which only some have a phrase."""
        choices = text.split(" or ")
        if len(choices) == 1:
            return self._joined(text.split(", "), depth)
        return (
            self._joined(choices[:-1], depth) + say("list_or", self.lang) + self._joined(choices[-1:], depth)
        )

    def _joined(self, items: list[str], depth: int) -> str:
        told = (self._fill(found, depth) if (found := find(item)) else item for item in items)
        return say("list_comma", self.lang).join(told)
