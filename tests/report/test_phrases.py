import ast
import errno
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import davylamp
from davylamp import tables
from davylamp.attribution.scans import LogChoice
from davylamp.capture.faults import MESSAGES
from davylamp.errors import TableError
from davylamp.pipeline import WORDS, scan
from davylamp.pipeline_clients import Beside, lead
from davylamp.records import Scan
from davylamp.report.html import Run, render
from davylamp.report.phrases import Phrase, PhraseRow, Phrases, find, phrases
from davylamp.report.plain import plain
from davylamp.report.words import EN
from davylamp.simulate.campus import simulate_campus
from davylamp.simulate.capture import Scene, simulate_capture
from davylamp.simulate.miner import GROUNDS, Miner
from report.samples import HOSTILE

from support import shared_data

SOURCE = Path(davylamp.__file__).parent
ROWS = [phrase.row for phrase in phrases()]
HOLE = re.compile(r"\{(\w+)(?::\w+)?\}")


def sentences(found: Scan) -> Iterator[str]:
    """Everything that stages hand over to be read by people."""
    for session in found.sessions:
        yield from (*session.because, *session.notes, session.hashrate_note, session.work_note)
        yield from (candidate.because for candidate in session.coin_candidates)
    for sighting in found.sightings:
        yield from (*sighting.because, *sighting.not_seen, sighting.hashrate_note)
    for source in found.inputs:
        yield from (fault.message for fault in source.faults)
    for client in found.clients:
        yield from (client.weakest, *(n.because for n in client.not_known))
        if client.energy is not None:
            yield from (client.energy.observed.because, client.energy.inferred.because)


def untold(found: Scan) -> set[str]:
    told = Phrases("zh")
    for sentence in sentences(found):
        told.tell(sentence)
    return told.untold


def test_the_weakest_links_of_a_campus_leave_no_english_sentence(tmp_path: Path) -> None:
    simulate_campus(tmp_path, seed=7)
    found = scan([str(tmp_path / "egress.pcap")])
    for logs in (
        [],
        ["asa.log"],
        ["dhcpd.leases"],
        ["asa.log", "ad.csv"],
        ["asa.log", "dhcpd.leases", "assets.csv"],
    ):
        choice = LogChoice(tuple(str(tmp_path / "logs" / name) for name in logs))
        told = lead(found, Beside(logs=choice))
        assert untold(told) == set()


# --- what a scan says --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """All dialects: whole, joined midway, refused behind a proxy, TLS, with noise, and once more with loss."""
    folder = tmp_path_factory.mktemp("phrases")
    miners = [m for name in GROUNDS for m in (
        Miner(name, minutes=10, share_s=10),
        Miner(name, minutes=12, midway=True),
        Miner(name, minutes=5, refuse=1.0, rigs=3),
    )]  # fmt: skip
    miners.append(Miner("monero", minutes=5, tls=True))
    for name, lost in (("whole.pcap", 0.0), ("lossy.pcap", 0.05)):
        simulate_capture(Scene(tuple(miners), noise_flows=12, seed=3, lost=lost), folder / name)
    return scan([str(folder)])


def test_every_sentence_of_a_scan_of_all_dialects_has_a_phrase(simulated: Scan) -> None:
    assert {s.dialect for s in simulated.sessions} == set(GROUNDS)
    assert len(set(sentences(simulated))) > 200
    assert untold(simulated) == set()


def test_a_chinese_report_of_all_dialects_holds_no_english_sentence(simulated: Scan) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    page = re.sub(
        r"<style>.*?</style>|<dd[^>]*>.*?</dd>", "", render(simulated, Run("x", now, now), "zh"), flags=re.S
    )
    assert "任务带有" in page
    assert (
        re.findall(r"\b(?:a|an|the|is|are|of|was|were|with|no) [a-z]+", re.sub(r"<[^>]+>", " ", page)) == []
    )


