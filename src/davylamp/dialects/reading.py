"""Run the room: one conversation's messages in, one `Session` out, or nothing.

Every dialect's `claim` sees the growing opening of a conversation; the first decisive claim, or the heaviest
once the opening is complete, wins, and the messages go through that dialect's `translate` into a tally. A
conversation in which no message holds a word of any dialect is dismissed after a few messages and never parsed.
"""

import importlib
import json
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final, Literal, Protocol, cast

import orjson

from davylamp import tables
from davylamp.dialects.session import Claim, Event, Json, Judgement, Rpc, Spoken, Talk, Voice
from davylamp.dialects.tally import Tally
from davylamp.records import Message, Opening, Session

OPENING_MESSAGES: Final = 24  # judged: subscribe, authorize, extensions, difficulty and a few jobs fit
DULL_MESSAGES: Final = (
    8  # judged: a mining conversation says a word of its dialect within its first 8 messages
)
DULL_ANSWERS: Final = 64  # judged: joined midway, a fast miner hears so many answers between two jobs
ANSWER_BYTES: Final = 256  # measured: answers to shares have 40 to 150 bytes
PENDING_REQUESTS: Final = 512  # judged: a proxy of 256 rigs with two requests each in flight
REPEATED: Final = ("", *(f"mining.{name}" for name in ("subscribe", "authorize", "submit", "configure")))
CLAIM_FLOOR: Final = 20  # judged: weaker claims are not worth a session


class Dialect(Protocol):
    """What a dialect file offers."""

    METHODS: frozenset[str]

    def claim(self, opening: Sequence[Rpc]) -> Judgement:
        """Judge the opening of a conversation."""

    def translate(self, message: Rpc, talk: Talk) -> list[Event]:
        """Read one message."""

    def compose(self, event: Event, voice: Voice) -> list[Spoken]:
        """Speak one event."""


@cache
def dialect(name: str) -> Dialect:
    """The dialect file of a row of ``tables/dialects.csv``."""
    row = next(r for r in tables.dialects() if r.dialect == name)
    return cast(Dialect, importlib.import_module(f"davylamp.dialects.{row.module}"))


@cache
def vocabulary() -> re.Pattern[bytes]:
    """Any method of any dialect as a JSON string, or a shape of a dialect whose messages name no method.

    Methods that are plain words, such as "result" or "job", count only as what the key ``method`` says.
    """
    methods = sorted({m for row in tables.dialects() for m in dialect(row.dialect).METHODS})
    plain = b"|".join(re.escape(m.encode()) for m in methods if m.isalpha())
    words = b"|".join(re.escape(m.encode()) for m in methods if not m.isalpha())
    shapes = rb'^JOB(?:XX)?,|^(?:\d\.\d)?[0-9a-f]{40},[0-9a-f]{40},\d+|"result"\s*:\s*\[\s*"0x'
    keys = rb'"(?:blob|pre_pow|previousblockhash|blocktemplate_blob|midstate)"'
    return re.compile(rb'"(?:' + words + rb')"|"method"\s*:\s*"(?:' + plain + rb')"|' + shapes + rb"|" + keys)


@cache
def convention(name: str) -> str:
    """What a share of a dialect is worth, in the words of its file's heading ``Shares``."""
    found = re.search(r"^Shares +(.*?)(?=^[A-Z])", dialect(name).__doc__ or "", re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def parse(message: Message) -> list[Rpc]:
    """The JSON objects in a message (a batch holds several), or one `Rpc` without a body.

    Text with a byte order mark or bytes that are no UTF-8 is read as far as JSON allows; nothing raises.
    """

    def rpc(body: dict[str, Json] | None) -> Rpc:
        if body is not None and repeats_call(body):
            body = {key: value for key, value in body.items() if key != "method"}
        return Rpc(
            message.ts_ns,
            message.from_client,
            message.data,
            message.carrier,
            body,
            message.http,
            None,
            message.lost_before,
        )

    if message.carrier == "sv2":
        return [rpc(None)]
    value = load_json(message.data)
    if isinstance(value, dict):
        return [rpc(value)]
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value[:PENDING_REQUESTS]):
        return [rpc(cast("dict[str, Json]", v)) for v in value[:PENDING_REQUESTS]]
    return [rpc(None)]


