"""Bring leads in step with their observations: what they say, whose they are, where they stand.

A lead that no person has moved yet stands where the rules put it: matched by a project, outside the province, still
to be attributed, new (weak evidence: a person looks first) or attributed. A person's step ends that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from davylamp.desk.access.policy import region_prefix
from davylamp.desk.audit.models import bulk_change, bulk_create
from davylamp.desk.leads.aggregate import CHUNK, WRITTEN, Row, aggregate, observations_of, severity, witness
from davylamp.desk.leads.attributing import (
    Holding,
    Trace,
    evaluate,
    is_settled,
    same,
    stored_trace,
    with_trace,
)
from davylamp.desk.leads.models import STOOD_BY, Attribution, Intake, Lead, LeadStanding, Observation, State
from davylamp.desk.leads.projects import covers, projects_in_force
from davylamp.desk.leads.relapses import Closed, closed_before
from davylamp.desk.registry.models import ApprovedProject

WEAK: Final = frozenset({"suspected", "not_observable"})
ATTRIBUTED: Final = (
    "organisation_code", "organisation_name", "region_code", "sector", "is_public", "weakest_link", "host",
    "project", "state", "state_since", "severity", "relapse_of", "relapse_key",
)  # fmt: skip
SHARED: Final = (
    "host",
    "wallet",
    "organisation_code",
)  # what ties a lead to a closed one, but for its address
TIES: Final = (*SHARED, "worker")


@dataclass(slots=True)
class News:
    """What a delivery touches."""

    leads: dict[UUID, Lead] = field(default_factory=dict)
    holdings: dict[UUID, Holding] = field(default_factory=dict)  # by new observation
    traces: dict[str, Trace] = field(default_factory=dict)  # by reference of the sighting

    def touch(self, lead: Lead, observation: Observation, holding: Holding) -> None:
        """A new observation came into a lead."""
        self.leads[lead.pk] = lead
        self.holdings[observation.pk] = holding


def refresh(news: News, begun: set[UUID], intake: Intake) -> None:
    """Compute and write everything that follows from news.

    Args:
        news: leads with their new observations, which are written already.
        begun: keys of the leads that are not yet written.
        intake: the delivery that they came with.
    """
    leads = list(news.leads.values())
    rows = observations_of(news.leads)
    before = _newest_attributions(news.leads.keys() - begun)
    made: list[Attribution] = []
    settled: dict[UUID, bool] = {}
    for lead in leads:
        for name, value in aggregate(rows[lead.pk]).items():
            setattr(lead, name, value)
        found = _attribution(lead, rows[lead.pk], before.get(lead.pk), news)
        settled[lead.pk] = is_settled(found)
        if found is not before.get(lead.pk):
            made.append(found)
        _describe(lead, found)
    _place(leads, rows, settled)
    leads += _tied_to(
        [lead for lead in leads if lead.state == State.CLOSED and _changed(lead, TIES)], news.leads
    )
    _relapses(leads)
    fresh = [lead for lead in leads if lead.pk in begun]
    known = [lead for lead in leads if lead.pk not in begun and _changed(lead, (*WRITTEN, *ATTRIBUTED))]
    moved = [lead for lead in known if _changed(lead, STOOD_BY)]
    batch_id = str(intake.pk)
    for lead in fresh:
        lead.intake = intake
    bulk_create(fresh, "lead.receive", batch_id)
    bulk_change(known, (*WRITTEN, *ATTRIBUTED), "lead.refresh")
    standings: list[LeadStanding] = [lead.standing() for lead in (*fresh, *moved)]
    for row in (*made, *standings):
        row.intake = intake
    bulk_create(made, "attribution.evaluate", batch_id)
    bulk_create(standings, "lead.stand", batch_id)


def _tied_to(closed: Sequence[Lead], known: Mapping[UUID, Lead]) -> list[Lead]:
    """Other leads that may be tied to closed ones by what these said before or say now."""
    where = Q(pk__in=[])
    for lead in closed:
        for name in SHARED:
            for value in {lead._stored.get(name), getattr(lead, name)} - {"", None}:
                where |= Q(**{name: value})
    return [lead for lead in Lead.objects.filter(where) if lead.pk not in known] if closed else []


def _changed(lead: Lead, names: Iterable[str]) -> bool:
    now, stored = lead.snapshot(), lead._stored
    columns = [lead._meta.get_field(name).attname for name in names]
    return any(now[c] != stored.get(c) for c in columns)


def _newest_attributions(keys: Iterable[UUID]) -> dict[UUID, Attribution]:
    wanted = list(keys)
    found: dict[UUID, Attribution] = {}
    for start in range(0, len(wanted), CHUNK):
        part = Attribution.objects.filter(lead__in=wanted[start : start + CHUNK])
        for one in part.order_by("made_at", "id"):
            found[one.lead_id] = one
    return found


def _attribution(lead: Lead, rows: Sequence[Row], before: Attribution | None, news: News) -> Attribution:
    """The attribution that stands; the same object where nothing is new."""
    first = witness(rows)
    traces = [news.traces[r["source_ref"]] for r in rows if r["source_ref"] in news.traces]
    holding = news.holdings.get(first["id"])
    by_person = before is not None and before.made_by_id is not None
    if before is None or (holding is not None and not by_person):
        assert holding is not None
        old = [stored_trace(before)] if before is not None and stored_trace(before).is_traced else []
        found = evaluate(lead, holding, first["first_seen"], [*old, *traces])
        return before if before is not None and same(before, found) else found
    best = max(traces, key=lambda t: t.rank, default=None)
    is_better = best is not None and best.rank > stored_trace(before).rank
    return with_trace(before, best) if best is not None and is_better else before


def _describe(lead: Lead, found: Attribution) -> None:
    """What the lead shows of its attribution."""
    lead.weakest_link = found.weakest
    lead.host = stored_trace(found).host
    if not lead.is_automatic:
        return
    best: dict[str, Any] = found.claims[0] if found.claims else {}
    lead.organisation_code = found.organisation_code
    lead.organisation_name = found.organisation_name
    # a lead of another province stays where somebody of this one sees it
    inside = found.region_code.startswith(region_prefix(settings.PROVINCE))
    lead.region_code = found.region_code if inside else settings.PROVINCE
    lead.sector = str(best.get("sector") or "")
    lead.is_public = best.get("is_public")
    lead.state = State.NEW if inside or not found.region_code else State.ELSEWHERE


def _place(leads: Sequence[Lead], rows: dict[UUID, list[Row]], settled: dict[UUID, bool]) -> None:
    """Where automatic leads stand, and whether a project covers them."""
    projects: dict[str, list[ApprovedProject]] = {}
    for project in projects_in_force(lead.organisation_code for lead in leads):
        projects.setdefault(project.organisation_code, []).append(project)
    for lead in leads:
        if not lead.is_automatic:
            continue
        fitting = [p for p in projects.get(lead.organisation_code, ()) if covers(p, lead, rows[lead.pk])]
        lead.project = fitting[0] if fitting else None
        if fitting:
            lead.state = State.PROJECT
        elif lead.state != State.ELSEWHERE:
            weak = State.NEW if lead.tier in WEAK else State.ATTRIBUTED
            lead.state = weak if settled[lead.pk] else State.ATTRIBUTING
        if lead._state.adding or lead._stored.get("state") != lead.state:
            lead.state_since = timezone.now()


def _relapses(leads: Sequence[Lead]) -> None:
    """What leads are a relapse of, and how severe they are."""
    stored = {lead.pk: lead for lead in closed_before(leads)}
    now = {lead.pk: lead for lead in leads if lead.state == State.CLOSED}
    closed = Closed([*(stored | now).values()])
    for lead in leads:
        found = closed.before(lead)
        is_next = lead.episode > 1 and lead.relapse_of is not None  # so it was begun
        if found and (not is_next or found[0].keys[0].startswith("address ")):
            lead.relapse_of, lead.relapse_key = found[0].earlier, "; ".join(found[0].keys)[:200]
        elif is_next:
            lead.relapse_key = f"address {lead.ip}"
        else:
            lead.relapse_of, lead.relapse_key = None, ""
        if lead.is_automatic:
            told = {name: getattr(lead, name) for name in ("tier", "machines_low", "accepted_shares")}
            lead.severity = severity(told, lead.is_public, lead.relapse_of_id is not None)
