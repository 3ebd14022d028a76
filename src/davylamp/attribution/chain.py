"""From an address and port at a time to the computer and its holder, over every record that fits.

::

    address:port ─▶ nat ─▶ inside address ─▶ lease ─▶ MAC ─▶ switch port ─▶ host ─▶ holder
    (sighting)      └ several in a row: carrier and customer translate both

Every reading that fits is kept, best first. A gap is a link without a value. Readings that follow each other in time
(a lease handed over) say in their address link which part of the sighting they speak for.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from davylamp.attribution.chronicle import BEGIN, Chronicle, Hold, Passage, Span
from davylamp.attribution.hops.clocks import Offset
from davylamp.attribution.hops.record import Records
from davylamp.attribution.hosts import (
    DOUBT,
    Path,
    find_holder,
    find_host,
    find_mac,
    find_port,
    gap,
    link_of,
)
from davylamp.records import Attribution, Claim, Endpoint, Hop, Link

TRANSLATED: Final = 0.95  # judged: a translation of this very port, opening and closing logged
OPEN_ENDED: Final = 0.85  # judged: its end was not logged
BLOCK: Final = 0.9  # judged: a block of ports, given to one inside address at a time
PARTIAL: Final = 0.4  # judged: the translation does not span the connection
UNTRANSLATED: Final = 0.9  # judged: the address itself stands in inside records
MOST_INSIDE: Final = 32  # judged: without a port, more inside addresses behind one say nothing of any
MOST_READINGS: Final = 64  # judged: more cannot be read by a person; the best are kept
MOST_LAYERS: Final = 3  # judged: customer, carrier, and one more
PRIVATE: Final = tuple(
    ipaddress.ip_network(n)
    for n in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)  # RFC 1918, 6598, 3927, 4193, 4291
HOPS: Final[tuple[Hop, ...]] = ("address", "nat", "lease", "mac", "port", "host", "holder")
STEPS: Final[tuple[Callable[[Path, Chronicle], list[Path]], ...]] = (
    find_mac,
    find_port,
    find_host,
    find_holder,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is traced: an address, its port where one connection is meant, and when it was seen."""

    ip: str
    port: int | None
    first_ns: int
    last_ns: int
    server: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One chain and the part of the sighting that it speaks for."""

    links: tuple[Link, ...]
    span: Span
    is_sure: bool
    is_known: bool  # a MAC, host or holder was found


def trace(
    ip: str, port: int | None, span: tuple[int, int], records: Records, offsets: Mapping[str, Offset]
) -> tuple[tuple[Link, ...], ...]:
    """Every chain that fits, best first.

    Args:
        ip: the address as the sensor saw it.
        port: the client's port where the subject is one connection, else None.
        span: first and last time, Unix ns, of the sensor's clock.
        records: see `davylamp.attribution.hops.reading.read_logs`.
        offsets: clock offsets by source, file or recorder.
    """
    subject = Subject(ip, port, *span)
    return tuple(r.links for r in read_chains(subject, Chronicle(records, offsets)))


def read_chains(subject: Subject, chronicle: Chronicle) -> list[Reading]:
    """Every reading of the records for one subject, best first; never empty."""
    span = Span(subject.first_ns, max(subject.first_ns, subject.last_ns))
    is_one = subject.port is not None
    paths = _inside(Path(span, (start_of(subject),), is_one, ip=subject.ip), subject, chronicle)
    for step in STEPS:
        paths = [further for path in paths for further in (step(path, chronicle) if path.ip else [path])][
            :MOST_READINGS
        ]
    readings = [_reading(path) for path in paths]
    unique = {tuple((k.hop, k.value) for k in r.links): r for r in reversed(readings)}
    return sorted(unique.values(), key=lambda r: _rank(r, span))


def start_of(subject: Subject) -> Link:
    """The first link of every chain: the address as the sensor saw it."""
    shown = str(Endpoint(subject.ip, subject.port)) if subject.port is not None else subject.ip
    until_ns = max(subject.first_ns, subject.last_ns)
    return Link(
        "address", shown, "sighting", subject.first_ns, until_ns, 0.0, 0.0, 1.0, "as the sensor saw it"
    )


def _reading(path: Path) -> Reading:
    """A finished path; the hops behind a break say that they were not reached."""
    links = path.links
    for hop in HOPS:
        if not any(link.hop == hop for link in links):
            links = (*links, gap(hop, f"not reached: the chain breaks at {links[-1].hop}"))
    head = replace(links[0], from_ns=path.span.from_ns, to_ns=path.span.to_ns)
    known = any(k.value for k in links if k.hop in ("mac", "host", "holder"))
    return Reading((head, *links[1:]), path.span, path.is_sure, known)


def _rank(reading: Reading, span: Span) -> tuple[bool, bool, bool, float, float, str]:
    """Known before unknown, sure before doubtful, the opening's first, then by how much is covered and trusted."""
    trusted = [k.confidence for k in reading.links if k.value]
    return (
        not reading.is_known,
        not reading.is_sure,
        reading.span.from_ns > span.from_ns,
        -reading.span.seconds,
        -(sum(trusted) / len(trusted)),
        reading.links[-1].value,
    )


