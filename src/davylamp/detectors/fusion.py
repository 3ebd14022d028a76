"""Make sightings of findings: likelihood ratios add up, capped per family, on the site's prior.

Findings of one client, server and port form one sighting per verdict as long as no quiet gap longer than
`EPISODE_GAP_S` parts them. A capped family keeps detectors that look at the same thing from counting twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from davylamp.records import Finding, Session, Sighting, Tier, Verdict

EPISODE_GAP_S: Final = 6 * 3600  # judged: a miner that was off for a night is a new episode
FAMILY_CAP: Final = {"payload": 8.0, "name": 5.0, "behavior": 6.0, "list": 3.0}  # judged, log10
PRIOR_LOG10_ODDS: Final = -4.0  # judged: one in ten thousand client-server pairs of a public network mines
PROBED_SERVERS: Final = 8  # judged: a miner has a pool, a fallback and a donation, each with a few addresses
PROBER_PROBABILITY: Final = 0.5  # judged: nothing tells a prober from a miner that was refused everywhere
MOST_PROBABLE: Final = 0.999999  # judged: no reading of a capture excludes a staged one
CONFIRMED_STRENGTH: Final = 8.0  # judged: jobs and shares read, see plaintext_session
PROBABLE_STRENGTH: Final = 6.0  # judged: jobs read, no share yet
SECOND_NS: Final = 1_000_000_000


def fuse(
    findings: Sequence[Finding], sessions: Sequence[Session], prior_log10_odds: float = PRIOR_LOG10_ODDS
) -> list[Sighting]:
    """Sightings from findings, heaviest first.

    Args:
        findings: of any detectors, in any order; ``session`` indexes into ``sessions``.
        sessions: what the findings' indexes mean.
        prior_log10_odds: log10 odds that a client-server pair of this site mines, before any evidence.
    """
    piles: dict[tuple[str, str, int, Verdict], list[Finding]] = {}
    for finding in findings:
        key = (finding.client.ip, finding.server.ip, finding.server.port, finding.verdict)
        piles.setdefault(key, []).append(finding)
    mining = {key[:3] for key in piles if key[3] == "mining"}
    sightings = [
        sight(episode, sessions, prior_log10_odds)
        for key, pile in piles.items()
        if key[3] == "mining" or key[:3] not in mining
        for episode in episodes(pile)
    ]
    return sorted(temper(sightings, sessions), key=weight)


def temper(sightings: Sequence[Sighting], sessions: Sequence[Session]) -> list[Sighting]:
    """Take back what looks like a pool prober: one client that asks many servers for work and submits nothing.

    Its sightings become suspected, at most at the odds of an opening without an answer, and say why.
    """
    idle = [s for s in sightings if s.kind == "mining" and not any(sessions[i].submitted for i in s.sessions)]
    asked: dict[str, set[tuple[str, int]]] = {}
    for sighting in idle:
        asked.setdefault(sighting.client_ip, set()).add((sighting.server_ip, sighting.server_port))
    probes = {id(s) for s in idle if len(asked[s.client_ip]) >= PROBED_SERVERS}
    return [take_back(s, len(asked[s.client_ip])) if id(s) in probes else s for s in sightings]


def take_back(sighting: Sighting, servers: int) -> Sighting:
    """A sighting of a client that asked ``servers`` servers for work without a single share."""
    why = (
        f"this client asked {servers} servers for work and submitted no share to them: a pool prober looks so"
    )
    return replace(
        sighting,
        tier="suspected",
        probability=min(sighting.probability, PROBER_PROBABILITY),
        because=(*sighting.because, why),
    )


def weight(sighting: Sighting) -> tuple[int, float, int, str]:
    """Sort key: mining first, then by probability, then by number of sessions."""
    order = {"mining": 0, "node": 1, "visit": 2}
    return order[sighting.kind], -sighting.probability, -len(sighting.sessions), sighting.client_ip


def episodes(pile: Sequence[Finding]) -> list[list[Finding]]:
    """Findings in order of time, parted where nothing was seen for `EPISODE_GAP_S`."""
    ordered = sorted(pile, key=lambda f: (f.first_ns, f.last_ns))
    parts: list[list[Finding]] = []
    until = 0
    for finding in ordered:
        if not parts or finding.first_ns > until + EPISODE_GAP_S * SECOND_NS:
            parts.append([])
            until = finding.last_ns
        parts[-1].append(finding)
        until = max(until, finding.last_ns)
    return parts


def sight(
    episode: Sequence[Finding], sessions: Sequence[Session], prior_log10_odds: float = PRIOR_LOG10_ODDS
) -> Sighting:
    """One sighting of one episode's findings, which all carry the same verdict and ends."""
    best = max(episode, key=lambda f: f.strength)
    indexes = tuple(sorted(f.session for f in episode if f.session is not None))
    held = [sessions[i] for i in indexes]
    log_odds = prior_log10_odds + sum(family_strengths(episode).values())
    odds = 10.0 ** min(log_odds, 12.0)
    return Sighting(
        client_ip=best.client.ip,
        server_ip=best.server.ip,
        server_port=best.server.port,
        first_ns=min(f.first_ns for f in episode),
        last_ns=max(f.last_ns for f in episode),
        kind=best.verdict,
        tier=tier_of(best),
        probability=min(MOST_PROBABLE, odds / (1.0 + odds)),
        because=reasons(episode) + disagreements(held),
        sessions=indexes,
        captures=tuple(dict.fromkeys(s.capture for s in held)),
        coin=leading(held, "coin"),
        algorithm=leading(held, "algorithm"),
        wallet=leading(held, "wallet"),
        worker=leading(held, "worker"),
        agent=leading(held, "agent"),
        not_seen=blind_spots(held),
        source_ref=reference(best, min(f.first_ns for f in episode)),
    )


