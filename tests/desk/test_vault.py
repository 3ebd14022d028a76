"""The vault: files by their hash, nothing half, nothing overwritten, no name that leads anywhere."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from davylamp.desk.core import vault
from davylamp.errors import InputError, OutputError

pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def files(folder):
    return sorted(p for p in Path(folder).rglob("*") if p.is_file())


def test_a_file_stands_under_its_hash_and_reads_back(tmp_path):
    found = vault.store([b"abc", b"", b"def"])
    assert found == vault.Stored(hashlib.sha256(b"abcdef").hexdigest(), 6)
    assert b"".join(vault.read(found.sha256)) == b"abcdef"
    assert vault.hash_of(found.sha256) == found.sha256
    assert len(files(tmp_path)) == 1


def test_the_same_bytes_are_kept_once_and_never_overwritten(tmp_path):
    first = vault.store([b"same"])
    place = vault.place_of(first.sha256)
    place.chmod(0o600)
    place.write_bytes(b"damaged")
    assert vault.store([b"same"]) == first
    assert place.read_bytes() == b"damaged"
    assert vault.hash_of(first.sha256) != first.sha256
    assert len(files(tmp_path)) == 1


def test_an_upload_that_breaks_off_or_is_too_large_leaves_nothing(tmp_path):
    def broken():
        yield b"x" * 100
        raise ConnectionError

    with pytest.raises(OutputError, match="E-VLT-002"):
        vault.store(broken())
    with pytest.raises(InputError, match="E-VLT-001"):
        vault.store([b"x" * 60, b"x" * 60], most_bytes=100)
    assert files(tmp_path) == []


def test_a_full_disk_is_an_error_with_a_hint_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        vault.store([b"x"])
    assert files(tmp_path) == []


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/x"])
def test_what_is_no_hash_leads_nowhere(text):
    with pytest.raises(InputError, match="E-VLT-003"):
        vault.place_of(text)


def test_a_missing_file_is_an_error_and_has_no_hash():
    with pytest.raises(InputError, match="E-VLT-004"):
        list(vault.read("0" * 64))
    assert vault.hash_of("0" * 64) == ""


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("照片 📷 1.jpg", "照片 📷 1.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\日志.evtx", "日志.evtx"),
        ("a\x00b\r\n.log", "ab.log"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("..", "file"),
        ("", "file"),
        ("con<x>.txt", "con_x_.txt"),
    ],
)
def test_names_lose_paths_controls_and_direction_marks(name, plain):
    assert vault.plain_name(name) == plain


@hypothesis_settings(max_examples=200)
@given(st.text(max_size=400))
def test_a_plain_name_is_always_one_short_harmless_name(name):
    plain = vault.plain_name(name)
    assert plain
    assert len(plain.encode()) <= 255
    assert not set(plain) & set("/\\\0\n\r")
    assert plain not in (".", "..")
    assert vault.plain_name(plain) == plain
