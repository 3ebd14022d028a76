"""Stratum V2 without encryption: binary frames, several mining channels on one connection.

Hears     SetupConnection, Open...MiningChannel, UpdateChannel, SubmitShares... from the client; their answers,
          New...MiningJob, SetNewPrevHash, SetTarget, SetGroupChannel, SetCustomMiningJob.Success, CloseChannel,
          Reconnect from the server
Shares    2^256 / target of the share's channel, exact: the target in force when the job came, or when it became
          active for a job sent ahead
Coin      SHA256d of Bitcoin's header; by nbits, previous hash, and the coinbase of extended jobs
Misses    encrypted connections, which is all remote use; work of shares in captures that begin after the channel
          opened and see no SetTarget (the sum of difficulties in SubmitShares.Success is not used: its unit is
          the pool's); frames of drafts whose jobs had a flag instead of min_ntime
Misfires  none known: one frame alone claims little, two of the mining protocol decide
Source    stratum-mining/sv2-spec 03-Protocol-Overview.md (types, frame, common messages), 05-Mining-Protocol.md
          (field tables), 08-Message-Types.md (numbers), extensions/worker-specific-hashrate-tracking.md
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

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
    number_of,
    target_of_work,
    text_of,
    work_of_target,
)

METHODS: Final[frozenset[str]] = frozenset()  # binary frames

TABLE: Final = """
00 SetupConnection                   protocol:u8 min_version:u16 max_version:u16 flags:u32 host:s1 port:u16 \
                                     vendor:s1 hardware:s1 firmware:s1 device:s1
01 SetupConnection.Success           version:u16 flags:u32
02 SetupConnection.Error             flags:u32 code:s1
04 Reconnect                         host:s1 port:u16
10 OpenStandardMiningChannel         request:u32 user:s1 rate:f32 max_target:u256
11 OpenStandardMiningChannel.Success request:u32 channel:u32 target:u256 prefix:b1 group:u32
12 OpenMiningChannel.Error           request:u32 code:s1
13 OpenExtendedMiningChannel         request:u32 user:s1 rate:f32 max_target:u256 min_extranonce:u16
14 OpenExtendedMiningChannel.Success request:u32 channel:u32 target:u256 size:u16 prefix:b1 group:u32
15 NewMiningJob                      channel:u32 job:u32 ntime:o32 version:u32 merkle:u256
16 UpdateChannel                     channel:u32 rate:f32 max_target:u256
18 CloseChannel                      channel:u32 code:s1
1a SubmitSharesStandard              channel:u32 sequence:u32 job:u32 nonce:u32 ntime:u32 version:u32
1b SubmitSharesExtended              channel:u32 sequence:u32 job:u32 nonce:u32 ntime:u32 version:u32 extranonce:b1
1c SubmitShares.Success              channel:u32 last:u32 count:u32 sum:u64
1d SubmitShares.Error                channel:u32 sequence:u32 code:s1
1f NewExtendedMiningJob              channel:u32 job:u32 ntime:o32 version:u32 rolling:u8 path:q256 \
                                     coinbase:b2 tail:b2
