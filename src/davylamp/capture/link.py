"""Link layers and the shims between them and IP: from a frame's first byte to an IP header.

Ethernet with VLAN tags, MPLS, PPPoE; Linux cooked v1 and v2; PPP and Cisco HDLC; BSD loopback; FDDI; raw IP.
Numbers are those of https://www.tcpdump.org/linktypes.html and IANA's EtherType registry.
"""

from typing import Final

from davylamp.capture.wire import (
    BAD_LINK,
    CUT,
    ETHERNET,
    GO,
    IPV4,
    IPV6,
    LLC,
    NO_INTERFACE,
    NOTHING,
    OTHER,
    PPP,
    RAW_IP,
    UNREADABLE_LINK,
    Bytes,
    Packet,
    be16,
    be32,
    le32,
    u8,
)
from davylamp.kernel import inline

LINK_NULL: Final = 0
LINK_ETHERNET: Final = 1
LINK_PPP: Final = 9
LINK_FDDI: Final = 10
LINK_PPP_HDLC: Final = 50
LINK_PPP_ETHER: Final = 51
LINK_C_HDLC: Final = 104
LINK_LOOP: Final = 108
LINK_SLL: Final = 113
LINK_PPI: Final = 192
LINK_PPP_WITH_DIR: Final = 204
LINK_SLL2: Final = 276
LINKS_RAW: Final = (12, 14, 101, 228, 229)

READ_LINKS: Final = frozenset(
    {
        LINK_NULL,
        LINK_ETHERNET,
        LINK_PPP,
        LINK_FDDI,
        LINK_PPP_HDLC,
        LINK_PPP_ETHER,
        LINK_C_HDLC,
        LINK_LOOP,
        LINK_SLL,
        LINK_PPI,
        LINK_PPP_WITH_DIR,
        LINK_SLL2,
        *LINKS_RAW,
    }
)

_VLAN: Final = (0x8100, 0x88A8, 0x9100, 0x9200)
_PPPOE: Final = 0x8864
_VN_TAG: Final = 0x8926
_I_TAG: Final = 0x88E7
_FABRIC_PATH: Final = 0x8903


@inline
def enter_link(data: Bytes, packet: Packet, link: int) -> int:
    """Put the cursor behind the link header, or on a layer that `cross_shim` reads."""
    off, room = packet.off, packet.end - packet.off
    if link == LINK_ETHERNET:
        packet.next = ETHERNET
        return GO
    if link == UNREADABLE_LINK:
        return NO_INTERFACE
    if link == LINK_PPI:
        if room < 8:
            return CUT
        header = u8(data, off + 2) | (u8(data, off + 3) << 8)
        link = le32(data, off + 4)
        if header < 8 or header > room or link == LINK_PPI:
            return CUT
        packet.off += header
        off, room = packet.off, packet.end - packet.off
        if link == LINK_ETHERNET:
            packet.next = ETHERNET
            return GO
    if link in LINKS_RAW:
        packet.next = RAW_IP
        return GO
    if link in (LINK_PPP, LINK_PPP_HDLC, LINK_PPP_WITH_DIR):
        return _enter_ppp(data, packet, link)
    return _enter_fixed(data, packet, link, off, room)


@inline
def _enter_fixed(data: Bytes, packet: Packet, link: int, off: int, room: int) -> int:
    """Link headers of fixed length with the next layer's name inside."""
    if link == LINK_SLL:
        if room < 16:
            return CUT
        kind = be16(data, off + 14)
        packet.off += 16
        packet.next = LLC if kind == 4 else kind  # 4: 802.2 frames without an EtherType
        return GO
    if link == LINK_SLL2:
        if room < 20:
            return CUT
        kind = be16(data, off)
        packet.off += 20
        packet.next = LLC if kind == 4 else kind
        return GO
    if link in (LINK_NULL, LINK_LOOP):
        if room < 4:
            return CUT
        family = le32(data, off)
        if family > 0xFFFF:  # written by a machine of the other byte order
            family = be32(data, off)
        packet.off += 4
        packet.next = IPV4 if family == 2 else IPV6 if family in (10, 24, 28, 30) else NOTHING
        return GO
    if link == LINK_FDDI:
        packet.off += 13
        packet.next = LLC
        return GO
    if link == LINK_C_HDLC:
        if room < 4:
            return CUT
        packet.off += 4
        packet.next = be16(data, off + 2)
        return GO
    if link == LINK_PPP_ETHER:
        packet.next = _PPPOE
        return GO
    return BAD_LINK


