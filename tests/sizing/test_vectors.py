"""Vectors of ENERGY.md that no other test of sizing holds, with their literal figures.

Coal and CO2 by every factor that was considered, and which of them do *not* give the release's figures; shares an
hour; miner dumps to four digits; what a stated sum of Ravencoin means; a sum of unlike hashes.
"""

from datetime import date

import pytest

from davylamp.errors import BadUse
from davylamp.records import Work
from davylamp.sizing.coins import Day, Series, Spell, mined
from davylamp.sizing.devices import find_devices
from davylamp.sizing.factors import apply, factor_of
from davylamp.sizing.hashrate import rate
from davylamp.sizing.quantities import Energy, Hashrate, Mass, total
from davylamp.sizing.quantities_bounds import QuantityError

DAY_KWH = 148_500
YEAR_KWH = 54_202_500  # 148,500 x 365


def nearest(value, step):
    return round(value / step) * step


# --- coal and CO2: what fits and what does not -------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "day", "year", "fits_day", "fits_year"),
    [
        (0.1229, 18.25, 6_661, False, False),  # the paper prints 6,662; the product is 6,661.49
        (0.3025, 44.92, 16_396, False, False),
        (0.400, 59.40, 21_681, False, False),  # "about 60" to the nearest ten only
        (0.404, 59.994, 21_898, True, True),
    ],
)
def test_only_one_coal_factor_gives_both_figures_of_the_release(factor, day, year, fits_day, fits_year):
    assert DAY_KWH * factor / 1000 == pytest.approx(day, abs=0.005)
    assert round(YEAR_KWH * factor / 1000) == year
    assert (nearest(DAY_KWH * factor / 1000, 1) == 60) is fits_day
    assert (nearest(YEAR_KWH * factor / 1000, 100) == 21_900) is fits_year


def test_the_factor_of_0_4_is_about_60_and_gives_the_year_only_by_way_of_the_rounded_day():
    assert nearest(DAY_KWH * 0.400 / 1000, 10) == 60
    assert 60 * 365 == 21_900


@pytest.mark.parametrize(
    ("factor", "year", "fits"),
    [
        (0.997, 54_040, True),
        (0.5810, 31_492, False),
        (0.5703, 30_912, False),
        (0.5568, 30_180, False),
        (0.5366, 29_085, False),
        (0.5617, 30_446, False),
        (0.5856, 31_741, False),
        (0.8426, 45_671, False),
        (0.8325, 45_124, False),
    ],
)
def test_no_official_factor_per_kilowatt_hour_gives_54000_tonnes(factor, year, fits):
    assert round(YEAR_KWH * factor / 1000) == year
    assert (nearest(YEAR_KWH * factor / 1000, 1000) == 54_000) is fits


@pytest.mark.parametrize(
    ("per_tonne", "year", "fits"),
    [
        (2.4567, 53_802, True),
        (2.46, 53_874, True),
        (2.493, 54_597, False),
        (2.66, 58_254, False),
        (2.443, 53_502, True),
        (2.489, 54_509, False),  # the paper's upper end is rounded up: 2.4886 is the last that fits
        (2.488, 54_487, True),
    ],
)
def test_factors_per_tonne_of_coal_that_would_give_54000_tonnes(per_tonne, year, fits):
    """Arithmetic of the paper only: the code refuses it, see the next test."""
    assert round(21_900 * per_tonne) == year
    assert (nearest(21_900 * per_tonne, 1000) == 54_000) is fits


def test_the_code_never_makes_co2_out_of_coal():
    with pytest.raises(BadUse, match="E-FAC-004"):
        apply(Mass.of(21_900, "t", "standard coal"), factor_of("article-2021", "CO2"))


def test_the_folk_sets_own_pair_misses_what_the_release_s_pair_gives():
    """0.997 belongs with 0.400, and 0.400 does not give the coal figures: the release mixes two sets."""
    year = Energy.of(YEAR_KWH, "kWh")
    folk = apply(year, factor_of("folk-2017", "standard coal")).mass.to("t").estimate
    release = apply(year, factor_of("article-2021", "standard coal")).mass.to("t").estimate
    assert (round(folk), round(release)) == (21_681, 21_898)
    assert factor_of("folk-2017", "CO2").value == factor_of("article-2021", "CO2").value == 0.997


