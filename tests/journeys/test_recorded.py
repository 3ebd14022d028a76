"""Recorded mining and recorded quiet: found as their truth says, and silent where they hold none."""

import csv
import json
import re
from collections import defaultdict
from functools import cache

import pytest

from davylamp.pipeline import scan

from support import shared_data

pytestmark = pytest.mark.shared

DIALECTS = {
    "cryptonote login/job/submit": "monero",
    "stratum-v1": "stratum-v1",
    "stratum-v1 equihash (set_target)": "equihash",
    "eth-proxy (eth_submitLogin/eth_getWork)": "eth-proxy",
}
FLOW = re.compile(r"tcp (\S+):(\d+) > (\S+):(\d+)")


@cache
def scanned(name):
    return scan([str(shared_data() / "mining" / name)])


def positives():
    """Rows of truth that must be found and can be: the metadata files hold no payload."""
    with (shared_data() / "mining" / "truth.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [r for r in rows if r["is_mining"] == "yes" and not r["file"].startswith("metadata/")]


def session_of(row):
    client_ip, client_port, server_ip, server_port = FLOW.match(row["flow"]).groups()
    ends = (client_ip, int(client_port), server_ip, int(server_port))
    return [
        s
        for s in scanned(row["file"]).sessions
        if (s.client.ip, s.client.port, s.server.ip, s.server.port) == ends
    ]


def test_every_recorded_miner_is_found_with_the_right_dialect():
    missed = []
    for row in positives():
        found = session_of(row)
        if not found or {s.dialect for s in found} != {DIALECTS[row["dialect"]]}:
            missed.append((row["file"], row["flow"], row["dialect"], [s.dialect for s in found]))
    assert missed == []


# The label is the pool's name. On this connection the "smart" pool handed out a Bitcoin job: height 523,347 and a
# difficulty of 4.14e12 on 2018-05-19, when Bitcoin Cash stood at 530,844 and 5.66e11.
LABEL_SPEAKS_OF_THE_POOL = {"tcp 192.168.1.100:60602 > 47.89.133.41:25": "BTC"}


def test_every_recorded_miner_has_its_coin():
    wrong = []
    for row in positives():
        coin = LABEL_SPEAKS_OF_THE_POOL.get(row["flow"], row["coin"].split()[0])
        named = {s.coin for s in session_of(row)}
        candidates = {c.coin for s in session_of(row) for c in s.coin_candidates}
        if coin not in named:
            wrong.append((row["file"], row["flow"], coin, named, candidates))
    assert wrong == []


def test_every_recorded_login_is_read():
    wrong = []
    for row in positives():
        login = row["wallet_or_login"].split(";")[0].strip()
        if login and login not in {s.login for s in session_of(row)}:
            wrong.append((row["file"], row["flow"], login, {s.login for s in session_of(row)}))
    assert wrong == []


def cj_sessions():
    rows = defaultdict(list)
    with (shared_data() / "mining" / "cj-sniffer" / "sessions.jsonl").open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            rows[row["file"]].append(row)
    return rows


def test_accepted_shares_agree_with_the_independent_reading():
    apart = []
    for name, rows in sorted(cj_sessions().items()):
        expected = sum(r["accepted"] for r in rows)
        found = sum(s.accepted for s in scanned(f"cj-sniffer/{name}").sessions)
        if abs(found - expected) > 0.01 * expected:
            apart.append((name, expected, found))
    assert apart == []


def test_accepted_work_agrees_with_the_independent_reading():
    apart = []
    for name, rows in sorted(cj_sessions().items()):
        expected = sum(r["work"] or 0 for r in rows)
        found = sum(s.work.hashes for s in scanned(f"cj-sniffer/{name}").sessions if s.work is not None)
        if abs(found - expected) > 0.01 * expected:
            apart.append((name, expected, found))
    assert apart == []


def quiet_captures():
    folder = shared_data() / "controls"
    return sorted(p for p in folder.rglob("*") if p.suffix in (".pcap", ".pcapng", ".cap"))


def test_no_control_capture_is_called_mining():
    loud = []
    for path in quiet_captures():
        found = scan([str(path)])
        loud += [(path.name, s.client_ip, s.because) for s in found.sightings if s.kind == "mining"]
    assert loud == []


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("bitcoin.pcap", "bitcoin"), ("monero.pcap", "monero"), ("ethereum.pcap", "ethereum")],
)
def test_peer_to_peer_nodes_are_nodes(name, protocol):
    found = scan([str(shared_data() / "controls" / "ndpi" / name)])
    assert {s.kind for s in found.sightings} <= {"node"}
