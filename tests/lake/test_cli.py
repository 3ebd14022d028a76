"""The commands as scripts use them: streams, formats, exit status."""

import csv
import io
import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from davylamp.pipeline import scan as scan_captures
from davylamp.report.faults import fault_sentence
from davylamp.report.phrases import Phrases
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import parse_miner

from lake.samples import pairs, scan, session, written

# the two commands as cli/app.py hangs them up, so that this test does not depend on what else hangs there
RUN = (
    "import sys, typer\nfrom davylamp.cli import flows, lake\nfrom davylamp.errors import DavylampError\n"
    "app = typer.Typer(pretty_exceptions_enable=False)\napp.add_typer(lake.app, name='lake')\n"
    "app.command('flows')(flows.command)\n"
    "try:\n    app()\nexcept DavylampError as e:\n    sys.stderr.write(f'{e}\\n'); sys.exit(e.exit_status)\n"
)


def lamp(*args):
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, args)], capture_output=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    home = tmp_path_factory.mktemp("cli")
    done = lamp("lake", "add", home / "lake", written(home / "a.json", pairs([1, 2, 3])), "--format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["sessions"]["added"] == 3
    return home / "lake"


def test_flows_tells_faults_in_the_words_of_scan(tmp_path):
    capture = tmp_path / "a.pcap"
    simulate_capture(Scene((parse_miner("minutes=5"),)), capture)
    capture.write_bytes(capture.read_bytes()[:-7])
    told = lamp("flows", capture, "-o", tmp_path / "f").stderr.decode().replace("\n", "")
    (fault,) = scan_captures([str(capture)]).inputs[0].faults
    assert fault_sentence(fault, Phrases("en")).replace(" ", "") == told.replace(" ", "")


def test_flows_of_a_capture_go_into_the_lake(tmp_path):
    simulate_capture(Scene((parse_miner("dialect=monero,minutes=5"),), 5, 1), tmp_path / "a.pcap")
    told = lamp(
        "flows", tmp_path / "a.pcap", "-o", tmp_path / "f.parquet", "--sensor", "lab", "--format", "json"
    )
    assert told.returncode == 0
    rows = json.loads(told.stdout)["flows"]
    assert rows == pq.read_metadata(tmp_path / "f.parquet").num_rows > 5
    added = lamp("lake", "add", tmp_path / "lake", "--flows", tmp_path / "f.parquet", "--format", "json")
    assert json.loads(added.stdout)["flows"]["added"] == rows


def test_a_capture_that_cannot_be_read_is_status_3(tmp_path):
    (tmp_path / "bad").write_text("no capture")
    assert lamp("flows", tmp_path / "bad", "-o", tmp_path / "f").returncode == 3
    assert not (tmp_path / "f").exists()


def test_json_is_rows_by_name_with_types_and_the_cut(lake):
    done = lamp(
        "lake", "query", lake, "SELECT worker, jobs FROM sessions ORDER BY worker", "-f", "json", "--limit", 2
    )
    assert json.loads(done.stdout) == {
        "columns": [{"name": "worker", "type": "VARCHAR"}, {"name": "jobs", "type": "BIGINT"}],
        "rows": [{"worker": "rig1", "jobs": 12}, {"worker": "rig2", "jobs": 12}],
        "limit": 2,
        "is_cut": True,
    }
    assert b"cut after 2 rows" in done.stderr


def test_csv_runs_no_formula_and_the_table_moves_no_cursor(tmp_path):
    hostile = [session(1, worker="=1+1"), session(2, worker="\x1b[31mred")]
    assert lamp("lake", "add", tmp_path / "lake", written(tmp_path / "a", scan(hostile))).returncode == 0
    sql = "SELECT worker, -5 AS n FROM sessions ORDER BY first_ns"
    rows = list(
        csv.reader(io.StringIO(lamp("lake", "query", tmp_path / "lake", sql, "-f", "csv").stdout.decode()))
    )
    assert rows == [["worker", "n"], ["'=1+1", "-5"], ["\\u001b[31mred", "-5"]]
    assert b"\x1b" not in lamp("lake", "query", tmp_path / "lake", sql).stdout


@pytest.mark.parametrize(
    ("args", "status", "code"),
    [
        (("query", "LAKE", "DROP VIEW flows"), 2, b"E-LAK-020"),
        (("query", "LAKE", "SELECT nope FROM flows"), 2, b"E-LAK-021"),
        (("query", "NONE", "SELECT 1"), 3, b"E-LAK-001"),
        (("query", "LAKE", "SELECT 1", "--limit", "0"), 2, b"--limit"),
        (("add", "LAKE"), 2, b"E-LAK-007"),
        (("add", "LAKE", "absent.json"), 3, b"E-LAK-010"),
        (("retain", "LAKE", "--days", "0"), 2, b"E-LAK-031"),
        (("retain", "LAKE"), 2, b"--days"),
        (("info", "NONE"), 3, b"E-LAK-001"),
    ],
)
def test_what_goes_wrong_has_a_code_and_a_status(lake, args, status, code):
    done = lamp(
        "lake", *(str(lake) if a == "LAKE" else str(lake.parent / "none") if a == "NONE" else a for a in args)
    )
    assert (done.returncode, done.stdout) == (status, b"")
    assert code in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_bad_record_is_status_3_and_named_on_stderr(tmp_path):
    made = written(tmp_path / "a.json", scan([session(1), session(2, jobs=-1)]))
    done = lamp("lake", "add", tmp_path / "lake", made)
    assert done.returncode == 3
    assert b"sessions[1].jobs: -1 is below 0" in done.stderr
    assert b"1 record refused, the rest is kept" in done.stderr


def test_retention_shows_first_and_removes_on_apply(tmp_path):
    lake = tmp_path / "lake"
    lamp("lake", "add", lake, written(tmp_path / "a", pairs([1, 2])))
    (tmp_path / "refs").write_text(f"{1:032d}\n")
    call = (
        "lake",
        "retain",
        lake,
        "--days",
        10,
        "--as-of",
        "2024-06-01",
        "--keep",
        tmp_path / "refs",
        "-f",
        "json",
    )
    for more, applied in (((), False), (("--apply",), True)):
        plan = json.loads(lamp(*call, *more).stdout)
        assert (plan["is_applied"], [part["goes"] for part in plan["folders"]]) == (applied, [1, 1])
    held = json.loads(lamp("lake", "info", lake, "-f", "json").stdout)["holdings"]
    assert [held[kind]["rows"] for kind in ("sightings", "sessions")] == [1, 1]


def test_info_lists_columns_with_their_meaning(lake):
    rows = json.loads(lamp("lake", "info", lake, "--schema", "-f", "json").stdout)
    meaning = {(row["kind"], row["column"]): row["meaning"] for row in rows}
    assert meaning["flows", "server_bytes"] == "frame bytes on the wire"


def test_help_loads_no_heavy_library():
    code = (
        "import sys\nfrom davylamp.cli import flows, lake\n"
        "heavy = {'numba', 'pyarrow', 'numpy', 'duckdb', 'orjson'} & set(sys.modules)\nsys.exit(1 if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
