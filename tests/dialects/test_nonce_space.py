"""The nonce space of a session is counted within bounds, whatever a peer sends."""

from hypothesis import given
from hypothesis import strategies as st

from davylamp.dialects.nonce_space import JOBS, NonceSpace
from davylamp.records_traces import MOST_EXTRANONCES, NonceSpan


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(-5, 300)), st.text(max_size=3), st.integers(-9, 2**62))
    )
)
def test_every_share_with_a_byte_is_counted_once(shares):
    space = NonceSpace()
    for part, job, ts_ns in shares:
        space.take(part, job, ts_ns)
    found = space.traces()
    good = [s for s in shares if s[0] is not None and 0 <= s[0] <= 255]
    assert sum(s.shares for s in found.nonces) == len(good)
    assert [s.byte for s in found.nonces] == sorted({s[0] for s in good})
    assert all(s.first_ns <= s.last_ns for s in found.nonces)
    assert 0 <= found.descents <= found.moves < max(1, len(good))


def test_turns_are_told_within_a_job_only():
    space = NonceSpace()
    for n, (part, job) in enumerate([(5, "a"), (9, "a"), (2, "b"), (9, "a"), (4, "a"), (7, "b")]):
        space.take(part, job, n)
    found = space.traces()
    assert (found.moves, found.descents) == (3, 1)  # 5 to 9 and 9 to 4 in a, 2 to 7 in b
    assert found.nonces[0] == NonceSpan(2, 1, 2, 2)


def test_old_jobs_are_forgotten():
    space = NonceSpace()
    space.take(9, "old", 0)
    for n in range(JOBS):
        space.take(1, f"job{n}", n)
    space.take(3, "old", 99)
    assert space.traces().moves == 0


def test_prefixes_are_kept_in_order_once_and_within_a_bound():
    space = NonceSpace()
    for prefix in ("0xAB", "ab", "", "cd", *map(str, range(1000))):
        space.assign(prefix)
    found = space.traces().extranonces
    assert found[:2] == ("ab", "cd")
    assert len(found) == MOST_EXTRANONCES
