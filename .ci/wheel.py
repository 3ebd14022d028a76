"""Build the wheel, install it in a venv of its own, and scan a simulated capture with it."""

import subprocess
import sys
import tempfile
from pathlib import Path


def run(*command: str | Path, status: int = 0) -> None:
    """Run a command and insist on its exit status."""
    done = subprocess.run([str(part) for part in command], check=False)
    if done.returncode != status:
        sys.exit(f"{command}: exit {done.returncode}, expected {status}")


def main() -> None:
    """Build, install, simulate, scan."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, ".")
        wheel = next(place.glob("davylamp-*.whl"))
        run(sys.executable, "-m", "venv", place / "venv")
        pip = place / "venv/bin/pip"
        run(pip, "install", "-q", "--disable-pip-version-check", "-c", "constraints.txt", wheel)
        lamp = place / "venv/bin/davylamp"
        run(lamp, "simulate", "capture", place / "a.pcap", "--miner", "dialect=monero,minutes=5")
        run(lamp, "scan", place / "a.pcap", "--format", "json", "--output", place / "a.json", status=10)
        print("wheel: installed, simulated, scanned")


if __name__ == "__main__":
    main()
