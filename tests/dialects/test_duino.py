"""Duino-Coin, against the lines that its miners and pools send (revoxhere/duino-coin, Bilaboz/duino-coin-pools)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.dialects import duino
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
from dialects.talking import foreign_openings, hear, round_trip, translate_all

# the job that an Android client (find_string, public) documents for JOB,user,LOW
LAST = "32d87953f66baea4b3bb3e7fee68e27d6b12692d"
EXPECTED = "2924aba17c470d457c3e9310b1fe34d58d32b820"
JOB = (False, f"{LAST},{EXPECTED},25000".encode())
ASK = (True, b"JOB,revox,LOW,SECRETKEY")
RESULT = (True, b"1234567,3100000.25,Official PC Miner 4.0,attic,,2811")
GOOD = (False, b"GOOD")


def test_a_session_is_read_event_by_event():
    lines = [(False, b"3.0"), ASK, JOB, RESULT, GOOD, ASK]
    lines += [
        (False, f"{EXPECTED},{LAST},25000".encode()),
        (True, b"77,3000000.0,Official PC Miner 4.0,attic,,2811"),
    ]
    lines += [(False, b"BAD,Incorrect result")]
    assert translate_all(duino, hear(lines)) == [
        Login("revox"),
        Trait("start_difficulty", "LOW"),
        Difficulty(1_250_000.0, "hashes"),  # the nonce is drawn from 1..2,500,000
        Job(EXPECTED, algorithm="duco-s1"),
        Login(agent="Official PC Miner 4.0", rig_id="attic"),
        ReportedRate(3_100_000.25, "attic"),
        Submit("1", EXPECTED, "1234567", "attic"),
        Answer("1", True),
        Job(LAST, algorithm="duco-s1"),
        ReportedRate(3_000_000.0, "attic"),
        Submit("2", LAST, "77", "attic"),
        Answer("2", False, False, "Incorrect result"),
    ]


def test_the_mining_key_is_never_part_of_an_event():
    assert "SECRETKEY" not in repr(translate_all(duino, hear([ASK, JOB, RESULT])))


def test_block_is_a_grant_and_microcontrollers_answer_in_binary():
    lines = [
        (True, b"JOBXX,revox,AVR"),
        JOB,
        (True, b"10011,170.5,Official AVR Miner,None,DUCOID1"),
        (False, b"BLOCK"),
    ]
    events = translate_all(duino, hear(lines))
    assert Submit("1", EXPECTED, "10011") in events
    assert events[-1] == Answer("1", True)
    assert Trait("start_difficulty", "AVR") in events


def test_the_version_may_be_glued_to_the_first_job():
    (difficulty, job) = translate_all(duino, hear([(False, b"2.5" + JOB[1])]))
    assert (difficulty.value, job.job_id) == (1_250_000.0, EXPECTED)


def test_an_answer_vouches_for_a_share_that_was_not_heard():
    lines = [JOB, GOOD, GOOD, (False, f"{EXPECTED},{LAST},25000".encode()), (False, b"BAD,Too many workers")]
    assert translate_all(duino, hear(lines))[2:] == [
        Submit("1", EXPECTED, ""),
        Answer("1", True),
        Answer(None, True),  # a second answer to the same job belongs to nothing
        Job(LAST, algorithm="duco-s1"),
        Submit("2", LAST, ""),
        Answer("2", False, False, "Too many workers"),
    ]


def test_a_share_that_was_vouched_for_is_not_counted_when_it_comes_late():
    events = translate_all(duino, hear([JOB, GOOD, RESULT]))
    assert [e for e in events if isinstance(e, Submit)] == [Submit("1", EXPECTED, "")]


def test_glued_requests_give_a_user_name_only_where_it_is_sure():
    glued = (
        b"JOB,revox,MEDIUM251,3200.5,Minimal_PC_MinerJOB,revox,MEDIUM77,3200.5,Minimal_PC_Miner" + b"x" * 600
    )
    assert translate_all(duino, hear([(True, glued)])) == [Login("revox")]
    assert translate_all(duino, hear([(True, b"JOB,revox251,3200.5,MinerJOB,revox77,3200.5,Miner")])) == []


def test_a_refused_user_is_a_refused_login():
    assert translate_all(duino, hear([ASK, (False, b"NO,Not enough data")]))[-1] == LoginAnswer(
        False, "Not enough data"
    )


def test_a_job_alone_decides():
    for job in (JOB, (False, b"3.0" + JOB[1])):
        judgement = duino.claim(hear([job]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


@pytest.mark.parametrize("lines", [[ASK], [RESULT, GOOD], [ASK, RESULT, GOOD], [ASK, (False, b"NO,banned")]])
def test_requests_and_results_without_a_job_claim_without_deciding(lines):
    judgement = duino.claim(hear(lines))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


@pytest.mark.parametrize(
    "lines",
    [
        [(True, b"GET / HTTP/1.1")],
        [(True, b"EHLO mail.example"), (False, b"250 GOOD")],
        [(True, b"JOBS"), (False, b"1,2,3")],
        [(True, b"1234,5678"), GOOD],  # no miner name
        [(True, JOB[1])],  # a job from the wrong side
    ],
)
def test_other_text_protocols_claim_nothing(lines):
    assert isinstance(duino.claim(hear(lines)), NeedMore)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("duino")}.items():
        assert isinstance(duino.claim(opening), NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("revox", "Official PC Miner 4.0", rig_id="attic"),
        LoginAnswer(True),
        Difficulty(50.0 * 25_000, "hashes"),
        Job("00000001", height=1),
        Submit("7", "00000001", "00c0ffee", "attic"),
        Answer("7", True),
        Submit("8", "00000001", "00c0ffef", "attic"),  # asks for the job again
        Answer("8", False, True, "Stale share"),
        Job("00000002", work=50.0 * 30_000),
        Submit("9", "00000002", "00c0fff0", "attic"),
        Answer("9", False, False, "Low difficulty share"),
    ]
    heard = round_trip(duino, script)
    assert heard[0] == Login("revox")
    assert Login(agent="Official PC Miner 4.0", rig_id="attic") in heard
    assert [e.value for e in heard if isinstance(e, Difficulty)] == [1_250_000.0, 1_500_000.0]
    assert [e.job_id for e in heard if isinstance(e, Job)] == ["00000001", "00000001", "00000002"]
    shares = [(e.key, e.job_id, e.nonce) for e in heard if isinstance(e, Submit)]
    assert shares == [
        ("1", "00000001", str(0xC0FFEE)),
        ("2", "00000001", str(0xC0FFEF)),
        ("3", "00000002", str(0xC0FFF0)),
    ]
    answers = [(e.key, e.accepted, e.stale) for e in heard if isinstance(e, Answer)]
    assert answers == [("1", True, False), ("2", False, True), ("3", False, False)]
    assert not [e for e in heard if isinstance(e, ReportedRate)]


@pytest.mark.parametrize(("work", "spoken"), [(74.0, 50.0), (76.0, 100.0), (1.0, 50.0)])
def test_the_difficulty_is_rounded_to_whole_numbers_on_the_wire(work, spoken):
    heard = round_trip(duino, [Difficulty(work, "hashes"), Job("1")])
    assert [e.value for e in heard if isinstance(e, Difficulty)] == [spoken]


def test_memory_stays_small_whatever_the_client_sends():
    talk = Talk()
    for number in range(1000):
        duino.translate(hear([(True, f"{number},1.5,miner{number},rig".encode())])[0], talk)
    assert len(repr(talk.memory)) < 1000


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=700)), max_size=6))
def test_hostile_bytes_never_raise(lines):
    talk = Talk()
    for side, data in [*lines, (False, JOB[1]), *lines]:
        rpc = Rpc(0, side, data)
        duino.claim([rpc])
        duino.translate(rpc, talk)


@given(st.lists(st.sampled_from(["JOB", "GOOD", "BAD", ",", "1", "9" * 40, "1e999", "-", LAST, "\x00", "é"])))
def test_hostile_words_never_raise(words):
    for side in (True, False):
        rpc = Rpc(0, side, "".join(words).encode())
        duino.claim([rpc])
        duino.translate(rpc, Talk(memory={"job": "1", "flying": 3, "count": "x"}))