def test_a_lossy_scan_under_vardiff_leaves_no_english_sentence(tmp_path: Path) -> None:
    miners = tuple(
        Miner(name, minutes=20, share_s=5, vardiff=True) for name in ("kaspa", "equihash", "stratum-v1")
    )
    simulate_capture(Scene(miners, seed=3, lost=0.05), tmp_path / "a.pcap")
    assert untold(scan([str(tmp_path / "a.pcap")])) == set()


@pytest.mark.shared
def test_scans_of_recorded_mining_leave_no_english_sentence() -> None:
    folder = shared_data() / "mining"
    captures = sorted(p for p in folder.rglob("*") if p.suffix in (".pcap", ".pcapng", ".cap"))
    assert captures
    left = {path.name: missed for path in captures if (missed := untold(scan([str(path)])))}
    assert left == {}


# --- what the code can say ---------------------------------------------------------------------------------


def claimed(path: Path) -> set[str]:
    """Reasons of a dialect file's claims: literals in `Claim(...)`, and what the name ``because`` is given."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        given: ast.AST | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Claim":
            given = node.args[1]
        elif isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = zip(target.elts, value.elts, strict=True)
                given = next((v for t, v in pairs if isinstance(t, ast.Name) and t.id == "because"), None)
        if given is not None:
            found |= {
                n.value for n in ast.walk(given) if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
    return found - {""}


@pytest.mark.parametrize("module", sorted(row.module for row in tables.dialects()))
def test_every_reason_that_a_dialect_can_claim_has_a_phrase(module: str) -> None:
    reasons = claimed(SOURCE / "dialects" / f"{module}.py")
    assert reasons
    assert {reason for reason in reasons if find(reason) is None} == set()


FITS: dict[str, tuple[str, ...]] = {"fits": ("fits", "is far from")}
IS: dict[str, tuple[str, ...]] = {"fits": ("is", "is not")}
WORDED: dict[str, dict[str, tuple[str, ...]]] = {  # by function: names in f-strings that stand for words
    "weigh_height": FITS,
    "weigh_difficulty": FITS,
    "weigh_seed": FITS,
    "weigh_blob_version": IS,
    "weigh_traits": IS,
    "weigh_coinbase": {"words": ("pays 12.8 where BTC blocks pay 12.5 and fees",)},
    "weigh_wallet": {
        "kind": ("with a checksum that holds", "with a checksum that fails", "of a form without checksum")
    },
    "peer_node.detect": {"why": ("its greeting", "the size of an encrypted hello on its usual port")},
    "plaintext_session.detect": {
        "said": (
            "7 jobs, 7 shares submitted, 7 accepted",
            "7 jobs, 7 shares submitted, 7 accepted; a pool's own daemon asks its node in the same words",
            "7 shares submitted, 7 accepted, no job seen",
            "7 jobs, no share submitted",
            "7 jobs, no share submitted, login refused",
            "a miner's opening without any job in answer",
        )
    },
    "plaintext_session.weigh": {
        "shares": ("7 shares submitted, 7 accepted",),
        "refused": ("", ", login refused"),
    },
    "disagreements": {"name": ("coin", "algorithm", "wallet", "worker", "agent")},
}
WITHIN = {  # fragments of sentences, which are tried whole where they are put together
    *(words for worded in WORDED.values() for choices in worded.values() for words in choices),
    "pays 7 where 7 blocks pay 7 and fees",
    "2^256 / target, exact",
}
SPEAKERS = (
    "detectors/fusion.py", "detectors/peer_node.py", "detectors/plaintext_session.py", "detectors/pool_name.py",
    "dialects/identity.py", "dialects/identity_clues.py", "dialects/tally.py", "sizing/hashrate.py", "pipeline.py",
    "sizing/client_power.py",
)  # fmt: skip


def spoken(path: Path) -> Iterator[str]:
    """Texts of four words or more in a stage's functions, docstrings and abstentions left out, holes filled."""
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        dull = {id(function.body[0].value)} if isinstance(function.body[0], ast.Expr) else set()
        for node in ast.walk(function):
            silent = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Abstain"
            )
            if silent or isinstance(node, ast.JoinedStr):
                dull |= {id(child) for child in ast.walk(node) if child is not node}
            if id(node) in dull or not isinstance(node, ast.JoinedStr | ast.Constant):
                continue
            worded = WORDED.get(function.name) or WORDED.get(f"{path.stem}.{function.name}") or {}
            for words in product(*worded.values()):
                text = literal(node, dict(zip(worded, words, strict=True)))
                if len(text.split()) >= 4:
                    yield text


