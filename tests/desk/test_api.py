"""The API: every operation walked from its own document; what may not be known of is not there; hostile bodies."""

import ast
import json
import random
from datetime import timedelta

import jsonschema
import orjson
import pytest
from django.utils import timezone

from davylamp.desk.access.models import Clearance, Duty, Token
from davylamp.desk.api import reading
from davylamp.desk.api.cursors import MOST
from davylamp.desk.api.limits import BUCKETS, Buckets
from davylamp.desk.api.v1 import schema
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.leads.models import Lead, Observation
from desk.people import HANGZHOU, NINGBO, PROVINCE, XIHU, organisation, person
from desk.sightings import sighting
from desk.test_policy import lead

from support import ROOT

DOCUMENT = schema()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
NAMES = [f"{method} {path}" for path, method in OPERATIONS]
ROOT_PATH = "/api/v1"


@pytest.fixture(autouse=True)
def _full_buckets():
    BUCKETS.forget()


def bearer(user, *scopes, language="en", **times):
    expires = timezone.now() + timedelta(**(times or {"days": 1}))
    _, secret = Token.issue(user, "t", list(scopes), expires)
    return {"Authorization": f"Bearer {secret}", "Accept-Language": language}


def call(client, path, method, headers=None, key="nothing", body="{}"):
    """An operation with its path filled in; steps with a body and a version."""
    for name in ("number", "code"):
        path = path.replace(f"{{{name}}}", key)
    path = path.replace("{step}", "assign")
    if method == "get":
        return client.get(path, headers=headers)
    return client.post(
        path, body, content_type="application/json", headers={**(headers or {}), "If-Match": '"1"'}
    )


def told(response):
    return json.loads(response.content)


# --- who comes in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=NAMES)
def test_without_a_token_every_operation_is_401_with_the_three_words(client, path, method):
    response = call(client, path, method)
    assert response.status_code == 401
    assert told(response).keys() == {"code", "message", "hint"}
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=NAMES)
def test_with_every_scope_but_one_of_its_own_an_operation_is_403(client, path, method):
    needed = DOCUMENT["paths"][path][method]["x-scopes"]
    user = person(Duty.ANALYST)
    for lacking in needed:
        response = call(client, path, method, bearer(user, *(s for s in Token.SCOPES if s != lacking)))
        assert (response.status_code, told(response)["code"]) == (403, "E-API-403")
        assert lacking in told(response)["message"]


