"""getblocktemplate and Monero's daemon calls, against BIP 22, BIP 23 and the daemon's documented example."""

import orjson
import pytest
from hypothesis import given

from davylamp.dialects import getblocktemplate
from davylamp.dialects.reading import CLAIM_FLOOR
from davylamp.dialects.session import (
    Answer,
    Claim,
    Job,
    Login,
    LoginAnswer,
    NeedMore,
    Rpc,
    Submit,
    Talk,
    Trait,
)
from davylamp.records import HttpHead

from dialects.http_talk import answer, hear_http, http_round_trip, request
from dialects.neighbors import neighbors
from dialects.talking import foreign_openings, json_values, translate_all

PREVIOUS = "8c48257158ee4d91b786c38d3a268e150e869915ebe66b94a7655b720e9e5bb2"
HEAD = "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\nUser-Agent: node/1\r\n"  # user:password
ASK = request(
    b'{"method":"getblocktemplate","params":[{"capabilities":["coinbasetxn","workid"],"rules":["mweb","segwit"]}],"id":7}',
    HEAD,
)
TEMPLATE = {
    "version": 2,
    "previousblockhash": PREVIOUS,
    "transactions": [],
    "coinbaseaux": {"flags": "062f503253482f"},
    "coinbasevalue": 5_000_000_000,
    "target": "0000007b58890000000000000000000000000000000000000000000000000000",
    "bits": "1d7b5889",
    "height": 300_000,
}


def give(**more):
    return answer(orjson.dumps({"result": {**TEMPLATE, **more}, "error": None, "id": 7}))


BLOCK = (
    "02000000"
    + bytes.fromhex(PREVIOUS)[::-1].hex()
    + "ab" * 32
    + "8b668453"
    + "89587b1d"
    + "c0ffee01"
    + "01" * 60
)


def send(*more):
    return request(orjson.dumps({"method": "submitblock", "params": [BLOCK, *more], "id": 8}), HEAD)


def test_solo_mining_has_the_networks_work_and_no_share_work():
    taken = answer(b'{"result":null,"error":null,"id":8}')
    assert translate_all(getblocktemplate, hear_http([ASK, give(), send(), taken])) == [
        Login("user", "node/1"),
        Trait("rules", "mweb,segwit"),
        Trait("solo_or_pool_daemon", "1"),
        Job(
            PREVIOUS,
            height=300_000,
            prev_hash=PREVIOUS,
            nbits=0x1D7B5889,
            network_work=2.0**48 / 0x7B5889,  # 2^256 / (0x7b5889 x 2^208)
        ),
        Submit("8", PREVIOUS, "c0ffee01:" + "ab" * 32 + "8b668453"),
        Answer("8", True),
    ]


def test_a_target_easier_than_bits_is_a_pools():
    events = translate_all(
        getblocktemplate, hear_http([ASK, give(target="00" * 2 + "ff" + "00" * 29, workid="w1")])
    )
    assert not any(isinstance(e, Trait) and e.key == "solo_or_pool_daemon" for e in events)
    assert events[-1].job_id == "w1"
    assert events[-1].work == 2.0**24 / 255  # 2^256 / (255 x 2^232)


def test_a_share_names_the_work_id_when_the_template_gave_one():
    events = translate_all(getblocktemplate, hear_http([send({"workid": "w1"})]))
    assert (events[1].job_id, events[1].nonce[:9]) == ("w1", "c0ffee01:")


def test_the_coinbase_is_kept_when_the_server_makes_it():
    events = translate_all(getblocktemplate, hear_http([ASK, give(coinbasetxn={"data": "01020304"})]))
    assert events[-1].coinbase == b"\x01\x02\x03\x04"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"result":"stale-prevblk","error":null,"id":8}', Answer("8", False, True, "stale-prevblk")),
        (b'{"result":"unknown-work","error":null,"id":8}', Answer("8", False, True, "unknown-work")),
        (b'{"result":"high-hash","error":null,"id":8}', Answer("8", False, False, "high-hash")),
        (b'{"result":null,"error":{"code":-22,"message":"Block decode failed"},"id":8}', None),
    ],
)
def test_a_refused_block_says_why(body, expected):
    heard = translate_all(getblocktemplate, hear_http([send(), answer(body)]))[-1]
    assert heard == (expected or Answer("8", False, False, "Block decode failed"))


MONERO_PREVIOUS = "ecdc1aab3033cf1716c52f13f9d8ae0051615a2453643de94643b550d543becd"
MONERO_ASK = request(
    b'{"jsonrpc":"2.0","id":"0","method":"get_block_template","params":{"wallet_address":"44GBHzv6ZyQdJkj",'
    b'"reserve_size":60}}',
    target="/json_rpc",
)
MONERO_TEMPLATE = {
    "blockhashing_blob": "0e0ed286da8006" + MONERO_PREVIOUS + "00000000d1",
    "blocktemplate_blob": "0e0ed286da8006" + MONERO_PREVIOUS + "0000000002abc7",
    "difficulty": 226_807_339_040,
    "difficulty_top64": 0,
    "height": 2_286_447,
    "prev_hash": MONERO_PREVIOUS,
    "seed_hash": "d432f499205150873b2572b5f033c9c6e4b7c6f3394bd2dd93822cd7085e7307",
    "status": "OK",
    "wide_difficulty": "0x34cec55820",
}


