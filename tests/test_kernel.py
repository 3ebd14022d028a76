"""Kernels: compiled once, kept as object code, run without numba, refused where they cannot be right."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from davylamp import kernel_build, kernel_store
from davylamp.errors import BadUse
from davylamp.kernel import Kernel, prepared, shape_of

PROGRAM = """
import sys
from typing import NamedTuple
import numpy as np
from numpy.typing import NDArray
from davylamp.kernel import fused, kernel

class Pair(NamedTuple):
    left: NDArray[np.int64]
    right: NDArray[np.uint8]

class Sums(NamedTuple):
    left: int
    right: int

@fused
def total(values):
    result = 0
    for k in range(values.size):
        result += np.int64(values[k])
    return result

@kernel
def sums(pair: Pair, sign: int, doubled: bool) -> Sums:
    factor = sign * (2 if doubled else 1)
    return Sums(factor * total(pair.left), factor * total(pair.right))

@kernel
def at(values: NDArray[np.int64], place: int) -> int:
    return values[place]

@kernel
def allocated(count: int) -> int:
    return np.ones(count).size

"""
SUM = """
pair = Pair(np.array([1, 2, 39]), np.array([255, 1], np.uint8))
print(tuple(sums(pair, -1, True)), "numba" in sys.modules)
"""


def run(code: str, folder: Path, **environment: str) -> str:
    """What a fresh process prints that keeps its kernels in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code],
        env={**os.environ, "DAVYLAMP_KERNELS": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_second_process_runs_a_kept_kernel_without_numba(tmp_path: Path) -> None:
    assert run(SUM, tmp_path) == "(-84, -512) True"
    assert run(SUM, tmp_path) == "(-84, -512) False"


def test_a_damaged_kernel_is_made_anew(tmp_path: Path) -> None:
    run(SUM, tmp_path)
    (kept,) = tmp_path.glob("kernels-*/*.kernel")
    sound = kept.read_bytes()
    for damaged in (b"", sound[:100], sound[:-1], sound[:200] + bytes([sound[200] ^ 1]) + sound[201:]):
        kept.write_bytes(damaged)
        assert run(SUM, tmp_path) == "(-84, -512) True"
        assert run(SUM, tmp_path) == "(-84, -512) False"


def test_a_place_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    assert run(SUM, place) == "(-84, -512) True"


def test_a_kernel_that_needs_numba_at_run_time_runs_inside_it_and_is_not_kept(tmp_path: Path) -> None:
    assert run("print(allocated(7))", tmp_path) == "7"
    assert list(tmp_path.glob("kernels-*/*")) == []


@pytest.mark.parametrize("place", [-1, 3])
def test_a_checked_build_refuses_an_index_outside_its_array(tmp_path: Path, place: int) -> None:
    code = f"print(at(np.array([5, 6, 7]), {place}))"
    assert "IndexError" in run(code, tmp_path, DAVYLAMP_BOUNDSCHECK="1")
    assert list(tmp_path.glob("kernels-*/*")) == []


def add_up(values: object, factor: int) -> int:
    """A kernel's body."""
    result = 0
    for k in range(values.size):  # type: ignore[attr-defined]
        result += values[k] * factor  # type: ignore[index]
    return result


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels of this file are kept in a folder of their own."""
    monkeypatch.setattr(kernel_store, "folder", lambda room: tmp_path)


def test_a_prepared_kernel_follows_its_arguments() -> None:
    call = prepared(Kernel(add_up))
    first = np.array([1, 2, 3])
    assert call(first, 2) == 12
    first[0] = 10
    assert call(first, 3) == 45
    assert call(first[:2], 3) == 36
    assert call(np.array([7, 8], np.uint8), 1) == 15
    assert call(first, 1) == 15


def test_arrays_with_gaps_and_foreign_things_are_refused() -> None:
    call = Kernel(add_up)
    for wrong in (np.arange(6)[::2], np.arange(6).reshape(2, 3).T, "text", 1.5, None):
        with pytest.raises(BadUse) as raised:
            call(wrong, 1)
        assert raised.value.code == "E-KRN-002"


def test_shapes_tell_types_apart_that_need_other_code() -> None:
    arguments = (
        *(1, True, np.zeros(1, np.int32), np.zeros(1, np.uint32), np.zeros((1, 1), np.int32)),
        *(np.zeros(1, [("a", "u4")]), np.zeros(1, [("b", "u4")]), np.zeros(1, [("a", "u4")])[0]),
    )
    assert len({shape_of(a) for a in arguments}) == len(arguments)


def test_a_numba_without_the_index_rule_that_is_left_out_still_compiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = SimpleNamespace(populate_array=kernel_build.arrayobj.populate_array)
    monkeypatch.setattr(kernel_build, "arrayobj", other)
    assert Kernel(add_up)(np.array([1, 2, 3]), 2) == 12


def test_a_numba_that_keeps_its_code_otherwise_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_build, "object_code", lambda compiled: ("", b""))
    assert Kernel(add_up)(np.array([1, 2, 3]), 2) == 12
    assert list(tmp_path.iterdir()) == []


SCAN = """
import sys
from davylamp.capture import read_batches
from davylamp.flows.meter import Meter
from davylamp.records import InputReport
meter = Meter()
for batch in read_batches(sys.argv[1], InputReport("x")):
    meter.feed(batch)
print(len(meter.close()), "numba" in sys.modules)
"""


def test_a_capture_is_read_and_metered_without_numba(tmp_path: Path) -> None:
    from capture.craft import ethernet, ipv4, pcap, tcp

    path = tmp_path / "one.pcap"
    part, rest = tcp(b"x" * 1000)[:512], tcp(b"x" * 1000)[512:]
    fragments = [ethernet(ipv4(part, fragment=0x2000)), ethernet(ipv4(rest, fragment=64))]
    path.write_bytes(pcap([ethernet(ipv4(tcp())), *fragments]))
    environment = {k: v for k, v in os.environ.items() if k != "DAVYLAMP_BOUNDSCHECK"}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SCAN, str(path)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip() == "1 False"


def test_a_changed_helper_in_the_same_room_makes_kernels_anew(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    helper, main = room / "helper.py", room / "main.py"
    main.write_text(
        "import sys\nfrom davylamp.kernel import kernel\nfrom helper import add\n"
        "@kernel\ndef more(n: int) -> int:\n    return add(n)\n"
        "print(more(5), 'numba' in sys.modules)\n"
    )
    answers = []
    for addend in (1, 1, 2):
        helper.write_text(
            f"from davylamp.kernel import inline\n@inline\ndef add(n):\n    return n + {addend}\n"
        )
        environment = {
            **os.environ,
            "DAVYLAMP_KERNELS": str(tmp_path / "kept"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, str(main)], env=environment, capture_output=True, text=True, check=True
        )
        answers.append(done.stdout.strip())
    assert answers == ["6 True", "6 False", "7 True"]
