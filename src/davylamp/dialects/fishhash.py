"""Iron Fish: mining.* messages that carry a ``body`` instead of parameters.

Hears     mining.subscribe {version, agent, publicAddress, name}, mining.subscribed {clientId, xn},
          mining.set_target {target}, mining.notify {miningRequestId, header}, mining.submit
          {miningRequestId, randomness, graffiti}, mining.submitted {id, result, message}, and the error
          object {id, error: {id, message}}
Shares    2^256 / target hashes, the target big-endian in mining.set_target; exact
Coin      by the dialect itself; the header tells height, parent, network target and, by its layout, whether
          the chain is before (Blake3) or after the change to FishHash
Misses    acceptance in version 1 of the protocol, whose server answers no share; work of shares in captures
          that begin after mining.set_target
Misfires  none known: no other dialect has ``body``, and each of its messages is checked for its fields
Source    nicehash/Specifications FishHash_v1.0.txt; iron-fish/ironfish stratum/messages.ts,
          stratumServer.ts, clients/client.ts, blockHasher.ts (excerpt: both header layouts); "TRM Ironfish
          Stratum Changes" (a stored session of protocol version 2)
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
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final = frozenset(
    {
        "mining.subscribe",
        "mining.subscribed",
        "mining.set_target",
        "mining.notify",
        "mining.wait_for_work",
        "mining.submit",
        "mining.submitted",
        "mining.get_status",
        "mining.status",
        "mining.disconnect",
    }
)

HEADER_BYTES: Final = 180  # measured: ironfish mining/utils.ts, MINEABLE_BLOCK_HEADER_SIZE
SEQUENCE_AT: Final = {"blake3": 8, "fishhash": 32}  # measured: ironfish blockHasher.ts
FIRST_MS: Final = 1_609_459_200_000  # measured: 2021-01-01, before the first test network
LAST_MS: Final = 4_102_444_800_000  # judged: 2100-01-01
DEFAULT_WORK: Final = 2.0**28  # judged: a graphics card of 30 MH/s speaks about every ten seconds
PLAUSIBLE_HEIGHT: Final = 600_000  # judged: mainnet height in 2024, for simulated jobs without one
NETWORK_TARGET: Final = 2**210  # judged: a network target for simulated headers


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job, a share or its answer; a subscription counts when it names an address."""
    named = False
    for message in opening:
        body = body_of(message)
        if message.method == "mining.notify" and is_job(body):
            return Claim(95, "a body carries a mining request and a block header", decisive=True)
        if message.method == "mining.submit" and is_submit(body):
            return Claim(95, "a body carries a mining request and 8 bytes of randomness", decisive=True)
        named = named or (
            message.method == "mining.subscribe" and text_of(body.get("publicAddress")) is not None
        )
        named = named or (message.method == "mining.set_target" and is_hex(body.get("target"), 64))
    for message in opening:
        method = message.method
        if method is not None and method not in METHODS:
            return NotThis(f"method {method}")
        if message.params or message.named:
            return NotThis("parameters instead of a body")
    return Claim(80, "a body names a public address or a share target") if named else NeedMore()


def body_of(message: Rpc) -> dict[str, Json]:
    """The message's ``body``; empty when it has none."""
    value = message.body.get("body") if message.body else None
    return value if isinstance(value, dict) else {}


def id_text(value: Json) -> str | None:
    """An id, a number in the specification, as text."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return str(value)
    return text_of(value, 64)


def is_job(body: dict[str, Json]) -> bool:
    """A request id and a header of 180 bytes."""
    return id_text(body.get("miningRequestId")) is not None and is_hex(body.get("header"), 2 * HEADER_BYTES)


def is_submit(body: dict[str, Json]) -> bool:
    """A request id and 8 bytes of randomness."""
    return id_text(body.get("miningRequestId")) is not None and is_hex(body.get("randomness"), 16)


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. The id of the subscription is remembered, because errors name the id they answer."""
    body = body_of(message)
    match message.method:
        case "mining.subscribe":
            talk.memory["subscribe_id"] = message.id
            return read_subscribe(body)
        case "mining.subscribed":
            return read_subscribed(message, body)
        case "mining.set_target":
            work = work_of_target(hex_int(body.get("target")) or 0)
            return [Difficulty(work, "hashes")] if work is not None else []
        case "mining.notify" if is_job(body):
            return read_job(body)
        case "mining.submit" if is_submit(body):
            nonce = str(body["randomness"]).lower().removeprefix("0x")
            return [Submit(message.id or "", id_text(body["miningRequestId"]), nonce)]
        case "mining.submitted":
            return read_submitted(message, body)
        case None if message.error is not None and not message.from_client:
            return read_error(message, talk)
    return []


def read_subscribe(body: dict[str, Json]) -> list[Event]:
    """The address, the miner's name and the worker's; pools append the worker to the address with a point."""
    login, agent = text_of(body.get("publicAddress")), text_of(body.get("agent"))
    worker = text_of(body.get("name"))
    return [Login(login, agent, worker=worker)] if login or agent or worker else []


def read_subscribed(message: Rpc, body: dict[str, Json]) -> list[Event]:
    """The server takes the miner, or says why not."""
    if message.error is not None:
        return [LoginAnswer(False, error_text(message.error))]
    extranonce = body.get("xn")
    events: list[Event] = [LoginAnswer(True)]
    return [*events, Trait("extranonce1", str(extranonce)[:32])] if is_hex(extranonce) else events


