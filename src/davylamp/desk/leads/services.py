"""What persons do to leads besides their steps: attribute anew, join two, set aside for a time."""

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from davylamp.attribution.imports_cells import read_ranges
from davylamp.desk.access import policy
from davylamp.desk.access.policy import Forbidden, Holder, region_prefix
from davylamp.desk.core.workflow import Refused, perform
from davylamp.desk.leads.aggregate import observations_of, witness
from davylamp.desk.leads.attributing import Holding, evaluate, holdings, is_settled, stored_trace
from davylamp.desk.leads.flow import UNSENT
from davylamp.desk.leads.models import OPEN_STATES, Attribution, Lead, State, Suppression
from davylamp.desk.registry.models import Organisation
from davylamp.desk.registry.store import hex_of
from davylamp.errors import BadUse

SENT: Final = frozenset({State.HANDED_OVER, State.VERIFYING})
MOVABLE: Final = SENT | UNSENT | {State.ATTRIBUTED}
MOST_DAYS: Final = 366  # judged: what needs no work for longer is a project or no lead


def newest_attribution(lead: Lead) -> Attribution | None:
    """The attribution that stands."""
    return Attribution.objects.filter(lead=lead).order_by("made_at", "id").last()


def _holding(lead: Lead) -> tuple[Holding, datetime]:
    """What the registry says today of the lead's first observation at its own time."""
    first = witness(observations_of([lead.pk])[lead.pk])
    ports = () if first["port"] is None else (first["port"],)
    return holdings([(lead.ip, ports, first["first_seen"])])[0], first["first_seen"]


def re_attribute(
    lead: Lead, holder: Holder, reason: str, *, not_of: str = "", follows: bool = False
) -> Attribution:
    """Ask again whose address it was *when it was seen*, with what the registry knows today.

    The answer is a new attribution beside the old ones. A lead that was handed over comes back by this; if another
    open lead of the same address and holder is there already, this one joins it.

    Args:
        lead: not closed.
        holder: who decides, or who returned the hand-over.
        reason: their own words, such as the organisation's "not ours".
        not_of: an organisation that has shown that it is not its own; its claims are set aside.
        follows: it is the consequence of a step on another item, on which the policy was asked already.

    Raises:
        Hidden, Forbidden: by the policy.
        Refused: E-WFL-001 for a lead that is closed or merged.
        BadUse: E-LED-001 without a reason.
    """
    if not follows:
        policy.check(holder, "attribute", lead)
    held, at = _holding(lead)
    return _attribute(lead, holder, reason, held.without(not_of) if not_of else held, at)


def attribute_to(lead: Lead, holder: Holder, organisation_code: str, reason: str) -> Attribution:
    """Attribute by hand, where a person knows better than the registry; better still, let the registry know.

    Raises:
        BadUse: E-LED-002 when nobody has registered the organisation; and as `re_attribute`.
    """
    body = Organisation.objects.filter(code=organisation_code).first()
    if body is None:
        raise BadUse("E-LED-002", f"no organisation {organisation_code[:64]}", "register it first")
    policy.check(holder, "attribute", lead)
    held, at = _holding(lead)
    return _attribute(lead, holder, reason, held, at, by_hand=body)


def _attribute(
    lead: Lead,
    holder: Holder,
    reason: str,
    held: Holding,
    at: datetime,
    by_hand: Organisation | None = None,
) -> Attribution:
    if not reason.strip():
        raise BadUse("E-LED-001", "an attribution without a reason", "say why it is made anew")
    if lead.state not in MOVABLE:
        words = f"attributing is not possible while the state is {lead.state}"
        raise Refused("E-WFL-001", words, "reload the page")
    with transaction.atomic():
        before = newest_attribution(lead)
        old = [stored_trace(before)] if before is not None and stored_trace(before).is_traced else []
        made = evaluate(lead, held, at, old)
        is_sure = by_hand is not None or is_settled(made)
        if by_hand is not None:
            made.organisation_code, made.organisation_name = by_hand.code, by_hand.name
            made.region_code, made.confidence = by_hand.region_code, 1.0
            made.method = f"by hand, {holder.label}"[:200]
        made.made_by_id, made.reason = holder.user_id, reason.strip()
        made.save(action="lead.re_attribute", reason=reason)
        if lead.state in SENT:
            lead = perform(lead, "come_back", holder, {"reason": reason}, follows=True)
        _show(lead, made, by_hand)
        inside = made.region_code.startswith(region_prefix(settings.PROVINCE))
        step = "attribute" if not is_sure else "confirm" if inside else "send_away"
        if lead.state != {"attribute": State.ATTRIBUTING, "confirm": State.ATTRIBUTED}.get(step):
            lead = perform(lead, step, holder, {"reason": reason}, follows=True)
        _join_the_same(lead, holder, reason)
    return made


