"""Network access control and 802.1X: authentications exported as CSV.

Reads     a time and a MAC with any of address, user, host, switch, port; Chinese and English head lines
Yields    Binding (with an address), PortEntry (with a port), Logon (with a user or host)
Misses    refused authentications, which say nothing of who held the address
Source    the columns of common exports (Cisco ISE, Huawei iMaster NCE, H3C iMC, Ruijie SAM): unverified
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import (
    About,
    Binding,
    Line,
    Logon,
    Outcome,
    PortEntry,
    Record,
    Row,
    Seen,
)
from davylamp.attribution.hops.times import to_ns

NAME: Final = "nac"
ALIASES: Final[text.Aliases] = {
    "time": ("time", "timestamp", "datetime", "loggedat", "authtime", "onlinetime", "logintime", "starttime", "时间",
             "认证时间", "上线时间", "登录时间", "接入时间"),
    "to": ("offlinetime", "logouttime", "endtime", "stoptime", "下线时间", "退出时间"),
    "mac": ("mac", "macaddress", "endpointid", "callingstationid", "usermac", "clientmac", "mac地址", "用户mac",
            "终端mac"),
    "ip": ("ip", "ipaddress", "userip", "clientip", "framedipaddress", "endpointip", "ip地址", "用户ip", "终端ip"),
    "user": ("user", "username", "identity", "account", "用户", "用户名", "账号", "帐号", "学号", "工号"),
    "host": ("host", "hostname", "devicename", "computer", "endpointname", "主机名", "终端名称", "计算机名"),
    "switch": ("switch", "nas", "nasname", "nasip", "nasipaddress", "networkdevice", "networkdevicename",
               "accessdevice", "deviceip", "交换机", "接入设备", "设备ip", "nas地址"),
    "port": ("port", "nasport", "nasportid", "interface", "accessport", "端口", "接入端口", "交换机端口", "接口"),
    "result": ("result", "status", "authresult", "结果", "认证结果", "状态"),
}  # fmt: skip
NEEDED: Final = (("time",), ("mac",), ("user", "switch", "port", "result"))
REFUSED: Final = ("fail", "reject", "deni", "deny", "refus", "失败", "拒绝")


def looks(head: Sequence[str]) -> bool:
    """Whether a head line names a time, a MAC and something of an authentication."""
    return text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One authentication; refused ones are not ours."""
    if any(word in row.get("result", "").lower() for word in REFUSED):
        return None
    at_ns = to_ns(row["time"], about)
    mac = text.mac(row["mac"])
    ip = text.ip(row["ip"]) if row.get("ip") else ""
    until_ns = to_ns(row["to"], about) if row.get("to") else None
    moment = Seen(about.source, number, at_ns, until_ns if until_ns is not None else at_ns)
    lasting = Seen(about.source, number, at_ns, until_ns)
    user, host = text.name(row.get("user", "")), text.name(row.get("host", ""))
    records: list[Record] = []
    if ip:
        records.append(Binding(moment, ip, mac))
    if row.get("port"):
        records.append(PortEntry(moment, mac, text.name(row.get("switch", "")), text.name(row["port"])))
    if user or host:
        records.append(Logon(lasting, user=user, host=host, ip=ip, mac=mac))
    return tuple(records) or None
