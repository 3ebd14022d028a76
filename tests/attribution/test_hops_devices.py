"""Lines in the shapes that devices wrote: each names the public test data, notes or guide that hold one like it.

Addresses, names and times are documentation ones; every other character stands as it was.
"""

from datetime import UTC, timedelta, timezone

import pytest

from davylamp.attribution.hops.record import Damage
from davylamp.records import Endpoint

from attribution.hoplines import NS, about, at, damages, outcomes, records

INSIDE = Endpoint("10.1.2.3", 51515)
POOL = Endpoint("198.51.100.7", 3333)
MAC = "3c:52:82:00:00:01"


def facts(nat):
    return (nat.inside, nat.outside_ip, nat.first_port, nat.proto, nat.remote, nat.phase)


OPEN = (INSIDE, "203.0.113.5", 40112, 6, POOL, "open")


# --- Cisco ASA and Firepower: elastic/integrations packages/cisco_asa/data_stream/log/_dev/test/pipeline ------------


@pytest.mark.parametrize(
    "line",
    [
        # test-sample.log: user of a VPN behind the mapped address, and again at the end
        r"Jun 01 2024 10:00:00: %ASA-5-302013: Built inbound TCP connection 195207391 for OUTSIDE:10.1.2.3/51515 "
        r"(203.0.113.5/40112)(LOCAL\user@domain.tld) to OUTSIDE:198.51.100.7/3333 (198.51.100.7/3333) "
        r"(user@domain.tld)",
        # test-sgt-tag-name.log: user and security group tag
        r"<142>Jun 01 2024 10:00:00 myAsaHostname : %ASA-6-302013: Built inbound TCP connection 79766144 for outside:"
        r"10.1.2.3/51515 (203.0.113.5/40112)(LOCAL\myUser1234, 9999:my_SgtName) to inside:198.51.100.7/3333 "
        r"(198.51.100.7/3333) (myUser1234)",
    ],
)
def test_asa_users_and_tags_between_the_ends_change_nothing(line):
    (nat,) = records("asa", line)
    assert facts(nat) == OPEN


def test_asa_names_of_the_device_s_table_may_stand_for_the_far_end_but_not_for_the_inside():
    """test-non-canonical.log: ``outside:ns10/53 (ns10/53)``, ``SERVERS:exp-wait/62409``."""
    text = (
        "Jun  1 10:00:00 192.0.2.9 %ASA-6-302015: Built outbound UDP connection 743108828 for "
        "outside:ns10/53 (ns10/53) to "
        "MND_sec:10.1.2.3/51515 (203.0.113.5/40112)\n"
        "Jun  1 10:00:00 192.0.2.9 : %ASA-6-302013: Built inbound TCP connection 3263493120 for "
        "DMZ:shule/5802 (shule/5802) "
        "to SERVERS:10.1.2.4/80 (10.1.2.4/80)\n"
        "Jun  1 10:00:00 192.0.2.9 : %ASA-6-305012: Teardown dynamic UDP translation from SERVERS:exp-wait/62409 to "
        "outside:203.0.113.5/62409 duration 0:00:41"
    )
    named, plain, unnamed = outcomes("asa", text)
    assert facts(named[0]) == (INSIDE, "203.0.113.5", 40112, 17, None, "open")
    assert plain is None
    assert isinstance(unnamed, Damage)
    assert "exp-wait" in unnamed.message


def test_asa_of_two_mapped_ends_the_one_that_began_the_connection_counts():
    """test-additional-messages.log has both ends mapped, inbound and outbound."""
    inward, outward = records(
        "asa",
        "Jun  1 10:00:00 dev01: %FTD-6-302013: Built inbound TCP connection 111111111 for net:10.1.2.3/51515 "
        "(203.0.113.5/40112) to fw111:192.168.2.2/3333 (203.0.113.9/3333)\n"
        "Jun  1 10:00:00 dev01: %ASA-6-302013: Built outbound TCP connection 1588662 for "
        "intfacename:192.168.2.2/3333 "
        "(203.0.113.9/3333) to net:10.1.2.3/51515 (203.0.113.5/40112)",
    )
    assert facts(inward) == facts(outward) == (INSIDE, "203.0.113.5", 40112, 6, None, "open")


