"""Leads, cases and evidence for the tests of casework."""

import itertools
from datetime import timedelta

from django.utils import timezone

from davylamp.desk.access.models import Clearance, Duty
from davylamp.desk.cases import determination, evidence, work
from davylamp.desk.cases.models import Label, Proves, Side
from davylamp.desk.leads.models import Intake, Lead, Observation, State
from desk.people import HANGZHOU, XIHU, as_tester, holder, person

_COUNT = itertools.count(1)


@as_tester
def lead(organisation="ORG1", ip=None, state=State.HANDED_OVER, region=XIHU, seen=None, **fields):
    """A lead with one observation."""
    n = next(_COUNT)
    at = seen or timezone.now() - timedelta(days=50)
    ip = ip or f"192.0.2.{n % 250 + 1}"
    made = Lead(
        number=f"L{n}", key=f"k{n}", ip=ip, ip_sort=f"{n:032x}", region_code=region, organisation_code=organisation,
        organisation_name="某大学", state=state, state_since=at, tier="confirmed", probability=0.99, first_seen=at,
        last_seen=at + timedelta(hours=2), classification=fields.pop("classification", Clearance.INTERNAL), **fields,
    )  # fmt: skip
    made.save()
    observe(made, at)
    return made


@as_tester
def observe(on, at):
    """One more observation of a lead."""
    n = next(_COUNT)
    intake = Intake(source="lamp", channel="file", rows=1, new=1)
    intake.save()
    made = Observation(
        intake=intake, lead=on, source="lamp", source_ref=f"ref{n}", sensor="sensor-1", ip=on.ip, first_seen=at,
        last_seen=at + timedelta(hours=2), kind="mining", tier="confirmed", probability=0.99, wallet=on.wallet,
        worker=on.worker,
    )  # fmt: skip
    made.save()
    return made


class Office:
    """The people of an office, and a case that they work on."""

    def __init__(self, region=HANGZHOU):
        self.drafter = holder(person(Duty.ANALYST, region))
        self.reviewer = holder(person(Duty.APPROVER, region))
        self.officer = holder(person(Duty.OFFICER, region))
        self.third = holder(person(Duty.APPROVER, region))
        self.centre = holder(person(Duty.ANALYST))

    def case(self, **fields):
        """An open case with one lead."""
        return work.open_case(self.drafter, [lead(**fields)])

    def take(self, case, side=Side.HOST, content=None, **fields):
        """One item of evidence with its bytes."""
        given = {
            "kind": "log",
            "side": side,
            "description": "what it is",
            "collected_at": timezone.now() - timedelta(hours=1),
            "clock_offset_s": 3.5,
            "clock_reference": "NTP of the desk",
            "collectors": ["王芳", "李强"],
            "signer": "holder",
        } | fields
        content = content if content is not None else f"bytes {next(_COUNT)}".encode()
        return evidence.take(self.drafter, case, evidence.Taken(**given), [content], "日志.log")

    def determined(self, case, label=Label.ACTIVE):
        """The case with a determination in effect."""
        host = self.take(case, Side.HOST)
        network = self.take(case, Side.NETWORK)
        found = determination.draft(self.drafter, case, label, "because of the signs")
        for sign, item in SIGNS[label](host, network):
            determination.mark(self.drafter, found, sign, item)
        if label == Label.PASSIVE:
            work.grade_incident(self.drafter, case, "none", "other", timezone.now() - timedelta(hours=2))
        determination.submit(self.drafter, found)
        determination.review(self.reviewer, found)
        case.refresh_from_db()
        return determination.worksheet.effective(case)

    def snapshot(self, case, **fields):
        """The host's state, taken before cleaning."""
        return self.take(case, Side.HOST, proves=Proves.SNAPSHOT, kind="snapshot", **fields)


SIGNS = {
    Label.ACTIVE: lambda host, network: [
        ("installed_by_named_account", host),
        ("worker_names_person", network),
    ],
    Label.PASSIVE: lambda host, _network: [("dropper_or_rootkit", host)],
    Label.RESEARCH: lambda host, _network: [("test_or_private_chain", host)],
    Label.FALSE_ALARM: lambda host, _network: [("no_miner_on_host", host)],
    Label.UNDETERMINED: lambda _host, _network: [],
}
