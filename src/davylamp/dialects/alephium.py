"""Alephium: stratum whose jobs and shares are objects, one per chain of the 4 x 4 shards.

Hears     mining.authorize [address(.worker), pass(, agent)], mining.hello [agent, "AlephiumStratum/1.0.0"],
          mining.set_extranonce, mining.set_difficulty [D], mining.set_target,
          mining.notify [{jobId, fromGroup, toGroup, headerBlob, txsBlob, targetBlob}, ...],
          mining.submit {jobId, fromGroup, toGroup, nonce, worker}, mining.submit_result (an answer that
          carries a method), alph_submitHashrate [hex rate, id]
Shares    D x 2^30 x 16 hashes, exact: difficulty 1 is the target 2^226 - 1, and only one hash in 16 falls on
          the chain of its job. A targetBlob easier than the header's own compact target is the share target:
          16 x 2^256 / target. Pools that set another diff1TargetNumZero than 30 are not known
Coin      ALPH by the shape; the header's last 4 bytes are the chain's target, which tells the network
          difficulty
Misses    work of shares in captures that begin after mining.set_difficulty when jobs carry no share target;
          the node's own binary protocol (port 10973) between pool and node
Misfires  none known: a job needs a chain index below 4 x 4 and a header blob
Source    alephium/mining-pool lib: stratum.js, jobManager.js, blockTemplate.js, stats.js (factor 16); README.md
          (diff1TargetNumZero 30), issue 62 (captured lines); alephium/docs mining/alephium-stratum.md;
          Miningcore AlephiumConstants, AlephiumPool, AlephiumUtils; bzminer issue 10 (alph_submitHashrate);
          nicehash/Specifications Alephium_NiceHash_v1.0.txt. Unverified: that the header's compact target is
          read as Bitcoin's; the unit of alph_submitHashrate (taken as hashes per second, as its model
          eth_submitHashrate has it); the three-part job of alephium-stratum.md, which no known miner speaks
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
        "mining.hello",
        "mining.subscribe",
        "mining.authorize",
        "mining.set_extranonce",
        "mining.set_difficulty",
        "mining.set_target",
        "mining.notify",
        "mining.submit",
        "mining.submit_result",
        "alph_submitHashrate",
    }
)
PROTOCOL: Final = "AlephiumStratum/"  # measured: alephium-stratum.md, mining.hello
GROUPS: Final = 4  # measured: alephium/mining-pool constants.js, GroupSize
CHAINS: Final = GROUPS * GROUPS
HASHES_PER_DIFFICULTY: Final = 2.0**30 * CHAINS  # measured: alephium/mining-pool stats.js
MOST_DIFFICULTY: Final = 2.0**128  # judged: 2^162 hashes for a share are beyond any machine
DEFAULT_WORK: Final = 64 * HASHES_PER_DIFFICULTY  # measured: the initial difficulty in the pool's README
HEADER_DIGITS: Final = range(200, 2000)  # measured: 604 digits in issue 62; dependencies may grow
PLAUSIBLE_NBITS: Final = 0x1A03244B  # judged: 256 times the difficulty of the block in issue 62
NONCE_DIGITS: Final = 48  # measured: alephium/mining-pool constants.js, NonceLength 24


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job object, a share object, or one of the dialect's own literals."""
    for message in opening:
        if message.method == "mining.notify" and jobs_of(message.params):
            return Claim(97, "a job names its chain by two groups and carries a header blob", decisive=True)
        if message.method == "mining.submit" and is_share(message.named):
            return Claim(97, "a share names its chain by two groups and a nonce", decisive=True)
        if message.method == "alph_submitHashrate":
            return Claim(92, "the miner reports its hashrate with alph_submitHashrate", decisive=True)
        if names_protocol(message):
            return Claim(92, "client or server names AlephiumStratum", decisive=True)
    for message in opening:
        method = message.method
        if method is not None and method not in METHODS and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method in ("mining.notify", "mining.submit") and "params" in (message.body or {}):
            return NotThis("a job or a share of another shape")
    return NeedMore()


def names_protocol(message: Rpc) -> bool:
    """Whether a greeting or its answer holds the protocol's name."""
    values = message.params if message.method == "mining.hello" else message.result
    if not isinstance(values, list):
        return False
    return any(isinstance(v, str) and v.startswith(PROTOCOL) for v in values[:8])