def test_asa_a_mark_without_colon_and_a_state_bypass_are_ends_too():
    ends = records(
        "asa",
        "Jun  1 10:30:10 : %ASA-6-302016 Teardown UDP connection 40 for outside:198.51.100.7/500 to "
        "inside:10.1.2.3/500 "
        "duration 0:02:02 bytes 1416\n"
        "Jun  1 10:30:10 dev01: %ASA-6-302304: Teardown TCP state-bypass connection 2751765169 from server.deflan:"
        "10.1.2.3/54242 to server.deflan:10.1.2.4/9101 duration 1:00:02 bytes 245 Connection timeout",
    )
    assert [(e.phase, e.key) for e in ends] == [("close", "conn 40"), ("close", "conn 2751765169")]


def test_asa_a_zone_s_abbreviation_is_no_recorder_and_the_relay_s_name_is_used():
    """test-asa-tz-mapping.log."""
    first, second = records(
        "asa",
        "Jun 01 2024 10:00:00 EDT: %ASA-session-6-305011: Built dynamic TCP translation from inside:10.1.2.3/1 to "
        "outside:203.0.113.5/2\n"
        "Jun  1 10:00:00 host1.example.com : Jun  1 10:00:00 EDT: %ASA-6-305011: Built dynamic TCP translation from "
        "inside:10.1.2.3/1 to outside:203.0.113.5/2",
    )
    assert (first.seen.source, second.seen.source) == ("log", "log/host1.example.com")


FTD = (
    "<113>%FTD-1-430003: EventPriority: Low, DeviceUUID: 11111111-1111-1111-1111-111111111111, InstanceID: 5, "
    "FirstPacketSecond: 2024-06-01T10:00:00Z, ConnectionID: 35871, AccessControlRuleAction: Allow, "
    "SrcIP: 10.1.2.3, DstIP: "
    "198.51.100.7, SrcPort: 51515, DstPort: 3333, Protocol: tcp, IngressInterface: LAN, UserAgent: "
    "Mozilla/5.0 (KHTML, like "
    "Gecko), SrcIP: 10.9.9.9, ConnectionDuration: 1810, URL: https://example.org, NAT_InitiatorPort: 40112, "
    "NAT_ResponderPort: 3333, NAT_InitiatorIP: 203.0.113.5, NAT_ResponderIP: 198.51.100.7, ClientAppDetector: AppID"
)


def test_firepower_events_have_their_translation_at_the_end_and_what_a_client_says_does_not_count():
    """SEKOIA-IO/documentation, Cisco Secure Firewall, 430003; version 7.1 and later."""
    (nat,) = records("asa", FTD)
    assert facts(nat) == (INSIDE, "203.0.113.5", 40112, 6, POOL, "close")
    assert (nat.seen.from_ns, nat.seen.to_ns) == (at("2024-06-01T10:00:00"), at("2024-06-01T10:30:10"))


def test_firepower_begin_and_end_share_a_key_and_versions_without_the_fields_say_nothing():
    begin = FTD.replace("430003", "430002").replace("ConnectionDuration: 1810, ", "")
    old = FTD.partition(", NAT_InitiatorPort")[0]
    first, last = records("asa", f"{begin}\n{FTD}\n{old}")
    assert (first.phase, first.key) == ("open", last.key)


# --- Huawei and H3C ---------------------------------------------------------------------------------------------


def test_huawei_line_behind_a_relay_has_its_own_clock_and_name():
    """Quoted by an operator in a public repository's parser of USG logs (relay stamp, then the device's)."""
    (nat,) = records(
        "huawei",
        "Jun 1 12:30:12 192.0.2.1 2024-06-01 10:30:12 FW-OUT-01 "
        "%%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4,Protocol=tcp,"
        "SourceIP=10.1.2.3,DestinationIP=198.51.100.7,SourcePort=51515,DestinationPort=3333,SourceNatIP=203.0.113.5,"
        "SourceNatPort=40112,BeginTime=1717236000,EndTime=1717237810,SendPkts=1,SendBytes=74,RcvPkts=1,RcvBytes=120,"
        "SourceVpnID=0,DestinationVpnID=0,SourceZone=untrust,DestinationZone=untrust,"
        "PolicyName=Permit_all,UserName=u,"
        "CloseReason=aged-out.",
    )
    assert facts(nat) == (INSIDE, "203.0.113.5", 40112, 6, POOL, "close")
    assert (nat.seen.source, nat.seen.to_ns) == ("log/FW-OUT-01", at("2024-06-01T10:30:10"))


