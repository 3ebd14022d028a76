"""The second factor: an authenticator's six digits, set up once, asked for at every login of a privileged duty."""

import time

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_otp import login as otp_login
from django_otp import match_token
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from davylamp.desk.access.models import User
from davylamp.desk.audit.record import record
from davylamp.errors import BadUse


def waiting_device(user: User) -> TOTPDevice:
    """The authenticator that was offered and not yet confirmed; made at the first call."""
    device, _ = TOTPDevice.objects.get_or_create(user=user, name="authenticator", confirmed=False)
    return device


def show(request: HttpRequest, token: str) -> bool:
    """Let the session pass when the digits are right, and say so in the audit."""
    device = match_token(request.user, token.strip()[:16])
    if device is None:
        return False
    otp_login(request, device)
    with transaction.atomic():
        record("user.second_factor", ("access.user", str(request.user.pk)))
    return True


def confirm(request: HttpRequest, device: TOTPDevice, token: str) -> bool:
    """Take an authenticator into use with its first right digits."""
    if not device.verify_token(token.strip()[:16]):
        return False
    with transaction.atomic():
        device.confirmed = True
        device.save()
        record("user.second_factor_set_up", ("access.user", str(request.user.pk)))
    otp_login(request, device)
    return True


def demonstration_code(user: User) -> str:
    """The six digits that a demonstration account would read off its authenticator now; set up when it has none.

    A code lets one login pass. When this one was used, the next is given, which is in force already.

    Raises:
        BadUse: E-ACC-109 for every other account: nobody reads a person's second factor. E-ACC-110 when the next
            one was used too.
    """
    if not user.is_demo or not user.is_active:
        hint = _("codes of other accounts stand on their authenticators alone")
        raise BadUse("E-ACC-109", _("this is no demonstration account"), hint)
    with transaction.atomic():
        device, is_new = TOTPDevice.objects.get_or_create(user=user, confirmed=True)
        subject = ("access.user", str(user.pk))
        record("user.second_factor_set_up" if is_new else "user.second_factor_told", subject)
    clock = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    clock.time = time.time()
    ahead = max(0, device.last_t + 1 - clock.t())
    if ahead > device.tolerance:
        raise BadUse("E-ACC-110", _("two codes were used just now"), _("try again in half a minute"))
    clock.drift += ahead
    return f"{clock.token():0{device.digits}d}"
