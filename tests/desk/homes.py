"""Desks of their own, in other processes: their folder, their database, what all their tables say."""

import hashlib
import json
import os
import secrets
import subprocess
import sys
import textwrap
from pathlib import Path

from support import ROOT

PREAMBLE = """
import os, sys, json
os.environ["DJANGO_SETTINGS_MODULE"] = "davylamp.desk.settings"
import django
django.setup()
from davylamp.desk.audit.context import Actor, acting
author = acting(Actor("system", "tests", "tests", "command"))
author.__enter__()
from pathlib import Path
from django.conf import settings
"""
FILL = """
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0)
from davylamp.desk.access.models import Duty, Posting, User
from davylamp.desk.audit.checkpoints import signing_key, write_checkpoint
from davylamp.desk.core.vault import store
from davylamp.desk.registry.models import Organisation
user = User.objects.create_user("wang", "correct horse battery", name="王芳\\t\\\\N")
Posting(user=user, duty=Duty.ANALYST, region_code="330000").save()
for n in range(40):
    Organisation(code=f"00{n}", name=f"单位 {n} 'quoted' \\n", region_code="330106", is_public=None).save()
    if n == 20:
        write_checkpoint(signing_key(settings.HOME / "keys"), settings.HOME / "checkpoints")
for n in range(3):
    store([b"photo %d" % n])
store([])
(settings.HOME / "templates" / "office").mkdir()
(settings.HOME / "templates" / "office" / "移送函.docx").write_bytes(b"template")
"""
DUMP = """
from django.db import connection
told = {}
with connection.cursor() as cursor:
    for table in sorted(connection.introspection.table_names()):
        cursor.execute(f'SELECT * FROM "{table}"' + (" WHERE seq <= %s" if table == "audit_auditevent" else ""),
                       [int(sys.argv[1])] if table == "audit_auditevent" else [])
        told[table] = sorted(repr([str(v) for v in row]) for row in cursor.fetchall())
print(json.dumps(told))
"""


class Home:
    """A desk's folder and database."""

    def __init__(self, folder: Path, database_url: str = ""):
        self.folder, self.database_url = folder, database_url

    @property
    def env(self):
        own = {
            "DAVYLAMP_HOME": str(self.folder),
            "DATABASE_URL": self.database_url,
            "PYTHONPATH": str(ROOT / "src"),
            "DAVYLAMP_HTTPS": "0",
        }
        return {**{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}, **own}

    def run(self, script, *words, **more):
        """A script inside Django, as an author of changes."""
        return subprocess.run(
            [sys.executable, "-c", PREAMBLE + textwrap.dedent(script), *words],
            env={**self.env, **more}, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def filled(self):
        """With accounts, organisations, files, a template and a checkpoint."""
        done = self.run(FILL)
        assert done.returncode == 0, done.stderr
        return self

    def command(self, *words, **more):
        """``davylamp ...``."""
        return subprocess.run(
            [sys.executable, "-c", "from davylamp.cli import main; main()", *words],
            env={**self.env, **more}, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def tables(self, rows):
        """All rows of all tables; of the audit the first so many."""
        done = self.run(DUMP, str(rows))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def files(self):
        """Name to SHA-256 of what is kept beside the database."""
        parts = ("files", "checkpoints", "templates")
        return {
            p.relative_to(self.folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for part in parts
            for p in sorted((self.folder / part).rglob("*"))
            if p.is_file()
        }


def new_database(url):
    """One more database on the server of a PostgreSQL address."""
    import psycopg

    name = f"desk_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    return url.rsplit("/", 1)[0] + "/" + name
