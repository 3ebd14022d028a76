"""Every step of a case, from its opening to its closing, for the harness that kills between statements."""

from datetime import timedelta

from django.utils import timezone

from davylamp.desk.audit.models import AuditedModel
from davylamp.desk.cases import coverage, determination, disposal, evidence, figures, people, remedy, work
from davylamp.desk.cases.models import (
    Case,
    CasePerson,
    Determination,
    EvidenceItem,
    Hypothesis,
    Label,
    Rectification,
    Referral,
    SeizedItem,
)
from davylamp.desk.core import vault
from davylamp.desk.core.workflow import perform
from davylamp.desk.leads.models import Lead
from davylamp.sizing.quantities_bounds import bounded
from desk.casework import Office, lead

office = None


def prepare():
    """People and two leads."""
    global office  # noqa: PLW0603 - the steps are plain functions
    office = Office()
    lead(seen=timezone.now() - timedelta(days=50))
    lead()


def the(model: type[AuditedModel], **where):
    """The row of a model that the scenario knows one of."""
    return model.objects.filter(**where).order_by("pk").last()


def case():
    return Case.objects.get()


def taken(side, **fields):
    return lambda: office.take(case(), side, content=f"bytes of the {side}".encode(), **fields)


def mark(sign, side):
    return lambda: determination.mark(
        office.drafter, the(Determination, state="draft"), sign, EvidenceItem.objects.filter(side=side)[0]
    )


def damage():
    item = EvidenceItem.objects.filter(side="ledger")[0]
    place = vault.place_of(item.sha256)
    place.chmod(0o600)
    place.write_bytes(b"other")
    return evidence.check(office.officer, item, "yearly")


def report():
    done = remedy.Done("网络中心", timezone.now(), "removed", "seized before cleaning")
    return remedy.report(office.officer, the(Rectification), done)


def coverage_rows():
    end = timezone.now()
    span = {"starts_at": end - timedelta(days=1), "ends_at": end, "seen_share": 1.0, "dropped_share": 0.0}
    rows = [{"source_ref": str(n), "sensor": "s", "network": f"198.51.{n}.0/24", **span} for n in range(30)]
    return coverage.take_in(office.centre, "ledger", rows)


NOW = timezone.now
STEPS = [
    ("open", lambda: work.open_case(office.drafter, [Lead.objects.order_by("first_seen")[0]])),
    ("add_lead", lambda: work.add_lead(office.drafter, case(), Lead.objects.order_by("first_seen")[1])),
    ("assign", lambda: perform(case(), "assign", office.drafter, {"to": office.officer.user_id})),
    ("suppose", lambda: work.suppose(office.drafter, case(), "insider", "someone inside")),
    ("argue", lambda: work.argue(office.drafter, the(Hypothesis), True, "rigs were bought")),
    ("task", lambda: work.finish_task(office.drafter, case().tasks.get(key="ask_second_channel"))),
    ("take host", taken("host")),
    ("take network", taken("network")),
    ("take ledger", taken("ledger")),
    ("custody", lambda: evidence.move(office.drafter, the(EvidenceItem), "stored", "保管室", NOW())),
    ("mismatch", damage),
    ("person", lambda: people.add_person(office.officer, case(), "official", "user", people.Identity("张三", "1"))),
    ("unmask", lambda: people.unmask(office.officer, the(CasePerson), "处分建议")),
    ("draft", lambda: determination.draft(office.drafter, case(), Label.ACTIVE, "why")),
    ("mark host", mark("installed_by_named_account", "host")),
    ("mark network", mark("worker_names_person", "network")),
    ("submit", lambda: determination.submit(office.drafter, the(Determination))),
    ("send back", lambda: determination.send_back(office.reviewer, the(Determination), "say more")),
    ("submit again", lambda: determination.submit(office.drafter, the(Determination))),
    ("review", lambda: determination.review(office.reviewer, the(Determination))),
    ("verify_again", lambda: perform(case(), "verify_again", office.drafter, {"reason": "new traces"})),
    ("object", lambda: determination.object_to(office.officer, the(Determination), "主任", NOW(), "no")),
    ("second draft", lambda: determination.draft(office.drafter, case(), Label.ACTIVE, "still")),
    ("second submit", lambda: determination.submit(office.drafter, the(Determination, state="draft"))),
    ("second review", lambda: determination.review(office.reviewer, the(Determination, state="submitted"))),
    ("ask", lambda: remedy.draft(office.drafter, case(), "4 rigs", ["拆除"], NOW() + timedelta(days=5))),
    ("issue", lambda: remedy.issue(office.reviewer, the(Rectification))),
    ("report", report),
    ("accept", lambda: remedy.accept(office.reviewer, the(Rectification))),
    ("coverage", coverage_rows),
    ("seize", lambda: disposal.seize(
        office.officer, case(), disposal.Thing("矿机", "sealed", "网信办", "封1", NOW(), seal_no="F1"))),
    ("dispose", lambda: disposal.dispose(office.officer, the(SeizedItem), "confiscated", NOW(), "法院", "判1")),
    ("refer", lambda: disposal.refer(office.reviewer, case(), "criminal", "公安局", "移1", NOW())),
    ("answer", lambda: disposal.answer(office.reviewer, the(Referral), "立案", "立1", NOW())),
    ("sanction", lambda: disposal.sanction(
        office.reviewer, case(), "criminal_case", "公安局", "立1", NOW(), referral=the(Referral))),
    ("energy", lambda: figures.note_energy(office.drafter, case(), bounded(9.0), "A", "meter-1", ["a meter"])),
    ("erase", lambda: people.erase(office.reviewer, the(CasePerson), "cleared")),
    ("recheck", lambda: remedy.recheck_by_visit(office.third, case(), True, NOW(), "all gone")),
    ("close", lambda: perform(case(), "close", office.reviewer, {"reason": "done"})),
]  # fmt: skip
