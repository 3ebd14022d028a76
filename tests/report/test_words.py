import re
from pathlib import Path

from davylamp.report import words
from davylamp.report.words import EN, ZH


def holes(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_labels_with_the_same_values() -> None:
    assert EN.keys() == ZH.keys()
    assert {k: holes(v) for k, v in EN.items()} == {k: holes(v) for k, v in ZH.items()}


def test_chinese_labels_are_chinese() -> None:
    same = {k for k in EN if EN[k] == ZH[k]}
    assert same == {"sha256", "python"}


def test_every_label_is_used_somewhere() -> None:
    folder = Path(words.__file__).parent
    used = "".join(
        p.read_text("utf-8") for p in folder.iterdir() if p.suffix in (".py", ".j2") and p.name != "words.py"
    )
    # Verdicts and kinds are looked up by the value of a record.
    by_value = {"confirmed", "probable", "suspected", "mining", "node", "visit"}
    by_value |= {f"kind_{k}" for k in ("mining", "node", "visit")}
    assert [k for k in EN if f'"{k}"' not in used and k not in by_value] == []
