"""Approved projects (备案项目): applied for, approved by somebody else, in force, over or revoked.

A match needs everything: the project was in force on every day that was seen, the address lies in its networks, the
computer is one of its hosts where it names any, the coin is known and one of its coins, and the power does not
surely exceed its cap. Whatever falls outside is a lead like any other; the observation is there in any case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.utils import timezone

from davylamp.attribution.imports_cells import read_ranges
from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Holder, Scope, govern
from davylamp.desk.core.workflow import Step, define
from davylamp.desk.leads.models import Lead
from davylamp.desk.registry.models import ANY_COIN, ApprovedProject, Organisation
from davylamp.desk.registry.store import hex_of
from davylamp.errors import BadUse

State = ApprovedProject.State
HOURS: Final = 24.0


@dataclass(frozen=True, slots=True)
class Application:
    """What an organisation applies for."""

    organisation_code: str
    name: str
    scope: str  # ranges as ledgers write them
    coins: tuple[str, ...]
    valid_from: date
    valid_to: date
    hosts: tuple[str, ...] = ()
    is_testnet: bool = False
    power_cap_kw: float | None = None
    basis: str = ""


def apply(application: Application, holder: Holder) -> ApprovedProject:
    """Apply for a project (申报).

    Raises:
        Forbidden: E-ACC-403.
        BadUse: E-PRJ-001 with everything that is wrong with it.
    """
    region = region_of(application.organisation_code)
    if not policy.can_create(
        holder, ApprovedProject, region_code=region, organisation_code=application.organisation_code
    ):
        raise Forbidden("E-ACC-403", "your duty does not include this", "ask whoever made your account")
    networks, faults = _read_scope(application)
    if faults:
        raise BadUse("E-PRJ-001", "; ".join(faults), "correct the application")
    made = ApprovedProject(
        organisation_code=application.organisation_code,
        region_code=region,
        name=application.name,
        networks=networks,
        scope=application.scope,
        hosts=[h.lower() for h in application.hosts],
        coins=[c.upper() for c in application.coins],
        is_testnet=application.is_testnet,
        power_cap_kw=application.power_cap_kw,
        valid_from=application.valid_from,
        valid_to=application.valid_to,
        drafted_by_id=holder.user_id,
        basis=application.basis,
    )
    made.save(action="project.apply")
    return made


def _read_scope(application: Application) -> tuple[list[list[str]], list[str]]:
    faults = []
    networks: list[list[str]] = []
    try:
        networks = [[hex_of(s.first), hex_of(s.last)] for s in read_ranges(application.scope)]
    except ValueError as error:
        faults.append(f"scope: {error}")
    if not application.coins:
        faults.append(f"coins: name them, or {ANY_COIN} for any")
    if application.valid_to < application.valid_from:
        faults.append("valid_to: before it begins")
    if application.power_cap_kw is not None and not 0 < application.power_cap_kw < 1e6:
        faults.append("power_cap_kw: not between 0 and 1,000,000")
    if not application.name.strip():
        faults.append("name: empty")
    return networks, faults


def region_of(organisation_code: str) -> str:
    """Where an organisation is.

    Raises:
        BadUse: E-PRJ-002 when nobody has registered it.
    """
    found = Organisation.objects.filter(code=organisation_code).values_list("region_code", flat=True).first()
    if found is None:
        raise BadUse("E-PRJ-002", f"no organisation {organisation_code}", "register it first")
    return found


# --- matching ----------------------------------------------------------------------------------------------


def projects_in_force(codes: Iterable[str]) -> list[ApprovedProject]:
    """Projects of organisations that were approved and not revoked, whatever their dates."""
    return list(ApprovedProject.objects.filter(organisation_code__in=set(codes), state=State.APPROVED))


def covers(project: ApprovedProject, lead: Lead, seen: Sequence[Mapping[str, Any]]) -> bool:
    """Whether everything that was seen of a lead lies within a project's scope and dates.

    Args:
        project: approved.
        lead: with its address, host and power.
        seen: its observations.
    """
    if project.state != State.APPROVED or not any(a <= lead.ip_sort <= b for a, b in project.networks):
        return False
    if project.hosts and lead.host.lower() not in project.hosts:
        return False
    cap = project.power_cap_kw
    if cap is not None and lead.energy_grade == "C" and (lead.kwh_per_day_low or 0.0) / HOURS > cap:
        return False
    return all(_covers_one(project, row) for row in seen)


def _covers_one(project: ApprovedProject, row: Mapping[str, Any]) -> bool:
    first, last = timezone.localdate(row["first_seen"]), timezone.localdate(row["last_seen"])
    is_coin = ANY_COIN in project.coins or (row["coin"] and row["coin"] in project.coins)
    return bool(is_coin) and project.valid_from <= first and last <= project.valid_to


def is_late(project: ApprovedProject, lead: Lead) -> bool:
    """Whether it was approved only after the lead was first seen: a registry must not launder."""
    return project.approved_at is not None and project.approved_at > lead.first_seen


# --- its steps ---------------------------------------------------------------------------------------------


def _not_the_drafter(project: ApprovedProject, holder: Holder, _data: Mapping[str, Any]) -> str:
    return "who applied does not approve" if project.drafted_by_id == holder.user_id else ""


def _approve(project: ApprovedProject, holder: Holder, data: Mapping[str, Any]) -> None:
    project.approved_by_id, project.approved_at = holder.user_id, timezone.now()
    project.basis = str(data["basis"])[:300]


def _revoke(project: ApprovedProject, _holder: Holder, _data: Mapping[str, Any]) -> None:
    project.revoked_at = timezone.now()


STEPS: Final = (
    Step(
        "approve",
        frozenset({State.APPLIED}),
        State.APPROVED,
        needs=("basis",),
        guards=(_not_the_drafter,),
        effects=(_approve,),
    ),
    Step("refuse", frozenset({State.APPLIED}), State.REFUSED, needs=("reason",), guards=(_not_the_drafter,)),
    Step("revoke", frozenset({State.APPROVED}), State.REVOKED, needs=("reason",), effects=(_revoke,)),
)


def install() -> None:
    """Called when Django is ready."""
    define(ApprovedProject, STEPS)
    readers = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR, Duty.CONTACT)
    approvers = (Duty.APPROVER,)
    govern(
        ApprovedProject,
        Scope("region_code", "organisation_code", ""),
        {
            "read": readers,
            "create": (Duty.ANALYST, Duty.OFFICER, Duty.CONTACT),
            "approve": approvers,
            "refuse": approvers,
            "revoke": approvers,
        },
    )
