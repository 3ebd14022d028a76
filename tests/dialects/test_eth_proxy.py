"""eth-proxy, against the documented messages of open-ethereum-pool and btcpool, over TCP and over HTTP."""

import orjson
from hypothesis import given

from davylamp.dialects import eth_proxy
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

from dialects.http_talk import answer, hear_http, request
from dialects.neighbors import neighbors
from dialects.talking import foreign_openings, hear, json_values, round_trip, translate_all

WALLET = "0xb85150eb365e7df0941f0cf08235f987ba91506a"
HEADER, SEED = "0x" + "41" * 32, "0x" + "71" * 32
TARGET = "0x00000001" + "00" * 28  # 2^224: 2^32 hashes
LOGIN = orjson.dumps(
    {"worker": "eth1.0", "jsonrpc": "2.0", "params": [WALLET, "secret"], "id": 2, "method": "eth_submitLogin"}
)
POLL = b'{"worker": "", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}'
RATE = orjson.dumps(
    {
        "id": 6,
        "jsonrpc": "2.0",
        "method": "eth_submitHashrate",
        "params": ["0x1d08a61", "0x" + "00" * 30 + "91be"],
    }
)
SHARE = orjson.dumps(
    {
        "id": 4,
        "jsonrpc": "2.0",
        "method": "eth_submitWork",
        "params": ["0xE05D1FD4002D962F", HEADER, "0x" + "2b" * 32],
        "worker": "rig7",
    }
)


def work(*more, request_id=0, **beside):
    return orjson.dumps(
        {"jsonrpc": "2.0", "id": request_id, "result": [HEADER, SEED, TARGET, *more], **beside}
    )


def test_a_session_is_read_event_by_event():
    lines = [(True, LOGIN), (False, b'{"jsonrpc":"2.0","id":2,"result":true}'), (False, work()), (True, POLL)]
    lines += [(False, work("0xc65d40", request_id=3)), (True, SHARE)]
    lines += [(False, b'{"jsonrpc":"2.0","id":4,"result":true}'), (True, RATE)]
    assert translate_all(eth_proxy, hear(lines)) == [
        Login(WALLET, worker="eth1.0"),
        LoginAnswer(True),
        Job(HEADER, 2.0**32, seed=SEED),
        Job(HEADER, 2.0**32, seed=SEED, height=13_000_000),
        Submit("4", HEADER, "e05d1fd4002d962f", "rig7"),
        Answer("4", True),
        ReportedRate(30_444_129.0, "0x" + "00" * 30 + "91be"),  # 0x1d08a61
    ]


def test_a_fourth_part_without_0x_is_a_nonce_prefix_and_the_height_may_stand_beside():
    events = translate_all(eth_proxy, hear([(False, work("4ec6f5", height=5_000_000, algo="ethash"))]))
    assert events == [
        Trait("extranonce1", "4ec6f5"),
        Job(HEADER, 2.0**32, seed=SEED, height=5_000_000, algorithm="ethash"),
    ]


def test_a_target_may_lack_its_leading_zeros():
    line = orjson.dumps({"id": 0, "result": [HEADER, SEED, "0x0112e0be82" + "00" * 24]})
    # 29 bytes, the first of which is 01 12 e0 be 82: 0x0112e0be82 x 2^192
    assert translate_all(eth_proxy, hear([(False, line)]))[0].work == 2.0**64 / 0x0112E0BE82


def test_ids_that_miners_reuse_pair_first_in_first_out():
    refused = orjson.dumps(
        {"id": 4, "result": False, "data": {"code": 21, "message": "Job not found (=stale)"}}
    )
    granted = b'{"jsonrpc":"2.0","id":4,"result":true}'
    events = translate_all(
        eth_proxy, hear([(True, SHARE), (True, SHARE), (False, refused), (False, granted)])
    )
    assert events[2:] == [Answer("4", False, True, "Job not found (=stale)"), Answer("4", True)]


def test_the_password_is_never_part_of_an_event():
    assert "secret" not in repr(translate_all(eth_proxy, hear([(True, LOGIN)])))


def test_login_work_or_share_alone_decide():
    for side, line in ((True, LOGIN), (False, work()), (True, SHARE)):
        judgement = eth_proxy.claim(hear([(side, line)]))
        assert isinstance(judgement, Claim)
        assert judgement.decisive


def test_polling_without_work_and_a_rate_alone_are_weak_claims():
    polled, rated = eth_proxy.claim(hear([(True, POLL)])), eth_proxy.claim(hear([(True, RATE)]))
    assert (polled.weight, polled.decisive) == (30, False)
    assert (rated.weight, rated.decisive) == (55, False)


