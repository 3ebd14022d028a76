"""A session's strength grows with what it holds, and only jobs with shares confirm."""

from davylamp.detectors.plaintext_session import ASKED, CONFIRMED, WORKING, detect
from davylamp.records import Endpoint, Session


def session(**held):
    return Session(
        1, "a.pcap", Endpoint("10.0.0.1", 1), Endpoint("198.51.100.1", 3333), 0, 60, False, "monero", **held
    )


def test_jobs_and_shares_confirm():
    assert detect(session(jobs=3, submitted=5, accepted=4)).strength == CONFIRMED


def test_jobs_without_shares_do_not_confirm():
    finding = detect(session(jobs=3, logins_refused=1))
    assert finding.strength == WORKING
    assert "login refused" in finding.because


def test_an_opening_without_answer_is_weakest():
    assert detect(session()).strength == ASKED < WORKING < CONFIRMED


def test_shares_whose_answers_were_not_seen_do_not_confirm():
    assert detect(session(submitted=5)).strength == WORKING


def test_templates_straight_from_a_node_never_confirm():
    held = session(jobs=9, submitted=1, accepted=1)
    held.dialect = "getblocktemplate"
    assert detect(held).strength == WORKING


def test_accepted_shares_without_any_job_do_not_confirm():
    assert detect(session(submitted=5, accepted=5)).strength == WORKING