20 SetNewPrevHash                    channel:u32 job:u32 previous:u256 ntime:u32 nbits:u32
21 SetTarget                         channel:u32 target:u256
23 SetCustomMiningJob.Success        channel:u32 request:u32 job:u32
25 SetGroupChannel                   group:u32 members:q32
"""
"""Message type, name and fields in the specification's order. Field types: u8..u64 and f32 little endian; u256
32 bytes; s1 and b1 text and bytes with a one-byte length, b2 with two; o32 an optional u32; q256 up to 255 hashes,
q32 up to 65535 numbers."""
ROWS: Final = [row.split() for row in TABLE.strip().splitlines()]
MESSAGES: Final = {int(n, 16): (name, tuple(f.split(":") for f in fields)) for n, name, *fields in ROWS}
CHANNEL_BIT: Final = 0x8000  # of the extension type; the sets below are columns of 08-Message-Types.md
CHANNEL_TYPES: Final = frozenset({0x16, 0x18, 0x1A, 0x1B, 0x1C, 0x1D, 0x1F, 0x20, 0x21})
CLIENT_TYPES: Final = frozenset({0x00, 0x10, 0x13, 0x16, 0x1A, 0x1B})  # and 0x18, which either side sends
IDENTITY_BYTES: Final = 64  # judged: a worker's name behind a share is at most 33 bytes long
CHANNELS: Final = (
    1024  # judged: a proxy of a large hall; the oldest of more channels, groups, jobs is forgotten
)
FLYING: Final = 512  # judged: shares of one channel that wait for a batched answer
MERE_ACKS: Final = 64  # judged: answers to shares from before the capture, per message
FACTORS: Final = {"hashes": 1.0, "stratum": 2.0**48 / 65535}  # for the mouth: Bitcoin's difficulty 1
DEFAULT_WORK: Final = 2.0**44  # judged: a share per second or so of a small machine
SIZES: Final = {"u8": "B", "u16": "<H", "u32": "<I", "u64": "<Q", "f32": "<f"}


# --- frames ------------------------------------------------------------------------------------------------


def read_field(kind: str, data: bytes, at: int) -> tuple[Json, int]:
    """One field and where the next begins, which is beyond the end when the frame ends before the field does."""
    if kind in SIZES:
        return struct.unpack_from(SIZES[kind], data, at)[0], at + struct.calcsize(SIZES[kind])
    if kind == "u256":
        return data[at : at + 32].hex(), at + 32
    wide = 2 if kind in ("b2", "q32") else 1
    count = int.from_bytes(data[at : at + wide], "little")
    at += wide
    end = at + count * {"q256": 32, "q32": 4, "o32": 4}.get(kind, 1)
    if kind == "q256" or (kind == "o32" and count > 1):
        return count, end if kind == "q256" else len(data) + 1
    raw = data[at:end]
    if kind in ("s1", "b1", "b2"):
        return raw.decode("utf-8", "replace") if kind == "s1" else raw.hex(), end
    numbers: list[Json] = [n for (n,) in struct.iter_unpack("<I", raw)]
    return (numbers if kind == "q32" else next(iter(numbers), None)), end


def read_frame(message: Rpc) -> tuple[str, dict[str, Json]] | None:
    """Name and fields of a mining frame; None for every other, and for one that does not fit its table."""
    data = message.data
    if message.carrier != "sv2" or len(data) < 6 or int.from_bytes(data[3:6], "little") != len(data) - 6:
        return None
    extension, number = int.from_bytes(data[:2], "little"), data[2]
    misplaced = number != 0x18 and (number in CLIENT_TYPES) != message.from_client
    if number not in MESSAGES or misplaced or extension != CHANNEL_BIT * (number in CHANNEL_TYPES):
        return None
    name, entries = MESSAGES[number]
    fields: dict[str, Json] = {}
    at = 6
    try:
        for key, kind in entries:
            fields[key], at = read_field(kind, data, at)
        if name == "SubmitSharesExtended" and 0 < len(data) - at <= IDENTITY_BYTES:
            fields["worker"], at = read_field("s1", data, at)
    except struct.error:
        return None
    return (name, fields) if at == len(data) else None


def write_frame(number: int, **fields: Json) -> bytes:
    """One frame from its fields; absent ones are zero or empty."""
    payload = b""
    for key, kind in MESSAGES[number][1]:
        value = fields.get(key)
        if kind in SIZES:
            payload += struct.pack(SIZES[kind], value if isinstance(value, int | float) else 0)
        elif kind == "u256":
            payload += bytes.fromhex(str(value)).ljust(32, b"\0")[:32]
        elif kind == "o32":
            payload += b"\1" + struct.pack("<I", value) if isinstance(value, int) else b"\0"
        elif kind in ("s1", "b1", "b2"):
            raw = str(value or "").encode()[:255] if kind == "s1" else bytes.fromhex(str(value or ""))
            payload += len(raw).to_bytes(int(kind[1]), "little") + raw
        else:
            payload += bytes(1)  # the mouth speaks no sequences
    head = struct.pack("<HB", CHANNEL_BIT * (number in CHANNEL_TYPES), number)
    return head + len(payload).to_bytes(3, "little") + payload


# --- the ear -----------------------------------------------------------------------------------------------


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by the frames: two that fit their tables decide, a greeting or one frame alone weighs little."""
    fitting = greeted = 0
    for message in opening:
        if message.carrier != "sv2":
            return NotThis("no Stratum V2 frames")
        name, fields = read_frame(message) or ("", {})
        if not name and len(message.data) >= 6 and 0x50 <= message.data[2] < 0x80:
            return NotThis("another protocol of the Stratum V2 family")
        if name == "SetupConnection" and fields["protocol"] != 0:
            return NotThis("not the mining protocol")
        greeted += name.startswith("SetupConnection")
        fitting += name != "" and not name.startswith(("SetupConnection", "Reconnect"))
        if fitting >= 2:
            return Claim(95, "frames of the Stratum V2 mining protocol", decisive=True)
    weight = 70 if greeted else 60 if fitting else 0
    return Claim(weight, "a frame of the Stratum V2 mining protocol") if weight else NeedMore()


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one frame. Memory, by channel number as text: targets, groups, chain tips, jobs ahead, shares."""
    frame = read_frame(message)
    if frame is None:
        return []
    name, fields = frame
    match name:
        case "SetupConnection":
            return read_setup(fields)
        case "SetupConnection.Error" | "OpenMiningChannel.Error":
            return [LoginAnswer(False, text_of(fields["code"]) or "refused")]
        case "OpenStandardMiningChannel" | "OpenExtendedMiningChannel" | "UpdateChannel":
            user, rate = text_of(fields.get("user")), number_of(fields["rate"])
            login: list[Event] = [Login(user)] if user else []
            return [*login, ReportedRate(rate, user)] if rate else login
        case "OpenStandardMiningChannel.Success" | "OpenExtendedMiningChannel.Success":
            return read_channel(fields, talk)
        case "SetTarget":
            for channel in members(fields["channel"], talk):
                keep(table(talk, "targets"), channel, fields["target"])
        case "SetGroupChannel":
            keep(table(talk, "groups"), str(fields["group"]), fields["members"])
        case "CloseChannel":
            for channel in members(fields["channel"], talk):
                table(talk, "targets").pop(channel, None)
        case "NewMiningJob" | "NewExtendedMiningJob" | "SetNewPrevHash" | "SetCustomMiningJob.Success":
            return read_work(name, fields, talk)
        case "Reconnect":
            return [Trait("notice", f"reconnect to {fields['host']}:{fields['port']}"[:200])]
        case "SubmitSharesStandard" | "SubmitSharesExtended":
            return [read_share(fields, talk)]
        case "SubmitShares.Success" | "SubmitShares.Error":
            return read_verdict(fields, talk)
    return []


def table(talk: Talk, name: str) -> dict[str, Json]:
    """One table of the memory."""
    found = talk.memory.setdefault(name, {})
    return found if isinstance(found, dict) else {}


def keep(rows: dict[str, Json], key: str, value: Json) -> None:
    """Put a row into a table; the oldest goes when there are too many."""
    rows.pop(key, None)
    rows[key] = value
    if len(rows) > CHANNELS:
        del rows[next(iter(rows))]


def members(channel: Json, talk: Talk) -> list[str]:
    """The channels of a group, or the channel itself."""
    group = table(talk, "groups").get(str(channel))
    return [str(c) for c in group[:CHANNELS]] if isinstance(group, list) else [str(channel)]


def job_name(channel: str, job: Json, talk: Talk) -> str:
    """A job's number as hex; behind its channel unless that is the first that the connection had."""
    number = f"{job if isinstance(job, int) else 0:08x}"
    return number if channel == talk.memory.setdefault("first", channel) else f"{channel}:{number}"


