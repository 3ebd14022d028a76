"""A list of devices and who is responsible for them, as CSV (asset register, 资产台账).

Reads     a holder or department with any of MAC, address, host name, switch and port; Chinese and English head lines;
          dates from and to where the list has them
Yields    Holder
Misses    devices that nobody listed; lists that are out of date and do not say so
Source    the columns of common asset registers
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Holder, Line, Outcome, Row, Seen
from davylamp.attribution.hops.times import to_ns

NAME: Final = "holders"
ALIASES: Final[text.Aliases] = {
    "holder": ("holder", "owner", "responsible", "person", "custodian", "assignedto", "使用人", "责任人", "保管人",
               "负责人", "领用人", "姓名"),
    "department": ("department", "dept", "unit", "部门", "使用部门", "院系", "科室", "单位"),
    "place": ("place", "location", "room", "office", "位置", "房间", "存放地点", "办公室"),
    "mac": ("mac", "macaddress", "mac地址", "物理地址"),
    "ip": ("ip", "ipaddress", "ip地址"),
    "host": ("host", "hostname", "computer", "computername", "devicename", "主机名", "计算机名", "设备名称"),
    "switch": ("switch", "交换机"),
    "port": ("port", "switchport", "端口", "交换机端口"),
    "from": ("from", "since", "issued", "validfrom", "启用日期", "领用日期", "开始日期"),
    "to": ("to", "until", "returned", "validto", "停用日期", "归还日期", "结束日期", "报废日期"),
}  # fmt: skip
NEEDED: Final = (("holder", "department"), ("mac", "ip", "host", "port"))
NOTHING: Final = frozenset({"", "-", "/", "n/a", "none", "无", "不详"})


def looks(head: Sequence[str]) -> bool:
    """Whether a head line names a holder and a key."""
    return text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One device; a row without holder or without any key says nothing and is not ours."""
    cells = {k: "" if v.lower() in NOTHING else v for k, v in row.items()}
    who = text.name(cells.get("holder", ""))
    department = text.name(cells.get("department", ""))
    keys = [k for k in ("mac", "ip", "host", "port") if cells.get(k)]
    if not (who or department) or not keys:
        return None
    seen = Seen(about.source, number, _day(cells.get("from", ""), about), _day(cells.get("to", ""), about))
    return text.one(
        Holder(
            seen,
            who,
            department,
            text.name(cells.get("place", "")),
            text.mac(cells["mac"]) if cells.get("mac") else "",
            text.ip(cells["ip"]) if cells.get("ip") else "",
            text.name(cells.get("host", "")),
            text.name(cells.get("switch", "")),
            text.name(cells.get("port", "")),
        )
    )


def _day(cell: str, about: About) -> int | None:
    """A day's beginning in the source's zone, or a full time; None for an empty cell."""
    if not cell:
        return None
    bare = ":" not in cell
    return to_ns(f"{cell} 00:00:00" if bare else cell, about)
