"""What dialect files share: the message they read, the events they speak, how sure they are.

A dialect file defines three functions (``docs/guides/add-a-dialect.md``)::

    claim(opening)             is this conversation mine?          Claim | NeedMore | NotThis
    translate(message, talk)   one message  ->  events             list[Event]
    compose(event, voice)      one event    ->  bytes on the wire  list[Spoken]

``translate`` and ``compose`` are inverse to each other as far as the dialect can say a thing; a contract test
holds every dialect to it. Neither touches a clock, a file or another dialect.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from davylamp.records import Carrier, HttpHead

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

HASHES_2_256: Final = float(2**256)
BYTES: Final = {f"{number:02x}": number for number in range(256)}

# --- what a dialect reads ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Rpc:
    """One message of a conversation with its JSON read and, on an answer, the request it answers.

    ``body`` is None when the message is no JSON object (``data`` still holds its bytes).
    """

    ts_ns: int
    from_client: bool
    data: bytes
    carrier: Carrier = "tcp"
    body: dict[str, Json] | None = None
    http: HttpHead | None = None
    request: "Rpc | None" = None
    lost_before: int = 0

    @property
    def method(self) -> str | None:
        """The called method; None on an answer."""
        value = self.body.get("method") if self.body else None
        return value if isinstance(value, str) else None

    @property
    def params(self) -> list[Json]:
        """Positional parameters; empty when absent or named."""
        value = self.body.get("params") if self.body else None
        return value if isinstance(value, list) else []

    @property
    def named(self) -> dict[str, Json]:
        """Named parameters; empty when absent or positional."""
        value = self.body.get("params") if self.body else None
        return value if isinstance(value, dict) else {}

    @property
    def result(self) -> Json:
        """The answer's result, None when absent."""
        return self.body.get("result") if self.body else None

    @property
    def error(self) -> Json:
        """The answer's error, None when absent."""
        return self.body.get("error") if self.body else None

    @property
    def is_answer(self) -> bool:
        """An object with a result or an error and no method."""
        return (
            self.body is not None and self.method is None and ("result" in self.body or "error" in self.body)
        )

    @property
    def id(self) -> str | None:
        """The JSON-RPC id as text, so that 1 and "1" match; None when absent or null."""
        value = self.body.get("id") if self.body else None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return None if value is None or isinstance(value, dict | list) else str(value)


@dataclass(slots=True)
class Talk:
    """A dialect's memory of one conversation. ``memory`` is the dialect's own; keep it bounded."""

    memory: dict[str, Json] = field(default_factory=dict)


# --- how sure a dialect is ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """The opening has the shape of a session in this dialect.

    ``weight`` ranks competing claims, 0..100 (judged): 90 and above for a message that no other dialect has,
    50 for a family likeness. A ``decisive`` claim settles the matter at once; others wait for more messages.
    """

    weight: int
    because: str
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class NeedMore:
    """Nothing speaks against this dialect and nothing for it yet."""


@dataclass(frozen=True, slots=True)
class NotThis:
    """Something in the opening rules this dialect out."""

    because: str


Judgement: TypeAlias = Claim | NeedMore | NotThis

# --- what a dialect says -----------------------------------------------------------------------------------

Unit = Literal["hashes", "stratum"]
"""``hashes``: expected hashes for one share. ``stratum``: a pool difficulty whose worth the algorithm decides."""


@dataclass(frozen=True, slots=True)
class Login:
    """The client names itself; fields that this message does not carry stay None. Never holds a password."""

    login: str | None = None
    agent: str | None = None
    rig_id: str | None = None
    worker: str | None = None
    pool: str | None = None  # host or host:port as the client names it


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """The server takes or refuses the login."""

    accepted: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Difficulty in force for jobs that come after it."""

    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Job:
    """Fresh work. ``work``/``unit`` when the job itself carries its target, otherwise the difficulty in force counts.

    ``job_id`` is what shares refer to. A repeated job (same id) changes nothing but its target.
    """

    job_id: str
    work: float | None = None
    unit: Unit = "hashes"
    height: int | None = None
    algorithm: str | None = None  # as the pool names it
    clean: bool | None = None  # older jobs are void
    prev_hash: str | None = None  # as sent, hex
    nbits: int | None = None  # compact network target
    coinbase: bytes | None = None  # first part, up to the extranonce
    coinbase_tail: bytes | None = None
    network_work: float | None = None  # expected hashes for a block, when told
    blob_version: int | None = None  # major version byte of a Monero-family blob
    seed: str | None = None  # seed hash or epoch, hex


