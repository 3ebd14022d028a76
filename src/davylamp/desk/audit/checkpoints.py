"""Signed checkpoints, kept outside the database.

A checkpoint says: at this time the chain had so many rows and ended in this hash. It is signed with Ed25519
and names the checkpoint before it, so that none can be left out of the row. Its folder belongs on another
machine, best in other hands.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import transaction
from django.utils import timezone

from davylamp.desk.audit.chain import GENESIS, canonical, digest
from davylamp.desk.audit.record import take_turn
from davylamp.errors import InputError

KEY_FILE: Final = "audit-ed25519.pem"
SUFFIX: Final = ".checkpoint.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of the chain at one time; ``previous`` is the digest of the checkpoint before."""

    seq: int
    hash: str
    at: str
    previous: str
    key: str  # public key, hex
    signature: str = ""

    def body(self) -> bytes:
        """What is signed."""
        return canonical({k: v for k, v in asdict(self).items() if k != "signature"}).encode()

    def is_signed_by(self, key: str) -> bool:
        """Whether the signature is of that public key, hex."""
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
                bytes.fromhex(self.signature), self.body()
            )
        except (InvalidSignature, ValueError):
            return False
        return self.key == key


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The desk's key, drawn at first use and kept with mode 0600."""
    path = folder / KEY_FILE
    if path.exists():
        loaded = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise InputError("E-AUD-010", f"{path} is no Ed25519 key", "restore the desk's own key")
        return loaded
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public half, hex."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw.hex()


def write_checkpoint(key: Ed25519PrivateKey, folder: Path) -> Checkpoint:
    """Sign the end of the chain as it is now and write it to the folder."""
    from davylamp.desk.audit.models import AuditEvent

    with transaction.atomic():
        take_turn()
        last = AuditEvent.objects.order_by("-seq").values_list("seq", "hash").first() or (0, GENESIS)
    known = read_checkpoints(folder)
    before = digest(canonical(asdict(known[-1]))) if known else GENESIS
    bare = Checkpoint(last[0], last[1], timezone.now().isoformat(), before, public_hex(key))
    signed = Checkpoint(**{**asdict(bare), "signature": key.sign(bare.body()).hex()})
    path = folder / f"{len(known) + 1:08d}-{signed.seq:012d}{SUFFIX}"
    with path.open("x", encoding="utf-8") as file:
        file.write(canonical(asdict(signed)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return signed


def read_checkpoints(folder: Path) -> list[Checkpoint]:
    """All checkpoints of a folder in order.

    Raises:
        InputError: E-AUD-011 when a file of the folder is none.
    """
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found.append(Checkpoint(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                "E-AUD-011", f"{path} is no checkpoint: {error}", "restore it from its copy"
            ) from error
    return found
