"""Grin, against mimblewimble/grin doc/stratum.md and NiceHash's Grin specification."""

import pytest
from hypothesis import given

from davylamp.dialects import grin
from davylamp.dialects.session import (
    Answer,
    Claim,
    Difficulty,
    Job,
    Login,
    LoginAnswer,
    NeedMore,
    NotThis,
    Rpc,
    Submit,
    Talk,
    Trait,
)

from dialects.neighbors import neighbors, of
from dialects.talking import foreign_openings, hear, json_values, round_trip, translate_all

LOGIN = (
    b'{"id":"0","jsonrpc":"2.0","method":"login",'
    b'"params":{"login":"miner.rig","pass":"secret","agent":"grin-miner"}}'
)
LOGGED_IN = b'{"id":"0","jsonrpc":"2.0","method":"login","result":"ok","error":null}'
ASK = b'{"id":"2","jsonrpc":"2.0","method":"getjobtemplate","params":null}'
HEADER = b"00010000000000003c4d" + b"71" * 227
TEMPLATE = (
    b'{"id":"2","jsonrpc":"2.0","method":"getjobtemplate","result":{"difficulty":1,"height":13726,"job_id":4,'
    b'"pre_pow":"' + HEADER + b'"}}'
)
PUSH = (
    b'{"id":123,"jsonrpc":"2.0","method":"job","params":{"difficulty":4,"height":16375,"job_id":5,'
    b'"pre_pow":"' + HEADER + b'0001","cleanjob":false}}'
)
EDGES = (
    b"[4210040,10141596,13269632,24291934,28079062,84254573,84493890,100560174,100657333,120128285,130518226,"
    b"140371663,142109188,159800646,163323737,171019100,176840047,191220010,192245584,198941444,209276164,"
    b"216952635,217795152,225662613,230166736,231315079,248639876,263910393,293995691,298361937,326412694,"
    b"330363619,414572127,424798984,426489226,466671748,466924466,490048497,495035248,496623057,502828197,"
    b"532838434]"
)
SUBMIT = (
    b'{"id":"9","jsonrpc":"2.0","method":"submit","params":{"height":16375,"job_id":5,'
    b'"nonce":8895699060858340771,"edge_bits":29,"pow":' + EDGES + b"}}"
)
TOO_LATE = (
    b'{"id":"9","jsonrpc":"2.0","method":"submit",'
    b'"error":{"code":-32503,"message":"Solution submitted too late"}}'
)
TOO_LOW = (
    b'{"id":"9","jsonrpc":"2.0","method":"submit",'
    b'"error":{"code":-32501,"message":"Share rejected due to low difficulty"}}'
)
FOUND = (
    b'{"id":"9","jsonrpc":"2.0","method":"submit",'
    b'"result":"blockfound - 23025af9032de812d15228121d5e4b0e977d30ad8036ab07131104787b9dcf10","error":null}'
)


def test_the_specification_s_session_is_read_event_by_event():
    lines = [(True, LOGIN), (False, LOGGED_IN), (True, ASK), (False, TEMPLATE), (False, PUSH), (True, SUBMIT)]
    lines += [(False, b'{"id":"9","jsonrpc":"2.0","method":"submit","result":"ok","error":null}')]
    assert translate_all(grin, hear(lines)) == [
        Login("miner.rig", "grin-miner"),
        LoginAnswer(True),
        Job("4", work=42.0, height=13_726),  # every cycle counts; one in 42 graphs has one
        Job("5", work=168.0, height=16_375, clean=False),  # one cycle in 4
        # 8,895,699,060,858,340,771 = 0x7b73df2a173cc5a3
        Submit("9", "5", "7b73df2a173cc5a3/4210040-532838434"),
        Trait("edge_bits", "29"),
        Answer("9", True),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (FOUND, Answer("9", True)),
        (TOO_LATE, Answer("9", False, True, "Solution submitted too late")),
        (TOO_LOW, Answer("9", False, False, "Share rejected due to low difficulty")),
    ],
)
def test_each_kind_of_answer_is_told_from_the_others(line, expected):
    assert translate_all(grin, hear([(True, SUBMIT), (False, line)]))[-1] == expected