def name_of(value: Json) -> str | None:
    """A job id, which some pools send as a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return str(value)
    return text_of(value, 128)


def is_chain(value: dict[str, Json]) -> bool:
    """Two groups, each below four."""
    groups = (value.get("fromGroup"), value.get("toGroup"))
    return all(isinstance(g, int) and not isinstance(g, bool) and 0 <= g < GROUPS for g in groups)


def jobs_of(params: Sequence[Json]) -> list[dict[str, Json]]:
    """The job objects of a push, at most one per chain."""
    found: list[dict[str, Json]] = []
    for value in params[:CHAINS]:
        if not isinstance(value, dict) or not is_chain(value) or name_of(value.get("jobId")) is None:
            continue
        header = value.get("headerBlob")
        if is_hex(header) and len(str(header)) in HEADER_DIGITS:
            found.append(value)
    return found


def is_share(params: dict[str, Json]) -> bool:
    """A share object: its job, its chain, and a nonce of 24 bytes."""
    named = is_chain(params) and name_of(params.get("jobId")) is not None
    return named and is_hex(params.get("nonce"), NONCE_DIGITS)


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.hello" | "mining.subscribe":
            agent = text_of(item(params, 0))
            return [Login(agent=agent)] if agent else []
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login, text_of(item(params, 2)))] if login else []
        case "mining.set_extranonce":
            prefix = item(params, 0) if params else (message.body or {}).get("params")
            return [Trait("extranonce1", str(prefix)[:48])] if is_hex(prefix) else []
        case "mining.set_difficulty" | "mining.set_target":
            return read_difficulty(message)
        case "mining.notify":
            return [read_job(job) for job in jobs_of(params)] or read_short_job(params)
        case "mining.submit":
            return read_share(message)
        case "mining.submit_result":
            return [] if message.from_client else [read_verdict(message, message.id or "")]
        case "alph_submitHashrate":
            rate = hex_int(item(params, 0), most_digits=32)
            return [ReportedRate(float(rate))] if rate else []
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_difficulty(message: Rpc) -> list[Event]:
    """Pool difficulty, or a whole target, for the jobs to come."""
    value = item(message.params, 0) if message.params else (message.body or {}).get("params")
    if message.method == "mining.set_target":
        work = work_of_target(hex_int(value) or 0)
        return [Difficulty(CHAINS * work, "hashes")] if work else []
    difficulty = number_of(value)
    if difficulty is None or difficulty > MOST_DIFFICULTY:
        return []
    return [Difficulty(difficulty * HASHES_PER_DIFFICULTY, "hashes")]


def read_job(job: dict[str, Json]) -> Job:
    """One chain's job; its target is the share's when it is easier than the chain's own."""
    nbits = hex_int(str(job["headerBlob"])[-8:])
    network = work_of_compact(nbits)
    work = CHAINS * (work_of_target(hex_int(job.get("targetBlob")) or 0) or 0.0)
    shared = work > 0 and (network is None or work < network * 0.999)
    height = job.get("height")
    told = isinstance(height, int) and not isinstance(height, bool) and 0 < height < 2**31
    return Job(
        job_id=name_of(job["jobId"]) or "",
        work=work if shared else None,
        height=height if told and isinstance(height, int) else None,
        nbits=nbits if network is not None else None,
        network_work=network,
    )


def work_of_compact(nbits: int | None) -> float | None:
    """Hashes for a block of one chain from the compact target at the end of its header."""
    if nbits is None or not 3 <= nbits >> 24 <= 32:
        return None
    work = work_of_target((nbits & 0xFFFFFF) << 8 * ((nbits >> 24) - 3))
    return CHAINS * work if work is not None else None


def read_short_job(params: Sequence[Json]) -> list[Event]:
    """The job of alephium-stratum.md: id, chain index, header."""
    job_id, header = name_of(item(params, 0)), item(params, 2)
    if len(params) != 3 or job_id is None or not is_hex(header) or len(str(header)) not in HEADER_DIGITS:
        return []
    return [Job(job_id, nbits=hex_int(str(header)[-8:]))]


def read_share(message: Rpc) -> list[Event]:
    """A share as an object, or as id and nonce in alephium-stratum.md."""
    if is_share(message.named):
        share = message.named
        worker = text_of(share.get("worker"))
        return [Submit(message.id or "", name_of(share["jobId"]), str(share["nonce"]).lower(), worker)]
    params = message.params
    if len(params) not in (2, 3) or name_of(params[0]) is None or not is_hex(params[1]):
        return []
    nonce = str(params[1]).lower()[:64]
    return [Submit(message.id or "", name_of(params[0]), nonce, text_of(item(params, 2)))]


