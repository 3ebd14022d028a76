"""Cells of logs: addresses, MACs, ports, host names; tables with a head line under many names.

Every function raises ValueError with a sentence for a cell that is not what it should be.
"""

import csv
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from davylamp.attribution.hops.record import LAST_PORT, About, Damage, Line, Outcome, Record, Row
from davylamp.records import Endpoint

HEAD_LINES: Final = (
    60  # judged: how far down a table's head line may stand (the Windows DHCP log has 30 lines)
)
LAST_CELL: Final = "*"  # a row's last cell, under whatever head or none
HEAD_CHARACTERS: Final = 4096  # judged: the widest export has some hundred columns
CELL_CHARACTERS: Final = 256  # judged: the longest name worth keeping
PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1, "6": 6, "17": 17, "1": 1, "any": 0, "0": 0, "": 0}

_HEX: Final = re.compile(r"[0-9a-f]{12}")
_SEPARATORS: Final = re.compile(r"[\s:.\-]")
Aliases: TypeAlias = Mapping[str, Sequence[str]]
"""Name of a cell here -> names of its column, lower case without blanks, dots, dashes and underlines."""


@lru_cache(maxsize=65536)
def ip(text: str) -> str:
    """An address in its canonical form; IPv4 mapped into IPv6 becomes IPv4."""
    cell = text.strip().strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(cell)
    except ValueError:
        raise ValueError(f"no address: {text[:48]!r}") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


@lru_cache(maxsize=65536)
def mac(text: str) -> str:
    """A 48-bit MAC as ``aa:bb:cc:dd:ee:ff``, from any usual form; group and all-zero addresses are none."""
    digits = _SEPARATORS.sub("", text.strip().lower())
    if digits.startswith("01") and len(digits) == 14:  # client identifier: hardware type 1 before the MAC
        digits = digits[2:]
    if not _HEX.fullmatch(digits) or digits == "0" * 12 or int(digits[1], 16) & 1:
        raise ValueError(f"no MAC of a device: {text[:32]!r}")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def is_group(text: str) -> bool:
    """Whether a MAC is a multicast or broadcast one, which no device has."""
    digits = _SEPARATORS.sub("", text.strip().lower())
    return bool(_HEX.fullmatch(digits)) and bool(int(digits[1], 16) & 1)


def mac_of_duid(text: str) -> str:
    """The MAC inside a DHCPv6 client's identifier, or nothing where its kind holds none (RFC 8415, 11.2 and 11.4).

    It is that of one of the machine's interfaces, not always of the one that asked.
    """
    digits = _SEPARATORS.sub("", text.strip().lower())
    for kind, length in (("00010001", 28), ("00030001", 20)):
        if digits.startswith(kind) and len(digits) == length:
            try:
                return mac(digits[-12:])
            except ValueError:
                return ""
    return ""


DUID_NOTE: Final = "the MAC is out of the client's DUID: one of the machine's interfaces"


def port(text: str) -> int:
    """A port 0..65535."""
    cell = text.strip()
    if not cell.isascii() or not cell.isdigit() or len(cell) > 5 or int(cell) > LAST_PORT:
        raise ValueError(f"no port: {text[:16]!r}")
    return int(cell)


def count(text: str) -> int:
    """A whole number of seconds or the like, 0..999999999."""
    cell = text.strip()
    if not cell.isascii() or not cell.isdigit() or len(cell) > 9:
        raise ValueError(f"no number: {text[:16]!r}")
    return int(cell)


def protocol(text: str) -> int:
    """An IP protocol by name or number; others than TCP, UDP and ICMP raise."""
    number = PROTOCOLS.get(text.strip().lower())
    if number is None:
        raise ValueError(f"protocol not followed: {text[:16]!r}")
    return number


def endpoint(address: str, number: str) -> Endpoint:
    """Address and port."""
    return Endpoint(ip(address), port(number))


def name(text: str) -> str:
    """A host, user or place as one clean line; control characters go, length is bounded."""
    return "".join(c for c in text.strip() if c.isprintable())[:CELL_CHARACTERS]


def host_key(text: str) -> str:
    """What two spellings of one host name share: lower case, first label, without a machine account's dollar."""
    return name(text).lower().rstrip("$").partition(".")[0]


def plain_column(text: str) -> str:
    """A column's name as aliases write it."""
    return re.sub(r"[\s._\-:()（）/]+", "", text.strip().strip("\ufeff\"'").lower())


class Columns(NamedTuple):
    """Where the wanted cells stand in a row."""

    places: dict[str, int]
    delimiter: str


def find_columns(line: str, aliases: Aliases) -> Columns:
    """The wanted columns of a head line."""
    if len(line) > HEAD_CHARACTERS:
        return Columns({}, ",")
    delimiter = max(",\t;|", key=line.count)
    try:
        cells = [plain_column(c) for c in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:  # a line that no reader takes is no head line
        cells = []
    places: dict[str, int] = {}
    for wanted, known in aliases.items():
        for alias in known:
            if alias in cells:
                places[wanted] = cells.index(alias)
                break
    return Columns(places, delimiter)


def find_head(head: Sequence[str], aliases: Aliases, needed: Iterable[Iterable[str]]) -> int | None:
    """Index of the head line among the first lines: of each group of names in ``needed`` one must be there."""
    groups = [set(group) for group in needed]
    for index, line in enumerate(head[:HEAD_LINES]):
        places = find_columns(line, aliases).places if any(d in line for d in ",\t;|") else {}
        if places and all(group & places.keys() for group in groups):
            return index
    return None


RowParser: TypeAlias = Callable[[int, Row, About], Outcome]


def read_table(
    lines: Iterable[Line], about: About, aliases: Aliases, needed: Iterable[Iterable[str]], parse: RowParser
) -> Iterator[Outcome]:
    """Rows below a head line, each through ``parse``; quoted cells may run over several lines."""
    numbers: list[int] = [0]
    groups = [tuple(group) for group in needed]

    def texts() -> Iterator[str]:
        for number, text in rest:
            numbers[0] = number
            yield f"{text}\n"  # inside quotes the line end belongs to the cell

    rest = iter(lines)
    columns: Columns | None = None
    for line in rest:
        if find_head([line.text], aliases, groups) is not None:
            columns = find_columns(line.text, aliases)
            break
        yield None
    if columns is None:
        return
    reader = csv.reader(texts(), delimiter=columns.delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Damage(numbers[0], str(error))
            continue
        yield parse_cells(cells, columns, numbers[0], about, parse) if any(cells) else None


def parse_cells(cells: list[str], columns: Columns, number: int, about: About, parse: RowParser) -> Outcome:
    """One row through its parser, damage where a cell is bad or missing."""
    if max(columns.places.values()) >= len(cells):
        return Damage(number, f"{len(cells)} cells, {max(columns.places.values()) + 1} needed")
    try:
        named = {k: cells[i].strip() for k, i in columns.places.items()}
        return parse(number, {**named, LAST_CELL: cells[-1]}, about)
    except ValueError as error:
        return Damage(number, str(error))


LineParser: TypeAlias = Callable[[Line, About], Outcome]


def read_lines(lines: Iterable[Line], about: About, parse: LineParser) -> Iterator[Outcome]:
    """Every line through ``parse``; its ValueError becomes damage."""
    for line in lines:
        try:
            yield parse(line, about) if line.text else None
        except ValueError as error:
            yield Damage(line.number, str(error))


def one(record: Record) -> tuple[Record, ...]:
    """A single record as an outcome."""
    return (record,)
