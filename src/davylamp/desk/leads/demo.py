"""``davylamp desk demo``: fill an empty desk with a province that does not exist.

Rooms above this one extend it: they call `extend` when they are ready, and are given the `Province` in the order in
which they registered, inside the same acting command.
"""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from davylamp.attribution.registry_diff import Statement
from davylamp.attribution.registry_records import Contact, NetRange, Origin, Relation
from davylamp.attribution.registry_records import Organisation as OrganisationFact
from davylamp.desk.access.models import PRIVILEGED, Clearance, Duty, Posting, User
from davylamp.desk.access.second_factor import demonstration_code
from davylamp.desk.leads.demo_world import CAMPAIGN, World, build, person
from davylamp.desk.leads.intake import intake
from davylamp.desk.leads.models import Lead, State
from davylamp.desk.registry.models import ApprovedProject, Organisation
from davylamp.desk.registry.services import rebuild
from davylamp.desk.registry.store import DeskStore, hex_of
from davylamp.errors import BadUse

CAMPAIGN_END: Final = datetime(2021, 8, 1, 16, 0, tzinfo=UTC)  # the sampling of July 2021
CLOSED: Final = 0.5  # judged: the part of leads to be seen again that was closed before
SOURCE: Final = "core-1"


@dataclass(slots=True)
class Province:
    """What a demonstration holds so far; extensions read it and may add to ``told``, which is printed."""

    seed: int
    scale: int
    end: datetime  # of the last observation
    world: World
    accounts: dict[str, User] = field(default_factory=dict)  # by user name
    told: dict[str, Any] = field(default_factory=dict)


Extension = Callable[[Province], None]
EXTENSIONS: Final[list[Extension]] = []


def extend(step: Extension) -> None:
    """Let a room above add what is its own; called when Django is ready."""
    if step not in EXTENSIONS:
        EXTENSIONS.append(step)


def fill(
    seed: int, scale: int, progress: Callable[[str], None] = lambda _words: None, end: datetime | None = None
) -> dict[str, Any]:
    """Fill an empty desk.

    Args:
        seed: of the province; passwords are drawn anew each time.
        scale: addresses that mine; 4,699 gives the counts of the release of 2021.
        progress: told in words what is being done.
        end: when the last observation was made; today's noon, or the end of July 2021 for the campaign.

    Returns:
        Counts, and the accounts with their passwords, which are not kept anywhere.

    Raises:
        BadUse: E-DEM-001 when the desk holds anything already.
    """
    if Lead.objects.exists() or Organisation.objects.exists() or User.objects.exists():
        hint = "point DAVYLAMP_HOME to another folder"
        raise BadUse("E-DEM-001", "the desk holds something already", hint)
    noon = timezone.now().replace(hour=4, minute=0, second=0, microsecond=0) - timedelta(days=1)
    last = end or (CAMPAIGN_END if scale == CAMPAIGN[0] else noon)
    world = build(seed, scale, last)
    province = Province(seed, scale, last, world)
    progress(f"{len(world.bodies)} organisations and their networks")
    _register(world, last)
    progress("accounts")
    province.told["accounts"] = _accounts(province)
    _project(province)
    progress(f"{len(world.scan['sightings'])} sightings of {world.addresses} addresses")
    intake([world.scan], SOURCE, "lamp", "demonstration, first weeks")
    _close(province)
    intake([world.later], SOURCE, "lamp", "demonstration, last week")
    for step in EXTENSIONS:
        progress(f"{step.__module__.rpartition('.')[0].rpartition('.')[2]}")
        step(province)
    public = Lead.objects.filter(is_public=True)
    province.told |= {
        "addresses": Lead.objects.values("ip").distinct().count(),
        "leads": Lead.objects.count(),
        "relapses": Lead.objects.filter(episode__gt=1).count(),
        "public_addresses": public.values("ip").distinct().count(),
        "public_organisations": public.values("organisation_code").distinct().count(),
    }
    return province.told


def _register(world: World, end: datetime) -> None:
    """The ledger, as one source's statement."""
    now_ns = time.time_ns()
    kinds = frozenset({OrganisationFact, NetRange, Contact, Relation})
    origin = Origin("imported", "demonstration ledger", "", "demonstration")
    effective_ns = int((end - timedelta(days=200)).timestamp()) * 10**9
    store = DeskStore()
    store.commit(store.plan(Statement(origin, tuple(world.facts), kinds, effective_ns)), now_ns)
    rebuild(now_ns)


def _accounts(province: Province) -> list[dict[str, str]]:
    """One account per duty at the province, officers in the cities and counties, contacts of some organisations."""
    rng = random.Random(province.seed + 1)
    wanted = [
        (duty.value, duty, settings.PROVINCE, "") for duty in Duty if duty not in (Duty.CONTACT, Duty.OFFICER)
    ]
    wanted.append(("officer-33", Duty.OFFICER, settings.PROVINCE, ""))
    regions = sorted(
        {b.fact.region for b in province.world.bodies[:12] if b.fact.region != settings.PROVINCE}
    )
    places = sorted({r[:4] + "00" for r in regions} | set(regions[:3]))
    wanted += [(f"officer-{code}", Duty.OFFICER, code, "") for code in places]
    bodies = enumerate(province.world.bodies[:4], 1)
    wanted += [(f"contact-{n}", Duty.CONTACT, b.fact.region, b.fact.code) for n, b in bodies]
    told = []
    for username, duty, region, organisation in wanted:
        password = secrets.token_urlsafe(9)
        user = User.objects.create_user(username, password, name=person(rng), is_demo=True)
        Posting(
            user=user,
            duty=duty,
            region_code=region,
            organisation_code=organisation,
            clearance=Clearance.INTERNAL if duty == Duty.CONTACT else Clearance.CONFIDENTIAL,
            valid_from=province.end - timedelta(days=400),
            basis="demonstration",
        ).save()
        if duty in PRIVILEGED:
            demonstration_code(user)  # has an authenticator from the start, whose digits a command tells
        province.accounts[username] = user
        told.append({"user": username, "password": password, "duty": duty.value, "region": region})
    return told


def _project(province: Province) -> None:
    """A research project with eight addresses of the first organisation, and one that was approved too late."""
    day = timezone.localdate(province.end)
    for number, (name, approved) in enumerate(
        (("区块链共识算法研究（演示）", 120), ("边缘算力试验（演示）", 3))
    ):
        body = province.world.bodies[number]
        ApprovedProject(
            organisation_code=body.fact.code,
            region_code=body.fact.region,
            name=name,
            networks=[[hex_of(body.low), hex_of(body.low + 127)]],
            scope=f"{body.fact.code} first half",
            coins=["XMR", "ETC"],
            valid_from=day - timedelta(days=365),
            valid_to=day + timedelta(days=365),
            state=ApprovedProject.State.APPROVED,
            drafted_by=province.accounts["analyst"],
            approved_by=province.accounts["approver"],
            approved_at=province.end - timedelta(days=approved),
            power_cap_kw=20.0,
            basis="演示〔2021〕1号",
        ).save(action="project.demo")


def _close(province: Province) -> None:
    """Close some of the leads that will be seen again, as if they had been worked on long ago."""
    again = [s["client_ip"] for s in province.world.later["sightings"]]
    for ip in again[: max(1, int(len(again) * CLOSED))]:
        for lead in Lead.objects.filter(ip=ip).exclude(state=State.PROJECT):
            lead.state, lead.closed_at = State.CLOSED, lead.last_seen + timedelta(hours=6)
            lead.state_since, lead.is_automatic = lead.closed_at, False
            lead.save(action="lead.close", reason="demonstration")
