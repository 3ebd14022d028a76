"""Kaspa, against kaspa-stratum-bridge's code, IceRiver's examples and the NiceHash specification."""

import pytest
from hypothesis import given

from davylamp.dialects import kaspa
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

WALLET = "kaspa:qqkrl0er5ka5snd55gr9rcf6rlpx8nln8gf3jxf83w4dc0khfqmauy6qs83zm"
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["IceRiverMiner-v1.1","EthereumStratum/1.0.0"]}'
SUBSCRIBED = b'{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}'
AUTHORIZE = b'{"id":3,"method":"mining.authorize","params":["' + WALLET.encode() + b'.rig","secret"]}'
AUTHORIZED = b'{"id":3,"params":"mining.authorize","result":true}'
NOTIFY = (
    b'{"id":7,"jsonrpc":"2.0","method":"mining.notify","params":["7",'
    b"[5034206837465849870,18446744073709551615,0,3906443567190456342],1668019392000]}"
)
# 1668019392000 ms is 0x000001845db40e00; its eight bytes, last first, end the 40-byte form
BIG_NOTIFY = (
    b'{"id":7,"jsonrpc":"2.0","method":"mining.notify","params":["34","' + b"24" * 32 + b'000eb45d84010000"]}'
)
SUBMIT = (
    b'{"id":140,"method":"mining.submit","params":["' + WALLET.encode() + b'.rig","34","00011f7a5745732a"]}'
)


def test_a_session_with_the_bridge_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE), (False, AUTHORIZED)]
    lines += [(False, b'{"id":1,"method":"set_extranonce","params":["0029",6]}')]
    lines += [(False, b'{"id":2,"method":"mining.set_difficulty","params":[4096]}'), (False, NOTIFY)]
    lines += [(False, BIG_NOTIFY), (True, SUBMIT), (False, b'{"id":140,"result":true}')]
    assert translate_all(kaspa, hear(lines)) == [
        Login(agent="IceRiverMiner-v1.1"),
        Trait("protocol", "EthereumStratum/1.0.0"),
        Login(WALLET + ".rig"),
        LoginAnswer(True),
        Trait("extranonce1", "0029"),
        Difficulty(17_592_186_044_416.0, "hashes"),  # 4096 x 2^32 = 2^44
        Job("7"),
        Job("34"),
        Submit("140", "34", "00011f7a5745732a", WALLET + ".rig"),
        Answer("140", True),
    ]


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(kaspa, hear([(True, AUTHORIZE)])))


def test_an_extranonce_of_either_name_and_in_the_subscription_is_heard():
    prefixed = b'{"id":3,"method":"mining.set_extranonce","params":["0001"]}'
    assert translate_all(kaspa, hear([(False, prefixed)])) == [Trait("extranonce1", "0001")]
    answer = b'{"id":1,"result":[null,"a1b2",6],"error":null}'
    assert translate_all(kaspa, hear([(True, SUBSCRIBE), (False, answer)]))[2:] == [
        Trait("extranonce1", "a1b2"),
        Trait("extranonce2_size", "6"),
    ]


@pytest.mark.parametrize(
    ("answer", "stale", "reason"),
    [
        # the bridge's first version put the refusal where the result belongs
        (b'{"id":140,"result":[21,"Job not found",null]}', True, "Job not found"),
        (b'{"id":140,"result":[20,"Unknown problem",null]}', False, "Unknown problem"),
        (b'{"id":140,"result":null,"error":[23,"Low difficulty share",null]}', False, "Low difficulty share"),
    ],
)
def test_a_refusal_is_none_the_less_a_refusal_wherever_it_stands(answer, stale, reason):
    events = translate_all(kaspa, hear([(True, SUBMIT), (False, answer)]))
    assert events[1] == Answer("140", False, stale, reason)


@pytest.mark.parametrize("wrong", [b"[0]", b"[-1]", b'["x"]', b"[null]", b"[1e300]", b"[]", b"{}"])
def test_a_difficulty_that_is_none_says_nothing(wrong):
    line = b'{"method":"mining.set_difficulty","params":' + wrong + b"}"
    assert translate_all(kaspa, hear([(False, line)])) == []


