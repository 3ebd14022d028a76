"""Machines behind one address: an interval that holds the truth, with reasons, and honest about what is missing."""

from dataclasses import replace

import pytest

from davylamp.errors import BadUse
from davylamp.records import Endpoint, Flow, Session, Work
from davylamp.records_traces import ClockPoint, NonceSpan, Traces
from davylamp.sizing.hashrate import size
from davylamp.sizing.machines import count_machines
from davylamp.sizing.machines_clock import Clocks

NS = 1_000_000_000
BEGIN = 1_717_200_000 * NS  # 2024-06-01
POOL = Endpoint("198.51.100.1", 3333)


def session(number, begin_s=0, end_s=3600, hps=None, algorithm="rx/0", **more):
    client = more.pop("client", Endpoint("10.0.0.1", 50_000 + number))
    base = Session(
        number,
        "a.pcap",
        client,
        POOL,
        BEGIN + begin_s * NS,
        BEGIN + end_s * NS,
        False,
        "monero",
        algorithm=algorithm,
    )
    if hps is not None:
        shares, seconds = 10_000, end_s - begin_s
        each = hps * seconds / shares
        work = Work(shares, shares * each, shares * each**2, each, seconds, 1.0, 1.0, "test")
        base = replace(base, work=work, accepted=shares)
    return size(replace(base, **more))


def reason(found, evidence):
    return next(r for r in found.reasons if r.evidence == evidence)


def test_one_miner_that_reconnects_is_one_machine_and_at_most_one_per_connection():
    sessions = [session(i, 600 * i, 600 * i + 590, worker="rig") for i in range(6)]
    found = count_machines(sessions)
    assert (found.low, found.estimate, found.high) == (1, 1, 6)


def test_names_at_the_same_time_are_machines():
    sessions = [session(i, worker=f"rig{i}") for i in range(4)]
    found = count_machines(sessions)
    assert (found.low, found.estimate, found.high) == (4, 4, 4)
    assert "two names" in found.assumption


def test_names_one_after_another_may_be_one_machine():
    sessions = [session(i, 600 * i, 600 * i + 590, worker=f"rig{i}") for i in range(4)]
    found = count_machines(sessions)
    assert (found.low, found.estimate, found.high) == (1, 1, 4)
    assert "4 names, 1 of them at the same time" in reason(found, "names").because


def test_one_name_on_many_connections_bounds_nothing_below():
    found = count_machines([session(i, worker="x") for i in range(5)])
    assert (found.low, found.estimate, found.high) == (1, 5, 5)


def test_two_algorithms_at_once_may_be_one_machine():
    sessions = [session(1, worker="pc-cpu"), session(2, algorithm="kawpow", worker="pc-gpu")]
    assert count_machines(sessions).low == 1


def test_rig_ids_count_as_names_do():
    sessions = [session(i, worker="same", rig_id=f"id{i}") for i in range(3)]
    assert count_machines(sessions).low == 3


def test_a_relay_takes_the_upper_bound_from_connections():
    found = count_machines([session(1, agent="xmrig-proxy/6.21.0", worker="farm")])
    assert found.high is None
    assert "unbounded" in str(found)


def test_behind_a_relay_the_hashrate_bounds_and_estimates():
    """1 MH/s of RandomX: more than two sockets of anything but an Antminer X9, which was not on sale in 2024."""
    found = count_machines([session(1, hps=1e6, agent="xmrig-proxy/6.21.0")])
    assert found.low >= 8  # 1 MH/s / (2 x 65.1 kH/s of a Threadripper 3990X) = 7.7
    assert found.estimate > found.low
    assert found.high is not None
    assert found.high > found.estimate


def test_a_hashrate_beyond_one_machine_bounds_below():
    """30 EH/s / (270 TH/s x 1.03) is 107,875 of the fastest row on sale."""
    found = count_machines([session(1, hps=30e18, algorithm="sha256d", agent="pool relay")])
    assert found.low == pytest.approx(30e18 / 278.1e12, rel=0.05)


