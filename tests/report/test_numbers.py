import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.records import Interval
from davylamp.report import numbers

CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("low", "estimate", "high", "algorithm", "shown"),
    [
        (1896.4, 1961.7, 2011.2, "rx/0", "1.96 kH/s (1.90–2.01)"),
        (68.2e12, 95.1e12, 129e12, "sha256d", "95.1 TH/s (68.2–129)"),
        (25.3, 1000, 5572, None, "1.00 kH/s (0.025–5.57)"),
        (100, 999.7, 1500, "rx/0", "1.00 kH/s (0.10–1.50)"),
        (4.2, 5.0, 6.1, "equihash/200,9", "5.00 Sol/s (4.20–6.10)"),
        (0.4, 0.51, 0.7, "cuckatoo32", "0.510 gps (0.400–0.700)"),
        (1800, 1920, 2040, "cuckaroo29", "1.92 kgps (1.80–2.04)"),
        (0, 0, 2300, "rx/0", "≤ 2.30 kH/s"),
        (0, 1000, 3e6, "rx/0", "1.00 kH/s (0–3,000)"),
        (1e-300, 2e-300, 3e-300, "rx/0", "2.00e-300 H/s (1.00e-300–3.00e-300)"),
        (1e29, 2e29, 3e300, "rx/0", "2.00e+29 H/s (1.00e+29–3.00e+300)"),
        (1, 2e3, 3e300, "rx/0", "2.00 kH/s (0.0010–3.00e+297)"),
        (0, 0, 9e-280, "rx/0", "≤ 9.00e-280 H/s"),
    ],
)
def test_a_rate_is_estimate_unit_and_interval_in_one_prefix(
    low: float, estimate: float, high: float, algorithm: str | None, shown: str
) -> None:
    assert numbers.rate(Interval(low, estimate, high), algorithm) == shown


@pytest.mark.parametrize(
    "interval",
    [
        None,
        Interval(float("nan"), 1, 2),
        Interval(0, 1, float("inf")),
        Interval(3, 2, 4),
        Interval(-1, 0, 1),
    ],
)
def test_what_is_no_interval_is_unknown_in_words(interval: Interval | None) -> None:
    assert numbers.rate(interval, "rx/0") == "unknown"
    assert numbers.rate(interval, "rx/0", "zh") == "未知"


@given(st.lists(st.floats(0, 1e26), min_size=3, max_size=3).map(sorted))
def test_a_rate_above_zero_shows_three_digits_and_keeps_its_order(ends: list[float]) -> None:
    low, estimate, high = ends
    shown = numbers.rate(Interval(low, estimate, high), None)
    if estimate >= 1e-3:
        digits = re.match(r"[\d.,]+", shown)
        assert digits is not None
        assert 3 <= len(digits[0].replace(".", "").replace(",", "").lstrip("0")) <= 6
        bounds = re.search(r"\((.+)–(.+)\)", shown)
        assert bounds is not None
        first, last = (float(b.replace(",", "")) for b in bounds.groups())
        assert first <= float(digits[0].replace(",", "")) * 1.001 + 0.01
        assert last >= float(digits[0].replace(",", "")) * 0.995 - 0.01


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (999_950, "1.00 MB"), (1_018_654_321, "1.02 GB")],
)
def test_bytes_are_exact_when_few(value: int, shown: str) -> None:
    assert numbers.size(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "under 1 s"),
        (59, "59 s"),
        (750, "12 min 30 s"),
        (10_800, "3 h"),
        (11_100, "3 h 5 min"),
        (187_200, "2 d 4 h"),
        (float("nan"), "unknown"),
        (-1, "unknown"),
    ],
)
def test_durations_show_two_units(seconds: float, shown: str) -> None:
    assert numbers.duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "> 0.999"), (0.9999, "> 0.999"), (0.995, "0.995"), (0.5, "0.50"), (0.0, "< 0.001")],
)
def test_a_probability_never_reads_as_certainty(value: float, shown: str) -> None:
    assert numbers.probability(value) == shown


def test_times_carry_their_zone() -> None:
    assert numbers.moment(1_615_442_523 * 10**9, CHINA) == "2021-03-11 14:02:03 UTC+08:00"
    assert numbers.moment(0, UTC) == "1970-01-01 00:00:00 UTC"
    assert numbers.moment(None, UTC, "zh") == "未知"


def test_the_day_is_said_again_only_when_it_differs() -> None:
    start = 1_615_442_520 * 10**9
    assert numbers.span(start, start + 3600 * 10**9, CHINA) == ("2021-03-11 14:02", "15:02")
    assert numbers.span(start, start + 86400 * 10**9, CHINA, year=False) == ("03-11 14:02", "03-12 14:02")
    assert numbers.span(start, start + 86400 * 10**9, CHINA) == ("2021-03-11 14:02", "03-12 14:02")
    assert numbers.span(start, start + 400 * 86400 * 10**9, CHINA)[1] == "2022-04-15 14:02"


@given(st.integers(-(2**63), 2**63 - 1))
def test_rfc3339_keeps_every_nanosecond(ns: int) -> None:
    text = numbers.rfc3339(ns)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", text)
    seconds = (datetime.fromisoformat(text[:19]) - datetime(1970, 1, 1)) // timedelta(seconds=1)
    assert seconds * 10**9 + int(text[20:29]) == ns
