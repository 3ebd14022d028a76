"""From an inside address to the computer and who is responsible for it: lease, MAC, port, host, holder.

Each step takes one path and gives every path that the records allow, with a link for what was found or for the gap.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from davylamp.attribution.chronicle import (
    BEGIN,
    FOREVER,
    UNCHECKED_S,
    Chronicle,
    Clock,
    Hold,
    Span,
    corrected,
    settle_points,
)
from davylamp.attribution.hops.record import NS, Holder
from davylamp.attribution.hops.text import host_key
from davylamp.records import Hop, Link

# How far each kind of record is trusted, 0..1; all judged: nobody has measured how often such records are wrong.
LEASE: Final = 0.9  # judged: the server gave it, the client may have left it unused
HEARD: Final = 0.85  # judged: the address was in use by that MAC at that moment
BOTH: Final = 0.97  # judged: two recorders agree
PORT: Final = 0.9  # judged
HUB: Final = 0.5  # judged: several machines behind one port
ASSET_BY: Final = {
    "mac": 0.9,
    "host": 0.85,
    "port": 0.6,
    "ip": 0.7,
}  # judged: by what the list's row was found
MACHINE: Final = 0.85  # judged: a domain member proved its name
LOGGED: Final = 0.7  # judged: a name or user in a log of logons
CALLED: Final = 0.5  # judged: what the client calls itself
MOST: Final = 0.99
DOUBT: Final = 0.5  # judged: factor for a reading that holds only if a clock is off by its tolerance
GUESSED: Final = 0.8  # judged: factor for a table without a time of its own
FEW_MACS: Final = (
    4  # judged: a computer, its telephone and their virtual machines; more is a hub or an uplink
)
MOST_USERS: Final = 4  # judged: more people than that do not share one computer in one session


ALWAYS: Final = Span(BEGIN, FOREVER)


@dataclass(frozen=True, slots=True)
class Path:
    """One reading so far: what part of the sighting it speaks for, its links, and what was found.

    ``is_sure`` is False where it holds only if a clock is off by the tolerance.
    """

    span: Span
    links: tuple[Link, ...]
    is_one: bool  # the subject is one connection, which cannot move between machines
    is_sure: bool = True
    ip: str = ""
    mac: str = ""
    place: str = ""
    host: str = ""
    called: str = ""  # the name that came with the lease
    owned: Span = ALWAYS  # when the address was the machine's

    def with_link(self, link: Link) -> "Path":
        """The path one link longer."""
        return replace(self, links=(*self.links, link))


@dataclass(frozen=True, slots=True)
class Fit:
    """A value, the part of the span it speaks for, and the holds that say so, best first."""

    value: str
    span: Span
    is_sure: bool
    holds: tuple[Hold, ...]


def gap(hop: Hop, because: str) -> Link:
    """A link that says why nothing is known."""
    return Link(hop, "", "", None, None, 0.0, 0.0, 0.0, because)


def place_of(hold: Hold) -> str:
    """File, recorder and line that a statement stands in."""
    return f"{hold.seen.source}:{hold.seen.line}"


def clock_words(heard: Span) -> str:
    """When an observation was made, to the second."""
    first, last = (
        f"{datetime.fromtimestamp(t // NS, UTC):%Y-%m-%d %H:%M:%SZ}" for t in (heard.from_ns, heard.to_ns)
    )
    if heard.from_ns <= BEGIN:
        return f"until {last}"
    if heard.to_ns >= FOREVER:
        return f"since {first}"
    return first if first == last else f"{first} to {last}"


def link_of(hop: Hop, value: str, hold: Hold, confidence: float, because: str) -> Link:
    """A link that rests on a hold."""
    low, high = hold.span.from_ns, hold.span.to_ns
    if hold.heard is not None:
        because += f", {clock_words(hold.heard)}"
    if hold.seen.note:
        because += f" ({hold.seen.note})"
        confidence *= GUESSED
    return Link(
        hop,
        value,
        place_of(hold),
        None if low <= BEGIN else low,
        None if high >= FOREVER else high,
        hold.clock.tolerance_s,
        hold.clock.offset_s,
        round(min(confidence, MOST), 3),
        because,
    )


def fit_holds(holds: Iterable[Hold], path: Path) -> list[Fit]:
    """Every value that a key may have had during the path's span, the surest first.

    One connection stays on one machine: where some value can have held all through it, values that cannot are left
    out.
    """
    by_value: dict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        if hold.reach.meet(path.span) is not None:
            by_value[hold.value].append(hold)
    fits = []
    for value, same in by_value.items():
        same.sort(key=lambda h: h.core.meet(path.span) is None)
        strict = [part for h in same if (part := h.span.meet(path.span)) is not None]
        sure = any(_is_core(h, path.span) for h in same)
        parts = strict if sure else [p for h in same if (p := h.reach.meet(path.span)) is not None]
        hull = Span(min(p.from_ns for p in parts), max(p.to_ns for p in parts))
        fits.append(Fit(value, hull, sure, tuple(same)))
    if path.is_one:
        whole = [f for f in fits if _may_cover(f, path.span)]
        fits = [replace(f, span=path.span) for f in whole] or fits
    return sorted(fits, key=lambda f: (not f.is_sure, f.span.from_ns, -f.span.seconds, f.value))


def _is_core(hold: Hold, span: Span) -> bool:
    core = hold.core
    return core.from_ns <= core.to_ns and core.meet(span) is not None


def _may_cover(fit: Fit, span: Span) -> bool:
    """Whether the value's holds, each widened by its tolerance, leave no moment of the span out."""
    at_ns = span.from_ns
    for reach in sorted((h.reach for h in fit.holds), key=lambda r: r.from_ns):
        if reach.from_ns <= at_ns:
            at_ns = max(at_ns, reach.to_ns)
    return at_ns >= span.to_ns


