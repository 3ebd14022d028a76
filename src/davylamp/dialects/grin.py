"""Grin: Cuckatoo stratum, login and job with ``pre_pow``, shares with a cycle of 42 edges.

Hears     login {login, pass, agent}, getjobtemplate, job {difficulty, height, job_id, pre_pow, cleanjob},
          submit {height, job_id, nonce, edge_bits, pow[42]}, keepalive, status; every answer repeats the
          method
Shares    The difficulty is unscaled: d = 2^256 / hash of the cycle, so a share of difficulty D is one of D
          42-cycles found, and a random graph holds 1/42 such cycles on average: 42 x D graphs. One "hash"
          here is one graph ("gps" counts them) of the size that edge_bits tells. D is an integer: simulated
          work is rounded to a multiple of 42. Pools that scale D by the graph's weight are not known
Coin      by the dialect itself: Grin, MWC and other Grin chains share it; edge_bits and height tell more
Misses    Epic Cash, whose difficulty is a list per algorithm
Misfires  none known: a job needs a header of 150 bytes or more under ``pre_pow``, a share 42 edges
Source    mimblewimble/grin doc/stratum.md; a stored servers/src/mining/stratumserver.rs of it (share
          difficulty unscaled, job_id starts again at each height); nicehash/Specifications
          Grin_NiceHash_v1.0.txt; lolMiner wiki on Grin difficulty; forum.grin.mw topic 2144 (cycles per
          graph)
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
    error_text,
    hex_int,
    is_hex,
    is_stale,
    text_of,
)

METHODS: Final = frozenset({"login", "getjobtemplate", "job", "submit", "keepalive", "status"})

CYCLE: Final = 42  # measured: doc/stratum.md, edges in a proof; also the graphs for one such cycle
LEAST_HEADER_DIGITS: Final = 300  # judged: the example has 474; forks with shorter headers stay above
MOST_DIFFICULTY: Final = 2**63  # judged: Grin keeps difficulties in 64 bits
JOB_IDS: Final = 1024  # judged: a node numbers the templates of one height, a few dozen
TOO_LATE: Final = -32503  # measured: doc/stratum.md, error messages
DEFAULT_WORK: Final = 42.0  # measured: the specification's own examples have difficulty 1
PLAUSIBLE_HEIGHT: Final = 2_600_000  # judged: mainnet height around 2024, for simulated jobs without one


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job or a share; asking for a template and answers that repeat the method count a little."""
    weight, because, named = 0, "", False
    for message in opening:
        if job_of(message) is not None:
            return Claim(95, "a job carries pre_pow, height and difficulty", decisive=True)
        if message.method == "submit" and is_submit(message.named):
            return Claim(95, "a share carries a cycle of 42 edges", decisive=True)
        named |= message.method == "login" and "pass" in message.named
        if message.method == "getjobtemplate" and not is_reply(message) and not message.named:
            weight, because = 55 if named else 10, "the miner asks for a job template"
        elif message.method == "login" and is_reply(message) and weight == 0:
            weight, because = 10, "the answer to a login repeats the method"
    for message in opening:
        if message.method is not None and message.method not in METHODS:
            return NotThis(f"method {message.method}")
        if message.method in ("job", "submit") and message.named:
            return NotThis(f"{message.method} of another shape")
    return Claim(weight, because) if weight else NeedMore()


def is_reply(message: Rpc) -> bool:
    """Whether a message that may repeat its method is an answer of the server."""
    body = message.body or {}
    return not message.from_client and "params" not in body and ("result" in body or "error" in body)


def whole(value: Json, most: int = 2**64) -> int | None:
    """A whole number from zero, below ``most``."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most else None


def id_text(value: Json) -> str | None:
    """A job id, a number in the specification, as text."""
    number = whole(value)
    return str(number) if number is not None else text_of(value, 64)


def job_of(message: Rpc) -> dict[str, Json] | None:
    """The job in a push or in the answer to getjobtemplate; None when there is none."""
    found: Json = message.named if message.method == "job" else message.result
    if not isinstance(found, dict) or id_text(found.get("job_id")) is None:
        return None
    header = found.get("pre_pow")
    if not isinstance(header, str) or len(header) < LEAST_HEADER_DIGITS or not is_hex(header):
        return None
    difficulty, height = whole(found.get("difficulty"), MOST_DIFFICULTY), whole(found.get("height"), 2**32)
    return found if difficulty and height is not None else None


def is_submit(params: dict[str, Json]) -> bool:
    """A job id, a nonce of 64 bits and the 42 edges of a cycle."""
    edges = params.get("pow")
    if id_text(params.get("job_id")) is None or whole(params.get("nonce")) is None:
        return False
    return isinstance(edges, list) and len(edges) == CYCLE and all(whole(e) is not None for e in edges)


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. Answers repeat the method, so they are told by their result or error."""
    events: list[Event] = []
    job = job_of(message)
    if job is not None:
        return read_job(job, talk)
    if is_reply(message):
        asked = message.method or (message.request.method if message.request is not None else None)
        granted, reason = judge(message)
        if asked == "login":
            events.append(LoginAnswer(granted, reason))
        elif asked == "submit":
            error = message.error
            late = isinstance(error, dict) and error.get("code") == TOO_LATE
            events.append(Answer(message.id or "", granted, late or is_stale(reason), reason))
    elif message.method == "login":
        login, agent = text_of(message.named.get("login")), text_of(message.named.get("agent"))
        events += [Login(login, agent)] if login or agent else []
    elif message.method == "submit" and is_submit(message.named):
        events += read_submit(message, talk)
    return events


