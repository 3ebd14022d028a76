"""Kill -9 between any two SQL statements of a step, on a database of its own, and look at what is left.

A scenario is a module with ``prepare()``, which fills the database, and ``STEPS``, a list of (name, function) that each
do one transaction. The driver runs in a process of its own. For each step it forks a child that kills itself with
SIGKILL after the n-th statement, for every n; then one that kills itself before the commit; then one right after it.
Until the commit, every table must read exactly as before; after it, the chain must be sound and every row must be what
the audit told.

Use it from a test: ``report = crash.run("desk.crash_cases", tmp_path)``.
"""

import hashlib
import importlib
import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

SOURCE = Path(__file__).resolve().parents[2]


def run(scenario, home, timeout_s=540):
    """The driver's report: step to statements, kills, faults."""
    with _database() as url:
        environment = {
            **os.environ,
            "DAVYLAMP_HOME": str(home),
            "DAVYLAMP_HTTPS": "0",
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "davylamp.desk.settings",
            "PYTHONPATH": os.pathsep.join((str(SOURCE / "src"), str(SOURCE / "tests"))),
        }
        done = subprocess.run(
            [sys.executable, "-m", "desk.crash", scenario],
            env=environment, cwd=home, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _database():
    """The URL of a database of its own: a new one on the server of DATABASE_URL, or empty for SQLite in the home."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        yield ""
        return
    import psycopg

    name = f"crash_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(given, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(given, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


# --- in the driver's process -----------------------------------------------------------------------------------


def main(scenario):
    """Run a scenario and print the report as the last line."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from davylamp.desk.audit.context import Actor, acting

    call_command("migrate", interactive=False, verbosity=0)
    module = importlib.import_module(scenario)
    with acting(Actor("system", "tests", "tests", "command")):
        module.prepare()
        connections.close_all()
        report = {name: Step(name, act).run() for name, act in module.STEPS}
    print(json.dumps(report))


class Step:
    """One step under fire."""

    def __init__(self, name, act):
        self.name, self.act = name, act
        self.faults = []

    def run(self):
        """Every kill; returns what happened."""
        before, statements = fingerprint(), 0
        while True:
            died = self._child(statements + 1)
            if died != "statement":
                break
            statements += 1
            self._expect_unchanged(before, f"statement {statements}")
        if died == "commit":
            self._expect_unchanged(before, "before the commit")
            died = self._child(0)
        if died != "committed":
            self.faults.append(f"{self.name}: {died}")
        if fingerprint() == before:
            self.faults.append(f"{self.name}: nothing was changed")
        self.faults += soundness()
        return {"statements": statements, "faults": self.faults}

    def _expect_unchanged(self, before, where):
        if fingerprint() != before:
            self.faults += [f"{self.name}: killed after {where}, something stayed", *soundness()]

    def _child(self, fatal):
        """Where the child died: statement, commit (before it) or committed; or its error. 0 dies after the commit."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._die(fatal, writing)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            told = pipe.read()
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return told
        return told or "ended without a commit"

    def _die(self, fatal, pipe):
        from django.db import connections

        def kill(where):
            os.write(pipe, where.encode())
            os.kill(os.getpid(), signal.SIGKILL)

        seen = 0

        def counted(execute, *args):
            nonlocal seen
            result = execute(*args)
            seen += 1
            if seen == fatal:
                kill("statement")
            return result

        def commit():
            if fatal:
                kill("commit")
            type(real)._commit(real)
            kill("committed")

        try:
            real = connections["default"]
            real.ensure_connection()
            real._commit = commit
            with real.execute_wrapper(counted):
                self.act()
        except BaseException as error:  # noqa: BLE001 - the parent must hear of it
            os.write(pipe, f"{type(error).__name__}: {error}".encode()[:2000])
        os._exit(1)


def fingerprint():
    """A digest of all tables, and no connection left open."""
    from django.apps import apps
    from django.db import connection, connections

    digest = hashlib.sha256()
    for model in sorted(apps.get_models(include_auto_created=True), key=lambda m: m._meta.db_table):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY {model._meta.pk.column}")
            digest.update(repr((model._meta.db_table, cursor.fetchall())).encode())
    connections.close_all()
    return digest.hexdigest()


def soundness():
    """What the chain and the replay of the audit complain about."""
    from django.db import connections

    from davylamp.desk.audit.replay import replay
    from davylamp.desk.audit.verify import verify

    found = [b.message for b in (*verify([], None).breaches, *replay().breaches)]
    connections.close_all()
    return found


if __name__ == "__main__":
    main(sys.argv[1])
