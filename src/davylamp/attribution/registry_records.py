"""What the registry of networks keeps: facts about organisations and addresses, each with the time it holds for.

Valid time is when a fact is so in the world (``valid_from_ns`` inclusive, ``valid_to_ns`` exclusive, None where
open); record time is when the registry learned of it, and belongs to the `Batch` that brought it. Times are Unix ns.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any, Final, Literal

from davylamp.records import Layer

LAYERS: Final[tuple[Layer, ...]] = (
    "verified",
    "declared",
    "imported",
)  # a person's word stands before a file's
STALE_CONTACT_DAYS: Final = 180  # judged: tuency, the German CERT's self-service, asks again after that
PORTS: Final = 65536
V4: Final = 0xFFFF << 32  # ::ffff:0:0, where IPv4 is mapped

SuccessionKind = Literal["merged", "recoded"]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation (单位) as it was called and placed over a stretch of time."""

    code: str  # 统一社会信用代码, or the registry's own key
    name: str
    region: str = ""  # 行政区划代码
    sector: str = ""
    is_public: bool | None = None
    department: str = ""  # 主管部门
    valid_from_ns: int | None = None
    valid_to_ns: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two statements speak of the same thing."""
        return (self.code,)


@dataclass(frozen=True, slots=True)
class Relation:
    """One organisation belongs to another (隶属)."""

    child: str
    parent: str
    kind: str = "隶属"
    valid_from_ns: int | None = None
    valid_to_ns: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two statements speak of the same thing."""
        return (self.child, self.parent, self.kind)


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to reach in an organisation (联络员), and when that was last confirmed."""

    organisation: str
    name: str
    phone: str = ""
    mail: str = ""
    confirmed_ns: int | None = None
    valid_from_ns: int | None = None
    valid_to_ns: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two statements speak of the same thing."""
        return (self.organisation, self.name)

    def is_stale(self, now_ns: int) -> bool:
        """Whether nobody confirmed it within `STALE_CONTACT_DAYS`."""
        return self.confirmed_ns is None or now_ns - self.confirmed_ns > STALE_CONTACT_DAYS * 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class NetRange:
    """A range of addresses and ports (网络资源) that an organisation holds; both ends belong to it."""

    organisation: str
    low: int  # 128 bits, IPv4 mapped
    high: int
    first_port: int = 0
    last_port: int = PORTS - 1
    note: str = ""
    valid_from_ns: int | None = None
    valid_to_ns: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two statements speak of the same thing."""
        return (self.low, self.high, self.first_port, self.last_port, self.organisation)

    @property
    def network(self) -> str:
        """CIDR where the range is one network, else first-last."""
        return network_text(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Succession:
    """From ``valid_from_ns`` on, ``new`` stands in the place of ``old``: a merger, or a new code for the same body."""

    old: str
    new: str
    kind: SuccessionKind = "merged"
    basis: str = ""
    valid_from_ns: int | None = None
    valid_to_ns: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two statements speak of the same thing."""
        return (self.old,)


Fact = Organisation | Relation | Contact | NetRange | Succession
KINDS: Final[dict[str, type[Any]]] = {
    "organisation": Organisation,
    "relation": Relation,
    "contact": Contact,
    "range": NetRange,
    "succession": Succession,
}
KIND_OF: Final = {record: kind for kind, record in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who says so: the layer and, in it, the source that may later replace what it said itself."""

    layer: Layer
    source: str
    by: str = ""  # the person who declares, verifies or runs the import
    basis: str = ""  # document, file name


@dataclass(frozen=True, slots=True)
class Batch:
    """One change of the registry, all of it or nothing. ``number`` and ``recorded_at_ns`` rise together."""

    number: int
    recorded_at_ns: int
    effective_ns: int
    origin: Origin
    digest: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A fact as the registry holds it, with its place.

    ``thread`` is what later versions of it share, ``spell`` counts its returns after it had been gone. ``is_closed``
    means that its end is not stated by anyone: a later state of the source did not mention it any more. ``opened`` is
    the batch that first said this spell: ending it or stating it anew does not make it younger.
    """

    fact: Fact
    origin: Origin
    batch: int
    recorded_at_ns: int
    thread: str
    spell: int
    is_closed: bool
    opened: int


def network_text(low: int, high: int) -> str:
    """A range as CIDR where it is one network, else as first-last."""
    first, last = address_of(low), address_of(high)
    size = high - low + 1
    if size & (size - 1) == 0 and low % size == 0 and first.version == last.version:
        return f"{first}/{first.max_prefixlen - (size.bit_length() - 1)}"
    return f"{first}-{last}"


def address_of(value: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that 128 bits stand for."""
    return ipaddress.IPv4Address(value - V4) if value >> 32 == 0xFFFF else ipaddress.IPv6Address(value)


def bits_of(text: str) -> int:
    """An address as 128 bits, IPv4 mapped.

    Raises:
        ValueError: no address.
    """
    address = ipaddress.ip_address(text.strip())
    return V4 + int(address) if address.version == 4 else int(address)