@inline
def _enter_ppp(data: Bytes, packet: Packet, link: int) -> int:
    """PPP in HDLC-like framing; PPP_HDLC may carry Cisco HDLC instead."""
    if link == LINK_PPP_WITH_DIR:
        packet.off += 1
    if packet.off + 4 > packet.end:
        return CUT
    if link == LINK_PPP_HDLC and u8(data, packet.off) in (0x0F, 0x8F) and u8(data, packet.off + 1) == 0:
        packet.next = be16(data, packet.off + 2)
        packet.off += 4
        return GO
    if u8(data, packet.off) == 0xFF and u8(data, packet.off + 1) == 0x03:
        packet.off += 2
    packet.next = PPP
    return GO


@inline
def cross_shim(data: Bytes, packet: Packet) -> int:
    """Pass one layer that stands before IP, named by ``packet.next``."""
    kind, off, room = packet.next, packet.off, packet.end - packet.off
    if kind == ETHERNET:
        if room < 14:
            return CUT
        kind = be16(data, off + 12)
        packet.off += 14
        packet.next = kind if kind >= 0x600 else LLC
        return GO
    if kind in _VLAN or kind == _VN_TAG:
        size = 6 if kind == _VN_TAG else 4
        if room < size:
            return CUT
        kind = be16(data, off + size - 2)
        packet.off += size
        packet.next = kind if kind >= 0x600 else LLC
        return GO
    if kind == RAW_IP:
        if room < 1:
            return CUT
        version = u8(data, off) >> 4
        packet.next = IPV4 if version == 4 else IPV6 if version == 6 else NOTHING
        return GO
    return _cross_rare_shim(data, packet, kind, off, room)


@inline
def _cross_rare_shim(data: Bytes, packet: Packet, kind: int, off: int, room: int) -> int:
    if kind in (0x8847, 0x8848):
        return _cross_mpls(data, packet)
    if kind == _PPPOE:
        if room < 8:
            return CUT
        if u8(data, off) != 0x11 or u8(data, off + 1) != 0:
            return OTHER
        packet.off += 6
        packet.next = PPP
        return GO
    if kind == PPP:
        return _cross_ppp(data, packet)
    if kind == LLC:
        if room < 8:
            return CUT if room < 3 else OTHER
        if be16(data, off) != 0xAAAA or be32(data, off + 2) != 0x03000000:
            return OTHER
        packet.off += 8
        packet.next = be16(data, off + 6)
        return GO
    if kind in (_I_TAG, _FABRIC_PATH):  # a whole Ethernet frame follows
        packet.off += 4 if kind == _I_TAG else 2
        packet.next = ETHERNET
        return GO
    return OTHER


@inline
def _cross_mpls(data: Bytes, packet: Packet) -> int:
    """A whole label stack; what follows it is told by its first bits, as routers do for want of a field."""
    off, end = packet.off, packet.end
    bottom = 0
    while bottom == 0:
        if off + 4 > end:
            return CUT
        bottom = u8(data, off + 2) & 1
        off += 4
    if off >= end:
        return CUT
    packet.off = off
    first = u8(data, off) >> 4
    if first == 4:
        packet.next = IPV4
    elif first == 6:
        packet.next = IPV6
    else:
        packet.next = ETHERNET  # a pseudowire
        if first == 0 and off + 4 <= end:
            packet.off += 4  # its control word, RFC 4385
    return GO


@inline
def _cross_ppp(data: Bytes, packet: Packet) -> int:
    """PPP's protocol field, one byte when compressed (RFC 1661 section 6.5)."""
    off = packet.off
    if off + 2 > packet.end:
        return CUT
    if u8(data, off) & 1:
        protocol = u8(data, off)
        packet.off += 1
    else:
        protocol = be16(data, off)
        packet.off += 2
    if protocol == 0x0021:
        packet.next = IPV4
    elif protocol == 0x0057:
        packet.next = IPV6
    elif protocol in (0x0281, 0x0283):
        packet.next = 0x8847
    else:
        return OTHER
    return GO
