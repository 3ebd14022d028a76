"""Times as logs write them, to Unix nanoseconds.

A stamp without a year takes the latest year that is not after the reference; one without a zone takes the
source's zone. Fractions are kept to the nanosecond.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from davylamp.attribution.hops.record import NS, About

_MONTH_NAMES: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTHS: Final = {
    spelling: number
    for number, name in enumerate(_MONTH_NAMES, 1)
    for spelling in (name, name[:3], *(("sept",) if number == 9 else ()))
}
AHEAD: Final = timedelta(days=1)  # judged: a recorder's clock or zone may be ahead of the file's time
EARLIEST: Final = 315_532_800 * NS  # 1980-01-01: older stamps are clocks that were never set
LATEST: Final = 4_102_444_800 * NS  # 2100-01-01

_CLOCK: Final = r"(?P<h>\d{1,2}):(?P<mi>\d\d):(?P<s>\d\d)(?:[.,:](?P<f>\d{1,9}))?"
_ISO: Final = re.compile(
    r"(?P<y>\d{4})[-/](?P<mo>\d{1,2})[-/](?P<d>\d{1,2})[T ,]+"
    + _CLOCK
    + r"(?:\s?(?P<z>Z|UTC|[+-]\d\d(?::?\d\d)?(?![\d/\-])))?"
)
_NAMED: Final = re.compile(
    r"(?:\b(?P<y0>\d{4})\s+)?(?P<mon>[A-Za-z]{3,9})\s+(?P<d>\d{1,2})(?:,?\s+(?P<y>\d{4}))?,?\s+"
    + _CLOCK
    + r"(?:\s+(?:(?P<z>UTC|GMT)\s+)?"
    r"(?P<y2>\d{4})(?=\s|$|:))?(?:\s(?P<z2>UTC|GMT|Z)\b)?"
)
_SLASHED: Final = re.compile(
    r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4}|\d\d)[ ,]+" + _CLOCK + r"(?:\s*(?P<half>[AaPp][Mm]))?"
)
_CHINESE: Final = re.compile(
    r"(?:(?P<y>\d{4})年\s*)?(?P<mo>\d{1,2})月\s*(?P<d>\d{1,2})(?:日\s*|\s+)" + _CLOCK
)
_EPOCH: Final = re.compile(r"\d{9,10}(?:\.\d{1,9})?|\d{13}|\d{16}|\d{19}")
_DENSE: Final = re.compile(r"(?P<mo>\d\d)(?P<d>\d\d)(?P<y>20\d\d)(?P<h>\d\d)(?P<mi>\d\d)(?P<s>\d\d)")
_ANY: Final = re.compile(re.sub(r"\?P<\w+>", "?:", f"{_ISO.pattern}|{_CHINESE.pattern}|{_NAMED.pattern}"))


class Stamp(NamedTuple):
    """A time found in a text."""

    at_ns: int
    has_year: bool
    end: int  # offset behind it in the text


@lru_cache(maxsize=4096)
def _second(parts: tuple[int, int, int, int, int, int], zone: tzinfo) -> int:
    """Unix seconds; raises ValueError for a day that is none."""
    year, month, day, hour, minute, second = parts
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    return int(moment.timestamp()) + (second > 59)  # a leap second is the next one


def _fraction(digits: str | None) -> int:
    return int(digits.ljust(9, "0")) if digits else 0


def _zone(text: str | None, default: tzinfo) -> tzinfo:
    if not text:
        return default
    if text in ("Z", "UTC", "GMT"):
        return UTC
    sign = -1 if text[0] == "-" else 1
    return tzinfo_of(sign * (int(text[1:3]) * 60 + int(text[3:].lstrip(":") or "0")))


@lru_cache(maxsize=64)
def tzinfo_of(minutes: int) -> tzinfo:
    """A fixed offset east of Greenwich; raises ValueError when no zone has it."""
    from datetime import timezone

    return timezone(timedelta(minutes=minutes))


def year_before(month: int, day: int, about: About) -> int:
    """The latest year in which the day is not after the reference."""
    limit = datetime.fromtimestamp(about.reference_ns / NS, about.zone) + AHEAD
    for year in range(limit.year, limit.year - 9, -1):  # 29 February comes every 4 years, or 8
        try:
            if datetime(year, month, day, tzinfo=about.zone) <= limit:
                return year
        except ValueError:
            continue
    raise ValueError("no such day")


def _checked(at_ns: int) -> int:
    if not EARLIEST <= at_ns <= LATEST:
        raise ValueError("a time outside 1980..2100: the recorder's clock was not set")
    return at_ns


def find_stamp(text: str, about: About, *, last: bool = False) -> Stamp | None:
    """The first time stamp of a line's head; with ``last`` the device's own behind those of relays.

    Of several, one with a year is preferred: it needs no guess.
    """
    found = list(_ANY.finditer(text))
    stamps: list[Stamp] = []
    for match in found if last else found[:1]:
        try:
            at_ns, has_year = _text_to_ns(match.group(), about)
        except ValueError:
            continue
        stamps.append(Stamp(at_ns, has_year, match.end()))
    if not stamps:
        return None
    return max(stamps, key=lambda s: (s.has_year, s.end))


def _text_to_ns(text: str, about: About) -> tuple[int, bool]:
    match = _ISO.match(text) or _CHINESE.match(text) or _DENSE.fullmatch(text)
    if match is not None:
        part = match.groupdict()
        month, day = int(part["mo"]), int(part["d"])
        year = int(part["y"]) if part["y"] else year_before(month, day, about)
        parts = (year, month, day, int(part["h"]), int(part["mi"]), int(part["s"]))
        seconds = _second(parts, _zone(part.get("z"), about.zone))
        return _checked(seconds * NS + _fraction(part.get("f"))), bool(part["y"])
    match = _NAMED.search(text)
    if match is not None:
        return _named(match, about)
    match = _SLASHED.match(text)
    if match is not None:
        return _slashed(match, about), True
    raise ValueError(f"no time stamp: {text[:40]!r}")


def _named(match: re.Match[str], about: About) -> tuple[int, bool]:
    part = match.groupdict()
    month = MONTHS.get(part["mon"].lower())
    if month is None:
        raise ValueError(f"no month: {part['mon']}")
    written = part["y0"] or part["y"] or part["y2"]
    day = int(part["d"])
    year = int(written) if written else year_before(month, day, about)
    parts = (year, month, day, int(part["h"]), int(part["mi"]), int(part["s"]))
    seconds = _second(parts, _zone(part["z"] or part["z2"], about.zone))
    return _checked(seconds * NS + _fraction(part["f"])), bool(written)


def _slashed(match: re.Match[str], about: About) -> int:
    """Month first, as Windows writes it in English; day first where the first number is no month."""
    part = match.groupdict()
    month, day = int(part["a"]), int(part["b"])
    if month > 12:
        month, day = day, month
    year = int(part["y"]) + (2000 if len(part["y"]) == 2 else 0)
    hour = int(part["h"])
    if part["half"]:
        hour = hour % 12 + (12 if part["half"].lower() == "pm" else 0)
    seconds = _second((year, month, day, hour, int(part["mi"]), int(part["s"])), about.zone)
    return _checked(seconds * NS + _fraction(part["f"]))


def to_ns(text: str, about: About) -> int:
    """A cell's time in any of the forms above, or Unix seconds, milli-, micro- or nanoseconds.

    Raises:
        ValueError: when it is none.
    """
    cell = text.strip()
    if _EPOCH.fullmatch(cell):
        whole, _, digits = cell.partition(".")
        scale = {13: 10**6, 16: 10**3, 19: 1}.get(len(whole), NS)
        return _checked(int(whole) * scale + _fraction(digits or None))
    return _text_to_ns(cell, about)[0]


def duration_ns(text: str) -> int:
    """``H:MM:SS`` or seconds.

    Raises:
        ValueError: when it is neither.
    """
    parts = text.strip().split(":")
    if len(parts) > 3:
        raise ValueError(f"no duration: {text[:20]!r}")
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + float(part)
    if not 0 <= seconds < 1e9:
        raise ValueError(f"no duration: {text[:20]!r}")
    return int(seconds * NS)
