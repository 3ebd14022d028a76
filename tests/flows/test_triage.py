"""Triage: which conversations are worth reading, which are nodes, and whose names are a pool's."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from davylamp.flows.meter import Meter
from davylamp.records import SYN, UDP
from flows.meter_talk import MINER, POOL, SECOND, SMALL, START, Packet, Talk, batch_of, rows_of
from flows.test_meter import client_hello

SETUP = (
    bytes([0, 0, 0])
    + (24).to_bytes(3, "little")
    + b"\x00\x02\x00\x02\x00\x00\x00\x00\x00\x04pool"
    + bytes(10)
)
MAGIC = {"bitcoin": "f9beb4d9", "litecoin": "fbc0b6db", "dogecoin": "c0c0c0c0", "dash": "bf0c6bbd"}
MAGIC |= {"bitcoin-cash": "e3e1f3e8", "zcash": "24e92764", "ravencoin": "5241564e"}
LEVIN = bytes.fromhex("0121010101010101") + bytes(25)


def judged(
    *payloads: bytes, sport: int = 50000, dport: int = 9000, pools: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The row of one flow whose client sends these payloads."""
    talk = Talk(sport=sport, dport=dport)
    for payload in payloads:
        talk.client(payload)
    rows = rows_of(Meter(SMALL, pools), talk.packets)
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(
    ("payload", "mark"),
    [
        (b'{"id":1,"method":"mining.subscribe","params":[]}\n', "json"),
        (b' \r\n\t{ "id": 1}', "json"),
        (b'[ {"jsonrpc":"2.0"}]', "json"),
        (b"{}\n", "json"),
        (b"{", "json"),
        (b'00ff"]}\n{"id":7,"method":"x"}', "json"),  # the tail of a line, then a whole one
        (b'"5f3a","method": "mining.submit"}', "json"),
        (b'a9"],"method":"eth_submitWork"}', "json"),
        (b"POST / HTTP/1.1\r\ncontent-TYPE: application/json-rpc\r\n\r\n", "http"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n", "http"),
        (b"GET /LP HTTP/1.1\r\nUser-Agent: CGMiner/4.1\r\n\r\n", "http"),
        (b"POST / HTTP/1.1\r\nX-Mining-Extensions: longpoll\r\n\r\n", "http"),
        (b'POST / HTTP/1.0\r\nA: b\r\n\r\n{"method":"getwork"}', "http"),
        (b"POST / HTTP/1.0\nA: b\n\n{'getblocktemplate'}", "http"),
        (b"GET /pool_info HTTP/1.1\r\n\r\n", "http"),
        (b"PUT /farmer HTTP/1.1\r\n\r\n", "http"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "http"),
        (b"CONNECT pool.example:3333 HTTP/1.1\r\n\r\n", "connect"),
        (b"\x05\x01\x00", "socks"),
        (b"\x05\x02\x00\x02", "socks"),
        (b"\x04\x01\x0d\x05\xc0\x00\x02\x07me\x00", "socks"),
        (SETUP, "sv2"),
        (SETUP[:11], "sv2"),  # cut by segmentation
        (b"\0\x80\x1a\x18\0\0" + b"\7" * 24, "sv2"),  # SubmitSharesStandard, joined midway
        (b"\0\x80\x1b\x1d\0\0" + b"\7" * 24 + b"\4" + b"\7" * 4, "sv2"),  # SubmitSharesExtended
        (b"JOB,someone,MEDIUM,\n", "text"),
        (b"FROM,PC Miner,someone", "text"),
        (client_hello(b"a.example"), "tls"),
        (b"\x17\x03\x03\x00\x30" + bytes(48), "tls"),
        (LEVIN, "node"),
        # --- look-alikes that say nothing
        (b"", None),
        (b"hello world, this is text\r\n", None),
        (b"{ unquoted }", None),
        (b"[1, 2, 3]", None),
        (b"{\x80\x81", None),
        (b"\x80\x81mining.subscribe", None),
        (b"4.3\n", None),  # a version banner alone
        (b"JOB,", None),
        (b"JOBS,someone,MEDIUM", None),
        (b"GET /index.html HTTP/1.1\r\nHost: carpool.org\r\nAccept: application/json\r\n\r\n", None),
        (b"GET /farmers HTTP/1.1\r\n\r\n", None),
        (b"POST /form HTTP/1.1\r\nContent-Type: text/html\r\n\r\nname=Kim", None),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}", None),  # any web API
        (b"\x05\x02\x00", None),  # shorter than it says
        (b"\x05\x01\x00\x00", None),  # longer
        (b"\x05\x01\x40", None),  # no such method
        (b"\x05\x00", None),
        (SETUP[:7] + b"\x01" + SETUP[8:], None),  # another version
        (bytes(64), None),
        (bytes.fromhex("f9beb4d9") + b"\x80" * 20, None),  # magic without a command
        (bytes.fromhex("f9beb4d9") + b"ver\0sion" + bytes(12), None),  # command broken by NUL
        (LEVIN[:7] + b"\x02" + LEVIN[8:], None),
    ],
)
def test_first_payload_decides(payload: bytes, mark: str | None) -> None:
    assert judged(payload)["mark"] == mark


