"""Active Directory: logons exported as CSV from the Security log of domain controllers.

Reads     events 4624 (logon, with workstation and address) and 4768/4769 (Kerberos tickets, with address)
Yields    Logon; a machine account (``PC-17$``) names the host behind the address
Misses    accounts of services and anonymous logons; logons that came from the controller itself
Source    Microsoft Learn, events 4624, 4768 and 4769; column names of Get-WinEvent and common collectors
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Line, Logon, Outcome, Row, Seen
from davylamp.attribution.hops.times import to_ns

NAME: Final = "ad_logon"
ALIASES: Final[text.Aliases] = {
    "time": (
        "timecreated",
        "timegenerated",
        "time",
        "date",
        "datetime",
        "timestamp",
        "eventtime",
        "日期和时间",
        "时间",
    ),
    "id": ("eventid", "id", "eventcode", "事件id"),
    "user": ("targetusername", "accountname", "user", "username", "account", "账户名", "帐户名", "用户名"),
    "ip": (
        "ipaddress",
        "sourcenetworkaddress",
        "clientaddress",
        "sourceip",
        "ip",
        "源网络地址",
        "客户端地址",
    ),
    "host": ("workstationname", "workstation", "sourceworkstation", "工作站名称", "工作站名"),
    "type": ("logontype", "登录类型"),
}
NEEDED: Final = (("time",), ("id",), ("user",), ("ip", "host"))
EVENTS: Final = frozenset({"4624", "4768", "4769"})
NOBODY: Final = frozenset({"", "-", "anonymous logon", "system", "local service", "network service"})
HERE: Final = frozenset({"", "-", "::1", "127.0.0.1", "local"})


def looks(head: Sequence[str]) -> bool:
    """Whether a head line names event, account and address."""
    return text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One logon; other events, services and logons without a place are not ours."""
    if row["id"] not in EVENTS:
        return None
    account = text.name(row["user"]).partition("@")[0]
    account = account.rpartition("\\")[2]
    where = row.get("ip", "").lower()
    ip = "" if where in HERE else text.ip(where)
    host = text.name(row.get("host", "")).lstrip("\\")
    host = "" if host == "-" else host
    if account.lower() in NOBODY or not (ip or host):
        return None
    at_ns = to_ns(row["time"], about)
    seen = Seen(about.source, number, at_ns, at_ns)
    if account.endswith("$"):
        return text.one(Logon(seen, host=account.rstrip("$"), ip=ip))
    return text.one(Logon(seen, user=account, host=host, ip=ip))
