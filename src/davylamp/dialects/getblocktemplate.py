"""getblocktemplate and submitblock over HTTP: mining against a node's own RPC, or a pool that speaks BIP 22 and 23.

Hears     getblocktemplate [{capabilities, rules, ...}] with answer {bits, height, previousblockhash, target,
          transactions, coinbasevalue or coinbasetxn, workid}, submitblock [block(, {workid})]; Monero's daemon:
          get_block_template {wallet_address} with answer {blocktemplate_blob, difficulty, height}, submit_block
          [block]; headers Authorization (the user only), User-Agent
Shares    a target easier than bits (BIP 23) is a pool's: 2^256 / target, exact. Otherwise there are no shares: blocks
          sent in are counted but carry no work, and no rate follows
Coin      height, bits, previous block, rules (mweb is Litecoin's), Monero's wallet address, seed and blob version
Misses    submitted blocks that are longer than the reader keeps of one body
Misfires  a pool's own daemon calls look the same as a solo miner's (trait ``solo_or_pool_daemon``), and so do
          explorers that ask for templates and nothing else on their connection; what calls an explorer's methods,
          and a relay that only sends blocks in, is left alone. A client that asks and gets nothing is claimed weakly
Source    bitcoin/bips bip-0022.mediawiki, bip-0023.mediawiki; monero-project/monero-docs monerod-rpc.md
          (get_block_template with example); recorded calls of litecoind 0.8.6. "mweb" among the rules: unverified.
          Start of a Monero block (two versions and a time as varints, previous block): the same example
"""

import base64
from collections.abc import Sequence
from typing import Final

import orjson

from davylamp import tables
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
    item,
    target_of_work,
    text_of,
    work_of_target,
)

ASKS: Final = ("getblocktemplate", "get_block_template")
SENDS: Final = ("submitblock", "submit_block")
METHODS: Final = frozenset(ASKS + SENDS)

EXPLORING: Final = frozenset(
    [f"get{name}" for name in ("mempoolinfo", "rawmempool", "mempoolentry", "balance", "txout", "chaintips")]
    + ["estimatesmartfee", "decoderawtransaction", "sendrawtransaction", "getblockstats", "listunspent"]
    + ["get_block_header_by_height", "get_last_block_header", "get_block_headers_range", "get_info"]
    + ["get_transaction_pool", "get_fee_estimate", "getnetworkhashps", "getchaintxstats"]
)
"""Calls of explorers, monitors and wallets (Bitcoin Core's and Monero's RPC documentation) that no miner makes."""

HEADER_DIGITS: Final = 160  # measured: Bitcoin's block header of 80 bytes
MOST_HEIGHT: Final = 2**31
EASIER: Final = 1.0001  # judged: bits keep 23 bits of a target or more
MOST_COINBASE_DIGITS: Final = 20_000  # judged: a coinbase with hundreds of outputs
LATE: Final = ("unknown-work", "prevblk")  # measured: BIP 22, reasons of refusal


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a template or a block sent in; asking without getting counts a little."""
    asked = sent = given = miner = False
    for message in opening:
        if message.method in EXPLORING:
            return NotThis(f"method {message.method} of an explorer or a wallet")
        given = given or template_of(message) is not None
        sent = sent or (message.method in SENDS and block_of(message.params) is not None)
        asked = asked or message.method in ASKS
        miner = miner or is_miner(message)
    if given:
        return Claim(90, "the answer is a template for the next block", decisive=miner)
    if sent:
        return Claim(90 if asked or miner else 10, "a client sends a block in", decisive=miner)
    return Claim(28, "asked for a block template and got none") if asked else NeedMore()


def is_miner(message: Rpc) -> bool:
    """Whether a request's User-Agent names a mining program."""
    agent = message.http.headers.get("user-agent", "").lower() if message.http is not None else ""
    return any(agent.startswith(row.agent) for row in tables.agents()) if agent else False


