"""Chains: the right host by time, every reading kept, gaps said, hand-overs split or ambiguous."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.attribution.chain import Subject, attribute, trace
from davylamp.attribution.chronicle import Chronicle
from davylamp.attribution.hops.clocks import Offset
from davylamp.attribution.hops.record import Binding, Holder, Lease, Logon, Nat, PortEntry, Records, Seen
from davylamp.records import Endpoint

from attribution.hoplines import NS, at

OUT, IP, PORT = "203.0.113.5", "10.1.2.3", 40112
A, B = "3c:52:82:00:00:0a", "3c:52:82:00:00:0b"
T = at("2024-06-01T10:00:00")
MINUTE = 60
EXACT = {"dhcp": Offset(0.0, 2.0, "checked"), "nat": Offset(0.0, 2.0, "checked")}


def s(seconds):
    return T + int(seconds * NS)


def seen(source, begin, end, note=""):
    return Seen(source, 1, None if begin is None else s(begin), None if end is None else s(end), note)


def nat(begin, end, inside=IP, port=51515, outside=PORT, remote=None):
    return Nat(seen("nat", begin, end), Endpoint(inside, port), OUT, outside, outside, 6, remote)


def lease(mac, begin, end, host="", ip=IP):
    return Lease(seen("dhcp", begin, end), ip, mac, host)


def collect(*found):
    records = Records()
    for record in found:
        records.add(record)
    return records


def values(chain):
    return {link.hop: link.value for link in chain}


def traced(records, begin, end, port=PORT, ip=OUT, offsets=EXACT):
    return trace(ip, port, (s(begin), s(end)), records, offsets)


def judged(records, begin, end, port=PORT, ip=OUT, offsets=EXACT):
    return attribute(Subject(ip, port, s(begin), s(end)), Chronicle(records, offsets))


WHOLE = collect(
    nat(0, 3600),
    lease(A, -3600, 7200, "PC-A"),
    Binding(seen("core", 600, 600), IP, A),
    PortEntry(seen("acc-1", 700, 700), A, "acc-1", "Gi1/0/3"),
    Logon(seen("ad", -600, -600), user="li.m", host="PC-A", ip=IP),
    Holder(seen("assets", None, None), "Li Ming", "Physics", "B204", mac=A, host="PC-A"),
)


def test_a_full_chain_names_every_hop_and_its_source():
    (chain,) = traced(WHOLE, 10, 3000)
    assert [link.hop for link in chain] == ["address", "nat", "lease", "mac", "port", "host", "holder"]
    assert values(chain) == {
        "address": f"{OUT}:{PORT}", "nat": f"{IP}:51515", "lease": IP, "mac": A, "port": "acc-1 Gi1/0/3",
        "host": "PC-A", "holder": "Li Ming, Physics, B204",
    }  # fmt: skip
    assert [link.source.partition(":")[0] for link in chain] == [
        "sighting", "nat", "dhcp", "core", "acc-1", "assets", "assets",
    ]  # fmt: skip
    assert all(0 < link.confidence <= 1 for link in chain)
    assert "li.m" in chain[-1].because


def test_two_records_that_agree_are_trusted_more_than_one():
    alone = collect(nat(0, 3600), lease(A, -3600, 7200))
    mac = {len(r.bindings): next(k for k in traced(r, 10, 3000)[0] if k.hop == "mac") for r in (alone, WHOLE)}
    assert mac[1].confidence > mac[0].confidence


def test_gaps_are_links_without_value_that_say_why_and_the_weakest_is_where_it_ends():
    found = judged(collect(nat(0, 3600)), 10, 3000)
    (chain,) = found.chains
    assert values(chain) == {
        "address": f"{OUT}:{PORT}", "nat": f"{IP}:51515", "lease": "", "mac": "", "port": "", "host": "", "holder": "",
    }  # fmt: skip
    assert all(link.because for link in chain)
    assert found.weakest.startswith("lease: no lease")
    assert not found.is_ambiguous


def test_no_records_at_all_is_one_chain_of_gaps():
    (chain,) = traced(Records(), 10, 3000)
    assert [bool(link.value) for link in chain] == [True] + [False] * 6
    assert chain[1].because.startswith("no log translates")


def test_an_inside_address_needs_no_translation():
    (chain,) = traced(WHOLE, 10, 3000, ip=IP, port=51515)
    assert (values(chain)["nat"], values(chain)["mac"]) == (IP, A)


# --- translation -------------------------------------------------------------------------------------------


def test_a_port_used_twice_belongs_to_whom_had_it_then():
    records = collect(nat(0, 600), nat(660, 1200, inside="10.1.2.4", port=7))
    assert values(traced(records, 5, 590)[0])["nat"] == f"{IP}:51515"
    assert values(traced(records, 665, 1190)[0])["nat"] == "10.1.2.4:7"
    assert len(traced(records, 665, 1190)) == 1


def test_the_servers_end_tells_translations_that_share_a_port_apart():
    pools = Endpoint("198.51.100.1", 3333), Endpoint("198.51.100.2", 3333)
    records = collect(nat(0, 600, remote=pools[0]), nat(0, 600, inside="10.1.2.4", remote=pools[1]))
    book = Chronicle(records, EXACT)
    for pool, inside in zip(pools, (IP, "10.1.2.4"), strict=True):
        found = attribute(Subject(OUT, PORT, s(5), s(500), pool), book)
        assert [values(c)["nat"] for c in found.chains] == [f"{inside}:51515"]
    both = attribute(Subject(OUT, PORT, s(5), s(500)), book)
    assert {values(c)["nat"] for c in both.chains} == {f"{IP}:51515", "10.1.2.4:51515"}


def test_a_clock_that_is_off_is_corrected_before_anything_is_compared():
    """The firewall is 90 s ahead; the port's next user begins 60 s after the first one ends."""
    records = collect(
        nat(90, 690),
        nat(750, 810, inside="10.1.2.4"),
        lease(A, -9999, 9999),
        lease(B, -9999, 9999, ip="10.1.2.4"),
    )
    right = {**EXACT, "nat": Offset(90.0, 1.0, "measured")}
    (chain,) = traced(records, 661, 719, offsets=right)
    assert values(chain)["mac"] == B
    assert chain[1].offset_s == 90.0
    wrong = traced(records, 661, 719, offsets={**EXACT, "nat": Offset(0.0, 1.0, "wrongly trusted")})
    assert values(wrong[0])["mac"] != B


