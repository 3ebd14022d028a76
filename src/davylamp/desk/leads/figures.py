"""How many leads, as of a time: by state, region, sector, and whatever else a lead stands by.

Counts are taken from where each lead stood at that time (`LeadStanding`), so that they come out the same whenever
they are asked for, and every breakdown sums to the total.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Exists, OuterRef, QuerySet

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.leads.models import LeadStanding

BY: Final = ("state", "region_code", "sector", "is_public", "tier", "severity")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts as of a time; what is not known has the key None or an empty text."""

    at: datetime
    total: int
    organisations: int  # that are known
    by: Mapping[str, Mapping[object, int]]


def standing_at(holder: Holder, at: datetime) -> QuerySet[LeadStanding]:
    """Where every lead that a holder may see stood at a time."""
    later = LeadStanding.objects.filter(lead=OuterRef("lead"), number__gt=OuterRef("number"), at__lte=at)
    return policy.visible(holder, LeadStanding).filter(~Exists(later), at__lte=at)


def count_leads(holder: Holder, at: datetime) -> Figures:
    """Count what a holder may see, as of a time."""
    stood = standing_at(holder, at)
    by = {
        name: dict(
            stood.order_by(name).values_list(name).annotate(count=Count("id")).values_list(name, "count")
        )
        for name in BY
    }
    bodies = stood.exclude(organisation_code="").aggregate(n=Count("organisation_code", distinct=True))["n"]
    return Figures(at, stood.count(), bodies, by)
