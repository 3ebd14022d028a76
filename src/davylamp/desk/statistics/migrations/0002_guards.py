"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("statistics", "0001_statistic")]
    operations: ClassVar = [guard("statistics_statistic", immutable=True)]
