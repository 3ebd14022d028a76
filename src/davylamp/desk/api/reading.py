"""Bodies as JSON, strictly: bounded in bytes and depth, no NUL, no number that is none.

A text of a hundred thousand ``[`` costs a careless reader its stack, a NUL costs PostgreSQL its patience.
"""

from typing import Any, Final, cast

import orjson
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.parser import Parser

from davylamp.desk.api.answers import ApiError, too_large

MOST_BYTES: Final = 256 << 10  # judged: a step's data is a form
MOST_INTAKE_BYTES: Final = 32 << 20  # judged: ten thousand sightings with room to spare
MOST_DEPTH: Final = 24  # judged: a scan's JSON is 7 deep


def take(request: HttpRequest, most_bytes: int) -> bytes:
    """A request's body.

    Raises:
        ApiError: E-API-413 over the limit.
    """
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > most_bytes:
        raise too_large(most_bytes)
    return request.read()


def value_of(text: bytes, *, may_hold_nul: bool = False) -> Any:
    """One JSON text as a value.

    Args:
        text: UTF-8.
        may_hold_nul: what reads it next makes NUL harmless.

    Raises:
        ApiError: E-API-411 for no JSON, E-API-412 for one that is too deep or holds a NUL.
    """
    hint = _("the body's shape stands in the reference")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "E-API-411", f"{_('this is no JSON')}: {error}", hint) from error
    fault = _fault(value, may_hold_nul)
    if fault:
        raise ApiError(400, "E-API-412", fault, hint)
    return value


def _fault(value: Any, may_hold_nul: bool) -> str:
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if depth > MOST_DEPTH:
            return _("the JSON is nested deeper than %(most)d") % {"most": MOST_DEPTH}
        if isinstance(one, str):
            if "\x00" in one and not may_hold_nul:
                return _("a text with a NUL character")
        elif isinstance(one, dict):
            waiting += [(v, depth + 1) for v in one.values()] + [(k, depth) for k in one]
        elif isinstance(one, list):
            waiting += [(v, depth + 1) for v in one]
    return ""


class StrictParser(Parser):
    """Reads the bodies of all operations that name a schema."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body as a value; ninja holds it against the schema."""
        return cast("dict[str, Any]", value_of(take(request, MOST_BYTES)))
