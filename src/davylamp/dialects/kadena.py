"""Kadena: Blake2s stratum with a whole work header of 286 bytes in every job.

Hears     mining.subscribe [agent(, null)] with answer [null, nonce prefix, size], mining.authorize
          [account(.worker), pass], mining.set_target [64 hex digits], mining.notify [job, 572 hex digits,
          clean], mining.submit [account.worker, job, nonce]
Shares    2^256 / target, exact: a work header is a share when its hash is at most the target, which the pool
          sends big endian. mining.set_difficulty is not in the sources; where it comes, its worth is unverified
          and stays in units of the pool
Coin      KDA by the shape; chain height, parent and network target stand in the work header
Misses    work of shares in captures that begin after mining.set_target; a session of shares alone whose user
          is no Kadena account, because a share of three parts looks the same in four dialects
Misfires  none known: a job needs 286 bytes with three neighbours in the chain graph and a height within reach
Source    kadena-io/chainweb-mining-client src/Worker/POW/Stratum/Protocol.hs, Server.hs, Target.hs,
          WorkerUtils.hs (comparison with the target); docs.kadena.io "Block header binary encoding" (offsets);
          gist mightybyte "Kadena Stratum Protocol"; nicehash/Specifications Kadena_NiceHash_v1.0.txt.
          Read in DIALECTS.md only: that pools accept k: accounts
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
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset(
    {
        "mining.subscribe",
        "mining.authorize",
        "mining.extranonce.subscribe",
        "mining.set_extranonce",
        "mining.set_target",
        "mining.notify",
        "mining.submit",
    }
)

HEADER_BYTES: Final = 286  # measured: chainweb-mining-client Protocol.hs, Notify
NEIGHBOURS: Final = 3  # measured: docs.kadena.io, adjacent parents record of the graph of degree three
CHAINS: Final = 20  # measured: chainweb since 2020 has twenty chains
MOST_HEIGHT: Final = 2**27  # judged: a chain adds a million blocks a year
NONCE_BYTES: Final = 8  # measured: chainweb-mining-client Protocol.hs, NonceSize
DEFAULT_WORK: Final = 2.0**42  # measured: chainweb-mining-client Server.hs, maxSessionTarget
ACCOUNT: Final = re.compile(r"(?:k:)?[0-9a-f]{64}(?:\.|$)")
"""A single-key account, with k: or bare as older pools take it."""


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; a share or a login counts when it names a Kadena account."""
    weight, because = 0, ""
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.notify" and header_of(params) is not None:
            return Claim(96, "a job carries a work header of 286 bytes", decisive=True)
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method == "mining.notify" and params:
            return NotThis("a job of another shape")
        if method == "mining.submit" and is_submit(params) and has_account(params):
            weight, because = 80, "a share of three parts comes from a Kadena account"
        if method == "mining.authorize" and has_account(params):
            sure = 75 if str(params[0]).startswith("k:") else 60  # a bare key may be another coin's
            weight, because = max(weight, sure), because or "a login names a Kadena account"
    return Claim(weight, because) if weight else NeedMore()


def has_account(params: Sequence[Json]) -> bool:
    """Whether the first parameter begins with a single-key account."""
    user = item(params, 0)
    return isinstance(user, str) and ACCOUNT.match(user) is not None


def header_of(params: Sequence[Json]) -> bytes | None:
    """The work header of a job ``[id, header, clean]``; None when it cannot be one."""
    if len(params) != 3 or not isinstance(params[2], bool) or text_of(params[0]) is None:
        return None
    if not is_hex(params[1], 2 * HEADER_BYTES):
        return None
    header = bytes.fromhex(str(params[1]).removeprefix("0x").removeprefix("0X"))
    plausible = (
        int.from_bytes(header[48:50], "little") == NEIGHBOURS
        and int.from_bytes(header[222:226], "little") < CHAINS
        and 0 < int.from_bytes(header[258:266], "little") < MOST_HEIGHT
    )
    return header if plausible else None


