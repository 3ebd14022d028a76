"""Chia pool protocol: farmers post proofs of space over HTTP; storage, not hashing.

Hears     GET /pool_info, GET, POST and PUT /farmer, POST /partial {payload {launcher_id, proof_of_space, sp_hash,
          harvester_id}, aggregate_signature} and the answers {new_difficulty}, {current_difficulty},
          {welcome_message}, {error_code, error_message}; a path in front of the endpoint is allowed
Shares    a partial earns as many points as the difficulty at its time; about 10 points per day and k32 plot.
          Points are no hashes: the work stays in units of the pool. A job is a signage point
Coin      XCH; forks of Chia speak the same protocol and are not told apart by it
Misses    pools as the specification wants them, which are behind TLS; the points of partials before the first
          difficulty of a capture; farming without a pool
Misfires  none known: a partial needs a proof of space with 32-byte hashes; GET /login and JSON posted elsewhere
          claim nothing
Source    Chia-Network/pool-reference SPECIFICATION.md (four stored drafts; the last has new_difficulty,
          authentication_token and harvester_id); chia-agent pool_protocol.d.ts (error codes). Unverified: that
          farmers name themselves in User-Agent
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

import orjson

from davylamp.dialects.session import (
    Answer,
    Claim,
    Difficulty,
    Event,
    Job,
    Json,
    Judgement,
    Login,
    LoginAnswer,
    NeedMore,
    NotThis,
    Rpc,
    Spoken,
    Submit,
    Talk,
    Trait,
    Voice,
    hex_int,
    is_hex,
    number_of,
    text_of,
)

METHODS: Final[frozenset[str]] = frozenset()  # the words of this dialect are paths: CHIA_PATHS in reading.py

ENDPOINTS: Final = ("pool_info", "farmer", "partial")
ADDRESSES: Final = ("xch1", "txch1")  # judged: bech32m addresses of the main and the test network
LATE: Final = (1, 2)  # measured: SPECIFICATION.md, signage point reverted, received too late
REFUSED: Final = 5  # measured: SPECIFICATION.md, proof of space not good enough
PLOT_SIZES: Final = range(25, 65)  # measured: k of 25 on test networks, 32 and more otherwise; below 64
PROOF_DIGITS: Final = range(64, 4096)  # measured: 64 values of k bits are 512 digits at k32
QUERY_CHARS: Final = 2048  # judged: launcher, token and signature take 400
DEFAULT_DIFFICULTY: Final = 10  # measured: minimum_difficulty in the specification's example


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a partial or a farmer's registration; pool information alone is only a look."""
    looked = False
    for message in opening:
        if message.http is None:
            return NotThis("no HTTP")
        if partial_of(message) is not None:
            return Claim(97, "a proof of space is posted as a partial", decisive=True)
        if registration_of(message) is not None:
            return Claim(95, "a farmer registers with launcher and authentication key", decisive=True)
        if endpoint_of(message) == "partial" and difficulty_in(message, "new_difficulty") is not None:
            return Claim(90, "a partial is answered with a new difficulty", decisive=True)
        if endpoint_of(message) == "farmer" and launcher_in_query(message) is not None:
            return Claim(90, "a farmer asks for its record by launcher", decisive=True)
        looked |= endpoint_of(message) == "pool_info" and is_pool_info(message.body or {})
    return Claim(55, "a pool tells its puzzle hash and lock height") if looked else NeedMore()


def endpoint_of(message: Rpc) -> str:
    """The endpoint of a request or of the request behind an answer; empty for all others."""
    if message.http is None:
        return ""
    last = message.http.target.partition("?")[0].rstrip("/").rpartition("/")[2]
    method = message.http.method.upper()
    fits = {"pool_info": ("GET",), "farmer": ("GET", "POST", "PUT"), "partial": ("POST",)}.get(last, ())
    return last if method in fits else ""


def is_request(message: Rpc) -> bool:
    """Whether this is the farmer's side of an exchange."""
    return message.from_client and message.http is not None and message.http.status == 0


def payload_of(message: Rpc) -> dict[str, Json]:
    """The payload of a request that names a launcher; empty when there is none."""
    payload = message.body.get("payload") if message.body and is_request(message) else None
    if not isinstance(payload, dict) or not is_hex(payload.get("launcher_id"), 64):
        return {}
    return payload


def partial_of(message: Rpc) -> dict[str, Json] | None:
    """The payload of a partial with a proof of space of the right sizes."""
    payload = payload_of(message) if endpoint_of(message) == "partial" else {}
    proof = payload.get("proof_of_space")
    if not isinstance(proof, dict) or text_of(payload.get("sp_hash")) is None:
        return None
    size, digits = proof.get("size"), proof.get("proof")
    sized = isinstance(size, int) and not isinstance(size, bool) and size in PLOT_SIZES
    proved = is_hex(digits) and len(str(digits)) in PROOF_DIGITS and is_hex(proof.get("challenge"), 64)
    return payload if sized and proved and is_hex(payload.get("sp_hash"), 64) else None


