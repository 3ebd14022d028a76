"""IPv4 and IPv6 headers, extension headers, TCP and UDP: from an IP header to a payload.

Lengths are believed only as far as the captured bytes go. `Packet.end` never grows from layer to layer, so that
no layer can read beyond the one around it.
"""

from typing import Final

from davylamp.capture.wire import (
    BAD_IP,
    BAD_TRANSPORT,
    CARRIED,
    CUT,
    FRAGMENT,
    GO,
    ROW,
    Bytes,
    Packet,
    be16,
    be32,
    u8,
)
from davylamp.kernel import inline
from davylamp.records import TCP, UDP

_FRAGMENT_HEADER: Final = 44
_AUTHENTICATION: Final = 51


@inline
def enter_ipv4(data: Bytes, packet: Packet) -> int:
    """Read an IPv4 header; the cursor then stands on what it carries."""
    off = packet.off
    if off + 20 > packet.end:
        return CUT
    header = (u8(data, off) & 15) << 2
    if u8(data, off) >> 4 != 4 or header < 20:
        return BAD_IP
    total = be16(data, off + 2)
    if total == 0:  # segmentation was left to the card after the capture: the frame's own length counts
        total = packet.wire_end - off
    if total < header:
        return BAD_IP
    if off + header > packet.end:
        return CUT
    _bound(packet, off + total)
    packet.ip_off = off
    packet.is_v6 = 0
    packet.off = off + header
    packet.next = u8(data, off + 9)
    fragment = be16(data, off + 6)
    if fragment & 0x3FFF:
        packet.fragment_at = (fragment & 0x1FFF) << 3
        packet.fragment_more = (fragment >> 13) & 1
        return FRAGMENT
    return CARRIED


@inline
def enter_ipv6(data: Bytes, packet: Packet) -> int:
    """Read an IPv6 header and its extension headers."""
    off = packet.off
    if off + 40 > packet.end:
        return CUT
    if u8(data, off) >> 4 != 6:
        return BAD_IP
    length = be16(data, off + 4)
    if length:  # 0: a jumbogram, or segmentation left to the card
        _bound(packet, off + 40 + length)
    packet.ip_off = off
    packet.is_v6 = 1
    packet.off = off + 40
    packet.next = u8(data, off + 6)
    return _cross_extensions(data, packet)


@inline
def _bound(packet: Packet, claimed_end: int) -> None:
    """Take an IP header's word for where the datagram ends, within the layer around it."""
    if claimed_end > packet.wire_end:
        packet.lies = BAD_IP
    packet.wire_end = claimed_end
    packet.end = min(packet.end, claimed_end)


@inline
def _cross_extensions(data: Bytes, packet: Packet) -> int:
    """Pass IPv6 extension headers (RFC 8200 section 4); each takes at least 8 bytes, so the loop ends."""
    while True:
        kind, off = packet.next, packet.off
        if kind in (0, 43, 60, 135, 139, 140):
            if off + 8 > packet.end:
                return CUT
            packet.off = off + ((u8(data, off + 1) + 1) << 3)
        elif kind == _AUTHENTICATION:
            if off + 8 > packet.end:
                return CUT
            packet.off = off + ((u8(data, off + 1) + 2) << 2)
        elif kind == _FRAGMENT_HEADER:
            if off + 8 > packet.end:
                return CUT
            fragment = be16(data, off + 2)
            packet.off = off + 8
            if fragment & 0xFFF9:
                packet.next = u8(data, off)
                packet.fragment_at = fragment & 0xFFF8
                packet.fragment_more = fragment & 1
                return FRAGMENT
        else:
            return CARRIED
        packet.next = u8(data, off)


@inline
def enter_tcp(data: Bytes, packet: Packet) -> int:
    """Read a TCP header and bound its payload."""
    off = packet.off
    if off + 20 > packet.end:
        return CUT if packet.wire_end - off >= 20 else BAD_TRANSPORT
    header = (u8(data, off + 12) >> 4) << 2
    if header < 20 or off + header > packet.wire_end:
        return BAD_TRANSPORT
    packet.proto = TCP
    packet.sport = be16(data, off)
    packet.dport = be16(data, off + 2)
    packet.seq = be32(data, off + 4)
    packet.ack = be32(data, off + 8)
    packet.flags = u8(data, off + 13)
    packet.payload_off = min(off + header, packet.end)
    packet.payload_len = packet.end - packet.payload_off
    packet.wire_len = packet.wire_end - off - header
    return ROW


@inline
def enter_udp(data: Bytes, packet: Packet) -> int:
    """Read a UDP header and bound its payload."""
    off = packet.off
    if off + 8 > packet.end:
        return CUT if packet.wire_end - off >= 8 else BAD_TRANSPORT
    length = be16(data, off + 4)
    if off + length > packet.wire_end or 0 < length < 8:
        if not packet.fragment_more:  # a datagram's first part announces the whole
            packet.lies = BAD_TRANSPORT
    elif length:  # 0: a jumbogram, or segmentation left to the card
        packet.wire_end = off + length
        packet.end = min(packet.end, packet.wire_end)
    packet.proto = UDP
    packet.sport = be16(data, off)
    packet.dport = be16(data, off + 2)
    packet.seq = 0
    packet.ack = 0
    packet.flags = 0
    packet.payload_off = off + 8
    packet.payload_len = packet.end - off - 8
    packet.wire_len = packet.wire_end - off - 8
    return ROW


@inline
def enter_transport(data: Bytes, packet: Packet) -> int:
    """Read the transport header that an IP header announces; tunnels are not looked at here."""
    if packet.next == _AUTHENTICATION and not packet.is_v6:
        off = packet.off
        if off + 8 > packet.end:
            return CUT
        packet.next = u8(data, off)
        packet.off = off + ((u8(data, off + 1) + 2) << 2)
        if packet.off > packet.end:
            return CUT
    if packet.next == TCP:
        return enter_tcp(data, packet)
    if packet.next == UDP:
        return enter_udp(data, packet)
    return GO
