"""ISC dhcpd: its leases file, and what it writes to syslog.

Reads     ``lease A.B.C.D { ... }`` blocks (a later block of an address replaces what an earlier one said of the same
          time); DHCPACK, DHCPRELEASE and DHCPEXPIRE lines
Yields    Lease
Misses    leases without a hardware address; DHCPv6
Source    dhcpd.leases(5): times are UTC unless written as "epoch"; server/dhcp.c of ISC DHCP 4.4 for the log lines
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Damage, Lease, Line, Outcome, Seen
from davylamp.attribution.hops.syslog import read_head
from davylamp.attribution.hops.times import to_ns

NAME: Final = "isc_dhcp"
BLOCK_LINES: Final = 200  # judged: a lease has about fifteen lines; more means that its end is missing
_LEASE: Final = re.compile(r"^\s*lease\s+(\S+)\s*\{\s*$")
_TIME: Final = re.compile(
    r"^\s*(starts|ends|cltt)\s+(?:epoch\s+(\d+)|\d\s+(\d{4}/\d\d?/\d\d?)\s+(\d\d?:\d\d:\d\d)|(never))"
)
_HARDWARE: Final = re.compile(r"^\s*hardware\s+ethernet\s+([0-9A-Fa-f:]+)")
_NAMED: Final = re.compile(r'^\s*client-hostname\s+"([^"]*)"')
_STATE: Final = re.compile(r"^\s*binding\s+state\s+(\w+)")
_MESSAGE: Final = re.compile(r"\bdhcpd(?:\[\d+\])?:\s+(DHCP(?:ACK|RELEASE|EXPIRE))\s+(.*)")
_ACK: Final = re.compile(r"on\s+(\S+)\s+to\s+([0-9A-Fa-f:]{17})(?:\s+\(([^)]*)\))?")
_GONE: Final = re.compile(r"(?:of|on)\s+(\S+)\s+(?:from|to)\s+([0-9A-Fa-f:]{17})(?:\s+\(([^)]*)\))?")
HELD: Final = frozenset({"active", "free", "expired", "released", "backup", ""})


def looks(head: Sequence[str]) -> bool:
    """Whether the first lines hold lease blocks or dhcpd's messages."""
    return any(_LEASE.match(s) or _MESSAGE.search(s) for s in head)


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every block's and line's outcome."""
    block: list[Line] = []
    for line in lines:
        if block or _LEASE.match(line.text):
            if block and _LEASE.match(line.text):
                yield Damage(block[0].number, "a lease whose block does not end")
                block = []
            block.append(line)
            if line.text.strip() == "}":
                yield _guarded(block, about)
                block = []
            elif len(block) > BLOCK_LINES:
                yield Damage(block[0].number, "a lease whose block does not end")
                block = []
            continue
        yield from text.read_lines([line], about, parse_line)
    if block:
        yield Damage(block[0].number, "a lease whose block does not end")


def _guarded(block: Sequence[Line], about: About) -> Outcome:
    try:
        return parse_block(block, about)
    except ValueError as error:
        return Damage(block[0].number, str(error))


def parse_block(block: Sequence[Line], about: About) -> Outcome:
    """One lease block, its first line ``lease ADDRESS {``; one that was never given out is not ours.

    Raises:
        ValueError: when an address or a time is none.
    """
    head = _LEASE.match(block[0].text)
    if head is None:
        return None
    times: dict[str, int | None] = {}
    found = {"mac": "", "host": "", "state": ""}
    for line in block[1:]:
        if (match := _TIME.match(line.text)) is not None:
            times[match[1]] = _time(match, about)
        for name, pattern in (("mac", _HARDWARE), ("host", _NAMED), ("state", _STATE)):
            if (match := pattern.match(line.text)) is not None:
                found[name] = match[1]
    if not found["mac"] or found["state"] not in HELD:
        return None
    if "starts" not in times:
        return Damage(block[0].number, "a lease without a start")
    from_ns, until_ns = times["starts"], times.get("ends")
    if from_ns is not None and until_ns is not None and until_ns < from_ns:
        return Damage(block[0].number, "a lease that ends before it starts")
    seen = Seen(about.source, block[0].number, from_ns, until_ns)
    return text.one(Lease(seen, text.ip(head[1]), text.mac(found["mac"]), text.name(found["host"])))


def _time(match: re.Match[str], about: About) -> int | None:
    """Unix nanoseconds; None for "never"."""
    if match[5]:
        return None
    if match[2]:
        return int(match[2]) * NS
    return to_ns(f"{match[3]} {match[4]}Z", about)


def parse_line(line: Line, about: About) -> Outcome:
    """One syslog line of dhcpd.

    Raises:
        ValueError: when an address or the time is none.
    """
    message = _MESSAGE.search(line.text)
    if message is None:
        return None
    opens = message[1] == "DHCPACK"
    match = (_ACK if opens else _GONE).match(message[2])
    if match is None:
        if opens and message[2].startswith("to "):  # the answer to an INFORM gives no lease
            return None
        return Damage(line.number, f"a {message[1]} of an unknown shape")
    head = read_head(line.text[: message.start()], about)
    ends = (head.at_ns, None) if opens else (None, head.at_ns)
    seen = Seen(about.recorder(head.host), line.number, *ends)
    host = text.name(match[3] or "")
    return text.one(Lease(seen, text.ip(match[1]), text.mac(match[2]), host, "open" if opens else "close"))
