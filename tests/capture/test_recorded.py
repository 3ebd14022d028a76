"""Recorded captures: frames, segments and payload bytes as tshark 4.0 counts them."""

from typing import Final

import pytest

from capture.craft import read_file

from support import shared_data

# Frames, TCP segments, TCP payload bytes, UDP datagrams, UDP payload bytes, each of the innermost header that is
# not quoted inside ICMP, from
#   tshark -n -r FILE -o tcp.desegment_tcp_streams:FALSE -T fields -e frame.protocols -e tcp.len -e udp.length
EXPECTED: Final = {
    "mining/ntop-ndpi/mining.pcapng": (673, 673, 177_380, 0, 0),
    "controls/ndpi/1kxun.pcap": (1723, 1381, 2_377_982, 342, 49_334),
    "controls/ndpi/KakaoTalk_talk.pcap": (3203, 166, 19_888, 3037, 271_516),
    "controls/ndpi/dlt_ppp.pcap": (1, 0, 0, 1, 1200),
    "controls/zeek/erspan.pcap": (287, 106, 84_065, 48, 2452),
    "controls/zeek/fragmented-syn.pcap": (2, 1, 0, 0, 0),
    "controls/zeek/ipv6-fragmented-dns.pcap": (8, 0, 0, 5, 3774),
    "controls/zeek/mixed-vlan-mpls.pcap": (47, 47, 12_979, 0, 0),
    "mining/cj-sniffer/1578349600_DSfJl.pcap": (605, 605, 61_301, 0, 0),
    "controls/ndpi/vxlan.pcap": (127, 119, 69_876, 8, 402),
    "controls/ndpi/ipv6_in_gtp.pcap": (2, 0, 0, 2, 160),
    "controls/ndpi/anydesk.pcapng": (174, 170, 35_614, 4, 224),
    "controls/zeek/gre-sample.pcap": (40, 22, 2623, 8, 354),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", EXPECTED)
def test_counts_agree_with_tshark(name: str) -> None:
    reading = read_file(shared_data() / name)
    tcp = [row.wire_len for row in reading.rows if row.proto == 6]
    udp = [row.wire_len for row in reading.rows if row.proto == 17]
    assert (reading.report.packets, len(tcp), sum(tcp), len(udp), sum(udp)) == EXPECTED[name]
