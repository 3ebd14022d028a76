"""Workbooks out and in: no formula runs, no digit is lost, no fault is hidden."""

import io
import zipfile
from datetime import UTC, date, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.attribution.registry_export import FORMULA_STARTS
from davylamp.desk.documents.containers import check_container
from davylamp.desk.documents.excel import Column, Kind, Table, write_workbook
from davylamp.desk.documents.excel_read import Heading, Reads, read_table
from davylamp.errors import InputError

COLUMNS = (
    Column("单位"), Column("代码", Kind.code), Column("次数", Kind.integer), Column("日期", Kind.day),
    Column("时间", Kind.moment),
)  # fmt: skip
HEADINGS = (
    Heading("name", ("单位", "单位名称"), is_required=True),
    Heading("code", ("代码",), Reads.code),
    Heading("count", ("次数",), Reads.integer),
    Heading("day", ("日期",), Reads.day),
    Heading("at", ("时间",), Reads.moment),
)
NOON = datetime(2021, 9, 8, 4, 30, tzinfo=UTC)


def export(rows, tmp_path, **more):
    path = tmp_path / "out.xlsx"
    path.write_bytes(write_workbook([Table("清单", COLUMNS, rows, **more)], "DC-7K2QF9M4", "张三"))
    return path


def book_with(tmp_path, fill):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "表一"
    for at, column in enumerate(COLUMNS, 1):
        sheet.cell(1, at).value = column.header
    fill(sheet)
    book.save(tmp_path / "in.xlsx")
    return tmp_path / "in.xlsx"


@settings(deadline=None)
@given(st.sampled_from(FORMULA_STARTS), st.text(max_size=30))
def test_no_text_becomes_a_formula_whatever_it_begins_with(tmp_path_factory, start, rest):
    path = export(
        [(start + rest, start + rest, start + rest, start + rest, start)], tmp_path_factory.mktemp("x")
    )
    cells = next(iter(openpyxl.load_workbook(path).active.iter_rows(min_row=2, max_row=2)))
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.quotePrefix for cell in cells)
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_digits_days_and_times_come_out_as_they_are(tmp_path):
    path = export([("甲", "012345678901234567", 1234, date(2021, 9, 8), NOON)], tmp_path)
    row = [c.value for c in next(openpyxl.load_workbook(path).active.iter_rows(min_row=2))]
    assert row == ["甲", "012345678901234567", 1234, datetime(2021, 9, 8), datetime(2021, 9, 8, 12, 30)]


def test_every_sheet_is_frozen_filtered_and_carries_its_watermark(tmp_path):
    sheet = openpyxl.load_workbook(export([("甲", "1", 1, None, None)], tmp_path, notes=["截至"])).active
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:E2")
    told = [cell.value for cell in sheet["A"] if cell.value]
    assert "截至" in told
    assert "DC-7K2QF9M4" in told[-1]
    assert "张三" in told[-1]
    assert "DC-7K2QF9M4" in sheet.oddFooter.left.text


def test_an_export_is_read_back_as_it_was(tmp_path):
    rows = [("甲", "0012", 5, date(2021, 10, 1), NOON), ("=1+1", "330106", None, None, None)]
    reading = read_table(export(rows, tmp_path), HEADINGS)
    assert [tuple(r.values[h.name] for h in HEADINGS) for r in reading.rows[:2]] == [
        ("甲", "0012", 5, date(2021, 10, 1), NOON),
        ("=1+1", "330106", None, None, None),
    ]


def test_all_faults_come_at_once_with_sheet_row_and_column_and_the_good_rest_is_kept(tmp_path):
    def fill(sheet):
        sheet.append(["甲", 12, "x", 44447, None])
        sheet.append(["=HYPERLINK(1)", "01", 1, None, None])
        sheet.append(["乙", "01", 1.5, "2021年9月8日", None])
        sheet.append(["丙", "0012", 3, date(2021, 9, 8), None])
        sheet.append([None, "01", None, None, None])
        sheet.append(["丁", "01", 1, None, None])
        sheet.append(["", "01", 1, None, None])
        sheet.merge_cells("A7:A8")

    reading = read_table(book_with(tmp_path, fill), HEADINGS)
    places = {(f.row, f.column) for f in reading.faults}
    assert places == {(2, "B"), (2, "C"), (2, "D"), (3, "A"), (4, "C"), (6, "A"), (7, "A"), (8, "A")}
    assert {f.sheet for f in reading.faults} == {"表一"}
    assert [r.values["name"] for r in reading.rows] == ["丙"]


@pytest.mark.parametrize(
    ("code", "words"), [(330106, "leading zeros"), (9.1e17, "digits"), ("9.1E+17", "digits")]
)
def test_a_code_that_excel_made_a_number_is_a_fault_and_not_a_guess(tmp_path, code, words):
    reading = read_table(book_with(tmp_path, lambda s: s.append(["甲", code, 1, None, None])), HEADINGS)
    assert [words in f.message for f in reading.faults] == [True]


def test_a_bound_stays_a_bound():
    from davylamp.desk.documents.excel_read import read_cell

    assert str(read_cell("500余", Heading("n", ("n",), Reads.amount))) == "≥ 500"


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04 nothing", "E-DOC-020"),
        (zipped(**{"a.xml": b"0" * (64 << 20)}), "E-DOC-021"),
        (zipped(**{f"{n}": b"" for n in range(2100)}), "E-DOC-021"),
        (zipped(**{"../../etc/cron": b"x"}), "E-DOC-022"),
        (zipped(**{"xl/vbaProject.bin": b"x"}), "E-DOC-022"),
        (zipped(**{"a.xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'}), "E-DOC-022"),
        (zipped(**{"a.xml": "<!DOCTYPE x><x/>".encode("utf-16")}), "E-DOC-022"),
        (
            zipped(**{"_rels/a.rels": b'<Relationship Type="t/attachedTemplate" TargetMode="External"/>'}),
            "E-DOC-022",
        ),
    ],
    ids=["damaged", "bomb", "parts", "path", "macro", "entity", "entity-utf16", "remote-template"],
)
def test_an_archive_that_means_harm_is_refused(data, code):
    with pytest.raises(InputError, match=code):
        check_container(data, "x.docx")


def test_a_file_without_the_table_says_which_headings_it_lacks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="E-DOC-024") as caught:
        read_table(path, HEADINGS)
    assert "单位" in caught.value.message


def test_a_file_that_is_too_large_or_none_is_refused_under_the_name_that_the_person_knows(tmp_path, settings):
    path = tmp_path / "tmp123"
    path.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(InputError, match="E-DOC-023") as caught:
        read_table(path, HEADINGS, "台账.xls")
    assert "台账.xls" in caught.value.message
    assert "tmp123" not in caught.value.message
    settings.DESK_MOST_UPLOAD_BYTES = 3
    with pytest.raises(InputError, match="E-DOC-023"):
        read_table(path, HEADINGS)
