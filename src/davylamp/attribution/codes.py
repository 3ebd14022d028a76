"""Codes that offices key by: the unified social credit code (统一社会信用代码) and the region code (行政区划代码).

Source    GB 32100-2015, with its worked example 91350100M000100Y43; GB/T 2260
"""

import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Final

from davylamp.tables.regions import covers, is_shaped, region_of

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: without I, O, S, V, Z
LENGTH: Final = 18
CHARACTERS: Final = 64  # judged: own keys of offices have up to 20
_FLOAT: Final = re.compile(r"\d(\.\d+)?E\+?\d+|\d+\.0+", re.IGNORECASE)
_LOOKALIKES: Final = str.maketrans("IOZS", "1025")  # judged: what eyes confuse; V looks like no other


def half_width(text: str) -> str:
    """The text with full-width digits, letters and signs made narrow, without spaces around and zero-width marks."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if unicodedata.category(c) not in ("Cf", "Cc") or c in "\t\n").strip()


def check_character(first_17: str) -> str:
    """The 18th character of a credit code.

    Args:
        first_17: 17 characters of `ALPHABET`.

    Raises:
        ValueError: a character that no code has, or not 17 of them.
    """
    if len(first_17) != LENGTH - 1:
        raise ValueError(f"{len(first_17)} characters, 17 needed")
    total = sum(ALPHABET.index(c) * pow(3, place, 31) for place, c in enumerate(first_17))
    return ALPHABET[-total % 31]


def is_credit_code(text: str) -> bool:
    """Whether this is a whole credit code whose check character fits."""
    try:
        return read_credit_code(text) == text
    except ValueError:
        return False


def read_credit_code(text: str) -> str:
    """A credit code as it is written, made canonical.

    Raises:
        ValueError: what is wrong with it, in words for whoever typed it.
    """
    code = re.sub(r"[\s-]", "", half_width(text)).upper()
    if _FLOAT.fullmatch(code):
        raise ValueError("Excel turned it into a number, digits beyond the 15th are lost")
    if len(code) == LENGTH - 1:
        raise ValueError("17 characters: one is missing, a leading zero cannot be it")
    if len(code) != LENGTH:
        raise ValueError(f"{len(code)} characters, a credit code has 18")
    alien = sorted(set(code) - set(ALPHABET))
    if alien:
        raise ValueError(f"a credit code has no {', '.join(alien)}{_suggest(code)}")
    if not code[2:8].isdigit():
        raise ValueError("characters 3 to 8 are a region code, six digits")
    if check_character(code[:-1]) != code[-1]:
        raise ValueError(f"the check character is {check_character(code[:-1])}, not {code[-1]}: mistyped")
    return code


def _suggest(code: str) -> str:
    """The code that a mistyped letter may have meant, if the check character agrees."""
    meant = code.translate(_LOOKALIKES)
    fits = set(meant) <= set(ALPHABET) and check_character(meant[:-1]) == meant[-1]
    return f"; {meant} would fit" if fits else ""


def read_own_key(text: str) -> str:
    """The registry's own key for an organisation without a credit code.

    Raises:
        ValueError: empty, too long, or a number that a spreadsheet has mangled.
    """
    key = half_width(text)
    if not key or len(key) > CHARACTERS or not key.isprintable():
        raise ValueError(f"a key has 1 to {CHARACTERS} printable characters")
    if re.fullmatch(r"\d(\.\d+)?E\+?\d+", key, re.IGNORECASE):
        raise ValueError("Excel turned it into a number, its digits are lost")
    return key


def read_region(text: str, day: date | None = None, site: Path | None = None) -> str:
    """A region code as it is written, made canonical.

    Args:
        text: six digits; a longer statistical code (12 digits) is cut to its county.
        day: when it must be in force; None accepts abolished ones.
        site: the operator's folder with more divisions.

    Raises:
        ValueError: what is wrong with it.
    """
    code = re.sub(r"\s", "", half_width(text))
    code = re.sub(r"\.0+$", "", code)
    if len(code) == 12 and code.isdigit():
        code = code[:6]
    if not is_shaped(code):
        raise ValueError("a region code is six digits that do not begin with 0")
    row = region_of(code, site)
    if row is None and (region_of(code[:2] + "0000", site) is None or covers(code[:2], site)):
        raise ValueError("no such division (GB/T 2260); a division that is new goes into site/regions.csv")
    if row is not None and day is not None and not row.holds(day):
        when = f"from {row.since}" if row.since and day < row.since else f"until {row.until}"
        raise ValueError(f"{row.name} had this code only {when}")
    return code
