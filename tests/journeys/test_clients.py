"""From capture, registry and logs to leads: the right organisations, computers, numbers of machines, and sums."""

import csv
import io
import json
import math
import subprocess
import sys
from collections import defaultdict

import jsonschema
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from davylamp.attribution.imports import read_ledger
from davylamp.cli.app import app
from davylamp.errors import BadUse, InputError
from davylamp.pipeline import scan
from davylamp.pipeline_clients import NO_REGISTRY, NOBODY, Beside, check_beside, lead
from davylamp.records_clients import NO_LOGS
from davylamp.report.machine import schema
from davylamp.report.rows_clients import FLAT
from davylamp.simulate.campus import PUBLIC, simulate_campus
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.ledger import ROWS, write_ledger
from davylamp.simulate.miner import Miner
from davylamp.sizing.energy_account import Choice, account_of_scan

OWNER = {f"10.20.{n}.": f"SAMPLE-{n + 1}" for n in range(4)}


def run(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    write_ledger(folder / "ledger.csv")
    store = folder / "registry.sqlite"
    done = run("registry", "import", folder / "ledger.csv", "--source", "sample", "--store", store)
    assert done.exit_code == 0
    return store


@pytest.fixture(scope="module")
def campus(tmp_path_factory, registry):
    """The folder, the truth, and what scan says with registry and logs."""
    folder = tmp_path_factory.mktemp("campus")
    truth = simulate_campus(folder, seed=7)["connections"]
    args = ("scan", folder / "egress.pcap", "--registry", registry, "--logs", folder / "logs", "-f", "json")
    done = run(*args)
    assert done.exit_code == 10
    return folder, truth, json.loads(done.stdout)


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Five miners on five networks, of which the ledger knows four; one has no hashrate."""
    path = tmp_path_factory.mktemp("five") / "five.pcap"
    dialects = ("monero", "stratum-v1", "eth-proxy", "grin", "kawpow")
    simulate_capture(Scene(tuple(Miner(d, minutes=20) for d in dialects), seed=3), path)
    return path


# --- the campus --------------------------------------------------------------------------------------------


def test_the_three_addresses_of_a_campus_are_the_university_s(campus):
    _, _, found = campus
    assert {c["client_ip"] for c in found["clients"]} == set(PUBLIC)
    for client in found["clients"]:
        assert (client["organisation"], client["organisation_name"]) == ("SAMPLE-1", "示例大学")
        assert (client["region"], client["region_name"]) == ("330106", "浙江省杭州市西湖区")
        assert (client["sector"], client["is_public"], client["contested"]) == ("教育", True, False)


def test_each_conversation_of_a_client_is_traced_to_the_true_computer(campus):
    _, truth, found = campus
    own = defaultdict(set)
    for client in found["clients"]:
        for index in client["attributions"]:
            chain = found["attributions"][index]["chains"][0]
            own[client["client_ip"]].add(next(k["value"] for k in chain if k["hop"] == "host"))
    assert own == {ip: {r["host"] for r in truth if r["ip"] == ip} for ip in PUBLIC}


def test_the_true_number_of_machines_lies_within_each_bound(campus):
    _, truth, found = campus
    for client in found["clients"]:
        true = len({r["host"] for r in truth if r["ip"] == client["client_ip"]})
        assert client["machines"]["low"] <= true <= client["machines"]["high"]


def test_the_address_with_the_ambiguous_conversation_names_it_as_its_weakest_link(campus):
    _, truth, found = campus
    (unclear,) = {r["ip"] for r in truth if r["is_ambiguous"]}
    for client in found["clients"]:
        assert ("readings fit" in client["weakest"]) == (client["client_ip"] == unclear)


def test_scan_and_attribute_tell_the_same_chains(campus, registry, tmp_path):
    folder, _, found = campus
    (tmp_path / "scan.json").write_text(json.dumps(found))
    done = run(
        "attribute", tmp_path / "scan.json", "--logs", folder / "logs", "--registry", registry, "-f", "json"
    )

    def told(rows):
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    assert told(json.loads(done.stdout)["attributions"]) == told(found["attributions"])


def test_scan_and_energy_account_the_same_energy(campus, tmp_path):
    _, _, found = campus
    (tmp_path / "scan.json").write_text(json.dumps(found))
    account = account_of_scan(tmp_path / "scan.json", Choice())
    assert found["energy"]["kwh_per_day"]["estimate"] == pytest.approx(account.per_day.to("kWh").estimate)
    assert found["energy"]["kwh_per_day"]["high"] == pytest.approx(account.per_day.to("kWh").high)
    assert found["energy"]["observed_kwh"]["estimate"] == pytest.approx(account.observed.to("kWh").estimate)


def test_damage_in_logs_and_their_clocks_are_told_beside_the_result(campus):
    folder, _, _ = campus
    done = run(
        "scan", folder / "egress.pcap", "--logs", folder / "logs", "--offset", "asa.log=90", "-f", "json"
    )
    assert "E-HOP-001: line 10" in done.stderr
    assert "clock of asa.log/fw1: +90.0 s ahead, given by the user" in done.stderr


# --- several organisations ---------------------------------------------------------------------------------


def test_every_address_has_its_owner_and_what_nobody_holds_says_so(five, registry):
    found = scan([str(five)], beside=Beside(registry))
    assert len(found.clients) == 5
    for client in found.clients:
        owner = next((body for net, body in OWNER.items() if client.client_ip.startswith(net)), None)
        assert (client.claim.organisation if client.claim else None) == owner
        told = {n.because for n in client.not_known if n.what == "organisation"}
        assert told == (set() if owner else {NOBODY})
    totals = found.energy
    assert {r.key for r in totals.by_organisation} == {row[0] for row in ROWS} | {"unknown"}
    assert {r.key: r.clients for r in totals.by_region} == {
        "330100": 2,
        "330200": 1,
        "330300": 1,
        "unknown": 1,
    }
    for rows in (totals.by_region, totals.by_sector, totals.by_organisation, totals.by_grade):
        assert math.fsum(r.kwh_per_day.estimate for r in rows) == pytest.approx(totals.kwh_per_day.estimate)


def test_without_a_registry_and_logs_machines_and_energy_are_there_and_the_rest_says_why(five):
    found = scan([str(five)])
    assert found.attributions == []
    for client in found.clients:
        assert client.machines is not None
        assert client.energy is not None
        assert client.holders == ()
        assert {(n.what, n.because) for n in client.not_known} >= {
            ("organisation", NO_REGISTRY), ("computer", NO_LOGS),
        }  # fmt: skip
        assert client.weakest == NO_REGISTRY


def test_without_logs_the_weakest_link_is_that_there_are_none_and_no_chain_of_gaps_is_kept(five, registry):
    found = scan([str(five)], beside=Beside(registry))
    assert found.attributions == []
    for client in found.clients:
        assert client.attributions == ()
        assert client.weakest == (NO_LOGS if client.claim else NOBODY)


def test_attribute_without_logs_says_so_instead_of_naming_a_gap_in_them(campus, registry, tmp_path):
    _, _, found = campus
    (tmp_path / "scan.json").write_text(json.dumps(found))
    told = json.loads(run("attribute", tmp_path / "scan.json", "--registry", registry, "-f", "json").stdout)[
        "attributions"
    ]
    assert len(told) == len(found["attributions"])
    for row in told:
        assert [[k["hop"] for k in chain] for chain in row["chains"]] == [["address"]]
        assert (row["weakest"], row["claims"][0]["organisation"]) == (NO_LOGS, "SAMPLE-1")
    shown = run("attribute", tmp_path / "scan.json").stdout
    assert NO_LOGS in shown.replace("\n", " ")
    assert "no lease" not in shown


def test_a_registry_that_is_gone_after_the_reading_costs_names_and_nothing_else(five, tmp_path):
    found = scan([str(five)])
    told = lead(found, Beside(tmp_path / "gone.sqlite"))
    assert [f.code for i in told.inputs for f in i.faults] == ["E-REG-001"]
    assert (told.sightings, told.energy) == (found.sightings, found.energy)
    for client in told.clients:
        assert client.not_known[0].what == "organisation"
        assert "E-REG-001" in client.not_known[0].because


def test_leading_twice_is_as_leading_once(five, registry):
    found = scan([str(five)], beside=Beside(registry))
    assert lead(found, Beside(registry)) == found


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv", "parquet"])
def test_every_format_bears_clients(five, registry, tmp_path, output_format):
    out = tmp_path / "out"
    call = ("scan", five, "--registry", registry, "-f", output_format, "-o", out, "--what", "clients")
    assert run(*call).exit_code == 10
    if output_format == "json":
        whole = json.loads(out.read_bytes())
        jsonschema.Draft202012Validator(schema()).validate(whole)
        rows = whole["clients"]
    elif output_format == "jsonl":
        lines = [json.loads(line) for line in out.read_bytes().splitlines()]
        rows = [line for line in lines if line["record"] == "client"]
        assert [line["record"] for line in lines if line["record"] == "energy"] == ["energy"]
    elif output_format == "csv":
        rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"), newline="")))
        assert list(rows[0]) == list(FLAT)
    else:
        assert pq.read_schema(out).names == list(FLAT)
        rows = pq.read_table(out, columns=["organisation", "kwh_per_day_high"]).to_pylist()
    assert {r["organisation"] or None for r in rows} == {row[0] for row in ROWS} | {None}
    assert len(rows) == 5


def test_the_terminal_names_organisations_and_puts_the_official_figure_first(five, registry):
    text = run("scan", five, "--registry", registry).stdout
    for name in ("示例大学", "示例医院", "示例软件公司", "示例水务公司"):
        assert name in text
    assert "organisations: 4 (unknown for 1 address)" in " ".join(text.split())
    totals = text[text.index("CO2: ") :]
    assert totals.index("MEE-2021-national") < totals.index("article-2021")


# --- what cannot be meant ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--registry", "/nowhere.sqlite"), "E-REG-001"),
        (("--logs", "/nowhere.log"), "E-HOP-006"),
        (("--factors", "none"), "E-FAC-001"),
        (("--factors", "MEE-2022-Zhejiang"), "E-FAC-002"),
        (("--offset", "a=1"), "E-USE-004"),
        (("--zone", "Atlantis"), "E-HOP-012"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_read(five, args, code):
    text = [] if args[0] != "--zone" else ["--logs", five]
    done = run("scan", five, *args, *text)
    assert done.exception.code == code
    assert done.stdout == ""


def test_a_registry_that_is_none_is_refused_before_the_captures_are_read(tmp_path):
    (tmp_path / "r.sqlite").write_text("no registry")
    with pytest.raises(InputError) as error:
        check_beside(Beside(tmp_path / "r.sqlite"))
    assert error.value.code == "E-REG-002"
    with pytest.raises(BadUse):
        check_beside(Beside(sizing=Choice("none")))


def test_a_result_never_overwrites_the_registry(five, registry):
    before = registry.read_bytes()
    done = run("scan", five, "--registry", registry, "-f", "json", "-o", registry)
    assert done.exception.code == "E-USE-003"
    assert registry.read_bytes() == before


def test_the_sample_ledger_has_no_fault(tmp_path):
    write_ledger(tmp_path / "deep" / "ledger.csv")
    ledger = read_ledger(tmp_path / "deep" / "ledger.csv")
    assert not ledger.faults


def test_a_scan_without_registry_and_logs_does_not_load_what_looks_them_up() -> None:
    code = "import davylamp.pipeline, sys; print([m for m in sys.modules if m.startswith('davylamp.attribution.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
