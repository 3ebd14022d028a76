"""The audit: no change without its row, no row that can be touched unseen."""

import json

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from davylamp.desk.access.models import User
from davylamp.desk.audit.chain import GENESIS
from davylamp.desk.audit.checkpoints import public_hex, read_checkpoints, signing_key, write_checkpoint
from davylamp.desk.audit.context import _ACTOR
from davylamp.desk.audit.models import AuditedModel, AuditEvent, ImmutableModel, Stale, bulk_create
from davylamp.desk.audit.triggers import name_of
from davylamp.desk.audit.verify import verify
from davylamp.desk.registry.models import Organisation
from davylamp.errors import BadUse
from desk.people import organisation, person


def unguarded(sql, *values):
    """What an intruder with the database's password does: triggers off, then the statement."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER ALL")
        else:
            for verb in ("update", "delete"):
                cursor.execute(f"DROP TRIGGER IF EXISTS audit_auditevent_no_{verb}")
        cursor.execute(sql, values)


@pytest.fixture
def chain(tmp_path):
    """Thirty rows, two checkpoints outside the database, and the public key."""
    key = signing_key(tmp_path)
    for _ in range(15):
        organisation()
    write_checkpoint(key, tmp_path)
    for _ in range(15):
        organisation()
    write_checkpoint(key, tmp_path)
    return tmp_path, public_hex(key)


def codes(chain):
    folder, key = chain
    return {b.code for b in verify(read_checkpoints(folder), key).breaches}


def test_an_untouched_chain_is_sound(chain):
    folder, key = chain
    verdict = verify(read_checkpoints(folder), key)
    assert verdict.is_sound
    assert (verdict.rows, verdict.checkpoints) == (30, 2)


def test_an_edit_is_found(chain):
    unguarded("UPDATE audit_auditevent SET reason = 'nothing happened' WHERE seq = 7")
    assert codes(chain) == {"E-AUD-103"}


def test_a_dropped_row_is_found(chain):
    unguarded("DELETE FROM audit_auditevent WHERE seq = 9")
    assert "E-AUD-101" in codes(chain)


def test_two_rows_that_changed_places_are_found(chain):
    unguarded("UPDATE audit_auditevent SET seq = 900 WHERE seq = 11")
    unguarded("UPDATE audit_auditevent SET seq = 11 WHERE seq = 12")
    unguarded("UPDATE audit_auditevent SET seq = 12 WHERE seq = 900")
    assert {"E-AUD-102", "E-AUD-103"} <= codes(chain)


def test_a_cut_tail_is_found_by_its_checkpoint_only(chain):
    unguarded("DELETE FROM audit_auditevent WHERE seq > 20")
    assert verify([], None).is_sound
    assert codes(chain) == {"E-AUD-105"}


def test_a_chain_that_was_hashed_anew_is_found_by_its_checkpoint_only(chain):
    unguarded("UPDATE audit_auditevent SET reason = 'nothing happened' WHERE seq = 7")
    before = GENESIS
    for event in AuditEvent.objects.order_by("seq"):
        from davylamp.desk.audit.chain import link

        fresh = link(before, event.seq, event.at, event.words())
        unguarded(
            "UPDATE audit_auditevent SET prev_hash = %s, hash = %s WHERE seq = %s", before, fresh, event.seq
        )
        before = fresh
    assert verify([], None).is_sound
    assert codes(chain) == {"E-AUD-104"}


def test_a_checkpoint_that_was_replaced_or_left_out_is_found(chain, tmp_path):
    folder, _ = chain
    first, second = sorted(folder.glob("*.checkpoint.json"))
    body = json.loads(second.read_text())
    second.write_text(json.dumps({**body, "hash": "0" * 64}))
    assert "E-AUD-106" in codes(chain)
    second.write_text(json.dumps(body))
    first.unlink()
    assert "E-AUD-107" in codes(chain)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_auditevent SET reason = 'x'", "DELETE FROM audit_auditevent"]
)
def test_the_database_itself_refuses_to_touch_the_audit(statement):
    organisation()
    with pytest.raises(DatabaseError, match="E-AUD-007"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_itself_refuses_to_delete_what_is_audited():
    organisation()
    with pytest.raises(DatabaseError, match="E-AUD-007"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM registry_organisation")


def test_every_audited_table_is_guarded_by_the_database_itself():
    """A migration that changes a table's columns takes its triggers along on SQLite: it must guard it again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        there = {row[0] for row in cursor.fetchall()}
    missing = set()
    for model in apps.get_models():
        if issubclass(model, AuditedModel):
            verbs = ("DELETE", "UPDATE") if issubclass(model, ImmutableModel) else ("DELETE",)
            missing |= {name_of(model._meta.db_table, verb) for verb in verbs} - there
    assert not missing


def test_a_change_without_an_author_does_not_happen():
    token = _ACTOR.set(None)
    try:
        with pytest.raises(BadUse, match="E-AUD-001"):
            Organisation(code="X", name="x", region_code="330100").save()
    finally:
        _ACTOR.reset(token)
    assert not Organisation.objects.exists()


@pytest.mark.parametrize(
    "round_about",
    [
        lambda: Organisation.objects.update(name="x"),
        lambda: Organisation.objects.all().delete(),
        lambda: Organisation.objects.bulk_create([Organisation(code="Y", name="y", region_code="330100")]),
        lambda: Organisation.objects.get().delete(),
    ],
)
def test_ways_round_the_audit_are_refused(round_about):
    organisation()
    with pytest.raises(BadUse, match=r"E-AUD-00[24]"):
        round_about()


def test_a_row_tells_before_and_after_of_what_changed_and_nothing_else():
    one = organisation(name="旧名")
    one.name = "新名"
    one.save(reason="更名")
    last = AuditEvent.objects.latest("seq")
    assert json.loads(last.changes) == {"name": ["旧名", "新名"]}
    assert (last.action, last.reason, last.object_id, last.region_code) == (
        "organisation.change",
        "更名",
        str(one.pk),
        "330106",
    )


def test_who_was_slower_is_told_and_changes_nothing():
    one = organisation()
    faster, slower = Organisation.objects.get(pk=one.pk), Organisation.objects.get(pk=one.pk)
    faster.name = "first"
    faster.save()
    slower.name = "second"
    with pytest.raises(Stale, match="E-AUD-003"):
        slower.save()
    assert Organisation.objects.get().name == "first"


def test_personal_fields_and_passwords_never_stand_in_the_audit():
    user = person()
    user.phone = "13800001111"
    user.set_password("another long password")
    user.save()
    told = " ".join(AuditEvent.objects.values_list("changes", flat=True))
    assert "13800001111" not in told
    assert user.password not in told
    assert "digest:" in told


def test_closing_an_account_keeps_its_authorship():
    user = person(name="王芳")
    user.close("left")
    kept = User.objects.get(pk=user.pk)
    assert (kept.name, kept.email, kept.is_active) == ("王芳", "", False)
    assert not kept.has_usable_password()


def test_many_rows_at_once_leave_one_row_with_their_number_and_digest():
    rows = [Organisation(code=f"B{i}", name="x", region_code="330100") for i in range(1200)]
    bulk_create(rows, "organisation.load", "batch-1")
    last = json.loads(AuditEvent.objects.latest("seq").changes)
    assert last["count"] == 1200
    assert len(last["digest"]) == 64
    assert Organisation.objects.filter(version=1).count() == 1200
