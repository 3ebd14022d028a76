"""Whose address it was when it was seen: automatically at intake, and again by a person, always at that time.

An attribution is written once. The newest one of a lead stands, older ones show what was thought before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from davylamp.attribution.chain import Subject, attribute
from davylamp.attribution.chronicle import Chronicle
from davylamp.attribution.hops.record import Records
from davylamp.attribution.lookup import Index
from davylamp.attribution.registry_totals import state_of
from davylamp.attribution.scans import attribution_row
from davylamp.desk.audit.chain import canonical
from davylamp.desk.leads.grouping import WHOLE
from davylamp.desk.leads.models import Attribution, Lead
from davylamp.desk.registry.models import RegistryBatch
from davylamp.desk.registry.services import unix_ns
from davylamp.desk.registry.store import DeskStore
from davylamp.records import Claim

SURE: Final = 0.5  # judged: below it the registry's word is worth no more than a coin's
NO_LOGS: Final = Chronicle(Records(), {})
_INDEX: dict[object, Index] = {}
Question = tuple[str, int | None, datetime]


@dataclass(frozen=True, slots=True)
class Holding:
    """Who held an address: all claims, the block of ports they are about, and the port that was asked for."""

    claims: tuple[Claim, ...]
    ports: tuple[int, int] = WHOLE
    port: int | None = None

    @property
    def best(self) -> Claim | None:
        """The best claim."""
        return self.claims[0] if self.claims else None

    def without(self, organisation: str) -> "Holding":
        """The same if one organisation's claims are set aside."""
        return replace(self, claims=tuple(c for c in self.claims if c.organisation != organisation))


def index() -> Index:
    """The registry as it is now, built once per state."""
    last = RegistryBatch.objects.order_by("-number").values_list("pk", flat=True).first()
    if last not in _INDEX:
        made = Index(DeskStore())
        _INDEX.clear()
        _INDEX[last] = made
    return _INDEX[last]


def holdings(asked: Sequence[tuple[str, Sequence[int], datetime]]) -> list[Holding]:
    """Who held each address at a time.

    Args:
        asked: address, the client's ports as far as known, and when it was seen.

    Several ports of different holders are no port: then the address alone is asked for.
    """
    flat: list[Question] = []
    for ip, ports, at in asked:
        flat += [(ip, port, at) for port in dict.fromkeys(ports)] or [(ip, None, at)]
    told = iter(index().claims([(ip, port, unix_ns(at)) for ip, port, at in flat]))
    made = []
    again = []
    for ip, ports, at in asked:
        several = [(port, next(told)) for port in dict.fromkeys(ports)] or [(None, next(told))]
        places = {_place(claims, port) for port, claims in several}
        if len(places) > 1:
            again.append((len(made), (ip, None, unix_ns(at))))
            made.append(Holding(()))
            continue
        port, claims = several[0]
        made.append(Holding(claims, next(iter(places))[1], port))
    for (place, _), claims in zip(again, index().claims([q for _, q in again]), strict=True):
        made[place] = Holding(claims)
    return made


def _place(claims: tuple[Claim, ...], port: int | None) -> tuple[str, tuple[int, int]]:
    if not claims:
        return "", WHOLE
    block = (claims[0].first_port, claims[0].last_port) if port is not None else WHOLE
    return claims[0].organisation, block


# --- chains ------------------------------------------------------------------------------------------------

