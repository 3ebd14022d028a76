"""The map of regions: every city once, sums that agree with the data, labels apart, and nothing but text and lines."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.errors import BadUse
from davylamp.report.map_labels import place
from davylamp.report.region_map import FONT, LINE, WIDTH, MapWords, RegionMap, draw_map
from davylamp.tables.outlines import Outline, outlines
from davylamp.tables.regions import english_name, region_of
from report.samples import HOSTILE, HTML_NAME

SVG = "{http://www.w3.org/2000/svg}"
ZHEJIANG = outlines("33")


def english(code: str) -> str:
    return english_name(code) or code


def chinese(code: str) -> str:
    row = region_of(code)
    return row.name if row else code


def words(name=english) -> MapWords:
    return MapWords("map", "Addresses by city", "addresses", "–", lambda v: f"{v:,.0f}", name)


def drawn(figures: dict[str, float], name=english, of: tuple[Outline, ...] = ZHEJIANG) -> RegionMap:
    made = draw_map(figures, of, words(name))
    assert made is not None
    return made


def root(made: RegionMap) -> ElementTree.Element:
    return ElementTree.fromstring(made.svg)


def labels(made: RegionMap) -> list[tuple[str, str, float, float]]:
    """Name, number and middle of each city's label; the legend comes after them."""
    texts = root(made).findall("text")
    pairs = list(zip(texts[:-3:2], texts[1:-3:2], strict=True))
    return [
        (
            a.text or "",
            b.text or "",
            float(a.get("x", "")),
            (float(a.get("y", "")) + float(b.get("y", ""))) / 2,
        )
        for a, b in pairs
    ]


@pytest.mark.parametrize("name", [english, chinese])
def test_every_city_is_drawn_and_named_once_with_its_number(name) -> None:
    made = drawn({"330100": 12, "330200": 7, "330783": 4, "330782": 1}, name)
    found = labels(made)
    assert sorted(n for n, *_ in found) == sorted(name(o.code) for o in ZHEJIANG)
    told = {n: number for n, number, *_ in found}
    assert (told[name("330100")], told[name("330200")], told[name("330700")]) == ("12", "7", "5")
    assert list(told.values()).count("–") == 8
    assert len([p for p in root(made).findall("path") if "land" in p.get("class", "")]) == 11 + 5


@pytest.mark.parametrize("name", [english, chinese])
@pytest.mark.parametrize("value", [3, 4_699, 1_234_567_890])
def test_labels_stay_apart_and_on_the_canvas(name, value: float) -> None:
    boxes = []
    for text, number, x, y in labels(drawn({o.code: value for o in ZHEJIANG}, name)):
        width = max(sum(2 if ord(c) > 255 else 1 for c in t) for t in (text, number)) * FONT * 0.56
        boxes.append((x - width / 2, x + width / 2, y - LINE, y + LINE))
        assert boxes[-1][0] >= 0
        assert boxes[-1][1] <= WIDTH
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[1] <= b[0] + 1 or b[1] <= a[0] + 1 or a[3] <= b[2] + 1 or b[3] <= a[2] + 1


@pytest.mark.parametrize("name", [english, chinese])
def test_a_label_without_a_line_stands_in_its_own_city_or_touches_it(name) -> None:
    made = drawn({o.code: 12 for o in ZHEJIANG}, name)
    assert not root(made).findall("path[@class='lead-to']")
    lons, lats = zip(*(p for o in ZHEJIANG for r in o.rings for p in r), strict=True)
    per_lon = (WIDTH - 20) / (max(lons) - min(lons))  # Zhejiang is wider than high
    per_lat = per_lon / math.cos(math.radians((max(lats) + min(lats)) / 2))
    for text, _, x, y in labels(made):
        city = next(o for o in ZHEJIANG if name(o.code) == text)
        place = (min(lons) + (x - 10) / per_lon, max(lats) - (y - 10) / per_lat)
        # Zhoushan is all islands: its label lies over the sea between them.
        assert city.holds(*place) or city.code == "330900", (text, place)


