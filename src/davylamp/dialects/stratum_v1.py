"""Stratum V1: Bitcoin's pool protocol, spoken for SHA256d, scrypt, X11 and many more; also the older Ethash form.

Hears     mining.configure, mining.subscribe, mining.authorize, mining.suggest_*, mining.extranonce.subscribe,
          mining.set_difficulty [D], mining.set_extranonce, mining.set_version_mask, mining.notify [job, previous
          block, coinbase 1, coinbase 2, branch[], version, bits, time, clean], mining.submit [user, job,
          extranonce2, time, nonce(, version bits)], client.reconnect, client.show_message, client.get_version;
          Ethash: mining.notify [job, header, seed, target, clean], mining.submit [user, job, nonce, header, mix]
Shares    pool difficulty D, whose worth the algorithm decides (unit ``stratum``); Ethash: 2^256 / target, exact
Coin      height (BIP 34), bits and outputs of the coinbase, previous block (words swapped, as sent); user name
Misses    the algorithm, which this dialect never names; work of shares in captures that begin after
          mining.set_difficulty; jobs with another list of parts (Handshake, LBRY, Warthog)
Misfires  Decred's shares look the same; shares of three parts, which four dialects send, are claimed weakly
Source    slushpool/stratumprotocol stratum-extensions.mediawiki (BIP 310, info extension); the wikis of
          CoiniumServ and ctubio/php-proxy-stratum, "Stratum Mining Protocol" (excerpts); BIP 34; ZIP 301 (code
          21 = job not found); nicehash/Specifications NiceHash_traffic_detection.md; for Ethash btccom/btcpool
          StratumSessionEth.cc and ethminer EthStratumClient.cpp: header before seed, as in recorded sessions.
          mining.ping, mining.set_goal: unverified
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
    byte_of,
    hex_int,
    is_hex,
    is_stale,
    item,
    judge_answer,
    number_of,
    text_of,
    work_of_target,
)

CALLS: Final = ("configure", "subscribe", "authorize", "submit", "suggest_difficulty", "suggest_target")
PUSHES: Final = ("notify", "set_difficulty", "set_extranonce", "set_version_mask", "set_goal", "ping")
METHODS: Final = frozenset(
    [f"mining.{name}" for name in (*CALLS, *PUSHES, "extranonce.subscribe", "get_transactions")]
    + [f"client.{name}" for name in ("get_version", "reconnect", "show_message")]
)

HASHES_PER_DIFFICULTY: Final = 2.0**48 / 65535  # measured: SHA256d, target 0xffff x 2^208; for speaking only
CHAIN_INPUT: Final = bytes(32) + b"\xff" * 4
"""The input of a coinbase transaction: no transaction, and no output of it."""

OUTPUT: Final = bytes.fromhex("ffffffff01807c814a000000001976a914")  # one output, to the hash of a key
PROTOCOL: Final = re.compile(rb'"\w+Stratum\\?/\d')
DECRED: Final = ("Ds", "Dc", "De")


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; then a share, the answer to mining.subscribe, an extension, or any greeting, in this order."""
    best: Claim | None = None
    for message in opening:
        if message.method == "mining.notify" and is_job(message.params):
            return Claim(95, "a job carries a split coinbase, a branch and bits", decisive=True)
        if message.method == "mining.notify" and is_ethash_job(message.params):
            return Claim(93, "a job carries header, seed and target of Ethash", decisive=True)
    for message in opening:
        because_not = foreign(message)
        if because_not:
            return NotThis(because_not)
        found = judge(message)
        if found is not None and (best is None or found.weight > best.weight):
            best = found
    return best or NeedMore()


def foreign(message: Rpc) -> str:
    """What in a message belongs to another dialect; empty when nothing does."""
    method, params = message.method, message.params
    if method in (None, "mining.subscribe") and PROTOCOL.search(message.data[:400]):
        return "another protocol is named"
    if method is None:
        return ""
    if method != "eth_submitHashrate" and not method.startswith(("mining.", "client.")):
        return f"method {method}"
    if method in ("mining.hello", "mining.set", "mining.set_target"):
        return f"method {method}"
    if "body" in (message.body or {}) or message.named:
        return "named parameters"
    if params and (method == "mining.notify" or (method == "mining.submit" and judge_share(params) is None)):
        return f"{method} of another shape"
    return ""


