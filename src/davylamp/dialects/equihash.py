"""Equihash: Zcash's stratum, where a share carries a whole solution; its parameters show in the solution's length.

Hears     mining.subscribe [agent, session, host, port] with answer [session, nonce 1], mining.authorize,
          mining.extranonce.subscribe, mining.suggest_target, mining.set_target [64 hex digits], mining.notify [job,
          version, previous block, Merkle root, reserved, time, bits, clean(, parameters, personalization)],
          mining.submit [user, job, time, nonce 2, solution]
Shares    2^256 / target solutions, exact: the pool sends the target big endian. mining.set_difficulty is not in the
          sources; where it comes, its worth stays in units of the pool
Coin      length of the solution (200,9 has 1344 bytes, 192,7 400, 144,5 100, 125,4 52), personalization, address,
          bits; VerusHash speaks this dialect too and is told by its ninth part or by the solution's version
Misses    work of shares in captures that begin after mining.set_target
Misfires  none known: a job needs four 32-byte hashes in their places, a share a solution of a known length
Source    zcash/zips zip-0301.rst; nicehash/Specifications Zhash_NiceHash_v1.0.txt (parameters, personalization);
          blockTemplate.js of z-nomp pools (the same two parts); Miningcore VeruscoinJob.cs (ninth part of Verus).
          The version in the first four bytes of a Verus solution: unverified
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
        "mining.suggest_target",
        "mining.set_target",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.notify",
        "mining.submit",
        "client.reconnect",
        "client.show_message",
    }
)

PARAMETERS: Final = {1344: "200,9", 400: "192,7", 100: "144,5", 52: "125,4"}
"""Equihash n,k by the bytes of a solution: 2^k indices of n / (k + 1) + 1 bits."""

PERSONS: Final = {"144,5": "BgoldPoW", "125,4": "ZelProof", "192,7": "ZERO_PoW"}
ADDRESSES: Final = ("t1", "t3", "zn", "zs")  # measured: Zcash and Horizen, transparent addresses
ADDRESS_CHARACTERS: Final = 35
VERUS_VERSIONS: Final = range(1, 64)  # judged: version 7 in 2024; by chance once in 2^26 Equihash solutions
DEFAULT_WORK: Final = 8192.0  # measured: the proof-of-work limit of Zcash, 0x0007ffff...


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job or a share; a login counts when it names an address of the family."""
    named = False
    for message in opening:
        method, params = message.method, message.params
        if method == "mining.notify" and is_job(params):
            return Claim(
                95, "a job carries version, previous block, Merkle root and reserved hash", decisive=True
            )
        if method == "mining.submit" and solution_of(params) is not None:
            return Claim(95, "a share carries an Equihash solution", decisive=True)
        named = named or (method == "mining.authorize" and has_address(params))
    for message in opening:
        method, params = message.method, message.params
        if method is not None and not method.startswith(("mining.", "client.")):
            return NotThis(f"method {method}")
        if method in ("mining.hello", "mining.set") or message.named:
            return NotThis("named parameters")
        if method in ("mining.notify", "mining.submit") and params:
            return NotThis(f"{method} of another shape")
    return Claim(60, "a login names a Zcash or Horizen address") if named else NeedMore()


def has_address(params: Sequence[Json]) -> bool:
    """Whether the user begins with a transparent address of Zcash or Horizen."""
    user = item(params, 0)
    account = user.partition(".")[0] if isinstance(user, str) else ""
    return account.startswith(ADDRESSES) and len(account) == ADDRESS_CHARACTERS and account.isalnum()


def job_id_of(value: Json) -> str | None:
    """A job id, which a few pools send as a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return str(value)
    return text_of(value, 256)


def is_job(params: Sequence[Json]) -> bool:
    """Job id, version, three hashes, time, bits, clean; two more parts at most."""
    if not 8 <= len(params) <= 12 or job_id_of(params[0]) is None or not isinstance(params[7], bool):
        return False
    words = all(is_hex(params[i], 8) for i in (1, 5, 6))
    return words and all(is_hex(params[i], 64) for i in (2, 3, 4))


def solution_of(params: Sequence[Json]) -> bytes | None:
    """The solution of a share without its length prefix; None when the share is of another shape."""
    if len(params) != 5 or not isinstance(params[0], str) or job_id_of(params[1]) is None:
        return None
    nonce, digits = params[3], params[4]
    if not is_hex(params[2], 8) or not is_hex(nonce) or len(str(nonce)) > 64:
        return None
    if not isinstance(digits, str) or len(digits) % 2 or not is_hex(digits) or digits[:2] in ("0x", "0X"):
        return None
    raw = bytes.fromhex(digits)
    for prefix in (3, 1):
        size = len(raw) - prefix
        if size in PARAMETERS and raw[:prefix] == compact(size):
            return raw[prefix:]
    return None


def compact(size: int) -> bytes:
    """Bitcoin's variable-length integer."""
    return bytes([size]) if size < 0xFD else b"\xfd" + size.to_bytes(2, "little")


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            return read_subscribe(params)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.set_target" if is_hex(item(params, 0), 64):
            work = work_of_target(hex_int(params[0]) or 0)
            return [Difficulty(work, "hashes")] if work is not None else []
        case "mining.set_difficulty":
            value = number_of(item(params, 0))
            return [Difficulty(value, "stratum")] if value is not None else []
        case "mining.set_extranonce":
            return [Trait("extranonce1", str(params[0])[:64])] if is_hex(item(params, 0)) else []
        case "mining.notify" if is_job(params):
            return read_job(params)
        case "mining.submit":
            return read_share(message)
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


