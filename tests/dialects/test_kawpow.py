"""KawPow, against the NiceHash specification and the message shapes of two pool servers."""

import orjson
from hypothesis import given

from davylamp.dialects import kawpow
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

WALLET = "R" + "Ab3" * 11
HEADER, SEED, MIX = "5f" * 32, "1e" * 32, "99" * 32
TARGET = "00000000ff" + "00" * 27  # 0xff x 2^216
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["GMiner/2.09",null,"rvnt.minermore.com","4505"]}'
SUBSCRIBED = b'{"id":1,"result":[null,"64290b"],"error":null}'
AUTHORIZE = b'{"id":2,"method":"mining.authorize","params":["' + WALLET.encode() + b'.rig","secret"]}'
SET_TARGET = orjson.dumps({"id": None, "method": "mining.set_target", "params": [TARGET]})
JOB = orjson.dumps(
    {
        "id": None,
        "method": "mining.notify",
        "params": ["1d2f", HEADER, SEED, TARGET, True, 1_219_736, "1b00cb1a"],
    }
)


def share(user):
    params = [user, "1d2f", "0x3F2A000000000001", "0x" + HEADER, "0x" + MIX]
    return orjson.dumps({"id": 4, "method": "mining.submit", "params": params})


def test_a_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE), (False, b'{"id":2,"result":true}')]
    lines += [(False, SET_TARGET), (False, JOB), (True, share("a.b")), (False, b'{"id":4,"result":true}')]
    work = 2.0**40 / 255  # 2^256 / (255 x 2^216)
    assert translate_all(kawpow, hear(lines)) == [
        Login(agent="GMiner/2.09", pool="rvnt.minermore.com:4505"),
        Trait("extranonce1", "64290b"),
        Login(WALLET + ".rig"),
        LoginAnswer(True),
        Difficulty(work, "hashes"),
        Job(
            "1d2f",
            work,
            height=1_219_736,
            clean=True,
            nbits=0x1B00CB1A,
            network_work=2.0**64 / 0xCB1A,  # 2^256 / (0xcb1a x 2^192)
            seed=SEED,
        ),
        Submit("4", "1d2f", "3f2a000000000001", "a.b"),
        Answer("4", True),
    ]


def test_the_jobs_own_target_counts_not_the_set_one():
    other = JOB.replace(TARGET.encode(), b"000000000f" + b"00" * 27)
    events = translate_all(kawpow, hear([(False, SET_TARGET), (False, other)]))
    assert events[1].work == 2.0**40 / 15


def test_a_job_alone_decides():
    judgement = kawpow.claim(hear([(False, JOB)]))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


def test_a_share_decides_only_beside_a_ravencoin_address():
    assert kawpow.claim(hear([(True, share(WALLET + ".rig"))])).decisive
    unnamed = kawpow.claim(hear([(True, share("account.rig"))]))
    assert (unnamed.weight, unnamed.decisive) == (60, False)


def test_a_login_with_an_address_is_a_weak_claim_and_a_greeting_none():
    named = kawpow.claim(hear([(True, SUBSCRIBE), (True, AUTHORIZE)]))
    assert (named.weight, named.decisive) == (50, False)
    assert isinstance(kawpow.claim(hear([(True, SUBSCRIBE), (False, SUBSCRIBED)])), NeedMore)


def test_late_shares_are_told_from_bad_ones():
    for words, stale in ((b'[21,"job not found",null]', True), (b'[23,"low difficulty share",null]', False)):
        answer = b'{"id":4,"result":null,"error":' + words + b"}"
        told = translate_all(kawpow, hear([(True, share("a")), (False, answer)]))[1]
        assert (told.accepted, told.stale) == (False, stale)


def test_the_reported_rate_is_kept_apart():
    line = b'{"id":9,"method":"eth_submitHashrate","params":["0x2625a00","0x01"]}'
    assert translate_all(kawpow, hear([(True, line)])) == [ReportedRate(4e7, "0x01")]


def test_neighbors_and_other_conversations_are_not_claimed():
    for name, opening in {**neighbors("kawpow"), **foreign_openings()}.items():
        assert isinstance(kawpow.claim(opening), NeedMore | NotThis), name


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(kawpow, hear([(True, AUTHORIZE)])))


def test_speaking_and_hearing_agree():
    script = [
        Login(WALLET, "T-Rex/0.26.8", pool="pool.example:3333"),
        LoginAnswer(True),
        Job("a1", 8e8, height=3_135_000, clean=True, nbits=0x1B00CB1A, seed=SEED),
        Submit("7", "a1", "00000000c0ffee00", "rig1"),
        Answer("7", True),
        Job("a2", 9e8, height=3_135_001, clean=False, nbits=0x1B00CB1A, seed=SEED),
        Submit("8", "a2", "00000000c0ffee01", "rig1"),
        Answer("8", False, True, "Stale share"),
    ]
    heard = [e for e in round_trip(kawpow, script) if not isinstance(e, Trait | Difficulty)]
    assert heard[:2] == [Login(agent="T-Rex/0.26.8", pool="pool.example:3333"), Login(WALLET)]
    assert [plain(e) for e in heard[2:]] == [plain(e) for e in script[1:]]
    assert [round(e.work / 1e8, 6) for e in heard if isinstance(e, Job)] == [8, 9]


def plain(event):
    if isinstance(event, Job):
        return (event.job_id, event.height, event.clean, event.nbits, event.seed)
    return event


@given(json_values, json_values, json_values)
def test_hostile_json_never_raises(first, second, third):
    for method in sorted(kawpow.METHODS):
        job = ["a", HEADER, SEED, TARGET, True, first, second]
        for value in (first, [first, second, third], job, [first, "a", "0x" + "00" * 8, HEADER, MIX]):
            message = Rpc(0, True, b"", body={"method": method, "params": value, "id": second})
            told = Rpc(0, False, b"", body={"result": value, "error": third, "id": 1}, request=message)
            for rpc in (message, told):
                kawpow.claim([rpc])
                kawpow.translate(rpc, Talk())