def read_submitted(message: Rpc, body: dict[str, Json]) -> list[Event]:
    """The server's word on a share, which it names by the id inside the body."""
    reason = text_of(body.get("message")) or error_text(message.error)
    granted = body.get("result") is True and message.error is None
    return [Answer(id_text(body.get("id")), granted, is_stale(reason), reason)]


def read_error(message: Rpc, talk: Talk) -> list[Event]:
    """The generic error object: it answers the request whose id is inside the error."""
    error = message.error
    reason = error_text(error)
    key = id_text(error.get("id")) if isinstance(error, dict) else None
    if key is not None and key == talk.memory.get("subscribe_id"):
        return [LoginAnswer(False, reason)]
    return [Answer(key, False, is_stale(reason), reason)]


def read_job(body: dict[str, Json]) -> list[Event]:
    """A job from a body that `is_job` has checked; its header is read when the time in it makes sense."""
    job_id = id_text(body["miningRequestId"]) or ""
    header = bytes.fromhex(str(body["header"])[-2 * HEADER_BYTES :])
    for layout, at in SEQUENCE_AT.items():
        time_ms = int.from_bytes(header[at + 132 : at + 140], "little")
        if FIRST_MS <= time_ms <= LAST_MS:
            job = Job(
                job_id,
                height=int.from_bytes(header[at : at + 4], "little"),
                prev_hash=header[at + 4 : at + 36].hex(),
                network_work=work_of_target(int.from_bytes(header[at + 100 : at + 132], "big")),
            )
            return [job, Trait("header_layout", layout)]
    return [Job(job_id)]


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, number: Json, method: str, body: dict[str, Json]) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps({"id": number, "method": method, "body": body}) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event, in version 3 of the protocol."""
    match event:
        case Login():
            return [speak_login(event, voice)]
        case LoginAnswer(accepted=True):
            accepted: dict[str, Json] = {"clientId": voice.rng.randrange(100_000), "xn": voice.hex(2)}
            return [line(False, voice.next_id(), "mining.subscribed", accepted)]
        case LoginAnswer():
            error = {"id": voice.memory.get("subscribe_id"), "message": event.reason or "refused"}
            return [Spoken(False, orjson.dumps({"id": voice.next_id(), "error": error}) + b"\n")]
        case Difficulty():
            return [speak_target(event.value, voice)]
        case Job():
            return speak_job(event, voice)
        case Submit():
            share: dict[str, Json] = {
                "miningRequestId": wire_id(event.job_id or ""),
                "randomness": f"{hex_int(event.nonce) or 0:016x}"[-16:],
            }
            return [line(True, int(event.key), "mining.submit", share)]
        case Answer():
            return [speak_submitted(event, voice)]
        case _:
            return []


def wire_id(job_id: str) -> Json:
    """A job id as the number that the specification asks for, where it is one."""
    return int(job_id) if job_id.isdecimal() and len(job_id) < 16 and str(int(job_id)) == job_id else job_id


def speak_login(login: Login, voice: Voice) -> Spoken:
    """The subscription."""
    voice.memory["subscribe_id"] = voice.next_id()
    body: dict[str, Json] = {
        "version": 3,
        "agent": login.agent or voice.agent,
        "publicAddress": login.login or voice.wallet,
    }
    if login.worker:
        body["name"] = login.worker
    body["extend"] = ["mining.submitted"]
    return line(True, voice.memory["subscribe_id"], "mining.subscribe", body)


def speak_target(work: float, voice: Voice) -> Spoken:
    """The share target whose expected work is ``work`` hashes."""
    voice.memory["work"] = work
    return line(False, voice.next_id(), "mining.set_target", {"target": f"{target_of_work(work):064x}"})


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A job with a FishHash header, after a new target where the job names its own work or none was set."""
    spoken = []
    wanted = job.work or voice.memory.get("work") or DEFAULT_WORK
    if isinstance(wanted, float) and wanted != voice.memory.get("work"):
        spoken.append(speak_target(wanted, voice))
    height = PLAUSIBLE_HEIGHT if job.height is None else job.height
    named = job.prev_hash is not None and is_hex(job.prev_hash, 64)
    parent = bytes.fromhex(job.prev_hash or "") if named else voice.rng.randbytes(32)
    target = target_of_work(job.network_work) if job.network_work else NETWORK_TARGET
    time_ms = 1_700_000_000_000 + voice.rng.randrange(10**9)
    header = voice.rng.randbytes(32) + height.to_bytes(4, "little") + parent + voice.rng.randbytes(64)
    header += target.to_bytes(32, "big") + time_ms.to_bytes(8, "little") + bytes(8)
    body: dict[str, Json] = {"miningRequestId": wire_id(job.job_id), "header": header.hex()}
    return [*spoken, line(False, voice.next_id(), "mining.notify", body)]


def speak_submitted(answer: Answer, voice: Voice) -> Spoken:
    """The server's word on a share."""
    reason = answer.reason
    if not answer.accepted and is_stale(reason) != answer.stale:
        reason = "stale mining request" if answer.stale else "invalid share"
    body: dict[str, Json] = {"id": int(answer.key or 0), "result": answer.accepted}
    if not answer.accepted:
        body["message"] = reason
    return line(False, voice.next_id(), "mining.submitted", body)
