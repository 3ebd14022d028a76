"""Accounts, postings, recusals and machine tokens.

An account by itself may do nothing. A *posting* gives it a duty in a region or an organisation for a time; a
*recusal* (回避) takes one organisation out of everything that it may see.
"""

import hashlib
import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from davylamp.desk.audit.models import AuditedModel, AuditedQuerySet


class Duty(models.TextChoices):
    """What an account is there for."""

    ANALYST = "analyst", _("monitoring analyst")
    OFFICER = "officer", _("regional officer")
    APPROVER = "approver", _("approving officer")
    CONTACT = "contact", _("organisation's contact")
    INSPECTOR = "inspector", _("inspector")
    LEADER = "leader", _("leader in charge")
    AUDITOR = "auditor", _("auditor")
    ADMIN = "admin", _("administrator")


PRIVILEGED = frozenset({Duty.APPROVER, Duty.AUDITOR, Duty.ADMIN, Duty.LEADER, Duty.ANALYST})
"""Duties that need a second factor: who approves, who sees across organisations, who makes accounts."""


class Clearance(models.IntegerChoices):
    """How far an item is closed, and how far an account may look."""

    OPEN = 0, _("open")
    INTERNAL = 1, _("internal")
    CONFIDENTIAL = 2, _("confidential")
    SECRET = 3, _("secret")


class UserManager(BaseUserManager.from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    """Makes accounts and finds them by name."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """A new account; without a password nobody can log in with it."""
        user = User(username=username, **fields)
        user.set_password(password)
        user.save()
        return user


class User(AuditedModel, AbstractBaseUser):
    """An account. It is never deleted: `close` ends it and lets its personal data go, its name stays with its work."""

    personal: ClassVar[frozenset[str]] = frozenset({"password", "phone", "email"})
    silent: ClassVar[frozenset[str]] = frozenset({"last_login"})

    username = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=64)  # as it stands under documents
    staff_no = models.CharField(max_length=32, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)  # may have its second factor told by a command
    closed_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar = ["name"]
    objects = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.username

    def close(self, reason: str) -> None:
        """End the account: no login, no phone, no mail, no password; the name stays."""
        self.is_active, self.closed_at = False, timezone.now()
        self.phone = self.email = ""
        self.set_unusable_password()
        self.save(action="user.close", reason=reason)


class Posting(AuditedModel):
    """A duty of an account, where and until when. It is ended, never changed."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="postings")
    duty = models.CharField(max_length=16, choices=Duty.choices)
    region_code = models.CharField(max_length=6)  # GB/T 2260; its whole subtree
    organisation_code = models.CharField(
        max_length=64, blank=True, db_index=True
    )  # of a contact: and its subtree
    clearance = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    basis = models.CharField(max_length=200, blank=True)  # the order that posted them

    class Meta:
        """Found by account."""

        constraints: ClassVar = [
            models.CheckConstraint(
                name="contact_has_organisation",
                condition=~models.Q(duty="contact") | ~models.Q(organisation_code=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_duty_display()} {self.region_code} {self.organisation_code}".strip()

    def end(self, reason: str) -> None:
        """End it now."""
        self.valid_to = timezone.now()
        self.save(action="posting.end", reason=reason)


class Recusal(AuditedModel):
    """A declared tie between an account and an organisation (回避): it sees and does nothing there."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="recusals")
    organisation_code = models.CharField(max_length=64)
    reason = models.CharField(max_length=200)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} / {self.organisation_code}"


class Token(AuditedModel):
    """A machine's key to the API: only its digest is kept. It acts as its account, within its scopes."""

    personal: ClassVar[frozenset[str]] = frozenset({"digest"})
    silent: ClassVar[frozenset[str]] = frozenset({"used_at"})

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)  # of `Token.SCOPES`
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    SCOPES: ClassVar[tuple[str, ...]] = ("intake", "read", "write")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, user: User, name: str, scopes: list[str], expires_at: Any) -> "tuple[Token, str]":
        """A new token and its secret, which is shown once."""
        secret = f"dvl_{secrets.token_urlsafe(32)}"
        token = cls(user=user, name=name, digest=token_digest(secret), scopes=scopes, expires_at=expires_at)
        token.save(action="token.issue")
        return token, secret

    @classmethod
    def find(cls, secret: str) -> "Token | None":
        """The valid token of a secret."""
        found = (
            cls.objects.select_related("user").filter(digest=token_digest(secret), revoked_at=None).first()
        )
        if found is None or found.expires_at <= timezone.now() or not found.user.is_active:
            return None
        return found


def token_digest(secret: str) -> str:
    """What is kept of a token; it is random, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
