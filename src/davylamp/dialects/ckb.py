"""Nervos CKB: Eaglesong stratum with ``mining.set_target`` and a five-part ``mining.notify``.

Hears     mining.subscribe [agent, null] with answer [null, nonce1, nonce2 size], mining.authorize [user,
          pass], mining.set_target [target], mining.notify [job, header hash, height, parent hash, clean],
          mining.submit [user, job, nonce2]
Shares    2^256 / target hashes, the target big-endian in mining.set_target; exact
Coin      by the dialect itself, and by wallets that begin with ckb1 or ckt1
Misses    work of shares in captures that begin after mining.set_target; a session of submits alone under a
          pool account name, because a submit of three parts looks the same in four dialects
Misfires  none known: no other dialect's job has an integer height between two 32-byte hashes
Source    leifjacky/ckb-gominer-demo README.md, both stored versions (nonce of 8 bytes, since v0.22 of 16),
          and its miner.go (hash and target compared as big-endian integers)
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
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset(
    {"mining.subscribe", "mining.authorize", "mining.set_target", "mining.notify", "mining.submit"}
)

NONCE_BYTES: Final = 16  # measured: ckb-gominer-demo README, header nonce since v0.22.0-rc2
DEFAULT_WORK: Final = 2.0**40  # judged: an Eaglesong ASIC of 1 TH/s speaks about once a second
PLAUSIBLE_HEIGHT: Final = 12_000_000  # judged: mainnet height around 2024, for simulated jobs without one


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; a share or a login counts when it names a CKB address."""
    named = False
    for message in opening:
        if message.method == "mining.notify" and is_job(message.params):
            return Claim(95, "a job carries a header hash, a height and a parent hash", decisive=True)
        if message.method == "mining.submit" and is_submit(message.params) and has_address(message.params):
            return Claim(85, "a share of three parts comes from a CKB address", decisive=True)
        named = named or (message.method == "mining.authorize" and has_address(message.params))
    for message in opening:
        method = message.method
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method == "mining.notify" and message.params:
            return NotThis("a job of another shape")
    return Claim(60, "a login names a CKB address") if named else NeedMore()


def has_address(params: Sequence[Json]) -> bool:
    """Whether the first parameter names a CKB address of the main or test network."""
    user = item(params, 0)
    return isinstance(user, str) and user.startswith(("ckb1", "ckt1"))


def is_job(params: Sequence[Json]) -> bool:
    """Job id, 32-byte header hash, integer height, 32-byte parent hash, clean flag."""
    if len(params) != 5 or text_of(params[0]) is None or not isinstance(params[4], bool):
        return False
    return is_hex(params[1], 64) and height_of(params[2]) is not None and is_hex(params[3], 64)


def is_submit(params: Sequence[Json]) -> bool:
    """User, job id and the miner's part of the nonce, up to 16 bytes."""
    return (
        len(params) == 3 and text_of(params[1]) is not None and hex_int(params[2], most_digits=32) is not None
    )


def height_of(value: Json) -> int | None:
    """A block height; zero is a chain's first job."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            agent = text_of(item(params, 0))
            return [Login(agent=agent)] if agent else []
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set_target":
            work = work_of_target(hex_int(item(params, 0)) or 0)
            return [Difficulty(work, "hashes")] if work is not None else []
        case "mining.notify":
            return [read_job(params)] if is_job(params) else []
        case "mining.submit" if is_submit(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_job(params: Sequence[Json]) -> Job:
    """A job from parameters that `is_job` has checked."""
    return Job(
        job_id=text_of(params[0]) or "",
        height=height_of(params[2]),
        prev_hash=text_of(params[3]),
        clean=params[4] is True,
    )


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
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(voice.memory.get("authorize_id"), event.accepted, event.reason)]
        case Difficulty():
            return [speak_target(event.value, voice)]
        case Job():
            return speak_job(event, voice)
        case Submit():
            user = event.worker or voice.memory.get("login") or voice.wallet
            size = 2 * NONCE_BYTES - 8
            nonce = f"{hex_int(event.nonce) or 0:0{size}x}"[-size:]
            params: list[Json] = [user, event.job_id, nonce]
            return [line(True, id=int(event.key), method="mining.submit", params=params)]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "stale share" if event.stale else "low difficulty"
            return [speak_answer(int(event.key or 0), event.accepted, reason)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe, its answer with a 4-byte nonce prefix, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    user = login.login or voice.wallet
    voice.memory["authorize_id"], voice.memory["login"] = authorize_id, user
    agent = login.agent or voice.agent
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=[agent, None]),
        line(False, id=subscribe_id, result=[None, voice.hex(4), NONCE_BYTES - 4], error=None),
        line(True, id=authorize_id, method="mining.authorize", params=[user, "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str) -> Spoken:
    """A grant, or a refusal with its words."""
    error: Json = None if accepted else [21, reason or "refused", None]
    return line(False, id=request_id, result=accepted, error=error)


def speak_target(work: float, voice: Voice) -> Spoken:
    """The share target whose expected work is ``work`` hashes."""
    voice.memory["work"] = work
    return line(False, id=None, method="mining.set_target", params=[f"{target_of_work(work):064x}"])


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after a new target where the job names its own work or none was set."""
    spoken = []
    wanted = job.work or voice.memory.get("work") or DEFAULT_WORK
    if isinstance(wanted, float) and wanted != voice.memory.get("work"):
        spoken.append(speak_target(wanted, voice))
    height = PLAUSIBLE_HEIGHT if job.height is None else job.height
    parent = job.prev_hash or voice.hex(32)
    params: list[Json] = [job.job_id, voice.hex(32), height, parent, job.clean is not False]
    return [*spoken, line(False, id=None, method="mining.notify", params=params)]
