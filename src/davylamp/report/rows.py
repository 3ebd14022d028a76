"""Records as plain objects with the field names of ``scan.schema.json``: the one place that spells them."""

import math
from typing import Final

from davylamp import __version__
from davylamp.records import Candidate, Endpoint, Fault, InputReport, Scan, Session, Sighting
from davylamp.records_traces import Traces
from davylamp.report.numbers import rfc3339
from davylamp.report.plain import whole
from davylamp.report.rows_base import Row, Value, finite, interval_row, optional_time
from davylamp.report.rows_clients import attribution_row, client_row, energy_row

SCHEMA_VERSION: Final = 1
_MOST_INT: Final = 2**53 - 1  # the largest integer that every JSON reader holds exactly (RFC 8259, section 6)


def scan_row(scan: Scan) -> Row:
    """The whole scan as one object."""
    return {
        "version": __version__,
        "schema_version": SCHEMA_VERSION,
        "inputs": [input_row(i) for i in scan.inputs],
        "sessions": [session_row(s) for s in scan.sessions],
        "sightings": [sighting_row(s) for s in scan.sightings],
        "clients": [client_row(c) for c in scan.clients],
        "attributions": [attribution_row(a) for a in scan.attributions],
        "energy": energy_row(scan.energy),
    }


def input_row(source: InputReport) -> Row:
    """One input and its faults."""
    return {
        "path": whole(source.path),
        "packets": source.packets,
        "bytes": source.bytes,
        "first_seen": optional_time(source.first_ns),
        "last_seen": optional_time(source.last_ns),
        "faults": [_fault_row(f) for f in source.faults],
    }


def session_row(s: Session) -> Row:
    """One session."""
    return {
        "flow_id": _exact(s.flow_id),
        "capture": whole(s.capture),
        "client": _endpoint_row(s.client),
        "server": _endpoint_row(s.server),
        "first_seen": rfc3339(s.first_ns),
        "last_seen": rfc3339(s.last_ns),
        "joined_midway": s.joined_midway,
        "dialect": whole(s.dialect),
        "carrier": s.carrier,
        "algorithm": _text(s.algorithm),
        "coin": _text(s.coin),
        "coin_candidates": [_candidate_row(c) for c in s.coin_candidates],
        "login": _text(s.login),
        "wallet": _text(s.wallet),
        "worker": _text(s.worker),
        "rig_id": _text(s.rig_id),
        "agent": _text(s.agent),
        "pool": _text(s.pool),
        "payout_coin": _text(s.payout_coin),
        "donation": s.donation,
        "jobs": s.jobs,
        "shares": _shares_row(s),
        "logins_refused": s.logins_refused,
        "work_hashes": finite(s.work.hashes) if s.work else None,
        "work_convention": _text(s.work.convention) if s.work else None,
        "work_note": whole(s.work_note),
        "active_s": finite(s.active_s),
        "hashrate_hps": interval_row(s.hashrate_hps),
        "hashrate_note": whole(s.hashrate_note),
        "reported_hps": [r for r in s.reported_hps if math.isfinite(r)],
        "heights": _heights(s.heights),
        "lost_bytes": s.lost_bytes,
        "lost_share": finite(s.lost_share),
        "because": [whole(b) for b in s.because],
        "extranonces": [whole(e) for e in s.traces.extranonces],
        "nonce_partition": _partition_row(s.traces),
        "tcp_clock_points": len(s.traces.tcp_clock),
        "notes": [whole(n) for n in s.notes],
    }


def sighting_row(s: Sighting) -> Row:
    """One sighting."""
    return {
        "client_ip": whole(s.client_ip),
        "server_ip": whole(s.server_ip),
        "server_port": s.server_port,
        "first_seen": rfc3339(s.first_ns),
        "last_seen": rfc3339(s.last_ns),
        "kind": s.kind,
        "tier": s.tier,
        "probability": finite(s.probability),
        "because": [whole(b) for b in s.because],
        "sessions": list(s.sessions),
        "captures": [whole(c) for c in s.captures],
        "coin": _text(s.coin),
        "algorithm": _text(s.algorithm),
        "wallet": _text(s.wallet),
        "worker": _text(s.worker),
        "agent": _text(s.agent),
        "hashrate_hps": interval_row(s.hashrate_hps),
        "hashrate_note": whole(s.hashrate_note),
        "not_seen": [whole(n) for n in s.not_seen],
        "source_ref": whole(s.source_ref),
    }


def _fault_row(fault: Fault) -> Row:
    return {
        "code": whole(fault.code),
        "message": whole(fault.message),
        "path": whole(fault.path),
        "offset": fault.offset,
        "count": fault.count,
    }


def _endpoint_row(end: Endpoint) -> Row:
    return {"ip": whole(end.ip), "port": end.port}


def _candidate_row(candidate: Candidate) -> Row:
    return {
        "coin": whole(candidate.coin),
        "weight": finite(candidate.weight),
        "because": whole(candidate.because),
    }


def _shares_row(s: Session) -> Row:
    return {
        "submitted": s.submitted,
        "accepted": s.accepted,
        "rejected": s.rejected,
        "stale": s.stale,
        "unanswered": s.unanswered,
        "duplicates": s.duplicates,
    }


def _partition_row(traces: Traces) -> Row | None:
    """How the nonce space is parted, without the shares' own nonces."""
    if not traces.nonces:
        return None
    shares = sum(span.shares for span in traces.nonces)
    return {
        "values": len(traces.nonces),
        "shares": shares,
        "moves": traces.moves,
        "descents": traces.descents,
    }


def _text(value: str | None) -> str | None:
    return None if value is None else whole(value)


def _exact(value: int) -> int | None:
    return int(value) if abs(value) <= _MOST_INT else None


def _heights(heights: tuple[int, int] | None) -> list[Value] | None:
    """Lowest and highest height; None when a pool sent a number that no reader holds."""
    if heights is None or not all(0 <= h <= _MOST_INT for h in heights):
        return None
    return list(heights)
