"""Kaspa and its relatives: kHeavyHash stratum with a job of four 64-bit words or one 40-byte string.

Hears     mining.subscribe [agent(, protocol)] with answer [true, "EthereumStratum/1.0.0"] or [null,
          extranonce, size], mining.authorize [address(.worker), pass], set_extranonce or
          mining.set_extranonce [prefix(, size)], mining.set_difficulty [D], mining.notify [job, [u64 x 4],
          ms] or [job, 80 hex digits] or [job, 64 hex digits, ms], mining.submit [user, job, nonce]
Shares    D x 2^32 hashes: the bridge's own accounting (2^256 / (2^224 - 1)). tmrlvi/kaspa-miner takes 0xffff
          x 2^208 as the target of difficulty 1, which is 1.5e-5 more; pools that differ are not known
Coin      by the address prefix (kaspa:, and forks that speak through the same bridge)
Misses    work of shares in captures that begin after mining.set_difficulty; a session of submits alone under
          a pool account name, because a submit of three parts looks the same in four dialects
Misfires  none known: a job needs four 64-bit words, or a time in milliseconds after 2021 behind its hash
Source    nicehash/Specifications KHeavyHash_NiceHash_v1.0.txt; onemorebsmith/kaspa-stratum-bridge
          client_handler.go, hasher.go, share_handler.go, default_client.go, stratum_test.go;
          tmrlvi/kaspa-miner src/client/stratum.rs; IceRiver's "KAS Miner Mining Protocol" (excerpt). The
          form [job, 64 hex digits, ms] is unverified (DIALECTS.md only)
"""

import re
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
        "mining.extranonce.subscribe",
        "mining.set_extranonce",
        "set_extranonce",
        "mining.set_difficulty",
        "mining.notify",
        "mining.submit",
    }
)

HASHES_PER_DIFFICULTY: Final = 2.0**32  # measured: kaspa-stratum-bridge hasher.go, DiffToHash
MOST_DIFFICULTY: Final = 2.0**96  # judged: far above a network whose blocks cost less than 2^64 hashes
FIRST_MS: Final = 1_609_459_200_000  # measured: 2021-01-01, before the first block of Kaspa
LAST_MS: Final = 4_102_444_800_000  # judged: 2100-01-01
DEFAULT_WORK: Final = 4096 * 2.0**32  # measured: the difficulty in IceRiver's own example
ADDRESS: Final = re.compile(r"[a-z]{3,20}:[qp][02-9ac-hj-np-z]{58,}")
"""A kaspad address: prefix and at least 59 characters of the bech32 alphabet; Bitcoin Cash has 42."""


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; a share, a login or the bridge's answer count when they name the family."""
    weight, because = 0, ""
    for message in opening:
        if message.method == "mining.notify" and is_job(message.params):
            return Claim(95, "a job carries a 32-byte hash as 64-bit words or with a time", decisive=True)
        if message.method == "mining.submit" and is_submit(message.params) and has_address(message.params):
            return Claim(85, "a share of three parts comes from a kaspad address", decisive=True)
        if is_bridge_answer(message):
            return Claim(90, "the subscription is answered as kaspad's bridge does", decisive=True)
        if message.method == "mining.authorize" and has_address(message.params):
            weight, because = 80, "a login names a kaspad address"
        if message.method == "set_extranonce" and is_hex(item(message.params, 0)) and weight == 0:
            weight, because = 70, "the nonce prefix comes in set_extranonce"
    for message in opening:
        method = message.method
        if method is not None and method not in METHODS and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method == "mining.set_target":
            return NotThis("the share target is sent as a target")
        if method == "mining.notify" and message.params:
            return NotThis("a job of another shape")
    return Claim(weight, because) if weight else NeedMore()


def has_address(params: Sequence[Json]) -> bool:
    """Whether the first parameter begins with a kaspad address."""
    user = item(params, 0)
    return isinstance(user, str) and ADDRESS.match(user) is not None


def is_bridge_answer(message: Rpc) -> bool:
    """An answer ``[true, "EthereumStratum/1.0.0"]``; EthereumStratum itself sends a list and a prefix."""
    result = message.result
    if message.from_client or not isinstance(result, list) or len(result) != 2 or result[0] is not True:
        return False
    return isinstance(result[1], str) and result[1].startswith("EthereumStratum/")


def is_job(params: Sequence[Json]) -> bool:
    """Job id and pre-pow hash: four words and a time, 40 bytes with the time inside, or hash and time."""
    if text_of(item(params, 0)) is None:
        return False
    work = item(params, 1)
    if len(params) == 2 and isinstance(work, str) and is_hex(work, 80):
        return is_time(int.from_bytes(bytes.fromhex(work.removeprefix("0x")[64:80]), "little"))
    if len(params) != 3 or not is_time(params[2]):
        return False
    return is_hex(work, 64) or (isinstance(work, list) and len(work) == 4 and all(map(is_word, work)))