def read_setup(fields: dict[str, Json]) -> list[Event]:
    """The device and the host that it believes to talk to."""
    said = {k: text_of(fields[k], 128) for k in ("host", "vendor", "hardware", "firmware", "device")}
    agent = " ".join(filter(None, (said["vendor"], said["firmware"]))) or None
    pool = f"{said['host']}:{fields['port']}" if said["host"] else None
    rolls = "1" if isinstance(fields["flags"], int) and fields["flags"] & 4 else None
    told = {"hw_version": said["hardware"], "sw_version": said["firmware"], "hw_id": said["device"]}
    traits = [Trait(key, value) for key, value in {**told, "version_rolling": rolls}.items() if value]
    return [Login(None, agent, said["device"], pool=pool), *traits]


def read_channel(fields: dict[str, Json], talk: Talk) -> list[Event]:
    """A channel opens: its target, its group, and how many there are by now."""
    group, targets = str(fields["group"]), table(talk, "targets")
    others = table(talk, "groups").get(group)
    kept = [c for c in others if c != fields["channel"]] if isinstance(others, list) else []
    keep(targets, str(fields["channel"]), fields["target"])
    keep(table(talk, "groups"), group, [*kept[1 - CHANNELS :], fields["channel"]])
    return [LoginAnswer(True), Trait("channels", str(len(targets)))]


