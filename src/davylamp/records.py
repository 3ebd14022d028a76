"""What crosses a border between stages, in the order of the flow.

::

    capture ──PacketBatch──▶ flows ──FLOW rows, Message──▶ dialects ──Session──▶ sizing ──Session──▶
    detectors ──Finding──▶ fusion ──Sighting──▶ attribution, sizing ──Client──▶ report, desk, lake

What is said of a client address stands in `davylamp.records_clients` and is passed on here.

Units are in the names: ``_ns`` Unix nanoseconds, ``_s`` seconds, ``_hps`` hashes per second. Addresses are
128-bit, IPv4 mapped into ``::ffff:0:0/96``, as two unsigned 64-bit halves inside kernels and as text at the edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.records_clients import (
    Attribution,
    Claim,
    Client,
    ClientEnergy,
    Grade,
    GradePart,
    Holder,
    HolderState,
    Hop,
    Interval,
    Layer,
    Link,
    MachineCount,
    MachineReason,
    MassFigure,
    NotKnown,
    PeriodEnergy,
    ScanEnergy,
    TotalRow,
    Unknown,
)
from davylamp.records_traces import Traces

__all__ = [  # what is passed on; the records below need no listing
    "Attribution",
    "Claim",
    "Client",
    "ClientEnergy",
    "Grade",
    "GradePart",
    "Holder",
    "HolderState",
    "Hop",
    "Interval",
    "Layer",
    "Link",
    "MachineCount",
    "MachineReason",
    "MassFigure",
    "NotKnown",
    "PeriodEnergy",
    "ScanEnergy",
    "TotalRow",
    "Unknown",
]

# --- 1 capture -> flows ------------------------------------------------------------------------------------

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10

TCP: Final = 6
UDP: Final = 17


class PacketBatch(NamedTuple):
    """The packets of one chunk of capture, as columns; passes into numba kernels as it is.

    All arrays are reused for the next chunk: whoever keeps anything copies it. Except ``buffer`` they have one
    element per packet, in capture order, and hold TCP and UDP packets only.
    """

    buffer: NDArray[np.uint8]  # bytes that payload_off points into
    ts_ns: NDArray[np.int64]
    src_hi: NDArray[np.uint64]
    src_lo: NDArray[np.uint64]
    dst_hi: NDArray[np.uint64]
    dst_lo: NDArray[np.uint64]
    sport: NDArray[np.uint16]
    dport: NDArray[np.uint16]
    proto: NDArray[np.uint8]  # IP protocol: TCP or UDP
    flags: NDArray[np.uint8]  # TCP flags, 0 for UDP
    seq: NDArray[np.uint32]  # TCP sequence number of the first payload byte (SYN not counted in)
    ack: NDArray[np.uint32]
    payload_off: NDArray[np.int64]  # into buffer
    payload_len: NDArray[np.int32]  # payload bytes that the capture holds
    wire_len: NDArray[np.int32]  # payload bytes that the wire carried; more than payload_len when snapped
    frame_len: NDArray[np.int32]  # whole frame on the wire, for byte counts


@dataclass(frozen=True, slots=True)
class Fault:
    """Damage in an input that did not stop the rest.

    One row stands for ``count`` occurrences of the same code in the same file; ``offset`` is the first one's
    byte offset in the uncompressed file.
    """

    code: str
    message: str
    path: str
    offset: int
    count: int = 1


@dataclass(slots=True)
class InputReport:
    """What was read from one input, and what was wrong with it."""

    path: str
    packets: int = 0
    bytes: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    faults: list[Fault] = field(default_factory=list)


# --- 2 flows -> dialects, detectors, lake ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address as text and a port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Opening:
    """A TCP conversation whose bytes are followed: its flow and its two ends."""

    flow_id: int
    capture: str
    client: Endpoint
    server: Endpoint
    joined_midway: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow as a detector sees it; the full row is in the flow table (``davylamp.flows.export``)."""

    flow_id: int
    client: Endpoint
    server: Endpoint
    proto: int
    first_ns: int
    last_ns: int
    name: str = ""  # TLS server name or HTTP host
    pool_named: bool = False
    node: str = ""  # peer-to-peer protocol recognized, e.g. "bitcoin"


Carrier = Literal["tcp", "http", "websocket", "sv2"]


@dataclass(frozen=True, slots=True)
class Message:
    """One application message out of the reassembled bytes of a conversation.

    ``data`` is a text line without its line end (carrier ``tcp``), a WebSocket message, one HTTP body
    (empty for a GET) or one Stratum V2 frame with its 6-byte header. ``ts_ns`` is the time of the packet
    that completed it. ``lost_before`` counts bytes missing in this direction right before it.
    """

    ts_ns: int
    from_client: bool
    data: bytes
    carrier: Carrier = "tcp"
    http: "HttpHead | None" = None
    lost_before: int = 0


@dataclass(frozen=True, slots=True)
class HttpHead:
    """Start line and headers of the HTTP message around a body; header names in lower case."""

    method: str  # of the request, also on its response
    target: str  # of the request, also on its response
    status: int  # 0 on a request
    headers: Mapping[str, str]


