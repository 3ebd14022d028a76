"""The desk's own settings, in a folder that is thrown away; PostgreSQL where DATABASE_URL says so."""

import atexit
import os
import shutil
import tempfile

os.environ["DAVYLAMP_HOME"] = tempfile.mkdtemp(prefix="davylamp-desk-")
os.environ["DAVYLAMP_HTTPS"] = "0"
atexit.register(shutil.rmtree, os.environ["DAVYLAMP_HOME"], ignore_errors=True)

from davylamp.desk.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; one test uses the desk's own
