"""The real server in a process of its own, on its own database with the scene, and a browser that walks it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

from django_otp.oath import totp

from support import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = (1366, 768), (390, 844)


def environment(home):
    """Of both processes: the desk's own settings in a folder that is thrown away."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return kept | {"DAVYLAMP_HOME": str(home), "DAVYLAMP_HTTPS": "0", "PYTHONPATH": path}


def fill(home):
    """Make the tables and the scene."""
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'davylamp.desk.settings'; import django; django.setup();"
        "from django.core.management import call_command; call_command('migrate', verbosity=0);"
        "from desk import scene; scene.make()"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(home), check=True, timeout=120)


@contextmanager
def server(home):
    """``davylamp serve --plain`` until it answers; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from davylamp.cli import main; main()",
        "serve",
        "--plain",
        "--port",
        str(port),
    ]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(home), stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{base}/login/", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=20)


def log_in(page, base, name, password, key):
    """Name, password, six digits."""
    page.goto(f"{base}/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", password)
    page.click("button.main-act")
    if "/second-factor/" in page.url:
        page.fill("#id_token", f"{totp(bytes.fromhex(key)):06d}")
        page.click("button.main-act")
    assert page.url.split("?")[0].rstrip("/") == base, page.url
