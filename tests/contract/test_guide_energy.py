"""The energy guide's commands run on the files it shows, and print what it says they print."""

import os
import re
import subprocess
import sys
from pathlib import Path

from support import ROOT

GUIDE = (ROOT / "docs" / "guides" / "energy.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|text|csv (\S+))\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def test_every_command_of_the_guide_runs_and_prints_what_is_shown(tmp_path):
    """Files are written as they are shown; a text block is part of what the commands just before it printed."""
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80"}
    printed, ran, compared = "", 0, 0
    for kind, name, body in BLOCK.findall(GUIDE):
        if name:
            (tmp_path / name).write_text(body, encoding="utf-8")
        elif kind == "sh":
            printed = ""
            for line in body.splitlines():
                done = subprocess.run(
                    ["/bin/sh", "-c", line],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    check=False,
                    timeout=300,
                )
                assert done.returncode == 0, (line, done.stderr.decode())
                printed += done.stdout.decode()
                ran += 1
        else:
            assert body.rstrip("\n") in printed, (body, printed)
            compared += 1
    assert (ran, compared) == (
        len(re.findall(r"^davylamp ", GUIDE, flags=re.MULTILINE)),
        GUIDE.count("```text"),
    )
    assert ran >= 15
    assert compared >= 5
