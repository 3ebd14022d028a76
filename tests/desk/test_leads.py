"""What persons do to leads: attribute anew, join, set aside; projects, claims, relapses, counts as of a time."""

from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.audit.replay import replay
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.leads import claims, projects
from davylamp.desk.leads.figures import count_leads
from davylamp.desk.leads.flow import TOLD
from davylamp.desk.leads.intake import intake
from davylamp.desk.leads.models import OPEN_STATES, Attribution, Lead, Observation, State, Suppression
from davylamp.desk.leads.relapses import relapses_of
from davylamp.desk.leads.services import attribute_to, lift, merge, re_attribute, suppress, with_suppression
from davylamp.desk.registry.models import ApprovedProject, ContactPoint, Organisation
from davylamp.desk.registry.services import projected, rebuild, unmask
from davylamp.errors import BadUse
from desk.people import NINGBO, XIHU, holder, person
from desk.sightings import HOSPITAL, T0, UNIVERSITY, close, net, register, sighting, state, when

DAY = timedelta(days=1)


@contextmanager
def nothing_stays():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def one_lead(**more):
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    intake([sighting("a", **more)], "s")
    return Lead.objects.get()


# --- attribution ---


def test_invariant_02_attributing_anew_asks_for_the_time_of_the_observation():
    lead = one_lead(first=10)
    analyst = holder(person())
    register(net(HOSPITAL, "10.1.0.7", since=20), layer="verified", source="王检查")
    re_attribute(lead, analyst, "they say it is not theirs")
    lead.refresh_from_db()
    assert lead.organisation_code == UNIVERSITY
    register(net(HOSPITAL, "10.1.0.7", since=5), layer="verified", source="李检查")
    made = re_attribute(lead, analyst, "the contract shows it")
    lead.refresh_from_db()
    assert (lead.organisation_code, lead.region_code, lead.state) == (HOSPITAL, "330200", State.ATTRIBUTED)
    assert made.at == T0 + timedelta(days=10)
    assert Attribution.objects.count() == 3
    assert made.reason == "the contract shows it"


def test_not_ours_sets_the_claims_of_who_says_so_aside_and_the_hand_over_comes_back():
    lead = one_lead()
    analyst = holder(person())
    lead = perform(lead, "hand_over", analyst, follows=True)
    re_attribute(lead, analyst, "not ours", not_of=UNIVERSITY)
    lead.refresh_from_db()
    assert (lead.state, lead.organisation_code, lead.region_code) == (State.ATTRIBUTING, "", "330000")
    attribute_to(lead, analyst, HOSPITAL, "the carrier named them by telephone")
    lead.refresh_from_db()
    assert (lead.state, lead.organisation_code, lead.is_public) == (State.ATTRIBUTED, HOSPITAL, True)


def test_what_is_seen_after_a_new_attribution_joins_the_lead_and_no_second_one_opens():
    lead = one_lead()
    analyst = holder(person())
    register(net(HOSPITAL, "10.1.0.7"), layer="verified", source="王检查", effective_ns=0)
    re_attribute(lead, analyst, "the contract shows it")
    intake([sighting("b", first=3)], "s")
    assert Lead.objects.count() == 1
    assert Lead.objects.get().observations_count == 2


def test_a_lead_attributed_to_where_another_one_is_open_joins_it():
    lead = one_lead()
    register(net(HOSPITAL, "10.1.0.7"), layer="verified", source="王检查", effective_ns=0)
    intake([sighting("b", first=3)], "s")
    other = Lead.objects.exclude(pk=lead.pk).get()
    re_attribute(lead, holder(person()), "the contract shows it")
    lead.refresh_from_db()
    assert (lead.state, lead.merged_into) == (State.MERGED, other)
    intake([sighting("c", first=4)], "s")
    assert Lead.objects.filter(state__in=OPEN_STATES).count() == 1


def test_an_attribution_needs_a_reason_a_duty_and_an_open_lead():
    lead = one_lead()
    with pytest.raises(BadUse, match="E-LED-001"):
        re_attribute(lead, holder(person()), " ")
    with pytest.raises(Forbidden):
        re_attribute(lead, holder(person(Duty.LEADER)), "x")
    with pytest.raises(Refused, match="E-WFL-001"):
        re_attribute(close(lead, 10), holder(person()), "x")


# --- merging ---


