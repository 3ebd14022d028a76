"""``davylamp registry`` as people and scripts use it: streams, exit status, round trips."""

import json

import pytest
import typer
from typer.testing import CliRunner

from davylamp.cli import registry as command
from davylamp.errors import DavylampError

from attribution.ledgers import HOSPITAL, UNIVERSITY

HEAD = "单位名称,统一社会信用代码,行政区划代码,地址段,端口,起始,截止,备注,联络员,确认日期"
ROWS = (
    f"某大学,{UNIVERSITY},330106,10.20.0.0/16；2001:db8::/48,,,,=1+1,张三,2021-01-01",
    f"某医院,{HOSPITAL},330102,10.30.0.1-10.30.0.254,1024-2047,2020-01-01,2021年9月8日,,,",
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.add_typer(command.app, name="registry")

    def call(*arguments):
        done = CliRunner().invoke(app, ["registry", *map(str, arguments)])
        if isinstance(done.exception, DavylampError):
            return done, done.exception.exit_status
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done, done.exit_code

    (tmp_path / "a.csv").write_text("\n".join([HEAD, *ROWS]), encoding="utf-8")
    return call


def answer(run, *arguments):
    done, status = run(*arguments, "--format", "json")
    assert status == 0
    return json.loads(done.stdout)


def test_a_dry_run_writes_nothing_and_an_import_says_what_it_wrote(run, tmp_path):
    counts = answer(run, "import", "a.csv", "--source", "省", "--dry-run")["counts"]
    assert counts["added"] == 6
    assert not (tmp_path / "registry.sqlite").exists()
    assert answer(run, "import", "a.csv", "--source", "省")["batch"] == 1
    again = answer(run, "import", "a.csv", "--source", "省")
    assert (again["counts"]["unchanged"], again["changes"], again["batch"]) == (6, [], None)
    assert answer(run, "diff", "a.csv", "--source", "省")["counts"] == again["counts"]


def test_every_address_that_is_none_is_named_at_once(run):
    done, code = run("lookup", "10.20.0.300", "10.20.0.1", "[::1]:99999", "fe80::1%eth0", "10.0.0.1:x")
    assert code == 2
    said = str(done.exception)
    assert [t in said for t in ("10.20.0.300", "[::1]:99999", "10.0.0.1:x")] == [True] * 3
    assert "fe80" not in said


def test_lookup_names_the_holder_of_that_time(run):
    run("import", "a.csv", "--source", "省")
    day = answer(run, "lookup", "10.30.0.9:1500", "--at", "2021-09-08 23:59")
    assert [c["name"] for c in day[0]["claims"]] == ["某医院"]
    assert answer(run, "lookup", "10.30.0.9:1500", "--at", "2021-09-09")[0]["state"] == "unattributed"
    assert (
        answer(run, "lookup", "[2001:db8::7]:443", "2001:db8::7")[1]["claims"][0]["organisation"]
        == UNIVERSITY
    )
    assert answer(run, "lookup", "10.20.0.1", "--as-of", "2021-01-01")[0]["claims"] == []
    done, _ = run("lookup", "10.20.0.1")
    assert "older than 180 days" in done.stdout
    assert "张三" not in done.stdout


def test_many_addresses_are_answered_as_single_ones(run):
    run("import", "a.csv", "--source", "省")
    many = [f"10.20.0.{n}" for n in range(60)]
    found = answer(run, "lookup", *many, "--at", "2021-09-08")
    assert found[:1] == answer(run, "lookup", many[0], "--at", "2021-09-08")
    assert len({line["claims"][0]["organisation"] for line in found}) == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_export_and_import_change_nothing(run, kind):
    run("import", "a.csv", "--source", "省")
    run("import", "a.csv", "--source", "市", "--layer", "declared", "--by", "王")
    options = ("--layer", "imported", "--source", "省", "--contacts")
    assert run("export", *options, "--format", kind, "-o", f"b.{kind}")[1] == 0
    assert answer(run, "diff", f"b.{kind}", "--source", "省")["counts"] == {
        "added": 0,
        "changed": 0,
        "removed": 0,
        "unchanged": 6,
    }


def test_an_export_disarms_formulas_and_keeps_people_out_unless_asked(run):
    run("import", "a.csv", "--source", "省")
    text = run("export")[0].stdout
    assert ",'=1+1," in text
    assert "张三" not in text
    assert "张三" in run("export", "--contacts")[0].stdout


def test_faults_are_status_3_and_reach_a_program_as_json(run, tmp_path):
    (tmp_path / "bad.csv").write_text(f"{HEAD}\n甲,1,339999,10.1.0.300,,,,,,\n", encoding="utf-8")
    done, status = run("import", "bad.csv", "--source", "省", "--format", "json")
    assert status == 3
    assert [fault["column"] for fault in json.loads(done.stdout)["faults"]] == ["B", "C", "D"]
    assert not (tmp_path / "registry.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("lookup", "10.0.0.1", "--store", "none"), 3),
        (("import", "none.csv", "--source", "x"), 3),
        (("import", "a.csv", "--source", " "), 2),
        (("import", "a.csv", "--source", "x", "--layer", "verified"), 2),
        (("import", "a.csv", "--source", "x", "--effective", "yesterday"), 2),
        (("export", "--layer", "imported"), 2),
        (("export", "--format", "xlsx"), 2),
        (("import", "a.csv", "--source", "x", "--store", "/nowhere/at/all"), 4),
    ],
)
def test_exit_status_says_what_kind_of_trouble(run, arguments, status):
    assert run(*arguments)[1] == status