def is_submit(params: Sequence[Json]) -> bool:
    """User, job id and at most eight bytes of nonce."""
    named = len(params) == 3 and text_of(params[0]) is not None and text_of(params[1]) is not None
    return named and hex_int(params[2], most_digits=2 * NONCE_BYTES) is not None


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
            return [Difficulty(work, "hashes")] if work else []
        case "mining.set_difficulty":
            value = number_of(item(params, 0))
            return [Difficulty(value, "stratum")] if value else []
        case "mining.set_extranonce":
            return [Trait("extranonce1", str(params[0])[:16])] if is_hex(item(params, 0)) else []
        case "mining.notify":
            header = header_of(params)
            return [read_job(params, header)] if header is not None else []
        case "mining.submit" if is_submit(params):
            nonce = str(params[2]).lower().removeprefix("0x")
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_job(params: Sequence[Json], header: bytes) -> Job:
    """A job with what its work header tells of the chain."""
    return Job(
        job_id=text_of(params[0]) or "",
        height=int.from_bytes(header[258:266], "little"),
        clean=params[2] is True,
        prev_hash=header[16:48].hex(),
        network_work=work_of_target(int.from_bytes(header[158:190], "little")),
    )


def read_answer(message: Rpc, request: Rpc) -> list[Event]:
    """What an answer says, by the request it answers."""
    granted, reason = judge_answer(message)
    result = message.result
    if request.method == "mining.submit":
        return [Answer(request.id or "", granted, is_stale(reason), reason)]
    if request.method == "mining.authorize":
        return [LoginAnswer(granted, reason)]
    if request.method == "mining.subscribe" and isinstance(result, list) and is_hex(item(result, 1)):
        return [
            Trait("extranonce1", str(result[1])[:16]),
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
            subscribe_id, authorize_id = voice.next_id(), voice.next_id()
            memory["authorize_id"], memory["login"] = authorize_id, event.login or voice.wallet
            agent, size = event.agent or voice.agent, NONCE_BYTES - 2
            return [
                line(True, id=subscribe_id, method="mining.subscribe", params=[agent, None]),
                line(False, id=subscribe_id, result=[None, voice.hex(2), size], error=None),
                line(True, id=authorize_id, method="mining.authorize", params=[memory["login"], "x"]),
            ]
        case LoginAnswer():
            return [speak_answer(memory.get("authorize_id"), event.accepted, event.reason, 24)]
        case Difficulty(unit="hashes"):
            return [speak_target(event.value, voice)]
        case Difficulty():
            return [line(False, id=None, method="mining.set_difficulty", params=[event.value])]
        case Job():
            return speak_job(event, voice)
        case Submit():
            nonce = f"{hex_int(event.nonce) or 0:012x}"[-12:]
            share: list[Json] = [event.worker or memory.get("login") or voice.wallet, event.job_id, nonce]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "stale share" if event.stale else "low difficulty share"
            return [speak_answer(int(event.key or 0), event.accepted, reason, 21 if event.stale else 23)]
        case _:
            return []


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its words."""
    error: Json = None if accepted else [code, reason or "refused", None]
    return line(False, id=request_id, result=accepted, error=error)


def speak_target(work: float, voice: Voice) -> Spoken:
    """The share target whose expected work is ``work`` hashes."""
    voice.memory["work"] = work
    return line(False, id=None, method="mining.set_target", params=[f"{target_of_work(work):064x}"])


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after a new target where the job names its own work or none was set."""
    spoken = []
    known = voice.memory.get("work")
    wanted = job.work if job.work and job.unit == "hashes" else known or DEFAULT_WORK
    if isinstance(wanted, float) and wanted != known:
        spoken.append(speak_target(wanted, voice))
    parent = bytes.fromhex(job.prev_hash or voice.hex(32))
    height = 4_400_000 if job.height is None else job.height
    network = target_of_work(job.network_work or 2.0**63)
    header = b"".join(
        (
            bytes(8),
            (1_700_000_000_000_000 + voice.rng.randrange(10**12)).to_bytes(8, "little"),
            parent,
            NEIGHBOURS.to_bytes(2, "little"),
            b"".join(n.to_bytes(4, "little") + voice.rng.randbytes(32) for n in (2, 5, 7)),
            network.to_bytes(32, "little"),
            voice.rng.randbytes(32),
            voice.rng.randrange(CHAINS).to_bytes(4, "little"),
            voice.rng.randbytes(12) + bytes(20),
            height.to_bytes(8, "little"),
            (5).to_bytes(4, "little"),
            (1_700_000_000_000_000).to_bytes(8, "little"),
            bytes(8),
        )
    )
    params: list[Json] = [job.job_id, header.hex(), job.clean is not False]
    return [*spoken, line(False, id=None, method="mining.notify", params=params)]