def test_huawei_sentences_of_the_mtn_content_are_read():
    """USG6000E administrator guide, "Syslogs": the blanks around the second zone differ between examples."""
    built, plain = outcomes(
        "huawei",
        "<190> 2024-06-01 10:00:00 USG6000E %%01SECLOG/6/SESSION_BUILT(l): Built an tcp session, 10.1.2.3:51515"
        "[203.0.113.5:40112] (trust) to 198.51.100.7:3333[198.51.100.7:3333](untrust).\n"
        "<190> 2024-06-01 10:00:00 USG6000E %%01SECLOG/6/SESSION_BUILT(l): Built an udp session, "
        "10.1.1.1:1 (trust) to "
        "10.1.1.2:1 (trust).",
    )
    assert facts(built[0]) == OPEN
    assert built[0].seen.from_ns == at("2024-06-01T10:00:00")
    assert plain is None


def test_h3c_begin_and_end_are_in_utc_while_the_head_is_local():
    """F1050 lines in a public log collector: head 16:15:43, BeginTime_e 081543, event (8) on a device at UTC+8."""
    line = (
        "<6> Jun 01 18:00:00 2024 GB-J1J2-S-FW-F1050-1&2 %%10session/6/SESSION_IPV4_FLOW: Protocol(1001)=TCP;"
        "Application(1002)=http;SrcIPAddr(1003)=10.1.2.3;SrcPort(1004)=51515;"
        "NatSrcIPAddr(1005)=203.0.113.5;NatSrcPort(1006)="
        "40112;DstIPAddr(1007)=198.51.100.7;DstPort(1008)=3333;NatDstIPAddr(1009)=198.51.100.7;NatDstPort(1010)=3333;"
        "InitPktCount(1044)=1;RcvVPNInstance(1042)=;SndVPNInstance(1043)=;"
        "BeginTime_e(1013)=06012024100000;EndTime_e(1014)=;"
        "Event(1048)=(8)Session created;"
    )
    (nat,) = records("h3c", line, about(zone=timezone(timedelta(hours=8))))
    assert facts(nat) == OPEN
    assert (nat.seen.from_ns, nat.seen.source) == (at("2024-06-01T10:00:00"), "log/GB-J1J2-S-FW-F1050-1&2")


# --- carriers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        # HP VPN Firewall guide, china-telecom and china-unicom-nat444 formats
        "<134>1 Jun 1 10:00:00 192.0.2.1 Sysname - NAT444:userbasedA [17 10.1.2.3 - 203.0.113.5 - 2048 3071]",
        "<134> 1 Jun 1 10:00:00 192.0.2.1 Sysname - NAT444: SessionA[17 10.1.2.3 - 203.0.113.5 - 2048 3071]",
        # a month in full, as Huawei's NE40E guide shows it
        "<134> 1 2024 June 1 10:00:00 192.0.2.1 cnelog - NAT444:UserbasedA [17 10.1.2.3 - 203.0.113.5 - 2048 3071]",
    ],
)
def test_the_carriers_forms_of_a_block(line):
    (nat,) = records("cgn", line)
    assert (nat.inside.ip, nat.outside_ip, nat.first_port, nat.last_port, nat.proto, nat.phase) == (
        "10.1.2.3", "203.0.113.5", 2048, 3071, 17, "open",
    )  # fmt: skip
    assert (nat.seen.source, nat.seen.from_ns) == ("log/192.0.2.1", at("2024-06-01T10:00:00"))


def test_a_session_of_a_template_is_damage_and_never_a_block():
    """NE40E flexible template: two ports behind the addresses, whose meaning the operator chose."""
    line = "<134> 1 2024 June 1 10:00:00 192.0.2.1 cnelog - NAT444:SessionbasedA [17 10.1.2.3 - 203.0.113.5 1 2 -]"
    assert [d.line for d in damages("cgn", line)] == [1]


