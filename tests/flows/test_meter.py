"""Flows: what belongs to one, who is the client, what is counted, and that nothing gets lost."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.errors import BadUse
from davylamp.flows import meter as meter_module
from davylamp.flows.export import ip_text
from davylamp.flows.meter import Meter, MeterSettings
from davylamp.records import ACK, FIN, RST, SYN, TCP, UDP
from flows.meter_talk import MINER, POOL, SECOND, SMALL, START, Packet, PlainMeter, Talk, batch_of, rows_of

HOSTS = ("10.0.0.1", "10.0.0.2", "2001:db8::7")
PORTS = (3333, 40000)
PAYLOADS = (
    b"",
    b"",
    b'{"id":1,"method":"login"}\n',
    b"\x17\x03\x03\x00\x05abcde",
    b"GET / HTTP/1.1\r\nHost: a.b\r\n\r\n",
)

MANY = list(permutations([(host, port) for host in HOSTS for port in PORTS], 2))  # 30 directions, 15 flows
FEW = [*MANY[:2], (MANY[0][1], MANY[0][0]), (MANY[1][1], MANY[1][0])]  # two flows, so that sequences meet

FLAGS = (*[ACK] * 10, SYN, SYN | ACK, FIN | ACK, RST)


@st.composite
def traffic(draw: st.DrawFn, *, monotone: bool, most: int = 60) -> list[Packet]:
    steps = (0, 1, 1, SECOND, SECOND, 2 * SECOND, 20 * SECOND, 40 * SECOND, 700 * SECOND)
    back = () if monotone else (-SECOND, -800 * SECOND, 10_000_000 * SECOND, -10_000_000 * SECOND)
    ts, packets = START, []
    for _ in range(draw(st.sampled_from((0, 1, 2, 5, 20, most, most)))):
        ts += draw(st.sampled_from(steps + back))
        ends = draw(st.sampled_from(FEW if monotone else MANY))
        flags = draw(st.sampled_from(FLAGS))
        payload = draw(st.sampled_from(PAYLOADS))
        packets.append(
            Packet(
                ts,
                *ends[0],
                *ends[1],
                payload,
                draw(st.sampled_from(range(0, 90, 5))),
                flags,
                draw(st.sampled_from((TCP, TCP, UDP))),
            )
        )
    return packets


def total(rows: list[dict[str, Any]], *columns: str) -> int:
    return sum(row[f"{side}_{column}"] for row in rows for column in columns for side in ("client", "server"))


TIGHT = st.builds(
    MeterSettings,
    capacity=st.sampled_from((16, 64)),
    idle_s=st.sampled_from((1.0, 600.0)),
    udp_idle_s=st.sampled_from((1.0, 120.0)),
    linger_s=st.sampled_from((0.5, 30.0)),
    active_s=st.sampled_from((30.0, 3600.0)),
    beat_blocks=st.sampled_from((1, 3, 64)),
    names=st.sampled_from((1, 16)),
    bulk_grace=st.sampled_from((1, 2, 17)),
)


@settings(deadline=None)
@given(traffic(monotone=False), TIGHT, st.integers(1, 5))
def test_every_packet_and_byte_is_in_exactly_one_row(
    packets: list[Packet], bounds: MeterSettings, room: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meter_module, "OUT_FLOWS", room)
        meter = Meter(bounds)
        rows = rows_of(meter, packets)
    assert total(rows, "packets") == len(packets)
    assert total(rows, "bytes") == sum(p.length + 54 for p in packets)
    assert total(rows, "payload_bytes") == sum(p.length for p in packets)
    assert total(rows, "payload_packets") == sum(p.length > 0 for p in packets)
    ends = {(row["flow_id"], *sorted((row["client_ip"], row["server_ip"])), row["proto"]) for row in rows}
    assert len(ends) == len({row["flow_id"] for row in rows})
    assert meter.live == 0


@settings(deadline=None)
@given(traffic(monotone=False), TIGHT, st.lists(st.integers(0, 60), max_size=6), st.integers(1, 5))
def test_cutting_the_input_elsewhere_changes_no_row(
    packets: list[Packet], bounds: MeterSettings, cuts: list[int], room: int
) -> None:
    whole = rows_of(Meter(bounds), packets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meter_module, "OUT_FLOWS", room)
        parts = rows_of(Meter(bounds), packets, [min(c, len(packets)) for c in cuts])
    assert whole == parts


@settings(deadline=None, max_examples=200)
@given(traffic(monotone=True, most=80), st.sampled_from((2, 5)))
def test_flows_equal_those_of_a_plain_meter(packets: list[Packet], grace: int) -> None:
    bounds = MeterSettings(
        capacity=256, beat_blocks=512, names=64, bulk_grace=grace, held_idle_s=600.0, active_s=10 * 86400.0
    )
    plain = PlainMeter(bounds)
    for packet in packets:
        plain.feed(packet)
    expected = []
    for flow in [*plain.done, *plain.flows.values()]:
        beats = None if flow.beats is None else [(ms, *who, length) for ms, who, length in flow.beats]
        ends = sorted(
            (*who, s.packets, s.payload, s.gap, s.retransmissions, s.late) for who, s in flow.sides.items()
        )
        expected.append((flow.first, flow.last, ends, beats))
    rows = rows_of(Meter(bounds), packets)
    assert sorted(map(repr, map(as_plain, rows))) == sorted(map(repr, expected))
    assert len({(row["flow_id"], row["part"]) for row in rows}) == len(rows)


def as_plain(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row in the plain meter's words."""
    counts = ("packets", "payload_bytes", "gap_bytes", "retransmissions", "out_of_order")
    ends = {s: (ip_text(row[f"{s}_ip"]), row[f"{s}_port"]) for s in ("client", "server")}
    sides = sorted((*ends[s], *(row[f"{s}_{c}"] for c in counts)) for s in ends)
    beats = row["beats"]
    if beats is not None:
        beats = [
            (b["ms"], *(ends["client"] if b["len"] > 0 else ends["server"]), abs(b["len"])) for b in beats
        ]
    return (row["first_ns"], row["last_ns"], sides, beats)


