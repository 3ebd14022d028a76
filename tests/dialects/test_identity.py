"""Identity: coins and algorithms named from facts of public chains, refused where facts do not suffice.

Heights, targets and block ids in the tests are those of the public chains on the day, as block explorers show them.
"""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import base58
import pytest
from Crypto.Hash import keccak
from hypothesis import given
from hypothesis import strategies as st

from davylamp import tables
from davylamp.dialects import identity_chain as chain
from davylamp.dialects.identity import Evidence, Identity, identify

XMRIG = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
FUND = "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"
GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
TESTNET = "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8"  # version 111 over twenty zero bytes


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


MAY_2018 = at("2018-05-19")


def swapped(block_id):
    """A block id as Stratum V1 sends it: the 32-bit words in reverse order."""
    return "".join(block_id[i : i + 8] for i in range(56, -8, -8))


def outputs(*coins, commits=False):
    """The tail of a coinbase that pays these amounts to empty hashes."""
    pay = [int(c * 1e8).to_bytes(8, "little") + b"\x19\x76\xa9\x14" + bytes(20) + b"\x88\xac" for c in coins]
    if commits:
        pay.append(bytes(8) + b"\x26" + bytes.fromhex("6a24aa21a9ed") + bytes(32))
    return b"/tail/" + b"\xff" * 4 + bytes([len(pay)]) + b"".join(pay) + bytes(4)


def stratum(day_ns=MAY_2018, **more):
    return identify(Evidence("stratum-v1", first_ns=day_ns, agents=["cgminer/4.9.0"], **more))


# --- Bitcoin's family --------------------------------------------------------------------------------------

BITCOIN = {"heights": (523_347, 523_347), "nbits": [0x1743ECA9]}
BITCOIN_CASH = {"heights": (530_844, 530_844), "nbits": [0x1801F136]}
LITECOIN = {"heights": (1_424_154, 1_424_154), "nbits": [0x1A0193D4], "prev_hashes": [swapped("a7d9" * 16)]}
DASH = {"heights": (872_439, 872_439), "nbits": [0x193C1CBD]}


@pytest.mark.parametrize(
    ("facts", "coin", "algorithm"),
    [
        (BITCOIN, "BTC", "sha256d"),
        (BITCOIN_CASH, "BCH", "sha256d"),
        (LITECOIN, "LTC", "scrypt"),
        (DASH, "DASH", "x11"),
    ],
    ids=["BTC", "BCH", "LTC", "DASH"],
)
def test_height_and_difficulty_of_a_day_name_the_chain(facts, coin, algorithm):
    found = stratum(**facts)
    assert (found.coin, found.algorithm) == (coin, algorithm)
    assert found.candidates[0].coin == coin
    assert "2018-05-19" in found.candidates[0].because


def test_the_same_facts_years_later_name_nothing():
    """A clock that is years wrong must not turn into a coin."""
    assert stratum(at("2023-05-19"), **BITCOIN_CASH).coin is None


def test_a_pool_that_switches_to_another_chain_is_named_by_the_chain_not_by_its_habit():
    """A host said to be for Bitcoin Cash hands out Bitcoin's height, target and witness commitment."""
    found = stratum(**BITCOIN, pools=["bch.viabtc.com"], coinbase_tails=[outputs(12.8, commits=True)])
    assert found.coin == "BTC"


def test_a_witness_commitment_rules_out_bitcoin_cash():
    with_it = stratum(nbits=[0x1801F136], coinbase_tails=[outputs(12.6, commits=True)])
    without = stratum(nbits=[0x1801F136], coinbase_tails=[outputs(12.6)])
    weight = {name: {c.coin: c.weight for c in f.candidates} for name, f in (("c", with_it), ("n", without))}
    assert weight["c"].get("BCH", 0) < 0.1 * weight["n"]["BCH"]


