"""Real clients and pools that do not keep to the letter of a dialect: read as what they are, or refused aloud.

Each quirk names who has it; the expected counts are worked out by hand.
"""

import random

import orjson
import pytest

from davylamp.dialects.reading import Reader
from davylamp.flows.framing import Conversation
from davylamp.flows.reassembly import Segment
from davylamp.records import ACK, PSH, Endpoint, Opening
from davylamp.simulate.addresses import address

SECOND_NS = 1_000_000_000
START_NS = 1_717_200_000 * SECOND_NS
ENDS = Opening(1, "t", Endpoint("10.0.0.1", 40000), Endpoint("198.51.100.1", 3333), joined_midway=False)
H32 = "5f" * 32
COINBASE = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff2003b0e80c2f"
TAIL = "ffffffff01807c814a000000001976a914" + "11" * 20 + "88ac00000000"
C, S = True, False
USER = address("BTC", random.Random(1)) + ".rig"


def read(*lines):
    """The session of lines that come one second apart, each (side, JSON value or bytes)."""
    conversation, reader = Conversation(isn_client=0, isn_server=0), Reader(ENDS)
    at = {C: 1, S: 1}
    for i, (side, value) in enumerate(lines):
        data = value if isinstance(value, bytes) else orjson.dumps(value) + b"\n"
        segment = Segment(START_NS + i * SECOND_NS, at[side], ACK | PSH, at[not side], data, len(data))
        at[side] += len(data)
        for message in conversation.push(side, segment):
            reader.feed(message)
    for message in conversation.flush():
        reader.feed(message)
    return reader.close(conversation.names)


def counts(session):
    return session.submitted, session.accepted, session.rejected


def notify(job="b1", clean=True, **beside):
    params = [job, H32, COINBASE, TAIL, [], "20000000", "17034219", "665a0000", clean]
    return (S, {"id": None, "method": "mining.notify", "params": params, **beside})


def difficulty(value):
    return (S, {"id": None, "method": "mining.set_difficulty", "params": [value]})


def share(number, job="b1", nonce="00000001", **beside):
    params = [USER, job, "00000000", "665a0001", nonce]
    return (C, {"id": number, "method": "mining.submit", "params": params, **beside})


def granted(number, **beside):
    return (S, {"id": number, "result": True, "error": None, **beside})


SUBSCRIBE = (C, {"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.12.1"]})
SUBSCRIBED = (S, {"id": 1, "result": [[["mining.notify", "ae"]], "08000002", 4], "error": None})
AUTHORIZE = (C, {"id": 2, "method": "mining.authorize", "params": [USER, "x"]})
LOGIN = (SUBSCRIBE, SUBSCRIBED, AUTHORIZE, granted(2))
UNIT = 2.0**48 / 65535  # hashes per difficulty of SHA256d


def work(session):
    return session.work.hashes / UNIT


# --- Stratum V1: difficulty --------------------------------------------------------------------------------


def test_a_job_before_the_first_difficulty_takes_it():
    """ckpool and others send the first job with or before the difficulty."""
    session = read(*LOGIN, notify(), difficulty(512), share(3), granted(3))
    assert counts(session) == (1, 1, 0)
    assert work(session) == pytest.approx(512)
    assert (session.work.low_factor, session.work.high_factor) == pytest.approx((1, 1), rel=1e-3)


def test_a_share_of_the_running_job_after_a_change_is_worth_between_old_and_new():
    """public-pool issue 39: enforced at once; by the protocol only from the next job on."""
    session = read(*LOGIN, difficulty(1000), notify(), difficulty(4000), share(3), granted(3))
    assert work(session) == pytest.approx(1000)
    assert session.work.low_factor == pytest.approx(1, rel=1e-3)
    assert session.work.high_factor == pytest.approx(4)
    assert any("change of difficulty" in note for note in session.notes)


def test_a_share_of_the_next_job_is_worth_the_new_difficulty():
    talk = [*LOGIN, difficulty(1000), notify(), difficulty(4000), notify("b2"), share(3, "b2"), granted(3)]
    session = read(*talk)
    assert work(session) == pytest.approx(4000)
    assert session.work.high_factor == pytest.approx(1)


def test_a_late_share_of_the_old_job_keeps_the_old_difficulty_at_least():
    talk = [
        *LOGIN,
        difficulty(4000),
        notify(),
        difficulty(1000),
        notify("b2", clean=False),
        share(3),
        granted(3),
    ]
    session = read(*talk)
    assert work(session) == pytest.approx(4000)
    assert session.work.low_factor == pytest.approx(0.25, rel=1e-3)


