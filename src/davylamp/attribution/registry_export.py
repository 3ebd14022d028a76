"""The registry as a ledger again, in the columns that an import reads: export, edit, import, see the difference.

Texts that a spreadsheet would run as a formula get an apostrophe in front in CSV, which an import takes away again; in
XLSX every cell is typed as text.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from davylamp.attribution.codes import is_credit_code
from davylamp.attribution.imports_cells import CHINA
from davylamp.attribution.registry import Registry
from davylamp.attribution.registry_records import (
    LAYERS,
    PORTS,
    Contact,
    Fact,
    NetRange,
    Organisation,
    Origin,
    Relation,
    Stored,
)

LEDGER: Final = (
    "统一社会信用代码", "单位编号", "单位名称", "行政区划代码", "行业", "是否公共机构", "主管部门", "上级单位代码",
    "地址段", "端口", "起始", "截止", "备注", "层", "来源",
)  # fmt: skip
CONTACTS: Final = ("联络员", "联系电话", "邮箱", "确认日期")
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_RANK: Final[dict[str, int]] = {layer: rank for rank, layer in enumerate(LAYERS)}
_TRUTH: Final = {True: "是", False: "否", None: ""}


def ledger_rows(
    registry: Registry,
    origin: Origin | None = None,
    as_of_ns: int | None = None,
    at_ns: int | None = None,
    *,
    with_contacts: bool = False,
) -> Iterator[dict[str, str]]:
    """Rows of a ledger: one per range, one for an organisation without any.

    Args:
        registry: what is exported.
        origin: only this layer and source, and as it said it: without starts and ends that the registry concluded,
            so that importing the ledger again changes nothing. None for all, with those times.
        as_of_ns: record time; None for now.
        at_ns: only what holds at this time; None for all times.
        with_contacts: also the people to reach (personal data).
    """
    bodies: dict[tuple[str, str, str], list[Organisation]] = {}
    extras: dict[tuple[str, str, str], dict[str, str]] = {}
    ranges: dict[tuple[str, str, str], list[NetRange]] = {}
    kinds = (Organisation, Relation, NetRange) + ((Contact,) if with_contacts else ())
    for stored in sorted((s for k in kinds for s in registry.facts(k, as_of_ns, origin)), key=_place):
        fact = _as_stated(stored) if origin is not None else stored.fact
        if fact is None:
            continue
        if at_ns is not None and not _holds(fact, at_ns):
            continue
        place = (str(stored.origin.layer), stored.origin.source, str(fact.identity[0]))
        if isinstance(fact, Organisation):
            bodies.setdefault(place, []).append(fact)
        elif isinstance(fact, NetRange):
            ranges.setdefault((*place[:2], fact.organisation), []).append(fact)
        elif isinstance(fact, Relation):
            extras.setdefault(place, {})["上级单位代码"] = fact.parent
        elif isinstance(fact, Contact):
            days = "" if fact.confirmed_ns is None else _day(fact.confirmed_ns)
            values = (fact.name, fact.phone, fact.mail, days)
            extras.setdefault(place, {}).update(zip(CONTACTS, values, strict=True))
    for place in sorted(bodies.keys() | ranges.keys(), key=lambda p: (_RANK[p[0]], p)):
        head = _body_cells(place, bodies.get(place, ()), extras.get(place, {}))
        for held in ranges.get(place, ()) or (None,):
            yield head | (_range_cells(held) if held else {})


def _place(stored: Stored) -> tuple[str, int]:
    return stored.thread, stored.spell


def _as_stated(stored: Stored) -> Fact | None:
    """A fact as its source states it; None where the source does not state it any more."""
    if stored.is_closed:
        return None
    return replace(stored.fact, valid_from_ns=json.loads(stored.thread)[-1])


def _holds(fact: Fact, at_ns: int) -> bool:
    return (fact.valid_from_ns is None or fact.valid_from_ns <= at_ns) and (
        fact.valid_to_ns is None or at_ns < fact.valid_to_ns
    )


def _body_cells(
    place: tuple[str, str, str], rows: Iterable[Organisation], extra: dict[str, str]
) -> dict[str, str]:
    layer, source, code = place
    cells = {"统一社会信用代码" if is_credit_code(code) else "单位编号": code, "层": layer, "来源": source}
    for body in rows:  # the last spell is how it is called now
        cells |= {
            "单位名称": body.name,
            "行政区划代码": body.region,
            "行业": body.sector,
            "是否公共机构": _TRUTH[body.is_public],
            "主管部门": body.department,
        }
    return cells | extra


def _range_cells(held: NetRange) -> dict[str, str]:
    all_ports = (held.first_port, held.last_port) == (0, PORTS - 1)
    return {
        "地址段": held.network,
        "端口": "" if all_ports else f"{held.first_port}-{held.last_port}",
        "起始": "" if held.valid_from_ns is None else _moment(held.valid_from_ns),
        "截止": "" if held.valid_to_ns is None else _moment(held.valid_to_ns),
        "备注": held.note,
    }


def _moment(time_ns: int) -> str:
    """A moment with its time, so that an end is read as that moment and not as that whole day."""
    seconds, rest = divmod(time_ns, 10**9)
    text = datetime.fromtimestamp(seconds, CHINA).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest // 1000:06d}+08:00" if rest else f"{text}+08:00"


def _day(time_ns: int) -> str:
    return str(datetime.fromtimestamp(time_ns // 10**9, CHINA).date())


def to_csv(rows: Iterable[dict[str, str]], *, with_contacts: bool = False) -> bytes:
    """CSV in UTF-8 with the mark by which Excel knows it."""
    columns = LEDGER + (CONTACTS if with_contacts else ())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_disarm(row.get(column, "")) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _disarm(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def to_xlsx(rows: Iterable[dict[str, str]], path: Path, *, with_contacts: bool = False) -> None:
    """A workbook with a frozen head; every cell is text, so that no code turns into a number."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    columns = LEDGER + (CONTACTS if with_contacts else ())
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("台账")
    page.freeze_panes = "A2"
    page.append(list(columns))
    for row in rows:
        cells = []
        for column in columns:
            cell = WriteOnlyCell(page, value=row.get(column, ""))
            cell.data_type = "s"
            cell.number_format = "@"
            cells.append(cell)
        page.append(cells)
    book.save(path)
