"""SQL reaches the three views and nothing else, and its results are bounded."""

import json
import math
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from davylamp.errors import BadUse, InputError
from davylamp.lake.holdings import look_at
from davylamp.lake.intake import add
from davylamp.lake.merge import live_batches
from davylamp.lake.query import as_json, as_text, ask
from davylamp.lake.schemas import KINDS, SCHEMA, schema_of
from davylamp.lake.store import Head, Lake, write_head

from lake.samples import content, flow, flow_file, ns_of, pairs, scan, session, written


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    home = tmp_path_factory.mktemp("query")
    for day in (0, 1):
        add(
            home / "lake",
            [written(home / "a.json", pairs([1, 2, 3], day))],
            [flow_file(home / "f", [flow(at, day) for at in range(1, 6)])],
            sensor="007",
        )
    return home / "lake"


def test_views_join_and_know_day_sensor_and_times(lake):
    answer = ask(
        lake,
        "SELECT g.day, g.sensor, s.worker, f.client_bytes, g.first_seen FROM sightings g "
        "JOIN sessions s ON list_contains(g.session_refs, s.session_ref) "
        "JOIN flows f ON (f.client_ip, f.client_port, f.first_ns) = (s.client_ip, s.client_port, s.first_ns) "
        "WHERE g.day = '2024-05-02' ORDER BY s.worker LIMIT 1",
    )
    assert answer.columns == ["day", "sensor", "worker", "client_bytes", "first_seen"]
    assert answer.rows == [(date(2024, 5, 2), "007", "rig1", 3000, datetime(2024, 5, 2, 0, 0, 1))]


def test_values_come_out_as_they_went_in(lake):
    row = ask(lake, "SELECT first_ns, hashrate_hps, because, coin_candidates, joined_midway, height_high "
              "FROM sessions WHERE worker = 'rig2' AND day = DATE '2024-05-01'").rows[0]  # fmt: skip
    candidate = [{"coin": "XMR", "weight": 0.9, "because": "its login"}]
    assert row == (ns_of(0, 2), 1333.3, ["a job with a seed hash"], candidate, False, 3_100_004)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{root}/lake.json')",
        "SELECT * FROM read_parquet('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT (SELECT max(content) FROM read_blob('/etc/hostname'))",
        "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x",
        "SELECT * FROM sessions, LATERAL (SELECT * FROM read_json('/etc/passwd'))",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM pandas_scan(1)",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT 1 UNION ALL SELECT count(*) FROM parquet_metadata('{file}')",
        "COPY sessions TO '{root}/out.csv'",
        "COPY (SELECT 1) TO '{root}/out.csv'",
        "EXPORT DATABASE '{root}/out'",
        "ATTACH '{root}/out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "PRAGMA database_list",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW sessions",
        "DELETE FROM sessions",
        "INSERT INTO sessions SELECT * FROM sessions",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW flows",
        "CALL pragma_version()",
        "",
        ";",
        "-- nothing",
    ],
)
def test_whatever_is_no_select_over_the_views_is_refused_and_writes_nothing(lake, sql):
    before = sorted(lake.rglob("*"))
    file = next(lake.rglob("*.parquet"))
    with pytest.raises(BadUse, match=r"E-LAK-02[01]") as told:
        ask(lake, sql.format(root=lake, file=file))
    assert "root:" not in str(told.value)
    assert sorted(lake.rglob("*")) == before


def test_external_access_is_off_even_without_the_check(lake, monkeypatch):
    """The second wall stands on its own: DuckDB itself refuses files, also those of the lake."""
    monkeypatch.setattr("davylamp.lake.query._check", lambda session, sql: None)
    file = next(lake.rglob("*.parquet"))
    for sql in (f"SELECT * FROM read_blob('{file}')", f"COPY (SELECT 1) TO '{lake}/x.csv'", "LOAD httpfs"):
        with pytest.raises(BadUse, match="E-LAK-021"):
            ask(lake, sql)
    assert not (lake / "x.csv").exists()


def test_python_s_variables_are_out_of_reach(lake):
    table = pa.table({"secret": [1]})
    assert table.num_rows == 1
    with pytest.raises(BadUse, match="E-LAK-021"):
        ask(lake, "SELECT * FROM table_")
    with pytest.raises(BadUse, match="E-LAK-021"):
        ask(lake, 'SELECT * FROM "table"')


