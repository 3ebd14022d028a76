"""Coins by the day and value by a rule; the two cases of the release as plausibility vectors."""

from datetime import date, timedelta

import pytest

from davylamp.errors import BadUse, InputError
from davylamp.records import Interval
from davylamp.sizing.coins import Day, Series, Spell, implied_hashrate, mined, read_series, value
from davylamp.sizing.devices import find_devices
from davylamp.sizing.power import Item, inventory
from davylamp.sizing.quantities import Coins, Duration, Hashrate, Money
from davylamp.sizing.quantities_bounds import bounded

START = date(2021, 1, 1)


def flat(coin, algorithm, network_hps, emission, days, prices=None):
    rows = tuple(
        Day(START + timedelta(days=i), network_hps, emission, prices[i] if prices else None)
        for i in range(days)
    )
    return Series(coin, algorithm, "USD", "test series", rows)


def spell(days, **more):
    return Spell(START, START + timedelta(days=days - 1), **more)


# --- 32 cards, 4 months, 2.4 ETH ---------------------------------------------------------------------------


@pytest.mark.parametrize(("network", "low", "high"), [(430e12, 13, 20), (600e12, 18, 28)])
def test_two_ether_and_a_half_of_32_cards_are_plausible_rates_of_a_card(network, low, high):
    """ENERGY.md: 13,600 ETH a day, 120 days, fees 0 to 50 % on top."""
    series = flat("ETH", "ethash", network, 13_600, 120)
    rate = implied_hashrate(Coins.of(2.4, "ETH"), series, spell(120), Interval(0.0, 0.25, 0.5))
    each = rate / 32
    assert each.to("MH/s").low == pytest.approx(low, abs=0.5)
    assert each.to("MH/s").high == pytest.approx(high, abs=0.5)


def test_such_a_rate_fits_rx_570_and_1660_cards_that_did_not_always_run():
    series = flat("ETH", "ethash", 600e12, 13_600, 120)
    each = implied_hashrate(Coins.of(2.4, "ETH"), series, spell(120), Interval(0.0, 0.25, 0.5)) / 32
    for model in ("RX 570", "RX 580", "GTX 1660 Super"):
        (row,) = find_devices(model, "ethash")
        assert 0.5 * row.hps_low < each.to("H/s").high < row.hps_high


def test_the_value_stated_is_a_price_of_mid_2021():
    price = Money.of(43_000, "CNY", "seizure 2021") / 2.4
    assert price.amount.estimate == pytest.approx(17_917, abs=1)
    assert price.amount.estimate / 6.47 == pytest.approx(2770, abs=5)  # CNY per USD, mid-2021


def test_their_energy_is_a_tenth_of_one_day_of_the_provincial_list():
    """32 x 130 W x 2,880 h x 1.15 = 13.8 MWh."""
    power = inventory(Item("card", bounded(32), bounded(130 * 1.15), is_wall=True, load=1.0)).power
    energy = power.over(Duration.of(2880, "h"))
    assert energy.to("MWh").estimate == pytest.approx(13.8, abs=0.05)
    assert energy.to("kWh").estimate / 148_500 == pytest.approx(0.1, abs=0.01)


# --- 3 rigs, 111 days, RVN, 15,000 CNY ---------------------------------------------------------------------


def test_a_stated_sum_of_ravencoin_is_uninformative_without_dates():
    """0.0127 USD on 1 January, 0.2269 on 21 February 2021: 17.9 times in 51 days."""
    days = (date(2021, 2, 21) - START).days
    assert days == 51
    prices = [0.0127] * 51 + [0.2269]
    series = flat("RVN", "kawpow", 7.5e12, 7.2e6, 52, prices)
    found = mined(Hashrate.of(200, "MH/s", "kawpow"), series, spell(52))
    first = value(found, "seizure", days=[(START, 1.0)])
    last = value(found, "seizure", days=[(date(2021, 2, 21), 1.0)])
    assert last.amount.estimate / first.amount.estimate == pytest.approx(17.9, abs=0.05)
    with pytest.raises(BadUse, match="E-COI-006"):
        value(found, "seizure")


@pytest.mark.parametrize(("network", "each"), [(5e12, 48), (10e12, 97)])
def test_135_yuan_a_day_of_three_rigs_are_one_or_two_cards_each(network, each):
    per_day = 15_000 / 111
    assert per_day == pytest.approx(135, abs=0.2)
    coins = per_day / 6.45 / 0.10  # CNY per USD in 2021, USD per RVN
    assert coins == pytest.approx(209, abs=1)
    assert coins / 7.2e6 == pytest.approx(2.9e-5, rel=0.01)
    series = flat("RVN", "kawpow", network, 7.2e6, 1)
    rate = implied_hashrate(Coins.of(coins, "RVN"), series, spell(1), Interval(0, 0, 0)) / 3
    assert rate.to("MH/s").estimate == pytest.approx(each, abs=1)


# --- the sum over days -------------------------------------------------------------------------------------


