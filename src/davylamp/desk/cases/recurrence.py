"""Does a case come back? A new observation, after another case was closed, on the same key; the key is always stated.

An observation from before the closing is no recurrence, however late it came in (invariant 16).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import Min, Q, QuerySet

from davylamp.desk.cases.models import Case, CaseState, OldCase, Recurrence
from davylamp.desk.leads.models import Lead, Observation

GENERIC_WORKERS: Final = frozenset(
    {
        "default",
        "worker",
        "worker1",
        "miner",
        "miner1",
        "rig",
        "rig1",
        "rig01",
        "test",
        "main",
        "root",
        "admin",
        "user",
    }
)  # judged: names that programs and guides suggest tie nobody to anybody
SHORTEST_WORKER: Final = 4  # judged: "001" is somebody's in every second organisation
Key = Recurrence.Key


def note_all(case: Case) -> list[Recurrence]:
    """Write down every earlier case that this one is the return of; what is noted already stays."""
    return [
        made
        for key, value, earlier in sorted(_ties(case), key=str)
        if (made := _note(case, earlier, key, value))
    ]


def note_person(case: Case, link_digest: str) -> list[Recurrence]:
    """The same for a person, told by a digest; who it is stays sealed."""
    if not link_digest:
        return []
    earlier = _closed(case).filter(people__link_digest=link_digest).distinct()
    return [made for one in earlier if (made := _note(case, one, Key.PERSON, ""))]


def _closed(case: Case) -> QuerySet[Case]:
    return Case.objects.filter(state=CaseState.CLOSED, closed_at__isnull=False).exclude(pk=case.pk)


def leads_of(case: Case) -> QuerySet[Lead]:
    """The leads that a case is about."""
    return Lead.objects.filter(case_links__case=case, case_links__released_at=None)


def _ties(case: Case) -> Iterator[tuple[str, str, Case]]:
    closed = _closed(case)
    for one in closed.filter(organisation_code=case.organisation_code):
        yield Key.ORGANISATION, case.organisation_code, one
    linked = Q(links__released_at=None)
    for lead in leads_of(case):
        if lead.host:
            for one in closed.filter(linked, links__lead__host=lead.host).distinct():
                yield Key.DEVICE, lead.host, one
        if lead.wallet:
            held = OldCase.objects.filter(wallet=lead.wallet).values("case")
            same = (linked & Q(links__lead__wallet=lead.wallet)) | Q(pk__in=held)
            for one in closed.filter(same).distinct():
                yield Key.WALLET, lead.wallet, one
        if is_telling(lead.worker):
            for one in closed.filter(linked, links__lead__worker=lead.worker).distinct():
                yield Key.WORKER, lead.worker, one


def is_telling(worker: str) -> bool:
    """Whether a worker's name can tie two cases."""
    plain = worker.strip().lower()
    return len(plain) >= SHORTEST_WORKER and plain not in GENERIC_WORKERS


def _note(case: Case, earlier: Case, key: str, value: str) -> Recurrence | None:
    there = Recurrence.objects.filter(case=case, earlier=earlier, key=key, value=value[:200]).exists()
    at = None if there else _observed_after(case, earlier.closed_at, key, value)
    if at is None:
        return None
    made = Recurrence(case=case, earlier=earlier, key=key, value=value[:200], observed_at=at)
    made.save(action="case.recurs")
    return made


def _observed_after(case: Case, closed_at: datetime | None, key: str, value: str) -> datetime | None:
    """The first observation after the closing that carries the key; None when there is none."""
    seen = Observation.objects.filter(lead__in=leads_of(case), first_seen__gt=closed_at)
    if key == Key.DEVICE:
        seen = seen.filter(lead__host=value)
    elif key in (Key.WALLET, Key.WORKER):
        seen = seen.filter(**{key: value})
    found: datetime | None = seen.aggregate(at=Min("first_seen"))["at"]
    return found
