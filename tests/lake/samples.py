"""Scans and flow tables by hand, and the whole content of a lake to compare."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from davylamp.flows.export import flow_schema
from davylamp.lake.merge import live_batches
from davylamp.lake.schemas import KINDS
from davylamp.lake.store import Lake

DAY0 = datetime(2024, 5, 1, tzinfo=UTC)
SECOND = 1_000_000_000


def time_of(day=0, second=0, ns=0):
    at = DAY0 + timedelta(days=day, seconds=second)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns:09d}Z"


def ns_of(day=0, second=0):
    return int((DAY0 + timedelta(days=day, seconds=second)).timestamp()) * SECOND


def session(at=0, day=0, last=600, **changes):
    return {
        "flow_id": at,
        "capture": "a.pcap",
        "client": {"ip": f"10.0.0.{at % 250 + 1}", "port": 40_000 + at},
        "server": {"ip": "203.0.113.9", "port": 3333},
        "first_seen": time_of(day, at % 1000),
        "last_seen": time_of(day, at % 1000 + last),
        "joined_midway": False,
        "dialect": "monero",
        "carrier": "tcp",
        "algorithm": "randomx",
        "coin": "XMR",
        "coin_candidates": [{"coin": "XMR", "weight": 0.9, "because": "its login"}],
        "login": "4" + "A" * 94,
        "wallet": "4" + "A" * 94,
        "worker": f"rig{at}",
        "rig_id": None,
        "agent": "XMRig/6.21.0",
        "pool": None,
        "payout_coin": None,
        "donation": False,
        "jobs": 12,
        "shares": {
            "submitted": 9,
            "accepted": 8,
            "rejected": 1,
            "stale": 1,
            "unanswered": 0,
            "duplicates": 0,
        },
        "logins_refused": 0,
        "work_hashes": 800_000.0,
        "work_convention": "2^64 / target",
        "work_note": "",
        "active_s": 600.0,
        "hashrate_hps": {"low": 575.6, "estimate": 1333.3, "high": 2627.1},
        "hashrate_note": "",
        "reported_hps": [],
        "heights": [3_100_000, 3_100_004],
        "lost_bytes": 0,
        "lost_share": 0.0,
        "because": ["a job with a seed hash"],
        "extranonces": [],
        "nonce_partition": {"values": 1, "shares": 9, "moves": 0, "descents": 0},
        "tcp_clock_points": 21,
        "notes": [],
        **changes,
    }


def sighting(at=0, day=0, last=600, sessions=(), **changes):
    return {
        "client_ip": f"10.0.0.{at % 250 + 1}",
        "server_ip": "203.0.113.9",
        "server_port": 3333,
        "first_seen": time_of(day, at % 1000),
        "last_seen": time_of(day, at % 1000 + last),
        "kind": "mining",
        "tier": "confirmed",
        "probability": 0.999,
        "because": ["8 shares accepted"],
        "sessions": list(sessions),
        "captures": ["a.pcap"],
        "coin": "XMR",
        "algorithm": "randomx",
        "wallet": "4" + "A" * 94,
        "worker": f"rig{at}",
        "agent": "XMRig/6.21.0",
        "hashrate_hps": {"low": 575.6, "estimate": 1333.3, "high": 2627.1},
        "hashrate_note": "",
        "not_seen": [],
        "source_ref": f"{day:04d}{at:028d}",
        **changes,
    }


def scan(sessions=(), sightings=(), version="0.1.0"):
    return {
        "version": version,
        "schema_version": 1,
        "inputs": [],
        "sessions": list(sessions),
        "sightings": list(sightings),
    }


def pairs(ats, day=0, **changes):
    """A scan of as many sessions as ``ats``, each with its sighting."""
    ats = list(ats)
    return scan(
        [session(at, day, **changes) for at in ats],
        [sighting(at, day, sessions=[place], **changes) for place, at in enumerate(ats)],
    )


def written(path: Path, value) -> Path:
    path.write_text(json.dumps(value))
    return path


def flow(at=0, day=0, last=600, **changes):
    return {
        "flow_id": 1000 + at,
        "part": 0,
        "client_ip": bytes(10) + b"\xff\xff" + bytes([10, 0, 0, at % 250 + 1]),
        "server_ip": bytes(10) + b"\xff\xff" + bytes([203, 0, 113, 9]),
        "client_port": 40_000 + at % 20_000,
        "server_port": 3333,
        "proto": 6,
        "first_ns": ns_of(day, at % 1000),
        "last_ns": ns_of(day, at % 1000 + last),
        "client_packets": 20,
        "client_bytes": 3000,
        "handshake_seen": True,
        "end_reason": "closed",
        "beats": [{"ms": 0, "len": 213}, {"ms": 31, "len": -90}],
        **changes,
    }


def flow_file(path: Path, rows, schema=None) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema or flow_schema()), path)
    return path


def content(root: Path):
    """Every live row of a lake as (kind, day, sensor, row), in one order."""
    rows = []
    for folder in Lake(root).folders():
        for batch in live_batches(folder, None):
            rows += [
                (folder.kind, str(folder.day), folder.sensor, json.dumps(row, sort_keys=True))
                for row in batch.to_pylist()
            ]
    return sorted(rows)


def files(root: Path):
    """Names of a lake's data files."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.parquet"))


def counts(root: Path):
    rows = content(root)
    return {kind: sum(row[0] == kind for row in rows) for kind in KINDS}
