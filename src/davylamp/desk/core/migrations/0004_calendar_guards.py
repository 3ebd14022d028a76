"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("core", "0003_calendar")]
    operations: ClassVar = [guard("core_calendarday", "core_calendaryear")]