def template_of(message: Rpc) -> dict[str, Json] | None:
    """The template in a server's answer, of Bitcoin's or of Monero's family; None where it is none."""
    found = message.result
    if message.from_client or not isinstance(found, dict) or height_of(found) is None:
        return None
    if is_bitcoin(found):
        return found
    monero = is_hex(found.get("blocktemplate_blob")) and difficulty_of(found) is not None
    return found if monero and is_hex(found.get("prev_hash"), 64) else None


def is_bitcoin(template: dict[str, Json]) -> bool:
    """Whether a template names previous block and bits as Bitcoin's family does."""
    bits = hex_int(template.get("bits"), most_digits=8)
    return bits is not None and is_hex(template.get("previousblockhash"), 64)


def height_of(template: dict[str, Json]) -> int | None:
    """The height of the block to find."""
    height = template.get("height")
    known = isinstance(height, int) and not isinstance(height, bool) and 0 < height < MOST_HEIGHT
    return height if isinstance(height, int) and known else None


def difficulty_of(template: dict[str, Json]) -> float | None:
    """Monero's network difficulty in hashes."""
    wide, narrow = hex_int(template.get("wide_difficulty"), most_digits=34), template.get("difficulty")
    if wide:
        return float(wide)
    known = isinstance(narrow, int) and not isinstance(narrow, bool) and 0 < narrow < 2**128
    return float(narrow) if isinstance(narrow, int) and known else None


def block_of(params: Sequence[Json]) -> str | None:
    """The block that a client sends in, as hex."""
    block = item(params, 0)
    return (
        block.lower() if is_bytes(block) and isinstance(block, str) and len(block) >= HEADER_DIGITS else None
    )


def is_bytes(value: Json) -> bool:
    """Whole bytes as bare hex."""
    bare = isinstance(value, str) and len(value) % 2 == 0 and value[:2] not in ("0x", "0X")
    return bare and is_hex(value)


# --- the ear -----------------------------------------------------------------------------------------------


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message."""
    request = message.request
    if message.from_client:
        return read_head(message, talk) + read_request(message, talk)
    if request is not None and request.method in SENDS and block_of(request.params) is not None:
        return [read_word(message, request)]
    template = template_of(message)
    if template is not None:
        return read_template(template, talk)
    status = message.http.status if message.http is not None else 0
    refused = request is not None and request.method in ASKS and status in (401, 403)
    return [LoginAnswer(False, f"HTTP {status}")] if refused else []


def read_head(message: Rpc, talk: Talk) -> list[Event]:
    """User and client from the headers of a request; told once until they change."""
    if message.http is None:
        return []
    headers = message.http.headers
    user, agent = user_of(headers.get("authorization")), text_of(headers.get("user-agent"), 128)
    if (user is None and agent is None) or talk.memory.get("head") == [user, agent]:
        return []
    talk.memory["head"] = [user, agent]
    return [Login(user, agent)]


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


def read_request(message: Rpc, talk: Talk) -> list[Event]:
    """What a client asks for, or the block that it sends in."""
    block = block_of(message.params) if message.method in SENDS else None
    if block is not None:
        told = item(message.params, 1)
        work_id = text_of(told.get("workid"), 256) if isinstance(told, dict) else None
        previous = bytes.fromhex(block[8:72])[::-1].hex()
        if message.method == "submit_block" or talk.memory.get("monero"):
            previous = monero_previous(bytes.fromhex(block[:HEADER_DIGITS])) or previous
        nonce = f"{block[152:HEADER_DIGITS]}:{block[72:144]}"  # with Merkle root and time; Monero's nonce is there too
        return [Submit(message.id or "", work_id or previous, nonce)]
    if message.method not in ASKS:
        return []
    wished, wallet = item(message.params, 0), text_of(message.named.get("wallet_address"))
    rules = names_of(wished.get("rules")) if isinstance(wished, dict) else ""
    events: list[Event] = [Login(wallet)] if wallet else []
    return [*events, Trait("rules", rules)] if rules else events


def names_of(values: Json) -> str:
    """A list of names in one string."""
    return ",".join(n for n in map(text_of, values[:16]) if n) if isinstance(values, list) else ""


def monero_previous(block: bytes) -> str | None:
    """The previous block of a Monero block, behind two versions and the time."""
    at = 0
    for _ in range(3):
        while at < len(block) and block[at] & 0x80:
            at += 1
        at += 1
    return block[at : at + 32].hex() if at + 32 <= len(block) else None


def read_template(template: dict[str, Json], talk: Talk) -> list[Event]:
    """A job; only a target that is easier than the network's makes it a pool's."""
    talk.memory["monero"] = monero = not is_bitcoin(template)
    job = monero_job(template) if monero else bitcoin_job(template)
    events: list[Event] = []
    if job.work is None and not talk.memory.get("solo"):
        talk.memory["solo"] = True
        events.append(Trait("solo_or_pool_daemon", "1"))
    rules = names_of(template.get("rules"))
    if rules:
        events.append(Trait("rules", rules))
    return [*events, job]


def bitcoin_job(template: dict[str, Json]) -> Job:
    """A job of Bitcoin's family."""
    nbits, target = hex_int(template["bits"], most_digits=8) or 0, hex_int(template.get("target"))
    network, work = work_of_bits(nbits), work_of_target(target or 0)
    pooled = work is not None and network is not None and work * EASIER < network
    coinbase = template.get("coinbasetxn")
    data = coinbase.get("data") if isinstance(coinbase, dict) else None
    whole = is_bytes(data) and len(str(data)) <= MOST_COINBASE_DIGITS
    previous = str(template["previousblockhash"]).lower()
    return Job(
        job_id=text_of(template.get("workid"), 256) or previous,
        work=work if pooled else None,
        height=height_of(template),
        prev_hash=previous,
        nbits=nbits,
        coinbase=bytes.fromhex(str(data)) if whole else None,
        network_work=network,
    )


