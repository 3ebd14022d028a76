"""Numbers of things in sentences agree with their nouns, and both spellings have their Chinese."""

import pytest

from davylamp.counted import counted
from davylamp.records import Endpoint
from davylamp.report.phrases import Phrases
from davylamp.sizing.energy import observed
from davylamp.sizing.machines_clock import Point, find_clocks


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 shares"), (1, "1 share"), (2, "2 shares"), (1.0, "1 share"), (0.5, "0.5 shares")],
)
def test_only_one_of_a_thing_goes_without_an_s(number: float, said: str) -> None:
    assert counted(number, "share") == said


@pytest.mark.parametrize("several", [1, 2])
def test_one_and_many_are_told_in_chinese_alike(several: int) -> None:
    hour = 3600 * 10**9
    spans = observed([(2 * n * hour, (2 * n + 1) * hour) for n in range(several)]).because
    server = Endpoint("192.0.2.1", 3333).ip
    points = [
        Point(float(second), 1000 * second + 10**7 * host, host, server)
        for host in range(several)
        for second in range(0, 600, 20)
    ]
    clocks = find_clocks(points).note
    said = "span of records covers" if several == 1 else "spans of records cover "
    assert said in spans
    assert f"{several} line{'s' if several > 1 else ''} at one server" in clocks
    for evidence in ("name", "rig id"):
        told = f"{counted(several, evidence)}, 1 of them at the same time with one algorithm"
        phrases = Phrases("zh")
        for sentence in (spans, clocks, told):
            assert not any(word in phrases.tell(sentence) for word in ("span", "line", "rig", "at one"))
        assert phrases.untold == set()
