"""Keep a table's filters under a name, or let go of them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_POST

from davylamp.desk.core import saved_views
from davylamp.desk.core.workflow import Refused
from davylamp.desk.pages.frames import holder_in


def screen_address(name: str) -> str:
    """The address of a screen with a table.

    Raises:
        Refused: E-VEW-003 when there is none.
    """
    try:
        return reverse(name)
    except NoReverseMatch as error:
        raise Refused("E-VEW-003", "there is no such screen") from error


@login_required
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the filters, and go back to the table with them."""
    address = screen_address(request.POST.get("screen", ""))
    view = saved_views.keep(
        holder_in(request),
        request.POST["screen"],
        request.POST.get("name", ""),
        request.POST.get("query", ""),
    )
    return redirect(f"{address}?{view.query}")


@login_required
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Let go of a view."""
    address = screen_address(request.POST.get("screen", ""))
    saved_views.remove(holder_in(request), request.POST.get("view", ""))
    return redirect(address)
