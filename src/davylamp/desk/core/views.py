"""Pages for what goes wrong before a view is reached."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from davylamp.desk.core.workflow import Refused


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is missing or old."""
    error = Refused(
        "E-DSK-403", "the form's token is missing or too old", "reload the page and send it again"
    )
    return render(request, "pages/error.html", {"error": error, "status": 403, "reason": reason}, status=403)
