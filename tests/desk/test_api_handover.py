"""Hand-overs, statistics and field rules through the API."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from davylamp.desk.access.models import Duty
from davylamp.desk.handover.models import Feedback
from davylamp.desk.leads.models import Lead
from desk.handovers import cast, drafted, up_to
from desk.people import HANGZHOU, NINGBO, person
from desk.test_api import ROOT_PATH, bearer, told
from desk.test_policy import lead

HIDDEN = ("wallet", "relapse_key")


@pytest.fixture
def who():
    return cast()


def user_of(holder):
    return get_user_model().objects.get(pk=holder.user_id)


def step(client, item, name, headers, **body):
    version = {"If-Match": f'"{type(item).objects.get(pk=item.pk).version}"'}
    return client.post(
        f"{ROOT_PATH}/hand-overs/{item.code}/steps/{name}", json.dumps(body),
        content_type="application/json", headers={**headers, **version},
    )  # fmt: skip


def test_an_organisation_s_own_system_signs_acts_and_reports(client, who):
    item = up_to("issued", who)
    headers = bearer(user_of(who.contact), "read", "write")
    found = told(client.get(f"{ROOT_PATH}/hand-overs/{item.code}", headers=headers))
    assert {s["name"] for s in found["steps"]} >= {"sign", "send_back"}
    numbers = [row["lead"] for row in found["items"]]
    assert told(step(client, item, "sign", headers, by="李四"))["state"] == "received"
    assert told(step(client, item, "act", headers))["state"] == "acting"
    answer = {"found": "malware", "description": "计划任务中的挖矿程序", "host": "A-101", "measure": "断网"}
    short = step(client, item, "report", headers, answers={numbers[0]: answer})
    assert (short.status_code, told(short)["code"]) == (422, "E-HND-003")
    done = step(client, item, "report", headers, answers=dict.fromkeys(numbers, answer))
    assert told(done)["state"] == "reported"
    assert Feedback.objects.filter(found="malware").count() == 2


def test_a_lead_is_sent_back_by_its_number_and_one_of_another_hand_over_is_not(client, who):
    item, other = up_to("received", who), drafted(who)
    headers = bearer(user_of(who.officer), "read", "write")
    mine = item.items.first().lead.number
    for strange in (other.items.first().lead.number, "XS-NONE"):
        refused = step(client, item, "send_back", headers, items=[strange], ground="too_little", reason="x")
        assert (refused.status_code, told(refused)["code"]) == (422, "E-API-424")
    done = told(step(client, item, "send_back", headers, items=[mine], ground="too_little", reason="缺端口"))
    assert {row["lead"]: row["status"] for row in done["items"]}[mine] == "returned"


def test_a_report_of_the_wrong_shape_is_422(client, who):
    item = up_to("acting", who)
    headers = bearer(user_of(who.contact), "read", "write")
    for answers in ("x", [], {"XS": "x"}, {"XS": {"found": "gold", "description": "x"}}, {"XS": {}}):
        assert step(client, item, "report", headers, answers=answers).status_code == 422
    assert step(client, item, "sign", headers, by="x", at="yesterday").status_code == 422


def test_who_drafted_does_not_approve_by_token_either(client, who):
    item = up_to("submitted", who)
    headers = bearer(user_of(who.analyst), "read", "write")
    assert step(client, item, "approve", headers).status_code == 403
    assert step(client, item, "approve", bearer(user_of(who.approver), "read", "write")).status_code == 200


def test_invariant_08_a_contact_reads_its_own_hand_over_and_never_sensor_source_wallet_or_peers(client, who):
    """Before it is issued there is nothing; then its leads, without what its duty never reads."""
    stranger = cast(NINGBO)
    elsewhere = up_to("issued", stranger)
    item = drafted(who)
    headers = bearer(user_of(who.contact), "read")
    assert told(client.get(f"{ROOT_PATH}/hand-overs", headers=headers))["items"] == []
    up_to("issued", who, item)
    assert client.get(f"{ROOT_PATH}/hand-overs/{elsewhere.code}", headers=headers).status_code == 404
    seen = told(client.get(f"{ROOT_PATH}/leads", headers=headers))["items"]
    assert {row["organisation_code"] for row in seen} == {who.organisation.code}
    assert len(seen) == 2
    for row in seen:
        whole = client.get(f"{ROOT_PATH}/leads/{row['number']}", headers=headers)
        below = client.get(f"{ROOT_PATH}/leads/{row['number']}/observations", headers=headers)
        text = (whole.content + below.content).decode()
        assert "SENSOR" not in text
        assert "sensor-hz" not in text
        assert "REF" not in text
        assert "WALLET" not in text
        assert stranger.organisation.code not in text
        assert [told(whole)[name] for name in HIDDEN] == ["", ""]


def test_figures_are_sums_of_what_the_caller_sees_and_of_the_time_that_is_asked_for(client):
    lead(1)
    lead(2, NINGBO)
    local, whole = bearer(person(Duty.OFFICER, HANGZHOU), "read"), bearer(person(), "read")
    path = f"{ROOT_PATH}/statistics"
    assert told(client.get(path, headers=local))["total"]["leads"] == 1
    now = told(client.get(path, headers=whole))
    assert now["total"]["leads"] == sum(cell["leads"] for cell in now["cells"]) == Lead.objects.count()
    assert told(client.get(f"{path}?region={NINGBO}", headers=whole))["total"]["leads"] == 1
    before = (timezone.now() - timedelta(days=1)).isoformat()
    assert told(client.get(path, {"as_of": before}, headers=whole))["total"]["leads"] == 0
    ahead = (timezone.now() + timedelta(days=1)).isoformat()
    assert client.get(path, {"as_of": ahead}, headers=whole).status_code == 422


def test_published_figures_come_with_their_revisions(client):
    from davylamp.desk.statistics.publish import publish
    from desk.people import PROVINCE, holder

    lead(1)
    leader = holder(person(Duty.LEADER, PROVINCE))
    at = timezone.now()
    publish(leader, PROVINCE, at)
    publish(leader, PROVINCE, at, reason="一家单位重复")
    path = f"{ROOT_PATH}/statistics/published"
    rows = told(client.get(path, headers=bearer(person(), "read")))["items"]
    assert sorted((r["revision"], r["reason"]) for r in rows) == [(1, ""), (2, "一家单位重复")]
    assert told(client.get(path, headers=bearer(person(Duty.OFFICER, HANGZHOU), "read")))["items"] == []
