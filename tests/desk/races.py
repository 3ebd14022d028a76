"""Programs of their own on one database of their own: SQLite in a file, or PostgreSQL where DATABASE_URL names one."""

import os
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

import davylamp

PATHS = (Path(davylamp.__file__).parents[1], Path(__file__).parents[1])


@contextmanager
def own_database(folder):
    """The environment of a desk that lives in ``folder``, with its tables made; its database ends with it."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "davylamp.desk.settings", "DAVYLAMP_HOME": str(folder)}
    env["PYTHONPATH"] = os.pathsep.join(map(str, PATHS))
    env.pop("DATABASE_URL", None)
    name = f"race_{uuid.uuid4().hex[:12]}"
    is_server = connection.vendor == "postgresql"
    if is_server:
        one = connection.settings_dict
        env["DATABASE_URL"] = f"postgres://{one['USER']}:{one['PASSWORD']}@{one['HOST']}:{one['PORT']}/{name}"
        _as_owner(f"CREATE DATABASE {name}")
    try:
        subprocess.run([sys.executable, "-m", "django", "migrate", "-v0"], env=env, check=True)
        yield env
    finally:
        if is_server:
            _as_owner(f"DROP DATABASE {name} WITH (FORCE)")


def _as_owner(statement):
    import psycopg

    one = connection.settings_dict
    with psycopg.connect(
        host=one["HOST"], port=one["PORT"], user=one["USER"], password=one["PASSWORD"] or None, dbname="postgres",
        autocommit=True,
    ) as server:  # fmt: skip
        server.execute(statement)


def race(program, env, count, *arguments):
    """The output of so many programs that start together; each must end well."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments], env=env, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    said = [racer.communicate(timeout=180)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * count
    return said
