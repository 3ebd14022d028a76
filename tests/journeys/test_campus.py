"""A campus behind translation and DHCP, from capture and logs to the right computers; the ambiguous one said to be."""

import json
import re
from collections import Counter

import pytest
from typer import Typer
from typer.testing import CliRunner

from davylamp.attribution.chain import Subject
from davylamp.attribution.hops.clocks import CAPTURE, NoOffset, Offset
from davylamp.attribution.scans import LogChoice, Seeing, attribute_scan, load_scan, parse_offsets
from davylamp.cli import attribute
from davylamp.errors import BadUse, InputError
from davylamp.pipeline import scan
from davylamp.records import Claim
from davylamp.report.machine import to_json
from davylamp.simulate.campus import CAME, FIREWALL_AHEAD_S, KEPT, LEFT, PUBLIC, REUSED, simulate_campus


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    """The folder, the truth, and the scan of its egress capture."""
    folder = tmp_path_factory.mktemp("campus")
    truth = simulate_campus(folder, seed=7)["connections"]
    (folder / "scan.json").write_bytes(to_json(scan([str(folder / "egress.pcap")])))
    return folder, truth


def attributed(folder, **options):
    logs = LogChoice((str(folder / "logs"),), **options)
    return attribute_scan(load_scan(folder / "scan.json"), logs)


@pytest.fixture(scope="module")
def result(campus):
    return attributed(campus[0])


def found_for(result, row):
    """The attribution of a true connection: by address, port and the nearest beginning."""
    same = [a for a in result.attributions if (a.ip, a.port) == (row["ip"], row["port"])]
    return min(same, key=lambda a: abs(a.first_ns - row["first_ns"]))


def told(chain):
    value = {link.hop: link.value for link in chain}
    return (value["nat"], value["mac"], value["port"], value["host"], value["holder"].split(",")[0])


def true(row):
    return (row["inside"], row["mac"], row["switch_port"], row["host"], row["holder"])


def test_forty_miners_stand_behind_three_addresses(campus, result):
    _, truth = campus
    assert len(truth) == len(result.attributions) == 40
    assert {a.ip for a in result.attributions} == set(PUBLIC)


def test_every_miner_is_traced_to_its_computer_port_and_holder(campus, result):
    wrong = [(row["host"], told(found_for(result, row).chains[0])) for row in campus[1]
             if told(found_for(result, row).chains[0]) != true(row)]  # fmt: skip
    assert wrong == []


def test_the_ambiguous_one_and_no_other_is_reported_as_ambiguous(campus, result):
    _, truth = campus
    assert [r["host"] for r in truth if r["is_ambiguous"]] == [f"LAB-PC-{KEPT}"]
    assert [r["host"] for r in truth if found_for(result, r).is_ambiguous] == [f"LAB-PC-{KEPT}"]
    found = found_for(result, truth[KEPT])
    assert {told(c)[3] for c in found.chains} == {f"LAB-PC-{KEPT}", f"LAB-PC-{KEPT + 1}"}
    assert "2 readings" in found.weakest


def test_an_address_handed_over_between_two_connections_gives_each_its_own_computer(campus, result):
    _, truth = campus
    left, came = found_for(result, truth[LEFT]), found_for(result, truth[CAME])
    inside = [told(a.chains[0])[0].partition(":")[0] for a in (left, came)]
    assert inside[0] == inside[1]
    assert [told(a.chains[0])[3] for a in (left, came)] == [f"LAB-PC-{LEFT}", f"LAB-PC-{CAME}"]


