"""Whose, how many, how much in the HTML report: every number with its interval, unit and grade, every chain whole."""

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.attribution.scans import LogChoice
from davylamp.pipeline import scan
from davylamp.pipeline_clients import Beside, lead
from davylamp.records import Interval, Scan
from davylamp.report.html import MOST_BYTES, Run, render
from davylamp.report.words import Lang
from davylamp.simulate.campus import simulate_campus
from report.leads import (
    GAP,
    ambiguous,
    attributed,
    attribution,
    cities,
    claim,
    holder,
    led,
    summed,
    unknown,
)
from report.samples import HOSTILE, HTML_NAME, sighting
from report.test_html import Page

STARTED = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
RUN = Run("davylamp scan a.pcap", STARTED, STARTED + timedelta(seconds=75), {}, {}, UTC)
CHAPTER = {"en": "Whose, how many, how much", "zh": "归属、台数与用电"}


def chapter(found: Scan, lang: Lang = "en") -> str:
    """The markup of the chapter by address."""
    page = render(found, RUN, lang)
    start = page.index(f"</span>{CHAPTER[lang]}</h2>")
    return page[start : page.index("<h2>", start)]


def text_of(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).replace("&#39;", "'").split())


def rows(markup: str, name: str) -> list[list[str]]:
    """Cells of the body rows of the first table of a class."""
    body = re.search(rf'<table class="{name}">.*?<tbody>(.*?)</tbody>', markup, re.S)
    assert body is not None
    return [
        [text_of(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in re.findall(r"<tr.*?</tr>", body[1], re.S)
    ]


# --- the chapter by address --------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_row_names_organisation_machines_power_with_grade_and_energy_with_interval(lang: Lang) -> None:
    ((client, whose, machines, power, energy, _),) = rows(chapter(led((holder(claim()),)), lang), "clients")
    assert client == "192.168.1.0"
    place = "西湖区, Hangzhou, Zhejiang" if lang == "en" else "浙江省杭州市西湖区"
    assert whose == f"浙江示例大学 {place} · 教育"
    assert re.fullmatch(r"\d+( \(\d+–\d+\))?", machines)
    assert re.fullmatch(r"[\d.]+ kW · C [\d.,]+–[\d.,]+", power)
    assert re.fullmatch(r"[\d.]+ · C [\d.,]+–[\d.,]+", energy)


def test_without_clients_there_is_no_chapter_and_no_method_of_it() -> None:
    page = render(Scan([], [], [sighting()]), RUN)
    assert CHAPTER["en"] not in page
    assert "Power has a grade" not in page


def test_an_unknown_organisation_is_said_to_be_unknown_with_its_reason() -> None:
    found = led(())
    found = replace(found, clients=[replace(found.clients[0], not_known=(unknown(),))])
    for lang, word, why in (
        ("en", "unknown", "no registry of networks was given"),
        ("zh", "未知", "未提供网络资源登记表"),
    ):
        ((_, whose, *_, reason),) = rows(chapter(found, lang), "clients")  # type: ignore[arg-type]
        assert (whose, reason) == (word, why)


def test_others_claims_and_changes_of_hands_are_marked_in_words() -> None:
    twice = (
        holder(claim(), claim(name="另一单位", organisation="KEY"), share=0.6, contested=True),
        holder(claim("330203", "宁波单位"), share=0.4),
    )
    found = led(twice)
    assert "△ contested, 2 holders" in text_of(chapter(found))
    page = Page(render(found, RUN)).text
    for words in ("浙江示例大学 △ contested", "另一单位 △ claims it too", "宁波单位"):
        assert words in page, words


def test_the_official_figure_stands_before_the_comparable_one() -> None:
    masses = rows(chapter(led((holder(claim()),))), "masses")
    assert [(m[0], m[1]) for m in masses] == [
        ("CO2", "MEE-2021-national official · 2021"),
        ("CO2", "article-2021 comparable with the release of 2021"),
        ("standard coal", "supply-2021 official · 2021"),
        ("standard coal", "article-2021 comparable with the release of 2021"),
    ]
    assert all(re.fullmatch(r"[\d.,]+ (kg|t) [\d.,]+–[\d.,]+", cell) for m in masses for cell in m[3:])
    head = text_of(chapter(led((holder(claim()),))))
    assert re.search(
        r"CO2 a year, if it goes on [\d.,]+ (?:kg|t) .*? MEE-2021-national comparable with 2021", head
    )


def test_grades_are_never_summed_without_their_split() -> None:
    found = cities("330100", "330100")
    blind = replace(
        found.sightings[1], hashrate_hps=None, hashrate_note="no job was seen", algorithm=None, sessions=()
    )
    mixed = lead(replace(found, sightings=[found.sightings[0], blind], sessions=found.sessions[:1]))
    text = text_of(chapter(mixed))
    assert re.search(r"kWh a day [\d.]+ kWh [\d.,]+–[\d.,]+; C [\d.]+ kWh, D 31\.6 kWh", text)
    assert "D default per address 1 31.6" in text


# --- sums and map ------------------------------------------------------------------------------------------

PLACES = st.sampled_from(["330106", "330203", "330782", "330000", "320102", "110000", ""])


@settings(max_examples=12, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=7))
def test_regions_and_the_map_hold_every_address_once(places: list[str]) -> None:
    found = cities(*places)
    part = chapter(found)
    tables = re.findall(r'<table class="sums">.*?</table>', part, re.S)
    region = rows(tables[0], "sums")
    assert sum(int(r[1]) for r in region) == len(places)
    drawn = re.findall(r'class="figure"[^>]*>(\d+)</text>', part)
    beside = re.search(r"Not on the map: (.*?)\.</p>", part)
    outside = [int(n) for n in re.findall(r" (\d+)(?:,|$)", beside[1])] if beside else []
    inside = [p for p in places if p[:2] == "33" and p[2:4] != "00"]
    assert bool(drawn) == bool(inside)
    if drawn:
        assert sum(map(int, drawn)) == len(inside)
        assert sum(map(int, drawn)) + sum(outside) == len(places)
    else:
        assert "No map" in part


def test_the_map_is_drawn_once_and_labelled_in_the_reader_s_language() -> None:
    found = cities("330106", "330203", "320102")
    for lang, hangzhou, beside in (
        ("en", "Hangzhou", "Not on the map: Jiangsu 1."),
        ("zh", "杭州市", "不在图中：江苏省 1。"),
    ):
        part = chapter(found, lang)  # type: ignore[arg-type]
        assert part.count('<svg class="map"') == 1
        assert part.count(f">{hangzhou}</text>") == 1
        assert beside in text_of(part)


def test_another_province_alone_has_its_table_and_a_sentence_instead_of_a_map() -> None:
    part = chapter(cities("320102"))
    assert "<svg" not in part
    assert "No map: none of these regions is among the outlines that are shipped." in part
    assert rows(part, "sums")[0][0].startswith("Jiangsu")


def test_a_region_of_the_operator_s_own_table_keeps_the_name_that_it_gives() -> None:
    own = replace(holder(claim("320102")), region_name="江苏省南京市玄武区")
    for lang in ("en", "zh"):
        assert "江苏省南京市玄武区 · 教育" in text_of(chapter(led((own,)), lang))  # type: ignore[arg-type]


def test_unknown_is_a_row_of_every_breakdown_so_that_sums_agree() -> None:
    part = chapter(cities("330106", ""))
    tables = re.findall(r'<table class="sums">.*?</table>', part, re.S)
    for table in tables[:3]:
        assert rows(table, "sums")[-1][0] == "unknown"
        assert sum(int(r[1]) for r in rows(table, "sums")) == 2


# --- the section of an address -----------------------------------------------------------------------------


def test_the_chain_has_seven_links_with_their_records_and_one_is_marked_weakest() -> None:
    one = attribution("192.168.1.0", "10.8.0.28:5", "10.8.0.28", "3c:52:82:be:d4:07")
    page = render(attributed(led((holder(claim()),)), one), RUN)
    chain = rows(page, "chain")
    assert [c[0].removeprefix("→ ") for c in chain] == [
        "address", "translation", "lease", "MAC", "switch port", "host", "holder"
    ]  # fmt: skip
    assert chain[1][1:4] == ["10.8.0.28:5", "nat.log:7 ± 2 s, clock set right by +89.6 s", "0.90"]
    assert [i for i, c in enumerate(chain) if "weakest link" in c[1]] == [4]
    assert chain[4][1:] == ["unknown ▲ weakest link", "", "", GAP]
    assert page.count('<tr class="weakest">') == 1


def test_two_readings_are_both_shown_and_called_ambiguous() -> None:
    page = render(attributed(led((holder(claim()),)), ambiguous("192.168.1.0")), RUN)
    readings = rows(page, "chains")
    assert [r[4].split()[0] for r in readings] == ["PC-ONE", "PC-TWO"]
    assert all("△ ambiguous" in r[0] and "▲ weakest link" in r[2] for r in readings)
    assert "mac: 2 readings fit (mac-one, mac-two)" in Page(page).text


def test_a_known_link_is_marked_by_its_value() -> None:
    said = "port acc-1 Gi1/0/9: seen behind it with 1 MAC (port.log:7, 0.90)"
    one = attribution("192.168.1.0", "a:1", "a", "m", "acc-1 Gi1/0/9", "PC", "王老师", weakest=said)
    chain = rows(render(attributed(led((holder(claim()),)), one), RUN), "chain")
    assert [c[0] for c in chain if "weakest link" in c[1]] == ["→ switch port"]


def test_machines_stand_with_their_reasons_and_energy_with_what_it_was_computed_from() -> None:
    text = Page(render(led((holder(claim()),)), RUN)).text
    for words in (
        "1 name, 1 of them at the same time with one algorithm",
        "assumed : two names, or parts of a relay's nonce space, at the same time with one algorithm are two machines",
        "not available : TCP timestamps: the packets carry none",
        "from hashrate",
        "1 span of records covers 1.517 of 1.517 h",
        "90% of the time between is judged usual",
        "J/hash",
        "machines-2, power-1, energy-1",
    ):
        assert words in text.replace("assumed:", "assumed :").replace("available:", "available :"), words


def test_more_connections_than_are_read_are_counted() -> None:
    many = [attribution("192.168.1.0", f"10.8.0.{i}:5", weakest=f"port: {GAP}") for i in range(33)]
    page = render(attributed(led((holder(claim()),)), *many), RUN)
    assert len(rows(page, "chains")) == 20
    assert "13 more connections are not listed here" in page


def test_every_link_leads_to_a_section() -> None:
    page = Page(render(cities("330106", "330203", ""), RUN))
    ids = {a["id"] for _, a in page.seen if "id" in a}
    assert {str(a["href"])[1:] for _, a in page.seen if "href" in a} <= ids


# --- hostile, big, Chinese ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("bad", [*HOSTILE, HTML_NAME, "x" * 5000])
def test_hostile_registries_and_logs_stay_text(bad: str, lang: Lang) -> None:
    hostile = claim(name=bad, organisation=bad, region=bad, sector=bad, network=bad, source=bad, method=bad)
    one = attribution("192.168.1.0", bad, bad, bad, bad, bad, bad, weakest=bad)
    chain = tuple(replace(k, source=bad, because=bad) for k in one.chains[0])
    text = render(attributed(led((holder(hostile),)), replace(one, chains=(chain,))), RUN, lang)
    page = Page(text)
    assert not {"script", "img", "link", "iframe"} & {t for t, _ in page.seen}
    assert not [n for _, a in page.seen for n in a if n in ("style", "src") or n.startswith("on")]
    assert all(str(a["href"]).startswith("#") for _, a in page.seen if "href" in a)
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"]
    assert "default-src 'none'" in text
    assert len(text.encode()) < 250_000


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.floats() | st.floats(0, 1e30), min_size=3, max_size=3),
    st.text(max_size=30),
    st.integers(-(2**62), 2**62),
)
def test_any_number_name_and_time_gives_a_page(values: list[float], name: str, at_ns: int) -> None:
    found = led((holder(claim(name=name, sector=name)),))
    client = found.clients[0]
    assert client.energy is not None
    odd = Interval(*values)
    energy = replace(client.energy, power_w=odd, kwh_per_day=odd)
    one = attribution("192.168.1.0", name, weakest=name)
    moved = replace(one, chains=(tuple(replace(k, from_ns=at_ns, to_ns=at_ns) for k in one.chains[0]),))
    shown = attributed(replace(found, clients=[replace(client, energy=energy)]), moved, moved)
    for lang in ("en", "zh"):
        Page(render(shown, RUN, lang))  # type: ignore[arg-type]


