"""Triage on recorded traffic: every known mining flow is handed out with the right client, nodes are nodes."""

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from davylamp.capture import read_batches
from davylamp.flows.export import ip_text
from davylamp.flows.meter import Meter, MeterSettings
from davylamp.records import InputReport

from support import shared_data

pytestmark = pytest.mark.shared

End = tuple[str, int]


def rows_of_file(path: Path) -> list[dict[str, Any]]:
    meter = Meter(MeterSettings(capacity=1 << 14, beat_blocks=1 << 14, names=1 << 12))
    rows: list[dict[str, Any]] = []
    for batch in read_batches(str(path), InputReport(str(path))):
        rows += meter.feed(batch).ended.to_arrow().to_pylist()
    return rows + meter.close().to_arrow().to_pylist()


def marks_of(path: Path) -> dict[tuple[End, End], set[str]]:
    """Marks by client and server."""
    marks: dict[tuple[End, End], set[str]] = defaultdict(set)
    for row in rows_of_file(path):
        client, server = ((ip_text(row[f"{s}_ip"]), row[f"{s}_port"]) for s in ("client", "server"))
        marks[client, server].add(row["mark"] or "")
    return marks


def end_of(text: str) -> End:
    host, _, port = text.strip().rpartition(":")
    return host, int(port)


def test_every_known_mining_flow_is_a_candidate_with_its_client() -> None:
    folder = shared_data() / "mining"
    known: dict[str, list[tuple[End, End]]] = defaultdict(list)
    with (folder / "truth.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["is_mining"] == "yes" and row["file"].endswith((".pcap", ".pcapng")):
                client, server = row["flow"].removeprefix("tcp ").split(" > ")
                known[row["file"]].append((end_of(client), end_of(server)))
    assert sum(map(len, known.values())) == 30
    for file, flows in known.items():
        marks = marks_of(folder / file)
        assert [flow for flow in flows if not marks[flow] & {"json", "http"}] == [], file


def test_every_session_of_cj_sniffer_is_a_candidate_with_its_client() -> None:
    folder = shared_data() / "mining" / "cj-sniffer"
    known: dict[str, list[tuple[End, End]]] = defaultdict(list)
    for line in (folder / "sessions.jsonl").read_text(encoding="utf-8").splitlines():
        session = json.loads(line)
        if session["submitted"] and (folder / session["file"]).exists():
            known[session["file"]].append((tuple(session["client"]), tuple(session["server"])))
    assert len(known) > 30
    for file, flows in known.items():
        marks = marks_of(folder / file)
        assert [flow for flow in flows if "json" not in marks[flow]] == [], file


@pytest.mark.parametrize(
    ("file", "network"), [("bitcoin", "bitcoin"), ("ethereum", "devp2p"), ("monero", "monero")]
)
def test_peers_of_a_chain_are_nodes_and_never_candidates(file: str, network: str) -> None:
    rows = rows_of_file(shared_data() / "controls" / "ndpi" / f"{file}.pcap")
    marked = {(row["mark"], row["node_kind"]) for row in rows if row["mark"] not in (None, "tls")}
    assert marked == {("node", network)}
