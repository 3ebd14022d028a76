"""getwork over HTTP: a miner polls for block headers and posts them back when they meet the target.

Hears     POST {"method": "getwork", "params": []} asks, params [data] is a share; GET of the long-polling path; answer
          {data, target, midstate, hash1(, algorithm)} or true / false; headers Authorization (the user only),
          User-Agent, X-Mining-Extensions, X-Long-Polling, X-Stratum, X-Reject-Reason
Shares    2^256 / target, exact for every algorithm whose hash is compared with the target; the target is sent little
          endian
Coin      bits and previous block in the header; ``algorithm`` where told; SHA256d and scrypt look the same
Misses    coins whose data is not laid out as Bitcoin's header keep their work but lose bits and previous block
Misfires  a client that asks and gets nothing (a prober, a wrong port) is claimed weakly, as it mines nothing
Source    Bitcoin wiki "Getwork" (several revisions, excerpts) and deepbit.net "Long Polling protocol"; two
          exchanges with data and target quoted on question-and-answer sites; recorded sessions of bfgminer. A
          job's id is ours: bytes 4 to 68 of the data (previous block and Merkle root), which time and nonce leave
          alone. DiabloMiner and ecoinpool sources (excerpts) for X-Reject-Reason
"""

import base64
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
    judge_answer,
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset({"getwork"})

DATA_DIGITS: Final = range(256, 513)  # measured: Bitcoin 256; judged: 512 for longer headers
BITCOIN_DIGITS: Final = 256
PADDING: Final = "00000080" + "00" * 40 + "80020000"  # measured: SHA-256 padding of 80 bytes, words swapped
EXTENSIONS: Final = "longpoll midstate rollntime submitold"  # measured: bfgminer 5.2.0
LATE: Final = ("unknown-work", "unknown work", "prevblk")  # measured: BIP 22, reasons of refusal
DEFAULT_WORK: Final = 2.0**32  # measured: the share target of early pools


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by work or a share; asking without getting counts a little."""
    asked = False
    for message in opening:
        if work_of(message) is not None:
            return Claim(95, "the answer carries a header as data and a target", decisive=True)
        if message.method == "getwork" and is_share(message.params):
            return Claim(93, "a share carries a whole header as data", decisive=True)
        request = message.request
        if request is not None and request.method == "getwork" and not request.params and message.result:
            return NotThis("getwork is answered with something else")
        asked = asked or (message.method == "getwork" and not message.params and not message.named)
    return Claim(30, "asked for work and got none") if asked else NeedMore()


def is_data(value: Json) -> bool:
    """A padded header as hex."""
    return isinstance(value, str) and len(value) in DATA_DIGITS and len(value) % 8 == 0 and is_hex(value)


def is_share(params: Sequence[Json]) -> bool:
    """One parameter, the header as data."""
    return len(params) == 1 and is_data(params[0])


def work_of(message: Rpc) -> dict[str, Json] | None:
    """The work object in a server's answer; None where it is none."""
    result = message.result
    if message.from_client or not isinstance(result, dict) or not is_data(result.get("data")):
        return None
    return result if hashes_of(result.get("target")) is not None else None


def hashes_of(target: Json) -> float | None:
    """Hashes per share of a little-endian target of 32 bytes."""
    if not is_hex(target, 64):
        return None
    return work_of_target(int.from_bytes(bytes.fromhex(str(target)[-64:]), "little"))


def job_of(data: str) -> str:
    """What names the job in its data: previous block and Merkle root."""
    return data[8:136].lower()


# --- the ear -----------------------------------------------------------------------------------------------


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    if message.from_client:
        events = read_head(message, talk)
        if message.method == "getwork" and is_share(message.params):
            data = str(message.params[0]).lower()
            nonce, user = f"{data[152:160]}:{data[136:144]}", talk.memory.get("user")
            worker = user if isinstance(user, str) else None
            events.append(Submit(message.id or "", job_of(data), nonce, worker))
        return events
    request = message.request
    if request is not None and request.method == "getwork" and is_share(request.params):
        return [read_word(message, request)]
    work = work_of(message)
    return read_work(message, work, talk) if work is not None else read_refusal(message, request)


def read_head(message: Rpc, talk: Talk) -> list[Event]:
    """User, client and extensions from the headers of a request; told once until they change."""
    if message.http is None:
        return []
    headers = message.http.headers
    user = user_of(headers.get("authorization"))
    agent = text_of(headers.get("user-agent"), 128)
    extensions = text_of(headers.get("x-mining-extensions"), 256)
    if user is None and agent is None and extensions is None:
        return []
    if talk.memory.get("head") == [user, agent, extensions]:
        return []
    talk.memory["head"], talk.memory["user"] = [user, agent, extensions], user
    told: list[Event] = [Login(user, agent)] if user or agent else []
    return [*told, Trait("extensions", ",".join(extensions.split()))] if extensions else told


def user_of(authorization: str | None) -> str | None:
    """The user of HTTP basic authorization; the password is dropped."""
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or len(secret) > 1024:
        return None
    try:
        user = base64.b64decode(secret.strip(), validate=True).partition(b":")[0]
    except ValueError:
        return None
    return text_of(user.decode("utf-8", "replace"))


def read_word(message: Rpc, request: Rpc) -> Answer:
    """The server's word on a share; the reason of a refusal stands in a header."""
    granted, reason = judge_answer(message)
    status = message.http.status if message.http is not None else 200
    told = text_of(message.http.headers.get("x-reject-reason"), 200) if message.http is not None else None
    granted, reason = granted and status < 400, reason or told or ""
    if not granted and not reason and status >= 400:
        reason = f"HTTP {status}"
    late = not granted and (is_stale(reason) or any(word in reason.lower() for word in LATE))
    return Answer(request.id or "", granted, late, reason)


