"""Ergo: Autolykos2 stratum, a nine-part job with the decimal boundary b.

Hears     mining.subscribe [agent(, protocol)], mining.authorize [address(.worker), pass],
          mining.set_difficulty [D], mining.set_extranonce [prefix, size], mining.notify [job, height,
          message, "", "", version, b, "", clean], mining.submit [user, job, extranonce2, time, nonce]
Shares    A hit h counts when h <= b x D, so a share is worth 2^256 / (b x D) hashes. b = q / difficulty, and
          q, the order of secp256k1, is 2^256 but for 4e-39 of it. Most pools multiply b themselves and send
          D = 1: 2^256 / b, exact. Some send the network's b and D > 1. A D that repeats what b is worth (in
          hashes, as sent to NiceHash, or in units of 2^32) changes nothing. D unseen: 2^256 / b if that is
          no network's difficulty, else no work. 1 < D < 1000 that repeats nothing: no work, for it may be
          another convention
Coin      by the dialect itself, and by addresses that begin with 9; network difficulty where D > 1
Misses    Autolykos 1 (until February 2021), whose jobs have four parts and whose target comes apart
Misfires  none known: a job has an integer height, a 32-byte message and a decimal of more than 64 bits
Source    oliverw/miningcore ErgoJob.cs, ErgoPool.cs (D = 1, b multiplied); Morty135/ErgoStratumServer
          lib/stratum.js (both forms, by its option multiplyDifficulty); arkadianet/ergo-stratum-rs
          protocol.rs, job.rs (D for NiceHash, share weight); leifjacky/erg-gominer-demo README.md (Autolykos
          1)
"""

from collections.abc import Sequence
from typing import Final

import orjson

from davylamp.dialects.session import (
    HASHES_2_256,
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
    target_of_work,
    text_of,
)

METHODS: Final = frozenset(
    {
        "mining.subscribe",
        "mining.authorize",
        "mining.extranonce.subscribe",
        "mining.set_extranonce",
        "mining.set_difficulty",
        "mining.notify",
        "mining.submit",
    }
)

LEAST_NETWORK_WORK: Final = 1e12  # judged: 300 times below the difficulty of 3e14 that pool documents quote
LEAST_MULTIPLIER: Final = 1000.0  # judged: a pool whose shares are worth a thousandth of a block hears none
SAME: Final = 0.01  # judged: wider than the 1.5e-5 between 2^32 and 2^48 / 65535
DEFAULT_WORK: Final = 4.0e9  # judged: a graphics card of 200 MH/s speaks about every 20 seconds
PLAUSIBLE_HEIGHT: Final = 1_300_000  # judged: mainnet height in 2024, for simulated jobs without one


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job, or by a share whose nonce ends in its own extranonce."""
    for message in opening:
        if message.method == "mining.notify" and is_job(message.params):
            return Claim(95, "a job carries a height, a message and a decimal boundary", decisive=True)
        if message.method == "mining.submit" and is_submit(message.params):
            return Claim(85, "a share's 8-byte nonce ends in its extranonce", decisive=True)
    for message in opening:
        method = message.method
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method in ("mining.notify", "mining.submit", "mining.set_target") and message.params:
            return NotThis(f"{method} of another shape")
    return NeedMore()


def is_job(params: Sequence[Json]) -> bool:
    """Nine parameters with an integer height, a 32-byte message, a boundary and the clean flag."""
    if len(params) != 9 or text_of(params[0]) is None or not isinstance(params[8], bool):
        return False
    return height_of(params[1]) is not None and is_hex(params[2], 64) and boundary_of(params[6]) is not None


def is_submit(params: Sequence[Json]) -> bool:
    """User, job, extranonce2 of 2..7 bytes, a time that nobody reads, a nonce that ends in extranonce2."""
    if len(params) != 5 or text_of(params[1]) is None:
        return False
    tail, nonce = params[2], params[4]
    if not isinstance(tail, str) or not isinstance(nonce, str) or not is_hex(nonce, 16):
        return False
    return 4 <= len(tail) <= 14 and is_hex(tail) and nonce.lower().endswith(tail.lower())


def height_of(value: Json) -> int | None:
    """A block height."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None


