"""Plaintext session: was mining read word for word from this conversation?

Reads     Session              counts of jobs, shares and logins, and why its dialect claimed it
Yields    Finding.strength     float  log10 likelihood ratio, SUSPECTED..CONFIRMED
Abstains  never: a session is already a conversation that a dialect has claimed
Raises    nothing
Misses    encrypted or compressed-and-unreadable conversations; dialects without a file
Misfires  pool probers and scanners that speak the protocol without mining: their sessions have no shares
          and stay below the confirmed strength, as does a pool's own daemon that asks its node for templates
Source    dialect specifications; figures in docs/evidence/plaintext_session.md
"""

from typing import Final

from davylamp.counted import counted
from davylamp.records import Abstain, Finding, Session

CONFIRMED: Final = 8.0  # judged: jobs and granted shares in a specified dialect do not happen by chance
WORKING: Final = 6.0  # judged: jobs flow, no share yet: a miner that has just begun, or a prober
FROM_A_NODE: Final = frozenset({"getblocktemplate"})
ASKED: Final = 4.3  # judged: the words of a miner without the answers of a pool


def detect(session: Session) -> Finding | Abstain:
    """Judge one session by how much of a miner's life it holds."""
    strength, said = weigh(session)
    return Finding(
        detector="plaintext-session",
        family="payload",
        verdict="mining",
        strength=strength,
        because=f"{session.dialect} in plaintext: {said}",
        client=session.client,
        server=session.server,
        first_ns=session.first_ns,
        last_ns=session.last_ns,
        flow_id=session.flow_id,
    )


def weigh(session: Session) -> tuple[float, str]:
    """Strength, and the sentence that carries it."""
    shares = f"{counted(session.submitted, 'share')} submitted, {session.accepted} accepted"
    if session.jobs and session.submitted and session.dialect in FROM_A_NODE:
        return (
            WORKING,
            f"{counted(session.jobs, 'job')}, {shares}; a pool's own daemon asks its node in the same words",
        )
    if session.jobs and session.submitted:
        return CONFIRMED, f"{counted(session.jobs, 'job')}, {shares}"
    if session.submitted:
        return WORKING, f"{shares}, no job seen"
    if session.jobs:
        refused = ", login refused" if session.logins_refused else ""
        return WORKING, f"{counted(session.jobs, 'job')}, no share submitted{refused}"
    return ASKED, "a miner's opening without any job in answer"
