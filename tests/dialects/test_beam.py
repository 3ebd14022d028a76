"""Beam, against its stratum documentation, NiceHash's note and the session in a stored BeamHash III test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.dialects import beam
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

LOGIN = b'{"api_key":"skjdb7343636gucgjdjgd","id":"login","jsonrpc":"2.0","method":"login"}'
GRANTED = (
    b'{"code":0,"description":"Login successful","id":"login","jsonrpc":"2.0","nonceprefix":"471051c3",'
    b'"method":"result"}'
)
JOB = (
    b'{"jsonrpc":"2.0","method":"job","id":"2284471099",'
    b'"input":"fb1b64ed2a170ee919171aaa10e4f04d91f8bce204d52c0ee0405b1332e1b9d9",'
    b'"difficulty":138455134,"height":1067767,"nonceprefix":"471051c3"}'
)
SOLUTION = (
    b'{"id":"2284471099","jsonrpc":"2.0","method":"solution","nonce":"471051c32c32cafc","output":"'
    b"57050dd8ba98ac5d6d52d9ebde1bcf0c1a741abcd4c50accd2e1b6bd0030a16e81d51b476dde623b8f611b38d992c7f3"
    b"32b258d76c4cd402d9bd1d1ab6f6b92685a8d791d38a3e2cd08baab2a27ea004b54e9bfd4ce7d15db3d24d42582b941c"
    b'3ccdc8f800000000"}'
)
ACCEPTED = b'{"code":1,"description":"accepted","id":"2284471099","jsonrpc":"2.0","method":"result"}'
EXPIRED = b'{"code":3,"description":"expired","id":"2284471099","jsonrpc":"2.0","method":"result"}'
NICEHASH_JOB = (
    b'{"difficulty":3441671469,"id":"212",'
    b'"input":"636b90cc38bc7a347f074d9ca97c3a2158330f6844f8f52075a38a15ab483223",'
    b'"jsonrpc":"2.0","method":"job","nonceprefix":"ab4e3a"}'
)


def test_the_stored_session_is_read_event_by_event():
    lines = [(True, LOGIN), (False, GRANTED), (False, JOB), (True, SOLUTION), (False, ACCEPTED)]
    lines += [(True, SOLUTION), (False, EXPIRED)]
    share = Submit("2284471099", "2284471099", "471051c32c32cafc/57050dd8", solution_bytes=104)
    assert translate_all(beam, hear(lines)) == [
        Login("skjdb7343636gucgjdjgd"),
        LoginAnswer(True),
        Trait("extranonce1", "471051c3"),
        # 138,455,134 = 8 x 2^24 + 4,237,406: (2^24 + 4,237,406) x 2^(8 - 24)
        Job("2284471099", work=21_014_622 / 65_536, height=1_067_767),
        Trait("extranonce1", "471051c3"),
        share,
        Answer("2284471099", True),
        share,
        Answer("2284471099", False, True, "expired"),
    ]


def test_a_difficulty_no_machine_can_reach_gives_no_work():
    job = translate_all(beam, hear([(False, NICEHASH_JOB)]))[0]  # the specification's figure is 2^205
    assert job == Job("212")


def test_a_failed_login_is_told_from_a_rejected_solution():
    failed = b'{"code":-32003,"description":"Login failed","id":"login","jsonrpc":"2.0","method":"result"}'
    rejected = b'{"code":2,"description":"rejected","id":"212","jsonrpc":"2.0","method":"result"}'
    assert translate_all(beam, hear([(False, failed)])) == [LoginAnswer(False, "Login failed")]
    assert translate_all(beam, hear([(False, rejected)])) == [Answer("212", False, False, "rejected")]
    named = LOGIN.replace(b'"id":"login"', b'"id":"l1"')
    assert translate_all(beam, hear([(True, named), (False, failed.replace(b'"login"', b'"l1"'))]))[1] == (
        LoginAnswer(False, "Login failed")
    )


@pytest.mark.parametrize(
    ("packed", "solutions"),
    [(0, 1.0), (1 << 24, 2.0), (10 << 24, 1024.0), ((10 << 24) | (1 << 23), 1536.0)],
)
def test_a_packed_difficulty_is_order_and_mantissa(packed, solutions):
    assert beam.unpack(packed) == solutions
    assert beam.pack(solutions) == packed


@given(st.floats(1.0, 2.0**90))
def test_packing_keeps_24_bits(work):
    assert beam.unpack(beam.pack(work)) == pytest.approx(work, rel=6e-8)


def test_two_solutions_of_one_nonce_are_two_shares():
    other = SOLUTION.replace(b'"57050dd8', b'"68050dd8')
    first, second = translate_all(beam, hear([(True, SOLUTION), (True, other)]))
    assert first.nonce != second.nonce


def test_jobs_or_solutions_alone_decide_in_mid_session():
    for opening in [*of("beam").values(), hear([(False, NICEHASH_JOB)]), hear([(True, SOLUTION)])]:
        judgement = beam.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_login_alone_is_a_weak_claim():
    judgement = beam.claim(hear([(True, LOGIN)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_a_result_with_a_code_is_a_weak_claim():
    judgement = beam.claim(hear([(False, ACCEPTED)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("beam")}.items():
        assert isinstance(beam.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("wallet.rig", "lolMiner 1.76"),
        LoginAnswer(True),
        Difficulty(512.25, "hashes"),
        Job("11", height=2_500_001),
        Submit("7", "11", "00c0ffee"),
        Answer("7", True),
        Job("12", work=1_000_003.0, height=2_500_002),
        Submit("8", "11", "00c0ffef"),
        Submit("9", "12", "00c0fff0"),
        Answer("8", False, True, "expired"),
        Answer("9", False, False, "rejected"),
    ]
    heard = [e for e in round_trip(beam, script) if not isinstance(e, Trait)]
    assert heard[:2] == script[:2]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height) for j in jobs] == [("11", 2_500_001), ("12", 2_500_002)]
    assert [j.work for j in jobs] == pytest.approx([512.25, 1_000_003.0], rel=6e-8)
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("11", "11"),
        ("11", "11"),
        ("12", "12"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [
        Answer("11", True),
        Answer("11", False, True, "expired"),
        Answer("12", False, False, "rejected"),
    ]


def test_a_late_share_is_spoken_so_that_it_is_heard_as_late():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")]
    answer = round_trip(beam, script)[-1]
    assert (answer.accepted, answer.stale) == (False, True)


def test_a_refused_login_is_heard_as_one():
    assert round_trip(beam, [Login("w"), LoginAnswer(False, "Login failed")])[1] == LoginAnswer(
        False, "Login failed"
    )


@given(json_values)
def test_hostile_json_never_raises(value):
    names = [
        "id",
        "api_key",
        "input",
        "difficulty",
        "height",
        "nonceprefix",
        "nonce",
        "output",
        "code",
        "description",
    ]
    for method in [None, *sorted(beam.METHODS)]:
        for field in names:
            body = {"method": method, "id": "1", "input": "ab" * 32, "difficulty": 1, "code": 1, field: value}
            rpc = Rpc(0, False, b"", body=body)
            beam.claim([rpc])
            beam.translate(rpc, Talk())
