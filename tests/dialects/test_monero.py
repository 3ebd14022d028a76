"""The Monero family, against the literal messages of xmrig-proxy's STRATUM.md and a captured form."""

from hypothesis import given

from davylamp.dialects import monero
from davylamp.dialects.session import (
    Answer,
    Claim,
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

from dialects.talking import foreign_openings, hear, json_values, round_trip, translate_all

WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
LOGIN = (
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"' + WALLET.encode() + b'","pass":"secret",'
    b'"agent":"XMRig/6.21.0","rigid":"desk7","algo":["rx/0","cn/r"]}}'
)
BLOB = b"1010" + b"ab" * 74
GRANTED = (
    b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"x","job":{"blob":"'
    + BLOB
    + b'","job_id":"4BiGm3",'
    b'"target":"b88d0600","algo":"rx/0","height":3052001,"seed_hash":"' + b"cd" * 32 + b'"},'
    b'"extensions":["algo","keepalive"],"status":"OK"}}'
)
PUSH = (
    b'{"jsonrpc":"2.0","method":"job","params":{"blob":"' + BLOB + b'","job_id":"next",'
    b'"target":"0000000000000100","height":3052002}}'
)
SHARE = (
    b'{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"x","job_id":"4BiGm3","nonce":"D0030040",'
    b'"result":"' + b"e1" * 32 + b'"}}'
)


def test_a_session_is_read_event_by_event():
    events = translate_all(
        monero,
        hear(
            [
                (True, LOGIN),
                (False, GRANTED),
                (True, SHARE),
                (False, b'{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}'),
                (False, PUSH),
            ]
        ),
    )
    assert events == [
        Login(WALLET, "XMRig/6.21.0", "desk7"),
        Trait("algorithms", "rx/0,cn/r"),
        LoginAnswer(True),
        Trait("extensions", "algo,keepalive"),
        # b88d0600 little-endian is 0x00068db8 = 429,496: 2^32 / 429,496
        Job("4BiGm3", 2**32 / 429_496, height=3_052_001, algorithm="rx/0", blob_version=16, seed="cd" * 32),
        Submit("2", "4BiGm3", "d0030040", part=0x40),
        Answer("2", True),
        # eight bytes little-endian 00 00 00 00 00 00 01 00 are 2^48: 2^64 / 2^48 hashes
        Job("next", 65536.0, height=3_052_002, blob_version=16),
    ]


def test_the_password_is_never_part_of_an_event():
    events = translate_all(monero, hear([(True, LOGIN)]))
    assert "secret" not in repr(events)


def test_jobs_or_shares_alone_decide_in_mid_session():
    for line, side in ((PUSH, False), (SHARE, True)):
        judgement = monero.claim(hear([(side, line)]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_a_login_alone_is_a_weak_claim():
    judgement = monero.claim(hear([(True, LOGIN)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_a_stale_share_is_told_from_a_bad_one():
    stale = b'{"id":2,"jsonrpc":"2.0","error":{"code":-1,"message":"Block expired"}}'
    bad = b'{"id":2,"jsonrpc":"2.0","error":{"code":-1,"message":"Low difficulty share"}}'
    assert translate_all(monero, hear([(True, SHARE), (False, stale)]))[1] == Answer(
        "2", False, True, "Block expired"
    )
    assert translate_all(monero, hear([(True, SHARE), (False, bad)]))[1] == Answer(
        "2", False, False, "Low difficulty share"
    )


def test_other_conversations_are_not_claimed():
    for name, opening in foreign_openings().items():
        assert isinstance(monero.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login(WALLET, "XMRig/6.21.0", "desk7"),
        LoginAnswer(True),
        Job("a1", 480_000.0, height=3_052_001, algorithm="rx/0", seed="cd" * 32),
        Submit("7", "a1", "00c0ffee", part=0xEE),
        Answer("7", True),
        Submit("8", "a1", "00c0ffef", part=0xEF),
        Answer("8", False, True, "Stale share"),
    ]
    heard = [e for e in round_trip(monero, script) if not isinstance(e, Trait)]
    job = next(e for e in heard if isinstance(e, Job))
    assert abs(job.work / 480_000.0 - 1) < 1e-9
    assert job.height == 3_052_001
    assert heard[0] == script[0]
    assert heard[1] == script[1]
    assert heard[3:] == script[3:]


@given(json_values)
def test_hostile_json_never_raises(value):
    message = Rpc(0, True, b"", body={"method": "submit", "params": value, "id": value})
    answer = Rpc(0, False, b"", body={"result": value, "error": None, "id": 1}, request=message)
    for rpc in (message, answer, Rpc(0, False, b"", body={"method": "job", "params": value})):
        monero.claim([rpc])
        monero.translate(rpc, Talk())
