"""IP fragments put together again, with bounded memory.

At most `MAX_HELD` datagrams and `MAX_HELD_BYTES` of their bytes wait at a time; the oldest give way. A datagram
whose parts overlap other than as exact copies is thrown away whole, as RFC 5722 demands for IPv6: honest senders
do not make them, and which part a victim believes cannot be known.
"""

import secrets
from typing import Final, NamedTuple

import numpy as np

from davylamp.capture import faults
from davylamp.capture.decode import Pieces
from davylamp.capture.gathering import gather, give_up_all
from davylamp.capture.holding import (
    BLOCK,
    BLOCK_BYTES,
    HELD,
    LOST,
    LYING,
    MAX_AGE_NS,
    MAX_HELD,
    MAX_HELD_BYTES,
    Memory,
    blank_memory,
)
from davylamp.capture.wire import Bytes, Frames
from davylamp.kernel import prepared

__all__ = ["MAX_AGE_NS", "MAX_HELD", "MAX_HELD_BYTES", "Datagram", "Reassembler"]

_CODES: Final = {LOST: faults.LOST_FRAGMENT, LYING: faults.LYING_FRAGMENT}


class Datagram(NamedTuple):
    """A whole datagram, as an IP packet without fragmentation."""

    frame: int  # row of the frame that completed it
    ts_ns: int
    frame_len: int  # summed over the frames that carried it
    data: bytes


class Reassembler:
    """Fragments in, whole datagrams out; its memory is taken when the first fragment comes.

    Args:
        log: told of fragments that lead to nothing.
    """

    def __init__(self, log: faults.FaultLog) -> None:
        self._log = log
        self._memory: Memory | None = None
        self._gather = prepared(gather)

    @property
    def held(self) -> int:
        """Datagrams that wait for more."""
        return int(self._memory.held.state[HELD]) if self._memory else 0

    @property
    def held_bytes(self) -> int:
        """Memory that they take, in whole blocks."""
        if self._memory is None:
            return 0
        return MAX_HELD_BYTES - int(self._memory.held.state[BLOCK]) * BLOCK_BYTES

    def feed(self, data: Bytes, pieces: Pieces, count: int, frames: Frames, base: int) -> list[Datagram]:
        """Take ``count`` fragments; the datagrams that they complete, in order.

        Args:
            data: the chunk that the fragments lie in.
            pieces: the fragments.
            count: how many.
            frames: of the chunk, for times and lengths.
            base: offset in the file of ``data[0]``.
        """
        memory = self._memory = self._memory or blank_memory(secrets.randbits(63))
        whole: list[Datagram] = []
        done = 0
        while done < count:
            done, wholes = self._gather(memory, data, pieces, done, count, frames, base)
            if wholes:
                whole += _datagrams(memory, wholes, frames)
        self._tell(memory)
        return whole

    def close(self) -> None:
        """End of the capture: what is not whole never will be."""
        if self._memory is not None and give_up_all(self._memory):
            self._tell(self._memory)

    def _tell(self, memory: Memory) -> None:
        """Move faults into the log, the kind that was met first first."""
        faulty = memory.faulty
        if not faulty.met.any():
            return
        for kind in np.argsort(faulty.order).tolist():
            if faulty.met[kind]:
                self._log.add(_CODES[kind], int(faulty.first[kind]), int(faulty.met[kind]))
        faulty.met[:] = 0


def _datagrams(memory: Memory, wholes: int, frames: Frames) -> list[Datagram]:
    """Copy finished datagrams out of the memory that the next call fills again."""
    whole = memory.whole
    rows = whole.frame[:wholes]
    ends = whole.end[:wholes].tolist()
    data = whole.data[: ends[-1]].tobytes()
    columns = (rows.tolist(), frames.ts_ns[rows].tolist(), whole.frame_len[:wholes].tolist())
    starts = [0, *ends[:-1]]
    return [
        Datagram(frame, ts_ns, length, data[start:end])
        for frame, ts_ns, length, start, end in zip(*columns, starts, ends, strict=True)
    ]
