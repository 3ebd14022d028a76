"""EthereumStratum/2.0.0, against the literal messages of EIP-1571."""

import orjson
from hypothesis import given

from davylamp.dialects import ethereum_stratum2
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

HELLO = (
    b'{"id":0,"method":"mining.hello","params":{"agent":"ethminer-0.17","host":"somemininigpool.com",'
    b'"port":"4d2","proto":"EthereumStratum/2.0.0"}}'
)
WELCOME = (
    b'{"id":0,"result":{"proto":"EthereumStratum/2.0.0","encoding":"plain","resume":"1","timeout":"b4",'
    b'"maxerrors":"5","node":"Geth/v1.8.18"}}'
)
SUBSCRIBE, SUBSCRIBED = b'{"id":1,"method":"mining.subscribe"}', b'{"id":1,"result":"s-12345"}'
AUTHORIZE = b'{"id":2,"method":"mining.authorize","params":["account.machine","password"]}'
AUTHORIZED = b'{"id":2,"result":"w-123"}'
SET = (
    b'{"method":"mining.set","params":{"epoch":"dc","target":'
    b'"0112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba","algo":"ethash","extranonce":"af4c"}}'
)
JOB = (
    b'{"method":"mining.notify","params":["bf0488aa","6526d5",'
    b'"645cf20198c2f3861e947d4f67e3ab63b7b2e24dcc9095bd9123e7b33371f6cc","0"]}'
)
SHARE = b'{"id":31,"method":"mining.submit","params":["bf0488aa","68765fccd712","w-123"]}'
RATE = b'{"id":16,"method":"mining.hashrate","params":["500000","w-123"]}'


def test_a_session_is_read_event_by_event():
    lines = [(True, HELLO), (False, WELCOME), (True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE)]
    lines += [
        (False, AUTHORIZED),
        (False, SET),
        (False, JOB),
        (True, SHARE),
        (False, b'{"id":31}'),
        (True, RATE),
    ]
    events = translate_all(ethereum_stratum2, hear(lines))
    target = 0x0112E0BE826D694B2E62D01511F12A6061FBAEC8BC02357593E70E52BA
    assert events == [
        Login(agent="ethminer-0.17", pool="somemininigpool.com:1234"),  # port 4d2
        Trait("protocol", "EthereumStratum/2.0.0"),
        Login("account.machine"),
        LoginAnswer(True),
        Difficulty(2.0**256 / target, "hashes"),  # 58 digits: about 2^256 / 2^224 = 4 billion
        Trait("epoch", "220"),  # dc
        Trait("extranonce1", "af4c"),
        Job("bf0488aa", height=6_629_077, algorithm="ethash", clean=False, seed="dc"),  # 6526d5
        Submit("31", "bf0488aa", "68765fccd712", "account.machine"),
        Answer("31", True),
        ReportedRate(5_242_880.0, "w-123"),  # 500000 is hex
    ]
    assert 3.9e9 < events[4].value < 4.1e9


def answered(body):
    return translate_all(ethereum_stratum2, hear([(True, SHARE), (False, body)]))[1:]


def test_codes_tell_taken_stale_and_refused_shares():
    assert answered(b'{"id":31,"error":{"code":202,"message":"Stale"}}') == [
        Answer("31", True, True, "Stale")
    ]
    assert answered(b'{"id":31,"error":{"code":404,"message":"Job not found"}}') == [
        Answer("31", False, True, "Job not found")
    ]
    assert answered(b'{"id":31,"error":{"code":406,"message":"Bad nonce"}}') == [
        Answer("31", False, False, "Bad nonce")
    ]


def test_an_answer_to_nothing_says_nothing():
    assert (
        translate_all(ethereum_stratum2, hear([(False, b'{"id":31}'), (False, b'{"id":31,"result":true}')]))
        == []
    )


def test_a_value_stays_until_it_is_set_again():
    again = b'{"method":"mining.set","params":{"epoch":"dd"}}'
    events = translate_all(ethereum_stratum2, hear([(False, SET), (False, again), (False, JOB)]))
    assert [e for e in events if isinstance(e, Difficulty)] == events[:1]
    assert events[-1] == Job("bf0488aa", height=6_629_077, algorithm="ethash", clean=False, seed="dd")


def test_the_default_target_counts_only_where_the_greeting_was_seen():
    default = translate_all(ethereum_stratum2, hear([(True, HELLO), (False, JOB)]))[-1]
    assert abs(default.work / 4_295_032_833.000015 - 1) < 1e-12
    assert translate_all(ethereum_stratum2, hear([(False, JOB)]))[0].work is None


