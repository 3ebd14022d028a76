"""Could the sensors have seen it? Silence is clean only where something listened (invariant 15)."""

import ipaddress
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Forbidden, Holder
from davylamp.desk.audit.models import bulk_create
from davylamp.desk.cases.models import CoverageInterval

LEAST_SEEN: Final = 0.95  # judged: less, and a second uplink may carry the miner
MOST_DROPPED: Final = 0.05  # judged: a session of hours survives that
MOST_SAMPLING: Final = (
    64  # a miner sends about one packet a minute, 1,440 a day: 1 in 64 still shows it 20 times
)
SHORTEST_GAP: Final = timedelta(hours=1)  # judged: sensors restart; nobody mines for an hour a month
MOST_ROWS: Final = 100_000  # judged: a year of hours of a dozen sensors


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody could have seen an address."""

    ip: str
    starts_at: datetime
    ends_at: datetime

    def __str__(self) -> str:
        first, last = (timezone.localtime(t) for t in (self.starts_at, self.ends_at))
        return f"{self.ip}: {first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M}"


@dataclass(slots=True)
class CoverageIntake:
    """What came in: new and known ones, and refusals with row and reasons."""

    new: int
    known: int
    refused: list[dict[str, Any]]


def take_in(holder: Holder, source: str, rows: Sequence[dict[str, Any]]) -> CoverageIntake:
    """Take coverage in; the same row again changes nothing.

    Args:
        holder: analyst or a machine's token for intake.
        source: who reports.
        rows: source_ref, sensor, network, starts_at, ends_at (ISO with zone, or datetimes), seen_share, dropped_share,
            and perhaps sampling and region_code.

    Returns:
        what was new, known and refused.

    Raises:
        Forbidden: E-ACC-403.
    """
    from django.conf import settings

    if not policy.can_create(holder, CoverageInterval, region_code=settings.PROVINCE):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    found = CoverageIntake(0, 0, [])
    made: dict[str, CoverageInterval] = {}
    for number, row in enumerate(rows[:MOST_ROWS], 1):
        read = _read(source, row)
        if isinstance(read, list):
            found.refused.append({"row": number, "code": "E-COV-001", "message": "; ".join(read)})
        elif read.source_ref in made:
            found.known += 1
        else:
            made[read.source_ref] = read
    if len(rows) > MOST_ROWS:
        told = _("rows beyond %(n)d were not read") % {"n": MOST_ROWS}
        found.refused.append({"row": MOST_ROWS + 1, "code": "E-COV-002", "message": told})
    with transaction.atomic():
        there = _known(source, list(made))
        fresh = [row for ref, row in made.items() if ref not in there]
        found.known += len(made) - len(fresh)
        found.new = len(fresh)
        batch = uuid.uuid4().hex
        for row in fresh:
            row.batch = batch
        bulk_create(fresh, "coverage.take_in", batch)
    return found


def _known(source: str, refs: list[str]) -> set[str]:
    found: set[str] = set()
    for at in range(0, len(refs), 500):
        part = CoverageInterval.objects.filter(source=source, source_ref__in=refs[at : at + 500])
        found.update(part.values_list("source_ref", flat=True))
    return found


def _read(source: str, row: dict[str, Any]) -> CoverageInterval | list[str]:
    """One row, or everything that is wrong with it."""
    faults = []
    made = CoverageInterval(source=source[:64], region_code=str(row.get("region_code") or "")[:6])
    for name, most in (("source_ref", 128), ("sensor", 64)):
        text = str(row.get(name) or "").replace("\x00", "").strip()
        setattr(made, name, text)
        if not 0 < len(text) <= most:
            faults.append(_("%(field)s is missing or too long") % {"field": name})
    try:
        made.network = str(ipaddress.ip_network(str(row.get("network") or "").strip(), strict=True))
    except ValueError as error:
        faults.append(f"network: {error}")
    for name in ("starts_at", "ends_at"):
        at = _time(row.get(name))
        setattr(made, name, at)
        if at is None:
            faults.append(_("%(field)s is no time with a zone") % {"field": name})
    if made.starts_at and made.ends_at and not made.starts_at < made.ends_at <= timezone.now():
        faults.append(_("the time runs backwards or into the future"))
    for name in ("seen_share", "dropped_share"):
        share = row.get(name)
        is_share = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1
        setattr(made, name, float(share) if is_share else 0.0)
        if not is_share:
            faults.append(_("%(field)s is no share between 0 and 1") % {"field": name})
    sampling = row.get("sampling", 1)
    if isinstance(sampling, int) and not isinstance(sampling, bool) and 1 <= sampling < 2**31:
        made.sampling = sampling
    else:
        faults.append(_("sampling is no whole number of at least 1"))
    return faults or made


def _time(given: Any) -> datetime | None:
    try:
        at = given if isinstance(given, datetime) else datetime.fromisoformat(str(given or ""))
    except ValueError:
        return None
    return at if timezone.is_aware(at) else None


def is_good(row: CoverageInterval) -> bool:
    """Whether a miner would have shown."""
    return (
        row.seen_share >= LEAST_SEEN and row.dropped_share <= MOST_DROPPED and row.sampling <= MOST_SAMPLING
    )


def covering(ip: str, starts_at: datetime, ends_at: datetime) -> list[CoverageInterval]:
    """Good intervals of sensors whose network holds an address, in order of time."""
    address = ipaddress.ip_address(ip)
    rows = CoverageInterval.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).order_by("starts_at")
    nets: dict[str, bool] = {}
    found = []
    for row in rows.iterator():
        if row.network not in nets:
            network = ipaddress.ip_network(row.network)
            nets[row.network] = address.version == network.version and address in network
        if nets[row.network] and is_good(row):
            found.append(row)
    return found


def gaps(ip: str, starts_at: datetime, ends_at: datetime) -> list[Gap]:
    """When an address could not have been seen; sensors complete each other. Short gaps count once they are many."""
    return _holes(
        ip, ((r.starts_at, r.ends_at) for r in covering(ip, starts_at, ends_at)), starts_at, ends_at
    )


def _holes(
    ip: str, spans: Iterable[tuple[datetime, datetime]], starts_at: datetime, ends_at: datetime
) -> list[Gap]:
    found, reached = [], starts_at
    for first, last in sorted(spans):
        if first > reached:
            found.append(Gap(ip, reached, min(first, ends_at)))
        reached = max(reached, last)
    if ends_at > reached:
        found.append(Gap(ip, reached, ends_at))
    small = [gap for gap in found if gap.ends_at - gap.starts_at < SHORTEST_GAP]
    is_sieve = sum((g.ends_at - g.starts_at for g in small), timedelta()) > MOST_DROPPED * (
        ends_at - starts_at
    )
    return found if is_sieve else [gap for gap in found if gap not in small]