# --- address -> inside address -----------------------------------------------------------------------------


def _inside(path: Path, subject: Subject, chronicle: Chronicle) -> list[Path]:
    """Follow translations until an address that is not translated further."""
    paths = _translate(path, subject.port, subject.server, chronicle)
    for _ in range(MOST_LAYERS - 1):
        if not any(p.ip in chronicle.passages and p.links[-1].value for p in paths):
            break
        further: list[Path] = []
        for one in paths:
            last = one.links[-1]
            if one.ip in chronicle.passages and last.hop == "nat" and last.value:
                further += _translate(one, _port_of(last.value, one.ip), subject.server, chronicle)
            else:
                further.append(one)
        paths = further
    return paths


def _port_of(value: str, ip: str) -> int | None:
    """The port of a translation's value, None where it names an address alone."""
    return None if value == ip else int(value.rpartition(":")[2])


def _translate(path: Path, port: int | None, server: Endpoint | None, chronicle: Chronicle) -> list[Path]:
    """One layer of translation."""
    fitting = [p for p in chronicle.passages.get(path.ip, ()) if _fits(p, port, server, path.span)]
    if path.is_one and port is not None:
        whole = [p for p in fitting if p.span.wider(p.clock.tolerance_s).covers(path.span)]
        strict = [p for p in whole if p.span.wider(min(1.0, p.clock.tolerance_s)).covers(path.span)]
        fitting = _exact(strict) or _exact(whole) or fitting
    if not fitting:
        return [_untranslated(path, port, chronicle)]
    groups: dict[str, list[Passage]] = {}
    for passage in fitting:
        inside = passage.nat.inside
        shown = str(inside) if port is not None and inside.port else inside.ip
        groups.setdefault(shown, []).append(passage)
    if len(groups) > MOST_INSIDE:
        words = f"{len(groups)} inside addresses were behind it then; a client port would tell them apart"
        return [replace(path.with_link(gap("nat", words)), ip="")]
    return [_passed(path, shown, passages) for shown, passages in groups.items()]


def _exact(passages: Sequence[Passage]) -> list[Passage]:
    """Records of single ports where there are any: they say more than blocks."""
    single = [p for p in passages if p.nat.first_port == p.nat.last_port]
    return single or list(passages)


def _fits(passage: Passage, port: int | None, server: Endpoint | None, span: Span) -> bool:
    nat = passage.nat
    if port is not None and not nat.first_port <= port <= nat.last_port:
        return False
    if server is not None and nat.remote is not None and nat.remote != server:
        return False
    return passage.span.wider(passage.clock.tolerance_s).meet(span) is not None


def _passed(path: Path, shown: str, passages: Sequence[Passage]) -> Path:
    """The path behind a translation."""
    best = max(passages, key=lambda p: part.seconds if (part := p.span.meet(path.span)) else -1.0)
    nat = best.nat
    reach = best.span.wider(best.clock.tolerance_s)
    sure = best.span.wider(-best.clock.tolerance_s).meet(path.span) is not None or best.span.covers(path.span)
    single = nat.first_port == nat.last_port
    confidence = TRANSLATED if single else BLOCK
    words = (
        f"{nat.outside_ip}:{nat.first_port}" + ("" if single else f"-{nat.last_port}") + f" stood for {shown}"
    )
    if best.span.from_ns <= BEGIN or nat.seen.to_ns is None:
        confidence, words = min(confidence, OPEN_ENDED), words + "; one of its ends is not in the log"
    if path.is_one and not reach.covers(path.span):
        confidence, words = confidence * PARTIAL, words + "; its life does not span the connection"
        sure = False
    elif not sure:
        confidence, words = confidence * DOUBT, words + "; only if its clock is off by the tolerance"
    hold = Hold("lease", shown, best.span, nat.seen, best.clock)
    spans = [
        part for p in passages if (part := p.span.wider(p.clock.tolerance_s).meet(path.span)) is not None
    ]
    hull = path.span if path.is_one else Span(min(s.from_ns for s in spans), max(s.to_ns for s in spans))
    found = path.with_link(link_of("nat", shown, hold, confidence, words))
    return replace(found, span=hull, ip=nat.inside.ip, is_sure=path.is_sure and sure)


