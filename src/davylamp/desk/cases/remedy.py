"""Ask an organisation to put it right, hear its report, recheck it: by other eyes, or quiet days that sensors saw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.cases import coverage
from davylamp.desk.cases.base import belongs_to, hold, moment, words
from davylamp.desk.cases.models import Case, CaseState, EvidenceItem, Recheck, Rectification
from davylamp.desk.cases.recurrence import leads_of
from davylamp.desk.core import vault
from davylamp.desk.core.numbers import draw
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.leads.models import Observation

QUIET_DAYS: Final = (
    30  # judged: a month holds weekends and a billing period; published lists repeat after 30 days
)
MOST_MEASURES: Final = 50  # judged
MOST_GAPS_NAMED: Final = 8  # judged: the first ones tell which sensor to ask about


def draft(
    holder: Holder, case: Case, finding: str, measures: Sequence[str], due_at: datetime
) -> Rectification:
    """What the organisation is told was found, what it must do, and by when.

    Raises:
        Refused: E-CAS-050 without measures or with a deadline that has passed.
    """
    asked = [words(m, _("measure"), 500) for m in measures if str(m).strip()]
    if not 0 < len(asked) <= MOST_MEASURES or timezone.is_naive(due_at) or due_at <= timezone.now():
        told = _("a rectification needs measures and a deadline that is still to come")
        raise Refused("E-CAS-050", told, _("fill them in"))
    with transaction.atomic():
        held = hold(holder, "draft", case)
        made = Rectification(
            case=held,
            organisation_code=held.organisation_code,
            region_code=held.region_code,
            classification=held.classification,
            finding=words(finding, _("finding")),
            measures=asked,
            due_at=due_at,
            drafted_by_id=holder.user_id,
        )
        made.number = draw("R", made.pk)
        made.save(action="rectification.draft")
    return made


def issue(holder: Holder, found: Rectification) -> Rectification:
    """Issue it; from now on the organisation's contact sees it."""
    return perform(found, "issue", holder)


@dataclass(frozen=True, slots=True)
class Done:
    """What an organisation reports."""

    done_by: str
    done_at: datetime
    report: str
    no_snapshot_because: str = ""
    proof_name: str = ""


def report(
    holder: Holder, found: Rectification, done: Done, proof: Iterable[bytes] | None = None
) -> Rectification:
    """The organisation's report, or an officer's on its behalf; proof is kept by its hash.

    Raises:
        Hidden, Forbidden: by the policy.
        Refused: E-WFL-003 when the host's state was not taken before it was cleaned and no reason is given.
    """
    policy.check(holder, "report", found)
    data: dict[str, Any] = {
        "done_by": words(done.done_by, _("who did it"), 200),
        "done_at": moment(done.done_at, _("when it was done")),
        "report": words(done.report, _("report")),
        "no_snapshot_because": done.no_snapshot_because,
    }
    if proof is not None:
        data["proof_sha256"] = vault.store(proof).sha256
        data["proof_name"] = vault.plain_name(done.proof_name)
    return perform(found, "report", holder, data)


def accept(holder: Holder, found: Rectification) -> Rectification:
    """It is done; after the last one the case awaits its recheck."""
    return perform(found, "accept", holder)


def send_back(holder: Holder, found: Rectification, reason: str) -> Rectification:
    """It is not enough."""
    return perform(found, "send_back", holder, {"reason": words(reason, _("reason"))})


def withdraw(holder: Holder, found: Rectification, reason: str) -> Rectification:
    """It is no longer asked for."""
    return perform(found, "withdraw", holder, {"reason": words(reason, _("reason"))})


# --- recheck ---------------------------------------------------------------------------------------------------


def recheck_by_visit(
    holder: Holder,
    case: Case,
    is_clean: bool,
    checked_at: datetime,
    text: str,
    evidence: EvidenceItem | None = None,
) -> Recheck:
    """Somebody went and looked. Neither the organisation nor whoever reported the rectification counts.

    Raises:
        Refused: E-CAS-051 for those two, E-CAS-052 when the case does not await a recheck, E-CAS-022.
    """
    with transaction.atomic():
        held = _awaiting(holder, case)
        if evidence is not None and evidence.case_id != held.pk:
            raise Refused("E-CAS-022", _("this evidence belongs to another case"), "")
        made = Recheck(
            case=held,
            kind=Recheck.Kind.VISIT,
            is_clean=bool(is_clean),
            checked_by_id=holder.user_id,
            checked_at=moment(checked_at, _("when it was checked")),
            text=words(text, _("what was found")),
            evidence=evidence,
        )
        made.save(action="case.recheck")
    return made


