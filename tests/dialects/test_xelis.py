"""Xelis, against the messages of vipor-net/xelis-stratum-protocol 0.1.1 and NiceHash's XelisHashV2 specification."""

import pytest
from hypothesis import given

from davylamp.dialects import xelis
from davylamp.dialects.session import (
    Answer,
    Claim,
    Difficulty,
    Job,
    Login,
    LoginAnswer,
    NeedMore,
    NotThis,
    ReportedRate,
    Rpc,
    Submit,
    Talk,
    Trait,
)

from dialects.neighbors import neighbors
from dialects.talking import foreign_openings, hear, json_values, round_trip, translate_all

# vipor-net README.md
SUBSCRIBE = b'{"id": 1, "method": "mining.subscribe", "params": ["MyMiner/1.0.0", ["xel/0", "xel/1"]]}'
AUTHORIZE = (
    b'{"id": 2, "method": "mining.authorize", "params": ["xel:WALLET_ADDRESS", "WORKER_NAME", "SECRET"]}'
)
NOTIFY = (
    b'{"id": 1, "method": "mining.notify", "params": ["abc123", "19726D97F49",'
    b' "d9da51a0c3f8a1784911d370fdb617ea7f41581f5059d31e35f176b85efa5570", "xel/0", true]}'
)
SUBMIT = b'{"id": 4, "method": "mining.submit", "params": ["WORKER_NAME", "abc123", "0011223344556677"]}'
PRINT = b'{"id": 4, "method": "mining.print", "params": [0, "Your wallet address is invalid"]}'
# NiceHash
NICEHASH_SUBSCRIBED = (
    b'{"id": 1, "error": null, "result": ["",'
    b' "30c874c31a2f2fbb02dbcb2db0b7a41641b3be88abb9b7f33d6bcc8839ca", 30,'
    b' "a8eba492f6bfd72ee3bd0587161aff6a5f05b83b8f4fcb715cb0976f55673a03"]}'
)
NICEHASH_SUBMIT = (
    b'{"id": 3, "method": "mining.submit", "params":'
    b' ["xel:ys4peuzztwl67rzhsdu0yxfzwcfmgt85uu53hycpeeary7n8qvysqmxznt0", "7", "13639ca53f21df75b94a"]}'
)
MINER_SUBMIT = (
    b'{"id": 36, "method": "mining.submit", "params": ["", "00000000ec3f3fa7", "13639ca53f21df75"]}'
)


def test_the_specification_s_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, NICEHASH_SUBSCRIBED), (True, AUTHORIZE)]
    lines += [(False, b'{"id": 2, "result": true }')]
    lines += [(False, b'{"id": 1, "method": "mining.set_difficulty", "params": [20000]}')]
    lines += [(False, NOTIFY), (True, SUBMIT), (False, b'{"id": 4, "result": true}'), (False, PRINT)]
    lines += [(True, b'{"id": 9, "method": "mining.hashrate", "params": [1000]}')]
    lines += [(True, SUBMIT.replace(b"4,", b"5,"))]
    lines += [
        (False, b'{"id": 5, "result": null, "error": {"code": 21, "message": "Job not found", "data": null}}')
    ]
    assert translate_all(xelis, hear(lines)) == [
        Login(agent="MyMiner/1.0.0"),
        Trait("algorithms", "xel/0,xel/1"),
        Trait("extranonce1", "30c874c31a2f2fbb02dbcb2db0b7a41641b3be88abb9b7f33d6bcc8839ca"),
        Trait("extranonce2_size", "30"),
        Login("xel:WALLET_ADDRESS", worker="WORKER_NAME"),
        LoginAnswer(True),
        Difficulty(20_000.0, "hashes"),  # target (2^256 - 1) / 20000
        Job("abc123", algorithm="xel/0", clean=True),
        Submit("4", "abc123", "0011223344556677", "WORKER_NAME"),
        Answer("4", True),
        Trait("notice", "Your wallet address is invalid"),
        ReportedRate(1000.0),
        Submit("5", "abc123", "0011223344556677", "WORKER_NAME"),
        Answer("5", False, True, "Job not found"),
    ]


