"""Chia, against the example messages of Chia-Network/pool-reference SPECIFICATION.md."""

import copy

import orjson
import pytest
from hypothesis import given

from davylamp.dialects import chia
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
from davylamp.records import HttpHead, Message

from dialects.neighbors import neighbors
from dialects.talking import START_NS, foreign_openings, json_values, pair, speak, translate_all

LAUNCHER = "0xae4ef3b9bfe68949691281a015a9c16630fc8f66d48c19ca548fb80768791afa"
POINT = "4c52796ca4ff775fbcdac90140c12270d26a37724ad77988535d58b376332533"
HARVESTER = "0xb9d8de98ec5c026f1167b0b587715d7137f43b6d1d40b81d9aac6dc8355fde28"
SIGNATURE = (
    "0xa078dc1462bbcdec7cd651c5c3d7584ac6c6a142e049c7790f3b0ee8768ed6326e3a639f949b2293469be561adfa1c57130f64334994f5"
    "3c1bd12e59579e27127fbabadc5e8793a2ef194a5a22ac832e92dcb6ad9a0d33bd264726f6e8df6aad"
)
KEY = "0x970e181ae45435ae696508a78012dc80548c334cf29676ea6ade7049eb9d2b9579cc30cb44c3fd68d35a250cfbc69e29"
PROOF = (
    "b2cd6374c8db249ad3b638199dbb6eb9eaefe55042cef66c43cf1e31161f4a1280455d8b53c2823c747fd4f8823c44de3a52cc8533243163"
    "0857c359935660c3403ae3a92728d003dd66ef5966317cd49894d265a3e4c43f0530a1192874ed327e6f35862a25dfb67c5d0d573d078b4b"
    "8ba9bfb1cce52fd17939ae9d7033d3aa09d6c449e392ba2472a1fecf992abcc51c3bf5d56a72fef9900e79b8dba88a5afc39e04993325a0c"
    "d6b67757355b836f"
)
POOL_INFO = {
    "description": "(example) The Reference Pool allows you to pool with low fees, paying out daily using Chia.",
    "fee": 0.01,
    "logo_url": "https://www.chia.net/img/chia_logo.svg",
    "minimum_difficulty": 10,
    "name": "The Reference Pool",
    "protocol_version": 1,
    "relative_lock_height": 100,
    "target_puzzle_hash": "0x344587cf06a39db471d2cc027504e8688a0a67cce961253500c956c73603fd58",
    "authentication_token_timeout": 5,
}
PAYOUT = "0xc2b08e41d766da4116e388357ed957d04ad754623a915f3fd65188a8746cf3e8"
REGISTRATION = {
    "payload": {
        "launcher_id": LAUNCHER,
        "authentication_token": 27062279,
        "authentication_public_key": KEY,
        "payout_instructions": PAYOUT,
        "suggested_difficulty": 10,
    },
    "signature": SIGNATURE,
}
RECORD = {
    "authentication_public_key": KEY,
    "payout_instructions": PAYOUT,
    "current_difficulty": 10,
    "current_points": 10,
}
PARTIAL = {
    "payload": {
        "launcher_id": LAUNCHER,
        "authentication_token": 27062279,
        "proof_of_space": {
            "challenge": "0xe0e55d45eef8d53a6b68220abeec8f14f57baaa80dbd7b37430e42f9ac6e2c0e",
            "pool_contract_puzzle_hash": "0x9e3e9b37b54cf6c7467e277b6e4ca9ab6bdea53cdc1d79c000dc95b6a3908a3b",
            "plot_public_key": "0xa7ad70989cc8f18e555e9b698d197cdfc32465e0b99fd6cf5fdbac8aa2da04b0704ba04d2d50d852402f"
            "9dd6eec47a4d",
            "size": 32,
            "proof": "0x" + PROOF,
        },
        "sp_hash": "0x" + POINT,
        "end_of_sub_slot": False,
        "harvester_id": HARVESTER,
    },
    "aggregate_signature": SIGNATURE,
}
HEADERS = {"host": "pool.example", "user-agent": "Chia Blockchain v.1.2.3"}
QUERY = f"/farmer?launcher_id={LAUNCHER}&authentication_token=27062279&signature={SIGNATURE}"


def exchange(method, target, question, answer, status=200):
    """A request and its response as messages."""
    asked = b"" if question is None else orjson.dumps(question)
    replied = b"" if answer is None else orjson.dumps(answer)
    return [
        Message(START_NS, True, asked, "http", HttpHead(method, target, 0, HEADERS)),
        Message(START_NS + 1, False, replied, "http", HttpHead(method, target, status, {})),
    ]


