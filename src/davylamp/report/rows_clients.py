"""Clients, attributions and energy as plain objects with the field names of ``scan.schema.json``."""

import math
from collections.abc import Sequence
from typing import Final

from davylamp.records import (
    Attribution,
    Claim,
    Client,
    ClientEnergy,
    Holder,
    Interval,
    Link,
    MachineCount,
    MassFigure,
    NotKnown,
    PeriodEnergy,
    ScanEnergy,
)
from davylamp.records_clients import GradePart, TotalRow
from davylamp.report.numbers import rfc3339
from davylamp.report.plain import whole
from davylamp.report.rows_base import Row, Value, finite, interval_row, optional_time


def client_row(c: Client) -> Row:
    """One client; the best claim of its main holder stands beside it, all claims stand in ``holders``."""
    return {
        "client_ip": whole(c.client_ip),
        "first_seen": rfc3339(c.first_ns),
        "last_seen": rfc3339(c.last_ns),
        "sightings": list(c.sightings),
        **_whose(c),
        "holders": [_holder_row(h) for h in c.holders],
        "attributions": list(c.attributions),
        "weakest": whole(c.weakest),
        "machines": _machines_row(c.machines),
        "power_w": interval_row(c.energy.power_w) if c.energy else None,
        "grade": c.energy.grade if c.energy else None,
        "kwh_per_day": interval_row(c.energy.kwh_per_day) if c.energy else None,
        "energy": _energy_row(c.energy) if c.energy else None,
        "not_known": [{"what": n.what, "because": whole(n.because)} for n in c.not_known],
    }


def _whose(c: Client) -> Row:
    """The best claim in short; all null where there is none."""
    claim = c.claim
    known = claim is not None
    return {
        "organisation": whole(claim.organisation) if claim else None,
        "organisation_name": whole(claim.name) if claim else None,
        "region": whole(claim.region) if claim else None,
        "region_name": whole(c.holders[0].region_name) if known else None,
        "sector": whole(claim.sector) if claim else None,
        "is_public": claim.is_public if claim else None,
        "method": whole(claim.method) if claim else None,
        "confidence": finite(claim.confidence) if claim else None,
        "contested": c.holders[0].state == "contested" if known else None,
    }


def _holder_row(h: Holder) -> Row:
    return {
        "state": h.state,
        "first_seen": rfc3339(h.first_ns),
        "last_seen": rfc3339(h.last_ns),
        "share": finite(h.share),
        "region_name": whole(h.region_name),
        "claims": [_claim_row(c) for c in h.claims],
    }


def _claim_row(c: Claim) -> Row:
    return {
        "organisation": whole(c.organisation),
        "name": whole(c.name),
        "region": whole(c.region),
        "sector": whole(c.sector),
        "is_public": c.is_public,
        "network": whole(c.network),
        "first_port": c.first_port,
        "last_port": c.last_port,
        "layer": c.layer,
        "source": whole(c.source),
        "method": whole(c.method),
        "confidence": finite(c.confidence),
        "valid_from": optional_time(c.valid_from_ns),
        "valid_to": optional_time(c.valid_to_ns),
        "recorded_at": optional_time(c.recorded_at_ns),
    }


def attribution_row(a: Attribution) -> Row:
    """One attribution: every reading of the records, best first."""
    return {
        "source_ref": whole(a.source_ref),
        "ip": whole(a.ip),
        "port": a.port,
        "first_seen": rfc3339(a.first_ns),
        "last_seen": rfc3339(a.last_ns),
        "claims": [_claim_row(c) for c in a.claims],
        "chains": [[_link_row(link) for link in chain] for chain in a.chains],
        "is_ambiguous": a.is_ambiguous,
        "weakest": whole(a.weakest),
    }


def _link_row(link: Link) -> Row:
    return {
        "hop": link.hop,
        "value": whole(link.value),
        "source": whole(link.source),
        "tolerance_s": finite(link.tolerance_s),
        "offset_s": finite(link.offset_s),
        "confidence": finite(link.confidence),
        "because": whole(link.because),
        "from": optional_time(link.from_ns),
        "to": optional_time(link.to_ns),
    }


def _machines_row(m: MachineCount | None) -> Row | None:
    if m is None:
        return None
    reasons: list[Value] = [
        {
            "evidence": r.evidence,
            "low": r.low,
            "usual": r.usual,
            "high": r.high,
            "because": whole(r.because),
        }
        for r in m.reasons
    ]
    return {
        "low": m.low,
        "estimate": m.estimate,
        "high": m.high,
        "reasons": reasons,
        "not_available": [whole(n) for n in m.not_available],
        "contradiction": whole(m.contradiction),
        "assumption": whole(m.assumption),
        "method": whole(m.method),
    }


def _energy_row(e: ClientEnergy) -> Row:
    return {
        "observed": _period_row(e.observed),
        "inferred": _period_row(e.inferred),
        "masses": _mass_rows(e.masses),
        "inputs": [whole(i) for i in e.inputs],
        "method": whole(e.method),
    }


