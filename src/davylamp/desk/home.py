"""The desk's folder: database, keys, checkpoints, uploads, backups. One environment variable moves all of it.

::

    $DAVYLAMP_HOME (./desk)
    ├── desk.sqlite3      unless DATABASE_URL names another
    ├── keys/             secret, audit signing key: mode 0600
    ├── checkpoints/      signed; mount another machine's folder here
    ├── files/            evidence and documents, by SHA-256
    ├── templates/        an office's own document templates
    └── outbox/           mail, when no server is configured
"""

import os
import secrets
from pathlib import Path
from typing import Final

FOLDERS: Final = ("keys", "checkpoints", "files", "templates", "outbox", "static")


def home() -> Path:
    """The folder, made with its sub-folders where they are missing; only its owner may enter."""
    place = Path(os.environ.get("DAVYLAMP_HOME", "desk")).resolve()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in FOLDERS:
        (place / name).mkdir(mode=0o700, exist_ok=True)
    return place


def read_or_make(path: Path, size: int = 48) -> str:
    """A secret that is drawn once and kept with mode 0600."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        text = secrets.token_urlsafe(size)
        file.write(text)
    return text
