"""Accounts and the command: official first, comparable beside, split by grade, faults with code and status."""

import json

import pytest
from typer.testing import CliRunner

from davylamp.cli import energy
from davylamp.errors import DavylampError, InputError
from davylamp.sizing.energy_account import Choice, account_of_inventory, account_of_scan, account_of_statement
from davylamp.sizing.energy_rows import account_row
from davylamp.sizing.energy_text import account_text

APP = energy.app


def run(*args):
    return CliRunner().invoke(APP, [str(a) for a in args])


def row(first, last, **more):
    return {
        "client_ip": "10.0.0.1",
        "server_ip": "198.51.100.1",
        "server_port": 3333,
        "first_seen": f"2024-06-01T{first}:00.000000000Z",
        "last_seen": f"2024-06-01T{last}:00.000000000Z",
        "kind": "mining",
        "sessions": [],
        "algorithm": "rx/0",
        "hashrate_hps": {"low": 9e3, "estimate": 1e4, "high": 1.1e4},
        "hashrate_note": "",
        **more,
    }


@pytest.fixture
def scan(tmp_path):
    def write(*sightings, sessions=()):
        path = tmp_path / "scan.json"
        path.write_text(json.dumps({"sightings": list(sightings), "sessions": list(sessions)}))
        return path

    return write


# --- statements --------------------------------------------------------------------------------------------


def test_the_command_prints_the_official_figure_before_the_release_s():
    done = run("--kwh-per-day", "148500", "--factors", "article-2021")
    assert done.exit_code == 0
    places = [done.stdout.index(figure) for figure in ("30,180 t", "54,040 t")]
    assert places == sorted(places)
    for figure in ("59.994 t", "21,898 t", "MEE-2021-national", "article-2021", "1.79 times"):
        assert figure in done.stdout


def test_the_json_holds_the_same_figures_and_all_that_recomputes_them():
    done = run("--kwh-per-day", "148500", "--format", "json")
    found = json.loads(done.stdout)
    first = found["official"][0]
    assert (first["set"], round(first["total_t"]["estimate"])) == ("MEE-2021-national", 30_180)
    assert first["kwh"]["estimate"] * first["factor"] / 1000 == pytest.approx(first["total_t"]["estimate"])
    by = {(r["set"], r["yields"]): r for r in found["comparable"]}
    assert by["article-2021", "standard coal"]["per_day_t"]["estimate"] == pytest.approx(59.994)
    assert round(by["article-2021", "standard coal"]["total_t"]["estimate"]) == 21_898
    assert round(by["article-2021", "CO2"]["total_t"]["estimate"]) == 54_040
    assert found["comparable_over_official"] == pytest.approx(1.79, abs=0.005)


def test_a_lower_bound_survives_to_the_end():
    found = account_row(account_of_statement("≥ 14.85万", Choice()))
    assert found["official"][0]["total_t"]["text"] == "≥ 30,180"
    assert found["official"][0]["total_t"]["high"] is None


@pytest.mark.parametrize("text", ["148500", "148,500 kWh", "14.85万千瓦时", "148.5 MWh/d", "6187.5 kW"])
def test_a_day_s_energy_is_read_in_its_unit(text):
    assert account_of_statement(text, Choice()).per_day.to("kWh").estimate == pytest.approx(148_500)


def test_days_scale_the_total_only():
    account = account_of_statement("100", Choice(days=10))
    assert account.over_days.to("kWh").estimate == pytest.approx(1000)
    assert account.per_day.to("kWh").estimate == pytest.approx(100)


def test_every_factor_set_is_listed_with_its_source():
    done = run("--list-factors")
    assert done.exit_code == 0
    assert "MEE-2022-Zhejiang" in done.stdout
    assert "to be entered" in done.stdout
    rows = json.loads(run("--list-factors", "--format", "json").stdout)
    assert all(r["source"] for r in rows)
    assert next(r for r in rows if r["set"] == "MEE-2022-Zhejiang")["factor"] is None


@pytest.mark.parametrize(
    ("args", "code", "status"),
    [
        ((), "E-ENE-007", 2),
        (("--kwh-per-day", "1", "--inventory", "x.csv"), "E-ENE-007", 2),
        (("--kwh-per-day", "lots"), "E-QTY-004", 2),
        (("--kwh-per-day", "60 t"), "E-QTY-011", 2),
        (("--kwh-per-day", "-5"), "E-QTY-001", 2),
        (("--kwh-per-day", "1", "--factors", "MEE-2022-Zhejiang"), "E-FAC-002", 2),
        (("--kwh-per-day", "1", "--factors", "none"), "E-FAC-001", 2),
        (("--from-scan", "/nowhere.json"), "E-ENE-004", 3),
        (("--inventory", "/nowhere.csv"), "E-ENE-004", 3),
    ],
)
def test_what_cannot_be_accounted_for_has_a_code_and_a_status(args, code, status):
    done = run(*args)
    assert isinstance(done.exception, DavylampError)
    assert (done.exception.code, done.exception.exit_status) == (code, status)


# --- scans -------------------------------------------------------------------------------------------------


def test_a_sighting_with_a_hashrate_is_sized_by_grade_c(scan):
    account = account_of_scan(scan(row("00:00", "10:00")), Choice())
    (line,) = account.lines
    assert line.power.grade == "C"
    assert line.seen.hours.estimate == pytest.approx(10)
    assert account.observed.to("kWh").estimate == pytest.approx(10 * line.power.power.to("kW").estimate)
    assert account.per_day.to("kWh").estimate == pytest.approx(24 * line.power.power.to("kW").estimate)
    assert account.per_day.amount.low < account.per_day.amount.estimate < account.per_day.amount.high