def _period_row(p: PeriodEnergy) -> Row:
    return {
        "hours": interval_row(p.hours),
        "span_h": finite(p.span_h),
        "kwh": interval_row(p.energy_kwh),
        "because": whole(p.because),
    }


def _mass_rows(masses: Sequence[MassFigure]) -> list[Value]:
    return [
        {
            "substance": m.substance,
            "kg_per_day": interval_row(m.kg_per_day),
            "factor_set": whole(m.factor_set),
            "kg_per_kwh": finite(m.kg_per_kwh),
            "is_official": m.is_official,
            "year": m.year,
        }
        for m in masses
    ]


def energy_row(e: ScanEnergy | None) -> Row | None:
    """The energy of all clients with its split and breakdowns; None where nothing mines."""
    if e is None:
        return None
    return {
        "clients": e.clients,
        "kwh_per_day": interval_row(e.kwh_per_day),
        "observed_kwh": interval_row(e.observed_kwh),
        "inferred_kwh": interval_row(e.inferred_kwh),
        "by_grade": _grade_rows(e.by_grade),
        "by_region": _total_rows(e.by_region),
        "by_sector": _total_rows(e.by_sector),
        "by_organisation": _total_rows(e.by_organisation),
        "masses": _mass_rows(e.masses),
        "factors": whole(e.factors),
    }


def _grade_rows(parts: Sequence[GradePart]) -> list[Value]:
    return [
        {"grade": p.grade, "clients": p.clients, "kwh_per_day": interval_row(p.kwh_per_day)} for p in parts
    ]


def _total_rows(rows: Sequence[TotalRow]) -> list[Value]:
    return [
        {
            "key": whole(r.key),
            "name": whole(r.name),
            "clients": r.clients,
            "kwh_per_day": interval_row(r.kwh_per_day),
            "by_grade": _grade_rows(r.by_grade),
        }
        for r in rows
    ]


# --- one flat row, for spreadsheets and Parquet ------------------------------------------------------------

_ENDS: Final = ("low", "estimate", "high")
FLAT: Final[dict[str, str]] = {
    "client_ip": "text",
    "first_seen": "time",
    "last_seen": "time",
    "organisation": "text",
    "organisation_name": "text",
    "region": "text",
    "region_name": "text",
    "sector": "text",
    "is_public": "flag",
    "method": "text",
    "confidence": "real",
    "contested": "flag",
    "holders": "whole",
    "weakest": "text",
    **{f"machines_{end}": "whole" for end in _ENDS},
    **{f"power_w_{end}": "real" for end in _ENDS},
    "grade": "text",
    **{f"kwh_per_day_{end}": "real" for end in _ENDS},
    "observed_h": "real",
    **{f"observed_kwh_{end}": "real" for end in _ENDS},
    "inferred_h": "real",
    **{f"inferred_kwh_{end}": "real" for end in _ENDS},
    **{f"official_co2_kg_per_day_{end}": "real" for end in _ENDS},
    "official_co2_set": "text",
    **{f"comparable_co2_kg_per_day_{end}": "real" for end in _ENDS},
    "comparable_co2_set": "text",
    "sightings": "wholes",
    "not_known": "texts",
}
"""Columns of a client's flat row, with the kind of each."""


def flat_client_row(c: Client) -> Row:
    """A client without its claims, chains and reasons, which stand in the JSON."""
    row: Row = dict.fromkeys(FLAT)
    short = client_row(c)
    row |= {name: value for name, value in short.items() if name in FLAT}
    row["holders"] = len(c.holders)
    row["not_known"] = [_told(n) for n in c.not_known]
    if c.machines is not None:
        row |= {f"machines_{end}": getattr(c.machines, end) for end in _ENDS}
    if c.energy is None:
        return row
    e = c.energy
    row |= {"observed_h": finite(e.observed.hours.estimate), "inferred_h": finite(e.inferred.hours.estimate)}
    row |= _ended("power_w", e.power_w) | _ended("kwh_per_day", e.kwh_per_day)
    row |= _ended("observed_kwh", e.observed.energy_kwh) | _ended("inferred_kwh", e.inferred.energy_kwh)
    for mass in reversed([m for m in e.masses if m.substance == "CO2"]):  # of several, the first stands
        kind = "official" if mass.is_official else "comparable"
        row |= {**_ended(f"{kind}_co2_kg_per_day", mass.kg_per_day), f"{kind}_co2_set": mass.factor_set}
    return row


def _told(n: NotKnown) -> str:
    return whole(f"{n.what}: {n.because}")


def _ended(name: str, interval: Interval) -> Row:
    ends = (interval.low, interval.estimate, interval.high)
    known = all(map(math.isfinite, ends))
    return {f"{name}_{end}": value if known else None for end, value in zip(_ENDS, ends, strict=True)}
