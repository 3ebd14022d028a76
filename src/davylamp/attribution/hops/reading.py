"""Read log files: which parser fits is told by their first lines, never by their names.

A file is read as a stream of bounded lines; gzip is opened; UTF-8, UTF-16 and GB 18030 are told apart. Damaged
lines are counted, the first of them named, and the rest kept.
"""

import codecs
import gzip
import importlib
import itertools
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import IO, Final, Protocol, cast

from davylamp.attribution.hops.joining import Joiner
from davylamp.attribution.hops.record import About, Damage, Line, Nat, Outcome, Record, Records
from davylamp.errors import InputError
from davylamp.records import Fault

LINE_BYTES: Final = 65536  # judged: a syslog line has at most 8 KiB, a CSV row of events a few more
SNIFF_LINES: Final = 200  # judged: enough to pass the explanations and idle lines that a log begins with
SNIFF_BYTES: Final = 4096
PARSERS: Final = (
    "asa", "huawei", "h3c", "cgn", "nfdump", "conntrack", "isc_dhcp", "dnsmasq", "kea_log", "radius", "kea", "nsel",
    "windows_dhcp",
    "ad_logon", "event_viewer", "nac", "holders", "arp_mac",
)  # fmt: skip
"""Parser modules, the most exacting ``looks`` first."""

DAMAGED: Final = "E-HOP-001"
UNREADABLE: Final = "E-HOP-002"
UNKNOWN: Final = "E-HOP-003"
TOO_LONG: Final = "E-HOP-004"
CUT: Final = "E-HOP-005"

Keep = Callable[[Record], bool]


class Parser(Protocol):
    """What a module of this folder offers."""

    NAME: str

    def looks(self, head: Sequence[str]) -> bool:
        """Whether the first lines look like its own."""

    def read(self, lines: Iterable[Line], about: About) -> Iterator[Outcome]:
        """Every line's outcome."""


@dataclass(slots=True)
class LogReport:
    """What was read from one file, and what was wrong with it."""

    path: str
    parser: str = ""
    lines: int = 0
    records: int = 0  # kept
    not_mine: int = 0
    faults: list[Fault] = field(default_factory=list)

    def note(self, code: str, message: str, offset: int = 0) -> None:
        """Count a fault; the first of a code keeps its message."""
        for index, fault in enumerate(self.faults):
            if fault.code == code:
                self.faults[index] = Fault(code, fault.message, fault.path, fault.offset, fault.count + 1)
                return
        self.faults.append(Fault(code, message, self.path, offset))


def parser_named(name: str) -> Parser:
    """A parser module."""
    return cast("Parser", importlib.import_module(f"davylamp.attribution.hops.{name}"))


def sniff(head: Sequence[str]) -> str | None:
    """The name of the parser that the first lines fit, or None."""
    for name in PARSERS:
        if parser_named(name).looks(head):
            return name
    return None


def find_logs(paths: Sequence[str]) -> list[Path]:
    """Files named, and all files below folders named, in order; hidden ones are left out.

    Raises:
        InputError: E-HOP-006 with every path that does not exist, and every folder without a file.
    """
    found: list[Path] = []
    faults: list[str] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            found += inside
            faults += [] if inside else [f"no log in folder: {text}"]
        elif path.is_file():
            found.append(path)
        else:
            faults.append(f"no such file or folder: {text}")
    if faults:
        raise InputError("E-HOP-006", "; ".join(faults), "name logs or a folder of logs")
    return list(dict.fromkeys(found))


def read_logs(
    paths: Sequence[Path],
    into: Records,
    *,
    zone: tzinfo = UTC,
    reference_ns: int | None = None,
    keep: Keep | None = None,
) -> list[LogReport]:
    """Read files into ``into``; gives a report per file.

    Args:
        paths: files, see `find_logs`.
        into: gets the records.
        zone: of time stamps that name none.
        reference_ns: a moment shortly after the last line of every file; None takes each file's time.
        keep: which records are kept; translations are asked once their life is joined.
    """
    names = source_names(paths)
    reports = []
    for path, name in zip(paths, names, strict=True):
        report = LogReport(str(path))
        reports.append(report)
        try:
            stamp = int(os.stat(path).st_mtime_ns) if reference_ns is None else reference_ns
            about = About(name, stamp, zone, reference_ns is None)
            with opened(path) as file:
                read_stream(file, about, into, report, keep)
        except (OSError, ValueError) as error:
            report.note(UNREADABLE, f"cannot be read: {error}")
    return reports


