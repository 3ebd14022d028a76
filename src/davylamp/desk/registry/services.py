"""Taking ledgers in, and keeping what is shown of the registry in step with its facts."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from davylamp.attribution.imports import Ledger, read_ledger
from davylamp.attribution.imports_statement import statement_of
from davylamp.attribution.registry_claims import Names
from davylamp.attribution.registry_diff import Plan
from davylamp.attribution.registry_records import Contact, Origin, Relation, Stored, Succession
from davylamp.attribution.registry_records import Organisation as OrganisationFact
from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.models import bulk_create
from davylamp.desk.audit.record import record
from davylamp.desk.registry.models import ContactPoint, Organisation
from davylamp.desk.registry.store import DeskStore
from davylamp.errors import BadUse

NS: Final = 10**9
PROJECTED: Final = uuid.UUID("5ab1a4b2-6a55-5d7e-9c0e-1f2d3c4b5a69")
"""Name space of the keys of projected organisations, so that a rebuilt row has the key that it had before."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed, or would change; ``batch`` None where nothing was written."""

    ledger: Ledger
    plan: Plan
    batch: int | None


def import_ledger(
    path: Path,
    origin: Origin,
    effective_ns: int | None = None,
    *,
    is_complete: bool = True,
    is_correction: bool = False,
    is_dry_run: bool = False,
) -> Imported:
    """Take a ledger in, all of it or nothing; twice is as once.

    Args:
        path: CSV or XLSX.
        origin: layer, source, who answers for it; its basis becomes the file's name where it is empty.
        effective_ns: the time that the file describes; now when None.
        is_complete: what the file lacks has ended.
        is_correction: what the source said before and not now was never so.
        is_dry_run: show the difference, write nothing.

    Raises:
        TableError: E-REG-010 to 012 with every fault of the file.
        InputError: E-REG-004, 005 and 007, see `davylamp.attribution.registry_store`.
        BadUse: E-USE-032 without a source, E-USE-033 for a person's layer without the person.
    """
    now_ns = time.time_ns()
    described = now_ns // NS * NS if effective_ns is None else effective_ns
    ledger = read_ledger(path)
    ledger.check()
    told = Origin(origin.layer, origin.source, origin.by, origin.basis or path.name)
    store = DeskStore()
    statement = statement_of(ledger, told, described, is_complete=is_complete, is_correction=is_correction)
    if is_dry_run:
        return Imported(ledger, store.plan(statement), None)
    with store.writing():
        plan = store.plan(statement)
        batch = store.commit(plan, now_ns)
        if batch is not None:
            rebuild()
    return Imported(ledger, plan, batch.number if batch else None)


# --- the projection ----------------------------------------------------------------------------------------


def projected(now_ns: int) -> dict[str, dict[str, Any]]:
    """Every organisation that the facts know, by code, as it is at a time."""
    store = DeskStore()
    names = Names(store)
    parents = _in_force(store.facts(Relation), now_ns)
    successors = _in_force(store.facts(Succession), now_ns)
    rows = {}
    for code in {s.fact.code for s in store.facts(OrganisationFact)}:
        body = names.organisation(code, now_ns)
        assert body is not None
        rows[code] = {
            "name": body.name,
            "region_code": body.region or settings.PROVINCE,
            "sector": body.sector,
            "is_public": body.is_public,
            "department": body.department,
            "parent_code": parents.get(code, ""),
            "successor_code": successors.get(code, ""),
        }
    return rows


def _in_force(stored: Iterable[Stored], now_ns: int) -> dict[str, str]:
    """From one code to another; of several the one that was recorded last."""
    found: dict[str, str] = {}
    for one in sorted(stored, key=lambda s: (s.recorded_at_ns, s.thread, s.spell)):
        fact: Any = one.fact
        begun = fact.valid_from_ns is None or fact.valid_from_ns <= now_ns
        if begun and (fact.valid_to_ns is None or now_ns < fact.valid_to_ns):
            old, new = fact.identity[:2] if isinstance(fact, Relation) else (fact.old, fact.new)
            found[old] = new
    return found


