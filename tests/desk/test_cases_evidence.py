"""Evidence: two pairs of hands, a hash that stays, a custody without gaps, people who are read for a purpose."""

import hashlib
import itertools
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.cases import evidence, people
from davylamp.desk.cases.evidence import Taken
from davylamp.desk.cases.models import CasePerson, CustodyEvent, EvidenceItem, IntegrityAlert, PersonKey, Side
from davylamp.desk.core import vault
from davylamp.desk.core.workflow import Refused
from desk.casework import Office
from desk.people import HANGZHOU, XIHU, holder, person

pytestmark = pytest.mark.usefixtures("in_english")

BUSY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Kind = CustodyEvent.Kind


@pytest.fixture
def office():
    return Office()


def damage(item, content=b"other"):
    place = vault.place_of(item.sha256)
    place.chmod(0o600)
    place.write_bytes(content)


# --- taking ----------------------------------------------------------------------------------------------------


@BUSY
@given(
    st.lists(st.sampled_from(["王芳", "李强", "王芳 ", " 王芳", ""]), max_size=4),
    st.sampled_from(["", "the second one was called away"]),
    st.sampled_from(["holder", "witness", "none"]),
    st.sampled_from(["", "the holder refused, nobody else was there"]),
)
def test_invariant_12_two_collectors_and_a_signature_or_a_reason(office, collectors, alone, signer, unsigned):
    case = office.case()
    two = len({n.strip() for n in collectors} - {""})
    is_complete = (two >= 2 or (two == 1 and alone)) and (signer != "none" or unsigned)
    more = {
        "collectors": collectors, "one_collector_because": alone, "signer": signer, "no_signature_because": unsigned,
    }  # fmt: skip
    if is_complete:
        item = office.take(case, **more)
        assert item.clock_offset_s == 3.5
        assert item.clock_reference
    else:
        with pytest.raises(Refused, match="E-CAS-030"):
            office.take(case, **more)
        assert not case.evidence.exists()


def test_everything_that_is_missing_is_told_at_once(office):
    case = office.case()
    with pytest.raises(Refused, match="E-CAS-030") as caught:
        evidence.take(
            office.drafter, case, Taken("", "nowhere", " ", timezone.now() + timedelta(days=1), 1e12, "", [])
        )
    assert caught.value.message.count(";") == 9


def test_the_hash_at_collection_must_be_that_of_the_file(office):
    case = office.case()
    with pytest.raises(Refused, match="E-CAS-031"):
        office.take(case, content=b"abc", sha256="0" * 64)
    assert office.take(case, content=b"abc", sha256=hashlib.sha256(b"abc").hexdigest().upper()).is_kept


def test_an_empty_file_is_taken_only_as_a_finding_and_the_same_bytes_once_per_case(office):
    case = office.case()
    with pytest.raises(Refused, match="E-CAS-032"):
        office.take(case, content=b"")
    assert office.take(case, content=b"", empty_because="auth.log was found empty").size_bytes == 0
    first = office.take(case, content=b"same")
    with pytest.raises(Refused, match=f"E-CAS-033.*{first.number}"):
        office.take(case, content=b"same")
    assert office.take(office.case(), content=b"same").sha256 == first.sha256


