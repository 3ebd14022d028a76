"""The desk's keys under a passphrase: scrypt to a key, AES-256-GCM around the files."""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from davylamp.errors import BadUse, InputError

NAME: Final = "keys.sealed"
COST: Final = 1 << 16  # scrypt's n with r=8: 64 MiB and a quarter of a second; judged
MOST_COST: Final = 1 << 20
FEWEST: Final = 12  # characters of a passphrase; judged, as of passwords
BOUND: Final = b"davylamp keys 1"


def seal(folder: Path, passphrase: str) -> bytes:
    """The files of a folder of keys, sealed.

    Raises:
        BadUse: E-BAK-020 for a passphrase that is too short.
    """
    if len(passphrase) < FEWEST:
        raise BadUse("E-BAK-020", f"a passphrase has {FEWEST} characters or more", "write it down elsewhere")
    inner = {p.name: _text(p.read_bytes()) for p in sorted(folder.iterdir()) if p.is_file()}
    salt, nonce = os.urandom(16), os.urandom(12)
    box = AESGCM(_key(passphrase, salt, COST)).encrypt(nonce, json.dumps(inner).encode(), BOUND)
    outer = {"kdf": "scrypt", "n": COST, "salt": _text(salt), "nonce": _text(nonce), "box": _text(box)}
    return json.dumps(outer, indent=1).encode()


def unseal(data: bytes, passphrase: str) -> dict[str, bytes]:
    """The files by name.

    Raises:
        InputError: E-BAK-021 for another passphrase or damaged bytes.
    """
    try:
        outer: dict[str, Any] = json.loads(data)
        cost = int(outer["n"])
        if not 2 <= cost <= MOST_COST:
            raise ValueError("cost")
        salt, nonce, box = (base64.b64decode(outer[k], validate=True) for k in ("salt", "nonce", "box"))
        inner = json.loads(AESGCM(_key(passphrase, salt, cost)).decrypt(nonce, box, BOUND))
        found = {str(name): base64.b64decode(text, validate=True) for name, text in inner.items()}
    except (InvalidTag, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            "E-BAK-021", f"{NAME} does not open with this passphrase", "it is the one of the backup's day"
        ) from error
    if any(Path(name).name != name or name in ("", ".", "..") for name in found):
        raise InputError("E-BAK-021", f"{NAME} holds a name that is none", "take another copy of the backup")
    return found


def _key(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
