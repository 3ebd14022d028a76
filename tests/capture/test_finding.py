"""Which files a list of paths means."""

import gzip
import os
from pathlib import Path

import pytest

from capture.craft import enhanced, interface, pcap, plain_frame, section
from davylamp.capture import find_captures
from davylamp.errors import CaptureError

CAPTURE = pcap([plain_frame()])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.bin").write_bytes(section() + interface() + enhanced(plain_frame(), 0))
    (tmp_path / "a.pcap").write_bytes(CAPTURE)
    (tmp_path / "c.gz").write_bytes(gzip.compress(CAPTURE))
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"only text"))
    (tmp_path / "notes.pcap").write_bytes(b"text under a false name")
    (tmp_path / "empty.pcap").write_bytes(b"")
    (tmp_path / "link.pcap").symlink_to(tmp_path / "a.pcap")
    (tmp_path / "dangling").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def names(found: list[str]) -> list[str]:
    return [Path(path).name for path in found]


def test_a_folder_gives_what_begins_or_is_named_like_a_capture_each_once(folder: Path) -> None:
    found = names(find_captures([str(folder)]))
    assert found == ["a.pcap", "c.gz", "empty.pcap", "notes.pcap", "two.bin"]


def test_a_named_file_is_never_skipped(folder: Path) -> None:
    paths = [str(folder / name) for name in ("notes.pcap", "empty.pcap", "fifo")]
    assert find_captures(paths) == paths


def test_the_order_given_is_kept_and_repeats_are_not(folder: Path) -> None:
    two, one = str(folder / "b" / "two.bin"), str(folder / "a.pcap")
    assert find_captures(["-", two, one, two, "-"]) == ["-", two, one]
    assert names(find_captures([two, str(folder)]))[:3] == ["two.bin", "a.pcap", "c.gz"]


def test_a_missing_path_is_passed_on_so_that_reading_it_says_so(folder: Path) -> None:
    absent = str(folder / "absent")
    assert find_captures([absent, str(folder / "a.pcap")]) == [absent, str(folder / "a.pcap")]


def test_nothing_found_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="E-CAP-002"):
        find_captures([str(tmp_path)])
    with pytest.raises(CaptureError, match="E-CAP-002"):
        find_captures([])


def test_finding_needs_no_kernels(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "a.pcap").write_bytes(CAPTURE)
    program = f"import sys; from davylamp.capture import find_captures; find_captures([{str(tmp_path)!r}])"
    program += "; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