def uncovered(fits: Sequence[Fit], span: Span) -> Span | None:
    """The longest part of the span that no fit speaks for, when it is longer than a clock may be off."""
    at_ns, longest = span.from_ns, None
    for fit in sorted(fits, key=lambda f: f.span.from_ns):
        if fit.span.from_ns > at_ns and (
            longest is None or fit.span.from_ns - at_ns > longest.to_ns - longest.from_ns
        ):
            longest = Span(at_ns, fit.span.from_ns)
        at_ns = max(at_ns, fit.span.to_ns)
    if span.to_ns > at_ns and (longest is None or span.to_ns - at_ns > longest.to_ns - longest.from_ns):
        longest = Span(at_ns, span.to_ns)
    return longest if longest is not None and longest.seconds > UNCHECKED_S else None


def find_mac(path: Path, chronicle: Chronicle) -> list[Path]:
    """Lease and MAC of the inside address."""
    fits = fit_holds(chronicle.macs.get(path.ip, ()), path)
    if not fits:
        nothing = f"no lease or ARP record of {path.ip} at that time"
        return [path.with_link(gap("lease", nothing)).with_link(gap("mac", nothing))]
    paths = [_mac_path(path, fit) for fit in fits]
    left = None if path.is_one else uncovered(fits, path.span)
    if left is not None:
        nothing = f"no lease or ARP record of {path.ip} covers this part"
        paths.append(replace(path, span=left).with_link(gap("lease", nothing)).with_link(gap("mac", nothing)))
    return paths


def _mac_path(path: Path, fit: Fit) -> Path:
    lease = next((h for h in fit.holds if h.kind == "lease"), None)
    heard = next((h for h in fit.holds if h.kind == "binding"), None)
    doubt = 1.0 if fit.is_sure else DOUBT
    edge = (
        ""
        if fit.is_sure
        else "; only if a clock is off by its tolerance: an edge of the record lies within it"
    )
    if lease is not None:
        words = f"leased to {fit.value}" + (f' ("{lease.name}")' if lease.name else "") + edge
        first = link_of("lease", path.ip, lease, LEASE * doubt, words)
    else:
        first = gap("lease", f"no lease of {path.ip}; an address table knows it")
    if heard is not None:
        words = f"{path.ip} was heard from it" + ("; its lease says the same" if lease else "") + edge
        second = link_of(
            "mac", fit.value, heard, (BOTH if lease else HEARD) * doubt * _nearness(heard, path.span), words
        )
    else:
        assert lease is not None
        second = link_of(
            "mac",
            fit.value,
            lease,
            LEASE * doubt,
            "as the lease names it; no address table confirms it" + edge,
        )
    owned = Span(min(h.span.from_ns for h in fit.holds), max(h.span.to_ns for h in fit.holds))
    named = next((h.name for h in fit.holds if h.name), "")
    found = path.with_link(first).with_link(second)
    return replace(
        found, span=fit.span, mac=fit.value, called=named, owned=owned, is_sure=path.is_sure and fit.is_sure
    )


