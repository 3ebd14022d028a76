"""Kernel helpers that judge the head of an HTTP message: is the conversation worth reading for mining?

A head counts as a candidate when it upgrades to a WebSocket, carries JSON, comes from a miner's user agent,
uses a mining header, asks for a path of Chia's pool protocol, or its body names a mining method. Everything
else is the web; only its Host is kept.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from davylamp.flows import layout as at
from davylamp.flows.layout import Table
from davylamp.flows.words import BY_CLIENT, BY_SERVER, find_words, lower
from davylamp.kernel import fused

HEAD_BYTES: Final = 4096  # judged: miners' heads are a few hundred bytes, browsers' cookies run to thousands
BODY_BYTES: Final = 1500  # judged: one packet's worth of a JSON body

Bytes = NDArray[np.uint8]

_POST: Final = b"POST "
_GET: Final = b"GET "
_PUT: Final = b"PUT "
_CONNECT: Final = b"CONNECT "
_ANSWER: Final = b"HTTP/1."
_HOST: Final = b"host:"
_UPGRADE: Final = b"upgrade:"
_TYPE: Final = b"content-type:"
_AGENT: Final = b"user-agent:"
_X_MINING: Final = b"x-mining-"
_X_STRATUM: Final = b"x-stratum:"
_X_POLL: Final = b"x-long-polling:"
_WEBSOCKET: Final = b"websocket"
_JSON: Final = b"json"
_PATHS: Final = (b"/pool_info", b"/farmer", b"/partial", b"/login")


@fused
def begins(buffer: Bytes, p: int, stop: int, word: bytes) -> bool:
    """Whether ``word``, given in lower case, stands at ``p`` in any case."""
    if p + len(word) > stop:
        return False
    for k in range(len(word)):  # noqa: SIM110 - kernels have no generators
        if lower(np.int64(buffer[p + k])) != word[k]:
            return False
    return True


@fused
def begins_exactly(buffer: Bytes, p: int, stop: int, word: bytes) -> bool:
    """Whether ``word`` stands at ``p``."""
    if p + len(word) > stop:
        return False
    for k in range(len(word)):  # noqa: SIM110 - kernels have no generators
        if buffer[p + k] != word[k]:
            return False
    return True


@fused
def holds(buffer: Bytes, p: int, stop: int, word: bytes) -> bool:
    """Whether ``word``, given in lower case, stands anywhere in ``buffer[p:stop]`` in any case."""
    for q in range(p, stop - len(word) + 1):  # noqa: SIM110 - kernels have no generators
        if begins(buffer, q, stop, word):
            return True
    return False


@fused
def is_request(buffer: Bytes, p: int, stop: int) -> bool:
    """Begins with a method that mining uses: GET, POST, PUT."""
    return (
        begins_exactly(buffer, p, stop, _POST)
        or begins_exactly(buffer, p, stop, _GET)
        or begins_exactly(buffer, p, stop, _PUT)
    )


@fused
def is_connect(buffer: Bytes, p: int, stop: int) -> bool:
    """Begins with the method that opens a tunnel through a proxy."""
    return begins_exactly(buffer, p, stop, _CONNECT)


@fused
def is_answer(buffer: Bytes, p: int, stop: int) -> bool:
    """Begins with an HTTP/1 status line."""
    return begins_exactly(buffer, p, stop, _ANSWER)


@fused
def line_end(buffer: Bytes, p: int, stop: int) -> int:
    """Where the line that begins at ``p`` ends: its line feed, or ``stop``."""
    while p < stop and buffer[p] != 0x0A:
        p += 1
    return p


@fused
def judge_header(table: Table, buffer: Bytes, p: int, stop: int) -> bool:
    """Whether one header line speaks for mining; leaves a Host in ``table.scratch``."""
    first = lower(np.int64(buffer[p]))
    if first == 0x68 and begins(buffer, p, stop, _HOST):
        low, high = p + 5, stop
        while low < high and buffer[low] <= 0x20:
            low += 1
        while high > low and buffer[high - 1] <= 0x20:
            high -= 1
        table.scratch[at.NAME_AT], table.scratch[at.NAME_LENGTH] = low, high - low
        return False
    if first == 0x75:
        if begins(buffer, p, stop, _UPGRADE):
            return holds(buffer, p + 8, stop, _WEBSOCKET)
        if begins(buffer, p, stop, _AGENT):
            return find_words(buffer, p + 11, stop, table.agents, True) != 0
    if first == 0x63 and begins(buffer, p, stop, _TYPE):
        return holds(buffer, p + 13, stop, _JSON)
    if first == 0x78:
        return (
            begins(buffer, p, stop, _X_MINING)
            or begins(buffer, p, stop, _X_STRATUM)
            or begins(buffer, p, stop, _X_POLL)
        )
    return False


@fused
def is_pool_path(buffer: Bytes, p: int, stop: int) -> bool:
    """Whether the target of a request line begins with a path of Chia's pool protocol."""
    while p < stop and buffer[p] != 0x20:
        p += 1
    p += 1
    for path in _PATHS:
        if begins_exactly(buffer, p, stop, path):
            after = p + len(path)
            if after >= stop or buffer[after] == 0x20 or buffer[after] == 0x3F:
                return True
    return False


@fused
def judge_head(table: Table, buffer: Bytes, p: int, stop: int) -> bool:
    """Whether an HTTP head, with what its packet holds of the body, is a candidate for mining.

    Leaves the Host in ``table.scratch``, with length 0 when there is none.
    """
    table.scratch[at.NAME_LENGTH] = 0
    table.scratch[at.ALPN_LENGTH] = 0
    asks = not is_answer(buffer, p, stop)
    found = asks and is_pool_path(buffer, p, min(stop, p + 64))
    head_stop = min(stop, p + HEAD_BYTES)
    p = line_end(buffer, p, head_stop) + 1
    while p < head_stop:
        tail = line_end(buffer, p, head_stop)
        if tail - p <= 1:
            body = find_words(buffer, tail + 1, min(stop, tail + 1 + BODY_BYTES), table.words, False)
            return found or (body & (BY_CLIENT | BY_SERVER)) != 0
        says = judge_header(table, buffer, p, tail)
        # An answer's content type and upgrade say less than a mining word: every web API sends JSON.
        if says and (asks or lower(np.int64(buffer[p])) != 0x63):
            found = True
        p = tail + 1
    return found
