"""From a ledger (台账) to facts: which column is what, and every fault of the file at once.

One row names an organisation and may state addresses, ports, days, a contact and a superior for it. Rows of the same
organisation complete each other. A file speaks only of the kinds of facts that it has columns for. A sheet with the
columns 原代码 and 新代码 states successions. Times are China Standard Time.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from davylamp.attribution import codes
from davylamp.attribution.codes import half_width
from davylamp.attribution.imports_cells import READER_OF as CELL_READERS
from davylamp.attribution.imports_cells import Cell, Span, exact_text, read_name
from davylamp.attribution.imports_sheets import Oddity, Sheet, read_sheets
from davylamp.attribution.registry_records import (
    PORTS,
    Contact,
    Fact,
    NetRange,
    Organisation,
    Relation,
    Succession,
)
from davylamp.errors import TableError
from davylamp.tables.regions import region_of

HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "code": ("统一社会信用代码", "社会信用代码", "信用代码", "单位代码", "credit_code", "code"),
    "key": ("单位编号", "单位编码", "自编码", "key"),
    "name": ("单位名称", "单位", "名称", "使用单位", "机构名称", "name"),
    "region": ("行政区划代码", "区划代码", "行政区划", "region"),
    "sector": ("行业", "所属行业", "行业类别", "sector"),
    "is_public": ("是否公共机构", "公共机构", "公共属性", "是否国有", "is_public", "public"),
    "department": ("主管部门", "department"),
    "parent": ("上级单位代码", "上级单位统一社会信用代码", "隶属单位代码", "上级代码", "parent"),
    "ranges": ("地址段", "ip段", "ip地址段", "ip地址", "地址", "网段", "ip", "network", "range", "ranges"),
    "ports": ("端口", "端口段", "端口范围", "端口块", "ports"),
    "start": ("起始", "起始日期", "起始时间", "启用日期", "分配日期", "开始日期", "valid_from"),
    "end": ("截止", "截止日期", "截止时间", "终止日期", "停用日期", "结束日期", "valid_to"),
    "note": ("备注", "用途", "note"),
    "contact": ("联络员", "联系人", "contact"),
    "phone": ("联系电话", "电话", "手机", "手机号", "phone"),
    "mail": ("邮箱", "电子邮箱", "mail"),
    "confirmed": ("确认日期", "最近确认", "核实日期", "confirmed"),
    "old": ("原代码", "原统一社会信用代码", "原单位代码", "old"),
    "new": ("新代码", "新统一社会信用代码", "现代码", "new"),
    "changed": ("变更日期", "changed"),
    "change": ("变更类型", "change"),
    "basis": ("依据", "文号", "basis"),
    "": ("层", "来源", "序号", "编号", "layer", "source"),  # known and not read
}
FIELD_OF: Final = {header: name for name, headers in HEADERS.items() for header in headers}
HEADER_ROWS: Final = 20  # judged: titles and remarks above a table's head take a few rows
MOST_FAULTS: Final = 50  # judged: a message with more is not read; the list has them all
KINDS_OF_SUCCESSION: Final = {
    "": "merged", "合并": "merged", "merged": "merged", "撤并": "merged",
    "更码": "recoded", "换码": "recoded", "更名": "recoded", "recoded": "recoded",
}  # fmt: skip
_HINTS: Final = {
    "code": "format the column as text, then enter the code again from its document",
    "key": "format the column as text",
    "region": "six digits, such as 330106",
    "ranges": "10.1.0.0/16, 10.1.2.0-10.1.3.255, 10.1.2.3 or 2001:db8::/32; several are separated by semicolons",
    "ports": "1024-2047; empty for all ports; format the column as text",
    "start": "2021-09-08 or 2021年9月8日; empty where nobody knows",
    "end": "the last day, 2021-09-08 or 2021年9月8日; empty or 至今 where it goes on",
    "is_public": "是 or 否; empty where nobody knows",
    "phone": "format the column as text",
}


@dataclass(frozen=True, slots=True)
class ImportFault:
    """What is wrong with a place in a file, or worth a look."""

    sheet: str
    row: int
    column: str  # letter as a spreadsheet shows it; empty for a whole row
    header: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"sheet {self.sheet}, row {self.row}"
        place += f", column {self.column} ({self.header})" if self.column else ""
        return f"{place}: {self.message}"


@dataclass(slots=True)
class Ledger:
    """What a file states. ``notes`` stop nothing; with ``faults`` nothing of it is taken."""

    path: Path
    facts: list[Fact] = field(default_factory=list)
    kinds: set[type[Any]] = field(default_factory=set)
    faults: list[ImportFault] = field(default_factory=list)
    notes: list[ImportFault] = field(default_factory=list)
    rows: int = 0

    def check(self) -> None:
        """Refuse a file with faults.

        Raises:
            TableError: E-REG-010 with every fault and its place.
        """
        if self.faults:
            shown = "\n  ".join(map(str, self.faults[:MOST_FAULTS]))
            more = f"\n  and {len(self.faults) - MOST_FAULTS} more" if len(self.faults) > MOST_FAULTS else ""
            told = {fault.hint: fault.header for fault in reversed(self.faults) if fault.hint}
            hints = [f"{header}: {hint}" if header else hint for hint, header in reversed(told.items())]
            count = f"{len(self.faults)} fault{'s' * (len(self.faults) > 1)}"
            raise TableError("E-REG-010", f"{self.path}: {count}\n  {shown}{more}", "\n  ".join(hints))


def read_ledger(path: Path, site: Path | None = None) -> Ledger:
    """Read a ledger whole; never stops at a fault.

    Args:
        path: a CSV or XLSX file.
        site: the operator's folder with more region codes.

    Raises:
        TableError: E-REG-011 when the file cannot be opened, E-REG-012 when no sheet has a known table.
    """
    ledger = Ledger(path)
    organisations: dict[str, tuple[Organisation, str]] = {}
    seen: dict[tuple[Any, ...], tuple[Any, str]] = {}
    found = False
    for sheet in read_sheets(path):
        table = _find_table(sheet)
        if table is None:
            continue
        found = True
        _TableReader(ledger, table, organisations, seen, site).read()
    if not found:
        hint = "a table needs a head with 统一社会信用代码 or 单位编号, and 单位名称 or 地址段"
        raise TableError("E-REG-012", f"{path}: no table with known columns", hint)
    ledger.facts[:0] = [organisation for organisation, _ in organisations.values()]
    return ledger


@dataclass(frozen=True, slots=True)
class _Table:
    """A sheet's table: the row of its head, and which field stands in which column (from 0)."""

    sheet: Sheet
    head: int
    columns: dict[str, int]
    unread: tuple[str, ...]


