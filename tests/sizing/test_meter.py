"""Meters (grade A): areas by hand, holes that are not filled, registers that count through them, faults at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.errors import BadUse, InputError
from davylamp.sizing.energy_account import Choice
from davylamp.sizing.energy_rows import account_row
from davylamp.sizing.energy_text import account_text
from davylamp.sizing.meter import account_of_meter, read_meter


@pytest.fixture
def readings(tmp_path):
    def write(text):
        path = tmp_path / "meter.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_power_readings_are_the_area_below_them(readings):
    """1, 3 and 2 kW an hour apart: 2 + 2.5 kWh."""
    meter = read_meter(readings("time,kW\n2021-09-01 00:00,1\n2021-09-01 01:00,3\n2021-09-01 02:00,2\n"))
    assert meter.energy.to("kWh").estimate == pytest.approx(4.5)
    assert meter.seen.hours.estimate == pytest.approx(2)


def test_a_hole_in_power_readings_is_neither_filled_nor_observed(readings):
    """Hourly readings of 2 kW, 10 h missing: 4 h observed of 14; inferred at least these and at most all."""
    hours = (0, 1, 2, 12, 13, 14)
    meter = read_meter(readings("time,kW\n" + "".join(f"2021-09-01T{h:02}:00Z,2\n" for h in hours)))
    assert meter.energy.to("kWh").estimate == pytest.approx(8)
    assert (meter.seen.hours.estimate, meter.seen.span_h) == (pytest.approx(4), pytest.approx(14))
    assert (meter.guess.hours.low, meter.guess.hours.high) == (pytest.approx(4), pytest.approx(14))
    assert "1 hole" in meter.seen.because


def test_a_register_counts_through_holes(readings):
    meter = read_meter(readings("time,kWh\n2021-09-01,100\n2021-09-02,148\n2021-09-11,580\n"))
    assert meter.energy.to("kWh").estimate == pytest.approx(480)
    assert meter.seen.hours.estimate == pytest.approx(240)


def test_a_meter_s_account_is_grade_a_with_its_class_of_accuracy(readings):
    account = account_of_meter(readings("time,kWh\n2021-09-01,0\n2021-09-02,48\n"), Choice(), 0.02)
    row = account_row(account)
    assert [g["grade"] for g in row["grades"]] == ["A"]
    assert row["kwh_per_day"]["estimate"] == pytest.approx(48)
    assert (row["observed_kwh"]["low"], row["observed_kwh"]["high"]) == (
        pytest.approx(47.04),
        pytest.approx(48.96),
    )
    assert row["inferred_kwh"]["estimate"] == pytest.approx(48)
    assert row["official"][0]["set"] == "MEE-2021-national"
    assert "mining or not" in account_text(account)


@pytest.mark.parametrize("stamp", ["2021/09/01 08:00", "2021-09-01T08:00:00+08:00", "2021-09-01 08:00:00"])
def test_times_are_read_as_meters_write_them(readings, stamp):
    assert read_meter(readings(f"TIME , kW\n{stamp},1\n2021-09-03T00:00Z,1\n")).readings == 2


def test_all_faults_of_a_meter_are_told_at_once(readings):
    path = readings(
        "time,kWh\n2021-09-01,5\nyesterday,6\n2021-09-02,-1\n2021-09-01,7\n2021-09-03,4\n2021-09-04,nan\n2021-09-05,\n"
    )
    with pytest.raises(InputError, match="E-ENE-008") as caught:
        read_meter(path)
    for line in (3, 4, 5, 6, 7, 8):
        assert f"line {line}:" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time,kW\n",
        "time,kW\n2021-09-01,1\n",
        "time,kW,kWh\n2021-09-01,1,1\n2021-09-02,1,1\n",
        "time,MW\n2021-09-01,1\n2021-09-02,1\n",
        "when,kW\n2021-09-01,1\n2021-09-02,1\n",
        "time,kW\n2021-09-01,1\n2021-09-01 00:00,1\n",
    ],
)
def test_a_file_that_is_no_meter_is_refused(readings, text):
    with pytest.raises(InputError, match="E-ENE-008"):
        read_meter(readings(text))


def test_a_cell_of_a_megabyte_and_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "meter.csv"
    path.write_text("time,kW\n" + "9" * 1_000_000 + ",1\n")
    with pytest.raises(InputError, match=r"E-ENE-00[48]"):
        read_meter(path)
    path.write_bytes(b"\xff\xfe\x00time")
    with pytest.raises(InputError, match="E-ENE-004"):
        read_meter(path)


@pytest.mark.parametrize("accuracy", [-0.1, 0.6, float("nan")])
def test_an_accuracy_that_no_meter_has_is_refused(readings, accuracy):
    with pytest.raises(BadUse, match="E-ENE-008"):
        account_of_meter(readings("time,kWh\n2021-09-01,0\n2021-09-02,48\n"), Choice(), accuracy)


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=30))
def test_the_mean_of_a_meter_lies_between_its_least_and_its_most(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("meter") / "m.csv"
    rows = "".join(f"2021-09-01T{i // 4:02}:{15 * (i % 4):02}Z,{v!r}\n" for i, v in enumerate(values))
    path.write_text("time,kW\n" + rows)
    meter = read_meter(path)
    mean = meter.energy.average(meter.seen.time).to("kW").estimate
    assert min(values) - 1e-6 <= mean <= max(values) * (1 + 1e-9) + 1e-6
