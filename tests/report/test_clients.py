"""The table by address: numbers with intervals and grade, official first, no accusation, at every width."""

import io
import re
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from davylamp.pipeline_clients import lead
from davylamp.records import Attribution, Claim, Client, Endpoint, Holder, Interval, Link, NotKnown, Scan
from davylamp.report import numbers
from davylamp.report.clients import energy_totals, mining_clients, whose
from davylamp.report.clients_table import MOST_CLIENTS
from davylamp.report.table import render_table
from davylamp.report.words import EN, ZH, Lang
from report.samples import HOSTILE, START_S, demo, session, sighting

CHINA = timezone(timedelta(hours=8))
NS = 10**9


def printed(scan: Scan, width: int = 100, lang: Lang = "en", **console: bool) -> str:
    out = io.StringIO()
    render_table(scan, Console(file=out, width=width, **console), lang, CHINA)  # type: ignore[arg-type]
    return out.getvalue()


def claim(name: str = "示例大学", code: str = "X-1", region: str = "330106") -> Claim:
    return Claim(
        code,
        name,
        region,
        "教育",
        True,
        "10.0.0.0/8",
        0,
        65535,
        "imported",
        None,
        None,
        0,
        "list",
        "imported range",
        0.7,
    )


def holder(
    *claims: Claim, share: float = 1.0, span: tuple[int, int] = (0, 60), state: str = "attributed"
) -> Holder:
    first, last = ((START_S + s * 60) * NS for s in span)
    return Holder(state, claims, "浙江省杭州市西湖区" if claims else "", first, last, share)  # type: ignore[arg-type]


def changed(scan: Scan, **fields: object) -> Scan:
    """The scan with fields of its heaviest client changed."""
    heaviest = mining_clients(scan)[0]
    new = replace(heaviest, **fields)  # type: ignore[arg-type]
    return replace(scan, clients=[new if c is heaviest else c for c in scan.clients])


# --- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((9.8, 12.4, 16.1), "12.4 kW (9.8–16.1)"),
        ((0.97, 3.51, 89.5), "3.51 kW (0.97–89.5)"),
        ((1000, 2345.6, 98765), "2,346 kW (1,000–98,765)"),
        ((0, 0, 2.3), "≤ 2.30 kW"),
        ((0, 0, 0), "0 kW"),
        ((5, 5, 5), "5.00 kW"),
        ((0.1, float("nan"), 2), "unknown"),
    ],
)
def test_an_amount_is_estimate_unit_interval(ends: tuple[float, float, float], shown: str) -> None:
    assert numbers.amount(Interval(*ends), "kW") == shown


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ((3, 5, 7), ("5", "3–7")),
        ((1, 1, 1), ("1", "")),
        ((2, 2, None), ("≥ 2", "")),
        ((2, 4, None), ("4", "≥ 2")),
    ],
)
def test_a_number_of_machines_has_its_bounds(
    bounds: tuple[int, int, int | None], shown: tuple[str, str]
) -> None:
    assert numbers.count_parts(*bounds) == shown


@given(st.lists(st.floats(0, 1e26), min_size=3, max_size=3).map(sorted))
def test_the_bounds_of_an_amount_enclose_its_estimate_as_printed(ends: list[float]) -> None:
    estimate, spread = numbers.amount_parts(Interval(*ends))
    if spread and "e" not in estimate + spread:
        low, high = (float(v.replace(",", "")) for v in spread.split("–"))
        middle = float(estimate.replace(",", ""))
        assert low <= middle * 1.005
        assert middle <= high * 1.05


# --- the table ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 96, 100])
def test_the_factor_set_at_the_head_is_not_broken(width: int) -> None:
    text = printed(changed(lead(demo()), holders=(holder(claim()),)), width)
    assert "MEE-2021-national" in text[: text.index("─" * 20, text.index("bounds"))]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [30, 60, 75, 76, 80, 95, 96, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int, lang: Lang) -> None:
    text = printed(
        changed(lead(demo()), holders=(holder(claim("示例大学附属第一医院信息技术中心")),)), width, lang
    )
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_a_client_has_organisation_region_machines_power_with_grade_energy_and_both_co2_figures() -> None:
    text = printed(changed(lead(demo()), holders=(holder(claim()),)), 140)
    table = text[text.index("organisation · region") :]
    assert "示例大学 · 浙江省杭州市西湖区" in table
    row = next(line for line in table.splitlines() if line.startswith("示例大学"))
    assert re.search(r"[\d.]+–[\d.,]+ · C +[\d.]+–[\d.,]+ +[\d.]+–[\d.,]+ +[\d.]+–[\d.,]+", row)
    head = next(line for line in text.splitlines() if "MEE-2021-national" in line)
    assert head.index("MEE-2021-national") < head.index("article-2021")