def judge(message: Rpc) -> Claim | None:
    """What one message without a job says for this dialect."""
    method, params = message.method, message.params
    if method == "mining.submit":
        return judge_share(params)
    if method in ("mining.configure", "mining.set_version_mask"):
        return Claim(65, "client and server agree on extensions of Bitcoin's stratum")
    if method == "mining.set_difficulty" and number_of(item(params, 0)) is not None:
        return Claim(45, "the server sets a share difficulty")
    if method in ("mining.subscribe", "mining.authorize"):
        listed = isinstance((message.body or {}).get("params"), list)
        return Claim(40, "a miner subscribes or names itself") if listed else None
    result = message.result if method is None and not message.from_client else None
    if not isinstance(result, list) or len(result) != 3 or not isinstance(result[0], list):
        return None
    agreed = is_hex(result[1]) and isinstance(result[2], int) and b'"mining.notify"' in message.data[:400]
    return Claim(70, "the subscription is answered with an extranonce and its size") if agreed else None


def judge_share(params: Sequence[Json]) -> Claim | None:
    """A share of Bitcoin's form, or of Ethash's, or of three parts as several dialects send it."""
    if is_share(params):
        decred = str(params[0]).startswith(DECRED)
        because, rolled = "a share carries extranonce, time and nonce", len(params) == 6
        return Claim(60 if decred else 90, because, decisive=rolled and not decred)
    hashes = len(params) == 5 and all(is_hex(p, 64) for p in params[3:])
    if hashes and is_hex(params[2], 16) and job_id_of(params[1]) is not None and isinstance(params[0], str):
        account = params[0].lower().startswith("0x")
        return Claim(75 if account else 45, "a share carries nonce, header and mix hash")
    named = len(params) == 3 and isinstance(params[0], str) and job_id_of(params[1]) is not None
    if named and hex_int(params[2], most_digits=32) is not None:
        return Claim(25, "a share of three parts, whose dialect only a job would tell")
    return None


def job_id_of(value: Json) -> str | None:
    """A job id, which a few pools send as a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return str(value)
    return text_of(value, 256)


def is_bytes(value: Json, digits: int | None = None) -> bool:
    """Whole bytes as bare hex, of exactly ``digits`` digits when given."""
    bare = isinstance(value, str) and len(value) % 2 == 0 and value[:2] not in ("0x", "0X")
    return bare and is_hex(value, digits)


def is_job(params: Sequence[Json]) -> bool:
    """The nine parts of a job; what a pool appends is not read."""
    if not 9 <= len(params) <= 12 or job_id_of(params[0]) is None or params[8] not in (True, False):
        return False
    branch = params[4]
    listed = isinstance(branch, list) and all(is_bytes(b, 64) for b in branch[:64])
    parts = is_bytes(params[1], 64) and is_bytes(params[2]) and is_bytes(params[3])
    return listed and parts and all(is_bytes(p, 8) for p in params[5:8])


def is_ethash_job(params: Sequence[Json]) -> bool:
    """Job id, 32-byte header and seed, a target and perhaps the clean flag."""
    if not 4 <= len(params) <= 5 or job_id_of(params[0]) is None:
        return False
    clean_ok = len(params) == 4 or isinstance(params[4], bool)
    return (
        clean_ok
        and is_hex(params[1], 64)
        and is_hex(params[2], 64)
        and work_of_target(hex_int(params[3]) or 0) is not None
    )


def is_share(params: Sequence[Json]) -> bool:
    """User, job id, extranonce2 of at most 16 bytes, time and nonce of 4 bytes, perhaps version bits."""
    if not 5 <= len(params) <= 6 or not isinstance(params[0], str) or job_id_of(params[1]) is None:
        return False
    extra = params[2] == "" or (is_bytes(params[2]) and len(str(params[2])) <= 32)
    return extra and all(is_bytes(p, 8) for p in params[3:])


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    params = message.params
    match message.method:
        case "mining.subscribe":
            return read_subscribe(params)
        case "mining.authorize":
            login = text_of(item(params, 0))
            return [Login(login)] if login else []
        case "mining.configure":
            return read_configure(params)
        case "mining.set_difficulty":
            value = number_of(item(params, 0))
            return [Difficulty(value, "stratum")] if value is not None else []
        case "mining.set_extranonce":
            return read_extranonce(params)
        case "mining.set_version_mask":
            return [Trait("version_rolling", "1")] if hex_int(item(params, 0), most_digits=8) else []
        case "mining.notify":
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
    """The miner's name, the pool as it calls it, and whether NiceHash buys for a customer here."""
    agent = text_of(item(params, 0))
    if agent is not None and agent.startswith("NiceHash/") and is_hex(item(params, 2), 64):
        return [Login(agent=agent), Trait("nicehash_buyer", "1")]
    host, port = text_of(item(params, 2), 253), number_of(item(params, 3))
    pool = f"{host}:{port:.0f}" if host and port and port < 65536 else host
    return [Login(agent=agent, pool=pool)] if agent or pool else []


