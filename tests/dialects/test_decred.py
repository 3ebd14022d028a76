"""Decred, against the example messages of gominer's "haste" document."""

import pytest
from hypothesis import given

from davylamp.dialects import decred
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

SUBSCRIBE = b'{"id": 1, "method": "mining.subscribe", "params": ["gominer/0.2.0-decred"]}'
SUBSCRIBED = (
    b'{"id":1,"result":[[["mining.set_difficulty","1"],["mining.notify","2bd595e34826a3b6271400920d4decb8"]],'
    b'"0000000000000000e3014335",12],"error":null}'
)
AUTHORIZE = b'{"id": 2, "method": "mining.authorize", "params": ["user.workerid", "SECRET"]}'
DIFFICULTY = b'{"id":null,"method":"mining.set_difficulty","params":[1]}'
NOTIFY = (
    b'{"id":null,"method":"mining.notify","params":["76df",'
    b'"7817c24aa99f3999a57dcfc8a7a834f92ebb442f8d519dbd000009e000000000",'
    b'"d52f367013ddc74d61a4f50c0d47c4b8e87b6d89a603a04447bcd2b110c508e31d37308253d38bbe0464508f4eb1f12b92e6431d'
    b"41b01f01518d2d9b9b64fe93010098588e9b1c650500030052a90000b778171a134e691e01000000b1c70000ce0f0000d052a157"
    b'0000000000000000","",[],"01000000","1a1778b7","57a152d0",false]}'
)
SUBMIT = (
    b'{"method": "mining.submit", "params": ["user.worker", "76df", "0100000000188fece3014335", "5783c78e",'
    b' "f6c4e01d"], "id":4}'
)
ADDRESS = b"DsUZxxoHJSty8DCfwfartwTYbuhmVct7tJu"


def test_the_document_s_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE)]
    lines += [(False, b'{"id":2,"result":true,"error":null}'), (False, DIFFICULTY), (False, NOTIFY)]
    lines += [(True, SUBMIT), (False, b'{"id":4,"result":true,"error":null}')]
    lines += [(True, SUBMIT.replace(b'"id":4', b'"id":5'))]
    lines += [(False, b'{"id":5,"error":[21,"Stale Job",null],"result":false}')]
    nonce = "f6c4e01d:5783c78e:0100000000188fece3014335"
    assert translate_all(decred, hear(lines)) == [
        Login(agent="gominer/0.2.0-decred"),
        Trait("extranonce1", "0000000000000000e3014335"),
        Trait("extranonce2_size", "12"),
        Login("user.workerid"),
        LoginAnswer(True),
        Difficulty(2.0**32, "hashes"),  # the proof-of-work limit is 2^224 - 1
        Job(
            "76df",
            height=51_121,  # b1c70000
            clean=False,
            prev_hash="7817c24aa99f3999a57dcfc8a7a834f92ebb442f8d519dbd000009e000000000",
            nbits=0x1A1778B7,  # b778171a
            network_work=pytest.approx(2.0**72 / 0x1778B7, rel=1e-12),  # 2^256 / (0x1778b7 x 2^184)
        ),
        Submit("4", "76df", nonce, "user.worker"),
        Answer("4", True),
        Submit("5", "76df", nonce, "user.worker"),
        Answer("5", False, True, "Stale Job"),
    ]


def test_the_password_is_never_part_of_an_event():
    assert "SECRET" not in repr(translate_all(decred, hear([(True, AUTHORIZE)])))


def test_a_job_alone_decides():
    judgement = decred.claim(hear([(False, NOTIFY)]))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


def test_nicehash_s_form_of_100_bytes_with_empty_bits_is_a_job():
    line = NOTIFY.replace(b"d052a1570000000000000000", b"").replace(b'"1a1778b7"', b'""')
    (job,) = translate_all(decred, hear([(False, line)]))
    assert (job.height, job.nbits) == (51_121, 0x1A1778B7)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        (b"650500030052", b"650600030052"),  # six votes
        (b"b778171a", b"b7781740"),  # a target above 2^224
        (b"b1c70000", b"00000000"),
        (b'"",[]', b'"' + b"ab" * 40 + b'",[]'),  # Bitcoin's second coinbase part
        (b"[],", b'["' + b"ab" * 32 + b'"],'),
    ],
)
def test_a_header_of_another_kind_is_no_job(part, wrong):
    line = NOTIFY.replace(part, wrong)
    assert line != NOTIFY
    assert translate_all(decred, hear([(False, line)])) == []
    assert isinstance(decred.claim(hear([(False, line)])), NotThis)


@pytest.mark.parametrize(("line", "old"), [(AUTHORIZE, b"user"), (SUBMIT, b"user")])
def test_an_address_in_login_or_share_claims_without_deciding(line, old):
    judgement = decred.claim(hear([(True, line.replace(old, ADDRESS))]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive
    assert isinstance(decred.claim(hear([(True, line)])), NeedMore)


def test_a_dogecoin_address_is_no_decred_address():
    doge = AUTHORIZE.replace(b"user", b"DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L")
    assert isinstance(decred.claim(hear([(True, doge)])), NeedMore)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("decred")}.items():
        assert isinstance(decred.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(ADDRESS.decode() + ".rig", "gominer/2.0.0"),
        LoginAnswer(True),
        Difficulty(1000.5, "stratum"),
        Job("00000001", height=834_001, nbits=0x1903244B, prev_hash="ab" * 32, clean=False),
        Submit("7", "00000001", "00c0ffee"),
        Answer("7", True),
        Job("00000002", work=2.0**45, height=834_002),
        Submit("8", "00000001", "00c0ffef"),
        Answer("8", False, True, "Stale share"),
        Submit("9", "00000002", "00c0fff0"),
        Answer("9", False, False, "Low difficulty share"),
    ]
    heard = [e for e in round_trip(decred, script) if not isinstance(e, Trait)]
    assert heard[:3] == [Login(agent="gominer/2.0.0"), Login(ADDRESS.decode() + ".rig"), LoginAnswer(True)]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == [1000.5 * 2**32, 2.0**45]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height) for j in jobs] == [("00000001", 834_001), ("00000002", 834_002)]
    assert (jobs[0].nbits, jobs[0].prev_hash, jobs[0].clean) == (0x1903244B, "ab" * 32, False)
    shares = [(e.key, e.job_id, e.nonce[:8]) for e in heard if isinstance(e, Submit)]
    assert shares == [
        ("7", "00000001", "00c0ffee"),
        ("8", "00000001", "00c0ffef"),
        ("9", "00000002", "00c0fff0"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[8], script[10]]


def test_a_repeated_share_is_heard_with_the_same_nonce():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Job("2", work=1e9), Submit("8", "1", "01")]
    first, second = [e for e in round_trip(decred, script) if isinstance(e, Submit)]
    assert first.nonce == second.nonce


def test_a_refused_login_and_a_late_share_are_heard_as_such():
    events = round_trip(decred, [Login("w", "a"), LoginAnswer(False, "Unauthorized worker")])
    assert events[-1] == LoginAnswer(False, "Unauthorized worker")
    late = round_trip(decred, [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")])[-1]
    assert (late.accepted, late.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(decred.METHODS):
        message = Rpc(0, True, b"", body={"method": method, "params": value, "id": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        params = ["1", "ab" * 32, value, "", [], "01000000", value, value, True]
        nested = Rpc(0, False, b"", body={"method": method, "params": params})
        for rpc in (message, answer, nested):
            decred.claim([rpc])
            decred.translate(rpc, Talk())
