"""Every word of the rooms `documents` and `handover` has its Chinese."""

import ast
import csv
from pathlib import Path

import davylamp.desk

ROOT = Path(davylamp.desk.__file__).parent
CALLS = ("_", "gettext_lazy")


def said():
    """The texts that the rooms' modules give to gettext."""
    for path in (
        *(ROOT / "documents").glob("*.py"),
        *(ROOT / "handover").glob("*.py"),
        ROOT / "core/calendar.py",
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                yield ast.literal_eval(node.args[0])


def test_every_text_has_its_chinese_with_the_same_fields():
    with (ROOT / "locale/fragments/handover.csv").open(encoding="utf-8") as file:
        chinese = {row["msgid"]: row["zh"] for row in csv.DictReader(file)}
    texts = set(said())
    assert texts - chinese.keys() == set()
    assert chinese.keys() - texts == set()
    for text, translated in chinese.items():
        assert text.count("%(") == translated.count("%("), text
