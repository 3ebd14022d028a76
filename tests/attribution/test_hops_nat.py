"""Translation logs: each shape gives the inside end, the outer ports and the life, as read off the line by hand."""

import pytest

from davylamp.records import Endpoint

from attribution.hoplines import at, damages, outcomes, records

INSIDE = Endpoint("10.1.2.3", 51515)
POOL = Endpoint("198.51.100.7", 3333)
T0, T1 = "2024-06-01T10:00:00", "2024-06-01T10:30:10"


def facts(nat):
    return (nat.inside, nat.outside_ip, nat.first_port, nat.last_port, nat.proto, nat.remote, nat.phase)


def test_asa_connection_names_both_ends_whichever_way_it_was_built():
    out, inward, plain = (
        "<166>Jun 01 2024 10:00:00 fw1 : %ASA-6-302013: Built outbound TCP connection 12 for "
        "outside:198.51.100.7/3333 (198.51.100.7/3333) to inside:10.1.2.3/51515 (203.0.113.5/40112)",
        "Jun 01 2024 10:00:00 fw1 : %ASA-6-302013: Built inbound TCP connection 13 for "
        r"dmz:10.1.2.3/51515 (203.0.113.5/40112)(LOCAL\li) to outside:198.51.100.7/3333 (198.51.100.7/3333) (li)",
        "Jun 01 2024 10:00:00 fw1 : %ASA-6-302015: Built outbound UDP connection 14 for "
        "outside:192.0.2.1/53 (192.0.2.1/53) to inside:10.1.2.3/51515 (10.1.2.3/51515)",
    )
    expected = (INSIDE, "203.0.113.5", 40112, 40112, 6, POOL, "open")
    first, second = records("asa", "\n".join((out, inward, plain)))
    assert facts(first) == facts(second) == expected
    assert (first.seen.source, first.seen.line, first.seen.from_ns, first.seen.to_ns) == (
        "log/fw1",
        1,
        at(T0),
        None,
    )


def test_asa_teardown_tells_the_beginning_by_its_duration():
    (end,) = records(
        "asa",
        "Jun 01 2024 10:30:10 fw1 : %ASA-6-302014: Teardown TCP connection 12 for outside:198.51.100.7/3333 to "
        "inside:10.1.2.3/51515 duration 0:30:10 bytes 12345 TCP FINs",
    )
    assert (end.phase, end.key, end.seen.from_ns, end.seen.to_ns) == ("close", "conn 12", at(T0), at(T1))


def test_asa_translation_and_its_end_share_a_key():
    begin, end = records(
        "asa",
        "Jun  1 10:00:00 fw1 %ASA-6-305011: Built dynamic TCP translation from inside:10.1.2.3/51515 to "
        "outside:203.0.113.5/40112\n"
        "Jun  1 10:30:10 fw1 %ASA-6-305012: Teardown dynamic TCP translation from inside:10.1.2.3/51515 to "
        "outside:203.0.113.5/40112 duration 0:30:10",
    )
    assert facts(begin) == (INSIDE, "203.0.113.5", 40112, 40112, 6, None, "open")
    assert begin.key == end.key
    assert (end.seen.from_ns, end.seen.to_ns) == (at(T0), at(T1))


def test_asa_port_block():
    (block,) = records(
        "asa",
        "2024-06-01T10:00:00Z fw1 : %ASA-6-305014: Allocated TCP block of ports for translation from "
        "inside:10.1.2.3 to outside:203.0.113.5/1024-1535",
    )
    assert facts(block) == (Endpoint("10.1.2.3", 0), "203.0.113.5", 1024, 1535, 6, None, "open")