def test_a_port_block_speaks_where_no_single_port_is_logged():
    block = Nat(seen("nat", 0, 9000), Endpoint(IP, 0), OUT, 40000, 40511)
    other = Nat(seen("nat", 0, 9000), Endpoint("10.1.2.4", 0), OUT, 40512, 41023)
    assert [values(c)["nat"] for c in traced(collect(block, other), 10, 3000)] == [IP]
    assert [values(c)["nat"] for c in traced(collect(block, other, nat(0, 3600)), 10, 3000)] == [
        f"{IP}:51515"
    ]


def test_two_layers_of_translation_are_followed():
    carrier = Nat(seen("cgn", 0, 9000), Endpoint("100.64.0.9", 2000), OUT, PORT, PORT, 6)
    home = Nat(seen("cpe", 0, 9000), Endpoint("192.168.1.7", 51515), "100.64.0.9", 2000, 2000, 6)
    (chain,) = traced(collect(carrier, home), 10, 3000)
    assert [k.value for k in chain if k.hop == "nat"] == ["100.64.0.9:2000", "192.168.1.7:51515"]


def test_without_a_port_a_crowd_is_a_gap_and_a_few_are_readings():
    few = collect(*(nat(0, 3600, inside=f"10.1.2.{n}", outside=n) for n in range(1, 5)))
    crowd = collect(*(nat(0, 3600, inside=f"10.1.2.{n}", outside=n) for n in range(1, 99)))
    assert len(traced(few, 10, 3000, port=None)) == 4
    (chain,) = traced(crowd, 10, 3000, port=None)
    assert chain[1].value == ""
    assert "98 inside addresses" in chain[1].because


def test_an_open_translation_ends_where_its_port_is_given_anew():
    records = collect(nat(0, None), nat(600, None, inside="10.1.2.4"))
    assert [values(c)["nat"] for c in traced(records, 700, 900)] == ["10.1.2.4:51515"]


def test_a_translation_whose_beginning_is_not_logged_begins_behind_its_ports_last_use():
    records = collect(nat(0, 600), nat(None, 1200, inside="10.1.2.4"))
    assert [values(c)["nat"] for c in traced(records, 10, 500)] == [f"{IP}:51515"]
    assert [values(c)["nat"] for c in traced(records, 700, 1100)] == ["10.1.2.4:51515"]


# --- leases ------------------------------------------------------------------------------------------------

HANDED = collect(lease(A, -3600, 1800, "PC-A"), lease(B, 1800, 9000, "PC-B"))


def test_a_lease_handed_over_splits_a_sighting_in_time_without_ambiguity():
    found = judged(HANDED, 0, 3600, port=None, ip=IP)
    assert [(values(c)["mac"], c[0].from_ns, c[0].to_ns) for c in found.chains] == [
        (A, s(0), s(1800)),
        (B, s(1800), s(3600)),
    ]
    assert not found.is_ambiguous


