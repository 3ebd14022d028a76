"""Monero family: ``login``, ``job``, ``submit`` over JSON-RPC, as XMRig and its relatives speak it.

Hears     login {login, pass, agent, rigid, algo[]}, getjob, submit {id, job_id, nonce, result}, keepalived;
          login result {id, job, status, extensions}, job {blob, job_id, target, height, seed_hash, algo}
Shares    a 4-byte little-endian target t is worth 2^32 / t hashes, an 8-byte one 2^64 / t; exact
Coin      by algo, wallet prefix, blob major version and height; see ``davylamp.dialects.identity``
Misses    a session whose only messages are keep-alives
Misfires  none known: a job needs a hashing blob and a target, a submit a nonce and a result of 32 bytes; a login alone
          needs an address, a mining program or XMRig's algorithms, because chat servers have logins too
Source    xmrig-proxy doc/STRATUM.md and doc/STRATUM_EXT.md; CryptoNight NiceHash mode from the NiceHash
          specifications; the byte that parts the nonce space: xmrig-proxy JobResult.cpp, NonceStorage.cpp
"""

import re
from collections.abc import Sequence
from typing import Final

import orjson

from davylamp import tables
from davylamp.dialects.session import (
    Answer,
    Claim,
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
    byte_of,
    hex_int,
    is_hex,
    is_stale,
    judge_answer,
    text_of,
)

LEAST_BLOB_DIGITS: Final = (
    76  # judged: the shortest known blob, DERO's, has 48 bytes; sums and ids have 32 at most
)
ADDRESS_CHARACTERS: Final = (
    34  # measured: the shortest addresses, of Base58Check; Monero's family has 95 and more
)
METHODS: Final = frozenset({"login", "job", "submit", "getjob", "keepalived"})


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a login with its answer, a job with blob and target, or a submit with nonce and result."""
    asked = sure = False
    for message in opening:
        if job_of(message) is not None:
            return Claim(95, "a job carries a hashing blob and a compact target", decisive=True)
        if message.method == "submit" and is_submit(message.named):
            return Claim(95, "a submit carries job id, 4-byte nonce and 32-byte result", decisive=True)
        if isinstance(message.result, str) and message.method in METHODS:
            return NotThis("an answer that repeats its method, as Grin's do")
        if message.method == "login" and text_of(message.named.get("login")) and "pass" in message.named:
            asked, sure = True, sure or is_miner(message.named)
        elif message.method is not None and message.method not in METHODS:
            return NotThis(f"method {message.method}")
        elif is_jobless_grant(message) and not sure:
            return NotThis("a login is granted without a job")
    because = "a login names a wallet or a mining program" if sure else "a login like others' too"
    return Claim(60 if sure else 10, because) if asked else NeedMore()


def is_miner(params: dict[str, Json]) -> bool:
    """Whether a login can only be a miner's: an address, a known mining program, or algorithms as XMRig names them."""
    parts = re.split(r"[.+/:@ ]", str(params["login"])[:512])
    agent, algorithms = (text_of(params.get("agent")) or "").lower(), params.get("algo")
    named = isinstance(algorithms, list) and any("/" in str(name) for name in algorithms[:64])
    long = any(
        len(part) >= ADDRESS_CHARACTERS and part.isascii() and part.isalnum()
        for part in parts
        if not is_hex(part)
    )
    return long or named or any(agent.startswith(row.agent) for row in tables.agents())


def is_jobless_grant(message: Rpc) -> bool:
    """A login that is granted, and no job with it: this dialect has none such."""
    request = message.request
    if request is None or request.method != "login" or not message.is_answer or message.error:
        return False
    return not isinstance(message.result, dict) or "job" not in message.result


def is_submit(params: dict[str, Json]) -> bool:
    """Named parameters of a share: job id, a nonce of 4 bytes (8 in some forks), a 32-byte result."""
    nonce_ok = is_hex(params.get("nonce"), 8) or is_hex(params.get("nonce"), 16)
    return text_of(params.get("job_id")) is not None and nonce_ok and is_hex(params.get("result"), 64)


def job_of(message: Rpc) -> dict[str, Json] | None:
    """The job object inside a push or inside the answer to login or getjob; None when there is none."""
    found: Json = None
    if message.method == "job":
        found = message.named
    elif isinstance(message.result, dict):
        found = message.result.get("job", message.result)
    if not isinstance(found, dict) or text_of(found.get("job_id")) is None:
        return None
    if not is_hex(found.get("blob")) or len(str(found["blob"])) < LEAST_BLOB_DIGITS:
        return None
    return found if work_of_compact(found.get("target")) is not None else None


