"""Codes: the check character of GB 32100-2015, region codes in and out of force, what spreadsheets do to them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.attribution import codes
from davylamp.tables import regions

# The first is the worked example of the standard's annex; the others are printed on public business licenses.
REAL = ("91350100M000100Y43", "91110000600037341L", "91110108551385082Q")


@pytest.mark.parametrize("code", REAL)
def test_published_codes_have_their_check_character(code):
    assert codes.check_character(code[:17]) == code[17]
    assert codes.read_credit_code(code) == code


def test_the_worked_example_with_a_wrong_end_is_refused_and_the_right_one_named():
    """The standard's own counter-example ends in Z, a letter that no code has; here it ends in 4."""
    with pytest.raises(ValueError, match="check character is 3, not 4"):
        codes.read_credit_code("91350100M000100Y44")


@given(st.sampled_from(REAL), st.integers(0, 17), st.sampled_from(codes.ALPHABET))
def test_no_single_mistyped_character_passes(code, place, character):
    """31 is prime and no weight is 0, so each change of one character changes the sum."""
    changed = code[:place] + character + code[place + 1 :]
    assert codes.is_credit_code(changed) == (changed == code)


@given(st.sampled_from(REAL), st.integers(0, 15))
def test_no_swap_of_neighbors_passes(code, place):
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert codes.is_credit_code(swapped) == (swapped == code)


@pytest.mark.parametrize(
    "text",
    [
        "９１３５０１００Ｍ０００１００Ｙ４３",
        " 91350100m000100y43\u3000",
        "91350100-M000100Y4-3",
        "9135 0100 M000 100Y 43",
    ],
)
def test_full_width_lower_case_and_gaps_are_read(text):
    assert codes.read_credit_code(text) == "91350100M000100Y43"


@pytest.mark.parametrize("text", ["9.13501E+17", "9.1350100600037341e+17", "913501006000373000.0"])
def test_codes_that_became_numbers_are_told_apart_from_mistyped_ones(text):
    with pytest.raises(ValueError, match="Excel"):
        codes.read_credit_code(text)


def test_a_letter_o_for_a_zero_is_named_with_what_would_fit():
    with pytest.raises(ValueError, match="91350100M000100Y43 would fit"):
        codes.read_credit_code("9135O100M000100Y43")


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_a_reason(text):
    for read in (codes.read_credit_code, codes.read_region, codes.read_own_key):
        try:
            assert read(text)
        except ValueError as error:
            reasons = str(error)
        else:
            reasons = "none needed"
        assert reasons


@pytest.mark.parametrize(
    ("text", "code"),
    [("330106", "330106"), ("330106.0", "330106"), ("３３０１０６", "330106"), ("330106001000", "330106")],
)
def test_region_codes_are_read_as_offices_write_them(text, code):
    assert codes.read_region(text) == code


@pytest.mark.parametrize("text", ["030106", "33010", "3301066", "339999", "990000", "", "abc"])
def test_what_is_no_division_is_refused(text):
    with pytest.raises(ValueError, match=r"region code|division"):
        codes.read_region(text)


def test_a_county_of_a_province_without_a_list_is_taken_by_its_province():
    assert codes.read_region("320583") == "320583"


def test_hangzhous_districts_change_on_the_9th_of_april_2021():
    assert codes.read_region("330104", date(2021, 4, 8)) == "330104"
    with pytest.raises(ValueError, match="only until 2021-04-09"):
        codes.read_region("330104", date(2021, 4, 9))
    with pytest.raises(ValueError, match="only from 2021-04-09"):
        codes.read_region("330113", date(2021, 4, 8))


def test_zhejiang_has_11_cities_and_90_counties_today_and_each_county_a_city():
    now = [r for r in regions.regions() if r.code.startswith("33") and r.holds(date(2026, 1, 1))]
    cities = {r.code for r in now if r.code.endswith("00") and r.code != "330000"}
    counties = {r.code for r in now if not r.code.endswith("00")}
    assert (len(cities), len(counties)) == (11, 90)
    assert {regions.roll_up(code, "city") for code in counties} == cities


def test_an_abolished_division_names_a_successor_that_is_in_force_from_that_day():
    gone = [r for r in regions.regions() if r.until is not None]
    assert gone
    for row in gone:
        successor = regions.region_of(row.successor)
        assert successor is not None
        assert successor.holds(row.until)


def test_all_34_provinces_are_there():
    assert sum(r.code.endswith("0000") for r in regions.regions()) == 34


def test_names_roll_up():
    assert regions.full_name("330106") == "浙江省杭州市西湖区"
    assert regions.roll_up("330106", "province") == "330000"


def test_a_site_adds_divisions(tmp_path):
    head = "code,name,since,until,successor,source,reviewed"
    (tmp_path / "regions.csv").write_text(
        f"{head}\n330199,新区,2026-01-01,,,ours,2026-11-24\n", encoding="utf-8"
    )
    assert codes.read_region("330199", None, tmp_path) == "330199"
    with pytest.raises(ValueError, match="no such division"):
        codes.read_region("330199")