def monero_job(template: dict[str, Json]) -> Job:
    """A job of Monero's family."""
    previous = str(template["prev_hash"]).lower()
    return Job(
        job_id=previous,
        height=height_of(template),
        prev_hash=previous,
        network_work=difficulty_of(template),
        blob_version=hex_int(str(template["blocktemplate_blob"])[:2]),
        seed=text_of(template.get("seed_hash"), 128),
    )


def work_of_bits(nbits: int) -> float | None:
    """Hashes for a block from the compact target; None for none that can be."""
    size, mantissa = nbits >> 24, nbits & 0xFFFFFF
    if not 3 <= size <= 33 or not 0 < mantissa < 0x800000:
        return None
    return work_of_target(mantissa << 8 * (size - 3))


def read_word(message: Rpc, request: Rpc) -> Answer:
    """The server's word on a block: null or a status OK grants it, a string or an error refuses it."""
    result, status = message.result, message.http.status if message.http is not None else 200
    reason = error_text(message.error) or text_of(result, 200) or ""
    granted = message.body is not None and not message.error and status < 400
    if isinstance(result, dict):
        told = text_of(result.get("status"), 64)
        granted, reason = granted and (told is None or told.upper() == "OK"), reason or told or ""
    else:
        granted = granted and (result is None or result is True)
    if not granted and not reason and status >= 400:
        reason = f"HTTP {status}"
    late = not granted and (is_stale(reason) or any(word in reason for word in LATE))
    return Answer(request.id or "", granted, late, "" if granted else reason)


