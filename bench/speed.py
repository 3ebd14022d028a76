"""How fast is ``davylamp scan`` beside ndpiReader, NFStream and merely reading the file? One run, one core.

    python bench/speed.py [--gib 1] [--gib 4] [--rounds 3]

Every program runs alone, pinned to one core, over the same capture, which is read once before so that it stands
in the page cache. Wall time is the best of the rounds; peak memory the largest resident set. ndpiReader comes from
Debian's libndpi-bin, NFStream from PyPI (``pip install nfstream`` into any Python; name it with --nfstream-python).
A program that is absent is left out and said so.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mixture import build

ROOT = Path(__file__).resolve().parent.parent
LAMP = Path(sys.executable).with_name("davylamp")
READ_ONLY = "import sys\nb=bytearray(1<<24)\nf=open(sys.argv[1],'rb',0)\nwhile f.readinto(b):pass\n"
NFSTREAM = (
    "import sys\nfrom nfstream import NFStreamer\n"
    "n=sum(1 for _ in NFStreamer(source=sys.argv[1],n_meters=1,statistical_analysis=False))\nprint(n)\n"
)


@dataclass
class Row:
    """One program's figures on one capture."""

    name: str
    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(name: str, command: list[str], rounds: int, ok: tuple[int, ...] = (0,)) -> Row:
    """Best wall time and largest memory of several runs, pinned to the first core."""
    best, cpu, peak = float("inf"), 0.0, 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        child = subprocess.Popen(
            ["taskset", "-c", "0", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if child.returncode not in ok:
            sys.exit(f"{name}: exit status {child.returncode}: {' '.join(command)}")
        if wall < best:
            best, cpu = wall, usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss / 1024)
    return Row(name, best, cpu, peak)


def programs(capture: Path, nfstream_python: str) -> list[tuple[str, list[str], tuple[int, ...]]]:
    """What is on this machine to compare with."""
    found = [
        ("reading the bytes", [sys.executable, "-S", "-c", READ_ONLY, str(capture)], (0,)),
        ("davylamp scan", [str(LAMP), "scan", str(capture), "--format", "json", "-o", os.devnull], (0, 10)),
    ]
    if shutil.which("ndpiReader"):
        found.append(("ndpiReader", ["ndpiReader", "-q", "-i", str(capture)], (0,)))
    if (
        subprocess.run(
            [nfstream_python, "-c", "import nfstream"], capture_output=True, check=False
        ).returncode
        == 0
    ):
        found.append(("NFStream", [nfstream_python, "-c", NFSTREAM, str(capture)], (0,)))
    return found


def machine() -> str:
    """Processor, cores and kernel of this machine."""
    model = next(
        (
            ln.split(":")[1].strip()
            for ln in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in ln
        ),
        "?",
    )
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--controls", type=Path, default=ROOT.parent / "shared" / "data" / "controls")
    parser.add_argument("--gib", type=float, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nfstream-python", default=sys.executable)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = []
    print(f"machine: {machine()}")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_TMP")) as folder:
        for gib in given.gib or [1.0]:
            capture = Path(folder) / f"mixture-{gib:g}g.pcap"
            packets, size = build(given.controls, capture, int(gib * 2**30))
            warm = [str(LAMP), "scan", str(capture), "-f", "json", "-o", os.devnull]
            subprocess.run(warm, check=False, capture_output=True)  # compiles, and fills the page cache
            print(f"\n{size / 2**30:.2f} GiB, {packets:,} packets, {size / packets:.0f} bytes each\n")
            print(f"| program | wall s | cpu s | M packets/s | peak MB | davylamp is |\n|{' --- |' * 6}")
            rows = [
                measure(n, c, 1 if n == "NFStream" else given.rounds, ok)
                for n, c, ok in programs(capture, given.nfstream_python)
            ]
            lamp = next(r for r in rows if r.name == "davylamp scan")
            for row in rows:
                ratio = f"{row.wall_s / lamp.wall_s:.1f} x as fast" if row is not lamp else ""
                if row.name == "reading the bytes":
                    ratio = f"{lamp.wall_s / row.wall_s:.1f} x the time"
                rate = packets / row.wall_s / 1e6
                print(
                    f"| {row.name} | {row.wall_s:.2f} | {row.cpu_s:.2f} | {rate:.2f} | {row.peak_mb:.0f} | {ratio} |"
                )
                results.append({"gib": gib, "packets": packets, "bytes": size, **row.__dict__})
            capture.unlink()
    if given.json:
        given.json.write_text(json.dumps({"machine": machine(), "rows": results}, indent=1))


if __name__ == "__main__":
    main()