def test_a_client_without_a_hashrate_gets_one_default_however_many_sightings_it_has(scan):
    nothing = {"hashrate_hps": None, "hashrate_note": "no share was seen"}
    account = account_of_scan(
        scan(*(row("00:00", "01:00", server_port=p, **nothing) for p in (1, 2, 3))), Choice()
    )
    assert account.per_day.to("kWh").estimate == pytest.approx(31.6)
    assert list(account.power.by_grade) == ["D"]
    assert account.lines[0].what == "no share was seen"


def test_a_client_that_changes_its_pool_counts_once(scan):
    """The same machine for five hours here and five hours there draws its power, not twice its power."""
    moved = account_of_scan(scan(row("00:00", "05:00"), row("05:00", "10:00", server_port=4444)), Choice())
    stayed = account_of_scan(scan(row("00:00", "10:00")), Choice())
    assert moved.per_day.to("kWh").estimate == pytest.approx(stayed.per_day.to("kWh").estimate)
    assert moved.observed.to("kWh").estimate == pytest.approx(stayed.observed.to("kWh").estimate)


def test_sightings_at_the_same_time_add_up(scan):
    twice = account_of_scan(scan(row("00:00", "10:00"), row("00:00", "10:00", server_port=4444)), Choice())
    once = account_of_scan(scan(row("00:00", "10:00")), Choice())
    assert twice.per_day.to("kWh").estimate == pytest.approx(2 * once.per_day.to("kWh").estimate)


def test_grades_stand_apart_in_table_and_json(scan):
    path = scan(row("00:00", "10:00"), row("00:00", "10:00", client_ip="10.0.0.2", hashrate_hps=None))
    account = account_of_scan(path, Choice())
    assert [g["grade"] for g in account_row(account)["grades"]] == ["C", "D"]
    text = account_text(account)
    assert "C from hashrate:" in text
    assert "D default per address:" in text


def test_only_mining_is_accounted_for(scan):
    path = scan(row("00:00", "10:00"), row("00:00", "10:00", client_ip="10.0.0.2", kind="node"))
    assert [line.name for line in account_of_scan(path, Choice()).lines] == ["10.0.0.1"]
    with pytest.raises(InputError, match="E-ENE-006"):
        account_of_scan(scan(row("00:00", "10:00", kind="visit")), Choice())


def test_sessions_of_a_sighting_say_when_it_ran(scan):
    sessions = [row("00:00", "01:00"), row("08:00", "09:00")]
    account = account_of_scan(scan(row("00:00", "10:00", sessions=[0, 1]), sessions=sessions), Choice())
    assert account.lines[0].seen.hours.estimate == pytest.approx(2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"sightings": 3, "sessions": []}',
        '{"sightings": [{"kind": "mining"}], "sessions": []}',
        '{"sightings": [NaN], "sessions": []}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_scan_is_refused(tmp_path, text):
    path = tmp_path / "scan.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"E-ENE-00[46]"):
        account_of_scan(path, Choice())


@pytest.mark.parametrize(
    "bad",
    [
        {"hashrate_hps": {"low": 5, "estimate": 1, "high": 2}},
        {"hashrate_hps": {"low": 1, "estimate": "many", "high": 2}},
        {"last_seen": "yesterday"},
        {"first_seen": "2024-06-01T23:00:00.0Z"},
        {"sessions": [7]},
        {"sessions": ["a"]},
    ],
)
def test_a_damaged_sighting_is_an_error_with_a_code(scan, bad):
    with pytest.raises(DavylampError, match=r"E-(ENE|QTY)-"):
        account_of_scan(scan(row("00:00", "10:00", **bad)), Choice())


def test_a_terminal_obeys_no_name_from_a_file(scan):
    path = scan(
        row("00:00", "10:00", client_ip="\x1b[2J10.0.0.9", hashrate_hps=None, hashrate_note="\x1b]0;x\x07")
    )
    assert "\x1b" not in account_text(account_of_scan(path, Choice()))


# --- inventories -------------------------------------------------------------------------------------------


def test_an_inventory_is_sized_by_grade_b(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("model,count,watts,wall,load\ncabinet,2,1 kW,yes,1\nAntminer S9,≥540,,,\n")
    account = account_of_inventory(path, Choice())
    assert list(account.power.by_grade) == ["B"]
    assert account.lines[0].power.power.to("kW").estimate == pytest.approx(2)
    assert account.per_day.amount.high == float("inf")


def test_all_faults_of_an_inventory_are_told_at_once(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        "model,count,watts,wall,load\nToaster,1,,,\ncabinet,many,10,,\n,1,10,,\ncabinet,1,10,maybe,\ncabinet,1,10,,7\n"
    )
    with pytest.raises(InputError, match="E-ENE-005") as caught:
        account_of_inventory(path, Choice())
    for line in range(2, 7):
        assert f"line {line}" in caught.value.message


@pytest.mark.parametrize("text", ["", "model,count\n", "name,number\nx,1\n"])
def test_a_file_that_is_no_inventory_is_refused(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="E-ENE-005"):
        account_of_inventory(path, Choice())