def test_a_merge_keeps_both_numbers_moves_nothing_and_goes_on_as_long_as_the_other():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    intake([sighting("a"), sighting("b", ip="10.1.0.8")], "s")
    one, other = Lead.objects.order_by("ip")
    analyst = holder(person())
    merge(one, other, analyst, "one computer with two addresses")
    one.refresh_from_db()
    assert (one.state, one.merged_into) == (State.MERGED, other)
    assert Observation.objects.get(source_ref="a").lead == one
    assert policy.find(analyst, Lead, number=one.number) == one
    intake([sighting("c", first=5)], "s")
    assert Observation.objects.get(source_ref="c").lead == one
    close(other, 10)
    intake([sighting("d", first=20)], "s")
    again = Observation.objects.get(source_ref="d").lead
    assert (again.episode, again.relapse_of) == (2, other)
    with pytest.raises(Refused, match="E-WFL-003"):
        merge(again, other, analyst, "closed")
    with pytest.raises(Refused, match="E-WFL-003"):
        merge(again, again, analyst, "itself")


# --- relapses ---


def test_invariant_16_a_repeat_names_its_key_and_reopens_nothing():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.0.255"), net(HOSPITAL, "10.2.0.0", "10.2.0.255"))
    intake([sighting("a", first=1)], "s")
    closed = close(Lead.objects.get(), 10)
    before = closed.snapshot()
    intake(
        [
            sighting("same address", first=20, wallet="x"),
            sighting("same wallet", first=20, ip="10.2.0.1"),
            sighting("same worker", first=20, ip="10.2.0.2", worker="other"),
            sighting("same organisation", first=20, ip="10.1.0.99", wallet="y"),
            sighting("nothing", first=20, ip="10.2.0.3", wallet="z"),
            sighting("before it closed", first=5, ip="10.2.0.4"),
        ],
        "s",
    )
    keys = {o.source_ref: o.lead.relapse_key for o in Observation.objects.select_related("lead")}
    assert keys == {
        "a": "",
        "same address": f"address 10.1.0.7; organisation {UNIVERSITY}",
        "same wallet": "wallet and worker rig1",
        "same worker": "wallet w1",
        "same organisation": f"organisation {UNIVERSITY}",
        "nothing": "",
        "before it closed": "",
    }
    closed.refresh_from_db()
    assert closed.snapshot() == before
    found = relapses_of(Lead.objects.get(ip="10.2.0.1"))
    assert [(r.earlier, r.keys) for r in found] == [(closed, ("wallet and worker rig1",))]
    outsider = holder(person(region=NINGBO))
    assert relapses_of(Lead.objects.get(ip="10.2.0.1"), outsider) == []


# --- projects ---


def project(**more):
    values = {
        "organisation_code": UNIVERSITY, "region_code": XIHU, "name": "共识研究", "scope": "10.1.0.0/24",
        "networks": [[f"{0xFFFF0A010000:032x}", f"{0xFFFF0A0100FF:032x}"]], "coins": ["XMR"],
        "valid_from": date(2021, 1, 1), "valid_to": date(2021, 12, 31), "state": "approved",
        "approved_at": T0 - 30 * DAY,
    }  # fmt: skip
    made = ApprovedProject(**{**values, **more})
    made.save()
    return made


