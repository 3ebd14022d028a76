"""Decred: Bitcoin's stratum whose "coinbase" is the rest of the block header.

Hears     mining.subscribe [agent(, session)], mining.authorize [address.worker, pass], mining.set_difficulty [D],
          mining.notify [job, previous block, header part of 100 to 108 bytes, "" or stake version, [], version,
          bits, time, clean], mining.submit [user, job, extra nonce, time, nonce]
Shares    D x 2^32 hashes, exact within 2^-32: difficulty 1 is the proof-of-work limit 2^224 - 1 (test network:
          2^232 - 1, not told apart here)
Coin      DCR by the shape; chain height and network target stand in the header part
Misses    work of shares in captures that begin after mining.set_difficulty; a session of shares alone whose user
          is no Decred address, because shares look as Bitcoin's do
Misfires  none known: Bitcoin's jobs have a second coinbase part with outputs, and no votes in the first
Source    decred/gominer docs "haste" (example lines, 2^224 - 1); decred/dcrpool pool/message.go, difficulty.go,
          client.go; decred/dcrd chaincfg mainPowLimit; docs.decred.org "Block Header Specifications" (offsets);
          nicehash/Specifications Decred_NiceHash.txt R2. The change from BLAKE-256 to BLAKE3 in 2023 does not
          show on the wire
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
    text_of,
    work_of_target,
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

HASHES_PER_DIFFICULTY: Final = 2.0**32  # measured: dcrd mainPowLimit 2^224 - 1
MOST_DIFFICULTY: Final = 2.0**160  # judged: beyond any machine
PART_BYTES: Final = range(100, 145)  # measured: NiceHash 100 and more, dcrpool 108, haste 112
MOST_VOTES: Final = 5  # judged: votes per block; the example of haste has five
MOST_TICKETS: Final = 20  # judged: new tickets per block; the example of haste has three
MOST_HEIGHT: Final = 2**24  # judged: a chain adds a hundred thousand blocks a year
DEFAULT_WORK: Final = 1024 * HASHES_PER_DIFFICULTY  # judged: seconds of a small machine
ADDRESS: Final = re.compile(r"D[sce][1-9A-HJ-NP-Za-km-z]{33}(?:\.|$)")
"""A payment address of the main network; Dogecoin's is one character shorter."""


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; a share or a login counts when it names a Decred address."""
    weight, because = 0, ""
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.notify" and header_of(params) is not None:
            return Claim(97, "a job carries votes, tickets and height of a Decred header", decisive=True)
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method == "mining.notify" and params:
            return NotThis("a job of another shape")
        if method == "mining.set_target":
            return NotThis("the share target is sent as a target")
        if method == "mining.submit" and is_submit(params) and has_address(params):
            weight, because = 92, "a share comes from a Decred address"
        if method == "mining.authorize" and has_address(params):
            weight, because = max(weight, 75), because or "a login names a Decred address"
    return Claim(weight, because) if weight else NeedMore()


def has_address(params: Sequence[Json]) -> bool:
    """Whether the first parameter begins with a Decred address."""
    user = item(params, 0)
    return isinstance(user, str) and ADDRESS.match(user) is not None


def header_of(params: Sequence[Json]) -> bytes | None:
    """The header part of a job, from the Merkle root on; None when it cannot be one.

    The last 28 of its 100 bytes: votes u16, tickets u8, revocations u8, pool size u32, bits u32, ticket price
    u64, height u32, size u32, all little endian.
    """
    if len(params) != 9 or params[4] != [] or not isinstance(params[8], bool) or text_of(params[0]) is None:
        return None
    tail, part = params[3], params[2]
    bare = isinstance(tail, str) and (not tail or is_hex(tail, 8))
    if not bare or not is_hex(params[1], 64) or not is_hex(params[5], 8) or not is_hex(part):
        return None
    digits = str(part).removeprefix("0x").removeprefix("0X")
    if len(digits) % 2 or len(digits) // 2 not in PART_BYTES:
        return None
    header = bytes.fromhex(digits)
    plausible = (
        int.from_bytes(header[72:74], "little") <= MOST_VOTES
        and header[74] <= MOST_TICKETS
        and work_of_compact(int.from_bytes(header[80:84], "little")) is not None
        and 0 < int.from_bytes(header[92:96], "little") < MOST_HEIGHT
    )
    return header if plausible else None


def work_of_compact(nbits: int) -> float | None:
    """Hashes for a block from the compact target; None beyond the proof-of-work limit."""
    size, mantissa = nbits >> 24, nbits & 0xFFFFFF
    if not 3 <= size <= 29 or not 0 < mantissa < 0x800000:
        return None
    return work_of_target(mantissa << 8 * (size - 3))


def is_submit(params: Sequence[Json]) -> bool:
    """User, job id, extra nonce of 4 to 12 bytes, time and nonce of 4 bytes."""
    named = len(params) >= 5 and text_of(params[0]) is not None and text_of(params[1]) is not None
    return named and is_hex(params[2]) and is_hex(params[3], 8) and is_hex(params[4], 8)


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
        case "mining.set_difficulty":
            value = number_of(item(params, 0))
            known = value is not None and value < MOST_DIFFICULTY
            return [Difficulty(value * HASHES_PER_DIFFICULTY, "hashes")] if known and value else []
        case "mining.set_extranonce":
            return [Trait("extranonce1", str(params[0])[:64])] if is_hex(item(params, 0)) else []
        case "mining.notify":
            header = header_of(params)
            return [read_job(params, header)] if header is not None else []
        case "mining.submit" if is_submit(params):
            nonce = ":".join(str(p).lower()[:64] for p in (params[4], params[3], params[2]))
            return [Submit(message.id or "", text_of(params[1]), nonce, text_of(params[0]))]
        case None if message.is_answer and message.request is not None:
            return read_answer(message, message.request)
    return []


def read_job(params: Sequence[Json], header: bytes) -> Job:
    """A job with what its header part tells of the chain."""
    nbits = int.from_bytes(header[80:84], "little")
    return Job(
        job_id=text_of(params[0]) or "",
        height=int.from_bytes(header[92:96], "little"),
        clean=params[8] is True,
        prev_hash=str(params[1]),
        nbits=nbits,
        network_work=work_of_compact(nbits),
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
    memory = voice.memory
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(memory.get("authorize_id"), event.accepted, event.reason, 24)]
        case Difficulty():
            return [speak_difficulty(event.value, event.unit == "hashes", voice)]
        case Job():
            return speak_job(event, voice)
        case Submit():
            user = event.worker or memory.get("login") or voice.wallet
            nonce = f"{hex_int(event.nonce) or 0:08x}"[-8:]
            share: list[Json] = [user, event.job_id, "00000000", memory.get("time") or "65000000", nonce]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            reason = event.reason
            if not event.accepted and is_stale(reason) != event.stale:
                reason = "Stale Job" if event.stale else "Low difficulty share"
            return [speak_answer(int(event.key or 0), event.accepted, reason, 21 if event.stale else 23)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe, its answer with an extra nonce, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    voice.memory["authorize_id"], voice.memory["login"] = authorize_id, login.login or voice.wallet
    extra_nonce = voice.hex(4)
    topics: Json = [["mining.set_difficulty", "mn" + extra_nonce], ["mining.notify", "mn" + extra_nonce]]
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=[login.agent or voice.agent]),
        line(False, id=subscribe_id, error=None, result=[topics, extra_nonce, 4]),
        line(True, id=authorize_id, method="mining.authorize", params=[voice.memory["login"], ""]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its words."""
    error: Json = None if accepted else [code, reason or "Other/Unknown", None]
    return line(False, id=request_id, error=error, result=accepted)


