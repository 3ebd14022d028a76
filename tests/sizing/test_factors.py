"""The release of 2021 reproduced, the official figure beside it, and refusals that protect both."""

import pytest

from davylamp.errors import BadUse, TableError
from davylamp.sizing.factors import (
    DAY_FIRST,
    Rounding,
    apply,
    factor_of,
    factors_that_round_to,
    footprint,
    overstatement,
)
from davylamp.sizing.quantities import Energy, Mass
from davylamp.sizing.quantities_bounds import at_least
from davylamp.tables import energy as tables

DAY = Energy.of(148_500, "kWh")
YEAR = Energy.of(54_202_500, "kWh")  # 148,500 x 365


def tonnes(energy, name, substance="CO2"):
    return apply(energy, factor_of(name, substance)).mass.to("t").estimate


def test_the_release_of_2021_is_reproduced():
    assert tonnes(DAY, "article-2021", "standard coal") == pytest.approx(59.994)
    assert round(tonnes(YEAR, "article-2021", "standard coal")) == 21_898
    assert round(tonnes(YEAR, "article-2021")) == 54_040


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MEE-2021-national", 30_180),
        ("MEE-2022-national", 29_085),
        ("MEE-2022-EastChina", 30_446),
        ("MEE-2022-residual", 31_741),
        ("MEE-2021-fossil", 45_671),
        ("MEE-2022-fossil", 45_124),
        ("MEE-reporting-2022", 31_492),
        ("MEE-reporting-2023", 30_912),
    ],
)
def test_other_factor_sets_give_the_papers_figures(name, expected):
    assert round(tonnes(YEAR, name)) == expected


@pytest.mark.parametrize(
    ("name", "day", "year"),
    [("GBT2589-physical", 18.25, 6661), ("supply-2021", 44.9, 16_396), ("folk-2017", 59.40, 21_681)],
)
def test_other_coal_factors_give_the_papers_figures(name, day, year):
    """54,202,500 x 0.1229 is 6,661.487 t; the paper prints 6,662."""
    assert tonnes(DAY, name, "standard coal") == pytest.approx(day, abs=0.05)
    assert round(tonnes(YEAR, name, "standard coal")) == year


def test_the_official_figure_comes_first_and_the_comparable_one_beside_it():
    found = footprint(YEAR, "article-2021")
    first = found.all[0]
    assert (first.row.set, round(first.mass.to("t").estimate)) == ("MEE-2021-national", 30_180)
    assert found.of("article-2021", "CO2") in found.beside
    assert all(m.is_official for m in found.official)
    assert not any(m.is_official for m in found.beside)


def test_an_official_set_keeps_the_comparable_one_beside_it():
    found = footprint(YEAR, "MEE-2022-EastChina")
    assert [m.row.set for m in found.official if m.row.yields == "CO2"] == [
        "MEE-2022-EastChina",
        "MEE-2022-national",
    ]
    assert {(m.row.set, m.row.yields) for m in found.beside} == {
        ("article-2021", "CO2"),
        ("article-2021", "standard coal"),
    }


def test_coal_and_co2_may_come_from_two_sets_and_both_are_named():
    found = footprint(YEAR, "MEE-2021-national", coal="folk-2017")
    assert found.of("folk-2017", "standard coal").row.source
    assert {m.row.set for m in found.all} >= {"MEE-2021-national", "folk-2017"}


def test_the_comparable_figure_overstates_the_official_one_1_79_times():
    found = footprint(YEAR)
    ratio = overstatement(found.of("article-2021", "CO2"), found.of("MEE-2021-national", "CO2"))
    assert ratio == pytest.approx(1.79, abs=0.005)


@pytest.mark.parametrize(
    ("published", "step", "energy", "low", "high"),
    [
        (60, 1, DAY, 0.4007, 0.4074),
        (21_900, 100, YEAR, 0.4031, 0.4050),
        (54_000, 1000, YEAR, 0.9870, 1.0055),
    ],
)
def test_which_factors_round_to_what_was_published(published, step, energy, low, high):
    found = factors_that_round_to(Mass.of(published, "t", "x"), Mass.of(step, "t", "x"), energy)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_the_yearly_figure_of_the_release_is_the_rounded_day_times_365():
    rounding = Rounding(1000.0, DAY_FIRST)
    coal = apply(YEAR, factor_of("article-2021", "standard coal"), rounding, days=365)
    assert coal.mass.to("t").estimate == pytest.approx(21_900)
    assert "round the day, then multiply" in str(rounding)
    plain = apply(YEAR, factor_of("article-2021", "standard coal"), Rounding(1000.0), days=365)
    assert plain.mass.to("t").estimate == pytest.approx(21_898)


def test_co2_never_comes_from_coal():
    coal = Mass.of(21_900, "t", "standard coal")
    with pytest.raises(BadUse, match="E-FAC-004"):
        apply(coal, factor_of("article-2021", "CO2"))


def test_a_set_that_is_still_to_be_entered_is_refused_and_says_where_from():
    with pytest.raises(BadUse, match="E-FAC-002") as caught:
        footprint(YEAR, "MEE-2022-Zhejiang")
    assert "factors.csv" in caught.value.hint
    assert "notice" in caught.value.hint


def test_a_set_that_does_not_exist_is_told_from_one_without_coal():
    with pytest.raises(BadUse, match="E-FAC-001"):
        footprint(YEAR, "MEE-1999")
    with pytest.raises(BadUse, match="E-FAC-003"):
        factor_of("MEE-2021-national", "standard coal")
    with pytest.raises(BadUse, match="E-FAC-001"):
        footprint(YEAR, "MEE-2021-national", coal="none")


def test_a_lower_bound_of_energy_is_one_of_co2():
    found = footprint(Energy.of(at_least(370_000), "kWh"))
    assert found.all[0].mass.text("t") == "≥ 206 t"  # 370,000 x 0.5568 = 206,016 kg


def test_every_figure_keeps_what_it_takes_to_compute_it_again():
    found = footprint(YEAR).all[0]
    again = found.energy.to("kWh").estimate * found.row.value / 1000
    assert again == pytest.approx(found.mass.to("t").estimate)
    assert (found.method, str(found.rounding)) == ("factors-1", "not rounded")


def test_a_site_enters_what_the_notice_says(tmp_path):
    header = "set,yields,value,unit,year,region,status,title,source,reviewed\n"
    row = "MEE-2022-Zhejiang,CO2,0.5,kg/kWh,2022,CN-ZJ,official,test,notice,2026-11-24\n"
    (tmp_path / "factors.csv").write_text(header + row)
    found = footprint(YEAR, "MEE-2022-Zhejiang", site=tmp_path)
    assert found.all[0].mass.to("t").estimate == pytest.approx(27_101.25)


@pytest.mark.parametrize(
    "row",
    [
        "x,CO2,0.5,t/tce,2022,CN,official,test,notice,2026-11-24",
        "x,CO2,,kg/kWh,2022,CN,official,test,notice,2026-11-24",
        "x,CO2,0.5,kg/kWh,2022,CN,rumour,test,notice,2026-11-24",
        "x,soot,0.5,kg/kWh,2022,CN,official,test,notice,2026-11-24",
        "x,CO2,0,kg/kWh,2022,CN,official,test,notice,2026-11-24",
    ],
)
def test_a_factor_of_another_unit_or_without_value_is_refused(tmp_path, row):
    header = "set,yields,value,unit,year,region,status,title,source,reviewed\n"
    (tmp_path / "factors.csv").write_text(header + row + "\n")
    with pytest.raises(TableError, match="E-TAB-005"):
        tables.factors(tmp_path)
