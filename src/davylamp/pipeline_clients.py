"""From sightings to clients: whose, which, how many, how much; the last step of `davylamp.pipeline`.

::

    sightings ─▶ by client ─┬─▶ registry at each conversation's own time ─▶ holders      ─┬─▶ Client ─▶ totals
                            ├─▶ logs: address ─▶ lease ─▶ host ─▶ holder    attributions  │
                            └─▶ machines, power, energy, coal, CO2          sizing       ─┘

Machines and energy need nothing but the scan. What cannot be known is said with its reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from davylamp.errors import InputError
from davylamp.records import (
    Attribution,
    Client,
    Endpoint,
    Fault,
    Holder,
    InputReport,
    NotKnown,
    Scan,
    Session,
    Sighting,
)
from davylamp.records_clients import NO_LOGS
from davylamp.sizing.clients import size_client, sum_clients
from davylamp.sizing.energy_books import Choice
from davylamp.sizing.factors import footprint
from davylamp.sizing.quantities import Energy

if TYPE_CHECKING:  # loaded only where a registry or logs are given: half of the lamp's start would go into it
    from davylamp.attribution.scans import Attributed, LogChoice, Seeing

NO_REGISTRY: Final = "no registry of networks was given"
NOBODY: Final = "no range of the registry holds this address at that time"
NOBODY_PARTLY: Final = "for part of the time no range of the registry holds this address"
NO_MINING: Final = "no sighting of mining: nothing to size"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a scan's clients are looked up in and sized with; all of it may be missing.

    ``tell`` is given what attribution rests on: the logs that were read, their damage, and their clocks.
    """

    registry: Path | None = None
    logs: "LogChoice | None" = None
    sizing: Choice = field(default_factory=Choice)
    tell: "Callable[[Attributed], None] | None" = None


NOTHING: Final = Beside()


def check_beside(beside: Beside) -> None:
    """Find out before an hour of reading that the registry, the logs or the factors cannot be used.

    Raises:
        InputError: E-REG-001 and E-REG-002 for the registry, E-HOP-006 for logs.
        BadUse: E-FAC-nnn for a factor set.
        TableError: a table of the site folder is faulty.
    """
    footprint(Energy.of(1, "kWh"), beside.sizing.factors, coal=beside.sizing.coal, site=beside.sizing.site)
    if beside.logs is not None:
        from davylamp.attribution.hops.reading import find_logs

        find_logs(beside.logs.paths)
    if beside.registry is not None:
        from davylamp.attribution.registry import Registry

        Registry(beside.registry).close()


def lead(found: Scan, beside: Beside = NOTHING) -> Scan:
    """The scan with its clients, their attributions and their energy.

    Args:
        found: sessions and sightings; what it says of clients already is replaced. Without logs it gets no
            attributions: holders say all that a registry knows.
        beside: registry, logs and factors. A registry or logs that cannot be read (any more) are a fault of an input
            of their own and a reason why organisation or computer is not known: what was read of captures is kept.

    Raises:
        BadUse: E-FAC-nnn for a factor set that cannot be used.
    """
    by_client: dict[str, list[int]] = {}
    for at, sighting in enumerate(found.sightings):
        by_client.setdefault(sighting.client_ip, []).append(at)
    clients = [_sized(ip, places, found, beside) for ip, places in by_client.items()]
    if beside.registry is None and beside.logs is None:
        return _finished(found, clients, [], beside)
    seen = [
        [one for at in places for one in seeings(found.sightings[at], found.sessions)]
        for places in by_client.values()
    ]
    try:
        holders, attributed = _attributed(seen, beside)
    except InputError as error:
        return _finished(_with_fault(found, error, beside), _unread(clients, error, beside), [], beside)
    if attributed is None:
        clients = [_named(client, held, (), []) for client, held in zip(clients, holders, strict=True)]
        return _finished(found, clients, [], beside)
    if beside.tell is not None:
        beside.tell(attributed)
    attributions = list(attributed.attributions)
    ends = list(accumulate((len(several) for several in seen), initial=0))
    clients = [
        _named(client, held, tuple(range(*own)), attributions)
        for client, held, own in zip(clients, holders, pairwise(ends), strict=True)
    ]
    return _finished(found, clients, attributions, beside)