def test_jobs_or_named_shares_alone_decide_in_mid_session():
    for opening in [
        *of("kaspa").values(),
        hear([(False, NOTIFY)]),
        hear([(False, BIG_NOTIFY)]),
        hear([(True, SUBMIT)]),
    ]:
        judgement = kaspa.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_forty_bytes_without_a_time_are_no_job():
    line = BIG_NOTIFY.replace(b"000eb45d84010000", b"ffffffffffffffff")
    assert isinstance(kaspa.claim(hear([(False, line)])), NotThis)
    assert translate_all(kaspa, hear([(False, line)])) == []


def test_the_bridge_s_answer_decides_and_ethereum_stratum_s_does_not():
    assert kaspa.claim(hear([(True, SUBSCRIBE), (False, SUBSCRIBED)])).decisive
    ethereum = b'{"id":1,"result":[["mining.notify","ae68","EthereumStratum/1.0.0"],"080c"],"error":null}'
    assert isinstance(kaspa.claim(hear([(True, SUBSCRIBE), (False, ethereum)])), NeedMore)


def test_the_nonce_prefix_without_the_mining_prefix_is_a_weak_claim():
    judgement = kaspa.claim(hear([(False, b'{"id":1,"method":"set_extranonce","params":["0029",6]}')]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_a_share_under_an_account_name_does_not_decide():
    share = SUBMIT.replace(WALLET.encode(), b"account")
    assert isinstance(kaspa.claim(hear([(True, share)])), NeedMore)
    cash = SUBMIT.replace(WALLET.encode(), b"bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a")
    assert isinstance(kaspa.claim(hear([(True, cash)])), NeedMore)


def test_a_login_alone_is_a_weak_claim():
    judgement = kaspa.claim(hear([(True, AUTHORIZE)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("kaspa")}.items():
        assert isinstance(kaspa.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(WALLET + ".rig", "lolMiner 1.76"),
        LoginAnswer(True),
        Difficulty(2.0**44, "hashes"),
        Job("34"),
        Submit("7", "34", "00c0ffee"),
        Answer("7", True),
        Job("35", work=3.0e13),
        Submit("8", "34", "00c0ffef"),
        Answer("8", False, True, ""),
        Submit("9", "35", "00c0fff0"),
        Answer("9", False, False, "Duplicate share"),
    ]
    heard = [e for e in round_trip(kaspa, script) if not isinstance(e, Trait)]
    assert heard[:3] == [Login(agent="lolMiner 1.76"), Login(WALLET + ".rig"), LoginAnswer(True)]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == pytest.approx(
        [2.0**44, 3.0e13], rel=1e-12
    )
    assert [e.job_id for e in heard if isinstance(e, Job)] == ["34", "35"]
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("7", "34"),
        ("8", "34"),
        ("9", "35"),
    ]
    granted, stale, refused = [e for e in heard if isinstance(e, Answer)]
    assert granted == Answer("7", True)
    assert (stale.key, stale.accepted, stale.stale) == ("8", False, True)
    assert refused == script[-1]


def test_a_pool_difficulty_is_spoken_in_the_dialect_s_own_unit():
    assert round_trip(kaspa, [Difficulty(4096.0, "stratum")]) == [Difficulty(2.0**44, "hashes")]


def test_a_refused_login_is_heard_as_one():
    events = round_trip(kaspa, [Login("w", "a"), LoginAnswer(False, "unauthorized worker")])
    assert events[-1] == LoginAnswer(False, "unauthorized worker")


def test_a_late_share_is_spoken_so_that_it_is_heard_as_late():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")]
    answer = round_trip(kaspa, script)[-1]
    assert (answer.accepted, answer.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(kaspa.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        nested = Rpc(0, False, b"", body={"method": method, "params": ["1", value, value]})
        for rpc in (message, answer, nested):
            kaspa.claim([rpc])
            kaspa.translate(rpc, Talk())
