"""One row as a source gave it, made into what an observation holds, or refused with every reason.

Two shapes come in: sightings as ``davylamp scan`` writes them, and rows of provincial lists
(`davylamp.desk.leads.lists`). Texts that a network peer chose are cut to their column and kept whole in the payload: a
miner that calls its worker by a thousand letters is not refused for it.
"""

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from davylamp.desk.audit.chain import canonical, digest
from davylamp.errors import DavylampError
from davylamp.sizing.energy_rows import bounded_row
from davylamp.sizing.quantities_bounds import Bounded, read_amount

FIRST: Final = datetime(2009, 1, 3, tzinfo=UTC)  # the first block of the first coin: nothing was mined before
MOST_SHARES: Final = 2**53  # judged: what every reader of JSON holds exactly
DEPTH: Final = 12  # judged: a scan nests five deep
MOST_TEXT: Final = 200  # the columns' width
TIERS: Final = ("confirmed", "probable", "suspected", "not_observable")
LIST_PROBABILITY: Final = {"confirmed": 0.99, "probable": 0.9, "suspected": 0.5, "not_observable": 0.1}
# judged: a list that gives no probability; submitted shares make it probable, an address alone suspected
_ODD: Final = re.compile("[\x00\ud800-\udfff]")
HINTS: Final = {
    "E-INT-001": "one object per row: a sighting of davylamp scan, or ip, first, last and more",
    "E-INT-002": "an IPv4 or IPv6 address and, where known, a port from 0 to 65535",
    "E-INT-003": "2021-09-08 13:45 or RFC 3339; first not after last, last not in the future",
    "E-INT-004": "a number that is not negative",
    "E-INT-005": "at most 128 printable characters",
    "E-INT-006": f"kind mining; tier {', '.join(TIERS)}",
    "E-INT-007": "a source's reference stands for one row for ever; give the changed row another",
    "E-INT-009": "the lamp's lake keeps it; a lead needs mining",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row was not taken."""

    row: int
    code: str
    message: str
    data: Any = None

    def as_row(self) -> dict[str, Any]:
        """As an intake keeps it."""
        hint = HINTS.get(self.code, "")
        return {"row": self.row, "code": self.code, "message": self.message, "hint": hint, "data": self.data}


@dataclass(slots=True)
class Seen:
    """One row that can become an observation; field names are the observation's."""

    row: int
    source_ref: str
    ip: str
    first_seen: datetime
    last_seen: datetime
    payload: Any
    digest: str
    ports: tuple[int, ...] = ()  # of the client, where connections were read
    sensor: str = ""
    server_ip: str = ""
    server_port: int | None = None
    kind: str = "mining"
    tier: str = "suspected"
    probability: float = 0.5
    coin: str = ""
    algorithm: str = ""
    pool: str = ""
    wallet: str = ""
    worker: str = ""
    accepted_shares: int = 0
    hashrate_low: float | None = None
    hashrate_hps: float | None = None
    hashrate_high: float | None = None
    because: list[str] = field(default_factory=list)
    not_seen: list[str] = field(default_factory=list)
    bounds: dict[str, Any] = field(default_factory=dict)


class Reader:
    """Reads one row and collects all that is wrong with it."""

    def __init__(self, number: int, row: Any, now: datetime) -> None:
        self.number, self.row, self.now = number, row, now
        self.faults: list[Refusal] = []
        self.kept = storable(row)

    def fault(self, code: str, message: str) -> None:
        """One more reason against the row."""
        self.faults.append(Refusal(self.number, code, message[:300], self.kept))

    def address(self, name: str, value: Any, *, may_lack: bool = False) -> str:
        """An address, IPv4 where it is mapped, without zone."""
        if value in (None, "") and may_lack:
            return ""
        try:
            if not isinstance(value, str):
                raise ValueError
            parsed = ipaddress.ip_address(value.strip().partition("%")[0])
        except ValueError:
            self.fault("E-INT-002", f"{name}: {str(value)[:60]!r} is no address")
            return ""
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        if parsed.is_multicast or parsed.is_unspecified or parsed.is_loopback:
            self.fault("E-INT-002", f"{name}: {parsed} is nobody's")
        return str(mapped or parsed)

    def port(self, name: str, value: Any) -> int | None:
        """A port; None where it is not known."""
        if value in (None, ""):
            return None
        number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 65536:
            self.fault("E-INT-002", f"{name}: {str(value)[:20]!r} is no port")
            return None
        return number

    def time(self, name: str, value: Any) -> datetime:
        """A moment; `FIRST` where it is none, which was told."""
        try:
            found = value if isinstance(value, datetime) else read_time(value)
        except (ValueError, OverflowError, TypeError) as error:
            self.fault("E-INT-003", f"{name}: {error}")
            return FIRST
        if not FIRST <= found <= self.now:
            self.fault("E-INT-003", f"{name}: {found.isoformat()} lies in the future or before any coin")
        return found

    def count(self, name: str, value: Any) -> int:
        """A whole number from 0 on."""
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_SHARES:
            self.fault("E-INT-004", f"{name}: {str(value)[:20]!r} is no count")
            return 0
        return value

    def amount(self, name: str, value: Any) -> Bounded | None:
        """A number as a release writes it: 500余, ≥ 500, 约60; None where there is none."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            reading = read_amount(str(value))
            amount = reading.amount
        except DavylampError as error:
            self.fault("E-INT-004", f"{name}: {error.message}")
            return None
        if reading.unit not in ("", "次", "台", "个") or amount.low < 0 or amount.estimate >= MOST_SHARES:
            self.fault("E-INT-004", f"{name}: {str(value)[:40]!r} is no count")
            return None
        return amount

    def number_of(self, name: str, value: Any, most: float = math.inf) -> float | None:
        """A finite number from 0 to a most; None where there is none."""
        if value is None or value == "":
            return None
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not 0 <= value <= most:
            self.fault("E-INT-004", f"{name}: {str(value)[:20]!r} is no number from 0")
            return None
        return float(value)

    def word(self, name: str, choices: Sequence[str], value: Any) -> str:
        """One of a few words."""
        if value not in choices:
            self.fault("E-INT-006", f"{name}: {str(value)[:40]!r} is none of {', '.join(choices)}")
            return choices[0]
        return str(value)

    def reference(self, value: Any) -> str:
        """A source's key of the row."""
        if not isinstance(value, str | int) or isinstance(value, bool):
            self.fault("E-INT-005", "source_ref: missing")
            return ""
        text = str(value)
        if not 0 < len(text) <= 128 or not text.isprintable():
            self.fault("E-INT-005", f"source_ref: {text[:40]!r}")
        return text

    def texts(self, value: Any) -> list[str]:
        """A list of sentences."""
        return [str(t)[:1000] for t in self.kept_list(value)][:100]

    def kept_list(self, value: Any) -> list[Any]:
        """A list in a storable form."""
        return list(storable(value)) if isinstance(value, list | tuple) else []


def read_time(value: Any) -> datetime:
    """A moment as scans and lists write it; without a zone it is China's.

    Raises:
        ValueError: it is none.
    """
    from davylamp.attribution.imports_cells import read_start
    from davylamp.desk.registry.services import moment

    if isinstance(value, str) and value.endswith("Z") and "." in value:
        whole, _, rest = value.removesuffix("Z").partition(".")
        if not rest.isdecimal():
            raise ValueError(f"{value[:40]!r} is no time")
        return datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}+00:00")
    found = moment(read_start(value))
    if found is None:
        raise ValueError("no time")
    return found


