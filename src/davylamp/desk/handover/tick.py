"""What happens by the clock, whoever is at work: run it every few minutes; twice at once does no harm.

Other rooms add what they must do by the clock with `every_tick`: a suppression that expires, for instance.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from davylamp.desk.audit.checkpoints import read_checkpoints, signing_key, write_checkpoint
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.handover import outbox, supervision
from davylamp.errors import DavylampError

HOOKS: Final[dict[str, Callable[[], int]]] = {}


def every_tick(name: str, work: Callable[[], int]) -> None:
    """Add work that gives how many things it did; called by apps when they are ready."""
    HOOKS[name] = work


def tick(*, checkpoint: bool = True, folder: Path | None = None) -> dict[str, Any]:
    """Do all that is due.

    Args:
        checkpoint: whether to sign the end of the audit, if it moved since the last time.
        folder: of checkpoints; the desk's own when None.

    Returns:
        counts by kind of work, and ``faults``: code and message of what failed; the rest is done nevertheless.
    """
    now, days = timezone.now(), supervision.load_calendar()
    faults: list[str] = []
    told: dict[str, Any] = {
        "reminders": _try(lambda: supervision.remind(now, days), faults),
        "escalations": _try(lambda: len(supervision.escalate(now, days)), faults),
    }
    for name, work in HOOKS.items():
        told[name] = _try(work, faults)
    told["mail"] = _try(outbox.send_waiting, faults)
    if checkpoint:
        told["checkpoint"] = _try(lambda: _checkpoint(folder or settings.HOME / "checkpoints"), faults)
    return {**told, "faults": faults}


def _try(work: Callable[[], Any], faults: list[str]) -> Any:
    try:
        return work()
    except DavylampError as error:
        faults.append(f"{error.code}: {error.message}")
        return None


def _checkpoint(folder: Path) -> int:
    """Sign the end of the audit; 0 when nothing was added since, or another tick was faster."""
    last = AuditEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    known = read_checkpoints(folder)
    if known and known[-1].seq >= last:
        return 0
    try:
        return write_checkpoint(signing_key(settings.HOME / "keys"), folder).seq
    except FileExistsError:
        return 0
