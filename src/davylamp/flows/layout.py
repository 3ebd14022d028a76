"""The shape of the meter's memory: one row per live flow, two sides per row, pools of beats and names.

Everything is allocated once and bounded by `MeterSettings`; pages are touched only as they come into use.
With capacity c, b beat blocks and m names the bound in bytes is ``272 c + 132 b + 128 m`` plus about 6 MB of fixed
buffers: 142 MB + 69 MB + 17 MB by default.

The kernels see a `Table`, a tuple of arrays. A flow's two ends are called a and b, in the order of their
addresses; which of them is the client is one field that may still change while the flow is undecided.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.errors import BadUse

Ints = NDArray[np.int64]
Rows = NDArray[Any]  # structured
Whole = int | np.signedinteger[Any]  # what a kernel counts in

NAME_BYTES: Final = 96  # judged: longer names keep their right end, which names the operator
ALPN_BYTES: Final = 16
BLOCK_BEATS: Final = 16  # judged: one block holds a DNS exchange or a short request without waste
MOST_BEATS: Final = 1 << 17  # judged: 300 a minute over six hours is 108,000
NOTHING: Final = -1  # no slot, block or name

# --- enumerations that leave the kernel; the tuples name them for export -----------------------------------

ROLE_SYN: Final = 0
ROLE_SYNACK: Final = 1
ROLE_PORT: Final = 2
ROLE_FIRST: Final = 3
ROLE_PAYLOAD: Final = 4
ROLE_NAMES: Final = ("syn", "synack", "port", "first", "payload")

END_NONE: Final = 0
END_IDLE: Final = 1
END_ACTIVE: Final = 2
END_CLOSED: Final = 3
END_REUSED: Final = 4
END_EVICTED: Final = 5
END_INPUT: Final = 6
END_NAMES: Final = ("", "idle", "active", "closed", "reused", "evicted", "input")

KIND_NONE: Final = 0
KIND_JSON: Final = 1
KIND_HTTP: Final = 2
KIND_CONNECT: Final = 3
KIND_SOCKS: Final = 4
KIND_SV2: Final = 5
KIND_TEXT: Final = 6  # the last kind whose payload is read
KIND_TLS: Final = 7
KIND_NODE: Final = 8
KIND_NAMES: Final = ("", "json", "http", "connect", "socks", "sv2", "text", "tls", "node")

NODE_NAMES: Final = (
    "",
    "bitcoin",
    "litecoin",
    "dogecoin",
    "dash",
    "bitcoin-cash",
    "zcash",
    "ravencoin",
    "monero",
    "devp2p",
    "ethereum",
)
NODE_MONERO: Final = 8
NODE_DEVP2P: Final = 9  # by port and size
NODE_ETHEREUM: Final = 10  # by the hash of a discovery packet

LOST_NONE: Final = 0
LOST_BULK: Final = 1
LOST_FULL: Final = 2
LOST_NAMES: Final = ("", "bulk", "full")

NAMED_SNI: Final = 1
NAMED_HOST: Final = 2
NAMED_TARGET: Final = 3
NAMED_NAMES: Final = ("", "sni", "host", "connect")

# --- what triage thinks of a flow --------------------------------------------------------------------------

UNDECIDED: Final = 0
CANDIDATE: Final = 1
HELD: Final = 2
WEB: Final = 3  # plain HTTP without a sign of mining; looked at again at each request
GIVEN_UP: Final = 4
DISMISSED: Final = 5

# --- bits of a flow and of a side --------------------------------------------------------------------------

SAW_SYN: Final = 1
SAW_SYNACK: Final = 2
SAW_RST: Final = 4
SAW_PAYLOAD: Final = 8
SNAPPED: Final = 16
POOL_NAMED: Final = 32
A_SENT_FIN: Final = 64  # shifted left by the side
BOTH_SENT_FIN: Final = 192

KNOWS_ISN: Final = 1
KNOWS_SEQ: Final = 2

FLOW: Final = np.dtype(
    [
        ("a_hi", "u8"),
        ("a_lo", "u8"),
        ("b_hi", "u8"),
        ("b_lo", "u8"),
        ("ports", "u8"),  # a's port << 32 | b's port << 16 | protocol
        ("flow_id", "i8"),  # -1 on a free row
        ("last_ns", "i8"),
        ("seen_ns", "i8"),  # meter time, see `table.advance`
        ("first_ns", "i8"),
        ("began_ns", "i8"),  # first_ns of part 0; it tells flows with the same ends apart
        ("window_ns", "i8"),  # when the present window of beats began
        ("beat_head", "i4"),
        ("beat_tail", "i4"),
        ("beats", "i4"),
        ("name", "i4"),
        ("link", "i4"),  # the next free row
        ("hash", "u4"),
        ("part", "i4"),
        ("bits", "u1"),
        ("state", "u1"),
        ("mark", "u1"),
        ("node", "u1"),
        ("client", "u1"),  # 0: a is the client, 1: b is
        ("role", "u1"),
        ("looks", "u1"),
        ("lost", "u1"),  # why beats were dropped
        ("end", "u1"),
        ("spare", "u1", (3,)),  # of a row of 128 bytes
    ]
)
FLOW_WORDS: Final = FLOW.itemsize // 8
SIDE: Final = np.dtype(
    [
        ("packets", "i8"),
        ("bytes", "i8"),
        ("payload_bytes", "i8"),
        ("gap_bytes", "i8"),
        ("payload_packets", "u4"),
        ("next_seq", "u4"),
        ("isn", "u4"),
        ("retransmissions", "u4"),
        ("out_of_order", "u4"),
        ("hole_low", "u4"),  # the newest hole in the sequence, filled by what comes late
        ("hole_high", "u4"),
        ("bits", "u1"),
        ("spare", "u1", (3,)),
    ]
)
NAME: Final = np.dtype(
    [
        ("text", "u1", (NAME_BYTES,)),
        ("alpn", "u1", (ALPN_BYTES,)),
        ("size", "u1"),
        ("alpn_size", "u1"),
        ("kind", "u1"),
        ("cut", "u1"),
        ("link", "i4"),
        ("spare", "u1", (8,)),
    ]
)

# --- places in `Table.clock`, `Table.counters`, `Table.limits` and `Out.fill` ------------------------------

SERIAL: Final = 0  # packets metered
SWEPT: Final = 1  # serial at which the sweep last moved
SWEEP_HAND: Final = 2
EVICT_HAND: Final = 3
EVICT_NEXT: Final = 4  # where the evicting hand goes once its victim is out
USED: Final = 5  # rows ever used
FREE_SLOT: Final = 6
LIVE: Final = 7
ERA_NS: Final = 8  # newest capture time since the last jump
METER_NS: Final = 9  # meter time
FREE_BLOCK: Final = 10
BLOCKS_USED: Final = 11
BLOCKS_FREE: Final = 12
FREE_NAME: Final = 13
NAMES_USED: Final = 14
NEXT_FLOW: Final = 15
CLOSE_HAND: Final = 16
CLOCKS: Final = 17

ENDED: Final = 0  # and the following, one per END_...
TIME_JUMPS: Final = 7
BEATS_BULK: Final = 8
BEATS_FULL: Final = 9
NAMES_FULL: Final = 10
HELD_EVICTED: Final = 11
BAD_PAYLOAD: Final = 12
COUNTERS: Final = 13

TCP_IDLE: Final = 0
UDP_IDLE: Final = 1
HELD_IDLE: Final = 2
LINGER: Final = 3
ACTIVE: Final = 4
BULK_WINDOW: Final = 5  # beats
BULK_NS: Final = 6  # a window filled faster than this is bulk
RESERVE: Final = 7  # blocks that only flows with beats may take
SLOT_BITS: Final = 8
SHORTEST: Final = 9  # the shortest of all idle times
LIMITS: Final = 10

OUT_ROWS: Final = 0
OUT_NAMES: Final = 1
OUT_BEATS: Final = 2
OUT_MARKS: Final = 3
OUT_CHECKS: Final = 4
FILLS: Final = 5

# --- places in `Table.keys` and `Table.scratch` ------------------------------------------------------------

KEY_A_HI: Final = 0
KEY_A_LO: Final = 1
KEY_B_HI: Final = 2
KEY_B_LO: Final = 3
KEY_PORTS: Final = 4
KEY_HASH: Final = 5
KEY_SIDE: Final = 6  # 0: end a sends, 1: end b does
KEY_GUESS: Final = 7  # the slot that the index names first, plus one; 0 for none
KEYS_AHEAD: Final = 32  # a power of two above the farthest look ahead in `davylamp.flows.step`

NAME_AT: Final = 0
NAME_LENGTH: Final = 1
NAME_KIND: Final = 2
ALPN_AT: Final = 3
ALPN_LENGTH: Final = 4


class Vocabulary(NamedTuple):
    """Words to look for, grouped by first byte; ``classes`` are bits to report."""

    starts: NDArray[np.int16]  # (257,) first word that begins with this byte
    offsets: NDArray[np.int32]
    text: NDArray[np.uint8]
    classes: NDArray[np.uint8]


class Table(NamedTuple):
    """The meter's memory as kernels see it."""

    flows: Rows  # (capacity,) FLOW
    flow_words: NDArray[np.uint64]  # (capacity, FLOW_WORDS) the same memory, for copying whole rows
    sides: Rows  # (capacity, 2) SIDE
    lookup: NDArray[np.uint64]  # hash << 32 | slot + 1; 0 is empty; linear probing at most half full
    beats: NDArray[np.int32]  # (blocks, BLOCK_BEATS, 2): ms since first, length, + from a to b
    block_next: NDArray[np.int32]
    names: Rows  # (names,) NAME
    clock: Ints
    counters: Ints
    limits: Ints
    keys: NDArray[np.uint64]  # (KEYS_AHEAD, 8) of the next packets, by the low bits of their number
    seed: NDArray[np.uint64]  # (1,) of the hash
    scratch: Ints
    pools: NDArray[np.uint64]  # ascending hashes of pool domains
    port_rank: NDArray[np.uint8]  # (65536,) how much a port looks like a server's
    words: Vocabulary
    agents: Vocabulary