def test_asa_other_messages_are_not_ours_and_cut_ones_are_damage():
    text = (
        "Jun 01 2024 10:00:00 fw1 : %ASA-4-106023: Deny tcp src outside:1.2.3.4/5 dst inside:10.0.0.1/22\n"
        "Jun 01 2024 10:00:00 fw1 : %ASA-6-302013: Built outbound TCP connection 77 for outside:192.0.2\n"
        "%ASA-6-305011: Built dynamic TCP translation from inside:10.1.2.3/1 to outside:203.0.113.5/2\n"
        "Jun 01 2024 10:00:00 fw1 : %ASA-6-305011: Built dynamic TCP translation from inside:10.1.2.3/70000 to "
        "outside:203.0.113.5/2"
    )
    assert outcomes("asa", text)[0] is None
    assert [d.line for d in damages("asa", text)] == [2, 3, 4]


CONNTRACK = (
    "[1717236000.500000]\t    [NEW] tcp      6 120 SYN_SENT src=10.1.2.3 dst=198.51.100.7 sport=51515 dport=3333 "
    "[UNREPLIED] src=198.51.100.7 dst=203.0.113.5 sport=3333 dport=40112\n"
    "[1717236001.000000]\t [UPDATE] tcp      6 60 SYN_RECV src=10.1.2.3 dst=198.51.100.7 sport=51515 dport=3333 "
    "src=198.51.100.7 dst=203.0.113.5 sport=3333 dport=40112\n"
    "[1717237810.000000]\t[DESTROY] tcp      6 src=10.1.2.3 dst=198.51.100.7 sport=51515 dport=3333 packets=9 "
    "src=198.51.100.7 dst=203.0.113.5 sport=3333 dport=40112 packets=9 bytes=900 [ASSURED]"
)


def test_conntrack_events_open_and_close_one_key():
    begin, end = records("conntrack", CONNTRACK)
    assert facts(begin) == (INSIDE, "203.0.113.5", 40112, 40112, 6, POOL, "open")
    assert begin.seen.from_ns == at(T0) + 500_000_000
    assert (end.phase, end.key, end.seen.to_ns) == ("close", begin.key, at(T1))


def test_conntrack_without_translation_is_not_ours_and_one_sided_is_damage():
    plain = CONNTRACK.split("\n", maxsplit=1)[0].replace("203.0.113.5", "10.1.2.3").replace("40112", "51515")
    assert records("conntrack", plain) == []
    assert [d.line for d in damages("conntrack", CONNTRACK.split("\n", maxsplit=1)[0][:110])] == [1]


def test_ulogd_lines_are_read_too():
    (nat,) = records(
        "conntrack",
        "Jun  1 10:00:00 gw ulogd[77]: [NEW] ORIG: SRC=10.1.2.3 DST=198.51.100.7 PROTO=TCP SPT=51515 DPT=3333 PKTS=0 "
        "BYTES=0 , REPLY: SRC=198.51.100.7 DST=203.0.113.5 PROTO=TCP SPT=3333 DPT=40112 PKTS=0 BYTES=0",
    )
    assert facts(nat) == (INSIDE, "203.0.113.5", 40112, 40112, 6, POOL, "open")
    assert nat.seen.source == "log/gw"


def test_huawei_session_carries_its_life():
    (nat,) = records(
        "huawei",
        "<190>2024-06-01 10:30:12 USG %%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4,Protocol=tcp,SourceIP=10.1.2.3,"
        "DestinationIP=198.51.100.7,SourcePort=51515,DestinationPort=3333,SourceNatIP=203.0.113.5,SourceNatPort=40112,"
        "BeginTime=1717236000,EndTime=1717237810,SendPkts=1,SendBytes=74,SourceVpnID=0,DestinationVpnID=0.",
    )
    assert facts(nat) == (INSIDE, "203.0.113.5", 40112, 40112, 6, POOL, "close")
    assert (nat.seen.from_ns, nat.seen.to_ns, nat.seen.source) == (at(T0), at(T1), "log/USG")


H3C = (
    "<190>Jun  1 10:30:12 2024 H3C %%10NAT/6/NAT_FLOW: Protocol(1001)=TCP;SrcIPAddr(1003)=10.1.2.3;SrcPort(1004)=51515;"
    "NatSrcIPAddr(1005)=203.0.113.5;NatSrcPort(1006)=40112;DstIPAddr(1007)=198.51.100.7;DstPort(1008)=3333;"
    "NatDstIPAddr(1009)=198.51.100.7;NatDstPort(1010)=3333;BeginTime_e(1013)=06012024100000;"
    "EndTime_e(1014)=06012024103010;Event(1048)=(2)Aged for timeout;"
)


