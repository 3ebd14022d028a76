"""The guides of the desk: each command in them runs, as written, in order, against a desk on this machine."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from davylamp.cli.app import app
from desk.homes import Home

from support import ROOT

API = (ROOT / "docs/guides/desk-api.md").read_text(encoding="utf-8")
ADMIN = (ROOT / "docs/guides/desk-admin.md").read_text(encoding="utf-8")


def lines(text):
    """The lines of all blocks without a language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [line for language, block in blocks if not language for line in block.strip().splitlines()]


@contextmanager
def serving(home):
    """``davylamp serve --plain`` of a desk, at the address it yields."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        sys.executable,
        "-c",
        "from davylamp.cli import main; main()",
        "serve",
        "--plain",
        "--port",
        str(port),
    ]
    with subprocess.Popen(words, env=home.env, stderr=subprocess.DEVNULL) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    with urllib.request.urlopen(f"{address}/api/v1/openapi.json", timeout=5):
                        break
                except OSError:
                    time.sleep(0.2)
            yield address
        finally:
            server.terminate()


@pytest.fixture
def shell(tmp_path):
    """A folder with a capture in it, and a way to run a guide's line there."""
    home = Home(tmp_path / "home")
    tools = tmp_path / "bin"
    tools.mkdir()
    lamp = tools / "davylamp"
    lamp.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from davylamp.cli import main; main()" "$@"\n')
    lamp.chmod(0o700)
    env = {**home.env, "PATH": f"{tools}:{os.environ['PATH']}"}

    def run(line, **more):
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env={**env, **more}, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode in (0, 10), (line, done.stderr)
        return done.stdout

    run("davylamp desk init")
    run("davylamp simulate capture campus.pcap --miner dialect=monero,hashrate=2k,minutes=30")
    run.home = home
    return run


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on the PATH")
def test_the_api_guide_runs_as_written(shell):
    told, known = {}, {}
    with serving(shell.home) as address:
        known["DESK"] = address
        for line in lines(API):
            out = shell(line, **known)
            if "token issue" in line:
                known["TOKEN"] = re.search(r"secret\s+(\S+)", out)[1]
            if line.startswith("curl"):
                told = json.loads(out)
                assert "code" not in told, told
            if "/observations" in line:
                assert (told["source"], told["refused"]) == ("sensor-hz", [])
                assert told["new"] >= 1
                again = json.loads(shell(line, **known))
                assert (again["new"], again["known"]) == (0, told["new"])
            if "/leads?" in line:
                known["LEAD"] = told["items"][0]["number"]
            if line.endswith('/leads/$LEAD"'):
                known["VERSION"] = str(told["version"])
                shell("davylamp desk token issue sensor-hz --name w --scope read --scope write > token")
                known["TOKEN"] = re.search(r"secret\s+(\S+)", shell("cat token"))[1]
    assert told["state"] == "unattributable"


def test_the_api_guide_names_the_limits_that_hold():
    from davylamp.desk.api import limits, observations, reading

    assert f"{limits.BURST} at once, then {limits.RATE_HZ:.0f} a second" in API
    assert f"{reading.MOST_INTAKE_BYTES >> 20} MiB" in API
    assert f"{observations.MOST_ROWS:,} rows" in API
    assert f"deeper than {reading.MOST_DEPTH}" in API


def test_every_command_of_the_admin_guide_exists_with_its_options():
    import typer.main

    tree = typer.main.get_command(app)
    named = [line for line in lines(ADMIN) if line.startswith("davylamp ")]
    assert len(named) > 8
    for line in named:
        words = shlex.split(line)[1:]
        command = tree
        while words and getattr(command, "commands", {}).get(words[0]):
            command = command.commands[words.pop(0)]
        assert not getattr(command, "commands", {}), line
        options = {name for one in command.params for name in one.opts}
        assert {w for w in words if w.startswith("--")} <= options, line


@pytest.mark.slow
def test_backup_loss_and_restore_go_as_the_admin_guide_says(shell, tmp_path):
    wanted = ("desk user add", "audit key", "audit checkpoint", "audit verify", "desk backup", "desk restore")
    (tmp_path / "mnt/elsewhere/checkpoints").mkdir(parents=True)
    known = {"DAVYLAMP_PASSPHRASE": "correct horse battery"}
    for line in lines(ADMIN):
        if not any(words in line for words in wanted):
            continue
        local = line.replace("/mnt", str(tmp_path / "mnt")).replace("/tmp/trial", str(tmp_path / "trial"))
        local = local.replace("--key KEY", f"--key {known.get('KEY')}")
        if "desk restore" in line and "DAVYLAMP_HOME" not in line:
            shutil.rmtree(shell.home.folder)
        if "--checkpoints" in line and "KEY" not in known:
            continue
        out = shell(local, **known)
        if "audit key" in line:
            known["KEY"] = out.strip()
    assert (tmp_path / "trial/desk.sqlite3").exists()
    assert "sound" in shell("davylamp audit verify")


@pytest.mark.parametrize("name", ["desk-api.md", "desk-admin.md"])
def test_links_of_the_guides_lead_somewhere(name):
    folder = ROOT / "docs/guides"
    for target in re.findall(r"\]\(([^)#]+)\)", (folder / name).read_text(encoding="utf-8")):
        assert (folder / target).exists(), target