def one(talk: Talk, bounds: MeterSettings = SMALL, **kwargs: Any) -> dict[str, Any]:
    rows = rows_of(Meter(bounds, **kwargs), talk.packets)
    assert len(rows) == 1
    return rows[0]


# --- roles -------------------------------------------------------------------------------------------------


def test_who_sends_the_syn_is_the_client_whatever_the_ports() -> None:
    row = one(Talk(sport=443, dport=60000).shake())
    assert (row["client_port"], row["role_reason"], row["handshake_seen"]) == (443, "syn", True)


def test_who_sends_syn_ack_first_is_the_server() -> None:
    talk = Talk(sport=80, dport=50000)
    talk.send(False, flags=SYN | ACK)
    row = one(talk)
    assert (row["client_port"], row["server_port"], row["role_reason"]) == (80, 50000, "synack")
    assert row["handshake_seen"]


@pytest.mark.parametrize(
    ("mine", "theirs", "client", "reason"),
    [
        (50000, 443, 50000, "port"),  # below 1024
        (443, 50000, 50000, "port"),
        (2000, 14444, 2000, "port"),  # a known mining port above another registered one
        (14444, 2000, 2000, "port"),
        (40000, 20000, 40000, "port"),  # below 32768
        (5000, 6000, 6000, "port"),  # both registered: the lower one
        (50001, 50000, 50001, "first"),  # nothing to tell them apart
        (50000, 50001, 50000, "first"),
        (7000, 7000, 7000, "first"),
    ],
)
def test_without_a_handshake_ports_tell_the_client(mine: int, theirs: int, client: int, reason: str) -> None:
    row = one(Talk(sport=mine, dport=theirs).client(b"\x80\x81\x82"))
    assert (row["client_port"], row["role_reason"], row["handshake_seen"]) == (client, reason, False)


