"""The door of the API: no cookie enters, no error page leaves, nothing is kept by a cache on the way."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.http.response import HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from davylamp.desk.api.answers import plain, refuse

PREFIX: Final = "/api/"
MOST_QUERY: Final = 8192  # bytes; judged: filters are short


class ApiMiddleware:
    """Stands before the session: what comes in under ``/api/`` has a bearer token or nothing.

    A browser that is logged in sends its cookie to every address of the desk. It is taken off here, so that
    no page elsewhere can make a browser call the API, and no form token is needed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve."""
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        translation.activate(translation.get_language_from_request(request))
        response = self._shape(request) or self.get_response(request)
        if isinstance(response, HttpResponse):
            response = plain(response)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _shape(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse what no operation can mean."""
        query = request.META.get("QUERY_STRING", "")
        if len(query) > MOST_QUERY:
            return refuse(414, "E-API-414", _("the address is too long"), _("use fewer filters"))
        if "\x00" in request.path_info or "%00" in query or "\x00" in query:
            return refuse(400, "E-API-400", _("a NUL character in the address"), _("take it out"))
        if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("", "identity"):
            return refuse(415, "E-API-415", _("compressed bodies are not taken"), _("send it plain"))
        return None
