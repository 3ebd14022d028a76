"""eth-proxy: Ethereum's getWork calls as a pool protocol, one JSON object a line over TCP, or over HTTP POST.

Hears     eth_submitLogin [account, secret] and eth_login, with "worker" beside it; eth_getWork [], eth_submitWork
          [nonce, header, mix], eth_submitHashrate [hex hashes per second, rig id]; result [header, seed, target(,
          height or nonce prefix)] as an answer or pushed with an id of the server's choice
Shares    2^256 / target, exact; targets may lack leading zeros
Coin      the seed names the epoch; the account (0x...); height where told. Ethereum ended on 2022-09-15
Misses    the client's name over TCP, which this dialect does not send; a client whose calls are answered with other
          ids than its own is not seen to be accepted
Misfires  a node's own RPC that is polled for work is read too (solo mining), but never decides at once; a monitor
          that calls the node's other methods beside is left alone
Source    recorded sessions; btccom/btcpool StratumSessionEth.cc (fourth part is a nonce prefix without 0x, height
          beside the result, refusal in ``data``, shortened target); open-ethereum-pool docs/STRATUM.md and
          proxy.go (path /account/worker over HTTP), handlers.go (lengths); ethminer EthStratumClient.cpp,
          EthGetworkClient.cpp. That a fourth part with 0x is the height (go-ethereum): unverified
"""

import base64
import re
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
    error_text,
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
    {"eth_submitLogin", "eth_login", "eth_getWork", "eth_submitWork", "eth_submitHashrate"}
)
LOGINS: Final = ("eth_submitLogin", "eth_login")

GREETINGS: Final = ("mining.subscribe", "mining.authorize")  # measured: a pool that answers them with work

LEAST_WORK: Final = 2.0**16  # judged: a list of three random hashes passes once in 65,536
MOST_RATE: Final = 2**63  # judged: far above any network
MOST_HEIGHT: Final = 2**32
DEFAULT_HEIGHT: Final = 19_000_000  # judged: Ethereum Classic in 2023, for speaking only
EPOCH_BLOCKS: Final = 30_000  # measured: Ethash
MOST_EPOCHS: Final = 4096  # judged: 120 million blocks
DEFAULT_WORK: Final = 2.0**32  # judged: a few seconds of one graphics card
PATH: Final = re.compile(r"/(0x[0-9a-fA-F]{40})(?:/([\w.-]{1,64}))?(?:$|[/?])")


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by work, a login or a share; polling a node over HTTP never decides, nor does a reported rate."""
    weight, because, polled = 0, "", False
    if is_node_client(opening):
        return NotThis("a program that asks a node for other things than work")
    for message in opening:
        method = message.method
        if method in LOGINS and text_of(item(message.params, 0)):
            return Claim(92, "a login by eth_submitLogin", decisive=True)
        if method == "eth_submitWork" and is_share(message.params):
            return Claim(92, "a share carries nonce, header and mix hash by eth_submitWork", decisive=True)
        if work_of(message) is not None:
            if message.http is None:
                return Claim(90, "work carries header, seed and target", decisive=True)
            weight, because = 60, "a client polls for work and gets header, seed and target"
        polled = polled or method == "eth_getWork"
        if method == "eth_submitHashrate" and rate_of(message.params) is not None and weight < 55:
            weight, because = 55, "a miner reports its hashrate by eth_submitHashrate"
    for message in opening:
        if message.method is not None and message.method.startswith(("mining.", "alph_", "client.")):
            return NotThis(f"method {message.method}")
    if weight == 0 and polled:
        return Claim(30, "asked for work and got none")
    return Claim(weight, because) if weight else NeedMore()


def is_node_client(opening: Sequence[Rpc]) -> bool:
    """Whether the client calls a node's other methods, and neither logs in nor sends shares or a rate."""
    called = {message.method for message in opening if message.method is not None}
    others = {m for m in called - METHODS if m.startswith(("eth_", "net_", "web3_", "txpool_", "debug_"))}
    return bool(others) and called.isdisjoint(METHODS - {"eth_getWork"})


