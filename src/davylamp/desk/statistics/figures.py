"""Figures of leads at a time, as cells of state, region and sector; every total is a sum of cells.

Totals by state, by region and by sector are sums over the same cells, so they agree by construction (invariant
4). For a time that is past, each lead counts as it stood then (`LeadStanding`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, F, Min, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Clearance
from davylamp.desk.access.policy import Holder, region_prefix
from davylamp.desk.leads.figures import standing_at
from davylamp.desk.leads.models import OPEN_STATES, Lead

DEFINITIONS: Final = {
    "leads-1": _(
        "All leads that were known at the time, merged ones included, by the state they were in then; overdue is "
        "an open lead whose deadline had passed; electricity is that of open leads with an estimate; items "
        "classified above internal are not counted."
    )
}


@dataclass(frozen=True, slots=True)
class Cell:
    """Leads of one state, region and sector: how many, how many of them overdue, back again, with electricity."""

    state: str
    region_code: str
    sector: str
    leads: int = 0
    overdue: int = 0
    relapses: int = 0
    sized: int = 0  # with an estimate of electricity
    kwh_low: float = 0.0  # a day, of the open ones
    kwh: float = 0.0
    kwh_high: float = 0.0

    def plus(self, other: "Cell") -> "Cell":
        """Both together, under this one's names."""
        sums = {n: getattr(self, n) + getattr(other, n) for n in NUMBERS}
        return replace(self, **sums)

    @property
    def is_open(self) -> bool:
        """Whether its leads are still to be worked on."""
        return self.state in OPEN_STATES


NUMBERS: Final = ("leads", "overdue", "relapses", "sized", "kwh_low", "kwh", "kwh_high")


def cells(holder: Holder, as_of: datetime | None = None, region_code: str = "") -> list[Cell]:
    """The figures that a holder may see, now or at a time that is past.

    Args:
        holder: whose view it is.
        as_of: None for now.
        region_code: this region and what lies below it; all that the holder sees when empty.
    """
    now = timezone.now()
    if as_of is None or as_of >= now:
        at, rows = now, policy.visible(holder, Lead).filter(classification__lte=Clearance.INTERNAL)
    else:
        at, rows = as_of, standing_at(holder, as_of).filter(lead__classification__lte=Clearance.INTERNAL)
    return _grouped(
        rows.filter(region_code__startswith=region_prefix(region_code)) if region_code else rows, at
    )


def _grouped(rows: Any, at: datetime) -> list[Cell]:
    """One query, whatever the number of leads."""
    is_open = Q(state__in=sorted(OPEN_STATES))
    sized = is_open & Q(kwh_per_day__isnull=False)
    grouped = rows.order_by().values("state", "region_code", "sector").annotate(
        leads=Count("pk"),
        overdue=Count("pk", filter=is_open & Q(due_at__lt=at)),
        relapses=Count("pk", filter=~Q(relapse_key="")),
        sized=Count("pk", filter=sized),
        kwh_low=Sum("kwh_per_day_low", filter=sized),
        kwh=Sum("kwh_per_day", filter=sized),
        kwh_high=Sum("kwh_per_day_high", filter=sized),
    )  # fmt: skip
    made = [Cell(**{k: v if v is not None else 0.0 for k, v in row.items()}) for row in grouped]
    return sorted(made, key=_place)


def _place(cell: Cell) -> tuple[str, str, str]:
    return cell.region_code, cell.sector, cell.state


def summed(many: Iterable[Cell], key: Callable[[Cell], tuple[str, str, str]]) -> list[Cell]:
    """Cells added up by state, region and sector as the key names them; an empty name stands for all."""
    found: dict[tuple[str, str, str], Cell] = {}
    for cell in many:
        names = key(cell)
        found[names] = found.get(names, Cell(*names)).plus(cell)
    return sorted(found.values(), key=_place)


def by_state(many: Iterable[Cell]) -> dict[str, Cell]:
    """Sums by state."""
    return {c.state: c for c in summed(many, lambda c: (c.state, "", ""))}


def by_region(many: Iterable[Cell], digits: int = 4) -> dict[str, Cell]:
    """Sums by city (4 digits) or county (6)."""
    return {c.region_code: c for c in summed(many, lambda c: ("", c.region_code[:digits].ljust(6, "0"), ""))}


def by_sector(many: Iterable[Cell]) -> dict[str, Cell]:
    """Sums by sector; an empty name is unknown."""
    return {c.sector: c for c in summed(many, lambda c: ("", "", c.sector))}


def total(many: Iterable[Cell]) -> Cell:
    """Everything."""
    found = summed(many, lambda c: ("", "", ""))
    return found[0] if found else Cell("", "", "")


def total_open(many: Iterable[Cell]) -> Cell:
    """Everything that is still to be worked on."""
    return total(c for c in many if c.is_open)


def repeats(holder: Holder, most: int = 20) -> list[dict[str, Any]]:
    """Organisations with more than one episode, most first, among what the holder sees now."""
    rows = policy.visible(holder, Lead).exclude(organisation_code="").filter(relapse_of__isnull=False)
    grouped = rows.order_by().values("organisation_code", "organisation_name").annotate(times=Count("pk"))
    return list(grouped.order_by("-times", "organisation_code")[:most])


def overdue_by_organisation(holder: Holder, most: int = 10) -> list[dict[str, Any]]:
    """Who is late, most first."""
    late = policy.visible(holder, Lead).filter(state__in=sorted(OPEN_STATES), due_at__lt=timezone.now())
    grouped = late.order_by().values("organisation_code", "organisation_name", "region_code").annotate(
        late=Count("pk"), oldest=Min("due_at")
    )  # fmt: skip
    return list(grouped.order_by("-late", F("oldest").asc())[:most])


def plain(many: Iterable[Cell]) -> list[dict[str, Any]]:
    """Cells as JSON holds them."""
    return [asdict(c) for c in many]


def read(rows: Iterable[dict[str, Any]]) -> list[Cell]:
    """Cells out of JSON."""
    return [Cell(**row) for row in rows]


def grouped_regions(many: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Counties under their city, both by code."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for code, cell in by_region(many, 6).items():
        found[code[:4] + "00"].append(replace(cell, region_code=code))
    return dict(found)
