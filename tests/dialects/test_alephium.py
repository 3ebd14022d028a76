"""Alephium, against captured lines (alephium/mining-pool issue 62), a public test server's job and the documents."""

import pytest
from hypothesis import given

from davylamp.dialects import alephium
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

# alephium/mining-pool issue 62
LOGIN = "1JAGbyn1qUZ8EeAHbQvad8Pk6u5qRRJ6BPjdfj5vLEm9u.RAYGAMER"
AUTHORIZE = b'{"id":3,"method":"mining.authorize","params":["' + LOGIN.encode() + b'"]}'
AUTHORIZED = b'{"id":3,"result":true}'
DIFFICULTY = b'{"id":null,"method":"mining.set_difficulty","params":[1]}'
EXTRANONCE = b'{"method":"mining.set_extranonce","params":["f84d"],"id":null}'
HASHRATE = (
    b'{"id":9,"method":"alph_submitHashrate","jsonrpc":"2.0","worker":"test","workerName":"test",'
    b'"params":["0x1dcd6500","0x24908ad60a095c0611a4973ff6c231c4cdf8978e69d31c4acd5502d2120e0089"]}'
)
# the job of a public test server (stratums StratumBlake3), which sends it after difficulty 2
HEADER = (
    b"00070000000000007d10335f5e27e328c4fdc15c6a8a5393bd90a65ba604db37fa70000000000001457e989b3596cf3e533e82be23"
    b"bb10fa40a6dd65b8e0f3eb2035000000000000ddb8a934011f82901e36ab8294c2ac406c8c68333ee55e08ca9a0000000000027d74"
    b"1491fc5651c4bcecdd00ffaab8529e81bb410095c5957bec00000000000256d5c0d43e3a05021d9cef0f6fe357b91cf6b2065ad5ca"
    b"057d9d0000000000018a2744eb996e3e54f556bfb0c8b684ec6ab6e83a8e9df1cd4b2e000000000000d7a65f5402f687390cd33ad9"
    b"0beb0e2e1ec5f4b57541c84410cf76228c9acba946fd8d64fed95f90997779e1b7c6c68c6ee93e8b49ba006cff9097ecc10ccced69"
    b"fdc5769d4e5469ce523f09590370cb844ec46c33cca1148cc20000018eaa9ea03a1b02cd79"
)
NOTIFY = (
    b'{"jsonrpc":"2.0","method":"mining.notify","params":[{"jobId":"00024844","fromGroup":3,"toGroup":3,'
    b'"headerBlob":"' + HEADER + b'","targetBlob":"00000001' + b"f" * 56 + b'"}],"id":null}'
)
NONCE = b"f84d" + b"00" * 21 + b"2a"
SUBMIT = (
    b'{"id":12,"method":"mining.submit","params":{"jobId":"00024844","fromGroup":3,"toGroup":3,"nonce":"'
    + NONCE
    + b'","worker":"'
    + LOGIN.encode()
    + b'"}}'
)


def verdict(request_id, result, error):
    """An answer as lib/stratum.js of the pool writes it."""
    text = '{"id":%d,"method":"mining.submit_result","result":%s,"error":%s}'
    return (False, (text % (request_id, result, error)).encode())


def test_a_session_is_read_event_by_event():
    lines = [(True, AUTHORIZE), (False, DIFFICULTY), (False, AUTHORIZED), (False, EXTRANONCE)]
    lines += [(True, HASHRATE), (False, NOTIFY), (True, SUBMIT), verdict(12, "true", "null")]
    lines += [(True, SUBMIT.replace(b'"id":12', b'"id":13'))]
    lines += [verdict(13, "null", '[20,"job not found, maybe expired"]')]
    share = Submit("12", "00024844", NONCE.decode(), LOGIN)
    assert translate_all(alephium, hear(lines)) == [
        Login(LOGIN),
        Difficulty(2.0**34, "hashes"),  # 2^256 / 2^226 for the target, 16 for the chain
        LoginAnswer(True),
        Trait("extranonce1", "f84d"),
        ReportedRate(500_000_000.0),  # 0x1dcd6500
        Job(
            "00024844",
            work=pytest.approx(2.0**35, rel=1e-12),  # target 2^225 - 1: twice difficulty 1
            nbits=0x1B02CD79,
            network_work=pytest.approx(2.0**68 / 0x02CD79, rel=1e-12),  # 16 x 2^256 / (0x02cd79 x 2^192)
        ),
        share,
        Answer("12", True),
        Submit("13", "00024844", NONCE.decode(), LOGIN),
        Answer("13", False, True, "job not found, maybe expired"),
    ]


def test_an_ordinary_answer_serves_as_well():
    answered = hear([(True, SUBMIT), (False, b'{"id":12,"jsonrpc":"2.0","error":null,"result":true}')])
    assert translate_all(alephium, answered)[1] == Answer("12", True)


def test_a_target_as_hard_as_the_chain_s_own_is_not_the_share_s():
    chain = b"02cd79".rjust(16, b"0") + b"00" * 24  # 0x02cd79 x 2^192 in 32 bytes
    line = NOTIFY.replace(b"00000001" + b"f" * 56, chain)
    (job,) = translate_all(alephium, hear([(False, line)]))
    assert job.work is None


