"""Count what a dialect says: events in, one `Session` out.

A share is worth the work of its own job, and counts when its answer grants it. Memory is bounded whatever a
hostile peer sends: recent jobs, shares in flight, minutes and evidence each have a limit.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from davylamp.dialects.clock import Clock
from davylamp.dialects.identity import Evidence, Identity, identify
from davylamp.dialects.nonce_space import NonceSpace
from davylamp.dialects.session import (
    Answer,
    Difficulty,
    Event,
    Job,
    Login,
    LoginAnswer,
    ReportedRate,
    Rpc,
    Submit,
    Trait,
    Unit,
)
from davylamp.dialects.worth import KnownJob, Pile, Standing, Worth
from davylamp.records import Opening, Session, ShareBin, Work

_T = TypeVar("_T")

RECENT_JOBS: Final = 256  # judged: pools take shares for the last few jobs only
SHARES_IN_FLIGHT: Final = 4096  # judged: answers come within seconds
NONCES_PER_JOB: Final = 65536  # judged: a job lives minutes, a fast proxy sends 100 shares a second
DISTINCT: Final = 64  # judged: distinct logins, agents, names and seeds worth keeping
MINUTES: Final = 100_000  # judged: 69 days of one connection
SURE: Final = 0.99  # judged: less doubt than that is below what a hashrate is rounded to
SECOND_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Minute:
    """Shares within one minute."""

    accepted: int = 0
    rejected: int = 0
    work: float = 0.0


@dataclass(slots=True)
class InFlight:
    """A share that waits for its answer."""

    worth: Worth | None
    unit: Unit
    duplicate: bool
    ts_ns: int


class Tally:
    """The counters of one session.

    Args:
        dialect: row name in ``tables/dialects.csv``.
        because: why the conversation is read in this dialect.
        convention: what one share of this dialect is worth, in words.
    """

    def __init__(self, dialect: str, because: str, convention: str = "2^256 / target, exact") -> None:
        self.dialect = dialect
        self.because = because
        self.convention = convention
        self.first_ns: int | None = None
        self.last_ns = 0
        self.clock = Clock()
        self.jobs = self.submitted = self.accepted = self.rejected = self.stale = 0
        self.duplicates = self.refused = self.blind_answers = self.forgotten = 0
        self.lost_client = self.lost_server = self.seen_client = 0
        self.reported: deque[float] = deque(maxlen=DISTINCT)
        self.piles: dict[Unit, Pile] = {}
        self.minutes: dict[int, Minute] = {}
        self.standing = Standing()
        self.difficulties: deque[float] = deque(maxlen=DISTINCT)
        self.known: OrderedDict[str, KnownJob] = OrderedDict()
        self.heaviest: dict[Unit, float] = {}  # bounds the rate when no share comes
        self.flying: OrderedDict[str, deque[InFlight]] = OrderedDict()
        self.flying_count = 0
        self.heights: tuple[int, int] | None = None
        self.carrier = "tcp"
        self.evidence = Evidence(dialect=dialect)
        self.nonce_space = NonceSpace()

    def take(self, message: Rpc, events: Sequence[Event]) -> None:
        """Count the events of one message, and the message's own time and gaps."""
        if self.first_ns is None:
            self.first_ns = message.ts_ns
            self.carrier = message.carrier
        self.last_ns = max(self.last_ns, message.ts_ns)
        if message.from_client:
            self.seen_client += len(message.data)
            self.lost_client += message.lost_before
        else:
            self.lost_server += message.lost_before
            self.clock.hear(message.ts_ns)
            self.standing.miss(message.lost_before)
        for event in events:
            self._count(event, message)

    def _count(self, event: Event, message: Rpc) -> None:
        ts_ns = message.ts_ns
        match event:
            case Submit():
                self._submit(event, ts_ns)
            case Answer():
                self._answer(event, ts_ns, message.request.ts_ns if message.request is not None else None)
            case Job():
                self._job(event, ts_ns)
            case Difficulty():
                self._difficulty(event, ts_ns)
            case Login():
                self._login(event)
            case LoginAnswer():
                self.refused += not event.accepted
            case ReportedRate():
                self.reported.append(event.hps)
            case Trait():
                if event.key == "extranonce1":
                    self.nonce_space.assign(event.value)
                if len(self.evidence.traits) < DISTINCT or event.key in self.evidence.traits:
                    self.evidence.traits[event.key] = event.value

    def _login(self, event: Login) -> None:
        seen = self.evidence
        remember(seen.logins, event.login)
        remember(seen.agents, event.agent)
        remember(seen.rig_ids, event.rig_id)
        remember(seen.workers, event.worker)
        remember(seen.pools, event.pool)

    def _difficulty(self, told: Difficulty, ts_ns: int) -> None:
        """A new difficulty; jobs of a session seen from its start that came before any take it too."""
        self.difficulties.append(told.value)
        first = self.standing.set(told)
        if first and (self.evidence.logins or self.evidence.agents):
            for known in self.known.values():
                if known.worth is None:
                    known.worth, known.unit = self.standing.worth(), told.unit
                    self._begin(known.worth, told.unit, ts_ns)

    def _begin(self, worth: Worth | None, unit: Unit, ts_ns: int) -> None:
        """Work whose worth is known is in the miner's hands."""
        if worth is not None:
            self.clock.start(ts_ns)
            self.heaviest[unit] = max(worth.likely, self.heaviest.get(unit, 0.0))

    def _job(self, job: Job, ts_ns: int) -> None:
        told = job.work is not None
        worth = Worth.exactly(job.work) if job.work is not None else self.standing.worth()
        unit = job.unit if told else self.standing.unit
        self._begin(worth, unit, ts_ns)
        known = self.known.get(job.job_id)
        if known is None:
            self.jobs += 1
            self.known[job.job_id] = KnownJob(worth, unit, told, self.standing.changes)
            if len(self.known) > RECENT_JOBS:
                self.known.popitem(last=False)
        elif told:
            known.worth, known.unit = worth, unit
        if job.height is not None:
            low, high = self.heights or (job.height, job.height)
            self.heights = (min(low, job.height), max(high, job.height))
        self._job_evidence(job)

    def _job_evidence(self, job: Job) -> None:
        seen = self.evidence
        remember(seen.algorithms, job.algorithm)
        remember(seen.seeds, job.seed)
        remember(seen.prev_hashes, job.prev_hash, most=4)
        remember(seen.coinbases, job.coinbase, most=4)
        remember(seen.coinbase_tails, job.coinbase_tail, most=4)
        remember(seen.nbits, job.nbits)
        remember(seen.blob_versions, job.blob_version)
        remember(seen.network_works, job.network_work, most=4)

    def _submit(self, share: Submit, ts_ns: int) -> None:
        self.submitted += 1
        remember(self.evidence.workers, share.worker)
        if share.solution_bytes is not None:
            self.evidence.solution_bytes = share.solution_bytes
        job = self.known.get(share.job_id) if share.job_id is not None else None
        duplicate = False
        if job is not None and share.nonce:
            duplicate = share.nonce in job.nonces
            if len(job.nonces) < NONCES_PER_JOB:
                job.nonces.add(share.nonce)
        self.duplicates += duplicate
        if not duplicate:
            self.nonce_space.take(share.part, share.job_id, ts_ns)
        worth = self.standing.worth_of(job) if job is not None else None
        unit = job.unit if job is not None else "hashes"
        self.flying.setdefault(share.key, deque()).append(InFlight(worth, unit, duplicate, ts_ns))
        self.flying_count += 1
        while self.flying_count > SHARES_IN_FLIGHT:
            self._land(next(iter(self.flying)))

    def _land(self, key: str) -> InFlight | None:
        queue = self.flying.get(key)
        if not queue:
            return None
        self.flying_count -= 1
        share = queue.popleft()
        if not queue:
            del self.flying[key]
        return share

    def _answer(self, answer: Answer, ts_ns: int, asked_ns: int | None) -> None:
        """Land the share that an answer is for; older ones with a reused key will not be answered any more."""
        key = answer.key
        share = self._land(key) if key is not None else None
        while share is not None and key is not None and key in self.flying and share.ts_ns < (asked_ns or 0):
            self.forgotten += 1
            share = self._land(key)
        if share is None:
            self.blind_answers += 1
            return
        minute = self._minute(ts_ns)
        if not answer.accepted:
            self.rejected += 1
            self.stale += answer.stale
            minute.rejected += 1
            return
        self.accepted += 1
        minute.accepted += 1
        if share.worth is None or share.duplicate:
            return
        self.piles.setdefault(share.unit, Pile()).add(share.worth)
        minute.work += share.worth.likely

    def _minute(self, ts_ns: int) -> Minute:
        number = ts_ns // (60 * SECOND_NS)
        if number not in self.minutes and len(self.minutes) >= MINUTES:
            number = next(reversed(self.minutes))
        return self.minutes.setdefault(number, Minute())

    # --- the end -------------------------------------------------------------------------------------------

    def session(self, opening: Opening, names: Sequence[str] = ()) -> Session:
        """The session, with algorithm, coin and identity named as far as the evidence goes."""
        seen = self.evidence
        seen.first_ns = self.first_ns or 0
        seen.server_port = opening.server.port
        seen.heights = self.heights
        seen.pools.extend(n for n in names if n not in seen.pools)
        if self.difficulties:
            seen.share_difficulty = sorted(self.difficulties)[len(self.difficulties) // 2]
        who = identify(seen)
        work, note = self._work(who)
        factor = who.factor.estimate if who.factor is not None and "stratum" in self.piles else 1.0
        return Session(
            flow_id=opening.flow_id,
            capture=opening.capture,
            client=opening.client,
            server=opening.server,
            first_ns=self.first_ns or 0,
            last_ns=self.last_ns,
            joined_midway=opening.joined_midway,
            dialect=self.dialect,
            carrier=self.carrier,  # type: ignore[arg-type]
            algorithm=who.algorithm,
            coin=who.coin,
            coin_candidates=who.candidates,
            login=who.login,
            wallet=who.wallet,
            worker=who.worker,
            rig_id=who.rig_id,
            agent=who.agent,
            pool=who.pool,
            payout_coin=who.payout_coin,
            donation=who.donation,
            jobs=self.jobs,
            submitted=self.submitted,
            accepted=self.accepted,
            rejected=self.rejected,
            stale=self.stale,
            unanswered=self.flying_count + self.forgotten,
            duplicates=self.duplicates,
            logins_refused=self.refused,
            work=work,
            work_note=note,
            active_s=max(0.0, (self.last_ns - (self.first_ns or 0)) / SECOND_NS - self.clock.outage_s),
            reported_hps=tuple(self.reported),
            heights=self.heights,
            lost_bytes=self.lost_client + self.lost_server,
            lost_share=self._lost_share(),
            bins=self._bins(factor if work is not None else 0.0),
            traces=self.nonce_space.traces(),
            because=(self.because,),
            notes=who.notes + self._notes(),
        )

    def _work(self, who: Identity) -> tuple[Work | None, str]:
        """The accepted work in hashes, or None and the reason."""
        if not self.clock.is_running:
            return None, self._why_unknown()
        exposure = self.clock.seconds()
        if "hashes" in self.piles or self._unit_in_force() == "hashes":
            pile = self.piles.get("hashes", Pile())
            low, high = self.standing.bounds(pile)
            return Work(
                pile.shares,
                pile.total,
                pile.squares,
                self.heaviest.get("hashes", 0.0),
                exposure,
                low,
                high,
                self.convention,
            ), ""
        if who.factor is None:
            return (
                None,
                who.factor_note or "what one unit of difficulty is worth is not known for this algorithm",
            )
        pile, factor = self.piles.get("stratum", Pile()), who.factor
        low, high = self.standing.bounds(pile)
        return (
            Work(
                pile.shares,
                pile.total * factor.estimate,
                pile.squares * factor.estimate**2,
                self.heaviest.get("stratum", 0.0) * factor.estimate,
                exposure,
                factor.low / factor.estimate * low,
                factor.high / factor.estimate * high,
                factor.convention,
            ),
            "",
        )

    def _lost_share(self) -> float:
        """Judged fraction of the accepted work that the capture misses, 0..1.

        Shares are lost with the client's bytes, their grants with the server's, their worth with a lost job.
        What was granted in full is held against all shares that were probably sent, at the acceptance seen.
        """
        decided = self.accepted + self.rejected
        if not (self.lost_client or self.lost_server) or not decided:
            return 0.0
        kept = self.seen_client / max(1, self.lost_client + self.seen_client)
        sent = (self.submitted - self.duplicates) / max(kept, 1e-3)
        granted = sent * self.accepted / decided
        weighed = sum(pile.shares for pile in self.piles.values())
        return max(0.0, 1.0 - weighed / granted) if granted > 0 else 0.0

    def _why_unknown(self) -> str:
        if not self.jobs:
            return "no job was seen"
        if "solo_or_pool_daemon" in self.evidence.traits:
            return "work straight from a node has no shares, hence no rate"
        return "the difficulty was set before the capture begins"

    def _unit_in_force(self) -> Unit | None:
        if self.known:
            return next(reversed(self.known.values())).unit
        return self.standing.unit if self.difficulties else None

    def _bins(self, factor: float) -> tuple[ShareBin, ...]:
        return tuple(
            ShareBin(number, m.accepted, m.rejected, m.work * factor)
            for number, m in sorted(self.minutes.items())
        )

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.refused:
            notes.append(f"the server refused {self.refused} logins")
        if self.lost_client or self.lost_server:
            lost = self.lost_client + self.lost_server
            notes.append(f"the capture misses {lost} bytes of this conversation")
        if any(low < SURE or high > 2 - SURE for low, high in map(self.standing.bounds, self.piles.values())):
            notes.append("shares around a change of difficulty may be worth the old one or the new one")
        if self.clock.outage_s > 0:
            notes.append(
                f"the server fell silent for {self.clock.outage_s:.0f} s that do not count as mining time"
            )
        if self.flying_count and not self.accepted and not self.rejected:
            notes.append("no answer to any share was seen; shares submitted are not known to be accepted")
        return tuple(notes)


def remember(values: list[_T], value: _T | None, most: int = DISTINCT) -> None:
    """Append a value that is new, up to ``most`` values."""
    if value is not None and value not in values and len(values) < most:
        values.append(value)
