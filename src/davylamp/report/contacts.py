"""Contacts that are no mining, folded: nodes by the network they speak to, visits by the host they ask for.

A node talks to thousands of peers. One row per node and network says all that a reader of the table wants to know;
JSON, CSV and Parquet keep every single one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from davylamp.records import Scan, Sighting
from davylamp.report.numbers import count
from davylamp.report.phrases import find
from davylamp.report.plain import plain, shorten
from davylamp.report.views import View, weight
from davylamp.report.words import Lang, say

MOST_NAMES: Final = 4  # judged: networks or hosts that one sentence bears
_NAME_CELLS: Final = 40
_HOLES: Final = {"detectors/peer_node.py": "protocol", "detectors/pool_name.py": "host"}

_Key: TypeAlias = tuple[str, str, str, str, int]
"""Kind, name, client, server and port; the side that is folded is left blank."""


def name_of(sighting: Sighting) -> str:
    """The network of a node or the host of a visit, out of its heaviest reason that tells one; else the coin."""
    for because in sighting.because:
        found = find(plain(because))
        if found is not None and (hole := _HOLES.get(found.phrase.row.source)):
            return found.values.get(hole, "")
    return plain(sighting.coin or "")


def fold(views: Iterable[View]) -> list[View]:
    """``views`` with one row per client and network, or per client and host asked for; mining stays as it is.

    Peers that call a listening node, each once, stand in one row of that node.
    """
    kept: list[View] = []
    loose: list[View] = []
    for view in views:
        is_contact = view.sighting.kind != "mining" and not view.sessions
        (loose if is_contact else kept).append(view)
    named = [replace(view, name=name_of(view.sighting)) for view in loose]
    calls = Counter(_from_client(view) for view in named)
    callers = Counter(_to_server(view) for view in named if calls[_from_client(view)] == 1)
    piles: dict[_Key, list[View]] = {}
    for view in named:
        key = _from_client(view)
        if view.sighting.kind == "node" and calls[key] == 1 and callers[_to_server(view)] > 1:
            key = _to_server(view)
        piles.setdefault(key, []).append(view)
    return sorted([*kept, *map(_pile_up, piles.values())], key=weight)


def _from_client(view: View) -> _Key:
    return view.sighting.kind, view.name, view.sighting.client_ip, "", 0


def _to_server(view: View) -> _Key:
    s = view.sighting
    return s.kind, view.name, "", s.server_ip, s.server_port


def _pile_up(views: Sequence[View]) -> View:
    """One row for several sightings: the first one's words over the time of all."""
    if len(views) == 1:
        return views[0]
    all_ = tuple(v.sighting for v in views)
    first = min(s.first_ns for s in all_)
    last = max(s.last_ns for s in all_)
    return replace(views[0], sighting=replace(all_[0], first_ns=first, last_ns=last), folded=all_)


def client_text(view: View, lang: Lang) -> str:
    """The client's address, or how many there are in this row."""
    clients = {s.client_ip for s in view.folded}
    if len(clients) > 1:
        return say("n_clients", lang, n=count(len(clients)))
    return plain(view.sighting.client_ip)


def server_text(view: View, lang: Lang) -> str:
    """The server's address and port, or how many there are in this row."""
    servers = {(s.server_ip, s.server_port) for s in view.folded}
    if len(servers) > 1:
        return say("n_peers" if view.sighting.kind == "node" else "n_servers", lang, n=count(len(servers)))
    return plain(view.server)


def headline(scan: Scan, lang: Lang) -> str:
    """What a leader reads first, without a full stop: who mines, how sure."""
    mining = {s.client_ip for s in scan.sightings if s.kind == "mining"}
    confirmed = {s.client_ip for s in scan.sightings if s.kind == "mining" and s.tier == "confirmed"}
    key = "headline_some" if confirmed else "headline_maybe"
    if not mining:
        key = "headline_none"
    elif len(mining) == len(confirmed) == 1:
        key = "headline_one"
    return say(key, lang, clients=count(len(mining)), confirmed=count(len(confirmed)))


def contact_sentences(scan: Scan, lang: Lang) -> list[str]:
    """How many contacts with coin networks there were, then visits to pools, without full stops."""
    told = []
    for kind, key in (("node", "n_node"), ("visit", "n_visit")):
        found = [s for s in scan.sightings if s.kind == kind]
        if found:
            told.append(say(key, lang, n=count(len(found)), names=_names(found, lang)))
    return told


def _names(sightings: Sequence[Sighting], lang: Lang) -> str:
    names = Counter(name_of(s) or say("unknown", lang) for s in sightings).most_common()
    told = [f"{shorten(name, _NAME_CELLS)} {count(n)}" for name, n in names[:MOST_NAMES]]
    return say("list_comma", lang).join(told) + (
        f" +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else ""
    )
