import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from davylamp.report.plain import MOST_CHARACTERS, plain, shorten, whole


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("rig01", "rig01"),
        ("矿机一号", "矿机一号"),
        ("🦊", "🦊"),
        ("\x1b[31m", "\\u001b[31m"),
        ("a\r\nb\t", "a\\u000d\\u000ab\\u0009"),
        ("\u202ecod", "\\u202ecod"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\u200b", "\\u200b"),
        ("\ud800", "\\ud800"),
        ("\x7f\x9b", "\\u007f\\u009b"),
        ("\U000e0041", "\\U000e0041"),
        ("e\u0301", "e\u0301"),
        ("z\u0301\u0302\u0303", "z\u0301\u0302\\u0303"),
    ],
)
def test_what_is_not_seen_as_itself_is_written_as_its_number(sent: str, shown: str) -> None:
    assert plain(sent) == shown


@given(st.text(st.characters(), max_size=200))
def test_nothing_that_moves_a_cursor_or_turns_text_comes_through(text: str) -> None:
    shown = plain(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    shown.encode("utf-8")


@given(st.text(st.characters(), max_size=200), st.integers(0, 60))
def test_shortened_text_keeps_within_its_cells(text: str, cells: int) -> None:
    assert cell_len(shorten(text, cells)) <= cells


def test_shortened_wallets_keep_both_ends() -> None:
    assert shorten("48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq", 11) == "48edfH…ZRXq"


def test_a_name_without_end_is_cut() -> None:
    assert len(plain("a" * 10**6)) == MOST_CHARACTERS


@given(st.text(st.characters(), max_size=50))
def test_whole_text_is_faithful_wherever_utf8_can_be(text: str) -> None:
    assert whole(text) == text or any(unicodedata.category(c) == "Cs" for c in text)
    whole(text).encode("utf-8")
