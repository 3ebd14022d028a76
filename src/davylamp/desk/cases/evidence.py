"""Take evidence in, follow it from hand to hand, and check that it is still the same."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.record import record
from davylamp.desk.cases.base import choice, fresh, hold, moment, words
from davylamp.desk.cases.models import (
    Case,
    CustodyEvent,
    EvidenceItem,
    IntegrityAlert,
    IntegrityCheck,
    Proves,
    Side,
    Stream,
)
from davylamp.desk.cases.models.evidence import Signer
from davylamp.desk.cases.worksheet import is_damaged
from davylamp.desk.core import vault
from davylamp.desk.core.numbers import draw
from davylamp.desk.core.workflow import Refused

COLLECTORS: Final = 2  # 公安部《电子数据取证规则》: two investigators
MOST_OFFSET_S: Final = 10 * 366 * 86_400.0  # judged: a clock without battery shows 2015 or 1970
Kind = CustodyEvent.Kind
NEXT: Final[dict[str, frozenset[str]]] = {
    Kind.FIXED: frozenset({Kind.SEALED, Kind.STORED, Kind.COPIED, Kind.TRANSFERRED}),
    Kind.SEALED: frozenset({Kind.STORED, Kind.TRANSFERRED}),
    Kind.STORED: frozenset(
        {
            Kind.SEALED,
            Kind.LENT,
            Kind.COPIED,
            Kind.TRANSFERRED,
            Kind.GIVEN_BACK,
            Kind.CONFISCATED,
            Kind.DESTROYED,
        }
    ),
    Kind.LENT: frozenset({Kind.RETURNED}),
    Kind.RETURNED: frozenset(
        {Kind.SEALED, Kind.STORED, Kind.LENT, Kind.COPIED, Kind.TRANSFERRED, Kind.GIVEN_BACK}
    ),
    Kind.COPIED: frozenset({Kind.SEALED, Kind.STORED, Kind.LENT, Kind.COPIED, Kind.TRANSFERRED}),
    Kind.TRANSFERRED: frozenset({Kind.STORED, Kind.TRANSFERRED}),
    Kind.GIVEN_BACK: frozenset(),
    Kind.CONFISCATED: frozenset({Kind.DESTROYED}),
    Kind.DESTROYED: frozenset(),
}  # 发现 → 固定 → 封存 → 入库 → {借出→归还 | 复制件 | 移送} → 处置
DISPOSALS: Final = frozenset({Kind.GIVEN_BACK, Kind.CONFISCATED, Kind.DESTROYED})


@dataclass(frozen=True, slots=True)
class Taken:
    """What is stated of an item when it is taken in. ``clock_offset_s``: the source's clock minus true time."""

    kind: str
    side: str
    description: str
    collected_at: datetime
    clock_offset_s: float
    clock_reference: str
    collectors: Sequence[str]
    signer: str = Signer.NONE
    one_collector_because: str = ""
    no_signature_because: str = ""
    signature_sha256: str = ""
    proves: str = Proves.OTHER
    stream: str = Stream.ADMINISTRATIVE
    place: str = ""
    method: str = ""
    derived_from: EvidenceItem | None = None
    sha256: str = ""  # when the bytes stay elsewhere
    empty_because: str = ""  # an empty file can be evidence: a wiped log
    first_holder: str = ""  # who keeps it first; the first collector when empty


def take(
    holder: Holder, case: Case, taken: Taken, chunks: Iterable[bytes] | None = None, name: str = ""
) -> EvidenceItem:
    """Take an item in, with its bytes or with the hash that was computed at its collection.

    Args:
        holder: who records it.
        case: an open one.
        taken: what is stated.
        chunks: the bytes; when a hash is stated too, they must have it.
        name: of the file.

    Raises:
        Refused: E-CAS-030 with everything that is missing (two collectors, signature, hash …), E-CAS-031 when the bytes
            do not have the stated hash, E-CAS-032 for an empty file, E-CAS-033 when the case holds these bytes already.
        InputError, OutputError: E-VLT-nnn.
    """
    policy.check(holder, "collect", case)
    _refuse_faults(taken, case, has_bytes=chunks is not None)
    stored = vault.store(chunks) if chunks is not None else None
    sha256 = stored.sha256 if stored else taken.sha256.strip().lower()
    if stored is not None and taken.sha256 and taken.sha256.strip().lower() != stored.sha256:
        raise Refused(
            "E-CAS-031",
            _("the file does not have the hash that was taken at its collection"),
            _("send the file that was collected; the difference itself is worth a note"),
        )
    if stored is not None and stored.size_bytes == 0 and not taken.empty_because.strip():
        raise Refused(
            "E-CAS-032",
            _("the file is empty"),
            _("send it again if the upload broke off; if it was found empty, say so"),
        )
    with transaction.atomic():
        held = hold(holder, "collect", case)
        there = EvidenceItem.objects.filter(case=held, sha256=sha256).first()
        if there is not None:
            told = _("the case holds these bytes already, as %(number)s") % {"number": there.number}
            raise Refused("E-CAS-033", told, _("look there"))
        item = _item(holder, held, taken, sha256)
        item.size_bytes, item.is_kept = (stored.size_bytes, True) if stored else (None, False)
        item.file_name = vault.plain_name(name) if name else ""
        item.save(action="evidence.take")
        _first_event(holder, item, taken)
    return item


