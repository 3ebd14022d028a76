"""Who is back: a new observation after a closing, on the same address, device, wallet and worker, or organisation.

A relapse is a new lead that points to the closed one. The closed one stays closed, with all that it says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.leads.aggregate import CHUNK
from davylamp.desk.leads.models import Lead, State

ORDER: Final = ("address", "device", "wallet and worker", "wallet", "organisation")
"""What ties two leads, strongest first; a wallet may be a malware's own and be shared by its victims."""


@dataclass(frozen=True, slots=True)
class Relapse:
    """A closed lead and what ties a later one to it, strongest first."""

    earlier: Lead
    keys: tuple[str, ...]


def ties(earlier: Lead, later: Lead) -> tuple[str, ...]:
    """What two leads have in common, in words, strongest first; empty when the later one is no relapse."""
    closed = earlier.closed_at
    if earlier.state != State.CLOSED or closed is None or earlier.pk == later.pk:
        return ()
    found = []
    one, other = ((x.ip, x.first_port, x.last_port) for x in (earlier, later))
    is_line = earlier.key == later.key or earlier.organisation_code == later.organisation_code != ""
    if one == other and is_line and earlier.episode < later.episode and closed < later.last_seen:
        found.append(f"address {later.ip}")
    if closed < later.first_seen:
        if later.host and earlier.host == later.host:
            found.append(f"device {later.host}")
        if later.wallet and earlier.wallet == later.wallet:
            is_worker = later.worker and earlier.worker == later.worker
            found.append(f"wallet and worker {later.worker}" if is_worker else f"wallet {later.wallet}")
        if later.organisation_code and earlier.organisation_code == later.organisation_code:
            found.append(f"organisation {later.organisation_code}")
    return tuple(found)


def closed_before(leads: Iterable[Lead]) -> list[Lead]:
    """Every closed lead that shares anything with some of these."""
    found: dict[object, Lead] = {}
    wanted = list(leads)
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        where = Q(key__in={lead.key for lead in part})
        for name in ("host", "wallet", "organisation_code"):
            values = {getattr(lead, name) for lead in part} - {""}
            if values:
                where |= Q(**{f"{name}__in": values})
        found |= {lead.pk: lead for lead in Lead.objects.filter(where, state=State.CLOSED)}
    return list(found.values())


class Closed:
    """Closed leads by what may tie others to them."""

    def __init__(self, leads: Sequence[Lead]) -> None:
        self._by: dict[tuple[str, str], list[Lead]] = {}
        for lead in leads:
            for name in ("key", "host", "wallet", "organisation_code"):
                value = getattr(lead, name)
                if value:
                    self._by.setdefault((name, value), []).append(lead)

    def before(self, lead: Lead) -> list[Relapse]:
        """The closed leads that a lead is a relapse of, the strongest tie and then the latest closing first."""
        near: dict[object, Lead] = {}
        for name in ("key", "host", "wallet", "organisation_code"):
            near |= {e.pk: e for e in self._by.get((name, getattr(lead, name)), ())}
        found = [Relapse(e, keys) for e in near.values() if (keys := ties(e, lead))]
        return sorted(found, key=_rank)


def _rank(relapse: Relapse) -> tuple[int, float, str]:
    first = relapse.keys[0]
    place = max(i for i, word in enumerate(ORDER) if first.startswith(word) and _fits(word, first))
    closed = relapse.earlier.closed_at
    return (place, -(closed.timestamp() if closed else 0.0), relapse.earlier.number)


def _fits(word: str, key: str) -> bool:
    return word != "wallet" or not key.startswith("wallet and worker")


def relapses_of(lead: Lead, holder: Holder | None = None) -> list[Relapse]:
    """The closed leads that this one is a relapse of, each with what ties them.

    Args:
        lead: any.
        holder: only what they may see; None inside the desk's own work.
    """
    found = Closed(closed_before([lead])).before(lead)
    if holder is None:
        return found
    seen = set(
        policy.visible(holder, Lead).filter(pk__in=[r.earlier.pk for r in found]).values_list("pk", flat=True)
    )
    return [r for r in found if r.earlier.pk in seen]
