"""The second factor: an authenticator's six digits, set up once, asked for at every login of a privileged duty."""

from django.db import transaction
from django.http import HttpRequest
from django_otp import login as otp_login
from django_otp import match_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from davylamp.desk.access.models import User
from davylamp.desk.audit.record import record


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