def boundary_of(value: Json) -> float | None:
    """The boundary b as a decimal string of more than 64 bits, as a number, or as hex with 0x in front."""
    if isinstance(value, str) and value.startswith("0x"):
        value = hex_int(value)
    elif isinstance(value, str):
        value = int(value) if 20 <= len(value) <= 78 and value.isascii() and value.isdecimal() else None
    number = number_of(value)
    return number if number is not None and 2.0**64 < number < HASHES_2_256 else None


def share_work(boundary: float, difficulty: float | None) -> float | None:
    """Expected hashes of a share, or None where b and D leave it open; the heading ``Shares`` has the rules.

    Args:
        boundary: b, as the job says it.
        difficulty: D, None when no mining.set_difficulty was seen.
    """
    worth = HASHES_2_256 / boundary
    if difficulty is None:
        return worth if worth < LEAST_NETWORK_WORK else None
    repeats = any(abs(difficulty * unit / worth - 1.0) < SAME for unit in (1.0, 2.0**32))
    if difficulty == 1.0 or repeats:
        return worth
    shared = worth / difficulty
    return shared if difficulty >= LEAST_MULTIPLIER and shared >= 1.0 else None


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. The difficulty in force is remembered: it scales the boundary of later jobs."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            agent = text_of(item(params, 0))
            return [Login(agent=agent)] if agent else []
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set_difficulty":
            difficulty = number_of(item(params, 0))
            if difficulty is not None:
                talk.memory["difficulty"] = difficulty
        case "mining.set_extranonce" if is_hex(item(params, 0)):
            return [Trait("extranonce1", str(params[0])[:32])]
        case "mining.notify" if is_job(params):
            return [read_job(params, number_of(talk.memory.get("difficulty")))]
        case "mining.submit" if is_submit(params):
            nonce = str(params[4]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_job(params: Sequence[Json], difficulty: float | None) -> Job:
    """A job from parameters that `is_job` has checked."""
    boundary = boundary_of(params[6]) or 1.0
    worth = HASHES_2_256 / boundary
    work = share_work(boundary, difficulty)
    return Job(
        job_id=text_of(params[0]) or "",
        work=work,
        height=height_of(params[1]),
        clean=params[8] is True,
        network_work=worth if work is not None and work < 0.5 * worth else None,
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
            Trait("extranonce1", str(result[1])[:32]),
            Trait("extranonce2_size", str(item(result, 2))[:8]),
        ]
    return []


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps(body) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. A difficulty is kept until the job whose boundary it makes."""
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(voice.memory.get("authorize_id"), event.accepted, event.reason)]
        case Difficulty():
            voice.memory["work"] = event.value
            return [line(False, id=None, method="mining.set_difficulty", params=[1])]
        case Job():
            return [speak_job(event, voice)]
        case Submit():
            user = event.worker or voice.memory.get("login") or voice.wallet
            nonce = f"{hex_int(event.nonce) or 0:016x}"[-16:]
            params: list[Json] = [user, event.job_id, nonce[4:], "", nonce]
            return [line(True, id=int(event.key), method="mining.submit", params=params)]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "stale job" if event.stale else "low difficulty share"
            return [speak_answer(int(event.key or 0), event.accepted, reason)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe, its answer with a 2-byte nonce prefix, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    user = login.login or voice.wallet
    voice.memory["authorize_id"], voice.memory["login"] = authorize_id, user
    session = voice.hex(4)
    topics: Json = [["mining.set_difficulty", session], ["mining.notify", session]]
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=[login.agent or voice.agent]),
        line(False, id=subscribe_id, result=[topics, voice.hex(2), 6], error=None),
        line(True, id=authorize_id, method="mining.authorize", params=[user, "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str) -> Spoken:
    """A grant, or a refusal with its words."""
    code = 21 if is_stale(reason) else 23
    error: Json = None if accepted else [code, reason or "refused"]
    return line(False, id=request_id, result=accepted, error=error)


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job whose boundary is already multiplied, as pools with a difficulty of 1 send it."""
    kept = voice.memory.get("work")
    work = job.work or (kept if isinstance(kept, float) else DEFAULT_WORK)
    height = PLAUSIBLE_HEIGHT if job.height is None else job.height
    head: list[Json] = [job.job_id, height, voice.hex(32), "", "", 4]
    tail: list[Json] = [str(target_of_work(work)), "", job.clean is not False]
    return line(False, id=None, method="mining.notify", params=head + tail)