def read_work(name: str, fields: dict[str, Json], talk: Talk) -> list[Event]:
    """Jobs that become active, for every channel that the frame addresses."""
    key, ahead, tips = f"{fields['channel']}:{fields['job']}", table(talk, "ahead"), table(talk, "tips")
    parts: Json = [fields.get("coinbase"), fields.get("tail")]
    if name.startswith("New") and fields["ntime"] is None:
        keep(ahead, key, parts)
        return []
    fresh = name == "SetNewPrevHash"
    parts = ahead.pop(key, parts) if fresh else parts
    coinbase, tail = (str(p or "") for p in parts) if isinstance(parts, list) else ("", "")
    head, end = bytes.fromhex(coinbase) or None, bytes.fromhex(tail) or None
    jobs: list[Event] = []
    for channel in members(fields["channel"], talk):
        if fresh:
            keep(tips, channel, [fields["previous"], fields["nbits"]])
        target, tip = str(table(talk, "targets").get(channel, "00")), tips.get(channel)
        work = work_of_target(int.from_bytes(bytes.fromhex(target), "little"))
        job = Job(job_name(channel, fields["job"], talk), work, height=height_in(head or b""), clean=fresh)
        if isinstance(tip, list) and isinstance(tip[0], str) and isinstance(tip[1], int):
            job = replace(job, prev_hash=tip[0], nbits=tip[1])
        jobs.append(replace(job, coinbase=head, coinbase_tail=end))
    return jobs


def height_in(coinbase: bytes) -> int | None:
    """The block height that opens a coinbase input (BIP 34): 41 bytes, script length, push of 1 to 4 bytes."""
    size = coinbase[42] if len(coinbase) > 42 else 0
    height = int.from_bytes(coinbase[43 : 43 + size], "little")
    return height if 1 <= size <= 4 and len(coinbase) >= 43 + size and 0 < height < 2**31 else None


def read_share(fields: dict[str, Json], talk: Talk) -> Submit:
    """A share, which waits for a batched answer."""
    channel, rows = str(fields["channel"]), table(talk, "flying")
    waiting = rows.get(channel)
    keep(rows, channel, [*(waiting[1 - FLYING :] if isinstance(waiting, list) else []), fields["sequence"]])
    words = (fields[k] for k in ("nonce", "ntime", "version"))
    nonce = ":".join([*(f"{w:08x}" for w in words if isinstance(w, int)), str(fields.get("extranonce", ""))])
    worker = text_of(fields.get("worker"))
    return Submit(f"{channel}:{fields['sequence']}", job_name(channel, fields["job"], talk), nonce, worker)


def read_verdict(fields: dict[str, Json], talk: Talk) -> list[Event]:
    """The refusal of one share, or the grant of the latest up to a sequence number, as many as it counts."""
    channel, last = str(fields["channel"]), fields.get("last")
    row = table(talk, "flying").get(channel)
    waiting = [s for s in row if isinstance(s, int)] if isinstance(row, list) else []
    if not isinstance(last, int):
        refused, code = fields["sequence"], text_of(fields["code"]) or "refused"
        table(talk, "flying")[channel] = [s for s in waiting if s != refused]
        return [Answer(f"{channel}:{refused}" if refused in waiting else None, False, is_stale(code), code)]
    count = fields["count"] if isinstance(fields["count"], int) else 0
    batch = [s for s in waiting if s <= last]
    granted = batch[max(0, len(batch) - count) :]
    table(talk, "flying")[channel] = [s for s in waiting if s not in granted]
    blind = min(count - len(granted), MERE_ACKS)
    return [*(Answer(f"{channel}:{s}", True) for s in granted), *[Answer(None, True)] * blind]