def _refuse_faults(taken: Taken, case: Case, *, has_bytes: bool) -> None:
    faults = [*_faults(taken, case)]
    if not has_bytes and not taken.sha256.strip():
        faults.append(_("neither a file nor a SHA-256"))
    if taken.sha256.strip() and not vault.is_hash(taken.sha256.strip().lower()):
        faults.append(_("the SHA-256 has not 64 digits 0-9a-f"))
    if faults:
        raise Refused("E-CAS-030", "; ".join(faults), _("complete the record of collection"))


def _faults(taken: Taken, case: Case) -> Iterable[str]:
    for value, label in (
        (taken.kind, _("kind")),
        (taken.description, _("description")),
        (taken.clock_reference, _("what the clock was compared with")),
    ):
        if not value.strip():
            yield _("%(field)s is missing") % {"field": label}
    for value, known, label in (
        (taken.side, Side.values, _("side")),
        (taken.proves, Proves.values, _("what it proves")),
        (taken.stream, Stream.values, _("stream")),
        (taken.signer, Signer.values, _("signer")),
    ):
        if value not in known:
            yield _("%(value)s is no %(field)s") % {"value": repr(str(value)[:40]), "field": label}
    if len(names(taken.collectors)) < COLLECTORS and not taken.one_collector_because.strip():
        yield _("fewer than two collectors, and no reason why")
    if not names(taken.collectors):
        yield _("nobody collected it")
    if taken.signer == Signer.NONE and not taken.no_signature_because.strip():
        yield _("neither holder nor witness signed, and no reason why")
    if not abs(taken.clock_offset_s) <= MOST_OFFSET_S:
        yield _("the clock's offset is out of all measure")
    if timezone.is_naive(taken.collected_at) or taken.collected_at > timezone.now():
        yield _("the time of collection has no zone or lies in the future")
    if taken.derived_from is not None and taken.derived_from.case_id != case.pk:
        yield _("its original belongs to another case")


def names(collectors: Sequence[str]) -> list[str]:
    """Collectors, each once: the same name twice is one person."""
    plain = (" ".join(str(n).replace("\x00", "").split())[:64] for n in collectors)
    return list(dict.fromkeys(n for n in plain if n))


def _item(holder: Holder, case: Case, taken: Taken, sha256: str) -> EvidenceItem:
    item = EvidenceItem(
        case=case,
        kind=words(taken.kind, _("kind"), 64),
        side=taken.side,
        proves=taken.proves,
        stream=taken.stream,
        description=words(taken.description, _("description")),
        place=words(taken.place, _("place"), 200, needed=False),
        method=words(taken.method, _("method"), 200, needed=False),
        collected_at=taken.collected_at,
        clock_offset_s=float(taken.clock_offset_s),
        clock_reference=words(taken.clock_reference, _("clock"), 200),
        collectors=names(taken.collectors),
        one_collector_because=words(taken.one_collector_because, _("reason"), 300, needed=False),
        signer=taken.signer,
        signature_sha256=taken.signature_sha256.strip().lower()[:64],
        no_signature_because=words(taken.no_signature_because, _("reason"), 300, needed=False),
        sha256=sha256,
        derived_from=taken.derived_from,
        recorded_by_id=holder.user_id,
    )
    if taken.empty_because.strip():
        item.description += "\n" + words(taken.empty_because, _("reason"), 300)
    item.number = draw("E", item.pk)
    return item


def _first_event(holder: Holder, item: EvidenceItem, taken: Taken) -> None:
    keeper = words(taken.first_holder or names(taken.collectors)[0], _("holder of the thing"), 200)
    CustodyEvent(
        item=item,
        seq=1,
        kind=Kind.FIXED,
        from_holder=item.place or _("place of collection"),
        to_holder=keeper,
        from_at=item.collected_at,
        at=item.collected_at,
        recorded_by_id=holder.user_id,
    ).save(action="custody.fixed")


