"""Look-ups: the stated order of claims, and an index that says exactly what the file says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.attribution.lookup import Index, ask, lookup
from davylamp.attribution.registry_records import NetRange, Organisation, Succession
from davylamp.attribution.registry_totals import state_of
from davylamp.errors import BadUse

from attribution.ledgers import BASE, DAY, net, questions, range_lists, say, successions
from attribution.stores import file_store as fresh

SPACE = ("10.0.0.0", "10.0.0.255")


def order_of(*told, port=443, when=50):
    """Who comes first when these (layer, source, range) are told in this order."""
    with fresh() as registry:
        for n, (layer, source, fact) in enumerate(told):
            say(registry, [fact], 1000 + n, layer=layer, source=source, effective=0)
        return [claim.organisation for claim in lookup(registry, "10.0.0.7", port, when)]


def test_a_persons_word_stands_before_a_narrower_import():
    told = [
        ("imported", "a", net("I", "10.0.0.7")),
        ("declared", "b", net("D", "10.0.0.0", "10.0.0.15")),
        ("verified", "c", net("V", *SPACE)),
    ]
    assert order_of(*told) == order_of(*told[::-1]) == ["V", "D", "I"]


def test_within_a_layer_the_longer_prefix_comes_first():
    told = [("imported", "a", net("WIDE", *SPACE)), ("imported", "b", net("NARROW", "10.0.0.0", "10.0.0.15"))]
    assert order_of(*told) == order_of(*told[::-1]) == ["NARROW", "WIDE"]


def test_of_equal_prefixes_the_port_block_comes_first_and_last_when_the_port_is_unknown():
    told = [("imported", "a", net("ALL", *SPACE)), ("imported", "b", net("BLOCK", *SPACE, ports=(256, 511)))]
    assert order_of(*told) == ["BLOCK", "ALL"]
    assert order_of(*told, port=512) == ["ALL"]
    assert order_of(*told, port=None) == ["ALL", "BLOCK"]


def test_then_the_later_start_then_the_later_record():
    told = [
        ("imported", "a", net("OPEN", *SPACE)),
        ("imported", "b", net("LATE", *SPACE, since=40)),
        ("imported", "c", net("EARLY", *SPACE, since=30)),
    ]
    assert order_of(*told) == ["LATE", "EARLY", "OPEN"]
    told = [("imported", "z", net("FIRST", *SPACE)), ("imported", "b", net("SECOND", *SPACE))]
    assert order_of(*told) == ["SECOND", "FIRST"]


def test_overlapping_claims_are_all_shown_and_an_equal_one_makes_it_contested():
    with fresh() as registry:
        say(registry, [net("A", *SPACE), net("B", *SPACE), net("ISP", "10.0.0.0", "10.0.255.255")], 1000)
        claims = lookup(registry, "10.0.0.7", 443, 50)
        assert [c.organisation for c in claims] == ["A", "B", "ISP"]
        assert state_of(claims) == "contested"
        assert claims[0].confidence == claims[1].confidence > claims[2].confidence > 0
        assert "2 other organisations claim it" in claims[0].method
        assert state_of(lookup(registry, "10.0.1.7", 443, 50)) == "attributed"
        assert state_of(lookup(registry, "11.0.0.1", 443, 50)) == "unattributed"


def test_a_worse_claim_is_not_called_contested_by_an_equal_one():
    with fresh() as registry:
        say(registry, [net("ISP", "10.0.0.0", "10.0.255.255"), net("A", *SPACE)], 1000)
        best, worse = lookup(registry, "10.0.0.7", 443, 50)
        assert "contested" not in best.method + worse.method
        assert "1 other organisation claims it" in worse.method


def test_an_unknown_port_takes_nothing_from_claims_to_all_ports():
    with fresh() as registry:
        say(registry, [net("ISP", "10.0.0.0", "10.0.255.255"), net("A", *SPACE)], 1000)
        known, unknown = (lookup(registry, "10.0.0.7", port, 50) for port in (443, None))
        assert [c.confidence for c in unknown] == [c.confidence for c in known]


def confidence(registry, address, port=443, when=50):
    return lookup(registry, address, port, when)[0].confidence


def test_confidence_rises_with_the_layer_and_falls_with_age_and_with_an_unknown_port():
    """After three years 0.9 to the third power is left; of equal claims on 65,536 and 100 ports, most is left."""
    with fresh() as registry:
        for n, layer in enumerate(("imported", "declared", "verified")):
            facts = [
                net("A", f"10.0.0.{n}"),
                net("A", f"10.0.1.{n}", until=9000 * DAY),
                Organisation("A", "甲"),
            ]
            say(registry, facts, 1000 + n, layer=layer, effective=0)
        by_layer = [confidence(registry, f"10.0.0.{n}") for n in range(3)]
        assert by_layer == sorted(set(by_layer))
        old = confidence(registry, "10.0.0.2", when=3 * 31_556_952 * 10**9)
        assert old == pytest.approx(0.729 * by_layer[2], abs=0.002)
        assert confidence(registry, "10.0.1.2", when=3 * 31_556_952 * 10**9) == by_layer[2]
        shared = [net("A", "10.0.2.0"), net("A", "10.0.2.0", ports=(0, 99)), Organisation("A", "甲")]
        say(registry, shared, 2000, source="x", effective=0)
        assert confidence(registry, "10.0.2.0", None) == pytest.approx(by_layer[0] * 65536 / 65636, abs=0.002)
        assert "the port is not known" in lookup(registry, "10.0.2.0", None, 50)[1].method


def test_ipv6_mapped_and_bare_ipv4_are_the_same_address():
    with fresh() as registry:
        say(registry, [net("A", "10.0.0.7"), net("V6", "2001:db8::", "2001:db8::ffff")], 1000)
        assert lookup(registry, "::ffff:10.0.0.7", None, 5) == lookup(registry, "10.0.0.7", None, 5) != ()
        assert [c.network for c in lookup(registry, "2001:db8::5", 1, 5)] == ["2001:db8::/112"]


@pytest.mark.parametrize(
    ("address", "port"),
    [("10.0.0", 1), ("", None), ("host.example", 1), ("10.0.0.1", 65536), ("10.0.0.1", -1)],
)
def test_what_is_no_address_is_refused(address, port):
    with fresh() as registry, pytest.raises(BadUse, match="E-REG-020"):
        lookup(registry, address, port, 5)


def test_an_empty_registry_answers_nobody():
    with fresh() as registry:
        index = Index(registry)
        assert lookup(registry, "10.0.0.1", None, 5) == ()
        assert index.claims([("10.0.0.1", None, 5), ("::", 1, 5)]) == [(), ()]
        assert index.claims([]) == []


def test_the_last_address_of_all_has_an_interval_of_its_own():
    top = (1 << 128) - 1
    with fresh() as registry:
        say(registry, [NetRange("TOP", top - 1, top)], 1000)
        index = Index(registry)
        asked = [(f"ffff:ffff:ffff:ffff:ffff:ffff:ffff:{end}", None, 5) for end in ("fffd", "fffe", "ffff")]
        assert [[c.organisation for c in claims] for claims in index.claims(asked)] == [[], ["TOP"], ["TOP"]]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["imported", "declared", "verified"]), range_lists), max_size=3),
    st.lists(successions, max_size=3).map(lambda many: list({s.old: s for s in many}.values())),
    st.lists(questions, min_size=1, max_size=30),
    st.sampled_from([None, 20 * DAY, 21 * DAY]),
)
def test_index_file_and_a_plain_walk_agree(told, mergers, asked, as_of):
    with fresh() as registry:
        for n, (layer, facts) in enumerate(told):
            say(registry, facts, (20 + n) * DAY, layer=layer, source=f"s{n}", effective=0)
        say(registry, mergers, 30 * DAY, source="编办", kinds=frozenset({Succession}))
        asked = [(f"10.0.0.{place}", port, day * DAY) for place, port, day in asked]
        index = Index(registry, as_of)
        found = index.claims(asked)
        assert found == [lookup(registry, *question, as_of) for question in asked]
        answers = index.find(ask(asked))
        known = [facts for n, (_, facts) in enumerate(told) if as_of is None or (20 + n) * DAY <= as_of]
        for claims, question, best, claimed in zip(found, asked, answers.best, answers.claimed, strict=True):
            assert (len(claims), claims[0].organisation if claims else None) == (
                claimed,
                index.holdings[best].organisation if best >= 0 else None,
            )
            assert claimed == sum(plainly_holds(fact, *question) for facts in known for fact in facts)


def plainly_holds(fact, address, port, when):
    place = BASE + int(address.rpartition(".")[2])
    return (
        fact.low <= place <= fact.high
        and (port is None or fact.first_port <= port <= fact.last_port)
        and (fact.valid_from_ns is None or fact.valid_from_ns <= when)
        and (fact.valid_to_ns is None or when < fact.valid_to_ns)
    )


def test_questions_become_halves_of_128_bits():
    made = ask([("10.0.0.1", None, 7), ("2001:db8::1", 443, 8)])
    assert made.hi.tolist() == [0, 0x20010DB800000000]
    assert made.lo.tolist() == [0xFFFF0A000001, 1]
    assert (made.port.tolist(), made.time_ns.tolist()) == ([-1, 443], [7, 8])
    assert made.hi.dtype == np.uint64


def test_a_wider_claim_beside_one_to_all_ports_takes_nothing_off_it_where_the_port_is_unknown():
    """Most addresses lie in their holder's range and in the carrier's around it."""
    with fresh() as registry:
        say(registry, [net("CARRIER", "10.0.0.0", "10.0.255.255")], 1, source="carrier")
        say(registry, [net("A", "10.0.0.1")], 2)
        known, unknown = (lookup(registry, "10.0.0.1", port, 50)[0] for port in (443, None))
    assert known.confidence == unknown.confidence