class Out(NamedTuple):
    """Where a kernel run leaves its results; drained and used again."""

    flows: Rows
    flow_words: NDArray[np.uint64]  # the same memory, as in `Table`
    sides: Rows
    names: Rows
    beats: NDArray[np.int32]  # (n, 2)
    mark_row: NDArray[np.int64]
    mark_flow: Ints
    mark_bits: NDArray[np.uint8]  # 1 from the client, 2 first of its flow
    check_row: NDArray[np.int64]
    check_flow: Ints
    fill: Ints


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """How long a flow lives and how much memory all flows may take.

    Args:
        capacity: live flows, a power of two; the table evicts when it is full.
        idle_s: silence after which a TCP flow is over.
        udp_idle_s: the same for UDP.
        held_idle_s: the same for a TCP flow that triage or the reader holds for mining.
        linger_s: silence after which a closed TCP flow (RST, or FIN both ways) is over.
        active_s: a flow is exported in parts of at most this duration.
        beat_blocks: blocks of 16 beats, shared by all flows.
        names: host names of live flows.
        bulk_per_minute: payload packets per minute above which a flow is bulk and loses its beats.
        bulk_grace: beats that a flow may have at any speed; also the window over which speed is judged.

    Raises:
        BadUse: E-FLW-001, a value out of its range.
    """

    capacity: int = 1 << 19
    idle_s: float = 600.0  # judged: pools stay quiet for minutes
    udp_idle_s: float = 120.0  # judged: twice the usual NAT binding of a minute
    held_idle_s: float = 3600.0  # judged: TCP keep-alives are two hours apart, blocks of slow chains an hour
    linger_s: float = 30.0  # judged: late retransmissions after RST or FIN
    active_s: float = 6 * 3600.0  # judged: bounds a flow's beats and the wait for its row
    beat_blocks: int = 1 << 19
    names: int = 1 << 17
    bulk_per_minute: float = 300.0  # judged: mining behind one proxy stays below 40 a minute, docs/evidence
    bulk_grace: int = 256  # judged: a page load or a login burst passes, 4 kB of memory per flow

    def __post_init__(self) -> None:
        checks = (
            (16 <= self.capacity <= 1 << 26 and self.capacity & (self.capacity - 1) == 0, "capacity"),
            (all(0 < s <= 30 * 86400 for s in self._durations()), "a duration"),
            (self.active_s <= 20 * 86400, "active_s"),  # beats count milliseconds in 31 bits
            (1 <= self.beat_blocks <= 1 << 28, "beat_blocks"),
            (1 <= self.names <= 1 << 26, "names"),
            (self.bulk_per_minute > 0 and 1 <= self.bulk_grace <= MOST_BEATS, "the bulk rule"),
        )
        wrong = [what for good, what in checks if not good]
        if wrong:
            raise BadUse("E-FLW-001", f"meter settings out of range: {', '.join(wrong)}", "see MeterSettings")

    def _durations(self) -> tuple[float, ...]:
        return (self.idle_s, self.udp_idle_s, self.held_idle_s, self.linger_s, self.active_s)


