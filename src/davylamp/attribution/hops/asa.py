"""Cisco ASA and Firepower syslog: connections and translations built and torn down.

Reads     302013-302016 and 302303/302304 (connections with mapped addresses), 305009-305012 (translations),
          305014/305015 (port blocks); 430002 and 430003 through `ftd`
Yields    Nat; the pair of a connection's lines is joined by its number, of a translation's by its addresses
Misses    connections logged by a device whose 302013 lines were filtered out; clustered units that share numbers;
          inside ends that the device's name table replaced (damage, with the name)
Source    Cisco Secure Firewall ASA Series Syslog Messages, 302013, 305011, 305014 and their neighbors; devices'
          lines in elastic/integrations packages/cisco_asa (test-sample, -non-canonical, -additional-messages,
          -sgt-tag-name)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import ftd, text
from davylamp.attribution.hops.record import About, Damage, Line, Nat, Outcome, Seen
from davylamp.attribution.hops.syslog import Head, read_head, recorder_of
from davylamp.attribution.hops.times import duration_ns
from davylamp.records import Endpoint

NAME: Final = "asa"
MESSAGES: Final = frozenset(
    {"302013", "302014", "302015", "302016", "302303", "302304", "305009", "305010", "305011", "305012", "305014",
     "305015", ftd.BEGINS, ftd.ENDS}
)  # fmt: skip
_MARK: Final = re.compile(r"%(?:ASA|FTD|NGIPS|PIX|FWSM)-(?:\w+-)?\d-(\d{6})(?:: ?| )")
# A side may bear a name of the device's name table instead of an address.
_SIDE: Final = r"[^\s:]+:(?P<{0}>[\w.:\-]+)/(?P<{0}p>\d+)"
_MAPPED: Final = r"\s*\((?P<{0}m>[\w.:\-]+)/(?P<{0}mp>\d+)\)(?:\s*\([^)]*\))*"
_BUILT: Final = re.compile(
    r"Built (?:(?P<way>inbound|outbound) )?(?P<proto>TCP|UDP)(?: state-bypass)? connection (?P<id>\d+) (?:for|from) "
    + _SIDE.format("a")
    + _MAPPED.format("a")
    + r"\s+to\s+"
    + _SIDE.format("b")
    + _MAPPED.format("b")
)
_ENDED: Final = re.compile(
    r"Teardown (?:TCP|UDP)(?: state-bypass)? connection (?P<id>\d+) (?:for|from) .*?\bduration (?P<for>[\d:]+)"
)
_XLATE: Final = re.compile(
    r"(?P<what>Built|Teardown) (?:dynamic|static) (?:(?P<proto>TCP|UDP|ICMP) )?translation from "
    r"[^\s:]+:(?P<in>[\w.:\-]+)(?:/(?P<inp>\d+))?(?:\s*\([^)]*\))*\s+to\s+"
    r"[^\s:]+:(?P<out>[0-9A-Fa-f.:]+)(?:/(?P<outp>\d+))?(?:.*?\bduration (?P<for>[\d:]+))?"
)
_BLOCK: Final = re.compile(
    r"(?P<what>Allocated|Released) (?:(?P<proto>\w+) )?block of ports for translation from "
    r"[^\s:]+:(?P<in>[0-9A-Fa-f.:]+)(?:/\d+)?\s+to\s+[^\s:]+:(?P<out>[0-9A-Fa-f.:]+)\s*/(?P<first>\d+)-(?P<last>\d+)"
)


def looks(head: Sequence[str]) -> bool:
    """Whether any of the first lines is an ASA message."""
    return any(_MARK.search(line) for line in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every line's outcome."""
    return text.read_lines(lines, about, parse_line)


