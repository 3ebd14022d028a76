import io
import unicodedata
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from davylamp.records import Endpoint, Fault, InputReport, Interval, Scan, Sighting
from davylamp.report.faults import fault_sentence
from davylamp.report.phrases import Phrases
from davylamp.report.table import MOST_FAULTS, MOST_REASONED, MOST_ROWS, render_faults, render_table
from davylamp.report.words import Lang
from report.samples import ESC_NAME, START_S, demo, scans, session, sighting

CHINA = timezone(timedelta(hours=8))


def printed(scan: Scan, width: int, lang: Lang = "en", **console: bool) -> str:
    out = io.StringIO()
    render_table(scan, Console(file=out, width=width, **console), lang, CHINA)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_sentence_without_a_phrase_stands_as_written_and_is_counted_in_chinese() -> None:
    note = "the moon is new; no job was seen"
    scan = Scan(
        [],
        [session(hashrate_hps=None)],
        [sighting((0,), hashrate_hps=None, hashrate_note=note, because=("no job was seen",))],
    )
    text = printed(scan, 100, "zh")
    assert "算力未知（192.168.1.23）：the moon is new；未见任务" in text
    assert "按原文列出的语句：1 条" in text
    told = Scan([], [session()], [sighting((0,), because=("no job was seen",))])
    assert "按原文列出" not in printed(told, 100, "zh")


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


def places(text: str, ips: list[str]) -> list[int]:
    """Where each address begins a line, the closing lines left out."""
    return [text.index(f"\n{ip}") for ip in ips]


def test_rows_stand_by_kind_then_tier_then_shares_then_duration() -> None:
    ips = ["192.168.1.23", "10.20.30.40", "2001:db8:85a3::", "192.168.1.99", "192.168.1.77", "192.168.1.50"]
    found = places(printed(demo(), 100), ips)
    assert found == sorted(found)
    # A rate of another algorithm and a higher probability move nothing; a longer time does.
    fast = sighting(client_ip="10.0.0.1", hashrate_hps=Interval(1e15, 2e15, 3e15), probability=0.9999)
    long = sighting(client_ip="10.0.0.2", last_ns=fast.last_ns + 1, probability=0.99)
    visit = sighting(client_ip="10.0.0.3", kind="visit", tier="confirmed")
    maybe = sighting(client_ip="10.0.0.4", tier="suspected", last_ns=fast.last_ns * 2, probability=0.99999)
    text = printed(Scan([], [], [visit, maybe, fast, long]), 100)
    found = places(text, ["10.0.0.2", "10.0.0.1", "10.0.0.4", "10.0.0.3"])
    assert found == sorted(found)


def test_a_name_with_escape_codes_is_shown_as_letters() -> None:
    text = printed(demo(), 60)
    assert ESC_NAME not in text
    assert "\\u001b[31mred\\u001b[0m" in text


def test_markup_in_a_name_is_text() -> None:
    scan = Scan([], [session(worker="[red]x[/red]")], [sighting((0,), worker="[red]x[/red]", wallet=None)])
    assert "[red]x[/red]" in printed(scan, 60)