def _aligned(count: int, dtype: np.dtype[Any]) -> Rows:
    """Zeroed rows that begin on a cache line, so that a row touches as few lines as it can."""
    raw = np.zeros(count * dtype.itemsize + 64, dtype=np.uint8)
    skip = -raw.ctypes.data % 64
    return raw[skip : skip + count * dtype.itemsize].view(dtype)


def make_table(settings: MeterSettings, seed: int, fixed: tuple[Any, ...]) -> Table:
    """Allocate a meter's memory.

    Args:
        settings: the bounds.
        seed: 64 random bits for the hash, so that nobody can aim at one bucket.
        fixed: pools, port ranks and the two vocabularies (`davylamp.flows.words`).
    """
    flows = _aligned(settings.capacity, FLOW)
    clock = np.zeros(CLOCKS, dtype=np.int64)
    clock[[FREE_SLOT, FREE_BLOCK, FREE_NAME, SWEPT]] = NOTHING
    clock[BLOCKS_FREE] = settings.beat_blocks
    limits = np.zeros(LIMITS, dtype=np.int64)
    limits[[TCP_IDLE, UDP_IDLE, HELD_IDLE, LINGER, ACTIVE]] = [int(s * 1e9) for s in settings._durations()]
    limits[SHORTEST] = limits[:ACTIVE].min()
    limits[BULK_WINDOW] = settings.bulk_grace
    limits[BULK_NS] = int(settings.bulk_grace * 60e9 / settings.bulk_per_minute)
    limits[RESERVE] = settings.beat_blocks // 8
    limits[SLOT_BITS] = settings.capacity.bit_length() - 1
    return Table(
        flows,
        flows.view(np.uint64).reshape(-1, FLOW_WORDS),
        _aligned(settings.capacity * 2, SIDE).reshape(settings.capacity, 2),
        np.zeros(settings.capacity * 2, dtype=np.uint64),
        np.zeros((settings.beat_blocks, BLOCK_BEATS, 2), dtype=np.int32),
        np.zeros(settings.beat_blocks, dtype=np.int32),
        _aligned(settings.names, NAME),
        clock,
        np.zeros(COUNTERS, dtype=np.int64),
        limits,
        np.zeros((KEYS_AHEAD, 8), dtype=np.uint64),
        np.array([seed], dtype=np.uint64),
        np.zeros(8, dtype=np.int64),
        *fixed,
    )


def make_out(rows: int, packets: int) -> Out:
    """Allocate result buffers for ``rows`` ended flows per run and batches of ``packets``."""
    flows = np.zeros(rows, dtype=FLOW)
    return Out(
        flows,
        flows.view(np.uint64).reshape(-1, FLOW_WORDS),
        np.zeros((rows, 2), dtype=SIDE),
        np.zeros(rows, dtype=NAME),
        np.zeros((2 * MOST_BEATS, 2), dtype=np.int32),
        np.zeros(packets, dtype=np.int64),
        np.zeros(packets, dtype=np.int64),
        np.zeros(packets, dtype=np.uint8),
        np.zeros(packets, dtype=np.int64),
        np.zeros(packets, dtype=np.int64),
        np.zeros(FILLS, dtype=np.int64),
    )
