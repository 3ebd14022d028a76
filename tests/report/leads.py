"""Scans with clients, made by hand: holders in several cities, a chain with a gap, one with two readings."""

from dataclasses import replace

from davylamp.pipeline_clients import lead
from davylamp.records import Attribution, Claim, Client, Endpoint, Holder, Hop, Link, NotKnown, Scan
from davylamp.report.places import place_name
from davylamp.sizing.clients import sum_clients
from davylamp.sizing.energy_account import Choice
from report.samples import NS, START_S, session, sighting

BEGIN_NS = START_S * NS
END_NS = (START_S + 91 * 60) * NS
UNIVERSITY = "12330000470009091J"
HOPS: tuple[Hop, ...] = ("address", "nat", "lease", "mac", "port", "host", "holder")
GAP = "no switch table shows 3c:52:82:be:d4:07"


def claim(region: str = "330106", name: str = "浙江示例大学", **changes: object) -> Claim:
    """An imported claim of a public body."""
    made = Claim(
        organisation=UNIVERSITY,
        name=name,
        region=region,
        sector="教育",
        is_public=True,
        network="192.168.0.0/16",
        first_port=0,
        last_port=65535,
        layer="imported",
        valid_from_ns=None,
        valid_to_ns=None,
        recorded_at_ns=BEGIN_NS,
        source="省台账",
        method="imported range",
        confidence=0.75,
    )
    return replace(made, **changes)


def holder(*claims: Claim, share: float = 1.0, contested: bool = False) -> Holder:
    state = "contested" if contested else "attributed" if claims else "unattributed"
    name = place_name(claims[0].region, "zh") if claims else ""
    return Holder(state, claims, name, BEGIN_NS, END_NS, share)


def link(hop: Hop, value: str, **changes: object) -> Link:
    """A link that a record gives, or a gap where there is no value."""
    source = "sighting" if hop == "address" else f"{hop}.log:7"
    known = Link(hop, value, source, BEGIN_NS, END_NS, 2.0, 89.6, 0.9, "as the lease names it")
    gap = Link(hop, "", "", None, None, 0.0, 0.0, 0.0, GAP)
    return replace(known if value else gap, **changes)


def attribution(ip: str, *values: str, weakest: str = f"port: {GAP}", ambiguous: bool = False) -> Attribution:
    """One reading: the values of the links after the address, in order; missing ones are gaps."""
    told = (f"{ip}:50000", *values, *("" for _ in range(len(HOPS) - 1 - len(values))))
    chain = tuple(link(hop, value) for hop, value in zip(HOPS, told, strict=True))
    return Attribution("0" * 32, ip, 50000, BEGIN_NS, END_NS, (), (chain,), ambiguous, weakest)


def ambiguous(ip: str) -> Attribution:
    """Two readings that differ from the MAC on."""
    first = attribution(ip, "10.8.0.28:5", "10.8.0.28", "mac-one", "acc-1 Gi1/0/9", "PC-ONE", "王老师")
    second = attribution(ip, "10.8.0.28:5", "10.8.0.28", "mac-two", "acc-1 Gi1/0/8", "PC-TWO", "李老师")
    said = "mac: 2 readings fit (mac-one, mac-two)"
    return replace(first, chains=(*first.chains, *second.chains), is_ambiguous=True, weakest=said)


def led(*holders: tuple[Holder, ...]) -> Scan:
    """One miner per entry, each with those holders and machines and energy as the pipeline sizes them."""
    ips = [f"192.168.1.{i}" for i in range(len(holders))]
    sessions = [session(i, client=Endpoint(ip, 50000)) for i, ip in enumerate(ips)]
    sightings = [sighting((i,), client_ip=ip) for i, ip in enumerate(ips)]
    found = lead(Scan([], sessions, sightings))
    clients = [replace(c, holders=h, not_known=()) for c, h in zip(found.clients, holders, strict=True)]
    return summed(replace(found, clients=clients))


def summed(found: Scan) -> Scan:
    """The scan with the sums of its clients as they are."""
    return replace(found, energy=sum_clients(found.clients, Choice()))


def attributed(found: Scan, *attributions: Attribution) -> Scan:
    """The first client with these attributions, the first one's weakest link as its own."""
    first = replace(
        found.clients[0], attributions=tuple(range(len(attributions))), weakest=attributions[0].weakest
    )
    return replace(found, clients=[first, *found.clients[1:]], attributions=list(attributions))


def unknown(because: str = "no registry of networks was given") -> NotKnown:
    return NotKnown("organisation", because)


def cities(*regions: str) -> Scan:
    """One miner per region code; an empty one has no holder."""
    return led(
        *(
            ((holder(claim(r, f"单位{i}", organisation=f"KEY-{i}")),) if r else ())
            for i, r in enumerate(regions)
        )
    )


def only(found: Scan, client: Client) -> Scan:
    return replace(found, clients=[client])
