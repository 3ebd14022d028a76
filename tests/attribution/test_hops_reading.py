"""Files: the right parser by content alone, any encoding, damage counted, hostile bytes survived."""

import gzip
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.attribution.hops import reading
from davylamp.attribution.hops.joining import Joiner
from davylamp.attribution.hops.reading import PARSERS, LogReport, find_logs, read_logs, sniff
from davylamp.attribution.hops.record import Damage, Line, Nat, Records, Seen
from davylamp.errors import InputError
from davylamp.records import Endpoint

from attribution.hoplines import NS, about, at

SAMPLES = {
    "asa": "<166>Jun 01 2024 10:00:00 fw1 : %ASA-6-305011: Built dynamic TCP translation from "
    "inside:10.1.2.3/51515 to "
    "outside:203.0.113.5/40112",
    "huawei": "<190>2024-06-01 10:30:12 USG %%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4,Protocol=tcp,SourceIP=10.1.2.3,"
    "DestinationIP=198.51.100.7,SourcePort=51515,DestinationPort=3333,SourceNatIP=203.0.113.5,SourceNatPort=40112,"
    "BeginTime=1717236000,EndTime=1717237810.",
    "h3c": "<190>Jun  1 10:30:12 2024 H3C %%10NAT/6/NAT_FLOW: Protocol(1001)=TCP;SrcIPAddr(1003)=10.1.2.3;"
    "SrcPort(1004)=1;"
    "NatSrcIPAddr(1005)=203.0.113.5;NatSrcPort(1006)=2;DstIPAddr(1007)=198.51.100.7;DstPort(1008)=3;"
    "Event(1048)=(8)Session",
    "cgn": "1 2024 Jun 01 10:00:00 10.0.0.1 - - NAT44 - [UserbasedA - 10.1.2.3 V - 203.0.113.5 - 2048 3071 - - ]",
    "conntrack": "[1717236000.5]\t[NEW] tcp 6 120 SYN_SENT src=10.1.2.3 dst=198.51.100.7 sport=51515 dport=3333 "
    "[UNREPLIED] src=198.51.100.7 dst=203.0.113.5 sport=3333 dport=40112",
    "isc_dhcp": "Jun  1 10:00:00 d dhcpd[8]: DHCPACK on 10.1.2.3 to 3c:52:82:00:00:01 (PC-1) via eth0",
    "dnsmasq": "1717239600 3c:52:82:00:00:01 10.1.2.3 PC-1 01:3c:52:82:00:00:01",
    "nfdump": "2024-06-01 10:00:00.000 CREATE TCP  10.1.2.3:51515 ->  198.51.100.7:3333  203.0.113.5:40112 ->  "
    "198.51.100.7:3333",
    "kea_log": "2024-06-01 10:00:00.416 INFO  [kea-dhcp4.leases/24.1397] DHCP4_LEASE_ALLOC [hwtype=1 "
    "3c:52:82:00:00:01], "
    "cid=[no info], tid=0x21f2433a: lease 10.1.2.3 has been allocated for 300 seconds",
    "radius": "Sat Jun  1 10:30:00 2024\n\tAcct-Status-Type = Start\n\tUser-Name = \"li\"\n"
    "\tFramed-IP-Address = 10.1.2.3\n",
    "kea": "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n"
    "10.1.2.3,3c:52:82:00:00:01,,3600,1717239600,1,0,0,pc,0",
    "nsel": "ts,te,sa,sp,da,dp,pr,xsa,xsp\n"
    "2024-06-01 10:00:00,2024-06-01 10:30:10,10.1.2.3,51515,198.51.100.7,3333,TCP,203.0.113.5,40112",
    "windows_dhcp": "ID,Date,Time,Description,IP Address,Host Name,MAC Address\n"
    "10,06/01/24,10:00:00,Assign,10.1.2.3,PC,3C5282000001",
    "ad_logon": "TimeCreated,EventID,TargetUserName,IpAddress,WorkstationName\n"
    "2024-06-01T10:00:00Z,4768,PC-1$,10.1.2.3,",
    "event_viewer": "Level,Date and Time,Source,Event ID,Task Category\n"
    "Information,6/1/2024 10:00:00 AM,Microsoft-Windows-Security-Auditing,4768,Kerberos Authentication Service,"
    '"A Kerberos authentication ticket (TGT) was requested.\n\nAccount Information:\n\tAccount Name:\t\tPC-1$\n\n'
    'Network Information:\n\tClient Address:\t\t::ffff:10.1.2.3"',
    "nac": "时间,MAC地址,IP地址,用户名,交换机,端口\n2024-06-01 10:00:00,3c52-8200-0001,10.1.2.3,li,acc,GE0/0/1",
    "holders": "主机名,MAC地址,使用人,部门\nPC-1,3c52-8200-0001,李明,物理学院",
    "arp_mac": "Internet  10.1.2.3  12  3c52.8200.0001  ARPA  Vlan10",
}  # fmt: skip


