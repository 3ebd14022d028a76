"""The outermost layer: files, pipes and standard input, plain or compressed, as one stream of bytes.

gzip, zstd, xz and lz4 are told by their magic, may consist of several members, and unpack with bounded memory: a
few MiB of output at a time, windows of at most `MAX_WINDOW_BYTES`. Damage ends the stream with a fault; what was
unpacked before it stays.
"""

import os
import select
import stat
import zlib
from collections.abc import Callable
from io import FileIO
from typing import Final, Protocol

from davylamp.capture import faults
from davylamp.errors import CaptureError

MAX_WINDOW_BYTES: Final = 128 << 20  # judged: what `zstd -d` and `xz -9` allow without being asked for more
_INPUT_BYTES: Final = 1 << 16
_PIECE_BYTES: Final = 1 << 18  # judged: output per call, large against the call's cost
_ZSTD_INPUT_BYTES: Final = 1 << 10  # 4 bytes can unpack to 128 KiB, so this bounds a call's output to 32 MiB
_HEAD_BYTES: Final = 6


class RawInput:
    """A file, FIFO or standard input, read without a buffer in between.

    Args:
        path: ``-`` stands for standard input.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = FileIO(0, closefd=False) if path == "-" else FileIO(path)
        except FileNotFoundError as error:
            raise CaptureError("E-CAP-001", f"{path}: there is no such file", "check the path") from error
        except OSError as error:
            raise CaptureError("E-CAP-005", f"{path}: cannot be opened: {error.strerror}") from error
        self._path = path
        self._is_regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        self.consumed = 0

    def readinto(self, view: memoryview) -> int:
        """Fill the beginning of ``view``; 0 at the end."""
        try:
            size = self._file.readinto(view) or 0
        except OSError as error:
            raise CaptureError("E-CAP-005", f"{self._path}: cannot be read: {error.strerror}") from error
        self.consumed += size
        return size

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        room = bytearray(size)
        return bytes(room[: self.readinto(memoryview(room))])

    def would_wait(self) -> bool:
        """Whether a pipe has nothing to give right now; then what is there gets read first."""
        if self._is_regular:
            return False
        ready, _, _ = select.select([self._file.fileno()], [], [], 0)
        return not ready

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._file.close()


class Source(Protocol):
    """A stream of uncompressed bytes."""

    raw: RawInput

    def readinto(self, view: memoryview) -> int:
        """Fill the beginning of ``view``; 0 at the end."""


class PlainSource:
    """The bytes as they are."""

    def __init__(self, raw: RawInput, head: bytes) -> None:
        self.raw = raw
        self._head = head

    def readinto(self, view: memoryview) -> int:
        """Fill the beginning of ``view``; 0 at the end."""
        if self._head:
            size = min(len(self._head), len(view))
            view[:size] = self._head[:size]
            self._head = self._head[size:]
            return size
        return self.raw.readinto(view)


class Unpacker(Protocol):
    """One member of a compressed stream; the interface of `lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether no output is possible without more input."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Unpack at most ``max_length`` bytes."""


class GzipUnpacker:
    """zlib behind the interface of an `Unpacker`."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._damage: zlib.error | None = None
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Unpack at most ``max_length`` bytes; what comes before damage first, the error in the call after."""
        if self._damage:
            raise self._damage
        before = self._inner.copy()
        data = self._inner.unconsumed_tail + data
        try:
            out = self._inner.decompress(data, max_length)
        except zlib.error as error:
            self._damage = error
            self._inner = before
            self.needs_input = False
            return self._salvage(data)
        self.eof = self._inner.eof
        self.unused_data = self._inner.unused_data
        self.needs_input = not self._inner.unconsumed_tail and len(out) < max_length
        return out

    def _salvage(self, data: bytes) -> bytes:
        """Unpack up to the damage in ever smaller steps, since zlib throws away what a failing call had unpacked.

        The failing call met the damage within its output limit, so this cannot give more either.
        """
        out = bytearray()
        inner = self._inner
        at = 0
        for step in (512, 1):
            while at < len(data):
                before = inner.copy()
                try:
                    out += inner.decompress(data[at : at + step])
                except zlib.error:
                    inner = before
                    break
                at += step
        return bytes(out)


class ZstdUnpacker:
    """zstandard behind the interface of an `Unpacker`; fed in small steps, for it knows no bound of its own."""

    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj()
        self._input = b""
        self._output = b""
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Unpack at most ``max_length`` bytes."""
        self._input += data
        while not self._output and self._input and not self._inner.eof:
            self._output = self._inner.decompress(self._input[:_ZSTD_INPUT_BYTES])
            self._input = self._input[_ZSTD_INPUT_BYTES:]
        out, self._output = self._output[:max_length], self._output[max_length:]
        if self._inner.eof:
            self.unused_data = self._inner.unused_data + self._input
            self.eof = not self._output
        self.needs_input = not self._output and not self._input
        return out


def _xz_unpacker() -> Unpacker:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_WINDOW_BYTES)


def _lz4_unpacker() -> Unpacker:
    import lz4.frame

    unpacker: Unpacker = lz4.frame.LZ4FrameDecompressor()
    return unpacker


_SKIPPABLE: Final = tuple(bytes([0x50 + i]) + b"\x2a\x4d\x18" for i in range(16))

COMPRESSIONS: Final[dict[str, tuple[tuple[bytes, ...], Callable[[], Unpacker]]]] = {
    "gzip": ((b"\x1f\x8b",), GzipUnpacker),
    "zstd": ((b"\x28\xb5\x2f\xfd", *_SKIPPABLE), ZstdUnpacker),
    "xz": ((b"\xfd7zXZ\0",), _xz_unpacker),
    "lz4": ((b"\x04\x22\x4d\x18",), _lz4_unpacker),
}


def compression_of(head: bytes) -> str | None:
    """Name of the compression that a stream's first bytes announce."""
    for name, (magics, _) in COMPRESSIONS.items():
        if head.startswith(magics):
            return name
    return None


class UnpackedSource:
    """A compressed stream, unpacked as it is read.

    Args:
        raw: the compressed bytes.
        head: those of them that are already read.
        name: one of `COMPRESSIONS`.
        log: told of damage.
    """

    def __init__(self, raw: RawInput, head: bytes, name: str, log: faults.FaultLog) -> None:
        self.raw = raw
        self._input = head
        self._log = log
        self._magics, self._make = COMPRESSIONS[name]
        self._member: Unpacker | None = None
        self._ended = False
        self._written = 0

    def readinto(self, view: memoryview) -> int:
        """Fill the beginning of ``view``; 0 at the end."""
        while not self._ended:
            if self._member is None:
                self._begin_member()
                continue
            if self._member.needs_input and not self._input:
                self._input = self.raw.read(_INPUT_BYTES)
                if not self._input:
                    self._end(faults.DAMAGED_COMPRESSION, "it ends early")
                    continue
            given, self._input = self._input, b""
            try:
                out = self._member.decompress(given, min(len(view), _PIECE_BYTES))
            except Exception as error:  # noqa: BLE001 - four libraries, four error types, one of them RuntimeError
                self._end(faults.DAMAGED_COMPRESSION, str(error))
                continue
            if self._member.eof:
                self._input = self._member.unused_data or b""
                self._member = None
            if out:
                view[: len(out)] = out
                self._written += len(out)
                return len(out)
        return 0

    def _begin_member(self) -> None:
        """Go on with the next member; zeros between members are padding, as gzip and xz have it."""
        self._input = self._input.lstrip(b"\0")
        while len(self._input) < _HEAD_BYTES:
            more = self.raw.read(_INPUT_BYTES)
            if not more:
                break
            self._input = (self._input + more).lstrip(b"\0")
        if self._input.startswith(self._magics):
            self._member = self._make()
        elif self._input:
            self._end(faults.TRAILING)
        else:
            self._ended = True

    def _end(self, code: str, detail: str = "") -> None:
        self._ended = True
        self._log.add(code, self._written, detail=detail)


def open_source(raw: RawInput, log: faults.FaultLog) -> Source:
    """The uncompressed bytes of ``raw``, whatever is around them."""
    head = b""
    while len(head) < _HEAD_BYTES:
        more = raw.read(_HEAD_BYTES - len(head))
        if not more:
            break
        head += more
    name = compression_of(head)
    return UnpackedSource(raw, head, name, log) if name else PlainSource(raw, head)
