"""Fusion: strengths add within caps, families do not count twice, episodes part where it was quiet."""

from hypothesis import given
from hypothesis import strategies as st

from davylamp.detectors.fusion import EPISODE_GAP_S, FAMILY_CAP, PROBED_SERVERS, fuse
from davylamp.records import Endpoint, Finding, Session

NS = 1_000_000_000
CLIENT, SERVER = Endpoint("10.0.0.1", 4000), Endpoint("198.51.100.1", 3333)


def finding(
    strength=8.0, verdict="mining", family="payload", detector="d", at_s=0.0, length_s=60.0, client=CLIENT
):
    return Finding(
        detector,
        family,
        verdict,
        strength,
        f"{detector} says so",
        client,
        SERVER,
        int(at_s * NS),
        int((at_s + length_s) * NS),
    )


def test_detectors_of_one_family_count_at_most_its_cap():
    many = [finding(7.0, detector=f"d{i}") for i in range(5)]
    one = fuse([finding(FAMILY_CAP["payload"])], [])[0]
    assert fuse(many, [])[0].probability == one.probability


def test_ten_findings_of_the_same_detector_count_once():
    once, often = fuse([finding(3.0)], [])[0], fuse([finding(3.0, at_s=i) for i in range(10)], [])[0]
    assert once.probability == often.probability


def test_the_site_prior_moves_the_probability():
    rare = fuse([finding(4.0)], [], prior_log10_odds=-6)[0].probability
    common = fuse([finding(4.0)], [], prior_log10_odds=-2)[0].probability
    assert abs(rare - 0.01 / 1.01) < 1e-12
    assert abs(common - 100 / 101) < 1e-12


def test_a_quiet_gap_parts_two_episodes():
    near = [finding(at_s=0), finding(at_s=60 + EPISODE_GAP_S - 1)]
    far = [finding(at_s=0), finding(at_s=60 + EPISODE_GAP_S + 1)]
    assert (len(fuse(near, [])), len(fuse(far, []))) == (1, 2)


def test_a_pair_that_mines_is_not_listed_as_a_visit_again():
    kinds = [s.kind for s in fuse([finding(), finding(5.0, "visit", "name", "n")], [])]
    assert kinds == ["mining"]


def test_a_destination_alone_stays_suspected():
    assert fuse([finding(5.0, "visit", "name")], [])[0].tier == "suspected"


@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.sampled_from(["mining", "node", "visit"]), st.integers(0, 10**6)),
        max_size=12,
    ),
    st.randoms(),
)
def test_order_of_findings_does_not_matter(parts, rng):
    findings = [finding(s, v, at_s=t) for s, v, t in parts]
    shuffled = list(findings)
    rng.shuffle(shuffled)

    def shape(found):
        return {(x.kind, x.first_ns, x.last_ns, x.probability, x.source_ref) for x in fuse(found, [])}

    assert shape(findings) == shape(shuffled)


def test_the_reference_is_the_same_when_scanned_again():
    assert fuse([finding()], [])[0].source_ref == fuse([finding()], [])[0].source_ref


def asked(servers, submitted=0):
    """Findings and sessions of one client that asked this many servers for work."""
    sessions = [
        Session(i, "a.pcap", CLIENT, Endpoint(f"198.51.100.{i}", 3333), 0, 60, False, "monero", jobs=1)
        for i in range(servers)
    ]
    sessions[0].submitted = submitted
    findings = [
        Finding("d", "payload", "mining", 6.0, "asked", CLIENT, s.server, 0, 60, session=i)
        for i, s in enumerate(sessions)
    ]
    return fuse(findings, sessions)


def test_a_client_that_asks_many_servers_and_submits_nothing_is_suspected_of_probing():
    tiers = {s.tier for s in asked(PROBED_SERVERS)}
    assert tiers == {"suspected"}
    assert all("prober" in s.because[-1] for s in asked(PROBED_SERVERS))


def test_a_pool_with_fallbacks_is_no_prober():
    assert {s.tier for s in asked(PROBED_SERVERS - 1)} == {"probable"}


def test_shares_to_one_server_are_not_taken_back():
    tiers = sorted(s.tier for s in asked(PROBED_SERVERS + 1, submitted=3))
    assert tiers.count("probable") == 1
