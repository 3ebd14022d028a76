"""What the views share: the holder, the way to here, the tabs of an item, a table's workbook."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.record import record

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Tab:
    """One part of an item's page."""

    name: str
    label: Any
    href: str
    is_here: bool


def holder_in(request: HttpRequest) -> Holder:
    """Who asks."""
    found: Holder = request.holder  # type: ignore[attr-defined]
    return found


def tabs(url: str, key: str, here: str, parts: Sequence[tuple[str, Any]]) -> list[Tab]:
    """The tabs of an item: the first has the item's own address, the others ``url-tab``."""
    made = []
    for place, (name, label) in enumerate(parts):
        href = reverse(url, args=[key]) if place == 0 else reverse(f"{url}-tab", args=[key, name])
        made.append(Tab(name, label, href, name == here))
    return made


def workbook(request: HttpRequest, name: str, tables: Sequence[Any], facts: dict[str, Any]) -> HttpResponse:
    """Tables as a workbook with a watermark, and the audit row that says who took what (invariant 25).

    Args:
        request: of the exporter.
        name: of the file, ASCII, without ending; also ``<name>.export`` in the audit.
        tables: `davylamp.desk.documents.excel.Table`.
        facts: what was asked for.
    """
    from davylamp.desk.documents.excel import write_workbook

    export_id = secrets.token_hex(6).upper()
    body = write_workbook(tables, export_id, str(request.user))
    with transaction.atomic():
        record(f"{name}.export", ("export", export_id), facts)
    response = HttpResponse(body, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}-{export_id}.xlsx"'
    return response


def plain_facts(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Facts as text."""
    return {key: str(value) for key, value in pairs}
