"""Numbers that tell nothing: drawn from a digest of what they stand for, so that no two tell what lies between them."""

import hashlib
from typing import Final

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U to misread
LENGTH: Final = (
    8  # 40 bits: among a million numbers two are alike in 2 of 5 provinces; the column is unique anyway
)


def drawn(prefix: str, seed: str) -> str:
    """A number such as ``YS-7K2QF9M4``; the same for the same seed."""
    value = int.from_bytes(hashlib.sha256(f"{prefix}\0{seed}".encode()).digest()[:8])
    digits = ""
    for _place in range(LENGTH):
        value, rest = divmod(value, len(LETTERS))
        digits += LETTERS[rest]
    return f"{prefix}-{digits}"
