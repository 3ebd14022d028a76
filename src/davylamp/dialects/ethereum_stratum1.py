"""EthereumStratum/1.0.0 (NiceHash): Ethash over stratum with a difficulty, a nonce prefix and short shares.

Hears     mining.subscribe [agent, "EthereumStratum/1.0.0"] with answer [["mining.notify", session,
          "EthereumStratum/1.0.0"], nonce prefix], mining.authorize, mining.extranonce.subscribe,
          mining.set_difficulty [D], mining.set_extranonce, mining.notify [job, seed, header, clean],
          mining.submit [user, job, miner's part of the nonce], eth_submitHashrate
Shares    D x 2^48 / 65535 hashes, exact: difficulty 1 is the target 0xffff x 2^208. D may be a fraction; 1 until it
          is set, which counts only where the capture holds the subscription
Coin      the seed names the epoch; the account; "algo" and "height" that a few pools put beside the job. Pools of
          KawPow coins offer this dialect too
Misses    work of shares in captures that begin after mining.set_difficulty; sessions of shares alone, because a
          share of three parts looks the same in four dialects
Misfires  none known: a job needs two 32-byte hashes before the clean flag
Source    nicehash/Specifications EthereumStratum_NiceHash_v1.0.0.txt R2 (it knows no other job than this one);
          btccom/btcpool StratumSessionEth.cc ("height" beside the job); ethminer EthStratumClient.cpp
          (eth_submitHashrate within this dialect)
"""

from collections.abc import Sequence
from functools import cache
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
        "mining.extranonce.subscribe",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.notify",
        "mining.submit",
        "eth_submitHashrate",
    }
)

PROTOCOL: Final = "EthereumStratum/1.0.0"
FAMILY: Final = "EthereumStratum/1"
HASHES_PER_DIFFICULTY: Final = 2.0**48 / 65535  # measured: the specification's target of difficulty 1
MOST_DIFFICULTY: Final = 2.0**96  # judged: far above any network
MOST_RATE: Final = 2**63  # judged: far above any network
DEFAULT_HEIGHT: Final = 19_000_000  # judged: Ethereum Classic in 2023, for speaking only
EPOCH_BLOCKS: Final = 30_000  # measured: Ethash
MOST_EPOCHS: Final = 4096  # judged: 120 million blocks
PREFIX_BYTES: Final = 2  # measured: the specification's example; at most 3


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job or the server's greeting; asking for the protocol or an Ethereum account count a little."""
    weight, because = 0, ""
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.notify" and is_job(params):
            return Claim(95, "a job carries seed, header and the clean flag", decisive=True)
        if is_greeting(message):
            return Claim(95, "the server answers with EthereumStratum/1.0.0", decisive=True)
        if method == "mining.subscribe" and (text_of(item(params, 1)) or "").startswith(FAMILY):
            weight, because = 62, "the client asks for EthereumStratum/1.0.0"
        account = (text_of(item(params, 0)) or "").lower()
        named = account.startswith("0x") and is_hex(account.partition(".")[0], 40)
        if method == "mining.submit" and is_share(params) and named and weight < 60:
            weight, because = 60, "a share of three parts comes from an Ethereum account"
    for message in opening:
        method = message.method
        if (
            method is not None
            and method != "eth_submitHashrate"
            and not method.startswith(("mining.", "client."))
        ):
            return NotThis(f"method {method}")
        if method in ("mining.set_target", "mining.hello", "mining.set") or message.named:
            return NotThis(f"{method} of another dialect")
        if method == "mining.notify" and message.params:
            return NotThis("a job of another shape")
        if method == "mining.submit" and message.params and not is_share(message.params):
            return NotThis("a share of another shape")
    return Claim(weight, because) if weight else NeedMore()


def is_greeting(message: Rpc) -> bool:
    """The subscription's answer: a list whose third word is the protocol, and a nonce prefix."""
    result = message.result
    if message.from_client or not isinstance(result, list) or len(result) < 2:
        return False
    words = result[0]
    named = isinstance(words, list) and isinstance(item(words, 2), str) and str(words[2]).startswith(FAMILY)
    return named and isinstance(result[1], str)


def is_job(params: Sequence[Json]) -> bool:
    """Job id, 32-byte seed and header, clean flag; what a pool appends is not read."""
    if not 4 <= len(params) <= 6 or text_of(params[0]) is None or not isinstance(params[3], bool):
        return False
    return is_hex(params[1], 64) and is_hex(params[2], 64)