@pytest.mark.parametrize(("network", "magic"), MAGIC.items())
def test_nodes_are_known_by_magic_and_command(network: str, magic: str) -> None:
    message = bytes.fromhex(magic) + b"version".ljust(12, b"\0") + bytes(8)
    row = judged(b"\x99" * 40, message)  # joined midway: not in the first packet
    assert (row["mark"], row["node_kind"]) == ("node", network)


def test_monero_peers_are_nodes() -> None:
    assert judged(LEVIN)["node_kind"] == "monero"


def test_devp2p_needs_both_its_port_and_its_shape() -> None:
    auth = (400).to_bytes(2, "big") + b"\x99" * 400
    assert judged(auth, dport=30303)["node_kind"] == "devp2p"
    assert judged(b"\x99" * 307, dport=30303)["node_kind"] == "devp2p"
    assert judged(auth, dport=30304)["mark"] is None
    assert judged(auth + b"\x99", dport=30303)["mark"] is None


def test_node_discovery_is_handed_out_for_a_check_of_its_hash() -> None:
    ping = bytes(97) + b"\x01" + b"\xc9" + bytes(9)
    packets = [
        Packet(START, MINER, 30303, POOL, 40404, ping, proto=UDP),
        Packet(START + 1, MINER, 53, POOL, 53, b"\x00" * 120, proto=UDP),
        Packet(START + 2, MINER, 30303, POOL, 40404, ping[:98], proto=UDP),
    ]
    meter = Meter(SMALL)
    checks = meter.feed(batch_of(packets)).checks
    assert checks.row.tolist() == [0]
    meter.confirm_discovery(checks.flow_id.tolist())
    rows = meter.close().to_arrow().to_pylist()
    assert [row["node_kind"] for row in rows] == ["ethereum", None]


def test_socks_is_a_first_payload_only() -> None:
    assert judged(b"\x99\x99", b"\x05\x01\x00")["mark"] is None


def test_plain_http_is_looked_at_again_at_each_request() -> None:
    web = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"
    work = b'POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"method":"getwork"}'
    row = judged(*[web] * 60, work)
    assert (row["mark"], row["name"], row["name_kind"]) == ("http", "www.example", "host")


def test_a_flow_that_says_nothing_for_long_is_given_up() -> None:
    line = b'{"id":1,"method":"login"}\n'
    assert judged(*[b"\x99\x98"] * 47, line)["mark"] == "json"
    assert judged(*[b"\x99\x98"] * 48, line)["mark"] is None


def test_a_banner_then_a_request_for_work_is_a_candidate() -> None:
    talk = Talk(dport=2811).shake().server(b"4.3\n").client(b"JOB,someone,MEDIUM,\n")
    marked = Meter(SMALL).feed(batch_of(talk.packets)).marked
    assert marked.row.tolist() == [4]


# --- names -------------------------------------------------------------------------------------------------

POOLS = ("nanopool.org", "Pool.Example.", "币.example")


