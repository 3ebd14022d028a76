"""Who calls: a bearer token, which acts as its account within its own scopes."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from davylamp.desk.access.models import Token
from davylamp.desk.access.policy import Holder, holder_of
from davylamp.desk.api.answers import ApiError
from davylamp.desk.api.limits import BUCKETS
from davylamp.desk.audit.context import Actor, actor, become
from davylamp.desk.audit.models import Stale

MOST_SECRET: Final = 200  # characters; a token has 47
TOUCH: Final = timedelta(minutes=1)  # judged: when a token was last used need not be known closer


class TokenAuth(HttpBearer):
    """Lets a token with all of these scopes in; the operation runs as its account.

    A token is issued by an administrator and shown once.
    """

    openapi_scheme = "bearer"

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = frozenset(scopes)

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        """The token of a secret; the request's holder and the audit's actor are its account from here on.

        Raises:
            ApiError: E-API-429 when it calls too often, E-API-403 without the operation's scopes.
        """
        secret = token.strip()
        found = Token.find(secret) if secret.isascii() and len(secret) <= MOST_SECRET else None
        if found is None or not _touch(found):
            return None
        wait_s = BUCKETS.wait_s(found.pk)
        if wait_s:
            raise _too_often(wait_s)
        lacking = sorted(self.scopes - set(found.scopes))
        if lacking:
            raise ApiError(
                403,
                "E-API-403",
                _("the token lacks the scope %(names)s") % {"names": ", ".join(lacking)},
                _("ask an administrator for a token with it"),
            )
        base = holder_of(found.user)
        request.holder = replace(base, scopes=frozenset(found.scopes))  # type: ignore[attr-defined]
        label = f"{found.user} / {found.name}"
        become(Actor("token", str(found.user.pk), label, "api", actor().request_id))
        return found


def holder(request: HttpRequest) -> Holder:
    """Who calls."""
    return request.holder  # type: ignore[attr-defined,no-any-return]


def account_name(request: HttpRequest) -> str:
    """The login name of the token's account: the source of what it delivers."""
    return str(request.auth.user.username)  # type: ignore[attr-defined]


def _touch(token: Token) -> bool:
    """Note that it is used; no when it was revoked meanwhile."""
    now = timezone.now()
    if token.used_at is not None and now - token.used_at < TOUCH:
        return True
    token.used_at = now
    try:
        token.save(update_fields=["used_at"])
    except Stale:
        return False
    return True


def _too_often(wait_s: float) -> ApiError:
    error = ApiError(429, "E-API-429", _("this token calls too often"), _("wait as Retry-After says"))
    error.headers["Retry-After"] = str(math.ceil(wait_s))
    return error