def parse_line(line: Line, about: About) -> Outcome:
    """One line; other messages than translations are not ours.

    Raises:
        ValueError: when a field of a message that is ours is not what it should be.
    """
    mark = _MARK.search(line.text)
    if mark is None or mark.group(1) not in MESSAGES:
        return None
    number, body = mark.group(1), line.text[mark.end() :]
    if number in (ftd.BEGINS, ftd.ENDS):
        source = recorder_of(line.text[: mark.start()], about)
        return ftd.parse_event(number, body, source, line.number, about)
    head = read_head(line.text[: mark.start()], about)
    source = about.recorder(head.host)
    if number in ("302013", "302015", "302303"):
        return _built(body, head, Seen(source, line.number, head.at_ns, None))
    if number in ("302014", "302016", "302304"):
        return _ended(body, head, Seen(source, line.number, None, head.at_ns))
    if number in ("305014", "305015"):
        return _block(body, head, Seen(source, line.number, head.at_ns, None))
    return _translation(body, head, Seen(source, line.number, head.at_ns, None))


def _built(body: str, head: Head, seen: Seen) -> Outcome:
    """The side whose mapped address differs from its own is the inside one; without any, nothing is translated.

    Where both sides are mapped the one that began the connection counts: the first of an inbound one, the second of
    an outbound one.
    """
    match = _BUILT.match(body)
    if match is None:
        return Damage(seen.line, "a connection message that is cut or of an unknown shape")
    order = ("b", "a") if match["way"] == "outbound" else ("a", "b")
    written = {s: ((match[s], match[s + "p"]), (match[s + "m"], match[s + "mp"])) for s in order}
    for own, other in (order, order[::-1]):
        real, mapped = written[own]
        if real == mapped:
            continue
        inside, outside = text.endpoint(*real), text.endpoint(*mapped)
        proto, key = text.protocol(match["proto"]), f"conn {match['id']}"
        remote = _remote(*written[other])
        return text.one(Nat(seen, inside, outside.ip, outside.port, outside.port, proto, remote, "open", key))
    return None


def _remote(real: tuple[str, str], mapped: tuple[str, str]) -> Endpoint | None:
    """The far end, where it is not translated itself and no name stands for it."""
    try:
        return text.endpoint(*real) if real == mapped else None
    except ValueError:
        return None


def _ended(body: str, head: Head, seen: Seen) -> Outcome:
    match = _ENDED.match(body)
    if match is None:
        return Damage(seen.line, "a teardown message that is cut or of an unknown shape")
    began_ns = head.at_ns - duration_ns(match["for"])
    closing = Seen(seen.source, seen.line, began_ns, head.at_ns)
    return text.one(Nat(closing, Endpoint("", 0), "", phase="close", key=f"conn {match['id']}"))


def _translation(body: str, head: Head, seen: Seen) -> Outcome:
    match = _XLATE.match(body)
    if match is None:
        return Damage(seen.line, "a translation message that is cut or of an unknown shape")
    proto = text.protocol(match["proto"] or "")
    inside = text.endpoint(match["in"], match["inp"] or "0")
    outside = text.ip(match["out"])
    ports = (text.port(match["outp"]),) * 2 if match["outp"] else (0, 65535)
    key = f"xlate {proto} {inside} {outside} {ports[0]}"
    if match["what"] == "Built":
        return text.one(Nat(seen, inside, outside, *ports, proto, None, "open", key))
    began_ns = head.at_ns - duration_ns(match["for"]) if match["for"] else None
    closing = Seen(seen.source, seen.line, began_ns, head.at_ns)
    return text.one(Nat(closing, inside, outside, *ports, proto, None, "close", key))


def _block(body: str, head: Head, seen: Seen) -> Outcome:
    """The word before "block" is a protocol in some versions and a number of blocks in others."""
    match = _BLOCK.match(body)
    if match is None:
        return Damage(seen.line, "a port block message that is cut or of an unknown shape")
    proto = text.PROTOCOLS.get((match["proto"] or "").lower(), 0)
    inside = Endpoint(text.ip(match["in"]), 0)
    outside, first, last = text.ip(match["out"]), text.port(match["first"]), text.port(match["last"])
    key = f"block {inside.ip} {outside} {first}"
    if match["what"] == "Allocated":
        return text.one(Nat(seen, inside, outside, first, last, proto, None, "open", key))
    closing = Seen(seen.source, seen.line, None, head.at_ns)
    return text.one(Nat(closing, inside, outside, first, last, proto, None, "close", key))