def test_a_lease_handed_over_in_the_middle_of_a_sighting_splits_it_between_both_computers(campus):
    """As a sensor inside the firewall sees it: one address, seen to mine on both sides of the hand-over."""
    folder, truth = campus
    left, came = truth[LEFT], truth[CAME]
    inside = left["inside"].partition(":")[0]
    assert came["inside"].partition(":")[0] == inside
    sighting = Seeing(
        "inside", Subject(inside, None, left["first_ns"], came["last_ns"], None), opening_seen=False
    )
    logs = LogChoice((str(folder / "logs"),))
    (found,) = attribute_scan([sighting, *load_scan(folder / "scan.json")], logs).attributions[:1]
    assert not found.is_ambiguous
    by_host = {k.value: chain[0] for chain in found.chains for k in chain if k.hop == "host"}
    assert set(by_host) == {left["host"], came["host"]}
    first, second = by_host[left["host"]], by_host[came["host"]]
    assert first.from_ns == left["first_ns"]
    assert left["last_ns"] < first.to_ns <= second.from_ns < came["first_ns"]
    assert second.to_ns == came["last_ns"]


def test_the_firewalls_clock_is_found_to_be_off_and_the_others_are_said_to_be_unchecked(result):
    clocks = {s: o for s, o in result.clocks.items() if s != CAPTURE}
    firewall = clocks.pop("asa.log/fw1")
    assert isinstance(firewall, Offset)
    assert firewall.seconds == pytest.approx(FIREWALL_AHEAD_S, abs=1.0)
    assert all(isinstance(o, NoOffset) for o in clocks.values())
    for one in result.attributions:
        assert one.chains[0][1].offset_s == pytest.approx(FIREWALL_AHEAD_S, abs=1.0)


def test_a_clock_wrongly_trusted_would_name_the_wrong_computer(campus):
    """The second user of a port began within the firewall's error: without the correction it is not found."""
    folder, truth = campus
    wrong = attributed(folder, offsets=parse_offsets(["asa.log=0"]))
    row = truth[REUSED[1]]
    assert told(found_for(wrong, row).chains[0]) != true(row)


def test_damage_in_a_log_is_told_with_its_line_and_the_rest_is_used(result):
    by_name = {r.path.rpartition("/")[2]: r for r in result.logs}
    (fault,) = by_name["asa.log"].faults
    assert (fault.code, fault.count) == ("E-HOP-001", 1)
    assert fault.message.startswith("line ")
    assert {n: r.parser for n, r in by_name.items()} == {
        "asa.log": "asa", "dhcpd.leases": "isc_dhcp", "core.txt": "arp_mac", "acc-1.txt": "arp_mac",
        "acc-2.txt": "arp_mac", "ad.csv": "ad_logon", "assets.csv": "holders",
    }  # fmt: skip


def test_claims_are_asked_for_at_the_time_of_each_sighting_and_all_shown(campus):
    folder, _ = campus
    asked = []
    world = ("91330000X", "Campus", "330100", "edu", True, "203.0.113.0/24", 0, 65535)
    claim = Claim(*world, "imported", None, None, 0, "list", "network", 0.9)

    def claims(questions):
        asked.extend(questions)
        return [(claim, claim)] * len(questions)

    seen = load_scan(folder / "scan.json")
    found = attribute_scan(seen, LogChoice(()), claims)
    assert asked == [(s.subject.ip, s.subject.port, s.subject.first_ns) for s in seen]
    assert {a.claims for a in found.attributions} == {(claim, claim)}


@pytest.mark.parametrize(
    ("absent", "hop"),
    [("asa.log", "nat"), ("assets.csv", "holder"), ("acc-*.txt", "port"), ("dhcpd.leases", "lease")],
)
def test_without_a_log_its_link_is_a_gap_or_rests_on_less(campus, tmp_path, absent, hop):
    folder, truth = campus
    for path in (folder / "logs").iterdir():
        if not path.match(absent):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    found = found_for(attribute_scan(load_scan(folder / "scan.json"), LogChoice((str(tmp_path),))), truth[0])
    link = next(k for k in found.chains[0] if k.hop == hop)
    whole = next(k for k in found_for(attributed(folder), truth[0]).chains[0] if k.hop == hop)
    assert link.value == "" or link.confidence < whole.confidence
    assert link.because != whole.because


# --- the command -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def command():
    app = Typer()
    app.command()(attribute.command)
    return lambda *words: CliRunner().invoke(app, [str(w) for w in words])