@pytest.mark.parametrize(
    ("from_miner", "payload"),
    [
        (True, b'{"id": 1, "method": "mining.submit", "params": []}\n'),
        (True, b'{"method":"submit","params":{"result":"00"}}\n'),
        (False, b'{"jsonrpc":"2.0","method":"job","params":{}}\n'),
        (False, b'{"id":4,"result":true,"error":null}\n'),
        (False, b'{"params":["a"],"method": "mining.notify"}\n'),
        (True, b"POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"),
    ],
)
def test_payload_tells_the_client_where_ports_mislead(from_miner: bool, payload: bytes) -> None:
    talk = Talk(sport=3333, dport=50000)  # a miner that happens to use a pool's port
    row = one(talk.send(from_miner, payload))
    assert (row["client_port"], row["role_reason"]) == (3333, "payload")


def test_a_handshake_outweighs_payload() -> None:
    row = one(Talk().shake().server(b'{"method":"login"}\n'))
    assert (row["client_port"], row["role_reason"]) == (50000, "syn")


def test_turning_all_directions_turns_the_row() -> None:
    talk = Talk(sport=50000, dport=50001).client(b"\x90" * 7).server(b"\x91" * 9).client(b"\x92" * 5)
    swap = [Packet(p.ts_ns, p.dst, p.dport, p.src, p.sport, p.payload, p.seq, p.flags) for p in talk.packets]
    row, turned = one(talk), rows_of(Meter(SMALL), swap)[0]
    assert (row["client_ip"], row["client_payload_bytes"]) == (turned["server_ip"], 12)
    assert turned["client_payload_bytes"] == 12
    assert [b["len"] for b in row["beats"]] == [b["len"] for b in turned["beats"]] == [7, -9, 5]


def test_roles_stay_once_a_candidate_was_handed_out() -> None:
    talk = Talk(sport=50000, dport=3333).client(b'{"id":1}\n').client(b'{"method":"job"}\n')
    assert one(talk)["client_port"] == 50000


# --- beginnings and ends -----------------------------------------------------------------------------------


def test_fin_both_ways_then_quiet_closes() -> None:
    talk = Talk().shake().client(b"\x80").send(True, flags=FIN | ACK).send(False, flags=FIN | ACK).send(True)
    other = Talk(sport=50009, ts_ns=talk.ts_ns)
    for _ in range(40):
        other.client(b"\x80", after_s=10)
    rows = rows_of(Meter(SMALL), talk.packets + other.packets)
    assert [row["end_reason"] for row in rows] == ["closed", "input"]


def test_a_new_syn_on_the_same_ports_is_a_new_flow() -> None:
    talk = Talk().shake().client(b"\x80" * 4)
    talk.seq = [90000, 80000]
    talk.shake().client(b"\x80" * 6)
    rows = rows_of(Meter(SMALL), talk.packets)
    assert [row["client_payload_bytes"] for row in rows] == [4, 6]
    assert [row["end_reason"] for row in rows] == ["reused", "input"]


def test_a_repeated_syn_is_the_same_flow() -> None:
    talk = Talk().send(True, flags=SYN)
    talk.seq[0] -= 1
    talk.send(True, flags=SYN, after_s=3)
    talk.seq[0] -= 1
    assert one(talk.shake())["client_packets"] == 4


def test_a_connection_that_goes_on_after_a_forged_rst_is_one_flow() -> None:
    talk = Talk().shake().client(b"\x80" * 4).send(False, flags=RST)
    talk.client(b"\x81" * 4, after_s=1).server(b"\x82" * 4, after_s=120)
    assert one(talk)["server_payload_bytes"] == 4


def test_silence_beyond_the_idle_time_begins_a_new_flow_forward_and_back() -> None:
    talk = Talk().client(b"\x80").client(b"\x80", after_s=601).client(b"\x80", after_s=-700)
    reasons = [row["end_reason"] for row in rows_of(Meter(SMALL), talk.packets)]
    assert reasons == ["input", "idle", "idle"]  # the last one began first


