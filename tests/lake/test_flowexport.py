"""The flow table of simulated captures is whole, and goes into the lake."""

import json

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from davylamp.capture import read_batches
from davylamp.errors import InputError, OutputError
from davylamp.flows.export import FLOW_COLUMNS
from davylamp.lake.flowexport import export_flows
from davylamp.lake.intake import add
from davylamp.pipeline import scan
from davylamp.records import InputReport
from davylamp.report.machine import to_json
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import parse_miner

from lake.samples import content


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    path = tmp_path_factory.mktemp("flows") / "a.pcap"
    miners = (
        parse_miner("dialect=monero,minutes=20"),
        parse_miner("dialect=stratum-v1,hashrate=100T,minutes=20"),
    )
    return path, simulate_capture(Scene(miners, 40, 5), path)


def test_every_packet_of_the_capture_is_in_exactly_one_flow(scene, tmp_path):
    path, _ = scene
    done = export_flows([str(path)], tmp_path / "f.parquet", sensor="lab")
    table = pq.read_table(tmp_path / "f.parquet")
    batches = read_batches(str(path), InputReport(str(path)))
    packets, octets = map(sum, zip(*((b.ts_ns.size, int(b.frame_len.sum())) for b in batches), strict=True))
    assert done.rows == table.num_rows
    for unit, total in (("packets", packets), ("bytes", octets)):
        assert pc.sum(table["client_" + unit]).as_py() + pc.sum(table["server_" + unit]).as_py() == total
    assert table.column_names == [name for name, _, _ in FLOW_COLUMNS]
    assert set(table["sensor"].to_pylist()) == {"lab"}
    assert [p.name for p in tmp_path.iterdir()] == ["f.parquet"]


def test_every_mining_session_has_its_flow_in_the_lake_and_both_replay(scene, tmp_path):
    path, truth = scene
    lake = tmp_path / "lake"
    (tmp_path / "a.json").write_bytes(to_json(scan([str(path)])))
    export_flows([str(path)], tmp_path / "f")
    add(lake, [tmp_path / "a.json"], [tmp_path / "f"])
    before = content(lake)
    export_flows([str(path)], tmp_path / "g")
    (tmp_path / "b.json").write_bytes(to_json(scan([str(path)])))
    done = add(lake, [tmp_path / "b.json"], [tmp_path / "g"])
    assert content(lake) == before
    assert [done.merged[kind].added + done.merged[kind].replaced for kind in done.merged] == [0, 0, 0]
    ends = ("client_ip", "client_port", "server_ip", "server_port")
    rows = {k: [json.loads(r[3]) for r in before if r[0] == k] for k in ("sessions", "flows")}
    flows = {tuple(row[name] for name in ends) for row in rows["flows"]}
    assert len(rows["sessions"]) == len(truth["sessions"]) == 2
    assert {tuple(row[name] for name in ends) for row in rows["sessions"]} <= flows


def test_no_payload_of_anyone_is_in_the_file(scene, tmp_path):
    path, truth = scene
    export_flows([str(path)], tmp_path / "f.parquet")
    said = json.dumps(pq.read_table(tmp_path / "f.parquet").to_pylist(), default=str)
    logins = {s["login"] for s in truth["sessions"]}
    assert all(login.encode() in path.read_bytes() for login in logins)
    assert not any(login in said for login in logins)


def test_a_bad_capture_is_told_and_the_flows_of_the_good_one_written(scene, tmp_path):
    path, _ = scene
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is not a capture, sorry to say")
    alone = export_flows([str(path)], tmp_path / "alone").rows
    done = export_flows([str(bad), str(path)], tmp_path / "both")
    assert done.rows == alone
    assert [bool(report.faults) for report in done.inputs] == [True, False]
    with pytest.raises(InputError, match="E-CAP"):
        export_flows([str(bad)], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def halves(path, folder):
    """The capture as two, cut between two packets in the middle of its sessions."""
    data = path.read_bytes()
    at, cut = 24, 24
    while at < len(data):  # pcap: 24 bytes of head, then 16 before each packet with its length at 8
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        cut = at if at <= len(data) // 2 else cut
    (folder / "1.pcap").write_bytes(data[:cut])
    (folder / "2.pcap").write_bytes(data[:24] + data[cut:])
    return [str(folder / "1.pcap"), str(folder / "2.pcap")]


def test_a_rotated_series_makes_the_flows_of_the_whole_only_when_joined(scene, tmp_path):
    path, _ = scene
    whole = export_flows([str(path)], tmp_path / "a").rows
    parts = halves(path, tmp_path)
    assert export_flows(parts, tmp_path / "b", joined=True).rows == whole
    assert export_flows(parts, tmp_path / "c").rows >= whole + 2


def test_flow_and_part_name_one_row_over_several_captures_and_readings(scene, tmp_path):
    path, _ = scene
    simulate_capture(Scene((parse_miner("minutes=5,start=60"),), 20, 6), tmp_path / "b.pcap")
    export_flows([str(path), str(tmp_path / "b.pcap")], tmp_path / "both")
    export_flows([str(path)], tmp_path / "one")

    def names(file):
        table = pq.read_table(tmp_path / file)
        return list(zip(table["flow_id"].to_pylist(), table["part"].to_pylist(), strict=True))

    assert len(set(names("both"))) == len(names("both"))
    assert set(names("one")) < set(names("both"))


def test_a_place_that_cannot_be_written_is_an_output_error(scene, tmp_path):
    with pytest.raises(OutputError, match="E-OUT-001"):
        export_flows([str(scene[0])], tmp_path / "absent" / "f.parquet")
