"""KawPow and its ProgPow relatives: Ethash's stratum with the height and the share's target in every job.

Hears     mining.subscribe [agent, null, host, port] with answer [session, nonce prefix(, size)], mining.authorize,
          mining.set_target [64 hex digits], mining.notify [job, header, seed, target, clean, height, bits],
          mining.submit [user, job, nonce, header, mix hash], mining.set_extranonce, eth_submitHashrate
Shares    2^256 / target, exact; the job's own target counts, as miners take it
Coin      seed and height name the epoch; bits; the account (RVN, FIRO, MEWC, EVR, CLORE, NEOX, SCC and others share
          this shape)
Misses    work of shares whose job was not captured
Misfires  shares of Ethash over plain stratum look the same, so a share decides only beside a Ravencoin address
Source    nicehash/Specifications KawPow_NiceHash_v1.0.txt; kralverde/ravencoin-stratum-proxy
          stratum-converter.py; RavenCommunity/kawpow-stratum-pool lib/stratum.js, lib/blockTemplate.js (the job's
          target is the client's own); xmrig EthStratumClient.cpp (reads the job's target, not mining.set_target).
          FIRO, MEWC, EVR, CLORE, NEOX, SCC: unverified
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
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset(
    {
        "mining.subscribe",
        "mining.authorize",
        "mining.extranonce.subscribe",
        "mining.set_target",
        "mining.set_extranonce",
        "mining.notify",
        "mining.submit",
        "eth_submitHashrate",
    }
)

ADDRESS: Final = re.compile(r"R[1-9A-HJ-NP-Za-km-z]{33}(?:\.|$)")
"""A Ravencoin address of the main network."""

MOST_HEIGHT: Final = 2**31
MOST_RATE: Final = 2**63  # judged: far above any network
DEFAULT_WORK: Final = 2.0**32  # judged: some minutes of one graphics card


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; a share or a login counts when it names a Ravencoin address, a share a little without."""
    weight, because = 0, ""
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.notify" and is_job(params):
            return Claim(95, "a job carries header, seed, target, height and bits", decisive=True)
        if method == "mining.submit" and is_share(params):
            if has_address(params):
                return Claim(88, "a share with a mix hash comes from a Ravencoin address", decisive=True)
            weight, because = 60, "a share carries nonce, header and mix hash"
        if method == "mining.authorize" and has_address(params) and weight == 0:
            weight, because = 50, "a login names a Ravencoin address"
    for message in opening:
        method = message.method
        if (
            method is not None
            and method != "eth_submitHashrate"
            and not method.startswith(("mining.", "client."))
        ):
            return NotThis(f"method {method}")
        if method in ("mining.hello", "mining.set") or message.named:
            return NotThis("named parameters")
        if method == "mining.notify" and message.params:
            return NotThis("a job of another shape")
        if method == "mining.submit" and message.params and not is_share(message.params):
            return NotThis("a share of another shape")
    return Claim(weight, because) if weight else NeedMore()


def has_address(params: Sequence[Json]) -> bool:
    """Whether the user begins with a Ravencoin address."""
    user = item(params, 0)
    return isinstance(user, str) and ADDRESS.match(user) is not None


def job_id_of(value: Json) -> str | None:
    """A job id, which a few pools send as a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return str(value)
    return text_of(value, 256)


def is_job(params: Sequence[Json]) -> bool:
    """Job id, header, seed, target, clean, height, bits; what a pool appends is not read."""
    if not 7 <= len(params) <= 9 or job_id_of(params[0]) is None or not isinstance(params[4], bool):
        return False
    hashes = is_hex(params[1], 64) and is_hex(params[2], 64)
    bits = hex_int(params[6], most_digits=8)
    return hashes and height_of(params[5]) is not None and bits is not None and work_of(params[3]) is not None


def height_of(value: Json) -> int | None:
    """A block height."""
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_HEIGHT
    return value if isinstance(value, int) and known else None


def work_of(target: Json) -> float | None:
    """Hashes per share of a target as hex."""
    return work_of_target(hex_int(target) or 0)


def is_share(params: Sequence[Json]) -> bool:
    """User, job id, 8-byte nonce, 32-byte header and mix hash."""
    if len(params) != 5 or not isinstance(params[0], str) or job_id_of(params[1]) is None:
        return False
    return is_hex(params[2], 16) and is_hex(params[3], 64) and is_hex(params[4], 64)


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            return read_subscribe(params)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set_target":
            work = work_of(item(params, 0))
            return [Difficulty(work, "hashes")] if work is not None else []
        case "mining.set_extranonce":
            return [Trait("extranonce1", str(params[0])[:16])] if is_hex(item(params, 0)) else []
        case "mining.notify" if is_job(params):
            return [read_job(params)]
        case "mining.submit" if is_share(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", job_id_of(params[1]), nonce, text_of(params[0]))]
        case "eth_submitHashrate":
            rate = hex_int(item(params, 0))
            known = rate is not None and 0 < rate < MOST_RATE
            return [ReportedRate(float(rate or 0), text_of(item(params, 1), 128))] if known else []
        case "client.show_message":
            notice = text_of(item(params, 0), 200)
            return [Trait("notice", notice)] if notice else []
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_subscribe(params: Sequence[Json]) -> list[Event]:
    """The miner's name, and the pool as the miner calls it."""
    agent, host, port = text_of(item(params, 0)), text_of(item(params, 2), 253), number_of(item(params, 3))
    pool = f"{host}:{port:.0f}" if host and port and port < 65536 else host
    return [Login(agent=agent, pool=pool)] if agent or pool else []