def seeings(sighting: Sighting, sessions: Sequence[Session]) -> "list[Seeing]":
    """What is traced of a sighting: each of its sessions, or itself where it has none."""
    from davylamp.attribution.chain import Subject
    from davylamp.attribution.scans import Seeing

    server = Endpoint(sighting.server_ip, sighting.server_port)
    if not sighting.sessions:
        subject = Subject(sighting.client_ip, None, sighting.first_ns, sighting.last_ns, server)
        return [Seeing(sighting.source_ref, subject, False)]
    return [
        Seeing(
            sighting.source_ref,
            Subject(s.client.ip, s.client.port, s.first_ns, s.last_ns, server),
            not s.joined_midway,
        )
        for s in (sessions[i] for i in sighting.sessions)
    ]


def _attributed(
    seen: "Sequence[Sequence[Seeing]]", beside: Beside
) -> "tuple[list[tuple[Holder, ...]], Attributed | None]":
    """Holders of each client, and the attributions of all that was seen of all of them, in order; None without logs."""
    from davylamp.attribution.holders import find_holders
    from davylamp.attribution.lookup import Index
    from davylamp.attribution.registry import Registry
    from davylamp.attribution.scans import attribute_scan

    flat = [one for several in seen for one in several]
    if beside.registry is None:
        return [() for _ in seen], attribute_scan(flat, beside.logs) if beside.logs else None
    with Registry(beside.registry) as store:
        claims = Index(store).claims
        subjects = [[one.subject for one in several] for several in seen]
        holders = find_holders(subjects, claims, beside.sizing.site)
        return holders, attribute_scan(flat, beside.logs, claims) if beside.logs else None


def _with_fault(found: Scan, error: InputError, beside: Beside) -> Scan:
    """The scan with what was wrong with registry or logs among its inputs."""
    logs = beside.logs.paths if beside.logs else ()
    path = str(beside.registry) if beside.registry and error.code.startswith("E-REG") else ", ".join(logs)
    told = InputReport(path, faults=[Fault(error.code, error.message, path, 0)])
    return replace(found, inputs=[*found.inputs, told])


def _unread(clients: Sequence[Client], error: InputError, beside: Beside) -> list[Client]:
    """Clients of which neither registry nor logs could tell anything."""
    because = f"registry or logs could not be read: {error.code}"
    told = [NotKnown("organisation", because)] if beside.registry is not None else []
    told += [NotKnown("computer", because)] if beside.logs is not None else []
    return [replace(c, not_known=(*told, *c.not_known)) for c in clients]


def _sized(ip: str, places: Sequence[int], found: Scan, beside: Beside) -> Client:
    """One client with what the scan alone tells of it."""
    own = [found.sightings[at] for at in places]
    mining = [s for s in own if s.kind == "mining"]
    sized = size_client(mining, found.sessions, beside.sizing) if mining else None
    not_known = []
    if beside.registry is None:
        not_known.append(NotKnown("organisation", NO_REGISTRY))
    if beside.logs is None:
        not_known.append(NotKnown("computer", NO_LOGS))
    return Client(
        client_ip=ip,
        sightings=tuple(places),
        first_ns=min(s.first_ns for s in own),
        last_ns=max(s.last_ns for s in own),
        machines=sized.machines if sized else None,
        energy=sized.energy if sized else None,
        not_known=(*not_known, *(sized.not_known if sized else (NotKnown("energy", NO_MINING),))),
    )


def _named(
    client: Client, held: tuple[Holder, ...], mine: tuple[int, ...], attributions: Sequence[Attribution]
) -> Client:
    """The client with whose it was and what it was traced to; ``mine`` is empty without logs."""
    nobody = [h for h in held if not h.claims]
    told = [NotKnown("organisation", NOBODY if len(nobody) == len(held) else NOBODY_PARTLY)] if nobody else []
    weakest = min((attributions[i] for i in mine), key=_strength, default=None)
    return replace(
        client,
        holders=held,
        attributions=mine,
        weakest=weakest.weakest if weakest else "",  # `_finished` says what is missing
        not_known=(*told, *client.not_known),
    )


def _strength(found: Attribution) -> tuple[bool, int, float]:
    """Order of attributions: ambiguous before clear, short chains before long, doubtful links before trusted."""
    known = [link for link in found.chains[0] if link.value]
    return not found.is_ambiguous, len(known), min(link.confidence for link in known)


def _finished(found: Scan, clients: list[Client], attributions: list[Attribution], beside: Beside) -> Scan:
    told = [replace(c, weakest=c.weakest or _missing(c)) for c in clients]
    return replace(found, clients=told, attributions=attributions, energy=sum_clients(told, beside.sizing))


def _missing(client: Client) -> str:
    """Where the way from the address to organisation and computer breaks first, for want of a registry or of logs."""
    return next((n.because for n in client.not_known if n.what in ("organisation", "computer")), "")