def test_of_two_holders_both_are_told_with_their_spans() -> None:
    two = (
        holder(claim(), share=0.7, span=(10, 60)),
        holder(claim("示例公司", "X-2"), share=0.3, span=(0, 10)),
    )
    text = printed(changed(lead(demo()), holders=two), 140)
    assert "示例大学 +1" in text
    line = next(line for line in text.splitlines() if "held by" in line)
    assert line.index("示例公司") < line.index("示例大学")
    assert "14:02 – 14:12" in line
    assert "14:12 – 15:02" in line


def test_a_contested_address_is_marked() -> None:
    rivals = (claim(), claim("示例公司", "X-2"))
    assert "contested" in printed(changed(lead(demo()), holders=(holder(*rivals, state="contested"),)), 140)


def test_what_no_client_knows_is_said_once_and_what_one_does_not_know_below_it() -> None:
    found = lead(demo())
    text = printed(found)
    assert text.count("no registry of networks was given") == 1
    assert text.count("the conversation is encrypted") >= 1
    alone = changed(
        found, not_known=(*mining_clients(found)[0].not_known, NotKnown("machines", "the moon is new"))
    )
    assert "machines not bounded: the moon is new" in printed(alone)


def test_computers_and_the_weakest_link_stand_below_their_address() -> None:
    def link(hop: str, value: str) -> Link:
        return Link(hop, value, "a.csv:3", None, None, 1.0, 0.0, 0.9, "named in a logon")  # type: ignore[arg-type]

    found = lead(demo())
    heaviest = mining_clients(found)[0]
    chain = (link("address", heaviest.client_ip), link("host", "LAB-\x1b[31m7"))
    traced = Attribution("", heaviest.client_ip, 1, 0, 1, (), (chain,), True, "x")
    words = "host LAB-7: named in a logon (a.csv:3, 0.90)"
    found = changed(
        replace(found, attributions=[traced]), attributions=(0,), weakest=words,
        not_known=(NotKnown("organisation", "no registry of networks was given"),),
    )  # fmt: skip
    text = printed(found, 140)
    assert "\x1b" not in text
    assert re.search(r"computers: LAB-\S+31m7; 1 of 1 conversation traced, 1 ambiguous", text)
    assert f"weakest link: {words}" in text
    assert "最弱环节：主机 LAB-7：登录记录所载（a.csv:3，置信度 0.90）" in printed(found, 140, "zh")


def test_a_scan_without_clients_prints_no_second_table() -> None:
    assert "organisation" not in printed(demo())
    nodes = Scan([], [], [sighting(kind="node", coin="BTC", hashrate_hps=None)])
    assert "kWh" not in printed(lead(nodes))


def test_a_table_cut_short_says_by_how_many() -> None:
    made = [session(i, client=Endpoint(f"10.1.{i // 250}.{i % 250}", 4000)) for i in range(MOST_CLIENTS + 3)]
    seen = [sighting((i,), client_ip=s.client.ip) for i, s in enumerate(made)]
    assert "3 more addresses with less power" in printed(lead(Scan([], made, seen)))


# --- totals ------------------------------------------------------------------------------------------------


def test_the_totals_split_grades_and_name_the_official_figure_first() -> None:
    first, grades, masses, *_ = energy_totals(lead(demo()), "en")
    assert first.startswith("machines: ")
    assert grades.startswith("by grade: C from hashrate ")
    assert "D default per address" in grades
    assert masses.index("(official)") < masses.index("comparable with the release of 2021")


def test_one_grade_stands_beside_its_sum() -> None:
    only = Scan([], [session(0)], [sighting((0,))])
    first, *_ = energy_totals(lead(only), "en")
    assert first.endswith("C from hashrate")


def test_the_regions_told_sum_to_the_whole() -> None:
    found = lead(demo())
    known = lead(changed(found, holders=()))
    assert all("by region" not in line for line in energy_totals(known, "en"))


@pytest.mark.parametrize("words", [EN, ZH])
def test_no_label_accuses(words: dict[str, str]) -> None:
    accusing = re.compile(r"\b(guilty|culprit|offender|suspect|illegal|thief)\b|违法|犯罪|嫌疑人|盗电")
    assert [label for label in words.values() if accusing.search(label)] == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.sampled_from(HOSTILE), st.text()), st.sampled_from([60, 80, 100]))
def test_what_a_registry_holds_is_shown_and_never_obeyed(name: str, width: int) -> None:
    text = printed(changed(lead(demo()), holders=(holder(claim(name, name or "x")),)), width)
    assert "\x1b" not in text
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_an_organisation_without_a_name_shows_its_code() -> None:
    client = Client("10.0.0.1", (0,), 0, 1, (holder(claim("", "X-9")),))
    assert whose(client, "en")[0] == "X-9"
