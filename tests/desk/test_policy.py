"""The policy: where, duty, relation and classification, and deny wins."""

import pytest
from django.utils import timezone

from davylamp.desk.access import policy
from davylamp.desk.access.models import Clearance, Duty, Recusal, Token, User
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.leads.models import Lead
from desk.people import HANGZHOU, NINGBO, PROVINCE, XIHU, holder, person, post

NOW = timezone.now()


def lead(n=1, region=XIHU, organisation="ORG1", classification=Clearance.INTERNAL):
    made = Lead(
        number=f"L{n}", key=f"k{n}", ip=f"192.0.2.{n}", ip_sort=f"{n:032x}", region_code=region,
        organisation_code=organisation, classification=classification, state="new", state_since=NOW,
        tier="confirmed", probability=0.99, first_seen=NOW, last_seen=NOW,
    )  # fmt: skip
    made.save()
    return made


def seen(user):
    return set(policy.visible(holder(user), Lead).values_list("number", flat=True))


@pytest.mark.parametrize(
    ("region", "expected"),
    [(PROVINCE, {"L1", "L2"}), (HANGZHOU, {"L1"}), (XIHU, {"L1"}), (NINGBO, {"L2"}), ("330203", set())],
)
def test_a_posting_reaches_its_region_and_what_lies_below(region, expected):
    lead(1, XIHU)
    lead(2, NINGBO)
    assert seen(person(Duty.OFFICER, region)) == expected


def test_who_has_no_posting_or_a_closed_account_sees_nothing():
    lead()
    nobody, gone = person(None), person(Duty.ANALYST)
    gone.close("left")
    assert seen(nobody) == seen(gone) == set()


def test_an_ended_posting_opens_nothing():
    lead()
    user = person(None)
    post(user, Duty.ANALYST).end("moved")
    assert seen(user) == set()


def test_a_recusal_takes_one_organisation_out_of_everything_whatever_else_allows_it():
    lead(1, organisation="ORG1")
    lead(2, organisation="ORG2")
    user = person(Duty.ANALYST)
    post(user, Duty.LEADER)
    Recusal(user=user, organisation_code="ORG1", reason="former employer").save()
    assert seen(user) == {"L2"}


def test_what_is_classified_above_the_clearance_is_not_there():
    lead(1, classification=Clearance.SECRET)
    assert seen(person(clearance=Clearance.CONFIDENTIAL)) == set()
    assert seen(person(clearance=Clearance.SECRET)) == {"L1"}


def test_a_clearance_of_one_posting_does_not_lend_itself_to_another():
    lead(1, XIHU, classification=Clearance.SECRET)
    user = person(Duty.ANALYST, NINGBO, clearance=Clearance.SECRET)
    post(user, Duty.ANALYST, HANGZHOU, clearance=Clearance.INTERNAL)
    assert seen(user) == set()


def test_administrators_keep_accounts_and_see_no_leads():
    lead()
    assert seen(person(Duty.ADMIN)) == set()


def test_a_model_without_a_place_is_seen_whole_by_its_duty_and_by_no_other():
    admin, analyst = person(Duty.ADMIN), person(Duty.ANALYST)
    both = person(Duty.ADMIN)
    post(both, Duty.AUDITOR, HANGZHOU)
    everyone = {admin, analyst, both}
    assert set(policy.visible(holder(admin), User)) == set(policy.visible(holder(both), User)) == everyone
    assert not policy.visible(holder(analyst), User).exists()


def test_what_may_not_be_seen_and_what_does_not_exist_give_the_same_answer():
    hidden = lead(1, NINGBO)
    user = holder(person(Duty.OFFICER, HANGZHOU))
    answers = []
    for number in (hidden.number, "L999"):
        with pytest.raises(Hidden) as caught:
            policy.find(user, Lead, number=number)
        answers.append(str(caught.value))
    assert answers[0] == answers[1]


def test_what_may_be_seen_but_not_done_is_forbidden_and_not_hidden():
    item = lead()
    with pytest.raises(Forbidden, match="E-ACC-403"):
        policy.check(holder(person(Duty.LEADER)), "assign", item)


def test_a_token_reaches_no_further_than_its_scopes():
    lead()
    user = person(Duty.ANALYST)
    token, secret = Token.issue(user, "sensor", ["intake"], timezone.now() + timezone.timedelta(days=1))
    found = Token.find(secret)
    assert found == token
    assert token.digest not in secret
    base = holder(user)
    limited = policy.Holder(base.user_id, base.label, base.seats, base.recused, frozenset(found.scopes))
    assert not policy.visible(limited, Lead).exists()
    assert policy.can_create(limited, Lead, region_code=XIHU)


def test_an_expired_revoked_or_orphaned_token_opens_nothing():
    user = person()
    _, secret_past = Token.issue(user, "a", ["read"], timezone.now())
    revoked, secret_revoked = Token.issue(user, "b", ["read"], timezone.now() + timezone.timedelta(days=1))
    revoked.revoked_at = timezone.now()
    revoked.save()
    _, secret_closed = Token.issue(user, "c", ["read"], timezone.now() + timezone.timedelta(days=1))
    user.close("left")
    assert [Token.find(s) for s in (secret_past, secret_revoked, secret_closed, "dvl_nothing")] == [None] * 4


def test_a_model_without_region_organisation_or_class_is_seen_whole_by_its_duties_and_by_nobody_else():
    person(None)
    admin, analyst = person(Duty.ADMIN), person(Duty.ANALYST)
    assert policy.visible(holder(admin), User).count() == 3
    assert not policy.visible(holder(analyst), User).exists()
    post(analyst, Duty.AUDITOR, NINGBO)
    assert policy.visible(holder(analyst), User).count() == 3


def test_an_audit_row_without_region_is_the_provinces_own():
    person(None)
    assert policy.visible(holder(person(Duty.AUDITOR)), AuditEvent).filter(action="user.create").exists()
    local = holder(person(Duty.AUDITOR, HANGZHOU))
    assert not policy.visible(local, AuditEvent).filter(action="user.create").exists()
