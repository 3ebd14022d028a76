"""Ergo, against ergo-stratum-rs protocol.rs, Miningcore's ErgoPool and ErgoStratumServer's two ways with b."""

import pytest
from hypothesis import given

from davylamp.dialects import ergo
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

WALLET = "9fRAWhdxEsTcdb8PhGNrZfwqa65zfkuYHAMmkQLcic1gdLSV5vA"
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["gpu-mining-rs/0.1.0","EthereumStratum/1.0.0"]}'
SUBSCRIBED = b'{"id":1,"result":[["mining.notify","00000001","EthereumStratum/1.0.0"],"0a3f",6],"error":null}'
AUTHORIZE = b'{"id":3,"method":"mining.authorize","params":["' + WALLET.encode() + b'.rig1","secret"]}'
SET_ONE = b'{"id":null,"method":"mining.set_difficulty","params":[1]}'
SUBMIT = (
    b'{"id":1000,"method":"mining.submit","params":["' + WALLET.encode() + b'.rig1","7","0a0b0c0d","",'
    b'"010203040a0b0c0d"]}'
)


def notify(boundary: str, job: str = "7") -> bytes:
    """A job of the documented nine parts."""
    head = f'{{"id":null,"method":"mining.notify","params":["{job}",1500000,"' + "ab" * 32
    return (head + f'","","",3,"{boundary}","",true]}}').encode()


def set_difficulty(value: str) -> bytes:
    """A difficulty as a pool sends it."""
    return ('{"id":null,"method":"mining.set_difficulty","params":[' + value + "]}").encode()


def work_of(*lines: bytes) -> float | None:
    """The work of the last job that the server sends."""
    return translate_all(ergo, hear([(False, line) for line in lines]))[-1].work


def test_a_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE)]
    lines += [(False, b'{"id":3,"result":true,"error":null}'), (False, SET_ONE), (False, notify(str(2**224)))]
    lines += [(True, SUBMIT), (False, b'{"id":1000,"result":true,"error":null}')]
    lines += [
        (True, SUBMIT.replace(b"1000", b"1001")),
        (False, b'{"id":1001,"result":false,"error":[21,"stale job"]}'),
    ]
    assert translate_all(ergo, hear(lines)) == [
        Login(agent="gpu-mining-rs/0.1.0"),
        Trait("extranonce1", "0a3f"),
        Trait("extranonce2_size", "6"),
        Login(WALLET + ".rig1"),
        LoginAnswer(True),
        Job("7", work=4_294_967_296.0, height=1_500_000, clean=True),  # 2^256 / 2^224
        Submit("1000", "7", "010203040a0b0c0d", WALLET + ".rig1"),
        Answer("1000", True),
        Submit("1001", "7", "010203040a0b0c0d", WALLET + ".rig1"),
        Answer("1001", False, True, "stale job"),
    ]


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(ergo, hear([(True, AUTHORIZE)])))


def test_a_boundary_multiplied_by_the_pool_is_the_share_target():
    assert work_of(SET_ONE, notify(str(2**226))) == 2.0**30
    assert work_of(notify("0x" + "1" + "0" * 56)) == 2.0**32  # hex form of 2^224


def test_the_network_s_boundary_is_scaled_by_the_difficulty():
    # network difficulty 2^50, each share 2^20 times easier: worth 2^30 hashes
    job = translate_all(ergo, hear([(False, set_difficulty("1048576")), (False, notify(str(2**206)))]))[-1]
    assert job.work == 2.0**30
    assert job.network_work == 2.0**50


@pytest.mark.parametrize("repeated", ["4294967296", "4294901760", "1", "1.0", "0.99998"])
def test_a_difficulty_that_repeats_the_boundary_s_worth_changes_nothing(repeated):
    # b = 2^224 is worth 2^32 hashes, which is difficulty 1 in units of 2^32; 0xffff x 2^16 is NiceHash's figure
    assert work_of(set_difficulty(repeated), notify(str(2**224))) == 2.0**32


def test_without_a_difficulty_a_network_sized_boundary_is_not_guessed_at():
    assert work_of(notify(str(2**206))) is None
    assert work_of(notify(str(2**224))) == 2.0**32


def test_a_small_difficulty_of_unknown_convention_gives_no_work():
    assert work_of(set_difficulty("8"), notify(str(2**206))) is None
    assert work_of(set_difficulty("1e60"), notify(str(2**224))) is None


def test_a_job_or_a_share_alone_decides_in_mid_session():
    for opening in [*of("ergo").values(), hear([(True, SUBMIT)])]:
        judgement = ergo.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


@pytest.mark.parametrize(
    "wrong", ["1" * 19, "1" * 79, "-" + "1" * 30, "", "abc", str(2**256), "0x", "\u0661" * 30]
)
def test_a_boundary_that_is_none_makes_no_job(wrong):
    assert translate_all(ergo, hear([(False, notify(wrong))])) == []


def test_a_bitcoin_share_of_five_parts_is_none_of_ergo_s():
    share = b'{"id":4,"method":"mining.submit","params":["u.1","bf","00000001","504e86ed","b2957c02"]}'
    assert isinstance(ergo.claim(hear([(True, share)])), NotThis)
    assert translate_all(ergo, hear([(True, share)])) == []


def test_a_subscription_decides_nothing():
    assert isinstance(ergo.claim(hear([(True, SUBSCRIBE), (False, SUBSCRIBED)])), NeedMore)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("ergo")}.items():
        assert isinstance(ergo.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(WALLET + ".rig", "lolMiner/1.98"),
        LoginAnswer(True),
        Difficulty(4.5e9, "hashes"),
        Job("1", height=1_300_001, clean=False),
        Submit("7", "1", "00c0ffee"),
        Answer("7", True),
        Job("2", work=9.0e9, height=1_300_002),
        Submit("8", "1", "00c0ffef"),
        Answer("8", False, True, "stale job"),
        Submit("9", "2", "00c0fff0"),
        Answer("9", False, False, "low difficulty share"),
    ]
    heard = [e for e in round_trip(ergo, script) if not isinstance(e, Trait)]
    assert heard[:3] == [Login(agent="lolMiner/1.98"), Login(WALLET + ".rig"), LoginAnswer(True)]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height, j.clean) for j in jobs] == [("1", 1_300_001, False), ("2", 1_300_002, True)]
    assert [j.work for j in jobs] == pytest.approx([4.5e9, 9.0e9], rel=1e-9)
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [("7", "1"), ("8", "1"), ("9", "2")]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[8], script[10]]


def test_a_refused_login_is_heard_as_one():
    events = round_trip(ergo, [Login("w", "a"), LoginAnswer(False, "unauthorized worker")])
    assert events[-1] == LoginAnswer(False, "unauthorized worker")


def test_a_late_share_is_spoken_so_that_it_is_heard_as_late():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")]
    answer = round_trip(ergo, script)[-1]
    assert (answer.accepted, answer.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    head = ["7", 1_500_000, "ab" * 32, value, value, value]
    for method in sorted(ergo.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        job = Rpc(0, False, b"", body={"method": method, "params": [*head, value, value, True]})
        share = Rpc(0, True, b"", body={"method": method, "params": [value, "7", value, value, value]})
        talk = Talk(memory={"difficulty": value})
        for rpc in (message, answer, job, share):
            ergo.claim([rpc])
            ergo.translate(rpc, talk)
