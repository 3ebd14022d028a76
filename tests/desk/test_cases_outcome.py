"""What becomes of a case: rectified, rechecked by other eyes or silence, closed, come back; disposal and figures."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.replay import replay
from davylamp.desk.cases import coverage, disposal, figures, people, recurrence, remedy, work
from davylamp.desk.cases.models import (
    CaseState,
    Determination,
    EvidenceItem,
    Figure,
    Hypothesis,
    Label,
    Objection,
    Recheck,
    Rectification,
    Recurrence,
)
from davylamp.desk.cases.remedy import Done
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.leads.models import Lead, State
from davylamp.errors import BadUse
from davylamp.sizing.coins import Day, Series, Spell, mined
from davylamp.sizing.quantities import Hashrate
from davylamp.sizing.quantities_bounds import at_least, bounded, read_amount
from desk.casework import Office, lead, observe
from desk.people import HANGZHOU, XIHU, holder, organisation, person

pytestmark = pytest.mark.usefixtures("in_english")

BUSY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DAY = timedelta(days=1)


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def contact():
    organisation("ORG1")
    return holder(person(Duty.CONTACT, XIHU, "ORG1"))


def later(days=10):
    return timezone.now() + days * DAY


def asked(office, case):
    return remedy.issue(
        office.reviewer, remedy.draft(office.drafter, case, "4 rigs", ["拆除", "改密码"], later())
    )


def done(days_ago=0.0, **fields):
    at = timezone.now() - days_ago * DAY - timedelta(seconds=5)
    return Done(
        "网络中心",
        at,
        "removed",
        no_snapshot_because=fields.pop("because", "seized before cleaning"),
        **fields,
    )


def awaiting(office, contact, days_ago=0.0, **fields):
    """A case whose rectification was accepted."""
    case = office.case(**fields)
    office.determined(case)
    found = remedy.report(contact, asked(office, case), done(days_ago))
    remedy.accept(office.reviewer, found)
    case.refresh_from_db()
    return case


def cover(network, start, end, sensor="s1", **fields):
    row = {
        "source_ref": f"{sensor}/{network}/{start.isoformat()}/{end.isoformat()}", "sensor": sensor,
        "network": network, "starts_at": start, "ends_at": end, "seen_share": 1.0, "dropped_share": 0.0,
    }  # fmt: skip
    return row | fields


def take_in(*rows):
    return coverage.take_in(holder(person(Duty.ANALYST)), "ledger", list(rows))


# --- rectification ---------------------------------------------------------------------------------------------


def test_a_rectification_runs_its_course_and_case_and_leads_follow(office, contact):
    case = office.case()
    office.determined(case)
    found = asked(office, case)
    case.refresh_from_db()
    assert case.state == CaseState.RECTIFYING
    found = remedy.report(contact, found, done(proof_name="../照片.jpg"), [b"photo"])
    assert (found.proof_name, len(found.proof_sha256)) == ("照片.jpg", 64)
    found = remedy.send_back(office.reviewer, found, "the watchdog is still there")
    found = remedy.accept(office.reviewer, remedy.report(contact, found, done()))
    case.refresh_from_db()
    assert (found.state, case.state) == ("accepted", CaseState.RECHECK)
    assert set(Lead.objects.filter(case_links__case=case).values_list("state", flat=True)) == {State.RECHECK}
    assert replay().is_sound


def test_the_hosts_state_is_taken_before_it_is_cleaned_or_a_reason_is_given(office, contact):
    case = office.case()
    office.determined(case)
    found = asked(office, case)
    with pytest.raises(Refused, match="state was not taken"):
        remedy.report(contact, found, done(because=""))
    office.snapshot(case, collected_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(Refused, match="state was not taken"):
        remedy.report(contact, found, done(days_ago=1, because=""))  # cleaned before the snapshot
    assert remedy.report(contact, found, done(because="")).snapshot_before is not None


def test_who_drafts_does_not_issue_and_who_reports_does_not_accept(office, contact):
    case = office.case()
    office.determined(case)
    found = remedy.draft(office.reviewer, case, "4 rigs", ["拆除"], later())
    with pytest.raises(Refused, match="drafted"):
        remedy.issue(office.reviewer, found)
    found = remedy.report(office.officer, remedy.issue(office.third, found), done())
    with pytest.raises(Refused, match="reported"):
        remedy.accept(office.officer, found)
    with pytest.raises(Forbidden):
        remedy.accept(contact, found)


def test_nothing_is_asked_of_an_organisation_before_a_determination_is_in_effect(office):
    found = remedy.draft(office.drafter, office.case(), "4 rigs", ["拆除"], later())
    with pytest.raises(Refused, match="no determination"):
        remedy.issue(office.reviewer, found)


def test_invariant_08_a_contact_reads_of_its_case_what_was_issued_to_it_and_nothing_else(office, contact):
    case = office.case()
    found = office.determined(case)
    office.snapshot(case)
    work.suppose(office.drafter, case, "insider", "the contact himself")
    people.add_person(office.officer, case, "official", "suspect", people.Identity("张三"))
    draft = remedy.draft(office.drafter, case, "4 rigs", ["拆除"], later())
    assert not policy.visible(contact, Rectification).exists()
    issued = remedy.issue(office.reviewer, draft)
    elsewhere = office.case(organisation="ORG2")
    office.determined(elsewhere)
    asked(office, elsewhere)
    assert list(policy.visible(contact, Rectification)) == [issued]
    from davylamp.desk.cases import models

    closed = [
        m
        for m in (getattr(models, name) for name in models.__all__)
        if hasattr(m, "_meta") and m != Rectification
    ]
    assert len(closed) > 20
    assert [m for m in closed if policy.visible(contact, m).exists()] == []
    for hidden in (case, found):
        with pytest.raises(Hidden):
            policy.check(contact, "read", hidden)
    assert {EvidenceItem, Hypothesis, Determination, Objection} <= set(closed)


def test_a_contact_who_may_be_the_miner_is_shown_nothing_and_an_officer_reports_instead(office, contact):
    case = office.case()
    office.determined(case)
    found = asked(office, case)
    work.answer_contact(office.drafter, case, True, "the host stands in his room")
    assert not policy.visible(contact, Rectification).exists()
    with pytest.raises(Hidden):
        remedy.report(contact, found, done())
    assert remedy.report(office.officer, found, done()).state == "reported"


@pytest.mark.parametrize("at", ["yesterday", None, timezone.now() + DAY, 5])
def test_a_step_taken_without_its_service_is_held_to_the_same_rules(office, contact, at):
    case = office.case()
    office.determined(case)
    found = asked(office, case)
    with pytest.raises(Refused, match=r"E-WFL-00[23]"):
        perform(
            found,
            "report",
            contact,
            {"done_by": "x", "report": "x", "done_at": at, "no_snapshot_because": "x"},
        )
    for to in ("nobody", "00000000-0000-0000-0000-000000000000", 7):
        with pytest.raises(Refused, match="no such colleague"):
            perform(case, "assign", office.drafter, {"to": to})


# --- recheck and closing -----------------------------------------------------------------------------------------


def test_invariant_15_nobody_closes_without_a_recheck_by_someone_else(office, contact):
    case = awaiting(office, contact)
    with pytest.raises(Refused, match="nobody rechecked"):
        perform(case, "close", office.reviewer, {"reason": "done"})
    with pytest.raises(Hidden):
        remedy.recheck_by_visit(contact, case, True, timezone.now(), "all gone")
    from desk.people import post

    both = person(Duty.CONTACT, XIHU, "ORG1")
    post(both, Duty.OFFICER, HANGZHOU)
    with pytest.raises(Refused, match="E-CAS-051"):
        remedy.recheck_by_visit(holder(both), case, True, timezone.now(), "all gone")
    remedy.recheck_by_visit(office.third, case, False, timezone.now(), "one rig is left")
    with pytest.raises(Refused, match="not clean"):
        perform(case, "close", office.reviewer, {"reason": "done"})
    remedy.recheck_by_visit(office.third, case, True, timezone.now(), "all gone")
    closed = perform(case, "close", office.reviewer, {"reason": "done"})
    assert closed.closed_at
    assert "all gone" in closed.closing_ground
    assert set(Lead.objects.filter(case_links__case=case).values_list("state", flat=True)) == {State.CLOSED}
    with pytest.raises(Refused, match="E-CAS-001"):
        work.suppose(office.drafter, case, "insider", "late")


def test_invariant_15_who_reported_the_rectification_does_not_recheck_it(office):
    case = office.case()
    office.determined(case)
    remedy.accept(office.reviewer, remedy.report(office.officer, asked(office, case), done()))
    with pytest.raises(Refused, match="E-CAS-051"):
        remedy.recheck_by_visit(office.officer, case, True, timezone.now(), "all gone")


@BUSY
@given(
    st.lists(st.tuples(st.integers(0, 44), st.integers(1, 44), st.booleans()), max_size=6),
    st.integers(min_value=25, max_value=44),
)
def test_invariant_15_silence_closes_only_where_sensors_could_have_seen_every_day(office, spans, quiet_days):
    end = timezone.now()
    start = end - quiet_days * DAY
    with transaction.atomic():
        case = office.case(ip="198.51.100.7", seen=start - timedelta(hours=2))
        office.determined(case, Label.UNDETERMINED)
        case = perform(case, "await_recheck", office.reviewer)
        rows, covered = [], set()
        for n, (first, length, is_good) in enumerate(spans):
            last = min(first + length, 45)
            span = (end - (45 - first) * DAY, end - (45 - last) * DAY)
            rows.append(cover("198.51.100.0/24", *span, f"s{n}", dropped_share=0.0 if is_good else 0.5))
            covered |= set(range(first, last)) if is_good else set()
        take_in(*rows)
        needed = set(range(45 - quiet_days, 45))
        if quiet_days >= remedy.QUIET_DAYS and needed <= covered:
            found = remedy.recheck_by_silence(office.third, case, end)
            assert found.coverage[0]["ip"] == "198.51.100.7"
            assert perform(case, "close", office.reviewer, {"reason": "quiet"}).state == CaseState.CLOSED
        else:
            with pytest.raises(Refused, match=r"E-CAS-05[34]"):
                remedy.recheck_by_silence(office.third, case, end)
            with pytest.raises(Refused, match="nobody rechecked"):
                perform(case, "close", office.reviewer, {"reason": "quiet"})
        transaction.set_rollback(True)


def test_invariant_15_the_refusal_names_the_gap(office, contact):
    case = awaiting(office, contact, days_ago=40, ip="198.51.100.7", seen=timezone.now() - 50 * DAY)
    end = timezone.now()
    hole = end - 20 * DAY
    take_in(cover("198.51.100.0/24", end - 60 * DAY, hole), cover("198.51.100.0/24", hole + 2 * DAY, end))
    with pytest.raises(Refused, match=f"198.51.100.7: {timezone.localtime(hole):%Y-%m-%d %H:%M}"):
        remedy.recheck_by_silence(office.third, case, end)
    take_in(cover("198.51.100.0/28", hole, hole + 2 * DAY, "s2"))
    assert remedy.recheck_by_silence(office.third, case, end).kind == Recheck.Kind.QUIET


def test_invariant_15_an_observation_in_the_quiet_days_breaks_them(office, contact):
    case = awaiting(office, contact, days_ago=40, ip="198.51.100.7", seen=timezone.now() - 50 * DAY)
    end = timezone.now()
    take_in(cover("198.51.100.0/24", end - 60 * DAY, end))
    observe(recurrence.leads_of(case).first(), end - 3 * DAY)
    with pytest.raises(Refused, match="E-CAS-053"):
        remedy.recheck_by_silence(office.third, case, end)


@pytest.mark.parametrize(
    "fields",
    [{"seen_share": 0.5}, {"dropped_share": 0.2}, {"sampling": 1000}, {"network": "198.51.101.0/24"}],
)
def test_a_sensor_that_could_not_have_seen_it_proves_nothing(fields):
    end = timezone.now()
    network = fields.pop("network", "198.51.100.0/24")
    take_in(cover(network, end - 10 * DAY, end, **fields))
    assert [(g.starts_at, g.ends_at) for g in coverage.gaps("198.51.100.7", end - 5 * DAY, end)] == [
        (end - 5 * DAY, end)
    ]


def test_many_short_gaps_are_a_gap():
    end = timezone.now().replace(minute=0, second=0, microsecond=0)
    hour = timedelta(hours=1)
    take_in(*[cover("198.51.100.0/24", end - (n + 1) * hour, end - n * hour - hour / 2) for n in range(48)])
    assert len(coverage.gaps("198.51.100.7", end - 48 * hour, end)) == 48


def test_coverage_comes_in_once_and_faulty_rows_come_back_with_reasons():
    end = timezone.now()
    good = cover("198.51.100.0/24", end - DAY, end)
    bad = {"source_ref": "", "sensor": "s", "network": "198.51.100.1/24", "starts_at": "2021-07-01", "ends_at": end,
           "seen_share": 2, "dropped_share": True, "sampling": 0}  # fmt: skip
    first = take_in(good, bad, good)
    assert (first.new, first.known, len(first.refused)) == (1, 1, 1)
    assert first.refused[0]["message"].count(";") == 5
    again = take_in(good)
    assert (again.new, again.known) == (0, 1)
    assert replay().is_sound
    with pytest.raises(Forbidden):
        coverage.take_in(holder(person(Duty.OFFICER)), "ledger", [good])


# --- coming back -----------------------------------------------------------------------------------------------


def closed_case(office, **fields):
    case = office.case(**fields)
    office.determined(case, Label.FALSE_ALARM)
    return perform(case, "close", office.reviewer, {"reason": "false alarm"})


@pytest.mark.parametrize(
    ("same", "key"),
    [
        ({"organisation": "ORG1"}, "organisation"),
        ({"host": "aa:bb:cc:dd:ee:ff"}, "device"),
        ({"wallet": "0x" + "a" * 40}, "wallet"),
        ({"worker": "zhangsan-01"}, "worker"),
    ],
)
def test_invariant_16_a_new_observation_after_closing_on_the_same_key_is_a_repeat(office, same, key):
    first = closed_case(office, **{"organisation": "ORG0"} | same)
    case = office.case(**{"organisation": "ORG9"} | same, seen=first.closed_at + timedelta(seconds=1))
    (found,) = case.recurrences.all()
    assert (found.earlier, found.key) == (first, key)
    assert found.value == next(iter(same.values()))


def test_invariant_16_an_observation_from_before_the_closing_is_none_however_late_it_came(office):
    first = closed_case(office)
    assert not office.case(seen=first.closed_at - timedelta(hours=1)).recurrences.exists()


def test_invariant_16_a_person_ties_cases_without_being_named(office):
    first = closed_case(office, organisation="ORG7")
    who = people.Identity("张三", "330106199001011234")
    people.add_person(office.officer, first, "official", "user", who)
    case = office.case(seen=first.closed_at + timedelta(seconds=1))
    people.add_person(office.officer, case, "official", "user", who)
    (found,) = case.recurrences.all()
    assert (found.key, found.value) == ("person", "")


@pytest.mark.parametrize("worker", ["x", "rig1", "DEFAULT", "001"])
def test_a_workers_name_that_everybody_uses_ties_nothing(office, worker):
    first = closed_case(office, organisation="ORG7", worker=worker)
    assert not office.case(worker=worker, seen=first.closed_at + timedelta(seconds=1)).recurrences.exists()
    assert not Recurrence.objects.exists()


# --- disposal --------------------------------------------------------------------------------------------------


def thing(**fields):
    given = {"what": "矿机", "state": "sealed", "authority": "网信办", "authority_no": "封〔2021〕1号",
             "seal_no": "F01", "seized_at": timezone.now(), "serials": ["A1", "A2"], "count": 4}  # fmt: skip
    return disposal.Thing(**given | fields)


def test_a_seized_thing_leaves_by_a_numbered_decision_only(office):
    case = office.case()
    with pytest.raises(Forbidden):
        disposal.seize(office.drafter, case, thing())
    item = disposal.seize(office.officer, case, thing())
    now = timezone.now()
    with pytest.raises(Refused, match="E-CAS-002"):
        disposal.dispose(office.officer, item, "confiscated", now, "法院", "")
    with pytest.raises(Refused, match="E-CAS-061"):
        disposal.dispose(office.officer, item, "destroyed", now, "法院", "判〔2022〕3号")
    disposal.dispose(office.officer, item, "confiscated", now, "法院", "判〔2022〕3号")
    disposal.dispose(office.officer, item, "destroyed", now, "法院", "判〔2022〕4号")
    item.refresh_from_db()
    assert (item.state, item.events.count()) == ("destroyed", 2)
    with pytest.raises(BadUse, match="E-AUD-004"):
        item.delete()


def test_everything_missing_from_a_seizure_is_told_at_once(office):
    bad = thing(
        authority_no="", seal_no="", serials=["A", "A", "B"], count=2, photos=["x"], state="destroyed"
    )
    with pytest.raises(Refused, match="E-CAS-060") as caught:
        disposal.seize(office.officer, office.case(), bad)
    assert caught.value.message.count(";") == 4


def test_a_gain_has_a_rule_a_day_and_a_price_source(office):
    case = office.case()
    coins = disposal.stated_coins(bounded(2.4), "ETH", "CNY", "exchange account")
    with pytest.raises(BadUse, match="E-COI-006"):
        disposal.note_gain(office.officer, case, coins, "sale", price=18000.0, price_source="receipt")
    with pytest.raises(Refused, match="E-CAS-062"):
        disposal.note_gain(office.officer, case, coins, "sale", days=[(date(2021, 5, 1), 1.0)], price=18000.0)
    gain = disposal.note_gain(
        office.officer,
        case,
        coins,
        "sale",
        days=[(date(2021, 5, 1), 1.0)],
        price=17916.67,
        price_source="receipt",
    )
    assert round(gain.value) == 43000
    assert "2021-05-01" in gain.as_of
    series = Series("ETH", "ethash", "CNY", "s.csv", tuple(
        Day(date(2021, 5, d), 6e14, 13500.0, 18000.0 + d) for d in range(1, 5)))  # fmt: skip
    earned = mined(Hashrate.of(800e6, "H/s", "ethash"), series, Spell(date(2021, 5, 1), date(2021, 5, 4)))
    by_day = disposal.note_gain(office.officer, case, earned, "mining day")
    assert by_day.price_source == "s.csv"
    assert by_day.value_low <= by_day.value <= by_day.value_high


def test_streams_stay_apart_and_the_form_offers_only_what_the_duty_may_use(office):
    case = office.case()
    offered = {m.key for m in disposal.measures_for(office.officer, case)}
    assert "talk" in offered
    assert {m.stream for m in disposal.measures_for(office.reviewer, case)} == {"administrative"}
    assert disposal.measures_for(office.drafter, case) == []
    now = timezone.now()
    someone = people.add_person(office.officer, case, "official", "user", people.Identity("张三"))
    with pytest.raises(Refused, match="E-CAS-064"):
        disposal.sanction(office.reviewer, case, "demotion", "监委", "监〔2021〕1号", now, person=someone)
    with pytest.raises(Refused, match="E-CAS-064"):
        disposal.sanction(office.officer, case, "fine", "网信办", "罚〔2021〕1号", now)
    with pytest.raises(Refused, match="E-CAS-065"):
        disposal.sanction(office.officer, case, "talk", "网信办", "谈〔2021〕1号", now)
    sent = disposal.refer(office.reviewer, case, "supervisory", "监委", "移〔2021〕1号", now, someone)
    with pytest.raises(Refused, match="E-CAS-043"):
        people.erase(office.reviewer, someone, "cleared")
    disposal.answer(office.reviewer, sent, "降级", "监〔2021〕1号", timezone.now())
    with pytest.raises(Refused, match="E-CAS-066"):
        disposal.sanction(office.reviewer, case, "demotion", "监委", "监〔2021〕1号", now, person=someone)
    made = disposal.sanction(
        office.reviewer, case, "demotion", "监委", "监〔2021〕1号", now, person=someone, referral=sent
    )
    assert made.stream == "supervisory"
    with pytest.raises(Refused, match="E-CAS-064"):
        disposal.sanction(
            office.reviewer, case, "sentence", "法院", "判1", now, person=someone, referral=sent
        )


# --- figures ---------------------------------------------------------------------------------------------------


@BUSY
@given(
    st.sampled_from(["A", "D", "", "E"]),
    st.sampled_from(["energy-1", "", " "]),
    st.lists(st.sampled_from(["4 rigs of 1.2 kW", "", " "]), max_size=2),
)
def test_invariant_17_no_figure_without_grade_method_inputs_and_set(office, grade, method, inputs):
    case = office.case()
    is_whole = grade in "ABCD" and grade and method.strip() and any(i.strip() for i in inputs)
    if is_whole:
        made = figures.note_energy(office.drafter, case, bounded(3456.0), grade, method, inputs)
        assert all((made.grade, made.method, made.inputs, made.factor_set, made.unit))
    else:
        with pytest.raises(Refused, match="E-CAS-070"):
            figures.note_energy(office.drafter, case, bounded(3456.0), grade, method, inputs)


@pytest.mark.parametrize(
    "missing", [{"grade": ""}, {"method": ""}, {"factor_set": ""}, {"inputs": []}, {"unit": ""}]
)
def test_invariant_17_the_database_refuses_a_figure_without_its_origin(office, missing):
    whole = {"quantity": "kwh", "unit": "kWh", "estimate": 1.0, "grade": "A", "method": "m", "inputs": ["i"],
             "factor_set": "none"}  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Figure(case=office.case(), **whole | missing).save()


def test_invariant_18_co2_comes_from_an_energy_never_from_coal_and_both_sets_are_named(office):
    case = office.case()
    energy = figures.note_energy(
        office.drafter, case, bounded(1000.0), "B", "energy-1", ["a list of devices"]
    )
    co2 = figures.note_mass(office.drafter, energy, "CO2", "MEE-2021-national")
    assert (co2.estimate, co2.factor_set, co2.basis_id) == (
        pytest.approx(556.8),
        "MEE-2021-national",
        energy.pk,
    )
    with pytest.raises(Refused, match="E-CAS-071"):
        figures.note_mass(office.drafter, co2, "coal", "MEE-2021-national")
    with pytest.raises(BadUse, match="E-FAC"):
        figures.note_mass(office.drafter, energy, "CO2", "MEE-2022-Zhejiang")
    with pytest.raises(IntegrityError), transaction.atomic():
        Figure(case=case, quantity="co2_kg", unit="kg", estimate=1.0, grade="A", method="m", inputs=["i"],
               factor_set="s").save()  # fmt: skip


@pytest.mark.parametrize("text", ["500余", "约60", "≤ 68", "200-300", "432"])
def test_invariant_20_bounds_stay_through_storage_and_arithmetic(office, text):
    amount = read_amount(text).amount
    made = figures.note_energy(office.drafter, office.case(), amount, "D", "stated", ["the office's list"])
    made.refresh_from_db()
    assert figures.amount_of(made) == amount
    co2 = figures.note_mass(office.drafter, made, "CO2", "MEE-2021-national")
    assert (co2.high is None) == math.isinf(amount.high)
    assert figures.amount_of(co2).about == amount.about


def test_a_lower_bound_is_stored_without_an_upper_one(office):
    made = figures.note_energy(office.drafter, office.case(), at_least(500.0), "D", "stated", ["x"])
    assert (made.low, made.high) == (500.0, None)


def test_times_are_aware_and_not_in_the_future(office):
    case = office.case()
    for at in (datetime(2021, 1, 1), datetime(2999, 1, 1, tzinfo=UTC)):
        with pytest.raises(Refused, match="E-CAS-003"):
            disposal.refer(office.officer, case, "criminal", "公安局", "移1", at)


def test_a_case_of_two_leads_is_quiet_when_both_are(office):
    case = work.open_case(office.drafter, [lead(ip="198.51.100.7"), lead(ip="198.51.100.9")])
    assert remedy._addresses(case) == ["198.51.100.7", "198.51.100.9"]
