"""EthereumStratum/2.0.0 (EIP-1571): greetings with names, a server that sets values until it sets others.

Hears     mining.hello {agent, host, port, proto}, mining.subscribe, mining.authorize [account.worker, secret] with
          answer token, mining.set {epoch, target, algo, extranonce}, mining.notify [job, hex height, header,
          "0" or "1"], mining.submit [job, miner's part of the nonce, token], mining.hashrate [hex, token],
          mining.noop, mining.bye, mining.reconnect; success is an answer with an id and nothing else
Shares    2^256 / target, exact; the target of mining.set stays until the next. Without one it is 0xffff x 2^208,
          which counts only where the capture holds the greeting
Coin      epoch, algo (ethash unless set otherwise) and height
Misses    everything after a server chose gzip; work of shares in captures that begin after mining.set; names of
          workers whose authorization was not captured
Misfires  none known: a job needs a 32-byte header and a flag that is "0" or "1" as text
Source    ethereum/EIPs EIPS/eip-1571.md, whole; code 202 is a stale share that is accepted. No recorded session
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
    error_text,
    hex_int,
    is_hex,
    is_stale,
    item,
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset(
    {
        "mining.hello",
        "mining.subscribe",
        "mining.authorize",
        "mining.set",
        "mining.notify",
        "mining.submit",
        "mining.hashrate",
        "mining.noop",
        "mining.bye",
        "mining.reconnect",
    }
)

PROTOCOL: Final = "EthereumStratum/2.0.0"
FAMILY: Final = "EthereumStratum/2"
DEFAULT_WORK: Final = 2.0**48 / 65535  # measured: the boundary that EIP-1571 names where none is set
MOST_RATE: Final = 2**63  # judged: far above any network
IN_FLIGHT: Final = 512  # judged: requests that wait for an answer
WORKERS: Final = 256  # judged: rigs behind one proxy
STALE_BUT_TAKEN: Final = 202  # measured: EIP-1571, example 2
EPOCH_BLOCKS: Final = 30_000  # measured: EIP-1571
SET_KEYS: Final = {"epoch", "target", "algo", "extranonce"}


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a greeting, values set by name, or a job; a share counts a little."""
    shared = False
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.hello" and (text_of(message.named.get("proto")) or "").startswith(FAMILY):
            return Claim(96, "the client greets with EthereumStratum/2.0.0", decisive=True)
        if method == "mining.set" and message.named and SET_KEYS.issuperset(message.named):
            return Claim(
                95, "the server sets epoch, target, algorithm or nonce prefix by name", decisive=True
            )
        if method == "mining.notify" and is_job(params):
            return Claim(94, "a job carries a hex height, a header and a flag as text", decisive=True)
        shared = shared or (method == "mining.submit" and is_share(params))
    for message in opening:
        method = message.method
        if method is not None and method not in METHODS:
            return NotThis(f"method {method}")
        if method in ("mining.notify", "mining.submit") and message.params and not is_share(message.params):
            return NotThis(f"{method} of another shape")
    return Claim(50, "a share ends in a worker's token") if shared else NeedMore()


def is_job(params: Sequence[Json]) -> bool:
    """Job id, height as hex without 0x, 32-byte header, "0" or "1"."""
    if len(params) != 4 or text_of(params[0]) is None or params[3] not in ("0", "1"):
        return False
    return hex_int(params[1], most_digits=8) is not None and is_hex(params[2], 64)


def is_share(params: Sequence[Json]) -> bool:
    """Job id, 2 to 8 bytes of nonce, and a token that is no nonce itself."""
    if len(params) != 3 or text_of(params[0]) is None or text_of(params[2]) is None:
        return False
    nonce = params[1]
    sized = isinstance(nonce, str) and 4 <= len(nonce) <= 16 and nonce[:2] != "0x"
    return sized and is_hex(nonce) and not is_hex(params[2])


