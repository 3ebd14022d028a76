"""Iron Fish, against NiceHash's FishHash specification and the session in "TRM Ironfish Stratum Changes"."""

import pytest
from hypothesis import given

from davylamp.dialects import fishhash
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

ADDRESS = "3005e5b38199c0549029dc5cc1991cb285f8de34cd4324caf9239d24c7c7af3b"
SUBSCRIBE = (
    b'{"id":1,"method":"mining.subscribe","body":{"version":2,"agent":"teamredminer/0.10.9",'
    b'"publicAddress":"' + ADDRESS.encode() + b'","name":"mytestrig"}}'
)
SUBSCRIBED = b'{"id":23299,"method":"mining.subscribed","body":{"clientId":5,"xn":"0005"}}'
TARGET = (
    b'{"id":23300,"method":"mining.set_target","body":{"target":'
    b'"00000000494cff9a3f4f473f91d116af7382c45e653facfeef85b8f43d9d6b64"}}'
)
PARENT = "000000000002a10858b9cd8a42487122291ef7d1d49fcb7d00dfe0f07104f32a"
NETWORK = "000000000004c5971b0943007dd8a16c32e5d50eefc4805fc1a2ed3584365990"
HEADER = (
    "0000000000000000"  # randomness
    "05290000"  # sequence, little-endian: 0x2905 = 10,501
    + PARENT
    + "497df9e8716451db067de20d12c97fe836b8040cec8c1c97ddb13b20b541c114"
    + "343a22fbd0cef5c905b6fb70c80420c78fe0e71fee22b8c436ef39ab411de3c2"
    + NETWORK
    + "a488ca8687010000"  # 1,681,593,632,932 ms: 2023-04-15
    + "00" * 32
)
NOTIFY = (
    b'{"id":23301,"method":"mining.notify","body":{"miningRequestId":21713,"header":"'
    + HEADER.encode()
    + b'"}}'
)
SUBMIT = (
    b'{"id":2,"method":"mining.submit","body":{"miningRequestId":21713,"randomness":"000500000000000e",'
    b'"graffiti":"305a30736e583669626c4145612f6a3577763232482f7372452e514a6933366b"}}'
)
GRANTED = b'{"id":23302,"method":"mining.submitted","body":{"id":2,"result":true}}'
STALE = (
    b'{"id":23432,"method":"mining.submitted","body":{"id":63,"result":false,'
    b'"message":"Client 6 submitted work for stale mining request: 21745"}}'
)
ERROR = b'{"id":23433,"error":{"id":63,"message":"Duplicate share"}}'


def test_the_stored_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (False, TARGET), (False, NOTIFY), (True, SUBMIT)]
    lines += [(False, GRANTED), (False, STALE), (False, ERROR)]
    target = 0x494CFF9A3F4F473F91D116AF7382C45E653FACFEEF85B8F43D9D6B64
    assert translate_all(fishhash, hear(lines)) == [
        Login(ADDRESS, "teamredminer/0.10.9", worker="mytestrig"),
        LoginAnswer(True),
        Trait("extranonce1", "0005"),
        Difficulty(2.0**256 / target, "hashes"),
        Job("21713", height=10_501, prev_hash=PARENT, network_work=2.0**256 / int(NETWORK, 16)),
        Trait("header_layout", "blake3"),
        Submit("2", "21713", "000500000000000e"),
        Answer("2", True),
        Answer("63", False, True, "Client 6 submitted work for stale mining request: 21745"),
        Answer("63", False, False, "Duplicate share"),
    ]


def test_a_target_is_worth_its_share_of_all_hashes():
    (event,) = translate_all(fishhash, hear([(False, TARGET)]))
    # 0x494cff9a = 1,229,782,938 in the highest 32 bits below 2^224: 2^64 / 1,229,782,938 and a little less
    assert event.value == pytest.approx(2**64 / 1_229_782_938.2, rel=1e-8)


def test_the_header_after_the_change_to_fishhash_is_read_in_its_own_layout():
    header = "00" * 32 + "80841e00" + PARENT + "aa" * 64 + NETWORK + "a488ca8687010000" + "00" * 8
    line = (
        b'{"id":1,"method":"mining.notify","body":{"miningRequestId":3,"header":"' + header.encode() + b'"}}'
    )
    job, layout = translate_all(fishhash, hear([(False, line)]))
    assert job.height == 2_000_000  # 0x001e8480
    assert job.prev_hash == PARENT
    assert layout == Trait("header_layout", "fishhash")


def test_a_header_whose_time_makes_no_sense_still_is_a_job():
    assert translate_all(fishhash, of("fishhash job")["fishhash job"]) == [Job("17")]


def test_an_error_for_the_subscription_is_a_refused_login():
    error = b'{"id":9,"error":{"id":1,"message":"Invalid public address"}}'
    events = translate_all(fishhash, hear([(True, SUBSCRIBE), (False, error)]))
    assert events[1] == LoginAnswer(False, "Invalid public address")


def test_jobs_or_shares_alone_decide_in_mid_session():
    for opening in of("fishhash").values():
        judgement = fishhash.claim(opening)
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_subscription_alone_is_a_weak_claim():
    judgement = fishhash.claim(hear([(True, SUBSCRIBE)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("fishhash")}.items():
        assert isinstance(fishhash.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(ADDRESS + ".rig", "lolMiner/1.85beta"),
        LoginAnswer(True),
        Difficulty(3.0e8, "hashes"),
        Job("17", height=600_001, prev_hash="ab" * 32, network_work=2.0**50),
        Submit("7", "17", "00c0ffee"),
        Answer("7", True),
        Job("named-18", work=6.0e8, height=600_002),
        Submit("8", "17", "00c0ffef"),
        Answer("8", False, True, "stale mining request: 17"),
        Submit("9", "named-18", "00c0fff0"),
        Answer("9", False, False, "Duplicate share"),
    ]
    heard = [e for e in round_trip(fishhash, script) if not isinstance(e, Trait)]
    assert heard[:2] == script[:2]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == pytest.approx([3.0e8, 6.0e8], rel=1e-9)
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height) for j in jobs] == [("17", 600_001), ("named-18", 600_002)]
    assert jobs[0].prev_hash == "ab" * 32
    assert jobs[0].network_work == 2.0**50
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("7", "17"),
        ("8", "17"),
        ("9", "named-18"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[8], script[10]]


def test_a_refused_login_is_heard_as_one():
    events = round_trip(fishhash, [Login("w", "a"), LoginAnswer(False, "Invalid public address")])
    assert events[1] == LoginAnswer(False, "Invalid public address")


def test_a_late_share_is_spoken_so_that_it_is_heard_as_late():
    script = [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")]
    answer = round_trip(fishhash, script)[-1]
    assert (answer.accepted, answer.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in [None, *sorted(fishhash.METHODS)]:
        fields = dict.fromkeys(
            ["miningRequestId", "header", "randomness", "target", "xn", "id", "result", "message", "agent"],
            value,
        )
        plain = {"method": method, "body": value, "id": value, "error": value}
        nested = {"method": method, "body": fields, "id": value, "error": {"id": value, "message": value}}
        for body in (plain, nested):
            for side in (True, False):
                rpc = Rpc(0, side, b"", body=body)
                fishhash.claim([rpc])
                fishhash.translate(rpc, Talk())
