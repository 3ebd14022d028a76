"""Times of logs: years, zones, fractions, and what is no time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from davylamp.attribution.hops.syslog import read_head
from davylamp.attribution.hops.times import duration_ns, find_stamp, to_ns

from attribution.hoplines import NS, about, at

CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-06-01T10:00:00Z", "2024-06-01T10:00:00"),
        ("2024-06-01T18:00:00+08:00", "2024-06-01T10:00:00"),
        ("2024-06-01 10:00:00", "2024-06-01T10:00:00"),
        ("2024/6/1 10:00:00", "2024-06-01T10:00:00"),
        ("2024年6月1日 10:00:00", "2024-06-01T10:00:00"),
        ("Jun 01 2024 10:00:00", "2024-06-01T10:00:00"),
        ("2024 Jun 01 10:00:00", "2024-06-01T10:00:00"),
        ("Sat Jun  1 10:00:00 2024", "2024-06-01T10:00:00"),
        ("Jun  1 10:00:00", "2024-06-01T10:00:00"),
        ("6/1/2024 10:00:00 PM", "2024-06-01T22:00:00"),
        ("6/1/2024 12:00:00 AM", "2024-06-01T00:00:00"),
        ("25/6/2023 10:00:00", "2023-06-25T10:00:00"),
        ("06/01/24 10:00:00", "2024-06-01T10:00:00"),
        ("06012024100000", "2024-06-01T10:00:00"),
        ("1717236000", "2024-06-01T10:00:00"),
        ("1717236000000", "2024-06-01T10:00:00"),
    ],
)
def test_every_form_is_the_same_moment(text, expected):
    assert to_ns(text, about()) == at(expected)


def test_fractions_are_kept_to_the_nanosecond():
    assert to_ns("1717236000.123456789", about()) == 1717236000123456789
    assert to_ns("2024-06-01 10:00:00.5", about()) == at("2024-06-01T10:00:00") + NS // 2


def test_a_stamp_without_zone_takes_the_sources():
    assert to_ns("2024-06-01 18:00:00", about(zone=CHINA)) == at("2024-06-01T10:00:00")


def test_a_year_is_the_latest_that_is_not_after_the_file():
    new_year = about(reference=datetime(2024, 1, 1, 0, 5, tzinfo=UTC))
    assert to_ns("Dec 31 23:59:00", new_year) == at("2023-12-31T23:59:00")
    assert to_ns("Jan  1 00:01:00", new_year) == at("2024-01-01T00:01:00")


def test_29_february_finds_its_leap_year():
    assert to_ns("Feb 29 10:00:00", about(reference=datetime(2027, 5, 1, tzinfo=UTC))) == at(
        "2024-02-29T10:00:00"
    )


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2024-13-01 10:00:00", "Feb 30 2024 10:00:00", "12", "1970-01-01 00:00:09"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        to_ns(text, about())


def test_the_devices_own_stamp_counts_behind_a_relays():
    head = read_head("<166>Jun  1 10:00:07 relay Jun 01 2024 10:00:00 fw1 : ", about())
    assert head == (at("2024-06-01T10:00:00"), "fw1")


def test_a_relay_without_year_yields_to_the_device_with_one():
    head = read_head("Sep 9 11:56:41 10.123.169.1 2020-09-09 10:05:11 FW-OUT-01 ", about())
    assert head == (at("2020-09-09T10:05:11"), "FW-OUT-01")


def test_a_line_without_stamp_has_none():
    assert find_stamp("no time here", about()) is None


def test_durations():
    assert duration_ns("1:02:03") == 3723 * NS
    with pytest.raises(ValueError, match="duration"):
        duration_ns("1:2:3:4")