def recheck_by_silence(holder: Holder, case: Case, now: datetime | None = None) -> Recheck:
    """Enough quiet days, in each of which sensors could have seen every address of the case.

    Args:
        holder: who asks.
        case: one that awaits its recheck.
        now: the end of the quiet time.

    Raises:
        Refused: E-CAS-053 when it is too early or something was observed, E-CAS-054 naming the gaps in coverage; and
            those of `recheck_by_visit`.
    """
    end = now or timezone.now()
    with transaction.atomic():
        held = _awaiting(holder, case)
        addresses = _addresses(held)
        start = quiet_since(held, addresses)
        if not addresses:
            raise Refused("E-CAS-053", _("the case names no address to watch"), _("recheck by a visit"))
        if end - start < timedelta(days=QUIET_DAYS):
            told = _("quiet since %(at)s, %(n)d days are needed")
            told %= {"at": f"{timezone.localtime(start):%Y-%m-%d %H:%M}", "n": QUIET_DAYS}
            raise Refused("E-CAS-053", told, _("wait, or recheck by a visit"))
        holes = [gap for ip in addresses for gap in coverage.gaps(ip, start, end)]
        if holes:
            named = "; ".join(str(gap) for gap in holes[:MOST_GAPS_NAMED])
            more = len(holes) - MOST_GAPS_NAMED
            named += _(" and %(n)d more") % {"n": more} if more > 0 else ""
            told = _("silence without coverage proves nothing: %(gaps)s") % {"gaps": named}
            raise Refused("E-CAS-054", told, _("add the sensors' coverage, or recheck by a visit"))
        made = Recheck(
            case=held,
            kind=Recheck.Kind.QUIET,
            is_clean=True,
            checked_by_id=holder.user_id,
            checked_at=end,
            text=_("no observation on %(ips)s for %(n)d days, all of them covered")
            % {"ips": ", ".join(addresses), "n": (end - start).days},
            quiet_from=start,
            quiet_to=end,
            coverage=[_relied_on(ip, start, end) for ip in addresses],
        )
        made.save(action="case.recheck")
    return made


def _awaiting(holder: Holder, case: Case) -> Case:
    held = hold(holder, "recheck", case)
    if held.state != CaseState.RECHECK:
        raise Refused("E-CAS-052", _("the case does not await a recheck"), _("rectify first"))
    reporters = held.rectifications.exclude(reported_by=None).values_list("reported_by", flat=True)
    if holder.user_id is None or holder.user_id in set(reporters):
        raise Refused("E-CAS-051", _("who reported it does not recheck it"), _("ask somebody else"))
    if belongs_to(holder, held.organisation_code):
        raise Refused("E-CAS-051", _("the organisation does not recheck itself"), _("ask somebody else"))
    return held


def _addresses(case: Case) -> list[str]:
    return sorted(set(leads_of(case).values_list("ip", flat=True)))


def quiet_since(case: Case, addresses: Sequence[str]) -> datetime:
    """The later of the last observation and the last rectification; a wallet or worker of the case counts anywhere."""
    leads = list(leads_of(case))
    wallets = {lead.wallet for lead in leads} - {""}
    seen = Observation.objects.filter(Q(lead__in=leads) | Q(ip__in=addresses) | Q(wallet__in=wallets))
    done = case.rectifications.aggregate(at=Max("done_at"))["at"]
    last = seen.aggregate(at=Max("last_seen"))["at"]
    leads_last = max((lead.last_seen for lead in leads), default=None)
    found = [at for at in (done, last, leads_last) if at is not None]
    return max(found, default=case.opened_at)


def _relied_on(ip: str, start: datetime, end: datetime) -> dict[str, Any]:
    rows = coverage.covering(ip, start, end)
    return {"ip": ip, "sensors": sorted({row.sensor for row in rows}), "intervals": len(rows)}