def read_work(message: Rpc, work: dict[str, Json], talk: Talk) -> list[Event]:
    """A job, after the first of which the login counts as taken; and the way to stratum that the server shows."""
    events: list[Event] = []
    if not talk.memory.get("taken"):
        talk.memory["taken"] = True
        events.append(LoginAnswer(True))
    place = text_of(message.http.headers.get("x-stratum"), 256) if message.http is not None else None
    if place:
        events.append(Trait("stratum_url", place.rpartition("@")[2]))
    data = str(work["data"])
    nbits = hex_int(data[144:152]) if len(data) == BITCOIN_DIGITS else None
    job = Job(
        job_id=job_of(data),
        work=hashes_of(work["target"]),
        algorithm=text_of(work.get("algorithm"), 64),
        prev_hash=data[8:72].lower() if nbits is not None else None,
        nbits=nbits,
        network_work=work_of_bits(nbits or 0),
    )
    return [*events, job]


def work_of_bits(nbits: int) -> float | None:
    """Hashes for a block from the compact target; None for none that can be."""
    size, mantissa = nbits >> 24, nbits & 0xFFFFFF
    if not 3 <= size <= 33 or not 0 < mantissa < 0x800000:
        return None
    return work_of_target(mantissa << 8 * (size - 3))


def read_refusal(message: Rpc, request: Rpc | None) -> list[Event]:
    """An answer to asking that brings no work because the user is not let in."""
    status = message.http.status if message.http is not None else 0
    asked = request is not None and request.method == "getwork"
    return [LoginAnswer(False, f"HTTP {status}")] if asked and status in (401, 403) else []


# --- the mouth ---------------------------------------------------------------------------------------------


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event as requests and answers on one HTTP connection.

    Answers keep the order of requests: work that is asked for while a share waits comes after the word on it.
    """
    memory = voice.memory
    match event:
        case Login():
            memory["login"], memory["agent"] = event.login or voice.wallet, event.agent or voice.agent
            return []
        case LoginAnswer(accepted=False):
            return [ask(voice, "0", []), reply({"error": "no such user"}, 401)]
        case Difficulty():
            memory["work"] = event.value
            return []
        case Job():
            body: Json = {"id": 0, "result": new_work(event, voice), "error": None}
            return [ask(voice, "0", []), *settle(voice, "", orjson.dumps(body).decode(), "")]
        case Submit():
            slots(voice).append([event.key, None, ""])
            nonce = f"{hex_int(event.nonce.partition(':')[0]) or 0:08x}"[-8:]
            known = memory.get(f"data {event.job_id}")
            data = known if isinstance(known, str) else "00000002" + voice.hex(64) + "665a0000" + "1a1d932f"
            return [ask(voice, event.key, [data[:152] + nonce + PADDING])]
        case Answer():
            reason = "" if event.accepted else event.reason or ("stale" if event.stale else "rejected")
            word: Json = {"id": int(event.key or 0), "result": event.accepted, "error": None}
            return settle(voice, event.key or "", orjson.dumps(word).decode(), reason)
        case _:
            return []


def slots(voice: Voice) -> list[Json]:
    """Requests in order, each with its answer once that is known: [key, body, reason of refusal]."""
    found = voice.memory.setdefault("slots", [])
    assert isinstance(found, list)
    return found


def settle(voice: Voice, key: str, body: str, reason: str) -> list[Spoken]:
    """Fill in an answer (work has no key and queues at the end), and send all that are due."""
    waiting = slots(voice)
    if not key:
        waiting.append(["", body, reason])
    for slot in waiting:
        if isinstance(slot, list) and slot[0] == key and slot[1] is None:
            slot[1:] = [body, reason]
            break
    due: list[Spoken] = []
    while waiting and isinstance(waiting[0], list) and waiting[0][1] is not None:
        _, text, words = waiting[0]
        waiting.pop(0)
        due.append(reply(orjson.loads(str(text)), 200, str(words)))
    return due


def ask(voice: Voice, request_id: str, params: list[Json]) -> Spoken:
    """One request with its headers."""
    body = orjson.dumps({"method": "getwork", "params": params, "id": int(request_id)})
    user = base64.b64encode(f"{voice.memory.get('login') or voice.wallet}:x".encode()).decode()
    head = (
        f"POST / HTTP/1.1\r\nHost: {voice.pool_host}:{voice.pool_port}\r\nAuthorization: Basic {user}\r\n"
        f"User-Agent: {voice.memory.get('agent') or voice.agent}\r\nX-Mining-Extensions: {EXTENSIONS}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Spoken(True, head.encode() + body)


def reply(body: Json, status: int, reason: str = "") -> Spoken:
    """One answer with its headers."""
    data = orjson.dumps(body)
    words = "OK" if status == 200 else "Unauthorized"
    refusal = f"X-Reject-Reason: {reason}\r\n" if reason else ""
    head = f"HTTP/1.1 {status} {words}\r\nContent-Type: application/json\r\nX-Long-Polling: /LP\r\n{refusal}"
    return Spoken(False, f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)


def new_work(job: Job, voice: Voice) -> Json:
    """Work whose previous block and Merkle root are the job's id when that is 64 bytes as hex."""
    held = voice.memory.get("work")
    work = job.work or (held if isinstance(held, float) else DEFAULT_WORK)
    name = job.job_id if is_hex(job.job_id, 128) else voice.hex(32) + voice.hex(32)
    data = f"00000002{name}{0x665A0000:08x}{job.nbits or 0x1A1D932F:08x}00000000{PADDING}"
    voice.memory[f"data {job.job_id}"] = data
    target = target_of_work(work).to_bytes(32, "little").hex()
    return {"data": data, "target": target, "midstate": voice.hex(32), "hash1": "00" * 64}
