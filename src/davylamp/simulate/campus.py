"""A campus with miners behind translation and DHCP: the egress capture, the logs that go with it, and the truth.

::

    40 computers ─ access switches ─ core ─ firewall (3 public addresses, clock 90 s ahead) ─▶ egress capture
                                     │      asa.log
             dhcpd.leases, core.txt, access-*.txt, ad.csv, assets.csv (GB 18030, as a spreadsheet saves it)

What makes it hard: the firewall gives one public port to a second computer soon after the first; one address is
handed from a computer that left to another; another address is handed on while its old holder keeps using it in one
connection, which the logs cannot tell apart: that one is ambiguous.
"""

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from davylamp.errors import OutputError
from davylamp.records import Endpoint
from davylamp.simulate.addresses import address
from davylamp.simulate.capture import BEGIN_S, Scene, connection
from davylamp.simulate.miner import Miner
from davylamp.simulate.wire import NS, Frame, write_pcap

HOSTS: Final = 40
PUBLIC: Final = ("203.0.113.1", "203.0.113.2", "203.0.113.3")
POOLS: Final = (Endpoint("198.51.100.10", 3333), Endpoint("198.51.100.20", 14444))
FIREWALL_AHEAD_S: Final = 90.0
MINUTES: Final = 120.0
LEASE_S: Final = 4 * 3600
PORTS_PER_SWITCH: Final = 20
SURNAMES: Final = "王李张刘陈杨赵黄周吴"
REUSED: Final = (10, 11)  # the second gets the first one's public port
LEFT: Final = 36  # its address goes to the next between two connections
CAME: Final = 37
KEPT: Final = 38  # its address is given to the next while its own connection lasts
GIVEN: Final = 39


@dataclass(frozen=True, slots=True)
class Host:
    """One computer and where it stands."""

    name: str
    mac: str
    ip: str
    switch: str
    port: str
    holder: str


@dataclass(frozen=True, slots=True)
class Life:
    """One mining connection: whose, from which minute to which, through which public end."""

    host: int
    begin: float
    end: float
    outside: Endpoint
    inside_port: int
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """A connection as the firewall saw it, in true time."""

    life: Life
    inside: Endpoint
    pool: Endpoint
    first_ns: int
    last_ns: int