def judge(message: Rpc) -> tuple[bool, str]:
    """Whether an answer grants: "ok", "blockfound - hash", or true."""
    if message.error:
        return False, error_text(message.error) or "error"
    result = message.result
    return result is True or (isinstance(result, str) and result.startswith(("ok", "block"))), ""


def read_job(params: dict[str, Json], talk: Talk) -> list[Event]:
    """A job from parameters that `job_of` has checked."""
    height = whole(params["height"])
    clean = params.get("cleanjob")
    job = Job(
        job_id=name_job(params, talk),
        work=float(CYCLE * (whole(params["difficulty"]) or 1)),
        height=height or None,
        algorithm=text_of(params.get("algorithm"), 64),
        clean=clean if isinstance(clean, bool) else None,
    )
    return [job]


def name_job(params: dict[str, Json], talk: Talk) -> str:
    """The job's id, with its height behind it when the node gave the same id at another height before."""
    number, height = id_text(params["job_id"]) or "", whole(params.get("height"))
    first = talk.memory.setdefault("heights", {})
    if height is None or not isinstance(first, dict):
        return number
    if number not in first and len(first) < JOB_IDS:
        first[number] = height
    return number if first.get(number, height) == height else f"{number}@{height}"


def read_submit(message: Rpc, talk: Talk) -> list[Event]:
    """A share, and the size of the graph it was found in."""
    params = message.named
    edges = params["pow"]
    assert isinstance(edges, list)
    # one nonce's graph may hold several cycles, so the cycle's ends tell duplicates too
    nonce = f"{whole(params['nonce']):016x}/{edges[0]}-{edges[-1]}"
    share = Submit(message.id or "", name_job(params, talk), nonce)
    bits = whole(params.get("edge_bits"), 64)
    return [share, Trait("edge_bits", str(bits))] if bits else [share]


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, method: str, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps({"jsonrpc": "2.0", "method": method, **body}) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. A difficulty is kept until the job that carries it."""
    match event:
        case Login():
            voice.memory["login_id"] = str(voice.next_id())
            login: dict[str, Json] = {"login": event.login or voice.wallet, "pass": "x"}
            login["agent"] = event.agent or voice.agent
            return [line(True, "login", id=voice.memory["login_id"], params=login)]
        case LoginAnswer(accepted=True):
            return [line(False, "login", id=voice.memory.get("login_id"), result="ok", error=None)]
        case LoginAnswer():
            refusal: Json = {"code": -32500, "message": event.reason or "login first"}
            return [line(False, "login", id=voice.memory.get("login_id"), error=refusal)]
        case Difficulty():
            voice.memory["work"] = event.value
            return []
        case Job():
            return [speak_job(event, voice)]
        case Submit():
            return [speak_submit(event, voice)]
        case Answer(accepted=True):
            return [line(False, "submit", id=event.key, result="ok", error=None)]
        case Answer():
            code, words = TOO_LATE, "Solution submitted too late"
            if not event.stale:
                code, words = -32501, "Share rejected due to low difficulty"
            error: Json = {"code": code, "message": event.reason or words}
            return [line(False, "submit", id=event.key, error=error)]
        case _:
            return []


def wire_id(job_id: str) -> Json:
    """A job id as the number that the specification asks for, where it is one."""
    return int(job_id) if job_id.isdecimal() and len(job_id) < 16 and str(int(job_id)) == job_id else job_id


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job with the difficulty nearest to its work."""
    kept = voice.memory.get("work")
    work = job.work or (kept if isinstance(kept, float) else DEFAULT_WORK)
    height = PLAUSIBLE_HEIGHT if job.height is None else job.height
    voice.memory["height"] = height
    params: dict[str, Json] = {
        "difficulty": max(1, round(work / CYCLE)),
        "height": height,
        "job_id": wire_id(job.job_id),
        "pre_pow": "0001" + height.to_bytes(8, "big").hex() + voice.hex(227),
    }
    if job.clean is not None:
        params["cleanjob"] = job.clean
    return line(False, "job", id="Stratum", params=params)


def speak_submit(share: Submit, voice: Voice) -> Spoken:
    """A share with 42 edges of a graph of 2^32."""
    edges: list[Json] = [*sorted(voice.rng.sample(range(2**32), CYCLE))]
    params: dict[str, Json] = {
        "height": voice.memory.get("height") or PLAUSIBLE_HEIGHT,
        "job_id": wire_id(share.job_id or ""),
        "nonce": (hex_int(share.nonce) or 0) % 2**64,
        "edge_bits": 32,
        "pow": edges,
    }
    return line(True, "submit", id=share.key, params=params)
