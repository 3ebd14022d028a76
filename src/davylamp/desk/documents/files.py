"""Files by their SHA-256 in the desk's ``files/`` folder: written once, checked at every read."""

import hashlib
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from davylamp.errors import InputError, OutputError


def path_of(sha256: str) -> Path:
    """Where a file lies."""
    return Path(settings.MEDIA_ROOT) / sha256[:2] / sha256


def keep(data: bytes) -> str:
    """Write a file, or find it there already.

    Returns:
        its SHA-256, lower-case hex.

    Raises:
        OutputError: E-DOC-010 when it cannot be written.
    """
    name = hashlib.sha256(data).hexdigest()
    place = path_of(name)
    if place.exists() and place.stat().st_size == len(data):
        return name
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = place.with_name(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)
    except OSError as error:
        raise OutputError(
            "E-DOC-010", f"a file cannot be kept: {error.strerror}", "is the disk full?"
        ) from error
    return name


def read(sha256: str) -> bytes:
    """A file's bytes.

    Raises:
        InputError: E-DOC-011 when it is gone, E-DOC-012 when it is not what it was.
    """
    try:
        data = path_of(sha256).read_bytes()
    except OSError as error:
        raise InputError("E-DOC-011", _("the file is gone"), _("restore it from the backup")) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError("E-DOC-012", _("the file is not what it was"), _("restore it from the backup"))
    return data