def test_contradicting_evidence_widens_and_says_so():
    """Three names share 300 H/s, which the table's slowest devices reach with one."""
    sessions = [session(i, hps=100, worker=f"w{i}") for i in range(3)]
    found = count_machines(sessions)
    assert found.contradiction
    assert (found.low, found.high) == (1, 3)
    assert "names say at least 3, hashrate at most 1" in found.contradiction


def test_an_algorithm_without_a_hashrate_leaves_the_sum_unbounded():
    sessions = [session(1, hps=1e4, worker="a"), session(2, algorithm="kawpow", worker="b")]
    assert reason(count_machines(sessions), "hashrate").high is None


def test_the_hashrates_bounds_of_two_algorithms_add_up():
    alone = [
        reason(count_machines([s]), "hashrate").high
        for s in (session(1, hps=1e4), session(2, hps=30e6, algorithm="kawpow"))
    ]
    both = count_machines([session(1, hps=1e4), session(2, hps=30e6, algorithm="kawpow")])
    assert reason(both, "hashrate").high == sum(alone)


def test_donation_sessions_are_their_miners_own():
    sessions = [session(1, worker="a"), session(2, donation=True, worker="dev")]
    assert (count_machines(sessions).low, count_machines(sessions).high) == (1, 1)


def test_unread_flows_to_pools_are_connections():
    flow = Flow(9, Endpoint("10.0.0.1", 51_000), POOL, 6, BEGIN, BEGIN + 3600 * NS)
    found = count_machines([session(1, worker="a")], flows=[flow, replace(flow, flow_id=10)])
    assert (found.low, found.estimate, found.high) == (1, 2, 3)


def test_clocks_bound_below():
    clocks = Clocks((), 3, 0, "test")
    found = count_machines([session(i, worker="x") for i in range(5)], clocks=clocks)
    assert (found.low, found.estimate, found.high) == (3, 5, 5)


