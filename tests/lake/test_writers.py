"""Writers take turns, readers are not disturbed."""

import fcntl
import os
import subprocess
import sys

import pytest

from davylamp.errors import OutputError
from davylamp.lake.intake import add
from davylamp.lake.query import ask
from davylamp.lake.store import Lake

from lake.samples import content, counts, flow, flow_file, pairs, written

WRITE = (
    "import sys\nfrom pathlib import Path\nfrom davylamp.lake.intake import add\n"
    "for name in sys.argv[2:]:\n"
    "    add(Path(sys.argv[1]), [Path(name + '.json')], [Path(name + '.parquet')])\n"
)


def test_concurrent_writers_of_overlapping_batches_make_the_same_lake(tmp_path):
    names = []
    for number in range(6):
        ats = range(number * 3, number * 3 + 6)
        names.append(str(tmp_path / f"b{number}"))
        written(tmp_path / f"b{number}.json", pairs(ats, last=60 + number))
        flow_file(tmp_path / f"b{number}.parquet", [flow(at, day=at % 3, last=60 + number) for at in ats])
    orders = [names, names[::-1], names[3:] + names[:3]]
    lake = tmp_path / "lake"
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, lake, *order]) for order in orders]
    while any(writer.poll() is None for writer in writers):
        if (lake / "lake.json").exists():
            rows = ask(lake, "SELECT flow_ref FROM flows").rows
            assert len(rows) == len(set(rows))
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    for name in names:
        add(tmp_path / "alone", [tmp_path / f"{name}.json"], [tmp_path / f"{name}.parquet"])
    assert content(lake) == content(tmp_path / "alone")


def test_who_waits_too_long_for_another_writer_is_told(tmp_path):
    add(tmp_path / "lake", [written(tmp_path / "a", pairs([1]))])
    lake = Lake(tmp_path / "lake")
    with lake.writing(), pytest.raises(OutputError, match="E-LAK-003") as told, lake.writing(wait_s=0.05):
        pass
    assert "another process writes" in told.value.message


def test_a_rewrite_leaves_files_that_are_being_read_to_the_next_writer(tmp_path):
    root = tmp_path / "lake"
    add(root, [written(tmp_path / "a", pairs([1], last=60))])
    lake = Lake(root)
    with lake.reading():
        add(root, [written(tmp_path / "b", pairs([1], last=600))])
        assert [len(folder.dead()) for folder in lake.folders()] == [1, 1]
        assert counts(root) == {"sightings": 1, "sessions": 1, "flows": 0}
    add(root, [tmp_path / "b"])
    assert [len(folder.dead()) for folder in lake.folders()] == [0, 0]


def test_a_lake_that_cannot_be_written_can_be_asked(tmp_path):
    root = tmp_path / "lake"
    add(root, [written(tmp_path / "a", pairs([1]))])
    handle = os.open(root / ".write", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert ask(root, "SELECT worker FROM sessions").rows == [("rig1",)]
    finally:
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        os.close(handle)