def source_names(paths: Sequence[Path]) -> list[str]:
    """File names, with as much of their folders as makes them differ."""
    names = [p.name for p in paths]
    return [
        name if names.count(name) == 1 else f"{path.parent.name}/{name}"
        for name, path in zip(names, paths, strict=True)
    ]


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, uncompressed."""
    with path.open("rb") as file:
        magic = file.read(2)
    return cast("IO[bytes]", gzip.open(path, "rb")) if magic == b"\x1f\x8b" else path.open("rb")


def read_stream(
    file: IO[bytes], about: About, into: Records, report: LogReport, keep: Keep | None = None
) -> None:
    """Read one log into ``into`` and count it in ``report``."""
    lines = split_lines(file, report)
    head = list(itertools.islice(lines, SNIFF_LINES))
    report.parser = sniff([line.text for line in head]) or ""
    if not report.parser:
        report.lines += sum(1 for _ in lines)
        report.note(UNKNOWN, "no parser knows these lines; nothing was taken from them")
        return
    joiner = Joiner()

    def take(record: Record) -> None:
        if keep is None or keep(record):
            into.add(record)
            report.records += 1

    for outcome in parser_named(report.parser).read(itertools.chain(head, lines), about):
        if outcome is None:
            report.not_mine += 1
        elif isinstance(outcome, Damage):
            report.note(DAMAGED, f"line {outcome.line}: {outcome.message}")
        else:
            for record in outcome:
                if isinstance(record, Nat):
                    for nat in joiner.push(record):
                        take(nat)
                else:
                    take(record)
    for nat in joiner.finish():
        take(nat)


def split_lines(file: IO[bytes], report: LogReport) -> Iterator[Line]:
    """Lines as text; one that is too long is left out and counted."""

    def read(size: int) -> bytes:
        try:
            return file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            report.note(CUT, f"the compressed file is cut or damaged, what came before was kept: {error}")
            return b""

    first = read(SNIFF_BYTES)
    decode = codec_of(first)
    for number, raw in enumerate(raw_lines(read, first), 1):
        report.lines = number
        if len(raw) >= LINE_BYTES:
            report.note(TOO_LONG, f"line {number}: longer than {LINE_BYTES} bytes, left out")
            continue
        yield Line(number, decode(raw).rstrip("\r\n\0").lstrip("\ufeff"))


Decode = Callable[[bytes], str]


def codec_of(first: bytes) -> Decode:
    """How the file's bytes become text; bytes that fit no encoding are replaced, not refused."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return lambda raw: raw.decode("utf-8", "replace")  # transcoded by `raw_lines`
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)
    except UnicodeDecodeError:
        return lambda raw: raw.decode("gb18030", "replace")
    return lambda raw: raw.decode("utf-8", "replace")


def raw_lines(read: Callable[[int], bytes], first: bytes) -> Iterator[bytes]:
    """Lines as bytes, each at most `LINE_BYTES` long; the rest of a longer one is swallowed."""
    wide = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16")("replace") if wide else None
    pending = b""
    swallowing = False
    chunk = first
    while chunk:
        if decoder is not None:
            chunk = decoder.decode(chunk).encode()
        pieces = (pending + chunk).split(b"\n")
        pending = pieces.pop()
        for piece in pieces:
            if not swallowing:
                yield piece[:LINE_BYTES]
            swallowing = False
        if len(pending) >= LINE_BYTES:
            if not swallowing:
                yield pending[:LINE_BYTES]
            pending, swallowing = b"", True
        chunk = read(1 << 16)
    if pending and not swallowing:
        yield pending
