"""Publish figures: frozen as they are at a time; a correction is a new revision with its reason."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Holder, Scope, govern
from davylamp.desk.core.workflow import Refused
from davylamp.desk.statistics import figures
from davylamp.desk.statistics.models import Statistic

READERS: Final = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR)


def install() -> None:
    """Called when Django is ready."""
    govern(
        Statistic,
        Scope("region_code", "", ""),
        {"read": READERS, "create": (Duty.APPROVER, Duty.LEADER), "history": READERS},
    )


def publish(
    holder: Holder, region_code: str, as_of: datetime, reason: str = "", definition: str = "leads-1"
) -> Statistic:
    """Freeze the figures of a region at a time.

    Raises:
        Forbidden: E-ACC-403 for who may not publish there, or does not see all of it.
        Refused: E-STA-001 for a time to come, E-STA-002 for a second one of the same time without a reason.
    """
    if not policy.can_create(holder, Statistic, region_code=region_code) or holder.recused:
        raise Forbidden(
            "E-ACC-403",
            _("only who sees all of a region publishes its figures"),
            _("ask a leader of that region"),
        )
    if as_of > timezone.now():
        raise Refused("E-STA-001", _("the time has not come yet"), _("choose a time that is past"))
    with transaction.atomic():
        before = Statistic.objects.filter(definition=definition, region_code=region_code, as_of=as_of)
        revision = (before.aggregate(last=Max("revision"))["last"] or 0) + 1
        if revision > 1 and not reason.strip():
            raise Refused("E-STA-002", _("a revision needs its reason"), _("say what was wrong"))
        made = Statistic(
            definition=definition,
            region_code=region_code,
            as_of=as_of,
            revision=revision,
            reason=reason.strip()[:500] if revision > 1 else "",
            cells=figures.plain(figures.cells(holder, as_of, region_code)),
            published_by_id=holder.user_id,
        )
        made.save(action="statistic.publish" if revision == 1 else "statistic.revise", reason=made.reason)
    return made


def published(holder: Holder) -> QuerySet[Statistic]:
    """What was published, newest first, as far as the holder may see."""
    return policy.visible(holder, Statistic).select_related("published_by")
