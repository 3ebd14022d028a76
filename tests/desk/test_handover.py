"""A hand-over from draft to closing: four eyes, a number, a letter, returns, feedback, and what a contact may see."""

import io
from datetime import timedelta

import docx
import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.core import vault
from davylamp.desk.core.workflow import Refused, available, perform
from davylamp.desk.documents.models import Document
from davylamp.desk.documents.services import open_document
from davylamp.desk.handover.models import Feedback, HandOver, HandOverItem, Mail
from davylamp.desk.handover.services import draft
from davylamp.desk.leads.intake import intake
from davylamp.desk.leads.models import Intake, Lead, Observation
from davylamp.desk.registry.models import Organisation
from davylamp.errors import DavylampError
from desk.handovers import Cast, answers, calendar_ahead, cast, drafted, lead, up_to
from desk.people import NINGBO, XIHU, holder, organisation, person, post
from desk.sightings import HOSPITAL, UNIVERSITY, net, register, sighting

NUMBERED = (
    "approved",
    "issued",
    "delivered",
    "received",
    "acting",
    "reported",
    "accepted",
    "returned",
    "closed",
)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def code_of(caught):
    return caught.value.code


def paper(document):
    page = docx.Document(io.BytesIO(b"".join(vault.read(document.sha256))))
    return [p.text for p in page.paragraphs], [[c.text for c in r.cells] for t in page.tables for r in t.rows]


def test_a_hand_over_goes_its_whole_way_and_its_leads_follow():
    who = cast()
    item = up_to("closed", who)
    assert (item.number != "", item.closed_at is not None, item.due_at) == (True, True, None)
    assert {one.lead.state for one in item.items.all()} == {"verifying"}
    assert {one.status for one in item.items.all()} == {"done"}


# --- invariant 5 -------------------------------------------------------------------------------------------

STEPS = (
    "submit",
    "refuse",
    "approve",
    "withdraw",
    "issue",
    "deliver",
    "sign",
    "act",
    "report",
    "accept",
    "ask_more",
    "close",
)


def random_walk(moves):
    """One hand-over under whatever people try, in whatever order; what is refused is refused."""
    who = cast()
    item = drafted(who)
    players = (who.analyst, who.second, who.approver, who.officer, who.contact)
    for name, player in moves:
        item = HandOver.objects.get(pk=item.pk)
        data = {"reason": "r", "to": "t", "by": "b", "answers": answers(item)}
        try:
            perform(item, name, players[player], data)
        except DavylampError:
            continue
    return HandOver.objects.get(pk=item.pk)


MOVES = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4)), max_size=30)
USUAL = [("submit", 0), ("approve", 2), ("issue", 0), ("sign", 4), ("act", 4), ("report", 4), ("accept", 1)]


@FEW
@given(st.integers(0, len(USUAL)), MOVES)
def test_invariant_05_no_hand_over_without_an_approved_number_and_every_lead_points_back_to_it(reach, moves):
    item = random_walk(USUAL[:reach] + moves)
    if item.state in NUMBERED:
        assert item.number
        assert item.letter.number == item.number
        assert item.approved_by_id is not None
        assert Document.objects.filter(number=item.number).count() == 1
    else:
        assert (item.issued_at, item.told_at) == (None, None)
    for one in item.items.select_related("lead"):
        if one.lead.state in ("handed_over", "verifying"):
            back = [i.hand_over.number for i in one.lead.hand_over_items.exclude(status="dropped")]
            assert back == [item.number]
            assert item.number
        else:
            assert item.issued_at is None


def test_the_database_itself_refuses_a_hand_over_that_is_out_without_a_number():
    item = drafted(cast())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE handover_handover SET state = 'issued' WHERE code = %s", [item.code])


def test_a_number_is_given_at_approval_only_and_a_withdrawn_one_stays_void_without_a_gap():
    who = cast()
    first, second = up_to("submitted", who), up_to("submitted", who)
    assert (first.number, second.number) == ("", "")
    first = perform(first, "approve", who.approver)
    perform(first, "withdraw", who.analyst, {"reason": "错"})
    second = perform(second, "approve", who.approver)
    assert second.letter.serial == first.letter.serial + 1
    assert {i.status for i in first.items.all()} == {"dropped"}


