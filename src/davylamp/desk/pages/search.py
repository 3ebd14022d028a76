"""One box for everything: a number, an address, an organisation. It finds what the holder may see, nothing else."""

from typing import Final

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from davylamp.desk.access import policy
from davylamp.desk.leads.models import Lead
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.lead_table import hidden_columns, matches
from davylamp.desk.registry.models import Organisation

MOST: Final = 50
MOST_CHARACTERS: Final = 200


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What was found; a lead's whole number leads straight to it."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:MOST_CHARACTERS]
    holder = holder_in(request)
    context: dict[str, object] = {"searched": text, "most": MOST, "leads": [], "organisations": []}
    if text:
        exact = policy.visible(holder, Lead).filter(number__iexact=text).first()
        if exact is not None:
            return redirect("lead", exact.number)
        found = policy.visible(holder, Lead).filter(matches(text, is_inner=not hidden_columns(holder)))
        context["leads"] = list(found.order_by("-last_seen", "number")[:MOST])
        names = Q(name__icontains=text) | Q(code__istartswith=text)
        context["organisations"] = list(policy.visible(holder, Organisation).filter(names)[:MOST])
    return render(request, "pages/search.html", context)
