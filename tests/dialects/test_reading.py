"""The room of dialects: who gets a conversation, what is dismissed, how shares are counted."""

import random

import orjson
from hypothesis import given
from hypothesis import strategies as st

from davylamp.dialects import monero
from davylamp.dialects.reading import DULL_MESSAGES, OPENING_MESSAGES, Reader, parse
from davylamp.dialects.session import Answer, Job, Login, LoginAnswer, Submit, Voice
from davylamp.records import Endpoint, Message, Opening

from dialects.talking import START_NS, foreign_openings

OPENING = Opening(1, "a.pcap", Endpoint("10.0.0.1", 40000), Endpoint("198.51.100.7", 3333), False)
SECOND_NS = 1_000_000_000


def played(script, reader=None, start=START_NS):
    reader = reader or Reader(OPENING)
    voice = Voice(random.Random(3), "wallet")
    at = start
    for event in script:
        at += SECOND_NS
        for spoken in monero.compose(event, voice):
            reader.feed(Message(at, spoken.from_client, spoken.data.strip()))
    return reader


def test_a_share_counts_with_the_work_of_its_own_job():
    reader = played(
        [
            Login("acct.rig1", "XMRig/6"),
            LoginAnswer(True),
            Job("a", 1000.0),
            Submit("1", "a", "00000001"),
            Job("b", 64000.0),
            Answer("1", True),  # of job a, although b is newer
            Submit("2", "b", "00000001"),
            Answer("2", True),
        ]
    )
    session = reader.close()
    assert session is not None
    assert (session.accepted, session.jobs) == (2, 2)
    assert abs(session.work.hashes - 65000.0) < 0.01


def test_the_same_nonce_for_the_same_job_is_worth_nothing_twice():
    script = [LoginAnswer(True), Job("a", 1000.0)]
    for key in ("1", "2"):
        script += [Submit(key, "a", "0000000f"), Answer(key, True)]
    session = played(script).close()
    assert (session.submitted, session.accepted, session.duplicates) == (2, 2, 1)
    assert abs(session.work.hashes - 1000.0) < 0.01


def test_refused_stale_and_unanswered_shares_are_told_apart():
    session = played(
        [
            LoginAnswer(True),
            Job("a", 1000.0),
            Submit("1", "a", "00000001"),
            Answer("1", False, True, "Stale share"),
            Submit("2", "a", "00000002"),
            Answer("2", False, False, "Low difficulty share"),
            Submit("3", "a", "00000003"),
        ]
    ).close()
    counted = (session.submitted, session.accepted, session.rejected, session.stale, session.unanswered)
    assert counted == (3, 0, 2, 1, 1)


def test_shares_before_the_first_known_job_are_counted_but_not_weighed():
    session = played(
        [
            Submit("1", "x", "00000001"),
            Answer("1", True),
            Job("a", 500.0),
            Submit("2", "a", "00000002"),
            Answer("2", True),
        ]
    ).close()
    assert session.accepted == 2
    assert session.work.shares == 1
    assert abs(session.work.hashes - 500.0) < 0.01


def test_without_any_job_there_is_no_rate_and_the_reason_is_said():
    session = played([Submit("1", "x", "00000001"), Answer("1", True)]).close()
    assert session.work is None
    assert session.work_note


def test_conversations_that_are_no_mining_give_no_session():
    for name, opening in foreign_openings().items():
        reader = Reader(OPENING)
        for rpc in opening * 8:
            reader.feed(Message(rpc.ts_ns, rpc.from_client, rpc.data))
        assert reader.close() is None, name


def test_a_dull_conversation_is_dismissed_early_and_unparsed():
    reader = Reader(OPENING)
    for i in range(DULL_MESSAGES):
        reader.feed(Message(START_NS + i, True, b'{"op":"heartbeat"}'))
    assert reader.state == "dismissed"


def test_an_opening_without_a_claim_is_dismissed_when_complete():
    reader = Reader(OPENING)
    for i in range(OPENING_MESSAGES):
        reader.feed(Message(START_NS + i, True, b'{"method":"login","params":{"user":"a"}}'))
    assert reader.state == "dismissed"


def test_a_batch_is_read_object_by_object():
    batch = orjson.dumps([{"id": 1, "method": "a"}, {"id": 2, "method": "b"}])
    assert [rpc.method for rpc in parse(Message(0, True, batch))] == ["a", "b"]


def test_reused_ids_are_paired_first_in_first_out():
    reader = played(
        [
            LoginAnswer(True),
            Job("a", 1.0),
            Job("b", 3.0),
            Submit("4", "a", "00000001"),
            Submit("4", "b", "00000002"),
            Answer("4", False, False, "bad"),
            Answer("4", True),
        ]
    )
    session = reader.close()
    assert session.rejected == 1
    assert abs(session.work.hashes - 3.0) < 1e-6


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=40))
def test_arbitrary_bytes_never_raise(lines):
    reader = Reader(OPENING)
    for i, (side, data) in enumerate(lines):
        reader.feed(Message(START_NS + i, side, data))
    reader.close()