def test_a10_single_ports_keep_the_inside_port():
    """veesix-networks/cgn-ec-consumer tests/fake_syslog_a10_thunder_cef.py and handlers/a10_cef.py."""
    cef, plain = records(
        "cgn",
        "2024-06-01T10:00:00.62+00:00 192.0.2.1 cgn0.thn2/cgn-demo  CEF:0|A10|CFW|6.0.0-P1|CGN "
        "100|Nat Port Allocated|5|"
        "proto=UDP src=10.1.2.3 spt=51515 sourceTranslatedAddress=203.0.113.5 "
        "sourceTranslatedPort=40112 dst=8.8.8.8 dpt=0\n"
        "Jun  1 10:00:00 ax1 NAT-UDP-C: 10.1.2.3:51515 -> 203.0.113.5: 40112",
    )
    assert facts(cef) == facts(plain) == (INSIDE, "203.0.113.5", 40112, 17, None, "open")


NFDUMP = (
    "Date first seen          Event Proto      Src IP Addr:Port          Dst IP Addr:Port     X-Src "
    "IP Addr:Port        "
    "X-Dst IP Addr:Port\n"
    "2024-06-01 10:00:00.000 CREATE TCP         10.1.2.3:51515 ->     198.51.100.7:3333       "
    "203.0.113.5:40112 ->     "
    "198.51.100.7:3333\n"
)


def test_nfdump_prints_translations_with_arrows():
    """A carrier's nfcapd output of 2016 in a public repository."""
    (nat,) = records("nfdump", NFDUMP)
    assert facts(nat) == OPEN


def test_nfdump_a_deletion_ends_only_what_was_seen_to_begin_before_it():
    begun = NFDUMP.strip().split("\n")[1]
    end = begun.replace("CREATE", "DELETE")
    later = end.replace("10:00:00", "10:30:10")
    assert [n.phase for n in records("nfdump", f"{begun}\n{later}")] == ["open", "close"]
    assert [n.phase for n in records("nfdump", f"{begun}\n{end}")] == ["open"]
    (alone,) = records("nfdump", later)
    assert (alone.phase, alone.seen.from_ns, alone.seen.to_ns) == ("span", *[at("2024-06-01T10:30:10")] * 2)
    assert alone.seen.note


def test_nsel_a_deletion_without_a_time_of_its_own_is_a_moment():
    head, row = (
        "ts,sa,sp,da,dp,pr,xsa,xsp,evt",
        "10.1.2.3,51515,198.51.100.7,3333,TCP,203.0.113.5,40112,DELETE",
    )
    (moment,) = records("nsel", f"{head}\n2024-06-01 10:00:00,{row}")
    (end,) = records("nsel", f"{head.replace('ts', 'tevt')}\n2024-06-01 10:00:00,{row}")
    assert (moment.phase, moment.seen.from_ns, moment.seen.to_ns) == (
        "span",
        *[at("2024-06-01T10:00:00")] * 2,
    )
    assert (end.phase, end.seen.from_ns, end.seen.to_ns) == ("close", None, at("2024-06-01T10:00:00"))


def test_conntrack_names_how_long_a_connection_lasted():
    """conntrack -E -o timestamp,id with nf_conntrack_timestamp: blanks behind the stamp, delta-time."""
    (nat,) = records(
        "conntrack",
        "[1717237810.000000        ]\t    [DESTROY] tcp      6 src=10.1.2.3 dst=198.51.100.7 "
        "sport=51515 dport=3333 packets=18 "
        "bytes=2214 src=198.51.100.7 dst=203.0.113.5 sport=3333 dport=40112 packets=16 bytes=8102 "
        "[ASSURED] delta-time=1810 "
        "id=3735928559",
    )
    assert (nat.seen.from_ns, nat.seen.to_ns) == (at("2024-06-01T10:00:00"), at("2024-06-01T10:30:10"))


