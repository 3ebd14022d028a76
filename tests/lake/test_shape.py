"""The lake's reading of scan.schema.json agrees with the reference implementation."""

import copy

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.lake.shape import record_check
from davylamp.report import machine

from lake import samples

SCHEMA = machine.schema()
SAMPLES = {"session": samples.session(), "sighting": samples.sighting(sessions=[0])}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**62) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4) | st.sampled_from(["mining", "tcp", "2024-05-01T00:00:00.000000000Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ip", "port", "low"]), inner),
    max_leaves=4,
)  # fmt: skip


def reference(kind):
    return jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"})


def places(value, path=()):
    """Every place within a record."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("kind", ["session", "sighting"])
def test_the_samples_are_good(kind):
    assert list(record_check(kind)(SAMPLES[kind], "x")) == []
    assert reference(kind).is_valid(SAMPLES[kind])


@given(st.data())
def test_agrees_with_the_reference_on_any_change(data):
    kind = data.draw(st.sampled_from(["session", "sighting"]))
    record = copy.deepcopy(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(places(record))[1:]))
        at = record
        for key in path[:-1]:
            at = at[key]
        if isinstance(at, dict) and data.draw(st.booleans()):
            del at[path[-1]]
        else:
            at[path[-1]] = data.draw(JSON)
    assert (not list(record_check(kind)(record, "x"))) == reference(kind).is_valid(record)


@given(JSON)
def test_anything_at_all_is_judged_like_the_reference(value):
    assert (not list(record_check("session")(value, "x"))) == reference("session").is_valid(value)


def test_a_fault_names_its_place_and_shows_the_value_harmlessly():
    record = samples.session(coin_candidates=[{"coin": "", "weight": 2, "because": "x"}], dialect=7)
    record["client"]["port"] = 70_000
    record["\x1b[31m"] = 1
    said = list(record_check("session")(record, "s.json: sessions[4]"))
    assert "s.json: sessions[4].client.port: 70000 is above 65535" in said
    assert "s.json: sessions[4].coin_candidates[0].weight: 2 is above 1" in said
    assert "s.json: sessions[4].dialect: 7 is not string" in said
    assert not any("\x1b" in sentence for sentence in said)


def test_numbers_that_no_column_holds_are_refused():
    for value in (2**64, 1e300, float("inf"), True, "3"):
        assert list(record_check("session")(samples.session(jobs=value), "x")), value
