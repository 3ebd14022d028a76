"""Attribute a whole scan: its sightings, the logs beside it, the clocks between them.

A sighting that rests on sessions is attributed session by session, since behind a translation each client port may be
another computer; one without sessions as a whole.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import orjson

from davylamp.attribution.chain import Subject, attribute, start_of
from davylamp.attribution.chronicle import Chronicle, offset_for
from davylamp.attribution.hops.clocks import (
    CAPTURE,
    MOST_OFFSET_S,
    Key,
    NoOffset,
    Offset,
    estimate_offsets,
    events_of,
)
from davylamp.attribution.hops.reading import LogReport, find_logs, read_logs
from davylamp.attribution.hops.record import NS, Nat, Record, Records
from davylamp.errors import BadUse, InputError
from davylamp.records import Attribution, Claim, Endpoint, Link
from davylamp.records_clients import NO_LOGS

Claims = Callable[[Sequence[tuple[str, int | None, int]]], Sequence[tuple[Claim, ...]]]
"""Gives the claims to each (address, port, time), as `davylamp.attribution.lookup.Index.claims` does."""

GIVEN_SPREAD_S: Final = 2.0  # judged: who states an offset has measured it to a second or two


@dataclass(frozen=True, slots=True)
class Seeing:
    """One subject of a scan and the sighting it belongs to."""

    source_ref: str
    subject: Subject
    opening_seen: bool  # its first packet is the connection's


@dataclass(frozen=True, slots=True)
class LogChoice:
    """How the logs are read."""

    paths: tuple[str, ...]
    zone: tzinfo = UTC
    reference_ns: int | None = None
    offsets: Mapping[str, Offset] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attributed:
    """The attributions of a scan and what they rest on."""

    attributions: tuple[Attribution, ...]
    clocks: Mapping[str, Offset | NoOffset]
    logs: tuple[LogReport, ...]


def load_scan(path: Path) -> list[Seeing]:
    """The subjects of a scan's JSON.

    Raises:
        InputError: E-HOP-011 when the file cannot be read or is no result of ``davylamp scan --format json``.
    """
    hint = "give the output of: davylamp scan CAPTURE --format json"
    try:
        scan = orjson.loads(path.read_bytes())
        sessions, sightings = scan["sessions"], scan["sightings"]
        seen = [s for sighting in sightings for s in _seeings(sighting, sessions)]
    except OSError as error:
        raise InputError("E-HOP-011", f"cannot read {path}: {error.strerror or error}", hint) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError("E-HOP-011", f"{path} is no scan: {error}", hint) from error
    return seen


def _seeings(sighting: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> list[Seeing]:
    ref = str(sighting.get("source_ref") or "")
    rows = [sessions[index] for index in sighting["sessions"]]
    if not rows:
        server = Endpoint(str(sighting["server_ip"]), int(sighting["server_port"]))
        span = time_ns(sighting["first_seen"]), time_ns(sighting["last_seen"])
        return [Seeing(ref, Subject(str(sighting["client_ip"]), None, *span, server), False)]
    seen = []
    for row in rows:
        client, server = (Endpoint(str(row[k]["ip"]), int(row[k]["port"])) for k in ("client", "server"))
        span = time_ns(row["first_seen"]), time_ns(row["last_seen"])
        subject = Subject(client.ip, client.port, *span, server)
        seen.append(Seeing(ref, subject, not row["joined_midway"]))
    return seen


def time_ns(text: str) -> int:
    """RFC 3339 in UTC with nanoseconds, as scans write it."""
    whole, _, rest = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * NS + int(rest[:9].ljust(9, "0"))


def time_text(at_ns: int | None) -> str | None:
    """The reverse of `time_ns`."""
    if at_ns is None:
        return None
    seconds, rest = divmod(at_ns, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def parse_offsets(texts: Sequence[str]) -> dict[str, Offset]:
    """``SOURCE=SECONDS`` options: how far a recorder's clock is ahead of the true time.

    Raises:
        BadUse: E-HOP-010 with everything that cannot be meant.
    """
    offsets, faults = {}, []
    for text in texts:
        source, equals, seconds = text.rpartition("=")
        try:
            value = float(seconds)
            if not equals or not source or not abs(value) <= 366 * 86400:
                raise ValueError
        except ValueError:
            faults.append(repr(text))
            continue
        offsets[source.strip()] = Offset(value, GIVEN_SPREAD_S, "given by the user")
    if faults:
        hint = "SOURCE=SECONDS, positive when the recorder's clock is ahead, as in --offset asa.log=90"
        raise BadUse("E-HOP-010", f"--offset {', '.join(faults)}", hint)
    return offsets


def attribute_scan(seen: Sequence[Seeing], logs: LogChoice, claims: Claims | None = None) -> Attributed:
    """Read the logs, set their clocks against the capture's, and trace every subject.

    Where no logs are given, a chain is the address alone: gaps would only say the same six times.

    Raises:
        InputError: E-HOP-006 with every log that does not exist.
    """
    asked = [(s.subject.ip, s.subject.port, s.subject.first_ns) for s in seen]
    held: Sequence[tuple[Claim, ...]] = claims(asked) if claims is not None else [()] * len(seen)
    if not logs.paths:
        bare = [_untraced(s, c) for s, c in zip(seen, held, strict=True)]
        return Attributed(tuple(bare), {}, ())
    records = Records()
    reports = read_logs(
        find_logs(logs.paths), records, zone=logs.zone, reference_ns=logs.reference_ns, keep=wanted(seen)
    )
    clocks = set_clocks(seen, records, logs.offsets)
    usable = {s: o for s, o in clocks.items() if isinstance(o, Offset)}
    chronicle = Chronicle(records, {**logs.offsets, **usable})
    found = [attribute(s.subject, chronicle, c, s.source_ref) for s, c in zip(seen, held, strict=True)]
    return Attributed(tuple(found), clocks, tuple(reports))


def _untraced(seen: Seeing, claims: tuple[Claim, ...]) -> Attribution:
    """Whose it was, where nothing was given that could tell of the computer."""
    s = seen.subject
    chains = ((start_of(s),),)
    return Attribution(seen.source_ref, s.ip, s.port, s.first_ns, s.last_ns, claims, chains, False, NO_LOGS)


def set_clocks(
    seen: Sequence[Seeing], records: Records, given: Mapping[str, Offset]
) -> dict[str, Offset | NoOffset]:
    """The offset of every recorder that can be compared with the capture, or why it cannot; given ones stand."""
    events: dict[str, dict[Key, list[int]]] = events_of(records)
    own: dict[Key, list[int]] = defaultdict(list)
    for one in seen:
        if one.opening_seen and one.subject.port is not None:
            own["nat", one.subject.ip, str(one.subject.port)].append(one.subject.first_ns)
    known = {s: o for s in events if (o := offset_for(s, given)) is not None}
    return estimate_offsets({**events, CAPTURE: dict(own)}, known)


def wanted(seen: Sequence[Seeing]) -> Callable[[Record], bool]:
    """Which records are kept: all but translations that cannot speak for any subject.

    Translations into addresses that are not public may be the second layer of one that does.
    """
    ips = {s.subject.ip for s in seen}
    margin = int((MOST_OFFSET_S + 3600) * NS)
    first = min((s.subject.first_ns for s in seen), default=0) - margin
    last = max((s.subject.last_ns for s in seen), default=0) + margin
    private = ("10.", "192.168.", "100.", "172.", "169.254.")

    def keep(record: Record) -> bool:
        if not isinstance(record, Nat):
            return True
        if record.outside_ip not in ips and not record.outside_ip.startswith(private):
            return False
        begun, ended = record.seen.from_ns, record.seen.to_ns
        return (begun is None or begun <= last) and (ended is None or ended >= first)

    return keep


# --- as rows -----------------------------------------------------------------------------------------------


def result_row(result: Attributed, version: str) -> dict[str, Any]:
    """Everything as one JSON object; times as RFC 3339 in UTC."""
    return {
        "version": version,
        "schema_version": 1,
        "attributions": [attribution_row(a) for a in result.attributions],
        "clocks": [clock_row(s, o) for s, o in sorted(result.clocks.items()) if s != CAPTURE],
        "logs": [{**asdict(r), "faults": [asdict(f) for f in r.faults]} for r in result.logs],
    }


def attribution_row(found: Attribution) -> dict[str, Any]:
    """One attribution."""
    return {
        "source_ref": found.source_ref,
        "ip": found.ip,
        "port": found.port,
        "first_seen": time_text(found.first_ns),
        "last_seen": time_text(found.last_ns),
        "claims": [_claim_row(c) for c in found.claims],
        "chains": [[_link_row(k) for k in chain] for chain in found.chains],
        "is_ambiguous": found.is_ambiguous,
        "weakest": found.weakest,
    }


def _claim_row(claim: Claim) -> dict[str, Any]:
    row = asdict(claim)
    for name in ("valid_from", "valid_to", "recorded_at"):
        row[name] = time_text(row.pop(f"{name}_ns"))
    return row


def _link_row(link: Link) -> dict[str, Any]:
    row = asdict(link)
    row["from"], row["to"] = time_text(row.pop("from_ns")), time_text(row.pop("to_ns"))
    return row


def clock_row(source: str, offset: Offset | NoOffset) -> dict[str, Any]:
    """One recorder's clock: its offset, or null and why."""
    if isinstance(offset, NoOffset):
        return {"source": source, "offset_s": None, "spread_s": None, "pairs": 0, "because": offset.because}
    return {
        "source": source,
        "offset_s": round(offset.seconds, 3),
        "spread_s": round(offset.spread_s, 3),
        "pairs": offset.pairs,
        "because": offset.because,
    }