# --- invariant 6 and the reviews of 15 ---------------------------------------------------------------------


@FEW
@given(st.integers(0, len(USUAL)), MOVES)
def test_invariant_06_who_drafts_never_approves_nor_reviews(reach, moves):
    item = random_walk(USUAL[:reach] + moves)
    assert item.approved_by_id != item.drafted_by_id
    assert item.reviewed_by_id is None or item.reviewed_by_id not in (item.drafted_by_id, item.reported_by_id)


def test_invariant_06_holds_for_a_drafter_who_is_an_approver_too():
    who = cast()
    item = up_to("submitted", who)
    post(type(item.drafted_by).objects.get(pk=who.analyst.user_id), Duty.APPROVER)
    both = holder(item.drafted_by)
    for name in ("approve", "refuse"):
        with pytest.raises(Refused, match="E-WFL-003"):
            perform(item, name, both, {"reason": "r"})
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE handover_handover SET approved_by_id = drafted_by_id WHERE code = %s", [item.code]
        )


def test_invariant_15_a_report_is_reviewed_by_neither_its_reporter_nor_the_drafter():
    who = cast()
    item = up_to("acting", who)
    item = perform(item, "report", who.officer, {"answers": answers(item)})
    for one in (who.officer, who.analyst):
        for name in ("accept", "ask_more"):
            with pytest.raises(Refused, match="E-WFL-003"):
                perform(item, name, one, {"reason": "r"})
    with pytest.raises(Forbidden):
        perform(item, "accept", who.contact)
    assert perform(item, "accept", who.second).state == "accepted"


# --- invariant 8 -------------------------------------------------------------------------------------------

REACHED = ["submitted", "issued", "received"]


@FEW
@given(
    st.lists(st.integers(0, 5), min_size=3, max_size=5),
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["submitted", "issued", "received"]), st.booleans()),
        max_size=5,
    ),
    st.integers(0, 5),
)
def test_invariant_08_a_contact_reads_own_subtree_only_and_only_what_was_handed_over(parents, sent, seat):
    calendar_ahead()
    tree = []
    for n, parent in enumerate(parents):
        tree.append(organisation(parent=tree[parent % n].code if n and parent else ""))
    own = tree[seat % len(tree)]
    contact = holder(person(Duty.CONTACT, XIHU, own.code))
    below = {own.code}
    for one in tree:
        below |= {one.code} if one.parent_code in below else set()
    expected = set()
    for place, state, delayed in sent:
        body = tree[place % len(tree)]
        who = cast()
        who.organisation = body
        who.contact = holder(person(Duty.CONTACT, XIHU, body.code))
        item = drafted(who, 1, delay_notice=delayed)
        up_to("issued" if delayed and state == "received" else state, who, item)
        lead(body.code)  # and one that nobody was told of
        if body.code in below and state != "submitted" and not delayed:
            expected |= {i.lead_id for i in item.items.all()}
    assert set(policy.visible(contact, Lead).values_list("pk", flat=True)) == expected
    assert {h.organisation_code for h in policy.visible(contact, HandOver)} <= below
    assert {d.organisation_code for d in policy.visible(contact, Document)} <= below
    for model in (Observation, Intake, Mail):
        assert not policy.visible(contact, model).exists()


def test_invariant_08_no_paper_names_a_sensor_a_source_a_wallet_or_another_organisation():
    who, other = cast(), organisation(name="隔壁单位")
    mine = lead(who.organisation.code, relapse_key=f"organisation {other.name}")
    item = up_to(
        "issued",
        who,
        draft(who.analyst, who.organisation.code, [mine], note="内部：怀疑联络员", second_contact="王五"),
    )
    for document in (item.letter, item.form):
        lines, rows = paper(document)
        whole = " ".join(lines) + " ".join(" ".join(r) for r in rows)
        for secret in ("SENSOR", "sensor", "REF", mine.wallet, "隔壁单位", "怀疑", "王五", mine.key):
            assert secret not in whole
    assert mine.ip in whole


