"""Taking observations in: each once, into the lead it belongs to, with whose address it was at its own time.

A delivery is one transaction. Replayed, shuffled and overlapping deliveries leave the same leads: an observation is
known by its source and reference, its lead by the closings of its key (`davylamp.desk.leads.grouping`), and what a
lead says is computed anew from all of its observations (`davylamp.desk.leads.aggregate`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Forbidden, Holder
from davylamp.desk.audit.models import bulk_create
from davylamp.desk.audit.record import take_turn
from davylamp.desk.leads.aggregate import CHUNK
from davylamp.desk.leads.attributing import Holding, Trace, holdings, trace_of
from davylamp.desk.leads.delivery import MOST_REFUSED, Delivery, read_rows
from davylamp.desk.leads.grouping import LONGER, Book, Place, number_of
from davylamp.desk.leads.models import Intake, Lead, Observation
from davylamp.desk.leads.refresh import News, refresh
from davylamp.desk.leads.seen import Refusal, Seen
from davylamp.errors import BadUse

CHANNELS: Final = ("file", "api", "folder", "lamp")
NOT_COLUMNS: Final = frozenset({"row", "ports"})


@dataclass(slots=True)
class _Sorted:
    """A delivery sorted by what the desk knows already."""

    new: list[Seen] = field(default_factory=list)
    known: int = 0
    lead_of: dict[str, UUID] = field(default_factory=dict)  # of known references


def intake(
    rows: Iterable[Any], source: str, channel: str = "file", name: str = "", holder: Holder | None = None
) -> Intake:
    """Take a delivery in.

    Args:
        rows: see `davylamp.desk.leads.delivery.read_rows`.
        source: whose observations they are; with the row's own reference it says which observation one is.
        channel: one of `CHANNELS`.
        name: of the file or the request.
        holder: who delivers; None inside the desk's own commands.

    Returns:
        The intake as it is kept: how many rows were new, known or refused, and why.

    Raises:
        Forbidden: E-ACC-403.
        BadUse: E-INT-012 without a source or with an unknown channel.
    """
    if not source.strip() or len(source) > 64 or channel not in CHANNELS:
        hint = f"a source of 1 to 64 characters, a channel of {', '.join(CHANNELS)}"
        raise BadUse("E-INT-012", f"source {source[:64]!r}, channel {channel!r}", hint)
    if holder is not None and not policy.can_create(holder, Intake, region_code=settings.PROVINCE):
        raise Forbidden("E-ACC-403", "your duty does not include this", "ask whoever made your account")
    delivery = read_rows(rows, timezone.now())
    with transaction.atomic():
        take_turn()
        found = _sort(delivery, source)
        made = Intake(
            source=source,
            channel=channel,
            name=name[:200],
            rows=delivery.rows,
            new=len(found.new),
            known=found.known,
            refused=_refused(delivery.refused),
        )
        made.save(action="intake.receive")
        _group(made, found, delivery)
    return made


def _refused(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    """As it is kept; of very many the first, and how many there were."""
    kept = [r.as_row() for r in refusals[:MOST_REFUSED]]
    if len(refusals) > MOST_REFUSED:
        more = f"and {len(refusals) - MOST_REFUSED} more"
        kept.append(Refusal(0, "E-INT-013", more).as_row())
    return kept


def _sort(delivery: Delivery, source: str) -> _Sorted:
    """New rows, known ones, and those that contradict what came under the same reference."""
    found = _Sorted()
    wanted = list(dict.fromkeys([s.source_ref for s in delivery.seen] + list(delivery.traces)))
    digests: dict[str, str] = {}
    for start in range(0, len(wanted), CHUNK):
        part = Observation.objects.filter(source=source, source_ref__in=wanted[start : start + CHUNK])
        for ref, digest, lead in part.values_list("source_ref", "digest", "lead_id"):
            digests[ref], found.lead_of[ref] = digest, lead
    for seen in delivery.seen:
        before = digests.setdefault(seen.source_ref, seen.digest)
        if before != seen.digest:
            words = f"{seen.source_ref} came before with other content; what came first stands"
            delivery.refused.append(Refusal(seen.row, "E-INT-007", words, seen.payload))
        elif seen.source_ref in found.lead_of:
            found.known += 1
        else:
            found.new.append(seen)
    unique = {s.source_ref: s for s in reversed(found.new)}
    found.known += len(found.new) - len(unique)
    found.new = sorted(unique.values(), key=lambda s: (s.last_seen, s.source_ref))
    return found


def _group(made: Intake, found: _Sorted, delivery: Delivery) -> None:
    """Put new observations into leads, and bring all leads that this touches up to date."""
    held = holdings([(s.ip, s.ports, s.first_seen) for s in found.new])
    book = Book()
    ips = list({s.ip for s in found.new})
    for start in range(0, len(ips), CHUNK):
        part = Lead.objects.filter(ip__in=ips[start : start + CHUNK])
        book.add(part.select_related("merged_into"))
    news = News(traces=_traces(delivery.traces))
    rows = []
    for seen, holding in zip(found.new, held, strict=True):
        best = holding.best
        place = Place(seen.ip, holding.ports, best.organisation if best else "")
        lead = book.find(place, seen.last_seen)
        row = _observation(made, seen, holding, lead)
        rows.append(row)
        news.touch(lead, row, holding)
    _number(book.begun)
    bulk_create(rows, "observation.receive", str(made.pk))
    known = {found.lead_of[ref] for ref in news.traces if ref in found.lead_of}
    for lead in _leads(known - news.leads.keys()):
        news.leads[lead.pk] = lead
    refresh(news, {lead.pk for lead in book.begun}, made)


def _leads(keys: Iterable[UUID]) -> Iterable[Lead]:
    wanted = list(keys)
    for start in range(0, len(wanted), CHUNK):
        yield from Lead.objects.filter(pk__in=wanted[start : start + CHUNK])


def _traces(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Trace]:
    """The best trace of each sighting."""
    return {ref: max((trace_of(r) for r in told), key=lambda t: t.rank) for ref, told in rows.items()}


def _observation(made: Intake, seen: Seen, holding: Holding, lead: Lead) -> Observation:
    values = {f.name: getattr(seen, f.name) for f in fields(seen) if f.name not in NOT_COLUMNS}
    return Observation(intake=made, lead=lead, source=made.source, port=holding.port, **values)


def _number(begun: Sequence[Lead]) -> None:
    """Give a longer number to the later of two leads whose numbers meet."""
    numbers = [lead.number for lead in begun]
    taken: set[str] = set()
    for start in range(0, len(numbers), CHUNK):
        part = Lead.objects.filter(number__in=numbers[start : start + CHUNK])
        taken |= set(part.values_list("number", flat=True))
    for lead in begun:
        if lead.number in taken:
            lead.number = number_of(lead.key, lead.episode, LONGER)
        taken.add(lead.number)
