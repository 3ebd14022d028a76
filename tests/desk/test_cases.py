"""Cases: from leads to a determination, on evidence that holds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.audit.replay import replay
from davylamp.desk.cases import determination, work
from davylamp.desk.cases.models import Case, CaseState, Determination, Label, Proves, Side, TaskTemplate
from davylamp.desk.cases.tables import indicators, measures, shipped_tasks
from davylamp.desk.core.workflow import Refused, available, perform
from davylamp.desk.leads.models import Lead, State
from desk.casework import SIGNS, Office, lead
from desk.people import HANGZHOU, NINGBO, XIHU, holder, person

pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture
def office():
    return Office()


def lead_state(case):
    return set(Lead.objects.filter(case_links__case=case).values_list("state", flat=True))


# --- opening ---------------------------------------------------------------------------------------------------


def test_a_case_takes_its_leads_into_verification_and_its_number_is_drawn(office):
    first, second = lead(), lead()
    case = work.open_case(office.drafter, [first, second], "机房")
    assert lead_state(case) == {State.VERIFYING}
    assert case.state == CaseState.VERIFYING
    assert case.number.startswith("C-")
    assert set(case.tasks.values_list("key", flat=True)) == {
        key for key, row in shipped_tasks().items() if row.when == "always"
    }
    assert replay().is_sound


def test_a_case_is_about_one_organisation_and_a_lead_is_in_one_case(office):
    one = lead(organisation="ORG1")
    with pytest.raises(Refused, match="E-CAS-011"):
        work.open_case(office.drafter, [one, lead(organisation="ORG2")])
    work.open_case(office.drafter, [one])
    with pytest.raises(Refused, match="E-CAS-012"):
        work.open_case(office.drafter, [one])


def test_a_lead_that_cannot_be_verified_opens_no_case_and_changes_nothing(office):
    with pytest.raises(Refused, match="E-CAS-012"):
        work.open_case(office.drafter, [lead(), lead(state=State.NEW)])
    assert not Case.objects.exists()
    assert not Lead.objects.filter(state=State.VERIFYING).exists()


def test_a_case_outside_the_holders_reach_is_not_opened(office):
    with pytest.raises(Hidden):
        work.open_case(office.drafter, [lead(region=NINGBO)])
    with pytest.raises(Forbidden):
        work.open_case(holder(person(Duty.LEADER, HANGZHOU)), [lead()])


def test_a_released_lead_goes_back_to_be_attributed_and_may_join_another_case(office):
    one = lead()
    case = work.open_case(office.drafter, [one])
    work.release_lead(office.drafter, case, one, "not theirs at that time")
    assert Lead.objects.get(pk=one.pk).state == State.ATTRIBUTING


# --- tasks and hypotheses --------------------------------------------------------------------------------------


def test_power_is_not_switched_off_before_what_it_destroys_was_taken(office):
    case = office.case()
    tasks = {t.key: t for t in case.tasks.all()}
    with pytest.raises(Refused, match="E-CAS-016"):
        work.finish_task(office.drafter, tasks["power_off"])
    for key in ("ask_second_channel", "find_host", "memory_and_gpu", "snapshot_host"):
        work.finish_task(office.drafter, tasks[key])
    work.finish_task(office.drafter, tasks["miner_api"], set_aside="no interface is open")
    assert work.finish_task(office.drafter, tasks["power_off"]).done_at


def test_an_office_words_a_task_its_own_way_for_cases_to_come(office):
    admin = holder(person(Duty.ADMIN, HANGZHOU))
    work.edit_template(admin, "interview", title="询问两人在场")
    work.edit_template(admin, "power_off", is_used=False)
    work.edit_template(admin, "own_task", title="向分管领导汇报", position=5)
    keys = {t.key: t.title for t in office.case().tasks.all()}
    assert keys["interview"] == "询问两人在场"
    assert "power_off" not in keys
    assert keys["own_task"] == "向分管领导汇报"
    with pytest.raises(Forbidden):
        work.edit_template(office.drafter, "interview", title="x")
    assert TaskTemplate.objects.count() == 3


def test_a_hypothesis_is_held_or_dropped_on_a_written_reason_only(office):
    case = office.case()
    found = work.suppose(office.drafter, case, "malware", "a dropper")
    with pytest.raises(Refused, match="E-CAS-014"):
        work.weigh(office.drafter, found, "held", "clear")
    work.argue(office.drafter, found, True, "its hash is known")
    assert work.weigh(office.drafter, found, "held", "clear").state == "held"
    with pytest.raises(Refused, match="E-CAS-014"):
        work.weigh(office.drafter, found, "dropped", "after all not")


# --- determination ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", Label.values)
def test_every_label_can_take_effect_and_the_leads_follow(office, label):
    case = office.case()
    found = office.determined(case, label)
    assert (found.label, case.label, case.state) == (label, label, CaseState.DETERMINED)
    assert lead_state(case) == {State.DETERMINED}
    assert replay().is_sound


def test_invariant_06_who_drafts_a_determination_does_not_review_it(office):
    both = person(Duty.ANALYST, HANGZHOU)
    from desk.people import post

    post(both, Duty.APPROVER, HANGZHOU)
    one = holder(both)
    case = office.case()
    found = determination.draft(one, case, Label.UNDETERMINED, "nothing shows")
    determination.submit(one, found)
    with pytest.raises(Refused, match="E-WFL-003"):
        determination.review(one, found)
    with pytest.raises(Refused, match="E-WFL-003"):
        perform(found, "review", one)
    assert determination.review(office.reviewer, found).reviewed_by_id == office.reviewer.user_id


def active(office, case, *pairs):
    found = determination.draft(office.drafter, case, Label.ACTIVE, "why")
    for sign, item in pairs:
        determination.mark(office.drafter, found, sign, item)
    return found


def test_invariant_09_active_needs_two_independent_kinds_one_from_the_host(office):
    case = office.case()
    network = office.take(case, Side.NETWORK)
    found = active(office, case, ("worker_names_person", network))
    with pytest.raises(Refused, match="from the host itself"):
        determination.submit(office.drafter, found)
    host = office.take(case, Side.HOST)
    for item in (host, office.take(case, Side.HOST)):
        determination.mark(office.drafter, found, "installed_by_named_account", item)
    determination.take_back(office.drafter, found.marks.get(evidence=network), "not his name")
    with pytest.raises(Refused, match="second kind"):
        determination.submit(office.drafter, found)
    determination.mark(office.drafter, found, "confession", office.take(case, Side.PERSON))
    assert determination.submit(office.drafter, found).state == Determination.State.SUBMITTED


def test_invariant_09_what_stems_from_one_original_is_one_witness(office):
    case = office.case()
    image = office.take(case, Side.HOST)
    pcap = office.take(case, Side.NETWORK, derived_from=image)
    found = active(office, case, ("installed_by_named_account", image), ("worker_names_person", pcap))
    with pytest.raises(Refused, match="same original"):
        determination.submit(office.drafter, found)


def test_invariant_09_the_rule_holds_at_the_review_too(office):
    case = office.case()
    host, network = office.take(case, Side.HOST), office.take(case, Side.NETWORK)
    found = active(office, case, ("installed_by_named_account", host), ("worker_names_person", network))
    determination.submit(office.drafter, found)
    from davylamp.desk.cases import evidence
    from davylamp.desk.core import vault

    place = vault.place_of(host.sha256)
    place.chmod(0o600)
    place.write_bytes(b"other")
    evidence.check(office.officer, host, "before the review")
    with pytest.raises(Refused, match="damaged"):
        determination.review(office.reviewer, found)


def test_invariant_09_equipment_is_device_software_and_pool_record_or_an_exception(office):
    case = office.case()
    host, network = office.take(case, Side.HOST), office.take(case, Side.NETWORK)
    found = active(office, case, ("installed_by_named_account", host), ("worker_names_person", network))
    determination.revise(office.drafter, found, is_equipment=True)
    with pytest.raises(Refused, match="device, mining software, pool access record"):
        determination.submit(office.drafter, found)
    for proves in (Proves.DEVICE, Proves.SOFTWARE):
        office.take(case, Side.HOST, proves=proves)
    with pytest.raises(Refused, match="needs pool access record"):
        determination.submit(office.drafter, found)
    determination.revise(office.drafter, found, equipment_exception="the pool keeps no records of that year")
    assert determination.submit(office.drafter, found)


def test_a_sign_is_shown_by_evidence_of_its_own_side_and_case_only(office):
    case, other = office.case(), office.case()
    found = determination.draft(office.drafter, case, Label.ACTIVE, "why")
    with pytest.raises(Refused, match="E-CAS-022"):
        determination.mark(office.drafter, found, "payout_to_staff", office.take(case, Side.NETWORK))
    with pytest.raises(Refused, match="E-CAS-022"):
        determination.mark(office.drafter, found, "payout_to_staff", office.take(other, Side.FINANCIAL))


def test_an_objection_leads_to_a_new_edition_and_the_old_one_is_never_edited(office):
    case = office.case()
    first = office.determined(case, Label.ACTIVE)
    with pytest.raises(Refused, match="E-CAS-021"):
        determination.revise(office.drafter, first, label=Label.PASSIVE)
    said = determination.object_to(office.officer, first, "校办主任", timezone.now(), "it was a trojan")
    second = determination.draft(office.drafter, case, Label.PASSIVE, "they are right", because_of=said)
    assert second.marks.count() == first.marks.count()
    determination.mark(office.drafter, second, "known_family_hash", office.take(case, Side.HOST))
    with pytest.raises(Refused, match="grade the incident"):
        determination.submit(office.drafter, second)
    work.grade_incident(office.drafter, case, "none", "other", timezone.now())
    determination.submit(office.drafter, second)
    second = determination.review(office.reviewer, second)
    first.refresh_from_db()
    case.refresh_from_db()
    assert (first.state, first.label, second.replaces_id, second.is_relabel) == (
        "superseded", "active", first.pk, True,
    )  # fmt: skip
    assert case.label == Label.PASSIVE
    counts = determination.relabels(office.reviewer)
    assert counts == {"ORG1": {("active", "passive"): 1}}
    assert determination.relabels(holder(person(Duty.OFFICER, NINGBO))) == {}


def test_the_score_is_advice_with_an_honest_sentence_and_damaged_evidence_does_not_count(office):
    case = office.case()
    host, network = office.take(case, Side.HOST), office.take(case, Side.NETWORK)
    found = active(office, case, ("installed_by_named_account", host), ("worker_names_person", network))
    determination.mark(office.drafter, found, "worker_names_person", office.take(case, Side.HOST))
    score = determination.worksheet.score(found)
    assert score.points["active"] == 4  # a sign counts once, however many items show it
    assert "not a probability" in score.sentence
    assert "point to" in score.sentence


def test_the_label_is_a_persons_choice_against_the_score(office):
    case = office.case()
    host = office.take(case, Side.HOST)
    found = determination.draft(office.drafter, case, Label.UNDETERMINED, "one sign is too little")
    determination.mark(office.drafter, found, "known_family_hash", host)
    assert determination.submit(office.drafter, found).score == {"passive": 3.0}


def test_only_one_edition_is_worked_on_at_a_time(office):
    case = office.case()
    determination.draft(office.drafter, case, Label.ACTIVE, "why")
    with pytest.raises(Refused, match="E-CAS-020"):
        determination.draft(office.officer, case, Label.PASSIVE, "why")


def test_consequences_are_no_buttons(office):
    case = office.case()
    office.determined(case)
    names = {s.name for h in (office.drafter, office.reviewer, office.officer) for s in available(case, h)}
    assert not names & {"determine", "relabel", "rectify"}
    assert "verify_again" in names
    with pytest.raises(Forbidden):
        perform(case, "relabel", office.reviewer, {"label": "passive"})


# --- who sees what ---------------------------------------------------------------------------------------------


def test_an_inspector_sees_the_cases_of_its_team_only_while_it_belongs_to_it(office):
    mine, other = office.case(), office.case()
    user = person(Duty.INSPECTOR, HANGZHOU)
    assert not policy.visible(holder(user), Case).exists()
    member = work.add_member(office.drafter, mine, user)
    assert list(policy.visible(holder(user), Case)) == [mine]
    assert not policy.visible(holder(user), Case).filter(pk=other.pk).exists()
    work.end_member(office.drafter, member, "done")
    assert not policy.visible(holder(user), Case).exists()


def test_invariant_24_closing_an_account_keeps_its_authorship(office):
    from davylamp.desk.access.models import User

    case = office.case()
    found = office.determined(case)
    names = {str(User.objects.get(pk=h.user_id)) for h in (office.drafter, office.reviewer)}
    for one in (office.drafter, office.reviewer):
        User.objects.get(pk=one.user_id).close("left")
    found.refresh_from_db()
    assert {str(found.drafted_by), str(found.reviewed_by)} == names
    assert set(AuditEvent.objects.filter(object_id=str(found.pk)).values_list("object_type", flat=True)) == {
        "cases.determination"
    }


def test_auditors_of_a_region_find_every_part_of_its_cases_in_the_audit(office):
    case = office.case()
    office.determined(case)
    rows = AuditEvent.objects.filter(object_type__startswith="cases.")
    assert rows.exists()
    assert set(rows.values_list("region_code", flat=True)) == {XIHU}


def test_the_tables_of_casework_are_whole_and_refer_to_what_exists():
    assert {row.toward for row in indicators().values()} == {"active", "passive", "research", "false_alarm"}
    assert all(set(row.side) <= set(Side.values) for row in indicators().values())
    assert all(set(row.after) <= set(shipped_tasks()) for row in shipped_tasks().values())
    assert {row.phase for row in shipped_tasks().values()} <= set(CaseState.values)
    assert all(set(row.duties) <= set(Duty.values) for row in measures().values())
    assert set(SIGNS) == set(Label)


def test_a_deadline_of_the_leads_becomes_the_cases(office):
    due = timezone.now() + timedelta(days=3)
    assert work.open_case(office.drafter, [lead(due_at=due), lead()]).due_at == due
