"""Xelis: stratum with named algorithm, 32-byte extra nonce and the miner's public key in the subscription.

Hears     mining.subscribe [agent(, algorithms)] with answer [session, extra nonce, size, public key],
          mining.authorize [xel: address, worker, pass], mining.set_difficulty [D], mining.set_extranonce,
          mining.notify [job, time in ms as hex, 64 hex digits, algorithm, clean], mining.submit [worker, job,
          nonce], mining.ping, mining.pong, mining.print [level, text], mining.hashrate [H/s]
Shares    D hashes, exact: the target of difficulty D is (2^256 - 1) / D
Coin      XEL by xel: address and algorithm xel/...
Misses    work of shares in captures that begin after mining.set_difficulty; a session of shares alone under a
          worker name, because a share of three parts looks the same in four dialects; version 0.1.0 of the
          protocol (a job of four parts without algorithm), which no released miner speaks; getwork over
          WebSocket and Xatum
Misfires  none known: a job needs a time in milliseconds as hex, a 32-byte hash and an algorithm
Source    vipor-net/xelis-stratum-protocol README.md 0.1.1; xelis-project/xelis-pool cmd/slave/stratum.go and
          pow/target.go (target of a difficulty); nicehash/Specifications XelisHashV2_NiceHash_v1.0.txt;
          Miningcore XelisPool (hashrate is the sum of difficulties over time)
"""

from collections.abc import Sequence
from typing import Final

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
    ReportedRate,
    Rpc,
    Spoken,
    Submit,
    Talk,
    Trait,
    Voice,
    hex_int,
    is_hex,
    is_stale,
    item,
    judge_answer,
    number_of,
    text_of,
)

METHODS: Final = frozenset(
    {
        "mining.subscribe",
        "mining.authorize",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.notify",
        "mining.submit",
        "mining.ping",
        "mining.pong",
        "mining.print",
        "mining.hashrate",
    }
)

ADDRESSES: Final = ("xel:", "xet:")  # measured: xelis-pool config; main network and test network
FIRST_MS: Final = 1_640_995_200_000  # judged: 2022-01-01, two years before the first block
LAST_MS: Final = 4_102_444_800_000  # judged: 2100-01-01
MOST_NONCE_DIGITS: Final = 80  # measured: NiceHash, prefix and nonce together are 40 bytes
DEFAULT_DIFFICULTY: Final = 20_000.0  # judged: a share per second or so of a desktop processor
MOST_DIFFICULTY: Final = 2.0**128  # judged: beyond any machine


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job, by the answer with a public key, or by an address in a share; a login counts less."""
    weight, because = 0, ""
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.notify" and is_job(params):
            return Claim(96, "a job carries time, work hash and algorithm", decisive=True)
        if is_subscription(message):
            return Claim(90, "the subscription is answered with extra nonce and public key", decisive=True)
        if method == "mining.submit" and is_submit(params) and has_address(params):
            return Claim(90, "a share of three parts comes from a Xelis address", decisive=True)
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method == "mining.set_target":
            return NotThis("the share target is sent as a target")
        if method == "mining.notify" and params:
            return NotThis("a job of another shape")
        if method == "mining.authorize" and has_address(params):
            weight, because = 75, "a login names a Xelis address"
    return Claim(weight, because) if weight else NeedMore()


def has_address(params: Sequence[Json]) -> bool:
    """Whether the first parameter begins with a Xelis address."""
    user = item(params, 0)
    return isinstance(user, str) and user.startswith(ADDRESSES)


def is_job(params: Sequence[Json]) -> bool:
    """Job id, milliseconds as hex, work hash, the name of a Xelis algorithm, clean."""
    if len(params) != 5 or text_of(params[0]) is None or not isinstance(params[4], bool):
        return False
    time_ms = hex_int(params[1], most_digits=16)
    named = isinstance(params[3], str) and params[3].startswith("xel")
    return time_ms is not None and FIRST_MS <= time_ms <= LAST_MS and is_hex(params[2], 64) and named


def is_subscription(message: Rpc) -> bool:
    """An answer of four parts: session, extra nonce of up to 32 bytes, its size, public key."""
    result = message.result
    if message.from_client or message.method is not None or not isinstance(result, list) or len(result) != 4:
        return False
    session, extra_nonce, size, key = result
    sized = isinstance(size, int) and not isinstance(size, bool) and 0 < size <= 32
    nonce_ok = isinstance(extra_nonce, str) and (not extra_nonce or is_hex(extra_nonce))
    return sized and nonce_ok and len(str(extra_nonce)) <= 64 and isinstance(session, str) and is_hex(key, 64)


def is_submit(params: Sequence[Json]) -> bool:
    """Worker (may be empty), job id and nonce; a pool behind a proxy is sent more than eight bytes."""
    named = len(params) == 3 and isinstance(params[0], str) and text_of(params[1]) is not None
    return named and hex_int(params[2], most_digits=MOST_NONCE_DIGITS) is not None


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            return read_subscribe(params)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login, worker=text_of(item(params, 1)))] if login else []
        case "mining.set_difficulty":
            value = number_of(item(params, 0))
            return [Difficulty(value, "hashes")] if value and value < MOST_DIFFICULTY else []
        case "mining.set_extranonce":
            return [Trait("extranonce1", str(params[0])[:64])] if is_hex(item(params, 0)) else []
        case "mining.notify" if is_job(params):
            return [Job(text_of(params[0]) or "", algorithm=text_of(params[3], 32), clean=params[4] is True)]
        case "mining.submit" if is_submit(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case "mining.hashrate":
            rate = number_of(item(params, 0))
            return [ReportedRate(rate)] if rate and message.from_client else []
        case "mining.print":
            notice = text_of(item(params, 1), 200)
            return [Trait("notice", notice)] if notice and not message.from_client else []
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_subscribe(params: Sequence[Json]) -> list[Event]:
    """The miner's name and the algorithms it can do."""
    agent, offered = text_of(item(params, 0)), item(params, 1)
    events: list[Event] = [Login(agent=agent)] if agent else []
    names = [a for a in offered[:16] if isinstance(a, str)] if isinstance(offered, list) else []
    return [*events, Trait("algorithms", ",".join(n[:32] for n in names))] if names else events


