"""README's two languages keep step, its commands run, and it names no more dialects than there are."""

import os
import re
import shlex
import socket
import subprocess
import sys
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest

from davylamp import tables

from support import ROOT

ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")


def blocks(text):
    return [b for b in re.findall(r"```\n(.*?)```", text, flags=re.DOTALL) if "┌" not in b]


def test_both_languages_have_the_same_headings_in_number_and_level():
    def levels(text):
        return [len(m) for m in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]

    assert levels(ENGLISH) == levels(CHINESE)


def test_both_languages_have_the_same_commands():
    assert blocks(ENGLISH) == blocks(CHINESE)


def test_every_relative_link_leads_somewhere():
    for name in (
        "README.md",
        "README.zh.md",
        "CONTRIBUTING.md",
        "docs/decisions/README.md",
        "docs/concepts/README.md",
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert ((ROOT / name).parent / target).exists(), f"{name} links to {target}"


def test_the_number_of_dialects_is_the_table_s():
    count = len(tables.dialects())
    assert f"{count} dialects" in ENGLISH
    assert f"{count} 种方言" in CHINESE


def commands():
    lines = [line for block in blocks(ENGLISH) for line in block.strip().splitlines()]
    return [line for line in lines if not line.startswith(("make", "export DAVYLAMP_HOME=out/desk"))]


def test_make_knows_the_two_commands():
    makefile = (ROOT / "Makefile").read_text()
    for line in ("make run", "make test"):
        assert line in ENGLISH
        assert re.search(rf"^{line.split()[1]}:", makefile, flags=re.MULTILINE)


def test_the_readme_s_commands_run(tmp_path):
    """`make run` first, as its text says, then every other command in order, in a copy of the tree's root."""
    assert commands()
    lamp = Path(sys.executable).with_name("davylamp")
    recipe = subprocess.run(
        ["make", "-n", "-o", ".venv/.installed", "run"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace("\\\n", " ")
    lines = [line for line in recipe.splitlines() if "davylamp" in line] + commands()
    home = dict(os.environ, DAVYLAMP_HOME="out/desk")
    home.pop("DJANGO_SETTINGS_MODULE", None)
    for line in lines:
        words = shlex.split(line.split("||")[0])
        assert words[0] == ".venv/bin/davylamp"
        call = [lamp, *words[1:]]
        if words[1] == "serve":
            serves(call, tmp_path, home)
            continue
        done = subprocess.run(call, cwd=tmp_path, env=home, capture_output=True, check=False, timeout=300)
        assert done.returncode in (0, 10), (line, done.stderr.decode())


def serves(call, folder, env):
    """The desk answers with its login page; on a port that is free, since this one may not be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    call = [str(port) if before == "--port" else word for before, word in pairwise(["", *call])]
    with subprocess.Popen(call, cwd=folder, env=env, stderr=subprocess.PIPE) as server:
        try:
            assert b"desk on http" in server.stderr.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=60) as page:
                assert page.status == 200
                assert "矿灯" in page.read().decode()
        finally:
            server.terminate()


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "Makefile", ".ci/run"])
def test_no_file_names_a_registry(name):
    assert not re.search(r"index-url|://[^ ]*(pypi|simple)", (ROOT / name).read_text())
