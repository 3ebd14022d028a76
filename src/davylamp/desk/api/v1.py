"""The API, version 1: its rooms, and what it says of itself."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from ninja import NinjaAPI

from davylamp import __version__
from davylamp.desk.api import (
    answers,
    cases,
    coverage,
    handovers,
    leads,
    observations,
    organisations,
    statistics,
    trail,
)
from davylamp.desk.api.reading import StrictParser
from davylamp.desk.api.reference import chapters

ABOUT: Final = """\
The desk's API. Every call carries `Authorization: Bearer` with a token that an administrator issued; it acts as
the token's account, within its scopes. What an account may not know of does not exist: 404, as for a wrong number.
Errors are `{code, message, hint}`. Lists come in pages by `cursor` and never say how long they are. Times are
ISO 8601 with their offset. The desk calls nobody: other systems ask it.
"""
ROOMS: Final = (observations, coverage, leads, handovers, cases, organisations, statistics, trail)

api = NinjaAPI(
    title="Davylamp desk",
    version="1",
    description=ABOUT,
    docs_url=None,
    openapi_url=None,
    parser=StrictParser(),
    urls_namespace="api-1",
    openapi_extra={"info": {"license": {"name": "Apache-2.0"}, "x-davylamp": __version__}},
)
answers.install(api)
for room in ROOMS:
    api.add_router("", room.router)


def schema() -> dict[str, Any]:
    """The OpenAPI document; addresses begin at ``/api/v1``."""
    return dict(api.get_openapi_schema())


def openapi(request: HttpRequest) -> HttpResponse:
    """The document, for anybody: it tells of the desk's shape and nothing of what it holds."""
    return JsonResponse(schema(), json_dumps_params={"ensure_ascii": False, "indent": 1})


def reference(request: HttpRequest) -> HttpResponse:
    """The same as a page: no script, no style of another host."""
    return render(request, "api/reference.html", {"chapters": chapters(schema()), "version": __version__})


def absent(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every other address under ``/api/``."""
    return answers.refuse(
        404, "E-API-404", _("there is no such address"), _("the addresses stand in the reference")
    )
