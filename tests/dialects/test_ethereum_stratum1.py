"""EthereumStratum/1.0.0, against the literal messages of the NiceHash specification."""

import orjson
from hypothesis import given

from davylamp.dialects import ethereum_stratum1
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

SEED = "abad8f99f3918bf903c6a909d9bbc0fdfa5a2f4b9cb1196175ec825c6610126c"
HEADER = "fc12eb20c58158071c956316cdcd12a22dd8bf126ac4aee559f0ffe4df11f279"
SUBSCRIBE = (
    b'{"id": 1, "method": "mining.subscribe", "params": ["EthereumMiner/1.0.0", "EthereumStratum/1.0.0"]}'
)
SUBSCRIBED = (
    b'{"id": 1, "result": [["mining.notify", "ae6812eb4cd7735a302a8a9dd95cf71f", "EthereumStratum/1.0.0"],'
    b' "a2eea0"], "error": null}'
)
AUTHORIZE = b'{"id": 2, "method": "mining.authorize", "params": ["test", "password"]}'
AUTHORIZED = b'{"id": 2, "result": true, "error": null}'
HALF = b'{"id": null, "method": "mining.set_difficulty", "params": [0.5]}'
JOB = orjson.dumps({"id": None, "method": "mining.notify", "params": ["bf0488aa", SEED, HEADER, True]})
SHARE = b'{"id": 3, "method": "mining.submit", "params": ["test", "bf0488aa", "cfae7df760"]}'
REFUSED = b'{"id": 3, "result": false, "error": [-1, "Job not found", null]}'

# difficulty 1 is 00000000ffff0000...: 2^256 / (65535 x 2^208) = 2^48 / 65535 = 4,295,032,833.000015 hashes
DIFFICULTY_1 = 4_295_032_833.000015


def test_a_session_is_read_event_by_event():
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE), (False, AUTHORIZED), (False, HALF)]
    lines += [(False, JOB), (True, SHARE), (False, b'{"id":3,"result":true,"error":null}')]
    events = translate_all(ethereum_stratum1, hear(lines))
    assert events[:5] == [
        Login(agent="EthereumMiner/1.0.0"),
        Trait("protocol", "EthereumStratum/1.0.0"),
        Trait("extranonce1", "a2eea0"),
        Login("test"),
        LoginAnswer(True),
    ]
    assert abs(events[5].value / (0.5 * DIFFICULTY_1) - 1) < 1e-12
    assert events[5].unit == "hashes"
    assert events[6:] == [
        Job("bf0488aa", clean=True, seed=SEED),
        Submit("3", "bf0488aa", "cfae7df760", "test"),
        Answer("3", True),
    ]


def test_difficulty_is_1_until_set_when_the_subscription_was_seen():
    job = translate_all(ethereum_stratum1, hear([(True, SUBSCRIBE), (False, SUBSCRIBED), (False, JOB)]))[-1]
    assert abs(job.work / DIFFICULTY_1 - 1) < 1e-12
    assert translate_all(ethereum_stratum1, hear([(False, JOB)]))[0].work is None


def test_a_refused_share_is_stale_by_its_words():
    events = translate_all(ethereum_stratum1, hear([(True, SHARE), (False, REFUSED)]))
    assert events[1] == Answer("3", False, True, "Job not found")


def test_what_pools_put_beside_a_job_is_heard():
    line = JOB[:-1] + b',"algo":"etchash","height":19200000}'
    job = translate_all(ethereum_stratum1, hear([(False, line)]))[0]
    assert (job.algorithm, job.height) == ("etchash", 19_200_000)


def test_the_reported_rate_is_kept_apart():
    line = b'{"id":9,"method":"eth_submitHashrate","params":["0x5f5e100","0x01"]}'
    assert translate_all(ethereum_stratum1, hear([(True, line)])) == [ReportedRate(1e8, "0x01")]


