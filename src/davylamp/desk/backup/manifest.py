"""What a backup holds, and whether it still does."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from davylamp.desk.audit.chain import canonical
from davylamp.errors import InputError

NAME: Final = "manifest.json"
FORMAT: Final = 1
MOST_BYTES: Final = 256 << 20  # of a manifest; judged: a million files
CHUNK: Final = 1 << 20
_PART: Final = r"(?!\.{1,2}(?:/|$))[^/\\\x00]+"
PLACES: Final = re.compile(
    rf"database\.(sqlite3|pgdump)|keys\.sealed|files/[0-9a-f]{{2}}/[0-9a-f]{{64}}"
    rf"|checkpoints/{_PART}|templates/{_PART}(?:/{_PART})*"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: SHA-256, lower-case hex, and size."""

    sha256: str
    bytes: int


@dataclass(slots=True)
class Manifest:
    """A backup in words. ``seq`` and ``hash`` are the end of the audit in its database."""

    format: int
    made_at: str
    version: str  # of Davylamp
    engine: str  # sqlite or postgresql
    migrations: list[str]
    seq: int
    hash: str
    key: str  # the desk's public key, hex
    damaged: list[str] = field(default_factory=list)  # files that were not what their name says already
    files: dict[str, Entry] = field(default_factory=dict)
    signature: str = ""

    def body(self) -> bytes:
        """What is signed."""
        return canonical({k: v for k, v in asdict(self).items() if k != "signature"}).encode()

    def digest(self) -> str:
        """Names this backup."""
        return hashlib.sha256(self.body()).hexdigest()

    def sign(self, key: Ed25519PrivateKey) -> None:
        """Sign it."""
        self.signature = key.sign(self.body()).hex()


def hash_file(path: Path) -> Entry:
    """A file's hash and size, read in pieces."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Entry(digest.hexdigest(), size)


def read_manifest(folder: Path, key: str | None) -> Manifest:
    """A backup's manifest.

    Args:
        folder: of the backup.
        key: the desk's public key in hex, as noted elsewhere; None takes the manifest's own word for it.

    Raises:
        InputError: E-BAK-001 when there is none or it cannot be read, E-BAK-003 when it is not signed by the key.
    """
    path = folder / NAME
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too large")
        made = _manifest(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            "E-BAK-001",
            f"{folder} is no backup: {NAME}: {told}",
            "name the folder that a backup was made into",
        ) from error
    if not _is_signed(made, key or made.key):
        raise InputError(
            "E-BAK-003", f"{path} is not signed by the desk's key", "take another copy of the backup"
        )
    return made


def _manifest(told: Any) -> Manifest:
    if told["format"] != FORMAT:
        raise ValueError(f"format {told['format']!r} is not known here")
    texts = ("made_at", "version", "engine", "hash", "key", "signature")
    if not all(isinstance(told[name], str) for name in texts) or not isinstance(told["seq"], int):
        raise ValueError("a field of the wrong kind")
    files = {str(name): Entry(str(one["sha256"]), int(one["bytes"])) for name, one in told["files"].items()}
    strange = [name for name in files if not PLACES.fullmatch(name)]
    if strange:
        raise ValueError(f"{strange[0]!r} is no place in a backup")
    return Manifest(**{**told, "files": files})


def _is_signed(made: Manifest, key: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(made.signature), made.body()
        )
    except (InvalidSignature, ValueError):
        return False
    return made.key == key


def check_folder(folder: Path, made: Manifest) -> None:
    """Hold every file against the manifest.

    Raises:
        InputError: E-BAK-002 with every file that is missing, changed or not of this backup.
    """
    faults = list(_faults(folder, made))
    if faults:
        raise InputError(
            "E-BAK-002", "the backup is damaged: " + "; ".join(faults), "take another copy of it"
        )


def _faults(folder: Path, made: Manifest) -> Iterator[str]:
    present = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if not p.is_dir()}
    present.pop(NAME, None)
    for name, entry in sorted(made.files.items()):
        path = present.pop(name, None)
        if path is None:
            yield f"{name} is missing"
        elif path.is_symlink() or not path.is_file():
            yield f"{name} is no plain file"
        elif path.stat().st_size != entry.bytes or hash_file(path) != entry:
            yield f"{name} is not what it was"
    for name in present:
        yield f"{name} does not belong to it"