def simulate_campus(folder: Path, seed: int = 1) -> dict[str, Any]:
    """Write ``egress.pcap``, ``logs/`` and ``truth.json`` into a folder; gives the truth.

    Raises:
        OutputError: E-OUT-001 when they cannot be written.
    """
    rng = random.Random(seed)
    hosts = [computer(n, rng) for n in range(HOSTS)]
    frames: list[Frame] = []
    passed: list[Passed] = []
    for life in lives(rng):
        host, pool = hosts[life.host], POOLS[life.host % len(POOLS)]
        miner = Miner(dialect="monero", share_s=30, worker=f"w{life.host:02d}")
        span = (BEGIN_S + life.begin * 60, (life.end - life.begin) * 60)
        scene = Scene((miner,), seed=seed)
        played, _ = connection(miner, address("XMR", rng), (life.outside, pool), span, scene, rng)
        frames += played
        inside = Endpoint(host.ip, life.inside_port)
        passed.append(Passed(life, inside, pool, played[0].ts_ns, played[-1].ts_ns))
    truth = {"firewall_ahead_s": FIREWALL_AHEAD_S, "connections": [truth_row(p, hosts) for p in passed]}
    logs = write_all(hosts, passed, rng)
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        write_pcap(folder / "egress.pcap", frames)
        for name, data in logs.items():
            (folder / "logs" / name).write_bytes(data)
        (folder / "truth.json").write_bytes(orjson.dumps(truth, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise OutputError(
            "E-OUT-001", f"cannot write {folder}: {error.strerror}", "choose another folder"
        ) from error
    return truth


def computer(number: int, rng: random.Random) -> Host:
    """One computer; two pairs share an address, one after the other."""
    switch, port = divmod(number, PORTS_PER_SWITCH)
    shared = {CAME: LEFT, GIVEN: KEPT}.get(number, number)
    mac = "3c:52:82:" + ":".join(f"{b:02x}" for b in rng.randbytes(3))
    holder = f"{SURNAMES[number % 10]}老师{number:02d}"
    return Host(
        f"LAB-PC-{number:02d}",
        mac,
        f"10.8.{switch}.{20 + shared}",
        f"acc-{switch + 1}",
        f"Gi1/0/{port + 1}",
        holder,
    )


def lives(rng: random.Random) -> list[Life]:
    """Who mines when, and through which public address and port."""
    ports = rng.sample(range(20_000, 60_000), HOSTS + 1)
    found: list[Life] = []
    for number in range(HOSTS):
        outside = Endpoint(PUBLIC[number % len(PUBLIC)], ports[number])
        begin, end = rng.uniform(0, 20), rng.uniform(90, 115)
        if number == REUSED[0]:
            begin, end = 1.0, 30.0
        elif number == REUSED[1]:
            outside = found[REUSED[0]].outside
            begin, end = 31.0, 32.2  # within the firewall's error of the first
        elif number == LEFT:
            begin, end = 2.0, 50.0
        elif number == CAME:
            begin, end = 60.0, 110.0
        elif number == KEPT:
            begin, end = 5.0, 100.0
        elif number == GIVEN:
            begin, end = 106.0, 118.0
        found.append(Life(number, begin, end, outside, rng.randrange(49152, 65535), number == KEPT))
    return found


def truth_row(passed: Passed, hosts: Sequence[Host]) -> dict[str, Any]:
    """What really happened in one connection."""
    host = hosts[passed.life.host]
    return {
        "ip": passed.life.outside.ip,
        "port": passed.life.outside.port,
        "first_ns": passed.first_ns,
        "last_ns": passed.last_ns,
        "inside": str(passed.inside),
        "mac": host.mac,
        "switch_port": f"{host.switch} {host.port}",
        "host": host.name,
        "holder": host.holder,
        "is_ambiguous": passed.life.is_ambiguous,
    }


# --- logs --------------------------------------------------------------------------------------------------


def write_all(hosts: Sequence[Host], passed: Sequence[Passed], rng: random.Random) -> dict[str, bytes]:
    """Every log by file name."""
    logs = {
        "asa.log": "\n".join(asa_lines(passed, rng)).encode(),
        "dhcpd.leases": "\n".join(lease_blocks(hosts)).encode(),
        "core.txt": core_tables(hosts).encode(),
        "ad.csv": ad_rows(hosts).encode("utf-8-sig"),
        "assets.csv": asset_rows(hosts).encode("gb18030"),
    }
    for switch in sorted({h.switch for h in hosts}):
        logs[f"{switch}.txt"] = access_table(switch, hosts).encode()
    return logs


def stamp(at_s: float, pattern: str) -> str:
    """A time in UTC by a pattern of `strftime`."""
    return datetime.fromtimestamp(at_s, UTC).strftime(pattern)


def asa_lines(passed: Sequence[Passed], rng: random.Random) -> list[str]:
    """Cisco ASA syslog of the connections and of others, by a clock that is ahead; one line is cut."""
    events: list[tuple[float, str]] = []
    for number, one in enumerate(passed, 1000):
        first, last = one.first_ns / NS, one.last_ns / NS
        events += asa_events(number, one.inside, one.life.outside, one.pool, (first, last))
    for number in range(5000, 5300):  # web traffic of computers that do not mine
        begin = BEGIN_S + rng.uniform(0, MINUTES * 60)
        inside = Endpoint(f"10.8.9.{rng.randrange(2, 250)}", rng.randrange(49152, 65535))
        outside = Endpoint(rng.choice(PUBLIC), rng.randrange(1024, 19_999))
        events += asa_events(
            number, inside, outside, Endpoint("192.0.2.80", 443), (begin, begin + rng.uniform(1, 90))
        )
    denied = '4-106023: Deny tcp src outside:192.0.2.9/4444 dst inside:10.8.0.1/22 by access-group "out"'
    events.append((BEGIN_S + 60.0, denied))
    events.append((BEGIN_S + 61.0, "6-302013: Built outbound TCP connection 77 for outside:192.0.2"))
    events.sort(key=lambda e: e[0])
    return [
        f"<166>{stamp(at_s + FIREWALL_AHEAD_S, '%b %d %Y %H:%M:%S')} fw1 : %ASA-{text}"
        for at_s, text in events
    ]


def asa_events(
    number: int, inside: Endpoint, outside: Endpoint, server: Endpoint, span: tuple[float, float]
) -> list[tuple[float, str]]:
    """The four messages of one translated connection."""
    real = f"inside:{inside.ip}/{inside.port}"
    mapped = f"outside:{outside.ip}/{outside.port}"
    there = f"outside:{server.ip}/{server.port}"
    seconds = int(span[1] - span[0])
    lasted = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return [
        (span[0], f"6-305011: Built dynamic TCP translation from {real} to {mapped}"),
        (
            span[0] + 0.001,
            f"6-302013: Built outbound TCP connection {number} for {there} ({server.ip}/{server.port}) "
            f"to {real} ({outside.ip}/{outside.port})",
        ),
        (
            span[1],
            f"6-302014: Teardown TCP connection {number} for {there} to {real} duration {lasted} bytes 73120 "
            "TCP FINs",
        ),
        (
            span[1] + 0.001,
            f"6-305012: Teardown dynamic TCP translation from {real} to {mapped} duration {lasted}",
        ),
    ]


def lease_blocks(hosts: Sequence[Host]) -> Iterable[str]:
    """``dhcpd.leases``: blocks in the order in which the server wrote them."""
    yield "# The format of this file is documented in the dhcpd.leases(5) manual page."
    yield 'server-duid "\\000\\001\\000\\001";\n'
    begun = dict.fromkeys(range(HOSTS), BEGIN_S - 3600.0) | {
        CAME: BEGIN_S + 55 * 60.0,
        GIVEN: BEGIN_S + 50 * 60.0,
    }
    ended = {LEFT: (BEGIN_S + 52 * 60.0, "free"), KEPT: (BEGIN_S + 49 * 60.0, "free")}
    for number in sorted(begun, key=lambda n: begun[n]):
        until, state = ended.get(number, (begun[number] + LEASE_S, "active"))
        host = hosts[number]
        yield (
            f"lease {host.ip} {{\n"
            f"  starts {stamp(begun[number], '%w %Y/%m/%d %H:%M:%S')};\n"
            f"  ends {stamp(until, '%w %Y/%m/%d %H:%M:%S')};\n"
            f"  binding state {state};\n"
            f"  hardware ethernet {host.mac};\n"
            f'  client-hostname "{host.name}";\n'
            "}"
        )


def dotted(mac: str) -> str:
    """A MAC as Cisco writes it."""
    digits = mac.replace(":", "")
    return ".".join(digits[i : i + 4] for i in range(0, 12, 4))


def core_tables(hosts: Sequence[Host]) -> str:
    """The core switch's ARP and MAC tables at the 20th minute, pasted from a terminal."""
    absent = (CAME, GIVEN)
    there = [h for n, h in enumerate(hosts) if n not in absent]
    lines = [
        f"core#show clock\n{stamp(BEGIN_S + 20 * 60, '%H:%M:%S.000 UTC %a %b %d %Y')}",
        "core#show ip arp",
    ]
    lines.append("Protocol  Address          Age (min)  Hardware Addr   Type   Interface")
    lines.append("Internet  10.8.0.1                -   0011.2233.4455  ARPA   Vlan10")
    lines += [f"Internet  {h.ip:<15}         2   {dotted(h.mac)}  ARPA   Vlan10" for h in there]
    lines += ["core#show mac address-table", "Vlan    Mac Address       Type        Ports"]
    lines += [f"  10    {dotted(h.mac)}    DYNAMIC     Te1/1/{h.switch[-1]}" for h in there]
    return "\n".join(lines) + "\n"


def access_table(switch: str, hosts: Sequence[Host]) -> str:
    """An access switch's MAC table at the 112th minute."""
    lines = [f"{switch}#show clock\n{stamp(BEGIN_S + 112 * 60, '%H:%M:%S.000 UTC %a %b %d %Y')}"]
    lines += [f"{switch}#show mac address-table", "Vlan    Mac Address       Type        Ports"]
    for host in hosts:
        port = host.port if host.switch == switch else "Te1/1/1"
        lines.append(f"  10    {dotted(host.mac)}    DYNAMIC     {port}")
    return "\n".join(lines) + "\n"


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def ad_rows(hosts: Sequence[Host]) -> str:
    """Kerberos tickets of the computers and logons of people, as a domain controller's log is exported."""
    rows = [("TimeCreated", "EventID", "TargetUserName", "IpAddress", "WorkstationName")]
    late = {CAME: 56, GIVEN: 51}
    for number, host in enumerate(hosts):
        at = BEGIN_S + 60.0 * late.get(number, -50) + number
        rows.append((stamp(at, "%Y-%m-%dT%H:%M:%SZ"), "4768", f"{host.name}$", f"::ffff:{host.ip}", ""))
        rows.append((stamp(at + 30, "%Y-%m-%dT%H:%M:%SZ"), "4624", f"user{number:02d}", host.ip, host.name))
    return table(rows)


def asset_rows(hosts: Sequence[Host]) -> str:
    """The list of devices (资产台账)."""
    rows = [("资产编号", "主机名", "MAC地址", "使用人", "部门", "存放地点")]
    for number, host in enumerate(hosts):
        mac = host.mac.upper().replace(":", "-")
        rows.append((f"ZC{number:04d}", host.name, mac, host.holder, "物理学院", f"实验楼{200 + number}"))
    return table(rows)
