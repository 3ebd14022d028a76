"""Ledgers: what people and spreadsheets write is read or refused with its place; a faulty file changes nothing."""

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.attribution import imports_cells as cells
from davylamp.attribution.imports import read_ledger
from davylamp.attribution.registry_records import (
    Contact,
    NetRange,
    Organisation,
    Relation,
    Succession,
    bits_of,
)
from davylamp.errors import TableError

from attribution.ledgers import HOSPITAL, UNIVERSITY, at

HEAD = "单位名称,统一社会信用代码,行政区划代码,行业,是否公共机构,主管部门,地址段,端口,起始,截止,备注"
GOOD = f"某大学,{UNIVERSITY},330106,教育,是,省教育厅,10.20.0.0/16,,2021年9月8日,,校园网"


def csv_of(tmp_path, *lines, encoding="utf-8", name="台账.csv"):
    path = tmp_path / name
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def xlsx_of(tmp_path, rows, change=None):
    book = openpyxl.Workbook()
    page = book.active
    page.title = "台账"
    for row in rows:
        page.append(row)
    if change:
        change(page)
    book.save(tmp_path / "台账.xlsx")
    return tmp_path / "台账.xlsx"


def faults(path):
    return [(f.row, f.column, f.message) for f in read_ledger(path).faults]


def spans(*pairs):
    return tuple((bits_of(first), bits_of(last)) for first, last in pairs)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10.1.0.0/16", "10.1.0.0", "10.1.255.255"),
        ("10.1.0.0/255.255.255.0", "10.1.0.0", "10.1.0.255"),
        ("10.1.2.3-10.1.4.5", "10.1.2.3", "10.1.4.5"),
        ("１０．１．２．３－１０．１．４．５", "10.1.2.3", "10.1.4.5"),
        ("10.1.2.3 — 10.1.4.5", "10.1.2.3", "10.1.4.5"),
        ("10.1.2.3至10.1.4.5", "10.1.2.3", "10.1.4.5"),
        ("10.1.2.3～9", "10.1.2.3", "10.1.2.9"),
        ("10.1.2.*", "10.1.2.0", "10.1.2.255"),
        ("10.1.*.*", "10.1.0.0", "10.1.255.255"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:DB8::1-2001:db8::ff", "2001:db8::1", "2001:db8::ff"),
    ],
)
def test_a_range_is_read_however_it_is_written(text, first, last):
    assert cells.read_ranges(text) == spans((first, last))


@pytest.mark.parametrize("separator", ["；", ";", "，", "、", "\n", " ", " ; "])
def test_several_ranges_stand_in_one_cell(separator):
    assert cells.read_ranges(f"10.1.0.0/24{separator}10.2.0.1") == spans(
        ("10.1.0.0", "10.1.0.255"), ("10.2.0.1", "10.2.0.1")
    )


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("10.1.0.5/16", "10.1.0.0/16 is the network"),
        ("10.1.4.5-10.1.2.3", "ends before it begins"),
        ("010.001.000.001", "octal"),
        ("10.1.0.300", "no address"),
        ("10.1.0.0/33", "no network"),
        ("10.0.0.0/7", "wider than"),
        ("::/8", "wider than"),
        ("127.0.0.1", "special use"),
        ("10.1.0.1-2001:db8::1", "the other IPv6"),
        ("10.*.1.1", "wildcard"),
        ("10.1.0.1;10.1.0.1", "twice"),
        (10.1, "number"),
        (3232235777, "number"),
        ("", "empty"),
        ("10.1.0.0/24/25", "no network"),
    ],
)
def test_what_is_no_range_is_refused_with_a_reason(cell, reason):
    with pytest.raises(ValueError, match=reason):
        cells.read_ranges(cell)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021年9月8日", "2021-09-08"),
        ("２０２１年９月８日", "2021-09-08"),
        ("2021-09-08", "2021-09-08"),
        ("2021/9/8", "2021-09-08"),
        ("2021.9.8", "2021-09-08"),
        ("20210908", "2021-09-08"),
        ("2021年9月8日 13时45分", "2021-09-08T13:45:00"),
        ("2021-09-08 13:45:06", "2021-09-08T13:45:06"),
        ("2021-09-08T05:45:06Z", "2021-09-08T13:45:06"),
    ],
)
def test_days_are_read_in_chinas_time(text, moment):
    assert cells.read_start(text) == at(moment)


def test_a_last_day_is_included_and_a_last_moment_is_not():
    assert cells.read_end("2021年9月8日") == at("2021-09-09")
    assert cells.read_end("2021-09-08 13:45") == at("2021-09-08T13:45")
    assert cells.read_end("至今") is None


@pytest.mark.parametrize(
    "cell", ["2021-02-30", "44447", 44447, "8.9.2021", "1021-01-01", "soon", "2021年9月"]
)
def test_what_is_no_day_is_refused(cell):
    with pytest.raises(ValueError, match=r"day|year|month"):
        cells.read_start(cell)


