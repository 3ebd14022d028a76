"""Sheets are read in the encodings that offices save, and nothing else passes for text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.errors import InputError
from davylamp.sizing.sheets import read_sheet
from davylamp.tables.offices import office_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_sheet_says_the_same_in_every_encoding_of_an_office(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("model,count\n\u8682\u8681 S9,4\n", encoding=encoding)
    sheet = read_sheet(path, "E-ENE-004")
    assert sheet.columns == ("model", "count")
    assert sheet.rows == ((2, {"model": "\u8682\u8681 S9", "count": "4"}),)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"model\x00,count", b"\xff\xff\xff"])
def test_what_is_no_text_is_refused_with_its_code(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "devices.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"E-ENE-004.*no text"):
        read_sheet(path, "E-ENE-004")


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"E-ENE-004.*No such file"):
        read_sheet(tmp_path / "absent.csv", "E-ENE-004")


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    text = office_text(data)
    assert text is None or "\0" not in text