def family_strengths(episode: Sequence[Finding]) -> dict[str, float]:
    """Per family the strongest finding of each detector added up, at most the family's cap."""
    best: dict[tuple[str, str], float] = {}
    for finding in episode:
        key = (finding.family, finding.detector)
        best[key] = max(best.get(key, float("-inf")), finding.strength)
    totals: dict[str, float] = {}
    for (family, _), strength in best.items():
        totals[family] = min(FAMILY_CAP.get(family, 3.0), totals.get(family, 0.0) + strength)
    return totals


def tier_of(best: Finding) -> Tier:
    """The words for a verdict; a visit is a destination and stays suspected."""
    if best.verdict == "visit" or best.strength < PROBABLE_STRENGTH:
        return "suspected"
    return "confirmed" if best.strength >= CONFIRMED_STRENGTH else "probable"


def reasons(episode: Sequence[Finding], most: int = 8) -> tuple[str, ...]:
    """Sentences by weight, each once, and how many more there are."""
    ordered = dict.fromkeys(f.because for f in sorted(episode, key=lambda f: -f.strength))
    sentences = list(ordered)
    rest = len(sentences) - most
    return tuple(sentences[:most] + ([f"and {rest} more of the kind"] if rest > 0 else []))


IDENTITY: Final = ("coin", "algorithm", "wallet", "worker", "agent")


def leading(sessions: Sequence[Session], name: str) -> str | None:
    """The value of a field that stands behind most accepted shares; donations count only where nothing else is."""
    own = [s for s in sessions if not s.donation] or sessions
    shares: dict[str, int] = {}
    for session in own:
        value = getattr(session, name)
        if value is not None:
            shares[value] = shares.get(value, 0) + session.accepted + 1
    return max(shares, key=lambda v: shares[v], default=None)


def disagreements(sessions: Sequence[Session]) -> tuple[str, ...]:
    """A sentence per identity field in which sessions differ, so that one shown value is not read as the only one."""
    said = []
    for name in IDENTITY:
        distinct = {getattr(s, name) for s in sessions if not s.donation and getattr(s, name) is not None}
        if len(distinct) > 1:
            said.append(
                f"{len(distinct)} different {name} values in these sessions; shown is the one with most shares"
            )
    return tuple(said)


def blind_spots(sessions: Sequence[Session]) -> tuple[str, ...]:
    """What could not have been seen of these sessions."""
    spots = []
    midway = sum(s.joined_midway for s in sessions)
    if midway:
        spots.append(
            f"{midway} of {len(sessions)} sessions began before the capture: their login is not in it"
        )
    lost = sum(s.lost_bytes for s in sessions)
    if lost:
        spots.append(f"{lost} bytes of these conversations are missing from the capture")
    if any(s.unanswered and not s.accepted and not s.rejected for s in sessions):
        spots.append("only one direction was captured: shares cannot be told accepted from rejected")
    return tuple(spots)


def reference(finding: Finding, first_ns: int) -> str:
    """Idempotency key: the same capture scanned twice gives the same reference."""
    text = "|".join(
        (finding.verdict, finding.client.ip, finding.server.ip, str(finding.server.port), str(first_ns))
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]
