"""What the API says when it refuses: code, message and hint, whatever went wrong and wherever."""

from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.models import Stale
from davylamp.desk.core.workflow import Refused
from davylamp.errors import DavylampError

MOST_FAULTS: Final = 20  # judged: the first ones tell what is meant


class Problem(Schema):
    """An error, in the same three words as everywhere in Davylamp."""

    code: str = Field(description="Stable; never reused for another meaning.", examples=["E-ACC-404"])
    message: str = Field(description="What is wrong, in the language asked for by Accept-Language.")
    hint: str = Field(description="What to do about it; may be empty.")


class ApiError(DavylampError):
    """An error of the door itself, with its HTTP status."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.status = status
        self.headers: dict[str, str] = {}


STATUS: Final[tuple[tuple[type[DavylampError], int], ...]] = (
    (Hidden, 404),
    (Forbidden, 403),
    (Stale, 409),
    (Refused, 422),
)


def status_of(error: DavylampError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, ApiError):
        return error.status
    return next((status for kind, status in STATUS if isinstance(error, kind)), 400)


def refuse(status: int, code: str, message: str, hint: str = "") -> HttpResponse:
    """An error as the API gives it."""
    body = {"code": code, "message": message, "hint": hint}
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def too_large(most_bytes: int) -> ApiError:
    """A body over its limit."""
    words = _("the body is larger than %(most)d bytes") % {"most": most_bytes}
    return ApiError(413, "E-API-413", words, _("send it in parts"))


def _known(_request: HttpRequest, error: DavylampError) -> HttpResponse:
    response = refuse(status_of(error), error.code, error.message, error.hint)
    if isinstance(error, ApiError):
        for name, value in error.headers.items():
            response.headers[name] = value
    return response


def _unauthenticated(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return refuse(
        401, "E-API-401", _("no valid token was given"), _("send Authorization: Bearer and a token in force")
    )


def _other(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """Errors of ninja's own; behind those of reading a body stands ours."""
    if isinstance(error.__cause__, DavylampError):
        return _known(_request, error.__cause__)
    return refuse(error.status_code, f"E-API-{error.status_code}", error.message, "")


def _invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}" for one in error.errors]
    words = "; ".join(faults[:MOST_FAULTS])
    return refuse(422, "E-API-422", words, _("the parameters stand in the reference"))


def _absent(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return refuse(404, "E-API-404", _("there is no such address"), _("the addresses stand in the reference"))


def _large(_request: HttpRequest, _error: Exception) -> HttpResponse:
    from django.conf import settings

    return _known(_request, too_large(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))


def install(api: NinjaAPI) -> None:
    """Have an API answer so."""
    pairs: tuple[tuple[type[Exception], Any], ...] = (
        (DavylampError, _known),
        (AuthenticationError, _unauthenticated),
        (HttpError, _other),
        (ValidationError, _invalid),
        (Http404, _absent),
        (RequestDataTooBig, _large),
    )
    for kind, handler in pairs:
        api.add_exception_handler(kind, handler)


def plain(response: HttpResponse) -> HttpResponse:
    """An error page of Django as the API gives it; everything else as it is."""
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    if response.status_code < 400 or is_json:
        return response
    words = {
        404: (_("there is no such address"), _("the addresses stand in the reference")),
        405: (_("this method is not possible here"), _("the Allow header names those that are")),
        413: (_("the body is too large"), _("send it in parts")),
    }
    message, hint = words.get(
        response.status_code, (_("this went wrong"), _("tell an administrator the X-Request-Id"))
    )
    made = refuse(response.status_code, f"E-API-{response.status_code}", message, hint)
    response.content = made.content
    response.headers["Content-Type"] = made.headers["Content-Type"]
    return response