def is_share(params: Sequence[Json]) -> bool:
    """User, job id, and the nonce without its prefix: at most 8 bytes."""
    if not 3 <= len(params) <= 4 or not isinstance(params[0], str) or text_of(params[1]) is None:
        return False
    return hex_int(params[2], most_digits=16) is not None


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            return read_subscribe(params, talk)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set_difficulty":
            value = number_of(item(params, 0))
            if value is None or value >= MOST_DIFFICULTY:
                return []
            talk.memory["default"] = False
            return [Difficulty(value * HASHES_PER_DIFFICULTY, "hashes")]
        case "mining.set_extranonce":
            return [Trait("extranonce1", str(params[0])[:16])] if is_hex(item(params, 0)) else []
        case "mining.notify" if is_job(params):
            return [read_job(message, talk)]
        case "mining.submit" if is_share(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case "eth_submitHashrate":
            rate = hex_int(item(params, 0))
            known = rate is not None and 0 < rate < MOST_RATE
            return [ReportedRate(float(rate or 0), text_of(item(params, 1), 128))] if known else []
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_subscribe(params: Sequence[Json], talk: Talk) -> list[Event]:
    """The miner's name, whether NiceHash buys here, and the start of a session with difficulty 1."""
    talk.memory["default"] = True
    agent, protocol = text_of(item(params, 0)), text_of(item(params, 1), 64)
    events: list[Event] = [Login(agent=agent)] if agent else []
    if agent is not None and agent.startswith("NiceHash/") and is_hex(item(params, 2), 64):
        return [*events, Trait("nicehash_buyer", "1")]
    return [*events, Trait("protocol", protocol)] if protocol else events


def read_job(message: Rpc, talk: Talk) -> Job:
    """A job; without a difficulty since the subscription it is worth difficulty 1."""
    params, body = message.params, message.body or {}
    height = body.get("height")
    known = isinstance(height, int) and not isinstance(height, bool) and 0 < height < 2**32
    return Job(
        job_id=text_of(params[0]) or "",
        work=HASHES_PER_DIFFICULTY if talk.memory.get("default") is True else None,
        height=height if isinstance(height, int) and known else None,
        algorithm=text_of(body.get("algo"), 64),
        clean=params[3] is True,
        seed=str(params[1]).lower(),
    )


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
    """Speak one event. The login speaks for both sides up to the authorize request; heights are not carried."""
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(voice.memory.get("authorize_id"), event.accepted, event.reason, 24)]
        case Difficulty():
            return [speak_difficulty(event.value, event.unit, voice)]
        case Job():
            wanted = event.work is not None and event.work != voice.memory.get("work")
            first = [speak_difficulty(event.work or 1.0, event.unit, voice)] if wanted else []
            return [*first, speak_job(event, voice)]
        case Submit():
            user = event.worker or voice.memory.get("login") or voice.wallet
            nonce = f"{hex_int(event.nonce, most_digits=16) or 0:016x}"[2 * PREFIX_BYTES :]
            return [line(True, id=int(event.key), method="mining.submit", params=[user, event.job_id, nonce])]
        case Answer():
            code = 21 if event.stale else 23
            return [speak_answer(int(event.key or 0), event.accepted, event.reason, code)]
        case ReportedRate():
            said: list[Json] = [hex(int(event.hps)), event.rig_id or "0x" + "00" * 31 + "01"]
            rate_id = voice.next_id()
            asks = line(True, id=rate_id, jsonrpc="2.0", method="eth_submitHashrate", params=said)
            return [asks, line(False, id=rate_id, result=True, error=None)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe with its answer, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    voice.memory["login"], voice.memory["authorize_id"] = login.login or voice.wallet, authorize_id
    greeting: Json = [["mining.notify", voice.hex(16), PROTOCOL], voice.hex(PREFIX_BYTES)]
    asked: list[Json] = [login.agent or voice.agent, PROTOCOL]
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=asked),
        line(False, id=subscribe_id, result=greeting, error=None),
        line(True, id=authorize_id, method="mining.authorize", params=[voice.memory["login"], "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its code and words."""
    if accepted:
        return line(False, id=request_id, result=True, error=None)
    words = reason or ("Job not found" if code == 21 else "Unknown problem")
    return line(False, id=request_id, result=False, error=[code, words, None])


def speak_difficulty(value: float, unit: str, voice: Voice) -> Spoken:
    """The share difficulty from now on."""
    voice.memory["work"] = value
    params: list[Json] = [value / HASHES_PER_DIFFICULTY if unit == "hashes" else value]
    return line(False, id=None, method="mining.set_difficulty", params=params)


@cache
def seed_of(height: int, algorithm: str) -> str:
    """The seed hash of a height: Keccak over Keccak, one for 30,000 blocks; Etchash steps by two epochs."""
    from Crypto.Hash import keccak

    steps = 2 * (height // (2 * EPOCH_BLOCKS)) if algorithm == "etchash" else height // EPOCH_BLOCKS
    seed = bytes(32)
    for _ in range(min(steps, MOST_EPOCHS)):
        seed = keccak.new(digest_bits=256, data=seed).digest()
    return seed.hex()


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job with the seed of its height, which itself is not carried."""
    algorithm, height = job.algorithm or voice.algorithm, job.height or DEFAULT_HEIGHT
    seed = job.seed or seed_of(height - height % EPOCH_BLOCKS, algorithm)
    params: list[Json] = [job.job_id, seed.removeprefix("0x"), voice.hex(32), bool(job.clean)]
    return line(False, id=None, method="mining.notify", params=params)
