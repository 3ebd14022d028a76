"""Wallets and logins: published addresses and specification vectors, checksums that can fail, habits of pools."""

import csv

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.dialects.wallet_codes import decode_monero, split_varint
from davylamp.dialects.wallets import LoginParts, recognise, split_login

from support import shared_data

XMRIG = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
SUBADDRESS = "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"
GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
BIP173 = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
BIP350 = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
CASHADDR = "bitcoincash:qr6m7j9njldwwzlg9v7v53unlr4jkmx6eylep8ekg2"
CIP37 = "cfx:aak2rra2njvd77ezwjvx04kkds9fzagfe6ku8scz91"
KASPA = "kaspa:qr0lr4ml9fn3chekrqmjdkergxl93l4wrk3dankcgvjq776s9wn9jkdskewva"
NANO = "nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3"
CHIA = "xch1f0ryxk6qn096hefcwrdwpuph2hm24w69jnzezhkfswk0z2jar7aq5zzpfj"
ERGO = "9fRAWhdxEsTcdb8PhGNrZfwqa65zfkuYHAMmkQLcic1gdLSV5vA"
EIP55 = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

PUBLISHED = [
    (XMRIG, "XMR", "standard"),  # XMRig's README, donations
    (SUBADDRESS, "XMR", "subaddress"),  # getmonero.org, general fund
    (GENESIS, "BTC", "public key hash"),  # block 0
    (BIP173, "BTC", "segwit"),
    (BIP350, "BTC", "taproot or later"),
    (CASHADDR, "BCH", "cashaddr"),  # the specification's first test vector
    (CIP37, "CFX", "account"),
    (KASPA, "KAS", "account"),
    (CHIA, "XCH", "puzzle hash"),
    (ERGO, "ERG", "public key"),  # docs.ergoplatform.com, address example
    (EIP55, "ETC", "account"),
    (NANO, "XNO", "account"),
]
CASELESS = (BIP173, BIP350, CASHADDR, CIP37, KASPA, CHIA)


@pytest.mark.parametrize(("address", "coin", "kind"), PUBLISHED, ids=[row[1] for row in PUBLISHED])
def test_a_published_address_is_verified_as_its_coins(address, coin, kind):
    best = recognise(address)[0]
    assert coin in best.coins
    assert (best.kind, best.network, best.checksum) == (kind, "main", "verified")