def read_verdict(message: Rpc, key: str) -> Answer:
    """The server's word on a share; an expired job is a late share."""
    granted, reason = judge_answer(message)
    return Answer(key, granted, is_stale(reason) or (not granted and "expired" in reason.lower()), reason)


def read_answer(message: Rpc, request: Rpc) -> list[Event]:
    """What an answer says, by the request it answers."""
    if request.method == "mining.submit":
        return [read_verdict(message, request.id or "")]
    granted, reason = judge_answer(message)
    if request.method == "mining.authorize":
        return [LoginAnswer(granted, reason)]
    return []


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps(body) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event, as the reference pool and its miners do."""
    memory = voice.memory
    match event:
        case Login():
            memory["authorize_id"], memory["login"] = voice.next_id(), event.login or voice.wallet
            params: list[Json] = [memory["login"], "x", event.agent or voice.agent]
            return [line(True, id=memory["authorize_id"], method="mining.authorize", params=params)]
        case LoginAnswer():
            error: Json = None if event.accepted else [22, event.reason or "invalid worker"]
            answer = line(False, id=memory.get("authorize_id"), result=event.accepted, error=error)
            prefix = line(False, id=None, method="mining.set_extranonce", params=[voice.hex(2)])
            return [answer, prefix] if event.accepted else [answer]
        case Difficulty():
            factor = 1.0 if event.unit == "hashes" else HASHES_PER_DIFFICULTY
            memory["difficulty"] = event.value * factor / HASHES_PER_DIFFICULTY
            return [line(False, id=None, method="mining.set_difficulty", params=[memory["difficulty"]])]
        case Job():
            return speak_job(event, voice)
        case Submit():
            chain = memory.get("chain")
            share: dict[str, Json] = {"jobId": event.job_id, **(chain if isinstance(chain, dict) else {})}
            share["nonce"] = f"{hex_int(event.nonce) or 0:048x}"[-NONCE_DIGITS:]
            share["worker"] = event.worker or memory.get("login") or voice.wallet
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            return [speak_verdict(event)]
        case ReportedRate():
            reported: list[Json] = [hex(int(event.hps)), "0x" + voice.hex(32)]
            return [line(True, id=None, method="alph_submitHashrate", params=reported)]
        case _:
            return []


def speak_verdict(answer: Answer) -> Spoken:
    """The pool's own form of an answer, which carries a method."""
    reason = answer.reason
    error: Json = None
    if not answer.accepted:
        if is_stale(reason) != answer.stale:
            reason = "job not found, maybe expired" if answer.stale else "low difficulty share"
        error = [20 if answer.stale else 25, reason]
    result = True if answer.accepted else None
    return line(False, id=int(answer.key or 0), method="mining.submit_result", result=result, error=error)


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job of one chain, with its share target; a difficulty first where none was set."""
    known = voice.memory.get("difficulty")
    factor = 1.0 if job.unit == "hashes" else HASHES_PER_DIFFICULTY
    work = job.work * factor if job.work else None
    spoken = []
    if not isinstance(known, float):
        known = (work or DEFAULT_WORK) / HASHES_PER_DIFFICULTY
        voice.memory["difficulty"] = known
        spoken.append(line(False, id=None, method="mining.set_difficulty", params=[known]))
    from_group, to_group = voice.rng.randrange(GROUPS), voice.rng.randrange(GROUPS)
    chain: dict[str, Json] = {"fromGroup": from_group, "toGroup": to_group}
    voice.memory["chain"] = chain
    nbits = PLAUSIBLE_NBITS if job.nbits is None else job.nbits
    header = f"0007{voice.hex(288)}{1_705_000_000_000 + voice.rng.randrange(10**9):016x}{nbits:08x}"
    target = target_of_work((work or known * HASHES_PER_DIFFICULTY) / CHAINS)
    body: dict[str, Json] = {"jobId": job.job_id, **chain, "headerBlob": header, "txsBlob": ""}
    body["targetBlob"] = f"{target:064x}"
    if job.height is not None:
        body["height"] = job.height
    return [*spoken, line(False, id=None, method="mining.notify", params=[body])]
