"""The screens of casework: from a lead to its relapse through HTTP, who sees what, what a refusal keeps."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from davylamp.desk.access.models import Duty, User
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.cases import determination, people, remedy, work
from davylamp.desk.cases.models import (
    Case,
    CasePerson,
    Determination,
    EvidenceItem,
    Mark,
    Rectification,
    Sanction,
)
from davylamp.desk.leads.models import Lead
from desk.casework import Office, lead
from desk.handovers import calendar_ahead, cast, up_to
from desk.people import HANGZHOU, XIHU, organisation, person
from desk.test_pages import browser

pytestmark = pytest.mark.django_db
TABS = ("hypotheses", "tasks", "evidence", "determination", "remedy", "disposal", "timeline")


@pytest.fixture
def office():
    organisation("ORG1")
    calendar_ahead()
    return Office()


def as_(who, language="en"):
    """A browser of one of the office."""
    return browser(User.objects.get(pk=who.user_id), language)


def where(case, tab=""):
    return reverse("case-tab", args=[case.number, tab]) if tab else reverse("case", args=[case.number])


def send(client, case, tab, step, item=None, **data):
    """Send a step of a tab, from the version that the item has."""
    item = item or case
    item.refresh_from_db()
    data |= {"step": step, "key": str(item.pk), "version": getattr(item, "version", "")}
    return client.post(where(case, tab), data)


def offered(response):
    return set(re.findall(r'name="step" value="(\w+)"', response.content.decode()))


def local(at):
    """A time as the browser sends it."""
    return f"{timezone.localtime(at):%Y-%m-%dT%H:%M}"


def taken(name, **more):
    """A filled form of evidence."""
    return {
        "file": SimpleUploadedFile("日志.log", name.encode()), "kind": "log", "side": "host", "proves": "other",
        "stream": "administrative", "description": "主机日志",
        "collected_at": local(timezone.now() - timedelta(hours=2)),
        "clock_offset_s": "3.5", "clock_reference": "NTP", "collectors": "王芳\n李强", "signer": "holder",
    } | more  # fmt: skip


def test_a_case_walks_from_its_lead_to_its_closing_and_comes_back_as_a_new_lead():
    who = cast()
    item = up_to("accepted", who, count=1)
    analyst, approver, officer = as_(who.analyst), as_(who.approver), as_(who.officer)
    one = item.items.get().lead
    tab = analyst.get(reverse("lead-tab", args=[one.number, "determination"]))
    assert b"Open a case" in tab.content
    assert analyst.post(reverse("case-new"), {"item": str(one.pk)}).status_code == 302
    case = Case.objects.get()
    for side, proves in (("host", "snapshot"), ("network", "pool")):
        answer = send(analyst, case, "evidence", "take", **taken(side, side=side, proves=proves))
        assert answer.status_code == 302, side
    answer = send(analyst, case, "determination", "draft", label="active", reasoning="两类证据相互印证")
    assert answer.status_code == 302
    found = Determination.objects.get()
    host, network = EvidenceItem.objects.get(side="host"), EvidenceItem.objects.get(side="network")
    ticks = {"installed_by_named_account": str(host.pk), "worker_names_person": str(network.pk)}
    assert send(analyst, case, "determination", "marks", found, **ticks).status_code == 302
    assert Mark.objects.count() == 2
    assert send(analyst, case, "determination", "submit", found).status_code == 302
    assert send(approver, case, "determination", "review", found).status_code == 302
    assert Case.objects.get().state == "determined"
    due = local(timezone.now() + timedelta(days=5))
    answer = send(analyst, case, "remedy", "ask", finding="发现挖矿", measures="断网\n清除", due_at=due)
    assert answer.status_code == 302
    asked = Rectification.objects.get()
    assert send(approver, case, "remedy", "issue", asked).status_code == 302
    contact = as_(who.contact)
    asked.refresh_from_db()
    shown = contact.get(reverse("rectification", args=[asked.number]))
    assert "断网" in shown.content.decode()
    done = {
        "step": "report",
        "key": str(asked.pk),
        "version": asked.version,
        "done_by": "网管",
        "report": "已清除",
    }
    done |= {
        "done_at": local(timezone.now() - timedelta(minutes=2)),
        "proof": SimpleUploadedFile("p.jpg", b"p"),
    }
    assert contact.post(reverse("rectification", args=[asked.number]), done).status_code == 302
    assert send(officer, case, "remedy", "accept", asked).status_code == 302
    visit = {"is_clean": "yes", "checked_at": local(timezone.now()), "text": "机房已清空"}
    assert send(officer, case, "remedy", "visit", **visit).status_code == 302
    assert send(officer, case, "", "close", reason="复查合格").status_code == 302
    case.refresh_from_db()
    one.refresh_from_db()
    assert (case.state, one.state) == ("closed", "closed")
    again = lead(who.organisation.code, region=XIHU, seen=timezone.now() + timedelta(seconds=1), ip=one.ip)
    back = work.open_case(who.analyst, [again])
    assert case.number in analyst.get(where(back)).content.decode()
    assert Lead.objects.get(pk=one.pk).state == "closed"


def test_the_reviewer_is_another_person_and_the_page_says_so(office):
    case = office.case()
    found = determination.draft(office.reviewer, case, "undetermined", "无从认定")
    determination.submit(office.reviewer, found)
    own, other = (as_(who).get(where(case, "determination")) for who in (office.reviewer, office.third))
    assert "review" not in offered(own)
    assert b"who drafted it does not review it" in own.content
    assert "review" in offered(other)


def test_a_tick_that_is_taken_away_needs_its_reason(office):
    case, client = office.case(), as_(office.drafter)
    item = office.take(case)
    found = determination.draft(office.drafter, case, "active", "理由")
    determination.mark(office.drafter, found, "logs_wiped", item)
    refused = send(client, case, "determination", "marks", found)
    assert refused.status_code == 400
    assert b"E-CAS-002" in refused.content
    assert send(client, case, "determination", "marks", found, reason="看错了").status_code == 302
    assert Mark.objects.get().taken_back == "看错了"
    assert "看错了" in client.get(where(case, "determination")).content.decode()


def test_the_score_is_shown_as_advice_in_words(office):
    case = office.case()
    office.determined(case)
    body = as_(office.drafter).get(where(case, "determination")).content.decode()
    assert "Advice, not a probability" in body


def test_a_refused_record_of_evidence_keeps_what_was_typed_and_names_all_faults(office):
    case = office.case()
    bad = taken("x", collectors="王芳", signer="none", description="很长的说明")
    answer = send(as_(office.drafter), case, "evidence", "take", **bad)
    body = answer.content.decode()
    assert answer.status_code == 400
    assert "E-CAS-030" in body
    assert "很长的说明" in body
    assert "fewer than two collectors" in body
    assert "neither holder nor witness signed" in body
    assert EvidenceItem.objects.count() == 0


def test_a_stale_closing_shows_what_changed_and_what_was_typed(office):
    case = office.case()
    office.determined(case, "false_alarm")
    case.refresh_from_db()
    seen = case.version
    work.answer_contact(office.drafter, case, False, "已问过")
    data = {"step": "close", "key": str(case.pk), "version": seen, "reason": "写了很久的理由"}
    answer = as_(office.officer).post(where(case), data)
    assert answer.status_code == 409
    assert "写了很久的理由" in answer.content.decode()
    assert "What changed meanwhile" in answer.content.decode()


def test_the_gaps_in_the_sensors_coverage_are_named(office):
    case = office.case()
    office.determined(case)
    asked = remedy.draft(office.drafter, case, "发现", ["断网"], timezone.now() + timedelta(days=3))
    remedy.issue(office.reviewer, asked)
    done = remedy.Done("网管", timezone.now(), "已清除", no_snapshot_because="主机已损坏")
    remedy.report(office.officer, asked, done)
    remedy.accept(office.reviewer, asked)
    client = as_(office.reviewer)
    body = client.get(where(case, "remedy")).content.decode()
    assert "Quiet since" in body
    refused = send(client, case, "remedy", "silence")
    assert refused.status_code == 400
    assert b"E-CAS-053" in refused.content


def test_who_a_person_is_stands_on_the_page_once_and_for_a_purpose(office):
    case, client = office.case(), as_(office.officer)
    who = people.add_person(
        office.officer, case, "student", "用户", people.Identity("赵小明", "330106200001011234")
    )
    assert "赵小明" not in client.get(where(case, "disposal")).content.decode()
    address = reverse("case-unmask", args=[case.number, who.pk])
    refused = client.post(address, {"purpose": "a"})
    assert refused.status_code == 400
    assert b"E-CAS-040" in refused.content
    assert "赵小明" in client.post(address, {"purpose": "核对处分对象"}).content.decode()
    assert "赵小明" not in client.get(where(case, "disposal")).content.decode()
    assert AuditEvent.objects.filter(action="person.unmask", reason="核对处分对象").count() == 1


def test_an_analyst_sees_no_person_and_no_measure(office):
    case = office.case()
    who = people.add_person(office.officer, case, "student", "", people.Identity("赵小明"))
    body = as_(office.drafter).get(where(case, "disposal")).content.decode()
    assert who.pseudonym not in body
    address = reverse("case-unmask", args=[case.number, who.pk])
    assert as_(office.drafter).post(address, {"purpose": "核对对象"}).status_code == 404


def test_disposal_is_written_down_through_its_forms(office):
    case, client = office.case(), as_(office.officer)
    now = local(timezone.now() - timedelta(minutes=3))
    thing = {
        "what": "矿机", "count": "2", "serials": "A1\nA2", "state": "sealed", "seal_no": "F-1", "authority": "区专班",
        "authority_no": "〔2021〕1号", "seized_at": now,
    }  # fmt: skip
    assert send(client, case, "disposal", "seize", **thing).status_code == 302
    gain = {
        "amount": "≥ 2.4", "coin": "ETH", "source": "矿池账单", "rule": "payout", "day": "2021-06-01", "price": "17900",
        "currency": "CNY", "price_source": "交易所收盘价",
    }  # fmt: skip
    assert send(client, case, "disposal", "gain", **gain).status_code == 302
    fine = {"measure": "talk", "authority": "单位", "document_no": "1号", "decided_at": now}
    refused = send(client, case, "disposal", "sanction", **fine)
    assert refused.status_code == 400
    assert b"E-CAS-065" in refused.content
    who = people.add_person(office.officer, case, "student", "", people.Identity("赵小明"))
    assert send(client, case, "disposal", "sanction", person=str(who.pk), **fine).status_code == 302
    assert Sanction.objects.get().person == CasePerson.objects.get()
    body = client.get(where(case, "disposal")).content.decode()
    assert "矿机" in body
    assert "2.4" in body


def test_a_contact_knows_nothing_of_a_case_but_what_is_asked_of_it(office):
    case = office.case()
    office.determined(case)
    asked = remedy.draft(office.drafter, case, "发现挖矿", ["断网"], timezone.now() + timedelta(days=3))
    contact = browser(person(Duty.CONTACT, XIHU, "ORG1"))
    other = browser(person(Duty.CONTACT, XIHU, organisation("ORG2").code))
    address = reverse("rectification", args=[asked.number])
    assert contact.get(address).status_code == 404
    remedy.issue(office.reviewer, asked)
    assert contact.get(address).status_code == 200
    assert case.number not in contact.get(address).content.decode()
    assert other.get(address).status_code == 404
    for tab in ("", *TABS):
        assert contact.get(where(case, tab)).status_code == 404
    assert case.number not in contact.get(reverse("cases")).content.decode()


def test_what_waits_for_a_person_stands_on_the_first_page(office):
    case = office.case()
    found = determination.draft(office.drafter, case, "undetermined", "无从认定")
    determination.submit(office.drafter, found)
    assert b"Determinations to review" in as_(office.reviewer).get("/").content
    assert b"Determinations to review" not in as_(office.drafter).get("/").content
    who = cast()
    item = up_to("submitted", who)
    assert item.code in as_(who.approver).get("/").content.decode()
    up_to("issued", who)
    assert b"Handed over to your organisation" in as_(who.contact).get("/").content


@pytest.mark.parametrize("tab", ["", *TABS])
@pytest.mark.parametrize("duty", [Duty.LEADER, Duty.AUDITOR])
def test_who_only_reads_is_offered_nothing(office, tab, duty):
    case = office.case()
    office.determined(case)
    answer = browser(person(duty)).get(where(case, tab))
    assert answer.status_code == 200
    assert offered(answer) == set()


def test_an_inspector_sees_the_cases_that_it_was_made_a_member_of(office):
    case = office.case()
    inspector = person(Duty.INSPECTOR, HANGZHOU)
    client = browser(inspector)
    assert client.get(where(case)).status_code == 404
    assert send(as_(office.officer), case, "", "add_member", user=str(inspector.pk)).status_code == 302
    for tab in ("", *TABS):
        assert client.get(where(case, tab)).status_code == 200, tab
    assert "close" not in offered(client.get(where(case)))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_tab_opens_for_who_works_on_it(office, language):
    case = office.case()
    office.determined(case, "passive")
    work.suppose(office.drafter, case, "malware", "疑似感染")
    for who in (office.drafter, office.reviewer, office.officer):
        for tab in ("", *TABS):
            assert as_(who, language).get(where(case, tab)).status_code == 200, tab


def test_evidence_leaves_for_a_purpose_only_and_as_a_file(office):
    case = office.case()
    item = office.take(case, content=b"<script>1</script>")
    client = as_(office.officer)
    address = reverse("case-evidence", args=[case.number, item.pk])
    assert client.post(address, {"purpose": ""}).status_code == 400
    answer = client.post(address, {"purpose": "复核"})
    assert answer.content == b"<script>1</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_the_list_asks_the_same_number_of_questions_whatever_its_length(office):
    client, counts = as_(office.drafter), []
    for more in (1, 6):
        for _ in range(more):
            office.case()
        client.get(reverse("cases"))
        with CaptureQueriesContext(connection) as seen:
            assert client.get(reverse("cases")).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