def ticking(zero_s, begin_s=0, end_s=3600, hz=1000):
    """Traces of a clock that stood at 0 so many seconds before the capture began."""
    times = range(begin_s, end_s, max(1, (end_s - begin_s) // 60))
    return Traces(tcp_clock=tuple(ClockPoint(BEGIN + t * NS, (zero_s + t) * hz % 2**32) for t in times))


def test_clocks_are_read_from_the_sessions_own_traces():
    """Three hosts under one name reconnect every half hour; each keeps its clock."""
    sessions = [
        session(10 * host + half, 1800 * half, 1800 * half + 1700, worker="x",
                traces=ticking(1000 + 500_000 * host, 1800 * half, 1800 * half + 1700))
        for host in range(3)
        for half in range(2)
    ]  # fmt: skip
    found = count_machines(sessions)
    assert reason(found, "tcp clocks").low == 3
    assert (found.low, found.estimate, found.high) == (3, 3, 6)


def test_the_same_connection_in_two_captures_is_no_second_one():
    """Two hosts with a connection each, seen twice: nothing ties two connections together."""
    sessions = [session(n % 2, worker="x", traces=ticking(1000 + 500_000 * (n % 2))) for n in range(4)]
    assert reason(count_machines(sessions), "tcp clocks").low is None


def parted(values, uses=20, descents=40, moves=80):
    spans = tuple(NonceSpan(v, uses, BEGIN, BEGIN + 3600 * NS) for v in values)
    return Traces(nonces=spans, moves=moves, descents=descents)


def test_a_relay_that_names_itself_and_parts_the_nonce_space_proves_machines():
    found = count_machines([session(1, agent="xmrig-proxy/6.21.0", traces=parted(range(154, 161)))])
    assert (found.low, found.estimate, found.high) == (7, 7, None)
    assert "7 in use at the same time" in reason(found, "nonces").because


def test_two_connections_of_a_relay_add_up_and_two_algorithms_do_not():
    same = [session(n, agent="xmrig-proxy/6.21.0", traces=parted(range(154, 161))) for n in range(2)]
    assert count_machines(same).low == 14
    other = [same[0], replace(same[1], algorithm="kawpow")]
    assert count_machines(other).low == 7


def test_a_parted_space_without_a_relay_that_names_itself_is_a_guess_and_no_proof():
    """One connection would be one machine at most; the guess takes that bound away and sets none of its own."""
    found = count_machines([session(1, agent="XMRig/6.21.0", traces=parted(range(154, 161)))])
    assert (found.low, found.estimate, found.high) == (1, 7, None)
    assert "no proof" in reason(found, "nonces").because
    assert "seems to be a relay" in reason(found, "connections").because


def test_a_guess_beyond_what_the_hashrate_allows_widens_and_says_so():
    """Sixty parts share 300 H/s; the relay's name was not captured."""
    found = count_machines([session(1, hps=300, traces=parted(range(100, 160)))])
    assert (found.low, found.estimate, found.high) == (1, 60, 60)
    assert "nonces suggest 60, hashrate say at most 1" in found.contradiction


def test_nonces_of_one_miner_bound_nothing_and_say_why():
    found = count_machines([session(1, traces=parted([0, 64, 128, 192]))])
    assert (found.low, found.estimate, found.high) == (1, 1, 1)
    assert "threads of one miner" in reason(found, "nonces").because


def test_a_relay_with_more_machines_than_its_hashrate_allows_is_a_contradiction_that_is_kept():
    relay = session(1, hps=300, agent="xmrig-proxy/6.21.0", traces=parted(range(154, 161)))
    found = count_machines([relay])
    assert found.contradiction
    assert (found.low, found.high) == (1, 7)


def prefixed(prefix, number, begin_s, end_s, **more):
    return session(number, begin_s, end_s, traces=Traces(extranonces=(prefix,)), **more)


def test_who_gets_his_extranonce_back_is_counted_once():
    """Five connections one after another resume one subscription: one machine at most, not five."""
    sessions = [prefixed("0800ab01", n, 600 * n, 600 * n + 590, worker="w") for n in range(5)]
    found = count_machines(sessions)
    assert (found.low, found.high) == (1, 1)
    assert "4 of them resume another" in reason(found, "extranonces").because


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda n: prefixed(f"0800ab0{n}", n, 600 * n, 600 * n + 590), "each connection has its own"),
        (lambda n: prefixed("ab01", n, 600 * n, 600 * n + 590), "short ones"),
        (lambda n: prefixed("0800ab01", n, 0, 3600), "at the same time share"),
        (lambda n: prefixed("0800ab01", n, 600 * n, 600 * n + 590, agent="some-proxy"), "a relay"),
        (
            lambda n: prefixed("0800ab01", n, 600 * n, 600 * n + 590, worker=f"w{n}"),
            "each connection has its own",
        ),
    ],
)
def test_extranonces_that_prove_no_resumption_bound_nothing(change, why):
    found = count_machines([change(n) for n in range(5)])
    assert reason(found, "extranonces").high is None
    assert why in reason(found, "extranonces").because


def test_what_is_not_available_is_said():
    missing = " ".join(count_machines([session(1)]).not_available)
    for word in ("extranonces", "nonce partition", "TCP timestamps", "hashrate"):
        assert word in missing
    assert "TCP timestamps" not in " ".join(
        count_machines([session(1)], clocks=Clocks((), None, 0, "none")).not_available
    )


def test_the_result_is_never_a_bare_number():
    said = str(count_machines([session(i, worker=f"rig{i}") for i in range(2)]))
    assert said.startswith("2 machines (2 to 2): ")
    assert "names" in said


def test_several_addresses_or_none_are_refused():
    with pytest.raises(BadUse, match="E-MAC-001"):
        count_machines([])
    with pytest.raises(BadUse, match="E-MAC-001"):
        count_machines([session(1), session(2, client=Endpoint("10.0.0.2", 1))])
