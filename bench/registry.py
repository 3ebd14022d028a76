"""How many time-aware look-ups a second? Over a registry of 100,000 ranges, one process, one thread.

    python bench/registry.py [--ranges 100000] [--look-ups 4000000] [--rounds 5]

The registry is made up: campuses and their departments as ranges within ranges, one in ten shared by port blocks, each
range with a history of up to three holders, one organisation in fifty merged into another. Questions fall uniformly
on the ranges, on their neighborhood and on the years 2019 to 2024. Printed are the best of the rounds for the bulk
look-up, the time to attribute 4,699 addresses with every claim spelled out, and what the steps before it cost.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from davylamp.attribution.lookup import Index, Questions, ask, lookup
from davylamp.attribution.registry import Registry
from davylamp.attribution.registry_diff import Statement
from davylamp.attribution.registry_records import (
    V4,
    Fact,
    NetRange,
    Organisation,
    Origin,
    Succession,
    address_of,
)

START_NS = 1_546_300_800 * 10**9  # 2019-01-01
YEARS_NS = 6 * 31_556_952 * 10**9
BODIES = 2_000


def make_facts(count: int, rng: np.random.Generator) -> list[Fact]:
    """Organisations, ranges and mergers."""
    facts: list[Fact] = [
        Organisation(f"body-{n}", f"单位{n}", f"33{n % 11 + 1:02d}00", ("教育", "卫生", "企业")[n % 3])
        for n in range(BODIES)
    ]
    facts += [
        Succession(f"body-{n}", f"body-{n + 1}", "merged", "", START_NS + int(rng.integers(YEARS_NS)))
        for n in range(0, BODIES, 50)
    ]
    ranges = 0
    base = V4 + (10 << 24)
    while ranges < count:
        size = 1 << int(rng.integers(2, 9))
        low = (base + size - 1) // size * size
        base = low + size
        turns = sorted(START_NS + int(t) for t in rng.integers(0, YEARS_NS, int(rng.integers(0, 3))))
        blocks = 4 if rng.random() < 0.1 else 1
        for begin, end in zip([None, *turns], [*turns, None], strict=True):
            for block in range(blocks):
                width = 65536 // blocks
                body = f"body-{rng.integers(BODIES)}"
                ports = (block * width, block * width + width - 1)
                facts.append(NetRange(body, low, low + size - 1, *ports, "", begin, end))
                ranges += 1
        if rng.random() < 0.02:
            facts.append(
                NetRange(f"body-{rng.integers(BODIES)}", low // 4096 * 4096, low // 4096 * 4096 + 4095)
            )
            ranges += 1
    unique = {(type(f), *f.identity, f.valid_from_ns): f for f in facts}
    return list(unique.values())


def make_questions(index: Index, count: int, rng: np.random.Generator) -> Questions:
    """Addresses in and around the ranges, at random times, a tenth without a port."""
    lows = np.array([h.range.low for h in index.holdings], np.uint64)
    lo = rng.choice(lows, count) + rng.integers(0, 512, count).astype(np.uint64)
    port = rng.integers(0, 65536, count).astype(np.int32)
    port[rng.random(count) < 0.1] = -1
    when = START_NS + rng.integers(0, YEARS_NS, count)
    return Questions(np.zeros(count, np.uint64), lo, port, when.astype(np.int64))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranges", type=int, default=100_000)
    parser.add_argument("--look-ups", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {0})
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder) / "registry.sqlite", create=True)
        facts = make_facts(chosen.ranges, rng)
        began = time.perf_counter()
        kinds = frozenset({Organisation, NetRange, Succession})
        registry.commit(
            registry.plan(Statement(Origin("imported", "bench"), facts, kinds, START_NS)), START_NS
        )
        print(f"{len(facts):,} facts imported in {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        index = Index(registry)
        print(f"{len(index.holdings):,} holdings indexed in {time.perf_counter() - began:.1f} s, ", end="")
        print(f"{index.arrays.cut_lo.size:,} intervals, {index.arrays.held.size:,} entries")
        questions = make_questions(index, chosen.look_ups, rng)
        index.find(Questions(*(column[:1] for column in questions)))
        best = float("inf")
        for _ in range(chosen.rounds):
            began = time.perf_counter()
            answers = index.find(questions)
            best = min(best, time.perf_counter() - began)
        held = np.count_nonzero(answers.best >= 0) / answers.best.size
        print(f"{chosen.look_ups / best / 1e6:.2f} M look-ups/s ({held:.0%} with a holder)")
        few = [
            (str(address_of(int(lo))), None if port < 0 else int(port), int(at))
            for lo, port, at in zip(
                questions.lo[:4699], questions.port[:4699], questions.time_ns[:4699], strict=True
            )
        ]
        began = time.perf_counter()
        claims = index.claims(few)
        print(f"4,699 addresses attributed in {time.perf_counter() - began:.2f} s, every claim spelled out")
        began = time.perf_counter()
        same = [lookup(registry, *question) for question in few[:20]]
        print(f"one look-up from the file: {(time.perf_counter() - began) / 20 * 1000:.0f} ms")
        assert same == claims[:20]
        assert ask(few).lo.tolist() == questions.lo[:4699].tolist()


if __name__ == "__main__":
    main()
