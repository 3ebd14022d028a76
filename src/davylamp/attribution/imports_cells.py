"""Reading the cells of a ledger (台账): ranges, ports, days, truths, as people and spreadsheets write them.

Every reader takes a cell as the file holds it (text, number or date) and gives its value or raises ValueError with
words for whoever filled the file in.
"""

import ipaddress
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final, NamedTuple

from davylamp.attribution.codes import half_width
from davylamp.attribution.registry_records import PORTS, V4, bits_of

CHINA: Final = timezone(
    timedelta(hours=8)
)  # times in ledgers are China Standard Time; there is no summer time
CELL_CHARACTERS: Final = 4096  # judged: a cell with fifty ranges has about 1,500
WIDEST_V4: Final = 8  # judged: the widest blocks that any operator was given
WIDEST_V6: Final = 16  # judged: registries hold /12, no organisation in a ledger holds that much
FIRST_YEAR: Final = 1990  # judged: there were no networks to register before
LAST_YEAR: Final = 2100
EXCEL_EPOCH: Final = date(1899, 12, 30)  # day 0 of Excel's 1900 date system, leap-year error included
OPEN_ENDS: Final = frozenset(
    {"", "-", "--", "—", "——", "/", "无", "至今", "长期", "长期有效", "永久", "现在", "now", "none"}
)
TRUTHS: Final = frozenset({"是", "yes", "y", "true", "1", "公共", "公共机构", "国有", "机关", "√"})
FALSEHOODS: Final = frozenset(
    {"否", "no", "n", "false", "0", "非公共", "非公共机构", "私营", "民营", "x", "×"}
)

Cell = str | int | float | bool | datetime | date | time | None
_DASH: Final = re.compile(r"\s*(?:-|–|—|−|~|至|到)+\s*")  # in half width
_SPLIT: Final = re.compile(r"[;,、|\s]+")
_DAY: Final = re.compile(
    r"(\d{4})\s*[年/.-]\s*(\d{1,2})\s*[月/.-]\s*(\d{1,2})\s*日?(?:[T\s]*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?|分)?)?"
)
_ZERO_OCTET: Final = re.compile(r"(^|\.)0\d+(\.|$)")


class Span(NamedTuple):
    """First and last of a range, both in it."""

    first: int
    last: int


def text_of(cell: Cell) -> str:
    """A cell as narrow text; whole numbers without a fraction.

    Raises:
        ValueError: too long, or a number that has lost digits.
    """
    if cell is None:
        return ""
    if isinstance(cell, float):
        if not math.isfinite(cell) or abs(cell) >= 1e15:
            raise ValueError("Excel turned it into a number, digits beyond the 15th are lost")
        return str(int(cell)) if cell.is_integer() else str(cell)
    if isinstance(cell, datetime | date | time):
        raise ValueError("Excel turned it into a date")
    text = half_width(str(cell))
    if len(text) > CELL_CHARACTERS:
        raise ValueError(f"longer than {CELL_CHARACTERS} characters")
    return text


def exact_text(cell: Cell) -> str:
    """A cell whose every digit counts, leading zeros too: it must stand in the file as text.

    Raises:
        ValueError: a spreadsheet made it a number or a date.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        raise ValueError("Excel turned it into a number: leading zeros and digits beyond the 15th are lost")
    text = text_of(cell)
    if re.fullmatch(r"\d(\.\d+)?[Ee]\+?\d+", text):
        raise ValueError("Excel turned it into a number, its digits are lost")
    return text


def read_ranges(cell: Cell) -> tuple[Span, ...]:
    """Address ranges in a cell: CIDR, network and mask, first-last, first-last octet, wildcard, single addresses.

    Returns:
        spans of 128-bit addresses, IPv4 mapped, in the order of the cell.

    Raises:
        ValueError: one of them is none.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        raise ValueError("Excel turned the address into a number")
    text = re.sub(r"\s*/\s*", "/", _DASH.sub("-", text_of(cell)))
    parts = [part.strip() for part in _SPLIT.split(text) if part.strip()]
    if not parts:
        raise ValueError("empty")
    spans = tuple(_read_range(part) for part in parts)
    if len(set(spans)) != len(spans):
        raise ValueError("the same range twice in one cell")
    return spans


def _read_range(text: str) -> Span:
    if "/" in text:
        return _read_network(text)
    if "*" in text:
        return _read_wildcard(text)
    first, dash, last = text.partition("-")
    if dash and "." in first and last.isascii() and last.isdigit() and len(last) <= 3:
        last = f"{first.rpartition('.')[0]}.{last}"
    low = _read_address(first)
    high = _read_address(last) if dash else low
    if high < low:
        raise ValueError(f"{text}: ends before it begins")
    if (low >> 32 == 0xFFFF) != (high >> 32 == 0xFFFF):
        raise ValueError(f"{text}: one end is IPv4, the other IPv6")
    return _check_width(text, Span(low, high))


