"""A province that does not exist: organisations, networks, and what the lamp would have seen of them.

Addresses are those that RFC 2544, 5737 and 3849 set aside, names are made up, credit codes have right check
characters, wallets are drawn at random and nobody holds their keys. The same seed gives the same province.
"""

import ipaddress
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from davylamp.attribution.codes import check_character
from davylamp.attribution.registry_records import Contact, Fact, NetRange, Organisation, Relation, bits_of
from davylamp.desk.registry.services import unix_ns
from davylamp.records import Endpoint, Interval, Session, Sighting
from davylamp.report.rows import session_row, sighting_row
from davylamp.simulate.addresses import address

CAMPAIGN: Final = (
    4699,
    183,
    78,
)  # addresses, those of public organisations, and these, in the release of 2021
WEEKS: Final = 6
CITIES: Final = (
    ("330106", "西湖"), ("330109", "萧山"), ("330203", "海曙"), ("330302", "鹿城"), ("330402", "南湖"),
    ("330502", "吴兴"), ("330602", "越城"), ("330702", "婺城"), ("330802", "柯城"), ("330902", "定海"),
    ("331002", "椒江"), ("331102", "莲都"),
)  # fmt: skip
KINDS: Final = (
    ("云栖理工学院", "教育"), ("数据资源中心", "信息技术"), ("第一人民医院（演示）", "卫生"), ("水文监测站", "水利"),
    ("职业技术学校", "教育"), ("图书馆（演示）", "文化"), ("交通调度中心", "交通"), ("农业研究所", "农业"),
)  # fmt: skip
FIRMS: Final = (
    ("云帆网络科技有限公司", "信息技术"),
    ("海潮数据有限公司", "信息技术"),
    ("青穗电子有限公司", "制造"),
)
SURNAMES: Final = "赵钱孙李周吴郑王冯陈褚卫"
GIVEN: Final = (
    "文清",
    "思远",
    "若兰",
    "建国",
    "晓峰",
    "雨桐",
    "志强",
    "佳宁",
    "明哲",
    "子涵",
    "海燕",
    "俊杰",
)


@dataclass(frozen=True, slots=True)
class Brew:
    """One way of mining, with the hashrates of one to some machines."""

    coin: str
    algorithm: str
    dialect: str
    pool: str
    low_hps: float
    high_hps: float


BREWS: Final = (
    Brew("XMR", "rx/0", "monero", "pool.example", 800.0, 30_000.0),
    Brew("RVN", "kawpow", "kawpow", "rvn.example", 1.5e7, 4e8),
    Brew("ETC", "etchash", "ethereum-stratum-1", "etc.example", 3e7, 1e9),
    Brew("BTC", "sha256d", "stratum-v1", "btc.example", 1.3e13, 3e14),
)


@dataclass(frozen=True, slots=True)
class Body:
    """One organisation and its network."""

    fact: Organisation
    low: int
    high: int


@dataclass(slots=True)
class World:
    """The province on paper."""

    bodies: list[Body] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    scan: dict[str, Any] = field(default_factory=dict)
    later: dict[str, Any] = field(default_factory=dict)  # what is seen after some leads were closed
    addresses: int = 0


def person(rng: random.Random) -> str:
    """A name."""
    return rng.choice(SURNAMES) + rng.choice(GIVEN)


def credit_code(region: str, rng: random.Random, first: str = "12") -> str:
    """A credit code whose check character fits."""
    body = first + region + "".join(rng.choices("0123456789", k=9))
    return body + check_character(body)


