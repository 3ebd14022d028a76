"""Every word of the rooms `documents` and `handover` has its Chinese."""

import ast
from pathlib import Path

import davylamp.desk
from davylamp.desk.locale.build import fragments

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
    chinese = fragments()
    assert set(said()) - chinese.keys() == set()
    for text, translated in chinese.items():
        assert text.count("%(") >= translated.count("%("), text