def rebuild(now_ns: int | None = None) -> int:
    """Bring organisations and contacts in step with the facts; returns how many rows changed or were added."""
    at_ns = time.time_ns() if now_ns is None else now_ns
    with transaction.atomic():
        rows = projected(at_ns)
        known = {o.code: o for o in Organisation.objects.filter(code__in=rows)}
        fresh = []
        changed = 0
        for code, values in sorted(rows.items()):
            if code not in known:
                fresh.append(Organisation(id=uuid.uuid5(PROJECTED, code), code=code, **values))
                continue
            changed += _bring(known[code], values, "organisation.rebuild")
        bulk_create(fresh, "organisation.rebuild", str(at_ns))
        return changed + len(fresh) + _rebuild_contacts(at_ns)


def _bring(row: Organisation | ContactPoint, values: dict[str, Any], action: str) -> int:
    """Save a row if anything of it differs."""
    if all(getattr(row, name) == value for name, value in values.items()):
        return 0
    for name, value in values.items():
        setattr(row, name, value)
    row.save(action=action)
    return 1


def _rebuild_contacts(now_ns: int) -> int:
    """Contacts as ledgers have them; one whom no ledger names any more has ended."""
    regions = dict(Organisation.objects.values_list("code", "region_code"))
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for stored in DeskStore().facts(Contact):
        fact = stored.fact
        assert isinstance(fact, Contact)
        ended = fact.valid_to_ns is not None and fact.valid_to_ns <= now_ns
        told[fact.organisation, fact.name] = {
            "region_code": regions.get(fact.organisation, settings.PROVINCE),
            "phone": fact.phone,
            "email": fact.mail,
            "confirmed_at": moment(fact.confirmed_ns),
            "ended_at": moment(fact.valid_to_ns) if ended else None,
            "is_from_ledger": True,
        }
    known = {(c.organisation_code, c.name): c for c in ContactPoint.objects.all()}
    changed = 0
    for (code, name), values in sorted(told.items()):
        row = known.get((code, name))
        if row is None:
            ContactPoint(organisation_code=code, name=name, **values).save(action="contact.rebuild")
            changed += 1
            continue
        later = [t for t in (row.confirmed_at, values["confirmed_at"]) if t is not None]
        changed += _bring(row, {**values, "confirmed_at": max(later, default=None)}, "contact.rebuild")
    return changed


def moment(at_ns: int | None) -> datetime | None:
    """Unix ns as a time of the database, which keeps microseconds."""
    if at_ns is None:
        return None
    seconds, rest = divmod(at_ns, NS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def unix_ns(at: datetime) -> int:
    """The reverse of `moment`."""
    since = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


# --- contacts ----------------------------------------------------------------------------------------------


def stale_contacts(holder: Holder, now: datetime | None = None) -> list[ContactPoint]:
    """Contacts in force that nobody confirmed within 180 days, of those that a holder may see."""
    return [c for c in policy.visible(holder, ContactPoint).filter(ended_at=None) if c.is_stale(now)]


def confirm_contact(contact: ContactPoint, holder: Holder) -> ContactPoint:
    """Somebody has asked: this is still the one to reach."""
    policy.check(holder, "confirm", contact)
    contact.confirmed_at = timezone.now()
    contact.save(action="contact.confirm")
    return contact


def unmask(contact: ContactPoint, holder: Holder, purpose: str) -> dict[str, str]:
    """Name, phone and mail in clear, for a purpose that the audit keeps.

    Raises:
        BadUse: E-REG-030 without a purpose.
    """
    policy.check(holder, "unmask", contact)
    if not purpose.strip():
        raise BadUse("E-REG-030", "personal data without a purpose", "say what you need it for")
    with transaction.atomic():
        record("contact.unmask", contact, {"fields": ["name", "phone", "email"]}, reason=purpose.strip())
    return {"name": contact.name, "phone": contact.phone, "email": contact.email}
