"""The hash chain: what a row's hash covers, and nothing else.

A row's hash is SHA-256 over its fields and the hash before it, as one line of canonical JSON. Whoever holds
the rows and this page can recompute it with any language.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final

GENESIS: Final = "0" * 64


def canonical(value: Any) -> str:
    """JSON with sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, lower-case hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def micros(at: datetime) -> int:
    """Unix microseconds."""
    since = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def link(before: str, seq: int, at: datetime, words: tuple[str, ...]) -> str:
    """The hash of row ``seq``: its place, time and words (`AuditEvent.WORDS`) on top of the hash before it."""
    return digest(canonical([before, seq, micros(at), *words]))
