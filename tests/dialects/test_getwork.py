"""getwork over HTTP, against an exchange with a pool that is quoted in public and the Bitcoin wiki's fields."""

import orjson
import pytest
from hypothesis import given

from davylamp.dialects import getwork
from davylamp.dialects.session import (
    Answer,
    Claim,
    Job,
    Login,
    LoginAnswer,
    NeedMore,
    Rpc,
    Spoken,
    Submit,
    Talk,
    Trait,
)
from davylamp.records import HttpHead

from dialects.http_talk import answer, hear_http, http_round_trip, request
from dialects.neighbors import neighbors
from dialects.talking import foreign_openings, json_values, translate_all

PREVIOUS = "df54a70cd769d78b9605c0a6574638db799e86bdd1183cfc000001c200000000"
ROOT = "9e7ed0ae4ccdb1dbf283f4ab608791f21b1a5f437f405f4f9ba0bb3b693506a9"
TAIL = "000000800000000000000000000000000000000000000000000000000000000000000000000000000000000080020000"
DATA = "00000002" + PREVIOUS + ROOT + "5169d43c" + "1a022fbe" + "00000000" + TAIL
TARGET = "ff" * 28 + "00" * 4  # little endian: 2^224 - 1
HEAD = (
    "Authorization: Basic Qmlnc2t5OjEyMw==\r\n"  # Bigsky:123
    "X-Mining-Extensions: longpoll midstate rollntime submitold\r\nUser-Agent: bfgminer/5.2.0\r\n"
)
ASK = request(b'{"method": "getwork", "params": [], "id":0}', HEAD)
WORK = orjson.dumps(
    {
        "error": None,
        "id": 0,
        "result": {"data": DATA, "hash1": "00" * 64, "midstate": "24" * 32, "target": TARGET},
    }
)
GIVE = answer(WORK, "X-Long-Polling: /LP/\r\nX-Stratum: stratum+tcp://me:secret@pool.example:3333\r\n")
SOLVED = DATA[:136] + "5169d440" + "1a022fbe" + "c0ffee42" + TAIL
SHARE = request(orjson.dumps({"method": "getwork", "params": [SOLVED], "id": 1}), HEAD)
NAME = PREVIOUS + ROOT


def test_the_example_is_as_long_as_the_wiki_says():
    assert len(DATA) == 256


def test_a_session_is_read_event_by_event():
    heard = hear_http([ASK, GIVE, SHARE, answer(b'{"error":null,"id":1,"result":true}')])
    events = translate_all(getwork, heard)
    assert events[:4] == [
        Login("Bigsky", "bfgminer/5.2.0"),
        Trait("extensions", "longpoll,midstate,rollntime,submitold"),
        LoginAnswer(True),
        Trait("stratum_url", "pool.example:3333"),
    ]
    job = events[4]
    assert (job.job_id, job.prev_hash, job.nbits) == (NAME, PREVIOUS, 0x1A022FBE)
    assert abs(job.work / 2.0**32 - 1) < 1e-9  # 2^256 / (2^224 - 1)
    assert job.network_work == 2.0**72 / 0x022FBE  # 2^256 / (0x022fbe x 2^184)
    assert events[5:] == [Submit("1", NAME, "c0ffee42:5169d440", "Bigsky"), Answer("1", True)]


def test_neither_password_nor_secret_is_part_of_an_event():
    events = repr(translate_all(getwork, hear_http([ASK, GIVE])))
    assert "123'" not in events
    assert "secret" not in events


@pytest.mark.parametrize(
    ("reason", "stale"),
    [("stale", True), ("unknown-work", True), ("stale-prevblk", True), ("high-hash", False)],
)
def test_the_reason_of_a_refusal_stands_in_a_header(reason, stale):
    refused = answer(b'{"error":null,"id":1,"result":false}', f"X-Reject-Reason: {reason}\r\n")
    assert translate_all(getwork, hear_http([SHARE, refused]))[-1] == Answer("1", False, stale, reason)


def test_a_share_that_breaks_the_server_is_refused():
    broken = answer(b"Internal error", status="500 Internal Server Error")
    assert translate_all(getwork, hear_http([SHARE, broken]))[-1] == Answer("1", False, False, "HTTP 500")