def sizes(scale: int) -> tuple[int, int]:
    """Public organisations, and how many of the addresses are theirs."""
    if scale == CAMPAIGN[0]:
        return CAMPAIGN[2], CAMPAIGN[1]
    return (8, scale * 3 // 5) if scale < 1000 else (8 + scale // 60, scale // 25)


def build(seed: int, scale: int, end: datetime) -> World:
    """Draw a province.

    Args:
        seed: of everything in it.
        scale: how many addresses mine.
        end: when the last observation was made.
    """
    rng = random.Random(seed)
    world = World()
    bodies, of_public = sizes(scale)
    _organisations(world, bodies, rng, end)
    places = _addresses(world, bodies, of_public, scale, rng)
    world.addresses = len(places)
    begin = end - timedelta(weeks=WEEKS)
    sessions: list[Session] = []
    sightings: list[Sighting] = []
    again: list[tuple[list[Session], list[Sighting]]] = []
    for number, ip in enumerate(places):
        seen = _mine(number, ip, begin, rng)
        if number % 13 == 5:
            again.append(seen[-1:][0])
            seen = seen[:-1]
        for own, rows in seen:
            _append(sessions, sightings, own, rows)
    world.scan = {
        "sessions": [session_row(s) for s in sessions],
        "sightings": [sighting_row(s) for s in sightings],
    }
    late: tuple[list[Session], list[Sighting]] = ([], [])
    for own, rows in again:
        _append(*late, own, rows)
    world.later = {
        "sessions": [session_row(s) for s in late[0]],
        "sightings": [sighting_row(s) for s in late[1]],
    }
    return world


def _append(
    sessions: list[Session], sightings: list[Sighting], own: list[Session], rows: list[Sighting]
) -> None:
    for row in rows:
        row.sessions = tuple(range(len(sessions), len(sessions) + len(own)))
    sessions += own
    sightings += rows


def _organisations(world: World, bodies: int, rng: random.Random, end: datetime) -> None:
    """Public bodies with a /24 each, firms, and a carrier with what is left."""
    parent = ""
    for number in range(bodies + len(FIRMS) + 1):
        region, town = CITIES[number % len(CITIES)]
        is_carrier, is_public = number == bodies + len(FIRMS), number < bodies
        if is_carrier:
            name, sector, low, high = (
                "甬江通信（演示）",
                "电信",
                bits_of("198.19.0.0"),
                bits_of("198.19.255.255"),
            )
            region = "330000"
        else:
            name, sector = KINDS[number % len(KINDS)] if is_public else FIRMS[number - bodies]
            name = f"{town}{name}" + (
                str(number // len(KINDS) + 1) if number >= len(KINDS) and is_public else ""
            )
            low = bits_of("198.18.0.0") + 256 * number
            high = low + 255
        code = credit_code(region, rng, "12" if is_public else "91")
        fact = Organisation(code, name, region, sector, is_public)
        world.bodies.append(Body(fact, low, high))
        world.facts += [fact, NetRange(code, low, high)]
        confirmed = end - timedelta(days=rng.choice([20, 90, 250]))
        phone = f"1380000{number:04d}"
        world.facts.append(Contact(code, person(rng), phone, f"it{number}@example.cn", unix_ns(confirmed)))
        if number == 0:
            parent = code
        elif number == 4:
            world.facts.append(Relation(code, parent))


def _addresses(world: World, bodies: int, of_public: int, scale: int, rng: random.Random) -> list[str]:
    """The addresses that mine: every public body has one, the others are the firms', the carrier's and nobody's."""
    per_body = [of_public // bodies + (n < of_public % bodies) for n in range(bodies)]
    found: list[str] = []
    for body, count in zip(world.bodies, per_body, strict=False):
        found += [_text(body.low + n) for n in rng.sample(range(2, 250), count)]
    firms, carrier = world.bodies[bodies:-1], world.bodies[-1]
    left = scale - len(found)
    unknown = min(254, left // 12)
    for firm in firms:
        found += [_text(firm.low + n) for n in rng.sample(range(2, 250), min(3, left // 8 + 1))]
    found += [f"203.0.113.{n}" for n in rng.sample(range(1, 255), unknown)]
    found += [_text(carrier.low + n) for n in rng.sample(range(1, 65_000), scale - len(found))]
    return found


def _text(bits: int) -> str:
    return str(ipaddress.IPv4Address(bits & 0xFFFFFFFF))


def _mine(
    number: int, ip: str, begin: datetime, rng: random.Random
) -> list[tuple[list[Session], list[Sighting]]]:
    """One miner's weeks: the same wallet and pool, some nights of shares."""
    brew = rng.choices(BREWS, (6, 2, 2, 1))[0]
    wallet, worker = address(brew.coin, rng), f"rig{rng.randrange(1, 90):02d}"
    hps = brew.low_hps * (brew.high_hps / brew.low_hps) ** rng.random()
    tier = rng.choices(("confirmed", "probable", "suspected"), (6, 3, 2))[0]
    days = sorted(rng.sample(range(WEEKS * 7 - 1), rng.randrange(2, 6)))
    made = []
    for place, day in enumerate(days):
        first = begin + timedelta(days=day, minutes=rng.randrange(1, 600))
        last = first + timedelta(minutes=rng.randrange(30, 800))
        spread = rng.uniform(0.05, 0.3)
        rate = Interval(hps * (1 - spread), hps, hps * (1 + spread)) if tier == "confirmed" else None
        span = (unix_ns(first), unix_ns(last))
        server = Endpoint(f"192.0.2.{rng.randrange(10, 60)}", 3333)
        session = Session(
            number * 10 + place, "core-1.pcap", Endpoint(ip, rng.randrange(20_000, 60_000)), server, *span, False,
            brew.dialect, algorithm=brew.algorithm, coin=brew.coin, login=wallet, wallet=wallet, worker=worker,
            pool=brew.pool, jobs=20, submitted=0 if rate is None else rng.randrange(5, 3000),
        )  # fmt: skip
        session.accepted, session.hashrate_hps = session.submitted, rate
        sighting = Sighting(
            ip, server.ip, server.port, *span, "mining", tier,  # type: ignore[arg-type]
            {"confirmed": 0.999, "probable": 0.93, "suspected": 0.6}[tier],
            (BECAUSE[tier],), coin=brew.coin, algorithm=brew.algorithm, wallet=wallet if rate else None,
            worker=worker if rate else None, hashrate_hps=rate, source_ref=f"demo-{number:05d}-{place}",
            not_seen=() if rate else ("no share was read, so no hashrate",),
        )  # fmt: skip
        made.append(([session] if tier != "suspected" else [], [sighting]))
    return made


BECAUSE: Final = {
    "confirmed": "jobs and accepted shares were read in plaintext",
    "probable": "jobs were read, no share yet",
    "suspected": "a miner's opening without a pool's answer",
}
