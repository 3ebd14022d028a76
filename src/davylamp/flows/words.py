"""The words and ports that triage knows, and the kernel helper that looks for them.

A word only makes a flow worth reading; whether it mines is for the dialects to say. Words also tell who is
the client in a flow whose opening was missed: miners log in and submit, servers hand out jobs.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from davylamp.flows.layout import Vocabulary, Whole
from davylamp.kernel import fused

BY_CLIENT: Final = 1
BY_SERVER: Final = 2
BY_EITHER: Final = 4
HINT_SERVER: Final = 8  # common in answers, too common elsewhere to mark a flow

# Methods as the pools' own specifications name them, see docs/concepts and the dialects' tables.
MINING_WORDS: Final[Mapping[bytes, int]] = {
    b'"login"': BY_CLIENT,
    b'"submit"': BY_CLIENT,
    b'"keepalived"': BY_CLIENT,
    b'"getjob"': BY_CLIENT,
    b'"getjobtemplate"': BY_CLIENT,
    b"mining.subscribe": BY_CLIENT,
    b"mining.authorize": BY_CLIENT,
    b"mining.submit": BY_CLIENT,
    b"mining.configure": BY_CLIENT,
    b"mining.extranonce.s": BY_CLIENT,
    b"mining.suggest": BY_CLIENT,
    b"mining.hello": BY_CLIENT,
    b"eth_submit": BY_CLIENT,
    b"eth_getWork": BY_CLIENT,
    b"getwork": BY_CLIENT,
    b"getblocktemplate": BY_CLIENT,
    b"get_block_template": BY_CLIENT,
    b"submitblock": BY_CLIENT,
    b"submit_block": BY_CLIENT,
    b'"job"': BY_SERVER,
    b"mining.notify": BY_SERVER,
    b"mining.set": BY_SERVER,
    b'"set_extranonce"': BY_SERVER,
    b"client.reconnect": BY_SERVER,
    b"client.show_message": BY_SERVER,
    b"mining.": BY_EITHER,
    b'"jsonrpc"': BY_EITHER,
    b'"result"': HINT_SERVER,
    b'"error"': HINT_SERVER,
}

# judged: product names in the User-Agent of miners that speak HTTP; compared in lower case
MINER_AGENTS: Final = (
    b"bfgminer",
    b"ccminer",
    b"cgminer",
    b"chia",
    b"claymore",
    b"cpuminer",
    b"diablominer",
    b"duino",
    b"ethminer",
    b"gminer",
    b"guiminer",
    b"jhprotominer",
    b"lolminer",
    b"minerd",
    b"nanominer",
    b"nbminer",
    b"phoenixminer",
    b"phoenix/",
    b"poclbm",
    b"rhminer",
    b"sgminer",
    b"srbminer",
    b"t-rex",
    b"teamredminer",
    b"ufasoft",
    b"wildrig",
    b"xmrig",
    b"xmr-stak",
)

# judged: ports that pools advertise again and again, and services that miners and their proxies listen on
SERVER_PORTS: Final = (
    *(1080, 1314, 3032, 3128, 3256, 3333, 3334, 3335, 3336, 3353, 3357, 3636, 4233, 4444, 4445, 5005, 5555),
    *(5556, 5588, 5730, 6004, 6565, 6633, 6666, 6688, 6699, 7777, 8008, 8080, 8118, 8332, 8333, 8443, 8444),
    *(8447, 8545, 8888, 9000, 9009, 9332, 9333, 9999, 10128, 10300, 10343, 11333, 12020, 13333, 14433, 14444),
    *(17777, 18018, 18080, 18081, 19333, 19999, 20128, 20535, 24400, 30303, 31301, 34254, 34255, 45560),
    45700,
)


def make_vocabulary(words: Mapping[bytes, int]) -> Vocabulary:
    """Arrange words for `find_words`; each value is the bit that its word reports."""
    ordered = sorted(words)
    firsts = [word[0] for word in ordered]
    starts = np.searchsorted(firsts, np.arange(257)).astype(np.int16)
    offsets = np.cumsum([0, *map(len, ordered)]).astype(np.int32)
    text = np.frombuffer(b"".join(ordered), dtype=np.uint8).copy()
    return Vocabulary(starts, offsets, text, np.array([words[word] for word in ordered], dtype=np.uint8))


def rank_ports() -> NDArray[np.uint8]:
    """How much each port looks like a server's: 3 below 1024, 2 known, 1 below 32768, 0 above."""
    ranks = np.zeros(65536, dtype=np.uint8)
    ranks[:32768] = 1  # Linux hands out client ports from here, Windows from 49152
    ranks[list(SERVER_PORTS)] = 2
    ranks[:1024] = 3
    return ranks


_PRIME: Final = np.uint64(0x100000001B3)
_S: Final = np.uint64(29)


@fused
def mix_name(h: np.uint64, byte: Whole) -> np.uint64:
    """One step of the hash over a name, taken from its right end."""
    return ((h ^ np.uint64(byte)) * _PRIME) ^ (h >> _S)


def hash_pools(domains: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """Ascending hashes of pool domains, for the suffix match in `davylamp.flows.names`."""
    hashes = []
    for domain in domains:
        name = domain.strip().strip(".").lower()
        h = seed
        for byte in reversed(name.encode("ascii" if name.isascii() else "idna")):
            h = (((h ^ byte) * int(_PRIME)) ^ (h >> int(_S))) & 0xFFFFFFFFFFFFFFFF
        if name:
            hashes.append(h)
    return np.array(sorted(hashes), dtype=np.uint64)


@fused
def lower(byte: Whole) -> Whole:
    """An ASCII letter in lower case."""
    return byte | 0x20 if 0x41 <= byte <= 0x5A else byte


@fused
def find_words(buffer: NDArray[np.uint8], low: int, high: int, words: Vocabulary, fold: bool) -> int:
    """Which classes of words stand in ``buffer[low:high]``, as bits; ``fold`` ignores case."""
    found = 0
    for p in range(low, high):
        first = lower(np.int64(buffer[p])) if fold else np.int64(buffer[p])
        for w in range(words.starts[first], words.starts[first + 1]):
            start, stop = words.offsets[w], words.offsets[w + 1]
            if p + stop - start > high:
                continue
            k = 1
            while k < stop - start:
                byte = lower(np.int64(buffer[p + k])) if fold else np.int64(buffer[p + k])
                if byte != words.text[start + k]:
                    break
                k += 1
            if k == stop - start:
                found |= words.classes[w]
    return found
