"""Old cases from a workbook: every fault at once, the difference first, idempotent, corrections by hand kept."""

import math
import random
from datetime import UTC, date, datetime

import openpyxl
import pytest
from typer.testing import CliRunner

from davylamp.attribution.codes import ALPHABET, check_character
from davylamp.cli.app import app
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.audit.replay import replay
from davylamp.desk.cases import old_cases
from davylamp.desk.cases.models import Case, OldCase
from davylamp.desk.core.workflow import Refused
from davylamp.errors import InputError
from desk.casework import Office
from desk.people import HANGZHOU, NINGBO, holder, organisation, person

pytestmark = pytest.mark.usefixtures("in_english")

HEAD = ["案件编号", "单位名称", "统一社会信用代码", "行政区划代码", "IP地址", "币种", "挖矿起始日期", "立案日期",
        "销号日期", "定性", "矿机数量", "用电量", "备注"]  # fmt: skip
LABELS = ["主动挖矿", "被动挖矿", "误报", "无法认定", ""]
AMOUNTS = ["12", "500余", "约60", "≤ 68", "200-300", 32, ""]


def credit_code(rng):
    body = "12330000" + "".join(rng.choice(ALPHABET) for _ in range(9))
    return body + check_character(body)


def rows(count, seed=7):
    """So many old cases as an office keeps them; the same for the same seed."""
    rng = random.Random(seed)
    made = []
    for n in range(count):
        opened = date(2021, 7, 1 + n % 28)
        closed = date(2021, 10, 1 + n % 28) if n % 3 else None
        made.append([
            f"{n:06d}", f"第{n % 400}单位", credit_code(rng), HANGZHOU if n % 2 else "330106", f"198.51.{n % 250}.7",
            "ETH", "2021年3月5日", opened, closed, LABELS[n % 5] or None, AMOUNTS[n % 7] or None,
            f"{1000 + n}千瓦时", None,
        ])  # fmt: skip
    return made


def workbook(path, table, head=HEAD, change=None):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "台账"
    sheet.append(["2021年整治台账"])
    sheet.append(head)
    for row in table:
        sheet.append(row)
    for cells in sheet.iter_rows(min_row=3):
        for cell in cells[:4]:
            cell.number_format = "@"
    if change:
        change(sheet)
    book.save(path)
    return path


@pytest.fixture
def analyst():
    return holder(person(Duty.ANALYST))


def state():
    return sorted(Case.objects.values_list("title", "state", "label", "opened_at", "closed_at", "version"))


def test_1281_old_cases_come_in_once_and_the_second_time_nothing_changes(tmp_path, analyst):
    path = workbook(tmp_path / "old.xlsx", rows(1281))
    first = old_cases.plan(analyst, path, "province")
    assert first.faults == []
    assert (first.count("new"), Case.objects.count()) == (1281, 0)  # a plan writes nothing
    old_cases.apply(analyst, first)
    assert Case.objects.count() == OldCase.objects.count() == 1281
    before, events = state(), AuditEvent.objects.count()
    again = old_cases.plan(analyst, path, "province")
    assert (again.count("same"), list(again.lines())) == (1281, [])
    old_cases.apply(analyst, again)
    assert state() == before
    assert AuditEvent.objects.count() == events + 1  # the import itself
    assert replay().is_sound


def test_invariant_20_bounds_stay_bounds_through_the_sum(tmp_path, analyst):
    table = rows(70)
    old_cases.apply(analyst, old_cases.plan(analyst, workbook(tmp_path / "o.xlsx", table), "province"))
    found, count = old_cases.total(analyst, "machines")
    assert count == 60
    assert found.estimate == 10 * (12 + 500 + 60 + 68 + 250 + 32)
    assert found.low == 10 * (12 + 500 + 60 + 0 + 200 + 32)
    assert math.isinf(found.high)
    assert found.about
    kwh, _ = old_cases.total(analyst, "kwh")
    assert kwh.is_exact


def test_codes_keep_their_zeros_and_days_are_days_in_china(tmp_path, analyst):
    old_cases.apply(analyst, old_cases.plan(analyst, workbook(tmp_path / "o.xlsx", rows(2)), "province"))
    old = OldCase.objects.get(key="000000")
    assert len(old.case.organisation_code) == 18
    assert old.case.opened_at == datetime(2021, 6, 30, 16, tzinfo=UTC)
    assert old.started_on == date(2021, 3, 5)


def test_a_day_that_became_a_serial_number_is_a_fault_that_names_the_day(tmp_path, analyst):
    def serial(sheet):
        sheet["H3"] = 44378
        sheet["H3"].number_format = "General"

    (fault,) = old_cases.plan(
        analyst, workbook(tmp_path / "o.xlsx", rows(2), change=serial), "province"
    ).faults
    assert (fault.row, fault.column) == (3, "H")
    assert "2021-07-01" in fault.message


def test_a_changed_row_is_shown_field_by_field_before_anything_changes(tmp_path, analyst):
    table = rows(5)
    old_cases.apply(analyst, old_cases.plan(analyst, workbook(tmp_path / "a.xlsx", table), "province"))
    table[2][10], table[2][9] = "600余", "被动挖矿"
    found = old_cases.plan(analyst, workbook(tmp_path / "b.xlsx", table), "province")
    assert list(found.lines()) == [
        "~ 000002 label: false_alarm → passive",
        "~ 000002 machines: ≈ 60 → ≥ 600",
    ]
    assert Case.objects.get(old__key="000002").label == "false_alarm"
    old_cases.apply(analyst, found)
    assert Case.objects.get(old__key="000002").label == "passive"
    assert replay().is_sound