def literal(node: ast.expr, words: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    assert isinstance(node, ast.JoinedStr)
    parts = []
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            parts.append(filled(value.value, words))
        else:
            parts.append(literal(value, words))
    return "".join(parts)


def filled(hole: ast.expr, words: dict[str, str]) -> str:
    """What stands for a hole: a word of its name, a number, or a number and the noun that is counted."""
    if isinstance(hole, ast.Call) and isinstance(hole.func, ast.Name) and hole.func.id == "counted":
        return f"7 {literal(hole.args[1], words)}s"
    return words.get(hole.id, "7") if isinstance(hole, ast.Name) else "7"


@pytest.mark.parametrize("name", SPEAKERS)
def test_every_sentence_in_a_stage_has_a_phrase(name: str) -> None:
    said = set(spoken(SOURCE / name))
    assert said
    assert {sentence for sentence in said - WITHIN if find(sentence) is None} == set()


def test_every_fault_has_a_phrase() -> None:
    assert [m for m in (*MESSAGES.values(), *WORDS.values()) if find(m) is None] == []
    assert find(MESSAGES["E-CAP-015"] + ": LINKTYPE 147") is not None


def test_every_input_that_cannot_be_read_says_so_in_chinese(tmp_path: Path) -> None:
    simulate_capture(Scene((Miner(minutes=1),), seed=1), tmp_path / "good.pcap")
    bad = {"empty": b"", "zip": b"PK\x03\x04" + bytes(60), "text": b"hello there, this is no capture\n" * 4,
           "noise": bytes(range(128, 256)) * 4, "gz": b"\x1f\x8b\x08" + bytes(50)}  # fmt: skip
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    found = scan([str(tmp_path / name) for name in ("good.pcap", *bad)])
    assert len({f.path for i in found.inputs for f in i.faults}) == len(bad)
    assert untold(found) == set()


def test_every_convention_of_work_has_a_phrase() -> None:
    told = {row.convention for row in tables.algorithms() if row.convention}
    assert told
    assert {c for c in told if find(c) is None} == set()


# --- the table ---------------------------------------------------------------------------------------------


def test_holes_are_the_same_on_both_sides() -> None:
    assert len(ROWS) > 200
    apart = [r.english for r in ROWS if sorted(HOLE.findall(r.english)) != sorted(HOLE.findall(r.chinese))]
    assert apart == []


def test_every_phrase_takes_its_own_sentence_and_carries_its_values() -> None:
    wrong = []
    for row in ROWS:
        values = {name: str(7001 + i) for i, name in enumerate(HOLE.findall(row.english))}
        for plural in ("", "s"):
            sentence = HOLE.sub(lambda hole: values[hole[1]], row.english).replace("(s)", plural)  # noqa: B023
            told = Phrases("zh").tell(sentence)
            if told != HOLE.sub(lambda hole: values[hole[1]], row.chinese):  # noqa: B023
                wrong.append((sentence, told))
    assert wrong == []


def test_phrases_are_chinese_with_chinese_punctuation() -> None:
    bare = [(r.english, HOLE.sub("", r.chinese)) for r in ROWS if not r.english.startswith("D x 2^")]
    assert [e for e, zh in bare if not re.search(r"[\u4e00-\u9fff]", zh) and zh != "（）"] == []
    assert [e for e, zh in bare if re.search(r"[;:?!()](?!/)|, |[\u4e00-\u9fff][,.]|[.。]$", zh)] == []


def test_a_phrase_speaks_of_a_sentence_that_its_source_still_holds() -> None:
    system = {os.strerror(number) for number in errno.errorcode}
    stale = []
    for row in ROWS:
        if row.source == "errno.h":
            stale += [row.english] if row.english not in system else []
            continue
        text = (SOURCE / row.source).read_text("utf-8")
        words = re.findall(r"[A-Za-z]{4,}", HOLE.sub(" ", row.english).replace("(s)", " "))
        if row.english.endswith(("is far from {coin} on {day}", "{names:each}", "{algorithm:each}")):
            words = words[:3]
        stale += [row.english] if any(word not in text for word in words) else []
    assert stale == []


def test_summed_sentences_name_a_label() -> None:
    labels = {row.summed_as for row in ROWS} - {""}
    assert labels == {"blind_midway", "blind_lost", "blind_one_way"}
    assert labels <= EN.keys()


@pytest.mark.parametrize(
    ("english", "chinese"),
    [("{n:number} jobs", "任务"), ("jobs", "任务 {n} 个"), ("{n:digits} jobs", "任务 {n} 个")],
)
def test_a_row_whose_holes_cannot_be_meant_is_refused(english: str, chinese: str) -> None:
    with pytest.raises(TableError, match="holes"):
        Phrase.of(PhraseRow(english, chinese, "", "x.py", "2026-11-24"))


# --- telling -----------------------------------------------------------------------------------------------


def test_clauses_are_told_one_by_one_and_an_unknown_one_stays_and_counts() -> None:
    told = Phrases("zh")
    text = told.tell("no share was accepted: an upper bound only; the moon is new; no job was seen")
    assert text == "没有份额被接受，只能给出上限；the moon is new；未见任务"
    assert told.untold == {"the moon is new"}


def test_a_sentence_with_a_semicolon_of_its_own_is_told_whole() -> None:
    told = Phrases("zh")
    sentence = "asked for eu.pool.example, a host of a known pool; a destination is not yet mining"
    assert told.tell(sentence) == "请求访问已知矿池的主机 eu.pool.example；访问矿池不等于挖矿"
    assert told.untold == set()


def test_lists_are_joined_as_chinese_joins_them() -> None:
    told = Phrases("zh")
    sentence = "the login is an address of ZEC or FLUX or ZER, with a checksum that holds"
    assert told.tell(sentence) == "登录名是 ZEC、FLUX 或 ZER 的地址，校验和相符"
    sentence = "hashrates of different algorithms are not added: rx/0, unknown algorithm in grin"
    assert told.tell(sentence) == "不同算法的算力不相加：rx/0、grin 的未知算法"
    assert told.untold == set()


def test_english_stays_english() -> None:
    told = Phrases("en")
    assert told.tell("no job was seen") == "no job was seen"
    assert told.tell("the moon is new") == "the moon is new"
    assert told.untold == set()


def test_what_a_peer_says_is_put_in_as_it_is() -> None:
    told = Phrases("zh")
    assert told.tell("the login also says: {text} [a|b] {0}; no job was seen") == (
        "登录名另含：{text} [a|b] {0}; no job was seen"
    )
    assert "\x1b" not in told.tell("the login also says: \x1b[31mred")


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_no_sentence_is_lost(text: str) -> None:
    told = Phrases("zh")
    shown = told.tell(text)
    assert (shown == "") == (text == "")
    assert shown == plain(text).replace("; ", "；") or find(plain(text)) or len(told.untold)


@pytest.mark.parametrize(
    "start", ["donation: ", "x: cannot be opened: ", "7 (", "the pool changes the algorithm: "]
)
def test_sentences_within_sentences_end(start: str) -> None:
    assert Phrases("zh").tell(start * 5000)