def read_answer(message: Rpc, request: Rpc) -> list[Event]:
    """What an answer says, by the request it answers."""
    granted, reason = judge_answer(message)
    if request.method == "mining.submit":
        return [Answer(request.id or "", granted, is_stale(reason), reason)]
    if request.method == "mining.authorize":
        return [LoginAnswer(granted, reason)]
    result = message.result
    if request.method == "mining.subscribe" and isinstance(result, list) and is_hex(item(result, 1)):
        return [
            Trait("extranonce1", str(result[1])[:64]),
            Trait("extranonce2_size", str(item(result, 2))[:8]),
        ]
    return []


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps(body) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. The login speaks for both sides up to the authorize request."""
    memory = voice.memory
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(memory.get("authorize_id"), event.accepted, event.reason, -1)]
        case Difficulty():
            return [speak_difficulty(event.value, voice)]
        case Job():
            return speak_job(event, voice)
        case Submit():
            nonce = f"{hex_int(event.nonce) or 0:016x}"[-16:]
            share: list[Json] = [event.worker or voice.worker, event.job_id, nonce]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "stale job" if event.stale else "low difficulty share"
            return [speak_answer(int(event.key or 0), event.accepted, reason, 21 if event.stale else 20)]
        case ReportedRate():
            return [line(True, id=None, method="mining.hashrate", params=[event.hps])]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe, its answer with extra nonce and public key, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    voice.memory["authorize_id"] = authorize_id
    offered: list[Json] = [login.agent or voice.agent, ["xel/0", "xel/1"]]
    answer: list[Json] = [voice.hex(8), voice.hex(32), 32, voice.hex(32)]
    user: list[Json] = [login.login or voice.wallet, login.worker or voice.worker, "x"]
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=offered),
        line(False, id=subscribe_id, result=answer),
        line(True, id=authorize_id, method="mining.authorize", params=user),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its words."""
    if accepted:
        return line(False, id=request_id, result=True)
    refusal: Json = {"code": code, "message": reason or "refused", "data": None}
    return line(False, id=request_id, result=False, error=refusal)


def speak_difficulty(work: float, voice: Voice) -> Spoken:
    """The share difficulty, which is its expected hashes."""
    voice.memory["work"] = work
    return line(False, id=voice.next_id(), method="mining.set_difficulty", params=[work])


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after a new difficulty where the job names its own work or none was set."""
    spoken = []
    known = voice.memory.get("work")
    wanted = job.work or known or DEFAULT_DIFFICULTY
    if isinstance(wanted, float) and wanted != known:
        spoken.append(speak_difficulty(wanted, voice))
    named = job.algorithm or voice.algorithm
    algorithm = named if named.startswith("xel") else "xel/1"
    time_ms = f"{1_700_000_000_000 + voice.rng.randrange(10**10):X}"
    params: list[Json] = [job.job_id, time_ms, voice.hex(32), algorithm, job.clean is not False]
    return [*spoken, line(False, id=voice.next_id(), method="mining.notify", params=params)]