@dataclass(frozen=True, slots=True)
class Submit:
    """A share leaves the miner. ``key`` pairs it with its `Answer`; ``nonce`` tells duplicates.

    ``part`` is the byte of its nonce space by which relays part it among miners, where the dialect has one.
    """

    key: str
    job_id: str | None
    nonce: str
    worker: str | None = None
    solution_bytes: int | None = None
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's word on the share with this ``key``; ``key`` None when the request was not seen."""

    key: str | None
    accepted: bool
    stale: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReportedRate:
    """The miner's own claim, hashes per second."""

    hps: float
    rig_id: str | None = None


@dataclass(frozen=True, slots=True)
class Trait:
    """A fact that helps to name algorithm, coin or device, e.g. ``("algorithms", "rx/0,rx/wow")``."""

    key: str
    value: str


Event: TypeAlias = Login | LoginAnswer | Difficulty | Job | Submit | Answer | ReportedRate | Trait

# --- what a dialect speaks (for the simulator) -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spoken:
    """Application bytes of one side, complete with line end or framing."""

    from_client: bool
    data: bytes


@dataclass(slots=True)
class Voice:
    """Who speaks in a simulated session, and the dialect's memory while it does."""

    rng: random.Random
    wallet: str
    worker: str = "rig1"
    agent: str = "XMRig/6.21.0"
    pool_host: str = "pool.example"
    pool_port: int = 3333
    algorithm: str = ""
    memory: dict[str, Json] = field(default_factory=dict)
    request_id: int = 0

    def next_id(self) -> int:
        """A fresh JSON-RPC id."""
        self.request_id += 1
        return self.request_id

    def hex(self, size: int, first: int | None = None) -> str:
        """``size`` random bytes as lower-case hex, the first of them as given."""
        drawn = self.rng.randbytes(size).hex()
        return drawn if first is None else f"{first:02x}{drawn[2:]}"


# --- small tools that several dialects need ----------------------------------------------------------------


def work_of_target(target: int) -> float | None:
    """Expected hashes until one is at most ``target`` (256-bit): 2^256 / target; None for no valid target."""
    return HASHES_2_256 / target if 0 < target < 2**256 else None


def target_of_work(work: float) -> int:
    """The 256-bit target whose expected work is ``work`` hashes, at least 1."""
    return max(1, min(2**256 - 1, int(HASHES_2_256 / work)))


def hex_int(value: Json, *, most_digits: int = 64) -> int | None:
    """A hex string (with or without 0x) as an integer; None when it is none or too long."""
    if not isinstance(value, str):
        return None
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    if not 0 < len(digits) <= most_digits or digits.strip("0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)


def is_hex(value: Json, digits: int | None = None) -> bool:
    """A non-empty hex string, of exactly ``digits`` digits when given; 0x in front is allowed."""
    number = hex_int(value, most_digits=1 << 20)
    if number is None or not isinstance(value, str):
        return False
    return digits is None or len(value.removeprefix("0x").removeprefix("0X")) == digits


def byte_of(value: Json, digit: int) -> int | None:
    """The byte whose hex digits stand at ``digit`` (negative: from the end); None when there is none."""
    return BYTES.get(value[digit:][:2].lower()) if isinstance(value, str) else None


def text_of(value: Json, most: int = 512) -> str | None:
    """A non-empty printable string, cut at ``most`` characters; None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value[:most])


def number_of(value: Json) -> float | None:
    """A finite positive number given as a number or as decimal text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < float("inf") else None


def item(values: Sequence[Json], index: int) -> Json:
    """``values[index]`` or None beyond the end."""
    return values[index] if index < len(values) else None


def error_text(error: Json) -> str:
    """The words in a JSON-RPC error of any of its common shapes."""
    if isinstance(error, dict):
        return text_of(error.get("message")) or ""
    if isinstance(error, list):
        return next((t for t in map(text_of, error) if t), "")
    return text_of(error) or ""


def is_stale(reason: str) -> bool:
    """Whether a refusal's words say that the share came late."""
    words = reason.lower()
    return any(w in words for w in ("stale", "job not found", "block expired", "invalid job id", "old job"))


def judge_answer(message: Rpc) -> tuple[bool, str]:
    """Whether an answer to a submit or login grants it, and the words of a refusal.

    Granted: no error, and a result that is neither false nor null, and no status other than OK.
    """
    reason = error_text(message.error)
    if message.error:
        return False, reason or "error"
    result = message.result
    if isinstance(result, dict):
        status = result.get("status")
        granted = status is None or str(status).upper() in ("OK", "KEEPALIVED")
        return granted, "" if granted else str(status)
    return result is not None and result is not False, reason
