"""Beam: login with an API key, jobs of a 32-byte input, BeamHash solutions; every field at the top level.

Hears     login {api_key}, job {id, input, difficulty, height, nonceprefix}, solution {id, nonce, output},
          cancel {id}, result {id, code, description, nonceprefix}; a solution and its result have the job's
          id
Shares    The difficulty is packed: with order = d >> 24 and mantissa = 2^24 + (d & 0xffffff), a share is
          worth mantissa x 2^(order - 24) BeamHash solutions ("Sol"), as the node multiplies and compares.
          One "hash" here is one solution. Packing keeps 24 bits: relative error up to 6e-8
Coin      by the dialect itself (Grimm had the same one); length of the solution tells BeamHash's version
Misses    the miner's agent, which most miners do not send
Misfires  none known: method "job" with a 64-digit ``input`` beside an integer ``difficulty`` is Beam's alone
Source    BeamMW/beam pow/stratum.h, pow/stratum.cpp, core/difficulty.h, core/difficulty.cpp (packing and
          comparison); its stratum wiki as copied for Grimm ("Grimm mining protocol API");
          nicehash/Specifications Beam_NiceHash_v1.0.txt; a stored test of BeamHash III with a session
"""

import math
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
    text_of,
)

METHODS: Final = frozenset({"login", "job", "solution", "result", "cancel"})

MANTISSA_BITS: Final = 24  # measured: core/difficulty.h
MOST_ORDER: Final = 96  # judged: 2^96 solutions for a share are beyond any machine; the format allows 231
SOLUTION_BYTES: Final = range(90, 121)  # measured: examples of 100 and 104 bytes, with margin
ADDRESS_DIGITS: Final = 60  # judged: addresses of 32 bytes may lack leading zeros
ACCEPTED: Final = 1  # measured: pow/stratum.h
REJECTED: Final = 2  # measured: pow/stratum.h
EXPIRED: Final = 3  # measured: pow/stratum.h
LOGIN_FAILED: Final = -32003  # measured: pow/stratum.h
DEFAULT_WORK: Final = 320.0  # measured: the share difficulty of the stored BeamHash III session
PLAUSIBLE_HEIGHT: Final = 2_500_000  # judged: mainnet height in 2023, for simulated jobs without one


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job or a solution; a login with an API key and a result with a code count a little."""
    weight, because = 0, ""
    for message in opening:
        body = message.body or {}
        if message.method == "job" and is_job(body):
            return Claim(95, "a job carries a 32-byte input and a packed difficulty", decisive=True)
        if message.method == "solution" and is_solution(body):
            return Claim(95, "a solution carries a nonce and a BeamHash output", decisive=True)
        if message.method == "login" and text_of(body.get("api_key")):
            known = is_account(str(body["api_key"])) or job_id_of(body) == "login"
            weight, because = max(weight, 50 if known else 10), "a login carries an api_key"
        if message.method == "result" and code_of(body) is not None and "description" in body:
            granted = weight >= 50 or read_prefix(body) != []
            weight, because = max(weight, 55 if granted else 10), "a result carries a code and a description"
    for message in opening:
        if message.method is not None and message.method not in METHODS:
            return NotThis(f"method {message.method}")
        if message.params or message.named:
            return NotThis("the message has parameters")
    return Claim(weight, because) if weight else NeedMore()


def is_account(key: str) -> bool:
    """A Beam address, 32 bytes or more as hex, perhaps with a worker behind a point."""
    account = key.partition(".")[0]
    return len(account) >= ADDRESS_DIGITS and is_hex(account)


def is_job(body: dict[str, Json]) -> bool:
    """An id, a 32-byte input and a difficulty of 32 bits."""
    return job_id_of(body) is not None and is_hex(body.get("input"), 64) and packed_of(body) is not None


def is_solution(body: dict[str, Json]) -> bool:
    """An id, a nonce of 8 bytes and an output as long as a BeamHash solution."""
    output = body.get("output")
    if job_id_of(body) is None or not is_hex(body.get("nonce"), 16) or not isinstance(output, str):
        return False
    return len(output) % 2 == 0 and len(output) // 2 in SOLUTION_BYTES and is_hex(output)


def job_id_of(body: dict[str, Json]) -> str | None:
    """The message's id, a string in the specification."""
    value = body.get("id")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return str(value)
    return text_of(value, 64)


def packed_of(body: dict[str, Json]) -> int | None:
    """The packed difficulty."""
    value = body.get("difficulty")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None


def code_of(body: dict[str, Json]) -> int | None:
    """The code of a result."""
    value = body.get("code")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def unpack(packed: int) -> float | None:
    """Expected solutions for a packed difficulty; None beyond `MOST_ORDER`."""
    order = packed >> MANTISSA_BITS
    mantissa = (1 << MANTISSA_BITS) | (packed & ((1 << MANTISSA_BITS) - 1))
    return math.ldexp(mantissa, order - MANTISSA_BITS) if order <= MOST_ORDER else None


