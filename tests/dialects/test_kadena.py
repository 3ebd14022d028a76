"""Kadena, against the messages of chainweb-mining-client Protocol.hs and the header layout of docs.kadena.io."""

import pytest
from hypothesis import given

from davylamp.dialects import kadena
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

from dialects.neighbors import neighbors
from dialects.talking import foreign_openings, hear, json_values, round_trip, translate_all

KEY = "900703b6dd2493696068af72957a94129e54e85f269becc665672bf4730fc6a3"
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["kdaminer-v1.0.0",null]}'
SUBSCRIBED = b'{"id":1,"result":[null,"012345",5],"error":null}'
AUTHORIZE = b'{"id":2,"method":"mining.authorize","params":["' + KEY.encode() + b'","secret"]}'
TARGET = b'{"id":null,"method":"mining.set_target","params":["0001' + b"00" * 30 + b'"]}'
SUBMIT = b'{"id":102,"method":"mining.submit","params":["' + KEY.encode() + b'.worker1","1234","6789abcdef"]}'
# docs.kadena.io: 8 flags, 8 time, 32 parent, 2 + 3 x (4 + 32) adjacents, 32 target, 32 payload, 4 chain, 32 weight,
# 8 height, 4 version, 8 epoch start, 8 nonce
HEADER = (
    "00" * 8
    + "00e0b2a1f40a0600"
    + "aa" * 32
    + "0300" + ("02000000" + "b2" * 32) + ("05000000" + "b5" * 32) + ("07000000" + "b7" * 32)
    + "00" * 23 + "01" + "00" * 8  # 2^184, little endian
    + "cc" * 32
    + "03000000"
    + "00" * 32
    + "40420f0000000000"  # 1,000,000
    + "05000000"
    + "00" * 16
)  # fmt: skip
NOTIFY = b'{"id":null,"method":"mining.notify","params":["1234","' + HEADER.encode() + b'",true]}'


def test_the_protocol_s_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE)]
    lines += [(False, b'{"id":2,"result":true,"error":null}'), (False, TARGET), (False, NOTIFY)]
    lines += [(True, SUBMIT), (False, b'{"id":102,"result":true,"error":null}')]
    lines += [(True, SUBMIT.replace(b"102", b"103"))]
    lines += [(False, b'{"id":103,"result":false,"error":[3,"stale job",null]}')]
    share = Submit("102", "1234", "6789abcdef", KEY + ".worker1")
    assert translate_all(kadena, hear(lines)) == [
        Login(agent="kdaminer-v1.0.0"),
        Trait("extranonce1", "012345"),
        Trait("extranonce2_size", "5"),
        Login(KEY),
        LoginAnswer(True),
        Difficulty(65_536.0, "hashes"),  # target 0x0001 and 30 zero bytes is 2^240
        Job("1234", height=1_000_000, clean=True, prev_hash="aa" * 32, network_work=2.0**72),
        share,
        Answer("102", True),
        Submit("103", "1234", "6789abcdef", KEY + ".worker1"),
        Answer("103", False, True, "stale job"),
    ]


def test_a_difficulty_of_unverified_worth_stays_in_units_of_the_pool():
    heard = hear([(False, b'{"id":null,"method":"mining.set_difficulty","params":[3]}')])
    assert translate_all(kadena, heard) == [Difficulty(3.0, "stratum")]


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(kadena, hear([(True, AUTHORIZE)])))


def test_a_job_alone_decides():
    judgement = kadena.claim(hear([(False, NOTIFY)]))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


@pytest.mark.parametrize(
    ("part", "wrong"),
    [("0300" + "02000000", "0400" + "02000000"), ("cc03000000", "cc14000000"), ("40420f00", "00000000")],
)
def test_a_header_with_impossible_neighbors_chain_or_height_is_no_job(part, wrong):
    line = NOTIFY.replace(part.encode(), wrong.encode())
    assert line != NOTIFY
    assert translate_all(kadena, hear([(False, line)])) == []
    assert isinstance(kadena.claim(hear([(False, line)])), NotThis)


@pytest.mark.parametrize("line", [AUTHORIZE, SUBMIT, SUBMIT.replace(KEY.encode(), b"k:" + KEY.encode())])
def test_an_account_in_login_or_share_claims_without_deciding(line):
    judgement = kadena.claim(hear([(True, line)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_a_share_under_an_account_name_claims_nothing():
    share = SUBMIT.replace(KEY.encode(), b"account")
    assert isinstance(kadena.claim(hear([(True, share)])), NeedMore)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("kadena")}.items():
        assert isinstance(kadena.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("k:" + KEY, "bm-k1"),
        LoginAnswer(True),
        Difficulty(3.5e12, "hashes"),
        Job("00000001", work=3.5e12, height=4_400_123, prev_hash="ab" * 32, clean=False),
        Submit("7", "00000001", "00c0ffee"),
        Answer("7", True),
        Job("00000002", work=7e12, height=4_400_124, clean=True),
        Submit("8", "00000001", "00c0ffef"),
        Answer("8", False, True, "stale"),
        Submit("9", "00000002", "00c0fff0"),
        Answer("9", False, False, "low difficulty"),
    ]
    heard = [e for e in round_trip(kadena, script) if not isinstance(e, Trait)]
    assert heard[:3] == [Login(agent="bm-k1"), Login("k:" + KEY), LoginAnswer(True)]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == pytest.approx([3.5e12, 7e12], rel=1e-9)
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height, j.clean) for j in jobs] == [
        ("00000001", 4_400_123, False),
        ("00000002", 4_400_124, True),
    ]
    assert jobs[0].prev_hash == "ab" * 32
    shares = [(e.key, e.job_id) for e in heard if isinstance(e, Submit)]
    assert shares == [("7", "00000001"), ("8", "00000001"), ("9", "00000002")]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[8], script[10]]


def test_a_refused_login_and_a_late_share_are_heard_as_such():
    events = round_trip(kadena, [Login("w", "a"), LoginAnswer(False, "unknown account")])
    assert events[-1] == LoginAnswer(False, "unknown account")
    late = round_trip(kadena, [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")])[-1]
    assert (late.accepted, late.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(kadena.METHODS | {"mining.set_difficulty"}):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        nested = Rpc(0, False, b"", body={"method": method, "params": ["1", value, True], "id": 1})
        for rpc in (message, answer, nested):
            kadena.claim([rpc])
            kadena.translate(rpc, Talk())
