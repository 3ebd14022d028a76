"""What the logs of other recorders say, once read.

::

    Nat      outside address:port  ->  inside address:port
    Lease    inside address        ->  MAC (and the name the client gave itself)
    Binding  inside address        ->  MAC, as an ARP or neighbor table saw it at a moment
    PortEntry  MAC                 ->  switch and port
    Logon    address or host       ->  user
    Holder   MAC, address, host or port  ->  who is responsible for it

Times are the recorder's own, Unix nanoseconds; clock offsets are applied later (`davylamp.attribution.hosts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final, Literal, NamedTuple, TypeAlias

from davylamp.records import Endpoint

NS: Final = 1_000_000_000
LAST_PORT: Final = 65535

Phase = Literal["open", "close", "span"]
"""Whether a line tells the beginning, the end, or both."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where and when a statement was recorded.

    For a lasting state ``from_ns``..``to_ns`` is its life, an unknown end is None. For an observation of one moment
    both are that moment.
    """

    source: str  # file name, and "/recorder" where its lines name one
    line: int
    from_ns: int | None
    to_ns: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Nat:
    """One translation of addresses; a port block has several ports, a 1:1 translation all of them."""

    seen: Seen
    inside: Endpoint  # port 0 where the record names none
    outside_ip: str  # empty where a closing line repeats only the connection's id
    first_port: int = 0
    last_port: int = LAST_PORT
    proto: int = 0  # IP protocol, 0 for any
    remote: Endpoint | None = None
    phase: Phase = "span"
    key: str = ""  # joins opening and closing lines within one source


@dataclass(frozen=True, slots=True)
class Lease:
    """An address lent to a MAC; ``host`` is what the client calls itself."""

    seen: Seen
    ip: str
    mac: str
    host: str = ""
    phase: Phase = "span"


@dataclass(frozen=True, slots=True)
class Binding:
    """An address and a MAC seen together at a moment."""

    seen: Seen
    ip: str
    mac: str


@dataclass(frozen=True, slots=True)
class PortEntry:
    """A MAC behind a switch port."""

    seen: Seen
    mac: str
    switch: str
    port: str


@dataclass(frozen=True, slots=True)
class Logon:
    """Somebody or some machine made itself known; any of the keys may be empty.

    A machine account (``PC-17$``) names the host and no user.
    """

    seen: Seen
    user: str = ""
    host: str = ""
    ip: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """A row of a list of devices: who is responsible for what bears these keys."""

    seen: Seen
    holder: str
    department: str = ""
    place: str = ""
    mac: str = ""
    ip: str = ""
    host: str = ""
    switch: str = ""
    port: str = ""


Record: TypeAlias = Nat | Lease | Binding | PortEntry | Logon | Holder


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that should have been understood and was not."""

    line: int
    message: str


Outcome: TypeAlias = tuple[Record, ...] | Damage | None
"""Records, damage, or None: not a line of this source."""


class Line(NamedTuple):
    """One line of a log without its line end."""

    number: int  # from 1
    text: str


@dataclass(frozen=True, slots=True)
class About:
    """What a parser must know that stands not in the lines.

    ``reference_ns`` is a moment at or shortly after the last line (the file's modification time, or an
    argument): it gives years to time stamps without one, and a time to tables without any.
    """

    source: str
    reference_ns: int
    zone: tzinfo = UTC
    timed_by_file: bool = True  # the reference is the file's time and not a statement of the user

    def recorder(self, host: str) -> str:
        """The source's name, with the recorder that the line names."""
        return f"{self.source}/{host}" if host else self.source


@dataclass(slots=True)
class Records:
    """Everything that was read, by kind."""

    nats: list[Nat] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    ports: list[PortEntry] = field(default_factory=list)
    logons: list[Logon] = field(default_factory=list)
    holders: list[Holder] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Put a record where its kind belongs."""
        match record:
            case Nat():
                self.nats.append(record)
            case Lease():
                self.leases.append(record)
            case Binding():
                self.bindings.append(record)
            case PortEntry():
                self.ports.append(record)
            case Logon():
                self.logons.append(record)
            case Holder():
                self.holders.append(record)

    def __len__(self) -> int:
        return sum(len(getattr(self, name)) for name in self.__slots__)


Row: TypeAlias = Mapping[str, str]