# --- leases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parser", "head"),
    [
        ("isc_dhcp", "6月 01 10:00:00 debian dhcpd[28741]: DHCPACK on 10.1.2.3 to {} (debian) via docker0"),
        ("isc_dhcp", "2024-06-01T10:00:00+00:00 debian dhcpd[6982]: DHCPACK on 10.1.2.3 to {} via ens2"),
        ("dnsmasq", "6月 1 10:00:00 debian dnsmasq-dhcp[2774]: DHCPACK(virbr0) 10.1.2.3 {}"),
        (
            "dnsmasq",
            "2024-06-01 10:00:00 debian 192.0.2.130 3 6 dnsmasq-dhcp[343]:  DHCPACK(br0) 10.1.2.3 {} ",
        ),
    ],
)
def test_logs_of_hosts_whose_locale_or_relay_writes_another_head(parser, head):
    """Hosts in zh_CN, systemd hosts, an ASUS router's relay; all in public notes and parsers' tests."""
    (lease,) = records(parser, head.format(MAC))
    assert (lease.ip, lease.mac, lease.seen.from_ns, lease.seen.source) == (
        "10.1.2.3", MAC, at("2024-06-01T10:00:00"), "log/debian",
    )  # fmt: skip


def test_openwrt_s_facility_and_level_are_no_recorder():
    (lease,) = records(
        "dnsmasq",
        f"Sat Jun  1 10:00:00 2024 daemon.info dnsmasq-dhcp[3012]: DHCPACK(br-lan) 10.1.2.3 {MAC} wifi-pc",
    )
    assert lease.seen.source == "log"


def test_dnsmasq_leases_of_ipv6_have_the_mac_that_their_duid_holds():
    """plume-design/opensync, canonical/multipass: a server's duid line, then rows with the client's."""
    text = (
        "duid 00:01:00:01:24:87:7d:3b:3c:52:82:00:00:09\n"
        "1717239600 366646381 2001:db8::a36e:2cf7 * 00:01:00:01:24:87:7d:92:3c:52:82:00:00:01\n"
        "1717239600 224934210 2001:db8::5 pc6 00:04:2e:3b:43:05:a5:df:ad:a0:32:bb:a8:a8:d3:12:34:56"
    )
    assert outcomes("dnsmasq", text)[::2] == [None, None]
    (lease,) = records("dnsmasq", text)
    assert (lease.ip, lease.mac, lease.host) == ("2001:db8::a36e:2cf7", MAC, "")
    assert "DUID" in lease.seen.note


KEA6 = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,"
    "fqdn_rev,hostname,hwaddr,"
    "state,user_context,hwtype,hwaddr_source,pool_id\n"
)


def test_kea_leases_of_ipv6_prefixes_left_out():
    """Head line of Kea 3.0's kea-leases6.csv."""
    duid = "00:01:00:01:24:87:7d:92:3c:52:82:00:00:01"
    rows = (
        f"2001:db8:1::1,{duid},3600,1717239600,1,3000,0,7,128,0,0,pc6,,0,,,,0\n"
        f"2001:db8:2::,{duid},3600,1717239600,1,3000,2,7,56,0,0,,3c:52:82:00:00:01,0,,1,2,0\n"
        f"2001:db8:1::2,00:02:00:00:ab:11,3600,1717239600,1,3000,0,7,128,0,0,pc7,,0,,,,0"
    )
    (lease,) = records("kea", KEA6 + rows)
    assert (lease.ip, lease.mac, lease.seen.from_ns) == ("2001:db8:1::1", MAC, at("2024-06-01T10:00:00"))


def test_kea_a_lease_for_ever_begins_136_years_before_its_end():
    head = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n"
    begun = at("2024-06-01T10:00:00") // NS
    (lease,) = records("kea", f"{head}10.1.2.3,{MAC},,4294967295,{begun + 4294967295},1,0,0,,0")
    assert (lease.seen.from_ns, lease.seen.to_ns) == (begun * NS, None)


