"""The database refuses what may never happen; a table that was made anew lost its triggers."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("leads", "0007_standing_figures")]
    operations: ClassVar = [guard("leads_leadstanding", immutable=True)]