@pytest.mark.parametrize(
    ("name", "is_pool"),
    [
        (b"nanopool.org", True),
        (b"xmr-eu1.nanopool.org", True),
        (b"XMR-EU1.NanoPool.ORG", True),
        (b"pool.example", True),
        (b"xn--gcr.example", False),
        ("币.example".encode("idna"), True),
        (b"carpool.example", False),
        (b"mynanopool.org", False),
        (b"nanopool.org.example", False),
        (b"org", False),
        (b"pool.example.com", False),
        (b"a" * 200 + b".nanopool.org", True),
    ],
)
def test_pools_are_matched_by_whole_labels(name: bytes, is_pool: bool) -> None:
    row = judged(client_hello(name), dport=443, pools=POOLS)
    assert row["pool_named"] is is_pool
    assert row["name"] == name.lower().decode()[-96:]
    assert row["name_cut"] is (len(name) > 96)
    assert (row["alpn"], row["name_kind"]) == ("h2", "sni")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"pool.example:8080", "pool.example"),
        (b"  POOL.example.  ", "pool.example"),
        (b"[2001:db8::1]:80", "2001:db8::1"),
        (b'a"b', None),
        (b"", None),
        (b"x" * 256, None),
    ],
)
def test_a_host_header_is_kept_without_its_port(host: bytes, name: str | None) -> None:
    assert judged(b"GET / HTTP/1.1\r\nHost:" + host + b"\r\n\r\n")["name"] == name


def test_the_target_of_a_tunnel_is_kept() -> None:
    row = judged(b"CONNECT xmr.nanopool.org:443 HTTP/1.1\r\n\r\n", pools=POOLS)
    assert (row["name"], row["name_kind"], row["pool_named"]) == ("xmr.nanopool.org", "connect", True)


def test_a_hello_cut_anywhere_gives_its_whole_names_or_none() -> None:
    hello = client_hello(b"xmr.nanopool.org")
    names = [judged(hello[:size], dport=443)["name"] for size in range(1, len(hello) + 1)]
    first = names.index("xmr.nanopool.org")
    assert set(names[:first]) == {None}
    assert set(names[first:]) == {"xmr.nanopool.org"}


def test_only_names_of_a_flow_are_kept_of_its_payload() -> None:
    secret = b"POST /login?u=kim HTTP/1.1\r\nHost: a.example\r\nCookie: s3cret\r\n\r\npassword=hunter2"
    meter = Meter(SMALL)
    meter.feed(batch_of(Talk().client(secret).packets))
    ended = meter.close()
    kept = b"".join(a.tobytes() for a in (ended.flows, ended.sides, ended.names, ended.beats))
    assert b"a.example" in kept
    assert not any(word in kept for word in (b"kim", b"s3cret", b"hunter2", b"Cookie"))


def test_a_full_table_gives_up_half_open_flows_before_mining() -> None:
    meter = Meter(SMALL)
    mining = Talk().shake().client(b'{"id":1,"method":"login"}\n')
    flow_id = int(meter.feed(batch_of(mining.packets)).marked.flow_id[0])
    for wave in range(8):
        flood = [
            Packet(mining.ts_ns + k, f"10.1.{wave}.{k % 250}", 1024 + k, POOL, 80, seq=k, flags=SYN)
            for k in range(1000)
        ]
        meter.feed(batch_of(flood))
    assert meter.opening(flow_id).mark == "json"
    assert meter.live == SMALL.capacity
    assert meter.counters["ended_evicted"] == 8001 - SMALL.capacity
    assert meter.counters["evicted_held"] == 0


# --- hostile input -----------------------------------------------------------------------------------------

