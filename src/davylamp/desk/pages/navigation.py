"""What stands in the rail: only what the holder may see, in the order of work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import MATRIX, READ, Holder
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.handover.models import HandOver
from davylamp.desk.leads.models import Lead
from davylamp.desk.registry.models import Organisation
from davylamp.tables.regions import region_of

Test = Callable[[Holder], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of the rail: the name of its address, its icon, who sees it, and what addresses lie below it."""

    url: str
    label: Any
    icon: str
    test: Test
    below: tuple[str, ...] = ()


def reads(model: type[Any]) -> Test:
    """Whether a duty of the holder may read that kind of item at all."""
    return lambda holder: bool(holder.duties & MATRIX.get(model, {}).get(READ, frozenset()))


def serves(*duties: str) -> Test:
    """Whether the holder has one of the duties."""
    return lambda holder: bool(holder.duties & set(duties))


OVERSIGHT: Final = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR)
ENTRIES: Final[list[Entry]] = [
    Entry("home", _("Today"), "home", lambda holder: True),
    Entry("leads", _("Leads"), "queue", reads(Lead), ("lead", "lead-tab", "lead-assign")),
    Entry(
        "handovers",
        _("Hand-overs"),
        "handover",
        reads(HandOver),
        ("handover", "handover-tab", "handover-new"),
    ),
    Entry("organisations", _("Organisations"), "organisation", reads(Organisation), ("organisation",)),
    Entry("overdue", _("Overdue"), "overdue", reads(Lead)),
    Entry("regions", _("Regions"), "overview", serves(*OVERSIGHT)),
    Entry("leader", _("Figures"), "leader", serves(*OVERSIGHT)),
    Entry("audit", _("Audit"), "audit", reads(AuditEvent)),
    Entry("admin", _("Settings"), "admin", serves(Duty.ADMIN, Duty.AUDITOR)),
]
"""The rail; a room that brings screens of its own inserts its entry when it is ready."""


def rail(request: HttpRequest) -> list[dict[str, Any]]:
    """The entries that this holder sees, the one that is open marked."""
    match = request.resolver_match
    name = match.url_name if match is not None else ""
    shown = []
    for entry in ENTRIES:
        if not entry.test(request.holder):  # type: ignore[attr-defined]
            continue
        try:
            address = reverse(entry.url)
        except NoReverseMatch:
            continue
        is_here = name == entry.url or name in entry.below or bool(name and name.startswith(f"{entry.url}-"))
        shown.append({"href": address, "label": entry.label, "icon": entry.icon, "is_here": is_here})
    return shown


def region_name(code: str) -> str:
    """The region's name, or its code where the table does not know it."""
    row = region_of(code) if code else None
    return row.name if row is not None else code


def scope_words(holder: Holder) -> str:
    """Where and as what the holder sits: 浙江省 · 监测分析员."""
    seats = [
        f"{s.organisation_code or region_name(s.region_code)} · {Duty(s.duty).label}" for s in holder.seats
    ]
    return "; ".join(dict.fromkeys(seats))


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: rail, scope, and the other language."""
    holder = getattr(request, "holder", None)
    if holder is None or holder.user_id is None:
        return {"other_language": _other()}
    return {"rail": rail(request), "scope": scope_words(holder), "other_language": _other()}


def _other() -> tuple[str, str]:
    return ("en", "English") if (get_language() or "").startswith("zh") else ("zh-hans", "中文")
