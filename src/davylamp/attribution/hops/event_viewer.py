"""The Security log as Event Viewer saves it: level, time, source and event, and the message as one cell of text.

Reads     a head line with a time and an event number; events 4624, 4768 and 4769; the message in English or Chinese, in
          a column of that name or, as Event Viewer leaves it, in the last one without a head
Yields    Logon, as `ad_logon` does
Misses    other languages; account names with blanks are cut at the first
Source    Microsoft Learn, events 4624, 4768 and 4769; Event Viewer's "Save All Events As" (head lines in public
          repositories); messages of Chinese systems in public notes
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import ad_logon, text
from davylamp.attribution.hops.record import About, Damage, Line, Outcome, Row

NAME: Final = "event_viewer"
ALIASES: Final[text.Aliases] = {
    "time": ("dateandtime", "timecreated", "timegenerated", "日期和时间"),
    "id": ("eventid", "id", "instanceid", "事件id"),
    "message": ("message", "description", "消息", "描述"),
}
NEEDED: Final = (("time",), ("id",))
_NEW: Final = re.compile(r"(?:New Logon|Account Information|新登录|帐户信息|账户信息)\s*[:：]")
_ACCOUNT: Final = re.compile(r"(?:Account Name|[帐账]户名称?)\s*[:：][ \t]*(\S+)")
_ADDRESS: Final = re.compile(
    r"(?:Source Network Address|Client Address|源网络地址|客户端地址)\s*[:：][ \t]*([0-9A-Fa-f.:]+)"
)
_HOST: Final = re.compile(r"(?:Workstation Name|工作站名称?)\s*[:：][ \t]*([^\s:：]+)(?=\s|$)")
NEXT_LABEL: Final = frozenset(
    {"Source", "源网络地址"}
)  # what stands there where a one-line message has no name


def looks(head: Sequence[str]) -> bool:
    """Whether a head line names a time and an event number, and a message of a logon follows."""
    return text.find_head(head, ALIASES, NEEDED) is not None and any(_ACCOUNT.search(s) for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome; a message runs over many lines."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One event; others than logons are not ours."""
    if row["id"] not in ad_logon.EVENTS:
        return None
    message = row.get("message") or row[text.LAST_CELL]
    begun = _NEW.search(message)
    account = _ACCOUNT.search(message, begun.end() if begun is not None else 0)
    if account is None:
        return Damage(number, "a logon whose message names no account")
    address, host = _ADDRESS.search(message), _HOST.search(message)
    named = host[1] if host is not None and host[1] not in NEXT_LABEL else ""
    cells = {"time": row["time"], "id": row["id"], "user": account[1], "host": named}
    return ad_logon.parse_row(number, {**cells, "ip": address[1] if address is not None else ""}, about)
