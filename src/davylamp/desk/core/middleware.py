"""What stands around every request: its actor and holder, the second factor, errors as pages."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from davylamp.desk.access.models import PRIVILEGED, User
from davylamp.desk.access.policy import Forbidden, Hidden, holder_of
from davylamp.desk.audit.context import Actor, acting
from davylamp.desk.audit.models import Stale
from davylamp.desk.core.views import error_page
from davylamp.errors import DavylampError

Handler = Callable[[HttpRequest], HttpResponseBase]
ANONYMOUS = Actor("system", "anonymous", "not logged in", "web")


def actor_of(user: object, channel: str, request_id: str) -> Actor:
    """The actor that an account is."""
    if isinstance(user, User):
        return Actor("user", str(user.pk), str(user), channel, request_id)
    return Actor("system", "anonymous", "not logged in", channel, request_id)


class ActorMiddleware:
    """Puts ``request.holder`` and the audit's actor around the request."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve."""
        request_id = uuid.uuid4().hex
        request.holder = holder_of(request.user)  # type: ignore[attr-defined]
        with acting(actor_of(request.user, "web", request_id)):
            response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        if request.user.is_authenticated:
            response.headers["Cache-Control"] = "no-store"
        return response


class SecondFactorMiddleware:
    """Privileged duties go no further than the second factor's page until it was shown."""

    OPEN = ("login", "logout", "second-factor", "second-factor-setup", "set_language")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve or send to the second factor."""
        holder = request.holder  # type: ignore[attr-defined]
        needs = bool(holder.duties & PRIVILEGED)
        verified = getattr(request.user, "is_verified", lambda: False)()
        open_paths = {reverse(name) for name in self.OPEN}
        if (
            needs
            and not verified
            and request.path not in open_paths
            and not request.path.startswith("/static/")
        ):
            return redirect(f"{reverse('second-factor')}?next={request.get_full_path()}")
        return self.get_response(request)


class ErrorMiddleware:
    """Errors with a code become pages with that code; what may not be known of looks like what does not exist."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page of an error; None leaves it to Django."""
        if not isinstance(error, DavylampError):
            return None
        status = 404 if isinstance(error, Hidden) else 403 if isinstance(error, Forbidden) else 409
        if not isinstance(error, Hidden | Forbidden | Stale):
            status = 400
        return error_page(request, error, status, kept=_kept(request, status))


def _kept(request: HttpRequest, status: int) -> list[tuple[str, str]]:
    """What a person had written into a form that was refused, so that nothing is lost; no secrets."""
    if request.method != "POST" or status == 404:
        return []
    own = ("reason", "text", "note", "purpose", "name", "basis", "description")
    return [(name, request.POST[name][:4000]) for name in own if request.POST.get(name)]
