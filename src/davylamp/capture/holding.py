"""The memory in which IP fragments wait for one another; `davylamp.capture.gathering` works in it.

A datagram that waits owns one row of `Held`, a bit per 8 bytes of it that came, and as many blocks of
`BLOCK_BYTES` as its bytes touch. Rows and blocks are all there is: when either runs out, the oldest datagram goes.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_HELD: Final = 1024  # judged: a busy NFS link has tens in flight
MAX_HELD_BYTES: Final = 16 << 20  # judged: MAX_HELD datagrams of 16 KiB
MAX_AGE_NS: Final = 30_000_000_000  # judged: Linux' own net.ipv4.ipfrag_time
MAX_DATAGRAM: Final = 65_535
BLOCK_BYTES: Final = 512  # judged: a fragment of the usual 1480 bytes touches three or four
WHOLES: Final = 1024  # judged: datagrams of 256 bytes fill the room below
WHOLE_BYTES: Final = 1 << 18  # judged: room for four datagrams of the largest size
_BLOCKS: Final = MAX_HELD_BYTES // BLOCK_BYTES
_BLOCKS_EACH: Final = (MAX_DATAGRAM + BLOCK_BYTES) // BLOCK_BYTES
_WORDS: Final = 128  # of 64 bits, one per 8 bytes of the largest datagram
BUCKETS: Final = 2 * MAX_HELD
Number = int | np.signedinteger[Any]  # what a kernel counts in
NONE: Final = -1
V6: Final = 1 << 60

# Places in `Held.state`.
FREE: Final = 0  # first unused row
OLDEST: Final = 1
NEWEST: Final = 2
HELD: Final = 3  # rows in use
BLOCK: Final = 4  # blocks on the stack of free ones
SEED: Final = 5
EVENTS: Final = 6  # faults met so far
STATES: Final = 7

LOST: Final = 0  # kinds of fault
LYING: Final = 1


class Held(NamedTuple):
    """Datagrams that are not whole yet, one row each; linked by age and by hash."""

    key: NDArray[np.int64]  # (rows, 5) addresses; identification and protocol
    first_ns: NDArray[np.int64]
    offset: NDArray[np.int64]  # in the file, of its first part
    frame_len: NDArray[np.int64]  # summed over the frames that carried it
    parts: NDArray[np.int64]
    units: NDArray[np.int64]  # of 8 bytes, once the last part is known
    size: NDArray[np.int64]  # bytes, as far as they came
    reach: NDArray[np.int64]  # units up to the end of the farthest part
    came: NDArray[np.int64]  # units that came
    have: NDArray[np.uint64]  # (rows, words) one bit per unit
    place: NDArray[np.int32]  # (rows, blocks) which block holds which 512 bytes
    older: NDArray[np.int32]
    newer: NDArray[np.int32]  # also the next unused row
    chain: NDArray[np.int32]  # next of the same bucket
    bucket: NDArray[np.int32]
    free: NDArray[np.int32]  # stack of blocks
    blocks: NDArray[np.uint8]  # (blocks, BLOCK_BYTES)
    state: NDArray[np.int64]
    scratch: NDArray[np.int64]  # a key


def blank_held(seed: int) -> Held:
    """Nothing held; ``seed`` keeps senders from aiming at one bucket."""
    state = np.zeros(STATES, np.int64)
    state[[OLDEST, NEWEST]] = NONE
    state[BLOCK], state[SEED] = _BLOCKS, seed
    following = np.arange(1, MAX_HELD + 1, dtype=np.int32)
    following[-1] = NONE
    return Held(
        key=np.zeros((MAX_HELD, 5), np.int64),
        first_ns=np.zeros(MAX_HELD, np.int64),
        offset=np.zeros(MAX_HELD, np.int64),
        frame_len=np.zeros(MAX_HELD, np.int64),
        parts=np.zeros(MAX_HELD, np.int64),
        units=np.zeros(MAX_HELD, np.int64),
        size=np.zeros(MAX_HELD, np.int64),
        reach=np.zeros(MAX_HELD, np.int64),
        came=np.zeros(MAX_HELD, np.int64),
        have=np.zeros((MAX_HELD, _WORDS), np.uint64),
        place=np.full((MAX_HELD, _BLOCKS_EACH), NONE, np.int32),
        older=np.full(MAX_HELD, NONE, np.int32),
        newer=following,
        chain=np.full(MAX_HELD, NONE, np.int32),
        bucket=np.full(BUCKETS, NONE, np.int32),
        free=np.arange(_BLOCKS, dtype=np.int32),
        blocks=np.zeros((_BLOCKS, BLOCK_BYTES), np.uint8),
        state=state,
        scratch=np.zeros(5, np.int64),
    )


class Faulty(NamedTuple):
    """Fragments that led to nothing, by kind; ``order`` says which kind was met first."""

    met: NDArray[np.int64]
    first: NDArray[np.int64]  # offset in the file
    order: NDArray[np.int64]


class Whole(NamedTuple):
    """Datagrams put together, without fragmentation: one row each, their bytes one after the other."""

    frame: NDArray[np.int64]  # row of the frame that completed it
    frame_len: NDArray[np.int64]
    end: NDArray[np.int64]  # of its bytes
    data: NDArray[np.uint8]


class Memory(NamedTuple):
    """All that `gather` works in."""

    held: Held
    faulty: Faulty
    whole: Whole


def blank_memory(seed: int) -> Memory:
    """Nothing held, nothing wrong, room for what one call completes."""
    return Memory(
        blank_held(seed),
        Faulty(np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)),
        Whole(
            np.zeros(WHOLES, np.int64),
            np.zeros(WHOLES, np.int64),
            np.zeros(WHOLES, np.int64),
            np.zeros(WHOLE_BYTES, np.uint8),
        ),
    )