def test_one_connection_over_a_hand_over_is_ambiguous_since_it_cannot_move():
    found = judged(HANDED, 0, 3600, port=51515, ip=IP)
    assert [values(c)["mac"] for c in found.chains] == [A, B]
    assert found.is_ambiguous
    assert A in found.weakest
    assert B in found.weakest


def test_a_hand_over_within_the_clocks_tolerance_is_ambiguous():
    unchecked = judged(HANDED, 1770, 1830, port=None, ip=IP, offsets={})
    assert {values(c)["mac"] for c in unchecked.chains} == {A, B}
    assert unchecked.is_ambiguous


def test_a_clock_that_was_checked_resolves_what_an_unchecked_one_leaves_open():
    checked = judged(HANDED, 1810, 1830, port=51515, ip=IP)
    unchecked = judged(HANDED, 1810, 1830, port=51515, ip=IP, offsets={})
    assert ([values(c)["mac"] for c in checked.chains], checked.is_ambiguous) == ([B], False)
    assert unchecked.is_ambiguous


def test_an_address_table_decides_who_kept_using_an_address_that_was_given_on():
    records = collect(*HANDED.leases, Binding(seen("core", 3000, 3000), IP, A))
    found = judged(records, 0, 3600, port=51515, ip=IP)
    assert [values(c)["mac"] for c in found.chains] == [A]
    assert not found.is_ambiguous


def test_a_lease_whose_end_is_not_logged_ends_where_the_next_begins():
    open_ended = collect(
        Lease(seen("dhcp", 0, None), IP, A, "PC-A", "open"),
        Lease(seen("dhcp", 1800, None), IP, B, "PC-B", "open"),
    )
    assert [values(c)["mac"] for c in traced(open_ended, 100, 1700, ip=IP)] == [A]
    assert [values(c)["mac"] for c in traced(open_ended, 1900, 3000, ip=IP)] == [B]


def test_a_lease_of_which_only_the_end_is_known_says_nothing_of_long_before():
    records = collect(lease(A, None, 90 * 86400))
    assert values(traced(records, 0, 60, ip=IP)[0])["mac"] == ""
    near = collect(lease(A, None, 3600))
    assert values(traced(near, 0, 60, ip=IP)[0])["mac"] == A


def test_a_release_ends_a_lease():
    released = collect(
        Lease(seen("dhcp", 0, None), IP, A, "", "open"), Lease(seen("dhcp", None, 600), IP, A, "", "close")
    )
    assert values(traced(released, 700, 900, ip=IP)[0])["mac"] == ""
    assert values(traced(released, 100, 500, ip=IP)[0])["mac"] == A


def test_a_later_block_of_the_same_lease_shortens_it():
    """dhcpd writes a released lease again, with the same start and the release as its end."""
    first, released = lease(A, 0, 7200), lease(A, 0, 600)
    released = Lease(Seen("dhcp", 9, released.seen.from_ns, released.seen.to_ns), IP, A)
    assert values(traced(collect(first, released), 700, 900, ip=IP)[0])["mac"] == ""
    assert values(traced(collect(released, first), 700, 900, ip=IP)[0])["mac"] == ""


def test_what_no_lease_covers_is_a_reading_of_its_own():
    found = judged(collect(lease(A, 0, 1800)), 0, 3600, port=None, ip=IP)
    assert [(values(c)["mac"], c[0].from_ns) for c in found.chains] == [(A, s(0)), ("", s(1800))]
    assert not found.is_ambiguous


def test_an_observation_reaches_no_further_than_another_machines():
    records = collect(Binding(seen("core", 0, 0), IP, A), Binding(seen("core", 1800, 1800), IP, B))
    assert [values(c)["mac"] for c in traced(records, 1900, 2000, ip=IP)] == [B]
    assert [values(c)["mac"] for c in traced(records, -100, -50, ip=IP)] == [A]
    between = judged(records, 895, 905, ip=IP, port=51515)
    assert {values(c)["mac"] for c in between.chains} == {A, B}
    assert between.is_ambiguous
    old = collect(Binding(seen("core", -5 * 3600, -5 * 3600), IP, A))
    assert values(traced(old, 0, 60, ip=IP)[0])["mac"] == ""


# --- ports, hosts, holders ---------------------------------------------------------------------------------


def test_uplinks_are_told_from_the_access_port_by_the_macs_behind_them():
    others = [
        PortEntry(seen("core", 100, 100), f"3c:52:82:00:01:{n:02x}", "core", "Te1/1/1") for n in range(20)
    ]
    records = collect(
        lease(A, 0, 9000),
        *others,
        PortEntry(seen("core", 100, 100), A, "core", "Te1/1/1"),
        PortEntry(seen("acc-1", 5000, 5000), A, "acc-1", "Gi1/0/3"),
    )
    (chain,) = traced(records, 100, 200, ip=IP)
    assert values(chain)["port"] == "acc-1 Gi1/0/3"
    assert "uplink" in chain[4].because


