"""kill -9 at every step of a writer leaves a lake that reads well, and doing it again completes it."""

import os
import signal
import subprocess
import sys
import time
from datetime import date

import pytest

from davylamp.lake.intake import add
from davylamp.lake.query import ask
from davylamp.lake.retain import retain
from davylamp.lake.store import Lake

from lake.samples import content, files, flow, flow_file, pairs, written

# Loads the libraries once, then forks one child per point: the child kills itself right before its n-th call that
# changes the disk (what was done by then is on disk, so "right after" is the next point), or in the middle of
# writing a file. Prints how many points there were when one ran to its end.
KILLER = """
import os, shutil, signal, sys, traceback
from datetime import date
from pathlib import Path
import pyarrow, pyarrow.compute, pyarrow.parquet
from davylamp.lake import flowfiles, intake, merge, retain, scans, store
pyarrow.set_cpu_count(1), pyarrow.set_io_thread_count(1)

def child(point, work):
    calls = 0
    def step(before_death=lambda: None):
        nonlocal calls
        calls += 1
        if calls == point:
            before_death()
            os.kill(os.getpid(), signal.SIGKILL)
    def watched(real):
        def call(*args, **kwargs):
            step()
            return real(*args, **kwargs)
        return call
    for name in ("fsync", "replace", "unlink", "mkdir", "rmdir", "open"):
        setattr(os, name, watched(getattr(os, name)))
    real = merge.write_parquet
    def torn(path, *rest):
        real(path, *rest)
        step(lambda: os.truncate(path, path.stat().st_size // 2))
    merge.write_parquet = torn
    work()

def kill_at_each_point(home, work):
    point = 1
    while True:
        lake = home / f"lake{point}"
        if (home / "seed").exists():
            shutil.copytree(home / "seed", lake)
        pid = os.fork()
        if pid == 0:
            try:
                child(point, lambda: work(lake))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(3)
        status = os.waitpid(pid, 0)[1]
        if os.WIFEXITED(status):
            print(point)
            sys.exit(os.WEXITSTATUS(status))
        point += 1
"""

ADDING = """
home = Path(sys.argv[1])
kill_at_each_point(home, lambda lake: intake.add(lake, [home / "b.json"], [home / "b.parquet"]))
"""

RETAINING = """
refs = {"0000" + "1".zfill(28)}
kill_at_each_point(
    Path(sys.argv[1]), lambda lake: retain.retain(lake, 10, refs, as_of=date(2024, 5, 13), apply=True)
)
"""


def run_killer(code, home):
    done = subprocess.run(
        [sys.executable, "-c", KILLER + code, str(home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [home / f"lake{point}" for point in range(1, int(done.stdout))]


def batch(home, name, ats, last, days=2):
    written(home / f"{name}.json", pairs(ats, last=last))
    flow_file(home / f"{name}.parquet", [flow(at, day=at % days, last=last) for at in ats])
    return [home / f"{name}.json"], [home / f"{name}.parquet"]


@pytest.mark.slow
@pytest.mark.parametrize("is_seeded", [False, True], ids=["new lake", "rows added and replaced"])
def test_an_add_killed_anywhere_leaves_a_readable_lake_and_a_replay_completes_it(tmp_path, is_seeded):
    before = set()
    if is_seeded:
        add(tmp_path / "seed", *batch(tmp_path, "a", [1, 2, 3], last=60))
        before = set(content(tmp_path / "seed"))
    second = batch(tmp_path, "b", [2, 3, 4, 5], last=600, days=1 + is_seeded)
    lakes = run_killer(ADDING, tmp_path)
    if is_seeded:
        add(tmp_path / "seed", *second)
        whole = content(tmp_path / "seed")
    else:
        add(tmp_path / "whole", *second)
        whole = content(tmp_path / "whole")
    assert len(lakes) > 25
    partial = 0
    for lake in lakes:
        if (lake / "lake.json").exists():
            seen = content(lake)
            assert len(seen) == len(set(seen))
            assert set(seen) <= before | set(whole)
            if is_seeded:
                assert len(seen) >= len(before)
            rows = ask(
                lake, "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM flows) AS n"
            ).rows
            assert rows[0][0] == sum(row[0] != "sightings" for row in seen)
            partial += set(seen) not in (before, set(whole))
        add(lake, *second)
        assert content(lake) == whole
        assert list((lake / "tmp").iterdir()) == []
        assert all(folder.dead() == [] for folder in Lake(lake).folders())
    assert partial > 0


@pytest.mark.slow
def test_retention_killed_anywhere_leaves_what_is_referenced_and_a_repetition_completes_it(tmp_path):
    for day in (0, 1, 5):
        scanned = written(tmp_path / "s.json", pairs([1, 2], day))
        add(tmp_path / "seed", [scanned], [flow_file(tmp_path / "f", [flow(at, day) for at in (1, 2)])])
    before = set(content(tmp_path / "seed"))
    lakes = run_killer(RETAINING, tmp_path)
    refs = {f"{0:04d}{1:028d}"}
    retain(tmp_path / "seed", 10, refs, as_of=date(2024, 5, 13), apply=True)
    whole = content(tmp_path / "seed")
    assert len(whole) == 3 + 6  # the referenced sighting, its session and its flow, and the young day
    assert len(lakes) > 15
    partial = 0
    for lake in lakes:
        seen = set(content(lake))
        assert set(whole) <= seen <= before
        partial += seen not in (before, set(whole))
        retain(lake, 10, refs, as_of=date(2024, 5, 13), apply=True)
        assert content(lake) == whole
    assert partial > 0


def test_kills_at_random_moments_by_another_process_lose_nothing(tmp_path):
    """The parent kills at times that no one chose, the last writer is left to end."""
    scans, flows = batch(tmp_path, "b", range(200), last=60)
    code = (
        "import sys\nfrom pathlib import Path\nfrom davylamp.lake.intake import add\nprint('go', flush=True)\n"
        "while True: add(Path(sys.argv[1]), [Path(sys.argv[2])], [Path(sys.argv[3])]); print('done', flush=True)"
    )
    for delay_s in (0.0, 0.03, 0.1, 0.3, 0.6):
        child = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / "lake", scans[0], flows[0]], stdout=subprocess.PIPE
        )
        child.stdout.readline()
        time.sleep(delay_s)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    add(tmp_path / "lake", scans, flows)
    add(tmp_path / "whole", scans, flows)
    assert content(tmp_path / "lake") == content(tmp_path / "whole")
    assert files(tmp_path / "lake") == files(tmp_path / "whole")