def _nearness(hold: Hold, span: Span) -> float:
    """1 where the observation lies within the span, down to a half at the end of its reach; judged."""
    if hold.heard is None or hold.heard.meet(span) is not None:
        return 1.0
    apart = max(hold.heard.from_ns - span.to_ns, span.from_ns - hold.heard.to_ns) / NS
    reach = max(hold.span.to_ns - hold.heard.to_ns, hold.heard.from_ns - hold.span.from_ns, NS) / NS
    return 1.0 - 0.5 * min(1.0, apart / reach)


def find_port(path: Path, chronicle: Chronicle) -> list[Path]:
    """The switch port: of all ports that saw the MAC those with the fewest MACs behind them are access ports."""
    if not path.mac:
        return [path.with_link(gap("port", "the MAC is not known"))]
    holds = chronicle.places.get(path.mac, [])
    if not holds:
        return [path.with_link(gap("port", f"no switch table shows {path.mac}"))]
    counts = {h.value: chronicle.place_macs[h.value] for h in holds}
    fewest = min(counts.values())
    access = [h for h in holds if counts[h.value] <= max(fewest, min(FEW_MACS, 2 * fewest))]
    passed = len(counts) - len({h.value for h in access})
    paths = []
    fits = fit_holds(settle_points(access, []), replace(path, is_one=False))
    if not fits:
        return [path.with_link(gap("port", f"no switch table shows {path.mac} at that time"))]
    for fit in fits:
        best = fit.holds[0]
        count = counts[fit.value]
        words = f"seen behind it with {count} MAC{'s' if count > 1 else ''}"
        words += f"; among many MACs on {passed} uplink{'s' * (passed > 1)} too" if passed else ""
        confidence = PORT if count <= FEW_MACS else HUB
        words += "" if count <= FEW_MACS else ": something else hangs behind this port"
        link = link_of("port", fit.value, best, confidence * _nearness(best, path.span), words)
        paths.append(replace(path.with_link(link), place=fit.value))
    return paths


@dataclass(frozen=True, slots=True)
class Name:
    """A host name and what speaks for it."""

    host: str
    confidence: float
    link: Link


def find_host(path: Path, chronicle: Chronicle) -> list[Path]:
    """The computer's name. One MAC is one computer, whatever names it goes by; without it each name is a reading."""
    names = sorted(_names(path, chronicle), key=lambda n: -n.confidence)
    if not names:
        return [path.with_link(gap("host", "no list, logon or lease names the computer"))]
    groups: dict[str, list[Name]] = defaultdict(list)
    for name in names:
        groups[host_key(name.host)].append(name)
    merged = sorted((_merge(group) for group in groups.values()), key=lambda n: -n.confidence)
    kept = merged[:1] if path.mac else merged
    paths = []
    for name in kept:
        others = [n.host for n in merged if n is not name]
        link = name.link
        if others and path.mac:
            link = replace(link, because=f"{link.because}; also called {', '.join(others[:3])}")
        paths.append(replace(path.with_link(link), host=name.host))
    return paths


def _merge(group: Sequence[Name]) -> Name:
    """Records that agree make each other more likely."""
    doubt = 1.0
    for name in group[:3]:
        doubt *= 1.0 - name.confidence
    confidence = round(min(MOST, 1.0 - doubt), 3)
    words = "; ".join(dict.fromkeys(n.link.because for n in group[:3]))
    return Name(group[0].host, confidence, replace(group[0].link, confidence=confidence, because=words))


