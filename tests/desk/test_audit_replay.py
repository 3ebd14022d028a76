"""Replay: a table that was changed behind the audit's back is found, an honest one never."""

import orjson
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from davylamp.cli.app import app
from davylamp.desk.access.models import Duty
from davylamp.desk.audit.models import bulk_create
from davylamp.desk.audit.replay import replay
from davylamp.desk.registry.models import Organisation
from desk.people import organisation, person


def behind(sql, *values, table="registry_organisation"):
    """A statement of an intruder who has the database's password."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_delete")
        cursor.execute(sql, values)


def codes():
    return {b.code for b in replay().breaches}


def key(row):
    return row.pk.hex if connection.vendor == "sqlite" else row.pk


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.text(st.characters(codec="utf-8", exclude_categories=["C"]),
                                                     max_size=20)), max_size=12))  # fmt: skip
def test_honest_changes_replay_to_what_the_tables_say(changes):
    rows = [organisation() for _ in range(4)]
    for place, name in changes:
        rows[place].name = name
        rows[place].save()
    found = replay()
    assert found.is_sound
    assert not found.unproven


def test_accounts_with_personal_and_silent_fields_replay_too():
    user = person(Duty.ANALYST)
    user.phone = "13800001111"
    user.save()
    user.close("left")
    assert replay().is_sound


def test_a_value_changed_behind_the_audit_is_found_with_its_field():
    one = organisation(name="甲")
    organisation()
    behind("UPDATE registry_organisation SET name = %s WHERE id = %s", "乙", key(one))
    (breach,) = replay().breaches
    assert breach.code == "E-AUD-201"
    assert "name" in breach.message
    assert str(one.pk) in breach.message


def test_a_value_changed_and_then_changed_honestly_is_still_found():
    one = organisation(name="甲")
    behind("UPDATE registry_organisation SET sector = 'power' WHERE id = %s", key(one))
    again = Organisation.objects.get(pk=one.pk)
    again.name = "丙"
    again.save()
    assert codes() == {"E-AUD-201"}


def test_a_deleted_row_is_found():
    one = organisation()
    behind("DELETE FROM registry_organisation WHERE id = %s", key(one))
    assert codes() == {"E-AUD-203"}


def test_a_row_slipped_in_is_found():
    one = organisation()
    other = "0" * 32 if connection.vendor == "sqlite" else "0" * 8 + "-0000-0000-0000-" + "0" * 12
    columns = ", ".join(
        f.column for f in Organisation._meta.concrete_fields if f.column not in ("id", "code")
    )
    behind(
        f"INSERT INTO registry_organisation (id, code, {columns}) "
        f"SELECT %s, 'X', {columns} FROM registry_organisation WHERE id = %s",
        other,
        key(one),
    )
    assert codes() == {"E-AUD-205"}


def test_a_version_set_back_is_found():
    one = organisation()
    one.name = "丁"
    one.save()
    behind("UPDATE registry_organisation SET version = 1 WHERE id = %s", key(one))
    assert not replay().is_sound


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE registry_organisation SET name = 'other' WHERE code = 'B7'",
        "DELETE FROM registry_organisation WHERE code = 'B7'",
    ],
)
def test_rows_written_many_at_once_are_proven_by_their_digest(sql):
    bulk_create(
        [Organisation(code=f"B{i}", name="x", region_code="330100") for i in range(900)], "o.load", "b-1"
    )
    found = replay()
    assert (found.is_sound, found.rows, found.unproven) == (True, 900, 0)
    changed = Organisation.objects.get(code="B3")
    changed.name = "y"
    changed.save()
    assert replay().is_sound
    behind(sql)
    assert codes() == {"E-AUD-204"}


def test_the_command_says_whether_the_tables_are_what_the_audit_told():
    one = organisation()
    sound = CliRunner().invoke(app, ["audit", "verify", "--states"])
    assert (sound.exit_code, "1 rows of the tables" in sound.output) == (0, True)
    behind("UPDATE registry_organisation SET name = %s WHERE id = %s", "乙", key(one))
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == 0
    touched = CliRunner().invoke(app, ["audit", "verify", "--states", "--format", "json"])
    assert touched.exit_code == 1
    assert orjson.loads(touched.stdout)["breaches"][0]["code"] == "E-AUD-201"
