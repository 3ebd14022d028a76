"""Every row of the registries is complete: file, headings, annotations, source, test, evidence."""

import ast
import importlib
import inspect
import re
from datetime import date

import pytest

from davylamp import tables

from support import ROOT

SOURCE = ROOT / "src" / "davylamp"
DIALECT_HEADINGS = ("Hears", "Shares", "Coin", "Misses", "Misfires", "Source")
DETECTOR_HEADINGS = ("Reads", "Yields", "Abstains", "Raises", "Misses", "Misfires", "Source")
DIALECTS = tables.dialects()
DETECTORS = tables.detectors()
ROOM = {"__init__", "session", "reading", "tally", "clock", "nonce_space", "worth", "identity", "wallets"}


def headings(doc: str) -> list[str]:
    return re.findall(r"^([A-Z][a-z]+)  +\S", doc, flags=re.MULTILINE)


@pytest.mark.parametrize("row", DIALECTS, ids=lambda r: r.dialect)
def test_a_dialect_is_one_documented_file_one_test_and_one_row(row):
    module = importlib.import_module(f"davylamp.dialects.{row.module}")
    assert [h for h in headings(module.__doc__) if h in DIALECT_HEADINGS] == list(DIALECT_HEADINGS)
    assert isinstance(module.METHODS, frozenset)
    for name in ("claim", "translate", "compose"):
        function = getattr(module, name)
        assert function.__doc__
        assert "return" in inspect.get_annotations(function)
    assert (ROOT / "tests" / "dialects" / f"test_{row.module}.py").is_file()
    assert row.source.strip()
    assert date.fromisoformat(row.reviewed) <= date.today()


@pytest.mark.parametrize("row", DETECTORS, ids=lambda r: r.detector)
def test_a_detector_is_one_documented_file_one_test_one_page_and_one_row(row):
    module = importlib.import_module(f"davylamp.detectors.{row.module}")
    assert [h for h in headings(module.__doc__) if h in DETECTOR_HEADINGS] == list(DETECTOR_HEADINGS)
    assert module.detect.__doc__
    assert "return" in inspect.get_annotations(module.detect)
    assert (ROOT / "tests" / "detectors" / f"test_{row.module}.py").is_file()
    assert (ROOT / "docs" / "evidence" / f"{row.module}.md").is_file()
    assert row.source.strip()
    assert date.fromisoformat(row.reviewed) <= date.today()


def test_no_dialect_or_detector_file_stands_without_a_row():
    modules = {p.stem for p in (SOURCE / "dialects").glob("*.py")}
    spare = {m for m in modules if m not in ROOM and not m.startswith(("identity_", "wallet"))}
    assert spare == {r.module for r in DIALECTS}
    detectors = {p.stem for p in (SOURCE / "detectors").glob("*.py")} - {"__init__", "fusion"}
    assert detectors == {r.module for r in DETECTORS}


def written():
    """All source files but the migrations, which Django writes."""
    return [p for p in sorted(SOURCE.rglob("*.py")) if "migrations" not in p.parts]


def functions():
    for path in written():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def test_functions_stay_within_60_lines_and_seven_parameters():
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, node in functions()
        if node.end_lineno - node.lineno + 1 > 60
    ]
    assert too_long == []


def test_modules_stay_within_400_lines():
    lines = {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8").count("\n") for p in written()}
    assert {p: n for p, n in lines.items() if n > 400} == {}


def test_every_public_module_says_what_it_is_for():
    silent = [
        str(p.relative_to(ROOT))
        for p in written()
        if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_constants_say_measured_judged_or_where_they_come_from():
    """Bare numbers at module level carry a reason beside them, on the line above, or in a unit of their name."""
    loose = []
    pattern = re.compile(r"^[A-Z][A-Z0-9_]*: Final = -?[\d_.]+(e-?\d+)?\s*$")
    for path in sorted((SOURCE / "detectors").glob("*.py")):
        loose += [f"{path.name}: {ln}" for ln in path.read_text().splitlines() if pattern.match(ln)]
    allowed = {"HASH_BYTES", "SIGNED_BYTES", "SECOND_NS"}
    assert [ln for ln in loose if ln.split(": ")[1].split(":")[0] not in allowed] == []
