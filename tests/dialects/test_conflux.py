"""Conflux, against Conflux-Chain/conflux-doc docs/stratum.md and NiceHash's Octopus specification."""

import pytest
from hypothesis import given

from davylamp.dialects import conflux
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

SUBSCRIBE = b'{"jsonrpc":"2.0","method":"mining.subscribe","params":["cfxmine","secret"],"id":1}'
HEADER = b"0xb314e92a1730c832ad4bb85283e6792f3a8ee9fd596e3bcfe38ec426cf3d3ff2"
BOUNDARY = b"0x044b82fa09b5a52cb98b405447c4a98187eebb22f008d5d64f9c394ae9"
NOTIFY = (
    b'{"id":0,"method":"mining.notify","params":["2a1730c8","1641369","' + HEADER + b'","' + BOUNDARY + b'"],'
    b'"xn:":"01ab"}'
)
NODE_HASH = b"0x4e08db21d43a7696afa3d00ed948568210f3ab3f34673f1d17198625ec175a9c"
NODE_NOTIFY = (
    b'{"jsonrpc":"2.0","method":"mining.notify","params":["' + NODE_HASH + b'","' + NODE_HASH + b'",'
    b'"0x1a4e3422948568210f3ab3f34673f1d17198625ec175a9c"],"id":3}'
)
SOLVED = b"0x2106e1162d1199483fa010bcaa7d4f05b23b85d456b4a7089d787ae2e880deaf"
NONCE = b"0x21b49d385865819a171ed8cd9d9f80acc468e501f3486d3600000000000c786c"
SUBMIT = (
    b'{"jsonrpc":"2.0","method":"mining.submit","params":["cfxmine","' + SOLVED + b'","' + NONCE + b'","'
    + SOLVED + b'"],"id":5}'
)  # fmt: skip


def test_the_node_s_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, b'{"jsonrpc":"2.0","result":"true","id":1}'), (False, NODE_NOTIFY)]
    lines += [(True, SUBMIT), (False, b'{"jsonrpc":"2.0","result":["true"],"id":5}')]
    lines += [(True, SUBMIT), (False, b'{"jsonrpc":"2.0","result":["false","invlaid nonce"],"id":5}')]
    share = Submit("5", SOLVED.decode(), NONCE.decode()[2:], "cfxmine")
    work = 2.0**256 / 0x1A4E3422948568210F3AB3F34673F1D17198625EC175A9C
    assert translate_all(conflux, hear(lines)) == [
        Login("cfxmine"),
        LoginAnswer(True),
        Job(NODE_HASH.decode(), work=work),
        share,
        Answer("5", True),
        share,
        Answer("5", False, False, "invlaid nonce"),
    ]


def test_a_boundary_without_leading_zeros_is_read_as_a_number():
    (job, extranonce) = translate_all(conflux, hear([(False, NOTIFY)]))
    assert job.job_id == "2a1730c8"
    assert job.height == 1_641_369
    # 58 digits that begin 044b82fa: 2^256 / (0x044b82fa x 2^200) = 2^56 / 72,057,594 = 1.0000e9 hashes
    assert job.work == pytest.approx(1.0e9, rel=1e-7)
    assert extranonce == Trait("extranonce1", "01ab")


def test_the_secret_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(conflux, hear([(True, SUBSCRIBE)])))


@pytest.mark.parametrize("result", [b"true", b'"true"', b"[true]", b'["true"]'])
def test_every_form_of_true_grants_a_share(result):
    lines = [(True, SUBMIT), (False, b'{"id":5,"result":' + result + b"}")]
    assert translate_all(conflux, hear(lines))[1] == Answer("5", True)


@pytest.mark.parametrize("result", [b"false", b'"false"', b"[false]", b"[]", b"null", b"{}"])
def test_everything_else_refuses_it(result):
    lines = [(True, SUBMIT), (False, b'{"id":5,"result":' + result + b"}")]
    assert not translate_all(conflux, hear(lines))[1].accepted


def test_jobs_or_shares_alone_decide_in_mid_session():
    lines = [hear([(False, NOTIFY)]), hear([(False, NODE_NOTIFY)]), hear([(True, SUBMIT)])]
    for opening in [*of("conflux").values(), *lines]:
        judgement = conflux.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_subscription_decides_nothing():
    assert isinstance(conflux.claim(hear([(True, SUBSCRIBE)])), NeedMore)
    named = conflux.claim(
        hear([(True, SUBSCRIBE.replace(b"cfxmine", b"cfx:aak2rra2njvd77ezwjvx04kkds9fzagfe6ku8scz91"))])
    )
    assert isinstance(named, Claim)
    assert not named.decisive


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("conflux")}.items():
        assert isinstance(conflux.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("cfx:wallet.rig"),
        LoginAnswer(True),
        Difficulty(2.5e9, "hashes"),
        Job("j1", height=90_000_001),
        Submit("7", "j1", "00c0ffee"),
        Answer("7", True),
        Job("j2", work=5.0e9, height=90_000_002),
        Submit("8", "j1", "00c0ffef"),
        Answer("8", False, True, "stale share"),
        Submit("9", "j2", "00c0fff0"),
        Answer("9", False, False, "invalid nonce"),
    ]
    heard = [e for e in round_trip(conflux, script) if not isinstance(e, Trait)]
    assert heard[:2] == script[:2]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height) for j in jobs] == [("j1", 90_000_001), ("j2", 90_000_002)]
    assert [j.work for j in jobs] == pytest.approx([2.5e9, 5.0e9], rel=1e-9)
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("7", "j1"),
        ("8", "j1"),
        ("9", "j2"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[8], script[10]]


def test_a_refused_login_is_heard_as_one():
    assert round_trip(conflux, [Login("w"), LoginAnswer(False, "bad secret")])[1] == LoginAnswer(
        False, "bad secret"
    )


def test_a_late_share_is_spoken_so_that_it_is_heard_as_late():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")]
    answer = round_trip(conflux, script)[-1]
    assert (answer.accepted, answer.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(conflux.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value, "xn": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        nested = Rpc(0, False, b"", body={"method": method, "params": ["1", value, "0x" + "ab" * 32, value]})
        for rpc in (message, answer, nested):
            conflux.claim([rpc])
            conflux.translate(rpc, Talk())