def read_job(params: Sequence[Json]) -> list[Event]:
    """A job, and what the parts after it say of algorithm and coin."""
    nbits = int.from_bytes(bytes.fromhex(str(params[6])[-8:]), "little")
    named, person = text_of(item(params, 8), 8192), text_of(item(params, 9), 64)
    verus = named is not None and len(named) >= 16 and is_hex(named)
    algorithm = "verushash" if verus else text_of(named, 32)
    events: list[Event] = []
    if algorithm is not None and not verus:
        events.append(Trait("equihash", algorithm.replace("_", ",")))
    if person:
        events.append(Trait("personalization", person))
    job = Job(
        job_id=job_id_of(params[0]) or "",
        algorithm=algorithm,
        clean=params[7] is True,
        prev_hash=str(params[2]).lower(),
        nbits=nbits,
        network_work=work_of_bits(nbits),
    )
    return [*events, job]


def work_of_bits(nbits: int) -> float | None:
    """Solutions for a block from the compact target; None for none that can be."""
    size, mantissa = nbits >> 24, nbits & 0xFFFFFF
    if not 3 <= size <= 33 or not 0 < mantissa < 0x800000:
        return None
    return work_of_target(mantissa << 8 * (size - 3))


def read_share(message: Rpc) -> list[Event]:
    """A share, and the parameters that its solution shows."""
    params = message.params
    solution = solution_of(params)
    if solution is None:
        return []
    verus = int.from_bytes(solution[:4], "little") in VERUS_VERSIONS
    trait = Trait("algorithms", "verushash") if verus else Trait("equihash", PARAMETERS[len(solution)])
    nonce = f"{params[3]}:{params[2]}:{solution[:8].hex()}".lower()
    share = Submit(message.id or "", job_id_of(params[1]), nonce, text_of(params[0]), len(solution))
    return [trait, share]


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
        return [Trait("extranonce1", str(result[1])[:64])]
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
            held, wanted = voice.memory.get("target"), event.work
            fresh = held is None or (wanted is not None and held != f"{target_of_work(wanted):064x}")
            return [
                *([speak_target(wanted or DEFAULT_WORK, voice)] if fresh else []),
                speak_job(event, voice),
            ]
        case Submit():
            return [speak_share(event, voice)]
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
        line(False, id=subscribe_id, result=[None, voice.hex(4)], error=None),
        line(True, id=authorize_id, method="mining.authorize", params=[voice.memory["login"], "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its code and words."""
    if accepted:
        return line(False, id=request_id, result=True, error=None)
    words = reason or ("Job not found" if code == 21 else "Unknown problem")
    return line(False, id=request_id, result=None, error=[code, words, None])


def speak_target(work: float, voice: Voice) -> Spoken:
    """The target whose expected work is ``work`` solutions."""
    voice.memory["target"] = target = f"{target_of_work(work):064x}"
    return line(False, id=None, method="mining.set_target", params=[target])


def parameters_of(text: str) -> str:
    """``n,k`` from an algorithm's name such as ``equihash/144,5``; Zcash's where it names none."""
    named = text.rpartition("/")[2].replace("_", ",")
    return named if named in PARAMETERS.values() else "200,9"


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job; parameters other than Zcash's stand behind it."""
    parameters = parameters_of(job.algorithm or voice.algorithm)
    voice.memory["parameters"] = parameters
    voice.memory["time"] = time = (0x665A0000 + voice.rng.randrange(2**20)).to_bytes(4, "little").hex()
    params: list[Json] = [
        job.job_id,
        "04000000",
        job.prev_hash or voice.hex(28) + "00000000",
        voice.hex(32),
        voice.hex(32),
        time,
        (job.nbits or 0x1C0FFFFF).to_bytes(4, "little").hex(),
        bool(job.clean),
    ]
    if parameters in PERSONS:
        params += [parameters.replace(",", "_"), PERSONS[parameters]]
    return line(False, id=None, method="mining.notify", params=params)


def speak_share(share: Submit, voice: Voice) -> Spoken:
    """A share with a solution of the right length, which solves nothing."""
    parameters = voice.memory.get("parameters") or "200,9"
    size = next(s for s, named in PARAMETERS.items() if named == parameters)
    solution = (compact(size) + b"\xa5" * 4 + voice.rng.randbytes(size - 4)).hex()
    nonce = (hex_int(share.nonce.partition(":")[0]) or 0).to_bytes(32, "little").hex()[:56]
    user = share.worker or voice.memory.get("login") or voice.wallet
    params: list[Json] = [user, share.job_id, voice.memory.get("time") or "00005a66", nonce, solution]
    return line(True, id=int(share.key), method="mining.submit", params=params)