def test_a_held_flow_outlives_quiet_that_ends_another() -> None:
    line = b'{"id":1,"method":"login"}\n'
    mining = Talk().client(line).client(line, after_s=3000)
    other = Talk().client(b"\x80").client(b"\x80", after_s=3000)
    assert len(rows_of(Meter(SMALL), mining.packets)) == 1
    assert len(rows_of(Meter(SMALL), other.packets)) == 2


def test_a_jump_in_time_expires_no_live_flow() -> None:
    months = 90 * 86400
    packets = []
    for k in range(400):  # two captures, months apart, merged packet by packet
        early = k % 2 == 0
        ts = START + (k // 2) * SECOND + (0 if early else months * SECOND)
        packets.append(
            Packet(ts, MINER, 50000 if early else 50001, POOL, 9000, b"\x80" * 3, seq=3 * (k // 2))
        )
    rows = rows_of(Meter(SMALL), packets)
    assert [row["client_payload_bytes"] for row in rows] == [600, 600]


def test_a_long_flow_comes_in_parts_with_one_identity() -> None:
    talk = Talk()
    for _ in range(10):
        talk.client(b"\x80" * 5, after_s=400)
    rows = rows_of(Meter(MeterSettings(capacity=16, beat_blocks=64, names=8, active_s=1000)), talk.packets)
    assert [row["part"] for row in rows] == [0, 1, 2, 3]
    assert len({row["flow_id"] for row in rows}) == 1
    assert [row["client_payload_bytes"] for row in rows] == [15, 15, 15, 5]
    assert [b["ms"] for b in rows[1]["beats"]] == [0, 400_000, 800_000]
    assert [row["end_reason"] for row in rows] == ["active"] * 3 + ["input"]


def test_a_flow_has_one_identity_whatever_was_read_before_and_by_whom() -> None:
    """Another meter, another slot, another number within the meter: the same id, for each part of it."""
    talk, before = Talk(), Talk(sport=50001, ts_ns=START - 5000 * SECOND)
    for _ in range(10):
        talk.client(b"\x80" * 5, after_s=400)
        before.client(b"\x80", after_s=300)
    bounds = MeterSettings(capacity=16, beat_blocks=64, names=8, active_s=1000)
    alone = rows_of(Meter(bounds), talk.packets)
    among = rows_of(Meter(bounds), before.packets + talk.packets, [3, 11])
    assert [r for r in among if r["client_port"] == 50000] == alone
    assert len({(r["flow_id"], r["part"]) for r in among}) == len(among)
    assert all(0 <= r["flow_id"] < 2**63 for r in among)


def test_a_connection_that_replaces_another_in_the_same_nanosecond_is_another_flow() -> None:
    """Merged or coarse captures stamp both alike: SYN, payload, and twice a new SYN, all at one time."""
    packets = [
        Packet(START, MINER, 50000, POOL, 9000, payload, seq, flags)
        for seq, payload, flags in (
            (1, b"", SYN),
            (2, b"\x80", ACK),
            (77, b"", SYN),
            (78, b"\x80", ACK),
            (99, b"", SYN),
        )
    ]
    rows = rows_of(Meter(SMALL), packets)
    assert len(rows) == 3
    assert len({row["flow_id"] for row in rows}) == 3


def test_the_identity_does_not_depend_on_who_is_taken_for_the_client() -> None:
    turned = [
        Packet(p.ts_ns, p.dst, p.dport, p.src, p.sport, p.payload, p.seq) for p in Talk().client(b"a").packets
    ]
    assert one(Talk().client(b"a"))["flow_id"] == rows_of(Meter(SMALL), turned)[0]["flow_id"]


def test_flows_that_fell_silent_leave_while_others_go_on() -> None:
    silent = Talk(sport=50001).client(b"\x80")
    busy = Talk(sport=50002)
    for _ in range(50):
        busy.client(b"\x80", after_s=30)
    meter = Meter(SMALL)
    meter.feed(batch_of(silent.packets + busy.packets))
    assert meter.live == 1


# --- sequence numbers --------------------------------------------------------------------------------------


def at_sequences(*pairs: tuple[int, int]) -> dict[str, Any]:
    packets = [
        Packet(START + k * SECOND, MINER, 50000, POOL, 9000, b"\x80" * length, seq)
        for k, (seq, length) in enumerate(pairs)
    ]
    rows = rows_of(Meter(SMALL), packets)
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("base", [0, 0xFFFFFFF0, 0x7FFFFFF8])
def test_sequence_accounting_holds_across_the_wrap(base: int) -> None:
    row = at_sequences((base, 10), (base + 30, 10), (base + 10, 10), (base + 20, 10), (base + 30, 10))
    assert row["client_gap_bytes"] == 0
    assert row["client_out_of_order"] == 2
    assert row["client_retransmissions"] == 1
    assert [b["ms"] for b in row["beats"]] == [0, 1000, 2000, 3000]  # the repeated bytes are no beat


def test_lost_bytes_are_counted() -> None:
    assert at_sequences((0, 10), (15, 10), (40, 1))["client_gap_bytes"] == 20


def test_a_keep_alive_is_no_beat() -> None:
    row = at_sequences((100, 10), (109, 1), (110, 4))
    assert [b["len"] for b in row["beats"]] == [10, 4]


def test_a_cut_packet_counts_its_wire_length_and_says_so() -> None:
    packets = [Packet(START, MINER, 50000, POOL, 9000, b"\x80" * 10, wire=1400)]
    row = rows_of(Meter(SMALL), packets)[0]
    assert (row["client_payload_bytes"], row["snapped"], row["beats"][0]["len"]) == (1400, True, 1400)


# --- beats -------------------------------------------------------------------------------------------------


def test_a_day_of_mining_at_forty_a_minute_keeps_every_beat() -> None:
    packets = [
        Packet(
            START + k * 3 * SECOND // 2, MINER, 50000, POOL, 443, b"\x17\x03\x03\x00\x20" + bytes(32), 37 * k
        )
        for k in range(40 * 60 * 24)
    ]
    rows = rows_of(Meter(SMALL), packets)  # one block more is 4096 * 16 beats
    assert sum(len(row["beats"]) for row in rows) == len(packets)


def test_bulk_loses_its_beats_and_gives_their_memory_back() -> None:
    bounds = MeterSettings(capacity=16, beat_blocks=64, names=4)
    meter = Meter(bounds)
    for round_ in range(20):  # each would need 32 of the 64 blocks
        talk = Talk(sport=50000 + round_, ts_ns=START + round_ * SECOND)
        for _ in range(600):
            talk.client(b"\x80" * 9, after_s=0.01)
        meter.feed(batch_of(talk.packets))
    rows = meter.close().to_arrow().to_pylist()
    assert {(row["beats_dropped"], row["beats"]) for row in rows} == {("bulk", None)}
    assert meter.counters["beats_dropped_full"] == 0


def test_a_full_pool_is_said_and_old_flows_keep_theirs() -> None:
    bounds = MeterSettings(capacity=64, beat_blocks=16, names=4)
    packets = [
        Packet(START + k * SECOND, MINER, 50000 + k % 40, POOL, 9000, b"\x80", k // 40) for k in range(80)
    ]
    rows = rows_of(Meter(bounds), packets)
    dropped = [row["beats_dropped"] for row in rows]
    assert dropped == [None] * 14 + ["full"] * 26  # an eighth of the pool is kept for flows with beats
    assert all(len(row["beats"]) == 2 for row in rows[:14])


# --- the reader's side -------------------------------------------------------------------------------------


def test_an_opening_tells_ends_names_and_initial_sequence_numbers() -> None:
    meter = Meter(SMALL)
    talk = Talk().shake().client(b'{"id":1,"method":"login","params":{}}\n')
    flow_id = int(meter.feed(batch_of(talk.packets)).marked.flow_id[0])
    start = meter.opening(flow_id)
    assert (str(start.client), str(start.server)) == (f"{MINER}:50000", f"{POOL}:3333")
    assert (start.isn_client, start.isn_server, start.handshake_seen) == (1000, 2000, True)
    assert (start.mark, start.role_reason) == ("json", "syn")


def test_an_opening_is_known_for_a_flow_that_ended_in_the_same_batch_and_no_longer() -> None:
    meter = Meter(SMALL)
    talk = Talk().client(b'{"id":1,"method":"login"}\n').client(b'{"id":1}\n', after_s=5000)
    result = meter.feed(batch_of(talk.packets))
    first, second = (int(i) for i in result.marked.flow_id)
    assert first != second
    assert meter.opening(first).first_ns == talk.packets[0].ts_ns
    meter.feed(batch_of([]))
    with pytest.raises(BadUse, match="E-FLW-002"):
        meter.opening(first)


def test_a_dismissed_flow_is_not_marked_again_but_its_successor_is() -> None:
    meter = Meter(SMALL)
    line = b'{"id":1,"method":"login"}\n'
    talk = Talk().shake().client(line)
    marked = meter.feed(batch_of(talk.packets)).marked
    meter.dismiss(marked.flow_id)
    count = len(talk.packets)
    talk.client(line).server(line)
    assert meter.feed(batch_of(talk.packets[count:])).marked.row.size == 0
    talk.seq = [70000, 80000]
    count = len(talk.packets)
    talk.shake().client(line)
    again = meter.feed(batch_of(talk.packets[count:]))
    assert again.marked.new.tolist() == [True]
    assert again.ended.to_arrow().to_pylist()[0]["dismissed"]
    assert len(again.ended.interesting()) == 0


def test_marked_rows_carry_payload_and_ends_in_capture_order() -> None:
    talk = Talk().shake().client(b'{"id":1,"method":"login"}\n').send(False).server(b'{"id":1,"result":{}}\n')
    talk.send(True, flags=FIN | ACK).send(False, flags=RST)
    marked = Meter(SMALL).feed(batch_of(talk.packets)).marked
    assert marked.row.tolist() == [3, 5, 6, 7]  # the pure acknowledgment is left out
    assert marked.from_client.tolist() == [True, False, True, False]
    assert marked.new.tolist() == [True, False, False, False]


def test_interesting_keeps_rows_with_their_own_beats_and_names() -> None:
    hello = client_hello(b"eu.nanopool.org")
    talks = [
        Talk(sport=50001).client(b"\x80" * 3),
        Talk(sport=50002).client(b'{"id":1,"method":"login"}\n').client(b"{}\n"),
        Talk(sport=50003, dport=443).client(hello),
        Talk(sport=50004, dport=443).client(client_hello(b"carpool.org")),
    ]
    meter = Meter(SMALL, ["nanopool.org", "pool.org"])
    meter.feed(batch_of([p for talk in talks for p in talk.packets]))
    rows = meter.close().interesting().to_arrow().to_pylist()
    assert [row["client_port"] for row in rows] == [50002, 50003]
    assert [[b["len"] for b in row["beats"]] for row in rows] == [[26, 3], [len(hello)]]
    assert [row["name"] for row in rows] == [None, "eu.nanopool.org"]


def client_hello(name: bytes, alpn: bytes = b"h2") -> bytes:
    sni = bytes([0]) + len(name).to_bytes(2, "big") + name
    protocols = bytes([len(alpn)]) + alpn
    extensions = b"\x00\x17\x00\x00"  # another extension first
    for kind, body in ((0, sni), (16, protocols)):
        listed = len(body).to_bytes(2, "big") + body
        extensions += kind.to_bytes(2, "big") + len(listed).to_bytes(2, "big") + listed
    body = b"\x03\x03" + bytes(32) + b"\x20" + bytes(32) + b"\x00\x04\x13\x01\x13\x02" + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    shake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(shake).to_bytes(2, "big") + shake


def test_settings_out_of_range_are_refused_with_their_names() -> None:
    with pytest.raises(BadUse, match=r"E-FLW-001.*capacity"):
        MeterSettings(capacity=1000)
