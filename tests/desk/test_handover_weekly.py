"""The weekly list: sums with both ends, algorithms apart, new and existing by date, nothing that one may not see."""

import io
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from davylamp.desk.access.models import Clearance, Duty
from davylamp.desk.access.policy import Forbidden
from davylamp.desk.core import vault
from davylamp.desk.documents.services import open_document
from davylamp.desk.handover.weekly import COLUMNS, rows_of, total, weekly_list
from davylamp.sizing.quantities_bounds import Bounded
from desk.handovers import lead
from desk.people import HANGZHOU, NINGBO, PROVINCE, XIHU, holder, organisation, person

SINCE, UNTIL = datetime(2021, 10, 10, 16, tzinfo=UTC), datetime(2021, 10, 17, 16, tzinfo=UTC)
BEFORE, AFTER = datetime(2021, 8, 1, tzinfo=UTC), datetime(2021, 10, 12, tzinfo=UTC)


def seen(code, region=XIHU, first=AFTER, last=AFTER + timedelta(days=1), **more):
    return lead(code, region, first_seen=first, last_seen=last, **more)


def listed(who, region=PROVINCE):
    document = weekly_list(who, SINCE, UNTIL, region)
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(vault.read(document.sha256)))).active
    rows = [[c.value for c in row] for row in sheet.iter_rows(min_row=2)]
    return [
        dict(zip((c.header for c in COLUMNS), row, strict=True)) for row in rows if isinstance(row[0], int)
    ]


def test_sums_keep_both_ends_and_a_part_without_a_figure_makes_a_lower_bound():
    assert total([(1, 2, 3), (10, 20, 30)]) == Bounded(11, 22, 33)
    assert total([(1, 2, 3), (None, None, None)]).text().startswith("2 (≥ 1")
    assert total([(None, None, None)]) is None


def test_one_row_per_organisation_and_algorithm_with_its_numbers():
    body = organisation(name="某某科技公司")
    seen(body.code, kwh_per_day_low=10.0, kwh_per_day=12.0, kwh_per_day_high=16.0, energy_grade="C")
    seen(body.code, kwh_per_day_low=1.0, kwh_per_day=2.0, kwh_per_day_high=4.0, energy_grade="B")
    seen(body.code, algorithm="kawpow", coin="RVN")
    first, second = listed(holder(person()))
    assert [first["算法"], second["算法"]] == ["kawpow", "randomx"]
    assert second["用电量（千瓦时/日）"] == "14 (11 to 20)"
    assert second["算力"].startswith("3.92 ")
    assert second["算力"].endswith("kH/s")
    assert (second["测算等级"], second["线索数"], second["未销号"]) == ("C", 2, 2)
    assert first["用电量（千瓦时/日）"] in ("unknown", "未知")


def test_new_and_existing_are_told_apart_by_the_first_time_ever():
    fresh, old = organisation(), organisation()
    seen(fresh.code)
    seen(old.code, first=BEFORE, last=BEFORE + timedelta(days=1), state="closed")
    seen(old.code)
    flags = {row["统一社会信用代码"]: (row["新增/存量"], row["首次发现"]) for row in listed(holder(person()))}
    assert flags[fresh.code] == ("新增", datetime(2021, 10, 12))
    assert flags[old.code] == ("存量", datetime(2021, 8, 1))


def test_what_was_not_observed_in_the_week_is_approved_or_merged_is_not_listed():
    body = organisation()
    seen(body.code, last=SINCE - timedelta(seconds=1), first=BEFORE)
    seen(body.code, first=UNTIL, last=UNTIL)
    seen(body.code, state="project")
    assert rows_of(holder(person()), SINCE, UNTIL) == []


def test_the_list_holds_nothing_that_its_maker_may_not_see():
    seen("ORG1", XIHU)
    seen("ORG2", NINGBO)
    seen("ORG3", XIHU, classification=Clearance.SECRET)
    assert [row["统一社会信用代码"] for row in listed(holder(person(Duty.OFFICER, HANGZHOU)), HANGZHOU)] == [
        "ORG1"
    ]


def test_who_may_not_export_makes_no_list_and_nobody_makes_one_above_its_region():
    for who, region in ((person(Duty.CONTACT, XIHU, "ORG1"), XIHU), (person(Duty.OFFICER, XIHU), PROVINCE)):
        with pytest.raises(Forbidden):
            weekly_list(holder(who), SINCE, UNTIL, region)


def test_the_list_is_kept_with_its_watermark():
    who = holder(person())
    document = weekly_list(who, SINCE, UNTIL, PROVINCE)
    sheet = openpyxl.load_workbook(io.BytesIO(open_document(who, document))).active
    assert any(document.export_id in str(cell.value) for cell in sheet["A"])
