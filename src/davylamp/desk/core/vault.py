"""Files by their SHA-256: streamed to ``files/`` of the desk's folder, written once, never overwritten.

A file stands under its hash, so the same bytes are kept once, whoever sends them and whatever they are called; the
name is data of the row that points to it. An upload that breaks off leaves nothing behind.
"""

import contextlib
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from davylamp.errors import InputError, OutputError

CHUNK_BYTES: Final = 1 << 20
NAME_BYTES: Final = 180  # file systems take 255; a hash and a suffix may be added
_UNFIT: Final = frozenset(
    {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
)  # Unicode categories: controls, bidi overrides
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was kept: hash, lower-case hex, and size in bytes."""

    sha256: str
    size_bytes: int


def store(chunks: Iterable[bytes], most_bytes: int = 0) -> Stored:
    """Keep a file.

    Args:
        chunks: its bytes in order, as they arrive.
        most_bytes: the cap; `DESK_MOST_UPLOAD_BYTES` when 0.

    Raises:
        InputError: E-VLT-001 beyond the cap.
        OutputError: E-VLT-002 when it cannot be written, a full disk for instance; nothing is kept then.
    """
    most = most_bytes or settings.DESK_MOST_UPLOAD_BYTES
    waiting = _folder("incoming") / secrets.token_hex(16)
    try:
        found = _write(chunks, waiting, most)
        _settle(waiting, found)
    except OSError as error:
        told = _("the file cannot be kept: %(why)s") % {"why": error.strerror or type(error).__name__}
        raise OutputError("E-VLT-002", told, _("free space on the desk's disk and send it again")) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            waiting.unlink()
    return found


def _write(chunks: Iterable[bytes], path: Path, most: int) -> Stored:
    digest, size = hashlib.sha256(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                told = _("the file has more than %(mb)s MB") % {"mb": most >> 20}
                raise InputError("E-VLT-001", told, _("send a packed or smaller one"))
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Stored(digest.hexdigest(), size)


def _settle(waiting: Path, found: Stored) -> None:
    """Give it its place; what stands there already stays untouched, even if it is damaged: a check will tell."""
    place = place_of(found.sha256)
    with contextlib.suppress(FileExistsError):
        os.link(waiting, place)
        place.chmod(0o400)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_hash(text: str) -> bool:
    """Whether a text is a SHA-256 in lower-case hex."""
    return _SHA256.fullmatch(text) is not None


def place_of(sha256: str) -> Path:
    """Where a file stands.

    Raises:
        InputError: E-VLT-003 for what is no hash.
    """
    if not is_hash(sha256):
        raise InputError("E-VLT-003", _("this is no SHA-256"), _("64 digits 0-9a-f"))
    return _folder(sha256[:2]) / sha256


def read(sha256: str) -> Iterator[bytes]:
    """The bytes of a file in chunks.

    Raises:
        InputError: E-VLT-004 when it is not there.
    """
    try:
        with place_of(sha256).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        told = _("the file %(hash)s… is not there") % {"hash": sha256[:12]}
        raise InputError("E-VLT-004", told, _("restore it from a backup")) from error


def hash_of(sha256: str) -> str:
    """The hash that the bytes under a hash have now; empty when the file is gone."""
    digest = hashlib.sha256()
    try:
        for chunk in read(sha256):
            digest.update(chunk)
    except InputError:
        return ""
    return digest.hexdigest()


def plain_name(name: str) -> str:
    """A file's name as it may be shown and offered: no path, no control or direction character, not too long."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join("_" if c in '<>:"|?*' else c for c in last if unicodedata.category(c) not in _UNFIT)
    kept = " ".join(kept.split()).strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    if not dot or len(suffix) > 12:
        stem, dot, suffix = kept, "", ""
    room = NAME_BYTES - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + suffix or "file"


def _folder(name: str) -> Path:
    place = Path(settings.MEDIA_ROOT) / name
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place