# --- shares ------------------------------------------------------------------------------------------------

EACH = 4.295e9  # hashes per share of a usual Ethash pool


def seen(shares, seconds):
    return rate(Work(shares, shares * EACH, shares * EACH**2, EACH, seconds, 1.0, 1.0, "test"))


@pytest.mark.parametrize(("shares", "mhps"), [(84, 100), (671, 800)])
def test_shares_an_hour_of_one_card_and_of_32(shares, mhps):
    """100 MH/s make 84 shares an hour at 4.295 G, 32 x 25 MH/s make 670.5 (the paper prints 670)."""
    assert round(mhps * 1e6 * 3600 / EACH) == shares
    assert seen(shares, 3600.0).estimate / 1e6 == pytest.approx(mhps, rel=0.003)


def test_five_minutes_of_one_card_are_seven_shares_and_say_little():
    assert round(100e6 * 300 / EACH) == 7
    found = seen(7, 300.0)
    assert found.low / found.estimate == pytest.approx(0.402, abs=0.001)  # Garwood: 2.814 to 14.42 of 7
    assert found.high / found.estimate == pytest.approx(2.060, abs=0.001)


@pytest.mark.parametrize(
    ("elapsed_s", "accepted", "difficulty", "estimate", "half_percent", "own_hps", "ratio"),
    [
        (66_007, 12_757, 6_436_438_016, 418.81e12, 1.7, 420.70e12, 0.9955),
        (276_851, 86_856, 679_190_287, 10.537e12, 0.7, 10.574e12, 0.9965),
        (239_910, 41_593, 10_980_124.87, 196.6e9, 1.0, 196.18e9, 1.0020),
        (175_284, 37_470, 2_689_148, 65.9e9, 1.0, 67.14e9, 0.981),
    ],
    ids=["BAA4zFE0", "BHB2bVSb", "Ep9tAG05", "8mKjmTSn"],
)
def test_public_dumps_to_four_digits(elapsed_s, accepted, difficulty, estimate, half_percent, own_hps, ratio):
    each = difficulty / accepted * 2**48 / 65535
    found = rate(
        Work(accepted, each * accepted, each**2 * accepted, each, float(elapsed_s), 1.0, 1.0, "test")
    )
    assert found.estimate == pytest.approx(estimate, rel=5e-4)
    assert found.estimate / own_hps == pytest.approx(ratio, abs=6e-4)
    half = 100 * (found.high - found.low) / (2 * found.estimate)
    assert half == pytest.approx(half_percent, abs=0.06)


# --- coins and hashes that do not add up -------------------------------------------------------------------


def test_15000_yuan_in_111_days_are_7_dollars_a_rig_and_day():
    per_rig_yuan = 15_000 / 111 / 3
    assert per_rig_yuan / 6.45 == pytest.approx(7, abs=0.05)


@pytest.mark.parametrize(("mhps", "of_3080", "of_1660s"), [(48, 1, 5), (97, 2, 10)])
def test_such_a_rig_is_one_or_two_big_cards_or_five_to_ten_small_ones(mhps, of_3080, of_1660s):
    (big,) = find_devices("RTX 3080", "kawpow")
    (small,) = find_devices("GTX 1660 Super", "kawpow")
    assert round(mhps * 1e6 / big.hps_mid) == of_3080
    assert round(mhps * 1e6 / small.hps_mid) == pytest.approx(of_1660s, abs=1)


def test_jiangsus_ten_petahashes_are_no_sum_that_the_code_makes():
    parts = [Hashrate.read("over 10 PH/s", "sha256d"), Hashrate.read("10 PH/s", "ethash")]
    with pytest.raises(QuantityError, match="E-QTY-012"):
        total(parts)


def test_ten_petahashes_of_ethash_are_more_than_the_whole_network_of_2021():
    """About 0.6 PH/s; a hashrate above the network's is a slip of units or algorithm, not a fortune."""
    day = date(2021, 5, 9)
    series = Series("ETH", "ethash", "USD", "test", (Day(day, 0.6e15, 13_600),))
    with pytest.raises(BadUse, match="E-COI-010"):
        mined(Hashrate.of(10, "PH/s", "ethash"), series, Spell(day, day))
    assert mined(Hashrate.of(10, "GH/s", "ethash"), series, Spell(day, day)).coins.amount.estimate > 0
