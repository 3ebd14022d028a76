"""Pages for what goes wrong before a view is reached."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.core.workflow import Refused
from davylamp.errors import DavylampError


def error_page(request: HttpRequest, error: DavylampError, status: int, **more: Any) -> HttpResponse:
    """The page of an error: what is wrong, what to do, its code. Who is not logged in sees no frame."""
    user = getattr(request, "user", None)
    base = "pages/base.html" if user is not None and user.is_authenticated else "pages/bare.html"
    context = {"error": error, "status": status, "base_page": base, **more}
    return render(request, "pages/error.html", context, status=status)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """An address that leads nowhere: the same page as for what may not be known of."""
    return error_page(request, policy.nothing(), 404)


def failed(request: HttpRequest) -> HttpResponse:
    """Something broke that should not; the request's number finds it in the log."""
    error = Refused(
        "E-DSK-500", _("something broke on our side"), _("try again; if it stays, tell your administrator")
    )
    return error_page(request, error, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is missing or old."""
    error = Refused(
        "E-DSK-403", _("the form's token is missing or too old"), _("reload the page and send it again")
    )
    return error_page(request, error, 403, reason=reason)
