"""The chain address, lease, port, host, holder as five links with their sources, the weakest marked."""

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from davylamp.desk.leads.models import Attribution, Lead

FIVE: Final = (
    (gettext_lazy("address"), ("address",)),
    (gettext_lazy("lease"), ("nat", "lease")),
    (gettext_lazy("port"), ("port",)),
    (gettext_lazy("host"), ("mac", "host")),
    (gettext_lazy("holder"), ("holder",)),
)
"""What a page shows, and the lamp's hops that it stands for."""


@dataclass(frozen=True, slots=True)
class Link:
    """One of the five, in words; an empty value is a gap."""

    label: str
    value: str
    source: str
    because: str
    is_weakest: bool


def links_of(lead: Lead, found: Attribution | None) -> list[Link]:
    """Five links. Without a recorded chain all after the address are gaps, and the first of them is the weakest."""
    recorded = list(found.chain) if found is not None else []
    named = (found.weakest if found is not None else "") or ""
    made = [_link(lead, str(label), hops, recorded, named) for label, hops in FIVE]
    if any(link.is_weakest for link in made):
        return made
    gap = next((n for n, link in enumerate(made) if not link.value), None)
    return [_marked(link) if n == gap else link for n, link in enumerate(made)]


def _link(lead: Lead, label: str, hops: tuple[str, ...], recorded: list[Any], named: str) -> Link:
    own = [r for r in recorded if isinstance(r, dict) and r.get("hop") in hops]
    known = [r for r in own if r.get("value")]
    one = (known or own or [{}])[-1]
    value = str(one.get("value") or "")
    source = str(one.get("source") or "")
    if hops == ("address",):
        value, source = value or lead.ip, _("seen by the sensor")
    is_weakest = any(_is_named(r, named) for r in own) or any(named.startswith(f"{h}: ") for h in hops)
    because = str(one.get("because") or "")
    return Link(label, value, source or ("" if value else _("no record")), because, is_weakest)


def _is_named(row: dict[str, Any], named: str) -> bool:
    """Whether the attribution names this hop as its weakest: by hop where it is a gap, else with its value."""
    hop, value = row.get("hop"), row.get("value")
    return named.startswith(f"{hop}: ") or (bool(value) and named.startswith(f"{hop} {value}: "))


def _marked(link: Link) -> Link:
    return Link(link.label, link.value, link.source, link.because, is_weakest=True)