def speak_difficulty(value: float, in_hashes: bool, voice: Voice) -> Spoken:
    """The share difficulty, given as such or as its expected hashes."""
    difficulty = value / HASHES_PER_DIFFICULTY if in_hashes else value
    voice.memory["difficulty"] = difficulty
    return line(False, id=None, method="mining.set_difficulty", params=[difficulty])


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job, after a new difficulty where the job names its own work or none was set."""
    spoken = []
    known = voice.memory.get("difficulty")
    wanted = known or DEFAULT_WORK / HASHES_PER_DIFFICULTY
    if job.work:
        wanted = job.work / HASHES_PER_DIFFICULTY if job.unit == "hashes" else job.work
    if isinstance(wanted, float) and wanted != known:
        spoken.append(speak_difficulty(wanted, False, voice))
    nbits = 0x1A03244B if job.nbits is None else job.nbits
    height = 834_000 if job.height is None else job.height
    now = 1_700_000_000 + voice.rng.randrange(10**8)
    voice.memory.setdefault("time", now.to_bytes(4, "little").hex())  # a repeated share repeats its time
    header = b"".join(
        (
            voice.rng.randbytes(64),
            b"\x01\x00" + voice.rng.randbytes(6),
            bytes((MOST_VOTES, 0, voice.rng.randrange(MOST_TICKETS), 0)),
            (41_000).to_bytes(4, "little") + nbits.to_bytes(4, "little"),
            (20_000_000_000).to_bytes(8, "little"),
            height.to_bytes(4, "little") + (9_000).to_bytes(4, "little"),
            now.to_bytes(4, "little") + bytes(4),
        )
    )
    previous = job.prev_hash or voice.hex(28) + "00000000"
    bits = nbits.to_bytes(4, "little").hex()
    params: list[Json] = [job.job_id, previous, header.hex(), "0a000000", [], "0a000000", bits]
    params += [now.to_bytes(4, "little").hex(), job.clean is not False]
    return [*spoken, line(False, id=None, method="mining.notify", params=params)]
