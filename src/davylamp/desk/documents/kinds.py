"""What each kind of document says: its fields, which of them a template must print, and an example of them all.

A template may use these fields and no others, so that no template can ask for what its reader may not see.
"""

from dataclasses import dataclass
from typing import Any, Final

from davylamp.desk.documents.models import Kind

ROW: Final[dict[str, str]] = {
    "no": "1",
    "address": "192.0.2.10",
    "ports": "全部",
    "first_seen": "2021年7月5日 10:00",
    "last_seen": "2021年7月9日 18:30",
    "what": "XMR · RandomX",
    "pool": "pool.example.org",
    "tier": "确认",
    "hashrate": "1.96 kH/s (1.90–2.01)",
    "observations": "12",
    "lead": "XS-7K2QF9M4",
    "host": "",
    "weakest": "地址至主机：未核实",
}
COMMON: Final[dict[str, Any]] = {
    "office": "虚拟货币“挖矿”整治工作专班",
    "number": "浙矿移〔2021〕12号",
    "recipient": "某某学院",
    "day": "2021年9月8日",
    "mark": "导出编号 DC-7K2QF9M4",
}


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a kind with an example; ``required`` are those that a template must print."""

    example: dict[str, Any]
    required: frozenset[str]


FORMS: Final[dict[str, Form]] = {
    Kind.LETTER: Form(
        {
            **COMMON,
            "count": "1",
            "as_of": "2021年9月8日 9:00",
            "receipt_due": "2021年9月9日 17:00",
            "feedback_due": "2021年9月23日 17:00",
            "severity": "高",
            "rows": [ROW],
        },
        frozenset({"number", "recipient", "day", "count", "feedback_due", "rows", "mark"}),
    ),
    Kind.NOTICE: Form(
        {
            **COMMON,
            "number": "浙矿改〔2021〕3号",
            "finding": "经核查，单位内 2 台计算机运行挖矿程序。",
            "basis": "浙矿移〔2021〕12号",
            "due": "2021年9月30日 17:00",
            "rows": [
                {
                    "no": "1",
                    "measure": "清除挖矿程序并修补入口",
                    "due": "2021年9月20日",
                    "proof": "照片、日志",
                }
            ],
        },
        frozenset({"number", "recipient", "day", "finding", "due", "rows", "mark"}),
    ),
    Kind.FEEDBACK: Form(
        {
            **COMMON,
            "feedback_due": "2021年9月23日 17:00",
            "rows": [
                {
                    "no": "1",
                    "address": "192.0.2.10",
                    "lead": "XS-7K2QF9M4",
                    "found": "",
                    "host": "",
                    "since": "",
                    "measure": "",
                }
            ],
        },
        frozenset({"number", "recipient", "feedback_due", "rows", "mark"}),
    ),
    Kind.SUPERVISION: Form(
        {
            **COMMON,
            "number": "浙矿督〔2021〕2号",
            "recipient": "杭州市",
            "about": "浙矿移〔2021〕12号",
            "organisation": "某某学院",
            "stage": "反馈",
            "due": "2021年9月23日 17:00",
            "late": "16 个工作小时",
            "count": "1",
            "reply_due": "2021年9月28日 17:00",
        },
        frozenset(
            {"number", "recipient", "day", "about", "organisation", "stage", "due", "reply_due", "mark"}
        ),
    ),
}