@pytest.mark.parametrize("secret", ["", "x", "dvl_nothing", "é", "x" * 5000, "\x00", " "])
def test_what_is_no_token_opens_nothing(client, secret):
    response = client.get(f"{ROOT_PATH}/leads", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 401


def test_an_expired_a_revoked_and_a_closed_account_s_token_open_nothing(client):
    user, gone = person(), person()
    past, revoked, closed = bearer(user, "read", seconds=-1), bearer(user, "read"), bearer(gone, "read")
    token = Token.objects.get(user=user, expires_at__gt=timezone.now())
    token.revoked_at = timezone.now()
    token.save()
    gone.close("left")
    for headers in (past, revoked, closed):
        assert client.get(f"{ROOT_PATH}/leads", headers=headers).status_code == 401


def test_a_browser_s_session_opens_nothing_and_no_form_token_is_asked_for(client):
    user = person(Duty.OFFICER)
    client.force_login(user)
    assert client.get("/").status_code in (200, 302)
    assert client.get(f"{ROOT_PATH}/leads").status_code == 401
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(user)
    headers = bearer(person(), "intake")
    path = f"{ROOT_PATH}/observations"
    assert strict.post(path, "[]", content_type="application/json", headers=headers).status_code == 200


def test_a_token_of_a_privileged_duty_needs_no_second_factor_even_beside_a_session(client):
    user = person(Duty.ANALYST)
    client.force_login(user)
    assert client.get(f"{ROOT_PATH}/leads", headers=bearer(user, "read")).status_code == 200


def test_a_token_that_is_used_says_when_and_leaves_no_audit_row_for_it(client):
    headers = bearer(person(), "read")
    rows = AuditEvent.objects.count()
    client.get(f"{ROOT_PATH}/leads", headers=headers)
    assert timezone.now() - Token.objects.get().used_at < timedelta(seconds=30)
    assert AuditEvent.objects.count() == rows


def test_who_calls_too_often_is_told_when_to_come_back_and_others_are_not_touched(client):
    headers, other = bearer(person(), "read"), bearer(person(), "read")
    last = [client.get(f"{ROOT_PATH}/leads?limit=1", headers=headers) for _ in range(BUCKETS_BURST + 60)][-1]
    assert (last.status_code, told(last)["code"]) == (429, "E-API-429")
    assert int(last.headers["Retry-After"]) >= 1
    assert client.get(f"{ROOT_PATH}/leads", headers=other).status_code == 200


BUCKETS_BURST = 120


def test_a_bucket_holds_its_burst_and_fills_at_its_rate():
    now = [0.0]
    bucket = Buckets(3, 2.0, lambda: now[0])
    assert [bucket.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    now[0] = 0.5
    assert [bucket.wait_s("a"), bucket.wait_s("a"), bucket.wait_s("b")] == [0, 0.5, 0]
    now[0] = 1000.0
    assert [bucket.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]


# --- what is not theirs to know ----------------------------------------------------------------------------


def hidden_world():
    """One item of each kind in Ningbo; the keys by the first word of their address."""
    one = lead(7, NINGBO, "HIDDENORG")
    organisation("HIDDENORG", NINGBO)
    return {"leads": one.number, "organisations": "HIDDENORG", **others(one)}


def others(one):
    from davylamp.desk.cases.models import Case

    now = timezone.now()
    case = Case(
        number="HIDDENCASE", title="x", state_since=now, organisation_code="HIDDENORG", region_code=NINGBO,
        opened_at=now,
    )  # fmt: skip
    case.save()
    from davylamp.desk.handover.models import HandOver

    hand_over = HandOver(
        code="HIDDENHO", organisation_code="HIDDENORG", organisation_name="x", region_code=NINGBO,
        state_since=now, drafted_by=person(),
    )  # fmt: skip
    hand_over.save()
    return {"cases": case.number, "hand-overs": hand_over.code}


@pytest.mark.parametrize(("path", "method"), [o for o in OPERATIONS if "{" in o[0]])
def test_what_is_hidden_and_what_does_not_exist_give_the_same_bytes(client, path, method):
    keys = hidden_world()
    headers = bearer(person(Duty.OFFICER, HANGZHOU), "read", "write")
    room = path.split("/")[3]
    answers = [call(client, path, method, headers, key) for key in (keys.get(room, "ABSENT"), "ABSENT")]
    assert {a.status_code for a in answers} == {404}
    first, second = ((a.content, sorted(h for h in a.headers if h != "X-Request-Id")) for a in answers)
    assert first == second


LISTS = [o for o in OPERATIONS if o[1] == "get"]


@pytest.mark.parametrize("duty", [Duty.OFFICER, Duty.ANALYST, Duty.LEADER, Duty.AUDITOR, Duty.CONTACT])
def test_invariant_07_no_answer_changes_because_of_what_the_caller_may_not_know_of(client, duty):
    """Two worlds, with and without an item in Ningbo, for somebody of Hangzhou: byte-equal, cursors too."""
    own = [lead(n, XIHU, "ORG1") for n in range(1, 5)]
    organisation("ORG1", XIHU)
    user = person(duty, HANGZHOU, "ORG1" if duty == Duty.CONTACT else "")
    headers = bearer(user, "read")
    asked = [p for p, _ in LISTS if "{" not in p and not p.endswith("/statistics")]
    asked += [f"{ROOT_PATH}/leads?limit=2", f"{ROOT_PATH}/leads?region=330000", f"{ROOT_PATH}/audit?limit=3"]
    asked += [f"{ROOT_PATH}/leads/{own[0].number}"]

    def world():
        BUCKETS.forget()
        return [client.get(path, headers=headers).content for path in asked]

    before = world()
    hidden_world()
    assert world() == before


def test_an_auditor_of_a_part_is_not_given_the_places_in_the_chain(client):
    lead(1, XIHU)
    part = client.get(f"{ROOT_PATH}/audit", headers=bearer(person(Duty.AUDITOR, HANGZHOU), "read"))
    whole = client.get(f"{ROOT_PATH}/audit", headers=bearer(person(Duty.AUDITOR, PROVINCE), "read"))
    assert {row["seq"] for row in told(part)["items"]} == {None}
    assert None not in {row["seq"] for row in told(whole)["items"]}
    assert told(part)["items"]
    assert len(told(part)["items"]) < len(told(whole)["items"])


def test_a_lead_s_earlier_episode_is_named_only_to_who_may_know_of_it(client):
    earlier, now = lead(1, NINGBO, "ORGN"), lead(2, XIHU, "ORG1")
    now.relapse_of, now.relapse_key = earlier, "wallet"
    now.save()
    local = client.get(
        f"{ROOT_PATH}/leads/{now.number}", headers=bearer(person(Duty.OFFICER, HANGZHOU), "read")
    )
    whole = client.get(f"{ROOT_PATH}/leads/{now.number}", headers=bearer(person(), "read"))
    assert (told(local)["relapse_of"], told(local)["relapse_key"]) == (None, "")
    assert (told(whole)["relapse_of"], told(whole)["relapse_key"]) == (earlier.number, "wallet")


# --- pages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, MOST])
def test_pages_give_every_row_once_whatever_their_size(client, limit):
    for n in range(1, 8):
        lead(n, XIHU if n % 2 else NINGBO)
    headers = bearer(person(Duty.OFFICER, HANGZHOU), "read")
    found, cursor = [], ""
    while True:
        answer = told(client.get(f"{ROOT_PATH}/leads", {"limit": limit, "cursor": cursor}, headers=headers))
        found += [row["number"] for row in answer["items"]]
        assert answer.keys() == {"items", "next"}
        cursor = answer["next"]
        if cursor is None:
            break
    assert found == ["L1", "L3", "L5", "L7"]


def test_a_cursor_fits_its_own_question_only(client):
    for n in range(1, 5):
        lead(n)
    headers = bearer(person(), "read")
    cursor = told(client.get(f"{ROOT_PATH}/leads?limit=1", headers=headers))["next"]
    for query in ({"cursor": cursor, "state": "new"}, {"cursor": cursor + "x"}, {"cursor": "W10:x"}):
        answer = client.get(f"{ROOT_PATH}/leads", query, headers=headers)
        assert (answer.status_code, told(answer)["code"]) == (400, "E-API-410")


def test_a_page_of_leads_asks_a_constant_number_of_queries(client, django_assert_max_num_queries):
    headers = bearer(person(), "read")
    client.get(f"{ROOT_PATH}/leads", headers=headers)
    for n in range(1, 60):
        lead(n)
    with django_assert_max_num_queries(5):
        assert len(told(client.get(f"{ROOT_PATH}/leads", headers=headers))["items"]) == 50


# --- steps -------------------------------------------------------------------------------------------------


def step(client, number, name, headers, version, **body):
    own = {"If-Match": version} if version else {}
    return client.post(
        f"{ROOT_PATH}/leads/{number}/steps/{name}", json.dumps(body), content_type="application/json",
        headers={**headers, **own},
    )  # fmt: skip


def test_a_step_is_the_token_s_doing_in_the_audit(client):
    item, user = lead(), person()
    answer = step(client, item.number, "give_up", bearer(user, "read", "write"), '"1"', reason="NAT 日志缺失")
    assert answer.status_code == 200
    assert told(answer)["state"] == "unattributable"
    assert answer.headers["ETag"] == f'"{told(answer)["version"]}"'
    row = AuditEvent.objects.filter(object_id=str(item.pk)).latest("seq")
    assert (row.actor_kind, row.actor_id, row.channel, row.action, row.reason) == (
        "token", str(user.pk), "api", "lead.give_up", "NAT 日志缺失",
    )  # fmt: skip
    assert row.request_id == answer.headers["X-Request-Id"]


def test_who_saw_an_older_version_changes_nothing_and_who_saw_none_is_asked(client):
    item, headers = lead(), bearer(person(), "read", "write")
    assert step(client, item.number, "give_up", headers, '"1"', reason="x").status_code == 200
    for version, expected in (('"1"', 409), ("", 428), ("*", 409), ('"x"', 409), ("9" * 40, 409)):
        answer = step(client, item.number, "attribute", headers, version)
        assert answer.status_code == expected
    assert Lead.objects.get().state == "unattributable"


def test_a_step_that_is_not_possible_or_lacks_data_is_422_and_one_that_is_not_theirs_403(client):
    item, headers = lead(), bearer(person(), "read", "write")
    assert told(step(client, item.number, "close", headers, "1"))["code"] == "E-ACC-403"
    assert told(step(client, item.number, "give_up", headers, "1"))["code"] == "E-WFL-002"
    assert told(step(client, item.number, "nonsense", headers, "1"))["code"] == "E-WFL-004"
    assert told(step(client, item.number, "give_up", headers, "1", raeson="x"))["code"] == "E-API-422"
    leader = bearer(person(Duty.LEADER), "read", "write")
    assert step(client, item.number, "give_up", leader, "1", reason="x").status_code == 403


def test_a_lead_is_assigned_to_a_colleague_by_name_and_to_nobody_else(client):
    item, user = lead(), person(Duty.ANALYST, HANGZHOU)
    headers = bearer(person(), "read", "write")
    stranger = person(Duty.ANALYST, NINGBO)
    answer = step(client, item.number, "assign", headers, "1", to=stranger.username)
    assert (answer.status_code, told(answer)["code"]) == (422, "E-API-423")
    answer = step(client, item.number, "assign", headers, "1", to=user.username)
    assert (answer.status_code, told(answer)["assigned_to"]) == (200, user.name)


def test_a_lead_joins_one_that_the_caller_may_know_of(client):
    hidden, item, other = lead(1, NINGBO), lead(2), lead(3)
    headers = bearer(person(Duty.ANALYST, HANGZHOU), "read", "write")
    answer = step(client, item.number, "merge", headers, "1", into=hidden.number, reason="same host")
    assert answer.status_code == 404
    answer = step(client, item.number, "merge", headers, "1", into=other.number, reason="same host")
    assert (answer.status_code, told(answer)["merged_into"]) == (200, other.number)


# --- intake ------------------------------------------------------------------------------------------------


def deliver(client, headers, rows, kind="application/json"):
    body = rows if isinstance(rows, bytes | str) else orjson.dumps(rows)
    return client.post(f"{ROOT_PATH}/observations", body, content_type=kind, headers=headers)


def test_a_delivery_says_what_was_new_known_and_refused_and_why(client):
    headers = bearer(person(), "intake")
    rows = [sighting("a"), sighting("b", ip="10.1.0.8"), {"client_ip": "no", "source_ref": "c"}, "nonsense"]
    answer = told(deliver(client, headers, rows))
    assert (answer["rows"], answer["new"], answer["known"]) == (4, 2, 0)
    assert {r["row"] for r in answer["refused"]} == {3, 4}
    assert all(r["code"].startswith("E-INT-") and r["message"] for r in answer["refused"])


def test_invariant_03_a_delivery_three_times_shuffled_and_overlapping_changes_nothing_more(client):
    headers = bearer(person(), "intake")
    rows = [sighting(f"r{n}", ip=f"10.1.0.{n % 7}", first=1 + n / 50) for n in range(40)]
    first = told(deliver(client, headers, rows))
    leads = sorted(Lead.objects.values_list("number", "observations_count", "first_seen", "last_seen"))
    for part in (slice(0, 30), slice(10, 40), slice(0, 40)):
        shuffled = random.Random(part.start).sample(rows[part], len(rows[part]))
        again = told(deliver(client, headers, shuffled))
        assert (again["new"], again["refused"]) == (0, [])
    assert first["new"] == Observation.objects.count() == 40
    assert (
        sorted(Lead.objects.values_list("number", "observations_count", "first_seen", "last_seen")) == leads
    )


def test_json_lines_keep_the_good_lines_and_name_the_bad_ones(client):
    headers = bearer(person(), "intake")
    lines = [orjson.dumps(sighting("a")), b"{broken", b"", b"[" * 5000, orjson.dumps(sighting("b"))]
    answer = told(deliver(client, headers, b"\n".join(lines), "application/x-ndjson"))
    assert answer["new"] == 2
    assert {r["row"]: r["code"] for r in answer["refused"]} == {2: "E-API-411", 4: "E-API-411"}


def test_a_whole_scan_comes_in_as_the_lamp_writes_it(client):
    headers = bearer(person(), "intake")
    scan = {"schema": 1, "sightings": [sighting("a"), sighting("b")], "sessions": [], "faults": []}
    assert told(deliver(client, headers, scan))["new"] == 2


def test_no_token_speaks_for_another_source(client):
    """The same reference from two accounts is two observations; neither can take the other's."""
    one, two = person(), person()
    deliver(client, bearer(one, "intake"), [sighting("a")])
    answer = told(deliver(client, bearer(two, "intake"), [sighting("a", ip="10.9.9.9")]))
    assert (answer["new"], answer["source"]) == (1, two.username)
    assert set(Observation.objects.values_list("source", flat=True)) == {one.username, two.username}


def test_an_intake_token_reads_nothing(client):
    headers = bearer(person(), "intake")
    deliver(client, headers, [sighting("a")])
    for path, method in LISTS:
        assert call(client, path, method, headers).status_code == 403


def test_coverage_comes_in_once(client):
    headers = bearer(person(), "intake")
    row = {
        "source_ref": "s1-2021-07-01", "sensor": "s1", "network": "10.1.0.0/16", "seen_share": 1,
        "starts_at": "2021-07-01T00:00:00+08:00", "ends_at": "2021-07-02T00:00:00+08:00", "dropped_share": 0.0,
    }  # fmt: skip

    def send():
        body = json.dumps([row, {"sensor": "s1"}, 5])
        path = f"{ROOT_PATH}/coverage"
        return told(client.post(path, body, content_type="application/json", headers=headers))

    first, second = send(), send()
    assert (first["new"], first["known"], [r["row"] for r in first["refused"]]) == (1, 0, [2, 3])
    assert (second["new"], second["known"]) == (0, 1)


# --- hostile -----------------------------------------------------------------------------------------------

BOMBS = {
    "depth of lists": b"[" * 100_000,
    "closed depth": b"[" * 900 + b"]" * 900,
    "depth of objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "no JSON": b"\x00\xff",
    "nothing": b"",
    "NaN": b"[NaN]",
    "half a surrogate": b'["\\ud800"]',
    "cut": b'[{"a": 1',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_body_that_is_a_bomb_or_no_json_is_400(client, name):
    response = deliver(client, bearer(person(), "intake"), BOMBS[name])
    assert response.status_code == 400
    assert told(response)["code"] in ("E-API-411", "E-API-412")


def test_a_nul_in_a_row_touches_no_other_row(client):
    rows = [
        {**sighting("a\x00b"), "worker\x00": "\x00"},
        sighting("b", worker="r\x00", because=["\x00"]),
        sighting("c"),
    ]
    answer = deliver(client, bearer(person(), "intake"), rows)
    assert answer.status_code == 200
    assert told(answer)["new"] + len(told(answer)["refused"]) == 3
    assert Observation.objects.filter(source_ref="c").exists()


@pytest.mark.parametrize("name", [*BOMBS, "NUL"])
def test_a_step_s_body_too(client, name):
    item = lead()
    path = f"{ROOT_PATH}/leads/{item.number}/steps/give_up"
    body = BOMBS.get(name, b'{"reason": "a\\u0000b"}')
    headers = {**bearer(person(), "read", "write"), "If-Match": "1"}
    response = client.post(path, body, content_type="application/json", headers=headers)
    assert response.status_code in (400, 422)
    assert told(response).keys() == {"code", "message", "hint"}


def test_a_body_over_its_limit_is_refused(client, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    item, headers = lead(), {**bearer(person(), "read", "write"), "If-Match": "1"}
    path = f"{ROOT_PATH}/leads/{item.number}/steps/give_up"
    body = json.dumps({"reason": "x" * 1000})
    response = client.post(path, body, content_type="application/json", headers=headers)
    assert (response.status_code, told(response)["code"]) == (413, "E-API-413")


@pytest.mark.parametrize(
    ("headers", "kind", "expected"),
    [
        ({"Content-Encoding": "gzip"}, "application/json", 415),
        ({}, "text/csv", 415),
        ({}, "multipart/form-data; boundary=x", 415),
    ],
)
def test_what_is_not_json_is_415(client, headers, kind, expected):
    response = client.post(
        f"{ROOT_PATH}/observations",
        b"[]",
        content_type=kind,
        headers={**bearer(person(), "intake"), **headers},
    )
    assert response.status_code == expected


@pytest.mark.parametrize(
    "query",
    ["state=nonsense", "limit=0", "limit=9999999999999999999", "region=33", "ip=%00", "seen_since=2021-07-01",
     "organisation=" + "x" * 100, "severity=x", "cursor=" + "x" * 5000, "state=" + "&state=".join(["new"] * 50),
     "ip=' OR 1=1", "region=١٢٣٤٥٦", "q=" + "x" * 9000, "seen_since=99999-01-01T00:00:00Z",
     "seen_since=0.5", "seen_since=1600000000"],
)  # fmt: skip
def test_parameters_that_cannot_be_are_refused_with_a_code(client, query):
    response = client.get(f"{ROOT_PATH}/leads?{query}", headers=bearer(person(), "read"))
    assert response.status_code in (400, 414, 422)
    assert told(response).keys() == {"code", "message", "hint"}


@pytest.mark.parametrize(
    ("method", "path"), [("get", "nix"), ("post", "leads"), ("delete", "leads"), ("get", "")]
)
def test_no_html_leaves_the_api_but_its_reference(client, method, path):
    response = getattr(client, method)(f"{ROOT_PATH}/{path}", headers=bearer(person(), "read"))
    if path == "":
        assert response.headers["Content-Type"].startswith("text/html")
    else:
        assert response.status_code in (404, 405)
        assert told(response).keys() == {"code", "message", "hint"}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_errors_speak_the_language_that_is_asked_for(client, language):
    response = client.get(f"{ROOT_PATH}/leads/x", headers=bearer(person(), "read", language=language))
    assert response.headers["Content-Language"] == language


# --- the document ------------------------------------------------------------------------------------------


def refs(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from refs(one)
    elif isinstance(value, list):
        for one in value:
            yield from refs(one)


def test_the_openapi_document_is_whole():
    assert DOCUMENT["openapi"].startswith("3.1")
    ids = [told["operationId"] for methods in DOCUMENT["paths"].values() for told in methods.values()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS) > 10
    for ref in refs(DOCUMENT):
        assert ref.startswith("#/components/schemas/")
        assert ref.rpartition("/")[2] in DOCUMENT["components"]["schemas"]
    for one in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(one)
    for path, method in OPERATIONS:
        told = DOCUMENT["paths"][path][method]
        assert told["security"], path
        assert told["description"], path
        assert {"400", "401", "403", "422", "429"} <= {str(s) for s in told["responses"]}
        assert ("404" in {str(s) for s in told["responses"]}) == ("{" in path)


def test_answers_are_as_the_document_says(client):
    """Each list and each item with something in it, held against its schema."""
    user = person()
    deliver(client, bearer(user, "intake"), [sighting("a")])
    organisation("ORG1", XIHU)
    number = Lead.objects.get().number
    headers = bearer(person(Duty.AUDITOR), "read"), bearer(user, "read")
    whole = {**DOCUMENT, "$defs": {}}
    for path, method in LISTS:
        key = {"leads": number, "organisations": "ORG1"}.get(path.split("/")[3], "ABSENT")
        response = call(client, path, method, headers[0] if path.endswith("audit") else headers[1], key)
        if response.status_code == 404:
            assert key == "ABSENT"
            continue
        assert response.status_code == 200, (path, response.content)
        name = DOCUMENT["paths"][path][method]["responses"][200]["content"]["application/json"]["schema"][
            "$ref"
        ]
        jsonschema.Draft202012Validator({**whole, "$ref": name}).validate(told(response))
        if key != "ABSENT" or path.endswith(("leads", "audit", "organisations")):
            assert told(response).get("items", True), path


def test_the_document_and_the_reference_are_open_and_tell_nothing_of_what_the_desk_holds(client):
    lead(organisation="SECRETORG")
    document = client.get(f"{ROOT_PATH}/openapi.json")
    page = client.get(f"{ROOT_PATH}/")
    assert json.loads(document.content)["paths"].keys() == DOCUMENT["paths"].keys()
    assert b"SECRETORG" not in document.content + page.content
    for path in DOCUMENT["paths"]:
        assert f"<code>{path}</code>" in page.content.decode()
    text = page.content.decode()
    assert "<script" not in text
    assert "style=" not in text
    assert "http://" not in text.replace("http://testserver", "")
    assert "https://" not in text


def test_the_api_reads_through_the_policy_alone():
    """No manager of a model is touched in the room."""
    for file in sorted((ROOT / "src/davylamp/desk/api").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("objects", "_default_manager", "_base_manager"), file


def test_a_contact_reads_no_lead_that_was_not_handed_over(client):
    lead(organisation="ORG1", classification=Clearance.OPEN)
    organisation("ORG1", XIHU)
    headers = bearer(person(Duty.CONTACT, XIHU, "ORG1"), "read")
    assert told(client.get(f"{ROOT_PATH}/leads", headers=headers))["items"] == []