def _show(lead: Lead, made: Attribution, by_hand: Organisation | None) -> None:
    """The lead shows its newest attribution."""
    best: dict[str, Any] = made.claims[0] if made.claims else {}
    inside = made.region_code.startswith(region_prefix(settings.PROVINCE))
    lead.organisation_code, lead.organisation_name = made.organisation_code, made.organisation_name
    lead.region_code = made.region_code if inside else settings.PROVINCE
    lead.sector = by_hand.sector if by_hand else str(best.get("sector") or "")
    lead.is_public = by_hand.is_public if by_hand else best.get("is_public")
    lead.weakest_link, lead.host = made.weakest, stored_trace(made).host
    lead.is_automatic = False
    lead.save(action="lead.re_attribute", reason=made.reason)


def _join_the_same(lead: Lead, holder: Holder, reason: str) -> None:
    """One open lead per address, block and holder: the younger joins the older."""
    if not lead.organisation_code:
        return
    same = (
        Lead.objects.filter(
            ip=lead.ip,
            first_port=lead.first_port,
            last_port=lead.last_port,
            organisation_code=lead.organisation_code,
            state__in=sorted(OPEN_STATES),
        )
        .exclude(pk=lead.pk)
        .order_by("first_seen", "number")
        .first()
    )
    if same is not None:
        perform(lead, "merge", holder, {"into": same, "reason": reason}, follows=True)


def merge(lead: Lead, into: Lead, holder: Holder, reason: str) -> Lead:
    """Join a lead to another one (并案): both keep their numbers, their observations and their history.

    What is seen at its address from then on still comes to it, and it goes on as long as the other one does.

    Raises:
        Hidden, Forbidden: by the policy, on either of them.
        Refused: E-WFL-003 when the other one is closed, merged or itself.
    """
    policy.check(holder, "merge", into)
    return perform(lead, "merge", holder, {"into": into, "reason": reason})


# --- suppressions ------------------------------------------------------------------------------------------


def suppress(
    subject: Lead | str,
    holder: Holder,
    reason: str,
    expires_at: datetime,
    *,
    region_code: str = "",
    organisation_code: str = "",
) -> Suppression:
    """Set a lead, or all leads of a network, aside until a day. Nothing is hidden from counts or history.

    Args:
        subject: a lead, or a network as ledgers write it.
        holder: its owner from now on.
        reason: why, in words.
        expires_at: when it comes back by itself; a year from now at most.
        region_code: of a network; the whole province when empty.
        organisation_code: of a network.

    Raises:
        Hidden, Forbidden: by the policy.
        BadUse: E-SUP-001 with everything that is wrong with it.
    """
    made = Suppression(reason=reason.strip(), owner_id=holder.user_id, expires_at=expires_at)
    faults = [] if made.reason else ["reason: empty"]
    left = (expires_at - made.starts_at).days
    if expires_at <= made.starts_at or left > MOST_DAYS:
        faults.append(f"expires_at: within {MOST_DAYS} days from now")
    if isinstance(subject, Lead):
        policy.find(holder, Lead, pk=subject.pk)
        made.lead, made.region_code = subject, subject.region_code
        made.organisation_code = subject.organisation_code
    else:
        made.network, made.region_code = subject.strip(), region_code or settings.PROVINCE
        made.organisation_code = organisation_code
        try:
            spans = read_ranges(made.network)
            made.low, made.high = hex_of(spans[0].first), hex_of(spans[0].last)
            faults += ["network: one at a time"] * (len(spans) > 1)
        except ValueError as error:
            faults.append(f"network: {error}")
    if faults:
        raise BadUse("E-SUP-001", "; ".join(faults), "give a reason and a day on which it ends")
    place = {"region_code": made.region_code, "organisation_code": made.organisation_code}
    if not policy.can_create(holder, Suppression, **place):
        raise Forbidden("E-ACC-403", "your duty does not include this", "ask whoever made your account")
    made.save(action="suppression.create", reason=made.reason)
    return made


def lift(suppression: Suppression, holder: Holder, reason: str) -> Suppression:
    """End a suppression before its day."""
    policy.check(holder, "lift", suppression)
    suppression.lifted_at = timezone.now()
    suppression.save(action="suppression.lift", reason=reason)
    return suppression


def with_suppression(leads: QuerySet[Lead], at: datetime | None = None) -> QuerySet[Lead]:
    """Leads with ``is_suppressed``: whether one is in force at a time. When it is over, they are back by themselves."""
    now = at or timezone.now()
    in_force = Q(starts_at__lte=now, expires_at__gt=now) & (Q(lifted_at=None) | Q(lifted_at__gt=now))
    here = Q(lead=OuterRef("pk")) | Q(
        lead=None, low__lte=OuterRef("ip_sort"), high__gte=OuterRef("ip_sort"), organisation_code=""
    )
    there = Q(
        lead=None,
        low__lte=OuterRef("ip_sort"),
        high__gte=OuterRef("ip_sort"),
        organisation_code=OuterRef("organisation_code"),
    )
    return leads.annotate(is_suppressed=Exists(Suppression.objects.filter(in_force & (here | there))))
