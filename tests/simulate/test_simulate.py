"""The simulator: same seed, same bytes; shares fall as a Poisson process; the truth adds up."""

import random
import struct

import bech32
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.dialects.session import Answer, Submit
from davylamp.errors import BadUse
from davylamp.records import Endpoint
from davylamp.simulate.addresses import DRAW, address
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import Life, Miner, parse_miner
from davylamp.simulate.wire import Line, Said, checksum, tcp_frames


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    scene = Scene((Miner(minutes=5), Miner(dialect="stratum-v1", minutes=5)), noise_flows=5, seed=11)
    simulate_capture(scene, tmp_path / "a.pcap")
    simulate_capture(scene, tmp_path / "b.pcap")
    assert (tmp_path / "a.pcap").read_bytes() == (tmp_path / "b.pcap").read_bytes()


def test_shares_come_as_often_as_hashrate_over_work():
    counts = []
    for seed in range(60):
        life = Life(Miner(minutes=60, share_s=20, refuse=0), "acct", random.Random(seed), 1.7e9)
        counts.append(sum(isinstance(t.event, Submit) for t in life.events(3600)))
    mean = sum(counts) / len(counts)
    variance = sum((c - mean) ** 2 for c in counts) / (len(counts) - 1)
    assert abs(mean - 180) < 3 * (180 / 60) ** 0.5  # three standard errors of 60 Poisson draws
    assert 0.6 < variance / mean < 1.6


def test_the_truth_counts_what_was_said():
    life = Life(Miner(minutes=60, refuse=0.2), "acct", random.Random(2), 1.7e9)
    events = [t.event for t in life.events(3600)]
    answers = [e for e in events if isinstance(e, Answer)]
    assert life.truth.accepted == sum(a.accepted for a in answers)
    assert life.truth.rejected == sum(not a.accepted for a in answers)
    assert life.truth.submitted == sum(isinstance(e, Submit) for e in events)


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=5000)), min_size=1, max_size=8))
@settings(max_examples=40)
def test_segments_carry_every_byte_in_order(sides):
    said = [Said(i * 0.5, side, data) for i, (side, data) in enumerate(sides)]
    line = Line(Endpoint("10.0.0.1", 1234), Endpoint("10.0.0.2", 80), 0)
    streams = {1234: b"", 80: b""}
    for frame in tcp_frames(said, line, random.Random(1)):
        port = struct.unpack_from("!H", frame.data, 34)[0]
        streams[port] += frame.data[54:]
    assert streams[1234] == b"".join(d for side, d in sides if side)
    assert streams[80] == b"".join(d for side, d in sides if not side)


@pytest.mark.parametrize("ends", [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")])
def test_ip_headers_and_tcp_segments_have_right_checksums(ends):
    line = Line(Endpoint(ends[0], 1), Endpoint(ends[1], 2), 0)
    for frame in tcp_frames([Said(0, True, b"hello")], line, random.Random(1)):
        if ":" in ends[0]:
            ip, tcp = frame.data[14:54], frame.data[54:]
            pseudo = ip[8:40] + struct.pack("!IxxxB", len(tcp), 6)
        else:
            ip, tcp = frame.data[14:34], frame.data[34:]
            assert checksum(ip) == 0
            pseudo = ip[12:20] + struct.pack("!xBH", 6, len(tcp))
        assert checksum(pseudo + tcp) == 0


def test_drawn_segwit_addresses_have_valid_checksums():
    assert bech32.decode("bc", address("BTC", random.Random(1)))[0] == 0


@pytest.mark.parametrize("coin", sorted(DRAW))
def test_drawn_wallets_are_recognized_as_their_coin(coin):
    from davylamp.dialects.wallets import recognise

    if coin in ("ALPH", "BEAM", "KDA", "IRON"):
        pytest.skip("the address has no checksum to hold it to")
    found = recognise(address(coin, random.Random(4)))
    assert coin in {c for reading in found for c in reading.coins}
    assert any(reading.checksum == "verified" for reading in found)


@pytest.mark.parametrize(
    "text", ["dialect=nonsense", "minutes=-1", "hashrate=fast", "colour=red", "rigs=100000", "midway=maybe"]
)
def test_a_miner_that_cannot_be_meant_is_refused_with_its_key(text):
    with pytest.raises(BadUse, match=text.split("=")[0]):
        parse_miner(text)


def test_hashrates_take_the_usual_multiples():
    assert parse_miner("hashrate=2.5k").hashrate == 2500
    assert parse_miner("hashrate=110T").hashrate == 110e12