def test_a_machine_that_moved_is_behind_the_port_it_was_seen_at_then():
    records = collect(
        lease(A, -9000, 90000),
        PortEntry(seen("acc", 0, 0), A, "acc", "Gi1/0/1"),
        PortEntry(seen("acc", 7200, 7200), A, "acc", "Gi1/0/2"),
    )
    assert values(traced(records, 7300, 7400, ip=IP)[0])["port"] == "acc Gi1/0/2"
    assert values(traced(records, -100, 0, ip=IP)[0])["port"] == "acc Gi1/0/1"


def test_a_name_of_the_previous_holder_of_an_address_is_not_given_to_the_next():
    records = collect(*HANDED.leases, Logon(seen("ad", 1700, 1700), host="PC-A", ip=IP))
    assert values(traced(records, 2000, 3000, ip=IP)[0])["host"] == "PC-B"


def test_one_machine_under_two_names_is_one_reading_that_tells_both():
    records = collect(
        lease(A, 0, 9000, "android-77"), Holder(seen("assets", None, None), "Li", mac=A, host="PC-A")
    )
    (chain,) = traced(records, 100, 200, ip=IP)
    assert values(chain)["host"] == "PC-A"
    assert "android-77" in chain[5].because


def test_two_rows_that_disagree_on_the_holder_are_two_readings():
    rows = [Holder(seen("assets", None, None), name, mac=A) for name in ("Li", "Wang")]
    found = judged(collect(lease(A, 0, 9000), *rows), 100, 200, ip=IP)
    assert {values(c)["holder"] for c in found.chains} == {"Li", "Wang"}
    assert found.is_ambiguous
    assert found.weakest.startswith("holder: 2 readings")


def test_a_holder_is_whoever_had_the_device_then():
    rows = [Holder(seen("a", None, 0), "Li", mac=A), Holder(seen("a", 1, None), "Wang", mac=A)]
    records = collect(lease(A, -9000, 9000), *rows)
    assert values(traced(records, -900, -800, ip=IP)[0])["holder"] == "Li"
    assert values(traced(records, 100, 200, ip=IP)[0])["holder"] == "Wang"


def test_without_a_list_the_user_who_logged_on_is_named():
    records = collect(
        lease(A, -9000, 9000, "PC-A"), Logon(seen("ad", -60, -60), user="li.m", host="PC-A", ip=IP)
    )
    assert values(traced(records, 0, 60, ip=IP)[0])["holder"] == "li.m"


# --- properties --------------------------------------------------------------------------------------------

LEASES = st.lists(
    st.tuples(st.sampled_from([A, B]), st.integers(-9000, 9000), st.integers(1, 9000)), max_size=8
)


@given(LEASES, st.integers(-5000, 5000), st.integers(0, 5000), st.booleans())
def test_every_reading_lies_within_the_sighting_and_rests_on_a_lease_near_it(leases, begin, lasts, is_one):
    records = collect(*(lease(mac, b, b + n) for mac, b, n in leases))
    chains = traced(records, begin, begin + lasts, port=51515 if is_one else None, ip=IP)
    assert chains
    for chain in chains:
        assert s(begin) <= chain[0].from_ns <= chain[0].to_ns <= s(begin + lasts)
        mac = values(chain)["mac"]
        near = [m for m, b, n in leases if b - 2 <= begin + lasts and b + n + 2 >= begin]
        assert mac == "" or mac in near


@given(LEASES, st.randoms())
def test_the_order_in_which_records_are_read_changes_nothing(leases, rng):
    rows = [lease(mac, b, b + n) for mac, b, n in leases if n]
    shuffled = rng.sample(rows, len(rows))
    spans = {(mac, b) for mac, b, _ in leases}
    if len(spans) == len(leases):
        first, second = (traced(collect(*r), 0, 600, ip=IP) for r in (rows, shuffled))
        assert [values(c) for c in first] == [values(c) for c in second]


@pytest.mark.parametrize("shift", [-86400, 3600])
def test_shifting_a_recorder_and_its_offset_together_changes_nothing(shift):
    moved = collect(
        *(
            lease(r.mac, (r.seen.from_ns - T) // NS + shift, (r.seen.to_ns - T) // NS + shift)
            for r in HANDED.leases
        )
    )
    found = traced(moved, 0, 3600, port=None, ip=IP, offsets={"dhcp": Offset(shift, 2.0, "known")})
    assert [(values(c)["mac"], c[0].from_ns, c[0].to_ns) for c in found] == [
        (A, s(0), s(1800)),
        (B, s(1800), s(3600)),
    ]
