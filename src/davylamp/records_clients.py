"""What is said of one client address: whose it was, which computer, how many machines, how much energy.

`davylamp.records` passes these on under its own name; this file knows nothing of the rest. Units are in the names:
``_ns`` Unix nanoseconds, ``_w`` watts, ``_kwh`` kilowatt-hours, ``_kg`` kilograms.
"""

from dataclasses import dataclass
from typing import Final, Literal

from davylamp.counted import counted


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval around an estimate, in the unit that the field's name carries."""

    low: float
    estimate: float
    high: float


# --- 6 attribution: address + time -> organisation -> host -> holder ---------------------------------------

Layer = Literal["imported", "declared", "verified"]
Hop = Literal["address", "nat", "lease", "mac", "port", "host", "holder"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement that an organisation (单位) holds a range at a time, as the registry of networks knows it.

    ``valid_*`` say when it was so in the world, ``recorded_at_ns`` when the registry learned of it. An open end
    is None. ``confidence`` is judged from layer, age and overlap, 0..1.
    """

    organisation: str  # unified social credit code, or the registry's own key where there is none
    name: str
    region: str  # GB/T 2260 code
    sector: str
    is_public: bool | None
    network: str  # CIDR text
    first_port: int
    last_port: int
    layer: Layer
    valid_from_ns: int | None
    valid_to_ns: int | None
    recorded_at_ns: int
    source: str
    method: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain address → lease → MAC → port → host → holder, with what it rests on.

    ``value`` is empty, with the reason in ``because``, where the chain has a gap. ``tolerance_s`` is how far the
    record's time may be off and still speak for the sighting, ``offset_s`` the clock offset that was applied.
    """

    hop: Hop
    value: str
    source: str
    from_ns: int | None
    to_ns: int | None
    tolerance_s: float
    offset_s: float
    confidence: float
    because: str


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose address it was at that time (归属认定), and the computer behind it as far as records allow.

    ``claims`` hold every organisation that claims the address, best first: overlapping claims are shown, not
    hidden. ``chains`` hold every reading of the records that fits, best first; several readings of the same moment make
    it ambiguous, readings that follow one another in time do not.
    """

    source_ref: str  # of the sighting
    ip: str
    port: int | None
    first_ns: int
    last_ns: int
    claims: tuple[Claim, ...]
    chains: tuple[tuple[Link, ...], ...]
    is_ambiguous: bool
    weakest: str  # the weakest link in words


HolderState = Literal["attributed", "contested", "unattributed"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who held a client's address over part of what was seen of it.

    ``claims`` are best first, and none where nobody claims it. ``share`` is the part of the client's seen time that
    falls to this holder, 0..1; the shares of one client sum to 1. Spans of two holders may overlap where they share an
    address by ports.
    """

    state: HolderState
    claims: tuple[Claim, ...]
    region_name: str  # of the best claim; empty where it names no region
    first_ns: int
    last_ns: int
    share: float


# --- 5 sizing: sessions of one address -> machines, power, energy ------------------------------------------

Grade = Literal["A", "B", "C", "D"]
"""A measured, B by a device list, C from the hashrate, D a default per address."""


@dataclass(frozen=True, slots=True)
class MachineReason:
    """What one kind of evidence says of the number of machines; None where it says nothing."""

    evidence: str  # one of davylamp.sizing.machines.Evidence
    low: int | None
    usual: int | None
    high: int | None
    because: str


@dataclass(frozen=True, slots=True)
class MachineCount:
    """So many machines; ``high`` None is unbounded. ``contradiction`` is not empty where evidence disagrees."""

    low: int
    estimate: int
    high: int | None
    reasons: tuple[MachineReason, ...]
    not_available: tuple[str, ...]
    contradiction: str = ""
    assumption: str = ""
    method: str = ""

    def __str__(self) -> str:
        most = "unbounded" if self.high is None else str(self.high)
        why = "; ".join(r.because for r in self.reasons)
        return f"{counted(self.estimate, 'machine')} ({self.low} to {most}): {why}" + (
            f"; {self.contradiction}" if self.contradiction else ""
        )


@dataclass(frozen=True, slots=True)
class MassFigure:
    """Coal or CO2 that an energy stands for, by one factor of one named set."""

    substance: str  # "CO2" or "standard coal"
    kg_per_day: Interval
    factor_set: str
    kg_per_kwh: float
    is_official: bool  # published by an authority; else comparable with the release of 2021
    year: int


@dataclass(frozen=True, slots=True)
class PeriodEnergy:
    """An energy over a period: hours of running, the hours from begin to end, and why so many."""

    hours: Interval
    span_h: float
    energy_kwh: Interval
    because: str


@dataclass(frozen=True, slots=True)
class ClientEnergy:
    """Power of one client while it mines, and its energy over what was seen and over what is inferred.

    ``kwh_per_day`` is 24 hours at that power. ``masses`` are of a day, official figures first.
    """

    power_w: Interval
    grade: Grade
    kwh_per_day: Interval
    observed: PeriodEnergy
    inferred: PeriodEnergy
    masses: tuple[MassFigure, ...]
    inputs: tuple[str, ...]
    method: str


# --- a client, and all of them -----------------------------------------------------------------------------

Unknown = Literal["organisation", "computer", "machines", "energy"]
NO_LOGS: Final = "no logs were given"  # why a computer is not known, and then the weakest link


@dataclass(frozen=True, slots=True)
class NotKnown:
    """What cannot be said of a client, and why."""

    what: Unknown
    because: str


@dataclass(frozen=True, slots=True)
class Client:
    """A lead (线索): one client address of a scan, and what is known of it.

    ``sightings`` and ``attributions`` are indexes into the scan; ``holders`` are the main one first, that of most of
    the seen time. ``machines`` and ``energy`` are of its mining and None where it does not mine. ``weakest`` is the
    weakest link of its weakest attribution in words; without any, what is missing to name organisation or computer.
    """

    client_ip: str
    sightings: tuple[int, ...]
    first_ns: int
    last_ns: int
    holders: tuple[Holder, ...] = ()
    attributions: tuple[int, ...] = ()
    weakest: str = ""
    machines: MachineCount | None = None
    energy: ClientEnergy | None = None
    not_known: tuple[NotKnown, ...] = ()

    @property
    def claim(self) -> Claim | None:
        """The best claim of the main holder."""
        return next((c for h in self.holders[:1] for c in h.claims), None)


@dataclass(frozen=True, slots=True)
class GradePart:
    """The part of a sum that is of one grade; ``clients`` counts addresses."""

    grade: Grade
    clients: int
    kwh_per_day: Interval


@dataclass(frozen=True, slots=True)
class TotalRow:
    """Energy of the clients of one region, sector or organisation; ``key`` is "unknown" for those of none.

    An address that changed hands is counted with its main holder; its energy is divided by share.
    """

    key: str
    name: str
    clients: int
    kwh_per_day: Interval
    by_grade: tuple[GradePart, ...]


@dataclass(frozen=True, slots=True)
class ScanEnergy:
    """Energy of all mining clients of a scan, split by grade; each breakdown sums to ``kwh_per_day``.

    ``masses`` are of a day, official figures first.
    """

    clients: int
    kwh_per_day: Interval
    observed_kwh: Interval
    inferred_kwh: Interval
    by_grade: tuple[GradePart, ...]
    by_region: tuple[TotalRow, ...]  # cities, by GB/T 2260 code
    by_sector: tuple[TotalRow, ...]
    by_organisation: tuple[TotalRow, ...]
    masses: tuple[MassFigure, ...]
    factors: str  # the set that was asked for