# --- the ear -----------------------------------------------------------------------------------------------


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. Answers are matched here, because success may be an id alone."""
    if message.body is None:
        return []
    if message.method is None:
        return [] if message.from_client else read_answer(message, talk)
    if message.from_client and message.id is not None:
        await_answer(message, talk)
    params, named = message.params, message.named
    match message.method:
        case "mining.hello":
            return read_hello(named, talk)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set":
            return read_values(named, talk)
        case "mining.notify" if is_job(params):
            return [read_job(params, talk)]
        case "mining.submit" if is_share(params):
            worker = table(talk, "workers").get(str(params[2]))
            share_worker = worker if isinstance(worker, str) else text_of(params[2])
            nonce = str(params[1]).lower()
            return [Submit(message.id or "", text_of(params[0]), nonce, share_worker)]
        case "mining.hashrate" if message.from_client:
            rate = hex_int(item(params, 0))
            known = rate is not None and 0 < rate < MOST_RATE
            return [ReportedRate(float(rate or 0), text_of(item(params, 1), 128))] if known else []
        case "mining.reconnect":
            host, port = text_of(named.get("host"), 253), hex_int(named.get("port"), most_digits=4)
            return [Trait("reconnect", f"{host}:{port}" if port else host)] if host else []
    return []


def table(talk: Talk, name: str) -> dict[str, Json]:
    """A table within the memory of a conversation."""
    found = talk.memory.setdefault(name, {})
    return found if isinstance(found, dict) else {}


def await_answer(message: Rpc, talk: Talk) -> None:
    """Remember what a request asks; ids come again after 65535."""
    waiting = table(talk, "waiting")
    waiting[message.id or ""] = [message.method, text_of(item(message.params, 0))]
    while len(waiting) > IN_FLIGHT:
        del waiting[next(iter(waiting))]


def read_hello(named: dict[str, Json], talk: Talk) -> list[Event]:
    """The miner's name and the pool as the miner calls it; a session begins."""
    talk.memory["begun"] = True
    host, port = text_of(named.get("host"), 253), hex_int(named.get("port"), most_digits=4)
    pool = f"{host}:{port}" if host and port else host
    agent, protocol = text_of(named.get("agent")), text_of(named.get("proto"), 64)
    events: list[Event] = [Login(agent=agent, pool=pool)] if agent or pool else []
    return [*events, Trait("protocol", protocol)] if protocol else events


def read_values(named: dict[str, Json], talk: Talk) -> list[Event]:
    """Values that hold for the next jobs, each until it is set again."""
    events: list[Event] = []
    work = work_of_target(hex_int(named.get("target")) or 0)
    if work is not None:
        talk.memory["target"] = True
        events.append(Difficulty(work, "hashes"))
    epoch, prefix = hex_int(named.get("epoch"), most_digits=8), named.get("extranonce")
    if epoch is not None:
        talk.memory["epoch"] = f"{epoch:x}"
        events.append(Trait("epoch", str(epoch)))
    algorithm = text_of(named.get("algo"), 64)
    if algorithm:
        talk.memory["algo"] = algorithm
    if is_hex(prefix):
        events.append(Trait("extranonce1", str(prefix)[:16]))
    return events


def read_job(params: Sequence[Json], talk: Talk) -> Job:
    """A job with the algorithm and epoch in force."""
    memory = talk.memory
    default = memory.get("begun") is True and not memory.get("target")
    algorithm, epoch = memory.get("algo") or ("ethash" if memory.get("begun") else None), memory.get("epoch")
    return Job(
        job_id=text_of(params[0]) or "",
        work=DEFAULT_WORK if default else None,
        height=hex_int(params[1], most_digits=8) or None,
        algorithm=algorithm if isinstance(algorithm, str) else None,
        clean=params[3] == "1",
        seed=epoch if isinstance(epoch, str) else None,
    )