def work_of_compact(target: Json) -> float | None:
    """Hashes per share of a little-endian compact target of 4 or 8 bytes."""
    if not is_hex(target, 8) and not is_hex(target, 16):
        return None
    raw = bytes.fromhex(str(target).removeprefix("0x"))
    number = int.from_bytes(raw, "little")
    return 2.0 ** (8 * len(raw)) / number if number else None


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    if message.method == "login":
        return read_login(message.named)
    if message.method == "submit":
        params = message.named
        if not is_submit(params):
            return []
        nonce = str(params["nonce"]).lower()
        return [Submit(message.id or "", text_of(params["job_id"]), nonce, part=part_of(nonce))]
    events: list[Event] = []
    request = message.request
    if message.is_answer:
        granted, reason = judge_answer(message)
        if request is not None and request.method == "submit":
            return [Answer(request.id or "", granted, is_stale(reason), reason)]
        if request is not None and request.method == "login":
            events.append(LoginAnswer(granted, reason))
        events += read_extensions(message.result)
    job = job_of(message)
    return events + ([read_job(job)] if job is not None else [])


def part_of(nonce: str) -> int | None:
    """The top byte of a 4-byte nonce, little-endian on the wire: xmrig-proxy gives each miner a value of it."""
    return byte_of(nonce, -2) if len(nonce) == 8 else None


def read_login(params: dict[str, Json]) -> list[Event]:
    """The client's name, agent, rig and algorithms; the password is not read."""
    events: list[Event] = [
        Login(text_of(params.get("login")), text_of(params.get("agent")), text_of(params.get("rigid")))
    ]
    algorithms = params.get("algo")
    if isinstance(algorithms, list):
        events.append(Trait("algorithms", ",".join(str(a) for a in algorithms[:64])))
    return events


def read_extensions(result: Json) -> list[Event]:
    """``nicehash`` among the extensions means that the pool fixes the nonce's top byte."""
    extensions = result.get("extensions") if isinstance(result, dict) else None
    names = [str(e) for e in extensions[:32]] if isinstance(extensions, list) else []
    return [Trait("extensions", ",".join(names))] if names else []


def read_job(job: dict[str, Json]) -> Job:
    """A job from its object, which `job_of` has checked."""
    height = job.get("height")
    return Job(
        job_id=text_of(job["job_id"]) or "",
        work=work_of_compact(job["target"]),
        height=height if isinstance(height, int) and 0 < height < 2**31 else None,
        algorithm=text_of(job.get("algo")),
        blob_version=hex_int(str(job["blob"])[:2]),
        seed=text_of(job.get("seed_hash")),
    )


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps({"jsonrpc": "2.0", **body}) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. The first job rides in the answer to the login, later ones are pushed."""
    match event:
        case Login():
            voice.memory["login_id"] = voice.next_id()
            params: dict[str, Json] = {"login": event.login, "pass": "x", "agent": event.agent}
            if event.rig_id:
                params["rigid"] = event.rig_id
            params["algo"] = [voice.algorithm or "rx/0"]
            return [line(True, id=voice.memory["login_id"], method="login", params=params)]
        case LoginAnswer(accepted=True):
            voice.memory["first_job"] = True
            return []
        case LoginAnswer():
            refusal: Json = {"code": -1, "message": event.reason}
            return [line(False, id=voice.memory.get("login_id"), error=refusal)]
        case Job():
            return [speak_job(event, voice)]
        case Submit():
            share: dict[str, Json] = {"id": "sim", "job_id": event.job_id, "nonce": event.nonce}
            share["result"] = voice.hex(28) + "00000000"
            return [line(True, id=int(event.key), method="submit", params=share)]
        case Answer(accepted=True):
            return [line(False, id=int(event.key or 0), error=None, result={"status": "OK"})]
        case Answer():
            return [line(False, id=int(event.key or 0), error={"code": -1, "message": event.reason})]
        case _:
            return []


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job as a push, or inside the login's answer when it is the first."""
    compact = max(1, int(2.0**64 / (job.work or 1.0)))
    body: dict[str, Json] = {
        "blob": "1010" + voice.hex(74),
        "job_id": job.job_id,
        "target": min(compact, 2**64 - 1).to_bytes(8, "little").hex(),
        "algo": job.algorithm or voice.algorithm or "rx/0",
        "height": job.height,
        "seed_hash": job.seed or voice.hex(32),
    }
    if voice.memory.pop("first_job", False):
        result: dict[str, Json] = {"id": "sim", "job": body, "status": "OK", "extensions": ["algo"]}
        return line(False, id=voice.memory.get("login_id"), error=None, result=result)
    return line(False, method="job", params=body)