def test_json_goes_to_stdout_alone_and_holds_every_link(campus, command):
    folder, truth = campus
    done = command(folder / "scan.json", "--logs", folder / "logs", "--format", "json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert len(found["attributions"]) == len(truth)
    chain = found["attributions"][0]["chains"][0]
    assert [k["hop"] for k in chain] == ["address", "nat", "lease", "mac", "port", "host", "holder"]
    assert set(chain[0]) == {
        "hop",
        "value",
        "source",
        "from",
        "to",
        "tolerance_s",
        "offset_s",
        "confidence",
        "because",
    }
    assert Counter(a["is_ambiguous"] for a in found["attributions"]) == {False: 39, True: 1}
    assert "clock of asa.log/fw1: +89" in done.stderr or "clock of asa.log/fw1: +90" in done.stderr
    assert "E-HOP-001" in done.stderr


def test_the_table_names_computers_and_marks_the_ambiguous_one(campus, command):
    folder, _ = campus
    done = command(folder / "scan.json", "--logs", folder / "logs")
    assert done.exit_code == 0
    assert "AMBIGUOUS" in done.stdout
    assert "40 seen: 39 traced to a computer, 1 ambiguous, 0 not traced" in done.stderr


@pytest.mark.parametrize("columns", [80, 100])
def test_the_table_cuts_no_address_no_mac_and_no_place_of_a_record(campus, command, monkeypatch, columns):
    folder, truth = campus
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = command(folder / "scan.json", "--logs", folder / "logs").stdout
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= columns
    for row in truth:
        assert row["mac"] in shown
        assert f"{row['ip']}:{row['port']}" in shown


def test_the_table_shows_every_claim_of_a_registry_with_its_confidence(campus, command, tmp_path):
    from davylamp.attribution.registry import Registry
    from davylamp.attribution.registry_diff import Statement
    from davylamp.attribution.registry_records import NetRange, Organisation, Origin, bits_of

    low, high = bits_of("203.0.113.0"), bits_of("203.0.113.255")
    told = [
        Organisation("U", "某大学"),
        NetRange("U", low, high, 0, 65535, ""),
        NetRange("X", low, high, 0, 65535, ""),
    ]
    with Registry(tmp_path / "r.sqlite", create=True) as registry:
        kinds = frozenset({Organisation, NetRange})
        registry.commit(registry.plan(Statement(Origin("imported", "省"), tuple(told), kinds, 0)), 1)
    folder, _ = campus
    done = command(folder / "scan.json", "--logs", folder / "logs", "--registry", tmp_path / "r.sqlite")
    assert re.search(r"某大学 \(0\.\d\d\)", done.stdout)
    assert re.search(r"X \(0\.\d\d\)", done.stdout)


def test_without_logs_nothing_is_said_to_be_traced(campus, command):
    done = command(campus[0] / "scan.json")
    assert "40 seen: 0 traced to a computer, 0 ambiguous, 40 not traced" in done.stderr
    assert "clock of" not in done.stderr


def test_clocks_are_told_ahead_or_unknown_with_what_they_are_trusted_to(campus, command):
    folder, _ = campus
    told = command(folder / "scan.json", "--logs", folder / "logs").stderr
    assert re.search(
        r"clock of asa\.log/fw1: \+(89|90)\.\d s ahead, against capture: \d+ of \d+ common events", told
    )
    assert "clock of dhcpd.leases: not known, taken as right to 60 s: " in told


@pytest.mark.parametrize(
    "words", [["--offset", "asa.log"], ["--offset", "=3"], ["--zone", "Mars/Base"], ["--reference", "soon"]]
)
def test_flags_that_cannot_be_meant_are_refused(campus, command, words):
    folder, _ = campus
    done = command(folder / "scan.json", "--logs", folder / "logs", *words)
    assert isinstance(done.exception, BadUse)
    assert done.exception.hint


def test_what_is_no_scan_is_refused(campus, command, tmp_path):
    folder, _ = campus
    other = tmp_path / "other.json"
    other.write_text('{"sessions": 3}')
    assert isinstance(command(other, "--logs", folder / "logs").exception, InputError)
    assert isinstance(command(folder / "scan.json", "--logs", tmp_path / "absent").exception, InputError)
