"""Units cannot be mixed, marks survive arithmetic, texts of releases are read as they mean it."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.records import Interval
from davylamp.sizing.quantities import (
    Coins,
    Duration,
    Energy,
    Hashrate,
    Mass,
    MassFlow,
    Money,
    Power,
    Quantity,
    total,
)
from davylamp.sizing.quantities_bounds import (
    Bounded,
    QuantityError,
    about,
    at_least,
    at_most,
    bounded,
    figure,
    read_amount,
)

ETH = Hashrate.of(100, "MH/s", "ethash")
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@st.composite
def intervals(draw):
    low, mid, high = sorted(draw(st.lists(NUMBERS, min_size=3, max_size=3)))
    return Bounded(low, mid, high)


def code_of(call):
    with pytest.raises(QuantityError) as caught:
        call()
    return caught.value.code


# --- units -------------------------------------------------------------------------------------------------


def test_megahashes_and_gigahashes_add_up_as_hashes():
    assert (ETH + Hashrate.of(0.1, "GH/s", "ethash")).to("MH/s").estimate == pytest.approx(200)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Power.of(1, "kW"), Energy.of(1, "kWh")),
        (Energy.of(1, "kWh"), Mass.of(1, "kg", "CO2")),
        (ETH, Power.of(1, "W")),
        (Mass.of(1, "t", "CO2"), MassFlow.of(1, "t/d", "CO2")),
        (Power.of(1, "kW"), 1.0),
        (Coins.of(1, "ETH"), Money.of(1, "CNY", "2021-05-09")),
    ],
)
def test_unlike_quantities_neither_add_nor_subtract_nor_compare(left, right):
    assert code_of(lambda: left + right) == "E-QTY-010"
    assert code_of(lambda: left - right) == "E-QTY-010"
    assert code_of(lambda: left.ratio(right)) == "E-QTY-010"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ETH, Hashrate.of(1, "TH/s", "sha256d")),
        (Mass.of(1, "t", "CO2"), Mass.of(1, "t", "standard coal")),
        (Coins.of(1, "ETH"), Coins.of(1, "RVN")),
        (Money.of(1, "CNY", "2021-01-01"), Money.of(1, "USD", "2021-01-01")),
        (Money.of(1, "CNY", "2021-01-01"), Money.of(1, "CNY", "2021-02-21")),
    ],
)
def test_algorithms_substances_coins_currencies_and_price_days_are_not_mixed(left, right):
    assert code_of(lambda: left + right) == "E-QTY-012"
    assert code_of(lambda: total([left, right])) == "E-QTY-012"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: Power.of(1, "kWh"), "E-QTY-011"),
        (lambda: Energy.of(1, "kW"), "E-QTY-011"),
        (lambda: Mass.of(1, "kWh", "CO2"), "E-QTY-011"),
        (lambda: Hashrate.of(1, "MW", "ethash"), "E-QTY-011"),
        (lambda: Hashrate.of(1, "mh/s", "ethash"), "E-QTY-011"),
        (lambda: Energy.read("60 t/d"), "E-QTY-011"),
        (lambda: Energy.of(1, "kWh").to("kW"), "E-QTY-011"),
        (lambda: Hashrate.of(1, "MH/s", ""), "E-QTY-014"),
        (lambda: Money.of(43_000, "CNY", ""), "E-QTY-014"),
        (lambda: Coins.of(1, ""), "E-QTY-014"),
        (lambda: total([]), "E-QTY-013"),
        (lambda: Power.of(1, "kW").over(24), "E-QTY-010"),
        (lambda: Energy.of(1, "kWh").average(24), "E-QTY-010"),
        (lambda: MassFlow.of(1, "t/d", "CO2").over(365), "E-QTY-010"),
        (lambda: Power.of(1, "kW") * Duration.of(1, "h"), "E-QTY-003"),
        (lambda: Power.of(True, "kW"), "E-QTY-003"),
        (lambda: Bounded(1, math.inf, math.inf), "E-QTY-001"),
        (lambda: Bounded(2, 1, 3), "E-QTY-001"),
        (lambda: Bounded(math.nan, 1, 3), "E-QTY-001"),
        (lambda: bounded(1) / 0, "E-QTY-002"),
        (lambda: bounded(1) / Bounded(-1, 0.5, 1), "E-QTY-002"),
    ],
)
def test_what_cannot_be_meant_is_a_typed_error(call, code):
    assert code_of(call) == code


def test_a_day_of_6187_5_kilowatts_is_148500_kilowatt_hours():
    power = Power.of(148_500, "kWh/d")
    assert power.to("kW").estimate == pytest.approx(6187.5)
    assert power.over(Duration.of(1, "a")).to("kWh").estimate == pytest.approx(54_202_500)
    assert Energy.of(148_500, "kWh").average(Duration.of(1, "d")).to("kW").estimate == pytest.approx(6187.5)


def test_sixty_tonnes_a_day_are_21900_a_year_exactly():
    flow = MassFlow.read("≈ 60 t/d", "standard coal")
    year = flow.over(Duration.of(1, "a"))
    assert year.to("t").estimate == pytest.approx(21_900)
    assert year.amount.about
    assert str(year.to("t")) == "≈ 21,900"


def test_a_hashrate_is_written_with_its_prefix():
    assert str(Hashrate.of(10, "PH/s", "sha256d")) == "10 PH/s"
    assert str(Hashrate.seen(Interval(7.5e3, 1e4, 1.5e4), "rx/0")) == "10 (7.5 to 15) kH/s"


def test_every_unit_of_every_quantity_is_positive_and_its_base_comes_first():
    kinds = (Duration, Power, Energy, Mass, MassFlow, Hashrate, Coins, Money)
    assert {k.__name__ for k in Quantity.__subclasses__()} == {k.__name__ for k in kinds}
    for kind in kinds:
        assert kind.factor(kind.base()) == 1.0
        assert all(f > 0 for f in kind.UNITS.values())


# --- bounds ------------------------------------------------------------------------------------------------


def test_a_lower_bound_stays_one():
    assert str(at_least(500) + 68) == "≥ 568"
    assert str(at_least(500) * 2) == "≥ 1,000"
    assert str(at_least(500) / 2) == "≥ 250"
    assert str(at_least(500) - 68) == "≥ 432"
    assert str(at_least(500) + at_least(260)) == "≥ 760"
    assert str(sum([at_least(68), at_least(260)], bounded(0))) == "≥ 328"


def test_what_is_taken_from_an_unbounded_number_turns_the_bound():
    assert (1000 - at_least(500)).text() == "≤ 500"
    assert (at_least(500) - at_least(260)).text() == "unknown (nominally 240)"


def test_an_upper_bound_stays_one_and_keeps_what_is_known_below():
    assert str(at_most(10) * 3) == "≤ 30"
    assert str(at_most(10) + 3) == "≤ 13 (≥ 3)"
    assert str(100 / at_most(10)) == "≥ 10"
    assert str(100 - at_most(5)) == "≥ 95 (≤ 100)"


def test_nothing_of_an_unbounded_number_is_nothing():
    assert (at_least(5) * 0).is_exact
    assert (at_least(5) * 0).estimate == 0


def test_about_is_contagious():
    for value in (about(60) + 1, 1 - about(60), about(60) * 365, 365 / about(60), at_least(1) + about(60)):
        assert value.about
    assert str(about(60) * 365) == "≈ 21,900"


@given(intervals(), intervals(), st.floats(0, 1), st.floats(0, 1))
def test_whatever_the_two_numbers_are_the_result_holds_theirs(a, b, at_a, at_b):
    x, y = (i.low + t * (i.high - i.low) for i, t in ((a, at_a), (b, at_b)))
    x, y = (min(max(v, i.low), i.high) for v, i in ((x, a), (y, b)))
    for whole, part in ((a + b, x + y), (a - b, x - y), (a * b, x * y)):
        slack = 1e-6 * (abs(part) + 1)
        assert whole.low - slack <= part <= whole.high + slack
    if b.low > 1e-3:
        quotient = a / b
        assert quotient.low - 1e-6 * (abs(x / y) + 1) <= x / y <= quotient.high + 1e-6 * (abs(x / y) + 1)


@given(NUMBERS, NUMBERS)
def test_plain_numbers_compute_as_plain_numbers(a, b):
    assert (bounded(a) + b).estimate == a + b
    assert (bounded(a) + b).is_exact
    assert (bounded(a) * b).low == (bounded(a) * b).high == a * b


def test_an_interval_is_written_with_three_digits_and_a_plain_number_in_full():
    assert str(Bounded(16_234.5, 31_678.9, 84_321.0)) == "31,700 (16,200 to 84,300)"
    assert str(bounded(54_202_500)) == "54,202,500"
    assert str(bounded(59.994)) == "59.99"
    assert bounded(59.994).text(5) == "59.994"
    assert figure(0.0) == "0"


# --- texts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written", "unit"),
    [
        ("≥500", "≥ 500", ""),
        (">= 500", "≥ 500", ""),
        ("500余", "≥ 500", ""),
        ("500余人", "≥ 500", "人"),
        ("500多台", "≥ 500", "台"),
        ("70+", "≥ 70", ""),
        ("超过500", "≥ 500", ""),
        ("不少于500家", "≥ 500", "家"),
        ("500以上", "≥ 500", ""),
        ("37万余千瓦时", "≥ 370,000", "千瓦时"),
        ("37余万千瓦时", "≥ 370,000", "千瓦时"),
        ("over 10 PH/s", "≥ 10", "PH/s"),
        ("约500", "≈ 500", ""),
        ("500左右", "≈ 500", ""),
        ("~ 60", "≈ 60", ""),
        ("≈ 60 t/d", "≈ 60", "t/d"),
        ("about 21,900 t", "≈ 21,900", "t"),
        ("≤240 h", "≤ 240", "h"),
        ("不超过10天", "≤ 10", "天"),
        ("近500", "≈ ≤ 500", ""),
        ("14.85万千瓦时", "148,500", "千瓦时"),
        ("148,500 kWh", "148,500", "kWh"),
        ("5.4万吨", "54,000", "吨"),
        ("3千瓦", "3", "千瓦"),
        ("２００－３００ W", "250 (200 to 300)", "W"),
        ("13至20 MH/s", "16.5 (13 to 20)", "MH/s"),
    ],
)
def test_the_texts_of_releases_are_read_as_they_mean_it(text, written, unit):
    reading = read_amount(text)
    assert (str(reading.amount), reading.unit) == (written, unit)


@pytest.mark.parametrize(
    "text",
    ["", "many", "≥", "1,23", "12 34", "5 to 3", "≥500以下", "1e999", "9" * 400, "nan", "--5", "500 500"],
)
def test_what_is_no_quantity_is_refused(text):
    assert code_of(lambda: read_amount(text)) == "E-QTY-004"


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text):
    with contextlib.suppress(QuantityError):
        assert math.isfinite(read_amount(text).amount.estimate)


def test_units_of_chinese_releases_are_known():
    assert Energy.read("26万度").to("kWh").estimate == pytest.approx(260_000)
    assert Power.read("0.62万千瓦").to("MW").estimate == pytest.approx(6.2)
    assert Mass.read("约5.4万吨", "CO2").to("t").text() == "≈ 54,000"