def test_the_same_difficulty_again_leaves_no_doubt():
    session = read(*LOGIN, difficulty(64), notify(), difficulty(64), share(3), granted(3))
    assert (session.work.low_factor, session.work.high_factor) == pytest.approx((1, 1), rel=1e-3)


def test_a_difficulty_whose_start_was_not_captured_is_not_guessed_backwards():
    session = read(notify(), share(3), granted(3), difficulty(512), share(4, nonce="00000002"), granted(4))
    assert counts(session) == (2, 2, 0)
    assert session.work is None
    assert "before the capture" in session.work_note


@pytest.mark.parametrize(("sent", "meant"), [(0.001, 0.001), ("512", 512), ("0.5", 0.5), (2**40, 2**40)])
def test_difficulties_may_be_fractions_and_text(sent, meant):
    session = read(*LOGIN, difficulty(sent), notify(), share(3), granted(3))
    assert work(session) == pytest.approx(meant)


@pytest.mark.parametrize("sent", [0, -1, "x", None, [], "NaN", 1e400])
def test_a_difficulty_that_cannot_be_changes_nothing(sent):
    session = read(
        *LOGIN,
        difficulty(8),
        (
            S,
            orjson.dumps(
                {"method": "mining.set_difficulty", "id": None, "params": [sent] if sent != 1e400 else []}
            )
            + b"\n",
        ),
        notify(),
        share(3),
        granted(3),
    )
    assert work(session) == pytest.approx(8)


def test_a_difficulty_that_the_miner_suggests_is_not_in_force():
    suggested = (C, {"id": 9, "method": "mining.suggest_difficulty", "params": [65536]})
    session = read(*LOGIN, suggested, difficulty(16), notify(), share(3), granted(3))
    assert work(session) == pytest.approx(16)


# --- Stratum V1: order and answers -------------------------------------------------------------------------

REFUSALS = {
    "result null, error array (stratum-mining, ckpool)": {
        "result": None,
        "error": [21, "Job not found", None],
    },
    "result false, error array": {"result": False, "error": [23, "Low difficulty share", None]},
    "result false, error null (a few clones)": {"result": False, "error": None},
    "error object (Miningcore)": {"result": None, "error": {"code": 21, "message": "stale", "data": None}},
    "no result (public-pool)": {"error": [20, "Other/Unknown", None]},
    "error as text": {"result": None, "error": "low difficulty"},
    "error as number": {"result": None, "error": 23},
}
GRANTS = {
    "result true, error null": {"result": True, "error": None},
    "no error": {"result": True},
    "error empty list (yiimp clones)": {"result": True, "error": []},
    "jsonrpc 2.0": {"jsonrpc": "2.0", "result": True},
    "method null": {"result": True, "error": None, "method": None},
    "method empty": {"result": True, "error": None, "method": ""},
    "method repeated": {"result": True, "error": None, "method": "mining.submit"},
    "reject reason null (ckpool)": {"reject-reason": None, "result": True, "error": None},
}


@pytest.mark.parametrize("how", REFUSALS)
def test_refusals_in_every_form_are_refusals(how):
    session = read(*LOGIN, difficulty(8), notify(), share(3), (S, {"id": 3, **REFUSALS[how]}))
    assert counts(session) == (1, 0, 1)


@pytest.mark.parametrize("how", GRANTS)
def test_grants_in_every_form_are_grants(how):
    session = read(*LOGIN, difficulty(8), notify(), share(3), (S, {"id": 3, **GRANTS[how]}))
    assert counts(session) == (1, 1, 0)


@pytest.mark.parametrize(("asked", "told"), [(3, "3"), ("3", 3), ("a-7", "a-7"), (3, 3.0), (2**40, 2**40)])
def test_ids_pair_as_text_and_number(asked, told):
    session = read(*LOGIN, difficulty(8), notify(), share(asked), granted(told))
    assert counts(session) == (1, 1, 0)


def test_an_answer_without_id_grants_the_only_share_in_flight():
    session = read(
        *LOGIN, difficulty(8), notify(), share(3), (S, {"id": None, "result": True, "error": None})
    )
    assert session.submitted == 1
    assert session.accepted <= 1


def test_a_job_may_come_before_the_subscription_is_answered():
    session = read(
        SUBSCRIBE, notify(), difficulty(8), SUBSCRIBED, AUTHORIZE, granted(2), share(3), granted(3)
    )
    assert counts(session) == (1, 1, 0)
    assert work(session) == pytest.approx(8)