def _find_table(sheet: Sheet) -> _Table | None:
    """The first row that names a known table."""
    for place, row in enumerate(sheet.rows[:HEADER_ROWS]):
        names = [_field_of(cell) for cell in row]
        known = {name for name in names if name}
        if {"old", "new"} <= known or ({"code", "key"} & known and {"name", "ranges"} & known):
            columns = {name: names.index(name) for name in dict.fromkeys(names) if name}
            repeated = {name for name in known if names.count(name) > 1}
            unread = tuple(
                str(cell)[:40]
                for cell, name in zip(row, names, strict=True)
                if cell is not None and str(cell).strip() and (name is None or name in repeated)
            )
            return _Table(sheet, place, columns, unread)
    return None


def _field_of(cell: Cell) -> str | None:
    """The field that a header names; empty for one that is known and not read."""
    text = re.sub(r"[\s*:：]|[（(].*?[)）]", "", half_width(str(cell or "")).lower())
    return FIELD_OF.get(text)


class _TableReader:
    """Reads the rows of one table into the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        table: _Table,
        organisations: dict[str, tuple[Organisation, str]],
        seen: dict[tuple[Any, ...], tuple[Any, str]],
        site: Path | None,
    ) -> None:
        self.ledger, self.table, self.site = ledger, table, site
        self.organisations, self.seen = organisations, seen
        self.rows_seen: dict[tuple[Cell, ...], int] = {}
        self.odd_groups: set[str] = set()
        self.row = 0
        self.good = True
        self.bad: set[str] = set()  # fields of the row that have a fault

    def read(self) -> None:
        """Every row below the head."""
        has = self.table.columns.keys()
        self.ledger.kinds |= {
            kind
            for name, kind in (
                ("name", Organisation),
                ("ranges", NetRange),
                ("contact", Contact),
                ("parent", Relation),
                ("old", Succession),
            )
            if name in has
        }
        self.row = self.table.head + 1
        for header in self.table.unread:
            self._note("", f"the column {header!r} is not read", "known columns: docs/guides/registry.md")
        rows = self.table.sheet.rows
        for place in range(self.table.head + 1, len(rows)):
            self.row, self.good = place + 1, True
            self.bad.clear()
            if any(cell is not None and str(cell).strip() for cell in rows[place]):
                self.ledger.rows += 1
                first = self.rows_seen.setdefault(tuple(rows[place]), self.row)
                if first == self.row:
                    self._read_row(rows[place])
                else:
                    self._fault("", f"repeats row {first}", "state it once")

    def _read_row(self, cells: Sequence[Cell]) -> None:
        values = {
            name: self._read_cell(name, at, cells[at] if at < len(cells) else None)
            for name, at in self.table.columns.items()
            if name
        }
        if "old" in values:
            self._succession(values)
            return
        code = values.get("code") or values.get("key")
        if not code and not self.bad & {"code", "key"}:
            self._fault(
                "code" if "code" in values else "key",
                "empty",
                "a body without a credit code gets a key of your own in 单位编号",
            )
        start, end = values.get("start"), values.get("end")
        if start is not None and end is not None and end <= start:
            self._fault("end", "ends before it begins", "")
        if not code or not self.good:
            return
        dates = {"valid_from_ns": start, "valid_to_ns": end}
        speaks_of_ranges = "ranges" in self.table.columns
        self._organisation(values, code, {} if speaks_of_ranges else dates)
        for span in values.get("ranges") or ():
            for ports in values.get("ports") or (Span(0, PORTS - 1),):
                note = values.get("note") or ""
                self._add(
                    "ranges", NetRange(code, span.first, span.last, ports.first, ports.last, note, **dates)
                )
        if values.get("contact"):
            about = (values.get("phone") or "", values.get("mail") or "", values.get("confirmed"))
            self._add("contact", Contact(code, values["contact"], *about), may_repeat=True)
        if values.get("parent"):
            self._add("parent", Relation(code, values["parent"]), may_repeat=True)

    def _read_cell(self, name: str, at: int, cell: Cell) -> Any:
        oddity = self.table.sheet.oddities.get((self.row, at + 1))
        if oddity is not None:
            self._odd(name, oddity)
            return None
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        try:
            return self._reader_of(name)(cell)
        except ValueError as error:
            self._fault(name, str(error), _HINTS.get(name, ""))
            return None

    def _reader_of(self, name: str) -> Callable[[Cell], Any]:
        if name in ("code", "parent", "old", "new"):
            return self._read_code
        if name == "key":
            return lambda cell: codes.read_own_key(exact_text(cell))
        if name == "region":
            return self._read_region
        if name == "changed":
            return CELL_READERS["start"]
        return CELL_READERS.get(name, read_name)

    def _read_code(self, cell: Cell) -> str:
        text = exact_text(cell)
        is_key = text in self.organisations and not codes.is_credit_code(text)
        return text if is_key else codes.read_credit_code(text)

    def _read_region(self, cell: Cell) -> str:
        number = int(cell) if isinstance(cell, float) and cell.is_integer() else cell
        code = codes.read_region(str(number), None, self.site)
        row = region_of(code, self.site)
        if row is not None and row.until is not None:
            successor = f", largely {row.successor} since" if row.successor else ""
            self._note("region", f"{code} {row.name} was abolished on {row.until}{successor}", "")
        return code

    def _organisation(self, values: dict[str, Any], code: str, dates: dict[str, Any]) -> None:
        """Rows of one organisation complete each other and may not contradict each other."""
        if "name" not in self.table.columns:
            return
        about = {name: values.get(name) for name in ("region", "sector", "is_public", "department")}
        stated = {name: value for name, value in about.items() if value is not None}
        made = Organisation(code, values.get("name") or "", **stated, **dates)
        known, where = self.organisations.get(code, (made, self._here()))
        for attribute in fields(Organisation):
            old, new = getattr(known, attribute.name), getattr(made, attribute.name)
            if new in (None, "") or new == old:
                continue
            if old in (None, ""):
                known = replace(known, **{attribute.name: new})
            else:
                self._fault(
                    _COLUMN_OF.get(attribute.name, attribute.name),
                    f"{new!r}, but {where} says {old!r} for the same organisation",
                    "",
                )
        if not known.name:
            self._fault("name", "empty", "the organisation needs a name in one of its rows")
        self.organisations[code] = (known, where)

    def _succession(self, values: dict[str, Any]) -> None:
        old, new, at = values.get("old"), values.get("new"), values.get("changed")
        kind = KINDS_OF_SUCCESSION.get(values.get("change") or "")
        for name, value in (("old", old), ("new", new), ("changed", at)):
            if value is None and name not in self.bad:
                self._fault(name, "empty", "a succession needs both codes and its day")
        if kind is None:
            self._fault("change", "neither 合并 nor 更码", "")
        if old is not None and old == new:
            self._fault("new", "the same as the old code", "")
        if self.good:
            self._add("old", Succession(old, new, kind, values.get("basis") or "", at))  # type: ignore[arg-type]

    def _add(self, name: str, fact: Fact, *, may_repeat: bool = False) -> None:
        place = (type(fact), *fact.identity, fact.valid_from_ns)
        known, where = self.seen.setdefault(place, (fact, self._here()))
        if known is fact:
            self.ledger.facts.append(fact)
        elif known != fact:
            self._fault(name, f"{where} states it differently", "state it once")
        elif not may_repeat:
            self._fault(name, f"repeats {where}", "state it once")

    def _here(self) -> str:
        return f"sheet {self.table.sheet.name}, row {self.row}"

    def _odd(self, name: str, oddity: Oddity) -> None:
        self.good = False
        self.bad.add(name)
        if oddity.group not in self.odd_groups:
            self.odd_groups.add(oddity.group)
            self._fault(name, oddity.message, oddity.hint)

    def _fault(self, name: str, message: str, hint: str) -> None:
        self.good = False
        self.bad.add(name)
        self.ledger.faults.append(self._place(name, message, hint))

    def _note(self, name: str, message: str, hint: str) -> None:
        self.ledger.notes.append(self._place(name, message, hint))

    def _place(self, name: str, message: str, hint: str) -> ImportFault:
        sheet, at = self.table.sheet, self.table.columns.get(name)
        if at is None:
            return ImportFault(sheet.name, self.row, "", "", message, hint)
        return ImportFault(
            sheet.name, self.row, _letter(at), str(sheet.rows[self.table.head][at]), message, hint
        )


_COLUMN_OF: Final = {"valid_from_ns": "start", "valid_to_ns": "end"}


def _letter(at: int) -> str:
    """A column's letter: A for 0, AA for 26."""
    return (_letter(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)
