"""Hashrate: how fast does a session hash, and how sure is that?

A hash rate ``H`` finds shares of work ``w`` as a Poisson process of rate ``H / w``. Accepted work over exposure,
``S / T``, estimates ``H``. Its interval is the exact Poisson (Garwood) one when all shares weigh the same, and
otherwise the gamma-type one with ``n = S^2 / sum(w^2)`` effective shares.

Why changing difficulty brings no bias: ``S(t) - H t`` is a martingale whatever the pool does with the
difficulty, as long as it looks only at the past, so ``E[S(T)] = H T`` for every end ``T`` that shares do not
decide. Two ends are decided by shares: an exposure that begins with the first share would lose one share's
time, hence it begins with the first job of known difficulty; and a capture whose last packet is a share
ends a little early, which raises the estimate by about one part in the number of shares, within the interval.

Source   F. Garwood, Biometrika 28 (1936); M. Fay and E. Feuer, Statistics in Medicine 16 (1997) for weights
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from davylamp.counted import counted
from davylamp.records import Interval, Session, Work

TAIL: Final = 0.025  # judged: 95 % two-sided intervals are what the field reads
MOST_LOST: Final = 0.9  # judged: a tenth of a conversation does not speak for the rest
SECOND_NS: Final = 1_000_000_000
BEYOND: Final = "the difficulty that the pool names is out of all measure"


@dataclass(frozen=True, slots=True)
class Gaps:
    """What an observation missed.

    ``lost_share`` is the fraction of the accepted work that the capture lost, ``unanswered`` the number of
    shares whose answer was not seen for another reason: both may hide accepted work, neither can add any.
    """

    lost_share: float = 0.0
    unanswered: int = 0


def rate(work: Work, gaps: Gaps = Gaps()) -> Interval | None:
    """The average hashrate over the exposure, hashes per second, as a 95 % interval.

    Args:
        work: accepted work and the seconds in which it fell.
        gaps: what was missed. Losses raise the estimate and the upper bound and leave the lower bound: the
            shares that were seen were found whatever else was.

    Returns:
        Without any share an interval from 0 with estimate 0 whose upper bound is the rate at which so long a
        silence happens once in 40 times. None when there was no exposure, when most bytes were lost, or when
        there is neither a share nor a known work of one, or the numbers are out of all measure.
    """
    if not 0 < work.exposure_s < math.inf or not 0 <= gaps.lost_share <= MOST_LOST:
        return None
    if not math.isfinite(work.hashes) or not math.isfinite(work.squares):
        return None
    seen = 1.0 - gaps.lost_share
    if work.shares <= 0 or not work.hashes > 0 or not work.squares > 0:
        if work.shares > 0 or not 0 < work.share_hashes < math.inf or gaps.unanswered:
            return None
        most = poisson_bounds(0.0).high * work.share_hashes * work.high_factor / work.exposure_s / seen
        return Interval(0.0, 0.0, most) if math.isfinite(most) else None
    effective = min(float(work.shares), work.hashes * (work.hashes / work.squares))
    if not effective > 0:
        return None
    bounds = poisson_bounds(effective)
    per_share = work.hashes / effective / work.exposure_s
    hidden = 1.0 + gaps.unanswered / work.shares
    interval = Interval(
        bounds.low * per_share * work.low_factor,
        effective * per_share / seen,
        bounds.high * per_share * work.high_factor * hidden / seen,
    )
    return interval if math.isfinite(interval.low) and math.isfinite(interval.high) else None


def poisson_bounds(count: float) -> Interval:
    """95 % bounds of a Poisson mean after ``count`` events; ``count`` may be an effective, broken number.

    The lower bound is the mean at which ``count`` or more happen with probability `TAIL`, the upper one at
    which ``count`` or fewer do: gamma quantiles of shapes ``count`` and ``count + 1``.
    """
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, TAIL)) if count > 0 else 0.0
    return Interval(low, count, float(gammaincinv(count + 1.0, 1.0 - TAIL)))


def size(session: Session) -> Session:
    """The session with its hashrate, or with the reason why there is none."""
    note = refusal(session)
    if note or session.work is None:
        return replace(session, hashrate_hps=None, hashrate_note=note)
    interval = rate(session.work, gaps_of(session))
    note = remarks(session, session.work) if interval is not None else BEYOND
    return replace(session, hashrate_hps=interval, hashrate_note=note)


def gaps_of(session: Session) -> Gaps:
    """What a session missed; shares whose answers the capture lost are in ``lost_share`` already."""
    return Gaps(session.lost_share, 0 if session.lost_share > 0 else session.unanswered)


def refusal(session: Session) -> str:
    """Why no hashrate can be given for this session; empty when one can."""
    work = session.work
    if work is None:
        return session.work_note or "the work of a share is not known"
    if not 0 < work.exposure_s < math.inf:
        return "no time passed between the first job of known difficulty and the end"
    if session.lost_share > MOST_LOST:
        return f"the capture missed {session.lost_share:.0%} of the accepted work"
    if not math.isfinite(work.hashes) or not math.isfinite(work.squares):
        return BEYOND
    if work.shares > 0:
        return ""
    if session.accepted > 0:
        return "shares were accepted, but not for jobs whose difficulty was seen"
    if session.unanswered > 0:
        return f"no answer to {counted(session.unanswered, 'share')} was seen: accepted or not is unknown"
    if not work.share_hashes > 0:
        return "no share was accepted and the work of one is not known"
    return ""


def remarks(session: Session, work: Work) -> str:
    """What a reader must know beside the interval; empty when it speaks for itself."""
    said = []
    if work.shares == 0:
        said.append("no share was accepted: an upper bound only")
    if session.lost_share > 0:
        said.append(
            f"corrected upward for {session.lost_share:.1%} of the accepted work that the capture misses"
        )
    if gaps_of(session).unanswered > 0 and work.shares > 0:
        said.append(f"widened upward for {counted(session.unanswered, 'share')} without an answer")
    if (work.low_factor, work.high_factor) != (1.0, 1.0) and work.high_factor / work.low_factor > 1.01:
        low, high = work.low_factor, work.high_factor
        said.append(f"widened for what a share may be worth: {low:.2f} to {high:.2f} times the estimate")
    return "; ".join(said)


def sum_rates(sessions: Sequence[Session]) -> tuple[Interval | None, str]:
    """The total hashrate of several sessions of one algorithm, with its interval.

    All accepted work is put over the time in which at least one of the sessions was under observation:
    sessions at the same time add up, sessions one after another (reconnects) average out. The interval comes
    from the joined work, not from added bounds, which would be too wide.

    Returns:
        The interval, or None and why: rates of different algorithms are not added.
    """
    sized = [s for s in sessions if s.hashrate_hps is not None and s.work is not None]
    if not sized:
        return None, next((s.hashrate_note for s in sessions if s.hashrate_note), "no session has a hashrate")
    if len(sessions) == 1:
        return sized[0].hashrate_hps, sized[0].hashrate_note
    kinds = sorted({s.algorithm or f"unknown algorithm in {s.dialect}" for s in sized})
    if len(kinds) > 1:
        return None, f"hashrates of different algorithms are not added: {', '.join(kinds)}"
    joined, gaps = join(sized)
    notes = sorted({s.hashrate_note for s in sized if s.hashrate_note})
    if len(sized) < len(sessions):
        notes.insert(0, f"{len(sessions) - len(sized)} of {len(sessions)} sessions give no hashrate")
    return rate(joined, gaps), "; ".join(notes)


def join(sessions: Sequence[Session]) -> tuple[Work, Gaps]:
    """The work of sessions of one algorithm as one, over the union of their exposures."""
    works = [s.work for s in sessions if s.work is not None]
    hashes = sum(w.hashes for w in works)
    over = hashes or float(len(works))
    parts = [w.hashes if hashes else 1.0 for w in works]
    kept = sum(p / (1.0 - s.lost_share) for p, s in zip(parts, sessions, strict=True))
    work = Work(
        shares=sum(w.shares for w in works),
        hashes=hashes,
        squares=sum(w.squares for w in works),
        exposure_s=union_s([span for s in sessions if (span := exposure_of(s)) is not None]),
        low_factor=sum(p * w.low_factor for p, w in zip(parts, works, strict=True)) / over,
        high_factor=sum(p * w.high_factor for p, w in zip(parts, works, strict=True)) / over,
        convention="; ".join(sorted({w.convention for w in works})),
        share_hashes=max(w.share_hashes for w in works),
    )
    unanswered = sum(gaps_of(s).unanswered for s, w in zip(sessions, works, strict=True) if w.shares)
    return work, Gaps(1.0 - over / kept, unanswered)


def exposure_of(session: Session) -> tuple[float, float] | None:
    """Begin and end of a session's exposure, seconds; exposure ends with the session."""
    if session.work is None:
        return None
    end = session.last_ns / SECOND_NS
    return end - session.work.exposure_s, end


def union_s(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds covered by at least one span."""
    total, reached = 0.0, -math.inf
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def year_of(at_ns: int) -> int | None:
    """The year (UTC) of a time in Unix nanoseconds; None when no calendar holds it."""
    try:
        return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).year
    except (OverflowError, OSError, ValueError):
        return None
