"""What the papers of a hand-over say. Each field comes from a row of the database, and only what its reader may see.

The letters are Chinese whatever language the screen has: they leave the building.
"""

from datetime import datetime
from typing import Any, Final

from django.conf import settings

from davylamp.attribution.imports_cells import CHINA
from davylamp.desk.access.policy import Holder
from davylamp.desk.core.calendar import DAY_HOURS
from davylamp.desk.documents.models import Document, Kind
from davylamp.desk.documents.numbers import take_number
from davylamp.desk.documents.services import About, make
from davylamp.desk.handover.models import HandOver, HandOverItem, Supervision
from davylamp.desk.leads.models import Lead, Severity
from davylamp.records import Interval
from davylamp.report.numbers import rate
from davylamp.tables.regions import full_name

SIGNS: Final = {Kind.LETTER: "移", Kind.NOTICE: "改", Kind.SUPERVISION: "督"}
"""What follows the authority's word in the number of each kind."""
TIERS: Final = {"confirmed": "确认", "probable": "较可信", "suspected": "疑似", "not_observable": "不可观测"}
SEVERITIES: Final = {Severity.LOW: "低", Severity.MEDIUM: "中", Severity.HIGH: "高", Severity.URGENT: "紧急"}
STAGES: Final = {"receipt": "签收", "feedback": "反馈", "review": "审核"}
UNKNOWN: Final = "未知"
LAST_PORT: Final = 65535


def word_of(kind: str) -> str:
    """The word before the year in the number of a kind."""
    return f"{settings.WORD}{SIGNS[kind]}"


def day(at: datetime | None) -> str:
    """2021年9月8日."""
    if at is None:
        return UNKNOWN
    local = at.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日"


def moment(at: datetime | None) -> str:
    """2021年9月8日 9:05."""
    return UNKNOWN if at is None else f"{day(at)} {at.astimezone(CHINA):%-H:%M}"


def told_of(lead: Lead, position: int) -> dict[str, str]:
    """What a letter says of a lead: no sensor, no source, no other organisation, no wallet."""
    has_rate = None not in (lead.hashrate_low, lead.hashrate_hps, lead.hashrate_high)
    rates = Interval(lead.hashrate_low, lead.hashrate_hps, lead.hashrate_high) if has_rate else None  # type: ignore[arg-type]
    is_whole = lead.first_port == 0 and lead.last_port == LAST_PORT
    return {
        "no": str(position),
        "lead": lead.number,
        "address": lead.ip,
        "ports": "全部" if is_whole else f"{lead.first_port}-{lead.last_port}",
        "first_seen": moment(lead.first_seen),
        "last_seen": moment(lead.last_seen),
        "what": " · ".join(filter(None, (lead.coin, lead.algorithm))) or UNKNOWN,
        "pool": lead.pool or UNKNOWN,
        "tier": TIERS.get(lead.tier, UNKNOWN),
        "hashrate": rate(rates, lead.algorithm, "zh"),
        "observations": str(lead.observations_count),
        "host": lead.host or UNKNOWN,
        "weakest": lead.weakest_link or UNKNOWN,
    }


def write_letter(holder: Holder, hand_over: HandOver, at: datetime, dues: dict[str, datetime]) -> None:
    """Number the hand-over, render its letter and feedback form, and freeze what they say of each lead."""
    number = take_number(word_of(Kind.LETTER), at)
    rows = []
    for item in hand_over.items.filter(status="open").select_related("lead").order_by("position"):
        item.told = told_of(item.lead, len(rows) + 1)
        item.save(action="handoveritem.tell")
        rows.append(item.told)
    common = {"office": settings.OFFICE, "recipient": hand_over.organisation_name, "day": day(at)}
    fields: dict[str, Any] = {
        **common,
        "count": str(len(rows)),
        "as_of": moment(at),
        "receipt_due": moment(dues["receipt"]),
        "feedback_due": moment(dues["feedback"]),
        "severity": SEVERITIES[Severity(hand_over.severity)],
        "rows": rows,
    }
    hand_over.number = str(number)
    hand_over.letter = make(holder, Kind.LETTER, fields, _about(hand_over, "移送函"), number)
    form = {
        **common,
        "number": str(number),
        "feedback_due": fields["feedback_due"],
        "rows": [
            {k: row[k] for k in ("no", "lead", "address")}
            | dict.fromkeys(("found", "host", "since", "measure"), "")
            for row in rows
        ],
    }
    hand_over.form = make(holder, Kind.FEEDBACK, form, _about(hand_over, "反馈表"))


def _about(hand_over: HandOver, title: str) -> About:
    return About(
        hand_over,
        title,
        hand_over.organisation_name,
        hand_over.region_code,
        hand_over.organisation_code,
        hand_over.classification,
    )


def write_supervision(
    holder: Holder, one: Supervision, at: datetime, late_hours: float
) -> tuple[str, Document]:
    """Number and render a supervision letter to the level above."""
    number = take_number(word_of(Kind.SUPERVISION), at)
    about = one.hand_over
    days, hours = divmod(late_hours, DAY_HOURS)
    fields = {
        "office": settings.OFFICE,
        "recipient": full_name(one.region_code),
        "day": day(at),
        "about": about.number,
        "organisation": about.organisation_name,
        "stage": STAGES[one.stage],
        "due": moment(one.missed_at),
        "late": f" {int(days)} 个工作日 {int(hours)} 小时" if days else f" {int(hours)} 个工作小时",
        "count": str(about.items.filter(status="open").count()),
        "reply_due": moment(one.due_at),
    }
    place = About(one, "督办函", fields["recipient"], one.region_code, "", one.classification)
    return str(number), make(holder, Kind.SUPERVISION, fields, place, number)


def write_notice(
    holder: Holder, about: About, finding: str, basis: str, due_at: datetime, measures: list[dict[str, Any]]
) -> Document:
    """Number and render a rectification notice (整改通知书), inside the transaction of the step that orders it.

    Args:
        holder: who approves it.
        about: the case, its organisation and who may read it.
        finding: what was found, a sentence.
        basis: number of the hand-over or another ground.
        due_at: when all must be done.
        measures: of {"measure", "due" (datetime), "proof"}, in order.
    """
    from django.utils import timezone

    now = timezone.now()
    rows = [
        {"no": str(n), "measure": m["measure"], "due": day(m["due"]), "proof": m.get("proof", "")}
        for n, m in enumerate(measures, 1)
    ]
    fields = {
        "office": settings.OFFICE,
        "recipient": about.recipient,
        "day": day(now),
        "finding": finding,
        "basis": basis,
        "due": moment(due_at),
        "rows": rows,
    }
    return make(holder, Kind.NOTICE, fields, about, take_number(word_of(Kind.NOTICE), now))


def items_of(hand_over: HandOver) -> list[HandOverItem]:
    """The items in the order of the letter."""
    return list(hand_over.items.select_related("lead").order_by("position"))
