"""Legal clocks: who must be told of a network security incident, and within how many hours.

They run in calendar time, at night and on holidays. The grade of the incident and the kind of operator decide; a
case's form asks for both. The pure part (`obligations`) knows no database.

Source  国家网络安全事件报告管理办法, 11 Sep 2025, in force since 1 Nov 2025, art. 4
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.core.workflow import Refused

IN_FORCE: Final = datetime(2025, 10, 31, 16, tzinfo=UTC)  # 1 Nov 2025, midnight in China


class Grade(models.TextChoices):
    """How grave an incident is (网络安全事件分级指南)."""

    NONE = "none", gettext_lazy("no incident")
    GENERAL = "general", gettext_lazy("general")  # 一般
    LARGER = "larger", gettext_lazy("larger")  # 较大
    MAJOR = "major", gettext_lazy("major")  # 重大
    EXTREME = "extreme", gettext_lazy("extremely major")  # 特别重大


class Operator(models.TextChoices):
    """What kind of operator was hit."""

    CRITICAL = "critical", gettext_lazy("critical information infrastructure")  # 关键信息基础设施
    CENTRAL = "central", gettext_lazy("central or state organ")  # 中央和国家机关
    OTHER = "other", gettext_lazy("other operator")


class Receiver(models.TextChoices):
    """Who is to be told."""

    PROTECTION = "protection", gettext_lazy("protection department")  # 保护工作部门
    POLICE = "police", gettext_lazy("police")
    OWN_BODY = "own_body", gettext_lazy("the organ's own cyberspace body")
    PROVINCE = "province", gettext_lazy("provincial cyberspace office")
    NATION = "nation", gettext_lazy("national cyberspace office")
    NATION_POLICE = "nation_police", gettext_lazy("State Council's police department")


REPORTED: Final = frozenset({Grade.LARGER, Grade.MAJOR, Grade.EXTREME})
PASSED_ON: Final = frozenset({Grade.MAJOR, Grade.EXTREME})


@dataclass(frozen=True, slots=True)
class Obligation:
    """One report that is owed. ``after`` names the report whose arrival starts it; empty: the discovery does."""

    receiver: str
    hours: float
    after: str = ""


FIRST: Final[dict[str, tuple[Obligation, ...]]] = {
    Operator.CRITICAL: (Obligation(Receiver.PROTECTION, 1), Obligation(Receiver.POLICE, 1)),
    Operator.CENTRAL: (Obligation(Receiver.OWN_BODY, 2),),
    Operator.OTHER: (Obligation(Receiver.PROVINCE, 4),),
}
ONWARD: Final[dict[str, tuple[Obligation, ...]]] = {
    Operator.CRITICAL: (
        Obligation(Receiver.NATION, 0.5, Receiver.PROTECTION),
        Obligation(Receiver.NATION_POLICE, 0.5, Receiver.PROTECTION),
    ),
    Operator.CENTRAL: (Obligation(Receiver.NATION, 1, Receiver.OWN_BODY),),
    Operator.OTHER: (Obligation(Receiver.NATION, 1, Receiver.PROVINCE),),
}


def obligations(grade: str, operator: str, discovered_at: datetime) -> tuple[Obligation, ...]:
    """What must be reported, in the order of time; nothing below "larger" and before the rule was in force.

    Args:
        grade: of `Grade`.
        operator: of `Operator`.
        discovered_at: when the operator found or was told of it.

    Raises:
        Refused: E-CLK-001 for a grade or an operator that is none.
    """
    if grade not in Grade.values or operator not in Operator.values:
        raise Refused(
            "E-CLK-001",
            _("no legal clock without grade and kind of operator"),
            _("choose both on the case's form"),
        )
    if grade not in REPORTED or discovered_at < IN_FORCE:
        return ()
    return FIRST[operator] + (ONWARD[operator] if grade in PASSED_ON else ())


def due_of(one: Obligation, started_at: datetime) -> datetime:
    """When a report is owed at the latest: elapsed time, whatever the hour."""
    return started_at + timedelta(hours=one.hours)


# --- rows --------------------------------------------------------------------------------------------------


def start(
    holder: Holder,
    subject: Any,
    grade: str,
    operator: str,
    discovered_at: datetime,
) -> list[Any]:
    """Start the clocks of an item; those that run already stay. A higher grade adds what it owes beyond.

    Args:
        holder: who states the grade; asked about by whoever changes the item.
        subject: the case (or any governed item with region_code, organisation_code and classification).
        grade: of `Grade`.
        operator: of `Operator`.
        discovered_at: when the operator found or was told of it.

    Returns:
        the item's `LegalClock` rows, soonest first; those of onward reports start when the first one has arrived.

    Raises:
        Refused: E-CLK-001; E-CLK-002 for a discovery in the future.
    """
    from davylamp.desk.handover.models import LegalClock

    if discovered_at > timezone.now():
        raise Refused("E-CLK-002", _("the discovery lies in the future"), _("correct its time"))
    kind, key = subject._meta.label_lower, str(subject.pk)
    with transaction.atomic():
        for one in obligations(grade, operator, discovered_at):
            about = {"subject_type": kind, "subject_id": key, "receiver": one.receiver}
            if LegalClock.objects.filter(**about).exists():
                continue
            earlier = LegalClock.objects.filter(subject_type=kind, subject_id=key, receiver=one.after).first()
            begins = discovered_at if not one.after else (earlier.met_at if earlier else None)
            LegalClock(
                **about,
                after=one.after,
                hours=one.hours,
                grade=grade,
                operator=operator,
                started_by_id=holder.user_id,
                started_at=begins,
                due_at=due_of(one, begins) if begins else None,
                region_code=subject.region_code,
                organisation_code=subject.organisation_code,
                classification=subject.classification,
            ).save(action="legalclock.start")
    return list(LegalClock.objects.filter(subject_type=kind, subject_id=key))


def meet(holder: Holder, clock: Any, at: datetime, reference: str) -> Any:
    """Write down that a report was made; reports that follow from it start to run.

    Raises:
        Hidden, Forbidden: by the policy.
        Refused: E-CLK-003 for one that does not run or was met, a time before its start or in the future, or without a
            reference.
    """
    policy.check(holder, "meet", clock)
    wrong = list(_why_not(clock, at, reference))
    if wrong:
        raise Refused("E-CLK-003", "; ".join(wrong), _("correct it"))
    with transaction.atomic():
        clock.met_at, clock.reference, clock.met_by_id = at, reference.strip()[:200], holder.user_id
        clock.save(action="legalclock.meet")
        following = type(clock).objects.filter(
            subject_type=clock.subject_type,
            subject_id=clock.subject_id,
            after=clock.receiver,
            started_at=None,
        )
        for one in following:
            one.started_at = at
            one.due_at = at + timedelta(hours=one.hours)
            one.save(action="legalclock.start")
    return clock


def _why_not(clock: Any, at: datetime, reference: str) -> Iterator[str]:
    if clock.met_at is not None:
        yield _("this report was made already")
    if clock.started_at is None:
        yield _("the report before it has not arrived")
    elif at < clock.started_at:
        yield _("the report would be earlier than its clock")
    if at > timezone.now():
        yield _("the report would be in the future")
    if not reference.strip():
        yield _("name the report by its number, or whom you told")
