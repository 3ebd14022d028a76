"""What is read must not depend on how the packets came: the same capture, changed, gives the same sessions."""

import random
from functools import cache
from itertools import pairwise

import pytest

from davylamp.pipeline import scan
from davylamp.records import Endpoint
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import Miner
from davylamp.simulate.wire import Line, tcp_frames, write_pcap

from journeys import transform as t
from support import shared_data

NAMES = ["monero", "stratum-v1", "eth-proxy", "equihash", "kawpow", "getwork", "stratum-v2", "grin"]
LINES = ["monero", "stratum-v1", "eth-proxy", "equihash", "kawpow", "ethereum-stratum-1", "beam"]
RECORDED = [
    "cj-sniffer/1618550187_hQST8.pcap",  # one that is small, and holds a refused share
    "cj-sniffer/1574720899_9M3tc.pcap",
    "ntop-ndpi/mining.pcapng",
    "zeek-cryptomining/coinhive-stratum.pcap",
    "nesfit/eth-eu1.nanopool.org.pcapng",
    "coiniumserv/litecoin-testnet-mini.pcapng",
]


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """Paths of simulated captures by dialect, made when first asked for."""

    @cache
    def of(name):
        path = tmp_path_factory.mktemp("sim") / f"{name}.pcap"
        miner = Miner(dialect=name, minutes=12, share_s=15, refuse=0.1, vardiff=name != "getwork")
        simulate_capture(Scene((miner,), seed=11), path)
        return path

    return of


def essence(session):
    """What of a session must not change, without ends and times."""
    work = f"{session.work.hashes:.9e}" if session.work is not None else session.work_note
    return (
        session.dialect,
        session.login,
        session.wallet,
        session.worker,
        session.agent,
        session.coin,
        session.algorithm,
        session.jobs,
        session.submitted,
        session.accepted,
        session.rejected,
        session.stale,
        session.duplicates,
        session.heights,
        work,
    )


def read_all(data, tmp_path, name="changed.pcap"):
    path = tmp_path / name
    path.write_bytes(data)
    return scan([str(path)]).sessions


def essences(sessions):
    return sorted(map(essence, sessions), key=repr)


def times(sessions):
    return sorted((s.first_ns, s.last_ns) for s in sessions)


@cache
def base(path):
    return scan([str(path)]).sessions


SAME = {
    "as it is": lambda p: p,
    "in bytes": lambda p: t.cut(p, 1),
    "in sevens": lambda p: t.cut(p, 7),
    "in hundreds": lambda p: t.cut(p, 100),
    "merged": t.merge,
    "shuffled": lambda p: t.shuffle(t.cut(p, 700), 100_000_000, 5),
    "twice": t.double,
    "twice, late": lambda p: t.double(p, 3_000_000),
    "twice, in pieces": lambda p: t.double(t.cut(p, 50), 400_000),
    "wrapping soon": lambda p: t.renumber(p, 300),
    "wrapping at once": lambda p: t.renumber(p, 1),
    "wrapping in pieces": lambda p: t.renumber(t.cut(p, 61), 1000),
    "elsewhere": lambda p: t.readdress(p, lambda ip: "10.1.2." + ip.rpartition(".")[2]),
    "as IPv6": lambda p: t.readdress(p, t.as_ipv6),
}

# triage judges a request by the packet that holds its head, and a Stratum V2 frame by its header
SMALL = {
    "in bytes": 1,
    "in sevens": 7,
    "in hundreds": 100,
    "twice, in pieces": 50,
    "wrapping in pieces": 61,
}
LEAST = {"getwork": 400, "stratum-v2": 13, "coiniumserv/litecoin-testnet-mini.pcapng": 701}


def skip_too_small(name, how):
    if SMALL.get(how, 700 if how == "shuffled" else 1000) < LEAST.get(name, 1):
        pytest.skip("an opening in so small pieces is not recognized")


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("name", NAMES)
def test_how_segments_come_changes_nothing(captures, tmp_path, name, how):
    skip_too_small(name, how)
    packets = SAME[how](t.read(captures(name)))
    found = read_all(t.pcap_bytes(packets), tmp_path)
    assert essences(found) == essences(base(captures(name)))