CODES = st.sampled_from(
    [o.code for o in ZHEJIANG] + ["330106", "330782", "330000", "320100", "", "unknown", "999999"]
)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(CODES, st.integers(0, 10**9)))
def test_the_sums_drawn_and_beside_are_the_sum_of_the_figures(figures: dict[str, float]) -> None:
    made = draw_map(figures, ZHEJIANG, words())
    outlined = {o.code for o in ZHEJIANG}
    if made is None:
        assert not {c[:4].ljust(6, "0") for c in figures} & outlined
        return
    assert sum(made.shown.values()) + sum(made.beside.values()) == sum(figures.values())
    assert made.shown.keys() <= outlined
    assert not made.beside.keys() & outlined
    assert {n: t for n, t, *_ in labels(made) if t != "–"} == {
        english(c): f"{v:,.0f}" for c, v in made.shown.items()
    }


def test_a_province_without_its_city_and_other_provinces_stand_beside_the_map() -> None:
    made = drawn({"330000": 2, "320100": 3, "unknown": 1, "330105": 5, "330100": 1})
    assert made.shown == {"330100": 6}
    assert made.beside == {"330000": 2, "320100": 3, "unknown": 1}


def test_no_map_is_drawn_where_no_figure_lies_in_it() -> None:
    assert draw_map({"320100": 3, "unknown": 1}, ZHEJIANG, words()) is None
    assert draw_map({}, ZHEJIANG, words()) is None
    assert draw_map({"330100": 3}, (), words()) is None


def test_more_is_darker_and_nothing_is_none() -> None:
    made = drawn({"330100": 20, "330200": 7, "330300": 1, "330400": 0})
    shade = {
        o.code: p.get("class", "")[-1] for o, p in zip(ZHEJIANG, root(made).findall("path"), strict=False)
    }
    assert [shade[c] for c in ("330100", "330200", "330300", "330400", "330500")] == ["5", "2", "1", "0", "0"]
    assert {n: t for n, t, *_ in labels(made)}["Jiaxing"] == "0"


def test_the_picture_says_what_it_shows_to_whoever_cannot_see_it() -> None:
    top = root(drawn({"330100": 12}))
    title, desc = top.find("title"), top.find("desc")
    assert title is not None
    assert desc is not None
    assert top.get("role") == "img"
    assert top.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "Addresses by city"
    assert "Hangzhou 12" in (desc.text or "")


@pytest.mark.parametrize("hostile", [*HOSTILE, HTML_NAME])
def test_hostile_names_stay_text(hostile: str) -> None:
    told = MapWords(hostile, hostile, hostile, hostile, lambda _: hostile, lambda _: hostile)
    made = draw_map({"330100": 1}, ZHEJIANG, told)
    assert made is not None
    top = root(made)
    assert {e.tag for e in top.iter()} == {"svg", "title", "desc", "path", "text"}
    allowed = {"class", "d", "x", "y", "id", "viewBox", "role", "aria-labelledby"}
    assert {a for e in top.iter() for a in e.attrib} <= allowed


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e300])
def test_a_figure_that_is_none_is_refused_with_its_code(value: float) -> None:
    with pytest.raises(BadUse) as caught:
        draw_map({"330100": value}, ZHEJIANG, words())
    assert caught.value.code == "E-MAP-001"


@pytest.mark.parametrize("value", [0.0, 5e-324, 1e-9, 1e27])
def test_any_other_figure_is_drawn(value: float) -> None:
    assert labels(drawn({"330100": value}))


def test_a_region_of_one_point_is_a_dot() -> None:
    point = (120.0, 30.0)
    tiny = Outline("330100", "x", point, ((point, point, point),))
    made = drawn({"330100": 1}, english, (tiny, ZHEJIANG[1]))
    assert re.search(r'class="land s5" d="M\d', made.svg)


def test_the_picture_is_small() -> None:
    assert len(drawn({o.code: 4699 for o in ZHEJIANG}, chinese).svg.encode()) < 45_000


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 280), st.integers(0, 280), st.integers(2, 20)), min_size=1, max_size=8)
)
def test_labels_of_crowded_regions_do_not_overlap_while_there_is_room(
    squares: list[tuple[int, int, int]],
) -> None:
    regions = [
        [np.array([(x, y), (x + s, y), (x + s, y + s), (x, y + s)], dtype=np.float64)] for x, y, s in squares
    ]
    spots = place(regions, [(50.0, 20.0)] * len(regions), (300, 300))
    for i, a in enumerate(spots):
        assert 25 <= a.x <= 275
        assert 10 <= a.y <= 290
        for b in spots[:i]:
            assert abs(a.x - b.x) >= 50 - 1e-6 or abs(a.y - b.y) >= 20 - 1e-6
