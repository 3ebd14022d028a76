"""What runs by the clock: reminders once, supervision one level up, mail without details, two ticks at once."""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from davylamp.desk.access.models import Duty, User
from davylamp.desk.access.policy import Forbidden, visible
from davylamp.desk.core import calendar
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.handover import outbox, tick
from davylamp.desk.handover.models import HandOver, Mail, Supervision
from davylamp.desk.handover.supervision import escalate, parent_of, remind
from desk.handovers import cast, up_to
from desk.people import HANGZHOU, NINGBO, PROVINCE, XIHU, holder, person
from desk.races import own_database, race


@pytest.fixture(autouse=True)
def _letters(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def with_address(who, address="lisi@example.org"):
    user = User.objects.get(pk=who.user_id)
    user.email = address
    user.save()
    return user


def late(item, hours=100):
    """Move the deadline into the past, as if time had passed."""
    item = HandOver.objects.get(pk=item.pk)
    item.due_at = timezone.now() - timedelta(hours=hours)
    item.save(action="test.late")
    return item


def run(now=None):
    return escalate(now or timezone.now(), calendar.load())


@pytest.mark.parametrize(
    ("code", "above"),
    [(XIHU, HANGZHOU), (HANGZHOU, PROVINCE), (PROVINCE, ""), ("429004", "420000"), ("", ""), ("x", "")],
)
def test_county_city_province(code, above):
    assert parent_of(code) == above


# --- supervision -------------------------------------------------------------------------------------------


def test_a_missed_deadline_is_told_to_the_level_above_once():
    who = cast()
    late(up_to("issued", who))
    assert [(s.region_code, s.stage) for s in run()] == [(HANGZHOU, "receipt")]
    assert run() == []
    county, city, other = (holder(person(Duty.OFFICER, r)) for r in (XIHU, HANGZHOU, NINGBO))
    assert [visible(h, Supervision).count() for h in (county, city, other, who.contact)] == [0, 1, 0, 0]


def test_what_is_in_time_or_not_running_is_not_supervised():
    up_to("issued", cast())
    done = up_to("accepted", cast())
    assert done.due_at is None
    assert run() == []


def test_each_deadline_has_its_own_supervision():
    who = cast()
    item = late(up_to("issued", who))
    run()
    item = late(perform(item, "sign", who.contact, {"by": "李四"}))
    assert [s.stage for s in run()] == ["feedback"]
    assert Supervision.objects.count() == 2


def test_its_letter_has_a_number_of_its_own_and_an_approver_gives_it():
    who = cast()
    item = late(up_to("issued", who))
    (one,) = run()
    with pytest.raises(Forbidden):
        perform(one, "approve", who.analyst)
    one = perform(one, "approve", who.approver)
    assert one.number == f"矿治督〔{timezone.localdate().year}〕1号"
    assert one.letter.recipient == "浙江省杭州市"
    assert one.letter.number == one.number
    assert one.number != item.number
    assert not visible(who.contact, type(one.letter)).filter(pk=one.letter_id).exists()


def test_an_unanswered_supervision_goes_one_level_higher_and_ends_at_the_province():
    who = cast()
    late(up_to("issued", who))
    (one,) = run()
    one = perform(one, "approve", who.approver)
    one.due_at = timezone.now() - timedelta(hours=1)
    one.save()
    (higher,) = run()
    assert higher.region_code == PROVINCE
    higher = perform(higher, "approve", who.approver)
    higher.due_at = timezone.now() - timedelta(hours=1)
    higher.save()
    assert run() == []


def test_a_deadline_that_was_met_meanwhile_needs_no_urging():
    who = cast()
    item = late(up_to("issued", who))
    (one,) = run()
    perform(item, "sign", who.contact, {"by": "李四"})
    with pytest.raises(Refused, match="E-WFL-003"):
        perform(one, "approve", who.approver)
    dropped = perform(one, "drop", who.approver, {"reason": "已签收"})
    assert dropped.state == "dropped"
    with pytest.raises(Refused, match="E-WFL-001"):
        perform(dropped, "approve", who.approver)


# --- mail --------------------------------------------------------------------------------------------------


def test_mail_says_that_something_waits_and_nothing_else():
    who = cast()
    user = with_address(who.contact)
    item = up_to("issued", who)
    outbox.send_waiting()
    (sent,) = mail.outbox
    one = item.items.first().lead
    whole = sent.subject + sent.body + str(sent.extra_headers)
    for secret in (
        one.ip,
        one.number,
        item.number,
        item.code,
        item.organisation_name,
        user.name,
        one.pool,
        "挖矿",
    ):
        assert secret not in whole
    assert sent.to == ["lisi@example.org"]


def test_a_stage_reminds_each_person_once_however_often_the_clock_ticks():
    who = cast()
    with_address(who.contact)
    item = late(up_to("issued", who))
    outbox.send_waiting()
    mail.outbox.clear()
    for _again in range(3):
        remind(timezone.now(), calendar.load())
        outbox.send_waiting()
    assert len(mail.outbox) == 1
    late(perform(item, "sign", who.contact, {"by": "李四"}))
    remind(timezone.now(), calendar.load())
    outbox.send_waiting()
    assert len(mail.outbox) == 2


def test_who_was_not_told_is_not_reminded():
    who = cast()
    with_address(who.contact)
    late(up_to("issued", who, delay_notice=True))
    assert remind(timezone.now(), calendar.load()) == 0


def test_a_report_that_waits_for_review_reminds_the_officers_and_not_the_contact():
    who = cast()
    late(up_to("reported", who))
    remind(timezone.now(), calendar.load())
    last = Mail.objects.filter(key__contains=":review:")
    assert {m.user_id for m in last} == {who.officer.user_id}


def broken(failures):
    """The sending of a mail server that fails so often, then works."""
    left = [failures]

    def send(message, *_args):
        if left[0]:
            left[0] -= 1
            raise ConnectionRefusedError
        mail.outbox.append(message)
        return 1

    return send


def test_a_broken_server_is_tried_again_and_the_message_is_sent_once(monkeypatch):
    who = cast()
    with_address(who.contact)
    up_to("issued", who)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", broken(2))
    for _again in range(4):
        outbox.send_waiting()
        for one in Mail.objects.filter(status="waiting"):
            one.next_at = timezone.now()
            one.save()
    (row,) = Mail.objects.all()
    assert (row.status, row.attempts, len(mail.outbox)) == ("sent", 3, 1)


def test_a_server_that_stays_broken_is_given_up_and_the_row_says_so(monkeypatch):
    who = cast()
    with_address(who.contact)
    up_to("issued", who)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", broken(99))
    for _again in range(len(outbox.WAITS) + 1):
        outbox.send_waiting()
        for one in Mail.objects.filter(status="waiting"):
            one.next_at = timezone.now()
            one.save()
    (row,) = Mail.objects.all()
    assert (row.status, row.fault) == ("given_up", "ConnectionRefusedError")


def test_a_message_without_an_address_is_given_up_and_not_tried_for_ever():
    up_to("issued", cast())
    assert outbox.send_waiting() == {"sent": 0, "failed": 0, "given_up": 1}


def test_a_claimed_message_is_left_to_who_claimed_it_until_that_takes_too_long():
    who = cast()
    with_address(who.contact)
    up_to("issued", who)
    claimed = outbox._claim()
    assert outbox._claim() is None
    claimed.claimed_at = timezone.now() - outbox.CLAIM - timedelta(minutes=1)
    claimed.save()
    again = outbox._claim()
    assert (
        outbox.message_of(again, again.user).extra_headers
        == outbox.message_of(claimed, claimed.user).extra_headers
    )


# --- tick --------------------------------------------------------------------------------------------------


def test_a_tick_does_all_that_is_due_and_a_second_one_nothing(tmp_path):
    who = cast()
    with_address(who.contact)
    late(up_to("issued", who))
    first = tick.tick(folder=tmp_path)
    assert (first["escalations"], first["mail"]["sent"], first["faults"]) == (1, 2, [])
    assert first["checkpoint"] > 0
    second = tick.tick(folder=tmp_path)
    assert (second["reminders"], second["escalations"], second["mail"]["sent"]) == (0, 0, 0)
    assert tick.tick(folder=tmp_path)["checkpoint"] == 0


def test_other_rooms_add_their_work_and_a_fault_in_it_does_not_stop_the_rest(tmp_path, monkeypatch):
    def broken():
        raise Refused("E-XXX-001", "broken")

    monkeypatch.setattr(tick, "HOOKS", {})
    tick.every_tick("suppressions", lambda: 3)
    tick.every_tick("broken", broken)
    late(up_to("issued", cast()))
    told = tick.tick(folder=tmp_path)
    assert (told["suppressions"], told["broken"], told["escalations"]) == (3, None, 1)
    assert told["faults"] == ["E-XXX-001: broken"]


RACER = """
import django, orjson
django.setup()
from davylamp.desk.audit.context import Actor, acting
from davylamp.desk.handover.tick import tick
with acting(Actor("system", "race", "race", "command")):
    print(orjson.dumps(tick()).decode())
"""
SCENE = """
import django
django.setup()
from davylamp.desk.audit.context import acting
from desk.people import TESTER
from desk.handovers import cast, up_to
from desk.test_handover_tick import late, with_address
with acting(TESTER):
    for _n in range(4):
        who = cast()
        with_address(who.contact)
        late(up_to("issued", who))
"""


def test_four_ticks_at_once_send_and_escalate_each_thing_once(tmp_path):
    with own_database(tmp_path) as env:
        race(SCENE, env, 1)
        told = [json.loads(said) for said in race(RACER, env, 4)]
    assert [t["faults"] for t in told] == [[]] * 4
    assert sum(t["escalations"] for t in told) == 4
    assert sum(t["mail"]["sent"] for t in told) == 8  # issued and overdue, for each of four


MOVER = """
import os, random, django
django.setup()
from davylamp.desk.access.models import User
from davylamp.desk.audit.context import acting
from davylamp.desk.audit.models import Stale
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.handover.models import HandOver
from davylamp.desk.leads.models import Lead
from desk.people import TESTER, holder
user = User.objects.get(pk=HandOver.objects.first().drafted_by_id)
draw = random.Random(os.getpid())
work = [(one, "issue", {}) for one in HandOver.objects.all()]
work += [(one, "assign", {"to": user}) for one in Lead.objects.all()]
draw.shuffle(work)
with acting(TESTER):
    for item, step, data in work:
        try:
            perform(item, step, holder(user), data)
        except (Refused, Stale):
            continue
        if step == "issue":
            print(item.code)
"""
APPROVED = """
import django
django.setup()
from davylamp.desk.audit.context import acting
from desk.people import TESTER
from desk.handovers import cast, drafted, up_to
with acting(TESTER):
    who = cast()
    for _n in range(5):
        up_to("approved", who, drafted(who, 12))
"""


def test_steps_on_a_hand_over_and_on_its_leads_never_wait_for_each_other_for_ever(tmp_path):
    """A hand-over that goes out locks lead after lead while others change them; one order of locks keeps them apart."""
    with own_database(tmp_path) as env:
        race(APPROVED, env, 1)
        issued = [line for said in race(MOVER, env, 4) for line in said.split()]
    assert len(issued) == len(set(issued)) == 5