def test_a_miner_that_uses_one_id_for_all_shares_is_counted():
    """cpuminer sends id 4 with every share."""
    talk = [*LOGIN, difficulty(8), notify(), share(4), share(4, nonce="00000002"), granted(4)]
    session = read(*talk, (S, {"id": 4, "result": None, "error": [23, "low", None]}))
    assert counts(session) == (2, 1, 1)


def test_answers_in_one_array_pair_one_by_one():
    batch = [{"id": 3, "result": True, "error": None}, {"id": 4, "result": False, "error": None}]
    session = read(*LOGIN, difficulty(8), notify(), share(3), share(4, nonce="00000002"), (S, batch))
    assert counts(session) == (2, 1, 1)


def test_job_ids_may_be_numbers_and_clean_a_number():
    job = notify(7)[1] | {"params": [7, H32, COINBASE, TAIL, [], "20000000", "17034219", "665a0000", 1]}
    session = read(*LOGIN, difficulty(8), (S, job), share(3, 7), granted(3))
    assert counts(session) == (1, 1, 0)
    assert session.jobs == 1
    assert work(session) == pytest.approx(8)


@pytest.mark.parametrize("nonce", ["1a2b3c4d", "1A2B3C4D"])
def test_nonces_in_every_spelling_are_shares(nonce):
    session = read(*LOGIN, difficulty(8), notify(), share(3, nonce=nonce), granted(3))
    assert counts(session) == (1, 1, 0)


def test_rolled_versions_are_shares():
    """Braiins, Antminer and Whatsminer firmware with version rolling."""
    rolled = (
        C,
        {
            "id": 3,
            "method": "mining.submit",
            "params": [USER, "b1", "00000000", "665a0001", "00000001", "1fffe000"],
        },
    )
    configure = (
        C,
        {
            "id": 9,
            "method": "mining.configure",
            "params": [
                ["version-rolling"],
                {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2},
            ],
        },
    )
    agreed = (
        S,
        {"id": 9, "error": None, "result": {"version-rolling": True, "version-rolling.mask": "1fffe000"}},
    )
    session = read(configure, agreed, *LOGIN, difficulty(8), notify(), rolled, granted(3))
    assert counts(session) == (1, 1, 0)
    assert session.algorithm == "sha256d"


def test_parameters_as_an_object_do_not_raise_and_lose_nothing_else():
    odd = (S, {"id": None, "method": "mining.notify", "params": {"job": "b9"}})
    session = read(*LOGIN, difficulty(8), notify(), odd, share(3), granted(3))
    assert counts(session) == (1, 1, 0)


def test_keys_in_any_order_with_blanks_and_carriage_returns_are_read():
    """Claymore and older ccminer write spaced JSON; Windows clients end lines with both."""
    line = b'{ "params" : [ "acct.rig" , "b1" , "00000000" , "665a0001" , "00000001" ] ,'
    line += b' "id" : 3 , "method" : "mining.submit" }\r\n'
    session = read(*LOGIN, difficulty(8), notify(), (C, line), granted(3))
    assert counts(session) == (1, 1, 0)


def test_a_share_that_is_sent_twice_counts_its_work_once():
    session = read(*LOGIN, difficulty(8), notify(), share(3), granted(3), share(4), granted(4))
    assert (session.submitted, session.duplicates) == (2, 1)
    assert work(session) == pytest.approx(8)


def test_a_pool_that_pushes_with_ids_does_not_push_shares_out():
    """The Kaspa bridge and others give every notify an id of its own."""
    pushes = [notify(f"j{i}", id=1000 + i) for i in range(700)]
    session = read(*LOGIN, difficulty(8), notify(), share(3), *pushes, granted(3))
    assert counts(session) == (1, 1, 0)


# --- Ethash ------------------------------------------------------------------------------------------------

WALLET = "0xb85150eb365e7df0941f0cf08235f987ba91506a"
ETH_WORK = ["0x" + "41" * 32, "0x" + "71" * 32, "0x00000001" + "00" * 28]