# --- 3 dialects -> sizing, detectors -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """One coin that a session may be mining, with the reason that speaks for it."""

    coin: str
    weight: float  # 0..1, judged; the candidates of one session sum to at most 1
    because: str


@dataclass(frozen=True, slots=True)
class ShareBin:
    """Shares of one session within one minute of wall time."""

    minute: int  # Unix minutes
    accepted: int
    rejected: int
    work_hashes: float  # of the accepted; 0 where the work convention is unknown


@dataclass(frozen=True, slots=True)
class Work:
    """Accepted work of a session whose shares have a known meaning.

    ``shares`` accepted shares carry the work ``hashes``; ``squares`` is the sum of their squared single works,
    so that ``hashes**2 / squares`` is the effective number of equal shares. They fell within ``exposure_s``
    seconds in which the session's difficulty was known and it was connected. ``low``/``high`` factors bound
    a convention that differs between pools (1.0 both when exact). ``share_hashes`` is what one share of the
    heaviest difficulty in force was worth: it bounds the rate when no share came.
    """

    shares: int
    hashes: float
    squares: float
    share_hashes: float
    exposure_s: float
    low_factor: float
    high_factor: float
    convention: str


@dataclass(slots=True)
class Session:
    """One mining conversation, read from its payload (``docs/concepts/3-dialects.md``).

    ``login`` is what the client sent to name itself, ``wallet`` and ``worker`` what that was read as.
    ``work`` is None, with ``work_note`` saying why, when no work convention can be vouched for;
    ``hashrate_hps`` is filled by the sizing stage.
    """

    flow_id: int
    capture: str
    client: Endpoint
    server: Endpoint
    first_ns: int
    last_ns: int
    joined_midway: bool
    dialect: str
    carrier: Carrier = "tcp"
    algorithm: str | None = None
    coin: str | None = None
    coin_candidates: tuple[Candidate, ...] = ()
    login: str | None = None
    wallet: str | None = None
    worker: str | None = None
    rig_id: str | None = None
    agent: str | None = None
    pool: str | None = None
    payout_coin: str | None = None
    donation: bool = False
    jobs: int = 0
    submitted: int = 0
    accepted: int = 0
    rejected: int = 0
    stale: int = 0
    unanswered: int = 0
    duplicates: int = 0
    logins_refused: int = 0
    work: Work | None = None
    work_note: str = ""
    active_s: float = 0.0
    hashrate_hps: Interval | None = None
    hashrate_note: str = ""
    reported_hps: tuple[float, ...] = ()  # the miner's own claims, never mixed in
    heights: tuple[int, int] | None = None
    lost_bytes: int = 0
    lost_share: float = 0.0  # judged fraction of the accepted work that the capture missed, 0..1
    bins: tuple[ShareBin, ...] = ()
    traces: Traces = field(default_factory=Traces)  # of the machines behind it
    because: tuple[str, ...] = ()  # why this is read as mining, in this dialect, heaviest first
    notes: tuple[str, ...] = ()


# --- 4 detectors -> fusion ---------------------------------------------------------------------------------

Verdict = Literal["mining", "node", "visit"]
Tier = Literal["confirmed", "probable", "suspected"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector says of one subject.

    ``strength`` is a log10 likelihood ratio for ``verdict`` against its absence. ``family`` names the kind of
    evidence: fusion caps the sum per family, so that detectors that look at the same thing count once.
    """

    detector: str
    family: str
    verdict: Verdict
    strength: float
    because: str
    client: Endpoint
    server: Endpoint
    first_ns: int
    last_ns: int
    session: int | None = None  # index into the scan's sessions
    flow_id: int | None = None


@dataclass(frozen=True, slots=True)
class Abstain:
    """A detector that cannot judge its subject, and why. Silence would hide ignorance."""

    because: str


@dataclass(slots=True)
class Sighting:
    """What fusion says of one client, server and port over one interval (监测记录); immutable once written."""

    client_ip: str
    server_ip: str
    server_port: int
    first_ns: int
    last_ns: int
    kind: Verdict
    tier: Tier
    probability: float
    because: tuple[str, ...]
    sessions: tuple[int, ...] = ()
    captures: tuple[str, ...] = ()
    coin: str | None = None
    algorithm: str | None = None
    wallet: str | None = None
    worker: str | None = None
    agent: str | None = None
    hashrate_hps: Interval | None = None
    hashrate_note: str = ""
    not_seen: tuple[str, ...] = ()  # what could not have been seen
    source_ref: str = ""  # idempotency key


@dataclass(slots=True)
class Scan:
    """The whole result of one scan."""

    inputs: list[InputReport]
    sessions: list[Session]
    sightings: list[Sighting]
    clients: list[Client] = field(default_factory=list)
    attributions: list[Attribution] = field(default_factory=list)
    energy: ScanEnergy | None = None  # None where nothing mines
