import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from davylamp.errors import OutputError
from davylamp.records import Candidate, Endpoint, InputReport, Scan, Session, ShareBin
from davylamp.report.html import MOST_BYTES, Run, render, write_report
from davylamp.report.rates import RateBin
from report.samples import HOSTILE, HTML_NAME, START_S, big, demo, scans, session, sighting

STARTED = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
RUN = Run(
    "davylamp scan monday.pcap --report r.html",
    STARTED,
    STARTED + timedelta(seconds=75),
    {"idle_timeout_s": 120},
    {"monday.pcap": "ab" * 32},
    UTC,
)
VOID = {"meta", "br", "img", "col", "hr", "link", "input"}


class Page(HTMLParser):
    """Elements, their attributes and text of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@cache
def demo_page() -> Page:
    return Page(render(demo(), RUN))


def listed_sessions(page: str) -> set[int]:
    """Numbers in the first cell of rows of session tables."""
    return {int(n) for n in re.findall(r"<tr><td>([0-9]+)</td><td>", page)}


@pytest.mark.parametrize("make", [demo, lambda: big(300, 7), lambda: Scan([], [], [])])
def test_the_file_refers_to_nothing_outside(make: Callable[[], Scan]) -> None:
    text = render(make(), RUN)
    page = Page(text)
    assert not {"script", "link", "iframe", "img", "object", "embed", "base", "form"} & {
        t for t, _ in page.seen
    }
    for _, attributes in page.seen:
        for name, value in attributes.items():
            assert name not in ("src", "srcset", "action", "style", "data", "xlink:href")
            assert not name.startswith("on")
            if name == "href":
                assert value is not None
                assert value.startswith("#")
    style = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert len(style) == 1
    assert not re.search(r"url\(|@import|https?:", style[0])


def test_links_lead_to_sections_that_exist() -> None:
    ids = {a["id"] for _, a in demo_page().seen if "id" in a}
    links = {a["href"] for _, a in demo_page().seen if "href" in a}
    assert links == {f"#{i}" for i in ids}
    assert len(ids) == 5


def test_the_report_says_all_that_it_promises() -> None:
    text = demo_page().text
    for words in (
        "Mining traffic at 5 addresses, 2 of them confirmed",
        "What was read and what could not be seen",
        "ab" * 32,
        "not computed",
        "E-CAP-012",
        "monday.pcap, first at byte 1,048,576",
        "bytes that the capture lost within mining sessions: 18.2 kB in 1 of 5",
        "the start of sessions that were under way when the capture began: 1 of 5",
        "1.96 kH/s",
        "≤ 52.4 Sol/s",
        "BTC? BCH?",
        "nbits fits the Bitcoin difficulty of March 2021",
        "2.00 kH/s Claims of the mining program; not checked and not part of any figure here.",
        "sha256d and scrypt both fit and differ 65,536-fold in what a share is worth",
        "node of a coin network · BTC",
        "1 contact with a coin network (BTC 1).",
        "sightings of mining 5 confirmed 2, probable 1, suspected 2",
        "4 payloads a minute for 3 h, evenly",
        "coin, worker and shares, because the conversation is encrypted",
        "Methods and limits",
        "davylamp scan monday.pcap --report r.html",
        "idle_timeout_s 120",
        "2026-11-24 02:01:15 UTC (took 1 min 15 s)",
        "accepted shares per 1 min",
    ):
        assert words in text, words


def bullets(page: str, head: str) -> list[str]:
    """Items of the lists under each heading ``head``."""
    lists = re.findall(rf"<h[34]>{head}</h[34]>\s*<ul[^>]*>(.*?)</ul>", page, re.S)
    return [item for one in lists for item in re.findall(r"<li>(.*?)</li>", one, re.S)]


def two_late_miners() -> Scan:
    """Two clients of which each sighting tells what its own sessions lack."""
    late = {"joined_midway": True, "lost_bytes": 600, "accepted": 0, "rejected": 0, "unanswered": 4}
    made, found = [], []
    for i in range(2):
        note = "the capture misses 600 bytes of this conversation"
        made.append(session(i, client=Endpoint(f"192.168.1.{i}", 50000), notes=(note,), **late))
        blind = (
            "1 of 1 sessions began before the capture: their login is not in it",
            "600 bytes of these conversations are missing from the capture",
            "only one direction was captured: shares cannot be told accepted from rejected",
            "the lamp was out",
        )
        found.append(sighting((i,), client_ip=f"192.168.1.{i}", not_seen=blind))
    return Scan([], made, found)


def test_what_sightings_could_not_see_is_summed_over_the_scan_and_told_once() -> None:
    page = render(two_late_miners(), RUN)
    assert bullets(page, "What could not be seen") == [
        "the lamp was out",
        "the start of sessions that were under way when the capture began: 2 of 2",
        "the answers in sessions of which only one direction was captured: 2 of 2",
        "bytes that the capture lost within mining sessions: 1.20 kB in 2 of 2",
        "the content of encrypted conversations, with coin, worker and shares",
        "traffic that did not pass the point of capture",
    ]
    assert bullets(render(two_late_miners(), RUN, "zh"), "不可观测部分")[1:3] == [
        "采集开始时已在进行的会话的开头：2 个中有 2 个",
        "只采集到一个方向流量的会话中对方的答复：2 个中有 2 个",
    ]


def test_a_sum_that_the_sessions_do_not_bear_out_leaves_the_sightings_words() -> None:
    scan = Scan(
        [], [], [sighting(not_seen=("1 of 1 sessions began before the capture: their login is not in it",))]
    )
    assert bullets(render(scan, RUN), "What could not be seen")[0].startswith("1 of 1 sessions began before")


def test_a_miner_is_told_its_limits_once() -> None:
    page = render(two_late_miners(), RUN)
    assert bullets(page, "Limits and remarks")[:4] == list(two_late_miners().sightings[0].not_seen)
    assert len(bullets(page, "Limits and remarks")) == 8


def test_limits_that_no_sighting_told_are_told_by_the_report() -> None:
    scan = two_late_miners()
    for one in scan.sightings:
        one.not_seen = ()
    for each in scan.sessions:
        each.notes = ()
    assert (
        bullets(render(scan, RUN), "Limits and remarks")
        == [
            "under way when the capture began",
            "600 B lost by the capture",
        ]
        * 2
    )


def test_a_sentence_without_a_phrase_stands_as_written_and_is_counted_in_chinese() -> None:
    scan = Scan(
        [], [session(notes=("the moon is new",), because=("no job was seen",))], [sighting((0,), because=())]
    )
    text = Page(render(scan, RUN, "zh")).text
    assert "未见任务" in text
    assert "the moon is new" in text
    # The sample's candidate has no phrase either.
    assert "按原文列出的语句：2 条" in text
    assert "no wording in this language" not in Page(render(scan, RUN)).text


def test_the_chinese_report_speaks_chinese() -> None:
    page = Page(render(demo(), RUN, "zh"))
    assert page.seen[0] == ("html", {"lang": "zh-CN"})
    for words in (
        "5 个地址出现挖矿流量，其中 2 个确认",
        "监测记录",
        "读取范围与不可观测部分",
        "疑似",
        "未知",
        "方法与局限",
    ):
        assert words in page.text, words
    assert "Sightings" not in page.text


def test_hostile_names_stay_text() -> None:
    scan = Scan(
        [InputReport(HTML_NAME, 1, 1, START_S * 10**9, START_S * 10**9)],
        [
            session(i, worker=name, agent=name, login=name, pool=name, because=(name,))
            for i, name in enumerate(HOSTILE)
        ],
        [sighting(tuple(range(len(HOSTILE))), worker=HTML_NAME, agent=HTML_NAME, because=HOSTILE)],
    )
    text = render(scan, RUN)
    page = Page(text)
    assert not {"script", "img"} & {t for t, _ in page.seen}
    assert "<script>alert(1)</script>" in page.text
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans())
def test_any_scan_gives_a_balanced_page_with_all_its_sessions(scan: Scan) -> None:
    for lang in ("en", "zh"):
        text = render(scan, RUN, lang)
        Page(text)
        text.encode("utf-8")
        assert listed_sessions(text) == set(range(len(scan.sessions)))


@pytest.mark.parametrize(("sessions", "miners"), [(200, 200), (201, 3), (10_000, 9_000)])
def test_big_scans_keep_every_session_and_stay_small(sessions: int, miners: int) -> None:
    full = big(min(sessions, 300), min(miners, 300))
    lean = session(bins=())  # the charts are the slow part to make, not the rows
    full.sessions += [replace(lean, flow_id=i) for i in range(len(full.sessions), sessions)]
    full.sightings += [
        sighting(client_ip=f"172.16.{i // 250}.{i % 250}") for i in range(miners - len(full.sightings))
    ]
    text = render(full, RUN)
    assert listed_sessions(text) == set(range(sessions))
    assert len(text.encode()) < MOST_BYTES
    page = Page(text)
    folded = [a for t, a in page.seen if t == "details" and a.get("class") == "miner"]
    assert bool(folded) == (sessions > 200)
    assert not any("open" in a for a in folded)


def test_what_does_not_fit_is_counted() -> None:
    name = "&" * 400
    scan = big(400, 400)
    many = [
        session(i, bins=(), worker=name, login=name, hashrate_hps=None, hashrate_note=name)
        for i in range(8_000)
    ]
    scan.sessions[:] = many
    scan.sightings[:] = [sighting(worker=name, agent=name, hashrate_hps=None, hashrate_note=name)] * 4_000
    text = render(scan, RUN)
    assert len(text.encode()) < MOST_BYTES
    left_out = re.search(r"(\d+) more sessions are not listed here", text)
    assert left_out is not None
    assert len(listed_sessions(text)) + int(left_out[1]) == 8_000


def test_rates_come_from_the_caller() -> None:
    asked: list[int] = []

    def bins(s: Session) -> list[RateBin]:
        asked.append(s.flow_id)
        return [RateBin(START_S, START_S + 600, 1e15, 2e15, 3e15)]

    text = Page(render(Scan([], [session(7)], [sighting((0,))]), RUN, "en", bins)).text
    assert asked == [7]
    assert "2.00 PH/s (1.00–3.00)" in text


def test_nothing_found_is_a_report_too() -> None:
    text = Page(render(Scan([InputReport("a.pcap", 10, 1000, 0, 10**9)], [], []), RUN)).text
    assert "No mining was found" in text
    assert "There are no sightings." in text
    assert "observed period" not in text
    assert "The times of 1 input lie before 1990" in text
    assert "No damage was found." in text
    assert "the content of encrypted conversations" in text


def test_an_unwritable_place_is_an_error_with_code(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        write_report(demo(), tmp_path / "no" / "such" / "r.html", RUN)
    assert caught.value.code == "E-OUT-001"
    write_report(demo(), tmp_path / "r.html", RUN)
    assert (tmp_path / "r.html").read_text("utf-8") == render(demo(), RUN)


def test_sightings_stand_before_the_inputs() -> None:
    page = render(demo(), RUN)
    heads = re.findall(r'<h2><span class="no">(\d)</span>(.*?)</h2>', page)
    assert [int(number) for number, _ in heads] == [1, 2, 3, 4, 5]
    assert [head for _, head in heads][:3] == [
        "Sightings",
        "What was read and what could not be seen",
        "Miners",
    ]


def test_inputs_beyond_twenty_are_folded_and_counted() -> None:
    source = [InputReport(f"{n}.pcap", 1, 1, START_S * 10**9, START_S * 10**9) for n in range(333)]
    page = render(Scan(source, [], []), RUN)
    shown, _, folded = page.partition('<details class="inputs">')
    assert "19.pcap" in shown
    assert "20.pcap" not in shown
    assert "20.pcap" in folded
    assert "<summary>313 more inputs</summary>" in folded
    assert "33 more inputs are not listed here" in folded
    assert '<details class="inputs">' not in render(Scan(source[:20], [], []), RUN)
    assert "details.inputs > :not(summary) { display: none; }" in page[page.index("@media print") :]


def test_clocks_that_cannot_be_right_stay_out_of_the_period() -> None:
    finished_ns = int(RUN.finished.timestamp()) * 10**9
    source = [
        InputReport("a.pcap", 1, 1, START_S * 10**9, START_S * 10**9),
        InputReport("b.pcap", 1, 1, 5, START_S * 10**9),
        InputReport("c.pcap", 1, 1, START_S * 10**9, finished_ns + 3 * 86_400 * 10**9),
    ]
    text = Page(render(Scan(source, [], []), RUN)).text
    assert "observed period : 2021-03-11 06:02:00 UTC – 2021-03-11 06:02:00 UTC" in text.replace(
        "period:", "period :"
    )
    assert "The times of 2 inputs lie before 1990 or after this scan" in text
    assert "left out" not in Page(render(Scan(source[:1], [], []), RUN)).text


def test_thousands_of_nodes_are_one_row_and_no_headline() -> None:
    nodes = [
        sighting(client_ip="10.0.0.1", server_ip=f"198.51.{i // 250}.{i % 250}", kind="node", coin="BTC",
                 algorithm=None, hashrate_hps=None, wallet=None, worker=None)
        for i in range(2044)
    ]  # fmt: skip
    page = Page(render(Scan([], [], nodes), RUN))
    assert ("h1", {}) in page.seen
    assert "No mining was found 2,044 contacts with coin networks (BTC 2,044)." in page.text
    assert page.text.count("10.0.0.1") == 1
    assert "2,044 peers" in page.text
    assert "sightings of mining 0" in page.text
    # The mark of a confirmed miner does not stand beside a node.
    assert not [a for _, a in page.seen if "tier" in (a.get("class") or "").split()]


def test_a_coin_is_one_row_and_of_the_algorithm_that_was_seen() -> None:
    made = [
        session(i, coin=None, algorithm="sha256d", coin_candidates=(
            Candidate("BTC", 0.4 + i / 10, f"reason {i}"), Candidate("LTC", 0.3, "no sha256d coin"),
            Candidate("NEWCOIN", 0.1, "not in the tables")))
        for i in range(3)
    ]  # fmt: skip
    made.append(
        session(3, coin=None, algorithm="scrypt", coin_candidates=(Candidate("BCH", 0.9, "other session"),))
    )
    scan = Scan([], made, [sighting((0, 1, 2, 3), coin=None, algorithm="sha256d")])
    text = Page(render(scan, RUN)).text
    assert "BTC 0.60 reason 2 NEWCOIN 0.10 not in the tables" in text
    assert "reason 0" not in text
    assert "no sha256d coin" not in text
    assert "other session" not in text


def test_the_figures_of_a_chart_name_the_total_of_each_column() -> None:
    one = session(bins=(ShareBin(START_S // 60, 7, 2, 7e6), ShareBin(START_S // 60 + 1, 4, 0, 4e6)))
    page = render(Scan([], [one], [sighting((0,))]), RUN)
    assert "<th>accepted</th><th>rejected</th><th>total</th>" in page
    assert "<tr><td>2021-03-11 06:02</td><td>7</td><td>2</td><td>9</td></tr>" in page
    assert "<tr><td>2021-03-11 06:03</td><td>4</td><td>0</td><td>4</td></tr>" in page


# --- colors ------------------------------------------------------------------------------------------------


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def themes() -> list[dict[str, str]]:
    css = resources.files("davylamp.report").joinpath("report.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.S)
    return [dict(re.findall(r"--([\w-]+): (#\w{6})", b)) for b in blocks]


def test_light_dark_and_paper_are_there() -> None:
    light, dark, paper = themes()
    assert light.keys() == dark.keys() == paper.keys()
    assert (light["paper"], light["ink"], light["accent"]) == ("#FAFAF7", "#1F2933", "#B7791F")
    assert luminance(dark["paper"]) < 0.05
    assert (paper["paper"], paper["panel"]) == ("#FFFFFF", "#FFFFFF")


@pytest.mark.parametrize("theme", [0, 1, 2])
@pytest.mark.parametrize("text", ["ink", "muted", "accent-ink"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_text_contrasts_with_its_ground(theme: int, text: str, ground: str) -> None:
    colors = themes()[theme]
    assert contrast(colors[text], colors[ground]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1, 2])
@pytest.mark.parametrize("shade", ["s1", "s2", "s3", "s4", "s5"])
def test_names_on_the_map_contrast_with_every_shade(theme: int, shade: str) -> None:
    colors = themes()[theme]
    assert contrast(colors["ink"], colors[shade]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1, 2])
@pytest.mark.parametrize("mark", ["accent", "accent-ink", "reject"])
def test_marks_of_charts_contrast_with_the_page(theme: int, mark: str) -> None:
    colors = themes()[theme]
    assert contrast(colors[mark], colors["paper"]) >= 3


def test_text_is_painted_only_in_colors_that_are_checked() -> None:
    css = resources.files("davylamp.report").joinpath("report.css").read_text("utf-8")
    used = set(re.findall(r"(?<![\w-])color: ([^;]+);", css))
    assert used == {"var(--ink)", "var(--muted)", "var(--accent-ink)", "inherit"}


def test_paper_has_size_pages_and_a_foot() -> None:
    text = render(demo(), RUN)
    assert re.search(r"@page \{\s*size: A4;", text)
    assert "counter(page)" in text
    assert "break-inside: avoid" in text