def _read_address(text: str) -> int:
    """128 bits, IPv4 mapped."""
    if _ZERO_OCTET.search(text):
        raise ValueError(
            f"{text[:60]}: leading zeros in an address are read as octal by some programs; write none"
        )
    try:
        return bits_of(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no address") from None


def _read_network(text: str) -> Span:
    address = text.partition("/")[0]
    _read_address(address)
    try:
        network = ipaddress.ip_network(text.replace(" ", ""), strict=False)
    except ValueError:
        raise ValueError(
            f"{text[:60]!r} is no network; a prefix length or a mask follows the slash"
        ) from None
    if ipaddress.ip_address(address.strip()) != network.network_address:
        raise ValueError(
            f"{text}: host bits are set; {network} is the network, {address.strip()} alone one address"
        )
    base = V4 if network.version == 4 else 0
    span = Span(base + int(network.network_address), base + int(network.broadcast_address))
    return _check_width(text, span)


def _read_wildcard(text: str) -> Span:
    octets = text.split(".")
    stars = sum(octet == "*" for octet in octets)
    if len(octets) != 4 or octets[4 - stars :] != ["*"] * stars or "*" in "".join(octets[: 4 - stars]):
        raise ValueError(f"{text[:60]!r}: a wildcard stands for the last octets of an IPv4 address")
    base = ".".join([*octets[: 4 - stars], *["0"] * stars])
    return _read_network(f"{base}/{32 - 8 * stars}")


def _check_width(text: str, span: Span) -> Span:
    is_v4 = span.first >> 32 == 0xFFFF
    widest = 32 - WIDEST_V4 if is_v4 else 128 - WIDEST_V6
    if span.last - span.first >= 1 << widest:
        raise ValueError(f"{text}: wider than any organisation's (/{WIDEST_V4 if is_v4 else WIDEST_V6})")
    address = ipaddress.ip_address((span.first - V4) if is_v4 else span.first)
    if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local:
        raise ValueError(f"{text}: nobody's, an address for special use")
    return span


def read_ports(cell: Cell) -> tuple[Span, ...]:
    """Port blocks in a cell; an empty cell means all ports.

    Raises:
        ValueError: no ports, or a date that a block such as 1-12 became.
    """
    text = _DASH.sub("-", text_of(cell))
    if text.lower() in ("", "-", "all", "*", "全部", "所有"):
        return (Span(0, PORTS - 1),)
    spans = []
    for part in filter(None, (p.strip() for p in _SPLIT.split(text))):
        first, _, last = part.partition("-")
        if not all(p.isascii() and p.isdigit() and int(p) < PORTS for p in (first, last or first)):
            raise ValueError(f"{part[:40]!r}: ports are 0 to {PORTS - 1}, a block is first-last")
        spans.append(Span(int(first), int(last or first)))
        if spans[-1].last < spans[-1].first:
            raise ValueError(f"{part}: ends before it begins")
    return tuple(spans)


def read_start(cell: Cell) -> int | None:
    """The moment from which something holds; None where it is open. Unix ns; a day begins at midnight in China."""
    return _read_moment(cell, is_end=False)


def read_end(cell: Cell) -> int | None:
    """The moment at which something ends; None where it is open. A day is included: it ends with the next midnight."""
    return _read_moment(cell, is_end=True)


def _read_moment(cell: Cell, *, is_end: bool) -> int | None:
    """Unix ns."""
    if isinstance(cell, datetime):
        moment, is_day = cell, cell.time() == time()
    elif isinstance(cell, date):
        moment, is_day = datetime.combine(cell, time()), True
    else:
        text = text_of(cell)
        if text.lower() in OPEN_ENDS:
            return None
        moment, is_day = _read_day(text)
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise ValueError(f"the year {moment.year} lies outside {FIRST_YEAR} to {LAST_YEAR}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=CHINA)
    if is_end and is_day:
        moment += timedelta(days=1)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) * 1000


def _read_day(text: str) -> tuple[datetime, bool]:
    """A moment, and whether it was given as a day only."""
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if re.fullmatch(r"[2-7]\d{4}", text):
        meant = EXCEL_EPOCH + timedelta(days=int(text))
        raise ValueError(f"{text} is Excel's number for a day, perhaps {meant}; format the cell as a date")
    if "T" in text and re.search(r"(Z|[+-]\d\d:\d\d)$", text):
        return datetime.fromisoformat(text), False
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no day; write 2021-09-08 or 2021年9月8日")
    numbers = [int(part) for part in found.groups() if part is not None]
    try:
        return datetime(*numbers), len(numbers) == 3  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no day: {error}") from None


def read_truth(cell: Cell) -> bool | None:
    """Yes, no or unknown.

    Raises:
        ValueError: none of them.
    """
    text = text_of(cell).lower()
    if not text or text in ("未知", "不详", "unknown"):
        return None
    if text in TRUTHS or text in FALSEHOODS:
        return text in TRUTHS
    raise ValueError(f"{text[:20]!r} is neither 是 nor 否")


def read_name(cell: Cell) -> str:
    """Words on one line.

    Raises:
        ValueError: too long or not printable.
    """
    text = re.sub(r"\s+", " ", text_of(cell)).lstrip("'")
    if len(text) > 200 or not text.isprintable():
        raise ValueError("longer than 200 characters or not printable")
    return text


def read_phone(cell: Cell) -> str:
    """A telephone number.

    Raises:
        ValueError: a number that has lost its leading zero.
    """
    text = text_of(cell)
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    if is_number and not re.fullmatch(r"1\d{10}|[1-9]\d{6,7}|400\d{7}", text):
        raise ValueError("Excel turned it into a number: a leading zero is lost")
    if not re.fullmatch(r"[\d+()\s/;,转-]{0,60}", text):
        raise ValueError(f"{text[:40]!r} is no telephone number")
    return text


READER_OF: Final[dict[str, Callable[[Cell], object]]] = {
    "ranges": read_ranges,
    "ports": read_ports,
    "start": read_start,
    "end": read_end,
    "is_public": read_truth,
    "confirmed": read_start,
    "phone": read_phone,
}
