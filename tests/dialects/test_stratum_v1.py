"""Stratum V1, against the wire examples of its specifications and a block of the main network."""

import orjson
import pytest
from hypothesis import given

from davylamp.dialects import stratum_v1
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

# The session of the "Stratum Mining Protocol" wikis; the coinbase is of height 0x0402ef = 262,895.
SUBSCRIBE = b'{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.10.0", "1a2b"]}'
SUBSCRIBED = (
    b'{"id": 1, "result": [[["mining.set_difficulty", "b4b6693b72a50c7116db18d6497cac52"], ["mining.notify",'
    b' "ae6812eb4cd7735a302a8a9dd95cf71f"]], "08000002", 4], "error": null}'
)
AUTHORIZE = b'{"params": ["slush.miner1", "secret"], "id": 2, "method": "mining.authorize"}'
AUTHORIZED = b'{"error": null, "id": 2, "result": true}'
DIFFICULTY = b'{"id": null, "method": "mining.set_difficulty", "params": [2048]}'
COINBASE_1 = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff2003ef020404"
COINBASE_2 = "2f736c7573682f0000000001c0f5a04b000000001976a914" + "5c" * 20 + "88ac00000000"
PREVIOUS = "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"
NOTIFY = orjson.dumps(
    {
        "params": [
            "bf",
            PREVIOUS,
            COINBASE_1,
            COINBASE_2,
            ["ab" * 32],
            "00000002",
            "1c2ac4af",
            "504e86b9",
            False,
        ],
        "id": None,
        "method": "mining.notify",
    }
)
SHARE = (
    b'{"params": ["slush.miner1", "bf", "00000001", "504e86ed", "B2957C02"], "id": 4,'
    b' "method": "mining.submit"}'
)
ROLLED = (
    b'{"params": ["slush.miner1", "bf", "00000001", "504e86ed", "b2957c02", "00400000"], "id": 5,'
    b' "method": "mining.submit"}'
)
ETHASH_HEADER, ETHASH_SEED = "0x" + "1e" * 32, "0x" + "52" * 32
ETHASH_JOB = orjson.dumps(
    {
        "id": None,
        "method": "mining.notify",
        "params": ["34b3", ETHASH_HEADER, ETHASH_SEED, "0x" + "00" * 4 + "80" + "00" * 27, True],
    }
)
ETHASH_SHARE = orjson.dumps(
    {
        "id": 4,
        "method": "mining.submit",
        "params": ["0x" + "ab" * 20, "34b3", "0x00000000c0ffee01", ETHASH_HEADER, "0x" + "99" * 32],
    }
)


def test_a_session_is_read_event_by_event():
    accepted = b'{"error": null, "id": 4, "result": true}'
    lines = [(True, SUBSCRIBE), (False, SUBSCRIBED), (True, AUTHORIZE), (False, AUTHORIZED)]
    lines += [(False, DIFFICULTY), (False, NOTIFY), (True, SHARE), (False, accepted)]
    assert translate_all(stratum_v1, hear(lines)) == [
        Login(agent="cgminer/4.10.0"),
        Trait("extranonce1", "08000002"),
        Trait("extranonce2_size", "4"),
        Login("slush.miner1"),
        LoginAnswer(True),
        Difficulty(2048.0, "stratum"),
        Job(
            "bf",
            height=262_895,
            clean=False,
            prev_hash=PREVIOUS,
            nbits=0x1C2AC4AF,
            coinbase=bytes.fromhex(COINBASE_1),
            coinbase_tail=bytes.fromhex(COINBASE_2),
            # bits 1c2ac4af: target 0x2ac4af << 8 x (28 - 3) = 2,802,863 x 2^200; 2^256 / that = 2^56 / 2,802,863
            network_work=2.0**56 / 2_802_863,
        ),
        Submit("4", "bf", "b2957c02:504e86ed:00000001", "slush.miner1", part=0),
        Answer("4", True),
    ]


def test_the_password_is_never_part_of_an_event():
    url = b"stratum+tcp://me:secret@pool.example:3333/path"
    configure = (
        b'{"id":1,"method":"mining.configure","params":[["info"],{"info.connection-url":"' + url + b'"}]}'
    )
    events = translate_all(stratum_v1, hear([(True, AUTHORIZE), (True, configure)]))
    assert "secret" not in repr(events)
    assert Trait("connection_url", "stratum+tcp://pool.example:3333/path") in events
    assert Login(pool="pool.example:3333") in events


