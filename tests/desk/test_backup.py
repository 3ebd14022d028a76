"""A backup is whole or not there, is refused when a byte of it is another, and brings everything back."""

import json
import os
import shutil
import stat

import pytest

from davylamp.desk.backup.manifest import PLACES
from davylamp.desk.backup.sealed import seal, unseal
from davylamp.errors import BadUse, InputError
from desk.homes import Home, new_database

SECRET = {"DAVYLAMP_PASSPHRASE": "correct horse battery"}
IS_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


def url(engine):
    if engine == "sqlite":
        return ""
    if not IS_POSTGRESQL:
        pytest.skip("DATABASE_URL names no PostgreSQL")
    return new_database(os.environ["DATABASE_URL"])


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    return request.param


@pytest.fixture
def desk(tmp_path, engine):
    return Home(tmp_path / "home", url(engine)).filled()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A SQLite desk and its backup, for tests that copy it and break the copy."""
    place = tmp_path_factory.mktemp("saved")
    home = Home(place / "home").filled()
    done = home.command("desk", "backup", str(place / "backup"))
    assert done.returncode == 0, done.stderr
    return home, place / "backup"


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_after_backup_loss_and_restore_every_table_and_file_is_identical_and_the_audit_sound(
    desk, engine, tmp_path
):
    backup = tmp_path / "backup"
    done = desk.command("desk", "backup", str(backup), "--keys", **SECRET)
    assert done.returncode == 0, done.stderr
    rows = manifest(backup)["seq"]
    tables, files = desk.tables(rows), desk.files()
    key = desk.command("audit", "key").stdout.strip()

    other = Home(tmp_path / "other", url(engine))
    done = other.command("desk", "restore", str(backup), "--keys", "--key", key, **SECRET)
    assert done.returncode == 0, done.stderr
    assert other.tables(rows) == tables
    assert len(tables["registry_organisation"]) == 40
    assert other.files() == files
    assert other.command("audit", "key").stdout.strip() == key
    secret = (other.folder / "keys" / "secret").read_text()
    assert secret == (desk.folder / "keys" / "secret").read_text()
    verified = other.command("audit", "verify", "--key", key, "--format", "json")
    told = json.loads(verified.stdout)
    assert (told["sound"], told["rows"], told["checkpoints"]) == (
        True,
        rows + 1,
        2,
    )  # one more: the restore itself


def test_the_guards_of_the_tables_come_back_too(desk, engine, tmp_path):
    assert desk.command("desk", "backup", str(tmp_path / "backup")).returncode == 0
    other = Home(tmp_path / "other", url(engine))
    assert other.command("desk", "restore", str(tmp_path / "backup")).returncode == 0
    done = other.run("""
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM registry_organisation")
    """)
    assert "E-AUD-007" in done.stderr


def test_a_backup_of_a_desk_at_work_holds_one_moment_of_it(desk, engine, tmp_path):
    """A writer goes on while the copy is made; what comes back ends where the manifest says, and is sound."""
    import subprocess
    import sys

    from desk.homes import PREAMBLE

    writer = """
