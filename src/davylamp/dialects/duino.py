"""Duino-Coin: commas in plain text, one job and one share in turn.

Hears     JOB,user(,difficulty name(,mining key(,sensor))) from the client (JOBXX on microcontrollers); last hash,
          expected hash, difficulty from the server, its version glued in front at first; result, hashrate, miner
          name, rig id, ... from the client; GOOD, BLOCK or BAD(,reason) from the server
Shares    50 x D hashes: the server draws the nonce uniformly from 1..100 x D and the miner counts up to it, so
          that the share's own work is its result plus one; the mean, 50 x D + 1.5, is taken as 50 x D
Coin      DUCO by the shape
Misses    worker and nonce of shares that clients send without a line end (the PC and older ESP miners do), unless
          the carrier cuts where the other side speaks; their shares are then counted from the server's answers,
          because each job gets exactly one share and one answer. The XXHASH jobs of 2021. Wallet commands
Misfires  a greeting JOB,... of some other text protocol claims little; jobs of two SHA-1 sums and a number are
          nobody else's
Source    revoxhere/duino-coin PC_Miner.py 1.6, Minimal_PC_Miner.py, ESP8266_Code.ino 2.4;
          Bilaboz/duino-coin-pools src/mining.js (nonce range, answers), connectionHandler.js. The wiki was not to
          be had. Unverified: that the hashrate is always in hashes per second
"""

import re
from collections.abc import Sequence
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
    is_stale,
    number_of,
    text_of,
)

METHODS: Final[frozenset[str]] = frozenset()  # plain text: the vocabulary knows JOB, and the job's own shape

HASHES_PER_DIFFICULTY: Final = 50.0  # measured: mining.js, getRand(diff * 100) + 1
LINE_CHARS: Final = 512  # judged: the longest line, a result with sensor reading, stays below 200
FLYING: Final = 8  # judged: the protocol has one share in flight; a lost answer leaves one behind
STARTS: Final = frozenset({"LOW", "MEDIUM", "NET", "EXTREME", "AVR", "DUE", "ESP32", "ESP8266", "ESP8266NH"})
"""Names of starting difficulties in the sources; the microcontroller ones name the device."""

_ASK: Final = re.compile(r"JOB(?:XX)?,([^,\s\x00-\x1f]{1,64})(?:,([^,]{0,32}))?(?:,.*)?")
_JOB: Final = re.compile(r"(?:\d{1,2}\.\d{1,2})?([0-9a-f]{40}),([0-9a-f]{40}),(\d{1,9})", re.IGNORECASE)
_RESULT: Final = re.compile(r"(\d{1,32}),([0-9.eE+-]{0,24})((?:,[^,]*){1,6})")
_VERDICT: Final = re.compile(r"(GOOD|BLOCK|BAD)(?:,(.{0,200}))?")
_REFUSAL: Final = re.compile(r"(?:NO|INVU|BAN)(?:,(.{0,200}))?")


def line_of(message: Rpc) -> str:
    """The message as a line of text; the beginning of requests that came without line ends; else empty."""
    if message.carrier != "tcp" or message.body is not None:
        return ""
    if len(message.data) > LINE_CHARS and not message.data.startswith(b"JOB"):
        return ""
    return message.data[:LINE_CHARS].decode("utf-8", "replace").strip()


def claim(opening: Sequence[Rpc]) -> Judgement:
    """Judge by a job; a request for one, or a result and its verdict, weigh less."""
    asked = sure = result = verdict = False
    for message in opening:
        if message.body is not None or message.carrier != "tcp":
            return NotThis("no plain text")
        text = line_of(message)
        if not message.from_client and _JOB.fullmatch(text):
            return Claim(95, "a job carries two SHA-1 sums and a difficulty", decisive=True)
        ask = _ASK.fullmatch(text) if message.from_client else None
        asked, sure = asked or ask is not None, sure or (ask is not None and ask[2] in STARTS)
        result |= message.from_client and _RESULT.fullmatch(text) is not None
        verdict |= result and not message.from_client and _VERDICT.fullmatch(text) is not None
    if asked:
        return Claim(75 if verdict else 50 if sure else 10, "a client asks for a job by user name")
    return Claim(40, "results with hashrate and miner name are answered") if verdict else NeedMore()


def translate(message: Rpc, talk: Talk) -> list[Event]:
    """Read one message. Memory: the job in hand and whether it is done, shares in flight, names, a counter."""
    if message.lost_before:
        talk.memory["flying"] = []
    text = line_of(message)
    if not text:
        return []
    if message.from_client:
        asked = _ASK.match(text)
        if asked is not None:
            return read_request(asked, text, talk)
        result = _RESULT.fullmatch(text)
        return read_result(result, talk) if result is not None else []
    job = _JOB.fullmatch(text)
    if job is not None:
        return read_job(job, talk)
    verdict = _VERDICT.fullmatch(text)
    if verdict is not None:
        return read_verdict(verdict, talk)
    refusal = _REFUSAL.fullmatch(text)
    return [LoginAnswer(False, text_of(refusal[1]) or text[:16])] if refusal is not None else []


def read_request(asked: re.Match[str], text: str, talk: Talk) -> list[Event]:
    """The user and the starting difficulty, once each; the mining key is not read.

    Where a result is glued to the request, its digits follow the last part of the request: the user name is
    sure only when the name of a difficulty stands between.
    """
    user, start = text_of(asked[1]), asked[2] or ""
    glued = text.count("JOB") > 1 or number_of(start) is not None
    if (glued and not start.startswith(tuple(STARTS))) or talk.memory.get("user") == user:
        return []
    talk.memory["user"] = user
    return [Login(user), Trait("start_difficulty", start)] if start in STARTS else [Login(user)]


