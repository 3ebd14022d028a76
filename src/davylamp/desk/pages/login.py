"""The second factor: shown at login by privileged duties, set up once with an authenticator."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_otp import user_has_device

from davylamp.desk.access import second_factor as factor


class LoginPage(LoginView):
    """Name and password; the desk then speaks the account's own language."""

    template_name = "access/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Let in, and remember the language where the account has one."""
        response = super().form_valid(form)
        code = form.get_user().language
        if code in dict(settings.LANGUAGES):
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, samesite="Lax", secure=settings.IS_HTTPS)
        return response


def next_of(request: HttpRequest) -> str:
    """Where to go on, within the desk only."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}) else "/"


@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the six digits."""
    if not user_has_device(request.user):
        return redirect("second-factor-setup")
    failed = False
    if request.method == "POST":
        if factor.show(request, request.POST.get("token", "")):
            return redirect(next_of(request))
        failed = True
    return render(request, "access/second_factor.html", {"failed": failed, "next": next_of(request)})


@login_required
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the key once, and take it into use with the first right digits."""
    if user_has_device(request.user):
        return redirect("second-factor")
    device = factor.waiting_device(request.user)
    failed = False
    if request.method == "POST":
        if factor.confirm(request, device, request.POST.get("token", "")):
            return redirect("/")
        failed = True
    import segno

    picture = segno.make(device.config_url).svg_data_uri(scale=4, border=3, dark="#1F2933", light="#FFFFFF")
    context = {"failed": failed, "picture": picture, "key": spelled(device.config_url)}
    return render(request, "access/set_up.html", context)


def spelled(url: str) -> str:
    """The key of an otpauth address in groups of four, for who types it."""
    from urllib.parse import parse_qs, urlsplit

    key = parse_qs(urlsplit(url).query).get("secret", [""])[0]
    return " ".join(key[i : i + 4] for i in range(0, len(key), 4))
