"""The content hash tells versions of a row apart and nothing else."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.lake.rowhash import hash_rows

SCHEMA = pa.schema(
    [
        ("a", pa.int64()),
        ("s", pa.string()),
        ("b", pa.bool_()),
        ("f", pa.float64()),
        ("l", pa.list_(pa.string())),
        ("t", pa.list_(pa.struct([("ms", pa.int32()), ("w", pa.float64())]))),
    ]
)
NAMES = SCHEMA.names
OPTIONAL = st.none()
VALUES = st.fixed_dictionaries(
    {
        "a": OPTIONAL | st.integers(-(2**63), 2**63 - 1),
        "s": OPTIONAL | st.text(max_size=5),
        "b": OPTIONAL | st.booleans(),
        "f": OPTIONAL | st.floats(allow_nan=False),
        "l": OPTIONAL | st.lists(OPTIONAL | st.text(max_size=3), max_size=3),
        "t": OPTIONAL
        | st.lists(
            st.fixed_dictionaries(
                {"ms": OPTIONAL | st.integers(-9, 9), "w": OPTIONAL | st.floats(allow_nan=False)}
            ),
            max_size=3,
        ),
    }
)


def hashes(rows, names=NAMES):
    return hash_rows(pa.Table.from_pylist(rows, schema=SCHEMA), names).tolist()


@given(st.lists(VALUES, max_size=12))
def test_a_row_s_hash_depends_on_its_values_alone(rows):
    """Not on its neighbors, its place, its chunk or the order of the columns."""
    alone = [hashes([row])[0] for row in rows]
    assert hashes(rows) == alone
    assert hashes(rows[::-1]) == alone[::-1]
    assert hashes(rows, NAMES[::-1]) == alone
    table = pa.concat_tables(
        [pa.Table.from_pylist([row], schema=SCHEMA) for row in rows] or [SCHEMA.empty_table()]
    )
    assert hash_rows(table, NAMES).tolist() == alone
    assert hash_rows(table.slice(1), NAMES).tolist() == alone[1:]


@given(VALUES, VALUES)
def test_different_rows_have_different_hashes(one, other):
    assert (hashes([one]) == hashes([other])) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"s": ""}, {"s": None}),
        ({"l": []}, {"l": None}),
        ({"l": ["ab", "c"]}, {"l": ["a", "bc"]}),
        ({"l": ["a", "b"]}, {"l": ["b", "a"]}),
        ({"l": [None]}, {"l": []}),
        ({"s": "a"}, {"s": "a\0"}),
        ({"a": 0}, {"a": None}),
        ({"a": 1, "f": 2.0}, {"a": 2, "f": 1.0}),
        ({"b": False}, {"b": None}),
    ],
)
def test_near_misses_differ(one, other):
    assert hashes([one]) != hashes([other])


def test_a_column_of_nulls_that_is_added_later_changes_no_hash():
    row = [{"a": 7, "s": "x"}]
    assert hashes(row, ["a", "s"]) == hashes(row, NAMES)


def test_negative_zero_is_zero():
    assert hashes([{"f": -0.0}]) == hashes([{"f": 0.0}])
