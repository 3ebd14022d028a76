import itertools
import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.records import ShareBin
from davylamp.report.charts import LEFT, RIGHT, WIDTH, Axis, nice_top, rate_svg, shares_svg
from davylamp.report.rates import (
    MOST_STEPS,
    RateBin,
    ShareColumn,
    garwood,
    garwood_bins,
    share_columns,
    step_minutes,
)
from report.samples import START_S, session, work_of
from report.test_numbers import CHINA


@pytest.mark.parametrize(  # published tables of the exact Poisson interval (Garwood 1936)
    ("shares", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.36, 121.63)],
)
def test_garwood_matches_the_published_table(shares: int, low: float, high: float) -> None:
    assert garwood(shares) == pytest.approx((low, high), rel=1e-3)


def test_a_steady_miner_gives_its_rate_in_every_step() -> None:
    bins = tuple(ShareBin(START_S // 60 + m, 3, 0, 3e6) for m in range(60))
    work = work_of(180, 1e6, 3600.0)
    s = session(bins=bins, accepted=180, work=work, last_ns=(START_S + 3600) * 10**9)
    steps = garwood_bins(s)
    assert len(steps) >= 4
    assert [b.estimate for b in steps] == pytest.approx([3e6 / 60] * len(steps))
    assert all(b.low < b.estimate < b.high for b in steps)


def test_an_uncertain_convention_widens_the_band_only() -> None:
    s = session()
    assert s.work is not None
    sharp = garwood_bins(s)
    s.work = work_of(s.work.shares, s.work.hashes / s.work.shares, 5460.0, (0.5, 2.0))
    wide = garwood_bins(s)
    assert [b.low * 2 for b in wide] == pytest.approx([b.low for b in sharp])
    assert [b.high / 2 for b in wide] == pytest.approx([b.high for b in sharp])
    assert [b.estimate for b in wide] == [b.estimate for b in sharp]


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 50)), min_size=1, max_size=80, unique_by=lambda b: b[0]
    ),
    st.integers(0, 59),
)
def test_steps_join_without_gap_and_hold_all_work(minutes: list[tuple[int, int]], offset: int) -> None:
    bins = tuple(ShareBin(START_S // 60 + m, n, 0, n * 1e6) for m, n in sorted(minutes))
    total = sum(b.accepted for b in bins)
    first = START_S + min(m for m, _ in minutes) * 60 + offset
    last = START_S + max(m for m, _ in minutes) * 60 + 60
    work = work_of(total, 1e6, 1.0)
    steps = garwood_bins(session(bins=bins, work=work, first_ns=first * 10**9, last_ns=last * 10**9))
    if not total or last - first < 60:
        assert steps == []
        return
    assert 1 <= len(steps) <= MOST_STEPS + 1
    assert (steps[0].start_s, steps[-1].end_s) == (first, last)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(steps))
    assert sum(b.estimate * (b.end_s - b.start_s) for b in steps) == pytest.approx(total * 1e6)


def test_without_known_work_there_is_no_rate() -> None:
    assert garwood_bins(session(work=None)) == []
    assert garwood_bins(session(bins=())) == []


@given(
    st.lists(st.builds(ShareBin, st.integers(0, 10**6), st.integers(0, 99), st.integers(0, 9), st.just(0.0)))
)
def test_columns_hold_every_share(bins: list[ShareBin]) -> None:
    columns = share_columns(bins, 5)
    assert sum(c.accepted for c in columns) == sum(b.accepted for b in bins)
    assert sum(c.rejected for c in columns) == sum(b.rejected for b in bins)
    assert all(c.start_s % 300 == 0 for c in columns)


@given(st.floats(0.1, 1e8), st.integers(1, 200))
def test_a_step_cuts_a_span_into_at_most_so_many_parts(span: float, most: int) -> None:
    assert span / step_minutes(span, most) <= most * 1.001


@given(st.floats(1e-9, 1e30))
def test_an_axis_ends_above_its_values_and_not_far(value: float) -> None:
    assert value * 0.999999 <= nice_top(value) <= value * 2.01


@given(st.floats(-1e9, 4e9), st.floats(60, 1e9))
def test_times_stand_inside_the_chart_in_order(start: float, span: float) -> None:
    axis = Axis(start, start + span, CHINA)
    ticks = axis.ticks()
    assert len(ticks) <= 10
    assert all(LEFT <= axis.x(t) <= WIDTH - RIGHT for t, _ in ticks)
    assert [t for t, _ in ticks] == sorted(t for t, _ in ticks)


def test_times_are_round_in_the_reader_s_zone() -> None:
    labels = [text for _, text in Axis(START_S, START_S + 5460, CHINA).ticks()]
    assert labels == ["03-11 14:15", "14:30", "14:45", "15:00", "15:15", "15:30"]


def test_charts_are_well_formed_and_stay_in_their_frame() -> None:
    axis = Axis(START_S, START_S + 3600, CHINA)
    columns = [ShareColumn(START_S + 60 * m, m % 7, m % 3) for m in range(60)]
    steps = [
        RateBin(START_S + 600 * k, START_S + 600 * k + 600, k * 900.0, k * 1e3, 1e3 + k * 1.2e3)
        for k in range(6)
    ]
    for svg in (shares_svg(columns, 60, axis, 'a "b" <c>'), rate_svg([steps], "H/s", axis, "rate")):
        root = ElementTree.fromstring(str(svg))
        width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
        numbers = [float(e.attrib[a]) for e in root for a in ("x", "y") if a in e.attrib]
        assert all(0 <= n <= max(width, height) for n in numbers)
        assert len([e for e in root if e.tag == "path"]) >= 4


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    axis = Axis(0, 60, CHINA)
    ElementTree.fromstring(str(shares_svg([], 60, axis, "")))
    ElementTree.fromstring(str(rate_svg([], "H/s", axis, "")))
    assert nice_top(math.inf) == 1.0
