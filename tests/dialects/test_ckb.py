"""CKB, against the literal messages of leifjacky/ckb-gominer-demo README.md (both stored versions)."""

import pytest
from hypothesis import given

from davylamp.dialects import ckb
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

WALLET = "ckb1qyq2znu0gempdahctxsm49sa9jdzq9vnka7qt9ntff"
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["ckbminer-v1.0.0",null]}'
SUBSCRIBED = b'{"id":1,"result":[null,"00c904bd",12],"error":null}'
AUTHORIZE = b'{"id":2,"method":"mining.authorize","params":["' + WALLET.encode() + b'.worker1","secret"]}'
TARGET = b'{"id":null,"method":"mining.set_target","params":["0001' + b"00" * 30 + b'"]}'
NOTIFY = (
    b'{"id":null,"method":"mining.notify","params":["17282f3f",'
    b'"2860e9966c50829a76e650dc4abdf49c925d2fd116eab69cd7bc1ae6673225ef",21728,'
    b'"ebf5cca491c4760c1b4d9306e6aed35b17d773ab60650ed58974a84b2d0fb82c",true]}'
)
SUBMIT = (
    b'{"id":102,"method":"mining.submit","params":["' + WALLET.encode() + b'.worker1","17282f3f",'
    b'"000000000000000000114026"]}'
)


def test_the_specification_s_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE)]
    lines += [(False, b'{"id":2,"result":true,"error":null}'), (False, TARGET), (False, NOTIFY)]
    lines += [(True, SUBMIT), (False, b'{"id":102,"result":true,"error":null}')]
    lines += [(True, SUBMIT.replace(b"102", b"103"))]
    lines += [(False, b'{"id":103,"result":false,"error":[21,"low difficulty",null]}')]
    assert translate_all(ckb, hear(lines)) == [
        Login(agent="ckbminer-v1.0.0"),
        Trait("extranonce1", "00c904bd"),
        Trait("extranonce2_size", "12"),
        Login(WALLET + ".worker1"),
        LoginAnswer(True),
        Difficulty(65_536.0, "hashes"),  # target 0x0001 and 30 zero bytes is 2^240: 2^256 / 2^240
        Job(
            "17282f3f",
            height=21_728,
            clean=True,
            prev_hash="ebf5cca491c4760c1b4d9306e6aed35b17d773ab60650ed58974a84b2d0fb82c",
        ),
        Submit("102", "17282f3f", "000000000000000000114026", WALLET + ".worker1"),
        Answer("102", True),
        Submit("103", "17282f3f", "000000000000000000114026", WALLET + ".worker1"),
        Answer("103", False, False, "low difficulty"),
    ]


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(ckb, hear([(True, AUTHORIZE)])))


@pytest.mark.parametrize(
    ("target", "hashes"),
    [
        # 0x0020010000.. is 0x2001 x 2^232: 2^256 / (8193 x 2^232) = 2^24 / 8193
        ("0020010000000000000000000000000000000000000000000000000000000000", 2**24 / 8193),
        ("00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 2.0**32),
    ],
)
def test_a_target_is_worth_its_share_of_all_hashes(target, hashes):
    heard = hear([(False, b'{"method":"mining.set_target","params":["' + target.encode() + b'"]}')])
    (event,) = translate_all(ckb, heard)
    assert event.value == pytest.approx(hashes, rel=1e-12)


@pytest.mark.parametrize("target", ["", "00" * 32, "zz", "f" * 65])
def test_a_target_that_is_none_says_nothing(target):
    line = b'{"method":"mining.set_target","params":["' + target.encode() + b'"]}'
    assert translate_all(ckb, hear([(False, line)])) == []


def test_a_job_or_a_share_of_a_ckb_address_decides_in_mid_session():
    for opening in [*of("ckb").values(), hear([(True, SUBMIT)])]:
        judgement = ckb.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_share_under_an_account_name_does_not_decide():
    share = SUBMIT.replace(WALLET.encode(), b"account")
    assert isinstance(ckb.claim(hear([(True, share)])), NeedMore)


def test_a_refused_login_is_a_weak_claim():
    refused = b'{"id":2,"result":false,"error":[24,"unauthorized",null]}'
    opening = hear([(True, AUTHORIZE), (False, refused)])
    judgement = ckb.claim(opening)
    assert isinstance(judgement, Claim)
    assert not judgement.decisive
    assert translate_all(ckb, opening)[1] == LoginAnswer(False, "unauthorized")


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("ckb")}.items():
        assert isinstance(ckb.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(WALLET + ".rig", "ckbminer/1"),
        LoginAnswer(True),
        Difficulty(3.5e12, "hashes"),
        Job("j1", height=12_345_678, prev_hash="ab" * 32, clean=False),
        Submit("7", "j1", "00c0ffee"),
        Answer("7", True),
        Difficulty(7e12, "hashes"),
        Job("j2", height=12_345_679),
        Submit("8", "j1", "00c0ffef"),
        Answer("8", False, True, "stale"),
        Submit("9", "j2", "00c0fff0"),
        Answer("9", False, False, "low difficulty"),
    ]
    heard = [e for e in round_trip(ckb, script) if not isinstance(e, Trait)]
    assert heard[:3] == [Login(agent="ckbminer/1"), Login(WALLET + ".rig"), LoginAnswer(True)]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == pytest.approx([3.5e12, 7e12], rel=1e-9)
    assert [(e.job_id, e.height) for e in heard if isinstance(e, Job)] == [
        ("j1", 12_345_678),
        ("j2", 12_345_679),
    ]
    assert heard[4].prev_hash == "ab" * 32
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("7", "j1"),
        ("8", "j1"),
        ("9", "j2"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[9], script[11]]


def test_a_job_that_names_its_own_work_is_spoken_with_its_target():
    heard = round_trip(ckb, [Job("j1", work=2.0**33)])
    assert heard[0] == Difficulty(2.0**33, "hashes")
    assert heard[1].job_id == "j1"


def test_a_refused_login_is_heard_as_one():
    events = round_trip(ckb, [Login("w", "a"), LoginAnswer(False, "unauthorized worker")])
    assert events[-1] == LoginAnswer(False, "unauthorized worker")


def test_a_late_share_is_spoken_so_that_it_is_heard_as_late():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")]
    answer = round_trip(ckb, script)[-1]
    assert (answer.accepted, answer.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(ckb.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        nested = Rpc(0, False, b"", body={"method": method, "params": ["1", value, value, value, True]})
        for rpc in (message, answer, nested):
            ckb.claim([rpc])
            ckb.translate(rpc, Talk())
