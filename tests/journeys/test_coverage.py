"""Simulated miners: does the 95 % interval hold the true hashrate 95 times in 100?"""

import random

import pytest

from davylamp.dialects.session import Rpc
from davylamp.dialects.tally import Tally
from davylamp.pipeline import scan
from davylamp.records import Endpoint, Opening
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import Life, Miner
from davylamp.sizing.hashrate import size

ENDS = Opening(1, "sim", Endpoint("10.0.0.1", 1), Endpoint("198.51.100.1", 3333), False)
SESSIONS = 2000
NS = 1_000_000_000


def covered(miner, seed):
    life = Life(miner, "acct", random.Random(seed), 1_717_200_000)
    tally = Tally("monero", "simulated")
    seconds = miner.minutes * 60
    events = sorted((t for t in life.events(seconds) if t.at_s <= seconds), key=lambda t: t.at_s)
    for timed in events:
        tally.take(Rpc(int(timed.at_s * NS), False, b""), [timed.event])
    tally.take(Rpc(int(seconds * NS), False, b""), [])
    interval = size(tally.session(ENDS)).hashrate_hps
    return interval.low <= life.rate_hps <= interval.high


@pytest.mark.parametrize(
    "miner",
    [
        Miner(minutes=20, share_s=15, refuse=0),
        Miner(minutes=20, share_s=15, vardiff=True, refuse=0),
        Miner(minutes=60, share_s=40, vardiff=True, refuse=0),
        Miner(minutes=10, share_s=4, vardiff=True, refuse=0),
    ],
    ids=["constant", "vardiff", "vardiff, few shares", "vardiff, many shares"],
)
def test_intervals_hold_the_truth_93_to_97_times_in_100(miner):
    share = sum(covered(miner, seed) for seed in range(SESSIONS)) / SESSIONS
    assert 0.93 <= share <= 0.97, share


@pytest.mark.parametrize("lost", [0.02, 0.1])
@pytest.mark.parametrize("dialect", ["monero", "stratum-v1"])
def test_packets_missing_from_the_capture_do_not_bias_the_estimate(tmp_path, dialect, lost):
    ratios = []
    for seed in range(6):
        path = tmp_path / f"{seed}.pcap"
        scene = Scene((Miner(dialect=dialect, minutes=60),), seed=seed, lost=lost)
        true_hps = simulate_capture(scene, path)["sessions"][0]["work_hashes"] / 3600
        found = scan([str(path)]).sightings
        if found and found[0].hashrate_hps is not None:
            ratios.append(found[0].hashrate_hps.estimate / true_hps)
    assert len(ratios) >= 4
    assert abs(sum(ratios) / len(ratios) - 1) < 0.04