def read_configure(params: Sequence[Json]) -> list[Event]:
    """The extensions asked for, and what the device says of itself."""
    names, values = item(params, 0), item(params, 1)
    wanted = [n for n in map(text_of, names[:16]) if n] if isinstance(names, list) else []
    events: list[Event] = [Trait("extensions", ",".join(wanted))] if wanted else []
    told = values if isinstance(values, dict) else {}
    for key in ("hw_id", "hw_version", "sw_version"):
        said = text_of(told.get("info." + key.replace("_", "-")), 128)
        events += [Trait(key, said)] if said else []
    scheme, mark, rest = (text_of(told.get("info.connection-url")) or "").rpartition("://")
    bare = rest.rpartition("@")[2]  # what stands before may be a password
    if bare:
        events += [Trait("connection_url", scheme + mark + bare), Login(pool=bare.partition("/")[0])]
    return events


def read_extranonce(params: Sequence[Json]) -> list[Event]:
    """The nonce space that the pool gives to this connection: prefix and bytes left to the miner."""
    prefix, size = item(params, 0), item(params, 1)
    events: list[Event] = [Trait("extranonce1", str(prefix)[:64])] if is_hex(prefix) else []
    known = bool(events) and isinstance(size, int) and 1 < size <= 64
    return [*events, Trait("extranonce2_size", str(size))] if known else events


def read_job(params: Sequence[Json]) -> list[Event]:
    """A job of either form."""
    if is_ethash_job(params):
        job_id, work = job_id_of(params[0]) or "", work_of_target(hex_int(params[3]) or 0)
        clean = params[4] is True if len(params) == 5 else None
        return [Trait("algorithms", "ethash"), Job(job_id, work, clean=clean, seed=str(params[2]).lower())]
    if not is_job(params):
        return []
    first, nbits = bytes.fromhex(str(params[2])), int(str(params[6]), 16)
    return [
        Job(
            job_id=job_id_of(params[0]) or "",
            height=height_of(first),
            clean=params[8] in (True, 1),
            prev_hash=str(params[1]).lower(),
            nbits=nbits,
            coinbase=first,
            coinbase_tail=bytes.fromhex(str(params[3])),
            network_work=work_of_bits(nbits),
        )
    ]


def height_of(coinbase: bytes) -> int | None:
    """The block height that the input of a coinbase transaction begins with (BIP 34)."""
    at = coinbase.find(CHAIN_INPUT, 0, 64)
    script = coinbase[at + len(CHAIN_INPUT) + 1 :]
    if at < 0 or not script or not 1 <= script[0] <= 4 or len(script) <= script[0]:
        return None
    height = int.from_bytes(script[1 : 1 + script[0]], "little", signed=True)
    return height if 0 < height < 2**31 else None


def work_of_bits(nbits: int) -> float | None:
    """Hashes for a block from the compact target; None for none that can be."""
    size, mantissa = nbits >> 24, nbits & 0xFFFFFF
    if not 3 <= size <= 33 or not 0 < mantissa < 0x800000:
        return None
    return work_of_target(mantissa << 8 * (size - 3))


def read_share(message: Rpc) -> list[Event]:
    """A share of any form that names its job."""
    params = message.params
    if judge_share(params) is None:
        return []
    told = (params[4], params[3], params[2], *params[5:]) if is_share(params) else params[2:3]
    nonce = ":".join(str(p).lower().removeprefix("0x") for p in told)
    part = byte_of(params[2], 0) if len(told) > 1 else None  # what a proxy hands down of extranonce2
    return [Submit(message.id or "", job_id_of(params[1]), nonce, text_of(params[0]), part=part)]