def test_a_correction_by_hand_is_not_overwritten_and_the_import_says_so(tmp_path, analyst):
    table = rows(5)
    old_cases.apply(analyst, old_cases.plan(analyst, workbook(tmp_path / "a.xlsx", table), "province"))
    case = Case.objects.get(old__key="000003")
    case.organisation_name = "更正后的名称"
    case.save()
    table[3][1] = "又一个名称"
    found = old_cases.plan(analyst, workbook(tmp_path / "b.xlsx", table), "province")
    assert any(line.startswith("= 000003 organisation_name: 更正后的名称") for line in found.lines())
    old_cases.apply(analyst, found)
    case.refresh_from_db()
    assert case.organisation_name == "更正后的名称"
    again = old_cases.plan(analyst, workbook(tmp_path / "c.xlsx", table), "province")
    assert again.count("same") == 5


def test_a_list_does_not_close_a_case_that_the_desk_works_on(tmp_path, analyst):
    table = rows(1)
    old_cases.apply(analyst, old_cases.plan(analyst, workbook(tmp_path / "a.xlsx", table), "province"))
    case = Case.objects.get()
    Office().take(case)
    table[0][8] = date(2021, 12, 1)
    found = old_cases.plan(analyst, workbook(tmp_path / "b.xlsx", table), "province")
    assert [one.name for one in found.rows[0].kept] == ["closed_on"]
    old_cases.apply(analyst, found)
    case.refresh_from_db()
    assert case.state != "closed"


def spoil(sheet):
    sheet["A3"] = 7  # lost its zeros
    sheet["A3"].number_format = "General"
    sheet["C4"] = 123300001234567890  # became a number
    sheet["C4"].number_format = "General"
    sheet["B5"] = "=1+1"
    sheet.merge_cells("G6:G7")
    sheet["H8"] = "2021-13-40"
    sheet["J9"] = "恶意"
    sheet["L10"] = "3兆瓦时"
    sheet["I11"] = date(2020, 1, 1)
    sheet["A12"] = "000010"  # that of row 13
    sheet["D14"] = "110000"


def test_every_fault_is_told_at_once_with_sheet_row_and_column_and_nothing_is_imported(tmp_path, analyst):
    found = old_cases.plan(analyst, workbook(tmp_path / "bad.xlsx", rows(14), change=spoil), "province")
    places = {(f.row, f.column) for f in found.faults}
    assert {f.sheet for f in found.faults} == {"台账"}
    expected = {(4, "C"), (5, "B"), (8, "H"), (9, "J"), (10, "L"), (11, "I"), (13, "A"), (14, "D")}
    assert expected <= places
    assert any(row in (6, 7) and column == "G" for row, column in places)
    with pytest.raises(Refused, match="E-CAS-080"):
        old_cases.apply(analyst, found)
    assert not Case.objects.exists()


def test_an_organisation_without_code_is_found_by_its_one_name_or_is_a_fault(tmp_path, analyst):
    organisation("ORG77", name="第0单位")
    organisation("ORG78", name="第1单位")
    organisation("ORG79", name="第1单位")
    table = rows(3)
    for row in table:
        row[2] = None
    found = old_cases.plan(analyst, workbook(tmp_path / "o.xlsx", table), "province")
    assert found.rows[0].values["organisation_code"] == "ORG77"
    assert [(f.row, f.column) for f in found.faults] == [(4, "C"), (5, "C")]


def test_who_may_not_import_does_not_and_a_region_ends_where_it_ends(tmp_path):
    path = workbook(tmp_path / "o.xlsx", rows(2))
    with pytest.raises(Forbidden):
        old_cases.plan(holder(person(Duty.LEADER)), path, "province")
    found = old_cases.plan(holder(person(Duty.ANALYST, NINGBO)), path, "province")
    assert {f.column for f in found.faults} == {"D"}


def test_a_file_that_is_no_workbook_is_an_error_with_a_code(tmp_path, analyst):
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InputError, match="E-DOC-02"):
        old_cases.plan(analyst, path, "province")


def test_the_command_shows_the_difference_and_writes_with_apply_only(tmp_path):
    path = workbook(tmp_path / "o.xlsx", rows(3))
    shown = CliRunner().invoke(app, ["desk", "import-cases", str(path), "--source", "province"])
    assert shown.exit_code == 0, shown.output
    assert "+ 000000 第0单位" in shown.output
    assert not Case.objects.exists()
    done = CliRunner().invoke(app, ["desk", "import-cases", str(path), "--source", "province", "--apply"])
    assert done.exit_code == 0, done.output
    assert Case.objects.count() == 3
    assert AuditEvent.objects.filter(action="case.import", actor_kind="system").exists()


def test_the_guide_names_the_headings_that_are_read():
    from pathlib import Path

    guide = (Path(__file__).parents[2] / "docs/guides/desk-old-cases.md").read_text(encoding="utf-8")
    assert [h.headers[0] for h in old_cases.HEADINGS if h.headers[0].lower() not in guide.lower()] == []