def partial(signature=SIGNATURE, **changes):
    """A partial with another signature and other payload."""
    body = copy.deepcopy(PARTIAL)
    body["payload"].update(changes)
    body["aggregate_signature"] = signature
    return body


def as_http(spoken):
    """The messages of HTTP bytes, as the carrier makes them."""
    targets, messages = [], []
    for part in spoken:
        head, _, body = part.data.partition(b"\r\n\r\n")
        start, *fields = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (f.split(": ", 1) for f in fields)}
        assert int(headers.get("content-length", 0)) == len(body)
        if part.from_client:
            method, target, _ = start.split(" ", 2)
            targets.append((method, target))
            message = HttpHead(method, target, 0, headers)
        else:
            message = HttpHead(*targets.pop(0), int(start.split(" ")[1]), headers)
        messages.append(Message(START_NS + len(messages), part.from_client, body, "http", message))
    return messages


def test_the_specification_s_session_is_read_event_by_event():
    messages = exchange("GET", "/pool_info", None, POOL_INFO)
    messages += exchange("POST", "/farmer", REGISTRATION, {"welcome_message": "Happy farming."})
    messages += exchange("GET", QUERY, None, RECORD)
    messages += exchange("POST", "/partial", PARTIAL, {"new_difficulty": 20})
    messages += exchange(
        "POST", "/partial", partial("0xbb" + SIGNATURE[4:]), {"error_code": 2, "error_message": "Too late"}
    )
    job = Job(POINT)
    assert translate_all(chia, pair(messages)) == [
        Difficulty(10.0, "stratum"),
        Login(LAUNCHER, "Chia Blockchain v.1.2.3", pool="pool.example"),
        Trait("protocol", "chia"),
        Trait("payout_instructions", PAYOUT),
        LoginAnswer(True),
        Trait("plot_size", "k32"),
        job,
        Submit(SIGNATURE[2:66], POINT, PROOF[:64], HARVESTER, 176),
        Answer(SIGNATURE[2:66], True),
        Difficulty(20.0, "stratum"),
        job,
        Submit("bb" + SIGNATURE[4:66], POINT, PROOF[:64], HARVESTER, 176),
        Answer("bb" + SIGNATURE[4:66], False, True, "Too late"),
    ]


def test_an_address_as_payout_names_the_client_too():
    body = copy.deepcopy(REGISTRATION)
    body["payload"]["payout_instructions"] = "xch1qqq"
    events = translate_all(chia, pair(exchange("PUT", "/farmer", body, {"payout_instructions": True})))
    assert Login("xch1qqq") in events
    assert not [e for e in events if isinstance(e, LoginAnswer)]  # an update is no login


@pytest.mark.parametrize(
    ("answer", "status", "expected"),
    [
        (
            {"error_code": 5, "error_message": "Proof not good enough"},
            200,
            (False, False, "Proof not good enough"),
        ),
        ({"error_code": 1, "error_message": ""}, 200, (False, True, "error 1")),
        (None, 502, (False, False, "HTTP 502")),
        ({"points_balance": 1130, "current_difficulty": 10}, 200, (True, False, "")),  # the draft's answer
    ],
)
def test_the_words_of_an_answer_decide(answer, status, expected):
    events = translate_all(chia, pair(exchange("POST", "/partial", PARTIAL, answer, status)))
    verdict = next(e for e in events if isinstance(e, Answer))
    assert (verdict.accepted, verdict.stale, verdict.reason) == expected


def test_a_refused_registration_is_a_refused_login():
    refusal = {"error_code": 7, "error_message": "Invalid signature"}
    events = translate_all(chia, pair(exchange("POST", "/farmer", REGISTRATION, refusal)))
    assert LoginAnswer(False, "Invalid signature") in events


@pytest.mark.parametrize(
    "messages",
    [
        exchange("POST", "/partial", PARTIAL, None)[:1],
        exchange("POST", "/some/path/partial", PARTIAL, None)[:1],
        exchange("POST", "/partial", None, {"new_difficulty": 10})[1:],
        exchange("POST", "/farmer", REGISTRATION, None)[:1],
        exchange("GET", QUERY, None, None)[:1],
    ],
)
def test_one_message_decides_in_mid_session(messages):
    judgement = chia.claim(pair(messages))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


