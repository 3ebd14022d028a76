"""Ledgers, statements and strategies that the tests of the registry share."""

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from davylamp.attribution.registry_diff import Statement
from davylamp.attribution.registry_records import NetRange, Organisation, Origin, Succession, bits_of

DAY = 86_400 * 10**9
UNIVERSITY = "12330000470009091J"
HOSPITAL = "91350100M000100Y43"
COMPANY = "91110000600037341L"


def at(text: str) -> int:
    """Unix ns of a time in China."""
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=8)))
    return int(moment.timestamp()) * 10**9


def net(holder, first, last=None, ports=(0, 65535), since=None, until=None, note=""):
    return NetRange(holder, bits_of(first), bits_of(last or first), *ports, note, since, until)


def say(registry, facts, recorded, *, source="台账", layer="imported", effective=None, **options):
    """State facts, commit, give the plan back."""
    origin = Origin(layer, source, "" if layer == "imported" else "王检查", "test")
    kinds = options.pop("kinds", frozenset({Organisation, NetRange, Succession}))
    plan = registry.plan(
        Statement(origin, tuple(facts), kinds, recorded if effective is None else effective, **options)
    )
    registry.commit(plan, recorded)
    return plan


BASE = bits_of("10.0.0.0")
HOLDERS = ("A", "B", "C", "D")
times = st.one_of(st.none(), st.integers(0, 12))


@st.composite
def ranges(draw):
    """A range in a space of 16 addresses, 4 ports and 12 days, so that overlaps are the rule."""
    low, size = draw(st.integers(0, 15)), draw(st.sampled_from([1, 1, 2, 4, 8]))
    first, last = sorted((draw(st.integers(0, 3)), draw(st.integers(0, 3))))
    if draw(st.booleans()):
        first, last = 0, 65535
    begin, end = draw(times), draw(times)
    if begin is not None and end is not None and end <= begin:
        end = begin + 1
    days = tuple(None if t is None else t * DAY for t in (begin, end))
    return NetRange(
        draw(st.sampled_from(HOLDERS)), BASE + low, BASE + min(low + size - 1, 15), first, last, "", *days
    )


def unlike(facts):
    """Without repetitions of one statement."""
    return list({(type(f), *f.identity, f.valid_from_ns): f for f in facts}.values())


range_lists = st.lists(ranges(), max_size=8).map(unlike)
successions = st.builds(
    lambda old, new, day: Succession(old, new, "merged", "", day * DAY),
    st.sampled_from(HOLDERS),
    st.sampled_from(HOLDERS),
    st.integers(0, 12),
).filter(lambda s: s.old != s.new)
questions = st.tuples(st.integers(0, 15), st.sampled_from([None, 0, 1, 2, 3, 443]), st.integers(0, 13))