def test_claymore_with_reused_ids_and_spaces():
    talk = [
        (
            C,
            f'{{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["{WALLET}.rig", "x"], "id": 2, '.encode()
            + b'"method": "eth_submitLogin"}\n',
        ),
        (S, {"id": 2, "jsonrpc": "2.0", "result": True}),
        (C, b'{"worker": "", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}\n'),
        (S, {"id": 3, "jsonrpc": "2.0", "result": ETH_WORK}),
    ]
    for number in range(3):
        nonce = f"0x{number:016x}"
        talk.append(
            (
                C,
                {
                    "id": 4,
                    "worker": "rig",
                    "jsonrpc": "2.0",
                    "method": "eth_submitWork",
                    "params": [nonce, ETH_WORK[0], "0x" + "2b" * 32],
                },
            )
        )
        talk.append(
            (
                C,
                {
                    "id": 6,
                    "worker": "rig",
                    "jsonrpc": "2.0",
                    "method": "eth_submitHashrate",
                    "params": ["0x1d08a61", "0x" + "91" * 32],
                },
            )
        )
        talk.append((S, {"id": 4, "jsonrpc": "2.0", "result": True}))
        talk.append((S, {"id": 6, "jsonrpc": "2.0", "result": True}))
    session = read(*talk)
    assert (session.dialect, counts(session)) == ("eth-proxy", (3, 3, 0))
    assert session.work.hashes == pytest.approx(3 * 2.0**32)
    assert session.login == f"{WALLET}.rig"


def test_ethminer_speaks_ethash_over_stratum_v1():
    """ethminer's scheme stratum: header before seed, shares with 0x."""
    job = (S, {"id": None, "method": "mining.notify", "params": ["j1", *ETH_WORK, True]})
    sent = (
        C,
        {
            "id": 4,
            "method": "mining.submit",
            "params": [f"{WALLET}.rig", "j1", "0x00000000000000aa", ETH_WORK[0], "0x" + "2b" * 32],
        },
    )
    login = [
        (C, {"id": 1, "method": "mining.subscribe", "params": []}),
        (S, {"id": 1, "result": True, "error": None}),
    ]
    session = read(
        *login,
        (C, {"id": 3, "method": "mining.authorize", "params": [f"{WALLET}.rig", "x"]}),
        granted(3),
        job,
        sent,
        granted(4),
    )
    assert (session.dialect, counts(session)) == ("stratum-v1", (1, 1, 0))
    assert session.work.hashes == pytest.approx(2.0**32)


@pytest.mark.parametrize("prefixed", ["", "0x"])
def test_ethereum_stratum_1_of_several_miners(prefixed):
    """NBMiner, T-Rex, lolMiner, GMiner, TeamRedMiner, PhoenixMiner -proto 4, ethminer stratum2."""
    talk = [
        (C, {"id": 1, "method": "mining.subscribe", "params": ["NBMiner/42.3", "EthereumStratum/1.0.0"]}),
        (S, {"id": 1, "result": [["mining.notify", "ae68", "EthereumStratum/1.0.0"], "080c"], "error": None}),
        (C, {"id": 2, "method": "mining.extranonce.subscribe", "params": []}),
        (C, {"id": 3, "method": "mining.authorize", "params": [f"{WALLET}.rig", "x"]}),
        granted(3),
        difficulty(0.5),
        (S, {"id": None, "method": "mining.notify", "params": ["bf0488aa", H32, "1e" * 32, True]}),
        (
            C,
            {
                "id": 4,
                "method": "mining.submit",
                "params": [f"{WALLET}.rig", "bf0488aa", prefixed + "6a909d9bbc0f"],
            },
        ),
        granted(4),
    ]
    session = read(*talk)
    assert (session.dialect, counts(session)) == ("ethereum-stratum-1", (1, 1, 0))
    assert session.work.hashes == pytest.approx(0.5 * UNIT)


# --- Monero's family ---------------------------------------------------------------------------------------

XMR = "4" + "A" * 94
BLOB = "1010" + "ab" * 74


def xmr_job(job_id="j1", target="b88d0600", **beside):
    return {"blob": BLOB, "job_id": job_id, "target": target, **beside}


def xmr_login(agent="XMRig/6.21.0", number=1, login=XMR, **beside):
    return (
        C,
        {"id": number, "method": "login", "params": {"login": login, "pass": "x", "agent": agent, **beside}},
    )


def xmr_taken(number=1, **beside):
    return (
        S,
        {
            "id": number,
            "jsonrpc": "2.0",
            "error": None,
            "result": {"id": "w1", "job": xmr_job(**beside), "status": "OK"},
        },
    )


def xmr_share(number, job_id="j1", nonce="00000001", **beside):
    return (
        C,
        {
            "id": number,
            "method": "submit",
            "params": {"id": "w1", "job_id": job_id, "nonce": nonce, "result": H32, **beside},
        },
    )


