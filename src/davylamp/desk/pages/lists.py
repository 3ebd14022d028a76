"""What all tables share: filters as chips in the address, columns to choose, order, pages, saved views.

The address holds all of it, so a view can be sent to a colleague, who sees what *they* may see. The number of
queries does not depend on the number of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

import django_filters
import django_tables2 as tables
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from davylamp.desk.core import saved_views

SIZES: Final = (50, 100, 200)
RESERVED: Final = ("sort", "col", "per")
"""Keys of the address that say how rows are shown; all others are filters."""


class DeskTable(tables.Table):
    """A table whose columns can be chosen. ``standard`` are shown at first; the first column always stays."""

    standard: ClassVar[tuple[str, ...]] = ()

    class Meta:
        template_name = "pages/parts/table.html"


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, and the address without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One column that can be shown."""

    name: str
    label: Any
    is_on: bool


def number_column(label: Any, unit: str = "", **more: Any) -> tables.Column:
    """A column of numbers: right-aligned, the unit in its head."""
    attrs = {"td": {"class": "n"}, "th": {"class": "n"}, "unit": unit}
    return tables.Column(verbose_name=label, attrs=attrs, **more)


def listing(
    request: HttpRequest,
    table_class: type[DeskTable],
    filters: django_filters.FilterSet,
    hidden: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The context of a page with one table.

    Args:
        request: with the address that says which rows, columns and order.
        table_class: what the rows look like.
        filters: bound to the rows that the holder may see.
        hidden: columns that this holder may not see.
    """
    screen = request.resolver_match.url_name if request.resolver_match else ""
    params = request.GET
    shown = columns_of(table_class, params, hidden)
    spare = [n for n in table_class.base_columns if n not in shown]
    rows: QuerySet[Any] = filters.qs if filters.is_valid() else filters.queryset.none()
    table = table_class(rows, exclude=spare, order_by=order_of(table_class, params, hidden), request=request)
    table.sequence = [n for n in table_class.base_columns if n in shown]
    size = number_of(params.get("per"), SIZES[0], SIZES)
    page = Paginator(table.rows, size).get_page(params.get("page"))
    table.page, table.paginator = page, page.paginator
    query = kept_query(params)
    return {
        "table": table,
        "sorted_by": next((o.lstrip("-") for o in table.order_by), ""),
        "page": page,
        "pages": list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)),
        "sizes": SIZES,
        "size": size,
        "filters": filters,
        "chips": chips(filters, params),
        "columns": [
            Choice(n, c.verbose_name or n, n in shown)
            for n, c in list(table_class.base_columns.items())[1:]
            if n not in hidden
        ],
        "screen": screen,
        "kept_query": query,
        "kept_pairs": [(k, v) for k in params for v in params.getlist(k) if v and k not in ("page", "col")],
        "reserved_pairs": [(k, v) for k in RESERVED for v in params.getlist(k) if v],
        "saved": [
            {"view": v, "is_here": v.query == query}
            for v in saved_views.views_of(request.holder, screen or "")  # type: ignore[attr-defined]
        ],
    }


def columns_of(
    table_class: type[DeskTable], params: QueryDict, hidden: frozenset[str] = frozenset()
) -> list[str]:
    """The columns that are shown: those of the address, else the standard ones; the first column always."""
    names = [n for n in table_class.base_columns if n not in hidden]
    wanted = [n for n in params.getlist("col") if n in names] or list(table_class.standard)
    return [n for n in names if n == names[0] or n in wanted]


def order_of(table_class: type[DeskTable], params: Mapping[str, str], hidden: frozenset[str]) -> list[str]:
    """The order that the address asks for, of columns that can be ordered; else the table's own."""
    asked = params.get("sort", "")
    name = asked.lstrip("-")
    column = table_class.base_columns.get(name)
    if column is None or name in hidden or column.orderable is False:
        return list(table_class._meta.order_by or ())
    return [asked, *(o for o in table_class._meta.order_by or () if o.lstrip("-") != name)]


def number_of(text: str | None, default: int, choices: tuple[int, ...]) -> int:
    """One of the choices, or the default."""
    return int(text) if text and text.isascii() and text.isdigit() and int(text[:6]) in choices else default


def kept_query(params: QueryDict) -> str:
    """The query without what changes from page to page."""
    return urlencode([(k, v) for k in params for v in params.getlist(k) if k != "page" and v])


def chips(filters: django_filters.FilterSet, params: QueryDict) -> list[Chip]:
    """The filters that are on, with words for their values, in the order of the form."""
    made = []
    for name, field in filters.form.fields.items():
        for value in params.getlist(name):
            if value in ("", "unknown"):  # a choice that was left open
                continue
            rest = params.copy()
            rest.setlist(name, [v for v in params.getlist(name) if v != value])
            rest.pop("page", None)
            known = dict(_flat(getattr(field, "choices", ())))
            word = known.get(value, known.get(_as_int(value), value))
            made.append(Chip(str(field.label or name), str(word), f"?{rest.urlencode()}"))
    return made


def _flat(choices: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for value, label in choices or ():
        found += label if isinstance(label, list | tuple) else [(value, label)]
    return found


def _as_int(value: str) -> Any:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value