def test_a_server_that_turns_to_gzip_is_noted():
    events = translate_all(
        ethereum_stratum2, hear([(True, HELLO), (False, WELCOME.replace(b"plain", b"gzip"))])
    )
    assert events[-1] == Trait("encoding", "gzip")


def test_greeting_values_or_job_alone_decide():
    for side, line in ((True, HELLO), (False, SET), (False, JOB)):
        judgement = ethereum_stratum2.claim(hear([(side, line)]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_share_alone_is_a_weak_claim():
    judgement = ethereum_stratum2.claim(hear([(True, SHARE)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_neighbors_and_other_conversations_are_not_claimed_decisively():
    for name, opening in {**neighbors("ethereum-stratum-2"), **foreign_openings()}.items():
        judgement = ethereum_stratum2.claim(opening)
        assert isinstance(judgement, NeedMore | NotThis), name


def test_the_password_is_never_part_of_an_event():
    assert "password" not in repr(translate_all(ethereum_stratum2, hear([(True, AUTHORIZE)])))


def test_memory_stays_bounded():
    talk = Talk()
    for i in range(3000):
        body = {"id": i, "method": "mining.authorize", "params": ["a" * 512, "x"]}
        ethereum_stratum2.translate(Rpc(0, True, b"", body=body), talk)
        if i % 2:
            answer = {"id": i, "result": f"w-{i}"}
            ethereum_stratum2.translate(Rpc(0, False, b"", body=answer), talk)
    assert len(talk.memory["waiting"]) <= 512
    assert len(talk.memory["workers"]) <= 256


def test_speaking_and_hearing_agree():
    script = [
        Login("0x" + "ab" * 20 + ".rig1", "lolMiner 1.82", pool="pool.example:1234"),
        LoginAnswer(True),
        Difficulty(2e9, "hashes"),
        Job("a1", height=19_200_000, clean=True, algorithm="etchash"),
        Submit("7", "a1", "0000c0ffee00c0ff"),
        Answer("7", True),
        Job("a2", 4e9, height=19_200_001, clean=False, algorithm="etchash"),
        Submit("8", "a2", "0000c0ffee00c100"),
        Answer("8", False, True, "Stale share"),
        Submit("9", "a2", "0000c0ffee00c101"),
        Answer("9", True, True, "Stale"),
        ReportedRate(9e7),
    ]
    heard = [e for e in round_trip(ethereum_stratum2, script) if not isinstance(e, Trait)]
    assert heard[:2] == [Login(agent="lolMiner 1.82", pool="pool.example:1234"), Login(script[0].login)]
    works = [e.value for e in heard if isinstance(e, Difficulty)]
    assert [abs(w / v - 1) < 1e-9 for w, v in zip(works, (2e9, 4e9), strict=True)] == [True, True]
    jobs = [(e.job_id, e.height, e.clean, e.algorithm) for e in heard if isinstance(e, Job)]
    assert jobs == [("a1", 19_200_000, True, "etchash"), ("a2", 19_200_001, False, "etchash")]
    shares = [(e.key, e.job_id, e.nonce) for e in heard if isinstance(e, Submit)]
    assert shares == [("7", "a1", "c0ffee00c0ff"), ("8", "a2", "c0ffee00c100"), ("9", "a2", "c0ffee00c101")]
    assert [e for e in heard if isinstance(e, Answer)] == [script[5], script[8], script[10]]
    assert heard[-1].hps == 9e7


@given(json_values, json_values, json_values)
def test_hostile_json_never_raises(first, second, third):
    named = {"proto": first, "host": second, "port": third, "target": first, "epoch": second, "algo": third}
    for method in sorted(ethereum_stratum2.METHODS):
        for value in (first, [first, second, third], named, ["a", "1", "ab" * 32, first]):
            talk = Talk()
            message = Rpc(0, True, b"", body={"method": method, "params": value, "id": 1})
            told = Rpc(0, False, b"", body={"result": value, "error": third, "id": 1})
            for rpc in (message, told, Rpc(0, False, b"", body={"id": 1, "error": {"code": first}})):
                ethereum_stratum2.claim([rpc])
                ethereum_stratum2.translate(rpc, talk)
    ethereum_stratum2.translate(Rpc(0, False, orjson.dumps("x")), Talk())
