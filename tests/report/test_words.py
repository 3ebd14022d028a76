import re
from pathlib import Path
from typing import get_args

import pytest

from davylamp.records import Hop
from davylamp.report import words
from davylamp.report.words import EN, ZH, say


def holes(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_labels_with_the_same_values() -> None:
    assert EN.keys() == ZH.keys()
    assert {k: holes(v) for k, v in EN.items()} == {k: holes(v) for k, v in ZH.items()}


def test_chinese_labels_are_chinese() -> None:
    same = {k for k in EN if EN[k] == ZH[k]}
    assert same == {"sha256", "python"}


@pytest.mark.parametrize(
    ("inputs", "packets", "told"),
    [
        ("1", "1", "read: 1 input, 1 packet, 9 B"),
        ("2", "1,001", "read: 2 inputs, 1,001 packets, 9 B"),
        ("0", "21", "read: 0 inputs, 21 packets, 9 B"),
    ],
)
def test_english_counts_one_thing_in_the_singular(inputs: str, packets: str, told: str) -> None:
    assert say("t_read", "en", inputs=inputs, packets=packets, bytes="9 B") == told


def test_no_english_label_leaves_a_choice_of_words_standing() -> None:
    for key, label in EN.items():
        for number in ("1", "2"):
            told = say(key, "en", **dict.fromkeys(holes(label), number))
            assert not set("[]|{}") & set(told), key


def test_the_privacy_statement_names_host_names_in_both_languages() -> None:
    assert "host names" in EN["m_privacy"]
    assert "主机名" in ZH["m_privacy"]


def test_chinese_labels_use_the_terms_of_the_field() -> None:
    told = "".join(ZH.values()).replace("加密货币网络", "")
    assert not [word for word in ("挖矿端", "未遇到", "币网", "方言") if word in told]
    assert say("n_accepted", "zh", n="146") == "146 个份额"
    assert (EN["what"], ZH["what"]) == ("coin · algorithm", "币种 · 算法")


def test_what_is_filled_in_is_not_read_as_a_choice() -> None:
    assert say("fault_line", "en", code="E", message="1 [a|b]") == "E: 1 [a|b]"


def test_every_label_is_used_somewhere() -> None:
    folder = Path(words.__file__).parent
    used = "".join(
        p.read_text("utf-8")
        for p in folder.iterdir()
        if p.suffix in (".py", ".j2") and not p.name.startswith("words")
    )
    # Verdicts and kinds are looked up by the value of a record.
    by_value = {"confirmed", "probable", "suspected", "mining", "node", "visit"}
    by_value |= {f"kind_{k}" for k in ("mining", "node", "visit")} | {f"grade_{g}" for g in "ABCD"}
    by_value |= {f"nk_{k}" for k in ("organisation", "computer", "machines", "energy")}
    by_value |= {f"hop_{k}" for k in get_args(Hop)}
    assert [k for k in EN if f'"{k}"' not in used and k not in by_value] == []