def test_invariant_08_fields_that_a_contact_never_reads():
    who = cast()
    item = up_to("issued", who)
    one = item.items.first().lead
    hidden = policy.fields_hidden(who.contact, Lead, one)
    assert {"wallet", "relapse_of", "relapse_key", "assigned_to", "merged_into"} <= hidden
    assert {"note", "second_contact", "channel"} <= policy.fields_hidden(who.contact, HandOver, item)
    assert policy.fields_hidden(who.analyst, Lead, one) == frozenset()


def test_fields_are_hidden_by_the_seats_that_see_the_row_and_deny_wins_in_a_list():
    who = cast()
    item = up_to("issued", who)
    user = item.drafted_by.__class__.objects.get(pk=who.contact.user_id)
    post(user, Duty.ANALYST, NINGBO)  # elsewhere: opens nothing here
    both = holder(user)
    one = item.items.first().lead
    assert "wallet" in policy.fields_hidden(both, Lead, one)
    assert "wallet" in policy.fields_hidden(both, Lead)
    post(user, Duty.ANALYST, XIHU)
    assert "wallet" not in policy.fields_hidden(holder(user), Lead, one)


def test_everything_of_a_row_that_one_does_not_see_is_hidden():
    stranger = holder(person(Duty.OFFICER, NINGBO))
    one = lead("ORG1")
    assert {"ip", "number"} <= policy.fields_hidden(stranger, Lead, one)


# --- the first contact -------------------------------------------------------------------------------------


def test_with_delayed_notice_contacts_neither_see_nor_hear_of_it_until_they_are_told():
    who = cast()
    item = up_to("issued", who, delay_notice=True)
    with pytest.raises(Hidden):
        policy.find(who.contact, HandOver, pk=item.pk)
    with pytest.raises(Hidden):
        perform(item, "sign", who.contact, {"by": "李四"})
    assert not Mail.objects.exists()
    item = perform(item, "tell", who.analyst)
    assert policy.find(who.contact, HandOver, pk=item.pk) == item
    assert Mail.objects.count() == 1
    with pytest.raises(Refused, match="E-WFL-003"):
        perform(item, "tell", who.analyst)


def test_a_second_contact_needs_a_name():
    who = cast()
    with pytest.raises(Refused, match="E-HND-010"):
        draft(who.analyst, who.organisation.code, [lead(who.organisation.code)], channel="second")


# --- drafting ----------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_a_draft_is_said_at_once():
    who, other = cast(), organisation()
    busy = drafted(who, 1).items.first().lead
    strange, fresh = lead(other.code), lead(who.organisation.code, state="new")
    with pytest.raises(Refused, match="E-HND-010") as caught:
        draft(who.analyst, who.organisation.code, [busy, strange, fresh])
    for one in (busy, strange, fresh):
        assert one.number in caught.value.message


def test_a_lead_that_one_may_not_know_of_cannot_be_drafted():
    who = cast()
    with pytest.raises(Hidden):
        draft(
            holder(person(Duty.OFFICER, XIHU)), who.organisation.code, [lead(who.organisation.code, NINGBO)]
        )


def test_a_superior_body_may_receive_what_belongs_below_it():
    who = cast()
    child = organisation(parent=who.organisation.code)
    item = draft(who.analyst, who.organisation.code, [lead(child.code)])
    assert up_to("received", who, item).received_by == "李四"


def test_a_lead_whose_attribution_changed_meanwhile_stops_the_approval():
    who = cast()
    item = up_to("submitted", who)
    one = item.items.first().lead
    one.organisation_code = "OTHER"
    one.save()
    with pytest.raises(Refused, match=one.number):
        perform(item, "approve", who.approver)
    assert HandOver.objects.get(pk=item.pk).number == ""


# --- the letter --------------------------------------------------------------------------------------------


