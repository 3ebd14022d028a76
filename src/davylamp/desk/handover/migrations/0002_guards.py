"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("handover", "0001_initial")]
    operations: ClassVar = [
        guard("handover_feedback", immutable=True),
        guard(
            "handover_handover",
            "handover_handoveritem",
            "handover_supervision",
            "handover_mail",
            "handover_legalclock",
        ),
    ]