def test_a_long_poll_brings_work_without_a_call():
    poll = Spoken(True, b"GET /LP HTTP/1.1\r\nHost: pool.example\r\n\r\n")
    heard = hear_http([poll, GIVE])
    assert [e.job_id for e in translate_all(getwork, heard) if isinstance(e, Job)] == [NAME]


def test_work_or_a_share_alone_decide():
    for said in ([ASK, GIVE], [SHARE]):
        judgement = getwork.claim(hear_http(said))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_asking_without_getting_is_weak_and_says_so():
    nothing = answer(b'{"id":0,"result":null,"error":[20,"Parse error",null]}')
    for said in ([ASK], [ASK, nothing]):
        assert getwork.claim(hear_http(said)) == Claim(30, "asked for work and got none")


def test_a_user_who_is_not_let_in_is_refused():
    heard = hear_http([ASK, answer(b"no", status="401 Unauthorized")])
    assert translate_all(getwork, heard)[-1] == LoginAnswer(False, "HTTP 401")


def test_neighbors_and_other_conversations_are_not_claimed():
    for name, opening in {**neighbors("getwork"), **foreign_openings()}.items():
        assert isinstance(getwork.claim(opening), NeedMore), name


def test_speaking_and_hearing_agree():
    first, second = "a1" * 64, "a2" * 64
    script = [
        Login("acct.rig1", "bfgminer/5.2.0"),
        LoginAnswer(True),
        Job(first, 5e9, nbits=0x1A1D932F),
        Submit("7", first, "00c0ffee"),
        Answer("7", True),
        Job(second, 6e9, nbits=0x1A1D932F),
        Submit("8", second, "00c0ffef"),
        Answer("8", False, True, "Stale share"),
    ]
    heard = [e for e in http_round_trip(getwork, script) if not isinstance(e, Trait)]
    assert heard[:2] == script[:2]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.nbits) for j in jobs] == [(first, 0x1A1D932F), (second, 0x1A1D932F)]
    assert abs(jobs[0].work / 5e9 - 1) < 1e-9
    assert abs(jobs[1].work / 6e9 - 1) < 1e-9
    shares = [(e.key, e.job_id, e.nonce.partition(":")[0], e.worker) for e in heard if isinstance(e, Submit)]
    assert shares == [("7", first, "00c0ffee", "acct.rig1"), ("8", second, "00c0ffef", "acct.rig1")]
    assert [e for e in heard if isinstance(e, Answer)] == [script[4], script[7]]


def test_answers_keep_the_order_of_requests_when_work_comes_between():
    first, second = "a1" * 64, "a2" * 64
    script = [
        Login("a"),
        Job(first, 5e9),
        Submit("7", first, "01"),
        Job(second, 6e9),
        Answer("7", False, False, "bad"),
    ]
    heard = http_round_trip(getwork, script)
    assert [e.job_id for e in heard if isinstance(e, Job)] == [first, second]
    assert [e for e in heard if isinstance(e, Answer)] == [Answer("7", False, False, "bad")]


def test_a_refused_login_is_spoken_and_heard():
    heard = http_round_trip(getwork, [Login("a", "b"), LoginAnswer(False)])
    assert [e for e in heard if isinstance(e, LoginAnswer)] == [LoginAnswer(False, "HTTP 401")]


@given(json_values, json_values)
def test_hostile_json_never_raises(first, second):
    head = HttpHead("POST", "/", 0, {"authorization": "Basic !!!", "x-mining-extensions": "a b"})
    word = HttpHead("POST", "/", 200, {"x-reject-reason": "\x00"})
    for value in (first, [first], [DATA], {"data": DATA, "target": first}, {"data": first, "target": TARGET}):
        message = Rpc(0, True, b"", "http", {"method": "getwork", "params": value, "id": second}, head)
        told = Rpc(0, False, b"", "http", {"result": value, "error": second, "id": 1}, word, message)
        for rpc in (
            message,
            told,
            Rpc(0, False, b"", body={"result": value, "error": None}, request=message),
        ):
            getwork.claim([rpc])
            getwork.translate(rpc, Talk())