def test_a_list_of_hashes_from_a_node_is_no_work():
    asked = b'{"jsonrpc":"2.0","id":1,"method":"eth_getFilterChanges","params":["0x1"]}'
    hashes = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": [HEADER, SEED, "0x00000001" + "ab" * 28]})
    for lines in ([(True, asked), (False, hashes)], [(False, hashes.replace(b"0x00000001", b"0xa0000001"))]):
        assert isinstance(eth_proxy.claim(hear(lines)), NeedMore | NotThis)
        assert translate_all(eth_proxy, hear(lines)) == []


POLL_HTTP = b'{"id":1,"jsonrpc":"2.0","method":"eth_getWork","params":[]}'


def test_over_http_the_path_names_the_account():
    head = "User-Agent: ethminer/0.9\r\n"
    said = [
        request(POLL_HTTP, head, f"/{WALLET}/rig1"),
        answer(work(request_id=1)),
        request(SHARE, head, f"/{WALLET}/rig1"),
        answer(b'{"jsonrpc":"2.0","id":0,"result":true}'),  # the id is not the request's; the order is
    ]
    assert translate_all(eth_proxy, hear_http(said)) == [
        Login(WALLET, "ethminer/0.9", worker="rig1"),
        Job(HEADER, 2.0**32, seed=SEED),
        Submit("4", HEADER, "e05d1fd4002d962f", "rig7"),
        Answer("4", True),
    ]


def test_polling_a_node_over_http_never_decides():
    judgement = eth_proxy.claim(hear_http([request(POLL_HTTP), answer(work(request_id=1))]))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive
    assert judgement.weight == 60


def test_basic_authorization_gives_the_user_only():
    head = "Authorization: Basic bWU6c2VjcmV0\r\n"  # me:secret
    events = translate_all(eth_proxy, hear_http([request(POLL_HTTP, head), request(POLL_HTTP, head)]))
    assert events == [Login("me")]


def test_neighbors_and_other_conversations_are_not_claimed():
    for name, opening in {**neighbors("eth-proxy"), **foreign_openings()}.items():
        assert isinstance(eth_proxy.claim(opening), NeedMore | NotThis), name


def test_speaking_and_hearing_agree():
    first, second = "0x" + "a1" * 32, "0x" + "a2" * 32
    script = [
        Login(WALLET, worker="rig1"),
        LoginAnswer(True),
        Difficulty(5e9, "hashes"),
        Job(first, height=19_200_000, seed=SEED),
        Submit("7", first, "00000000c0ffee00", "rig1"),
        Answer("7", True),
        Job(second, 6e9, height=19_200_001, seed=SEED),
        Submit("8", second, "00000000c0ffee01", "rig1"),
        Answer("8", False, True, "Stale share"),
        ReportedRate(90_000_000.0, "0x01"),
    ]
    heard = round_trip(eth_proxy, script)
    works = [e.work for e in heard if isinstance(e, Job)]
    assert abs(works[0] / 5e9 - 1) < 1e-9
    assert abs(works[1] / 6e9 - 1) < 1e-9
    assert [plain(e) for e in heard] == [plain(e) for e in script if not isinstance(e, Difficulty)]


def plain(event):
    return (event.job_id, event.height, event.seed) if isinstance(event, Job) else event


def test_short_job_ids_keep_their_difference():
    heard = round_trip(eth_proxy, [Job("00000001", 1e9), Job("00000002", 1e9), Submit("7", "00000002", "01")])
    jobs, shares = [e for e in heard if isinstance(e, Job)], [e for e in heard if isinstance(e, Submit)]
    assert jobs[0].job_id != jobs[1].job_id == shares[0].job_id


def test_spoken_seeds_are_those_of_the_height():
    once = "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563"  # Keccak-256 of 32 zero bytes
    assert eth_proxy.seed_of(29_999, "ethash") == "00" * 32
    assert eth_proxy.seed_of(30_000, "ethash") == once
    assert eth_proxy.seed_of(59_999, "etchash") == "00" * 32
    heard = round_trip(eth_proxy, [Job("0x" + "a1" * 32, 1e9, height=30_001, algorithm="ethash")])
    assert heard[0].seed == "0x" + once


@given(json_values, json_values, json_values)
def test_hostile_json_never_raises(first, second, third):
    for method in (*sorted(eth_proxy.METHODS), "mining.subscribe", "mining.authorize"):
        for value in (first, [first, second, third], [HEADER, SEED, third], [HEADER, SEED, TARGET, first]):
            body = {"method": method, "params": value, "id": second, "worker": third}
            message = Rpc(0, True, b"", body=body)
            told = {"result": value, "error": third, "id": 1, "data": second, "height": third, "algo": first}
            for rpc in (
                message,
                Rpc(0, False, b"", body=told, request=message),
                Rpc(0, False, b"", body=told),
            ):
                eth_proxy.claim([rpc])
                eth_proxy.translate(rpc, Talk())