def test_excels_number_of_a_day_is_named_as_the_day_it_may_mean():
    """44447 counts from 1899-12-30: 2021-09-08, as Excel shows it."""
    with pytest.raises(ValueError, match="2021-09-08"):
        cells.read_start("44447")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_words(text):
    for read in (
        cells.read_ranges,
        cells.read_ports,
        cells.read_start,
        cells.read_end,
        cells.read_truth,
        cells.read_phone,
    ):
        try:
            read(text)
        except ValueError:
            continue


def test_one_row_states_an_organisation_and_its_range(tmp_path):
    ledger = read_ledger(csv_of(tmp_path, "浙江省公共机构台账", HEAD, GOOD))
    assert ledger.faults == []
    assert ledger.facts == [
        Organisation(UNIVERSITY, "某大学", "330106", "教育", True, "省教育厅"),
        NetRange(
            UNIVERSITY,
            bits_of("10.20.0.0"),
            bits_of("10.20.255.255"),
            0,
            65535,
            "校园网",
            at("2021-09-08"),
            None,
        ),
    ]
    assert ledger.kinds == {Organisation, NetRange}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_encodings_of_offices_are_read(tmp_path, encoding):
    assert read_ledger(csv_of(tmp_path, HEAD, GOOD, encoding=encoding)).facts[0].name == "某大学"


def test_contacts_superiors_and_successions_come_from_their_columns(tmp_path):
    people = csv_of(
        tmp_path,
        "单位名称,统一社会信用代码,上级单位代码,联络员,联系电话,确认日期",
        f"某医院,{HOSPITAL},{UNIVERSITY},李四,0571-88888888,2021-09-01",
    )
    assert read_ledger(people).facts[1:] == [
        Contact(HOSPITAL, "李四", "0571-88888888", "", at("2021-09-01")),
        Relation(HOSPITAL, UNIVERSITY),
    ]
    changes = csv_of(
        tmp_path,
        "原代码,新代码,变更日期,变更类型,文号",
        f"{HOSPITAL},{UNIVERSITY},2021年10月1日,合并,1号",
        name="b.csv",
    )
    assert read_ledger(changes).facts == [Succession(HOSPITAL, UNIVERSITY, "merged", "1号", at("2021-10-01"))]


def test_every_fault_of_a_file_comes_at_once_with_row_column_and_hint(tmp_path):
    path = csv_of(
        tmp_path,
        HEAD,
        "甲,9.1350E+17,330106,,,,10.1.0.1,,,,",
        f"乙,{HOSPITAL},339999,,,,10.1.0.2,70000,,,",
        f"丙,{UNIVERSITY},330106,,或许,,10.1.0.300,,2021-09-08,2020-01-01,",
    )
    assert [(row, column) for row, column, _ in faults(path)] == [
        (2, "B"),
        (3, "C"),
        (3, "H"),
        (4, "E"),
        (4, "G"),
        (4, "J"),
    ]
    with pytest.raises(TableError) as caught:
        read_ledger(path).check()
    assert caught.value.code == "E-REG-010"
    assert "row 3, column H (端口)" in caught.value.message
    assert "1024-2047" in caught.value.hint


def test_an_empty_code_is_a_fault_of_its_own_beside_others_of_its_row(tmp_path):
    path = csv_of(tmp_path, HEAD, "甲,,339999,,,,10.1.0.1,,2021-13-01,,")
    told = {column: message for _, column, message in faults(path)}
    assert set(told) == {"B", "C", "I"}
    assert "2021-13-01" in told["I"]


def test_hints_stand_one_a_line_under_their_columns_names(tmp_path):
    path = csv_of(tmp_path, HEAD, f"甲,{HOSPITAL},339999,,或许,,10.1.0.300,,,,")
    with pytest.raises(TableError) as refused:
        read_ledger(path).check()
    assert [line.strip().partition(":")[0] for line in refused.value.hint.split("\n")] == [
        "行政区划代码", "是否公共机构", "地址段",
    ]  # fmt: skip


def test_an_end_before_the_start_is_a_fault(tmp_path):
    path = csv_of(tmp_path, HEAD, f"丙,{UNIVERSITY},330106,,,,10.1.0.3,,2021-09-08,2020-01-01,")
    assert faults(path) == [(2, "J", "ends before it begins")]


def test_a_repeated_row_and_a_repeated_range_are_faults(tmp_path):
    again = f"某大学,{UNIVERSITY},,,,,10.20.0.0-10.20.255.255,,2021-09-08,,校园网"
    found = faults(csv_of(tmp_path, HEAD, GOOD, GOOD, again))
    assert [(row, "repeats" in message) for row, _, message in found] == [(3, True), (4, True)]


def test_rows_of_one_organisation_complete_and_may_not_contradict_each_other(tmp_path):
    rest = f",{UNIVERSITY},,,,,10.21.0.0/16,,,,"
    ledger = read_ledger(csv_of(tmp_path, HEAD, GOOD, rest))
    assert (ledger.faults, len(ledger.facts)) == ([], 3)
    other = f"某学院,{UNIVERSITY},,,,,10.22.0.0/16,,,,"
    assert [(row, column) for row, column, _ in faults(csv_of(tmp_path, HEAD, GOOD, other))] == [(3, "A")]


