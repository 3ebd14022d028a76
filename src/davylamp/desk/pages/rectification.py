"""One rectification as the contact sees it: what was found, what must be done, until when, and the report."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.audit.record import record
from davylamp.desk.cases.models import Case, Rectification
from davylamp.desk.core import vault
from davylamp.desk.pages import case_outcome, steps
from davylamp.desk.pages.frames import holder_in


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, number: str) -> HttpResponse:
    """The page; a step that was sent is taken first."""
    holder = holder_in(request)
    item = policy.find(holder, Rectification, number=number)
    offers, waiting = case_outcome.rectification(holder, item)
    outcome: steps.Lost | bool | None = None
    if request.method == "POST":
        outcome = steps.take(request, offers)
        if outcome is True:
            messages.success(request, _("Done and recorded."))
            return redirect("rectification", number)
        item = policy.find(holder, Rectification, number=number)
    case = policy.visible(holder, Case).filter(pk=item.case_id).first()
    context = {
        "item": item,
        "case": case,
        "is_contact": holder.duties <= {Duty.CONTACT},
        "is_over": item.state in (Rectification.State.ACCEPTED, Rectification.State.WITHDRAWN),
        "crumbs": [(_("Rectification"), ""), (number, "")],
        "address": reverse("rectification", args=[number]),
    }
    context |= steps.frame(offers, waiting, outcome if isinstance(outcome, steps.Lost) else None)
    return render(request, "pages/rectification.html", context, status=steps.status_of(outcome))


@login_required
@require_GET
def proof(request: HttpRequest, number: str) -> HttpResponse:
    """The proof that came with the report; who took it stands in the audit."""
    item = policy.find(holder_in(request), Rectification, number=number)
    if not item.proof_sha256:
        raise policy.nothing()
    data = b"".join(vault.read(item.proof_sha256))
    with transaction.atomic():
        record("rectification.open", item, {"sha256": item.proof_sha256}, region_code=item.region_code)
    return steps.download(data, item.proof_name or item.number)