def is_hash(value: Json) -> bool:
    """32 bytes as hex with 0x in front, as this dialect writes them."""
    return isinstance(value, str) and value[:2] in ("0x", "0X") and is_hex(value, 64)


def is_share(params: Sequence[Json]) -> bool:
    """A nonce of 8 bytes, header and mix hash of 32; a few clients leave 0x away."""
    return len(params) >= 3 and is_hex(params[0], 16) and is_hex(params[1], 64) and is_hex(params[2], 64)


def work_of(message: Rpc) -> list[Json] | None:
    """The list of header, seed and target in a server's answer or push; None where it is none."""
    request, result = message.request, message.result
    if message.from_client or not isinstance(result, list) or not 3 <= len(result) <= 6:
        return None
    if request is not None and request.method not in ("eth_getWork", *LOGINS, *GREETINGS, None):
        return None
    target = result[2]
    if not is_hash(result[0]) or not is_hash(result[1]) or not isinstance(target, str):
        return None
    work = work_of_target(hex_int(target) or 0) if target[:2] in ("0x", "0X") else None
    return result if work is not None and work >= LEAST_WORK else None


def rate_of(params: Sequence[Json]) -> float | None:
    """Hashes per second as the miner tells them, a hex string of up to 32 bytes."""
    rate = hex_int(item(params, 0))
    return float(rate) if rate is not None and 0 < rate < MOST_RATE else None


# --- the ear -----------------------------------------------------------------------------------------------


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    events = read_head(message, talk)
    params, body = message.params, message.body or {}
    worker = text_of(body.get("worker"), 128)
    if message.method in LOGINS:
        login = text_of(item(params, 0))
        return [*events, Login(login, worker=worker)] if login or worker else events
    if message.method in GREETINGS:
        name = text_of(item(params, 0))
        known = Login(agent=name) if message.method == "mining.subscribe" else Login(name)
        return [*events, known] if name else events
    if message.method == "eth_submitWork":
        if not is_share(params):
            return events
        header, nonce = str(params[1]).lower(), str(params[0]).lower().removeprefix("0x")
        return [*events, Submit(message.id or "", with_prefix(header), nonce, worker)]
    if message.method == "eth_submitHashrate":
        rate = rate_of(params)
        return [*events, ReportedRate(rate, text_of(item(params, 1), 128))] if rate is not None else events
    if message.is_answer:
        return events + read_answer(message)
    return events


def with_prefix(header: str) -> str:
    """A header hash with 0x in front."""
    return header if header.startswith("0x") else "0x" + header


def read_head(message: Rpc, talk: Talk) -> list[Event]:
    """Over HTTP: account and worker from path or authorization, the client's name; told once until it changes."""
    if message.http is None or message.http.status != 0:
        return []
    found, headers = PATH.match(message.http.target), message.http.headers
    login, worker = (
        (found.group(1), found.group(2)) if found else (user_of(headers.get("authorization")), None)
    )
    told = Login(login, text_of(headers.get("user-agent"), 128), worker=worker)
    if talk.memory.get("head") == repr(told) or told == Login():
        return []
    talk.memory["head"] = repr(told)
    return [told]


def user_of(authorization: str | None) -> str | None:
    """The user of HTTP basic authorization; the password is dropped."""
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or len(secret) > 1024:
        return None
    try:
        user = base64.b64decode(secret, validate=True).partition(b":")[0]
    except ValueError:
        return None
    return text_of(user.decode("utf-8", "replace"))


def read_answer(message: Rpc) -> list[Event]:
    """Work, or the word on a login or a share."""
    request = message.request
    work = work_of(message)
    events: list[Event] = []
    granted, reason = judge_answer(message)
    if message.body is not None and not reason:
        reason = error_text(message.body.get("data"))
    if request is not None and request.method in (*LOGINS, "mining.authorize"):
        events.append(LoginAnswer(granted, reason))
    if request is not None and request.method == "eth_submitWork":
        return [Answer(request.id or "", granted, is_stale(reason) and not granted, reason)]
    return events + (read_work(work, message.body or {}) if work is not None else [])


