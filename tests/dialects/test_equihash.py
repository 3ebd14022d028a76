"""Equihash, against the message forms of ZIP 301 and the Zhash specification."""

import orjson
import pytest
from hypothesis import given

from davylamp.dialects import equihash
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

WALLET = "t1" + "Ab3" * 11
SUBSCRIBE = (
    b'{"id": 1, "method": "mining.subscribe", "params": ["MagicBean/1.0.0", null, "pool.example.com", 3337]}'
)
SUBSCRIBED = b'{"id": 1, "result": ["s1", "e66c0000bbb0a52b"], "error": null}'
AUTHORIZE = b'{"id": 2, "method": "mining.authorize", "params": ["' + WALLET.encode() + b'.rig4", "secret"]}'
AUTHORIZED = b'{"id": 2, "result": true, "error": null}'
TARGET = b'{"id": null, "method": "mining.set_target", "params": ["0004' + b"00" * 30 + b'"]}'
PREVIOUS, ROOT = "22" * 32, "04" * 32
PARTS = ["1484582181", "04000000", PREVIOUS, ROOT, "00" * 32, "25ed7c58", "83837b1c", True]
JOB = orjson.dumps({"id": None, "method": "mining.notify", "params": PARTS})
ZHASH_JOB = orjson.dumps({"id": None, "method": "mining.notify", "params": [*PARTS, "144_5", "BgoldPoW"]})
VERUS_JOB = orjson.dumps({"id": None, "method": "mining.notify", "params": [*PARTS, "0700000001000000"]})


def share(solution, key=4):
    params = [WALLET + ".rig4", "1484582181", "25ed7c58", "f30c" + "00" * 22, solution]
    return orjson.dumps({"id": key, "method": "mining.submit", "params": params})


ZCASH_SHARE = share("fd4005" + "c3" * 1344)


def test_a_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE), (False, AUTHORIZED), (False, TARGET)]
    lines += [(False, JOB), (True, ZCASH_SHARE), (False, b'{"id":4,"result":true,"error":null}')]
    assert translate_all(equihash, hear(lines)) == [
        Login(agent="MagicBean/1.0.0", pool="pool.example.com:3337"),
        Trait("extranonce1", "e66c0000bbb0a52b"),
        Login(WALLET + ".rig4"),
        LoginAnswer(True),
        Difficulty(16384.0, "hashes"),  # 0x0004 before 240 zero bits: 2^256 / 2^242
        Job(
            "1484582181",
            clean=True,
            prev_hash=PREVIOUS,
            nbits=0x1C7B8383,  # sent as in the header, little endian
            network_work=2.0**56 / 0x7B8383,  # 2^256 / (0x7b8383 x 2^200)
        ),
        Trait("equihash", "200,9"),
        Submit("4", "1484582181", "f30c" + "00" * 22 + ":25ed7c58:" + "c3" * 8, WALLET + ".rig4", 1344),
        Answer("4", True),
    ]


@pytest.mark.parametrize(
    ("prefix", "size", "parameters"),
    [("fd4005", 1344, "200,9"), ("64", 100, "144,5"), ("fd9001", 400, "192,7"), ("34", 52, "125,4")],
)
def test_the_solutions_length_tells_the_parameters(prefix, size, parameters):
    events = translate_all(equihash, hear([(True, share(prefix + "9b" * size))]))
    assert events[0] == Trait("equihash", parameters)
    assert events[1].solution_bytes == size


@pytest.mark.parametrize(
    "solution", ["64" + "9b" * 99, "fd4105" + "9b" * 1344, "9b" * 1347, "", "zz", None, 7]
)
def test_a_solution_of_another_length_is_no_share(solution):
    opening = hear([(True, share(solution))])
    assert translate_all(equihash, opening) == []
    assert isinstance(equihash.claim(opening), NotThis)


def test_the_parts_behind_a_job_name_parameters_and_coin():
    events = translate_all(equihash, hear([(False, ZHASH_JOB)]))
    assert events[:2] == [Trait("equihash", "144,5"), Trait("personalization", "BgoldPoW")]
    assert events[2].algorithm == "144_5"