def move(
    holder: Holder, item: EvidenceItem, kind: str, to_holder: str, at: datetime, **more: str
) -> CustodyEvent:
    """The next step of an item, from whoever holds it now.

    Args:
        holder: who records it.
        item: the item.
        kind: of `CustodyEvent.Kind`.
        to_holder: who has it afterwards; where it stays with whom it is (sealed, copied), empty.
        at: when.
        more: place, seal_no, authority_no, note.

    Raises:
        Refused: E-CAS-034 when it cannot follow, is earlier than the step before, or lacks the seal's or the decision's
            number; E-CAS-035 when it is damaged and would be handed on as if it were sound.
    """
    with transaction.atomic():
        hold(holder, "collect", item.case, even_closed=True)
        last = custody(item)[-1]
        wrong = [*_cannot_follow(last, choice(kind, Kind.values, _("step")), at, more)]
        if wrong:
            raise Refused("E-CAS-034", "; ".join(wrong), _("enter the missing step first"))
        made = CustodyEvent(
            item=item,
            seq=last.seq + 1,
            kind=kind,
            from_holder=last.to_holder,
            to_holder=words(to_holder, _("holder of the thing"), 200, needed=False) or last.to_holder,
            from_at=last.at,
            at=at,
            place=words(more.get("place"), _("place"), 200, needed=False),
            seal_no=words(more.get("seal_no"), _("seal number"), 64, needed=False),
            authority_no=words(more.get("authority_no"), _("number of the decision"), 100, needed=False),
            note=words(more.get("note"), _("note"), needed=False),
            recorded_by_id=holder.user_id,
        )
        if kind == Kind.TRANSFERRED and is_damaged(item) and not made.note:
            told = _("the item is damaged: a transfer must say so")
            raise Refused("E-CAS-035", told, _("write a note"))
        made.save(action=f"custody.{kind}")
    return made


def _cannot_follow(last: CustodyEvent, kind: str, at: datetime, more: Mapping[str, str]) -> Iterable[str]:
    if kind not in NEXT[last.kind]:
        told = _("%(next)s cannot follow %(last)s")
        yield told % {"next": Kind(kind).label, "last": last.get_kind_display()}
    moment(at, _("time"))
    if at < last.at:
        yield _("it would be earlier than the step before")
    if kind == Kind.SEALED and not str(more.get("seal_no") or "").strip():
        yield _("the seal's number is missing")
    if kind in DISPOSALS and not str(more.get("authority_no") or "").strip():
        yield _("the number of the decision is missing")


def custody(item: EvidenceItem) -> list[CustodyEvent]:
    """Its steps in order."""
    return list(CustodyEvent.objects.filter(item=item).order_by("seq"))


def gaps(events: Sequence[CustodyEvent]) -> list[int]:
    """Numbers of the steps that do not begin where the one before ended; none in what `move` wrote (invariant 11)."""
    return [
        later.seq
        for before, later in pairwise(events)
        if (later.from_holder, later.from_at, later.seq) != (before.to_holder, before.at, before.seq + 1)
        or later.at < before.at
    ]


def check(
    holder: Holder, item: EvidenceItem, occasion: str, presented: Iterable[bytes] | None = None
) -> IntegrityCheck:
    """Compare an item's bytes with the hash at its collection. A mismatch blocks the item for good and raises an alert.

    Args:
        holder: who checks.
        item: the item.
        occasion: why now.
        presented: the bytes, where the vault does not hold them; they are hashed and not kept.

    Raises:
        Refused: E-CAS-036 when there are no bytes to check.
    """
    policy.check(holder, "collect", item.case)
    if presented is None and not item.is_kept:
        raise Refused("E-CAS-036", _("the bytes are not kept here"), _("present them for the check"))
    found = vault.hash_of(item.sha256) if presented is None else _hash(presented)
    with transaction.atomic():
        made = IntegrityCheck(
            item=item,
            found_sha256=found,
            is_match=found == item.sha256,
            occasion=words(occasion, _("occasion"), 64),
            checked_by_id=holder.user_id,
        )
        made.save(action="evidence.check")
        if not made.is_match:
            IntegrityAlert(check_row=made, item=item).save(action="evidence.alert")
    return made


def _hash(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def read(holder: Holder, item: EvidenceItem, purpose: str) -> Iterable[bytes]:
    """The bytes of an item for someone who says what for; checked first, told to the audit.

    Raises:
        Refused: E-CAS-037 when they are not what was collected.
    """
    policy.check(holder, "read", item)
    reason = words(purpose, _("purpose"), 300)
    if is_damaged(item) or (item.is_kept and vault.hash_of(item.sha256) != item.sha256):
        raise Refused(
            "E-CAS-037",
            _("evidence %(number)s is damaged and cannot be used") % {"number": item.number},
            _("look into the alert"),
        )
    with transaction.atomic():
        record(
            "evidence.read", item, {"sha256": item.sha256}, reason=reason, region_code=item.case.region_code
        )
    return vault.read(item.sha256)


def look_into(holder: Holder, alert: IntegrityAlert, outcome: str) -> IntegrityAlert:
    """Say what became of an alert; the item stays blocked."""
    with transaction.atomic():
        hold(holder, "collect", alert.item.case, even_closed=True)
        held = fresh(alert)
        held.outcome = words(outcome, _("outcome"))
        held.looked_into_by_id, held.looked_into_at = holder.user_id, timezone.now()
        held.save(action="evidence.look_into", reason=outcome)
    return held


def summary(item: EvidenceItem) -> dict[str, Any]:
    """What a list shows of an item's condition: holder, checks, whether it may be used."""
    events = custody(item)
    last = item.checks.order_by("-at", "-id").first()
    return {
        "holder": events[-1].to_holder if events else "",
        "step": events[-1].kind if events else "",
        "gaps": gaps(events),
        "checked_at": last.at if last else None,
        "is_usable": not is_damaged(item),
    }