Chain = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Trace:
    """The best reading of logs behind a sighting, as ``davylamp attribute`` gave it."""

    chain: Chain
    is_ambiguous: bool
    weakest: str

    @property
    def is_traced(self) -> bool:
        """Whether any record speaks in it; without logs it is only the address."""
        return any(k.get("value") and k.get("source") not in ("", "sighting", None) for k in self.chain)

    @property
    def rank(self) -> tuple[Any, ...]:
        """How much it says; a total order, so that the best of a set does not depend on the order they came in."""
        known = [k for k in self.chain if k.get("value")]
        trust = [float(c) for k in known if isinstance(c := k.get("confidence"), int | float)]
        return (
            self.is_traced,
            not self.is_ambiguous,
            len(known),
            min(trust, default=0.0),
            canonical(self.chain),
        )

    @property
    def host(self) -> str:
        """The computer that it ends at, its MAC or else its name; none where several compete."""
        for hop in ("mac", "host") if not self.is_ambiguous else ():
            found = next((str(k["value"]) for k in self.chain if k.get("hop") == hop and k.get("value")), "")
            if found:
                return found[:200]
        return ""


def trace_of(row: Mapping[str, Any]) -> Trace:
    """The trace in a row of ``davylamp attribute``; its best chain."""
    return Trace(row["chains"][0], bool(row.get("is_ambiguous")), str(row.get("weakest") or ""))


def stored_trace(found: Attribution) -> Trace:
    """The trace that an attribution holds."""
    return Trace(found.chain, found.is_ambiguous, found.weakest)


def _alone(lead: Lead, holding: Holding, at: datetime) -> tuple[Trace, list[Any]]:
    """What is known without any log, and the claims as they are kept."""
    subject = Subject(lead.ip, holding.port, unix_ns(at), unix_ns(at))
    row = attribution_row(attribute(subject, NO_LOGS, holding.claims))
    return trace_of(row), row["claims"]


def evaluate(lead: Lead, holding: Holding, at: datetime, traces: Sequence[Trace] = ()) -> Attribution:
    """An attribution by the registry, not yet written.

    Args:
        lead: whose.
        holding: what the registry says.
        at: the time that was asked for.
        traces: what logs say of the computer behind the address.
    """
    alone, claims = _alone(lead, holding, at)
    trace = max([alone, *traces], key=lambda t: t.rank)
    best = holding.best
    return Attribution(
        lead=lead,
        at=at,
        organisation_code=best.organisation if best else "",
        organisation_name=(best.name if best else "")[:200],
        region_code=best.region if best else "",
        confidence=best.confidence if best else 0.0,
        method=(best.method if best else "no row of the registry covers it")[:200],
        chain=trace.chain,
        claims=claims,
        is_ambiguous=trace.is_ambiguous,
        weakest=_weakest(holding, trace.weakest)[:300],
    )


def with_trace(before: Attribution, trace: Trace) -> Attribution:
    """The same attribution with better knowledge of the computer behind, not yet written."""
    return Attribution(
        lead=before.lead,
        at=before.at,
        made_by_id=before.made_by_id,
        organisation_code=before.organisation_code,
        organisation_name=before.organisation_name,
        region_code=before.region_code,
        confidence=before.confidence,
        method=before.method,
        chain=trace.chain,
        claims=before.claims,
        is_ambiguous=trace.is_ambiguous,
        weakest=trace.weakest[:300],
        reason=before.reason,
    )


def _weakest(holding: Holding, chain: str) -> str:
    """The weakest of both hops: whose address, and which computer behind it."""
    if not holding.claims:
        return f"organisation: no row of the registry covers the address then; {chain}"
    if state_of(holding.claims) == "contested":
        rivals = ", ".join(dict.fromkeys(c.organisation for c in holding.claims))
        return f"organisation: claimed by {rivals}; {chain}"
    return chain


def is_settled(found: Attribution) -> bool:
    """Whether one organisation stands out enough to write to, or a person has said so."""
    if found.made_by_id is not None:
        return bool(found.organisation_code)
    claims: Any = tuple(SimpleNamespace(**row) for row in found.claims)
    return bool(claims) and state_of(claims) == "attributed" and found.confidence >= SURE


def same(one: Attribution, other: Attribution) -> bool:
    """Whether two attributions say the same."""
    names = ("at", "organisation_code", "organisation_name", "region_code", "chain", "claims", "weakest")
    return all(getattr(one, name) == getattr(other, name) for name in names)
