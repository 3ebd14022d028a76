"""What the terminal says around its table: one headline, one line of totals, what was read and not seen."""

from datetime import tzinfo
from typing import Final

from davylamp.records import Scan, Tier
from davylamp.report.contacts import contact_sentences, headline
from davylamp.report.numbers import count, moment, size
from davylamp.report.phrases import Phrases
from davylamp.report.views import DOT, extent, odd_clocks, unseen
from davylamp.report.words import Lang, say

TIERS: Final[tuple[Tier, ...]] = ("confirmed", "probable", "suspected")


def opening(scan: Scan, lang: Lang) -> str:
    """Headline and contacts as sentences."""
    end = say("sentence_end", lang)
    return "".join(f"{s}{end}" for s in (headline(scan, lang), *contact_sentences(scan, lang))).rstrip()


def tiers_of(scan: Scan) -> list[tuple[Tier, int]]:
    """How many sightings of mining there are per tier, empty tiers left out."""
    mining = [s for s in scan.sightings if s.kind == "mining"]
    return [(t, n) for t in TIERS if (n := sum(s.tier == t for s in mining))]


def totals(scan: Scan, lang: Lang) -> str:
    """One line that sums up the scan, each kind of sighting by itself."""
    tiers = tiers_of(scan)
    kinds = {k: sum(s.kind == k for s in scan.sightings) for k in ("mining", "node", "visit")}
    told = say("list_comma", lang).join(f"{say(t, lang)} {count(n)}" for t, n in tiers)
    parts = [
        say("t_mining", lang, n=count(kinds["mining"])) + (say("t_tiers", lang, tiers=told) if told else "")
    ]
    if kinds["mining"]:
        clients = {s.client_ip for s in scan.sightings if s.kind == "mining"}
        parts.append(say("t_clients", lang, n=count(len(clients))))
    if kinds["node"]:
        parts.append(say("t_nodes", lang, n=count(kinds["node"])))
    if kinds["visit"]:
        parts.append(say("t_visits", lang, n=count(kinds["visit"])))
    if scan.sessions:
        parts += [
            say("t_sessions", lang, n=count(len(scan.sessions))),
            say("t_accepted", lang, n=count(sum(s.accepted for s in scan.sessions))),
            say("t_rejected", lang, n=count(sum(s.rejected for s in scan.sessions))),
        ]
    return DOT.join([*parts, say("t_read", lang, **amounts(scan))])


def nothing_sentences(scan: Scan, phrases: Phrases, zone: tzinfo, now_ns: int) -> list[str]:
    """What was read, that nothing was found in it, and what could not be seen."""
    lang, told, reach = phrases.lang, amounts(scan), extent(scan, now_ns)
    if not any(i.packets for i in scan.inputs):
        return [say("nothing_read", lang)]
    read = say("read_flat", lang, **told)
    if reach:
        since, until = (moment(t, zone, lang) for t in reach)
        read = say("read_span", lang, **told, since=since, until=until)
    odd = odd_clocks(scan, now_ns)
    left_out = [say("odd_clocks", lang, n=count(len(odd)))] if odd else []
    return [say("nothing_found", lang), read, *left_out, blind_sentence(scan, phrases)]


def blind_sentence(scan: Scan, phrases: Phrases) -> str:
    """What could not be seen."""
    what = say("list_stop", phrases.lang).join(unseen(scan, phrases))
    return say("not_seen_lead", phrases.lang, what=what)


def amounts(scan: Scan) -> dict[str, str]:
    """Inputs, packets and bytes that were read."""
    return {
        "inputs": count(len(scan.inputs)),
        "packets": count(sum(i.packets for i in scan.inputs)),
        "bytes": size(sum(i.bytes for i in scan.inputs)),
    }