def test_extensions_tell_the_device():
    asked = (
        b'{"method": "mining.configure","id": 1,"params": [["minimum-difficulty", "version-rolling", "info"],'
        b'{"minimum-difficulty.value": 2048, "version-rolling.mask": "00fff000", "info.hw-version": "S19",'
        b'"info.sw-version": "bOS 1", "info.hw-id": "aa:bb"}]}'
    )
    agreed = (
        b'{"error": null,"id": 1,"result": {"version-rolling": true,"version-rolling.mask": "007f8000",'
        b'"minimum-difficulty": true}}'
    )
    assert translate_all(stratum_v1, hear([(True, asked), (False, agreed)])) == [
        Trait("extensions", "minimum-difficulty,version-rolling,info"),
        Trait("hw_id", "aa:bb"),
        Trait("hw_version", "S19"),
        Trait("sw_version", "bOS 1"),
        Trait("version_rolling", "1"),
    ]


def test_traffic_that_nicehash_routes_is_told_without_its_signature():
    line = orjson.dumps(
        {"id": 1, "method": "mining.subscribe", "params": ["NiceHash/1.0.0", "1662637786319", "3e" * 32]}
    )
    events = translate_all(stratum_v1, hear([(True, line)]))
    assert events == [Login(agent="NiceHash/1.0.0"), Trait("nicehash_buyer", "1")]


def test_the_servers_notice_and_the_clients_version_are_heard():
    lines = [
        (False, b'{"id":null,"method":"client.show_message","params":["maintenance at noon"]}'),
        (False, b'{"id":7,"method":"client.get_version","params":[]}'),
        (True, b'{"id":7,"result":"bfgminer/5.2.0","error":null}'),
    ]
    events = translate_all(stratum_v1, hear(lines))
    assert events == [Trait("notice", "maintenance at noon"), Login(agent="bfgminer/5.2.0")]


def test_the_older_ethash_form_carries_its_own_work_and_seed():
    events = translate_all(stratum_v1, hear([(False, ETHASH_JOB), (True, ETHASH_SHARE)]))
    assert events == [
        Trait("algorithms", "ethash"),
        # the target is 0x80 followed by 27 zero bytes = 2^223: 2^256 / 2^223 = 2^33
        Job("34b3", 2.0**33, clean=True, seed=ETHASH_SEED),
        Submit("4", "34b3", "00000000c0ffee01", "0x" + "ab" * 20),
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (b'[21, "Job not found", null]', Answer("4", False, True, "Job not found")),
        (b'[21, "too late", null]', Answer("4", False, True, "too late")),
        (b'[23, "Low difficulty share", null]', Answer("4", False, False, "Low difficulty share")),
        (b'{"code": 22, "message": "Duplicate"}', Answer("4", False, False, "Duplicate")),
    ],
)
def test_late_shares_are_told_from_bad_ones(error, expected):
    refused = b'{"id":4,"result":null,"error":' + error + b"}"
    assert translate_all(stratum_v1, hear([(True, SHARE), (False, refused)]))[1:] == [expected]


def test_a_coinbase_without_a_height_has_none():
    for coinbase in ("", "00", COINBASE_1[:84], COINBASE_1[:84] + "ff" * 9, "ff" * 80):
        assert stratum_v1.height_of(bytes.fromhex(coinbase)) is None


