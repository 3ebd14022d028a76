"""The weekly list that 发改运行〔2021〕1283号 asks for: enterprise, scale, hashrate, electricity, new or existing.

One row per organisation and algorithm, for hashrates of different algorithms do not add up. Numbers are sums of its
leads with both ends kept; where one lead has no figure, the sum is a lower bound and says so.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.documents.excel import Column, Kind, Table
from davylamp.desk.documents.models import Document
from davylamp.desk.documents.services import About, make_workbook
from davylamp.desk.leads.models import Lead, State
from davylamp.report.numbers import rate_unit, scale
from davylamp.sizing.quantities_bounds import Bounded, at_least, figure
from davylamp.tables.regions import full_name

NEW_SINCE: Final = datetime(
    2021, 9, 23, 16, tzinfo=UTC
)  # 24 Sep 2021 in China: the notice; later mining is 增量
UNCOUNTED: Final = (State.MERGED, State.PROJECT, State.ELSEWHERE)
COLUMNS: Final = (
    Column("序号", Kind.integer, 6), Column("企业（单位）", Kind.text, 32), Column("统一社会信用代码", Kind.code, 22),
    Column("行政区划", Kind.text, 24), Column("算法", Kind.text, 14), Column("币种", Kind.text, 10),
    Column("规模（台）", Kind.text, 18), Column("算力", Kind.text, 24), Column("用电量（千瓦时/日）", Kind.text, 24),
    Column("测算等级", Kind.text, 8), Column("新增/存量", Kind.text, 10), Column("首次发现", Kind.day, 12),
    Column("最近发现", Kind.day, 12), Column("线索数", Kind.integer, 8), Column("未销号", Kind.integer, 8),
)  # fmt: skip


@dataclass(slots=True)
class Row:
    """One organisation and algorithm."""

    code: str
    name: str
    region_code: str
    algorithm: str
    leads: list[Lead] = field(default_factory=list)

    @property
    def first_seen(self) -> datetime:
        """The earliest observation."""
        return min(lead.first_seen for lead in self.leads)

    @property
    def last_seen(self) -> datetime:
        """The latest observation."""
        return max(lead.last_seen for lead in self.leads)


def total(triples: Iterable[tuple[float | None, float | None, float | None]]) -> Bounded | None:
    """The sum of intervals; a part without a figure makes it a lower bound, none at all gives None."""
    known: list[Bounded] = []
    is_whole = True
    for low, estimate, high in triples:
        if low is None or estimate is None or high is None:
            is_whole = False
        else:
            known.append(Bounded(low, estimate, high))
    if not known:
        return None
    whole = sum(known[1:], known[0])
    return whole if is_whole else whole + at_least(0.0)


def rows_of(holder: Holder, since: datetime, until: datetime) -> list[Row]:
    """What a holder may see and what was observed in [since, until): one row per organisation and algorithm.

    All leads of an organisation stand in its row, so that "first seen" is the first time ever.
    """
    seen = policy.visible(holder, Lead).exclude(organisation_code="").exclude(state__in=UNCOUNTED)
    active = seen.filter(first_seen__lt=until, last_seen__gte=since).values("organisation_code")
    found: dict[tuple[str, str], Row] = {}
    for lead in seen.filter(organisation_code__in=active, first_seen__lt=until).order_by(
        "region_code", "number"
    ):
        key = (lead.organisation_code, lead.algorithm)
        place = (lead.organisation_code, lead.organisation_name, lead.region_code, lead.algorithm)
        found.setdefault(key, Row(*place)).leads.append(lead)
    rows = [row for row in found.values() if row.last_seen >= since]
    return sorted(rows, key=lambda row: (row.region_code, row.code, row.algorithm))


def cells_of(row: Row, no: int, new_since: datetime = NEW_SINCE) -> Sequence[object]:
    """A row as the sheet shows it."""
    machines = total((one.machines_low, one.machines, one.machines_high) for one in row.leads)
    rates = total((one.hashrate_low, one.hashrate_hps, one.hashrate_high) for one in row.leads)
    energy = total((one.kwh_per_day_low, one.kwh_per_day, one.kwh_per_day_high) for one in row.leads)
    grades = sorted({one.energy_grade for one in row.leads if one.energy_grade})
    return (
        no,
        row.name,
        row.code,
        full_name(row.region_code),
        row.algorithm or _("unknown"),
        "、".join(sorted({one.coin for one in row.leads if one.coin})) or _("unknown"),
        machines.text() if machines else _("unknown"),
        _rate_text(rates, row.algorithm),
        energy.text() if energy else _("unknown"),
        grades[-1] if grades else _("unknown"),
        "新增" if row.first_seen >= new_since else "存量",
        row.first_seen,
        row.last_seen,
        len(row.leads),
        sum(one.closed_at is None for one in row.leads),
    )


def _rate_text(rates: Bounded | None, algorithm: str) -> str:
    if rates is None:
        return str(_("unknown"))
    divisor, prefix = scale(rates.estimate)
    if math.isinf(rates.high):
        return f"≥ {figure(rates.low / divisor)} {prefix}{rate_unit(algorithm)}"
    return f"{(rates / divisor).text()} {prefix}{rate_unit(algorithm)}"


def weekly_list(holder: Holder, since: datetime, until: datetime, region_code: str) -> Document:
    """The list as a kept workbook.

    Args:
        holder: whose view it is; nothing that it may not see stands in it.
        since: begin of the week.
        until: its end, not in it.
        region_code: of the document: who may read it later.

    Raises:
        Forbidden: E-ACC-403 for who may not export leads.
    """
    if not any(seat.duty in policy.MATRIX[Lead]["export"] for seat in holder.seats):
        raise policy.Forbidden(
            "E-ACC-403", _("your duty does not include this"), _("ask whoever made your account")
        )
    if not policy.can_create(holder, Document, region_code=region_code):
        raise policy.Forbidden(
            "E-ACC-403", _("your duty does not include this"), _("ask whoever made your account")
        )
    rows = [cells_of(row, no) for no, row in enumerate(rows_of(holder, since, until), 1)]
    first, last = (f"{timezone.localtime(t):%Y-%m-%d}" for t in (since, until))
    notes = (
        f"口径：{first} 至 {last}（不含）有监测记录的单位；规模、算力和用电量为测算值，括号内为区间，≥ 为下限。",
        f"新增：首次发现在 {timezone.localtime(NEW_SINCE):%Y-%m-%d} 及以后（发改运行〔2021〕1283号）；其余为存量。",
        "不同算法的算力不能相加。定性前均为疑似。",
    )
    title = f"虚拟货币“挖矿”项目周报清单 {first} 至 {last}"
    about = About(("leads.lead", f"weekly:{first}"), title, full_name(region_code), region_code)
    return make_workbook(holder, [Table("清单", COLUMNS, rows, notes)], about)