def registration_of(message: Rpc) -> dict[str, Json] | None:
    """The payload of POST or PUT /farmer."""
    payload = payload_of(message) if endpoint_of(message) == "farmer" else {}
    keyed = is_hex(payload.get("authentication_public_key"), 96) or "payout_instructions" in payload
    signed = message.body is not None and is_hex(message.body.get("signature"), 192)
    return payload if payload and keyed and signed else None


def launcher_in_query(message: Rpc) -> str | None:
    """The launcher in ``GET /farmer?launcher_id=..&authentication_token=..``."""
    if not is_request(message) or message.http is None or message.http.method.upper() != "GET":
        return None
    query = parse_qs(message.http.target.partition("?")[2][:QUERY_CHARS], max_num_fields=16)
    launcher = query.get("launcher_id", [""])[0]
    return launcher.lower() if is_hex(launcher, 64) and "authentication_token" in query else None


def difficulty_in(message: Rpc, name: str) -> float | None:
    """A difficulty that an answer names."""
    value = (message.body or {}).get(name)
    return number_of(value) if not message.from_client and isinstance(value, int) else None


def is_pool_info(body: Mapping[str, Json]) -> bool:
    """The answer to GET /pool_info."""
    return is_hex(body.get("target_puzzle_hash"), 64) and isinstance(body.get("relative_lock_height"), int)


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. Memory: difficulty in force, launcher already named."""
    endpoint = endpoint_of(message)
    if not endpoint or message.http is None:
        return []
    if is_request(message):
        payload = partial_of(message)
        if payload is not None:
            return read_partial(message, payload, talk)
        launcher = launcher_in_query(message) or text_of(payload_of(message).get("launcher_id"))
        payout = text_of(payload_of(message).get("payout_instructions"), 200)
        return read_login(message, launcher, talk) + read_payout(payout)
    if message.from_client:
        return []
    if endpoint == "partial":
        return read_verdict(message, talk)
    if endpoint == "pool_info":
        known = "difficulty" in talk.memory or not is_pool_info(message.body or {})
        return [] if known else read_difficulty(difficulty_in(message, "minimum_difficulty"), talk)
    events = read_difficulty(difficulty_in(message, "current_difficulty"), talk)
    if message.http.method.upper() == "POST":
        code, reason = refusal_of(message)
        events.insert(0, LoginAnswer(code is None, reason))
    return events


def read_login(message: Rpc, launcher: str | None, talk: Talk) -> list[Event]:
    """Who farms, where, with what; once per launcher."""
    if launcher is None or talk.memory.get("launcher") == launcher or message.http is None:
        return []
    talk.memory["launcher"] = launcher
    agent, host = message.http.headers.get("user-agent"), message.http.headers.get("host")
    return [Login(launcher, text_of(agent), pool=text_of(host, 262)), Trait("protocol", "chia")]


def read_payout(payout: str | None) -> list[Event]:
    """Where the farmer wants its share: an address names the client too; anything else is kept as it is."""
    if payout is None:
        return []
    return [Login(payout) if payout.startswith(ADDRESSES) else Trait("payout_instructions", payout)]


def read_difficulty(value: float | None, talk: Talk) -> list[Event]:
    """A difficulty that differs from the one in force."""
    if value is None or talk.memory.get("difficulty") == value:
        return []
    talk.memory["difficulty"] = value
    return [Difficulty(value, "stratum")]


def key_of(request: Rpc) -> str:
    """A partial's signature pairs it with its answer; leading zeros are the mouth's padding."""
    signature = text_of((request.body or {}).get("aggregate_signature")) or ""
    return signature.removeprefix("0x").lstrip("0")[:64]


def read_partial(message: Rpc, payload: dict[str, Json], talk: Talk) -> list[Event]:
    """A partial as a share of its signage point, whose hash goes without leading f (the mouth's padding)."""
    point = str(payload["sp_hash"]).lower().removeprefix("0x").lstrip("f") or "f"
    proof = payload["proof_of_space"]
    digits = str(proof.get("proof")).lower().removeprefix("0x") if isinstance(proof, dict) else ""
    events = read_login(message, text_of(payload.get("launcher_id")), talk)
    size = proof.get("size") if isinstance(proof, dict) else None
    if talk.memory.get("size") != size:
        talk.memory["size"] = size
        events.append(Trait("plot_size", f"k{size}"))
    harvester = text_of(payload.get("harvester_id"), 66)
    share = Submit(key_of(message), point, digits[:64], harvester, len(digits) // 2)
    return [*events, Job(point), share]


def refusal_of(message: Rpc) -> tuple[int | None, str]:
    """The error code and words of an answer; code None when it grants."""
    body = message.body or {}
    code, words = body.get("error_code"), text_of(body.get("error_message"), 200) or ""
    if isinstance(code, int):
        return code, words or f"error {code}"[:40]
    status = message.http.status if message.http is not None else 0
    return (status, f"HTTP {status}") if status >= 400 else (None, "")


def read_verdict(message: Rpc, talk: Talk) -> list[Event]:
    """The answer to a partial, and the difficulty from then on."""
    code, reason = refusal_of(message)
    key = key_of(message.request) if message.request is not None else None
    answer = Answer(key, code is None, code in LATE, reason)
    later = difficulty_in(message, "new_difficulty") or difficulty_in(message, "current_difficulty")
    return [answer, *read_difficulty(later, talk)]


# --- the mouth ---------------------------------------------------------------------------------------------


def ask(voice: Voice, method: str, target: str, body: Json = None) -> Spoken:
    """One HTTP request of the farmer."""
    data = orjson.dumps(body) if body is not None else b""
    head = f"{method} {target} HTTP/1.1\r\nHost: {voice.pool_host}\r\nUser-Agent: {voice.memory.get('agent')}\r\n"
    typed = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n" if data else ""
    return Spoken(True, (head + typed + "\r\n").encode() + data)


def reply(body: Json) -> Spoken:
    """One HTTP response of the pool."""
    data = orjson.dumps(body)
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    return Spoken(False, f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. The difficulty is a whole number on the wire, at least 1.

    A farmer learns a new difficulty by asking for its record, or with the answer to a partial in flight.
    """
    memory = voice.memory
    match event:
        case Login():
            memory["agent"] = event.agent or voice.agent
            given = event.login or voice.wallet
            memory["launcher"] = given if is_hex(given, 64) else "0x" + voice.hex(32)
            payload: Json = {
                "launcher_id": memory["launcher"],
                "authentication_token": 28_000_000,
                "authentication_public_key": "0x" + voice.hex(48),
                "payout_instructions": voice.wallet if is_hex(given, 64) else given,
                "suggested_difficulty": DEFAULT_DIFFICULTY,
            }
            return [ask(voice, "POST", "/farmer", {"payload": payload, "signature": "0x" + voice.hex(96)})]
        case LoginAnswer():
            refusal: Json = {"error_code": 7, "error_message": event.reason or "Invalid signature"}
            return [reply({"welcome_message": "Welcome"} if event.accepted else refusal)]
        case Difficulty():
            return speak_difficulty(event.value, voice)
        case Job():
            memory["point"] = event.job_id
            known = event.work is None or memory.get("difficulty") == max(1, round(event.work))
            return [] if known else speak_difficulty(event.work or 1.0, voice)
        case Submit():
            return [speak_partial(event, voice)]
        case Answer():
            return speak_verdict(event, voice)
        case _:
            return []


def speak_difficulty(value: float, voice: Voice) -> list[Spoken]:
    """The farmer asks for its record and hears its difficulty; not while a partial waits for its answer."""
    memory = voice.memory
    memory["difficulty"] = max(1, round(value))
    if memory.get("flying"):
        memory["untold"] = True
        return []
    memory["untold"] = False
    launcher = memory.get("launcher") or "0x" + voice.hex(32)
    query = f"launcher_id={launcher}&authentication_token=28000000&signature=0x{voice.hex(96)}"
    record: Json = {
        "authentication_public_key": "0x" + voice.hex(48),
        "payout_instructions": voice.wallet,
        "current_difficulty": memory["difficulty"],
        "current_points": 0,
    }
    return [ask(voice, "GET", "/farmer?" + query), reply(record)]


def speak_partial(share: Submit, voice: Voice) -> Spoken:
    """A partial for the signage point of its job."""
    memory = voice.memory
    flying = memory.get("flying")
    memory["flying"] = flying + 1 if isinstance(flying, int) else 1
    point = str(share.job_id or memory.get("point") or "").rjust(64, "f")[-64:]
    seed = f"{hex_int(share.nonce) or 0:064x}"
    proof: Json = {
        "challenge": "0x" + voice.hex(32),
        "pool_contract_puzzle_hash": "0x" + voice.hex(32),
        "plot_public_key": "0x" + voice.hex(48),
        "size": 32,
        "proof": "0x" + seed + voice.hex(224),
    }
    harvester = f"{int.from_bytes((share.worker or voice.worker).encode()[-32:], 'big'):064x}"
    payload: Json = {
        "launcher_id": memory.get("launcher") or "0x" + voice.hex(32),
        "authentication_token": 28_000_000,
        "proof_of_space": proof,
        "sp_hash": "0x" + point,
        "end_of_sub_slot": False,
        "harvester_id": "0x" + harvester,
    }
    return ask(
        voice, "POST", "/partial", {"payload": payload, "aggregate_signature": "0x" + share.key.zfill(192)}
    )


def speak_verdict(answer: Answer, voice: Voice) -> list[Spoken]:
    """The answer to a partial, and the record when the difficulty has changed and no answer told it."""
    memory = voice.memory
    flying = memory.get("flying")
    memory["flying"] = max(0, flying - 1) if isinstance(flying, int) else 0
    if answer.accepted:
        memory["untold"] = False
        return [reply({"new_difficulty": memory.get("difficulty") or DEFAULT_DIFFICULTY})]
    code = LATE[1] if answer.stale else REFUSED
    spoken = [reply({"error_code": code, "error_message": answer.reason or "refused"})]
    value = memory.get("difficulty")
    if memory.get("untold") and not memory["flying"] and isinstance(value, int):
        spoken += speak_difficulty(float(value), voice)
    return spoken