def ok(number):
    return (S, {"id": number, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}})


PER_SHARE = 2.0**32 / 0x00068DB8


@pytest.mark.parametrize(
    "agent",
    [
        "XMRig/2.14.1 (Windows NT 10.0)",
        "xmr-stak/2.10.8/b5d5ca5d1",
        "cpuminer-multi/0.1",
        "SRBMiner-MULTI/2.4.6",
        "nanominer/3.8.9",
        "",
    ],
)
def test_miners_of_the_family_with_one_id_for_everything(agent):
    """xmr-stak (issue 1776) and cpuminer-multi send id 1 throughout."""
    session = read(xmr_login(agent), xmr_taken(), xmr_share(1), ok(1), xmr_share(1, nonce="00000002"), ok(1))
    assert (session.dialect, counts(session)) == ("monero", (2, 2, 0))
    assert session.work.hashes == pytest.approx(2 * PER_SHARE)
    assert session.login == XMR


@pytest.mark.parametrize("nonce", ["0000000a", "0000000A", "000000000000000a"])
def test_nonces_of_four_and_eight_bytes_are_shares(nonce):
    session = read(xmr_login(), xmr_taken(), xmr_share(2, nonce=nonce), ok(2))
    assert counts(session) == (1, 1, 0)


def test_results_in_capitals_and_extra_fields_are_shares():
    """SRBMiner and proxies add fields; Zephyr and Salvium ask for a signature."""
    sent = xmr_share(2, algo="rx/0", sig="00" * 64, workerNonce=5, poolNonce=1)
    sent[1]["params"]["result"] = H32.upper()
    session = read(
        xmr_login(rigid="r1", algo=["rx/0", "cn/r"]), xmr_taken(algo="rx/0", height=3), sent, ok(2)
    )
    assert counts(session) == (1, 1, 0)


def test_keepalives_and_getjob_are_not_shares():
    alive = (S, {"id": 5, "jsonrpc": "2.0", "error": None, "result": {"status": "KEEPALIVED"}})
    asked = (C, {"id": 6, "method": "getjob", "params": {"id": "w1"}})
    given = (S, {"id": 6, "jsonrpc": "2.0", "error": None, "result": xmr_job("j2", target="dc460300")})
    pushed = (S, {"jsonrpc": "2.0", "method": "job", "params": xmr_job("j3")})
    keep = (C, {"id": 5, "method": "keepalived", "params": {"id": "w1"}})
    session = read(xmr_login(), xmr_taken(), keep, alive, asked, given, xmr_share(7, "j2"), ok(7), pushed)
    assert (counts(session), session.jobs) == ((1, 1, 0), 3)
    assert session.work.hashes == pytest.approx(2.0**32 / 0x000346DC)


@pytest.mark.parametrize(
    "error",
    [
        {"code": -1, "message": "Low difficulty share"},
        {"code": -1, "message": "Block expired"},
        "Unauthenticated",
    ],
)
def test_refusals_of_the_family(error):
    session = read(xmr_login(), xmr_taken(), xmr_share(2), (S, {"id": 2, "jsonrpc": "2.0", "error": error}))
    assert counts(session) == (1, 0, 1)


def test_an_account_name_with_a_known_miner_is_a_login_even_when_refused():
    """miningpoolhub and others know accounts, not wallets."""
    refusal = (S, {"id": 1, "jsonrpc": "2.0", "error": {"code": -1, "message": "Invalid login"}})
    session = read(xmr_login(login="acct.rig"), refusal)
    assert (session.dialect, session.login, session.logins_refused) == ("monero", "acct.rig", 1)


def test_a_second_login_on_the_same_connection_is_noted():
    session = read(
        xmr_login(), xmr_taken(), xmr_share(2), ok(2), xmr_login(login="4" + "B" * 94, number=3), xmr_taken(3)
    )
    assert counts(session) == (1, 1, 0)
    assert any("different logins" in note for note in session.notes)


def test_a_session_heard_only_as_shares_and_answers_at_first_is_kept():
    """A fast miner whose capture begins in mid-session: many answers before any job, then one."""
    answers = [ok(n) for n in range(10, 50)]
    pushed = [(S, {"jsonrpc": "2.0", "method": "job", "params": xmr_job(f"k{i}")}) for i in range(3)]
    session = read(*answers, *pushed)
    assert session is not None
    assert (session.dialect, session.jobs, session.submitted) == ("monero", 3, 0)
