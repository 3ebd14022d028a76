"""Ranges that organisations say are their own (申报), and what an analyst makes of them.

A claim that nobody has looked at says nothing: whoever could claim a neighbour's addresses would see the neighbour's
leads. An accepted one enters the registry as *declared*, a checked one as *verified*; neither can be overwritten by
an import.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from davylamp.attribution.imports_cells import read_ports, read_ranges
from davylamp.attribution.registry_diff import Statement
from davylamp.attribution.registry_records import NetRange, Origin
from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Holder, Scope, govern
from davylamp.desk.core.workflow import Step, define
from davylamp.desk.leads.projects import region_of
from davylamp.desk.registry.models import ResourceClaim
from davylamp.desk.registry.services import rebuild, unix_ns
from davylamp.desk.registry.store import DeskStore, hex_of
from davylamp.errors import BadUse

State = ResourceClaim.State


@dataclass(frozen=True, slots=True)
class Told:
    """What an organisation says; network and ports as ledgers write them, one of each."""

    organisation_code: str
    network: str
    ports: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    note: str = ""


def submit(told: Told, holder: Holder) -> ResourceClaim:
    """Claim a range for an organisation.

    Raises:
        Forbidden: E-ACC-403.
        BadUse: E-CLM-001 with everything that is wrong with it.
    """
    code = told.organisation_code
    region = region_of(code)
    if not policy.can_create(holder, ResourceClaim, region_code=region, organisation_code=code):
        raise Forbidden("E-ACC-403", "your duty does not include this", "ask whoever made your account")
    faults, spans = [], []
    for name, read, text in (("network", read_ranges, told.network), ("ports", read_ports, told.ports)):
        try:
            found = read(text)
            spans.append(found[0])
            if len(found) != 1:
                faults.append(f"{name}: one at a time")
        except ValueError as error:
            faults.append(f"{name}: {error}")
    if told.valid_from is not None and told.valid_to is not None and told.valid_to <= told.valid_from:
        faults.append("valid_to: before it begins")
    if faults:
        raise BadUse("E-CLM-001", "; ".join(faults), "10.1.0.0/16 or 10.1.2.0-10.1.3.255; ports 1024-2047")
    made = ResourceClaim(
        organisation_code=code,
        region_code=region,
        network=told.network.strip(),
        low=hex_of(spans[0].first),
        high=hex_of(spans[0].last),
        first_port=spans[1].first,
        last_port=spans[1].last,
        valid_from=told.valid_from,
        valid_to=told.valid_to,
        note=told.note,
        drafted_by_id=holder.user_id,
    )
    made.save(action="claim.submit")
    return made


def _not_the_drafter(claim: ResourceClaim, holder: Holder, _data: Mapping[str, Any]) -> str:
    return "who claims does not decide" if claim.drafted_by_id == holder.user_id else ""


def _decide(claim: ResourceClaim, holder: Holder, data: Mapping[str, Any]) -> None:
    claim.decided_by_id, claim.decided_at = holder.user_id, timezone.now()
    claim.basis = str(data.get("basis") or data.get("reason") or "")[:300]


def _declare(claim: ResourceClaim, holder: Holder, data: Mapping[str, Any]) -> None:
    _decide(claim, holder, data)
    _state(claim, Origin("declared", f"claim:{claim.organisation_code}", claim.drafted_by.name, claim.basis))


def _verify(claim: ResourceClaim, holder: Holder, data: Mapping[str, Any]) -> None:
    _decide(claim, holder, data)
    _state(claim, Origin("verified", f"claim:{claim.organisation_code}", holder.label, claim.basis))


def _state(claim: ResourceClaim, origin: Origin) -> None:
    """Enter it into the registry; a supplement, so that nothing else ends by it."""
    now_ns = time.time_ns()
    fact = NetRange(
        claim.organisation_code,
        int(claim.low, 16),
        int(claim.high, 16),
        claim.first_port,
        claim.last_port,
        claim.note,
        None if claim.valid_from is None else unix_ns(claim.valid_from),
        None if claim.valid_to is None else unix_ns(claim.valid_to),
    )
    store = DeskStore()
    store.commit(
        store.plan(Statement(origin, (fact,), frozenset({NetRange}), now_ns, is_complete=False)), now_ns
    )
    rebuild(now_ns)


_OPEN: Final = frozenset({State.SUBMITTED, State.ACCEPTED})
STEPS: Final = (
    Step(
        "accept",
        frozenset({State.SUBMITTED}),
        State.ACCEPTED,
        needs=("basis",),
        guards=(_not_the_drafter,),
        effects=(_declare,),
    ),
    Step("verify", _OPEN, State.VERIFIED, needs=("basis",), guards=(_not_the_drafter,), effects=(_verify,)),
    Step(
        "refuse",
        frozenset({State.SUBMITTED}),
        State.REFUSED,
        needs=("reason",),
        guards=(_not_the_drafter,),
        effects=(_decide,),
    ),
    Step("withdraw", frozenset({State.SUBMITTED}), State.WITHDRAWN),
)


def install() -> None:
    """Called when Django is ready."""
    define(ResourceClaim, STEPS)
    analysts = (Duty.ANALYST,)
    govern(
        ResourceClaim,
        Scope("region_code", "organisation_code", ""),
        {
            "read": (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.AUDITOR, Duty.CONTACT),
            "create": (Duty.CONTACT, Duty.OFFICER, Duty.ANALYST),
            "accept": analysts,
            "verify": analysts,
            "refuse": analysts,
            "withdraw": (Duty.CONTACT, Duty.OFFICER, Duty.ANALYST),
        },
    )
