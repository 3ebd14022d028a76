"""Sightings, ledgers and states that the tests of leads share."""

from datetime import UTC, datetime, timedelta

from davylamp.attribution.registry_diff import Statement
from davylamp.attribution.registry_records import NetRange, Organisation, Origin, bits_of
from davylamp.desk.leads.models import Attribution, Lead, Observation
from davylamp.desk.registry.services import rebuild
from davylamp.desk.registry.store import DeskStore

T0 = datetime(2021, 7, 1, tzinfo=UTC)
DAY = 86_400 * 10**9
UNIVERSITY, HOSPITAL, ELSEWHERE = "UNI", "HOS", "FAR"


def when(day):
    """RFC 3339 with nanoseconds, as scans write it."""
    return f"{T0 + timedelta(days=day):%Y-%m-%dT%H:%M:%S}.000000000Z"


def sighting(ref, ip="10.1.0.7", first=1, last=None, **more):
    """One sighting as ``davylamp scan`` writes it."""
    row = {
        "client_ip": ip, "server_ip": "192.0.2.9", "server_port": 3333, "first_seen": when(first),
        "last_seen": when(first + 0.1 if last is None else last), "kind": "mining", "tier": "confirmed",
        "probability": 0.99, "because": ["jobs and shares were read"], "sessions": [], "captures": [],
        "coin": "XMR", "algorithm": "rx/0", "wallet": "w1", "worker": "rig1", "agent": None,
        "hashrate_hps": {"low": 900.0, "estimate": 1000.0, "high": 1100.0}, "hashrate_note": "",
        "not_seen": [], "source_ref": ref,
    }  # fmt: skip
    return {**row, **more}


def net(holder, first, last=None, ports=(0, 65535), since=None, until=None):
    days = [None if d is None else int((T0 + timedelta(days=d)).timestamp()) * 10**9 for d in (since, until)]
    return NetRange(holder, bits_of(first), bits_of(last or first), *ports, "", *days)


def register(*facts, recorded=None, source="台账", layer="imported", **options):
    """State facts in the desk's registry, the usual organisations among them."""
    bodies = [
        Organisation(UNIVERSITY, "某大学", "330106", "教育", True),
        Organisation(HOSPITAL, "某医院", "330200", "卫生", True),
        Organisation(ELSEWHERE, "外省公司", "320100", "信息", False),
    ]
    store = DeskStore()
    last = max((b.recorded_at_ns for b in store.batches()), default=0)
    at_ns = recorded or max(last, int(T0.timestamp()) * 10**9 - 30 * DAY) + 1
    kinds = frozenset({Organisation, NetRange})
    effective = options.pop("effective_ns", at_ns)
    statement = Statement(Origin(layer, source, "王检查"), (*bodies, *facts), kinds, effective, **options)
    store.commit(store.plan(statement), at_ns)
    rebuild(at_ns)


def state():
    """All that leads and observations say, without random keys and clock times."""
    hidden = {
        "id",
        "intake_id",
        "version",
        "state_since",
        "relapse_of_id",
        "merged_into_id",
        "closed_at",
        "assigned_to_id",
    }
    leads = []
    for lead in Lead.objects.order_by("number"):
        told = {n: v for n, v in lead.snapshot().items() if n not in hidden}
        told["relapse_of"] = lead.relapse_of and lead.relapse_of.number
        told["observations"] = sorted(lead.observations.values_list("source", "source_ref", "digest"))
        newest = Attribution.objects.filter(lead=lead).order_by("made_at", "id").last()
        names = ("at", "organisation_code", "chain", "claims", "weakest", "confidence")
        told["attribution"] = [str(getattr(newest, n)) for n in names]
        leads.append(told)
    return leads, Observation.objects.count()


def close(lead, day):
    """A lead as if it had been worked on and closed on a day."""
    from davylamp.desk.leads.models import State

    lead.refresh_from_db()
    lead.state, lead.closed_at, lead.is_automatic = State.CLOSED, T0 + timedelta(days=day), False
    lead.save(action="lead.close")
    return lead
