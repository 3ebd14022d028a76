"""A pool's name is a visit, never mining; any other name is nothing."""

from davylamp.detectors.pool_name import detect
from davylamp.records import Abstain, Endpoint, Flow


def flow(name, pool_named):
    ends = Endpoint("10.0.0.1", 1), Endpoint("198.51.100.1", 443)
    return Flow(1, *ends, 6, 0, 60, name=name, pool_named=pool_named)


def test_a_pool_s_name_is_a_visit():
    finding = detect(flow("xmr-eu1.nanopool.org", True))
    assert finding.verdict == "visit"
    assert "xmr-eu1.nanopool.org" in finding.because


def test_other_names_are_abstained_from():
    assert isinstance(detect(flow("carpool.org", False)), Abstain)
    assert isinstance(detect(flow("", True)), Abstain)
