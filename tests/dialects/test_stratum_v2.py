"""Stratum V2, against frames built by hand from the field tables of stratum-mining/sv2-spec 03 and 05."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.dialects import stratum_v2
from davylamp.dialects.session import (
    Answer,
    Claim,
    Difficulty,
    Event,
    Job,
    Login,
    LoginAnswer,
    NeedMore,
    NotThis,
    ReportedRate,
    Rpc,
    Submit,
    Talk,
    Trait,
)
from davylamp.records import Message

from dialects.talking import START_NS, foreign_openings, pair, speak, translate_all

C, S = True, False  # client, server
EASY = b"\xff" * 28 + b"\0\0\0\0"  # 2^224 - 1, little endian: 2^32 hashes
HARD = b"\0" * 27 + b"\1" + b"\0\0\0\0"  # 2^216: 2^40 hashes
PREVIOUS = bytes(range(32))
COINBASE = bytes.fromhex("0100000001" + "00" * 32 + "ffffffff" + "10" + "03" + "003507")  # height 0x073500


def text(value):
    """STR0_255."""
    return bytes([len(value)]) + value


def frame(side, number, payload, *, channel=False):
    """Extension type u16, message type u8, length u24, little endian; bit 15 for channel messages."""
    head = struct.pack("<HB", 0x8000 if channel else 0, number) + len(payload).to_bytes(3, "little")
    return (side, head + payload)


def u32(*values):
    """Little-endian 32-bit words."""
    return struct.pack(f"<{len(values)}I", *values)


SETUP = frame(
    C,
    0x00,
    struct.pack("<BHHI", 0, 2, 2, 0b101)
    + text(b"pool.example")
    + struct.pack("<H", 34254)
    + text(b"Bitmain")
    + text(b"S9i 13.5")
    + text(b"braiins-os-2018-09-22-1-hash")
    + text(b"dev-1"),
)
SETUP_OK = frame(S, 0x01, struct.pack("<HI", 2, 0))
OPEN = frame(C, 0x10, u32(1) + text(b"braiinstest.worker1") + struct.pack("<f", 14e12) + b"\xff" * 32)
OPENED = frame(S, 0x11, u32(1, 5) + EASY + b"\x04\xaa\xbb\xcc\xdd" + u32(100))
AHEAD = frame(S, 0x15, u32(5, 7) + b"\0" + u32(0x20000000) + b"\x11" * 32)
TIP = frame(S, 0x20, u32(5, 7) + PREVIOUS + u32(1_700_000_000, 0x17040F2F), channel=True)
SHARE = frame(C, 0x1A, u32(5, 1, 7, 0xC0FFEE, 1_700_000_001, 0x20000000), channel=True)


def share(sequence, *, channel=5, job=7, nonce=1):
    """SubmitSharesStandard."""
    return frame(C, 0x1A, u32(channel, sequence, job, nonce, 2, 3), channel=True)


def success(last, count, *, channel=5):
    """SubmitShares.Success."""
    return frame(S, 0x1C, u32(channel, last, count) + struct.pack("<Q", count), channel=True)


def refused(sequence, code, *, channel=5):
    """SubmitShares.Error."""
    return frame(S, 0x1D, u32(channel, sequence) + text(code), channel=True)


def active(job, *, channel=5):
    """NewMiningJob with min_ntime."""
    return frame(S, 0x15, u32(channel, job) + b"\1" + u32(9, 1) + b"\x22" * 32)


def heard(*frames):
    """Frames as the conversation that the room hands over."""
    return pair([Message(START_NS + i, side, data, "sv2") for i, (side, data) in enumerate(frames)])


def events_of(*frames) -> list[Event]:
    """All events of a conversation of frames."""
    return translate_all(stratum_v2, heard(*frames))


def test_frame_lengths_are_those_of_the_field_tables():
    lengths = {name: len(data[1]) - 6 for name, data in {"job": AHEAD, "tip": TIP, "share": SHARE}.items()}
    assert lengths == {"job": 45, "tip": 48, "share": 24}


def test_a_session_on_a_standard_channel_is_read_event_by_event():
    nonce = "00c0ffee:6553f101:20000000:"
    first = events_of(SETUP, SETUP_OK, OPEN, OPENED, AHEAD, TIP, SHARE, success(1, 1))
    assert first == [
        Login(None, "Bitmain braiins-os-2018-09-22-1-hash", "dev-1", pool="pool.example:34254"),
        Trait("hw_version", "S9i 13.5"),
        Trait("sw_version", "braiins-os-2018-09-22-1-hash"),
        Trait("hw_id", "dev-1"),
        Trait("version_rolling", "1"),
        Login("braiinstest.worker1"),
        ReportedRate(pytest.approx(14e12, rel=1e-7), "braiinstest.worker1"),  # 24 bits of mantissa
        LoginAnswer(True),
        Trait("channels", "1"),
        Job(
            "00000007",
            work=pytest.approx(2.0**32, rel=1e-12),
            clean=True,
            prev_hash=PREVIOUS.hex(),
            nbits=0x17040F2F,
        ),
        Submit("5:1", "00000007", nonce),
        Answer("5:1", True),
    ]


def test_one_success_answers_all_shares_up_to_its_number_but_the_refused():
    frames = [OPENED, active(7), *(share(n, nonce=n) for n in range(1, 6))]
    frames += [refused(2, b"stale-share"), success(4, 3), success(5, 1)]
    answers = [e for e in events_of(*frames) if isinstance(e, Answer)]
    assert answers == [
        Answer("5:2", False, True, "stale-share"),
        Answer("5:1", True),
        Answer("5:3", True),
        Answer("5:4", True),
        Answer("5:5", True),
    ]


def test_a_success_for_fewer_shares_than_wait_grants_the_latest():
    frames = [OPENED, active(7), share(1), share(2), share(3), success(3, 2)]
    assert [e.key for e in events_of(*frames) if isinstance(e, Answer)] == ["5:2", "5:3"]


def test_answers_out_of_order_reach_their_shares():
    frames = [OPENED, active(7), share(1), share(2), success(2, 1), success(1, 1)]
    assert [e.key for e in events_of(*frames) if isinstance(e, Answer)] == ["5:2", "5:1"]


def test_answers_to_shares_before_the_capture_have_no_key_and_are_bounded():
    answers = [e for e in events_of(success(9, 2), refused(4, b"bad")) if isinstance(e, Answer)]
    assert answers == [Answer(None, True), Answer(None, True), Answer(None, False, False, "bad")]
    assert len(events_of(success(9, 2**32 - 1))) < 100


def test_a_target_holds_for_jobs_that_become_active_after_it():
    target = frame(S, 0x21, u32(5) + HARD, channel=True)
    works = [
        e.work for e in events_of(OPENED, active(6), AHEAD, target, active(8), TIP) if isinstance(e, Job)
    ]
    assert works == pytest.approx([2.0**32, 2.0**40, 2.0**40], rel=1e-12)  # 6, 8, and 7 that waited


def test_channels_of_a_group_have_their_own_targets_and_job_names():
    second = frame(S, 0x14, u32(2, 6) + HARD + struct.pack("<H", 8) + b"\0" + u32(100))
    rest = b"\1" + u32(9, 1) + b"\1" + b"\1" + b"\x33" * 32
    rest += struct.pack("<H", len(COINBASE)) + COINBASE + struct.pack("<H", 2) + b"\xee\xff"
    job = frame(S, 0x1F, u32(100, 3) + rest, channel=True)
    extended = frame(C, 0x1B, u32(6, 1, 3, 1, 2, 3) + text(b"\xab\xcd") + text(b"rig9"), channel=True)
    events = events_of(OPENED, second, job, extended, success(1, 1, channel=6))
    assert Trait("channels", "2") in events
    jobs = [e for e in events if isinstance(e, Job)]
    assert [(j.job_id, j.height) for j in jobs] == [("00000003", 0x073500), ("6:00000003", 0x073500)]
    assert [j.work for j in jobs] == pytest.approx([2.0**32, 2.0**40], rel=1e-12)
    assert (jobs[0].coinbase, jobs[0].coinbase_tail) == (COINBASE, b"\xee\xff")
    assert events[-2:] == [
        Submit("6:1", "6:00000003", "00000001:00000002:00000003:abcd", "rig9"),
        Answer("6:1", True),
    ]


def test_a_group_may_be_redefined_and_a_channel_closed():
    regroup = frame(S, 0x25, u32(200) + struct.pack("<H", 2) + u32(5, 6))
    target = frame(S, 0x21, u32(200) + HARD, channel=True)
    close = frame(C, 0x18, u32(6) + text(b"bye"), channel=True)
    events = events_of(OPENED, regroup, target, close, active(1), active(1, channel=6))
    assert [e.work for e in events if isinstance(e, Job)] == [pytest.approx(2.0**40), None]


def test_refusals_rates_and_reconnects_are_heard():
    update = frame(C, 0x16, u32(5) + struct.pack("<f", 1.5e12) + b"\xff" * 32, channel=True)
    idle = frame(C, 0x16, u32(5) + struct.pack("<f", float("nan")) + b"\xff" * 32, channel=True)
    assert events_of(
        frame(S, 0x02, u32(0) + text(b"unsupported-protocol")),
        frame(S, 0x12, u32(1) + text(b"unknown-user")),
        update,
        idle,
        frame(S, 0x04, text(b"eu.pool.example") + struct.pack("<H", 3336)),
    ) == [
        LoginAnswer(False, "unsupported-protocol"),
        LoginAnswer(False, "unknown-user"),
        ReportedRate(pytest.approx(1.5e12, rel=1e-7)),
        Trait("notice", "reconnect to eu.pool.example:3336"),
    ]


@pytest.mark.parametrize("frames", [[SHARE, success(1, 1)], [AHEAD, TIP], [SETUP, SETUP_OK, OPEN, OPENED]])
def test_two_mining_frames_decide(frames):
    judgement = stratum_v2.claim(heard(*frames))
    assert isinstance(judgement, Claim)
    assert judgement.decisive


@pytest.mark.parametrize(
    "frames", [[SETUP], [SETUP, SETUP_OK], [SHARE], [SETUP, frame(S, 0x02, u32(0) + text(b"no"))]]
)
def test_a_greeting_or_one_frame_claims_without_deciding(frames):
    judgement = stratum_v2.claim(heard(*frames))
    assert isinstance(judgement, Claim)
    assert not judgement.decisive


def test_other_protocols_of_the_family_are_not_claimed():
    templates = (C, SETUP[1][:6] + b"\2" + SETUP[1][7:])
    assert isinstance(stratum_v2.claim(heard(templates, SETUP_OK)), NotThis)
    assert isinstance(stratum_v2.claim(heard(frame(C, 0x50, u32(1)))), NotThis)


def test_other_conversations_are_not_claimed():
    for name, opening in foreign_openings().items():
        assert isinstance(stratum_v2.claim(opening), NotThis), name


@pytest.mark.parametrize(
    "wrong",
    [
        (C, SHARE[1][:-1]),  # shorter than its header says
        frame(C, 0x1A, SHARE[1][6:] + b"\0", channel=True),  # a byte too many
        frame(C, 0x1A, SHARE[1][6:]),  # without the channel bit
        (S, SHARE[1]),  # from the wrong side
        frame(S, 0x15, u32(5, 7) + b"\2" + u32(1, 1, 1) + b"\x11" * 32),  # an option of two values
        frame(S, 0x1D, u32(5, 1) + b"\xffshort", channel=True),  # a text beyond the end
        frame(S, 0x25, u32(1) + struct.pack("<H", 65535) + u32(1)),  # a sequence beyond the end
        (C, b"\0\0\x1a"),
    ],
)
def test_a_frame_that_does_not_fit_its_table_says_nothing(wrong):
    assert events_of(wrong) == []
    assert isinstance(stratum_v2.claim(heard(wrong)), NeedMore)


def test_memory_stays_bounded_whatever_the_peer_sends():
    talk = Talk()
    for number in range(3000):
        opened = frame(S, 0x11, u32(1, number) + EASY + b"\0" + u32(100))
        ahead = frame(S, 0x15, u32(number, number) + b"\0" + u32(1) + b"\x11" * 32)
        for rpc in heard(opened, ahead, share(number), share(1, channel=number)):
            stratum_v2.translate(rpc, talk)
    sizes = [len(v) for v in talk.memory.values() if isinstance(v, dict)]
    assert max(sizes) <= stratum_v2.CHANNELS
    assert len(talk.memory["flying"]["5"]) <= stratum_v2.FLYING
    assert len(talk.memory["groups"]["100"]) <= stratum_v2.CHANNELS


def test_speaking_and_hearing_agree():
    script = [
        Login("acct.rig", "bosminer", rig_id="dev-9"),
        LoginAnswer(True),
        Difficulty(3.5e14, "hashes"),
        Job("00000001", work=3.5e14, height=823_801, nbits=0x17040F2F, prev_hash="ab" * 32, clean=True),
        Submit("7", "00000001", "00c0ffee"),
        Answer("7", True),
        ReportedRate(1e14),
        Job("0000000a", work=7e14, height=823_802, clean=False),
        Submit("8", "00000001", "00c0ffef"),
        Answer("8", False, True, "Stale share"),
        Submit("9", "0000000a", "00c0fff0"),
        Answer("9", False, False, "Low difficulty share"),
    ]
    spoken = speak(stratum_v2, script)
    events = events_of(*((s.from_client, s.data) for s in spoken))
    logins = [e for e in events if isinstance(e, Login)]
    assert [(e.login, e.agent) for e in logins] == [(None, "bosminer"), ("acct.rig", None)]
    assert logins[0].rig_id == "dev-9"
    assert LoginAnswer(True) in events
    jobs = [e for e in events if isinstance(e, Job)]
    assert [(j.job_id, j.height, j.clean) for j in jobs] == [
        ("00000001", 823_801, True),
        ("0000000a", 823_802, False),
    ]
    assert [j.work for j in jobs] == pytest.approx([3.5e14, 7e14], rel=1e-9)
    assert [(j.prev_hash, j.nbits) for j in jobs] == [("ab" * 32, 0x17040F2F)] * 2
    shares = [(e.key, e.job_id, e.nonce[:8]) for e in events if isinstance(e, Submit)]
    assert shares == [
        ("1:7", "00000001", "00c0ffee"),
        ("1:8", "00000001", "00c0ffef"),
        ("1:9", "0000000a", "00c0fff0"),
    ]
    assert [e.hps for e in events if isinstance(e, ReportedRate)] == pytest.approx([1e14], rel=1e-7)
    assert [e for e in events if isinstance(e, Answer)] == [
        Answer("1:7", True),
        Answer("1:8", False, True, "Stale share"),
        Answer("1:9", False, False, "Low difficulty share"),
    ]
    assert stratum_v2.claim(heard(*((s.from_client, s.data) for s in spoken))).decisive


def test_a_refused_login_and_a_late_share_are_heard_as_such():
    script = [Login("w", "a"), LoginAnswer(False, "unknown-user"), Job("1", work=1e9), Submit("7", "1", "01")]
    events = events_of(
        *((s.from_client, s.data) for s in speak(stratum_v2, [*script, Answer("7", False, True)]))
    )
    assert LoginAnswer(False, "unknown-user") in events
    assert (events[-1].accepted, events[-1].stale) == (False, True)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=120)), max_size=8))
def test_hostile_bytes_never_raise(frames):
    talk = Talk()
    for side, data in frames:
        for rpc in (Rpc(0, side, data, "sv2"), Rpc(0, side, data)):
            stratum_v2.claim([rpc])
            stratum_v2.translate(rpc, talk)


@given(st.lists(st.tuples(st.sampled_from(sorted(stratum_v2.MESSAGES)), st.binary(max_size=200)), max_size=8))
def test_hostile_payloads_never_raise(frames):
    talk = Talk()
    for number, payload in frames:
        for side in (C, S):
            data = frame(side, number, payload, channel=number in stratum_v2.CHANNEL_TYPES)[1]
            stratum_v2.claim([Rpc(0, side, data, "sv2")])
            stratum_v2.translate(Rpc(0, side, data, "sv2"), talk)


@pytest.mark.parametrize("cut", range(0, len(SETUP[1]) - 6, 5))
def test_a_frame_cut_anywhere_with_a_matching_header_is_refused(cut):
    payload = SETUP[1][6:][:cut]
    assert events_of(frame(C, 0x00, payload)) == []
