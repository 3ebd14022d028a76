"""``davylamp desk intake``, ``watch-folder``, ``import-registry`` and ``demo``, as an office uses them."""

import json

import openpyxl
import pytest
from typer.testing import CliRunner

from davylamp.cli.app import app
from davylamp.desk.audit.replay import replay
from davylamp.desk.audit.verify import verify
from davylamp.desk.leads.delivery import rows_of
from davylamp.desk.leads.models import Lead, Observation, State
from davylamp.desk.registry.models import ApprovedProject, Organisation
from davylamp.errors import BadUse, TableError
from desk.sightings import sighting

LEDGER = (
    "统一社会信用代码,单位名称,行政区划代码,行业,是否公共机构,地址段,联络员,联系电话\n"
    "{},某大学,330106,教育,是,10.1.0.0/16,王芳,13800000000\n"
)


@pytest.fixture
def run():
    def call(*arguments, status=0):
        result = CliRunner().invoke(app, ["desk", *map(str, arguments)])
        assert result.exit_code == status, (result.exception, result.output)
        return json.loads(result.stdout) if result.stdout else None

    return call


def test_a_list_from_excel_comes_in_with_its_bounds_and_its_broken_rows_come_back(run, tmp_path):
    book = openpyxl.Workbook()
    page = book.active
    page.append(["7月疑似挖矿IP清单"])
    page.append(["序号", "疑似IP", "首次发现时间", "最近发现时间", "币种", "矿池域名", "提交次数", "备注"])
    page.append([1, "10.1.0.7", "2021年7月5日", "2021-07-06 08:30", "xmr", "pool.example", "500余", "教学楼"])
    page.append([2, "10.1.0", "2021-07-05", None, "XMR", None, -3, None])
    page.append([3, "10.1.0.8", "2021-07-05", None, None, None, "=1+1", None])
    book.save(tmp_path / "list.xlsx")
    told = run("intake", tmp_path / "list.xlsx", "--source", "省局", status=3)[0]
    assert (told["rows"], told["new"], told["known"]) == (3, 1, 0)
    assert {(r["row"], r["code"]) for r in told["refused"]} == {
        (4, "E-INT-002"), (4, "E-INT-004"), (5, "E-INT-008"),
    }  # fmt: skip
    lead = Lead.objects.get()
    assert (lead.coin, lead.pool, lead.shares_text, lead.tier) == ("XMR", "pool.example", "≥ 500", "probable")
    assert Observation.objects.get().payload["备注"] == "教学楼"
    assert run("intake", tmp_path / "list.xlsx", "--source", "省局", status=3)[0]["known"] == 1


def test_a_folder_is_watched_and_nothing_in_it_is_moved(run, tmp_path):
    (tmp_path / "good.json").write_text(json.dumps({"sessions": [], "sightings": [sighting("a")]}))
    (tmp_path / "lines.jsonl").write_text(json.dumps({"record": "sighting", **sighting("b")}) + "\nbroken\n")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "half.json.part").write_text("{")
    run("watch-folder", tmp_path, "--source", "core-1", "--once")
    assert {p.name for p in tmp_path.iterdir()} == {
        "good.json", "good.json.done.json", "lines.jsonl", "lines.jsonl.faults.json", "photo.png",
        "photo.png.faults.json", "half.json.part",
    }  # fmt: skip
    faults = json.loads((tmp_path / "lines.jsonl.faults.json").read_text())
    assert [(r["row"], r["code"]) for r in faults["refused"]] == [(2, "E-INT-001")]
    assert json.loads((tmp_path / "photo.png.faults.json").read_text())["error"]["code"]
    assert Observation.objects.count() == 2
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    run("watch-folder", tmp_path, "--source", "core-1", "--once")
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_a_ledger_is_shown_before_it_is_taken_and_all_its_faults_at_once(run, tmp_path):
    path = tmp_path / "ledger.csv"
    path.write_text(LEDGER.format("12330000470009091J"))
    shown = run("import-registry", path, "--source", "教育厅", "--dry-run")
    assert shown["counts"]["added"] == 3
    assert not Organisation.objects.exists()
    assert run("import-registry", path, "--source", "教育厅")["batch"] == 1
    assert Organisation.objects.get().name == "某大学"
    assert run("import-registry", path, "--source", "教育厅")["batch"] is None
    path.write_text(LEDGER.format("12330000470009091X").replace("330106", "999999").replace("/16", "/99"))
    result = CliRunner().invoke(app, ["desk", "import-registry", str(path), "--source", "教育厅"])
    assert isinstance(result.exception, TableError)
    assert "3 faults" in result.exception.message


def test_files_that_are_neither_scan_nor_list_are_refused_with_a_code(tmp_path):
    (tmp_path / "a.csv").write_text("甲,乙\n1,2\n")
    with pytest.raises(TableError, match="E-INT-010"):
        rows_of(tmp_path / "a.csv")


def test_the_demonstration_is_the_same_each_time_sound_and_only_for_an_empty_desk(run, settings, tmp_path):
    settings.HOME = tmp_path
    told = run("demo", "--format", "json")
    assert told["addresses"] == 60
    assert told["relapses"] >= 1
    assert {a["duty"] for a in told["accounts"]} >= {"analyst", "approver", "contact", "officer", "auditor"}
    assert len({o.region_code[:4] for o in Organisation.objects.all()}) >= 8
    assert Lead.objects.filter(state=State.PROJECT).exists() or ApprovedProject.objects.count() == 2
    assert {"attributed", "attributing", "new"} <= set(Lead.objects.values_list("state", flat=True))
    assert verify([], None).is_sound
    assert [b.message for b in replay().breaches] == []
    assert run("demo", "--format", "json") == told
    (tmp_path / "demonstration.json").unlink()
    result = CliRunner().invoke(app, ["desk", "demo"])
    assert isinstance(result.exception, BadUse)


def test_the_campaign_has_its_published_counts():
    """4,699 addresses, 183 of them of 78 public organisations, on paper and in the same order each time."""
    from davylamp.desk.leads.demo import CAMPAIGN_END
    from davylamp.desk.leads.demo_world import build

    world = build(1, 4699, CAMPAIGN_END)
    assert world.scan == build(1, 4699, CAMPAIGN_END).scan
    seen = [s["client_ip"] for s in world.scan["sightings"] + world.later["sightings"]]
    assert len(set(seen)) == 4699
    public = [b for b in world.bodies if b.fact.is_public]
    assert len(public) == 78
    nets = {f"198.18.{n}." for n in range(78)}
    assert len({ip for ip in seen if any(ip.startswith(n) for n in nets)}) == 183