inside = st.tuples(
    st.sampled_from(["10.1.0.7", "10.1.1.7", "10.2.0.7"]),
    st.integers(0, 300),
    st.sampled_from(["XMR", "BTC", None]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(inside, min_size=1, max_size=6))
def test_invariant_13_a_project_covers_only_what_lies_within_scope_and_dates_and_suppresses_nothing(drawn):
    rows = [sighting(f"r{i}", ip=ip, first=day, coin=coin) for i, (ip, day, coin) in enumerate(drawn)]
    with nothing_stays():
        register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
        approved = project()
        intake(rows, "s")
        assert Observation.objects.count() == len(rows)
        for lead in Lead.objects.all():
            seen = lead.observations.all()
            within = lead.ip == "10.1.0.7" and all(
                o.coin == "XMR" and timezone.localdate(o.last_seen) <= approved.valid_to for o in seen
            )
            assert (lead.state == State.PROJECT) == within
            assert (lead.project == approved) == within


def test_invariant_13_what_falls_outside_later_makes_it_a_lead_again():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    project()
    intake([sighting("a")], "s")
    assert Lead.objects.get().state == State.PROJECT
    intake([sighting("b", first=2, coin="BTC")], "s")
    assert Lead.objects.get().state == State.ATTRIBUTED


@pytest.mark.parametrize(
    "more",
    [{"state": "revoked"}, {"state": "applied"}, {"hosts": ["02:00:5e:00:53:07"]}, {"power_cap_kw": 1e-6}],
)
def test_a_project_that_is_not_in_force_or_names_other_hosts_or_less_power_covers_nothing(more):
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    project(**more)
    intake([sighting("a")], "s")
    assert Lead.objects.get().state == State.ATTRIBUTED


def test_an_approval_after_the_first_observation_stands_out_and_who_applies_does_not_approve():
    register()
    officer, approver = person(Duty.OFFICER), person(Duty.APPROVER)
    application = projects.Application(
        UNIVERSITY, "研究", "10.1.0.0/24", ("xmr",), date(2021, 1, 1), date(2021, 12, 31)
    )
    made = projects.apply(application, holder(officer))
    with pytest.raises(Forbidden):
        perform(made, "approve", holder(officer), {"basis": "文"})
    made = perform(made, "approve", holder(approver), {"basis": "浙数〔2021〕1号"})
    assert (made.state, made.approved_by) == ("approved", approver)
    assert projects.is_late(made, one_lead())
    assert Lead.objects.get().state == State.PROJECT
    with pytest.raises(BadUse, match=r"E-PRJ-001.*scope.*coins"):
        projects.apply(
            projects.Application(UNIVERSITY, "x", "10.1", (), date(2021, 1, 1), date(2021, 2, 1)),
            holder(officer),
        )


# --- suppressions ---


def test_invariant_14_a_suppression_has_reason_owner_and_end_and_its_end_brings_the_lead_back():
    lead = one_lead()
    user = person()
    now = timezone.now()
    with pytest.raises(BadUse, match=r"E-SUP-001.*reason.*expires_at"):
        suppress(lead, holder(user), " ", now - DAY)
    made = suppress(lead, holder(user), "the exercise of July", now + 7 * DAY)
    assert made.owner == user

    def aside(at):
        return with_suppression(Lead.objects.all(), at).get().is_suppressed

    assert [aside(now + n * DAY) for n in (-1, 1, 6, 8)] == [False, True, True, False]
    assert Lead.objects.count() == 1
    intake([sighting("b", first=2)], "s")
    assert Observation.objects.count() == 2
    lift(made, holder(user), "it is over")
    assert not aside(timezone.now())
    bad = Suppression(lead=lead, region_code=XIHU, reason="", owner=user, expires_at=now + DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        bad.save()


def test_a_suppression_of_a_network_reaches_its_addresses_only():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.255.255"))
    intake([sighting("a"), sighting("b", ip="10.1.9.9")], "s")
    suppress("10.1.0.0/24", holder(person()), "laboratory", timezone.now() + DAY)
    found = dict(with_suppression(Lead.objects.all()).values_list("ip", "is_suppressed"))
    assert found == {"10.1.0.7": True, "10.1.9.9": False}


# --- counts ---


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["10.1.0.1", "10.1.0.2", "10.2.0.1", "203.0.113.1"]), st.integers(0, 40)),
             max_size=8),
    st.lists(st.sampled_from(["give_up", "send_away", "hand_over"]), max_size=4),
)  # fmt: skip
def test_invariant_04_every_breakdown_sums_to_the_total_as_of_any_time_and_never_changes(drawn, steps):
    with nothing_stays():
        everyone = holder(person())
        register(net(UNIVERSITY, "10.1.0.0", "10.1.0.255"), net(HOSPITAL, "10.2.0.0", "10.2.0.255"))
        moments, told = [timezone.now()], []
        for i, (ip, day) in enumerate(drawn):
            intake([sighting(f"r{i}", ip=ip, first=day)], "s")
            for lead in Lead.objects.filter(state=State.ATTRIBUTED)[: 1 if i < len(steps) else 0]:
                perform(lead, steps[i], everyone, {"reason": "x"}, follows=True)
            moments.append(timezone.now())
            told.append(count_leads(everyone, moments[-1]))
            assert told[-1].total == Lead.objects.count()
        for at, before in zip(moments[1:], told, strict=True):
            figures = count_leads(everyone, at)
            assert figures == before
            assert all(sum(part.values()) == figures.total for part in figures.by.values())
        assert count_leads(everyone, moments[0]).total == 0