@pytest.mark.shared
@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("name", RECORDED)
def test_how_recorded_segments_come_changes_nothing(tmp_path, name, how):
    path = shared_data() / "mining" / name
    if how == "elsewhere" and name in (RECORDED[2], RECORDED[4]):
        pytest.skip("the last byte alone does not keep this capture's addresses apart")
    skip_too_small(name, how)
    packets = SAME[how](t.read(path))
    found = read_all(t.pcap_bytes(packets), tmp_path)
    assert essences(found) == essences(base(path))


@pytest.mark.parametrize("name", ["monero", "stratum-v1", "getwork"])
def test_times_stay_to_the_nanosecond(captures, tmp_path, name):
    packets = t.read(captures(name))
    for data in (t.pcap_bytes(t.cut(packets, 400)), t.pcapng_bytes(packets), t.pcap_bytes(t.double(packets))):
        assert times(read_all(data, tmp_path)) == times(base(captures(name)))


@pytest.mark.parametrize("name", ["monero", "eth-proxy"])
@pytest.mark.parametrize("around", t.ENCAPSULATIONS)
def test_encapsulation_changes_nothing(captures, tmp_path, name, around):
    packets = t.read(captures(name))
    found = read_all(t.pcap_bytes(packets, wrap=t.ENCAPSULATIONS[around]), tmp_path)
    assert essences(found) == essences(base(captures(name)))
    assert times(found) == times(base(captures(name)))


