"""A lead's columns as cells of a workbook: a number with an interval is four cells, never one text."""

from typing import Any, Final

from django.utils.translation import gettext as _
from django_tables2 import Column as TableColumn

from davylamp.desk.documents.excel import Kind
from davylamp.desk.leads.models import Lead

SPREAD: Final = {
    "hashrate_hps": ("hashrate_hps", "hashrate_low", "hashrate_high", "algorithm"),
    "kwh_per_day": ("kwh_per_day", "kwh_per_day_low", "kwh_per_day_high", "energy_grade"),
    "machines": ("machines", "machines_low", "machines_high"),
}
MOMENTS: Final = ("due_at", "first_seen", "last_seen")
COUNTS: Final = ("accepted_shares", "observations_count", "episode", *SPREAD["machines"])
NUMBERS: Final = (*SPREAD["hashrate_hps"][:3], *SPREAD["kwh_per_day"][:3])
KINDS: Final = {
    **dict.fromkeys(("number", "ip", "region_code"), Kind.code),
    **dict.fromkeys(MOMENTS, Kind.moment),
    **dict.fromkeys(COUNTS, Kind.integer),
    **dict.fromkeys(NUMBERS, Kind.number),
}


def cells_of(name: str, column: TableColumn) -> list[tuple[str, str]]:
    """The cells that a column becomes, each with its heading."""
    head = str(column.verbose_name)
    if name not in SPREAD:
        return [(name, head)]
    unit = {"hashrate_hps": "H/s", "kwh_per_day": "kWh/d"}.get(name, "")
    more = [_("low"), _("high"), _("Algorithm") if name == "hashrate_hps" else _("Grade")]
    heads = [f"{head} {unit}".strip(), *(f"{head}: {word}" for word in more)]
    return list(zip(SPREAD[name], heads, strict=False))


def kind_of(part: str) -> Kind:
    """How its cells are written."""
    return KINDS.get(part, Kind.text)


def value_of(lead: Lead, part: str) -> Any:
    """One cell's value: words for choices, an empty cell only where the number is unknown."""
    if part in ("state", "tier", "severity"):
        return getattr(lead, f"get_{part}_display")()
    if part == "assigned_to":
        return str(lead.assigned_to or "")
    value = getattr(lead, part)
    return _("unknown") if value is None and part in ("hashrate_hps", "kwh_per_day", "machines") else value