# --- the mouth ---------------------------------------------------------------------------------------------


def say(from_client: bool, number: int, **fields: Json) -> Spoken:
    """One frame of one side."""
    return Spoken(from_client, write_frame(number, **fields))


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event on an extended channel, number 1; it opens with the first target."""
    match event:
        case Login():
            agent, user, host = event.agent or voice.agent, event.login or voice.wallet, voice.pool_host
            device: dict[str, Json] = {"host": host, "port": voice.pool_port, "vendor": agent}
            return [
                say(True, 0x00, min_version=2, max_version=2, flags=4, device=event.rig_id, **device),
                say(False, 0x01, version=2),
                say(True, 0x13, request=1, user=user, max_target="ff" * 32, min_extranonce=8),
            ]
        case LoginAnswer(accepted=False):
            return [say(False, 0x12, request=1, code=event.reason or "unknown-user")]
        case Difficulty():
            return speak_target(event.value * FACTORS[event.unit], voice)
        case Job():
            return speak_job(event, voice)
        case Submit():
            job = hex_int((event.job_id or "0").rpartition(":")[2], most_digits=8) or 0
            share: dict[str, Json] = {"job": job, "nonce": (hex_int(event.nonce) or 0) & 0xFFFFFFFF}
            share |= {"ntime": 1_700_000_000, "version": 0x20000000, "extranonce": "00" * 8}
            return [say(True, 0x1B, channel=1, sequence=int(event.key), **share)]
        case Answer():
            number = int((event.key or "0").rpartition(":")[2])
            if event.accepted:
                return [say(False, 0x1C, channel=1, last=number, count=1, sum=1)]
            code = event.reason
            if is_stale(code) != event.stale or not code:
                code = "stale-share" if event.stale else "difficulty-too-low"
            return [say(False, 0x1D, channel=1, sequence=number, code=code)]
        case ReportedRate():
            return [say(True, 0x16, channel=1, rate=event.hps, max_target="ff" * 32)]
        case _:
            return []


def speak_target(work: float, voice: Voice) -> list[Spoken]:
    """The channel opens with its target; later targets are set."""
    target, opened = target_of_work(work).to_bytes(32, "little").hex(), "work" in voice.memory
    voice.memory["work"] = work
    if opened:
        return [say(False, 0x21, channel=1, target=target)]
    return [say(False, 0x14, request=1, channel=1, target=target, size=8, prefix=voice.hex(4), group=2)]


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """An extended job: ahead of its chain tip when it is the first or voids others, else active at once."""
    memory = voice.memory
    known = memory.get("work")
    wanted = job.work * FACTORS[job.unit] if job.work else known
    wanted = wanted if isinstance(wanted, float) else DEFAULT_WORK
    spoken = speak_target(wanted, voice) if wanted != known else []
    height = 800_000 if job.height is None else job.height
    pushed = height.to_bytes(4 if height >= 2**23 else 3, "little")
    head = (
        bytes.fromhex("0100000001" + "00" * 32 + "ffffffff") + bytes([13 + len(pushed), len(pushed)]) + pushed
    )
    tail = bytes.fromhex("ffffffff01a086010000000000160014") + voice.rng.randbytes(20) + bytes(4)
    number = hex_int(job.job_id.rpartition(":")[2], most_digits=8) or 0
    fields: dict[str, Json] = {"channel": 1, "job": number, "version": 0x20000000, "rolling": 1}
    fields |= {"coinbase": (job.coinbase or head).hex(), "tail": (job.coinbase_tail or tail).hex()}
    now = 1_700_000_000 + voice.rng.randrange(10**8)
    if job.clean is False and "tip" in memory:
        return [*spoken, say(False, 0x1F, ntime=now, **fields)]
    memory["tip"] = job.prev_hash if is_hex(job.prev_hash, 64) else voice.hex(28) + "00000000"
    nbits = 0x17040F2F if job.nbits is None else job.nbits
    tip = say(False, 0x20, channel=1, job=number, previous=memory["tip"], ntime=now, nbits=nbits)
    return [*spoken, say(False, 0x1F, **fields), tip]