def read_work(work: Sequence[Json], body: dict[str, Json]) -> list[Event]:
    """A job from its list; the header hash is its id."""
    fourth, told = item(work, 3), body.get("height")
    height = hex_int(fourth, most_digits=8) if isinstance(fourth, str) and fourth.startswith("0x") else told
    known = isinstance(height, int) and not isinstance(height, bool) and 0 < height < MOST_HEIGHT
    job = Job(
        job_id=str(work[0]).lower(),
        work=work_of_target(hex_int(work[2]) or 0),
        height=height if isinstance(height, int) and known else None,
        algorithm=text_of(body.get("algo"), 64),
        seed=str(work[1]).lower(),
    )
    if isinstance(fourth, str) and not fourth.startswith("0x") and is_hex(fourth):
        return [Trait("extranonce1", fourth[:64]), job]
    return [job]


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps({"jsonrpc": "2.0", **body}) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event, with the ids that miners keep for each call. The first work answers eth_getWork."""
    memory = voice.memory
    match event:
        case Login():
            memory["worker"] = event.worker or voice.worker
            account: list[Json] = [event.login or voice.wallet, "x"]
            return [line(True, id=2, method="eth_submitLogin", worker=memory["worker"], params=account)]
        case LoginAnswer():
            memory["asks"] = event.accepted
            return [speak_answer(2, event.accepted, event.reason)]
        case Difficulty():
            memory["work"] = event.value
            return []
        case Job():
            asked = [line(True, id=3, method="eth_getWork", params=[])] if memory.pop("asks", False) else []
            return [*asked, speak_work(event, voice, 3 if asked else 0)]
        case Submit():
            nonce = f"0x{hex_int(event.nonce, most_digits=16) or 0:016x}"
            share: list[Json] = [nonce, header_of(event.job_id or ""), "0x" + voice.hex(32)]
            worker = event.worker or memory.get("worker")
            return [line(True, id=int(event.key), method="eth_submitWork", worker=worker, params=share)]
        case Answer():
            return [speak_answer(int(event.key or 0), event.accepted, event.reason)]
        case ReportedRate():
            said: list[Json] = [hex(int(event.hps)), event.rig_id or "0x" + "00" * 31 + "01"]
            asks = line(True, id=6, method="eth_submitHashrate", params=said)
            return [asks, line(False, id=6, result=True)]
        case _:
            return []


def speak_answer(request_id: int, accepted: bool, reason: str) -> Spoken:
    """A grant, or a refusal with its words."""
    if accepted:
        return line(False, id=request_id, result=True)
    refusal: Json = {"code": 23, "message": reason or "Invalid share"}
    return line(False, id=request_id, result=None, error=refusal)


def header_of(job_id: str) -> str:
    """A 32-byte header from a job id: itself when it is one, otherwise its digits or bytes after zeros."""
    digits = job_id.lower().removeprefix("0x")
    if not is_hex(digits) or len(digits) > 64:
        digits = job_id.encode().hex()[-64:]
    return "0x" + digits.zfill(64)


@cache
def seed_of(height: int, algorithm: str) -> str:
    """The seed hash of a height: Keccak over Keccak, one for 30,000 blocks; Etchash steps by two epochs."""
    from Crypto.Hash import keccak

    steps = 2 * (height // (2 * EPOCH_BLOCKS)) if algorithm == "etchash" else height // EPOCH_BLOCKS
    seed = bytes(32)
    for _ in range(min(steps, MOST_EPOCHS)):
        seed = keccak.new(digest_bits=256, data=seed).digest()
    return seed.hex()


def speak_work(job: Job, voice: Voice, request_id: int) -> Spoken:
    """Work as an answer or a push; the height stands fourth."""
    held = voice.memory.get("work")
    work = job.work or (held if isinstance(held, float) else DEFAULT_WORK)
    algorithm, height = job.algorithm or voice.algorithm, job.height or DEFAULT_HEIGHT
    seed = job.seed or "0x" + seed_of(height - height % EPOCH_BLOCKS, algorithm)
    result: list[Json] = [header_of(job.job_id), seed, f"0x{target_of_work(work):064x}"]
    if job.height is not None:
        result.append(hex(job.height))
    return line(False, id=request_id, result=result)