def pack(work: float) -> int:
    """The packed difficulty nearest to an expected number of solutions, at least 1."""
    fraction, exponent = math.frexp(max(1.0, work))
    order, mantissa = exponent - 1, round(math.ldexp(fraction, MANTISSA_BITS + 1))
    if mantissa >> (MANTISSA_BITS + 1):
        order, mantissa = order + 1, mantissa >> 1
    return min(order, MOST_ORDER) << MANTISSA_BITS | mantissa & ((1 << MANTISSA_BITS) - 1)


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. The id of the login is remembered, to tell its result from that of a solution."""
    body = message.body or {}
    match message.method:
        case "login":
            talk.memory["login_id"] = job_id_of(body)
            login, agent = text_of(body.get("api_key")), text_of(body.get("agent"))
            return [Login(login, agent)] if login or agent else []
        case "job" if is_job(body):
            return read_job(body)
        case "solution" if is_solution(body):
            nonce, output = str(body["nonce"]).lower(), str(body["output"]).lower()
            # one nonce may give several solutions, so the solution's first bytes tell duplicates too
            key = job_id_of(body) or ""
            return [Submit(key, key, f"{nonce}/{output[:8]}", solution_bytes=len(output) // 2)]
        case "result":
            return read_result(body, talk)
    return []


def read_job(body: dict[str, Json]) -> list[Event]:
    """A job from a body that `is_job` has checked, and the pool's part of the nonce."""
    height = body.get("height")
    known = isinstance(height, int) and not isinstance(height, bool) and 0 < height < 2**32
    job = Job(
        job_id=job_id_of(body) or "",
        work=unpack(packed_of(body) or 0),
        height=height if isinstance(height, int) and known else None,
    )
    return [job, *read_prefix(body)]


def read_prefix(body: dict[str, Json]) -> list[Event]:
    """The part of the nonce that the pool fixes, as hex digits that may be odd in number."""
    prefix = body.get("nonceprefix")
    return [Trait("extranonce1", str(prefix)[:32])] if is_hex(prefix) else []


def read_result(body: dict[str, Json], talk: Talk) -> list[Event]:
    """The server's word on the login or on a solution, by the id."""
    code, key = code_of(body), job_id_of(body)
    if code is None or key is None:
        return []
    words = text_of(body.get("description")) or ""
    if key in ("login", talk.memory.get("login_id")):
        granted = code in (0, ACCEPTED)
        return [LoginAnswer(granted, "" if granted else words), *read_prefix(body)]
    if code in (0, ACCEPTED):
        return [Answer(key, True)]
    return [Answer(key, False, code == EXPIRED or is_stale(words), words)]


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, method: str, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps({"jsonrpc": "2.0", "method": method, **body}) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. A difficulty is kept until the job that carries it."""
    match event:
        case Login():
            key: dict[str, Json] = {"api_key": event.login or voice.wallet}
            if event.agent:
                key["agent"] = event.agent
            return [line(True, "login", id="login", **key)]
        case LoginAnswer(accepted=True):
            voice.memory["prefix"] = voice.hex(3)
            success = "Login successful"
            prefix = voice.memory["prefix"]
            return [line(False, "result", id="login", code=0, description=success, nonceprefix=prefix)]
        case LoginAnswer():
            reason = event.reason or "Login failed"
            return [line(False, "result", id="login", code=LOGIN_FAILED, description=reason)]
        case Difficulty():
            voice.memory["work"] = event.value
            return []
        case Job():
            return [speak_job(event, voice)]
        case Submit():
            voice.memory[f"job of {event.key}"] = event.job_id
            nonce = f"{hex_int(event.nonce) or 0:016x}"[-16:]
            return [line(True, "solution", id=event.job_id, nonce=nonce, output=voice.hex(104))]
        case Answer():
            return [speak_result(event, voice)]
        case _:
            return []


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job with its packed difficulty."""
    kept = voice.memory.get("work")
    work = job.work or (kept if isinstance(kept, float) else DEFAULT_WORK)
    height = PLAUSIBLE_HEIGHT if job.height is None else job.height
    fields: dict[str, Json] = {
        "id": job.job_id,
        "input": voice.hex(32),
        "difficulty": pack(work),
        "height": height,
    }
    if voice.memory.get("prefix"):
        fields["nonceprefix"] = voice.memory["prefix"]
    return line(False, "job", **fields)


def speak_result(answer: Answer, voice: Voice) -> Spoken:
    """The server's word on a solution, under the id of its job."""
    job_id = voice.memory.pop(f"job of {answer.key}", None) or answer.key
    if answer.accepted:
        return line(False, "result", id=job_id, code=ACCEPTED, description="accepted")
    code, word = (EXPIRED, "expired") if answer.stale else (REJECTED, "rejected")
    return line(False, "result", id=job_id, code=code, description=answer.reason or word)