def is_word(value: Json) -> bool:
    """An unsigned 64-bit integer."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def is_time(value: Json) -> bool:
    """Unix milliseconds within the life of the family."""
    return isinstance(value, int) and not isinstance(value, bool) and FIRST_MS <= value <= LAST_MS


def is_submit(params: Sequence[Json]) -> bool:
    """User, job id and a nonce of at most 8 bytes; the bridge takes no notice of what follows."""
    return (
        len(params) >= 3 and text_of(params[1]) is not None and hex_int(params[2], most_digits=16) is not None
    )


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            return read_subscribe(params)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set_difficulty":
            difficulty = number_of(item(params, 0))
            known = difficulty is not None and difficulty < MOST_DIFFICULTY
            return [Difficulty(difficulty * HASHES_PER_DIFFICULTY, "hashes")] if known and difficulty else []
        case "set_extranonce" | "mining.set_extranonce":
            prefix = item(params, 0)
            return [Trait("extranonce1", str(prefix)[:32])] if is_hex(prefix) else []
        case "mining.notify":
            return [Job(text_of(params[0]) or "")] if is_job(params) else []
        case "mining.submit" if is_submit(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_subscribe(params: Sequence[Json]) -> list[Event]:
    """The miner's name and the protocol it asks for."""
    agent, protocol = text_of(item(params, 0)), text_of(item(params, 1), 64)
    events: list[Event] = [Login(agent=agent)] if agent else []
    return [*events, Trait("protocol", protocol)] if protocol else events


def read_answer(message: Rpc, request: Rpc) -> list[Event]:
    """What an answer says, by the request it answers."""
    granted, reason = judge_answer(message)
    result = message.result
    if isinstance(result, list) and request.method != "mining.subscribe":
        # an old bridge put its refusal, [code, words, null], where the result belongs
        granted, reason = False, text_of(item(result, 1)) or reason
    if request.method == "mining.submit":
        return [Answer(request.id or "", granted, is_stale(reason), reason)]
    if request.method == "mining.authorize":
        return [LoginAnswer(granted, reason)]
    if request.method == "mining.subscribe" and isinstance(result, list) and is_hex(item(result, 1)):
        return [
            Trait("extranonce1", str(result[1])[:32]),
            Trait("extranonce2_size", str(item(result, 2))[:8]),
        ]
    return []


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps(body) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. The login speaks for both sides up to the authorize request."""
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(voice.memory.get("authorize_id"), event.accepted, event.reason)]
        case Difficulty():
            factor = 1.0 if event.unit == "hashes" else HASHES_PER_DIFFICULTY
            return [speak_difficulty(event.value * factor, voice)]
        case Job():
            return speak_job(event, voice)
        case Submit():
            user = event.worker or voice.memory.get("login") or voice.wallet
            nonce = f"0x{hex_int(event.nonce) or 0:016x}"[:18]
            return [line(True, id=int(event.key), method="mining.submit", params=[user, event.job_id, nonce])]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "Job not found" if event.stale else "Unknown problem"
            return [speak_answer(int(event.key or 0), event.accepted, reason)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe with the bridge's answer, authorize, and the nonce prefix."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    user = login.login or voice.wallet
    voice.memory["authorize_id"], voice.memory["login"] = authorize_id, user
    agent, protocol = login.agent or voice.agent, "EthereumStratum/1.0.0"
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=[agent, protocol]),
        line(False, id=subscribe_id, result=[True, protocol], error=None),
        line(False, id=None, method="set_extranonce", params=[voice.hex(2), 6]),
        line(True, id=authorize_id, method="mining.authorize", params=[user, "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str) -> Spoken:
    """A grant, or a refusal with its words."""
    if accepted:
        return line(False, id=request_id, result=True, error=None)
    code = 21 if is_stale(reason) else 20
    return line(False, id=request_id, result=None, error=[code, reason or "Unknown problem", None])


def speak_difficulty(work: float, voice: Voice) -> Spoken:
    """The share difficulty whose expected work is ``work`` hashes."""
    voice.memory["work"] = work
    params: list[Json] = [work / HASHES_PER_DIFFICULTY]
    return line(False, id=None, method="mining.set_difficulty", params=params)


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after a new difficulty where the job names its own work or none was set."""
    spoken = []
    factor = 1.0 if job.unit == "hashes" else HASHES_PER_DIFFICULTY
    wanted = job.work * factor if job.work else voice.memory.get("work") or DEFAULT_WORK
    if isinstance(wanted, float) and wanted != voice.memory.get("work"):
        spoken.append(speak_difficulty(wanted, voice))
    words: list[Json] = [voice.rng.getrandbits(64) for _ in range(4)]
    time_ms = 1_700_000_000_000 + voice.rng.randrange(10**9)
    params: list[Json] = [job.job_id, words, time_ms]
    return [*spoken, line(False, id=None, method="mining.notify", params=params)]
