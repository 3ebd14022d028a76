"""Traffic that is no mining: what a lamp must stay quiet over.

Web requests, DNS, TLS-shaped downloads, and JSON-RPC conversations of programs that look like miners at first
sight (Electrum wallets, media centers, language servers, Ethereum nodes).
"""

import random
from typing import Final

import orjson

from davylamp.simulate.wire import Said

NAMES: Final = (
    "www.example.edu",
    "mail.example.gov",
    "carpool.example",
    "minecraft.example",
    "cdn.example.net",
)

JSON_TALKS: Final[tuple[tuple[dict[str, object], ...], ...]] = (
    (
        {"id": 0, "method": "server.version", "params": ["Electrum/4.5.4", "1.4"]},
        {"id": 0, "jsonrpc": "2.0", "result": ["ElectrumX 1.16.0", "1.4"]},
        {"id": 1, "method": "blockchain.headers.subscribe", "params": []},
        {"id": 1, "jsonrpc": "2.0", "result": {"height": 823000, "hex": "00" * 80}},
    ),
    (
        {"jsonrpc": "2.0", "method": "JSONRPC.Ping", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "result": "pong"},
        {"jsonrpc": "2.0", "method": "Player.GetActivePlayers", "id": 2},
        {"jsonrpc": "2.0", "id": 2, "result": []},
    ),
    (
        {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
        {"jsonrpc": "2.0", "id": 1, "result": "0x124f80"},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_getBalance", "params": ["0x" + "ab" * 20, "latest"]},
        {"jsonrpc": "2.0", "id": 2, "result": "0x0"},
    ),
)


def web(rng: random.Random) -> list[Said]:
    """One HTTP request and a page."""
    host = rng.choice(NAMES)
    ask = f"GET /page/{rng.randrange(1000)} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode()
    page = rng.randbytes(rng.randrange(500, 20_000)).hex().encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n".encode()
    return [Said(0.0, True, ask), Said(0.05, False, head + page)]


def download(rng: random.Random) -> list[Said]:
    """A TLS-shaped exchange with a client hello and records of random bytes."""
    said = [
        Said(0.0, True, client_hello(rng.choice(NAMES), rng)),
        Said(0.04, False, record(22, rng.randbytes(3000))),
    ]
    sizes = [rng.randrange(40, 9000) for _ in range(rng.randrange(2, 12))]
    records = [record(23, rng.randbytes(size)) for size in sizes]
    return said + [Said(0.1 + i * 0.3, i % 3 == 0, data) for i, data in enumerate(records)]


def json_talk(rng: random.Random) -> list[Said]:
    """A JSON-RPC conversation that is no mining."""
    talk = rng.choice(JSON_TALKS)
    return [Said(i * 0.5, i % 2 == 0, orjson.dumps(body) + b"\n") for i, body in enumerate(talk)]


def record(kind: int, data: bytes) -> bytes:
    """TLS records of one content type around data."""
    step = 16384
    cuts = [data[i : i + step] for i in range(0, len(data), step)]
    return b"".join(bytes([kind, 3, 3]) + len(cut).to_bytes(2, "big") + cut for cut in cuts)


def client_hello(name: str, rng: random.Random) -> bytes:
    """A TLS 1.2-compatible client hello with a server name."""
    host = name.encode()
    entry = b"\0" + len(host).to_bytes(2, "big") + host
    server_name = b"\0\0" + (len(entry) + 2).to_bytes(2, "big") + len(entry).to_bytes(2, "big") + entry
    versions = b"\0\x2b\0\x03\x02\x03\x04"
    extensions = server_name + versions
    body = b"\x03\x03" + rng.randbytes(32) + b"\x20" + rng.randbytes(32)
    body += b"\0\x04\x13\x01\x13\x02" + b"\x01\0" + len(extensions).to_bytes(2, "big") + extensions
    return record(22, b"\x01" + len(body).to_bytes(3, "big") + body)


def wrap_tls(said: list[Said], name: str, rng: random.Random) -> list[Said]:
    """The same conversation as TLS 1.3 would show it: records 22 bytes longer, behind a handshake."""
    shift = 0.15
    shaped = [
        Said(0.0, True, client_hello(name, rng)),
        Said(0.05, False, record(22, rng.randbytes(118)) + record(23, rng.randbytes(2900))),
        Said(0.1, True, record(20, b"\x01") + record(23, rng.randbytes(53))),
    ]
    shaped += [Said(shift + s.at_s, s.from_client, record(23, rng.randbytes(len(s.data) + 17))) for s in said]
    return shaped


KINDS: Final = (web, download, json_talk)
