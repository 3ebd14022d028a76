"""Flow records of a translating device as CSV: NSEL, NEL and IPFIX exports, as nfdump and others print them.

Reads     a head line that names inner and outer source address (nfdump -o csv with %xsa or %nsa, its JSON names,
          IANA information elements) and a time
Yields    Nat, one per row; create and delete events are joined by their addresses. A deletion that names neither an end
          nor its own time only shows that the translation was there: nfdump's first time is then the flow's beginning
Misses    columns under names that are not listed here
Source    nfdump(1) output formats for NSEL/NEL; IANA IPFIX registry 225 postNATSourceIPv4Address, 227, 230 natEvent
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davylamp.attribution.hops import text
from davylamp.attribution.hops.record import About, Line, Nat, Outcome, Phase, Row, Seen
from davylamp.attribution.hops.times import to_ns
from davylamp.records import Endpoint

NAME: Final = "nsel"
ALIASES: Final[text.Aliases] = {
    "from": ("ts", "tfs", "first", "firstseen", "datefirstseen", "tsfirst", "tfirst", "starttime",
             "flowstartmilliseconds", "flowstartseconds"),
    "at": ("eventtime", "evtime", "tevt", "eventtimemilliseconds", "observationtimemilliseconds", "timestamp", "time"),
    "to": ("te", "tls", "last", "lastseen", "datelastseen", "tlast", "endtime", "flowendmilliseconds",
           "flowendseconds"),
    "in": ("sa", "srcaddr", "srcipaddr", "src4addr", "src6addr", "srcip", "sourceipv4address", "sourceaddress"),
    "inport": ("sp", "srcport", "srcpt", "sourcetransportport", "sourceport"),
    "out": ("xsa", "nsa", "xsrcaddr", "xlatesrcip", "src4xltip", "src6xltip", "srcxltip", "natsrcip", "xlatesrcaddr",
            "postnatsourceipv4address"),
    "outport": ("xsp", "nsp", "xsrcport", "xlatesrcport", "srcxltport", "natsrcport", "postnaptsourcetransportport"),
    "dst": ("da", "dstaddr", "dstipaddr", "dst4addr", "dst6addr", "dstip", "destinationipv4address",
            "destinationaddress"),
    "dstport": ("dp", "dstport", "dstpt", "destinationtransportport", "destinationport"),
    "proto": ("pr", "proto", "protocol", "protocolidentifier"),
    "event": ("evt", "nevt", "event", "natevent", "fwevent", "firewallevent", "eventid"),
}  # fmt: skip
NEEDED: Final = (("from", "at"), ("in",), ("out",))
UNSURE: Final = "the export does not say whether this is the beginning or the end"
OPENS: Final = frozenset(
    {"1", "4", "create", "created", "add", "natcreate", "nat44create", "addsess", "addbib"}
)
CLOSES: Final = frozenset({"2", "5", "delete", "deleted", "teardown", "del", "natdelete", "nat44delete"})
REFUSED: Final = frozenset({"3", "deny", "denied", "ignore"})


def looks(head: Sequence[str]) -> bool:
    """Whether a head line names inner and outer addresses."""
    return text.find_head(head, ALIASES, NEEDED) is not None


def read(lines: Iterable[Line], about: About) -> Iterator[Outcome]:
    """Every row's outcome."""
    return text.read_table(lines, about, ALIASES, NEEDED, parse_row)


def parse_row(number: int, row: Row, about: About) -> Outcome:
    """One row; rows without a translation, of refused flows and of other protocols are not ours."""
    event = text.plain_column(row.get("event", ""))
    proto = text.PROTOCOLS.get(row.get("proto", "").lower())
    if event in REFUSED or proto is None or row["out"] in ("", "0.0.0.0", "::"):  # noqa: S104 - nfdump's empty
        return None
    inside = text.endpoint(row["in"], row.get("inport") or "0")
    outside_ip = text.ip(row["out"])
    outside_port = text.port(row.get("outport") or "0")
    if (inside.ip, inside.port) == (outside_ip, outside_port):
        return None
    phase: Phase = "open" if event in OPENS else "close" if event in CLOSES else "span"
    from_ns, until_ns, at_ns = (to_ns(row[k], about) if row.get(k) else None for k in ("from", "to", "at"))
    note = ""
    if phase == "open":
        from_ns, until_ns = (at_ns if from_ns is None else from_ns), None
    elif phase == "close" and until_ns is None:
        until_ns = at_ns
    if from_ns is None and until_ns is None and at_ns is None:
        raise ValueError("a row without a time")
    if phase == "close" and until_ns is None:
        phase, until_ns, note = "span", from_ns, UNSURE
    elif phase == "span" and from_ns is None:
        from_ns = at_ns
    seen = Seen(about.source, number, from_ns, until_ns, note)
    remote = _remote(row)
    ports = (outside_port, outside_port) if outside_port else (0, 65535)
    key = f"{proto} {inside} {outside_ip} {outside_port} {remote}"
    return text.one(Nat(seen, inside, outside_ip, *ports, proto, remote, phase, key))


def _remote(row: Row) -> Endpoint | None:
    if not row.get("dst") or not row.get("dstport"):
        return None
    return text.endpoint(row["dst"], row["dstport"])
