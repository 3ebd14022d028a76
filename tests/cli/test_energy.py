"""`davylamp energy` and what stands beneath it, called as a user calls it: streams, codes, status, stable keys."""

import json

import pytest
from typer.testing import CliRunner

from davylamp.cli.app import app
from davylamp.errors import DavylampError

DAYS = "".join(f"2021-05-{d:02},430e12,13600,17917\n" for d in range(1, 11))


def run(*args):
    return CliRunner().invoke(app, ["energy", *map(str, args)])


@pytest.fixture
def eth(tmp_path):
    path = tmp_path / "eth.csv"
    path.write_text("date,network_hps,emission,price\n" + DAYS)
    return path


def spell(path, first="2021-05-01", last="2021-05-10"):
    return ("--network", path, "--coin", "ETH", "--from", first, "--to", last)


def test_coins_of_a_hashrate_by_hand(eth):
    """96 MH/s of 430 TH/s for ten days of 13,600 ETH: 0.030363 ETH."""
    found = json.loads(run("coins", "--hashrate", "96MH/s", *spell(eth), "--format", "json").stdout)
    assert found["amount"]["estimate"] == pytest.approx(96e6 / 430e12 * 13_600 * 10)
    assert (found["coin"], found["algorithm"], found["worth"]) == ("ETH", "ethash", None)
    assert len(found["by_day"]) == 10


def test_a_value_names_its_rule_its_day_and_its_source(eth):
    done = run(
        "coins",
        "--hashrate",
        "96MH/s",
        *spell(eth),
        "--rule",
        "sale",
        "--price-date",
        "2021-05-09",
        "--currency",
        "CNY",
    )
    assert done.exit_code == 0
    assert "544 CNY (sale 2021-05-09, eth.csv)" in done.stdout


def test_stated_coins_give_the_rate_of_each_card(eth):
    """2.4 ETH of 32 cards in 120 days is 0.2 in ten: 13 to 20 MH/s a card at 430 TH/s (ENERGY.md)."""
    done = run(
        "coins", "--earned", "0.2", "--machines", 32, "--extra", "0-0.5", *spell(eth), "--format", "json"
    )
    found = json.loads(done.stdout)
    assert found["each_hps"]["low"] / 1e6 == pytest.approx(13, abs=0.5)
    assert found["each_hps"]["high"] / 1e6 == pytest.approx(20, abs=0.5)


def test_a_missing_day_is_refused_or_a_lower_bound(eth):
    short = ("coins", "--hashrate", "96MH/s", *spell(eth, last="2021-05-12"))
    assert run(*short).exception.code == "E-COI-005"
    done = run(*short, "--allow-gaps")
    assert "≥" in done.stdout
    assert "a lower bound: 2 days missing" in done.stdout
    assert (
        run(
            "coins", "--hashrate", "96MH/s", *spell(eth, "2022-01-01", "2022-01-02"), "--allow-gaps"
        ).exception.code
        == "E-COI-005"
    )


@pytest.mark.parametrize(
    ("args", "code", "status"),
    [
        (("--hashrate", "1MH/s", "--earned", "1"), "E-COI-009", 2),
        ((), "E-COI-009", 2),
        (("--earned", "0"), "E-COI-009", 2),
        (("--earned", "1", "--extra", "-1"), "E-COI-009", 2),
        (("--hashrate", "96"), "E-QTY-011", 2),
        (("--hashrate", "96 kWh"), "E-QTY-011", 2),
        (("--hashrate", "1EH/s"), "E-COI-010", 2),
        (("--hashrate", "1MH/s", "--duty", "1.5"), "E-COI-007", 2),
        (("--hashrate", "1MH/s", "--fee", "5"), "E-COI-007", 2),
        (("--hashrate", "1MH/s", "--algorithm", "rx/0", "--algorithm", "rx/0"), "E-COI-008", 2),
        (("--hashrate", "1MH/s", "--rule", "payout", "--currency", "CNY"), "E-COI-006", 2),
        (("--hashrate", "1MH/s", "--rule", "mining-day"), "E-COI-008", 2),
    ],
)
def test_coins_that_cannot_be_meant_have_a_code_and_a_status(eth, args, code, status):
    done = run("coins", *spell(eth), *args)
    assert isinstance(done.exception, DavylampError), done.output
    assert (done.exception.code, done.exception.exit_status) == (code, status)
    assert done.stdout == ""


def test_days_that_are_none_and_run_backwards_are_refused(eth):
    assert run("coins", "--hashrate", "1MH/s", *spell(eth, "May", "June")).exception.code == "E-COI-003"
    assert (
        run("coins", "--hashrate", "1MH/s", *spell(eth, "2021-05-03", "2021-05-01")).exception.code
        == "E-COI-003"
    )


def test_an_option_of_the_account_before_a_sub_command_is_refused_not_dropped(eth):
    done = run("--days", "3", "--format", "json", "coins", "--hashrate", "1MH/s", *spell(eth))
    assert done.exception.code == "E-ENE-007"
    assert done.exception.message == "--days, --format before coins"


def test_coins_of_a_statement_are_refused(eth):
    done = run("--kwh-per-day", "1", "--network", eth, "--coin", "ETH")
    assert done.exception.code == "E-COI-008"


def test_a_sample_is_extrapolated_refused_or_forced(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("address,kwh_per_day\na,10\nb,20\nc,60\n")
    fair = run(
        "extrapolate", "--sample", path, "--population", 4699, "--selected", "random", "--format", "json"
    )
    assert json.loads(fair.stdout)["kwh_per_day"]["estimate"] == pytest.approx(30 * 4699)
    ranked = ("extrapolate", "--sample", path, "--population", 4699, "--selected", "risk-ranked")
    assert (run(*ranked).exception.code, run(*ranked).exception.exit_status) == ("E-EXT-002", 2)
    assert run(*ranked, "--force").stdout.startswith("FORCED")


def test_a_meter_has_a_door(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("time,kWh\n2021-09-01,0\n2021-09-02,48\n")
    found = json.loads(run("--measured", path, "--format", "json").stdout)
    assert found["grades"][0]["grade"] == "A"


KEYS = {
    "schema_version", "basis", "method", "days", "kwh_per_day", "kwh", "observed_kwh", "inferred_kwh", "official",
    "comparable", "comparable_over_official", "grades", "lines", "clients", "by_organisation", "by_region",
    "by_sector", "coins", "extrapolation", "mark", "notes",
}  # fmt: skip


def test_the_keys_of_an_account_are_stable():
    assert set(json.loads(run("--kwh-per-day", "148500", "--format", "json").stdout)) == KEYS
