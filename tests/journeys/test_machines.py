"""From packets to machines: the interval holds one miner, five behind translation, seven behind a relay."""

import random
from collections import defaultdict

import pytest

from davylamp.pipeline import Scan, scan
from davylamp.records_traces import MOST_POINTS
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import parse_miner
from davylamp.sizing.machines import count_machines

from support import shared_data

POOL = "pool=198.51.100.7:3333"
NAT = "address=203.0.113.9"


def told(folder, *miners, **scene):
    path = folder / "a.pcap"
    simulate_capture(Scene(tuple(map(parse_miner, miners)), **scene), path)
    return scan([str(path)])


def counted(found: Scan):
    """Machines behind each client address."""
    groups = defaultdict(list)
    for session in found.sessions:
        groups[session.client.ip].append(session)
    return {ip: count_machines(sessions) for ip, sessions in groups.items()}


def why(count, evidence):
    return next(r for r in count.reasons if r.evidence == evidence)


def holds(count, truth):
    return count.low <= truth and (count.high is None or truth <= count.high)


@pytest.mark.parametrize("dialect", ["monero", "stratum-v1", "kawpow"])
@pytest.mark.parametrize("extra", ["", ",clock=1000", ",clock=250,reconnect=10"])
def test_one_machine_is_held(tmp_path, dialect, extra):
    (count,) = counted(told(tmp_path, f"dialect={dialect},minutes=30,share_s=10{extra}")).values()
    assert holds(count, 1)
    assert count.estimate == 1


@pytest.mark.parametrize("lost", [0.0, 0.05])
def test_five_machines_behind_translation_are_told_by_their_clocks(tmp_path, lost):
    """All under one name, so that nothing but their clocks tells them apart."""
    miners = [
        f"minutes=45,{NAT},{POOL},clock={hz},reconnect=15,worker=same" for hz in (1000, 1000, 1000, 250, 100)
    ]
    (count,) = counted(told(tmp_path, *miners, seed=3, lost=lost)).values()
    assert why(count, "tcp clocks").low == 5
    assert holds(count, 5)
    assert count.estimate == 5


def test_five_machines_without_timestamps_are_still_held(tmp_path):
    miners = [f"minutes=30,{NAT},{POOL},worker=w{n}" for n in range(5)]
    (count,) = counted(told(tmp_path, *miners)).values()
    assert holds(count, 5)
    assert any("TCP timestamps" in text for text in count.not_available)


@pytest.mark.parametrize("dialect", ["monero", "stratum-v1"])
def test_seven_machines_behind_a_relay_are_told_by_the_parted_nonce_space(tmp_path, dialect):
    found = told(tmp_path, f"dialect={dialect},minutes=60,share_s=5,rigs=7,proxy,clock=1000", seed=5)
    (count,) = counted(found).values()
    assert len(found.sessions) == 1
    assert why(count, "nonces").low == 7
    assert why(count, "tcp clocks").low == 1  # the relay's own
    assert holds(count, 7)
    assert count.estimate == 7


@pytest.mark.parametrize("seed", range(8))
def test_any_number_of_machines_is_held(tmp_path, seed):
    draw = random.Random(seed)
    hosts, rigs = draw.randrange(2, 9), draw.choice((2, 3, 5, 20, 60))
    miners = [
        f"minutes=45,{NAT},{POOL},clock={draw.choice((1000, 250, 100))},reconnect={draw.choice((10, 15))},worker=same"
        for _ in range(hosts)
    ]
    relay = f"dialect={draw.choice(('monero', 'stratum-v1'))},minutes=60,share_s=2,rigs={rigs},proxy"
    counts = counted(told(tmp_path, *miners, relay, seed=seed, lost=0.03))
    translated = counts.pop(NAT.partition("=")[2])
    assert holds(translated, hosts)
    assert translated.low == hosts
    (relayed,) = counts.values()
    assert holds(relayed, rigs)
    assert why(relayed, "nonces").usual == rigs  # the relay's name may be lost with its login


def test_clock_points_are_few_and_span_the_session(tmp_path):
    (session,) = told(tmp_path, "minutes=120,share_s=2,clock=1000").sessions
    points = session.traces.tcp_clock
    assert MOST_POINTS // 4 <= len(points) <= MOST_POINTS
    assert points[0].ts_ns - session.first_ns < 60e9
    assert session.last_ns - points[-1].ts_ns < 0.1 * (session.last_ns - session.first_ns)


def test_the_clock_that_is_kept_is_the_clients(tmp_path):
    """Client points lie on the client's line: 250 Hz, where the server's has 1000."""
    (session,) = told(tmp_path, "minutes=20,clock=250").sessions
    first, *_, last = session.traces.tcp_clock
    assert (last.value - first.value) / ((last.ts_ns - first.ts_ns) / 1e9) == pytest.approx(250, rel=0.01)


@pytest.mark.shared
def test_recorded_miners_are_one_machine_each():
    """Truth: each capture of CJ-Sniffer holds one computer behind each address."""
    folder = shared_data() / "mining" / "cj-sniffer"
    for path in sorted(folder.glob("*.pcap")):
        for ip, count in counted(scan([str(path)])).items():
            assert holds(count, 1), (path.name, ip, str(count))
