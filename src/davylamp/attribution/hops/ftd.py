"""Firepower's own connection events (430002, 430003), which stand among the messages that `asa` reads.

Reads     SrcIP, DstIP and their ports, Protocol, FirstPacketSecond, ConnectionDuration, and the four NAT_ fields that
          version 7.1 and later put at the end
Yields    Nat; beginning and end of a connection share the key that Cisco names for it
Misses    versions before 7.1, which do not log translated addresses; events whose last fields were cut off
Source    Cisco Secure Firewall Threat Defense Syslog Messages, "Security Event Syslog Messages"; samples in
          SEKOIA-IO/documentation (Cisco Secure Firewall) and elastic/beats x-pack/filebeat/module/cisco/ftd/test
"""

import re
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import NS, About, Nat, Outcome, Phase, Seen
from davylamp.attribution.hops.times import to_ns

BEGINS: Final = "430002"
ENDS: Final = "430003"
# What a client can write (agent, URL) stands behind these and before the last fields: the first of each counts.
_FIELD: Final = re.compile(
    r"(?:^|, )(DeviceUUID|InstanceID|FirstPacketSecond|ConnectionID|SrcIP|DstIP|SrcPort|DstPort|Protocol"
    r"|ConnectionDuration): ([^,]{1,64})"
)
_LAST: Final = re.compile(
    r"NAT_InitiatorPort: (?P<xp>\d+), NAT_ResponderPort: \d+, NAT_InitiatorIP: (?P<x>[0-9A-Fa-f.:]+), "
    r"NAT_ResponderIP: [0-9A-Fa-f.:]+(?:, \w+: [\w ]{0,64}){0,8}\s*$"
)


def parse_event(number: str, body: str, source: str, line: int, about: About) -> Outcome:
    """One event; untranslated connections and other protocols are not ours.

    Raises:
        ValueError: when a field is not what it should be.
    """
    tail = body.rfind("NAT_InitiatorPort: ")
    last = _LAST.match(body, tail) if tail >= 0 else None
    if last is None:
        return None
    cells: dict[str, str] = {}
    for name, value in _FIELD.findall(body):
        cells.setdefault(name, value.strip())
    proto = text.PROTOCOLS.get(cells.get("Protocol", "").lower())
    if proto in (None, 1) or "SrcPort" not in cells:
        return None
    if missing := [k for k in ("FirstPacketSecond", "SrcIP", "DstIP", "DstPort") if k not in cells]:
        raise ValueError(f"a connection event without {', '.join(missing)}")
    inside = text.endpoint(cells["SrcIP"], cells["SrcPort"])
    outside = text.endpoint(last["x"], last["xp"])
    if inside == outside:
        return None
    began_ns = to_ns(cells["FirstPacketSecond"], about)
    phase: Phase = "open" if number == BEGINS else "close"
    lasted_s = text.count(cells.get("ConnectionDuration", "0"))
    seen = Seen(source, line, began_ns, None if phase == "open" else began_ns + lasted_s * NS)
    key = "event " + " ".join(
        cells.get(k, "") for k in ("DeviceUUID", "InstanceID", "ConnectionID", "SrcPort")
    )
    remote = text.endpoint(cells["DstIP"], cells["DstPort"])
    ports = (outside.port, outside.port)
    return text.one(Nat(seen, inside, outside.ip, *ports, proto or 0, remote, phase, key))
