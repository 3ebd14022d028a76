"""Mutates recorded captures and reads them with bounds checking on: no crash, no hang, no index out of its array.

    python fuzz/capture_mutations.py SECONDS SEED [FOLDER]

FOLDER defaults to the recorded controls. The run ends with exit status 1 at the first failure and leaves the
mutant that caused it in the system's folder for temporary files, named in the output. A mutant that takes more
than `HANG_S` counts as a hang.
"""

import faulthandler
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

os.environ["DAVYLAMP_BOUNDSCHECK"] = "1"

from davylamp.capture import find_captures, read_batches
from davylamp.errors import CaptureError
from davylamp.records import InputReport

CONTROLS: Final = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "controls"
HANG_S: Final = 20  # judged: mutants take milliseconds; the first one also compiles
MAX_BYTES: Final = 200_000  # judged: many small mutants find more than few large ones
EVIL: Final = (
    b"\0\0",
    b"\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x45",
    b"\x60",
    b"\x2f",
)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Overwrite, insert, repeat, swap or cut bytes; the first four stay, so that the mutant is still a capture."""
    data = bytearray(content[: rng.randint(64, MAX_BYTES)])
    for _ in range(rng.choice((1, 3, 10, 60))):
        at = rng.randrange(4, len(data))
        what = rng.random()
        if what < 0.5:
            data[at] = rng.randrange(256)
        elif what < 0.8:
            evil = rng.choice(EVIL)
            data[at : at + len(evil)] = evil
        elif what < 0.9:
            source = rng.randrange(len(data))
            data[at:at] = data[source : source + rng.randint(1, 200)]
        elif len(data) > 200:
            del data[at : at + rng.randint(1, 100)]
    return bytes(data)


def read(path: Path, chunk_bytes: int) -> InputReport:
    """Read a mutant to its end and touch every column."""
    report = InputReport(str(path))
    for batch in read_batches(str(path), report, chunk_bytes=chunk_bytes):
        ends = batch.payload_off + batch.payload_len
        assert batch.payload_off.min() >= 0
        assert batch.payload_len.min() >= 0
        assert int(ends.max()) <= batch.buffer.size
        assert bool((batch.payload_len <= batch.wire_len).all())
        assert len({column.size for column in batch[1:]}) == 1
    size = path.stat().st_size
    assert all(0 <= fault.offset <= size for fault in report.faults), report.faults
    return report


def run(seconds: float, seed: int, folder: Path) -> int:
    """Mutate and read until the time is over; the exit status."""
    rng = random.Random(seed)
    contents = [Path(path).read_bytes() for path in find_captures([str(folder)])]
    print(f"{len(contents)} captures, seed {seed}")
    mutants = packets = faults = refused = 0
    slowest = 0.0
    path = Path(tempfile.gettempdir()) / f"capture-mutant-{os.getpid()}"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path.write_bytes(mutate(rng.choice(contents), rng))
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        begin = time.monotonic()
        try:
            report = read(path, 1 << 20)
        except CaptureError:
            refused += 1
            continue
        except BaseException:
            print(f"failed on {path}, mutant {mutants} of seed {seed}")
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()
        mutants += 1
        slowest = max(slowest, time.monotonic() - begin if mutants > 20 else 0.0)
        packets += report.packets
        faults += sum(fault.count for fault in report.faults)
    path.unlink(missing_ok=True)
    print(
        f"{mutants} mutants read, {refused} refused, {packets} packets, {faults} faults, slowest {slowest:.3f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(run(float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else CONTROLS))
