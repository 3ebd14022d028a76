"""Who may see and change accounts, postings and tokens."""

from davylamp.desk.access.models import Duty, Posting, Recusal, Token, User
from davylamp.desk.access.policy import Scope, govern
from davylamp.desk.audit.models import AuditEvent


def install() -> None:
    """Called when Django is ready."""
    whole = Scope("", "", "")
    keepers = (Duty.ADMIN,)
    govern(
        User,
        whole,
        {"read": (Duty.ADMIN, Duty.AUDITOR), "create": keepers, "change": keepers, "close": keepers},
    )
    place = Scope("region_code", "", "")
    govern(Posting, place, {"read": (Duty.ADMIN, Duty.AUDITOR), "create": keepers, "end": keepers})
    govern(Recusal, whole, {"read": (Duty.ADMIN, Duty.AUDITOR), "create": keepers, "end": keepers})
    govern(Token, whole, {"read": (Duty.ADMIN, Duty.AUDITOR), "create": keepers, "revoke": keepers})
    trail = Scope("region_code", "", "", is_blank_whole=True)
    govern(AuditEvent, trail, {"read": (Duty.AUDITOR,), "verify": (Duty.AUDITOR,)})
