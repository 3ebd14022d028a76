"""Hostile strings made safe to show: what a miner sends must not move the cursor nor turn the text."""

import unicodedata
from typing import Final

from rich.cells import cell_len

ELLIPSIS: Final = "…"
MOST_CHARACTERS: Final = 4096  # judged: far beyond any honest name; bounds stacked zero-width marks
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MOST_MARKS: Final = 2  # judged: written languages stack at most two marks on a letter
_HANGUL_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")  # letters by category, blank on screen


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def plain(text: str) -> str:
    """``text`` with every character that is not seen as itself written as an escape of its number.

    Control characters, bidirectional overrides, zero-width joiners, lone surrogates, private and unassigned
    code points are escaped, and so is every combining mark after the second in a row. A backslash stays as
    it is: a sender can write the letters of an escape, which is harmless to show.
    """
    if text.isascii() and text.isprintable():
        return text[:MOST_CHARACTERS]
    shown: list[str] = []
    marks = 0
    for character in text[:MOST_CHARACTERS]:
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        unseen = category in _UNSEEN or marks > _MOST_MARKS or character in _HANGUL_FILLERS
        shown.append(_escape(character) if unseen else character)
    return "".join(shown)


def whole(text: str) -> str:
    """``text`` as UTF-8 can carry it: lone surrogates become escapes in letters, all else stays."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shorten(text: str, cells: int) -> str:
    """``plain(text)`` within ``cells`` terminal cells, its middle left out: both ends tell wallets apart."""
    shown = plain(text)
    if cell_len(shown) <= cells:
        return shown
    if cells <= 1:
        return ELLIPSIS[:cells]
    tail = _take(shown[::-1], (cells - 1) * 2 // 5)[::-1]
    head = _take(shown, cells - 1 - cell_len(tail))
    return head + ELLIPSIS + tail


def _take(text: str, cells: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += cell_len(character)
        if used > cells:
            return text[:at]
    return text