def test_pool_information_alone_does_not_decide():
    judgement = chia.claim(pair(exchange("GET", "/pool_info", None, POOL_INFO)))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


@pytest.mark.parametrize(
    "messages",
    [
        exchange("GET", "/login", None, None),
        exchange("GET", f"/login?launcher_id={LAUNCHER}&authentication_token=1&signature=ab", None, None),
        exchange("GET", "/farmer", None, RECORD),
        exchange("GET", "/farmer?name=joe", None, {"animals": 3}),
        exchange("POST", "/login", REGISTRATION, {"welcome_message": "hi"}),
        exchange("POST", "/api/orders", PARTIAL, {"new_difficulty": 10}),
        exchange("GET", "/partial", None, {"new_difficulty": 10}),
        exchange("POST", "/partial", {"page": 3}, {"html": "<p>"}),
        exchange("POST", "/partial", partial(launcher_id="0x12"), None),
        exchange("POST", "/partial", partial(sp_hash="0x12"), None),
        exchange("POST", "/partial", partial(proof_of_space={"size": 32}), None),
        exchange("POST", "/farmer", {"payload": {"launcher_id": LAUNCHER}}, None),
        exchange("GET", "/pool_info", None, {"pools": ["outdoor", "indoor"]}),
    ],
)
def test_other_web_traffic_claims_nothing(messages):
    assert isinstance(chia.claim(pair(messages)), NeedMore)


def test_other_conversations_are_not_claimed():
    for name, opening in {**foreign_openings(), **neighbors("chia")}.items():
        assert isinstance(chia.claim(opening), NotThis), name


def test_speaking_and_hearing_agree():
    script = [
        Login("xch1wallet", "chia/2"),
        LoginAnswer(True),
        Difficulty(20.0, "stratum"),
        Job("00000001", height=5),
        Submit("7", "00000001", "00c0ffee", "rig1"),
        Difficulty(40.0, "stratum"),  # while a partial waits: told with its answer
        Answer("7", True),
        Job("00000002"),
        Submit("8", "00000002", "00c0ffef", "rig1"),
        Answer("8", False, True, "Stale share"),
        Submit("9", "00000002", "00c0fff0", "rig1"),
        Difficulty(80.0, "stratum"),
        Answer("9", False, False, "Low difficulty share"),  # does not tell it: the farmer asks afterwards
    ]
    heard = translate_all(chia, pair(as_http(speak(chia, script))))
    logins = [e for e in heard if isinstance(e, Login)]
    assert [e.agent for e in logins][:1] == ["chia/2"]
    assert Login("xch1wallet") in logins
    assert [e.value for e in heard if isinstance(e, Difficulty)] == [20.0, 40.0, 80.0]
    assert [e.job_id for e in heard if isinstance(e, Job)] == ["00000001", "00000002", "00000002"]
    assert [(e.key, e.job_id) for e in heard if isinstance(e, Submit)] == [
        ("7", "00000001"),
        ("8", "00000002"),
        ("9", "00000002"),
    ]
    assert [e for e in heard if isinstance(e, Answer)] == [
        Answer("7", True),
        Answer("8", False, True, "Stale share"),
        Answer("9", False, False, "Low difficulty share"),
    ]


def test_a_launcher_as_login_is_spoken_as_one():
    heard = translate_all(chia, pair(as_http(speak(chia, [Login(LAUNCHER), LoginAnswer(False, "no")]))))
    assert heard[0].login == LAUNCHER
    assert heard[-1] == LoginAnswer(False, "no")


@given(json_values)
def test_hostile_json_never_raises(value):
    talk = Talk()
    for method, target in (("POST", "/partial"), ("POST", "/farmer"), ("GET", QUERY), ("GET", "/pool_info")):
        proof = {"challenge": "00" * 32, "size": 32, "proof": value}
        bodies = [
            {"payload": value, "signature": value},
            {"payload": {"launcher_id": LAUNCHER, "proof_of_space": proof, "sp_hash": value}},
            partial(value, harvester_id=value, payout_instructions=value),
        ]
        for body in bodies:
            asked = Rpc(0, True, b"", "http", body, HttpHead(method, target, 0, {}))
            answer = {"new_difficulty": value, "error_code": value, "error_message": value}
            told = Rpc(0, False, b"", "http", answer, HttpHead(method, target, 200, {}), asked)
            for rpc in (asked, told):
                chia.claim([rpc])
                chia.translate(rpc, talk)