def test_kea_s_log_tells_leases_and_offers_are_not_ours():
    """Kea 1.3 names no seconds, 2.x does (Cray-HPE/docs-csm and others)."""
    text = (
        f"2024-06-01 10:00:00.082 INFO  [kea-dhcp4.leases/1] DHCP4_LEASE_ADVERT [hwtype=1 {MAC}], cid=[no info], "
        "tid=0xf192aa47: lease 10.1.2.3 will be advertised\n"
        f"2024-06-01 10:00:00.000 INFO  [kea-dhcp4.leases/1] DHCP4_LEASE_ALLOC [hwtype=1 {MAC}], cid=[no info], "
        "tid=0xf192aa47: lease 10.1.2.3 has been allocated\n"
        f"2024-06-01 10:00:00.000 INFO  [kea-dhcp4.leases/24.139710796402304] DHCP4_LEASE_ALLOC [hwtype=1 {MAC}], "
        "cid=[00:78:39:30], tid=0x21f2433a: lease 10.1.2.3 has been allocated for 300 seconds\n"
        f"Jun  1 10:00:00 opnsense kea-dhcp4[77]: INFO  [kea-dhcp4.leases.0x1] DHCP4_RELEASE [hwtype=1 {MAC}], "
        "cid=[01], tid=0x1: address 10.1.2.3 was released properly."
    )
    first, second, last = records("kea_log", text)
    begun = at("2024-06-01T10:00:00")
    assert [(r.phase, r.seen.from_ns, r.seen.to_ns) for r in (first, second, last)] == [
        ("open", begun, None),
        ("span", begun, begun + 300 * NS),
        ("close", None, begun),
    ]
    assert [r.seen.source for r in (first, last)] == ["log", "log/opnsense"]


def test_windows_identifiers_of_ras_clients_are_not_macs_and_not_damage():
    text = (
        "ID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name, TransactionID, QResult,Probationtime, "
        "CorrelationID,Dhcid,VendorClass(Hex),VendorClass(ASCII),UserClass(Hex),UserClass(ASCII),"
        "RelayAgentInformation,"
        "DnsRegError.\n"
        "10,06/01/24,10:00:00,Assign,10.1.2.3,DESKTOP-OHVNO4B,3C5282000001,,0,0\n"
        "10,06/01/24,10:00:00,Assign,10.1.2.4,ras.local,52415320F0D95A1BAE3DC70100000000,,1,0"
    )
    (lease,) = records("windows_dhcp", text)
    assert (lease.mac, lease.host) == (MAC, "DESKTOP-OHVNO4B")


def test_radius_of_a_bng_names_the_mac_as_user_and_in_a_pair_and_its_delay_is_taken_off():
    """A Cisco BNG's accounting in public notes, a provider's detail file in a public parser."""
    text = (
        "Sat Jun  1 10:00:00 2024\n"
        '\tCisco-AVPair = "dhcp-client-id=\\001"\n'
        '\tCisco-AVPair = "client-mac-address=3c52.8200.0001"\n'
        "\tAcct-Status-Type = Start\n\tAcct-Delay-Time = 30\n"
        '\tUser-Name = "3c52.8200.0001"\n\tFramed-IP-Address = 10.1.2.3\n'
        '\tNAS-Port-Id = "0/96/0/1"\n\tNAS-Identifier = "BNG"\n'
        '\tEvent-Timestamp = "Jun  1 2024 09:59:30 CEST"\n\tTimestamp = 1717236000\n'
    )
    lease, port = records("radius", text)
    assert (lease.ip, lease.mac, lease.seen.from_ns) == ("10.1.2.3", MAC, at("2024-06-01T09:59:30"))
    assert (port.switch, port.port) == ("BNG", "0/96/0/1")


def test_a_radacct_dump_of_postgresql_has_zones_of_two_digits():
    (_, logon) = records(
        "radius",
        "username,framedipaddress,acctstarttime,acctstoptime,callingstationid\n"
        f"li.m,10.1.2.3,2024-06-01 18:00:00+08,2024-06-01 18:30:10+08,{MAC}",
    )
    assert (logon.seen.from_ns, logon.seen.to_ns) == (at("2024-06-01T10:00:00"), at("2024-06-01T10:30:10"))


