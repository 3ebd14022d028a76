"""The command as scripts and people use it: exit status, streams, formats, faults."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAMP = str(Path(sys.executable).with_name("davylamp"))


def lamp(*args, **kwargs):
    return subprocess.run([LAMP, *map(str, args)], capture_output=True, check=False, timeout=300, **kwargs)


@pytest.fixture(scope="module")
def mining(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "mining.pcap"
    assert (
        lamp("simulate", "capture", path, "--miner", "dialect=monero,minutes=10", "--noise", "4").returncode
        == 0
    )
    return path


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "quiet.pcap"
    assert lamp("simulate", "capture", path, "--noise", "6").returncode == 0
    return path


def test_mining_is_status_10_and_quiet_is_0(mining, quiet):
    assert lamp("scan", mining).returncode == 10
    assert lamp("scan", quiet).returncode == 0


def test_json_goes_to_stdout_alone(mining):
    done = lamp("scan", mining, "--format", "json")
    found = json.loads(done.stdout)
    assert done.stderr == b""
    assert found["sessions"][0]["dialect"] == "monero"
    assert found["sightings"][0]["tier"] == "confirmed"


def test_standard_input_is_a_capture_too(mining):
    done = lamp("scan", "-", "--format", "json", input=mining.read_bytes())
    assert done.returncode == 10
    assert len(json.loads(done.stdout)["sessions"]) == 1


@pytest.mark.parametrize("output_format", ["jsonl", "csv", "parquet", "table"])
def test_every_format_can_be_redirected(mining, tmp_path, output_format):
    target = tmp_path / "out"
    done = lamp("scan", mining, "--format", output_format, "--output", target)
    assert done.returncode == 10
    assert done.stdout == b""
    assert target.stat().st_size > 100


def test_a_text_file_is_no_capture_and_says_so(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("nothing to see")
    done = lamp("scan", path)
    assert done.returncode == 3
    assert done.stdout == b""
    assert b"E-CAP-" in done.stderr
    assert b"hint:" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_missing_file_is_an_input_error(tmp_path):
    done = lamp("scan", tmp_path / "absent.pcap")
    assert done.returncode == 3
    assert b"absent.pcap" in done.stderr


def test_good_inputs_survive_a_bad_one(mining, tmp_path):
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"not a capture at all, sorry")
    done = lamp("scan", bad, mining, "--format", "json")
    assert done.returncode == 10
    inputs = json.loads(done.stdout)["inputs"]
    assert [bool(i["faults"]) for i in inputs] == [True, False]


@pytest.mark.parametrize(
    "args",
    [
        ("scan",),
        ("scan", "--format", "xml", "a"),
        ("scan", "a", "--set", "idle_s=soon"),
        ("simulate", "capture"),
    ],
)
def test_a_call_that_cannot_be_meant_is_status_2(args):
    done = lamp(*args)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_settings_report_every_fault_at_once(mining):
    done = lamp("scan", mining, "--set", "idle_s=soon", "--set", "nonsense=1", "--set", "chunk_mib=9999")
    assert done.returncode == 2
    for word in (b"idle_s=soon", b"nonsense=1", b"chunk_mib=9999", b"hint:"):
        assert word in done.stderr


def test_the_report_is_written_and_named(mining, tmp_path):
    target = tmp_path / "report.html"
    done = lamp("scan", mining, "--report", target)
    assert str(target).encode() in done.stdout
    assert "<svg" in target.read_text(encoding="utf-8")


def test_help_names_every_command():
    done = lamp("--help")
    assert b"scan" in done.stdout
    assert b"simulate" in done.stdout


def test_help_does_not_load_the_heavy_libraries():
    code = (
        "import sys\nfrom davylamp.cli.app import app\n"
        "heavy = {'numba', 'pyarrow', 'scipy', 'numpy', 'jinja2'} & set(sys.modules)\nsys.exit(1 if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_input_is_never_overwritten(mining, tmp_path):
    before = mining.read_bytes()
    for args in (("-o", mining), ("--report", mining), ("-o", tmp_path / "x", "--report", tmp_path / "x")):
        done = lamp("scan", mining, *args)
        assert done.returncode == 2
        assert b"E-USE-" in done.stderr
    assert mining.read_bytes() == before


def test_faults_reach_stderr_in_every_format(mining, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(mining.read_bytes()[:-7])
    for output_format in ("table", "json", "jsonl", "csv", "parquet"):
        done = lamp("scan", cut, "--format", output_format, "-o", tmp_path / "out")
        assert b"E-CAP-" in done.stderr, output_format


def test_an_absent_path_does_not_hide_what_the_others_hold(mining, tmp_path):
    done = lamp("scan", tmp_path / "absent.pcap", mining, "--format", "json")
    assert done.returncode == 10
    assert b"absent.pcap" in done.stderr


def test_an_interrupt_keeps_what_was_read(mining, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [LAMP, "scan", str(pipe), "-f", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with pipe.open("wb", buffering=0) as file:
        whole = mining.read_bytes()
        file.write(whole[: len(whole) // 2])
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        file.write(whole[len(whole) // 2 :])
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"interrupting" in stderr
    found = json.loads(stdout)
    assert "E-CAP-090" in {fault["code"] for fault in found["inputs"][0]["faults"]}
    assert len(found["sessions"]) == 1


def test_a_reader_that_leaves_early_is_no_error(mining):
    done = subprocess.run(
        f"{LAMP} scan {mining} --format json | head -c 10", shell=True, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    assert b"E-OUT" not in done.stderr


def test_a_terminal_of_another_encoding_shows_what_it_can(mining):
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = lamp("scan", mining, "--lang", "zh", env=env)
    assert done.returncode == 10
    assert b"Traceback" not in done.stderr


def test_an_interrupt_while_modules_are_read_ends_with_130_and_no_traceback(monkeypatch, capsys):
    from davylamp import cli

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"