def test_describe_and_number_tables_are_allowed(lake):
    columns = [row[0] for row in ask(lake, "DESCRIBE sessions").rows]
    assert columns == [*schema_of("sessions").names, "day", "sensor", "first_seen", "last_seen"]
    assert ask(lake, "SELECT sum(i) AS n FROM range(4) t(i)").rows == [(6,)]


def test_wrong_sql_names_the_columns_there_are(lake):
    with pytest.raises(BadUse, match="E-LAK-021") as told:
        ask(lake, "SELECT coin_name FROM sessions")
    assert "coin_name" in told.value.message
    assert "sessions (session_ref," in told.value.hint


def test_wrong_sql_is_not_taken_for_a_damaged_lake(lake):
    with pytest.raises(BadUse, match="E-LAK-021"):
        ask(lake, "SELECT Parquet, IOError FROM sessions")


def test_rows_are_bounded_and_the_cut_is_told(lake):
    cut = ask(lake, "SELECT flow_ref FROM flows", limit=9)
    whole = ask(lake, "SELECT flow_ref FROM flows", limit=10)
    assert (len(cut.rows), cut.is_cut) == (9, True)
    assert (len(whole.rows), whole.is_cut) == (10, False)


def test_time_and_memory_are_bounded(lake):
    with pytest.raises(BadUse, match=r"E-LAK-022.*within 0.3 s"):
        ask(lake, "SELECT count(*) FROM range(10000000000) a, range(1000) b", seconds=0.3)
    with pytest.raises(BadUse, match=r"E-LAK-022.*64 MiB"):
        ask(lake, "SELECT list(i || 'x') AS l FROM range(50000000) t(i)", memory_mib=64)


def test_an_endless_result_is_fetched_only_as_far_as_it_is_shown(lake):
    answer = ask(lake, "SELECT i FROM range(1000000000000) t(i)", limit=3, seconds=20)
    assert (answer.rows, answer.is_cut) == ([(0,), (1,), (2,)], True)


def test_two_columns_of_one_name_need_an_alias(lake):
    with pytest.raises(BadUse, match="E-LAK-023"):
        ask(lake, "SELECT 1 AS a, 2 AS a")


def test_a_new_lake_without_rows_answers(tmp_path):
    Lake.create(tmp_path / "lake")
    for kind in KINDS:
        assert ask(tmp_path / "lake", f"SELECT count(*) AS n FROM {kind}").rows == [(0,)]


def test_no_lake_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="E-LAK-001"):
        ask(tmp_path / "none", "SELECT 1")
    assert not (tmp_path / "none").exists()


def test_json_values_are_ones_that_every_reader_holds():
    assert as_json(math.nan) is None
    assert as_json(2**64) == str(2**64)
    assert as_json(2**63 - 1) == 2**63 - 1
    assert as_json(Decimal("1.5")) == 1.5
    assert as_json(b"\x01\xff") == "01ff"
    assert as_json(datetime(2024, 5, 1, 1, 2, 3)) == "2024-05-01T01:02:03Z"
    assert as_json({"a": [date(2024, 5, 1)]}) == {"a": ["2024-05-01"]}
    assert as_text(None) == ""
    assert as_text(["é"]) == '["é"]'


# --- schema evolution --------------------------------------------------------------------------------------


def with_old_file(root, tmp_path):
    """A lake whose one session file was written by a version without hashrates, with a narrower ``jobs``."""
    add(root, [written(tmp_path / "a", scan([session(1)]))])
    folder = Lake(root).folders()[0]
    path = folder.live()[0].path
    table = pq.read_table(path, partitioning=None)
    old = table.drop_columns(["hashrate_hps", "notes", "lamp_version"])
    old = old.set_column(old.schema.get_field_index("jobs"), "jobs", old.column("jobs").cast(pa.int32()))
    pq.write_table(old, path)
    return folder


