"""The screens of a hand-over: from the queue to its closing through HTTP, who sees what, what a refusal keeps."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from davylamp.desk.access.models import Duty, User
from davylamp.desk.core.workflow import perform
from davylamp.desk.handover.models import Feedback, HandOver, HandOverItem
from desk.handovers import cast, drafted, lead, up_to
from desk.people import XIHU, organisation, person
from desk.test_pages import browser

pytestmark = pytest.mark.django_db


def as_(holder, language="en"):
    """A browser of one of the cast."""
    return browser(User.objects.get(pk=holder.user_id), language)


def page(client, item, tab=""):
    """The page of a hand-over, or a tab of it."""
    where = reverse("handover-tab", args=[item.code, tab]) if tab else reverse("handover", args=[item.code])
    return client.get(where)


def send(client, item, step, **data):
    """Send a step from the version that is shown."""
    body = page(client, item).content.decode()
    version = re.search(r'name="version" value="(\d+)"', body)
    data |= {"step": step, "key": str(item.pk), "version": version.group(1) if version else "0"}
    return client.post(reverse("handover", args=[item.code]), data)


def offered(response):
    """The steps that a page offers."""
    return set(re.findall(r'name="step" value="(\w+)"', response.content.decode()))


def test_leads_chosen_in_the_queue_become_one_hand_over_per_organisation():
    who, other = cast(), organisation("ORG-B")
    ours, theirs = [lead(who.organisation.code) for _ in range(2)], lead(other.code)
    waits = lead(who.organisation.code, state="attributing")
    client = as_(who.analyst)
    keys = [str(one.pk) for one in (*ours, theirs, waits)]
    preview = client.post(reverse("handover-new"), {"item": keys})
    assert b"Draft 2 hand-overs" in preview.content
    assert b"its attribution is not confirmed" in preview.content
    assert HandOver.objects.count() == 0
    answer = client.post(reverse("handover-new"), {"item": keys, "do": "draft", "channel": "leadership"})
    assert answer.status_code == 302
    made = {h.organisation_code: h.items.count() for h in HandOver.objects.all()}
    assert made == {who.organisation.code: 2, other.code: 1}


def test_a_draft_without_its_second_contact_is_refused_and_keeps_what_was_typed():
    who = cast()
    one = lead(who.organisation.code)
    data = {"item": str(one.pk), "do": "draft", "channel": "second", "note": "电话联系过"}
    answer = as_(who.analyst).post(reverse("handover-new"), data)
    assert answer.status_code == 400
    assert b"E-HND-010" in answer.content
    assert "电话联系过" in answer.content.decode()


def test_a_hand_over_walks_from_draft_to_closing_through_the_screens():
    who = cast()
    item = drafted(who)
    assert send(as_(who.analyst), item, "submit").status_code == 302
    assert send(as_(who.approver), item, "approve").status_code == 302
    assert send(as_(who.analyst), item, "issue").status_code == 302
    assert send(as_(who.officer), item, "deliver", to="办公室").status_code == 302
    contact = as_(who.contact)
    assert send(contact, item, "sign", by="李四").status_code == 302
    assert send(contact, item, "act").status_code == 302
    answers = {}
    for one in item.items.all():
        answers |= {
            f"found-{one.pk}": "mining", f"description-{one.pk}": "机房两台", f"host-{one.pk}": "A-101",
            f"measure-{one.pk}": "断网", f"file-{one.pk}": SimpleUploadedFile("照片.jpg", b"photo"),
        }  # fmt: skip
    assert send(contact, item, "report", **answers).status_code == 302
    reviewer = as_(who.second)
    shown = page(reviewer, item, "feedback")
    assert "机房两台" in shown.content.decode()
    href = re.search(r'href="(/handovers/[^"]+/reports/[^"]+)"', shown.content.decode()).group(1)
    assert reviewer.get(href).content == b"photo"
    assert send(reviewer, item, "accept").status_code == 302
    assert send(reviewer, item, "close").status_code == 302
    item.refresh_from_db()
    assert item.state == "closed"


def test_a_refused_report_stands_with_its_words_and_its_file():
    who = cast()
    item = up_to("acting", who, count=1)
    one, contact = item.items.get(), as_(who.contact)
    data = {
        f"found-{one.pk}": "mining",
        f"description-{one.pk}": "写了很久的说明",
        f"file-{one.pk}": SimpleUploadedFile("log.txt", b"log"),
    }
    answer = send(contact, item, "report", **data)
    body = answer.content.decode()
    assert answer.status_code == 400
    assert "E-HND-003" in body
    assert "写了很久的说明" in body
    assert "log.txt" in body
    kept = re.search(rf'name="kept-{one.pk}" value="([^"]+)"', body).group(1)
    data = {k: v for k, v in data.items() if not k.startswith("file-")}
    data |= {f"host-{one.pk}": "A-101", f"measure-{one.pk}": "断网", f"kept-{one.pk}": kept}
    assert send(contact, item, "report", **data).status_code == 302
    assert Feedback.objects.get().attachments[0]["name"] == "log.txt"


def test_a_forged_name_of_a_file_attaches_nothing():
    who = cast()
    item = up_to("acting", who, count=1)
    one = item.items.get()
    data = {
        f"found-{one.pk}": "nothing",
        f"description-{one.pk}": "没有",
        f"kept-{one.pk}": '{"sha256": "' + "0" * 64 + '"}',
    }
    assert send(as_(who.contact), item, "report", **data).status_code == 302
    assert Feedback.objects.get().attachments == []


def test_the_drafter_sees_why_the_step_is_another_persons():
    who = cast()
    item = up_to("reported", who)
    drafter, second = page(as_(who.analyst), item), page(as_(who.second), item)
    assert "accept" not in offered(drafter)
    assert b"who drafted it does not decide on it" in drafter.content
    assert "accept" in offered(second)


def test_a_step_that_is_not_offered_is_refused_when_it_is_sent():
    who = cast()
    item = up_to("reported", who)
    answer = send(as_(who.analyst), item, "accept")
    assert answer.status_code == 409
    assert HandOver.objects.get(pk=item.pk).state == "reported"


def test_a_stale_step_shows_what_changed_and_what_was_typed():
    who = cast()
    item = up_to("submitted", who)
    client = as_(who.analyst)
    data = {"step": "withdraw", "key": str(item.pk), "version": item.version, "reason": "写了很久的理由"}
    perform(item, "approve", who.approver, {})
    answer = client.post(reverse("handover", args=[item.code]), data)
    body = answer.content.decode()
    assert answer.status_code == 409
    assert "E-AUD-003" in body
    assert "What changed meanwhile" in body
    assert "写了很久的理由" in body


def test_a_contact_sees_only_its_own_hand_overs_and_nothing_of_the_desk():
    who, other = cast(), cast()
    mine, theirs = up_to("issued", who, note="内部话"), up_to("issued", other)
    client = as_(who.contact)
    listed = client.get(reverse("handovers")).content.decode()
    assert mine.number in listed
    assert theirs.number not in listed
    assert page(client, theirs).status_code == 404
    for tab in ("", "items", "documents", "feedback"):
        body = page(client, mine, tab).content.decode()
        assert "内部话" not in body
        assert who.analyst.label not in body
        assert "sensor-hz-7" not in body.lower()
    own = page(client, mine)
    assert b"What to do, in order" in own.content
    assert offered(own) == {"sign", "send_back"}


def test_a_contact_knows_nothing_of_a_hand_over_before_it_is_told():
    who = cast()
    item = up_to("issued", who, delay_notice=True)
    assert page(as_(who.contact), item).status_code == 404
    assert send(as_(who.officer), item, "tell").status_code == 302
    assert page(as_(who.contact), item).status_code == 200


def test_a_lead_returned_as_not_ours_shows_its_paused_clock():
    who = cast()
    item = up_to("received", who)
    one = item.items.first()
    data = {"items": str(one.pk), "ground": "not_ours", "reason": "不是本单位地址"}
    assert send(as_(who.contact), item, "send_back", **data).status_code == 302
    assert HandOverItem.objects.get(pk=one.pk).status == "returned"
    listed = as_(who.second).get(reverse("handovers")).content.decode()
    assert "paused for 1 lead" in listed
    assert "paused for" not in as_(who.contact).get(reverse("handovers")).content.decode()
    assert "clock paused" in page(as_(who.second), item, "items").content.decode()


@pytest.mark.parametrize("tab", ["summary", "items", "documents", "feedback", "timeline"])
@pytest.mark.parametrize("duty", [Duty.LEADER, Duty.AUDITOR])
def test_who_only_reads_is_offered_nothing(tab, duty):
    who = cast()
    item = up_to("acting", who)
    answer = page(browser(person(duty)), item, tab)
    assert answer.status_code == 200
    assert offered(answer) == set()


def test_the_letter_is_taken_by_whoever_may_read_it_and_by_nobody_else():
    who, other = cast(), cast()
    item = up_to("issued", who)
    where = reverse("handover-document", args=[item.code, item.letter_id])
    answer = as_(who.contact).get(where)
    assert answer.content[:2] == b"PK"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert as_(other.contact).get(where).status_code == 404
    foreign = up_to("issued", other)
    mixed = reverse("handover-document", args=[item.code, foreign.letter_id])
    assert as_(who.second).get(mixed).status_code == 404


def test_a_leads_page_says_where_it_lies():
    who = cast()
    item = up_to("issued", who, count=1)
    number = item.items.get().lead.number
    body = as_(who.second).get(reverse("lead-tab", args=[number, "handover"])).content.decode()
    assert item.number in body


def test_the_list_asks_the_same_number_of_questions_whatever_its_length():
    who = cast()
    client = as_(who.second)
    counts = []
    for more in (1, 6):
        for _ in range(more):
            drafted(who, count=1)
        client.get(reverse("handovers"))
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(reverse("handovers")).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_filters_narrow_the_list():
    who = cast()
    draft, sent = drafted(who), up_to("issued", who)
    client = as_(who.second)
    for query, present, absent in (
        ("state=issued", sent.code, draft.code),
        (f"q={draft.code}", draft.code, sent.code),
        ("stage=receipt", sent.code, draft.code),
        (f"region={XIHU}&state=drafted", draft.code, sent.code),
    ):
        body = client.get(f"{reverse('handovers')}?{query}").content.decode()
        assert reverse("handover", args=[present]) in body, query
        assert reverse("handover", args=[absent]) not in body, query
