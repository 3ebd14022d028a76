"""Triage: is a TCP conversation worth reading for mining, by what one packet's payload begins with?

Reads     the payload of one packet, within the first LOOKS payload packets of an undecided flow
Yields    `classify`: a KIND_..., a hint who is the client, and for nodes which network
Misses    mining inside TLS or tunnels (the beats speak for those); dialects that are neither JSON, HTTP,
          SOCKS, Stratum V2 nor Duino-Coin's text
Misfires  JSON services of any kind: a candidate is read, and the reader dismisses it

Rules, first that fits:

=========  =================================================================================================
json       ``{`` or ``[{`` after white space and followed by a key; text that holds a line feed and ``{"``,
           or a mining word
http       GET, POST, PUT with a sign of mining (`davylamp.flows.web`); a 101 answer to a missed upgrade
connect    CONNECT: what the tunnel carries is unknown, so it is read
socks      the conversation's first payload is a SOCKS5 greeting of exactly its stated length, or SOCKS4 CONNECT
sv2        SetupConnection in plaintext: extension 0, type 0, a fitting length, protocol 0-3, minimum version 2;
           or, joined midway, a whole frame of a mining type with the channel bit and the one length it can have
text       ``JOB,`` or ``FROM,`` and printable text (Duino-Coin); the server's version banner alone is nothing
tls        a ClientHello or another TLS record: its names are kept, its payload never
node       Bitcoin's magic and a command, Monero's Levin signature, devp2p's first message on port 30303
=========  =================================================================================================
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from davylamp.flows import layout as at
from davylamp.flows.layout import Table, Whole
from davylamp.flows.names import is_client_hello, is_tls_record, read16
from davylamp.flows.web import begins_exactly, is_answer, is_connect, is_request, judge_head
from davylamp.flows.words import BY_CLIENT, BY_EITHER, BY_SERVER, HINT_SERVER, find_words
from davylamp.kernel import fused

LOOKS: Final = 48  # judged: covers a proxy's preamble, a STARTTLS, and a minute of any session joined midway
TEXT_BYTES: Final = 1500  # judged: one packet
TEXT_HEAD: Final = 8  # judged: bytes that must be printable before more is scanned
TEXT_FLAWS: Final = 16  # judged: unprintable bytes at which text is not text
DEVP2P_PORT: Final = 30303

# What `classify` returns: a kind, who sent the packet, and a node's network, in one number.
SENDER_CLIENT: Final = 1 << 8
SENDER_SERVER: Final = 2 << 8
HINT_MASK: Final = 3 << 8
NODE_SHIFT: Final = 16
KIND_MASK: Final = 0xFF
KIND_WEB: Final = 32  # HTTP without a sign of mining; not exported
KIND_HELLO: Final = 33  # TLS with a ClientHello to read names from

Bytes = NDArray[np.uint8]

# Bitcoin-family message starts, as the networks' own chainparams.cpp give them, with places in NODE_NAMES.
_MAGIC: Final = np.array(
    [
        [0xF9BEB4D9, 1],  # bitcoin
        [0x0B110907, 1],  # testnet3
        [0x1C163F28, 1],  # testnet4
        [0x0A03CF40, 1],  # signet
        [0xFABFB5DA, 1],  # regtest
        [0xFBC0B6DB, 2],  # litecoin
        [0xFDD2C8F1, 2],  # its testnet
        [0xC0C0C0C0, 3],  # dogecoin
        [0xBF0C6BBD, 4],  # dash
        [0xE3E1F3E8, 5],  # bitcoin cash
        [0x24E92764, 6],  # zcash
        [0x5241564E, 7],  # ravencoin
    ],
    dtype=np.int64,
)
_JOB: Final = b"JOB,"
_FROM: Final = b"FROM,"


@fused
def is_text(byte: Whole) -> bool:
    """Printable ASCII or white space."""
    return bool(0x20 <= byte < 0x7F or 0x09 <= byte <= 0x0D)


@fused
def text_reach(buffer: Bytes, p: int, stop: int) -> int:
    """Where text that begins at ``p`` ends; ``p`` itself when it does not begin like text."""
    for q in range(p, min(stop, p + TEXT_HEAD)):
        if not is_text(np.int64(buffer[q])):
            return p
    flaws = 0
    high = min(stop, p + TEXT_BYTES)
    for q in range(p, high):
        if not is_text(np.int64(buffer[q])):
            flaws += 1
            if flaws > TEXT_FLAWS:
                return q
    return high


@fused
def opens_object(buffer: Bytes, p: int, stop: int) -> bool:
    """``{`` followed, after white space, by a key, an end, or the end of the packet; also ``[{``."""
    if buffer[p] == 0x5B:  # [
        p += 1
        while p < stop and buffer[p] <= 0x20:
            p += 1
    if p >= stop or buffer[p] != 0x7B:
        return False
    p += 1
    while p < stop and (buffer[p] == 0x20 or 0x09 <= buffer[p] <= 0x0D):
        p += 1
    return bool(p >= stop or buffer[p] == 0x22 or buffer[p] == 0x7D)


@fused
def later_object(buffer: Bytes, p: int, stop: int) -> bool:
    """A line feed and the beginning of an object, as after the tail of a line whose start was missed."""
    for q in range(p, stop - 2):  # noqa: SIM110 - kernels have no generators
        if buffer[q] == 0x0A and buffer[q + 1] == 0x7B and buffer[q + 2] == 0x22:
            return True
    return False


@fused
def judge_text(table: Table, buffer: Bytes, p: int, stop: int, is_object: bool) -> int:
    """JSON, or text that mentions mining; with a hint who speaks."""
    high = text_reach(buffer, p, stop)
    if high == p and not is_object:
        return at.KIND_NONE
    found = find_words(buffer, p, max(high, min(stop, p + 64)), table.words, False)
    spoken = found & (BY_CLIENT | BY_SERVER | BY_EITHER)
    if not (is_object or spoken or later_object(buffer, p, high)):
        return at.KIND_NONE
    if found & BY_CLIENT:
        return at.KIND_JSON | SENDER_CLIENT
    if found & (BY_SERVER | HINT_SERVER):
        return at.KIND_JSON | SENDER_SERVER
    return at.KIND_JSON


@fused
def is_socks_greeting(buffer: Bytes, p: int, stop: int) -> bool:
    """SOCKS5 method list of exactly its length, or SOCKS4 CONNECT that ends with its NUL."""
    size = stop - p
    if size >= 3 and buffer[p] == 5 and 1 <= buffer[p + 1] <= 8 and size == 2 + np.int64(buffer[p + 1]):
        for q in range(p + 2, stop):  # noqa: SIM110 - kernels have no generators
            if 10 <= buffer[q] < 0x80:  # IANA has assigned 0-9, 0x80 and up are private
                return False
        return True
    return bool(size >= 9 and buffer[p] == 4 and buffer[p + 1] == 1 and buffer[stop - 1] == 0)


@fused
def is_setup_connection(buffer: Bytes, p: int, stop: int) -> bool:
    """Stratum V2 SetupConnection, whole or cut by the packet's end after its versions."""
    if stop - p < 11 or buffer[p] != 0 or buffer[p + 1] != 0 or buffer[p + 2] != 0:
        return False
    length = np.int64(buffer[p + 3]) | np.int64(buffer[p + 4]) << 8 | np.int64(buffer[p + 5]) << 16
    low = np.int64(buffer[p + 7]) | np.int64(buffer[p + 8]) << 8
    high = np.int64(buffer[p + 9]) | np.int64(buffer[p + 10]) << 8
    return bool(13 <= length <= 2048 and buffer[p + 6] <= 3 and low == 2 and 2 <= high <= 16)


@fused
def sv2_sender(buffer: Bytes, p: int, stop: int) -> int:
    """Who sends the Stratum V2 mining frame that starts here: SENDER_..., 0 when none evidently does.

    Lengths are sums over the field tables of sv2-spec 05-Mining-Protocol.md.
    """
    if stop - p < 26 or buffer[p] != 0 or buffer[p + 1] != 0x80 or buffer[p + 4] != 0 or buffer[p + 5] != 0:
        return 0
    kind, length = buffer[p + 2], np.int64(buffer[p + 3])
    if kind == 0x1A and length == 24:  # SubmitSharesStandard
        return SENDER_CLIENT
    if kind == 0x1B and 25 <= length <= 57 and stop - p >= 31 and buffer[p + 30] == length - 25:
        return SENDER_CLIENT  # SubmitSharesExtended: the extranonce's own length fits
    if kind == 0x15 and length in (45, 49):  # NewMiningJob, without and with min_ntime
        return SENDER_SERVER
    if (kind == 0x1C and length == 20) or (kind == 0x20 and length == 48) or (kind == 0x21 and length == 36):
        return SENDER_SERVER  # SubmitShares.Success, SetNewPrevHash, SetTarget
    return 0


@fused
def node_network(buffer: Bytes, p: int, stop: int) -> int:
    """Place in NODE_NAMES of a Bitcoin-family message or a Levin header, 0 for neither."""
    if stop - p < 16:
        return 0
    if buffer[p] == 1 and buffer[p + 1] == 0x21:
        for k in range(2, 8):
            if buffer[p + k] != 1:
                return 0
        return at.NODE_MONERO
    magic = np.int64(read16(buffer, p)) << 16 | np.int64(read16(buffer, p + 2))
    network = 0
    for k in range(_MAGIC.shape[0]):
        if _MAGIC[k, 0] == magic:
            network = _MAGIC[k, 1]
    if network == 0 or not is_command(buffer, p + 4):
        return 0
    return int(network)


@fused
def is_command(buffer: Bytes, p: int) -> bool:
    """Twelve bytes: a lower-case word or digits of at least three, then NUL to the end."""
    size = 0
    while size < 12 and (0x61 <= buffer[p + size] <= 0x7A or (size > 0 and 0x30 <= buffer[p + size] <= 0x39)):
        size += 1
    for k in range(size, 12):
        if buffer[p + k] != 0:
            return False
    return size >= 3


@fused
def is_devp2p(buffer: Bytes, p: int, stop: int) -> bool:
    """The size shape of RLPx' first message: 307 bytes, or a 16-bit length that is exactly the rest."""
    size = stop - p
    return size == 307 or (194 <= size <= 1024 and read16(buffer, p) == size - 2)


@fused
def classify(table: Table, buffer: Bytes, p: int, stop: int, is_first: bool) -> int:
    """Judge one packet's payload ``buffer[p:stop]``, not empty.

    Args:
        table: for its vocabularies; ``table.scratch`` receives where a host name stands.
        buffer: bytes of the batch.
        p: first byte of the payload.
        stop: behind the last byte of the payload that the capture holds.
        is_first: no payload of this flow was seen before.

    Returns:
        KIND_... | SENDER_... | network << NODE_SHIFT.
    """
    byte = buffer[p]
    if byte < 0x20 and not 0x09 <= byte <= 0x0D:
        if is_client_hello(buffer, p, stop):
            return KIND_HELLO | SENDER_CLIENT
        if is_tls_record(buffer, p, stop):
            return at.KIND_TLS
        if is_first and is_socks_greeting(buffer, p, stop):
            return at.KIND_SOCKS | SENDER_CLIENT
        if is_setup_connection(buffer, p, stop):
            return at.KIND_SV2 | SENDER_CLIENT
        sender = sv2_sender(buffer, p, stop)
        if sender != 0:
            return at.KIND_SV2 | sender
    network = node_network(buffer, p, stop)
    if network != 0:
        return at.KIND_NODE | network << NODE_SHIFT
    if not (0x20 <= byte < 0x7F or 0x09 <= byte <= 0x0D):
        return at.KIND_NONE
    return classify_text(table, buffer, p, stop)


@fused
def classify_text(table: Table, buffer: Bytes, p: int, stop: int) -> int:
    """The part of `classify` for payload that begins with a printable byte or white space."""
    if is_request(buffer, p, stop):
        mining = judge_head(table, buffer, p, stop)
        return (at.KIND_HTTP if mining else KIND_WEB) | SENDER_CLIENT
    if is_answer(buffer, p, stop):
        mining = judge_head(table, buffer, p, stop)
        return at.KIND_HTTP | SENDER_SERVER if mining else at.KIND_NONE | SENDER_SERVER
    if is_connect(buffer, p, stop):
        return at.KIND_CONNECT | SENDER_CLIENT
    if begins_exactly(buffer, p, stop, _JOB) or begins_exactly(buffer, p, stop, _FROM):
        reach = text_reach(buffer, p, min(stop, p + 64))
        return at.KIND_TEXT | SENDER_CLIENT if reach > p + 5 else at.KIND_NONE
    q = p
    while q < stop and (buffer[q] == 0x20 or 0x09 <= buffer[q] <= 0x0D):
        q += 1
    is_object = q < stop and (buffer[q] == 0x7B or buffer[q] == 0x5B) and opens_object(buffer, q, stop)
    return judge_text(table, buffer, p, stop, is_object)
