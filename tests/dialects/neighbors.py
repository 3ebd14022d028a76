"""One unmistakable message of each mining dialect, for tests that a dialect leaves its neighbors alone."""

import orjson

from davylamp.dialects.session import Json, Rpc

from dialects.talking import hear

HASH = "5f" * 32
OTHER = "1e" * 32
HEAVY_WORDS: list[Json] = [2**63 + 1, 7, 2**64 - 1, 12345]

MESSAGES: dict[str, tuple[bool, dict[str, Json]]] = {
    "stratum-v1 job": (
        False,
        {
            "id": None,
            "method": "mining.notify",
            "params": ["bf", HASH, "01000000", "ffffffff", [], "00000002", "1c2ac4af", "504e86b9", False],
        },
    ),
    "stratum-v1 share": (
        True,
        {
            "id": 4,
            "method": "mining.submit",
            "params": ["user.1", "bf", "00000001", "504e86ed", "b2957c02"],
        },
    ),
    "ethereum-stratum-1 job": (
        False,
        {"id": None, "method": "mining.notify", "params": ["bf0488aa", HASH, OTHER, True]},
    ),
    "ethereum-stratum-1 share": (
        True,
        {"id": 4, "method": "mining.submit", "params": ["user.1", "bf0488aa", "6a909d9bbc0f"]},
    ),
    "ethash job over stratum": (
        False,
        {
            "id": 0,
            "method": "mining.notify",
            "params": ["1", "0x" + HASH, "0x" + OTHER, "0x" + "00ff" * 16, True],
        },
    ),
    "equihash job": (
        False,
        {
            "id": None,
            "method": "mining.notify",
            "params": ["9", "04000000", HASH, OTHER, "00" * 32, "5a2b3c4d", "1d0ffff0", True],
        },
    ),
    "equihash share": (
        True,
        {"id": 4, "method": "mining.submit", "params": ["t1.rig", "9", "5a2b3c4d", "00" * 28, "ab" * 1347]},
    ),
    "kawpow job": (
        False,
        {
            "id": None,
            "method": "mining.notify",
            "params": ["1d2f", HASH, OTHER, "00ff" * 16, True, 1_219_736, "1b00cb1a"],
        },
    ),
    "kawpow share": (
        True,
        {
            "id": 4,
            "method": "mining.submit",
            "params": ["R.rig", "1d2f", "0x3f2a000000000001", "0x" + HASH, "0x" + OTHER],
        },
    ),
    "kadena job": (False, {"id": None, "method": "mining.notify", "params": ["1234", "ab" * 286, True]}),
    "eth-proxy poll": (True, {"id": 3, "jsonrpc": "2.0", "method": "eth_getWork", "params": []}),
    "monero job": (
        False,
        {
            "jsonrpc": "2.0",
            "method": "job",
            "params": {"blob": "1010" + "ab" * 74, "job_id": "a1", "target": "b88d0600", "height": 9},
        },
    ),
    "monero share": (
        True,
        {
            "id": 4,
            "jsonrpc": "2.0",
            "method": "submit",
            "params": {"id": "x", "job_id": "a1", "nonce": "d0030040", "result": HASH},
        },
    ),
    "ckb job": (False, {"id": None, "method": "mining.notify", "params": ["1611", HASH, 1, OTHER, True]}),
    "kaspa job": (
        False,
        {"id": 1, "method": "mining.notify", "params": ["34", HEAVY_WORDS, 1_700_000_000_000]},
    ),
    "conflux job": (
        False,
        {
            "id": 0,
            "method": "mining.notify",
            "params": ["2a17", "1641369", "0x" + HASH, "0x044b" + "fa" * 27],
        },
    ),
    "conflux share": (
        True,
        {"id": 4, "method": "mining.submit", "params": ["cfx:a", "2a17", "0x21b49d385865819a", "0x" + HASH]},
    ),
    "ergo job": (
        False,
        {
            "id": None,
            "method": "mining.notify",
            "params": ["7", 1_500_000, HASH, "", "", 3, str(2**224), "", True],
        },
    ),
    "ergo share": (
        True,
        {"id": 4, "method": "mining.submit", "params": ["9w.rig", "7", "0a0b0c0d", "", "010203040a0b0c0d"]},
    ),
    "fishhash job": (
        False,
        {"id": 9, "method": "mining.notify", "body": {"miningRequestId": 17, "header": "11" * 180}},
    ),
    "fishhash share": (
        True,
        {
            "id": 4,
            "method": "mining.submit",
            "body": {"miningRequestId": 17, "randomness": "000500000000000e"},
        },
    ),
    "beam job": (
        False,
        {"id": "212", "jsonrpc": "2.0", "method": "job", "input": HASH, "difficulty": 138_455_134},
    ),
    "beam solution": (
        True,
        {
            "id": "212",
            "jsonrpc": "2.0",
            "method": "solution",
            "nonce": "471051c32c32cafc",
            "output": "57" * 104,
        },
    ),
    "grin job": (
        False,
        {
            "id": "Stratum",
            "jsonrpc": "2.0",
            "method": "job",
            "params": {"difficulty": 1, "height": 16_375, "job_id": 5, "pre_pow": "0001" + "3f" * 235},
        },
    ),
    "grin share": (
        True,
        {
            "id": "0",
            "jsonrpc": "2.0",
            "method": "submit",
            "params": {
                "height": 16_419,
                "job_id": 0,
                "nonce": 8_895_699_060_858_340_771,
                "pow": [*range(42)],
            },
        },
    ),
}


def neighbors(own: str) -> dict[str, list[Rpc]]:
    """Each message alone, but for those whose name begins with ``own``."""
    return {
        name: hear([(side, orjson.dumps(body))])
        for name, (side, body) in MESSAGES.items()
        if not name.startswith(own)
    }


def of(own: str) -> dict[str, list[Rpc]]:
    """Each message alone of the dialect ``own``: a capture that begins in mid-session."""
    foreign = neighbors(own)
    return {
        name: hear([(side, orjson.dumps(body))])
        for name, (side, body) in MESSAGES.items()
        if name not in foreign
    }