def test_the_forms_of_a_proxy_and_of_its_miner_are_shares():
    events = translate_all(xelis, hear([(True, NICEHASH_SUBMIT), (True, MINER_SUBMIT)]))
    assert [(e.job_id, e.nonce) for e in events] == [
        ("7", "13639ca53f21df75b94a"),
        ("00000000ec3f3fa7", "13639ca53f21df75"),
    ]


def test_the_password_is_never_part_of_an_event():
    assert "SECRET" not in repr(translate_all(xelis, hear([(True, AUTHORIZE)])))


@pytest.mark.parametrize(
    ("side", "line"), [(False, NOTIFY), (True, NICEHASH_SUBMIT), (False, NICEHASH_SUBSCRIBED)]
)
def test_job_share_of_an_address_and_public_key_decide_in_mid_session(side, line):
    judgement = xelis.claim(hear([(side, line)]))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


def test_a_share_under_a_worker_name_claims_nothing():
    assert isinstance(xelis.claim(hear([(True, MINER_SUBMIT)])), NeedMore)


def test_a_refused_login_is_a_weak_claim():
    refused = b'{"id":2,"result":false,"error":{"code":-1,"message":"invalid wallet address"}}'
    opening = hear([(True, AUTHORIZE), (False, refused)])
    judgement = xelis.claim(opening)
    assert isinstance(judgement, Claim)
    assert not judgement.decisive
    assert translate_all(xelis, opening)[1] == LoginAnswer(False, "invalid wallet address")


@pytest.mark.parametrize(
    "line",
    [
        NOTIFY.replace(b"19726D97F49", b"1"),  # 1970
        NOTIFY.replace(b"xel/0", b"rx/0"),
        NOTIFY.replace(b"d9da51a0", b""),
        NOTIFY.replace(b"true", b"1"),
    ],
)
def test_a_job_with_impossible_time_hash_or_algorithm_is_none(line):
    assert translate_all(xelis, hear([(False, line)])) == []
    assert isinstance(xelis.claim(hear([(False, line)])), NotThis)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("xelis")}.items():
        assert isinstance(xelis.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("xel:abc", "tnn-miner", worker="rig7"),
        LoginAnswer(True),
        Difficulty(400_000.0, "stratum"),
        Job("00000001", clean=False, algorithm="xel/v2"),
        Submit("7", "00000001", "00c0ffee", "rig7"),
        Answer("7", True),
        ReportedRate(21_000.5),
        Job("00000002", work=800_000.25, clean=True),
        Submit("8", "00000001", "00c0ffef", "rig7"),
        Answer("8", False, True, ""),
    ]
    heard = [e for e in round_trip(xelis, script) if not isinstance(e, Trait)]
    assert heard[:3] == [Login(agent="tnn-miner"), Login("xel:abc", worker="rig7"), LoginAnswer(True)]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == [400_000.0, 800_000.25]
    assert [(e.job_id, e.clean) for e in heard if isinstance(e, Job)] == [
        ("00000001", False),
        ("00000002", True),
    ]
    assert [e for e in heard if isinstance(e, Submit)] == [
        Submit("7", "00000001", "0000000000c0ffee", "rig7"),
        Submit("8", "00000001", "0000000000c0ffef", "rig7"),
    ]
    assert [e.hps for e in heard if isinstance(e, ReportedRate)] == [21_000.5]
    answers = [(e.key, e.accepted, e.stale) for e in heard if isinstance(e, Answer)]
    assert answers == [("7", True, False), ("8", False, True)]


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(xelis.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        nested = Rpc(0, False, b"", body={"method": method, "params": ["1", value, value, value, True]})
        for rpc in (message, answer, nested):
            xelis.claim([rpc])
            xelis.translate(rpc, Talk())