from davylamp.desk.registry.models import Organisation
import itertools
for n in itertools.count():
    Organisation(code=f"W{n}", name="x", region_code="330106").save()
    if n == 5:
        print("on", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + writer], env=desk.env, stdout=subprocess.PIPE, text=True
    ) as busy:
        try:
            assert busy.stdout.readline() == "on\n"
            done = desk.command("desk", "backup", str(tmp_path / "backup"))
            assert busy.poll() is None
        finally:
            busy.kill()
    assert done.returncode == 0, done.stderr
    other = Home(tmp_path / "other", url(engine))
    done = other.command("desk", "restore", str(tmp_path / "backup"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "audit sound" in done.stdout


def test_over_a_desk_that_was_used_it_needs_force_and_sets_that_desk_aside(desk, engine, tmp_path):
    backup = tmp_path / "backup"
    assert desk.command("desk", "backup", str(backup)).returncode == 0
    desk.run("""
        from davylamp.desk.registry.models import Organisation
        Organisation(code="LATER", name="x", region_code="330106").save()
    """)
    refused = desk.command("desk", "restore", str(backup))
    assert (refused.returncode, refused.stderr.count("E-BAK-006")) == (2, 1)
    assert len(desk.tables(10**6)["registry_organisation"]) == 41
    done = desk.command("desk", "restore", str(backup), "--force")
    assert done.returncode == 0, done.stderr
    assert len(desk.tables(10**6)["registry_organisation"]) == 40
    if engine == "sqlite":
        (aside,) = desk.folder.glob("replaced-*")
        assert (aside / "desk.sqlite3").exists()
    else:
        done = desk.run("""
            from django.db import connection
            with connection.cursor() as cursor:
                cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replaced%'")
                (name,), = cursor.fetchall()
                cursor.execute(f'SELECT count(*) FROM "{name}".registry_organisation')
                print(cursor.fetchone()[0])
        """)
        assert done.stdout.strip() == "41", done.stderr


def flip(path):
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def first_file(folder):
    return min(p for p in (folder / "files").rglob("*") if p.is_file() and p.stat().st_size)


DAMAGE = {
    "a bit of the database": lambda b: flip(b / "database.sqlite3") or "database.sqlite3 is not what it was",
    "a bit of a file": lambda b: flip(first_file(b)) or f"files/{first_file(b).parent.name}/",
    "a file that is gone": lambda b: first_file(b).unlink() or "is missing",
    "a file that was cut": lambda b: os.truncate(b / "database.sqlite3", 5000) or "database.sqlite3 is not",
    "a file more": lambda b: (b / "files" / "x").write_text("x") and "files/x does not belong to it",
    "a link": lambda b: (first_file(b).unlink(), (b / "files/zz").symlink_to("/etc/passwd"))[0] or "files/zz",
    "an edited manifest": lambda b: (b / "manifest.json").write_text(
        (b / "manifest.json").read_text().replace('"engine": "sqlite"', '"engine": "sqlitf"')
    ) and "E-BAK-003",
    "half a manifest": lambda b: os.truncate(b / "manifest.json", 300) or "E-BAK-001",
    "no manifest": lambda b: (b / "manifest.json").unlink() or "E-BAK-001",
    "another checkpoint": lambda b: flip(next((b / "checkpoints").iterdir())) or ".checkpoint.json is not what it was",
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_backup_is_refused_with_its_file_named_and_nothing_is_touched(kind, saved, tmp_path):
    _, backup = saved
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    words = DAMAGE[kind](copy)
    home = Home(tmp_path / "home")
    done = home.command("desk", "restore", str(copy))
    assert done.returncode == 3
    assert words in done.stderr
    assert not (home.folder / "desk.sqlite3").exists() or not (home.folder / "desk.sqlite3").stat().st_size
    assert not home.files()


def test_a_backup_that_another_key_signed_is_refused_when_the_key_is_known(saved, tmp_path):
    _, backup = saved
    done = Home(tmp_path / "home").command("desk", "restore", str(backup), "--key", "00" * 32)
    assert (done.returncode, "E-BAK-003" in done.stderr) == (3, True)


CUT = """
import pathlib
left = [int(sys.argv[2])]
whole = pathlib.Path.replace
def replace(self, target):
    if left[0] == 0:
        os._exit(9)
    left[0] -= 1
    return whole(self, target)
pathlib.Path.replace = replace
from davylamp.desk.backup.restore import restore
restore(Path(sys.argv[1]), force=True)
"""


@pytest.mark.parametrize("moves", [0, 2, 4, 5])
def test_a_restore_that_was_killed_after_any_move_goes_on_to_the_same_desk(moves, saved, tmp_path):
    """Killed before the n-th file takes its place; called again without --force, it ends as if nothing had been."""
    first, backup = saved
    home = Home(tmp_path / "home").filled()
    rows = manifest(backup)["seq"]
    cut = home.run(CUT, str(backup), str(moves))
    done = home.command("desk", "restore", str(backup), *(["--force"] if moves == 0 else []))
    assert cut.returncode == 9, cut.stderr
    assert done.returncode == 0, done.stderr + cut.stderr
    assert home.tables(rows) == first.tables(rows)
    assert set(first.files().items()) <= set(home.files().items())
    asides = list(home.folder.glob("replaced-*/desk.sqlite3"))
    assert len(asides) >= 1  # the desk that was there is still somewhere


def test_a_backup_that_cannot_be_finished_leaves_nothing_behind(saved, tmp_path):
    home, _ = saved
    done = home.run(
        """
        from davylamp.desk.backup import make
        def full(*_):
            raise OSError(28, "No space left on device")
        make._copy_part = full
        make.backup(Path(sys.argv[1]))
        """,
        str(tmp_path / "backup"),
    )
    assert "E-BAK-004" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", [True, False])
def test_a_backup_goes_into_a_folder_of_its_own_outside_the_desk(saved, tmp_path, inside):
    home, _ = saved
    place = home.folder / "files" / "b" if inside else tmp_path
    (tmp_path / "something").touch()
    done = home.command("desk", "backup", str(place))
    assert (done.returncode, "E-BAK-004" in done.stderr) == (4, True)


def test_only_the_owner_can_read_a_backup(saved):
    _, backup = saved
    modes = {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in [backup, *backup.rglob("*")]}
    assert modes == {0}


def test_a_file_that_was_damaged_before_is_told_and_the_backup_made_all_the_same(tmp_path):
    home = Home(tmp_path / "home").filled()
    flip(first_file(home.folder))
    done = home.command("desk", "backup", str(tmp_path / "backup"))
    assert (done.returncode, "E-BAK-030" in done.stderr) == (1, True)
    done = Home(tmp_path / "other").command("desk", "restore", str(tmp_path / "backup"))
    assert (done.returncode, "E-BAK-030" in done.stderr) == (0, True)


def test_a_backup_of_a_newer_desk_is_refused(saved, tmp_path):
    home, _ = saved
    done = home.run(
        """
        from davylamp.desk.backup import database, make
        made = database.dump
        def newer(to):
            found = made(to)
            found.migrations.append("leads.9999_of_tomorrow")
            return found
        make.dump = newer
        make.backup(Path(sys.argv[1]))
        """,
        str(tmp_path / "backup"),
    )
    assert done.returncode == 0, done.stderr
    done = Home(tmp_path / "other").command("desk", "restore", str(tmp_path / "backup"))
    assert (done.returncode, "leads.9999_of_tomorrow" in done.stderr) == (3, True)


def test_without_the_database_s_programs_it_says_which_one_is_missing(tmp_path):
    home = Home(tmp_path / "home", url("postgresql")).filled()
    done = home.command("desk", "backup", str(tmp_path / "backup"), PATH=str(tmp_path))
    assert (done.returncode, "E-BAK-010: pg_dump is not on the PATH" in done.stderr) == (4, True)


def test_a_database_with_something_else_in_it_is_left_alone(saved, tmp_path):
    import psycopg

    address = url("postgresql")
    desk = Home(tmp_path / "home", url("postgresql")).filled()
    assert desk.command("desk", "backup", str(tmp_path / "backup")).returncode == 0
    with psycopg.connect(address, autocommit=True) as server:
        server.execute("CREATE TABLE payroll (id int)")
    done = Home(tmp_path / "other", address).command("desk", "restore", str(tmp_path / "backup"), "--force")
    assert (done.returncode, "E-BAK-013" in done.stderr) == (3, True)


def test_keys_open_with_their_passphrase_only_and_stand_nowhere_in_clear(tmp_path):
    (tmp_path / "secret").write_bytes(b"very secret")
    box = seal(tmp_path, "correct horse battery")
    assert b"very secret" not in box
    assert unseal(box, "correct horse battery") == {"secret": b"very secret"}
    with pytest.raises(InputError, match="E-BAK-021"):
        unseal(box, "correct horse batterz")
    with pytest.raises(BadUse, match="E-BAK-020"):
        seal(tmp_path, "short")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"n": 99999999999}', b"[" * 100000, b'{"n":2,"salt":1}']
)
def test_keys_that_are_no_keys_are_refused(data):
    with pytest.raises(InputError, match="E-BAK-021"):
        unseal(data, "correct horse battery")


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x", "files/../../x", "templates/../x", "templates//x", "templates/", "templates/a/..",
     "checkpoints/a/b", "files/ab/xyz", "manifest.json", "database.sqlite3/x", "templates/a\x00", "keys/secret"],
)  # fmt: skip
def test_no_place_in_a_backup_leads_out_of_it(name):
    assert not PLACES.fullmatch(name)