def repeats_call(body: dict[str, Json]) -> bool:
    """Whether an answer carries the method of the call that it answers, or an empty one, as a few pools do."""
    answers = "params" not in body and ("result" in body or "error" in body)
    return answers and body.get("method") in REPEATED


def load_json(data: bytes) -> Json:
    """JSON text as values; None when it is none."""
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] not in (b"{", b"["):
        return None
    try:
        return cast(Json, orjson.loads(text))
    except orjson.JSONDecodeError:
        if text.isascii():
            return None
    try:  # agents and worker names in a legacy encoding
        return cast(Json, json.loads(text.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None


@dataclass(slots=True)
class Waiting:
    """Requests of one side that wait for their answers, by id; FIFO where a client reuses ids."""

    by_id: dict[str, deque[Rpc]] = field(default_factory=dict)
    size: int = 0

    def add(self, rpc: Rpc) -> None:
        """Remember a request; the oldest goes when there are too many."""
        while self.size >= PENDING_REQUESTS:
            self.take(next(iter(self.by_id)))
        self.by_id.setdefault(rpc.id or "", deque()).append(rpc)
        self.size += 1

    def take(self, key: str) -> Rpc | None:
        """The oldest request with an id."""
        queue = self.by_id.get(key)
        if not queue:
            return None
        self.size -= 1
        request = queue.popleft()
        if not queue:
            del self.by_id[key]
        return request

    def forget_ambiguous(self) -> None:
        """Queues of a reused id no longer line up."""
        for key in [k for k, q in self.by_id.items() if len(q) > 1]:
            self.size -= len(self.by_id.pop(key))


@dataclass(slots=True)
class Pairing:
    """Requests that wait for their answers, by side and id; HTTP by order."""

    of_client: Waiting = field(default_factory=Waiting)
    of_server: Waiting = field(default_factory=Waiting)
    in_order: deque[Rpc] = field(default_factory=deque)

    def see(self, rpc: Rpc) -> None:
        """Remember a request; give an answer its request."""
        if rpc.lost_before:
            self._forget_ambiguous()
        own, other = (self.of_client, self.of_server) if rpc.from_client else (self.of_server, self.of_client)
        if rpc.http is not None:
            self._see_http(rpc)
        elif rpc.method is not None and rpc.id is not None:
            own.add(rpc)
        elif rpc.is_answer and rpc.id is not None:
            rpc.request = other.take(rpc.id)

    def _see_http(self, rpc: Rpc) -> None:
        if rpc.http is not None and rpc.http.status == 0:
            self.in_order.append(rpc)
            while len(self.in_order) > PENDING_REQUESTS:
                self.in_order.popleft()
        elif self.in_order:
            rpc.request = self.in_order.popleft()

    def _forget_ambiguous(self) -> None:
        """After a gap, queues of a reused id no longer line up."""
        self.of_client.forget_ambiguous()
        self.of_server.forget_ambiguous()
        self.in_order.clear()


class Reader:
    """One conversation on its way to a session.

    Args:
        opening: the flow and its ends.

    ``state`` is ``open`` while undecided, ``mining`` once a dialect has it, ``dismissed`` when none has.
    """

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.state: Literal["open", "mining", "dismissed"] = "open"
        self._dull: list[Message] = []
        self._heard: list[Rpc] = []
        self._pairing = Pairing()
        self._talk = Talk()
        self._dialect: Dialect | None = None
        self._tally: Tally | None = None

    @property
    def is_dismissed(self) -> bool:
        """No dialect wants this conversation; feeding it changes nothing."""
        return self.state == "dismissed"

    def feed(self, message: Message) -> None:
        """Take one message."""
        if self.is_dismissed:
            return
        if self.state == "open" and not self._heard and not is_promising(message):
            self._dull.append(message)
            answers = sum(map(is_short_answer, self._dull))
            if len(self._dull) - answers >= DULL_MESSAGES or answers >= DULL_ANSWERS:
                self._dismiss()
            return
        for waiting in self._dull[-DULL_MESSAGES:]:
            self._hear(waiting)
        self._dull = []
        self._hear(message)

    def swap(self) -> None:
        """The two ends turned out to be the other way round."""
        was = self.opening
        self.opening = replace(was, client=was.server, server=was.client)

    def close(self, names: Sequence[str] = ()) -> Session | None:
        """End of the conversation: decide if undecided, and give the session if there is one.

        Args:
            names: host names seen around the payload, best first.
        """
        if self.state == "open":
            for waiting in self._dull[-DULL_MESSAGES:] if self._heard else []:
                self._hear(waiting)
            self._decide(complete=True)
        if self._tally is None:
            return None
        return self._tally.session(self.opening, names)

    def _hear(self, message: Message) -> None:
        for rpc in parse(message):
            if self.is_dismissed:
                return
            self._pairing.see(rpc)
            if self._dialect is not None and self._tally is not None:
                self._tally.take(rpc, self._dialect.translate(rpc, self._talk))
                continue
            self._heard.append(rpc)
            self._decide(complete=len(self._heard) >= OPENING_MESSAGES)

    def _decide(self, *, complete: bool) -> None:
        """Choose a dialect if the claims allow it; dismiss when the opening is complete without one."""
        if not self._heard or self.state == "dismissed":
            return
        found = claims(self._heard)
        decisive = [c for c in found if c[1].decisive]
        pool = decisive or (found if complete else [])
        best = max(pool, key=lambda c: c[1].weight, default=None)
        if best is not None and best[1].weight >= CLAIM_FLOOR:
            self._adopt(*best)
        elif complete:
            self._dismiss()

    def _adopt(self, name: str, claim: Claim) -> None:
        self.state = "mining"
        self._dialect = dialect(name)
        self._tally = Tally(name, claim.because, convention(name))
        for rpc in self._heard:
            self._tally.take(rpc, self._dialect.translate(rpc, self._talk))
        self._heard = []

    def _dismiss(self) -> None:
        self.state = "dismissed"
        self._dull = []
        self._heard = []
        self._pairing = Pairing()


def is_promising(message: Message) -> bool:
    """Whether a message may belong to a dialect at all, at the cost of one regular expression."""
    if message.carrier == "sv2":
        return True
    if message.http is not None and last_segment(message.http.target) in CHIA_PATHS:
        return True
    return vocabulary().search(message.data[:65536]) is not None


def is_short_answer(message: Message) -> bool:
    """Whether a message may be the answer to a share whose request was not captured."""
    data = message.data
    short = message.http is None and len(data) <= ANSWER_BYTES
    return short and b'"result"' in data and b'"id"' in data


CHIA_PATHS: Final = frozenset({"pool_info", "farmer", "partial"})


def last_segment(target: str) -> str:
    """The last part of an HTTP target's path; pools may have a path of their own in front."""
    return target.partition("?")[0].rstrip("/").rpartition("/")[2]


def claims(opening: Sequence[Rpc]) -> list[tuple[str, Claim]]:
    """Every dialect's claim on an opening, in table order; only dialects that travel on one of its carriers."""
    carriers = {rpc.carrier for rpc in opening}
    found = []
    for row in tables.dialects():
        if carriers.isdisjoint(row.carriers.split(";")):
            continue
        judgement = dialect(row.dialect).claim(opening)
        if isinstance(judgement, Claim):
            found.append((row.dialect, judgement))
    return found