def test_a_job_or_the_servers_greeting_alone_decide():
    for line in (JOB, SUBSCRIBED):
        judgement = ethereum_stratum1.claim(hear([(False, line)]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_asking_for_the_protocol_is_a_weak_claim():
    judgement = ethereum_stratum1.claim(hear([(True, SUBSCRIBE)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_a_share_alone_tells_this_dialect_only_by_an_ethereum_account():
    assert isinstance(ethereum_stratum1.claim(hear([(True, SHARE)])), NeedMore)
    named = SHARE.replace(b'"test"', b'"0x' + b"ab" * 20 + b'.rig"')
    assert ethereum_stratum1.claim(hear([(True, named)])) == Claim(
        60, "a share of three parts comes from an Ethereum account"
    )


def test_kaspas_bridge_names_the_protocol_and_is_not_claimed():
    answer = b'{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}'
    job = b'{"id":1,"method":"mining.notify","params":["34",[1,2,3,4],1700000000000]}'
    assert isinstance(ethereum_stratum1.claim(hear([(False, answer)])), NeedMore)
    assert isinstance(
        ethereum_stratum1.claim(hear([(True, SUBSCRIBE), (False, answer), (False, job)])), NotThis
    )


def test_neighbors_and_other_conversations_are_not_claimed():
    for name, opening in {**neighbors("ethereum-stratum-1"), **foreign_openings()}.items():
        assert isinstance(ethereum_stratum1.claim(opening), NeedMore | NotThis), name


def test_the_password_is_never_part_of_an_event():
    assert "password" not in repr(translate_all(ethereum_stratum1, hear([(True, AUTHORIZE)])))


def test_speaking_and_hearing_agree():
    script = [
        Login("0x" + "ab" * 20 + ".rig1", "lolMiner 1.82"),
        LoginAnswer(True),
        Difficulty(2e9, "hashes"),
        Job("a1", clean=True, seed=SEED),
        Submit("7", "a1", "0000c0ffee00c0ff", "rig1"),
        Answer("7", True),
        Job("a2", 4e9, clean=False, seed=SEED),
        Submit("8", "a2", "0000c0ffee00c100", "rig1"),
        Answer("8", False, True, "Stale share"),
        ReportedRate(9e7, "0x01"),
    ]
    heard = [e for e in round_trip(ethereum_stratum1, script) if not isinstance(e, Trait)]
    works = [e.value for e in heard if isinstance(e, Difficulty)]
    assert [round(w) for w in works] == [2_000_000_000, 4_000_000_000]
    assert [plain(e) for e in heard if not isinstance(e, Difficulty)] == [
        Login(agent="lolMiner 1.82"),
        Login("0x" + "ab" * 20 + ".rig1"),
        *[plain(e) for e in script[1:] if not isinstance(e, Difficulty)],
    ]


def plain(event):
    """An event by what the dialect promises to carry; the nonce without the prefix that the pool set."""
    if isinstance(event, Job):
        return (event.job_id, event.clean, event.seed)
    return (event.key, event.job_id, event.nonce[-12:], event.worker) if isinstance(event, Submit) else event


def test_spoken_seeds_are_those_of_the_height():
    once = "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563"  # Keccak-256 of 32 zero bytes
    jobs = [
        Job("a1", 1e9, height=h, algorithm=a)
        for h, a in ((29_999, "ethash"), (30_000, "ethash"), (59_999, "etchash"))
    ]
    heard = [e.seed for e in round_trip(ethereum_stratum1, jobs) if isinstance(e, Job)]
    assert heard == ["00" * 32, once, "00" * 32]


@given(json_values, json_values, json_values)
def test_hostile_json_never_raises(first, second, third):
    for method in sorted(ethereum_stratum1.METHODS):
        for value in (
            first,
            [first, second, third],
            ["a", SEED, HEADER, True],
            [[first, second, third], second],
        ):
            body = {"method": method, "params": value, "id": second, "height": third, "algo": first}
            message = Rpc(0, True, b"", body=body)
            told = Rpc(0, False, b"", body={"result": value, "error": third, "id": 1}, request=message)
            for rpc in (message, told):
                ethereum_stratum1.claim([rpc])
                ethereum_stratum1.translate(rpc, Talk())
