"""Lists of addresses as provinces and cities send them (疑似挖矿IP清单): CSV or XLSX, read by their headers.

Columns that are not known stay in the row as it came. A 序号 is no reference: it counts anew in every list.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from davylamp.attribution.codes import half_width
from davylamp.attribution.imports_sheets import Sheet, read_sheets
from davylamp.desk.leads.seen import Refusal, storable
from davylamp.errors import TableError

HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "ip": ("ip", "疑似ip", "疑似挖矿ip", "源ip", "矿机ip", "ip地址", "疑似地址", "地址", "client_ip"),
    "port": ("端口", "源端口", "port", "client_port"),
    "first": (
        "首次发现",
        "首次发现时间",
        "首次时间",
        "开始时间",
        "发现时间",
        "监测时间",
        "first",
        "first_seen",
    ),
    "last": ("最近发现", "最近发现时间", "末次发现时间", "末次时间", "结束时间", "last", "last_seen"),
    "coin": ("币种", "虚拟货币", "coin"),
    "algorithm": ("算法", "algorithm"),
    "pool": ("矿池", "矿池域名", "矿池名称", "pool"),
    "server_ip": ("矿池ip", "目的ip", "目的地址", "server_ip"),
    "server_port": ("矿池端口", "目的端口", "server_port"),
    "shares": ("提交次数", "提交数", "share数", "shares"),
    "machines": ("设备数", "设备数量", "矿机数", "矿机数量", "台数", "machines"),
    "wallet": ("钱包", "钱包地址", "wallet"),
    "worker": ("矿工名", "矿工", "矿机名", "worker"),
    "tier": ("置信度", "研判结果", "tier"),
    "sensor": ("监测点", "探针", "sensor"),
    "source_ref": ("线索编号", "监测编号", "编号", "source_ref"),
}
FIELD_OF: Final = {header: name for name, headers in HEADERS.items() for header in headers}
TIER_OF: Final = {"确认": "confirmed", "高度疑似": "probable", "疑似": "suspected"}
HEADER_ROWS: Final = 20  # judged: titles above a table's head take a few rows
EXACT: Final = ("ip", "server_ip", "source_ref", "wallet")


def list_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
    """The rows of a list with their numbers, as values by field, or why a cell of theirs cannot be read.

    Raises:
        TableError: E-REG-011 when the file cannot be opened, E-INT-010 when no sheet has addresses and times.
    """
    found = False
    for sheet in read_sheets(path):
        head = _head(sheet)
        if head is not None:
            found = True
            yield from _rows(sheet, *head)
    if not found:
        hint = "a list needs columns for the address (IP) and the time it was seen (首次发现时间)"
        raise TableError("E-INT-010", f"{path.name}: no list with known columns", hint)


def _head(sheet: Sheet) -> tuple[int, list[str]] | None:
    """The place of the head and the name of each column; a header that is not known names itself."""
    for place, row in enumerate(sheet.rows[:HEADER_ROWS]):
        texts = [re.sub(r"[\s*:：]|[（(].*?[)）]", "", half_width(str(c or "")).lower()) for c in row]
        names = [FIELD_OF.get(text, text) for text in texts]
        if "ip" in names and "first" in names:
            return place, names
    return None


def _rows(sheet: Sheet, head: int, names: list[str]) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
    for place in range(head + 1, len(sheet.rows)):
        cells = sheet.rows[place]
        if not any(c is not None and str(c).strip() for c in cells):
            continue
        row: dict[str, Any] = {}
        reason = ""
        for at, (name, cell) in enumerate(zip(names, cells, strict=False)):
            odd = sheet.oddities.get((place + 1, at + 1))
            if odd is not None:
                reason = reason or f"{name}: {odd.message}"
            if name in EXACT and isinstance(cell, int | float):
                reason = reason or f"{name}: Excel turned it into a number, digits may be lost"
            if cell is not None and name and name not in row:
                row[name] = cell.strip() if isinstance(cell, str) else cell
        if "tier" in row:
            row["tier"] = TIER_OF.get(str(row["tier"]), row["tier"])
        yield place + 1, Refusal(place + 1, "E-INT-008", reason, storable(row)) if reason else row