def test_verus_is_told_from_equihash():
    job = translate_all(equihash, hear([(False, VERUS_JOB)]))
    assert [e.algorithm for e in job] == ["verushash"]
    events = translate_all(equihash, hear([(True, share("fd4005" + "07000000" + "c3" * 1340))]))
    assert events[0] == Trait("algorithms", "verushash")


def test_late_shares_are_told_from_bad_ones():
    for words, stale in ((b'[21,"Job not found",null]', True), (b'[23,"Low difficulty share",null]', False)):
        answer = b'{"id":4,"result":null,"error":' + words + b"}"
        assert translate_all(equihash, hear([(True, ZCASH_SHARE), (False, answer)]))[2].stale is stale


def test_jobs_or_shares_alone_decide_in_mid_session():
    for side, line in ((False, JOB), (False, ZHASH_JOB), (True, ZCASH_SHARE)):
        judgement = equihash.claim(hear([(side, line)]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_login_with_an_address_is_a_weak_claim_and_a_greeting_none():
    judgement = equihash.claim(hear([(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive
    assert isinstance(equihash.claim(hear([(True, SUBSCRIBE)])), NeedMore)


def test_neighbors_and_other_conversations_are_not_claimed():
    for name, opening in {**neighbors("equihash"), **foreign_openings()}.items():
        assert isinstance(equihash.claim(opening), NeedMore | NotThis), name


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(equihash, hear([(True, AUTHORIZE)])))


@pytest.mark.parametrize(("algorithm", "size"), [("equihash/200,9", 1344), ("equihash/144,5", 100)])
def test_speaking_and_hearing_agree(algorithm, size):
    script = [
        Login(WALLET, "EWBF 0.3.4b", pool="pool.example:3333"),
        LoginAnswer(True),
        Job("a1", 1_000_000.0, clean=True, nbits=0x1C0FFFFF, algorithm=algorithm),
        Submit("7", "a1", "00c0ffee", "rig1"),
        Answer("7", True),
        Submit("8", "a1", "00c0ffef", "rig1"),
        Answer("8", False, True, "Stale share"),
    ]
    heard = [e for e in round_trip(equihash, script) if not isinstance(e, Trait)]
    assert heard[:3] == [
        Login(agent="EWBF 0.3.4b", pool="pool.example:3333"),
        Login(WALLET),
        LoginAnswer(True),
    ]
    assert heard[3].unit == "hashes"
    assert abs(heard[3].value / 1_000_000.0 - 1) < 1e-9
    assert (heard[4].job_id, heard[4].clean, heard[4].nbits) == ("a1", True, 0x1C0FFFFF)
    shares = [e for e in heard if isinstance(e, Submit)]
    assert [(s.key, s.job_id, s.worker, s.solution_bytes) for s in shares] == [
        ("7", "a1", "rig1", size),
        ("8", "a1", "rig1", size),
    ]
    assert len({s.nonce for s in shares}) == 2
    assert [e for e in heard if isinstance(e, Answer)] == [script[4], script[6]]


def test_a_target_is_spoken_only_when_it_changes():
    script = [
        Login("a"),
        LoginAnswer(True),
        Difficulty(1e6, "hashes"),
        Job("a1", 1e6),
        Job("a2", 1e6),
        Job("a3", 2e6),
    ]
    heard = [e for e in round_trip(equihash, script) if isinstance(e, Difficulty)]
    assert [round(e.value) for e in heard] == [1_000_000, 2_000_000]


@given(json_values, json_values, json_values)
def test_hostile_json_never_raises(first, second, third):
    params = [first, second, third, first, second, third, first, second, True]
    for method in sorted(equihash.METHODS):
        for value in (first, params[:5], params[:8], params):
            message = Rpc(0, True, b"", body={"method": method, "params": value, "id": second})
            answer = Rpc(0, False, b"", body={"result": value, "error": third, "id": 1}, request=message)
            for rpc in (message, answer):
                equihash.claim([rpc])
                equihash.translate(rpc, Talk())