def test_coins_are_summed_by_the_day_not_by_one_average():
    """Half the network on the second day doubles that day: 1 + 2, not 2 x 1.33."""
    rows = (Day(START, 1e12, 1000), Day(START + timedelta(days=1), 0.5e12, 1000))
    series = Series("ETH", "ethash", "USD", "test", rows)
    found = mined(Hashrate.of(1, "GH/s", "ethash"), series, spell(2))
    assert found.coins.amount.estimate == pytest.approx(3.0)


def test_fee_and_duty_take_their_part_and_widen_the_bounds():
    series = flat("ETH", "ethash", 1e12, 1000, 10)
    found = mined(
        Hashrate.of(1, "GH/s", "ethash"),
        series,
        spell(10, duty=Interval(0.5, 0.8, 1.0)),
        fee=Interval(0, 0.01, 0.02),
    ).coins.amount
    assert (found.low, found.estimate, found.high) == pytest.approx((10 * 0.5 * 0.98, 10 * 0.8 * 0.99, 10.0))


def test_a_missing_day_is_an_error_or_a_lower_bound():
    full = flat("ETH", "ethash", 1e12, 1000, 10)
    gap = Series("ETH", "ethash", "USD", "test", full.days[:3] + full.days[4:])
    with pytest.raises(BadUse, match="E-COI-005"):
        mined(Hashrate.of(1, "GH/s", "ethash"), gap, spell(10))
    found = mined(Hashrate.of(1, "GH/s", "ethash"), gap, spell(10), allow_gaps=True)
    assert str(found.coins) == "≥ 9 ETH"
    assert found.missing == (START + timedelta(days=3),)


def test_hashes_of_another_algorithm_earn_nothing():
    with pytest.raises(BadUse, match="E-COI-004"):
        mined(Hashrate.of(1, "GH/s", "sha256d"), flat("ETH", "ethash", 1e12, 1000, 1), spell(1))
    with pytest.raises(BadUse, match="E-COI-003"):
        mined(
            Hashrate.of(1, "GH/s", "ethash"),
            flat("ETH", "ethash", 1e12, 1000, 1),
            Spell(START, date(2020, 1, 1)),
        )


def test_every_rule_gives_its_own_value_and_says_which():
    series = flat("ETH", "ethash", 1e12, 1000, 4, [100.0, 200.0, 300.0, 400.0])
    found = mined(Hashrate.of(1, "GH/s", "ethash"), series, spell(4))
    by_day = value(found, "mining day")
    assert by_day.amount.estimate == pytest.approx(100 + 200 + 300 + 400)
    assert by_day.as_of == "each mining day, test series"
    payout = value(found, "payout", days=[(START, 0.5), (START + timedelta(days=3), 0.5)])
    assert payout.amount.estimate == pytest.approx(4 * 250)
    sale = value(found, "sale", days=[(START + timedelta(days=1), 1.0)], price=17_917.0)
    assert sale.amount.estimate == pytest.approx(4 * 17_917)
    assert sale.as_of == "sale 2021-01-02, price as given"
    with pytest.raises(BadUse, match="E-QTY-012"):
        by_day + sale


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("some day", {}),
        ("mining day", {"price": 1.0}),
        ("sale", {"days": [(START, 0.5)]}),
        ("sale", {"days": [(START, 0.5), (START + timedelta(days=1), 0.5)], "price": 1.0}),
        ("payout", {"days": [(date(2022, 1, 1), 1.0)]}),
    ],
)
def test_a_value_without_its_rule_or_price_is_refused(rule, more):
    series = flat("ETH", "ethash", 1e12, 1000, 4, [100.0, 200.0, 300.0, 400.0])
    with pytest.raises(BadUse, match="E-COI-006"):
        value(mined(Hashrate.of(1, "GH/s", "ethash"), series, spell(4)), rule, **more)


def test_a_series_is_read_from_csv_in_any_order(tmp_path):
    path = tmp_path / "eth.csv"
    path.write_text("date,network_hps,emission,price\n2021-01-02,2e12,1000,\n2021-01-01,1e12,1000,730.5\n")
    series = read_series(path, "ETH", "ethash")
    assert [row.day for row in series.days] == [START, START + timedelta(days=1)]
    assert series.days[0].price == 730.5
    assert series.days[1].price is None


def test_all_faults_of_a_series_are_told_at_once(tmp_path):
    path = tmp_path / "eth.csv"
    path.write_text(
        "date,network_hps,emission\n2021-01-01,1e12,1000\n2021-01-01,1e12,1000\nyesterday,1,1\n2021-01-02,0,1\n"
    )
    with pytest.raises(InputError, match="E-COI-002") as caught:
        read_series(path, "ETH", "ethash")
    for line in ("line 3", "line 4", "line 5"):
        assert line in caught.value.message


@pytest.mark.parametrize(
    "text",
    ["", "date,emission\n", "date,network_hps,emission\n", "date,network_hps,emission\n2021-01-01,nan,1\n"],
)
def test_a_file_that_is_no_series_is_refused(tmp_path, text):
    path = tmp_path / "eth.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="E-COI-002"):
        read_series(path, "ETH", "ethash")
