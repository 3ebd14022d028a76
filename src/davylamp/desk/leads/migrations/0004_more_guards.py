"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("leads", "0003_episodes")]
    operations: ClassVar = [
        guard("leads_leadstanding", "leads_observation", "leads_attribution", immutable=True),
        guard("leads_suppression", "leads_lead"),
    ]
