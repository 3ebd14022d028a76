"""Every dialect from simulator to sighting: packets, reassembly, reading, counting, naming, rate."""

import pytest

from davylamp import tables
from davylamp.pipeline import scan
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import GROUNDS, Miner

SOLO = {"getblocktemplate"}  # a node's templates hold no shares
WITHOUT_RATE = {"chia", *SOLO}  # proofs of space are no hashes
NAMES = sorted(GROUNDS)


def test_the_simulator_knows_every_dialect():
    assert set(GROUNDS) == {row.dialect for row in tables.dialects()}


def told(tmp_path, miner, **weather):
    path = tmp_path / "a.pcap"
    truth = simulate_capture(Scene((miner,), noise_flows=6, seed=5, **weather), path)
    return truth["sessions"], scan([str(path)])


@pytest.mark.parametrize("name", NAMES)
def test_a_session_is_found_with_its_dialect_and_its_shares(tmp_path, name):
    truths, found = told(tmp_path, Miner(dialect=name, minutes=25))
    assert [s.dialect for s in found.sessions] == [name]
    session, truth = found.sessions[0], truths[0]
    assert session.client.ip == truth["client"]["ip"]
    assert session.server.port == truth["server"]["port"]
    if name in SOLO:
        return
    assert session.submitted == truth["submitted"]
    assert session.accepted == truth["accepted"]
    assert session.rejected == truth["rejected"]


@pytest.mark.parametrize("name", NAMES)
def test_a_session_is_named_as_it_was_simulated(tmp_path, name):
    truths, found = told(tmp_path, Miner(dialect=name, minutes=25, worker="desk7"))
    session, truth = found.sessions[0], truths[0]
    if name == "getwork":  # its simulated headers follow no chain, which speaks against every coin
        assert truth["coin"] in {c.coin for c in session.coin_candidates}
    else:
        assert (session.coin, session.algorithm) == (truth["coin"], truth["algorithm"])
    if name != "chia":  # its pool knows a launcher, and hears no name
        assert session.login == truth["login"]
        assert session.worker == truth["worker"]


@pytest.mark.parametrize("name", NAMES)
def test_the_work_of_a_session_is_what_was_simulated_or_is_refused(tmp_path, name):
    truths, found = told(tmp_path, Miner(dialect=name, minutes=25))
    session = found.sessions[0]
    if session.work is None:
        assert name in WITHOUT_RATE
        assert session.work_note
        assert session.hashrate_hps is None
        assert session.hashrate_note
    elif name not in SOLO:
        low = session.work.hashes * session.work.low_factor
        high = session.work.hashes * session.work.high_factor
        assert low * 0.999 <= truths[0]["work_hashes"] <= high * 1.001


@pytest.mark.parametrize("name", NAMES)
def test_a_session_joined_in_the_middle_is_found(tmp_path, name):
    _, found = told(tmp_path, Miner(dialect=name, minutes=40, midway=True))
    assert [s.dialect for s in found.sessions] == [name]
    assert found.sessions[0].joined_midway


@pytest.mark.parametrize("name", ["monero", "stratum-v1", "equihash", "stratum-v2", "getwork"])
def test_loss_repeats_and_disorder_do_not_hide_a_session(tmp_path, name):
    truths, found = told(tmp_path, Miner(dialect=name, minutes=25), lost=0.02, repeated=0.05, swapped=0.05)
    assert {s.dialect for s in found.sessions} == {name}
    assert sum(s.submitted for s in found.sessions) <= truths[0]["submitted"]
    assert sum(s.submitted for s in found.sessions) >= 0.7 * truths[0]["submitted"]


def test_what_is_encrypted_gives_no_session(tmp_path):
    _, found = told(tmp_path, Miner(dialect="monero", minutes=10, tls=True))
    assert found.sessions == []


def test_reconnects_are_sessions_of_one_sighting(tmp_path):
    _, found = told(tmp_path, Miner(dialect="monero", minutes=60, reconnect=20))
    assert len(found.sessions) == 3
    assert [(s.kind, len(s.sessions)) for s in found.sightings] == [("mining", 3)]


def test_noise_alone_is_quiet(tmp_path):
    path = tmp_path / "noise.pcap"
    simulate_capture(Scene((), noise_flows=200, seed=3), path)
    assert scan([str(path)]).sightings == []
