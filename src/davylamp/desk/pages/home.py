"""The first page after login: what waits for this account."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from davylamp.desk.pages import waiting
from davylamp.desk.pages.frames import holder_in


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What waits, by duty."""
    context = {"blocks": waiting.blocks(holder_in(request)), "now": timezone.now()}
    return render(request, "pages/home.html", context)