def test_a_target_easier_than_bitcoin_ever_allowed_is_not_sha256d():
    """0x1d7b5889 lies above 0x1d00ffff, Bitcoin's easiest, on main and test networks alike."""
    assert stratum(at("2014-05-27"), nbits=[0x1D7B5889], heights=(283_305, 283_305)).algorithm != "sha256d"


def test_a_test_networks_coin_is_named_by_its_address_and_noted():
    found = stratum(
        at("2014-05-27"),
        nbits=[0x1D7B5889],
        heights=(283_305, 283_305),
        prev_hashes=[swapped("02c03985" * 8)],
        logins=[TESTNET],
        share_difficulty=32.0,
    )
    assert (found.coin, found.algorithm) == ("LTC", "scrypt")
    assert any("test network" in note for note in found.notes)


def test_nothing_but_a_subscription_names_no_coin_no_algorithm_and_no_factor():
    found = stratum()
    assert (found.coin, found.algorithm, found.factor) == (None, None, None)
    assert "not certain" in found.factor_note
    assert found.candidates[0].coin == "BTC"


def test_version_rolling_settles_the_algorithm_but_not_the_coin():
    found = stratum(traits={"version_rolling": "1"})
    assert (found.coin, found.algorithm) == (None, "sha256d")
    assert found.factor.estimate == pytest.approx(2**48 / 65535)


@pytest.mark.parametrize(
    ("facts", "low", "high"),
    [(BITCOIN, 2**32, 2**48 / 65535), (LITECOIN, 65_536, 65_538), (DASH, 2**32, 2**48 / 65535)],
    ids=["BTC", "LTC", "DASH"],
)
def test_a_unit_of_difficulty_is_worth_what_the_algorithm_says(facts, low, high):
    factor = stratum(**facts).factor
    assert low <= factor.low <= factor.estimate <= factor.high <= high
    assert factor.convention.startswith("D x 2^")


def test_blocks_of_another_coin_than_any_known_are_left_unknown():
    """Bitcoin's kind of block with a difficulty and a height that no chain of the table has."""
    found = stratum(at("2024-06-01"), nbits=[0x1B0404CB], heights=(77_777_777, 77_777_777))
    assert found.coin is None


def test_a_pool_is_recognized_by_its_text_in_the_coinbase():
    script = bytes(42) + b"\x03\x53\xfc\x07/ViaBTC/Mined by nobody/"
    assert stratum(**BITCOIN, coinbases=[script]).pool == "ViaBTC"


def test_a_height_inside_the_coinbase_serves_where_the_dialect_named_none():
    script = bytes.fromhex("0100000001") + bytes(32) + b"\xff" * 4 + b"\x28" + b"\x03\x53\xfc\x07" + bytes(20)
    assert stratum(nbits=[0x1743ECA9], coinbases=[script]).coin == "BTC"


# --- Ethereum's family -------------------------------------------------------------------------------------


def seed_of(epoch):
    """The Ethash seed: Keccak-256 over 32 zero bytes, epoch times."""
    seed = bytes(32)
    for _ in range(epoch):
        seed = keccak.new(digest_bits=256, data=seed).digest()
    return "0x" + seed.hex()


def eth(day, **more):
    return identify(Evidence("eth-proxy", first_ns=at(day), **more))