ENGLISH = (
    "Level,Date and Time,Source,Event ID,Task Category\n"
    "Information,6/1/2024 10:00:00 AM,Microsoft-Windows-Security-Auditing,4624,Logon,"
    '"An account was successfully logged on.\n\nSubject:\n\tSecurity ID:\t\tSYSTEM\n\tAccount Name:\t\tDC1$\n\n'
    "Logon Information:\n\tLogon Type:\t\t3\n\nNew Logon:\n\tSecurity ID:\t\tCAMPUS\\li.m\n\tAccount "
    "Name:\t\tli.m\n\n"
    'Network Information:\n\tWorkstation Name:\tPC-1\n\tSource Network Address:\t10.1.2.3\n\tSource Port:\t\t0"\n'
    "Information,6/1/2024 10:00:01 AM,Microsoft-Windows-Security-Auditing,4634,Logoff,"
    '"An account was logged off.\n\nSubject:\n\tAccount Name:\t\tli.m"\n'
    "Information,6/1/2024 10:00:02 AM,Microsoft-Windows-Security-Auditing,4624,Logon,An account was logged on."
)
CHINESE = (
    "级别,日期和时间,来源,事件 ID,任务类别\n"
    "信息,2024/6/1 10:00:00,Microsoft-Windows-Security-Auditing,4624,登录,"
    '"已成功登录帐户。\n\n使用者:\n\t安全 ID:\t\tSYSTEM\n\t帐户名称:\t\tDC1$\n\n登录信息:\n\t登录类型:\t\t3\n\n'
    "新登录:\n\t安全 ID:\t\tCAMPUS\\li.m\n\t帐户名称:\t\tli.m\n\n"
    '网络信息:\n\t工作站名称:\tPC-1\n\t源网络地址:\t10.1.2.3\n\t源端口:\t\t0"'
)


@pytest.mark.parametrize("saved", [ENGLISH, CHINESE])
def test_event_viewer_s_message_names_who_logged_on_and_not_who_asked_for_it(saved):
    """Event Viewer leaves the message without a head; the subject of a logon is the controller itself."""
    first, *rest = outcomes("event_viewer", saved)
    (logon,) = first
    assert (logon.user, logon.host, logon.ip) == ("li.m", "PC-1", "10.1.2.3")
    assert logon.seen.from_ns == at("2024-06-01T10:00:00")
    if rest:
        assert rest[0] is None
        assert isinstance(rest[1], Damage)


def test_a_logon_in_one_line_without_workstation_has_no_host():
    (logon,) = records(
        "event_viewer",
        "TimeCreated,Id,Message\n2024-06-01T10:00:00Z,4624,New Logon: Account Name: li.m Network "
        "Information: Workstation "
        "Name: Source Network Address: 10.1.2.3 Source Port: 0",
    )
    assert (logon.user, logon.host, logon.ip) == ("li.m", "", "10.1.2.3")


# --- tables: networktocode/ntc-templates tests/{cisco_ios,cisco_nxos,huawei_vrp,hp_comware} ------------------------


@pytest.mark.parametrize(
    ("row", "age_s"),
    [
        ("Internet  10.1.2.3       9              3c52.8200.0001    ARPA      Ethernet0/0 ", 540),
        ("Internet  10.1.2.3      0         3c52.8200.0001  arpa   VLAN 10                ", 0),  # Ruijie
        ("10.1.2.3         00:07:08  3c52.8200.0001  Ethernet1/41", 428),  # NX-OS
        ("10.1.2.3     3c52-8200-0001  19        D-0         Eth-Trunk1.201   Abis_IP", 0),  # VRP
        ("10.1.2.3     3c52-8200-0001 N/A      M-GE0/0/0                16    D", 0),  # Comware
        ("  10.1.2.3              3c-52-82-00-00-01     dynamic   ", 0),  # Windows
        (
            "10.1.2.3                 ether   3c:52:82:00:00:01   C                     eth0",
            0,
        ),  # Linux arp -n
        ("pc-1.lan (10.1.2.3) at 3c:52:82:00:00:01 [ether] on eth0", 0),
        ("10.1.2.3         0x1         0x2         3c:52:82:00:00:01     *        eth0", 0),  # /proc/net/arp
    ],
)
def test_arp_rows_of_every_maker(row, age_s):
    (binding,) = records("arp_mac", row)
    assert (binding.ip, binding.mac) == ("10.1.2.3", MAC)
    assert binding.seen.to_ns - binding.seen.from_ns == age_s * NS