def _names(path: Path, chronicle: Chronicle) -> list[Name]:
    found: list[Name] = []
    for kind, key in (("mac", path.mac), ("ip", path.ip)):
        if kind == "ip" and path.mac and found:
            break
        for row in _rows(f"{kind} {key}" if key else "", path.span, chronicle):
            if row.host:
                confidence = ASSET_BY[kind]
                found.append(Name(row.host, confidence, _row_link("host", row.host, row, kind, chronicle)))
    if path.called:
        lease = next((k for k in path.links if k.hop in ("lease", "mac") and k.value), None)
        if lease is not None:
            words = "what the client calls itself"
            found.append(
                Name(
                    path.called,
                    CALLED,
                    replace(lease, hop="host", value=path.called, confidence=CALLED, because=words),
                )
            )
    for key in filter(None, (path.mac, path.ip)):
        for logon, hold in chronicle.logons.get(key, ()):
            if logon.host and _speaks(hold, path):
                confidence = LOGGED if logon.user else MACHINE
                words = "named in a logon" if logon.user else "the computer's own logon"
                found.append(
                    Name(logon.host, confidence, link_of("host", logon.host, hold, confidence, words))
                )
    return found


def _speaks(hold: Hold, path: Path) -> bool:
    """Whether a logon falls into the time in which the address was this machine's, and reaches the sighting."""
    heard = hold.heard or hold.span
    return (
        hold.reach.meet(path.span) is not None
        and path.owned.wider(hold.clock.tolerance_s).meet(heard) is not None
    )


def _rows(key: str, span: Span, chronicle: Chronicle) -> list[Holder]:
    """Rows of lists of devices that hold at the span; days are wide enough to need no tolerance."""
    rows = chronicle.holders.get(key, []) if key else []
    return [r for r in rows if corrected(r.seen, Clock(0.0, 0.0)).meet(span) is not None]


def _row_link(hop: Hop, value: str, row: Holder, kind: str, chronicle: Chronicle) -> Link:
    clock = chronicle.clock(row.seen.source)
    hold = Hold("lease", value, corrected(row.seen, clock), row.seen, clock)
    dated = row.seen.from_ns is not None or row.seen.to_ns is not None
    words = f"the list of devices, found by {kind}" + ("" if dated else "; the row bears no date")
    return link_of(hop, value, hold, ASSET_BY[kind], words)


def find_holder(path: Path, chronicle: Chronicle) -> list[Path]:
    """Who is responsible: the list of devices by its strongest key, else whoever logged on."""
    users = _users(path, chronicle)
    active = f"; logged on then: {', '.join(u for u, _ in users[:MOST_USERS])}" if users else ""
    keys = (
        ("mac", path.mac and f"mac {path.mac}"),
        ("host", path.host and f"host {host_key(path.host)}"),
        ("port", path.place and f"port {path.place}"),
        ("ip", path.ip and f"ip {path.ip}"),
    )
    for kind, key in keys:
        rows = _rows(key, path.span, chronicle)
        if not rows:
            continue
        paths = []
        for row in {(r.holder, r.department, r.place): r for r in rows}.values():
            value = ", ".join(filter(None, (row.holder, row.department, row.place)))
            link = _row_link("holder", value, row, kind, chronicle)
            paths.append(path.with_link(replace(link, because=link.because + active)))
        return paths
    if not users:
        return [path.with_link(gap("holder", "no list names it and no logon was seen"))]
    words = "logged on then; no list says who is responsible"
    return [path.with_link(link_of("holder", user, hold, LOGGED, words)) for user, hold in users[:MOST_USERS]]


def _users(path: Path, chronicle: Chronicle) -> list[tuple[str, Hold]]:
    """Users seen on the machine around the sighting, most often seen first."""
    seen: dict[str, list[Hold]] = defaultdict(list)
    keys = (path.mac, path.ip, path.host and f"host {host_key(path.host)}")
    for key in filter(None, keys):
        for logon, hold in chronicle.logons.get(key, ()):
            if logon.user and _speaks(hold, path) and hold not in seen[logon.user]:
                seen[logon.user].append(hold)
    counted = sorted(((u, h) for u, h in seen.items() if h), key=lambda pair: -len(pair[1]))
    return [(user, holds[0]) for user, holds in counted]