@pytest.mark.parametrize(
    ("day", "height", "coin", "algorithm"),
    [
        ("2018-05-19", 5_860_000, "ETC", "ethash"),
        ("2018-05-19", 5_640_000, "ETH", "ethash"),
        ("2021-04-15", 12_244_000, "ETH", "ethash"),
        ("2022-02-12", 14_525_000, "ETC", "etchash"),
        ("2024-02-04", 19_250_000, "ETC", "etchash"),
    ],
)
def test_the_epoch_of_the_seed_tells_ethereum_from_classic(day, height, coin, algorithm):
    """Since block 11,700,000 Classic's epochs have 60,000 blocks and take every second seed (ECIP-1099)."""
    blocks = 60_000 if algorithm == "etchash" else 30_000
    found = eth(day, seeds=[seed_of(height // blocks * blocks // 30_000)])
    assert (found.coin, found.algorithm) == (coin, algorithm)


def test_ethereum_is_impossible_after_the_merge():
    found = eth("2022-12-01", logins=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"])
    assert "ETH" not in {c.coin for c in found.candidates}


def test_epochs_count_from_the_first_seed():
    assert chain.epoch_of("0x" + "00" * 32) == 0
    assert chain.epoch_of("0x290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563") == 1
    assert chain.epoch_of("ab" * 32) is None


# --- Monero's family ---------------------------------------------------------------------------------------


def monero(day="2021-02-11", **more):
    return identify(Evidence("monero", first_ns=at(day), **more))


def test_an_algorithm_height_and_wallet_name_monero():
    found = monero(algorithms=["rx/0"], heights=(2_294_000, 2_294_010), logins=[XMRIG + ".rig"])
    assert (found.coin, found.algorithm, found.payout_coin) == ("XMR", "rx/0", "XMR")
    assert (found.wallet, found.worker) == (XMRIG, "rig")


@pytest.mark.parametrize(
    ("day", "version", "algorithm"),
    [
        ("2017-01-16", 4, "cn/0"),
        ("2018-09-11", 7, "cn/1"),
        ("2019-01-15", 9, "cn/2"),
        ("2019-06-01", 11, "cn/r"),
        ("2021-06-01", 14, "rx/0"),
    ],
)
def test_the_day_tells_moneros_algorithm_where_the_pool_does_not(day, version, algorithm):
    """Fork days and versions: monero src/hardforks/hardforks.cpp."""
    found = monero(day, blob_versions=[version], logins=[FUND])
    assert (found.coin, found.algorithm) == ("XMR", algorithm)


def test_a_relative_of_monero_is_told_by_its_algorithm():
    assert monero(algorithms=["rx/wow"]).coin == "WOW"
    assert monero("2023-01-01", algorithms=["ghostrider"]).coin == "RTM"


def test_a_young_relative_on_the_same_algorithm_is_told_by_its_height():
    """Block 300,000 is not Monero's in 2025; the relative's own height is not in the tables."""
    found = monero("2025-01-01", algorithms=["rx/0"], heights=(300_000, 300_001))
    assert found.coin is None
    assert found.algorithm == "rx/0"


def cryptonote(prefix):
    """An address of two zero keys: varint prefix, keys, 4 bytes of Keccak, in Monero's base58."""
    payload = b""
    while prefix >= 0x80:
        payload, prefix = payload + bytes([prefix & 0x7F | 0x80]), prefix >> 7
    payload += bytes([prefix]) + bytes(64)
    payload += keccak.new(digest_bits=256, data=payload).digest()[:4]
    sizes = {8: 11, 7: 10, 6: 9, 5: 7, 4: 6, 3: 5, 2: 3, 1: 2}
    blocks = [payload[i : i + 8] for i in range(0, len(payload), 8)]
    return "".join(base58.b58encode(b.lstrip(b"\0")).decode().rjust(sizes[len(b)], "1") for b in blocks)


def test_a_relatives_own_address_names_it():
    """Zephyr's prefix spells its name in base58; the address is of zero keys."""
    address = cryptonote(0x6241D18C0)
    assert address.startswith("ZEPHYR")
    assert monero("2024-06-01", algorithms=["rx/0"], logins=[address]).coin == "ZEPH"


def test_a_pool_that_switches_algorithms_has_no_single_one():
    found = monero(algorithms=["rx/0", "cn-heavy/xhv"], pools=["gulf.moneroocean.stream"], logins=[FUND])
    assert found.algorithm is None
    assert found.payout_coin == "XMR"
    assert any("changes the algorithm" in note for note in found.notes)


def test_an_algorithm_nobody_knows_is_told_as_the_pool_names_it():
    found = monero(algorithms=["rx/new"])
    assert (found.coin, found.algorithm) == (None, "rx/new")


# --- who, where, what for ----------------------------------------------------------------------------------


def test_a_market_pays_in_bitcoin_whatever_is_mined():
    found = monero(algorithms=["rx/0"], pools=["randomxmonero.auto.nicehash.com"], logins=[GENESIS + ".w"])
    assert found.payout_coin == "BTC"
    assert any("sells hashpower" in note for note in found.notes)


def test_a_foreign_wallet_is_paid_and_not_mined():
    found = monero(algorithms=["rx/0"], logins=["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.w"])
    assert (found.coin, found.payout_coin) == ("XMR", "BTC")


@pytest.mark.parametrize(
    "evidence",
    [
        {"pools": ["donate.v2.xmrig.com:3333"]},
        {"logins": [XMRIG]},
        {"logins": ["ab" * 32], "agents": ["XMRig/6.21.0 (Linux x86_64)"]},
    ],
    ids=["pool", "wallet", "user id"],
)
def test_sessions_for_the_programs_author_are_donations(evidence):
    found = monero(algorithms=["rx/0"], **evidence)
    assert found.donation
    assert any(note.startswith("donation: ") for note in found.notes)


def test_a_session_for_oneself_is_no_donation():
    assert not monero(logins=[FUND], agents=["XMRig/6.21.0"], pools=["pool.supportxmr.com"]).donation


def test_a_user_id_is_not_shown_as_a_wallet():
    assert monero(logins=["ab" * 32], agents=["XMRig/6.21.0"]).wallet is None


def test_a_wallet_whose_checksum_fails_is_told():
    found = monero(logins=[XMRIG[:-1] + "E"])
    assert any("checksum" in note for note in found.notes)


def test_the_user_of_a_share_serves_where_the_login_was_missed():
    address = base58.b58encode_check(b"\x1c\xb8" + bytes(20)).decode()
    found = identify(Evidence("equihash", first_ns=at("2018-01-01"), workers=[address + ".rig7"]))
    assert (found.wallet, found.worker) == (address, "rig7")


@pytest.mark.parametrize(
    ("size", "algorithm", "coin"),
    [(1347, "equihash/200,9", None), (52, "equihash/125,4", "FLUX"), (100, "equihash/144,5", None)],
)
def test_the_length_of_a_solution_tells_equihashs_parameters(size, algorithm, coin):
    """And the coin only where no other is known to use them."""
    found = identify(Evidence("equihash", first_ns=at("2020-06-01"), solution_bytes=size))
    assert (found.algorithm, found.coin) == (algorithm, coin)


def test_chia_has_no_hashes():
    found = identify(Evidence("chia", first_ns=at("2024-06-01"), share_difficulty=10.0))
    assert found.factor is None
    assert "plots" in found.factor_note


@pytest.mark.parametrize("dialect", [row.dialect for row in tables.dialects()])
def test_every_dialect_has_candidates_without_any_evidence(dialect):
    found = identify(Evidence(dialect, first_ns=at("2024-06-01")))
    assert found.candidates
    assert sum(c.weight for c in found.candidates) <= 1.0


# --- what must hold whatever comes -------------------------------------------------------------------------

texts = st.text(max_size=80)
several = st.lists(texts, max_size=3)
evidences = st.builds(
    Evidence,
    dialect=st.sampled_from([row.dialect for row in tables.dialects()]),
    first_ns=st.integers(-(2**70), 2**70) | st.integers(at("2010-01-01"), at("2030-01-01")),
    algorithms=several,
    traits=st.dictionaries(st.sampled_from(["algorithms", "version_rolling", "edge_bits"]), texts),
    logins=several,
    agents=several,
    workers=several,
    rig_ids=several,
    pools=several,
    nbits=st.lists(st.integers(-(2**40), 2**40), max_size=3),
    heights=st.none() | st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)),
    blob_versions=st.lists(st.integers(0, 255), max_size=2),
    seeds=st.lists(texts | st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=2),
    coinbases=st.lists(st.binary(max_size=200), max_size=2),
    coinbase_tails=st.lists(st.binary(max_size=200), max_size=2),
    prev_hashes=st.lists(texts | st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=2),
    solution_bytes=st.none() | st.integers(0, 5000),
    share_difficulty=st.none() | st.floats(),
)


@given(evidences)
def test_no_evidence_breaks_the_verdict(evidence):
    found = identify(evidence)
    assert isinstance(found, Identity)
    assert all(0 <= c.weight <= 1 and c.because for c in found.candidates)
    assert sum(c.weight for c in found.candidates) <= 1.0 + 1e-3
    if found.coin is not None:
        assert found.candidates[0].coin == found.coin
        assert found.candidates[0].weight >= 0.75
    assert found.factor is None or 0 < found.factor.low <= found.factor.estimate <= found.factor.high
    assert found.factor is None or found.factor.high <= 16 * found.factor.low


def test_only_the_dialect_is_required_of_evidence():
    assert [f.name for f in fields(Evidence) if f.name != "dialect"]
    assert identify(Evidence("monero")).coin is None


# --- chain facts -------------------------------------------------------------------------------------------


def test_compact_targets_read_as_bitcoin_writes_them():
    """0x1d00ffff is difficulty 1, 0x1b0404cb the wiki's example of 16307.420938523983."""
    assert chain.difficulty_of(0x1D00FFFF) == 1.0
    assert chain.difficulty_of(0x1B0404CB) == pytest.approx(16307.420938523983)
    for invalid in (0, -1, 0x1D800000, 0xFF123456, 0x00FFFFFF):
        assert chain.difficulty_of(invalid) is None


def test_the_reward_halves_with_the_height():
    bitcoin = next(row for row in tables.coins() if row.coin == "BTC")
    heights = (0, 209_999, 210_000, 630_000, 840_000)
    assert [chain.subsidy_of(bitcoin, h) for h in heights] == [50, 50, 25, 6.25, 3.125]


def test_a_coinbases_outputs_are_found_behind_the_rest_of_its_script():
    reward = chain.reward_of(outputs(12.5, 0.25, commits=True))
    assert reward == chain.Reward(12.75, True)
    assert chain.reward_of(outputs(25.0)[:-1]) is None


@given(st.binary(max_size=400))
def test_any_bytes_have_a_reward_or_none(data):
    chain.reward_of(data)
    chain.height_in(data)


def test_an_anchor_is_met_on_its_day_and_certainty_fades_with_distance():
    day = datetime(2020, 5, 11, tzinfo=UTC).date()
    near, far = (chain.expected_height("BTC", day + timedelta(days=d)) for d in (0, 90))
    assert near.mean == pytest.approx(630_000)
    assert near.spread < far.spread
    assert chain.expected_height("BTC", datetime(2008, 1, 1, tzinfo=UTC).date()) is None


def test_heights_go_on_after_the_last_anchor_at_the_coins_pace():
    """Monero: 720 blocks a day after August 2022."""
    days = 365
    last = datetime(2022, 8, 14, tzinfo=UTC).date()
    expected = chain.expected_height("XMR", last + timedelta(days=days))
    assert expected.mean == pytest.approx(2_689_608 + 720 * days, rel=1e-3)


def test_a_coin_that_only_remains_because_others_are_ruled_out_is_not_named():
    """Classic's height a month off: the height speaks against ETC, nothing speaks for another."""
    found = eth("2024-06-01", heights=(20_210_000, 20_210_000), logins=["0x" + "ab" * 20])
    assert found.coin is None
    assert found.candidates[0].coin != "ETC"
