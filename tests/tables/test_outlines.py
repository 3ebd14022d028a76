"""Outlines: the shipped ones are Zhejiang's cities, the decoder undoes the packing, and damage is told with a code."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.errors import TableError
from davylamp.tables.outlines import GEO, decode, outlines, provinces, read_outlines
from davylamp.tables.regions import english_name, region_names, regions

# Places known from any atlas, to about a kilometre, with the city they lie in.
KNOWN = {
    (120.10, 30.23): "330100",  # Hangzhou: Longjing, west of West Lake
    (119.04, 29.61): "330100",  # Chun'an, on Thousand Island Lake
    (121.55, 29.87): "330200",  # Ningbo: the confluence of its rivers
    (120.65, 28.02): "330300",  # Wenzhou: south bank of the Ou
    (120.55, 30.63): "330400",  # Tongxiang
    (119.68, 30.63): "330500",  # Anji
    (120.88, 29.58): "330600",  # Shengzhou
    (120.07, 29.31): "330700",  # Yiwu
    (118.50, 28.90): "330800",  # Changshan
    (122.10, 30.03): "330900",  # Zhoushan: Dinghai
    (121.37, 28.37): "331000",  # Wenling
    (119.13, 28.08): "331100",  # Longquan
}


def packed(points: list[tuple[int, int]], start: tuple[int, int]) -> str:
    """A ring as the format packs it: steps, zig-zag, plus 64."""
    text, (x, y) = "", start
    for px, py in points:
        for step in (px - x, py - y):
            text += chr((step << 1 ^ step >> 31) + 64)
        x, y = px, py
    return text


def collection(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "UTF8Encoding": True, "features": list(features)})


def feature(**changes: object) -> dict[str, object]:
    ring = packed([(0, 0), (2048, 0), (2048, 1024), (0, 1024)], (0, 0))
    made: dict[str, object] = {
        "id": "330100",
        "properties": {"name": "杭州市", "cp": [0.5, 0.5]},
        "geometry": {"type": "Polygon", "coordinates": [ring], "encodeOffsets": [[0, 0]]},
    }
    return made | changes


def test_the_shipped_outlines_are_the_eleven_cities_of_the_table_of_regions() -> None:
    known = {
        r.code: r.name for r in regions() if r.code[:2] == "33" and r.code[2:4] != "00" and r.code[4:] == "00"
    }
    assert {o.code: o.name for o in outlines("33")} == known
    assert len(known) == 11
    assert provinces() == ("33",)
    assert outlines("32") == ()


@pytest.mark.parametrize(("place", "code"), KNOWN.items(), ids=str)
def test_a_known_place_lies_in_its_city_and_in_no_other(place: tuple[float, float], code: str) -> None:
    assert [o.code for o in outlines("33") if o.holds(*place)] == [code]


def test_shanghai_and_the_open_sea_lie_in_no_city() -> None:
    assert [
        o.code for o in outlines("33") for place in ((121.47, 31.23), (123.9, 28.0)) if o.holds(*place)
    ] == []


def test_every_seat_lies_in_its_own_city() -> None:
    assert [[o.code for o in outlines("33") if o.holds(*city.seat)] for city in outlines("33")] == [
        [city.code] for city in outlines("33")
    ]


def test_a_ring_by_hand() -> None:
    # @ is 0, A is -1, B is 1, C is -2: from (0, 0) one step east, two south, one west.
    text = "B@" + "@C" + "A@"
    geometry = {"type": "MultiPolygon", "coordinates": [[text]], "encodeOffsets": [[[10240, 2048]]]}
    (found,) = decode(collection(feature(geometry=geometry)))
    assert found.rings == (((10241 / 1024, 2.0), (10241 / 1024, 2046 / 1024), (10.0, 2046 / 1024)),)


@given(
    st.tuples(st.integers(-180 * 1024, 180 * 1024), st.integers(-90 * 1024, 90 * 1024)),
    st.lists(st.tuples(st.integers(-9000, 9000), st.integers(-9000, 9000)), min_size=3, max_size=40),
)
def test_decoding_undoes_packing(start: tuple[int, int], steps: list[tuple[int, int]]) -> None:
    points, (x, y) = [], start
    for dx, dy in steps:
        x, y = max(-184320, min(184320, x + dx)), max(-92160, min(92160, y + dy))
        points.append((x, y))
    geometry = {"type": "Polygon", "coordinates": [packed(points, start)], "encodeOffsets": [list(start)]}
    (found,) = decode(collection(feature(geometry=geometry)))
    assert found.rings == (tuple((x / 1024, y / 1024) for x, y in points),)


def test_a_hole_is_outside() -> None:
    hole = packed([(512, 256), (1024, 256), (1024, 512), (512, 512)], (0, 0))
    ring = packed([(0, 0), (2048, 0), (2048, 1024), (0, 1024)], (0, 0))
    geometry = {"type": "Polygon", "coordinates": [ring, hole], "encodeOffsets": [[0, 0], [0, 0]]}
    (found,) = decode(collection(feature(geometry=geometry)))
    assert (found.holds(0.7, 0.4), found.holds(0.2, 0.4), found.holds(3, 0.4)) == (False, True, False)


def refused(text: str) -> str:
    with pytest.raises(TableError) as caught:
        decode(text)
    assert caught.value.code == "E-TAB-006"
    assert caught.value.hint
    return caught.value.message


def geometry(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {"type": "Polygon", "coordinates": ["@@BBDD"], "encodeOffsets": [[0, 0]]}
    return feature(geometry=good | changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("9" * 5000, "no JSON"),
        ("[]", "no FeatureCollection"),
        ('{"type": "FeatureCollection", "features": []}', "UTF8Encoding"),
        (collection(), "features"),
        (collection(7), "feature 0: no object"),
        (collection(feature(id="33<a>1")), "six digits"),
        (collection(feature(id=330100)), "six digits"),
        (collection(feature(properties=None)), "no properties"),
        (collection(feature(properties={"name": "a\u202eb", "cp": [0, 0]})), "printable name"),
        (collection(feature(properties={"name": "x" * 61, "cp": [0, 0]})), "printable name"),
        (collection(feature(properties={"name": "x", "cp": [float("nan"), 0]})), "not on Earth"),
        (collection(feature(properties={"name": "x", "cp": [10**400, 0]})), "not on Earth"),
        (collection(feature(properties={"name": "x", "cp": [True, 0]})), "pair of numbers"),
        (collection(geometry(type="Point")), "neither Polygon nor MultiPolygon"),
        (collection(geometry(coordinates=["@@BBD"])), "three pairs"),
        (collection(geometry(coordinates=["@@"])), "three pairs"),
        (collection(geometry(coordinates=[None])), "three pairs"),
        (collection(geometry(coordinates=["@@BB?D"])), "below the format's zero"),
        (collection(geometry(encodeOffsets=[])), "one length"),
        (collection(geometry(encodeOffsets=[[0, 0], [0, 0]])), "one length"),
        (collection(geometry(encodeOffsets=[[0.5, 0]])), "pair of integers"),
        (collection(geometry(encodeOffsets=[[184321, 0]])), "not on Earth"),
        (collection(geometry(encodeOffsets=[[10**400, 0]])), "not on Earth"),
        (collection(feature(), feature()), "code 330100 again"),
    ],
)  # fmt: skip
def test_what_is_no_outline_is_refused_with_its_reason(text: str, told: str) -> None:
    assert told in refused(text)


def test_all_faults_come_at_once() -> None:
    message = refused(collection(7, feature(), feature(id="x"), geometry(type="Line")))
    assert [n for n in range(4) if f"feature {n}:" in message] == [0, 2, 3]


KEYS = st.sampled_from(["type", "coordinates", "encodeOffsets", "cp"])
ANYTHING = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner),
)


@given(ANYTHING)
def test_whatever_stands_where_geometry_or_properties_should_is_an_error_with_code(anything: object) -> None:
    message = refused(collection(feature(properties=anything), feature(geometry=anything)))
    assert "feature 0" in message
    assert "feature 1" in message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path, content in ((tmp_path / "none.json", None), (tmp_path / "odd.json", b"\xff\xfe")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(TableError) as caught:
            read_outlines(path)
        assert caught.value.code == "E-TAB-001"


def test_the_notice_stands_beside_the_data_and_at_the_root() -> None:
    root = Path(__file__).parents[2] / "NOTICE"
    for notice in (GEO / "NOTICE", root):
        text = notice.read_text("utf-8")
        assert "Copyright 2017-2020 The Apache Software Foundation" in text
        assert "ECharts 4.9.0" in text


def test_english_names_are_of_known_codes_and_all_shipped_cities_have_one() -> None:
    assert {row.code for row in region_names()} <= {row.code for row in regions()}
    assert all(english_name(o.code) for o in outlines("33"))
    assert english_name("330106") is None
