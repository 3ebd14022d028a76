"""A coin's market as a user names it: algorithms by their common names, rules with their days, all else refused."""

from datetime import date

import pytest

from davylamp.errors import BadUse
from davylamp.sizing.coins_market import Asked, algorithm_named, read_market, read_pricing

HEAD = "date,network_hps,emission,price\n"


@pytest.fixture
def series(tmp_path):
    def write(name, *days):
        path = tmp_path / name
        path.write_text(HEAD + "".join(f"{day},1e12,1000,100\n" for day in days or ("2021-05-01",)))
        return path

    return write


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("randomx", "rx/0"),
        ("RandomX", "rx/0"),
        ("rx/0", "rx/0"),
        ("ethash", "ethash"),
        ("etchash", "etchash"),
        ("daggerhashimoto", "ethash"),
        ("SHA256", "sha256d"),
    ],
)
def test_an_algorithm_is_known_by_the_names_that_miners_use(name, algorithm):
    assert algorithm_named(name) == algorithm


def test_an_algorithm_that_nobody_knows_is_refused():
    with pytest.raises(BadUse, match="E-COI-008"):
        algorithm_named("md5")


@pytest.mark.parametrize(
    ("coin", "day", "algorithm"),
    [
        ("xmr", "2021-05-01", "rx/0"),
        ("ETH", "2021-05-01", "ethash"),
        ("ETC", "2021-05-01", "etchash"),
        ("ETC", "2020-05-01", "ethash"),
        ("RVN", "2021-05-01", "kawpow"),
    ],
)
def test_a_coin_s_algorithm_is_that_of_the_series_days(series, coin, day, algorithm):
    market = read_market(Asked((series("a.csv", day),), (coin,)))
    assert market.of(coin.upper()).algorithm == algorithm


@pytest.mark.parametrize(("coin", "days"), [("ETC", ("2020-11-01", "2021-01-01")), ("DGB", ()), ("NONE", ())])
def test_a_coin_with_several_algorithms_or_none_has_to_name_one(series, coin, days):
    with pytest.raises(BadUse, match="E-COI-008") as caught:
        read_market(Asked((series("a.csv", *days),), (coin,)))
    assert "--algorithm" in caught.value.hint
    named = read_market(Asked((series("a.csv", *days),), (coin,), ("scrypt",)))
    assert named.of(coin).algorithm == "scrypt"


@pytest.mark.parametrize(
    ("coins", "algorithms", "count"),
    [((), (), 1), (("A", "B"), (), 1), (("XMR",), ("a", "b"), 1), (("XMR",), (), 0)],
)
def test_series_and_coins_come_in_pairs(series, coins, algorithms, count):
    with pytest.raises(BadUse, match="E-COI-008"):
        read_market(Asked((series("a.csv"),) * count, coins, algorithms))


def test_a_coin_has_one_series(series):
    with pytest.raises(BadUse, match="E-COI-008"):
        read_market(Asked((series("a.csv"), series("b.csv")), ("XMR", "xmr")))


@pytest.mark.parametrize("fee", ["1.5", "-0.01", "0.5-2", "≥ 0.1"])
def test_a_fee_is_a_share(series, fee):
    with pytest.raises(BadUse, match=r"E-COI-007"):
        read_market(Asked((series("a.csv"),), ("XMR",), fee=fee))


def test_a_rule_is_read_with_its_days():
    assert read_pricing(Asked()) is None
    mining = read_pricing(Asked(currency="CNY", rule="mining-day"))
    assert (mining.rule, mining.days) == ("mining day", ())
    half = read_pricing(
        Asked(currency="CNY", rule="sale", price_dates=("2021-05-01=0.25", "2021-06-01=0.75"))
    )
    assert half.days == ((date(2021, 5, 1), 0.25), (date(2021, 6, 1), 0.75))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"rule": "someday"}, "E-COI-006"),
        ({"rule": "mining-day", "currency": ""}, "E-COI-008"),
        ({"rule": "mining-day", "price": 1.0}, "E-COI-006"),
        ({"rule": "mining-day", "price_dates": ("2021-05-01",)}, "E-COI-006"),
        ({"rule": "sale"}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("May",)}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("2021-05-01", "2021-05-02")}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("2021-05-01=0.5",)}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("2021-05-01=nan",)}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("2021-05-01=2", "2021-05-02=-1")}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("2021-05-01=.5", "2021-05-02=.5"), "price": 1.0}, "E-COI-006"),
        ({"rule": "sale", "price_dates": ("2021-05-01",), "price": 0.0}, "E-COI-006"),
        ({"price": 1.0}, "E-COI-006"),
        ({"price_dates": ("2021-05-01",)}, "E-COI-006"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(more, code):
    with pytest.raises(BadUse) as caught:
        read_pricing(Asked(**{"currency": "CNY", **more}))
    assert caught.value.code == code


def test_one_price_does_not_fit_two_coins(series):
    asked = Asked(
        (series("a.csv"), series("b.csv")),
        ("XMR", "ETH"),
        currency="CNY",
        rule="sale",
        price_dates=("2021-05-01",),
        price=5.0,
    )
    with pytest.raises(BadUse, match="E-COI-006"):
        read_market(asked)
