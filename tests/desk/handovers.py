"""Hand-overs for the desk's tests: leads that are attributed, people of every part, a calendar that reaches ahead."""

import itertools
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from davylamp.desk.access.models import Clearance, Duty
from davylamp.desk.core.calendar import packaged_years
from davylamp.desk.core.models import CalendarYear
from davylamp.desk.core.workflow import perform
from davylamp.desk.handover.models import HandOver
from davylamp.desk.handover.services import draft
from davylamp.desk.leads.models import Intake, Lead, Observation
from desk.people import PROVINCE, XIHU, as_tester, holder, organisation, person

_COUNT = itertools.count(1)


@as_tester
def calendar_ahead():
    """Enter the years that the package does not know yet, so that tests hold in December."""
    year = timezone.now().year
    for one in range(packaged_years()[1] + 1, year + 3):
        if not CalendarYear.objects.filter(year=one).exists():
            CalendarYear(year=one, basis="tests").save()


@as_tester
def lead(organisation_code, region=XIHU, classification=Clearance.INTERNAL, **more):
    """A lead that is attributed and waits."""
    n = next(_COUNT)
    now = timezone.now()
    fields = {
        "number": f"XS-{n:08d}", "key": f"key{n}", "ip": f"192.0.{n // 250 % 250}.{n % 250}", "ip_sort": f"{n:032x}",
        "region_code": region, "organisation_code": organisation_code, "organisation_name": organisation_code,
        "classification": classification, "state": "attributed", "state_since": now, "tier": "confirmed",
        "probability": 0.99, "coin": "XMR", "algorithm": "randomx", "pool": "pool.example.org",
        "wallet": f"WALLET{n}", "observations_count": 3, "hashrate_low": 1900.0, "hashrate_hps": 1960.0,
        "hashrate_high": 2010.0, "first_seen": now - timedelta(days=9), "last_seen": now - timedelta(days=1),
    }  # fmt: skip
    made = Lead(**{**fields, **more})
    made.save()
    intake = Intake(source="sensor-hz-7", channel="file")
    intake.save()
    Observation(
        intake=intake, lead=made, source="sensor-hz-7", source_ref=f"REF{made.number}", sensor="SENSOR-HZ-7",
        ip=made.ip, first_seen=made.first_seen, last_seen=made.last_seen, kind="mining", tier="confirmed",
        probability=0.9,
    ).save()  # fmt: skip
    return made


@dataclass
class Cast:
    """Who plays: two analysts, an approver, an officer, and the organisation's contact."""

    organisation: object
    analyst: object
    second: object
    approver: object
    officer: object
    contact: object


@as_tester
def cast(region=XIHU, parent=""):
    """An organisation and everybody who deals with it."""
    calendar_ahead()
    body = organisation(region=region, parent=parent)
    people = (
        person(Duty.ANALYST, PROVINCE), person(Duty.ANALYST, PROVINCE), person(Duty.APPROVER, PROVINCE),
        person(Duty.OFFICER, region), person(Duty.CONTACT, region, body.code),
    )  # fmt: skip
    return Cast(body, *map(holder, people))


def drafted(who, count=2, **more):
    """A draft with leads of its organisation."""
    return draft(
        who.analyst, who.organisation.code, [lead(who.organisation.code) for _ in range(count)], **more
    )


def up_to(state, who, hand_over=None, **more):
    """A hand-over taken step by step to a state."""
    item = hand_over or drafted(who, **more)
    walk = (
        ("submitted", "submit", who.analyst, {}), ("approved", "approve", who.approver, {}),
        ("issued", "issue", who.analyst, {}), ("delivered", "deliver", who.officer, {"to": "办公室"}),
        ("received", "sign", who.contact, {"by": "李四"}), ("acting", "act", who.contact, {}),
        ("reported", "report", who.contact, None), ("accepted", "accept", who.second, {}),
        ("closed", "close", who.second, {}),
    )  # fmt: skip
    for reached, name, by, data in walk:
        if item.state == state:
            break
        item = perform(item, name, by, {"answers": answers(item)} if data is None else data)
        assert item.state == reached
    return HandOver.objects.get(pk=item.pk)


def answers(item, found="mining"):
    """A complete report."""
    full = {"found": found, "description": "机房发现两台", "host": "A-101", "measure": "断网封存"}
    return {str(one.pk): dict(full) for one in item.items.filter(status="open")}
