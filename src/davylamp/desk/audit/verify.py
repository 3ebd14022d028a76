"""Has anybody touched the audit? Recompute the chain, and hold it against the checkpoints.

The chain by itself shows an edit, a reordering and a gap. A tail that was cut and a chain that was hashed
anew look sound by themselves: only a checkpoint shows them, so a verification without checkpoints says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from davylamp.desk.audit.chain import GENESIS, canonical, digest, link
from davylamp.desk.audit.checkpoints import Checkpoint
from davylamp.desk.audit.models import AuditEvent

MOST_FINDINGS: Final = 100  # judged: the first ones tell where to look
CHUNK: Final = 5000


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that is not as it was written."""

    code: str
    seq: int
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found; sound when there is no breach."""

    rows: int
    last_hash: str
    checkpoints: int
    breaches: tuple[Breach, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return not self.breaches


def verify(
    checkpoints: Sequence[Checkpoint], key: str | None, progress: Callable[[int], None] | None = None
) -> Verdict:
    """Recompute the whole chain.

    Args:
        checkpoints: in order, from outside the database.
        key: public key, hex, from outside the database; None takes the checkpoints' own word for it.
        progress: told of rows done since the last call.
    """
    breaches = list(_signatures(checkpoints, key))
    due = {c.seq: c for c in checkpoints}
    seq, before = 0, GENESIS
    rows = AuditEvent.objects.order_by("seq").iterator(chunk_size=CHUNK)
    for count, event in enumerate(rows, 1):
        breaches += _row(event, seq, before)
        seq, before = event.seq, event.hash
        breaches += _against(due.pop(seq, None), event.hash)
        if len(breaches) > MOST_FINDINGS:
            break
        if progress is not None and count % CHUNK == 0:
            progress(CHUNK)
    else:
        breaches += [
            Breach(
                "E-AUD-105",
                c.seq,
                f"rows up to {c.seq} are gone: the checkpoint of {c.at} holds {c.seq}, the table ends at {seq}",
            )
            for c in due.values()
            if c.seq > seq
        ]
    return Verdict(seq, before, len(checkpoints), tuple(breaches[:MOST_FINDINGS]))


def _row(event: AuditEvent, seq: int, before: str) -> Iterator[Breach]:
    if event.seq != seq + 1:
        yield Breach("E-AUD-101", event.seq, f"rows {seq + 1} to {event.seq - 1} are missing")
    if event.prev_hash != before:
        yield Breach("E-AUD-102", event.seq, f"row {event.seq} does not follow the row before it")
    if event.hash != link(event.prev_hash, event.seq, event.at, event.words()):
        yield Breach("E-AUD-103", event.seq, f"row {event.seq} was edited after it was written")


def _against(checkpoint: Checkpoint | None, found: str) -> Iterator[Breach]:
    if checkpoint is not None and checkpoint.hash != found:
        words = (
            f"row {checkpoint.seq} is not the one that the checkpoint of {checkpoint.at} signed: "
            "the chain was written anew"
        )
        yield Breach("E-AUD-104", checkpoint.seq, words)


def _signatures(checkpoints: Sequence[Checkpoint], key: str | None) -> Iterator[Breach]:
    before, reached = GENESIS, 0
    for one in checkpoints:
        if not one.is_signed_by(key or one.key):
            yield Breach("E-AUD-106", one.seq, f"the checkpoint of {one.at} is not signed by the desk's key")
        if one.previous != before or one.seq < reached:
            yield Breach(
                "E-AUD-107", one.seq, f"a checkpoint before that of {one.at} is missing or was replaced"
            )
        before, reached = digest(canonical(asdict(one))), one.seq
