"""The second factor: shown at login by privileged duties, set up once with an authenticator."""

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_otp import login as otp_login
from django_otp import match_token, user_has_device
from django_otp.plugins.otp_totp.models import TOTPDevice

from davylamp.desk.audit.record import record


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
        device = match_token(request.user, request.POST.get("token", "").strip())
        if device is not None:
            otp_login(request, device)
            with transaction.atomic():
                record("user.second_factor", ("access.user", str(request.user.pk)))
            return redirect(next_of(request))
        failed = True
    return render(request, "access/second_factor.html", {"failed": failed, "next": next_of(request)})


@login_required
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the key once, and take it into use with the first right digits."""
    if user_has_device(request.user):
        return redirect("second-factor")
    device, _ = TOTPDevice.objects.get_or_create(user=request.user, name="authenticator", confirmed=False)
    failed = False
    if request.method == "POST":
        if device.verify_token(request.POST.get("token", "").strip()):
            with transaction.atomic():
                device.confirmed = True
                device.save()
                record("user.second_factor_set_up", ("access.user", str(request.user.pk)))
            otp_login(request, device)
            return redirect("/")
        failed = True
    import segno

    picture = segno.make(device.config_url).svg_data_uri(scale=4, dark="#1F2933")
    context = {"failed": failed, "picture": picture, "url": device.config_url}
    return render(request, "access/set_up.html", context)