def storable(value: Any, depth: int = 0) -> Any:
    """A value as every database holds it: no NUL, no lone surrogate, no endless number, no bottomless nesting."""
    if depth > DEPTH:
        return "…"
    if isinstance(value, str):
        odd = "\0" in value or not value.isascii()
        return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", value) if odd else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bool | int | None):
        return value if value is None or abs(value) < 2**63 else str(value)
    if isinstance(value, Mapping):
        return {storable(str(k)): storable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [storable(v, depth + 1) for v in value]
    return str(value)


def clip(value: Any, width: int = MOST_TEXT) -> str:
    """A peer's text in a column: whole where it fits, cut and marked where not."""
    text = storable(value) if isinstance(value, str) else ""
    return text if len(text) <= width else text[: width - 1] + "…"


def read_sighting(
    number: int, row: Mapping[str, Any], sessions: Mapping[int, Mapping[str, Any]], now: datetime
) -> "Seen | list[Refusal]":
    """A sighting with the sessions that it rests on, or all that is wrong with it."""
    reader = Reader(number, row, now)
    kind = row.get("kind")
    if kind in ("node", "visit"):
        reader.fault("E-INT-009", f"a {kind} need not mine")
        return reader.faults
    listed = row.get("sessions") or []
    own = (
        [sessions[i] for i in listed if isinstance(i, int) and i in sessions]
        if isinstance(listed, list)
        else []
    )
    rate = row.get("hashrate_hps")
    rate = rate if isinstance(rate, Mapping) else {}
    payload = {**reader.kept, "session_rows": storable(own)} if own else reader.kept
    ports = (reader.port("client port", _part(s, "client").get("port")) for s in own)
    made = Seen(
        row=number,
        source_ref=reader.reference(row.get("source_ref")),
        ip=reader.address("client_ip", row.get("client_ip")),
        first_seen=reader.time("first_seen", row.get("first_seen")),
        last_seen=reader.time("last_seen", row.get("last_seen")),
        payload=payload,
        digest=digest(canonical(payload)),
        ports=tuple(p for p in ports if p is not None),
        sensor=clip(row.get("sensor"), 64),
        server_ip=reader.address("server_ip", row.get("server_ip"), may_lack=True),
        server_port=reader.port("server_port", row.get("server_port")),
        kind=reader.word("kind", ("mining",), kind),
        tier=reader.word("tier", TIERS, row.get("tier")),
        probability=reader.number_of("probability", row.get("probability"), 1.0) or 0.0,
        coin=clip(row.get("coin"), 16),
        algorithm=clip(row.get("algorithm"), 32),
        pool=next((clip(s["pool"]) for s in own if s.get("pool")), ""),
        wallet=clip(row.get("wallet")),
        worker=clip(row.get("worker")),
        accepted_shares=sum(reader.count("shares", _part(s, "shares").get("accepted")) for s in own),
        hashrate_low=reader.number_of("hashrate", rate.get("low")),
        hashrate_hps=reader.number_of("hashrate", rate.get("estimate")),
        hashrate_high=reader.number_of("hashrate", rate.get("high")),
        because=reader.texts(row.get("because")),
        not_seen=reader.texts(row.get("not_seen")),
    )
    return _finish(reader, made)


def _part(session: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = session.get(name)
    return part if isinstance(part, Mapping) else {}


def read_list_row(number: int, row: Mapping[str, Any], now: datetime) -> "Seen | list[Refusal]":
    """A row of a list: ip, first, and what else the list knows."""
    reader = Reader(number, row, now)
    first = row.get("first")
    shares = reader.amount("shares", row.get("shares"))
    machines = reader.amount("machines", row.get("machines"))
    tier = row.get("tier") or ("probable" if shares is not None and shares.estimate > 0 else "suspected")
    tier = reader.word("tier", TIERS, tier)
    ref = row.get("source_ref") or f"row-{digest(canonical(reader.kept))[:40]}"
    given = reader.number_of("probability", row.get("probability"), 1.0)
    bounds = {"shares": shares, "machines": machines}
    port = reader.port("port", row.get("port"))
    told = {n: b for n, b in bounds.items() if b is not None and (n == "machines" or not b.is_exact)}
    made = Seen(
        row=number,
        source_ref=reader.reference(ref),
        ip=reader.address("ip", row.get("ip")),
        first_seen=reader.time("first", first),
        last_seen=reader.time("last", row.get("last") or first),
        payload=reader.kept,
        digest=digest(canonical(reader.kept)),
        ports=() if port is None else (port,),
        sensor=clip(row.get("sensor"), 64),
        server_ip=reader.address("server_ip", row.get("server_ip"), may_lack=True),
        server_port=reader.port("server_port", row.get("server_port")),
        tier=tier,
        probability=LIST_PROBABILITY[tier] if given is None else given,
        coin=clip(str(row.get("coin") or "").upper(), 16),
        algorithm=clip(row.get("algorithm"), 32),
        pool=clip(row.get("pool")),
        wallet=clip(row.get("wallet")),
        worker=clip(row.get("worker")),
        accepted_shares=0 if shares is None else int(shares.estimate),
        because=["named by a list"],
        bounds={name: bounded_row(amount) for name, amount in told.items()},
    )
    return _finish(reader, made)


def _finish(reader: Reader, made: Seen) -> "Seen | list[Refusal]":
    if made.first_seen > made.last_seen and not reader.faults:
        reader.fault("E-INT-003", "it ends before it begins")
    return reader.faults or made
