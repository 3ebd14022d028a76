"""Who acts: carried beside the call, so that a change cannot forget its author."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

from davylamp.errors import BadUse

Kind = Literal["user", "token", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: an account, a machine's token, or the system itself.

    ``label`` is the name as it is at that moment; the audit keeps it whatever becomes of the account.
    """

    kind: Kind
    id: str
    label: str
    channel: str = "web"  # web, api, command, watch
    request_id: str = ""


_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)
SYSTEM: Final = Actor("system", "system", "system", "command")


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """Everything that changes inside is this actor's doing."""
    token = _ACTOR.set(actor)
    try:
        yield actor
    finally:
        _ACTOR.reset(token)


def become(other: Actor) -> None:
    """From here to the end of the enclosing `acting` this one acts: who calls is known only inside a request.

    Raises:
        BadUse: E-AUD-001 outside of `acting`.
    """
    actor()
    _ACTOR.set(other)


def actor() -> Actor:
    """The one who acts now.

    Raises:
        BadUse: E-AUD-001 outside of `acting`.
    """
    found = _ACTOR.get()
    if found is None:
        raise BadUse("E-AUD-001", "a change without an author", "wrap it in audit.context.acting")
    return found