def test_a_body_without_a_credit_code_has_a_key_and_nobody_has_neither(tmp_path):
    path = csv_of(
        tmp_path,
        "单位编号,统一社会信用代码,单位名称,地址段",
        "校-017,,某筹建处,10.1.0.1",
        ",,无码单位,10.1.0.2",
    )
    ledger = read_ledger(path)
    assert ledger.facts[0] == Organisation("校-017", "某筹建处")
    assert [(f.row, f.message) for f in ledger.faults] == [(3, "empty")]


def test_an_abolished_region_is_a_note_and_no_fault(tmp_path):
    ledger = read_ledger(csv_of(tmp_path, HEAD, GOOD.replace("330106", "330104")))
    assert ledger.faults == []
    assert "abolished on 2021-04-09" in ledger.notes[0].message


def test_what_excel_does_to_cells_is_found(tmp_path):
    """A code as a number, a formula, an error, a port block that became a date, an address that became a number."""
    head = ["单位名称", "统一社会信用代码", "行政区划代码", "地址段", "端口", "单位编号"]
    rows = [
        head,
        ["甲", 91350100600037341, "330106", "10.1.0.1", None, None],
        ["乙", UNIVERSITY, "=A2", "10.1.0.2", None, None],
        ["丙", UNIVERSITY, 330106.0, 10.2, cells.datetime(2021, 1, 12), None],
        ["丁", None, 330106, "10.1.0.3", 8080, 17],
        ["戊", "#N/A", "330106", "10.1.0.4", None, None],
    ]
    found = faults(xlsx_of(tmp_path, rows))
    assert [(row, column) for row, column, _ in found] == [
        (2, "B"),
        (3, "C"),
        (4, "D"),
        (4, "E"),
        (5, "F"),
        (6, "B"),
    ]
    assert "leading zeros" in found[4][2]
    assert "formula" in found[1][2]


def test_merged_cells_in_the_table_are_one_fault_each_and_a_merged_title_is_none(tmp_path):
    def merge(page):
        page.merge_cells("A1:D1")
        page.merge_cells("A3:A4")

    rows = [
        ["全省台账", None, None, None],
        ["单位名称", "统一社会信用代码", "地址段", "端口"],
        ["某大学", UNIVERSITY, "10.1.0.1", None],
        [None, UNIVERSITY, "10.1.0.2", None],
    ]
    assert faults(xlsx_of(tmp_path, rows, merge)) == [(3, "A", "the cells A3:A4 are merged")]


def test_a_good_workbook_is_read_with_real_dates(tmp_path):
    rows = [["单位名称", "统一社会信用代码", "行政区划代码", "地址段", "起始日期", "截止日期"]]
    rows.append(
        ["某大学", UNIVERSITY, 330106, "10.1.0.0/24", cells.date(2021, 9, 8), cells.datetime(2021, 9, 30)]
    )
    ledger = read_ledger(xlsx_of(tmp_path, rows))
    assert ledger.faults == []
    assert (ledger.facts[1].valid_from_ns, ledger.facts[1].valid_to_ns) == (
        at("2021-09-08"),
        at("2021-10-01"),
    )


def test_sheets_are_read_together_and_repetitions_across_them_found(tmp_path):
    def second(page):
        other = page.parent.create_sheet("二")
        other.append(["统一社会信用代码", "地址段"])
        other.append([UNIVERSITY, "10.1.0.1"])

    rows = [["单位名称", "统一社会信用代码", "地址段"], ["某大学", UNIVERSITY, "10.1.0.1"]]
    found = read_ledger(xlsx_of(tmp_path, rows, second)).faults
    assert [(f.sheet, f.row) for f in found] == [("二", 2)]


def test_columns_that_are_not_read_are_said(tmp_path):
    ledger = read_ledger(csv_of(tmp_path, HEAD + ",机房位置", GOOD + ",3号楼"))
    assert ["机房位置" in note.message for note in ledger.notes] == [True]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), "E-REG-011"),
        (b"PK\x03\x04 torn", "E-REG-011"),
        (b"\x00\x01\x02\x03", "E-REG-011"),
        (b'a,b\n"never closed', "E-REG-011"),
        (b"", "E-REG-012"),
        ("姓名,年龄\n张三,3\n".encode(), "E-REG-012"),
    ],
)
def test_files_that_are_no_ledgers_are_errors_with_a_code(tmp_path, data, code):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(TableError) as caught:
        read_ledger(tmp_path / "x")
    assert caught.value.code == code


@given(st.binary(max_size=400))
def test_any_bytes_are_a_ledger_or_an_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(HEAD.encode() + b"\n" + data)
    try:
        read_ledger(path)
    except TableError as error:
        assert error.code.startswith("E-REG-01")  # noqa: PT017 - either outcome is right