def test_counts_hold_only_what_may_be_seen():
    register(net(UNIVERSITY, "10.1.0.0", "10.1.0.255"), net(HOSPITAL, "10.2.0.0", "10.2.0.255"))
    intake([sighting("a"), sighting("b", ip="10.2.0.1")], "s")
    figures = count_leads(holder(person(Duty.OFFICER, NINGBO)), timezone.now())
    assert (figures.total, dict(figures.by["sector"])) == (1, {"卫生": 1})


@pytest.mark.parametrize("held", sorted(set(State.values) - TOLD))
def test_a_contact_knows_of_no_lead_before_it_was_handed_over(held):
    """The contact may be the miner. What it may know of afterwards is shown where letters are tested."""
    lead = one_lead()
    lead.state = held
    lead.save()
    with pytest.raises(Hidden):
        policy.find(holder(person(Duty.CONTACT, XIHU, UNIVERSITY)), Lead, number=lead.number)


# --- registry ---


def test_the_projection_dropped_and_rebuilt_is_the_same():
    register(net(UNIVERSITY, "10.1.0.7"))
    before = {o.pk: o.snapshot() for o in Organisation.objects.all()}
    assert before
    from django.db import connection

    with connection.cursor() as cursor:  # as its owner would, triggers off
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE registry_organisation DISABLE TRIGGER ALL")
        else:
            cursor.execute("DROP TRIGGER registry_organisation_no_delete")
        cursor.execute("DELETE FROM registry_organisation")
    rebuild()
    assert {o.pk: o.snapshot() for o in Organisation.objects.all()} == before
    assert rebuild() == 0
    import time

    assert set(projected(time.time_ns())) == {o.code for o in Organisation.objects.all()}


def test_a_claim_moves_nothing_until_an_analyst_has_looked():
    register()
    user, analyst = person(Duty.CONTACT, XIHU, UNIVERSITY), person()
    made = claims.submit(claims.Told(UNIVERSITY, "10.9.0.0/24", "1024-2047"), holder(user))
    intake([{"ip": "10.9.0.5", "port": 1500, "first": when(1), "source_ref": "a"}], "s")
    assert Lead.objects.get().organisation_code == ""
    with pytest.raises(Forbidden):
        perform(made, "verify", holder(user), {"basis": "x"})
    perform(made, "verify", holder(analyst), {"basis": "the carrier's contract"})
    re_attribute(Lead.objects.get(), holder(analyst), "a verified claim")
    lead = Lead.objects.get()
    assert lead.organisation_code == UNIVERSITY
    assert Attribution.objects.latest("made_at").claims[0]["layer"] == "verified"
    with pytest.raises(BadUse, match=r"E-CLM-001.*network.*ports"):
        claims.submit(claims.Told(UNIVERSITY, "10.9", "99999"), holder(user))
    with pytest.raises(Forbidden):
        claims.submit(claims.Told(HOSPITAL, "10.9.0.0/24"), holder(user))


def test_contacts_are_masked_and_unmasked_for_a_purpose_that_the_audit_keeps():
    one = ContactPoint(
        organisation_code=UNIVERSITY,
        region_code=XIHU,
        name="欧阳文清",
        phone="13800001234",
        email="wq@example.cn",
    )
    one.save()
    assert one.masked() == {"name": "欧***", "phone": "138******34", "email": "w*@example.cn"}
    assert one.is_stale()
    with pytest.raises(BadUse, match="E-REG-030"):
        unmask(one, holder(person()), " ")
    with pytest.raises(Forbidden):
        unmask(one, holder(person(Duty.AUDITOR)), "curious")
    assert unmask(one, holder(person()), "to announce the visit")["phone"] == "13800001234"
    last = AuditEvent.objects.latest("seq")
    assert (last.action, last.reason) == ("contact.unmask", "to announce the visit")
    assert "13800001234" not in "".join(AuditEvent.objects.values_list("changes", flat=True))


def test_the_audit_tells_all_that_intake_and_persons_did():
    lead = one_lead()
    intake([sighting("b", first=3), sighting("c", ip="10.1.0.8")], "s")
    lead.refresh_from_db()
    re_attribute(lead, holder(person()), "again", not_of=UNIVERSITY)
    assert [b.message for b in replay().breaches] == []


def test_the_state_that_tests_compare_holds_every_field_that_matters():
    one_lead()
    told = state()[0][0]
    assert {"tier", "accepted_shares", "bounds", "organisation_code", "attribution", "relapse_key"} <= set(
        told
    )
