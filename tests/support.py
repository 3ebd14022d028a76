"""What several test folders share: where the recorded traffic is, and whether it must be there."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_data() -> Path:
    """The folder of recorded traffic; skips the test, or fails it when CI requires the data."""
    folder = Path(os.environ.get("DAVYLAMP_SHARED", ROOT.parent / "shared" / "data"))
    if folder.is_dir():
        return folder
    reason = f"recorded traffic is not at {folder}"
    if os.environ.get("DAVYLAMP_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
