"""Steps from state to state, as a table: who may, from where to where, and what must hold.

`perform` does a step or refuses it with a reason; the change and its audit row are one transaction. Pages and
the API offer what `available` gives, so a button and a rule cannot disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.models import AuditedModel, Stale
from davylamp.desk.audit.record import take_turn
from davylamp.errors import DavylampError

M = TypeVar("M", bound=AuditedModel)
Guard = Callable[[Any, Holder, Mapping[str, Any]], str]
"""Item, holder and the step's data to the reason why not; empty lets pass."""
Effect = Callable[[Any, Holder, Mapping[str, Any]], None]
"""What else changes; runs inside the transaction, before the item is saved."""


class Refused(DavylampError):
    """A step that cannot be taken now; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transition.

    ``name`` is also the action that the policy knows and the audit keeps. ``needs`` are keys that the step's
    data must hold. An empty ``target`` leaves the state as it is.
    """

    name: str
    sources: frozenset[str]
    target: str
    needs: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    effects: tuple[Effect, ...] = ()


WORKFLOWS: Final[dict[type[AuditedModel], dict[str, Step]]] = {}


def define(model: type[AuditedModel], steps: tuple[Step, ...]) -> None:
    """Register the steps of a model."""
    WORKFLOWS[model] = {step.name: step for step in steps}


def available(item: AuditedModel, holder: Holder) -> list[Step]:
    """The steps that this holder may take from here, in the order of the table; guards without data included."""
    state = item.state  # type: ignore[attr-defined]
    steps = [s for s in WORKFLOWS[type(item)].values() if state in s.sources]
    return [s for s in steps if policy.may(holder, s.name, item)]


def perform(
    item: M,
    name: str,
    holder: Holder,
    data: Mapping[str, Any] | None = None,
    *,
    version: int | None = None,
    follows: bool = False,
) -> M:
    """Take a step.

    Args:
        item: as it was read.
        name: of the step.
        holder: who takes it.
        data: what the step needs; ``reason`` goes into the audit.
        version: the version that the person saw.
        follows: it is the consequence of a step on another item, on which the policy was asked already.

    Returns:
        The item as it is now.

    Raises:
        Hidden, Forbidden: by the policy.
        Refused: E-WFL-001 for a step that is not possible from this state, E-WFL-002 for missing data,
        E-WFL-003 with
            the guard's reason.
        Stale: E-AUD-003 when someone else was faster.
    """
    given = dict(data or {})
    step = WORKFLOWS[type(item)].get(name)
    if step is None:
        raise Refused("E-WFL-004", _("there is no step %(step)s") % {"step": name}, "")
    with transaction.atomic():
        take_turn()  # before any row: who holds the turn may be waiting for this row
        held = type(item)._base_manager.select_for_update().get(pk=item.pk)
        if not follows:
            policy.check(holder, name, held)
        if version is not None and version != held.version:
            raise Stale(
                "E-AUD-003",
                _("%(item)s was changed by someone else") % {"item": held},
                _("look at the difference and do it again"),
            )
        _refuse(step, held, holder, given)
        for effect in step.effects:
            effect(held, holder, given)
        if step.target:
            held.state = step.target
        held.save(action=f"{held._meta.model_name}.{name}", reason=str(given.get("reason", "")))
    return held


def _refuse(step: Step, held: AuditedModel, holder: Holder, given: Mapping[str, Any]) -> None:
    """Say why a step cannot be taken; the order is state, data, guards."""
    if held.state not in step.sources:
        words = {"step": step.name, "state": held.get_state_display()}
        raise Refused(
            "E-WFL-001",
            _("%(step)s is not possible while the state is %(state)s") % words,
            _("reload the page"),
        )
    missing = [key for key in step.needs if given.get(key) in (None, "", [], ())]
    if missing:
        raise Refused(
            "E-WFL-002",
            _("%(step)s needs %(fields)s") % {"step": step.name, "fields": ", ".join(missing)},
            _("fill it in"),
        )
    for guard in step.guards:
        reason = guard(held, holder, given)
        if reason:
            raise Refused("E-WFL-003", reason, "")
