"""One's own account: language, password, second factor, postings."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_otp import user_has_device

from davylamp.desk.access import services
from davylamp.desk.access.models import PRIVILEGED
from davylamp.desk.pages.frames import holder_in


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The page."""
    holder = holder_in(request)
    context = {
        "seats": holder.seats,
        "has_device": user_has_device(request.user),
        "needs_device": bool(holder.duties & PRIVILEGED),
        "languages": settings.LANGUAGES,
    }
    return render(request, "pages/account.html", context)


@login_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language with the account, and use it from now on."""
    code = request.POST.get("language", "")
    response = redirect("account")
    if code in dict(settings.LANGUAGES):
        services.change_language(request.user, code)  # type: ignore[arg-type]
        translation.activate(code)
        messages.success(request, _("The desk speaks this language to you from now on."))
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, samesite="Lax", secure=settings.IS_HTTPS)
    return response


@login_required
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """A new password; the session goes on."""
    if request.POST.get("new") != request.POST.get("again"):
        messages.error(request, _("The two new passwords are not the same."))
        return redirect("account")
    services.change_password(request.user, request.POST.get("old", ""), request.POST.get("new", ""))  # type: ignore[arg-type]
    update_session_auth_hash(request, request.user)  # type: ignore[arg-type]
    messages.success(request, _("The password is changed."))
    return redirect("account")