# --- the mouth ---------------------------------------------------------------------------------------------


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event of Bitcoin's family as requests and answers on one HTTP connection.

    Answers keep the order of requests: a template that is asked for while a block waits comes after its answer.
    """
    memory = voice.memory
    wish: Json = {"capabilities": ["coinbasetxn", "workid", "coinbase/append"], "rules": ["segwit"]}
    match event:
        case Login():
            memory["login"], memory["agent"] = event.login or voice.wallet, event.agent or voice.agent
            return []
        case LoginAnswer(accepted=False):
            return [ask(voice, 0, "getblocktemplate", [wish]), reply({"error": "no such user"}, 401)]
        case Difficulty():
            memory["work"] = event.value
            return []
        case Job():
            body: Json = {"id": 0, "result": new_template(event, voice), "error": None}
            return [ask(voice, 0, "getblocktemplate", [wish]), *settle(voice, "", body)]
        case Submit():
            slots(voice).append([event.key, None])
            known = memory.get(f"header {event.job_id}")
            named: Json = {"workid": event.job_id}
            nonce = f"{hex_int(event.nonce.partition(':')[0][-8:]) or 0:08x}"
            block = (known if isinstance(known, str) else voice.hex(76)) + nonce + "01" + voice.hex(100)
            return [ask(voice, int(event.key), "submitblock", [block, named])]
        case Answer():
            words = event.reason or ("stale-work" if event.stale else "rejected")
            result = None if event.accepted else words
            return settle(
                voice, event.key or "", {"id": int(event.key or 0), "result": result, "error": None}
            )
        case _:
            return []


def slots(voice: Voice) -> list[Json]:
    """Requests in order, each with its answer once that is known: [key, body]."""
    found = voice.memory.setdefault("slots", [])
    assert isinstance(found, list)
    return found


def settle(voice: Voice, key: str, body: Json) -> list[Spoken]:
    """Fill in an answer (a template has no key and queues at the end), and send all that are due."""
    waiting = slots(voice)
    if not key:
        waiting.append(["", body])
    for slot in waiting:
        if isinstance(slot, list) and slot[0] == key and slot[1] is None:
            slot[1] = body
            break
    due: list[Spoken] = []
    while waiting and isinstance(waiting[0], list) and waiting[0][1] is not None:
        due.append(reply(waiting[0][1], 200))
        waiting.pop(0)
    return due


def ask(voice: Voice, request_id: int, method: str, params: list[Json]) -> Spoken:
    """One request with its headers."""
    body = orjson.dumps({"method": method, "params": params, "id": request_id})
    user = base64.b64encode(f"{voice.memory.get('login') or voice.wallet}:x".encode()).decode()
    head = (
        f"POST / HTTP/1.1\r\nHost: {voice.pool_host}:{voice.pool_port}\r\nAuthorization: Basic {user}\r\n"
        f"User-Agent: {voice.memory.get('agent') or voice.agent}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return Spoken(True, head.encode() + body)


def reply(body: Json, status: int) -> Spoken:
    """One answer with its headers."""
    data, words = orjson.dumps(body), "OK" if status == 200 else "Unauthorized"
    head = (
        f"HTTP/1.1 {status} {words}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return Spoken(False, head.encode() + data)


def new_template(job: Job, voice: Voice) -> Json:
    """A template with the job's target, or the network's own where the job names no work."""
    nbits, previous = job.nbits or 0x17040F2F, job.prev_hash or "00000000" + voice.hex(28)
    network, held = work_of_bits(nbits) or 2.0**78, voice.memory.get("work")
    header = "00000020" + bytes.fromhex(previous)[::-1].hex() + voice.hex(32) + "00005a66"
    voice.memory[f"header {job.job_id}"] = header + nbits.to_bytes(4, "little").hex()
    return {
        "version": 0x20000000,
        "previousblockhash": previous,
        "transactions": [],
        "coinbasevalue": 625_000_000,
        "workid": job.job_id,
        "target": f"{target_of_work(job.work or (held if isinstance(held, float) else network)):064x}",
        "curtime": 1_717_200_000,
        "bits": f"{nbits:08x}",
        "height": job.height or 846_000,
        "mutable": ["time", "transactions", "prevblock"],
        "noncerange": "00000000ffffffff",
        "rules": ["segwit"],
    }
