"""Samples on file: kilowatt-hours and yes or no, refusals by selection, the mark of a forced one everywhere."""

import json

import pytest

from davylamp.errors import BadUse, InputError
from davylamp.sizing.energy_account import Account, Choice
from davylamp.sizing.energy_rows import account_row
from davylamp.sizing.energy_text import account_text, extrapolation_text
from davylamp.sizing.sample import SELECTIONS, Draw, extrapolate


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "sample.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def energy(table):
    return table("address,kwh_per_day\n" + "".join(f"10.0.0.{i},{i}\n" for i in range(1, 6)))


@pytest.fixture
def visits(table):
    rows = "".join(f"unit {i},{'yes' if i < 14 else 'no'}\n" for i in range(20))
    return table("unit,active\n" + rows)


def test_kilowatt_hours_go_through_to_coal_and_co2(energy):
    """1..5 of 20: mean 3, so 60 kWh a day, and 60 x 365 x 0.5568 kg a year by the official set."""
    account = extrapolate(energy, Draw(20, "random"), Choice())
    row = account_row(account)
    assert row["kwh_per_day"]["estimate"] == pytest.approx(60)
    assert row["kwh_per_day"]["high"] == pytest.approx(20 * 4.7002, abs=0.01)
    assert (row["official"][0]["set"], row["mark"]) == ("MEE-2021-national", "")
    assert row["official"][0]["total_t"]["estimate"] == pytest.approx(12.194, abs=0.001)
    assert row["extrapolation"]["selection"] == "random"
    assert "selection: random" in account_text(account)


def test_the_lower_end_is_never_below_what_the_sample_itself_draws(table):
    path = table("address,kwh_per_day\na,0\nb,0\nc,100\n")
    account = extrapolate(path, Draw(4, "random"), Choice())
    assert account.per_day.to("kWh").low == pytest.approx(100)
    assert any("lower end" in note for note in account.notes)


@pytest.mark.parametrize("selection", [s for s in SELECTIONS if s not in ("random", "census")])
@pytest.mark.parametrize("which", ["energy", "visits"])
def test_a_sample_that_was_not_drawn_for_it_is_refused_with_a_code(request, which, selection):
    with pytest.raises(BadUse, match="E-EXT-002"):
        extrapolate(request.getfixturevalue(which), Draw(4699, selection), Choice())


def test_a_forced_sample_is_marked_in_every_figure_of_text_and_json(energy):
    account = extrapolate(energy, Draw(4699, "risk-ranked", force=True), Choice())
    assert isinstance(account, Account)
    row = json.loads(json.dumps(account_row(account)))
    assert row["mark"].startswith("FORCED: the sample was risk-ranked")
    for mass in row["official"] + row["comparable"]:
        assert mass["mark"] == row["mark"]
        assert mass["per_day_t"]["about"]
        assert mass["total_t"]["text"].startswith("≈")
    assert row["kwh"]["about"]
    assert row["extrapolation"]["forced"]
    assert row["extrapolation"]["total"]["about"]
    lines = account_text(account).splitlines()
    assert lines[0].startswith("FORCED")
    for title in ("Official (FORCED)", "Comparable with the release of 2021 (FORCED)"):
        assert title in lines
    assert sum("≈" in line for line in lines) >= 5


def test_yes_and_no_give_the_units_of_the_population(visits):
    """14 of 20 out of 78, if they had been drawn at random."""
    found = extrapolate(visits, Draw(78, "random"), Choice())
    assert (found.total.low, found.total.estimate, found.total.high) == (38, pytest.approx(54.6), 67)
    assert "54.6 (38 to 67) of 78" in extrapolation_text(found)
    forced = extrapolate(visits, Draw(78, "risk-ranked", force=True), Choice())
    text = extrapolation_text(forced)
    assert text.startswith("FORCED")
    assert "≈ 54.6" in text


def test_a_bootstrap_is_computed_again_by_its_seed(table):
    energy = table("address,kwh_per_day\n" + "".join(f"{i},{1.37**i}\n" for i in range(12)))
    draw = Draw(4699, "random", way="bootstrap", seed=7)
    once, again = (extrapolate(energy, draw, Choice()) for _ in range(2))
    assert once == again
    assert "seed 7" in account_text(once)
    other = extrapolate(energy, Draw(4699, "random", way="bootstrap", seed=8), Choice())
    assert other.per_day != once.per_day


@pytest.mark.parametrize(("which", "way"), [("energy", "exact"), ("energy", "wilson"), ("visits", "student")])
def test_an_interval_that_does_not_go_with_the_column_is_refused(request, which, way):
    with pytest.raises(BadUse, match="E-EXT-004"):
        extrapolate(request.getfixturevalue(which), Draw(4699, "random", way=way), Choice())


def test_another_column_of_yes_and_no_can_be_named(table):
    path = table("address,kwh_per_day,GPU\na,1,是\nb,2,否\n")
    assert extrapolate(path, Draw(2, "census", column="gpu"), Choice()).total.estimate == 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("address,kwh_per_day\na,1\na,2\n", (3,)),
        ("address,kwh_per_day\na,\nb,-1\nc,nan\nd,many\n", (2, 3, 4, 5)),
        ("unit,active\na,maybe\nb,yes\nc,\n", (2, 4)),
        ("unit,active\n", ()),
        ("unit\na\n", ()),
        ("", ()),
    ],
)
def test_all_faults_of_a_sample_are_told_at_once(table, text, lines):
    with pytest.raises(InputError, match="E-EXT-003") as caught:
        extrapolate(table(text), Draw(4699, "random"), Choice())
    for line in lines:
        assert f"line {line}:" in caught.value.message


def test_a_sample_larger_than_its_population_is_refused(energy):
    with pytest.raises(BadUse, match="E-EXT-001"):
        extrapolate(energy, Draw(4, "random"), Choice())