def test_an_upload_that_breaks_off_leaves_neither_row_nor_file(office, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    case = office.case()

    def broken():
        yield b"half"
        raise ConnectionError

    taken = Taken("log", "host", "x", timezone.now(), 0.0, "NTP", ["a", "b"], "holder")
    with pytest.raises(Exception, match="E-VLT-002"):
        evidence.take(office.drafter, case, taken, broken(), "x")
    assert not EvidenceItem.objects.exists()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_hash_alone_is_enough_where_the_bytes_stay_elsewhere(office):
    case = office.case()
    taken = Taken("image", "host", "disk", timezone.now(), 0.0, "NTP", ["a", "b"], "holder", sha256="a" * 64)
    item = evidence.take(office.drafter, case, taken)
    assert not item.is_kept
    with pytest.raises(Refused, match="E-CAS-036"):
        evidence.check(office.drafter, item, "yearly")
    assert not evidence.check(office.drafter, item, "yearly", [b"something"]).is_match


def test_who_may_not_collect_takes_nothing_in(office):
    case = office.case()
    taken = Taken("log", "host", "x", timezone.now(), 0.0, "NTP", ["a", "b"], "holder", sha256="b" * 64)
    with pytest.raises(Forbidden):
        evidence.take(holder(person(Duty.LEADER, HANGZHOU)), case, taken)
    with pytest.raises(Hidden):
        evidence.take(holder(person(Duty.CONTACT, XIHU, "ORG1")), case, taken)


# --- integrity -------------------------------------------------------------------------------------------------


@BUSY
@given(st.binary(min_size=1, max_size=64), st.binary(max_size=64))
def test_invariant_10_a_mismatch_blocks_use_raises_an_alert_and_overwrites_nothing(office, content, other):
    case = office.case()
    item = office.take(case, content=content)
    assert evidence.check(office.drafter, item, "first").is_match
    damage(item, other)
    found = evidence.check(office.officer, item, "second")
    assert found.is_match == (other == content)
    if other != content:
        assert IntegrityAlert.objects.filter(item=item).count() == 1
        assert vault.place_of(item.sha256).read_bytes() == other
        item.refresh_from_db()
        assert item.sha256 == hashlib.sha256(content).hexdigest()
        assert not evidence.summary(item)["is_usable"]
        with pytest.raises(Refused, match="E-CAS-037"):
            evidence.read(office.drafter, item, "trial")
        damage(item, content)  # whoever puts the right bytes back does not unblock it
        assert evidence.check(office.drafter, item, "third").is_match
        evidence.look_into(office.officer, IntegrityAlert.objects.get(item=item), "a disk fault")
        assert not evidence.summary(item)["is_usable"]
    damage(item, content)


def test_invariant_10_a_vanished_file_is_a_mismatch(office):
    item = office.take(office.case())
    vault.place_of(item.sha256).unlink()
    assert not evidence.check(office.drafter, item, "x").is_match


def test_reading_evidence_needs_a_purpose_and_is_told_to_the_audit(office):
    item = office.take(office.case(), content=b"content")
    with pytest.raises(Refused, match="E-CAS-002"):
        evidence.read(office.drafter, item, " ")
    assert b"".join(evidence.read(office.drafter, item, "起诉意见")) == b"content"
    assert AuditEvent.objects.filter(
        action="evidence.read", reason="起诉意见", object_id=str(item.pk)
    ).exists()


@pytest.mark.parametrize("table", ["cases_evidenceitem", "cases_custodyevent", "cases_integritycheck"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET version = 2", "DELETE FROM {}"])
def test_invariant_01_the_database_refuses_to_touch_evidence_and_custody(office, table, verb):
    item = office.take(office.case())
    evidence.check(office.drafter, item, "x")
    with pytest.raises(DatabaseError, match="E-AUD-007"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table))


# --- custody ---------------------------------------------------------------------------------------------------


@BUSY
@given(
    st.lists(
        st.tuples(
            st.sampled_from(Kind.values),
            st.sampled_from(["", "保管室", "鉴定所", "法院"]),
            st.integers(-50, 50),
        ),
        max_size=14,
    )
)
def test_invariant_11_custody_has_no_gaps_whatever_is_tried(office, steps):
    item = office.take(office.case())
    at, refusals = item.collected_at, set()
    for kind, to, minutes in steps:
        try:
            made = evidence.move(
                office.drafter,
                item,
                kind,
                to,
                at + timedelta(minutes=minutes),
                seal_no="F1",
                authority_no="处〔2021〕1号",
            )
            at = made.at
        except Refused as error:
            refusals.add(error.code)
    events = evidence.custody(item)
    assert refusals <= {"E-CAS-034", "E-CAS-003"}
    assert evidence.gaps(events) == []
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    for before, later in itertools.pairwise(events):
        assert later.from_holder == before.to_holder
        assert later.from_at == before.at <= later.at
        assert later.kind in evidence.NEXT[before.kind]


def test_disposal_needs_a_decision_and_a_seal_its_number(office):
    item = office.take(office.case())
    now = timezone.now()
    with pytest.raises(Refused, match="seal"):
        evidence.move(office.drafter, item, Kind.SEALED, "", now)
    evidence.move(office.drafter, item, Kind.STORED, "保管室", now)
    with pytest.raises(Refused, match="decision"):
        evidence.move(office.drafter, item, Kind.DESTROYED, "", now)
    last = evidence.move(office.drafter, item, Kind.DESTROYED, "", now, authority_no="处〔2021〕9号")
    assert (last.from_holder, last.to_holder) == ("保管室", "保管室")
    with pytest.raises(Refused, match="E-CAS-034"):
        evidence.move(office.drafter, item, Kind.LENT, "法院", now)


# --- people ----------------------------------------------------------------------------------------------------

WHO = people.Identity("张三丰", "330106199001011234", "13800001111", "网络中心主任")


def in_case(office, **fields):
    case = office.case(**fields)
    return people.add_person(office.officer, case, "official", "user of the host", WHO)


def test_invariant_22_personal_fields_are_read_with_a_purpose_only_and_it_is_logged(office):
    someone = in_case(office)
    for purpose in ("", " ", "a"):
        with pytest.raises(Refused, match="E-CAS-040"):
            people.unmask(office.officer, someone, purpose)
    assert not AuditEvent.objects.filter(action="person.unmask").exists()
    assert people.unmask(office.officer, someone, "处分建议") == WHO
    (row,) = AuditEvent.objects.filter(action="person.unmask")
    assert (row.reason, row.object_id, row.region_code) == ("处分建议", str(someone.pk), XIHU)


def test_invariant_22_who_has_no_need_sees_no_person(office):
    someone = in_case(office)
    with pytest.raises(Hidden):
        people.unmask(office.drafter, someone, "curiosity")  # an analyst
    auditor = holder(person(Duty.AUDITOR, HANGZHOU))
    assert policy.visible(auditor, CasePerson).count() == 1
    with pytest.raises(Forbidden):
        people.unmask(auditor, someone, "curiosity")
    assert not policy.visible(office.officer, PersonKey).exists()


def test_nothing_personal_stands_open_in_any_table(office):
    in_case(office)
    with connection.cursor() as cursor:
        for table in ("cases_caseperson", "cases_personkey", "audit_auditevent"):
            cursor.execute(f"SELECT * FROM {table}")
            text = str(cursor.fetchall())
            assert not any(secret in text for secret in ("张三丰", WHO.number, WHO.phone))


def test_erasing_destroys_the_key_and_keeps_the_hash(office):
    someone = in_case(office)
    with pytest.raises(Forbidden):
        people.erase(office.officer, someone, "cleared")
    gone = people.erase(office.reviewer, someone, "cleared")
    with pytest.raises(Refused, match="E-CAS-041"):
        people.unmask(office.officer, gone, "处分建议")
    assert people.is_intact(gone)
    assert (gone.sealed, gone.sealed_sha256, gone.link_digest) == (someone.sealed, someone.sealed_sha256, "")


def test_two_sealed_texts_of_one_person_share_nothing_but_the_keyed_digest(office):
    one, other = in_case(office), in_case(office)
    assert one.sealed != other.sealed
    assert one.link_digest == other.link_digest
    assert one.link_digest != hashlib.sha256(WHO.number.encode()).hexdigest()


def test_a_sealed_text_moved_to_another_person_does_not_open(office):
    one, other = in_case(office), in_case(office)
    swapped = CasePerson.objects.get(pk=one.pk)
    swapped.sealed = other.sealed
    with pytest.raises(Refused, match="E-CAS-042"):
        people.unmask(office.officer, swapped, "处分建议")


def test_masks_show_a_first_character_and_last_digits():
    assert WHO.masked() == {"name": "张**", "number": "*" * 14 + "1234", "phone": "*" * 7 + "1111"}


def test_sides_are_those_of_the_field():
    assert set(Side.values) == {"network", "host", "ledger", "person", "financial"}