def read_answer(message: Rpc, request: Rpc) -> list[Event]:
    """What an answer says, by the request it answers."""
    granted, reason = judge_answer(message)
    result = message.result
    match request.method:
        case "mining.submit":
            late = is_stale(reason) or (isinstance(message.error, list) and message.error[:1] == [21])
            return [Answer(request.id or "", granted, late and not granted, reason)]
        case "mining.authorize":
            return [LoginAnswer(granted, reason)]
        case "mining.subscribe" if isinstance(result, list):
            return read_extranonce(result[1:])
        case "mining.configure" if isinstance(result, dict) and result.get("version-rolling") is True:
            return [Trait("version_rolling", "1")]
        case "client.get_version":
            agent = text_of(result)
            return [Login(agent=agent)] if agent and message.from_client else []
    return []


# --- the mouth ---------------------------------------------------------------------------------------------


def line(from_client: bool, **body: Json) -> Spoken:
    """One JSON object and its line end."""
    return Spoken(from_client, orjson.dumps(body) + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event in Bitcoin's form. The login speaks for both sides up to the authorize request."""
    match event:
        case Login():
            return speak_login(event, voice)
        case LoginAnswer():
            return [speak_answer(voice.memory.get("authorize_id"), event.accepted, event.reason, 24)]
        case Difficulty():
            return [speak_difficulty(event.value, event.unit, voice)]
        case Job():
            wanted = [speak_difficulty(event.work, event.unit, voice)] if event.work else []
            return [*wanted, speak_job(event, voice)]
        case Submit():
            user = event.worker or voice.memory.get("login") or voice.wallet
            nonce = f"{hex_int(event.nonce.partition(':')[0]) or 0:08x}"[-8:]
            time = voice.memory.get("time") or "665a0000"
            share: list[Json] = [user, event.job_id, voice.hex(4, event.part), time, nonce]
            return [line(True, id=int(event.key), method="mining.submit", params=share)]
        case Answer():
            code = 21 if event.stale else 23
            return [speak_answer(int(event.key or 0), event.accepted, event.reason, code)]
        case _:
            return []


def speak_login(login: Login, voice: Voice) -> list[Spoken]:
    """Subscribe with its answer, and authorize."""
    subscribe_id, authorize_id = voice.next_id(), voice.next_id()
    voice.memory["login"], voice.memory["authorize_id"] = login.login or voice.wallet, authorize_id
    agreed: Json = [[["mining.set_difficulty", "b1"], ["mining.notify", "b2"]], voice.hex(4), 4]
    return [
        line(True, id=subscribe_id, method="mining.subscribe", params=[login.agent or voice.agent]),
        line(False, id=subscribe_id, result=agreed, error=None),
        line(True, id=authorize_id, method="mining.authorize", params=[voice.memory["login"], "x"]),
    ]


def speak_answer(request_id: Json, accepted: bool, reason: str, code: int) -> Spoken:
    """A grant, or a refusal with its code and words."""
    if accepted:
        return line(False, id=request_id, result=True, error=None)
    words = reason or ("Job not found" if code == 21 else "Unknown problem")
    return line(False, id=request_id, result=None, error=[code, words, None])


def speak_difficulty(value: float, unit: str, voice: Voice) -> Spoken:
    """The share difficulty from now on; hashes are taken as SHA256d's."""
    params: list[Json] = [value if unit == "stratum" else value / HASHES_PER_DIFFICULTY]
    return line(False, id=None, method="mining.set_difficulty", params=params)


def speak_job(job: Job, voice: Voice) -> Spoken:
    """A job with a coinbase that pays one output."""
    height = job.height or 800_000
    push = height.to_bytes(height.bit_length() // 8 + 1, "little")
    script = bytes([len(push)]) + push + b"/simulated/"
    first = bytes.fromhex("0100000001") + CHAIN_INPUT + bytes([len(script) + 8]) + script
    tail = OUTPUT + voice.rng.randbytes(20) + b"\x88\xac" + bytes(4)
    voice.memory["time"] = time = f"{0x665A0000 + voice.rng.randrange(2**20):08x}"
    params: list[Json] = [
        job.job_id,
        job.prev_hash or voice.hex(28) + "00000000",
        (job.coinbase or first).hex(),
        (job.coinbase_tail or tail).hex(),
        [voice.hex(32) for _ in range(3)],
        "20000000",
        f"{job.nbits or 0x17040F2F:08x}",
        time,
        bool(job.clean),
    ]
    return line(False, id=None, method="mining.notify", params=params)
