"""Conflux: Octopus stratum, where every job carries its own boundary.

Hears     mining.subscribe [worker, secret], mining.notify [job, height, header hash, boundary] with an
          optional ``xn``, or [job, hash, boundary] from a node; mining.submit [worker, job, nonce, header
          hash] with answer [true] or ["true"], ["false", reason]
Shares    2^256 / boundary hashes; exact. The boundary is hex whose leading zeros may be missing
Coin      by the dialect itself, and by wallets that begin with cfx:
Misses    the miner's agent, which this dialect does not send
Misfires  none known: a job needs a decimal height before a 32-byte hash, or its hash twice; a share ends in
          the 32-byte hash that it solves
Source    Conflux-Chain/conflux-doc docs/stratum.md; nicehash/Specifications Octopus_NiceHash_v1.0.txt (whose
          example writes the key ``xn:``). Pools that use mining.authorize beside it: unverified
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
    error_text,
    hex_int,
    is_hex,
    is_stale,
    item,
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset({"mining.subscribe", "mining.authorize", "mining.notify", "mining.submit"})

DEFAULT_WORK: Final = 2.0**30  # judged: a graphics card of 100 MH/s speaks about every ten seconds
PLAUSIBLE_HEIGHT: Final = 90_000_000  # judged: mainnet height around 2024, for simulated jobs without one


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job or a share; a login counts when it names a Conflux address."""
    named = False
    for message in opening:
        if message.method == "mining.notify" and is_job(message.params):
            return Claim(95, "a job carries a header hash and a boundary", decisive=True)
        if message.method == "mining.submit" and is_submit(message.params):
            return Claim(92, "a share ends in the header hash that it solves", decisive=True)
        login = message.method in ("mining.subscribe", "mining.authorize")
        named = named or (login and str(item(message.params, 0)).lower().startswith(("cfx:", "cfxtest:")))
    for message in opening:
        method = message.method
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method in ("mining.set_target", "mining.set_difficulty"):
            return NotThis("the share target does not come in the job")
        if method in ("mining.notify", "mining.submit") and message.params:
            return NotThis(f"{method} of another shape")
    return Claim(60, "a login names a Conflux address") if named else NeedMore()


def is_job(params: Sequence[Json]) -> bool:
    """A pool's job of four parts or a node's of three."""
    if text_of(item(params, 0)) is None or work_of_target(hex_int(params[-1]) or 0) is None:
        return False
    if len(params) == 4:
        return height_of(params[1]) is not None and is_hash(params[2])
    return len(params) == 3 and is_hash(params[0]) and params[0] == params[1]


def is_submit(params: Sequence[Json]) -> bool:
    """Worker, job id, a nonce of at most 32 bytes, and the 32-byte hash of the problem."""
    if len(params) != 4 or not isinstance(params[0], str) or text_of(params[1]) is None:
        return False
    return hex_int(params[2]) is not None and is_hash(params[3])


def is_hash(value: Json) -> bool:
    """32 bytes as hex with 0x in front, as this dialect writes them."""
    return isinstance(value, str) and value.startswith("0x") and is_hex(value, 64)


def height_of(value: Json) -> int | None:
    """A block height as a decimal string or a number."""
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe" | "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.notify" if is_job(params):
            return read_job(message)
        case "mining.submit" if is_submit(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case None if message.is_answer and message.request is not None:
            granted, reason = judge(message)
            if message.request.method == "mining.submit":
                return [Answer(message.request.id or "", granted, is_stale(reason), reason)]
            if message.request.method in ("mining.subscribe", "mining.authorize"):
                return [LoginAnswer(granted, reason)]
    return []


def read_job(message: Rpc) -> list[Event]:
    """A job from a message whose parameters `is_job` has checked, and the pool's part of the nonce."""
    params, body = message.params, message.body or {}
    job = Job(
        job_id=text_of(params[0]) or "",
        work=work_of_target(hex_int(params[-1]) or 0),
        height=height_of(params[1]),
    )
    extranonce = body.get("xn", body.get("xn:"))
    return [job, Trait("extranonce1", str(extranonce)[:32])] if is_hex(extranonce) else [job]


def judge(message: Rpc) -> tuple[bool, str]:
    """Whether an answer grants, and its words: true, "true", or a list that begins with either."""
    reason = error_text(message.error)
    if message.error:
        return False, reason or "error"
    result = message.result
    if isinstance(result, list):
        reason = text_of(item(result, 1)) or ""
        result = item(result, 0)
    return result is True or (isinstance(result, str) and result.lower() == "true"), reason


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps({"jsonrpc": "2.0", **body}) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. A difficulty is kept until the job that carries it."""
    match event:
        case Login():
            voice.memory["login_id"], voice.memory["login"] = voice.next_id(), event.login or voice.wallet
            params: list[Json] = [voice.memory["login"], ""]
            return [line(True, id=voice.memory["login_id"], method="mining.subscribe", params=params)]
        case LoginAnswer():
            return [speak_answer(voice.memory.get("login_id"), event.accepted, event.reason)]
        case Difficulty():
            voice.memory["work"] = event.value
            return []
        case Job():
            return [speak_job(event, voice)]
        case Submit():
            header = voice.memory.get("header") or "0x" + voice.hex(32)
            user = event.worker or voice.memory.get("login") or voice.wallet
            nonce = f"0x{hex_int(event.nonce) or 0:016x}"
            share: list[Json] = [user, event.job_id, nonce, header]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "stale share" if event.stale else "invalid nonce"
            result: Json = ["true"] if event.accepted else ["false", reason]
            return [line(False, id=int(event.key or 0), result=result)]
        case _:
            return []


def speak_answer(request_id: Json, accepted: bool, reason: str) -> Spoken:
    """The answer to a subscription."""
    if accepted:
        return line(False, id=request_id, result=True)
    return line(False, id=request_id, result=["false", reason or "refused"])


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A pool's job with its boundary, written without leading zeros as the specification's example is."""
    kept = voice.memory.get("work")
    work = job.work or (kept if isinstance(kept, float) else DEFAULT_WORK)
    header = "0x" + voice.hex(32)
    voice.memory["header"] = header
    height = str(PLAUSIBLE_HEIGHT if job.height is None else job.height)
    params: list[Json] = [job.job_id, height, header, f"0x{target_of_work(work):x}"]
    return line(False, id=0, method="mining.notify", params=params)
