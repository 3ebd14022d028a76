"""Pages of a list, each from where the one before ended. Nothing is counted, nothing is skipped over.

A cursor holds the sort keys of the last row that the caller was given and a keyed digest of them with the
question asked, so it tells nothing new and fits no other question. Two pages are told apart by what the
caller may see alone: a row that it may not see moves no border.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from davylamp.desk.api.answers import ApiError

M = TypeVar("M", bound=Model)
MOST: Final = 200  # judged: rows of a page
USUAL: Final = 50  # judged


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows, and the cursor of the next ones; None at the end."""

    rows: list[M]
    next: str | None


def page(
    rows: QuerySet[M], order: tuple[str, ...], question: object, cursor: str | None, limit: int
) -> Page[M]:
    """Cut one page.

    Args:
        rows: what the caller may see.
        order: fields, the last one unique; ``-`` before a field turns it round.
        question: the filters; a cursor of another question is refused.
        cursor: of the page before.
        limit: rows, at most.

    Raises:
        ApiError: E-API-410 for a cursor that was not given out for this question.
    """
    signer = signing.Signer(salt=f"davylamp.cursor:{order}:{question!r}")
    if cursor:
        rows = rows.filter(_after(order, _opened(signer, cursor)))
    found = list(rows.order_by(*order)[: limit + 1])
    is_more = len(found) > limit
    found = found[:limit]
    made = signer.sign_object([_plain(found[-1], f) for f in order]) if is_more else None
    return Page(found, made)


def _opened(signer: signing.Signer, cursor: str) -> list[Any]:
    try:
        keys: list[Any] = signer.unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise ApiError(
            400, "E-API-410", _("this cursor is of another question"), _("begin without one")
        ) from error
    return keys


def _after(order: tuple[str, ...], keys: list[Any]) -> Q:
    """The rows that stand after these keys."""
    where, same = Q(pk__in=[]), Q()
    for sign, key in zip(order, keys, strict=True):
        name = sign.lstrip("-")
        where |= same & Q(**{f"{name}__{'lt' if sign.startswith('-') else 'gt'}": key})
        same &= Q(**{name: key})
    return where


def _plain(row: Model, sign: str) -> Any:
    value = getattr(row, sign.lstrip("-"))
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int | str) else str(value)
