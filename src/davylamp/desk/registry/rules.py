"""Who may see and change organisations and their contacts."""

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Scope, govern
from davylamp.desk.registry.models import ContactPoint, Organisation, RegistryBatch


def install() -> None:
    """Called when Django is ready."""
    readers = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR)
    govern(
        Organisation,
        Scope("region_code", "code", ""),
        {"read": (*readers, Duty.CONTACT, Duty.INSPECTOR), "export": readers},
    )
    keepers = (Duty.ANALYST, Duty.OFFICER, Duty.CONTACT)
    govern(
        ContactPoint,
        Scope("region_code", "organisation_code", ""),
        {
            "read": (*keepers, Duty.APPROVER, Duty.AUDITOR),
            "create": keepers,
            "change": keepers,
            "confirm": keepers,
            "unmask": (Duty.ANALYST, Duty.OFFICER),
        },
    )
    govern(
        RegistryBatch,
        Scope("", "", ""),
        {"read": (Duty.ANALYST, Duty.AUDITOR), "create": (Duty.ANALYST,)},
    )