def read_job(params: Sequence[Json]) -> Job:
    """A job with its own target."""
    nbits = hex_int(params[6], most_digits=8)
    return Job(
        job_id=job_id_of(params[0]) or "",
        work=work_of(params[3]),
        height=height_of(params[5]),
        clean=params[4] is True,
        nbits=nbits,
        network_work=work_of_bits(nbits or 0),
        seed=str(params[2]).lower(),
    )


def work_of_bits(nbits: int) -> float | None:
    """Hashes for a block from the compact target; None for none that can be."""
    size, mantissa = nbits >> 24, nbits & 0xFFFFFF
    if not 3 <= size <= 33 or not 0 < mantissa < 0x800000:
        return None
    return work_of_target(mantissa << 8 * (size - 3))


def read_answer(message: Rpc, request: Rpc) -> list[Event]:
    """What an answer says, by the request it answers."""
    granted, reason = judge_answer(message)
    result, error = message.result, message.error
    if request.method == "mining.submit":
        late = is_stale(reason) or (isinstance(error, list) and error[:1] == [21])
        return [Answer(request.id or "", granted, late and not granted, reason)]
    if request.method == "mining.authorize":
        return [LoginAnswer(granted, reason)]
    if request.method == "mining.subscribe" and isinstance(result, list) and is_hex(item(result, 1)):
        return [Trait("extranonce1", str(result[1])[:16])]
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
            return [speak_answer(voice.memory.get("authorize_id"), event.accepted, event.reason, 24)]
        case Difficulty():
            return [speak_target(event.value, voice)]
        case Job():
            return speak_job(event, voice)
        case Submit():
            user = event.worker or voice.memory.get("login") or voice.wallet
            nonce = f"0x{hex_int(event.nonce, most_digits=16) or 0:016x}"
            header = voice.memory.get("header") or voice.hex(32)
            share: list[Json] = [user, event.job_id, nonce, f"0x{header}", "0x" + voice.hex(32)]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            code = 21 if event.stale else 23
            return [speak_answer(int(event.key or 0), event.accepted, event.reason, code)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe with its answer, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    voice.memory["login"], voice.memory["authorize_id"] = login.login or voice.wallet, authorize_id
    host, _, port = (login.pool or f"{voice.pool_host}:{voice.pool_port}").partition(":")
    greeting: list[Json] = [login.agent or voice.agent, None, host, port]
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=greeting),
        line(False, id=subscribe_id, result=[None, voice.hex(2)], error=None),
        line(True, id=authorize_id, method="mining.authorize", params=[voice.memory["login"], "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its code and words."""
    if accepted:
        return line(False, id=request_id, result=True, error=None)
    words = reason or ("Job not found" if code == 21 else "Unknown problem")
    return line(False, id=request_id, result=None, error=[code, words, None])


def speak_target(work: float, voice: Voice) -> Spoken:
    """The target whose expected work is ``work`` hashes."""
    voice.memory["target"] = target = f"{target_of_work(work):064x}"
    return line(False, id=None, method="mining.set_target", params=[target])


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after a new target where it differs; the seed stays until another is given."""
    memory = voice.memory
    wanted = f"{target_of_work(job.work):064x}" if job.work else None
    fresh = wanted is not None and wanted != memory.get("target")
    told = [speak_target(job.work or DEFAULT_WORK, voice)] if fresh or not memory.get("target") else []
    memory["header"] = header = voice.hex(32)
    memory["seed"] = seed = job.seed or memory.get("seed") or voice.hex(32)
    height = job.height if job.height is not None else 3_000_000
    params: list[Json] = [job.job_id, header, seed, memory["target"], bool(job.clean), height]
    params.append(f"{job.nbits or 0x1B00CB1A:08x}")
    return [*told, line(False, id=None, method="mining.notify", params=params)]