@pytest.mark.parametrize("ending", t.PACKERS)
def test_compression_changes_nothing(captures, tmp_path, ending):
    packed = t.PACKERS[ending](captures("monero").read_bytes())
    found = read_all(packed, tmp_path, f"a.pcap{ending}")
    assert essences(found) == essences(base(captures("monero")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
def test_a_rotated_series_reads_as_one_capture(captures, tmp_path, name, part):
    packets = t.read(captures(name))
    at = int(len(packets) * part)
    for number, piece in enumerate((packets[:at], packets[at:])):
        (tmp_path / f"{number}.pcap").write_bytes(t.pcap_bytes(piece))
    found = scan([str(tmp_path)], joined=True).sessions
    assert essences(found) == essences(base(captures(name)))


# --- other carriers ----------------------------------------------------------------------------------------

CARRIERS = {
    "SOCKS5": t.through_socks5,
    "CONNECT": t.through_connect,
    "WebSocket": t.through_websocket,
    "WebSocket within SOCKS5": lambda said: t.through_socks5(t.through_websocket(said)),
    "SOCKS5 within CONNECT": lambda said: t.through_connect(t.through_socks5(said)),
}


def rewired(packets, carry, tmp_path):
    line = Line(Endpoint("10.0.0.9", 40123), Endpoint("198.51.100.7", 3333), packets[0].ts_ns)
    path = tmp_path / "carried.pcap"
    write_pcap(path, tcp_frames(carry(t.words_of(packets)), line, random.Random(1)))
    return scan([str(path)]).sessions


@pytest.mark.parametrize("how", CARRIERS)
@pytest.mark.parametrize("name", LINES)
def test_what_carries_the_lines_changes_nothing(captures, tmp_path, name, how):
    found = rewired(t.read(captures(name)), CARRIERS[how], tmp_path)
    assert essences(found) == essences(base(captures(name)))


@pytest.mark.shared
@pytest.mark.parametrize("how", CARRIERS)
def test_what_carries_recorded_lines_changes_nothing(tmp_path, how):
    path = shared_data() / "mining" / RECORDED[0]
    packets = t.read(path)
    first = packets[0]
    flow = [p for p in packets if {p.src, p.dst} == {first.src, first.dst}]
    plain = tmp_path / "plain.pcap"
    plain.write_bytes(t.pcap_bytes(flow))
    found = rewired(flow, CARRIERS[how], tmp_path)
    assert essences(found) == essences(base(plain))
    assert found


# --- loss --------------------------------------------------------------------------------------------------


def totals(sessions):
    return (
        sum(s.submitted for s in sessions),
        sum(s.accepted for s in sessions),
        sum(s.rejected for s in sessions),
    )


def work_of(sessions, factor):
    return sum(s.work.hashes * getattr(s.work, factor) for s in sessions if s.work is not None)


def assert_no_more(found, whole):
    for less, more in zip(totals(found), totals(whole), strict=True):
        assert less <= more
    least, most = work_of(found, "low_factor"), work_of(whole, "high_factor")
    assert least <= most * 1.000001 or all(s.work is None for s in whole)
    assert {s.dialect for s in found} <= {s.dialect for s in whole}
    known = {s.login for s in whole} | {s.worker for s in whole} | {None}
    assert {s.login for s in found} <= known


def whole_of(name, captures):
    if "/" in name:
        return shared_data() / "mining" / name
    return captures(name)


EITHER = [*NAMES, *(pytest.param(n, marks=pytest.mark.shared) for n in RECORDED)]


@pytest.mark.parametrize("name", EITHER)
@pytest.mark.parametrize("snap", [96, 200, 300])
def test_a_short_snap_length_loses_shares_and_invents_none(captures, tmp_path, name, snap):
    path = whole_of(name, captures)
    found = read_all(t.pcap_bytes(t.read(path), snap=snap), tmp_path)
    assert_no_more(found, base(path))


@pytest.mark.parametrize("name", NAMES)
def test_without_the_server_shares_are_seen_and_not_granted(captures, tmp_path, name):
    packets = t.read(captures(name))
    client = packets[0].src
    found = read_all(t.pcap_bytes([p for p in packets if p.src == client]), tmp_path)
    whole = base(captures(name))[0]
    assert [(s.dialect, s.submitted, s.accepted, s.rejected) for s in found] == [
        (whole.dialect, whole.submitted, 0, 0)
    ]
    assert found[0].login == whole.login


@pytest.mark.parametrize("name", EITHER)
def test_without_the_client_no_share_is_counted(captures, tmp_path, name):
    path = whole_of(name, captures)
    packets = t.read(path)
    clients = {s.client for s in base(path)}
    found = read_all(t.pcap_bytes([p for p in packets if p.src not in clients]), tmp_path)
    assert sum(s.submitted for s in found) == 0
    assert_no_more(found, base(path))
    if any(s.jobs >= 2 and s.dialect != "getwork" for s in base(path)):
        assert found


@pytest.mark.parametrize("name", EITHER)
def test_a_capture_that_begins_anywhere_has_no_more_shares_than_the_whole(captures, tmp_path, name):
    path = whole_of(name, captures)
    packets = t.read(path)
    rng = random.Random(9)
    starts = sorted({*range(12), *(rng.randrange(len(packets)) for _ in range(12))})
    for start in starts:
        found = read_all(t.pcap_bytes(packets[start:]), tmp_path)
        assert_no_more(found, base(path))


@pytest.mark.parametrize("name", NAMES)
def test_the_later_a_capture_begins_the_fewer_shares_it_holds(captures, tmp_path, name):
    packets = t.read(captures(name))
    counts = [
        totals(read_all(t.pcap_bytes(packets[start:]), tmp_path))[0]
        for start in range(0, len(packets), max(1, len(packets) // 10))
    ]
    assert all(earlier >= later for earlier, later in pairwise(counts))


@pytest.mark.parametrize("name", EITHER)
@pytest.mark.parametrize("every", [7, 23])
def test_packets_that_are_missing_invent_nothing(captures, tmp_path, name, every):
    path = whole_of(name, captures)
    packets = t.read(path)
    rng = random.Random(every)
    found = read_all(t.pcap_bytes([p for p in packets if rng.random() > 1 / every]), tmp_path)
    assert_no_more(found, base(path))


@pytest.mark.parametrize("name", ["monero", "stratum-v1", "eth-proxy"])
@pytest.mark.parametrize("years", [-8, -3, 3])
def test_years_change_the_coin_at_most(captures, tmp_path, name, years):
    packets = t.later(t.read(captures(name)), years * 365.25 * 86400)
    found, whole = read_all(t.pcap_bytes(packets), tmp_path)[0], base(captures(name))[0]
    assert (found.dialect, found.login, found.jobs) == (whole.dialect, whole.login, whole.jobs)
    assert totals([found]) == totals([whole])
    assert found.heights == whole.heights