def test_totals_count_what_the_scan_holds() -> None:
    last = " ".join(printed(demo(), 300).splitlines()[-1].split())
    assert last == (
        "mining: 5 (confirmed 2, probable 1, suspected 2) · clients that mine: 5 · contacts with coin networks: 1 · "
        "sessions: 5 · shares accepted: 945 · rejected: 20 · read: 3 inputs, 1,276,567 packets, 1.02 GB"
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
    faults = [Fault(f"E-CAP-0{n % 10 + 10}", "bad", "a.pcap", 24, n) for n in range(1, 31)]
    out = io.StringIO()
    render_faults(Scan([InputReport("a.pcap", faults=faults)], [], []), Console(file=out, width=200))
    lines = out.getvalue().splitlines()
    assert lines[0].rstrip() == "E-CAP-010: bad (a.pcap, first at byte 24, 30 times)"
    assert len(lines) == MOST_FAULTS + 1
    assert "10 more" in lines[-1]


def test_beyond_a_thousand_sightings_the_rest_is_counted() -> None:
    found = [
        sighting(client_ip=f"10.1.{i // 250}.{i % 250}", probability=1 - i / 20_000) for i in range(10_000)
    ]
    text = printed(Scan([], [], found), 100)
    assert all(f"10.1.{i // 250}.{i % 250} " in text for i in range(MOST_ROWS))
    assert f"{10_000 - MOST_ROWS:,} more sightings of less weight" in text
    assert "mining: 10,000" in text


# --- addresses ---------------------------------------------------------------------------------------------

SERVERS = (
    ("203.107.132.162", "203.107.132.162:13531"),
    ("2001:db8::1", "[2001:db8::1]:13531"),
    ("2001:db8:85a3:1111:2222:8a2e:370:7334", "[2001:db8:85a3:1111:2222:8a2e:370:7334]:13531"),
)


@pytest.mark.parametrize("reasoned", [True, False])
@pytest.mark.parametrize("width", [96, 100, 104, 110, 120, 160])
@pytest.mark.parametrize(("ip", "shown"), SERVERS)
def test_no_server_address_is_folded_from_96_columns_on(
    ip: str, shown: str, width: int, *, reasoned: bool
) -> None:
    rows = 1 if reasoned else MOST_REASONED + 1
    made = [session(i, server=Endpoint(ip, 13531)) for i in range(rows)]
    client = "2001:db8:1111:2222:3333:8a2e:370:7334"
    found = [
        sighting((i,), client_ip=client, server_ip=ip, server_port=13531, last_ns=(START_S + 9**8) * 10**9)
        for i in range(rows)
    ]
    text = printed(Scan([], made, found), width)
    assert text.count(shown) == rows
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_a_pool_that_repeats_the_address_is_not_shown() -> None:
    for pool in ("203.0.113.7:3333", "203.0.113.7"):
        text = printed(Scan([], [session(pool=pool)], [sighting((0,))]), 160)
        assert text.count("203.0.113.7") == 1
    assert "SupportXMR" in printed(Scan([], [session()], [sighting((0,))]), 160)


# --- reasons -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "lang"), [(120, "en"), (80, "en"), (60, "en"), (100, "zh")])
def test_few_sightings_tell_their_heaviest_reason_each(width: int, lang: Lang) -> None:
    text = printed(demo(), width, lang)
    assert squeezed("4 payloads a minute for 3 h, evenly") in squeezed(text)
    assert ("why: " in text) == (lang == "en")
    assert ("依据：" in text) == (lang == "zh")
    assert "--report" not in text


def test_many_sightings_point_to_the_report_instead() -> None:
    found = [sighting(client_ip=f"10.0.0.{i}") for i in range(MOST_REASONED + 1)]
    assert "why: " not in printed(Scan([], [], found), 100)
    assert "--report FILE shows all reasons." in printed(Scan([], [], found), 100)
    assert printed(Scan([], [], found[1:]), 100).count("why: ") == MOST_REASONED


# --- contacts ----------------------------------------------------------------------------------------------


def node(client: str, server: str, network: str = "ethereum") -> Sighting:
    why = (
        f"speaks the {network} peer-to-peer protocol, by its greeting; a node relays blocks and need not mine"
    )
    return bare(client_ip=client, server_ip=server, server_port=30303, kind="node", because=(why,))


def visit(client: str, server: str, host: str) -> Sighting:
    why = f"asked for {host}, a host of a known pool; a destination is not yet mining"
    return bare(
        client_ip=client, server_ip=server, server_port=443, kind="visit", tier="suspected", because=(why,)
    )


def bare(**changes: object) -> Sighting:
    unknown = dict.fromkeys(("coin", "algorithm", "wallet", "worker", "agent", "hashrate_hps"))
    return sighting((), **{**unknown, **changes})


def contacts() -> Scan:
    """A node that calls 30 peers and is called by 8, another network, three visits of two clients."""
    found = [node("10.0.0.1", f"198.51.100.{i}") for i in range(30)]
    found += [node(f"203.0.113.{i}", "10.0.0.1") for i in range(8)]
    found += [node("10.0.0.1", f"192.0.2.{i}", "bitcoin") for i in range(2)]
    found += [visit("10.0.0.2", f"192.0.2.{i}", "eu.pool.example") for i in range(2)]
    found += [visit("10.0.0.3", "192.0.2.9", "eu.pool.example")]
    return Scan([InputReport("a.pcap", 9, 9)], [], found)


def test_what_does_not_mine_is_told_first_in_words_and_counted_by_kind() -> None:
    text = " ".join(printed(contacts(), 300).split())
    assert text.startswith(
        "No mining was found. 40 contacts with coin networks (ethereum 38, bitcoin 2). "
        "3 visits to pools (eu.pool.example 3)."
    )
    assert "mining: 0 · contacts with coin networks: 40 · visits to pools: 3 · read:" in text
    assert "confirmed 40" not in text
    assert "Not observable: " in text
    chinese = printed(contacts(), 300, "zh")
    assert chinese.startswith(
        "未发现挖矿行为。与加密货币网络的联系 40 条（ethereum 38、bitcoin 2）。访问矿池 3 条"
    )


def test_contacts_stand_in_one_row_per_client_and_network_or_host() -> None:
    lines = [" ".join(line.split()) for line in printed(contacts(), 120).splitlines()]
    rows = [line for line in lines if "node ·" in line or "visit ·" in line]
    assert [row.split(" – ")[0] for row in rows] == [
        "10.0.0.2 visit · eu.pool.example 2 servers",
        "10.0.0.3 visit · eu.pool.example 192.0.2.9:443",
        "10.0.0.1 node · ethereum 30 peers",
        "8 clients node · ethereum 10.0.0.1:30303",
        "10.0.0.1 node · bitcoin 2 peers",
    ]


def test_a_miner_stands_above_two_thousand_nodes() -> None:
    found = [node("10.0.0.1", f"198.51.{i // 250}.{i % 250}") for i in range(2044)]
    found.append(sighting(client_ip="10.9.9.9", tier="suspected", probability=0.4))
    text = printed(Scan([], [], found), 100)
    assert text.startswith("Mining traffic is suspected at 1 address. 2,044 contacts")
    assert text.index("10.9.9.9") < text.index("2,044 peers")
    assert len(text.splitlines()) < 20


def test_a_folded_row_spans_the_time_of_all_it_holds() -> None:
    late = node("10.0.0.1", "198.51.100.2")
    late.last_ns += 3600 * 10**9
    text = printed(Scan([], [], [node("10.0.0.1", "198.51.100.1"), late]), 100)
    assert "03-11 14:02" in text
    assert "– 16:33" in text


# --- faults and clocks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("E-CAP-010", "bad", "a.pcap", 0), "E-CAP-010: bad (a.pcap, first at byte 0)"),
        (Fault("E-CAP-022", "bad", "a.pcap", 24, 3), "E-CAP-022: bad (a.pcap, first at byte 24, 3 times)"),
        (Fault("E-CAP-090", "interrupted", "a.pcap", 0), "E-CAP-090: interrupted (a.pcap)"),
        (Fault("E-FLO-001", "bad", "a.pcap", 0, 2), "E-FLO-001: bad (a.pcap, 2 times)"),
        (
            Fault("E-CAP-002", "a.pcap: the file is empty", "a.pcap", 0),
            "E-CAP-002: a.pcap: the file is empty",
        ),
        (Fault("E-CAP-002", "-: the file is empty", "-", 0), "E-CAP-002: standard input: the file is empty"),
        (Fault("E-CAP-010", "bad", "-", 7), "E-CAP-010: bad (standard input, first at byte 7)"),
    ],
)
def test_a_fault_names_its_place_once_and_only_where_there_is_one(fault: Fault, told: str) -> None:
    assert fault_sentence(fault, Phrases("en")) == told


def test_a_fault_of_standard_input_is_told_in_chinese() -> None:
    fault = Fault("E-CAP-002", "-: the file is empty", "-", 0)
    assert fault_sentence(fault, Phrases("zh")) == "E-CAP-002：标准输入：文件为空"


def test_a_clock_that_was_never_set_stays_out_of_the_time_that_was_read() -> None:
    good = InputReport("a.pcap", 1, 1, START_S * 10**9, START_S * 10**9)
    unset = InputReport("b.pcap", 1, 1, 1000, 2000)
    future = InputReport("c.pcap", 1, 1, START_S * 10**9, 2**62)
    text = " ".join(printed(Scan([good, unset, future], [], []), 200).split())
    assert "from 2021-03-11 14:02:00 UTC+08:00 until 2021-03-11 14:02:00 UTC+08:00." in text
    assert "The times of 2 inputs lie before 1990 or after this scan and are left out of the period." in text
    assert "left out" not in printed(Scan([good], [], []), 200)