def test_numbers_in_the_letter_are_those_of_the_database():
    who = cast()
    item = up_to("approved", who, count=3)
    lines, rows = paper(item.letter)
    leads = [i.lead for i in item.items.select_related("lead").order_by("position")]
    assert item.number in lines
    assert any(f" {len(leads)} 个网络地址" in text for text in lines)
    first, second = rows[1:4], rows[5:8]
    assert [(r[1], r[2], r[7]) for r in first] == [(one.number, one.ip, one.pool) for one in leads]
    assert [(r[1], r[4]) for r in second] == [(one.number, str(one.observations_count)) for one in leads]
    assert second[0][3] == "1.96 kH/s (1.90–2.01)"
    assert [r[2] for r in paper(item.form)[1][1:]] == [one.ip for one in leads]


def test_a_letter_is_chinese_and_names_nobody_of_the_desk_whatever_language_its_maker_reads():
    who = cast()
    with translation.override("en"):
        item = up_to("approved", who)
    for document in (item.letter, item.form):
        page = docx.Document(io.BytesIO(b"".join(vault.read(document.sha256))))
        foot = [p.text for p in page.sections[0].footer.paragraphs]
        assert any(text.startswith(f"导出编号 {document.export_id}") for text in foot)
        assert who.approver.label not in " ".join(foot)


def test_the_contact_opens_its_letter_and_no_stranger_does():
    who = cast()
    item = up_to("issued", who)
    assert open_document(who.contact, item.letter).startswith(b"PK")
    with pytest.raises(Hidden):
        open_document(cast().contact, item.letter)


# --- return ------------------------------------------------------------------------------------------------


def test_what_is_not_the_recipients_is_attributed_anew_at_once_and_the_rest_goes_on():
    who = cast()
    item = up_to("received", who)
    back, stays = item.items.order_by("position")
    item = perform(
        item, "send_back", who.contact, {"items": [back.pk], "ground": "not_ours", "reason": "已转给邻居"}
    )
    back, stays = item.items.order_by("position")
    assert (item.state, back.status, stays.status) == ("received", "returned", "open")
    assert back.lead.state == "attributing"
    assert back.new_lead == back.lead
    assert stays.lead.state == "handed_over"


def test_a_hand_over_whose_every_lead_came_back_is_returned_and_its_clock_stops():
    who = cast()
    item = up_to("issued", who)
    keys = [i.pk for i in item.items.all()]
    item = perform(
        item, "send_back", who.contact, {"items": keys, "ground": "too_little", "reason": "缺端口"}
    )
    assert (item.state, item.due_at) == ("returned", None)


def test_a_lead_that_came_back_is_linked_to_the_hand_over_that_follows_and_its_pause_ends_there():
    from davylamp.desk.core import calendar
    from davylamp.desk.handover.services import lead_clock, pauses_of

    who, next_one = cast(), cast()
    item = up_to("received", who, count=1)
    back = item.items.get()
    perform(item, "send_back", who.contact, {"items": [back.pk], "ground": "not_ours", "reason": "不是"})
    one = Lead.objects.get(pk=back.lead_id)
    assert lead_clock(one, calendar.load()).light == "paused"
    one.organisation_code, one.state = next_one.organisation.code, "attributed"
    one.save()
    follow = up_to("issued", next_one, draft(next_one.analyst, next_one.organisation.code, [one]))
    back = HandOverItem.objects.get(pk=back.pk)
    assert back.new_hand_over == follow
    one = Lead.objects.get(pk=one.pk)
    assert pauses_of(one)[0].until == follow.issued_at
    assert lead_clock(one, calendar.load()).light == "on_time"
    assert not policy.visible(who.contact, Lead).filter(pk=one.pk).exists()


@pytest.mark.parametrize(("ground", "code"), [("because", "E-HND-001"), ("duplicate", "E-HND-002")])
def test_a_return_without_a_known_ground_or_of_what_is_not_there_changes_nothing(ground, code):
    who = cast()
    item = up_to("received", who)
    foreign = drafted(who, 1).items.get()
    with pytest.raises(Refused, match=code):
        perform(item, "send_back", who.contact, {"items": [foreign.pk], "ground": ground, "reason": "r"})
    assert not HandOverItem.objects.filter(status="returned").exists()


# --- feedback ----------------------------------------------------------------------------------------------


