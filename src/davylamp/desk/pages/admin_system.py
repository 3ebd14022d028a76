"""Settings that are no accounts: the calendar, document templates, factor sets, the state of the system."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from davylamp import __version__
from davylamp.desk.access import policy
from davylamp.desk.access.services import Refusal
from davylamp.desk.audit.checkpoints import read_checkpoints
from davylamp.desk.core import calendar
from davylamp.desk.core.models import CalendarDay, CalendarYear
from davylamp.desk.documents.models import Kind, TemplateChange
from davylamp.desk.documents.render import TEMPLATE_BYTES
from davylamp.desk.documents.services import use_template
from davylamp.desk.pages.admin import keeper, page
from davylamp.errors import InputError
from davylamp.tables.energy import factors


@login_required
@require_http_methods(["GET", "POST"])
def days(request: HttpRequest) -> HttpResponse:
    """Days that differ from their weekday: announced years, one day more."""
    holder = keeper(request)
    if request.method == "POST":
        one = calendar.Announced(
            _day(request.POST.get("day", "")),
            request.POST.get("is_working") == "1",
            request.POST.get("name", ""),
        )
        calendar.announce_day(holder, one, request.POST.get("basis", ""))
        messages.success(request, _("Done and recorded."))
        return redirect("admin-calendar")
    first, last = calendar.packaged_years()
    context = {
        "first": first,
        "last": last,
        "years": list(policy.visible(holder, CalendarYear)),
        "days": list(policy.visible(holder, CalendarDay).order_by("-day")[:200]),
    }
    return page(request, "pages/admin_calendar.html", "admin-calendar", context)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refusal("E-CAL-003", _("this is no day"), _("write it as 2021-09-08")) from error


@login_required
@require_http_methods(["GET", "POST"])
def templates(request: HttpRequest) -> HttpResponse:
    """Which template each document is made from; an office's own is checked before it is used."""
    holder = keeper(request)
    if request.method == "POST":
        upload = request.FILES.get("file")
        if upload is not None and (upload.size or 0) > TEMPLATE_BYTES:
            raise InputError("E-DOC-040", _("%(file)s is too large") % {"file": upload.name}, "")
        data = upload.read() if upload is not None else b""
        if not data and request.POST.get("act") != "shipped":
            raise Refusal("E-DOC-043", _("no file was chosen"), _("choose a .docx file"))
        use_template(holder, request.POST.get("kind", ""), data, str(upload.name if upload else ""))
        messages.success(request, _("Done and recorded."))
        return redirect("admin-templates")
    own = Path(settings.HOME) / "templates"
    rows = [
        {"kind": kind, "label": label, "is_own": (own / f"{kind}.docx").exists()}
        for kind, label in Kind.choices
        if kind != Kind.WEEKLY
    ]
    changes = policy.visible(holder, TemplateChange).select_related("made_by").order_by("-made_at")
    context = {"rows": rows, "changes": list(changes[:50])}
    return page(request, "pages/admin_templates.html", "admin-templates", context)


@login_required
@require_GET
def factor_sets(request: HttpRequest) -> HttpResponse:
    """Factor sets with their sources, to read; an operator adds his own in the site folder."""
    keeper(request)
    return page(request, "pages/admin_factors.html", "admin-factors", {"factors": factors()})


@login_required
@require_GET
def system(request: HttpRequest) -> HttpResponse:
    """Version, database, audit, checkpoints, last backup."""
    keeper(request)
    context = {
        "rows": system_rows(),
    }
    return page(request, "pages/admin_system.html", "admin-system", context)


def system_rows() -> list[tuple[str, Any, str]]:
    """What the system says of itself: name, value, remark."""
    home = Path(settings.HOME)
    rows = connection.introspection.table_names
    marks = read_checkpoints(home / "checkpoints")
    last = datetime.fromisoformat(marks[-1].at) if marks else None
    backup = last_backup(home / "backups")
    return [
        (_("Version"), __version__, ""),
        (
            _("Database"),
            {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor),
            "",
        ),
        (_("Tables"), len(rows()), ""),
        (_("Time zone"), settings.TIME_ZONE, f"{timezone.localtime():%Y-%m-%d %H:%M}"),
        (_("Last checkpoint"), last, _("none yet: run davylamp audit checkpoint") if last is None else ""),
        (_("Checkpoints"), len(marks), ""),
        (_("Last backup"), backup, _("none yet: run davylamp desk backup") if backup is None else ""),
    ]


def last_backup(folder: Path) -> datetime | None:
    """When the newest file of the folder of backups was written."""
    times = [p.stat().st_mtime for p in folder.glob("*") if p.is_file()] if folder.is_dir() else []
    return timezone.make_aware(datetime.fromtimestamp(max(times))) if times else None