def test_an_answer_without_its_method_is_told_by_its_request():
    answer = b'{"id":"9","jsonrpc":"2.0","result":"ok","error":null}'
    assert translate_all(grin, hear([(True, SUBMIT), (False, answer)]))[-1] == Answer("9", True)


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(grin, hear([(True, LOGIN)])))


def test_the_node_s_job_ids_are_told_apart_by_height():
    later = PUSH.replace(b"16375", b"16376")
    share = SUBMIT.replace(b"16375", b"16376")
    events = translate_all(grin, hear([(False, PUSH), (False, later), (True, SUBMIT), (True, share)]))
    assert [e.job_id for e in events if not isinstance(e, Trait)] == ["5", "5@16376", "5", "5@16376"]


def test_the_memory_of_job_ids_stays_bounded():
    talk = Talk()
    for number in range(5000):
        line = PUSH.replace(b'"job_id":5', b'"job_id":%d' % number)
        (rpc,) = hear([(False, line)])
        assert grin.translate(rpc, talk)
    assert len(talk.memory["heights"]) == grin.JOB_IDS


def test_jobs_templates_or_shares_alone_decide_in_mid_session():
    for opening in [*of("grin").values(), hear([(True, ASK), (False, TEMPLATE)]), hear([(True, SUBMIT)])]:
        judgement = grin.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_login_alone_decides_nothing():
    assert isinstance(grin.claim(hear([(True, LOGIN)])), NeedMore)
    judgement = grin.claim(hear([(True, LOGIN), (False, LOGGED_IN), (True, ASK)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_a_difficulty_per_algorithm_is_epic_cash_s_and_no_job_of_grin_s():
    line = PUSH.replace(b'"difficulty":4', b'"difficulty":[["cuckatoo",4],["progpow",9]]')
    assert isinstance(grin.claim(hear([(False, line)])), NotThis)
    assert translate_all(grin, hear([(False, line)])) == []


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("grin")}.items():
        assert isinstance(grin.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("wallet.rig", "lolMiner 1.76"),
        LoginAnswer(True),
        Difficulty(42.0 * 7, "hashes"),
        Job("11", height=2_600_001, clean=True),
        Submit("7", "11", "00c0ffee"),
        Answer("7", True),
        Job("named", work=42.0 * 9, height=2_600_001),
        Submit("8", "11", "00c0ffef"),
        Submit("9", "named", "00c0fff0"),
        Answer("8", False, True, "Solution submitted too late"),
        Answer("9", False, False, "Failed to validate solution"),
    ]
    heard = [e for e in round_trip(grin, script) if not isinstance(e, Trait)]
    assert heard[:2] == script[:2]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height, j.work) for j in jobs] == [
        ("11", 2_600_001, 294.0),
        ("named", 2_600_001, 378.0),
    ]
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("7", "11"),
        ("8", "11"),
        ("9", "named"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[9], script[10]]


def test_a_refused_login_is_heard_as_one():
    assert round_trip(grin, [Login("w", "a"), LoginAnswer(False, "login first")])[1] == LoginAnswer(
        False, "login first"
    )


@given(json_values)
def test_hostile_json_never_raises(value):
    names = [
        "login",
        "agent",
        "difficulty",
        "height",
        "job_id",
        "pre_pow",
        "cleanjob",
        "nonce",
        "edge_bits",
        "pow",
    ]
    for method in sorted(grin.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        bodies = [
            {"result": value, "error": value, "id": 1},
            {"method": method, "result": value, "error": value},
        ]
        for field in names:
            params = {
                "job_id": 5,
                "height": 9,
                "difficulty": 1,
                "pre_pow": "ab" * 200,
                "nonce": 1,
                "pow": [1] * 42,
            }
            bodies.append({"method": method, "params": {**params, field: value}})
        talk = Talk(memory={"heights": value})
        for rpc in (message, *(Rpc(0, False, b"", body=body, request=message) for body in bodies)):
            grin.claim([rpc])
            grin.translate(rpc, talk)