@pytest.mark.parametrize("address", [row[0] for row in PUBLISHED], ids=[row[1] for row in PUBLISHED])
def test_one_changed_character_is_never_verified(address):
    """Each position in the second half, replaced by a neighbour of the same alphabet."""
    for place in range(len(address) // 2, len(address)):
        letter = address[place]
        other = next(c for c in "23456789acdefgh" if c != letter.lower())
        wrong = address[:place] + other + address[place + 1 :]
        assert all(r.checksum != "verified" for r in recognise(wrong)), wrong


def test_eip_55_vectors_hold_and_one_case_alone_says_nothing():
    for digits in (
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "D1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ):
        assert recognise("0x" + digits)[0].checksum == "verified"
        assert recognise("0x" + digits.lower())[0].checksum == "not checkable"
        assert recognise("0x" + digits.swapcase())[0].checksum == "failed"


@pytest.mark.parametrize("address", CASELESS)
def test_an_address_in_capitals_is_the_same_and_in_mixed_case_is_none(address):
    assert recognise(address.upper())[0].normalized == address
    mixed = address[:-5] + address[-5:].upper()
    assert all(r.checksum != "verified" for r in recognise(mixed))


def test_bip_350_forbids_the_old_checksum_on_taproot_and_the_new_one_on_segwit():
    """The specification's invalid vectors: bech32 on version 1, bech32m on version 0."""
    for wrong in (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ):
        assert [r.checksum for r in recognise(wrong)] == ["failed"]


def test_a_cashaddr_without_prefix_is_found_by_its_checksum():
    bare = CASHADDR.partition(":")[2]
    assert recognise(bare)[0].normalized == CASHADDR


def test_a_shared_version_gives_every_coin_that_has_it():
    assert {"BTC", "BCH"} <= set(recognise(GENESIS)[0].coins)
    zero_hash = base58.b58encode_check(b"\x1c\xb8" + bytes(20)).decode()
    assert zero_hash.startswith("t1")
    assert {"ZEC", "FLUX"} <= set(recognise(zero_hash)[0].coins)


def test_a_test_network_address_says_so():
    """Version 111 over twenty zero bytes."""
    best = recognise("mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8")[0]
    assert (best.network, best.checksum) == ("test", "verified")
    assert "LTC" in best.coins


def test_formats_without_checksum_are_not_called_verified():
    assert recognise("ab" * 32)[0].checksum == "not checkable"
    assert recognise("k:" + "ab" * 32)[0].coins == ("KDA",)


@pytest.mark.parametrize(
    "text", ["", "Bitcoin", "user.worker", "x" * 95, "4" * 95 + "!", "1" * 500, "0xZZ", "k:"]
)
def test_names_and_rubbish_are_no_wallets(text):
    assert [r for r in recognise(text) if r.checksum == "verified"] == []


@given(
    st.text(max_size=400)
    | st.text("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", max_size=220)
)
def test_any_text_can_be_asked_and_none_is_verified_by_chance(text):
    assert [r for r in recognise(text) if r.checksum == "verified"] == []


@given(st.binary(max_size=30))
def test_a_number_of_base_128_is_bounded(data):
    parts = split_varint(data)
    assert parts is None or 0 <= parts[0] < 2**63


def test_moneros_base58_refuses_blocks_that_do_not_fit_their_bytes():
    """Eleven z are 58^11 - 1, above 2^64; eleven 1 are zero."""
    assert decode_monero("z" * 11) is None
    assert decode_monero("1" * 11) == bytes(8)


# --- logins ------------------------------------------------------------------------------------------------

PAYMENT = "0123456789abcdef" * 4
LOGINS = [
    (XMRIG, {"wallet": XMRIG}),
    (XMRIG + ".rig1", {"wallet": XMRIG, "worker": "rig1"}),
    (XMRIG + "+10000", {"wallet": XMRIG, "fixed_difficulty": 10000.0}),
    (XMRIG + ".rig1+5000", {"wallet": XMRIG, "worker": "rig1", "fixed_difficulty": 5000.0}),
    (f"{XMRIG}.{PAYMENT}.ryzen", {"wallet": XMRIG, "worker": "ryzen", "extra": PAYMENT}),
    (f"{XMRIG}.{PAYMENT}", {"wallet": XMRIG, "extra": PAYMENT}),
    (XMRIG + "/rig/me@example.org", {"wallet": XMRIG, "worker": "rig", "email": "me@example.org"}),
    (XMRIG + ".rig/me@example", {"wallet": XMRIG, "worker": "rig", "email": "me@example"}),
    (XMRIG + ":rig", {"wallet": XMRIG, "worker": "rig"}),
    (XMRIG + ".rig-7_b", {"wallet": XMRIG, "worker": "rig-7_b"}),
    ("solo:" + XMRIG + ".a", {"wallet": XMRIG, "worker": "a", "extra": "solo"}),
    (KASPA + ".w1", {"wallet": KASPA, "worker": "w1"}),
    (CASHADDR + ".w1", {"wallet": CASHADDR, "worker": "w1"}),
    (EIP55 + ".gpu", {"wallet": EIP55, "worker": "gpu"}),
    (NANO + ".x", {"wallet": NANO, "worker": "x"}),
    ("DOGE:" + EIP55 + ".gpu#ab-12", {"wallet": EIP55, "worker": "gpu", "extra": "DOGE ab-12"}),
    ("user.worker", {"account": "user", "worker": "worker"}),
    ("user.group.worker", {"account": "user", "worker": "group.worker"}),
    ("user/worker", {"account": "user", "worker": "worker"}),
    ("Bitcoin", {"account": "Bitcoin"}),
    ("user:secret", {"account": "user"}),
    ("", {}),
]


@pytest.mark.parametrize(("login", "parts"), LOGINS, ids=[row[0][-24:] or "empty" for row in LOGINS])
def test_a_login_comes_apart_by_the_habits_of_pools(login, parts):
    found = split_login(login)
    said = {
        name: value
        for name in LoginParts.__dataclass_fields__
        if name != "readings" and (value := getattr(found, name)) is not None
    }
    assert said == parts


def test_a_password_behind_an_account_name_is_not_kept():
    assert "secret" not in str(split_login("user:secret"))


@given(st.text(max_size=600))
def test_any_login_comes_apart_into_bounded_parts(login):
    parts = split_login(login)
    for value in (parts.wallet, parts.worker, parts.rig, parts.email, parts.account, parts.extra):
        assert value is None or len(value) <= 512


@pytest.mark.shared
def test_recorded_logins_that_begin_with_a_wallet_have_it_read_and_verified():
    """Every XMR, ZEC and testnet login of the truth; ``0x`` addresses in lower case cannot be checked."""
    with (shared_data() / "mining" / "truth.tsv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["is_mining"] == "yes"]
    logins = {r["wallet_or_login"].split(";")[0].strip() for r in rows}
    wallets = {text for text in logins if len(text) >= 34}
    assert len(wallets) >= 8
    for login in wallets:
        parts = split_login(login)
        assert parts.wallet is not None, login
        assert login.startswith(parts.wallet)
        expected = "not checkable" if login.startswith("0x") else "verified"
        assert parts.readings[0].checksum == expected, login
