import csv
import io
import json
import re
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from davylamp.errors import OutputError
from davylamp.pipeline_clients import lead
from davylamp.records import Interval, Scan, Session, Sighting
from davylamp.report.machine import guard, schema, to_csv, to_json, to_jsonl, to_parquet, unwritable
from report.samples import FORMULA, HOSTILE, START_S, demo, scans, session, sighting

validator = jsonschema.Draft202012Validator(schema())

ISSUE_SESSION = """
    capture client server first_seen last_seen dialect algorithm coin coin_candidates login wallet worker agent
    pool jobs shares work_hashes active_s hashrate_hps heights joined_midway
"""
ISSUE_SIGHTING = """
    client_ip server_ip server_port first_seen last_seen kind tier probability because sessions coin algorithm
    wallet worker agent hashrate_hps
"""


def test_the_schema_is_valid_and_strict_everywhere() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    objects = [d for d in [schema(), *schema()["$defs"].values()] if d.get("type") == "object"]
    assert len(objects) >= 8
    assert all(
        d["additionalProperties"] is False and set(d["required"]) == set(d["properties"]) for d in objects
    )


def test_every_field_of_the_schema_is_described() -> None:
    for name, kind in schema()["$defs"].items():
        for field, shape in kind.get("properties", {}).items():
            assert "description" in shape or "$ref" in shape, f"{name}.{field}"


def test_json_has_the_fields_that_others_rely_on() -> None:
    whole = json.loads(to_json(demo()))
    assert {"version", "inputs", "sessions", "sightings"} <= whole.keys()
    assert {"path", "packets", "bytes", "faults"} <= whole["inputs"][0].keys()
    assert set(ISSUE_SESSION.split()) <= whole["sessions"][0].keys()
    assert set(ISSUE_SIGHTING.split()) <= whole["sightings"][0].keys()
    first = whole["sessions"][0]
    assert first["client"] == {"ip": "192.168.1.23", "port": 50000}
    assert first["first_seen"] == "2021-03-11T06:02:00.000000000Z"
    assert first["heights"] == [2314500, 2314546]
    assert first["hashrate_hps"] == {"low": 1896.4, "estimate": 1961.7, "high": 2011.2}
    assert whole["sessions"][3]["work_hashes"] is None
    assert whole["sessions"][3]["hashrate_hps"] is None


def own_sessions_only(scan: Scan) -> Scan:
    """As fusion has it: a sighting rests on sessions of its own client."""
    own = [
        replace(s, sessions=tuple(i for i in s.sessions if scan.sessions[i].client.ip == s.client_ip))
        for s in scan.sightings
    ]
    return replace(scan, sightings=own)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans())
def test_any_scan_with_its_clients_gives_json_that_the_schema_takes(scan: Scan) -> None:
    scan = lead(own_sessions_only(scan))
    whole = json.loads(to_json(scan), parse_constant=pytest.fail)
    validator.validate(whole)
    lines = [json.loads(line) for line in to_jsonl(scan).splitlines()]
    kinds = {"input": "inputs", "session": "sessions", "sighting": "sightings", "client": "clients"}
    energy = [line for line in lines if line["record"] == "energy"]
    assert [{**line, "record": None, "index": None} for line in energy] == (
        [{**whole["energy"], "record": None, "index": None}] if whole["energy"] else []
    )
    lines = [line for line in lines if line["record"] != "energy"]
    for line in lines:
        kind, index = line.pop("record"), line.pop("index")
        assert line == whole[kinds[kind]][index]
    assert len(lines) == len(scan.inputs) + len(scan.sessions) + len(scan.sightings) + len(scan.clients)


def test_a_field_too_many_or_too_few_is_refused() -> None:
    whole = json.loads(to_json(demo()))
    whole["sessions"][0]["password"] = "x"
    assert not validator.is_valid(whole)
    del whole["sessions"][0]["password"], whole["sessions"][0]["coin"]
    assert not validator.is_valid(whole)


def test_json_keeps_what_was_sent() -> None:
    scan = Scan([], [session(worker=name) for name in HOSTILE if name != "\ud800"], [])
    assert [s["worker"] for s in json.loads(to_json(scan))["sessions"]] == [
        n for n in HOSTILE if n != "\ud800"
    ]


def test_no_number_is_nan_or_infinite() -> None:
    odd = session(
        active_s=float("nan"), hashrate_hps=Interval(0, 1, float("inf")), reported_hps=(float("inf"), 2.0)
    )
    row = json.loads(to_json(Scan([], [odd], [])))["sessions"][0]
    assert (row["active_s"], row["hashrate_hps"], row["reported_hps"]) == (None, None, [2.0])


def told_as_rows(scan: Scan) -> list[Session | Sighting]:
    """What a table of sessions holds: every session, then every sighting that no session stands behind."""
    return [*scan.sessions, *(s for s in scan.sightings if not s.sessions)]