def test_moneros_daemon_is_read_as_its_documentation_shows():
    given_ = answer(orjson.dumps({"id": "0", "jsonrpc": "2.0", "result": MONERO_TEMPLATE}))
    block = "0e0ed286da8006" + MONERO_PREVIOUS + "c0ffee01" + "ab" * 80
    sent = request(orjson.dumps({"id": "1", "method": "submit_block", "params": [block]}), target="/json_rpc")
    taken = answer(b'{"id":"1","jsonrpc":"2.0","result":{"status":"OK"}}')
    events = translate_all(getblocktemplate, hear_http([MONERO_ASK, given_, sent, taken]))
    assert events[:3] == [
        Login("44GBHzv6ZyQdJkj"),
        Trait("solo_or_pool_daemon", "1"),
        Job(
            MONERO_PREVIOUS,
            height=2_286_447,
            prev_hash=MONERO_PREVIOUS,
            network_work=226_807_339_040.0,
            blob_version=14,
            seed=MONERO_TEMPLATE["seed_hash"],
        ),
    ]
    assert events[3].job_id == MONERO_PREVIOUS
    assert events[4] == Answer("1", True)


def test_a_template_is_claimed_and_decides_once_no_explorer_can_be_behind_it():
    judgement = getblocktemplate.claim(hear_http([ASK, give()]))
    assert isinstance(judgement, Claim)
    assert judgement.weight == 90


def test_a_block_alone_may_come_from_a_relay():
    judgement = getblocktemplate.claim(hear_http([send()]))
    assert isinstance(judgement, Claim)
    assert judgement.weight < CLAIM_FLOOR
    agent = "User-Agent: bfgminer/5.2.0\r\n"
    known = getblocktemplate.claim(
        hear_http([request(orjson.dumps({"method": "submitblock", "params": [BLOCK], "id": 8}), agent)])
    )
    assert isinstance(known, Claim)
    assert known.decisive


def test_asking_without_getting_is_weak_and_says_so():
    for said in ([ASK], [MONERO_ASK], [ASK, answer(b'{"result":null,"error":"no","id":7}')]):
        judgement = getblocktemplate.claim(hear_http(said))
        assert isinstance(judgement, Claim)
        assert (judgement.decisive, judgement.weight <= 30) == (False, True)
        assert "got none" in judgement.because


def test_other_daemon_calls_are_not_claimed():
    asked = request(b'{"method":"getblockchaininfo","params":[],"id":1}')
    told = answer(b'{"result":{"chain":"main","blocks":300000,"height":300000},"error":null,"id":1}')
    assert isinstance(getblocktemplate.claim(hear_http([asked, told])), NeedMore)
    for name, opening in {**neighbors("getblocktemplate"), **foreign_openings()}.items():
        assert isinstance(getblocktemplate.claim(opening), NeedMore), name


def test_the_password_is_never_part_of_an_event():
    assert "password" not in repr(translate_all(getblocktemplate, hear_http([ASK, give(), send()])))


def test_speaking_and_hearing_agree():
    script = [
        Login("acct.rig1", "bfgminer/5.2.0"),
        LoginAnswer(True),
        Job("w1", 5e9, height=823_800, nbits=0x17040F2F, prev_hash=PREVIOUS),
        Submit("7", "w1", "00c0ffee"),
        Answer("7", True),
        Job("w2", height=823_801, nbits=0x17040F2F, prev_hash="ab" * 32),
        Submit("8", "w2", "00c0ffef"),
        Answer("8", False, True, "stale-work"),
    ]
    heard = [e for e in http_round_trip(getblocktemplate, script) if not isinstance(e, Trait)]
    assert heard[0] == script[0]
    jobs = [e for e in heard if isinstance(e, Job)]
    assert abs(jobs[0].work / 5e9 - 1) < 1e-9
    assert jobs[1].work is None
    assert [(j.job_id, j.height, j.nbits, j.prev_hash) for j in jobs] == [
        ("w1", 823_800, 0x17040F2F, PREVIOUS),
        ("w2", 823_801, 0x17040F2F, "ab" * 32),
    ]
    shares = [(e.key, e.job_id, e.nonce[:9]) for e in heard if isinstance(e, Submit)]
    assert shares == [("7", "w1", "00c0ffee:"), ("8", "w2", "00c0ffef:")]
    assert [e for e in heard if isinstance(e, Answer)] == [script[4], script[7]]


def test_a_refused_login_is_spoken_and_heard():
    heard = http_round_trip(getblocktemplate, [Login("a", "b"), LoginAnswer(False)])
    assert [e for e in heard if isinstance(e, LoginAnswer)] == [LoginAnswer(False, "HTTP 401")]


@given(json_values, json_values)
def test_hostile_json_never_raises(first, second):
    head, word = HttpHead("POST", "/", 0, {"authorization": "Basic"}), HttpHead("POST", "/", 200, {})
    values = [
        first,
        [first],
        [BLOCK, first],
        ["0x" + BLOCK],
        {**TEMPLATE, "target": first, "coinbasetxn": second},
    ]
    values += [{**MONERO_TEMPLATE, "wide_difficulty": first, "seed_hash": second, "bits": first}]
    values += [{**MONERO_TEMPLATE, "prev_hash": first, "previousblockhash": second, "bits": "1d00ffff"}]
    for method in sorted(getblocktemplate.METHODS):
        for value in values:
            talk = Talk()
            message = Rpc(0, True, b"", "http", {"method": method, "params": value, "id": second}, head)
            told = Rpc(0, False, b"", "http", {"result": value, "error": second, "id": 1}, word, message)
            free = Rpc(0, False, b"", "http", {"result": value}, word)
            for rpc in (message, told, free, message):
                getblocktemplate.claim([rpc])
                getblocktemplate.translate(rpc, talk)