def read(path, **options):
    records = Records()
    (report,) = read_logs([path], records, **options)
    return records, report


def test_every_parser_has_a_sample():
    assert set(SAMPLES) == set(PARSERS)


@pytest.mark.parametrize("name", PARSERS)
def test_each_sample_is_told_by_content_and_gives_records(name, tmp_path):
    assert sniff(SAMPLES[name].split("\n")) == name
    path = tmp_path / "misnamed.bin"
    path.write_text(SAMPLES[name] + "\n", encoding="utf-8")
    records, report = read(path)
    assert (report.parser, report.faults) == (name, [])
    assert len(records) == report.records >= 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_a_spreadsheets_encoding_is_told(encoding, tmp_path):
    path = tmp_path / "assets.csv"
    path.write_text(SAMPLES["holders"] + "\r\n", encoding=encoding)
    records, _ = read(path)
    assert [(r.holder, r.department) for r in records.holders] == [("李明", "物理学院")]


def test_compressed_logs_are_opened_and_a_cut_one_keeps_what_came_before(tmp_path):
    rng = random.Random(1)
    lines = (
        SAMPLES["asa"].replace("40112", str(rng.randrange(1024, 60000))) + f" {rng.random()}"
        for _ in range(9000)
    )
    data = gzip.compress("\n".join(lines).encode())
    whole, cut = tmp_path / "asa.log.gz", tmp_path / "cut.gz"
    whole.write_bytes(data)
    cut.write_bytes(data[: len(data) // 2])
    assert read(whole)[1].faults == []
    records, report = read(cut)
    assert [f.code for f in report.faults] == [reading.CUT]
    assert 1000 < len(records.nats) + 1 < 9000


def test_an_unknown_file_is_said_to_be_unknown(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text("nothing to see\n" * 9)
    records, report = read(path)
    assert len(records) == 0
    assert [f.code for f in report.faults] == [reading.UNKNOWN]


def test_damaged_lines_are_counted_the_first_is_named_the_rest_kept(tmp_path):
    path = tmp_path / "asa.log"
    path.write_text(
        "\n".join([SAMPLES["asa"], SAMPLES["asa"][:110], SAMPLES["asa"][:100], SAMPLES["asa"][:-1] + "3"])
    )
    records, report = read(path)
    (fault,) = report.faults
    assert (fault.code, fault.count) == (reading.DAMAGED, 2)
    assert "line 2" in fault.message
    assert len(records.nats) == 2


def test_a_line_without_end_is_left_out_and_the_next_is_read(tmp_path):
    path = tmp_path / "asa.log"
    path.write_bytes(b"x" * 300_000 + b"\n" + SAMPLES["asa"].encode() + b"\n")
    records, report = read(path)
    assert [f.code for f in report.faults] == [reading.TOO_LONG]
    assert records.nats[0].seen.line == 2


def test_the_files_time_gives_the_year_unless_a_reference_is_given(tmp_path):
    path = tmp_path / "dhcp.log"
    path.write_text(SAMPLES["isc_dhcp"])
    os.utime(path, ns=(at("2022-06-02T00:00:00"),) * 2)
    assert read(path)[0].leases[0].seen.from_ns == at("2022-06-01T10:00:00")
    told = read(path, reference_ns=at("2023-12-31T00:00:00"))[0]
    assert told.leases[0].seen.from_ns == at("2023-06-01T10:00:00")


def test_a_missing_path_is_an_error_and_a_folder_is_walked(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.log", "1.log", ".hidden"):
        (tmp_path / name).write_text("x")
    assert [p.name for p in find_logs([str(tmp_path)])] == ["1.log", "2.log"]
    (tmp_path / "empty").mkdir()
    missing = [str(tmp_path / name) for name in ("absent", "gone", "empty")]
    with pytest.raises(InputError, match="E-HOP-006") as caught:
        find_logs([*missing, str(tmp_path)])
    assert all(name in str(caught.value) for name in missing)


def test_two_files_of_one_name_stay_two_sources(tmp_path):
    for folder in ("fw1", "fw2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "nat.log").write_text(SAMPLES["conntrack"])
    records = Records()
    read_logs(find_logs([str(tmp_path)]), records)
    assert {n.seen.source for n in records.nats} == {"fw1/nat.log", "fw2/nat.log"}


LETTERS = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@given(name=st.sampled_from(PARSERS), where=st.integers(0, 400), cut=st.integers(0, 40), patch=LETTERS)
def test_no_mangled_line_raises(name, where, cut, patch):
    sample = SAMPLES[name]
    mangled = sample[:where] + patch + sample[where + cut :]
    lines = [Line(i, s) for i, s in enumerate(mangled.split("\n"), 1)]
    for outcome in reading.parser_named(name).read(lines, about()):
        assert outcome is None or isinstance(outcome, Damage) or all(outcome)


def nat(phase, second, key="k", outside="203.0.113.5"):
    ends = {"open": (second * NS, None), "close": (None, second * NS), "span": (second * NS, second * NS)}[
        phase
    ]
    return Nat(Seen("s", second, *ends), Endpoint("10.0.0.1", 1), outside, 1, 1, 6, None, phase, key)


def lives(*events):
    joiner = Joiner()
    found = [n for e in events for n in joiner.push(e)] + list(joiner.finish())
    return [(n.seen.from_ns, n.seen.to_ns) for n in found]


def test_an_opening_and_its_closing_are_one_life():
    assert lives(nat("open", 1), nat("close", 5)) == [(1 * NS, 5 * NS)]


def test_a_key_that_opens_anew_ends_the_one_before():
    assert lives(nat("open", 1), nat("open", 4), nat("close", 9)) == [(1 * NS, 4 * NS), (4 * NS, 9 * NS)]


def test_an_opening_that_is_told_again_is_one_life():
    assert lives(nat("open", 1), nat("open", 1), nat("close", 5)) == [(1 * NS, 5 * NS)]


def test_what_is_open_at_the_end_stays_open_and_an_unknown_closing_that_names_nothing_is_dropped():
    assert lives(nat("open", 1), nat("close", 5, key="other", outside="")) == [(1 * NS, None)]


def test_a_closing_before_its_opening_leaves_the_end_unknown():
    assert lives(nat("open", 9), nat("close", 5)) == [(9 * NS, None)]


def test_reports_count_equal_faults_once():
    report = LogReport("x")
    report.note("E-HOP-001", "line 1: a")
    report.note("E-HOP-001", "line 2: b")
    assert [(f.message, f.count) for f in report.faults] == [("line 1: a", 2)]


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "filler",
    [" ", "a", "0", "(", "=", "1.", "aaa ", '"', "[", ": ", ",", "CEF:0|A10|", "SECLOG/6/SESSION_BUILT"],
)
def test_a_line_made_to_be_slow_is_passed(name, filler):
    """64 KiB of one thing behind the sample's first words; a pattern of quadratic cost would run for minutes."""
    line = Line(1, (SAMPLES[name][:60] + filler * (65_000 // len(filler)))[:65_000] + "!")
    outcomes = list(reading.parser_named(name).read([line], about()))
    assert sum(isinstance(o, tuple) for o in outcomes) <= 1
    sniff([line.text])