def _is_private(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return any(address.version == n.version and address in n for n in PRIVATE)


def _untranslated(path: Path, port: int | None, chronicle: Chronicle) -> Path:
    """No record of a translation: the address is an inside one itself, or the chain breaks here."""
    private = _is_private(path.ip)
    translated = path.ip in chronicle.passages
    inside = chronicle.knows_inside(path.ip)
    if not translated and (inside or private):
        words = (
            "not translated: it stands itself in inside records"
            if inside
            else "a private address, seen inside"
        )
        link = Link("nat", path.ip, "", None, None, 0.0, 0.0, UNTRANSLATED, words)
        return path if path.links[-1].hop == "nat" else path.with_link(link)
    shown = path.ip if port is None else str(Endpoint(path.ip, port))
    words = f"no translation of {shown} at that time"
    if not translated:
        words = f"no log translates {path.ip}, and no inside record names it"
    return replace(path.with_link(gap("nat", words)), ip="")


# --- the judgment ------------------------------------------------------------------------------------------


def identity(reading: Reading) -> tuple[str, ...]:
    """What tells two readings apart as different computers or holders."""
    return tuple(k.value for k in reading.links if k.hop in ("nat", "mac", "host", "holder"))


def is_ambiguous(readings: Sequence[Reading], *, is_one: bool) -> bool:
    """Whether several readings compete for the same part of the sighting.

    Readings that follow each other in time share the sighting without competing, unless it is one connection, which
    cannot move. A reading that holds only if a clock is off does not compete with one that holds anyway.
    """
    known = [r for r in readings if r.is_known]
    sure = [r for r in known if r.is_sure] or known
    if is_one:
        return len({identity(r) for r in sure}) > 1
    return any(
        identity(a) != identity(b) and (both := a.span.meet(b.span)) is not None and both.seconds > 0
        for i, a in enumerate(sure)
        for b in sure[i + 1 :]
    )


def weakest(readings: Sequence[Reading], *, ambiguous: bool) -> str:
    """The weakest link in words: where readings part, where the best chain ends, or its least trusted link."""
    best = readings[0]
    if ambiguous:
        known = [r for r in readings if r.is_known]
        for hop in HOPS[1:]:
            values = list(dict.fromkeys(_value(r, hop) or "unknown" for r in known))
            if len(values) > 1:
                return f"{hop}: {len(values)} readings fit ({', '.join(values[:4])})"
    found = [i for i, k in enumerate(best.links) if k.value]
    if found[-1] + 1 < len(best.links):
        end = best.links[found[-1] + 1]
        return f"{end.hop}: {end.because}"
    least = least_trusted(best.links)
    return (
        f"{least.hop} {least.value}: {least.because} ({least.source or 'no record'}, {least.confidence:.2f})"
    )


def least_trusted(links: Sequence[Link]) -> Link:
    """Of the links that name something the one with the lowest confidence; the first of a chain always names one."""
    return min((k for k in links if k.value), key=lambda k: k.confidence)


def _value(reading: Reading, hop: Hop) -> str:
    return next((k.value for k in reading.links if k.hop == hop), "")


def attribute(
    subject: Subject, chronicle: Chronicle, claims: tuple[Claim, ...] = (), source_ref: str = ""
) -> Attribution:
    """The whole attribution of one subject."""
    readings = read_chains(subject, chronicle)
    ambiguous = is_ambiguous(readings, is_one=subject.port is not None)
    return Attribution(
        source_ref,
        subject.ip,
        subject.port,
        subject.first_ns,
        subject.last_ns,
        claims,
        tuple(r.links for r in readings),
        ambiguous,
        weakest(readings, ambiguous=ambiguous),
    )
