"""What a lake holds depends only on which records were ever added."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.errors import BadUse, InputError, OutputError
from davylamp.flows.export import flow_schema
from davylamp.lake.intake import add
from davylamp.lake.merge import version_number
from davylamp.lake.store import Lake

from lake.samples import (
    content,
    counts,
    files,
    flow,
    flow_file,
    ns_of,
    pairs,
    scan,
    session,
    sighting,
    time_of,
    written,
)


def test_adding_again_changes_not_one_file(tmp_path):
    one = written(tmp_path / "a.json", pairs(range(5)))
    flows = flow_file(tmp_path / "f.parquet", [flow(at) for at in range(7)])
    first = add(tmp_path / "lake", [one], [flows])
    before = files(tmp_path / "lake")
    again = add(tmp_path / "lake", [one, one], [flows])
    assert [first.merged[k].added for k in ("sightings", "sessions", "flows")] == [5, 5, 7]
    assert [again.merged[k].added for k in ("sightings", "sessions", "flows")] == [0, 0, 0]
    assert [again.merged[k].known for k in ("sightings", "sessions", "flows")] == [10, 10, 7]
    assert files(tmp_path / "lake") == before


RECORD = st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from([60, 600]), st.sampled_from("ab"))


@settings(max_examples=10, deadline=None)
@given(st.lists(RECORD, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_shuffled_split_and_overlapping_batches_make_the_same_lake(tmp_path_factory, records, draw):
    """And of several versions of a record the one stays that reaches furthest, by a rule written here again."""
    home = tmp_path_factory.mktemp("order")

    def build(name, order, pieces):
        bounds = sorted(draw.sample(range(len(order) + 1), min(pieces, len(order) + 1)))
        parts = [order[i:j] for i, j in zip([0, *bounds], [*bounds, len(order)], strict=True)] + [order[:3]]
        for number, part in enumerate(parts):
            made = [session(at, day, last, worker=worker) for at, day, last, worker in part]
            seen = [sighting(at, day, last, worker=worker) for at, day, last, worker in part]
            flows = [flow(at, day, last, name=worker) for at, day, last, worker in part]
            add(
                home / name,
                [written(home / f"{name}{number}.json", scan(made, seen))],
                [flow_file(home / f"{name}{number}.parquet", flows)],
            )
        return content(home / name)

    shuffled = list(records)
    draw.shuffle(shuffled)
    first = build("one", list(records), 1)
    assert build("two", shuffled, 3) == first
    furthest = {}
    for at, day, last, _ in records:
        furthest[at, day] = max(last, furthest.get((at, day), 0))
    for kind in ("sightings", "sessions", "flows"):
        rows = [json.loads(row[3]) for row in first if row[0] == kind]
        kept = sorted((row["first_ns"], row["last_ns"] - row["first_ns"]) for row in rows)
        assert kept == sorted((ns_of(day, at), last * 10**9) for (at, day), last in furthest.items())


def test_a_longer_version_replaces_and_a_shorter_one_does_not(tmp_path):
    lake = tmp_path / "lake"
    add(lake, [written(tmp_path / "a.json", pairs([1, 2], last=600))])
    longer = add(lake, [written(tmp_path / "b.json", pairs([2, 3], last=900))])
    assert (longer.merged["sessions"].replaced, longer.merged["sessions"].added) == (1, 1)
    shorter = add(lake, [written(tmp_path / "c.json", pairs([1, 2, 3], last=60))])
    assert (shorter.merged["sessions"].outdone, shorter.merged["sessions"].added) == (3, 0)
    assert counts(lake) == {"sightings": 3, "sessions": 3, "flows": 0}
    assert Lake(lake).folders()[0].dead() == []


def test_of_equal_reach_the_newer_lamp_speaks(tmp_path):
    lake = tmp_path / "lake"
    for name, version, coin in (("a", "0.9.9", "XMR"), ("b", "0.10.0", "ZEPH"), ("c", "0.9.10", "SAL")):
        add(lake, [written(tmp_path / name, scan([session(coin=coin)], version=version))])
    assert [json.loads(row[3])["coin"] for row in content(lake)] == ["ZEPH"]


def test_versions_are_numbers_not_words():
    assert (
        version_number("0.9.9") < version_number("0.10.0") < version_number("1.0") < version_number("1.0.1")
    )
    assert version_number("garbage") == 0


def test_the_number_of_a_flow_within_its_scan_is_no_key(tmp_path):
    for number in (1, 9):
        scanned = written(tmp_path / "a", scan([session(flow_id=number)]))
        flows = flow_file(tmp_path / "f", [flow(flow_id=number)])
        done = add(tmp_path / "lake", [scanned], [flows])
    assert done.merged["sessions"].known == 1  # it is not kept either
    assert counts(tmp_path / "lake")["flows"] == 1


def test_the_parts_of_a_flow_keep_its_identity(tmp_path):
    parts = [
        flow(flow_id=2**62, part=n, first_ns=ns_of(0, 30_000 * n), last_ns=ns_of(0, 30_000 * n + 9))
        for n in (0, 1)
    ]
    add(tmp_path / "lake", [], [flow_file(tmp_path / "f", parts)])
    rows = [json.loads(row[3]) for row in content(tmp_path / "lake")]
    assert sorted((row["flow_id"], row["part"]) for row in rows) == [(2**62, 0), (2**62, 1)]


def test_a_scan_written_before_a_field_was_added_is_taken(tmp_path):
    old = session()
    for name in ("extranonces", "nonce_partition", "tcp_clock_points"):
        del old[name]
    done = add(tmp_path / "lake", [written(tmp_path / "a", scan([old]))])
    assert done.merged["sessions"].added == 1


def test_two_sensors_that_see_the_same_addresses_stay_apart(tmp_path):
    one = written(tmp_path / "a.json", pairs([1]))
    for sensor in ("north", "south"):
        add(tmp_path / "lake", [one], sensor=sensor)
    assert counts(tmp_path / "lake")["sessions"] == 2


def test_flows_that_name_their_sensor_keep_it(tmp_path):
    flows = flow_file(tmp_path / "f", [flow(1, sensor="edge"), flow(2)])
    add(tmp_path / "lake", flows=[flows], sensor="core")
    assert sorted(row[2] for row in content(tmp_path / "lake")) == ["core", "edge"]


def test_a_day_is_utc_and_of_the_first_packet(tmp_path):
    late = scan([session(at=1, first_seen="2024-05-01T23:59:59.999999999Z", last_seen=time_of(3))])
    add(tmp_path / "lake", [written(tmp_path / "a", late)])
    assert content(tmp_path / "lake")[0][1] == "2024-05-01"


def test_times_keep_their_nanoseconds_also_before_1970(tmp_path):
    early = session(first_seen="1969-12-31T23:59:59.999999998Z", last_seen="1969-12-31T23:59:59.999999999Z")
    add(tmp_path / "lake", [written(tmp_path / "a", scan([early]))])
    _, day, _, row = content(tmp_path / "lake")[0]
    assert (day, json.loads(row)["first_ns"], json.loads(row)["last_ns"]) == ("1969-12-31", -2, -1)


def test_a_bad_record_is_named_and_the_good_rest_kept(tmp_path):
    sessions = [session(at) for at in range(6)]
    sessions[1]["client"]["ip"] = "10.0.0.256"
    sessions[2]["last_seen"] = time_of(-1)
    sessions[3]["hashrate_hps"] = {"low": 3, "estimate": 2, "high": 1}
    sessions[4]["first_seen"] = "2024-02-30T00:00:00.000000000Z"
    del sessions[5]["jobs"]
    seen = [sighting(0, sessions=[0, 1, 9]), sighting(1, source_ref=""), sighting(2, kind="maybe")]
    done = add(tmp_path / "lake", [written(tmp_path / "a.json", scan(sessions, seen))])
    told = "\n".join(done.faults.shown)
    for place in (
        "a.json: sessions[1].client.ip: '10.0.0.256' is no address",
        "sessions[2].last_seen: before first_seen",
        "sessions[3].hashrate_hps: low, estimate and high are not in order",
        "sessions[4].first_seen: '2024-02-30",
        "sessions[5].jobs: missing",
        "sightings[0].sessions: session 1 was refused",
        "sightings[0].sessions: there is no session 9",
        "sightings[1].source_ref: empty",
        "sightings[2].kind: 'maybe' is none of mining, node, visit",
    ):
        assert place in told
    assert done.faults.refused == 7
    assert counts(tmp_path / "lake") == {"sightings": 1, "sessions": 1, "flows": 0}
    rows = {row[0]: json.loads(row[3]) for row in content(tmp_path / "lake")}
    assert rows["sightings"]["session_refs"] == [rows["sessions"]["session_ref"]]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{", "null", '{"schema_version": 1}', json.dumps({**scan(), "schema_version": 2}),
     json.dumps({**scan(), "sessions": {}}), json.dumps({**scan(), "schema_version": True}), "\xff"],
)  # fmt: skip
def test_what_is_no_scan_is_an_input_error_and_the_other_files_are_added(tmp_path, text):
    bad = tmp_path / "bad.json"
    bad.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="E-LAK-010") as told:
        add(tmp_path / "lake", [bad])
    assert "bad.json" in told.value.message
    done = add(tmp_path / "lake", [bad, written(tmp_path / "a.json", pairs([1]))])
    assert [error.code for error in done.failures] == ["E-LAK-010"]
    assert not done.is_whole
    assert counts(tmp_path / "lake")["sessions"] == 1


def test_bad_rows_of_a_flow_table_are_named_and_the_rest_kept(tmp_path):
    rows = [flow(at) for at in range(8)]
    rows[2]["last_ns"] = rows[2]["first_ns"] - 1
    rows[5]["first_ns"] = None
    rows[6]["sensor"] = "../etc"
    done = add(tmp_path / "lake", flows=[flow_file(tmp_path / "f", rows)])
    told = "\n".join(done.faults.shown)
    assert "1 rows, last_ns is before first_ns: row 2" in told
    assert "1 rows, first_ns is null or no address: row 5" in told
    assert "cannot name a sensor" in told
    assert done.faults.refused == 3
    assert counts(tmp_path / "lake")["flows"] == 5


def test_a_flow_table_without_its_key_is_refused_with_every_column_at_once(tmp_path):
    schema = pa.schema(
        [
            f if f.name != "proto" else pa.field("proto", pa.float64())
            for f in flow_schema()
            if f.name != "first_ns"
        ]
    )
    rows = [{k: v for k, v in flow().items() if k != "first_ns"} | {"proto": 6.0}]
    with pytest.raises(InputError, match="E-LAK-011") as told:
        add(tmp_path / "lake", flows=[flow_file(tmp_path / "f", rows, schema)])
    assert "first_ns is missing" in told.value.message
    assert "proto is double" in told.value.message


def test_a_flow_table_with_few_columns_has_null_for_the_others(tmp_path):
    table = pa.Table.from_pylist([flow()], schema=flow_schema())
    few = table.select(
        ["client_ip", "server_ip", "client_port", "server_port", "proto", "first_ns", "last_ns"]
    )
    few = few.append_column("of_another_program", pa.array([1]))
    pq.write_table(few, tmp_path / "f")
    add(tmp_path / "lake", flows=[tmp_path / "f"])
    row = json.loads(content(tmp_path / "lake")[0][3])
    assert row["client_ip"] == "10.0.0.1"
    assert row["beats"] is None
    assert row["client_bytes"] is None


@pytest.mark.parametrize("name", ["", "..", "a/b", "a=b", "a b", "_x", "null", ".x", "a" * 65, "a%2F", "a\n"])
def test_a_sensor_s_name_cannot_leave_its_folder(tmp_path, name):
    with pytest.raises(BadUse, match="E-LAK-006"):
        add(tmp_path / "lake", [written(tmp_path / "a", pairs([1]))], sensor=name)


def test_a_folder_that_is_no_lake_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="E-LAK-001"):
        add(tmp_path / "mine", [written(tmp_path / "a", pairs([1]))])
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_file_in_the_lake_s_place_is_an_output_error(tmp_path):
    (tmp_path / "lake").write_text("")
    with pytest.raises(OutputError, match="E-LAK-004"):
        add(tmp_path / "lake", [written(tmp_path / "a", pairs([1]))])


def test_many_small_adds_do_not_make_many_files(tmp_path, monkeypatch):
    lake = tmp_path / "lake"
    monkeypatch.setattr("davylamp.lake.merge.MOST_FILES", 6)
    for at in range(9):
        add(lake, [written(tmp_path / "a.json", scan([session(at)]))])
        assert len(files(lake)) <= 6
    assert counts(lake)["sessions"] == 9
    assert len(files(lake)) == 3


def test_files_are_the_same_bytes_whatever_the_order_within_a_batch(tmp_path):
    sessions = [session(at) for at in range(9)]
    shuffled = sessions.copy()
    random.Random(1).shuffle(shuffled)
    add(tmp_path / "one", [written(tmp_path / "a", scan(sessions))])
    add(tmp_path / "two", [written(tmp_path / "b", scan(shuffled))])
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_lake_keeps_the_same_rows_whether_or_not_clients_were_attributed(tmp_path):
    """Whose an address was is an answer of the registry, which learns; a sighting in a lake is what was seen."""
    plain = written(tmp_path / "a.json", pairs(range(3)))
    whole = json.loads(plain.read_text())
    whole |= {"clients": [{"client_ip": "10.0.0.1", "organisation": "X"}], "attributions": [], "energy": None}
    (tmp_path / "b.json").write_text(json.dumps(whole))
    add(tmp_path / "one", [plain])
    done = add(tmp_path / "two", [tmp_path / "b.json"])
    assert not done.faults.shown
    assert content(tmp_path / "one") == content(tmp_path / "two")