def test_jobs_and_rolled_shares_alone_decide_in_mid_session():
    for side, line in ((False, NOTIFY), (True, ROLLED), (False, ETHASH_JOB)):
        judgement = stratum_v1.claim(hear([(side, line)]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive
        assert judgement.weight >= 90


def test_a_share_that_decred_could_send_too_waits_for_a_job():
    judgement = stratum_v1.claim(hear([(True, SHARE)]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive
    assert judgement.weight == 90
    decred = SHARE.replace(b"slush.miner1", b"DsR6ghWZ37ExM1fLSPbkRRLKNYX3X3mcN5G.a")
    assert stratum_v1.claim(hear([(True, decred)])).weight < 70


def test_a_greeting_alone_is_a_weak_claim():
    for line in (SUBSCRIBE, AUTHORIZE):
        judgement = stratum_v1.claim(hear([(True, line)]))
        assert isinstance(judgement, Claim)
        assert not judgement.decisive
        assert judgement.weight == 40
    answered = stratum_v1.claim(hear([(True, SUBSCRIBE), (False, SUBSCRIBED)]))
    assert 40 < answered.weight < 90


def test_neighbors_are_not_claimed_decisively():
    for name, opening in neighbors("stratum-v1").items():
        judgement = stratum_v1.claim(opening)
        if not name.startswith("ethash"):
            assert not (isinstance(judgement, Claim) and judgement.decisive), name
        if name.endswith("job") and not name.startswith("ethash"):
            assert isinstance(judgement, NotThis | NeedMore), name


def test_another_protocol_named_in_the_greeting_rules_this_one_out():
    asked = b'{"id":1,"method":"mining.subscribe","params":["m/1","EthereumStratum\\/1.0.0"]}'
    told = b'{"id":1,"result":[["mining.notify","ae68","EthereumStratum/1.0.0"],"080c"],"error":null}'
    assert isinstance(stratum_v1.claim(hear([(True, asked)])), NotThis)
    assert isinstance(stratum_v1.claim(hear([(True, SUBSCRIBE), (False, told)])), NotThis)


def test_other_conversations_are_not_claimed():
    for name, opening in foreign_openings().items():
        assert isinstance(stratum_v1.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("acct.rig1", "cgminer/4.12.1"),
        LoginAnswer(True),
        Difficulty(1024.5, "stratum"),
        Job("a1", height=823_800, clean=True, nbits=0x17040F2F, prev_hash="12" * 32),
        Submit("7", "a1", "00c0ffee", "acct.rig1"),
        Answer("7", True),
        Difficulty(4096.0, "stratum"),
        Job("a2", height=823_801, clean=False, nbits=0x17040F2F, prev_hash="13" * 32),
        Submit("8", "a2", "00c0ffef", "acct.rig2"),
        Answer("8", False, True, "Stale share"),
        Submit("9", "a2", "00c0fff0", "acct.rig2"),
        Answer("9", False, False, "Low difficulty share"),
    ]
    heard = [e for e in round_trip(stratum_v1, script) if not isinstance(e, Trait)]
    assert heard[:2] == [Login(agent="cgminer/4.12.1"), Login("acct.rig1")]
    told = [plain(e) for e in heard[2:]]
    assert told == [plain(e) for e in script[1:]]


def plain(event):
    """An event by what the dialect promises to carry."""
    if isinstance(event, Job):
        return ("job", event.job_id, event.height, event.clean, event.nbits, event.prev_hash)
    if isinstance(event, Submit):
        return ("share", event.key, event.job_id, event.nonce.partition(":")[0], event.worker)
    return event


def test_work_in_hashes_is_spoken_as_difficulty_of_sha256d():
    heard = round_trip(stratum_v1, [Login("a", "b"), LoginAnswer(True), Job("a1", 2.0**48 / 65535 * 8)])
    assert [e for e in heard if isinstance(e, Difficulty)] == [Difficulty(8.0, "stratum")]


def test_deeply_nested_parameters_never_raise():
    deep = b"[" * 1000 + b"]" * 1000
    for method in sorted(stratum_v1.METHODS):
        named = method.encode()
        for params in (b"[" + deep + b"]", b'["a",' + deep + b"," + deep + b"," + deep + b"]"):
            heard = hear([(True, b'{"id":1,"method":"' + named + b'","params":' + params + b"}")])
            stratum_v1.claim(heard)
            translate_all(stratum_v1, heard)


@given(json_values, json_values, json_values)
def test_hostile_json_never_raises(first, second, third):
    params = [first, second, third, first, second, third, first, second, True]
    answers = []
    for method in sorted(stratum_v1.METHODS):
        for value in (first, params[:3], params[:5], params):
            message = Rpc(0, True, b"", body={"method": method, "params": value, "id": second})
            stratum_v1.claim([message])
            stratum_v1.translate(message, Talk())
            answers.append(
                Rpc(0, False, b"", body={"result": value, "error": third, "id": 1}, request=message)
            )
    for answer in answers:
        stratum_v1.claim([answer])
        stratum_v1.translate(answer, Talk())