def test_columns_that_an_old_file_lacks_are_null_and_narrow_ones_are_widened(tmp_path):
    with_old_file(tmp_path / "lake", tmp_path)
    add(tmp_path / "lake", [written(tmp_path / "b", scan([session(2)]))])
    answer = ask(tmp_path / "lake", "SELECT worker, jobs, hashrate_hps, notes FROM sessions ORDER BY worker")
    assert answer.rows == [("rig1", 12, None, None), ("rig2", 12, 1333.3, [])]


def test_a_rewrite_carries_old_rows_into_the_new_columns(tmp_path):
    folder = with_old_file(tmp_path / "lake", tmp_path)
    add(tmp_path / "lake", [written(tmp_path / "b", scan([session(2, last=60)]))])
    add(tmp_path / "lake", [written(tmp_path / "c", scan([session(2, last=600)]))])
    assert [file.kind for file in folder.live()] == ["b"]
    rows = [json.loads(row[3]) for row in content(tmp_path / "lake")]
    assert sorted((row["worker"], row["hashrate_hps"]) for row in rows) == [("rig1", None), ("rig2", 1333.3)]


def test_a_lake_with_newer_columns_can_be_read_but_not_written(tmp_path):
    root = tmp_path / "lake"
    add(root, [written(tmp_path / "a", scan([session(1)]))])
    write_head(root, Head(schema=SCHEMA + 1))
    assert ask(root, "SELECT worker FROM sessions").rows == [("rig1",)]
    with pytest.raises(InputError, match="E-LAK-002"):
        add(root, [tmp_path / "a"])


def test_a_lake_of_a_newer_format_is_not_touched(tmp_path):
    root = tmp_path / "lake"
    add(root, [written(tmp_path / "a", scan([session(1)]))])
    write_head(root, Head(format=2))
    for work in (lambda: add(root, [tmp_path / "a"]), lambda: ask(root, "SELECT 1"), lambda: look_at(root)):
        with pytest.raises(InputError, match="E-LAK-002"):
            work()


def test_every_column_says_what_it_means_or_is_named_so(tmp_path):
    add(tmp_path / "lake", [written(tmp_path / "a", scan([session(1)]))])
    for kind in KINDS:
        for field in schema_of(kind):
            assert b"doc" in field.metadata, field.name
    stored = pq.read_schema(Lake(tmp_path / "lake").folders()[0].live()[0].path)
    assert stored.field("active_s").metadata[b"doc"] == b"seconds connected with a known difficulty"


# --- damage ------------------------------------------------------------------------------------------------


def damaged(root, tmp_path):
    add(root, [written(tmp_path / "a", pairs([1, 2]))])
    path = next((root / "sessions").rglob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[30:4000] = bytes(octet ^ 0xFF for octet in data[30:4000])
    path.write_bytes(data)
    return path


def test_verify_finds_flipped_bits_and_info_alone_counts(tmp_path):
    path = damaged(tmp_path / "lake", tmp_path)
    assert look_at(tmp_path / "lake").damaged == []
    assert [str(path) in text for text in look_at(tmp_path / "lake", verify=True).damaged] == [True]


def test_a_torn_file_is_told_with_its_name(tmp_path):
    path = damaged(tmp_path / "lake", tmp_path)
    with pytest.raises(InputError, match="E-LAK-005"):
        ask(tmp_path / "lake", "SELECT * FROM sessions")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="E-LAK-005"):
        ask(tmp_path / "lake", "SELECT worker FROM sessions")
    with pytest.raises(InputError, match="E-LAK-005") as told:
        add(tmp_path / "lake", [tmp_path / "a"])
    assert path.name in told.value.message
    assert ask(tmp_path / "lake", "SELECT count(*) AS n FROM sightings").rows == [(2,)]
    assert len(look_at(tmp_path / "lake").damaged) == 1


def test_strangers_in_the_lake_are_told_and_never_read(tmp_path):
    root = tmp_path / "lake"
    add(root, [written(tmp_path / "a", pairs([1]))])
    folder = Lake(root).folders()[0]
    (folder.path / "notes.parquet").write_bytes(b"mine")
    assert look_at(root).strangers == [folder.path / "notes.parquet"]
    assert ask(root, "SELECT count(*) AS n FROM sightings").rows == [(1,)]
    assert len(list(live_batches(folder, None))) == 1