def read_answer(message: Rpc, talk: Talk) -> list[Event]:
    """What an answer says, by the request with its id."""
    asked = table(talk, "waiting").pop(message.id or "", None)
    if not isinstance(asked, list) or len(asked) != 2:
        return []
    method, first = asked
    error, result = message.error, message.result
    code = error.get("code") if isinstance(error, dict) else None
    taken = isinstance(code, int) and 200 <= code < 300
    granted, reason = (not error or taken) and result is not False, error_text(error)
    if method == "mining.submit":
        late = code == STALE_BUT_TAKEN or (is_stale(reason) and not granted)
        return [Answer(message.id, granted, late, reason)]
    if method == "mining.authorize":
        token, workers = text_of(result, 128), table(talk, "workers")
        if token and len(workers) < WORKERS:
            workers[token] = first
        return [LoginAnswer(granted, reason)]
    if method == "mining.hello" and isinstance(result, dict) and result.get("encoding") == "gzip":
        return [Trait("encoding", "gzip")]
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
        case LoginAnswer(accepted=True):
            memory["badge"] = "w-1"
            return [line(False, id=memory.get("authorize_id"), result="w-1")]
        case LoginAnswer():
            return [speak_refusal(memory.get("authorize_id"), 300, event.reason or "Unauthorized")]
        case Difficulty():
            memory["wanted"] = event.value
            return []
        case Job():
            return speak_job(event, voice)
        case Submit():
            nonce = f"{hex_int(event.nonce, most_digits=16) or 0:016x}"[4:]
            share: list[Json] = [event.job_id, nonce, memory.get("badge") or "w-1"]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer(accepted=True, stale=False):
            return [line(False, id=int(event.key or 0))]
        case Answer():
            late = "Stale" if event.accepted else "Job not found"
            code = STALE_BUT_TAKEN if event.accepted else (404 if event.stale else 406)
            words = event.reason or (late if event.stale else "Bad nonce")
            return [speak_refusal(int(event.key or 0), code, words)]
        case ReportedRate():
            said: list[Json] = [f"{int(event.hps):x}", memory.get("badge") or "w-1"]
            rate_id = voice.next_id()
            asks = line(True, id=rate_id, method="mining.hashrate", params=said)
            return [asks, line(False, id=rate_id)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Greet, subscribe, each with its answer, and authorize."""
    user = login.login or voice.wallet
    host, _, port = (login.pool or f"{voice.pool_host}:{voice.pool_port}").partition(":")
    number = int(port) if port.isdecimal() else voice.pool_port
    greeting: Json = {
        "agent": login.agent or voice.agent,
        "host": host,
        "port": f"{number:x}",
        "proto": PROTOCOL,
    }
    welcome: Json = {"proto": PROTOCOL, "encoding": "plain", "resume": "0", "timeout": "b4", "maxerrors": "5"}
    hello_id, subscribe_id, authorize_id = voice.next_id(), voice.next_id(), voice.next_id()
    voice.memory["authorize_id"] = authorize_id
    return [
        line(True, id=hello_id, method="mining.hello", params=greeting),
        line(False, id=hello_id, result=welcome),
        line(True, id=subscribe_id, method="mining.subscribe"),
        line(False, id=subscribe_id, result="s-" + voice.hex(3)),
        line(True, id=authorize_id, method="mining.authorize", params=[user, "x"]),
    ]


def speak_refusal(request_id: Json, code: int, words: str) -> Spoken:
    """An error with its code."""
    refusal: Json = {"code": code, "message": words}
    return line(False, id=request_id, error=refusal)


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after the values that changed since the last."""
    height = job.height or 19_000_000
    wanted = job.work or voice.memory.get("wanted")
    work = wanted if isinstance(wanted, float) else DEFAULT_WORK
    values: dict[str, Json] = {
        "epoch": job.seed or f"{height // EPOCH_BLOCKS:x}",
        "target": f"{target_of_work(work):064x}",
        "algo": job.algorithm or voice.algorithm or "ethash",
        "extranonce": voice.memory.get("prefix") or voice.hex(2),
    }
    held = voice.memory.get("values")
    fresh = {k: v for k, v in values.items() if not isinstance(held, dict) or held.get(k) != v}
    voice.memory["values"], voice.memory["prefix"] = values, values["extranonce"]
    params: list[Json] = [job.job_id, f"{height:x}", voice.hex(32), "1" if job.clean else "0"]
    told = [line(False, method="mining.set", params=fresh)] if fresh else []
    return [*told, line(False, method="mining.notify", params=params)]