def test_every_chain_of_a_push_is_a_job():
    one = NOTIFY[NOTIFY.index(b"[{") + 1 : NOTIFY.index(b"}]") + 1]
    other = one.replace(b"00024844", b"b93").replace(b'"toGroup":3', b'"toGroup":0')
    jobs = translate_all(alephium, hear([(False, NOTIFY.replace(one, one + b"," + other))]))
    assert [j.job_id for j in jobs] == ["00024844", "b93"]


def test_the_documents_greeting_and_target_are_heard():
    hello = b'{"id":"0","method":"mining.hello","params":["miner/1","AlephiumStratum/1.0.0"]}'
    target = b'{"method":"mining.set_target","params":"' + b"00000001" + b"0" * 56 + b'"}'
    heard = hear([(True, hello), (False, target)])
    assert translate_all(alephium, heard) == [Login(agent="miner/1"), Difficulty(2.0**36, "hashes")]
    assert alephium.claim(heard).decisive


@pytest.mark.parametrize(("side", "line"), [(False, NOTIFY), (True, SUBMIT), (True, HASHRATE)])
def test_a_job_a_share_or_a_reported_rate_alone_decides(side, line):
    judgement = alephium.claim(hear([(side, line)]))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


@pytest.mark.parametrize(
    ("part", "wrong"),
    [(b'"fromGroup":3', b'"fromGroup":4'), (b'"fromGroup":3', b'"fromGroup":"3"'), (HEADER, b"0007")],
)
def test_a_job_of_no_chain_or_without_header_is_none(part, wrong):
    line = NOTIFY.replace(part, wrong)
    assert translate_all(alephium, hear([(False, line)])) == []
    assert isinstance(alephium.claim(hear([(False, line)])), NotThis)


def test_the_password_is_never_part_of_an_event():
    line = AUTHORIZE.replace(b"]", b',"SECRET"]')
    assert "SECRET" not in repr(translate_all(alephium, hear([(True, line)])))


def test_a_login_alone_claims_nothing():
    assert isinstance(alephium.claim(hear([(True, AUTHORIZE), (False, AUTHORIZED)])), NeedMore)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("alephium")}.items():
        assert isinstance(alephium.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(LOGIN, "bzminer v17.0.0"),
        LoginAnswer(True),
        Difficulty(3.5e12, "hashes"),
        Job("00000001", work=3.5e12, height=1_900_000, nbits=0x1903244B),
        Submit("7", "00000001", "00c0ffee"),
        Answer("7", True),
        ReportedRate(4_000_000_000.0),
        Difficulty(7e12, "hashes"),
        Job("00000002"),
        Submit("8", "00000001", "00c0ffef"),
        Answer("8", False, True, "Stale share"),
        Submit("9", "00000002", "00c0fff0"),
        Answer("9", False, False, "Low difficulty share"),
    ]
    heard = [e for e in round_trip(alephium, script) if not isinstance(e, Trait)]
    assert heard[:2] == [Login(LOGIN, "bzminer v17.0.0"), LoginAnswer(True)]
    assert [e.value for e in heard if isinstance(e, Difficulty)] == pytest.approx([3.5e12, 7e12], rel=1e-9)
    jobs = [e for e in heard if isinstance(e, Job)]
    assert [(j.job_id, j.height) for j in jobs] == [("00000001", 1_900_000), ("00000002", None)]
    assert [j.work for j in jobs] == pytest.approx([3.5e12, 7e12], rel=1e-9)
    assert jobs[0].nbits == 0x1903244B
    shares = [(e.key, e.job_id, e.nonce[-8:]) for e in heard if isinstance(e, Submit)]
    assert shares == [
        ("7", "00000001", "00c0ffee"),
        ("8", "00000001", "00c0ffef"),
        ("9", "00000002", "00c0fff0"),
    ]
    assert [e for e in heard if isinstance(e, ReportedRate)] == [script[6]]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[10], script[12]]


def test_a_refused_login_and_a_late_share_are_heard_as_such():
    events = round_trip(alephium, [Login("w", "a"), LoginAnswer(False, "invalid worker")])
    assert events[-1] == LoginAnswer(False, "invalid worker")
    late = round_trip(alephium, [Job("1", work=1e9), Submit("7", "1", "01"), Answer("7", False, True, "")])[
        -1
    ]
    assert (late.accepted, late.stale) == (False, True)


@given(json_values)
def test_hostile_json_never_raises(value):
    for method in sorted(alephium.METHODS):
        message = Rpc(0, False, b"", body={"method": method, "params": value, "id": value, "result": value})
        answer = Rpc(0, False, b"", body={"result": value, "error": value, "id": 1}, request=message)
        job = {"jobId": value, "fromGroup": 1, "toGroup": 1, "headerBlob": value, "targetBlob": value}
        hard = {**job, "jobId": 1, "headerBlob": "00" * 200, "height": value, "nonce": value, "worker": value}
        nested = Rpc(0, False, b"", body={"method": method, "params": [job, hard, value]})
        named = Rpc(0, True, b"", body={"method": method, "params": hard})
        for rpc in (message, answer, nested, named):
            alephium.claim([rpc])
            alephium.translate(rpc, Talk())
