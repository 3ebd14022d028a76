"""Settings: every fault at once, ranges hold, each option has its unit and sentence."""

from dataclasses import fields

import pytest

from davylamp.errors import BadUse
from davylamp.settings import DEFAULTS, Settings, parse_settings


def test_every_option_has_unit_range_and_sentence_and_a_default_inside():
    for row in fields(Settings):
        assert row.metadata["unit"]
        assert row.metadata["sentence"]
        assert row.metadata["low"] <= getattr(DEFAULTS, row.name) <= row.metadata["high"]


def test_integers_stay_integers():
    assert parse_settings(["chunk_mib=32"]).chunk_mib == 32
    with pytest.raises(BadUse, match="not a number"):
        parse_settings(["chunk_mib=1.5"])


def test_nan_is_out_of_range():
    with pytest.raises(BadUse, match="outside"):
        parse_settings(["idle_s=nan"])
