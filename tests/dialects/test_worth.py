"""What a share is worth around a change of difficulty: values by hand from the protocol's words."""

import pytest

from davylamp.dialects.session import Difficulty
from davylamp.dialects.worth import KnownJob, Pile, Standing, Worth


def standing(*values):
    made = Standing()
    for value in values:
        made.set(Difficulty(value, "stratum"))
    return made


def test_without_a_difficulty_nothing_is_known():
    assert Standing().worth() is None


def test_only_the_first_difficulty_is_the_first():
    made = Standing()
    assert made.set(Difficulty(8, "stratum"))
    assert not made.set(Difficulty(16, "stratum"))


def test_a_share_of_a_job_before_the_change_lies_between_both_difficulties():
    made = standing(8.0)
    job = KnownJob(made.worth(), "stratum", told=False, changes=made.changes)
    made.set(Difficulty(2.0, "stratum"))
    assert made.worth_of(job) == Worth(2.0, 8.0, 8.0)


def test_a_job_that_carries_its_own_target_is_never_in_doubt():
    made = standing(8.0)
    job = KnownJob(Worth.exactly(5.0), "stratum", told=True, changes=made.changes)
    made.set(Difficulty(2.0, "stratum"))
    made.miss(1000)
    assert made.worth_of(job) == Worth(5.0, 5.0, 5.0)


def test_missing_bytes_of_a_server_that_changes_difficulty_put_it_in_doubt_until_the_next():
    made = standing(8.0, 16.0)
    made.miss(100)
    pile = Pile()
    pile.add(made.worth())
    assert made.bounds(pile) == (0.25, 4.0)
    made.set(Difficulty(16.0, "stratum"))
    assert made.worth() == Worth(16.0, 16.0, 16.0)


def test_missing_bytes_of_a_server_that_never_changes_difficulty_leave_no_doubt():
    made = standing(8.0)
    made.miss(100)
    pile = Pile()
    pile.add(made.worth())
    assert made.bounds(pile) == (1.0, 1.0)


def test_fewer_missing_bytes_than_a_message_has_leave_no_doubt():
    made = standing(8.0, 16.0)
    made.miss(10)
    assert made.worth() == Worth(16.0, 16.0, 16.0)


def test_a_pile_sums_work_and_squares():
    pile = Pile()
    pile.add(Worth(1.0, 2.0, 4.0))
    pile.add(Worth.exactly(3.0))
    assert (pile.shares, pile.low, pile.total, pile.high, pile.squares) == (
        2,
        4.0,
        5.0,
        7.0,
        pytest.approx(13.0),
    )
