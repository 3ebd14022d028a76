"""Tunnels that mirror ports and network cores deliver: from an outer header to the frame or datagram inside.

In IP: IP-in-IP, 6in4, GRE with ERSPAN and PPTP, EtherIP, MPLS. In UDP, by destination port: VXLAN, Geneve, GTP-U.
A port alone proves no tunnel, so the headers' fixed bits must fit and the inside must lead to TCP or UDP; else
`davylamp.capture.decode` takes the datagram as plain UDP.
"""

from typing import Final

from davylamp.capture.wire import (
    CUT,
    ETHERNET,
    GO,
    IPV4,
    IPV6,
    OTHER,
    PPP,
    RAW_IP,
    ROW,
    Bytes,
    Packet,
    be16,
    u8,
)
from davylamp.kernel import inline

_IP_IN_IP: Final = 4
_IPV6_IN_IP: Final = 41
_GRE: Final = 47
_ETHER_IP: Final = 97
_MPLS_IN_IP: Final = 137

_VXLAN_PORTS: Final = (4789, 8472)  # IANA's, and the one that Linux used before
_GENEVE_PORT: Final = 6081
_GTP_U_PORT: Final = 2152
_GTP_G_PDU: Final = 255

_ERSPAN_2: Final = 0x88BE  # also ERSPAN I, which has no header of its own
_ERSPAN_3: Final = 0x22EB
_PPP_IN_GRE: Final = 0x880B


@inline
def enter_ip_tunnel(data: Bytes, packet: Packet) -> int:
    """Enter a tunnel that an IP protocol number announces."""
    kind = packet.next
    if kind == _IP_IN_IP:
        packet.next = IPV4
    elif kind == _IPV6_IN_IP:
        packet.next = IPV6
    elif kind == _GRE:
        return _enter_gre(data, packet)
    elif kind == _ETHER_IP:
        packet.off += 2
        packet.next = ETHERNET
    elif kind == _MPLS_IN_IP:
        packet.next = 0x8847
    else:
        return OTHER
    return GO


@inline
def _enter_gre(data: Bytes, packet: Packet) -> int:
    """GRE version 0 (RFC 2784, 2890) and 1 (PPTP, RFC 2637)."""
    off, end = packet.off, packet.end
    if off + 4 > end:
        return CUT
    bits = be16(data, off)
    kind = be16(data, off + 2)
    version = bits & 7
    if version > 1 or bits & 0x4000:  # source routes were never deployed
        return OTHER
    off += 4
    if version == 0 and bits & 0x8000:
        off += 4  # checksum
    if bits & 0x2000:
        off += 4  # key
    if bits & 0x1000:
        off += 4  # sequence number
    if version == 1 and bits & 0x0080:
        off += 4  # acknowledgment
    packet.off = off
    if kind == _ERSPAN_2:
        packet.off += 8 if bits & 0x1000 else 0
        packet.next = ETHERNET
    elif kind == _ERSPAN_3:
        return _enter_erspan_3(data, packet)
    elif kind == _PPP_IN_GRE:
        packet.next = PPP
        if off + 2 <= end and u8(data, off) == 0xFF and u8(data, off + 1) == 0x03:
            packet.off += 2
    else:
        packet.next = kind
    return GO


@inline
def _enter_erspan_3(data: Bytes, packet: Packet) -> int:
    """ERSPAN III: 12 bytes, 8 more when the last bit says so; the frame type tells Ethernet from IP."""
    off = packet.off
    if off + 12 > packet.end:
        return CUT
    packet.off = off + (20 if u8(data, off + 11) & 1 else 12)
    packet.next = RAW_IP if (u8(data, off + 10) >> 2) & 31 == 2 else ETHERNET
    return GO


@inline
def enter_udp_tunnel(data: Bytes, packet: Packet) -> int:
    """Enter a tunnel in the UDP datagram just read; ROW when there is none."""
    port = packet.dport
    if port == _GTP_U_PORT:
        return _enter_gtp_u(data, packet)
    off = packet.payload_off
    if port == _GENEVE_PORT and off + 8 <= packet.end and u8(data, off) >> 6 == 0 and u8(data, off + 7) == 0:
        packet.off = off + 8 + ((u8(data, off) & 63) << 2)
        packet.next = be16(data, off + 2)
        return GO
    if port not in _VXLAN_PORTS:
        return ROW
    if off + 8 > packet.end or not u8(data, off) & 0x08 or u8(data, off + 7) != 0:
        return ROW
    packet.off = off + 8
    packet.next = ETHERNET
    return GO


@inline
def _enter_gtp_u(data: Bytes, packet: Packet) -> int:
    """GTP-U version 1 with its extension headers (3GPP TS 29.281 section 5)."""
    off, end = packet.payload_off, packet.end
    if off + 8 > end or u8(data, off) & 0xF0 != 0x30 or u8(data, off + 1) != _GTP_G_PDU:
        return ROW
    more = u8(data, off) & 7
    following = 0
    inner = off + 8
    if more:
        inner += 4
        if inner > end:
            return ROW
        following = u8(data, inner - 1) if more & 4 else 0
    while following:
        if inner >= end or u8(data, inner) == 0:
            return ROW
        inner += u8(data, inner) << 2
        if inner > end:
            return ROW
        following = u8(data, inner - 1)
    packet.off = inner
    packet.next = RAW_IP
    return GO