def test_thousands_of_clients_stay_within_the_file_and_what_is_left_out_is_counted() -> None:
    few = cities("330106")
    client, name = few.clients[0], "<&>" * 40
    own = holder(claim(name=name, sector=name))
    clients = [
        replace(client, client_ip=f"172.16.{i // 250}.{i % 250}", holders=(own,), sightings=())
        for i in range(6000)
    ]
    page = render(summed(replace(few, clients=clients)), RUN)
    assert len(page.encode()) < MOST_BYTES
    left = re.search(r"(\d+) more addresses are not listed here", page)
    assert left is not None
    assert len(rows(page, "clients")) + int(left[1]) == 6000
    assert "6,000 of 6,000" in Page(page).text


def test_every_part_of_the_file_at_its_limit_stays_within_it_together() -> None:
    """Sessions, sightings, miners, clients and breakdowns each use up their share."""
    bad, few = '<&>"' * 30, cities("330106")
    sessions = [replace(few.sessions[0], bins=(), worker=bad, login=bad)] * 8_000
    sightings = [
        replace(few.sightings[0], client_ip=f"172.16.{i // 250}.{i % 250}", worker=bad) for i in range(4_000)
    ]
    clients = [
        replace(
            few.clients[0],
            client_ip=s.client_ip,
            holders=(
                holder(claim(f"33{i % 11 + 1:02}00", bad, organisation=f"{i}{bad}", sector=f"{i}{bad}")),
            ),
        )
        for i, s in enumerate(sightings)
    ]
    found = summed(replace(few, sessions=sessions, sightings=sightings, clients=clients))
    for lang in ("en", "zh"):
        assert len(render(found, RUN, lang).encode()) < MOST_BYTES  # type: ignore[arg-type]


def test_a_campus_with_logs_is_told_in_chinese_without_an_english_sentence(tmp_path: Path) -> None:
    simulate_campus(tmp_path, seed=7)
    logs = LogChoice((str(tmp_path / "logs"),))
    found = lead(scan([str(tmp_path / "egress.pcap")]), Beside(logs=logs))
    page = render(found, RUN, "zh")
    assert "按原文列出的语句" not in page
    assert "最弱环节" in page
    text = re.sub(r"<style>.*?</style>|<dd[^>]*>.*?</dd>", "", page, flags=re.S)
    assert (
        re.findall(r"\b(?:a|an|the|is|are|of|was|were|with|no) [a-z]+", re.sub(r"<[^>]+>", " ", text)) == []
    )