def read_job(job: re.Match[str], talk: Talk) -> list[Event]:
    """Difficulty and job; the job's name is its expected hash without leading f, with which the mouth pads."""
    difficulty = int(job[3])
    if not difficulty:
        return []
    job_id = job[2].lower().lstrip("f") or "f"
    talk.memory["job"], talk.memory["done"] = job_id, False
    events: list[Event] = []
    if talk.memory.get("difficulty") != difficulty:
        talk.memory["difficulty"] = difficulty
        events.append(Difficulty(difficulty * HASHES_PER_DIFFICULTY, "hashes"))
    return [*events, Job(job_id, algorithm="duco-s1")]


def in_flight(talk: Talk) -> list[Json]:
    """Keys of the shares that wait for their answer, oldest first."""
    flying = talk.memory.setdefault("flying", [])
    return flying if isinstance(flying, list) else []


def next_key(talk: Talk) -> str:
    """A fresh key for a share."""
    count = talk.memory.get("count")
    talk.memory["count"] = count + 1 if isinstance(count, int) else 1
    return str(talk.memory["count"])


def read_result(result: re.Match[str], talk: Talk) -> list[Event]:
    """A share with the miner's own rate and names; a share that its answer has vouched for is not counted again."""
    rest = [text_of(part.strip(), 128) for part in result[3].split(",")[1:]]
    agent, rig_id = rest[0], rest[1] if len(rest) > 1 and rest[1] != "None" else None
    events: list[Event] = []
    if (agent or rig_id) and talk.memory.get("names") != [agent, rig_id]:
        talk.memory["names"] = [agent, rig_id]
        events.append(Login(agent=agent, rig_id=rig_id))
    rate = number_of(result[2])
    if rate:
        events.append(ReportedRate(rate, rig_id))
    job_id = talk.memory.get("job")
    if talk.memory.get("done") == "vouched":
        return events
    key = next_key(talk)
    in_flight(talk).append(key)
    del in_flight(talk)[:-FLYING]
    return [*events, Submit(key, job_id if isinstance(job_id, str) else None, result[1], rig_id)]


def read_verdict(verdict: re.Match[str], talk: Talk) -> list[Event]:
    """The answer to the oldest share; where a job's share was not heard, its answer vouches for it."""
    accepted, reason = verdict[1] != "BAD", text_of(verdict[2]) or ""
    stale = is_stale(reason) and not accepted
    flying, job_id = in_flight(talk), talk.memory.get("job")
    if flying:
        talk.memory["done"] = True
        return [Answer(str(flying.pop(0)), accepted, stale, reason)]
    if talk.memory.get("done") or not isinstance(job_id, str):
        return [Answer(None, accepted, stale, reason)]
    talk.memory["done"] = "vouched"
    key = next_key(talk)
    return [Submit(key, job_id, ""), Answer(key, accepted, stale, reason)]


# --- the mouth ---------------------------------------------------------------------------------------------


def say(from_client: bool, *parts: object) -> Spoken:
    """One line of comma-separated parts."""
    return Spoken(from_client, ",".join(map(str, parts)).encode() + b"\n")


def compose(event: Event, voice: Voice) -> list[Spoken]:
    """Speak one event. Each job is asked for; a job may be followed by several shares, as a pool never has it.

    The difficulty is a whole number on the wire, at least 1: 50 hashes are the smallest step of work.
    """
    memory = voice.memory
    match event:
        case Login():
            memory["user"], memory["agent"] = event.login or voice.wallet, event.agent or voice.agent
            memory["rig"] = event.rig_id or event.worker or voice.worker
            return [say(False, "3.0")]
        case LoginAnswer(accepted=False):
            return [say(True, "JOB", memory.get("user"), "NET"), say(False, "NO", event.reason or "refused")]
        case Difficulty():
            factor = HASHES_PER_DIFFICULTY if event.unit == "hashes" else 1.0
            memory["difficulty"] = max(1, round(event.value / factor))
            return []
        case Job():
            return speak_job(event, voice)
        case Submit():
            result, agent = hex_int(event.nonce) or 0, memory.get("agent")
            rate, rig_id = memory.get("rate") or "", event.worker or memory.get("rig")
            return [*ask_again(voice), say(True, result, rate, agent, rig_id)]
        case Answer(accepted=True):
            memory["spent"] = True
            return [say(False, "GOOD")]
        case Answer():
            memory["spent"] = True
            reason = event.reason
            if is_stale(reason) != event.stale:
                reason = "Stale share" if event.stale else "Incorrect result"
            return [say(False, "BAD", reason)]
        case ReportedRate():
            memory["rate"] = event.hps
            return []
        case _:
            return []


def speak_job(job: Job, voice: Voice) -> list[Spoken]:
    """A request and its job."""
    if job.work:
        factor = HASHES_PER_DIFFICULTY if job.unit == "hashes" else 1.0
        voice.memory["difficulty"] = max(1, round(job.work / factor))
    voice.memory["job"], voice.memory["spent"] = job.job_id, False
    expected = job.job_id.rjust(40, "f")[-40:]
    return [
        say(True, "JOB", voice.memory.get("user") or voice.wallet, "NET"),
        say(False, voice.hex(20), expected, voice.memory.get("difficulty") or 1),
    ]


def ask_again(voice: Voice) -> list[Spoken]:
    """The job once more, when its one share has been answered: the protocol has a job for every share."""
    job_id = voice.memory.get("job")
    if not voice.memory.get("spent") or not isinstance(job_id, str):
        return []
    return speak_job(Job(job_id), voice)