@pytest.mark.parametrize(
    "text",
    [
        "2001:DB8:106:100:793A:F08D:5B3A:EF89      33 3c52.8200.0001  STALE Vl6",
        "2001:DB8:106:100:793A:F08D:5B3A:EF89    3c52-8200-0001 N/A  GE1/0/1        REACH D  10",
        "IPv6 Address : 2001:DB8:106:100:793A:F08D:5B3A:EF89          \n"
        "Link-layer   : 3c52-8200-0001                     State : STALE                 ",
    ],
)
def test_ipv6_neighbors_of_every_maker(text):
    (binding,) = records("arp_mac", text)
    assert (binding.ip, binding.mac) == ("2001:db8:106:100:793a:f08d:5b3a:ef89", MAC)


@pytest.mark.parametrize(
    ("row", "port"),
    [
        ("   666  3c52.8200.0001   dynamic  Yes       1200   Te1/30", "Te1/30"),
        (
            "   1      3c52.8200.0001   dynamic ip,ipx,assigned,other Port-channel1              ",
            "Port-channel1",
        ),
        (" *      302 3c52.8200.0001  dynamic  Yes        0     Te1/5/4", "Te1/5/4"),
        ("+ 217      3c52.8200.0001    dynamic   3590       F    F  Po1", "Po1"),
        ("   S     67 3c52.8200.0001   static   No       -      Te1/5/11", "Te1/5/11"),
        (" 3c52-8200-0001 10/-/-                            XGE0/0/1            dynamic", "XGE0/0/1"),
        ("3c52-8200-0001 10/-/-                            10GE1/0/1           dynamic", "10GE1/0/1"),
        ("3c52-8200-0001 1        Learned        Bridge-Aggregation1      AGING", "Bridge-Aggregation1"),
        (
            " 10        3c52.8200.0001       DYNAMIC  GigabitEthernet 0/17           2024-6-1 17:15:38 ",
            "GigabitEthernet 0/17",
        ),
    ],
)
def test_mac_rows_of_every_maker(row, port):
    (entry,) = records("arp_mac", row)
    assert (entry.mac, entry.port) == (MAC, port)


@pytest.mark.parametrize(
    "row",
    [
        "   R    459 0000.0000.0e00   static   No       -      Router",
        " 999    30a3.30a3.a1cc    STATIC      Vl99",
        "G    100      5087.89a1.de75     static     -        F      F    sup-eth1(R)",
        "*    145        000a.000a.000a   static     -        F      F    Drop",
        "   1 0100.0ccc.ccce   static   No       -    Gi1/14 Po5 Po10 Po20 ",
        "  46      ffff.ffff.ffff   system Gi1/13,Gi1/14,Gi1/15,Gi1/48,Gi7/13,Gi7/14",
        "  224.0.0.22            01-00-5e-00-00-16     static    ",
        "FE80::9277:EEFF:FE9B:4E00                   - -               REACH Di0",
        "10.1.2.250      -      0000.0c9f.f9d3  Vlan2515",
        "                                           201/-",
    ],
)
def test_rows_of_the_device_itself_of_groups_and_wrapped_ones_are_not_ours(row):
    assert outcomes("arp_mac", row) == [None]


@pytest.mark.parametrize(
    "clock",
    [
        "15:00:00 Z5 Sat 06/01/2024\nTime Zone : Z5 add 05:00:00\nSummer Time : PDT 06:00:00 08/01 "
        "06:00:00 09/01 01:00:00",
        "2024-06-01 18:00:00\nSaturday\nTime Zone(China-Standard-Time) : UTC+08:00",
        "10:00:00 UTC Sat 06/01/2024",
        "*10:00:00.000 UTC Sat Jun 1 2024",
    ],
)
def test_clocks_of_every_maker_with_the_zone_that_they_name(clock):
    binding = records("arp_mac", f"{clock}\n10.1.2.3 3c52-8200-0001 1 GE1/0/1 16 D", about(zone=UTC))[-1]
    assert (binding.seen.to_ns, binding.seen.note) == (at("2024-06-01T10:00:00"), "")