def test_a_report_answers_every_lead_and_all_gaps_are_said_at_once():
    who = cast()
    item = up_to("acting", who, count=3)
    first, second, third = item.items.order_by("position")
    given_answers = {
        str(first.pk): {"found": "mining", "description": "两台", "host": "", "measure": ""},
        str(second.pk): {"found": "?", "description": " ", "since": timezone.localdate() + timedelta(days=2)},
    }
    with pytest.raises(Refused, match="E-HND-003") as caught:
        perform(item, "report", who.contact, {"answers": given_answers})
    for one in (first, second, third):
        assert one.told["lead"] in caught.value.message
    assert not Feedback.objects.exists()


def test_an_attachment_is_a_file_that_the_desk_holds():
    who = cast()
    item = up_to("acting", who, count=1)
    kept = vault.store([b"photo"])
    filled = answers(item)
    key = next(iter(filled))
    filled[key]["attachments"] = [{"name": "a.jpg", "sha256": "0" * 64, "size_bytes": 5}]
    with pytest.raises(Refused, match="E-HND-003"):
        perform(item, "report", who.contact, {"answers": filled})
    filled[key]["attachments"] = [{"name": "a.jpg", "sha256": kept.sha256, "size_bytes": kept.size_bytes}]
    perform(item, "report", who.contact, {"answers": filled})
    assert Feedback.objects.get().attachments[0]["sha256"] == kept.sha256


def test_asking_for_more_begins_a_new_round_and_keeps_the_first_report():
    who = cast()
    item = up_to("reported", who)
    item = perform(item, "ask_more", who.second, {"reason": "缺主机编号"})
    assert (item.state, item.round, item.stage) == ("acting", 2, "feedback")
    item = perform(item, "report", who.contact, {"answers": answers(item, "nothing")})
    assert sorted(Feedback.objects.values_list("round", flat=True)) == [1, 1, 2, 2]


# --- times and buttons -------------------------------------------------------------------------------------


def test_what_is_written_down_happened_and_after_what_came_before_it():
    who = cast()
    item = up_to("issued", who)
    for at in (timezone.now() + timedelta(hours=1), item.issued_at - timedelta(hours=1)):
        with pytest.raises(Refused, match="E-WFL-003"):
            perform(item, "deliver", who.officer, {"to": "x", "at": at})


def test_buttons_are_those_that_the_duty_may_press():
    who = cast()
    item = up_to("issued", who)
    assert {s.name for s in available(item, who.contact)} == {"sign", "send_back"}
    assert {s.name for s in available(item, who.approver)} == {"tell", "deliver"}
    assert available(item, cast().contact) == []


def test_a_return_by_a_contact_finds_the_holder_that_the_registry_knows_beside_it():
    """From a sighting to a letter, back from the wrong organisation, and out again to the right one."""
    calendar_ahead()
    register(net(UNIVERSITY, "10.1.0.7"))
    intake([sighting("a")], "core-1")
    one = Lead.objects.get()
    assert (one.organisation_code, one.state) == (UNIVERSITY, "attributed")
    who = Cast(Organisation.objects.get(code=UNIVERSITY), *map(holder, (
        person(Duty.ANALYST), person(Duty.ANALYST), person(Duty.APPROVER), person(Duty.OFFICER, XIHU),
        person(Duty.CONTACT, XIHU, UNIVERSITY),
    )))  # fmt: skip
    item = up_to("issued", who, draft(who.analyst, UNIVERSITY, [one]))
    register(net(HOSPITAL, "10.1.0.7"), source="更正")
    data = {"items": [item.items.get().pk], "ground": "not_ours", "reason": "该段已划给医院"}
    item = perform(item, "send_back", who.contact, data)
    one = Lead.objects.get(pk=one.pk)
    assert (item.state, one.organisation_code, one.state) == ("returned", HOSPITAL, "attributing")
    one = perform(one, "confirm", who.analyst)
    assert not policy.visible(who.contact, Lead).exists()
    assert policy.find(who.contact, HandOver, pk=item.pk) == item
    following = draft(who.analyst, HOSPITAL, [one])
    following = perform(perform(following, "submit", who.analyst), "approve", who.approver)
    following = perform(following, "issue", who.analyst)
    assert item.items.get().new_hand_over == following
