import io
import unicodedata
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from davylamp.records import Fault, InputReport, Scan
from davylamp.report.table import MOST_FAULTS, MOST_ROWS, render_faults, render_table
from davylamp.report.words import Lang
from report.samples import ESC_NAME, START_S, demo, scans, session, sighting

CHINA = timezone(timedelta(hours=8))


def printed(scan: Scan, width: int, lang: Lang = "en", **console: bool) -> str:
    out = io.StringIO()
    render_table(scan, Console(file=out, width=width, **console), lang, CHINA)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_sentence_without_a_phrase_stands_as_written_and_is_counted_in_chinese() -> None:
    note = "the moon is new; no job was seen"
    scan = Scan([], [session(hashrate_hps=None)], [sighting((0,), hashrate_hps=None, hashrate_note=note)])
    text = printed(scan, 100, "zh")
    assert "算力未知（192.168.1.23）：the moon is new；未见任务" in text
    assert "按原文列出的语句：1 条" in text
    assert "按原文列出" not in printed(Scan([], [session()], [sighting((0,))]), 100, "zh")


def squeezed(text: str) -> str:
    """Without spaces and line ends, so that folded words can be found."""
    return "".join(text.split())


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [160, 100, 96, 95, 80, 76, 75, 60, 40])
def test_no_line_is_wider_than_the_console(width: int, lang: Lang) -> None:
    assert max(cell_len(line) for line in printed(demo(), width, lang).splitlines()) <= width


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scans(), st.integers(40, 180))
def test_no_scan_widens_a_line_or_sends_a_control_character(scan: Scan, width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width)
    render_table(scan, console, "en", UTC)
    render_faults(scan, console)
    for line in out.getvalue().split("\n"):
        assert cell_len(line) <= width
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs")]


@pytest.mark.parametrize("width", [100, 80, 60])
def test_every_fact_of_a_sighting_is_there_at_every_width(width: int) -> None:
    text = printed(demo(), width)
    for fact in (
        "192.168.1.23",
        "XMR",
        "rx/0",
        "monero",
        "203.0.113.7:3333",
        "rig01",
        "651",
        "1.96 kH/s",
        "1.90–2.01",
    ):
        assert fact in text, fact
    for fact in ("03-11 14:02", "17:03", "confirmed", "> 0.999", "BTC? BCH?", "≤ 52.4 Sol/s", "矿机🦊一号"):
        assert fact in text, fact
    assert "2001:db8:85a3::8a2e:370:7334" in squeezed(text) or "2001:db8:85a3::" in text


def test_piped_output_is_plain_and_colors_come_only_beside_words() -> None:
    plain_text = printed(demo(), 100)
    assert "\x1b" not in plain_text
    colored = printed(demo(), 100, force_terminal=True)
    assert "\x1b[1;33mconfirmed" in colored
    assert "\x1b[3" not in printed(demo(), 100, force_terminal=True, no_color=True)


def test_rows_stand_by_kind_then_probability_then_work() -> None:
    text = printed(demo(), 100)
    ips = ["10.20.30.40", "192.168.1.23", "2001:db8:85a3::", "192.168.1.77", "192.168.1.99", "192.168.1.50"]
    places = [text.index(ip) for ip in ips]
    assert places == sorted(places)


def test_a_name_with_escape_codes_is_shown_as_letters() -> None:
    text = printed(demo(), 60)
    assert ESC_NAME not in text
    assert "\\u001b[31mred\\u001b[0m" in text


def test_markup_in_a_name_is_text() -> None:
    scan = Scan([], [session(worker="[red]x[/red]")], [sighting((0,), worker="[red]x[/red]", wallet=None)])
    assert "[red]x[/red]" in printed(scan, 60)


def test_totals_count_what_the_scan_holds() -> None:
    last = " ".join(printed(demo(), 200).splitlines()[-1].split())
    assert last == (
        "sightings: 6 (confirmed 2, probable 2, suspected 2) · clients: 6 · sessions: 5 · "
        "shares accepted: 945 · rejected: 20 · read: 3 inputs, 1,276,567 packets, 1.02 GB"
    )


def test_an_unknown_hashrate_says_why() -> None:
    text = squeezed(printed(demo(), 100))
    assert squeezed("hashrate unknown (192.168.1.99): sha256d and scrypt both fit") in text
    assert squeezed("hashrate unknown (192.168.1.77): the conversation is encrypted") in text


def test_nothing_found_says_what_was_read_and_what_could_not_be_seen() -> None:
    quiet = Scan([InputReport("a.pcap", 1234, 56_789, START_S * 10**9, (START_S + 60) * 10**9)], [], [])
    text = " ".join(printed(quiet, 100).split())
    assert "No mining found in what could be read." in text
    assert "Read 1 input with 1,234 packets, 56.8 kB, from 2021-03-11 14:02:00 UTC+08:00" in text
    assert "Not observable: the content of encrypted conversations" in text
    assert "Nothing was read" in printed(Scan([InputReport("a.pcap")], [], []), 80)
    assert "未发现挖矿行为" in printed(quiet, 80, "zh")


def test_the_year_stands_in_the_rows_when_there_are_several() -> None:
    late = sighting((), first_ns=(START_S + 400 * 86400) * 10**9, last_ns=(START_S + 400 * 86400) * 10**9)
    text = printed(Scan([], [], [sighting(), late]), 100)
    assert "2021-03-11" in text
    assert "2022-04-15" in text


def test_faults_are_told_with_code_place_and_times_and_not_without_end() -> None:
    faults = [Fault(f"E-CAP-{n:03}", "bad", "a.pcap", 24, n) for n in range(1, 31)]
    out = io.StringIO()
    render_faults(Scan([InputReport("a.pcap", faults=faults)], [], []), Console(file=out, width=200))
    lines = out.getvalue().splitlines()
    assert lines[0].rstrip() == "E-CAP-030: bad (a.pcap, first at byte 24, 30 times)"
    assert len(lines) == MOST_FAULTS + 1
    assert "10 more" in lines[-1]


def test_beyond_a_thousand_sightings_the_rest_is_counted() -> None:
    found = [
        sighting(client_ip=f"10.1.{i // 250}.{i % 250}", probability=1 - i / 20_000) for i in range(10_000)
    ]
    text = printed(Scan([], [], found), 100)
    assert all(f"10.1.{i // 250}.{i % 250} " in text for i in range(MOST_ROWS))
    assert f"{10_000 - MOST_ROWS:,} more sightings of less weight" in text
    assert "sightings: 10,000" in text