def test_h3c_flow_and_its_older_form_say_the_same():
    (new,) = records("h3c", H3C)
    (old,) = records(
        "h3c",
        "%@25%Jun 1 10:30:12:72 2024 H3C USERLOG/7/NAT: TCP; 10.1.2.3:51515--->203.0.113.5:40112; 198.51.100.7:3333; "
        "[2024/06/01 10:00:00-2024/06/01 10:30:10]; Operator 1: Normal over",
    )
    assert facts(new) == facts(old) == (INSIDE, "203.0.113.5", 40112, 40112, 6, POOL, "close")
    assert (new.seen.from_ns, new.seen.to_ns) == (old.seen.from_ns, old.seen.to_ns) == (at(T0), at(T1))


def test_h3c_flow_that_runs_is_open():
    (nat,) = records(
        "h3c", H3C.replace("EndTime_e(1014)=06012024103010", "EndTime_e(1014)=").replace("(2)Aged", "(8)S")
    )
    assert (nat.phase, nat.seen.from_ns, nat.seen.to_ns) == ("open", at(T0), None)


@pytest.mark.parametrize(
    "line",
    [
        "1 2024 Jun 01 10:00:00 10.0.0.1 - - NAT44 - [UserbasedA - 10.1.2.3 VRF1 - 203.0.113.5 - 2048 3071 - - ]",
        "<134>Jun  1 10:00:00 cgn0 CEF:0|A10|CFW|6.0.0|CGN 106|Nat Port Batch Pool Allocated|5|proto=TCP src=10.1.2.3 "
        "sourceTranslatedAddress=203.0.113.5 sourceTranslatedPort=2048 cn3=3071 cn3Label=Last Nat Port",
        "Jun  1 10:00:00 a10 FIXED-NAT-PORTS 10.1.2.3->203.0.113.5:2048-3071",
    ],
)
def test_every_makers_block_is_one_range(line):
    (nat,) = records("cgn", line)
    assert (nat.inside.ip, nat.outside_ip, nat.first_port, nat.last_port, nat.phase) == (
        "10.1.2.3", "203.0.113.5", 2048, 3071, "open",
    )  # fmt: skip
    assert nat.seen.from_ns == at(T0)


def test_blocks_as_a_table_need_no_times_and_run_forward():
    text = "inside,outside,first_port,last_port\n10.1.2.3,203.0.113.5,2048,3071\n10.1.2.4,203.0.113.5,9,3"
    (first,) = outcomes("cgn", text)[0]
    assert (first.first_port, first.last_port, first.seen.from_ns, first.seen.to_ns) == (
        2048,
        3071,
        None,
        None,
    )
    assert [d.line for d in damages("cgn", text)] == [3]


def test_nsel_rows_under_nfdumps_names():
    text = (
        "ts,te,sa,sp,da,dp,pr,xsa,xsp,evt\n"
        "2024-06-01 10:00:00,2024-06-01 10:30:10,10.1.2.3,51515,198.51.100.7,3333,TCP,203.0.113.5,40112,DELETE\n"
        "2024-06-01 10:00:00,,10.1.2.3,51515,198.51.100.7,3333,TCP,203.0.113.5,40112,CREATE\n"
        "2024-06-01 10:00:00,,10.1.2.3,51515,198.51.100.7,3333,TCP,0.0.0.0,0,CREATE\n"
        "2024-06-01 10:00:00,,10.1.2.3,51515,198.51.100.7,3333,TCP,203.0.113.5,40112,DENIED"
    )
    end, begin = records("nsel", text)
    assert facts(begin) == (INSIDE, "203.0.113.5", 40112, 40112, 6, POOL, "open")
    assert (end.phase, end.key) == ("close", begin.key)
    assert (end.seen.from_ns, end.seen.to_ns) == (at(T0), at(T1))
