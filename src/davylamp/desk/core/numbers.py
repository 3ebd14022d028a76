"""Numbers of items: drawn from their keys and not counted up, so that no number tells of items that one may not see."""

import hashlib
from typing import Final
from uuid import UUID

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that is read for something else
LENGTH: Final = (
    8  # judged: 40 bits; two of a million items share one with probability 0.4, then the insert fails
)


def draw(prefix: str, key: UUID) -> str:
    """The number of an item, ``C-7K3M9Q2X`` for instance."""
    bits = int.from_bytes(hashlib.sha256(key.bytes).digest()[:5])
    return f"{prefix}-" + "".join(ALPHABET[bits >> 5 * i & 31] for i in reversed(range(LENGTH)))