HOSTILE = """
import random
import numpy as np
from davylamp.kernel import BOUNDS_CHECKED
from davylamp.flows.meter import Meter
from flows.meter_talk import SMALL, Talk, batch_of
from flows.test_meter import client_hello
from flows.test_triage import LEVIN, SETUP
assert BOUNDS_CHECKED
seeds = [
    client_hello(b"xmr.nanopool.org"), client_hello(b"b" * 250), SETUP, LEVIN, b"JOB,someone,MEDIUM",
    b'  [ {"id":1,"method":"mining.subscribe"}]', b'x"]}\\n{"id"', b"\\x05\\x02\\x00\\x02",
    b"\\x04\\x01\\x00\\x50abcdm\\0",
    b"POST /farmer HTTP/1.1\\r\\nHost: [::1]:80\\r\\nUser-Agent: xmrig\\r\\nUpgrade: websocket\\r\\n\\r\\ngetwork",
    b"CONNECT a.b:1 HTTP/1.1\\r\\n\\r\\n", b"HTTP/1.1 101 S\\r\\nupgrade: websocket\\r\\n\\r\\n",
    bytes.fromhex("f9beb4d9") + b"version".ljust(12, b"\\0"),
]
rng = random.Random(7)
meter = Meter(SMALL, ["nanopool.org"])
for payload in seeds:
    for size in range(len(payload) + 1):  # each as the last bytes of the buffer
        meter.feed(batch_of(Talk(sport=1024 + size, dport=rng.choice((443, 30303))).client(payload[:size]).packets))
for k in range(3000):
    payload = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        payload[rng.randrange(len(payload))] = rng.choice((0, 1, 255, rng.randrange(256)))
    meter.feed(batch_of(Talk(sport=1024 + k).client(bytes(payload[rng.randrange(9):])).packets))
batch = batch_of(Talk().client(b"{}").client(b"{}").packets)
lying = batch._replace(payload_off=np.array([-5, 3]), payload_len=np.array([4, 1 << 30], dtype=np.int32))
before = meter.counters["payload_outside_buffer"]
meter.feed(lying)
assert meter.counters["payload_outside_buffer"] == before + 2
meter.close().to_arrow()
print("unharmed")
"""


@pytest.mark.slow
def test_no_payload_makes_a_kernel_read_outside_its_buffer() -> None:
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = {**os.environ, "DAVYLAMP_BOUNDSCHECK": "1", "PYTHONPATH": tests}
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.stdout.strip() == "unharmed", done.stderr[-3000:]


FLOOD = """
import numpy as np
from davylamp.flows.meter import Meter, MeterSettings
from davylamp.records import PacketBatch
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
n = 50_000
meter = Meter(MeterSettings(capacity=1 << 16))
zero64, zero32 = np.zeros(n, np.uint64), np.zeros(n, np.int32)
def wave(k):
    sources = np.arange(k * n, (k + 1) * n, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1 << 32)
    return PacketBatch(np.zeros(1, np.uint8), np.full(n, k * 10**7), zero64, sources, zero64, zero64 + np.uint64(7),
        np.full(n, 4000, np.uint16), np.full(n, 80, np.uint16), np.full(n, 6, np.uint8), np.full(n, 2, np.uint8),
        np.arange(n, dtype=np.uint32), zero32.view(np.uint32), np.zeros(n, np.int64), zero32, zero32, zero32 + 60)
for k in range(3):
    meter.feed(wave(k))
before, ended, most = resident(), 0, 0
for k in range(3, 103):
    got = len(meter.feed(wave(k)).ended)
    ended, most = ended + got, max(most, got)
    assert meter.live <= 1 << 16
assert meter.counters["flows"] == 103 * n
assert most <= n + 2, most
print((resident() - before) >> 20)
"""


def test_a_flood_of_five_million_flows_grows_no_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) <= 64  # MB; one batch's ended rows are 13 MB


def test_columns_of_another_type_or_layout_are_taken_too() -> None:
    batch = batch_of(Talk().client(b'{"id":1,"method":"login"}\n').packets * 2)
    frozen = np.frombuffer(batch.buffer.tobytes(), dtype=np.uint8)  # read-only
    other = batch._replace(
        buffer=frozen, sport=batch.sport.astype(np.int64), seq=np.repeat(batch.seq, 2)[::2]
    )
    assert Meter(SMALL).feed(other).marked.row.tolist() == [0, 1]
    assert batch.ts_ns[0] == START + SECOND // 10
