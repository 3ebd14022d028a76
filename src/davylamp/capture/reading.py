"""The reading loop: fill a buffer, walk its records, decode them, carry the rest over.

One buffer is reused for the whole capture, so memory does not depend on the file's size. Plain bytes are read
rather than mapped: mapped pages would count as this process's memory.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Final, Protocol

import numpy as np

from davylamp.capture import faults, pcap, pcapng
from davylamp.capture.batching import TAIL_BYTES, Batcher
from davylamp.capture.containers import RawInput, Source, UnpackedSource, open_source
from davylamp.capture.interfaces import MAX_NS
from davylamp.capture.looks import look_of
from davylamp.capture.wire import STOP_DAMAGED, STOP_NEED_MORE, Bytes, Frames, Walked, blank_frames
from davylamp.errors import CaptureError
from davylamp.records import InputReport, PacketBatch

MIN_CHUNK_BYTES: Final = 1 << 20  # judged: several frames of the largest size
MAX_FRAMES: Final = 1 << 16  # judged: the columns of a batch then take 6 MiB
_SEARCH_OVERLAP_BYTES: Final = 1 << 18  # judged: holds the records that `Walker.resume` wants to see in a row


class Walker(Protocol):
    """Finds frames among the bytes of one format."""

    damage_code: str

    def walk(self, data: Bytes, start: int, stop: int, frames: Frames, base: int) -> Walked:
        """List the frames whose records lie whole within ``data[start:stop]``."""

    def resume(self, data: Bytes, start: int, stop: int) -> int:
        """The next sound record from ``start`` on; -1 when there is none."""


class CaptureReader:
    """Reads one capture from its first byte to its last.

    Args:
        path: file, FIFO, or ``-`` for standard input.
        report: filled as reading goes.
        chunk_bytes: size of the buffer, at least `MIN_CHUNK_BYTES`.
        progress: told of the bytes of the file consumed since the last call.

    Raises:
        CaptureError: E-CAP-001, 003 to 006.
    """

    def __init__(
        self, path: str, report: InputReport, chunk_bytes: int, progress: Callable[[int], None] | None
    ) -> None:
        self._report = report
        self._progress = progress
        self._reported = 0
        self._log = faults.FaultLog(report)
        self._raw = RawInput(path)
        self._limit = max(chunk_bytes, MIN_CHUNK_BYTES)
        self._data = np.zeros(self._limit + TAIL_BYTES, np.uint8)
        self._view = self._data.data
        self._filled = 0
        self._base = 0  # offset in the uncompressed file of the buffer's first byte
        self._is_lost = False  # behind damage, with no sound record found yet
        self._frames = blank_frames(MAX_FRAMES)
        self._batcher = Batcher(self._data, self._frames, self._log)

    def batches(self) -> Iterator[PacketBatch]:
        """The capture's packets."""
        try:
            source = open_source(self._raw, self._log)
            walker, position = self._recognize(source)
            more = True
            while more:
                position = yield from self._drain(walker, position)
                self._carry_over(position)
                position = 0
                more = self._fill(source)
            if self._filled and not self._is_lost:
                self._log.add(faults.TRUNCATED, self._base)
            self._batcher.close()
        finally:
            self._raw.close()

    def _fill(self, source: Source) -> bool:
        """Read on until the buffer is full or a pipe has no more for now; False at the end of the stream."""
        before = self._filled
        while self._filled < self._limit:
            size = source.readinto(self._view[self._filled : self._limit])
            if size == 0:
                break
            self._filled += size
            if source.raw.would_wait():
                break
        self._report.bytes += self._filled - before
        if self._progress and source.raw.consumed > self._reported:
            self._progress(source.raw.consumed - self._reported)
            self._reported = source.raw.consumed
        return self._filled > before

    def _carry_over(self, position: int) -> None:
        """Move what begins at ``position`` to the front of the buffer."""
        rest = self._filled - position
        self._data[:rest] = self._data[position : self._filled]
        self._base += position
        self._filled = rest

    def _recognize(self, source: Source) -> tuple[Walker, int]:
        """The walker for this capture and where its records begin."""
        while self._fill(source) and self._filled < pcap.HEADER_BYTES:
            pass
        head = self._data[: min(self._filled, 512)].tobytes()
        if head[:4] in pcap.MAGICS and len(head) >= pcap.HEADER_BYTES:
            return pcap.PcapWalker(head, self._limit - 64), pcap.HEADER_BYTES
        if head[:4] == pcapng.MAGIC and pcapng.parse_section(head[:12]) is not None:
            return pcapng.PcapngWalker(self._limit, self._log), 0
        path = self._report.path
        if isinstance(source, UnpackedSource) and not head:
            raise CaptureError(
                "E-CAP-006", f"{path}: compressed, but nothing in it can be unpacked", "copy it again"
            )
        if not head:
            raise CaptureError(
                "E-CAP-004", f"{path}: the file is empty", "was the capture started and stopped right?"
            )
        look, hint = look_of(head)
        inside = "compressed, and inside " if isinstance(source, UnpackedSource) else ""
        raise CaptureError("E-CAP-003", f"{path}: {inside}no packet capture but {look}", hint)

    def _drain(self, walker: Walker, position: int) -> Generator[PacketBatch, None, int]:
        """Decode all whole records of the buffer; returns where the first that is not whole begins."""
        while True:
            if self._is_lost:
                found = walker.resume(self._data, position, self._filled)
                if found < 0:
                    return max(position, self._filled - _SEARCH_OVERLAP_BYTES)
                self._is_lost = False
                position = found
            walked = walker.walk(self._data, position, self._filled, self._frames, self._base)
            position = walked.position
            if walked.frames:
                self._note_times(walked.frames)
                yield from self._batcher.batches(walked.frames, self._base)
            if walked.stopped == STOP_DAMAGED:
                self._log.add(walker.damage_code, self._base + position)
                self._is_lost = True
                position += 1
            elif walked.stopped == STOP_NEED_MORE:
                return position

    def _note_times(self, count: int) -> None:
        """Count frames in the report and widen its time span by theirs."""
        report = self._report
        report.packets += count
        times = self._frames.ts_ns[:count]
        beyond = times == MAX_NS
        if beyond.any():
            first = int(self._frames.offset[int(beyond.argmax())])
            self._log.add(faults.BAD_TIME, self._base + first, int(beyond.sum()))
            times = times[~beyond]
        if times.size:
            first_ns, last_ns = int(times.min()), int(times.max())
            report.first_ns = first_ns if report.first_ns is None else min(report.first_ns, first_ns)
            report.last_ns = last_ns if report.last_ns is None else max(report.last_ns, last_ns)
