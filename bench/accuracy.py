"""How well does ``davylamp scan`` read recorded captures? Prints the tables of bench/README.md.

    python bench/accuracy.py [../shared/data]

Positives and logins come from mining/truth.tsv, shares from mining/cj-sniffer/sessions.jsonl, hashrates from
labels.csv (the miner's own 15-minute display); controls hold no mining.
"""

import csv
import json
import statistics
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from davylamp.pipeline import scan
from davylamp.records import Session
from davylamp.sizing.hashrate import sum_rates

ROOT = Path(__file__).resolve().parent.parent
KNOWN_BAD = {"1578529652"}  # a label without its comma, as the data's README says


@dataclass
class Rate:
    """One labelled capture: the label and what was read, in H/s."""

    name: str
    label: float
    estimate: float
    low: float
    high: float
    shares: int

    @property
    def error(self) -> float:
        """Relative distance of the estimate from the label."""
        return abs(self.estimate / self.label - 1)


def labels(folder: Path) -> dict[str, float]:
    """15-minute hashrates in H/s by capture; rows without one are left out."""
    found = {}
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                value = float(row["hashrate_15min"])
            except (TypeError, ValueError):
                continue
            name = row["id"]
            if name.split("_")[0] not in KNOWN_BAD:
                found[name] = value * (1e6 if row["coin"] == "eth" else 1.0)
    return found


def rates(folder: Path, sessions: dict[str, list[Session]]) -> list[Rate]:
    """Whole-capture rates beside the label: all sessions' work over the time in which at least one ran."""
    rows = []
    for name, label in sorted(labels(folder).items()):
        total, _ = sum_rates(sessions.get(name, []))
        if total is not None:
            shares = sum(s.work.shares for s in sessions[name] if s.work is not None)
            rows.append(Rate(name, label, total.estimate, total.low, total.high, shares))
    return rows


def show_rates(rows: list[Rate]) -> None:
    rows.sort(key=lambda r: -r.error)
    print(f"\n{len(rows)} labelled captures; whole capture against the miner's 15-minute display")
    print("\n| capture | label H/s | read H/s | error | shares |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row.name} | {row.label:,.1f} | {row.estimate:,.1f} | {row.error:.1%} | {row.shares} |")
    errors = sorted(r.error for r in rows)
    many = [r.error for r in rows if r.shares >= 2000]
    held = sum(r.low <= r.label <= r.high for r in rows)
    print(f"\nthe 95 % interval of the whole capture holds the 15-minute display in {held} of {len(rows)}")
    print(
        f"\nmedian error {statistics.median(errors):.2%}, 90th percentile {errors[int(0.9 * len(errors))]:.1%}"
    )
    if many:
        print(f"captures with 2,000 shares or more: {len(many)}, median error {statistics.median(many):.2%}")


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    folder = data / "mining" / "cj-sniffer"
    sessions = {p.stem: scan([str(p)]).sessions for p in sorted(folder.glob("*.pcap"))}
    show_rates(rates(folder, sessions))
    expected: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with (folder / "sessions.jsonl").open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            expected[Path(row["file"]).stem].update(accepted=row["accepted"], submitted=row["submitted"])
    exact = sum(sum(s.accepted for s in sessions[n]) == c["accepted"] for n, c in expected.items())
    print(f"\naccepted shares equal to the independent reading in {exact} of {len(expected)} captures")
    loud = 0
    controls = [p for p in sorted((data / "controls").rglob("*")) if p.suffix in (".pcap", ".pcapng", ".cap")]
    kinds: Counter[str] = Counter()
    for path in controls:
        found = Counter(s.kind for s in scan([str(path)]).sightings)
        kinds.update(found)
        loud += found["mining"]
    print(f"{len(controls)} control captures: {loud} mining sightings; others {dict(kinds)}")


if __name__ == "__main__":
    main()
