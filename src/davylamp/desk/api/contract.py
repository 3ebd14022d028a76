"""What every operation states: its scopes, and every answer that it can give."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from django.utils.translation import gettext as _
from ninja import Header, Query, Schema
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, StringConstraints

from davylamp.desk.access import policy
from davylamp.desk.access.models import User
from davylamp.desk.access.policy import Holder
from davylamp.desk.access.services import colleagues
from davylamp.desk.api.answers import ApiError, Problem
from davylamp.desk.api.auth import TokenAuth
from davylamp.desk.api.cursors import MOST, USUAL
from davylamp.desk.audit.models import AuditedModel
from davylamp.desk.core import workflow

Code = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")]
"""A key of the office's own."""
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Region = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(description="GB/T 2260", examples=["330100"])
]
Version = Annotated[int, Field(ge=1, description="Rises with every change; goes into If-Match.")]

ALWAYS: Final = {
    400: "the request has no meaning: damaged JSON, a cursor of another question",
    401: "no valid token",
    403: "the token lacks a scope, or the account's duty does not include this",
    413: "the body is too large",
    414: "the address is too long",
    422: "parameters or data that cannot be, with all faults; a step that is not possible now",
    429: "too many calls; Retry-After says when",
}
ABSENT: Final = {404: "there is no such item that this account may know of"}
STALE: Final = {409: "someone else changed it; read it again", 428: "If-Match is missing"}


def op(*scopes: str, gives: Any, also: dict[int, str] | None = None, **extra: Any) -> dict[str, Any]:
    """The keyword arguments of an operation.

    Args:
        scopes: that a token needs, all of them.
        gives: schema of the answer.
        also: further statuses and when.
        extra: further OpenAPI keys.
    """
    errors = {**ALWAYS, **(also or {})}
    told = {status: {"description": words} for status, words in errors.items()}
    return {
        "auth": TokenAuth(*scopes),
        "response": {200: gives, **dict.fromkeys(errors, Problem)},
        "openapi_extra": {"responses": told, "x-scopes": list(scopes), **extra},
    }


def _written_out(value: Any) -> Any:
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("a time is written out, with its offset")
    return value


When = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A time in ISO 8601 with its offset; a bare number is none."""
IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        max_length=64,
        description="The version that you saw; 428 without it.",
        examples=['"3"'],
    ),
]


class Body(Schema):
    """A body whose every field is known: a misspelt one is told and not left out."""

    model_config = ConfigDict(extra="forbid")


class Paging(Schema):
    """Which part of a list."""

    cursor: Annotated[str, StringConstraints(max_length=1000)] = Query(
        "", description="`next` of the page before; empty begins."
    )
    limit: int = Query(USUAL, ge=1, le=MOST, description="Rows of a page, at most.")


class Quantity(Schema):
    """A number with what belongs to it. All three figures are null where it is not known."""

    estimate: float | None
    low: float | None = Field(description="Lower end of the 95 % interval.")
    high: float | None = Field(description="Upper end of the 95 % interval.")
    unit: str
    grade: str = Field("", description="A to D, of energy figures.")


class StepRow(Schema):
    """A step that the caller may take now."""

    name: str
    needs: list[str]


def steps_of(item: AuditedModel, who: Holder) -> list[dict[str, Any]]:
    """The steps that a caller may take from here."""
    return [{"name": s.name, "needs": list(s.needs)} for s in workflow.available(item, who)]


def same(item: Any, schema: type[Schema], who: Holder) -> dict[str, Any]:
    """The fields that an item and a schema both have under one name; empty where the caller's duty never reads them."""
    found = {name: getattr(item, name) for name in schema.model_fields if hasattr(item, name)}
    for name in policy.fields_hidden(who, type(item)) & found.keys():
        found[name] = type(found[name])() if isinstance(found[name], str | list | dict) else None
    return found


def colleague(who: Holder, duties: Iterable[str], region_code: str, username: str) -> User:
    """The account that could take an item of a region.

    Raises:
        ApiError: E-API-423 when there is none of that name.
    """
    found = colleagues(who, duties, region_code).filter(username=username).first()
    if found is None:
        raise ApiError(
            422, "E-API-423", _("nobody of this name works in that region"), _("name an account that does")
        )
    return found


def version_of(if_match: str) -> int:
    """The version that the caller saw, from If-Match.

    Raises:
        ApiError: E-API-428 without one, E-API-409 for one that no item ever had.
    """
    text = if_match.strip().strip('"')
    if not text:
        raise ApiError(
            428, "E-API-428", _("say which version you saw"), _("send If-Match with the item's version")
        )
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(
            409, "E-API-409", _("this is no version of the item"), _("read it again; its version is a number")
        )
    return int(text)