# --- CSV ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "cell"),
    [
        (FORMULA, "'" + FORMULA),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "  '=1"),
        ("\t=1", "\\u0009=1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ("a-b", "a-b"),
        ("rig=1", "rig=1"),
        ("矿机", "矿机"),
    ],
)
def test_a_spreadsheet_runs_no_cell(sent: str, cell: str) -> None:
    assert guard(sent) == cell


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans())
def test_csv_has_one_guarded_row_per_record(scan: Scan) -> None:
    for what, records in (("sessions", told_as_rows(scan)), ("sightings", scan.sightings)):
        text = to_csv(scan, what).decode("utf-8")  # type: ignore[arg-type]
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) == len(records) + 1
        assert {len(r) for r in rows} == {len(rows[0])}
        for cell in (c for r in rows[1:] for c in r):
            assert not re.match(r"\s*[=+@＝＋－＠]", cell)
            assert not [c for c in cell if unicodedata.category(c) in ("Cc", "Cf")]


def test_csv_names_the_fields_of_the_issue_flat() -> None:
    head, first, *_ = csv.reader(io.StringIO(to_csv(demo()).decode("utf-8"), newline=""))
    row = dict(zip(head, first, strict=True))
    assert (row["client_ip"], row["client_port"], row["shares_stale"]) == ("192.168.1.23", "50000", "3")
    assert (row["sighting"], row["tier"], row["kind"]) == ("1", "confirmed", "mining")
    assert row["hashrate_hps_estimate"] == "1961.7"
    assert row["coin_candidates"] == "XMR 0.93 the wallet is a valid Monero main address"


def test_sightings_without_sessions_are_rows_too() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(demo()).decode("utf-8"), newline="")))
    assert len(rows) == 5 + 2
    node, encrypted = rows[5:]
    assert (node["sighting"], node["kind"], node["client_ip"], node["client_port"]) == (
        "0", "node", "192.168.1.50", "")  # fmt: skip
    assert (node["server_ip"], node["server_port"], node["coin"]) == ("203.0.113.7", "8333", "BTC")
    assert node["because"] == "Bitcoin peer-to-peer version handshake"
    assert node["first_seen"] == "2021-03-11T06:02:00.000000000Z"
    assert (encrypted["sighting"], encrypted["client_ip"], encrypted["tier"]) == (
        "5",
        "192.168.1.77",
        "suspected",
    )
    empty = (
        "flow_id",
        "dialect",
        "jobs",
        "shares_accepted",
        "hashrate_hps_estimate",
        "joined_midway",
        "notes",
    )
    assert {row[name] for row in (node, encrypted) for name in empty} == {""}


def test_an_empty_scan_still_has_the_head_line() -> None:
    empty = to_csv(Scan([], [], []))
    assert empty.count(b"\r\n") == 1
    assert empty.splitlines()[0] == to_csv(demo()).splitlines()[0]


# --- Parquet -----------------------------------------------------------------------------------------------


def test_parquet_keeps_nanoseconds_types_and_inputs(tmp_path: Path) -> None:
    scan = demo()
    scan.sessions[0].first_ns = START_S * 10**9 + 1
    to_parquet(scan, tmp_path / "s.parquet")
    table = pq.read_table(tmp_path / "s.parquet")
    assert table.num_rows == 7
    assert str(table.schema.field("first_seen").type) == "timestamp[ns, tz=UTC]"
    assert table["first_seen"][0].value == START_S * 10**9 + 1
    assert table["client"][2].as_py() == {"ip": "2001:db8:85a3::8a2e:370:7334", "port": 51515}
    assert table["heights"][0].as_py() == [2314500, 2314546]
    assert table["tier"].to_pylist()[:5] == ["confirmed", "confirmed", "probable", "suspected", "confirmed"]
    assert table["kind"].to_pylist()[5:] == ["node", "mining"]
    assert table["client"].to_pylist()[5:] == [{"ip": f"192.168.1.{n}", "port": None} for n in (50, 77)]
    assert table["flow_id"].to_pylist()[5:] == table["shares"].to_pylist()[5:] == [None, None]
    assert table["first_seen"][5].value == START_S * 10**9
    inputs = json.loads(table.schema.metadata[b"davylamp.inputs"])
    assert [i["path"] for i in inputs] == ["monday.pcap", "tuesday.pcap.gz", "empty.pcap"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans())
def test_any_scan_is_a_parquet_file(scan: Scan) -> None:
    for what, records in (("sessions", told_as_rows(scan)), ("sightings", scan.sightings)):
        out = io.BytesIO()
        to_parquet(scan, out, what)  # type: ignore[arg-type]
        table = pq.read_table(io.BytesIO(out.getvalue()))
        assert table.num_rows == len(records)
        assert [t.value for t in table["last_seen"]] == [r.last_ns for r in records]


def test_a_place_that_cannot_be_written_is_an_error_with_code() -> None:
    with pytest.raises(OutputError) as caught:
        to_parquet(Scan([], [], [sighting()]), Path("/nonexistent/x.parquet"))
    assert caught.value.code == "E-OUT-001"
    assert "cannot write /nonexistent/x.parquet: " in caught.value.message


def test_an_output_without_a_path_is_named_in_words() -> None:
    full = OSError(28, "No space left on device")
    assert unwritable(sys.__stdout__, full).message == "cannot write standard output: No space left on device"
    assert unwritable(io.BytesIO(), full).message == "cannot write standard output: No space left on device"
